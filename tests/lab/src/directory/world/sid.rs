//! Security identifiers (MS-DTYP 2.4.2): their binary form and their text.

/// The identifier of a domain: `S-1-5-21-a-b-c`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DomainSid(pub [u32; 3]);

impl DomainSid {
    /// The domain's own identifier in binary.
    pub fn bytes(&self) -> Vec<u8> {
        encode(&[21, self.0[0], self.0[1], self.0[2]])
    }

    /// The identifier of an account of this domain in binary.
    pub fn with(&self, rid: u32) -> Vec<u8> {
        encode(&[21, self.0[0], self.0[1], self.0[2], rid])
    }
}

/// Revision 1, NT authority, then the parts in little-endian order.
fn encode(parts: &[u32]) -> Vec<u8> {
    let mut bytes = vec![1, parts.len() as u8, 0, 0, 0, 0, 0, 5];
    parts.iter().for_each(|part| bytes.extend_from_slice(&part.to_le_bytes()));
    bytes
}

/// Reads `S-1-5-…` into its binary form.
pub fn parse(text: &str) -> Option<Vec<u8>> {
    let rest = text.strip_prefix("S-1-5-").or_else(|| text.strip_prefix("s-1-5-"))?;
    let parts: Vec<u32> = rest.split('-').map(|part| part.parse().ok()).collect::<Option<_>>()?;
    (1..=15).contains(&parts.len()).then(|| encode(&parts))
}

/// Writes a binary form as `S-1-5-…`.
pub fn text(sid: &[u8]) -> String {
    let parts = sid.get(8..).unwrap_or_default().chunks_exact(4);
    parts.fold("S-1-5".to_owned(), |text, part| {
        let part = <[u8; 4]>::try_from(part).map(u32::from_le_bytes).unwrap_or_default();
        format!("{text}-{part}")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_and_binary_agree() {
        let domain = DomainSid([1, 2, 3]);
        assert_eq!(parse("S-1-5-21-1-2-3-500"), Some(domain.with(500)));
        assert_eq!(text(&domain.with(500)), "S-1-5-21-1-2-3-500");
        assert_eq!(domain.with(500).len(), 28);
        assert_eq!(parse("S-1-6-1"), None);
    }
}
