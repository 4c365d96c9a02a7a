//! From a plan to what became of it: intents, calls, outcomes, settling.

use std::collections::VecDeque;
use std::time::Duration;

use jiff::Timestamp;

use super::desk::{CONFIG, Desk, answer};
use crate::decide::next_confirmation;
use crate::model::identity::{PlanId, SkuId, UserId};
use crate::model::plan::{LicenseWrite, LocationWrite};
use crate::model::sample::{account, at, ems, exchange, intune_a, licensed, news, rule, spe_e3, user, user_id};
use crate::model::standing::{Reason, Standing};
use crate::model::user::{Removal, User, UserNews, UserPage};
use crate::model::verdict::Verdict;
use crate::store::{Concluded, OpenIntent, Outcome, Settled, Step};

pub(super) fn reason() -> Reason {
    Reason::new("test", "because")
}

pub(super) fn retry(at: Timestamp) -> Outcome {
    Outcome::Retry { at, reason: reason() }
}

fn unknown(settle: Timestamp) -> Outcome {
    Outcome::Unknown { settle, reason: reason() }
}

/// A newcomer who wants EMS and SPE_E3, each for its own sake.
pub(super) async fn both() -> Desk {
    let mut desk = Desk::acquainted(Vec::new(), &[]).await;
    let exchange: PlanId = exchange();
    desk.rules[0].unless_has_plan = Some(Vec::new());
    desk.rules.push(rule("e3", "SPE_E3"));
    desk.rules[1].unless_has_plan = Some(vec![exchange.to_string()]);
    desk.joins(1, at(20)).await;
    desk
}

/// A newcomer with a location, whose license is in flight.
pub(super) async fn in_flight() -> (Desk, OpenIntent) {
    let desk = Desk::acquainted(Vec::new(), &[]).await;
    desk.joins(1, at(20)).await;
    let intent = desk.license(at(21)).await;
    assert_eq!(desk.standing(1).await, Some(Standing::InFlight { intent: intent.id }));
    (desk, intent)
}

async fn state(desk: &Desk, intent: &OpenIntent) -> String {
    let sql = "SELECT state FROM intents WHERE id = ?1";
    desk.raw().query_row(sql, [intent.id.0], |row| row.get(0)).unwrap()
}

async fn reread(desk: &Desk, user: &User, now: Timestamp) {
    desk.store.absorb_user(Some(news(user)), now, now).await.unwrap();
}

#[tokio::test]
async fn location_then_license_then_read_back() {
    let desk = Desk::acquainted(Vec::new(), &[]).await;
    desk.joins(1, at(20)).await;
    desk.judge(at(21)).await;
    let plan = desk.plan(at(22)).await;
    let write = LocationWrite { to: "SE".parse().unwrap(), from: None, source: "c".into() };
    assert_eq!(plan.writes[0].location, Some(write.clone()));
    let step = Step::Location { write, skus: vec![ems()] };
    let intent = desk.commit(&plan.writes[0], step, at(22)).await.unwrap();
    assert_eq!(desk.word(1).await, "due", "a location is no flight");
    assert!(desk.store.candidates(at(22)).await.unwrap().is_empty(), "its outcome is not known yet");
    desk.conclude(intent, Outcome::Accepted, at(23)).await;
    let license = Step::License { add: plan.writes[0].licenses.clone(), remove: Vec::new() };
    let intent = desk.commit(&plan.writes[0], license, at(24)).await.expect("the license follows at once");
    assert_eq!((intent.attempts, desk.word(1).await), (1, "in-flight"));
    desk.conclude(intent.clone(), Outcome::Accepted, at(25)).await;
    assert_eq!((state(&desk, &intent).await.as_str(), desk.word(1).await), ("accepted", "confirming"));
    desk.judge(at(26)).await;
    let first = Duration::from_secs(1);
    assert!(desk.store.to_confirm(10, 2 * first, at(26)).await.unwrap().is_empty(), "a feed may show it");
    assert_eq!(desk.store.next_due(true, 2 * first).await.unwrap(), Some(at(27)));
    let [due] = desk.store.to_confirm(10, first, at(26)).await.unwrap()[..] else { panic!() };
    desk.store.confirm_later(due, next_confirmation(due.accepted, first, at(26))).await.unwrap();
    assert!(desk.store.to_confirm(10, first, at(26)).await.unwrap().is_empty());
    assert_eq!(desk.store.next_due(true, first).await.unwrap(), Some(at(27)));
    reread(&desk, &licensed(user(1), ems(), &[], None), at(27)).await;
    desk.judge(at(27)).await;
    let entitlement = desk.entitlement(1, ems()).await.unwrap();
    assert_eq!((entitlement.standing, entitlement.ours), (Standing::Licensed, true));
    assert_eq!(desk.person(1).await.users[0].user.usage_location, Some("SE".parse().unwrap()), "a late reading lags");
    reread(&desk, &licensed(user(1), ems(), &[], None), at(25 + 15 * 60)).await;
    reread(&desk, &user(1), at(26 + 15 * 60)).await;
    assert_eq!(desk.person(1).await.users[0].user.usage_location, None, "lag has an end");
}

