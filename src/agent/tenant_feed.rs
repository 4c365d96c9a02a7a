//! Follows the tenant: a listing at first contact and whenever the delta link is lost, then changes.

use std::time::Duration;

use super::health::Health;
use super::untold::Untold;
use super::{Agent, AgentError, is_fatal};
use crate::clock::later;
use crate::model::fault::{Class, Fault as _};
use crate::model::user::UserPage;
use crate::observe::Event;
use crate::store::{Absorbed, Halt, ListingEnd};
use crate::tenant::{BATCH, DeltaLink, TenantError};
use crate::vitals::Task;

/// Batches in which users are read at one look whom a listing did not meet.
const UNLISTED_BATCHES: usize = 50;

impl Agent {
    /// Follows the tenant until the store cannot go on.
    pub(super) async fn watch_tenant(&self) -> Result<(), AgentError> {
        let mut health = Health::new("tenant", self.store.clone(), self.settings.work.retry_first);
        let mut untold = Untold::new(self);
        let pulse = self.pulse(Task::Tenant);
        let _life = pulse.clone().begin();
        loop {
            pulse.works();
            let looked = self.tenant_once().await;
            self.watch_expiry().await;
            match looked {
                Ok(()) => {
                    health.works().await;
                    self.ask_untold(&mut untold).await?;
                    self.wait_for_tenant().await?;
                }
                Err(error) if is_fatal(&error) => return Err(error),
                Err(error) => {
                    let wait = health.failed(&error, asked_wait(&error), &self.clock).await;
                    pulse.rests(Some(later(self.clock.now(), wait)));
                    let paused = matches!(error, AgentError::Tenant(TenantError::Throttled { .. }));
                    tokio::select! {
                        () = self.clock.wait(wait) => {}
                        // An operator may have ended the pause; else it is only found to last.
                        () = self.tenant_bell.notified(), if paused => {}
                    }
                }
            }
        }
    }

    /// Waits for the next look: soon while somebody is awaited there, or a seat is.
    async fn wait_for_tenant(&self) -> Result<(), AgentError> {
        let started = self.clock.now();
        loop {
            let waiting = self.store.is_somebody_waiting(self.clock.now()).await?;
            let tenant = &self.settings.tenant;
            let poll = if waiting { tenant.poll_awaiting } else { tenant.poll };
            let until = later(started, poll);
            if until <= self.clock.now() {
                return Ok(());
            }
            self.pulse(Task::Tenant).rests(Some(until));
            tokio::select! {
                () = self.clock.wait_until(until) => return Ok(()),
                () = self.tenant_bell.notified() => {}
            }
        }
    }

    /// One look: changes, or everything when there is nothing to go on from; and the seats.
    pub(super) async fn tenant_once(&self) -> Result<(), AgentError> {
        let now = self.clock.now();
        if let Some(halt) = self.store.halted(now).await?.filter(Halt::is_throttling) {
            let after = Duration::try_from(halt.until.duration_since(now)).ok();
            return Err(TenantError::Throttled { after }.into());
        }
        let feed = self.store.tenant_feed().await?;
        match feed.link {
            Some(link) => match self.read_delta(DeltaLink::from_stored(link)).await {
                Err(AgentError::Tenant(TenantError::ResyncRequired)) => {
                    self.store.forget_link().await?;
                    self.list_tenant("Graph no longer knows how far its changes were read").await?;
                }
                other => other?,
            },
            None if feed.contact_completed.is_some() => self.list_tenant("the last listing was not completed").await?,
            None => self.list_tenant("first contact").await?,
        }
        let catalog = self.graph.skus().await?;
        self.store.put_catalog(catalog, self.clock.now()).await?;
        self.bell.notify_one();
        self.read_unlisted().await
    }

    async fn read_delta(&self, link: DeltaLink) -> Result<(), AgentError> {
        let mut delta = self.graph.delta(&link);
        let mut brought = Absorbed::default();
        loop {
            let asked = self.clock.now();
            let Some(page) = delta.next_page().await? else { break };
            self.pulse(Task::Tenant).works();
            brought += self.store.absorb_users(page, None, asked, self.clock.now()).await?;
        }
        let next = delta.finish()?;
        self.store.finish_delta(next.as_str(), self.clock.now()).await?;
        if brought != Absorbed::default() {
            let Absorbed { new, changed, gone, .. } = brought;
            Event::TenantChanged { new, changed, gone }.emit();
        }
        Ok(())
    }

    /// Lists everyone. The link is taken before, so that what changes meanwhile is told by the first delta.
    async fn list_tenant(&self, why: &'static str) -> Result<(), AgentError> {
        Event::ListingStarted { why }.emit();
        self.store.begin_contact(self.clock.now()).await?;
        let link = self.graph.delta_start().await?;
        let generation = self.store.begin_listing(link.as_str()).await?;
        let mut listing = self.graph.listing();
        let mut read = 0;
        loop {
            let asked = self.clock.now();
            let Some(page) = listing.next_page().await? else { break };
            self.pulse(Task::Tenant).works();
            read += page.news.len() as u64;
            self.show("listing the tenant", read);
            self.store.absorb_users(page, Some(generation), asked, self.clock.now()).await?;
        }
        let percent = self.settings.guard.shrink_percent;
        match self.store.finish_listing(percent, self.clock.now()).await? {
            ListingEnd::Complete { met, missing } => Event::ListingComplete { users: met, missing }.emit(),
            ListingEnd::Shrunk { met, missing } => Event::ScanShrunk { source: "tenant", met, missing }.emit(),
        }
        Ok(())
    }

    /// Reads those by themselves whom the last listing did not meet: a listing is no snapshot and may miss somebody. Only who is
    /// not found under the own id either is gone.
    async fn read_unlisted(&self) -> Result<(), AgentError> {
        let (mut gone, mut there) = (0, 0);
        for _ in 0..UNLISTED_BATCHES {
            self.pulse(Task::Tenant).works();
            let (generation, ids) = self.store.unlisted(BATCH as u32).await?;
            if ids.is_empty() {
                break;
            }
            let asked = self.clock.now();
            let (mut page, mut absent, mut trouble) = (UserPage::default(), Vec::new(), None);
            for (id, read) in ids.iter().zip(self.graph.users(&ids).await?) {
                match read {
                    Ok(Some(news)) => page.news.push(news),
                    Ok(None) => absent.push(*id),
                    Err(error) if error.class() == Class::Heals && !is_unreadable(&error) => trouble = Some(error),
                    // Nobody said that it is not there.
                    Err(error) => page.quarantined.push((id.to_string(), error.to_string())),
                }
            }
            let known = (page.news.len() + page.quarantined.len()) as u64;
            let absorbed = self.store.absorb_users(page, Some(generation), asked, self.clock.now()).await?;
            there += known - absorbed.gone;
            gone += absorbed.gone + self.store.take_as_gone(absent, self.clock.now()).await?;
            if let Some(error) = trouble {
                return Err(error.into());
            }
        }
        if gone + there > 0 {
            Event::MissingRead { gone, there }.emit();
            self.bell.notify_one();
        }
        Ok(())
    }
}

/// An answer about one user that is none; of all others the same batch told.
fn is_unreadable(error: &TenantError) -> bool {
    matches!(error, TenantError::Unreadable { .. })
}

/// How long Graph asked to be left alone.
pub(super) fn asked_wait(error: &AgentError) -> Option<Duration> {
    match error {
        AgentError::Tenant(error) => error.retry_after(),
        _ => None,
    }
}
