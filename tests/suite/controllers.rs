//! Several domain controllers: found in DNS, followed two at a time, and nothing lost whichever dies, returns or lies.

use std::net::SocketAddr;
use std::time::Duration;

use seatsync_lab::directory::{
    Change, Condition, DirectoryOptions, Guid, Kind, Moment, NewAccount, Operation, Restoration, Target,
};
use seatsync_lab::tenant::World;

use crate::bench::{Bench, Joiner, PATIENCE, Running, presence_of, sid};

/// Two controllers that do not replicate by themselves, found in DNS, the first one preferred.
pub async fn two() -> Bench {
    let mut bench = Bench::with(DirectoryOptions::with_accounts(10).dcs(2).dns(), World::empty_contoso()).await;
    found_in_dns(&mut bench);
    bench
}

/// Takes the list of controllers out of the configuration.
pub fn found_in_dns(bench: &mut Bench) {
    for dc in bench.directory.dcs() {
        let (port, priority) = (dc.ldaps_addr().port(), dc.number() as u16 * 10);
        dc.set_srv(|srv| (srv.port, srv.priority) = (port, priority));
    }
    let dns: SocketAddr = bench.directory.dns_addr().expect("DNS is served");
    let listed = format!("servers = [\"ldaps://localhost:{}\"]", bench.directory.ldaps_addr().port());
    bench.edit(&listed, &format!("dns = \"{dns}\""));
}

/// An account made on one controller only.
fn hire_on(bench: &Bench, dc: usize, sam: &str) -> Joiner {
    let upn = format!("{sam}@corp.example.test");
    let rid = 9_000 + bench.directory.last_operation() as u32;
    let account = NewAccount::named(sam).sam(sam).in_ou("Staff").country("DE");
    let account = account.with("userPrincipalName", upn.as_str()).with("objectSid", sid(rid));
    let guid = bench.directory.dc(dc).create_account(account);
    Joiner { guid, upn, sid: format!("S-1-5-21-1-2-3-{rid}") }
}

fn is_scan(operation: &Operation) -> bool {
    operation.kind == Kind::Search && operation.scope == "sub" && operation.filter.starts_with("(&(objectClass=user)")
}

fn scans(bench: &Bench, dc: usize) -> usize {
    bench.directory.dc(dc).operations().iter().filter(|operation| is_scan(operation)).count()
}

