//! Gathers what is known of a person for a decision.

use jiff::Timestamp;
use rusqlite::{Connection, Row, params};

use super::rows::{collect, json_of, maybe_time, millis, named, time_of, unjson};
use super::rule_sets::RuleSets;
use super::{Store, StoreError, expected, groups};
use crate::model::identity::{PersonId, SkuId};
use crate::model::matches::{Matches, RuleMatch};
use crate::model::person::{Entitlement, KnownAccount, KnownUser, Person};

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
            let mut rule_sets = RuleSets::default();
            ids.into_iter().filter_map(|id| load_with(db, PersonId(id), &mut rule_sets).transpose()).collect()
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
    load_with(db, id, &mut RuleSets::default())
}

/// One of several.
pub(super) fn load_with(db: &Connection, id: PersonId, rule_sets: &mut RuleSets) -> Result<Option<Person>, StoreError> {
    let mut statement =
        db.prepare_cached("SELECT revision, presence_detail, coverage, rule_set FROM people WHERE id = ?1")?;
    let mut rows = statement.query([id.0])?;
    let Some(row) = rows.next()? else { return Ok(None) };
    let presence: Option<String> = row.get("presence_detail")?;
    let rules = rule_sets.get(db, row.get("rule_set")?)?;
    let accounts = "SELECT body, first_seen, gone, at_first_contact FROM accounts WHERE person = ?1 ORDER BY guid";
    let users = "SELECT body, first_seen FROM users WHERE person = ?1 AND removed IS NULL ORDER BY id";
    let matches = "SELECT rule, eligible, baseline, unread, group_ids FROM matches WHERE person = ?1";
    let matches = collect(db, matches, [id.0], rule_match)?;
    let entitlements = "SELECT * FROM entitlements WHERE person = ?1";
    let manual = "SELECT sku, body FROM manual WHERE person = ?1";
    Ok(Some(Person {
        id,
        revision: row.get("revision")?,
        presence: presence.as_deref().map(unjson).transpose()?,
        coverage: row.get("coverage")?,
        accounts: collect(db, accounts, [id.0], account)?,
        users: collect(db, users, [id.0], user)?,
        groups: groups::of_person(db, id)?,
        memberships: expected::of_person(db, id)?,
        matches: Matches::new(rules, matches),
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

fn rule_match(row: &Row<'_>) -> Result<(String, RuleMatch), StoreError> {
    let found = RuleMatch {
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
