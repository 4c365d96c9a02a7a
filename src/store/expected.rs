//! Licenses that groups are to give: which groups do, and who is in them.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use rusqlite::{Connection, params};

use super::plans::moves;
use super::rows::{collect, json, json_of, meta, millis, named, set_meta, time_of};
use super::{Store, StoreError};
use crate::model::group::{LicensingGroup, Memberships};
use crate::model::identity::{GroupId, PersonId, SkuId, UserId};
use crate::model::standing::Standing;

/// Set once the groups that give licenses were listed.
const LISTED: &str = "licensing_groups_listed";

pub(super) const TO_ASK_ABOUT: &str = "
    SELECT DISTINCT e.user FROM entitlements e LEFT JOIN memberships m ON m.user = e.user
    WHERE e.standing = 'expected' AND NOT EXISTS (SELECT 1 FROM people p WHERE p.id = e.person AND p.dirty = 1)
      AND (m.read IS NULL OR m.read < e.since OR m.read <= ?1) LIMIT ?2";

impl Store {
    /// The groups that give a product of interest; `None` while they were never listed.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn licensing_groups(&self) -> Result<Option<BTreeMap<GroupId, LicensingGroup>>, StoreError> {
        self.read(|db| if meta(db, LISTED)?.is_some() { stored(db).map(Some) } else { Ok(None) }).await
    }

    /// Keeps a complete list of them, and has judged again whose license is expected from a group if it is another list.
    /// Whether it is.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn put_licensing_groups(&self, groups: Vec<LicensingGroup>) -> Result<bool, StoreError> {
        let groups: BTreeMap<GroupId, LicensingGroup> = groups.into_iter().map(|group| (group.id, group)).collect();
        if self.licensing_groups().await?.as_ref() == Some(&groups) {
            return Ok(false);
        }
        self.write(move |tx| {
            tx.execute("DELETE FROM licensing_groups", [])?;
            for group in groups.values() {
                tx.prepare_cached("INSERT INTO licensing_groups (id, body) VALUES (?1, ?2)")?
                    .execute([group.id.to_string(), json(group)?])?;
            }
            set_meta(tx, LISTED, Some("yes"))?;
            tx.execute(
                "UPDATE people SET dirty = 1, revision = revision + 1
                 WHERE id IN (SELECT person FROM entitlements WHERE standing = 'expected')",
                [],
            )?;
            Ok(true)
        })
        .await
    }

    /// Users whose license is expected from a group and of whom it is to be asked which groups they are in: not asked since
    /// then, or at `before` or earlier. Whoever is to be judged anew may expect nothing any more, and is not asked before.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn to_ask_about(&self, limit: u32, before: Timestamp) -> Result<Vec<UserId>, StoreError> {
        self.read(move |db| collect(db, TO_ASK_ABOUT, params![millis(before), limit], |row| named(row, "user"))).await
    }

    /// Keeps which groups users are in, as it was asked at `asked`, and forgets those of whom nothing is expected any more.
    /// Only the groups that give licenses are kept.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn put_memberships(
        &self,
        found: Vec<(UserId, BTreeSet<GroupId>)>,
        asked: Timestamp,
    ) -> Result<(), StoreError> {
        self.write(move |tx| {
            let licensing = stored(tx)?;
            for (user, groups) in &found {
                let groups: BTreeSet<_> = groups.iter().filter(|group| licensing.contains_key(group)).collect();
                tx.prepare_cached(
                    "INSERT INTO memberships (user, read, group_ids) VALUES (?1, ?2, ?3)
                     ON CONFLICT (user) DO UPDATE SET read = ?2, group_ids = ?3",
                )?
                .execute(params![user.to_string(), millis(asked), json(&groups)?])?;
                tx.prepare_cached(
                    "UPDATE people SET dirty = 1, revision = revision + 1
                     WHERE id IN (SELECT person FROM users WHERE id = ?1)",
                )?
                .execute([user.to_string()])?;
            }
            tx.execute(
                "DELETE FROM memberships
                 WHERE user NOT IN (SELECT user FROM entitlements WHERE standing = 'expected')",
                [],
            )?;
            Ok(())
        })
        .await
    }
}

impl Store {
    /// Makes due at once what is expected from a group, as an operator asked.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn expect_no_longer(
        &self,
        person: PersonId,
        sku: SkuId,
        config: &str,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let config = config.to_owned();
        self.write(move |tx| {
            let sql = "SELECT 1 FROM entitlements WHERE person = ?1 AND sku = ?2 AND standing = 'expected'";
            if tx.prepare_cached(sql)?.exists(params![person.0, sku.to_string()])? {
                moves(tx, person, sku, &Standing::Due, &config, now)?;
            }
            Ok(())
        })
        .await
    }
}

fn stored(db: &Connection) -> Result<BTreeMap<GroupId, LicensingGroup>, StoreError> {
    let groups: Vec<LicensingGroup> = collect(db, "SELECT body FROM licensing_groups", [], |row| json_of(row, "body"))?;
    Ok(groups.into_iter().map(|group| (group.id, group)).collect())
}

/// The licensing groups that a person's user is in, where that was asked.
pub(super) fn of_person(db: &Connection, person: PersonId) -> Result<Option<Memberships>, StoreError> {
    let sql = "SELECT m.read, m.group_ids FROM users u JOIN memberships m ON m.user = u.id
               WHERE u.person = ?1 AND u.removed IS NULL";
    let found = collect(db, sql, [person.0], |row| {
        Ok(Memberships { read: time_of(row, "read")?, groups: json_of(row, "group_ids")? })
    })?;
    Ok(found.into_iter().next())
}
