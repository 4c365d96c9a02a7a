//! The only reader of time. Everything below is told what time it is.

use std::sync::Arc;
use std::time::{Duration, Instant};

use jiff::{SignedDuration, Timestamp};
use tokio::sync::watch;

/// The wall clock, which whoever drives the agent from outside may move: waiting tasks notice.
#[derive(Clone, Debug)]
pub struct Clock {
    ahead: Arc<watch::Sender<SignedDuration>>,
    made: Instant,
}

/// One moment, by both clocks: that of calendars, which is set now and then, and that of stopwatches, which is not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Moment {
    /// The wall clock's.
    pub at: Timestamp,
    /// Since the clock was made. Nobody can move it, and a host that sleeps does not count.
    pub uptime: Duration,
}

/// A wait ends at the latest after this, so that a wall clock that was set, or a host that slept, is noticed.
const LONGEST_SLEEP: Duration = Duration::from_secs(30);

impl Clock {
    /// The system's clock.
    #[must_use]
    pub fn system() -> Self {
        Self { ahead: Arc::new(watch::Sender::new(SignedDuration::ZERO)), made: Instant::now() }
    }

    /// Now, in whole milliseconds, which is what the store keeps.
    #[must_use]
    #[expect(clippy::disallowed_methods, reason = "this is the one place that reads it")]
    pub fn now(&self) -> Timestamp {
        let now = Timestamp::now().as_millisecond();
        let ahead = i64::try_from(self.ahead.borrow().as_millis()).unwrap_or(0);
        Timestamp::from_millisecond(now.saturating_add(ahead)).unwrap_or(Timestamp::MAX)
    }

    /// Now, by both clocks.
    #[must_use]
    pub fn moment(&self) -> Moment {
        Moment { at: self.now(), uptime: self.made.elapsed() }
    }

    /// Sets the clock further ahead.
    pub fn advance(&self, by: Duration) {
        self.ahead.send_modify(|ahead| *ahead += SignedDuration::try_from(by).unwrap_or(SignedDuration::ZERO));
    }

    /// Waits until a time; at once when it has passed.
    pub async fn wait_until(&self, at: Timestamp) {
        let mut ahead = self.ahead.subscribe();
        loop {
            let left = at.duration_since(self.now());
            if left <= SignedDuration::ZERO {
                return;
            }
            let sleep = Duration::try_from(left).unwrap_or(LONGEST_SLEEP).min(LONGEST_SLEEP);
            tokio::select! {
                () = tokio::time::sleep(sleep) => {}
                _ = ahead.changed() => {}
            }
        }
    }

    /// Waits for a while.
    pub async fn wait(&self, duration: Duration) {
        self.wait_until(later(self.now(), duration)).await;
    }
}

/// A time and a while later.
#[must_use]
pub fn later(at: Timestamp, by: Duration) -> Timestamp {
    at.checked_add(by).unwrap_or(Timestamp::MAX)
}
