//! Reads one table of the parsed file: each accessor takes a declared key, notes what is wrong with its value and goes on.
//!
//! An accessor answers `None` where a value is absent or wrong; wrong ones, and absent ones that must be there, are in the
//! report by then, and settings are made only of a report that stayed empty.

use std::ops::Range;
use std::path::PathBuf;
use std::time::Duration;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::context::Context;
use super::keys::{Key, Kind, Presence, Section};
use super::problem::{Report, quoted, suggestion};
use super::values::{self, Wrong};
use crate::model::spelling::nearest;

/// One table of the file, or its absence.
pub(super) struct Table<'a> {
    pub context: Context<'a>,
    /// How messages call it.
    title: String,
    section: &'static Section,
    /// Where to point when something is not in it.
    span: Range<usize>,
    /// `None` when the table is not there: its defaults hold.
    entries: Option<&'a DeTable<'a>>,
    /// Whether it has keys that are not declared.
    has_unknown: bool,
}

impl<'a> Table<'a> {
    /// The whole file.
    pub fn root(context: Context<'a>, section: &'static Section, entries: &'a DeTable<'a>) -> Self {
        Self::open(context, "at the top of the file".into(), section, 0..1, entries)
    }

    fn open(
        context: Context<'a>,
        title: String,
        section: &'static Section,
        span: Range<usize>,
        entries: &'a DeTable<'a>,
    ) -> Self {
        let mut table = Self { context, title, section, span, entries: Some(entries), has_unknown: false };
        for (key, value) in entries {
            let name = key.get_ref().as_ref();
            if section.keys.iter().any(|known| known.name == name) {
                continue;
            }
            table.has_unknown = true;
            // It may be a misspelt secret.
            mask(context.report, value);
            let hint = table.unknown_hint(name);
            let message = format!("unknown key \"{}\" {}", name.escape_debug(), table.title);
            context.report.add(key.span(), message, Some(hint));
        }
        table
    }

    fn unknown_hint(&self, name: &str) -> String {
        let known = self.section.keys.iter().map(|key| key.name);
        let elsewhere = |key: &&Key| {
            let (Kind::Table(inner) | Kind::Tables(inner) | Kind::OneOrMore(inner)) = key.kind else { return false };
            inner.keys.iter().any(|key| key.name == name)
        };
        if nearest(name, known.clone()).is_none() {
            if super::keys::ROOT.keys.iter().any(|key| key.name == name) {
                return format!("\"{name}\" belongs at the top of the file, before the first [table]");
            }
            if let Some(other) = super::keys::ROOT.keys.iter().find(elsewhere) {
                return format!("\"{name}\" belongs in [{}]; known keys here: {}", other.name, quoted(known));
            }
        }
        suggestion("known keys", name, known)
    }

