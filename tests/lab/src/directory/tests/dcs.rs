//! Several domain controllers of one domain, each on its own socket.

use std::time::Duration;

use ldap3::Scope;

use super::*;
use crate::directory::{Change, Condition, Kind, NewAccount, Restoration};

async fn two() -> Directory {
    Directory::start(DirectoryOptions::with_accounts(10).dcs(2)).await.expect("it starts")
}

async fn usn_of(ldap: &mut Ldap, sam: &str) -> Option<String> {
    ldap.with_controls(vec![domain_scope()]);
    let found = texts(ldap, ROOT, Scope::Subtree, &format!("(sAMAccountName={sam})"), &["uSNChanged"]).await;
    found.first().map(|entry| entry.attrs["uSNChanged"][0].clone())
}

#[tokio::test]
async fn each_has_a_name_an_address_and_numbers_of_its_own() {
    let directory = two().await;
    let (first, second) = (directory.dc(0), directory.dc(1));
    assert_eq!(second.fqdn(), "dc2.corp.example.test");
    assert_eq!(first.ldaps_addr().port(), second.ldaps_addr().port());
    assert_ne!(first.ldaps_addr().ip(), second.ldaps_addr().ip());

    let (mut one, mut other) = (bound_to(&directory, 0).await, bound_to(&directory, 1).await);
    let roots = (root_dse(&mut one).await, root_dse(&mut other).await);
    for name in ["dsServiceName", "dnsHostName", "highestCommittedUSN", "serverName"] {
        assert_ne!(roots.0[name], roots.1[name], "{name}");
    }
    let mut ids = Vec::new();
    for root in [&roots.0, &roots.1] {
        // Both know the settings of both.
        let settings = &root["dsServiceName"][0];
        let found = texts(&mut one, settings, Scope::Base, "(objectClass=nTDSDSA)", &["invocationId"]).await;
        ids.push(found[0].bin_attrs["invocationId"][0].clone());
    }
    assert_eq!(ids, [first.invocation_id(), second.invocation_id()].map(|id| id.to_bytes_le().to_vec()));

    let guid = second.create_account(NewAccount::named("Eva").sam("eva"));
    assert_eq!((usn_of(&mut one, "eva").await, first.account(guid)), (None, None));
    assert_eq!(directory.replicate(1, 0), 1);
    assert_eq!(usn_of(&mut one, "eva").await, Some(first.highest_usn().to_string()));
    assert_ne!(usn_of(&mut one, "eva").await, usn_of(&mut other, "eva").await);
    assert_eq!((first.counters().searches, second.counters().searches), (5, 1));
    assert_eq!(second.counters().root_dse_reads, 1);
    assert!(second.counters().bytes > 500);
    assert!(second.operations().iter().all(|operation| operation.dc == 1));
}