#[tokio::test]
async fn every_outcome_has_its_standing() {
    for (outcome, standing, closed) in [
        (Outcome::Accepted, Standing::Confirming { accepted: at(22) }, "accepted"),
        (retry(at(60)), Standing::Retrying { attempt: 1, at: at(60), reason: reason() }, "open"),
        (Outcome::NoSeat { sku: None }, Standing::AwaitingSeat, "no-seat"),
        (Outcome::NoSeat { sku: Some(ems()) }, Standing::AwaitingSeat, "no-seat"),
        (
            Outcome::Refused { reason: reason() },
            Standing::Refused { reason: reason(), basis: user(1).basis() },
            "refused",
        ),
    ] {
        let (desk, intent) = in_flight().await;
        desk.conclude(intent.clone(), outcome.clone(), at(22)).await;
        assert_eq!(desk.standing(1).await, Some(standing.clone()), "{outcome:?}");
        assert_eq!(state(&desk, &intent).await, closed, "{outcome:?}");
        desk.judge(at(23)).await;
        assert_eq!(desk.standing(1).await, Some(standing), "judging changes nothing after {outcome:?}");
        assert!(desk.store.to_settle(at(9999)).await.unwrap().is_empty(), "{outcome:?}");
    }
}

#[tokio::test]
async fn a_retry_waits_for_its_time_and_keeps_its_intent() {
    let (desk, first) = in_flight().await;
    desk.conclude(first.clone(), retry(at(60)), at(22)).await;
    desk.judge(at(23)).await;
    assert_eq!(desk.store.next_due(true, Duration::ZERO).await.unwrap(), Some(at(60)));
    assert!(desk.store.candidates(at(59)).await.unwrap().is_empty());
    let second = desk.license(at(60)).await;
    assert_eq!((second.id, second.attempts), (first.id, 2));
    desk.conclude(second, retry(at(90)), at(61)).await;
    // Judged again for another reason: the schedule stays.
    desk.accounts(vec![crate::model::account::Account { display_name: Some("x".into()), ..account(1) }], at(62)).await;
    desk.judge(at(63)).await;
    assert_eq!(desk.store.next_due(true, Duration::ZERO).await.unwrap(), Some(at(90)));
    assert_eq!(desk.count("SELECT count(*) FROM audit WHERE kind = 'intent'"), 1);
    assert_eq!(desk.count("SELECT count(*) FROM calls"), 2);
}

#[tokio::test]
async fn another_content_is_another_intent() {
    let (mut desk, first) = in_flight().await;
    desk.conclude(first.clone(), retry(at(60)), at(22)).await;
    desk.rules[0].plans = crate::model::rule::Plans::AllBut(vec!["AAD_PREMIUM".into()]);
    let second = desk.license(at(60)).await;
    assert_ne!(second.id, first.id);
    assert_eq!((state(&desk, &first).await.as_str(), state(&desk, &second).await.as_str()), ("abandoned", "open"));
    let Step::License { add, .. } = &second.step else { panic!() };
    assert_eq!(add[0].disabled.len(), 1);
}

