//! A store of every earlier schema, with a person in each standing, is brought up to date and worked on; a newer one is left as
//! it is.

use std::path::{Path, PathBuf};

use rusqlite::{Connection, params};
use seatsync::store::schema;
use seatsync_lab::directory::Change;
use seatsync_lab::tenant::{LicenseChange, NewLicense};

use crate::bench::{Bench, Joiner, person, standings, until_standing};

/// Who stands how, from which schema on, and how that ends once an agent worked on it.
const PEOPLE: [(&str, usize, &str); 18] = [
    ("baseline", 1, "baseline"),
    ("satisfied", 1, "satisfied"),
    ("differs", 1, "differs"),
    ("due", 1, "licensed"),
    ("awaiting-seat", 1, "licensed"),
    ("held", 1, "held"),
    // Of what was under way, one write took effect and one did not.
    ("in-flight", 1, "licensed"),
    ("in-flight-done", 1, "licensed"),
    ("retrying", 1, "licensed"),
    ("confirming", 1, "licensed"),
    ("licensed", 1, "licensed"),
    ("removed-by-other", 1, "removed-by-other"),
    ("refused", 1, "refused"),
    ("lapsed", 1, "lapsed"),
    ("reclaimed", 1, "reclaimed"),
    ("expected", 2, "licensed"),
    ("delayed", 4, "licensed"),
    // The rule takes nothing back any more.
    ("reclaiming", 4, "lapsed"),
];

/// Who has the license in the tenant already, with the product's Intune plan off or on.
const HOLD_IT: [(&str, bool); 7] = [
    ("satisfied", false),
    ("differs", true),
    ("in-flight-done", false),
    ("confirming", false),
    ("licensed", false),
    ("lapsed", false),
    ("reclaiming", false),
];

/// Who costs a write, each one.
const WRITTEN: [&str; 6] = ["due", "awaiting-seat", "in-flight", "retrying", "expected", "delayed"];

/// Until schema 9 every rule that a person was judged by stood there, with its digest.
const MATCHES_BEFORE_9: &str = "(
    SELECT p.id AS person, d.key AS rule, d.value AS digest, coalesce(m.eligible, 0) AS eligible,
           coalesce(m.baseline, 0) AS baseline, coalesce(m.unread, 0) AS unread, coalesce(m.group_ids, '[]') AS group_ids
    FROM new.people p JOIN new.rule_sets r ON r.id = p.rule_set JOIN json_each(r.digests) d
    LEFT JOIN new.matches m ON m.person = p.id AND m.rule = d.key)";

fn sql(number: usize) -> String {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("src/store/schema/{number:04}.sql"));
    std::fs::read_to_string(file).expect("a schema")
}

fn raw(path: &Path) -> Connection {
    Connection::open(path).expect("the store opens")
}

/// People who joined while the agent only observed: all of them are due, and nothing was written.
async fn observed(bench: &mut Bench, schema: usize) -> Vec<(&'static str, &'static str, Joiner)> {
    bench.edit("mode = \"apply\"", "mode = \"observe\"");
    let old = bench.hire("baseline", "DE");
    bench.sync_old(&old, 400);
    assert!(bench.once().await.expect("a turn").acquainted);
    let mut people = vec![("baseline", "baseline", old)];
    for (name, from, end) in PEOPLE.into_iter().skip(1) {
        if from > schema {
            continue;
        }
        let joiner = bench.hire(name, "DE");
        bench.tenant.add_user(bench.user_of(&joiner).with("usageLocation", "DE")).expect("a user is added");
        people.push((name, end, joiner));
    }
    assert!(bench.once().await.expect("a turn").acquainted);
    for (name, _, joiner) in &people {
        let stands = if *name == "baseline" { "baseline" } else { "due" };
        assert_eq!(standings(&bench.store(), joiner).await, [stands], "{name}");
    }
    bench.edits.clear();
    people
}

