//! The world: a domain, its objects, and the domain controllers that each hold a copy.
//!
//! Every write happens on one domain controller and makes a new version of an object. That domain controller gives
//! it a uSN of its own; the others do so when the version reaches them. Nothing here knows of sockets.

pub mod account;
mod build;
mod change;
pub mod dn;
mod names;
pub mod object;
mod populate;
pub mod replica;
pub mod schema;
mod sid;
mod view;

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

pub use account::{Account, Change, NewAccount};
pub use change::Location;
use object::{Life, Object};
use replica::Replica;
use schema::Attribute;
pub use sid::{DomainSid, parse as parse_sid};
pub use view::View;

/// An objectGUID or an invocationId. Its bytes on the wire are `to_bytes_le()`.
pub type Guid = uuid::Uuid;

/// The number of an object within the world, the same on every domain controller.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct ObjectId(pub u32);

/// The names of the domain.
#[derive(Debug, Clone)]
pub struct Domain {
    /// Its DN.
    pub base: String,
    /// Its DNS name.
    pub dns: String,
    /// Its NetBIOS name.
    pub netbios: String,
    /// The DN of the configuration.
    pub configuration: String,
    /// Its security identifier.
    pub sid: DomainSid,
}

/// Settings of the forest and of its LDAP policy.
#[derive(Debug, Clone)]
pub struct Policy {
    /// Whether the recycle bin is on: what is deleted then keeps its attributes.
    pub recycle_bin: bool,
    /// Whether the service account lacks the right to see Deleted Objects.
    pub hide_deleted_objects: bool,
    /// Whether the forest has the Exchange schema.
    pub exchange_schema: bool,
    /// MaxPageSize: entries in one answer, paged or not.
    pub max_page_size: usize,
}

/// The objects every domain has.
#[derive(Debug, Clone, Copy)]
pub struct Landmarks {
    /// The domain's head.
    pub domain: ObjectId,
    /// The configuration's head.
    pub configuration: ObjectId,
    /// `CN=Deleted Objects`.
    pub deleted_objects: ObjectId,
    /// `CN=Users`.
    pub users: ObjectId,
    /// `CN=Computers`.
    pub computers: ObjectId,
    /// `OU=Domain Controllers`.
    pub domain_controllers: ObjectId,
}

/// Why a change cannot be made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum WorldError {
    /// No object by that GUID, name or DN.
    NoSuchObject(String),
    /// The account name is taken.
    AlreadyExists(String),
    /// The schema has no such attribute.
    NoSuchAttribute(String),
    /// What was asked for makes no sense here.
    Refused(String),
}

impl fmt::Display for WorldError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            WorldError::NoSuchObject(what) => write!(f, "no such object: {what}"),
            WorldError::AlreadyExists(what) => write!(f, "already exists: {what}"),
            WorldError::NoSuchAttribute(what) => write!(f, "the schema has no attribute {what}"),
            WorldError::Refused(why) => write!(f, "refused: {why}"),
        }
    }
}

impl std::error::Error for WorldError {}

/// A domain controller as it once was, to be restored from.
#[derive(Debug, Clone)]
pub struct Backup(Replica);

/// How a backup comes back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Restoration {
    /// As AD wants it: the database gets another invocationId.
    Proper,
    /// As a disk image does it: same invocationId, uSNs that were already given out are given out again.
    Rollback,
}

/// A domain and its domain controllers.
#[derive(Debug)]
pub struct World {
    /// Names.
    pub domain: Domain,
    /// Settings.
    pub policy: Policy,
    /// Well-known objects.
    pub landmarks: Landmarks,
    dcs: Vec<Replica>,
    ids: BTreeMap<Guid, ObjectId>,
    sams: BTreeMap<Box<str>, ObjectId>,
    rng: fastrand::Rng,
    next_rid: u32,
    edition: u64,
    computers_touched: usize,
}

impl World {
    /// A domain controller's copy.
    ///
    /// # Panics
    /// When there are not that many domain controllers.
    pub fn dc(&self, dc: usize) -> &Replica {
        &self.dcs[dc]
    }

    /// All domain controllers.
    pub fn dcs(&self) -> &[Replica] {
        &self.dcs
    }

    /// Marks a domain controller as (not) having finished a replication cycle since it started.
    pub fn set_synchronized(&mut self, dc: usize, synchronized: bool) {
        self.dcs[dc].synchronized = synchronized;
    }

    /// Gives a domain controller another invocationId and leaves everything else, as a clone of a machine does.
    pub fn set_invocation_id(&mut self, dc: usize, invocation_id: Guid) {
        self.dcs[dc].invocation_id = invocation_id;
    }

    /// Brings one domain controller up to date with another.
    pub fn replicate(&mut self, from: usize, to: usize) {
        let now = now();
        let source = self.dcs[from].clone();
        self.dcs[to].pull(&source, now);
    }

    /// A domain controller as it is now.
    pub fn backup(&self, dc: usize) -> Backup {
        Backup(self.dcs[dc].clone())
    }

    /// Puts a domain controller back to what it was.
    pub fn restore(&mut self, dc: usize, backup: &Backup, how: Restoration) {
        self.dcs[dc] = backup.0.clone();
        if how == Restoration::Proper {
            self.dcs[dc].invocation_id = self.new_guid();
        }
    }

    /// The object with that GUID, wherever it hangs.
    pub fn id_of(&self, guid: Guid) -> Option<ObjectId> {
        self.ids.get(&guid).copied()
    }

