//! The digest by which an operator approves exactly the cohort that was seen.

use std::fmt::Write as _;

use ring::digest::{SHA256, digest};

use crate::model::identity::{PersonId, SkuId};

/// First 12 hex digits of SHA-256 over the members, in order.
#[must_use]
pub fn cohort_digest(members: &[(PersonId, SkuId)]) -> String {
    let mut members = members.to_vec();
    members.sort();
    let text: String = members.iter().fold(String::new(), |mut text, (person, sku)| {
        let _ = writeln!(text, "{person} {sku}");
        text
    });
    let hash = digest(&SHA256, text.as_bytes());
    hash.as_ref().iter().take(6).fold(String::new(), |mut hex, byte| {
        let _ = write!(hex, "{byte:02x}");
        hex
    })
}
