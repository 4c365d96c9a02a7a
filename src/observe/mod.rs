//! What happened, for operators: one event each, from which the log line and the counts derive.

mod code;
mod counts;
#[cfg(windows)]
mod event_log;
mod fields;
mod logging;
mod number;
mod reload;
mod sentence;

use std::time::Duration;

use jiff::Timestamp;
use tracing::Level;

pub use counts::{BOUNDS, Counts, Spread, counts};
pub use logging::{complain, init, set_level};
pub use number::{UNNUMBERED, number};
pub use reload::Reload;
pub use sentence::short;

use crate::model::fault::{Class, Fault};
use crate::model::group::GroupFault;
use crate::model::identity::HoldId;
use crate::model::journey::Journey;
use crate::model::notice::Notice;
use crate::model::synchronization::SyncAlarm;

/// Something an operator may care about. The code of each is stable and stands in the documentation.
#[derive(Clone, Debug, PartialEq)]
#[expect(missing_docs, reason = "the sentence of each variant in Display says what it is; fields are what it names")]
pub enum Event {
    Started {
        version: &'static str,
        mode: &'static str,
        config: String,
    },
    Stopping,
    Stopped,
    DirectoryConnected {
        server: String,
    },
    DirectorySwitched {
        server: String,
    },
    DirectorySecondChoice {
        server: String,
    },
    DirectoryDoubted {
        server: String,
        why: String,
        certain: bool,
    },
    ScanStarted {
        server: String,
        why: String,
        witness: bool,
    },
    ScanComplete {
        met: u64,
        new: u64,
        gone: u64,
        quarantined: u64,
    },
    ScanShrunk {
        source: &'static str,
        met: u64,
        missing: u64,
    },
    DirectoryChanged {
        new: u64,
        changed: u64,
        gone: u64,
        quarantined: u64,
    },
    ListingStarted {
        why: &'static str,
    },
    ListingComplete {
        users: u64,
        missing: u64,
    },
    MissingRead {
        gone: u64,
        there: u64,
    },
    TenantChanged {
        new: u64,
        changed: u64,
        gone: u64,
    },
    GroupRead {
        group: String,
        members: u64,
    },
    GroupChanged {
        group: String,
        joined: u64,
        left: u64,
    },
    GroupShrunk {
        group: String,
        met: u64,
        missing: u64,
    },
    GroupDoubted {
        group: String,
        fault: GroupFault,
    },
    ContainerMoved {
        accounts: u64,
    },
    FoundByAnchor {
        users: u64,
    },
    LicensesReadAgain {
        changed: u64,
    },
    SyncStalled {
        alarm: SyncAlarm,
    },
    SyncResumed,
    SyncUnwatched {
        why: String,
    },
    Acquainted {
        baseline_without_license: u64,
    },
    PersonMoved {
        name: String,
        from: Option<String>,
        to: String,
        why: Option<String>,
    },
    StandingMoved {
        name: String,
        product: String,
        from: Option<String>,
        to: String,
        why: Option<String>,
        journey: Journey,
    },
    WouldWrite {
        names: Vec<String>,
    },
    LocationSet {
        name: String,
        location: String,
        request_id: Option<String>,
    },
    LicenseAccepted {
        name: String,
        sku: String,
        products: String,
        request_id: Option<String>,
    },
    WriteFailed {
        name: String,
        sku: String,
        what: &'static str,
        outcome: &'static str,
        code: String,
        why: String,
        request_id: Option<String>,
    },
    WriteSettled {
        name: String,
        visible: bool,
    },
    Waiting {
        product: String,
        persons: u64,
    },
    ProductStopped {
        product: String,
        why: String,
        until: Timestamp,
    },
    Unconfirmed {
        names: Vec<String>,
        minutes: u64,
    },
    Held {
        hold: HoldId,
        rule: String,
        persons: u64,
        reason: String,
    },
    Halted {
        until: Timestamp,
        why: String,
    },
    RuleUnusable {
        problem: String,
    },
    RuleScope {
        rule: String,
        meant: u64,
        accounts: u64,
    },
    RuleMeansNobody {
        rule: String,
        clause: String,
        missing: Option<String>,
    },
    FilterDiffers {
        rule: String,
        filter: String,
        ours: u64,
        theirs: Option<u64>,
        server: String,
    },
    CredentialExpiring {
        what: &'static str,
        at: Timestamp,
        days: i64,
        expired: bool,
    },
    CertificateExpiring {
        server: String,
        at: Timestamp,
        days: i64,
        expired: bool,
    },
    PasswordExpiring {
        user: String,
        at: Timestamp,
        days: i64,
        expired: bool,
    },
    Trouble {
        part: String,
        code: &'static str,
        class: Class,
        what: String,
        advice: String,
        retry: Timestamp,
    },
    Recovered {
        part: String,
    },
    Noticed {
        notice: Notice,
    },
    NoticesDropped {
        target: String,
        number: u64,
        why: String,
    },
    HeartbeatWithheld {
        why: String,
    },
    WatchListening {
        at: String,
    },
    WatchExposed {
        at: String,
    },
    WatchUnavailable {
        at: String,
        why: String,
    },
    AuditHead {
        head: String,
    },
    AuditShortened {
        rows: u64,
        upto: String,
    },
    StoreRestored {
        made: Timestamp,
    },
    RequestDone {
        by: String,
        outcome: String,
    },
    RequestRefused {
        by: String,
        outcome: String,
    },
    TaskOverdue {
        task: String,
        by: Duration,
    },
    Reload(Reload),
}

impl Event {
    /// An error that keeps a part from its work until `retry`.
    pub fn trouble(part: &str, fault: &dyn Fault, retry: Timestamp) -> Self {
        let (what, advice) = (fault.to_string(), fault.advice());
        let part = part.to_owned();
        Self::Trouble { part, code: fault.code(), class: fault.class(), what, advice, retry }
    }

    /// Writes the log line, and counts it.
    pub fn emit(&self) {
        counts::count(self, true);
        let (event, user, sku, request_id) = (self.code(), self.user(), self.sku(), self.request_id());
        match self.level() {
            Level::ERROR => tracing::error!(event, user, sku, request_id, "{self}"),
            Level::WARN => tracing::warn!(event, user, sku, request_id, "{self}"),
            Level::INFO => tracing::info!(event, user, sku, request_id, "{self}"),
            _ => tracing::debug!(event, user, sku, request_id, "{self}"),
        }
    }

    /// The same trouble as before, met once more: counted, and no news to the log.
    pub fn again(&self) {
        counts::count(self, false);
        tracing::debug!(event = self.code(), "{self}");
    }
}
