//! The audit answers who, what, before, after, why, when and by which request; it is listed, exported and verified, and what was
//! done to it is found.

use rusqlite::Connection;
use seatsync::store::AuditFilter;
use serde_json::{Value, json};

use crate::bench::{Bench, Joiner};
use crate::daemon::Daemon;

async fn ended(bench: &Bench, arguments: &[&str]) -> (i32, String, String) {
    let output = bench.output(arguments).await;
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (output.status.code().expect("a status"), text(&output.stdout), text(&output.stderr))
}

/// What `audit --json` prints with these arguments.
async fn rows(bench: &Bench, arguments: &[&str]) -> Vec<Value> {
    let (code, out, err) = ended(bench, &[&["audit", "--json"], arguments].concat()).await;
    assert_eq!(code, 0, "{arguments:?}: {err}");
    out.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect()
}

/// Graph's and our names for the writes for a user that the lab answered, by HTTP method.
fn requests(bench: &Bench, joiner: &Joiner, method: &str) -> Vec<(String, String)> {
    let id = bench.user(joiner).id;
    let found = bench
        .tenant
        .requests()
        .into_iter()
        .filter(|request| request.user == Some(id) && request.method == method && !request.path.contains("$batch"));
    found.map(|request| (request.request_id, request.client_request_id.expect("named by us"))).collect()
}

/// A raw look at the store, past what keeps it.
fn raw(bench: &Bench) -> Connection {
    let db = Connection::open(bench.path("seatsync.db")).expect("the store opens");
    db.execute_batch("DROP TRIGGER audit_is_never_changed; DROP TRIGGER audit_is_never_deleted").expect("triggers");
    db
}

/// A store with some people licensed, and no agent.
async fn worked(people: &[&str]) -> (Bench, Vec<Joiner>) {
    let bench = Bench::start(5).await;
    let agent = bench.running().await;
    let joiners: Vec<_> = people.iter().map(|name| bench.join(name, "DE")).collect();
    for joiner in &joiners {
        agent.until_standing(joiner, "licensed").await;
    }
    agent.stop().await;
    (bench, joiners)
}

