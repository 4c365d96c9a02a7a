//! Text from outside, as one line of ours shows it: pure.

use std::borrow::Cow;

/// Escapes whatever would begin another line or command a terminal: control characters, and the separators of lines and
/// paragraphs, which some readers break lines at. Names come from a directory, in which anybody who may name accounts may write.
#[must_use]
pub fn one_line(text: &str) -> Cow<'_, str> {
    let breaks = |letter: char| letter.is_control() || matches!(letter, '\u{2028}' | '\u{2029}');
    if !text.contains(breaks) {
        return Cow::Borrowed(text);
    }
    let mut line = String::with_capacity(text.len() + 8);
    for letter in text.chars() {
        if breaks(letter) {
            line.extend(letter.escape_default());
        } else {
            line.push(letter);
        }
    }
    Cow::Owned(line)
}

/// A number with its noun: "1 call", "2 calls".
#[must_use]
pub fn count(number: u64, noun: &str) -> String {
    format!("{number} {noun}{}", if number == 1 { "" } else { "s" })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_is_harmless_stays_and_nothing_else_breaks_out() {
        for (text, line) in [
            ("Zoë O'Neil, 中村 \"#\" \\", "Zoë O'Neil, 中村 \"#\" \\"),
            ("a\nERROR b", "a\\nERROR b"),
            ("\u{1b}[2J\r\0", "\\u{1b}[2J\\r\\u{0}"),
            ("a\u{2028}b\u{85}c", "a\\u{2028}b\\u{85}c"),
        ] {
            assert_eq!(one_line(text), line);
        }
    }

    proptest! {
        #[test]
        fn any_text_is_one_line(text in any::<String>()) {
            let line = one_line(&text);
            prop_assert!(line.lines().count() <= 1 && !line.chars().any(char::is_control));
        }
    }
}
