//! What is to be read of a domain beside its accounts: groups that rules name, with those within them, and what is below
//! containers that moved.

use jiff::{SignedDuration, Timestamp};
use rusqlite::{Connection, OptionalExtension as _, params};
use uuid::Uuid;

use super::rows::{collect, json, maybe_time, millis, named, named_maybe, unjson};
use super::{Store, StoreError, strangers};
use crate::model::account::Container;
use crate::model::dn::{self, Dn};
use crate::model::group::{Found, GroupFault, GroupNode, Member};
use crate::model::identity::ObjectGuid;

/// What failed is tried again, and what was not found looked for, after this.
pub(super) const AGAIN: SignedDuration = SignedDuration::from_mins(5);
/// For so long it is remembered who left a group: a controller that stands in may not know of it yet, and who is brought
/// back from deletion may be in it again.
const REMEMBERED: SignedDuration = SignedDuration::from_hours(7 * 24);

/// One thing to read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Errand {
    /// All that is below a container which stands elsewhere by now.
    Below(ObjectGuid),
    /// Where a group is that rules name.
    Find {
        /// What the configuration says.
        dn: Dn,
        /// Which group that was when it was found.
        meant: Option<ObjectGuid>,
    },
    /// Which of these members of groups of other domains are groups of this one.
    Ask(Vec<ObjectGuid>),
    /// Who is in a group.
    Walk(ObjectGuid),
    /// Nothing: all was read, and what it comes to is to be settled.
    Settle,
}

