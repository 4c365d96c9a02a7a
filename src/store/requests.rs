//! Commands left in the store, and what carrying them out does there.

use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension as _, params};
use serde_json::json;

use super::audit::{AuditKind, Entry, append};
use super::plans::moves;
use super::rows::{collect, json, json_of, meta, millis, named, set_meta};
use super::{Store, StoreError, holds, manual, rule_sets, seats};
use crate::model::identity::{PersonId, RequestId, SkuId};
use crate::model::person::Manual;
use crate::model::request::Request;
use crate::model::standing::Standing;

/// A command that waits for the agent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PendingRequest {
    /// Its number.
    pub id: RequestId,
    /// What is asked for.
    pub request: Request,
    /// The operating system's name of whoever asks.
    pub os_user: String,
}

impl Store {
    /// Leaves a command for whoever holds the lease.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn ask(&self, request: Request, os_user: &str, now: Timestamp) -> Result<RequestId, StoreError> {
        let os_user = os_user.to_owned();
        self.write(move |tx| {
            tx.execute(
                "INSERT INTO requests (body, os_user, asked) VALUES (?1, ?2, ?3)",
                params![json(&request)?, os_user, millis(now)],
            )?;
            Ok(RequestId(tx.last_insert_rowid()))
        })
        .await
    }

    /// Commands that wait for the work, the oldest first: all but reloads.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn pending_requests(&self) -> Result<Vec<PendingRequest>, StoreError> {
        self.read(|db| {
            let sql = "SELECT id, body, os_user FROM requests WHERE done IS NULL AND body ->> '$.request' <> 'reload'
                       ORDER BY id";
            collect(db, sql, [], |row| {
                let request = json_of(row, "body")?;
                Ok(PendingRequest { id: RequestId(row.get("id")?), request, os_user: row.get("os_user")? })
            })
        })
        .await
    }

    /// Carries a command out and keeps its outcome; what it cannot do it says there.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn carry_out(
        &self,
        pending: PendingRequest,
        config: &str,
        now: Timestamp,
    ) -> Result<Result<String, String>, StoreError> {
        let config = config.to_owned();
        self.write(move |tx| {
            let asker = Asker { os_user: &pending.os_user, config: &config, now };
            let outcome = match perform(tx, &pending.request, &asker) {
                Ok(text) => Ok(text),
                Err(StoreError::Request(text)) => Err(text),
                Err(error) => return Err(error),
            };
            let text = outcome.as_ref().unwrap_or_else(|refused| refused);
            tx.execute(
                "UPDATE requests SET done = ?2, ok = ?3, outcome = ?4 WHERE id = ?1",
                params![pending.id.0, millis(now), outcome.is_ok(), text],
            )?;
            let detail = json!({ "asked": pending.request, "by": pending.os_user, "outcome": text });
            append(tx, now, &Entry { config: Some(&config), ..Entry::new(AuditKind::Request, detail) })?;
            Ok(outcome)
        })
        .await
    }

    /// The outcome of a command, once it was carried out.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn request_outcome(&self, id: RequestId) -> Result<Option<Result<String, String>>, StoreError> {
        self.read(move |db| {
            let sql = "SELECT ok, outcome FROM requests WHERE id = ?1 AND done IS NOT NULL";
            let found: Option<(bool, String)> =
                db.query_row(sql, [id.0], |row| Ok((row.get(0)?, row.get(1)?))).optional()?;
            Ok(found.map(|(ok, text)| if ok { Ok(text) } else { Err(text) }))
        })
        .await
    }
}

/// Who asks, under which configuration, and when.
pub(super) struct Asker<'a> {
    pub os_user: &'a str,
    pub config: &'a str,
    pub now: Timestamp,
}

