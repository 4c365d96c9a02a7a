//! What Graph's answer to a request means: pure. Every way Graph is known to say no is a row here, and each row a test.
//!
//! Nearly all refusals of a license are `400 Request_BadRequest` and differ in their text alone ("assignLicense", as
//! recorded in the field; Microsoft documents no list). So: the most specific code that is understood wins
//! ("Microsoft Graph error responses": `innerError` nests), then a stable fragment of the text, then the status, since texts
//! can be localised.

#![deny(clippy::disallowed_types, clippy::disallowed_methods)]

use std::time::Duration;

use jiff::Timestamp;
use serde_json::Value;

use crate::model::verdict::{Refusal, Scope, Verdict};

/// The response headers that say something ("Microsoft Graph throttling guidance", "Best practices": `request-id`).
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Headers {
    /// `Retry-After`: seconds, in practice also decimal ones, or an HTTP date (RFC 9110, 10.2.3).
    pub retry_after: Option<String>,
    /// `Date`: the server's clock, by which a `Retry-After` date is understood.
    pub date: Option<String>,
    /// `request-id`.
    pub request_id: Option<String>,
    /// `x-ms-ags-diagnostic`: where it was handled; support asks for it.
    pub diagnostic: Option<String>,
    /// `WWW-Authenticate`: what the server wants to see first.
    pub challenge: Option<String>,
    /// `x-ms-throttle-limit-percentage`: how full the quota is, sent above 0.8; 1.0 is full.
    pub pressure: Option<f64>,
}

impl Headers {
    /// Picks them out of all, which `text` finds by name whatever its case.
    pub(super) fn from_names(text: impl Fn(&str) -> Option<String>) -> Self {
        Self {
            retry_after: text("retry-after"),
            date: text("date"),
            request_id: text("request-id"),
            diagnostic: text("x-ms-ags-diagnostic"),
            challenge: text("www-authenticate"),
            pressure: text("x-ms-throttle-limit-percentage").and_then(|share| share.trim().parse().ok()),
        }
    }
}

/// What an answer means, with what support asks for.
#[derive(Clone, Debug, PartialEq)]
pub struct Judgement {
    /// What it means.
    pub verdict: Verdict,
    /// Graph's `error.code`.
    pub code: Option<String>,
    /// Graph's `error.message`, or what came instead of one.
    pub message: Option<String>,
    /// Graph's `request-id`.
    pub request_id: Option<String>,
}

/// Judges the answer to a write.
#[must_use]
pub fn judge(status: u16, headers: &Headers, body: &[u8]) -> Judgement {
    let error = GraphError::read(body);
    let after = retry_after(headers);
    let request_id = headers.request_id.clone().or_else(|| error.request_id.clone());
    if (200..300).contains(&status) {
        return Judgement { verdict: Verdict::Accepted, code: None, message: None, request_id };
    }
    let verdict = match status {
        401 => Verdict::Unauthorized,
        403 => Verdict::Forbidden,
        404 if !error.codes.is_empty() => Verdict::NotFound,
        // Without Graph's words it comes from something in between and says nothing about the user.
        404 => Verdict::Unavailable { after },
        429 => Verdict::Throttled { after },
        // A request timeout and a gateway timeout leave open whether it was done.
        408 | 504 => Verdict::Unknown,
        507 => refused(Scope::Tenant, "directory-quota-exceeded"),
        // A redirect of a captive portal or proxy; a batch item whose predecessor failed: not executed.
        100..400 | 424 => Verdict::Unavailable { after },
        400..500 => error.verdict(after).unwrap_or_else(|| by_status(status)),
        _ => Verdict::Unavailable { after },
    };
    Judgement { verdict, code: error.code().map(ToOwned::to_owned), message: error.words(status), request_id }
}

fn by_status(status: u16) -> Verdict {
    match status {
        409 | 412 | 423 => refused(Scope::User, "graph-conflict"),
        _ => refused(Scope::User, "graph-refused"),
    }
}

fn refused(scope: Scope, code: &str) -> Verdict {
    Verdict::Refused(Refusal { code: code.into(), scope })
}

