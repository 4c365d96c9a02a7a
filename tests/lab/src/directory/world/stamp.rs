//! Who wrote each part of an object last, and for the how-manieth time: what domain controllers compare when they
//! disagree (MS-ADTS 3.1.1.1.9).

use std::collections::BTreeMap;
use std::sync::Arc;

use super::object::{Life, Object, Packed};
use super::schema::{Attribute, Keeping};
use super::{Guid, ObjectId};

/// The originating write of a part. The larger one wins: version, then time, then the writer's invocationId.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Stamp {
    /// Counts the writes of this part, from 1.
    pub version: u32,
    /// Seconds since 1970 on the writer's clock.
    pub time: i64,
    /// The writer's invocationId.
    pub origin: Guid,
}

impl Stamp {
    fn after(self, origin: Guid, time: i64) -> Stamp {
        Stamp { version: self.version + 1, time, origin }
    }
}

/// What has a stamp of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Part {
    /// Name and parent: AD stamps both as `name`.
    Place,
    /// Whether it is deleted.
    Life,
    /// An attribute.
    Value(Attribute),
}

/// The parts written after the object was created; all others have the stamp of its creation.
pub type Written = Box<[(Part, Stamp)]>;

/// The forward links of an object. Each value has a stamp of its own, and a removed one stays, marked absent.
pub type Links = BTreeMap<ObjectId, Link>;

/// One link value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Link {
    /// Whether it is there.
    pub present: bool,
    /// Its last write.
    pub stamp: Stamp,
}

/// What replication makes of two versions of one object.
pub enum Merged {
    /// Ours has everything.
    Ours,
    /// Theirs has everything.
    Theirs,
    /// Each has something the other has not.
    Both(Box<Object>),
}

impl Object {
    /// The stamp of its creation.
    pub fn created(&self) -> Stamp {
        Stamp { version: 1, time: self.when_created, origin: self.created_by }
    }

    /// The stamp of a part.
    pub fn stamp(&self, part: Part) -> Stamp {
        let own = self.written.iter().find(|(written, _)| *written == part);
        own.map_or_else(|| self.created(), |(_, stamp)| *stamp)
    }

    /// Stamps all that differs from the version before.
    pub fn restamp(&mut self, before: &Object, origin: Guid, time: i64) {
        let mut written: BTreeMap<Part, Stamp> = before.written.iter().copied().collect();
        for part in parts(before, self) {
            if !same(part, before, self) {
                written.insert(part, before.stamp(part).after(origin, time));
            }
        }
        self.written = written.into_iter().collect();
        self.restamp_links(before, origin, time);
    }

    fn restamp_links(&mut self, before: &Object, origin: Guid, time: i64) {
        let (Some(links), old) = (&mut self.links, before.links.as_ref()) else {
            return;
        };
        if old.is_some_and(|old| Arc::ptr_eq(old, links)) {
            return;
        }
        for (id, link) in Arc::make_mut(links) {
            match old.and_then(|old| old.get(id)) {
                Some(old) if old.present == link.present => {}
                Some(old) => link.stamp = old.stamp.after(origin, time),
                None => link.stamp = Stamp { version: 1, time, origin },
            }
        }
    }

    /// Adds or removes a link. `restamp` gives it its stamp.
    pub fn set_link(&mut self, to: ObjectId, present: bool) {
        let stamp = self.created();
        let links = Arc::make_mut(self.links.get_or_insert_default());
        if present || links.contains_key(&to) {
            links.entry(to).or_insert(Link { present, stamp }).present = present;
        }
    }

    /// Where its links lead, the absent ones left out.
    pub fn linked(&self) -> impl Iterator<Item = ObjectId> {
        self.links.iter().flat_map(|links| links.iter()).filter(|(_, link)| link.present).map(|(id, _)| *id)
    }

    /// Leaves what a tombstone keeps.
    pub fn strip(&mut self) {
        self.values = self.values.keeping(|attribute| attribute.keeping() == Keeping::Kept);
        self.links = None;
    }
}

/// Puts two versions together, part by part.
pub fn merge(ours: &Object, theirs: &Object, recycle_bin: bool) -> Merged {
    let (mut newer_here, mut newer_there) = (false, false);
    let mut taken = Vec::new();
    for part in parts(ours, theirs) {
        match ours.stamp(part).cmp(&theirs.stamp(part)) {
            std::cmp::Ordering::Greater => newer_here = true,
            std::cmp::Ordering::Less => {
                newer_there = true;
                taken.push(part);
            }
            std::cmp::Ordering::Equal => {}
        }
    }
    let links = merge_links(ours, theirs, &mut newer_here, &mut newer_there);
    match (newer_here, newer_there) {
        (_, false) => Merged::Ours,
        (false, true) => Merged::Theirs,
        (true, true) => {
            let mut object = ours.clone();
            taken.into_iter().for_each(|part| take(&mut object, part, theirs));
            object.links = links;
            if object.life == Life::Recycled || object.life == Life::Deleted && !recycle_bin {
                object.strip();
            }
            Merged::Both(Box::new(object))
        }
    }
}

fn take(object: &mut Object, part: Part, from: &Object) {
    match part {
        Part::Place => {
            object.parent = from.parent;
            object.name = from.name.clone();
        }
        Part::Life => object.life = from.life,
        Part::Value(attribute) => object.values = object.values.taking(attribute, &from.values),
    }
    let mut written: BTreeMap<Part, Stamp> = object.written.iter().copied().collect();
    written.insert(part, from.stamp(part));
    object.written = written.into_iter().collect();
}

fn merge_links(ours: &Object, theirs: &Object, newer_here: &mut bool, newer_there: &mut bool) -> Option<Arc<Links>> {
    let (Some(our_links), Some(their_links)) = (&ours.links, &theirs.links) else {
        *newer_here |= ours.links.is_some() && theirs.life == Life::Live;
        *newer_there |= theirs.links.is_some() && ours.life == Life::Live;
        return ours.links.clone().or_else(|| theirs.links.clone());
    };
    if Arc::ptr_eq(our_links, their_links) {
        return Some(Arc::clone(our_links));
    }
    let mut merged = Links::clone(our_links);
    *newer_here |= our_links.keys().any(|id| !their_links.contains_key(id));
    for (id, theirs) in their_links.iter() {
        match merged.get(id).map(|ours| ours.stamp.cmp(&theirs.stamp)) {
            Some(std::cmp::Ordering::Greater) => *newer_here = true,
            Some(std::cmp::Ordering::Equal) => {}
            Some(std::cmp::Ordering::Less) | None => {
                *newer_there = true;
                merged.insert(*id, *theirs);
            }
        }
    }
    Some(Arc::new(merged))
}

/// Every part that either version has.
fn parts(one: &Object, other: &Object) -> Vec<Part> {
    let stored = |values: &Packed| values.iter().map(|(attribute, _)| Part::Value(attribute)).collect::<Vec<_>>();
    let mut parts = vec![Part::Place, Part::Life];
    parts.extend(stored(&one.values));
    parts.extend(stored(&other.values));
    parts.extend(one.written.iter().chain(&other.written).map(|(part, _)| *part));
    parts.sort();
    parts.dedup();
    parts
}

fn same(part: Part, one: &Object, other: &Object) -> bool {
    match part {
        Part::Place => (one.parent, &one.name) == (other.parent, &other.name),
        Part::Life => one.life == other.life,
        Part::Value(attribute) => one.values.get(attribute) == other.values.get(attribute),
    }
}