    /// The declaration of a key.
    fn key(&self, name: &str) -> &'static Key {
        static UNDECLARED: Key = Key { name: "", kind: Kind::Text, presence: Presence::Optional(""), meaning: "" };
        let key = self.section.keys.iter().find(|key| key.name == name);
        debug_assert!(key.is_some(), "{name} is not declared {}", self.title);
        key.unwrap_or(&UNDECLARED)
    }

    fn entry(&self, name: &str) -> Option<&'a Spanned<DeValue<'a>>> {
        self.entries?.get(name)
    }

    /// Whether the file gives the key a value.
    pub fn has(&self, name: &str) -> bool {
        self.entry(name).is_some()
    }

    /// Whether it has keys that are not declared; they are reported already.
    pub fn has_unknown(&self) -> bool {
        self.has_unknown
    }

    /// Where to point for a key: its value, else the table.
    pub fn span_of(&self, name: &str) -> Range<usize> {
        self.entry(name).map_or_else(|| self.span.clone(), Spanned::span)
    }

    /// Notes a problem with a key's value.
    pub fn wrong(&self, name: &str, message: impl Into<String>, hint: &str) {
        self.context.report.add(self.span_of(name), message, Some(hint.to_owned()));
    }

    /// The value as written, else the default.
    fn value(&self, name: &str) -> Option<Spanned<DeValue<'a>>> {
        if let Some(entry) = self.entry(name) {
            return Some(entry.clone());
        }
        let key = self.key(name);
        match key.presence {
            Presence::Default(text) => {
                DeValue::parse(text).ok().map(|value| Spanned::new(self.span.clone(), value.into_inner()))
            }
            Presence::Optional(_) => None,
            Presence::Required(_) => {
                self.missing(key);
                None
            }
        }
    }

    /// Notes that a key must be there and is not.
    fn missing(&self, key: &Key) {
        if self.entries.is_some() {
            let (Presence::Required(example) | Presence::Optional(example) | Presence::Default(example)) = key.presence;
            let message = format!("\"{}\" is missing {}", key.name, self.title);
            let hint = format!("for example: {} = {example}    # {}", key.name, key.meaning);
            self.context.report.add_missing(self.span.clone(), message, Some(hint));
        }
    }

    /// Whether a key is there that other values ask for; notes it if not.
    pub fn needs(&self, name: &str) -> bool {
        if !self.has(name) {
            self.missing(self.key(name));
        }
        self.has(name)
    }

    /// Text as something else; where the file has none, that of an environment variable.
    pub fn parse_or<T>(
        &self,
        name: &str,
        variable: Option<&str>,
        parse: impl Fn(&str) -> Result<T, Wrong>,
    ) -> Option<T> {
        let value = |variable: &str| Some(self.context.variable(variable)?.trim());
        match variable.filter(|_| !self.has(name)).and_then(|variable| Some((variable, value(variable)?))) {
            Some((variable, text)) => self.context.checked(&self.span, variable, parse(text)),
            None => self.parse(name, parse).map(Spanned::into_inner),
        }
    }

    fn mistyped(&self, name: &str, span: Range<usize>, found: &DeValue<'_>, wanted: &str) {
        let message = format!("\"{name}\" must be {wanted}, not {}", type_name(found));
        let key = self.key(name);
        let hint = match key.presence {
            Presence::Required(example) | Presence::Optional(example) | Presence::Default(example)
                if !example.is_empty() =>
            {
                format!("for example: {name} = {example}")
            }
            _ => key.meaning.to_owned(),
        };
        self.context.report.add(span, message, Some(hint));
    }

    /// Text that is not blank.
    pub fn text(&self, name: &str) -> Option<Spanned<String>> {
        self.parse(name, |text| Ok(text.to_owned()))
    }

    /// Text as something else.
    pub fn parse<T>(&self, name: &str, parse: impl Fn(&str) -> Result<T, Wrong>) -> Option<Spanned<T>> {
        let value = self.value(name)?;
        self.parse_value(name, &value, "text in quotes", &parse)
    }

    /// The same of a key that may be missing; the outer `None` when it is wrong.
    pub fn parse_if_any<T>(&self, name: &str, parse: impl Fn(&str) -> Result<T, Wrong>) -> Option<Option<T>> {
        if self.has(name) { self.parse(name, parse).map(|value| Some(value.into_inner())) } else { Some(None) }
    }

    /// A list of texts as something else; `None` when one of them is wrong.
    pub fn parse_each<T>(&self, name: &str, parse: impl Fn(&str) -> Result<T, Wrong>) -> Option<Vec<Spanned<T>>> {
        let value = self.value(name)?;
        let DeValue::Array(items) = value.get_ref() else {
            self.mistyped(name, value.span(), value.get_ref(), "a list of texts");
            return None;
        };
        let items: Vec<_> =
            items.iter().map(|item| self.parse_value(name, item, "a list of texts in quotes", &parse)).collect();
        items.into_iter().collect()
    }

    fn parse_value<T>(
        &self,
        name: &str,
        value: &Spanned<DeValue<'_>>,
        wanted: &str,
        parse: &impl Fn(&str) -> Result<T, Wrong>,
    ) -> Option<Spanned<T>> {
        let DeValue::String(text) = value.get_ref() else {
            self.mistyped(name, value.span(), value.get_ref(), wanted);
            return None;
        };
        let parsed = match text.trim() {
            "" => Err(Wrong::new("is empty")),
            _ if text.contains(char::is_control) => Err(Wrong::new("contains a control character")),
            text => parse(text),
        };
        match parsed {
            Ok(parsed) => Some(Spanned::new(value.span(), parsed)),
            Err(Wrong { what, hint }) => {
                self.context.report.add(value.span(), format!("\"{name}\" {what}"), hint);
                None
            }
        }
    }

    /// `true` or `false`.
    pub fn flag(&self, name: &str) -> Option<bool> {
        let value = self.value(name)?;
        match value.get_ref() {
            DeValue::Boolean(flag) => Some(*flag),
            other => {
                self.mistyped(name, value.span(), other, "true or false");
                None
            }
        }
    }

    /// A whole number within the key's range.
    pub fn number<T: TryFrom<i64>>(&self, name: &str) -> Option<T> {
        let value = self.value(name)?;
        let (from, to) = match self.key(name).kind {
            Kind::Number(from, to) => (from, to),
            _ => (i64::MIN, i64::MAX),
        };
        let DeValue::Integer(digits) = value.get_ref() else {
            self.mistyped(name, value.span(), value.get_ref(), "a whole number");
            return None;
        };
        let number = i64::from_str_radix(digits.as_str(), digits.radix()).ok();
        let number = number.filter(|number| (from..=to).contains(number)).and_then(|number| T::try_from(number).ok());
        if number.is_none() {
            self.context.report.add(value.span(), format!("\"{name}\" must be from {from} to {to}"), None);
        }
        number
    }

    /// A duration within the key's range.
    pub fn duration(&self, name: &str) -> Option<Duration> {
        let (from, to) = match self.key(name).kind {
            Kind::Duration(from, to) => (from, to),
            _ => ("0s", "36500d"),
        };
        self.parse(name, |text| values::duration_within(text, from, to)).map(Spanned::into_inner)
    }

    /// One of the key's values.
    pub fn choice(&self, name: &str) -> Option<&'static str> {
        let known: &[(&str, &str)] = match self.key(name).kind {
            Kind::Choice(known) => known,
            _ => &[],
        };
        let known = known.iter().map(|(value, _)| *value);
        let find = |text: &str| {
            let hint = || suggestion("known values", text, known.clone());
            known.clone().find(|value| *value == text).ok_or_else(|| Wrong::new("has no such value").hint(hint()))
        };
        self.parse(name, find).map(Spanned::into_inner)
    }

    /// A path; a relative one starts at the configuration's directory.
    pub fn path(&self, name: &str) -> Option<PathBuf> {
        self.text(name).map(|path| self.context.directory.join(path.get_ref()))
    }

    /// The path of a file that is there.
    pub fn file(&self, name: &str) -> Option<PathBuf> {
        let path = self.path(name)?;
        match std::fs::metadata(&path) {
            Ok(found) if found.is_file() => return Some(path),
            Ok(_) => self.wrong(name, format!("{} is not a file", path.display()), "name a file"),
            Err(error) => {
                let hint = format!("relative paths start at {}", self.context.directory.display());
                self.wrong(name, format!("cannot find {}: {error}", path.display()), &hint);
            }
        }
        None
    }

    /// The table of a key; when it is not there, one with nothing but its defaults.
    pub fn table(&self, name: &str) -> Option<Table<'a>> {
        let (section, title) = self.inner(name)?;
        let Some(value) = self.entry(name) else {
            self.missing_table(name, section);
            return Some(Self {
                context: self.context,
                title,
                section,
                span: self.span.clone(),
                entries: None,
                has_unknown: false,
            });
        };
        self.as_table(name, value, section, title)
    }

    /// The tables of a key that holds a list of them; `None` when one is wrong.
    pub fn tables(&self, name: &str) -> Option<Vec<Table<'a>>> {
        let (section, title) = self.inner(name)?;
        let Some(value) = self.entry(name) else {
            self.missing_table(name, section);
            return None;
        };
        let items = match (value.get_ref(), self.key(name).kind) {
            (DeValue::Array(items), _) => &items[..],
            (_, Kind::OneOrMore(_)) => std::slice::from_ref(value),
            _ => {
                mask(self.context.report, value);
                self.mistyped(name, value.span(), value.get_ref(), self.form(name));
                return None;
            }
        };
        let tables: Vec<_> = items.iter().map(|item| self.as_table(name, item, section, title.clone())).collect();
        tables.into_iter().collect()
    }

    fn as_table(
        &self,
        name: &str,
        value: &'a Spanned<DeValue<'a>>,
        section: &'static Section,
        title: String,
    ) -> Option<Table<'a>> {
        if let DeValue::Table(entries) = value.get_ref() {
            return Some(Self::open(self.context, title, section, value.span(), entries));
        }
        // It may be a secret in the wrong place.
        mask(self.context.report, value);
        match self.key(name).kind {
            Kind::Secret => {
                let hint = format!(
                    "write {name} = {{ file = \"…\" }}, {{ env = \"…\" }} or {{ credential = \"…\" }}; change the secret if others could \
                     read this file"
                );
                self.wrong(name, format!("\"{name}\" must not stand in this file itself"), &hint);
            }
            _ => self.mistyped(name, value.span(), value.get_ref(), self.form(name)),
        }
        None
    }

    /// The section of a key that holds tables, and how to call it.
    fn inner(&self, name: &str) -> Option<(&'static Section, String)> {
        match self.key(name).kind {
            Kind::Table(section) | Kind::OneOrMore(section) => Some((section, format!("in [{name}]"))),
            Kind::Tables(section) => Some((section, format!("in [[{name}]]"))),
            Kind::Inline(section) | Kind::Inlines(section) => Some((section, format!("{} {name}", self.title))),
            Kind::Secret => Some((&super::keys::SECRET, format!("{} {name}", self.title))),
            _ => None,
        }
    }

    /// What the value of a key that holds tables looks like.
    fn form(&self, name: &str) -> &'static str {
        match self.key(name).kind {
            Kind::Table(_) | Kind::OneOrMore(_) => "a table, written as [name] on a line of its own",
            Kind::Tables(_) => "a list of tables, each written as [[name]] on a line of its own",
            Kind::Inlines(_) => "a list of tables, [{ … }, …]",
            _ => "a table, { … }",
        }
    }

    fn missing_table(&self, name: &str, section: &Section) {
        let key = self.key(name);
        let Presence::Required(example) = key.presence else { return };
        if self.entries.is_none() {
            return;
        }
        let needs = section.keys.iter().filter(|key| matches!(key.presence, Presence::Required(_)));
        let needs = quoted(needs.map(|key| key.name));
        let (what, hint) = match key.kind {
            Kind::Table(_) | Kind::OneOrMore(_) => {
                (format!("[{name}] is missing"), format!("it needs at least {needs}. {}", key.meaning))
            }
            Kind::Tables(_) => {
                (format!("[[{name}]] is missing"), format!("it needs at least {needs}. {}", key.meaning))
            }
            _ => (format!("\"{name}\" is missing {}", self.title), format!("for example: {name} = {example}")),
        };
        self.context.report.add_missing(self.span.clone(), what, Some(hint));
    }
}

/// Hides each single value in a value: a table's own place may be no more than its name.
fn mask(report: &Report, value: &Spanned<DeValue<'_>>) {
    match value.get_ref() {
        DeValue::Table(entries) => entries.iter().for_each(|(_, value)| mask(report, value)),
        DeValue::Array(items) => items.iter().for_each(|item| mask(report, item)),
        _ => report.mask(value.span()),
    }
}

fn type_name(value: &DeValue<'_>) -> &'static str {
    match value {
        DeValue::String(_) => "text",
        DeValue::Integer(_) => "a number",
        DeValue::Float(_) => "a fraction",
        DeValue::Boolean(_) => "true or false",
        DeValue::Datetime(_) => "a date or time",
        DeValue::Array(_) => "a list",
        DeValue::Table(_) => "a table",
    }
}
