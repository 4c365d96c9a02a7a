//! While nothing changes nothing is written, and what others decided stays.

use seatsync_lab::tenant::{LicenseChange, NewLicense};

use crate::bench::{Bench, standings, times_told};

#[tokio::test(flavor = "multi_thread")]
async fn a_second_run_over_the_same_state_writes_nothing() {
    let bench = Bench::start(50).await;
    let old = bench.hire("old", "DE");
    bench.sync_old(&old, 400);
    bench.once().await.expect("a turn");
    for n in 0..20 {
        bench.join(&format!("joiner{n}"), if n % 2 == 0 { "DE" } else { "" });
    }
    let turn = bench.once().await.expect("a turn");
    assert_eq!((turn.sent, turn.accepted), (40, 40));
    bench.once().await.expect("a turn that reads back");
    let before = bench.writes();
    let turn = bench.once().await.expect("a turn");
    assert_eq!((turn.judged, turn.sent, turn.read), (0, 0, 0));
    let agent = bench.running().await;
    agent.until(|report| report.standing.get("licensed") == Some(&20)).await;
    bench.some_polls().await;
    agent.stop().await;
    assert_eq!(bench.writes(), before);
    assert_eq!(before, (20, 20));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_idle_agent_reads_one_entry_of_the_directory_per_tick_and_writes_nothing() {
    let bench = Bench::start(50).await;
    let agent = bench.running().await;
    let ada = bench.join("ada", "DE");
    agent.until_standing(&ada, "licensed").await;
    bench.some_polls().await;
    let (directory, writes) = (bench.directory.counters(), bench.writes());
    bench.some_polls().await;
    bench.some_polls().await;
    let after = bench.directory.counters();
    agent.stop().await;
    assert!(after.root_dse_reads >= directory.root_dse_reads + 6);
    let rest = |counters: &seatsync_lab::directory::Counters| {
        (counters.connections, counters.binds, counters.searches, counters.entries, counters.writes)
    };
    assert_eq!(rest(&after), rest(&directory));
    assert_eq!(bench.writes(), writes);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_has_the_plans_from_elsewhere_needs_nothing() {
    let bench = Bench::start(5).await;
    let agent = bench.running().await;
    let group = uuid::Uuid::from_u128(7);
    let (grouped, bigger) = (bench.hire("grouped", "DE"), bench.hire("bigger", "DE"));
    let off = bench.hire("off", "DE");
    let add =
        |joiner, license| bench.tenant.add_user(bench.user_of(joiner).licensed(license)).expect("a user is added");
    add(&grouped, NewLicense::by_group("EMS", group));
    add(&bigger, NewLicense::direct("SPE_E3"));
    add(&off, NewLicense::by_group("EMS", group).without(&["INTUNE_A"]));
    agent.until_standing(&grouped, "satisfied").await;
    agent.until_standing(&bigger, "satisfied").await;
    // A group that turned Intune off gives no Intune.
    agent.until_standing(&off, "licensed").await;
    bench.some_polls().await;
    agent.stop().await;
    for joiner in [&grouped, &bigger] {
        let counters = bench.user(joiner).counters;
        assert_eq!((counters.patch_usage_location.calls, counters.assign_license.calls), (0, 0), "{}", joiner.upn);
    }
    assert!(bench.user(&off).has_plan("INTUNE_A"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_license_that_someone_removed_is_told_once_and_left_removed() {
    let bench = Bench::start(5).await;
    let agent = bench.running().await;
    let ada = bench.join("ada", "DE");
    agent.until_standing(&ada, "licensed").await;
    let remove = LicenseChange { remove: vec!["EMS".into()], ..LicenseChange::default() };
    bench.tenant.change_licenses(&ada.upn, &remove).expect("she has it");
    agent.until_standing(&ada, "removed-by-other").await;
    bench.some_polls().await;
    agent.stop().await;

    let agent = bench.running().await;
    bench.tenant.patch_user(&ada.upn, "displayName", "Ada L.").expect("her name changes");
    bench.directory.touch_logon(ada.guid);
    bench.some_polls().await;
    assert_eq!(standings(&agent.store, &ada).await, ["removed-by-other"]);
    assert_eq!(times_told(&agent.store, &ada, "removed-by-other").await, 1);
    assert_eq!(bench.writes(), (1, 1));

    bench.says(&["retry", &ada.upn]).await;
    agent.until_standing(&ada, "licensed").await;
    agent.stop().await;
    assert!(bench.user(&ada).holds("EMS"));
    assert_eq!(bench.writes(), (1, 2));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_another_administrator_left_off_stays_off() {
    let bench = Bench::start(5).await;
    let agent = bench.running().await;
    let ada = bench.hire("ada", "DE");
    let without = NewLicense::direct("EMS").without(&["INTUNE_A"]);
    bench.tenant.add_user(bench.user_of(&ada).licensed(without)).expect("a user is added");
    agent.until_standing(&ada, "differs").await;
    bench.some_polls().await;
    agent.stop().await;
    assert_eq!(bench.writes(), (0, 0));
    assert!(!bench.user(&ada).has_plan("INTUNE_A"));
}
