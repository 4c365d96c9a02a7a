//! What a domain controller showed beside the one whose word is content. A hint stays until that one shows the same, or until
//! the controller that gave it becomes the one whose word is content and is read again.

use jiff::{SignedDuration, Timestamp};
use rusqlite::{Connection, params};
use uuid::Uuid;

use super::accounts::stored;
use super::rows::{collect, json, millis, named};
use super::{Store, StoreError, walks};
use crate::model::account::{Account, AccountPage};
use crate::model::identity::ObjectGuid;
use crate::model::shrink::is_shrunk;

/// The first wait before an account is read again because of a hint: replication within a site takes less. It doubles up to
/// [`AT_MOST`].
const FIRST: SignedDuration = SignedDuration::from_secs(30);
const AT_MOST: SignedDuration = SignedDuration::from_mins(10);

impl Store {
    /// Begins to read a witness whole: nobody was met yet. There is one witness at a time in a domain.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn begin_witness(&self, domain: Uuid) -> Result<(), StoreError> {
        self.write(move |tx| {
            tx.execute_batch(
                "CREATE TEMP TABLE IF NOT EXISTS witnessed (domain TEXT, guid TEXT, PRIMARY KEY (domain, guid)) WITHOUT ROWID",
            )?;
            tx.execute("DELETE FROM witnessed WHERE domain = ?1", [domain.to_string()])?;
            Ok(())
        })
        .await
    }

    /// Ends it: whom the store has and the witness has not was deleted there or moved away, before anybody looked. Each such
    /// absence is kept as a hint, unless the witness has suspiciously few.
    ///
    /// # Errors
    /// When the store fails; then nothing of it is kept.
    pub async fn finish_witness(
        &self,
        domain: Uuid,
        ntds: &str,
        shrink_percent: u32,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let (domain, ntds) = (domain.to_string(), ntds.to_owned());
        self.write(move |tx| {
            let absent = collect(
                tx,
                "SELECT guid FROM accounts a WHERE domain = ?1 AND gone IS NULL AND NOT EXISTS (
                     SELECT 1 FROM witnessed w WHERE w.domain = ?1 AND w.guid = a.guid)",
                [&domain],
                |row| named(row, "guid"),
            )?;
            let met: i64 =
                tx.query_row("SELECT count(*) FROM witnessed WHERE domain = ?1", [&domain], |row| row.get(0))?;
            tx.execute("DELETE FROM witnessed WHERE domain = ?1", [&domain])?;
            if is_shrunk(met.cast_unsigned(), absent.len() as u64, shrink_percent) {
                return Ok(());
            }
            let noting = Noting { db: tx, domain: &domain, ntds: &ntds, now };
            absent.into_iter().try_for_each(|guid| noting.note(guid, Some(None)))
        })
        .await
    }

    /// Compares a page of a witness with what is stored, and keeps what differs. Of a page of a `whole` reading it is kept
    /// whom it met, too.
    ///
    /// # Errors
    /// When the store fails; then nothing of the page is kept.
    pub async fn note_witness(
        &self,
        domain: Uuid,
        ntds: &str,
        page: AccountPage,
        whole: bool,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let (domain, ntds) = (domain.to_string(), ntds.to_owned());
        self.write(move |tx| {
            let noting = Noting { db: tx, domain: &domain, ntds: &ntds, now };
            let unreadable = page.quarantined.iter().filter_map(|bad| bad.guid);
            for guid in page.accounts.iter().map(|account| account.guid).chain(unreadable).filter(|_| whole) {
                tx.prepare_cached("INSERT OR IGNORE INTO witnessed (domain, guid) VALUES (?1, ?2)")?
                    .execute([&domain, &guid.to_string()])?;
            }
            for account in &page.accounts {
                let known = stored(tx, account.guid)?.filter(|known| !known.gone);
                let same = known.is_some_and(|known| settled(&known.account) == settled(account));
                noting.note(account.guid, (!same).then_some(Some(account)))?;
            }
            walks::moved(tx, &domain, Some(&ntds), &page.moved)?;
            let left = page.deleted.iter().map(|tombstone| tombstone.guid);
            for guid in left.chain(page.outside.iter().copied()).chain(page.absent.iter().copied()) {
                let known = stored(tx, guid)?.is_some_and(|known| !known.gone);
                noting.note(guid, known.then_some(None))?;
            }
            Ok(())
        })
        .await
    }

    /// Accounts of which a controller had shown something that is not confirmed, the oldest first, at most `limit`.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn hints_of(&self, domain: Uuid, ntds: &str, limit: u32) -> Result<Vec<ObjectGuid>, StoreError> {
        let (domain, ntds) = (domain.to_string(), ntds.to_owned());
        self.read(move |db| {
            let sql = "SELECT guid FROM hints WHERE domain = ?1 AND ntds = ?2 ORDER BY since, guid LIMIT ?3";
            collect(db, sql, params![domain, ntds, limit], |row| named(row, "guid"))
        })
        .await
    }

    /// Accounts that are to be read again because of a hint, at most `limit`; each then waits longer for the next time.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn hints_to_confirm(
        &self,
        domain: Uuid,
        limit: u32,
        now: Timestamp,
    ) -> Result<Vec<ObjectGuid>, StoreError> {
        self.write(move |tx| {
            let domain = domain.to_string();
            let sql = "SELECT guid FROM hints WHERE domain = ?1 AND check_at <= ?2 GROUP BY guid
                       ORDER BY min(check_at), guid LIMIT ?3";
            let found: Vec<ObjectGuid> =
                collect(tx, sql, params![domain, millis(now), limit], |row| named(row, "guid"))?;
            for guid in &found {
                tx.prepare_cached(
                    "UPDATE hints SET tries = tries + 1, check_at = ?3 + min(?4 << min(tries + 1, 10), ?5)
                     WHERE domain = ?1 AND guid = ?2",
                )?
                .execute(params![
                    domain,
                    guid.to_string(),
                    millis(now),
                    FIRST.as_secs() * 1_000,
                    AT_MOST.as_secs() * 1_000
                ])?;
            }
            Ok(found)
        })
        .await
    }

    /// How many hints are open in a domain, or of one controller of it.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn open_hints(&self, domain: Uuid, ntds: Option<&str>) -> Result<u64, StoreError> {
        let (domain, ntds) = (domain.to_string(), ntds.map(str::to_owned));
        self.read(move |db| {
            let sql = "SELECT count(*) FROM hints WHERE domain = ?1 AND (?2 IS NULL OR ntds = ?2)";
            Ok(db.prepare_cached(sql)?.query_row(params![domain, ntds], |row| row.get::<_, i64>(0))?.cast_unsigned())
        })
        .await
    }
}

