//! Follows groups of the tenant: who is in those that rules name, which of them give licenses, and from which one a license
//! is expected.

use std::collections::BTreeMap;
use std::sync::atomic::Ordering;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use super::health::Health;
use super::tenant_feed::asked_wait;
use super::{Agent, AgentError, is_fatal};
use crate::clock::later;
use crate::decide::{bind, products_of_interest};
use crate::model::fault::{Class, Fault as _};
use crate::model::group::GroupReading;
use crate::model::identity::GroupId;
use crate::observe::Event;
use crate::store::GroupEnd;
use crate::tenant::BATCH;
use crate::vitals::Task;

/// Members that a group may have to be read at the plain interval: about ten pages.
const MEMBERS_PER_POLL: usize = 10_000;

/// Users whose groups are asked for before anything else is done.
const LOOKED_UP_AT_ONCE: u32 = 1_000;

/// When what is due next.
#[derive(Default)]
struct Schedule {
    groups: BTreeMap<GroupId, Timestamp>,
    listing: Option<Timestamp>,
}

impl Agent {
    /// Follows groups, where the configuration asks for any, until the store cannot go on.
    pub(super) async fn watch_groups(&self) -> Result<(), AgentError> {
        let mut health = Health::new("groups", self.store.clone(), self.settings.work.retry_first);
        let mut schedule = Schedule::default();
        let pulse = self.pulse(Task::Groups);
        let _life = pulse.clone().begin();
        loop {
            pulse.works();
            let looked = self.groups_turn(&mut schedule).await;
            self.tried_groups();
            match looked {
                Ok(()) => health.works().await,
                Err(error) if is_fatal(&error) => return Err(error),
                Err(error) => {
                    let wait = health.failed(&error, asked_wait(&error), &self.clock).await;
                    let again = later(self.clock.now(), wait);
                    pulse.rests(Some(again));
                    self.clock.wait_until(again).await;
                    continue;
                }
            }
            let next = schedule.groups.values().copied().chain(schedule.listing).min();
            pulse.rests(next);
            tokio::select! {
                () = self.group_bell.notified() => {}
                () = async {
                    match next {
                        Some(next) => self.clock.wait_until(next).await,
                        None => std::future::pending().await,
                    }
                } => {}
            }
        }
    }

    /// One look at all groups.
    pub(super) async fn groups_once(&self) -> Result<(), AgentError> {
        let looked = self.groups_turn(&mut Schedule::default()).await;
        self.tried_groups();
        looked
    }

    /// For how long a license that a group is to give is waited for, if it is.
    pub(super) fn grace(&self) -> Option<SignedDuration> {
        let grace = SignedDuration::try_from(self.settings.tenant.group_licensing_grace).unwrap_or(SignedDuration::MAX);
        Some(grace).filter(|grace| !grace.is_zero())
    }

    /// From now on is decided with what is known of groups: the first look may have failed, but it was tried.
    fn tried_groups(&self) {
        if !self.groups_tried.swap(true, Ordering::Relaxed) {
            self.bell.notify_one();
        }
    }

    /// Reads what is due. A group that cannot be read does not keep the others from it.
    async fn groups_turn(&self, schedule: &mut Schedule) -> Result<(), AgentError> {
        let groups = self.settings.entra_groups();
        self.store.follow_groups(groups.clone()).await?;
        let mut failed = None;
        for group in groups {
            if schedule.groups.get(&group).is_some_and(|at| *at > self.clock.now()) {
                continue;
            }
            match self.read_group(group).await {
                Ok(members) => {
                    let wait = interval(self.settings.tenant.group_poll, members);
                    schedule.groups.insert(group, later(self.clock.now(), wait));
                }
                Err(error) if is_fatal(&error) || error.class() == Class::Heals => return Err(error),
                Err(error) => failed = failed.or(Some(error)),
            }
        }
        if self.grace().is_some() {
            if schedule.listing.is_none_or(|at| at <= self.clock.now()) {
                let listed = self.list_licensing_groups().await?;
                schedule.listing = listed.then(|| later(self.clock.now(), self.settings.tenant.group_poll));
            }
            if self.look_up_expected().await? {
                self.group_bell.notify_one();
            }
        }
        failed.map_or(Ok(()), Err)
    }

