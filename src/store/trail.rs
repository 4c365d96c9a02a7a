//! The audit read again: listed by what is asked, and its chain verified. Both go through it in short reads, so that neither
//! memory nor the store's -wal file grows with it.

use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;

use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension as _, Row, params};
use serde::Serialize;
use serde_json::Value;

use super::audit::{self, AuditRow, chain, hex};
use super::rows::{collect, millis, time_of};
use super::{Store, StoreError};
use crate::model::identity::{PersonId, SkuId};

/// Numbers that are gone through in one read.
const WINDOW: i64 = 2_000;

/// Which rows are asked for; nothing set means all.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AuditFilter {
    /// About this person.
    pub person: Option<PersonId>,
    /// About whoever had this name then, whatever case it is written in.
    pub subject: Option<String>,
    /// Of one of these kinds; none: of any.
    pub kinds: BTreeSet<String>,
    /// Then or later.
    pub since: Option<Timestamp>,
    /// Before then.
    pub until: Option<Timestamp>,
    /// For the sake of this rule.
    pub rule: Option<String>,
    /// About this product.
    pub sku: Option<SkuId>,
    /// Of this request, by Graph's name for it or by ours.
    pub request_id: Option<String>,
    /// Asked for by whoever's name in the operating system begins so.
    pub by: Option<String>,
}

/// The newest row of the audit: its number and hash, written `NUMBER:HASH`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct AuditHead {
    /// Its number.
    pub id: i64,
    /// Its hash in hex.
    pub hash: String,
}

impl fmt::Display for AuditHead {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.id, self.hash)
    }
}

impl FromStr for AuditHead {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let wrong = "not a number, a colon and 64 hex digits";
        let (id, hash) = text.trim().split_once(':').ok_or(wrong)?;
        let hash = hash.to_ascii_lowercase();
        let digits = hash.len() == 64 && hash.chars().all(|digit| digit.is_ascii_hexdigit());
        let id = id.parse().map_err(|_| wrong)?;
        if digits && id > 0 { Ok(Self { id, hash }) } else { Err(wrong) }
    }
}

/// What stands for the rows that retention removed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct AuditCheckpoint {
    /// The last of them.
    #[serde(flatten)]
    pub head: AuditHead,
    /// When they were removed.
    pub at: Timestamp,
}

/// Why the audit is not what was written.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "fault", rename_all = "kebab-case")]
pub enum AuditFault {
    /// This row does not have the hash that its content gives.
    Altered {
        /// Which.
        id: i64,
    },
    /// What stood before this row is not there any more, or not the same.
    Unchained {
        /// Which.
        id: i64,
    },
    /// A checkpoint stands for the rows before this one, and no row says that they were removed.
    UnsaidCheckpoint {
        /// The first row that is there.
        id: i64,
    },
    /// This row, which was the newest once, is another one now.
    Replaced {
        /// Which.
        id: i64,
    },
    /// This row, which was the newest once, is not there any more, nor is any after it.
    Shortened {
        /// Which.
        id: i64,
    },
}

impl AuditFault {
    /// The row that does not fit.
    #[must_use]
    pub fn row(&self) -> i64 {
        match self {
            Self::Altered { id }
            | Self::Unchained { id }
            | Self::UnsaidCheckpoint { id }
            | Self::Replaced { id }
            | Self::Shortened { id } => *id,
        }
    }
}

/// What going through the chain showed.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct AuditCheck {
    /// Rows that fit.
    pub rows: u64,
    /// What stands for those removed before them.
    pub checkpoint: Option<AuditCheckpoint>,
    /// The newest row that fits.
    pub head: Option<AuditHead>,
    /// A head that was given could be compared. It could not where its row was removed by retention, behind the checkpoint.
    pub compared: Option<bool>,
    /// The first thing that is wrong.
    pub fault: Option<AuditFault>,
}

impl Store {
    /// Rows that are asked for, in their order, from `after` on: those of one stretch of the audit, and where the next stretch
    /// begins; `None` at the end.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn audit_after(
        &self,
        after: i64,
        filter: AuditFilter,
    ) -> Result<(Vec<AuditRow>, Option<i64>), StoreError> {
        self.read(move |db| {
            let (first, last) = bounds(db)?;
            let from = after.max(first - 1);
            let found = stretch(db, &filter, from, from + WINDOW)?;
            Ok((found, (from + WINDOW < last).then_some(from + WINDOW)))
        })
        .await
    }

    /// The newest rows that are asked for, at most `limit`, in their order.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn newest_audit(&self, limit: usize, filter: AuditFilter) -> Result<Vec<AuditRow>, StoreError> {
        let (first, mut upto) = self.read(bounds).await?;
        let mut found: Vec<AuditRow> = Vec::new();
        while upto >= first && found.len() < limit {
            let (filter, from) = (filter.clone(), upto - WINDOW);
            let mut older = self.read(move |db| stretch(db, &filter, from, upto)).await?;
            older.append(&mut found);
            found = older;
            upto = from;
        }
        found.drain(..found.len().saturating_sub(limit));
        Ok(found)
    }

    /// The newest row.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn audit_head(&self) -> Result<Option<AuditHead>, StoreError> {
        self.read(head).await
    }

    /// Goes through the chain of hashes, and compares it with a row that was its newest once.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn verify_audit(&self, known: Option<AuditHead>) -> Result<AuditCheck, StoreError> {
        let mut walk = Walk { known, ..Walk::default() };
        loop {
            let goes_on;
            (walk, goes_on) = self
                .read(move |db| {
                    let goes_on = walk.stretch(db)?;
                    Ok((walk, goes_on))
                })
                .await?;
            if !goes_on {
                return Ok(walk.end());
            }
        }
    }

    /// Checks the hash chain; `Ok(Some(id))` names the first row that does not fit.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn broken_audit_row(&self) -> Result<Option<i64>, StoreError> {
        Ok(self.verify_audit(None).await?.fault.map(|fault| fault.row()))
    }
}

