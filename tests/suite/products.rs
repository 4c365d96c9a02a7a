//! A product that Graph refuses for whoever asks stops by itself, and no other.

use std::time::Duration;

use seatsync_lab::tenant::{Fault, Match, Tenant, View};

use crate::bench::{Bench, Joiner, standings, until_standing};
use crate::daemon::{Daemon, soon};

/// Two products for everybody, each for its own sake.
const BOTH: &str = "[[license]]\nid = \"ems\"\nsku = \"EMS\"\nunless_has_plan = []\n\
                    [[license]]\nid = \"device\"\nsku = \"INTUNE_A\"\n";

const EMS: &str = "efccb6f7-5641-4e0e-bd10-b4976e1bf68e";

/// Whoever asks for EMS is told that nobody can have it. What is asked besides goes with it: a change is atomic.
fn refuse_ems(tenant: &Tenant) {
    let words = format!("License {EMS} cannot be assigned to a user.");
    tenant.fault(Fault::answer(Match::path("assignLicense").body(EMS), 400, "Request_BadRequest", &words));
}

/// How often EMS was asked for.
fn asked(bench: &Bench) -> usize {
    let asks = |body: &String| body.contains(EMS);
    let items = bench.tenant.requests().into_iter().filter(|request| request.path.contains("assignLicense"));
    items.filter(|request| request.request_body.as_ref().is_some_and(asks)).count()
}

fn join(bench: &Bench, names: &str, count: usize) -> Vec<Joiner> {
    (0..count).map(|number| bench.join(&format!("{names}{number}"), "DE")).collect()
}

fn holders(sku: &'static str, count: usize) -> impl Fn(&View<'_>) -> bool {
    move |view| view.holders(sku) as usize == count
}

async fn refusing() -> Bench {
    let mut bench = Bench::start(5).await;
    bench.rules = BOTH.into();
    bench.edit("retry_max = \"1s\"", "retry_max = \"1h\"");
    bench.tenant.set_knobs(|knobs| knobs.record_bodies = true);
    refuse_ems(&bench.tenant);
    bench
}

#[tokio::test(flavor = "multi_thread")]
async fn it_is_said_once_others_go_on_and_new_numbers_let_one_user_ask_for_all() {
    let bench = refusing().await;
    let daemon = Daemon::acquainted(&bench).await;
    let first = join(&bench, "first", 3);
    soon(bench.tenant.wait_until(holders("INTUNE_A", 3))).await;
    let refused = asked(&bench);
    assert!((1..=3).contains(&refused), "{refused}");
    let later = join(&bench, "later", 30);
    soon(bench.tenant.wait_until(holders("INTUNE_A", 33))).await;
    bench.some_polls().await;
    assert_eq!(asked(&bench), refused, "nobody else asks");
    assert_eq!(daemon.said().matches("is refused for everybody").count(), 1, "{}", daemon.said());
    let store = bench.store();
    assert!(standings(&store, &later[0]).await.contains(&"due".to_owned()));
    let status = bench.says(&["status"]).await;
    assert!(status.contains("refused    EMS for everybody, asked again by one at"), "{status}");
    let story = bench.says(&["explain", "later0"]).await;
    assert!(story.contains("cannot be assigned to a user") && story.contains("[sku-not-for-users]"), "{story}");

    bench.tenant.set_seats("EMS", 60).expect("there is EMS");
    let asks = |body: &String| body.contains(EMS);
    let another = |view: &View<'_>| {
        let items = view.requests().filter(|request| request.path.contains("assignLicense"));
        items.filter(|request| request.request_body.as_ref().is_some_and(asks)).count() > refused
    };
    soon(bench.tenant.wait_until(another)).await;
    bench.some_polls().await;
    assert_eq!(asked(&bench), refused + 1, "one asks for all");

    bench.tenant.clear_faults();
    bench.tenant.set_seats("EMS", 61).expect("there is EMS");
    for joiner in first.iter().chain(&later) {
        bench.until_user(joiner, |user| user.holds("EMS")).await;
        assert_eq!(bench.user(joiner).counters.effective_by_sku.get("EMS"), Some(&1));
    }
    assert_eq!(asked(&bench), refused + 1 + 33);
    assert_eq!(daemon.said().matches("is refused for everybody").count(), 1, "{}", daemon.said());
    daemon.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn it_is_tried_again_with_one_user_after_a_while_and_at_once_when_asked_to() {
    let bench = refusing().await;
    let agent = bench.running().await;
    let people = join(&bench, "joiner", 5);
    soon(bench.tenant.wait_until(holders("INTUNE_A", 5))).await;
    let report = agent.until(|report| report.skus.iter().any(|sku| sku.stop.is_some())).await;
    bench.some_polls().await;
    let refused = asked(&bench);
    agent.clock.advance(Duration::from_secs(3_700));
    let until = report.skus.iter().find_map(|sku| sku.stop.clone()).expect("a stop").until;
    let renewed = |report: &seatsync::store::Report| {
        report.skus.iter().any(|sku| sku.stop.as_ref().is_some_and(|stop| stop.until > until))
    };
    agent.until(renewed).await;
    bench.some_polls().await;
    assert_eq!(asked(&bench), refused + 1);

    bench.tenant.clear_faults();
    bench.says(&["retry", "--all"]).await;
    for joiner in &people {
        bench.until_user(joiner, |user| user.holds("EMS")).await;
    }
    let report = agent.until(|report| report.standing.get("licensed") == Some(&10)).await;
    assert!(report.skus.iter().all(|sku| sku.stop.is_none()), "{report:#?}");
    agent.stop().await;
    assert_eq!(asked(&bench), refused + 1 + 5);
}

#[tokio::test(flavor = "multi_thread")]
async fn it_stays_stopped_over_a_restart() {
    let bench = refusing().await;
    let agent = bench.running().await;
    join(&bench, "joiner", 2);
    agent.until(|report| report.skus.iter().any(|sku| sku.stop.is_some())).await;
    agent.stop().await;
    let refused = asked(&bench);
    let agent = bench.running().await;
    let late = bench.join("late", "DE");
    until_standing(&agent.store, &late, "licensed").await;
    bench.some_polls().await;
    agent.stop().await;
    assert_eq!(asked(&bench), refused);
}
