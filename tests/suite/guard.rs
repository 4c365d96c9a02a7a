//! The guard: what exceeds a limit is held until somebody decides.

use std::time::Duration;

use seatsync::store::Lease;

use crate::bench::{Bench, Joiner, Running, standings, times_told};

/// A bench with a limit of so many a day, and seats enough.
async fn limited(per_day: u32) -> Bench {
    let mut bench = Bench::start(5).await;
    bench.tenant.set_seats("EMS", 2_000).expect("there is EMS");
    bench.edit("assignments_per_day = 500", &format!("assignments_per_day = {per_day}"));
    bench
}

/// So many people who join at once.
fn join(bench: &Bench, count: usize) -> Vec<Joiner> {
    let joiners: Vec<Joiner> = (0..count).map(|n| bench.hire(&format!("joiner{n}"), "DE")).collect();
    joiners.iter().for_each(|joiner| bench.sync(joiner));
    joiners
}

async fn held(bench: &Bench, agent: &Running, joiners: usize) -> (i64, String) {
    let limit = joiners as u64;
    let report = agent
        .until(|report| {
            let count = |word: &str| report.standing.get(word).copied().unwrap_or_default();
            count("held") > 0 && count("held") + count("licensed") == limit
        })
        .await;
    assert_eq!(report.holds.len(), 1, "{report:#?}");
    assert_eq!(report.holds[0].members, report.standing["held"]);
    let (hold, digest) = (report.holds[0].id.0, report.holds[0].digest.clone());
    let status = bench.says(&["status"]).await;
    assert!(status.contains(&format!("approve {hold} --digest {digest}")), "{status}");
    (hold, digest)
}

fn holders(bench: &Bench) -> u32 {
    bench.tenant.view(|view| view.holders("EMS"))
}

