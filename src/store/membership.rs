//! Groups of the directory: where those that rules name are, the groups within them, and who is in them in the end.
//!
//! What a controller shows is kept as nodes and edges, by GUID; who is believed to be in a group that a rule names follows
//! from them once all that is due was read.

use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension as _, params};
use serde_json::json;
use uuid::Uuid;

use super::groups::{GroupEnd, moved};
use super::rows::{collect, json, millis, unjson};
use super::{Store, StoreError, strangers};
use crate::model::group::GroupFault;
use crate::model::identity::{ObjectGuid, PersonId};
use crate::model::rule::Dn;
use crate::model::shrink::is_shrunk;

/// Live accounts in a group that rules name, `g.dn`.
pub(super) const COUNT: &str = "
    SELECT count(*) FROM (
        SELECT a.guid FROM group_members m JOIN accounts a ON a.guid = m.key WHERE m.root = g.dn AND a.gone IS NULL
        UNION SELECT a.guid FROM group_members m JOIN accounts a ON a.sid = m.key
              WHERE m.root = g.dn AND a.gone IS NULL
        UNION SELECT a.guid FROM group_members m JOIN accounts a ON a.primary_group = substr(m.key, 9)
              WHERE m.root = g.dn AND m.key LIKE 'primary %' AND a.gone IS NULL)";

/// What became of a group that rules name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum GroupNews {
    /// Its members.
    Members(GroupEnd),
    /// Something is wrong with it since now.
    Fault(GroupFault),
}

impl Store {
    /// Follows these groups, each with the name of its domain: forgets all others, so that one that is named again later is
    /// found anew. Held members are looked at once more, since the limit may be another now.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn follow_directory_groups(&self, groups: Vec<(Dn, String)>) -> Result<(), StoreError> {
        let known = self
            .read(|db| {
                let sql = "SELECT dn, domain, fault FROM directory_groups";
                collect(db, sql, [], |row| {
                    let fault: Option<String> = row.get("fault")?;
                    Ok((row.get::<_, String>("dn")?, row.get::<_, String>("domain")?, fault))
                })
            })
            .await?;
        let groups: Vec<(String, String)> = groups.into_iter().map(|(dn, domain)| (dn.normal(), domain)).collect();
        let held = known.iter().any(|(.., fault)| fault.is_some());
        let is_known = |(dn, domain): &(String, String)| known.iter().any(|known| (&known.0, &known.1) == (dn, domain));
        if groups.iter().all(is_known) && groups.len() == known.len() && !held {
            return Ok(());
        }
        self.write(move |tx| {
            for (dn, ..) in known.iter().filter(|known| groups.iter().all(|group| group.0 != known.0)) {
                tx.execute("DELETE FROM directory_groups WHERE dn = ?1", [dn])?;
            }
            for (dn, domain) in &groups {
                tx.execute(
                    "INSERT INTO directory_groups (dn, domain, due) VALUES (?1, ?2, 0)
                     ON CONFLICT (dn) DO UPDATE SET domain = ?2 WHERE domain <> ?2",
                    [dn, domain],
                )?;
            }
            tx.execute("UPDATE directory_groups SET unsettled = 1 WHERE fault IS NOT NULL", [])?;
            // No change is seen of what lies within none of them: should it matter again, it is read anew.
            prune(tx)
        })
        .await
    }

    /// Where everything that was due was read: brings who is believed to be in each group in line with it, and says what
    /// that changed. Of a group that lost far more than `shrink_percent` only who came is believed. Nothing is concluded of one
    /// with a group within that was never read to its end, or with a member of which one of the domains that are `followed` has
    /// not said what it is.
    ///
    /// # Errors
    /// When the store fails; then nothing of it is kept.
    pub async fn settle_groups(
        &self,
        domain: Uuid,
        followed: &[String],
        shrink_percent: u32,
        now: Timestamp,
    ) -> Result<Vec<(String, GroupNews)>, StoreError> {
        let followed = json(&followed)?;
        self.write(move |tx| {
            tx.execute_batch(
                "CREATE TEMP TABLE IF NOT EXISTS reach (guid TEXT PRIMARY KEY) WITHOUT ROWID;
                 CREATE TEMP TABLE IF NOT EXISTS flat (key TEXT PRIMARY KEY) WITHOUT ROWID;
                 CREATE TEMP TABLE IF NOT EXISTS moving (guid TEXT PRIMARY KEY, person INTEGER, joined INTEGER) WITHOUT ROWID;",
            )?;
            let domain = domain.to_string();
            let sql = "SELECT * FROM directory_groups WHERE guid IS NOT NULL AND unsettled = 1
                       AND domain = (SELECT name FROM domains WHERE guid = ?1) ORDER BY dn";
            let roots = collect(tx, sql, [&domain], |row| {
                Ok(Root {
                    dn: row.get("dn")?,
                    guid: row.get("guid")?,
                    name: row.get("name")?,
                    known: row.get::<_, Option<i64>>("read")?.is_some(),
                    fault: row.get::<_, Option<String>>("fault")?.as_deref().map(unjson).transpose()?,
                })
            })?;
            let mut news = Vec::new();
            for root in &roots {
                let name = root.name.clone().unwrap_or_else(|| root.dn.clone());
                news.extend(root.settle(tx, &followed, shrink_percent, now)?.map(|news| (name, news)));
            }
            prune(tx)?;
            let sql = "UPDATE directory_groups SET unsettled = 0
                       WHERE unsettled = 1 AND domain = (SELECT name FROM domains WHERE guid = ?1)";
            tx.execute(sql, [&domain])?;
            Ok(news)
        })
        .await
    }
}

