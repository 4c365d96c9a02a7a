//! The cookies of paged searches. The server remembers what they mean, and forgets the oldest (MaxResultSetsPerConn).

use ldap3_proto::proto::LdapSearchRequest;

use crate::directory::search::Cursor;

/// Result sets one connection may have open.
const PER_CONNECTION: usize = 10;

/// A paged search between two pages.
#[derive(Debug, Clone)]
pub struct Open {
    token: Vec<u8>,
    epoch: u64,
    request: LdapSearchRequest,
    /// Where it goes on.
    pub cursor: Cursor,
    /// The page that comes next, from 2.
    pub page: u32,
}

/// The open searches of one connection.
#[derive(Debug, Default)]
pub struct Cookies {
    open: Vec<Open>,
    given: u64,
}

impl Cookies {
    /// What a cookie stands for, if it was given out on this connection, for this request, and is not evicted.
    pub fn find(&self, token: &[u8], request: &LdapSearchRequest, epoch: u64) -> Option<Open> {
        let same = |open: &&Open| {
            let asked = (&open.request.base, &open.request.filter, &open.request.attrs, &open.request.scope);
            open.token == token
                && open.epoch == epoch
                && asked == (&request.base, &request.filter, &request.attrs, &request.scope)
        };
        self.open.iter().find(same).cloned()
    }

    /// Forgets a cookie.
    pub fn close(&mut self, token: &[u8]) {
        self.open.retain(|open| open.token != token);
    }

    /// Gives out a cookie.
    pub fn give(&mut self, request: &LdapSearchRequest, epoch: u64, cursor: Cursor, page: u32) -> Vec<u8> {
        self.given += 1;
        let mut token = vec![1, 0, 0, 0];
        token.extend_from_slice(&self.given.to_be_bytes());
        token.extend_from_slice(&epoch.to_be_bytes());
        if self.open.len() == PER_CONNECTION {
            self.open.remove(0);
        }
        self.open.push(Open { token: token.clone(), epoch, request: request.clone(), cursor, page });
        token
    }
}
