//! Foreign changes: all that moves the uSN and is nobody's business.

use super::object::{Life, Packer};
use super::schema::{Attribute, Class};
use super::{Guid, ObjectId, World, WorldError, filetime, now};

/// DNS nodes of the zone, made with the first noise.
const NODES: usize = 16;

/// The chance behind the noise, apart from that of the population.
#[derive(Debug)]
pub struct Noise {
    rng: fastrand::Rng,
    zones: Option<ObjectId>,
    nodes: Vec<ObjectId>,
}

impl Noise {
    /// The same seed makes the same noise.
    pub fn seeded(seed: u64) -> Noise {
        Noise { rng: fastrand::Rng::with_seed(seed ^ 0x6e6f_6973_6521), zones: None, nodes: Vec::new() }
    }
}

impl World {
    /// The head of `DC=DomainDnsZones`, once there has been noise.
    pub fn zones(&self) -> Option<ObjectId> {
        self.noise.zones
    }

    /// Makes so many foreign changes on a domain controller: half are computers that change their password, a
    /// quarter DNS nodes, a quarter users whose lastLogonTimestamp is due. The same seed makes the same.
    pub fn noise(&mut self, dc: usize, count: usize) -> Result<(), WorldError> {
        self.build_zone();
        for _ in 0..count {
            match self.noise.rng.u8(..4) {
                0 => self.touch_node(dc)?,
                1 => self.touch_somebody(dc)?,
                _ => self.touch_computer(dc)?,
            }
        }
        Ok(())
    }

    /// A computer changes its password.
    pub fn touch_computer(&mut self, dc: usize) -> Result<(), WorldError> {
        let computers = self.dc(dc).by_class(Class::Computer);
        let id = computers.get(self.computers_touched % computers.len().max(1)).copied();
        let id = id.ok_or_else(|| WorldError::NoSuchObject("a computer".to_owned()))?;
        self.computers_touched += 1;
        self.advance(dc, id, Attribute::PwdLastSet)
    }

    /// Somebody signs in and lastLogonTimestamp, which replicates and so moves the uSN, is due again.
    pub fn touch_logon(&mut self, dc: usize, guid: Guid) -> Result<(), WorldError> {
        let id = self.found(dc, guid)?;
        self.advance(dc, id, Attribute::LastLogonTimestamp)
    }

    fn touch_somebody(&mut self, dc: usize) -> Result<(), WorldError> {
        let places = self.dc(dc).places() as u32;
        let start = self.noise.rng.u32(..places);
        let ids = (start..places).chain(0..start).map(ObjectId);
        let is_user = |id: &ObjectId| self.dc(dc).live(*id).is_some_and(|object| object.class == Class::User);
        match ids.into_iter().find(is_user) {
            Some(id) => self.advance(dc, id, Attribute::LastLogonTimestamp),
            None => Ok(()),
        }
    }

    fn touch_node(&mut self, dc: usize) -> Result<(), WorldError> {
        let id = self.noise.nodes[self.noise.rng.usize(..self.noise.nodes.len())];
        if self.dc(dc).get(id).is_none() {
            self.replicate(0, dc);
        }
        self.advance(dc, id, Attribute::DnsRecord)
    }

    /// Sets a time to now; to one tick after the last where that is not later, so that each write is one.
    fn advance(&mut self, dc: usize, id: ObjectId, attribute: Attribute) -> Result<(), WorldError> {
        let last = self.dc(dc).get(id).and_then(|slot| slot.object.values.text(attribute)?.parse::<i64>().ok());
        let stamp = last.map_or(0, |last| last + 1).max(filetime(now())).to_string();
        self.rewrite(dc, id, |object| object.values = object.values.with(attribute, &[stamp]))
    }

    /// The zone of the domain in an application partition of its own, as AD keeps it: a search below the domain's
    /// head does not meet it, though the uSN moves with it.
    fn build_zone(&mut self) {
        if self.noise.zones.is_some() {
            return;
        }
        let dns = self.domain.dns.clone();
        let head = self.build_quietly(Class::DomainDns, None, &format!("DC=DomainDnsZones,{}", self.domain.base));
        let container = self.build_quietly(Class::Container, Some(head), "MicrosoftDNS");
        let zone = self.build_quietly(Class::DnsZone, Some(container), &dns);
        self.noise.nodes =
            (0..NODES).map(|node| self.build_quietly(Class::DnsNode, Some(zone), &format!("host{node:02}"))).collect();
        self.noise.zones = Some(head);
        for dc in 1..self.dcs.len() {
            self.replicate(0, dc);
        }
    }

    /// Builds with a GUID of the noise's own chance, so that who is made up later does not depend on noise.
    fn build_quietly(&mut self, class: Class, parent: Option<ObjectId>, name: &str) -> ObjectId {
        let guid = uuid::Builder::from_random_bytes(self.noise.rng.u128(..).to_le_bytes()).into_uuid();
        let mut object = self.plain(class, parent, name);
        object.guid = guid;
        object.life = Life::Live;
        object.values = Packer::default().finish();
        self.insert(0, object)
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::world;
    use super::*;

    #[test]
    fn noise_is_the_same_for_the_same_seed() {
        let written = |count: usize| {
            let mut world = world();
            let before = world.dc(0).usn;
            world.noise(0, 0).expect("a zone");
            let start = world.dc(0).usn;
            assert_eq!(start - before, 3 + NODES as u64);
            world.noise(0, count).expect("noise");
            assert_eq!(world.dc(0).usn - start, count as u64);
            world.dc(0).by_usn(start + 1..=u64::MAX).map(|(usn, id)| (usn - start, id)).collect::<Vec<_>>()
        };
        let (one, other) = (written(200), written(200));
        assert_eq!(one, other);
        assert!(one.len() > 20, "{one:?}");
    }
}
