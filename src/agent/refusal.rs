//! Why a configuration is not taken over.

use std::fmt;

use super::AgentError;
use crate::model::fault::{Class, Fault, exit};
use crate::observe::short;

/// Settings that cannot be loaded.
#[derive(Debug)]
pub struct Unloadable {
    /// Why, in full.
    pub fault: Box<dyn Fault + Send + Sync>,
    /// Each problem on a line of its own, for the log.
    pub problems: Vec<String>,
}

impl fmt::Display for Unloadable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.fault.fmt(f)
    }
}

/// Why a configuration is not taken over: the one before goes on.
#[derive(Debug, thiserror::Error)]
pub enum Refusal {
    /// It does not load.
    #[error("{0}")]
    Unloadable(Unloadable),
    /// Something in it is changed only by a restart.
    #[error("{}", .0.join("\n"))]
    NeedsRestart(Vec<String>),
    /// What it does is to be accepted by an operator first.
    #[error("the guard does not let configuration {} take over unasked:\n  {}", short(digest), concerns.join("\n  "))]
    Exceeds {
        /// Its digest.
        digest: String,
        /// What is asked about.
        concerns: Vec<String>,
    },
    /// Another one was accepted.
    #[error("configuration {accepted} was accepted, and the file has {} by now", short(found))]
    Another {
        /// The digest that was given.
        accepted: String,
        /// That of the file.
        found: String,
    },
    /// What it does cannot be worked out, or it cannot begin.
    #[error("{0}")]
    Failed(#[from] AgentError),
}

impl Refusal {
    /// What is said of it in the log, line by line.
    #[must_use]
    pub fn lines(&self) -> Vec<String> {
        match self {
            Self::Unloadable(unloadable) => unloadable.problems.clone(),
            Self::NeedsRestart(changes) => changes.clone(),
            Self::Exceeds { concerns, .. } => {
                let last = concerns.len().saturating_sub(1);
                let told = |(at, concern): (usize, &String)| match at == last {
                    true => format!("{concern}. {}", self.advice()),
                    false => concern.clone(),
                };
                concerns.iter().enumerate().map(told).collect()
            }
            Self::Another { .. } | Self::Failed(_) => vec![self.to_string()],
        }
    }
}

impl Fault for Refusal {
    fn class(&self) -> Class {
        match self {
            Self::Failed(error) => error.class(),
            _ => Class::Operator,
        }
    }

    fn code(&self) -> &'static str {
        match self {
            Self::Unloadable(unloadable) => unloadable.fault.code(),
            Self::NeedsRestart(_) => "reload-needs-restart",
            Self::Exceeds { .. } => "reload-exceeds-guard",
            Self::Another { .. } => "reload-file-changed",
            Self::Failed(error) => error.code(),
        }
    }

    fn advice(&self) -> String {
        match self {
            Self::Unloadable(unloadable) => unloadable.fault.advice(),
            Self::NeedsRestart(_) => "Restart seatsync, or take the change back.".to_owned(),
            Self::Exceeds { digest, .. } => {
                format!("See `seatsync plan`; if it is meant: `seatsync reload --accept {}`.", short(digest))
            }
            Self::Another { .. } => "See `seatsync plan` once more, then give the digest that is said now.".to_owned(),
            Self::Failed(error) => error.advice(),
        }
    }

    fn exit_status(&self) -> u8 {
        match self {
            Self::Unloadable(unloadable) => unloadable.fault.exit_status(),
            Self::NeedsRestart(_) => exit::CONFIG,
            Self::Exceeds { .. } | Self::Another { .. } => exit::EXCEEDS,
            Self::Failed(error) => error.exit_status(),
        }
    }
}
