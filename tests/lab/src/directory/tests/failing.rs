//! Faults and gates.

use std::time::Duration;

use ldap3::Scope;
use ldap3::adapters::{Adapter, EntriesOnly, PagedResults};

use super::*;
use crate::directory::{Effect, Fault, Kind, Moment, NewAccount, Target};

/// A whole paged search: entries met, and the result code, if the connection lived to tell.
async fn scan(ldap: &mut Ldap, page: i32) -> (usize, Option<u32>) {
    let adapters: Vec<Box<dyn Adapter<_, _>>> = vec![Box::new(EntriesOnly::new()), Box::new(PagedResults::new(page))];
    let mut stream =
        ldap.streaming_search_with(adapters, ROOT, Scope::Subtree, PEOPLE, vec!["cn"]).await.expect("it starts");
    let mut met = 0;
    loop {
        match stream.next().await {
            Ok(Some(_)) => met += 1,
            Ok(None) => return (met, Some(stream.finish().await.rc)),
            Err(_) => return (met, None),
        }
    }
}

fn busy() -> Effect {
    Effect::Result { code: 51, text: "00002098: busy".to_owned() }
}

#[tokio::test]
async fn a_page_fails_half_way_and_the_next_scan_is_whole() {
    let directory = directory(96).await;
    let mut ldap = bound(&directory).await;
    directory.add_fault(Fault::once(Target::page(2), busy()).after_entries(7));
    assert_eq!(scan(&mut ldap, 40).await, (47, Some(51)));
    assert_eq!(scan(&mut ldap, 40).await, (100, Some(0)));

    directory.add_fault(Fault::once(Target::page(3), Effect::Cut).after_entries(5));
    assert_eq!(scan(&mut ldap, 40).await, (85, None));
    let cut = directory.wait_for(0, |op| op.finished && op.code.is_none()).await;
    assert_eq!(cut.page, Some(3));
}

#[tokio::test]
async fn a_goodbye_ends_the_connection() {
    let directory = directory(10).await;
    let mut ldap = bound(&directory).await;
    directory.add_fault(Fault::once(Target::kind(Kind::Search), Effect::Disconnect));
    assert_eq!(scan(&mut ldap, 40).await, (0, None));
    assert!(ldap.simple_bind("x", "y").await.is_err());
}

#[tokio::test]
async fn a_hung_search_leaves_the_connection_usable() {
    let directory = directory(10).await;
    let mut ldap = bound(&directory).await;
    directory.add_fault(Fault::once(Target::kind(Kind::Search).filter("cn=hang"), Effect::Hang));
    let mut other = ldap.clone();
    let hung = tokio::spawn(async move {
        other.with_timeout(Duration::from_millis(50)).search(ROOT, Scope::Base, "(cn=hang)", vec!["1.1"]).await.is_err()
    });
    let arrived = directory.wait_for(0, |op| op.filter == "(cn=hang)").await;
    assert!(!arrived.finished);
    assert_eq!(scan(&mut ldap, 40).await.1, Some(0));
    assert!(hung.await.expect("no panic"));
    let last = ldap.last_id();
    ldap.abandon(last).await.expect("sent");
    directory.wait_for(arrived.number, |op| op.kind == Kind::Abandon).await;
}

#[tokio::test]
async fn a_gate_at_the_reply_holds_what_was_true_at_the_request() {
    let directory = directory(0).await;
    for (moment, met) in [(Moment::Reply, 4), (Moment::Request, 6)] {
        let mut ldap = bound(&directory).await;
        let gate = directory.gate(Target::page(1), moment);
        let scan = tokio::spawn(async move { scan(&mut ldap, 40).await });
        gate.arrived().await;
        directory.create_account(NewAccount::new());
        gate.release();
        assert_eq!(scan.await.expect("no panic"), (met, Some(0)), "{moment:?}");
    }
}

#[tokio::test]
async fn faults_strike_binds_and_connections_too() {
    let directory = directory(0).await;
    let mut ldap = connect(&directory).await;
    directory
        .add_fault(Fault::once(Target::kind(Kind::Bind), Effect::Result { code: 52, text: String::new() }).always());
    assert_eq!(ldap.simple_bind("svc@corp.example.test", "lab-password").await.expect("an answer").rc, 52);
    assert_eq!(ldap.simple_bind("svc@corp.example.test", "lab-password").await.expect("an answer").rc, 52);
    directory.clear_faults();
    bound(&directory).await;

    directory.add_fault(Fault::once(Target::kind(Kind::Connect), Effect::Cut));
    let url = format!("ldaps://localhost:{}", directory.ldaps_addr().port());
    assert!(ldap3::LdapConnAsync::with_settings(settings(&directory), &url).await.is_err());
}

#[tokio::test]
async fn raw_bytes_break_the_client_not_the_directory() {
    let directory = directory(10).await;
    let mut ldap = bound(&directory).await;
    let garbage = Effect::Raw { base64: "AAECAwQF".to_owned() };
    directory.add_fault(Fault::once(Target::page(1), garbage).after_entries(3));
    assert_eq!(scan(&mut ldap, 40).await.1, None);
    let mut ldap = bound(&directory).await;
    assert_eq!(scan(&mut ldap, 40).await.1, Some(0));
}
