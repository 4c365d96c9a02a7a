//! Groups that lead from one domain of the forest into another, and back.

use seatsync::model::group::GroupState;
use seatsync_lab::directory::{Condition, Directory, DirectoryOptions, Guid, NewAccount};

use crate::bench::{self, Bench, Joiner, standings};

const CREW: &str = "CN=Crew,CN=Users,DC=corp,DC=example,DC=test";

/// A second domain, `sales.corp.example.test`, and the configuration for both.
pub async fn child_of(bench: &mut Bench) -> Directory {
    let child = bench.directory.start_child("sales", DirectoryOptions::with_accounts(2)).await.expect("a child domain");
    bench.write_secret("sales-password", &child.bind_password());
    let tables = format!(
        "[[directory]]\ndomain = \"sales.corp.example.test\"\nservers = [\"ldaps://localhost:{}\"]\nca_file = \"ca.pem\"\n\
         bind = {{ method = \"simple\", user = \"{}\", password = {{ file = \"sales-password\" }} }}\npoll = \"100ms\"\n[tenant]\n",
        child.ldaps_addr().port(),
        child.bind_user()
    );
    bench.edit("[directory]\n", "[[directory]]\n");
    bench.edit("[tenant]\n", &tables);
    child
}

/// Somebody of the child domain, who is not in the tenant yet.
pub fn hired_by(child: &Directory, sam: &str, rid: u32) -> Joiner {
    let upn = format!("{sam}@corp.example.test");
    let account = NewAccount::named(sam).sam(sam).in_ou("Staff").country("DE");
    let account = account.with("userPrincipalName", upn.as_str()).with("objectSid", bench::sid(rid));
    Joiner { guid: child.create_account(account), upn, sid: format!("S-1-5-21-1-2-3-{rid}") }
}

