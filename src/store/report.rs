//! What operators read: the state at a glance, and lists.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use rusqlite::{Connection, Row, params};
use serde::Serialize;

use super::rows::{collect, json_of, maybe_time, meta, millis, named, time, time_of, unjson};
use super::{GroupLine, Halt, HoldView, Store, StoreError, groups, people, untold};
use crate::model::identity::{PersonId, SkuId};
use crate::model::license::Sku;
use crate::model::seats::{Outlook, SeatLedger, Stop};
use crate::model::standing::{Presence, Standing};
use crate::model::synchronization::Synchronization;

/// The state at a glance. The counts of each kind add up to everyone seen.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Report {
    /// Which tenant.
    pub tenant: Option<String>,
    /// Which domains.
    pub domain: Option<String>,
    /// When first contact with the tenant began.
    pub first_contact: Option<Timestamp>,
    /// Whether both first reads and the pass of judging are complete.
    pub acquainted: bool,
    /// When the directory was last read; of several domains the one read longest ago.
    pub directory_read: Option<Timestamp>,
    /// When the tenant was last read.
    pub tenant_read: Option<Timestamp>,
    /// What the tenant knows of its synchronization from the directory; `None` while it was not asked, or may not be.
    pub synchronization: Option<Synchronization>,
    /// Persons by presence.
    pub presence: BTreeMap<String, u64>,
    /// Excluded persons by kind.
    pub excluded: BTreeMap<String, u64>,
    /// Entitlements by standing.
    pub standing: BTreeMap<String, u64>,
    /// Persons that were there before us and lack the license, by rule.
    pub baseline_without_license: BTreeMap<String, u64>,
    /// Cohorts that wait for a decision.
    pub holds: Vec<HoldView>,
    /// Entries nobody could read.
    pub quarantined: u64,
    /// Who has been awaited longest, and since when.
    pub awaited_longest: Option<(String, Timestamp)>,
    /// Why writing is paused.
    pub paused: Option<String>,
    /// Nothing is written before this, and why: Graph throttles or refuses everything.
    pub halted: Option<Halt>,
    /// Licenses that were accepted long ago and are not seen to work; the log told of each once.
    pub unconfirmed: u64,
    /// Products that rules or entitlements concern.
    pub skus: Vec<SkuLine>,
    /// Groups that rules name.
    pub groups: Vec<GroupLine>,
    /// In which mode the agent was started last: `observe` or `apply`.
    pub mode: Option<String>,
    /// Rules that mean nothing in the tenant, and why.
    pub unusable: Vec<String>,
    /// The last complaint of each part that is not well, by part.
    pub troubles: BTreeMap<String, String>,
}

/// A product's seats.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct SkuLine {
    /// Its id.
    pub id: SkuId,
    /// Its name.
    pub name: String,
    /// Seats bought and usable.
    pub bought: i64,
    /// Seats in use, as the tenant counts.
    pub consumed: i64,
    /// Seats that can be planned with.
    pub free: i64,
    /// Entitlements that wait for one.
    pub waiting: u64,
    /// `capabilityStatus`, as the tenant has it: in `Suspended`, `LockedOut` and `Deleted` nothing can be assigned.
    pub status: String,
    /// Whether any of it can be assigned.
    pub assignable: bool,
    /// Whether its subscription has expired and is in its grace period.
    pub in_grace: bool,
    /// How long the free seats will do, once the tenant is known for a week.
    pub outlook: Option<Outlook>,
    /// Graph refuses it for everybody: why, and when somebody asks again.
    pub stop: Option<Stop>,
    /// When this was read.
    pub read: Timestamp,
}

/// A person in a list.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct PersonLine {
    /// Its number.
    pub id: PersonId,
    /// Its name.
    pub name: String,
    /// Where it stands.
    pub presence: Option<Presence>,
    /// Since when.
    pub presence_since: Option<Timestamp>,
    /// Its usage location.
    pub usage_location: Option<String>,
    /// Where its entitlements stand.
    pub entitlements: Vec<EntitlementView>,
}

