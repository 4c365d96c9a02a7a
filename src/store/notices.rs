//! What is told outside of the log: what there is to tell, what was told, and what still waits to be sent.

use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, Timestamp};
use rusqlite::{Connection, params};

use super::report::{self, SkuLine};
use super::rows::{collect, json, json_of, millis, named, time_of, unjson};
use super::{Halt, HoldView, Store, StoreError};
use crate::model::identity::HoldId;
use crate::model::notice::{Ending, Notice, Said};

/// No target has more messages waiting; of more, the oldest are dropped.
const MOST_WAITING: i64 = 500;

/// Names that are read of persons a message is about; of the others only the number.
const NAMED: usize = 10;

/// A message that waits to be sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Waiting {
    /// Its row.
    pub id: i64,
    /// What is to be said.
    pub notice: Notice,
    /// Since when it waits.
    pub made: Timestamp,
    /// How often it was tried.
    pub tries: u32,
    /// When it is tried next.
    pub check_at: Timestamp,
}

/// Persons since a time, the first few by name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Group {
    /// How many there are at all, told of before or not.
    pub all: u64,
    /// How many came after what was told.
    pub new: u64,
    /// The first few of those, with what is wrong.
    pub named: Vec<String>,
    /// The last of those.
    pub last: Option<Timestamp>,
}

/// Which news is asked for: persons are told of once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Since {
    /// Awaited persons are told of up to here.
    pub awaited: Option<Timestamp>,
    /// Refused ones up to here.
    pub refused: Option<Timestamp>,
    /// Who is awaited since then is awaited for long.
    pub awaited_before: Timestamp,
    /// What ends and was not seen since then is no longer used.
    pub seen_after: Timestamp,
    /// Who was refused until then; a little ago, since a row may be dated sooner than it is there.
    pub refused_before: Timestamp,
}

/// All there may be to tell of, as it is now.
#[derive(Clone, Debug, Default)]
pub struct Situation {
    /// Every product of the tenant.
    pub skus: Vec<SkuLine>,
    /// Cohorts that are held.
    pub holds: Vec<HoldView>,
    /// What became of the others: approved, rejected or dissolved.
    pub decided: BTreeMap<HoldId, String>,
    /// When something that signing in hangs on ends, by its name among the troubles; `None`: a warning was due and is no longer.
    pub endings: BTreeMap<String, Option<Ending>>,
    /// What is wrong with each part, as `status` shows it.
    pub troubles: BTreeMap<String, String>,
    /// When each domain was last read, by its name.
    pub domains: BTreeMap<String, Option<Timestamp>>,
    /// When the tenant was last read.
    pub tenant_read: Option<Timestamp>,
    /// The last halt of all writing; it may be over.
    pub halt: Option<Halt>,
    /// Who is awaited for long.
    pub awaited: Group,
    /// Who was refused.
    pub refused: Group,
}

