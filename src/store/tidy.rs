//! Removes what is long over, so that no table grows without bound: in small transactions, and nothing is written where there
//! is nothing to remove. `docs/operations.md` says of each table what bounds it.

use jiff::{SignedDuration, Timestamp};
use rusqlite::{Connection, OptionalExtension as _, Transaction, params};
use serde_json::json;

use super::audit::{AuditKind, Entry, append, hex};
use super::rows::{meta, millis, set_meta};
use super::trail::AuditHead;
use super::{Store, StoreError};

/// Rows of one table that go in one transaction.
const AT_ONCE: i64 = 500;

/// What a controller showed is not waited for longer: by then Active Directory itself no longer lets it replicate.
const TOMBSTONE: SignedDuration = SignedDuration::from_hours(60 * 24);

/// An entry that no reading of everything met for so long is not there any more.
const UNMET: SignedDuration = SignedDuration::from_hours(7 * 24);

/// The guard looks back for a day.
const COUNTED: SignedDuration = SignedDuration::from_hours(48);

/// The audit is shortened once its oldest row is older by so much, not row by row.
const AUDIT_STEP: SignedDuration = SignedDuration::from_hours(24);

/// The audit is being shortened, in the facts that are kept: it goes on until nothing is too old.
const GOING_ON: &str = "audit_shortening";

/// Free pages are given back above so many, and above a quarter of the file.
const FREE: i64 = 2_000;

/// Pages given back in one transaction.
const GIVEN_BACK: i64 = 500;

/// How far the audit was shortened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shortened {
    /// Rows removed.
    pub rows: u64,
    /// The last of them: a checkpoint stands for it and all before it.
    pub upto: AuditHead,
}

/// Each with a cutoff and how many at once. Of numbered rows the last one stays, so that no number is given twice: the audit
/// names them.
const OVER: [(Cutoff, &str); 10] = [
    (Cutoff::Counted, "DELETE FROM admissions WHERE rowid IN (SELECT rowid FROM admissions WHERE at < ?1 LIMIT ?2)"),
    (
        Cutoff::Keep,
        "DELETE FROM requests WHERE id IN
             (SELECT id FROM requests WHERE done < ?1 AND +id < (SELECT max(id) FROM requests) LIMIT ?2)",
    ),
    (
        Cutoff::Keep,
        "DELETE FROM holds WHERE id IN (SELECT id FROM holds h WHERE closed < ?1 AND id < (SELECT max(id) FROM holds)
             AND NOT EXISTS (SELECT 1 FROM entitlements WHERE hold = h.id) LIMIT ?2)",
    ),
    (
        Cutoff::Unmet,
        "DELETE FROM quarantine WHERE (source, key) IN
             (SELECT source, key FROM quarantine WHERE source = 'directory' AND last < ?1 LIMIT ?2)",
    ),
    // Nothing meets a user regularly that does not change.
    (
        Cutoff::Keep,
        "DELETE FROM quarantine WHERE (source, key) IN
             (SELECT source, key FROM quarantine WHERE source = 'tenant' AND last < ?1 LIMIT ?2)",
    ),
    (Cutoff::Tombstone, "DELETE FROM endings WHERE part IN (SELECT part FROM endings WHERE seen < ?1 LIMIT ?2)"),
    (
        Cutoff::Tombstone,
        "DELETE FROM hints WHERE (domain, ntds, guid) IN
             (SELECT domain, ntds, guid FROM hints WHERE since < ?1 LIMIT ?2)",
    ),
    (
        Cutoff::Tombstone,
        "DELETE FROM watermarks WHERE (domain, ntds, invocation, coverage) IN
             (SELECT domain, ntds, invocation, coverage FROM watermarks WHERE moved < ?1 LIMIT ?2)",
    ),
    // A controller without a watermark reads everything before its word counts.
    (
        Cutoff::None,
        "DELETE FROM container_moves WHERE (domain, ntds, guid) IN (SELECT domain, ntds, guid FROM container_moves m
             WHERE ?1 = ?1 AND NOT EXISTS (SELECT 1 FROM watermarks w WHERE w.domain = m.domain AND w.ntds = m.ntds)
               AND NOT EXISTS (SELECT 1 FROM domains d WHERE d.guid = m.domain AND d.content = m.ntds) LIMIT ?2)",
    ),
    (
        Cutoff::None,
        "DELETE FROM containers WHERE guid IN (SELECT c.guid FROM containers c JOIN domains d ON d.guid = c.domain
             WHERE ?1 = ?1 AND c.generation < d.generation - 3 LIMIT ?2)",
    ),
];

enum Cutoff {
    None,
    Counted,
    Unmet,
    Tombstone,
    Keep,
}

