//! How domain controllers come to agree, and how they fall out of agreement: pulls, backups, restores.

use std::sync::Arc;

use super::object::{Life, Object};
use super::replica::Replica;
use super::stamp::{Merged, Part, merge};
use super::{Guid, ObjectId, World, now};

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

impl World {
    /// Lets `to` pull what `from` has written since the last time. Gives the number of objects written by it.
    ///
    /// Parts of an object are compared by stamp; what both have moves no uSN. Of two objects that want one name
    /// the one named last keeps it, the other is renamed `name\0ACNF:guid`. Nobody pulls from a read-only one.
    pub fn replicate(&mut self, from: usize, to: usize) -> usize {
        let pull = Pull { now: now(), recycle_bin: self.policy.recycle_bin };
        let Ok([source, target]) = self.dcs.get_disjoint_mut([from, to]) else {
            return 0;
        };
        if source.read_only {
            return 0;
        }
        let unread = target.seen(source.invocation_id) + 1;
        let arrived = source.by_usn(unread..=u64::MAX).map(|(_, id)| pull.bring(source, target, id)).sum();
        target.note_seen(source);
        target.synchronized = true;
        arrived
    }

    /// Lets everyone pull from everyone until all agree.
    pub fn converge(&mut self) {
        let all = 0..self.dcs.len();
        let pairs: Vec<_> = all.clone().flat_map(|from| all.clone().map(move |to| (from, to))).collect();
        while pairs.iter().map(|(from, to)| self.replicate(*from, *to)).sum::<usize>() > 0 {}
    }

    /// A domain controller as it is now.
    pub fn backup(&self, dc: usize) -> Backup {
        Backup(self.dcs[dc].clone())
    }

    /// Puts a domain controller back to what it was. One that has partners and was restored properly has to finish
    /// a replication cycle before it counts as synchronized again.
    pub fn restore(&mut self, dc: usize, backup: &Backup, how: Restoration) {
        self.dcs[dc] = backup.0.clone();
        if how == Restoration::Proper {
            self.dcs[dc].invocation_id = self.new_guid();
            self.dcs[dc].synchronized = backup.0.synchronized && self.dcs.len() == 1;
        }
    }

    /// Marks a domain controller as (not) having finished a replication cycle since it started.
    pub fn set_synchronized(&mut self, dc: usize, synchronized: bool) {
        self.dcs[dc].synchronized = synchronized;
    }

    /// Gives a domain controller another invocationId and leaves everything else, as a clone of a machine does.
    pub fn set_invocation_id(&mut self, dc: usize, invocation_id: Guid) {
        self.dcs[dc].invocation_id = invocation_id;
    }
}

struct Pull {
    now: i64,
    recycle_bin: bool,
}

impl Pull {
    /// Brings one object over, those above it first. Gives the number of objects written.
    fn bring(&self, source: &Replica, target: &mut Replica, id: ObjectId) -> usize {
        let Some(theirs) = source.get(id).map(|slot| &slot.object) else {
            return 0;
        };
        let ours = target.get(id).map(|slot| Arc::clone(&slot.object));
        let object = match ours.as_deref() {
            Some(ours) if std::ptr::eq(ours, &**theirs) => return 0,
            None => Arc::clone(theirs),
            Some(ours) => match merge(ours, theirs, self.recycle_bin) {
                Merged::Ours => return 0,
                Merged::Theirs => Arc::clone(theirs),
                Merged::Both(object) => Arc::from(object),
            },
        };
        let above = object.parent.filter(|parent| target.get(*parent).is_none());
        let before = above.map_or(0, |parent| self.bring(source, target, parent));
        let gone = object.life != Life::Live && !self.recycle_bin;
        before + 1 + self.settle(target, id, object, gone)
    }

    /// Writes what arrived. Gives the number of objects renamed elsewhere to make room.
    fn settle(&self, target: &mut Replica, id: ObjectId, object: Arc<Object>, gone: bool) -> usize {
        let rival =
            target.namesake(id, &object).and_then(|rival| Some((rival, Arc::clone(&target.get(rival)?.object))));
        let mut moved = 0;
        let object = match rival {
            None => object,
            Some((rival, standing)) if standing.stamp(Part::Place) < object.stamp(Part::Place) => {
                target.apply(rival, self.out_of_the_way(target, &standing), self.now);
                moved = 1;
                object
            }
            Some(_) => self.out_of_the_way(target, &object),
        };
        target.apply(id, object, self.now);
        if gone {
            target.unlink(id);
        }
        moved
    }

    /// The loser of a name conflict under its new name: an originating write of whoever notices.
    fn out_of_the_way(&self, target: &Replica, loser: &Arc<Object>) -> Arc<Object> {
        let mut renamed = Object::clone(loser);
        renamed.name = format!("{}\nCNF:{}", loser.name, loser.guid).into();
        renamed.restamp(loser, target.invocation_id, self.now);
        Arc::new(renamed)
    }
}

