//! What no change of the tenant tells is found all the same: missed users, moved licenses, a synchronization that stands still.

use std::time::Duration;

use jiff::SignedDuration;
use seatsync_lab::tenant::{DeltaShape, Fault, LicenseChange, Match, NewLicense, RequestRecord};

use crate::bench::{Bench, Joiner, Running, person, standings, times_told};

const HOUR: Duration = Duration::from_secs(3_600);

/// Items of batches that read one user.
fn single_reads(bench: &Bench) -> Vec<RequestRecord> {
    let single = |record: &RequestRecord| {
        record.method == "GET" && record.batch_item.is_some() && record.path.starts_with("/v1.0/users/")
    };
    bench.tenant.requests().into_iter().filter(single).collect()
}

/// Items of batches that look anchors up.
fn look_ups(bench: &Bench) -> Vec<RequestRecord> {
    let look_up =
        |record: &RequestRecord| record.query.as_deref().is_some_and(|query| query.contains("ImmutableId%20in"));
    bench.tenant.requests().into_iter().filter(look_up).collect()
}

/// Old users who have the license already.
async fn satisfied(bench: &Bench, count: usize) -> Vec<Joiner> {
    bench.tenant.set_seats("EMS", 1_000).expect("there is EMS");
    let hire = |n| {
        let joiner = bench.hire(&format!("old{n}"), "DE");
        let user = bench.user_of(&joiner).licensed(NewLicense::direct("EMS"));
        bench.tenant.add_user(user).expect("a user is added");
        joiner
    };
    (0..count).map(hire).collect()
}

async fn licensed(bench: &Bench, agent: &Running) -> Joiner {
    let ada = bench.join("ada", "DE");
    agent.until_standing(&ada, "licensed").await;
    ada
}