impl Store {
    /// What is to be read next in a domain with the controller whose word is content.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn errand(&self, domain: Uuid, ntds: &str, now: Timestamp) -> Result<Option<Errand>, StoreError> {
        let (domain, ntds) = (domain.to_string(), ntds.to_owned());
        self.read(move |db| {
            let moves = "SELECT guid FROM container_moves WHERE domain = ?1 AND ntds = ?2 LIMIT 1";
            if let Some(guid) = first(db, moves, params![domain, ntds])? {
                return Ok(Some(Errand::Below(guid)));
            }
            let roots = "SELECT dn, guid FROM directory_groups WHERE due <= ?2
                         AND domain = (SELECT name FROM domains WHERE guid = ?1) ORDER BY dn LIMIT 1";
            let found = collect(db, roots, params![domain, millis(now)], |row| {
                let dn: String = row.get("dn")?;
                let meant = named_maybe(row, "guid")?;
                Ok(Errand::Find { dn: Dn::parse(&dn).ok_or(StoreError::Row(dn))?, meant })
            })?;
            if let Some(found) = found.into_iter().next() {
                return Ok(Some(found));
            }
            let strangers = strangers::due(db, &domain, now)?;
            if !strangers.is_empty() {
                return Ok(Some(Errand::Ask(strangers)));
            }
            let nodes = "SELECT guid FROM group_nodes WHERE domain = ?1 AND due <= ?2 ORDER BY due, guid LIMIT 1";
            if let Some(guid) = first(db, nodes, params![domain, millis(now)])? {
                return Ok(Some(Errand::Walk(guid)));
            }
            let unsettled = "SELECT 1 FROM directory_groups WHERE unsettled = 1
                             AND domain = (SELECT name FROM domains WHERE guid = ?1)";
            Ok(db.prepare_cached(unsettled)?.exists([&domain])?.then_some(Errand::Settle))
        })
        .await
    }

    /// When there is something to read; `None` until there is news.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn next_errand(&self, domain: Uuid, ntds: &str) -> Result<Option<Timestamp>, StoreError> {
        let (domain, ntds) = (domain.to_string(), ntds.to_owned());
        self.read(move |db| {
            let sql = "SELECT min(at) AS at FROM (
                SELECT 0 AS at FROM container_moves WHERE domain = ?1 AND ntds = ?2
                UNION ALL SELECT due FROM group_nodes WHERE domain = ?1 AND due IS NOT NULL
                UNION ALL SELECT due FROM group_strangers
                    WHERE due IS NOT NULL AND domain = (SELECT name FROM domains WHERE guid = ?1)
                UNION ALL SELECT CASE WHEN unsettled = 1 THEN 0 ELSE due END FROM directory_groups
                    WHERE (due IS NOT NULL OR unsettled = 1) AND domain = (SELECT name FROM domains WHERE guid = ?1))";
            Ok(collect(db, sql, params![domain, ntds], |row| maybe_time(row, "at"))?.into_iter().next().flatten())
        })
        .await
    }

    /// Takes in what stands where a rule names a group, and what became of the group it meant. Returns the group's name and
    /// what is wrong since now.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn put_found(
        &self,
        domain: Uuid,
        dn: Dn,
        meant: Option<Found>,
        there: Found,
        now: Timestamp,
    ) -> Result<Option<(String, GroupFault)>, StoreError> {
        self.write(move |tx| {
            let key = dn.normal();
            let sql = "SELECT guid, name, lookup FROM directory_groups WHERE dn = ?1";
            let known = collect(tx, sql, [&key], |row| {
                let lookup = row.get::<_, Option<String>>("lookup")?.as_deref().map(unjson).transpose()?;
                Ok((named_maybe(row, "guid")?, row.get::<_, Option<String>>("name")?, lookup))
            })?;
            let Some((bound, name, before)) = known.into_iter().next() else { return Ok(None) };
            let bound: Option<ObjectGuid> = bound;
            let (node, lookup) = located(bound, meant, there);
            if let Some(node) = &node {
                let fresh = put_node(tx, domain, node)?;
                tx.execute(
                    "UPDATE directory_groups SET guid = ?2, unsettled = max(unsettled, ?3) WHERE dn = ?1",
                    params![key, node.guid.to_string(), fresh || bound.is_none()],
                )?;
            }
            let away = node.as_ref().is_some_and(|node| Dn::parse(&node.dn).as_ref() != Some(&dn));
            let name = node.map(|node| dn::leaf(&node.dn)).or(name);
            let due = lookup.is_some().then(|| now.checked_add(AGAIN).unwrap_or(Timestamp::MAX)).map(millis);
            tx.execute(
                "UPDATE directory_groups SET name = ?2, lookup = ?3, due = ?4, away = ?5 WHERE dn = ?1",
                params![key, name, lookup.as_ref().map(json).transpose()?, due, away],
            )?;
            let news = lookup.filter(|lookup| before.as_ref() != Some(lookup));
            Ok(news.map(|fault| (name.unwrap_or(key), fault)))
        })
        .await
    }

    /// Begins to read who is in a group.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn begin_walk(&self, group: ObjectGuid) -> Result<(), StoreError> {
        self.write(move |tx| {
            tx.execute("DELETE FROM group_walk WHERE parent = ?1", [group.to_string()])?;
            Ok(())
        })
        .await
    }

    /// Keeps members that were met. Nothing is concluded from them before all were.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn met_members(&self, group: ObjectGuid, members: Vec<Member>) -> Result<(), StoreError> {
        self.write(move |tx| {
            for member in &members {
                tx.prepare_cached(
                    "INSERT OR IGNORE INTO group_walk (parent, child, foreigner, domain) VALUES (?1, ?2, ?3, ?4)",
                )?
                .execute(params![
                    group.to_string(),
                    member.guid.to_string(),
                    member.foreign.as_ref().map(|sid| sid.as_str()),
                    member.domain,
                ])?;
            }
            Ok(())
        })
        .await
    }

    /// Takes in a group that was read to its end, with the groups that are members of it. A controller that stands in for
    /// another brings nobody back who had left, until it shows a newer write to the group.
    ///
    /// # Errors
    /// When the store fails; then nothing of it is kept.
    pub async fn finish_walk(
        &self,
        domain: Uuid,
        group: GroupNode,
        within: Vec<GroupNode>,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        self.write(move |tx| {
            let parent = group.guid.to_string();
            let guarded: Option<i64> =
                tx.query_row("SELECT guarded FROM domains WHERE guid = ?1", [domain.to_string()], |row| row.get(0))?;
            let stands_in = guarded.is_some_and(|guarded| group.usn_changed <= guarded);
            let mut changed = put_node(tx, domain, &group)?;
            for node in &within {
                changed |= put_node(tx, domain, node)?;
            }
            changed |= merge(tx, &parent, stands_in, now)? > 0;
            changed |= strangers::keep(tx, &parent)?;
            // A group that was a member and is not shown as a group any more is looked at by itself.
            tx.execute(
                "UPDATE group_nodes SET due = 0 WHERE domain = ?2 AND due IS NULL AND guid IN (
                     SELECT child FROM group_edges WHERE parent = ?1 AND gone IS NULL)
                 AND guid NOT IN (SELECT value FROM json_each(?3))",
                params![parent, domain.to_string(), json(&within.iter().map(|node| node.guid).collect::<Vec<_>>())?],
            )?;
            changed |= tx.execute(
                "UPDATE group_nodes SET walked = 1, fault = NULL WHERE guid = ?1 AND (walked = 0 OR fault IS NOT NULL)",
                [&parent],
            )? > 0;
            let sql = "UPDATE group_nodes SET due = NULL, usn = ?2 WHERE guid = ?1";
            tx.execute(sql, params![parent, group.usn_changed])?;
            tx.execute("DELETE FROM group_walk WHERE parent = ?1", [&parent])?;
            if changed { unsettle(tx, domain, group.guid) } else { Ok(()) }
        })
        .await
    }

    /// Notes that a group could not be read to its end: what is known of it stays, and it is tried again.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn break_walk(
        &self,
        domain: Uuid,
        group: ObjectGuid,
        why: String,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        self.write(move |tx| {
            let again = now.checked_add(AGAIN).unwrap_or(Timestamp::MAX);
            tx.execute("DELETE FROM group_walk WHERE parent = ?1", [group.to_string()])?;
            tx.execute(
                "UPDATE group_nodes SET fault = ?2, due = ?3 WHERE guid = ?1",
                params![group.to_string(), why, millis(again)],
            )?;
            unsettle(tx, domain, group)
        })
        .await
    }

    /// Notes that all that is below a container was read.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn finish_below(&self, domain: Uuid, container: ObjectGuid) -> Result<(), StoreError> {
        self.write(move |tx| {
            let sql = "DELETE FROM container_moves WHERE domain = ?1 AND guid = ?2";
            tx.execute(sql, params![domain.to_string(), container.to_string()])?;
            Ok(())
        })
        .await
    }
}

