//! The complete example file, made from the declared keys.

use std::fmt::Write as _;

use super::keys::{self, Key, Kind, Presence, Section};

const WIDTH: usize = 100;

const HEAD: &str = "The configuration of seatsync, with every key, its default and its meaning. A key behind \"#\" shows the default, \
    or an example where there is none; \"seatsync config check\" says whether a file is right.";

/// A complete file: the required keys with values to replace, the others as comments.
#[must_use]
pub fn example() -> String {
    let mut text = String::new();
    comment(&mut text, "", HEAD);
    comment(&mut text, "", keys::SECRET.meaning);
    for key in keys::SECRET.keys {
        comment(&mut text, "  ", &format!("{:<12} {}", key.name, key.meaning));
    }
    comment(&mut text, "", "Durations are a whole number and a unit: ms, s, m, h or d.");
    section(&mut text, &keys::ROOT, false);
    for key in keys::ROOT.keys {
        let (header, inner) = match key.kind {
            Kind::Table(inner) | Kind::OneOrMore(inner) => (format!("[{}]", key.name), inner),
            Kind::Tables(inner) => (format!("[[{}]]", key.name), inner),
            _ => continue,
        };
        text.push('\n');
        comment(&mut text, "", &"-".repeat(WIDTH - 2));
        comment(&mut text, "", inner.meaning);
        let off = matches!(key.presence, Presence::Optional(_));
        let _ = writeln!(text, "{}{header}", if off { "#" } else { "" });
        section(&mut text, inner, off);
    }
    text
}

/// The keys of a section, except its tables. A section that is `off` is not there at all until its header counts.
fn section(text: &mut String, section: &Section, off: bool) {
    for key in
        section.keys.iter().filter(|key| !matches!(key.kind, Kind::Table(_) | Kind::Tables(_) | Kind::OneOrMore(_)))
    {
        text.push('\n');
        comment(text, "", &meaning(key));
        if let Kind::Choice(values) = key.kind {
            for (value, meaning) in values {
                comment(text, "  ", &format!("\"{value}\": {meaning}"));
            }
        }
        if let Kind::Inline(inner) | Kind::Inlines(inner) = key.kind {
            for key in inner.keys {
                comment(text, "  ", &format!("{:<9} {}", key.name, key.meaning));
            }
        }
        let (mark, value) = match key.presence {
            Presence::Required(value) if !off => ("", value),
            Presence::Required(value) | Presence::Default(value) | Presence::Optional(value) => ("#", value),
        };
        let _ = writeln!(text, "{mark}{} = {value}", key.name);
    }
}

/// The meaning, with what the declaration says beyond it.
fn meaning(key: &Key) -> String {
    let mut text = key.meaning.to_owned();
    match key.kind {
        Kind::Number(from, to) => {
            let _ = write!(text, " From {from} to {to}.");
        }
        Kind::Duration(from, to) => {
            let _ = write!(text, " From {from} to {to}.");
        }
        _ => {}
    }
    match key.presence {
        Presence::Required(_) => text.push_str(" Required."),
        Presence::Optional(_) if !text.contains("Without it") && !matches!(key.kind, Kind::Inlines(_)) => {
            text.push_str(" No default.");
        }
        _ => {}
    }
    text
}

/// Comment lines, broken between words.
fn comment(text: &mut String, indent: &str, words: &str) {
    let mut line = format!("# {indent}");
    let mut first = true;
    for word in words.split(' ') {
        if !first && line.chars().count() + 1 + word.chars().count() > WIDTH {
            let _ = writeln!(text, "{}", line.trim_end());
            line = format!("# {indent}{}", if indent.is_empty() { "" } else { "  " });
            first = true;
        }
        if !first {
            line.push(' ');
        }
        line.push_str(word);
        first = false;
    }
    let _ = writeln!(text, "{}", line.trim_end());
}
