//! Opening the file: where it may lie, who may read it, which pragmas hold.

use std::path::Path;
use std::time::Duration;

use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags};

use super::{StoreError, migrate};
use crate::system;

/// How long a connection waits for another process's write.
const BUSY: Duration = Duration::from_secs(10);

/// Opens the store for writing, making it when it is not there: mode 0600, in a directory that must exist or can be made.
pub(super) fn open_for_writing(path: &Path, make: bool) -> Result<Connection, StoreError> {
    if make {
        prepare(path)?;
    } else if !path.exists() {
        return Err(StoreError::Missing(path.to_owned()));
    }
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let db = open(path, flags)?;
    // Before anything of it is changed.
    migrate::refuse_newer(&db, path)?;
    // Free pages can be given back only if that is said before the first table is there; said later it would be a write.
    let empty: bool = db
        .query_row("SELECT NOT EXISTS (SELECT 1 FROM sqlite_schema)", [], |row| row.get(0))
        .map_err(|error| StoreError::from_sqlite(path, error))?;
    let first = if empty { "PRAGMA auto_vacuum = INCREMENTAL;" } else { "" };
    // Keys are GUIDs, so a scan writes all over its indexes: what does not fit into the cache (here in KiB), or between two
    // checkpoints (in pages), is read and written again and again. What one large transaction made of the -wal file is cut off.
    let pragmas = format!(
        "{first} PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON;
         PRAGMA cache_size = -16384; PRAGMA wal_autocheckpoint = 12288; PRAGMA journal_size_limit = 50331648;"
    );
    db.execute_batch(&pragmas).map_err(|error| StoreError::from_sqlite(path, error))?;
    Ok(db)
}

/// Opens the store for reading.
pub(super) fn open_for_reading(path: &Path) -> Result<Connection, StoreError> {
    if !path.exists() {
        return Err(StoreError::Missing(path.to_owned()));
    }
    // A reader of a WAL store must be able to make the -shm file, so the connection itself may write; the pragma forbids it.
    let db = open(path, OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX)?;
    db.execute_batch("PRAGMA query_only = ON;").map_err(|error| StoreError::from_sqlite(path, error))?;
    Ok(db)
}

/// Makes a new file for a copy of the store, as private as the store.
pub(super) fn make(path: &Path) -> Result<Connection, StoreError> {
    system::create_private(path).map_err(|source| StoreError::Unreadable { path: path.to_owned(), source })?;
    open(path, OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX)
}

fn open(path: &Path, flags: OpenFlags) -> Result<Connection, StoreError> {
    let failed = |error| StoreError::from_sqlite(path, error);
    let db = Connection::open_with_flags(path, flags).map_err(failed)?;
    db.busy_timeout(BUSY).map_err(failed)?;
    // Without this SQLite compiles some statements that are kept anew at each use, in case a parameter suggests another plan.
    db.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true).map_err(failed)?;
    db.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get::<_, i64>(0)).map_err(failed)?;
    Ok(db)
}

fn prepare(path: &Path) -> Result<(), StoreError> {
    let failed = |source| StoreError::Unreadable { path: path.to_owned(), source };
    let directory = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    std::fs::create_dir_all(directory).map_err(failed)?;
    refuse_network(path, directory)?;
    make_private(path)
}

fn make_private(path: &Path) -> Result<(), StoreError> {
    let made = system::open_own(path);
    made.map(drop).map_err(|source| StoreError::Unreadable { path: path.to_owned(), source })
}

fn refuse_network(path: &Path, directory: &Path) -> Result<(), StoreError> {
    let found = system::network(directory);
    match found.map_err(|source| StoreError::Unreadable { path: path.to_owned(), source })? {
        Some(kind) => Err(StoreError::Network { path: path.to_owned(), kind }),
        None => Ok(()),
    }
}
