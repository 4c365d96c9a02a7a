//! How a part that fails is retried, and what is said of it: once per change, not once per try.

use std::time::Duration;

use backon::{BackoffBuilder as _, ExponentialBackoff, ExponentialBuilder};
use jiff::Timestamp;

use super::error::AgentError;
use crate::clock::{Clock, later};
use crate::model::fault::{Class, Fault as _};
use crate::model::standing::Reason;
use crate::observe::Event;
use crate::store::{Halt, Store};

/// The longest wait for what heals by itself.
const LONGEST: Duration = Duration::from_mins(1);

/// The wait when a person must act. Long, so that a wrong password locks nobody out.
const RARELY: Duration = Duration::from_mins(5);

/// The state of one part.
pub(super) struct Health {
    part: String,
    store: Store,
    first: Duration,
    waits: ExponentialBackoff,
    said: Option<&'static str>,
}

impl Health {
    pub(super) fn new(part: impl Into<String>, store: Store, first: Duration) -> Self {
        Self { part: part.into(), store, first, waits: backoff(first), said: None }
    }

    /// Notes a failure, says it if it is news, and returns how long to wait.
    pub(super) async fn failed(&mut self, error: &AgentError, asked: Option<Duration>, clock: &Clock) -> Duration {
        let wait = match error.class() {
            Class::Operator => RARELY,
            Class::Heals | Class::Bug => self.waits.next().unwrap_or(LONGEST),
        };
        let wait = wait.max(asked.unwrap_or_default());
        let again = later(clock.now(), wait);
        if let Some(asked) = asked.filter(|_| error.code() == "graph-throttled") {
            // The whole client leaves Graph alone, after a restart too.
            let reason = Reason::new("graph-throttled", error.to_string());
            let _ = self.store.halt(&Halt { until: later(clock.now(), asked), reason }).await;
        }
        self.say(error, again).await;
        wait
    }

    /// Says a failure if it is news.
    pub(super) async fn say(&mut self, error: &AgentError, retry: Timestamp) {
        let trouble = Event::trouble(&self.part, error, retry);
        if self.said.replace(error.code()) == Some(error.code()) {
            trouble.again();
        } else {
            trouble.emit();
            let text = format!("{}. {} [{}]", error.to_string().trim_end_matches('.'), error.advice(), error.code());
            // A store that cannot keep the complaint is in worse trouble, which is said by the work itself.
            let _ = self.store.trouble(&self.part, Some(&text)).await;
        }
    }

    /// Notes that the part works.
    pub(super) async fn works(&mut self) {
        if self.said.take().is_some() {
            self.waits = backoff(self.first);
            Event::Recovered { part: self.part.clone() }.emit();
        }
        let _ = self.store.trouble(&self.part, None).await;
    }
}

fn backoff(first: Duration) -> ExponentialBackoff {
    ExponentialBuilder::new()
        .with_min_delay(first.min(LONGEST))
        .with_max_delay(LONGEST)
        .with_jitter()
        .without_max_times()
        .build()
}
