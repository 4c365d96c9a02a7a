//! What wants to be written, and what the plan made of it.

use jiff::{SignedDuration, Timestamp};
use rusqlite::{Connection, Row, params};
use serde_json::json;

use super::audit::{AuditKind, Entry, append};
use super::holds;
use super::judgements::save;
use super::outcomes::SPLIT;
use super::rows::{collect, meta, millis, unjson};
use super::{Store, StoreError, people};
use crate::model::identity::{PersonId, SkuId};
use crate::model::judgement::LocationWish;
use crate::model::plan::{Admitted, Candidate, Cohort, Plan};
use crate::model::standing::Standing;

/// What recording a plan brought that an operator should hear of once.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Recorded {
    /// Cohorts that were held, or grew.
    pub held: Vec<(crate::model::identity::HoldId, Cohort)>,
    /// How many started to wait for a seat, by product.
    pub waiting: Vec<(SkuId, u64)>,
}

pub(super) const CANDIDATES: &str = "
    SELECT e.*, p.name, p.location FROM entitlements e JOIN people p ON p.id = e.person
    WHERE p.dirty = 0
      AND (e.standing IN ('due', 'awaiting-seat') OR (e.standing IN ('retrying', 'reclaiming') AND e.check_at <= ?1))
      AND NOT EXISTS (SELECT 1 FROM intents i JOIN calls c ON c.intent = i.id
                      WHERE i.person = e.person AND i.state = 'open' AND c.answered IS NULL)";

impl Store {
    /// Open entitlements that could be written now: due, waiting for a seat, or with a retry whose time has come.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn candidates(&self, now: Timestamp) -> Result<Vec<Candidate>, StoreError> {
        self.read(move |db| collect(db, CANDIDATES, [millis(now)], candidate)).await
    }

    /// How many entitlements the guard let in within the 24 hours before `now`.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn admitted_in_a_day(&self, now: Timestamp) -> Result<Admitted, StoreError> {
        self.read(move |db| admitted(db, now)).await
    }

    /// Records whom the guard let in, who waits and who is held.
    ///
    /// # Errors
    /// When the store fails; then nothing of the plan may be carried out.
    pub async fn record_plan(&self, plan: &Plan, config: &str, now: Timestamp) -> Result<Recorded, StoreError> {
        let plan = plan.clone();
        let config = config.to_owned();
        self.write(move |tx| {
            for (person, sku) in &plan.admitted {
                tx.prepare_cached("UPDATE entitlements SET admitted = ?3 WHERE person = ?1 AND sku = ?2")?
                    .execute(params![person.0, sku.to_string(), millis(now)])?;
                tx.prepare_cached(
                    "INSERT INTO admissions (at, person, sku, kind)
                     SELECT ?1, person, sku, action ->> '$.action' FROM entitlements WHERE person = ?2 AND sku = ?3",
                )?
                .execute(params![millis(now), person.0, sku.to_string()])?;
            }
            let mut recorded = Recorded::default();
            for (person, sku) in &plan.waiting {
                if moves(tx, *person, *sku, &Standing::AwaitingSeat, &config, now)? {
                    match recorded.waiting.iter_mut().find(|(known, _)| known == sku) {
                        Some((_, count)) => *count += 1,
                        None => recorded.waiting.push((*sku, 1)),
                    }
                }
            }
            for cohort in &plan.held {
                let hold = holds::open(tx, cohort, now)?;
                for (person, sku) in &cohort.members {
                    moves(tx, *person, *sku, &Standing::Held { hold }, &config, now)?;
                }
                let detail = json!({ "hold": hold, "rule": cohort.rule, "members": cohort.members.len(),
                                     "reason": cohort.reason });
                append(tx, now, &Entry { config: Some(&config), ..Entry::new(AuditKind::Hold, detail) })?;
                recorded.held.push((hold, cohort.clone()));
            }
            Ok(recorded)
        })
        .await
    }

    /// Records, once per entitlement, what observe mode would have written. Returns the names of those recorded now.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn record_observed(&self, plan: &Plan, config: &str, now: Timestamp) -> Result<Vec<String>, StoreError> {
        let plan = plan.clone();
        let config = config.to_owned();
        self.write(move |tx| {
            let mut names = Vec::new();
            for write in &plan.writes {
                let mut news = false;
                for sku in write.skus() {
                    news |= 0 < tx
                        .prepare_cached(
                            "UPDATE entitlements SET observed = ?3 WHERE person = ?1 AND sku = ?2 AND observed IS NULL",
                        )?
                        .execute(params![write.person.0, sku.to_string(), millis(now)])?;
                }
                if news {
                    let detail = json!({ "location": write.location, "licenses": write.licenses,
                                         "removals": write.removals });
                    let entry = Entry {
                        subject: Some(&write.name),
                        config: Some(&config),
                        ..Entry::new(AuditKind::WouldWrite, detail).about(write.person)
                    };
                    append(tx, now, &entry)?;
                    names.push(write.name.clone());
                }
            }
            Ok(names)
        })
        .await
    }

    /// Whether writing is paused, and why.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn paused(&self) -> Result<Option<String>, StoreError> {
        self.read(|db| meta(db, "paused")).await
    }
}

