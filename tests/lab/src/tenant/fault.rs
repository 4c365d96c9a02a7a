//! Faults: answers other than the right one.

use std::{collections::BTreeMap, time::Duration};

use axum::http::StatusCode;
use bytes::Bytes;
use serde::{Deserialize, Serialize};

use super::{
    clock::span,
    exchange::Call,
    matching::{Match, Matcher},
    reply::{GraphError, Reply},
};

/// What to do to which requests. The first fault that takes a request is the only one.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Fault {
    /// The requests.
    #[serde(default, rename = "match")]
    pub when: Match,
    /// What happens to them.
    pub then: Then,
}

/// What happens to a faulty request. Delays go with everything; of `cut`, `status` and `truncate` the first counts.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
pub struct Then {
    /// Waits so long before anything else.
    #[serde(with = "span", skip_serializing_if = "Duration::is_zero")]
    pub delay: Duration,
    /// Closes the connection without an answer. Inside a `$batch` it is the batch's connection.
    pub cut: bool,
    /// Answers with that status.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<u16>,
    /// Graph's error code in that answer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
    /// Graph's error text in that answer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
    /// Headers more, for example `Retry-After`.
    pub headers: BTreeMap<String, String>,
    /// The body as it is, instead of Graph's error envelope; `text/html` unless `headers` says otherwise.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub body: Option<String>,
    /// Sends only so many bytes of the right answer's body, then closes the connection.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub truncate: Option<usize>,
    /// Sends the headers at once and the body in pieces over so long.
    #[serde(with = "span", skip_serializing_if = "Duration::is_zero")]
    pub slow_body: Duration,
    /// The request is carried out all the same; only its answer is lost or wrong.
    pub after_effect: bool,
}

/// A fault in force.
#[derive(Debug, Clone)]
pub(super) struct ArmedFault {
    pub(super) id: u64,
    pub(super) matcher: Matcher,
    pub(super) then: Then,
}

impl Fault {
    /// Answers with that status, code and text in Graph's envelope, nothing being carried out.
    #[must_use]
    pub fn answer(when: Match, status: u16, code: &str, message: &str) -> Self {
        let (code, message) = (Some(code.to_owned()), Some(message.to_owned()));
        Self { when, then: Then { status: Some(status), code, message, ..Then::default() } }
    }

    /// 429 `TooManyRequests`, with `Retry-After` as given (seconds, or none).
    #[must_use]
    pub fn throttled(when: Match, retry_after: Option<&str>) -> Self {
        let fault = Self::answer(when, 429, "TooManyRequests", "Please retry again later.");
        match retry_after {
            Some(wait) => fault.header("Retry-After", wait),
            None => fault,
        }
    }

    /// Answers with that status and raw body, nothing being carried out.
    #[must_use]
    pub fn raw(when: Match, status: u16, content_type: &str, body: &str) -> Self {
        let then = Then { status: Some(status), body: Some(body.to_owned()), ..Then::default() };
        Self { when, then }.header("Content-Type", content_type)
    }

    /// Closes the connection unanswered, nothing being carried out.
    #[must_use]
    pub fn cut(when: Match) -> Self {
        Self { when, then: Then { cut: true, ..Then::default() } }
    }

    /// Carries out and answers, but breaks off after so many bytes of the body.
    #[must_use]
    pub fn truncated(when: Match, bytes: usize) -> Self {
        Self { when, then: Then { truncate: Some(bytes), ..Then::default() } }
    }

    /// Carries out and answers, later.
    #[must_use]
    pub fn delayed(when: Match, delay: Duration) -> Self {
        Self { when, then: Then { delay, ..Then::default() } }
    }

    /// Carries out and answers, the body trickling over so long.
    #[must_use]
    pub fn slow_body(when: Match, over: Duration) -> Self {
        Self { when, then: Then { slow_body: over, ..Then::default() } }
    }

    /// A gateway's page of HTML instead of Graph's answer, nothing being carried out.
    #[must_use]
    pub fn gateway(when: Match, status: u16) -> Self {
        let page = format!("<html><head><title>{status}</title></head><body><h1>{status}</h1></body></html>");
        Self::raw(when, status, "text/html; charset=utf-8", &page)
    }

    /// The same, but the request is carried out although the answer is lost or wrong.
    #[must_use]
    pub fn after_effect(mut self) -> Self {
        self.then.after_effect = true;
        self
    }

    /// The same with a header more.
    #[must_use]
    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.then.headers.insert(name.to_owned(), value.to_owned());
        self
    }
}

impl Then {
    /// Whether the request is carried out.
    pub(super) fn carries_out(&self) -> bool {
        self.after_effect || (!self.cut && self.status.is_none())
    }

    /// The wrong answer, if there is one to give.
    pub(super) fn answer(&self, call: &Call) -> Option<Reply> {
        let status = StatusCode::from_u16(self.status?).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let mut reply = match &self.body {
            Some(body) => {
                let mut reply = Reply::empty(status).with("content-type", "text/html");
                reply.body = Bytes::from(body.clone());
                reply
            }
            None => {
                let code = self.code.as_deref().unwrap_or("UnknownError");
                let message = self.message.clone().unwrap_or_default();
                GraphError::new(status, code, message).reply(&call.correlation)
            }
        };
        for (name, value) in &self.headers {
            reply.set(name, value);
        }
        Some(reply)
    }
}
