//! `seatsync status`: what to do stands on top; `--check` ends as Nagios expects in each situation; `--watch` repaints.

use rustix::process::Signal;
use seatsync_lab::tenant::{Fault, Match};

use crate::bench::{Bench, until, until_standing};
use crate::daemon::Daemon;

/// The line of `--check`, and how it ends. There is one line, with figures behind its bar.
async fn checked(bench: &Bench, arguments: &[&str]) -> (i32, String) {
    let arguments: Vec<&str> = ["status", "--check"].iter().chain(arguments).copied().collect();
    let output = bench.output(&arguments).await;
    let line = String::from_utf8(output.stdout).expect("text");
    assert!(line.ends_with('\n') && line.lines().count() == 1, "{line:?}");
    (output.status.code().expect("a status"), line.trim_end().to_owned())
}

/// Waits until it ends so, and returns the line.
async fn until_checked(bench: &Bench, status: i32) -> String {
    let wait = async {
        loop {
            let (code, line) = checked(bench, &[]).await;
            if code == status {
                return line;
            }
            tokio::time::sleep(std::time::Duration::from_millis(100)).await;
        }
    };
    crate::daemon::soon(wait).await
}

/// `label=value` of the figures.
fn figure(line: &str, label: &str) -> String {
    let figures = line.split_once(" | ").expect("figures").1;
    let found = figures.split(' ').find_map(|part| part.strip_prefix(label)?.strip_prefix('='));
    found.unwrap_or_else(|| panic!("no {label} in {line}")).split(';').next().unwrap_or_default().to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_check_is_ok_warns_alarms_and_does_not_know() {
    let bench = Bench::start(5).await;
    let (code, line) = checked(&bench, &[]).await;
    assert!(code == 3 && line.starts_with("SEATSYNC UNKNOWN - there is no store at "), "{code}: {line}");
    let elsewhere = bench.path("nowhere.db");
    let (code, line) = checked(&bench, &["--store", elsewhere.to_str().expect("text")]).await;
    assert!(code == 3 && line.contains("nowhere.db"), "{code}: {line}");

    let daemon = Daemon::acquainted(&bench).await;
    let ada = bench.join("ada", "DE");
    until_standing(&bench.store(), &ada, "licensed").await;
    let line = until_checked(&bench, 0).await;
    assert!(line.starts_with("SEATSYNC OK - all is well, 1 license given | directory_lag="), "{line}");
    assert_eq!((figure(&line, "licensed"), figure(&line, "refused")), ("1".into(), "0".into()));
    assert!(figure(&line, "tenant_lag").ends_with('s'), "{line}");

    bench.says(&["pause", "a | bar\nand a line"]).await;
    let line = until_checked(&bench, 1).await;
    assert!(line.starts_with("SEATSYNC WARNING - paused: a / bar") && line.matches('|').count() == 1, "{line}");
    bench.says(&["resume"]).await;

    bench.directory.set_down(true);
    let line = until_checked(&bench, 2).await;
    assert!(line.starts_with("SEATSYNC CRITICAL - trouble: directory: "), "{line}");
    assert_eq!(figure(&line, "troubles"), "1");
    bench.directory.set_down(false);
    until_checked(&bench, 0).await;

    daemon.stop().await;
    let (code, line) = checked(&bench, &[]).await;
    assert!(code == 2 && line.starts_with("SEATSYNC CRITICAL - no agent is running: "), "{code}: {line}");
    let store = bench.path("seatsync.db");
    let (code, line) = checked(&bench, &["--store", store.to_str().expect("text")]).await;
    assert!(code == 2 && line.contains("no agent is running"), "{code}: {line}");
}

#[tokio::test(flavor = "multi_thread")]
async fn who_waits_for_a_seat_and_who_is_refused_stand_on_top_with_what_to_do() {
    let bench = Bench::start(5).await;
    let daemon = Daemon::acquainted(&bench).await;
    let store = bench.store();
    bench.tenant.set_seats("EMS", 1).expect("there is EMS");
    let zoe = bench.join("zoe", "DE");
    until_standing(&store, &zoe, "licensed").await;
    let ada = bench.join("ada", "DE");
    until_standing(&store, &ada, "awaiting-seat").await;
    let (code, line) = checked(&bench, &[]).await;
    assert!(code == 1 && line.contains("seats: 1 person waits for a seat of EMS"), "{code}: {line}");
    let text = bench.says(&["status"]).await;
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(lines[0], "seatsync   running; one thing to look at", "{text}");
    assert!(lines[1].starts_with("> seats      1 person waits for a seat of EMS: buy or free seats"), "{text}");
    assert_eq!(lines[2], "", "{text}");

    bench.tenant.set_seats("EMS", 50).expect("there is EMS");
    until_standing(&store, &ada, "licensed").await;
    let words = "License assignment failed because service plans are mutually exclusive.";
    bench.tenant.fault(Fault::answer(Match::path("assignLicense").once(), 400, "Request_BadRequest", words));
    bench.join("bob", "DE");
    until(&store, |report| report.standing.contains_key("refused")).await;
    let text = bench.says(&["status"]).await;
    assert!(
        text.contains("> refused    1 license, each with its reason: `seatsync users --standing refused`"),
        "{text}"
    );
    daemon.stop().await;
    let text = bench.says(&["status"]).await;
    let second = text.lines().nth(1).expect("a second line");
    assert!(
        second.starts_with("! agent      no agent is running: `systemctl start seatsync`"),
        "the worst first:\n{text}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn the_screen_is_repainted_until_it_is_told_to_end() {
    let bench = Bench::start(5).await;
    let daemon = Daemon::acquainted(&bench).await;
    let watching = Daemon::start(&bench, &["status", "--watch"]);
    watching.until_said("running, all is well").await;
    bench.says(&["pause", "holidays"]).await;
    watching.until_said("paused: holidays; `seatsync resume` goes on").await;
    watching.signal(Signal::INT);
    let (status, said) = watching.ended().await;
    assert!(status.success(), "{status}");
    assert!(!said.contains('\x1b'), "no terminal, no control codes");
    daemon.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_only_looks_needs_neither_the_secrets_nor_a_file_without_mistakes() {
    let mut bench = Bench::start(2).await;
    bench.says(&["once"]).await;
    bench.edit("[tenant]", "[tenant]\nno_such_key = 1");
    bench.config();
    assert!(!bench.output(&["config", "check"]).await.status.success());
    let shown = bench.says(&["status"]).await;
    assert!(shown.contains("no agent is running") && shown.contains("directory "), "{shown}");
    bench.says(&["users"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_asks_the_running_agent_needs_neither_as_well() {
    let mut bench = Bench::start(2).await;
    let daemon = Daemon::acquainted(&bench).await;
    let ada = bench.join("ada", "DE");
    until_standing(&bench.store(), &ada, "licensed").await;
    bench.edit("[tenant]", "[tenant]\nno_such_key = 1");
    bench.config();
    bench.says(&["unassign", &ada.upn, "--sku", "EMS"]).await;
    bench.until_user(&ada, |user| !user.holds("EMS")).await;
    daemon.stop().await;
}
