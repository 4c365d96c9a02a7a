//! The wire to Graph: packed answers, kept connections, and a time limit for each part of an answer.

use std::time::Duration;

use seatsync_lab::tenant::{Fault, Hold, Match};

use crate::bench::{Bench, person};
use crate::daemon::soon;

#[tokio::test(flavor = "multi_thread")]
async fn answers_come_packed_and_connections_are_kept() {
    let bench = Bench::start(5).await;
    let agent = bench.running().await;
    let ada = bench.join("ada", "DE");
    agent.until_standing(&ada, "licensed").await;
    bench.some_polls().await;
    agent.stop().await;
    let counters = bench.tenant.counters();
    assert!(counters.packed > 0, "{counters:#?}");
    assert!(counters.requests > 12 && counters.connections <= 4, "{counters:#?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn plain_answers_are_understood_too() {
    let bench = Bench::start(5).await;
    bench.tenant.set_knobs(|knobs| knobs.gzip = false);
    let agent = bench.running().await;
    let ada = bench.join("ada", "DE");
    agent.until_standing(&ada, "licensed").await;
    agent.stop().await;
    assert_eq!(bench.tenant.counters().packed, 0);
}

/// The answer to the batch with the license comes late in some way, after everything was carried out.
async fn a_late_answer(late: impl Fn(&Bench, Match), says: &str) {
    let mut bench = Bench::start(5).await;
    bench.edit("poll_awaiting = \"100ms\"\ntimeout = \"20s\"", "poll_awaiting = \"100ms\"\ntimeout = \"2s\"");
    let agent = bench.running().await;
    late(&bench, Match::new("POST", "/v1.0/$batch").body("assignLicense").once());
    let ada = bench.join("ada", "DE");
    agent.until_standing(&ada, "licensed").await;
    let story = person(&agent.store, &ada).await.expect("she is known").timeline;
    agent.stop().await;
    let answers: Vec<String> =
        story.iter().filter(|row| row.kind == "answer").map(|row| row.detail.to_string()).collect();
    assert!(
        answers.iter().any(|answer| answer.contains("\"outcome\":\"unknown\"") && answer.contains(says)),
        "{answers:#?}"
    );
    assert!(answers.iter().any(|answer| answer.contains("by reading")), "{answers:#?}");
    let counters = bench.user(&ada).counters;
    assert_eq!((counters.assign_license.calls, counters.assign_license.effective), (1, 1), "{counters:?}");
}

/// The body comes in eight pieces over so many seconds.
fn slow(bench: &Bench, when: Match, seconds: u64) {
    bench.tenant.fault(Fault::slow_body(when, Duration::from_secs(seconds)));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_that_never_begins_leaves_the_outcome_unknown() {
    a_late_answer(|bench, when| drop(bench.tenant.gate(when, Hold::After)), "no answer within 2s").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_that_stops_leaves_the_outcome_unknown() {
    a_late_answer(|bench, when| slow(bench, when, 20), "its answer stopped for 1s").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_that_trickles_leaves_the_outcome_unknown() {
    a_late_answer(|bench, when| slow(bench, when, 5), "its answer was not complete after 2s").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_listing_that_stops_is_read_again() {
    let mut bench = Bench::start(5).await;
    bench.edit("poll_awaiting = \"100ms\"\ntimeout = \"20s\"", "poll_awaiting = \"100ms\"\ntimeout = \"2s\"");
    bench.tenant.fault(Fault::slow_body(Match::path("/v1.0/users?").once(), Duration::from_secs(20)));
    let agent = bench.agent().await.run();
    soon(agent.until(|report| report.troubles.get("tenant").is_some_and(|said| said.contains("stopped for 1s")))).await;
    agent.until(|report| report.acquainted && report.troubles.is_empty()).await;
    agent.stop().await;
}
