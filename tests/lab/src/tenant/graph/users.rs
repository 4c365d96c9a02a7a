//! Users: listing, reading, PATCH, assignLicense.

use std::{collections::BTreeSet, ops::Bound};

use axum::http::StatusCode;
use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::{
    body,
    filter::{Fields, Filter, Filtered},
    page::{self, PageToken},
    query::Query,
};
use crate::tenant::{
    clock::after,
    counters::WriteKind,
    countries::is_country,
    exchange::Call,
    knobs::Concurrency,
    person::{Existence, Person},
    properties::property,
    reply::{GraphError, Reply},
    state::State,
};

/// `GET /users`.
pub(super) fn list(state: &mut State, call: &Call, query: &Query) -> Result<Reply, GraphError> {
    query.refuse(&["$skip", "$search", "$orderby", "$expand"])?;
    let select = query.select()?;
    let counted = query.is_advanced(call);
    let filter = query.get("$filter").map(|text| Filter::parse(text, Fields::User, counted)).transpose()?;
    let size = page::size(state, query.get("$top"))?;
    let token: Option<PageToken> = query.get("$skiptoken").map(page::decode).transpose()?;
    if let Some(token) = &token {
        page::check_age(state, token.issued)?;
        // Seen in the field: the token of such a listing is dead on arrival.
        let by_license = filter.as_ref().is_some_and(Filter::by_license);
        if state.knobs.license_filter_expires && by_license && !counted {
            return Err(page::expired());
        }
    }
    let blank = token.as_ref().is_some_and(|token| token.blank);
    let from = token.as_ref().and_then(|token| token.after);
    let asked = Asked { filter: filter.as_ref(), advanced: counted };
    let matching = matching(state, from, asked, if blank { 1 } else { size + 1 });
    let shown = &matching[..if blank { 0 } else { matching.len().min(size) }];
    let items: Vec<Value> = shown.iter().map(|id| Value::Object(state.people[id].project(select.as_deref()))).collect();
    let mut body = Map::new();
    let set = select.as_ref().map_or("users".to_owned(), |names| format!("users({})", names.join(",")));
    body.insert("@odata.context".to_owned(), json!(page::context(call, &set)));
    if counted && token.is_none() {
        let all = self::matching(state, None, asked, usize::MAX).len();
        body.insert("@odata.count".to_owned(), json!(all));
    }
    if matching.len() > shown.len() {
        let next = PageToken {
            after: shown.last().copied().or(from),
            blank: state.knobs.empty_pages && !blank,
            issued: state.now(),
        };
        let link = page::link(call, &format!("users?{}", query.with("$skiptoken", &page::encode(&next))));
        body.insert("@odata.nextLink".to_owned(), json!(link));
    }
    body.insert("value".to_owned(), Value::Array(items));
    for id in shown {
        state.note_read(*id);
    }
    Ok(Reply::odata(&Value::Object(body)))
}

/// `GET /users/$count`: plain text, for advanced queries alone.
pub(super) fn count(state: &mut State, call: &Call, query: &Query) -> Result<Reply, GraphError> {
    query.require_eventual(call)?;
    let filter = query.get("$filter").map(|text| Filter::parse(text, Fields::User, true)).transpose()?;
    let asked = Asked { filter: filter.as_ref(), advanced: true };
    Ok(Reply::text(&matching(state, None, asked, usize::MAX).len().to_string()))
}

impl Filtered for Person {
    fn value(&self, name: &str) -> Value {
        Self::value(self, name)
    }

    fn skus(&self) -> BTreeSet<Uuid> {
        self.shown_licensing().held_skus()
    }
}

/// Which users a listing is about.
#[derive(Clone, Copy)]
struct Asked<'a> {
    filter: Option<&'a Filter>,
    advanced: bool,
}

/// The first `limit` users after `from` that the filter takes, in order of id. Advanced queries ask an index that trails.
fn matching(state: &State, from: Option<Uuid>, asked: Asked<'_>, limit: usize) -> Vec<Uuid> {
    let Asked { filter, advanced } = asked;
    let (now, lag) = (state.now(), state.knobs.index_lag);
    let indexed = |person: &Person| !advanced || person.arrived.is_none_or(|arrived| after(arrived, lag) <= now);
    let takes = |person: &&Person| {
        person.existence == Existence::Present && indexed(person) && filter.is_none_or(|filter| filter.takes(*person))
    };
    if let Some(candidates) = filter.and_then(|filter| filter.candidates(state)) {
        let later = candidates.into_iter().filter(|id| from.is_none_or(|from| *id > from));
        return later.filter(|id| state.people.get(id).as_ref().is_some_and(takes)).take(limit).collect();
    }
    let start = from.map_or(Bound::Unbounded, Bound::Excluded);
    let people = state.people.range((start, Bound::Unbounded)).map(|(_, person)| person);
    people.filter(takes).take(limit).map(|person| person.id).collect()
}

