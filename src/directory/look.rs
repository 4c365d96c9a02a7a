//! Small reads for whoever examines a directory: what is there, how many, and whether the controller does what is asked of it.

use std::fmt;

use jiff::Timestamp;
use ldap3::Scope;
use ldap3::controls::{MakeCritical as _, PagedResults};

use super::dc::{Dc, read};
use super::entry::{generalized_time, shown};
use super::error::{DirectoryError, Step};
use super::question::among;
use super::raw::Raw;
use super::search::{DOMAIN_SCOPE, PAGE_SIZE, PAGED, SHOW_DELETED, bare, cookie, is_about_the_cookie};
use super::wire::Ask;
use crate::model::filter::escaped;
use crate::model::rule::Dn;
use crate::model::spelling::nearest;

/// No attributes at all (RFC 4511, 4.5.1.8).
const NOTHING: &str = "1.1";
/// Whatever can hold accounts.
const CONTAINERS: &str = "(|(objectClass=organizationalUnit)(objectClass=container)(objectClass=domainDNS))";
/// Deleted Objects by its well-known GUID, whatever its name (MS-ADTS 6.1.1.4).
const DELETED: &str = "18E2EA80684F11D2B9AA00C04F79F805";
/// Of names that are offered instead, no more are read.
const OFFERED: usize = 200;

/// Controls that are asked for, and what each is for.
const CONTROLS: [(&str, &str); 3] =
    [(PAGED, "paged results"), (SHOW_DELETED, "show deleted objects"), (DOMAIN_SCOPE, "domain scope")];

/// Whether deleted objects show.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Deletions {
    /// They do.
    Seen,
    /// Their container does, and there is none in it, or none that may be seen.
    NoneSeen,
    /// They do not.
    Hidden,
}

/// Whether a DN is that of an object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// It is.
    There,
    /// Nothing is there, or nothing that may be seen.
    Missing(Instead),
}

/// What there is where a DN leads to nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Instead {
    /// The part of the DN that exists; `None` when not even its end is known.
    pub exists: Option<String>,
    /// A container of nearly that name below it, or one of that name elsewhere in the domain.
    pub near: Option<String>,
}

impl Instead {
    /// A sentence, with a blank after it; empty without a guess.
    #[must_use]
    pub fn guess(&self) -> String {
        self.near.as_ref().map(|near| format!("Did you mean {near}? ")).unwrap_or_default()
    }
}

impl fmt::Display for Instead {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.exists {
            Some(exists) => write!(f, "; of it exists {exists}"),
            None => Ok(()),
        }
    }
}

/// What a search met, page by page.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Met {
    entries: u64,
    pages: u64,
}

