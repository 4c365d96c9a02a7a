//! People join: whoever is new in the tenant gets a usage location and the license.

use crate::bench::Bench;

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
async fn the_first_of_all_to_join_is_licensed_too() {
    let mut bench = Bench::start(0).await;
    bench.edit(
        "poll = \"100ms\"\ntimeout",
        "bases = [\"OU=Empty,DC=corp,DC=example,DC=test\"]\npoll = \"100ms\"\ntimeout",
    );
    bench.directory.create_ou("Empty");
    let agent = bench.running().await;
    let ada = bench.hire("ada", "DE");
    bench.directory.move_to(ada.guid, "Empty");
    bench.sync(&ada);
    agent.until_standing(&ada, "licensed").await;
    agent.stop().await;
}
