//! The world: a domain, its objects, and the domain controllers that each hold a copy.
//!
//! Every write happens on one domain controller and makes a new version of an object. That domain controller gives
//! it a uSN of its own; the others do so when the version reaches them. Nothing here knows of sockets.

pub mod account;
mod build;
mod change;
mod controllers;
pub mod dn;
mod group;
mod locate;
mod names;
mod noise;
pub mod object;
mod populate;
pub mod replica;
mod replicate;
pub mod schema;
pub mod sid;
pub mod stamp;
mod view;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;

pub use account::{Account, Change, NewAccount};
pub use build::{FIRST_SITE, dn_of};
pub use controllers::DcPlan;
pub use locate::Location;
use object::{Life, Object};
use replica::Replica;
pub use replicate::{Backup, Restoration};
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
    /// The DN of the configuration, below the root domain of the forest.
    pub configuration: String,
    /// The DNS name of the root domain of the forest.
    pub forest: String,
    /// The DNS names of the domains right below it.
    pub children: Vec<String>,
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
    /// MaxValRange: values of one attribute in one entry.
    pub max_val_range: usize,
    /// By how many seconds the rootDSE's clock is ahead of the machine's.
    pub clock_ahead: i64,
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
    /// `CN=Sites` of the configuration.
    pub sites: ObjectId,
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
    /// Account names ever written, hashed. Whoever finds one looks whether it still holds.
    sams: BTreeSet<(u64, ObjectId)>,
    rids: BTreeMap<u32, ObjectId>,
    rng: fastrand::Rng,
    next_rid: u32,
    computers_touched: usize,
    noise: noise::Noise,
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

    /// The object with that GUID, wherever it hangs.
    pub fn id_of(&self, guid: Guid) -> Option<ObjectId> {
        self.ids.get(&guid).copied()
    }

    /// The live object a domain controller has under that account name.
    pub fn id_of_sam(&self, dc: usize, sam: &str) -> Option<ObjectId> {
        let sam = sam.to_lowercase();
        let key = hashed(&sam);
        let ids = self.sams.range((key, ObjectId(0))..=(key, ObjectId(u32::MAX))).map(|(_, id)| *id);
        let named = |object: &Object| sam_key(object).is_some_and(|name| name == sam);
        ids.into_iter().find(|id| self.dc(dc).live(*id).is_some_and(named))
    }

    /// The object with that binary SID.
    pub fn id_of_sid(&self, dc: usize, sid: &[u8]) -> Option<ObjectId> {
        let rid = sid.strip_prefix(self.domain.sid.with(0).get(..24)?)?;
        let rid = u32::from_le_bytes(rid.try_into().ok()?);
        self.rids.get(&rid).copied().filter(|id| self.dc(dc).get(*id).is_some())
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
        if let Some(rid) = object.rid {
            self.rids.insert(rid, id);
        }
        object.created_by = self.dcs[dc].invocation_id;
        self.note_sam(id, &object);
        self.dcs[dc].apply(id, Arc::new(object), now());
        id
    }

    /// Writes another version of an object: an originating write, which stamps what differs.
    fn rewrite(&mut self, dc: usize, id: ObjectId, change: impl FnOnce(&mut Object)) -> Result<(), WorldError> {
        let slot = self.dcs[dc].get(id).ok_or_else(|| WorldError::NoSuchObject(format!("{id:?}")))?;
        if self.dcs[dc].read_only {
            return Err(WorldError::Refused(format!("{} is read-only", self.dcs[dc].host)));
        }
        let mut object = Object::clone(&slot.object);
        change(&mut object);
        if let Some(rival) = self.dcs[dc].namesake(id, &object) {
            return Err(WorldError::AlreadyExists(self.dcs[dc].dn(rival)));
        }
        object.restamp(&slot.object, self.dcs[dc].invocation_id, now());
        self.note_sam(id, &object);
        self.dcs[dc].apply(id, Arc::new(object), now());
        Ok(())
    }

    fn note_sam(&mut self, id: ObjectId, object: &Object) {
        if let Some(sam) = sam_key(object) {
            self.sams.insert((hashed(&sam), id));
        }
    }
}

/// The name under which a live account is found.
fn sam_key(object: &Object) -> Option<String> {
    let sam = object.values.text(Attribute::SamAccountName).map(str::to_lowercase);
    sam.filter(|_| object.life == Life::Live)
}

fn hashed(text: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    text.hash(&mut hasher);
    hasher.finish()
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

    pub(super) fn world() -> World {
        let policy = super::super::DirectoryOptions::default().policy();
        let mut world = World::new(7, policy);
        world.populate(10).expect("people");
        world
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
