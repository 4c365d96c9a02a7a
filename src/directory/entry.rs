//! From an entry's bytes to an account, a deletion, or a reason why neither.
//!
//! What decides — key, anchor, state, expiry, exclusions, attributes that rules ask for — is either understood or the entry is
//! quarantined with the attribute's name; what only decorates is read as far as possible.

#![deny(clippy::disallowed_types, clippy::disallowed_methods)]

use std::collections::BTreeMap;

use jiff::{Timestamp, civil, tz::Offset};
use ldap3::asn1::StructureTag;

use super::exclusion::{Traits, exclusion};
use super::question::{CONSISTENCY_GUID, Question};
use super::raw::Raw;
use crate::model::account::{Account, Quarantined, Tombstone};
use crate::model::identity::{Anchor, ObjectGuid, Sid};
use crate::model::rule::Dn;
use crate::model::settings::AnchorSource;

/// ACCOUNTDISABLE of `userAccountControl` (MS-ADTS 2.2.16).
const DISABLED: i64 = 0x2;
/// Seconds from 1601-01-01, where FILETIME begins, to 1970-01-01.
const FILETIME_EPOCH: i64 = 11_644_473_600;
/// FILETIME counts 100 nanoseconds.
const FILETIME_PER_SECOND: i64 = 10_000_000;
/// Of a value, no more bytes than this are shown.
const SHOWN: usize = 500;

/// What an entry turned out to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Parsed {
    /// A live account.
    Account(Box<Account>),
    /// A group with its `uSNChanged`; only a search for changes brings one.
    Group(ObjectGuid, i64),
    /// What holds accounts: its key and where it stands.
    Container(ObjectGuid, String),
    /// A deleted object.
    Deleted(Tombstone),
    /// Neither can be said.
    Quarantined(Quarantined),
}

/// Reads an entry. Never panics, whatever the bytes.
#[must_use]
pub fn parse(tag: StructureTag, question: &Question) -> Parsed {
    let raw = match Raw::read(tag) {
        Ok(raw) => raw,
        Err(error) => {
            return Parsed::Quarantined(Quarantined {
                dn: printable(&error.dn),
                guid: None,
                reason: error.to_string(),
            });
        }
    };
    other(&raw).unwrap_or_else(|| understand(&raw, question)).unwrap_or_else(|reason| {
        Parsed::Quarantined(Quarantined { dn: printable(&raw.dn), guid: guid(&raw).ok(), reason })
    })
}

/// What is no account, where a search that brings such asks for `objectClass`.
fn other(raw: &Raw) -> Option<Result<Parsed, String>> {
    let is = |class: &str| raw.values("objectClass").iter().any(|value| value.eq_ignore_ascii_case(class.as_bytes()));
    let (group, container) = (is("group"), is("organizationalUnit") || is("container"));
    if is("user") || !(group || container) || truth(raw, "isDeleted") == Ok(true) {
        return None;
    }
    let read = || {
        let dn = std::str::from_utf8(&raw.dn).map_err(|_| "the DN is not UTF-8")?;
        let guid = guid(raw)?;
        if !group {
            return Ok(Parsed::Container(guid, dn.to_owned()));
        }
        Ok(Parsed::Group(guid, number(raw, "uSNChanged")?.ok_or("uSNChanged is missing")?))
    };
    Some(read())
}

