//! Groups that rules name: who is in them, and what is wrong with them.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension as _, params};
use serde::Serialize;
use serde_json::json;

use super::audit::{AuditKind, Entry, append};
use super::rows::{collect, json, maybe_time, millis, named, unjson};
use super::{Store, StoreError, link, membership};
use crate::model::group::{GroupFault, GroupReading, GroupState, ScopeGroup};
use crate::model::identity::{GroupId, PersonId, UserId};
use crate::model::shrink::is_shrunk;

/// By what the membership of an account is known: `primary` is the group that `primaryGroupID` names.
pub(super) const OF_PERSON: &str = "
    SELECT m.group_id FROM users u JOIN scope_members m ON m.user = u.id WHERE u.person = ?1 AND u.removed IS NULL
    UNION SELECT m.root FROM accounts a JOIN group_members m ON m.key = a.guid WHERE a.person = ?1 AND a.gone IS NULL
    UNION SELECT m.root FROM accounts a JOIN group_members m ON m.key = a.sid WHERE a.person = ?1 AND a.gone IS NULL
    UNION SELECT m.root FROM accounts a JOIN group_members m ON m.key = 'primary ' || a.primary_group
          WHERE a.person = ?1 AND a.gone IS NULL";

const STATES: &str = "
    SELECT id, read, fault FROM scope_groups
    UNION ALL SELECT dn AS id, read, coalesce(lookup, fault) AS fault FROM directory_groups";

/// What a reading of a group came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GroupEnd {
    /// Nothing is different, and nothing was written.
    Same,
    /// Its members are known for the first time: no event for any of them.
    First {
        /// How many.
        members: u64,
    },
    /// Members came or left.
    Changed {
        /// How many came.
        joined: u64,
        /// How many left.
        left: u64,
    },
    /// It met so much less than was known that nobody is taken as having left. Said when the numbers are news.
    Shrunk {
        /// How many members it met.
        met: u64,
        /// How many known ones it did not.
        missing: u64,
    },
    /// The group is not there, or its members are hidden.
    Unusable,
}

/// A group that rules name, in the state at a glance.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct GroupLine {
    /// Which.
    pub id: ScopeGroup,
    /// Its name, once it was read.
    pub name: Option<String>,
    /// When it was read to its end for the first time.
    pub read: Option<Timestamp>,
    /// Users in it.
    pub members: u64,
    /// What is wrong with it.
    pub fault: Option<GroupFault>,
}

/// What is stored of a group.
struct Known {
    name: Option<String>,
    read: Option<Timestamp>,
    fault: Option<GroupFault>,
    members: BTreeSet<UserId>,
}

impl Store {
    /// Follows these groups: forgets all others, so that one that is named again later is read anew.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn follow_groups(&self, groups: BTreeSet<GroupId>) -> Result<(), StoreError> {
        let stored: BTreeSet<GroupId> = self
            .read(|db| collect(db, "SELECT id FROM scope_groups", [], |row| named(row, "id")))
            .await?
            .into_iter()
            .collect();
        if stored.is_subset(&groups) {
            return Ok(());
        }
        self.write(move |tx| {
            for group in stored.difference(&groups) {
                tx.execute("DELETE FROM scope_groups WHERE id = ?1", [group.to_string()])?;
            }
            Ok(())
        })
        .await
    }

    /// What rules can make of each group that was asked for.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn group_states(&self) -> Result<BTreeMap<ScopeGroup, GroupState>, StoreError> {
        self.read(|db| {
            let rows = collect(db, STATES, [], |row| {
                let fault = row.get::<_, Option<String>>("fault")?.as_deref().map(unjson).transpose()?;
                Ok((named(row, "id")?, GroupState::of(maybe_time(row, "read")?, fault.as_ref())))
            })?;
            Ok(rows.into_iter().collect())
        })
        .await
    }

    /// Takes a reading of a group in, whole or not at all. Of a complete one that met far less than was known only those who
    /// came are believed, unless `shrink_percent` is 100. Writes nothing when nothing is different.
    ///
    /// # Errors
    /// When the store fails; then nothing of it is kept.
    pub async fn absorb_group(
        &self,
        id: GroupId,
        reading: GroupReading,
        shrink_percent: u32,
        now: Timestamp,
    ) -> Result<GroupEnd, StoreError> {
        let (next, end) = {
            let known = self.read(move |db| known(db, id)).await?;
            decide(&known, &reading, shrink_percent, now)
        };
        let Some(next) = next else { return Ok(end) };
        self.write(move |tx| {
            let before = known(tx, id)?;
            put(tx, id, &before, &next, now)?;
            Ok(end)
        })
        .await
    }
}

fn known(db: &Connection, id: GroupId) -> Result<Known, StoreError> {
    let found = collect(db, "SELECT name, read, fault FROM scope_groups WHERE id = ?1", [id.to_string()], |row| {
        let fault = row.get::<_, Option<String>>("fault")?.as_deref().map(unjson).transpose()?;
        Ok((row.get("name")?, maybe_time(row, "read")?, fault))
    })?;
    let (name, read, fault) = found.into_iter().next().unwrap_or_default();
    let members = "SELECT user FROM scope_members WHERE group_id = ?1";
    let members = collect(db, members, [id.to_string()], |row| named(row, "user"))?.into_iter().collect();
    Ok(Known { name, read, fault, members })
}

