//! What one domain controller holds: its own counter, its own uSNs, its own idea of when.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::RangeInclusive;
use std::sync::Arc;

use super::dn::{self, Rdn};
use super::object::{Life, Object};
use super::schema::Class;
use super::{Guid, ObjectId};

/// An object with what this domain controller alone knows of it. None of this replicates.
#[derive(Debug, Clone)]
pub struct Slot {
    /// The version it has.
    pub object: Arc<Object>,
    /// Its uSNCreated here.
    pub usn_created: u64,
    /// Its uSNChanged here.
    pub usn_changed: u64,
    /// Seconds since 1970 at which this domain controller last wrote it.
    pub when_changed: i64,
}

/// The database of one domain controller. Versions are shared, so a clone of it is a cheap backup.
#[derive(Debug, Clone)]
pub struct Replica {
    /// The host's name, without the domain.
    pub host: String,
    /// Names this database's line of uSNs; another after a restore (MS-ADTS 3.1.1.1.9).
    pub invocation_id: Guid,
    /// highestCommittedUSN.
    pub usn: u64,
    /// Whether a replication cycle has finished since the start.
    pub synchronized: bool,
    /// Its NTDS Settings.
    pub ntds: ObjectId,
    slots: Vec<Option<Slot>>,
    by_usn: BTreeMap<u64, ObjectId>,
    holders: BTreeSet<ObjectId>,
    rare: BTreeMap<Class, BTreeSet<ObjectId>>,
    seen: BTreeMap<Guid, u64>,
}

impl Replica {
    /// An empty database.
    pub fn new(host: &str, invocation_id: Guid) -> Replica {
        Replica {
            host: host.to_owned(),
            invocation_id,
            usn: 12_288,
            synchronized: true,
            ntds: ObjectId(0),
            slots: Vec::new(),
            by_usn: BTreeMap::new(),
            holders: BTreeSet::new(),
            rare: BTreeMap::new(),
            seen: BTreeMap::new(),
        }
    }

    /// The object, if this domain controller has it.
    pub fn get(&self, id: ObjectId) -> Option<&Slot> {
        self.slots.get(id.0 as usize)?.as_ref()
    }

    /// Writes a version, originating or replicated in: either way the local counter moves.
    pub fn apply(&mut self, id: ObjectId, object: Arc<Object>, now: i64) {
        self.usn += 1;
        let place = id.0 as usize;
        if self.slots.len() <= place {
            self.slots.resize_with(place + 1, || None);
        }
        let before = self.slots[place].as_ref().map(|slot| (slot.usn_created, slot.usn_changed));
        if let Some((_, changed)) = before {
            self.by_usn.remove(&changed);
        }
        if object.class.holds_others() {
            self.holders.insert(id);
        }
        if object.class != Class::User {
            self.rare.entry(object.class).or_default().insert(id);
        }
        let usn_created = before.map_or(self.usn, |(created, _)| created);
        self.slots[place] = Some(Slot { object, usn_created, usn_changed: self.usn, when_changed: now });
        self.by_usn.insert(self.usn, id);
    }

    /// Forgets an object altogether, as garbage collection does. No uSN tells of it.
    pub fn forget(&mut self, id: ObjectId) {
        if let Some(slot) = self.slots.get_mut(id.0 as usize).and_then(Option::take) {
            self.by_usn.remove(&slot.usn_changed);
            self.holders.remove(&id);
            if let Some(ids) = self.rare.get_mut(&slot.object.class) {
                ids.remove(&id);
            }
        }
    }

    /// Brings over everything the other has written since last time and this one has not, or has older.
    pub fn pull(&mut self, from: &Replica, now: i64) {
        let start = self.seen.get(&from.invocation_id).map_or(0, |usn| usn + 1);
        for id in from.by_usn.range(start..).map(|(_, id)| *id) {
            let Some(theirs) = from.get(id) else { continue };
            if self.get(id).is_none_or(|ours| ours.object.edition < theirs.object.edition) {
                self.apply(id, Arc::clone(&theirs.object), now);
            }
        }
        self.seen.insert(from.invocation_id, from.usn);
    }

    /// Ids from one on, in the order of creation.
    pub fn from_id(&self, start: u64) -> impl Iterator<Item = (u64, ObjectId)> {
        let start = usize::try_from(start).unwrap_or(usize::MAX).min(self.slots.len());
        let slots = self.slots[start..].iter().enumerate();
        slots.filter(|(_, slot)| slot.is_some()).map(move |(offset, _)| {
            let place = start + offset;
            (place as u64, ObjectId(place as u32))
        })
    }

    /// Ids by uSNChanged. This is the index: its cost is what has changed, not what there is.
    pub fn by_usn(&self, range: RangeInclusive<u64>) -> impl Iterator<Item = (u64, ObjectId)> {
        let range = if range.is_empty() { 0..=0 } else { range };
        self.by_usn.range(range).map(|(usn, id)| (*usn, *id))
    }

    /// All objects.
    pub fn iter(&self) -> impl Iterator<Item = (ObjectId, &Slot)> {
        self.slots.iter().enumerate().filter_map(|(place, slot)| Some((ObjectId(place as u32), slot.as_ref()?)))
    }

    /// The live objects of exactly that class. Only users are so many that they are looked for one by one.
    pub fn by_class(&self, class: Class) -> Vec<ObjectId> {
        let live = |slot: &Slot| slot.object.life == Life::Live;
        if class != Class::User {
            let ids = self.rare.get(&class).into_iter().flatten();
            return ids.copied().filter(|id| self.get(*id).is_some_and(live)).collect();
        }
        let users = self.iter().filter(|(_, slot)| live(slot) && slot.object.class == class);
        users.map(|(id, _)| id).collect()
    }

    /// The DN of an object as it is now, through all its ancestors.
    pub fn dn(&self, id: ObjectId) -> String {
        let mut dn = String::with_capacity(96);
        let mut at = Some(id);
        while let Some(slot) = at.and_then(|id| self.get(id)) {
            if !dn.is_empty() {
                dn.push(',');
            }
            let object = &slot.object;
            at = object.parent;
            if at.is_none() {
                dn.push_str(&object.name);
                continue;
            }
            dn.push_str(object.class.naming());
            dn.push('=');
            dn.push_str(&dn::escape(&object.name));
        }
        dn
    }

    /// The child of that name.
    pub fn child(&self, parent: ObjectId, rdn: &Rdn) -> Option<ObjectId> {
        let is_it = |slot: &Slot| {
            let object = &slot.object;
            object.parent == Some(parent)
                && object.class.naming().eq_ignore_ascii_case(&rdn.attribute)
                && object.name.to_lowercase() == rdn.value
        };
        let holder = self.holders.iter().find(|id| self.get(**id).is_some_and(is_it));
        holder.copied().or_else(|| self.iter().find(|(_, slot)| is_it(slot)).map(|(id, _)| id))
    }

    /// Whether an object is another, or hangs anywhere below it.
    pub fn is_within(&self, id: ObjectId, base: ObjectId) -> bool {
        let mut at = Some(id);
        while let Some(id) = at {
            if id == base {
                return true;
            }
            at = self.get(id).and_then(|slot| slot.object.parent);
        }
        false
    }
}
