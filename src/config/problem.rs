//! What is wrong with a file, and how that is shown: compiler-like, with the line and a caret, and never with a secret.

use std::cell::{Cell, RefCell};
use std::fmt;
use std::io;
use std::ops::Range;
use std::path::{Path, PathBuf};

use serde::Serialize;

use super::syntax;
use crate::model::fault::{Class, Fault, exit};
use crate::model::spelling::nearest;

/// Lines longer than this are cut around the caret.
const WIDTH: usize = 140;

/// Why a configuration cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file cannot be read at all.
    #[error("cannot read the configuration {}: {source}", path.display())]
    Unreadable {
        /// As it was given.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// The file was read and is wrong; every problem of it, by position.
    #[error("{}", Listing(problems))]
    Invalid {
        /// As it was given.
        path: PathBuf,
        /// At least one.
        problems: Vec<Problem>,
    },
}

impl ConfigError {
    /// The single problems, by position; none when the file could not be read.
    #[must_use]
    pub fn problems(&self) -> &[Problem] {
        match self {
            Self::Unreadable { .. } => &[],
            Self::Invalid { problems, .. } => problems,
        }
    }
}

impl Fault for ConfigError {
    fn class(&self) -> Class {
        Class::Operator
    }

    fn code(&self) -> &'static str {
        match self {
            Self::Unreadable { .. } => "config-unreadable",
            Self::Invalid { .. } => "config-invalid",
        }
    }

    fn advice(&self) -> String {
        match self {
            Self::Unreadable { path, .. } => {
                format!(
                    "Create {} (\"seatsync config example\" prints one), or let seatsync's user read it.",
                    path.display()
                )
            }
            Self::Invalid { path, .. } => {
                format!("Correct {0}, then try \"seatsync config check\".", path.display())
            }
        }
    }

    fn exit_status(&self) -> u8 {
        exit::CONFIG
    }
}

struct Listing<'a>(&'a [Problem]);

impl fmt::Display for Listing<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, problem) in self.0.iter().enumerate() {
            if i > 0 {
                writeln!(f)?;
            }
            write!(f, "{problem}")?;
        }
        Ok(())
    }
}

/// One thing that is wrong. Secrets are masked in all of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Problem {
    /// The file, as it was given.
    pub file: String,
    /// Counted from 1.
    pub line: usize,
    /// In characters, counted from 1.
    pub column: usize,
    /// What is wrong.
    pub message: String,
    /// The line itself; long ones are cut.
    pub excerpt: String,
    /// How many characters of the excerpt stand before the caret.
    pub indent: usize,
    /// How many characters of the excerpt it is about; at least 1.
    pub width: usize,
    /// What to write instead.
    pub hint: Option<String>,
}

impl Problem {
    /// All but the excerpt, on one line.
    #[must_use]
    pub fn sentence(&self) -> String {
        let Self { file, line, column, message, hint, .. } = self;
        let hint = hint.as_ref().map(|hint| format!(" (hint: {hint})")).unwrap_or_default();
        format!("{file}:{line}:{column}: {message}{hint}")
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { file, line, column, message, excerpt, indent, width, hint } = self;
        writeln!(f, "{file}:{line}:{column}: {message}")?;
        writeln!(f, "{line:>5} | {excerpt}")?;
        write!(f, "      | {:indent$}{:^<width$}", "", "")?;
        if let Some(hint) = hint {
            write!(f, "\n hint: {hint}")?;
        }
        Ok(())
    }
}

/// Collects what the readers find; they go on after each.
#[derive(Default)]
pub(super) struct Report {
    found: RefCell<Vec<Found>>,
    masks: RefCell<Vec<Range<usize>>>,
    broken: Cell<bool>,
}

struct Found {
    span: Range<usize>,
    message: String,
    hint: Option<String>,
    /// The line could not be parsed, so what on it is secret must be guessed.
    veiled: bool,
}

impl Report {
    /// Something at these bytes is wrong.
    pub fn add(&self, span: Range<usize>, message: impl Into<String>, hint: Option<String>) {
        self.found.borrow_mut().push(Found { span, message: message.into(), hint, veiled: false });
    }

