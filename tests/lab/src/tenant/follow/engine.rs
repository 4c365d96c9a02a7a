//! What a sync cycle does with a complete read of the directory.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use base64::{Engine, engine::general_purpose::STANDARD};
use jiff::Timestamp;
use serde_json::{Value, json};
use uuid::Uuid;

use super::DirectoryRecord;
use crate::tenant::{
    NewUser, Tenant,
    clock::after,
    person::{Existence, instant},
    state::State,
};

/// What one import did.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Imported {
    /// Users created.
    pub created: u64,
    /// Users changed, restored or matched.
    pub updated: u64,
    /// Users soft-deleted, since their account is gone or excluded.
    pub deleted: u64,
    /// Accounts whose delay has not passed.
    pub waiting: u64,
    /// Accounts the tenant refused, with the reason.
    pub refused: Vec<String>,
}

impl Imported {
    pub(super) fn add(&mut self, other: &Self) {
        self.created += other.created;
        self.updated += other.updated;
        self.deleted += other.deleted;
        self.waiting = other.waiting;
        self.refused.clone_from(&other.refused);
    }
}

/// Entra Connect's memory: which account became which user, and who still waits.
#[derive(Debug, Clone, Default)]
pub struct SyncEngine {
    delay: Duration,
    /// First seen, on the lab's clock, of accounts without a user.
    waiting: BTreeMap<Uuid, Timestamp>,
    /// Users by objectGUID.
    synced: BTreeMap<Uuid, Uuid>,
}

impl SyncEngine {
    /// An engine that has seen nothing; an account becomes a user so long after it was first seen.
    #[must_use]
    pub fn new(delay: Duration) -> Self {
        Self { delay, ..Self::default() }
    }

    /// When the next account that waits becomes a user.
    #[must_use]
    pub fn next_due(&self) -> Option<Timestamp> {
        self.waiting.values().min().map(|seen| after(*seen, self.delay))
    }

    /// Imports a complete read: what is not in it is gone. Users the engine has not made or matched stay as they are.
    pub fn import(&mut self, tenant: &Tenant, records: &[DirectoryRecord]) -> Imported {
        tenant.shared.write(|state| self.import_into(state, records))
    }

    fn import_into(&mut self, state: &mut State, records: &[DirectoryRecord]) -> Imported {
        let mut imported = Imported::default();
        let now = state.now();
        let mut present = BTreeSet::new();
        for record in records.iter().filter(|record| record.excluded().is_none()) {
            present.insert(record.object_guid);
            if let Err(reason) = self.import_one(state, record, now, &mut imported) {
                imported.refused.push(format!("{}: {reason}", record.distinguished_name));
            }
        }
        self.waiting.retain(|guid, _| present.contains(guid));
        for (_, user) in self.synced.iter().filter(|(guid, _)| !present.contains(guid)) {
            let there = state.people.get(user).is_some_and(|person| person.existence == Existence::Present);
            if there && state.set_existence(*user, Existence::Recycled).is_ok() {
                imported.deleted += 1;
            }
        }
        imported.waiting = self.waiting.len() as u64;
        imported
    }

    fn import_one(
        &mut self,
        state: &mut State,
        record: &DirectoryRecord,
        now: Timestamp,
        imported: &mut Imported,
    ) -> Result<(), String> {
        let guid = record.object_guid;
        if let Some(user) = self.synced.get(&guid) {
            imported.updated += u64::from(update(state, *user, record, now)?);
            return Ok(());
        }
        let anchor = STANDARD.encode(record.anchor());
        let matched = state.with_anchor(&anchor).next();
        if let Some(user) = matched {
            self.synced.insert(guid, user);
            update(state, user, record, now)?;
            imported.updated += 1;
            return Ok(());
        }
        let seen = *self.waiting.entry(guid).or_insert(now);
        if after(seen, self.delay) <= now {
            let user = create(state, record, &anchor, now)?;
            self.waiting.remove(&guid);
            self.synced.insert(guid, user);
            imported.created += 1;
        }
        Ok(())
    }
}

fn create(state: &mut State, record: &DirectoryRecord, anchor: &str, now: Timestamp) -> Result<Uuid, String> {
    let mut user = NewUser::default().with("onPremisesImmutableId", anchor).with("onPremisesSyncEnabled", true);
    user = user.with("onPremisesLastSyncDateTime", instant(now));
    user.properties.extend(flow(state, record).into_iter().map(|(name, value)| (name.to_owned(), value)));
    state.add_user(user)
}

/// Brings a user in line with its account; whether anything changed.
fn update(state: &mut State, user: Uuid, record: &DirectoryRecord, now: Timestamp) -> Result<bool, String> {
    let mut changed = false;
    if state.people.get(&user).is_some_and(|person| person.existence == Existence::Recycled) {
        state.set_existence(user, Existence::Present)?;
        changed = true;
    }
    for (name, value) in flow(state, record) {
        changed |= state.set_property(user, name, value)?;
    }
    changed |= state.set_property(user, "onPremisesSyncEnabled", json!(true))?;
    if changed {
        state.set_property(user, "onPremisesLastSyncDateTime", json!(instant(now)))?;
    }
    Ok(changed)
}

/// The attribute flow: which property gets what. Absent attributes clear theirs, usageLocation apart: without
/// `msExchUsageLocation` the cloud's value stays.
fn flow(state: &State, record: &DirectoryRecord) -> Vec<(&'static str, Value)> {
    let mut flow = vec![
        ("accountEnabled", json!(record.enabled())),
        ("department", json!(record.department)),
        ("displayName", json!(record.display_name.as_ref().or(record.sam_account_name.as_ref()))),
        ("givenName", json!(record.given_name)),
        ("mail", json!(record.mail)),
        ("onPremisesDistinguishedName", json!(record.distinguished_name)),
        ("onPremisesDomainName", json!(record.domain())),
        ("onPremisesObjectIdentifier", json!(record.object_guid)),
        ("onPremisesSamAccountName", json!(record.sam_account_name)),
        ("onPremisesSecurityIdentifier", json!(record.object_sid)),
        ("onPremisesUserPrincipalName", json!(record.user_principal_name)),
        ("surname", json!(record.surname)),
        ("userPrincipalName", json!(cloud_upn(state, record))),
    ];
    if let Some(location) = &record.usage_location {
        flow.push(("usageLocation", json!(location)));
    }
    flow
}

/// The UPN, with the tenant's default domain for a suffix that is not verified.
fn cloud_upn(state: &State, record: &DirectoryRecord) -> String {
    let sam = record.sam_account_name.as_deref().unwrap_or_default();
    let implicit = || format!("{sam}@{}", record.domain());
    let upn = record.user_principal_name.clone().unwrap_or_else(implicit);
    let (local, suffix) = upn.split_once('@').unwrap_or((&upn, ""));
    let verified = |domain: &String| domain.eq_ignore_ascii_case(suffix);
    match state.organization.verified_domains.iter().any(verified) {
        true => upn,
        false => format!("{local}@{}", state.organization.default_domain),
    }
}
