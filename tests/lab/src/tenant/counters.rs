//! What was asked of the tenant, and what it changed.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// What was asked of the tenant since it started or since the counters were last set to zero.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Counters {
    /// Connections taken, those of the control API included.
    pub connections: u64,
    /// HTTP requests: a `$batch` is one. The control API does not count.
    pub requests: u64,
    /// The same by route, for example `GET /users/delta` or `POST /token`.
    pub requests_by_route: BTreeMap<String, u64>,
    /// Requests to the login endpoint.
    pub token_requests: u64,
    /// Items inside `$batch`es.
    pub batch_items: u64,
    /// Answers that went out packed (gzip).
    pub packed: u64,
    /// Answers with status 429, of requests and of batch items.
    pub throttled: u64,
    /// The same by cause: `WriteLimitExceeded` and `ResourceUnitLimitExceeded` are the client's own doing, `storm` and
    /// `fault` are not.
    pub throttled_by_cause: BTreeMap<String, u64>,
    /// PATCHes of a user that name usageLocation, single or in a batch.
    pub patch_usage_location: WriteCount,
    /// assignLicense calls on users, single or in a batch.
    pub assign_license: WriteCount,
    /// Every other write.
    pub other_writes: WriteCount,
}

/// Writes of one kind.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct WriteCount {
    /// Requests or batch items, whatever became of them.
    pub calls: u64,
    /// Those that changed the tenant's state. A repeat that finds its work done is a call, not an effective change.
    pub effective: u64,
}

/// What was asked of one user by Graph calls; the control API's own changes do not count.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct UserCounters {
    /// PATCHes that name usageLocation.
    pub patch_usage_location: WriteCount,
    /// assignLicense calls.
    pub assign_license: WriteCount,
    /// Effective changes by SKU part number.
    pub effective_by_sku: BTreeMap<String, u64>,
}

/// The kinds of write that are told apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum WriteKind {
    PatchUsageLocation,
    AssignLicense,
    Other,
}

impl Counters {
    pub(super) fn write(&mut self, kind: WriteKind) -> &mut WriteCount {
        match kind {
            WriteKind::PatchUsageLocation => &mut self.patch_usage_location,
            WriteKind::AssignLicense => &mut self.assign_license,
            WriteKind::Other => &mut self.other_writes,
        }
    }
}

impl UserCounters {
    pub(super) fn write(&mut self, kind: WriteKind) -> Option<&mut WriteCount> {
        match kind {
            WriteKind::PatchUsageLocation => Some(&mut self.patch_usage_location),
            WriteKind::AssignLicense => Some(&mut self.assign_license),
            WriteKind::Other => None,
        }
    }
}
