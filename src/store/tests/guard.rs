//! Limits, held cohorts and commands.

use jiff::Timestamp;

use super::desk::{CONFIG, Desk};
use crate::model::account::Account;
use crate::model::identity::HoldId;
use crate::model::request::{ReloadOutcome, Request};
use crate::model::sample::{account, at, ems, licensed, user};
use crate::model::standing::{Reason, Standing};
use crate::model::user::User;
use crate::store::{Halt, HoldView, Outcome};

const DAY: i64 = 24 * 3600;

/// Five newcomers under a limit of three.
async fn crowd() -> Desk {
    let mut desk = Desk::acquainted(Vec::new(), &[]).await;
    desk.per_day = 3;
    for n in 1..=5 {
        desk.joins(n, at(20 + i64::from(n))).await;
        desk.judge(at(20 + i64::from(n))).await;
    }
    let plan = desk.plan(at(30)).await;
    assert_eq!((plan.writes.len(), plan.held[0].members.len()), (3, 2));
    desk
}

fn halt(until: Timestamp) -> Halt {
    Halt { until, reason: Reason::new("graph-throttled", "Graph asks for a pause") }
}

async fn hold(desk: &Desk) -> HoldView {
    let [hold] = &desk.store.holds().await.unwrap()[..] else { panic!() };
    hold.clone()
}

async fn words(desk: &Desk, of: std::ops::RangeInclusive<u32>) -> Vec<&'static str> {
    let mut words = Vec::new();
    for n in of {
        words.push(desk.word(n).await);
    }
    words
}

#[tokio::test]
async fn admissions_count_for_a_day() {
    let desk = crowd().await;
    assert_eq!(desk.store.admitted_in_a_day(at(30)).await.unwrap().given, 3);
    assert_eq!(desk.store.admitted_in_a_day(at(30 + DAY - 1)).await.unwrap().given, 3);
    assert_eq!(desk.store.admitted_in_a_day(at(30 + DAY)).await.unwrap().given, 0);
    let again = desk.plan(at(31)).await;
    assert_eq!((again.writes.len(), again.admitted.len(), again.held.len()), (3, 0, 0), "an entitlement once");
    assert_eq!(desk.store.admitted_in_a_day(at(31)).await.unwrap().given, 3);
}

#[tokio::test]
async fn a_cohort_grows_the_same_day_and_small_work_flows_past_it_the_next() {
    let desk = crowd().await;
    let first = hold(&desk).await;
    desk.joins(6, at(40)).await;
    desk.judge(at(40)).await;
    desk.plan(at(41)).await;
    let grown = hold(&desk).await;
    assert_eq!((grown.id, grown.members), (first.id, 3));
    assert_ne!(grown.digest, first.digest);
    desk.joins(7, at(31 + DAY)).await;
    desk.judge(at(31 + DAY)).await;
    desk.plan(at(32 + DAY)).await;
    assert_eq!(words(&desk, 3..=7).await, ["due", "held", "held", "held", "due"]);
}

#[tokio::test]
async fn approve_releases_exactly_who_was_shown() {
    let desk = crowd().await;
    let shown = hold(&desk).await;
    desk.joins(6, at(40)).await;
    desk.judge(at(40)).await;
    desk.plan(at(41)).await;
    let approve = |hold: HoldId, digest: &str| Request::Approve { hold, digest: digest.into() };
    let refused = desk.ask(approve(shown.id, &shown.digest), at(42)).await.unwrap_err();
    assert!(refused.contains("no longer what was shown: it has 3 members"), "{refused}");
    desk.accounts(vec![Account { enabled: false, ..account(6) }], at(43)).await;
    desk.judge(at(43)).await;
    assert_eq!(hold(&desk).await.digest, shown.digest, "whoever is no longer wanted leaves");
    desk.ask(approve(shown.id, &shown.digest), at(44)).await.unwrap();
    assert_eq!(words(&desk, 4..=6).await, ["due", "due", "lapsed"]);
    let plan = desk.plan(at(45)).await;
    assert_eq!((plan.writes.len(), plan.held.len()), (5, 0));
    assert!(desk.ask(approve(shown.id, &shown.digest), at(46)).await.is_err(), "it is closed");
    assert!(desk.ask(approve(HoldId(99), "x"), at(46)).await.is_err());
}