    /// The text at these bytes is not TOML; what else is missing may be hidden in it.
    pub fn add_syntax(&self, span: Range<usize>, message: impl Into<String>, hint: Option<String>) {
        self.broken.set(true);
        self.found.borrow_mut().push(Found { span, message: message.into(), hint, veiled: true });
    }

    /// A key is not there. Not said of a file with syntax errors: it may be, behind one of them.
    pub fn add_missing(&self, span: Range<usize>, message: impl Into<String>, hint: Option<String>) {
        if !self.broken.get() {
            self.add(span, message, hint);
        }
    }

    /// These bytes must not be shown.
    pub fn mask(&self, span: Range<usize>) {
        self.masks.borrow_mut().push(span);
    }

    pub fn is_empty(&self) -> bool {
        self.found.borrow().is_empty()
    }

    /// All that was found, by position.
    pub fn finish(self, path: &Path, text: &str) -> Vec<Problem> {
        let masks = self.masks.into_inner();
        let mut found = self.found.into_inner();
        found.sort_by(|a, b| (a.span.start, &a.message).cmp(&(b.span.start, &b.message)));
        found.dedup_by(|a, b| (a.span.start, &a.message) == (b.span.start, &b.message));
        found.into_iter().map(|found| found.render(path, text, &masks)).collect()
    }
}

impl Found {
    fn render(self, path: &Path, text: &str, masks: &[Range<usize>]) -> Problem {
        let start = floor(text, self.span.start);
        let line_start = text[..start].rfind('\n').map_or(0, |at| at + 1);
        let line = text[line_start..].split('\n').next().unwrap_or_default().trim_end_matches('\r');
        let veil = if self.veiled { line_start + syntax::harmless(line) } else { usize::MAX };
        let hidden = |at: usize| at >= veil || masks.iter().any(|mask| mask.contains(&at));
        let (excerpt, indent, width) = excerpt(line, line_start, &self.span, &hidden);
        Problem {
            file: path.display().to_string(),
            line: text[..line_start].matches('\n').count() + 1,
            column: text[line_start..start].chars().count() + 1,
            message: self.message,
            excerpt,
            indent,
            width,
            hint: self.hint,
        }
    }
}

/// The nearest character boundary at or before a byte.
fn floor(text: &str, at: usize) -> usize {
    (0..=at.min(text.len())).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0)
}

/// The line as it may be shown, how many characters stand before the caret, and how many the caret covers.
fn excerpt(line: &str, offset: usize, span: &Range<usize>, hidden: &impl Fn(usize) -> bool) -> (String, usize, usize) {
    let mut shown: Vec<char> = Vec::new();
    let (mut from, mut to) = (None, None);
    let mut masked = false;
    for (at, c) in line.char_indices().map(|(at, c)| (at + offset, c)) {
        let mask = hidden(at);
        if at >= span.start && from.is_none() {
            from = Some(if mask && masked { shown.len().saturating_sub(3) } else { shown.len() });
        }
        if at >= span.end && to.is_none() {
            to = Some(shown.len());
        }
        match (mask, masked) {
            (true, false) => shown.extend("***".chars()),
            (true, true) => {}
            (false, _) => shown.push(if c.is_control() { ' ' } else { c }),
        }
        masked = mask;
    }
    let from = from.unwrap_or(shown.len());
    let to = to.unwrap_or(shown.len()).max(from + 1);
    let cut = if shown.len() > WIDTH { from.saturating_sub(WIDTH / 2) } else { 0 };
    let text: String = shown.iter().skip(cut).take(WIDTH).collect();
    (text, from - cut, (to - from).min(WIDTH - (from - cut).min(WIDTH - 1)))
}

/// `"a", "b", "c"`.
pub(super) fn quoted<'a>(words: impl IntoIterator<Item = &'a str>) -> String {
    words.into_iter().map(|word| format!("\"{word}\"")).collect::<Vec<_>>().join(", ")
}

/// Names the nearest of the known words, and all of them.
pub(super) fn suggestion<'a>(what: &str, word: &str, known: impl IntoIterator<Item = &'a str> + Clone) -> String {
    let all = quoted(known.clone());
    match nearest(word, known) {
        Some(near) => format!("did you mean \"{near}\"? {what}: {all}"),
        None => format!("{what}: {all}"),
    }
}

impl fmt::Debug for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Report({} problems)", self.found.borrow().len())
    }
}
