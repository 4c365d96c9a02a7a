//! Where a person and an entitlement stand. These words are what operators read in `status`, `users` and `explain`.

use std::fmt;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::identity::{HoldId, IntentId, SkuId, UserId};

/// Where a person stands between the directory and the tenant.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "presence", rename_all = "kebab-case")]
pub enum Presence {
    /// In the directory since first contact and never in the tenant: silent, counted.
    NotSynced,
    /// In the directory since later, not yet in the tenant: its age is watched.
    Awaiting,
    /// In both.
    Present,
    /// A synced user whose account lies outside of what we read.
    UnknownInDirectory,
    /// A user who never came from a directory.
    CloudOnly,
    /// Must not be given anything.
    Excluded(Exclusion),
    /// No longer in the directory.
    Departed,
}

impl Presence {
    /// Every word there is.
    pub const WORDS: [&str; 7] =
        ["not-synced", "awaiting", "present", "unknown-in-directory", "cloud-only", "excluded", "departed"];

    /// The word for lists and the store.
    #[must_use]
    pub fn word(&self) -> &'static str {
        match self {
            Self::NotSynced => "not-synced",
            Self::Awaiting => "awaiting",
            Self::Present => "present",
            Self::UnknownInDirectory => "unknown-in-directory",
            Self::CloudOnly => "cloud-only",
            Self::Excluded(_) => "excluded",
            Self::Departed => "departed",
        }
    }
}

/// Why a person must not be given anything.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "exclusion", rename_all = "kebab-case")]
pub enum Exclusion {
    /// `userAccountControl` says ACCOUNTDISABLE.
    DisabledInDirectory,
    /// `accountExpires` has passed.
    Expired {
        /// When it did.
        at: Timestamp,
    },
    /// `accountEnabled` is false in the tenant.
    DisabledInTenant,
    /// A guest of another organisation.
    Guest,
    /// A system or service object that Entra Connect would leave out too.
    System {
        /// By which of its rules.
        rule: String,
    },
    /// `guard.protected` means this person.
    Protected,
    /// More than one live user of the tenant carries this person's anchor.
    AnchorShared {
        /// All of them.
        users: Vec<UserId>,
    },
    /// The anchor agrees, the security identifier does not.
    SidDiffers {
        /// The account's.
        account: String,
        /// The user's.
        user: String,
    },
}

impl Exclusion {
    /// Somebody who cannot sign in now, and might again.
    #[must_use]
    pub fn is_disabled(&self) -> bool {
        matches!(self, Self::DisabledInDirectory | Self::Expired { .. } | Self::DisabledInTenant)
    }
}

impl fmt::Display for Exclusion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::DisabledInDirectory => f.write_str("disabled in the directory"),
            Self::Expired { at } => write!(f, "account expired at {at}"),
            Self::DisabledInTenant => f.write_str("disabled in the tenant"),
            Self::Guest => f.write_str("a guest"),
            Self::System { rule } => write!(f, "a system account: {rule}"),
            Self::Protected => f.write_str("protected (guard.protected): nothing is given, changed or taken"),
            Self::AnchorShared { users } => {
                let users: Vec<String> = users.iter().map(ToString::to_string).collect();
                write!(f, "{} tenant users share its anchor: {}; keep one of them", users.len(), users.join(", "))
            }
            Self::SidDiffers { account, user } => write!(
                f,
                "the anchor agrees but the SID does not: {account} in the directory, {user} in the tenant; see which account feeds this user"
            ),
        }
    }
}

/// A stable code and a sentence for a person.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reason {
    /// Kebab case, the key of the documentation's table.
    pub code: String,
    /// What happened and what to do next.
    pub text: String,
}

impl Reason {
    /// Puts both together.
    #[must_use]
    pub fn new(code: impl Into<String>, text: impl Into<String>) -> Self {
        Self { code: code.into(), text: text.into() }
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} [{}]", self.text, self.code)
    }
}

/// A time as an operator reads it, in UTC to the second.
fn second(at: Timestamp) -> impl fmt::Display {
    at.strftime("%Y-%m-%d %H:%M:%SZ")
}

/// A group that a license is expected from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExpectedGroup {
    /// Its name.
    pub name: String,
    /// Why Entra could not give it to this user so far, in Entra's word (`licenseAssignmentStates`).
    pub error: Option<String>,
}

impl fmt::Display for ExpectedGroup {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.error {
            Some(error) => write!(f, "{} ({error})", self.name),
            None => f.write_str(&self.name),
        }
    }
}

fn expected(groups: &[ExpectedGroup], until: Timestamp) -> String {
    let until = second(until);
    if groups.is_empty() {
        return format!("whether a group is to give it is being looked up; assigned directly at {until} at the latest");
    }
    let names: Vec<String> = groups.iter().map(ToString::to_string).collect();
    format!("expected from group {} until {until}, then assigned directly", names.join(", "))
}

/// What is to be written for an entitlement while it is open.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "action", rename_all = "kebab-case")]
pub enum Action {
    /// The license is given; it takes a seat.
    #[default]
    Give,
    /// The license that is there gets other plans.
    Change,
    /// The license is taken away.
    Take {
        /// In the very write that gives this product in its place, and in no other.
        with: Option<SkuId>,
    },
}

impl Action {
    /// The word for the store and for lists.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Give => "give",
            Self::Change => "change",
            Self::Take { .. } => "take",
        }
    }
}

