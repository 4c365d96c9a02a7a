//! Groups of the tenant: whom they hold and what they give.

use std::collections::BTreeSet;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::identity::{GroupId, UserId};
use super::user::AssignedLicense;

/// What asking for a group and all its members brought. A reading that was broken off is none of these.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum GroupReading {
    /// All of it.
    Complete {
        /// `displayName`.
        name: String,
        /// Users in it and in the groups within it.
        members: BTreeSet<UserId>,
    },
    /// The tenant has no such group.
    Missing,
    /// Its members are hidden (`visibility` is `HiddenMembership`), and none were shown.
    Hidden {
        /// `displayName`.
        name: String,
    },
}

/// Why a group is not, or not wholly, followed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "fault", rename_all = "kebab-case")]
pub enum GroupFault {
    /// The tenant has no such group.
    Missing,
    /// Its members are hidden from this app.
    Hidden,
    /// The last complete reading lacked so many members that nobody is taken as having left.
    Shrunk {
        /// How many members it met.
        met: u64,
        /// How many known ones it did not.
        missing: u64,
    },
}

/// What a rule can make of a group now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GroupState {
    /// Its members are known.
    Known,
    /// It was never read to its end.
    Unread,
    /// The tenant has no such group.
    Missing,
    /// It was never read, since its members are hidden from this app.
    Hidden,
}

impl GroupState {
    /// From when it was first read to its end, and what is wrong with it.
    #[must_use]
    pub fn of(read: Option<Timestamp>, fault: Option<&GroupFault>) -> Self {
        match (read, fault) {
            (_, Some(GroupFault::Missing)) => Self::Missing,
            (Some(_), _) => Self::Known,
            (None, Some(GroupFault::Hidden)) => Self::Hidden,
            (None, _) => Self::Unread,
        }
    }
}

/// A group that gives its direct members licenses (group-based licensing).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LicensingGroup {
    /// Which.
    pub id: GroupId,
    /// `displayName`.
    pub name: String,
    /// `assignedLicenses`.
    pub licenses: Vec<AssignedLicense>,
}

/// The licensing groups one user is in directly.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Memberships {
    /// When that was asked.
    pub read: Timestamp,
    /// Which.
    pub groups: BTreeSet<GroupId>,
}