#[tokio::test]
async fn a_person_with_news_is_not_written_for() {
    let desk = Desk::acquainted(Vec::new(), &[]).await;
    desk.joins(1, at(20)).await;
    desk.judge(at(21)).await;
    let plan = desk.plan(at(21)).await;
    desk.accounts(vec![crate::model::account::Account { enabled: false, ..account(1) }], at(22)).await;
    assert!(desk.store.candidates(at(22)).await.unwrap().is_empty());
    let step = Step::License { add: plan.writes[0].licenses.clone(), remove: Vec::new() };
    assert_eq!(desk.commit(&plan.writes[0], step, at(22)).await, None);
    desk.judge(at(23)).await;
    assert_eq!(desk.word(1).await, "lapsed");
}

#[tokio::test]
async fn an_unknown_outcome_is_settled_by_reading() {
    for visible in [true, false] {
        let (desk, intent) = in_flight().await;
        desk.conclude(intent.clone(), unknown(at(40)), at(22)).await;
        desk.judge(at(23)).await;
        assert_eq!(desk.word(1).await, "in-flight");
        assert!(desk.store.to_settle(at(39)).await.unwrap().is_empty());
        assert_eq!(desk.store.next_due(true, Duration::ZERO).await.unwrap(), Some(at(40)));
        desk.store.settle_later(intent.id, at(50)).await.unwrap();
        let open = desk.store.to_settle(at(50)).await.unwrap();
        assert_eq!(open, std::slice::from_ref(&intent));
        reread(&desk, &if visible { licensed(user(1), ems(), &[], None) } else { user(1) }, at(50)).await;
        let seen = desk.store.settle(intent.clone(), CONFIG, at(50)).await.unwrap();
        assert_eq!(seen, if visible { Settled::Visible } else { Settled::NotVisible });
        assert!(desk.store.to_settle(at(99)).await.unwrap().is_empty());
        if visible {
            desk.judge(at(51)).await;
            assert_eq!(desk.word(1).await, "licensed");
        } else {
            let again = desk.license(at(51)).await;
            assert_eq!((again.id, again.attempts), (intent.id, 2), "the same write under the same intent");
        }
    }
}

#[tokio::test]
async fn a_call_that_was_cut_off_by_a_crash_is_settled() {
    let (desk, intent) = in_flight().await;
    assert_eq!(desk.store.to_settle(at(22)).await.unwrap(), [intent]);
}

/// The delta may show the license while its outcome is still unknown; then settling brings no news any more.
#[tokio::test]
async fn a_license_that_was_seen_before_it_was_settled_is_confirmed() {
    let (desk, intent) = in_flight().await;
    desk.conclude(intent.clone(), unknown(at(40)), at(22)).await;
    let seen = User { usage_location: Some("SE".parse().unwrap()), ..licensed(user(1), ems(), &[], None) };
    desk.users(std::slice::from_ref(&seen), at(30)).await;
    desk.judge(at(31)).await;
    reread(&desk, &seen, at(40)).await;
    desk.store.settle(intent, CONFIG, at(40)).await.unwrap();
    desk.judge(at(41)).await;
    assert_eq!(desk.word(1).await, "licensed");
}

#[tokio::test]
async fn an_unknown_outcome_is_settled_although_something_else_lapsed() {
    let mut desk = both().await;
    desk.judge(at(21)).await;
    let plan = desk.plan(at(21)).await;
    let only: Vec<LicenseWrite> =
        plan.writes[0].licenses.iter().filter(|license| license.sku == ems()).cloned().collect();
    let intent = desk.commit(&plan.writes[0], Step::License { add: only, remove: Vec::new() }, at(21)).await.unwrap();
    desk.conclude(intent.clone(), unknown(at(40)), at(22)).await;
    desk.rules.pop();
    desk.judge(at(30)).await;
    assert_eq!(desk.entitlement(1, spe_e3()).await.unwrap().standing, Standing::Lapsed);
    assert_eq!(desk.word(1).await, "in-flight");
    assert_eq!(desk.store.to_settle(at(40)).await.unwrap().len(), 1);
    desk.store.settle(intent, CONFIG, at(40)).await.unwrap();
    desk.judge(at(41)).await;
    assert_eq!(desk.word(1).await, "due");
}

