//! The watermark machine: what has to be read, given how far we had read and what the controller says now.
//!
//! A controller gives every write that it applies, its own or replicated, a USN above all before (MS-ADTS 3.1.1.1.9). Within
//! one `invocationId` the counter never falls; another `invocationId`, another controller or another question is another
//! counter, about which a stored number says nothing.

#![deny(clippy::disallowed_types, clippy::disallowed_methods)]

use std::fmt;

use crate::model::watermark::{DcState, Watermark};

/// What to do now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// Read everything.
    FullScan {
        /// Why nothing less would do.
        why: Why,
    },
    /// Read what changed after this USN.
    Delta {
        /// The stored watermark.
        since: i64,
    },
    /// Nothing was written on this controller since.
    Nothing,
}

/// Why everything has to be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Why {
    /// There is no watermark.
    FirstContact,
    /// The watermark belongs to another domain.
    OtherDomain,
    /// The watermark belongs to another controller.
    OtherController,
    /// The controller was restored or cloned: its `invocationId` is new.
    Restored,
    /// Other bases or attributes were read then.
    OtherCoverage,
    /// The controller's counter is below what we had read of it, in the same epoch: it was rolled back behind the
    /// directory's back (a snapshot, a disk image).
    RolledBack {
        /// The stored watermark.
        stored: i64,
        /// What the controller says now.
        now: i64,
    },
}

impl fmt::Display for Why {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::FirstContact => f.write_str("first contact"),
            Self::OtherDomain => f.write_str("another domain than before"),
            Self::OtherController => f.write_str("another domain controller than before"),
            Self::Restored => f.write_str("the domain controller was restored: new invocationId"),
            Self::OtherCoverage => f.write_str("other bases or attributes than before"),
            Self::RolledBack { stored, now } => {
                write!(f, "the domain controller was rolled back: USN {now}, but {stored} had been read")
            }
        }
    }
}

/// Decides. `stored` is the row of the same key where there is one, else any earlier row or none.
#[must_use]
pub fn next(stored: Option<&Watermark>, now: &DcState) -> Step {
    let Some(stored) = stored else {
        return Step::FullScan { why: Why::FirstContact };
    };
    let (old, new) = (&stored.key, &now.key);
    let why = if old.domain != new.domain {
        Why::OtherDomain
    } else if !old.ntds.eq_ignore_ascii_case(&new.ntds) {
        Why::OtherController
    } else if old.invocation != new.invocation {
        Why::Restored
    } else if old.coverage != new.coverage {
        Why::OtherCoverage
    } else if now.highest_usn < stored.usn {
        Why::RolledBack { stored: stored.usn, now: now.highest_usn }
    } else if now.highest_usn == stored.usn {
        return Step::Nothing;
    } else {
        return Step::Delta { since: stored.usn };
    };
    Step::FullScan { why }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;
    use crate::model::watermark::WatermarkKey;

    fn key() -> WatermarkKey {
        WatermarkKey {
            domain: Uuid::from_u128(1),
            ntds: "CN=NTDS Settings,CN=DC1,CN=Servers".into(),
            invocation: Uuid::from_u128(2),
            coverage: "abc".into(),
        }
    }

    #[test]
    fn the_row_of_this_counter_decides() {
        let stored = Watermark { key: key(), usn: 1000 };
        for (usn, step) in [
            (1000, Step::Nothing),
            (1001, Step::Delta { since: 1000 }),
            (i64::MAX, Step::Delta { since: 1000 }),
            (999, Step::FullScan { why: Why::RolledBack { stored: 1000, now: 999 } }),
            (0, Step::FullScan { why: Why::RolledBack { stored: 1000, now: 0 } }),
        ] {
            assert_eq!(next(Some(&stored), &DcState { key: key(), highest_usn: usn }), step, "{usn}");
        }
    }

    #[test]
    fn a_row_of_another_counter_says_nothing_whatever_its_number() {
        type Change = fn(&mut WatermarkKey);
        let cases: [(Why, Change); 4] = [
            (Why::OtherDomain, |key| key.domain = Uuid::from_u128(9)),
            (Why::OtherController, |key| key.ntds = "CN=NTDS Settings,CN=DC2,CN=Servers".into()),
            (Why::Restored, |key| key.invocation = Uuid::from_u128(9)),
            (Why::OtherCoverage, |key| key.coverage = "abd".into()),
        ];
        for usn in [1, 1000, 2000] {
            for (why, change) in &cases {
                let mut now = DcState { key: key(), highest_usn: 1000 };
                change(&mut now.key);
                assert_eq!(next(Some(&Watermark { key: key(), usn }), &now), Step::FullScan { why: *why });
            }
        }
        let now = DcState { key: key(), highest_usn: 1000 };
        assert_eq!(next(None, &now), Step::FullScan { why: Why::FirstContact });
    }

    #[test]
    fn the_case_of_a_dn_is_no_other_controller() {
        let mut now = DcState { key: key(), highest_usn: 5 };
        now.key.ntds = now.key.ntds.to_uppercase();
        assert_eq!(next(Some(&Watermark { key: key(), usn: 5 }), &now), Step::Nothing);
    }
}
