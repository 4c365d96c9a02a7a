//! What one domain controller holds: its own counter, its own uSNs, its own idea of when.

use std::collections::{BTreeMap, BTreeSet};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::ops::RangeInclusive;
use std::sync::Arc;

use super::dn::{self, Rdn};
use super::object::{Life, Object};
use super::schema::{Attribute, Class};
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
    /// The name of its site.
    pub site: String,
    /// Whether it is a read-only domain controller.
    pub read_only: bool,
    /// What a read-only domain controller does not hold.
    pub filtered: Vec<Attribute>,
    slots: Vec<Option<Slot>>,
    by_usn: BTreeMap<u64, ObjectId>,
    names: BTreeMap<u64, ObjectId>,
    groups_of: BTreeMap<ObjectId, Vec<ObjectId>>,
    rare: BTreeMap<Class, BTreeSet<ObjectId>>,
    seen: BTreeMap<Guid, u64>,
}

impl Replica {
    /// An empty database.
    pub fn new(host: &str, site: &str, invocation_id: Guid) -> Replica {
        Replica {
            host: host.to_owned(),
            invocation_id,
            usn: 12_288,
            synchronized: true,
            ntds: ObjectId(0),
            site: site.to_owned(),
            read_only: false,
            filtered: Vec::new(),
            slots: Vec::new(),
            by_usn: BTreeMap::new(),
            names: BTreeMap::new(),
            groups_of: BTreeMap::new(),
            rare: BTreeMap::new(),
            seen: BTreeMap::new(),
        }
    }

    /// The object, if this domain controller has it.
    pub fn get(&self, id: ObjectId) -> Option<&Slot> {
        self.slots.get(id.0 as usize)?.as_ref()
    }

    /// The object, if this domain controller has it and it is not deleted.
    pub fn live(&self, id: ObjectId) -> Option<&Object> {
        self.get(id).map(|slot| &*slot.object).filter(|object| object.life == Life::Live)
    }

    /// Writes a version, originating or replicated in: either way the local counter moves.
    pub fn apply(&mut self, id: ObjectId, object: Arc<Object>, now: i64) {
        self.usn += 1;
        let place = id.0 as usize;
        if self.slots.len() <= place {
            self.slots.resize_with(place + 1, || None);
        }
        let before = self.slots[place].take();
        let usn_created = before.as_ref().map_or(self.usn, |slot| slot.usn_created);
        if let Some(slot) = &before {
            self.by_usn.remove(&slot.usn_changed);
        }
        self.index(id, before.map(|slot| slot.object), Some(&object));
        self.slots[place] = Some(Slot { object, usn_created, usn_changed: self.usn, when_changed: now });
        self.by_usn.insert(self.usn, id);
    }

    /// Forgets an object altogether, as garbage collection does. No uSN tells of it.
    pub fn forget(&mut self, id: ObjectId) {
        if let Some(slot) = self.slots.get_mut(id.0 as usize).and_then(Option::take) {
            self.by_usn.remove(&slot.usn_changed);
            self.index(id, Some(slot.object), None);
        }
    }

    /// Takes an object out of all groups. This is local upkeep on the deletion of a member: no uSN moves.
    pub fn unlink(&mut self, member: ObjectId) {
        for group in self.groups_of.remove(&member).unwrap_or_default() {
            if let Some(slot) = self.slots.get_mut(group.0 as usize).and_then(Option::as_mut)
                && let Some(links) = &mut Arc::make_mut(&mut slot.object).links
            {
                Arc::make_mut(links).remove(&member);
            }
        }
    }

    fn index(&mut self, id: ObjectId, before: Option<Arc<Object>>, after: Option<&Arc<Object>>) {
        let (old, new) = (before.as_deref().and_then(name_key), after.and_then(|object| name_key(object)));
        if old != new {
            if let Some(old) = old.filter(|old| self.names.get(old) == Some(&id)) {
                self.names.remove(&old);
            }
            new.map(|new| self.names.insert(new, id));
        }
        if let Some(class) = after.map(|object| object.class).filter(|class| *class != Class::User) {
            self.rare.entry(class).or_default().insert(id);
        } else if let Some(ids) = before.as_ref().and_then(|object| self.rare.get_mut(&object.class)) {
            ids.remove(&id);
        }
        self.index_links(id, before.as_deref(), after.map(|object| &**object));
    }

