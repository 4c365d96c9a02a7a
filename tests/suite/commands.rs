//! The commands that only look: what a person reads, what a program reads, and how each ends.

use std::process::Stdio;

use serde_json::Value;
use tokio::process::Command;

use crate::bench::{Bench, Joiner, until_standing};
use crate::daemon::{Daemon, soon};

async fn said(bench: &Bench, arguments: &[&str]) -> (i32, String, String) {
    let output = bench.output(arguments).await;
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (output.status.code().expect("a status"), text(&output.stdout), text(&output.stderr))
}

/// What it says when all is well. No line ends in blanks.
async fn told(bench: &Bench, arguments: &[&str]) -> String {
    let (code, out, err) = said(bench, arguments).await;
    assert_eq!(code, 0, "{arguments:?}: {out}{err}");
    assert!(out.lines().all(|line| line.trim_end() == line), "{arguments:?}: blanks at the end of a line:\n{out}");
    out
}

async fn json(bench: &Bench, arguments: &[&str]) -> Value {
    serde_json::from_str(&told(bench, arguments).await).expect("JSON")
}

fn contains_all(text: &str, parts: &[&str]) {
    for part in parts {
        assert!(text.contains(part), "{part:?} is not in:\n{text}");
    }
}

/// Ada is licensed, Bob is awaited, Carl was excluded; no agent runs.
async fn after_a_day() -> (Bench, Joiner) {
    let bench = Bench::start(5).await;
    let daemon = Daemon::acquainted(&bench).await;
    let ada = bench.join("ada", "DE");
    bench.hire("bob", "");
    let carl = bench.join("carl", "DE");
    let store = bench.store();
    until_standing(&store, &ada, "licensed").await;
    until_standing(&store, &carl, "licensed").await;
    bench.tenant.patch_user(&carl.upn, "accountEnabled", false).expect("it is disabled");
    let excluded = |report: &seatsync::store::Report| report.excluded.contains_key("disabled-in-tenant");
    crate::bench::until(&store, |report| excluded(report) && report.presence.contains_key("awaiting")).await;
    daemon.stop().await;
    drop(store);
    let last_closed = async {
        while bench.path("seatsync.db-wal").exists() {
            tokio::time::sleep(std::time::Duration::from_millis(10)).await;
        }
    };
    soon(last_closed).await;
    (bench, ada)
}

