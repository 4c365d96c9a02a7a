//! How far a domain controller's changes have been read.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::account::AccountPage;
use super::identity::ObjectGuid;

/// Everything up to this update sequence number, on this controller, in this epoch, of this coverage, is in the store: as
/// content, or as a hint that the controller whose word is content has something else.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Watermark {
    /// Which counter and which question it belongs to.
    pub key: WatermarkKey,
    /// `highestCommittedUSN`, read before the search whose results are complete in the store.
    pub usn: i64,
    /// The watermark of about ten minutes before: now and then a delta starts there.
    pub behind: i64,
    /// A live account as this controller last showed it; `None` while it has shown none.
    pub canary: Option<Canary>,
}

/// An account and its `uSNChanged`. If the controller was put back behind the directory's back and its counter has grown past
/// the watermark since, this object betrays it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Canary {
    /// Which account.
    pub guid: ObjectGuid,
    /// Its `uSNChanged`.
    pub usn: i64,
}

/// A USN means something only on one controller, within one epoch (MS-ADTS 3.1.1.1.9), for one question.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct WatermarkKey {
    /// `objectGUID` of the domain, which survives its renaming.
    pub domain: Uuid,
    /// DN of the controller's NTDS Settings object (`dsServiceName`).
    pub ntds: String,
    /// `invocationId` of that object: changes when the controller is restored.
    pub invocation: Uuid,
    /// Digest of the bases and attributes that are read: a wider question starts from nothing.
    pub coverage: String,
}

/// What a controller says of itself on connecting and at each tick.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DcState {
    /// Its counter's identity, with the coverage that is asked of it.
    pub key: WatermarkKey,
    /// `highestCommittedUSN` now.
    pub highest_usn: i64,
    /// `isSynchronized`: whether replication has finished a cycle since it started.
    pub synchronized: bool,
    /// Whether it holds a writable copy of the domain, and so all attributes.
    pub writable: bool,
}

/// What a search met that its watermark is judged by, gathered page by page.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sighting {
    /// Whether the canary was met as it must be. True where there was none to look for.
    pub canary_met: bool,
    /// The live account written last.
    pub newest: Option<Canary>,
    expected: Option<Canary>,
}

impl Sighting {
    /// A search that looks for a canary, or for none.
    #[must_use]
    pub fn of(expected: Option<Canary>) -> Self {
        Self { canary_met: expected.is_none(), newest: expected, expected }
    }

    /// Looks through a page, and takes the canary out of it where it is unchanged: it is no news.
    pub fn page(&mut self, page: &mut AccountPage) {
        if let Some(canary) = self.expected {
            let seen = |guid: ObjectGuid| guid == canary.guid;
            let left =
                page.deleted.iter().any(|deleted| seen(deleted.guid)) || page.outside.iter().any(|guid| seen(*guid));
            let unreadable = page.quarantined.iter().any(|entry| entry.guid.is_some_and(seen));
            self.canary_met |=
                left || unreadable || page.accounts.iter().any(|it| seen(it.guid) && it.usn_changed >= canary.usn);
            if left && self.newest == self.expected {
                self.newest = None;
            }
            page.accounts.retain(|account| account.guid != canary.guid || account.usn_changed != canary.usn);
        }
        for account in &page.accounts {
            let found = Canary { guid: account.guid, usn: account.usn_changed };
            if self.newest.is_none_or(|newest| newest.guid == found.guid || newest.usn < found.usn) {
                self.newest = Some(found);
            }
        }
    }
}
