//! What most scenarios do: all of it on the first domain controller.

use super::handle::Directory;
use super::world::{Account, Backup, Change, Guid, NewAccount, Restoration};

impl Directory {
    /// Creates an account.
    pub fn create_account(&self, new: NewAccount) -> Guid {
        self.dc(0).create_account(new)
    }

    /// Changes an object in one write.
    pub fn modify(&self, guid: Guid, changes: &[Change]) {
        self.dc(0).modify(guid, changes);
    }

    /// Deletes an object.
    pub fn delete(&self, guid: Guid) {
        self.dc(0).delete(guid);
    }

    /// Brings a deleted object back.
    pub fn undelete(&self, guid: Guid) {
        self.dc(0).undelete(guid);
    }

    /// Moves an object to another organizational unit, by name or DN.
    pub fn move_to(&self, guid: Guid, ou: &str) {
        self.dc(0).move_to(guid, ou);
    }

    /// Creates an organizational unit below the domain's head.
    pub fn create_ou(&self, name: &str) -> Guid {
        self.dc(0).create_ou(name)
    }

    /// Renames an organizational unit, given by name or DN.
    pub fn rename_ou(&self, ou: &str, name: &str) {
        self.dc(0).rename_ou(ou, name);
    }

    /// Creates a group.
    pub fn create_group(&self, name: &str) -> Guid {
        self.dc(0).create_group(name)
    }

    /// Puts somebody into a group, or takes them out.
    pub fn set_membership(&self, group: Guid, member: Guid, is_member: bool) {
        self.dc(0).set_membership(group, member, is_member);
    }

    /// Noise: a computer, which is nobody's account, is written.
    pub fn touch_computer(&self) {
        self.dc(0).touch_computer();
    }

    /// Noise: an account's lastLogonTimestamp is written.
    pub fn touch_logon(&self, guid: Guid) {
        self.dc(0).touch_logon(guid);
    }

    /// highestCommittedUSN.
    pub fn highest_usn(&self) -> u64 {
        self.dc(0).highest_usn()
    }

    /// The invocationId.
    pub fn invocation_id(&self) -> Guid {
        self.dc(0).invocation_id()
    }

    /// Gives the domain controller another invocationId.
    pub fn set_invocation_id(&self, invocation_id: Guid) {
        self.dc(0).set_invocation_id(invocation_id);
    }

    /// Says whether replication has finished a cycle since the start (rootDSE isSynchronized).
    pub fn set_synchronized(&self, synchronized: bool) {
        self.dc(0).set_synchronized(synchronized);
    }

    /// The domain controller as it is now.
    pub fn backup(&self) -> Backup {
        self.dc(0).backup()
    }

    /// Puts the domain controller back to a backup.
    pub fn restore(&self, backup: &Backup, how: Restoration) {
        self.dc(0).restore(backup, how);
    }

    /// All user accounts, the built-in ones and the service account included, deleted ones not.
    pub fn accounts(&self) -> Vec<Account> {
        self.dc(0).accounts()
    }

    /// One object, deleted or not.
    pub fn account(&self, guid: Guid) -> Option<Account> {
        self.dc(0).account(guid)
    }
}
