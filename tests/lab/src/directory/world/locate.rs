//! Finding objects by their DN.

use super::{ObjectId, World, WorldError, dn, dn_of};

/// Where a DN leads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Location {
    /// To an object.
    Found(ObjectId),
    /// Into a naming context, but not to an object.
    Missing {
        /// The nearest ancestor that exists.
        best_match: ObjectId,
    },
    /// Out of all naming contexts held here.
    Elsewhere,
}

impl World {
    /// The container a scenario means: a DN, or the name of an organizational unit right below the domain's head.
    pub fn organizational_unit(&self, dc: usize, ou: &str) -> Result<ObjectId, WorldError> {
        if ou.contains('=') {
            return self.find(dc, ou).ok_or_else(|| WorldError::NoSuchObject(ou.to_owned()));
        }
        let rdn = dn::Rdn { attribute: "ou".to_owned(), value: ou.to_lowercase() };
        let found = self.dc(dc).child(self.landmarks.domain, &rdn);
        found.ok_or_else(|| WorldError::NoSuchObject(format!("OU={},{}", dn::escape(ou), self.domain.base)))
    }

    /// The object of that DN.
    pub fn find(&self, dc: usize, dn: &str) -> Option<ObjectId> {
        match self.locate(dc, &dn::parse(dn)?) {
            Location::Found(id) => Some(id),
            _ => None,
        }
    }

    /// Follows a DN, leaf first as parsed, from the head of its naming context down.
    pub fn locate(&self, dc: usize, parts: &[dn::Rdn]) -> Location {
        let ends_in = |dns: &String| parts.ends_with(&dn::parse(&dn_of(dns)).unwrap_or_default());
        if self.domain.children.iter().any(ends_in) {
            return Location::Elsewhere;
        }
        let heads = [Some(self.landmarks.configuration), self.zones(), Some(self.landmarks.domain)];
        for head in heads.into_iter().flatten() {
            let head_parts = dn::parse(&self.dc(dc).dn(head)).unwrap_or_default();
            let Some(below) = parts.strip_suffix(head_parts.as_slice()).filter(|_| !head_parts.is_empty()) else {
                continue;
            };
            let mut at = head;
            for part in below.iter().rev() {
                match self.dc(dc).child(at, part) {
                    Some(child) => at = child,
                    None => return Location::Missing { best_match: at },
                }
            }
            return Location::Found(at);
        }
        Location::Elsewhere
    }
}
