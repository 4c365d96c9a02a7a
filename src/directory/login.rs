//! Signing in: with name and password or with Kerberos, and with refused credentials at most once in five minutes.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use ldap3::LdapResult;
use secrecy::{ExposeSecret as _, SecretString};
use tokio::sync::{Mutex, oneshot};
use tokio::time::{Instant, sleep, timeout_at};

use super::error::{DirectoryError, Step};
use super::kerberos::{self, KerberosFault};
use super::refusal::Refusal;
use super::wire::{Apart, Wire, apart, plain, unreadable};
use crate::model::fault::{Class, Fault, exit};
use crate::model::settings::{Bind, DirectorySettings};

/// Refused credentials are not tried again for this long, at any controller of the domain: a domain locks accounts after few
/// wrong passwords, and counts them together.
const PAUSE: Duration = Duration::from_mins(5);
/// Between two looks whether a refused secret was renewed.
const LOOK: Duration = Duration::from_secs(5);
/// No key table is longer, in bytes.
const KEY_TABLE: usize = 1024 * 1024;

/// Why an account could not even be presented to a controller, or Kerberos did not let it in.
#[derive(Clone, Debug, thiserror::Error)]
pub enum LoginError {
    /// The password or the key table is not where the configuration says.
    #[error("bind.{key} {what}")]
    Secret {
        /// The configuration's key.
        key: &'static str,
        /// What is wrong, as a predicate.
        what: String,
    },
    /// Kerberos failed.
    #[error("{server}: Kerberos sign-in of {principal} failed: {fault} (\"{text}\")")]
    Kerberos {
        /// Host and port.
        server: String,
        /// Who tried.
        principal: String,
        /// Why.
        fault: KerberosFault,
        /// The words of the library or the server.
        text: String,
    },
}

impl LoginError {
    /// Whether another controller of the domain would say the same.
    pub(super) fn holds_for_the_domain(&self) -> bool {
        match self {
            Self::Secret { .. } => true,
            Self::Kerberos { fault, .. } => fault.weighs_on_the_account() || *fault == KerberosFault::KeyTable,
        }
    }
}

impl Fault for LoginError {
    fn class(&self) -> Class {
        match self {
            Self::Secret { .. } => Class::Operator,
            Self::Kerberos { fault, .. } => fault.class(),
        }
    }

    fn code(&self) -> &'static str {
        match self {
            Self::Secret { .. } => "directory-secret-unusable",
            Self::Kerberos { fault, .. } => fault.code(),
        }
    }

    fn advice(&self) -> String {
        match self {
            Self::Secret { .. } => {
                "Put the secret back there, for seatsync's user alone; it is read for each connection.".into()
            }
            Self::Kerberos { fault, .. } => fault.advice().into(),
        }
    }

    fn exit_status(&self) -> u8 {
        match self {
            Self::Secret { .. } => exit::CONFIG,
            Self::Kerberos { fault, .. } => fault.exit_status(),
        }
    }
}

/// How one domain is signed in to: shared by all connections to its controllers.
#[derive(Debug)]
pub struct Login {
    bind: Bind,
    /// The Kerberos realm of the controllers: their domain's name in capitals.
    realm: String,
    /// Held while signing in: one after the other, so that the second knows what the first was told.
    failed: Arc<Mutex<Option<Failed>>>,
}

/// Credentials that were refused, or could not be read.
#[derive(Debug)]
struct Failed {
    until: Timestamp,
    /// Digest of the secret; none when it could not be read.
    secret: Option<[u8; 32]>,
    error: DirectoryError,
}

/// What is presented to a controller.
enum Secret {
    Password(SecretString),
    KeyTable,
    /// The system knows it.
    Unseen,
}

impl Login {
    /// Ready to sign in; nothing is read yet.
    #[must_use]
    pub fn new(settings: &DirectorySettings) -> Self {
        let realm = settings.domain.trim_end_matches('.').to_ascii_uppercase();
        Self { bind: settings.bind.clone(), realm, failed: Arc::default() }
    }

