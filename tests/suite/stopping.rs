//! The end of an agent, a second one beside it, and what operators ask of one that runs or of none.

use rustix::process::Signal;
use seatsync_lab::tenant::{Hold, Match};
use serde_json::Value;

use crate::bench::{Bench, Joiner, until, until_standing};
use crate::daemon::{Daemon, all_end_well, soon};

/// What the program says, and how it ends.
async fn said(bench: &Bench, arguments: &[&str]) -> (i32, String, String) {
    let output = bench.output(arguments).await;
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (output.status.code().expect("a status"), text(&output.stdout), text(&output.stderr))
}

async fn status(bench: &Bench) -> Value {
    let (code, out, err) = said(bench, &["status", "--json"]).await;
    assert_eq!(code, 0, "{err}");
    serde_json::from_str(&out).expect("JSON")
}

fn join(bench: &Bench, count: usize) -> Vec<Joiner> {
    (0..count).map(|number| bench.join(&format!("joiner{number}"), "DE")).collect()
}

/// So many looks at the directory later, whatever was to happen has begun.
async fn a_while(bench: &Bench) {
    let polls = bench.directory.counters().root_dse_reads;
    soon(bench.directory.wait_until(|counters| counters.root_dse_reads > polls + 8)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn sigterm_and_sigint_stop_it_clean() {
    let bench = Bench::start(5).await;
    for signal in [Signal::TERM, Signal::INT] {
        let daemon = Daemon::run(&bench);
        daemon.until_said("started in mode").await;
        daemon.signal(signal);
        let (status, said) = daemon.ended().await;
        assert_eq!(status.code(), Some(0), "{said}");
        assert!(said.contains("stopped, nothing left half-done"), "{said}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn writes_under_way_are_brought_to_their_end_and_nothing_new_begins() {
    let mut bench = Bench::start(5).await;
    bench.edit("[work]", "[work]\nconcurrency = 1");
    let daemon = Daemon::acquainted(&bench).await;
    let gate = bench.tenant.gate(Match::new("PATCH", "/v1.0/users/"), Hold::After);
    let people = join(&bench, 45);
    soon(gate.arrived(1)).await;
    daemon.signal(Signal::TERM);
    daemon.until_said("stopping").await;
    gate.remove();
    let (status, said) = daemon.ended().await;
    assert_eq!(status.code(), Some(0), "{said}");
    let counters = bench.tenant.counters();
    let sent = counters.patch_usage_location.calls;
    assert!((1..=20).contains(&sent) && counters.assign_license.calls == 0, "one batch: {counters:?}\n{said}");
    all_end_well(&bench, &people).await;
    let counters = bench.tenant.counters();
    assert_eq!((counters.patch_usage_location.calls, counters.assign_license.calls), (45, 45), "no outcome was lost");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reading_that_hangs_does_not_keep_it_from_stopping() {
    let mut bench = Bench::start(5).await;
    bench.edit("timeout = \"20s\"", "timeout = \"10m\"");
    let daemon = Daemon::acquainted(&bench).await;
    let seats = bench.tenant.gate(Match::path("subscribedSkus"), Hold::Before);
    bench.join("ada", "DE");
    soon(seats.arrived(1)).await;
    bench.hire("bob", "DE");
    soon(seats.arrived(2)).await;
    daemon.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_turn_that_is_told_to_stop_says_that_it_was_not_complete() {
    let bench = Bench::start(5).await;
    let gate = bench.tenant.gate(Match::path("/v1.0/users"), Hold::Before);
    let daemon = Daemon::start(&bench, &["once"]);
    soon(gate.arrived(1)).await;
    daemon.signal(Signal::INT);
    let (status, said) = daemon.ended().await;
    assert_eq!(status.code(), Some(75), "{said}");
    assert!(said.contains("told to stop before the turn was complete"), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_signal_ends_it_at_once_and_nothing_is_lost_by_it() {
    let bench = Bench::start(5).await;
    let daemon = Daemon::acquainted(&bench).await;
    let gate = bench.tenant.gate(Match::new("PATCH", "/v1.0/users/").once(), Hold::Before);
    let ada = bench.join("ada", "DE");
    soon(gate.arrived(1)).await;
    daemon.signal(Signal::TERM);
    daemon.until_said("stopping").await;
    daemon.signal(Signal::TERM);
    let (status, said) = daemon.ended().await;
    assert_eq!(status.code(), Some(128 + 15), "{said}");
    gate.discard();
    all_end_well(&bench, &[ada]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_agent_on_the_same_store_is_refused() {
    let bench = Bench::start(5).await;
    let daemon = Daemon::acquainted(&bench).await;
    for command in ["run", "once"] {
        let (code, _, err) = said(&bench, &[command]).await;
        assert_eq!(code, 75, "{err}");
        let holder = format!("seatsync.db: process {}, since 2", daemon.pid());
        assert!(err.contains("another agent works on the store") && err.contains(&holder), "{err}");
        assert!(err.contains("Stop the other agent, or leave the work to it. [store-busy]"), "{err}");
    }
    let ada = bench.join("ada", "DE");
    until_standing(&bench.store(), &ada, "licensed").await;
    daemon.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_running_agent_pauses_and_resumes_when_asked() {
    let bench = Bench::start(5).await;
    let daemon = Daemon::acquainted(&bench).await;
    let (code, out, err) = said(&bench, &["pause", "change freeze"]).await;
    assert_eq!((code, out.contains("paused: nothing is written")), (0, true), "{out}{err}");
    assert!(!out.contains("no agent is running"), "{out}");
    let ada = bench.join("ada", "DE");
    let store = bench.store();
    until_standing(&store, &ada, "due").await;
    a_while(&bench).await;
    assert_eq!(bench.user(&ada).counters.patch_usage_location.calls, 0);
    assert_eq!(status(&bench).await["paused"], "change freeze");
    let (code, out, _) = said(&bench, &["resume"]).await;
    assert_eq!((code, out.contains("resumed (was paused: change freeze)")), (0, true), "{out}");
    until_standing(&store, &ada, "licensed").await;
    daemon.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pause_reaches_a_round_that_is_under_way() {
    let mut bench = Bench::start(5).await;
    bench.edit("[work]", "[work]\nconcurrency = 1");
    let daemon = Daemon::acquainted(&bench).await;
    let gate = bench.tenant.gate(Match::new("PATCH", "/v1.0/users/"), Hold::Before);
    let people = join(&bench, 45);
    soon(gate.arrived(1)).await;
    let (code, out, err) = said(&bench, &["pause"]).await;
    assert_eq!(code, 0, "{out}{err}");
    gate.remove();
    let located = |count: usize| {
        move |view: &seatsync_lab::tenant::View<'_>| {
            view.users().filter(|user| user.usage_location.is_some()).count() >= count
        }
    };
    soon(bench.tenant.wait_until(located(1))).await;
    a_while(&bench).await;
    let counters = bench.tenant.counters();
    assert!(counters.patch_usage_location.calls <= 20 && counters.assign_license.calls == 0, "{counters:?}");
    assert_eq!(said(&bench, &["resume"]).await.0, 0);
    let store = bench.store();
    for joiner in &people {
        until_standing(&store, joiner, "licensed").await;
    }
    daemon.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_agent_in_trouble_still_answers() {
    let bench = Bench::start(5).await;
    let daemon = Daemon::acquainted(&bench).await;
    let gate = bench.tenant.gate(Match::new("PATCH", "/v1.0/users/").once(), Hold::Before);
    let ada = bench.join("ada", "DE");
    soon(gate.arrived(1)).await;
    bench.tenant.set_secret("another", None);
    bench.tenant.expire_tokens();
    // The token is examined before the gate: this write passes, the license after it does not.
    gate.remove();
    daemon.until_said("ERROR work: the login was refused").await;
    let (code, out, err) = said(&bench, &["pause", "until the secret is renewed"]).await;
    assert_eq!(code, 0, "{out}{err}");
    assert!(!out.contains("no agent is running"), "{out}");
    assert!(!bench.user(&ada).holds("EMS"));
    daemon.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn without_an_agent_requests_are_carried_out_in_the_store() {
    let bench = Bench::start(5).await;
    assert!(bench.once().await.expect("a turn").acquainted);
    let (code, out, _) = said(&bench, &["pause", "maintenance"]).await;
    assert_eq!((code, out.contains("no agent is running: it takes effect once one does")), (0, true), "{out}");
    let state = status(&bench).await;
    assert_eq!((&state["paused"], &state["running"]), (&"maintenance".into(), &false.into()));
    let ada = bench.join("ada", "DE");
    let daemon = Daemon::run(&bench);
    let store = bench.store();
    until_standing(&store, &ada, "due").await;
    a_while(&bench).await;
    assert_eq!(bench.user(&ada).counters.patch_usage_location.calls, 0);
    daemon.stop().await;
    assert_eq!(said(&bench, &["resume"]).await.0, 0);
    all_end_well(&bench, &[ada]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cohort_is_approved_while_an_agent_runs_and_rejected_while_none_does() {
    let mut bench = Bench::start(5).await;
    bench.edit("assignments_per_day = 500", "assignments_per_day = 2");
    let daemon = Daemon::acquainted(&bench).await;
    let people = join(&bench, 5);
    let store = bench.store();
    until(&store, |report| report.holds.iter().any(|hold| hold.members == 3)).await;
    let hold = status(&bench).await["holds"][0].clone();
    let (number, digest) = (hold["id"].to_string(), hold["digest"].as_str().expect("a digest").to_owned());
    let (code, _, err) = said(&bench, &["approve", &number, "--digest", "0000"]).await;
    assert_eq!(code, 67, "an approval of another cohort: {err}");
    assert!(err.contains("seatsync status"), "{err}");
    let (code, out, err) = said(&bench, &["approve", &number, "--digest", &digest]).await;
    assert_eq!(code, 0, "{out}{err}");
    for joiner in &people {
        until_standing(&store, joiner, "licensed").await;
    }
    let late: Vec<Joiner> = ["eve", "mal"].map(|sam| bench.join(sam, "DE")).into();
    until(&store, |report| report.holds.iter().any(|hold| hold.members == 2)).await;
    daemon.stop().await;
    let number = status(&bench).await["holds"][0]["id"].to_string();
    let (code, out, _) = said(&bench, &["reject", &number]).await;
    assert_eq!((code, out.contains("no agent is running")), (0, true), "{out}");
    for joiner in &late {
        until_standing(&store, joiner, "baseline").await;
    }
    all_end_well(&bench, &people).await;
    assert!(late.iter().all(|joiner| !bench.user(joiner).holds("EMS")));
}