/// The first GUID of an answer.
fn first(db: &Connection, sql: &str, parameters: impl rusqlite::Params) -> Result<Option<ObjectGuid>, StoreError> {
    Ok(collect(db, sql, parameters, |row| named(row, "guid"))?.into_iter().next())
}

/// Which group is meant, and what is wrong with where it is.
fn located(bound: Option<ObjectGuid>, meant: Option<Found>, there: Found) -> (Option<GroupNode>, Option<GroupFault>) {
    let Some(guid) = bound else {
        return match there {
            Found::Group(node) => (Some(node), None),
            Found::Other { .. } => (None, Some(GroupFault::NoGroup)),
            Found::Nothing => (None, Some(GroupFault::Missing)),
        };
    };
    let node = if let Some(Found::Group(node)) = meant { Some(node) } else { None };
    let other = match there {
        Found::Group(GroupNode { guid: other, .. }) | Found::Other { guid: other, .. } => Some(other),
        Found::Nothing => None,
    };
    let fault = match (&node, other.filter(|other| *other != guid)) {
        (_, Some(other)) => {
            Some(GroupFault::Replaced { meant: node.as_ref().map(|node| node.dn.clone()), guid, other })
        }
        (None, None) => Some(GroupFault::Missing),
        (Some(_), None) => None,
    };
    (node, fault)
}

