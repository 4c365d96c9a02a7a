//! Must hold: a reload that does not validate, or does more than the guard lets through, changes nothing and says why; one that is
//! good takes over between two steps of work, and nobody is lost or written to twice.

use std::sync::Arc;

use rustix::process::Signal;
use seatsync::agent::{self, Host, Phase};
use seatsync::cli;
use seatsync::clock::Clock;
use seatsync::config::Environment;
use seatsync::store::Lease;
use seatsync::vitals::{self, Vitals};
use seatsync_lab::tenant::{Hold, Match};
use serde_json::Value;
use tokio::sync::{Notify, watch};
use tokio::task::JoinHandle;

use crate::bench::{Bench, Joiner, PATIENCE, standings, until, until_standing};
use crate::daemon::{Daemon, all_end_well, soon};

const CONTRACTORS: &str = "who = { ou = \"OU=Contractors,DC=corp,DC=example,DC=test\" }\n";

fn rule(id: &str, sku: &str, more: &str) -> String {
    format!("[[license]]\nid = \"{id}\"\nsku = \"{sku}\"\n{more}\n")
}

/// What the program says, and how it ends.
async fn said(bench: &Bench, arguments: &[&str]) -> (i32, String, String) {
    let output = bench.output(arguments).await;
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (output.status.code().expect("a status"), text(&output.stdout), text(&output.stderr))
}

/// `seatsync reload`, which takes over.
async fn reloaded(bench: &Bench) -> String {
    let (code, out, err) = said(bench, &["reload"]).await;
    assert_eq!(code, 0, "{out}{err}");
    out
}

/// `seatsync reload`, which is refused with this exit status.
async fn refused(bench: &Bench, arguments: &[&str], status: i32) -> String {
    let (code, out, err) = said(bench, arguments).await;
    assert_eq!(code, status, "{out}{err}");
    assert_eq!(out, "");
    err
}

/// Somebody joins, and is licensed.
async fn licensed(bench: &Bench, sam: &str) -> Joiner {
    let joiner = bench.join(sam, "DE");
    until_standing(&bench.store(), &joiner, "licensed").await;
    assert!(bench.user(&joiner).holds("EMS"));
    joiner
}

/// The digest of the configuration as it is in the file, as it is shown.
fn digest(bench: &Bench) -> String {
    bench.settings().digest[..12].to_owned()
}

fn contains_all(text: &str, parts: &[&str]) {
    for part in parts {
        assert!(text.contains(part), "{part:?} is not in:\n{text}");
    }
}

