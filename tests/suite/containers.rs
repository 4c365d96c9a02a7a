//! Organizational units that are renamed or moved take their accounts with them, though nothing is written to these.

use seatsync_lab::directory::{Kind, Operation};

use crate::bench::{Bench, person, presence_of, standings};

const ROOT: &str = "DC=corp,DC=example,DC=test";

async fn dn(bench: &Bench, joiner: &crate::bench::Joiner) -> String {
    person(&bench.store(), joiner).await.expect("somebody").accounts[0].account.dn.clone()
}

fn scans(bench: &Bench) -> usize {
    let whole = |operation: &Operation| {
        operation.kind == Kind::Search
            && operation.scope == "sub"
            && !operation.base.starts_with("<GUID=")
            && operation.filter.starts_with("(&(objectClass=user)")
    };
    bench.directory.operations().iter().filter(|operation| whole(operation)).count()
}

#[tokio::test(flavor = "multi_thread")]
async fn rules_follow_a_unit_that_is_renamed_or_moved() {
    let mut bench = Bench::start(5).await;
    bench.rules = format!("[[license]]\nid = \"intune\"\nsku = \"EMS\"\nwho = {{ ou = \"OU=Field,{ROOT}\" }}\n");
    bench.directory.create_ou("Crews");
    let crews = format!("OU=Crews,{ROOT}");
    let west = bench.directory.world().create_ou(0, "West", Some(&crews)).expect("a unit");
    let (ada, bob) = (bench.hire("ada", "DE"), bench.hire("bob", "DE"));
    bench.directory.move_to(ada.guid, &crews);
    bench.directory.move_to(bob.guid, &format!("OU=West,{crews}"));
    bench.sync_old(&ada, 400);
    bench.sync_old(&bob, 400);
    let agent = bench.running().await;
    agent.until_presence(&ada, "present").await;
    bench.some_polls().await;
    assert_eq!((scans(&bench), bench.writes()), (1, (0, 0)));

    bench.directory.rename_ou(&crews, "Field");
    agent.until_standing(&ada, "licensed").await;
    agent.until_standing(&bob, "licensed").await;
    assert_eq!(dn(&bench, &bob).await, format!("CN=bob,OU=West,OU=Field,{ROOT}"));
    // The inner one moves out, and its new neighbours are none of its business.
    bench.directory.move_to(west, "Staff");
    agent.until_standing(&bob, "lapsed").await;
    assert_eq!(standings(&agent.store, &ada).await, ["licensed"]);
    bench.some_polls().await;
    agent.stop().await;
    assert_eq!((scans(&bench), bench.writes()), (1, (2, 2)), "nothing but what moved was read again");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_unit_that_leaves_the_bases_takes_its_accounts_with_it_and_brings_them_back() {
    let mut bench = Bench::start(5).await;
    bench.edit("poll = \"100ms\"\ntimeout", &format!("poll = \"100ms\"\nbases = [\"OU=Staff,{ROOT}\"]\ntimeout"));
    let staff = format!("OU=Staff,{ROOT}");
    let west = bench.directory.world().create_ou(0, "West", Some(&staff)).expect("a unit");
    let ada = bench.hire("ada", "DE");
    bench.directory.move_to(ada.guid, &format!("OU=West,{staff}"));
    let agent = bench.running().await;
    bench.sync(&ada);
    agent.until_standing(&ada, "licensed").await;
    bench.directory.move_to(west, "Contractors");
    agent.until_presence(&ada, "departed").await;
    bench.directory.move_to(west, &staff);
    agent.until_presence(&ada, "present").await;
    // Away and back while nobody looks, with a new name: what is stored is the place it was last seen at.
    agent.stop().await;
    bench.directory.rename_ou(&format!("OU=West,{staff}"), "East");
    let bob = bench.hire("bob", "DE");
    bench.directory.move_to(bob.guid, &format!("OU=East,{staff}"));
    bench.once().await.expect("a turn");
    assert_eq!(dn(&bench, &ada).await, format!("CN=ada,OU=East,{staff}"));
    assert_eq!(presence_of(&bench.store(), &bob).await.as_deref(), Some("awaiting"));
}
