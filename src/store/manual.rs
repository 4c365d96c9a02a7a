//! What operators ask for by hand, for one person and product.

use rusqlite::{Connection, params};

use super::requests::Asker;
use super::rows::{collect, json, json_of, millis};
use super::{Store, StoreError, link};
use crate::model::account::Account;
use crate::model::filter::Filter;
use crate::model::group::Member;
use crate::model::identity::{PersonId, Sid, SkuId, UserId};
use crate::model::person::Manual;

impl Store {
    /// Everyone with a live account that matches the filter, answered from the attributes that are read.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn people_matching(&self, filter: Filter) -> Result<Vec<PersonId>, StoreError> {
        self.read(move |db| {
            let sql = "SELECT person, body FROM accounts WHERE gone IS NULL ORDER BY person";
            let mut statement = db.prepare(sql)?;
            let mut rows = statement.query([])?;
            let mut found = Vec::new();
            while let Some(row) = rows.next()? {
                let account: Account = json_of(row, "body")?;
                let values = |name: &str| account.attributes.get(name).map_or(&[][..], Vec::as_slice);
                if filter.matches(&values) == Some(true) {
                    found.push(PersonId(row.get("person")?));
                }
            }
            found.dedup();
            Ok(found)
        })
        .await
    }

    /// The persons of these members of a group of the directory, as far as their accounts are known and live.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn people_among(&self, members: Vec<Member>) -> Result<Vec<PersonId>, StoreError> {
        self.read(move |db| {
            let mut found = Vec::new();
            for Member { guid, foreign, .. } in members {
                let sql = "SELECT person FROM accounts WHERE gone IS NULL AND (guid = ?1 OR sid = ?2)";
                let sid = foreign.as_ref().map(Sid::as_str);
                found.extend(collect(db, sql, (guid.to_string(), sid), |row| Ok(PersonId(row.get("person")?)))?);
            }
            Ok(found)
        })
        .await
    }

    /// The persons of these users, as far as they are known.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn people_of(&self, users: Vec<UserId>) -> Result<Vec<PersonId>, StoreError> {
        self.read(move |db| {
            let mut found = Vec::new();
            for user in users {
                let sql = "SELECT person FROM users WHERE id = ?1 AND removed IS NULL";
                found.extend(collect(db, sql, [user.to_string()], |row| Ok(PersonId(row.get("person")?)))?);
            }
            Ok(found)
        })
        .await
    }
}

/// Notes the operator's word, and has everyone judged by it. Says how many can be given nothing.
pub(super) fn set(
    db: &Connection,
    people: &[PersonId],
    sku: SkuId,
    word: &Manual,
    asker: &Asker<'_>,
) -> Result<String, StoreError> {
    let mut absent = 0;
    for person in people {
        let sql = "SELECT 1 FROM people WHERE id = ?1 AND (presence IS NULL OR presence IN ('present', 'cloud-only'))";
        absent += usize::from(!db.prepare_cached(sql)?.exists([person.0])?);
        db.prepare_cached(
            "INSERT INTO manual (person, sku, body, os_user, at) VALUES (?1, ?2, ?3, ?4, ?5)
             ON CONFLICT (person, sku) DO UPDATE SET body = ?3, os_user = ?4, at = ?5",
        )?
        .execute(params![person.0, sku.to_string(), json(word)?, asker.os_user, millis(asker.now)])?;
        link::touch(db, *person)?;
    }
    let count = people.len();
    Ok(match word {
        Manual::Assigned { .. } if absent > 0 => {
            format!(
                "{count} are to have it, under the guard; {absent} of them cannot be given anything now: see `seatsync users`"
            )
        }
        Manual::Assigned { .. } => format!("{count} are to have it, under the guard"),
        Manual::Withheld => format!("{count} are not to have it: a direct license is taken away, under the guard"),
    })
}

/// Forgets it: the rules decide again.
pub(super) fn forget(db: &Connection, people: &[PersonId], sku: SkuId) -> Result<String, StoreError> {
    let mut forgotten = 0;
    for person in people {
        let sql = "DELETE FROM manual WHERE person = ?1 AND sku = ?2";
        forgotten += db.prepare_cached(sql)?.execute(params![person.0, sku.to_string()])?;
        link::touch(db, *person)?;
    }
    Ok(format!("of {} persons {forgotten} had something by hand: the rules decide again", people.len()))
}
