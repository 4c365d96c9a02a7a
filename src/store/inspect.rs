//! A look at the file itself, before it is known whether this seatsync can use it.

use std::path::Path;

use super::rows::meta;
use super::{StoreError, file, migrate};
use crate::system;

/// What a store says of itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Inspection {
    /// The schema it is of.
    pub schema: i64,
    /// The tenant it belongs to, once it met one.
    pub tenant: Option<String>,
}

/// Looks at a store without changing it, whether or not an agent works on it; neither its lock nor its schema is touched.
///
/// # Errors
/// When there is none, it cannot be opened, or is damaged.
pub fn inspect(path: &Path) -> Result<Inspection, StoreError> {
    let db = file::open_for_reading(path)?;
    let schema = migrate::version(&db, path)?;
    let tenant = if schema == 0 { None } else { meta(&db, "tenant")? };
    Ok(Inspection { schema, tenant })
}

/// Bytes that are free for the store on its disk.
///
/// # Errors
/// When its directory, or the first above it that exists, cannot be looked at.
pub fn room(path: &Path) -> std::io::Result<u64> {
    system::room(path.ancestors().skip(1).find(|above| above.exists()).unwrap_or(Path::new(".")))
}

/// Bytes that the store takes, with what is not yet written back; 0 when there is none.
#[must_use]
pub fn size(path: &Path) -> u64 {
    let parts = ["", "-wal", "-shm"].map(|end| {
        let mut name = path.as_os_str().to_owned();
        name.push(end);
        std::fs::metadata(name).map_or(0, |found| found.len())
    });
    parts.into_iter().sum()
}
