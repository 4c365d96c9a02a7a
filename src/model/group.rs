//! Groups: those that rules name, of the directory and of the tenant, whom they hold, and what those of the tenant give.

use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::identity::{GroupId, ObjectGuid, Sid, UserId};
use super::rule::Dn;
use super::user::AssignedLicense;

/// A group as a rule names it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum ScopeGroup {
    /// A group of the directory, by the DN in the configuration.
    Directory(Dn),
    /// A group of the tenant.
    Tenant(GroupId),
}

impl ScopeGroup {
    /// Where it is: "directory" or "tenant".
    #[must_use]
    pub fn side(&self) -> &'static str {
        match self {
            Self::Directory(_) => "directory",
            Self::Tenant(_) => "tenant",
        }
    }
}

/// The groups that rules name and somebody is in, for the many questions of one decision.
#[derive(Clone, Copy, Debug)]
pub struct GroupsOf<'a> {
    groups: &'a BTreeSet<ScopeGroup>,
    /// The marks of all of them: most of the questions end here.
    marks: u64,
}

impl<'a> From<&'a BTreeSet<ScopeGroup>> for GroupsOf<'a> {
    fn from(groups: &'a BTreeSet<ScopeGroup>) -> Self {
        let mark = |group: &ScopeGroup| match group {
            ScopeGroup::Directory(dn) => dn.mark(),
            ScopeGroup::Tenant(id) => id.mark(),
        };
        Self { groups, marks: groups.iter().map(mark).fold(0, |all, mark| all | mark) }
    }
}

impl GroupsOf<'_> {
    /// Whether that group of the directory is among them.
    #[must_use]
    pub fn has_directory(&self, group: &Dn) -> bool {
        let is_it = |of: &ScopeGroup| matches!(of, ScopeGroup::Directory(dn) if dn == group);
        self.marks & group.mark() != 0 && self.groups.iter().any(is_it)
    }

    /// Whether that group of the tenant is among them.
    #[must_use]
    pub fn has_tenant(&self, group: GroupId) -> bool {
        self.marks & group.mark() != 0 && self.groups.contains(&ScopeGroup::Tenant(group))
    }
}

impl From<GroupId> for ScopeGroup {
    fn from(id: GroupId) -> Self {
        Self::Tenant(id)
    }
}

impl From<Dn> for ScopeGroup {
    fn from(dn: Dn) -> Self {
        Self::Directory(dn)
    }
}

impl fmt::Display for ScopeGroup {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Directory(dn) => f.write_str(&dn.normal()),
            Self::Tenant(id) => id.fmt(f),
        }
    }
}

impl From<ScopeGroup> for String {
    fn from(group: ScopeGroup) -> Self {
        group.to_string()
    }
}

impl TryFrom<String> for ScopeGroup {
    type Error = String;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl FromStr for ScopeGroup {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let id = text.parse().map(Self::Tenant).ok();
        id.or_else(|| Dn::parse(text).map(Self::Directory)).ok_or_else(|| format!("{text} names no group"))
    }
}

/// A domain is asked about so many members of another's groups between two looks at its controller: each is read by itself.
pub const ASKED_AT_ONCE: usize = 50;

/// A value of a group's `member`, as the extended-DN control shows it (MS-ADTS 3.1.1.3.4.1.5).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Member {
    /// `objectGUID`.
    pub guid: ObjectGuid,
    /// Of an account of another forest, the stand-in's SID, which is the account's own.
    pub foreign: Option<Sid>,
    /// DNS name of the domain it lies in, where that is not the group's.
    pub domain: Option<String>,
}

/// A group of the directory as it stands there now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GroupNode {
    /// The key.
    pub guid: ObjectGuid,
    /// Where it stands.
    pub dn: String,
    /// `objectSid`; whose `primaryGroupID` is its last part belongs to it.
    pub sid: Option<Sid>,
    /// `uSNChanged` on the controller it was read from.
    pub usn_changed: i64,
}

/// What was found where a rule names a group of the directory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Found {
    /// The group.
    Group(GroupNode),
    /// Something that is no group.
    Other {
        /// Which.
        guid: ObjectGuid,
        /// Where it stands.
        dn: String,
    },
    /// Nothing that can be seen.
    Nothing,
}

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
    /// There is no such group.
    Missing,
    /// Its members are hidden from this app.
    Hidden,
    /// What the configured DN names is no group.
    NoGroup,
    /// The configured DN names another object by now. The rule goes on meaning the group that it meant.
    Replaced {
        /// Where the group that is meant stands now; `None` when it is gone.
        meant: Option<String>,
        /// `objectGUID` of the group that is meant.
        guid: ObjectGuid,
        /// `objectGUID` of what the DN names.
        other: ObjectGuid,
    },
    /// It, or a group within it, could not be read to its end: what was known of it stays.
    Broken {
        /// Which.
        dn: String,
        /// Why.
        why: String,
    },
    /// The last complete reading lacked so many members that nobody is taken as having left.
    Shrunk {
        /// How many members it met.
        met: u64,
        /// How many known ones it did not.
        missing: u64,
    },
}

/// What is wrong, and what to do about it.
impl fmt::Display for GroupFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Missing => f.write_str("is not there, or cannot be seen; its rules decide nothing"),
            Self::Hidden => f.write_str("its members are hidden: grant Member.Read.Hidden"),
            Self::NoGroup => {
                f.write_str("its DN names something that is no group; correct the rule. Its rules decide nothing")
            }
            Self::Replaced { meant: Some(meant), guid, other } => write!(
                f,
                "its DN names another object by now ({other}); the rules go on meaning {meant} ({guid}). Write that DN in \
                 the rules, or take the group out of them once for the other to be meant"
            ),
            Self::Replaced { meant: None, guid, other } => write!(
                f,
                "the group that was meant ({guid}) is not there, or cannot be seen, and its DN names another object \
                 ({other}); its rules decide nothing. Take the group out of the rules once for the other to be meant"
            ),
            Self::Broken { dn, why } => {
                write!(f, "{dn} could not be read to its end, and what was known of it stays: {why}")
            }
            Self::Shrunk { met, missing } => {
                write!(f, "the last reading missed {missing} and met {met}: kept; see guard.shrink_percent")
            }
        }
    }
}

/// What a rule can make of a group now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GroupState {
    /// Its members are known.
    Known,
    /// It was never read to its end.
    Unread,
    /// There is no such group.
    Missing,
    /// It was never read, since its members are hidden from this app.
    Hidden,
}

impl GroupState {
    /// From when it was first read to its end, and what is wrong with it.
    #[must_use]
    pub fn of(read: Option<Timestamp>, fault: Option<&GroupFault>) -> Self {
        match (read, fault) {
            (_, Some(GroupFault::Missing | GroupFault::Replaced { meant: None, .. })) => Self::Missing,
            (None, Some(GroupFault::NoGroup)) => Self::Missing,
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
