//! Why the service manager did not do what was asked.

use std::io;
use std::path::PathBuf;

use crate::model::fault::{Class, Fault, exit};

/// The service manager did not do what was asked of it.
#[derive(Debug, thiserror::Error)]
pub enum ServiceError {
    /// Only Windows has services of this kind.
    #[error("`seatsync service` and `seatsync secret` are for Windows")]
    Unsupported,
    /// There is none of its name.
    #[error("the service {} is not installed", super::NAME)]
    Missing,
    /// Whoever asked may not.
    #[error("{doing}: access is denied")]
    Denied {
        /// What was being done.
        doing: &'static str,
    },
    /// The service ended by itself while it was started.
    #[error("the service ended with {status} when it was started")]
    Ended {
        /// Its exit status, as in `seatsync --help`, or an error of Windows.
        status: String,
    },
    /// It neither came to the state that was asked for nor made progress.
    #[error("the service is still {state}")]
    Stuck {
        /// What it says of itself.
        state: String,
    },
    /// A file or directory of the service's own cannot be made.
    #[error("{} cannot be made: {source}", path.display())]
    Unwritable {
        /// Which.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// Anything else.
    #[error("{doing}: {source}")]
    Failed {
        /// What was being done.
        doing: &'static str,
        /// Why it failed.
        source: io::Error,
    },
}

impl Fault for ServiceError {
    fn class(&self) -> Class {
        Class::Operator
    }

    fn code(&self) -> &'static str {
        match self {
            Self::Unsupported => "service-unsupported",
            Self::Missing => "service-missing",
            Self::Denied { .. } => "service-denied",
            Self::Ended { .. } => "service-ended",
            Self::Stuck { .. } => "service-stuck",
            Self::Unwritable { .. } => "service-unwritable",
            Self::Failed { .. } => "service-failed",
        }
    }

    fn advice(&self) -> String {
        match self {
            Self::Unsupported => {
                "Here the unit is systemd's (`systemctl start seatsync`), and secrets are its credentials (`systemd-creds encrypt`)."
            }
            Self::Missing => "Install it from an elevated prompt: seatsync service install",
            Self::Denied { .. } => "Run this from an elevated prompt (\"Run as administrator\").",
            Self::Ended { .. } => "See the newest file in %ProgramData%\\seatsync\\log and the Application log; `seatsync config check` first.",
            Self::Stuck { .. } => "See its log; `seatsync service status` says when it is done.",
            Self::Unwritable { .. } | Self::Failed { .. } => "See that the prompt is elevated, and the System log.",
        }
        .to_owned()
    }

    fn exit_status(&self) -> u8 {
        match self {
            Self::Unsupported => exit::USAGE,
            Self::Missing => exit::NOT_FOUND,
            Self::Denied { .. } => exit::REFUSED,
            Self::Ended { .. } | Self::Stuck { .. } => exit::UNAVAILABLE,
            Self::Unwritable { .. } => exit::CANNOT_CREATE,
            Self::Failed { .. } => exit::SOFTWARE,
        }
    }
}
