//! What rules say beside whom they mean: licenses are changed, taken back and exchanged, people wait or come early, and
//! operators have the last word.

use std::time::Duration;

use seatsync::store::Report;
use seatsync_lab::directory::Change;
use seatsync_lab::tenant::{NewLicense, NewUser};

use crate::bench::{Bench, Joiner, Running, standings};

const HOUR: Duration = Duration::from_secs(3_600);

fn rule(more: &str) -> String {
    format!("[[license]]\nid = \"intune\"\nsku = \"EMS\"\n{more}\n")
}

async fn bench(more: &str) -> Bench {
    let mut bench = Bench::start(5).await;
    bench.rules = rule(more);
    bench
}

fn holds(bench: &Bench, joiner: &Joiner, sku: &str) -> bool {
    bench.user(joiner).holds(sku)
}

fn plans(bench: &Bench, joiner: &Joiner) -> Vec<String> {
    bench.user(joiner).enabled_plans
}

fn disable(bench: &Bench, joiner: &Joiner) {
    bench.directory.modify(joiner.guid, &[Change::set("userAccountControl", "514")]);
}

fn enable(bench: &Bench, joiner: &Joiner) {
    bench.directory.modify(joiner.guid, &[Change::set("userAccountControl", "512")]);
}

async fn hired(bench: &Bench, agent: &Running, sam: &str) -> Joiner {
    let joiner = bench.join(sam, "DE");
    agent.until_standing(&joiner, "licensed").await;
    joiner
}

#[tokio::test(flavor = "multi_thread")]
async fn who_leaves_loses_the_license_after_the_grace_and_who_returns_before_keeps_it() {
    let bench = bench("on_leave = \"reclaim\"\ngrace = \"2h\"").await;
    let agent = bench.running().await;
    let (ada, bob) = (hired(&bench, &agent, "ada").await, hired(&bench, &agent, "bob").await);
    let old = bench.hire("old", "DE");
    bench.tenant.add_user(bench.user_of(&old).licensed(NewLicense::direct("EMS"))).expect("a user is added");
    agent.until_standing(&old, "satisfied").await;
    for joiner in [&ada, &bob, &old] {
        disable(&bench, joiner);
    }
    agent.until_standing(&ada, "reclaiming").await;
    agent.until_standing(&bob, "reclaiming").await;
    agent.until_standing(&old, "lapsed").await;
    agent.clock.advance(HOUR);
    bench.some_polls().await;
    assert!(holds(&bench, &ada, "EMS"), "the grace has not passed");
    enable(&bench, &bob);
    agent.until_standing(&bob, "licensed").await;
    agent.clock.advance(HOUR + Duration::from_secs(60));
    agent.until_standing(&ada, "reclaimed").await;
    bench.some_polls().await;
    assert!(!holds(&bench, &ada, "EMS") && holds(&bench, &bob, "EMS") && holds(&bench, &old, "EMS"));
    let writes = bench.writes();
    // It is given anew to who comes back later.
    enable(&bench, &ada);
    agent.until_standing(&ada, "licensed").await;
    assert!(holds(&bench, &ada, "EMS"));
    agent.stop().await;
    assert_eq!((writes, bench.writes()), ((2, 3), (2, 4)), "one write for each change");
}

