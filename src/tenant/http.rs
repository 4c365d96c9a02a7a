//! The one HTTP client, for the login endpoint and Graph: the only place that names reqwest. A second one, which knows no
//! proxy, asks Azure's metadata endpoints on this machine.
//!
//! Connections are kept alive, answers may come packed (gzip), redirects are never followed (Graph sends none, and a token
//! must not travel to another origin), every request has a `client-request-id` of its own ("Best practices for working with
//! Microsoft Graph"), and a body is read up to a limit. Connecting, the beginning of an answer and its body have a time limit
//! each, so that a body that trickles is told from a server that is silent.

use std::error::Error as _;
use std::sync::Arc;
use std::time::Duration;

use backon::{ExponentialBuilder, Retryable as _};
use reqwest::header::{ACCEPT, AUTHORIZATION, HeaderMap, HeaderValue};
use reqwest::{Client, ClientBuilder, NoProxy, RequestBuilder, Response, Url};
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::Value;
use tokio::time::timeout;

use super::error::TenantError;
use super::reply::{Headers, tidy};
use crate::model::identity::ClientRequestId;
use crate::model::settings::{Proxy, ProxySettings, TenantSettings};

/// A page of 999 users with many plans each stays well below.
const BODY_LIMIT: usize = 128 * 1024 * 1024;

/// "Proxy Authentication Required" (RFC 9110, 15.5.8): the proxy's own answer, whatever was asked.
const PROXY_LOGIN: u16 = 407;

/// Connecting takes no longer than this, however much time an answer may take.
const CONNECT_LIMIT: Duration = Duration::from_secs(10);

/// The client.
pub(super) struct Http {
    client: Client,
    /// Until an answer begins, and once more until all of its body is there; half of it for a pause within the body.
    limit: Duration,
    /// For endpoints of this machine: through a proxy they would be the proxy's own.
    direct: Client,
}

/// One request.
#[derive(Clone, Copy)]
pub(super) struct Request<'a> {
    /// Where to.
    pub url: &'a str,
    /// Method and body.
    pub body: Body<'a>,
    /// `Authorization: Bearer`.
    pub token: Option<&'a SecretString>,
    /// `client-request-id`.
    pub id: ClientRequestId,
}