/// A rule for the group `Crew` of the first domain, which has the group `Inner` of the second as a member.
async fn led_into_another_domain() -> (Bench, Directory, Guid, Guid) {
    let mut bench = Bench::start(3).await;
    let child = child_of(&mut bench).await;
    bench.rules = format!("[[license]]\nid = \"intune\"\nsku = \"EMS\"\nwho = {{ group = \"{CREW}\" }}\n");
    let (crew, inner) = (bench.directory.create_group("Crew"), child.create_group("Inner"));
    bench.directory.add_foreign_member(crew, &child, inner);
    (bench, child, crew, inner)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_group_of_another_domain_within_counts_its_changes_are_noticed_and_circles_end() {
    let (bench, child, crew, inner) = led_into_another_domain().await;
    let old = hired_by(&child, "old", 70_000);
    bench.sync_old(&old, 400);
    child.set_membership(inner, old.guid, true);
    let agent = bench.running().await;
    agent.until_standing(&old, "baseline").await;

    // Somebody of that domain; somebody of the first domain by way of it; and by a group of the first domain within it.
    let ada = hired_by(&child, "ada", 70_001);
    let [bob, eve, kim] = ["bob", "eve", "kim"].map(|sam| bench.join(sam, "DE"));
    bench.sync(&ada);
    for joiner in [&ada, &bob, &eve, &kim] {
        agent.until_presence(joiner, "present").await;
    }
    child.set_membership(inner, ada.guid, true);
    agent.until_standing(&ada, "licensed").await;
    child.add_foreign_member(inner, &bench.directory, bob.guid);
    agent.until_standing(&bob, "licensed").await;
    let back = bench.directory.create_group("Back");
    bench.directory.set_membership(back, eve.guid, true);
    bench.directory.set_membership(back, crew, true);
    child.add_foreign_member(inner, &bench.directory, back);
    agent.until_standing(&eve, "licensed").await;
    bench.directory.set_membership(back, kim.guid, true);
    agent.until_standing(&kim, "licensed").await;

    child.set_membership(inner, back, false);
    agent.until_standing(&eve, "lapsed").await;
    // Out of the tree again, with all that it brought; somebody is left, or it would look as if the answer were cut.
    bench.directory.set_membership(crew, kim.guid, true);
    agent.until_standing(&kim, "licensed").await;
    bench.directory.set_membership(crew, inner, false);
    for joiner in [&ada, &bob, &old] {
        agent.until_standing(joiner, "lapsed").await;
    }
    assert_eq!((standings(&agent.store, &kim).await, bench.writes()), (vec!["licensed".into()], (4, 4)));
    agent.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_turn_follows_groups_from_domain_to_domain_and_the_next_reads_none_of_them_again() {
    let (bench, child, crew, inner) = led_into_another_domain().await;
    let [first, second] = ["first", "second"].map(|sam| bench.hire(sam, "DE"));
    bench.sync_old(&first, 400);
    let back = bench.directory.create_group("Back");
    bench.directory.set_membership(back, first.guid, true);
    child.add_foreign_member(inner, &bench.directory, back);
    bench.once().await.expect("first contact");
    assert_eq!(standings(&bench.store(), &first).await, ["baseline"]);
    let known = bench.store().group_states().await.expect("states");
    assert!(known.values().all(|state| *state == GroupState::Known), "{known:?}");

    bench.sync(&second);
    bench.directory.set_membership(back, second.guid, true);
    bench.once().await.expect("a turn");
    assert!(bench.user(&second).holds("EMS") && !bench.user(&first).holds("EMS"));
    let searches = || bench.directory.counters().searches + child.counters().searches;
    let before = searches();
    bench.once().await.expect("a turn");
    let idle = searches() - before;
    bench.directory.set_membership(crew, first.guid, true);
    let before = searches();
    bench.once().await.expect("a turn");
    assert!(searches() - before > idle, "what is due is read, and {idle} searches are those of connecting");
    assert_eq!(bench.writes(), (1, 1), "who was there by one way has not joined by another");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_domain_that_is_down_leaves_the_group_undecided_and_other_rules_go_on() {
    let mut bench = Bench::start(3).await;
    let child = child_of(&mut bench).await;
    bench.rules = format!("[[license]]\nid = \"intune\"\nsku = \"EMS\"\nwho = {{ group = \"{CREW}\" }}\n");
    bench.rules +=
        "[[license]]\nid = \"boss\"\nsku = \"SPE_E3\"\nunless_has_plan = []\nwho = { filter = \"(title=Boss)\" }\n";
    let (crew, inner) = (bench.directory.create_group("Crew"), child.create_group("Inner"));
    let ada = hired_by(&child, "ada", 70_001);
    child.set_membership(inner, ada.guid, true);
    let agent = bench.running().await;
    bench.sync(&ada);
    agent.until_presence(&ada, "present").await;
    child.dc(0).set_condition(Condition::Killed).await;
    let bob = bench.join("bob", "DE");
    bench.directory.add_foreign_member(crew, &child, inner);
    bench.directory.set_membership(crew, bob.guid, true);
    let boss = NewAccount::named("Boss").sam("boss").in_ou("Staff").country("DE").with("title", "Boss");
    let boss = boss.with("userPrincipalName", "boss@corp.example.test").with("objectSid", bench::sid(70_002));
    let boss = Joiner {
        guid: bench.directory.create_account(boss),
        upn: "boss@corp.example.test".into(),
        sid: "S-1-5-21-1-2-3-70002".into(),
    };
    bench.sync(&boss);
    bench.until_user(&boss, |user| user.holds("SPE_E3")).await;
    agent.until_presence(&bob, "present").await;
    bench.some_polls().await;
    assert_eq!((standings(&agent.store, &bob).await.len(), standings(&agent.store, &ada).await.len()), (0, 0));
    child.dc(0).set_condition(Condition::Up).await;
    agent.until_standing(&bob, "licensed").await;
    agent.until_standing(&ada, "licensed").await;
    agent.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_product_is_assigned_by_hand_to_those_in_groups_of_another_domain_within() {
    let (mut bench, child, _, inner) = led_into_another_domain().await;
    bench.rules = "[[license]]\nid = \"intune\"\nsku = \"EMS\"\nwho = { filter = \"(title=Boss)\" }\n".into();
    let agent = bench.running().await;
    let ada = hired_by(&child, "ada", 70_001);
    bench.sync(&ada);
    let [bob, eve] = ["bob", "eve"].map(|sam| bench.join(sam, "DE"));
    for joiner in [&ada, &bob, &eve] {
        agent.until_presence(joiner, "present").await;
    }
    child.set_membership(inner, ada.guid, true);
    let back = bench.directory.create_group("Back");
    bench.directory.set_membership(back, bob.guid, true);
    child.add_foreign_member(inner, &bench.directory, back);
    bench.says(&["assign", "--group", CREW, "--sku", "EMS"]).await;
    agent.until_standing(&ada, "licensed").await;
    agent.until_standing(&bob, "licensed").await;
    bench.some_polls().await;
    assert_eq!(bench.tenant.counters().assign_license.effective, 2, "nobody else");
    agent.stop().await;
}