/// An `Err` is the reason to quarantine.
fn understand(raw: &Raw, question: &Question) -> Result<Parsed, String> {
    let guid = guid(raw)?;
    let usn_changed = number(raw, "uSNChanged")?.ok_or("uSNChanged is missing")?;
    if truth(raw, "isDeleted")? {
        return Ok(Parsed::Deleted(Tombstone { guid, usn_changed }));
    }
    let dn = std::str::from_utf8(&raw.dn).map_err(|_| "the DN is not UTF-8")?;
    Dn::parse(dn).ok_or("the DN is malformed")?;
    let flags = number(raw, "userAccountControl")?.ok_or("userAccountControl is missing: no right to read it?")?;
    let sam = text(raw, "sAMAccountName")?.map(str::to_owned);
    let system = exclusion(&Traits {
        dn,
        sam: sam.as_deref(),
        mail_nickname: text(raw, "mailNickname")?,
        recipient_type: number(raw, "msExchRecipientTypeDetails")?,
        admin_description: text(raw, "adminDescription")?,
        critical: !raw.values("isCriticalSystemObject").is_empty(),
    });
    let (anchor, unanchored) = anchor(raw, guid, &question.anchor)?;
    let sid = one(raw, "objectSid")?.map(|bytes| Sid::from_wire(bytes).ok_or("objectSid is malformed")).transpose()?;
    Ok(Parsed::Account(Box::new(Account {
        guid,
        dn: dn.to_owned(),
        sam,
        upn: decoration(raw, "userPrincipalName"),
        display_name: decoration(raw, "displayName"),
        sid,
        anchor,
        enabled: flags & DISABLED == 0,
        expires: expires(raw)?,
        system: system.map(str::to_owned).or(unanchored),
        created: created(raw)?,
        usn_changed,
        attributes: extra(raw, question)?,
    })))
}

fn guid(raw: &Raw) -> Result<ObjectGuid, String> {
    let bytes = one(raw, "objectGUID")?.ok_or("objectGUID is missing")?;
    ObjectGuid::from_wire(bytes).ok_or_else(|| format!("objectGUID has {} bytes instead of 16", bytes.len()))
}

/// The anchor, and why the account has none of its own where an attribute is to hold it: the sync engine passes over it
/// then, and the GUID stands in as a key that joins nothing.
fn anchor(raw: &Raw, guid: ObjectGuid, source: &AnchorSource) -> Result<(Anchor, Option<String>), String> {
    match source {
        AnchorSource::Auto => match one(raw, CONSISTENCY_GUID)? {
            Some(bytes) if !bytes.is_empty() => Ok((Anchor::from_bytes(bytes), None)),
            _ => Ok((Anchor::from_guid(guid), None)),
        },
        AnchorSource::Attribute(name) => match text(raw, name)? {
            Some(value) if !value.is_empty() => Ok((Anchor::from_text(value), None)),
            _ => Ok((Anchor::from_guid(guid), Some(format!("{name}, the source anchor, is empty")))),
        },
    }
}

/// `accountExpires`: 0 and the largest number mean never (MS-ADA1), and so does a time after the year 9999.
fn expires(raw: &Raw) -> Result<Option<Timestamp>, String> {
    match number(raw, "accountExpires")? {
        None | Some(0 | i64::MAX) => Ok(None),
        Some(ticks) if ticks < 0 => Err(format!("accountExpires is negative: {ticks}")),
        Some(ticks) => {
            let second = ticks / FILETIME_PER_SECOND - FILETIME_EPOCH;
            let nanosecond = i32::try_from(ticks % FILETIME_PER_SECOND * 100).unwrap_or_default();
            Ok(Timestamp::new(second, nanosecond).ok())
        }
    }
}

/// `whenCreated`, a GeneralizedTime in UTC (RFC 4517, 3.3.13): `20261120093000.0Z`.
fn created(raw: &Raw) -> Result<Option<Timestamp>, String> {
    let Some(value) = text(raw, "whenCreated")? else {
        return Ok(None);
    };
    match generalized_time(value) {
        Some(time) => Ok(Some(time)),
        None => Err(format!("whenCreated is no time: \"{}\"", shown(value.as_bytes()))),
    }
}

