//! Warns of a credential's end: once per threshold, and in the state at a glance for as long as it holds.

use jiff::Timestamp;

use super::Agent;
use crate::observe::Event;
use crate::tenant::ExpiryWarning;

/// Under which name it stands among the troubles.
const PART: &str = "credential";

/// What was said of the credential's end.
#[derive(Default)]
pub(super) struct ExpiryWatch {
    said: Option<(Timestamp, ExpiryWarning)>,
}

impl Agent {
    /// Looks at the credential's end and says what is due and was not said yet.
    pub(super) async fn watch_expiry(&self, watch: &mut ExpiryWatch) {
        // A file that cannot be read is told by the login that needs it.
        let Ok(expiry) = self.graph.credential_expiry() else { return };
        let now = self.clock.now();
        let due = expiry.and_then(|expiry| Some((expiry, expiry.warning(now)?)));
        let Some((expiry, warning)) = due else {
            watch.said = None;
            let _ = self.store.trouble(PART, None).await;
            return;
        };
        let event = Event::CredentialExpiring {
            what: expiry.what,
            at: expiry.at,
            days: expiry.days_left(now),
            expired: warning == ExpiryWarning::Expired,
        };
        // As with every complaint, a store that cannot keep it is in worse trouble.
        let _ = self.store.trouble(PART, Some(&format!("{event} [{}]", event.code()))).await;
        if watch.said.replace((expiry.at, warning)) != Some((expiry.at, warning)) {
            event.emit();
        }
    }
}
