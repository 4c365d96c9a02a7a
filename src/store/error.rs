//! What can go wrong with the store.

use std::path::PathBuf;

use super::lease::LeaseHolder;
use crate::model::fault::{Class, Fault, exit};

/// An error of the store.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The file or its directory cannot be opened or made.
    #[error("the store {path} cannot be opened: {source}")]
    Unreadable {
        /// Where it should be.
        path: PathBuf,
        /// What the system says.
        source: std::io::Error,
    },
    /// A copy of it cannot be written.
    #[error("the copy {path} cannot be written: {source}")]
    Unwritable {
        /// Where it should be.
        path: PathBuf,
        /// What the system says.
        source: std::io::Error,
    },
    /// There is no store yet.
    #[error("there is no store at {0}: no agent has run here yet")]
    Missing(PathBuf),
    /// It lies on a filesystem on which SQLite's locks cannot be trusted.
    #[error("the store {path} lies on a network filesystem ({kind}), where its locks cannot be trusted")]
    Network {
        /// Where it is.
        path: PathBuf,
        /// Which filesystem.
        kind: &'static str,
    },
    /// It is not a database, or a damaged one.
    #[error("the store {path} is damaged or not a seatsync store: {what}")]
    Corrupt {
        /// Where it is.
        path: PathBuf,
        /// What SQLite says.
        what: String,
    },
    /// A newer seatsync wrote it.
    #[error("the store {path} has schema {found}, this seatsync knows schemas up to {known}")]
    Newer {
        /// Where it is.
        path: PathBuf,
        /// Its schema.
        found: i64,
        /// Ours.
        known: i64,
    },
    /// An older seatsync wrote it, and this command does not change it.
    #[error("the store {path} has schema {found}, this seatsync needs schema {known}")]
    Older {
        /// Where it is.
        path: PathBuf,
        /// Its schema.
        found: i64,
        /// Ours.
        known: i64,
    },
    /// It belongs to another tenant.
    #[error("the store belongs to tenant {bound}, the configuration names {configured}")]
    OtherTenant {
        /// The store's.
        bound: String,
        /// The configuration's.
        configured: String,
    },
    /// It belongs to another domain.
    #[error("the store belongs to domain {bound}, this controller serves {found}")]
    OtherDomain {
        /// The store's.
        bound: String,
        /// The controller's.
        found: String,
    },
    /// Another agent works on it.
    #[error("another agent works on the store {path}{}", holder.map(|holder| format!(": {holder}")).unwrap_or_default())]
    Busy {
        /// Where it is.
        path: PathBuf,
        /// Who that is, as far as it can be told.
        holder: Option<LeaseHolder>,
    },
    /// No space is left.
    #[error("no space is left for the store {0}")]
    Full(PathBuf),
    /// Anything else SQLite says.
    #[error("the store {path} failed: {source}")]
    Database {
        /// Where it is.
        path: PathBuf,
        /// What SQLite says.
        source: rusqlite::Error,
    },
    /// A row holds what no seatsync writes.
    #[error("the store holds a row that cannot be understood: {0}")]
    Row(String),
    /// What a command names is not there, or not as it was seen.
    #[error("{0}")]
    Request(String),
    /// The writer has ended.
    #[error("the store is closed")]
    Closed,
}

impl StoreError {
    /// Sorts what SQLite says.
    pub(super) fn from_sqlite(path: &std::path::Path, source: rusqlite::Error) -> Self {
        use rusqlite::ErrorCode;
        let path = path.to_owned();
        match source.sqlite_error_code() {
            Some(ErrorCode::NotADatabase | ErrorCode::DatabaseCorrupt) => {
                Self::Corrupt { path, what: source.to_string() }
            }
            Some(ErrorCode::DiskFull) => Self::Full(path),
            Some(ErrorCode::CannotOpen | ErrorCode::PermissionDenied | ErrorCode::ReadOnly) => {
                Self::Unreadable { path, source: std::io::Error::other(source.to_string()) }
            }
            _ => Self::Database { path, source },
        }
    }
}

impl Fault for StoreError {
    fn class(&self) -> Class {
        match self {
            Self::Full(_) | Self::Database { .. } | Self::Busy { .. } => Class::Heals,
            Self::Row(_) | Self::Closed => Class::Bug,
            _ => Class::Operator,
        }
    }

    fn code(&self) -> &'static str {
        match self {
            Self::Unreadable { .. } => "store-unreadable",
            Self::Unwritable { .. } => "backup-unwritable",
            Self::Missing(_) => "store-missing",
            Self::Network { .. } => "store-on-network",
            Self::Corrupt { .. } => "store-corrupt",
            Self::Newer { .. } => "store-newer",
            Self::Older { .. } => "store-older",
            Self::OtherTenant { .. } => "store-other-tenant",
            Self::OtherDomain { .. } => "store-other-domain",
            Self::Busy { .. } => "store-busy",
            Self::Full(_) => "store-full",
            Self::Database { .. } => "store-failed",
            Self::Row(_) => "store-row",
            Self::Request(_) => "request-refused",
            Self::Closed => "store-closed",
        }
    }

    fn advice(&self) -> String {
        match self {
            Self::Unreadable { .. } => {
                "Run as the service's user, and see that `store` names a file in a directory of its own.".into()
            }
            Self::Unwritable { source, .. } if source.kind() == std::io::ErrorKind::AlreadyExists => {
                "Name a new file, or replace that one with --force; never the store itself.".into()
            }
            Self::Unwritable { .. } => "Name a file in a directory that exists and may be written to.".into(),
            Self::Missing(_) => "Start the agent, or name the right configuration with --config.".into(),
            Self::Network { .. } => "Put `store` on a local disk.".into(),
            Self::Corrupt { path, .. } => format!(
                "Restore a backup; without one move {} away with its -wal and -shm files and start anew: everyone in the \
                 tenant becomes baseline and those without a license are counted, `include` brings them in.",
                path.display()
            ),
            Self::Newer { .. } => {
                "Install the newer seatsync again, or restore the backup made before the upgrade.".into()
            }
            Self::Older { .. } => "Start the agent once: it brings the store up to date.".into(),
            Self::OtherTenant { .. } | Self::OtherDomain { .. } => {
                "Name another file in `store`: one store serves one tenant and the domains it began with. A further domain is \
                 taken in while those are configured, too."
                    .into()
            }
            Self::Busy { .. } => "Stop the other agent, or leave the work to it.".into(),
            Self::Full(_) => "Free space: nothing was lost, a running agent goes on by itself.".into(),
            Self::Database { .. } => {
                "See the system's log for disk errors; a running agent tries again by itself.".into()
            }
            Self::Row(_) | Self::Closed => "Report this as a defect, with the log.".into(),
            Self::Request(_) => "See `seatsync status`.".into(),
        }
    }

    fn exit_status(&self) -> u8 {
        match self {
            Self::Busy { .. } => exit::BUSY,
            Self::OtherTenant { .. } | Self::OtherDomain { .. } => exit::CONFIG,
            Self::Request(_) => exit::NOT_FOUND,
            Self::Row(_) | Self::Closed => exit::SOFTWARE,
            Self::Unreadable { .. } | Self::Unwritable { .. } | Self::Network { .. } => exit::CANNOT_CREATE,
            _ => exit::STORE,
        }
    }
}
