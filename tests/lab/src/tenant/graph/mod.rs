//! Graph v1.0, as far as the lab knows it: routes, tokens, permissions, and what each request costs.

pub(super) mod batch;
mod delta;
mod filter;
mod page;
mod products;
mod query;
mod users;

use axum::http::{Method, StatusCode};
use serde_json::Value;

use self::query::Query;
use super::{
    counters::WriteKind,
    exchange::Call,
    reply::{GraphError, Reply},
    state::State,
};

/// What a path addresses.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Route {
    /// The login endpoint, with the tenant in its path.
    Token(String),
    Users,
    UsersDelta,
    /// By id or UPN, decoded.
    User(String),
    AssignLicense(String),
    SubscribedSkus,
    /// By `{tenant}_{sku}`.
    SubscribedSku(String),
    Organization,
    Batch,
    /// A first segment of Graph that the lab does not know.
    UnknownSegment(String),
    /// Outside `/v1.0`.
    Elsewhere,
}

impl Route {
    pub(super) fn of(method: &Method, path: &str) -> Self {
        let segments: Vec<String> = path.split('/').filter(|segment| !segment.is_empty()).map(decoded).collect();
        let segments: Vec<&str> = segments.iter().map(String::as_str).collect();
        match segments.as_slice() {
            [tenant, "oauth2", "v2.0", "token"] if *method == Method::POST => Self::Token((*tenant).to_owned()),
            ["v1.0", rest @ ..] => Self::of_graph(rest),
            _ => Self::Elsewhere,
        }
    }

    fn of_graph(segments: &[&str]) -> Self {
        match segments {
            ["users"] => Self::Users,
            ["users", "delta" | "delta()" | "microsoft.graph.delta" | "microsoft.graph.delta()"] => Self::UsersDelta,
            ["users", key] => Self::User((*key).to_owned()),
            ["users", key, "assignLicense" | "microsoft.graph.assignLicense"] => Self::AssignLicense((*key).to_owned()),
            ["subscribedSkus"] => Self::SubscribedSkus,
            ["subscribedSkus", key] => Self::SubscribedSku((*key).to_owned()),
            ["organization"] => Self::Organization,
            ["$batch"] => Self::Batch,
            [.., last] => Self::UnknownSegment((*last).to_owned()),
            [] => Self::Elsewhere,
        }
    }

    /// Key of the user it addresses.
    pub(super) fn user(&self) -> Option<&str> {
        match self {
            Self::User(key) | Self::AssignLicense(key) => Some(key),
            _ => None,
        }
    }

    /// The name under which it is counted.
    pub(super) fn name(&self, method: &Method) -> String {
        let path = match self {
            Self::Token(_) => "/token",
            Self::Users => "/users",
            Self::UsersDelta => "/users/delta",
            Self::User(_) => "/users/{id}",
            Self::AssignLicense(_) => "/users/{id}/assignLicense",
            Self::SubscribedSkus => "/subscribedSkus",
            Self::SubscribedSku(_) => "/subscribedSkus/{id}",
            Self::Organization => "/organization",
            Self::Batch => "/$batch",
            Self::UnknownSegment(_) | Self::Elsewhere => "unknown",
        };
        format!("{method} {path}")
    }
}

/// What kind of write a request is, if it is one.
pub(super) fn write_kind(call: &Call) -> Option<WriteKind> {
    match (&call.route, &call.method) {
        (Route::Token(_) | Route::Batch, _) | (_, &Method::GET) => None,
        (Route::AssignLicense(_), _) => Some(WriteKind::AssignLicense),
        (Route::User(_), &Method::PATCH) if body(call).is_ok_and(|body| body.get("usageLocation").is_some()) => {
            Some(WriteKind::PatchUsageLocation)
        }
        _ => Some(WriteKind::Other),
    }
}

/// Answers anything but the login endpoint and a whole `$batch`.
pub(super) fn answer(state: &mut State, call: &Call) -> Reply {
    let query = Query::of(call.query.as_deref());
    let outcome = authorize(state, call).and_then(|()| dispatch(state, call, &query));
    let mut reply = outcome.unwrap_or_else(|error| error.reply(&call.correlation));
    call.correlation.stamp(&mut reply, resource_units(call, &query));
    reply
}

