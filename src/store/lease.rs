//! One agent per store: a lock file beside it, held by the operating system, so that it is free the moment its holder dies.

use std::fs::{File, TryLockError};
use std::path::{Path, PathBuf};

use super::StoreError;

/// The right to apply, held while it lives.
#[derive(Debug)]
pub struct Lease {
    _file: File,
}

impl Lease {
    /// Takes it, or says that another agent has it. To be had before the store is opened, which may change its schema.
    ///
    /// # Errors
    /// [`StoreError::Busy`] when another holds it; [`StoreError::Unreadable`] when the file cannot be made.
    pub fn take(store: &Path) -> Result<Self, StoreError> {
        let path = lock_path(store);
        let failed = |source| StoreError::Unreadable { path: path.clone(), source };
        let mut options = File::options();
        options.write(true).create(true).truncate(false);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        if let Some(directory) = path.parent() {
            std::fs::create_dir_all(directory).map_err(failed)?;
        }
        let file = options.open(&path).map_err(failed)?;
        match file.try_lock() {
            Ok(()) => Ok(Self { _file: file }),
            Err(TryLockError::WouldBlock) => Err(StoreError::Busy(store.to_owned())),
            Err(TryLockError::Error(source)) => Err(failed(source)),
        }
    }

    /// Whether some agent holds it now.
    #[must_use]
    pub fn is_held(store: &Path) -> bool {
        lock_path(store).exists() && matches!(Self::take(store), Err(StoreError::Busy(_)))
    }
}

fn lock_path(store: &Path) -> PathBuf {
    let mut name = store.as_os_str().to_owned();
    name.push(".lock");
    PathBuf::from(name)
}
