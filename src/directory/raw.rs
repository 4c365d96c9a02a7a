//! A search result entry as bytes (RFC 4511, 4.5.2), before anyone asks what they mean.
//!
//! The library's own reader panics on malformed entries and sorts values by whether they happen to be UTF-8, which random
//! bytes sometimes are. Here nothing is text until somebody asks for text.

#![deny(clippy::disallowed_types, clippy::disallowed_methods)]

use std::collections::{BTreeMap, BTreeSet};

use ldap3::asn1::StructureTag;

/// Protocol operation number of a SearchResultEntry.
const ENTRY: u64 = 4;

/// An entry: its DN and its values, as bytes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Raw {
    /// The DN as sent.
    pub dn: Vec<u8>,
    /// Values by attribute name, lower-case and without options; never an empty list.
    pub attributes: BTreeMap<String, Vec<Vec<u8>>>,
    /// Attributes of which the server sent a part only (`name;range=0-1499`, MS-ADTS 3.1.1.3.1.3.3).
    pub partial: BTreeSet<String>,
}

/// Why something is no entry.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a search result entry: {what}")]
pub struct Malformed {
    /// The DN, where at least that could be read.
    pub dn: Vec<u8>,
    /// What was met.
    pub what: &'static str,
}

impl Raw {
    /// Takes the BER tree of an entry apart.
    ///
    /// # Errors
    /// When its structure is not that of an entry; the values may be anything.
    pub fn read(tag: StructureTag) -> Result<Self, Malformed> {
        let mut raw = Self::default();
        match raw.fill(tag) {
            Ok(()) => Ok(raw),
            Err(what) => Err(Malformed { dn: raw.dn, what }),
        }
    }

    fn fill(&mut self, tag: StructureTag) -> Result<(), &'static str> {
        let parts = tag.match_id(ENTRY).and_then(StructureTag::expect_constructed).ok_or("it is another operation")?;
        let mut parts = parts.into_iter();
        self.dn = parts.next().and_then(StructureTag::expect_primitive).ok_or("it has no DN")?;
        let attributes =
            parts.next().and_then(StructureTag::expect_constructed).ok_or("it has no list of attributes")?;
        for attribute in attributes {
            let mut parts = attribute.expect_constructed().ok_or("an attribute is no sequence")?.into_iter();
            let name = parts.next().and_then(StructureTag::expect_primitive).ok_or("an attribute has no name")?;
            let values =
                parts.next().and_then(StructureTag::expect_constructed).ok_or("an attribute has no set of values")?;
            let values = values
                .into_iter()
                .map(StructureTag::expect_primitive)
                .collect::<Option<Vec<_>>>()
                .ok_or("a value is no octet string")?;
            self.add(&String::from_utf8_lossy(&name), values);
        }
        Ok(())
    }

    fn add(&mut self, description: &str, values: Vec<Vec<u8>>) {
        let description = description.to_ascii_lowercase();
        let mut options = description.split(';');
        let name = options.next().unwrap_or_default();
        if options.filter_map(|option| option.strip_prefix("range=")).any(|range| !range.ends_with("-*")) {
            self.partial.insert(name.to_owned());
        }
        if !values.is_empty() {
            self.attributes.entry(name.to_owned()).or_default().extend(values);
        }
    }

    /// An attribute's values; none when it is absent. Case makes no difference.
    #[must_use]
    pub fn values(&self, name: &str) -> &[Vec<u8>] {
        self.attributes.get(&name.to_ascii_lowercase()).map_or(&[], Vec::as_slice)
    }

    /// The one value of an attribute, as text; `None` when it has none, several, or no text.
    #[must_use]
    pub fn text(&self, name: &str) -> Option<&str> {
        match self.values(name) {
            [value] => std::str::from_utf8(value).ok(),
            _ => None,
        }
    }
}

#[cfg(test)]
pub(super) mod tests {
    use ldap3::asn1::{PL, TagClass, parse_tag};
    use proptest::prelude::*;

    use super::*;

    fn tag(id: u64, payload: PL) -> StructureTag {
        StructureTag { class: TagClass::Universal, id, payload }
    }

    fn octets(bytes: &[u8]) -> StructureTag {
        tag(4, PL::P(bytes.to_vec()))
    }

    /// An entry's tree, as the library hands it over.
    pub fn entry(dn: &str, attributes: &[(&str, &[&[u8]])]) -> StructureTag {
        let attributes = attributes
            .iter()
            .map(|(name, values)| {
                let values = values.iter().map(|value| octets(value)).collect();
                tag(16, PL::C(vec![octets(name.as_bytes()), tag(17, PL::C(values))]))
            })
            .collect();
        StructureTag {
            class: TagClass::Application,
            id: ENTRY,
            payload: PL::C(vec![octets(dn.as_bytes()), tag(16, PL::C(attributes))]),
        }
    }

    #[test]
    fn options_and_ranges_belong_to_the_attribute() {
        let raw = Raw::read(entry(
            "CN=a",
            &[
                ("memberOf", &[]),
                ("memberOf;range=0-1", &[b"x", b"y"]),
                ("cn;lang-de", &[b"Ada"]),
                ("proxyAddresses;Range=0-*", &[b"p"]),
            ],
        ))
        .unwrap();
        assert_eq!(raw.values("MEMBEROF").len(), 2);
        assert_eq!(raw.text("cn"), Some("Ada"));
        assert_eq!(raw.partial, BTreeSet::from(["memberof".to_owned()]));
    }

    #[test]
    fn what_is_no_entry_says_why_and_keeps_the_dn() {
        let broken = StructureTag {
            class: TagClass::Application,
            id: ENTRY,
            payload: PL::C(vec![octets(b"CN=a"), tag(16, PL::C(vec![octets(b"x")]))]),
        };
        let error = Raw::read(broken).unwrap_err();
        assert_eq!((error.dn.as_slice(), error.what), (b"CN=a".as_slice(), "an attribute is no sequence"));
        assert!(Raw::read(tag(5, PL::C(vec![]))).is_err());
        assert!(Raw::read(tag(ENTRY, PL::P(vec![1]))).is_err());
        assert!(Raw::read(tag(ENTRY, PL::C(vec![]))).is_err());
    }

    /// Trees of any shape.
    pub fn trees() -> impl Strategy<Value = StructureTag> {
        let leaf = (0u64..30, proptest::collection::vec(any::<u8>(), 0..24)).prop_map(|(id, b)| tag(id, PL::P(b)));
        let inner = leaf.prop_recursive(4, 64, 6, |inner| {
            (0u64..30, proptest::collection::vec(inner, 0..6)).prop_map(|(id, c)| tag(id, PL::C(c)))
        });
        (prop_oneof![Just(ENTRY), 0u64..30], proptest::collection::vec(inner, 0..4))
            .prop_map(|(id, parts)| StructureTag { class: TagClass::Application, id, payload: PL::C(parts) })
    }

    proptest! {
        #[test]
        fn no_tree_makes_it_panic(tree in trees()) {
            let _ = Raw::read(tree);
        }

        #[test]
        fn no_bytes_make_it_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            if let Ok((_, tree)) = parse_tag(&bytes) {
                let _ = Raw::read(tree);
            }
        }
    }
}
