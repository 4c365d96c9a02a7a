//! Filters: what a request asks, resolved against the schema once and then judged entry by entry.
//!
//! The logic is three-valued (RFC 4511 4.5.1.7): what the schema does not know is Undefined, and stays so under NOT.

use std::collections::BTreeSet;

use ldap3_proto::proto::{LdapFilter, LdapMatchingRuleAssertion, LdapSubstringFilter};

use crate::directory::world::schema::{Attribute, Keeping, Syntax, category_of_class};
use crate::directory::world::{ObjectId, View, World, dn, parse_sid};

use super::base;

/// The matching rule for "all these bits are set".
const BIT_AND: &str = "1.2.840.113556.1.4.803";
/// The matching rule for "any of these bits is set".
const BIT_OR: &str = "1.2.840.113556.1.4.804";

/// The matching rule for "in the chain of this link" (MS-ADTS 3.1.1.3.4.4.3).
const IN_CHAIN: &str = "1.2.840.113556.1.4.1941";

/// What a filter says of an entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Truth {
    /// It matches.
    True,
    /// It does not.
    False,
    /// It cannot be told. Such an entry is not returned.
    Undefined,
}

impl From<bool> for Truth {
    fn from(value: bool) -> Truth {
        if value { Truth::True } else { Truth::False }
    }
}

/// A filter that uses a constructed attribute: inappropriateMatching(18).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Inappropriate;

/// A filter with attributes and values resolved.
#[derive(Debug, Clone, PartialEq)]
pub enum Filter {
    /// All must hold.
    And(Vec<Filter>),
    /// One must hold.
    Or(Vec<Filter>),
    /// It must not hold.
    Not(Box<Filter>),
    /// The same for every entry.
    Always(Fixed),
    /// The attribute has a value.
    Present(Attribute),
    /// One value stands in that relation to the wanted one.
    Compare(Attribute, Relation, Wanted),
    /// One value holds these parts, in order.
    Parts(Attribute, Parts),
    /// These bits: all, or any.
    Bits(Attribute, i64, bool),
    /// It is one of these.
    OneOf(BTreeSet<ObjectId>),
    /// It is in that group, directly or through others.
    InChain(ObjectId),
}

/// The two truths a filter item can have without looking.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fixed {
    /// `(objectClass=*)`
    True,
    /// Not in the schema, or a value that does not fit its syntax.
    Undefined,
}

/// How a value must relate to the wanted one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Relation {
    /// `=`
    Equal,
    /// `>=`
    AtLeast,
    /// `<=`
    AtMost,
}

/// A wanted value in the form its syntax compares.
#[derive(Debug, Clone, PartialEq)]
pub enum Wanted {
    /// In lower case.
    Text(String),
    /// A number.
    Number(i64),
    /// Bytes.
    Octets(Vec<u8>),
    /// A DN, taken apart.
    Dn(Vec<dn::Rdn>),
}

/// A substring assertion in lower case.
#[derive(Debug, Clone, PartialEq)]
pub struct Parts {
    initial: String,
    any: Vec<String>,
    last: String,
}

/// What a filter is resolved against.
pub struct Schema<'a> {
    /// Objects named in it.
    pub world: &'a World,
    /// The domain controller that is asked.
    pub dc: usize,
}