/// Keeps where a group is; whether it is new, or what counts of it is. A new one is to be read.
pub(super) fn put_node(db: &Connection, domain: Uuid, node: &GroupNode) -> Result<bool, StoreError> {
    let (guid, sid) = (node.guid.to_string(), node.sid.as_ref().map(|sid| sid.as_str()));
    let known: Option<(String, Option<String>)> = db
        .prepare_cached("SELECT dn, sid FROM group_nodes WHERE guid = ?1")?
        .query_row([&guid], |row| Ok((row.get(0)?, row.get(1)?)))
        .optional()?;
    let same_sid = known.as_ref().is_some_and(|known| known.1.as_deref() == sid);
    if known.as_ref().is_none_or(|known| known.0 != node.dn || !same_sid) {
        db.prepare_cached(
            "INSERT INTO group_nodes (guid, domain, dn, sid, due) VALUES (?1, ?2, ?3, ?4, 0)
             ON CONFLICT (guid) DO UPDATE SET domain = ?2, dn = ?3, sid = ?4",
        )?
        .execute(params![guid, domain.to_string(), node.dn, sid])?;
    }
    Ok(!same_sid)
}

/// Brings the members of a group in line with those met; how many are different.
fn merge(db: &Connection, parent: &str, stands_in: bool, now: Timestamp) -> Result<usize, StoreError> {
    let forgotten = now.checked_sub(REMEMBERED).unwrap_or(Timestamp::MIN);
    db.execute("DELETE FROM group_edges WHERE parent = ?1 AND gone < ?2", params![parent, millis(forgotten)])?;
    let left = db.execute(
        "UPDATE group_edges SET gone = ?2 WHERE parent = ?1 AND gone IS NULL
         AND child NOT IN (SELECT child FROM group_walk WHERE parent = ?1)",
        params![parent, millis(now)],
    )?;
    let back = match stands_in {
        true => 0,
        false => db.execute(
            "UPDATE group_edges SET gone = NULL WHERE parent = ?1 AND gone IS NOT NULL
             AND child IN (SELECT child FROM group_walk WHERE parent = ?1)",
            [parent],
        )?,
    };
    let new = db.execute(
        "INSERT OR IGNORE INTO group_edges (parent, child, foreigner)
         SELECT parent, child, foreigner FROM group_walk WHERE parent = ?1",
        [parent],
    )?;
    Ok(left + back + new)
}

/// Something is different about a group: has those that rules name settled anew, of its domain and what it lies within.
pub(super) fn unsettle(db: &Connection, domain: Uuid, group: ObjectGuid) -> Result<(), StoreError> {
    strangers::unsettle_above(db, group)?;
    db.execute(
        "UPDATE directory_groups SET unsettled = 1 WHERE domain = (SELECT name FROM domains WHERE guid = ?1)",
        [domain.to_string()],
    )?;
    Ok(())
}

/// Keeps where containers stand that were read together with what is below them.
pub(super) fn place(db: &Connection, domain: &str, containers: &[Container]) -> Result<(), StoreError> {
    for container in containers {
        db.prepare_cached(
            "INSERT INTO containers (guid, domain, dn, generation)
             VALUES (?1, ?2, ?3, (SELECT generation FROM domains WHERE guid = ?2))
             ON CONFLICT (guid) DO UPDATE SET domain = ?2, dn = ?3, generation = excluded.generation
             WHERE dn <> ?3 OR domain <> ?2 OR containers.generation <> excluded.generation",
        )?
        .execute(params![container.guid.to_string(), domain, container.dn])?;
    }
    Ok(())
}

/// Notes which of the containers that a controller showed stand elsewhere by now. With news of content goes what any other
/// had shown of the same.
pub(super) fn moved(
    db: &Connection,
    domain: &str,
    ntds: Option<&str>,
    containers: &[Container],
) -> Result<(), StoreError> {
    for container in containers {
        let guid = container.guid.to_string();
        let known: Option<String> = db
            .prepare_cached("SELECT dn FROM containers WHERE guid = ?1")?
            .query_row([&guid], |row| row.get(0))
            .optional()?;
        let news = known.map_or(container.inside, |known| known != container.dn);
        if ntds.is_none() {
            db.prepare_cached("DELETE FROM container_moves WHERE domain = ?1 AND guid = ?2")?
                .execute([domain, &guid])?;
        }
        if news {
            db.prepare_cached(
                "INSERT OR IGNORE INTO container_moves (domain, ntds, guid)
                 SELECT ?1, coalesce(?2, content), ?3 FROM domains WHERE guid = ?1 AND coalesce(?2, content) IS NOT NULL",
            )?
            .execute(params![domain, ntds, guid])?;
        }
    }
    Ok(())
}
