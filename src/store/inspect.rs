//! A look at the file itself, before it is known whether this seatsync can use it.

use std::path::Path;

use super::rows::meta;
use super::{StoreError, file, migrate};

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
