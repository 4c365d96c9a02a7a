//! Groups of the directory as the scope of rules.

use std::time::Duration;

use seatsync::model::group::{GroupFault, GroupState};
use seatsync::store::GroupLine;
use seatsync_lab::directory::world::schema::Attribute;
use seatsync_lab::directory::world::sid;
use seatsync_lab::directory::{Change, Condition, Effect, Fault, Guid, Kind, NewAccount, Operation, Target};

use crate::bench::{Bench, Joiner, PATIENCE, Running, person, standings, until_standing};
use crate::daemon::Daemon;
use crate::forest::{child_of, hired_by};

const STAFF: &str = "CN=Crew,CN=Users,DC=corp,DC=example,DC=test";

fn rule(who: &str) -> String {
    format!("[[license]]\nid = \"intune\"\nsku = \"EMS\"\nwho = {who}\n")
}

fn of_group(dn: &str) -> String {
    rule(&format!("{{ group = \"{dn}\" }}"))
}

/// A rule for the group `Crew`, which is there, with these members.
fn crewed(bench: &mut Bench, members: &[&Joiner]) -> Guid {
    bench.rules = of_group(STAFF);
    let crew = bench.directory.create_group("Crew");
    members.iter().for_each(|joiner| bench.directory.set_membership(crew, joiner.guid, true));
    crew
}

/// So many who have been there for long, on both sides.
fn old(bench: &Bench, count: usize) -> Vec<Joiner> {
    let old = |n: usize| {
        let joiner = bench.hire(&format!("old{n}"), "DE");
        bench.sync_old(&joiner, 400);
        joiner
    };
    (0..count).map(old).collect()
}

async fn group(bench: &Bench) -> GroupLine {
    bench.store().report().await.expect("a report").groups.remove(0)
}

/// Waits until the group is seen so.
async fn until_group(agent: &Running, fits: impl Fn(&GroupLine) -> bool) {
    agent.until(|report| report.groups.iter().any(&fits)).await;
}

