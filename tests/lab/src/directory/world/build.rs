//! A forest as its first domain controller finds it: containers, built-in accounts, the configuration.

use std::collections::BTreeMap;

use super::object::{Life, Object, Packed, Packer};
use super::replica::Replica;
use super::schema::{Attribute, Class};
use super::{Domain, DomainSid, Landmarks, ObjectId, Policy, World, now};

/// The site every new forest starts with.
const SITE: &str = "Default-First-Site-Name";

impl World {
    /// A forest of one domain on one domain controller, `dc1`. All that is random in it comes from the seed.
    pub fn new(seed: u64, policy: Policy) -> World {
        let mut rng = fastrand::Rng::with_seed(seed);
        let invocation_id = uuid::Builder::from_random_bytes(rng.u128(..).to_le_bytes()).into_uuid();
        let sid = DomainSid([rng.u32(1_000_000_000..), rng.u32(1_000_000_000..), rng.u32(1_000_000_000..)]);
        let nowhere = ObjectId(0);
        let mut world = World {
            domain: domain("corp.example.test", sid),
            policy,
            landmarks: Landmarks {
                domain: nowhere,
                configuration: nowhere,
                deleted_objects: nowhere,
                users: nowhere,
                computers: nowhere,
                domain_controllers: nowhere,
            },
            dcs: vec![Replica::new("dc1", invocation_id)],
            ids: BTreeMap::new(),
            sams: BTreeMap::new(),
            rng,
            next_rid: 1000,
            edition: 0,
            computers_touched: 0,
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
        let site = self.build(Class::Site, Some(sites), SITE);
        let servers = self.build(Class::ServersContainer, Some(site), "Servers");
        let host = self.dcs[0].host.clone();
        let mut name = Packer::default();
        name.text(Attribute::DnsHostName, &format!("{host}.{}", self.domain.dns));
        let server = self.build_with(Class::Server, Some(servers), &host.to_uppercase(), None, name.finish());
        let mut options = Packer::default();
        options.number(Attribute::Options, 1);
        self.dcs[0].ntds = self.build_with(Class::NtdsDsa, Some(server), "NTDS Settings", None, options.finish());
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
        let host = self.dcs[0].host.clone();
        let mut packer = critical(&format!("{}$", host.to_uppercase()));
        packer.number(Attribute::UserAccountControl, 532_480);
        packer.number(Attribute::PrimaryGroupId, 516);
        packer.text(Attribute::DnsHostName, &format!("{host}.{}", self.domain.dns));
        let rid = self.new_rid();
        let parent = self.landmarks.domain_controllers;
        self.build_with(Class::Computer, Some(parent), &host.to_uppercase(), Some(rid), packer.finish());
        self.next_rid = 1103;
    }

    fn build(&mut self, class: Class, parent: Option<ObjectId>, name: &str) -> ObjectId {
        self.build_with(class, parent, name, None, Packed::default())
    }

    fn build_with(
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
            edition: 0,
            values: Packed::default(),
        }
    }

    /// The next relative identifier.
    pub(super) fn new_rid(&mut self) -> u32 {
        self.next_rid += 1;
        self.next_rid
    }
}

fn critical(sam: &str) -> Packer {
    let mut packer = Packer::default();
    packer.text(Attribute::SamAccountName, sam);
    packer.text(Attribute::IsCriticalSystemObject, "TRUE");
    packer
}

fn domain(dns: &str, sid: DomainSid) -> Domain {
    let base = dns.split('.').map(|part| format!("DC={part}")).collect::<Vec<_>>().join(",");
    Domain {
        configuration: format!("CN=Configuration,{base}"),
        base,
        netbios: dns.split('.').next().unwrap_or(dns).to_uppercase(),
        dns: dns.to_owned(),
        sid,
    }
}
