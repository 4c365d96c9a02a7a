//! Asks the tenant for what no change of it tells: who is awaited for long, where licenses come from, and whether
//! synchronization runs. A failure here keeps nothing else waiting.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use super::health::Health;
use super::tenant_feed::asked_wait;
use super::{Agent, AgentError, is_fatal};
use crate::clock::later;
use crate::decide::{FIRST_LOOK_UP, Round, next_look_up, sync_alarm};
use crate::model::fault::{Class, Fault as _};
use crate::model::synchronization::Synchronization;
use crate::observe::Event;
use crate::tenant::{BATCH, LOOKED_UP, Organization, TenantError};
use crate::vitals::Task;

/// Batches in which licenses are read again at one look, for each minute of `tenant.poll` that has begun: what a standstill left
/// behind is caught up without a burst.
const BATCHES_A_MINUTE: u64 = 10;

/// Graph is asked for the last synchronization this often.
const SYNC_POLL: Duration = Duration::from_mins(5);

/// The same where it may not be asked: a permission that was granted counts without a restart.
const SYNC_FORBIDDEN_POLL: Duration = Duration::from_hours(6);

/// Where this stands between two looks.
pub(super) struct Untold {
    health: Health,
    /// After a failure nothing is asked before this.
    not_before: Timestamp,
    /// Licenses have been read again up to here; `None`: as the store has it.
    read_again: Option<Timestamp>,
    sync_again: Timestamp,
    sync_forbidden: bool,
}

impl Untold {
    pub(super) fn new(agent: &Agent) -> Self {
        Self {
            health: Health::new("details", agent.store.clone(), agent.settings.work.retry_first),
            not_before: Timestamp::MIN,
            read_again: None,
            sync_again: Timestamp::MIN,
            sync_forbidden: false,
        }
    }
}

impl Agent {
    /// After each look at the tenant: asks what is due.
    ///
    /// # Errors
    /// When the store cannot go on.
    pub(super) async fn ask_untold(&self, state: &mut Untold) -> Result<(), AgentError> {
        if self.clock.now() < state.not_before {
            return Ok(());
        }
        match self.untold_once(state).await {
            Ok(()) => state.health.works().await,
            Err(error) if is_fatal(&error) => return Err(error),
            Err(error) => {
                let wait = state.health.failed(&error, asked_wait(&error), &self.clock).await;
                state.not_before = later(self.clock.now(), wait);
            }
        }
        Ok(())
    }

    /// The same, and tells what went wrong.
    pub(super) async fn untold_once(&self, state: &mut Untold) -> Result<(), AgentError> {
        self.pulse(Task::Tenant).works();
        self.watch_synchronization(state).await?;
        self.look_up_awaited().await?;
        self.read_licenses_again(state).await
    }

    /// Looks persons up by anchor of whom the changes should have told by now; at most one request's worth.
    async fn look_up_awaited(&self) -> Result<(), AgentError> {
        let missed = self.store.to_look_up(LOOKED_UP as u32, FIRST_LOOK_UP, self.clock.now()).await?;
        if missed.is_empty() {
            return Ok(());
        }
        let anchors: Vec<_> = missed.iter().map(|missed| missed.anchor.clone()).collect();
        let found: Vec<_> = self.graph.find_by_anchor(&anchors).await?.into_iter().collect();
        let mut new = 0;
        for ids in found.chunks(BATCH) {
            self.pulse(Task::Tenant).works();
            let asked = self.clock.now();
            let mut news = Vec::new();
            for user in self.graph.users(ids).await? {
                news.extend(user?);
            }
            new += self.store.absorb_quietly(news, asked, self.clock.now()).await?.new;
        }
        let now = self.clock.now();
        let next = missed.iter().map(|missed| (missed.person, next_look_up(missed.since, now))).collect();
        self.store.look_up_later(next).await?;
        if new > 0 {
            Event::FoundByAnchor { users: new }.emit();
            self.bell.notify_one();
        }
        Ok(())
    }

    /// Reads the licenses again whose moment in the round has come, as soon as they fill a batch or have waited for a
    /// twenty-fourth of the round.
    async fn read_licenses_again(&self, state: &mut Untold) -> Result<(), AgentError> {
        let tenant = &self.settings.tenant;
        let (round, now) = (Round::new(tenant.reread), self.clock.now());
        let start = match state.read_again {
            Some(at) => at,
            None => self.store.read_again().await?.unwrap_or(now),
        };
        let mut upto = start.clamp(round.not_before(now), now);
        let longest = SignedDuration::try_from(tenant.reread / 24).unwrap_or(SignedDuration::MAX);
        let mut changed = 0;
        for _ in 0..tenant.poll.as_secs().div_ceil(60).max(1) * BATCHES_A_MINUTE {
            self.pulse(Task::Tenant).works();
            let users = self.store.to_read_again(round.between(upto, now), BATCH as u32).await?;
            if users.len() < BATCH && now.duration_since(upto) < longest {
                break;
            }
            let asked = self.clock.now();
            if !users.is_empty() {
                let read = self.graph.users(&users).await?;
                // Who cannot be read today is read in the next round. A 404 is left to the changes to tell of.
                let news = read.into_iter().filter_map(|user| user.ok().flatten()).collect();
                changed += self.store.absorb_quietly(news, asked, self.clock.now()).await?.changed;
            }
            upto = match users.last() {
                Some(last) if users.len() == BATCH => round.after(*last, upto),
                _ => now,
            };
            state.read_again = Some(upto);
        }
        state.read_again = Some(upto);
        self.store.note_read_again(upto, tenant.reread / 144).await?;
        if changed > 0 {
            Event::LicensesReadAgain { changed }.emit();
            self.bell.notify_one();
        }
        Ok(())
    }

    /// Says once that the directory is not synchronized into the tenant, and once that it is again.
    async fn watch_synchronization(&self, state: &mut Untold) -> Result<(), AgentError> {
        const PART: &str = "synchronization";
        if self.clock.now() < state.sync_again {
            return Ok(());
        }
        let known = match self.graph.organization().await {
            Ok(Organization { on_premises_sync_enabled: on, on_premises_last_sync_date_time: last, .. }) => {
                Synchronization { on: on == Some(true), last }
            }
            Err(error @ (TenantError::Forbidden(_) | TenantError::Refused { .. })) => {
                state.sync_again = later(self.clock.now(), SYNC_FORBIDDEN_POLL);
                self.store.trouble(PART, None).await?;
                if !std::mem::replace(&mut state.sync_forbidden, true) {
                    Event::SyncUnwatched { why: error.to_string() }.emit();
                }
                return Ok(());
            }
            // If Graph is in trouble the feed says so.
            Err(error) if error.class() == Class::Heals => {
                tracing::debug!(%error, "the last synchronization could not be asked for");
                return Ok(());
            }
            Err(error) => return Err(error.into()),
        };
        let now = self.clock.now();
        state.sync_again = later(now, SYNC_POLL);
        state.sync_forbidden = false;
        self.store.note_synchronization(known).await?;
        let awaited = self.store.is_somebody_awaited().await?;
        let alarm = sync_alarm(known, awaited, self.settings.tenant.sync_limit, now);
        let event = alarm.map_or(Event::SyncResumed, |alarm| Event::SyncStalled { alarm });
        let complaint = alarm.map(|_| format!("{event} [{}]", event.code()));
        if self.store.trouble(PART, complaint.as_deref()).await? {
            event.emit();
        }
        Ok(())
    }
}