/// With a plus before what the index is not to be chosen for. Ended writes, but those that an entitlement waits for and the one that proves a license to be ours.
pub(super) const ENDED: &str = "
    SELECT i.id FROM intents i
    WHERE i.closed < ?1 AND i.state <> 'open' AND +i.id < (SELECT max(id) FROM intents)
      AND NOT EXISTS (SELECT 1 FROM entitlements WHERE intent = i.id)
      AND NOT (i.state = 'accepted' AND EXISTS (
          SELECT 1 FROM json_each(i.body -> '$.license.add') a
          JOIN entitlements e ON e.person = i.person AND e.sku = a.value ->> '$.sku' AND e.ours = 1
          WHERE coalesce(a.value ->> '$.held', 0) = 0))
    LIMIT ?2";

/// Persons of whom both sides have had nothing for long, and about whom nothing is open.
pub(super) const DEPARTED: &str = "
    SELECT p.id FROM people p
    WHERE p.presence = 'departed' AND p.presence_since < ?1 AND p.dirty = 0 AND +p.id < (SELECT max(id) FROM people)
      AND NOT EXISTS (SELECT 1 FROM accounts a WHERE a.person = p.id AND (a.gone IS NULL OR a.gone >= ?1))
      AND NOT EXISTS (SELECT 1 FROM users u WHERE u.person = p.id AND (u.removed_at IS NULL OR u.removed_at >= ?1))
      AND NOT EXISTS (SELECT 1 FROM intents i WHERE i.person = p.id AND (i.state = 'open' OR i.closed >= ?1))
      AND NOT EXISTS (SELECT 1 FROM entitlements e WHERE e.person = p.id AND (e.since >= ?1 OR e.standing IN
          ('due', 'awaiting-seat', 'held', 'in-flight', 'retrying', 'confirming')))
    LIMIT ?2";

/// Accounts and users that are gone, of persons who have others by now.
pub(super) const REPLACED: [(&str, &str); 2] = [
    (
        "SELECT a.guid FROM accounts a WHERE a.gone < ?1
           AND EXISTS (SELECT 1 FROM accounts o WHERE o.person = a.person AND o.gone IS NULL) LIMIT ?2",
        "DELETE FROM accounts WHERE guid = ?1",
    ),
    (
        "SELECT u.id FROM users u WHERE u.removed_at < ?1
           AND EXISTS (SELECT 1 FROM users o WHERE o.person = u.person AND o.removed IS NULL) LIMIT ?2",
        "DELETE FROM users WHERE id = ?1",
    ),
];

impl Store {
    /// Removes some of what has been over for longer than `keep`, and says how many rows went. None: nothing is left to remove.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn tidy(&self, keep: SignedDuration, now: Timestamp) -> Result<u64, StoreError> {
        self.write(move |tx| {
            let mut removed = 0;
            for (cutoff, sql) in &OVER {
                let before = match cutoff {
                    Cutoff::None => i64::MIN,
                    Cutoff::Counted => ago(now, COUNTED),
                    Cutoff::Unmet => ago(now, UNMET),
                    Cutoff::Tombstone => ago(now, TOMBSTONE),
                    Cutoff::Keep => ago(now, keep),
                };
                removed += tx.prepare_cached(sql)?.execute(params![before, AT_ONCE])?;
            }
            // A group that is no longer followed is read no further.
            removed += tx.execute("DELETE FROM group_walk WHERE parent NOT IN (SELECT guid FROM group_nodes)", [])?;
            removed += end_intents(tx, ago(now, keep))?;
            removed += forget_departed(tx, ago(now, keep), now)?;
            for (which, delete) in &REPLACED {
                for id in texts(tx, which, ago(now, keep))? {
                    removed += tx.prepare_cached(delete)?.execute([id])?;
                }
            }
            Ok(removed as u64)
        })
        .await
    }

    /// Removes the oldest rows of the audit that are older than `keep`, some thousand at once at most, behind a checkpoint; but
    /// none from the first on that an open write needs, and never the newest.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn shorten_audit(&self, keep: SignedDuration, now: Timestamp) -> Result<Option<Shortened>, StoreError> {
        self.write(move |tx| {
            let oldest: Option<i64> = tx
                .prepare_cached("SELECT at FROM audit ORDER BY id LIMIT 1")?
                .query_row([], |row| row.get(0))
                .optional()?;
            let going_on = meta(tx, GOING_ON)?.is_some();
            let step = if going_on { SignedDuration::ZERO } else { AUDIT_STEP };
            if oldest.is_none_or(|oldest| oldest >= ago(now, keep) - millis_of(step)) {
                if going_on {
                    set_meta(tx, GOING_ON, None)?;
                }
                return Ok(None);
            }
            shorten(tx, ago(now, keep), now)
        })
        .await
    }

    /// Gives some free pages of the file back to the disk, where they are many; how many. A store that was made before schema 6
    /// cannot, and uses them again.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn give_back(&self) -> Result<u64, StoreError> {
        let (free, pages) = self.read(free_pages).await?;
        if free <= FREE || free * 4 <= pages {
            return Ok(0);
        }
        self.write(move |tx| {
            let mut statement = tx.prepare(&format!("PRAGMA incremental_vacuum ({GIVEN_BACK})"))?;
            let mut rows = statement.query([])?;
            while rows.next()?.is_some() {}
            Ok((free - free_pages(tx)?.0).max(0).cast_unsigned())
        })
        .await
    }
}

