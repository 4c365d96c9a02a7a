//! The members of a group, for a command about all of them.

use std::collections::{BTreeMap, BTreeSet};

use super::AgentError;
use crate::clock::Clock;
use crate::directory::{Dc, DirectoryError, Login, Names};
use crate::model::group::{Found, GroupReading, Member};
use crate::model::identity::{GroupId, ObjectGuid};
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

/// Everyone in one group of a domain, and in the groups within it of whatever domain that is followed, read now from the first
/// controller of each that can be used; `None` when there is no such group.
///
/// # Errors
/// When no controller of a domain can be used, or a group cannot be read.
pub async fn directory_group_members(
    directories: &[DirectorySettings],
    home: &DirectorySettings,
    group: &Dn,
) -> Result<Option<Vec<Member>>, AgentError> {
    let mut dc = connect(home).await?;
    let Found::Group(top) = dc.find_group(group).await? else { return Ok(None) };
    let (mut met, mut asked) = (BTreeSet::new(), BTreeSet::new());
    let mut everyone = dc.everyone_in(vec![top], &mut met).await?;
    dc.close().await;
    loop {
        let mut elsewhere = BTreeMap::<&str, Vec<ObjectGuid>>::new();
        for member in &everyone {
            match &member.domain {
                Some(domain) if asked.insert(member.guid) => elsewhere.entry(domain).or_default().push(member.guid),
                _ => {}
            }
        }
        let mut more = Vec::new();
        for (directory, guids) in directories.iter().filter_map(|of| Some((of, elsewhere.get(of.domain.as_str())?))) {
            let mut dc = connect(directory).await?;
            for guid in guids {
                if let Found::Group(group) = dc.group(*guid).await? {
                    more.extend(dc.everyone_in(vec![group], &mut met).await?);
                }
            }
            dc.close().await;
        }
        if more.is_empty() {
            return Ok(Some(everyone));
        }
        everyone.extend(more);
    }
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
