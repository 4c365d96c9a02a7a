//! Keeps the store from growing: removes what is long over, and says where the audit stands.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use super::{Agent, AgentError, is_fatal};
use crate::observe::Event;
use crate::store::AuditHead;

/// Nothing is removed right after a start, when there is enough to do.
const FIRST: Duration = Duration::from_mins(10);

/// It is looked this often.
const EVERY: Duration = Duration::from_hours(1);

/// Transactions of each kind at one look; what is left waits for the next.
const ROUNDS: usize = 20;

/// The head of the audit is said this often, if it moved.
const SAID_AGAIN: SignedDuration = SignedDuration::from_hours(24);

impl Agent {
    /// Keeps the store until it cannot go on.
    pub(super) async fn watch_store(&self) -> Result<(), AgentError> {
        let mut said = None;
        self.clock.wait(FIRST).await;
        loop {
            match self.tidy_once().await {
                Err(error) if is_fatal(&error) => return Err(error),
                // A store that is busy is looked at again; the work says so if it lasts.
                Err(error) => tracing::debug!(%error, "the store could not be tidied"),
                Ok(()) => self.say_head(&mut said).await?,
            }
            self.clock.wait(EVERY).await;
        }
    }

    /// Removes what is long over, a bounded number of rows, in transactions between which others write.
    pub(super) async fn tidy_once(&self) -> Result<(), AgentError> {
        let keep = SignedDuration::try_from(self.settings.keep).unwrap_or(SignedDuration::MAX);
        for _ in 0..ROUNDS {
            if self.store.tidy(keep, self.clock.now()).await? == 0 {
                break;
            }
        }
        let (mut rows, mut upto) = (0, None);
        for _ in 0..ROUNDS {
            let Some(shortened) = self.store.shorten_audit(keep, self.clock.now()).await? else { break };
            rows += shortened.rows;
            upto = Some(shortened.upto);
        }
        if let Some(upto) = upto {
            Event::AuditShortened { rows, upto: upto.to_string() }.emit();
        }
        for _ in 0..ROUNDS {
            if self.store.give_back().await? == 0 {
                break;
            }
        }
        Ok(())
    }

    /// Says now and then which row of the audit is the newest: the log is the witness that none was taken away later.
    async fn say_head(&self, said: &mut Option<(Timestamp, AuditHead)>) -> Result<(), AgentError> {
        let now = self.clock.now();
        if said.as_ref().is_some_and(|(at, _)| now.duration_since(*at) < SAID_AGAIN) {
            return Ok(());
        }
        let Some(head) = self.store.audit_head().await? else { return Ok(()) };
        if said.as_ref().is_none_or(|(_, known)| *known != head) {
            Event::AuditHead { head: head.to_string() }.emit();
        }
        *said = Some((now, head));
        Ok(())
    }

    /// Notices that the store is a copy that was put back: says so, and has the directory read whole.
    pub(super) async fn notice_restoring(&self) -> Result<(), AgentError> {
        if let Some(made) = self.store.begin_restored(self.clock.now()).await? {
            Event::StoreRestored { made }.emit();
        }
        Ok(())
    }
}