async fn soon(what: &str, fits: impl Fn() -> bool) {
    let wait = async {
        while !fits() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(PATIENCE, wait).await.unwrap_or_else(|_| panic!("never: {what}"));
}

/// Waits until a controller was looked at a few times more, with all that was seen taken in.
async fn looks(bench: &Bench, dc: usize) {
    let before = bench.directory.dc(dc).counters().root_dse_reads;
    soon("looks", || bench.directory.dc(dc).counters().root_dse_reads >= before + 3).await;
}

/// A running agent that has compared the second controller, too.
async fn acquainted(bench: &Bench) -> Running {
    let agent = bench.running().await;
    looks(bench, 1).await;
    agent
}

#[tokio::test(flavor = "multi_thread")]
async fn when_one_dies_the_other_goes_on_from_its_own_row_and_nobody_is_lost() {
    let bench = two().await;
    let agent = acquainted(&bench).await;
    assert_eq!((scans(&bench, 0), scans(&bench, 1)), (1, 1), "each was read whole once");
    // Ada is known to the second only, and read there as a hint.
    let ada = hire_on(&bench, 1, "ada");
    looks(&bench, 1).await;
    assert_eq!(presence_of(&agent.store, &ada).await, None, "a hint is no content");
    bench.directory.dc(0).set_condition(Condition::Killed).await;
    bench.sync(&ada);
    agent.until_standing(&ada, "licensed").await;
    let bob = hire_on(&bench, 1, "bob");
    bench.sync(&bob);
    agent.until_standing(&bob, "licensed").await;
    assert_eq!(scans(&bench, 1), 1, "it went on from its own row");

    // The first returns without them and is preferred again after a while; what it did not have comes by replication.
    bench.directory.dc(0).set_condition(Condition::Up).await;
    agent.clock.advance(Duration::from_secs(70));
    looks(&bench, 0).await;
    agent.clock.advance(Duration::from_secs(11 * 60));
    looks(&bench, 0).await;
    let eva = hire_on(&bench, 0, "eva");
    bench.sync(&eva);
    agent.until_standing(&eva, "licensed").await;
    bench.directory.converge();
    looks(&bench, 0).await;
    agent.stop().await;
    assert_eq!((scans(&bench, 0), scans(&bench, 1)), (1, 1));
    assert_eq!(bench.writes(), (3, 3));
}

#[tokio::test(flavor = "multi_thread")]
async fn who_was_deleted_at_the_second_before_it_was_first_read_is_gone_once_it_stands_in() {
    let bench = two().await;
    let [ada, bob] = ["ada", "bob"].map(|sam| hire_on(&bench, 0, sam));
    bench.directory.converge();
    bench.directory.dc(1).delete(ada.guid);
    let agent = acquainted(&bench).await;
    assert_eq!(scans(&bench, 1), 1);
    assert_eq!(presence_of(&agent.store, &ada).await.as_deref(), Some("not-synced"), "a hint is no content");
    bench.directory.dc(0).set_condition(Condition::Killed).await;
    agent.until(|report| report.presence.get("departed").is_some_and(|gone| *gone == 1)).await;
    assert_eq!(presence_of(&agent.store, &bob).await.as_deref(), Some("not-synced"));
    agent.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_was_disabled_where_it_was_followed_is_not_licensed_by_whoever_stands_in() {
    let bench = two().await;
    let agent = acquainted(&bench).await;
    let ada = hire_on(&bench, 0, "ada");
    bench.directory.converge();
    agent.until_presence(&ada, "awaiting").await;
    bench.directory.dc(0).modify(ada.guid, &[Change::Disable]);
    agent.until_presence(&ada, "excluded").await;
    bench.directory.dc(0).set_condition(Condition::Killed).await;
    bench.sync(&ada);
    // Something older than the change of controllers, and then somebody who proves that all was read.
    let bob = hire_on(&bench, 1, "bob");
    bench.sync(&bob);
    agent.until_standing(&bob, "licensed").await;
    assert_eq!(presence_of(&agent.store, &ada).await.as_deref(), Some("excluded"));
    assert_eq!(bench.writes(), (1, 1));
    bench.directory.dc(1).modify(ada.guid, &[Change::set("title", "Back")]);
    agent.until_standing(&ada, "licensed").await;
    agent.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restored_controller_is_read_anew_while_the_other_speaks() {
    let bench = two().await;
    let agent = acquainted(&bench).await;
    let backup = bench.directory.dc(0).backup();
    let ada = hire_on(&bench, 0, "ada");
    bench.sync(&ada);
    agent.until_standing(&ada, "licensed").await;
    bench.directory.converge();
    looks(&bench, 1).await;
    bench.directory.dc(0).restore(&backup, Restoration::Proper);
    soon("a second scan", || scans(&bench, 0) == 2).await;
    let bob = hire_on(&bench, 1, "bob");
    bench.sync(&bob);
    agent.until_standing(&bob, "licensed").await;
    assert_eq!(presence_of(&agent.store, &ada).await.as_deref(), Some("present"));
    agent.stop().await;
    assert_eq!(scans(&bench, 1), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_silent_rollback_that_has_grown_past_the_watermark_is_betrayed_by_the_canary() {
    let bench = Bench::start(10).await;
    let agent = bench.running().await;
    let backup = bench.directory.backup();
    let seen = bench.hire("seen", "DE");
    agent.until_presence(&seen, "awaiting").await;
    bench.some_polls().await;
    // Between two looks: the disk image is put back, and as much is written as was read before, and more.
    let gate = bench.directory.gate(Target::kind(Kind::RootDse), Moment::Request);
    gate.arrived().await;
    let usn = bench.directory.highest_usn();
    bench.directory.restore(&backup, Restoration::Rollback);
    let ada = bench.join("ada", "DE");
    assert!(bench.directory.account(ada.guid).expect("she is there").usn_changed <= usn, "a delta would pass her by");
    while bench.directory.highest_usn() <= usn + 5 {
        bench.directory.touch_computer();
    }
    let before = scans(&bench, 0);
    gate.release();
    agent.until_standing(&ada, "licensed").await;
    assert!(scans(&bench, 0) > before);
    agent.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_scan_whose_cookie_is_thrown_away_is_begun_anew() {
    let bench = Bench::start(2_300).await;
    for once_more in [1, 2] {
        let gate = bench.directory.gate(Target::page(3), Moment::Request);
        let reading = bench.once();
        let eviction = async {
            gate.arrived().await;
            bench.directory.evict_cookies();
            gate.release();
        };
        let (turn, ()) = tokio::join!(reading, eviction);
        turn.expect("it is begun anew by itself");
        let known: u64 = bench.store().report().await.expect("a report").presence.values().sum();
        assert!(known >= 2_300, "{known}");
        if once_more == 1 {
            // Read again whole, for a second throw.
            bench.directory.set_invocation_id(Guid::from_u128(5));
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_domain_that_is_down_stops_no_other() {
    let mut bench = Bench::start(5).await;
    let child = bench.directory.start_child("sales", DirectoryOptions::with_accounts(5)).await.expect("a child domain");
    bench.edit("[directory]", "[[directory]]");
    let tables = format!(
        "[[directory]]\ndomain = \"sales.corp.example.test\"\nservers = [\"ldaps://localhost:{}\"]\nca_file = \"ca.pem\"\n\
         bind = {{ method = \"simple\", user = \"{}\", password = {{ file = \"bind-password\" }} }}\npoll = \"100ms\"\n[tenant]",
        child.ldaps_addr().port(),
        child.bind_user()
    );
    bench.edit("[tenant]", &tables);
    child.set_down(true);
    let agent = bench.agent().await.run();
    agent.until(|report| report.troubles.contains_key("directory sales.corp.example.test")).await;
    let ada = bench.join("ada", "DE");
    bench.some_polls().await;
    assert_eq!(bench.writes(), (0, 0), "nothing is decided before each domain was read once");
    child.set_down(false);
    agent.clock.advance(Duration::from_secs(70));
    agent.until(|report| report.acquainted).await;
    agent.until(|report| report.troubles.is_empty()).await;
    agent.until_standing(&ada, "licensed").await;
    child.set_down(true);
    agent.until(|report| report.troubles.contains_key("directory sales.corp.example.test")).await;
    let bob = bench.join("bob", "DE");
    agent.until_standing(&bob, "licensed").await;
    agent.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_does_not_concern_us_costs_one_small_search_and_stores_nothing() {
    let bench = two().await;
    let agent = acquainted(&bench).await;
    let rest = |dc| {
        let counters = bench.directory.dc(dc).counters();
        (counters.connections, counters.binds, counters.searches, counters.entries)
    };
    let rows = || {
        let db = rusqlite::Connection::open(bench.path("seatsync.db")).expect("the store opens");
        let sql = "SELECT group_concat(ntds || usn || moved) FROM (SELECT * FROM watermarks ORDER BY ntds)";
        db.query_row(sql, [], |row| row.get::<_, String>(0)).expect("there are rows")
    };
    let (still, stored) = ([rest(0), rest(1)], rows());
    looks(&bench, 0).await;
    looks(&bench, 1).await;
    assert_eq!([rest(0), rest(1)], still, "with nothing moving, the rootDSE alone");

    let (before, looked) = (bench.directory.dc(0).counters(), bench.directory.dc(0).counters().root_dse_reads);
    for _ in 0..10 {
        bench.directory.touch_computer();
        looks(&bench, 0).await;
    }
    let after = bench.directory.dc(0).counters();
    let searches = after.searches - before.searches;
    assert!((1..=after.root_dse_reads - looked).contains(&searches), "{searches}");
    assert!(after.entries - before.entries <= searches, "the canary alone");
    assert_eq!(rows(), stored, "a watermark that moved by itself need not be stored at once");
    agent.stop().await;
}
