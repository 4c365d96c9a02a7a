//! An account of the directory, as it was last read.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::identity::{Anchor, ObjectGuid, Sid};

/// A user object of Active Directory, reduced to what is decided on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Account {
    /// The key.
    pub guid: ObjectGuid,
    /// Where it stands now; changes silently when a parent is renamed, so never a key.
    pub dn: String,
    /// `sAMAccountName`.
    pub sam: Option<String>,
    /// `userPrincipalName`.
    pub upn: Option<String>,
    /// `displayName`.
    pub display_name: Option<String>,
    /// `objectSid`; changes when the account moves to another domain.
    pub sid: Option<Sid>,
    /// What joins it to a tenant user.
    pub anchor: Anchor,
    /// `userAccountControl` without ACCOUNTDISABLE (0x2).
    pub enabled: bool,
    /// `accountExpires`; `None` when it never does.
    pub expires: Option<Timestamp>,
    /// Why a sync engine would not take it, by Entra Connect's default rules; `None` when it would.
    pub system: Option<String>,
    /// `whenCreated`.
    pub created: Option<Timestamp>,
    /// `uSNChanged` on the domain controller it was read from.
    pub usn_changed: i64,
    /// Further attributes that rules, location sources or an own anchor ask for, by lower-case name.
    pub attributes: BTreeMap<String, Vec<String>>,
}

/// A deleted account, as the show-deleted control brings it: nearly everything else is stripped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tombstone {
    /// Whose it is.
    pub guid: ObjectGuid,
    /// `uSNChanged` of the deletion.
    pub usn_changed: i64,
}

/// An entry that could not be understood: kept apart, counted, tried again when it changes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Quarantined {
    /// The DN as sent, control characters escaped.
    pub dn: String,
    /// The object's GUID where at least that could be read.
    pub guid: Option<ObjectGuid>,
    /// What is wrong with which attribute.
    pub reason: String,
}

/// What holds accounts: an organizational unit, or the like.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Container {
    /// The key.
    pub guid: ObjectGuid,
    /// Where it stands now.
    pub dn: String,
    /// Whether that is within the bases.
    pub inside: bool,
}

impl AccountPage {
    /// Whether there is nothing in it.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        let Self { accounts, deleted, outside, absent, quarantined, groups, containers, moved } = self;
        accounts.is_empty()
            && deleted.is_empty()
            && outside.is_empty()
            && absent.is_empty()
            && quarantined.is_empty()
            && groups.is_empty()
            && containers.is_empty()
            && moved.is_empty()
    }
}

/// One page of a directory search.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AccountPage {
    /// Live accounts.
    pub accounts: Vec<Account>,
    /// Deleted ones.
    pub deleted: Vec<Tombstone>,
    /// Live accounts that changed and stand outside of the bases now: what was known of them here has left.
    pub outside: Vec<ObjectGuid>,
    /// Asked for by GUID and not there: deleted, or not visible.
    pub absent: Vec<ObjectGuid>,
    /// Entries nobody could read.
    pub quarantined: Vec<Quarantined>,
    /// Groups that changed, each with its `uSNChanged`.
    pub groups: Vec<(ObjectGuid, i64)>,
    /// Containers of which everything below was or will be read by the same search.
    pub containers: Vec<Container>,
    /// Containers that changed: they may stand elsewhere, with all that is below them.
    pub moved: Vec<Container>,
}