#[tokio::test]
async fn who_became_excluded_while_a_write_was_under_way_is_left_alone() {
    for outcome in [retry(at(30)), Outcome::NoSeat { sku: None }, Outcome::Refused { reason: reason() }] {
        let (desk, intent) = in_flight().await;
        desk.accounts(vec![crate::model::account::Account { enabled: false, ..account(1) }], at(22)).await;
        desk.judge(at(22)).await;
        assert_eq!(desk.word(1).await, "in-flight");
        desk.conclude(intent, outcome, at(23)).await;
        desk.judge(at(24)).await;
        assert_eq!(desk.word(1).await, "lapsed");
        assert!(desk.store.candidates(at(99)).await.unwrap().is_empty());
    }
}

#[tokio::test]
async fn a_late_answer_about_a_location_revives_nothing() {
    let desk = Desk::acquainted(Vec::new(), &[]).await;
    desk.joins(1, at(20)).await;
    desk.judge(at(21)).await;
    let plan = desk.plan(at(22)).await;
    let step = Step::Location { write: plan.writes[0].location.clone().unwrap(), skus: vec![ems()] };
    let intent = desk.commit(&plan.writes[0], step, at(22)).await.unwrap();
    desk.accounts(vec![crate::model::account::Account { enabled: false, ..account(1) }], at(23)).await;
    desk.judge(at(23)).await;
    desk.conclude(intent, retry(at(30)), at(24)).await;
    assert_eq!(desk.word(1).await, "lapsed");
}

async fn recreated(desk: &Desk, now: Timestamp) {
    let gone = UserNews { removed: Some(Removal::Final), ..UserNews::about(user_id(1)) };
    let again = User { id: user_id(2), created: Some(now), ..user(1) };
    let page = UserPage { news: vec![gone, news(&again)], quarantined: Vec::new() };
    desk.store.absorb_users(page, None, now, now).await.unwrap();
}

#[tokio::test]
async fn a_re_created_user_has_intents_of_its_own() {
    let (desk, first) = in_flight().await;
    desk.conclude(first.clone(), retry(at(60)), at(22)).await;
    recreated(&desk, at(30)).await;
    let second = desk.license(at(60)).await;
    assert_ne!(second.id, first.id);
    let user: UserId = desk
        .raw()
        .query_row("SELECT user FROM intents WHERE id = ?1", [second.id.0], |row| row.get::<_, String>(0))
        .unwrap()
        .parse()
        .unwrap();
    assert_eq!((user, second.user, second.attempts), (user_id(2), user_id(2), 1));
}

#[tokio::test]
async fn what_became_of_the_user_before_says_nothing_of_the_new_one() {
    let (desk, intent) = in_flight().await;
    desk.conclude(intent.clone(), unknown(at(40)), at(22)).await;
    desk.users(&[licensed(user(1), ems(), &[], None)], at(25)).await;
    recreated(&desk, at(30)).await;
    desk.judge(at(31)).await;
    assert_eq!(desk.word(1).await, "due");
    desk.store.settle(intent, CONFIG, at(40)).await.unwrap();
    let entitlement = desk.entitlement(1, ems()).await.unwrap();
    assert_eq!((entitlement.standing, entitlement.ours), (Standing::Due, false));
}