/// The same rows in a store of that schema, made by its own files.
fn older(bench: &Bench, schema: usize) -> PathBuf {
    let (new, old) = (bench.path("seatsync.db"), bench.path("old.db"));
    let db = raw(&old);
    for number in 1..=schema {
        db.execute_batch(&sql(number)).expect("a schema of its own");
    }
    db.execute_batch(&format!("PRAGMA user_version = {schema}; PRAGMA foreign_keys = OFF; DELETE FROM tenant_feed"))
        .expect("empty");
    db.execute("ATTACH ?1 AS new", [new.to_str()]).expect("both");
    let names = |sql: &str| -> Vec<String> {
        let mut statement = db.prepare(sql).expect("a question");
        statement.query_map([], |row| row.get(0)).expect("names").collect::<Result<_, _>>().expect("names")
    };
    for table in names("SELECT name FROM main.sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite%'") {
        let columns = names(&format!("SELECT name FROM pragma_table_info('{table}', 'main')")).join(", ");
        let rows = match table.as_str() {
            "matches" if schema < 9 => MATCHES_BEFORE_9.to_owned(),
            table => format!("new.{table}"),
        };
        db.execute_batch(&format!("INSERT INTO main.{table} ({columns}) SELECT {columns} FROM {rows}")).expect(&table);
    }
    if schema == 1 {
        db.execute_batch("INSERT INTO meta SELECT 'coverage', coverage FROM new.domains").expect("where it stood then");
    }
    db.execute_batch("DETACH new").expect("alone");
    old
}

/// Puts everybody where the name says, as a store of then says it.
async fn placed(bench: &Bench, store: &Path, people: &[(&str, &str, Joiner)]) {
    let db = raw(store);
    let past = 1_700_000_000_000_i64;
    let time = "2023-11-14T22:13:20Z";
    for (name, _, joiner) in people {
        let id: i64 = db
            .query_row("SELECT person FROM accounts WHERE guid = ?1", [joiner.guid.to_string()], |row| row.get(0))
            .expect("somebody");
        let user = bench.user(joiner);
        let sku: String =
            db.query_row("SELECT sku FROM entitlements WHERE person = ?1", [id], |row| row.get(0)).expect("a product");
        let reason = "{\"code\":\"test\",\"text\":\"because\"}";
        let more = match *name {
            "satisfied" => ",\"direct\":true,\"groups\":[]".to_owned(),
            "held" => ",\"hold\":1".to_owned(),
            "in-flight" | "in-flight-done" => format!(",\"intent\":{id}"),
            "retrying" => format!(",\"attempt\":2,\"at\":\"{time}\",\"reason\":{reason}"),
            "confirming" => format!(",\"accepted\":\"{time}\""),
            "refused" => format!(",\"reason\":{reason},\"basis\":\"DE|\""),
            "reclaiming" => format!(",\"at\":\"{time}\""),
            "delayed" => format!(",\"until\":\"{time}\""),
            "expected" => format!(",\"groups\":[],\"until\":\"{time}\""),
            _ => String::new(),
        };
        let word = name.trim_end_matches("-done");
        let ours = ["confirming", "licensed", "lapsed", "reclaiming"].contains(name);
        let check = ["retrying", "confirming", "reclaiming"].contains(name).then_some(past);
        if word == "held" {
            db.execute(
                "INSERT INTO holds (id, rule, code, reason, opened) VALUES (1, 'intune', 'over-daily-limit', 'r', ?1)",
                [past],
            )
            .expect("a hold");
        }
        if word == "in-flight" {
            let body =
                format!("{{\"license\":{{\"add\":[{{\"sku\":\"{sku}\",\"disabled\":[],\"rule\":\"intune\"}}]}}}}");
            db.execute(
                "INSERT INTO intents (id, person, user, step, body, before, config, made, state)
                 SELECT ?1, ?1, ?2, 'license', ?3, body, 'c', ?4, 'open' FROM users WHERE id = ?2",
                params![id, user.id.to_string(), body, past],
            )
            .expect("an intent");
            db.execute(
                "INSERT INTO calls (intent, client_request_id, sent) VALUES (?1, ?2, ?3)",
                params![id, uuid::Uuid::new_v4().to_string(), past],
            )
            .expect("a call");
        }
        db.execute(
            "UPDATE entitlements SET standing = ?3, detail = ?4, ours = ?5, check_at = ?6, since = ?7, observed = NULL,
                 hold = CASE WHEN ?3 = 'held' THEN 1 END, intent = CASE WHEN ?3 = 'in-flight' THEN person END
             WHERE person = ?1 AND sku = ?2",
            params![id, sku, word, format!("{{\"standing\":\"{word}\"{more}}}"), ours, check, past],
        )
        .expect(name);
        if ["expected", "delayed"].contains(name) {
            db.execute("UPDATE people SET look_again = ?2 WHERE id = ?1", [id, past]).expect("a time");
        }
        if *name == "reclaiming" {
            let take = "UPDATE entitlements SET action = '{\"action\":\"take\",\"with\":null}' WHERE person = ?1";
            db.execute(take, [id]).expect("an action");
        }
    }
}

