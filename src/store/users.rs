//! Pages of users, and users read by themselves.

use jiff::{SignedDuration, Timestamp};
use rusqlite::{Connection, OptionalExtension as _, params};
use serde_json::json;

use super::accounts::{quarantine, unquarantine};
use super::audit::{AuditKind, Entry, append};
use super::rows::{json, maybe_time, millis, unjson};
use super::{Absorbed, Store, StoreError, link};
use crate::model::identity::{PersonId, UserId};
use crate::model::user::{Removal, User, UserNews, UserPage};

/// For so long after our usage location was accepted, news that there is none is put down to replication.
const LOCATION_LAG: SignedDuration = SignedDuration::from_mins(15);

impl Store {
    /// Takes one page in, whole or not at all. `asked` is when its request was sent: it cannot know what was read later.
    /// `generation` is that of the running listing; a delta has none.
    ///
    /// # Errors
    /// When the store fails; then nothing of the page is kept.
    pub async fn absorb_users(
        &self,
        page: UserPage,
        generation: Option<i64>,
        asked: Timestamp,
        now: Timestamp,
    ) -> Result<Absorbed, StoreError> {
        self.write(move |tx| {
            let mut absorbed = Absorbed { quarantined: page.quarantined.len() as u64, ..Absorbed::default() };
            let read = Reading { asked, alone: Alone::No, generation, now };
            for news in &page.news {
                absorbed += absorb(tx, news, &read)?;
            }
            for (key, reason) in &page.quarantined {
                if let Ok(id) = key.parse() {
                    tag(tx, id, &read)?;
                }
                quarantine(tx, "tenant", key, reason, now)?;
            }
            Ok(absorbed)
        })
        .await
    }

    /// Takes in what a user's own page said. `None` is a 404: nothing is concluded from it.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn absorb_user(
        &self,
        news: Option<UserNews>,
        asked: Timestamp,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let Some(news) = news else { return Ok(()) };
        self.write(move |tx| {
            absorb(tx, &news, &Reading { asked, alone: Alone::Noted, generation: None, now })?;
            Ok(())
        })
        .await
    }

    /// Takes in what users read by themselves said, of whom nothing new is expected: where nothing is, nothing is written.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn absorb_quietly(
        &self,
        news: Vec<UserNews>,
        asked: Timestamp,
        now: Timestamp,
    ) -> Result<Absorbed, StoreError> {
        self.write(move |tx| {
            let read = Reading { asked, alone: Alone::NotedIfNews, generation: None, now };
            news.iter().try_fold(Absorbed::default(), |mut absorbed, news| {
                absorbed += absorb(tx, news, &read)?;
                Ok(absorbed)
            })
        })
        .await
    }
}

/// Whether users were read by themselves, not in a page of many, and whether that is noted.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Alone {
    No,
    Noted,
    NotedIfNews,
}

struct Reading {
    asked: Timestamp,
    alone: Alone,
    generation: Option<i64>,
    now: Timestamp,
}

struct Stored {
    person: PersonId,
    user: User,
    read_alone: Option<Timestamp>,
    located: Option<Timestamp>,
    removed: bool,
}

fn stored(db: &Connection, id: UserId) -> Result<Option<Stored>, StoreError> {
    let mut statement = db.prepare_cached(
        "SELECT person, body, read_alone, located, removed IS NOT NULL AS removed FROM users WHERE id = ?1",
    )?;
    let mut rows = statement.query([id.to_string()])?;
    let Some(row) = rows.next()? else { return Ok(None) };
    Ok(Some(Stored {
        person: PersonId(row.get("person")?),
        user: unjson(&row.get::<_, String>("body")?)?,
        read_alone: maybe_time(row, "read_alone")?,
        located: maybe_time(row, "located")?,
        removed: row.get("removed")?,
    }))
}

