//! The number of each code, by which the Event Log of Windows knows it.

/// One code a line. Its number is that of its line, so a new code goes to the end, and none is ever taken out or moved.
const CODES: &str = include_str!("numbers.txt");

/// What no line has: the greatest that the message file of the event source knows.
pub const UNNUMBERED: u16 = 1000;

/// The number of a code: 1 to 999, or [`UNNUMBERED`].
#[must_use]
pub fn number(code: &str) -> u16 {
    let line = CODES.lines().zip(1..UNNUMBERED).find(|(line, _)| *line == code);
    line.map_or(UNNUMBERED, |(_, number)| number)
}
