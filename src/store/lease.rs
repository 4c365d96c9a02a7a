//! One agent per store: a lock file beside it, held by the operating system, so that it is free the moment its holder dies.

use std::fmt;
use std::fs::{File, TryLockError};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use jiff::Timestamp;

use super::StoreError;
use crate::system;

/// Commands that leave a request, or ask whether an agent is there, hold the lease for a moment: whoever is to stay tries again
/// so often, and so far apart.
const TRIES: u32 = 30;
const APART: Duration = Duration::from_millis(100);

/// The right to apply, held while it lives.
#[derive(Debug)]
pub struct Lease {
    _file: File,
}

/// Who has the lease, by its own word.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LeaseHolder {
    /// Its process.
    pub pid: u32,
    /// Since when, in whole seconds.
    pub since: Timestamp,
}

impl fmt::Display for LeaseHolder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "process {}, since {}", self.pid, self.since.strftime("%Y-%m-%d %H:%M:%SZ"))
    }
}

impl Lease {
    /// Takes it, or says that another agent has it. To be had before the store is opened, which may change its schema.
    ///
    /// # Errors
    /// [`StoreError::Busy`] when another holds it; [`StoreError::Unreadable`] when the file cannot be made.
    pub fn take(store: &Path) -> Result<Self, StoreError> {
        let path = lock_path(store);
        let failed = |source| StoreError::Unreadable { path: path.clone(), source };
        let mut file = lock(store)?;
        // For whoever finds it taken; the file's own time says since when.
        file.set_len(0).and_then(|()| writeln!(file, "{}", std::process::id())).map_err(failed)?;
        Ok(Self { _file: file })
    }

    /// The same for whoever is to stay, after waiting for three seconds at most.
    ///
    /// # Errors
    /// As [`Self::take`].
    pub async fn take_to_stay(store: &Path) -> Result<Self, StoreError> {
        for _ in 1..TRIES {
            match Self::take(store) {
                Err(StoreError::Busy { .. }) => tokio::time::sleep(APART).await,
                taken => return taken,
            }
        }
        Self::take(store)
    }

    /// Whether some agent holds it now.
    #[must_use]
    pub fn is_held(store: &Path) -> bool {
        lock_path(store).exists() && matches!(lock(store), Err(StoreError::Busy { .. }))
    }
}

fn lock(store: &Path) -> Result<File, StoreError> {
    let path = lock_path(store);
    let failed = |source| StoreError::Unreadable { path: path.clone(), source };
    if let Some(directory) = path.parent() {
        std::fs::create_dir_all(directory).map_err(failed)?;
    }
    let file = system::open_own(&path).map_err(failed)?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(StoreError::Busy { path: store.to_owned(), holder: holder(&path) }),
        Err(TryLockError::Error(source)) => Err(failed(source)),
    }
}

/// What whoever has the lock wrote into it.
fn holder(path: &Path) -> Option<LeaseHolder> {
    let pid = std::fs::read_to_string(path).ok()?.trim().parse().ok()?;
    let since = Timestamp::try_from(std::fs::metadata(path).ok()?.modified().ok()?).ok()?;
    Some(LeaseHolder { pid, since: Timestamp::from_second(since.as_second()).ok()? })
}

fn lock_path(store: &Path) -> PathBuf {
    let mut name = store.as_os_str().to_owned();
    name.push(".lock");
    PathBuf::from(name)
}
