//! `seatsync doctor`: what is examined, what each finding says, and the pilot.

use jiff::SignedDuration;
use seatsync::store::Lease;
use seatsync_lab::tenant::{Fault, LicenseChange, Match, NewLicense};
use serde_json::Value;

use crate::bench::{Bench, Joiner, standings, until_standing};
use crate::daemon::Daemon;

/// Exactly what a configuration in mode "apply" needs.
const LEAST: [&str; 4] =
    ["User.Read.All", "LicenseAssignment.Read.All", "LicenseAssignment.ReadWrite.All", "User.ReadUpdate.All"];

const SECRET: &str = r#"secret = { file = "client-secret" }"#;

/// A tenant with that granted, and a configuration that leaves nothing to wish for.
async fn bench() -> Bench {
    let mut bench = Bench::start(3).await;
    bench.tenant.set_roles(&LEAST);
    bench.edit(SECRET, &format!("{SECRET}, expires = \"2099-01-31\""));
    bench
}

/// What `doctor --json` finds, and the status it ends with.
async fn examined(bench: &Bench) -> (i32, Vec<Value>, Value) {
    let output = bench.output(&["doctor", "--tenant", "--json"]).await;
    let all: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    let code = output.status.code().expect("a status");
    assert_eq!(all["exit"], code);
    (code, all["checks"].as_array().expect("checks").clone(), all)
}

fn about<'a>(checks: &'a [Value], topic: &str) -> Vec<&'a Value> {
    checks.iter().filter(|check| check["check"] == topic).collect()
}

/// What stands in the only line of a topic.
fn only<'a>(checks: &'a [Value], topic: &str) -> (&'a str, &'a str) {
    let found = about(checks, topic);
    assert_eq!(found.len(), 1, "{topic}: {checks:#?}");
    (found[0]["state"].as_str().expect("a state"), found[0]["found"].as_str().expect("a finding"))
}

