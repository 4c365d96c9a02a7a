//! What is counted for whoever watches: each query walks an index or a handful of rows, however many persons there are.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use rusqlite::Connection;

use super::report::{self, SkuLine, halted, sku_lines, troubles, unconfirmed};
use super::rows::{collect, json_of, maybe_time, meta, millis, time, unjson};
use super::{Halt, Store, StoreError, untold};
use crate::model::identity::PersonId;
use crate::model::journey::Journey;
use crate::model::notice::Ending;
use crate::model::plan::Admitted;
use crate::model::synchronization::Synchronization;

/// What of one rule is held.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct HeldFigure {
    /// Cohorts.
    pub cohorts: u64,
    /// Entitlements in them.
    pub persons: u64,
}

/// The state in numbers.
#[derive(Clone, Debug, PartialEq)]
pub struct Figures {
    /// Whether both first reads and the pass of judging are complete.
    pub acquainted: bool,
    /// When each domain was last read, by its name.
    pub domains: BTreeMap<String, Option<Timestamp>>,
    /// When the tenant was last read.
    pub tenant_read: Option<Timestamp>,
    /// What the tenant knows of its synchronization from the directory.
    pub synchronization: Option<Synchronization>,
    /// Persons by presence.
    pub presence: BTreeMap<String, u64>,
    /// Entitlements by standing and the product's id.
    pub entitlements: BTreeMap<(String, String), u64>,
    /// Seats of every product of the tenant.
    pub skus: Vec<SkuLine>,
    /// What is held, by rule.
    pub held: BTreeMap<String, HeldFigure>,
    /// What the guard let in within 24 hours.
    pub admitted: Admitted,
    /// Why writing is paused.
    pub paused: Option<String>,
    /// Nothing is written before this, and why; it may be over.
    pub halted: Option<Halt>,
    /// The last complaint of each part that is not well, by part.
    pub troubles: BTreeMap<String, String>,
    /// Entries nobody could read, by side.
    pub quarantined: BTreeMap<String, u64>,
    /// Licenses that were accepted long ago and are not seen to work.
    pub unconfirmed: u64,
    /// Since when somebody has been awaited longest.
    pub awaited_since: Option<Timestamp>,
    /// How many rules mean nothing in the tenant.
    pub unusable: u64,
    /// What ends soon, or has ended.
    pub endings: Vec<Ending>,
}

impl Store {
    /// The state in numbers, at one moment.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn figures(&self, now: Timestamp) -> Result<Figures, StoreError> {
        self.read(move |db| {
            let snapshot = db.unchecked_transaction()?;
            figures(&snapshot, now)
        })
        .await
    }
}

fn figures(db: &Connection, now: Timestamp) -> Result<Figures, StoreError> {
    let domains =
        collect(db, "SELECT name, last_read FROM domains", [], |row| Ok((row.get(0)?, maybe_time(row, "last_read")?)))?;
    let held = collect(
        db,
        "SELECT h.rule, count(DISTINCT h.id), count(e.person) FROM holds h LEFT JOIN entitlements e ON e.hold = h.id
         WHERE h.closed IS NULL GROUP BY h.rule",
        [],
        |row| Ok((row.get(0)?, HeldFigure { cohorts: number(row, 1)?, persons: number(row, 2)? })),
    )?;
    let longest = "SELECT min(presence_since) AS since FROM people WHERE awaited = 1";
    let unusable: Vec<String> = meta(db, "unusable")?.as_deref().map(unjson).transpose()?.unwrap_or_default();
    Ok(Figures {
        acquainted: meta(db, "first_pass_complete")?.is_some(),
        domains: domains.into_iter().collect(),
        tenant_read: db
            .query_row("SELECT last_read FROM tenant_feed", [], |row| Ok(maybe_time(row, "last_read")))??,
        synchronization: untold::synchronization(db)?,
        presence: counts(db, "SELECT coalesce(presence, 'not-judged-yet'), count(*) FROM people GROUP BY presence")?,
        entitlements: collect(
            db,
            "SELECT standing, sku, count(*) FROM entitlements GROUP BY standing, sku",
            [],
            |row| Ok(((row.get(0)?, row.get(1)?), number(row, 2)?)),
        )?
        .into_iter()
        .collect(),
        skus: sku_lines(db)?,
        held: held.into_iter().collect(),
        admitted: super::plans::admitted(db, now)?,
        paused: meta(db, "paused")?,
        halted: halted(db)?,
        troubles: troubles(db)?,
        quarantined: counts(db, "SELECT source, count(*) FROM quarantine GROUP BY source")?,
        unconfirmed: unconfirmed(db)?,
        awaited_since: db.query_row(longest, [], |row| Ok(maybe_time(row, "since")))??,
        unusable: unusable.len() as u64,
        endings: collect(db, "SELECT body FROM endings WHERE body IS NOT NULL", [], |row| json_of(row, "body"))?,
    })
}

fn number(row: &rusqlite::Row<'_>, column: usize) -> Result<u64, StoreError> {
    Ok(row.get::<_, i64>(column)?.cast_unsigned())
}

fn counts(db: &Connection, sql: &str) -> Result<BTreeMap<String, u64>, StoreError> {
    report::counts(db, sql)
}

/// How long the license of a newcomer took that is seen to work now.
pub(super) fn journey(db: &Connection, person: PersonId, now: Timestamp) -> Result<Journey, StoreError> {
    let seen: Option<i64> = db
        .prepare_cached(
            "SELECT CASE WHEN max(at_first_contact) = 0 THEN min(first_seen) END FROM accounts
             WHERE person = ?1 AND gone IS NULL",
        )?
        .query_row([person.0], |row| row.get(0))?;
    let (created, read, started, completed): (Option<String>, Option<i64>, Option<i64>, Option<i64>) = db
        .prepare_cached(
            "SELECT min(u.body ->> '$.created'), min(u.first_seen), t.contact_started, t.contact_completed
             FROM tenant_feed t LEFT JOIN users u ON u.person = ?1 AND u.removed IS NULL",
        )?
        .query_row([person.0], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?)))?;
    // Graph tells whole seconds.
    let created = created.and_then(|text| text.parse().ok()).map(millis);
    let created = created.filter(|at| started.is_some_and(|started| at + 1_000 > started));
    let read = read.filter(|at| completed.is_some_and(|completed| *at > completed));
    let appeared = created.or(read).map(time).transpose()?;
    let since = |at: Timestamp| now.duration_since(at).max(SignedDuration::ZERO);
    Ok(Journey { since_seen: seen.map(time).transpose()?.map(since), since_appeared: appeared.map(since) })
}
