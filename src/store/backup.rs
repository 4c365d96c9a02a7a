//! A copy of the store that can be put back: whole, checked, private, and known as a copy.

use std::fs::File;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use rusqlite::Connection;
use serde::Serialize;
use serde_json::json;

use super::audit::{AuditKind, Entry, append};
use super::rows::{meta, millis, set_meta, time};
use super::trail::{self, AuditHead};
use super::{Store, StoreError, file, migrate};
use crate::system;

/// Of a copy: when it was made.
const MADE: &str = "backup_made";

/// What was written.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Backup {
    /// The file.
    pub file: PathBuf,
    /// Its length.
    pub bytes: u64,
    /// Its schema.
    pub schema: i64,
    /// Persons it knows.
    pub persons: u64,
    /// The newest row of its audit.
    pub audit_head: Option<AuditHead>,
}

/// A file that is removed unless it is finished.
struct Unfinished(PathBuf);

impl Drop for Unfinished {
    fn drop(&mut self) {
        for suffix in ["", "-journal", "-wal", "-shm"] {
            let mut name = self.0.clone().into_os_string();
            name.push(suffix);
            // It may never have been made, or be finished.
            let _ = std::fs::remove_file(name);
        }
    }
}

/// Copies the store at `from` into the file `to` while an agent may be writing to it. The copy is checked before it has its
/// name, so that there never is a half or damaged one. Over an existing file only with `force`.
///
/// # Errors
/// When either cannot be opened, `to` exists, the disk is full, or the copy is damaged, which the store then is.
pub fn backup(from: &Path, to: &Path, force: bool, now: Timestamp) -> Result<Backup, StoreError> {
    let unwritable = |source| StoreError::Unwritable { path: to.to_owned(), source };
    let exists = || unwritable(std::io::Error::from(ErrorKind::AlreadyExists));
    let source = file::open_for_reading(from)?;
    migrate::require_current(&source, from)?;
    let itself = || from.canonicalize().ok() == to.canonicalize().ok();
    if to.symlink_metadata().is_ok() && (!force || itself() || !to.is_file()) {
        return Err(exists());
    }
    let name = to.file_name().ok_or_else(|| unwritable(std::io::Error::from(ErrorKind::InvalidInput)))?;
    let directory = to.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let partial = directory.join(format!(".{}.{}", name.to_string_lossy(), std::process::id()));
    let partial = Unfinished(partial);
    let written = write(&source, from, &partial.0, now).map_err(|error| match error {
        StoreError::Unreadable { path, source } if path == partial.0 => unwritable(source),
        other => other,
    })?;
    drop(source);
    let bytes = File::options()
        .write(true)
        .open(&partial.0)
        .and_then(|copy| copy.sync_all().and_then(|()| copy.metadata()))
        .map_err(unwritable)?
        .len();
    if force {
        std::fs::rename(&partial.0, to).map_err(unwritable)?;
    } else {
        // A second name is refused where there is a file already; a rename would replace it.
        match std::fs::hard_link(&partial.0, to) {
            Err(error) if error.kind() == ErrorKind::AlreadyExists => return Err(exists()),
            Err(_) if to.symlink_metadata().is_ok() => return Err(exists()),
            Err(_) => std::fs::rename(&partial.0, to).map_err(unwritable)?,
            Ok(()) => {}
        }
    }
    drop(partial);
    system::sync_directory(directory).map_err(unwritable)?;
    Ok(Backup { file: to.to_owned(), bytes, ..written })
}

/// Writes the copy, marks it as one, and checks it.
fn write(source: &Connection, from: &Path, to: &Path, now: Timestamp) -> Result<Backup, StoreError> {
    let failed = |error| StoreError::from_sqlite(to, error);
    let mut copy = file::make(to)?;
    // In one step: one that is interrupted by a write would start over.
    rusqlite::backup::Backup::new(source, &mut copy)
        .and_then(|backup| backup.run_to_completion(i32::MAX, std::time::Duration::ZERO, None))
        .map_err(|error| StoreError::from_sqlite(to, error))?;
    // One file, without a -wal beside it.
    copy.query_row("PRAGMA journal_mode = DELETE", [], |row| row.get::<_, String>(0)).map_err(failed)?;
    set_meta(&copy, MADE, Some(&millis(now).to_string()))?;
    drop(copy);
    let copy = file::open_for_reading(to)?;
    let sound: String = copy.query_row("PRAGMA integrity_check (1)", [], |row| row.get(0)).map_err(failed)?;
    let strays: i64 =
        copy.query_row("SELECT count(*) FROM pragma_foreign_key_check", [], |row| row.get(0)).map_err(failed)?;
    if sound != "ok" || strays > 0 {
        let what = if sound == "ok" { format!("{strays} rows belong to nothing") } else { sound };
        return Err(StoreError::Corrupt { path: from.to_owned(), what: format!("its copy is not sound: {what}") });
    }
    let persons: i64 = copy.query_row("SELECT count(*) FROM people", [], |row| row.get(0)).map_err(failed)?;
    Ok(Backup {
        file: to.to_owned(),
        bytes: 0,
        schema: migrate::version(&copy, to)?,
        persons: persons.cast_unsigned(),
        audit_head: trail::head(&copy)?,
    })
}

impl Store {
    /// Whether this is a copy that was put back and that no agent has worked on since: then it no longer counts as one, the audit
    /// tells of it, the directory is to be read whole, and when the copy was made is returned.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn begin_restored(&self, now: Timestamp) -> Result<Option<Timestamp>, StoreError> {
        let Some(made) = self.read(|db| meta(db, MADE)).await? else { return Ok(None) };
        let made = made.parse().map_err(|_| StoreError::Row(format!("{MADE} is {made}"))).and_then(time)?;
        self.write(move |tx| {
            set_meta(tx, MADE, None)?;
            tx.execute("UPDATE domains SET next_scan = 0 WHERE next_scan IS NOT NULL", [])?;
            append(tx, now, &Entry::new(AuditKind::Keeping, json!({ "restored": { "made": made } })))
        })
        .await?;
        Ok(Some(made))
    }
}
