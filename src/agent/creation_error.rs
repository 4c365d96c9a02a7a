//! Why a user was not made, or is not known to be.

use super::AgentError;
use crate::model::fault::{Class, Fault, exit};
use crate::store::StoreError;

/// Why a user was not made, or is not known to be.
#[derive(Debug, thiserror::Error)]
pub enum CreationError {
    /// A side cannot be used or asked.
    #[error(transparent)]
    Agent(#[from] AgentError),
    /// The mode is "observe".
    #[error("mode is \"observe\": nobody is created")]
    Observing,
    /// Nothing is written now, and why.
    #[error("nobody is created: {0}")]
    Paused(String),
    /// Somebody has the name.
    #[error("a user {0} exists already")]
    Taken(String),
    /// The tenant has no such domain.
    #[error("\"{domain}\" is no verified domain of the tenant{}", listed(known))]
    Domain {
        /// The domain asked for.
        domain: String,
        /// Those that there are; empty where they could not be read.
        known: Vec<String>,
    },
    /// Users of the domain sign in elsewhere.
    #[error("\"{0}\" is a federated domain: its users sign in elsewhere, and are made there")]
    Federated(String),
    /// Graph refused.
    #[error("{upn} was not created; Graph refuses it: {detail}")]
    Refused {
        /// Whom.
        upn: String,
        /// Its words.
        detail: String,
    },
    /// The request did not leave this machine.
    #[error("nobody was created, since the request could not be sent: {0}")]
    NotSent(String),
    /// No answer, and nobody is seen.
    #[error("{upn} was not created: no answer came ({detail}), and the tenant shows no such user")]
    NotCreated {
        /// Whom.
        upn: String,
        /// What became of the answer.
        detail: String,
    },
    /// No answer, and whoever has the name by now is somebody else.
    #[error("no answer came, and {0} is by now a user of another name or age, made by somebody else")]
    Another(String),
    /// No answer, and the tenant cannot be read either.
    #[error("whether {upn} was created is not known: no answer came, and reading fails: {detail}")]
    Unknown {
        /// Whom.
        upn: String,
        /// Why reading fails.
        detail: String,
    },
    /// Graph said that it was done, and does not show it.
    #[error("{0} was created; the tenant does not show the user yet")]
    NotVisible(String),
    /// It was done, or not, and the store could not note it.
    #[error("what became of {upn} could not be recorded: {error}")]
    Unrecorded {
        /// Whom.
        upn: String,
        /// Why not.
        error: StoreError,
    },
}

fn listed(known: &[String]) -> String {
    if known.is_empty() { String::new() } else { format!("; it has {}", known.join(", ")) }
}

impl CreationError {
    /// Whether the user may be there all the same, with the password that was sent.
    #[must_use]
    pub fn may_exist(&self) -> bool {
        matches!(self, Self::Unknown { .. } | Self::NotVisible(_) | Self::Unrecorded { .. })
    }
}

impl Fault for CreationError {
    fn class(&self) -> Class {
        match self {
            Self::Agent(error) => error.class(),
            Self::NotSent(_) | Self::NotCreated { .. } | Self::Unknown { .. } | Self::NotVisible(_) => Class::Heals,
            Self::Unrecorded { error, .. } => error.class(),
            _ => Class::Operator,
        }
    }

    fn code(&self) -> &'static str {
        match self {
            Self::Agent(error) => error.code(),
            Self::Observing => "user-observe-mode",
            Self::Paused(_) => "user-paused",
            Self::Taken(_) => "user-exists",
            Self::Domain { .. } => "user-domain-unknown",
            Self::Federated(_) => "user-domain-federated",
            Self::Refused { .. } => "user-refused",
            Self::NotSent(_) => "user-not-sent",
            Self::NotCreated { .. } => "user-not-created",
            Self::Another(_) => "user-is-another",
            Self::Unknown { .. } => "user-outcome-unknown",
            Self::NotVisible(_) => "user-not-visible",
            Self::Unrecorded { .. } => "user-unrecorded",
        }
    }

    fn advice(&self) -> String {
        match self {
            Self::Agent(error) => return error.advice(),
            Self::Observing => "Use --dry-run, or set mode = \"apply\".",
            Self::Paused(_) => "See `seatsync status`; `seatsync resume` ends a pause.",
            Self::Taken(_) | Self::Another(_) => {
                "Choose another name; or `seatsync assign` the license to the user who is there."
            }
            Self::Domain { .. } => "Use a verified domain, or verify this one in the Entra admin center.",
            Self::Federated(_) => "Create the user where the domain's users are made, or use a managed domain.",
            Self::Refused { .. } => "Correct what Graph names and ask again.",
            Self::NotSent(_) => "Check name resolution, firewall and proxy on the way to Graph, and ask again.",
            Self::NotCreated { .. } => "Ask again; should the user have come after all, that is refused.",
            Self::Unknown { .. } => {
                "Ask again once the tenant can be reached: if the user exists that is refused, and the password can be \
                 reset in the Entra admin center."
            }
            Self::NotVisible(_) => "Once `seatsync users` lists the user, `seatsync assign` gives the license.",
            Self::Unrecorded { .. } => "Mend the store; look in the Entra admin center whether the user is there.",
        }
        .to_owned()
    }

    fn exit_status(&self) -> u8 {
        match self {
            Self::Agent(error) => error.exit_status(),
            Self::Observing => exit::CONFIG,
            Self::Paused(_) | Self::NotVisible(_) => exit::BUSY,
            Self::Taken(_) | Self::Another(_) | Self::Domain { .. } | Self::Federated(_) | Self::Refused { .. } => {
                exit::USAGE
            }
            Self::NotSent(_) | Self::NotCreated { .. } | Self::Unknown { .. } => exit::UNAVAILABLE,
            Self::Unrecorded { .. } => exit::STORE,
        }
    }
}