#[tokio::test(flavor = "multi_thread")]
async fn more_removals_than_allowed_are_held_and_an_edit_removes_nothing() {
    let mut bench = bench("on_leave = \"reclaim\"\ngrace = \"0s\"").await;
    bench.edit("[guard]", "[guard]\nremovals_per_day = 2");
    let agent = bench.running().await;
    let mut joiners = Vec::new();
    for n in 0..5 {
        joiners.push(hired(&bench, &agent, &format!("u{n}")).await);
    }
    // By an edit all but one are out of scope: nothing is taken.
    agent.stop().await;
    bench.rules = rule("on_leave = \"reclaim\"\ngrace = \"0s\"\nwho = { filter = \"(sAMAccountName=u0)\" }");
    let agent = bench.running().await;
    agent.until_standing(&joiners[1], "lapsed").await;
    bench.some_polls().await;
    assert_eq!(bench.tenant.view(|view| view.holders("EMS")), 5);
    // Back in, they are as they were; then all five leave.
    agent.stop().await;
    bench.rules = rule("on_leave = \"reclaim\"\ngrace = \"0s\"");
    let agent = bench.running().await;
    for joiner in &joiners {
        agent.until_standing(joiner, "licensed").await;
        disable(&bench, joiner);
    }
    let two_are_gone = |report: &Report| report.standing.get("reclaimed") == Some(&2);
    let report = agent.until(|report| two_are_gone(report) && report.holds.iter().any(|hold| hold.members == 3)).await;
    assert!(report.holds[0].reason.contains("guard.removals_per_day"), "{report:#?}");
    assert_eq!(bench.tenant.view(|view| view.holders("EMS")), 3);
    let hold = report.holds[0].id.to_string();
    bench.says(&["reject", &hold]).await;
    agent.until(|report| report.standing.get("lapsed") == Some(&3)).await;
    bench.some_polls().await;
    assert_eq!(bench.tenant.view(|view| view.holders("EMS")), 3, "who was rejected keeps it");
    agent.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_protected_keep_what_they_have_and_are_given_nothing() {
    let mut bench = bench("on_leave = \"reclaim\"\ngrace = \"0s\"").await;
    let admins = bench.directory.create_group("Break Glass");
    let group = "CN=Break Glass,CN=Users,DC=corp,DC=example,DC=test";
    bench.edit("[guard]", &format!("[guard]\nprotected = [{{ group = \"{group}\" }}]"));
    let agent = bench.running().await;
    let [eva, bob] = [hired(&bench, &agent, "eva").await, hired(&bench, &agent, "bob").await];
    bench.directory.set_membership(admins, eva.guid, true);
    agent.until_presence(&eva, "excluded").await;
    let told = bench.says(&["explain", &eva.upn]).await;
    assert!(told.contains("protected (guard.protected)"), "{told}");
    bench.says(&["unassign", &eva.upn, "--sku", "EMS"]).await;
    for joiner in [&eva, &bob] {
        disable(&bench, joiner);
    }
    agent.until_standing(&bob, "reclaimed").await;
    let late = bench.hire("late", "DE");
    bench.directory.set_membership(admins, late.guid, true);
    bench.sync(&late);
    agent.until_presence(&late, "excluded").await;
    bench.some_polls().await;
    assert!(bench.user(&eva).holds("EMS") && !bench.user(&bob).holds("EMS") && !bench.user(&late).holds("EMS"));
    agent.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn two_hundred_are_moved_to_another_product_without_a_spare_seat_and_never_without_intune() {
    let mut bench = bench("").await;
    bench.tenant.set_seats("EMS", 200).expect("there is EMS");
    bench.tenant.set_seats("SPE_E3", 200).expect("there is SPE_E3");
    let agent = bench.running().await;
    let joiners: Vec<Joiner> = (0..200).map(|n| bench.hire(&format!("u{n}"), "DE")).collect();
    joiners.iter().for_each(|joiner| bench.sync(joiner));
    agent.until(|report| report.standing.get("licensed") == Some(&200)).await;
    agent.stop().await;
    assert_eq!(bench.writes(), (200, 200));

    bench.rules = "[[license]]\nid = \"intune\"\nsku = \"SPE_E3\"\n".into();
    let agent = bench.running().await;
    let moved = || bench.tenant.view(|view| (view.holders("EMS"), view.holders("SPE_E3")));
    agent
        .until(|report| report.standing.get("licensed") == Some(&200) && report.standing.get("reclaimed") == Some(&200))
        .await;
    agent.stop().await;
    assert_eq!(moved(), (0, 200));
    // One write each that gives the one and takes the other: between both nobody ever was.
    assert_eq!(bench.writes(), (200, 400));
    assert_eq!(bench.tenant.counters().assign_license.effective, 400);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_others_gave_is_adopted_as_the_rule_says() {
    for (adopt, plans_then) in
        [("leave", &["AAD_PREMIUM", "INTUNE_A"][..]), ("merge", &["AAD_PREMIUM"]), ("enforce", &["AAD_PREMIUM"])]
    {
        let more = format!("adopt = \"{adopt}\"\ndisable_plans = [\"INTUNE_A\"]\nunless_has_plan = []");
        let bench = bench(&more).await;
        bench.tenant.set_seats("EMS", 1).expect("there is EMS");
        let ada = bench.hire("ada", "DE");
        let license = NewLicense::direct("EMS");
        bench
            .tenant
            .add_user(bench.user_of(&ada).licensed(license).with("usageLocation", "DE"))
            .expect("a user is added");
        let agent = bench.running().await;
        agent.until_standing(&ada, "satisfied").await;
        bench.some_polls().await;
        agent.stop().await;
        let plans = plans(&bench, &ada);
        let counted: Vec<_> =
            plans.iter().filter(|plan| ["AAD_PREMIUM", "INTUNE_A"].contains(&plan.as_str())).collect();
        assert_eq!(counted, plans_then, "{adopt}: {plans:?}");
        assert_eq!(bench.writes(), (0, u64::from(adopt != "leave")), "{adopt}: a change takes no seat and no location");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn users_who_were_never_synced_are_licensed_by_their_domain() {
    let bench = bench("who = { cloud_domain = \"contoso.com\" }\nusage_location = \"NO\"").await;
    let agent = bench.running().await;
    for (name, guest) in [("eve@contoso.com", false), ("eve@fabrikam.com", false), ("x_y.com#EXT#@contoso.com", true)] {
        let user = NewUser::cloud(name).with("userType", if guest { "Guest" } else { "Member" });
        bench.tenant.add_user(user).expect("a user is added");
    }
    let ada = bench.join("ada", "DE");
    agent.until(|report| report.standing.get("licensed") == Some(&1)).await;
    bench.some_polls().await;
    let holders: Vec<String> = bench
        .tenant
        .view(|view| view.users().filter(|user| user.holds("EMS")).map(|user| user.user_principal_name).collect());
    assert_eq!(holders, ["eve@contoso.com"]);
    let location = bench.tenant.view(|view| view.user("eve@contoso.com").and_then(|user| user.usage_location));
    assert_eq!(location.as_deref(), Some("NO"));
    assert_eq!(standings(&agent.store, &ada).await, [""; 0]);
    agent.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn some_come_early_some_wait_and_some_seats_are_left_to_others() {
    let mut bench = bench("include_disabled = true\ndelay = \"1h\"").await;
    bench.rules.push_str(
        "[[license]]\nid = \"kept\"\nsku = \"SPE_E3\"\nunless_has_plan = []\nkeep_free = 2\nready = \"(title=Boss)\"\n",
    );
    bench.tenant.set_seats("SPE_E3", 3).expect("there is SPE_E3");
    let agent = bench.running().await;
    let early = bench.hire("early", "DE");
    disable(&bench, &early);
    bench.sync(&early);
    agent.until_standing(&early, "delayed").await;
    bench.some_polls().await;
    assert!(!holds(&bench, &early, "EMS"));
    agent.clock.advance(HOUR + Duration::from_secs(60));
    agent.until_standing(&early, "licensed").await;
    assert!(holds(&bench, &early, "EMS"), "though the account is disabled");
    let boss = |joiner: &Joiner| bench.directory.modify(joiner.guid, &[Change::set("title", "Boss")]);
    let (ann, bea) = (bench.join("ann", "DE"), bench.join("bea", "DE"));
    agent.until_standing(&bea, "delayed").await;
    assert_eq!(standings(&agent.store, &ann).await, ["delayed"], "not ready");
    boss(&ann);
    agent.until_standing(&ann, "licensed").await;
    boss(&bea);
    agent.until_standing(&bea, "awaiting-seat").await;
    bench.some_polls().await;
    assert!(holds(&bench, &ann, "SPE_E3") && !holds(&bench, &bea, "SPE_E3"), "two of three seats are left to others");
    agent.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_operator_assigns_withholds_and_leaves_it_to_the_rules_again() {
    let bench = bench("who = { filter = \"(title=Boss)\" }").await;
    let agent = bench.running().await;
    let people: Vec<Joiner> = ["ada", "bob", "eve"].map(|sam| bench.join(sam, "DE")).into();
    for joiner in &people {
        agent.until_presence(joiner, "present").await;
    }
    let shown = bench.says(&["assign", "ada", "--sku", "EMS", "--disable", "INTUNE_A", "--dry-run"]).await;
    assert!(shown.contains("INTUNE_A") && shown.contains("1 person would be licensed"), "{shown}");
    bench.some_polls().await;
    assert_eq!(bench.writes(), (0, 0), "a dry run writes nothing");
    bench.says(&["assign", "ada", "--sku", "EMS", "--disable", "INTUNE_A"]).await;
    agent.until_standing(&people[0], "licensed").await;
    assert!(!plans(&bench, &people[0]).contains(&"INTUNE_A".to_owned()), "{:?}", plans(&bench, &people[0]));
    let told = bench.says(&["explain", "ada"]).await;
    assert!(told.contains("by hand   EMS assigned, without INTUNE_A, whatever the rules say"), "{told}");
    bench.write("list.csv", "Name,userPrincipalName\nBob,bob@corp.example.test\nEve,eve@corp.example.test\n");
    let list = bench.path("list.csv").display().to_string();
    bench.says(&["assign", "--csv", &list, "--sku", "ems"]).await;
    agent.until(|report| report.standing.get("licensed") == Some(&3)).await;
    bench.says(&["unassign", "bob@corp.example.test", "--sku", "EMS"]).await;
    agent.until_standing(&people[1], "reclaimed").await;
    assert!(!holds(&bench, &people[1], "EMS"));
    let told = bench.says(&["explain", "bob"]).await;
    assert!(told.contains("by hand   EMS withheld"), "{told}");
    bench.says(&["release", "eve", "--sku", "EMS"]).await;
    agent.until_standing(&people[2], "lapsed").await;
    bench.some_polls().await;
    assert!(holds(&bench, &people[2], "EMS"), "what was given stays");
    bench.write("wrong.csv", "user\nno.one\nada\nno.two\n");
    let wrong = bench.path("wrong.csv").display().to_string();
    for (arguments, said) in [
        (
            &["assign", "--csv", &wrong, "--sku", "EMS"][..],
            "2 of 3 names: nobody known by \"no.one\"; nobody known by \"no.two\"\n  Nothing was asked for.",
        ),
        (&["assign", "ada", "--sku", "NOSUCH"], "no product"),
        (&["assign", "ada", "--sku", "EMS", "--disable", "NOSUCH"], "no service plan"),
        (&["assign", "nobody", "--sku", "EMS"], "nobody known by"),
        (&["assign", "--filter", "(department=x)", "--sku", "EMS"], "is not read"),
    ] {
        let output = bench.output(arguments).await;
        let text = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(!output.status.success() && text.contains(said), "{arguments:?}: {text}");
    }
    agent.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn of_three_hundred_who_wait_the_first_hundred_get_the_hundred_seats_that_are_bought() {
    let bench = bench("").await;
    bench.tenant.set_seats("EMS", 0).expect("there is EMS");
    let agent = bench.running().await;
    let mut joiners = Vec::new();
    for wave in 0..3 {
        let hired: Vec<Joiner> = (0..100).map(|n| bench.hire(&format!("u{wave}x{n}"), "DE")).collect();
        hired.iter().for_each(|joiner| bench.sync(joiner));
        agent.until(|report| report.standing.get("awaiting-seat") == Some(&(100 * (wave + 1)))).await;
        joiners.push(hired);
    }
    bench.tenant.set_seats("EMS", 100).expect("there is EMS");
    agent.until(|report| report.standing.get("licensed") == Some(&100)).await;
    bench.some_polls().await;
    let holding = |wave: usize| joiners[wave].iter().filter(|joiner| holds(&bench, joiner, "EMS")).count();
    assert_eq!([holding(0), holding(1), holding(2)], [100, 0, 0]);
    let counted = bench.tenant.counters().assign_license;
    assert_eq!((counted.calls, counted.effective), (100, 100), "no write failed");
    agent.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_exchange_that_waits_for_a_seat_costs_nothing_and_takes_nothing() {
    let mut bench = bench("").await;
    let agent = bench.running().await;
    let ada = hired(&bench, &agent, "ada").await;
    agent.stop().await;
    bench.rules = "[[license]]\nid = \"intune\"\nsku = \"SPE_E3\"\n".into();
    bench.tenant.set_seats("SPE_E3", 0).expect("there is SPE_E3");
    let agent = bench.running().await;
    agent.until_standing(&ada, "awaiting-seat").await;
    bench.some_polls().await;
    assert!(holds(&bench, &ada, "EMS"));
    let next = agent.store.next_due(true, Duration::from_millis(200)).await.expect("the store answers");
    assert_eq!(next, None, "nothing is due before a seat is free");
    bench.tenant.set_seats("SPE_E3", 1).expect("there is SPE_E3");
    agent.until_standing(&ada, "reclaimed").await;
    assert!(holds(&bench, &ada, "SPE_E3") && !holds(&bench, &ada, "EMS"));
    agent.stop().await;
    assert_eq!(bench.writes(), (1, 2));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_an_operator_asked_for_and_another_rejected_is_not_asked_for_again() {
    let mut bench = bench("who = { filter = \"(title=Boss)\" }").await;
    bench.edit("assignments_per_day = 500", "assignments_per_day = 0\nremovals_per_day = 0");
    let (ada, bob) = (bench.hire("ada", "DE"), bench.join("bob", "DE"));
    bench.tenant.add_user(bench.user_of(&ada).licensed(NewLicense::direct("EMS"))).expect("a user is added");
    let agent = bench.running().await;
    bench.says(&["unassign", "ada", "--sku", "EMS"]).await;
    bench.says(&["assign", "bob", "--sku", "EMS"]).await;
    let report = agent.until(|report| report.holds.len() == 2).await;
    for hold in &report.holds {
        bench.says(&["reject", &hold.id.to_string()]).await;
    }
    agent.until_standing(&ada, "lapsed").await;
    agent.until_standing(&bob, "lapsed").await;
    for joiner in [&ada, &bob] {
        bench.directory.modify(joiner.guid, &[Change::set("c", "NO")]);
    }
    bench.some_polls().await;
    assert_eq!(agent.until(|_| true).await.holds.len(), 0);
    agent.stop().await;
    assert_eq!(bench.writes(), (0, 0));
}
