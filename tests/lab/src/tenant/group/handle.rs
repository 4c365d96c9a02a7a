//! What the handle offers about groups.

use uuid::Uuid;

use super::{
    super::{handle::Tenant, license::LicenseChange},
    NewGroup,
};

impl Tenant {
    /// Creates a group; returns its object id. What it gives reaches the members after the knob `groupLicensingDelay`.
    ///
    /// # Errors
    /// When id or name is taken, or a member, SKU or plan does not exist.
    pub fn add_group(&self, group: NewGroup) -> Result<Uuid, String> {
        self.shared.write(|state| state.add_group(group))
    }

    /// Puts a user (UPN or id) or another group (name or id) into a group.
    ///
    /// # Errors
    /// When there is no such group or member.
    pub fn add_member(&self, group: &str, member: &str) -> Result<(), String> {
        self.shared.write(|state| state.set_member(group, member, true))
    }

    /// Takes a user or a group out of a group.
    ///
    /// # Errors
    /// When there is no such group or member.
    pub fn remove_member(&self, group: &str, member: &str) -> Result<(), String> {
        self.shared.write(|state| state.set_member(group, member, false))
    }

    /// Changes what a group gives its direct members; `remove_from_group` is not looked at.
    ///
    /// # Errors
    /// When group, SKU or plan does not exist.
    pub fn license_group(&self, group: &str, change: &LicenseChange) -> Result<(), String> {
        self.shared.write(|state| state.change_group_licenses(group, change))
    }

    /// Deletes a group.
    ///
    /// # Errors
    /// When there is no such group, or it still gives licenses.
    pub fn delete_group(&self, group: &str) -> Result<(), String> {
        self.shared.write(|state| state.delete_group(group))
    }
}