/// The wait that an answer asks for, in whole seconds, at least one, at most a day.
#[must_use]
pub fn retry_after(headers: &Headers) -> Option<Duration> {
    let text = headers.retry_after.as_deref()?.trim();
    let seconds = if text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.') {
        text.parse::<f64>().ok()?
    } else {
        let until = http_date(text)?;
        let now = http_date(headers.date.as_deref()?)?;
        until.duration_since(now).as_secs_f64()
    };
    Some(Duration::from_secs_f64(seconds.ceil().clamp(1.0, 86_400.0)))
}

/// RFC 9110's preferred form, which is RFC 2822's with `GMT`.
pub(super) fn http_date(text: &str) -> Option<Timestamp> {
    jiff::fmt::rfc2822::DateTimeParser::new().parse_timestamp(text.trim()).ok()
}

/// Graph's error object, flattened: whatever of it was there.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct GraphError {
    /// `code`s, the outermost first, then `details`, then `innerError` and so on inward.
    pub codes: Vec<String>,
    /// `message`s in the same order.
    pub messages: Vec<String>,
    /// `innerError.request-id`.
    pub request_id: Option<String>,
}

impl GraphError {
    /// Reads a body; one that is not Graph's (HTML from a gateway, nothing) gives an empty error.
    #[must_use]
    pub fn read(body: &[u8]) -> Self {
        let mut error = Self::default();
        if let Ok(Value::Object(envelope)) = serde_json::from_slice::<Value>(body)
            && let Some(outer) = envelope.get("error")
        {
            error.gather(outer, 0);
        }
        error
    }

    fn gather(&mut self, value: &Value, depth: usize) {
        let Value::Object(members) = value else { return };
        let text = |name: &str| members.get(name).and_then(Value::as_str).filter(|text| !text.is_empty());
        self.codes.extend(text("code").map(ToOwned::to_owned));
        self.messages.extend(text("message").map(ToOwned::to_owned));
        if self.request_id.is_none() {
            self.request_id = text("request-id").map(ToOwned::to_owned);
        }
        if depth > 16 {
            return;
        }
        for detail in members.get("details").and_then(Value::as_array).into_iter().flatten() {
            self.gather(detail, depth + 1);
        }
        for name in ["innerError", "innererror"] {
            if let Some(inner) = members.get(name) {
                self.gather(inner, depth + 1);
            }
        }
    }

    /// The outermost code.
    #[must_use]
    pub fn code(&self) -> Option<&str> {
        self.codes.first().map(String::as_str)
    }

    /// Whether one of the codes is this one, without case.
    #[must_use]
    pub fn has(&self, code: &str) -> bool {
        self.codes.iter().any(|known| known.eq_ignore_ascii_case(code))
    }

    /// Whether Graph no longer knows a delta link ("Use delta query", synchronization reset).
    #[must_use]
    pub fn wants_resync(&self) -> bool {
        self.codes.iter().any(|code| {
            let code = code.to_ascii_lowercase();
            code.starts_with("resync") || code.starts_with("syncstate")
        })
    }

    /// All that was said, in lower case.
    #[must_use]
    pub fn text(&self) -> String {
        self.messages.join("\n").to_lowercase()
    }

    /// What to show of it.
    #[must_use]
    pub fn words(&self, status: u16) -> Option<String> {
        match (self.messages.first(), self.code()) {
            (Some(message), _) => Some(tidy(message)),
            (None, Some(code)) => Some(tidy(code)),
            (None, None) => Some(format!("status {status} without a Graph error")),
        }
    }

    fn verdict(&self, after: Option<Duration>) -> Option<Verdict> {
        let text = self.text();
        if text.contains("concurrent requests") {
            return Some(Verdict::Concurrency);
        }
        let by_code = self.codes.iter().rev().find_map(|code| understood_code(code, after));
        by_code.or_else(|| {
            FRAGMENTS.iter().find(|row| row.0.iter().all(|part| text.contains(part))).map(|row| row.1.verdict())
        })
    }
}

