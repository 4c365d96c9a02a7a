//! One user of the tenant: stored properties, license sources, plans, and since when each changed.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::{
    counters::UserCounters,
    licensing::Licensing,
    properties::{Kind, PROPERTIES, property},
};

/// Graph's lifetime of an object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Existence {
    /// Listed, readable.
    Present,
    /// Soft-deleted: restorable, `@removed` with reason `changed`.
    Recycled,
    /// Gone for good: `@removed` with reason `deleted`.
    Purged,
}

/// An older picture of someone's licenses that reads still show.
#[derive(Debug, Clone)]
pub(super) struct Stale {
    pub(super) shown: Licensing,
    pub(super) until: Timestamp,
    pub(super) reads_left: u32,
}

/// One user object.
#[derive(Debug, Clone)]
pub(super) struct Person {
    pub(super) id: Uuid,
    pub(super) properties: BTreeMap<&'static str, Value>,
    pub(super) licensing: Licensing,
    pub(super) stale: Option<Stale>,
    pub(super) counters: UserCounters,
    pub(super) existence: Existence,
    /// When it came into the running lab; `None` for those of the world's file.
    pub(super) arrived: Option<Timestamp>,
    pub(super) refused_as_absent: u32,
    pub(super) location_set: Option<Timestamp>,
    pub(super) refused_location: u32,
    pub(super) created_seq: u64,
    pub(super) changed_seq: u64,
    pub(super) property_seq: BTreeMap<&'static str, u64>,
}

impl Person {
    pub(super) fn new(id: Uuid) -> Self {
        Self {
            id,
            properties: BTreeMap::new(),
            licensing: Licensing::default(),
            stale: None,
            counters: UserCounters::default(),
            existence: Existence::Present,
            arrived: None,
            refused_as_absent: 0,
            location_set: None,
            refused_location: 0,
            created_seq: 0,
            changed_seq: 0,
            property_seq: BTreeMap::new(),
        }
    }

    pub(super) fn text(&self, name: &str) -> Option<&str> {
        self.properties.get(name).and_then(Value::as_str)
    }

    pub(super) fn flag(&self, name: &str) -> Option<bool> {
        self.properties.get(name).and_then(Value::as_bool)
    }

    pub(super) fn upn(&self) -> &str {
        self.text("userPrincipalName").unwrap_or_default()
    }

    pub(super) fn anchor(&self) -> Option<&str> {
        self.text("onPremisesImmutableId")
    }

    /// What a read shows now: the stale picture while there is one.
    pub(super) fn shown_licensing(&self) -> &Licensing {
        self.stale.as_ref().map_or(&self.licensing, |stale| &stale.shown)
    }

    /// The value of a known property as a read shows it.
    pub(super) fn value(&self, name: &str) -> Value {
        match name {
            "id" => json!(self.id),
            "assignedLicenses" => self.shown_licensing().assigned_licenses(),
            "licenseAssignmentStates" => self.shown_licensing().assignment_states(),
            "assignedPlans" => self.shown_licensing().assigned_plans(),
            _ => match (self.properties.get(name), property(name).map(|property| property.kind)) {
                (Some(value), _) => value.clone(),
                (None, Some(Kind::List)) => json!([]),
                (None, _) => Value::Null,
            },
        }
    }

    /// The selected properties and `id`, or Graph's default set.
    pub(super) fn project(&self, select: Option<&[String]>) -> Map<String, Value> {
        let mut body = Map::new();
        match select {
            Some(names) => body.extend(names.iter().map(|name| (name.clone(), self.value(name)))),
            None => {
                let defaults = PROPERTIES.iter().filter(|property| property.default);
                body.extend(defaults.map(|property| (property.name.to_owned(), self.value(property.name))));
                body.insert("id".to_owned(), json!(self.id));
            }
        }
        body
    }

    /// Whether any of these changed after `seq`.
    pub(super) fn changed_since(&self, seq: u64, name: &str) -> bool {
        self.created_seq > seq || self.property_seq.get(name).is_some_and(|changed| *changed > seq)
    }
}

/// Graph's way to write an instant: whole seconds, UTC.
pub(super) fn instant(at: Timestamp) -> String {
    at.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}
