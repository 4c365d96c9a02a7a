//! A scan: the pages of a search, to their true end.
//!
//! Each page is one LDAP search with the paged results control (RFC 2696), asked for only when the last was taken: memory
//! holds one page. The end is believed only when every search ended with success and an empty cookie.

use std::collections::VecDeque;

use ldap3::Scope;
use ldap3::controls::{MakeCritical as _, PagedResults, RawControl};

use super::dc::Dc;
use super::entry::{Parsed, parse};
use super::error::{DirectoryError, Step};
use super::question::filter;
use crate::model::account::AccountPage;
use crate::model::rule::Dn;

/// Entries asked for at once: what MaxPageSize allows by default (MS-ADTS 3.1.1.3.4.6).
const PAGE_SIZE: i32 = 1000;
/// Paged results (RFC 2696).
const PAGED: &str = "1.2.840.113556.1.4.319";
/// Show deleted (MS-ADTS 3.1.1.3.4.1.14): deletions are part of what changed.
const SHOW_DELETED: &str = "1.2.840.113556.1.4.417";
/// Domain scope (MS-ADTS 3.1.1.3.4.1.4): no references to other naming contexts.
const DOMAIN_SCOPE: &str = "1.2.840.113556.1.4.1339";

/// Searches under way, to be read page by page. Any error, and any page whose future was dropped, breaks it off for good.
pub struct Scan<'a> {
    dc: &'a mut Dc,
    bases: VecDeque<String>,
    delta: bool,
    filter: String,
    cookie: Vec<u8>,
    bases_checked: bool,
    broken: bool,
}

impl<'a> Scan<'a> {
    /// A delta searches the whole domain, for two reasons: an account that moved out of the bases is found only where it is
    /// now, and deleted ones lie below the domain's Deleted Objects (MS-ADTS 3.1.1.5.5).
    pub(super) fn new(dc: &'a mut Dc, since: Option<i64>) -> Self {
        let bases = match since {
            Some(_) => VecDeque::from([dc.domain.clone()]),
            None => dc.bases.iter().map(|base| base.configured.clone()).collect(),
        };
        Self {
            dc,
            bases,
            delta: since.is_some(),
            filter: filter(since),
            cookie: Vec::new(),
            bases_checked: false,
            broken: false,
        }
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
        let Some(base) = self.bases.front().cloned() else {
            return Ok(None);
        };
        self.broken = true;
        let parsed = self.fetch(&base).await?;
        let mut page = self.sort(parsed);
        if !page.outside.is_empty() && !self.bases_checked {
            self.dc.check_bases().await?;
            self.bases_checked = true;
        }
        page.outside.sort_unstable();
        if self.cookie.is_empty() {
            self.bases.pop_front();
        }
        self.broken = false;
        Ok(Some(page))
    }

    /// One search operation; leaves the cookie for the next.
    async fn fetch(&mut self, base: &str) -> Result<Vec<Parsed>, DirectoryError> {
        let step = Step::Search(base.to_owned());
        let ask = super::wire::Ask {
            base,
            scope: Scope::Subtree,
            filter: &self.filter,
            attributes: self.dc.question.attributes(),
            controls: self.controls(),
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
            Err(DirectoryError::Answer { code: 32, .. }) => return Err(self.dc.base_missing(base)),
            answer => answer?,
        };
        let control = result.ctrls.iter().find(|control| control.1.ctype == PAGED);
        let cookie = control.and_then(|control| cookie(control.1.val.as_deref()?));
        self.cookie =
            cookie.ok_or_else(|| self.dc.wire.odd(step, "the answer does not say whether more pages follow"))?;
        Ok(parsed)
    }

    fn controls(&self) -> Vec<RawControl> {
        let paged = PagedResults { size: PAGE_SIZE, cookie: self.cookie.clone() };
        let mut controls = vec![paged.critical().into()];
        let known = |oid: &str| self.dc.controls.contains(oid);
        if known(DOMAIN_SCOPE) {
            controls.push(bare(DOMAIN_SCOPE));
        }
        if self.delta && known(SHOW_DELETED) {
            controls.push(bare(SHOW_DELETED));
        }
        controls
    }

    /// Sorts entries into a page. A delta of the whole domain brings foreign ones: of these no more than the key is kept.
    fn sort(&self, parsed: Vec<Parsed>) -> AccountPage {
        let mut page = AccountPage::default();
        for entry in parsed {
            match entry {
                Parsed::Account(account) if self.foreign(&account.dn) => page.outside.push(account.guid),
                Parsed::Account(account) => page.accounts.push(*account),
                Parsed::Deleted(tombstone) => page.deleted.push(tombstone),
                Parsed::Quarantined(entry) if self.foreign(&entry.dn) => page.outside.extend(entry.guid),
                Parsed::Quarantined(entry) => page.quarantined.push(entry),
            }
        }
        page
    }

    /// Whether a delta's entry lies outside of all bases; a DN that cannot be read is not said to.
    fn foreign(&self, dn: &str) -> bool {
        let outside = |dn: &Dn| !self.dc.bases.iter().any(|base| dn.is_within(&base.dn));
        self.delta && Dn::parse(dn).is_some_and(|dn| outside(&dn))
    }
}

/// A critical control without a value.
fn bare(oid: &str) -> RawControl {
    RawControl { ctype: oid.to_owned(), crit: true, val: None }
}

/// The cookie within a paged results value, `SEQUENCE { size INTEGER, cookie OCTET STRING }`; `None` when it is malformed.
fn cookie(value: &[u8]) -> Option<Vec<u8>> {
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
            let page = dc.scan(None).next_page().await;
            dc.close().await;
            (state.is_ok(), page.is_ok(), Dc::connect_any(&settings, &tls, &login, jiff::Timestamp::MIN).await.is_ok())
        });
    }

    proptest! {
        #[test]
        fn no_control_value_makes_it_panic(value in proptest::collection::vec(any::<u8>(), 0..64)) {
            let _ = cookie(&value);
        }
    }
}
