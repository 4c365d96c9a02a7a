//! The small facts that the agent's tasks steer by.

use jiff::{SignedDuration, Timestamp};
use rusqlite::{OptionalExtension as _, params};
use uuid::Uuid;

use super::rows::{collect, json, maybe_time, meta, millis, named, set_meta, time, time_of};
use super::{Store, StoreError, report};
use crate::model::identity::{PersonId, SkuId, UserId};
use crate::model::judgement::Contact;

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

pub(super) const TO_CONFIRM: &str = "
    SELECT person, user, sku, since, check_at FROM entitlements
    WHERE standing = 'confirming' AND check_at <= ?1 ORDER BY check_at LIMIT ?2";

pub(super) const NEXT_DUE: &str = "
    SELECT min(at) FROM (
        SELECT min(look_again) AS at FROM people WHERE look_again IS NOT NULL
        UNION ALL SELECT min(check_at) FROM entitlements WHERE standing IN ('retrying', 'confirming')
        UNION ALL SELECT min(settle) FROM intents WHERE state = 'open' AND settle IS NOT NULL)";

pub(super) const WAITING: &str = "
    SELECT EXISTS (SELECT 1 FROM people
                   WHERE presence = 'awaiting' AND awaited = 1 AND coalesce(presence_since, ?1) >= ?1)
        OR EXISTS (SELECT 1 FROM entitlements WHERE standing = 'awaiting-seat')";

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

    /// Digest of what was read of the directory to its end last.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn coverage(&self) -> Result<Option<String>, StoreError> {
        self.read(|db| meta(db, "coverage")).await
    }

    /// Whether somebody waits for the tenant: to appear there, or for a seat.
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

    /// When the next retry, settling, reading back or judging is due.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn next_due(&self) -> Result<Option<Timestamp>, StoreError> {
        self.read(|db| {
            let at: Option<i64> = db.prepare_cached(NEXT_DUE)?.query_row([], |row| row.get(0))?;
            at.map(time).transpose()
        })
        .await
    }

    /// Licenses whose reading back is due.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn to_confirm(&self, limit: u32, now: Timestamp) -> Result<Vec<Confirmation>, StoreError> {
        self.read(move |db| {
            collect(db, TO_CONFIRM, params![millis(now), limit], |row| {
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

    /// Since when a user, or the location we gave it, has been known: what Graph says may lag behind that.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn known_since(&self, user: UserId) -> Result<Option<Timestamp>, StoreError> {
        self.read(move |db| {
            let sql = "SELECT max(first_seen, coalesce(located, 0)) AS since FROM users WHERE id = ?1";
            Ok(collect(db, sql, [user.to_string()], |row| time_of(row, "since"))?.into_iter().next())
        })
        .await
    }

    /// Stops all writing until a time, for a reason that `status` shows; survives a restart.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn halt(&self, until: Timestamp, why: &str) -> Result<(), StoreError> {
        let text = json(&(millis(until), why))?;
        self.write(move |tx| set_meta(tx, "halted", Some(&text))).await
    }

    /// Until when nothing is written, and why.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn halted(&self, now: Timestamp) -> Result<Option<(Timestamp, String)>, StoreError> {
        Ok(self.read(report::halted).await?.filter(|(until, _)| *until > now))
    }

    /// Keeps the latest complaint of a part for `status`, or takes it back. Writes only when it changes.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn trouble(&self, part: &str, complaint: Option<&str>) -> Result<(), StoreError> {
        let key = format!("trouble:{part}");
        let complaint = complaint.map(str::to_owned);
        let known = {
            let key = key.clone();
            self.read(move |db| meta(db, &key)).await?
        };
        if known == complaint {
            return Ok(());
        }
        self.write(move |tx| set_meta(tx, &key, complaint.as_deref())).await
    }

    /// Notes that the directory answered and had nothing new, at most once a minute.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn directory_is_quiet(&self, domain: Uuid, now: Timestamp) -> Result<(), StoreError> {
        let domain = domain.to_string();
        let last = {
            let domain = domain.clone();
            self.read(move |db| {
                let sql = "SELECT last_read FROM domains WHERE guid = ?1";
                db.prepare_cached(sql)?
                    .query_row([domain], |row| Ok(maybe_time(row, "last_read")))
                    .optional()?
                    .transpose()
                    .map(Option::flatten)
            })
            .await?
        };
        if last.is_some_and(|last| now.duration_since(last) < SignedDuration::from_mins(1)) {
            return Ok(());
        }
        self.write(move |tx| {
            tx.execute("UPDATE domains SET last_read = ?2 WHERE guid = ?1", params![domain, millis(now)])?;
            Ok(())
        })
        .await
    }
}
