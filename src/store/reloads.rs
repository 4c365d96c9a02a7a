//! Reloads of the configuration: asked for like other commands, carried out by whoever holds the agent's generations.

use jiff::Timestamp;
use rusqlite::{OptionalExtension as _, params};
use serde_json::json;

use super::audit::{AuditKind, Entry, append};
use super::rows::{collect, json, json_of, millis, unjson};
use super::{PendingRequest, Store, StoreError};
use crate::model::identity::RequestId;
use crate::model::request::ReloadOutcome;

impl Store {
    /// The reload that has waited longest, if one waits.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn pending_reload(&self) -> Result<Option<PendingRequest>, StoreError> {
        self.read(|db| {
            let sql = "SELECT id, body, os_user FROM requests WHERE done IS NULL AND body ->> '$.request' = 'reload'
                       ORDER BY id LIMIT 1";
            let found = collect(db, sql, [], |row| {
                let request = json_of(row, "body")?;
                Ok(PendingRequest { id: RequestId(row.get("id")?), request, os_user: row.get("os_user")? })
            })?;
            Ok(found.into_iter().next())
        })
        .await
    }

    /// Keeps what became of a reload: in the audit, and for whoever waits for it, if it was asked for by command. `from` and
    /// `to` are digests of the configuration that was worked by and of the one in the file, which is unknown where it does not
    /// load.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn conclude_reload(
        &self,
        request: Option<RequestId>,
        by: &str,
        (from, to): (&str, Option<&str>),
        outcome: &ReloadOutcome,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let (done, text) = (outcome.is_taken_over(), json(outcome)?);
        let detail = json!({ "from": from, "to": to, "by": by, "outcome": outcome });
        let config = if done { to.unwrap_or(from) } else { from }.to_owned();
        self.write(move |tx| {
            if let Some(request) = request {
                tx.execute(
                    "UPDATE requests SET done = ?2, ok = ?3, outcome = ?4 WHERE id = ?1",
                    params![request.0, millis(now), done, text],
                )?;
            }
            append(tx, now, &Entry { config: Some(&config), ..Entry::new(AuditKind::Config, detail) })
        })
        .await
    }

    /// What became of a reload, once that is known.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn reload_outcome(&self, id: RequestId) -> Result<Option<ReloadOutcome>, StoreError> {
        self.read(move |db| {
            let sql = "SELECT outcome FROM requests WHERE id = ?1 AND done IS NOT NULL";
            let found: Option<String> = db.query_row(sql, [id.0], |row| row.get(0)).optional()?;
            found.map(|text| unjson(&text)).transpose()
        })
        .await
    }

    /// Takes a reload back that nobody has begun; whether it was still there.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn withdraw_reload(&self, id: RequestId) -> Result<bool, StoreError> {
        self.write(move |tx| Ok(tx.execute("DELETE FROM requests WHERE id = ?1 AND done IS NULL", [id.0])? > 0)).await
    }
}
