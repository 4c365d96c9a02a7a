//! The writer thread, the readers, and the two ways in.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError, mpsc};

use rusqlite::{Connection, Transaction, TransactionBehavior};
use tokio::sync::oneshot;

use super::{StoreError, file, migrate};

type Job = Box<dyn FnOnce(&mut Connection) + Send>;

/// The store. Cheap to clone; the last clone closes it.
#[derive(Clone, Debug)]
pub struct Store {
    inner: Arc<Inner>,
}

struct Inner {
    path: PathBuf,
    // Dropped in this order: the readers are closed before the writer, which ends with its inbox. Of two connections that
    // close at once neither is the last, and the -wal file stays behind.
    readers: Mutex<Vec<Connection>>,
    jobs: mpsc::Sender<Job>,
}

impl std::fmt::Debug for Inner {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Inner").field("path", &self.path).finish_non_exhaustive()
    }
}

impl Store {
    /// Opens the store for an agent, making it or bringing it up to date first.
    ///
    /// # Errors
    /// When it cannot be opened, is damaged, newer than we are, or lies on a network filesystem.
    pub fn open(path: &Path) -> Result<Self, StoreError> {
        let mut db = file::open_for_writing(path, true)?;
        migrate::migrate(&mut db, path)?;
        Self::start(path, db)
    }

    /// Opens a copy of a store that is thrown away when this is done: nothing of it need survive a power cut.
    ///
    /// # Errors
    /// As [`Store::open`].
    pub fn open_copy(path: &Path) -> Result<Self, StoreError> {
        let mut db = file::open_for_writing(path, false)?;
        db.execute_batch("PRAGMA synchronous = OFF;").map_err(|error| StoreError::from_sqlite(path, error))?;
        migrate::migrate(&mut db, path)?;
        Self::start(path, db)
    }

    /// Opens the store for a command beside an agent: it must be there and up to date.
    ///
    /// # Errors
    /// As [`Store::open`], and when there is none or it is older.
    pub fn join(path: &Path) -> Result<Self, StoreError> {
        let db = file::open_for_writing(path, false)?;
        migrate::require_current(&db, path)?;
        Self::start(path, db)
    }

    fn start(path: &Path, mut db: Connection) -> Result<Self, StoreError> {
        let (jobs, inbox) = mpsc::channel::<Job>();
        let work = move || {
            for job in inbox {
                job(&mut db);
            }
        };
        std::thread::Builder::new()
            .name("store".into())
            .spawn(work)
            .map_err(|source| StoreError::Unreadable { path: path.to_owned(), source })?;
        Ok(Self { inner: Arc::new(Inner { path: path.to_owned(), jobs, readers: Mutex::default() }) })
    }

    /// Where it lies.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.inner.path
    }

    /// Runs one transaction on the writer; an error rolls it back.
    pub(super) async fn write<T: Send + 'static>(
        &self,
        act: impl FnOnce(&Transaction<'_>) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let (reply, answer) = oneshot::channel();
        let path = self.inner.path.clone();
        let job: Job = Box::new(move |db| {
            let failed = |error| StoreError::from_sqlite(&path, error);
            let result = db.transaction_with_behavior(TransactionBehavior::Immediate).map_err(failed).and_then(|tx| {
                let value = act(&tx).map_err(|error| sorted(&path, error))?;
                tx.commit().map_err(failed)?;
                Ok(value)
            });
            // Nobody waits any more when the asking task was cancelled; the transaction stands all the same.
            let _ = reply.send(result);
        });
        self.inner.jobs.send(job).map_err(|_| StoreError::Closed)?;
        answer.await.map_err(|_| StoreError::Closed)?
    }

    /// Runs one read on a connection of its own.
    pub(super) async fn read<T: Send + 'static>(
        &self,
        act: impl FnOnce(&Connection) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let inner = Arc::clone(&self.inner);
        let run = move || {
            let pooled = inner.readers.lock().unwrap_or_else(PoisonError::into_inner).pop();
            let db = match pooled {
                Some(db) => db,
                None => file::open_for_reading(&inner.path)?,
            };
            let result = act(&db).map_err(|error| sorted(&inner.path, error));
            inner.readers.lock().unwrap_or_else(PoisonError::into_inner).push(db);
            result
        };
        tokio::task::spawn_blocking(run).await.map_err(|_| StoreError::Closed)?
    }
}

/// An error of SQLite that a method passed on as it was, sorted into ours.
fn sorted(path: &Path, error: StoreError) -> StoreError {
    match error {
        StoreError::Database { source, .. } => StoreError::from_sqlite(path, source),
        error => error,
    }
}

impl From<rusqlite::Error> for StoreError {
    fn from(source: rusqlite::Error) -> Self {
        Self::Database { path: PathBuf::new(), source }
    }
}
