//! Posts to one webhook: the only place beside `tenant/http` that names reqwest.
//!
//! The address is a secret: it is read for each message and appears in no error. Redirects are not followed, since they would take the message elsewhere.

use std::error::Error as _;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use reqwest::{Client, NoProxy, Response, Url};
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::Value;

use super::error::NotifyError;
use crate::model::secret::SecretSource;
use crate::model::settings::{Proxy, ProxySettings, WebhookSettings};

/// Connecting, and the whole exchange.
const CONNECT_LIMIT: Duration = Duration::from_secs(10);
const LIMIT: Duration = Duration::from_secs(20);

/// No more of an answer is read.
const ANSWER: usize = 4 * 1024;

/// No more of an answer is shown.
const SHOWN: usize = 200;

/// No longer pause is kept to, in seconds: an hour.
const LONGEST_PAUSE: u64 = 3_600;

/// One webhook.
#[derive(Clone)]
pub struct Webhook {
    url: SecretSource,
    client: Client,
}

/// Neither its address nor a proxy's login.
impl fmt::Debug for Webhook {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Webhook")
    }
}

/// That it was taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// Which host.
    pub host: String,
    /// HTTP status.
    pub status: u16,
    /// The beginning of what it said, without the address.
    pub said: String,
}

impl Webhook {
    /// Prepares a client; nothing is asked of anybody yet.
    ///
    /// # Errors
    /// When the client cannot be made.
    pub fn new(settings: &WebhookSettings, tls: &Arc<rustls::ClientConfig>) -> Result<Self, NotifyError> {
        let mut builder = Client::builder()
            .tls_backend_preconfigured(rustls::ClientConfig::clone(tls))
            .user_agent(concat!("seatsync/", env!("CARGO_PKG_VERSION")))
            .redirect(reqwest::redirect::Policy::none())
            .retry(reqwest::retry::never())
            .referer(false)
            .no_proxy()
            .connect_timeout(CONNECT_LIMIT)
            .timeout(LIMIT)
            // Messages are minutes apart.
            .pool_max_idle_per_host(0);
        for proxy in proxies(&settings.proxy)? {
            builder = builder.proxy(proxy);
        }
        let client = builder.build().map_err(|error| NotifyError::Client(chain(&error.without_url())))?;
        Ok(Self { url: settings.url.clone(), client })
    }

    /// Posts a message.
    ///
    /// # Errors
    /// When it was not taken.
    pub async fn post(&self, body: &Value) -> Result<Answer, NotifyError> {
        let url = self.address()?;
        self.send(&url, self.client.post(url.clone()).json(body)).await
    }

    /// Gives a sign of life.
    ///
    /// # Errors
    /// When it was not taken.
    pub async fn beat(&self, post: bool) -> Result<Answer, NotifyError> {
        let url = self.address()?;
        let request = if post { self.client.post(url.clone()).body("") } else { self.client.get(url.clone()) };
        self.send(&url, request).await
    }

    fn address(&self) -> Result<Url, NotifyError> {
        address(&self.url.read().map_err(NotifyError::Address)?)
    }

    async fn send(&self, url: &Url, request: reqwest::RequestBuilder) -> Result<Answer, NotifyError> {
        let host = authority(url);
        let response = request.send().await.map_err(|error| trouble(&host, error))?;
        let status = response.status().as_u16();
        let after = pause(&response);
        let said = said(response, url).await;
        match status {
            200..300 => Ok(Answer { host, status, said }),
            429 => Err(NotifyError::Throttled { host, after }),
            408 | 425 | 500.. => Err(NotifyError::Unavailable { host, status, after }),
            _ => {
                let detail = if said.is_empty() { String::new() } else { format!(", \"{said}\"") };
                Err(NotifyError::Refused { host, status, detail })
            }
        }
    }
}

fn address(text: &SecretString) -> Result<Url, NotifyError> {
    let none = || NotifyError::Address("is no https:// address".into());
    let url = Url::parse(text.expose_secret()).ok().filter(Url::has_host).ok_or_else(none)?;
    match url.scheme() {
        "https" => Ok(url),
        "http" if is_loopback(&url) => Ok(url),
        "http" => {
            Err(NotifyError::Address("would be asked without TLS: http:// is for loopback addresses only".into()))
        }
        _ => Err(none()),
    }
}

