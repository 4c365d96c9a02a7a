//! The rootDSE: what a domain controller says of itself to anybody (MS-ADTS 3.1.1.3.2).

use ldap3_proto::proto::{LdapPartialAttribute, LdapSearchResultEntry};

use crate::directory::world::{World, dn_of, generalized_time, now};

use super::controls::SUPPORTED;
use super::partial;

/// Capabilities: Active Directory, its LDAP integration, V51, V60, V61R2, W8.
const CAPABILITIES: &[&str] = &[
    "1.2.840.113556.1.4.800",
    "1.2.840.113556.1.4.1670",
    "1.2.840.113556.1.4.1791",
    "1.2.840.113556.1.4.1935",
    "1.2.840.113556.1.4.2080",
    "1.2.840.113556.1.4.2237",
];

/// The capability of a read-only domain controller (MS-ADTS 3.1.1.3.4.3).
const PARTIAL_SECRETS: &str = "1.2.840.113556.1.4.1920";

/// The rootDSE with the attributes asked for; all for none or `*`.
pub fn entry(world: &World, dc: usize, wanted: &[String]) -> LdapSearchResultEntry {
    let all = wanted.is_empty() || wanted.iter().any(|name| name == "*" || name == "+");
    let asked = |name: &str| all || wanted.iter().any(|asked| asked.eq_ignore_ascii_case(name));
    let attributes = attributes(world, dc).into_iter().filter(|attribute| asked(&attribute.atype)).collect();
    LdapSearchResultEntry { dn: String::new(), attributes }
}

fn attributes(world: &World, dc: usize) -> Vec<LdapPartialAttribute> {
    let (replica, domain) = (world.dc(dc), &world.domain);
    let settings = replica.dn(replica.ntds);
    let server = settings.split_once(',').map_or("", |(_, server)| server);
    let host = format!("{}.{}", replica.host, domain.dns);
    let schema = format!("CN=Schema,{}", domain.configuration);
    let synchronized = if replica.synchronized { "TRUE" } else { "FALSE" };
    let forest = dn_of(&domain.forest);
    let mut capabilities = CAPABILITIES.to_vec();
    if replica.read_only {
        capabilities.push(PARTIAL_SECRETS);
    }
    let mut contexts = vec![domain.base.clone(), domain.configuration.clone(), schema.clone()];
    contexts.extend(world.zones().map(|zones| replica.dn(zones)));
    let one = |name: &str, value: &str| partial(name, [value]);
    vec![
        one("currentTime", &generalized_time(now() + world.policy.clock_ahead)),
        one("subschemaSubentry", &format!("CN=Aggregate,{schema}")),
        one("dsServiceName", &settings),
        partial("namingContexts", contexts),
        one("defaultNamingContext", &domain.base),
        one("schemaNamingContext", &schema),
        one("configurationNamingContext", &domain.configuration),
        one("rootDomainNamingContext", &forest),
        partial("supportedControl", SUPPORTED),
        partial("supportedLDAPVersion", ["3", "2"]),
        partial("supportedLDAPPolicies", ["MaxPageSize", "MaxValRange", "MaxQueryDuration"]),
        one("highestCommittedUSN", &replica.usn.to_string()),
        partial("supportedSASLMechanisms", ["GSSAPI", "GSS-SPNEGO", "EXTERNAL", "DIGEST-MD5"]),
        one("dnsHostName", &host),
        one("ldapServiceName", &format!("{}:{}$@{}", domain.forest, replica.host, domain.dns.to_uppercase())),
        one("serverName", server),
        partial("supportedCapabilities", capabilities),
        partial("supportedExtension", ["1.3.6.1.4.1.1466.20037", "1.3.6.1.4.1.4203.1.11.3"]),
        one("isSynchronized", synchronized),
        one("isGlobalCatalogReady", "TRUE"),
        one("domainFunctionality", "7"),
        one("forestFunctionality", "7"),
        one("domainControllerFunctionality", "7"),
    ]
}
