//! A scan: the pages of a search, to their true end.
//!
//! Each page is one LDAP search with the paged results control (RFC 2696), asked for only when the last was taken: whoever
//! takes one in while the next is made holds two. The end is believed only when every search ended with success and an empty cookie.

use std::collections::VecDeque;

use ldap3::Scope;
use ldap3::controls::{MakeCritical as _, PagedResults, RawControl};

use super::dc::Dc;
use super::entry::{Parsed, parse};
use super::error::{DirectoryError, Step};
use super::question::{CONTAINERS, accounts, changes};
use crate::model::account::{AccountPage, Container};
use crate::model::identity::ObjectGuid;
use crate::model::rule::Dn;

/// Entries asked for at once: what MaxPageSize allows by default (MS-ADTS 3.1.1.3.4.6).
pub(super) const PAGE_SIZE: i32 = 1000;
/// Paged results (RFC 2696).
pub(super) const PAGED: &str = "1.2.840.113556.1.4.319";
/// Show deleted (MS-ADTS 3.1.1.3.4.1.14): deletions are part of what changed.
pub(super) const SHOW_DELETED: &str = "1.2.840.113556.1.4.417";
/// Domain scope (MS-ADTS 3.1.1.3.4.1.4): no references to other naming contexts.
pub(super) const DOMAIN_SCOPE: &str = "1.2.840.113556.1.4.1339";

/// How much a scan reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Extent {
    /// Everything below the bases.
    Everything,
    /// Everything below a container, wherever it stands.
    Below(ObjectGuid),
    /// Everything of the domain that this controller wrote after a USN, and whatever has the USN of the canary.
    Since {
        /// The USN after which.
        usn: i64,
        /// That of the canary.
        canary: Option<i64>,
    },
}

/// Searches under way, to be read page by page. Any error, and any page whose future was dropped, breaks it off for good.
pub struct Scan<'a> {
    dc: &'a mut Dc,
    searches: VecDeque<(String, Kind)>,
    cookie: Vec<u8>,
    /// It may meet what lies outside of the bases.
    elsewhere: bool,
    bases_checked: bool,
    broken: bool,
}

/// One search of a scan.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Kind {
    /// All accounts below a base.
    Accounts,
    /// All that holds accounts there.
    Containers,
    /// What changed, by this filter.
    Changes(String),
}

impl<'a> Scan<'a> {
    /// A delta searches the whole domain, for two reasons: an account that moved out of the bases is found only where it is
    /// now, and deleted ones lie below the domain's Deleted Objects (MS-ADTS 3.1.1.5.5).
    pub(super) fn new(dc: &'a mut Dc, extent: Extent) -> Self {
        // The containers first: one that is renamed while the accounts are read is then known by its old name, and its
        // change by what is written from now on.
        let both = |base: String| [(base.clone(), Kind::Containers), (base, Kind::Accounts)];
        let searches = match extent {
            Extent::Since { usn, canary } => {
                VecDeque::from([(dc.domain.clone(), Kind::Changes(changes(usn, canary, dc.question.groups)))])
            }
            Extent::Everything => dc.bases.iter().flat_map(|base| both(base.configured.clone())).collect(),
            Extent::Below(guid) => both(format!("<GUID={guid}>")).into(),
        };
        let elsewhere = extent != Extent::Everything;
        Self { dc, searches, cookie: Vec::new(), elsewhere, bases_checked: false, broken: false }
    }

    /// The next page; `None` when everything was read, and only then.
    ///
    /// # Errors
    /// Any result but success, silence, and answers that cannot be. The scan is over then, and nothing may be concluded from
    /// what it did not bring.
    pub async fn next_page(&mut self) -> Result<Option<AccountPage>, DirectoryError> {
        if self.broken {
            return Err(DirectoryError::ScanBroken);
        }
        let Some((base, kind)) = self.searches.front().cloned() else {
            return Ok(None);
        };
        self.broken = true;
        let parsed = self.fetch(&base, &kind).await?;
        let mut page = self.dc.sort(parsed, self.elsewhere);
        if !matches!(kind, Kind::Changes(_)) {
            page.containers = std::mem::take(&mut page.moved);
        }
        if !page.outside.is_empty() && !self.bases_checked {
            self.dc.check_bases().await?;
            self.bases_checked = true;
        }
        page.outside.sort_unstable();
        if self.cookie.is_empty() {
            self.searches.pop_front();
        }
        self.broken = false;
        Ok(Some(page))
    }

