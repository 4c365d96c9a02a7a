//! First contact: who was there before is counted and left alone, everybody else is licensed.

use seatsync::store::Lease;
use seatsync_lab::directory::{Change, Moment, Target};
use seatsync_lab::tenant::{Hold, LicenseChange, Match, NewLicense, NewUser};

use crate::bench::{Bench, Joiner, person, presence_of, standings};

const STAFF: &str = "OU=Staff,DC=corp,DC=example,DC=test";

#[tokio::test(flavor = "multi_thread")]
async fn who_stood_in_the_directory_alone_waits_in_silence_and_is_licensed_when_it_appears() {
    let bench = Bench::start(5).await;
    let ada = bench.hire("ada", "DE");
    let agent = bench.running().await;
    assert_eq!(presence_of(&agent.store, &ada).await.as_deref(), Some("not-synced"));
    let ada_before = person(&agent.store, &ada).await.expect("she is known");
    assert!(ada_before.timeline.is_empty(), "not a word of her: {:?}", ada_before.timeline);
    let report = agent.until(|_| true).await;
    assert_eq!(report.awaited_longest, None);

    bench.sync(&ada);
    agent.until_standing(&ada, "licensed").await;
    agent.stop().await;
    assert!(bench.user(&ada).holds("EMS"));
}

