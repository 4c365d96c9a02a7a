//! One object as one domain controller shows it.

use std::borrow::Cow;

use super::object::Life;
use super::replica::{Replica, Slot};
use super::schema::{Attribute, Class};
use super::{Account, Guid, ObjectId, World, generalized_time};

/// An object on a domain controller, with everything derived that AD derives.
#[derive(Clone, Copy)]
pub struct View<'a> {
    /// The world it is in.
    pub world: &'a World,
    /// The domain controller that is asked.
    pub dc: usize,
    /// The object.
    pub id: ObjectId,
    /// Its version there.
    pub slot: &'a Slot,
}

type Values<'a> = Vec<Cow<'a, [u8]>>;

impl<'a> View<'a> {
    fn replica(&self) -> &'a Replica {
        self.world.dc(self.dc)
    }

    /// Its DN as of now.
    pub fn dn(&self) -> String {
        self.replica().dn(self.id)
    }

    /// Its GUID, even if an entry would show another.
    pub fn guid(&self) -> Guid {
        self.slot.object.guid
    }

    /// The values of an attribute as they go on the wire; none when it has none.
    pub fn values(&self, attribute: Attribute) -> Values<'a> {
        if attribute.is_exchange() && !self.world.policy.exchange_schema {
            return Vec::new();
        }
        if attribute == Attribute::Member {
            return self.members();
        }
        if self.replica().filtered.contains(&attribute) {
            return Vec::new();
        }
        match self.slot.object.values.get(attribute) {
            Some(links) if is_link(attribute) => self.follow(&links),
            Some(values) => values,
            None => self.derived(attribute),
        }
    }

    /// The first value as text, if it is text.
    pub fn text(&self, attribute: Attribute) -> Option<String> {
        self.values(attribute).first().and_then(|value| String::from_utf8(value.to_vec()).ok())
    }

    fn derived(&self, attribute: Attribute) -> Values<'a> {
        use Attribute::*;
        let object = &self.slot.object;
        match attribute {
            ObjectGuid => one(object.guid.to_bytes_le()),
            ObjectSid => self.sid().into_iter().map(Cow::Owned).collect(),
            ObjectClass => object.class.chain().iter().map(|class| Cow::Borrowed(class.as_bytes())).collect(),
            DistinguishedName => one(self.dn()),
            Cn | Ou | Dc if self.naming() != attribute => Vec::new(),
            Name | Cn | Ou | Dc => one(self.name()),
            UsnChanged => one(self.slot.usn_changed.to_string()),
            UsnCreated => one(self.slot.usn_created.to_string()),
            WhenChanged => one(generalized_time(self.slot.when_changed)),
            WhenCreated => one(generalized_time(object.when_created)),
            InstanceType => one(if object.parent.is_none() { "5" } else { "4" }),
            IsDeleted => flag(object.life != Life::Live || self.id == self.world.landmarks.deleted_objects),
            IsRecycled => flag(object.life == Life::Recycled),
            InvocationId => self.invocation_id(),
            MemberOf => self.member_of(),
            TokenGroups => self.token_groups(),
            CanonicalName => one(self.canonical_name()),
            MsDsUserAccountControlComputed => self.if_signs_in("0"),
            // Nobody's password ends, unless a scenario says so.
            MsDsUserPasswordExpiryTimeComputed => self.if_signs_in("9223372036854775807"),
            _ if object.life == Life::Live => self.derived_while_live(attribute),
            _ => Vec::new(),
        }
    }

    /// What deletion always takes away, recycle bin or not, and what has the same value everywhere.
    fn derived_while_live(&self, attribute: Attribute) -> Values<'a> {
        use Attribute::*;
        let class = self.slot.object.class;
        match attribute {
            ObjectCategory => one(format!("CN={},CN=Schema,{}", class.category(), self.world.domain.configuration)),
            SamAccountType => {
                class.sam_account_type().map(|number| Cow::Owned(number.to_string().into())).into_iter().collect()
            }
            PrimaryGroupId if class == Class::Computer => one("515"),
            PrimaryGroupId => self.if_signs_in("513"),
            CodePage | BadPwdCount | LogonCount => self.if_signs_in("0"),
            _ => Vec::new(),
        }
    }

    fn if_signs_in(&self, value: &str) -> Values<'a> {
        match self.slot.object.class {
            Class::User | Class::Computer => one(value),
            _ => Vec::new(),
        }
    }

    pub(super) fn sid(&self) -> Option<Vec<u8>> {
        let object = &self.slot.object;
        let of_domain = || (self.id == self.world.landmarks.domain).then(|| self.world.domain.sid.bytes());
        object.rid.map(|rid| self.world.domain.sid.with(rid)).or_else(of_domain)
    }

    fn naming(&self) -> Attribute {
        match self.slot.object.class.naming() {
            "OU" => Attribute::Ou,
            "DC" => Attribute::Dc,
            _ => Attribute::Cn,
        }
    }

    fn name(&self) -> String {
        let object = &self.slot.object;
        if object.parent.is_some() {
            return object.name.to_string();
        }
        let first = object.name.split(',').next().unwrap_or_default();
        first.split_once('=').map_or(first, |(_, value)| value).to_owned()
    }

    fn invocation_id(&self) -> Values<'a> {
        let owner = self.world.dcs().iter().find(|replica| replica.ntds == self.id);
        owner.map(|replica| Cow::Owned(replica.invocation_id.to_bytes_le().to_vec())).into_iter().collect()
    }

    /// The objects that an attribute of links shows; `None` for any other attribute.
    pub fn linked(&self, attribute: Attribute) -> Option<Vec<View<'a>>> {
        let replica = self.replica();
        let ids: Vec<ObjectId> = match attribute {
            Attribute::Member => self.slot.object.linked().filter(|id| replica.live(*id).is_some()).collect(),
            Attribute::MemberOf if self.slot.object.life == Life::Live => replica.groups_of(self.id).collect(),
            Attribute::MemberOf => Vec::new(),
            _ => return None,
        };
        Some(ids.into_iter().filter_map(|id| self.world.view(self.dc, id)).collect())
    }

    /// Its members that are not deleted.
    fn members(&self) -> Values<'a> {
        let replica = self.replica();
        let there = self.slot.object.linked().filter(|id| replica.live(*id).is_some());
        there.map(|id| Cow::Owned(replica.dn(id).into_bytes())).collect()
    }

    /// The groups that name this object.
    fn member_of(&self) -> Values<'a> {
        if self.slot.object.life != Life::Live {
            return Vec::new();
        }
        let replica = self.replica();
        replica.groups_of(self.id).map(|id| Cow::Owned(replica.dn(id).into_bytes())).collect()
    }

    /// The SIDs of all its groups, through others and through the primary group too.
    fn token_groups(&self) -> Values<'a> {
        let replica = self.replica();
        let mut groups = replica.all_groups_of(self.id);
        if let Some(primary) = self.primary_group() {
            groups.insert(primary);
            groups.extend(replica.all_groups_of(primary));
        }
        let sids = groups.into_iter().filter_map(|id| self.world.view(self.dc, id)?.sid());
        sids.map(Cow::Owned).collect()
    }

    /// The group primaryGroupID names.
    pub fn primary_group(&self) -> Option<ObjectId> {
        let rid = self.text(Attribute::PrimaryGroupId)?.parse().ok()?;
        self.world.id_of_sid(self.dc, &self.world.domain.sid.with(rid))
    }

    /// Links are stored as object numbers and shown as the DN of the moment.
    fn follow(&self, links: &[Cow<'_, [u8]>]) -> Values<'a> {
        let ids = links.iter().filter_map(|link| <[u8; 4]>::try_from(link.as_ref()).ok());
        let dns = ids.map(|id| self.replica().dn(ObjectId(u32::from_le_bytes(id))));
        dns.filter(|dn| !dn.is_empty()).map(|dn| Cow::Owned(dn.into_bytes())).collect()
    }

    fn canonical_name(&self) -> String {
        let mut names = Vec::new();
        let mut at = Some(self.slot);
        while let Some(slot) = at.filter(|slot| slot.object.parent.is_some()) {
            names.push(slot.object.name.replace('/', "\\/"));
            at = slot.object.parent.and_then(|parent| self.replica().get(parent));
        }
        names.reverse();
        format!("{}/{}", self.world.domain.dns, names.join("/"))
    }

    /// Whether the account may sign in, by userAccountControl alone.
    pub fn enabled(&self) -> bool {
        let control = self.text(Attribute::UserAccountControl).and_then(|text| text.parse::<u32>().ok());
        control.is_some_and(|control| control & 2 == 0)
    }

    /// The summary the control API gives.
    pub fn account(&self) -> Account {
        Account {
            guid: self.guid(),
            dn: self.dn(),
            sam: self.text(Attribute::SamAccountName),
            upn: self.text(Attribute::UserPrincipalName),
            mail: self.text(Attribute::Mail),
            c: self.text(Attribute::C),
            enabled: self.enabled(),
            deleted: self.slot.object.life != Life::Live,
            critical: self.text(Attribute::IsCriticalSystemObject).is_some(),
            usn_created: self.slot.usn_created,
            usn_changed: self.slot.usn_changed,
        }
    }
}

/// Whether values are stored as numbers of other objects.
pub(super) fn is_link(attribute: Attribute) -> bool {
    matches!(attribute, Attribute::Member | Attribute::LastKnownParent)
}

fn one<'a>(value: impl AsRef<[u8]>) -> Values<'a> {
    vec![Cow::Owned(value.as_ref().to_vec())]
}

/// AD does not store FALSE where TRUE is the exception.
fn flag<'a>(set: bool) -> Values<'a> {
    if set { one("TRUE") } else { Vec::new() }
}
