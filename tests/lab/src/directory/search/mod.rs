//! Searches over the world: one call is one page, and one page is one transaction (MS-ADTS 3.1.1.1.9).

pub mod base;
pub mod controls;
pub mod filter;
pub mod refusal;
pub mod root;
pub mod sight;
pub mod written;

use ldap3_proto::proto::{LdapPartialAttribute, LdapSearchRequest, LdapSearchResultEntry, LdapSearchScope};

use super::world::schema::{Attribute, Keeping};
use super::world::{ObjectId, View, World};
use controls::Controls;
use filter::{Filter, Schema, Truth};
use refusal::Refusal;
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
    types_only: bool,
    domain_scope: bool,
}

impl Search {
    /// Understands a request, or says why not.
    pub fn new(world: &World, dc: usize, request: &LdapSearchRequest, controls: &Controls) -> Result<Search, Refusal> {
        let schema = Schema { domain: &world.domain, exchange: world.policy.exchange_schema };
        Ok(Search {
            base: base::resolve(world, dc, &request.base, controls.sight)?,
            scope: request.scope.clone(),
            filter: schema.resolve(&request.filter).map_err(|_| Refusal::constructed_in_filter())?,
            selection: Selection::of(&request.attrs),
            sight: controls.sight,
            types_only: request.typesonly,
            domain_scope: controls.domain_scope,
        })
    }

    /// Reads one page of at most that many entries.
    pub fn page(&self, world: &World, dc: usize, from: Option<Cursor>, limit: usize) -> Page {
        let mut page = Page { entries: Vec::new(), next: None, references: Vec::new() };
        for (cursor, id) in self.candidates(world, dc, from) {
            let Some(view) = world.view(dc, id).filter(|view| self.takes(view)) else {
                continue;
            };
            if page.entries.len() == limit {
                page.next = Some(cursor);
                return page;
            }
            page.entries.push(self.selection.entry(&view, self.types_only));
        }
        if self.scope != LdapSearchScope::Base && !self.domain_scope {
            page.references = self.references(world);
        }
        page
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

    /// From the head of the forest's root domain AD points at the naming contexts below it.
    fn references(&self, world: &World) -> Vec<String> {
        if self.base != world.landmarks.domain {
            return Vec::new();
        }
        let (dns, base) = (&world.domain.dns, &world.domain.base);
        vec![
            format!("ldap://ForestDnsZones.{dns}/DC=ForestDnsZones,{base}"),
            format!("ldap://DomainDnsZones.{dns}/DC=DomainDnsZones,{base}"),
            format!("ldap://{dns}/{}", world.domain.configuration),
        ]
    }
}

/// Which attributes an answer carries, in the order of the schema.
struct Selection(Vec<Attribute>);

impl Selection {
    fn of(names: &[String]) -> Selection {
        let all = names.is_empty() || names.iter().any(|name| name == "*");
        let named: Vec<_> = names.iter().filter_map(|name| Attribute::named(name)).collect();
        let wanted =
            |attribute: &Attribute| (all && attribute.keeping() != Keeping::Constructed) || named.contains(attribute);
        Selection(Attribute::all().filter(wanted).collect())
    }

    fn entry(&self, view: &View<'_>, types_only: bool) -> LdapSearchResultEntry {
        let attributes = self.0.iter().filter_map(|attribute| {
            let values = view.values(*attribute);
            let kept = if types_only { 0 } else { values.len() };
            (!values.is_empty()).then(|| partial(attribute.name(), &values[..kept]))
        });
        LdapSearchResultEntry { dn: view.dn(), attributes: attributes.collect() }
    }
}

/// An attribute as it goes into an entry.
fn partial<V: AsRef<[u8]>>(name: &str, values: impl IntoIterator<Item = V>) -> LdapPartialAttribute {
    LdapPartialAttribute {
        atype: name.to_owned(),
        vals: values.into_iter().map(|value| value.as_ref().to_vec()).collect(),
    }
}
