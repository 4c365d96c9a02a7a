//! The audit's chain, passes of judging, and counts that add up.

use super::desk::{CONFIG, COVERAGE, DOMAIN, Desk};
use crate::model::account::Account;
use crate::model::judgement::{Judgement, LocationWish};
use crate::model::sample::{account, at, user};
use crate::model::standing::Presence;

#[tokio::test]
async fn the_audit_is_append_only_and_a_chain() {
    let desk = Desk::acquainted(vec![account(1)], &[user(1)]).await;
    for n in 2..5 {
        desk.joins(n, at(20)).await;
    }
    desk.judge(at(21)).await;
    assert_eq!(desk.store.broken_audit_row().await.unwrap(), None);
    let raw = desk.raw();
    for sql in ["UPDATE audit SET subject = 'x'", "DELETE FROM audit WHERE id = 3", "DELETE FROM audit"] {
        let error = raw.execute(sql, []).unwrap_err().to_string();
        assert_eq!(error, "the audit is append-only", "{sql}");
    }
}

#[tokio::test]
async fn whoever_gets_past_the_triggers_is_found() {
    for (sql, broken) in [
        ("UPDATE audit SET subject = 'x' WHERE id = 4", Some(4)),
        ("UPDATE audit SET detail = '{}' WHERE id = 2", Some(2)),
        ("UPDATE audit SET previous = zeroblob(32) WHERE id = 3", Some(3)),
        ("DELETE FROM audit WHERE id = 3", Some(4)),
        ("DELETE FROM audit WHERE id < 3", Some(3)),
        // A checkpoint of which the audit itself does not tell.
        (
            "INSERT INTO audit_checkpoints SELECT 2, hash, 0 FROM audit WHERE id = 2; DELETE FROM audit WHERE id < 3",
            Some(3),
        ),
        (
            "INSERT INTO audit_checkpoints SELECT 2, hash, 0 FROM audit WHERE id = 3; DELETE FROM audit WHERE id < 3",
            Some(3),
        ),
    ] {
        let desk = Desk::acquainted(vec![account(1)], &[user(1)]).await;
        for n in 2..5 {
            desk.joins(n, at(20)).await;
        }
        desk.judge(at(21)).await;
        let raw = desk.raw();
        if broken.is_some() {
            raw.execute_batch("DROP TRIGGER audit_is_never_changed; DROP TRIGGER audit_is_never_deleted").unwrap();
        }
        raw.execute_batch(sql).unwrap();
        assert_eq!(desk.store.broken_audit_row().await.unwrap(), broken, "{sql}");
    }
}

#[tokio::test]
async fn the_first_pass_is_silent_and_ends() {
    let desk = Desk::new().await;
    desk.first_reads((1..=3).map(account).collect(), &[user(1)]).await;
    assert!(!desk.store.is_first_pass_complete().await.unwrap());
    assert_eq!(desk.judge(at(10)).await, []);
    assert!(desk.store.is_first_pass_complete().await.unwrap());
    assert_eq!(desk.count("SELECT count(*) FROM audit WHERE kind IN ('presence', 'standing', 'seen')"), 0);
    desk.accounts(vec![account(9)], at(20)).await;
    let [moved] = &desk.judge(at(21)).await[..] else { panic!() };
    assert_eq!((moved.name.as_str(), moved.to.as_str()), ("u9@example.test", "awaiting"));
}

#[tokio::test]
async fn the_first_pass_over_nobody_ends_too() {
    let desk = Desk::acquainted(Vec::new(), &[]).await;
    assert!(desk.store.is_first_pass_complete().await.unwrap());
    desk.accounts(vec![account(1)], at(20)).await;
    assert_eq!(desk.judge(at(21)).await.len(), 1, "the first newcomer is told");
}

#[tokio::test]
async fn a_decision_on_old_knowledge_is_dropped() {
    let desk = Desk::acquainted(vec![account(1)], &[user(1)]).await;
    desk.accounts(vec![Account { enabled: false, ..account(1) }], at(20)).await;
    let person = desk.person(1).await;
    let stale = Judgement {
        person: person.id,
        revision: person.revision - 1,
        presence: Presence::Departed,
        awaited: false,
        matches: person.matches.clone(),
        location: LocationWish::Keep,
        changes: Vec::new(),
        look_again: None,
    };
    assert_eq!(desk.store.record(vec![stale], COVERAGE, CONFIG, at(21)).await.unwrap(), []);
    assert_eq!(desk.person(1).await.presence, Some(Presence::Present));
    assert_eq!(desk.store.to_judge(10, at(21)).await.unwrap().len(), 1);
}

#[tokio::test]
async fn another_basis_is_another_pass() {
    let mut desk = Desk::acquainted(vec![account(1)], &[user(1)]).await;
    assert!(desk.store.begin_pass("another", CONFIG, at(20)).await.unwrap());
    assert!(!desk.store.end_pass().await.unwrap(), "somebody is left to judge");
    desk.rules[0].priority = 7;
    desk.judge(at(21)).await;
    assert_eq!(desk.entitlement(1, crate::model::sample::ems()).await.unwrap().priority, 7);
    let coverage = desk.store.coverage().await.unwrap();
    assert_eq!(coverage.get(DOMAIN).map(String::as_str), Some(COVERAGE));
    assert_eq!(desk.count("SELECT count(*) FROM audit WHERE kind = 'config'"), 1);
}

#[tokio::test]
async fn counts_add_up_to_everyone() {
    let desk = Desk::acquainted((1..=6).map(account).collect(), &(3..=8).map(user).collect::<Vec<_>>()).await;
    desk.accounts(vec![Account { enabled: false, ..account(3) }, account(20)], at(20)).await;
    desk.judge(at(21)).await;
    let report = desk.store.report().await.unwrap();
    assert_eq!(report.presence.values().sum::<u64>(), 9);
    assert_eq!(report.presence.get("unknown-in-directory"), Some(&2));
    assert_eq!(report.excluded.get("disabled-in-directory"), Some(&1));
    assert_eq!(report.baseline_without_license.get("ems"), Some(&3));
    assert_eq!(report.awaited_longest, Some(("u20@example.test".into(), at(21))));
    assert!(report.acquainted && report.troubles.is_empty());
    let listed = desk.store.people(None, Some("baseline".into()), 10).await.unwrap();
    assert_eq!(listed.len(), 3);
    assert_eq!(desk.store.people(Some("awaiting".into()), None, 10).await.unwrap().len(), 1);
    assert_eq!(desk.store.find_people("U4").await.unwrap(), desk.store.find_people("u4@EXAMPLE.test").await.unwrap());
}
