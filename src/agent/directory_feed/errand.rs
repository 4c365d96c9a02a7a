//! What is read beside the accounts: groups that rules name, what members of other domains' groups are, and what is below
//! containers that moved. One thing at a time, so that the controller's changes are looked at in between.

use super::line::Hand;
use crate::agent::AgentError;
use crate::directory::watch::{Answer, Role};
use crate::directory::{DirectoryError, Extent, Walked};
use crate::model::group::Found;
use crate::model::identity::ObjectGuid;
use crate::model::rule::Dn;
use crate::model::watermark::Sighting;
use crate::observe::Event;
use crate::store::{Errand, GroupEnd, GroupNews};

/// A group that is written to while it is read is begun anew this many times before it is left for later.
const RESTARTS: u32 = 3;

impl Hand<'_> {
    /// Reads what is to be read next, if there is anything.
    pub(super) async fn run_errand(&mut self) -> Result<Answer, AgentError> {
        let store = &self.domain.agent.store;
        let key = self.dc()?.known_state().key;
        let errand = store.errand(key.domain, &key.ntds, self.domain.now()).await?;
        let leads_on = matches!(errand, Some(Errand::Ask(_) | Errand::Walk(_)));
        match errand {
            Some(Errand::Below(container)) => self.read_below(container).await?,
            Some(Errand::Find { dn, meant }) => self.find(dn, meant).await?,
            Some(Errand::Ask(guids)) => self.ask(guids).await?,
            Some(Errand::Walk(group)) => self.walk(group).await?,
            Some(Errand::Settle) => self.settle_groups().await?,
            None => {}
        }
        if leads_on {
            self.domain.neighbours.notify_waiters();
        }
        let again = store.next_errand(key.domain, &key.ntds).await?;
        if again.is_none_or(|at| at > self.domain.now()) {
            self.domain.tried_groups();
        }
        Ok(Answer::Ran { again })
    }

    async fn read_below(&mut self, container: ObjectGuid) -> Result<(), AgentError> {
        let domain = self.dc()?.known_state().key.domain;
        let (_, brought) = self.read(Role::Content, Extent::Below(container), Sighting::of(None), None).await?;
        self.domain.agent.store.finish_below(domain, container).await?;
        let accounts = brought.new + brought.changed + brought.gone;
        if accounts > 0 {
            Event::ContainerMoved { accounts }.emit();
        }
        self.tell_changes(brought);
        Ok(())
    }

    async fn find(&mut self, dn: Dn, meant: Option<ObjectGuid>) -> Result<(), AgentError> {
        let dc = self.dc()?;
        let domain = dc.known_state().key.domain;
        let meant = match meant {
            Some(guid) => Some(seen(dc.group(guid).await)?),
            None => None,
        };
        let there = seen(dc.find_group(&dn).await)?;
        let store = &self.domain.agent.store;
        if let Some((group, fault)) = store.put_found(domain, dn, meant, there, self.domain.now()).await? {
            Event::GroupDoubted { group, fault }.emit();
        }
        self.domain.agent.bell.notify_one();
        Ok(())
    }

    /// Asks which members of groups of other domains are groups of this one.
    async fn ask(&mut self, guids: Vec<ObjectGuid>) -> Result<(), AgentError> {
        let dc = self.dc()?;
        let domain = dc.known_state().key.domain;
        let (mut groups, mut answered, mut refused) = (Vec::new(), Vec::new(), Vec::new());
        for guid in guids {
            match dc.group(guid).await {
                Err(error) if error.is_about_the_object() => refused.push(guid),
                found => {
                    if let Found::Group(node) = found? {
                        groups.push(node);
                    }
                    answered.push(guid);
                }
            }
        }
        let agent = &self.domain.agent;
        if !refused.is_empty() {
            agent.store.put_off_asking(refused, agent.clock.now()).await?;
        }
        Ok(agent.store.put_answer(domain, answered, groups).await?)
    }

    /// Reads who is in a group. One that cannot be read keeps nobody else from being read.
    async fn walk(&mut self, group: ObjectGuid) -> Result<(), AgentError> {
        let domain = self.dc()?.known_state().key.domain;
        let mut why = "it was written to again and again while it was read".to_owned();
        for _ in 0..RESTARTS {
            match self.walk_once(group).await {
                Ok(true) => return Ok(()),
                Ok(false) => {}
                Err(AgentError::Directory(error)) if error.is_about_the_object() => {
                    why = error.to_string();
                    break;
                }
                Err(error) => return Err(error),
            }
        }
        Ok(self.domain.agent.store.break_walk(domain, group, why, self.domain.now()).await?)
    }

    /// Whether it came to an end.
    async fn walk_once(&mut self, group: ObjectGuid) -> Result<bool, AgentError> {
        let agent = &self.domain.agent;
        agent.store.begin_walk(group).await?;
        let pulse = self.pulse.clone();
        let dc = self.dc()?;
        let domain = dc.known_state().key.domain;
        let (mut walk, mut met) = (dc.walk(group), 0);
        loop {
            pulse.works();
            match walk.next().await? {
                Walked::Members(members) => {
                    met += members.len() as u64;
                    agent.show("reading groups", met);
                    agent.store.met_members(group, members).await?;
                }
                Walked::End { group, within } => {
                    agent.store.finish_walk(domain, group, within, agent.clock.now()).await?;
                    return Ok(true);
                }
                Walked::Changed => return Ok(false),
                Walked::Absent => {
                    let why = "it is not there, or cannot be seen".to_owned();
                    agent.store.break_walk(domain, group, why, agent.clock.now()).await?;
                    return Ok(true);
                }
            }
        }
    }

    async fn settle_groups(&mut self) -> Result<(), AgentError> {
        let domain = self.dc()?.known_state().key.domain;
        let agent = &self.domain.agent;
        let percent = agent.settings.guard.shrink_percent;
        for (group, news) in agent.store.settle_groups(domain, &agent.domains(), percent, agent.clock.now()).await? {
            match news {
                GroupNews::Members(GroupEnd::First { members }) => Event::GroupRead { group, members }.emit(),
                GroupNews::Members(GroupEnd::Changed { joined, left }) => {
                    Event::GroupChanged { group, joined, left }.emit()
                }
                GroupNews::Members(GroupEnd::Shrunk { met, missing }) => {
                    Event::GroupShrunk { group, met, missing }.emit()
                }
                GroupNews::Members(GroupEnd::Same | GroupEnd::Unusable) => {}
                GroupNews::Fault(fault) => Event::GroupDoubted { group, fault }.emit(),
            }
        }
        agent.bell.notify_one();
        Ok(())
    }
}

/// An object of which the controller refuses to say anything is as good as not there.
fn seen(answer: Result<Found, DirectoryError>) -> Result<Found, DirectoryError> {
    match answer {
        Err(error) if error.is_about_the_object() => Ok(Found::Nothing),
        answer => answer,
    }
}
