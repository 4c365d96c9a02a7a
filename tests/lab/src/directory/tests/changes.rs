//! What changes, and how it shows: uSNs, tombstones, moves.

use ldap3::Scope;

use super::*;
use crate::directory::{Change, NewAccount, Restoration};

async fn delta(directory: &Directory, ldap: &mut Ldap, since: u64) -> Vec<SearchEntry> {
    ldap.with_controls(vec![show_deleted(), domain_scope()]);
    let filter = format!("(&(uSNChanged>={})(objectClass=user)(!(objectClass=computer)))", since + 1);
    texts(ldap, &directory.base_dn(), Scope::Subtree, &filter, &["*"]).await
}

#[tokio::test]
async fn a_delta_holds_what_changed_and_nothing_else() {
    let directory = directory(50).await;
    let mut ldap = bound(&directory).await;
    let start = directory.highest_usn();
    assert!(delta(&directory, &mut ldap, start).await.is_empty());

    let guid = directory.create_account(NewAccount::named("New").disabled());
    directory.modify(guid, &[Change::Enable, Change::set("c", "NO")]);
    directory.touch_computer();
    let found = delta(&directory, &mut ldap, start).await;
    assert_eq!(found.len(), 1);
    assert_eq!(found[0].attrs["userAccountControl"], ["512"]);
    assert_eq!(found[0].attrs["c"], ["NO"]);
    assert_eq!(found[0].attrs["uSNChanged"], [(start + 2).to_string()]);
    assert_eq!(found[0].attrs["uSNCreated"], [(start + 1).to_string()]);
    assert_eq!(directory.highest_usn(), start + 3);

    let group = directory.create_group("G");
    let before = directory.account(guid).expect("there");
    directory.set_membership(group, guid, true);
    assert_eq!(directory.account(guid).expect("there"), before);
    let member = texts(&mut ldap, &format!("<GUID={guid}>"), Scope::Base, "(objectClass=*)", &["memberOf"]).await;
    assert_eq!(member[0].attrs["memberOf"], [format!("CN=G,CN=Users,{ROOT}")]);
}

#[tokio::test]
async fn a_deleted_account_leaves_a_tombstone() {
    let directory = directory(0).await;
    let mut ldap = bound(&directory).await;
    let guid = directory.create_account(NewAccount::named("Gone, Soon").sam("gone").country("SE"));
    let before = directory.highest_usn();
    directory.delete(guid);

    let base = format!("<GUID={guid}>");
    let (_, hidden) = search(&mut ldap, &base, Scope::Base, "(objectClass=*)", &["*"]).await;
    assert_eq!(hidden.rc, 32);
    let found = delta(&directory, &mut ldap, before).await;
    let tombstone = &found[0];
    assert_eq!(tombstone.dn, format!("CN=Gone\\, Soon\\0ADEL:{guid},CN=Deleted Objects,{ROOT}"));
    assert_eq!(tombstone.attrs["isDeleted"], ["TRUE"]);
    assert_eq!(tombstone.attrs["sAMAccountName"], ["gone"]);
    assert_eq!(tombstone.attrs["lastKnownParent"], [format!("OU=Staff,{ROOT}")]);
    for stripped in ["userPrincipalName", "mail", "c", "objectCategory", "sAMAccountType", "primaryGroupID"] {
        assert!(!tombstone.attrs.contains_key(stripped), "{stripped}");
    }
    let again = directory.create_account(NewAccount::named("Gone, Soon").sam("gone"));
    assert_ne!(again, guid);

    directory.set_policy(|policy| policy.hide_deleted_objects = true);
    assert!(delta(&directory, &mut ldap, before).await.iter().all(|entry| !entry.attrs.contains_key("isDeleted")));
    ldap.with_controls(vec![show_deleted()]);
    let container = format!("<WKGUID=18E2EA80684F11D2B9AA00C04F79F805,{ROOT}>");
    assert_eq!(search(&mut ldap, &container, Scope::Base, "(objectClass=*)", &["1.1"]).await.1.rc, 32);
}

