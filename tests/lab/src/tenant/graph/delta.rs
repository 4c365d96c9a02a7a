//! `GET /users/delta`: walks the sequence of changes from where a token stands.

use std::collections::BTreeSet;

use axum::http::StatusCode;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::{
    page::{self, DEFAULT_PAGE},
    query::Query,
};
use crate::tenant::{
    clock::after,
    exchange::Call,
    knobs::{DeltaShape, ExpiredDelta},
    person::{Existence, Person},
    properties::PROPERTIES,
    reply::{GraphError, Reply},
    state::State,
};

/// A skip token or a delta token; what was selected at the beginning travels in it.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct DeltaToken {
    /// What the client knew when the round began; 0 in the first round.
    base: u64,
    /// Changes up to here are told.
    told: u64,
    /// Where the sequence stood when the round began.
    begun: u64,
    select: Option<Vec<String>>,
    /// `Prefer: return=minimal`.
    minimal: bool,
    /// Of `$filter=id eq …`.
    only: Option<BTreeSet<Uuid>>,
    blank: bool,
    issued: Timestamp,
    epoch: u64,
}

/// `GET /users/delta`.
pub(super) fn answer(state: &mut State, call: &Call, query: &Query) -> Result<Reply, GraphError> {
    query.refuse(&["$top", "$orderby", "$expand", "$search", "$skip"])?;
    let mut token = match (query.get("$skiptoken"), query.get("$deltatoken")) {
        (Some(skip), _) => resumed(state, call, skip)?,
        (None, Some(delta)) if !delta.is_empty() && delta != "latest" => {
            let mut token = resumed(state, call, delta)?;
            (token.base, token.begun, token.blank) = (token.told, state.seq, false);
            token.minimal |= prefers_minimal(call);
            begin_round(state);
            token
        }
        (None, latest) => first(state, call, query, latest == Some("latest"))?,
    };
    let begins = query.get("$skiptoken").is_none();
    let mut items = if begins { replayed(state, &token) } else { Vec::new() };
    let more = match token.blank {
        true => true,
        false => take_page(state, &mut token, &mut items),
    };
    if state.knobs.delta_duplicates {
        items.extend(items.clone());
    }
    token.issued = state.now();
    token.blank = more && state.knobs.empty_pages && !token.blank;
    Ok(page(call, &token, more, items))
}

fn prefers_minimal(call: &Call) -> bool {
    call.header("prefer").is_some_and(|prefer| prefer.to_lowercase().replace(' ', "").contains("return=minimal"))
}

fn first(state: &State, call: &Call, query: &Query, latest: bool) -> Result<DeltaToken, GraphError> {
    let told = if latest { state.seq } else { 0 };
    Ok(DeltaToken {
        base: told,
        told,
        begun: state.seq,
        select: query.select()?,
        minimal: prefers_minimal(call),
        only: query.get("$filter").map(only).transpose()?,
        blank: false,
        issued: state.now(),
        epoch: state.delta_epoch,
    })
}

/// `id eq '…' or id eq '…'`, at most 50 of them.
fn only(filter: &str) -> Result<BTreeSet<Uuid>, GraphError> {
    let id = |clause: &str| {
        let quoted = clause.trim().strip_prefix("id eq ")?.trim();
        Uuid::try_parse(quoted.strip_prefix('\'')?.strip_suffix('\'')?).ok()
    };
    let ids: Option<BTreeSet<Uuid>> = filter.split(" or ").map(id).collect();
    ids.filter(|ids| ids.len() <= 50).ok_or_else(|| {
        GraphError::new(
            StatusCode::BAD_REQUEST,
            "Request_UnsupportedQuery",
            "Unsupported or invalid query filter clause specified for a delta query of resource 'User'.",
        )
    })
}

