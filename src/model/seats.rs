//! How many seats are really free: the tenant's count is late, so our own writes that it does not show yet are kept apart.

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::license::Sku;

/// After this, a write that the count never showed is taken as shown: somebody else returned a seat meanwhile.
const FORGET: SignedDuration = SignedDuration::from_mins(15);

/// What is remembered of one product's seats between two readings.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SeatLedger {
    /// `consumedUnits` as last read.
    pub consumed: i64,
    /// Our accepted writes that it may not show yet.
    pub unshown: i64,
    /// When the newest of them was accepted.
    pub newest: Option<Timestamp>,
    /// Graph refused for want of a seat while these numbers stood: nothing is free until they change.
    pub exhausted: Option<Exhausted>,
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
        Self { consumed: sku.consumed, unshown, newest: self.newest.filter(|_| unshown > 0), exhausted }
    }

    /// Counts one accepted write.
    #[must_use]
    pub fn accepted(self, now: Timestamp) -> Self {
        Self { unshown: self.unshown + 1, newest: Some(now), ..self }
    }

    /// Notes that Graph found no seat.
    #[must_use]
    pub fn refused(self, sku: &Sku, now: Timestamp) -> Self {
        let until = now.checked_add(FORGET).unwrap_or(Timestamp::MAX);
        Self { exhausted: Some(Exhausted { bought: sku.enabled + sku.warning, consumed: sku.consumed, until }), ..self }
    }

    /// Seats that can be planned with.
    #[must_use]
    pub fn free(&self, sku: &Sku) -> i64 {
        if self.exhausted.is_some() { 0 } else { (sku.enabled + sku.warning - sku.consumed - self.unshown).max(0) }
    }
}