#[tokio::test]
async fn replication_by_itself_brings_changes_over() {
    let directory = two().await;
    directory.replicate_every(Some(Duration::from_millis(5)));
    let guid = directory.dc(1).create_account(NewAccount::named("Eva"));
    while directory.account(guid).is_none() {
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    // Who is down neither gives nor takes.
    directory.dc(1).set_condition(Condition::Killed).await;
    directory.dc(1).modify(guid, &[Change::set("title", "lost")]);
    assert_eq!(directory.replicate(1, 0), 0);
    directory.dc(1).set_condition(Condition::Up).await;
    directory.converge();
    let world = directory.world();
    let title = world
        .view(0, world.id_of(guid).expect("known"))
        .and_then(|view| view.text(crate::directory::world::schema::Attribute::Title));
    assert_eq!(title.as_deref(), Some("lost"));
}

#[tokio::test]
async fn a_killed_one_refuses_and_the_other_goes_on() {
    let directory = two().await;
    let (mut one, mut other) = (bound_to(&directory, 0).await, bound_to(&directory, 1).await);
    directory.dc(0).set_condition(Condition::Killed).await;
    assert!(one.simple_bind("x", "y").await.is_err());
    assert_eq!(reach(&directory, 0).await.err().as_deref(), Some("connection refused"));
    assert!(root_dse(&mut other).await.contains_key("highestCommittedUSN"));
    directory.dc(0).set_condition(Condition::Up).await;
    bound_to(&directory, 0).await;

    directory.dc(1).set_condition(Condition::Refusing).await;
    assert_eq!(reach(&directory, 1).await.err().as_deref(), Some("connection refused"));
    assert!(root_dse(&mut other).await.contains_key("highestCommittedUSN"));
}

#[tokio::test]
async fn a_hung_one_answers_late_and_a_vanished_one_never() {
    let directory = two().await;
    let wait = Duration::from_millis(50);
    for (condition, comes_back) in [(Condition::Hung, true), (Condition::Vanished, false)] {
        let mut ldap = bound_to(&directory, 1).await;
        directory.dc(1).set_condition(condition).await;
        // The kernel still takes the connection; nobody greets.
        assert!(tokio::time::timeout(wait, reach(&directory, 1)).await.is_err(), "{condition:?}");
        let mut waiting = tokio::spawn(async move { ldap.simple_bind("x", "y").await.is_ok() });
        assert!(tokio::time::timeout(wait, &mut waiting).await.is_err(), "{condition:?}");
        directory.dc(1).set_condition(Condition::Up).await;
        bound_to(&directory, 1).await;
        match comes_back {
            true => assert!(waiting.await.expect("no panic"), "{condition:?}"),
            false => assert!(tokio::time::timeout(wait, waiting).await.is_err(), "{condition:?}"),
        }
    }
}

#[tokio::test]
async fn a_restored_one_has_another_identity_and_is_behind_until_it_pulls() {
    let directory = two().await;
    let (first, second) = (directory.dc(0), directory.dc(1));
    let (backup, usn, id) = (first.backup(), first.highest_usn(), first.invocation_id());
    let guid = first.create_account(NewAccount::named("Eva").sam("eva"));
    directory.converge();
    first.restore(&backup, Restoration::Proper);
    assert_eq!(first.highest_usn(), usn);
    assert_ne!(first.invocation_id(), id);
    let mut ldap = bound_to(&directory, 0).await;
    assert_eq!(root_dse(&mut ldap).await["isSynchronized"], ["FALSE"]);
    directory.converge();
    assert_eq!(root_dse(&mut ldap).await["isSynchronized"], ["TRUE"]);
    assert_eq!(first.account(guid).map(|account| account.dn), second.account(guid).map(|account| account.dn));
}

#[tokio::test]
async fn a_read_only_one_says_so_and_lacks_what_is_filtered() {
    let directory = two().await;
    let branch = DcOptions { filtered: vec!["employeeID".to_owned()], ..DcOptions::read_only("Branch") };
    let dc = directory.add_dc(&branch).await.expect("promoted");
    let guid = directory.create_account(NewAccount::named("Eva").sam("eva").with("employeeID", "7"));
    assert_eq!(directory.replicate(0, dc), 1);
    for (dc, ids) in [(1, 1), (dc, 0)] {
        directory.replicate(0, dc);
        let mut ldap = bound_to(&directory, dc).await;
        ldap.with_controls(vec![domain_scope()]);
        assert_eq!(texts(&mut ldap, ROOT, Scope::Subtree, "(employeeID=7)", &["1.1"]).await.len(), ids);
    }
    let mut ldap = bound_to(&directory, dc).await;
    let root = root_dse(&mut ldap).await;
    assert!(root["supportedCapabilities"].iter().any(|oid| oid == "1.2.840.113556.1.4.1920"));
    assert!(root["dsServiceName"][0].contains("CN=Branch,CN=Sites"));
    let found = texts(&mut ldap, &root["dsServiceName"][0], Scope::Base, "(objectClass=*)", &["objectClass"]).await;
    assert_eq!(found[0].attrs["objectClass"].last().map(String::as_str), Some("nTDSDSARO"));
    let refused = ldap.delete(&format!("<GUID={guid}>")).await.expect("an answer");
    assert_eq!(refused.rc, 10);
    assert_eq!(directory.replicate(dc, 0), 0);
    assert!(directory.dc(dc).operations().iter().any(|operation| operation.kind == Kind::Write));
}
