//! Search requests: page by page, through gates and faults.

use bytes::BytesMut;
use ldap3_proto::control::LdapControl;
use ldap3_proto::proto::{
    LdapOp, LdapResult, LdapSearchRequest, LdapSearchResultEntry, LdapSearchResultReference, LdapSearchScope,
};

use crate::directory::fault::{Effect, Fault, Moment};
use crate::directory::log::{Kind, Operation, Sent};
use crate::directory::search::controls::{self, Controls};
use crate::directory::search::refusal::{Refusal, success};
use crate::directory::search::{Cursor, Page, Search, root, written};

use super::bind::Caller;
use super::connection::{Connection, Gone, encode};

/// A whole answer before it is sent.
struct Answer {
    entries: Vec<LdapSearchResultEntry>,
    references: Vec<String>,
    done: LdapResult,
    controls: Vec<LdapControl>,
}

impl From<Refusal> for Answer {
    fn from(refusal: Refusal) -> Answer {
        let done = refusal.result();
        Answer { entries: Vec::new(), references: Vec::new(), done, controls: Vec::new() }
    }
}

impl Answer {
    /// The end of a whole answer, though entries and pages are missing.
    fn cut_short(&self) -> Answer {
        let last_page = |control: &LdapControl| match control {
            LdapControl::SimplePagedResults { .. } => LdapControl::SimplePagedResults { size: 0, cookie: Vec::new() },
            other => other.clone(),
        };
        let controls = self.controls.iter().map(last_page).collect();
        Answer { entries: Vec::new(), references: Vec::new(), done: success(), controls }
    }
}

/// A request with its controls read.
struct Asked {
    request: LdapSearchRequest,
    controls: Result<Controls, Refusal>,
}

impl Connection {
    /// Answers a search request.
    pub(super) async fn search(
        &self,
        id: i32,
        request: LdapSearchRequest,
        controls: Vec<LdapControl>,
    ) -> Result<(), Gone> {
        let asked = Asked { controls: controls::read(&controls), request };
        let operation = self.described(&asked, &controls);
        let logged = self.shared.log.begin(operation.clone());
        let fault = self.shared.faults.strike(&operation);
        self.shared.gates.pass(&operation, Moment::Request).await;
        let mut answer = self.read(&asked).unwrap_or_else(Answer::from);
        self.shared.gates.pass(&operation, Moment::Reply).await;
        let sent = self.deliver(id, &mut answer, fault).await;
        match &sent {
            Ok(all) => {
                self.shared.log.end(logged, *all, Some(answer.done.code.clone() as i64), &answer.done.message);
            }
            Err(_) => self.shared.log.end(logged, Sent::default(), None, "cut"),
        }
        sent.map(drop)
    }

    fn described(&self, asked: &Asked, controls: &[LdapControl]) -> Operation {
        let request = &asked.request;
        let kind = if is_root_dse(request) { Kind::RootDse } else { Kind::Search };
        let page = asked.controls.as_ref().ok().and_then(|controls| controls.page.as_ref());
        Operation {
            base: request.base.clone(),
            scope: match request.scope {
                LdapSearchScope::Base => "base",
                LdapSearchScope::OneLevel => "one",
                LdapSearchScope::Subtree => "sub",
                LdapSearchScope::Children => "children",
            },
            filter: written::filter(&request.filter),
            attributes: request.attrs.clone(),
            page: page.map(|(_, cookie)| self.page_number(request, cookie)),
            ..self.arriving(kind, controls)
        }
    }

    fn page_number(&self, request: &LdapSearchRequest, cookie: &[u8]) -> u32 {
        let epoch = self.machine.cookie_epoch();
        match cookie {
            [] => 1,
            cookie => self.cookies().find(cookie, request, epoch).map_or(0, |open| open.page),
        }
    }

    /// Reads what is asked for, in one transaction.
    fn read(&self, asked: &Asked) -> Result<Answer, Refusal> {
        let (request, controls) = (&asked.request, asked.controls.as_ref().map_err(Clone::clone)?);
        if is_root_dse(request) {
            let entry = root::entry(&self.shared.world(), self.dc, &request.attrs);
            return Ok(Answer { entries: vec![entry], references: Vec::new(), done: success(), controls: Vec::new() });
        }
        if self.caller() == Caller::Anonymous {
            return Err(Refusal::not_bound());
        }
        match &controls.page {
            Some((size, cookie)) => self.read_page(request, controls, *size, cookie),
            None => self.read_at_once(request, controls),
        }
    }