/// Codes that mean something by themselves: the directory layer's, and those of `licenseAssignmentState.error`, which Graph
/// also sends in `details`.
fn understood_code(code: &str, after: Option<Duration>) -> Option<Verdict> {
    Some(match code.to_ascii_lowercase().as_str() {
        "directory_concurrencyviolation" => Verdict::Concurrency,
        "request_resourcenotfound" | "directory_objectnotfound" => Verdict::NotFound,
        "authorization_requestdenied" => Verdict::Forbidden,
        "toomanyrequests" | "request_throttledtemporarily" => Verdict::Throttled { after },
        "directory_replicaunavailable"
        | "service_internalservererror"
        | "serviceunavailable"
        | "servicenotavailable" => Verdict::Unavailable { after },
        "directory_quotaexceeded" => refused(Scope::Tenant, "directory-quota-exceeded"),
        "countviolation" => Verdict::NoSeat,
        "mutuallyexclusiveviolation" => refused(Scope::User, "plans-mutually-exclusive"),
        "dependencyviolation" => refused(Scope::User, "plan-dependency"),
        "prohibitedinusagelocationviolation" => refused(Scope::User, "plan-prohibited-in-location"),
        "uniquenessviolation" => refused(Scope::User, "proxy-address-conflict"),
        _ => return None,
    })
}

/// What a row of [`FRAGMENTS`] leads to.
enum Meaning {
    NoSeat,
    LocationNotReady,
    AlreadySo,
    User(&'static str),
    Sku(&'static str),
}

impl Meaning {
    fn verdict(&self) -> Verdict {
        match self {
            Self::NoSeat => Verdict::NoSeat,
            Self::LocationNotReady => Verdict::LocationNotReady,
            Self::AlreadySo => Verdict::AlreadySo,
            Self::User(code) => refused(Scope::User, code),
            Self::Sku(code) => refused(Scope::Sku, code),
        }
    }
}

/// Fragments, in lower case, of texts seen in the field; all of a row must occur. The first row that fits decides.
const FRAGMENTS: &[(&[&str], Meaning)] = &[
    (&["does not have any available licenses"], Meaning::NoSeat),
    (&["invalid usage location"], Meaning::LocationNotReady),
    (&["does not correspond to a valid company license"], Meaning::Sku("sku-not-owned")),
    (&["cannot be assigned to a user"], Meaning::Sku("sku-not-for-users")),
    (&["mutually exclusive"], Meaning::User("plans-mutually-exclusive")),
    (&["depends on the service plan"], Meaning::User("plan-dependency")),
    (&["inherited from a group membership"], Meaning::User("license-inherited-from-group")),
    (&["does not have a corresponding license"], Meaning::AlreadySo),
    (&["no license changes provided"], Meaning::AlreadySo),
    (&["proxyaddresses", "already exists"], Meaning::User("proxy-address-conflict")),
    (&["proxy address", "already being used"], Meaning::User("proxy-address-conflict")),
    (&["edm.guid"], Meaning::Sku("sku-id-malformed")),
    (&["on-premises mastered"], Meaning::User("location-mastered-on-premises")),
    (&["usagelocation"], Meaning::User("location-invalid")),
    // The exact words for a foreign plan in disabledPlans are not on record.
    (&["plan", "belong to the subscription"], Meaning::Sku("plan-not-in-sku")),
    (&["plan", "does not belong"], Meaning::Sku("plan-not-in-sku")),
    (&["plan", "doesn't belong"], Meaning::Sku("plan-not-in-sku")),
    (&["disabledplans"], Meaning::Sku("plan-not-in-sku")),
];

/// One line fit to be shown: no line ends, not endless, and nothing that looks like a token.
pub(super) fn tidy(text: &str) -> String {
    let mut line = String::new();
    for word in text.split(|char: char| char.is_whitespace() || char.is_control()).filter(|word| !word.is_empty()) {
        if line.chars().count() > 500 {
            line.push('…');
            break;
        }
        if !line.is_empty() {
            line.push(' ');
        }
        match word.find("eyJ") {
            Some(start) if word.len() > start + 40 => {
                line.push_str(&word[..start]);
                line.push('…');
            }
            _ => line.extend(word.chars().take(500)),
        }
    }
    line
}

#[cfg(test)]
#[path = "reply_tests.rs"]
mod tests;