fn dispatch(state: &mut State, call: &Call, query: &Query) -> Result<Reply, GraphError> {
    match (&call.route, &call.method) {
        (Route::Users, &Method::GET) => users::list(state, call, query),
        (Route::UsersDelta, &Method::GET) => delta::answer(state, call, query),
        (Route::User(key), &Method::GET) => users::get(state, call, query, key),
        (Route::User(key), &Method::PATCH) => users::patch(state, call, key),
        (Route::AssignLicense(key), &Method::POST) => users::assign_license(state, call, key),
        (Route::SubscribedSkus, &Method::GET) => products::list(state, call, query),
        (Route::SubscribedSku(key), &Method::GET) => products::get(state, call, query, key),
        (Route::Organization, &Method::GET) => products::organization(state, call, query),
        (Route::Batch, _) => Err(GraphError::gateway("A batch request cannot contain another batch request.")),
        (Route::UnknownSegment(segment), _) => {
            Err(GraphError::gateway(format!("Resource not found for the segment '{segment}'.")))
        }
        (Route::Elsewhere, _) => Err(GraphError::new(StatusCode::NOT_FOUND, "ResourceNotFound", "Invalid version.")),
        _ => Err(GraphError::new(
            StatusCode::METHOD_NOT_ALLOWED,
            "Request_BadRequest",
            "Specified HTTP method is not allowed for the request target.",
        )),
    }
}

/// Checks the token and that it carries one of the roles the request takes.
pub(super) fn authorize(state: &State, call: &Call) -> Result<(), GraphError> {
    let bearer =
        call.header("authorization").and_then(|value| value.strip_prefix("Bearer ")).unwrap_or_default().trim();
    if bearer.is_empty() {
        return Err(GraphError::unauthenticated("Access token is empty."));
    }
    let Some(token) = state.tokens.get(bearer) else {
        return Err(GraphError::unauthenticated("CompactToken parsing failed with error code: 80049217"));
    };
    if token.expires <= call.correlation.at {
        return Err(GraphError::unauthenticated("Lifetime validation failed, the token is expired."));
    }
    if !token.for_graph {
        return Err(GraphError::unauthenticated("Access token validation failure. Invalid audience."));
    }
    match roles(call) {
        Some(roles) if !roles.iter().any(|role| token.roles.contains(*role)) => Err(GraphError::denied()),
        _ => Ok(()),
    }
}

/// Application permissions any one of which suffices, from Microsoft's permissions list; `None`: a token is enough.
fn roles(call: &Call) -> Option<&'static [&'static str]> {
    Some(match (&call.route, &call.method) {
        (Route::Users | Route::UsersDelta | Route::User(_), &Method::GET) => {
            &["User.Read.All", "Directory.Read.All", "User.ReadWrite.All", "Directory.ReadWrite.All"]
        }
        (Route::User(_), _) => &["User.ReadUpdate.All", "User.ReadWrite.All", "Directory.ReadWrite.All"],
        (Route::AssignLicense(_), _) => {
            &["LicenseAssignment.ReadWrite.All", "User.ReadWrite.All", "Directory.ReadWrite.All"]
        }
        (Route::SubscribedSkus | Route::SubscribedSku(_), _) => &[
            "LicenseAssignment.Read.All",
            "Organization.Read.All",
            "Organization.ReadWrite.All",
            "Directory.Read.All",
            "Directory.ReadWrite.All",
        ],
        (Route::Organization, _) => &[
            "DeviceManagementServiceConfig.Read.All",
            "User.Read.All",
            "Organization.Read.All",
            "Directory.Read.All",
            "Directory.ReadWrite.All",
        ],
        _ => return None,
    })
}

/// What the request costs in resource units: a base per route, less one for `$select`, less one for a small `$top`.
fn resource_units(call: &Call, query: &Query) -> u32 {
    let base: u32 = match call.route {
        Route::Users => 2,
        Route::SubscribedSkus => 3,
        _ => 1,
    };
    let small = query.get("$top").and_then(|top| top.parse::<u32>().ok()).is_some_and(|top| top < 20);
    base.saturating_sub(u32::from(query.get("$select").is_some()) + u32::from(small)).max(1)
}

/// The JSON body of a write.
fn body(call: &Call) -> Result<Value, GraphError> {
    let is_json = call.header("content-type").is_some_and(|media| media.starts_with("application/json"));
    serde_json::from_slice(&call.body).ok().filter(|_| is_json).filter(Value::is_object).ok_or_else(|| {
        GraphError::gateway(
            "Unable to read JSON request payload. Please ensure Content-Type header is set and payload is of valid JSON format.",
        )
    })
}

/// Percent-decoding; what is not valid UTF-8 afterwards is replaced.
pub(super) fn decoded(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut out = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while let Some(byte) = bytes.get(at) {
        let escape = bytes.get(at + 1..at + 3).filter(|_| *byte == b'%').and_then(|hex| std::str::from_utf8(hex).ok());
        match escape.and_then(|hex| u8::from_str_radix(hex, 16).ok()) {
            Some(byte) => {
                out.push(byte);
                at += 3;
            }
            None => {
                out.push(*byte);
                at += 1;
            }
        }
    }
    String::from_utf8_lossy(&out).into_owned()
}