fn proxies(settings: &ProxySettings) -> Result<Vec<reqwest::Proxy>, NotifyError> {
    let made = |proxy: &Proxy, make: fn(&str) -> reqwest::Result<reqwest::Proxy>| {
        let made = make(&proxy.url).map_err(|error| NotifyError::Client(chain(&error.without_url())))?;
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

fn is_loopback(url: &Url) -> bool {
    let host = url.host_str().unwrap_or_default().trim_start_matches('[').trim_end_matches(']');
    host == "localhost" || host.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
}

fn authority(url: &Url) -> String {
    let host = url.host_str().unwrap_or_default();
    url.port().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"))
}

/// `Retry-After` in seconds (RFC 9110, 10.2.3); a date is not kept to, since whose clock it is by is not known.
fn pause(response: &Response) -> Option<Duration> {
    let text = response.headers().get("retry-after")?.to_str().ok()?.trim();
    let seconds: f64 = text.parse().ok().filter(|seconds: &f64| seconds.is_finite() && *seconds >= 0.0)?;
    Some(Duration::from_secs_f64(seconds.ceil().clamp(1.0, LONGEST_PAUSE as f64)))
}

/// The beginning of a body, on one line, without the address, which some servers repeat.
async fn said(mut response: Response, url: &Url) -> String {
    let mut body = Vec::new();
    while let Ok(Some(chunk)) = response.chunk().await {
        body.extend_from_slice(&chunk);
        if body.len() >= ANSWER {
            body.truncate(ANSWER);
            break;
        }
    }
    let text = without(&String::from_utf8_lossy(&body), url);
    let words: Vec<&str> = text.split_whitespace().collect();
    let text: String = words.join(" ").chars().filter(|c| !c.is_control()).collect();
    match text.char_indices().nth(SHOWN) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text,
    }
}

/// Takes out what of the address may be a token: each part of its path and each value of its query, as sent and decoded.
fn without(text: &str, url: &Url) -> String {
    let decoded: Vec<String> = url.query_pairs().map(|(_, value)| value.into_owned()).collect();
    let raw = url.query().into_iter().flat_map(|query| query.split(['&', '=']));
    let path = url.path().split('/');
    let mut parts: Vec<&str> =
        path.chain(raw).chain(decoded.iter().map(String::as_str)).filter(|part| part.len() >= 4).collect();
    // A part that holds another one goes first.
    parts.sort_by_key(|part| std::cmp::Reverse(part.len()));
    parts.into_iter().fold(text.to_owned(), |text, part| text.replace(part, "…"))
}

fn trouble(host: &str, error: reqwest::Error) -> NotifyError {
    let timed_out = error.is_timeout();
    let error = error.without_url();
    let host = host.to_owned();
    if error.is_builder() {
        return NotifyError::Client(chain(&error));
    }
    if let Some(detail) = certificate_fault(&error) {
        return NotifyError::Untrusted { host, detail };
    }
    let detail = if timed_out { format!("no answer within {} s", LIMIT.as_secs()) } else { chain(&error) };
    NotifyError::Unreachable { host, detail }
}

/// The innermost cause, which says most.
fn chain(error: &reqwest::Error) -> String {
    let mut words = error.to_string();
    let mut cause = error.source();
    while let Some(inner) = cause {
        words = inner.to_string();
        cause = inner.source();
    }
    words.chars().filter(|c| !c.is_control()).take(SHOWN).collect()
}

/// What is wrong with the server's certificate, when that is the cause; an `io::Error` hides what it wraps from `source`.
fn certificate_fault(error: &reqwest::Error) -> Option<String> {
    let mut cause = error.source();
    while let Some(inner) = cause {
        if let Some(rustls::Error::InvalidCertificate(fault)) = inner.downcast_ref() {
            return Some(fault.to_string());
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
    fn what_a_server_says_holds_no_part_of_the_address() {
        let url =
            Url::parse("https://h.example/workflows/ab12cd/triggers?api-version=2016&sig=pu%2Fma-q&sp=x").unwrap();
        let text = without("no workflows at /workflows/ab12cd/triggers?sig=pu%2Fma-q nor pu/ma-q", &url);
        for secret in ["ab12cd", "pu%2Fma-q", "pu/ma-q"] {
            assert!(!text.contains(secret), "{text}");
        }
        assert!(text.starts_with("no "));
    }

    #[test]
    fn only_loopback_is_asked_without_tls() {
        for (text, fits) in [
            ("https://hooks.example.com/x?y=z", true),
            ("http://127.0.0.1:8080/x", true),
            ("http://[::1]/x", true),
            ("http://localhost/x", true),
            ("http://hooks.example.com/x", false),
            ("http://127.0.0.1.example.com/x", false),
            ("http://localhost@example.com/x", false),
            ("ftp://127.0.0.1/x", false),
            ("hooks.example.com", false),
            ("", false),
        ] {
            let read = address(&text.to_owned().into());
            assert_eq!(read.is_ok(), fits, "{text}");
            assert!(text.is_empty() || read.err().is_none_or(|error| !error.to_string().contains(text)), "{text}");
        }
    }
}
