//! Writes, as an administrator or another domain controller makes them.

use super::object::{Life, Object, Packed};
use super::schema::{Attribute, Class};
use super::view::is_link;
use super::{Change, Guid, ObjectId, World, WorldError};

/// The disabled bit of userAccountControl (MS-ADTS 2.2.16).
const DISABLED: u32 = 2;

impl World {
    /// Changes an object in one write: one uSN, whatever the number of changes.
    pub fn modify(&mut self, dc: usize, guid: Guid, changes: &[Change]) -> Result<(), WorldError> {
        let id = self.found(dc, guid)?;
        let values = self.dc(dc).get(id).map(|slot| slot.object.values.clone()).unwrap_or_default();
        let values = changes.iter().try_fold(values, |values, change| self.changed(&values, change))?;
        self.check_sam(dc, id, &values)?;
        self.rewrite(dc, id, |object| object.values = values)
    }

    /// The values after a change.
    pub(super) fn changed(&self, values: &Packed, change: &Change) -> Result<Packed, WorldError> {
        let control = || values.text(Attribute::UserAccountControl).and_then(|text| text.parse::<u32>().ok());
        let with_control = |control: u32| values.with(Attribute::UserAccountControl, &[control.to_string()]);
        match change {
            Change::Set(name, new) => Ok(values.with(self.writable(name)?, new)),
            Change::Clear(name) => {
                let attribute = self.writable(name)?;
                let stored = values.with::<&[u8]>(attribute, &[]);
                Ok(if is_derived(attribute) { stored.with_missing(attribute) } else { stored })
            }
            Change::Enable => Ok(with_control(control().unwrap_or(512) & !DISABLED)),
            Change::Disable => Ok(with_control(control().unwrap_or(512) | DISABLED)),
        }
    }

    fn writable(&self, name: &str) -> Result<Attribute, WorldError> {
        let known = Attribute::named(name).filter(|known| self.policy.exchange_schema || !known.is_exchange());
        let attribute = known.ok_or_else(|| WorldError::NoSuchAttribute(name.to_owned()))?;
        if is_link(attribute) {
            return Err(WorldError::Refused(format!("{name} is a link: add or remove members instead")));
        }
        Ok(attribute)
    }

    fn check_sam(&self, dc: usize, id: ObjectId, values: &Packed) -> Result<(), WorldError> {
        let Some(sam) = values.text(Attribute::SamAccountName) else {
            return Ok(());
        };
        match self.id_of_sam(dc, sam) {
            Some(other) if other != id => Err(WorldError::AlreadyExists(sam.to_owned())),
            _ => Ok(()),
        }
    }

    /// Deletes an object: to a tombstone, or to a deleted-object where the recycle bin is on. Groups it was in move no
    /// uSN; without the recycle bin an undelete does not bring it back into them.
    pub fn delete(&mut self, dc: usize, guid: Guid) -> Result<(), WorldError> {
        let id = self.found(dc, guid)?;
        let (bin, deleted_objects) = (self.policy.recycle_bin, self.landmarks.deleted_objects);
        self.require(dc, id, Life::Live, "is deleted already")?;
        self.rewrite(dc, id, |object| {
            if !bin {
                object.strip();
            }
            let last_name = object.name.to_string();
            object.values = object.values.with(Attribute::MsDsLastKnownRdn, &[last_name.as_str()]);
            if let Some(parent) = object.parent {
                object.values = object.values.with(Attribute::LastKnownParent, &[parent.0.to_le_bytes()]);
            }
            object.name = format!("{last_name}\nDEL:{guid}").into();
            object.parent = Some(deleted_objects);
            object.life = Life::Deleted;
        })?;
        if !bin {
            self.dcs[dc].unlink(id);
        }
        Ok(())
    }

    /// Turns a deleted-object into a recycled-object, as time does where the recycle bin is on.
    pub fn recycle(&mut self, dc: usize, guid: Guid) -> Result<(), WorldError> {
        let id = self.found(dc, guid)?;
        self.require(dc, id, Life::Deleted, "is not a deleted-object")?;
        self.rewrite(dc, id, |object| {
            object.strip();
            object.life = Life::Recycled;
        })?;
        self.dcs[dc].unlink(id);
        Ok(())
    }

    /// Removes what is left of a deleted object. Nothing tells of it but its absence.
    pub fn collect_garbage(&mut self, dc: usize, guid: Guid) -> Result<(), WorldError> {
        let id = self.found(dc, guid)?;
        if self.dc(dc).get(id).is_some_and(|slot| slot.object.life == Life::Live) {
            return Err(WorldError::Refused(format!("{guid} is not deleted")));
        }
        self.dcs[dc].forget(id);
        Ok(())
    }

