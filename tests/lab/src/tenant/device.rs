//! Devices in Intune.

use jiff::Timestamp;
use uuid::Uuid;

use super::handle::Tenant;

/// A managed device.
#[derive(Debug, Clone)]
pub(super) struct Device {
    /// Its primary user.
    pub(super) user: Option<Uuid>,
    pub(super) name: String,
    pub(super) enrolled: Timestamp,
}

impl Tenant {
    /// Enrols a device in Intune, of a user (UPN or id) or of nobody; returns its id.
    ///
    /// # Errors
    /// When there is no such user.
    pub fn enroll(&self, user: Option<&str>, name: &str) -> Result<Uuid, String> {
        self.shared.write(|state| {
            let user = user.map(|user| state.known(user)).transpose()?;
            let (id, enrolled) = (state.draw_id(), state.now());
            state.devices.insert(id, Device { user, name: name.to_owned(), enrolled });
            Ok(id)
        })
    }
}
