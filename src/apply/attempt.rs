//! What one answer means for what comes next. Pure: time and the seed of the jitter come in.

use std::time::Duration;

use jiff::Timestamp;

use super::reasons::{refusal, said};
use crate::clock::later;
use crate::model::identity::SkuId;
use crate::model::settings::WorkSettings;
use crate::model::standing::Reason;
use crate::model::verdict::{Answer, Scope, Verdict};
use crate::store::{Outcome, Step};

/// What else is known when an answer comes.
#[derive(Clone, Debug)]
pub struct Circumstances<'a> {
    /// What was written.
    pub step: &'a Step,
    /// Calls made for this intent, this one included.
    pub attempts: u32,
    /// Since when the user, or its present location, has been known: replication may still be under way.
    pub known_since: Option<Timestamp>,
    /// The batch was refused as a whole, or most of it was throttled: the answer speaks of everybody.
    pub whole: bool,
    /// When the answer came.
    pub now: Timestamp,
    /// Seed of the jitter, in 0..=1.
    pub seed: f64,
}

/// What comes next.
#[derive(Clone, Debug, PartialEq)]
pub struct Decision {
    /// For what was written.
    pub outcome: Outcome,
    /// For everybody: nothing is written until then.
    pub halt: Option<(Timestamp, Reason)>,
    /// The app lacks a permission, as far as this user shows.
    pub forbidden: bool,
}

/// How long all writing stops when a permission or the token is refused.
const REFUSED_PAUSE: Duration = Duration::from_mins(5);

/// Decides.
#[must_use]
pub fn decide(answer: &Answer, at: &Circumstances<'_>, work: &WorkSettings) -> Decision {
    let retry = |reason: Reason| Outcome::Retry { at: after(backoff(at, work), at, work), reason };
    let outcome = match &answer.verdict {
        Verdict::Accepted | Verdict::AlreadySo => Outcome::Accepted,
        Verdict::NotFound => retry(said("user-not-found-yet", answer, "Graph lists the user but does not find it yet")),
        Verdict::LocationNotReady => location(answer, at, work),
        Verdict::NoSeat => Outcome::NoSeat { sku: named_sku(answer, at.step) },
        Verdict::Throttled { after: asked } => return throttled(answer, at, work, *asked),
        Verdict::Concurrency => retry(said("concurrent-writes", answer, "another write was under way")),
        Verdict::Unavailable { after: asked } => {
            let wait = asked.unwrap_or_default().max(backoff(at, work));
            Outcome::Retry {
                at: after(wait, at, work),
                reason: said("graph-unavailable", answer, "Graph was out of order"),
            }
        }
        Verdict::Unknown => Outcome::Unknown {
            settle: after(backoff(at, work), at, work),
            reason: said("outcome-unknown", answer, "the connection broke before the answer"),
        },
        Verdict::Unauthorized => return refused_for_all(answer, at, "graph-token-refused", true),
        Verdict::Forbidden => return refused_for_all(answer, at, "graph-forbidden", false),
        Verdict::Refused(found) => match found.scope {
            Scope::User => Outcome::Refused { reason: refusal(&found.code, answer) },
            Scope::Sku => refused_product(answer, at, work, &found.code),
            Scope::Tenant => return refused_for_all(answer, at, &found.code, true),
        },
    };
    Decision { outcome, halt: None, forbidden: false }
}

/// "Invalid usage location" is replication for a while; after that it is the location itself. A location that is refused
/// when it is set was never acceptable.
fn location(answer: &Answer, at: &Circumstances<'_>, work: &WorkSettings) -> Outcome {
    let fresh = at.known_since.is_some_and(|since| at.now < later(since, work.patience));
    match at.step {
        Step::License { .. } if fresh => Outcome::Retry {
            at: after(backoff(at, work), at, work),
            reason: said("usage-location-not-replicated", answer, "the usage location has not arrived everywhere yet"),
        },
        _ => Outcome::Refused { reason: refusal("usage-location-unacceptable", answer) },
    }
}

