//! Groups of the tenant: as the scope of rules, and as givers of licenses beside us.

use std::time::Duration;

use seatsync::model::group::GroupFault;
use seatsync::store::GroupLine;
use seatsync_lab::tenant::{Fault, HiddenMembers, Hold, LicenseChange, Match, NewGroup, NewLicense};

use crate::bench::{Bench, Joiner, Running, person, standings, until_standing};
use crate::daemon::Daemon;

const SALES: &str = "5a1e5000-0000-4000-8000-000000000001";

fn rule(who: &str) -> String {
    format!("[[license]]\nid = \"intune\"\nsku = \"EMS\"\nwho = {who}\n")
}

/// A tenant with a rule for that group, which is there and empty unless `members` says otherwise.
async fn bench(members: &[&Joiner], mut bench: Bench) -> Bench {
    bench.rules = rule(&format!("{{ entra_group = \"{SALES}\" }}"));
    bench.edit("[tenant]\n", "[tenant]\ngroup_poll = \"100ms\"\n");
    let mut group = NewGroup { id: Some(SALES.parse().expect("an id")), ..NewGroup::named("Sales") };
    for joiner in members {
        group = group.member(&joiner.upn);
    }
    bench.tenant.add_group(group).expect("a group");
    bench
}

/// So many who have been there for long, on both sides.
fn staff(bench: &Bench, count: usize) -> Vec<Joiner> {
    let old = |n: usize| {
        let joiner = bench.hire(&format!("old{n}"), "DE");
        bench.sync_old(&joiner, 400);
        joiner
    };
    (0..count).map(old).collect()
}

async fn group(agent: &Running) -> GroupLine {
    agent.until(|report| !report.groups.is_empty()).await.groups.remove(0)
}

