//! Searches over the world: one call is one page, and one page is one transaction (MS-ADTS 3.1.1.1.9).

pub mod bare;
pub mod base;
pub mod controls;
pub mod filter;
pub mod refusal;
pub mod root;
pub mod selection;
pub mod sight;
pub mod written;

use ldap3_proto::proto::{LdapPartialAttribute, LdapSearchRequest, LdapSearchResultEntry, LdapSearchScope};

use super::world::{ObjectId, View, World, dn_of};
use controls::Controls;
use filter::{Filter, Schema, Truth};
use refusal::Refusal;
use selection::Selection;
use sight::Sight;

/// Where a paged search goes on. It is a place in an order, not a list: what happens meanwhile shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cursor {
    /// In the order of creation.
    Id(u64),
    /// In the order of uSNChanged.
    Usn(u64),
}

/// One page of an answer.
#[derive(Debug, Clone, PartialEq)]
pub struct Page {
    /// What was found.
    pub entries: Vec<LdapSearchResultEntry>,
    /// Where the next page starts, if there may be one.
    pub next: Option<Cursor>,
    /// Other naming contexts below the base, as LDAP URLs; with the last page only.
    pub references: Vec<String>,
}

/// A search request, understood.
pub struct Search {
    base: ObjectId,
    scope: LdapSearchScope,
    filter: Filter,
    selection: Selection,
    sight: Sight,
    domain_scope: bool,
}

impl Search {
    /// Understands a request, or says why not.
    pub fn new(world: &World, dc: usize, request: &LdapSearchRequest, controls: &Controls) -> Result<Search, Refusal> {
        let schema = Schema { world, dc };
        let selection = Selection {
            lenient: controls.lenient_ranges,
            types_only: request.typesonly,
            of_one: request.scope == LdapSearchScope::Base,
            most: world.policy.max_val_range,
            extended_dn: controls.extended_dn,
            ..Selection::of(&request.attrs)
        };
        Ok(Search {
            base: base::resolve(world, dc, &request.base, controls.sight)?,
            scope: request.scope.clone(),
            filter: schema.resolve(&request.filter).map_err(|_| Refusal::constructed_in_filter())?,
            selection,
            sight: controls.sight,
            domain_scope: controls.domain_scope,
        })
    }

    /// Reads one page of at most that many entries.
    pub fn page(&self, world: &World, dc: usize, from: Option<Cursor>, limit: usize) -> Result<Page, Refusal> {
        let mut page = Page { entries: Vec::new(), next: None, references: Vec::new() };
        for (cursor, id) in self.candidates(world, dc, from) {
            let Some(view) = world.view(dc, id).filter(|view| self.takes(view)) else {
                continue;
            };
            if page.entries.len() == limit {
                page.next = Some(cursor);
                return Ok(page);
            }
            page.entries.push(self.selection.entry(&view)?);
        }
        if self.scope != LdapSearchScope::Base && !self.domain_scope {
            page.references = self.references(world);
        }
        Ok(page)
    }

    fn candidates<'a>(
        &self,
        world: &'a World,
        dc: usize,
        from: Option<Cursor>,
    ) -> Box<dyn Iterator<Item = (Cursor, ObjectId)> + 'a> {
        let replica = world.dc(dc);
        if self.scope == LdapSearchScope::Base {
            return Box::new(std::iter::once((Cursor::Id(0), self.base)));
        }
        if let Some(ids) = self.filter.candidates() {
            let start = match from {
                Some(Cursor::Id(id)) => id,
                _ => 0,
            };
            let ids = ids.clone().into_iter().skip_while(move |id| u64::from(id.0) < start);
            return Box::new(ids.map(|id| (Cursor::Id(u64::from(id.0)), id)));
        }
        match (self.filter.usn_range(), from) {
            (Some((low, high)), from) => {
                let start = match from {
                    Some(Cursor::Usn(usn)) => usn,
                    _ => low,
                };
                Box::new(replica.by_usn(start..=high).map(|(usn, id)| (Cursor::Usn(usn), id)))
            }
            (None, from) => {
                let start = match from {
                    Some(Cursor::Id(id)) => id,
                    _ => 0,
                };
                Box::new(replica.from_id(start).map(|(place, id)| (Cursor::Id(place), id)))
            }
        }
    }

    fn takes(&self, view: &View<'_>) -> bool {
        let replica = view.world.dc(view.dc);
        let in_scope = match self.scope {
            LdapSearchScope::Base => view.id == self.base,
            LdapSearchScope::OneLevel => view.slot.object.parent == Some(self.base),
            LdapSearchScope::Subtree => replica.is_within(view.id, self.base),
            LdapSearchScope::Children => view.id != self.base && replica.is_within(view.id, self.base),
        };
        in_scope && self.sight.sees(view) && self.filter.judge(view) == Truth::True
    }

    /// From the head of a domain AD points at the naming contexts below it.
    fn references(&self, world: &World) -> Vec<String> {
        if self.base != world.landmarks.domain {
            return Vec::new();
        }
        let domain = &world.domain;
        let (dns, base) = (&domain.dns, &domain.base);
        let zones = |name: &str| format!("ldap://{name}.{dns}/DC={name},{base}");
        if domain.dns != domain.forest {
            return vec![zones("DomainDnsZones")];
        }
        let mut references = vec![zones("ForestDnsZones"), zones("DomainDnsZones")];
        references.extend(domain.children.iter().map(|child| format!("ldap://{child}/{}", dn_of(child))));
        references.push(format!("ldap://{dns}/{}", domain.configuration));
        references
    }
}

/// An attribute as it goes into an entry.
fn partial<V: AsRef<[u8]>>(name: &str, values: impl IntoIterator<Item = V>) -> LdapPartialAttribute {
    LdapPartialAttribute {
        atype: name.to_owned(),
        vals: values.into_iter().map(|value| value.as_ref().to_vec()).collect(),
    }
}
