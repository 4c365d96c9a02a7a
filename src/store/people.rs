//! Gathers what is known of a person for a decision.

use std::sync::Arc;

use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension as _, Row, params};

use super::rows::{collect, json_of, maybe_time, millis, named, time_of, unjson};
use super::{Store, StoreError, expected, groups};
use crate::model::identity::{PersonId, SkuId};
use crate::model::person::{Entitlement, KnownAccount, KnownUser, Person, RuleMatch};

/// Each half with a limit of its own: merged as they are, both would be read in the order of all people.
pub(super) const TO_JUDGE: &str = "
    SELECT id FROM (SELECT id FROM people WHERE dirty = 1 ORDER BY id LIMIT ?2)
    UNION
    SELECT id FROM (SELECT id FROM people WHERE look_again <= ?1 ORDER BY look_again LIMIT ?2)
    ORDER BY id LIMIT ?2";

impl Store {
    /// Persons who must be judged now, those with news and those whose time has come, at most `limit`.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn to_judge(&self, limit: u32, now: Timestamp) -> Result<Vec<Person>, StoreError> {
        self.read(move |db| {
            let ids: Vec<i64> = db
                .prepare_cached(TO_JUDGE)?
                .query_map(params![millis(now), limit], |row| row.get(0))?
                .collect::<Result<_, _>>()?;
            ids.into_iter().filter_map(|id| load(db, PersonId(id)).transpose()).collect()
        })
        .await
    }

    /// One person.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn person(&self, id: PersonId) -> Result<Option<Person>, StoreError> {
        self.read(move |db| load(db, id)).await
    }
}

pub(super) fn load(db: &Connection, id: PersonId) -> Result<Option<Person>, StoreError> {
    let found: Option<(i64, Option<String>, Option<String>)> = db
        .prepare_cached("SELECT revision, presence_detail, coverage FROM people WHERE id = ?1")?
        .query_row([id.0], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))
        .optional()?;
    let Some((revision, presence, coverage)) = found else { return Ok(None) };
    let accounts = "SELECT body, first_seen, gone, at_first_contact FROM accounts WHERE person = ?1 ORDER BY guid";
    let users = "SELECT body, first_seen FROM users WHERE person = ?1 AND removed IS NULL ORDER BY id";
    let matches = "SELECT rule, digest, eligible, baseline, unread, group_ids FROM matches WHERE person = ?1";
    let entitlements = "SELECT * FROM entitlements WHERE person = ?1";
    let manual = "SELECT sku, body FROM manual WHERE person = ?1";
    Ok(Some(Person {
        id,
        revision,
        presence: presence.as_deref().map(unjson).transpose()?,
        coverage,
        accounts: collect(db, accounts, [id.0], account)?,
        users: collect(db, users, [id.0], user)?,
        groups: groups::of_person(db, id)?,
        memberships: expected::of_person(db, id)?,
        matches: collect(db, matches, [id.0], rule_match)?.into_iter().collect(),
        manual: collect(db, manual, [id.0], |row| Ok((named(row, "sku")?, json_of(row, "body")?)))?
            .into_iter()
            .collect(),
        entitlements: collect(db, entitlements, [id.0], entitlement)?.into_iter().collect(),
    }))
}

fn account(row: &Row<'_>) -> Result<KnownAccount, StoreError> {
    Ok(KnownAccount {
        account: json_of(row, "body")?,
        first_seen: time_of(row, "first_seen")?,
        gone: row.get::<_, Option<i64>>("gone")?.is_some(),
        at_first_contact: row.get("at_first_contact")?,
    })
}

fn user(row: &Row<'_>) -> Result<KnownUser, StoreError> {
    Ok(KnownUser { user: json_of(row, "body")?, first_seen: time_of(row, "first_seen")? })
}

fn rule_match(row: &Row<'_>) -> Result<(Arc<str>, RuleMatch), StoreError> {
    let found = RuleMatch {
        digest: row.get("digest")?,
        eligible: row.get("eligible")?,
        baseline: row.get("baseline")?,
        unread: row.get("unread")?,
        groups: json_of(row, "group_ids")?,
    };
    Ok((row.get("rule")?, found))
}

pub(super) fn entitlement(row: &Row<'_>) -> Result<(SkuId, Entitlement), StoreError> {
    let entitlement = Entitlement {
        user: named(row, "user")?,
        rules: json_of(row, "rules")?,
        disabled: json_of(row, "disabled")?,
        wanted: json_of(row, "wanted")?,
        standing: json_of(row, "detail")?,
        action: json_of(row, "action")?,
        since: time_of(row, "since")?,
        due_since: maybe_time(row, "due_since")?,
        admitted: maybe_time(row, "admitted")?,
        priority: row.get("priority")?,
        ours: row.get("ours")?,
    };
    Ok((named(row, "sku")?, entitlement))
}
