//! The directory as a real LDAP client sees it.

mod binding;
mod changes;
mod control;
mod dcs;
mod discovery;
mod failing;
mod forest;
mod groups;
mod noise;
mod oddities;
mod searching;
mod size;

use std::collections::BTreeMap;
use std::sync::Arc;

use ldap3::controls::RawControl;
use ldap3::{Ldap, LdapConnAsync, LdapConnSettings, LdapResult, ResultEntry, Scope, SearchEntry, StdStream};
use rustls::{ClientConfig, RootCertStore};
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject;

use super::{DcOptions, Directory, DirectoryOptions};

const ROOT: &str = "DC=corp,DC=example,DC=test";
const PEOPLE: &str = "(&(objectClass=user)(!(objectClass=computer)))";

async fn directory(accounts: usize) -> Directory {
    Directory::start(DirectoryOptions::with_accounts(accounts)).await.expect("it starts")
}

fn settings(directory: &Directory) -> LdapConnSettings {
    let mut roots = RootCertStore::empty();
    let ca = CertificateDer::from_pem_slice(directory.ca_pem().as_bytes()).expect("a certificate");
    roots.add(ca).expect("a root");
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("versions")
        .with_root_certificates(roots)
        .with_no_client_auth();
    LdapConnSettings::new().set_config(Arc::new(config))
}

async fn connect(directory: &Directory) -> Ldap {
    let url = format!("ldaps://localhost:{}", directory.ldaps_addr().port());
    let (connection, ldap) = LdapConnAsync::with_settings(settings(directory), &url).await.expect("a connection");
    ldap3::drive!(connection);
    ldap
}

/// A connection to a domain controller under its own name, which is in no DNS: the address is dialled.
async fn reach(directory: &Directory, dc: usize) -> Result<Ldap, String> {
    let dc = directory.dc(dc);
    let stream = std::net::TcpStream::connect(dc.ldaps_addr()).map_err(|error| error.kind().to_string())?;
    stream.set_nonblocking(true).expect("a socket");
    let settings = settings(directory).set_std_stream(StdStream::Tcp(stream));
    let opened = LdapConnAsync::with_settings(settings, &dc.ldaps_url()).await;
    let (connection, ldap) = opened.map_err(|error| error.to_string())?;
    ldap3::drive!(connection);
    Ok(ldap)
}

async fn bound_to(directory: &Directory, dc: usize) -> Ldap {
    sign_in(directory, reach(directory, dc).await.expect("a connection")).await
}

async fn bound(directory: &Directory) -> Ldap {
    sign_in(directory, connect(directory).await).await
}

async fn sign_in(directory: &Directory, mut ldap: Ldap) -> Ldap {
    let (user, password) = (directory.bind_user(), directory.bind_password());
    ldap.simple_bind(&user, &password).await.expect("an answer").success().expect("bound");
    ldap
}

/// A search without paging: entries and result.
async fn search(
    ldap: &mut Ldap,
    base: &str,
    scope: Scope,
    filter: &str,
    attributes: &[&str],
) -> (Vec<ResultEntry>, LdapResult) {
    let found = ldap.search(base, scope, filter, attributes.to_vec()).await.expect("an answer");
    (found.0, found.1)
}

/// Entries that are text, by the parser of the client.
async fn texts(ldap: &mut Ldap, base: &str, scope: Scope, filter: &str, attributes: &[&str]) -> Vec<SearchEntry> {
    let (entries, result) = search(ldap, base, scope, filter, attributes).await;
    assert_eq!(result.rc, 0, "{}", result.text);
    entries.into_iter().filter(|entry| !entry.is_ref()).map(SearchEntry::construct).collect()
}

async fn root_dse(ldap: &mut Ldap) -> BTreeMap<String, Vec<String>> {
    let entries = texts(ldap, "", Scope::Base, "(objectClass=*)", &["*"]).await;
    entries[0].attrs.clone().into_iter().collect()
}

fn control(oid: &str) -> RawControl {
    RawControl { ctype: oid.to_owned(), crit: true, val: None }
}

/// Show deleted.
fn show_deleted() -> RawControl {
    control("1.2.840.113556.1.4.417")
}

/// Domain scope: no references.
fn domain_scope() -> RawControl {
    control("1.2.840.113556.1.4.1339")
}