/// What is to be stored, if anything is different, and what that means.
fn decide(known: &Known, reading: &GroupReading, percent: u32, now: Timestamp) -> (Option<Known>, GroupEnd) {
    let faulty = |name: Option<&String>, fault: GroupFault| {
        let (name, members) = (name.or(known.name.as_ref()).cloned(), known.members.clone());
        if known.fault.as_ref() == Some(&fault) && known.name == name {
            return (None, GroupEnd::Unusable);
        }
        (Some(Known { name, read: known.read, fault: Some(fault), members }), GroupEnd::Unusable)
    };
    let (name, met) = match reading {
        GroupReading::Missing => return faulty(None, GroupFault::Missing),
        GroupReading::Hidden { name } if known.read.is_none() => return faulty(Some(name), GroupFault::Hidden),
        GroupReading::Hidden { name } => (name, &BTreeSet::new()),
        GroupReading::Complete { name, members } => (name, members),
    };
    let hidden = matches!(reading, GroupReading::Hidden { .. });
    let (joined, missing) =
        (met.difference(&known.members).count() as u64, known.members.difference(met).count() as u64);
    let few = hidden || percent < 100 && is_shrunk(met.len() as u64, missing, percent);
    let fault = few.then_some(GroupFault::Shrunk { met: met.len() as u64, missing });
    let members = if few { known.members.union(met).copied().collect() } else { met.clone() };
    let news = known.fault != fault;
    let same = known.read.is_some() && known.name.as_ref() == Some(name) && !news && members == known.members;
    let end = match (known.read, fault.is_some()) {
        (None, _) => GroupEnd::First { members: met.len() as u64 },
        (Some(_), true) if news => GroupEnd::Shrunk { met: met.len() as u64, missing },
        (Some(_), false) if joined + missing > 0 => GroupEnd::Changed { joined, left: missing },
        (Some(_), true) if joined > 0 => GroupEnd::Changed { joined, left: 0 },
        _ => GroupEnd::Same,
    };
    let read = known.read.or(Some(now));
    ((!same).then(|| Known { name: Some(name.clone()), read, fault, members }), end)
}

fn put(db: &Connection, id: GroupId, before: &Known, next: &Known, now: Timestamp) -> Result<(), StoreError> {
    let key = id.to_string();
    let fault = next.fault.as_ref().map(json).transpose()?;
    db.execute(
        "INSERT INTO scope_groups (id, name, read, fault) VALUES (?1, ?2, ?3, ?4)
         ON CONFLICT (id) DO UPDATE SET name = ?2, read = ?3, fault = ?4",
        params![key, next.name, next.read.map(millis), fault],
    )?;
    // Whom the first reading shows is judged with everybody else, since the rules mean somebody else from now on.
    let silent = before.read.is_none();
    let name = next.name.as_deref().unwrap_or(&key);
    for user in next.members.difference(&before.members) {
        db.prepare_cached("INSERT INTO scope_members (user, group_id) VALUES (?1, ?2)")?
            .execute([&user.to_string(), &key])?;
        if !silent {
            tell(db, *user, json!({ "joined": name, "group": id }), now)?;
        }
    }
    for user in before.members.difference(&next.members) {
        db.prepare_cached("DELETE FROM scope_members WHERE user = ?1 AND group_id = ?2")?
            .execute([&user.to_string(), &key])?;
        tell(db, *user, json!({ "left": name, "group": id }), now)?;
    }
    Ok(())
}

/// Has the person judged again, if there is one, and keeps what happened.
fn tell(db: &Connection, user: UserId, detail: serde_json::Value, now: Timestamp) -> Result<(), StoreError> {
    let person = db
        .prepare_cached("SELECT person FROM users WHERE id = ?1 AND removed IS NULL")?
        .query_row([user.to_string()], |row| row.get(0))
        .optional()?;
    person.map_or(Ok(()), |person| moved(db, PersonId(person), detail, now))
}

/// Has a person who joined or left a group judged again, and keeps what happened.
pub(super) fn moved(
    db: &Connection,
    person: PersonId,
    detail: serde_json::Value,
    now: Timestamp,
) -> Result<(), StoreError> {
    link::touch(db, person)?;
    append(db, now, &Entry::new(AuditKind::Group, detail).about(person))
}

/// The groups that rules name and a person is in.
pub(super) fn of_person(db: &Connection, person: PersonId) -> Result<BTreeSet<ScopeGroup>, StoreError> {
    Ok(collect(db, OF_PERSON, [person.0], |row| named(row, "group_id"))?.into_iter().collect())
}

/// What groups are called, where that is known.
pub(super) fn names(db: &Connection, groups: &BTreeSet<ScopeGroup>) -> Result<Vec<String>, StoreError> {
    let name = |group: &ScopeGroup| {
        let sql =
            "SELECT name FROM scope_groups WHERE id = ?1 UNION ALL SELECT name FROM directory_groups WHERE dn = ?1";
        let found = db.prepare_cached(sql)?.query_row([group.to_string()], |row| row.get::<_, Option<String>>(0));
        Ok(found.optional()?.flatten().unwrap_or_else(|| group.to_string()))
    };
    groups.iter().map(name).collect()
}

pub(super) fn lines(db: &Connection) -> Result<Vec<GroupLine>, StoreError> {
    let sql = format!(
        "SELECT id, name, read, fault, (SELECT count(*) FROM scope_members WHERE group_id = id) AS members
         FROM scope_groups
         UNION ALL SELECT dn, name, read, coalesce(lookup, fault), ({}) FROM directory_groups g ORDER BY name, id",
        membership::COUNT
    );
    collect(db, &sql, [], |row| {
        Ok(GroupLine {
            id: named(row, "id")?,
            name: row.get("name")?,
            read: maybe_time(row, "read")?,
            members: row.get::<_, i64>("members")?.cast_unsigned(),
            fault: row.get::<_, Option<String>>("fault")?.as_deref().map(unjson).transpose()?,
        })
    })
}
