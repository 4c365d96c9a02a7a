//! People join: whoever is new in the tenant gets a usage location and the license.

use std::time::Duration;

use seatsync::store::Lease;
use seatsync_lab::directory::{Change, DirectoryOptions};
use seatsync_lab::tenant::{Fault, Match, World};

use crate::bench::{Bench, standings};

#[tokio::test(flavor = "multi_thread")]
async fn a_new_user_gets_location_and_license() {
    let bench = Bench::start(20).await;
    let agent = bench.running().await;
    let ada = bench.hire("ada", "DE");
    let bob = bench.hire("bob", "");
    bench.sync(&ada);
    bench.sync(&bob);
    agent.until_standing(&ada, "licensed").await;
    agent.until_standing(&bob, "licensed").await;
    agent.stop().await;

    let (ada, bob) = (bench.user(&ada), bench.user(&bob));
    assert_eq!(ada.usage_location.as_deref(), Some("DE"));
    assert_eq!(bob.usage_location.as_deref(), Some("SE"));
    for user in [ada, bob] {
        assert!(user.holds("EMS") && user.has_plan("INTUNE_A"), "{user:?}");
        assert_eq!((user.counters.assign_license.calls, user.counters.assign_license.effective), (1, 1));
        assert_eq!((user.counters.patch_usage_location.calls, user.counters.patch_usage_location.effective), (1, 1));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_exchange_location_comes_before_the_country() {
    let bench = Bench::start(5).await;
    let agent = bench.running().await;
    let (ada, bob) = (bench.hire("ada", "DE"), bench.hire("bob", "DE"));
    bench.directory.modify(ada.guid, &[Change::set("msExchUsageLocation", "FR")]);
    bench.directory.modify(bob.guid, &[Change::set("msExchUsageLocation", "Elbonia")]);
    bench.sync(&ada);
    bench.sync(&bob);
    agent.until_standing(&ada, "licensed").await;
    agent.until_standing(&bob, "licensed").await;
    agent.stop().await;
    assert_eq!(bench.user(&ada).usage_location.as_deref(), Some("FR"));
    assert_eq!(bench.user(&bob).usage_location.as_deref(), Some("DE"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_forest_without_the_exchange_schema_is_read_all_the_same() {
    let options = DirectoryOptions { exchange_schema: false, ..DirectoryOptions::with_accounts(5) };
    let bench = Bench::with(options, World::empty_contoso()).await;
    let agent = bench.running().await;
    let ada = bench.join("ada", "DE");
    agent.until_standing(&ada, "licensed").await;
    agent.stop().await;
    assert_eq!(bench.user(&ada).usage_location.as_deref(), Some("DE"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_location_that_is_set_stays() {
    let bench = Bench::start(5).await;
    let agent = bench.running().await;
    let ada = bench.hire("ada", "DE");
    bench.tenant.add_user(bench.user_of(&ada).with("usageLocation", "US")).expect("a user is added");
    agent.until_standing(&ada, "licensed").await;
    agent.stop().await;
    assert_eq!(bench.user(&ada).usage_location.as_deref(), Some("US"));
    assert_eq!(bench.writes(), (0, 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_location_is_overwritten_where_the_operator_asked_for_it() {
    let mut bench = Bench::start(5).await;
    bench.edit("default = \"SE\"", "default = \"SE\"\noverwrite = true");
    let agent = bench.running().await;
    let (ada, bob) = (bench.hire("ada", "DE"), bench.hire("bob", "US"));
    for joiner in [&ada, &bob] {
        bench.tenant.add_user(bench.user_of(joiner).with("usageLocation", "US")).expect("a user is added");
        agent.until_standing(joiner, "licensed").await;
    }
    agent.stop().await;
    assert_eq!(bench.user(&ada).usage_location.as_deref(), Some("DE"));
    assert_eq!(bench.user(&bob).counters.patch_usage_location.calls, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn no_location_is_written_where_the_operator_forbade_it() {
    let mut bench = Bench::start(5).await;
    bench.edit("default = \"SE\"", "default = \"SE\"\nwrite = false");
    let agent = bench.running().await;
    let ada = bench.join("ada", "DE");
    agent.until_standing(&ada, "refused").await;
    bench.some_polls().await;
    assert_eq!(bench.writes(), (0, 0));
    bench.tenant.patch_user(&ada.upn, "usageLocation", "NO").expect("somebody else sets it");
    agent.until_standing(&ada, "licensed").await;
    agent.stop().await;
    assert_eq!(bench.writes(), (0, 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn who_has_no_country_is_refused_with_a_reason_until_there_is_one() {
    let mut bench = Bench::start(5).await;
    bench.edit("default = \"SE\"", "");
    let agent = bench.running().await;
    let ada = bench.join("ada", "");
    agent.until_standing(&ada, "refused").await;
    let why = bench.says(&["users", "--standing", "refused", "--json"]).await;
    assert!(why.contains("none of msexchusagelocation, c holds a country code"), "{why}");
    assert_eq!(bench.writes(), (0, 0));
    bench.directory.modify(ada.guid, &[Change::set("c", "Ö1")]);
    bench.some_polls().await;
    assert_eq!(bench.writes(), (0, 0));
    bench.directory.modify(ada.guid, &[Change::set("c", "PT")]);
    agent.until_standing(&ada, "licensed").await;
    agent.stop().await;
    assert_eq!(bench.user(&ada).usage_location.as_deref(), Some("PT"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_plan_that_is_to_be_off_is_off_and_the_rest_is_on() {
    let mut bench = Bench::start(5).await;
    bench.rules = "[[license]]\nid = \"ems\"\nsku = \"EMS\"\ndisable_plans = [\"INTUNE_A\"]\n".into();
    let agent = bench.running().await;
    let ada = bench.join("ada", "DE");
    agent.until_standing(&ada, "licensed").await;
    agent.stop().await;
    let ada = bench.user(&ada);
    assert!(!ada.has_plan("INTUNE_A"), "{ada:?}");
    for plan in ["AAD_PREMIUM", "RMS_S_PREMIUM", "ADALLOM_S_DISCOVERY", "RMS_S_ENTERPRISE", "MFA_PREMIUM"] {
        assert!(ada.has_plan(plan), "{plan}: {ada:?}");
    }
    assert_eq!(ada.direct("EMS").map(|license| license.disabled_plans.as_slice()), Some(&["INTUNE_A".to_owned()][..]));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_user_who_is_not_found_at_first_is_waited_for() {
    let bench = Bench::start(5).await;
    let agent = bench.running().await;
    bench.tenant.set_knobs(|knobs| knobs.absent_calls = 3);
    let ada = bench.join("ada", "DE");
    agent.until_standing(&ada, "licensed").await;
    agent.stop().await;
    let counters = bench.user(&ada).counters;
    assert_eq!((counters.patch_usage_location.effective, counters.assign_license.effective), (1, 1));
    assert!(counters.patch_usage_location.calls <= 4, "{counters:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_location_that_has_not_arrived_everywhere_is_waited_for() {
    let bench = Bench::start(5).await;
    let agent = bench.running().await;
    bench.tenant.set_knobs(|knobs| knobs.location_lag_calls = 3);
    let ada = bench.join("ada", "DE");
    agent.until_standing(&ada, "licensed").await;
    agent.stop().await;
    let counters = bench.user(&ada).counters;
    assert_eq!((counters.patch_usage_location.calls, counters.patch_usage_location.effective), (1, 1));
    assert_eq!((counters.assign_license.calls, counters.assign_license.effective), (4, 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_license_that_does_not_show_yet_is_never_written_twice() {
    let bench = Bench::start(5).await;
    let agent = bench.running().await;
    bench.tenant.set_knobs(|knobs| knobs.license_lag_reads = 6);
    let ada = bench.join("ada", "DE");
    agent.until_standing(&ada, "confirming").await;
    bench.some_polls().await;
    assert_eq!(standings(&agent.store, &ada).await, ["confirming"]);
    agent.clock.advance(Duration::from_secs(60));
    bench.some_polls().await;
    bench.tenant.set_knobs(|knobs| knobs.license_lag_reads = 0);
    agent.clock.advance(Duration::from_secs(600));
    agent.until_standing(&ada, "licensed").await;
    agent.stop().await;
    assert_eq!(bench.user(&ada).counters.assign_license.calls, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_license_that_does_not_show_for_long_is_told_of_and_still_not_written_twice() {
    let bench = Bench::start(5).await;
    let agent = bench.running().await;
    bench.tenant.set_knobs(|knobs| knobs.license_lag = Duration::from_secs(86_400));
    let ada = bench.join("ada", "DE");
    agent.until_standing(&ada, "confirming").await;
    agent.clock.advance(Duration::from_mins(29));
    bench.some_polls().await;
    assert_eq!(agent.store.report().await.expect("a report").unconfirmed, 0);
    agent.clock.advance(Duration::from_mins(12));
    agent.until(|report| report.unconfirmed == 1).await;
    let status = bench.says(&["status"]).await;
    assert!(status.contains("late       1 accepted and not yet seen to work"), "{status}");
    let story = bench.says(&["explain", "ada"]).await;
    assert!(story.contains("not yet seen to work for unusually long"), "{story}");
    bench.tenant.advance(Duration::from_secs(90_000));
    agent.clock.advance(Duration::from_mins(10));
    agent.until_standing(&ada, "licensed").await;
    agent.until(|report| report.unconfirmed == 0).await;
    agent.stop().await;
    assert_eq!(bench.user(&ada).counters.assign_license.calls, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_throttled_write_waits_as_long_as_it_is_asked_to() {
    let bench = Bench::start(5).await;
    let agent = bench.running().await;
    bench.tenant.fault(Fault::throttled(Match::path("assignLicense").once(), Some("0.249")));
    let ada = bench.join("ada", "DE");
    agent.until_standing(&ada, "licensed").await;
    agent.stop().await;
    let assigns = bench.tenant.requests().into_iter().filter(|request| request.path.contains("assignLicense"));
    let assigns: Vec<_> = assigns.collect();
    let waited = assigns[1].started.duration_since(assigns[0].ended.expect("it was answered"));
    assert_eq!((assigns.len(), assigns[0].status, assigns[1].status), (2, Some(429), Some(200)));
    assert!(waited >= jiff::SignedDuration::from_millis(249), "{waited:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_graph_that_is_out_of_order_is_tried_again() {
    let bench = Bench::start(5).await;
    let agent = bench.running().await;
    for path in ["assignLicense", "/v1.0/users/"] {
        let busy = Fault::answer(Match::new("POST", path).times(2), 503, "serviceUnavailable", "Try again later.");
        bench.tenant.fault(busy);
    }
    bench.tenant.fault(Fault::answer(Match::new("PATCH", "/users/").times(2), 502, "badGateway", ""));
    let ada = bench.join("ada", "DE");
    agent.until_standing(&ada, "licensed").await;
    agent.stop().await;
    let counters = bench.user(&ada).counters;
    assert_eq!((counters.patch_usage_location.effective, counters.assign_license.effective), (1, 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_missing_permission_stops_all_writing_until_it_is_granted() {
    let mut world = World::empty_contoso();
    let granted: Vec<String> = world.apps[0].roles.iter().cloned().collect();
    world.set_roles(&["User.Read.All", "Organization.Read.All"]);
    let bench = Bench::with(DirectoryOptions::with_accounts(5), world).await;
    let agent = bench.running().await;
    let _lease = Lease::take(&bench.path("seatsync.db")).expect("the lease");
    let joiners: Vec<_> = (0..12).map(|n| bench.join(&format!("joiner{n}"), "DE")).collect();
    let report = agent.until(|report| report.halted.is_some()).await;
    let why = report.halted.map(|halt| halt.reason.text).unwrap_or_default();
    assert!(why.contains("grant the app User.ReadWrite.All"), "{why}");
    bench.some_polls().await;
    // As many as one batch held, and what had just appeared then.
    assert!(bench.writes().0 <= 24, "{:?}", bench.writes());
    let status = bench.says(&["status"]).await;
    assert!(status.contains("grant the app User.ReadWrite.All"), "{status}");

    let granted: Vec<&str> = granted.iter().map(String::as_str).collect();
    bench.tenant.set_roles(&granted);
    agent.clock.advance(Duration::from_secs(360));
    for joiner in &joiners {
        agent.until_standing(joiner, "licensed").await;
    }
    agent.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_missing_permission_is_said_once() {
    let mut world = World::empty_contoso();
    world.set_roles(&["User.Read.All", "Organization.Read.All"]);
    let bench = Bench::with(DirectoryOptions::with_accounts(5), world).await;
    bench.once().await.expect("a turn");
    for n in 0..12 {
        bench.join(&format!("joiner{n}"), "DE");
    }
    let log = bench.says(&["once"]).await + &bench.says(&["once"]).await;
    assert_eq!(log.matches("nothing is written until").count(), 1, "{log}");
    assert!(log.contains("0 writes sent"), "{log}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_first_of_all_to_join_is_licensed_too() {
    let mut bench = Bench::start(0).await;
    bench.edit("[tenant]", "bases = [\"OU=Empty,DC=corp,DC=example,DC=test\"]\n[tenant]");
    bench.directory.create_ou("Empty");
    let agent = bench.running().await;
    let ada = bench.hire("ada", "DE");
    bench.directory.move_to(ada.guid, "Empty");
    bench.sync(&ada);
    agent.until_standing(&ada, "licensed").await;
    agent.stop().await;
}
