//! One object as all domain controllers see it once it has replicated, stored compactly.

use std::borrow::Cow;
use std::sync::Arc;

use super::schema::{Attribute, Class};
use super::stamp::{Links, Written};
use super::{Guid, ObjectId};

/// What deletion left of an object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Life {
    /// Not deleted.
    Live,
    /// A tombstone, or a deleted-object where the recycle bin is on. Shown under control …417.
    Deleted,
    /// A recycled-object: only shown under control …2064.
    Recycled,
}

/// A version of an object. Versions are never altered: a write makes the next one, which replication hands on.
#[derive(Debug, Clone)]
pub struct Object {
    /// Its identity.
    pub guid: Guid,
    /// Where it hangs; heads of naming contexts hang nowhere.
    pub parent: Option<ObjectId>,
    /// Its class.
    pub class: Class,
    /// The last part of its objectSid, for what has one.
    pub rid: Option<u32>,
    /// Seconds since 1970 on the clock of the domain controller that created it.
    pub when_created: i64,
    /// Its name, unescaped. For the head of a naming context its whole DN.
    pub name: Box<str>,
    /// Whether and how it is deleted.
    pub life: Life,
    /// The invocationId of the domain controller that created it.
    pub created_by: Guid,
    /// The stamps of what was written since.
    pub written: Written,
    /// Every value that is not derived from the fields above.
    pub values: Packed,
    /// The values of `member`.
    pub links: Option<Arc<Links>>,
}

/// Attribute values, packed end to end: number, length, bytes, and again.
///
/// A value for an attribute that is otherwise derived (`objectGUID`, `objectSid`…) takes its place. That, and the
/// mark that an attribute is missing, is how malformed entries come about.
#[derive(Debug, Clone, Default)]
pub struct Packed(Box<[u8]>);

/// In place of a length: the attribute is to look as if it had no value.
const MISSING: u32 = u32::MAX;

/// Bytes before each value.
const HEADER: usize = 6;

impl Packed {
    /// Iterates over all values; `None` marks an attribute as missing.
    pub fn iter(&self) -> impl Iterator<Item = (Attribute, Option<&[u8]>)> {
        let mut rest: &[u8] = &self.0;
        std::iter::from_fn(move || {
            let (header, tail) = rest.split_at_checked(HEADER)?;
            let attribute = Attribute::numbered(u16::from_le_bytes([header[0], header[1]]));
            let length = u32::from_le_bytes([header[2], header[3], header[4], header[5]]);
            if length == MISSING {
                rest = tail;
                return Some((attribute, None));
            }
            let (value, tail) = tail.split_at(length as usize);
            rest = tail;
            Some((attribute, Some(value)))
        })
    }

    /// What is stored for an attribute: nothing, the mark that it is missing (no values), or its values.
    pub fn get(&self, wanted: Attribute) -> Option<Vec<Cow<'_, [u8]>>> {
        let mut found = None;
        for (attribute, value) in self.iter() {
            if attribute == wanted {
                found.get_or_insert_with(Vec::new).extend(value.map(Cow::Borrowed));
            }
        }
        found
    }

    /// The first value of an attribute as text.
    pub fn text(&self, wanted: Attribute) -> Option<&str> {
        self.iter().find(|(attribute, _)| *attribute == wanted).and_then(|(_, value)| std::str::from_utf8(value?).ok())
    }

    /// These values with one attribute replaced. No values at all removes it.
    #[must_use]
    pub fn with<V: AsRef<[u8]>>(&self, attribute: Attribute, values: &[V]) -> Packed {
        let mut packer = self.without(attribute);
        values.iter().for_each(|value| packer.push(attribute, value.as_ref()));
        packer.finish()
    }

    /// These values with one attribute marked as missing, though it would otherwise be derived.
    #[must_use]
    pub fn with_missing(&self, attribute: Attribute) -> Packed {
        let mut packer = self.without(attribute);
        packer.header(attribute, MISSING);
        packer.finish()
    }

    /// Only the values of the attributes that pass.
    #[must_use]
    pub fn keeping(&self, keep: impl Fn(Attribute) -> bool) -> Packed {
        let mut packer = Packer::default();
        for (attribute, value) in self.iter().filter(|(attribute, _)| keep(*attribute)) {
            match value {
                Some(value) => packer.push(attribute, value),
                None => packer.header(attribute, MISSING),
            }
        }
        packer.finish()
    }

    /// These values with one attribute as it is in another version, missing or not.
    #[must_use]
    pub fn taking(&self, attribute: Attribute, from: &Packed) -> Packed {
        match from.get(attribute) {
            Some(values) if values.is_empty() => self.with_missing(attribute),
            Some(values) => self.with(attribute, &values),
            None => self.without(attribute).finish(),
        }
    }

    fn without(&self, attribute: Attribute) -> Packer {
        Packer(self.keeping(|other| other != attribute).0.into_vec())
    }
}

/// Puts values together.
#[derive(Default)]
pub struct Packer(Vec<u8>);

impl Packer {
    /// Adds a value.
    pub fn push(&mut self, attribute: Attribute, value: &[u8]) {
        let length = u32::try_from(value.len()).expect("a value is shorter than 4 GiB");
        self.header(attribute, length);
        self.0.extend_from_slice(value);
    }

    /// Adds a text, unless it is empty.
    pub fn text(&mut self, attribute: Attribute, value: &str) {
        if !value.is_empty() {
            self.push(attribute, value.as_bytes());
        }
    }

    /// Adds a number.
    pub fn number(&mut self, attribute: Attribute, value: i64) {
        self.push(attribute, value.to_string().as_bytes());
    }

    fn header(&mut self, attribute: Attribute, length: u32) {
        self.0.extend_from_slice(&attribute.number().to_le_bytes());
        self.0.extend_from_slice(&length.to_le_bytes());
    }

    /// The packed values.
    pub fn finish(self) -> Packed {
        Packed(self.0.into_boxed_slice())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_can_be_replaced_removed_and_marked_missing() {
        let mut packer = Packer::default();
        packer.text(Attribute::C, "SE");
        packer.number(Attribute::UserAccountControl, 512);
        let packed = packer.finish().with(Attribute::Mail, &["a@x", "b@x"]);
        assert_eq!(packed.text(Attribute::C), Some("SE"));
        assert_eq!(packed.get(Attribute::Mail).map(|values| values.len()), Some(2));
        let packed = packed.with::<&str>(Attribute::Mail, &[]).with_missing(Attribute::C);
        assert_eq!(packed.get(Attribute::Mail), None);
        assert_eq!(packed.get(Attribute::C), Some(Vec::new()));
        assert_eq!(packed.text(Attribute::UserAccountControl), Some("512"));
    }
}
