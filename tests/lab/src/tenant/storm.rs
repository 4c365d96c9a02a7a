//! Random trouble with writes, by seed and share: what a busy day at Microsoft does to a client.

use axum::http::Method;
use serde::{Deserialize, Serialize};

use super::{
    exchange::Call,
    fault::Then,
    graph::{self, Route},
    knobs::Concurrency,
    state::State,
};

/// Random trouble with writes; by default none. Shares are between 0 and 1.
///
/// What befalls the n-th write of one kind for one user depends on the seed alone, whatever else goes on meanwhile.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
pub struct Storm {
    /// What chance is drawn from.
    pub seed: u64,
    /// Share of writes, single or items of a `$batch`, answered 429.
    pub throttled: f64,
    /// Share of those 429s whose write was carried out all the same.
    pub throttled_applied: f64,
    /// `Retry-After` of the 429s; none: without.
    pub retry_after: Option<String>,
    /// Share of writes, single or items, answered 503.
    pub unavailable: f64,
    /// Share of writes, single or items, answered with a concurrency violation: 409, or as the knob `concurrency` says.
    pub violations: f64,
    /// Share of requests that write, a `$batch` being one, whose connection is closed unanswered: one half before
    /// anything is carried out, the other half after all of it.
    pub cut: f64,
    /// Share of `$batch`es that a gateway answers instead: one half 503 with nothing carried out, the other half 504 with
    /// everything carried out.
    pub gateway: f64,
}

impl Default for Storm {
    fn default() -> Self {
        Self {
            seed: 0,
            throttled: 0.0,
            throttled_applied: 0.0,
            retry_after: Some("1".to_owned()),
            unavailable: 0.0,
            violations: 0.0,
            cut: 0.0,
            gateway: 0.0,
        }
    }
}

impl Storm {
    /// A bad day: 10 % throttled, some of them applied, 2 % unavailable, 2 % cut connections, 1 % concurrency violations.
    #[must_use]
    pub fn bad_day(seed: u64) -> Self {
        Self {
            seed,
            throttled: 0.10,
            throttled_applied: 0.05,
            unavailable: 0.02,
            violations: 0.01,
            cut: 0.02,
            ..Self::default()
        }
    }

    fn calm(&self) -> bool {
        self.throttled + self.unavailable + self.violations + self.cut + self.gateway <= 0.0
    }

    /// What befalls a whole request that writes, if anything.
    fn on_connection(&self, chance: &mut fastrand::Rng, batch: bool) -> Option<(&'static str, Then)> {
        let drawn = chance.f64();
        let after_effect = chance.bool();
        if drawn < self.cut {
            let word = if after_effect { "cutAfter" } else { "cut" };
            return Some((word, Then { cut: true, after_effect, ..Then::default() }));
        }
        if !batch || drawn >= self.cut + self.gateway {
            return None;
        }
        let (word, status, code) = match after_effect {
            true => ("gatewayAfter", 504, "GatewayTimeout"),
            false => ("gateway", 503, "ServiceUnavailable"),
        };
        Some((word, Then { after_effect, ..refused(status, code, "") }))
    }

    /// What befalls one write, if anything.
    fn on_write(&self, chance: &mut fastrand::Rng, concurrency: Concurrency) -> Option<(&'static str, Then)> {
        let drawn = chance.f64();
        let after_effect = chance.f64() < self.throttled_applied;
        if drawn < self.throttled {
            let mut then = Then { after_effect, ..refused(429, "TooManyRequests", "Please retry again later.") };
            then.headers.extend(self.retry_after.iter().map(|wait| ("Retry-After".to_owned(), wait.clone())));
            return Some((if after_effect { "throttledApplied" } else { "throttled" }, then));
        }
        let drawn = drawn - self.throttled;
        if drawn < self.unavailable {
            let text = "The server is currently unable to handle the request.";
            return Some(("unavailable", refused(503, "ServiceUnavailable", text)));
        }
        (drawn - self.unavailable < self.violations).then(|| {
            let (status, code) = match concurrency {
                Concurrency::BadRequest => (400, "Request_BadRequest"),
                Concurrency::Allowed | Concurrency::Conflict => (409, "Directory_ConcurrencyViolation"),
            };
            ("violation", refused(status, code, graph::CONCURRENT))
        })
    }
}

fn refused(status: u16, code: &str, message: &str) -> Then {
    let (code, message) = (Some(code.to_owned()), Some(message.to_owned()));
    Then { status: Some(status), code, message, ..Then::default() }
}

impl State {
    /// What the storm does to a request, if anything, and the word for it.
    pub(super) fn storm(&mut self, call: &Call) -> Option<(&'static str, Then)> {
        let storm = &self.knobs.storm;
        if storm.calm() {
            return None;
        }
        let batch = matches!(call.route, Route::Batch) && call.method == Method::POST;
        let kind = graph::write_kind(call);
        if kind.is_none() && !batch {
            return None;
        }
        let mut trouble = None;
        if call.batch_item.is_none() {
            self.storm_requests += 1;
            trouble = storm.on_connection(&mut chance(storm.seed, 0, self.storm_requests), batch);
        }
        let Some(kind) = kind.filter(|_| trouble.is_none()) else {
            return trouble;
        };
        let person = self.people.get_mut(&call.user.as_ref()?.id)?;
        let (id, calls) = (person.id, person.counters.write(kind)?.calls);
        let (high, low) = id.as_u64_pair();
        storm.on_write(&mut chance(storm.seed, high ^ low ^ (kind as u64 + 1), calls), self.knobs.concurrency)
    }
}

/// Chance for the n-th of its kind.
fn chance(seed: u64, of: u64, n: u64) -> fastrand::Rng {
    let mut first = fastrand::Rng::with_seed(seed ^ of.rotate_left(17));
    let mut second = fastrand::Rng::with_seed(first.u64(..) ^ n.wrapping_mul(0x9e37_79b9_7f4a_7c15));
    fastrand::Rng::with_seed(second.u64(..))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_are_kept() {
        let storm = Storm::bad_day(7);
        let mut seen = std::collections::BTreeMap::<&str, u32>::new();
        for n in 0..10_000 {
            let befallen = storm.on_write(&mut chance(storm.seed, 1, n), Concurrency::Allowed);
            *seen.entry(befallen.map_or("nothing", |(word, _)| word)).or_default() += 1;
        }
        let share = |word: &str| f64::from(seen[word]) / 10_000.0;
        assert!((share("throttled") + share("throttledApplied") - 0.10).abs() < 0.01, "{seen:?}");
        assert!((share("unavailable") - 0.02).abs() < 0.005 && (share("violation") - 0.01).abs() < 0.005, "{seen:?}");
        assert!(seen["throttledApplied"] > 20, "{seen:?}");
    }
}
