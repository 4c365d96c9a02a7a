//! What reading the file needs beside it.

use std::ops::Range;
use std::path::Path;

use super::Environment;
use super::problem::Report;
use super::values::Wrong;

/// What reading needs beside the file.
#[derive(Clone, Copy, Debug)]
pub(super) struct Context<'a> {
    /// Variables and credentials.
    pub env: &'a Environment,
    /// Where relative paths start.
    pub directory: &'a Path,
    /// Where problems go.
    pub report: &'a Report,
}

impl<'a> Context<'a> {
    /// An environment variable, unless it is empty.
    pub fn variable(&self, name: &str) -> Option<&'a str> {
        self.env.variables.get(name).map(String::as_str).filter(|value| !value.trim().is_empty())
    }

    /// What came of an environment variable; what is wrong with it is noted.
    pub fn checked<T>(&self, span: &Range<usize>, variable: &str, parsed: Result<T, Wrong>) -> Option<T> {
        match parsed {
            Ok(parsed) => Some(parsed),
            Err(Wrong { what, hint }) => {
                self.report.add(span.clone(), format!("the environment variable {variable} {what}"), hint);
                None
            }
        }
    }
}
