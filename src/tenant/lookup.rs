//! Looking users up by anchor, for those of whom no change was told.
//!
//! `onPremisesImmutableId` with `in` is an advanced query ("Advanced query capabilities on Microsoft Entra ID objects"): each
//! request carries `ConsistencyLevel: eventual` and `$count=true`, and is answered from an index that trails. So what is found
//! is only who to read, not what to believe.

use std::collections::BTreeSet;

use super::batch::BATCH;
use super::error::TenantError;
use super::{Fetched, Graph, http, wire};
use crate::model::identity::{Anchor, UserId};

/// Graph takes no more clauses in one `in`.
const CLAUSES: usize = 15;

/// Anchors that are looked up in one request.
pub const LOOKED_UP: usize = CLAUSES * BATCH;

/// More requests than this for one look-up means going in circles.
const MAX_REQUESTS: usize = 100;

const ADVANCED: (&str, &str) = ("ConsistencyLevel", "eventual");

/// One item of a batch.
enum Question {
    Anchors(Vec<Anchor>),
    /// A further page of an answer.
    Page(String),
}

impl Graph {
    /// The users with one of these anchors, as far as Graph's index knows them by now. Of [`LOOKED_UP`] anchors or fewer it
    /// is one request. An anchor that Graph does not take is passed by: nobody has it.
    pub async fn find_by_anchor(&self, anchors: &[Anchor]) -> Result<BTreeSet<UserId>, TenantError> {
        let mut open: Vec<_> = anchors.chunks(CLAUSES).map(|some| Question::Anchors(some.to_vec())).collect();
        let mut found = BTreeSet::new();
        for _ in 0..MAX_REQUESTS {
            if open.is_empty() {
                return Ok(found);
            }
            let asked: Vec<_> = open.drain(..open.len().min(BATCH)).collect();
            let urls: Vec<_> = asked.iter().map(Question::url).collect();
            for (question, answer) in asked.into_iter().zip(self.read_batch(&urls, Some(ADVANCED)).await?) {
                match answer? {
                    answer if answer.ok() => open.extend(self.take(&answer, &mut found)?),
                    answer => match (answer.failure(), question) {
                        (TenantError::Refused { .. }, Question::Anchors(anchors)) => open.extend(apart(anchors)),
                        (error, _) => return Err(error),
                    },
                }
            }
        }
        let detail = format!("looking up {} anchors takes more than {MAX_REQUESTS} requests", anchors.len());
        Err(TenantError::Unreadable { host: http::host_of(&self.0.root), detail })
    }

    /// Takes an answer's users in, and returns where it goes on.
    fn take(&self, answer: &Fetched, found: &mut BTreeSet<UserId>) -> Result<Option<Question>, TenantError> {
        let users = wire::users(&answer.body).map_err(|reason| answer.unreadable(reason))?;
        found.extend(users.page.news.iter().map(|news| news.id));
        match users.next {
            None => Ok(None),
            Some(next) => match next.strip_prefix(&self.0.root) {
                Some(path) => Ok(Some(Question::Page(path.to_owned()))),
                None => Err(TenantError::ForeignPage(http::host_of(&next))),
            },
        }
    }
}

/// Of several anchors one may be what Graph does not take: each is asked for by itself. A single one is dropped.
fn apart(anchors: Vec<Anchor>) -> Vec<Question> {
    if let [anchor] = anchors.as_slice() {
        tracing::debug!(anchor = anchor.as_str(), "Graph does not take this anchor");
        return Vec::new();
    }
    anchors.into_iter().map(|anchor| Question::Anchors(vec![anchor])).collect()
}

impl Question {
    fn url(&self) -> String {
        match self {
            Self::Anchors(anchors) => {
                format!("/users?$select=id&$count=true&$filter={}", percent_encoded(&filter(anchors)))
            }
            Self::Page(path) => path.clone(),
        }
    }
}

/// Text is quoted, and a quote in it doubled ("OData URL conventions", `string`): nothing in an anchor can end it.
fn filter(anchors: &[Anchor]) -> String {
    let quoted: Vec<_> = anchors.iter().map(|anchor| format!("'{}'", anchor.as_str().replace('\'', "''"))).collect();
    format!("onPremisesImmutableId in ({})", quoted.join(","))
}

/// All but RFC 3986's unreserved characters. A bare `+` would be read as a space.
pub(super) fn percent_encoded(text: &str) -> String {
    use std::fmt::Write as _;
    text.bytes().fold(String::new(), |mut encoded, byte| {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => encoded.push(char::from(byte)),
            other => {
                let _ = write!(encoded, "%{other:02X}");
            }
        }
        encoded
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn decoded(text: &str) -> String {
        let mut bytes = Vec::new();
        let mut rest = text.as_bytes();
        while let [first, tail @ ..] = rest {
            let (byte, tail) = match (first, tail) {
                (b'%', [high, low, tail @ ..]) => {
                    let hex = [*high, *low];
                    (u8::from_str_radix(std::str::from_utf8(&hex).unwrap(), 16).unwrap(), tail)
                }
                _ => (*first, tail),
            };
            bytes.push(byte);
            rest = tail;
        }
        String::from_utf8(bytes).unwrap()
    }

    /// The texts of an `in`, read as OData has it.
    fn literals(filter: &str) -> Vec<String> {
        let mut rest = filter.strip_prefix("onPremisesImmutableId in (").unwrap();
        let mut texts = Vec::new();
        loop {
            rest = rest.strip_prefix('\'').unwrap();
            let mut text = String::new();
            loop {
                let (before, after) = rest.split_once('\'').unwrap();
                text.push_str(before);
                match after.strip_prefix('\'') {
                    Some(more) => {
                        text.push('\'');
                        rest = more;
                    }
                    None => {
                        rest = after;
                        break;
                    }
                }
            }
            texts.push(text);
            match rest.strip_prefix(',') {
                Some(more) => rest = more,
                None => break,
            }
        }
        assert_eq!(rest, ")", "nothing stands behind the list");
        texts
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn no_anchor_can_change_the_question(
            texts in prop::collection::vec("[A-Za-z0-9+/=]{0,24}|['(),&?#%+ \\PC]{0,12}|\\PC{0,60}|[\\x00-\\x1f'\\\\]{0,8}", 1..=CLAUSES)
        ) {
            let anchors: Vec<_> = texts.iter().map(Anchor::from_text).collect();
            let url = Question::Anchors(anchors).url();
            let (path, filter) = url.split_once("&$filter=").unwrap();
            prop_assert_eq!(path, "/users?$select=id&$count=true");
            prop_assert!(filter.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._~%".contains(&byte)), "{}", url);
            prop_assert_eq!(literals(&decoded(filter)), texts);
        }
    }
}
