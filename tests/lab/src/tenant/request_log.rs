//! The log of what was asked and how it was answered. Authorization and login bodies never get into it.

use std::collections::{BTreeMap, VecDeque};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// How many records are kept; the oldest go first.
const KEPT: usize = 200_000;

/// Request headers worth keeping.
pub(super) const HEADERS: [&str; 6] =
    ["accept", "consistencylevel", "content-type", "prefer", "user-agent", "x-ms-throttle-priority"];

/// One request, or one item of a `$batch`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RequestRecord {
    /// Its number, from 1, in order of arrival.
    pub seq: u64,
    /// HTTP method.
    pub method: String,
    /// Path, still percent-encoded.
    pub path: String,
    /// Query, still percent-encoded.
    pub query: Option<String>,
    /// The answer's status; none while it is under way, or if the connection was closed without an answer.
    pub status: Option<u16>,
    /// What the client sent as `client-request-id`.
    pub client_request_id: Option<String>,
    /// What the answer says as `request-id`.
    pub request_id: String,
    /// The user it addresses, if there is one.
    pub user: Option<Uuid>,
    /// The item's id, for an item of a `$batch`.
    pub batch_item: Option<String>,
    /// A few request headers that change the answer.
    pub headers: BTreeMap<String, String>,
    /// When it came in, on the lab's clock.
    pub started: Timestamp,
    /// When it was answered or cut.
    pub ended: Option<Timestamp>,
    /// The fault that took it.
    pub fault: Option<u64>,
    /// What the storm did to it: `throttled`, `throttledApplied`, `unavailable`, `violation`, `cut`, `cutAfter`, `gateway`
    /// or `gatewayAfter`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub storm: Option<String>,
    /// The connection was closed instead of an answer.
    pub cut: bool,
    /// With the knob `recordBodies`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request_body: Option<String>,
    /// With the knob `recordBodies`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub response_body: Option<String>,
}

#[derive(Debug, Default)]
pub(super) struct RequestLog {
    records: VecDeque<RequestRecord>,
    last: u64,
}

impl RequestLog {
    /// Takes a new record and gives it its number.
    pub(super) fn open(&mut self, mut record: RequestRecord) -> u64 {
        self.last += 1;
        record.seq = self.last;
        self.records.push_back(record);
        if self.records.len() > KEPT {
            self.records.pop_front();
        }
        self.last
    }

    pub(super) fn record_mut(&mut self, seq: u64) -> Option<&mut RequestRecord> {
        let first = self.records.front()?.seq;
        self.records.get_mut(usize::try_from(seq.checked_sub(first)?).ok()?)
    }

    /// Records with a number above `after`.
    pub(super) fn after(&self, after: u64) -> impl Iterator<Item = &RequestRecord> {
        self.records.iter().filter(move |record| record.seq > after)
    }

    /// Forgets all; numbers go on.
    pub(super) fn clear(&mut self) {
        self.records.clear();
    }
}
