//! A copy of the store that can be put back: made while an agent works, and an old one of which harms nobody.

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use rusqlite::Connection;
use seatsync::model::request::Request;
use seatsync::store::Store;
use seatsync_lab::directory::Change;
use seatsync_lab::tenant::{Hold, LicenseChange, Match, NewLicense};
use serde_json::Value;

use crate::bench::{Bench, Joiner, until, until_standing};
use crate::daemon::{Daemon, soon};

async fn ended(bench: &Bench, arguments: &[&str]) -> (i32, String, String) {
    let output = bench.output(arguments).await;
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (output.status.code().expect("a status"), text(&output.stdout), text(&output.stderr))
}

fn text(path: &Path) -> &str {
    path.to_str().expect("a name")
}

/// Puts a copy in the place of the store, as the documentation says.
fn restore(bench: &Bench, from: &Path) {
    for suffix in ["", "-wal", "-shm"] {
        let _ = std::fs::remove_file(bench.path(&format!("seatsync.db{suffix}")));
    }
    std::fs::copy(from, bench.path("seatsync.db")).expect("it is put back");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_copy_made_beside_a_running_agent_is_whole_private_and_never_in_the_way() {
    let bench = Bench::start(20).await;
    let daemon = Daemon::acquainted(&bench).await;
    let ada = bench.join("ada", "DE");
    until_standing(&bench.store(), &ada, "licensed").await;
    let to = bench.path("copy.db");
    let (code, out, err) = ended(&bench, &["backup", text(&to), "--json"]).await;
    assert_eq!(code, 0, "{out}{err}");
    let said: Value = serde_json::from_str(&out).expect("JSON");
    let file = std::fs::metadata(&to).expect("it is there");
    assert_eq!(file.permissions().mode() & 0o777, 0o600);
    assert_eq!((&said["bytes"], &said["schema"]), (&file.len().into(), &seatsync::store::schema().into()));
    let db = Connection::open(&to).expect("it opens");
    assert_eq!(db.query_row("PRAGMA integrity_check", [], |row| row.get::<_, String>(0)).expect("a word"), "ok");
    let persons: i64 = db.query_row("SELECT count(*) FROM people", [], |row| row.get(0)).expect("a count");
    assert_eq!(said["persons"], persons);
    drop(db);

    let before = std::fs::read(&to).expect("it is read");
    let (code, out, err) = ended(&bench, &["backup", text(&to)]).await;
    assert_eq!(code, 73, "{out}{err}");
    assert!(err.contains("--force") && err.contains("[backup-unwritable]"), "{err}");
    assert_eq!(std::fs::read(&to).expect("it is read"), before, "untouched");
    let (code, _, err) = ended(&bench, &["backup", text(&to), "--force"]).await;
    assert_eq!(code, 0, "{err}");
    for (file, force) in [("seatsync.db", true), ("seatsync.db", false), ("nowhere/copy.db", false)] {
        let path = bench.path(file);
        let arguments = ["backup", text(&path), "--force"];
        let (code, _, err) = ended(&bench, &arguments[..if force { 3 } else { 2 }]).await;
        assert_eq!((code, err.contains("[backup-unwritable]")), (73, true), "{file}: {err}");
    }
    let left: Vec<_> =
        std::fs::read_dir(bench.files.path()).expect("files").flatten().map(|file| file.file_name()).collect();
    assert!(!left.iter().any(|name| name.to_string_lossy().contains(".copy.db")), "nothing half-done: {left:?}");
    let bob = bench.join("bob", "DE");
    until_standing(&bench.store(), &bob, "licensed").await;
    daemon.stop().await;
    let copied = bench.output(&["status", "--store", text(&to)]).await;
    assert!(copied.status.success(), "it can be looked at as it is");
}

/// What an older copy does not know of: licenses given since, an answer that came since, who came and who was disabled since.
#[tokio::test(flavor = "multi_thread")]
async fn an_old_copy_put_back_writes_nobody_twice_and_loses_nobody() {
    let bench = Bench::start(10).await;
    let to = bench.path("copy.db");
    let daemon = Daemon::acquainted(&bench).await;
    let store = bench.store();
    let there: u64 = store.report().await.expect("a report").presence.values().sum();
    let before: Vec<Joiner> = (0..5).map(|n| bench.join(&format!("before{n}"), "DE")).collect();
    for joiner in &before {
        until_standing(&store, joiner, "licensed").await;
    }
    // Known to the copy as awaited, as under way, and as somebody who may be licensed.
    let (awaited, disabled) = (bench.hire("awaited", "DE"), bench.hire("disabled", "DE"));
    until(&store, |report| report.presence.get("awaiting") == Some(&2)).await;
    let gate = bench.tenant.gate(Match::new("POST", "assignLicense").once(), Hold::After);
    let under_way = bench.join("underway", "DE");
    soon(gate.arrived(1)).await;
    let (code, out, err) = ended(&bench, &["backup", text(&to)]).await;
    assert_eq!(code, 0, "{out}{err}");
    let (_, heads, _) = ended(&bench, &["audit", "verify"]).await;
    gate.remove();

    bench.sync(&awaited);
    let since: Vec<Joiner> = (0..25).map(|n| bench.join(&format!("since{n}"), "DE")).collect();
    for joiner in since.iter().chain([&awaited, &under_way]) {
        until_standing(&store, joiner, "licensed").await;
    }
    bench.directory.modify(disabled.guid, &[Change::set("userAccountControl", "514")]);
    bench.tenant.add_user(bench.user_of(&disabled).with("accountEnabled", false)).expect("a user is added");
    let later = ended(&bench, &["audit", "verify"]).await.1;
    drop(store);
    daemon.stop().await;
    let joined_meanwhile = bench.join("meanwhile", "DE");

    restore(&bench, &to);
    let daemon = Daemon::run(&bench);
    let store = bench.store();
    daemon.until_said("the store is a copy of").await;
    until_standing(&store, &joined_meanwhile, "licensed").await;
    until_standing(&store, &under_way, "licensed").await;
    for joiner in since.iter().chain([&awaited]) {
        until_standing(&store, joiner, "satisfied").await;
    }
    bench.some_polls().await;
    let report = until(&store, |report| !report.presence.contains_key("awaiting")).await;
    daemon.stop().await;

    let everyone = before.iter().chain(&since).chain([&awaited, &under_way, &joined_meanwhile]);
    for joiner in everyone {
        let user = bench.user(joiner);
        assert!(user.holds("EMS"), "{user:?}");
        assert_eq!((user.counters.assign_license.calls, user.counters.assign_license.effective), (1, 1), "{user:?}");
        assert_eq!(user.counters.patch_usage_location.calls, 1, "{user:?}");
    }
    assert!(!bench.user(&disabled).holds("EMS"));
    assert_eq!(
        report.standing.get("licensed"),
        Some(&7),
        "five, the one under way, and who came meanwhile: {report:#?}"
    );
    assert_eq!(report.standing.get("satisfied"), Some(&26), "{report:#?}");
    assert_eq!(report.presence.values().sum::<u64>(), there + 5 + 25 + 4, "{report:#?}");
    // The audit goes on from the copy's; what was written meanwhile is not in it, and a head of then shows that.
    let head = |said: &str| said.lines().find_map(|line| line.strip_prefix("head ")).expect("a head").to_owned();
    assert_eq!(ended(&bench, &["audit", "verify", "--head", &head(&heads)]).await.0, 0);
    assert_eq!(ended(&bench, &["audit", "verify", "--head", &head(&later)]).await.0, 74);
    let again = Daemon::run(&bench);
    again.until_said("connected to domain controller").await;
    assert!(!again.said().contains("the store is a copy of"), "said once: {}", again.said());
    again.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_written_before_the_tenant_was_read_once() {
    let bench = Bench::start(5).await;
    assert!(bench.once().await.expect("a turn").acquainted);
    let agent = bench.running().await;
    agent.store.ask(Request::Pause { reason: None }, "test", agent.clock.now()).await.expect("asked");
    until(&agent.store, |report| report.paused.is_some()).await;
    let ada = bench.join("ada", "DE");
    agent.until_standing(&ada, "due").await;
    agent.stop().await;
    // Somebody else gives her the license while no agent runs; the store says that she is due.
    let change = LicenseChange { add: vec![NewLicense::direct("EMS")], ..LicenseChange::default() };
    bench.tenant.patch_user(&ada.upn, "usageLocation", "DE").expect("a location");
    bench.tenant.change_licenses(&ada.upn, &change).expect("a license");
    let gate = bench.tenant.gate(Match::path("/v1.0/users/delta"), Hold::Before);
    let store = bench.store();
    let agent = bench.agent().await;
    agent.store.ask(Request::Resume, "test", agent.clock.now()).await.expect("asked");
    let agent = agent.run();
    soon(gate.arrived(1)).await;
    until(&store, |report| report.paused.is_none()).await;
    // Long enough for a write to have begun.
    let looks = bench.directory.counters().root_dse_reads;
    soon(bench.directory.wait_until(|counters| counters.root_dse_reads > looks + 8)).await;
    gate.remove();
    agent.until_standing(&ada, "satisfied").await;
    agent.stop().await;
    assert_eq!(bench.writes(), (0, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_copy_opens_as_a_store() {
    let bench = Bench::start(5).await;
    assert!(bench.once().await.expect("a turn").acquainted);
    let to = bench.path("copy.db");
    assert_eq!(ended(&bench, &["backup", text(&to)]).await.0, 0);
    let store = Store::open(&to).expect("it opens");
    assert_eq!(store.broken_audit_row().await.expect("the audit"), None);
    assert!(store.report().await.expect("a report").acquainted);
}