/// What a command that is refused says.
async fn fails(bench: &Bench, arguments: &[&str]) -> String {
    let output = bench.output(arguments).await;
    assert!(!output.status.success(), "{arguments:?}");
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// Searches that read who is in a group.
fn walks(bench: &Bench) -> usize {
    let asks = |operation: &Operation| operation.attributes.iter().any(|name| name.starts_with("member;range="));
    bench.directory.operations().iter().filter(|operation| asks(operation)).count()
}

#[tokio::test(flavor = "multi_thread")]
async fn joining_a_group_licenses_and_its_members_from_before_are_left_alone() {
    let mut bench = Bench::start(3).await;
    let old = old(&bench, 2);
    let crew = crewed(&mut bench, &[&old[0]]);
    let agent = bench.running().await;
    agent.until_standing(&old[0], "baseline").await;
    let ada = bench.join("ada", "DE");
    agent.until_presence(&ada, "present").await;
    bench.some_polls().await;
    assert_eq!((standings(&agent.store, &ada).await.len(), bench.writes()), (0, (0, 0)));

    bench.directory.set_membership(crew, ada.guid, true);
    agent.until_standing(&ada, "licensed").await;
    bench.directory.set_membership(crew, old[1].guid, true);
    agent.until_standing(&old[1], "licensed").await;
    assert_eq!(standings(&agent.store, &old[0]).await, ["baseline"]);
    let dossier = person(&agent.store, &ada).await.expect("somebody");
    assert_eq!(dossier.rules["intune"].groups, ["Crew"]);
    let told = bench.says(&["explain", &ada.upn]).await;
    assert!(told.contains("wants the license, in group Crew") && told.contains("joined group Crew"), "{told}");
    let status = bench.says(&["status"]).await;
    assert!(status.contains("group      Crew (cn=crew,cn=users,dc=corp,dc=example,dc=test): 3 users"), "{status}");

    bench.directory.set_membership(crew, ada.guid, false);
    agent.until_standing(&ada, "lapsed").await;
    bench.some_polls().await;
    agent.stop().await;
    assert!(bench.user(&ada).holds("EMS"), "nothing is taken away");
    assert_eq!(bench.writes(), (2, 2));
}

#[tokio::test(flavor = "multi_thread")]
async fn groups_within_groups_count_and_circles_end() {
    let mut bench = Bench::start(3).await;
    let crew = crewed(&mut bench, &[]);
    let [inner, innermost] = ["Inner", "Innermost"].map(|name| bench.directory.create_group(name));
    bench.directory.set_membership(crew, inner, true);
    let agent = bench.running().await;
    let [ada, bob, eve] = ["ada", "bob", "eve"].map(|sam| bench.join(sam, "DE"));
    bench.directory.set_membership(inner, ada.guid, true);
    agent.until_standing(&ada, "licensed").await;
    // A group with a member comes into the tree, and the tree bites its tail.
    bench.directory.set_membership(innermost, bob.guid, true);
    bench.directory.set_membership(innermost, crew, true);
    agent.until_presence(&bob, "present").await;
    assert_eq!(standings(&agent.store, &bob).await.len(), 0);
    bench.directory.set_membership(inner, innermost, true);
    agent.until_standing(&bob, "licensed").await;
    bench.directory.set_membership(innermost, eve.guid, true);
    agent.until_standing(&eve, "licensed").await;
    // Out of the tree again, with all that it brought.
    bench.directory.set_membership(inner, innermost, false);
    agent.until_standing(&bob, "lapsed").await;
    agent.until_standing(&eve, "lapsed").await;
    assert_eq!(standings(&agent.store, &ada).await, ["licensed"]);
    agent.stop().await;
    // A group within that is deleted: nobody writes to the group above.
    bench.directory.delete(inner);
    bench.once().await.expect("a turn");
    assert_eq!(group(&bench).await.fault, Some(GroupFault::Shrunk { met: 0, missing: 1 }));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_edit_that_names_a_group_licenses_nobody() {
    let mut bench = Bench::start(3).await;
    let old = old(&bench, 3);
    let crew = crewed(&mut bench, &[&old[0], &old[1]]);
    let by_group = std::mem::replace(&mut bench.rules, rule("{ ou = \"OU=Contractors,DC=corp,DC=example,DC=test\" }"));
    bench.once().await.expect("first contact");
    bench.rules = by_group;
    for _ in 0..2 {
        bench.once().await.expect("a turn");
        let report = bench.store().report().await.expect("a report");
        assert_eq!(report.baseline_without_license.get("intune"), Some(&2), "{report:#?}");
    }
    assert_eq!(bench.writes(), (0, 0));
    bench.directory.set_membership(crew, old[2].guid, true);
    bench.once().await.expect("a turn");
    assert!(bench.user(&old[2]).holds("EMS") && !bench.user(&old[0]).holds("EMS"));
    let reads = walks(&bench);
    bench.once().await.expect("a turn");
    assert_eq!(walks(&bench), reads, "a group without news is not read again");

    // Another group, named beside it, is read before it counts.
    let more = bench.directory.create_group("More");
    bench.directory.set_membership(more, old[1].guid, true);
    bench.rules =
        rule(&format!("{{ any = [{{ group = \"{STAFF}\" }}, {{ group = \"{}\" }}] }}", STAFF.replace("Crew", "More")));
    bench.once().await.expect("a turn");
    assert_eq!(bench.writes(), (1, 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn thirteen_thousand_members_come_in_ranges_and_one_more_is_noticed() {
    let mut bench = Bench::start(3).await;
    // Whom else the group holds is not ours, and read all the same.
    bench.edit(
        "poll = \"100ms\"\ntimeout",
        "poll = \"100ms\"\nbases = [\"OU=Staff,DC=corp,DC=example,DC=test\"]\ntimeout",
    );
    let old = old(&bench, 1);
    let crew = crewed(&mut bench, &[&old[0]]);
    let other = |_| bench.directory.create_account(NewAccount::new().in_ou("Contractors"));
    let everybody: Vec<Guid> = (0..13_000).map(other).collect();
    bench.directory.dc(0).add_members(crew, &everybody);
    let agent = bench.running().await;
    agent.until_standing(&old[0], "baseline").await;
    let members = || -> i64 {
        let db = rusqlite::Connection::open(bench.path("seatsync.db")).expect("the store opens");
        db.query_row("SELECT count(*) FROM group_edges WHERE gone IS NULL", [], |row| row.get(0)).expect("a number")
    };
    assert_eq!((members(), walks(&bench)), (13_001, 9), "each range begins with the last of the one before");
    let ada = bench.join("ada", "DE");
    bench.directory.set_membership(crew, ada.guid, true);
    agent.until_standing(&ada, "licensed").await;
    // Who is deleted leaves without a write to the group; the next reading shows it.
    bench.directory.delete(everybody[5]);
    let bob = bench.join("bob", "DE");
    bench.directory.set_membership(crew, bob.guid, true);
    agent.until_standing(&bob, "licensed").await;
    assert_eq!(members(), 13_002);
    agent.stop().await;
    assert_eq!(bench.writes(), (2, 2));
}

#[tokio::test(flavor = "multi_thread")]
async fn who_has_the_group_as_primary_group_is_in_it() {
    let mut bench = Bench::start(3).await;
    let crew = crewed(&mut bench, &[]);
    let inner = bench.directory.create_group("Inner");
    bench.directory.set_membership(crew, inner, true);
    let agent = bench.running().await;
    for (sam, main) in [("ada", crew), ("bob", inner)] {
        // Its SID is of the domain, as the group's is.
        let upn = format!("{sam}@corp.example.test");
        let account = NewAccount::named(sam).sam(sam).in_ou("Staff").country("DE");
        let guid = bench.directory.create_account(account.with("userPrincipalName", upn.as_str()));
        let own_sid = {
            let world = bench.directory.world();
            let view = world.id_of(guid).and_then(|id| world.view(0, id)).expect("it is there");
            view.values(Attribute::ObjectSid).first().map(|sid| sid::text(sid)).expect("it has one")
        };
        let joiner = Joiner { guid, upn, sid: own_sid };
        bench.directory.set_membership(main, joiner.guid, true);
        bench.directory.dc(0).set_primary_group(joiner.guid, main);
        bench.sync(&joiner);
        agent.until_standing(&joiner, "licensed").await;
    }
    until_group(&agent, |group| group.members == 2).await;
    bench.directory.set_membership(crew, inner, false);
    until_group(&agent, |group| group.members == 1).await;
    agent.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_product_is_assigned_by_hand_to_everyone_in_a_group_that_no_rule_names() {
    let mut bench = Bench::start(3).await;
    bench.rules = rule("{ filter = \"(title=Boss)\" }");
    let [crew, inner] = ["Crew", "Inner"].map(|name| bench.directory.create_group(name));
    bench.directory.set_membership(crew, inner, true);
    bench.directory.set_membership(inner, crew, true);
    let agent = bench.running().await;
    let people = ["direct", "nested", "mainly", "outside"].map(|sam| bench.join(sam, "DE"));
    for joiner in &people {
        agent.until_presence(joiner, "present").await;
    }
    bench.directory.set_membership(crew, people[0].guid, true);
    bench.directory.set_membership(inner, people[1].guid, true);
    bench.directory.set_membership(inner, people[2].guid, true);
    bench.directory.dc(0).set_primary_group(people[2].guid, inner);
    let refused = fails(&bench, &["assign", "--group", "CN=Nobody,DC=corp,DC=example,DC=test", "--sku", "EMS"]).await;
    assert!(refused.contains("has no group CN=Nobody"), "{refused}");
    let elsewhere = fails(&bench, &["assign", "--group", "CN=Crew,DC=elsewhere,DC=test", "--sku", "EMS"]).await;
    assert!(elsewhere.contains("lies in no domain of the configuration"), "{elsewhere}");
    bench.says(&["assign", "--group", STAFF, "--sku", "EMS"]).await;
    for joiner in &people[..3] {
        agent.until_standing(joiner, "licensed").await;
    }
    bench.some_polls().await;
    assert_eq!(bench.tenant.counters().assign_license.effective, 3, "nobody else");
    agent.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_member_of_another_domain_is_known_by_its_guid_and_one_of_another_forest_by_its_sid() {
    let mut bench = Bench::start(3).await;
    let crew = crewed(&mut bench, &[]);
    let child = child_of(&mut bench).await;
    let agent = bench.running().await;
    let hire = |sam: &str, rid: u32| {
        let joiner = hired_by(&child, sam, rid);
        bench.sync(&joiner);
        joiner
    };
    let (ada, bob) = (hire("ada", 70_001), hire("bob", 70_002));
    agent.until_presence(&ada, "present").await;
    agent.until_presence(&bob, "present").await;
    bench.directory.add_foreign_member(crew, &child, ada.guid);
    agent.until_standing(&ada, "licensed").await;
    bench.directory.add_foreign_principal(crew, &bob.sid_on_the_wire());
    agent.until_standing(&bob, "licensed").await;
    agent.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_group_that_is_renamed_or_moved_stays_the_one_that_is_meant() {
    let mut bench = Bench::start(3).await;
    let old = old(&bench, 1);
    let crew = crewed(&mut bench, &[&old[0]]);
    let daemon = Daemon::acquainted(&bench).await;
    daemon.until_said("group Crew read: 1 users").await;
    bench.directory.dc(0).rename(crew, "Renamed");
    bench.directory.move_to(crew, "Service");
    let ada = bench.join("ada", "DE");
    bench.directory.set_membership(crew, ada.guid, true);
    until_standing(&bench.store(), &ada, "licensed").await;
    assert_eq!((standings(&bench.store(), &old[0]).await, group(&bench).await.fault), (vec!["baseline".into()], None));

    // Another group takes its DN.
    let bob = bench.join("bob", "DE");
    let other = bench.directory.create_group("Others");
    bench.directory.set_membership(other, bob.guid, true);
    bench.directory.dc(0).rename(other, "Crew");
    daemon.until_said("its DN names another object by now").await;
    let said = daemon.said();
    for guid in [crew, other] {
        assert!(said.contains(&guid.to_string()), "{said}");
    }
    let eve = bench.join("eve", "DE");
    bench.directory.set_membership(crew, eve.guid, true);
    until_standing(&bench.store(), &eve, "licensed").await;
    assert_eq!((standings(&bench.store(), &bob).await.len(), bench.writes()), (0, (2, 2)));
    daemon.stop().await;
    // A rule that names the group where it is now means the same group.
    bench.rules = of_group("CN=Renamed,OU=Service,DC=corp,DC=example,DC=test");
    bench.once().await.expect("a turn");
    assert_eq!((group(&bench).await.fault, bench.writes()), (None, (2, 2)));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_group_that_is_deleted_or_emptied_keeps_its_members_and_raises_an_alarm() {
    let mut bench = Bench::start(3).await;
    let crew = crewed(&mut bench, &[]);
    let daemon = Daemon::acquainted(&bench).await;
    let [ada, bob] = ["ada", "bob"].map(|sam| bench.join(sam, "DE"));
    for joiner in [&ada, &bob] {
        bench.directory.set_membership(crew, joiner.guid, true);
        until_standing(&bench.store(), joiner, "licensed").await;
    }
    for joiner in [&ada, &bob] {
        bench.directory.set_membership(crew, joiner.guid, false);
    }
    daemon.until_said("a complete read of group Crew met 0 users and missed").await;
    bench.some_polls().await;
    assert_eq!(standings(&bench.store(), &bob).await, ["licensed"]);
    let status = bench.says(&["status"]).await;
    assert!(status.contains("of whom the last reading missed"), "{status}");
    bench.directory.delete(crew);
    daemon.until_said("rule \"intune\": the directory has no group cn=crew").await;
    bench.some_polls().await;
    assert_eq!(standings(&bench.store(), &bob).await, ["licensed"]);
    let status = bench.says(&["status"]).await;
    assert!(status.contains("not in the directory; its rules decide nothing"), "{status}");
    // It comes back, and the operator says that it is so.
    bench.directory.undelete(crew);
    bench.directory.set_membership(crew, ada.guid, true);
    daemon.stop().await;
    bench.edit("[guard]", "[guard]\nshrink_percent = 100");
    bench.once().await.expect("a turn");
    assert_eq!(standings(&bench.store(), &bob).await, ["lapsed"]);
    assert_eq!((standings(&bench.store(), &ada).await, bench.writes()), (vec!["licensed".into()], (2, 2)));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_group_that_does_not_exist_stops_its_rule_alone_until_it_does() {
    let mut bench = Bench::start(3).await;
    let crew = crewed(&mut bench, &[]);
    bench.rules += &of_group(&STAFF.replace("Crew", "Lost")).replace("intune", "lost").replace("EMS", "SPE_E3");
    bench.rules += "unless_has_plan = []\n";
    bench.rules +=
        &of_group("OU=Staff,DC=corp,DC=example,DC=test").replace("intune", "no-group").replace("EMS", "INTUNE_A");
    let daemon = Daemon::acquainted(&bench).await;
    daemon.until_said("rule \"lost\": the directory has no group cn=lost,cn=users").await;
    daemon.until_said("its DN names something that is no group").await;
    let ada = bench.join("ada", "DE");
    bench.directory.set_membership(crew, ada.guid, true);
    until_standing(&bench.store(), &ada, "licensed").await;
    let lost = bench.directory.create_group("Lost");
    daemon.until_said("group Lost read: 0 users").await;
    bench.directory.set_membership(lost, ada.guid, true);
    bench.until_user(&ada, |user| user.holds("SPE_E3")).await;
    daemon.stop().await;
}

/// Six who were there before are in the group, which comes in ranges of three; the rule would license them.
async fn in_ranges() -> (Bench, Vec<Joiner>, Guid) {
    let mut bench = Bench::start(3).await;
    let old = old(&bench, 6);
    let crew = crewed(&mut bench, &old.iter().collect::<Vec<_>>());
    bench.edit("[guard]", "[guard]\nexisting = \"license\"");
    bench.directory.set_policy(|policy| policy.max_val_range = 3);
    (bench, old, crew)
}

#[tokio::test(flavor = "multi_thread")]
async fn half_a_group_is_no_smaller_group() {
    let strikes = |crew: Guid, skip: u32, then: Effect| {
        let target = Target { base: Some(format!("<GUID={crew}>")), ..Target::kind(Kind::Search) };
        Fault { skip, ..Fault::once(target, then).always() }
    };
    let refused = || Effect::Result { code: 1, text: "000020EF: it cannot be read".into() };
    for then in [refused(), Effect::Result { code: 3, text: String::new() }, Effect::Truncate, Effect::Cut] {
        let (bench, _, crew) = in_ranges().await;
        // Its first range is read, and then no other.
        bench.directory.add_fault(strikes(crew, 1, then.clone()));
        let _ = bench.once().await;
        let known = bench.store().group_states().await.expect("states");
        assert!(known.values().all(|state| *state == GroupState::Unread), "{then:?}: {known:?}");
        assert_eq!((walks(&bench) > 1, bench.writes()), (true, (0, 0)), "{then:?}");
    }
    let (bench, old, crew) = in_ranges().await;
    bench.once().await.expect("a turn");
    assert_eq!(bench.writes(), (6, 6), "who was there is licensed, however late the group was read");
    // Looking the group up, its first range, and then no other.
    bench.directory.add_fault(strikes(crew, 2, refused()));
    let ada = bench.join("ada", "DE");
    bench.directory.set_membership(crew, ada.guid, true);
    let said = bench.output(&["once"]).await;
    let said = format!("{}{}", String::from_utf8_lossy(&said.stdout), String::from_utf8_lossy(&said.stderr));
    assert!(said.contains("could not be read to its end"), "{said}");
    for joiner in &old {
        assert_eq!(standings(&bench.store(), joiner).await, ["licensed"]);
    }
    assert_eq!(standings(&bench.store(), &ada).await.len(), 0);
    bench.directory.clear_faults();
    let agent = bench.agent().await;
    agent.clock.advance(Duration::from_secs(301));
    let agent = agent.run();
    agent.until_standing(&ada, "licensed").await;
    assert_eq!(group(&bench).await.fault, None);
    agent.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn groups_of_others_cost_nothing_but_their_guid() {
    let mut bench = Bench::start(3).await;
    let old = old(&bench, 1);
    let crew = crewed(&mut bench, &[&old[0]]);
    let foreign = bench.directory.create_group("Foreign");
    let agent = bench.running().await;
    bench.some_polls().await;
    let (reads, searches) = (walks(&bench), bench.directory.counters().searches);
    bench.some_polls().await;
    assert_eq!(bench.directory.counters().searches, searches, "while nothing is written the rootDSE is all");
    let changes = || -> i64 {
        let db = rusqlite::Connection::open(bench.path("seatsync.db")).expect("the store opens");
        let sql = "SELECT coalesce(max(id), 0) + (SELECT sum(revision) FROM people) FROM audit";
        db.query_row(sql, [], |row| row.get(0)).expect("a number")
    };
    let before = changes();
    for n in 0..5 {
        bench.directory.set_membership(foreign, old[0].guid, n % 2 == 0);
        bench.some_polls().await;
    }
    assert_eq!((walks(&bench), changes()), (reads, before));
    assert!(bench.directory.counters().searches <= searches + 5, "one small search for each time the USN moved");
    bench.directory.modify(crew, &[Change::set("description", "written to, and the same")]);
    let wait = bench.directory.wait_until(|_| walks(&bench) > reads);
    tokio::time::timeout(PATIENCE, wait).await.expect("it is read again");
    bench.some_polls().await;
    assert_eq!(changes(), before);
    agent.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_controller_that_stands_in_brings_nobody_back_who_had_left() {
    let mut bench = super::controllers::two().await;
    let crew = crewed(&mut bench, &[]);
    let [ada, bob] = ["ada", "bob"].map(|sam| bench.hire(sam, "DE"));
    for joiner in [&ada, &bob] {
        bench.directory.set_membership(crew, joiner.guid, true);
    }
    bench.directory.converge();
    let agent = bench.running().await;
    until_group(&agent, |group| group.members == 2).await;
    // Ada leaves on the first controller, and the second does not hear of it.
    bench.directory.dc(0).set_membership(crew, ada.guid, false);
    until_group(&agent, |group| group.members == 1).await;
    bench.directory.dc(0).set_condition(Condition::Killed).await;
    bench.sync(&ada);
    bench.sync(&bob);
    agent.until_standing(&bob, "licensed").await;
    agent.until_presence(&ada, "present").await;
    let looks = bench.directory.dc(1).counters().root_dse_reads;
    let wait = bench.directory.wait_until(|_| bench.directory.dc(1).counters().root_dse_reads >= looks + 3);
    tokio::time::timeout(PATIENCE, wait).await.expect("it is looked at");
    assert_eq!((standings(&agent.store, &ada).await.len(), bench.writes()), (0, (1, 1)));
    // A newer write to the group is believed.
    bench.directory.dc(1).modify(crew, &[Change::set("description", "newer")]);
    agent.until_standing(&ada, "licensed").await;
    agent.stop().await;
}