    /// One search operation; leaves the cookie for the next.
    async fn fetch(&mut self, base: &str, kind: &Kind) -> Result<Vec<Parsed>, DirectoryError> {
        let step = Step::Search(base.to_owned());
        let with_class = |mut names: Vec<String>| {
            names.push("objectClass".to_owned());
            names
        };
        let (filter, attributes) = match kind {
            Kind::Accounts => (accounts(), self.dc.question.attributes()),
            Kind::Containers => (CONTAINERS.to_owned(), with_class(vec!["objectGUID".to_owned()])),
            Kind::Changes(filter) => (filter.clone(), with_class(self.dc.question.attributes())),
        };
        let ask = super::wire::Ask {
            base,
            scope: Scope::Subtree,
            filter: &filter,
            attributes,
            controls: self.controls(matches!(kind, Kind::Changes(_))),
            step: step.clone(),
        };
        let question = self.dc.question.clone();
        let mut parsed = Vec::new();
        let limit = usize::try_from(PAGE_SIZE).unwrap_or_default();
        let answer = self.dc.wire.ask(ask, |tag| {
            parsed.push(parse(tag, &question));
            if parsed.len() > limit { Err(format!("more than {limit} entries on one page")) } else { Ok(()) }
        });
        let result = match answer.await {
            // A container that is not there any more has nothing below it that could be read.
            Err(DirectoryError::Answer { code: 10 | 32, .. }) if base.starts_with("<GUID=") => {
                self.cookie.clear();
                return Ok(parsed);
            }
            Err(DirectoryError::Answer { code: 32, .. }) => return Err(self.dc.base_missing(base).await),
            Err(DirectoryError::Answer { server, step, code, text })
                if is_about_the_cookie(&self.cookie, code, &text) =>
            {
                return Err(DirectoryError::CookieGone { server, step, code, text });
            }
            answer => answer?,
        };
        let control = result.ctrls.iter().find(|control| control.1.ctype == PAGED);
        let cookie = control.and_then(|control| cookie(control.1.val.as_deref()?));
        self.cookie =
            cookie.ok_or_else(|| self.dc.wire.odd(step, "the answer does not say whether more pages follow"))?;
        Ok(parsed)
    }

    fn controls(&self, deleted: bool) -> Vec<RawControl> {
        let paged = PagedResults { size: PAGE_SIZE, cookie: self.cookie.clone() };
        let mut controls = vec![paged.critical().into()];
        let known = |oid: &str| self.dc.controls.contains(oid);
        if known(DOMAIN_SCOPE) {
            controls.push(bare(DOMAIN_SCOPE));
        }
        if deleted && known(SHOW_DELETED) {
            controls.push(bare(SHOW_DELETED));
        }
        controls
    }
}

/// On a page after the first, "error processing control" (Win32 error 0x57) is about the cookie, as is a control that was
/// there a page ago and is not any more.
pub(super) fn is_about_the_cookie(cookie: &[u8], code: u32, text: &str) -> bool {
    !cookie.is_empty() && (code == 12 || text.starts_with("00000057"))
}

impl Dc {
    /// Reads accounts by GUID, wherever in the domain they are; who is not there, deleted or not visible, is `absent`.
    ///
    /// # Errors
    /// When the controller does not answer, or not so that something could be concluded.
    pub async fn reread(&mut self, guids: &[ObjectGuid]) -> Result<AccountPage, DirectoryError> {
        let mut parsed = Vec::new();
        let mut absent = Vec::new();
        for guid in guids {
            let base = format!("<GUID={guid}>");
            let known = |oid: &str| self.controls.contains(oid);
            let ask = super::wire::Ask {
                base: &base,
                scope: Scope::Base,
                filter: &accounts(),
                attributes: self.question.attributes(),
                controls: [SHOW_DELETED].into_iter().filter(|oid| known(oid)).map(bare).collect(),
                step: Step::Account(*guid),
            };
            let question = self.question.clone();
            let before = parsed.len();
            let answer = self.wire.ask(ask, |tag| {
                parsed.push(parse(tag, &question));
                Ok(())
            });
            match answer.await {
                // It may have moved to another domain, to which a referral points.
                Ok(_) | Err(DirectoryError::Answer { code: 10 | 32, .. }) => {}
                Err(error) => return Err(error),
            }
            if parsed.len() == before {
                absent.push(*guid);
            }
        }
        let mut page = self.sort(parsed, true);
        if !page.outside.is_empty() {
            self.check_bases().await?;
        }
        page.absent = absent;
        Ok(page)
    }