struct Root {
    dn: String,
    guid: String,
    name: Option<String>,
    known: bool,
    fault: Option<GroupFault>,
}

impl Root {
    fn settle(
        &self,
        db: &Connection,
        followed: &str,
        percent: u32,
        now: Timestamp,
    ) -> Result<Option<GroupNews>, StoreError> {
        reach(db, &self.guid)?;
        let broken = db
            .query_row(
                "SELECT dn, fault FROM group_nodes WHERE guid IN (SELECT guid FROM reach) AND fault IS NOT NULL LIMIT 1",
                [],
                |row| Ok(GroupFault::Broken { dn: row.get(0)?, why: row.get(1)? }),
            )
            .optional()?;
        let unread = "SELECT 1 FROM group_nodes WHERE guid IN (SELECT guid FROM reach) AND walked = 0
                      UNION ALL SELECT 1 WHERE NOT EXISTS (SELECT 1 FROM group_nodes WHERE guid = ?1)";
        if db.prepare_cached(unread)?.exists([&self.guid])? || strangers::are_unknown(db, followed)? {
            return self.put_fault(db, broken);
        }
        flatten(db)?;
        let (joined, missing) = self.compare(db)?;
        let met =
            || -> Result<u64, StoreError> { Ok(db.query_row(MET, [], |row| row.get::<_, i64>(0))?.cast_unsigned()) };
        let few = self.known && missing > 0 && percent < 100 && is_shrunk(met()?, missing, percent);
        let met = if few || !self.known { met()? } else { 0 };
        self.believe(db, few, now)?;
        let fault = if few { Some(GroupFault::Shrunk { met, missing }) } else { broken };
        let shrunk = few && self.fault != fault;
        let said = self.put_fault(db, fault)?;
        Ok(match (self.known, few) {
            (false, _) => Some(GroupNews::Members(GroupEnd::First { members: met })),
            (true, true) if shrunk => Some(GroupNews::Members(GroupEnd::Shrunk { met, missing })),
            (true, true) if joined > 0 => Some(GroupNews::Members(GroupEnd::Changed { joined, left: 0 })),
            (true, false) if joined + missing > 0 => {
                Some(GroupNews::Members(GroupEnd::Changed { joined, left: missing }))
            }
            _ => said,
        })
    }

    /// Stores what is wrong with it, and returns that where it is news.
    fn put_fault(&self, db: &Connection, fault: Option<GroupFault>) -> Result<Option<GroupNews>, StoreError> {
        if self.fault == fault {
            return Ok(None);
        }
        let body = fault.as_ref().map(json).transpose()?;
        db.execute("UPDATE directory_groups SET fault = ?2 WHERE dn = ?1", params![self.dn, body])?;
        Ok(fault.map(GroupNews::Fault))
    }