impl Schema<'_> {
    fn attribute(&self, name: &str) -> Result<Option<Attribute>, Inappropriate> {
        match Attribute::named(name).filter(|known| self.world.policy.exchange_schema || !known.is_exchange()) {
            Some(attribute) if attribute.keeping() == Keeping::Constructed => Err(Inappropriate),
            other => Ok(other),
        }
    }

    /// Resolves a filter.
    pub fn resolve(&self, filter: &LdapFilter) -> Result<Filter, Inappropriate> {
        let all =
            |filters: &[LdapFilter]| filters.iter().map(|filter| self.resolve(filter)).collect::<Result<Vec<_>, _>>();
        match filter {
            LdapFilter::And(filters) => Ok(Filter::And(all(filters)?)),
            LdapFilter::Or(filters) => Ok(Filter::Or(all(filters)?)),
            LdapFilter::Not(filter) => Ok(Filter::Not(Box::new(self.resolve(filter)?))),
            LdapFilter::Present(name) => self.present(name),
            LdapFilter::Equality(name, value) | LdapFilter::Approx(name, value) => {
                self.compare(name, Relation::Equal, value)
            }
            LdapFilter::GreaterOrEqual(name, value) => self.compare(name, Relation::AtLeast, value),
            LdapFilter::LessOrEqual(name, value) => self.compare(name, Relation::AtMost, value),
            LdapFilter::Substring(name, parts) => self.parts(name, parts),
            LdapFilter::Extensible(assertion) => self.extensible(assertion),
        }
    }

    fn present(&self, name: &str) -> Result<Filter, Inappropriate> {
        Ok(match self.attribute(name)? {
            Some(Attribute::ObjectClass) => Filter::Always(Fixed::True),
            Some(attribute) => Filter::Present(attribute),
            None => Filter::Always(Fixed::Undefined),
        })
    }

    fn compare(&self, name: &str, relation: Relation, value: &str) -> Result<Filter, Inappropriate> {
        let Some(attribute) = self.attribute(name)? else {
            return Ok(Filter::Always(Fixed::Undefined));
        };
        if relation == Relation::Equal && matches!(attribute, Attribute::Member | Attribute::MemberOf) {
            return Ok(self.linked(attribute, value));
        }
        let wanted = self.wanted(attribute, value);
        Ok(wanted.map_or(Filter::Always(Fixed::Undefined), |wanted| Filter::Compare(attribute, relation, wanted)))
    }

    fn wanted(&self, attribute: Attribute, value: &str) -> Option<Wanted> {
        match attribute.syntax() {
            Syntax::Text | Syntax::Boolean | Syntax::Time | Syntax::Class => Some(Wanted::Text(value.to_lowercase())),
            Syntax::Number => value.trim().parse().ok().map(Wanted::Number),
            Syntax::Octets => Some(Wanted::Octets(value.as_bytes().to_vec())),
            Syntax::Sid => Some(Wanted::Octets(parse_sid(value).unwrap_or_else(|| value.as_bytes().to_vec()))),
            Syntax::Dn => {
                let category = category_of_class(value).filter(|_| attribute == Attribute::ObjectCategory);
                let full = category.map(|name| format!("CN={name},CN=Schema,{}", self.world.domain.configuration));
                dn::parse(full.as_deref().unwrap_or(value)).map(Wanted::Dn)
            }
        }
    }

    fn parts(&self, name: &str, parts: &LdapSubstringFilter) -> Result<Filter, Inappropriate> {
        let Some(attribute) = self.attribute(name)? else {
            return Ok(Filter::Always(Fixed::Undefined));
        };
        if attribute.syntax() != Syntax::Text {
            return Ok(Filter::Always(Fixed::Undefined));
        }
        let lower = |part: &Option<String>| part.as_deref().unwrap_or_default().to_lowercase();
        let any = parts.any.iter().map(|part| part.to_lowercase()).collect();
        Ok(Filter::Parts(attribute, Parts { initial: lower(&parts.initial), any, last: lower(&parts.final_) }))
    }

    /// Who has a link to, or from, the object of that name. A name nobody has matches nothing.
    fn linked(&self, attribute: Attribute, name: &str) -> Filter {
        let replica = self.world.dc(self.dc);
        let Some(id) = base::named(self.world, self.dc, name) else {
            return Filter::OneOf(BTreeSet::new());
        };
        Filter::OneOf(match attribute {
            Attribute::Member => replica.groups_of(id).collect(),
            _ => {
                let members = replica.live(id).into_iter().flat_map(|group| group.linked());
                members.filter(|member| replica.live(*member).is_some()).collect()
            }
        })
    }

    fn in_chain(&self, attribute: Attribute, name: &str) -> Filter {
        match (attribute, base::named(self.world, self.dc, name)) {
            (Attribute::MemberOf, Some(group)) => Filter::InChain(group),
            (Attribute::Member, Some(member)) => Filter::OneOf(self.world.dc(self.dc).all_groups_of(member)),
            _ => Filter::OneOf(BTreeSet::new()),
        }
    }

    fn extensible(&self, assertion: &LdapMatchingRuleAssertion) -> Result<Filter, Inappropriate> {
        let attribute = match &assertion.type_ {
            Some(name) => self.attribute(name)?,
            None => None,
        };
        let bits = assertion.match_value.trim().parse::<i64>().ok();
        Ok(match (attribute, assertion.matching_rule.as_deref(), bits) {
            (Some(attribute), Some(BIT_AND), Some(bits)) => Filter::Bits(attribute, bits, true),
            (Some(attribute), Some(BIT_OR), Some(bits)) => Filter::Bits(attribute, bits, false),
            (Some(attribute), Some(IN_CHAIN), _) => self.in_chain(attribute, &assertion.match_value),
            _ => Filter::Always(Fixed::Undefined),
        })
    }
}

