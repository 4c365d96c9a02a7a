//! What a reload of the configuration says.

use std::fmt;

use tracing::Level;

use super::short;

/// What happens at a reload. Digests are those of configurations.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the sentence of each variant in Display says what it is; fields are what it names")]
pub enum Reload {
    Begun { by: String },
    Effect { line: String },
    TakenOver { by: String, mode: &'static str, from: String, to: String, renewed: String },
    Refused { by: String, running: String, why: String, code: &'static str },
}

impl Reload {
    /// The stable code.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Begun { .. } => "reloading",
            Self::Effect { .. } => "reload-effect",
            Self::TakenOver { .. } => "reloaded",
            Self::Refused { .. } => "reload-refused",
        }
    }

    pub(super) fn level(&self) -> Level {
        match self {
            Self::Refused { .. } => Level::ERROR,
            _ => Level::INFO,
        }
    }
}

impl fmt::Display for Reload {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Begun { by } => write!(f, "{by} asks to reload: the configuration is read anew"),
            Self::Effect { line } => write!(f, "the new configuration: {line}"),
            Self::TakenOver { by, mode, from, to, renewed } if from == to => {
                write!(f, "{by} asked to reload: configuration {} in mode {mode} is as it was; {renewed}", short(to))
            }
            Self::TakenOver { by, mode, from, to, renewed } => write!(
                f,
                "{by} asked to reload: configuration {} in mode {mode} takes over from {}; {renewed}",
                short(to),
                short(from)
            ),
            Self::Refused { by, running, why, code } => {
                let running = short(running);
                write!(f, "{by} asked to reload: refused, configuration {running} goes on: {why} [{code}]")
            }
        }
    }
}