/// Names of the permissions that came out so.
fn permissions<'a>(checks: &'a [Value], state: &str) -> Vec<&'a str> {
    let found = about(checks, "permission").into_iter().filter(|check| check["state"] == state);
    found.filter_map(|check| check["about"].as_str()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn all_is_well_with_exactly_what_is_needed_whether_or_not_an_agent_runs() {
    let bench = bench().await;
    let before = bench.tenant.counters();
    let text = bench.says(&["doctor"]).await;
    assert!(text.lines().all(|line| line.chars().count() <= 100 && line.trim_end() == line), "{text}");
    assert!(!bench.path("seatsync.db").exists() && !bench.path("seatsync.db.lock").exists(), "{text}");
    for part in ["mode \"apply\"", "is not there yet", "Contoso", "assigns EMS", "48 of 48 seats free", "agrees with"] {
        assert!(text.contains(part), "{part:?} is not in:\n{text}");
    }
    let (code, checks, all) = examined(&bench).await;
    assert_eq!(
        (code, &all["counts"]["warn"], &all["counts"]["fail"], &all["grant"]),
        (0, &0.into(), &0.into(), &Value::Null)
    );
    assert_eq!(permissions(&checks, "ok"), LEAST);

    let daemon = Daemon::acquainted(&bench).await;
    let (code, checks, all) = examined(&bench).await;
    // The permission that only a list asks for is there for whoever wants it; metrics are off in the tests.
    assert_eq!((code, &all["counts"]["ok"]), (0, &(checks.len() - 2).into()), "{all:#}");
    assert_eq!(permissions(&checks, "skipped"), ["DeviceManagementManagedDevices.Read.All"]);
    assert!(only(&checks, "store").1.contains("schema"), "{all:#}");
    daemon.stop().await;
    let after = bench.tenant.counters();
    let writes = |counters: &seatsync_lab::tenant::Counters| (counters.assign_license, counters.other_writes);
    assert_eq!(writes(&before), writes(&after));
}

#[tokio::test(flavor = "multi_thread")]
async fn each_missing_permission_is_named_with_the_way_to_grant_it() {
    let bench = bench().await;
    for missing in LEAST {
        let granted: Vec<&str> = LEAST.into_iter().filter(|name| *name != missing).collect();
        bench.tenant.set_roles(&granted);
        let (code, checks, all) = examined(&bench).await;
        assert_eq!(
            (code, permissions(&checks, "fail"), permissions(&checks, "warn")),
            (77, vec![missing], vec![]),
            "{all:#}"
        );
        assert_eq!(all["grant"]["permissions"], Value::from(vec![missing]));
        let text = bench.output(&["doctor"]).await;
        let text = String::from_utf8_lossy(&text.stdout).into_owned();
        for part in ["API permissions", "New-MgServicePrincipalAppRoleAssignment", &format!("$names = '{missing}'")] {
            assert!(text.contains(part), "{part:?} is not in:\n{text}");
        }
        assert!(text.lines().all(|line| line.chars().count() <= 100), "{text}");
    }
    bench.tenant.set_roles(&["LicenseAssignment.ReadWrite.All"]);
    let (_, checks, _) = examined(&bench).await;
    assert_eq!(permissions(&checks, "fail"), ["User.Read.All", "LicenseAssignment.Read.All", "User.ReadUpdate.All"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn more_than_needed_is_warned_of_and_a_broader_permission_is_enough() {
    let mut bench = bench().await;
    bench.tenant.set_roles(&["Directory.ReadWrite.All"]);
    let (code, checks, all) = examined(&bench).await;
    assert_eq!((code, permissions(&checks, "warn")), (0, vec!["Directory.ReadWrite.All"]), "{all:#}");
    assert_eq!(permissions(&checks, "ok"), LEAST);

    bench.edit("[usage_location]", "[usage_location]\nwrite = false");
    bench.tenant.set_roles(&[&LEAST[..3], &["User.ReadWrite.All"]].concat());
    let (code, checks, all) = examined(&bench).await;
    assert_eq!((code, permissions(&checks, "warn")), (0, vec!["User.ReadWrite.All"]), "{all:#}");
    assert_eq!(permissions(&checks, "ok"), LEAST[..3]);
}

#[tokio::test(flavor = "multi_thread")]
async fn observing_does_without_the_right_to_write() {
    let mut bench = bench().await;
    bench.edit("mode = \"apply\"", "mode = \"observe\"");
    bench.tenant.set_roles(&LEAST[..2]);
    let (code, checks, all) = examined(&bench).await;
    let skipped = [&LEAST[2..], &["DeviceManagementManagedDevices.Read.All"]].concat();
    assert_eq!((code, permissions(&checks, "ok"), permissions(&checks, "skipped")), (0, LEAST[..2].to_vec(), skipped));
    assert_eq!(all["grant"], Value::Null);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rule_that_means_nothing_here_and_a_product_without_seats_are_told() {
    let mut bench = bench().await;
    let ada = bench.join("ada", "DE");
    let change = LicenseChange { add: vec![NewLicense::direct("EMS")], ..LicenseChange::default() };
    bench.tenant.change_licenses(&ada.upn, &change).expect("it is assigned");
    bench.tenant.set_seats("EMS", 1).expect("there is EMS");
    bench.rules.push_str("[[license]]\nid = \"typo\"\nsku = \"SPE_E4\"\n");
    bench.rules.push_str("[[license]]\nid = \"plan\"\nsku = \"SPE_E3\"\ndisable_plans = [\"INTUNE_B\"]\n");
    let (code, checks, all) = examined(&bench).await;
    let rules: Vec<(&str, &str)> = about(&checks, "rule")
        .iter()
        .map(|check| (check["about"].as_str().unwrap_or_default(), check["state"].as_str().unwrap_or_default()))
        .collect();
    assert_eq!((code, rules), (78, vec![("intune", "ok"), ("typo", "fail"), ("plan", "fail")]), "{all:#}");
    let remedies: Vec<&str> = about(&checks, "rule").iter().filter_map(|check| check["remedy"].as_str()).collect();
    assert!(remedies[0].contains("mean \"SPE_E3\"") && remedies[1].contains("mean \"INTUNE_A\""), "{remedies:?}");
    assert_eq!(only(&checks, "product"), ("warn", "0 of 1 seats free"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_clock_that_is_off_is_measured() {
    let bench = bench().await;
    for (seconds, code, state) in [(20, 0, "ok"), (150, 0, "warn"), (-700, 78, "fail")] {
        bench.tenant.set_knobs(|knobs| knobs.date_skew = seconds);
        let (found, checks, all) = examined(&bench).await;
        assert_eq!((found, only(&checks, "clock").0), (code, state), "{all:#}");
        assert_eq!(only(&checks, "login").0, "ok");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_login_is_told_with_its_cause_and_ends_the_examination() {
    let mut bench = bench().await;
    let yesterday = bench.tenant.now() - SignedDuration::from_hours(24);
    bench.tenant.set_secret("lab-secret", Some(yesterday));
    bench.edit("2099-01-31", &yesterday.strftime("%Y-%m-%d").to_string());
    let (code, checks, all) = examined(&bench).await;
    let login = about(&checks, "login")[0];
    assert_eq!(
        (code, &login["code"], only(&checks, "credential").0),
        (77, &"login-secret-expired".into(), "fail"),
        "{all:#}"
    );
    for skipped in ["permission", "rule", "product", "organization"] {
        assert_eq!(only(&checks, skipped).0, "skipped");
    }

    bench.tenant.set_secret("lab-secret", None);
    let (code, checks, _) = examined(&bench).await;
    assert_eq!((code, only(&checks, "credential").0), (0, "warn"), "it works though it should not");

    bench.tenant.fault(Fault::gateway(Match::path("/token"), 503));
    let (code, checks, _) = examined(&bench).await;
    assert_eq!((code, &about(&checks, "login")[0]["code"]), (69, &"login-unavailable".into()));
    assert_eq!(only(&checks, "graph").0, "ok");

    bench.tenant.shutdown();
    let (code, checks, _) = examined(&bench).await;
    assert_eq!((code, &about(&checks, "graph")[0]["code"]), (69, &"tenant-unreachable".into()));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_configuration_that_does_not_load_is_a_finding() {
    let mut bench = bench().await;
    bench.edit("mode = \"apply\"", "mode = \"write\"");
    let (code, checks, _) = examined(&bench).await;
    assert_eq!((code, checks.len(), &checks[0]["code"]), (78, 1, &"config-invalid".into()));
}

/// Two who have been there for long, and an agent that has met them and ended.
async fn with_baseline(mode: &str) -> (Bench, Joiner, Joiner) {
    let mut bench = bench().await;
    bench.edit("mode = \"apply\"", &format!("mode = \"{mode}\""));
    let (ada, bob) = (bench.hire("ada", "DE"), bench.hire("bob", "DE"));
    bench.sync_old(&ada, 400);
    bench.sync_old(&bob, 400);
    bench.says(&["once"]).await;
    (bench, ada, bob)
}

/// Who is licensed, and that nobody else was written to.
fn only_licensed(bench: &Bench, ada: &Joiner, others: &[&Joiner]) {
    let user = bench.user(ada);
    assert!(user.holds("EMS") && user.usage_location.as_deref() == Some("DE"), "{user:?}");
    assert!(others.iter().all(|other| !bench.user(other).holds("EMS")));
    assert_eq!(bench.writes(), (1, 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pilot_without_an_agent_writes_for_one_user_alone() {
    let (bench, ada, bob) = with_baseline("apply").await;
    // Due like anybody, and yet not the pilot.
    let carl = bench.join("carl", "DE");
    let said = bench.says(&["doctor", "--pilot", "ada"]).await;
    only_licensed(&bench, &ada, &[&bob, &carl]);
    let store = bench.store();
    assert_eq!(standings(&store, &ada).await, ["licensed"]);
    assert_eq!(
        (standings(&store, &bob).await, standings(&store, &carl).await),
        (vec!["baseline".into()], vec!["due".into()])
    );
    let ids = bench.tenant.requests().into_iter().filter(|request| request.user == Some(bench.user(&ada).id));
    let written: Vec<_> = ids.filter(|request| request.method != "GET").map(|request| request.request_id).collect();
    assert_eq!(written.len(), 2);
    let parts = ["will set the usage location to DE (from c) and assign EMS (rule intune)", "seen to work, after"];
    for part in parts.iter().copied().chain(written.iter().map(|id| id.as_str())) {
        assert!(said.contains(part), "{part:?} is not in:\n{said}");
    }
    assert!(Lease::take(&bench.path("seatsync.db")).is_ok(), "the lease is given back");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pilot_beside_an_agent_is_a_request_to_it() {
    let (bench, ada, bob) = with_baseline("apply").await;
    let daemon = Daemon::run(&bench);
    daemon.until_said("started in mode").await;
    let told: Value = serde_json::from_str(&bench.says(&["doctor", "--pilot", "ada", "--json"]).await).expect("JSON");
    assert_eq!(
        (&told["course"], &told["standing"], &told["plan"]["rule"]),
        (&"landed".into(), &"licensed".into(), &"intune".into())
    );
    let kinds: Vec<&str> =
        told["timeline"].as_array().expect("rows").iter().filter_map(|row| row["kind"].as_str()).collect();
    assert!(kinds.contains(&"intent") && kinds.contains(&"answer"), "{told:#}");
    only_licensed(&bench, &ada, &[&bob]);
    daemon.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pilot_in_observe_mode_writes_only_when_told_to() {
    let (bench, ada, bob) = with_baseline("observe").await;
    let said = bench.says(&["doctor", "--pilot", "ada"]).await;
    assert!(said.contains("would set the usage location to DE") && said.contains("--write"), "{said}");
    assert_eq!(bench.writes(), (0, 0));
    assert_eq!(standings(&bench.store(), &ada).await, ["baseline"]);

    let daemon = Daemon::run(&bench);
    daemon.until_said("started in mode").await;
    let refused = bench.output(&["doctor", "--pilot", "ada", "--write"]).await;
    assert_eq!(refused.status.code(), Some(75), "{refused:?}");
    daemon.stop().await;

    bench.says(&["doctor", "--pilot", "ada", "--write"]).await;
    only_licensed(&bench, &ada, &[&bob]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pilot_gives_what_it_announced_to_somebody_just_synchronised_who_is_due_for_more() {
    let mut bench = bench().await;
    bench.edit("mode = \"apply\"", "mode = \"observe\"");
    bench.rules.push_str("[[license]]\nid = \"suite\"\nsku = \"SPE_E3\"\nunless_has_plan = []\n");
    bench.says(&["once"]).await;
    let eve = bench.join("eve", "FR");
    let said = bench.says(&["doctor", "--pilot", "eve", "--rule", "suite", "--write"]).await;
    assert!(said.contains("assign SPE_E3 (rule suite)") && !said.contains("EMS"), "{said}");
    assert!(bench.user(&eve).holds("SPE_E3") && !bench.user(&eve).holds("EMS"));
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_no_pilot_and_what_stops_one_is_said() {
    let (bench, ada, bob) = with_baseline("apply").await;
    let ends = async |arguments: &[&str]| {
        let output = bench.output(arguments).await;
        (output.status.code(), String::from_utf8_lossy(&output.stderr).into_owned())
    };
    let (code, said) = ends(&["doctor", "--pilot", "ada", "--rule", "nosuch"]).await;
    assert!(code == Some(67) && said.contains("no rule \"nosuch\"") && said.contains("[pilot-unfit]"), "{said}");
    bench.says(&["pause", "change freeze"]).await;
    let (code, said) = ends(&["doctor", "--pilot", "ada"]).await;
    assert!(code == Some(67) && said.contains("change freeze"), "{said}");
    bench.says(&["resume"]).await;

    bench.tenant.set_roles(&LEAST[..2]);
    let (code, said) = ends(&["doctor", "--pilot", "ada"]).await;
    assert!(code == Some(77) && said.contains("[graph-forbidden]") && said.contains("[pilot-stuck]"), "{said}");
    assert!(!bench.user(&ada).holds("EMS"));

    bench.tenant.set_roles(&LEAST);
    bench.tenant.set_seats("EMS", 0).expect("there is EMS");
    let (code, said) = ends(&["doctor", "--pilot", "bob", "--wait", "1s"]).await;
    assert!(code == Some(75) && said.contains("no seat is free") && said.contains("[pilot-unfinished]"), "{said}");
    bench.tenant.set_seats("EMS", 10).expect("there is EMS");
    bench.says(&["doctor", "--pilot", "bob"]).await;
    until_standing(&bench.store(), &bob, "licensed").await;
    let (code, said) = ends(&["doctor", "--pilot", "bob"]).await;
    assert!(code == Some(67) && said.contains("needs nothing (licensed)"), "{said}");
}

#[test]
fn every_check_has_its_row() {
    let page = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/operations.md")).expect("the page");
    let section = page.split("\n## Doctor\n").nth(1).expect("a section").split("\n## ").next().unwrap_or_default();
    let source =
        std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/src/doctor/mod.rs")).expect("the source");
    let words: Vec<&str> = source
        .split("impl Topic")
        .nth(1)
        .and_then(|rest| rest.split("\n    }\n").next())
        .expect("the words")
        .split('"')
        .skip(1)
        .step_by(2)
        .collect();
    assert!(words.len() > 10, "{words:?}");
    for word in words {
        assert!(section.contains(&format!("| `{word}` |")), "docs/operations.md, \"Doctor\", lacks {word}");
    }
}
