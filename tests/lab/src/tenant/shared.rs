//! The one lock around the tenant, and the bell that rings at every change.

use std::sync::{Mutex, PoisonError};

use tokio::sync::watch;

use super::state::State;

pub(super) struct Shared {
    state: Mutex<State>,
    changed: watch::Sender<u64>,
}

impl Shared {
    pub(super) fn new(state: State) -> Self {
        Self { state: Mutex::new(state), changed: watch::Sender::new(0) }
    }

    /// Looks, after letting pass what time has brought.
    pub(super) fn read<R>(&self, look: impl FnOnce(&State) -> R) -> R {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.settle();
        look(&state)
    }

    /// Changes something and wakes those who wait.
    pub(super) fn write<R>(&self, change: impl FnOnce(&mut State) -> R) -> R {
        let outcome = {
            let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
            state.settle();
            change(&mut state)
        };
        self.changed.send_modify(|version| *version += 1);
        outcome
    }

    /// Waits until that holds; looks again whenever something changed.
    pub(super) async fn wait(&self, mut holds: impl FnMut(&State) -> bool) {
        let mut changes = self.changed.subscribe();
        while !self.read(&mut holds) {
            // The sender lives in `self`.
            let _ = changes.changed().await;
        }
    }
}