#[tokio::test(flavor = "multi_thread")]
async fn status_says_what_matters_and_what_to_do() {
    let (bench, _) = after_a_day().await;
    let text = told(&bench, &["status"]).await;
    contains_all(
        &text,
        &[
            "no agent is running",
            "mode       apply",
            "corp.example.test, read ",
            &bench.tenant.tenant_id().to_string(),
            "1 awaiting",
            "excluded",
            "1 disabled-in-tenant",
            "bob@corp.example.test longest, since 2",
            "1 lapsed, 1 licensed",
            "PRODUCT",
            "EMS",
        ],
    );
    let state = json(&bench, &["status", "--json"]).await;
    for key in [
        "tenant",
        "domain",
        "acquainted",
        "presence",
        "standing",
        "holds",
        "skus",
        "troubles",
        "running",
        "paused",
        "mode",
        "unusable",
    ] {
        assert!(state.get(key).is_some(), "{key} is missing: {state}");
    }
    assert_eq!((&state["running"], &state["standing"]["licensed"]), (&Value::Bool(false), &1.into()));
    let daemon = Daemon::run(&bench);
    daemon.until_said("started in mode").await;
    contains_all(&told(&bench, &["status"]).await, &["running, all is well"]);
    daemon.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn users_are_listed_by_presence_and_standing() {
    let (bench, _) = after_a_day().await;
    let text = told(&bench, &["users"]).await;
    contains_all(
        &text,
        &[
            "USER",
            "STANDING",
            "ada@corp.example.test",
            "licensed",
            "bob@corp.example.test",
            "awaiting",
            "disabled in the tenant",
        ],
    );
    let text = told(&bench, &["users", "--presence", "awaiting"]).await;
    assert!(text.contains("bob@") && !text.contains("ada@"), "{text}");
    let text = told(&bench, &["users", "--standing", "licensed", "--limit", "1"]).await;
    assert!(text.contains("ada@") && !text.contains("carl@"), "{text}");
    let people = json(&bench, &["users", "--standing", "licensed", "--json"]).await;
    assert_eq!(people[0]["name"], "ada@corp.example.test");
    assert_eq!(people[0]["entitlements"][0]["product"], "EMS");
    assert_eq!(people[0]["entitlements"][0]["standing"], "licensed");
    let (code, _, err) = said(&bench, &["users", "--standing", "licenced"]).await;
    assert_eq!(code, 64, "a word that is none is no empty list: {err}");
    contains_all(&err, &["licensed"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn explain_tells_the_story_by_any_name() {
    let (bench, ada) = after_a_day().await;
    let guid = ada.guid.to_string();
    let id = bench.user(&ada).id.to_string();
    let names = [
        "ada@corp.example.test".to_owned(),
        "ADA@CORP.example.test".to_owned(),
        "ada".to_owned(),
        guid.clone(),
        guid.to_uppercase(),
        format!("{{{}}}", guid.to_uppercase()),
        id,
    ];
    let first = told(&bench, &["explain", &names[0]]).await;
    for name in &names {
        assert_eq!(told(&bench, &["explain", name]).await, first, "{name}");
    }
    let requests = bench.tenant.requests();
    let written = |part: &str| {
        let found =
            requests.iter().find(|request| request.user == Some(bench.user(&ada).id) && request.path.contains(part));
        found.expect("the request").request_id.clone()
    };
    contains_all(
        &first,
        &[
            "CN=ada,OU=Staff,DC=corp,DC=example,DC=test",
            &guid,
            "usage location DE",
            "EMS licensed since",
            "given by seatsync",
            "seen in the directory",
            "seen in the tenant",
            "decided to set the usage location to DE (from c)",
            "decided to assign EMS (rule intune)",
            "accepted",
            &written("assignLicense"),
        ],
    );
    let order = ["seen in the directory", "seen in the tenant", "decided to set", "decided to assign", "→ licensed"];
    let places: Vec<usize> =
        order.iter().map(|part| first.find(part).unwrap_or_else(|| panic!("{part}:\n{first}"))).collect();
    assert!(places.is_sorted(), "{first}");
    let story = json(&bench, &["explain", "ada", "--json"]).await;
    assert_eq!(story["person"]["name"], "ada@corp.example.test");
    assert!(
        ["accounts", "users", "rules", "intents", "timeline"].iter().all(|key| story.get(key).is_some()),
        "{story}"
    );
    let (code, _, err) = said(&bench, &["explain", "nobody@corp.example.test"]).await;
    assert_eq!(code, 67);
    contains_all(&err, &["nobody known by \"nobody@corp.example.test\"\n", "seatsync users", "[not-found]"]);
    let (code, _, err) = said(&bench, &["explain", "Ada@corp"]).await;
    assert_eq!(code, 67);
    contains_all(&err, &["nobody known by \"Ada@corp\"; did you mean ada@corp.example.test?"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn plan_shows_the_writes_and_touches_neither_side() {
    let (mut bench, _) = after_a_day().await;
    bench.edit("level = \"debug\"", "level = \"error\"");
    bench.join("eve", "FR");
    bench.join("mal", "");
    let before = std::fs::read(bench.path("seatsync.db")).expect("the store");
    let counters = bench.tenant.counters();
    let text = told(&bench, &["plan"]).await;
    contains_all(
        &text,
        &["eve@corp.example.test", "FR (from c)", "SE (from default)", "EMS", "intune", "2 persons would be licensed"],
    );
    let plan = json(&bench, &["plan", "--json"]).await;
    let writes = plan["writes"].as_array().expect("writes");
    assert_eq!(writes.len(), 2);
    assert_eq!(
        (&writes[0]["licenses"][0]["product"], &writes[0]["licenses"][0]["rule"]),
        (&"EMS".into(), &"intune".into())
    );
    let after = bench.tenant.counters();
    let written = |counters: &seatsync_lab::tenant::Counters| {
        (counters.patch_usage_location, counters.assign_license, counters.other_writes)
    };
    assert_eq!(written(&after), written(&counters));
    assert!(before == std::fs::read(bench.path("seatsync.db")).expect("the store"), "the store has changed");
    let first = Bench::start(3).await;
    contains_all(&told(&first, &["plan"]).await, &["0 persons would be licensed"]);
    assert!(!first.path("seatsync.db").exists(), "a plan makes no store");
}

#[tokio::test(flavor = "multi_thread")]
async fn once_counts_what_it_did() {
    let bench = Bench::start(3).await;
    let turn = json(&bench, &["once", "--json"]).await;
    assert_eq!((&turn["acquainted"], &turn["sent"]), (&Value::Bool(true), &0.into()));
    bench.join("ada", "DE");
    let text = told(&bench, &["once"]).await;
    contains_all(&text, &["2 writes sent, 2 accepted"]);
    contains_all(&told(&bench, &["once"]).await, &["0 writes sent"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn config_check_says_everything_at_once() {
    let mut bench = Bench::start(1).await;
    contains_all(&told(&bench, &["config", "check"]).await, &["configuration OK"]);
    assert_eq!(json(&bench, &["config", "check", "--json"]).await, Value::Array(Vec::new()));
    bench.edit("mode = \"apply\"", "mode = \"write\"\ncolour = 3");
    bench.edit("poll = \"100ms\"", "poll = \"soon\"");
    let (code, _, err) = said(&bench, &["config", "check"]).await;
    assert_eq!(code, 78);
    contains_all(&err, &["seatsync.toml:1:", "\"write\"", "colour", "soon", "hint", "[config-invalid]"]);
    let (code, out, _) = said(&bench, &["config", "check", "--json"]).await;
    let problems: Value = serde_json::from_str(&out).expect("JSON");
    assert_eq!((code, problems.as_array().expect("a list").len()), (78, 3), "{out}");
    assert!(problems[0].get("line").is_some() && problems[0].get("column").is_some(), "{out}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_example_passes_its_own_check() {
    let bench = Bench::start(1).await;
    let example = told(&bench, &["config", "example"]).await;
    bench.write("example.toml", &example);
    let output = Command::new(env!("CARGO_BIN_EXE_seatsync"))
        .args(["config", "check", "--config"])
        .arg(bench.path("example.toml"))
        .output()
        .await
        .expect("it runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

#[tokio::test(flavor = "multi_thread")]
async fn wrong_use_ends_with_64_and_help_with_0() {
    let bench = Bench::start(1).await;
    for wrong in [
        &["licence"][..],
        &["explain"],
        &["approve", "one"],
        &["retry"],
        &["run", "--store", "x"],
        &["include", "r", "--since", "soon"],
    ] {
        let (code, out, err) = said(&bench, wrong).await;
        assert!(code == 64 && out.is_empty() && err.starts_with("error: "), "{wrong:?}: {code}\n{out}{err}");
    }
    for command in [
        "run", "once", "plan", "status", "users", "explain", "include", "approve", "reject", "pause", "resume",
        "retry", "doctor", "config", "audit", "backup",
    ] {
        let (code, out, _) = said(&bench, &[command, "--help"]).await;
        assert!(
            code == 0 && out.contains("Usage: seatsync ") && out.lines().all(|line| line.len() <= 100),
            "{command}:\n{out}"
        );
    }
    contains_all(&told(&bench, &["--help"]).await, &["Exit status:", "  78  "]);
    let (code, _, err) = said(&bench, &["status"]).await;
    assert_eq!(code, 74, "there is no store yet");
    contains_all(&err, &["no agent has run here yet", "[store-missing]"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reader_that_goes_away_is_no_error() {
    let (bench, _) = after_a_day().await;
    for arguments in [
        &["users"][..],
        &["explain", "ada"],
        &["status", "--json"],
        &["config", "example"],
        &["audit"],
        &["audit", "--json"],
        &["once"],
    ] {
        let mut program = bench.program(arguments);
        let mut child = program.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("it starts");
        drop((child.stdout.take(), child.stderr.take()));
        let status = child.wait().await.expect("it ends");
        assert_eq!(status.code(), Some(0), "{arguments:?}");
    }
}