#[tokio::test(flavor = "multi_thread")]
async fn six_hundred_at_once_under_a_limit_of_five_hundred_leave_one_hundred_held() {
    let bench = limited(500).await;
    let agent = bench.running().await;
    join(&bench, 600);
    held(&bench, &agent, 600).await;
    bench.some_polls().await;
    let report = agent.until(|_| true).await;
    assert_eq!((holders(&bench), report.holds[0].members), (500, 100));
    assert_eq!(bench.writes(), (500, 500));

    // Still the same day: one more is one of the cohort, which stays one.
    let late = bench.join("late", "DE");
    agent.until_standing(&late, "held").await;
    agent.until(|report| report.holds.len() == 1 && report.holds[0].members == 101).await;
    // The next day's joiner is not, and the cohort stays held.
    agent.clock.advance(Duration::from_secs(25 * 3600));
    let next = bench.join("next", "DE");
    agent.until_standing(&next, "licensed").await;
    bench.some_polls().await;
    let report = agent.until(|_| true).await;
    assert_eq!((holders(&bench), report.holds.len(), report.holds[0].members), (501, 1, 101));
    agent.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn approve_releases_exactly_the_cohort_that_was_seen() {
    let bench = limited(6).await;
    let agent = bench.running().await;
    let _lease = Lease::take(&bench.path("seatsync.db")).expect("the lease");
    join(&bench, 10);
    let (hold, digest) = held(&bench, &agent, 10).await;
    let wrong = bench.output(&["approve", &hold.to_string(), "--digest", "0123456789ab"]).await;
    assert!(!wrong.status.success());
    assert!(String::from_utf8_lossy(&wrong.stderr).contains("is no longer what was shown"), "{wrong:?}");
    bench.some_polls().await;
    assert_eq!(holders(&bench), 6);

    // Whoever joins the cohort after it was looked at is not approved with it.
    let late = bench.join("late", "DE");
    agent.until_standing(&late, "held").await;
    let stale = bench.output(&["approve", &hold.to_string(), "--digest", &digest]).await;
    assert!(!stale.status.success());
    let digest = agent.until(|_| true).await.holds[0].digest.clone();
    let said = bench.says(&["approve", &hold.to_string(), "--digest", &digest]).await;
    assert!(said.contains("approved cohort") && said.contains("5 entitlements"), "{said}");
    agent.until(|report| report.standing.get("licensed") == Some(&11)).await;

    let later = bench.join("later", "DE");
    agent.until_standing(&later, "held").await;
    agent.stop().await;
    assert_eq!((holders(&bench), bench.writes()), (11, (11, 11)));
}

#[tokio::test(flavor = "multi_thread")]
async fn reject_returns_the_cohort_to_the_baseline() {
    let bench = limited(6).await;
    let agent = bench.running().await;
    let _lease = Lease::take(&bench.path("seatsync.db")).expect("the lease");
    let joiners = join(&bench, 10);
    let (hold, _) = held(&bench, &agent, 10).await;
    bench.says(&["reject", &hold.to_string()]).await;
    let report = agent.until(|report| report.holds.is_empty()).await;
    assert_eq!(report.baseline_without_license.get("intune"), Some(&4));
    agent.clock.advance(Duration::from_secs(25 * 3600));
    for joiner in &joiners {
        bench.directory.touch_logon(joiner.guid);
    }
    bench.some_polls().await;
    assert_eq!(holders(&bench), 6);
    bench.says(&["include", "intune", "--unlicensed"]).await;
    agent.until(|report| report.standing.get("licensed") == Some(&10)).await;
    agent.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cohort_dissolves_with_its_cause() {
    let bench = limited(1).await;
    let agent = bench.running().await;
    let joiners = join(&bench, 3);
    held(&bench, &agent, 3).await;
    for joiner in &joiners {
        bench.directory.delete(joiner.guid);
    }
    agent.until(|report| report.holds.is_empty()).await;
    agent.stop().await;
    assert_eq!(holders(&bench), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn pause_keeps_what_is_due_until_resume() {
    let bench = limited(500).await;
    let agent = bench.running().await;
    let _lease = Lease::take(&bench.path("seatsync.db")).expect("the lease");
    bench.says(&["pause", "the auditors are here"]).await;
    let ada = bench.join("ada", "DE");
    agent.until_standing(&ada, "due").await;
    bench.some_polls().await;
    assert_eq!(bench.writes(), (0, 0));
    let status = bench.says(&["status"]).await;
    assert!(status.contains("paused: the auditors are here"), "{status}");
    bench.says(&["resume"]).await;
    agent.until_standing(&ada, "licensed").await;
    agent.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn observe_mode_records_once_what_it_would_do_and_does_nothing() {
    let mut bench = limited(500).await;
    bench.edit("mode = \"apply\"", "mode = \"observe\"");
    let agent = bench.running().await;
    let ada = bench.join("ada", "DE");
    agent.until_standing(&ada, "due").await;
    bench.some_polls().await;
    bench.directory.touch_logon(ada.guid);
    bench.some_polls().await;
    agent.stop().await;
    let store = bench.store();
    let person = crate::bench::person(&store, &ada).await.expect("she is known");
    let recorded = person.timeline.iter().filter(|row| row.kind == "would-write");
    assert_eq!(recorded.count(), 1, "{:#?}", person.timeline);
    assert_eq!(times_told(&store, &ada, "due").await, 1);
    assert_eq!(bench.writes(), (0, 0));

    bench.edits.pop();
    let agent = bench.running().await;
    agent.until_standing(&ada, "licensed").await;
    assert_eq!(standings(&agent.store, &ada).await, ["licensed"]);
    agent.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn five_thousand_service_accounts_moved_into_scope_at_once_are_held_and_small_work_goes_on() {
    let mut bench = limited(20).await;
    bench.rules =
        "[[license]]\nid = \"staff\"\nsku = \"EMS\"\nwho = { ou = \"OU=Crew,DC=corp,DC=example,DC=test\" }\n".into();
    bench.directory.create_ou("Crew");
    let services: Vec<Joiner> = (0..5_000).map(|n| bench.hire(&format!("svc{n}"), "DE")).collect();
    services.iter().for_each(|service| bench.sync_old(service, 400));
    let agent = bench.running().await;
    assert_eq!(bench.writes(), (0, 0));
    services.iter().for_each(|service| bench.directory.move_to(service.guid, "Crew"));
    let fits = |report: &seatsync::store::Report| {
        report.standing.get("licensed") == Some(&20) && report.standing.get("held") == Some(&4_980)
    };
    assert_eq!(agent.until(fits).await.holds.len(), 1, "said once, as one cohort");
    bench.some_polls().await;
    let status = bench.says(&["status"]).await;
    assert_eq!(status.matches("approve 1").count(), 1, "{status}");

    // The next day's joiner is not kept waiting by them.
    agent.clock.advance(Duration::from_secs(25 * 3_600));
    let ada = bench.hire("ada", "DE");
    bench.directory.move_to(ada.guid, "Crew");
    bench.sync(&ada);
    agent.until_standing(&ada, "licensed").await;
    assert_eq!(holders(&bench), 21);
    agent.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn more_than_allowed_who_are_included_are_held_too() {
    let bench = limited(3).await;
    let old: Vec<Joiner> = (0..10).map(|n| bench.hire(&format!("old{n}"), "DE")).collect();
    old.iter().for_each(|joiner| bench.sync_old(joiner, 400));
    let agent = bench.running().await;
    agent.until(|report| report.standing.get("baseline") == Some(&10)).await;
    bench.says(&["include", "intune"]).await;
    held(&bench, &agent, 10).await;
    bench.some_polls().await;
    assert_eq!(holders(&bench), 3);
    agent.stop().await;
}
