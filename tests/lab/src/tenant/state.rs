//! The tenant while it runs. One mutex guards it; every change of a user takes the next sequence number, which is what
//! delta queries walk.

use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use uuid::Uuid;

use super::{
    clock::after,
    counters::Counters,
    fault::ArmedFault,
    gate::GateState,
    group::Group,
    knobs::Knobs,
    login::Token,
    new_user::NewUser,
    person::{Existence, Person, instant},
    properties::{Kind, property},
    request_log::RequestLog,
    sku::Sku,
    throttling::AppMeters,
    world::{App, Dependency, Exclusion, Organization, World, WorldError},
};

/// The tenant while it runs.
pub(super) struct State {
    pub(super) organization: Organization,
    pub(super) apps: Vec<App>,
    pub(super) skus: Vec<Sku>,
    pub(super) exclusions: Vec<Exclusion>,
    pub(super) dependencies: Vec<Dependency>,
    pub(super) knobs: Knobs,
    pub(super) people: BTreeMap<Uuid, Person>,
    pub(super) groups: BTreeMap<Uuid, Group>,
    pub(super) devices: BTreeMap<Uuid, super::device::Device>,
    by_upn: BTreeMap<String, Uuid>,
    by_anchor: BTreeMap<String, BTreeSet<Uuid>>,
    pub(super) seq: u64,
    /// The latest change of each user, in order.
    pub(super) changes: BTreeMap<u64, Uuid>,
    /// Users whose reads still show older licenses.
    pub(super) lagging: BTreeSet<Uuid>,
    pub(super) seats: BTreeMap<Uuid, super::license::Seats>,
    pub(super) tokens: BTreeMap<String, Token>,
    /// Delta tokens of an earlier epoch are expired.
    pub(super) delta_epoch: u64,
    pub(super) license_writes: BTreeMap<Uuid, u32>,
    pub(super) meters: AppMeters,
    /// Requests that wrote while a storm raged.
    pub(super) storm_requests: u64,
    pub(super) faults: Vec<ArmedFault>,
    pub(super) gates: BTreeMap<u64, GateState>,
    pub(super) last_id: u64,
    pub(super) counters: Counters,
    pub(super) log: RequestLog,
    offset: SignedDuration,
    rng: fastrand::Rng,
}

impl State {
    pub(super) fn new(world: World) -> Result<Self, WorldError> {
        let mut state = Self {
            rng: fastrand::Rng::with_seed(world.organization.seed),
            organization: world.organization,
            apps: world.apps,
            skus: world.skus,
            exclusions: world.exclusions,
            dependencies: world.dependencies,
            knobs: world.knobs,
            people: BTreeMap::new(),
            groups: BTreeMap::new(),
            devices: BTreeMap::new(),
            by_upn: BTreeMap::new(),
            by_anchor: BTreeMap::new(),
            seq: 0,
            changes: BTreeMap::new(),
            lagging: BTreeSet::new(),
            seats: BTreeMap::new(),
            tokens: BTreeMap::new(),
            delta_epoch: 0,
            license_writes: BTreeMap::new(),
            meters: AppMeters::default(),
            storm_requests: 0,
            faults: Vec::new(),
            gates: BTreeMap::new(),
            last_id: 0,
            counters: Counters::default(),
            log: RequestLog::default(),
            offset: SignedDuration::ZERO,
        };
        for user in world.users {
            let id = state.add_user(user).map_err(WorldError::Invalid)?;
            state.person_mut(id, |person| person.arrived = None);
        }
        for group in world.groups {
            state.add_group(group).map_err(WorldError::Invalid)?;
        }
        Ok(state)
    }

    /// The lab's clock.
    pub(super) fn now(&self) -> Timestamp {
        let now = Timestamp::now();
        now.checked_add(self.offset).unwrap_or(now)
    }

    pub(super) fn advance(&mut self, by: SignedDuration) {
        self.offset = self.offset.saturating_add(by);
    }

    pub(super) fn draw_id(&mut self) -> Uuid {
        uuid::Builder::from_random_bytes(self.rng.u128(..).to_be_bytes()).into_uuid()
    }