/// A product that is refused for whoever asks is not asked for again until `retry_max` has passed. Where the answer to a
/// write of several does not say which, each is tried by itself.
fn refused_product(answer: &Answer, at: &Circumstances<'_>, work: &WorkSettings, code: &str) -> Outcome {
    let (until, reason) = (later(at.now, work.retry_max), refusal(code, answer));
    let only = || match at.step.skus()[..] {
        [sku] => Some(sku),
        _ => None,
    };
    match (at.step, named_sku(answer, at.step).or_else(only)) {
        (Step::Location { .. }, _) => Outcome::Retry { at: until, reason },
        (Step::License { .. }, Some(sku)) => Outcome::Stopped { sku, until, reason },
        (Step::License { .. }, None) => Outcome::Refused { reason },
    }
}

/// An item that is throttled is retried after its own wait; when most of a batch is, everything waits.
fn throttled(answer: &Answer, at: &Circumstances<'_>, work: &WorkSettings, asked: Option<Duration>) -> Decision {
    let until = after(asked.map_or_else(|| backoff(at, work), |asked| asked.max(work.retry_first / 10)), at, work);
    let reason = said("graph-throttled", answer, "Graph asks for a pause");
    let outcome = Outcome::Retry { at: until, reason: reason.clone() };
    Decision { outcome, halt: at.whole.then_some((until, reason)), forbidden: false }
}

fn refused_for_all(answer: &Answer, at: &Circumstances<'_>, code: &str, halts: bool) -> Decision {
    let until = later(at.now, REFUSED_PAUSE);
    let advice = match at.step {
        Step::Location { .. } => "grant the app User.ReadWrite.All, or set usage_location.write = false",
        Step::License { .. } => "grant the app LicenseAssignment.ReadWrite.All and consent to it",
    };
    let said = said(code, answer, "Graph forbids it");
    let reason = Reason::new(code, format!("{}: {advice}", said.text));
    let outcome = Outcome::Retry { at: until, reason: reason.clone() };
    Decision { outcome, halt: halts.then_some((until, reason)), forbidden: !halts }
}

/// When a wait ends, no sooner than asked, and at the same moment as the waits that end shortly before: whoever is due
/// together goes in one batch, and one reading of the seats serves them all.
fn after(wait: Duration, at: &Circumstances<'_>, work: &WorkSettings) -> Timestamp {
    let grain = grain(work);
    let end = later(at.now, wait).as_millisecond();
    let aligned = end.div_euclid(grain).saturating_add(i64::from(end.rem_euclid(grain) > 0)).saturating_mul(grain);
    Timestamp::from_millisecond(aligned).unwrap_or(Timestamp::MAX)
}

/// A tenth of the first step, at most a second, in milliseconds.
fn grain(work: &WorkSettings) -> i64 {
    i64::try_from((work.retry_first / 10).as_millis()).unwrap_or(i64::MAX).clamp(1, 1_000)
}

/// Exponential with full jitter, but never less than a tenth of the first step, so that a retry is never a hammer.
fn backoff(at: &Circumstances<'_>, work: &WorkSettings) -> Duration {
    let exponent = at.attempts.saturating_sub(1).min(30);
    let most = work.retry_first.saturating_mul(2_u32.saturating_pow(exponent)).min(work.retry_max);
    most.mul_f64(at.seed.clamp(0.0, 1.0)).max(work.retry_first / 10)
}

/// The product Graph names in its refusal, when it is one of ours.
fn named_sku(answer: &Answer, step: &Step) -> Option<SkuId> {
    let message = answer.message.as_deref()?.to_ascii_lowercase();
    step.skus().into_iter().find(|sku| message.contains(&sku.to_string()))
}

#[cfg(test)]
#[path = "attempt_tests.rs"]
mod tests;
