//! The directory's feed: domains, watermarks, pages of accounts.

use jiff::{SignedDuration, Timestamp};
use rusqlite::{Connection, OptionalExtension as _, params};
use serde_json::json;
use uuid::Uuid;

use super::audit::{AuditKind, Entry, append};
use super::rows::{collect, json, maybe_time, meta, millis, named, set_meta, unjson};
use super::{Store, StoreError, link};
use crate::model::account::{Account, AccountPage};
use crate::model::identity::{ObjectGuid, PersonId};
use crate::model::watermark::{Watermark, WatermarkKey};

/// What is remembered of one domain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DomainFeed {
    /// When the first complete read of it ended.
    pub first_scan: Option<Timestamp>,
    /// When everything is to be read again: deletions that we may not see and rights that changed are in no delta.
    pub next_scan: Option<Timestamp>,
}

/// What a page brought.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Absorbed {
    /// Never seen before.
    pub new: u64,
    /// Seen before and different now.
    pub changed: u64,
    /// Left.
    pub gone: u64,
    /// Not understood.
    pub quarantined: u64,
}

impl std::ops::AddAssign for Absorbed {
    fn add_assign(&mut self, other: Self) {
        self.new += other.new;
        self.changed += other.changed;
        self.gone += other.gone;
        self.quarantined += other.quarantined;
    }
}

/// How a complete read ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ScanEnd {
    /// It is believed.
    Complete {
        /// How many live objects it met.
        met: u64,
        /// How many known ones are now taken as gone.
        gone: u64,
    },
    /// It met so much less than was known that nobody is taken as gone.
    Shrunk {
        /// How many it met.
        met: u64,
        /// How many known ones it did not.
        missing: u64,
    },
}

/// Everything is read again after this.
const REGULARLY: SignedDuration = SignedDuration::from_hours(24);

/// A suspiciously small answer is asked for again after this.
const AFTER_SHRUNK: SignedDuration = SignedDuration::from_hours(1);

impl Store {
    /// Binds the store to a domain, or checks that it is bound to this one.
    ///
    /// # Errors
    /// [`StoreError::OtherDomain`] when it serves another.
    pub async fn bind_domain(&self, guid: Uuid, name: &str, now: Timestamp) -> Result<DomainFeed, StoreError> {
        let name = name.to_owned();
        self.write(move |tx| {
            let bound: Option<(String, String)> = tx
                .query_row("SELECT guid, name FROM domains LIMIT 1", [], |row| Ok((row.get(0)?, row.get(1)?)))
                .optional()?;
            match bound {
                Some((known, _)) if known == guid.to_string() => {}
                Some((known, was)) => {
                    let (bound, found) = (format!("{was} ({known})"), format!("{name} ({guid})"));
                    return Err(StoreError::OtherDomain { bound, found });
                }
                None => {
                    tx.execute(
                        "INSERT INTO domains (guid, name, first_contact) VALUES (?1, ?2, ?3)",
                        params![guid.to_string(), name, millis(now)],
                    )?;
                }
            }
            tx.query_row("SELECT first_scan, next_scan FROM domains WHERE guid = ?1", [guid.to_string()], |row| {
                Ok((maybe_time(row, "first_scan"), maybe_time(row, "next_scan")))
            })
            .map(|(first_scan, next_scan)| Ok(DomainFeed { first_scan: first_scan?, next_scan: next_scan? }))?
        })
        .await
    }