    /// Ready to sign in by other settings. What the same account was refused with before is not forgotten: a secret that was
    /// refused is no better for being configured anew.
    #[must_use]
    pub fn after(before: &Self, settings: &DirectorySettings) -> Self {
        Self::new(settings).heeding(before)
    }

    fn heeding(self, before: &Self) -> Self {
        let same = self.realm == before.realm && self.bind.who() == before.bind.who();
        if same { Self { failed: Arc::clone(&before.failed), ..self } } else { self }
    }

    /// Whether a connection may be signed in at this time; no connection is needed to know it.
    ///
    /// # Errors
    /// What the credentials were refused with, as long as they are not tried again; or that they cannot be read.
    pub async fn permits(&self, now: Timestamp) -> Result<(), DirectoryError> {
        let mut failed = self.failed.lock().await;
        self.secret(&mut failed, now).map(drop)
    }

    /// Signs a connection in.
    pub(super) async fn sign_in(&self, wire: &mut Wire, now: Timestamp) -> Result<(), DirectoryError> {
        let mut failed = self.failed.lock().await;
        let (secret, digest) = self.secret(&mut failed, now)?;
        let outcome = match (&self.bind, secret) {
            (Bind::Simple { user, .. }, Secret::Password(password)) => wire.simple_bind(user, password).await,
            (Bind::Own, _) => wire.kerberos_bind(None, &self.realm).await,
            (bind, _) => wire.kerberos_bind(Some(bind.who()), &self.realm).await,
        };
        match (&outcome, &mut *failed) {
            (Ok(()), failed) => *failed = None,
            (Err(error), failed) => match (again(error), failed) {
                (Some(error), failed) => *failed = Some(Failed { until: after(now), secret: Some(digest), error }),
                // Whether these were tried in vain once more is not known.
                (None, Some(failed)) => failed.until = after(now),
                (None, None) => {}
            },
        }
        outcome
    }

    /// Waits until a secret that failed was replaced by another; forever when none failed.
    pub async fn renewed(&self) {
        loop {
            sleep(LOOK).await;
            let mut failed = self.failed.lock().await;
            let Some(before) = &*failed else { continue };
            if self.read().is_ok_and(|(_, digest)| before.secret != Some(digest)) {
                *failed = None;
                return;
            }
        }
    }

    /// The secret as it is now, unless it is the one that was refused a short while ago.
    fn secret(&self, failed: &mut Option<Failed>, now: Timestamp) -> Result<(Secret, [u8; 32]), DirectoryError> {
        let (secret, digest) = self.read().map_err(|error| {
            let error = DirectoryError::Login(error);
            *failed = again(&error).map(|error| Failed { until: now, secret: None, error });
            error
        })?;
        match failed.as_ref().filter(|failed| failed.secret == Some(digest) && now < failed.until) {
            Some(failed) => Err(again(&failed.error).unwrap_or(DirectoryError::BindEmpty)),
            None => Ok((secret, digest)),
        }
    }

    fn read(&self) -> Result<(Secret, [u8; 32]), LoginError> {
        match &self.bind {
            Bind::Simple { password, .. } => {
                let password = password.read().map_err(|what| LoginError::Secret { key: "password", what })?;
                let digest = digest(password.expose_secret().as_bytes());
                Ok((Secret::Password(password), digest))
            }
            Bind::Kerberos { keytab, .. } => {
                let bytes = read_key_table(keytab).map_err(|what| LoginError::Secret { key: "keytab", what })?;
                Ok((Secret::KeyTable, digest(&bytes)))
            }
            Bind::Own => Ok((Secret::Unseen, digest(&[]))),
        }
    }
}

fn after(now: Timestamp) -> Timestamp {
    now.checked_add(PAUSE).unwrap_or(Timestamp::MAX)
}