/// The user a request addresses, unless it is deleted or not yet on this replica.
pub(super) fn present(state: &mut State, key: &str) -> Result<Uuid, GraphError> {
    let known = state.find(key).filter(|id| state.people[id].existence == Existence::Present);
    known.filter(|id| !state.still_absent(*id)).ok_or_else(|| GraphError::not_found(key))
}

/// `GET /users/{id}`.
pub(super) fn get(state: &mut State, call: &Call, query: &Query, key: &str) -> Result<Reply, GraphError> {
    query.refuse(&["$expand"])?;
    let select = query.select()?;
    let id = present(state, key)?;
    let set = select.as_ref().map_or("users/$entity".to_owned(), |names| format!("users({})/$entity", names.join(",")));
    let mut body = state.people[&id].project(select.as_deref());
    body.insert("@odata.context".to_owned(), json!(page::context(call, &set)));
    state.note_read(id);
    Ok(Reply::odata(&Value::Object(body)))
}

/// `PATCH /users/{id}`.
pub(super) fn patch(state: &mut State, call: &Call, key: &str) -> Result<Reply, GraphError> {
    let body = body(call)?;
    let id = present(state, key)?;
    // Microsoft's own clients send `@odata.type` along.
    let members = body.as_object().cloned().unwrap_or_default().into_iter();
    let changes: Vec<(String, Value)> = members.filter(|(name, _)| !name.starts_with('@')).collect();
    let synced = state.people[&id].flag("onPremisesSyncEnabled") == Some(true);
    for (name, value) in &changes {
        check_patch(name, value, synced)?;
    }
    let mut located = false;
    let mut other = false;
    for (name, value) in changes {
        let changed = state.set_property(id, &name, value).map_err(|_| invalid_value(&name))?;
        if name == "usageLocation" { located |= changed } else { other |= changed }
    }
    if located {
        state.count_effect(id, WriteKind::PatchUsageLocation, &[]);
    }
    if other {
        state.count_effect(id, WriteKind::Other, &[]);
    }
    Ok(Reply::empty(StatusCode::NO_CONTENT))
}

/// Whether that property may be given that value by a client.
pub(super) fn check_patch(name: &str, value: &Value, synced: bool) -> Result<(), GraphError> {
    let Some(known) = property(name) else {
        // The text is assumed.
        return Err(GraphError::bad_request(format!("One or more properties contains invalid values: {name}.")));
    };
    if known.read_only {
        return Err(GraphError::bad_request(format!("Property '{name}' is read-only and cannot be set.")));
    }
    if known.mastered && synced {
        return Err(GraphError::bad_request(
            "Unable to update the specified properties for on-premises mastered Directory Sync objects or objects \
             currently undergoing migration.",
        ));
    }
    if name == "usageLocation" && !value.as_str().is_some_and(is_country) {
        return Err(invalid_value(name));
    }
    Ok(())
}

/// The directory's general pattern for a bad value; the exact text for usageLocation is not public.
fn invalid_value(name: &str) -> GraphError {
    GraphError::bad_request(format!("Invalid value specified for property '{name}' of resource 'User'."))
}

/// `POST /users/{id}/assignLicense`. The answer shows the default properties only, as recorded on the wire.
pub(super) fn assign_license(state: &mut State, call: &Call, key: &str) -> Result<Reply, GraphError> {
    let body = body(call)?;
    let id = present(state, key)?;
    if call.collides {
        return Err(match state.knobs.concurrency {
            Concurrency::BadRequest => GraphError::bad_request(super::CONCURRENT),
            Concurrency::Allowed | Concurrency::Conflict => {
                GraphError::new(StatusCode::CONFLICT, "Directory_ConcurrencyViolation", super::CONCURRENT)
            }
        });
    }
    let parts = state.assign_license(id, &body)?;
    if !parts.is_empty() {
        state.count_effect(id, WriteKind::AssignLicense, &parts);
    }
    let mut user = state.people[&id].project(None);
    user.insert("@odata.context".to_owned(), json!(page::context(call, "users/$entity")));
    Ok(Reply::odata(&Value::Object(user)).with("location", "https://graph.microsoft.com"))
}

/// `POST /users/{id}/reprocessLicenseAssignment`: what its groups give is worked out anew, and what stands in the way is
/// said.
pub(super) fn reprocess(state: &mut State, call: &Call, key: &str) -> Result<Reply, GraphError> {
    let id = present(state, key)?;
    let before = state.people[&id].licensing.sources.clone();
    let outcome = state.reprocess_licenses(id);
    if state.people[&id].licensing.sources != before {
        state.count_effect(id, WriteKind::Other, &[]);
    }
    outcome?;
    let mut user = state.people[&id].project(None);
    user.insert("@odata.context".to_owned(), json!(page::context(call, "users/$entity")));
    Ok(Reply::odata(&Value::Object(user)))
}