/// Rows of the audit about configurations, the oldest first.
fn audited(bench: &Bench) -> Vec<Value> {
    let db = rusqlite::Connection::open(bench.path("seatsync.db")).expect("the store opens");
    let mut rows = db.prepare("SELECT detail FROM audit WHERE kind = 'config' ORDER BY id").expect("a query");
    let details = rows.query_map([], |row| row.get::<_, String>(0)).expect("rows");
    let parsed = details.map(|detail| serde_json::from_str(&detail.expect("a row")).expect("JSON"));
    parsed.filter(|detail: &Value| detail["by"].is_string()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_does_not_validate_leaves_the_old_configuration_alive_and_says_exactly_why() {
    let mut bench = Bench::start(5).await;
    let daemon = Daemon::acquainted(&bench).await;
    let running = digest(&bench);
    let file = bench.path("seatsync.toml").display().to_string();
    let secret = bench.path("gone").display().to_string();
    for (sam, (from, to), at, message, hint) in [
        (
            "typo",
            ("assignments_per_day = 500", "assignments_per_day = = 500"),
            "22:23",
            "extra `=`, expected nothing",
            None,
        ),
        (
            "unknown",
            ("assignments_per_day = 500", "asignments_per_day = 500"),
            "22:1",
            "unknown key \"asignments_per_day\" in [guard]",
            Some("did you mean \"assignments_per_day\"?"),
        ),
        (
            "missing",
            ("{ file = \"client-secret\" }", "{ file = \"gone\" }"),
            "15:53",
            &format!("\"file\" cannot be read: {secret}: No such file or directory (os error 2)"),
            None,
        ),
    ] {
        bench.edit(from, to);
        let error = refused(&bench, &["reload"], 78).await;
        bench.edits.clear();
        let line = format!("{file}:{at}: {message}");
        contains_all(&error, &[&format!("seatsync: {line}\n"), " | ", "^", "[config-invalid]"]);
        contains_all(&error, hint.as_slice());
        let logged = format!("asked to reload: refused, configuration {running} goes on: {line}");
        daemon.until_said(&logged).await;
        licensed(&bench, sam).await;
    }
    let status = bench.says(&["status"]).await;
    contains_all(
        &status,
        &["trouble    configuration: the last reload was refused", "(os error 2)", "[config-invalid]"],
    );
    let rows = audited(&bench);
    assert!(rows.len() == 3 && rows.iter().all(|row| row["outcome"]["code"] == "config-invalid"), "{rows:#?}");
    reloaded(&bench).await;
    let status = bench.says(&["status"]).await;
    assert!(status.contains("running, all is well"), "{status}");
    daemon.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_secret_that_stands_in_the_file_by_mistake_is_neither_said_nor_kept() {
    const SECRET: &str = "Tr0ub4dor-in-the-file";
    let mut bench = Bench::start(5).await;
    let daemon = Daemon::acquainted(&bench).await;
    bench.edit("password = { file = \"bind-password\" }", &format!("password = \"{SECRET}\""));
    let error = refused(&bench, &["reload"], 78).await;
    assert!(error.contains("***") && !error.contains(SECRET), "{error}");
    let log = daemon.said();
    daemon.kill().await;
    let kept = ["seatsync.db", "seatsync.db-wal"].map(|file| std::fs::read(bench.path(file)).unwrap_or_default());
    let kept = String::from_utf8_lossy(&kept.concat()).into_owned();
    assert!(kept.contains("config-invalid") && log.contains("reload: refused"), "{log}");
    assert!(!kept.contains(SECRET) && !log.contains(SECRET), "{log}");
}

#[tokio::test(flavor = "multi_thread")]
async fn several_mistakes_are_all_said_and_a_file_that_is_gone_too() {
    let mut bench = Bench::start(5).await;
    let daemon = Daemon::acquainted(&bench).await;
    bench.edit("poll = \"200ms\"", "poll = \"soon\"");
    bench.edit("default = \"SE\"", "default = \"Sweden\"");
    let error = refused(&bench, &["reload"], 78).await;
    assert_eq!(error.matches("seatsync.toml:").count(), 2, "{error}");
    bench.edits.clear();
    let before = daemon.said().matches("refused, configuration").count();
    assert_eq!(before, 2, "{}", daemon.said());
    std::fs::remove_file(bench.config()).expect("it is removed");
    daemon.signal(Signal::HUP);
    daemon.until_said("SIGHUP asked to reload: refused").await;
    daemon.until_said("cannot read the configuration").await;
    licensed(&bench, "ada").await;
    daemon.stop().await;
}

/// Thirty who were there before, half of them contractors, and an agent that has met them.
async fn company() -> (Bench, Daemon) {
    let bench = Bench::start(0).await;
    bench.tenant.set_seats("EMS", 100).expect("there is EMS");
    bench.tenant.set_seats("SPE_E3", 100).expect("there is SPE_E3");
    for number in 0..30 {
        let joiner = bench.hire(&format!("old{number}"), "DE");
        if number % 2 == 0 {
            bench.directory.move_to(joiner.guid, "Contractors");
        }
        bench.sync_old(&joiner, 400);
    }
    let daemon = Daemon::acquainted(&bench).await;
    (bench, daemon)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rule_that_drops_half_the_scope_waits_for_an_operators_word() {
    let (mut bench, daemon) = company().await;
    let (before, rules) = (digest(&bench), bench.rules.clone());
    bench.rules = rule("intune", "EMS", CONTRACTORS);
    let after = digest(&bench);
    let concern = "rule intune no longer means, or leaves alone from now on, 15 of the 30 persons it meant \
                   (guard.shrink_percent is 20)";
    let error = refused(&bench, &["reload"], 65).await;
    assert_eq!(
        error,
        format!(
            "seatsync: the guard does not let configuration {after} take over unasked:\n  {concern}\n  See `seatsync plan`; if \
             it is meant: `seatsync reload --accept {after}`. [reload-exceeds-guard]\n"
        )
    );
    contains_all(
        &daemon.said(),
        &[
            "the new configuration: rule intune (edited): drops 15 persons from scope",
            &format!("refused, configuration {before} goes on: {concern}"),
            &format!("if it is meant: `seatsync reload --accept {after}`"),
        ],
    );
    assert!(!daemon.said().contains("lapsed"), "nothing of it has happened:\n{}", daemon.said());
    assert!(!bench.path("seatsync.db.reload").exists(), "the copy is gone");
    licensed(&bench, "staff").await;

    daemon.signal(Signal::HUP);
    daemon.until_said("SIGHUP asked to reload: refused").await;
    let error = refused(&bench, &["reload", "--accept", &before], 65).await;
    assert!(
        error.contains(&format!("configuration {before} was accepted, and the file has {after} by now")),
        "{error}"
    );
    assert!(error.contains("[reload-file-changed]"), "{error}");
    licensed(&bench, "staff2").await;

    let (code, out, err) = said(&bench, &["reload", "--accept", &after]).await;
    assert_eq!(code, 0, "{err}");
    contains_all(&out, &[&format!("configuration {after} in mode apply took over from {before}"), "drops 17 persons"]);
    let outside = bench.join("outside", "DE");
    let inside = bench.hire("inside", "DE");
    bench.directory.move_to(inside.guid, "Contractors");
    bench.sync(&inside);
    until_standing(&bench.store(), &inside, "licensed").await;
    assert!(standings(&bench.store(), &outside).await.is_empty() && !bench.user(&outside).holds("EMS"));

    let told: Vec<_> = audited(&bench).iter().map(|row| row["outcome"]["reload"].clone()).collect();
    assert_eq!(told, ["refused", "refused", "refused", "taken-over"]);
    let last = audited(&bench).pop().expect("a row");
    assert!(last["from"].as_str().is_some_and(|digest| digest.starts_with(&before)), "{last:#}");
    assert!(last["to"].as_str().is_some_and(|digest| digest.starts_with(&after)), "{last:#}");
    assert!(last["by"].as_str().is_some_and(|by| by.contains("uid")), "{last:#}");
    // Back again: nobody is licensed by an edit, and a wider rule needs no word.
    bench.rules = rules;
    assert!(reloaded(&bench).await.contains("adds 18 as baseline"), "{}", daemon.said());
    daemon.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_would_be_written_taken_or_meant_for_nobody_is_asked_about_too() {
    let (mut bench, daemon) = company().await;
    let rules = bench.rules.clone();
    bench.rules = rule("intune", "EMSX", "");
    let error = refused(&bench, &["reload"], 65).await;
    contains_all(&error, &["rule \"intune\": the tenant has no product \"EMSX\""]);
    bench.rules = rule("intune", "EMS", "who = { filter = \"(roomNumber=7)\" }");
    let error = refused(&bench, &["reload"], 65).await;
    let unread = "what it does cannot be told before it is read: corp.example.test: no account was read with roomnumber, which \
                  rule intune asks for";
    contains_all(&error, &[unread]);
    bench.rules = rule("renamed", "EMS", "");
    let error = refused(&bench, &["reload"], 65).await;
    contains_all(&error, &["rule intune is gone, which meant 30 persons"]);

    // Those who have it: another product for them is more than may be given on a day.
    bench.rules = rules.clone();
    for number in 0..12 {
        licensed(&bench, &format!("new{number}")).await;
    }
    bench.rules = rule("intune", "SPE_E3", "");
    bench.edit("assignments_per_day = 500", "assignments_per_day = 11");
    let error = refused(&bench, &["reload"], 65).await;
    contains_all(&error, &["12 licenses to be given, and guard.assignments_per_day is 11"]);
    bench.rules = rule("intune", "EMS", "disable_plans = [\"INTUNE_A\"]\n");
    bench.edits.clear();
    bench.edit("assignments_per_day = 500", "changes_per_day = 11");
    let error = refused(&bench, &["reload"], 65).await;
    contains_all(&error, &["12 licenses to be given other plans, and guard.changes_per_day is 11"]);
    (bench.rules, bench.edits) = (rules, Vec::new());
    bench.edit("default = \"SE\"", "default = \"SE\"\noverwrite = true");
    let error = refused(&bench, &["reload"], 65).await;
    contains_all(&error, &["usage_location.overwrite is on"]);
    bench.edits.clear();
    licensed(&bench, "ada").await;
    daemon.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn from_observing_to_applying_all_that_is_due_counts() {
    let mut bench = Bench::start(0).await;
    bench.edit("mode = \"apply\"", "mode = \"observe\"");
    let daemon = Daemon::acquainted(&bench).await;
    let people: Vec<Joiner> = (0..4).map(|number| bench.join(&format!("new{number}"), "DE")).collect();
    for joiner in &people {
        until_standing(&bench.store(), joiner, "due").await;
    }
    bench.edits.clear();
    bench.edit("assignments_per_day = 500", "assignments_per_day = 3");
    let error = refused(&bench, &["reload"], 65).await;
    contains_all(&error, &["4 licenses to be given, and guard.assignments_per_day is 3"]);
    bench.edits.clear();
    assert!(reloaded(&bench).await.contains("in mode apply took over"));
    all_end_well_of(&bench, &people, daemon).await;
}

/// Stops the agent, starts it again, and finds everybody licensed once.
async fn all_end_well_of(bench: &Bench, people: &[Joiner], daemon: Daemon) {
    for joiner in people {
        until_standing(&bench.store(), joiner, "licensed").await;
    }
    daemon.stop().await;
    all_end_well(bench, people).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_reload_cannot_change_asks_for_a_restart() {
    let mut bench = Bench::start(5).await;
    let daemon = Daemon::acquainted(&bench).await;
    let ours = bench.tenant.tenant_id().to_string();
    let other = "99999999-9999-9999-9999-999999999999";
    bench.edit(&format!("id = \"{ours}\""), &format!("id = \"{other}\""));
    bench.edit("level = \"debug\"", "level = \"debug\"\nformat = \"json\"");
    let error = refused(&bench, &["reload"], 78).await;
    assert_eq!(
        error,
        format!(
            "seatsync: the store is bound to tenant {ours}; tenant {other} takes a restart with a store of its own\nlog.format is \
             changed only by a restart\n  Restart seatsync, or take the change back. [reload-needs-restart]\n"
        )
    );
    bench.edits.clear();
    bench.edit("domain = \"corp.example.test\"", "domain = \"other.example.test\"");
    let error = refused(&bench, &["reload"], 78).await;
    assert!(error.contains("domain other.example.test takes a restart with a store of its own"), "{error}");
    bench.edits.clear();
    bench.edit("seatsync.db", "other.db");
    bench.config();
    daemon.signal(Signal::HUP);
    daemon.until_said("only by a restart [reload-needs-restart]").await;
    let error = refused(&bench, &["reload"], 69).await;
    assert!(error.contains("no agent runs on the store") && error.contains("restart it. [no-agent]"), "{error}");
    bench.edits.clear();
    licensed(&bench, "ada").await;
    daemon.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn without_an_agent_there_is_nothing_to_reload() {
    let mut bench = Bench::start(5).await;
    bench.once().await.expect("a turn");
    let error = refused(&bench, &["reload"], 69).await;
    assert!(error.contains("no agent runs on the store") && error.contains("[no-agent]"), "{error}");
    bench.edit("[guard]", "[gaurd]");
    let error = refused(&bench, &["reload"], 78).await;
    assert!(error.contains("[config-invalid]"), "{error}");
    assert!(bench.store().pending_reload().await.expect("a look").is_none());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_good_reload_takes_over_and_a_signal_does_the_same() {
    let (mut bench, daemon) = company().await;
    let ada = licensed(&bench, "ada").await;
    let (scans, listings) =
        (daemon.said().matches("reading the whole").count(), daemon.said().matches("listing all").count());
    bench.rules += &rule("office", "SPE_E3", "unless_has_plan = []\n");
    let out = reloaded(&bench).await;
    contains_all(&out, &["took over from", "rule office (new): adds 31 as baseline", "hold what they held"]);
    let bob = bench.join("bob", "DE");
    bench.until_user(&bob, |user| user.holds("EMS") && user.holds("SPE_E3")).await;
    assert!(!bench.user(&ada).holds("SPE_E3"), "who was there before the rule is left alone");

    bench.edit("level = \"debug\"", "level = \"info\"");
    bench.edit("default = \"SE\"", "default = \"FI\"");
    bench.config();
    daemon.signal(Signal::HUP);
    daemon.until_said("SIGHUP asked to reload: configuration").await;
    let carl = bench.join("carl", "");
    bench.until_user(&carl, |user| user.usage_location.as_deref() == Some("FI")).await;
    let quiet = daemon.said();
    let after = quiet.split("SIGHUP asked to reload: configuration").last().unwrap_or_default();
    assert!(!after.contains("DEBUG"), "{after}");
    let now = |what: &str| quiet.matches(what).count();
    assert_eq!((now("reading the whole"), now("listing all")), (scans, listings), "neither side is read anew");
    assert!(reloaded(&bench).await.contains("is as it was; credentials and CA files were read anew"));
    daemon.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn renewed_secrets_and_ca_files_are_taken_up() {
    let bench = Bench::start(5).await;
    let daemon = Daemon::acquainted(&bench).await;
    licensed(&bench, "ada").await;
    bench.directory.set_password("another one");
    bench.tenant.set_secret("another, too", None);
    bench.tenant.expire_tokens();
    daemon.until_said("ERROR tenant: the login was refused").await;
    bench.write_secret("bind-password", "another one");
    bench.write_secret("client-secret", "another, too");
    let other = seatsync_lab::directory::Directory::start(seatsync_lab::directory::DirectoryOptions::with_accounts(1));
    let other = other.await.expect("another directory");
    bench.write("ca.pem", &format!("{}{}", other.ca_pem(), bench.directory.ca_pem()));
    let out = reloaded(&bench).await;
    let places = "read anew, and other than before: directory corp.example.test bind.password, directory corp.example.test \
                  ca_file, tenant.credential";
    assert!(out.contains(places), "{out}");
    licensed(&bench, "bob").await;

    // One that is no CA file any more cannot begin.
    bench.write("ca.pem", "nothing\n");
    let error = refused(&bench, &["reload"], 78).await;
    assert!(error.contains("holds no usable certificate") && error.contains("[tls-ca-empty]"), "{error}");
    licensed(&bench, "carl").await;
    // And one that does not trust the controller is heeded.
    bench.write("ca.pem", other.ca_pem());
    reloaded(&bench).await;
    until(&bench.store(), |report| report.troubles.keys().any(|part| part.starts_with("directory"))).await;
    bench.write("ca.pem", bench.directory.ca_pem());
    reloaded(&bench).await;
    licensed(&bench, "dora").await;
    for secret in ["another one", "another, too"] {
        assert!(!daemon.said().contains(secret));
    }
    daemon.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_password_that_was_refused_is_not_tried_again_for_a_reload() {
    let bench = Bench::start(5).await;
    let daemon = Daemon::acquainted(&bench).await;
    bench.write_secret("bind-password", "wrong");
    reloaded(&bench).await;
    until(&bench.store(), |report| report.troubles.contains_key("directory")).await;
    let binds = bench.directory.counters().binds;
    for _ in 0..3 {
        reloaded(&bench).await;
        until(&bench.store(), |report| report.troubles.contains_key("directory")).await;
    }
    assert_eq!(bench.directory.counters().binds, binds, "the account would be locked out");
    bench.write_secret("bind-password", &bench.directory.bind_password());
    reloaded(&bench).await;
    licensed(&bench, "ada").await;
    daemon.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reload_in_the_midst_of_writes_loses_nobody_and_writes_nothing_twice() {
    let mut bench = Bench::start(5).await;
    bench.edit("[work]", "[work]\nconcurrency = 1");
    let daemon = Daemon::acquainted(&bench).await;
    let gate = bench.tenant.gate(Match::new("PATCH", "/v1.0/users/"), Hold::After);
    let people: Vec<Joiner> = (0..45).map(|number| bench.join(&format!("joiner{number}"), "DE")).collect();
    soon(gate.arrived(1)).await;
    bench.edit("confirm_after = \"200ms\"", "confirm_after = \"300ms\"");
    let after = digest(&bench);
    daemon.signal(Signal::HUP);
    daemon.until_said("the new configuration: nothing changes for anybody").await;
    assert!(!daemon.said().contains("takes over"), "not before the writes have ended:\n{}", daemon.said());
    gate.remove();
    daemon.until_said(&format!("configuration {after} in mode apply takes over")).await;
    all_end_well_of(&bench, &people, daemon).await;
    let counters = bench.tenant.counters();
    assert_eq!((counters.patch_usage_location.calls, counters.assign_license.calls), (45, 45));
    let db = rusqlite::Connection::open(bench.path("seatsync.db")).expect("the store opens");
    let settled = "SELECT count(*) FROM audit WHERE kind = 'answer' AND detail ->> '$.settled' IS NOT NULL";
    let settled: i64 = db.query_row(settled, [], |row| row.get(0)).expect("a number");
    assert_eq!(settled, 0, "the answer that was under way was waited for: no outcome had to be looked up");
}

/// The agent with its host, in this process.
struct Hosted {
    stop: watch::Sender<bool>,
    reload: Arc<Notify>,
    phase: watch::Receiver<Phase>,
    task: JoinHandle<Result<(), agent::AgentError>>,
}

impl Hosted {
    fn start(bench: &Bench) -> Self {
        let (stop, stopped) = watch::channel(false);
        let (reload, phase) = (Arc::new(Notify::new()), watch::Sender::default());
        let (config, environment) = (bench.config(), Environment::default());
        let hosted = phase.subscribe();
        let clock = Clock::system();
        let vitals = Vitals::new(clock.clone(), vitals::PATIENCE);
        let load = cli::load_from(config, environment);
        let begun = Box::new(|_: &_| ());
        let host = Host { load, stop: stopped, reload: reload.clone(), phase, vitals, begun };
        let (settings, store) = (bench.settings(), bench.store());
        let task = tokio::spawn(async move {
            let _lease = Lease::take(&settings.store)?;
            agent::run(settings, store, clock, host).await
        });
        Self { stop, reload, phase: hosted, task }
    }

    /// Has it reload, and waits until the `number`th has taken over.
    async fn reloaded(&mut self, number: u64) {
        self.reload.notify_one();
        let there = |phase: &Phase| matches!(phase, Phase::Ready { reloads, .. } if *reloads == number);
        let came = tokio::time::timeout(PATIENCE, self.phase.wait_for(there)).await.is_ok_and(|phase| phase.is_ok());
        assert!(came, "reload {number} does not come: {:?}", *self.phase.borrow());
    }

    async fn stop(self) {
        self.stop.send_replace(true);
        soon(self.task).await.expect("no panic").expect("no error");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_hosts_it_hears_what_it_is_at() {
    let mut bench = Bench::start(5).await;
    let mut hosted = Hosted::start(&bench);
    let first = bench.settings().digest;
    hosted.reloaded(1).await;
    let phase = hosted.phase.borrow().clone();
    assert_eq!(phase, Phase::Ready { config: first.clone(), reloads: 1, refused: None });
    bench.edit("[guard]", "[gaurd]");
    bench.config();
    hosted.reload.notify_one();
    let refused = |phase: &Phase| matches!(phase, Phase::Ready { refused: Some(why), .. } if why.contains("gaurd"));
    soon(hosted.phase.wait_for(refused)).await.expect("it is said");
    assert!(matches!(&*hosted.phase.borrow(), Phase::Ready { config, reloads: 1, .. } if *config == first));
    let mut phase = hosted.phase.clone();
    hosted.stop().await;
    soon(phase.wait_for(|phase| *phase == Phase::Stopping)).await.expect("it is said");
}

/// Files that alternate: who has no country of his own gets another one by each, so that everyone is judged again each time.
fn two_files(bench: &mut Bench) -> [String; 2] {
    bench.edit("\"debug\"", "\"info\"");
    let first = bench.config_text();
    [first.replace("default = \"SE\"", "default = \"NO\""), first]
}

#[test]
fn a_hundred_reloads_leave_no_task_behind() {
    let outside =
        tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().expect("a runtime");
    let inside = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().expect("a runtime");
    outside.block_on(async {
        let mut bench = Bench::start(5).await;
        let files = two_files(&mut bench);
        let mut hosted = {
            let _inside = inside.enter();
            Hosted::start(&bench)
        };
        let store = bench.store();
        until(&store, |report| report.acquainted).await;
        let tasks = inside.metrics();
        let mut people = Vec::new();
        let mut after_ten = 0;
        for number in 1..=100 {
            bench.write("seatsync.toml", &files[number % 2]);
            if number % 5 == 0 {
                people.push(bench.join(&format!("joiner{number}"), "DE"));
            }
            hosted.reloaded(number as u64).await;
            if number == 10 {
                bench.some_polls().await;
                after_ten = tasks.num_alive_tasks();
            }
        }
        for joiner in &people {
            until_standing(&store, joiner, "licensed").await;
        }
        bench.some_polls().await;
        let after_hundred = tasks.num_alive_tasks();
        assert!(after_hundred <= after_ten + 3, "{after_ten} tasks after ten, {after_hundred} after a hundred");
        for joiner in &people {
            let counters = bench.user(joiner).counters;
            assert_eq!(counters.effective_by_sku.get("EMS"), Some(&1), "{}: {counters:?}", joiner.upn);
            assert_eq!((counters.patch_usage_location.calls, counters.assign_license.calls), (1, 1), "{counters:?}");
        }
        hosted.stop().await;
    });
    drop(inside);
}

/// What a process has: anonymous memory in KiB, threads and open files.
#[derive(Clone, Copy, Debug)]
struct Footprint {
    memory: u64,
    threads: u64,
    files: usize,
}

impl Footprint {
    fn of(pid: u32) -> Self {
        let status = std::fs::read_to_string(format!("/proc/{pid}/status")).expect("a process");
        let number = |name: &str| {
            let line = status.lines().find_map(|line| line.strip_prefix(name)).expect("a line");
            line.split_whitespace().next().and_then(|number| number.parse().ok()).expect("a number")
        };
        let files = std::fs::read_dir(format!("/proc/{pid}/fd")).expect("its files").count();
        Self { memory: number("RssAnon:"), threads: number("Threads:"), files }
    }
}

/// Reads on in a file that grows, and counts.
struct Tail {
    file: std::fs::File,
    rest: String,
    counted: u64,
}

impl Tail {
    async fn until(&mut self, words: &str, times: u64) {
        use std::io::Read as _;
        let wait = async {
            while self.counted < times {
                let mut more = Vec::new();
                self.file.read_to_end(&mut more).expect("its words");
                self.rest.push_str(&String::from_utf8_lossy(&more));
                let upto = self.rest.rfind('\n').map_or(0, |at| at + 1);
                let whole: String = self.rest.drain(..upto).collect();
                self.counted += whole.matches(words).count() as u64;
                tokio::time::sleep(std::time::Duration::from_millis(2)).await;
            }
        };
        if tokio::time::timeout(PATIENCE, wait).await.is_err() {
            panic!("{words:?} was said {} times, not {times}", self.counted);
        }
    }
}

/// Must hold: a thousand reloads under load leave memory, tasks and descriptors flat, and nobody is lost.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "takes minutes: tests/run reload"]
async fn a_thousand_reloads_under_load_leave_memory_threads_and_files_flat_and_lose_nobody() {
    let reloads: usize = std::env::var("SEATSYNC_RELOADS").map_or(1000, |number| number.parse().expect("a number"));
    let mut bench = Bench::start(20).await;
    bench.tenant.set_seats("EMS", 500).expect("there is EMS");
    // What is free in one of the allocator's many pools is no leak, and hides one.
    bench.variables.insert("MALLOC_ARENA_MAX".into(), "1".into());
    let files = two_files(&mut bench);
    let daemon = Daemon::acquainted(&bench).await;
    let mut tail = Tail { file: std::fs::File::open(daemon.log()).expect("its log"), rest: String::new(), counted: 0 };
    let (mut people, mut footprints) = (Vec::new(), Vec::new());
    for number in 1..=reloads {
        bench.write("seatsync.toml", &files[number % 2]);
        if number % 4 == 0 {
            people.push(bench.join(&format!("joiner{number}"), "DE"));
        }
        daemon.signal(Signal::HUP);
        tail.until("SIGHUP asked to reload: configuration", number as u64).await;
        if number % (reloads / 10) == 0 {
            bench.some_polls().await;
            let footprint = Footprint::of(daemon.pid());
            eprintln!("after {number} reloads: {footprint:?}");
            footprints.push(footprint);
        }
    }
    let store = bench.store();
    for joiner in &people {
        until_standing(&store, joiner, "licensed").await;
    }
    let (first, last) = (footprints[0], footprints[footprints.len() - 1]);
    // The store grows by the audit of each reload, and each of its connections keeps up to 2 MiB of it, the writer more.
    const PAGES: u64 = 16 * 1024;
    assert!(last.memory <= first.memory + PAGES, "{footprints:#?}");
    assert!(last.threads <= first.threads + 2 && last.files <= first.files + 8, "{footprints:#?}");
    assert!(!daemon.said().contains("refused, configuration"), "each was taken over");
    all_end_well_of(&bench, &people, daemon).await;
    let counters = bench.tenant.counters();
    let written = (counters.patch_usage_location.calls, counters.assign_license.calls);
    assert_eq!(written, (people.len() as u64, people.len() as u64), "no outcome was lost");
}
