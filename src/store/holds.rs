//! Held cohorts.

use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension as _, Row, params};
use serde::Serialize;
use serde_json::json;

use super::audit::{AuditKind, Entry, append};
use super::plans::moves;
use super::rows::{collect, millis, named, time_of};
use super::{Store, StoreError, manual};
use crate::model::identity::{HoldId, PersonId, SkuId};
use crate::model::plan::{Cohort, cohort_digest};
use crate::model::standing::Standing;

/// A held cohort as an operator sees it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct HoldView {
    /// Its number.
    pub id: HoldId,
    /// The rule that wants its members licensed.
    pub rule: String,
    /// Why it is held.
    pub reason: String,
    /// Since when.
    pub opened: Timestamp,
    /// How many entitlements are in it now.
    pub members: u64,
    /// Changes when its members do; an approval names it.
    pub digest: String,
}

impl Store {
    /// All cohorts that wait for a decision.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn holds(&self) -> Result<Vec<HoldView>, StoreError> {
        self.read(|db| collect(db, "SELECT * FROM holds WHERE closed IS NULL ORDER BY id", [], |row| view(db, row)))
            .await
    }
}

fn view(db: &Connection, row: &Row<'_>) -> Result<HoldView, StoreError> {
    let id = HoldId(row.get("id")?);
    let members = members(db, id)?;
    Ok(HoldView {
        id,
        rule: row.get("rule")?,
        reason: row.get("reason")?,
        opened: time_of(row, "opened")?,
        members: members.len() as u64,
        digest: cohort_digest(&members),
    })
}

fn members(db: &Connection, hold: HoldId) -> Result<Vec<(PersonId, SkuId)>, StoreError> {
    let sql = "SELECT person, sku FROM entitlements WHERE hold = ?1 AND standing = 'held' ORDER BY person, sku";
    collect(db, sql, [hold.0], |row| Ok((PersonId(row.get("person")?), named(row, "sku")?)))
}

/// The open hold of this rule and cause, which grows, or a new one.
pub(super) fn open(db: &Connection, cohort: &Cohort, now: Timestamp) -> Result<HoldId, StoreError> {
    let known = db
        .query_row(
            "SELECT id FROM holds WHERE rule = ?1 AND code = ?2 AND closed IS NULL",
            params![cohort.rule, cohort.reason.code],
            |row| row.get(0),
        )
        .optional()?;
    if let Some(id) = known {
        return Ok(HoldId(id));
    }
    db.execute(
        "INSERT INTO holds (rule, code, reason, opened) VALUES (?1, ?2, ?3, ?4)",
        params![cohort.rule, cohort.reason.code, cohort.reason.text, millis(now)],
    )?;
    Ok(HoldId(db.last_insert_rowid()))
}

/// Closes holds whose members are all gone.
pub(super) fn dissolve(db: &Connection, config: &str, now: Timestamp) -> Result<(), StoreError> {
    let sql = "UPDATE holds SET closed = ?1, outcome = 'dissolved' WHERE closed IS NULL
               AND NOT EXISTS (SELECT 1 FROM entitlements WHERE hold = holds.id AND standing = 'held')
               RETURNING id, rule";
    let dissolved =
        collect(db, sql, [millis(now)], |row| Ok((row.get::<_, i64>("id")?, row.get::<_, String>("rule")?)))?;
    for (hold, rule) in dissolved {
        let detail = json!({ "hold": hold, "rule": rule, "outcome": "dissolved" });
        append(db, now, &Entry { config: Some(config), ..Entry::new(AuditKind::Hold, detail) })?;
    }
    Ok(())
}

/// Approves or rejects exactly the cohort the operator saw; returns what was done, in words.
pub(super) fn decide(
    db: &Connection,
    hold: HoldId,
    digest: &str,
    approve: bool,
    config: &str,
    now: Timestamp,
) -> Result<String, StoreError> {
    let open = db.prepare("SELECT 1 FROM holds WHERE id = ?1 AND closed IS NULL")?.exists([hold.0])?;
    if !open {
        return Err(StoreError::Request(format!("no cohort {hold} is held")));
    }
    let members = members(db, hold)?;
    if cohort_digest(&members) != digest {
        return Err(StoreError::Request(format!(
            "cohort {hold} is no longer what was shown: it has {} members now; look at it again",
            members.len()
        )));
    }
    for (person, sku) in &members {
        if approve {
            moves(db, *person, *sku, &Standing::Due, config, now)?;
            db.prepare_cached("UPDATE entitlements SET admitted = ?3 WHERE person = ?1 AND sku = ?2")?
                .execute(params![person.0, sku.to_string(), millis(now)])?;
            continue;
        }
        // Or what an operator asked for by hand would be asked for again.
        manual::forget(db, &[*person], *sku)?;
        if is_removal(db, *person, *sku)? {
            moves(db, *person, *sku, &Standing::Lapsed, config, now)?;
        } else {
            db.prepare_cached(
                "UPDATE matches SET baseline = 1 WHERE person = ?1 AND rule IN
                 (SELECT value FROM json_each((SELECT rules FROM entitlements WHERE person = ?1 AND sku = ?2)))",
            )?
            .execute(params![person.0, sku.to_string()])?;
            moves(db, *person, *sku, &Standing::Baseline, config, now)?;
        }
    }
    let outcome = if approve { "approved" } else { "rejected" };
    db.execute("UPDATE holds SET closed = ?2, outcome = ?3 WHERE id = ?1", params![hold.0, millis(now), outcome])?;
    let detail = json!({ "hold": hold, "outcome": outcome, "members": members.len() });
    append(db, now, &Entry { config: Some(config), ..Entry::new(AuditKind::Hold, detail) })?;
    Ok(format!("{outcome} cohort {hold}: {} entitlements", members.len()))
}

fn is_removal(db: &Connection, person: PersonId, sku: SkuId) -> Result<bool, StoreError> {
    let sql = "SELECT 1 FROM entitlements WHERE person = ?1 AND sku = ?2 AND action ->> '$.action' = 'take'";
    Ok(db.prepare_cached(sql)?.exists(params![person.0, sku.to_string()])?)
}