pub(super) fn head(db: &Connection) -> Result<Option<AuditHead>, StoreError> {
    let sql = "SELECT id, hash FROM audit ORDER BY id DESC LIMIT 1";
    let found: Option<(i64, Vec<u8>)> =
        db.prepare_cached(sql)?.query_row([], |row| Ok((row.get(0)?, row.get(1)?))).optional()?;
    Ok(found.map(|(id, hash)| AuditHead { id, hash: hex(&hash) }))
}

/// The first and the last number.
fn bounds(db: &Connection) -> Result<(i64, i64), StoreError> {
    // One each: asked for together, SQLite would read the whole table.
    let number = |sql: &str| db.prepare_cached(sql)?.query_row([], |row| row.get::<_, Option<i64>>(0));
    let (first, last) = (number("SELECT min(id) FROM audit")?, number("SELECT max(id) FROM audit")?);
    Ok((first.unwrap_or(1), last.unwrap_or(0)))
}

fn stretch(db: &Connection, filter: &AuditFilter, after: i64, upto: i64) -> Result<Vec<AuditRow>, StoreError> {
    let sql = "SELECT * FROM audit WHERE id > ?1 AND id <= ?2 AND (?3 IS NULL OR person = ?3)
               AND (?4 IS NULL OR subject = ?4 COLLATE NOCASE) AND (?5 IS NULL OR at >= ?5) AND (?6 IS NULL OR at < ?6)
               AND (?7 IS NULL OR request_id = ?7 COLLATE NOCASE OR client_request_id = ?7 COLLATE NOCASE) ORDER BY id";
    let parameters = params![
        after,
        upto,
        filter.person.map(|person| person.0),
        filter.subject,
        filter.since.map(millis),
        filter.until.map(millis),
        filter.request_id,
    ];
    let mut found = collect(db, sql, parameters, audit::row)?;
    found.retain(|row| filter.means(row));
    Ok(found)
}

impl AuditFilter {
    /// What no column says.
    fn means(&self, row: &AuditRow) -> bool {
        (self.kinds.is_empty() || self.kinds.contains(&row.kind))
            && self.rule.as_ref().is_none_or(|rule| row.rules().contains(rule))
            && self.sku.is_none_or(|sku| row.skus().contains(&sku))
            && self.by.as_ref().is_none_or(|by| row.by().is_some_and(|known| known.starts_with(by.as_str())))
    }
}

impl AuditRow {
    /// Who asked for it, in the words of the operating system; `None` where no operator did.
    #[must_use]
    pub fn by(&self) -> Option<&str> {
        self.detail["by"].as_str()
    }

    /// The rules for whose sake it is.
    #[must_use]
    pub fn rules(&self) -> BTreeSet<String> {
        let mut found = BTreeSet::new();
        gather(&self.detail, &["rule", "rules"], &mut found);
        found
    }

    /// The products it is about.
    #[must_use]
    pub fn skus(&self) -> BTreeSet<SkuId> {
        let mut found = BTreeSet::new();
        // What stood before is not what it is about.
        gather(&self.detail, &["sku", "skus"], &mut found);
        found.iter().filter_map(|sku| sku.parse().ok()).collect()
    }
}

/// All texts under these keys, at whatever depth but under `before` and `after`.
fn gather(value: &Value, keys: &[&str], found: &mut BTreeSet<String>) {
    match value {
        Value::Object(fields) => {
            for (key, value) in fields.iter().filter(|(key, _)| *key != "before" && *key != "after") {
                let texts = value.as_array().map_or(std::slice::from_ref(value), Vec::as_slice);
                if keys.contains(&key.as_str()) {
                    found.extend(texts.iter().filter_map(|text| text.as_str()).map(str::to_owned));
                }
                gather(value, keys, found);
            }
        }
        Value::Array(values) => values.iter().for_each(|value| gather(value, keys, found)),
        _ => {}
    }
}

