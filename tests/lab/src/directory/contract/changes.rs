//! What moves the uSN, and what becomes of the deleted.

use ldap3::Scope;

use super::peer::{Entry, Hand, Peer, one, search, show_deleted};

/// Everything below the domain's head that changed after a uSN and is a person, deleted or not.
async fn delta(peer: &Peer<'_>, since: u64) -> Vec<Entry> {
    let mut ldap = peer.witness().await;
    ldap.with_controls(vec![show_deleted()]);
    let filter = format!("(&(uSNChanged>={})(objectClass=user)(!(objectClass=computer)))", since + 1);
    let attributes = ["objectGUID", "uSNChanged", "uSNCreated", "isDeleted", "sAMAccountName", "lastKnownParent", "cn"];
    let (entries, result) = search(&mut ldap, &peer.base, Scope::Subtree, &filter, &attributes).await;
    assert_eq!(result.rc, 0, "{}", result.text);
    entries
}

pub async fn what_moves_the_usn(peer: &Peer<'_>) {
    let unit = peer.unit("Contract Moves").await;
    let other = peer.unit("Contract Other").await;
    let guid = peer.account(&unit, "Mover", "contract-mover", &[]).await;
    let mut last = peer.usn(guid).await;
    assert!(peer.highest_usn().await >= last);

    peer.set(guid, "title", "Boss").await;
    let changed = peer.usn(guid).await;
    assert!(changed > last);
    last = changed;
    peer.rename(guid, "Renamed").await;
    let renamed = peer.named(guid, &["uSNChanged", "cn", "name"]).await;
    assert!(renamed.number("uSNChanged") > last);
    assert_eq!((renamed.text("cn"), renamed.text("name")), ("Renamed".to_owned(), "Renamed".to_owned()));
    last = renamed.number("uSNChanged");
    peer.move_to(guid, &other).await;
    let moved = peer.named(guid, &["uSNChanged", "uSNCreated"]).await;
    assert!(moved.number("uSNChanged") > last && moved.number("uSNCreated") < last);
    assert_eq!(moved.dn, format!("CN=Renamed,{other}"));

    // What hangs below a unit does not notice that the unit is renamed.
    last = moved.number("uSNChanged");
    let renamed = peer.rename_unit(&other, "Contract Third").await;
    let same = peer.named(guid, &["uSNChanged"]).await;
    assert_eq!((same.dn, same.attributes), (format!("CN=Renamed,{renamed}"), Entry::usn(last)));
}

impl Entry {
    fn usn(usn: u64) -> std::collections::BTreeMap<String, Vec<Vec<u8>>> {
        [("uSNChanged".to_owned(), vec![usn.to_string().into_bytes()])].into()
    }
}

pub async fn the_delta_is_what_changed(peer: &Peer<'_>) {
    let unit = peer.unit("Contract Delta").await;
    let old = peer.account(&unit, "Old", "contract-old", &[]).await;
    let start = peer.highest_usn().await;
    assert!(delta(peer, start).await.is_empty());
    let new = peer.account(&unit, "New", "contract-new", &[]).await;
    let found = delta(peer, start).await;
    assert_eq!(found.iter().map(Entry::guid).collect::<Vec<_>>(), [new]);
    assert!(found[0].number("uSNCreated") > start && found[0].number("uSNChanged") <= peer.highest_usn().await);
    peer.set(old, "title", "Boss").await;
    let found = delta(peer, start).await;
    let changed = found.iter().find(|entry| entry.guid() == old).expect("it changed");
    assert!(changed.number("uSNCreated") <= start && found.len() == 2);
}

pub async fn a_deleted_account_leaves_a_tombstone(peer: &Peer<'_>) {
    let unit = peer.unit("Contract Deleted").await;
    let attributes = [("userPrincipalName", "contract-gone@corp.example.test"), ("c", "SE"), ("title", "Boss")];
    let guid = peer.account(&unit, "Gone, Soon", "contract-gone", &attributes).await;
    let start = peer.highest_usn().await;
    peer.delete(guid).await;

    let mut ldap = peer.witness().await;
    let base = format!("<GUID={guid}>");
    assert_eq!(one(&mut ldap, &base, &["cn"]).await.expect_err("it is hidden").rc, 32);
    ldap.with_controls(vec![show_deleted()]);
    let tombstone = one(&mut ldap, &base, &["*"]).await.expect("it is shown");
    let container = format!("CN=Deleted Objects,{}", peer.base);
    assert_eq!(tombstone.dn, format!("CN=Gone\\, Soon\\0ADEL:{guid},{container}"));
    assert_eq!(tombstone.text("isDeleted"), "TRUE");
    assert_eq!(tombstone.text("lastKnownParent"), unit);
    assert_eq!(tombstone.text("sAMAccountName"), "contract-gone");
    assert_eq!(tombstone.guid(), guid);
    for kept in ["objectSid", "userAccountControl", "whenCreated", "uSNCreated"] {
        assert!(tombstone.attributes.contains_key(kept), "{kept}");
    }
    for stripped in ["userPrincipalName", "c", "title", "objectCategory", "sAMAccountType", "primaryGroupID"] {
        assert!(!tombstone.attributes.contains_key(stripped), "{stripped}");
    }
    let found = delta(peer, start).await;
    assert_eq!(found.iter().map(Entry::guid).collect::<Vec<_>>(), [guid]);
    // The name is free again.
    let again = peer.account(&unit, "Gone, Soon", "contract-gone", &[]).await;
    assert_ne!(again, guid);
}

pub async fn an_undeleted_account_is_the_same_again(peer: &Peer<'_>) {
    let unit = peer.unit("Contract Undeleted").await;
    let guid = peer.account(&unit, "Back", "contract-back", &[("title", "Boss")]).await;
    let dn = peer.named(guid, &["cn"]).await.dn;
    peer.delete(guid).await;
    let deleted = peer.usn(guid).await;
    peer.undelete(guid, &dn).await;
    let back = peer.named(guid, &["*"]).await;
    assert_eq!((&back.dn, back.guid()), (&dn, guid));
    assert!(back.number("uSNChanged") > deleted);
    assert!(!back.attributes.contains_key("isDeleted"));
    assert_eq!((back.text("sAMAccountName"), back.text("title")), ("contract-back".to_owned(), String::new()));
}

pub async fn deleted_objects_hide_from_plain_accounts(peer: &Peer<'_>) {
    let unit = peer.unit("Contract Hidden").await;
    let guid = peer.account(&unit, "Hidden", "contract-hidden", &[]).await;
    let start = peer.highest_usn().await;
    peer.delete(guid).await;
    if let Hand::Lab(directory) = peer.hand {
        directory.set_policy(|policy| policy.hide_deleted_objects = true);
    }
    let mut ldap = peer.reader().await;
    ldap.with_controls(vec![show_deleted()]);
    let container = format!("<WKGUID=18E2EA80684F11D2B9AA00C04F79F805,{}>", peer.base);
    let seen = one(&mut ldap, &container, &["cn"]).await;
    // Samba shows the container, though nothing in it.
    assert_eq!(seen.is_ok(), peer.is_samba(), "{seen:?}");
    ldap.with_controls(vec![show_deleted()]);
    let filter = format!("(&(uSNChanged>={})(objectClass=user))", start + 1);
    let (entries, result) = search(&mut ldap, &peer.base, Scope::Subtree, &filter, &["cn"]).await;
    assert_eq!((entries, result.rc), (Vec::new(), 0));
}
