//! While nothing changes nothing is written, and what others decided stays.

use seatsync_lab::directory::Counters;
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
    let rest = |counters: &Counters| {
        (counters.connections, counters.binds, counters.searches, counters.entries, counters.writes)
    };
    assert_eq!(rest(&after), rest(&directory));
    assert_eq!(bench.writes(), writes);
}

#[tokio::test(flavor = "multi_thread")]
async fn in_a_noisy_domain_a_tick_is_one_read_and_one_small_search_and_hardly_ever_a_write() {
    const TICKS: u64 = 12;
    let mut bench = Bench::start(300).await;
    bench.edit("poll = \"100ms\"\ntimeout", "poll = \"10s\"\ntimeout");
    bench.edit("poll = \"200ms\"\npoll_awaiting = \"100ms\"", "poll = \"1h\"\npoll_awaiting = \"1h\"");
    let agent = bench.running().await;
    let db = rusqlite::Connection::open(bench.path("seatsync.db")).expect("the store opens");
    let version = || db.query_row("PRAGMA data_version", [], |row| row.get::<_, i64>(0)).expect("a version");
    // Ticks of ten virtual seconds, each waited for; how often the store was written to.
    let ticks = async |noise: usize| {
        let (mut known, mut writes) = (version(), 0);
        for _ in 0..TICKS {
            let before = bench.directory.counters();
            bench.directory.noise(noise);
            // A tick that comes before the agent rests again is none; then the next one comes by the wall clock.
            tokio::time::sleep(std::time::Duration::from_millis(50)).await;
            agent.clock.advance(std::time::Duration::from_secs(10));
            let looked = bench.directory.wait_until(|now| {
                now.root_dse_reads > before.root_dse_reads && (noise == 0 || now.searches > before.searches)
            });
            tokio::time::timeout(crate::bench::PATIENCE, looked).await.expect("a look");
            writes += u64::from(std::mem::replace(&mut known, version()) != known);
        }
        writes
    };
    // The first change of all makes the zone; the first search after a start begins further back.
    ticks(1).await;
    let before = bench.directory.counters();
    let writes = ticks(50).await;
    let noisy = bench.directory.counters();
    let each = |now: &Counters, before: &Counters| {
        (
            now.connections - before.connections,
            now.root_dse_reads - before.root_dse_reads,
            now.searches - before.searches,
        )
    };
    assert_eq!(each(&noisy, &before), (0, TICKS, TICKS));
    assert!(writes <= TICKS / 6 + 1, "{writes} writes in {} seconds", TICKS * 10);
    // A quarter of the noise is people who sign in. Once a minute the search begins ten minutes back, at most at all of them.
    let entries = noisy.entries - before.entries;
    assert!(entries < TICKS * 50 / 3 + (TICKS / 6 + 1) * 310, "{entries} entries");
    let writes = ticks(0).await;
    let still = bench.directory.counters();
    assert_eq!(each(&still, &noisy), (0, TICKS, 0), "with nothing moving, the rootDSE alone");
    assert!(writes <= TICKS / 6 + 1, "{writes} writes in {} seconds", TICKS * 10);
    agent.stop().await;
    assert_eq!(bench.writes(), (0, 0));
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
