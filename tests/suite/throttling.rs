//! When Graph asks for a pause, the whole client pauses, and the pause outlives the program.

use seatsync_lab::tenant::{Fault, Match};
use serde_json::Value;

use crate::bench::{Bench, until, until_standing};
use crate::daemon::{Daemon, soon};

/// Waits until the directory was looked at eight times more: whatever was to happen in the tenant has begun.
async fn a_while(bench: &Bench) {
    let polls = bench.directory.counters().root_dse_reads;
    soon(bench.directory.wait_until(|counters| counters.root_dse_reads > polls + 8)).await;
}

async fn halted(bench: &Bench) -> Value {
    let status = bench.says(&["status", "--json"]).await;
    let status: Value = serde_json::from_str(&status).expect("JSON");
    status["halted"].clone()
}

/// An hour's pause is asked for: it is kept, shown, kept to after a restart, and ended by an operator.
async fn an_hour(bench: &Bench, throttled: Match) {
    let daemon = Daemon::acquainted(bench).await;
    let store = bench.store();
    bench.tenant.fault(Fault::throttled(throttled, Some("3600")));
    let ada = bench.join("ada", "DE");
    until(&store, |report| report.halted.is_some()).await;
    let pause = halted(bench).await;
    assert_eq!(pause["code"], "graph-throttled", "{pause}");
    let until: jiff::Timestamp = pause["until"].as_str().expect("a time").parse().expect("a time");
    let left = until.duration_since(jiff::Timestamp::now()).as_secs();
    assert!((3_500..=3_601).contains(&left), "{left} s left");
    daemon.stop().await;

    bench.tenant.clear_faults();
    let requests = bench.tenant.counters().requests;
    let daemon = Daemon::run(bench);
    daemon.until_said("connected to domain controller").await;
    a_while(bench).await;
    let status = bench.says(&["status"]).await;
    let shown = until.strftime("%Y-%m-%d %H:%M:%SZ").to_string();
    assert!(status.contains(&format!("throttled until {shown}: ")), "{status}");
    assert_eq!(bench.tenant.counters().requests, requests, "Graph is left alone");

    bench.says(&["retry", "--all"]).await;
    until_standing(&store, &ada, "licensed").await;
    daemon.stop().await;
    let counters = bench.user(&ada).counters;
    assert_eq!((counters.patch_usage_location.effective, counters.assign_license.effective), (1, 1), "{counters:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_hour_asked_for_by_a_batch_is_kept_over_a_restart_and_shown() {
    an_hour(&Bench::start(5).await, Match::new("POST", "/v1.0/$batch").once()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_hour_asked_for_by_a_reading_is_kept_over_a_restart_and_shown() {
    an_hour(&Bench::start(5).await, Match::path("users/delta").once()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_batch_whose_items_are_throttled_stops_the_others() {
    let mut bench = Bench::start(5).await;
    bench.edit("[work]", "[work]\nconcurrency = 1");
    let agent = bench.running().await;
    bench.tenant.set_seats("EMS", 100).expect("there is EMS");
    bench.tenant.fault(Fault::throttled(Match::new("PATCH", "/users/"), Some("3600")));
    for number in 0..60 {
        bench.join(&format!("joiner{number}"), "DE");
    }
    agent.until(|report| report.halted.as_ref().is_some_and(|halt| halt.is_throttling())).await;
    a_while(&bench).await;
    let calls = bench.writes().0;
    assert!(calls <= 40, "{calls} calls, though the first batch said it all");
    bench.tenant.clear_faults();
    agent.clock.advance(std::time::Duration::from_secs(3_700));
    agent.until(|report| report.standing.get("licensed") == Some(&60)).await;
    agent.stop().await;
}
