//! Microsoft's limits on identity and access, per app and tenant: resource units and writes, each a bucket that drains
//! evenly. A refused request counts too.

use std::{collections::BTreeMap, time::Duration};

use axum::http::StatusCode;
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::{
    clock::{after, span},
    reply::{GraphError, Reply},
    state::State,
};

/// How far over its limit a bucket is counted, and shown in `x-ms-throttle-limit-percentage`.
const FULLEST: f64 = 1.8;

/// From where on an answer tells how full the bucket is.
const TOLD_FROM: f64 = 0.8;

/// What the tenant limits; by default nothing.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
pub struct Throttling {
    /// Resource units per app.
    pub units: Option<Limit>,
    /// Writes per app.
    pub writes: Option<Limit>,
    /// How a 429 says when to come again.
    pub retry_after: RetryAfter,
    /// The status of a whole `$batch` with a throttled item: 200 as documented now, 424 as documented before.
    pub batch_status: Option<u16>,
}

/// So much in so long.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Limit {
    /// What the bucket holds.
    pub size: u32,
    /// In what time a full bucket drains.
    #[serde(with = "span")]
    pub window: Duration,
}

/// How a 429 says when to come again.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum RetryAfter {
    /// Whole seconds, rounded up.
    #[default]
    Seconds,
    /// Seconds with one decimal.
    Decimal,
    /// An HTTP date, as HTTP allows.
    Date,
    /// Not at all.
    Missing,
}

impl Limit {
    /// Microsoft's limit on resource units for a tenant of so many users: S, M or L.
    #[must_use]
    pub fn units(users: usize) -> Self {
        let size = match users {
            0..50 => 3_500,
            50..=500 => 5_000,
            _ => 8_000,
        };
        Self { size, window: Duration::from_secs(10) }
    }

    /// Microsoft's limit on writes: 3,000 in two minutes and a half.
    #[must_use]
    pub fn writes() -> Self {
        Self { size: 3_000, window: Duration::from_secs(150) }
    }

    fn per_second(self) -> f64 {
        f64::from(self.size) / self.window.as_secs_f64().max(f64::MIN_POSITIVE)
    }
}

impl Throttling {
    /// Microsoft's limits for a tenant of so many users.
    #[must_use]
    pub fn real(users: usize) -> Self {
        Self { units: Some(Limit::units(users)), writes: Some(Limit::writes()), ..Self::default() }
    }
}

/// One bucket.
#[derive(Debug, Clone, Copy)]
struct Meter {
    level: f64,
    at: Timestamp,
}

/// The buckets of one app.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Meters {
    units: Option<Meter>,
    writes: Option<Meter>,
}

/// The meters of all apps, by client id.
pub(super) type AppMeters = BTreeMap<String, Meters>;

/// What a request did to the buckets.
#[derive(Debug, Default)]
pub(super) struct Charge {
    fullness: f64,
    /// The 429, if there was no room.
    pub(super) refusal: Option<GraphError>,
}

struct Over {
    wait: Duration,
    scope: &'static str,
    cause: &'static str,
}

/// Fills a bucket; how full it is then, and how long until there would have been room.
fn pour(meter: &mut Option<Meter>, limit: Limit, cost: u32, now: Timestamp) -> (f64, Option<Duration>) {
    let meter = meter.get_or_insert(Meter { level: 0.0, at: now });
    let elapsed = now.duration_since(meter.at).max(SignedDuration::ZERO);
    let (size, cost) = (f64::from(limit.size).max(1.0), f64::from(cost));
    let before = (meter.level - elapsed.as_secs_f64() * limit.per_second()).max(0.0);
    *meter = Meter { level: (before + cost).min(size * FULLEST), at: now };
    // What a rounding error adds is no reason to refuse.
    let over = before + cost - size > 1e-6;
    // The refused request itself stands in the way of its repetition.
    let wait = (meter.level + cost - size).max(0.0) / limit.per_second();
    (meter.level / size, over.then(|| Duration::from_secs_f64(wait)))
}

impl State {
    /// Charges a request of that app, whether or not there is room for it.
    pub(super) fn charge(&mut self, app: &str, units: u32, writes: bool) -> Charge {
        let now = self.now();
        let limits = &self.knobs.throttling;
        if limits.units.is_none() && limits.writes.is_none() {
            return Charge::default();
        }
        let meters = self.meters.entry(app.to_lowercase()).or_default();
        let mut charge = Charge::default();
        let mut over = None;
        if let Some(limit) = limits.units {
            let (fullness, wait) = pour(&mut meters.units, limit, units, now);
            charge.fullness = fullness;
            over = wait.map(|wait| Over { wait, scope: "ReadWrite", cause: "ResourceUnitLimitExceeded" });
        }
        if let Some(limit) = limits.writes.filter(|_| writes) {
            let (fullness, wait) = pour(&mut meters.writes, limit, 1, now);
            charge.fullness = charge.fullness.max(fullness);
            over = wait.map(|wait| Over { wait, scope: "Write", cause: "WriteLimitExceeded" }).or(over);
        }
        charge.refusal = over.map(|over| self.refusal(app, &over, now));
        charge
    }

    fn refusal(&self, app: &str, over: &Over, now: Timestamp) -> GraphError {
        let scope = format!("Tenant_Application/{}/{app}/{}", over.scope, self.organization.id);
        let refusal = GraphError::new(StatusCode::TOO_MANY_REQUESTS, "TooManyRequests", "Please retry again later.")
            .header("x-ms-throttle-scope", &scope)
            .header("x-ms-throttle-information", over.cause);
        let seconds = over.wait.as_secs_f64();
        match self.knobs.throttling.retry_after {
            RetryAfter::Missing => refusal,
            RetryAfter::Seconds => refusal.header("retry-after", &format!("{:.0}", seconds.ceil().max(1.0))),
            RetryAfter::Decimal => refusal.header("retry-after", &format!("{:.1}", (seconds * 10.0).ceil() / 10.0)),
            RetryAfter::Date => {
                let at = after(now, Duration::from_secs_f64(seconds.ceil()));
                refusal.header("retry-after", &at.strftime("%a, %d %b %Y %H:%M:%S GMT").to_string())
            }
        }
    }
}

impl Charge {
    /// Tells how full the buckets are, once they are nearly so.
    pub(super) fn tell(&self, reply: &mut Reply) {
        if self.fullness >= TOLD_FROM {
            reply.set("x-ms-throttle-limit-percentage", &format!("{:.2}", self.fullness));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bucket_takes_its_size_at_once_and_its_rate_after_that() {
        let limit = Limit { size: 20, window: Duration::from_secs(10) };
        let start = Timestamp::UNIX_EPOCH;
        let at = |seconds: i64| start + SignedDuration::from_secs(seconds);
        let mut meter = None;
        for _ in 0..20 {
            assert_eq!(pour(&mut meter, limit, 1, start).1, None);
        }
        // Two units a second; the refused one counts as well, and so does its repetition.
        assert_eq!(pour(&mut meter, limit, 1, start), (1.05, Some(Duration::from_secs(1))));
        assert_eq!(pour(&mut meter, limit, 1, at(1)).1, None);
        for _ in 0..100 {
            pour(&mut meter, limit, 1, at(1));
        }
        assert!((pour(&mut meter, limit, 1, at(1)).0 - FULLEST).abs() < 1e-9, "it does not fill without end");
        assert_eq!(pour(&mut meter, limit, 1, at(20)).1, None);
    }
}