    /// How far a controller has been read: the row of this counter and question, else the latest of another.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn watermark(&self, key: &WatermarkKey) -> Result<Option<Watermark>, StoreError> {
        let key = key.clone();
        self.read(move |db| {
            let sql = "SELECT ntds, invocation, coverage, usn FROM watermarks WHERE domain = ?1
                       ORDER BY ntds = ?2 AND invocation = ?3 AND coverage = ?4 DESC, moved DESC LIMIT 1";
            let parameters = params![key.domain.to_string(), key.ntds, key.invocation.to_string(), key.coverage];
            let found = collect(db, sql, parameters, |row| {
                let (ntds, coverage) = (row.get("ntds")?, row.get("coverage")?);
                let found = WatermarkKey { domain: key.domain, ntds, invocation: named(row, "invocation")?, coverage };
                Ok(Watermark { key: found, usn: row.get("usn")? })
            })?;
            Ok(found.into_iter().next())
        })
        .await
    }

    /// Starts a full scan and returns its generation, with which its pages are tagged.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn begin_scan(&self, domain: Uuid) -> Result<i64, StoreError> {
        self.write(move |tx| {
            let sql = "UPDATE domains SET generation = generation + 1 WHERE guid = ?1 RETURNING generation";
            Ok(tx.query_row(sql, [domain.to_string()], |row| row.get(0))?)
        })
        .await
    }

    /// Takes one page in, whole or not at all. `generation` is that of the running scan; a delta has none.
    ///
    /// # Errors
    /// When the store fails; then nothing of the page is kept.
    pub async fn absorb_accounts(
        &self,
        domain: Uuid,
        page: AccountPage,
        generation: Option<i64>,
        now: Timestamp,
    ) -> Result<Absorbed, StoreError> {
        self.write(move |tx| {
            let mut absorbed = Absorbed { quarantined: page.quarantined.len() as u64, ..Absorbed::default() };
            let feed = Feed::of(tx, domain)?;
            for account in &page.accounts {
                absorbed += absorb(tx, &feed, account, generation, now)?;
            }
            let left = page.deleted.iter().map(|tombstone| tombstone.guid).chain(page.outside.iter().copied());
            for guid in left {
                unquarantine(tx, "directory", &guid.to_string())?;
                absorbed.gone += u64::from(forget(tx, guid, now)?);
            }
            for bad in &page.quarantined {
                if let (Some(guid), Some(generation)) = (bad.guid, generation) {
                    met(tx, guid, generation)?;
                }
                let key = bad.guid.map_or_else(|| bad.dn.clone(), |guid| guid.to_string());
                quarantine(tx, "directory", &key, &format!("{}: {}", bad.dn, bad.reason), now)?;
            }
            Ok(absorbed)
        })
        .await
    }

    /// Ends a complete scan: whoever it did not meet twice running is gone, and the watermark moves with that. Whoever it did
    /// not meet once asks for the next scan at once. A scan that met far less than was known takes nobody as gone.
    ///
    /// # Errors
    /// When the store fails; then the scan counts as never ended.
    pub async fn finish_scan(
        &self,
        mark: Watermark,
        generation: i64,
        shrink_percent: u32,
        now: Timestamp,
    ) -> Result<ScanEnd, StoreError> {
        self.write(move |tx| {
            let domain = mark.key.domain.to_string();
            let count = |sql: &str| -> Result<u64, StoreError> {
                Ok(tx.query_row(sql, params![domain, generation], |row| row.get::<_, i64>(0))?.cast_unsigned())
            };
            let live = "SELECT count(*) FROM accounts WHERE domain = ?1 AND gone IS NULL AND generation";
            let met = count(&format!("{live} = ?2"))?;
            let missing = count(&format!("{live} < ?2"))?;
            let end = if shrunk(met, missing, shrink_percent) {
                ScanEnd::Shrunk { met, missing }
            } else {
                ScanEnd::Complete { met, gone: miss(tx, &domain, generation, now)? }
            };
            move_watermark(tx, &mark, now)?;
            let wait = match end {
                ScanEnd::Shrunk { .. } => AFTER_SHRUNK,
                ScanEnd::Complete { .. } if count(&format!("{live} < ?2"))? > 0 => SignedDuration::ZERO,
                ScanEnd::Complete { .. } => REGULARLY,
            };
            let first: bool = tx.query_row(
                "UPDATE domains SET first_scan = coalesce(first_scan, ?2), next_scan = ?2 + ?3 WHERE guid = ?1
                 RETURNING first_scan = ?2",
                params![domain, millis(now), wait.as_secs() * 1_000],
                |row| row.get(0),
            )?;
            if first {
                let detail = json!({ "directory": "first read complete", "accounts": met });
                append(tx, now, &Entry::new(AuditKind::Feed, detail))?;
            }
            seen_alive(tx, &domain, now)?;
            Ok(end)
        })
        .await
    }

    /// Moves a watermark after a complete delta.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn finish_delta_search(&self, mark: Watermark, now: Timestamp) -> Result<(), StoreError> {
        self.write(move |tx| {
            move_watermark(tx, &mark, now)?;
            seen_alive(tx, &mark.key.domain.to_string(), now)
        })
        .await
    }
}

