//! When a credential's end comes near: pure.

#![deny(clippy::disallowed_types, clippy::disallowed_methods)]

use std::fmt;

use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

/// When a credential ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CredentialExpiry {
    /// What ends, in words.
    pub what: &'static str,
    /// When.
    pub at: Timestamp,
}

/// Which warning of an end is due; a later one is greater.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum ExpiryWarning {
    /// Thirty days or less.
    Month,
    /// Fourteen days or less.
    Fortnight,
    /// Seven days or less.
    Week,
    /// It has ended.
    Expired,
}

impl CredentialExpiry {
    /// A secret whose end the operator wrote down: the beginning of that day, so that no warning comes too late.
    #[must_use]
    pub fn of_secret(date: Date) -> Self {
        let at = date.to_zoned(TimeZone::UTC).map_or(Timestamp::MAX, |start| start.timestamp());
        Self { what: "the client secret", at }
    }

    /// A certificate's own word.
    #[must_use]
    pub fn of_certificate(not_after: Timestamp) -> Self {
        Self { what: "the certificate", at: not_after }
    }

    /// Whole days left; negative ones have passed.
    #[must_use]
    pub fn days_left(&self, now: Timestamp) -> i64 {
        self.at.duration_since(now).as_secs().div_euclid(86_400)
    }

    /// The warning that is due.
    #[must_use]
    pub fn warning(&self, now: Timestamp) -> Option<ExpiryWarning> {
        let left = self.at.duration_since(now);
        let within = |days: i64| left <= SignedDuration::from_hours(24 * days);
        let due = [
            (0, ExpiryWarning::Expired),
            (7, ExpiryWarning::Week),
            (14, ExpiryWarning::Fortnight),
            (30, ExpiryWarning::Month),
        ];
        due.into_iter().find(|(days, _)| within(*days)).map(|(_, warning)| warning)
    }
}

impl fmt::Display for CredentialExpiry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}, valid until {}", self.what, self.at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_warning_is_due_thirty_fourteen_and_seven_days_ahead_and_at_the_end() {
        let expiry = CredentialExpiry::of_secret("2027-01-31".parse().unwrap());
        assert_eq!(expiry.at.to_string(), "2027-01-31T00:00:00Z");
        for (now, left, due) in [
            ("2026-12-31T23:59:59Z", 30, None),
            ("2027-01-01T00:00:00Z", 30, Some(ExpiryWarning::Month)),
            ("2027-01-16T23:00:00Z", 14, Some(ExpiryWarning::Month)),
            ("2027-01-17T00:00:00Z", 14, Some(ExpiryWarning::Fortnight)),
            ("2027-01-24T00:00:00Z", 7, Some(ExpiryWarning::Week)),
            ("2027-01-30T23:00:00Z", 0, Some(ExpiryWarning::Week)),
            ("2027-01-31T00:00:00Z", 0, Some(ExpiryWarning::Expired)),
            ("2027-02-01T12:00:00Z", -2, Some(ExpiryWarning::Expired)),
        ] {
            let now: Timestamp = now.parse().unwrap();
            assert_eq!((expiry.days_left(now), expiry.warning(now)), (left, due), "{now}");
        }
        assert!(ExpiryWarning::Month < ExpiryWarning::Expired);
    }
}