/// What became so in the tenant and the directory while no agent ran.
fn happened(bench: &Bench, people: &[(&str, &str, Joiner)]) {
    for (name, _, joiner) in people {
        if let Some((_, off)) = HOLD_IT.into_iter().find(|(holder, _)| holder == name) {
            let mut license = NewLicense::direct("EMS");
            if off {
                license = license.without(&["INTUNE_A"]);
            }
            let change = LicenseChange { add: vec![license], ..LicenseChange::default() };
            bench.tenant.change_licenses(&joiner.upn, &change).expect("a license");
        }
        if ["lapsed", "reclaiming", "reclaimed"].contains(name) {
            bench.directory.modify(joiner.guid, &[Change::set("userAccountControl", "514")]);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_of_each_earlier_schema_is_worked_on_to_the_right_end() {
    let newest = usize::try_from(schema()).expect("a schema");
    for old in 1..newest {
        let mut bench = Bench::start(5).await;
        let people = observed(&mut bench, old).await;
        let everyone: u64 = bench.store().report().await.expect("a report").presence.values().sum();
        let store = older(&bench, old);
        placed(&bench, &store, &people).await;
        happened(&bench, &people);
        for suffix in ["", "-wal", "-shm"] {
            let _ = std::fs::remove_file(bench.path(&format!("seatsync.db{suffix}")));
        }
        std::fs::rename(&store, bench.path("seatsync.db")).expect("it takes the store's place");
        let before = bench.output(&["status"]).await;
        let said = String::from_utf8_lossy(&before.stderr).into_owned();
        assert!(before.status.code() == Some(74) && said.contains("[store-older]"), "schema {old}: {said}");

        let agent = bench.running().await;
        for (_, end, joiner) in &people {
            until_standing(&agent.store, joiner, end).await;
        }
        bench.some_polls().await;
        let report = agent.until(|_| true).await;
        for (name, end, joiner) in &people {
            assert_eq!(standings(&agent.store, joiner).await, [*end], "schema {old}: {name}");
            let user = bench.user(joiner);
            let writes = u64::from(WRITTEN.contains(name));
            assert_eq!(user.counters.assign_license.calls, writes, "schema {old}: {name}");
            let holds = writes > 0 || HOLD_IT.iter().any(|(holder, _)| holder == name);
            assert_eq!(user.holds("EMS"), holds, "schema {old}: {name}");
            let open = person(&agent.store, joiner).await.expect("somebody").intents;
            assert!(open.iter().all(|intent| intent.state != "open"), "schema {old}: {name}: {open:#?}");
        }
        assert_eq!(report.presence.values().sum::<u64>(), everyone, "schema {old}: {report:#?}");
        assert_eq!(agent.store.broken_audit_row().await.expect("the audit"), None, "schema {old}");
        agent.stop().await;
        let db = raw(&bench.path("seatsync.db"));
        let number = |sql: &str| db.query_row(sql, [], |row| row.get::<_, i64>(0)).expect("a number");
        assert_eq!(number("PRAGMA user_version"), schema());
        assert_eq!(number("SELECT count(*) FROM pragma_foreign_key_check"), 0);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_newer_store_is_refused_by_every_command_and_untouched() {
    let bench = Bench::start(5).await;
    assert!(bench.once().await.expect("a turn").acquainted);
    raw(&bench.path("seatsync.db")).pragma_update(None, "user_version", schema() + 1).expect("a schema of the future");
    let content = || std::fs::read(bench.path("seatsync.db")).expect("it is read");
    let before = content();
    let to = bench.path("copy.db");
    let to = to.to_str().expect("a name");
    for command in [
        &["run"][..],
        &["once"],
        &["plan"],
        &["status"],
        &["users"],
        &["audit"],
        &["audit", "verify"],
        &["backup", to],
        &["pause"],
    ] {
        let output = bench.output(command).await;
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(74), "{command:?}: {said}");
        let names = format!("has schema {}, this seatsync knows schemas up to {}", schema() + 1, schema());
        assert!(said.contains(&names) && said.contains("[store-newer]"), "{command:?}: {said}");
        assert_eq!(content(), before, "{command:?}");
    }
    assert!(!bench.path("copy.db").exists());
}
