//! The append-only record of what was seen, decided, tried and answered. Each row carries the hash of the one before.

use jiff::Timestamp;
use ring::digest::{Context, SHA256};
use rusqlite::{Connection, OptionalExtension as _, Row};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::rows::{json_of, millis, time_of};
use super::{Store, StoreError};
use crate::model::identity::PersonId;

/// What a row is about; the word is stable.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum AuditKind {
    /// A first contact or a complete read ended.
    Feed,
    /// An account or user was seen for the first time, or left.
    Seen,
    /// Somebody joined or left a group that rules name.
    Group,
    /// A person's presence changed.
    Presence,
    /// An entitlement's standing changed.
    Standing,
    /// Observe mode would have written this.
    WouldWrite,
    /// A write was decided on.
    Intent,
    /// A write was answered.
    Answer,
    /// A cohort was held, approved, rejected or dissolved.
    Hold,
    /// An operator asked for something.
    Request,
    /// The configuration that is worked by changed.
    Config,
}

impl AuditKind {
    /// The stable word.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Feed => "feed",
            Self::Seen => "seen",
            Self::Group => "group",
            Self::Presence => "presence",
            Self::Standing => "standing",
            Self::WouldWrite => "would-write",
            Self::Intent => "intent",
            Self::Answer => "answer",
            Self::Hold => "hold",
            Self::Request => "request",
            Self::Config => "config",
        }
    }
}

/// A row to be appended.
pub(super) struct Entry<'a> {
    pub kind: AuditKind,
    pub person: Option<PersonId>,
    pub subject: Option<&'a str>,
    pub config: Option<&'a str>,
    pub client_request_id: Option<String>,
    pub request_id: Option<&'a str>,
    pub detail: Value,
}

impl Entry<'_> {
    pub(super) fn new(kind: AuditKind, detail: Value) -> Self {
        Self { kind, person: None, subject: None, config: None, client_request_id: None, request_id: None, detail }
    }

    pub(super) fn about(mut self, person: PersonId) -> Self {
        self.person = Some(person);
        self
    }
}

/// A row as it is read back.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct AuditRow {
    /// Its number.
    pub id: i64,
    /// When.
    pub at: Timestamp,
    /// About what; see [`AuditKind`].
    pub kind: String,
    /// About whom.
    pub person: Option<PersonId>,
    /// The person's name then.
    pub subject: Option<String>,
    /// Digest of the configuration that was worked by.
    pub config: Option<String>,
    /// Our name for the request.
    pub client_request_id: Option<String>,
    /// Graph's name for it.
    pub request_id: Option<String>,
    /// Everything else.
    pub detail: Value,
}

/// Appends a row and chains it.
pub(super) fn append(db: &Connection, at: Timestamp, entry: &Entry<'_>) -> Result<(), StoreError> {
    let previous: Vec<u8> = db
        .prepare_cached("SELECT hash FROM audit ORDER BY id DESC LIMIT 1")?
        .query_row([], |row| row.get(0))
        .optional()?
        .unwrap_or_else(|| vec![0; 32]);
    let person = entry.person.map(|person| person.0);
    let detail = entry.detail.to_string();
    let fields = [
        Some(millis(at).to_string()),
        Some(entry.kind.word().to_owned()),
        person.map(|person| person.to_string()),
        entry.subject.map(str::to_owned),
        entry.config.map(str::to_owned),
        entry.client_request_id.clone(),
        entry.request_id.map(str::to_owned),
        Some(detail.clone()),
    ];
    let hash = chain(&previous, &fields);
    db.prepare_cached(
        "INSERT INTO audit (at, kind, person, subject, config, client_request_id, request_id, detail, previous, hash)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)",
    )?
    .execute((
        millis(at),
        entry.kind.word(),
        person,
        entry.subject,
        entry.config,
        &entry.client_request_id,
        entry.request_id,
        detail,
        previous,
        hash,
    ))?;
    Ok(())
}

/// SHA-256 over the hash before and every field with its length, so that no two rows share an encoding.
fn chain(previous: &[u8], fields: &[Option<String>]) -> Vec<u8> {
    let mut context = Context::new(&SHA256);
    context.update(previous);
    for field in fields {
        match field {
            None => context.update(&[0]),
            Some(text) => {
                context.update(&[1]);
                context.update(&u64::try_from(text.len()).unwrap_or(u64::MAX).to_be_bytes());
                context.update(text.as_bytes());
            }
        }
    }
    context.finish().as_ref().to_vec()
}

pub(super) fn row(row: &Row<'_>) -> Result<AuditRow, StoreError> {
    Ok(AuditRow {
        id: row.get("id")?,
        at: time_of(row, "at")?,
        kind: row.get("kind")?,
        person: row.get::<_, Option<i64>>("person")?.map(PersonId),
        subject: row.get("subject")?,
        config: row.get("config")?,
        client_request_id: row.get("client_request_id")?,
        request_id: row.get("request_id")?,
        detail: json_of(row, "detail")?,
    })
}

/// What the first row that is there must follow: nothing, or the checkpoint that stands for the rows before it.
fn beginning(db: &Connection, first: i64) -> Result<Vec<u8>, StoreError> {
    let checkpoint = db
        .prepare_cached("SELECT hash FROM audit_checkpoints WHERE upto = ?1")?
        .query_row([first - 1], |row| row.get(0))
        .optional()?;
    Ok(checkpoint.unwrap_or_else(|| vec![0; 32]))
}

impl Store {
    /// The last rows, oldest first.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn latest_audit(&self, limit: u32) -> Result<Vec<AuditRow>, StoreError> {
        self.read(move |db| {
            let sql = "SELECT * FROM (SELECT * FROM audit ORDER BY id DESC LIMIT ?1) ORDER BY id";
            super::rows::collect(db, sql, [limit], row)
        })
        .await
    }

    /// Checks the hash chain; `Ok(Some(id))` names the first row that does not fit.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn broken_audit_row(&self) -> Result<Option<i64>, StoreError> {
        self.read(|db| {
            let mut expected: Option<Vec<u8>> = None;
            let mut statement = db.prepare("SELECT * FROM audit ORDER BY id")?;
            let mut rows = statement.query([])?;
            while let Some(row) = rows.next()? {
                let text = |column| row.get::<_, Option<String>>(column);
                let number = |column| row.get::<_, Option<i64>>(column).map(|n| n.map(|n| n.to_string()));
                let previous: Vec<u8> = row.get("previous")?;
                let hash: Vec<u8> = row.get("hash")?;
                let fields = [
                    number("at")?,
                    text("kind")?,
                    number("person")?,
                    text("subject")?,
                    text("config")?,
                    text("client_request_id")?,
                    text("request_id")?,
                    text("detail")?,
                ];
                let before = match expected {
                    Some(hash) => hash,
                    None => beginning(db, row.get("id")?)?,
                };
                if previous != before || chain(&previous, &fields) != hash {
                    return Ok(Some(row.get("id")?));
                }
                expected = Some(hash);
            }
            Ok(None)
        })
        .await
    }
}
