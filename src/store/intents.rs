//! Intents: what is about to be written, committed before it is sent.

use std::collections::BTreeSet;

use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension as _, Row, params};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::audit::{AuditKind, Entry, append};
use super::plans::moves;
use super::rows::{collect, json, json_of, maybe_time, millis, named, time_of, unjson};
use super::{Store, StoreError, seats};
use crate::model::identity::{ClientRequestId, IntentId, PersonId, SkuId, UserId};
use crate::model::plan::{LicenseWrite, LocationWrite, Removal};
use crate::model::standing::Standing;

/// One write.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Step {
    /// `PATCH /users/{id}`, for the sake of these products.
    Location {
        /// What to set.
        write: LocationWrite,
        /// What waits for it.
        skus: Vec<SkuId>,
    },
    /// `POST /users/{id}/assignLicense`.
    License {
        /// What to assign,
        add: Vec<LicenseWrite>,
        /// and what to take away, in one request.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        remove: Vec<Removal>,
    },
}

impl Step {
    fn word(&self) -> &'static str {
        match self {
            Self::Location { .. } => "location",
            Self::License { .. } => "license",
        }
    }

    /// The products it is about.
    #[must_use]
    pub fn skus(&self) -> Vec<SkuId> {
        match self {
            Self::Location { skus, .. } => skus.clone(),
            Self::License { add, remove } => {
                add.iter().map(|write| write.sku).chain(remove.iter().map(|removal| removal.sku)).collect()
            }
        }
    }

    /// The products that the user does not have yet.
    #[must_use]
    pub fn given(&self) -> Vec<SkuId> {
        match self {
            Self::Location { skus, .. } => skus.clone(),
            Self::License { add, .. } => add.iter().filter(|write| !write.held).map(|write| write.sku).collect(),
        }
    }

    /// How many parts it has that make sense by themselves: an exchange is one.
    #[must_use]
    pub fn parts(&self) -> usize {
        match self {
            Self::Location { .. } => 1,
            Self::License { add, remove } => add.len() + remove.iter().filter(|removal| removal.with.is_none()).count(),
        }
    }
}

/// A write to be committed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IntentOrder {
    /// Whose.
    pub person: PersonId,
    /// Whose in the tenant.
    pub user: UserId,
    /// A name to show.
    pub name: String,
    /// What.
    pub step: Step,
    /// The name of the call that is about to be made for it.
    pub call: ClientRequestId,
}

/// A committed intent with the call that is to be made now, or whose outcome is unknown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OpenIntent {
    /// Which.
    pub id: IntentId,
    /// Whose.
    pub person: PersonId,
    /// Whose in the tenant.
    pub user: UserId,
    /// A name to show.
    pub name: String,
    /// What.
    pub step: Step,
    /// The call.
    pub call: ClientRequestId,
    /// Calls made for it, this one included.
    pub attempts: u32,
    /// Since when the user, or the location we gave it, has been known: what Graph says may lag behind that.
    pub known_since: Option<Timestamp>,
}

pub(super) const TO_SETTLE: &str = "
    SELECT i.*, p.name, c.client_request_id, (SELECT count(*) FROM calls WHERE intent = i.id) AS attempts,
           (SELECT max(first_seen, coalesce(located, 0)) FROM users WHERE id = i.user) AS known_since
    FROM intents i JOIN people p ON p.id = i.person JOIN calls c ON c.intent = i.id
    WHERE i.state = 'open' AND c.answered IS NULL AND (i.settle IS NULL OR i.settle <= ?1)";

impl Store {
    /// Intents with a call whose outcome is unknown, and whose time to be looked after has come.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn to_settle(&self, now: Timestamp) -> Result<Vec<OpenIntent>, StoreError> {
        self.read(move |db| collect(db, TO_SETTLE, [millis(now)], open_intent)).await
    }
}

fn open_intent(row: &Row<'_>) -> Result<OpenIntent, StoreError> {
    Ok(OpenIntent {
        id: IntentId(row.get("id")?),
        person: PersonId(row.get("person")?),
        user: named(row, "user")?,
        name: row.get("name")?,
        step: json_of(row, "body")?,
        call: named(row, "client_request_id")?,
        attempts: row.get("attempts")?,
        known_since: maybe_time(row, "known_since")?,
    })
}

