//! Must hold 11: whatever is wrong, `once` says it in one message with cause and next step and ends with a documented status;
//! `run` goes on trying where it can heal, and bad credentials are tried rarely.

use std::os::unix::fs::PermissionsExt as _;
use std::time::Duration;

use seatsync_lab::directory::{Directory, DirectoryOptions};
use seatsync_lab::tenant::{Fault, Match, World};

use crate::bench::{Bench, until_standing};
use crate::daemon::{Daemon, soon};

/// Long enough for whatever is tried rarely to be tried again.
const RARELY: Duration = Duration::from_mins(6);

/// A situation, how it comes about, and what `seatsync once` makes of it.
struct Case {
    situation: &'static str,
    arrange: fn(&mut Bench),
    status: i32,
    code: &'static str,
    /// A part of the message.
    says: &'static str,
}

/// The table of the documentation.
#[rustfmt::skip]
const CASES: &[Case] = &[
    // The directory.
    Case { situation: "wrong bind password", arrange: |bench| bench.write_secret("bind-password", "wrong"),
        status: 77, code: "directory-bind-refused", says: "sign-in of svc@corp.example.test refused" },
    Case { situation: "locked service account", arrange: |bench| bench.directory.set_bind_failure(Some(0x775)),
        status: 77, code: "directory-bind-refused", says: "the account is locked out" },
    Case { situation: "unknown host", arrange: |bench| server(bench, "ldaps://dc1.nowhere.invalid"),
        status: 69, code: "directory-name-unknown", says: "the name cannot be resolved" },
    Case { situation: "closed port", arrange: |bench| { let port = closed_port(); server(bench, &format!("ldaps://localhost:{port}")) },
        status: 69, code: "directory-unreachable", says: "no connection" },
    Case { situation: "CA file is no PEM", arrange: |bench| bench.write("ca.pem", "no certificate"),
        status: 78, code: "tls-ca-empty", says: "ca.pem" },
    Case { situation: "CA file is missing", arrange: |bench| bench.edit("\"ca.pem\"", "\"no-ca.pem\""),
        status: 78, code: "config-invalid", says: "no-ca.pem" },
    Case { situation: "another domain", arrange: |bench| bench.edit("domain = \"corp.example.test\"", "domain = \"other.example.test\""),
        status: 78, code: "directory-wrong-domain", says: "not of other.example.test" },
    Case { situation: "base does not exist", arrange: |bench| base(bench, "OU=Nowhere,DC=corp,DC=example,DC=test"),
        status: 78, code: "directory-base-missing", says: "OU=Nowhere" },
    // The tenant.
    Case { situation: "wrong client secret", arrange: |bench| bench.write_secret("client-secret", "wrong"),
        status: 77, code: "login-secret-wrong", says: "AADSTS7000215" },
    Case { situation: "expired client secret", arrange: |bench| bench.tenant.set_secret("lab-secret", Some(bench.tenant.now())),
        status: 77, code: "login-secret-expired", says: "AADSTS7000222" },
    Case { situation: "unknown app", arrange: |bench| bench.edit("11111111-1111-1111-1111-111111111111", "22222222-1111-1111-1111-111111111111"),
        status: 77, code: "login-app-unknown", says: "AADSTS700016" },
    Case { situation: "unknown tenant", arrange: |bench| other_tenant(bench),
        status: 78, code: "login-tenant-unknown", says: "AADSTS90002" },
    Case { situation: "no permission", arrange: |bench| bench.tenant.set_roles(&[]),
        status: 77, code: "graph-forbidden", says: "Graph forbids it" },
    Case { situation: "no connection to Graph", arrange: |bench| { let url = bench.tenant.url(); bench.edit(&url, &format!("http://127.0.0.1:{}", closed_port())) },
        status: 69, code: "tenant-unreachable", says: "cannot be reached" },
    Case { situation: "Graph out of order", arrange: |bench| { bench.tenant.fault(Fault::answer(Match::path("/v1.0/"), 503, "serviceNotAvailable", "Down.")); },
        status: 69, code: "graph-unavailable", says: "Graph is out of order" },
    // The store.
    Case { situation: "store is a directory", arrange: |bench| std::fs::create_dir(bench.path("seatsync.db")).expect("a directory"),
        status: 73, code: "store-unreadable", says: "cannot be opened" },
    Case { situation: "store is no database", arrange: |bench| bench.write("seatsync.db", &"garbage ".repeat(1_000)),
        status: 74, code: "store-corrupt", says: "damaged or not a seatsync store" },
    Case { situation: "store of a newer seatsync", arrange: |bench| sql(bench, "PRAGMA user_version = 1000"),
        status: 74, code: "store-newer", says: "has schema 1000" },
    Case { situation: "another tenant's store", arrange: |bench| sql(bench, "INSERT OR REPLACE INTO meta VALUES ('tenant', '00000000-0000-0000-0000-00000000abcd')"),
        status: 78, code: "store-other-tenant", says: "the store belongs to tenant 00000000" },
    Case { situation: "another domain's store", arrange: |bench| sql(bench, "INSERT INTO domains (guid, name, first_contact) VALUES ('00000000-0000-0000-0000-00000000abcd', 'other.example.test', 0)"),
        status: 78, code: "store-other-domain", says: "the store belongs to domain" },
    // The configuration.
    Case { situation: "unknown SKU", arrange: |bench| bench.rules = "[[license]]\nid = \"intune\"\nsku = \"EMSS\"\n".into(),
        status: 78, code: "rule-unusable", says: "the tenant has no product \"EMSS\"" },
    Case { situation: "unknown service plan", arrange: |bench| bench.rules.push_str("disable_plans = [\"INTUNE_Z\"]\n"),
        status: 78, code: "rule-unusable", says: "has no service plan \"INTUNE_Z\"" },
    Case { situation: "broken TOML", arrange: |bench| bench.edit("[tenant]", "[tenant"),
        status: 78, code: "config-invalid", says: "seatsync.toml:" },
    Case { situation: "unknown key", arrange: |bench| bench.edit("mode =", "mood = 1\nmode ="),
        status: 78, code: "config-invalid", says: "mood" },
    Case { situation: "missing secret", arrange: |bench| std::fs::remove_file(bench.path("client-secret")).expect("it was there"),
        status: 78, code: "config-invalid", says: "client-secret" },
    Case { situation: "secret that others can read", arrange: |bench| {
            std::fs::set_permissions(bench.path("bind-password"), std::fs::Permissions::from_mode(0o644)).expect("a mode");
        },
        status: 78, code: "config-invalid", says: "bind-password" },
    Case { situation: "unusable log level", arrange: |bench| bench.edit("\"error\"", "\"loud=\""),
        status: 78, code: "config-invalid", says: "level" },
];