#[tokio::test]
async fn reject_returns_to_the_baseline_and_include_brings_back() {
    let desk = crowd().await;
    let shown = hold(&desk).await;
    desk.ask(Request::Reject { hold: shown.id, digest: shown.digest }, at(40)).await.unwrap();
    desk.accounts(vec![Account { display_name: Some("x".into()), ..account(4) }], at(41)).await;
    desk.judge(at(41)).await;
    assert_eq!(words(&desk, 4..=5).await, ["baseline", "baseline"]);
    assert_eq!(desk.store.report().await.unwrap().baseline_without_license.get("ems"), Some(&2));
    let include = Request::Include { rule: "ems".into(), unlicensed: true, since: None, limit: None, person: None };
    desk.ask(include, at(42)).await.unwrap();
    desk.judge(at(43)).await;
    assert_eq!(words(&desk, 4..=5).await, ["due", "due"]);
}

#[tokio::test]
async fn a_hold_dissolves_when_nobody_is_left() {
    let desk = crowd().await;
    let disabled = |n| Account { enabled: false, ..account(n) };
    desk.accounts(vec![disabled(4)], at(40)).await;
    desk.judge(at(40)).await;
    assert_eq!(hold(&desk).await.members, 1);
    desk.users(&[licensed(user(5), ems(), &[], None)], at(41)).await;
    desk.judge(at(41)).await;
    assert!(desk.store.holds().await.unwrap().is_empty());
    assert_eq!(desk.count("SELECT count(*) FROM holds WHERE outcome = 'dissolved'"), 1);
    assert_eq!(desk.count("SELECT count(*) FROM audit WHERE kind = 'hold' AND detail LIKE '%dissolved%'"), 1);
}

#[tokio::test]
async fn include_by_age_number_and_license() {
    let there = |n: u32| User { created: Some(at(-100_000 + i64::from(n))), ..user(n) };
    let people: Vec<User> = (1..=3).map(there).chain([licensed(there(4), ems(), &[], None)]).collect();
    let ask = |unlicensed, since: Option<i64>, limit| Request::Include {
        rule: "ems".into(),
        unlicensed,
        since: since.map(at),
        limit,
        person: None,
    };
    for (request, due, said) in [
        (ask(false, None, None), vec![1, 2, 3], "4 persons"),
        (ask(true, None, None), vec![1, 2, 3], "3 persons"),
        (ask(true, None, Some(2)), vec![1, 2], "2 persons"),
        (ask(true, Some(-100_000 + 2), None), vec![2, 3], "2 persons"),
        (ask(true, Some(-100_000 + 2), Some(1)), vec![2], "1 persons"),
    ] {
        let desk = Desk::acquainted((1..=4).map(account).collect(), &people).await;
        assert_eq!(words(&desk, 1..=4).await, ["baseline", "baseline", "baseline", "satisfied"]);
        let outcome = desk.ask(request.clone(), at(20)).await.unwrap();
        assert!(outcome.starts_with(said), "{outcome}");
        desk.judge(at(21)).await;
        for n in 1..=3 {
            assert_eq!(desk.word(n).await == "due", due.contains(&n), "{request:?}: u{n}");
        }
        assert_eq!(desk.word(4).await, "satisfied");
    }
    let desk = Desk::acquainted(vec![account(1)], &people).await;
    let unknown = Request::Include { rule: "nope".into(), unlicensed: false, since: None, limit: None, person: None };
    assert_eq!(desk.ask(unknown, at(20)).await.unwrap_err(), "no rule \"nope\" is known; there are: ems");
}

#[tokio::test]
async fn retry_tries_again_what_stands_still() {
    let desk = Desk::acquainted(vec![account(2)], &[licensed(user(2), ems(), &[], None)]).await;
    desk.joins(1, at(20)).await;
    let intent = desk.license(at(21)).await;
    let reason = Reason::new("x", "x");
    desk.conclude(intent, Outcome::Refused { reason }, at(22)).await;
    desk.judge(at(23)).await;
    assert_eq!(desk.word(1).await, "refused");
    desk.store.halt(&halt(at(9999))).await.unwrap();
    let id = desk.id(1).await;
    assert_eq!(desk.ask(Request::Retry { person: Some(id) }, at(30)).await.unwrap(), "1 entitlements are tried again");
    desk.judge(at(31)).await;
    assert_eq!(desk.license(at(32)).await.attempts, 1);
    assert_eq!(desk.store.halted(at(33)).await.unwrap(), None);
    assert_eq!(desk.ask(Request::Retry { person: None }, at(34)).await.unwrap(), "0 entitlements are tried again");
    assert_eq!(desk.word(2).await, "satisfied");
}