fn fields(row: &Row<'_>) -> Result<[Option<String>; 8], StoreError> {
    let text = |column| row.get::<_, Option<String>>(column);
    let number = |column| row.get::<_, Option<i64>>(column).map(|number| number.map(|number| number.to_string()));
    Ok([
        number("at")?,
        text("kind")?,
        number("person")?,
        text("subject")?,
        text("config")?,
        text("client_request_id")?,
        text("request_id")?,
        text("detail")?,
    ])
}

/// A walk along the chain.
#[derive(Debug, Default)]
struct Walk {
    check: AuditCheck,
    /// What was its newest row once.
    known: Option<AuditHead>,
    /// Number and hash of the row before; none at the beginning.
    last: Option<(i64, Vec<u8>)>,
    /// No row has told of the checkpoint yet. With the first row that is there.
    unsaid: Option<i64>,
    /// What the row before the next stretch would be.
    after: i64,
}

impl Walk {
    /// Goes on for a while; false at the end, or when something is wrong.
    fn stretch(&mut self, db: &Connection) -> Result<bool, StoreError> {
        let (first, last) = bounds(db)?;
        if self.last.as_ref().is_some_and(|(id, _)| *id < first) {
            // Retention overtook: it goes on behind the checkpoint.
            self.last = None;
        }
        self.after = self.after.max(first - 1);
        let upto = self.after + WINDOW;
        let mut statement = db.prepare_cached("SELECT * FROM audit WHERE id > ?1 AND id <= ?2 ORDER BY id")?;
        let mut rows = statement.query([self.after, upto])?;
        while let Some(row) = rows.next()? {
            self.check.fault = self.step(db, row)?;
            if self.check.fault.is_some() {
                return Ok(false);
            }
        }
        self.after = upto;
        Ok(upto < last)
    }

    fn step(&mut self, db: &Connection, row: &Row<'_>) -> Result<Option<AuditFault>, StoreError> {
        let id: i64 = row.get("id")?;
        let previous: Vec<u8> = row.get("previous")?;
        let hash: Vec<u8> = row.get("hash")?;
        let before = match self.last.take() {
            Some((_, hash)) => hash,
            None => self.beginning(db, id)?,
        };
        if previous != before {
            return Ok(Some(AuditFault::Unchained { id }));
        }
        if chain(&previous, &fields(row)?) != hash {
            return Ok(Some(AuditFault::Altered { id }));
        }
        if self.unsaid.is_some() && row.get::<_, String>("kind")? == "keeping" {
            let said = audit::row(row)?.detail["removed"]["upto"].as_str().map(str::to_owned);
            let checkpoint = self.check.checkpoint.as_ref().map(|checkpoint| checkpoint.head.to_string());
            self.unsaid = self.unsaid.filter(|_| said != checkpoint);
        }
        let head = AuditHead { id, hash: hex(&hash) };
        if let Some(fault) = self.compare(&head) {
            return Ok(Some(fault));
        }
        self.check.rows += 1;
        self.check.head = Some(head);
        self.last = Some((id, hash));
        Ok(None)
    }

    fn compare(&mut self, found: &AuditHead) -> Option<AuditFault> {
        let known = self.known.as_ref().filter(|known| known.id == found.id)?;
        if known.hash != found.hash {
            return Some(AuditFault::Replaced { id: found.id });
        }
        self.check.compared = Some(true);
        None
    }

    /// What the first row that is there must follow: nothing, or the checkpoint that stands for the rows before it.
    fn beginning(&mut self, db: &Connection, first: i64) -> Result<Vec<u8>, StoreError> {
        let sql = "SELECT upto, hash, at FROM audit_checkpoints WHERE upto = ?1";
        let found = collect(db, sql, [first - 1], |row| {
            Ok((row.get::<_, i64>("upto")?, row.get::<_, Vec<u8>>("hash")?, time_of(row, "at")?))
        })?;
        let Some((id, hash, at)) = found.into_iter().next() else { return Ok(vec![0; 32]) };
        self.check.checkpoint = Some(AuditCheckpoint { head: AuditHead { id, hash: hex(&hash) }, at });
        self.unsaid = Some(first);
        Ok(hash)
    }

    fn end(mut self) -> AuditCheck {
        if let (Some(known), None, None) = (&self.known, self.check.compared, &self.check.fault) {
            match &self.check.checkpoint {
                Some(checkpoint) if checkpoint.head == *known => self.check.compared = Some(true),
                Some(checkpoint) if checkpoint.head.id == known.id => {
                    self.check.fault = Some(AuditFault::Replaced { id: known.id });
                }
                Some(checkpoint) if known.id < checkpoint.head.id => self.check.compared = Some(false),
                _ => self.check.fault = Some(AuditFault::Shortened { id: known.id }),
            }
        }
        if let (Some(id), None) = (self.unsaid, &self.check.fault) {
            self.check.fault = Some(AuditFault::UnsaidCheckpoint { id });
        }
        self.check
    }
}