impl Dc {
    /// What of the controls that are made use of the controller lacks, in words.
    #[must_use]
    pub fn lacking_controls(&self) -> Vec<&'static str> {
        CONTROLS.iter().filter(|(oid, _)| !self.controls.contains(*oid)).map(|(_, name)| *name).collect()
    }

    /// The domain's naming context, as the controller writes it.
    #[must_use]
    pub fn domain(&self) -> &str {
        &self.domain
    }

    /// The controller's clock, to the second (`currentTime` of the rootDSE, MS-ADTS 3.1.1.3.2.2); `None` when it does not say.
    ///
    /// # Errors
    /// When the controller does not answer.
    pub async fn server_time(&mut self) -> Result<Option<Timestamp>, DirectoryError> {
        let root = read(&mut self.wire, "", &["currentTime"], Step::RootDse).await?;
        Ok(root.and_then(|root| root.text("currentTime").and_then(generalized_time)))
    }

    /// Whether deletions show: Deleted Objects can be seen by administrators alone, unless somebody granted it. Samba shows the
    /// container to everybody, and what is in it to administrators: so one of those is looked for.
    ///
    /// # Errors
    /// When the controller does not answer.
    pub async fn deletions(&mut self) -> Result<Deletions, DirectoryError> {
        if !self.controls.contains(SHOW_DELETED) {
            return Ok(Deletions::Hidden);
        }
        let base = format!("<WKGUID={DELETED},{}>", self.domain);
        let mut seen = [0_u32; 2];
        for (scope, seen) in [Scope::Base, Scope::OneLevel].into_iter().zip(&mut seen) {
            let one = PagedResults { size: 1, cookie: Vec::new() };
            let ask = Ask {
                base: &base,
                scope,
                filter: "(objectClass=*)",
                attributes: vec![NOTHING.to_owned()],
                controls: vec![bare(SHOW_DELETED), one.critical().into()],
                step: Step::Base("Deleted Objects".into()),
            };
            let answer = self.wire.ask(ask, |_| {
                *seen += 1;
                Ok(())
            });
            match answer.await {
                Ok(_) | Err(DirectoryError::Answer { code: 32 | 50, .. }) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(match seen {
            [_, below] if below > 0 => Deletions::Seen,
            [itself, _] if itself > 0 => Deletions::NoneSeen,
            _ => Deletions::Hidden,
        })
    }

    /// Whether an object of that name is there, and if not, what is.
    ///
    /// # Errors
    /// When the controller does not answer.
    pub async fn place(&mut self, dn: &Dn) -> Result<Place, DirectoryError> {
        match self.exists(dn).await? {
            true => Ok(Place::There),
            false => Ok(Place::Missing(self.instead_of(dn).await?)),
        }
    }

    async fn exists(&mut self, dn: &Dn) -> Result<bool, DirectoryError> {
        let dn = dn.to_string();
        match read(&mut self.wire, &dn, &[NOTHING], Step::Base(dn.clone())).await {
            Ok(found) => Ok(found.is_some()),
            // Another domain's (10), none (32), or no name that a controller understands (34).
            Err(DirectoryError::Answer { code: 10 | 32 | 34, .. }) => Ok(false),
            Err(error) => Err(error),
        }
    }

    pub(super) async fn instead_of(&mut self, dn: &Dn) -> Result<Instead, DirectoryError> {
        let mut missing = dn.clone();
        let exists = loop {
            let Some(parent) = missing.parent() else { return Ok(Instead::default()) };
            if self.exists(&parent).await? {
                break parent;
            }
            missing = parent;
        };
        let below = self.names(&exists.to_string(), Scope::OneLevel, CONTAINERS).await?;
        let leaves = below.iter().map(|dn| dn.leaf());
        let near = nearest(missing.leaf(), leaves).and_then(|leaf| below.iter().find(|dn| dn.leaf() == leaf));
        let near = match near {
            Some(near) => Some(near.to_string()),
            None => self.of_that_name(dn).await?,
        };
        Ok(Instead { exists: Some(exists.to_string()), near })
    }

    /// An organizational unit that has the name and stands elsewhere: it was moved, if there is but one.
    async fn of_that_name(&mut self, dn: &Dn) -> Result<Option<String>, DirectoryError> {
        let Some(name) = dn.leaf().strip_prefix("ou=") else { return Ok(None) };
        let filter = format!("(&(objectClass=organizationalUnit)(ou={}))", escaped(name));
        let domain = self.domain.clone();
        let found = self.names(&domain, Scope::Subtree, &filter).await?;
        Ok(if let [only] = &found[..] { Some(only.to_string()) } else { None })
    }

    /// The first page of names.
    async fn names(&mut self, base: &str, scope: Scope, filter: &str) -> Result<Vec<Dn>, DirectoryError> {
        let mut found = Vec::new();
        let mut take = |raw: Raw| found.extend(std::str::from_utf8(&raw.dn).ok().and_then(Dn::parse));
        self.page(base, scope, filter, OFFERED as i32, &[], &mut take).await?;
        Ok(found)
    }

    /// How many accounts below a DN a filter means, as the controller understands it; `(objectClass=*)` means all.
    ///
    /// # Errors
    /// When the controller does not answer, or not to the end.
    pub async fn count(&mut self, base: &str, filter: &str) -> Result<u64, DirectoryError> {
        Ok(self.pages_below(base, Scope::Subtree, &among(filter), PAGE_SIZE).await?.entries)
    }

    /// Walks the objects right below the domain's head by small pages to their end: so it is seen that a cookie leads on, and
    /// that the last page says so. Returns objects and pages.
    ///
    /// # Errors
    /// When the controller does not answer, or not to the end.
    pub async fn try_paging(&mut self) -> Result<(u64, u64), DirectoryError> {
        let domain = self.domain.clone();
        let met = self.pages_below(&domain, Scope::OneLevel, "(objectClass=*)", 4).await?;
        Ok((met.entries, met.pages))
    }

    async fn pages_below(&mut self, base: &str, scope: Scope, filter: &str, size: i32) -> Result<Met, DirectoryError> {
        let (mut met, mut cookie) = (Met::default(), Vec::new());
        loop {
            let mut take = |_| met.entries += 1;
            cookie = self.page(base, scope, filter, size, &cookie, &mut take).await?;
            met.pages += 1;
            if cookie.is_empty() {
                return Ok(met);
            }
        }
    }

    /// One page; returns the cookie for the next, empty after the last.
    async fn page(
        &mut self,
        base: &str,
        scope: Scope,
        filter: &str,
        size: i32,
        from: &[u8],
        take: &mut (dyn FnMut(Raw) + Send),
    ) -> Result<Vec<u8>, DirectoryError> {
        let step = Step::Search(shown(base.as_bytes()));
        let mut controls = vec![PagedResults { size, cookie: from.to_vec() }.critical().into()];
        controls.extend(self.controls.contains(DOMAIN_SCOPE).then(|| bare(DOMAIN_SCOPE)));
        let attributes = vec![NOTHING.to_owned()];
        let ask = Ask { base, scope, filter, attributes, controls, step: step.clone() };
        let answer = self.wire.ask(ask, |tag| {
            take(Raw::read(tag).map_err(|error| error.to_string())?);
            Ok(())
        });
        let result = match answer.await {
            Err(DirectoryError::Answer { server, step, code, text }) if is_about_the_cookie(from, code, &text) => {
                return Err(DirectoryError::CookieGone { server, step, code, text });
            }
            answer => answer?,
        };
        let control = result.ctrls.iter().find(|control| control.1.ctype == PAGED);
        let next = control.and_then(|control| cookie(control.1.val.as_deref()?));
        next.ok_or_else(|| self.wire.odd(step, "the answer does not say whether more pages follow"))
    }
}