/// An entitlement as an operator sees it.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct EntitlementView {
    /// Of which product.
    pub sku: SkuId,
    /// The product's name.
    pub product: String,
    /// The rules that cause it.
    pub rules: Vec<String>,
    /// Where it stands.
    #[serde(flatten)]
    pub standing: Standing,
    /// In words, where the word alone does not say.
    pub why: Option<String>,
    /// Since when.
    pub since: Timestamp,
    /// Proven to be given by us.
    pub ours: bool,
}

/// An entry that could not be read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct QuarantineLine {
    /// `directory` or `tenant`.
    pub source: String,
    /// Its GUID, DN or id.
    pub key: String,
    /// What is wrong with it.
    pub reason: String,
    /// Since when.
    pub since: Timestamp,
}

impl Store {
    /// The state at a glance.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn report(&self) -> Result<Report, StoreError> {
        let holds = self.holds().await?;
        self.read(move |db| report(db, holds)).await
    }

    /// Persons whose name, presence or standing fit, by name, at most `limit`. `None` does not restrict.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn people(
        &self,
        presence: Option<String>,
        standing: Option<String>,
        limit: u32,
    ) -> Result<Vec<PersonLine>, StoreError> {
        self.read(move |db| {
            let sql = "SELECT id FROM people p WHERE (?1 IS NULL OR presence = ?1)
                       AND (?2 IS NULL OR EXISTS (SELECT 1 FROM entitlements WHERE person = p.id AND standing = ?2))
                       ORDER BY name COLLATE NOCASE, id LIMIT ?3";
            let ids: Vec<i64> = db
                .prepare_cached(sql)?
                .query_map(params![presence, standing, limit], |row| row.get(0))?
                .collect::<Result<_, _>>()?;
            ids.into_iter().map(|id| line(db, PersonId(id))).collect()
        })
        .await
    }

    /// Persons known by a UPN, an account name or a GUID.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn find_people(&self, name: &str) -> Result<Vec<PersonId>, StoreError> {
        let name = name.trim().to_owned();
        self.read(move |db| {
            let guid = name.trim_matches(['{', '}']).to_ascii_lowercase();
            let sql = "SELECT person FROM accounts WHERE guid = ?2
                       UNION SELECT person FROM accounts INDEXED BY accounts_person WHERE sam = ?1 OR upn = ?1
                       UNION SELECT person FROM users WHERE id = ?2 OR upn = ?1 ORDER BY 1";
            Ok(db
                .prepare(sql)?
                .query_map(params![name, guid], |row| row.get(0).map(PersonId))?
                .collect::<Result<_, _>>()?)
        })
        .await
    }

    /// Some names of persons that begin so, in any case: what somebody may have meant who is not known by the whole of it.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn names_beginning(&self, with: &str, limit: u32) -> Result<Vec<String>, StoreError> {
        let with = with.trim().to_lowercase();
        self.read(move |db| {
            let sql = "SELECT name FROM people WHERE substr(lower(name), 1, length(?1)) = ?1 ORDER BY name LIMIT ?2";
            collect(db, sql, params![with, limit], |row| Ok(row.get("name")?))
        })
        .await
    }

    /// Entries nobody could read.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn quarantined(&self) -> Result<Vec<QuarantineLine>, StoreError> {
        self.read(|db| {
            let sql = "SELECT source, key, reason, since FROM quarantine ORDER BY source, key";
            collect(db, sql, [], |row| {
                let since = time_of(row, "since")?;
                Ok(QuarantineLine {
                    source: row.get("source")?,
                    key: row.get("key")?,
                    reason: row.get("reason")?,
                    since,
                })
            })
        })
        .await
    }
}

pub(super) fn counts(db: &Connection, sql: &str) -> Result<BTreeMap<String, u64>, StoreError> {
    let rows = collect(db, sql, [], |row| Ok((row.get::<_, String>(0)?, row.get::<_, i64>(1)?.cast_unsigned())))?;
    Ok(rows.into_iter().collect())
}

