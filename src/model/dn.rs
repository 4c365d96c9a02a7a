//! Distinguished names (RFC 4514).

use std::cmp::Ordering;
use std::fmt;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::sync::Arc;

/// A distinguished name, taken apart for comparison without case and escapes (RFC 4514). It is shown as it was written.
#[derive(Clone)]
pub struct Dn {
    /// `type=value`, normalised, the leaf first.
    parts: Arc<[String]>,
    written: Arc<str>,
    /// Of the parts: most comparisons end here.
    hash: u64,
}

impl PartialEq for Dn {
    fn eq(&self, other: &Self) -> bool {
        self.hash == other.hash && self.parts == other.parts
    }
}

impl Eq for Dn {}

impl PartialOrd for Dn {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Dn {
    fn cmp(&self, other: &Self) -> Ordering {
        self.parts.cmp(&other.parts)
    }
}

/// Rules' digests are made of this.
impl fmt::Debug for Dn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Dn").field("parts", &self.parts).finish()
    }
}

impl fmt::Display for Dn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.written)
    }
}

impl Dn {
    /// Takes a DN apart; `None` when it is none.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let mut parts = Vec::new();
        let mut part = Vec::new();
        let written = text.trim();
        let mut bytes = written.bytes();
        let mut seen_equals = false;
        while let Some(byte) = bytes.next() {
            match byte {
                b'\\' => part.push(unescape(&mut bytes)?),
                b',' => {
                    parts.push(finish(std::mem::take(&mut part), seen_equals)?);
                    seen_equals = false;
                }
                byte => {
                    seen_equals |= byte == b'=';
                    part.push(byte);
                }
            }
        }
        parts.push(finish(part, seen_equals)?);
        let mut hasher = DefaultHasher::new();
        parts.hash(&mut hasher);
        Some(Self { parts: parts.into(), written: written.into(), hash: hasher.finish() })
    }

    /// What it lies directly below; `None` for a single part.
    #[must_use]
    pub fn parent(&self) -> Option<Self> {
        let mut escaped = false;
        let comma = self.written.bytes().position(|byte| {
            let ends = byte == b',' && !escaped;
            escaped = byte == b'\\' && !escaped;
            ends
        });
        Self::parse(&self.written[comma? + 1..])
    }

    /// How many parts it has.
    #[must_use]
    pub fn depth(&self) -> usize {
        self.parts.len()
    }

    /// Its leaf, `type=value`, without case and escapes: for comparing names.
    #[must_use]
    pub fn leaf(&self) -> &str {
        self.parts.first().map_or("", String::as_str)
    }

    /// The value of its first part, in lower case.
    #[must_use]
    pub fn name(&self) -> &str {
        self.parts.first().and_then(|part| part.split_once('=')).map_or("", |(_, value)| value)
    }

    /// Its normal form, one for all ways to write it, which [`Dn::parse`] takes apart again.
    #[must_use]
    pub fn normal(&self) -> String {
        let escaped = |value: &str| {
            value.chars().enumerate().fold(String::new(), |text, (place, c)| match c {
                ',' | '\\' | '+' | '"' | ';' | '<' | '>' => format!("{text}\\{c}"),
                '#' if place == 0 => format!("{text}\\#"),
                c if c.is_ascii_control() => format!("{text}\\{:02x}", u32::from(c)),
                c => format!("{text}{c}"),
            })
        };
        let parts = self.parts.iter().map(|part| {
            let (kind, value) = part.split_once('=').unwrap_or(("", part));
            format!("{kind}={}", escaped(value))
        });
        parts.collect::<Vec<_>>().join(",")
    }

    /// One of 64 bits, the same for equal names: whether a name may be among several is asked of all their marks at once.
    #[must_use]
    pub fn mark(&self) -> u64 {
        1 << (self.hash & 63)
    }

    /// The DNS name of the domain it lies in, by the parts `DC=` at its end (RFC 2247); `None` when it ends in none.
    #[must_use]
    pub fn domain(&self) -> Option<String> {
        let labels = self.parts.iter().rev().map_while(|part| part.strip_prefix("dc="));
        let name = labels.fold(String::new(), |name, label| match name.is_empty() {
            true => label.to_owned(),
            false => format!("{label}.{name}"),
        });
        (!name.is_empty()).then_some(name)
    }

    /// Whether this is the base itself or lies below it.
    #[must_use]
    pub fn is_within(&self, base: &Self) -> bool {
        self.parts.ends_with(&base.parts)
    }
}

