//! The hosts an agent runs under: a terminal, systemd, the service control manager of Windows. Each turns what its system says
//! into the same [`Signals`], and hears of the agent what [`Told`] has for it; what runs is the same.

pub mod console;
mod error;
mod manager;
#[cfg(target_os = "linux")]
mod systemd;
#[cfg(windows)]
mod windows;

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use tokio::sync::{Notify, watch};

use crate::agent::Phase;
use crate::clock::Clock;
use crate::observe::Event;
use crate::store::{Report, Store};
use crate::vitals::{Task, Vitals};

pub use error::ServiceError;
pub use manager::{Installation, State, host, install, start, state, stop, uninstall};

/// The service's name on Windows, and that of its event source.
pub const NAME: &str = "seatsync";

/// What a host asks for.
#[derive(Clone, Debug)]
pub struct Signals {
    /// Turns true when the process shall end.
    pub stop: watch::Receiver<bool>,
    /// Rung when the configuration shall be read anew.
    pub reload: Arc<Notify>,
}

/// What the host is told of the agent.
#[derive(Debug)]
pub struct Told {
    /// What the agent is at.
    pub phase: watch::Receiver<Phase>,
    /// Whether its tasks make progress.
    pub vitals: Vitals,
    /// From where the status line is.
    pub store: Store,
    /// What time it is.
    pub clock: Clock,
    /// The status line while it runs.
    pub headline: fn(&Report, Timestamp) -> String,
    /// How long, once told to stop, one step may take until its end.
    pub last_step: Duration,
}

impl Told {
    /// Tells the service manager, where there is one that wants to hear, until the agent has ended.
    pub async fn tell(self) {
        #[cfg(target_os = "linux")]
        systemd::tell(self).await;
        #[cfg(windows)]
        windows::tell(self).await;
        #[cfg(not(any(target_os = "linux", windows)))]
        drop(self);
    }
}

/// What the host that started the program asks for.
///
/// # Errors
/// When the handlers cannot be installed.
pub fn signals() -> std::io::Result<Signals> {
    #[cfg(windows)]
    if let Some(signals) = windows::signals() {
        return Ok(signals);
    }
    console::signals()
}

/// How long the service may go without a sign of life, where its manager watches that.
#[must_use]
pub fn watchdog() -> Option<Duration> {
    #[cfg(target_os = "linux")]
    return systemd::watchdog();
    #[cfg(not(target_os = "linux"))]
    None
}

/// Where log files go if the configuration does not say: under a service manager that reads no standard error.
#[must_use]
pub fn log_directory() -> Option<PathBuf> {
    #[cfg(windows)]
    return windows::signals().and_then(|_| crate::system::log_directory());
    #[cfg(not(windows))]
    None
}

/// Who was found overdue, so that each is named once.
#[derive(Debug, Default)]
struct Accused(BTreeSet<Task>);

impl Accused {
    /// Whether a task makes no progress; whoever does not is named.
    fn any(&mut self, vitals: &Vitals) -> bool {
        let overdue = vitals.overdue();
        self.0.retain(|task| overdue.iter().any(|overdue| overdue.task == *task));
        for late in &overdue {
            if self.0.insert(late.task.clone()) {
                Event::TaskOverdue { task: late.task.to_string(), by: late.by }.emit();
            }
        }
        !overdue.is_empty()
    }
}
