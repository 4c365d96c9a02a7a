//! Domain controllers beside the first, and what the configuration says of each.

use super::build::{FIRST_SITE, critical};
use super::object::Packer;
use super::replica::Replica;
use super::schema::{Attribute, Class};
use super::{ObjectId, World, WorldError, dn};

/// A domain controller to promote.
#[derive(Debug, Clone)]
pub struct DcPlan {
    /// The host's name, without the domain.
    pub host: String,
    /// The name of its site; made if it is not there.
    pub site: String,
    /// Whether it is read-only.
    pub read_only: bool,
    /// Attributes a read-only one does not hold (the filtered attribute set).
    pub filtered: Vec<String>,
}

impl DcPlan {
    /// A writable one in the first site.
    pub fn named(host: &str) -> DcPlan {
        DcPlan { host: host.to_owned(), site: FIRST_SITE.to_owned(), read_only: false, filtered: Vec::new() }
    }
}

impl World {
    /// Promotes another domain controller: it starts with all that the first one has. Gives its number.
    pub fn add_dc(&mut self, plan: &DcPlan) -> Result<usize, WorldError> {
        if self.dcs.iter().any(|replica| replica.host.eq_ignore_ascii_case(&plan.host)) {
            return Err(WorldError::AlreadyExists(plan.host.clone()));
        }
        let filtered = plan
            .filtered
            .iter()
            .map(|name| Attribute::named(name).ok_or_else(|| WorldError::NoSuchAttribute(name.clone())));
        let filtered = filtered.collect::<Result<_, _>>()?;
        let invocation_id = self.new_guid();
        let number = self.dcs.len();
        let mut replica = Replica::new(&plan.host, &plan.site, invocation_id);
        replica.read_only = plan.read_only;
        replica.filtered = filtered;
        self.dcs.push(replica);
        self.build_settings(number);
        self.build_machine_account(number);
        self.replicate(0, number);
        Ok(number)
    }

    /// The server object of a domain controller and its NTDS Settings, written on the first one.
    pub(super) fn build_settings(&mut self, dc: usize) {
        let (host, site, read_only) = (self.dcs[dc].host.clone(), self.dcs[dc].site.clone(), self.dcs[dc].read_only);
        let servers = self.servers_of(&site);
        let mut name = Packer::default();
        name.text(Attribute::DnsHostName, &format!("{host}.{}", self.domain.dns));
        let server = self.build_with(Class::Server, Some(servers), &host.to_uppercase(), None, name.finish());
        let mut options = Packer::default();
        options.number(Attribute::Options, 1);
        let class = if read_only { Class::NtdsDsaRo } else { Class::NtdsDsa };
        self.dcs[dc].ntds = self.build_with(class, Some(server), "NTDS Settings", None, options.finish());
    }

    fn servers_of(&mut self, site: &str) -> ObjectId {
        let sites = self.landmarks.sites;
        let child = |world: &World, parent: ObjectId, name: &str| {
            world.dc(0).child(parent, &dn::Rdn { attribute: "cn".to_owned(), value: name.to_lowercase() })
        };
        let site = match child(self, sites, site) {
            Some(site) => site,
            None => self.build(Class::Site, Some(sites), site),
        };
        match child(self, site, "Servers") {
            Some(servers) => servers,
            None => self.build(Class::ServersContainer, Some(site), "Servers"),
        }
    }

    /// The account of a domain controller. That of a read-only one is a workstation's with a mark
    /// (PARTIAL_SECRETS_ACCOUNT) in the group of read-only domain controllers.
    pub(super) fn build_machine_account(&mut self, dc: usize) {
        let (host, read_only) = (self.dcs[dc].host.clone(), self.dcs[dc].read_only);
        let (control, group) = if read_only { (83_890_176, 521) } else { (532_480, 516) };
        let mut packer = critical(&format!("{}$", host.to_uppercase()));
        packer.number(Attribute::UserAccountControl, control);
        packer.number(Attribute::PrimaryGroupId, group);
        packer.text(Attribute::DnsHostName, &format!("{host}.{}", self.domain.dns));
        let rid = self.new_rid();
        let parent = self.landmarks.domain_controllers;
        self.build_with(Class::Computer, Some(parent), &host.to_uppercase(), Some(rid), packer.finish());
    }
}
