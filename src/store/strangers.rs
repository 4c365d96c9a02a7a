//! Members of groups that lie in another domain. What they are that domain is asked: those that are groups are read there, as
//! if they lay within a group of its own.

use jiff::Timestamp;
use rusqlite::{Connection, params};
use uuid::Uuid;

use super::rows::{collect, json, millis, named};
use super::walks::{AGAIN, put_node, unsettle};
use super::{Store, StoreError};
use crate::model::group::{ASKED_AT_ONCE, GroupNode};
use crate::model::identity::ObjectGuid;

/// Groups from one upwards, through whatever others; `?1` is the GUID to begin with.
const ABOVE: &str = "
    WITH RECURSIVE above (guid) AS (
        SELECT ?1 UNION SELECT e.parent FROM above JOIN group_edges e ON e.child = above.guid AND e.gone IS NULL)
    UPDATE directory_groups SET unsettled = 1 WHERE unsettled = 0 AND guid IN (SELECT guid FROM above)";

impl Store {
    /// Takes in what a domain answered: of the objects it was `asked` about these are groups of it. They are to be read.
    ///
    /// # Errors
    /// When the store fails; then nothing of it is kept.
    pub async fn put_answer(
        &self,
        domain: Uuid,
        asked: Vec<ObjectGuid>,
        groups: Vec<GroupNode>,
    ) -> Result<(), StoreError> {
        self.write(move |tx| {
            for node in &groups {
                if put_node(tx, domain, node)? {
                    unsettle(tx, domain, node.guid)?;
                }
            }
            for guid in &asked {
                let first = tx
                    .prepare_cached("UPDATE group_strangers SET asked = 1 WHERE guid = ?1 AND asked = 0")?
                    .execute([guid.to_string()])?;
                if first > 0 {
                    unsettle_above(tx, *guid)?;
                }
                tx.prepare_cached("UPDATE group_strangers SET due = NULL WHERE guid = ?1")?
                    .execute([guid.to_string()])?;
            }
            Ok(())
        })
        .await
    }

    /// Notes that a domain did not say what these objects are: it is asked again later.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn put_off_asking(&self, asked: Vec<ObjectGuid>, now: Timestamp) -> Result<(), StoreError> {
        self.write(move |tx| {
            let again = millis(now.checked_add(AGAIN).unwrap_or(Timestamp::MAX));
            for guid in &asked {
                let sql = "UPDATE group_strangers SET due = ?2 WHERE guid = ?1";
                tx.prepare_cached(sql)?.execute(params![guid.to_string(), again])?;
            }
            Ok(())
        })
        .await
    }

    /// Whether one of these domains has something to read beside the accounts, or to settle.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn has_errands(&self, domains: &[String], now: Timestamp) -> Result<bool, StoreError> {
        let domains = json(&domains)?;
        self.read(move |db| {
            let sql = "
                WITH followed (name) AS (SELECT value FROM json_each(?1))
                SELECT 1 FROM directory_groups WHERE (due <= ?2 OR unsettled = 1) AND domain IN followed
                UNION ALL SELECT 1 FROM group_strangers WHERE due <= ?2 AND domain IN followed
                UNION ALL SELECT 1 FROM group_nodes n JOIN domains d ON d.guid = n.domain
                          WHERE n.due <= ?2 AND d.name IN followed";
            Ok(db.prepare_cached(sql)?.exists(params![domains, millis(now)])?)
        })
        .await
    }
}

/// Whom a domain is to be asked about, as many as at once.
pub(super) fn due(db: &Connection, domain: &str, now: Timestamp) -> Result<Vec<ObjectGuid>, StoreError> {
    let limit = i64::try_from(ASKED_AT_ONCE).unwrap_or(i64::MAX);
    let sql = "SELECT guid FROM group_strangers WHERE due <= ?2
               AND domain = (SELECT name FROM domains WHERE guid = ?1) ORDER BY guid LIMIT ?3";
    collect(db, sql, params![domain, millis(now), limit], |row| named(row, "guid"))
}

/// Keeps which of the members that a reading has met lie in another domain, except for accounts that were read there and groups
/// that are known; whether there is one more to ask about.
pub(super) fn keep(db: &Connection, parent: &str) -> Result<bool, StoreError> {
    let new = db.execute(
        "INSERT INTO group_strangers (guid, domain, due)
         SELECT w.child, w.domain, 0 FROM group_walk w WHERE w.parent = ?1 AND w.domain IS NOT NULL
             AND NOT EXISTS (SELECT 1 FROM accounts WHERE guid = w.child)
             AND NOT EXISTS (SELECT 1 FROM group_nodes n JOIN domains d ON d.guid = n.domain
                             WHERE n.guid = w.child AND d.name = w.domain)
         ON CONFLICT (guid) DO UPDATE SET domain = excluded.domain, asked = 0, due = 0 WHERE domain <> excluded.domain",
        [parent],
    )?;
    Ok(new > 0)
}

/// Whether a domain that is followed has not said yet what a member of the groups that were reached (table `reach`) is.
pub(super) fn are_unknown(db: &Connection, followed: &str) -> Result<bool, StoreError> {
    let sql = "SELECT 1 FROM group_strangers s JOIN group_edges e ON e.child = s.guid AND e.gone IS NULL
               WHERE s.asked = 0 AND s.domain IN (SELECT value FROM json_each(?1))
                 AND e.parent IN (SELECT guid FROM reach)";
    Ok(db.prepare_cached(sql)?.exists([followed])?)
}

/// Has the groups that rules name settled anew which an object lies within, whatever their domain.
pub(super) fn unsettle_above(db: &Connection, guid: ObjectGuid) -> Result<(), StoreError> {
    db.prepare_cached(ABOVE)?.execute([guid.to_string()])?;
    Ok(())
}

/// A domain is followed from now on: who is in groups by way of its groups has not joined by that, so the groups count as
/// not read before.
pub(super) fn welcome(db: &Connection, name: &str) -> Result<(), StoreError> {
    db.execute(
        "WITH RECURSIVE above (guid) AS (
             SELECT guid FROM group_strangers WHERE domain = ?1
             UNION SELECT e.parent FROM above JOIN group_edges e ON e.child = above.guid AND e.gone IS NULL)
         UPDATE directory_groups SET read = NULL, unsettled = 1 WHERE guid IN (SELECT guid FROM above)",
        [name],
    )?;
    Ok(())
}

/// There is news of an object that is no group which was read: if it is a stranger, its domain is asked again.
pub(super) fn notice(db: &Connection, guid: ObjectGuid) -> Result<(), StoreError> {
    db.prepare_cached("UPDATE group_strangers SET due = 0 WHERE guid = ?1")?.execute([guid.to_string()])?;
    Ok(())
}

/// Has a domain asked again about all it was asked about.
pub(super) fn ask_again(db: &Connection, domain: &str) -> Result<(), StoreError> {
    let sql = "UPDATE group_strangers SET due = 0 WHERE domain = (SELECT name FROM domains WHERE guid = ?1)";
    db.execute(sql, [domain])?;
    Ok(())
}

/// Forgets those that are members of nothing any more.
pub(super) fn prune(db: &Connection) -> Result<(), StoreError> {
    db.execute(
        "DELETE FROM group_strangers WHERE NOT EXISTS (
             SELECT 1 FROM group_edges e WHERE e.child = group_strangers.guid AND e.gone IS NULL)",
        [],
    )?;
    Ok(())
}