/// Invariant 12, from the outside: both writes for one person, each with all that an auditor asks.
#[tokio::test(flavor = "multi_thread")]
async fn the_record_of_a_write_answers_every_question() {
    let bench = Bench::start(5).await;
    let agent = bench.running().await;
    let before = bench.tenant.now();
    let ada = bench.hire("ada", "DE");
    bench.sync(&ada);
    agent.until_standing(&ada, "licensed").await;
    agent.stop().await;
    let (user, config) = (bench.user(&ada), bench.settings().digest);
    let of = async |kind: &str| rows(&bench, &["--user", &ada.upn, "--kind", kind]).await;
    let (intents, answers) = (of("intent").await, of("answer").await);
    assert_eq!((intents.len(), answers.len()), (2, 2), "{intents:#?}{answers:#?}");
    let ems = bench.tenant.view(|view| view.sku("EMS").expect("EMS").sku_id.to_string());
    for (number, method) in ["PATCH", "POST"].into_iter().enumerate() {
        let (intent, answer) = (&intents[number], &answers[number]);
        let [(request_id, client_request_id)] = &requests(&bench, &ada, method)[..] else { panic!("not one {method}") };
        for row in [intent, answer] {
            // When.
            let at: jiff::Timestamp = row["at"].as_str().expect("a time").parse().expect("a time");
            assert!(at.as_second() >= before.as_second() && at <= bench.tenant.now(), "{row:#}");
            // Whom.
            assert_eq!((&row["subject"], &row["detail"]["user"]), (&json!(ada.upn), &json!(user.id.to_string())));
            // Why, and at whose word.
            assert_eq!((&row["rules"], &row["by"]), (&json!(["intune"]), &Value::Null), "{row:#}");
            assert_eq!(row["config"], json!(config));
            assert_eq!(row["skus"], json!([ems]));
            // By which request.
            assert_eq!(row["client_request_id"], json!(client_request_id));
            assert_eq!(row["detail"]["intent"], intent["detail"]["intent"]);
        }
        assert_eq!((&answer["request_id"], &answer["detail"]["outcome"]), (&json!(request_id), &json!("accepted")));
        assert!(answer["detail"]["answer"]["status"].is_number(), "{answer:#}");
    }
    // What, before and after.
    let [location, license] = [&intents[0]["detail"], &intents[1]["detail"]];
    assert_eq!(location["step"]["location"]["write"]["to"], "DE");
    assert_eq!((&location["before"]["location"], &location["after"]["location"]), (&Value::Null, &json!("DE")));
    assert_eq!(location["before"]["licenses"], location["after"]["licenses"]);
    assert_eq!(license["step"]["license"]["add"][0]["sku"], json!(ems));
    assert_eq!((&license["before"]["location"], &license["after"]["location"]), (&json!("DE"), &json!("DE")));
    assert_eq!(license["before"]["licenses"], json!([]));
    assert_eq!(license["after"]["licenses"], json!([{ "sku": ems, "disabled": [] }]));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_an_operator_asked_for_is_told_with_its_name() {
    let (bench, people) = worked(&["ada"]).await;
    let daemon = Daemon::run(&bench);
    let uid = format!("uid {}", rustix::process::getuid().as_raw());
    let (code, out, err) = ended(&bench, &["unassign", &people[0].upn, "--sku", "EMS"]).await;
    assert_eq!(code, 0, "{out}{err}");
    bench.until_user(&people[0], |user| !user.holds("EMS")).await;
    daemon.stop().await;
    let asked = rows(&bench, &["--kind", "request"]).await;
    let by = asked[0]["by"].as_str().expect("somebody").to_owned();
    assert!(by.contains(&uid), "{asked:#?}");
    let took = rows(&bench, &["--user", &people[0].upn, "--kind", "intent", "--by", &by]).await;
    let [took] = &took[..] else { panic!("{took:#?}") };
    let before = &took["detail"]["before"]["licenses"];
    assert_eq!((before.as_array().map(Vec::len), &took["detail"]["after"]["licenses"]), (Some(1), &json!([])));
    let (_, table, _) = ended(&bench, &["audit", "--by", &by]).await;
    assert!(table.contains("take away EMS") && table.contains("WHEN"), "{table}");
}

#[tokio::test(flavor = "multi_thread")]
async fn filters_find_what_is_asked_for_and_csv_has_the_same() {
    let (bench, people) = worked(&["ada", "bob"]).await;
    let all = rows(&bench, &[]).await;
    let ids = |rows: &[Value]| rows.iter().map(|row| row["id"].as_i64().expect("a number")).collect::<Vec<_>>();
    assert!(ids(&all).is_sorted() && all.len() > 12, "{all:#?}");
    let found = async |arguments: &[&str]| ids(&rows(&bench, arguments).await);
    let expected =
        |fits: &dyn Fn(&Value) -> bool| ids(&all.iter().filter(|row| fits(row)).cloned().collect::<Vec<_>>());
    let ada = expected(&|row| row["subject"] == json!(people[0].upn));
    assert_eq!(found(&["--user", "ada"]).await, ada);
    let standing = expected(&|row| ["standing", "answer"].contains(&row["kind"].as_str().unwrap_or_default()));
    assert_eq!(found(&["--kind", "standing", "--kind", "answer"]).await, standing);
    assert_eq!(found(&["--rule", "intune"]).await, expected(&|row| row["rules"] == json!(["intune"])));
    assert_eq!(found(&["--rule", "other"]).await, Vec::<i64>::new());
    assert_eq!(
        found(&["--sku", "ems", "--user", "ada"]).await.len(),
        found(&["--rule", "intune", "--user", "ada"]).await.len()
    );
    let request = all.iter().find_map(|row| row["request_id"].as_str()).expect("a request");
    assert_eq!(found(&["--request-id", request]).await, expected(&|row| row["request_id"] == json!(request)));
    let middle = all[all.len() / 2]["at"].as_str().expect("a time");
    let (older, newer) = (found(&["--until", middle]).await, found(&["--since", middle]).await);
    assert_eq!([older, newer].concat(), ids(&all));
    assert_eq!(found(&["--limit", "3"]).await, ids(&all)[all.len() - 3..]);

    let (code, csv, err) = ended(&bench, &["audit", "--csv"]).await;
    assert_eq!(code, 0, "{err}");
    let mut reader = csv::Reader::from_reader(csv.as_bytes());
    let header: Vec<String> = reader.headers().expect("a header").iter().map(str::to_owned).collect();
    assert_eq!(
        header,
        [
            "id",
            "at",
            "kind",
            "person",
            "subject",
            "by",
            "rules",
            "skus",
            "config",
            "client_request_id",
            "request_id",
            "hash",
            "detail"
        ]
    );
    let lines: Vec<csv::StringRecord> = reader.records().collect::<Result<_, _>>().expect("CSV");
    assert_eq!(lines.len(), all.len());
    for (line, row) in lines.iter().zip(&all) {
        assert_eq!(line[0], row["id"].to_string());
        assert_eq!(serde_json::from_str::<Value>(&line[12]).expect("JSON"), row["detail"]);
    }
    let (code, _, err) = ended(&bench, &["audit", "--sku", "NOSUCH"]).await;
    assert_eq!(code, 67, "{err}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_chain_is_verified_beside_a_running_agent_and_its_head_can_be_kept() {
    let (bench, _) = worked(&["ada"]).await;
    let daemon = Daemon::run(&bench);
    daemon.until_said("started in mode").await;
    let (code, out, err) = ended(&bench, &["audit", "verify"]).await;
    assert_eq!(code, 0, "{out}{err}");
    let head = out.lines().find_map(|line| line.strip_prefix("head ")).expect("a head").to_owned();
    let (_, listed, _) = ended(&bench, &["audit"]).await;
    assert!(listed.contains("WHEN"), "{listed}");
    daemon.stop().await;
    let (code, out, err) = ended(&bench, &["audit", "verify", "--head", &head, "--json"]).await;
    let check: Value = serde_json::from_str(&out).expect("JSON");
    assert_eq!((code, &check["compared"], &check["fault"]), (0, &json!(true), &Value::Null), "{out}{err}");
    let (code, _, err) = ended(&bench, &["audit", "verify", "--head", "17"]).await;
    assert_eq!(code, 64, "{err}");
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_was_done_to_it_is_named_by_its_first_row() {
    let (bench, _) = worked(&["ada", "bob"]).await;
    let (_, out, _) = ended(&bench, &["audit", "verify"]).await;
    let head = out.lines().find_map(|line| line.strip_prefix("head ")).expect("a head").to_owned();
    let newest: i64 = head.split(':').next().and_then(|id| id.parse().ok()).expect("a number");
    std::fs::copy(bench.path("seatsync.db"), bench.path("whole.db")).expect("a copy");
    let done = [
        ("UPDATE audit SET subject = 'mallory' WHERE id = 6".to_owned(), "row 6 was altered"),
        ("UPDATE audit SET request_id = 'x' WHERE id = 7".to_owned(), "row 7 was altered"),
        ("DELETE FROM audit WHERE id = 6".to_owned(), "row 7 does not follow the row before it"),
        ("DELETE FROM audit WHERE id < 4".to_owned(), "row 4 does not follow the row before it"),
        (
            "INSERT INTO audit_checkpoints SELECT 3, hash, 0 FROM audit WHERE id = 3; DELETE FROM audit WHERE id < 4"
                .to_owned(),
            "the rows before row 4 are gone, and no row says that retention removed them",
        ),
        (format!("DELETE FROM audit WHERE id > {newest} - 2"), "which was the newest once, is gone"),
    ];
    for (sql, said) in done {
        for file in ["seatsync.db-wal", "seatsync.db-shm"] {
            let _ = std::fs::remove_file(bench.path(file));
        }
        std::fs::copy(bench.path("whole.db"), bench.path("seatsync.db")).expect("it is put back");
        raw(&bench).execute_batch(&sql).expect(&sql);
        let (code, out, err) = ended(&bench, &["audit", "verify", "--head", &head]).await;
        assert_eq!(code, 74, "{sql}: {out}{err}");
        assert!(err.contains(said) && err.contains("[audit-broken]"), "{sql}: {err}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn old_rows_go_and_the_log_and_the_audit_say_so() {
    let mut bench = Bench::start(5).await;
    bench.extra = "[audit]\nkeep = \"30d\"\n".into();
    let agent = bench.running().await;
    let ada = bench.join("ada", "DE");
    agent.until_standing(&ada, "licensed").await;
    let count = async || {
        let rows = agent.store.newest_audit(10_000, AuditFilter::default()).await.expect("the audit");
        (rows.len(), rows.first().map(|row| row.id))
    };
    let (before, first) = count().await;
    agent.clock.advance(std::time::Duration::from_secs(40 * 86_400));
    let shortened = async {
        while count().await.1 == first {
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(crate::bench::PATIENCE, shortened).await.expect("it is shortened");
    let (after, _) = count().await;
    assert!(after < before, "{before} rows, then {after}");
    assert_eq!(agent.store.broken_audit_row().await.expect("the audit"), None);
    // The license is still known to be ours.
    agent.until_standing(&ada, "licensed").await;
    agent.stop().await;
    let (code, out, err) = ended(&bench, &["audit", "verify"]).await;
    assert_eq!((code, out.contains("were removed by retention, last on")), (0, true), "{out}{err}");
}
