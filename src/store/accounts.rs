//! The directory's feed: pages of accounts, and what a complete read concludes.

use std::borrow::Cow;

use jiff::{SignedDuration, Timestamp};
use rusqlite::{Connection, OptionalExtension as _, params};
use serde_json::json;
use uuid::Uuid;

use super::audit::{AuditKind, Entry, append};
use super::rows::{json, millis, unjson};
use super::{Store, StoreError, domains, hints, link, membership, walks};
use crate::model::account::{Account, AccountPage};
use crate::model::identity::{ObjectGuid, PersonId};
use crate::model::shrink::is_shrunk;
use crate::model::watermark::{Watermark, WatermarkKey};

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

/// Everything is read again after this and up to [`SPREAD`] more, by chance.
const REGULARLY: SignedDuration = SignedDuration::from_hours(22);
const SPREAD: SignedDuration = SignedDuration::from_hours(4);

/// A suspiciously small answer is asked for again after this.
const AFTER_SHRUNK: SignedDuration = SignedDuration::from_hours(1);

impl Store {
    /// Starts a full scan and returns its generation, with which its pages are tagged. From its first page on, the accounts
    /// are no longer what watermarks of another coverage say: those go. With one that `settles`, what is known to exclude
    /// somebody needs no newer word any more to give way.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn begin_scan(&self, key: &WatermarkKey, settles: bool) -> Result<i64, StoreError> {
        let (domain, coverage) = (key.domain.to_string(), key.coverage.clone());
        self.write(move |tx| {
            tx.execute("DELETE FROM watermarks WHERE domain = ?1 AND coverage <> ?2", [&domain, &coverage])?;
            let sql =
                "UPDATE domains SET generation = generation + 1, coverage = nullif(coverage, nullif(coverage, ?2)),
                           guarded = CASE WHEN ?3 THEN NULL ELSE guarded END
                       WHERE guid = ?1 RETURNING generation";
            let generation = tx.query_row(sql, params![domain, coverage, settles], |row| row.get(0))?;
            membership::reread_all(tx, &domain)?;
            Ok(generation)
        })
        .await
    }

    /// Takes one page in, whole or not at all, as the word of the controller whose word is content. `generation` is that of the
    /// running scan; a delta has none. Who was asked for and is absent is gone if another controller had shown that, too.
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
            let agreed = hints::agreed_gone(tx, &feed.domain, &page.absent)?;
            for guid in left.chain(agreed) {
                unquarantine(tx, "directory", &guid.to_string())?;
                absorbed.gone += u64::from(forget(tx, &feed.domain, guid, now)?);
            }
            if feed.hinted {
                hints::confirm(tx, &feed.domain, &page)?;
            }
            let deleted = page.deleted.iter().map(|tombstone| tombstone.guid);
            membership::notice(tx, &feed.domain, &page.groups, deleted)?;
            walks::place(tx, &feed.domain, &page.containers)?;
            walks::moved(tx, &feed.domain, None, &page.moved)?;
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
    ) -> Result<(ScanEnd, Timestamp), StoreError> {
        self.write(move |tx| {
            let domain = mark.key.domain.to_string();
            let count = |sql: &str| -> Result<u64, StoreError> {
                Ok(tx.query_row(sql, params![domain, generation], |row| row.get::<_, i64>(0))?.cast_unsigned())
            };
            // Who is met and counts as gone until something newer is seen of them is met all the same.
            let met = count("SELECT count(*) FROM accounts WHERE domain = ?1 AND generation = ?2")?;
            let missing = "SELECT count(*) FROM accounts WHERE domain = ?1 AND gone IS NULL AND generation < ?2";
            let (missing, still_missing) = (count(missing)?, || count(missing));
            let end = if is_shrunk(met, missing, shrink_percent) {
                ScanEnd::Shrunk { met, missing }
            } else {
                ScanEnd::Complete { met, gone: miss(tx, &domain, generation, now)? }
            };
            domains::put_watermark(tx, &mark, now)?;
            hints::drop_of(tx, &domain, &mark.key.ntds)?;
            tx.execute("DELETE FROM container_moves WHERE domain = ?1 AND ntds = ?2", [&domain, &mark.key.ntds])?;
            let wait = match end {
                ScanEnd::Shrunk { .. } => AFTER_SHRUNK,
                ScanEnd::Complete { .. } if still_missing()? > 0 => SignedDuration::ZERO,
                ScanEnd::Complete { .. } => regularly(mark.key.domain, generation),
            };
            let next = now.checked_add(wait).unwrap_or(Timestamp::MAX);
            let first: bool = tx.query_row(
                "UPDATE domains SET first_scan = coalesce(first_scan, ?2), next_scan = ?3, last_read = ?2, coverage = ?4
                 WHERE guid = ?1 RETURNING first_scan = ?2",
                params![domain, millis(now), millis(next), mark.key.coverage],
                |row| row.get(0),
            )?;
            if first {
                let detail = json!({ "directory": "first read complete", "accounts": met });
                append(tx, now, &Entry::new(AuditKind::Feed, detail))?;
            }
            Ok((end, next))
        })
        .await
    }
}

