//! systemd (`sd_notify(3)`): what a unit of `Type=notify` tells its service manager. Without `NOTIFY_SOCKET`, nothing.
//!
//! READY says that the store is open and the tasks run. The first reading does not belong to it: it may take long, a controller
//! may be away, and neither shall hold up what is ordered after this service; the status line says how far it is. WATCHDOG is
//! sent when a task notes progress, and only while none is overdue: nothing here wakes by itself.

use std::collections::BTreeSet;
use std::time::Duration;

use jiff::Timestamp;
use sd_notify::NotifyState;
use tokio::sync::watch;

use crate::agent::Phase;
use crate::clock::Clock;
use crate::observe::Event;
use crate::store::{Report, Store};
use crate::vitals::{Task, Vitals};

/// The status line is made anew this often at most.
const STATUS_AGAIN: Duration = Duration::from_mins(1);

/// While it stops, more time is asked for this often at most.
const EXTEND_AGAIN: Duration = Duration::from_secs(1);

/// How long a service may go without a sign of life, where systemd watches it (`WatchdogSec=`).
#[must_use]
pub fn watchdog() -> Option<Duration> {
    sd_notify::watchdog_enabled()
}

/// What is told.
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

/// What was told when, by the stopwatch.
#[derive(Default)]
struct Past {
    fed: Option<Duration>,
    described: Option<Duration>,
    extended: Option<Duration>,
    accused: BTreeSet<Task>,
}

impl Told {
    /// Tells the service manager until the agent has ended, and that it stops.
    pub async fn tell(mut self) {
        if std::env::var_os("NOTIFY_SOCKET").is_none() {
            return;
        }
        let (mut notes, mut past) = (self.vitals.watch(), Past::default());
        loop {
            tokio::select! {
                // What the agent is at comes before what its tasks are.
                biased;
                phase = self.phase.changed() => match phase {
                    Ok(()) => self.enter(&mut past),
                    Err(_) => return,
                },
                Ok(()) = notes.changed() => self.heed(&mut past).await,
            }
        }
    }

    fn enter(&mut self, past: &mut Past) {
        let phase = self.phase.borrow_and_update().clone();
        match phase {
            Phase::Starting => {}
            Phase::Ready { .. } => {
                past.described = None;
                notify(&[NotifyState::Ready]);
            }
            Phase::Reloading => {
                let status = NotifyState::Status("weighing the configuration that is in the file now");
                match NotifyState::monotonic_usec_now() {
                    Ok(now) => notify(&[NotifyState::Reloading, now, status]),
                    Err(error) => tracing::debug!(%error, "the reload is not told to systemd"),
                }
            }
            Phase::Stopping => {
                let status = NotifyState::Status("stopping: writes under way are brought to their end");
                notify(&[NotifyState::Stopping, status, self.extension()]);
            }
        }
    }

    /// A task noted something.
    async fn heed(&mut self, past: &mut Past) {
        let now = self.clock.moment();
        match &*self.phase.borrow() {
            Phase::Starting => return,
            Phase::Stopping => {
                if is_due(&mut past.extended, EXTEND_AGAIN, now.uptime) {
                    notify(&[self.extension()]);
                }
                return;
            }
            Phase::Ready { .. } | Phase::Reloading => {}
        }
        if let Some(limit) = watchdog() {
            self.feed(past, limit / 4, now.uptime);
        }
        let is_ready = matches!(&*self.phase.borrow(), Phase::Ready { .. });
        if is_ready && is_due(&mut past.described, STATUS_AGAIN, now.uptime) {
            // A store that fails is complained of by the work.
            if let Ok(report) = self.store.report().await {
                notify(&[NotifyState::Status(&self.describe(&report, now.at))]);
            }
        }
    }

    /// A sign of life, unless somebody is overdue: whoever is, is named once.
    fn feed(&self, past: &mut Past, every: Duration, now: Duration) {
        let overdue = self.vitals.overdue();
        past.accused.retain(|task| overdue.iter().any(|overdue| overdue.task == *task));
        for late in &overdue {
            if past.accused.insert(late.task.clone()) {
                Event::TaskOverdue { task: late.task.to_string(), by: late.by }.emit();
            }
        }
        if overdue.is_empty() && is_due(&mut past.fed, every, now) {
            notify(&[NotifyState::Watchdog]);
        }
    }

    fn describe(&self, report: &Report, now: Timestamp) -> String {
        let headline = (self.headline)(report, now);
        match &*self.phase.borrow() {
            Phase::Ready { refused: Some(_), .. } => format!("{headline}; the last reload was refused"),
            _ => headline,
        }
    }

    fn extension(&self) -> NotifyState<'static> {
        NotifyState::ExtendTimeoutUsec(u32::try_from(self.last_step.as_micros()).unwrap_or(u32::MAX))
    }
}

/// Whether it is time again, and notes so.
fn is_due(last: &mut Option<Duration>, every: Duration, now: Duration) -> bool {
    let due = last.is_none_or(|last| now.saturating_sub(last) >= every);
    if due {
        *last = Some(now);
    }
    due
}

fn notify(states: &[NotifyState<'_>]) {
    if let Err(error) = sd_notify::notify(states) {
        tracing::debug!(%error, "systemd could not be told");
    }
}
