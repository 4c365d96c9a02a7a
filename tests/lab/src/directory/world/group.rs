//! Groups: who is in them, by link and by primary group.

use super::object::Packer;
use super::schema::{Attribute, Class};
use super::{Guid, ObjectId, World, WorldError, dn};

impl World {
    /// Makes a global security group in `CN=Users`.
    pub fn create_group(&mut self, dc: usize, name: &str) -> Result<Guid, WorldError> {
        if self.id_of_sam(dc, name).is_some() {
            return Err(WorldError::AlreadyExists(name.to_owned()));
        }
        let mut object = self.plain(Class::Group, Some(self.landmarks.users), name);
        object.rid = Some(self.new_rid());
        let mut packer = Packer::default();
        packer.text(Attribute::SamAccountName, name);
        packer.number(Attribute::GroupType, -2_147_483_646);
        object.values = packer.finish();
        self.create(dc, object)
    }

    /// Puts somebody into a group or takes them out. Only the group's uSN moves.
    pub fn set_membership(&mut self, dc: usize, group: Guid, member: Guid, is_member: bool) -> Result<(), WorldError> {
        self.set_members(dc, group, &[member], is_member)
    }

    /// Puts many into a group, or takes them out, in one write.
    pub fn set_members(&mut self, dc: usize, group: Guid, members: &[Guid], present: bool) -> Result<(), WorldError> {
        let group = self.found(dc, group)?;
        let members = members.iter().map(|member| self.found(dc, *member)).collect::<Result<Vec<_>, _>>()?;
        self.rewrite(dc, group, |object| members.iter().for_each(|member| object.set_link(*member, present)))
    }

    /// Makes a group somebody's primary group. Neither `member` nor `memberOf` tells of a primary group: the link to
    /// the new one goes, a link to the old one comes (MS-SAMR 3.1.1.8.2).
    pub fn set_primary_group(&mut self, dc: usize, user: Guid, group: Guid) -> Result<(), WorldError> {
        let (id, new) = (self.found(dc, user)?, self.found(dc, group)?);
        let rid = self.dc(dc).live(new).and_then(|object| object.rid).ok_or_else(|| no_group(group))?;
        if !self.dc(dc).groups_of(id).any(|other| other == new) {
            return Err(WorldError::Refused(format!("{user} is not a member of {group}")));
        }
        let old = self.view(dc, id).and_then(|view| view.primary_group());
        self.rewrite(dc, new, |object| object.set_link(id, false))?;
        if let Some(old) = old {
            self.rewrite(dc, old, |object| object.set_link(id, true))?;
        }
        self.rewrite(dc, id, |object| {
            object.values = object.values.with(Attribute::PrimaryGroupId, &[rid.to_string()]);
        })
    }

    /// The phantom of that DN.
    pub fn phantom(&self, dc: usize, dn: &str) -> Option<ObjectId> {
        let phantoms = self.dc(dc).by_class(Class::Phantom);
        phantoms.into_iter().find(|id| dn::same(&self.dc(dc).dn(*id), dn))
    }

    /// What a domain controller knows of an object of another domain that is a member here: its names, no more.
    /// It cannot be searched for (MS-ADTS 3.1.1.1.5, phantoms).
    pub fn add_phantom(&mut self, dc: usize, dn: &str, guid: Guid, sid: &[u8]) {
        if self.id_of(guid).is_some() {
            return;
        }
        let mut object = self.plain(Class::Phantom, None, dn);
        object.guid = guid;
        let mut packer = Packer::default();
        packer.push(Attribute::ObjectSid, sid);
        object.values = packer.finish();
        self.insert(dc, object);
    }
}

fn no_group(guid: Guid) -> WorldError {
    WorldError::NoSuchObject(format!("a group {guid}"))
}
