//! The members of a group, for a command about all of them.

use super::AgentError;
use crate::clock::Clock;
use crate::directory::{Dc, DirectoryError, Login, Names};
use crate::model::group::{GroupReading, Member};
use crate::model::identity::GroupId;
use crate::model::rule::Dn;
use crate::model::settings::{DirectorySettings, Settings};
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

/// Everyone in one group of a domain, read now from the first controller that can be used; `None` when there is no such
/// group.
///
/// # Errors
/// When no controller of the domain can be used, or the group cannot be read.
pub async fn directory_group_members(
    directory: &DirectorySettings,
    group: &Dn,
) -> Result<Option<Vec<Member>>, AgentError> {
    let mut dc = connect(directory).await?;
    let members = dc.everyone_in(group).await?;
    dc.close().await;
    Ok(members)
}

async fn connect(directory: &DirectorySettings) -> Result<Dc, AgentError> {
    let names = Names::new(directory);
    let servers = match directory.servers.is_empty() {
        true => names.controllers(directory, 0).await?,
        false => directory.servers.clone(),
    };
    let roots = directory.ca_file.clone().map_or(Roots::SystemAnd(None), Roots::Only);
    let (tls, login, now) = (tls::client_config(&roots)?, Login::new(directory), Clock::system().now());
    let mut refused = None;
    for server in &servers {
        match Dc::connect(directory, server, &names, tls.clone(), &login, now).await {
            Ok(dc) => return Ok(dc),
            Err(error) => refused = refused.or(Some(error)),
        }
    }
    Err(refused.unwrap_or(DirectoryError::NoServer).into())
}
