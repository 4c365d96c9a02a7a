//! Graph v1.0, as far as the lab knows it: routes, tokens, permissions, and what each request costs.

mod access;
pub(super) mod batch;
mod create;
mod delta;
mod devices;
mod filter;
mod groups;
mod page;
mod products;
mod query;
mod route;
mod users;

use axum::http::{Method, StatusCode};
use serde_json::Value;

pub(super) use self::route::{Reach, Route};
use self::{access::Caller, query::Query};
use super::{
    counters::WriteKind,
    exchange::Call,
    reply::{GraphError, Reply},
    state::State,
};

/// The words of a concurrency violation, whatever its status and code.
pub(super) const CONCURRENT: &str =
    "Error due to concurrent requests being made to the tenant. Please wait briefly and retry.";

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
    let units = resource_units(call, &query);
    let mut charge = super::throttling::Charge::default();
    let outcome = access::authenticate(state, call).and_then(|caller| {
        charge = state.charge(&caller.app_id, units, call.method != Method::GET);
        charge.refusal.take().map_or(Ok(()), Err)?;
        access::authorize(&caller, call)?;
        dispatch(state, call, &query, &caller)
    });
    let mut reply = outcome.unwrap_or_else(|error| refused(state, call, error));
    call.correlation.stamp(&mut reply, units);
    charge.tell(&mut reply);
    reply
}

/// An error as it goes out.
fn refused(state: &State, call: &Call, error: GraphError) -> Reply {
    state.knobs.language.translated(error).reply(&call.correlation)
}

fn dispatch(state: &mut State, call: &Call, query: &Query, caller: &Caller) -> Result<Reply, GraphError> {
    match (&call.route, &call.method) {
        (Route::Users, &Method::GET) => users::list(state, call, query),
        (Route::Users, &Method::POST) => create::answer(state, call),
        (Route::UsersCount, &Method::GET) => users::count(state, call, query),
        (Route::UsersDelta, &Method::GET) => delta::answer(state, call, query),
        (Route::User(key), &Method::GET) => users::get(state, call, query, key),
        (Route::User(key), &Method::PATCH) => users::patch(state, call, key),
        (Route::AssignLicense(key), &Method::POST) => users::assign_license(state, call, key),
        (Route::ReprocessLicenses(key), &Method::POST) => users::reprocess(state, call, key),
        (Route::LicenseDetails(key), &Method::GET) => products::license_details(state, call, query, key),
        (Route::MemberOf(key, reach), &Method::GET) => {
            groups::member_of(state, call, query, (key.as_str(), *reach), caller)
        }
        (Route::Groups, &Method::GET) => groups::list(state, call, query),
        (Route::GroupsCount, &Method::GET) => groups::count(state, call, query),
        (Route::Group(key), &Method::GET) => groups::get(state, call, query, key),
        (Route::GroupAssignLicense(key), &Method::POST) => groups::assign_license(state, call, key),
        (Route::GroupMembers(key, members), &Method::GET) => {
            groups::members(state, call, query, (key.as_str(), *members), caller)
        }
        (Route::ManagedDevices, &Method::GET) => devices::list(state, call, query),
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

/// What the request costs in resource units, as Microsoft's table has it: a base per route, one less for `$select`, one
/// more for `$expand`, one less for a small `$top`, never below one.
fn resource_units(call: &Call, query: &Query) -> u32 {
    let base: u32 = match &call.route {
        _ if call.method != Method::GET => 1,
        Route::Users | Route::LicenseDetails(_) | Route::MemberOf(..) => 2,
        Route::SubscribedSkus => 3,
        Route::GroupMembers(_, members) if members.reach == Reach::Transitive => 5,
        Route::GroupMembers(..) => 3,
        _ => 1,
    };
    let small = query.get("$top").and_then(|top| top.parse::<u32>().ok()).is_some_and(|top| top < 20);
    let more = base + u32::from(query.get("$expand").is_some());
    more.saturating_sub(u32::from(query.get("$select").is_some()) + u32::from(small)).max(1)
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