/// Whether a complete answer is suspiciously small: an empty one always, of the others one that lacks more than a few.
pub(super) fn shrunk(met: u64, missing: u64, percent: u32) -> bool {
    const FEW: u64 = 10;
    (met == 0 && missing > 0) || missing > FEW && missing * 100 > (met + missing) * u64::from(percent)
}

struct Feed {
    domain: String,
    first_contact: bool,
}

impl Feed {
    fn of(db: &Connection, domain: Uuid) -> Result<Self, StoreError> {
        let domain = domain.to_string();
        let first_contact =
            db.query_row("SELECT first_scan IS NULL FROM domains WHERE guid = ?1", [&domain], |row| row.get(0))?;
        Ok(Self { domain, first_contact })
    }
}

struct Stored {
    person: PersonId,
    account: Account,
    gone: bool,
}

fn stored(db: &Connection, guid: ObjectGuid) -> Result<Option<Stored>, StoreError> {
    let found: Option<(i64, String, bool)> = db
        .prepare_cached("SELECT person, body, gone IS NOT NULL FROM accounts WHERE guid = ?1")?
        .query_row([guid.to_string()], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))
        .optional()?;
    found.map(|(person, body, gone)| Ok(Stored { person: PersonId(person), account: unjson(&body)?, gone })).transpose()
}

fn absorb(
    db: &Connection,
    feed: &Feed,
    account: &Account,
    generation: Option<i64>,
    now: Timestamp,
) -> Result<Absorbed, StoreError> {
    let known = stored(db, account.guid)?;
    unquarantine(db, "directory", &account.guid.to_string())?;
    unquarantine(db, "directory", &account.dn)?;
    if let Some(known) = &known {
        let same = Account { usn_changed: account.usn_changed, ..known.account.clone() } == *account && !known.gone;
        if same {
            if let Some(generation) = generation {
                met(db, account.guid, generation)?;
            }
            return Ok(Absorbed::default());
        }
    }
    let name = account.upn.as_deref().or(account.sam.as_deref()).unwrap_or(&account.dn);
    let before = known.as_ref().map(|known| (known.person, known.account.anchor.as_str()));
    let person = link::for_account(db, before, &account.anchor, name, now)?;
    put(db, feed, account, person, generation, now)?;
    link::touch(db, person)?;
    link::rename(db, person)?;
    if let Some(known) = &known
        && known.person != person
    {
        link::drop_if_empty(db, known.person)?;
    }
    if known.is_none() && !feed.first_contact {
        let detail = json!({ "seen": "directory", "dn": account.dn, "guid": account.guid, "created": account.created });
        append(db, now, &Entry { subject: Some(name), ..Entry::new(AuditKind::Seen, detail).about(person) })?;
    }
    Ok(Absorbed { new: u64::from(known.is_none()), changed: u64::from(known.is_some()), ..Absorbed::default() })
}

fn put(
    db: &Connection,
    feed: &Feed,
    account: &Account,
    person: PersonId,
    generation: Option<i64>,
    now: Timestamp,
) -> Result<(), StoreError> {
    db.prepare_cached(
        "INSERT INTO accounts (guid, domain, person, anchor, sam, upn, usn, body, first_seen, changed, at_first_contact, generation)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?9, ?10,
                 coalesce(?11, (SELECT generation FROM domains WHERE guid = ?2)))
         ON CONFLICT (guid) DO UPDATE SET domain = ?2, person = ?3, anchor = ?4, sam = ?5, upn = ?6, usn = ?7, body = ?8,
             changed = ?9, generation = max(generation, excluded.generation), missed = 0, gone = NULL",
    )?
    .execute(params![
        account.guid.to_string(),
        feed.domain,
        person.0,
        account.anchor.as_str(),
        account.sam,
        account.upn,
        account.usn_changed,
        json(account)?,
        millis(now),
        feed.first_contact,
        generation,
    ])?;
    Ok(())
}

