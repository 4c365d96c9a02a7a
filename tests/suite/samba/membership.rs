//! Groups and containers of a real domain controller.

use seatsync::model::group::GroupFault;

use super::site::{Site, by_guid, env};
use crate::bench::{Joiner, person, standings};

/// Creates a group in the test's unit. It is changed by its GUID, as accounts are.
async fn group(site: &Site, cn: &str) -> Joiner {
    let dn = format!("CN={cn},{}", site.unit);
    site.add(&dn, &[("objectClass", "group"), ("sAMAccountName", cn)]).await;
    Joiner { guid: site.guid(&dn).await, upn: dn, sid: String::new() }
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs a real Samba AD DC: tests/run samba"]
async fn who_is_in_a_group_is_noticed_however_it_comes_about() {
    let mut site = Site::new("Membership").await;
    let crew = group(&site, "sm-crew").await;
    let inner = group(&site, "sm-inner").await;
    let who = format!("who = {{ group = \"{}\" }}\n", crew.upn);
    site.bench.rules.push_str(&who);
    site.member(&crew, &inner, true).await;
    site.member(&inner, &crew, true).await;
    let agent = site.bench.running().await;
    let _follower = site.follow(&site.unit);
    let [ada, bob, eve] = ["ada", "bob", "eve"].map(|sam| format!("sm-{sam}"));
    let (ada, bob, eve) =
        (site.hire(&ada, &ada, &[]).await, site.hire(&bob, &bob, &[]).await, site.hire(&eve, &eve, &[]).await);
    for joiner in [&ada, &bob, &eve] {
        agent.until_presence(joiner, "present").await;
    }
    site.member(&crew, &ada, true).await;
    agent.until_standing(&ada, "licensed").await;
    site.member(&inner, &bob, true).await;
    agent.until_standing(&bob, "licensed").await;
    // Its primary group does not stand in `member`.
    site.member(&inner, &eve, true).await;
    agent.until_standing(&eve, "licensed").await;
    let token = site.entry(&by_guid(&inner), "primaryGroupToken").await.attrs["primaryGroupToken"][0].clone();
    site.set(&eve, "primaryGroupID", &token).await;
    agent.until(|report| report.groups[0].members == 3 && report.groups[0].fault.is_none()).await;
    let members = site.entry(&by_guid(&inner), "member").await.attrs["member"].clone();
    assert!(!members.iter().any(|member| member.contains("sm-eve")), "{members:?}");

    // Two thousand more come in two ranges.
    site.members_by_hand(&crew, 2_000).await;
    agent.until(|report| report.groups[0].members == 3 && report.groups[0].fault.is_none()).await;
    let held = group_members(&site).await;
    assert!(held >= 2_000, "{held}");

    site.member(&inner, &bob, false).await;
    agent.until_standing(&bob, "lapsed").await;
    assert_eq!(standings(&agent.store, &ada).await, ["licensed"]);
    assert_eq!(standings(&agent.store, &eve).await, ["licensed"]);
    site.delete(&crew).await;
    agent.stop().await;
    // Its tombstone may not be seen; the regular reading looks again.
    let db = rusqlite::Connection::open(site.bench.path("seatsync.db")).expect("the store opens");
    db.execute("UPDATE domains SET next_scan = 0", []).expect("everything is due");
    let agent = site.bench.running().await;
    agent.until(|report| report.groups[0].fault == Some(GroupFault::Missing)).await;
    assert_eq!(standings(&agent.store, &ada).await, ["licensed"]);
    agent.stop().await;
}

/// Objects that are known to stand in the one group and those within it.
async fn group_members(site: &Site) -> i64 {
    let db = rusqlite::Connection::open(site.bench.path("seatsync.db")).expect("the store opens");
    let mut count = 0;
    for _ in 0..600 {
        let sql = "SELECT count(*) FROM group_members";
        count = db.query_row(sql, [], |row| row.get(0)).expect("a number");
        if count >= 2_000 {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    }
    count
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs a real Samba AD DC: tests/run samba"]
async fn a_renamed_unit_takes_its_accounts_with_it() {
    let mut site = Site::new("Renaming").await;
    let (before, after) = (format!("OU=Before,{}", site.unit), format!("OU=After,{}", site.unit));
    site.add(&before, &[("objectClass", "organizationalUnit")]).await;
    site.bench.rules.push_str(&format!("who = {{ ou = \"{after}\" }}\n"));
    let agent = site.bench.running().await;
    let _follower = site.follow(&site.unit);
    let mia = site.hire("Renamed Mia", "renamed-mia", &[]).await;
    site.move_to(&mia, &before).await;
    agent.until_presence(&mia, "present").await;
    assert_eq!(standings(&agent.store, &mia).await.len(), 0);
    site.rename(&before, "OU=After", None).await;
    agent.until_standing(&mia, "licensed").await;
    let dossier = person(&agent.store, &mia).await.expect("known");
    assert_eq!(dossier.accounts[0].account.dn, format!("CN=Renamed Mia,{after}"));
    // Out of the base it has left, with its unit.
    site.rename(&after, "OU=After", Some(&env("SAMBA_BASE"))).await;
    agent.until_presence(&mia, "departed").await;
    agent.stop().await;
}
