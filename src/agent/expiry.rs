//! Warns of the end of a credential or a certificate: once per threshold, and in the state at a glance for as long as it holds.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use jiff::Timestamp;

use super::{Agent, AgentError};
use crate::directory::Dc;
use crate::model::expiry::{Expiry, ExpiryWarning};
use crate::model::notice::{Ending, Matter};
use crate::observe::Event;

/// Under which name the tenant's credential stands among the troubles.
const CREDENTIAL: &str = "credential";

/// What was said of each end, by its name among the troubles.
#[derive(Clone, Debug, Default)]
pub(super) struct ExpiryWatch(Arc<Mutex<BTreeMap<String, (Timestamp, ExpiryWarning)>>>);

impl ExpiryWatch {
    /// Notes what is due; whether that is news.
    fn is_news(&self, part: &str, due: Option<(Timestamp, ExpiryWarning)>) -> bool {
        let mut said = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match due {
            Some(due) => said.insert(part.to_owned(), due) != Some(due),
            None => {
                said.remove(part);
                false
            }
        }
    }
}

impl Agent {
    /// Looks at the end of the tenant's credential.
    pub(super) async fn watch_expiry(&self) {
        // A file that cannot be read is told by the login that needs it.
        let Ok(expiry) = self.graph.credential_expiry() else { return };
        let event = |what, at, days, expired| Event::CredentialExpiring { what, at, days, expired };
        self.watch_end(CREDENTIAL, Matter::CredentialExpiring, "", expiry, event).await;
    }

    /// Looks at what a connection to a controller hangs on, signed in as this account.
    pub(super) async fn watch_endings(&self, dc: &mut Dc, user: &str) -> Result<(), AgentError> {
        let endings = dc.endings().await?;
        let server = dc.server().to_owned();
        let event = |_, at, days, expired| Event::CertificateExpiring { server: server.clone(), at, days, expired };
        let part = format!("directory certificate {server}");
        self.watch_end(&part, Matter::CertificateExpiring, &server, endings.certificate, event).await;
        let event = |_, at, days, expired| Event::PasswordExpiring { user: user.to_owned(), at, days, expired };
        let part = format!("directory password {user}");
        self.watch_end(&part, Matter::PasswordExpiring, user, endings.password, event).await;
        Ok(())
    }

    /// Says what is due of one end and was not said yet.
    async fn watch_end(
        &self,
        part: &str,
        matter: Matter,
        of: &str,
        expiry: Option<Expiry>,
        event: impl Fn(&'static str, Timestamp, i64, bool) -> Event,
    ) {
        let now = self.clock.now();
        let due = expiry.and_then(|expiry| Some((expiry, expiry.warning(now)?)));
        let is_news = self.endings.is_news(part, due.map(|(expiry, warning)| (expiry.at, warning)));
        let event = due.map(|(expiry, warning)| {
            event(expiry.what, expiry.at, expiry.days_left(now), warning == ExpiryWarning::Expired)
        });
        let complaint = event.as_ref().map(|event| format!("{event} [{}]", event.code()));
        // As with every complaint, a store that cannot keep it is in worse trouble.
        let _ = self.store.trouble(part, complaint.as_deref()).await;
        let ending = due.map(|(expiry, _)| {
            let what = match matter {
                Matter::CertificateExpiring => format!("the certificate of {of}"),
                Matter::PasswordExpiring => format!("the password of {of}"),
                _ => format!("{} that seatsync logs in with", expiry.what),
            };
            Ending { matter, what, at: expiry.at }
        });
        let _ = self.store.note_ending(part, ending, now).await;
        if let Some(event) = event.filter(|_| is_news) {
            event.emit();
        }
    }
}