fn candidate(row: &Row<'_>) -> Result<Candidate, StoreError> {
    let (sku, entitlement) = people::entitlement(row)?;
    let location: Option<String> = row.get("location")?;
    let location = match location.as_deref().map(unjson::<LocationWish>).transpose()? {
        Some(LocationWish::Set(write)) => Some(write),
        _ => None,
    };
    Ok(Candidate {
        person: PersonId(row.get("person")?),
        user: entitlement.user,
        name: row.get("name")?,
        sku,
        action: entitlement.action,
        keep_free: 0,
        rule: entitlement.rules.first().cloned().unwrap_or_default(),
        priority: entitlement.priority,
        due_since: entitlement.due_since.unwrap_or(entitlement.since),
        admitted: entitlement.admitted,
        held: None,
        alone: matches!(&entitlement.standing, Standing::Retrying { reason, .. } if reason.code == SPLIT),
        disabled: entitlement.disabled,
        location,
    })
}

/// Moves an entitlement and writes it down; whether it stood elsewhere before.
pub(super) fn moves(
    db: &Connection,
    person: PersonId,
    sku: SkuId,
    to: &Standing,
    config: &str,
    now: Timestamp,
) -> Result<bool, StoreError> {
    let mut statement = db.prepare_cached(
        "SELECT e.*, p.name FROM entitlements e JOIN people p ON p.id = e.person WHERE e.person = ?1 AND e.sku = ?2",
    )?;
    let mut rows = statement.query(params![person.0, sku.to_string()])?;
    let Some(row) = rows.next()? else { return Ok(false) };
    let (_, mut entitlement) = people::entitlement(row)?;
    let name: String = row.get("name")?;
    drop(rows);
    if entitlement.standing == *to {
        return Ok(false);
    }
    let detail = json!({ "sku": sku, "from": entitlement.standing.word(), "to": to.word(), "why": to.why(),
                         "rules": entitlement.rules });
    let elsewhere = entitlement.standing.word() != to.word();
    entitlement.standing = to.clone();
    entitlement.since = now;
    save(db, person, sku, &entitlement)?;
    if elsewhere {
        let entry = Entry {
            subject: Some(&name),
            config: Some(config),
            ..Entry::new(AuditKind::Standing, detail).about(person)
        };
        append(db, now, &entry)?;
    }
    Ok(elsewhere)
}

pub(super) fn admitted(db: &Connection, now: Timestamp) -> Result<Admitted, StoreError> {
    let since = millis(now) - SignedDuration::from_hours(24).as_millis() as i64;
    let sql = "SELECT count(*) FILTER (WHERE kind = 'give') AS given,
                      count(*) FILTER (WHERE kind = 'change') AS changed,
                      count(*) FILTER (WHERE kind = 'take') AS taken FROM admissions WHERE at > ?1";
    Ok(db.prepare_cached(sql)?.query_row([since], |row| {
        Ok(Admitted { given: row.get("given")?, changed: row.get("changed")?, taken: row.get("taken")? })
    })?)
}
