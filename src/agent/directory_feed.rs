//! Follows one domain: connects, looks at the controller's counter at every tick, reads what changed.

use std::time::Duration;

use super::health::Health;
use super::{Agent, AgentError, is_fatal};
use crate::directory::Dc;
use crate::directory::changes::{self, Step};
use crate::model::watermark::{DcState, Watermark};
use crate::observe::Event;
use crate::store::{Absorbed, ScanEnd};

/// A connection is replaced after this: names, certificates and the library's bookkeeping age.
const CONNECTION_AGE: Duration = Duration::from_hours(4);

impl Agent {
    /// Follows the domain until the store cannot go on.
    pub(super) async fn watch_directory(&self) -> Result<(), AgentError> {
        let mut health = Health::new("directory", self.store.clone(), self.settings.work.retry_first);
        loop {
            let Err(error) = self.follow_directory(&mut health).await else { continue };
            if is_fatal(&error) {
                return Err(error);
            }
            let wait = health.failed(&error, None, &self.clock).await;
            // A password that was renewed is worth a try at once.
            tokio::select! {
                () = self.clock.wait(wait) => {}
                () = self.login.renewed() => {}
            }
        }
    }

    /// Follows it over one connection.
    async fn follow_directory(&self, health: &mut Health) -> Result<(), AgentError> {
        let mut dc = self.connect().await?;
        Event::DirectoryConnected { server: dc.server().to_owned() }.emit();
        self.watch_endings(&mut dc).await?;
        let until = crate::clock::later(self.clock.now(), CONNECTION_AGE);
        while self.clock.now() < until {
            self.directory_turn(&mut dc).await?;
            health.works().await;
            self.clock.wait(self.settings.directory.poll).await;
        }
        dc.close().await;
        Ok(())
    }

    pub(super) async fn directory_once(&self) -> Result<(), AgentError> {
        let mut dc = self.connect().await?;
        self.watch_endings(&mut dc).await?;
        self.directory_turn(&mut dc).await?;
        dc.close().await;
        Ok(())
    }

    async fn connect(&self) -> Result<Dc, AgentError> {
        Ok(Dc::connect_any(&self.settings.directory, &self.ldap_tls, &self.login, self.clock.now()).await?)
    }

    /// One tick: a look at the counter, and only if it moved a search.
    async fn directory_turn(&self, dc: &mut Dc) -> Result<(), AgentError> {
        let state = dc.state().await?;
        let domain = state.key.domain;
        let feed = self.store.bind_domain(domain, &self.settings.directory.domain, self.clock.now()).await?;
        let known = self.store.watermark(&state.key).await?;
        let scan_is_due = feed.next_scan.is_some_and(|at| at <= self.clock.now());
        match changes::next(known.as_ref(), &state) {
            Step::Nothing | Step::Delta { .. } if scan_is_due => {
                self.read_everything(dc, state, "to see what no change tells".to_owned()).await?;
            }
            Step::Nothing => self.store.directory_is_quiet(domain, self.clock.now()).await?,
            Step::Delta { since } => self.read_changes(dc, state, since).await?,
            Step::FullScan { why } => self.read_everything(dc, state, why.to_string()).await?,
        }
        Ok(())
    }

    async fn read_changes(&self, dc: &mut Dc, state: DcState, since: i64) -> Result<(), AgentError> {
        let brought = self.absorb(dc, &state, Some(since), None).await?;
        let mark = Watermark { key: state.key, usn: state.highest_usn };
        self.store.finish_delta_search(mark, self.clock.now()).await?;
        if brought != Absorbed::default() {
            let Absorbed { new, changed, gone, quarantined } = brought;
            Event::DirectoryChanged { new, changed, gone, quarantined }.emit();
            self.bell.notify_one();
            self.tenant_bell.notify_one();
        }
        Ok(())
    }

    async fn read_everything(&self, dc: &mut Dc, state: DcState, why: String) -> Result<(), AgentError> {
        Event::ScanStarted { why }.emit();
        let generation = self.store.begin_scan(state.key.domain).await?;
        let brought = self.absorb(dc, &state, None, Some(generation)).await?;
        let mark = Watermark { key: state.key, usn: state.highest_usn };
        let percent = self.settings.guard.shrink_percent;
        match self.store.finish_scan(mark, generation, percent, self.clock.now()).await? {
            ScanEnd::Complete { met, gone } => {
                let Absorbed { new, quarantined, .. } = brought;
                Event::ScanComplete { met, new, gone, quarantined }.emit();
            }
            ScanEnd::Shrunk { met, missing } => Event::ScanShrunk { source: "directory", met, missing }.emit(),
        }
        self.bell.notify_one();
        Ok(())
    }

    /// Takes a whole search in, page by page. An error leaves the watermark where it was.
    async fn absorb(
        &self,
        dc: &mut Dc,
        state: &DcState,
        since: Option<i64>,
        generation: Option<i64>,
    ) -> Result<Absorbed, AgentError> {
        let mut brought = Absorbed::default();
        let mut read = 0;
        let mut scan = dc.scan(since);
        while let Some(page) = scan.next_page().await? {
            read += page.accounts.len() as u64;
            self.show("reading the directory", read);
            brought += self.store.absorb_accounts(state.key.domain, page, generation, self.clock.now()).await?;
        }
        Ok(brought)
    }
}
