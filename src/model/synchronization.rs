//! Entra's own synchronization from the directory, which brings every user we wait for.

use std::fmt;
use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// What the tenant knows of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Synchronization {
    /// `onPremisesSyncEnabled` of the organization.
    pub on: bool,
    /// `onPremisesLastSyncDateTime` of the organization: when a cycle ended last. Entra Connect runs one every 30 minutes.
    pub last: Option<Timestamp>,
}

/// Why nobody who is awaited can be expected to appear.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SyncAlarm {
    /// It is switched off, and somebody is awaited.
    Off,
    /// It last ran longer ago than this limit.
    Stalled {
        /// When it ran last.
        last: Timestamp,
        /// `tenant.sync_limit`.
        limit: Duration,
    },
}

impl fmt::Display for SyncAlarm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Off => f.write_str(
                "persons are awaited, but synchronization from the directory is switched off in the tenant: nobody will \
                 appear until Entra Connect or Cloud Sync is set up",
            ),
            Self::Stalled { last, limit } => write!(
                f,
                "the directory was last synchronized into the tenant at {}, longer ago than tenant.sync_limit ({} minutes): \
                 nobody new will appear until Entra Connect runs again; look at its server",
                last.strftime("%Y-%m-%d %H:%M:%SZ"),
                limit.as_secs() / 60
            ),
        }
    }
}