#[cfg(test)]
mod tests {
    use super::super::schema::Attribute;
    use super::super::tests::world;
    use super::super::{Change, DcPlan, NewAccount, View};
    use super::*;

    fn pair() -> World {
        let mut world = world();
        world.add_dc(&DcPlan::named("dc2")).expect("added");
        world
    }

    fn seen(world: &World, dc: usize, guid: Guid) -> View<'_> {
        world.id_of(guid).and_then(|id| world.view(dc, id)).expect("it is there")
    }

    #[test]
    fn each_domain_controller_counts_for_itself() {
        let mut world = pair();
        assert_eq!(world.dc(0).iter().count(), world.dc(1).iter().count());
        assert_ne!(world.dc(0).invocation_id, world.dc(1).invocation_id);
        let guid = world.create_account(1, &NewAccount::named("Elsewhere")).expect("created");
        let id = world.id_of(guid).expect("known");
        assert!(world.dc(0).get(id).is_none());
        let (first, second) = (world.dc(0).usn, world.dc(1).usn);
        assert_eq!(world.replicate(1, 0), 1);
        assert_eq!(world.dc(0).get(id).map(|slot| slot.usn_changed), Some(first + 1));
        assert_eq!((world.replicate(1, 0), world.replicate(0, 1)), (0, 0));
        assert_eq!((world.dc(0).usn, world.dc(1).usn), (first + 1, second));
    }

    #[test]
    fn attributes_are_merged_and_the_later_write_of_one_wins() {
        let mut world = pair();
        let guid = world.create_account(0, &NewAccount::named("Both")).expect("created");
        world.converge();
        world.modify(0, guid, &[Change::set("c", "NO")]).expect("written");
        world.modify(1, guid, &[Change::set("title", "first")]).expect("written");
        world.modify(1, guid, &[Change::set("title", "second")]).expect("written");
        world.modify(0, guid, &[Change::set("title", "once")]).expect("written");
        world.converge();
        for dc in 0..2 {
            let view = seen(&world, dc, guid);
            // Two writes there against one here: the version decides, not the clock.
            assert_eq!(
                (view.text(Attribute::C), view.text(Attribute::Title)),
                (Some("NO".into()), Some("second".into()))
            );
        }
        let usns = [world.dc(0).usn, world.dc(1).usn];
        world.converge();
        assert_eq!([world.dc(0).usn, world.dc(1).usn], usns);
    }

    #[test]
    fn members_added_on_two_sides_are_all_members() {
        let mut world = pair();
        let group = world.create_group(0, "G").expect("created");
        let people: Vec<_> =
            ["A", "B", "C"].map(|name| world.create_account(0, &NewAccount::named(name)).expect("created")).into();
        world.set_membership(0, group, people[0], true).expect("added");
        world.converge();
        world.set_membership(0, group, people[1], true).expect("added");
        world.set_membership(1, group, people[2], true).expect("added");
        world.set_membership(1, group, people[0], false).expect("removed");
        world.converge();
        for dc in 0..2 {
            assert_eq!(seen(&world, dc, group).values(Attribute::Member).len(), 2);
            assert_eq!(seen(&world, dc, people[0]).values(Attribute::MemberOf).len(), 0);
        }
    }

    #[test]
    fn of_two_objects_with_one_name_the_later_keeps_it() {
        let mut world = pair();
        let one = world.create_account(0, &NewAccount::named("Twin").sam("one")).expect("created");
        let other = world.create_account(1, &NewAccount::named("Twin").sam("other")).expect("created");
        world.create_account(0, &NewAccount::named("Twin").sam("third")).expect_err("the name is taken here");
        world.converge();
        let names = |dc| [one, other].map(|guid| seen(&world, dc, guid).dn());
        assert_eq!(names(0), names(1));
        let lost: Vec<_> = names(0).into_iter().filter(|dn| dn.contains("\\0ACNF:")).collect();
        assert_eq!(lost.len(), 1, "{lost:?}");
    }

    #[test]
    fn after_a_restore_replication_brings_the_changes_back() {
        let mut world = pair();
        let backup = world.backup(0);
        let guid = world.create_account(0, &NewAccount::named("Later")).expect("created");
        world.replicate(0, 1);
        world.restore(0, &backup, Restoration::Proper);
        assert!(!world.dc(0).synchronized);
        assert!(world.dc(0).get(world.id_of(guid).expect("known")).is_none());
        world.replicate(1, 0);
        assert!(world.dc(0).synchronized);
        assert_eq!(seen(&world, 0, guid).dn(), seen(&world, 1, guid).dn());
    }

    #[test]
    fn after_a_rollback_partners_miss_what_reuses_old_numbers() {
        let mut world = pair();
        let backup = world.backup(0);
        world.create_account(0, &NewAccount::named("Before")).expect("created");
        world.replicate(0, 1);
        world.restore(0, &backup, Restoration::Rollback);
        let lost = world.create_account(0, &NewAccount::named("After")).expect("created");
        assert_eq!(world.replicate(0, 1), 0);
        assert!(world.dc(1).get(world.id_of(lost).expect("known")).is_none());
    }
}