/// Method and body of a request.
#[derive(Clone, Copy)]
pub(super) enum Body<'a> {
    /// GET.
    Get,
    /// POST of a form.
    Form(&'a [(&'a str, &'a str)]),
    /// POST of JSON.
    Post(&'a Value),
    /// PATCH with JSON.
    Patch(&'a Value),
}

/// An answer whose status and headers came.
pub(super) struct Received {
    /// Which server.
    pub host: String,
    /// HTTP status.
    pub status: u16,
    /// What the headers said.
    pub headers: Headers,
    /// The body, or why it did not come to its end.
    pub body: Result<Vec<u8>, Trouble>,
}

/// Why no answer came.
#[derive(Clone, Debug)]
pub(super) enum Trouble {
    /// The request did not leave this machine.
    NotSent(TenantError),
    /// It may have arrived.
    Lost {
        /// What to say of it.
        error: TenantError,
        /// It broke, rather than that time ran out: worth a quick repetition.
        broken: bool,
    },
}

impl From<Trouble> for TenantError {
    fn from(trouble: Trouble) -> Self {
        match trouble {
            Trouble::NotSent(error) | Trouble::Lost { error, .. } => error,
        }
    }
}

impl Http {
    /// Makes the client; what the environment says of proxies is in the settings already.
    pub fn new(tls: &Arc<rustls::ClientConfig>, settings: &TenantSettings) -> Result<Self, TenantError> {
        let client = |proxies: &ProxySettings| {
            let mut builder = builder(tls, settings.timeout);
            for proxy in proxies_of(proxies)? {
                builder = builder.proxy(proxy);
            }
            builder.build().map_err(|error| TenantError::Client(chain(&error)))
        };
        let direct = client(&ProxySettings::default())?;
        Ok(Self { client: client(&settings.proxy)?, limit: settings.timeout, direct })
    }

    /// Asks a metadata endpoint of this machine, once. `key` is what it wants to see, verbatim.
    pub async fn metadata(
        &self,
        url: &str,
        query: &[(&str, &str)],
        key: Option<&SecretString>,
    ) -> Result<Received, TenantError> {
        let mut url = parse(url)?;
        url.query_pairs_mut().extend_pairs(query);
        let host = authority(&url);
        let mut builder = self.direct.get(url).header("Metadata", "true");
        if let Some(key) = key {
            let value = secret_header("Basic", key)
                .ok_or_else(|| TenantError::IdentityKey("the key holds characters that no header can carry".into()))?;
            builder = builder.header(AUTHORIZATION, value);
        }
        Ok(self.answer(host, builder).await?)
    }

    /// Sends a request once.
    pub async fn send(&self, request: Request<'_>) -> Result<Received, Trouble> {
        let url = parse(request.url).map_err(Trouble::NotSent)?;
        let host = authority(&url);
        let received = self.answer(host, self.build(url, request)).await?;
        if received.status == PROXY_LOGIN {
            return Err(Trouble::NotSent(TenantError::ProxyLogin(received.host)));
        }
        Ok(received)
    }

    /// Waits for an answer, and for its body.
    async fn answer(&self, host: String, request: RequestBuilder) -> Result<Received, Trouble> {
        let begun = timeout(self.limit, request.send()).await;
        let begun = begun.map_err(|_| late(&host, format!("no answer within {:?}", self.limit)))?;
        let response = begun.map_err(|error| trouble(&host, error))?;
        let (status, headers) = (response.status().as_u16(), headers(&response));
        let body = timeout(self.limit, read_body(&host, response, self.limit / 2)).await;
        let body =
            body.unwrap_or_else(|_| Err(late(&host, format!("its answer was not complete after {:?}", self.limit))));
        Ok(Received { host, status, headers, body })
    }

    /// Sends a request that changes nothing, up to three times more when the connection could not be made or broke.
    pub async fn read(&self, request: Request<'_>) -> Result<Received, TenantError> {
        let pace = ExponentialBuilder::default()
            .with_min_delay(Duration::from_millis(100))
            .with_max_delay(Duration::from_secs(1))
            .with_jitter()
            .with_max_times(3);
        (async || {
            let received = self.send(Request { id: fresh_id(), ..request }).await?;
            match received.body {
                Err(trouble) => Err(trouble),
                Ok(_) => Ok(received),
            }
        })
        .retry(pace)
        .when(Trouble::worth_repeating)
        .await
        .map_err(TenantError::from)
    }

    fn build(&self, url: Url, request: Request<'_>) -> RequestBuilder {
        let builder = match request.body {
            Body::Get => self.client.get(url),
            Body::Form(fields) => self.client.post(url).form(fields),
            Body::Post(value) => self.client.post(url).json(value),
            Body::Patch(value) => self.client.patch(url).json(value),
        };
        let builder = builder.header("client-request-id", request.id.to_string());
        match request.token.map(bearer) {
            Some(Some(value)) => builder.header(AUTHORIZATION, value),
            _ => builder,
        }
    }
}

fn builder(tls: &Arc<rustls::ClientConfig>, limit: Duration) -> ClientBuilder {
    let mut headers = HeaderMap::new();
    headers.insert(ACCEPT, HeaderValue::from_static("application/json"));
    Client::builder()
        .tls_backend_preconfigured(rustls::ClientConfig::clone(tls))
        .user_agent(concat!("seatsync/", env!("CARGO_PKG_VERSION")))
        .default_headers(headers)
        .redirect(reqwest::redirect::Policy::none())
        .retry(reqwest::retry::never())
        .referer(false)
        .no_proxy()
        // Sooner than the answer, so that a connection that was never made is told from an answer that never came.
        .connect_timeout((limit / 2).min(CONNECT_LIMIT))
        .pool_idle_timeout(Duration::from_secs(90))
        .tcp_keepalive(Duration::from_secs(60))
}

fn proxies_of(settings: &ProxySettings) -> Result<Vec<reqwest::Proxy>, TenantError> {
    let made = |proxy: &Proxy, make: fn(&str) -> reqwest::Result<reqwest::Proxy>| {
        let made = make(&proxy.url).map_err(|error| TenantError::Client(chain(&error)))?;
        let made = made.no_proxy(NoProxy::from_string(&settings.except));
        Ok(match &proxy.login {
            Some((user, password)) => made.basic_auth(user, password.expose_secret()),
            None => made,
        })
    };
    let https = settings.https.iter().map(|proxy| made(proxy, |url| reqwest::Proxy::https(url)));
    let http = settings.http.iter().map(|proxy| made(proxy, |url| reqwest::Proxy::http(url)));
    https.chain(http).collect()
}

impl Trouble {
    fn worth_repeating(&self) -> bool {
        match self {
            Self::NotSent(error) => matches!(error, TenantError::Unreachable { .. }),
            Self::Lost { broken, .. } => *broken,
        }
    }
}

/// A new `client-request-id`.
pub(super) fn fresh_id() -> ClientRequestId {
    uuid::Uuid::new_v4().into()
}

/// Reads an address from the configuration.
pub(super) fn check_address(text: &str) -> Result<(), TenantError> {
    parse(text).map(drop)
}

/// Whether two addresses have scheme, host and port in common, so that a token for one may go to the other.
pub(super) fn same_origin(one: &str, other: &str) -> bool {
    match (Url::parse(one), Url::parse(other)) {
        (Ok(one), Ok(other)) => one.origin().is_tuple() && one.origin() == other.origin(),
        _ => false,
    }
}

/// The host of an address, for messages.
pub(super) fn host_of(url: &str) -> String {
    Url::parse(url).map_or_else(|_| "an address that is none".into(), |url| authority(&url))
}

fn parse(text: &str) -> Result<Url, TenantError> {
    Url::parse(text)
        .ok()
        .filter(|url| matches!(url.scheme(), "http" | "https") && url.has_host())
        .ok_or_else(|| TenantError::Address(tidy(text)))
}

fn authority(url: &Url) -> String {
    let host = url.host_str().unwrap_or_default();
    url.port().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"))
}

/// The header's text is wiped from no memory but marked, so that no log of headers shows it.
fn bearer(token: &SecretString) -> Option<HeaderValue> {
    secret_header("Bearer", token)
}

fn secret_header(scheme: &str, secret: &SecretString) -> Option<HeaderValue> {
    let mut value = HeaderValue::try_from(format!("{scheme} {}", secret.expose_secret())).ok()?;
    value.set_sensitive(true);
    Some(value)
}

fn headers(response: &Response) -> Headers {
    Headers::from_names(|name| response.headers().get(name)?.to_str().ok().map(ToOwned::to_owned))
}

async fn read_body(host: &str, mut response: Response, pause: Duration) -> Result<Vec<u8>, Trouble> {
    let mut body = Vec::new();
    loop {
        let piece = timeout(pause, response.chunk()).await;
        match piece.map_err(|_| late(host, format!("its answer stopped for {pause:?}")))? {
            Ok(None) => return Ok(body),
            Ok(Some(chunk)) if body.len() + chunk.len() <= BODY_LIMIT => body.extend_from_slice(&chunk),
            Ok(Some(_)) => {
                let detail = format!("it is longer than {} MiB", BODY_LIMIT / 1024 / 1024);
                let error = TenantError::Unreadable { host: host.to_owned(), detail };
                return Err(Trouble::Lost { error, broken: false });
            }
            Err(error) => return Err(trouble(host, error)),
        }
    }
}

/// Too late: the request has arrived, as far as anybody knows.
fn late(host: &str, detail: String) -> Trouble {
    Trouble::Lost { error: TenantError::Unreachable { host: host.to_owned(), detail }, broken: false }
}

fn trouble(host: &str, error: reqwest::Error) -> Trouble {
    let timed_out = error.is_timeout();
    let unsent = error.is_connect() || error.is_builder();
    // The address may hold a page token; the host says enough.
    let error = error.without_url();
    let host = host.to_owned();
    if error.is_builder() {
        return Trouble::NotSent(TenantError::Client(chain(&error)));
    }
    let detail = if timed_out { "no connection in time".into() } else { chain(&error) };
    if detail.contains("proxy authorization required") {
        return Trouble::NotSent(TenantError::ProxyLogin(host));
    }
    match certificate_fault(&error) {
        Some(detail) => Trouble::NotSent(TenantError::Untrusted { host, detail }),
        None if unsent => Trouble::NotSent(TenantError::Unreachable { host, detail }),
        None => Trouble::Lost { error: TenantError::Unreachable { host, detail }, broken: !timed_out },
    }
}

/// What the causes say, without repetition, and without the outer ones' "error sending request" when there is more.
fn chain(error: &reqwest::Error) -> String {
    let mut parts = Vec::new();
    let mut cause = error.source();
    while let Some(inner) = cause {
        let text = inner.to_string();
        if !text.starts_with("client error (") && parts.last().is_none_or(|last: &String| !last.contains(&text)) {
            parts.push(text);
        }
        cause = inner.source();
    }
    if parts.is_empty() { tidy(&error.to_string()) } else { tidy(&parts.join(": ")) }
}

/// What is wrong with the server's certificate, when that is the cause. An `io::Error` hides what it wraps from
/// `source`, and here one wraps another.
fn certificate_fault(error: &reqwest::Error) -> Option<String> {
    let mut cause = error.source();
    while let Some(inner) = cause {
        if let Some(rustls::Error::InvalidCertificate(fault)) = inner.downcast_ref() {
            return Some(match fault {
                rustls::CertificateError::UnknownIssuer => "its issuer is not known here".into(),
                other => tidy(&other.to_string()),
            });
        }
        let wrapped = inner.downcast_ref::<std::io::Error>().and_then(std::io::Error::get_ref);
        cause = match wrapped {
            Some(wrapped) => Some(wrapped),
            None => inner.source(),
        };
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_stays_with_its_origin() {
        let graph = "https://graph.microsoft.com";
        assert!(same_origin("https://graph.microsoft.com/v1.0/users?$skiptoken=a%2Bb", graph));
        assert!(same_origin("https://GRAPH.microsoft.com:443/x", graph));
        for other in [
            "http://graph.microsoft.com/x",
            "https://graph.microsoft.com:444/x",
            "https://graph.microsoft.com.evil.example/x",
            "https://graph.microsoft.com@evil.example/x",
            "/v1.0/users",
            "data:text/plain,x",
            "",
        ] {
            assert!(!same_origin(other, graph), "{other}");
        }
        assert!(!same_origin("data:a", "data:a"));
    }

    #[test]
    fn addresses_are_http_or_https() {
        assert!(check_address("http://127.0.0.1:8080").is_ok());
        for wrong in ["", "graph.microsoft.com", "ldap://dc", "file:///etc", "https://"] {
            assert!(check_address(wrong).is_err(), "{wrong}");
        }
        assert_eq!(host_of("http://127.0.0.1:8080/v1.0?x"), "127.0.0.1:8080");
    }

    #[test]
    fn a_bearer_header_is_marked() {
        let value = bearer(&"abc".to_owned().into()).unwrap();
        assert!(value.is_sensitive());
        assert!(!format!("{value:?}").contains("abc"));
    }
}
