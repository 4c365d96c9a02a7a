//! Groups: listing, members nested or not, and the licenses they give.

use std::collections::BTreeSet;

use axum::http::StatusCode;
use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::{
    Reach,
    access::Caller,
    body,
    filter::{Fields, Filter, Filtered},
    page,
    query::Query,
    route::Members,
    users,
};
use crate::tenant::{
    counters::WriteKind,
    exchange::Call,
    group::{Group, MemberKind},
    knobs::HiddenMembers,
    license::asked,
    person::instant,
    reply::{GraphError, Reply},
    state::State,
};

/// Properties of a group, and whether they are shown without `$select`.
pub(super) const PROPERTIES: &[(&str, bool)] = &[
    ("createdDateTime", true),
    ("description", true),
    ("displayName", true),
    ("groupTypes", true),
    ("mail", true),
    ("mailEnabled", true),
    ("mailNickname", true),
    ("onPremisesSyncEnabled", true),
    ("securityEnabled", true),
    ("visibility", true),
    ("assignedLicenses", false),
    ("licenseProcessingState", false),
];

/// A group beside the tenant that knows who is in it.
struct Seen<'a> {
    state: &'a State,
    group: &'a Group,
}

impl Filtered for Seen<'_> {
    fn value(&self, name: &str) -> Value {
        let group = self.group;
        match name {
            "id" => json!(group.id),
            "createdDateTime" => json!(instant(group.created)),
            "displayName" => json!(group.display_name),
            "groupTypes" => json!([]),
            "mailEnabled" => json!(false),
            "mailNickname" => json!(group.display_name.replace(' ', "")),
            "onPremisesSyncEnabled" => group.synced.then_some(true).into(),
            "securityEnabled" => json!(true),
            "visibility" => group.hidden.then_some("HiddenMembership").into(),
            "assignedLicenses" => {
                let license = |(sku, disabled)| json!({ "skuId": sku, "disabledPlans": disabled });
                group.licenses.iter().map(license).collect()
            }
            "licenseProcessingState" => json!({ "state": group.processing(self.state.now()) }),
            "hasMembersWithLicenseErrors" => json!(!in_error(self.state, group.id).is_empty()),
            _ => Value::Null,
        }
    }

    fn skus(&self) -> BTreeSet<Uuid> {
        self.group.licenses.keys().copied().collect()
    }
}

impl Seen<'_> {
    fn project(&self, select: Option<&[String]>) -> Value {
        let mut body = Map::new();
        match select {
            Some(names) => body.extend(names.iter().map(|name| (name.clone(), self.value(name)))),
            None => {
                body.insert("id".to_owned(), json!(self.group.id));
                let shown = PROPERTIES.iter().filter(|(_, default)| *default);
                body.extend(shown.map(|(name, _)| ((*name).to_owned(), self.value(name))));
            }
        }
        Value::Object(body)
    }
}

/// The names of `$select`; refuses what a group has not.
fn select(query: &Query) -> Result<Option<Vec<String>>, GraphError> {
    let Some(select) = query.get("$select") else {
        return Ok(None);
    };
    let names: Vec<String> = select.split(',').map(|name| name.trim().to_owned()).collect();
    let known = |name: &String| name == "id" || PROPERTIES.iter().any(|(known, _)| known == name);
    match names.iter().find(|name| !known(name)) {
        Some(unknown) => Err(GraphError::gateway(format!(
            "Parsing OData Select and Expand failed: Could not find a property named '{unknown}' on type \
             'microsoft.graph.group'."
        ))),
        None => Ok(Some(names)),
    }
}

fn set(name: &str, select: Option<&[String]>) -> String {
    select.map_or(name.to_owned(), |names| format!("{name}({})", names.join(",")))
}

fn known(state: &State, key: &str) -> Result<Uuid, GraphError> {
    let id = Uuid::try_parse(key).ok().filter(|id| state.groups.contains_key(id));
    id.ok_or_else(|| GraphError::not_found(key))
}

fn matching(state: &State, query: &Query, advanced: bool) -> Result<BTreeSet<Uuid>, GraphError> {
    let filter = query.get("$filter").map(|text| Filter::parse(text, Fields::Group, advanced)).transpose()?;
    let takes = |group: &&Group| filter.as_ref().is_none_or(|filter| filter.takes(&Seen { state, group }));
    Ok(state.groups.values().filter(takes).map(|group| group.id).collect())
}

/// `GET /groups`.
pub(super) fn list(state: &State, call: &Call, query: &Query) -> Result<Reply, GraphError> {
    query.refuse(&["$skip", "$search", "$orderby", "$expand"])?;
    let select = select(query)?;
    let ids = matching(state, query, query.is_advanced(call))?;
    let render = |id: Uuid| Seen { state, group: &state.groups[&id] }.project(select.as_deref());
    page::of(state, call, query, (&ids, &set("groups", select.as_deref())), render)
}

/// `GET /groups/$count`.
pub(super) fn count(state: &State, call: &Call, query: &Query) -> Result<Reply, GraphError> {
    query.require_eventual(call)?;
    Ok(Reply::text(&matching(state, query, true)?.len().to_string()))
}

/// `GET /groups/{id}`.
pub(super) fn get(state: &State, call: &Call, query: &Query, key: &str) -> Result<Reply, GraphError> {
    query.refuse(&["$expand"])?;
    let select = select(query)?;
    let group = &state.groups[&known(state, key)?];
    let mut body = Seen { state, group }.project(select.as_deref());
    body["@odata.context"] = json!(page::context(call, &format!("{}/$entity", set("groups", select.as_deref()))));
    Ok(Reply::odata(&body))
}