fn report(db: &Connection, holds: Vec<HoldView>) -> Result<Report, StoreError> {
    let (first_contact, tenant_read) =
        db.query_row("SELECT contact_started, last_read FROM tenant_feed", [], |row| {
            Ok((maybe_time(row, "contact_started"), maybe_time(row, "last_read")))
        })?;
    let domains = collect(db, "SELECT name, last_read FROM domains ORDER BY name", [], |row| {
        Ok((row.get::<_, String>("name")?, maybe_time(row, "last_read")?))
    })?;
    let longest = collect(
        db,
        "SELECT name, presence_since FROM people WHERE awaited = 1 AND presence_since IS NOT NULL
             ORDER BY presence_since LIMIT 1",
        [],
        |row| Ok((row.get("name")?, time_of(row, "presence_since")?)),
    )?;
    Ok(Report {
        tenant: meta(db, "tenant")?,
        domain: (!domains.is_empty())
            .then(|| domains.iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>().join(", ")),
        first_contact: first_contact?,
        acquainted: meta(db, "first_pass_complete")?.is_some(),
        directory_read: domains.iter().map(|(_, read)| *read).min().flatten(),
        tenant_read: tenant_read?,
        synchronization: untold::synchronization(db)?,
        presence: counts(db, "SELECT coalesce(presence, 'not-judged-yet'), count(*) FROM people GROUP BY 1")?,
        excluded: counts(
            db,
            "SELECT presence_detail ->> '$.exclusion', count(*) FROM people WHERE presence = 'excluded' GROUP BY 1",
        )?,
        standing: counts(db, "SELECT standing, count(*) FROM entitlements GROUP BY 1")?,
        baseline_without_license: counts(
            db,
            "SELECT r.value, count(*) FROM entitlements e, json_each(e.rules) r WHERE e.standing = 'baseline' GROUP BY 1",
        )?,
        holds,
        quarantined: db.query_row("SELECT count(*) FROM quarantine", [], |row| row.get::<_, i64>(0))?.cast_unsigned(),
        awaited_longest: longest.into_iter().next(),
        paused: meta(db, "paused")?,
        halted: halted(db)?,
        unconfirmed: unconfirmed(db)?,
        skus: sku_lines(db)?,
        groups: groups::lines(db)?,
        mode: meta(db, "mode")?,
        unusable: meta(db, "unusable")?.as_deref().map(unjson).transpose()?.unwrap_or_default(),
        troubles: troubles(db)?,
    })
}

/// The last complaint of each part that is not well.
pub(super) fn troubles(db: &Connection) -> Result<BTreeMap<String, String>, StoreError> {
    let sql = "SELECT substr(key, 9), value FROM meta WHERE key LIKE 'trouble:%'";
    Ok(collect(db, sql, [], |row| Ok((row.get(0)?, row.get(1)?)))?.into_iter().collect())
}

pub(super) fn halted(db: &Connection) -> Result<Option<Halt>, StoreError> {
    meta(db, "halted")?.as_deref().map(unjson).transpose()
}

/// Who was accepted until then and is not seen to work has been told of.
pub(super) fn unconfirmed_said(db: &Connection) -> Result<Option<Timestamp>, StoreError> {
    meta(db, "unconfirmed_said")?.map(|text| time(unjson(&text)?)).transpose()
}

pub(super) fn unconfirmed(db: &Connection) -> Result<u64, StoreError> {
    let Some(said) = unconfirmed_said(db)? else { return Ok(0) };
    let sql = "SELECT count(*) FROM entitlements WHERE standing = 'confirming' AND since <= ?1";
    Ok(db.query_row(sql, [millis(said)], |row| row.get::<_, i64>(0))?.cast_unsigned())
}