/// Waits until a running agent has read the group twice more from beginning to end.
async fn read_again(bench: &Bench) {
    let reads = |view: &seatsync_lab::tenant::View<'_>| {
        view.counters().requests_by_route.get("GET /groups/{id}").copied().unwrap_or_default()
    };
    let before = bench.tenant.view(reads);
    // The third asks once the second is over.
    assert!(bench.tenant.wait_within(crate::bench::PATIENCE, |view| reads(view) >= before + 3).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn joining_a_group_licenses_and_its_members_from_before_are_left_alone() {
    let plain = Bench::start(3).await;
    let old = staff(&plain, 2);
    let bench = bench(&[&old[0]], plain).await;
    bench.tenant.set_knobs(|knobs| (knobs.page_size, knobs.empty_pages) = (Some(1), true));
    let agent = bench.running().await;
    agent.until_standing(&old[0], "baseline").await;
    let ada = bench.join("ada", "DE");
    agent.until_presence(&ada, "present").await;
    read_again(&bench).await;
    assert_eq!((standings(&agent.store, &ada).await.len(), bench.writes()), (0, (0, 0)));

    // A group within a group, in a circle; somebody who was there before us joins by it, and somebody new.
    bench.tenant.add_group(NewGroup::named("Inner").member(&ada.upn).member(SALES)).expect("a group");
    bench.tenant.add_member("Inner", &old[1].upn).expect("a member");
    bench.tenant.add_member("Sales", "Inner").expect("a member");
    agent.until_standing(&ada, "licensed").await;
    agent.until_standing(&old[1], "licensed").await;
    assert_eq!(standings(&agent.store, &old[0]).await, ["baseline"]);
    let dossier = person(&agent.store, &ada).await.expect("somebody");
    assert_eq!(dossier.rules["intune"].groups, ["Sales"]);
    let told = String::from_utf8_lossy(&bench.output(&["explain", &ada.upn]).await.stdout).into_owned();
    assert!(told.contains("rule      intune: wants the license, in group Sales"), "{told}");
    assert!(told.contains("joined group Sales"), "{told}");

    bench.tenant.remove_member("Inner", &ada.upn).expect("out");
    agent.until_standing(&ada, "lapsed").await;
    bench.some_polls().await;
    agent.stop().await;
    assert!(bench.user(&ada).holds("EMS"), "nothing is taken away");
    assert_eq!(bench.writes(), (2, 2));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_edit_that_names_a_group_licenses_nobody() {
    let plain = Bench::start(3).await;
    let old = staff(&plain, 3);
    let mut bench = bench(&[&old[0], &old[1]], plain).await;
    let by_group = std::mem::replace(&mut bench.rules, rule("{ ou = \"OU=Contractors,DC=corp,DC=example,DC=test\" }"));
    bench.once().await.expect("first contact");
    bench.rules = by_group;
    for _ in 0..2 {
        bench.once().await.expect("a turn");
        let report = bench.store().report().await.expect("a report");
        assert_eq!(report.baseline_without_license.get("intune"), Some(&2), "{report:#?}");
    }
    assert_eq!(bench.writes(), (0, 0));
    bench.tenant.add_member("Sales", &old[2].upn).expect("a member");
    bench.once().await.expect("a turn");
    assert!(bench.user(&old[2]).holds("EMS") && !bench.user(&old[0]).holds("EMS"));
    let plan = bench.says(&["plan"]).await;
    assert!(plan.contains("0 persons would be licensed"), "{plan}");
}

#[tokio::test(flavor = "multi_thread")]
async fn half_a_group_is_no_smaller_group() {
    let plain = Bench::start(3).await;
    let old = staff(&plain, 4);
    let mut bench = bench(&old.iter().collect::<Vec<_>>(), plain).await;
    bench.edit("[guard]", "[guard]\nexisting = \"license\"");
    bench.tenant.set_knobs(|knobs| knobs.page_size = Some(2));
    let second = || Match::path("/v1.0/groups/*skiptoken=*");
    for fault in [
        Fault::answer(second().once(), 503, "serviceUnavailable", "Later."),
        Fault::truncated(second().times(4), 40),
        Fault::raw(second().once(), 200, "application/json", "{\"value\":[{\"id\":"),
        Fault::raw(second().once(), 200, "application/json", "{\"value\":[{\"displayName\":\"x\"}]}"),
        Fault::answer(second().once(), 400, "Directory_ExpiredPageToken", "Too old."),
        Fault::answer(second().once(), 404, "Request_ResourceNotFound", "Gone."),
    ] {
        bench.tenant.fault(fault);
        bench.once().await.expect_err("the reading broke off");
        bench.tenant.clear_faults();
        assert_eq!((bench.writes(), bench.store().report().await.expect("a report").groups), ((0, 0), Vec::new()));
    }
    bench.once().await.expect("a turn");
    assert_eq!(bench.writes(), (4, 4), "who was there is licensed, however late the group was read");
    bench.tenant.fault(Fault::answer(second().once(), 503, "serviceUnavailable", "Later."));
    bench.once().await.expect_err("the reading broke off");
    for joiner in &old {
        until_standing(&bench.store(), joiner, "licensed").await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_group_that_is_suddenly_empty_keeps_its_members_and_raises_an_alarm() {
    let plain = Bench::start(3).await;
    let old = staff(&plain, 2);
    let mut bench = bench(&[], plain).await;
    let daemon = Daemon::acquainted(&bench).await;
    daemon.until_said("group Sales read: 0 users").await;
    for joiner in &old {
        bench.tenant.add_member("Sales", &joiner.upn).expect("a member");
        until_standing(&bench.store(), joiner, "licensed").await;
    }
    for joiner in &old {
        bench.tenant.remove_member("Sales", &joiner.upn).expect("out");
    }
    daemon.until_said("a complete read of group Sales met 0 users and missed").await;
    read_again(&bench).await;
    let last = &old[1];
    assert_eq!(standings(&bench.store(), last).await, ["licensed"]);
    let status = bench.says(&["status"]).await;
    assert!(status.contains("group      Sales") && status.contains("missed"), "{status}");
    let said = daemon.said();
    daemon.stop().await;
    assert!(said.matches("met 0 users").count() <= 2, "it is not said at each reading:\n{said}");
    // Until the operator says that it is so.
    bench.edit("[guard]", "[guard]\nshrink_percent = 100");
    bench.once().await.expect("a turn");
    assert_eq!(standings(&bench.store(), last).await, ["lapsed"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_group_that_does_not_exist_stops_its_rule_alone() {
    let mut bench = bench(&[], Bench::start(3).await).await;
    bench.rules += "[[license]]\nid = \"lost\"\nsku = \"SPE_E3\"\nunless_has_plan = []\n\
                    who = { any = [{ entra_group = \"5a1e5000-0000-4000-8000-00000000dead\" }, { filter = \"(c=DE)\" }] }\n";
    let agent = bench.running().await;
    let ada = bench.join("ada", "DE");
    agent.until_presence(&ada, "present").await;
    bench.tenant.add_member("Sales", &ada.upn).expect("a member");
    agent.until_standing(&ada, "licensed").await;
    assert_eq!(standings(&agent.store, &ada).await, ["licensed"]);
    agent.stop().await;
    let once = bench.output(&["once"]).await;
    let said = String::from_utf8_lossy(&once.stderr);
    assert_eq!(once.status.code(), Some(78), "{said}");
    assert!(said.contains("rule \"lost\": the tenant has no group 5a1e5000-0000-4000-8000-00000000dead"), "{said}");

    // A group that is deleted under a rule: what it gave stays, and comes back with it.
    bench.rules = rule(&format!("{{ entra_group = \"{SALES}\" }}"));
    let agent = bench.running().await;
    bench.tenant.delete_group("Sales").expect("deleted");
    agent.until(|report| report.groups.iter().any(|group| group.fault == Some(GroupFault::Missing))).await;
    bench.some_polls().await;
    assert_eq!(standings(&agent.store, &ada).await, ["licensed"]);
    agent.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_missing_permission_is_named_and_its_grant_goes_on_by_itself() {
    let plain = Bench::start(3).await;
    let old = staff(&plain, 1);
    let bench = bench(&[&old[0]], plain).await;
    let roles = ["User.ReadWrite.All", "LicenseAssignment.Read.All", "LicenseAssignment.ReadWrite.All"];
    bench.tenant.set_roles(&roles);
    let once = bench.output(&["once"]).await;
    let said = String::from_utf8_lossy(&once.stderr);
    assert_eq!(once.status.code(), Some(77), "{said}");
    assert!(said.contains("GroupMember.Read.All") && said.contains("[graph-groups-forbidden]"), "{said}");
    let plan = bench.says(&["plan"]).await;
    assert!(plan.contains("unusable") && plan.contains("GroupMember.Read.All"), "{plan}");

    let agent = bench.agent().await.run();
    let report = agent.until(|report| report.acquainted && report.troubles.contains_key("groups")).await;
    assert!(report.troubles["groups"].contains("GroupMember.Read.All"), "{report:#?}");
    // Who is hired meanwhile is no less a newcomer for it.
    let ada = bench.join("ada", "DE");
    agent.until_presence(&ada, "present").await;
    bench.tenant.add_member("Sales", &ada.upn).expect("a member");
    bench.tenant.set_roles(&[&roles[..], &["GroupMember.Read.All"]].concat());
    agent.clock.advance(Duration::from_secs(301));
    agent.until_standing(&ada, "licensed").await;
    agent.until(|report| !report.troubles.contains_key("groups")).await;
    assert_eq!(standings(&agent.store, &old[0]).await, ["baseline"]);
    agent.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn hidden_members_are_not_taken_for_none() {
    for look in [HiddenMembers::Empty, HiddenMembers::Denied] {
        let plain = Bench::start(3).await;
        let old = staff(&plain, 1);
        let mut bench = bench(&[], plain).await;
        bench.tenant.set_knobs(|knobs| knobs.hidden_members = look);
        let hidden = NewGroup { hidden: true, ..NewGroup::named("Hidden") }.member(&old[0].upn);
        let hidden = bench.tenant.add_group(hidden).expect("a group");
        bench.edit(SALES, &hidden.to_string());
        let once = bench.output(&["once"]).await;
        let said = String::from_utf8_lossy(&once.stderr);
        assert!(!once.status.success() && said.contains("Member.Read.Hidden"), "{look:?}: {said}");
        assert_eq!(standings(&bench.store(), &old[0]).await.len(), 0);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_group_is_asked_for_without_writing_while_nothing_changes() {
    let plain = Bench::start(3).await;
    let old = staff(&plain, 3);
    let bench = bench(&[&old[0], &old[1]], plain).await;
    let agent = bench.running().await;
    assert_eq!(group(&agent).await.members, 2);
    read_again(&bench).await;
    let changes = || -> i64 {
        let db = rusqlite::Connection::open(bench.path("seatsync.db")).expect("the store opens");
        db.query_row("SELECT coalesce(max(id), 0) + (SELECT sum(revision) FROM people) FROM audit", [], |row| {
            row.get(0)
        })
        .expect("a number")
    };
    let before = changes();
    read_again(&bench).await;
    assert_eq!(changes(), before);
    agent.stop().await;
}

/// A rule for everyone, a group that gives EMS, and a wait for it.
async fn beside(grace: &str) -> Bench {
    let mut bench = Bench::start(3).await;
    let keys = format!("[tenant]\ngroup_poll = \"100ms\"\ngroup_licensing_grace = \"{grace}\"\n");
    bench.edit("[tenant]\n", &keys);
    bench.edit("[guard]", "[guard]\nshrink_percent = 20");
    bench.tenant.set_knobs(|knobs| knobs.group_licensing_delay = Duration::from_secs(3_600));
    bench.tenant.add_group(NewGroup::named("Licensed").licensed(NewLicense::direct("EMS"))).expect("a group");
    bench
}

/// Somebody who is in the group before anybody can ask for it.
fn joins(bench: &Bench, sam: &str, group: &str) -> Joiner {
    let gate = bench.tenant.gate(Match::path("/$batch"), Hold::Before);
    let joiner = bench.join(sam, "DE");
    bench.tenant.add_member(group, &joiner.upn).expect("a member");
    gate.remove();
    joiner
}

async fn until_expected_from(agent: &Running, joiner: &Joiner, words: &str) {
    let told = async {
        loop {
            let dossier = person(&agent.store, joiner).await;
            let why = dossier.and_then(|dossier| dossier.person.entitlements.first()?.why.clone());
            if why.is_some_and(|why| why.contains(words)) {
                return;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    if tokio::time::timeout(crate::bench::PATIENCE, told).await.is_err() {
        panic!("never {words}: {:#?}", person(&agent.store, joiner).await);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_group_is_to_give_is_left_to_it() {
    let bench = beside("2h").await;
    bench.tenant.add_group(NewGroup::named("Outer").licensed(NewLicense::direct("SPE_E3"))).expect("a group");
    bench.tenant.add_group(NewGroup::named("Inner")).expect("a group");
    bench.tenant.add_member("Outer", "Inner").expect("nested");
    let agent = bench.running().await;
    let ada = joins(&bench, "ada", "Licensed");
    // Group-based licensing gives members of nested groups nothing.
    let bob = joins(&bench, "bob", "Inner");
    until_expected_from(&agent, &ada, "expected from group Licensed until").await;
    agent.until_standing(&bob, "licensed").await;
    let told = bench.says(&["explain", &ada.upn]).await;
    assert!(told.contains("EMS expected since") && told.contains("expected from group Licensed until"), "{told}");
    let status = bench.says(&["status"]).await;
    assert!(status.contains("1 expected"), "{status}");

    bench.tenant.advance(Duration::from_secs(3_601));
    agent.until_standing(&ada, "satisfied").await;
    bench.some_polls().await;
    agent.stop().await;
    assert_eq!(bench.writes(), (1, 1), "nothing is written for whom a group licensed");
    assert_eq!(bench.user(&ada).licenses.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_group_did_not_give_in_time_is_assigned_with_what_is_known() {
    let bench = beside("2h").await;
    bench.tenant.set_knobs(|knobs| knobs.group_licensing_delay = Duration::ZERO);
    bench.tenant.set_seats("EMS", 0).expect("no seat");
    let agent = bench.running().await;
    let ada = joins(&bench, "ada", "Licensed");
    until_expected_from(&agent, &ada, "expected from group Licensed (CountViolation) until").await;
    bench.tenant.set_seats("EMS", 5).expect("seats");
    assert_eq!(bench.writes(), (0, 0));
    agent.clock.advance(Duration::from_secs(7_201));
    agent.until_standing(&ada, "licensed").await;
    let dossier = person(&agent.store, &ada).await.expect("somebody");
    let why = dossier.timeline.iter().find(|row| row.kind == "standing" && row.detail["to"] == "due").expect("due");
    let why = why.detail["why"].as_str().unwrap_or_default().to_owned();
    assert_eq!(why, "group Licensed (CountViolation) did not give it in tenant.group_licensing_grace");
    agent.stop().await;
    assert_eq!(bench.writes(), (1, 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_turn_by_hand_asks_for_groups_too() {
    let bench = beside("2h").await;
    bench.once().await.expect("first contact");
    let ada = joins(&bench, "ada", "Licensed");
    let bob = bench.join("bob", "DE");
    let plan = bench.says(&["plan"]).await;
    assert!(plan.contains("bob@") && !plan.contains("ada@"), "{plan}");
    bench.once().await.expect("a turn");
    let store = bench.store();
    assert_eq!(standings(&store, &ada).await, ["expected"]);
    assert!(bench.user(&bob).holds("EMS") && !bench.user(&ada).holds("EMS"));
    // A group that stops giving it keeps nobody waiting.
    let none = LicenseChange { remove: vec!["EMS".into()], ..LicenseChange::default() };
    bench.tenant.license_group("Licensed", &none).expect("changed");
    bench.once().await.expect("a turn");
    assert!(bench.user(&ada).holds("EMS"));
}

#[tokio::test(flavor = "multi_thread")]
async fn groups_that_cannot_be_read_hold_nobody_up_for_longer_than_the_grace() {
    let bench = beside("1h").await;
    bench.tenant.set_roles(&["User.ReadWrite.All", "LicenseAssignment.Read.All", "LicenseAssignment.ReadWrite.All"]);
    let agent = bench.running().await;
    let ada = bench.join("ada", "DE");
    agent.until_standing(&ada, "expected").await;
    let report = agent.until(|report| report.troubles.contains_key("groups")).await;
    assert!(report.troubles["groups"].contains("GroupMember.Read.All"), "{report:#?}");
    bench.some_polls().await;
    assert_eq!(bench.writes(), (0, 0));
    agent.clock.advance(Duration::from_secs(3_601));
    agent.until_standing(&ada, "licensed").await;
    agent.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pilot_waits_for_no_group_and_flies_by_a_group_rule() {
    let bench = beside("2h").await;
    bench.once().await.expect("first contact");
    let ada = joins(&bench, "ada", "Licensed");
    bench.says(&["doctor", "--pilot", "ada"]).await;
    let given = bench.user(&ada);
    assert!(given.direct("EMS").is_some() && bench.writes() == (1, 1), "{given:?}");

    let plain = Bench::start(3).await;
    let old = staff(&plain, 2);
    let bench = super::groups::bench(&[&old[0]], plain).await;
    bench.once().await.expect("first contact");
    bench.says(&["doctor", "--pilot", "old0"]).await;
    assert!(bench.user(&old[0]).holds("EMS") && !bench.user(&old[1]).holds("EMS"));
    let said = bench.says(&["doctor", "--tenant"]).await;
    assert!(said.contains("GroupMember.Read.All: granted"), "{said}");
}
