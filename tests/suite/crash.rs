//! Must hold 3: `kill -9` at every boundary between read, store, intent, write and outcome, then a new start: no person is
//! lost and nothing is done twice. The lab holds the replies, a lock of the test's own holds the store; the lab's counters are
//! the witness.

use std::slice::from_ref;

use seatsync_lab::directory::{Moment, Target};
use seatsync_lab::tenant::{Gate, Hold, Match, RequestRecord};

use crate::bench::{Bench, Joiner};
use crate::daemon::{Daemon, all_end_well, lock_store, soon};

fn patch() -> Match {
    Match::new("PATCH", "/v1.0/users/").once()
}

fn assign() -> Match {
    Match::new("POST", "assignLicense").once()
}

/// Somebody joins under the eyes of a running program, which is killed while the tenant holds that request.
async fn killed_at(when: Match, hold: Hold) -> (Bench, Joiner, Gate) {
    killed_in(Bench::start(5).await, when, hold).await
}

async fn killed_in(bench: Bench, when: Match, hold: Hold) -> (Bench, Joiner, Gate) {
    let daemon = Daemon::acquainted(&bench).await;
    let gate = bench.tenant.gate(when, hold);
    let ada = bench.join("ada", "DE");
    soon(gate.arrived(1)).await;
    daemon.kill().await;
    (bench, ada, gate)
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_while_the_first_page_of_the_directory_is_under_way() {
    let bench = Bench::start(5).await;
    let gate = bench.directory.gate(Target::page(1), Moment::Reply);
    let ada = bench.hire("ada", "DE");
    let daemon = Daemon::run(&bench);
    soon(gate.arrived()).await;
    daemon.kill().await;
    gate.release();
    bench.sync(&ada);
    all_end_well(&bench, &[ada]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_while_changes_of_the_directory_are_under_way() {
    let bench = Bench::start(5).await;
    let daemon = Daemon::acquainted(&bench).await;
    let gate = bench.directory.gate(Target::page(1).filter("uSNChanged"), Moment::Reply);
    let ada = bench.join("ada", "DE");
    soon(gate.arrived()).await;
    daemon.kill().await;
    gate.release();
    all_end_well(&bench, &[ada]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_while_the_first_listing_is_under_way() {
    let bench = Bench::start(5).await;
    bench.tenant.set_knobs(|knobs| knobs.page_size = Some(2));
    let early: Vec<Joiner> = ["ada", "bob", "cyd"].map(|sam| bench.hire(sam, "DE")).into();
    early.iter().for_each(|joiner| bench.sync(joiner));
    let gate = bench.tenant.gate(Match::path("/v1.0/users?*skiptoken=*").once(), Hold::After);
    let daemon = Daemon::run(&bench);
    soon(gate.arrived(1)).await;
    let late = bench.join("eve", "DE");
    daemon.kill().await;
    gate.remove();
    let everybody: Vec<Joiner> = early.into_iter().chain([late]).collect();
    all_end_well(&bench, &everybody).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_while_changes_of_the_tenant_are_under_way() {
    let bench = Bench::start(5).await;
    let daemon = Daemon::acquainted(&bench).await;
    let ada = bench.hire("ada", "DE");
    bench.sync(&ada);
    let gate = bench.tenant.gate(Match::path("users/delta").once(), Hold::After);
    soon(gate.arrived(1)).await;
    daemon.kill().await;
    gate.remove();
    all_end_well(&bench, &[ada]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_while_the_seats_are_read_for_the_plan() {
    let bench = Bench::start(5).await;
    let daemon = Daemon::acquainted(&bench).await;
    let seats = bench.tenant.gate(Match::path("subscribedSkus"), Hold::After);
    let ada = bench.join("ada", "DE");
    // The feed's own look at the seats is held first; news of the directory wakes the work, whose look is the second.
    soon(seats.arrived(1)).await;
    let bob = bench.hire("bob", "DE");
    soon(seats.arrived(2)).await;
    daemon.kill().await;
    seats.remove();
    bench.sync(&bob);
    all_end_well(&bench, &[ada, bob]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_before_the_plan_and_its_intents_are_stored() {
    let bench = Bench::start(5).await;
    let daemon = Daemon::acquainted(&bench).await;
    let seats = bench.tenant.gate(Match::path("subscribedSkus"), Hold::After);
    let ada = bench.join("ada", "DE");
    soon(seats.arrived(1)).await;
    let bob = bench.hire("bob", "DE");
    soon(seats.arrived(2)).await;
    let lock = lock_store(&bench);
    seats.remove();
    bench.sync(&bob);
    let all_read = |request: &RequestRecord| !request.path.contains("subscribedSkus") || request.ended.is_some();
    soon(bench.tenant.wait_until(|view| view.requests().all(all_read))).await;
    daemon.kill().await;
    assert_eq!(bench.tenant.counters().patch_usage_location.calls, 0);
    drop(lock);
    all_end_well(&bench, &[ada, bob]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_before_the_location_takes_effect() {
    let (bench, ada, gate) = killed_at(patch(), Hold::Before).await;
    gate.discard();
    all_end_well(&bench, &[ada]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_after_the_location_took_effect_and_before_its_answer() {
    let (bench, ada, gate) = killed_at(patch(), Hold::After).await;
    gate.remove();
    all_end_well(&bench, &[ada]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_before_the_license_takes_effect() {
    let (bench, ada, gate) = killed_at(assign(), Hold::Before).await;
    gate.discard();
    all_end_well(&bench, &[ada]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_after_the_license_took_effect_and_before_its_answer() {
    let (bench, ada, gate) = killed_at(assign(), Hold::After).await;
    gate.remove();
    all_end_well(&bench, from_ref(&ada)).await;
    assert_eq!(bench.user(&ada).counters.assign_license.calls, 1, "reading showed that it was done");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_license_that_reading_does_not_show_yet_is_known_as_ours_once_it_does() {
    let bench = Bench::start(5).await;
    bench.tenant.set_knobs(|knobs| knobs.license_lag_reads = 4);
    let (bench, ada, gate) = killed_in(bench, assign(), Hold::After).await;
    gate.remove();
    // Paused, so that only reading can tell.
    assert!(bench.output(&["pause"]).await.status.success());
    all_end_well(&bench, from_ref(&ada)).await;
    assert_eq!(bench.user(&ada).counters.assign_license.calls, 1);
    let story = bench.output(&["explain", "ada"]).await.stdout;
    let story = String::from_utf8_lossy(&story);
    assert!(story.contains("reading does not show it") && story.contains("given by seatsync"), "{story}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_write_that_arrives_long_after_the_crash_changes_nothing_more() {
    let (bench, ada, gate) = killed_at(assign(), Hold::Before).await;
    all_end_well(&bench, from_ref(&ada)).await;
    gate.release();
    soon(
        bench.tenant.wait_until(|view| view.user(&ada.upn).is_some_and(|user| user.counters.assign_license.calls == 2)),
    )
    .await;
    all_end_well(&bench, &[ada]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_before_the_outcome_of_the_location_is_stored() {
    killed_before_the_outcome(patch()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_before_the_outcome_of_the_license_is_stored() {
    killed_before_the_outcome(assign()).await;
}

/// The answer comes, but the store is held.
async fn killed_before_the_outcome(when: Match) {
    let bench = Bench::start(5).await;
    let daemon = Daemon::acquainted(&bench).await;
    let gate = bench.tenant.gate(when.clone(), Hold::After);
    let ada = bench.join("ada", "DE");
    soon(gate.arrived(1)).await;
    let lock = lock_store(&bench);
    gate.remove();
    let method = when.method.expect("a method");
    let answered =
        |request: &RequestRecord| request.method == method && request.user.is_some() && request.ended.is_some();
    soon(bench.tenant.wait_until(|view| view.requests().any(answered))).await;
    daemon.kill().await;
    drop(lock);
    all_end_well(&bench, from_ref(&ada)).await;
    let counters = bench.user(&ada).counters;
    assert_eq!((counters.patch_usage_location.calls, counters.assign_license.calls), (1, 1), "reading settled it");
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_while_the_license_is_read_back() {
    for hold in [Hold::Before, Hold::After] {
        let mut bench = Bench::start(5).await;
        bench.edit("confirm_after = \"200ms\"", "confirm_after = \"10ms\"");
        let daemon = Daemon::acquainted(&bench).await;
        let gate = bench.tenant.gate(Match::new("GET", "/v1.0/users/*-*-*-*-*?*").once(), hold);
        // Until the license shows in the feed, it is read back.
        bench.tenant.set_knobs(|knobs| knobs.license_lag_reads = 3);
        let ada = bench.join("ada", "DE");
        soon(gate.arrived(1)).await;
        daemon.kill().await;
        gate.remove();
        all_end_well(&bench, from_ref(&ada)).await;
        assert_eq!(bench.user(&ada).counters.assign_license.calls, 1);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_at_eight_random_moments_while_sixty_join() {
    const SEED: u64 = 42;
    let bench = Bench::start(20).await;
    bench.tenant.set_seats("EMS", 100).expect("a product");
    bench.tenant.set_knobs(|knobs| {
        (knobs.absent_calls, knobs.license_lag_reads, knobs.location_lag_calls) = (1, 2, 1);
        knobs.latency = std::time::Duration::from_millis(3);
    });
    Daemon::acquainted(&bench).await.kill().await;
    let mut chance = fastrand::Rng::with_seed(SEED);
    let mut people: Vec<Joiner> = Vec::new();
    for kill in 0..8 {
        let newcomers = people.len()..60.min(people.len() + 8 + usize::from(kill == 7) * 60);
        people.extend(newcomers.map(|number| bench.join(&format!("joiner{number}"), ["DE", ""][number % 2])));
        let requests = bench.tenant.counters().requests + chance.u64(3..40);
        let daemon = Daemon::run(&bench);
        soon(bench.tenant.wait_until(|view| view.counters().requests >= requests)).await;
        daemon.kill().await;
    }
    assert_eq!(people.len(), 60);
    all_end_well(&bench, &people).await;
}
