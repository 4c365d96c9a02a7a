//! What whoever watches the agent may ask of it.

use std::sync::PoisonError;

use jiff::Timestamp;
use tokio::sync::watch;

use super::Agent;
use crate::model::settings::Settings;
use crate::store::Store;

/// What of Graph's write quota is left.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WriteBudget {
    /// Writes that may be sent now.
    pub remaining: u32,
    /// Writes in a window, `work.quota`.
    pub limit: u32,
    /// Batches that may be under way at once.
    pub batches: usize,
}

impl Agent {
    /// The same for whoever looks on: it may be kept for longer than the agent runs, and keeps nothing from ending.
    #[must_use]
    pub fn onlooker(&self) -> Self {
        Self { stop: watch::channel(false).1, ..self.clone() }
    }

    /// What it works by.
    #[must_use]
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// What it works on.
    #[must_use]
    pub fn store(&self) -> &Store {
        &self.store
    }

    /// What time it has.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// What may be written now.
    #[must_use]
    pub fn write_budget(&self) -> WriteBudget {
        let mut quota = self.quota.lock().unwrap_or_else(PoisonError::into_inner);
        let remaining = quota.budget.free(self.clock.now());
        WriteBudget { remaining, limit: self.settings.work.quota, batches: quota.pace.allowed() }
    }
}
