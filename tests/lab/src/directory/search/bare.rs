//! Searches of a world that nobody serves: for tests that need neither sockets nor time.

use ldap3_proto::filter::parse_ldap_filter_str;
use ldap3_proto::proto::{LdapDerefAliases, LdapSearchRequest, LdapSearchScope};

use super::controls::Controls;
use super::sight::Sight;
use super::{Cursor, Search};
use crate::directory::world::World;

/// What is asked, in the words of a client.
#[derive(Debug, Clone, Copy)]
pub struct Question<'a> {
    /// Where: a DN or `<GUID=…>`.
    pub base: &'a str,
    /// The base alone, and nothing below.
    pub alone: bool,
    /// RFC 4515.
    pub filter: &'a str,
    /// Which attributes.
    pub attributes: &'a [String],
    /// Deleted objects, too.
    pub deleted: bool,
}

/// An entry: what it is called, and its values by attribute.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// Its DN.
    pub dn: String,
    /// Values as they go on the wire.
    pub attributes: Vec<(String, Vec<Vec<u8>>)>,
}

/// One page of at most `limit` entries, and where the next one starts if there may be one.
///
/// # Errors
/// The LDAP result code of the refusal.
///
/// # Panics
/// When the filter cannot be read.
pub fn ask(
    world: &World,
    dc: usize,
    question: &Question<'_>,
    from: Option<Cursor>,
    limit: usize,
) -> Result<(Vec<Found>, Option<Cursor>), i64> {
    let request = LdapSearchRequest {
        base: question.base.to_owned(),
        scope: if question.alone { LdapSearchScope::Base } else { LdapSearchScope::Subtree },
        aliases: LdapDerefAliases::Never,
        sizelimit: 0,
        timelimit: 0,
        typesonly: false,
        filter: parse_ldap_filter_str(question.filter).expect("a filter"),
        attrs: question.attributes.to_vec(),
    };
    let sight = Sight { deleted: question.deleted, recycled: false };
    let controls = Controls { sight, domain_scope: true, ..Controls::default() };
    let page = Search::new(world, dc, &request, &controls)
        .and_then(|search| search.page(world, dc, from, limit))
        .map_err(|refusal| refusal.code as i64)?;
    let found = page.entries.into_iter().map(|entry| Found {
        dn: entry.dn,
        attributes: entry.attributes.into_iter().map(|attribute| (attribute.atype, attribute.vals)).collect(),
    });
    Ok((found.collect(), page.next))
}