fn server(bench: &mut Bench, url: &str) {
    let known = format!("ldaps://localhost:{}", bench.directory.ldaps_addr().port());
    bench.edit(&known, url);
}

fn base(bench: &mut Bench, dn: &str) {
    bench.edit("ca_file =", &format!("bases = [\"{dn}\"]\nca_file ="));
}

fn other_tenant(bench: &mut Bench) {
    let known = bench.tenant.tenant_id().to_string();
    bench.edit(&known, "00000000-0000-0000-0000-00000000abcd");
}

fn closed_port() -> u16 {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    listener.local_addr().expect("its address").port()
}

/// Makes the store and does something to it.
fn sql(bench: &mut Bench, statement: &str) {
    drop(bench.store());
    let db = rusqlite::Connection::open(bench.path("seatsync.db")).expect("the store opens");
    db.execute_batch(statement).expect("it is done");
}

/// Runs `once` and holds its words against the case.
async fn judged(bench: &Bench, case: &Case) -> Result<(), String> {
    let output = bench.output(&["once"]).await;
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    let ends = said.trim_end().ends_with(&format!(" [{}]", case.code));
    // Problems of a configuration come with their lines; everything else is one message and its next step.
    let alone = |line: &str| line.starts_with("seatsync: ") || line.starts_with("  ");
    let one = said.matches("seatsync: ").count() == 1 && (case.code == "config-invalid" || said.lines().all(alone));
    if output.status.code() == Some(case.status) && ends && one && said.contains(case.says) {
        return Ok(());
    }
    Err(format!("{}: wanted {} [{}], got {}:\n{said}", case.situation, case.status, case.code, output.status))
}

