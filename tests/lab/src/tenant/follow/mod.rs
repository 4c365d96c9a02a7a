//! Plays Entra Connect: reads a directory as a sync engine would and creates, updates and soft-deletes the tenant's users.

mod engine;
mod ldap;
mod record;

use std::{future::Future, sync::Arc, time::Duration};

use jiff::SignedDuration;
use tokio::{
    sync::{Notify, watch},
    task::JoinHandle,
};

pub use self::{
    engine::{Imported, SyncEngine},
    ldap::FollowOptions,
    record::DirectoryRecord,
};
use super::Tenant;

/// What the follower has done so far.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Progress {
    /// Complete reads that were imported.
    pub cycles: u64,
    /// Reads that failed; nothing is concluded from them.
    pub failed: u64,
    /// Why the last read failed, if it did.
    pub error: Option<String>,
    /// What all imports together did; `waiting` and `refused` are those of the last.
    pub total: Imported,
}

/// A sync engine at work. It stops when dropped.
pub struct Follower {
    task: JoinHandle<()>,
    wake: Arc<Notify>,
    progress: watch::Receiver<Progress>,
}

impl Drop for Follower {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Follower {
    /// Follows a directory over LDAP.
    ///
    /// # Errors
    /// When the CA file cannot be used.
    pub fn start(tenant: &Tenant, options: FollowOptions) -> Result<Self, String> {
        let (delay, every) = (options.delay, options.every);
        let source = Arc::new(ldap::Source::new(options)?);
        Ok(Self::start_with(tenant, delay, every, move || {
            let source = Arc::clone(&source);
            async move { source.read().await }
        }))
    }

    /// Follows whatever `read` yields: each time all accounts there are, complete, or why they cannot be had.
    pub fn start_with<F, R>(tenant: &Tenant, delay: Duration, every: Duration, read: F) -> Self
    where
        F: FnMut() -> R + Send + 'static,
        R: Future<Output = Result<Vec<DirectoryRecord>, String>> + Send + 'static,
    {
        let wake = Arc::new(Notify::new());
        let (report, progress) = watch::channel(Progress::default());
        let work = cycle(tenant.clone(), SyncEngine::new(delay), every, read, Arc::clone(&wake), report);
        Self { task: tokio::spawn(work), wake, progress }
    }

    /// Starts the next cycle now.
    pub fn sync_now(&self) {
        self.wake.notify_one();
    }

    /// What it has done so far.
    #[must_use]
    pub fn progress(&self) -> Progress {
        self.progress.borrow().clone()
    }

    /// Waits until that holds of its progress.
    pub async fn wait_until(&self, holds: impl FnMut(&Progress) -> bool) -> Progress {
        let mut progress = self.progress.clone();
        match progress.wait_for(holds).await {
            Ok(progress) => progress.clone(),
            // The task ended: there will be no more progress.
            Err(_) => self.progress(),
        }
    }
}

async fn cycle<F, R>(
    tenant: Tenant,
    mut engine: SyncEngine,
    every: Duration,
    mut read: F,
    wake: Arc<Notify>,
    report: watch::Sender<Progress>,
) where
    F: FnMut() -> R + Send,
    R: Future<Output = Result<Vec<DirectoryRecord>, String>> + Send,
{
    loop {
        match read().await {
            Ok(records) => {
                let imported = engine.import(&tenant, &records);
                report.send_modify(|progress| {
                    progress.cycles += 1;
                    progress.error = None;
                    progress.total.add(&imported);
                });
            }
            Err(error) => report.send_modify(|progress| {
                progress.failed += 1;
                progress.error = Some(error);
            }),
        }
        let due = engine.next_due().map(|due| due.duration_since(tenant.now()).max(SignedDuration::ZERO));
        let due = due.and_then(|due| Duration::try_from(due).ok()).map_or(every, |due| due.min(every));
        tokio::select! {
            () = tokio::time::sleep(due) => {}
            () = wake.notified() => {}
        }
    }
}