#[tokio::test(flavor = "multi_thread")]
async fn who_was_in_the_tenant_before_is_baseline_and_never_written_to() {
    let bench = Bench::start(5).await;
    let (old, ageless, licensed) = (bench.hire("old", "DE"), bench.hire("ageless", "DE"), bench.hire("licensed", "DE"));
    bench.sync_old(&old, 400);
    bench.tenant.add_user(bench.user_of(&ageless).created_unknown()).expect("a user is added");
    bench.sync_old(&licensed, 400);
    let change = LicenseChange { add: vec![NewLicense::direct("EMS")], ..LicenseChange::default() };
    bench.tenant.change_licenses(&licensed.upn, &change).expect("a license is assigned");

    let agent = bench.running().await;
    let report = agent.until(|report| report.standing.values().sum::<u64>() == 3).await;
    assert_eq!(report.baseline_without_license.get("intune"), Some(&2));
    bench.some_polls().await;
    // Neither what they do elsewhere nor what we do makes newcomers of them.
    bench.tenant.patch_user(&old.upn, "displayName", "Old Oaken").expect("a name is changed");
    bench.directory.touch_logon(old.guid);
    bench.some_polls().await;
    for (who, standing) in [(&old, "baseline"), (&ageless, "baseline"), (&licensed, "satisfied")] {
        assert_eq!(standings(&agent.store, who).await, [standing], "{}", who.upn);
    }
    agent.stop().await;
    assert_eq!(bench.writes(), (0, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn who_appears_while_the_tenant_is_listed_is_not_baseline() {
    for hold in [Hold::Before, Hold::After] {
        let bench = Bench::start(5).await;
        let (old, ada) = (bench.hire("old", "DE"), bench.hire("ada", "DE"));
        bench.sync_old(&old, 400);
        let gate = bench.tenant.gate(Match::new("GET", "/users?$top"), hold);
        let agent = bench.agent().await.run();
        gate.arrived(1).await;
        bench.sync(&ada);
        gate.remove();
        agent.until_standing(&ada, "licensed").await;
        assert_eq!(standings(&agent.store, &old).await, ["baseline"]);
        agent.stop().await;
        assert_eq!(bench.writes(), (1, 1));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_appears_while_the_directory_is_read_is_not_baseline() {
    for moment in [Moment::Request, Moment::Reply] {
        let bench = Bench::start(5).await;
        let (old, eve) = (bench.hire("old", "DE"), bench.hire("eve", "DE"));
        bench.sync_old(&old, 400);
        let gate = bench.directory.gate(Target::page(1), moment);
        let agent = bench.agent().await.run();
        gate.arrived().await;
        let ada = bench.join("ada", "DE");
        bench.sync(&eve);
        // The tenant's first read may well be over before the directory's.
        agent.until(|report| report.tenant_read.is_some()).await;
        assert!(!agent.until(|_| true).await.acquainted);
        gate.release();
        for newcomer in [&ada, &eve] {
            agent.until_standing(newcomer, "licensed").await;
        }
        assert_eq!(standings(&agent.store, &old).await, ["baseline"]);
        agent.stop().await;
        assert_eq!(bench.writes(), (2, 2));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_old_cloud_user_who_becomes_synced_is_licensed() {
    use base64::{Engine as _, engine::general_purpose::STANDARD};
    let bench = Bench::start(5).await;
    let ada = bench.hire("ada", "DE");
    let year = jiff::SignedDuration::from_hours(24 * 365);
    let cloud = NewUser::cloud(&ada.upn).created(bench.tenant.now() - year);
    bench.tenant.add_user(cloud).expect("a user is added");
    let agent = bench.running().await;
    bench.some_polls().await;
    assert_eq!(bench.writes(), (0, 0));

    let guid = uuid::Uuid::parse_str(&ada.guid.to_string()).expect("a GUID");
    let set = |property: &str, value: serde_json::Value| {
        bench.tenant.patch_user(&ada.upn, property, value).expect("a property is set");
    };
    set("onPremisesSecurityIdentifier", ada.sid.as_str().into());
    set("onPremisesImmutableId", STANDARD.encode(guid.to_bytes_le()).into());
    set("onPremisesSyncEnabled", true.into());
    agent.until_standing(&ada, "licensed").await;
    agent.stop().await;
    assert_eq!(bench.user(&ada).counters.assign_license.effective, 1);
}

/// Three who were there before and lack the license, the first the longest.
fn three_old(bench: &Bench) -> [Joiner; 3] {
    let old = ["old1", "old2", "old3"].map(|sam| bench.hire(sam, "DE"));
    for (joiner, days) in old.iter().zip([400, 300, 200]) {
        bench.sync_old(joiner, days);
    }
    old
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_store_begun_anew_says_how_many_lack_the_license_and_writes_nothing() {
    let bench = Bench::start(5).await;
    three_old(&bench);
    let ada = bench.hire("ada", "DE");
    let agent = bench.running().await;
    bench.sync(&ada);
    agent.until_standing(&ada, "licensed").await;
    agent.stop().await;
    for name in ["seatsync.db", "seatsync.db-wal", "seatsync.db-shm"] {
        let _ = std::fs::remove_file(bench.path(name));
    }
    bench.tenant.reset_counters();

    let log = bench.says(&["once"]).await;
    assert!(log.contains("3 who were there before lack a license"), "{log}");
    let status = bench.says(&["status"]).await;
    assert!(status.contains("3 lack the license of rule intune: `seatsync include intune --unlicensed`"), "{status}");
    assert!(status.contains("3 baseline, 1 satisfied"), "{status}");
    assert_eq!(bench.writes(), (0, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn include_brings_the_baseline_in_the_longest_known_first() {
    let bench = Bench::start(5).await;
    let [first, second, third] = three_old(&bench);
    bench.once().await.expect("a turn");
    let said = bench.says(&["include", "intune", "--unlicensed", "--limit", "2"]).await;
    assert!(said.contains("2 persons"), "{said}");
    bench.once().await.expect("a turn");
    let holds = |joiner: &Joiner| bench.user(joiner).holds("EMS");
    assert_eq!([holds(&first), holds(&second), holds(&third)], [true, true, false]);

    let agent = bench.running().await;
    let lease = Lease::take(&bench.path("seatsync.db")).expect("the lease");
    bench.says(&["include", "intune"]).await;
    agent.until_standing(&third, "licensed").await;
    agent.stop().await;
    drop(lease);
    let unknown = bench.output(&["include", "nosuch"]).await;
    assert!(!unknown.status.success() && String::from_utf8_lossy(&unknown.stderr).contains("intune"));
}

#[tokio::test(flavor = "multi_thread")]
async fn existing_users_are_licensed_under_the_guard_when_the_operator_asked_for_it() {
    let mut bench = Bench::start(5).await;
    bench.edit("assignments_per_day = 500", "assignments_per_day = 2\nexisting = \"license\"");
    three_old(&bench);
    bench.once().await.expect("a turn");
    let report = bench.store().report().await.expect("a report");
    assert_eq!(bench.tenant.view(|view| view.holders("EMS")), 2);
    assert_eq!(report.holds.iter().map(|hold| hold.members).collect::<Vec<_>>(), [1]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_rule_or_a_wider_one_makes_nobody_due_but_newcomers() {
    let mut bench = Bench::start(5).await;
    bench.rules = "[[license]]\nid = \"intune\"\nsku = \"EMS\"\nwho = { filter = \"(department=Physics)\" }\n".into();
    let old = three_old(&bench);
    bench.directory.modify(old[0].guid, &[Change::set("department", "Physics")]);
    bench.once().await.expect("a turn");

    // Another attribute has to be read for this, and it takes a while until that is done.
    bench.rules = "[[license]]\nid = \"intune\"\nsku = \"EMS\"\nwho = { any = [{ filter = \"(department=Physics)\" }, \
                   { filter = \"(title=*)\" }] }\n[[license]]\nid = \"office\"\nsku = \"SPE_E3\"\nunless_has_plan = []\n\
                   who = { filter = \"(title=Scientist)\" }\n"
        .into();
    for joiner in &old {
        bench.directory.modify(joiner.guid, &[Change::set("title", "Scientist")]);
    }
    let gate = bench.directory.gate(Target::page(1), Moment::Request);
    let agent = bench.agent().await.run();
    gate.arrived().await;
    let ada = bench.join("ada", "DE");
    bench.directory.modify(ada.guid, &[Change::set("title", "Scientist")]);
    let looks = bench.tenant.counters().requests;
    bench.tenant.wait_until(|view| view.counters().requests > looks + 6).await;
    gate.release();
    bench.until_user(&ada, |user| user.holds("EMS") && user.holds("SPE_E3")).await;
    bench.some_polls().await;
    let report = agent.until(|_| true).await;
    assert_eq!(report.baseline_without_license.get("intune"), Some(&3));
    assert_eq!(report.baseline_without_license.get("office"), Some(&3));
    agent.stop().await;
    assert_eq!(bench.tenant.view(|view| (view.holders("EMS"), view.holders("SPE_E3"))), (1, 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn wider_bases_make_nobody_due_but_newcomers() {
    let mut bench = Bench::start(5).await;
    let bases = format!("bases = [\"{STAFF}\"]\npoll = \"100ms\"\ntimeout = \"20s\"\n[tenant]");
    bench.edit("poll = \"100ms\"\ntimeout = \"20s\"\n[tenant]", &bases);
    let outside = bench.hire("outside", "DE");
    bench.directory.move_to(outside.guid, "Contractors");
    bench.sync_old(&outside, 400);
    bench.once().await.expect("a turn");
    assert_eq!(bench.store().report().await.expect("a report").presence.get("unknown-in-directory"), Some(&1));

    bench.edits.clear();
    let gate = bench.directory.gate(Target::page(1), Moment::Request);
    let agent = bench.agent().await.run();
    gate.arrived().await;
    let looks = bench.tenant.counters().requests;
    bench.tenant.wait_until(|view| view.counters().requests > looks + 6).await;
    gate.release();
    agent.until_standing(&outside, "baseline").await;
    let ada = bench.hire("ada", "DE");
    bench.directory.move_to(ada.guid, "Contractors");
    bench.sync(&ada);
    agent.until_standing(&ada, "licensed").await;
    bench.some_polls().await;
    agent.stop().await;
    assert_eq!(bench.writes(), (1, 1));
}