/// An error that speaks of the credentials, once more; none for any other.
fn again(error: &DirectoryError) -> Option<DirectoryError> {
    match error {
        DirectoryError::BindRefused { server, user, refusal, text } if error.holds_for_the_domain() => {
            let (server, user, text) = (server.clone(), user.clone(), text.clone());
            Some(DirectoryError::BindRefused { server, user, refusal: *refusal, text })
        }
        DirectoryError::Login(login) if login.holds_for_the_domain() => Some(DirectoryError::Login(login.clone())),
        _ => None,
    }
}

fn read_key_table(path: &Path) -> Result<Vec<u8>, String> {
    let bytes = std::fs::read(path).map_err(|error| format!("cannot be read: {}: {error}", path.display()))?;
    match bytes.len() {
        0 => Err(format!("names {}, which is empty", path.display())),
        1..=KEY_TABLE => Ok(bytes),
        _ => Err(format!("names {}, which is longer than {KEY_TABLE} bytes", path.display())),
    }
}

fn digest(bytes: &[u8]) -> [u8; 32] {
    let mut digest = [0; 32];
    digest.copy_from_slice(ring::digest::digest(&ring::digest::SHA256, bytes).as_ref());
    digest
}

impl Wire {
    /// Signs in with name and password (RFC 4513, 5.1.3).
    async fn simple_bind(&mut self, user: &str, password: SecretString) -> Result<(), DirectoryError> {
        // It would succeed, as nobody (RFC 4513, 5.1.2).
        if user.is_empty() || password.expose_secret().is_empty() {
            return Err(DirectoryError::BindEmpty);
        }
        let (mut ldap, name) = (self.ldap.clone(), user.to_owned());
        let answer =
            apart(
                Instant::now() + self.timeout,
                async move { ldap.simple_bind(&name, password.expose_secret()).await },
            );
        match answer.await {
            Apart::Done(Ok(result)) => self.judge(user, &result),
            Apart::Done(Err(error)) => Err(self.failure(&error, Step::Bind)),
            Apart::Late => Err(self.late(Step::Bind, self.timeout)),
            Apart::Panicked => Err(unreadable(self.server.clone(), Step::Bind)),
        }
    }

    /// Signs in with Kerberos, in a thread of its own: the library blocks, and cannot be told to stop.
    async fn kerberos_bind(&mut self, principal: Option<&str>, realm: &str) -> Result<(), DirectoryError> {
        let (mut ldap, who) = (self.ldap.clone(), principal.map(str::to_owned));
        let principal = principal.unwrap_or(Bind::Own.who());
        // The library adds "ldap/". With the realm no default realm has to be configured.
        let host = self.server.rsplit_once(':').map_or(self.server.as_str(), |(host, _)| host);
        let service = format!("{host}@{realm}");
        let (done, outcome) = oneshot::channel();
        let runtime = tokio::runtime::Handle::current();
        let thread = std::thread::Builder::new().name("kerberos".into());
        let started = thread.spawn(move || {
            let _ = done.send(runtime.block_on(kerberos::bind(&mut ldap, who.as_deref(), &service)));
        });
        started.map_err(|error| self.odd(Step::Bind, format!("no thread: {error}")))?;
        let failed = |fault, text: &str| {
            let (server, principal) = (self.server.clone(), principal.to_owned());
            Err(LoginError::Kerberos { server, principal, fault, text: plain(text) }.into())
        };
        match timeout_at(Instant::now() + self.timeout, outcome).await {
            Ok(Ok(Ok(result))) if result.rc == 8 => failed(KerberosFault::WithinTls, &result.text),
            Ok(Ok(Ok(result))) => self.judge(principal, &result),
            Ok(Ok(Err(text))) => failed(KerberosFault::read(&text), &text),
            Ok(Err(_)) => Err(unreadable(self.server.clone(), Step::Bind)),
            Err(_) => Err(self.late(Step::Bind, self.timeout)),
        }
    }

