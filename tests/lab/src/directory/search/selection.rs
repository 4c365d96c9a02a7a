//! Which attributes an answer carries, and which of their values (MS-ADTS 3.1.1.3.1.3.3).

use ldap3_proto::proto::{LdapPartialAttribute, LdapSearchResultEntry};

use crate::directory::world::schema::{Attribute, Keeping};
use crate::directory::world::{View, sid};

use super::controls::ExtendedDn;
use super::partial;
use super::refusal::Refusal;

/// The attributes of an answer, in the order of the schema.
#[derive(Debug)]
pub struct Selection {
    pub(super) chosen: Vec<Chosen>,
    /// Whether a range past the last value is no error (control …1948).
    pub lenient: bool,
    /// Names only.
    pub types_only: bool,
    /// Whether the search is for one object: only then some attributes are constructed.
    pub of_one: bool,
    /// MaxValRange.
    pub most: usize,
    /// Whether, and how, GUID and SID stand before DNs: that of the entry and those of links.
    pub extended_dn: Option<ExtendedDn>,
}

/// One attribute, and which of its values.
#[derive(Debug)]
pub(super) struct Chosen {
    attribute: Attribute,
    range: Option<Range>,
}

/// `range=low-high`; without an end it is `range=low-*`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Range {
    low: usize,
    high: Option<usize>,
}

impl Selection {
    /// Reads the attribute list of a request. What the schema does not know, and options other than a range, are
    /// passed over.
    pub fn of(names: &[String]) -> Selection {
        let all = names.is_empty() || names.iter().any(|name| name == "*");
        let named: Vec<_> = names.iter().filter_map(|name| chosen(name)).collect();
        let wanted = |attribute: Attribute| {
            let own: Vec<_> = named.iter().filter(|(named, _)| *named == attribute).map(|(_, range)| *range).collect();
            let default = all && attribute.keeping() != Keeping::Constructed && own.is_empty();
            own.into_iter().chain(default.then_some(None)).map(move |range| Chosen { attribute, range })
        };
        let chosen = Attribute::all().flat_map(wanted).collect();
        Selection { chosen, lenient: false, types_only: false, of_one: false, most: usize::MAX, extended_dn: None }
    }

    /// An object as it goes into the answer.
    pub fn entry(&self, view: &View<'_>) -> Result<LdapSearchResultEntry, Refusal> {
        let mut attributes = Vec::with_capacity(self.chosen.len());
        for Chosen { attribute, range } in &self.chosen {
            if *attribute == Attribute::TokenGroups && !self.of_one {
                continue;
            }
            match (self.extended_dn, view.linked(*attribute)) {
                (Some(how), Some(linked)) => {
                    self.add(&mut attributes, attribute.name(), &linked, *range, |view| extended(view, how).into())?;
                }
                _ => {
                    let values = view.values(*attribute);
                    self.add(&mut attributes, attribute.name(), &values, *range, |value| value.to_vec())?;
                }
            }
        }
        let dn = self.extended_dn.map_or_else(|| view.dn(), |how| extended(view, how));
        Ok(LdapSearchResultEntry { dn, attributes })
    }

    /// Adds what of the values is asked for, written as it goes on the wire.
    fn add<V>(
        &self,
        to: &mut Vec<LdapPartialAttribute>,
        name: &str,
        values: &[V],
        range: Option<Range>,
        written: impl Fn(&V) -> Vec<u8>,
    ) -> Result<(), Refusal> {
        if values.is_empty() {
            return Ok(());
        }
        let range = match range {
            // More than fits: the attribute comes empty, and the first of its values under another name.
            None if values.len() > self.most => {
                to.push(partial::<&[u8]>(name, []));
                Range { low: 0, high: None }
            }
            None => {
                let kept = if self.types_only { &[] } else { values };
                to.push(partial(name, kept.iter().map(&written)));
                return Ok(());
            }
            Some(range) => range,
        };
        let last = values.len() - 1;
        if range.low > last && !self.lenient {
            return Err(Refusal::past_the_end());
        }
        let end = range.high.unwrap_or(last).min(last).min(range.low.saturating_add(self.most) - 1);
        let part = values.get(range.low..=end).unwrap_or_default();
        let upper = if end >= last { "*".to_owned() } else { end.to_string() };
        let kept = if self.types_only { &[] } else { part };
        to.push(partial(&format!("{name};range={}-{upper}", range.low), kept.iter().map(&written)));
        Ok(())
    }
}

/// `<GUID=…>;<SID=…>;` and the DN; without the SID where there is none.
fn extended(view: &View<'_>, how: ExtendedDn) -> String {
    let hex = |bytes: &[u8]| bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    let guid = match how {
        ExtendedDn::Text => view.guid().to_string(),
        ExtendedDn::Hex => hex(&view.guid().to_bytes_le()),
    };
    let sid = view.values(Attribute::ObjectSid).first().map(|sid| match how {
        ExtendedDn::Text => format!("<SID={}>;", sid::text(sid)),
        ExtendedDn::Hex => format!("<SID={}>;", hex(sid)),
    });
    format!("<GUID={guid}>;{}{}", sid.unwrap_or_default(), view.dn())
}

fn chosen(name: &str) -> Option<(Attribute, Option<Range>)> {
    let Some((name, option)) = name.split_once(';') else {
        return Attribute::named(name).map(|attribute| (attribute, None));
    };
    let range = option.to_ascii_lowercase();
    let (low, high) = range.strip_prefix("range=")?.split_once('-')?;
    let high = if high == "*" { None } else { Some(high.parse().ok()?) };
    Some((Attribute::named(name)?, Some(Range { low: low.parse().ok()?, high })))
}