struct Noting<'a> {
    db: &'a Connection,
    domain: &'a str,
    ntds: &'a str,
    now: Timestamp,
}

impl Noting<'_> {
    /// `None`: nothing differs. `Some(None)`: it is not there and the store has it.
    fn note(&self, guid: ObjectGuid, shown: Option<Option<&Account>>) -> Result<(), StoreError> {
        let Some(shown) = shown else {
            self.db
                .prepare_cached("DELETE FROM hints WHERE domain = ?1 AND ntds = ?2 AND guid = ?3")?
                .execute(params![self.domain, self.ntds, guid.to_string()])?;
            return Ok(());
        };
        let body = shown.map(|account| json(&settled(account))).transpose()?;
        let check_at = millis(self.now) + FIRST.as_secs() * 1_000;
        self.db
            .prepare_cached(
                "INSERT INTO hints (domain, ntds, guid, body, since, check_at) VALUES (?1, ?2, ?3, ?4, ?5, ?6)
                 ON CONFLICT (domain, ntds, guid) DO UPDATE SET body = ?4, tries = 0, check_at = ?6 WHERE body IS NOT ?4",
            )?
            .execute(params![self.domain, self.ntds, guid.to_string(), body, millis(self.now), check_at])?;
        Ok(())
    }
}

/// An account without what each controller counts for itself.
fn settled(account: &Account) -> Account {
    Account { usn_changed: 0, ..account.clone() }
}

/// Drops the hints that a page of content answers: those that show the same, and those of the very controller it is from.
pub(super) fn confirm(db: &Connection, domain: &str, page: &AccountPage) -> Result<(), StoreError> {
    let drop = |guid: ObjectGuid, body: Option<String>| -> Result<(), StoreError> {
        db.prepare_cached(
            "DELETE FROM hints WHERE domain = ?1 AND guid = ?2
             AND (body IS ?3 OR ntds = (SELECT content FROM domains WHERE guid = ?1))",
        )?
        .execute(params![domain, guid.to_string(), body])?;
        Ok(())
    };
    for account in &page.accounts {
        drop(account.guid, Some(json(&settled(account))?))?;
    }
    let gone = page.deleted.iter().map(|tombstone| tombstone.guid).chain(page.outside.iter().copied());
    for guid in gone.chain(page.absent.iter().copied()) {
        drop(guid, None)?;
    }
    Ok(())
}

/// Of those absent here, the ones that another controller has shown to be gone, too.
pub(super) fn agreed_gone(db: &Connection, domain: &str, absent: &[ObjectGuid]) -> Result<Vec<ObjectGuid>, StoreError> {
    let mut agreed = Vec::new();
    for guid in absent {
        let sql = "SELECT 1 FROM hints WHERE domain = ?1 AND guid = ?2 AND body IS NULL
                   AND ntds IS NOT (SELECT content FROM domains WHERE guid = ?1)";
        if db.prepare_cached(sql)?.exists(params![domain, guid.to_string()])? {
            agreed.push(*guid);
        }
    }
    Ok(agreed)
}

/// Drops all hints of one controller.
pub(super) fn drop_of(db: &Connection, domain: &str, ntds: &str) -> Result<(), StoreError> {
    db.execute("DELETE FROM hints WHERE domain = ?1 AND ntds = ?2", [domain, ntds])?;
    Ok(())
}
