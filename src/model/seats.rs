//! How many seats are really free: the tenant's count is late, so our own writes that it does not show yet are kept apart.
//! And whether a product can be asked for at all.

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::license::Sku;
use super::standing::Reason;

/// After this, a write that the count never showed is taken as shown: somebody else returned a seat meanwhile.
const FORGET: SignedDuration = SignedDuration::from_mins(15);

/// What is remembered of one product's seats between two readings.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SeatLedger {
    /// `consumedUnits` as last read.
    pub consumed: i64,
    /// Our writes, from when they are committed on, that it may not show yet: a reading may show one before its answer is
    /// known here.
    pub unshown: i64,
    /// When the newest of them was committed or accepted.
    pub newest: Option<Timestamp>,
    /// Graph refused for want of a seat while these numbers stood: nothing is free until they change.
    pub exhausted: Option<Exhausted>,
    /// Graph refuses the product for whoever asks.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stop: Option<Stop>,
}

/// A product that Graph refuses for whoever asks. Nobody asks for it until the time has come; then one user does, and on
/// the answer to that hangs whether all others follow.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stop {
    /// What was met.
    pub reason: Reason,
    /// Not before then one user asks again. A reading of the product that differs sets it to the time of that reading.
    pub until: Timestamp,
    /// What of the product was known at the refusal.
    known: (i64, i64, i64, String),
}

/// The numbers at which Graph said that no seat was left.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Exhausted {
    /// Seats bought, enabled and in warning.
    pub bought: i64,
    /// Seats consumed.
    pub consumed: i64,
    /// Asked again after this even if the numbers stay, since they are not the truth.
    pub until: Timestamp,
}

impl SeatLedger {
    /// Takes a new reading in.
    #[must_use]
    pub fn read(self, sku: &Sku, now: Timestamp) -> Self {
        let shown = (sku.consumed - self.consumed).clamp(0, self.unshown);
        let forget = self.newest.is_none_or(|newest| now.duration_since(newest) > FORGET);
        let unshown = if forget { 0 } else { self.unshown - shown };
        let bought = sku.enabled + sku.warning;
        // A count that rises only comes to tell what the refusal told already; one that falls is a seat returned.
        let exhausted = self
            .exhausted
            .filter(|at| at.bought == bought && at.consumed <= sku.consumed && now < at.until)
            .map(|at| Exhausted { consumed: sku.consumed, ..at });
        let stop = self.stop.map(|stop| stop.read(sku, now));
        Self { consumed: sku.consumed, unshown, newest: self.newest.filter(|_| unshown > 0), exhausted, stop }
    }

    /// Counts one write that is about to be sent.
    #[must_use]
    pub fn committed(self, now: Timestamp) -> Self {
        Self { unshown: self.unshown + 1, newest: Some(now), ..self }
    }

    /// One of those was accepted: the product can be asked for.
    #[must_use]
    pub fn accepted(self, now: Timestamp) -> Self {
        Self { newest: self.newest.map(|_| now), stop: None, ..self }
    }

    /// One of those came to nothing.
    #[must_use]
    pub fn failed(self) -> Self {
        Self { unshown: (self.unshown - 1).max(0), ..self }
    }

    /// Notes that Graph refuses the product for whoever asks, and until when nobody does.
    #[must_use]
    pub fn stopped(self, sku: &Sku, reason: Reason, until: Timestamp) -> Self {
        Self { stop: Some(Stop { reason, until, known: Stop::knows(sku) }), ..self }
    }

    /// Lets one user ask at once for what is refused for everybody.
    #[must_use]
    pub fn ask_again(self, now: Timestamp) -> Self {
        Self { stop: self.stop.map(|stop| Stop { until: stop.until.min(now), ..stop }), ..self }
    }

    /// Notes that Graph found no seat: it would have given one.
    #[must_use]
    pub fn refused(self, sku: &Sku, now: Timestamp) -> Self {
        let until = now.checked_add(FORGET).unwrap_or(Timestamp::MAX);
        let exhausted = Some(Exhausted { bought: sku.enabled + sku.warning, consumed: sku.consumed, until });
        Self { exhausted, stop: None, ..self }
    }

    /// Seats that can be planned with.
    #[must_use]
    pub fn free(&self, sku: &Sku) -> i64 {
        if self.exhausted.is_some() { 0 } else { (sku.enabled + sku.warning - sku.consumed - self.unshown).max(0) }
    }
}

impl Stop {
    fn knows(sku: &Sku) -> (i64, i64, i64, String) {
        (sku.enabled + sku.warning, sku.suspended, sku.consumed, sku.status.clone())
    }

    /// Whether numbers or status say that the product may be assigned again: a count that falls does not, since that only
    /// means that somebody lost it.
    fn read(self, sku: &Sku, now: Timestamp) -> Self {
        let (bought, suspended, consumed, status) = Self::knows(sku);
        let (was_bought, was_suspended, was_consumed, was_status) = &self.known;
        let same =
            (bought, suspended, &status) == (*was_bought, *was_suspended, was_status) && consumed <= *was_consumed;
        let until = if same { self.until } else { self.until.min(now) };
        Self { until, known: (bought, suspended, consumed, status), ..self }
    }
}
