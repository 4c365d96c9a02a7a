//! Feed 2 and the way out: users, products and writes through Microsoft Graph.
//!
//! [`Graph`] asks and writes; `http` is the one client beneath it, `token` what lets it in, `wire` and `reply` turn
//! what comes back into words of the model. Nothing here sleeps, schedules or repeats a write: errors say how long the other
//! side wants to be left alone, and the agent decides.
//!
//! Facts about Graph are from Microsoft Graph v1.0's reference and concept pages, named where they are used.

mod batch;
mod budget;
mod create;
mod devices;
mod error;
mod groups;
mod http;
mod login;
mod look;
mod lookup;
mod plans;
mod reply;
mod skus;
mod token;
mod users;
mod wire;
mod writes;

use std::fmt;
use std::sync::Arc;

pub use batch::{BATCH, BatchAnswer, BatchWrite, Change};
pub use budget::{Budget, Pace};
pub use create::VerifiedDomain;
pub use error::TenantError;
pub use login::LoginFault;
pub use look::Organization;
pub use lookup::LOOKED_UP;
pub use token::TokenClaims;
pub use users::{Delta, DeltaLink, Listing};

use crate::clock::Clock;
use crate::model::expiry::Expiry;
use crate::model::identity::ClientRequestId;
use crate::model::settings::TenantSettings;
use http::{Body, Http, Received, Request, Trouble};
use reply::{GraphError, retry_after};
use token::Tokens;

/// The tenant, as one app sees it through Microsoft Graph v1.0. Cheap to clone; clones share connections and token.
#[derive(Clone)]
pub struct Graph(Arc<Inner>);

struct Inner {
    http: Http,
    tokens: Tokens,
    /// Address of version 1.0, without a slash at the end.
    root: String,
}

impl fmt::Debug for Graph {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Graph").field(&self.0.root).finish()
    }
}

impl Graph {
    /// Prepares everything; nothing is asked of anybody yet.
    pub fn new(settings: &TenantSettings, tls: Arc<rustls::ClientConfig>, clock: Clock) -> Result<Self, TenantError> {
        http::check_address(&settings.graph_url)?;
        Ok(Self(Arc::new(Inner {
            http: Http::new(&tls, settings)?,
            tokens: Tokens::new(settings, clock)?,
            root: format!("{}/v1.0", settings.graph_url.trim_end_matches('/')),
        })))
    }

    /// Fetches a token, unless a fresh one is there: shows whether login works, before anything is asked of Graph.
    pub async fn login(&self) -> Result<(), TenantError> {
        self.0.tokens.get(&self.0.http).await.map(drop)
    }

    /// When the credential ends, where that can be known; a certificate's file is read for it.
    pub fn credential_expiry(&self) -> Result<Option<Expiry>, TenantError> {
        self.0.tokens.expiry()
    }

    fn url(&self, path: &str) -> String {
        format!("{}{path}", self.0.root)
    }

    /// Whether the token may be sent to this address.
    fn owns(&self, url: &str) -> bool {
        http::same_origin(url, &self.0.root)
    }

    /// GET, with quick repetitions when the connection fails, and a new token when the old one is refused. Any status but a
    /// token's refusal is handed to the caller.
    async fn get(&self, url: &str) -> Result<Fetched, TenantError> {
        let mut renewed = false;
        loop {
            let token = self.0.tokens.get(&self.0.http).await?;
            let request = Request { url, body: Body::Get, token: Some(&token.secret), id: http::fresh_id() };
            let Received { host, status, headers, body } = self.0.http.read(request).await?;
            let body = body.map_err(TenantError::from)?;
            if !renewed && wants_new_token(status, &headers, &body) {
                self.0.tokens.discard(&token).await;
                renewed = true;
                continue;
            }
            return Ok(Fetched { host, status, headers, body });
        }
    }

    /// Sends a write once; once more only when the token was refused, which means that nothing was done.
    async fn write(
        &self,
        url: &str,
        body: Body<'_>,
        id: ClientRequestId,
    ) -> Result<Result<Received, Trouble>, TenantError> {
        let mut renewed = false;
        loop {
            let token = self.0.tokens.get(&self.0.http).await?;
            let sent = self.0.http.send(Request { url, body, token: Some(&token.secret), id }).await;
            let refused = match &sent {
                Ok(received) => {
                    let body = received.body.as_deref().unwrap_or_default();
                    wants_new_token(received.status, &received.headers, body)
                }
                Err(_) => false,
            };
            if refused && !renewed {
                self.0.tokens.discard(&token).await;
                renewed = true;
                continue;
            }
            return Ok(sent);
        }
    }
}

/// Whether a newer token may help: the code or the challenge says so, or nothing is said at all; or a permission is missing,
/// since a token holds those of its issue.
fn wants_new_token(status: u16, headers: &reply::Headers, body: &[u8]) -> bool {
    let error = GraphError::read(body);
    let outdated = ["InvalidAuthenticationToken", "Authentication_ExpiredToken"].iter().any(|code| error.has(code));
    // "Claims challenges": sent to those who can answer them, which we never said we could; a new token is all we have.
    let challenged = headers.challenge.as_deref().is_some_and(|text| text.contains("insufficient_claims"));
    status == 403 || (status == 401 && (outdated || challenged || error.codes.is_empty()))
}

/// A complete answer to a read.
struct Fetched {
    host: String,
    status: u16,
    headers: reply::Headers,
    body: Vec<u8>,
}

impl Fetched {
    fn ok(&self) -> bool {
        self.status == 200
    }

    fn error(&self) -> GraphError {
        GraphError::read(&self.body)
    }

    /// Graph says that there is no such thing. A 404 without its words comes from somewhere else and says nothing.
    fn is_absent(&self) -> bool {
        let absent = ["Request_ResourceNotFound", "Directory_ObjectNotFound", "ResourceNotFound"];
        let error = self.error();
        self.status == 404 && absent.iter().any(|code| error.has(code))
    }

    fn unreadable(&self, detail: impl Into<String>) -> TenantError {
        TenantError::Unreadable { host: self.host.clone(), detail: detail.into() }
    }

    /// What an answer that is not 200 means for a read.
    fn failure(&self) -> TenantError {
        let error = self.error();
        let after = retry_after(&self.headers);
        let mut detail = error.words(self.status).unwrap_or_default();
        if let Some(id) = self.headers.request_id.as_deref().or(error.request_id.as_deref()) {
            detail.push_str(&format!(" (request-id {})", reply::tidy(id)));
        }
        match self.status {
            401 => TenantError::TokenRefused(detail),
            403 => TenantError::Forbidden(detail),
            429 => TenantError::Throttled { after },
            408 | 500.. => TenantError::Unavailable { detail, after },
            400..500 if !error.codes.is_empty() => {
                let momentary =
                    ["Directory_ReplicaUnavailable", "Service_InternalServerError", "Request_ThrottledTemporarily"];
                if momentary.iter().any(|code| error.has(code)) {
                    return TenantError::Unavailable { detail, after };
                }
                TenantError::Refused { status: self.status, detail }
            }
            _ => self.unreadable(detail),
        }
    }
}
