//! The small facts that the agent's tasks steer by.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use rusqlite::{Connection, params};
use serde::{Deserialize, Serialize};

use super::rows::{collect, json, meta, millis, named, set_meta, time, time_of};
use super::{Store, StoreError, report, seats};
use crate::model::identity::{PersonId, SkuId, UserId};
use crate::model::judgement::Contact;
use crate::model::standing::Reason;

/// Whoever is awaited for longer than this no longer quickens the polling: most likely it is not synced at all.
const AWAITED_AT_MOST: SignedDuration = SignedDuration::from_hours(24);

/// A license that was accepted and is to be read back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Confirmation {
    /// Whose.
    pub person: PersonId,
    /// Whose in the tenant.
    pub user: UserId,
    /// Which.
    pub sku: SkuId,
    /// Since when.
    pub accepted: Timestamp,
}

/// All writing stands still.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Halt {
    /// Until then.
    pub until: Timestamp,
    /// What was met.
    #[serde(flatten)]
    pub reason: Reason,
}

impl Halt {
    /// Graph asked for it: nothing is read from it either.
    #[must_use]
    pub fn is_throttling(&self) -> bool {
        self.reason.code == "graph-throttled"
    }
}

pub(super) const TO_CONFIRM: &str = "
    SELECT person, user, sku, since, check_at FROM entitlements
    WHERE standing = 'confirming' AND check_at <= ?1 AND since <= ?1 - ?3 ORDER BY check_at LIMIT ?2";

pub(super) const NEXT_JUDGING: &str = "SELECT min(look_again) FROM people WHERE look_again IS NOT NULL";

pub(super) const NEXT_DUE: &str = "
    SELECT min(at) FROM (
        SELECT min(max(check_at, since + ?2)) AS at FROM entitlements WHERE standing = 'confirming'
        UNION ALL SELECT min(check_at) FROM entitlements WHERE standing = 'retrying' AND NOT ?1
        -- What goes in exchange has no time of its own: it waits for what comes in its place.
        UNION ALL SELECT min(check_at) FROM entitlements
            WHERE standing = 'reclaiming' AND action ->> '$.with' IS NULL AND NOT ?1
        UNION ALL SELECT min(settle) FROM intents WHERE state = 'open' AND settle IS NOT NULL)";

pub(super) const UNCONFIRMED: &str = "
    SELECT DISTINCT p.name FROM entitlements e JOIN people p ON p.id = e.person
    WHERE e.standing = 'confirming' AND e.since > ?1 AND e.since <= ?2 ORDER BY p.name";

pub(super) const WAITING: &str = "
    SELECT EXISTS (SELECT 1 FROM people
                   WHERE presence = 'awaiting' AND awaited = 1 AND coalesce(presence_since, ?1) >= ?1)
        OR EXISTS (SELECT 1 FROM entitlements WHERE standing = 'awaiting-seat')
        OR EXISTS (SELECT 1 FROM entitlements WHERE standing = 'confirming' AND since >= ?1)";

