//! Messages about persons: one for all who are news.

#![deny(clippy::disallowed_types, clippy::disallowed_methods)]

use jiff::{SignedDuration, Timestamp};

use super::tell::{Persons, Teller};
use crate::model::notice::{Matter, Phase, Said};

/// Who comes after a message is collected for so long before the next.
const COLLECTED: SignedDuration = SignedDuration::from_mins(15);

/// No name is shown longer.
const NAME: usize = 200;

/// Tells of those who are news; and when nobody is left.
pub(super) fn persons(teller: &mut Teller<'_>, matter: Matter, persons: &Persons) {
    let key = matter.word();
    let (upto, at, open) = match teller.said.get(key) {
        Some(Said::Persons { upto, at, open }) => (*upto, *at, *open),
        _ => (None, Timestamp::MIN, false),
    };
    let now = teller.now;
    let (awaited, refused) = (matter == Matter::PersonsAwaited, format!("{} refused", were(persons.new)));
    if persons.new > 0 && now.duration_since(at) >= COLLECTED {
        let phase = if open { Phase::Continues } else { Phase::Begins };
        let title = match awaited {
            true => format!("{} in the directory for long and not in the tenant", are(persons.new)),
            false => format!("{refused} the license"),
        };
        let (list, todo) = match awaited {
            true => (
                "seatsync users --presence awaiting",
                "See whether Entra Connect has them in scope and reports no error of theirs.",
            ),
            false => ("seatsync users --standing refused", "Mend what each reason names; then it goes on by itself."),
        };
        let text = format!("{}\n{} in all: `{list}`.", listed(persons), persons.all);
        teller.say(matter, phase, None, title, text, todo);
        let said = Said::Persons { upto: persons.last, at: now, open: true };
        teller.keep(key.to_owned(), Some(said));
        return;
    }
    let over = open && persons.all == 0;
    if over {
        let title = if awaited { "Nobody is awaited for long any more" } else { "Nobody is refused any more" };
        teller.say(matter, Phase::Ends, None, title.to_owned(), String::new(), "");
    }
    if upto.is_some() {
        teller.keep(key.to_owned(), Some(Said::Persons { upto, at, open: open && !over }));
    }
}

fn are(number: u64) -> String {
    if number == 1 { "1 person is".to_owned() } else { format!("{number} persons are") }
}

fn were(number: u64) -> String {
    if number == 1 { "1 person was".to_owned() } else { format!("{number} persons were") }
}

/// A line each, and how many more.
fn listed(persons: &Persons) -> String {
    let mut lines: Vec<String> = persons.named.iter().map(|name| cut(name)).collect();
    let more = persons.new.saturating_sub(lines.len() as u64);
    if more > 0 {
        lines.push(format!("and {more} more"));
    }
    lines.join("\n")
}

fn cut(name: &str) -> String {
    match name.char_indices().nth(NAME) {
        Some((end, _)) => format!("{}…", &name[..end]),
        None => name.to_owned(),
    }
}
