//! What the operator wants: who gets which product, with which plans.

use std::collections::BTreeSet;
use std::fmt;

use super::account::Account;
use super::filter::Filter;
use super::group::ScopeGroup;
use super::identity::GroupId;

/// One `[[license]]` of the configuration, as written; `decide/bind` ties it to what the tenant has bought.
#[derive(Clone, Debug, PartialEq)]
pub struct Rule {
    /// Stable name, chosen by the operator.
    pub id: String,
    /// Part number or id of the product.
    pub sku: String,
    /// Names or ids of its plans that stay off.
    pub disable_plans: Vec<String>,
    /// Whoever has one of these plans from whatever source needs no license. `None`: the product's Intune plan, unless the
    /// rule turns that off.
    pub unless_has_plan: Option<Vec<String>>,
    /// Whom it is about.
    pub who: Who,
    /// Where two rules want one product, or a seat is short, the smaller number goes first.
    pub priority: i32,
    /// Digest of all of the above and of what is read of the directory: tells an edit of the configuration from an event.
    pub digest: String,
}

/// Whom a rule is about; always among synced, enabled, known persons.
#[derive(Clone, Debug, PartialEq)]
pub enum Who {
    /// Everyone within the bases.
    Everyone,
    /// Everyone below this DN.
    Ou(Dn),
    /// Everyone whose stored attributes match.
    Filter(Filter),
    /// Every member of this group of the directory, and of the groups within it. The DN only says which group was meant when
    /// it was first found.
    Group(Dn),
    /// Every member of this group of the tenant, and of the groups within it.
    EntraGroup(GroupId),
    /// At least one of these.
    Any(Vec<Who>),
    /// Each of these.
    All(Vec<Who>),
    /// Everyone else.
    Not(Box<Who>),
}

impl Who {
    /// Whether the account, whose person is in these groups, is meant. A filter that cannot be answered (an attribute that is
    /// missing where it matters) means no, as it does on a domain controller.
    #[must_use]
    pub fn includes(&self, account: &Account, groups: &BTreeSet<ScopeGroup>) -> bool {
        self.judge(account, groups) == Some(true)
    }

    /// Three-valued, so that `not` of an undefined filter does not become true (RFC 4511, 4.5.1.7).
    fn judge(&self, account: &Account, groups: &BTreeSet<ScopeGroup>) -> Option<bool> {
        match self {
            Self::Everyone => Some(true),
            Self::Ou(base) => Some(Dn::parse(&account.dn).is_some_and(|dn| dn.is_within(base))),
            Self::Filter(filter) => filter.matches(&|name| account.attributes.get(name).map_or(&[], Vec::as_slice)),
            Self::Group(group) => Some(groups.contains(&ScopeGroup::Directory(group.clone()))),
            Self::EntraGroup(group) => Some(groups.contains(&ScopeGroup::Tenant(*group))),
            Self::Any(parts) => any_of(parts.iter().map(|part| part.judge(account, groups))),
            Self::All(parts) => {
                any_of(parts.iter().map(|part| part.judge(account, groups).map(|answer| !answer))).map(|any| !any)
            }
            Self::Not(part) => part.judge(account, groups).map(|answer| !answer),
        }
    }

    /// The attributes, in lower case, that must be read to answer.
    #[must_use]
    pub fn attributes(&self) -> BTreeSet<String> {
        match self {
            Self::Everyone | Self::Ou(_) | Self::EntraGroup(_) => BTreeSet::new(),
            Self::Filter(filter) => filter.attributes(),
            // Whose primary group it is does not stand in its `member` (MS-ADA3, primaryGroupID).
            Self::Group(_) => BTreeSet::from(["primarygroupid".to_owned()]),
            Self::Any(parts) | Self::All(parts) => parts.iter().flat_map(Self::attributes).collect(),
            Self::Not(part) => part.attributes(),
        }
    }