/// Direct members whose license from this group failed.
fn in_error(state: &State, id: Uuid) -> BTreeSet<Uuid> {
    let failed = |user: &Uuid| {
        let sources = state.people.get(user).map(|person| person.licensing.sources.as_slice()).unwrap_or_default();
        sources.iter().any(|source| source.group == Some(id) && source.error.is_some())
    };
    state.groups[&id].users.iter().copied().filter(failed).collect()
}

/// `GET /groups/{id}/members`, `…/transitiveMembers` and `…/membersWithLicenseErrors`, with or without a cast to users.
pub(super) fn members(
    state: &mut State,
    call: &Call,
    query: &Query,
    (key, which): (&str, Members),
    caller: &Caller,
) -> Result<Reply, GraphError> {
    query.refuse(&["$skip", "$search", "$orderby", "$expand"])?;
    let id = known(state, key)?;
    let select = query.select()?;
    let advanced = query.is_advanced(call) || (which.count && query.require_eventual(call).is_ok());
    let filter = query.get("$filter").map(|text| Filter::parse(text, Fields::User, advanced)).transpose()?;
    if filter.is_some() && !advanced {
        // Filtering members needs an advanced query whatever the property.
        let text = "The specified filter to the reference property query is currently not supported.";
        return Err(GraphError::new(StatusCode::BAD_REQUEST, "Request_UnsupportedQuery", text));
    }
    let sees_hidden = caller.sees_hidden();
    if state.groups[&id].hidden && !sees_hidden && state.knobs.hidden_members == HiddenMembers::Denied {
        return Err(GraphError::denied());
    }
    let all = state.group_members(id, which.reach == Reach::Transitive, sees_hidden);
    let failed = which.in_error.then(|| in_error(state, id));
    let shown = |id: &Uuid, kind: MemberKind| {
        let user = || state.people.get(id).filter(|_| kind == MemberKind::User);
        (kind == MemberKind::User || !which.users_only)
            && failed.as_ref().is_none_or(|failed| failed.contains(id))
            && filter.as_ref().is_none_or(|filter| user().is_some_and(|user| filter.takes(user)))
    };
    let ids: BTreeSet<Uuid> = all.iter().filter(|(id, kind)| shown(id, **kind)).map(|(id, _)| *id).collect();
    if which.count {
        query.require_eventual(call)?;
        return Ok(Reply::text(&ids.len().to_string()));
    }
    let render = |id: Uuid| {
        let kind = all.get(&id).copied().unwrap_or(MemberKind::Device);
        let mut member = member(state, (id, kind), select.as_deref(), caller);
        if !which.users_only {
            let name = match kind {
                MemberKind::User => "user",
                MemberKind::Group => "group",
                MemberKind::Device => "device",
            };
            member["@odata.type"] = json!(format!("#microsoft.graph.{name}"));
        }
        member
    };
    let set = if which.users_only { set("users", select.as_deref()) } else { "directoryObjects".to_owned() };
    page::of(state, call, query, (&ids, &set), render)
}

/// A member as this caller may see it: who may not read users sees that they exist, everything else being null.
fn member(state: &State, (id, kind): (Uuid, MemberKind), select: Option<&[String]>, caller: &Caller) -> Value {
    let whole = match kind {
        MemberKind::User => state.people.get(&id).map(|person| Value::Object(person.project(select))),
        MemberKind::Group => state.groups.get(&id).map(|group| Seen { state, group }.project(select)),
        MemberKind::Device => None,
    };
    let mut whole = whole.unwrap_or_else(|| json!({ "id": id }));
    if kind == MemberKind::User && !caller.reads_users() {
        for (name, value) in whole.as_object_mut().into_iter().flatten() {
            if name != "id" {
                *value = Value::Null;
            }
        }
    }
    whole
}

/// `GET /users/{id}/memberOf` and `…/transitiveMemberOf`.
pub(super) fn member_of(
    state: &mut State,
    call: &Call,
    query: &Query,
    (key, reach): (&str, Reach),
    caller: &Caller,
) -> Result<Reply, GraphError> {
    query.refuse(&["$skip", "$search", "$orderby", "$expand"])?;
    let select = select(query)?;
    let user = users::present(state, key)?;
    let mut ids = state.groups_of(user, reach == Reach::Transitive);
    ids.retain(|id| caller.sees_hidden() || !state.groups[id].hidden);
    let render = |id: Uuid| {
        let mut group = Seen { state, group: &state.groups[&id] }.project(select.as_deref());
        group["@odata.type"] = json!("#microsoft.graph.group");
        group
    };
    page::of(state, call, query, (&ids, "directoryObjects"), render)
}

/// `POST /groups/{id}/assignLicense`: 202; the members have it later.
pub(super) fn assign_license(state: &mut State, call: &Call, key: &str) -> Result<Reply, GraphError> {
    let asked = asked(&body(call)?)?;
    let id = known(state, key)?;
    for (sku, disabled) in &asked.add {
        state.check_product(*sku, disabled)?;
    }
    if state.set_group_licenses(id, asked.add, asked.remove) {
        state.counters.write(WriteKind::Other).effective += 1;
    }
    let mut body = Seen { state, group: &state.groups[&id] }.project(None);
    body["@odata.context"] = json!(page::context(call, "groups/$entity"));
    let reply = Reply { status: StatusCode::ACCEPTED, ..Reply::odata(&body) };
    Ok(reply.with("location", "https://graph.microsoft.com"))
}
