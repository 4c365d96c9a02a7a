//! Reading both sides: half an answer is no smaller truth, and a bad entry does not stop the others.

use seatsync::store::{Report, Store};
use seatsync_lab::directory::{Change, Effect, Fault as Broken, Restoration, Target};
use seatsync_lab::tenant::{Fault, Hold, LicenseChange, Match, NewLicense, World};

use crate::bench::{Bench, Joiner, person, standings};

const MANY: usize = 2_500;
const BUSY: i64 = 51;

/// So many accounts, each with a user who has been there for long.
async fn large(accounts: usize) -> Bench {
    let directory = seatsync_lab::directory::DirectoryOptions::with_accounts(accounts);
    let bench = Bench::with(directory, World::empty_contoso()).await;
    for account in bench.directory.accounts() {
        let Some(upn) = account.upn.filter(|_| account.sam.as_deref() != Some("svc")) else { continue };
        let joiner = Joiner { guid: account.guid, upn, sid: String::new() };
        let guid = uuid::Uuid::parse_str(&account.guid.to_string()).expect("a GUID");
        let created = bench.tenant.now() - jiff::SignedDuration::from_hours(24 * 400);
        let user = seatsync_lab::tenant::NewUser::synced(&joiner.upn, guid)
            .with("onPremisesSecurityIdentifier", serde_json::Value::Null)
            .created(created);
        bench.tenant.add_user(user).expect("a user is added");
    }
    bench
}

async fn report(store: &Store) -> Report {
    store.report().await.expect("a report")
}

fn people(report: &Report, presence: &str) -> u64 {
    report.presence.get(presence).copied().unwrap_or_default()
}

