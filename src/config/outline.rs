//! The file's outline, for eyes that may see neither names nor secrets.

use std::collections::BTreeSet;
use std::path::Path;

use serde_json::{Map, Value, json};

use super::keys::{self, Kind, Section};

/// The file as JSON: every declared key, with its numbers, switches, durations and declared words. All other text, also that of
/// keys that are not declared, goes through `hide`. `None` when the file cannot be read or is no TOML.
#[must_use]
pub fn outline(path: &Path, hide: &mut dyn FnMut(&str) -> String) -> Option<Value> {
    let text = String::from_utf8(super::read(path).ok()?).ok()?;
    let table: toml::Table = toml::from_str(&text).ok()?;
    let mut known = Known::default();
    known.learn(&keys::ROOT);
    known.learn(&keys::SECRET);
    Some(known.table(&table, hide))
}

/// What the declarations name.
#[derive(Default)]
struct Known {
    keys: BTreeSet<&'static str>,
    words: BTreeSet<&'static str>,
    sections: Vec<&'static Section>,
}

impl Known {
    fn learn(&mut self, section: &'static Section) {
        // Conditions of rules hold themselves.
        if self.sections.iter().any(|known| std::ptr::eq(*known, section)) {
            return;
        }
        self.sections.push(section);
        for key in section.keys {
            self.keys.insert(key.name);
            match key.kind {
                Kind::Choice(words) => self.words.extend(words.iter().map(|(word, _)| *word)),
                Kind::Inline(inner)
                | Kind::Inlines(inner)
                | Kind::Table(inner)
                | Kind::Tables(inner)
                | Kind::OneOrMore(inner) => self.learn(inner),
                _ => {}
            }
        }
    }

    fn table(&self, table: &toml::Table, hide: &mut dyn FnMut(&str) -> String) -> Value {
        let mut shown = Map::new();
        for (key, value) in table {
            let name = if self.keys.contains(key.as_str()) { key.clone() } else { hide(key) };
            shown.insert(name, self.value(key, value, hide));
        }
        Value::Object(shown)
    }

    fn value(&self, key: &str, value: &toml::Value, hide: &mut dyn FnMut(&str) -> String) -> Value {
        match value {
            toml::Value::Boolean(flag) => json!(flag),
            toml::Value::Integer(number) => json!(number),
            toml::Value::Array(values) => values.iter().map(|value| self.value(key, value, hide)).collect(),
            toml::Value::Table(table) => self.table(table, hide),
            toml::Value::String(text) if self.is_plain(key, text) => json!(text),
            toml::Value::String(text) => json!(hide(text)),
            // None is declared so.
            toml::Value::Float(_) | toml::Value::Datetime(_) => json!(hide("")),
        }
    }

    /// A word or a duration. Where a secret is meant to be pointed to nothing is: it may stand there by mistake.
    fn is_plain(&self, key: &str, text: &str) -> bool {
        let secret = ["password", "secret", "url", "file", "env", "credential"].iter().any(|word| key.contains(word));
        let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
        let duration = (1..=6).contains(&digits.len())
            && digits.bytes().all(|byte| byte.is_ascii_digit())
            && ["ms", "s", "m", "h", "d"].contains(&&text[digits.len()..]);
        // Names of products and plans are Microsoft's.
        let product = ["sku", "disable_plans", "only_plans"].contains(&key)
            && text.bytes().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit() || byte == b'_');
        !secret && (self.words.contains(text) || duration || product)
    }
}