    fn read_at_once(&self, request: &LdapSearchRequest, controls: &Controls) -> Result<Answer, Refusal> {
        let world = self.shared.world();
        let limit = world.policy.max_page_size.min(wanted_limit(request));
        let page = Search::new(&world, self.dc, request, controls)?.page(&world, self.dc, None, limit)?;
        let done = if page.next.is_some() { Refusal::size_limit().result() } else { success() };
        Ok(Answer { entries: page.entries, references: page.references, done, controls: Vec::new() })
    }

    fn read_page(
        &self,
        request: &LdapSearchRequest,
        controls: &Controls,
        size: usize,
        cookie: &[u8],
    ) -> Result<Answer, Refusal> {
        let epoch = self.machine.cookie_epoch();
        let open = match cookie {
            [] => None,
            cookie => Some(self.cookies().find(cookie, request, epoch).ok_or_else(Refusal::bad_cookie)?),
        };
        let from = open.as_ref().map(|open| open.cursor);
        let page = match (size, &open) {
            // RFC 2696 section 3: a size of zero gives a search up.
            (0, Some(_)) => Page { entries: Vec::new(), next: None, references: Vec::new() },
            _ => self.read_from(request, controls, from, size)?,
        };
        let number = open.map_or(1, |open| open.page);
        let mut cookies = self.cookies();
        cookies.close(cookie);
        let next = page.next.map(|cursor| cookies.give(request, epoch, cursor, number + 1));
        let control = LdapControl::SimplePagedResults { size: 0, cookie: next.unwrap_or_default() };
        Ok(Answer { entries: page.entries, references: page.references, done: success(), controls: vec![control] })
    }

    fn read_from(
        &self,
        request: &LdapSearchRequest,
        controls: &Controls,
        from: Option<Cursor>,
        size: usize,
    ) -> Result<Page, Refusal> {
        let world = self.shared.world();
        let limit = size.min(world.policy.max_page_size);
        Search::new(&world, self.dc, request, controls)?.page(&world, self.dc, from, limit)
    }

    /// Sends an answer, or as much of it as a fault lets through.
    async fn deliver(&self, id: i32, answer: &mut Answer, fault: Option<Fault>) -> Result<Sent, Gone> {
        let Some(fault) = fault else {
            return self.finish(id, answer, Sent::default()).await;
        };
        let through = fault.after_entries.min(answer.entries.len());
        let bytes = encoded(id, answer.entries.drain(..through))?;
        self.write(&bytes).await?;
        let sent = Sent { entries: through, bytes: bytes.len() };
        match self.suffer(&fault.then).await? {
            None if fault.then == Effect::Truncate => {
                *answer = answer.cut_short();
                self.finish(id, answer, sent).await
            }
            None => self.finish(id, answer, sent).await,
            Some(refusal) => {
                *answer = Answer::from(refusal);
                self.finish(id, answer, sent).await
            }
        }
    }

    async fn finish(&self, id: i32, answer: &mut Answer, before: Sent) -> Result<Sent, Gone> {
        let entries = before.entries + answer.entries.len();
        let mut bytes = encoded(id, answer.entries.drain(..))?;
        for uri in answer.references.drain(..) {
            let reference = LdapSearchResultReference { uris: vec![uri] };
            encode(&mut bytes, id, LdapOp::SearchResultReference(reference), Vec::new())?;
        }
        let controls = std::mem::take(&mut answer.controls);
        encode(&mut bytes, id, LdapOp::SearchResultDone(answer.done.clone()), controls)?;
        self.write(&bytes).await?;
        Ok(Sent { entries, bytes: before.bytes + bytes.len() })
    }
}

fn encoded(id: i32, entries: impl Iterator<Item = LdapSearchResultEntry>) -> Result<BytesMut, Gone> {
    let mut bytes = BytesMut::new();
    for entry in entries {
        encode(&mut bytes, id, LdapOp::SearchResultEntry(entry), Vec::new())?;
    }
    Ok(bytes)
}

fn is_root_dse(request: &LdapSearchRequest) -> bool {
    request.base.is_empty() && request.scope == LdapSearchScope::Base
}

/// The client's own size limit; zero means none.
fn wanted_limit(request: &LdapSearchRequest) -> usize {
    match usize::try_from(request.sizelimit) {
        Ok(0) | Err(_) => usize::MAX,
        Ok(limit) => limit,
    }
}