fn absorb(db: &Connection, news: &UserNews, read: &Reading) -> Result<Absorbed, StoreError> {
    let known = stored(db, news.id)?;
    unquarantine(db, "tenant", &news.id.to_string())?;
    if let Some(removal) = news.removed {
        let gone = known.is_some() && remove(db, &news.id.to_string(), removal, read.now)?;
        return Ok(Absorbed { gone: u64::from(gone), ..Absorbed::default() });
    }
    tag(db, news.id, read)?;
    if known.as_ref().is_some_and(|known| known.read_alone.is_some_and(|alone| read.asked < alone)) {
        return Ok(Absorbed::default());
    }
    let mut user = known.as_ref().map_or_else(|| User::unread(news.id), |known| known.user.clone());
    user.learn(news);
    if let Some(known) = &known {
        let lagging = known.located.is_some_and(|located| read.now.duration_since(located) < LOCATION_LAG);
        if lagging && user.usage_location.is_none() {
            user.usage_location = known.user.usage_location;
        }
        if user == known.user && !known.removed {
            return Ok(Absorbed::default());
        }
    }
    let fallback = user.id.to_string();
    let name = user.upn.as_deref().unwrap_or(&fallback);
    let before = known.as_ref().map(|known| (known.person, known.user.anchor.as_ref().map(|anchor| anchor.as_str())));
    let person = link::for_user(db, user.id, before, user.anchor.as_ref(), name, read.now)?;
    put(db, &user, person, read)?;
    if read.alone == Alone::NotedIfNews {
        note_alone(db, user.id, read)?;
    }
    link::touch(db, person)?;
    link::rename(db, person)?;
    if let Some(known) = &known
        && known.person != person
    {
        link::drop_if_empty(db, known.person)?;
    }
    let appeared = known.as_ref().is_none_or(|known| known.removed);
    if appeared && !first_contact(db)? {
        let detail = json!({ "seen": "tenant", "user": user.id, "created": user.created });
        append(db, read.now, &Entry { subject: Some(name), ..Entry::new(AuditKind::Seen, detail).about(person) })?;
    }
    Ok(Absorbed { new: u64::from(appeared), changed: u64::from(!appeared), ..Absorbed::default() })
}

/// Notes that a listing met the user, or that it was read by itself, whether or not anything changed.
fn tag(db: &Connection, id: UserId, read: &Reading) -> Result<(), StoreError> {
    if let Some(generation) = read.generation {
        db.prepare_cached("UPDATE users SET generation = ?2 WHERE id = ?1")?
            .execute(params![id.to_string(), generation])?;
    }
    if read.alone == Alone::Noted { note_alone(db, id, read) } else { Ok(()) }
}

fn note_alone(db: &Connection, id: UserId, read: &Reading) -> Result<(), StoreError> {
    db.prepare_cached("UPDATE users SET read_alone = ?2 WHERE id = ?1")?
        .execute(params![id.to_string(), millis(read.asked)])?;
    Ok(())
}

fn put(db: &Connection, user: &User, person: PersonId, read: &Reading) -> Result<(), StoreError> {
    db.prepare_cached(
        "INSERT INTO users (id, person, anchor, upn, body, first_seen, changed, read_alone, generation)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?6, ?7, coalesce(?8, (SELECT generation FROM tenant_feed)))
         ON CONFLICT (id) DO UPDATE SET person = ?2, anchor = ?3, upn = ?4, body = ?5, changed = ?6,
             generation = max(generation, excluded.generation), removed = NULL, removed_at = NULL",
    )?
    .execute(params![
        user.id.to_string(),
        person.0,
        user.anchor.as_ref().map(|anchor| anchor.as_str()),
        user.upn,
        json(user)?,
        millis(read.now),
        (read.alone != Alone::No).then(|| millis(read.asked)),
        read.generation,
    ])?;
    Ok(())
}

fn first_contact(db: &Connection) -> Result<bool, StoreError> {
    Ok(db.prepare_cached("SELECT contact_completed IS NULL FROM tenant_feed")?.query_row([], |row| row.get(0))?)
}

/// Takes a user as gone; whether it was there.
pub(super) fn remove(db: &Connection, id: &str, removal: Removal, now: Timestamp) -> Result<bool, StoreError> {
    let person: Option<i64> = db
        .prepare_cached(
            "UPDATE users SET removed = ?2, removed_at = ?3 WHERE id = ?1 AND removed IS NULL RETURNING person",
        )?
        .query_row(params![id, json(&removal)?, millis(now)], |row| row.get(0))
        .optional()?;
    let Some(person) = person.map(PersonId) else { return Ok(false) };
    link::touch(db, person)?;
    let detail = json!({ "left": "tenant", "user": id, "removal": removal });
    append(db, now, &Entry::new(AuditKind::Seen, detail).about(person))?;
    Ok(true)
}
