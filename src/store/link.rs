//! Joins accounts and users to persons by anchor.

use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension as _, params, params_from_iter};

use super::StoreError;
use super::rows::millis;
use crate::model::identity::{Anchor, PersonId, UserId};

pub(super) const USER_BY_ANCHOR: &str =
    "SELECT person FROM users WHERE anchor = ?1 ORDER BY removed IS NOT NULL LIMIT 1";

/// By the anchor, and by the GUID that it is another form of: most anchors are that, and stand in no index of their own.
pub(super) const ACCOUNT_BY_ANCHOR: &str = "
    SELECT person FROM (
        SELECT person, gone FROM accounts WHERE anchor = ?1 AND own_anchor = 1
        UNION ALL
        SELECT person, gone FROM accounts WHERE guid = ?2 AND anchor = ?1 AND own_anchor = 0)
    ORDER BY gone IS NOT NULL LIMIT 1";

/// The person an account belongs to: whom it belonged to while its anchor stays, else whoever has that anchor, a tenant
/// user's person first, else somebody new. An account leaves behind whatever it shared the old anchor with.
pub(super) fn for_account(
    db: &Connection,
    stored: Option<(PersonId, &str)>,
    anchor: &Anchor,
    name: &str,
    now: Timestamp,
) -> Result<PersonId, StoreError> {
    match stored {
        Some((person, known)) if known == anchor.as_str() => Ok(person),
        Some((person, known)) => match by_anchor(db, anchor)? {
            Some(other) => Ok(other),
            None if has_more(db, person, known)? => make(db, name, now),
            None => Ok(person),
        },
        None => match by_anchor(db, anchor)? {
            Some(person) => Ok(person),
            None => make(db, name, now),
        },
    }
}

/// The person a user belongs to. A user that gains an anchor brings the accounts of that anchor over to its own person,
/// which holds its entitlements; where another user has the anchor already, both end up as one person, a conflict to be
/// seen. What a user shared its old anchor with does not follow it to the new one.
pub(super) fn for_user(
    db: &Connection,
    user: UserId,
    stored: Option<(PersonId, Option<&str>)>,
    anchor: Option<&Anchor>,
    name: &str,
    now: Timestamp,
) -> Result<PersonId, StoreError> {
    let holder = anchor.map(|anchor| by_anchor(db, anchor)).transpose()?.flatten();
    let Some((person, known)) = stored else {
        return holder.map_or_else(|| make(db, name, now), Ok);
    };
    if known == anchor.map(Anchor::as_str) {
        return Ok(person);
    }
    if let Some(other) = holder
        && other != person
        && has_users(db, other)?
    {
        return Ok(other);
    }
    let person = match known {
        Some(known) if shares(db, person, known, user)? => make(db, name, now)?,
        Some(known) => {
            part(db, person, user, known, now)?;
            person
        }
        None => person,
    };
    if let Some(other) = holder.filter(|other| *other != person) {
        db.prepare_cached("UPDATE accounts SET person = ?1 WHERE person = ?2")?.execute([person.0, other.0])?;
        db.prepare_cached("UPDATE users SET person = ?1 WHERE person = ?2")?.execute([person.0, other.0])?;
        drop_if_empty(db, other)?;
    }
    Ok(person)
}

/// Whether another live user has this anchor, too.
fn shares(db: &Connection, person: PersonId, anchor: &str, user: UserId) -> Result<bool, StoreError> {
    let sql = "SELECT 1 FROM users WHERE person = ?1 AND anchor = ?2 AND id <> ?3 AND removed IS NULL";
    Ok(db.prepare_cached(sql)?.exists(params![person.0, anchor, user.to_string()])?)
}

