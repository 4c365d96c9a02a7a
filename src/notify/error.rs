//! Why a message was not taken. No text holds the address: only its host.

use std::time::Duration;

use crate::model::fault::{Class, Fault, exit};

/// Why a message was not taken.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotifyError {
    /// The address cannot be read from where it is kept, or is none.
    #[error("the webhook's address {0}")]
    Address(String),
    /// The HTTP client could not be made.
    #[error("the HTTP client for webhooks cannot be set up: {0}")]
    Client(String),
    /// No connection, or no answer.
    #[error("{host} cannot be reached: {detail}")]
    Unreachable {
        /// Which host.
        host: String,
        /// What went wrong on the way.
        detail: String,
    },
    /// Its certificate is not trusted.
    #[error("the certificate of {host} is not trusted: {detail}")]
    Untrusted {
        /// Which host.
        host: String,
        /// What is wrong with it.
        detail: String,
    },
    /// 429.
    #[error("{host} asks for a pause")]
    Throttled {
        /// Which host.
        host: String,
        /// `Retry-After`, where it was sent.
        after: Option<Duration>,
    },
    /// 5xx, 408 and 425.
    #[error("{host} is out of order: status {status}")]
    Unavailable {
        /// Which host.
        host: String,
        /// HTTP status.
        status: u16,
        /// `Retry-After`, where it was sent.
        after: Option<Duration>,
    },
    /// Any other status but success.
    #[error("{host} does not take the message: status {status}{detail}")]
    Refused {
        /// Which host.
        host: String,
        /// HTTP status.
        status: u16,
        /// The beginning of what it said, without the address.
        detail: String,
    },
}

impl NotifyError {
    /// How long it asked to be left alone.
    #[must_use]
    pub fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Throttled { after, .. } | Self::Unavailable { after, .. } => *after,
            _ => None,
        }
    }

    /// Whether it is this message that is not liked, rather than its sender: another one may be taken.
    #[must_use]
    pub fn is_about_the_message(&self) -> bool {
        matches!(self, Self::Refused { status: 400 | 406 | 411..=422 | 431, .. })
    }
}

impl Fault for NotifyError {
    fn class(&self) -> Class {
        match self {
            Self::Unreachable { .. } | Self::Throttled { .. } | Self::Unavailable { .. } => Class::Heals,
            Self::Address(_) | Self::Untrusted { .. } | Self::Refused { .. } => Class::Operator,
            Self::Client(_) => Class::Bug,
        }
    }

    fn code(&self) -> &'static str {
        match self {
            Self::Address(_) => "webhook-address-unusable",
            Self::Client(_) => "webhook-client-unusable",
            Self::Unreachable { .. } => "webhook-unreachable",
            Self::Untrusted { .. } => "webhook-certificate-untrusted",
            Self::Throttled { .. } => "webhook-throttled",
            Self::Unavailable { .. } => "webhook-unavailable",
            Self::Refused { .. } => "webhook-refused",
        }
    }

    fn advice(&self) -> String {
        match self {
            Self::Address(_) => "Put one https:// address, and nothing else, where url points to.".into(),
            Self::Client(_) => "This should not happen: report it with the log around it.".into(),
            Self::Unreachable { .. } => {
                "Check name resolution, firewall and proxy between this machine and that host; it is tried again."
                    .into()
            }
            Self::Untrusted { .. } => {
                "If a proxy inspects TLS here, name its CA in the table's ca_file; else check the \
                 system's CA certificates and clock."
                    .into()
            }
            Self::Throttled { .. } | Self::Unavailable { .. } => "Nothing to do unless it lasts.".into(),
            Self::Refused { .. } => {
                "See whether the webhook still exists and its address is right (a Workflow of Teams has a new \
                 one when it was made anew), and whether shape fits it; then `seatsync notify test`."
                    .into()
            }
        }
    }

    fn exit_status(&self) -> u8 {
        match self {
            Self::Address(_) => exit::CONFIG,
            Self::Client(_) => exit::SOFTWARE,
            Self::Refused { .. } => exit::REFUSED,
            _ => exit::UNAVAILABLE,
        }
    }
}
