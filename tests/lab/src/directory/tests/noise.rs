//! Foreign changes.

use std::time::Duration;

use ldap3::Scope;

use super::*;

#[tokio::test]
async fn noise_moves_the_counter_and_now_and_then_a_user() {
    let directory = directory(50).await;
    directory.noise(0);
    let start = directory.highest_usn();
    directory.noise(200);
    assert_eq!(directory.highest_usn(), start + 200);
    let mut ldap = bound(&directory).await;
    ldap.with_controls(vec![domain_scope()]);
    let filter = format!("(&(uSNChanged>={}){PEOPLE})", start + 1);
    let users = texts(&mut ldap, ROOT, Scope::Subtree, &filter, &["lastLogonTimestamp"]).await;
    assert!((10..=54).contains(&users.len()), "{}", users.len());
    // The DNS nodes live in a naming context of their own.
    ldap.with_controls(vec![domain_scope()]);
    assert!(texts(&mut ldap, ROOT, Scope::Subtree, "(objectClass=dnsNode)", &["1.1"]).await.is_empty());
    let zones = format!("DC=DomainDnsZones,{ROOT}");
    assert_eq!(texts(&mut ldap, &zones, Scope::Subtree, "(objectClass=dnsNode)", &["1.1"]).await.len(), 16);
}

#[tokio::test]
async fn noise_goes_on_by_itself_until_it_is_quiet() {
    let directory = directory(5).await;
    directory.noise(0);
    let start = directory.highest_usn();
    directory.noise_per_second(1000);
    while directory.highest_usn() < start + 100 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    directory.noise_per_second(0);
}
