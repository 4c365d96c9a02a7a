//! Seats run out and come back.

use std::time::Duration;

use seatsync_lab::tenant::{LicenseChange, NewLicense, NewUser};

use crate::bench::{Bench, Joiner, person, standings};

/// Somebody whom no rule means takes or returns a seat.
fn elsewhere(bench: &Bench, takes: bool) {
    let name = "else@contoso.com";
    if bench.tenant.view(|view| view.user(name).is_none()) {
        bench.tenant.add_user(NewUser::cloud(name)).expect("a user is added");
    }
    let change = match takes {
        true => LicenseChange { add: vec![NewLicense::direct("EMS")], ..LicenseChange::default() },
        false => LicenseChange { remove: vec!["EMS".into()], ..LicenseChange::default() },
    };
    bench.tenant.change_licenses(name, &change).expect("a license changes hands");
}

fn holders<'a>(bench: &Bench, of: &'a [Joiner]) -> Vec<&'a str> {
    let holding = of.iter().filter(|joiner| bench.user(joiner).holds("EMS"));
    holding.filter_map(|joiner| joiner.upn.split('@').next()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn who_finds_no_seat_waits_and_goes_on_by_itself_in_the_order_of_waiting() {
    let bench = Bench::start(5).await;
    bench.tenant.set_seats("EMS", 2).expect("there is EMS");
    let agent = bench.running().await;
    let mut joiners = Vec::new();
    for (sam, standing) in
        [("a", "licensed"), ("b", "licensed"), ("c", "awaiting-seat"), ("d", "awaiting-seat"), ("e", "awaiting-seat")]
    {
        let joiner = bench.join(sam, "DE");
        agent.until_standing(&joiner, standing).await;
        joiners.push(joiner);
    }
    bench.some_polls().await;
    assert_eq!(bench.writes(), (2, 2), "who waits costs no writes");
    let report = agent.until(|report| report.skus.iter().any(|sku| sku.name == "EMS" && sku.waiting == 3)).await;
    assert!(report.troubles.is_empty(), "{report:#?}");

    bench.tenant.set_seats("EMS", 3).expect("there is EMS");
    agent.until_standing(&joiners[2], "licensed").await;
    bench.some_polls().await;
    assert_eq!(holders(&bench, &joiners), ["a", "b", "c"]);
    bench.tenant.set_seats("EMS", 4).expect("there is EMS");
    agent.until_standing(&joiners[3], "licensed").await;
    bench.some_polls().await;
    assert_eq!(holders(&bench, &joiners), ["a", "b", "c", "d"]);

    // Waiting survives a restart.
    agent.stop().await;
    bench.tenant.set_seats("EMS", 9).expect("there is EMS");
    let agent = bench.running().await;
    agent.until_standing(&joiners[4], "licensed").await;
    agent.stop().await;
    assert_eq!(bench.writes(), (5, 5));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rule_of_higher_priority_gets_the_seats_first() {
    let mut bench = Bench::start(5).await;
    bench.tenant.set_seats("EMS", 0).expect("there is EMS");
    bench.rules =
        "[[license]]\nid = \"all\"\nsku = \"EMS\"\n[[license]]\nid = \"first\"\nsku = \"EMS\"\npriority = 1\n\
                   who = { filter = \"(title=Boss)\" }\n"
            .into();
    let agent = bench.running().await;
    let ada = bench.join("ada", "DE");
    agent.until_standing(&ada, "awaiting-seat").await;
    let boss = bench.hire("boss", "DE");
    bench.directory.modify(boss.guid, &[seatsync_lab::directory::Change::set("title", "Boss")]);
    agent.until_presence(&boss, "awaiting").await;
    bench.some_polls().await;
    bench.sync(&boss);
    agent.until_standing(&boss, "awaiting-seat").await;
    bench.tenant.set_seats("EMS", 1).expect("there is EMS");
    agent.until_standing(&boss, "licensed").await;
    bench.some_polls().await;
    assert_eq!(standings(&agent.store, &ada).await, ["awaiting-seat"]);
    agent.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_seat_that_is_gone_though_the_count_says_otherwise_is_not_hammered_for() {
    let bench = Bench::start(5).await;
    bench.tenant.set_seats("EMS", 1).expect("there is EMS");
    let agent = bench.running().await;
    bench.tenant.set_knobs(|knobs| knobs.seat_lag = Duration::from_secs(600));
    elsewhere(&bench, true);
    let ada = bench.join("ada", "DE");
    agent.until_standing(&ada, "awaiting-seat").await;
    bench.some_polls().await;
    assert_eq!(bench.writes(), (1, 1), "one refusal is enough");
    let story = person(&agent.store, &ada).await.expect("she is known").timeline;
    assert!(story.iter().any(|row| row.detail.to_string().contains("does not have any available licenses")));

    // The count comes to tell the truth, and then a seat is returned.
    bench.tenant.advance(Duration::from_secs(700));
    bench.some_polls().await;
    assert_eq!(bench.writes(), (1, 1));
    bench.tenant.set_knobs(|knobs| knobs.seat_lag = Duration::ZERO);
    elsewhere(&bench, false);
    agent.until_standing(&ada, "licensed").await;
    agent.stop().await;
    assert_eq!(bench.writes(), (1, 2));
}

#[tokio::test(flavor = "multi_thread")]
async fn seats_that_are_bought_after_a_refusal_are_used() {
    let bench = Bench::start(5).await;
    bench.tenant.set_seats("EMS", 1).expect("there is EMS");
    let agent = bench.running().await;
    bench.tenant.set_knobs(|knobs| knobs.seat_lag = Duration::from_secs(600));
    elsewhere(&bench, true);
    let ada = bench.join("ada", "DE");
    agent.until_standing(&ada, "awaiting-seat").await;
    bench.tenant.set_seats("EMS", 2).expect("there is EMS");
    agent.until_standing(&ada, "licensed").await;
    agent.stop().await;
    assert_eq!(bench.writes(), (1, 2));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refusal_that_the_count_never_explains_is_asked_again_later() {
    let bench = Bench::start(5).await;
    bench.tenant.set_seats("EMS", 1).expect("there is EMS");
    let agent = bench.running().await;
    bench.tenant.set_knobs(|knobs| knobs.seat_lag = Duration::from_secs(3600));
    elsewhere(&bench, true);
    let ada = bench.join("ada", "DE");
    agent.until_standing(&ada, "awaiting-seat").await;
    elsewhere(&bench, false);
    bench.some_polls().await;
    assert_eq!(bench.writes(), (1, 1));
    agent.clock.advance(Duration::from_secs(1000));
    agent.until_standing(&ada, "licensed").await;
    agent.stop().await;
    assert_eq!(bench.writes(), (1, 2));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_product_without_seats_does_not_stop_another() {
    let mut bench = Bench::start(5).await;
    bench.tenant.set_seats("EMS", 0).expect("there is EMS");
    bench.rules = "[[license]]\nid = \"ems\"\nsku = \"EMS\"\nunless_has_plan = []\n\
                   [[license]]\nid = \"device\"\nsku = \"INTUNE_A\"\n"
        .into();
    let agent = bench.running().await;
    let ada = bench.join("ada", "DE");
    agent.until_standing(&ada, "licensed").await;
    agent.until_standing(&ada, "awaiting-seat").await;
    assert!(bench.user(&ada).holds("INTUNE_A") && !bench.user(&ada).holds("EMS"));
    bench.tenant.set_seats("EMS", 1).expect("there is EMS");
    bench.until_user(&ada, |user| user.holds("EMS") && user.holds("INTUNE_A")).await;
    agent.stop().await;
    assert_eq!(bench.writes(), (1, 2));
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_products_in_one_write_the_one_with_seats_is_given() {
    let mut bench = Bench::start(5).await;
    bench.tenant.set_seats("EMS", 1).expect("there is EMS");
    bench.rules = "[[license]]\nid = \"ems\"\nsku = \"EMS\"\nunless_has_plan = []\n\
                   [[license]]\nid = \"device\"\nsku = \"INTUNE_A\"\n"
        .into();
    let agent = bench.running().await;
    bench.tenant.set_knobs(|knobs| knobs.seat_lag = Duration::from_secs(600));
    elsewhere(&bench, true);
    let ada = bench.join("ada", "DE");
    bench.until_user(&ada, |user| user.holds("INTUNE_A")).await;
    agent.until_standing(&ada, "awaiting-seat").await;
    bench.some_polls().await;
    agent.stop().await;
    assert_eq!(bench.user(&ada).counters.effective_by_sku.get("INTUNE_A"), Some(&1));
    assert!(bench.writes().1 <= 3, "{:?}", bench.writes());
}
