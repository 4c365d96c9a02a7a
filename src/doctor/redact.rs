//! Pseudonyms in place of names and secrets: pure. Nothing is kept because it looks harmless; only what the documentation itself
//! says is, word by word, with numbers and times. All else becomes a pseudonym, the same for the same text.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value};

/// Pages whose words are nobody's names.
const PAGES: [&str; 4] = [
    include_str!("../../docs/operations.md"),
    include_str!("../../docs/codes.md"),
    include_str!("../../docs/metrics.md"),
    include_str!("../../docs/architecture.md"),
];

/// Fields that hold a name, whole. Its words are hidden wherever else they stand, too.
const NAMES: [&str; 16] = [
    "subject",
    "name",
    "names",
    "upn",
    "mail",
    "sam",
    "dn",
    "display_name",
    "displayName",
    "domain",
    "tenant",
    "awaited_longest",
    "by",
    "os_user",
    "user",
    "userPrincipalName",
];

/// Maps whose keys are foreign text.
const KEYED: [&str; 5] = ["troubles", "baseline_without_license", "rules", "matches", "attributes"];

/// Fields that hold what Microsoft's support asks for, or the digest of a configuration: nobody's name.
const PLAIN: [&str; 5] = ["request_id", "client_request_id", "config", "digest", "version"];

/// Fields that hold words of ours alone.
const OURS: [&str; 5] = ["check", "state", "code", "kind", "mode"];

/// Hands out pseudonyms.
pub(super) struct Redactor {
    words: BTreeSet<String>,
    hidden: BTreeSet<String>,
    given: BTreeMap<String, String>,
}

impl Redactor {
    pub(super) fn new() -> Self {
        Self { words: vocabulary(), hidden: BTreeSet::new(), given: BTreeMap::new() }
    }

    /// Learns names, from the fields that hold them.
    pub(super) fn learn(&mut self, value: &Value) {
        match value {
            Value::Object(fields) => {
                for (key, value) in fields {
                    if NAMES.contains(&key.as_str()) {
                        self.hide_words(value);
                    }
                    self.learn(value);
                }
            }
            Value::Array(values) => values.iter().for_each(|value| self.learn(value)),
            _ => {}
        }
    }

    fn hide_words(&mut self, value: &Value) {
        match value {
            Value::String(text) => {
                let words = text.split(|c: char| !c.is_alphanumeric()).filter(|word| word.chars().count() > 1);
                self.hidden.extend(words.map(str::to_lowercase));
            }
            Value::Array(values) => values.iter().for_each(|value| self.hide_words(value)),
            _ => {}
        }
    }

    /// The same, with pseudonyms.
    pub(super) fn value(&mut self, value: &Value) -> Value {
        self.under("", value)
    }

    fn under(&mut self, key: &str, value: &Value) -> Value {
        match value {
            Value::String(text) if OURS.contains(&key) && is_identifier(text) => value.clone(),
            Value::String(text) if PLAIN.contains(&key) && is_token(text) => value.clone(),
            Value::String(text) if NAMES.contains(&key) => Value::String(self.name(text)),
            Value::String(text) => Value::String(self.text(text)),
            Value::Array(values) => values.iter().map(|value| self.under(key, value)).collect(),
            Value::Object(fields) => {
                let mut shown = Map::new();
                for (name, value) in fields {
                    let foreign = KEYED.contains(&key) || !is_identifier(name);
                    let shown_name = if foreign { self.text(name) } else { name.clone() };
                    let value = self.under(if foreign { "" } else { name }, value);
                    shown.insert(shown_name, value);
                }
                Value::Object(shown)
            }
            plain => plain.clone(),
        }
    }

    /// A sentence: words of the documentation, numbers and times stay.
    pub(super) fn text(&mut self, text: &str) -> String {
        let shown = text.split_whitespace().map(|token| {
            let core = token.trim_matches(|c: char| c.is_ascii_punctuation() || c == '→' || c == '…');
            match core.is_empty() {
                true => token.chars().filter(char::is_ascii).collect(),
                false if self.is_harmless(core) => token.to_owned(),
                false => token.replacen(core, &self.name(core), 1),
            }
        });
        shown.collect::<Vec<String>>().join(" ")
    }

    fn is_harmless(&self, core: &str) -> bool {
        let lower = core.to_lowercase();
        is_number(core) || is_time(core) || (self.words.contains(&lower) && !self.hidden.contains(&lower))
    }