    /// Brings a deleted object back to where it was, with what deletion left of it.
    pub fn undelete(&mut self, dc: usize, guid: Guid) -> Result<(), WorldError> {
        let id = self.found(dc, guid)?;
        self.require(dc, id, Life::Deleted, "is not deleted, or recycled")?;
        let values = self.dc(dc).get(id).map(|slot| slot.object.values.clone()).unwrap_or_default();
        self.check_sam(dc, id, &values)?;
        let users = self.landmarks.users;
        self.rewrite(dc, id, |object| {
            let parent = object.values.get(Attribute::LastKnownParent);
            let parent = parent.and_then(|links| <[u8; 4]>::try_from(links.first()?.as_ref()).ok());
            object.parent = Some(parent.map_or(users, |id| ObjectId(u32::from_le_bytes(id))));
            let name = object.values.text(Attribute::MsDsLastKnownRdn).unwrap_or_default().to_owned();
            object.name = name.into();
            object.life = Life::Live;
            let traces = [Attribute::LastKnownParent, Attribute::MsDsLastKnownRdn];
            object.values = object.values.keeping(|attribute| !traces.contains(&attribute));
        })
    }

    /// Moves an object below another container, by name or DN.
    pub fn move_to(&mut self, dc: usize, guid: Guid, ou: &str) -> Result<(), WorldError> {
        let id = self.found(dc, guid)?;
        let parent = self.organizational_unit(dc, ou)?;
        self.rewrite(dc, id, |object| object.parent = Some(parent))
    }

    /// Renames an object. The DNs of all below it change with it, their uSNs do not.
    pub fn rename(&mut self, dc: usize, guid: Guid, name: &str) -> Result<(), WorldError> {
        let id = self.found(dc, guid)?;
        self.rewrite(dc, id, |object| object.name = name.into())
    }

    /// Renames an organizational unit, given by name or DN.
    pub fn rename_ou(&mut self, dc: usize, ou: &str, name: &str) -> Result<(), WorldError> {
        let id = self.organizational_unit(dc, ou)?;
        self.rewrite(dc, id, |object| object.name = name.into())
    }

    /// Makes an organizational unit below the domain's head, or below another.
    pub fn create_ou(&mut self, dc: usize, name: &str, below: Option<&str>) -> Result<Guid, WorldError> {
        let parent = match below {
            Some(below) => self.organizational_unit(dc, below)?,
            None => self.landmarks.domain,
        };
        let object = self.plain(Class::OrganizationalUnit, Some(parent), name);
        self.create(dc, object)
    }

    /// Writes a new object, unless its name is taken or the domain controller is read-only.
    pub(super) fn create(&mut self, dc: usize, object: Object) -> Result<Guid, WorldError> {
        if self.dc(dc).read_only {
            return Err(WorldError::Refused(format!("{} is read-only", self.dc(dc).host)));
        }
        // No object has the number yet: any namesake is another.
        if let Some(rival) = self.dc(dc).namesake(ObjectId(u32::MAX), &object) {
            return Err(WorldError::AlreadyExists(self.dc(dc).dn(rival)));
        }
        let guid = object.guid;
        self.insert(dc, object);
        Ok(guid)
    }

    pub(super) fn found(&self, dc: usize, guid: Guid) -> Result<ObjectId, WorldError> {
        let id = self.id_of(guid).filter(|id| self.dc(dc).get(*id).is_some());
        id.ok_or_else(|| WorldError::NoSuchObject(guid.to_string()))
    }

    fn require(&self, dc: usize, id: ObjectId, life: Life, otherwise: &str) -> Result<(), WorldError> {
        match self.dc(dc).get(id) {
            Some(slot) if slot.object.life == life => Ok(()),
            Some(slot) => Err(WorldError::Refused(format!("{} {otherwise}", slot.object.guid))),
            None => Err(WorldError::NoSuchObject(format!("{id:?}"))),
        }
    }
}

/// Whether an attribute has a value without one being stored.
fn is_derived(attribute: Attribute) -> bool {
    use Attribute::*;
    matches!(
        attribute,
        ObjectGuid
            | ObjectSid
            | ObjectClass
            | ObjectCategory
            | DistinguishedName
            | Cn
            | Name
            | UsnChanged
            | UsnCreated
            | WhenChanged
            | WhenCreated
            | InstanceType
            | SamAccountType
            | PrimaryGroupId
            | CodePage
            | BadPwdCount
            | LogonCount
            | InvocationId
    )
}