    /// Sorts entries into a page. A search of the whole domain brings foreign ones: of these no more than the key is kept.
    fn sort(&self, parsed: Vec<Parsed>, everywhere: bool) -> AccountPage {
        // A DN that cannot be read is not said to lie outside.
        let outside = |dn: &Dn| !self.bases.iter().any(|base| dn.is_within(&base.dn));
        let foreign = |dn: &str| everywhere && Dn::parse(dn).is_some_and(|dn| outside(&dn));
        let mut page = AccountPage::default();
        for entry in parsed {
            match entry {
                Parsed::Account(account) if foreign(&account.dn) => page.outside.push(account.guid),
                Parsed::Account(account) => page.accounts.push(*account),
                Parsed::Deleted(tombstone) => page.deleted.push(tombstone),
                Parsed::Group(guid, usn) => page.groups.push((guid, usn)),
                Parsed::Container(guid, dn) => {
                    let inside = !Dn::parse(&dn).is_some_and(|dn| outside(&dn));
                    page.moved.push(Container { guid, dn, inside });
                }
                Parsed::Quarantined(entry) if foreign(&entry.dn) => page.outside.extend(entry.guid),
                Parsed::Quarantined(entry) => page.quarantined.push(entry),
            }
        }
        page
    }
}

/// A critical control without a value.
pub(super) fn bare(oid: &str) -> RawControl {
    RawControl { ctype: oid.to_owned(), crit: true, val: None }
}

/// The cookie within a paged results value, `SEQUENCE { size INTEGER, cookie OCTET STRING }`; `None` when it is malformed.
pub(super) fn cookie(value: &[u8]) -> Option<Vec<u8>> {
    let (sequence, _) = element(value, 0x30)?;
    let (_, rest) = element(sequence, 0x02)?;
    let (cookie, _) = element(rest, 0x04)?;
    Some(cookie.to_vec())
}

/// The content of the BER element with this tag at the start, and what follows it.
fn element(bytes: &[u8], tag: u8) -> Option<(&[u8], &[u8])> {
    let (&found, rest) = bytes.split_first()?;
    let (&first, rest) = rest.split_first()?;
    if found != tag {
        return None;
    }
    let (length, rest) = if first < 0x80 {
        (usize::from(first), rest)
    } else {
        let (digits, rest) = rest.split_at_checked(usize::from(first & 0x7f))?;
        if digits.is_empty() || digits.len() > 4 {
            return None;
        }
        (digits.iter().fold(0, |length, digit| length << 8 | usize::from(*digit)), rest)
    };
    rest.split_at_checked(length)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use proptest::prelude::*;
    use rustls::ClientConfig;

    use super::*;
    use crate::directory::Login;
    use crate::directory::Names;
    use crate::model::settings::DirectorySettings;

    #[test]
    fn the_cookie_is_found_in_any_length_form() {
        for (value, expected) in [
            (&[0x30, 5, 2, 1, 0, 4, 0][..], Some(vec![])),
            (&[0x30, 7, 2, 1, 5, 4, 2, 7, 8], Some(vec![7, 8])),
            (&[0x30, 0x84, 0, 0, 0, 11, 2, 1, 0, 4, 0x84, 0, 0, 0, 2, 7, 8], Some(vec![7, 8])),
            (&[0x30, 5, 2, 1, 0, 4, 9], None),
            (&[0x30, 0x80, 2, 1, 0, 4, 0, 0, 0], None),
            (&[0x30, 3, 2, 1, 0], None),
            (&[4, 0], None),
            (&[], None),
        ] {
            assert_eq!(cookie(value), expected, "{value:?}");
        }
    }

    /// Compiles only while all of it can run in a spawned task.
    #[allow(dead_code)]
    fn everything_can_move_between_threads(mut dc: Dc, settings: DirectorySettings, tls: Arc<ClientConfig>) {
        let login = Login::new(&settings);
        fn movable(_: impl Send + 'static) {}
        movable(async move {
            let state = dc.state().await;
            let page = dc.scan(Extent::Everything).next_page().await;
            dc.close().await;
            let names = Names::new(&settings);
            let connected =
                Dc::connect(&settings, &settings.servers[0], &names, tls, &login, jiff::Timestamp::MIN).await;
            (state.is_ok(), page.is_ok(), connected.is_ok(), names.controllers(&settings, 1).await.is_ok())
        });
    }

    proptest! {
        #[test]
        fn no_control_value_makes_it_panic(value in proptest::collection::vec(any::<u8>(), 0..64)) {
            let _ = cookie(&value);
        }
    }
}
