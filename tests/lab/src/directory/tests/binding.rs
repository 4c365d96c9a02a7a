//! Signing in, and what is open without.

use ldap3::{LdapConnAsync, Scope};

use super::*;
use crate::directory::Kind;

#[tokio::test]
async fn every_form_of_the_name_signs_in() {
    let directory = directory(0).await;
    for name in ["svc@corp.example.test", "CORP\\svc", "cn=svc,ou=Service,dc=corp,dc=example,dc=test"] {
        let mut ldap = connect(&directory).await;
        let result = ldap.simple_bind(name, "lab-password").await.expect("an answer");
        assert_eq!(result.rc, 0, "{name}: {}", result.text);
    }
    assert_eq!(directory.counters().binds, 3);
}

#[tokio::test]
async fn a_wrong_password_gets_the_sub_code() {
    let directory = directory(0).await;
    let mut ldap = connect(&directory).await;
    let result = ldap.simple_bind("svc@corp.example.test", "wrong").await.expect("an answer");
    assert_eq!(result.rc, 49);
    assert!(result.text.starts_with("80090308: LdapErr: DSID-"), "{}", result.text);
    assert!(result.text.contains("data 52e, v4563"), "{}", result.text);

    directory.set_bind_failure(Some(0x775));
    let result = ldap.simple_bind("svc@corp.example.test", "lab-password").await.expect("an answer");
    assert!(result.text.contains("data 775,"), "{}", result.text);
}

#[tokio::test]
async fn an_empty_password_is_anonymous_and_opens_only_the_root() {
    let directory = directory(0).await;
    let mut ldap = connect(&directory).await;
    assert_eq!(ldap.simple_bind("svc@corp.example.test", "").await.expect("an answer").rc, 0);
    assert!(root_dse(&mut ldap).await.contains_key("highestCommittedUSN"));
    let base = directory.base_dn();
    let (entries, result) = search(&mut ldap, &base, Scope::Base, "(objectClass=*)", &["1.1"]).await;
    assert!(entries.is_empty());
    assert_eq!(result.rc, 1);
    assert!(result.text.starts_with("000004DC"), "{}", result.text);
}

#[tokio::test]
async fn the_root_names_the_settings_that_hold_the_invocation_id() {
    let directory = directory(0).await;
    let mut ldap = bound(&directory).await;
    let root = root_dse(&mut ldap).await;
    assert_eq!(root["defaultNamingContext"], [directory.base_dn()]);
    assert_eq!(root["highestCommittedUSN"], [directory.highest_usn().to_string()]);
    assert_eq!(root["dnsHostName"], ["dc1.corp.example.test"]);
    assert_eq!(root["isSynchronized"], ["TRUE"]);
    let settings = &root["dsServiceName"][0];
    let found =
        texts(&mut ldap, settings, Scope::Base, "(objectClass=nTDSDSA)", &["invocationId", "objectClass"]).await;
    let invocation_id = directory.invocation_id();
    assert_eq!(found[0].bin_attrs["invocationId"], [invocation_id.to_bytes_le().to_vec()]);
    assert_eq!(directory.counters().root_dse_reads, 1);
}

#[tokio::test]
async fn a_plain_connection_needs_starttls_before_a_password() {
    let free = std::net::SocketAddr::from(([127, 0, 0, 1], 0));
    let options = DirectoryOptions { starttls_listen: Some(free), ..DirectoryOptions::default() };
    let directory = Directory::start(options).await.expect("it starts");
    let url = format!("ldap://localhost:{}", directory.starttls_addr().expect("served").port());

    let (connection, mut plain) = LdapConnAsync::with_settings(settings(&directory), &url).await.expect("connected");
    ldap3::drive!(connection);
    let refused = plain.simple_bind("svc@corp.example.test", "lab-password").await.expect("an answer");
    assert_eq!(refused.rc, 8);
    assert!(refused.text.starts_with("00002028"), "{}", refused.text);

    let secured = settings(&directory).set_starttls(true);
    let (connection, mut ldap) = LdapConnAsync::with_settings(secured, &url).await.expect("connected");
    ldap3::drive!(connection);
    let accepted = ldap.simple_bind("svc@corp.example.test", "lab-password").await.expect("an answer");
    assert_eq!(accepted.rc, 0);
    assert!(directory.operations().iter().any(|operation| operation.kind == Kind::Extended));
}

#[tokio::test]
async fn the_service_account_cannot_write() {
    let directory = directory(0).await;
    let mut ldap = bound(&directory).await;
    let refused = ldap.delete("CN=svc,OU=Service,DC=corp,DC=example,DC=test").await.expect("an answer");
    assert_eq!(refused.rc, 50);
    assert_eq!(directory.counters().writes, 1);
}

#[tokio::test]
async fn a_machine_that_is_off_drops_everybody_until_it_is_on() {
    let directory = directory(0).await;
    let mut ldap = bound(&directory).await;
    directory.set_down(true);
    assert!(ldap.simple_bind("x", "y").await.is_err());
    let url = format!("ldaps://localhost:{}", directory.ldaps_addr().port());
    assert!(LdapConnAsync::with_settings(settings(&directory), &url).await.is_err());
    directory.set_down(false);
    bound(&directory).await;
}
