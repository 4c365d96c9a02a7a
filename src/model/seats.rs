//! How many seats are really free: the tenant's count is late, so our own writes that it does not show yet are kept apart.
//! And whether a product can be asked for at all.

use std::fmt;

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
        if self.exhausted.is_some() || !sku.is_assignable() {
            return 0;
        }
        (sku.enabled + sku.warning - sku.consumed - self.unshown).max(0)
    }
}

/// How long the free seats will do at the rate at which persons came.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Outlook {
    /// Seats that can be planned with.
    pub free: i64,
    /// Licenses that the guard let in within `days`.
    pub joiners: u64,
    /// Over how many days that was counted, 7 to 28.
    pub days: u16,
    /// Whole days until no seat is left; `None` when nobody came.
    pub lasts: Option<u64>,
}

impl Outlook {
    /// Joiners are counted over so many days, or for as long as we know the tenant.
    pub const WINDOW_DAYS: u16 = 28;

    /// Fewer days tell nothing of a week.
    const LEAST_DAYS: u16 = 7;

    /// The forecast, of joiners since `since`, where it covers a week at least.
    #[must_use]
    pub fn of(free: i64, joiners: u64, since: Timestamp, now: Timestamp) -> Option<Self> {
        let days = u16::try_from(now.duration_since(since).as_hours() / 24).unwrap_or(0).min(Self::WINDOW_DAYS);
        let lasts = free.max(0).cast_unsigned().saturating_mul(u64::from(days)).checked_div(joiners);
        (days >= Self::LEAST_DAYS).then_some(Self { free, joiners, days, lasts })
    }
}

impl fmt::Display for Outlook {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some(lasts) = self.lasts else { return write!(f, "nobody came in {} days", self.days) };
        // Tenths of joiners a week, rounded.
        let days = u64::from(self.days);
        let tenths = (self.joiners * 70 + days / 2) / days;
        let rate = match (tenths / 10, tenths % 10) {
            (0, 0) => "less than 0.1 joiners".to_owned(),
            (1, 0) => "1 joiner".to_owned(),
            (whole, 0) => format!("{whole} joiners"),
            (whole, tenth) => format!("{whole}.{tenth} joiners"),
        };
        match lasts {
            1 => write!(f, "{rate} a week: 1 day"),
            ..=3_650 => write!(f, "{rate} a week: {lasts} days"),
            _ => write!(f, "{rate} a week: more than 10 years"),
        }
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::sample::{at, catalog, ems};

    const DAY: i64 = 86_400;

    #[test]
    fn the_forecast_is_of_the_days_that_are_known() {
        for (free, joiners, known, said, lasts) in [
            (12, 28, 400, "7 joiners a week: 12 days", Some(12)),
            (12, 30, 28, "7.5 joiners a week: 11 days", Some(11)),
            (3, 7, 7, "7 joiners a week: 3 days", Some(3)),
            (1, 4, 28, "1 joiner a week: 7 days", Some(7)),
            (1, 28, 28, "7 joiners a week: 1 day", Some(1)),
            (0, 28, 28, "7 joiners a week: 0 days", Some(0)),
            (9, 0, 10, "nobody came in 10 days", None),
            (1_000_000, 1, 28, "0.3 joiners a week: more than 10 years", Some(28_000_000)),
        ] {
            let since = at(known.min(28) * -DAY);
            let outlook = Outlook::of(free, joiners, since, at(0)).unwrap();
            assert_eq!((outlook.to_string().as_str(), outlook.lasts), (said, lasts), "{free} {joiners} {known}");
        }
        assert_eq!(Outlook::of(5, 5, at(-6 * DAY), at(0)), None, "six days are no week");
        assert_eq!(Outlook::of(5, 5, at(DAY), at(0)), None, "a clock that was set back");
    }

    #[test]
    fn nothing_is_free_where_nothing_can_be_assigned() {
        let ledger = SeatLedger::default();
        for (status, enabled, warning, free, grace) in [
            ("Enabled", 10, 0, 7, false),
            ("Enabled", 5, 5, 7, false),
            ("Warning", 0, 10, 7, true),
            ("Suspended", 10, 0, 0, false),
            ("suspended", 0, 10, 0, false),
            ("LockedOut", 10, 0, 0, false),
            ("Deleted", 10, 0, 0, false),
            ("Whatever", 10, 0, 7, false),
        ] {
            let sku =
                Sku { status: status.into(), enabled, warning, consumed: 3, ..catalog().get(ems()).unwrap().clone() };
            assert_eq!((sku.free(), ledger.free(&sku), sku.is_in_grace()), (free, free, grace), "{status}");
        }
    }
}
