//! Names by which persons, accounts, users and products are known. Each is a type of its own, so that a GUID of one
//! system never ends up where another's belongs.

use std::fmt;
use std::str::FromStr;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// An account's `objectGUID`: stable over renames and moves, the only key of an account.
///
/// On the wire the first three fields are little-endian (MS-DTYP 2.3.4.2); text is the usual dashed form.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
pub struct ObjectGuid(Uuid);

impl ObjectGuid {
    /// Reads the 16 wire bytes; any other length is no GUID.
    #[must_use]
    pub fn from_wire(bytes: &[u8]) -> Option<Self> {
        Some(Self(Uuid::from_bytes_le(bytes.try_into().ok()?)))
    }

    /// The 16 bytes as the directory sends them.
    #[must_use]
    pub fn to_wire(self) -> [u8; 16] {
        self.0.to_bytes_le()
    }
}

impl fmt::Display for ObjectGuid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.hyphenated().fmt(f)
    }
}

impl FromStr for ObjectGuid {
    type Err = uuid::Error;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Uuid::parse_str(text.trim()).map(Self)
    }
}

/// A security identifier in its text form, `S-1-5-21-…` (MS-DTYP 2.4.2.1).
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
pub struct Sid(String);

impl Sid {
    /// Reads the binary form: revision 1, a count, a 48-bit big-endian authority, little-endian sub-authorities.
    #[must_use]
    pub fn from_wire(bytes: &[u8]) -> Option<Self> {
        let (&[revision, count, a, b, c, d, e, f], rest) = bytes.split_first_chunk::<8>()?;
        if revision != 1 || rest.len() != usize::from(count) * 4 {
            return None;
        }
        let authority = u64::from_be_bytes([0, 0, a, b, c, d, e, f]);
        let mut text = format!("S-1-{authority}");
        for part in rest.chunks_exact(4) {
            let part = u32::from_le_bytes(part.try_into().ok()?);
            text.push('-');
            text.push_str(&part.to_string());
        }
        Some(Self(text))
    }

    /// Takes text that another system says is a SID; it is only ever compared.
    #[must_use]
    pub fn from_text(text: impl Into<String>) -> Self {
        Self(text.into().to_ascii_uppercase())
    }

    /// The text form.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Sid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Entra's `onPremisesImmutableId`, the source anchor: opaque text, compared byte for byte.
///
/// Entra Connect makes it the base64 of the raw bytes of `mS-DS-ConsistencyGuid`, else of `objectGUID`; other tools write
/// other text, so it is never decoded to decide anything, only to look up faster what is then compared.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
pub struct Anchor(String);

impl Anchor {
    /// Takes the anchor as the tenant, or a text attribute of the directory, gives it.
    #[must_use]
    pub fn from_text(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// Base64 of the bytes of a binary anchor attribute.
    #[must_use]
    pub fn from_bytes(bytes: &[u8]) -> Self {
        Self(STANDARD.encode(bytes))
    }

    /// The anchor of an account that has no other: its `objectGUID`.
    #[must_use]
    pub fn from_guid(guid: ObjectGuid) -> Self {
        Self::from_bytes(&guid.to_wire())
    }

    /// Whose [`Anchor::from_guid`] this is, if anybody's.
    #[must_use]
    pub fn guid(&self) -> Option<ObjectGuid> {
        let guid = ObjectGuid::from_wire(&STANDARD.decode(&self.0).ok()?)?;
        (Self::from_guid(guid) == *self).then_some(guid)
    }

    /// The text to compare.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Anchor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

macro_rules! guid_name {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(Uuid);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.hyphenated().fmt(f)
            }
        }

        impl From<Uuid> for $name {
            fn from(id: Uuid) -> Self {
                Self(id)
            }
        }

        impl FromStr for $name {
            type Err = uuid::Error;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                Uuid::parse_str(text.trim()).map(Self)
            }
        }
    };
}

guid_name! {
    /// A tenant user's Entra object id.
    UserId
}
guid_name! {
    /// A product's `skuId`.
    SkuId
}
guid_name! {
    /// A service plan's `servicePlanId`.
    PlanId
}
guid_name! {
    /// A tenant's id.
    TenantId
}
guid_name! {
    /// A tenant group's Entra object id.
    GroupId
}

impl GroupId {
    /// One of 64 bits, the same for the same group: as [`super::dn::Dn::mark`].
    #[must_use]
    pub fn mark(self) -> u64 {
        1 << (self.0.as_u128() & 63)
    }
}

guid_name! {
    /// The GUID one Graph request is known by on both sides (`client-request-id`).
    ClientRequestId
}

macro_rules! row_name {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub i64);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }
    };
}

row_name! {
    /// A person of this store.
    PersonId
}
row_name! {
    /// An intent of this store: one write that was decided on, committed before it is sent.
    IntentId
}
row_name! {
    /// A held cohort of this store.
    HoldId
}
row_name! {
    /// A command that was left in the store for the agent.
    RequestId
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn anchor_is_base64_of_the_wire_bytes() {
        let guid: ObjectGuid = "3f2504e0-4f89-41d3-9a0c-0305e82c3301".parse().unwrap();
        assert_eq!(Anchor::from_guid(guid).as_str(), "4AQlP4lP00GaDAMF6CwzAQ==");
        assert_eq!(ObjectGuid::from_wire(&guid.to_wire()), Some(guid));
        assert_eq!(ObjectGuid::from_wire(&[0; 15]), None);
        assert_eq!(Anchor::from_guid(guid).guid(), Some(guid));
        for other in ["", "4AQlP4lP00GaDAMF6CwzAQ", "4AQlP4lP00GaDAMF6CwzAR==", "4AQlP4lP00GaDAMF6Cwz", "ada"] {
            assert_eq!(Anchor::from_text(other).guid(), None, "{other}");
        }
    }

    #[test]
    fn sid_reads_authority_big_endian_and_parts_little_endian() {
        let bytes = [1, 5, 0, 0, 0, 0, 0, 5, 21, 0, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0, 3, 0, 0, 0, 80, 4, 0, 0];
        assert_eq!(Sid::from_wire(&bytes).unwrap().as_str(), "S-1-5-21-1-2-3-1104");
        assert_eq!(Sid::from_wire(&bytes[..27]), None);
        assert_eq!(Sid::from_wire(&[]), None);
    }
}