    /// A number for a gate or a fault.
    pub(super) fn next_id(&mut self) -> u64 {
        self.last_id += 1;
        self.last_id
    }

    /// The user of that object id or UPN (any case), deleted ones by id only.
    pub(super) fn find(&self, key: &str) -> Option<Uuid> {
        match Uuid::try_parse(key) {
            Ok(id) => self.people.contains_key(&id).then_some(id),
            Err(_) => self.by_upn.get(&key.to_lowercase()).copied(),
        }
    }

    pub(super) fn with_anchor(&self, anchor: &str) -> impl Iterator<Item = Uuid> {
        self.by_anchor.get(anchor).into_iter().flatten().copied()
    }

    fn person_mut(&mut self, id: Uuid, change: impl FnOnce(&mut Person)) {
        if let Some(person) = self.people.get_mut(&id) {
            change(person);
        }
    }

    /// Gives the user the next sequence number, as do the named properties.
    pub(super) fn touch(&mut self, id: Uuid, names: &[&'static str]) {
        let Some(person) = self.people.get_mut(&id) else {
            return;
        };
        self.seq += 1;
        self.changes.remove(&person.changed_seq);
        person.changed_seq = self.seq;
        person.property_seq.extend(names.iter().map(|name| (*name, self.seq)));
        self.changes.insert(self.seq, id);
    }

    /// Creates a user. Seats are counted, not checked.
    pub(super) fn add_user(&mut self, user: NewUser) -> Result<Uuid, String> {
        let now = self.now();
        let user = user.completed(now);
        let id = match user.id {
            Some(id) => id,
            None => self.draw_id(),
        };
        let upn = user.properties.get("userPrincipalName").and_then(Value::as_str).unwrap_or_default();
        if upn.is_empty() {
            return Err("a user needs a userPrincipalName".to_owned());
        }
        if self.people.contains_key(&id) || self.find(upn).is_some() {
            return Err(format!("a user {id} or {upn} exists already"));
        }
        let sources = user.licenses.iter().map(|license| self.source(license, now)).collect::<Result<Vec<_>, _>>()?;
        let mut person = Person::new(id);
        for (name, value) in user.properties {
            let (name, value) = checked(&name, value)?;
            person.properties.insert(name, value);
        }
        person.properties.retain(|_, value| !value.is_null());
        person.arrived = Some(now);
        self.people.insert(id, person);
        self.index(id);
        self.touch(id, &[]);
        let seq = self.seq;
        self.person_mut(id, |person| person.created_seq = seq);
        self.set_sources(id, sources);
        Ok(id)
    }

    /// Sets one property, whoever may; `true` if that changed it.
    pub(super) fn set_property(&mut self, id: Uuid, name: &str, value: Value) -> Result<bool, String> {
        let (name, value) = checked(name, value)?;
        let Some(person) = self.people.get(&id) else {
            return Err(format!("no user {id}"));
        };
        if person.properties.get(name).unwrap_or(&Value::Null) == &value {
            return Ok(false);
        }
        if name == "userPrincipalName" {
            let new = value.as_str().unwrap_or_default();
            if self.find(new).is_some_and(|other| other != id) {
                return Err(format!("another user has the UPN {new}"));
            }
        }
        self.unindex(id);
        let now = self.now();
        self.person_mut(id, |person| {
            if name == "usageLocation" {
                person.location_set = Some(now);
                person.refused_location = 0;
            }
            match value {
                Value::Null => person.properties.remove(name),
                value => person.properties.insert(name, value),
            };
        });
        self.index(id);
        self.touch(id, &[name]);
        Ok(true)
    }

    fn index(&mut self, id: Uuid) {
        let Some(person) = self.people.get(&id).filter(|person| person.existence == Existence::Present) else {
            return;
        };
        self.by_upn.insert(person.upn().to_lowercase(), id);
        if let Some(anchor) = person.anchor() {
            self.by_anchor.entry(anchor.to_owned()).or_default().insert(id);
        }
    }

    fn unindex(&mut self, id: Uuid) {
        let Some(person) = self.people.get(&id) else {
            return;
        };
        let upn = person.upn().to_lowercase();
        if self.by_upn.get(&upn) == Some(&id) {
            self.by_upn.remove(&upn);
        }
        if let Some(ids) = person.anchor().and_then(|anchor| self.by_anchor.get_mut(anchor)) {
            ids.remove(&id);
        }
    }

    /// Moves a user between present, recycled and purged; licenses are released and taken again.
    pub(super) fn set_existence(&mut self, id: Uuid, existence: Existence) -> Result<(), String> {
        let Some(person) = self.people.get(&id) else {
            return Err(format!("no user {id}"));
        };
        if person.existence == existence {
            return Ok(());
        }
        if existence == Existence::Present && self.by_upn.contains_key(&person.upn().to_lowercase()) {
            return Err(format!("another user has the UPN {} by now", person.upn()));
        }
        let held = person.licensing.held_skus();
        let was_present = person.existence == Existence::Present;
        let now = self.now();
        self.unindex(id);
        self.person_mut(id, |person| {
            person.existence = existence;
            match existence {
                Existence::Present => person.properties.remove("deletedDateTime"),
                _ => person.properties.insert("deletedDateTime", json!(instant(now))),
            };
        });
        self.index(id);
        match (was_present, existence == Existence::Present) {
            (true, false) => self.count_seats(&held, &BTreeSet::new()),
            (false, true) => self.count_seats(&BTreeSet::new(), &held),
            _ => {}
        }
        let whole: Vec<&'static str> = super::properties::PROPERTIES.iter().map(|property| property.name).collect();
        self.touch(id, if existence == Existence::Present { &whole } else { &["deletedDateTime"] });
        Ok(())
    }

    /// Lets pass what time has brought: stale pictures end.
    pub(super) fn settle(&mut self) {
        self.settle_groups();
        if self.lagging.is_empty() {
            return;
        }
        let now = self.now();
        for id in std::mem::take(&mut self.lagging) {
            let Some(person) = self.people.get_mut(&id) else {
                continue;
            };
            let over = |stale: &super::person::Stale| stale.until <= now && stale.reads_left == 0;
            match person.stale.take_if(|stale| over(stale)) {
                Some(stale) => {
                    let names = person.licensing.differences(&stale.shown);
                    self.touch_if_any(id, &names);
                }
                None if person.stale.is_some() => {
                    self.lagging.insert(id);
                }
                None => {}
            }
        }
    }

    pub(super) fn touch_if_any(&mut self, id: Uuid, names: &[&'static str]) {
        if !names.is_empty() {
            self.touch(id, names);
        }
    }

    /// Counts a read of a user against what is left of its stale picture.
    pub(super) fn note_read(&mut self, id: Uuid) {
        if let Some(stale) = self.people.get_mut(&id).and_then(|person| person.stale.as_mut()) {
            stale.reads_left = stale.reads_left.saturating_sub(1);
        }
    }

    /// Whether the user, though it exists, is still 404 to whoever addresses it; counts the refusal.
    pub(super) fn still_absent(&mut self, id: Uuid) -> bool {
        let now = self.now();
        let (span, calls) = (self.knobs.absent_for, self.knobs.absent_calls);
        let Some(person) = self.people.get_mut(&id) else {
            return true;
        };
        let Some(arrived) = person.arrived else {
            return false;
        };
        if person.refused_as_absent < calls {
            person.refused_as_absent += 1;
            return true;
        }
        now < after(arrived, span)
    }
}

/// The property of that name, and the value with "" for null; refuses what a user has not or what is worked out.
fn checked(name: &str, value: Value) -> Result<(&'static str, Value), String> {
    let known = property(name).ok_or_else(|| format!("a user has no property {name}"))?;
    let value = if value == json!("") { Value::Null } else { value };
    let fits = match known.kind {
        Kind::Text => value.is_string() || value.is_null(),
        Kind::Bool => value.is_boolean() || value.is_null(),
        Kind::List => value.is_array(),
        Kind::Licensing => false,
    };
    if fits { Ok((known.name, value)) } else { Err(format!("{name} cannot be set to {value}")) }
}
