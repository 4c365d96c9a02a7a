//! Whom conditions mean among the accounts as they are stored.

use std::collections::BTreeSet;

use rusqlite::params;
use uuid::Uuid;

use super::rows::unjson;
use super::{Store, StoreError};
use crate::model::account::Account;
use crate::model::rule::{Dn, Subject, Who};

/// What was counted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Accounts that are there, as far as the last complete reading and the changes since say.
    pub accounts: u64,
    /// How many of them each condition means, in the order asked.
    pub meant: Vec<u64>,
    /// Entries of the directory that could not be understood.
    pub unread: u64,
}

impl Store {
    /// Counts whom each of these means, of one domain's accounts or of all. Groups of the tenant count as empty.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn tally(&self, domain: Option<Uuid>, whom: Vec<Who>) -> Result<Tally, StoreError> {
        self.read(move |db| {
            let (domain, nobody) = (domain.map(|domain| domain.to_string()), BTreeSet::new());
            let unread = "SELECT count(*) FROM quarantine WHERE source = 'directory'";
            let unread: i64 = db.query_row(unread, [], |row| row.get(0))?;
            let mut tally = Tally { meant: vec![0; whom.len()], unread: unread.cast_unsigned(), ..Tally::default() };
            let there = "SELECT body FROM accounts WHERE gone IS NULL AND missed = 0 AND (?1 IS NULL OR domain = ?1)";
            let mut statement = db.prepare_cached(there)?;
            let mut rows = statement.query(params![domain])?;
            while let Some(row) = rows.next()? {
                let account: Account = unjson(&row.get::<_, String>(0)?)?;
                tally.accounts += 1;
                let place = Dn::parse(&account.dn);
                let (account, place) = (Some(&account), place.as_ref());
                let subject = Subject { account, place, user: None, groups: (&nobody).into() };
                for (who, meant) in whom.iter().zip(&mut tally.meant) {
                    *meant += u64::from(who.includes(&subject));
                }
            }
            Ok(tally)
        })
        .await
    }
}