fn perform(db: &Connection, request: &Request, asker: &Asker<'_>) -> Result<String, StoreError> {
    let Asker { config, now, .. } = *asker;
    match request {
        Request::Include { rule, unlicensed, since, limit, person } => {
            include(db, rule, *unlicensed, *since, *limit, *person)
        }
        Request::Approve { hold, digest } => holds::decide(db, *hold, digest, true, config, now),
        Request::Reject { hold, digest } => holds::decide(db, *hold, digest, false, config, now),
        Request::Pause { reason } => {
            set_meta(db, "paused", Some(reason.as_deref().unwrap_or("by an operator")))?;
            Ok("paused: nothing is written until `seatsync resume`".to_owned())
        }
        Request::Resume => {
            let was = meta(db, "paused")?;
            set_meta(db, "paused", None)?;
            Ok(was.map_or_else(|| "was not paused".to_owned(), |why| format!("resumed (was paused: {why})")))
        }
        Request::Assign { people, sku, disabled } => {
            manual::set(db, people, *sku, &Manual::Assigned { disabled: disabled.clone() }, asker)
        }
        Request::Unassign { people, sku } => manual::set(db, people, *sku, &Manual::Withheld, asker),
        Request::Release { people, sku } => manual::forget(db, people, *sku),
        Request::Retry { person } => retry(db, *person, config, now),
        Request::Reload { .. } => Err(StoreError::Request("only an agent that runs can reload".to_owned())),
    }
}

/// Ends the baseline of a rule for those who fit, the longest known first; the next judging makes them due.
fn include(
    db: &Connection,
    rule: &str,
    unlicensed: bool,
    since: Option<Timestamp>,
    limit: Option<u32>,
    person: Option<PersonId>,
) -> Result<String, StoreError> {
    let rules = rule_sets::digests(db)?;
    if !rules.contains_key(rule) {
        let known: Vec<String> = rules.into_keys().collect();
        return Err(StoreError::Request(format!("no rule \"{rule}\" is known; there are: {}", known.join(", "))));
    }
    let since = since.map(|since| since.to_string());
    let people: Vec<i64> = db
        .prepare(
            "SELECT m.person FROM matches m JOIN users u ON u.person = m.person AND u.removed IS NULL
             WHERE m.rule = ?1 AND m.baseline = 1 AND m.eligible = 1 AND (?5 IS NULL OR m.person = ?5)
               AND (?2 IS NULL OR datetime(u.body ->> '$.created') >= datetime(?2))
               AND (NOT ?3 OR EXISTS (SELECT 1 FROM entitlements e, json_each(e.rules) r
                                      WHERE e.person = m.person AND e.standing = 'baseline' AND r.value = ?1))
             ORDER BY coalesce(u.body ->> '$.created', ''), m.person LIMIT coalesce(?4, -1)",
        )?
        .query_map(params![rule, since, unlicensed, limit, person.map(|person| person.0)], |row| row.get(0))?
        .collect::<Result<_, _>>()?;
    for person in &people {
        db.prepare_cached("UPDATE matches SET baseline = 0 WHERE person = ?1 AND rule = ?2")?
            .execute(params![person, rule])?;
        super::link::touch(db, PersonId(*person))?;
    }
    Ok(format!(
        "{} persons of the baseline of \"{rule}\" are now treated like newcomers, under the guard",
        people.len()
    ))
}

fn retry(db: &Connection, person: Option<PersonId>, config: &str, now: Timestamp) -> Result<String, StoreError> {
    let sql = "SELECT person, sku FROM entitlements WHERE (?1 IS NULL OR person = ?1)
               AND (standing IN ('retrying', 'refused', 'removed-by-other') OR standing = 'expected' AND person = ?1)";
    let found: Vec<(PersonId, SkuId)> = collect(db, sql, [person.map(|person| person.0)], |row| {
        Ok((PersonId(row.get("person")?), named(row, "sku")?))
    })?;
    for (person, sku) in &found {
        moves(db, *person, *sku, &Standing::Due, config, now)?;
        super::link::touch(db, *person)?;
    }
    set_meta(db, "halted", None)?;
    seats::ask_again(db, now)?;
    Ok(format!("{} entitlements are tried again", found.len()))
}