pub(super) fn generalized_time(text: &str) -> Option<Timestamp> {
    let (digits, rest) = text.split_at_checked(14)?;
    if !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let fraction = rest.strip_suffix('Z')?;
    if !fraction.is_empty() {
        let places = fraction.strip_prefix(['.', ','])?;
        if places.is_empty() || !places.bytes().all(|byte| byte.is_ascii_digit()) {
            return None;
        }
    }
    let part = |from: usize| digits.get(from..from + 2)?.parse::<i8>().ok();
    let year = digits.get(..4)?.parse().ok()?;
    let time = civil::DateTime::new(year, part(4)?, part(6)?, part(8)?, part(10)?, part(12)?, 0).ok()?;
    Offset::UTC.to_timestamp(time).ok()
}

/// Attributes that rules and locations ask for. Well-known binary ones appear in the text form that filters use.
fn extra(raw: &Raw, question: &Question) -> Result<BTreeMap<String, Vec<String>>, String> {
    let mut kept = BTreeMap::new();
    for name in &question.extra {
        if raw.partial.contains(name) {
            return Err(format!("{name} has more values than the server sends at once"));
        }
        let values = raw.values(name).iter().map(|value| readable(name, value)).collect::<Option<Vec<_>>>();
        let values = values.ok_or_else(|| format!("{name} is not text"))?;
        if !values.is_empty() {
            kept.insert(name.clone(), values);
        }
    }
    Ok(kept)
}

fn readable(name: &str, value: &[u8]) -> Option<String> {
    match name {
        "objectguid" => ObjectGuid::from_wire(value).map(|guid| guid.to_string()),
        "objectsid" => Sid::from_wire(value).map(|sid| sid.to_string()),
        "ms-ds-consistencyguid" => Some(Anchor::from_bytes(value).to_string()),
        _ => String::from_utf8(value.to_vec()).ok(),
    }
}

fn one<'a>(raw: &'a Raw, name: &str) -> Result<Option<&'a [u8]>, String> {
    match raw.values(name) {
        [] => Ok(None),
        [value] => Ok(Some(value)),
        several => Err(format!("{name} has {} values instead of one", several.len())),
    }
}

fn text<'a>(raw: &'a Raw, name: &str) -> Result<Option<&'a str>, String> {
    let Some(bytes) = one(raw, name)? else {
        return Ok(None);
    };
    std::str::from_utf8(bytes).map(Some).map_err(|_| format!("{name} is not UTF-8"))
}

fn number(raw: &Raw, name: &str) -> Result<Option<i64>, String> {
    let Some(value) = text(raw, name)? else {
        return Ok(None);
    };
    value.parse().map(Some).map_err(|_| format!("{name} is no number: \"{}\"", shown(value.as_bytes())))
}

/// `TRUE` or `FALSE` (RFC 4517, 3.3.3); absent means no.
fn truth(raw: &Raw, name: &str) -> Result<bool, String> {
    match text(raw, name)? {
        None => Ok(false),
        Some(value) if value.eq_ignore_ascii_case("TRUE") => Ok(true),
        Some(value) if value.eq_ignore_ascii_case("FALSE") => Ok(false),
        Some(value) => Err(format!("{name} is neither TRUE nor FALSE: \"{}\"", shown(value.as_bytes()))),
    }
}

fn decoration(raw: &Raw, name: &str) -> Option<String> {
    raw.values(name).first().map(|value| String::from_utf8_lossy(value).into_owned())
}

/// Bytes as a line of text, control characters escaped. A DN stays whole: its end says where the entry stands.
fn printable(bytes: &[u8]) -> String {
    let mut line = String::new();
    for c in String::from_utf8_lossy(bytes).chars() {
        if c.is_control() {
            line.extend(c.escape_default());
        } else {
            line.push(c);
        }
    }
    line
}

/// The same, cut where it gets long.
pub(super) fn shown(bytes: &[u8]) -> String {
    match bytes.split_at_checked(SHOWN) {
        Some((start, rest)) if !rest.is_empty() => printable(start) + "…",
        _ => printable(bytes),
    }
}

#[cfg(test)]
mod tests;