impl Filter {
    /// Judges an entry.
    pub fn judge(&self, entry: &View<'_>) -> Truth {
        match self {
            Filter::And(filters) => worst(filters, entry),
            Filter::Or(filters) => best(filters, entry),
            Filter::Not(filter) => match filter.judge(entry) {
                Truth::True => Truth::False,
                Truth::False => Truth::True,
                Truth::Undefined => Truth::Undefined,
            },
            Filter::Always(Fixed::True) => Truth::True,
            Filter::Always(Fixed::Undefined) => Truth::Undefined,
            Filter::Present(attribute) => (!entry.values(*attribute).is_empty()).into(),
            Filter::Compare(attribute, relation, wanted) => compare(entry, *attribute, *relation, wanted).into(),
            Filter::Parts(attribute, parts) => {
                entry.values(*attribute).iter().any(|value| parts.are_in(&lower(value))).into()
            }
            Filter::OneOf(ids) => ids.contains(&entry.id).into(),
            Filter::InChain(group) => entry.world.dc(entry.dc).all_groups_of(entry.id).contains(group).into(),
            Filter::Bits(attribute, bits, all) => {
                let hits = |value: i64| {
                    if *all { value & bits == *bits } else { value & bits != 0 }
                };
                entry.values(*attribute).iter().filter_map(|value| number(value)).any(hits).into()
            }
        }
    }

    /// The objects this filter can match, if it says so.
    pub fn candidates(&self) -> Option<&BTreeSet<ObjectId>> {
        match self {
            Filter::OneOf(ids) => Some(ids),
            Filter::And(filters) => filters.iter().find_map(Filter::candidates),
            _ => None,
        }
    }

    /// The uSNChanged values this filter can match, if it says so: then the index serves.
    pub fn usn_range(&self) -> Option<(u64, u64)> {
        let unsigned = |value: i64| u64::try_from(value).unwrap_or(0);
        match self {
            Filter::Compare(Attribute::UsnChanged, relation, Wanted::Number(usn)) => Some(match relation {
                Relation::Equal => (unsigned(*usn), unsigned(*usn)),
                Relation::AtLeast => (unsigned(*usn), u64::MAX),
                Relation::AtMost => (0, unsigned(*usn)),
            }),
            Filter::And(filters) => filters
                .iter()
                .filter_map(Filter::usn_range)
                .reduce(|(low, high), (other_low, other_high)| (low.max(other_low), high.min(other_high))),
            _ => None,
        }
    }
}

fn worst(filters: &[Filter], entry: &View<'_>) -> Truth {
    let mut so_far = Truth::True;
    for filter in filters {
        match filter.judge(entry) {
            Truth::False => return Truth::False,
            Truth::Undefined => so_far = Truth::Undefined,
            Truth::True => {}
        }
    }
    so_far
}

fn best(filters: &[Filter], entry: &View<'_>) -> Truth {
    let mut so_far = Truth::False;
    for filter in filters {
        match filter.judge(entry) {
            Truth::True => return Truth::True,
            Truth::Undefined => so_far = Truth::Undefined,
            Truth::False => {}
        }
    }
    so_far
}

fn compare(entry: &View<'_>, attribute: Attribute, relation: Relation, wanted: &Wanted) -> bool {
    match (attribute, wanted) {
        (Attribute::UsnChanged, Wanted::Number(usn)) => holds(relation, &(entry.slot.usn_changed as i64), usn),
        (Attribute::ObjectClass, Wanted::Text(class)) => {
            entry.slot.object.class.chain().iter().any(|known| known.eq_ignore_ascii_case(class))
        }
        _ => entry.values(attribute).iter().any(|value| value_holds(relation, value, wanted)),
    }
}

fn value_holds(relation: Relation, value: &[u8], wanted: &Wanted) -> bool {
    match wanted {
        Wanted::Text(text) => holds(relation, lower(value).as_str(), text.as_str()),
        Wanted::Number(wanted) => number(value).is_some_and(|value| holds(relation, &value, wanted)),
        Wanted::Octets(octets) => holds(relation, value, octets.as_slice()),
        Wanted::Dn(parts) => {
            let value = std::str::from_utf8(value).ok().and_then(dn::parse);
            relation == Relation::Equal && value.is_some_and(|value| value == *parts)
        }
    }
}

fn holds<T: Ord + ?Sized>(relation: Relation, value: &T, wanted: &T) -> bool {
    match relation {
        Relation::Equal => value == wanted,
        Relation::AtLeast => value >= wanted,
        Relation::AtMost => value <= wanted,
    }
}

fn number(value: &[u8]) -> Option<i64> {
    std::str::from_utf8(value).ok()?.parse().ok()
}

fn lower(value: &[u8]) -> String {
    String::from_utf8_lossy(value).to_lowercase()
}

impl Parts {
    fn are_in(&self, value: &str) -> bool {
        let Some(mut rest) = value.strip_prefix(self.initial.as_str()) else {
            return false;
        };
        for part in &self.any {
            let Some(at) = rest.find(part.as_str()) else {
                return false;
            };
            rest = &rest[at + part.len()..];
        }
        rest.ends_with(self.last.as_str())
    }
}
