//! systemd (`sd_notify(3)`): what a unit of `Type=notify` tells its service manager. Without `NOTIFY_SOCKET`, nothing.
//!
//! READY says that the store is open and the tasks run. The first reading does not belong to it: it may take long, a controller
//! may be away, and neither shall hold up what is ordered after this service; the status line says how far it is. WATCHDOG is
//! sent when a task notes progress, and only while none is overdue: nothing here wakes by itself.

use std::time::Duration;

use jiff::Timestamp;
use sd_notify::NotifyState;

use super::{Accused, Told};
use crate::agent::Phase;
use crate::store::Report;

/// The status line is made anew this often at most, and so seldom that it takes no more than this part of the time: it counts
/// every account.
const STATUS_AGAIN: Duration = Duration::from_mins(1);
const STATUS_PART: u32 = 1000;

/// While it stops, more time is asked for this often at most.
const EXTEND_AGAIN: Duration = Duration::from_secs(1);

/// How long a service may go without a sign of life, where systemd watches it (`WatchdogSec=`).
pub(super) fn watchdog() -> Option<Duration> {
    sd_notify::watchdog_enabled()
}

/// What was told when, by the stopwatch.
#[derive(Default)]
struct Past {
    fed: Option<Duration>,
    described: Option<Duration>,
    describing: Duration,
    extended: Option<Duration>,
    accused: Accused,
}

/// Tells the service manager until the agent has ended, and that it stops.
pub(super) async fn tell(mut told: Told) {
    if std::env::var_os("NOTIFY_SOCKET").is_none() {
        return;
    }
    let (mut notes, mut past) = (told.vitals.watch(), Past::default());
    loop {
        tokio::select! {
            // What the agent is at comes before what its tasks are.
            biased;
            phase = told.phase.changed() => match phase {
                Ok(()) => told.enter(&mut past),
                Err(_) => return,
            },
            Ok(()) = notes.changed() => told.heed(&mut past).await,
        }
    }
}

impl Told {
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
        let again = STATUS_AGAIN.max(past.describing * STATUS_PART);
        if is_ready && is_due(&mut past.described, again, now.uptime) {
            // A store that fails is complained of by the work.
            if let Ok(report) = self.store.report().await {
                notify(&[NotifyState::Status(&self.describe(&report, now.at))]);
            }
            past.describing = self.clock.moment().uptime.saturating_sub(now.uptime);
        }
    }

    /// A sign of life, unless somebody is overdue.
    fn feed(&self, past: &mut Past, every: Duration, now: Duration) {
        if !past.accused.any(&self.vitals) && is_due(&mut past.fed, every, now) {
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