impl Store {
    /// The first contact with the tenant, once it is complete.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn contact(&self) -> Result<Option<Contact>, StoreError> {
        let feed = self.tenant_feed().await?;
        Ok(feed.contact_started.zip(feed.contact_completed).map(|(started, completed)| Contact { started, completed }))
    }

    /// Whether everyone met at first contact has been judged.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn is_first_pass_complete(&self) -> Result<bool, StoreError> {
        self.read(|db| Ok(meta(db, "first_pass_complete")?.is_some())).await
    }

    /// Whether somebody waits for the tenant: to appear there, for a seat, or for an accepted license to show.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn is_somebody_waiting(&self, now: Timestamp) -> Result<bool, StoreError> {
        self.read(move |db| {
            let since = millis(now) - AWAITED_AT_MOST.as_secs() * 1000;
            Ok(db.prepare_cached(WAITING)?.query_row([since], |row| row.get(0))?)
        })
        .await
    }

    /// When the next retry, settling, reading back (not before `first` after it was accepted) or judging is due. While all writing is halted only judging is; while
    /// paused no retry is; where nothing is written (`acting` is false) only judging ever is.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn next_due(&self, acting: bool, first: Duration) -> Result<Option<Timestamp>, StoreError> {
        self.read(move |db| {
            let judging: Option<i64> = db.prepare_cached(NEXT_JUDGING)?.query_row([], |row| row.get(0))?;
            let paused = meta(db, "paused")?.is_some();
            let tenant: Option<i64> =
                db.prepare_cached(NEXT_DUE)?.query_row(params![paused, wait(first)], |row| row.get(0))?;
            let tenant = tenant.into_iter().chain(asking_again(db, paused)?).min();
            let halted = report::halted(db)?.map(|halt| millis(halt.until));
            let tenant = tenant.filter(|_| acting).map(|at| at.max(halted.unwrap_or(at)));
            judging.into_iter().chain(tenant).min().map(time).transpose()
        })
        .await
    }

    /// Licenses whose reading back is due, not before `first` after they were accepted.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn to_confirm(
        &self,
        limit: u32,
        first: Duration,
        now: Timestamp,
    ) -> Result<Vec<Confirmation>, StoreError> {
        self.read(move |db| {
            collect(db, TO_CONFIRM, params![millis(now), limit, wait(first)], |row| {
                Ok(Confirmation {
                    person: PersonId(row.get("person")?),
                    user: named(row, "user")?,
                    sku: named(row, "sku")?,
                    accepted: time_of(row, "since")?,
                })
            })
        })
        .await
    }

    /// Puts the next reading back of a license off.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn confirm_later(&self, confirmation: Confirmation, at: Timestamp) -> Result<(), StoreError> {
        self.write(move |tx| {
            tx.prepare_cached(
                "UPDATE entitlements SET check_at = ?3 WHERE person = ?1 AND sku = ?2 AND standing = 'confirming'",
            )?
            .execute(params![confirmation.person.0, confirmation.sku.to_string(), millis(at)])?;
            Ok(())
        })
        .await
    }

    /// Writes that were sent since a time, by the second they were sent in, oldest first.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn sent_since(&self, since: Timestamp) -> Result<Vec<(Timestamp, u32)>, StoreError> {
        self.read(move |db| {
            let sql = "SELECT sent / 1000 * 1000 AS second, count(*) AS writes FROM calls WHERE sent > ?1
                       GROUP BY 1 ORDER BY 1";
            collect(db, sql, [millis(since)], |row| Ok((time_of(row, "second")?, row.get("writes")?)))
        })
        .await
    }

    /// Stops all writing until a time, for a reason that `status` shows; survives a restart.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn halt(&self, halt: &Halt) -> Result<(), StoreError> {
        let text = json(halt)?;
        self.write(move |tx| set_meta(tx, "halted", Some(&text))).await
    }

    /// Until when nothing is written, and why.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn halted(&self, now: Timestamp) -> Result<Option<Halt>, StoreError> {
        Ok(self.read(report::halted).await?.filter(|halt| halt.until > now))
    }

    /// Names of those whose license was accepted before `limit` and is not seen to work, each told once, over restarts too.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn tell_unconfirmed(&self, limit: Timestamp) -> Result<Vec<String>, StoreError> {
        let names = self
            .read(move |db| {
                let said = report::unconfirmed_said(db)?.map_or(i64::MIN, millis);
                collect(db, UNCONFIRMED, params![said, millis(limit)], |row| Ok(row.get("name")?))
            })
            .await?;
        if !names.is_empty() {
            let said = millis(limit).to_string();
            self.write(move |tx| set_meta(tx, "unconfirmed_said", Some(&said))).await?;
        }
        Ok(names)
    }

    /// Takes back the complaints of all parts whose name starts so: they are another process's.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn forget_troubles(&self, prefix: &str) -> Result<(), StoreError> {
        let first = format!("trouble:{prefix}");
        let found = {
            let first = first.clone();
            self.read(move |db| {
                Ok(db.prepare_cached("SELECT 1 FROM meta WHERE substr(key, 1, length(?1)) = ?1")?.exists([first])?)
            })
            .await?
        };
        if found {
            self.write(move |tx| {
                tx.execute("DELETE FROM meta WHERE substr(key, 1, length(?1)) = ?1", [first])?;
                Ok(())
            })
            .await?;
        }
        Ok(())
    }

    /// Keeps the latest complaint of a part for `status`, or takes it back. Writes only when it changes, and tells whether.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn trouble(&self, part: &str, complaint: Option<&str>) -> Result<bool, StoreError> {
        self.keep_fact(format!("trouble:{part}"), complaint.map(str::to_owned)).await
    }

    /// Keeps for `status` in which mode the agent was started last.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn note_mode(&self, mode: &str) -> Result<(), StoreError> {
        self.keep_fact("mode".into(), Some(mode.to_owned())).await.map(drop)
    }

    /// Keeps for `status` which rules cannot be used, and why.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn note_unusable(&self, problems: &[String]) -> Result<(), StoreError> {
        let problems = if problems.is_empty() { None } else { Some(json(&problems)?) };
        self.keep_fact("unusable".into(), problems).await.map(drop)
    }

    /// Writes only when it changes, and tells whether.
    async fn keep_fact(&self, key: String, complaint: Option<String>) -> Result<bool, StoreError> {
        let known = {
            let key = key.clone();
            self.read(move |db| meta(db, &key)).await?
        };
        if known == complaint {
            return Ok(false);
        }
        self.write(move |tx| set_meta(tx, &key, complaint.as_deref())).await?;
        Ok(true)
    }
}

/// When somebody asks again for a product that was refused for everybody, if anybody still wants it.
fn asking_again(db: &Connection, paused: bool) -> Result<Option<i64>, StoreError> {
    let mut next = None;
    for (sku, stop) in seats::stops(db)?.into_iter().filter(|_| !paused) {
        let sql = "SELECT 1 FROM entitlements WHERE standing = 'due' AND sku = ?1";
        if db.prepare_cached(sql)?.exists([sku.to_string()])? {
            next = next.into_iter().chain([millis(stop.until)]).min();
        }
    }
    Ok(next)
}

fn wait(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX / 2)
}