/// When everything is read again: not all domains at one time, nor one domain always at the same.
fn regularly(domain: Uuid, generation: i64) -> SignedDuration {
    let chance = fastrand::Rng::with_seed(domain.as_u64_pair().0 ^ generation.cast_unsigned()).i64(0..SPREAD.as_secs());
    REGULARLY + SignedDuration::from_secs(chance)
}

struct Feed {
    domain: String,
    first_contact: bool,
    guarded: Option<i64>,
    hinted: bool,
}

impl Feed {
    fn of(db: &Connection, domain: Uuid) -> Result<Self, StoreError> {
        let domain = domain.to_string();
        let sql = "SELECT first_scan IS NULL, guarded, EXISTS (SELECT 1 FROM hints WHERE domain = ?1)
                   FROM domains WHERE guid = ?1";
        let (first_contact, guarded, hinted) =
            db.prepare_cached(sql)?.query_row([&domain], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?;
        Ok(Self { domain, first_contact, guarded, hinted })
    }

    /// What of an account's reading is believed. While another controller stands in, what the former one had shown and what
    /// excludes somebody stays, until something newer than the change of controllers is seen: it may not have replicated yet.
    /// `None` when nothing is.
    fn believed<'a>(&self, account: &'a Account, known: Option<&Stored>) -> Option<Cow<'a, Account>> {
        let Some(known) = known.filter(|_| self.guarded.is_some_and(|guarded| account.usn_changed <= guarded)) else {
            return Some(Cow::Borrowed(account));
        };
        if known.gone {
            return None;
        }
        let enabled = account.enabled && known.account.enabled;
        Some(Cow::Owned(Account { enabled, ..account.clone() }))
    }
}

pub(super) struct Stored {
    person: PersonId,
    domain: String,
    pub(super) account: Account,
    pub(super) gone: bool,
}

pub(super) fn stored(db: &Connection, guid: ObjectGuid) -> Result<Option<Stored>, StoreError> {
    let found: Option<(i64, String, String, bool)> = db
        .prepare_cached("SELECT person, domain, body, gone IS NOT NULL FROM accounts WHERE guid = ?1")?
        .query_row([guid.to_string()], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?)))
        .optional()?;
    let Some((person, domain, body, gone)) = found else { return Ok(None) };
    Ok(Some(Stored { person: PersonId(person), domain, account: unjson(&body)?, gone }))
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
    let Some(account) = feed.believed(account, known.as_ref()) else {
        if let Some(generation) = generation {
            met(db, account.guid, generation)?;
        }
        return Ok(Absorbed::default());
    };
    let account = account.as_ref();
    if let Some(known) = &known {
        let same = Account { usn_changed: account.usn_changed, ..known.account.clone() } == *account
            && !known.gone
            && known.domain == feed.domain;
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
    put(db, feed, account, person, generation, (known.is_some(), now))?;
    if known.as_ref().is_some_and(|known| known.gone) {
        // Brought back from deletion it may be in its groups again.
        membership::reread_around(db, account.guid)?;
    }
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

/// Two statements rather than one that does either: that one would keep, of each page it writes to, what stood there before.
const MAKE: &str = "
    INSERT INTO accounts (guid, domain, person, anchor, own_anchor, sam, upn, usn, body, first_seen, changed,
                          at_first_contact, generation)
    VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?10, (SELECT first_scan IS NULL FROM domains WHERE guid = ?2),
            coalesce(?11, (SELECT generation FROM domains WHERE guid = ?2)))";
const CHANGE: &str = "
    UPDATE accounts SET domain = ?2, person = ?3, anchor = ?4, own_anchor = ?5, sam = ?6, upn = ?7, usn = ?8, body = ?9,
        changed = ?10, missed = 0, gone = NULL,
        generation = max(coalesce(?11, (SELECT generation FROM domains WHERE guid = ?2)),
                         CASE WHEN domain = ?2 THEN generation ELSE 0 END)
    WHERE guid = ?1";

fn put(
    db: &Connection,
    feed: &Feed,
    account: &Account,
    person: PersonId,
    generation: Option<i64>,
    (known, now): (bool, Timestamp),
) -> Result<(), StoreError> {
    db.prepare_cached(if known { CHANGE } else { MAKE })?.execute(params![
        account.guid.to_string(),
        feed.domain,
        person.0,
        account.anchor.as_str(),
        account.anchor.guid() != Some(account.guid),
        account.sam,
        account.upn,
        account.usn_changed,
        json(account)?,
        millis(now),
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

/// Takes an account as gone; whether it was there. What one domain says of an account that is another's by now is nothing.
fn forget(db: &Connection, domain: &str, guid: ObjectGuid, now: Timestamp) -> Result<bool, StoreError> {
    let person: Option<i64> = db
        .prepare_cached(
            "UPDATE accounts SET gone = ?3 WHERE guid = ?1 AND domain = ?2 AND gone IS NULL RETURNING person",
        )?
        .query_row(params![guid.to_string(), domain, millis(now)], |row| row.get(0))
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
        forget(db, domain, guid, now)?;
    }
    Ok(gone.len() as u64)
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
