//! The epoch guard: what has to be read, given how far we had read and what the controller says now.
//!
//! A controller gives every write that it applies, its own or replicated, a USN above all before (MS-ADTS 3.1.1.1.9). Within
//! one `invocationId` the counter never falls; another `invocationId`, another controller or another question is another
//! counter, about which a stored number says nothing.

#![deny(clippy::disallowed_types, clippy::disallowed_methods)]

use std::fmt;

use crate::model::watermark::{DcState, Watermark};

/// What to do now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reading {
    /// Read everything.
    Everything(Why),
    /// Read what changed after this USN.
    Since(i64),
    /// Nothing was written on this controller since.
    Nothing,
}

/// Why everything has to be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Why {
    /// This controller was never read.
    FirstContact,
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
    /// What it showed us last it no longer has, though its counter only grew: rolled back, and grown past the watermark.
    CanaryGone,
    /// The regular look at what no change tells: deletions that may not be seen, rights that changed.
    Regular,
    /// So many hints are open that reading everything is less.
    ManyHints,
}

impl Why {
    /// Whether the controller contradicts what it had shown before.
    #[must_use]
    pub fn is_doubt(self) -> bool {
        matches!(self, Self::Restored | Self::RolledBack { .. } | Self::CanaryGone)
    }
}

impl fmt::Display for Why {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::FirstContact => f.write_str("first contact with this domain controller"),
            Self::Restored => f.write_str("the domain controller was restored: new invocationId"),
            Self::OtherCoverage => f.write_str("other bases or attributes than before"),
            Self::RolledBack { stored, now } => {
                write!(f, "the domain controller was rolled back: USN {now}, but {stored} had been read")
            }
            Self::CanaryGone => f.write_str(
                "the account that the domain controller had shown last is no longer there as it was: deleted unseen, or the \
                 domain controller was rolled back",
            ),
            Self::Regular => f.write_str("to see what no change tells"),
            Self::ManyHints => f.write_str("another domain controller had shown much that was not confirmed"),
        }
    }
}

/// Decides. `stored` is what is known of this controller: the row of the same key where there is one.
#[must_use]
pub fn next(stored: Option<&Watermark>, now: &DcState) -> Reading {
    let Some(stored) = stored.filter(|stored| is_same_controller(&stored.key.ntds, now)) else {
        return Reading::Everything(Why::FirstContact);
    };
    let (old, new) = (&stored.key, &now.key);
    let why = if old.invocation != new.invocation {
        Why::Restored
    } else if old.coverage != new.coverage {
        Why::OtherCoverage
    } else if now.highest_usn < stored.usn {
        Why::RolledBack { stored: stored.usn, now: now.highest_usn }
    } else if now.highest_usn == stored.usn {
        return Reading::Nothing;
    } else {
        return Reading::Since(stored.usn);
    };
    Reading::Everything(why)
}

fn is_same_controller(ntds: &str, now: &DcState) -> bool {
    ntds.eq_ignore_ascii_case(&now.key.ntds)
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

    fn mark(usn: i64) -> Watermark {
        Watermark { key: key(), usn, behind: usn, canary: None }
    }

    fn state(key: WatermarkKey, highest_usn: i64) -> DcState {
        DcState { key, highest_usn, synchronized: true, writable: true }
    }

    #[test]
    fn the_row_of_this_counter_decides() {
        for (usn, reading) in [
            (1000, Reading::Nothing),
            (1001, Reading::Since(1000)),
            (i64::MAX, Reading::Since(1000)),
            (999, Reading::Everything(Why::RolledBack { stored: 1000, now: 999 })),
            (0, Reading::Everything(Why::RolledBack { stored: 1000, now: 0 })),
        ] {
            assert_eq!(next(Some(&mark(1000)), &state(key(), usn)), reading, "{usn}");
        }
    }

    #[test]
    fn a_row_of_another_counter_says_nothing_whatever_its_number() {
        type Change = fn(&mut WatermarkKey);
        let cases: [(Why, Change); 3] = [
            (Why::FirstContact, |key| key.ntds = "CN=NTDS Settings,CN=DC2,CN=Servers".into()),
            (Why::Restored, |key| key.invocation = Uuid::from_u128(9)),
            (Why::OtherCoverage, |key| key.coverage = "abd".into()),
        ];
        for usn in [1, 1000, 2000] {
            for (why, change) in &cases {
                let mut now = state(key(), 1000);
                change(&mut now.key);
                assert_eq!(next(Some(&mark(usn)), &now), Reading::Everything(*why));
            }
        }
        assert_eq!(next(None, &state(key(), 1000)), Reading::Everything(Why::FirstContact));
    }

    #[test]
    fn the_case_of_a_dn_is_no_other_controller() {
        let mut now = state(key(), 5);
        now.key.ntds = now.key.ntds.to_uppercase();
        assert_eq!(next(Some(&mark(5)), &now), Reading::Nothing);
    }
}