    /// The pseudonym of a name.
    pub(super) fn name(&mut self, name: &str) -> String {
        let number = self.given.len() + 1;
        let kind = match name {
            name if name.contains('@') => "user",
            name if uuid::Uuid::parse_str(name).is_ok() => "id",
            name if name.contains('=') => "dn",
            name if name.contains('/') => "path",
            name if name.contains('.') => "host",
            _ => "name",
        };
        self.given.entry(name.trim().to_lowercase()).or_insert_with(|| format!("{kind}-{number}")).clone()
    }
}

/// Words of the pages' prose and codes. Samples of output and configuration are left out: names stand in them.
fn vocabulary() -> BTreeSet<String> {
    let prose = PAGES.iter().flat_map(|page| page.lines()).filter(|line| !line.starts_with("    "));
    let tokens = prose.flat_map(|line| line.split([' ', '|', '`', '(', ')', '/', '"', '[', ']']));
    let words = tokens.map(|token| token.trim_matches(|c: char| c.is_ascii_punctuation()));
    let word = |word: &&str| {
        let mut rest = word.chars().skip(1);
        word.len() > 1 && rest.all(|c| c.is_ascii_lowercase() || c == '-') && word.is_ascii()
    };
    words.filter(word).map(str::to_lowercase).collect()
}

/// A few digits, with a unit or signs about them.
fn is_number(core: &str) -> bool {
    let digits = core.chars().filter(char::is_ascii_digit).count();
    let unit = core.trim_start_matches(|c: char| c.is_ascii_digit() || "+-.,:%".contains(c));
    (1..=6).contains(&digits) && ["", "s", "ms", "m", "h", "d"].contains(&unit)
}

/// A date, a time of day, or both, as we write them.
fn is_time(core: &str) -> bool {
    let core = core.trim_end_matches('Z');
    let date = |text: &str| text.parse::<jiff::civil::Date>().is_ok();
    let time = |text: &str| text.parse::<jiff::civil::Time>().is_ok();
    core.len() >= 8
        && core.starts_with(|c: char| c.is_ascii_digit())
        && (date(core) || time(core) || core.parse::<jiff::civil::DateTime>().is_ok())
}

fn is_identifier(name: &str) -> bool {
    name.len() <= 40
        && name.starts_with(|c: char| c.is_ascii_alphabetic())
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-')
}

/// Hexadecimal digits and what joins them, or a version.
fn is_token(text: &str) -> bool {
    !text.is_empty() && text.len() <= 64 && text.bytes().all(|byte| byte.is_ascii_hexdigit() || b"-.".contains(&byte))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn what_the_pages_do_not_say_becomes_a_pseudonym_and_stays_the_same() {
        let mut redactor = Redactor::new();
        let one = redactor.text(
            "directory: svc-x@corp.test cannot sign in at dc1.corp.test:636, tried 3 times. [directory-bind-refused]",
        );
        assert_eq!(one, "directory: user-1 cannot sign in at host-2, tried 3 times. [directory-bind-refused]");
        assert_eq!(redactor.text("SVC-X@corp.test"), "user-1");
        assert_eq!(
            redactor.text("since 2026-11-21 09:00:12Z and 2026-11-20T18:42:50.123Z"),
            "since 2026-11-21 09:00:12Z and 2026-11-20T18:42:50.123Z"
        );
        assert_eq!(redactor.text("+46701234567"), "+name-3");
    }

    #[test]
    fn a_name_of_ordinary_words_is_hidden_wherever_it_stands() {
        let value = json!({
            "subject": "Will Read", "detail": {"why": "Will Read will wait", "Öl": 1},
            "troubles": {"notify ada": "x"}, "request_id": "69a87b50-0000-4000-8000-000000000000",
            "sid": "S-1-5-21-1", "id": "69a87b50-0000-4000-8000-000000000000",
        });
        let mut redactor = Redactor::new();
        redactor.learn(&value);
        let text = redactor.value(&value).to_string();
        for name in ["Will", "will", "Read", "Öl", "ada", "S-1-5"] {
            assert!(!text.contains(name), "{name}: {text}");
        }
        assert!(text.contains("wait") && text.contains("\"request_id\":\"69a87b50"), "{text}");
        assert_eq!(text.matches("69a87b50").count(), 1, "{text}");
    }

    #[test]
    fn words_of_samples_are_no_vocabulary() {
        let words = vocabulary();
        for word in ["refused", "directory-bind-refused", "awaiting-seat", "not", "graph"] {
            assert!(words.contains(word), "{word}");
        }
        for name in ["ada", "eva", "berg", "contoso", "corp", "stockholm", "sales", "crew", "staff"] {
            assert!(!words.contains(name), "{name}");
        }
    }
}