/// Notes that a scan met an account, though it brought nothing new or nothing that can be read.
fn met(db: &Connection, guid: ObjectGuid, generation: i64) -> Result<(), StoreError> {
    db.prepare_cached("UPDATE accounts SET generation = ?2, missed = 0 WHERE guid = ?1")?
        .execute(params![guid.to_string(), generation])?;
    Ok(())
}

/// Takes an account as gone; whether it was there.
fn forget(db: &Connection, guid: ObjectGuid, now: Timestamp) -> Result<bool, StoreError> {
    let person: Option<i64> = db
        .prepare_cached("UPDATE accounts SET gone = ?2 WHERE guid = ?1 AND gone IS NULL RETURNING person")?
        .query_row(params![guid.to_string(), millis(now)], |row| row.get(0))
        .optional()?;
    let Some(person) = person.map(PersonId) else { return Ok(false) };
    link::touch(db, person)?;
    let detail = json!({ "left": "directory", "guid": guid });
    append(db, now, &Entry::new(AuditKind::Seen, detail).about(person))?;
    Ok(true)
}

/// Counts a complete scan against everyone it did not meet; the second one running makes them gone.
fn miss(db: &Connection, domain: &str, generation: i64, now: Timestamp) -> Result<u64, StoreError> {
    db.execute(
        "UPDATE accounts SET missed = missed + 1 WHERE domain = ?1 AND gone IS NULL AND generation < ?2",
        params![domain, generation],
    )?;
    let gone: Vec<String> = db
        .prepare("SELECT guid FROM accounts WHERE domain = ?1 AND gone IS NULL AND missed >= 2")?
        .query_map([domain], |row| row.get(0))?
        .collect::<Result<_, _>>()?;
    for guid in &gone {
        let guid = guid.parse().map_err(|_| StoreError::Row(guid.clone()))?;
        forget(db, guid, now)?;
    }
    Ok(gone.len() as u64)
}

fn move_watermark(db: &Connection, mark: &Watermark, now: Timestamp) -> Result<(), StoreError> {
    db.prepare_cached(
        "INSERT INTO watermarks (domain, ntds, invocation, coverage, usn, moved) VALUES (?1, ?2, ?3, ?4, ?5, ?6)
         ON CONFLICT (domain, ntds, invocation, coverage) DO UPDATE SET usn = ?5, moved = ?6",
    )?
    .execute(params![
        mark.key.domain.to_string(),
        mark.key.ntds,
        mark.key.invocation.to_string(),
        mark.key.coverage,
        mark.usn,
        millis(now),
    ])?;
    // The coverage that was read to its end last is the one decisions are made on.
    let known = meta(db, "coverage")?;
    if known.as_deref() != Some(&mark.key.coverage) {
        set_meta(db, "coverage", Some(&mark.key.coverage))?;
    }
    Ok(())
}

fn seen_alive(db: &Connection, domain: &str, now: Timestamp) -> Result<(), StoreError> {
    db.prepare_cached("UPDATE domains SET last_read = ?2 WHERE guid = ?1")?.execute(params![domain, millis(now)])?;
    Ok(())
}

pub(super) fn quarantine(
    db: &Connection,
    source: &str,
    key: &str,
    reason: &str,
    now: Timestamp,
) -> Result<(), StoreError> {
    db.prepare_cached(
        "INSERT INTO quarantine (source, key, reason, since, last) VALUES (?1, ?2, ?3, ?4, ?4)
         ON CONFLICT (source, key) DO UPDATE SET reason = ?3, last = ?4",
    )?
    .execute(params![source, key, reason, millis(now)])?;
    Ok(())
}

pub(super) fn unquarantine(db: &Connection, source: &str, key: &str) -> Result<(), StoreError> {
    db.prepare_cached("DELETE FROM quarantine WHERE source = ?1 AND key = ?2")?.execute([source, key])?;
    Ok(())
}