    fn index_links(&mut self, id: ObjectId, before: Option<&Object>, after: Option<&Object>) {
        let (old, new) =
            (before.and_then(|object| object.links.as_ref()), after.and_then(|object| object.links.as_ref()));
        let unchanged = match (old, new) {
            (Some(old), Some(new)) => Arc::ptr_eq(old, new),
            (None, None) => true,
            _ => false,
        };
        if unchanged {
            return;
        }
        let holds = |object: Option<&Object>, member: &ObjectId| {
            object.and_then(|object| object.links.as_ref()?.get(member)).is_some_and(|link| link.present)
        };
        for member in before.into_iter().flat_map(Object::linked).filter(|member| !holds(after, member)) {
            if let Some(groups) = self.groups_of.get_mut(&member) {
                groups.retain(|group| *group != id);
            }
        }
        for member in after.into_iter().flat_map(Object::linked).filter(|member| !holds(before, member)) {
            self.groups_of.entry(member).or_default().push(id);
        }
    }

    /// The uSN up to which another database has been read.
    pub(super) fn seen(&self, invocation_id: Guid) -> u64 {
        self.seen.get(&invocation_id).copied().unwrap_or(0)
    }

    /// Notes that another database has been read up to its counter.
    pub(super) fn note_seen(&mut self, from: &Replica) {
        self.seen.insert(from.invocation_id, from.usn);
    }

    /// The live groups an object is a direct member of. Back links are not stored: no uSN moves with them.
    pub fn groups_of(&self, member: ObjectId) -> impl Iterator<Item = ObjectId> {
        let groups = self.groups_of.get(&member).into_iter().flatten().copied();
        groups.filter(|group| self.live(*group).is_some())
    }

    /// All live groups an object is in, directly or through others, itself left out unless it is in a circle.
    pub fn all_groups_of(&self, member: ObjectId) -> BTreeSet<ObjectId> {
        let (mut found, mut open) = (BTreeSet::new(), vec![member]);
        while let Some(at) = open.pop() {
            open.extend(self.groups_of(at).filter(|group| found.insert(*group)));
        }
        found
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

    /// How many places for objects there are; some may be empty.
    pub fn places(&self) -> usize {
        self.slots.len()
    }

    /// The live objects of exactly that class. Only users are so many that they are looked for one by one.
    pub fn by_class(&self, class: Class) -> Vec<ObjectId> {
        if class != Class::User {
            let ids = self.rare.get(&class).into_iter().flatten();
            return ids.copied().filter(|id| self.live(*id).is_some()).collect();
        }
        let users = self.iter().filter(|(_, slot)| slot.object.life == Life::Live && slot.object.class == class);
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
        let id = self.names.get(&hashed(parent, &rdn.attribute, &rdn.value)).copied()?;
        let object = &self.get(id)?.object;
        let is_it = object.parent == Some(parent)
            && object.class.naming().eq_ignore_ascii_case(&rdn.attribute)
            && object.name.to_lowercase() == rdn.value;
        is_it.then_some(id)
    }

    /// Another object that stands where this one would stand.
    pub fn namesake(&self, id: ObjectId, object: &Object) -> Option<ObjectId> {
        let rdn = Rdn { attribute: object.class.naming().to_ascii_lowercase(), value: object.name.to_lowercase() };
        self.child(object.parent?, &rdn).filter(|other| *other != id)
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

fn name_key(object: &Object) -> Option<u64> {
    let naming = object.class.naming().to_ascii_lowercase();
    object.parent.map(|parent| hashed(parent, &naming, &object.name.to_lowercase()))
}

/// The names of half a million objects take no memory of their own this way; whoever finds one compares it.
fn hashed(parent: ObjectId, naming: &str, name: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    (parent.0, naming, name).hash(&mut hasher);
    hasher.finish()
}
