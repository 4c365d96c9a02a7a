//! Tables for people, JSON for programs.

use comfy_table::{ContentArrangement, Table, presets};
use jiff::Timestamp;
use serde::Serialize;

use super::{Failure, Unmet};
use crate::model::fault::exit;
pub(super) use crate::model::text::count;
use crate::model::text::one_line;

/// Prints a value as JSON.
pub(super) fn json<T: Serialize>(value: &T) -> Result<(), Failure> {
    let text = serde_json::to_string_pretty(value).map_err(|error| Unmet {
        what: format!("the answer cannot be written as JSON: {error}"),
        advice: "Report this as a defect.",
        code: "json-failed",
        status: exit::SOFTWARE,
    })?;
    block(&text);
    Ok(())
}

/// Prints a line; whatever of it would begin another is escaped.
pub(super) fn line(text: &str) {
    block(&one_line(text));
}

/// Prints lines of our own making. A reader that went away, such as `head`, ends the command quietly.
pub(super) fn block(text: &str) {
    use std::io::Write as _;
    if writeln!(std::io::stdout().lock(), "{text}").is_err() {
        std::process::exit(0);
    }
}

/// A table without borders, as wide as the terminal.
pub(super) fn table<const N: usize>(header: [&str; N]) -> Table {
    let mut table = Table::new();
    table.load_preset(presets::NOTHING).set_content_arrangement(ContentArrangement::Dynamic);
    table.set_header(header.map(str::to_uppercase));
    for column in table.column_iter_mut() {
        column.set_padding((0, 2));
    }
    table
}

/// Adds a row to a table, each cell on one line.
pub(super) fn row<const N: usize>(table: &mut Table, cells: [String; N]) {
    table.add_row(cells.map(|cell| one_line(&cell).into_owned()));
}

/// Prints a table without the blanks at the ends of its lines.
pub(super) fn show(table: &Table) {
    for text in table.lines() {
        line(text.trim_end());
    }
}

/// How long ago, in its largest unit.
pub(super) fn ago(at: Timestamp, now: Timestamp) -> String {
    let seconds = now.duration_since(at).as_secs();
    match seconds {
        ..0 => format!("in {}", span(-seconds)),
        0..5 => "just now".to_owned(),
        _ => format!("{} ago", span(seconds)),
    }
}

fn span(seconds: i64) -> String {
    match seconds {
        ..120 => format!("{seconds} s"),
        120..7_200 => format!("{} min", seconds / 60),
        7_200..172_800 => format!("{} h", seconds / 3_600),
        _ => format!("{} days", seconds / 86_400),
    }
}

/// A time as an operator reads it, in UTC to the second.
pub(super) fn time(at: Timestamp) -> String {
    at.strftime("%Y-%m-%d %H:%M:%SZ").to_string()
}
