//! Signs of life for a dead man's switch: as long as both sides are read and what is due can be written.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use super::health::Health;
use super::{Agent, AgentError, is_fatal};
use crate::observe::Event;
use crate::store::Report;

/// After a sign that was withheld or not taken, it is tried again so soon, so that health is told of soon.
const AGAIN: Duration = Duration::from_mins(1);

/// What keeps the parts from their work, whatever else is complained of.
const PARTS: [&str; 4] = ["work", "tenant", "groups", "details"];

impl Agent {
    /// Gives signs of life until the store cannot go on.
    pub(super) async fn beat(&self) -> Result<(), AgentError> {
        let (Some(heartbeat), Some(webhook)) = (&self.settings.heartbeat, &self.pulse) else {
            return std::future::pending().await;
        };
        self.store.forget_troubles("heartbeat").await?;
        let started = self.clock.now();
        let mut health = Health::new("heartbeat", self.store.clone(), AGAIN);
        let mut withheld = None;
        loop {
            let sick = match self.store.report().await {
                Ok(report) => self.sickness(&report, started),
                Err(error) => {
                    let error = AgentError::from(error);
                    if is_fatal(&error) {
                        return Err(error);
                    }
                    Some(error.to_string())
                }
            };
            let again = match sick {
                Some(why) => {
                    if withheld.replace(why.clone()).as_ref() != Some(&why) {
                        Event::HeartbeatWithheld { why }.emit();
                    }
                    AGAIN.min(heartbeat.every)
                }
                None => {
                    withheld = None;
                    match webhook.beat(heartbeat.post).await {
                        Ok(_) => {
                            health.works().await;
                            heartbeat.every
                        }
                        Err(error) => {
                            let again = error.retry_after().unwrap_or_default().max(AGAIN.min(heartbeat.every));
                            let at = crate::clock::later(self.clock.now(), again);
                            health.say(&error.into(), at).await;
                            again
                        }
                    }
                }
            };
            self.clock.wait(again).await;
        }
    }

    /// What speaks against a sign of life.
    fn sickness(&self, report: &Report, started: Timestamp) -> Option<String> {
        let now = self.clock.now();
        let domains = self.domains();
        let of_domain =
            |part: &str| part == "directory" || domains.iter().any(|name| part == format!("directory {name}"));
        let trouble = report.troubles.iter().find(|(part, _)| PARTS.contains(&part.as_str()) || of_domain(part));
        if let Some((part, complaint)) = trouble {
            return Some(format!("{part}: {complaint}"));
        }
        if let Some(halt) = report.halted.as_ref().filter(|halt| halt.until > now && !halt.is_throttling()) {
            return Some(format!("nothing is written: {}", halt.reason));
        }
        let limit = SignedDuration::try_from(self.settings.alarm.unreachable_after).unwrap_or(SignedDuration::MAX);
        let stale = |read: Option<Timestamp>| now.duration_since(read.unwrap_or(started).max(started)) >= limit;
        match (stale(report.directory_read), stale(report.tenant_read)) {
            (true, _) => Some("the directory was not read for long".to_owned()),
            (_, true) => Some("the tenant was not read for long".to_owned()),
            _ => None,
        }
    }
}
