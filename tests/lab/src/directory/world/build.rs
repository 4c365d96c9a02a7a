//! A domain as its first domain controller finds it: containers, built-in accounts, the configuration.

use std::collections::{BTreeMap, BTreeSet};

use super::object::{Life, Object, Packed, Packer};
use super::replica::Replica;
use super::schema::{Attribute, Class};
use super::{Domain, DomainSid, Guid, Landmarks, ObjectId, Policy, World, now};

/// The site every new forest starts with.
pub const FIRST_SITE: &str = "Default-First-Site-Name";

/// The domain without a name of its own.
pub const ROOT_DOMAIN: &str = "corp.example.test";

impl World {
    /// A forest of one domain on one domain controller, `dc1`. All that is random in it comes from the seed.
    pub fn new(seed: u64, policy: Policy) -> World {
        World::in_forest(seed, policy, ROOT_DOMAIN, ROOT_DOMAIN)
    }

    /// A domain of a forest, with a copy of the configuration that knows its own domain controllers alone.
    pub fn in_forest(seed: u64, policy: Policy, dns: &str, forest: &str) -> World {
        // Domains of one forest must not share their GUIDs.
        let seed = if dns == ROOT_DOMAIN { seed } else { seed ^ super::hashed(dns) };
        let mut rng = fastrand::Rng::with_seed(seed);
        let invocation_id = uuid::Builder::from_random_bytes(rng.u128(..).to_le_bytes()).into_uuid();
        let sid = DomainSid([rng.u32(1_000_000_000..), rng.u32(1_000_000_000..), rng.u32(1_000_000_000..)]);
        let nowhere = ObjectId(0);
        let mut world = World {
            domain: domain(dns, forest, sid),
            policy,
            landmarks: Landmarks {
                domain: nowhere,
                configuration: nowhere,
                deleted_objects: nowhere,
                users: nowhere,
                computers: nowhere,
                domain_controllers: nowhere,
                sites: nowhere,
            },
            dcs: vec![Replica::new("dc1", FIRST_SITE, invocation_id)],
            ids: BTreeMap::new(),
            sams: BTreeSet::new(),
            rids: BTreeMap::new(),
            rng,
            next_rid: 1000,
            computers_touched: 0,
            noise: super::noise::Noise::seeded(seed),
        };
        world.build_domain();
        world.build_configuration();
        world.build_accounts();
        world
    }

    fn build_domain(&mut self) {
        let base = self.domain.base.clone();
        let head = self.build(Class::DomainDns, None, &base);
        self.landmarks.domain = head;
        self.landmarks.users = self.build(Class::Container, Some(head), "Users");
        self.landmarks.computers = self.build(Class::Container, Some(head), "Computers");
        self.landmarks.deleted_objects = self.build(Class::Container, Some(head), "Deleted Objects");
        self.landmarks.domain_controllers = self.build(Class::OrganizationalUnit, Some(head), "Domain Controllers");
        self.build(Class::Container, Some(head), "System");
        for ou in ["Staff", "Contractors", "Service"] {
            self.build(Class::OrganizationalUnit, Some(head), ou);
        }
    }

    fn build_configuration(&mut self) {
        let dn = self.domain.configuration.clone();
        let head = self.build(Class::Configuration, None, &dn);
        self.landmarks.configuration = head;
        let services = self.build(Class::Container, Some(head), "Services");
        let windows_nt = self.build(Class::Container, Some(services), "Windows NT");
        let mut lifetime = Packer::default();
        lifetime.number(Attribute::TombstoneLifetime, 180);
        self.build_with(Class::NtdsService, Some(windows_nt), "Directory Service", None, lifetime.finish());
        let sites = self.build(Class::Container, Some(head), "Sites");
        self.landmarks.sites = sites;
        self.build_settings(0);
    }

    /// What setup creates: the critical accounts and groups, and the domain controller's own account.
    fn build_accounts(&mut self) {
        let users = self.landmarks.users;
        let accounts = [("Administrator", 500, 66_048), ("Guest", 501, 66_082), ("krbtgt", 502, 514)];
        for (name, rid, control) in accounts {
            let mut packer = critical(name);
            packer.number(Attribute::UserAccountControl, control);
            packer.number(Attribute::AccountExpires, 0);
            packer.number(Attribute::PwdLastSet, super::filetime(now()));
            self.build_with(Class::User, Some(users), name, Some(rid), packer.finish());
        }
        let groups = [("Domain Admins", 512), ("Domain Users", 513), ("Domain Guests", 514), ("Domain Computers", 515)];
        for (name, rid) in groups {
            let mut packer = critical(name);
            packer.number(Attribute::GroupType, -2_147_483_646);
            self.build_with(Class::Group, Some(users), name, Some(rid), packer.finish());
        }
        self.build_machine_account(0);
        self.next_rid = 1103;
    }

    pub(super) fn build(&mut self, class: Class, parent: Option<ObjectId>, name: &str) -> ObjectId {
        self.build_with(class, parent, name, None, Packed::default())
    }

    pub(super) fn build_with(
        &mut self,
        class: Class,
        parent: Option<ObjectId>,
        name: &str,
        rid: Option<u32>,
        values: Packed,
    ) -> ObjectId {
        let mut object = self.plain(class, parent, name);
        object.rid = rid;
        object.values = values;
        self.insert(0, object)
    }

    /// An object without any values yet.
    pub(super) fn plain(&mut self, class: Class, parent: Option<ObjectId>, name: &str) -> Object {
        Object {
            guid: self.new_guid(),
            parent,
            class,
            rid: None,
            when_created: now(),
            name: name.into(),
            life: Life::Live,
            created_by: Guid::nil(),
            written: Box::default(),
            values: Packed::default(),
            links: None,
        }
    }

    /// The next relative identifier.
    pub(super) fn new_rid(&mut self) -> u32 {
        self.next_rid += 1;
        self.next_rid
    }
}

pub(super) fn critical(sam: &str) -> Packer {
    let mut packer = Packer::default();
    packer.text(Attribute::SamAccountName, sam);
    packer.text(Attribute::IsCriticalSystemObject, "TRUE");
    packer
}

fn domain(dns: &str, forest: &str, sid: DomainSid) -> Domain {
    Domain {
        configuration: format!("CN=Configuration,{}", dn_of(forest)),
        base: dn_of(dns),
        netbios: dns.split('.').next().unwrap_or(dns).to_uppercase(),
        dns: dns.to_owned(),
        forest: forest.to_owned(),
        children: Vec::new(),
        sid,
    }
}

/// The DN of a domain, from its DNS name.
pub fn dn_of(dns: &str) -> String {
    dns.split('.').map(|part| format!("DC={part}")).collect::<Vec<_>>().join(",")
}