    /// Reads one group to its end, and returns how many members it has.
    async fn read_group(&self, id: GroupId) -> Result<usize, AgentError> {
        let pulse = self.pulse(Task::Groups);
        let met = |read| {
            pulse.works();
            self.show("reading groups", read as u64);
        };
        let reading = self.graph.group(id, met).await?;
        let (group, members) = match &reading {
            GroupReading::Complete { name, members } => (name.clone(), members.len()),
            GroupReading::Hidden { name } => (name.clone(), 0),
            GroupReading::Missing => (id.to_string(), 0),
        };
        let percent = self.settings.guard.shrink_percent;
        let end = self.store.absorb_group(id, reading, percent, self.clock.now()).await?;
        match end {
            GroupEnd::Same => return Ok(members),
            // What it means for rules is said by whoever follows them.
            GroupEnd::Unusable => {}
            GroupEnd::First { members } => Event::GroupRead { group, members }.emit(),
            GroupEnd::Changed { joined, left } => Event::GroupChanged { group, joined, left }.emit(),
            GroupEnd::Shrunk { met, missing } => Event::GroupShrunk { group, met, missing }.emit(),
        }
        self.bell.notify_one();
        Ok(members)
    }

    /// Lists the groups that could make a license of ours needless; false while it is not known what the tenant has bought.
    async fn list_licensing_groups(&self) -> Result<bool, AgentError> {
        let catalog = self.store.catalog().await?;
        if catalog.is_empty() {
            return Ok(false);
        }
        let rules = bind(&self.settings.rules, &catalog, &BTreeMap::new());
        let listed = self.graph.licensing_groups(&products_of_interest(&rules, &catalog)).await?;
        if self.store.put_licensing_groups(listed).await? {
            self.bell.notify_one();
        }
        Ok(true)
    }

    /// Asks which groups those users are in whose license is expected from one, and what Entra says of them: an error of a
    /// group's license is in no delta. Whether there may be more to ask at once.
    pub(super) async fn look_up_expected(&self) -> Result<bool, AgentError> {
        let poll = SignedDuration::try_from(self.settings.tenant.group_poll).unwrap_or(SignedDuration::MAX);
        let before = self.clock.now().checked_sub(poll).unwrap_or(Timestamp::MIN);
        let users = self.store.to_ask_about(LOOKED_UP_AT_ONCE, before).await?;
        let (mut known, mut failed) = (0, None);
        for users in users.chunks(BATCH) {
            self.pulse(Task::Groups).works();
            let asked = self.clock.now();
            let (groups, news) = (self.graph.groups_of(users).await?, self.graph.users(users).await?);
            for news in news {
                match news {
                    Ok(news) => self.store.absorb_user(news, asked, self.clock.now()).await?,
                    Err(error) => failed = failed.or(Some(error)),
                }
            }
            let mut found = Vec::new();
            for (user, groups) in users.iter().zip(groups) {
                match groups {
                    Ok(Some(groups)) => found.push((*user, groups)),
                    Ok(None) => {}
                    Err(error) => failed = failed.or(Some(error)),
                }
            }
            known += found.len();
            self.store.put_memberships(found, asked).await?;
            self.bell.notify_one();
        }
        match failed {
            Some(error) => Err(error.into()),
            None => Ok(known > 0 && users.len() == LOOKED_UP_AT_ONCE as usize),
        }
    }
}

/// How long until a group of that size is read again: the longer, the more a reading costs.
fn interval(poll: Duration, members: usize) -> Duration {
    poll.saturating_mul(u32::try_from(members.div_ceil(MEMBERS_PER_POLL)).unwrap_or(u32::MAX).max(1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_large_group_is_read_more_rarely() {
        let minutes = |members| interval(Duration::from_mins(5), members).as_secs() / 60;
        assert_eq!([0, 1, 10_000, 10_001, 100_000].map(minutes), [5, 5, 5, 10, 50]);
    }
}
