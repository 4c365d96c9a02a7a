//! The stable code of each event, and how loud it is.

use tracing::Level;

use super::Event;
use crate::model::fault::Class;
use crate::model::notice::Phase;

impl Event {
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
            Self::AuditHead { .. } => "audit-head",
            Self::AuditShortened { .. } => "audit-shortened",
            Self::StoreRestored { .. } => "store-restored",
            Self::RequestDone { .. } => "request-done",
            Self::RequestRefused { .. } => "request-refused",
            Self::TaskOverdue { .. } => "task-overdue",
            Self::Reload(reload) => reload.code(),
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
            | Self::CredentialExpiring { expired: false, .. }
            | Self::CertificateExpiring { expired: false, .. }
            | Self::PasswordExpiring { expired: false, .. }
            | Self::SyncUnwatched { .. }
            | Self::RuleMeansNobody { .. }
            | Self::FilterDiffers { .. }
            | Self::StoreRestored { .. }
            | Self::WatchExposed { .. }
            | Self::WatchUnavailable { .. }
            | Self::RequestRefused { .. } => Level::WARN,
            Self::CredentialExpiring { .. }
            | Self::CertificateExpiring { .. }
            | Self::PasswordExpiring { .. }
            | Self::SyncStalled { .. } => Level::ERROR,
            Self::Noticed { notice } if notice.state != Phase::Ends => Level::WARN,
            Self::Reload(reload) => reload.level(),
            Self::Trouble { .. }
            | Self::DirectoryDoubted { .. }
            | Self::ScanShrunk { .. }
            | Self::GroupShrunk { .. }
            | Self::GroupDoubted { .. }
            | Self::RuleUnusable { .. }
            | Self::TaskOverdue { .. }
            | Self::ProductStopped { .. } => Level::ERROR,
            Self::StandingMoved { to, .. } if matches!(to.as_str(), "refused" | "removed-by-other") => Level::WARN,
            Self::StandingMoved { to, .. } if !matches!(to.as_str(), "due" | "licensed") => Level::DEBUG,
            Self::TenantChanged { .. } => Level::DEBUG,
            _ => Level::INFO,
        }
    }
}