#[tokio::test(flavor = "multi_thread")]
async fn once_says_each_failure_in_one_message_and_ends_with_its_status() {
    let mut wrong = Vec::new();
    for case in CASES {
        let mut bench = Bench::start(2).await;
        bench.edit("level = \"debug\"", "level = \"error\"");
        (case.arrange)(&mut bench);
        wrong.extend(judged(&bench, case).await.err());
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_certificate_of_another_authority_is_refused() {
    let mut bench = Bench::start(1).await;
    bench.edit("level = \"debug\"", "level = \"error\"");
    let other = Directory::start(DirectoryOptions::default()).await.expect("another directory");
    bench.write("ca.pem", other.ca_pem());
    let case =
        Case { situation: "another CA", arrange: |_| {}, status: 78, code: "directory-tls", says: "certificate" };
    judged(&bench, &case).await.unwrap_or_else(|wrong| panic!("{wrong}"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_certificate_with_another_name_is_refused() {
    let options =
        DirectoryOptions { certificate_names: vec!["dc9.corp.example.test".into()], ..DirectoryOptions::default() };
    let mut bench = Bench::with(options, World::empty_contoso()).await;
    bench.edit("level = \"debug\"", "level = \"error\"");
    let case = Case {
        situation: "certificate with another name",
        arrange: |_| {},
        status: 78,
        code: "directory-tls",
        says: "dc9.corp.example.test",
    };
    judged(&bench, &case).await.unwrap_or_else(|wrong| panic!("{wrong}"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_missing_configuration_says_where_it_was_looked_for() {
    let bench = Bench::start(1).await;
    let mut program = tokio::process::Command::new(env!("CARGO_BIN_EXE_seatsync"));
    let output = program.args(["once", "--config"]).arg(bench.path("none.toml")).output().await.expect("it runs");
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(78));
    assert!(said.contains("none.toml") && said.contains("[config-unreadable]"), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rule_that_means_nothing_is_said_once_and_keeps_no_other_from_its_work() {
    let mut bench = Bench::start(3).await;
    bench.rules.push_str("[[license]]\nid = \"typo\"\nsku = \"EMSS\"\n");
    let daemon = Daemon::acquainted(&bench).await;
    let ada = bench.join("ada", "DE");
    until_standing(&bench.store(), &ada, "licensed").await;
    let said = daemon.said();
    let complaints: Vec<&str> = said.lines().filter(|line| line.contains("EMSS")).collect();
    assert!(complaints.len() == 1 && complaints[0].contains("ERROR"), "{complaints:?}");
    assert!(complaints[0].contains("rule \"typo\": the tenant has no product \"EMSS\""), "{complaints:?}");
    daemon.stop().await;
}

/// The agent meets something wrong in one part, is left alone with it, and recovers by itself once it is mended.
async fn heals(bench: &Bench, part: &str, code: &str, mended: impl Future<Output = ()>) {
    let agent = bench.agent().await.run();
    let complains = |complaint: &String| complaint.contains(code);
    agent.until(|report| report.troubles.get(part).is_some_and(complains)).await;
    mended.await;
    agent.clock.advance(RARELY);
    agent.until(|report| report.acquainted && report.troubles.is_empty()).await;
    let ada = bench.join("ada", "DE");
    agent.until_standing(&ada, "licensed").await;
    agent.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_agent_started_before_its_directory_waits_for_it() {
    let bench = Bench::start(3).await;
    bench.directory.set_down(true);
    heals(&bench, "directory", "directory-", async { bench.directory.set_down(false) }).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_agent_started_before_the_tenant_can_be_reached_waits_for_it() {
    let bench = Bench::start(3).await;
    bench.tenant.fault(Fault::cut(Match::default()));
    heals(&bench, "tenant", "tenant-unreachable", async { bench.tenant.clear_faults() }).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_password_is_tried_rarely_and_heals_when_the_account_is_mended() {
    let bench = Bench::start(3).await;
    bench.directory.set_password("changed");
    let mended = async {
        // The tenant is polled every 200 ms, the directory would be every 100.
        let tokens = bench.tenant.counters().requests;
        soon(bench.tenant.wait_until(|view| view.counters().requests > tokens + 20)).await;
        assert_eq!(bench.directory.counters().binds, 1, "a second try brings a lockout nearer");
        bench.directory.set_password("lab-password");
    };
    heals(&bench, "directory", "directory-bind-refused", mended).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_or_expired_secret_is_tried_rarely_and_heals_when_the_app_is_mended() {
    for (secret, expired, code) in
        [("changed", false, "login-secret-wrong"), ("lab-secret", true, "login-secret-expired")]
    {
        let bench = Bench::start(3).await;
        bench.tenant.set_secret(secret, expired.then(|| bench.tenant.now()));
        let mended = async {
            let polls = bench.directory.counters().root_dse_reads;
            soon(bench.directory.wait_until(|counters| counters.root_dse_reads > polls + 20)).await;
            assert_eq!(bench.tenant.counters().token_requests, 1);
            bench.tenant.set_secret("lab-secret", None);
        };
        heals(&bench, "tenant", code, mended).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn one_side_that_is_down_does_not_keep_the_other_from_being_read() {
    let bench = Bench::start(3).await;
    bench.directory.set_down(true);
    let agent = bench.agent().await.run();
    agent.until(|report| report.troubles.contains_key("directory") && report.tenant_read.is_some()).await;
    agent.stop().await;
}

/// A store on a disk of 1,000 KiB of the program's own, in a mount namespace of its own: needs root.
fn on_a_small_disk(bench: &Bench, command: &str) -> Option<tokio::process::Command> {
    if !rustix::process::geteuid().is_root() {
        eprintln!("not run: a small disk needs root");
        return None;
    }
    let disk = bench.path("disk");
    std::fs::create_dir(&disk).expect("a place for the disk");
    let script = r#"mount -t tmpfs -o size=1000k tmpfs "$1" && exec "$2" --config "$3" "$4""#;
    let mut program = tokio::process::Command::new("unshare");
    program.args(["-m", "sh", "-ec", script, "sh"]).arg(disk).arg(env!("CARGO_BIN_EXE_seatsync"));
    program
        .arg(bench.config())
        .arg(command)
        .env_clear()
        .env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin")
        .kill_on_drop(true);
    Some(program)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_disk_is_said_by_once() {
    let mut bench = Bench::start(600).await;
    bench.edit("\"seatsync.db\"", "\"disk/seatsync.db\"");
    bench.edit("level = \"debug\"", "level = \"error\"");
    let Some(mut program) = on_a_small_disk(&bench, "once") else { return };
    let output = program.output().await.expect("it runs");
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(74), "{said}");
    assert!(said.contains("no space is left for the store") && said.contains(". [store-full]"), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_disk_is_waited_out_by_run() {
    let mut bench = Bench::start(600).await;
    bench.edit("\"seatsync.db\"", "\"disk/seatsync.db\"");
    let Some(program) = on_a_small_disk(&bench, "run") else { return };
    let daemon = Daemon::of(&bench, program);
    daemon.until_said("[store-full]").await;
    // The disk is in the program's own namespace; from there it is made larger.
    let pid = daemon.pid().to_string();
    let mut larger = tokio::process::Command::new("nsenter");
    larger.args(["-m", "-t", &pid, "mount", "-o", "remount,size=64m"]).arg(bench.path("disk"));
    assert!(larger.status().await.expect("nsenter runs").success());
    daemon.until_said("first contact complete").await;
    let ada = bench.join("ada", "DE");
    bench.until_user(&ada, |user| user.holds("EMS")).await;
    daemon.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_that_breaks_under_a_running_agent_ends_it_with_its_status() {
    let bench = Bench::start(3).await;
    let daemon = Daemon::acquainted(&bench).await;
    let db = rusqlite::Connection::open(bench.path("seatsync.db")).expect("the store opens");
    let guid = "UPDATE domains SET guid = '00000000-0000-0000-0000-00000000abcd', name = 'other'";
    db.execute_batch(&format!("PRAGMA foreign_keys = OFF; {guid}")).expect("it becomes another domain's");
    let (status, said) = daemon.ended().await;
    assert_eq!(status.code(), Some(78), "{said}");
    assert!(said.contains("[store-other-domain]"), "{said}");
}
