//! Forward-only schema versions, kept in `user_version`. A downgrade is refused.

use std::path::Path;

use rusqlite::{Connection, TransactionBehavior};

use super::StoreError;

/// One file per version, the first is version 1.
const MIGRATIONS: [&str; 9] = [
    include_str!("schema/0001.sql"),
    include_str!("schema/0002.sql"),
    include_str!("schema/0003.sql"),
    include_str!("schema/0004.sql"),
    include_str!("schema/0005.sql"),
    include_str!("schema/0006.sql"),
    include_str!("schema/0007.sql"),
    include_str!("schema/0008.sql"),
    include_str!("schema/0009.sql"),
];

/// The version this seatsync writes.
pub(super) fn newest() -> i64 {
    i64::try_from(MIGRATIONS.len()).unwrap_or(i64::MAX)
}

/// Brings the store up to date, all steps in one transaction.
pub(super) fn migrate(db: &mut Connection, path: &Path) -> Result<(), StoreError> {
    let failed = |error| StoreError::from_sqlite(path, error);
    let tx = db.transaction_with_behavior(TransactionBehavior::Immediate).map_err(failed)?;
    refuse_newer(&tx, path)?;
    let found = version(&tx, path)?;
    for (number, sql) in (1..).zip(MIGRATIONS).filter(|(number, _)| *number > found) {
        tx.execute_batch(sql).map_err(failed)?;
        tx.pragma_update(None, "user_version", number).map_err(failed)?;
    }
    tx.commit().map_err(failed)
}

/// Refuses a store that a newer seatsync wrote.
pub(super) fn refuse_newer(db: &Connection, path: &Path) -> Result<(), StoreError> {
    let found = version(db, path)?;
    if found > newest() {
        return Err(StoreError::Newer { path: path.to_owned(), found, known: newest() });
    }
    Ok(())
}

/// Refuses a store that is not exactly up to date, for commands that do not change its schema.
pub(super) fn require_current(db: &Connection, path: &Path) -> Result<(), StoreError> {
    let found = version(db, path)?;
    match found.cmp(&newest()) {
        std::cmp::Ordering::Equal => Ok(()),
        std::cmp::Ordering::Greater => Err(StoreError::Newer { path: path.to_owned(), found, known: newest() }),
        std::cmp::Ordering::Less => Err(StoreError::Older { path: path.to_owned(), found, known: newest() }),
    }
}

pub(super) fn version(db: &Connection, path: &Path) -> Result<i64, StoreError> {
    db.query_row("SELECT user_version FROM pragma_user_version", [], |row| row.get(0))
        .map_err(|error| StoreError::from_sqlite(path, error))
}