/// The token a link carries, unless it has expired.
fn resumed(state: &State, call: &Call, text: &str) -> Result<DeltaToken, GraphError> {
    let token: DeltaToken = page::decode(text)?;
    if token.epoch == state.delta_epoch && state.now() < after(token.issued, state.knobs.delta_token_lifetime) {
        return Ok(token);
    }
    let select = token.select.map_or(String::new(), |names| format!("$select={}&", names.join(",")));
    let restart = page::link(call, &format!("users/delta?{select}$deltatoken="));
    let gone = |code| GraphError::new(StatusCode::GONE, code, EXPIRED).header("location", &restart);
    Err(match state.knobs.expired_delta {
        ExpiredDelta::SyncStateNotFound => gone("syncStateNotFound"),
        ExpiredDelta::ResyncRequired => gone("resyncRequired"),
        ExpiredDelta::BadRequest => GraphError::new(StatusCode::BAD_REQUEST, "syncStateNotFound", EXPIRED),
    })
}

/// The text is assumed; clients go by status and code.
const EXPIRED: &str = "The sync state generation is not found or has expired; a full synchronization is required.";

/// The start of a round is a read for everyone whose licenses still show an older picture.
fn begin_round(state: &mut State) {
    for id in state.lagging.clone() {
        state.note_read(id);
    }
}

/// Users told before, told again.
fn replayed(state: &State, token: &DeltaToken) -> Vec<Value> {
    let earlier = state.changes.range(..=token.base).rev().take(state.knobs.delta_replay);
    earlier.filter_map(|(_, id)| item(state, token, &state.people[id], true)).collect()
}

/// Adds the next page's items and moves the token; whether there is more.
fn take_page(state: &mut State, token: &mut DeltaToken, items: &mut Vec<Value>) -> bool {
    let size = state.knobs.page_size.unwrap_or(DEFAULT_PAGE).max(1);
    let mut shown = Vec::new();
    let mut more = false;
    let changes = state.changes.range(token.told + 1..);
    for (seq, id) in changes {
        let Some(item) = item(state, token, &state.people[id], false) else {
            token.told = *seq;
            continue;
        };
        if shown.len() == size {
            more = true;
            break;
        }
        token.told = *seq;
        shown.push(*id);
        items.push(item);
    }
    if !more {
        token.told = token.told.max(state.seq);
    }
    for id in shown {
        state.note_read(id);
    }
    more
}

/// What the delta says about a user, if anything.
fn item(state: &State, token: &DeltaToken, person: &Person, replay: bool) -> Option<Value> {
    if token.only.as_ref().is_some_and(|only| !only.contains(&person.id)) {
        return None;
    }
    let reason = match person.existence {
        Existence::Present => None,
        Existence::Recycled => Some("changed"),
        Existence::Purged => Some("deleted"),
    };
    if let Some(reason) = reason {
        let known = token.base > 0 || person.changed_seq > token.begun;
        return (known && !replay).then(|| json!({ "id": person.id, "@removed": { "reason": reason } }));
    }
    let new = person.created_seq > token.base;
    if new && state.knobs.delta_misses_new {
        return None;
    }
    let selected: Vec<&str> = match &token.select {
        Some(names) => names.iter().map(String::as_str).collect(),
        None => PROPERTIES.iter().filter(|property| property.default).map(|property| property.name).collect(),
    };
    // A change of licenseAssignmentStates alone is never recorded as a change.
    let changed: Vec<&str> = selected.into_iter().filter(|name| person.changed_since(token.base, name)).collect();
    if changed.is_empty() && !new && !replay {
        return None;
    }
    let minimal = token.minimal || state.knobs.delta_shape == DeltaShape::Changed;
    let mut shown = person.project(token.select.as_deref());
    shown.insert("id".to_owned(), json!(person.id));
    if minimal && !new && !replay {
        shown.retain(|name, _| name == "id" || changed.contains(&name.as_str()));
    }
    Some(Value::Object(shown))
}

fn page(call: &Call, token: &DeltaToken, more: bool, items: Vec<Value>) -> Reply {
    let set = token.select.as_ref().map_or("users".to_owned(), |names| format!("users({})", names.join(",")));
    let mut body = Map::new();
    body.insert("@odata.context".to_owned(), json!(page::context(call, &set)));
    let (name, option) = if more { ("@odata.nextLink", "$skiptoken") } else { ("@odata.deltaLink", "$deltatoken") };
    let link = page::link(call, &format!("users/delta?{option}={}", page::encode(token)));
    body.insert(name.to_owned(), json!(link));
    body.insert("value".to_owned(), Value::Array(items));
    Reply::odata(&Value::Object(body))
}
