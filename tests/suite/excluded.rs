//! Who must not be given anything is not written to, and is picked up when that ends.

use std::time::Duration;

use seatsync::store::Report;
use seatsync_lab::directory::{Change, Moment, Target, world};
use seatsync_lab::tenant::{Hold, Match};

use crate::bench::{Bench, Joiner, person, presence_of, standings};

/// When an account ends, so many seconds from now.
fn expires_in(bench: &Bench, seconds: i64) -> Change {
    Change::set("accountExpires", world::filetime(bench.tenant.now().as_second() + seconds).to_string())
}

fn excluded(report: &Report, kind: &str) -> u64 {
    report.excluded.get(kind).copied().unwrap_or_default()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_excluded_account_is_never_written_to_and_licensed_once_it_may_be() {
    let bench = Bench::start(0).await;
    let agent = bench.running().await;
    let excluded_before = agent.until(|_| true).await.excluded;
    let [disabled, expired, critical, blocked] = ["disabled", "expired", "critical", "blocked"].map(|sam| {
        let joiner = bench.hire(sam, "DE");
        match sam {
            "disabled" => bench.directory.modify(joiner.guid, &[Change::Disable]),
            "expired" => bench.directory.modify(joiner.guid, &[expires_in(&bench, -60)]),
            "critical" => bench.directory.modify(joiner.guid, &[Change::set("isCriticalSystemObject", "TRUE")]),
            _ => {}
        }
        let user = bench.user_of(&joiner).with("accountEnabled", sam != "disabled" && sam != "blocked");
        bench.tenant.add_user(user).expect("a user is added");
        joiner
    });
    let guest = bench.hire("visitor", "DE");
    bench.tenant.add_user(bench.user_of(&guest).with("userType", "Guest")).expect("a user is added");
    for joiner in [&disabled, &expired, &critical, &blocked, &guest] {
        agent.until_presence(joiner, "excluded").await;
    }
    bench.some_polls().await;
    let report = agent.until(|_| true).await;
    for kind in ["disabled-in-directory", "expired", "system", "disabled-in-tenant", "guest"] {
        let before = excluded_before.get(kind).copied().unwrap_or_default();
        assert_eq!(excluded(&report, kind), before + 1, "{kind}: {report:#?}");
    }
    assert_eq!(bench.writes(), (0, 0));

    bench.directory.modify(disabled.guid, &[Change::Enable]);
    bench.tenant.patch_user(&disabled.upn, "accountEnabled", true).expect("it is enabled");
    bench.directory.modify(expired.guid, &[Change::set("accountExpires", "0")]);
    bench.directory.modify(critical.guid, &[Change::clear("isCriticalSystemObject")]);
    bench.tenant.patch_user(&blocked.upn, "accountEnabled", true).expect("it is enabled");
    bench.tenant.patch_user(&guest.upn, "userType", "Member").expect("it is a member");
    for joiner in [&disabled, &expired, &critical, &blocked, &guest] {
        agent.until_standing(joiner, "licensed").await;
    }
    agent.stop().await;
    assert_eq!(bench.writes(), (5, 5));
}

#[tokio::test(flavor = "multi_thread")]
async fn who_was_disabled_at_first_contact_is_licensed_when_enabled() {
    let bench = Bench::start(5).await;
    let (disabled, blocked) = (bench.hire("disabled", "DE"), bench.hire("blocked", "DE"));
    bench.directory.modify(disabled.guid, &[Change::Disable]);
    bench.sync_old(&disabled, 400);
    bench.sync_old(&blocked, 400);
    bench.tenant.patch_user(&blocked.upn, "accountEnabled", false).expect("it is disabled");
    let agent = bench.running().await;
    bench.some_polls().await;
    assert_eq!(bench.writes(), (0, 0));
    bench.directory.modify(disabled.guid, &[Change::Enable]);
    bench.tenant.patch_user(&blocked.upn, "accountEnabled", true).expect("it is enabled");
    agent.until_standing(&disabled, "licensed").await;
    agent.until_standing(&blocked, "licensed").await;
    agent.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_expires_while_it_waits_for_a_seat_gets_none() {
    let bench = Bench::start(5).await;
    bench.tenant.set_seats("EMS", 0).expect("there is EMS");
    let agent = bench.running().await;
    let (ada, bob) = (bench.hire("ada", "DE"), bench.hire("bob", "DE"));
    bench.directory.modify(ada.guid, &[expires_in(&bench, 7200)]);
    bench.sync(&ada);
    agent.until_standing(&ada, "awaiting-seat").await;
    bench.sync(&bob);
    agent.until_standing(&bob, "awaiting-seat").await;
    let usn = bench.directory.highest_usn();

    agent.clock.advance(Duration::from_secs(7300));
    agent.until_presence(&ada, "excluded").await;
    assert_eq!(bench.directory.highest_usn(), usn, "nothing was written in the directory");
    bench.tenant.set_seats("EMS", 5).expect("there is EMS");
    agent.until_standing(&bob, "licensed").await;
    bench.some_polls().await;
    assert_eq!(bench.writes(), (1, 1));
    assert_eq!(bench.user(&ada).counters.assign_license.calls, 0);

    // Prolonged, it is licensed.
    bench.directory.modify(ada.guid, &[expires_in(&bench, 7200 * 24)]);
    agent.until_standing(&ada, "licensed").await;
    agent.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_expires_keeps_the_license_it_has() {
    let bench = Bench::start(5).await;
    let agent = bench.running().await;
    let ada = bench.hire("ada", "DE");
    bench.directory.modify(ada.guid, &[expires_in(&bench, 7200)]);
    bench.sync(&ada);
    agent.until_standing(&ada, "licensed").await;
    agent.clock.advance(Duration::from_secs(7300));
    agent.until_presence(&ada, "excluded").await;
    bench.some_polls().await;
    assert!(bench.user(&ada).holds("EMS"));
    bench.directory.modify(ada.guid, &[Change::set("accountExpires", "9223372036854775807")]);
    agent.until_standing(&ada, "licensed").await;
    agent.stop().await;
    assert_eq!(bench.writes(), (1, 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_disabled_while_its_location_is_written_gets_no_license() {
    let bench = Bench::start(5).await;
    let agent = bench.running().await;
    let gate = bench.tenant.gate(Match::new("PATCH", "/users/"), Hold::After);
    let ada = bench.join("ada", "DE");
    gate.arrived(1).await;
    bench.directory.modify(ada.guid, &[Change::Disable]);
    until_account(&agent.store, &ada, false).await;
    gate.remove();
    agent.until_presence(&ada, "excluded").await;
    bench.some_polls().await;
    assert_eq!(bench.writes(), (1, 0));
    bench.directory.modify(ada.guid, &[Change::Enable]);
    agent.until_standing(&ada, "licensed").await;
    agent.stop().await;
    assert_eq!(bench.writes(), (1, 1));
}

/// Waits until it is known whether an account is enabled, though nothing may have been decided on it yet.
async fn until_account(store: &seatsync::store::Store, joiner: &Joiner, enabled: bool) {
    loop {
        let accounts = person(store, joiner).await.map(|dossier| dossier.accounts).unwrap_or_default();
        if accounts.iter().any(|account| account.account.enabled == enabled) {
            return;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_disabled_between_two_retries_is_not_written_to_again() {
    let bench = Bench::start(5).await;
    let agent = bench.running().await;
    let refused = Match::path("assignLicense");
    let busy =
        seatsync_lab::tenant::Fault::answer(refused, 503, "serviceUnavailable", "Later.").header("Retry-After", "60");
    bench.tenant.fault(busy);
    let ada = bench.join("ada", "DE");
    agent.until_standing(&ada, "retrying").await;
    bench.directory.modify(ada.guid, &[Change::Disable]);
    agent.until_presence(&ada, "excluded").await;
    bench.tenant.clear_faults();
    agent.clock.advance(Duration::from_secs(3600));
    bench.some_polls().await;
    assert_eq!(bench.writes(), (1, 1));
    assert!(!bench.user(&ada).holds("EMS"));
    agent.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn two_users_with_one_anchor_get_nothing_until_one_is_left() {
    let bench = Bench::start(5).await;
    let agent = bench.running().await;
    let gate = bench.directory.gate(Target::kind(seatsync_lab::directory::Kind::RootDse), Moment::Request);
    let ada = bench.hire("ada", "DE");
    let twin = Joiner { upn: "ada2@corp.example.test".into(), ..ada.clone() };
    bench.sync(&ada);
    bench.sync(&twin);
    gate.release();
    agent.until_presence(&ada, "excluded").await;
    bench.some_polls().await;
    assert_eq!(bench.writes(), (0, 0));
    let status = bench.says(&["explain", &ada.guid.to_string()]).await;
    assert!(status.contains("2 tenant users share its anchor"), "{status}");
    bench.tenant.delete_user(&twin.upn).expect("there is a twin");
    agent.until_standing(&ada, "licensed").await;
    assert_eq!(presence_of(&agent.store, &ada).await.as_deref(), Some("present"));
    assert_eq!(standings(&agent.store, &ada).await, ["licensed"]);
    agent.stop().await;
}