/// Where an entitlement, one person's claim on one product, stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "standing", rename_all = "kebab-case")]
pub enum Standing {
    /// Was there before us and lacks the license: left alone until an event or `include`.
    Baseline,
    /// Has the wanted plans without us.
    Satisfied {
        /// Through a direct assignment.
        direct: bool,
        /// Through these groups.
        groups: Vec<String>,
    },
    /// Holds the product directly with other plans off than wanted: left alone.
    Differs,
    /// A group of the tenant is to give it: left to that group for a while.
    Expected {
        /// Which groups; empty while that is being looked up.
        groups: Vec<ExpectedGroup>,
        /// When it is assigned directly all the same.
        until: Timestamp,
    },
    /// To be licensed once the rule's `delay` has passed.
    Delayed {
        /// When it has.
        until: Timestamp,
    },
    /// To be written at the next plan.
    Due,
    /// Admitted, and no seat is free: resumes by itself.
    AwaitingSeat,
    /// Above a limit: needs approve or reject.
    Held {
        /// The cohort.
        hold: HoldId,
    },
    /// An intent is committed, its outcome not yet known.
    InFlight {
        /// Which.
        intent: IntentId,
    },
    /// A write failed in a way that heals; the schedule is stored.
    Retrying {
        /// Failed tries so far.
        attempt: u32,
        /// When the next one is due.
        at: Timestamp,
        /// What the last one met.
        reason: Reason,
    },
    /// Accepted by Graph; being read back.
    Confirming {
        /// When it was accepted.
        accepted: Timestamp,
    },
    /// Given by us and seen to work.
    Licensed,
    /// Had the license and lost it to somebody else's hand: left alone, said once.
    RemovedByOther,
    /// Needs a person.
    Refused {
        /// What that person must do.
        reason: Reason,
        /// What was known of the user when it was refused: news of a different state lifts the refusal.
        basis: String,
    },
    /// No rule wants it any more, nothing is taken away.
    Lapsed,
    /// No rule wants it any more: to be taken back once the grace has passed.
    Reclaiming {
        /// When it has.
        at: Timestamp,
    },
    /// Taken back by us.
    Reclaimed,
}

impl Standing {
    /// Every word there is.
    pub const WORDS: [&str; 17] = [
        "baseline",
        "satisfied",
        "differs",
        "expected",
        "delayed",
        "due",
        "awaiting-seat",
        "held",
        "in-flight",
        "retrying",
        "confirming",
        "licensed",
        "removed-by-other",
        "refused",
        "lapsed",
        "reclaiming",
        "reclaimed",
    ];

    /// The word for lists and the store.
    #[must_use]
    pub fn word(&self) -> &'static str {
        match self {
            Self::Baseline => "baseline",
            Self::Satisfied { .. } => "satisfied",
            Self::Differs => "differs",
            Self::Expected { .. } => "expected",
            Self::Delayed { .. } => "delayed",
            Self::Due => "due",
            Self::AwaitingSeat => "awaiting-seat",
            Self::Held { .. } => "held",
            Self::InFlight { .. } => "in-flight",
            Self::Retrying { .. } => "retrying",
            Self::Confirming { .. } => "confirming",
            Self::Licensed => "licensed",
            Self::RemovedByOther => "removed-by-other",
            Self::Refused { .. } => "refused",
            Self::Lapsed => "lapsed",
            Self::Reclaiming { .. } => "reclaiming",
            Self::Reclaimed => "reclaimed",
        }
    }

    /// Whether something is still to be written now, or as soon as it can be.
    #[must_use]
    pub fn is_open(&self) -> bool {
        matches!(
            self,
            Self::Due | Self::AwaitingSeat | Self::Held { .. } | Self::InFlight { .. } | Self::Retrying { .. }
        )
    }

    /// Whether a decision to write something waits for its end: open, held up or not yet seen to work.
    #[must_use]
    pub fn is_unfinished(&self) -> bool {
        self.is_open() || matches!(self, Self::Confirming { .. } | Self::Refused { .. } | Self::Baseline)
    }

    /// Why it stands there, in words, where the word alone does not say.
    #[must_use]
    pub fn why(&self) -> Option<String> {
        match self {
            Self::Satisfied { direct, groups } => Some(match (*direct, groups.len()) {
                (true, 0) => "assigned directly by someone else".into(),
                (true, _) => format!("assigned directly and through {}", groups.join(", ")),
                (false, 0) => "another product brings the plans".into(),
                (false, _) => format!("through group {}", groups.join(", ")),
            }),
            Self::Expected { groups, until } => Some(expected(groups, *until)),
            Self::Delayed { until } => Some(format!("given at {}, after the rule's delay", second(*until))),
            Self::Held { hold } => Some(format!("held as part of cohort {hold}: approve or reject it")),
            Self::Retrying { attempt, at, reason } => Some(format!("try {} at {}: {reason}", attempt + 1, second(*at))),
            Self::Confirming { accepted } => Some(format!("accepted at {}, not yet seen to work", second(*accepted))),
            Self::Refused { reason, .. } => Some(reason.to_string()),
            Self::AwaitingSeat => Some("no seat is free: goes on by itself once one is".into()),
            Self::RemovedByOther => Some("somebody took it away: left alone, `seatsync retry` gives it again".into()),
            Self::Baseline => Some("was there before: left alone, `seatsync include` brings it in".into()),
            Self::Reclaiming { at } => Some(format!("to be taken back at {}", second(*at))),
            _ => None,
        }
    }
}
