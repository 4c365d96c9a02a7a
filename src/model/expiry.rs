//! When the end of a credential or a certificate comes near: pure.

#![deny(clippy::disallowed_types, clippy::disallowed_methods)]

use std::fmt;

use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

/// Seconds from 1601-01-01, where FILETIME begins, to 1970-01-01.
const FILETIME_EPOCH: i64 = 11_644_473_600;

/// When something that signing in hangs on ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Expiry {
    /// What ends, in words.
    pub what: &'static str,
    /// When.
    pub at: Timestamp,
}

/// Which warning of an end is due; a later one is greater.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
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

impl Expiry {
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

    /// What a domain controller shows in its TLS handshake.
    #[must_use]
    pub fn of_controller(not_after: Timestamp) -> Self {
        Self { what: "the certificate of the domain controller", at: not_after }
    }

    /// The password of the service account, as `msDS-UserPasswordExpiryTimeComputed` tells it (MS-ADTS 3.1.1.4.5.40): 100 ns
    /// since 1601. `None` when it never ends, or must be changed already.
    #[must_use]
    pub fn of_password(filetime: i64) -> Option<Self> {
        if filetime <= 0 || filetime == i64::MAX {
            return None;
        }
        let at = Timestamp::from_second(filetime / 10_000_000 - FILETIME_EPOCH).unwrap_or(Timestamp::MAX);
        Some(Self { what: "the password of the service account", at })
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

impl fmt::Display for Expiry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}, valid until {}", self.what, self.at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_warning_is_due_thirty_fourteen_and_seven_days_ahead_and_at_the_end() {
        let expiry = Expiry::of_secret("2027-01-31".parse().unwrap());
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

    #[test]
    fn a_password_that_never_ends_is_told_from_one_that_does() {
        let at = |filetime| Expiry::of_password(filetime).map(|expiry| expiry.at.to_string());
        assert_eq!(at(134_143_776_000_000_000).as_deref(), Some("2026-02-01T00:00:00Z"));
        for never in [0, -1, i64::MAX] {
            assert_eq!(at(never), None, "{never}");
        }
        assert!(Expiry::of_password(i64::MAX - 1).is_some(), "far ahead is no never");
    }
}