#[tokio::test]
async fn pause_and_halt_are_kept() {
    let desk = Desk::new().await;
    let pause = |reason: Option<&str>| Request::Pause { reason: reason.map(str::to_owned) };
    desk.ask(pause(Some("an audit")), at(1)).await.unwrap();
    assert_eq!(desk.store.paused().await.unwrap().as_deref(), Some("an audit"));
    assert_eq!(desk.ask(Request::Resume, at(2)).await.unwrap(), "resumed (was paused: an audit)");
    assert_eq!(desk.store.paused().await.unwrap(), None);
    assert_eq!(desk.ask(Request::Resume, at(3)).await.unwrap(), "was not paused");
    desk.store.halt(&halt(at(10))).await.unwrap();
    assert_eq!(desk.store.halted(at(9)).await.unwrap(), Some(halt(at(10))));
    assert_eq!(desk.store.halted(at(10)).await.unwrap(), None);
    assert!(desk.store.pending_requests().await.unwrap().is_empty());
    assert_eq!(desk.count("SELECT count(*) FROM audit WHERE kind = 'request' AND detail LIKE '%operator%'"), 3);
}

#[tokio::test]
async fn a_reload_waits_for_its_own_answer_and_not_for_the_work() {
    let desk = Desk::new().await;
    let ask = || desk.store.ask(Request::Reload { accept: None }, "operator", at(1));
    let (first, second) = (ask().await.unwrap(), ask().await.unwrap());
    assert!(desk.store.pending_requests().await.unwrap().is_empty());
    assert_eq!(desk.store.pending_reload().await.unwrap().unwrap().id, first);
    let outcome = ReloadOutcome::TakenOver { text: "b took over".into() };
    desk.store.conclude_reload(Some(first), "operator", ("a", Some("b")), &outcome, at(2)).await.unwrap();
    assert_eq!(desk.store.reload_outcome(first).await.unwrap(), Some(outcome));
    assert_eq!(desk.store.pending_reload().await.unwrap().unwrap().id, second);
    assert!(desk.store.withdraw_reload(second).await.unwrap() && !desk.store.withdraw_reload(first).await.unwrap());
    assert!(desk.store.pending_reload().await.unwrap().is_none());
    assert_eq!(desk.count("SELECT count(*) FROM audit WHERE kind = 'config' AND config = 'b'"), 1);
}

#[tokio::test]
async fn who_waits_for_a_seat_is_told_once_and_resumes() {
    let mut desk = Desk::new().await;
    let mut skus = crate::model::sample::skus();
    skus[0].enabled = 0;
    desk.catalog = crate::model::license::Catalog::new(skus);
    desk.first_reads(Vec::new(), &[]).await;
    desk.judge(at(10)).await;
    desk.joins(1, at(20)).await;
    desk.judge(at(21)).await;
    let plan = desk.plan(at(22)).await;
    assert_eq!(desk.standing(1).await, Some(Standing::AwaitingSeat));
    assert!(desk.store.is_somebody_waiting(at(23)).await.unwrap());
    let again = desk.store.record_plan(&plan, CONFIG, at(23)).await.unwrap();
    assert!(again.waiting.is_empty());
    desk.store.put_catalog(crate::model::sample::catalog(), at(30)).await.unwrap();
    assert_eq!(desk.license(at(31)).await.step.skus(), [ems()]);
}

#[tokio::test]
async fn observing_records_once_what_would_be_written() {
    let desk = Desk::acquainted(Vec::new(), &[]).await;
    desk.joins(1, at(20)).await;
    desk.judge(at(21)).await;
    let plan = desk.plan(at(22)).await;
    assert_eq!(desk.store.record_observed(&plan, CONFIG, at(22)).await.unwrap(), ["u1@example.test"]);
    assert!(desk.store.record_observed(&plan, CONFIG, at(23)).await.unwrap().is_empty());
    assert_eq!(desk.count("SELECT count(*) FROM audit WHERE kind = 'would-write'"), 1);
}