#[tokio::test(flavor = "multi_thread")]
async fn half_a_first_read_of_the_directory_concludes_nothing() {
    let bench = large(MANY).await;
    let store = bench.store();
    for then in [Effect::Result { code: BUSY, text: "busy".into() }, Effect::Cut] {
        bench.directory.add_fault(Broken::once(Target::page(2), then).after_entries(400));
        bench.once().await.expect_err("the directory broke off");
        let report = report(&store).await;
        assert!(!report.acquainted && report.directory_read.is_none() && report.tenant_read.is_some(), "{report:#?}");
        assert_eq!(report.presence.keys().collect::<Vec<_>>(), ["not-judged-yet"]);
        assert!(report.standing.is_empty(), "{report:#?}");
    }
    let turn = bench.once().await.expect("a turn");
    assert!(turn.acquainted);
    let report = report(&store).await;
    assert!(people(&report, "present") > 2_000, "{report:#?}");
    assert_eq!(report.baseline_without_license.get("intune"), Some(&people(&report, "present")));
    assert_eq!(bench.writes(), (0, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn half_a_first_listing_of_the_tenant_concludes_nothing() {
    let bench = large(MANY).await;
    let store = bench.store();
    // Three quick repetitions of a reading are no news to the agent.
    let second = || Match::path("/v1.0/users?*skiptoken=*");
    for fault in [
        Fault::answer(second().once(), 503, "serviceUnavailable", "Later."),
        Fault::truncated(second().times(4), 2_000),
        Fault::raw(second().once(), 200, "application/json", "{\"value\":[{\"id\":"),
    ] {
        bench.tenant.fault(fault);
        bench.once().await.expect_err("the listing broke off");
        bench.tenant.clear_faults();
        let report = report(&store).await;
        assert!(!report.acquainted && report.tenant_read.is_none() && report.directory_read.is_some(), "{report:#?}");
        assert!(report.standing.is_empty(), "{report:#?}");
    }
    assert!(bench.once().await.expect("a turn").acquainted);
    let report = report(&store).await;
    assert!(people(&report, "present") > 2_000, "{report:#?}");
    assert_eq!(people(&report, "departed") + people(&report, "awaiting"), 0, "{report:#?}");
    assert_eq!(bench.writes(), (0, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_later_read_that_breaks_off_takes_nobody_away() {
    let bench = large(1_200).await;
    let store = bench.store();
    bench.once().await.expect("a turn");
    let before = report(&store).await.presence;
    // The controller was restored and the delta link is too old, so that both sides are read from the start.
    let backup = bench.directory.backup();
    bench.directory.restore(&backup, Restoration::Proper);
    bench.tenant.expire_delta();
    bench.directory.add_fault(Broken::once(Target::page(2), Effect::Cut).after_entries(1));
    bench.tenant.fault(Fault::answer(Match::path("/v1.0/users?*skiptoken=*").once(), 503, "serviceUnavailable", ""));
    for _ in 0..2 {
        let turn = bench.once().await;
        assert_eq!(report(&store).await.presence, before, "{turn:?}");
    }
    bench.once().await.expect("a turn");
    assert_eq!(report(&store).await.presence, before);
    let ada = bench.join("ada", "DE");
    bench.once().await.expect("a turn");
    assert!(bench.user(&ada).holds("EMS"));
    assert_eq!(bench.writes(), (1, 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_delta_of_the_directory_that_breaks_off_is_read_again_whole() {
    let bench = Bench::start(5).await;
    bench.tenant.set_seats("EMS", 2_000).expect("there is EMS");
    bench.once().await.expect("a turn");
    let joiners: Vec<Joiner> = (0..5).map(|n| bench.join(&format!("joiner{n}"), "DE")).collect();
    bench.directory.add_fault(Broken::once(Target::page(1).filter("uSNChanged"), Effect::Cut).after_entries(2));
    bench.once().await.expect_err("the directory broke off");
    bench.once().await.expect("a turn");
    for joiner in &joiners {
        assert!(bench.user(joiner).holds("EMS"), "{}", joiner.upn);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_expired_delta_link_leads_to_a_listing_and_to_nothing_else() {
    use seatsync_lab::tenant::ExpiredDelta::{BadRequest, ResyncRequired, SyncStateNotFound};
    for shape in [SyncStateNotFound, ResyncRequired, BadRequest] {
        let bench = Bench::start(20).await;
        let agent = bench.running().await;
        let ada = bench.join("ada", "DE");
        agent.until_standing(&ada, "licensed").await;
        agent.stop().await;
        let gone = bench.hire("gone", "DE");
        bench.sync_old(&gone, 400);
        bench.once().await.expect("a turn");
        let before = bench.writes();

        bench.tenant.set_knobs(|knobs| knobs.expired_delta = shape);
        bench.tenant.expire_delta();
        bench.tenant.purge_user(&gone.upn).expect("he is there");
        let bob = bench.join("bob", "DE");
        bench.once().await.expect("a turn");
        let store = bench.store();
        assert!(bench.user(&bob).holds("EMS"), "{shape:?}");
        assert_eq!(standings(&store, &ada).await, ["licensed"], "{shape:?}");
        assert_eq!(bench.writes(), (before.0 + 1, before.1 + 1), "{shape:?}");
        assert_eq!(person(&store, &gone).await.expect("he is known").users.len(), 0, "{shape:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_empty_listing_removes_nobody_and_raises_an_alarm() {
    for users in [3, 30] {
        let bench = Bench::start(5).await;
        let joiners: Vec<Joiner> = (0..users).map(|n| bench.hire(&format!("old{n}"), "DE")).collect();
        joiners.iter().for_each(|joiner| bench.sync_old(joiner, 400));
        bench.once().await.expect("a turn");
        let before = report(&bench.store()).await.presence;
        bench.tenant.expire_delta();
        let empty = Match::new("GET", "/users?$top").once();
        bench.tenant.fault(Fault::raw(empty, 200, "application/json", "{\"value\":[]}"));
        let log = bench.says(&["once"]).await;
        assert!(log.contains("nobody is taken as gone"), "{log}");
        assert_eq!(report(&bench.store()).await.presence, before);
        bench.once().await.expect("a turn");
        assert_eq!(report(&bench.store()).await.presence, before);
        assert_eq!(bench.writes(), (0, 0));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_directory_that_shows_almost_nobody_takes_nobody_away_and_raises_an_alarm() {
    let bench = Bench::start(40).await;
    bench.once().await.expect("a turn");
    let before = report(&bench.store()).await.presence;
    // What the service account may no longer read is missing from a search without a word.
    let hidden: Vec<_> =
        bench.directory.accounts().into_iter().filter(|account| account.dn.contains("OU=Staff")).collect();
    assert!(hidden.len() > 20);
    let backup = bench.directory.backup();
    hidden.iter().for_each(|account| bench.directory.delete(account.guid));
    let bare = bench.directory.backup();
    bench.directory.restore(&backup, Restoration::Proper);
    bench.once().await.expect("a turn");
    assert_eq!(report(&bench.store()).await.presence, before);
    for _ in 0..2 {
        bench.directory.restore(&bare, Restoration::Proper);
        let log = bench.says(&["once"]).await;
        assert!(log.contains("nobody is taken as gone"), "{log}");
        assert_eq!(report(&bench.store()).await.presence, before);
    }
}

/// Half an answer of the directory, and what is said of it.
struct Half {
    what: &'static str,
    /// Entries that come through.
    entries: usize,
    then: Effect,
    /// Whether a reading of everything is struck, or of what changed.
    everything: bool,
    /// The alarm, with what to check.
    says: &'static [&'static str],
}

#[tokio::test(flavor = "multi_thread")]
async fn half_an_answer_takes_nobody_away_however_often_it_comes_and_raises_an_alarm() {
    const SHRUNK: &[&str] = &["nobody is taken as gone", "check bases and rights", "guard.shrink_percent"];
    const LIMIT: &[&str] = &["[directory-limit]", "lDAPAdminLimits"];
    let limit = |code| Effect::Result { code, text: "00002024: LdapErr: DSID-0C090A5C".into() };
    let half = |what, entries, then, says| Half { what, entries, then, everything: true, says };
    let delta = |what, entries, then, says| Half { everything: false, ..half(what, entries, then, says) };
    let bench = Bench::start(60).await;
    let ada = bench.join("ada", "DE");
    bench.once().await.expect("a turn");
    let before = report(&bench.store()).await.presence;
    for Half { what, entries, then, everything, says } in [
        half("empty", 0, Effect::Truncate, SHRUNK),
        half("truncated", 20, Effect::Truncate, SHRUNK),
        half("size limit", 30, limit(4), LIMIT),
        half("size limit, nothing sent", 0, limit(4), LIMIT),
        half("time limit", 30, limit(3), LIMIT),
        half("administrative limit", 30, limit(11), LIMIT),
        delta("size limit of a delta", 1, limit(4), LIMIT),
        delta("time limit of a delta", 1, limit(3), LIMIT),
        delta("administrative limit of a delta", 0, limit(11), LIMIT),
    ] {
        if everything {
            let backup = bench.directory.backup();
            bench.directory.restore(&backup, Restoration::Proper);
        } else {
            bench.directory.touch_logon(ada.guid);
        }
        let target = Target::page(1).filter(if everything { "(&(objectClass=user)" } else { "uSNChanged" });
        let fault = Broken { times: None, ..Broken::once(target, then).after_entries(entries) };
        bench.directory.add_fault(fault);
        for turn in 1..=2 {
            if everything {
                let backup = bench.directory.backup();
                bench.directory.restore(&backup, Restoration::Proper);
            }
            let output = bench.output(&["once"]).await;
            let said = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
            let missing = says.iter().find(|words| !said.contains(**words));
            assert!(missing.is_none(), "{what}, {turn}: {missing:?} is not in\n{said}");
            assert_eq!(report(&bench.store()).await.presence, before, "{what}, {turn}");
        }
        bench.directory.clear_faults();
        bench.once().await.expect("a turn");
        assert_eq!(report(&bench.store()).await.presence, before, "{what}, mended");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_entry_nobody_can_read_is_kept_apart_and_the_rest_proceeds() {
    let bench = Bench::start(20).await;
    let agent = bench.running().await;
    let [guid, control, sid, fine] = ["guid", "control", "sid", "fine"].map(|sam| bench.hire(sam, "DE"));
    bench.directory.modify(guid.guid, &[Change::set("objectGUID", [1, 2, 3])]);
    bench.directory.modify(control.guid, &[Change::set("userAccountControl", "many")]);
    bench.directory.modify(sid.guid, &[Change::set("objectSid", [9])]);
    for joiner in [&guid, &control, &sid, &fine] {
        bench.sync(joiner);
    }
    agent.until_standing(&fine, "licensed").await;
    agent.until(|report| report.quarantined == 3).await;
    bench.some_polls().await;
    assert_eq!(bench.writes(), (1, 1));
    let list = bench.says(&["users", "--quarantined", "--json"]).await;
    for reason in [
        "objectGUID has 3 bytes instead of 16",
        "userAccountControl is no number: \\\"many\\\"",
        "objectSid is malformed",
    ] {
        assert!(list.contains(reason), "{reason}: {list}");
    }
    let status = bench.says(&["status"]).await;
    assert!(status.contains("3 entries not understood: `seatsync users --quarantined`"), "{status}");

    let wire = uuid::Uuid::parse_str(&guid.guid.to_string()).expect("a GUID").to_bytes_le();
    bench.directory.modify(guid.guid, &[Change::set("objectGUID", wire)]);
    bench.directory.modify(control.guid, &[Change::set("userAccountControl", "512")]);
    bench.directory.modify(sid.guid, &[Change::set("objectSid", sid.sid_on_the_wire())]);
    for joiner in [&guid, &control, &sid] {
        agent.until_standing(joiner, "licensed").await;
    }
    agent.until(|report| report.quarantined == 0).await;
    agent.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_entry_that_can_no_longer_be_read_is_not_gone() {
    let bench = Bench::start(20).await;
    let agent = bench.running().await;
    let ada = bench.join("ada", "DE");
    agent.until_standing(&ada, "licensed").await;
    agent.stop().await;
    bench.directory.modify(ada.guid, &[Change::set("userAccountControl", "many")]);
    bench.tenant.patch_user(&ada.upn, "createdDateTime", "long ago").expect("a property is set");
    for _ in 0..3 {
        let backup = bench.directory.backup();
        bench.directory.restore(&backup, Restoration::Proper);
        bench.tenant.expire_delta();
        bench.once().await.expect("a turn");
        let store = bench.store();
        assert_eq!(report(&store).await.quarantined, 2);
        assert_eq!(standings(&store, &ada).await, ["licensed"]);
    }
    bench.directory.modify(ada.guid, &[Change::set("userAccountControl", "512")]);
    bench.tenant.patch_user(&ada.upn, "createdDateTime", "2026-01-01T00:00:00Z").expect("a property is set");
    bench.once().await.expect("a turn");
    assert_eq!(report(&bench.store()).await.quarantined, 0);
    assert_eq!(bench.writes(), (1, 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_listing_is_no_news_about_what_was_read_later() {
    let bench = Bench::start(5).await;
    let agent = bench.running().await;
    let ada = bench.hire("ada", "DE");
    bench.sync(&ada);
    agent.until_standing(&ada, "licensed").await;
    // A listing that was made before somebody's change and arrives after it.
    let gate = bench.tenant.gate(Match::new("GET", "/users?$top"), Hold::After);
    bench.tenant.expire_delta();
    gate.arrived(1).await;
    let remove = LicenseChange { remove: vec!["EMS".into()], ..LicenseChange::default() };
    bench.tenant.change_licenses(&ada.upn, &remove).expect("she has it");
    let again = LicenseChange { add: vec![NewLicense::direct("EMS")], ..LicenseChange::default() };
    bench.tenant.change_licenses(&ada.upn, &again).expect("a license is assigned");
    gate.remove();
    bench.some_polls().await;
    assert_eq!(standings(&agent.store, &ada).await, ["licensed"]);
    agent.stop().await;
    assert_eq!(bench.writes(), (1, 1));
}
