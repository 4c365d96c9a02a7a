//! What no change of the tenant tells: whom a listing missed, who is awaited for long, whose licenses to read again, and
//! whether synchronization runs.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use rusqlite::{Connection, params};

use super::rows::{collect, json, meta, millis, named, set_meta, time, time_of, unjson};
use super::{Store, StoreError, users};
use crate::model::identity::{Anchor, PersonId, UserId};
use crate::model::synchronization::Synchronization;
use crate::model::user::Removal;

/// Somebody awaited for long.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Missed {
    /// Who.
    pub person: PersonId,
    /// Of its account.
    pub anchor: Anchor,
    /// Since when it is awaited.
    pub since: Timestamp,
}

pub(super) const UNLISTED: &str = "
    SELECT id FROM users WHERE removed IS NULL AND generation < ?1 ORDER BY generation, id LIMIT ?2";

/// Whom a rule wants only. Each half with a limit of its own, by the same index.
pub(super) const TO_LOOK_UP: &str = "
    SELECT late.id, late.presence_since, a.anchor FROM (
        SELECT * FROM (SELECT id, presence_since FROM people
                       WHERE presence = 'awaiting' AND awaited = 1 AND look_up IS NULL AND presence_since <= ?2 LIMIT ?3)
        UNION ALL
        SELECT * FROM (SELECT id, presence_since FROM people
                       WHERE presence = 'awaiting' AND awaited = 1 AND look_up <= ?1 ORDER BY look_up LIMIT ?3)) late
    JOIN accounts a ON a.person = late.id AND a.gone IS NULL GROUP BY late.id LIMIT ?3";

/// Only these lean on the sources of a license that is there; what else changes, changes the licenses themselves, and is told.
pub(super) const TO_READ_AGAIN: &str = "
    SELECT u.id FROM users u WHERE u.id >= ?1 AND u.id < ?2 AND u.removed IS NULL
        AND EXISTS (SELECT 1 FROM entitlements e WHERE e.person = u.person AND e.user = u.id
                    AND e.standing IN ('licensed', 'satisfied', 'differs'))
    ORDER BY u.id LIMIT ?3";

impl Store {
    /// Users whom the last complete listing did not meet and who have not been read by themselves since, and the listing's
    /// generation.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn unlisted(&self, limit: u32) -> Result<(i64, Vec<UserId>), StoreError> {
        self.read(move |db| {
            let doubted: i64 = db.query_row("SELECT doubted FROM tenant_feed", [], |row| row.get(0))?;
            let ids = collect(db, UNLISTED, params![doubted, limit], |row| named(row, "id"))?;
            Ok((doubted, ids))
        })
        .await
    }

    /// Takes users as gone whom neither a listing met nor their own address shows; how many were there until now.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn take_as_gone(&self, ids: Vec<UserId>, now: Timestamp) -> Result<u64, StoreError> {
        self.write(move |tx| {
            ids.iter().try_fold(0, |gone, id| {
                Ok(gone + u64::from(users::remove(tx, &id.to_string(), Removal::Unlisted, now)?))
            })
        })
        .await
    }

    /// Persons that a rule wants and that are awaited for `first` or longer, as far as their next look-up is due.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn to_look_up(
        &self,
        limit: u32,
        first: SignedDuration,
        now: Timestamp,
    ) -> Result<Vec<Missed>, StoreError> {
        let long = now.checked_sub(first).unwrap_or(Timestamp::MIN);
        self.read(move |db| {
            collect(db, TO_LOOK_UP, params![millis(now), millis(long), limit], |row| {
                Ok(Missed {
                    person: PersonId(row.get("id")?),
                    anchor: Anchor::from_text(row.get::<_, String>("anchor")?),
                    since: time_of(row, "presence_since")?,
                })
            })
        })
        .await
    }

    /// Notes when persons are looked up again.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn look_up_later(&self, persons: Vec<(PersonId, Timestamp)>) -> Result<(), StoreError> {
        self.write(move |tx| {
            let mut statement = tx.prepare_cached("UPDATE people SET look_up = ?2 WHERE id = ?1")?;
            for (person, at) in persons {
                statement.execute(params![person.0, millis(at)])?;
            }
            Ok(())
        })
        .await
    }

    /// Users within ranges of ids, each from the first to before the second, whose licenses are relied on: in the order of the
    /// ranges, then of ids.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn to_read_again(&self, ranges: Vec<(String, String)>, limit: u32) -> Result<Vec<UserId>, StoreError> {
        self.read(move |db| {
            let mut found = Vec::new();
            for (from, to) in ranges {
                let left = limit - u32::try_from(found.len()).unwrap_or(limit);
                found.extend(collect(db, TO_READ_AGAIN, params![from, to, left], |row| named::<UserId>(row, "id"))?);
            }
            Ok(found)
        })
        .await
    }

    /// How far licenses have been read again.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn read_again(&self) -> Result<Option<Timestamp>, StoreError> {
        self.read(read_again).await
    }

    /// Notes how far licenses have been read again, where that is `step` further than noted before.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn note_read_again(&self, at: Timestamp, step: Duration) -> Result<(), StoreError> {
        let step = SignedDuration::try_from(step).unwrap_or(SignedDuration::MAX);
        if self.read_again().await?.is_some_and(|noted| at.duration_since(noted).abs() < step) {
            return Ok(());
        }
        self.write(move |tx| set_meta(tx, "read_again", Some(&millis(at).to_string()))).await
    }

    /// Keeps what the tenant knows of its synchronization, for `status`. Writes only when it changed.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn note_synchronization(&self, known: Synchronization) -> Result<(), StoreError> {
        if self.read(synchronization).await? == Some(known) {
            return Ok(());
        }
        let text = json(&known)?;
        self.write(move |tx| set_meta(tx, "synchronization", Some(&text))).await
    }

    /// Whether a person whom a rule wants is awaited.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn is_somebody_awaited(&self) -> Result<bool, StoreError> {
        let sql = "SELECT EXISTS (SELECT 1 FROM people WHERE presence = 'awaiting' AND awaited = 1)";
        self.read(move |db| Ok(db.prepare_cached(sql)?.query_row([], |row| row.get(0))?)).await
    }
}

fn read_again(db: &Connection) -> Result<Option<Timestamp>, StoreError> {
    let Some(text) = meta(db, "read_again")? else { return Ok(None) };
    text.parse().map_err(|_| StoreError::Row(format!("read_again is {text}"))).and_then(time).map(Some)
}

pub(super) fn synchronization(db: &Connection) -> Result<Option<Synchronization>, StoreError> {
    meta(db, "synchronization")?.as_deref().map(unjson).transpose()
}