impl Store {
    /// All there may be to tell of.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn situation(&self, since: Since) -> Result<Situation, StoreError> {
        let holds = self.holds().await?;
        self.read(move |db| {
            let domains = collect(db, "SELECT name, last_read FROM domains", [], |row| {
                Ok((row.get::<_, String>("name")?, super::rows::maybe_time(row, "last_read")?))
            })?;
            let sql = "SELECT part, body FROM endings WHERE seen >= ?1";
            let endings = collect(db, sql, [millis(since.seen_after)], |row| {
                let body: Option<String> = row.get("body")?;
                Ok((row.get::<_, String>("part")?, body.as_deref().map(unjson).transpose()?))
            })?;
            let decided = collect(
                db,
                "SELECT id, outcome FROM holds WHERE closed IS NOT NULL ORDER BY id DESC LIMIT 100",
                [],
                |row| Ok((HoldId(row.get("id")?), row.get("outcome")?)),
            )?;
            Ok(Situation {
                skus: report::sku_lines(db)?,
                holds,
                decided: decided.into_iter().collect(),
                endings: endings.into_iter().collect(),
                troubles: report::troubles(db)?,
                domains: domains.into_iter().collect(),
                tenant_read: db.query_row("SELECT last_read FROM tenant_feed", [], |row| {
                    Ok(super::rows::maybe_time(row, "last_read"))
                })??,
                halt: report::halted(db)?,
                awaited: awaited(db, since)?,
                refused: refused(db, since)?,
            })
        })
        .await
    }

    /// What was said last, by what it is about.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn said(&self) -> Result<BTreeMap<String, Said>, StoreError> {
        self.read(|db| {
            let rows = collect(db, "SELECT about, state FROM said", [], |row| {
                Ok((row.get("about")?, json_of(row, "state")?))
            })?;
            Ok(rows.into_iter().collect())
        })
        .await
    }

    /// Keeps what is said now, and puts each message out for its targets, in one transaction. Returns how many older ones were
    /// dropped because too many wait.
    ///
    /// # Errors
    /// When the store fails; then nothing of it is said.
    pub async fn say(
        &self,
        said: BTreeMap<String, Said>,
        messages: Vec<(String, Notice)>,
        now: Timestamp,
    ) -> Result<u64, StoreError> {
        self.write(move |tx| {
            tx.execute("DELETE FROM said", [])?;
            for (about, state) in &said {
                tx.prepare_cached("INSERT INTO said (about, state) VALUES (?1, ?2)")?
                    .execute(params![about, json(state)?])?;
            }
            for (target, notice) in &messages {
                tx.prepare_cached("INSERT INTO outbox (target, body, made, check_at) VALUES (?1, ?2, ?3, ?3)")?
                    .execute(params![target, json(notice)?, millis(now)])?;
            }
            let targets: BTreeSet<&String> = messages.iter().map(|(target, _)| target).collect();
            let mut dropped = 0;
            for target in targets {
                let sql = "DELETE FROM outbox WHERE target = ?1 AND id NOT IN
                           (SELECT id FROM outbox WHERE target = ?1 ORDER BY id DESC LIMIT ?2)";
                dropped += tx.execute(sql, params![target, MOST_WAITING])?;
            }
            Ok(dropped as u64)
        })
        .await
    }

    /// The message that goes to a target next: they are sent in order.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn next_message(&self, target: &str) -> Result<Option<Waiting>, StoreError> {
        let target = target.to_owned();
        self.read(move |db| {
            let sql = "SELECT * FROM outbox WHERE target = ?1 ORDER BY id LIMIT 1";
            let found = collect(db, sql, [target], |row| {
                Ok(Waiting {
                    id: row.get("id")?,
                    notice: unjson(&row.get::<_, String>("body")?)?,
                    made: time_of(row, "made")?,
                    tries: row.get("tries")?,
                    check_at: time_of(row, "check_at")?,
                })
            })?;
            Ok(found.into_iter().next())
        })
        .await
    }

    /// Takes a message out: it was sent, or is given up.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn message_done(&self, id: i64) -> Result<(), StoreError> {
        self.write(move |tx| {
            tx.execute("DELETE FROM outbox WHERE id = ?1", [id])?;
            Ok(())
        })
        .await
    }

    /// Puts the next try of a message off.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn message_later(&self, id: i64, at: Timestamp) -> Result<(), StoreError> {
        self.write(move |tx| {
            tx.execute("UPDATE outbox SET tries = tries + 1, check_at = ?2 WHERE id = ?1", params![id, millis(at)])?;
            Ok(())
        })
        .await
    }

    /// Drops what waits for targets that are no longer configured.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn forget_targets_but(&self, configured: BTreeSet<String>) -> Result<(), StoreError> {
        self.write(move |tx| {
            let known = json(&configured)?;
            tx.execute("DELETE FROM outbox WHERE target NOT IN (SELECT value FROM json_each(?1))", [known])?;
            Ok(())
        })
        .await
    }

    /// Keeps when something ends of which a warning is due, or that none is any more. Writes when it changes, and else twice a
    /// day.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn note_ending(&self, part: &str, ending: Option<Ending>, now: Timestamp) -> Result<(), StoreError> {
        let part = part.to_owned();
        let known = {
            let part = part.clone();
            self.read(move |db| {
                let sql = "SELECT body, seen FROM endings WHERE part = ?1";
                let found = collect(db, sql, [part], |row| {
                    let body: Option<String> = row.get("body")?;
                    Ok((body.as_deref().map(unjson::<Ending>).transpose()?, time_of(row, "seen")?))
                })?;
                Ok(found.into_iter().next())
            })
            .await?
        };
        let same = match &known {
            None => ending.is_none(),
            Some((known, seen)) => *known == ending && now.duration_since(*seen) < SignedDuration::from_hours(12),
        };
        if same {
            return Ok(());
        }
        self.write(move |tx| {
            let body = ending.as_ref().map(json).transpose()?;
            tx.execute(
                "INSERT INTO endings (part, body, seen) VALUES (?1, ?2, ?3)
                 ON CONFLICT (part) DO UPDATE SET body = ?2, seen = ?3",
                params![part, body, millis(now)],
            )?;
            Ok(())
        })
        .await
    }
}

fn awaited(db: &Connection, since: Since) -> Result<Group, StoreError> {
    let before = millis(since.awaited_before);
    let sql = "SELECT name, presence_since AS since, NULL AS sku, NULL AS detail FROM people
               WHERE awaited = 1 AND presence_since <= ?1 AND presence_since > ?2 ORDER BY presence_since, id";
    let all = "SELECT count(*) FROM people WHERE awaited = 1 AND presence_since <= ?1";
    let told = since.awaited.map_or(i64::MIN, millis);
    group(
        collect(db, sql, params![before, told], |row| Ok((row.get("name")?, time_of(row, "since")?)))?,
        db.prepare_cached(all)?.query_row([before], |row| row.get::<_, i64>(0))?,
    )
}

fn refused(db: &Connection, since: Since) -> Result<Group, StoreError> {
    let sql = "SELECT p.name, e.since, e.sku, s.body AS product, e.detail ->> '$.reason.text' AS why
               FROM entitlements e JOIN people p ON p.id = e.person LEFT JOIN skus s ON s.id = e.sku
               WHERE e.standing = 'refused' AND e.since > ?1 AND e.since <= ?2 ORDER BY e.since, e.person";
    let all = "SELECT count(*) FROM entitlements WHERE standing = 'refused'";
    let told = since.refused.map_or(i64::MIN, millis);
    let found = collect(db, sql, [told, millis(since.refused_before)], |row| {
        let product = row
            .get::<_, Option<String>>("product")?
            .as_deref()
            .map(unjson::<crate::model::license::Sku>)
            .transpose()?;
        let product = match product {
            Some(sku) => sku.part_number,
            None => named::<crate::model::identity::SkuId>(row, "sku")?.to_string(),
        };
        let (name, why): (String, Option<String>) = (row.get("name")?, row.get("why")?);
        Ok((format!("{name} {product}: {}", why.unwrap_or_default()), time_of(row, "since")?))
    })?;
    group(found, db.prepare_cached(all)?.query_row([], |row| row.get::<_, i64>(0))?)
}

fn group(found: Vec<(String, Timestamp)>, all: i64) -> Result<Group, StoreError> {
    let (new, last) = (found.len() as u64, found.last().map(|(_, since)| *since));
    let named = found.into_iter().take(NAMED).map(|(name, _)| name).collect();
    Ok(Group { all: all.cast_unsigned(), new, named, last })
}