fn free_pages(db: &Connection) -> Result<(i64, i64), StoreError> {
    let number = |sql: &str| db.query_row(sql, [], |row| row.get::<_, i64>(0));
    let incremental = number("PRAGMA auto_vacuum")? == 2;
    let free = number("PRAGMA freelist_count")?;
    Ok((if incremental { free } else { 0 }, number("PRAGMA page_count")?))
}

fn ago(now: Timestamp, span: SignedDuration) -> i64 {
    millis(now).saturating_sub(millis_of(span))
}

fn millis_of(span: SignedDuration) -> i64 {
    i64::try_from(span.as_millis()).unwrap_or(i64::MAX)
}

fn numbers(db: &Connection, sql: &str, before: i64) -> Result<Vec<i64>, StoreError> {
    Ok(db.prepare_cached(sql)?.query_map([before, AT_ONCE], |row| row.get(0))?.collect::<Result<_, _>>()?)
}

fn texts(db: &Connection, sql: &str, before: i64) -> Result<Vec<String>, StoreError> {
    Ok(db.prepare_cached(sql)?.query_map([before, AT_ONCE], |row| row.get(0))?.collect::<Result<_, _>>()?)
}

fn end_intents(tx: &Transaction<'_>, before: i64) -> Result<usize, StoreError> {
    let ended = numbers(tx, ENDED, before)?;
    for id in &ended {
        tx.prepare_cached("DELETE FROM calls WHERE intent = ?1")?.execute([id])?;
        tx.prepare_cached("DELETE FROM intents WHERE id = ?1")?.execute([id])?;
    }
    Ok(ended.len())
}

fn forget_departed(tx: &Transaction<'_>, before: i64, now: Timestamp) -> Result<usize, StoreError> {
    let departed = numbers(tx, DEPARTED, before)?;
    for id in &departed {
        for sql in [
            "DELETE FROM calls WHERE intent IN (SELECT id FROM intents WHERE person = ?1)",
            "DELETE FROM entitlements WHERE person = ?1",
            "DELETE FROM intents WHERE person = ?1",
            "DELETE FROM manual WHERE person = ?1",
            "DELETE FROM accounts WHERE person = ?1",
            "DELETE FROM users WHERE person = ?1",
            "DELETE FROM people WHERE id = ?1",
        ] {
            tx.prepare_cached(sql)?.execute([id])?;
        }
    }
    if !departed.is_empty() {
        let detail = json!({ "forgotten": { "persons": departed.len() } });
        append(tx, now, &Entry::new(AuditKind::Keeping, detail))?;
    }
    Ok(departed.len())
}

fn shorten(tx: &Transaction<'_>, before: i64, now: Timestamp) -> Result<Option<Shortened>, StoreError> {
    const ROWS: i64 = 2_000;
    let sql = "SELECT min(made) FROM intents WHERE state = 'open'";
    let open: Option<i64> = tx.prepare_cached(sql)?.query_row([], |row| row.get(0))?;
    let before = open.map_or(before, |open| before.min(open));
    // Rows are in the order in which they were written: the first that is to stay keeps all after it.
    let sql = "SELECT id, hash, at FROM audit WHERE id < (SELECT max(id) FROM audit) ORDER BY id LIMIT ?1";
    let mut statement = tx.prepare_cached(sql)?;
    let mut rows = statement.query([ROWS])?;
    let mut last: Option<(i64, Vec<u8>)> = None;
    while let Some(row) = rows.next()? {
        if row.get::<_, i64>("at")? >= before {
            break;
        }
        last = Some((row.get("id")?, row.get("hash")?));
    }
    drop(rows);
    let Some((upto, hash)) = last else { return Ok(None) };
    set_meta(tx, GOING_ON, Some("yes"))?;
    tx.execute("INSERT INTO audit_checkpoints (upto, hash, at) VALUES (?1, ?2, ?3)", params![upto, hash, millis(now)])?;
    let removed = tx.execute("DELETE FROM audit WHERE id <= ?1", [upto])?;
    tx.execute("DELETE FROM audit_checkpoints WHERE upto < ?1", [upto])?;
    let upto = AuditHead { id: upto, hash: hex(&hash) };
    let detail = json!({ "removed": { "rows": removed, "upto": upto.to_string() } });
    append(tx, now, &Entry::new(AuditKind::Keeping, detail))?;
    Ok(Some(Shortened { rows: removed as u64, upto }))
}