    /// Finds the accounts that join and leave; how many.
    fn compare(&self, db: &Connection) -> Result<(u64, u64), StoreError> {
        db.execute("DELETE FROM moving", [])?;
        let counted = |sql: &str| -> Result<u64, StoreError> { Ok(db.execute(sql, [&self.dn])? as u64) };
        let joined = counted(
            "INSERT INTO moving SELECT guid, person, 1 FROM accounts a WHERE gone IS NULL AND guid IN (
                 WITH new (key) AS (SELECT key FROM flat WHERE NOT EXISTS (
                     SELECT 1 FROM group_members m WHERE m.key = flat.key AND m.root = ?1))
                 SELECT b.guid FROM new JOIN accounts b ON b.guid = new.key
                 UNION SELECT b.guid FROM new JOIN accounts b ON b.sid = new.key
                 UNION SELECT b.guid FROM new JOIN accounts b ON b.primary_group = substr(new.key, 9)
                       WHERE new.key LIKE 'primary %')
             AND NOT EXISTS (SELECT 1 FROM group_members m WHERE m.root = ?1
                 AND m.key IN (a.guid, a.sid, 'primary ' || a.primary_group))",
        )?;
        let left = counted(
            "INSERT INTO moving SELECT guid, person, 0 FROM accounts a WHERE gone IS NULL AND guid IN (
                 WITH old (key) AS (SELECT key FROM group_members m WHERE m.root = ?1 AND NOT EXISTS (
                     SELECT 1 FROM flat WHERE flat.key = m.key))
                 SELECT b.guid FROM old JOIN accounts b ON b.guid = old.key
                 UNION SELECT b.guid FROM old JOIN accounts b ON b.sid = old.key
                 UNION SELECT b.guid FROM old JOIN accounts b ON b.primary_group = substr(old.key, 9)
                       WHERE old.key LIKE 'primary %')
             AND NOT EXISTS (SELECT 1 FROM flat WHERE flat.key IN (a.guid, a.sid, 'primary ' || a.primary_group))",
        )?;
        Ok((joined, left))
    }

    /// Takes what was found as who is in it: all of it, or of a suspicious reading those who came.
    fn believe(&self, db: &Connection, few: bool, now: Timestamp) -> Result<(), StoreError> {
        db.execute("INSERT OR IGNORE INTO group_members (key, root) SELECT key, ?1 FROM flat", [&self.dn])?;
        if !few {
            let sql = "DELETE FROM group_members WHERE root = ?1 AND key NOT IN (SELECT key FROM flat)";
            db.execute(sql, [&self.dn])?;
        }
        if !self.known {
            // Whom the first reading shows is judged with everybody else: the rules mean somebody else from now on.
            db.execute("UPDATE directory_groups SET read = ?2 WHERE dn = ?1", params![self.dn, millis(now)])?;
            return Ok(());
        }
        let name = self.name.as_ref().unwrap_or(&self.dn);
        let sql = "SELECT DISTINCT person, joined FROM moving WHERE joined = 1 OR NOT ?1 ORDER BY person";
        let moves = collect(db, sql, [few], |row| Ok((PersonId(row.get("person")?), row.get::<_, bool>("joined")?)))?;
        for (person, joined) in moves {
            let what = if joined { "joined" } else { "left" };
            moved(db, person, json!({ what: name, "group": self.dn }), now)?;
        }
        Ok(())
    }
}

/// Live accounts among those found.
const MET: &str = "SELECT count(*) FROM accounts WHERE gone IS NULL AND guid IN (
    SELECT b.guid FROM flat JOIN accounts b ON b.guid = flat.key
    UNION SELECT b.guid FROM flat JOIN accounts b ON b.sid = flat.key
    UNION SELECT b.guid FROM flat JOIN accounts b ON b.primary_group = substr(flat.key, 9)
          WHERE flat.key LIKE 'primary %')";

/// The group and all groups within it, whatever circles they make.
fn reach(db: &Connection, root: &str) -> Result<(), StoreError> {
    db.execute("DELETE FROM reach", [])?;
    db.execute(
        "INSERT INTO reach WITH RECURSIVE nest (guid) AS (
             SELECT ?1
             UNION SELECT e.child FROM nest JOIN group_edges e ON e.parent = nest.guid AND e.gone IS NULL
                   JOIN group_nodes n ON n.guid = e.child)
         SELECT guid FROM nest",
        [root],
    )?;
    Ok(())
}

