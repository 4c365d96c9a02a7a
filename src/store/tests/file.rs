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
    assert!(matches!(error, StoreError::Busy(_)) && error.exit_status() == exit::BUSY);
    drop(lease);
    assert!(!Lease::is_held(&path));
    Lease::take(&path).unwrap();
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
