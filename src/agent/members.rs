//! The members of a group, for a command about all of them.

use super::AgentError;
use crate::clock::Clock;
use crate::model::group::GroupReading;
use crate::model::identity::GroupId;
use crate::model::settings::Settings;
use crate::tenant::Graph;
use crate::tls::{self, Roots};

/// All members of one group of the tenant, read now.
///
/// # Errors
/// When the tenant's side cannot be used or asked.
pub async fn group_members(settings: &Settings, group: GroupId) -> Result<GroupReading, AgentError> {
    let tls = tls::client_config(&Roots::SystemAnd(settings.tenant.ca_file.clone()))?;
    let graph = Graph::new(&settings.tenant, tls, Clock::system())?;
    Ok(graph.group(group, |_| {}).await?)
}
