//! Groups: members, nesting, and the licenses that a group gives its direct members.

pub(super) mod control;
mod handle;
mod licensing;

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{
    license::LicenseChange,
    new_user::NewLicense,
    person::Existence,
    state::State,
    view::{LicenseView, View},
};

/// A group to be created. Names are Graph's.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
pub struct NewGroup {
    /// Entra object id; drawn if absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id: Option<Uuid>,
    /// What it is called; unique in the lab, so that it can be named by it.
    pub display_name: String,
    /// Users by UPN or id, groups by name or id; they exist already.
    pub members: Vec<String>,
    /// So many members are devices, which no listing of users shows.
    pub devices: u32,
    /// Synced from a directory on premises.
    pub synced: bool,
    /// Its `visibility` is `HiddenMembership`.
    pub hidden: bool,
    /// What it gives its direct members.
    pub licenses: Vec<NewLicense>,
}

impl NewGroup {
    /// An empty security group.
    #[must_use]
    pub fn named(display_name: &str) -> Self {
        Self { display_name: display_name.to_owned(), ..Self::default() }
    }

    /// The same with a user (UPN or id) or a group (name or id) in it.
    #[must_use]
    pub fn member(mut self, member: impl ToString) -> Self {
        self.members.push(member.to_string());
        self
    }

    /// The same with a license for its direct members.
    #[must_use]
    pub fn licensed(mut self, license: NewLicense) -> Self {
        self.licenses.push(license);
        self
    }
}

/// One group, as a test or a person sees it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct GroupView {
    /// Entra object id.
    pub id: Uuid,
    /// What it is called.
    pub display_name: String,
    /// Direct members: users and groups.
    pub members: BTreeSet<Uuid>,
    /// What it gives.
    pub licenses: Vec<LicenseView>,
    /// `licenseProcessingState.state`.
    pub processing: String,
}

/// A group that exists.
#[derive(Debug, Clone)]
pub(super) struct Group {
    pub(super) id: Uuid,
    pub(super) display_name: String,
    pub(super) synced: bool,
    pub(super) hidden: bool,
    pub(super) created: Timestamp,
    pub(super) users: BTreeSet<Uuid>,
    pub(super) groups: BTreeSet<Uuid>,
    pub(super) devices: BTreeSet<Uuid>,
    /// What it gives, and the plans that are off.
    pub(super) licenses: BTreeMap<Uuid, BTreeSet<Uuid>>,
    /// A change is on its way to the members: since when, and until when.
    queued: Option<(Timestamp, Timestamp)>,
}

/// What a group holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum MemberKind {
    User,
    Group,
    Device,
}

impl Group {
    /// Microsoft's words for how far the licenses are.
    pub(super) fn processing(&self, now: Timestamp) -> &'static str {
        match self.queued {
            None => "ProcessingComplete",
            Some((since, due)) if now.duration_since(since) * 2 < due.duration_since(since) => "QueuedForProcessing",
            Some(_) => "ProcessingInProgress",
        }
    }
}

impl State {
    /// The group of that id or name.
    pub(super) fn find_group(&self, key: &str) -> Option<Uuid> {
        match Uuid::try_parse(key) {
            Ok(id) => self.groups.contains_key(&id).then_some(id),
            Err(_) => self.groups.values().find(|group| group.display_name == key).map(|group| group.id),
        }
    }

    fn known_group(&self, key: &str) -> Result<Uuid, String> {
        self.find_group(key).ok_or_else(|| format!("no group {key}"))
    }

    pub(super) fn add_group(&mut self, new: NewGroup) -> Result<Uuid, String> {
        let id = match new.id {
            Some(id) => id,
            None => self.draw_id(),
        };
        if new.display_name.is_empty() {
            return Err("a group needs a displayName".to_owned());
        }
        if self.groups.contains_key(&id) || self.find_group(&new.display_name).is_some() {
            return Err(format!("a group {id} or {} exists already", new.display_name));
        }
        let members = new.members.iter().map(|key| self.member(key)).collect::<Result<Vec<_>, _>>()?;
        let now = self.now();
        let licenses = new.licenses.iter().map(|license| self.source(license, now)).collect::<Result<Vec<_>, _>>()?;
        let devices = (0..new.devices).map(|_| self.draw_id()).collect();
        let of = |kind| members.iter().filter(move |(of, _)| *of == kind).map(|(_, id)| *id).collect();
        let group = Group {
            id,
            display_name: new.display_name,
            synced: new.synced,
            hidden: new.hidden,
            created: now,
            users: of(MemberKind::User),
            groups: of(MemberKind::Group),
            devices,
            licenses: licenses.into_iter().map(|source| (source.sku, source.disabled_plans)).collect(),
            queued: None,
        };
        self.groups.insert(id, group);
        self.queue_group(id);
        Ok(id)
    }

    fn member(&self, key: &str) -> Result<(MemberKind, Uuid), String> {
        let user = self.find(key).map(|id| (MemberKind::User, id));
        let member = user.or_else(|| Some((MemberKind::Group, self.find_group(key)?)));
        member.ok_or_else(|| format!("no user or group {key}"))
    }