#[tokio::test]
async fn several_products_go_together_and_apart_after_a_refusal() {
    let desk = both().await;
    let together = desk.license(at(21)).await;
    assert_eq!(together.step.skus().len(), 2);
    desk.conclude(together, Outcome::Refused { reason: reason() }, at(22)).await;
    let mut tried: Vec<SkuId> = Vec::new();
    for turn in 0..2 {
        let alone = desk.license(at(30 + turn)).await;
        tried.extend(alone.step.skus());
        desk.conclude(alone, Outcome::Refused { reason: reason() }, at(30 + turn)).await;
    }
    tried.sort();
    assert_eq!(tried, [spe_e3(), ems()]);
    desk.judge(at(40)).await;
    assert!(desk.store.candidates(at(40)).await.unwrap().is_empty());
}

#[tokio::test]
async fn what_is_taken_back_was_never_called_and_keeps_its_intent() {
    let (desk, first) = in_flight().await;
    desk.conclude(first.clone(), Outcome::TakenBack, at(22)).await;
    assert_eq!((desk.word(1).await, desk.count("SELECT count(*) FROM calls")), ("due", 0));
    let second = desk.license(at(23)).await;
    assert_eq!((second.id, second.attempts), (first.id, 1));
}

/// "429 although it was applied" is known of items of a batch.
#[tokio::test]
async fn what_was_answered_as_too_busy_and_shows_all_the_same_is_ours() {
    for (verdict, word) in [
        (Verdict::Throttled { after: None }, "licensed"),
        (Verdict::Unavailable { after: None }, "licensed"),
        (Verdict::Concurrency, "satisfied"),
    ] {
        let (desk, intent) = in_flight().await;
        let said = answer(intent.call, verdict);
        let concluded = Concluded { intent, answer: said, outcome: retry(at(60)) };
        desk.store.exchange(vec![concluded], VecDeque::new(), 0, CONFIG, at(22)).await.unwrap();
        reread(&desk, &licensed(user(1), ems(), &[], None), at(30)).await;
        desk.judge(at(31)).await;
        assert_eq!(desk.word(1).await, word);
    }
}

#[tokio::test]
async fn ours_is_what_was_read_as_absent_before() {
    for (before, ours) in [
        (user(1), true),
        (licensed(user(1), ems(), &[intune_a()], Some("group")), true),
        (licensed(user(1), ems(), &[intune_a()], None), false),
    ] {
        let desk = Desk::acquainted(Vec::new(), &[]).await;
        desk.joins(1, at(20)).await;
        desk.judge(at(21)).await;
        let plan = desk.plan(at(21)).await;
        desk.users(std::slice::from_ref(&before), at(22)).await;
        // As if this had not been judged yet when the intent was made.
        desk.raw().execute("UPDATE people SET dirty = 0", []).unwrap();
        let step = Step::License { add: plan.writes[0].licenses.clone(), remove: Vec::new() };
        let intent = desk.commit(&plan.writes[0], step, at(23)).await.unwrap();
        desk.conclude(intent, Outcome::Accepted, at(24)).await;
        assert_eq!(desk.entitlement(1, ems()).await.unwrap().ours, ours, "{before:?}");
    }
}

#[tokio::test]
async fn the_answer_and_its_names_are_kept() {
    let (desk, intent) = in_flight().await;
    let said = answer(intent.call, Verdict::Unknown);
    let concluded = Concluded { intent: intent.clone(), answer: said, outcome: unknown(at(40)) };
    desk.store.exchange(vec![concluded], VecDeque::new(), 0, CONFIG, at(22)).await.unwrap();
    let story = desk.store.dossier(desk.id(1).await).await.unwrap().unwrap();
    let rows: Vec<_> = story.timeline.iter().filter(|row| ["intent", "answer"].contains(&row.kind.as_str())).collect();
    assert_eq!(rows.len(), 2);
    for row in &rows {
        assert_eq!(row.client_request_id, Some(intent.call.to_string()));
        assert_eq!(row.config.as_deref(), Some(CONFIG));
        assert_eq!(row.subject.as_deref(), Some("u1@example.test"));
    }
    assert_eq!(rows[1].request_id.as_deref(), Some("graph-request"));
    assert!(rows[0].detail["before"].get("licenses").is_some());
    assert_eq!(story.intents.len(), 1);
    assert_eq!(intent.known_since, Some(at(20)));
}