#[tokio::test]
async fn with_the_recycle_bin_nothing_is_lost_until_it_is_recycled() {
    let directory = directory(0).await;
    directory.set_policy(|policy| policy.recycle_bin = true);
    let mut ldap = bound(&directory).await;
    let guid = directory.create_account(NewAccount::named("Back").sam("back").country("SE"));
    let before = directory.highest_usn();
    directory.delete(guid);
    let found = delta(&directory, &mut ldap, before).await;
    assert_eq!(found[0].attrs["c"], ["SE"]);
    assert!(!found[0].attrs.contains_key("objectCategory"));

    directory.undelete(guid);
    let found = delta(&directory, &mut ldap, before).await;
    assert_eq!(found[0].dn, format!("CN=Back,OU=Staff,{ROOT}"));
    assert!(!found[0].attrs.contains_key("isDeleted"));

    directory.delete(guid);
    directory.world().recycle(0, guid).expect("recycled");
    assert!(delta(&directory, &mut ldap, before).await.is_empty());
    ldap.with_controls(vec![control("1.2.840.113556.1.4.2064")]);
    let found = texts(&mut ldap, &format!("<GUID={guid}>"), Scope::Base, "(objectClass=*)", &["*"]).await;
    assert_eq!(found[0].attrs["isRecycled"], ["TRUE"]);
}

#[tokio::test]
async fn moving_or_renaming_above_does_not_move_the_usn() {
    let directory = directory(0).await;
    let mut ldap = bound(&directory).await;
    let guid = directory.create_account(NewAccount::named("M"));
    let usn = directory.account(guid).expect("there").usn_changed;
    directory.rename_ou("Staff", "Employees");
    let account = directory.account(guid).expect("there");
    assert_eq!((account.dn, account.usn_changed), (format!("CN=M,OU=Employees,{ROOT}"), usn));
    directory.move_to(guid, "Contractors");
    let found = delta(&directory, &mut ldap, usn + 1).await;
    assert_eq!(found[0].dn, format!("CN=M,OU=Contractors,{ROOT}"));
}

#[tokio::test]
async fn malformed_entries_come_as_they_were_made() {
    let directory = directory(0).await;
    let mut ldap = bound(&directory).await;
    let start = directory.highest_usn();
    directory.create_account(NewAccount::named("short").with("objectGUID", [1, 2, 3]));
    directory.create_account(NewAccount::named("missing").without("objectGUID").with("objectSid", "junk"));
    let bad = directory.create_account(NewAccount::named("text").with("userAccountControl", "many"));
    directory.modify(bad, &[Change::set("sAMAccountName", b"\xff\xfe")]);
    let found = delta(&directory, &mut ldap, start).await;
    let by_name = |name: &str| found.iter().find(|entry| entry.attrs["cn"] == [name]).expect("there");
    assert_eq!(by_name("short").attrs["objectGUID"], ["\u{1}\u{2}\u{3}"]);
    assert!(!by_name("missing").attrs.contains_key("objectGUID"));
    assert_eq!(by_name("missing").attrs["objectSid"], ["junk"]);
    assert_eq!(by_name("text").attrs["userAccountControl"], ["many"]);
    assert_eq!(by_name("text").bin_attrs["sAMAccountName"], [b"\xff\xfe".to_vec()]);
}

#[tokio::test]
async fn a_restore_changes_the_invocation_id_and_a_rollback_does_not() {
    let directory = directory(0).await;
    let (backup, usn, id) = (directory.backup(), directory.highest_usn(), directory.invocation_id());
    let guid = directory.create_account(NewAccount::new());
    directory.restore(&backup, Restoration::Rollback);
    assert_eq!((directory.highest_usn(), directory.invocation_id()), (usn, id));
    assert_eq!(directory.account(guid), None);
    directory.restore(&backup, Restoration::Proper);
    assert_eq!(directory.highest_usn(), usn);
    assert_ne!(directory.invocation_id(), id);
}

#[tokio::test]
async fn the_same_seed_makes_the_same_people() {
    let (one, other) = (directory(200).await, directory(200).await);
    let names = |directory: &Directory| {
        directory.accounts().into_iter().map(|account| (account.guid, account.dn, account.upn)).collect::<Vec<_>>()
    };
    assert_eq!(names(&one), names(&other));
    let mut upns: Vec<_> = one.accounts().into_iter().filter_map(|account| account.upn).collect();
    let all = upns.len();
    upns.sort();
    upns.dedup();
    assert_eq!(upns.len(), all);
}
