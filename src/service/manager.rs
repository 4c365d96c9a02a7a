//! What `seatsync service` asks of the service manager: Windows' own. Elsewhere there is `systemctl`.

use std::fmt;
use std::path::PathBuf;

use super::ServiceError;
#[cfg(windows)]
use super::windows as here;

/// What shall be installed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Installation {
    /// The program that runs.
    pub program: PathBuf,
    /// Its configuration; an example is put there if there is none.
    pub config: PathBuf,
    /// Text of that example.
    pub example: String,
    /// Who it runs as, such as `CORP\svc-seatsync$`; without one the virtual account of the service.
    pub account: Option<String>,
}

/// What the service is at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum State {
    /// It does not run; how it ended, unless well.
    Stopped(Option<String>),
    /// It was started, and is not ready.
    Starting,
    /// It runs, as this process.
    Running(Option<u32>),
    /// It was told to stop.
    Stopping,
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Stopped(None) => f.write_str("stopped"),
            Self::Stopped(Some(how)) => write!(f, "stopped; it ended with {how}"),
            Self::Starting => f.write_str("starting"),
            Self::Running(None) => f.write_str("running"),
            Self::Running(Some(pid)) => write!(f, "running, process {pid}"),
            Self::Stopping => f.write_str("stopping"),
        }
    }
}

/// Installs the service, or brings an installed one up to date: directories, access lists, an example configuration, the event
/// source, start, recovery. It is not started. Says what was done.
///
/// # Errors
/// As [`ServiceError`]; to be run again once the cause is gone.
pub fn install(installation: &Installation) -> Result<Vec<String>, ServiceError> {
    here::install(installation)
}

/// Stops and removes the service and its event source. Configuration, secrets, store and logs stay. Says what was done.
///
/// # Errors
/// [`ServiceError::Missing`] when there is none, or as [`ServiceError`].
pub fn uninstall() -> Result<Vec<String>, ServiceError> {
    here::uninstall()
}

/// Starts the service and waits until it runs.
///
/// # Errors
/// [`ServiceError::Ended`] when it ends instead, or as [`ServiceError`].
pub fn start() -> Result<State, ServiceError> {
    here::start()
}

/// Stops the service and waits until it has ended: writes under way are brought to their end.
///
/// # Errors
/// As [`ServiceError`].
pub fn stop() -> Result<State, ServiceError> {
    here::stop()
}

/// What the service is at.
///
/// # Errors
/// As [`ServiceError`].
pub fn state() -> Result<State, ServiceError> {
    here::state()
}

/// Runs as the service: connects to the service control manager, which has started this process, and returns when the service has
/// ended. `body` runs the agent in a thread of its own, with [`super::signals`] from the manager, and returns the exit status.
///
/// # Errors
/// When no service control manager started this process.
pub fn host(body: impl FnOnce() -> u8 + Send + 'static) -> Result<(), ServiceError> {
    here::host(Box::new(body))
}

#[cfg(not(windows))]
mod here {
    use super::{Installation, ServiceError, State};

    pub(super) fn install(_: &Installation) -> Result<Vec<String>, ServiceError> {
        Err(ServiceError::Unsupported)
    }

    pub(super) fn uninstall() -> Result<Vec<String>, ServiceError> {
        Err(ServiceError::Unsupported)
    }

    pub(super) fn start() -> Result<State, ServiceError> {
        Err(ServiceError::Unsupported)
    }

    pub(super) fn stop() -> Result<State, ServiceError> {
        Err(ServiceError::Unsupported)
    }

    pub(super) fn state() -> Result<State, ServiceError> {
        Err(ServiceError::Unsupported)
    }

    pub(super) fn host(_: Box<dyn FnOnce() -> u8 + Send>) -> Result<(), ServiceError> {
        Err(ServiceError::Unsupported)
    }
}
