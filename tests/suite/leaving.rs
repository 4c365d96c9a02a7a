//! Accounts and users leave and come back.

use seatsync_lab::directory::DirectoryOptions;
use seatsync_lab::tenant::World;

use crate::bench::{Bench, Joiner, Running, standings};

async fn licensed(bench: &Bench, agent: &Running) -> Joiner {
    let ada = bench.join("ada", "DE");
    agent.until_standing(&ada, "licensed").await;
    ada
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deleted_account_is_told_from_one_that_never_was_and_comes_back() {
    let options = DirectoryOptions { recycle_bin: true, ..DirectoryOptions::with_accounts(5) };
    let bench = Bench::with(options, World::empty_contoso()).await;
    let agent = bench.running().await;
    let ada = licensed(&bench, &agent).await;
    bench.directory.delete(ada.guid);
    agent.until_presence(&ada, "departed").await;
    bench.some_polls().await;
    assert!(bench.user(&ada).holds("EMS"), "nothing is taken away");
    bench.directory.undelete(ada.guid);
    agent.until_presence(&ada, "present").await;
    agent.until_standing(&ada, "licensed").await;
    bench.some_polls().await;
    agent.stop().await;
    assert_eq!(bench.writes(), (1, 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deletion_nobody_may_see_is_noticed_by_the_daily_reading() {
    let options = DirectoryOptions { hide_deleted_objects: true, ..DirectoryOptions::with_accounts(5) };
    let bench = Bench::with(options, World::empty_contoso()).await;
    let agent = bench.running().await;
    let ada = licensed(&bench, &agent).await;
    // Whoever was written last is looked for at each reading, and missed.
    bench.hire("bob", "DE");
    bench.some_polls().await;
    bench.directory.delete(ada.guid);
    bench.some_polls().await;
    agent.until_presence(&ada, "present").await;
    agent.clock.advance(std::time::Duration::from_secs(27 * 3_600));
    agent.until_presence(&ada, "departed").await;
    agent.stop().await;
    assert!(bench.user(&ada).holds("EMS"), "nothing is taken away");
}

#[tokio::test(flavor = "multi_thread")]
async fn narrower_bases_let_go_of_those_outside() {
    let mut bench = Bench::start(60).await;
    let agent = bench.running().await;
    let ada = licensed(&bench, &agent).await;
    agent.stop().await;
    let bases =
        "bases = [\"OU=Contractors,DC=corp,DC=example,DC=test\"]\npoll = \"100ms\"\ntimeout = \"20s\"\n[tenant]";
    bench.edit("poll = \"100ms\"\ntimeout = \"20s\"\n[tenant]", bases);
    bench.edit("[guard]", "[guard]\nshrink_percent = 100");
    let agent = bench.running().await;
    agent.until_presence(&ada, "departed").await;
    agent.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_account_deleted_while_it_is_awaited_is_no_longer_awaited() {
    let bench = Bench::start(5).await;
    let agent = bench.running().await;
    let ada = bench.hire("ada", "DE");
    agent.until(|report| report.awaited_longest.is_some()).await;
    bench.directory.delete(ada.guid);
    agent.until(|report| report.awaited_longest.is_none()).await;
    agent.stop().await;
    assert_eq!(bench.writes(), (0, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_user_deleted_and_created_anew_is_licensed_anew() {
    let bench = Bench::start(5).await;
    let agent = bench.running().await;
    let ada = licensed(&bench, &agent).await;
    let first = bench.user(&ada);
    bench.tenant.purge_user(&first.id.to_string()).expect("she is there");
    agent.until_presence(&ada, "awaiting").await;
    bench.sync(&ada);
    agent.until_standing(&ada, "licensed").await;
    bench.some_polls().await;
    agent.stop().await;
    let second = bench.user(&ada);
    assert_ne!(first.id, second.id);
    assert!(second.holds("EMS"));
    assert_eq!(second.counters.assign_license.effective, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_user_created_anew_between_two_looks_is_licensed_though_the_one_before_was_baseline() {
    let bench = Bench::start(5).await;
    let ada = bench.hire("ada", "DE");
    bench.sync_old(&ada, 400);
    bench.once().await.expect("a turn");
    assert_eq!(standings(&bench.store(), &ada).await, ["baseline"]);
    bench.tenant.purge_user(&ada.upn).expect("she is there");
    bench.sync(&ada);
    bench.once().await.expect("a turn");
    assert!(bench.user(&ada).holds("EMS"));
    assert_eq!(bench.writes(), (1, 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restored_user_has_its_license_back_without_us() {
    let bench = Bench::start(5).await;
    let agent = bench.running().await;
    let ada = licensed(&bench, &agent).await;
    let id = bench.user(&ada).id.to_string();
    bench.tenant.delete_user(&id).expect("she is there");
    agent.until_presence(&ada, "awaiting").await;
    bench.tenant.restore_user(&id).expect("she was there");
    agent.until_presence(&ada, "present").await;
    agent.until_standing(&ada, "licensed").await;
    bench.some_polls().await;
    agent.stop().await;
    assert!(bench.user(&ada).holds("EMS"));
    assert_eq!(bench.writes(), (1, 1));
}
