//! Must hold: a thousand new users at once cost Graph no more than they must, on a good day and on a bad one.

use std::time::Duration;

use seatsync::clock::Clock;
use seatsync_lab::tenant::{Counters, RequestRecord, Storm, Throttling};

use crate::bench::{Bench, Joiner, PATIENCE};

const USERS: u64 = 1_000;

/// A bench with the product's own pace instead of the tests' quick polls.
async fn bench() -> Bench {
    let mut bench = Bench::start(5).await;
    bench.edit("poll = \"200ms\"\npoll_awaiting = \"100ms\"\n", "");
    bench.edit("assignments_per_day = 500", "assignments_per_day = 5000");
    bench.edit("retry_first = \"100ms\"\nretry_max = \"1s\"\nconfirm_after = \"200ms\"\n", "");
    bench.edit("\"debug\"", "\"error\"");
    bench.tenant.set_seats("EMS", 2_000).expect("there is EMS");
    bench
}

fn join(bench: &Bench) -> Vec<Joiner> {
    let people: Vec<Joiner> = (0..USERS).map(|number| bench.hire(&format!("joiner{number}"), "DE")).collect();
    people.iter().for_each(|joiner| bench.sync(joiner));
    people
}

/// Batches that write.
fn writing(requests: &[RequestRecord]) -> u64 {
    let writes = |request: &&RequestRecord| {
        request.path.ends_with("/$batch")
            && request.batch_item.is_none()
            && request
                .request_body
                .as_ref()
                .is_some_and(|body| body.contains("usageLocation\"") || body.contains("addLicenses"))
    };
    requests.iter().filter(writes).count() as u64
}

#[tokio::test(flavor = "multi_thread")]
async fn a_thousand_new_users_take_full_batches_and_little_else() {
    let bench = bench().await;
    bench.tenant.set_knobs(|knobs| {
        knobs.throttling = Throttling::real(1_000);
        knobs.record_bodies = true;
    });
    let agent = bench.agent().await;
    agent.agent.once().await.expect("first contact");
    let before = bench.tenant.requests().len();
    let requests = bench.tenant.counters().requests;
    join(&bench);
    let turn = agent.agent.once().await.expect("everybody is written for");
    assert_eq!((turn.sent, turn.accepted), (2 * USERS, 2 * USERS));
    agent.agent.once().await.expect("a turn that sees the licenses");
    let report = agent.store.report().await.expect("a report");
    assert_eq!(report.standing.get("licensed"), Some(&USERS), "{report:#?}");

    let counters = bench.tenant.counters();
    assert_eq!((counters.patch_usage_location.calls, counters.assign_license.calls), (USERS, USERS));
    let writing = writing(&bench.tenant.requests()[before..]);
    assert_eq!(writing, (2 * USERS).div_ceil(20));
    let others = counters.requests - requests - writing;
    assert!(others * 100 <= USERS * 4, "{others} other requests: {:#?}", counters.requests_by_route);
    assert_eq!(counters.throttled, 0, "{:?}", counters.throttled_by_cause);
}

/// Lets the agent's time pass, a second whenever it has nothing to do.
async fn let_time_pass(bench: &Bench, clock: &Clock) -> ! {
    loop {
        let before = bench.tenant.counters().requests;
        tokio::time::sleep(Duration::from_millis(60)).await;
        if bench.tenant.counters().requests == before {
            clock.advance(Duration::from_secs(1));
        }
    }
}

/// What it takes until a thousand who join are licensed.
async fn licensed(bench: &Bench) -> (Counters, Vec<Joiner>) {
    let agent = bench.running().await;
    let requests = bench.tenant.counters().requests;
    let people = join(bench);
    let all = |view: &seatsync_lab::tenant::View<'_>| view.holders("EMS") as u64 == USERS;
    let done = async {
        bench.tenant.wait_until(all).await;
        agent.until(|report| report.standing.get("licensed") == Some(&USERS)).await;
    };
    tokio::select! {
        done = tokio::time::timeout(3 * PATIENCE, done) => done.expect("everybody is licensed"),
        never = let_time_pass(bench, &agent.clock) => never,
    }
    agent.stop().await;
    let counters = bench.tenant.counters();
    (Counters { requests: counters.requests - requests, ..counters }, people)
}

#[tokio::test(flavor = "multi_thread")]
async fn on_a_bad_day_everybody_is_licensed_once_and_for_at_most_twice_the_requests() {
    let (good, _) = licensed(&bench().await).await;
    let bad = bench().await;
    bad.tenant.set_knobs(|knobs| knobs.storm = Storm::bad_day(7));
    let (cost, people) = licensed(&bad).await;
    let stormy = bad.tenant.requests().iter().filter(|request| request.storm.is_some()).count();
    assert!(stormy as u64 > 2 * USERS / 10, "only {stormy} had bad weather");
    for joiner in &people {
        let counters = bad.user(joiner).counters;
        assert_eq!(counters.effective_by_sku.get("EMS"), Some(&1), "{}: {counters:?}", joiner.upn);
        assert_eq!(counters.patch_usage_location.effective, 1, "{}: {counters:?}", joiner.upn);
    }
    assert!(
        cost.requests <= 2 * good.requests,
        "{} requests on a good day {:#?}, {} on a bad one {:#?}",
        good.requests,
        good.requests_by_route,
        cost.requests,
        cost.requests_by_route
    );
    eprintln!("{} requests on a good day, {} on a bad one, {stormy} in bad weather", good.requests, cost.requests);
}