    /// The groups whose members must be known to answer.
    #[must_use]
    pub fn groups(&self) -> BTreeSet<ScopeGroup> {
        match self {
            Self::Everyone | Self::Ou(_) | Self::Filter(_) => BTreeSet::new(),
            Self::Group(group) => BTreeSet::from([ScopeGroup::Directory(group.clone())]),
            Self::EntraGroup(group) => BTreeSet::from([ScopeGroup::Tenant(*group)]),
            Self::Any(parts) | Self::All(parts) => parts.iter().flat_map(Self::groups).collect(),
            Self::Not(part) => part.groups(),
        }
    }
}

/// Or of three-valued answers: true wins, then undefined.
pub(super) fn any_of(answers: impl Iterator<Item = Option<bool>>) -> Option<bool> {
    let mut any = Some(false);
    for answer in answers {
        match answer {
            Some(true) => return Some(true),
            Some(false) => {}
            None => any = None,
        }
    }
    any
}

/// A distinguished name, taken apart for comparison without case and escapes (RFC 4514).
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Dn {
    /// `type=value`, normalised, the leaf first.
    parts: Vec<String>,
}

impl Dn {
    /// Takes a DN apart; `None` when it is none.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let mut parts = Vec::new();
        let mut part = Vec::new();
        let mut bytes = text.trim().bytes();
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
        Some(Self { parts })
    }

    /// Whether this is the base itself or lies below it.
    #[must_use]
    pub fn is_within(&self, base: &Self) -> bool {
        self.parts.ends_with(&base.parts)
    }

    /// The value of its first part, in lower case.
    #[must_use]
    pub fn name(&self) -> &str {
        self.parts.first().and_then(|part| part.split_once('=')).map_or("", |(_, value)| value)
    }

    /// What it lies directly below; `None` of the last part.
    #[must_use]
    pub fn parent(&self) -> Option<Self> {
        let parts = self.parts.get(1..).filter(|parts| !parts.is_empty())?;
        Some(Self { parts: parts.to_vec() })
    }
}

/// Its normal form, which [`Dn::parse`] takes apart again.
impl fmt::Display for Dn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, part) in self.parts.iter().enumerate() {
            if i > 0 {
                f.write_str(",")?;
            }
            let (kind, value) = part.split_once('=').unwrap_or(("", part));
            write!(f, "{kind}=")?;
            for (place, c) in value.chars().enumerate() {
                match c {
                    ',' | '\\' | '+' | '"' | ';' | '<' | '>' => write!(f, "\\{c}")?,
                    '#' if place == 0 => f.write_str("\\#")?,
                    c if c.is_ascii_control() => write!(f, "\\{:02x}", u32::from(c))?,
                    c => write!(f, "{c}")?,
                }
            }
        }
        Ok(())
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
    let text = String::from_utf8(part).ok()?.to_lowercase();
    let (kind, value) = text.split_once('=').filter(|_| seen_equals)?;
    let kind = kind.trim();
    (!kind.is_empty()).then(|| format!("{kind}={}", value.trim()))
}

#[cfg(test)]
mod tests {
    use super::*;

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
    fn a_dn_is_written_so_that_it_is_read_as_the_same() {
        for (text, written) in [
            ("CN=Staff,DC=corp", "cn=staff,dc=corp"),
            (r"CN=Last\, First \2b 1,OU=a\\b,DC=corp", r"cn=last\, first \+ 1,ou=a\\b,dc=corp"),
            (r"CN=Old\0ACNF:1,DC=corp", r"cn=old\0acnf:1,dc=corp"),
        ] {
            let dn = Dn::parse(text).unwrap();
            assert_eq!((dn.to_string().as_str(), Dn::parse(&dn.to_string())), (written, Some(dn.clone())));
        }
        assert_eq!(leaf(r"CN=Last\, First,OU=a"), "Last, First");
        let dn = Dn::parse("CN=Staff,DC=corp").unwrap();
        assert_eq!((dn.name(), dn.parent().unwrap().parent()), ("staff", None));
    }
}
