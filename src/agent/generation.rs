//! From one configuration to the next: what an agent leaves to the one that follows it in the same process.

use std::collections::BTreeSet;
use std::sync::atomic::Ordering;
use std::sync::{Arc, PoisonError};

use tokio::sync::watch;

use super::{Agent, AgentError, Kept, with_groups};
use crate::directory::Login;
use crate::model::settings::{DirectorySettings, Settings};
use crate::store::Store;
use crate::vitals::{self, Vitals};

impl Agent {
    /// An agent by other settings on the same store. Credentials and CA files are read anew, connections are new; what Graph
    /// lets us send, refused passwords and groups that were looked at are kept. It does not run yet, and this one goes on.
    pub(super) fn successor(&self, settings: Settings, stop: watch::Receiver<bool>) -> Result<Self, AgentError> {
        let kept = Kept {
            logins: settings.directories.iter().map(|directory| self.login_after(directory)).collect(),
            groups_tried: self.groups_tried.load(Ordering::Relaxed)
                && settings.entra_groups().is_subset(&self.settings.entra_groups())
                || settings.entra_groups().is_empty(),
            tenant_read: self.tenant_read.load(Ordering::Relaxed),
            groups_awaited: self.groups_awaited_after(&settings),
            seed: self.seed,
            quota: Arc::clone(&self.quota),
            vitals: self.vitals.clone(),
        };
        Self::assemble(settings, self.store.clone(), self.clock.clone(), stop, kept)
    }

    /// From now on this one works, and none before it: what Graph lets us send is counted by its settings.
    pub(super) async fn take_over(&self) {
        let work = &self.settings.work;
        {
            let mut quota = self.quota.lock().unwrap_or_else(PoisonError::into_inner);
            quota.budget.resize(work.quota, work.quota_window);
            quota.pace = quota.pace.up_to(work.concurrency);
        }
        // For `status` alone: a store that cannot keep it is in trouble that the work says.
        let _ = self.store.note_mode(self.settings.mode.word()).await;
    }

    /// The same by other settings on a copy of the store, to judge there: it contacts nobody.
    pub(super) fn on_copy(&self, settings: Arc<Settings>, copy: Store) -> Self {
        Self {
            settings,
            store: copy,
            bell: Arc::default(),
            tenant_bell: Arc::default(),
            group_bell: Arc::default(),
            progress: Arc::default(),
            vitals: Vitals::new(self.clock.clone(), vitals::PATIENCE),
            is_rehearsal: true,
            ..self.clone()
        }
    }

    fn login_after(&self, directory: &DirectorySettings) -> Login {
        let mut before = self.settings.directories.iter().zip(&self.logins);
        match before.find(|(before, _)| before.domain == directory.domain) {
            Some((_, login)) => Login::after(login, directory),
            None => Login::new(directory),
        }
    }

    /// The domains with groups that are still to be looked at: those whose groups were not, or were not named before.
    fn groups_awaited_after(&self, settings: &Settings) -> BTreeSet<String> {
        let awaited = self.groups_awaited.lock().unwrap_or_else(PoisonError::into_inner);
        let known = |directory: &DirectorySettings| {
            let mut before = self.settings.directories.iter();
            let before = before.find(|before| before.domain == directory.domain);
            before.is_some_and(|before| directory.groups.is_subset(&before.groups))
                && !awaited.contains(&directory.domain)
        };
        with_groups(settings).filter(|directory| !known(directory)).map(|directory| directory.domain.clone()).collect()
    }
}