#[tokio::test(flavor = "multi_thread")]
async fn who_was_told_of_by_no_change_is_found_by_anchor_and_licensed() {
    let bench = Bench::start(5).await;
    let agent = bench.running().await;
    bench.tenant.set_knobs(|knobs| knobs.delta_misses_new = true);
    let joiners: Vec<Joiner> = (0..40).map(|n| bench.hire(&format!("joiner{n}"), "DE")).collect();
    agent.until(|report| report.presence.get("awaiting") == Some(&40)).await;
    for joiner in &joiners[..35] {
        bench.sync(joiner);
    }
    bench.some_polls().await;
    bench.tenant.set_knobs(|knobs| knobs.delta_misses_new = false);
    bench.some_polls().await;
    assert!(look_ups(&bench).is_empty() && bench.writes() == (0, 0), "it is too early to look anybody up");

    agent.clock.advance(HOUR);
    for joiner in &joiners[..35] {
        agent.until_standing(joiner, "licensed").await;
    }
    // Three questions of fifteen anchors at most, once; the five who are not there yet are asked for again an hour later.
    assert_eq!(look_ups(&bench).len(), 3);
    assert!(look_ups(&bench).iter().all(|record| record.status == Some(200)));
    bench.some_polls().await;
    assert_eq!(look_ups(&bench).len(), 3);
    agent.clock.advance(HOUR + HOUR);
    bench.some_polls().await;
    assert_eq!(look_ups(&bench).len(), 4);
    agent.stop().await;
    assert_eq!(bench.writes(), (35, 35));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_anchor_that_graph_does_not_take_keeps_no_other_from_being_found() {
    let bench = Bench::start(5).await;
    let agent = bench.running().await;
    bench.tenant.set_knobs(|knobs| knobs.delta_misses_new = true);
    let [ada, bob] = ["ada", "bob"].map(|name| bench.join(name, "DE"));
    agent.until(|report| report.presence.get("awaiting") == Some(&2)).await;
    // The question about both is refused, then that about one of them.
    bench.tenant.fault(Fault::answer(Match::path("ImmutableId%20in").times(2), 400, "Request_BadRequest", "No."));
    agent.clock.advance(HOUR);
    bench.tenant.wait_until(|view| view.counters().assign_license.calls == 1).await;
    bench.some_polls().await;
    agent.stop().await;
    let found = [bench.user(&ada), bench.user(&bob)].iter().filter(|user| user.holds("EMS")).count();
    assert_eq!((found, look_ups(&bench).len()), (1, 3));
}

#[tokio::test(flavor = "multi_thread")]
async fn whom_a_listing_misses_is_gone_only_if_its_own_address_says_so() {
    let bench = Bench::start(5).await;
    let agent = bench.running().await;
    let ada = licensed(&bench, &agent).await;
    let [met, gone, soft, odd] = ["met", "gone", "soft", "odd"].map(|name| bench.join(name, "DE"));
    for joiner in [&met, &gone, &soft, &odd] {
        agent.until_standing(joiner, "licensed").await;
    }
    agent.stop().await;
    bench.tenant.purge_user(&gone.upn).expect("he is there");
    bench.tenant.patch_user(&soft.upn, "deletedDateTime", "2026-01-01T00:00:00Z").expect("a property is set");
    bench.tenant.patch_user(&odd.upn, "createdDateTime", "long ago").expect("a property is set");
    bench.tenant.expire_delta();
    let only = format!("{{\"value\":[{{\"id\":\"{}\"}}]}}", bench.user(&met).id);
    bench.tenant.fault(Fault::raw(Match::new("GET", "/users?$top").once(), 200, "application/json", &only));
    let broken = Match::path(&format!("/users/{}", bench.user(&ada).id)).once();
    bench.tenant.fault(Fault::answer(broken, 503, "serviceUnavailable", "Later."));
    bench.once().await.expect_err("one of them could not be read");
    let store = bench.store();
    assert_eq!(standings(&store, &ada).await, ["licensed"], "a 503 says nothing about her");
    assert_eq!(standings(&store, &gone).await, ["lapsed"]);

    bench.once().await.expect("a turn");
    assert_eq!(standings(&store, &ada).await, ["licensed"]);
    assert_eq!(standings(&store, &odd).await, ["licensed"], "what cannot be understood is there");
    for joiner in [&gone, &soft] {
        assert_eq!(person(&store, joiner).await.expect("he is known").users.len(), 0, "{}", joiner.upn);
    }
    assert_eq!(store.report().await.expect("a report").quarantined, 1);
    // Once that is settled nobody is asked for any more.
    bench.tenant.clear_faults();
    let before = single_reads(&bench).len();
    bench.once().await.expect("a turn");
    assert_eq!(single_reads(&bench).len(), before);
    assert_eq!(bench.writes(), (5, 5));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_license_that_moved_to_a_group_is_noticed_within_a_round() {
    let mut bench = Bench::start(5).await;
    bench.edit("[usage_location]", "reread = \"1h\"\n[usage_location]");
    let agent = bench.running().await;
    let ada = licensed(&bench, &agent).await;
    let group = uuid::Uuid::from_u128(7);
    let change = LicenseChange {
        add: vec![NewLicense::by_group("EMS", group)],
        remove: vec!["EMS".into()],
        ..LicenseChange::default()
    };
    bench.tenant.change_licenses(&ada.upn, &change).expect("she has it");
    bench.some_polls().await;
    assert_eq!(standings(&agent.store, &ada).await, ["licensed"], "no change tells of it");
    agent.clock.advance(HOUR);
    agent.until_standing(&ada, "satisfied").await;
    let dossier = person(&agent.store, &ada).await.expect("she is known");
    assert_eq!(dossier.person.entitlements[0].why.as_deref(), Some(&*format!("through group {group}")));
    assert!(!dossier.person.entitlements[0].ours);
    agent.stop().await;
    assert_eq!((bench.writes(), times_told(&bench.store(), &ada, "satisfied").await), ((1, 1), 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn licenses_are_read_again_by_twenty_evenly_and_in_no_burst_after_a_restart() {
    let mut bench = Bench::start(0).await;
    bench.edit("[usage_location]", "reread = \"1h\"\n[usage_location]");
    satisfied(&bench, 300).await;
    let agent = bench.running().await;
    agent.until(|report| report.standing.get("satisfied") == Some(&300)).await;
    bench.some_polls().await;
    assert!(single_reads(&bench).len() < 20, "they were just read");
    for _ in 0..2 {
        agent.clock.advance(HOUR / 4);
        bench.some_polls().await;
        bench.some_polls().await;
    }
    let half = single_reads(&bench).len();
    assert!((100..=200).contains(&half), "{half} of 300 in half a round");
    agent.stop().await;

    let agent = bench.agent().await;
    agent.clock.advance(HOUR / 2);
    let agent = agent.run();
    bench.some_polls().await;
    let before = single_reads(&bench).len();
    bench.some_polls().await;
    assert!(before - half <= 40 && single_reads(&bench).len() - before <= 20, "{half}, {before}");
    // Who stands still for days begins with one round, of which one look takes two hundred.
    agent.clock.advance(HOUR * 100);
    for _ in 0..4 {
        bench.some_polls().await;
    }
    let after = single_reads(&bench).len();
    assert!((280..=320).contains(&(after - before)), "{before}, {after}");
    let mut seen: Vec<_> = single_reads(&bench)[before..].iter().filter_map(|record| record.user).collect();
    seen.sort_unstable();
    seen.dedup();
    assert!(seen.len() >= 295, "{} of 300 in a whole round", seen.len());
    let batches = bench.tenant.requests().iter().filter(|record| record.path.ends_with("$batch")).count();
    assert!(batches <= after.div_ceil(20) + 10, "{batches} batches for {after} readings");
    agent.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_synchronization_that_stands_still_is_told_once_and_once_that_it_runs_again() {
    let bench = Bench::start(5).await;
    let quiet = bench.says(&["once"]).await;
    assert!(!quiet.contains("sync-"), "{quiet}");
    let long_ago = bench.tenant.now() - SignedDuration::from_hours(4);
    bench.tenant.set_last_sync(Some(long_ago));
    let told = "the directory was last synchronized into the tenant at";
    let log = bench.says(&["once"]).await;
    assert_eq!(log.matches(told).count(), 1, "{log}");
    assert!(!bench.says(&["once"]).await.contains(told), "it was said before");
    let status = bench.says(&["status"]).await;
    assert!(
        status.contains("trouble    synchronization: the directory") && status.contains("[sync-stalled]"),
        "{status}"
    );
    assert!(status.contains("sync       directory to tenant, last 4 h"), "{status}");
    let json: serde_json::Value = serde_json::from_str(&bench.says(&["status", "--json"]).await).expect("JSON");
    let seconds = long_ago.strftime("%Y-%m-%dT%H:%M:%S").to_string();
    assert_eq!(json["synchronization"]["on"], true);
    assert!(json["synchronization"]["last"].as_str().is_some_and(|last| last.starts_with(&seconds)), "{json}");
    assert!(json["troubles"]["synchronization"].is_string(), "{json}");

    bench.tenant.set_last_sync(None);
    assert!(bench.says(&["once"]).await.contains("keeps nobody waiting any more"));
    assert!(!bench.says(&["status"]).await.contains("trouble"));
    assert!(!bench.says(&["once"]).await.contains("keeps nobody"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_synchronization_that_is_off_is_an_alarm_once_somebody_waits() {
    let bench = Bench::start(5).await;
    bench.tenant.set_sync_enabled(None);
    let agent = bench.running().await;
    bench.some_polls().await;
    assert!(agent.until(|_| true).await.troubles.is_empty());
    let ada = bench.hire("ada", "DE");
    agent.until_presence(&ada, "awaiting").await;
    agent.clock.advance(Duration::from_secs(301));
    agent.until(|report| report.troubles.contains_key("synchronization")).await;
    // It is no single person's trouble.
    bench.sync(&ada);
    agent.until_standing(&ada, "licensed").await;
    agent.clock.advance(Duration::from_secs(301));
    agent.until(|report| report.troubles.is_empty()).await;
    agent.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn without_the_permission_to_watch_synchronization_all_else_works() {
    let bench = Bench::start(5).await;
    bench.once().await.expect("a turn");
    let reads_users = ["User.ReadWrite.All", "LicenseAssignment.Read.All", "LicenseAssignment.ReadWrite.All"];
    bench.tenant.set_roles(&reads_users);
    bench.tenant.expire_tokens();
    bench.tenant.reset_counters();
    let agent = bench.running().await;
    let ada = licensed(&bench, &agent).await;
    bench.some_polls().await;
    let report = agent.until(|_| true).await;
    agent.stop().await;
    assert!(report.troubles.is_empty() && bench.user(&ada).holds("EMS"), "{report:#?}");
    let asked = bench.tenant.requests().iter().filter(|record| record.path.ends_with("/organization")).count();
    assert_eq!(asked, 2, "once, and once more with a new token");
    let log = bench.says(&["once"]).await;
    assert_eq!(log.matches("cannot be watched").count(), 1, "{log}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_delta_may_be_as_odd_as_it_is_allowed_to_be() {
    let bench = Bench::start(5).await;
    bench.tenant.set_knobs(|knobs| {
        knobs.page_size = Some(2);
        knobs.empty_pages = true;
        knobs.delta_duplicates = true;
        knobs.delta_replay = 5;
        knobs.delta_shape = DeltaShape::Changed;
    });
    let agent = bench.running().await;
    let joiners: Vec<Joiner> = (0..7).map(|n| bench.join(&format!("joiner{n}"), "DE")).collect();
    for joiner in &joiners {
        agent.until_standing(joiner, "licensed").await;
    }
    // A partial item leaves alone what it does not mention.
    bench.tenant.patch_user(&joiners[0].upn, "displayName", "Another").expect("a property is set");
    bench.tenant.delete_user(&joiners[1].upn).expect("he is there");
    bench.tenant.purge_user(&joiners[2].upn).expect("she is there");
    for gone in &joiners[1..3] {
        agent.until_standing(gone, "lapsed").await;
    }
    bench.some_polls().await;
    agent.stop().await;
    let store = bench.store();
    assert_eq!(standings(&store, &joiners[0]).await, ["licensed"]);
    assert_eq!(bench.writes(), (7, 7));
    for (gone, removal) in [(&joiners[1], "Restorable"), (&joiners[2], "Final")] {
        let timeline = person(&store, gone).await.expect("known").timeline;
        let left: Vec<_> = timeline.iter().filter(|row| row.detail["left"] == "tenant").collect();
        assert_eq!(left.len(), 1, "{left:#?}");
        assert_eq!(left[0].detail["removal"], removal);
    }
    assert_eq!(times_told(&store, &joiners[0], "licensed").await, 1);
}
