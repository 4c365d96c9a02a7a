//! Opening, binding, leasing and copying the file.

use std::time::Duration;

use rusqlite::Connection;
use uuid::Uuid;

use super::desk::{Desk, domain};
use crate::model::fault::{Class, Fault as _, exit};
use crate::model::sample::{account, at, user};
use crate::store::{Lease, Store, StoreError, copy, schema};

#[test]
fn a_new_store_is_migrated_and_private() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("made/seatsync.db");
    assert!(matches!(Store::join(&path), Err(StoreError::Missing(_))));
    drop(Store::open(&path).unwrap());
    let version: i64 = Connection::open(&path).unwrap().query_row("PRAGMA user_version", [], |row| row.get(0)).unwrap();
    assert_eq!(version, schema());
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o644)).unwrap();
        drop(Store::open(&path).unwrap());
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600, "narrowed again");
    }
    drop(Store::join(&path).unwrap());
}

#[test]
fn a_newer_or_older_schema_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("seatsync.db");
    drop(Store::open(&path).unwrap());
    let set = |version: i64| Connection::open(&path).unwrap().pragma_update(None, "user_version", version).unwrap();
    set(schema() + 1);
    assert!(matches!(Store::open(&path), Err(StoreError::Newer { found, .. }) if found == schema() + 1));
    assert!(matches!(Store::join(&path), Err(StoreError::Newer { .. })));
    set(schema() - 1);
    assert!(matches!(Store::join(&path), Err(StoreError::Older { .. })));
}

/// Rows of every table as the first release wrote them.
const FIRST_RELEASE: &str = "
    INSERT INTO meta VALUES ('tenant', 't'), ('first_pass_complete', 'yes');
    INSERT INTO domains (guid, name, first_contact) VALUES ('d', 'corp.example.test', 1);
    INSERT INTO watermarks VALUES ('d', 'n', 'i', 'c', 7, 1);
    INSERT INTO people (id, made, name, dirty) VALUES (1, 1, 'ada', 0), (2, 1, 'bob', 0);
    INSERT INTO accounts (guid, domain, person, anchor, usn, body, first_seen, changed, at_first_contact, generation)
        VALUES ('a', 'd', 1, 'x', 7, '{}', 1, 1, 1, 1);
    UPDATE tenant_feed SET link = 'l';
    INSERT INTO users (id, person, body, first_seen, changed, generation) VALUES ('u', 1, '{}', 1, 1, 1);
    INSERT INTO skus VALUES ('s', '{}', '{}', 1);
    INSERT INTO quarantine VALUES ('tenant', 'k', 'r', 1, 1);
    INSERT INTO matches VALUES (1, 'ems', 'digest', 1, 0), (2, 'ems', 'digest', 1, 1);
    INSERT INTO holds (id, rule, code, reason, opened) VALUES (1, 'ems', 'c', 'r', 1);
    INSERT INTO intents (id, person, user, step, body, before, config, made, state)
        VALUES (1, 1, 'u', 'license', '{}', '{}', 'c', 1, 'open');
    INSERT INTO calls (intent, client_request_id, sent) VALUES (1, 'r', 1);
    INSERT INTO entitlements VALUES
        (1, 's', 'u', '[\"ems\"]', '[]', '[\"p\"]', 100, 'in-flight', '{}', 5, 6, 7, 8, NULL, 1, 9, 1),
        (2, 's', 'v', '[]', '[]', '[]', 100, 'held', '{}', 5, NULL, NULL, NULL, 1, NULL, NULL, 0);
    INSERT INTO admissions VALUES (1, 1, 's');
    INSERT INTO requests (body, os_user, asked) VALUES ('{}', 'root', 1);
    INSERT INTO audit (at, kind, detail, previous, hash) VALUES (1, 'feed', '{}', x'00', x'01');
    INSERT INTO audit_checkpoints VALUES (0, x'00', 1);
    PRAGMA user_version = 1;";

