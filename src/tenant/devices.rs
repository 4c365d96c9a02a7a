//! Who has a device in Intune, read on demand.
//!
//! "List managedDevices" of Microsoft Graph v1.0. Intune's back end is another one than the directory's: its pages are as long
//! as it likes, and its errors have words of their own, JSON within `message`.

use std::collections::BTreeSet;

use super::error::TenantError;
use super::{Graph, http, wire};
use crate::model::identity::UserId;

/// More pages than this mean going in circles.
const MAX_PAGES: usize = 10_000;

impl Graph {
    /// The primary users of all managed devices, read to the last page. `on_page` is told how many devices were read so far.
    ///
    /// # Errors
    /// [`TenantError::DevicesForbidden`] without the permission, [`TenantError::NoIntune`] where the tenant has no Intune.
    pub async fn enrolled_users(&self, on_page: impl Fn(usize)) -> Result<BTreeSet<UserId>, TenantError> {
        let mut at = self.url("/deviceManagement/managedDevices?$select=id,userId");
        let (mut users, mut devices) = (BTreeSet::new(), 0);
        for _ in 0..MAX_PAGES {
            let fetched = self.get(&at).await?;
            if !fetched.ok() {
                let foreign = fetched.status == 400
                    && String::from_utf8_lossy(&fetched.body).contains("not applicable to target tenant");
                return Err(match fetched.failure() {
                    _ if foreign => TenantError::NoIntune,
                    TenantError::Forbidden(detail) => TenantError::DevicesForbidden(detail),
                    error => error,
                });
            }
            let page = wire::devices(&fetched.body).map_err(|reason| fetched.unreadable(reason))?;
            if page.unread > 0 {
                tracing::warn!(devices = page.unread, "devices whose user cannot be understood are left out");
            }
            devices += page.count;
            users.extend(page.users);
            on_page(devices);
            match page.next {
                None => return Ok(users),
                Some(next) if !self.owns(&next) => return Err(TenantError::ForeignPage(http::host_of(&next))),
                Some(next) if next == at => return Err(fetched.unreadable("its next page is itself")),
                Some(next) => at = next,
            }
        }
        let detail = format!("managedDevices has more than {MAX_PAGES} pages");
        Err(TenantError::Unreadable { host: http::host_of(&at), detail })
    }
}
