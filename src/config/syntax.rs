//! Reading TOML past its first mistake.
//!
//! The parser recovers from some mistakes by guessing and gives up on others. Neither is good enough to check the rest of
//! the file, so each statement that does not parse is reported, blanked out (all positions stay) and left aside. What
//! remains parses cleanly: nothing is concluded from a guess.

use toml::de::DeTable;

use super::keys::{self, Kind, Section};
use super::problem::Report;

/// After this many broken statements the rest of the file is not looked at.
const LIMIT: usize = 40;

/// The text without the statements that do not parse, each of them reported; `None` when there are too many.
pub(super) fn clean(text: &str, report: &Report) -> Option<String> {
    let mut text = text.to_owned();
    for _ in 0..LIMIT {
        let errors = DeTable::parse_recoverable(&text).1;
        let mut first = None;
        for error in &errors {
            let span = error.span().unwrap_or(0..0);
            if error.message() == "duplicate key" {
                continue;
            }
            if first.as_ref().is_none_or(|(at, _): &(usize, _)| span.start < *at) {
                first = Some((span.start, (span, error.message())));
            }
        }
        let Some((_, (span, message))) = first else {
            report_duplicates(&errors, report);
            return Some(text);
        };
        let lines = Lines::of(&text);
        let (range, unclosed) = lines.statement(span.start, message);
        if unclosed {
            let start = lines.content(range.start);
            let next = lines.at(span.start) + 1;
            let what = match message.contains("multi-line") {
                true => "this text never ends".to_owned(),
                false => format!("the value that begins here is not complete when line {next} begins"),
            };
            report.add_syntax(start, what, Some("close each quote, \"[\" and \"{\"".into()));
        } else {
            report.add_syntax(span, message, hint(message));
        }
        let blank = lines.bytes(range);
        blank_out(&mut text, blank);
    }
    None
}

/// Keys that are there twice; the first one counts for the rest of the checks.
fn report_duplicates(errors: &[toml::de::Error], report: &Report) {
    for error in errors {
        let hint = "a key, or a table, stands only once in the file; rules repeat as [[license]]";
        report.add_syntax(error.span().unwrap_or(0..0), "this is already there further up", Some(hint.into()));
    }
}

fn hint(message: &str) -> Option<String> {
    let hint = if message.starts_with("string values must be quoted") {
        "write text in double quotes"
    } else if message.starts_with("key with no value") {
        "write key = value"
    } else {
        return None;
    };
    Some(hint.into())
}

/// Replaces all but line breaks by blanks, byte by byte.
fn blank_out(text: &mut String, range: std::ops::Range<usize>) {
    let blank: String = text[range.clone()].bytes().map(|byte| if byte == b'\n' { '\n' } else { ' ' }).collect();
    text.replace_range(range, &blank);
}

/// The lines of a text and where each begins.
struct Lines<'a> {
    lines: Vec<(usize, &'a str)>,
}

impl<'a> Lines<'a> {
    fn of(text: &'a str) -> Self {
        let mut start = 0;
        let lines = text
            .split_inclusive('\n')
            .map(|line| {
                let at = start;
                start += line.len();
                (at, line)
            })
            .collect();
        Self { lines }
    }

    /// The line a byte is on; the last one for bytes beyond.
    fn at(&self, byte: usize) -> usize {
        self.lines.partition_point(|(start, _)| *start <= byte).saturating_sub(1)
    }

    /// The text between the blanks of a line.
    fn content(&self, line: usize) -> std::ops::Range<usize> {
        let (start, text) = self.lines.get(line).copied().unwrap_or_default();
        let from = start + text.len() - text.trim_start().len();
        from..from.max(start + text.trim_end().len())
    }

    /// The bytes of some lines.
    fn bytes(&self, lines: std::ops::Range<usize>) -> std::ops::Range<usize> {
        let end = |(start, text): &(usize, &str)| start + text.len();
        let from = self.lines.get(lines.start).map_or(0, |(start, _)| *start);
        from..lines.end.checked_sub(1).and_then(|last| self.lines.get(last)).map_or(from, end)
    }

    /// Which lines to leave aside for an error at this byte, and whether a value in them is not closed.
    fn statement(&self, byte: usize, message: &str) -> (std::ops::Range<usize>, bool) {
        let line = self.at(byte);
        if message.contains("multi-line") {
            let quotes = |(_, text): &(usize, &str)| text.contains("\"\"\"") || text.contains("'''");
            let from = self.lines[..=line].iter().rposition(quotes).unwrap_or(line);
            return (from..from + 1, true);
        }
        if message.starts_with("key with no value") {
            return (line..line + 1, false);
        }
        let starts = |line: &usize| starts_statement(self.lines[*line].1);
        let at_start = byte <= self.content(line).start;
        if at_start
            && starts(&line)
            && let Some(before) = (0..line).rev().find(|line| starts(line))
        {
            return (before..line, true);
        }
        let from = (0..=line).rev().find(|line| starts(line)).unwrap_or(line);
        if self.lines[from].1.trim_start().starts_with('[') {
            // Without its header nothing can be said of what follows.
            let header = |line: &usize| self.lines[*line].1.trim_start().starts_with('[');
            return (from..(line + 1..self.lines.len()).find(header).unwrap_or(self.lines.len()), false);
        }
        (from..line + 1, message.starts_with("unclosed"))
    }
}

/// Whether a line looks like `key = …` or `[table]`.
fn starts_statement(line: &str) -> bool {
    let line = line.trim_start();
    let key = line.trim_start_matches(|c: char| c.is_alphanumeric() || matches!(c, '_' | '-' | '.' | '"' | '\''));
    line.starts_with('[') || (key.len() < line.len() && key.trim_start().starts_with('='))
}

/// How many bytes of a line that does not parse can be shown without showing a secret: up to the first `=` that does not
/// follow the name of a harmless key, and nothing at all of a line that begins otherwise.
pub(super) fn harmless(line: &str) -> usize {
    let is_word = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-');
    if line.trim_start().starts_with('[') {
        return line.find(|c: char| !(is_word(c) || c == '[' || c == ']' || c == '.')).unwrap_or(line.len());
    }
    let first = line.trim_start().split(|c| !is_word(c)).next().unwrap_or_default();
    if !line.contains('=') && !is_harmless(first, &keys::ROOT) {
        return 0;
    }
    let unsure = line.match_indices('=').map(|(at, _)| at).find(|at| {
        let before = line[..*at].trim_end();
        !is_harmless(before.rsplit(|c| !is_word(c)).next().unwrap_or_default(), &keys::ROOT)
    });
    let lower = line.to_ascii_lowercase();
    let named = ["password", "secret", "credential"].iter().filter_map(|word| lower.find(word)).min();
    unsure.map(|at| at + 1).into_iter().chain(named).min().unwrap_or(line.len())
}

/// Whether a key of this name somewhere in the file holds no secret.
fn is_harmless(name: &str, section: &Section) -> bool {
    section.keys.iter().any(|key| match key.kind {
        Kind::Secret => false,
        Kind::Inline(inner) | Kind::Table(inner) | Kind::Tables(inner) | Kind::OneOrMore(inner) => {
            // `who` holds itself; nothing of it is needed here.
            key.name != "who" && is_harmless(name, inner)
        }
        Kind::Inlines(_) => false,
        Kind::Text | Kind::Texts | Kind::Flag | Kind::Number(..) | Kind::Duration(..) | Kind::Choice(_) => {
            key.name == name
        }
    })
}