    /// Puts a user or a group in, or takes it out.
    pub(super) fn set_member(&mut self, group: &str, member: &str, belongs: bool) -> Result<(), String> {
        let id = self.known_group(group)?;
        let (kind, member) = self.member(member)?;
        if let Some(group) = self.groups.get_mut(&id) {
            let set = if kind == MemberKind::User { &mut group.users } else { &mut group.groups };
            if belongs {
                set.insert(member)
            } else {
                set.remove(&member)
            };
        }
        self.queue_group(id);
        Ok(())
    }

    /// Changes what a group gives, as an administrator would.
    pub(super) fn change_group_licenses(&mut self, group: &str, change: &LicenseChange) -> Result<(), String> {
        let id = self.known_group(group)?;
        let now = self.now();
        let add = change.add.iter().map(|license| self.source(license, now)).collect::<Result<Vec<_>, _>>()?;
        let gone = |name: &String| {
            let sku = super::world::find_sku(&self.skus, name).ok_or_else(|| format!("no SKU {name}"))?;
            Ok(sku.sku_id)
        };
        let remove = change.remove.iter().map(gone).collect::<Result<Vec<_>, String>>()?;
        self.set_group_licenses(id, add.into_iter().map(|source| (source.sku, source.disabled_plans)), remove);
        Ok(())
    }

    /// Adds to and takes from what a group gives; whether that changed anything.
    pub(super) fn set_group_licenses(
        &mut self,
        id: Uuid,
        add: impl IntoIterator<Item = (Uuid, BTreeSet<Uuid>)>,
        remove: impl IntoIterator<Item = Uuid>,
    ) -> bool {
        let Some(group) = self.groups.get_mut(&id) else {
            return false;
        };
        let before = group.licenses.clone();
        for sku in remove {
            group.licenses.remove(&sku);
        }
        group.licenses.extend(add);
        let changed = group.licenses != before;
        if changed {
            self.queue_group(id);
        }
        changed
    }

    /// Deletes a group. As with Microsoft's, one that still gives licenses cannot be deleted.
    pub(super) fn delete_group(&mut self, group: &str) -> Result<(), String> {
        let id = self.known_group(group)?;
        if !self.groups[&id].licenses.is_empty() {
            return Err(format!("the group {group} still gives licenses"));
        }
        self.groups.remove(&id);
        for other in self.groups.values_mut() {
            other.groups.remove(&id);
        }
        Ok(())
    }

    /// The members of a group, and those of the groups in it if asked; deleted users do not count, nor do members that are
    /// hidden from who asks.
    pub(super) fn group_members(&self, id: Uuid, transitive: bool, sees_hidden: bool) -> BTreeMap<Uuid, MemberKind> {
        let mut members = BTreeMap::new();
        let mut open = vec![id];
        let mut seen = BTreeSet::from([id]);
        while let Some(group) = open.pop().and_then(|id| self.groups.get(&id)) {
            if group.hidden && !sees_hidden {
                continue;
            }
            let present = |id: &&Uuid| self.people.get(*id).is_some_and(|one| one.existence == Existence::Present);
            members.extend(group.users.iter().filter(present).map(|id| (*id, MemberKind::User)));
            members.extend(group.groups.iter().map(|id| (*id, MemberKind::Group)));
            members.extend(group.devices.iter().map(|id| (*id, MemberKind::Device)));
            if transitive {
                open.extend(group.groups.iter().filter(|id| seen.insert(**id)));
            }
        }
        members
    }

    /// The groups a user is in, and those these are in if asked.
    pub(super) fn groups_of(&self, user: Uuid, transitive: bool) -> BTreeSet<Uuid> {
        let direct = |group: &&Group| group.users.contains(&user);
        let mut found: BTreeSet<Uuid> = self.groups.values().filter(direct).map(|group| group.id).collect();
        let mut open: Vec<Uuid> = if transitive { found.iter().copied().collect() } else { Vec::new() };
        while let Some(inner) = open.pop() {
            let above = self.groups.values().filter(|group| group.groups.contains(&inner)).map(|group| group.id);
            open.extend(above.filter(|id| found.insert(*id)).collect::<Vec<_>>());
        }
        found
    }
}

impl View<'_> {
    /// The group of that id or name.
    #[must_use]
    pub fn group(&self, key: &str) -> Option<GroupView> {
        Some(self.group_view(&self.state.groups[&self.state.find_group(key)?]))
    }

    /// All groups, in order of id.
    pub fn groups(&self) -> impl Iterator<Item = GroupView> {
        self.state.groups.values().map(|group| self.group_view(group))
    }

    fn group_view(&self, group: &Group) -> GroupView {
        let license = |(sku, disabled): (&Uuid, &BTreeSet<Uuid>)| LicenseView {
            sku: self.state.part_number(*sku),
            disabled_plans: self.plan_names(disabled.iter().copied()),
            assigned_by_group: Some(group.id),
            error: None,
        };
        GroupView {
            id: group.id,
            display_name: group.display_name.clone(),
            members: group.users.union(&group.groups).copied().collect(),
            licenses: group.licenses.iter().map(license).collect(),
            processing: group.processing(self.state.now()).to_owned(),
        }
    }
}
