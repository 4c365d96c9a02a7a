//! Any room's error, as the agent passes it on.

use crate::apply::ReadError;
use crate::directory::DirectoryError;
use crate::model::fault::{Class, Fault};
use crate::notify::NotifyError;
use crate::store::StoreError;
use crate::tenant::TenantError;
use crate::tls::TlsError;

/// Any room's error.
#[derive(Debug, thiserror::Error)]
pub enum AgentError {
    /// The directory's.
    #[error(transparent)]
    Directory(#[from] DirectoryError),
    /// The tenant's.
    #[error(transparent)]
    Tenant(#[from] TenantError),
    /// The store's.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A webhook's.
    #[error(transparent)]
    Notify(#[from] NotifyError),
    /// The TLS configuration's.
    #[error(transparent)]
    Tls(#[from] TlsError),
}

impl From<ReadError> for AgentError {
    fn from(error: ReadError) -> Self {
        match error {
            ReadError::Store(error) => Self::Store(error),
            ReadError::Tenant(error) => Self::Tenant(error),
        }
    }
}

impl AgentError {
    fn inner(&self) -> &dyn Fault {
        match self {
            Self::Directory(error) => error,
            Self::Tenant(error) => error,
            Self::Store(error) => error,
            Self::Notify(error) => error,
            Self::Tls(error) => error,
        }
    }
}

impl Fault for AgentError {
    fn class(&self) -> Class {
        self.inner().class()
    }

    fn code(&self) -> &'static str {
        self.inner().code()
    }

    fn advice(&self) -> String {
        self.inner().advice()
    }

    fn exit_status(&self) -> u8 {
        self.inner().exit_status()
    }
}
