//! The access token: fetched with whatever credential is configured, kept, renewed early, shared by all who need it.
//!
//! `held` is the token in use; one file each proves who we are: `certificate` and `federation` with an assertion to the login
//! endpoint, `identity` to an endpoint of the machine. `claims` is what a token says of itself.
//!
//! "Microsoft identity platform and the OAuth 2.0 client credentials flow": a POST of a form to `{login}/{tenant}/oauth2/v2.0/
//! token`. The token is opaque; its lifetime is `expires_in`, never assumed.

mod certificate;
mod claims;
mod federation;
mod held;
mod identity;

use std::fs::File;
use std::io::Read as _;
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use jiff::{SignedDuration, Timestamp};
use secrecy::{ExposeSecret as _, SecretString};
use tokio::sync::Mutex;

pub use claims::TokenClaims;

use self::certificate::{Certificate, Claims};
use self::federation::Patience;
use self::held::State;
pub(super) use self::held::Token;
use super::error::TenantError;
use super::http::{Body, Http, Request, check_address, fresh_id};
use super::login::{self, Grant, LoginFault};
use super::reply::http_date;
use crate::clock::Clock;
use crate::model::expiry::Expiry;
use crate::model::settings::{Credential, Proof, TenantSettings};

/// How an assertion announces itself (RFC 7523, 2.2).
const ASSERTION_TYPE: (&str, &str) =
    ("client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:jwt-bearer");

/// Gives out tokens.
pub(super) struct Tokens {
    url: String,
    resource: String,
    credential: Credential,
    clock: Clock,
    state: Mutex<State>,
    patience: Mutex<Patience>,
}

impl Tokens {
    /// Knows whom to ask; asks nobody yet.
    pub fn new(settings: &TenantSettings, clock: Clock) -> Result<Self, TenantError> {
        check_address(&settings.login_url)?;
        Ok(Self {
            url: format!("{}/{}/oauth2/v2.0/token", settings.login_url.trim_end_matches('/'), settings.id),
            resource: settings.scope.trim_end_matches('/').to_owned(),
            credential: settings.credential.clone(),
            clock,
            state: Mutex::default(),
            patience: Mutex::default(),
        })
    }

    /// A token that is good for a while. Who comes while another renews it waits and shares what comes of it, success or
    /// failure.
    pub async fn get(&self, http: &Http) -> Result<Arc<Token>, TenantError> {
        let asked = Instant::now();
        let mut state = self.state.lock().await;
        let now = Instant::now();
        if let Some(ready) = state.ready(asked, now) {
            return ready;
        }
        let fetched = self.fetch(http).await;
        let fetched = self.patience.lock().await.judge(Instant::now(), fetched);
        state.take(now, Instant::now(), fetched)
    }

    /// Forgets a token that Graph refused, unless it was replaced meanwhile.
    pub async fn discard(&self, token: &Arc<Token>) {
        self.state.lock().await.discard(token);
    }

    /// When the credential ends, as far as anything here tells.
    pub fn expiry(&self) -> Result<Option<Expiry>, TenantError> {
        let Credential::App { proof, .. } = &self.credential else { return Ok(None) };
        Ok(match proof {
            Proof::Secret { expires, .. } => expires.map(Expiry::of_secret),
            Proof::Certificate { source, .. } => Some(Expiry::of_certificate(Certificate::read(source)?.expires())),
            Proof::Federation { .. } => None,
        })
    }

    async fn fetch(&self, http: &Http) -> Result<Grant, TenantError> {
        let (client_id, proof) = match &self.credential {
            Credential::App { client_id, proof } => (client_id, proof),
            Credential::ManagedIdentity { client_id, source } => {
                return identity::fetch(http, source, client_id.as_deref(), &self.resource, self.clock.now()).await;
            }
        };
        let first = self.prove(http, client_id, proof).await;
        match first {
            // The file may have been renewed, or the clock set, between reading and arriving.
            Err(TenantError::Login { fault: LoginFault::AssertionOutdated, .. }) => {
                self.prove(http, client_id, proof).await
            }
            other => other,
        }
    }