/// The seats of every product of the tenant, with the forecast as of the reading.
pub(super) fn sku_lines(db: &Connection) -> Result<Vec<SkuLine>, StoreError> {
    let read = db.query_row("SELECT max(read) AS read FROM skus", [], |row| Ok(maybe_time(row, "read")))??;
    let Some(read) = read else { return Ok(Vec::new()) };
    let contact =
        db.query_row("SELECT contact_started FROM tenant_feed", [], |row| Ok(maybe_time(row, "contact_started")))??;
    let window = SignedDuration::from_hours(24 * i64::from(Outlook::WINDOW_DAYS));
    let since = read.checked_sub(window).unwrap_or(Timestamp::MIN).max(contact.unwrap_or(read));
    let joiners = collect(
        db,
        "SELECT sku, count(*) FROM admissions WHERE kind = 'give' AND at >= ?1 GROUP BY sku",
        [millis(since)],
        |row| Ok((named::<SkuId>(row, "sku")?, row.get::<_, i64>(1)?.cast_unsigned())),
    )?;
    let joiners: BTreeMap<_, _> = joiners.into_iter().collect();
    let mut lines = collect(db, "SELECT * FROM skus", [], |row| sku_line(db, row))?;
    for line in &mut lines {
        line.outlook = Outlook::of(line.free, joiners.get(&line.id).copied().unwrap_or(0), since, read);
    }
    Ok(lines)
}

fn sku_line(db: &Connection, row: &Row<'_>) -> Result<SkuLine, StoreError> {
    let sku: Sku = json_of(row, "body")?;
    let ledger: SeatLedger = json_of(row, "ledger")?;
    let waiting: i64 = db.query_row(
        "SELECT count(*) FROM entitlements WHERE standing = 'awaiting-seat' AND sku = ?1",
        [sku.id.to_string()],
        |row| row.get(0),
    )?;
    Ok(SkuLine {
        id: sku.id,
        name: sku.part_number.clone(),
        bought: sku.enabled + sku.warning,
        consumed: sku.consumed,
        free: ledger.free(&sku),
        waiting: waiting.cast_unsigned(),
        assignable: sku.is_assignable(),
        in_grace: sku.is_in_grace(),
        status: sku.status.clone(),
        outlook: None,
        stop: ledger.stop,
        read: time_of(row, "read")?,
    })
}

pub(super) fn line(db: &Connection, id: PersonId) -> Result<PersonLine, StoreError> {
    let said = unconfirmed_said(db)?;
    let entitlements = collect(
        db,
        "SELECT e.*, s.body AS product, s.ledger FROM entitlements e LEFT JOIN skus s ON s.id = e.sku WHERE e.person = ?1",
        [id.0],
        |row| entitlement_view(row, said),
    )?;
    let location: Option<String> = collect(
        db,
        "SELECT body ->> '$.usage_location' FROM users WHERE person = ?1 AND removed IS NULL ORDER BY id LIMIT 1",
        [id.0],
        |row| Ok(row.get(0)?),
    )?
    .into_iter()
    .next()
    .flatten();
    let mut statement = db.prepare_cached("SELECT name, presence_detail, presence_since FROM people WHERE id = ?1")?;
    let mut rows = statement.query([id.0])?;
    let row = rows.next()?.ok_or_else(|| StoreError::Row(format!("person {id}")))?;
    Ok(PersonLine {
        id,
        name: row.get("name")?,
        presence: row.get::<_, Option<String>>("presence_detail")?.as_deref().map(unjson).transpose()?,
        presence_since: maybe_time(row, "presence_since")?,
        usage_location: location,
        entitlements,
    })
}

fn entitlement_view(row: &Row<'_>, said: Option<Timestamp>) -> Result<EntitlementView, StoreError> {
    let (sku, entitlement) = people::entitlement(row)?;
    let ledger: Option<SeatLedger> = row.get::<_, Option<String>>("ledger")?.as_deref().map(unjson).transpose()?;
    let why = match (&entitlement.standing, ledger.and_then(|ledger| ledger.stop)) {
        (Standing::Due, Some(stop)) => {
            Some(format!("waits for the product, which is refused for everybody: {}", stop.reason))
        }
        (standing @ Standing::Confirming { accepted }, _) if said.is_some_and(|said| *accepted <= said) => {
            standing.why().map(|why| format!("{why} for unusually long"))
        }
        (standing, _) => standing.why(),
    };
    let product: Option<Sku> = row.get::<_, Option<String>>("product")?.as_deref().map(unjson).transpose()?;
    Ok(EntitlementView {
        sku,
        product: product.map_or_else(|| sku.to_string(), |sku| sku.part_number),
        rules: entitlement.rules,
        why,
        standing: entitlement.standing,
        since: entitlement.since,
        ours: entitlement.ours,
    })
}
