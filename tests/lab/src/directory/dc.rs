//! One domain controller of a running directory.

use std::net::SocketAddr;

use super::dns::Srv;
use super::fault::Target;
use super::log::{Counters, Operation};
use super::server::Shared;
use super::server::machine::Condition;
use super::world::schema::Class;
use super::world::{Account, Backup, Change, Guid, NewAccount, Restoration, World, WorldError};

/// One domain controller: what it holds, what is written on it, what state its machine is in.
///
/// What is written here reaches the others by replication alone. Methods that change the world panic when the
/// scenario makes no sense, such as deleting what is not there.
#[derive(Clone, Copy)]
pub struct Dc<'a> {
    shared: &'a Shared,
    dc: usize,
}

impl<'a> Dc<'a> {
    pub(super) fn new(shared: &'a Shared, dc: usize) -> Dc<'a> {
        Dc { shared, dc }
    }

    /// Its number, from 0: what faults, gates and the log call it.
    pub fn number(&self) -> usize {
        self.dc
    }

    /// Its full DNS name.
    pub fn fqdn(&self) -> String {
        self.shared.machine(self.dc).address.fqdn.clone()
    }

    /// Where it serves LDAPS.
    pub fn ldaps_addr(&self) -> SocketAddr {
        self.shared.machine(self.dc).address.ldaps
    }

    /// Its LDAPS address under its own name. The name is in no DNS but the lab's: a client dials `ldaps_addr` and
    /// checks the certificate for this one.
    pub fn ldaps_url(&self) -> String {
        format!("ldaps://{}:{}", self.fqdn(), self.ldaps_addr().port())
    }

    /// Where it serves plain LDAP with StartTLS.
    pub fn starttls_addr(&self) -> Option<SocketAddr> {
        self.shared.machine(self.dc).address.starttls
    }

    /// Everything it is asked, for faults and gates.
    pub fn all(&self) -> Target {
        Target::default().on(self.dc)
    }

    fn write<T>(&self, change: impl FnOnce(&mut World, usize) -> Result<T, WorldError>) -> T {
        let done = change(&mut self.shared.world(), self.dc);
        done.unwrap_or_else(|error| panic!("the scenario does not fit the directory: {error}"))
    }

    /// Creates an account.
    pub fn create_account(&self, new: NewAccount) -> Guid {
        self.write(|world, dc| world.create_account(dc, &new))
    }

    /// Changes an object in one write.
    pub fn modify(&self, guid: Guid, changes: &[Change]) {
        self.write(|world, dc| world.modify(dc, guid, changes));
    }

    /// Deletes an object.
    pub fn delete(&self, guid: Guid) {
        self.write(|world, dc| world.delete(dc, guid));
    }

    /// Turns a deleted-object into a recycled-object.
    pub fn recycle(&self, guid: Guid) {
        self.write(|world, dc| world.recycle(dc, guid));
    }

    /// Removes what is left of a deleted object. No uSN tells of it.
    pub fn collect_garbage(&self, guid: Guid) {
        self.write(|world, dc| world.collect_garbage(dc, guid));
    }

    /// Brings a deleted object back.
    pub fn undelete(&self, guid: Guid) {
        self.write(|world, dc| world.undelete(dc, guid));
    }

    /// Moves an object to another organizational unit, by name or DN.
    pub fn move_to(&self, guid: Guid, ou: &str) {
        self.write(|world, dc| world.move_to(dc, guid, ou));
    }

    /// Renames an object.
    pub fn rename(&self, guid: Guid, name: &str) {
        self.write(|world, dc| world.rename(dc, guid, name));
    }

    /// Creates an organizational unit below the domain's head.
    pub fn create_ou(&self, name: &str) -> Guid {
        self.write(|world, dc| world.create_ou(dc, name, None))
    }

    /// Renames an organizational unit, given by name or DN.
    pub fn rename_ou(&self, ou: &str, name: &str) {
        self.write(|world, dc| world.rename_ou(dc, ou, name));
    }

    /// Creates a group.
    pub fn create_group(&self, name: &str) -> Guid {
        self.write(|world, dc| world.create_group(dc, name))
    }

    /// Puts somebody into a group, or takes them out.
    pub fn set_membership(&self, group: Guid, member: Guid, is_member: bool) {
        self.write(|world, dc| world.set_membership(dc, group, member, is_member));
    }

    /// Puts many into a group in one write.
    pub fn add_members(&self, group: Guid, members: &[Guid]) {
        self.write(|world, dc| world.set_members(dc, group, members, true));
    }

    /// Makes a group, which they are in, somebody's primary group: `member` and `memberOf` then tell of it no more.
    pub fn set_primary_group(&self, user: Guid, group: Guid) {
        self.write(|world, dc| world.set_primary_group(dc, user, group));
    }

    /// Noise: a computer, which is nobody's account, is written.
    pub fn touch_computer(&self) {
        self.write(World::touch_computer);
    }

    /// Noise: an account's lastLogonTimestamp is written.
    pub fn touch_logon(&self, guid: Guid) {
        self.write(|world, dc| world.touch_logon(dc, guid));
    }

    /// So many foreign changes: computers, DNS nodes, lastLogonTimestamp of users. The first noise of all also makes
    /// the DNS zone, which moves the uSN by itself.
    pub fn noise(&self, count: usize) {
        self.write(|world, dc| world.noise(dc, count));
    }

    /// highestCommittedUSN.
    pub fn highest_usn(&self) -> u64 {
        self.shared.world().dc(self.dc).usn
    }

    /// The invocationId.
    pub fn invocation_id(&self) -> Guid {
        self.shared.world().dc(self.dc).invocation_id
    }

    /// Gives it another invocationId.
    pub fn set_invocation_id(&self, invocation_id: Guid) {
        self.shared.world().set_invocation_id(self.dc, invocation_id);
    }

    /// Says whether replication has finished a cycle since the start (rootDSE isSynchronized).
    pub fn set_synchronized(&self, synchronized: bool) {
        self.shared.world().set_synchronized(self.dc, synchronized);
    }

    /// The domain controller as it is now.
    pub fn backup(&self) -> Backup {
        self.shared.world().backup(self.dc)
    }

    /// Puts it back to a backup. With partners, a proper restore leaves it not synchronized until it has pulled.
    pub fn restore(&self, backup: &Backup, how: Restoration) {
        self.shared.world().restore(self.dc, backup, how);
    }

    /// All user accounts, the built-in ones and the service account included, deleted ones not.
    pub fn accounts(&self) -> Vec<Account> {
        accounts(&self.shared.world(), self.dc)
    }

    /// One object, deleted or not.
    pub fn account(&self, guid: Guid) -> Option<Account> {
        let world = self.shared.world();
        let view = world.id_of(guid).and_then(|id| world.view(self.dc, id));
        view.map(|view| view.account())
    }

    /// The state of the machine.
    pub fn condition(&self) -> Condition {
        self.shared.machine(self.dc).condition()
    }

    /// Puts the machine into a state, and waits until its ports are open, or closed, accordingly.
    pub async fn set_condition(&self, condition: Condition) {
        let machine = self.shared.machine(self.dc);
        machine.set_condition(condition);
        machine.settled().await;
    }

    /// Throws away all its cookies of paged searches.
    pub fn evict_cookies(&self) {
        self.shared.machine(self.dc).evict_cookies();
    }

    /// Changes how it stands in DNS.
    pub fn set_srv(&self, change: impl FnOnce(&mut Srv)) {
        change(&mut self.shared.machine(self.dc).srv());
    }

    /// The operations it was asked for and that are recorded.
    pub fn operations(&self) -> Vec<Operation> {
        let mut operations = self.shared.log.operations();
        operations.retain(|operation| operation.dc == self.dc);
        operations
    }

    /// Totals of those operations.
    pub fn counters(&self) -> Counters {
        self.shared.log.counters_of(self.dc)
    }
}

/// All live user accounts as a domain controller has them.
pub(super) fn accounts(world: &World, dc: usize) -> Vec<Account> {
    let users = world.dc(dc).by_class(Class::User);
    users.into_iter().filter_map(|id| Some(world.view(dc, id)?.account())).collect()
}
