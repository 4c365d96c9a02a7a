//! What is told to people outside of the log: what it is about, whether it begins or ends, and what to do.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::expiry::ExpiryWarning;

/// What a notice is about. The words are stable: they stand in the documentation, in each message and in `notify.only`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Matter {
    /// Few seats of a product are left, or they will not do for long.
    SeatsLow,
    /// No seat of a product is left.
    SeatsGone,
    /// A product's subscription has expired, or is suspended, cancelled or deleted.
    SubscriptionEnding,
    /// A cohort above a limit waits for a decision.
    CohortHeld,
    /// What seatsync logs in to the tenant with ends.
    CredentialExpiring,
    /// A domain controller's certificate ends.
    CertificateExpiring,
    /// The service account's password ends.
    PasswordExpiring,
    /// A domain could not be read for long.
    DirectoryUnreachable,
    /// The tenant could not be read for long.
    TenantUnreachable,
    /// Entra Connect does not run.
    SyncStalled,
    /// Persons have been awaited for long.
    PersonsAwaited,
    /// Persons were refused their license.
    PersonsRefused,
    /// Nothing is written, since Graph refuses everything.
    WritingHalted,
    /// `seatsync notify test`.
    Test,
}

impl Matter {
    /// Every word there is, but that of a test.
    pub const WORDS: [&str; 13] = [
        "seats-low",
        "seats-gone",
        "subscription-ending",
        "cohort-held",
        "credential-expiring",
        "certificate-expiring",
        "password-expiring",
        "directory-unreachable",
        "tenant-unreachable",
        "sync-stalled",
        "persons-awaited",
        "persons-refused",
        "writing-halted",
    ];

    /// The stable word.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::SeatsLow => "seats-low",
            Self::SeatsGone => "seats-gone",
            Self::SubscriptionEnding => "subscription-ending",
            Self::CohortHeld => "cohort-held",
            Self::CredentialExpiring => "credential-expiring",
            Self::CertificateExpiring => "certificate-expiring",
            Self::PasswordExpiring => "password-expiring",
            Self::DirectoryUnreachable => "directory-unreachable",
            Self::TenantUnreachable => "tenant-unreachable",
            Self::SyncStalled => "sync-stalled",
            Self::PersonsAwaited => "persons-awaited",
            Self::PersonsRefused => "persons-refused",
            Self::WritingHalted => "writing-halted",
            Self::Test => "test",
        }
    }

    /// The matter of a word.
    #[must_use]
    pub fn of_word(word: &str) -> Option<Self> {
        let all = [
            Self::SeatsLow,
            Self::SeatsGone,
            Self::SubscriptionEnding,
            Self::CohortHeld,
            Self::CredentialExpiring,
            Self::CertificateExpiring,
            Self::PasswordExpiring,
            Self::DirectoryUnreachable,
            Self::TenantUnreachable,
            Self::SyncStalled,
            Self::PersonsAwaited,
            Self::PersonsRefused,
            Self::WritingHalted,
        ];
        all.into_iter().find(|matter| matter.word() == word)
    }
}

/// Whether something begins, gets more, or ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Phase {
    /// It was not so before.
    Begins,
    /// It is still so, and more of it.
    Continues,
    /// It is over.
    Ends,
}

/// One message. Names in it come from the directory and the tenant, and may hold anything but control characters.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Notice {
    /// What it is about.
    #[serde(rename = "code")]
    pub matter: Matter,
    /// Whether it begins or ends.
    pub state: Phase,
    /// Which product, cohort, server or side; `None` when there is only one.
    pub about: Option<String>,
    /// One sentence.
    pub title: String,
    /// More of it.
    pub text: String,
    /// What to do; empty when there is nothing to do.
    pub todo: String,
    /// When it was noticed.
    pub at: Timestamp,
}

/// When something that signing in hangs on ends, by its name among the troubles.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ending {
    /// What kind of thing ends.
    pub matter: Matter,
    /// Its name, such as "the password of svc@corp.example.com".
    pub what: String,
    /// When.
    pub at: Timestamp,
}

/// What was said last of one thing; nothing is said of it again while that stays.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "said", rename_all = "kebab-case")]
pub enum Said {
    /// That few seats of a product are left.
    SeatsLow,
    /// That none is.
    SeatsGone,
    /// Which status its subscription has.
    Subscription {
        /// `capabilityStatus`.
        status: String,
    },
    /// That a cohort is held.
    Held {
        /// How many it had then.
        members: u64,
        /// Of which rule.
        rule: String,
    },
    /// That something ends.
    Ending {
        /// What and when.
        ending: Ending,
        /// How near it was.
        warning: ExpiryWarning,
    },
    /// That a side cannot be read.
    Unreachable {
        /// When it was last.
        since: Timestamp,
    },
    /// That Entra Connect does not run.
    Stalled,
    /// That nothing is written.
    Halted,
    /// Of which persons.
    Persons {
        /// Those from before are told of.
        upto: Option<Timestamp>,
        /// When that was said.
        at: Timestamp,
        /// Whether there still are any.
        open: bool,
    },
}
