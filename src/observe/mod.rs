//! What happened, for operators: one event each, from which the log line and the counts derive.

mod counts;
mod logging;
mod sentence;

use jiff::Timestamp;
use tracing::Level;

pub use counts::{BOUNDS, Counts, Spread, counts};
pub use logging::init;

use crate::model::fault::{Class, Fault};
use crate::model::group::GroupFault;
use crate::model::identity::HoldId;
use crate::model::journey::Journey;
use crate::model::notice::{Notice, Phase};
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
        products: String,
        request_id: Option<String>,
    },
    WriteFailed {
        name: String,
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
    RequestDone {
        by: String,
        outcome: String,
    },
    RequestRefused {
        by: String,
        outcome: String,
    },
}

impl Event {
    /// An error that keeps a part from its work until `retry`.
    pub fn trouble(part: &str, fault: &dyn Fault, retry: Timestamp) -> Self {
        let (what, advice) = (fault.to_string(), fault.advice());
        let part = part.to_owned();
        Self::Trouble { part, code: fault.code(), class: fault.class(), what, advice, retry }
    }

    /// The stable code.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Started { .. } => "started",
            Self::Stopping => "stopping",
            Self::Stopped => "stopped",
            Self::DirectoryConnected { .. } => "directory-connected",
            Self::DirectorySwitched { .. } => "directory-switched",
            Self::DirectorySecondChoice { .. } => "directory-second-choice",
            Self::DirectoryDoubted { .. } => "directory-doubted",
            Self::ScanStarted { .. } => "scan-started",
            Self::ScanComplete { .. } => "scan-complete",
            Self::ScanShrunk { .. } => "scan-shrunk",
            Self::DirectoryChanged { .. } => "directory-changed",
            Self::ListingStarted { .. } => "listing-started",
            Self::ListingComplete { .. } => "listing-complete",
            Self::MissingRead { .. } => "missing-read",
            Self::TenantChanged { .. } => "tenant-changed",
            Self::GroupRead { .. } => "group-read",
            Self::GroupChanged { .. } => "group-changed",
            Self::GroupShrunk { .. } => "group-shrunk",
            Self::GroupDoubted { .. } => "group-doubted",
            Self::ContainerMoved { .. } => "container-moved",
            Self::FoundByAnchor { .. } => "found-by-anchor",
            Self::LicensesReadAgain { .. } => "licenses-read-again",
            Self::SyncStalled { .. } => "sync-stalled",
            Self::SyncResumed => "sync-resumed",
            Self::SyncUnwatched { .. } => "sync-unwatched",
            Self::Acquainted { .. } => "acquainted",
            Self::PersonMoved { .. } => "person-moved",
            Self::StandingMoved { .. } => "standing-moved",
            Self::WouldWrite { .. } => "would-write",
            Self::LocationSet { .. } => "location-set",
            Self::LicenseAccepted { .. } => "license-accepted",
            Self::WriteFailed { .. } => "write-failed",
            Self::WriteSettled { .. } => "write-settled",
            Self::Waiting { .. } => "seats-gone",
            Self::ProductStopped { .. } => "product-stopped",
            Self::Unconfirmed { .. } => "license-unconfirmed",
            Self::Held { .. } => "cohort-held",
            Self::Halted { .. } => "writing-halted",
            Self::RuleUnusable { .. } => "rule-unusable",
            Self::RuleScope { .. } => "rule-scope",
            Self::RuleMeansNobody { .. } => "rule-means-nobody",
            Self::FilterDiffers { .. } => "filter-differs",
            Self::CredentialExpiring { .. } => "credential-expiring",
            Self::CertificateExpiring { .. } => "certificate-expiring",
            Self::PasswordExpiring { .. } => "password-expiring",
            Self::Trouble { code, .. } => code,
            Self::Recovered { .. } => "recovered",
            // Codes of their own, in their own table.
            Self::Noticed { notice } => notice.matter.word(),
            Self::NoticesDropped { .. } => "notices-dropped",
            Self::HeartbeatWithheld { .. } => "heartbeat-withheld",
            Self::WatchListening { .. } => "watch-listening",
            Self::WatchExposed { .. } => "watch-exposed",
            Self::WatchUnavailable { .. } => "watch-unavailable",
            Self::RequestDone { .. } => "request-done",
            Self::RequestRefused { .. } => "request-refused",
        }
    }

    /// INFO is a change an operator follows, WARN could bring somebody to look, ERROR needs somebody.
    #[must_use]
    pub fn level(&self) -> Level {
        match self {
            // The product is spoken of once, not each person who wanted it.
            Self::WriteFailed { outcome: "stopped", .. } => Level::DEBUG,
            Self::Trouble { class: Class::Heals, .. }
            | Self::WriteFailed { .. }
            | Self::DirectorySwitched { .. }
            | Self::DirectorySecondChoice { .. }
            | Self::DirectoryDoubted { certain: false, .. }
            | Self::Waiting { .. }
            | Self::Unconfirmed { .. }
            | Self::Held { .. }
            | Self::Halted { .. }
            | Self::NoticesDropped { .. }
            | Self::HeartbeatWithheld { .. }
            | Self::WatchExposed { .. }
            | Self::WatchUnavailable { .. }
            | Self::CredentialExpiring { expired: false, .. }
            | Self::CertificateExpiring { expired: false, .. }
            | Self::PasswordExpiring { expired: false, .. }
            | Self::SyncUnwatched { .. }
            | Self::RuleMeansNobody { .. }
            | Self::FilterDiffers { .. }
            | Self::RequestRefused { .. } => Level::WARN,
            Self::CredentialExpiring { .. }
            | Self::CertificateExpiring { .. }
            | Self::PasswordExpiring { .. }
            | Self::SyncStalled { .. } => Level::ERROR,
            Self::Noticed { notice } if notice.state != Phase::Ends => Level::WARN,
            Self::Trouble { .. }
            | Self::DirectoryDoubted { .. }
            | Self::ScanShrunk { .. }
            | Self::GroupShrunk { .. }
            | Self::GroupDoubted { .. }
            | Self::RuleUnusable { .. }
            | Self::ProductStopped { .. } => Level::ERROR,
            Self::StandingMoved { to, .. } if matches!(to.as_str(), "refused" | "removed-by-other") => Level::WARN,
            Self::StandingMoved { to, .. } if !matches!(to.as_str(), "due" | "licensed") => Level::DEBUG,
            Self::TenantChanged { .. } => Level::DEBUG,
            _ => Level::INFO,
        }
    }

    fn request_id(&self) -> Option<&str> {
        match self {
            Self::LocationSet { request_id, .. }
            | Self::LicenseAccepted { request_id, .. }
            | Self::WriteFailed { request_id, .. } => request_id.as_deref(),
            _ => None,
        }
    }

    fn user(&self) -> Option<&str> {
        match self {
            Self::PersonMoved { name, .. }
            | Self::StandingMoved { name, .. }
            | Self::LocationSet { name, .. }
            | Self::LicenseAccepted { name, .. }
            | Self::WriteSettled { name, .. }
            | Self::WriteFailed { name, .. } => Some(name),
            _ => None,
        }
    }

    /// Writes the log line, and counts it.
    pub fn emit(&self) {
        counts::count(self, true);
        let (event, user, request_id) = (self.code(), self.user(), self.request_id());
        match self.level() {
            Level::ERROR => tracing::error!(event, user, request_id, "{self}"),
            Level::WARN => tracing::warn!(event, user, request_id, "{self}"),
            Level::INFO => tracing::info!(event, user, request_id, "{self}"),
            _ => tracing::debug!(event, user, request_id, "{self}"),
        }
    }
}

impl Event {
    /// The same trouble as before, met once more: counted, and no news to the log.
    pub fn again(&self) {
        counts::count(self, false);
        tracing::debug!(event = self.code(), "{self}");
    }
}