    async fn prove(&self, http: &Http, client_id: &str, proof: &Proof) -> Result<Grant, TenantError> {
        let assertion = match proof {
            Proof::Secret { value, .. } => return self.post(http, client_id, &[], ("client_secret", value)).await,
            Proof::Certificate { source, algorithm } => {
                let claims = Claims { audience: &self.url, client_id, now: self.clock.now() };
                Certificate::read(source)?.assertion(*algorithm, &claims)?
            }
            Proof::Federation { token_file } => federation::assertion(token_file)?,
        };
        self.post(http, client_id, &[ASSERTION_TYPE], ("client_assertion", &assertion)).await
    }

    async fn post(
        &self,
        http: &Http,
        client_id: &str,
        extra: &[(&str, &str)],
        (name, secret): (&str, &SecretString),
    ) -> Result<Grant, TenantError> {
        let scope = format!("{}/.default", self.resource);
        let mut fields = vec![
            ("grant_type", "client_credentials"),
            ("client_id", client_id),
            ("scope", &scope),
            (name, secret.expose_secret()),
        ];
        fields.extend_from_slice(extra);
        let request = Request { url: &self.url, body: Body::Form(&fields), token: None, id: fresh_id() };
        let received = http.read(request).await?;
        let server = received.headers.date.as_deref().and_then(http_date);
        login::read(received.status, &received.headers, &received.body.map_err(TenantError::from)?)
            .map_err(|error| unsaid(error, secret))
            .map_err(|error| with_skew(error, server, self.clock.now()))
    }
}

/// Should the endpoint quote what it was sent, the quotation is taken out.
fn unsaid(mut error: TenantError, secret: &SecretString) -> TenantError {
    if let TenantError::Login { detail, .. } | TenantError::LoginUnavailable { detail, .. } = &mut error
        && !secret.expose_secret().is_empty()
    {
        *detail = detail.replace(secret.expose_secret(), "…");
    }
    error
}

/// An assertion that is out of its time: by how much the clocks differ, where the server tells its own.
fn with_skew(mut error: TenantError, server: Option<Timestamp>, now: Timestamp) -> TenantError {
    if let TenantError::Login { fault: LoginFault::AssertionOutdated, detail } = &mut error
        && let Some(ahead) = server.map(|server| now.duration_since(server))
        && ahead.abs() > SignedDuration::from_secs(60)
    {
        let way = if ahead.is_positive() { "ahead of" } else { "behind" };
        let minutes = ahead.abs().as_mins();
        detail.push_str(&format!(" (this machine's clock is {minutes} min {way} the login endpoint's)"));
    }
    error
}

/// Reads a small file of a credential.
fn read_file(path: &Path, limit: u64) -> Result<Vec<u8>, TenantError> {
    let wrong = |detail: String| TenantError::CredentialFile { path: path.to_owned(), detail };
    let mut bytes = Vec::new();
    let file = File::open(path).map_err(|error| wrong(error.to_string()))?;
    file.take(limit + 1).read_to_end(&mut bytes).map_err(|error| wrong(error.to_string()))?;
    if bytes.len() as u64 > limit {
        return Err(wrong(format!("it is longer than {limit} bytes")));
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quoted_secret_is_taken_out() {
        let secret: SecretString = "hunter2".to_owned().into();
        let error = TenantError::Login { fault: LoginFault::SecretWrong, detail: "secret hunter2 is wrong".into() };
        let error = unsaid(error, &secret);
        assert!(!format!("{error} {error:?}").contains("hunter2"));
    }

    #[test]
    fn an_outdated_assertion_names_the_difference_of_the_clocks() {
        let outdated = || TenantError::Login { fault: LoginFault::AssertionOutdated, detail: "no".into() };
        let server: Timestamp = "2026-05-04T08:20:00Z".parse().unwrap();
        let said = |minutes: i64| {
            let now = server + SignedDuration::from_mins(minutes);
            with_skew(outdated(), Some(server), now).to_string()
        };
        assert!(said(12).contains("12 min ahead of"), "{}", said(12));
        assert!(said(-7).contains("7 min behind"), "{}", said(-7));
        assert_eq!(said(0), outdated().to_string());
    }
}
