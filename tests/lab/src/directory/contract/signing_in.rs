//! The rootDSE, and binds.

use ldap3::Scope;

use super::peer::{Peer, one, search};

pub async fn the_root_names_the_settings_that_hold_the_invocation_id(peer: &Peer<'_>) {
    let mut ldap = peer.reader().await;
    let root = one(&mut ldap, "", &["*"]).await.expect("a root");
    assert_eq!(root.text("defaultNamingContext"), peer.base);
    assert!(["TRUE", "FALSE"].contains(&root.text("isSynchronized").as_str()));
    for oid in ["1.2.840.113556.1.4.319", "1.2.840.113556.1.4.417", "1.2.840.113556.1.4.1339"] {
        assert!(root.texts("supportedControl").iter().any(|known| known == oid), "{oid}");
    }
    assert!(root.texts("supportedCapabilities").iter().any(|oid| oid == "1.2.840.113556.1.4.800"));
    let settings = root.text("dsServiceName");
    assert!(settings.starts_with("CN=NTDS Settings,CN="), "{settings}");
    let found = one(&mut ldap, &settings, &["invocationId", "objectClass", "objectGUID"]).await.expect("settings");
    assert_eq!(found.attributes["invocationId"][0].len(), 16);
    assert_eq!(found.texts("objectClass").last().map(String::as_str), Some("nTDSDSA"));
    assert!(peer.highest_usn().await >= root.number("highestCommittedUSN"));
}

pub async fn binds_and_what_is_open_without(peer: &Peer<'_>) {
    let mut ldap = peer.connect().await;
    let wrong = ldap.simple_bind(&peer.user, "not the password").await.expect("an answer");
    assert_eq!(wrong.rc, 49);
    assert!(wrong.text.starts_with("80090308: LdapErr: DSID-") && wrong.text.contains("data 52e,"), "{}", wrong.text);

    let mut ldap = peer.connect().await;
    let unknown = ldap.simple_bind("nobody@corp.example.test", "not the password").await.expect("an answer");
    assert!(unknown.rc == 49 && unknown.text.contains("data 52"), "{}", unknown.text);
    // Samba takes an empty password for a wrong one, Windows for nobody's.
    let empty = ldap.simple_bind(&peer.user, "").await.expect("an answer");
    assert_eq!(empty.rc, if peer.is_samba() { 49 } else { 0 }, "{}", empty.text);

    let mut ldap = peer.connect().await;
    assert!(one(&mut ldap, "", &["highestCommittedUSN"]).await.is_ok());
    let (entries, result) = search(&mut ldap, &peer.base, Scope::Subtree, "(objectClass=user)", &["cn"]).await;
    assert!(entries.is_empty());
    assert_eq!(result.rc, 1, "{}", result.text);
}