/// Who is in the groups that were reached.
fn flatten(db: &Connection) -> Result<(), StoreError> {
    db.execute("DELETE FROM flat", [])?;
    db.execute(
        "INSERT OR IGNORE INTO flat
         SELECT coalesce(e.foreigner, e.child) FROM reach JOIN group_edges e ON e.parent = reach.guid AND e.gone IS NULL
         WHERE NOT EXISTS (SELECT 1 FROM reach nest WHERE nest.guid = e.child)
         UNION SELECT 'primary ' || n.sid FROM reach JOIN group_nodes n ON n.guid = reach.guid WHERE n.sid IS NOT NULL",
        [],
    )?;
    Ok(())
}

/// Forgets groups that lie within none that rules name any more, of whatever domain.
fn prune(db: &Connection) -> Result<(), StoreError> {
    db.execute(
        "DELETE FROM group_nodes WHERE guid NOT IN (
             WITH RECURSIVE nest (guid) AS (
                 SELECT guid FROM directory_groups WHERE guid IS NOT NULL
                 UNION SELECT e.child FROM nest JOIN group_edges e ON e.parent = nest.guid AND e.gone IS NULL
                       JOIN group_nodes n ON n.guid = e.child)
             SELECT guid FROM nest)",
        [],
    )?;
    strangers::prune(db)
}

/// There is news of objects: has those of them read again that are groups which matter, unless it is that of which they were
/// read already. What a deletion did to the groups
/// above moves no USN of theirs.
pub(super) fn notice(
    db: &Connection,
    domain: &str,
    changed: &[(ObjectGuid, i64)],
    deleted: impl Iterator<Item = ObjectGuid>,
) -> Result<(), StoreError> {
    let mut stranger = false;
    for (guid, usn) in changed {
        let sql = "SELECT coalesce(usn < ?2, 1) FROM group_nodes WHERE guid = ?1";
        let news = db.prepare_cached(sql)?.query_row(params![guid.to_string(), usn], |row| row.get(0)).optional()?;
        if news == Some(true) {
            db.prepare_cached("UPDATE group_nodes SET due = 0 WHERE guid = ?1")?.execute([guid.to_string()])?;
            db.prepare_cached("UPDATE directory_groups SET due = 0 WHERE guid = ?1")?.execute([guid.to_string()])?;
        }
        if news.is_none() {
            stranger = true;
            strangers::notice(db, *guid)?;
        }
    }
    if stranger {
        // It may be one that was looked for in vain, or have taken the place of one that moved away.
        db.prepare_cached(
            "UPDATE directory_groups SET due = 0 WHERE (away = 1 OR lookup IS NOT NULL)
             AND domain = (SELECT name FROM domains WHERE guid = ?1)",
        )?
        .execute([domain])?;
    }
    for guid in deleted {
        db.prepare_cached("UPDATE directory_groups SET due = 0 WHERE guid = ?1")?.execute([guid.to_string()])?;
        let known = db.prepare_cached("UPDATE group_nodes SET due = 0 WHERE guid = ?1")?.execute([guid.to_string()])?;
        if known > 0 {
            reread_around(db, guid)?;
        }
    }
    Ok(())
}

/// Has the groups read again that an object is or was in.
pub(super) fn reread_around(db: &Connection, guid: ObjectGuid) -> Result<(), StoreError> {
    db.prepare_cached(
        "UPDATE group_nodes SET due = 0 WHERE guid IN (SELECT parent FROM group_edges WHERE child = ?1)",
    )?
    .execute([guid.to_string()])?;
    Ok(())
}

/// Has all groups of a domain read again.
pub(super) fn reread_all(db: &Connection, domain: &str) -> Result<(), StoreError> {
    db.execute("UPDATE group_nodes SET due = 0 WHERE domain = ?1", [domain])?;
    db.execute(
        "UPDATE directory_groups SET due = 0 WHERE domain = (SELECT name FROM domains WHERE guid = ?1)",
        [domain],
    )?;
    strangers::ask_again(db, domain)
}