#[test]
fn a_store_of_the_first_release_is_brought_up_to_date_with_all_it_holds() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("seatsync.db");
    let old = Connection::open(&path).unwrap();
    old.execute_batch(include_str!("../schema/0001.sql")).unwrap();
    old.execute_batch(FIRST_RELEASE).unwrap();
    let tables = "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite%' ORDER BY 1";
    let tables: Vec<String> =
        old.prepare(tables).unwrap().query_map([], |row| row.get(0)).unwrap().collect::<Result<_, _>>().unwrap();
    // Each row as text, so that a column that is added shows at the end.
    let content = |db: &Connection| -> Vec<(String, Vec<String>)> {
        let rows = |table: &String| {
            let statement = old.prepare(&format!("SELECT * FROM {table}")).unwrap();
            // Which stands once for all persons by now.
            let kept = |column: &&str| (table.as_str(), *column) != ("matches", "digest");
            let columns = statement.column_names().filter(kept).collect::<Vec<_>>().join(", ");
            let mut statement = db.prepare(&format!("SELECT json_array({}) FROM {table}", hexed(&columns))).unwrap();
            let rows = statement.query_map([], |row| row.get(0)).unwrap().collect::<Result<_, _>>().unwrap();
            (table.clone(), rows)
        };
        tables.iter().map(rows).collect()
    };
    let before = content(&old);
    assert!(before.iter().all(|(_, rows)| !rows.is_empty()), "{before:?}");
    assert!(matches!(Store::join(&path), Err(StoreError::Older { found: 1, .. })));
    drop(Store::open(&path).unwrap());
    let new = Connection::open(&path).unwrap();
    assert_eq!(content(&new), before);
    let sets: Vec<(i64, String)> = new
        .prepare("SELECT p.id, r.digests FROM people p JOIN rule_sets r ON r.id = p.rule_set ORDER BY 1")
        .unwrap()
        .query_map([], |row| Ok((row.get(0)?, row.get(1)?)))
        .unwrap()
        .collect::<Result<_, _>>()
        .unwrap();
    assert_eq!(sets, [(1, r#"{"ems":"digest"}"#.to_owned()), (2, r#"{"ems":"digest"}"#.to_owned())]);
    let version: i64 = new.query_row("PRAGMA user_version", [], |row| row.get(0)).unwrap();
    assert_eq!(version, schema());
    let wrong: i64 = new.query_row("SELECT count(*) FROM pragma_foreign_key_check", [], |row| row.get(0)).unwrap();
    assert_eq!(wrong, 0);
    new.execute_batch("UPDATE entitlements SET standing = 'expected' WHERE person = 2").unwrap();
    assert!(new.execute_batch("UPDATE entitlements SET standing = 'nonsense' WHERE person = 2").is_err());
}

/// JSON holds no bytes.
fn hexed(columns: &str) -> String {
    columns
        .split(", ")
        .map(|column| format!("CASE typeof({column}) WHEN 'blob' THEN hex({column}) ELSE {column} END"))
        .collect::<Vec<_>>()
        .join(", ")
}

#[test]
fn a_damaged_file_is_named_with_what_to_do() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("seatsync.db");
    std::fs::write(&path, "this is no database at all, though it is long enough to be taken for one".repeat(100))
        .unwrap();
    let error = Store::open(&path).unwrap_err();
    assert!(matches!(error, StoreError::Corrupt { .. }), "{error:?}");
    assert_eq!((error.class(), error.code(), error.exit_status()), (Class::Operator, "store-corrupt", exit::STORE));
    assert!(error.advice().contains("Restore a backup"));
}

#[tokio::test]
async fn another_tenant_or_domain_is_refused() {
    let desk = Desk::new().await;
    desk.store.bind_tenant(Uuid::from_u128(1).into()).await.unwrap();
    let error = desk.store.bind_tenant(Uuid::from_u128(2).into()).await.unwrap_err();
    assert!(matches!(error, StoreError::OtherTenant { .. }) && error.exit_status() == exit::CONFIG, "{error:?}");
    let configured = ["renamed.example.test", "child.example.test"].map(str::to_owned);
    let bind = |guid, name| desk.store.bind_domain(Uuid::from_u128(guid), name, &configured, at(1));
    let error = bind(9, "child.example.test").await.unwrap_err();
    assert!(matches!(error, StoreError::OtherDomain { .. }), "its own is not configured: {error:?}");
    bind(domain().as_u128(), "renamed.example.test").await.unwrap();
    bind(9, "child.example.test").await.unwrap();
    bind(9, "child.example.test").await.unwrap();
    let error = bind(10, "child.example.test").await.unwrap_err();
    assert!(matches!(error, StoreError::OtherDomain { .. }), "made anew under its name: {error:?}");
}

#[test]
fn a_lease_is_exclusive_and_freed_with_its_holder() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("seatsync.db");
    assert!(!Lease::is_held(&path));
    let lease = Lease::take(&path).unwrap();
    assert!(Lease::is_held(&path));
    let error = Lease::take(&path).unwrap_err();
    assert!(matches!(error, StoreError::Busy { .. }) && error.exit_status() == exit::BUSY);
    drop(lease);
    assert!(!Lease::is_held(&path));
    Lease::take(&path).unwrap();
}

#[tokio::test(start_paused = true)]
async fn whoever_is_to_stay_waits_for_a_command_and_for_no_other_agent() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("seatsync.db");
    let commands = Lease::take(&path).unwrap();
    let a_moment = async move {
        tokio::time::sleep(std::time::Duration::from_millis(250)).await;
        drop(commands);
    };
    let (taken, ()) = tokio::join!(Lease::take_to_stay(&path), a_moment);
    let _agents = taken.unwrap();
    assert!(matches!(Lease::take_to_stay(&path).await, Err(StoreError::Busy { .. })));
}

#[tokio::test]
async fn a_copy_is_whole_and_private_while_the_store_is_written() {
    let desk = Desk::acquainted((0..300).map(account).collect(), &(0..300).map(user).collect::<Vec<_>>()).await;
    let stop = std::sync::Arc::new(std::sync::atomic::AtomicBool::new(false));
    let writing = tokio::spawn({
        let (store, stop) = (desk.store.clone(), std::sync::Arc::clone(&stop));
        async move {
            let mut n = 0;
            while !stop.load(std::sync::atomic::Ordering::Relaxed) {
                store.trouble("test", Some(&format!("{n}"))).await.unwrap();
                n += 1;
            }
        }
    });
    let (from, to) = (desk.path(), desk.directory().join("copy.db"));
    let copying = tokio::task::spawn_blocking({
        let to = to.clone();
        move || copy(&from, &to)
    });
    tokio::time::timeout(Duration::from_secs(30), copying).await.unwrap().unwrap().unwrap();
    stop.store(true, std::sync::atomic::Ordering::Relaxed);
    writing.await.unwrap();
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        assert_eq!(std::fs::metadata(&to).unwrap().permissions().mode() & 0o777, 0o600);
    }
    let copied = Store::open(&to).unwrap();
    assert_eq!(copied.report().await.unwrap().presence.values().sum::<u64>(), 300);
    assert_eq!(copied.broken_audit_row().await.unwrap(), None);
}
