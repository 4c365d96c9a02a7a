//! Finds the domain controllers of a domain, and their addresses, in DNS.

use std::io;
use std::net::{IpAddr, SocketAddr};

use hickory_resolver::config::{ConnectionConfig, NameServerConfig, ResolverConfig};
use hickory_resolver::net::runtime::TokioRuntimeProvider;
use hickory_resolver::proto::rr::RData;
use hickory_resolver::{Resolver, TokioResolver};

use super::error::DirectoryError;
use super::roster::{Record, order};
use crate::model::settings::{DirectorySettings, Server, Transport};

/// The port that controllers register, whatever else they serve (MS-ADTS 6.3.2.3).
const REGISTERED: u16 = 389;
/// LDAP over TLS.
const LDAPS: u16 = 636;

/// Who is asked for names.
pub struct Names {
    /// The system's configuration and file of hosts, or a server of our own choice.
    own: Option<SocketAddr>,
}

impl Names {
    /// Asks as the settings say.
    #[must_use]
    pub fn new(settings: &DirectorySettings) -> Self {
        Self { own: settings.dns }
    }

    /// The controllers of the domain in the order in which this client, by its `seed`, prefers them: those of the configured
    /// site, then all writable ones (MS-ADTS 6.3.6; read-only ones register only in their site).
    ///
    /// # Errors
    /// When DNS does not answer, or knows of none.
    pub async fn controllers(&self, settings: &DirectorySettings, seed: u64) -> Result<Vec<Server>, DirectoryError> {
        let resolver = self.resolver().map_err(|error| failed(&settings.domain, &error))?;
        let everywhere = format!("_ldap._tcp.dc._msdcs.{}.", settings.domain);
        let near =
            settings.site.as_ref().map(|site| format!("_ldap._tcp.{site}._sites.dc._msdcs.{}.", settings.domain));
        let mut servers = Vec::new();
        for name in near.iter().chain([&everywhere]) {
            for record in order(records(&resolver, name).await?, seed) {
                let port = match (record.port, settings.transport) {
                    (REGISTERED, Transport::Ldaps) => LDAPS,
                    (port, _) => port,
                };
                let server = Server { host: record.target, port, transport: settings.transport };
                if !servers.contains(&server) {
                    servers.push(server);
                }
            }
        }
        match servers.is_empty() {
            true => Err(DirectoryError::NoRecords { name: everywhere.trim_end_matches('.').to_owned() }),
            false => Ok(servers),
        }
    }

    /// The addresses of a controller.
    ///
    /// # Errors
    /// When it has none.
    pub(super) async fn addresses(&self, host: &str, port: u16) -> io::Result<Vec<SocketAddr>> {
        let literal: Option<IpAddr> = host.parse().ok();
        if self.own.is_none() || literal.is_some() {
            return Ok(tokio::net::lookup_host((host, port)).await?.collect());
        }
        let resolver = self.resolver().map_err(io::Error::other)?;
        let found = resolver.lookup_ip(format!("{host}.")).await.map_err(io::Error::other)?;
        Ok(found.iter().map(|address| SocketAddr::new(address, port)).collect())
    }

    /// One for each question, so that nothing is remembered for longer than DNS says and a changed configuration is seen.
    fn resolver(&self) -> Result<TokioResolver, hickory_resolver::net::NetError> {
        let Some(server) = self.own else {
            return Resolver::builder_tokio()?.build();
        };
        let connections = [ConnectionConfig::udp(), ConnectionConfig::tcp()].map(|mut connection| {
            connection.port = server.port();
            connection
        });
        let server = NameServerConfig::new(server.ip(), true, connections.into());
        let config = ResolverConfig::from_name_servers(vec![server]);
        Resolver::builder_with_config(config, TokioRuntimeProvider::default()).build()
    }
}

/// The records of one name; none where the name does not exist.
async fn records(resolver: &TokioResolver, name: &str) -> Result<Vec<Record>, DirectoryError> {
    let found = match resolver.srv_lookup(name).await {
        Ok(found) => found,
        Err(error) if error.is_no_records_found() || error.is_nx_domain() => return Ok(Vec::new()),
        Err(error) => return Err(failed(name, &error)),
    };
    let record = |data: &RData| match data {
        RData::SRV(srv) => Some(Record {
            priority: srv.priority,
            weight: srv.weight,
            target: srv.target.to_ascii().trim_end_matches('.').to_ascii_lowercase(),
            port: srv.port,
        }),
        _ => None,
    };
    // A target "." says that there is no such service (RFC 2782).
    let records = found.answers().iter().filter_map(|answer| record(&answer.data));
    Ok(records.filter(|record| !record.target.is_empty()).collect())
}

fn failed(name: &str, error: &hickory_resolver::net::NetError) -> DirectoryError {
    DirectoryError::Dns { name: name.trim_end_matches('.').to_owned(), source: io::Error::other(error.to_string()) }
}