    fn judge(&self, user: &str, result: &LdapResult) -> Result<(), DirectoryError> {
        let text = plain(&result.text);
        match result.rc {
            0 => Ok(()),
            49 => {
                let (server, user, refusal) = (self.server.clone(), user.to_owned(), Refusal::read(&text));
                Err(DirectoryError::BindRefused { server, user, refusal, text })
            }
            code => Err(self.answer(Step::Bind, code, text)),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::RwLock;

    use super::*;
    use crate::model::secret::SecretSource;

    /// A login whose password was refused at a time, and the place its password is read from.
    fn refused(at: Timestamp) -> (Login, Arc<RwLock<&'static str>>) {
        let place = Arc::new(RwLock::new("wrong"));
        let password = {
            let place = Arc::clone(&place);
            SecretSource::new(move || match *place.read().unwrap() {
                "" => Err("points to an empty secret".into()),
                text => Ok(text.to_owned().into()),
            })
        };
        let error = DirectoryError::BindRefused {
            server: "dc1:636".into(),
            user: "svc".into(),
            refusal: Refusal::WrongPassword,
            text: String::new(),
        };
        let failed = Failed { until: after(at), secret: Some(digest(b"wrong")), error };
        let bind = Bind::Simple { user: "svc".into(), password };
        (Login { bind, realm: String::new(), failed: Arc::new(Mutex::new(Some(failed))) }, place)
    }

    #[tokio::test]
    async fn a_refused_password_is_let_through_after_five_minutes_and_another_at_once() {
        let at = Timestamp::from_second(1_000_000).unwrap();
        let (login, place) = refused(at);
        let later = |seconds: i64| Timestamp::from_second(1_000_000 + seconds).unwrap();
        for seconds in [0, 1, 299] {
            let error = login.permits(later(seconds)).await.unwrap_err();
            assert_eq!(error.code(), "directory-bind-refused", "{seconds}");
        }
        assert!(login.permits(later(300)).await.is_ok());
        *place.write().unwrap() = "right";
        assert!(login.permits(later(1)).await.is_ok());
        *place.write().unwrap() = "";
        assert_eq!(login.permits(later(2)).await.unwrap_err().code(), "directory-secret-unusable");
    }

    #[tokio::test]
    async fn what_was_refused_is_remembered_by_the_next_configuration_of_the_same_account() {
        let now = Timestamp::from_second(1_000_001).unwrap();
        let (login, _) = refused(Timestamp::from_second(1_000_000).unwrap());
        let next = |user: &str| {
            let password = SecretSource::new(|| Ok("wrong".to_owned().into()));
            let new = Login {
                bind: Bind::Simple { user: user.into(), password },
                realm: String::new(),
                failed: Arc::default(),
            };
            new.heeding(&login)
        };
        assert_eq!(next("svc").permits(now).await.unwrap_err().code(), "directory-bind-refused");
        assert!(next("other").permits(now).await.is_ok());
    }

    #[tokio::test(start_paused = true)]
    async fn a_renewed_password_wakes_who_waits_and_the_same_does_not() {
        let (login, place) = refused(Timestamp::UNIX_EPOCH);
        let hour = Duration::from_hours(1);
        assert!(tokio::time::timeout(hour, login.renewed()).await.is_err());
        *place.write().unwrap() = "";
        assert!(tokio::time::timeout(hour, login.renewed()).await.is_err());
        *place.write().unwrap() = "right";
        assert!(tokio::time::timeout(hour, login.renewed()).await.is_ok());
    }

    #[test]
    fn only_what_the_whole_domain_would_say_holds_others_back() {
        let refused = |refusal| DirectoryError::BindRefused {
            server: String::new(),
            user: String::new(),
            refusal,
            text: String::new(),
        };
        assert!(again(&refused(Refusal::LockedOut)).is_some() && again(&refused(Refusal::ChannelBinding)).is_none());
        let kerberos = |fault| {
            let (server, principal, text) = (String::new(), String::new(), String::new());
            DirectoryError::Login(LoginError::Kerberos { server, principal, fault, text })
        };
        assert!(again(&kerberos(KerberosFault::WrongKey)).is_some());
        assert!(again(&kerberos(KerberosFault::Unreachable)).is_none());
        assert!(again(&DirectoryError::NoServer).is_none());
    }
}