    /// The live object with that account name.
    pub fn id_of_sam(&self, sam: &str) -> Option<ObjectId> {
        self.sams.get(sam.to_lowercase().as_str()).copied()
    }

    /// The object with that binary SID.
    pub fn id_of_sid(&self, dc: usize, sid: &[u8]) -> Option<ObjectId> {
        let rid = sid.strip_prefix(self.domain.sid.with(0).get(..24)?)?;
        let rid = u32::from_le_bytes(rid.try_into().ok()?);
        self.dcs[dc].iter().find(|(_, slot)| slot.object.rid == Some(rid)).map(|(id, _)| id)
    }

    /// Everything readable about an object on a domain controller.
    pub fn view(&self, dc: usize, id: ObjectId) -> Option<View<'_>> {
        let slot = self.dcs.get(dc)?.get(id)?;
        Some(View { world: self, dc, id, slot })
    }

    /// Another GUID of this world.
    pub fn new_guid(&mut self) -> Guid {
        uuid::Builder::from_random_bytes(self.rng.u128(..).to_le_bytes()).into_uuid()
    }

    /// Writes a new object.
    fn insert(&mut self, dc: usize, mut object: Object) -> ObjectId {
        let id = ObjectId(u32::try_from(self.ids.len()).expect("fewer objects than a u32 can count"));
        self.ids.insert(object.guid, id);
        if let Some(sam) = object.values.text(Attribute::SamAccountName) {
            self.sams.insert(sam.to_lowercase().into(), id);
        }
        self.edition += 1;
        object.edition = self.edition;
        self.dcs[dc].apply(id, Arc::new(object), now());
        id
    }

    /// Writes another version of an object.
    fn rewrite(&mut self, dc: usize, id: ObjectId, change: impl FnOnce(&mut Object)) -> Result<(), WorldError> {
        let slot = self.dcs[dc].get(id).ok_or_else(|| WorldError::NoSuchObject(format!("{id:?}")))?;
        let mut object = Object::clone(&slot.object);
        let before = sam_key(&object);
        change(&mut object);
        let after = sam_key(&object);
        if before != after {
            if let Some(sam) = before.filter(|sam| self.sams.get(sam.as_str()) == Some(&id)) {
                self.sams.remove(sam.as_str());
            }
            if let Some(sam) = after {
                self.sams.insert(sam.into(), id);
            }
        }
        self.edition += 1;
        object.edition = self.edition;
        self.dcs[dc].apply(id, Arc::new(object), now());
        Ok(())
    }
}

/// The name under which a live account is found.
fn sam_key(object: &Object) -> Option<String> {
    let sam = object.values.text(Attribute::SamAccountName).map(str::to_lowercase);
    sam.filter(|_| object.life == Life::Live)
}

/// Seconds since 1970.
pub fn now() -> i64 {
    jiff::Timestamp::now().as_second()
}

/// Seconds since 1970 as a FILETIME: 100 ns since 1601.
pub fn filetime(seconds: i64) -> i64 {
    (seconds + 11_644_473_600) * 10_000_000
}

/// Seconds since 1970 as generalized time in AD's form, `YYYYMMDDHHMMSS.0Z`.
pub fn generalized_time(seconds: i64) -> String {
    let time = jiff::Timestamp::from_second(seconds).unwrap_or(jiff::Timestamp::UNIX_EPOCH);
    time.strftime("%Y%m%d%H%M%S.0Z").to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn world() -> World {
        let policy =
            Policy { recycle_bin: false, hide_deleted_objects: false, exchange_schema: true, max_page_size: 1000 };
        let mut world = World::new(7, policy);
        world.populate(10).expect("people");
        world
    }

    #[test]
    fn each_domain_controller_counts_for_itself() {
        let mut world = world();
        let invocation_id = world.new_guid();
        world.dcs.push(Replica::new("dc2", invocation_id));
        world.replicate(0, 1);
        let (first, second) = (world.dc(0), world.dc(1));
        assert_eq!(first.iter().count(), second.iter().count());

        let guid = world.create_account(1, &NewAccount::named("Elsewhere")).expect("created");
        let id = world.id_of(guid).expect("known");
        assert!(world.dc(0).get(id).is_none());
        let before = world.dc(0).usn;
        world.replicate(1, 0);
        assert_eq!(world.dc(0).get(id).map(|slot| slot.usn_changed), Some(before + 1));
        world.replicate(1, 0);
        world.replicate(0, 1);
        assert_eq!(
            (world.dc(0).usn, world.dc(1).get(id).map(|slot| slot.usn_created)),
            (before + 1, Some(world.dc(1).usn))
        );
    }

    #[test]
    fn garbage_collection_is_silent() {
        let mut world = world();
        let guid = world.create_account(0, &NewAccount::new()).expect("created");
        world.collect_garbage(0, guid).expect_err("it is alive");
        world.delete(0, guid).expect("deleted");
        let usn = world.dc(0).usn;
        world.collect_garbage(0, guid).expect("collected");
        assert_eq!(world.dc(0).usn, usn);
        assert!(world.id_of(guid).and_then(|id| world.view(0, id)).is_none());
    }

    #[test]
    fn times_are_written_as_ad_writes_them() {
        assert_eq!(generalized_time(0), "19700101000000.0Z");
        assert_eq!(filetime(0), 116_444_736_000_000_000);
    }
}