/// The value of the first part of a DN as it is written, to show; the whole text where it is no DN.
#[must_use]
pub fn leaf(dn: &str) -> String {
    let mut value = Vec::new();
    let mut bytes = dn.split_once('=').map_or(dn, |(_, rest)| rest).bytes();
    while let Some(byte) = bytes.next() {
        match byte {
            b',' => break,
            b'\\' => value.extend(unescape(&mut bytes)),
            byte => value.push(byte),
        }
    }
    String::from_utf8_lossy(&value).trim().to_owned()
}

/// The byte after a backslash: a special character as such, or two hex digits.
fn unescape(bytes: &mut impl Iterator<Item = u8>) -> Option<u8> {
    let first = bytes.next()?;
    match char::from(first).to_digit(16) {
        Some(high) => {
            let low = char::from(bytes.next()?).to_digit(16)?;
            u8::try_from(high * 16 + low).ok()
        }
        None => Some(first),
    }
}

/// One part, without case and without blanks around its type and value.
fn finish(part: Vec<u8>, seen_equals: bool) -> Option<String> {
    let mut text = String::from_utf8(part).ok()?;
    match text.is_ascii() {
        true => text.make_ascii_lowercase(),
        false => text = text.to_lowercase(),
    }
    let (kind, value) = text.split_once('=').filter(|_| seen_equals)?;
    let (kind, value) = (kind.trim(), value.trim());
    let is_bare = kind.len() + "=".len() + value.len() == text.len();
    match kind {
        "" => None,
        _ if is_bare => Some(text),
        kind => Some(format!("{kind}={value}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_dn_is_shown_as_written_and_led_up_to_its_root() {
        let dn = Dn::parse(r" OU=Ö\, \#1\2c\\,OU=Staff,DC=test ").unwrap();
        assert_eq!(dn.to_string(), r"OU=Ö\, \#1\2c\\,OU=Staff,DC=test");
        assert_eq!((dn.depth(), dn.leaf()), (3, r"ou=ö, #1,\"));
        let parent = dn.parent().unwrap();
        assert_eq!(parent.to_string(), "OU=Staff,DC=test");
        assert_eq!(parent.parent().unwrap().parent(), None);
        assert_eq!(format!("{parent:?}"), r#"Dn { parts: ["ou=staff", "dc=test"] }"#);
    }

    #[test]
    fn dn_compares_without_case_and_escapes() {
        let base = Dn::parse("ou=Staff, DC=corp,dc=Example,DC=test").unwrap();
        for inside in [
            "CN=Ada,OU=Staff,DC=corp,DC=example,DC=test",
            r"CN=Last\, First,OU=staff,DC=corp,DC=example,DC=test",
            r"CN=Last\2c First,OU=st\61ff,DC=corp,DC=example,DC=test",
            "OU=Staff,DC=corp,DC=example,DC=test",
        ] {
            assert!(Dn::parse(inside).unwrap().is_within(&base), "{inside}");
        }
        for outside in ["CN=Ada,OU=Other,DC=corp,DC=example,DC=test", r"CN=x\,OU=Staff,DC=corp,DC=example,DC=test"] {
            assert!(!Dn::parse(outside).unwrap().is_within(&base), "{outside}");
        }
        for wrong in ["", "Staff", r"CN=a\", r"CN=a\4", ",", "OU=a,,DC=b"] {
            assert_eq!(Dn::parse(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn a_dn_tells_its_domain() {
        for (dn, domain) in [
            ("CN=Ada,OU=Staff,DC=corp,DC=example,DC=test", Some("corp.example.test")),
            ("CN=Ada,CN=Users,DC=Sales,DC=Corp,DC=test", Some("sales.corp.test")),
            ("DC=_msdcs.corp.test,CN=MicrosoftDNS,DC=corp,DC=test", Some("corp.test")),
            ("CN=Ada,O=Example", None),
        ] {
            assert_eq!(Dn::parse(dn).unwrap().domain().as_deref(), domain, "{dn}");
        }
    }

    #[test]
    fn a_dn_is_written_so_that_it_is_read_as_the_same() {
        for (text, written) in [
            ("CN=Staff,DC=corp", "cn=staff,dc=corp"),
            (r"CN=Last\, First \2b 1,OU=a\\b,DC=corp", r"cn=last\, first \+ 1,ou=a\\b,dc=corp"),
            (r"CN=Old\0ACNF:1,DC=corp", r"cn=old\0acnf:1,dc=corp"),
        ] {
            let dn = Dn::parse(text).unwrap();
            assert_eq!((dn.normal().as_str(), Dn::parse(&dn.normal())), (written, Some(dn.clone())));
        }
        assert_eq!(leaf(r"CN=Last\, First,OU=a"), "Last, First");
        let dn = Dn::parse("CN=Staff,DC=corp").unwrap();
        assert_eq!((dn.name(), dn.parent().unwrap().parent()), ("staff", None));
    }
}
