//! The domains that are followed, whose word is content in each, and how far each controller has been read.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use rusqlite::{Connection, params};
use uuid::Uuid;

use super::rows::{collect, maybe_time, millis, named, named_maybe};
use super::{Store, StoreError, membership, strangers};
use crate::model::watermark::{Canary, Watermark, WatermarkKey};

/// What is remembered of one domain.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DomainFeed {
    /// When the first complete read of it ended.
    pub first_scan: Option<Timestamp>,
    /// When everything is to be read again: deletions that we may not see and rights that changed are in no delta.
    pub next_scan: Option<Timestamp>,
    /// The controller whose word is content: its NTDS Settings object.
    pub content: Option<String>,
}

impl Store {
    /// Binds the store to a domain, or finds it bound. `configured` names all domains that are followed: while one that the
    /// store is bound to is not among them, no further one is taken in.
    ///
    /// # Errors
    /// [`StoreError::OtherDomain`] when it serves another.
    pub async fn bind_domain(
        &self,
        guid: Uuid,
        name: &str,
        configured: &[String],
        now: Timestamp,
    ) -> Result<DomainFeed, StoreError> {
        let (name, configured, key) = (name.to_owned(), configured.to_vec(), guid.to_string());
        let known = {
            let key = key.clone();
            self.read(move |db| feed(db, &key)).await?
        };
        if let Some((bound, feed)) = known
            && bound == name
        {
            return Ok(feed);
        }
        self.write(move |tx| {
            if let Some((_, feed)) = feed(tx, &key)? {
                tx.execute("UPDATE domains SET name = ?2 WHERE guid = ?1", [&key, &name])?;
                return Ok(feed);
            }
            let bound = collect(tx, "SELECT name, guid FROM domains", [], |row| {
                Ok((row.get::<_, String>("name")?, row.get::<_, String>("guid")?))
            })?;
            let other = bound.iter().find(|(bound, _)| *bound == name || !configured.contains(bound));
            if let Some((bound, known)) = other {
                let (bound, found) = (format!("{bound} ({known})"), format!("{name} ({key})"));
                return Err(StoreError::OtherDomain { bound, found });
            }
            tx.execute(
                "INSERT INTO domains (guid, name, first_contact) VALUES (?1, ?2, ?3)",
                params![key, name, millis(now)],
            )?;
            strangers::welcome(tx, &name)?;
            Ok(DomainFeed::default())
        })
        .await
    }

    /// The names of the domains that the store is bound to.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn bound_domains(&self) -> Result<BTreeSet<String>, StoreError> {
        self.read(|db| {
            let names = collect(db, "SELECT name FROM domains", [], |row| Ok(row.get("name")?))?;
            Ok(names.into_iter().collect())
        })
        .await
    }

    /// By domain name, the digest of what was read of it to its end last; a domain of which nothing was is left out.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn coverage(&self) -> Result<BTreeMap<String, String>, StoreError> {
        self.read(|db| {
            let found = collect(db, "SELECT name, coverage FROM domains WHERE coverage IS NOT NULL", [], |row| {
                Ok((row.get("name")?, row.get("coverage")?))
            })?;
            Ok(found.into_iter().collect())
        })
        .await
    }

    /// How far a controller has been read: the row of this counter and question, else the latest of this controller.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn watermark(&self, key: &WatermarkKey) -> Result<Option<Watermark>, StoreError> {
        let key = key.clone();
        self.read(move |db| {
            let sql = "SELECT ntds, invocation, coverage, usn, coalesce(behind, usn) AS behind, canary, canary_usn
                       FROM watermarks WHERE domain = ?1 AND ntds = ?2 COLLATE NOCASE
                       ORDER BY invocation = ?3 AND coverage = ?4 DESC, moved DESC LIMIT 1";
            let parameters = params![key.domain.to_string(), key.ntds, key.invocation.to_string(), key.coverage];
            let found = collect(db, sql, parameters, |row| {
                let (ntds, coverage) = (row.get("ntds")?, row.get("coverage")?);
                let found = WatermarkKey { domain: key.domain, ntds, invocation: named(row, "invocation")?, coverage };
                let canary = named_maybe(row, "canary")?.zip(row.get("canary_usn")?);
                let canary = canary.map(|(guid, usn)| Canary { guid, usn });
                Ok(Watermark { key: found, usn: row.get("usn")?, behind: row.get("behind")?, canary })
            })?;
            Ok(found.into_iter().next())
        })
        .await
    }

    /// Stores a watermark after a complete delta, or after a witness was read.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn keep_watermark(&self, mark: Watermark, now: Timestamp) -> Result<(), StoreError> {
        self.write(move |tx| {
            put_watermark(tx, &mark, now)?;
            tx.prepare_cached("UPDATE domains SET last_read = ?3 WHERE guid = ?1 AND coalesce(content, ?2) = ?2")?
                .execute(params![mark.key.domain.to_string(), mark.key.ntds, millis(now)])?;
            Ok(())
        })
        .await
    }

    /// Forgets how far a controller had been read, and what it had hinted at.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn void_watermark(&self, key: &WatermarkKey) -> Result<(), StoreError> {
        let (domain, ntds) = (key.domain.to_string(), key.ntds.clone());
        self.write(move |tx| {
            tx.execute("DELETE FROM watermarks WHERE domain = ?1 AND ntds = ?2", [&domain, &ntds])?;
            super::hints::drop_of(tx, &domain, &ntds)
        })
        .await
    }

    /// Makes a controller's word content. Up to its USN `above` it lifts nothing that is known to exclude somebody.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn take_over(&self, domain: Uuid, ntds: &str, above: Option<i64>) -> Result<(), StoreError> {
        let ntds = ntds.to_owned();
        self.write(move |tx| {
            tx.execute(
                "UPDATE domains SET content = ?2, guarded = ?3 WHERE guid = ?1",
                params![domain.to_string(), ntds, above],
            )?;
            // What the groups hold there is not what was read of another controller.
            membership::reread_all(tx, &domain.to_string())
        })
        .await
    }
}

fn feed(db: &Connection, guid: &str) -> Result<Option<(String, DomainFeed)>, StoreError> {
    let sql = "SELECT name, first_scan, next_scan, content FROM domains WHERE guid = ?1";
    let found = collect(db, sql, [guid], |row| {
        let (first_scan, next_scan) = (maybe_time(row, "first_scan")?, maybe_time(row, "next_scan")?);
        Ok((row.get("name")?, DomainFeed { first_scan, next_scan, content: row.get("content")? }))
    })?;
    Ok(found.into_iter().next())
}

pub(super) fn put_watermark(db: &Connection, mark: &Watermark, now: Timestamp) -> Result<(), StoreError> {
    db.prepare_cached(
        "INSERT INTO watermarks (domain, ntds, invocation, coverage, usn, moved, behind, canary, canary_usn)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)
         ON CONFLICT (domain, ntds, invocation, coverage)
         DO UPDATE SET usn = ?5, moved = ?6, behind = ?7, canary = ?8, canary_usn = ?9",
    )?
    .execute(params![
        mark.key.domain.to_string(),
        mark.key.ntds,
        mark.key.invocation.to_string(),
        mark.key.coverage,
        mark.usn,
        millis(now),
        mark.behind,
        mark.canary.map(|canary| canary.guid.to_string()),
        mark.canary.map(|canary| canary.usn),
    ])?;
    Ok(())
}