pub(super) fn commit(
    db: &Connection,
    order: IntentOrder,
    config: &str,
    now: Timestamp,
) -> Result<OpenIntent, StoreError> {
    let body = json(&order.step)?;
    let known: Option<(i64, bool)> = db
        .prepare_cached(
            "SELECT id, body = ?3 AND user = ?4 FROM intents WHERE person = ?1 AND step = ?2 AND state = 'open'",
        )?
        .query_row(params![order.person.0, order.step.word(), body, order.user.to_string()], |row| {
            Ok((row.get(0)?, row.get(1)?))
        })
        .optional()?;
    let id = match known {
        Some((id, true)) => IntentId(id),
        known => {
            if let Some((other, _)) = known {
                db.prepare_cached("UPDATE intents SET state = 'abandoned', closed = ?2 WHERE id = ?1")?
                    .execute(params![other, millis(now)])?;
            }
            make(db, &order, &body, config, now)?
        }
    };
    db.prepare_cached("UPDATE intents SET settle = NULL WHERE id = ?1")?.execute([id.0])?;
    db.prepare_cached("INSERT INTO calls (intent, client_request_id, sent) VALUES (?1, ?2, ?3)")?.execute(params![
        id.0,
        order.call.to_string(),
        millis(now)
    ])?;
    if let Step::License { add, .. } = &order.step {
        for sku in order.step.skus() {
            moves(db, order.person, sku, &Standing::InFlight { intent: id }, config, now)?;
        }
        for write in add.iter().filter(|write| !write.held) {
            seats::committed(db, write.sku, now)?;
        }
    }
    let attempts =
        db.prepare_cached("SELECT count(*) FROM calls WHERE intent = ?1")?.query_row([id.0], |row| row.get(0))?;
    let IntentOrder { person, user, name, step, call } = order;
    let known_since = known_since(db, user)?;
    Ok(OpenIntent { id, person, user, name, step, call, attempts, known_since })
}

fn known_since(db: &Connection, user: UserId) -> Result<Option<Timestamp>, StoreError> {
    let sql = "SELECT max(first_seen, coalesce(located, 0)) AS since FROM users WHERE id = ?1";
    Ok(collect(db, sql, [user.to_string()], |row| time_of(row, "since"))?.into_iter().next())
}

fn make(
    db: &Connection,
    order: &IntentOrder,
    body: &str,
    config: &str,
    now: Timestamp,
) -> Result<IntentId, StoreError> {
    let before = before(db, order.user)?;
    db.prepare_cached(
        "INSERT INTO intents (person, user, step, body, before, config, made, state)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, 'open')",
    )?
    .execute(params![
        order.person.0,
        order.user.to_string(),
        order.step.word(),
        body,
        before.to_string(),
        config,
        millis(now)
    ])?;
    let id = IntentId(db.last_insert_rowid());
    let (location, licenses) = (&before["usage_location"], &before["licenses"]);
    let (rules, by) = cause(db, order.person, &order.step)?;
    let detail = json!({ "intent": id, "user": order.user, "rules": rules, "by": by, "step": order.step,
                         "before": { "location": location, "licenses": licenses }, "after": after(&before, &order.step) });
    let entry = Entry {
        subject: Some(&order.name),
        config: Some(config),
        client_request_id: Some(order.call.to_string()),
        ..Entry::new(AuditKind::Intent, detail).about(order.person)
    };
    append(db, now, &entry)?;
    Ok(id)
}

/// For the sake of which rules, and at the word of which operator where one asked by hand: a write's why and who.
pub(super) fn cause(
    db: &Connection,
    person: PersonId,
    step: &Step,
) -> Result<(BTreeSet<String>, Option<String>), StoreError> {
    let (mut rules, mut by) = (BTreeSet::new(), None);
    if let Step::License { add, remove } = step {
        rules.extend(add.iter().map(|write| write.rule.clone()));
        rules.extend(remove.iter().map(|removal| removal.rule.clone()));
    }
    for sku in step.skus() {
        let parameters = params![person.0, sku.to_string()];
        if rules.is_empty() {
            let sql = "SELECT value FROM entitlements, json_each(rules) WHERE person = ?1 AND sku = ?2";
            rules.extend(collect(db, sql, parameters, |row| Ok(row.get::<_, String>("value")?))?);
        }
        let sql = "SELECT os_user FROM manual WHERE person = ?1 AND sku = ?2";
        by = by.or(db.prepare_cached(sql)?.query_row(parameters, |row| row.get(0)).optional()?);
    }
    Ok((rules, by))
}

/// What the user shall have once it is done.
fn after(before: &Value, step: &Step) -> Value {
    match step {
        Step::Location { write, .. } => json!({ "location": write.to, "licenses": before["licenses"] }),
        Step::License { add, .. } => {
            let gone: Vec<Value> = step.skus().into_iter().map(|sku| json!(sku)).collect();
            let mut licenses = before["licenses"].as_array().cloned().unwrap_or_default();
            licenses.retain(|license| !gone.contains(&license["sku"]));
            licenses.extend(add.iter().map(|write| json!({ "sku": write.sku, "disabled": write.disabled })));
            json!({ "location": before["usage_location"], "licenses": licenses })
        }
    }
}

/// What the user had, as far as it is known: the proof of what is ours.
fn before(db: &Connection, user: UserId) -> Result<Value, StoreError> {
    let body: Option<String> = db
        .prepare_cached("SELECT body FROM users WHERE id = ?1")?
        .query_row([user.to_string()], |row| row.get(0))
        .optional()?;
    body.as_deref().map_or(Ok(Value::Null), unjson)
}
