//! How far a domain controller's changes have been read.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// Everything up to this update sequence number, on this controller, in this epoch, of this coverage, is in the store.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Watermark {
    /// Which counter and which question it belongs to.
    pub key: WatermarkKey,
    /// `highestCommittedUSN`, read before the search whose results are complete in the store.
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
}
