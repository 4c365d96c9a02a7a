//! Page tokens and links: opaque to the client, absolute, on the host the client spoke to.

use std::{collections::BTreeSet, ops::Bound};

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use jiff::Timestamp;
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::query::Query;
use crate::tenant::{
    clock::after,
    exchange::Call,
    reply::{GraphError, Reply},
    state::State,
};

/// Items of a page when `$top` is not given.
pub(super) const DEFAULT_PAGE: usize = 100;

/// Where a listing goes on.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct PageToken {
    /// The last user of the page before.
    pub(super) after: Option<Uuid>,
    /// The page this token asks for is an empty one.
    pub(super) blank: bool,
    pub(super) issued: Timestamp,
}

pub(super) fn encode(token: &impl Serialize) -> String {
    // A plain struct of numbers and texts always serializes.
    let text = serde_json::to_string(token).unwrap_or_default();
    // Turned, so that the same beginning does not tempt anyone to read it.
    URL_SAFE_NO_PAD.encode(text.bytes().rev().collect::<Vec<u8>>())
}

pub(super) fn decode<T: DeserializeOwned>(text: &str) -> Result<T, GraphError> {
    let bytes = URL_SAFE_NO_PAD.decode(text).ok().map(|bytes| bytes.into_iter().rev().collect::<Vec<u8>>());
    bytes
        .and_then(|bytes| serde_json::from_slice(&bytes).ok())
        .ok_or_else(|| GraphError::bad_request("The specified page token value is invalid."))
}

/// Refuses a page token that is too old. The text is assumed.
pub(super) fn check_age(state: &State, issued: Timestamp) -> Result<(), GraphError> {
    if state.now() < after(issued, state.knobs.page_token_lifetime) {
        return Ok(());
    }
    Err(expired())
}

/// 400 `Directory_ExpiredPageToken`.
pub(super) fn expired() -> GraphError {
    GraphError::new(
        axum::http::StatusCode::BAD_REQUEST,
        "Directory_ExpiredPageToken",
        "The specified page token value has expired and can no longer be included in the request.",
    )
}

/// How many items a page may hold.
pub(super) fn size(state: &State, top: Option<&str>) -> Result<usize, GraphError> {
    let asked = match top {
        None => DEFAULT_PAGE,
        Some(text) => text.parse().ok().filter(|top| (1..=999).contains(top)).ok_or_else(|| {
            GraphError::bad_request(format!(
                "Invalid page size specified: '{text}'. Must be between 1 and 999 inclusive."
            ))
        })?,
    };
    Ok(state.knobs.page_size.map_or(asked, |cap| asked.min(cap.max(1))))
}

/// An absolute address under Graph's root.
pub(super) fn link(call: &Call, path_and_query: &str) -> String {
    // A host without a port is one of those behind the TLS front.
    let scheme = if call.host.contains(':') { "http" } else { "https" };
    format!("{scheme}://{}/v1.0/{path_and_query}", call.host)
}

/// `@odata.context` of that set.
pub(super) fn context(call: &Call, of: &str) -> String {
    link(call, &format!("$metadata#{of}"))
}

/// A page of objects that are known to be all there are, in order of id, each rendered by `render`.
pub(super) fn of(
    state: &State,
    call: &Call,
    query: &Query,
    (ids, set): (&BTreeSet<Uuid>, &str),
    render: impl Fn(Uuid) -> Value,
) -> Result<Reply, GraphError> {
    let size = size(state, query.get("$top"))?;
    let token: Option<PageToken> = query.get("$skiptoken").map(decode).transpose()?;
    if let Some(token) = &token {
        check_age(state, token.issued)?;
    }
    let blank = token.as_ref().is_some_and(|token| token.blank);
    let from = token.as_ref().and_then(|token| token.after);
    let start = from.map_or(Bound::Unbounded, Bound::Excluded);
    let left: Vec<Uuid> = ids.range((start, Bound::Unbounded)).copied().take(size + 1).collect();
    let shown = &left[..if blank { 0 } else { left.len().min(size) }];
    let mut body = Map::new();
    body.insert("@odata.context".to_owned(), json!(context(call, set)));
    if query.is_advanced(call) && token.is_none() {
        body.insert("@odata.count".to_owned(), json!(ids.len()));
    }
    if left.len() > shown.len() {
        let next = PageToken {
            after: shown.last().copied().or(from),
            blank: state.knobs.empty_pages && !blank,
            issued: state.now(),
        };
        let path = call.path.trim_start_matches("/v1.0/");
        let next = link(call, &format!("{path}?{}", query.with("$skiptoken", &encode(&next))));
        body.insert("@odata.nextLink".to_owned(), json!(next));
    }
    body.insert("value".to_owned(), shown.iter().map(|id| render(*id)).collect());
    Ok(Reply::odata(&Value::Object(body)))
}