/// Gives what else has an anchor, accounts and users who left, a person of its own, to wait for its next user.
fn part(db: &Connection, person: PersonId, user: UserId, anchor: &str, now: Timestamp) -> Result<(), StoreError> {
    let other = make(db, anchor, now)?;
    db.prepare_cached("UPDATE accounts SET person = ?1 WHERE person = ?2 AND anchor = ?3")?
        .execute(params![other.0, person.0, anchor])?;
    db.prepare_cached("UPDATE users SET person = ?1 WHERE person = ?2 AND anchor = ?3 AND id <> ?4")?
        .execute(params![other.0, person.0, anchor, user.to_string()])?;
    rename(db, other)?;
    drop_if_empty(db, other)
}

/// Removes a person nothing belongs to any more and about whom nothing was ever written.
pub(super) fn drop_if_empty(db: &Connection, person: PersonId) -> Result<(), StoreError> {
    db.prepare_cached(
        "DELETE FROM people WHERE id = ?1
         AND NOT EXISTS (SELECT 1 FROM accounts WHERE person = ?1)
         AND NOT EXISTS (SELECT 1 FROM users WHERE person = ?1)
         AND NOT EXISTS (SELECT 1 FROM entitlements WHERE person = ?1)
         AND NOT EXISTS (SELECT 1 FROM intents WHERE person = ?1)",
    )?
    .execute([person.0])?;
    touch(db, person)
}

/// Marks a person to be judged.
pub(super) fn touch(db: &Connection, person: PersonId) -> Result<(), StoreError> {
    db.prepare_cached("UPDATE people SET dirty = 1, revision = revision + 1 WHERE id = ?1")?.execute([person.0])?;
    Ok(())
}

/// Gives the person the best name known: a UPN, the user's first.
pub(super) fn rename(db: &Connection, person: PersonId) -> Result<(), StoreError> {
    db.prepare_cached(
        "UPDATE people SET name = coalesce(
             (SELECT upn FROM users WHERE person = ?1 AND removed IS NULL AND upn IS NOT NULL LIMIT 1),
             (SELECT coalesce(upn, sam, guid) FROM accounts WHERE person = ?1 ORDER BY gone IS NOT NULL LIMIT 1),
             (SELECT coalesce(upn, id) FROM users WHERE person = ?1 LIMIT 1),
             name)
         WHERE id = ?1",
    )?
    .execute([person.0])?;
    Ok(())
}

fn by_anchor(db: &Connection, anchor: &Anchor) -> Result<Option<PersonId>, StoreError> {
    let find = |sql: &str, keys: &[Option<String>]| -> Result<Option<PersonId>, StoreError> {
        let found = db.prepare_cached(sql)?.query_row(params_from_iter(keys), |row| row.get(0)).optional()?;
        Ok(found.map(PersonId))
    };
    let keys = [Some(anchor.as_str().to_owned()), anchor.guid().map(|guid| guid.to_string())];
    match find(USER_BY_ANCHOR, &keys[..1])? {
        Some(person) => Ok(Some(person)),
        None => find(ACCOUNT_BY_ANCHOR, &keys),
    }
}

fn has_users(db: &Connection, person: PersonId) -> Result<bool, StoreError> {
    Ok(db.prepare_cached("SELECT 1 FROM users WHERE person = ?1 AND removed IS NULL")?.exists([person.0])?)
}

/// Whether something beside one account has this anchor.
fn has_more(db: &Connection, person: PersonId, anchor: &str) -> Result<bool, StoreError> {
    let sql = "SELECT (SELECT count(*) FROM accounts WHERE person = ?1 AND anchor = ?2)
                    + (SELECT count(*) FROM users WHERE person = ?1) > 1";
    Ok(db.prepare_cached(sql)?.query_row(params![person.0, anchor], |row| row.get(0))?)
}

fn make(db: &Connection, name: &str, now: Timestamp) -> Result<PersonId, StoreError> {
    db.prepare_cached("INSERT INTO people (made, name) VALUES (?1, ?2)")?.execute(params![millis(now), name])?;
    Ok(PersonId(db.last_insert_rowid()))
}
