//! What everyone stands at, taken as one picture, and how far the directory was read.

use std::collections::{BTreeMap, BTreeSet};

use rusqlite::OptionalExtension as _;

use super::people::entitlement;
use super::rows::{collect, meta};
use super::{Store, StoreError, rule_sets};
use crate::model::effect::{Claim, Picture};
use crate::model::identity::{PersonId, SkuId};
use crate::model::rule::Dn;

impl Store {
    /// Digest of the configuration that was judged with last; `None` before anybody was.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn judged_with(&self) -> Result<Option<String>, StoreError> {
        self.read(|db| meta(db, "config")).await
    }

    /// Whom rules mean and where entitlements stand, of everyone.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn picture(&self) -> Result<Picture, StoreError> {
        self.read(|db| {
            let mut picture = Picture::default();
            let eligible = "SELECT rule, person, baseline FROM matches WHERE eligible = 1";
            let rows = collect(db, eligible, [], |row| Ok((row.get(0)?, PersonId(row.get(1)?), row.get(2)?)))?;
            for (rule, person, baseline) in rows {
                let rule: String = rule;
                picture.scope.entry(rule).or_default().insert(person, baseline);
            }
            picture.digests = rule_sets::digests(db)?;
            let rows = collect(db, "SELECT * FROM entitlements", [], |row| {
                let (sku, entitlement) = entitlement(row)?;
                let (standing, action, rules) = (entitlement.standing, entitlement.action, entitlement.rules);
                Ok((PersonId(row.get("person")?), sku, Claim { standing, action, rules }))
            })?;
            for (person, sku, claim) in rows {
                let claims: &mut BTreeMap<SkuId, Claim> = picture.claims.entry(person).or_default();
                claims.insert(sku, claim);
            }
            Ok(picture)
        })
        .await
    }

    /// The names of these persons, to show.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn names(&self, people: BTreeSet<PersonId>) -> Result<BTreeMap<PersonId, String>, StoreError> {
        self.read(move |db| {
            let mut statement = db.prepare_cached("SELECT name FROM people WHERE id = ?1")?;
            let mut names = BTreeMap::new();
            for person in people {
                if let Some(name) = statement.query_row([person.0], |row| row.get(0)).optional()? {
                    names.insert(person, name);
                }
            }
            Ok(names)
        })
        .await
    }

    /// The attributes, in lower case, that some account of a domain has a value of, of those that were asked for.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn attributes_met(&self, domain: &str) -> Result<BTreeSet<String>, StoreError> {
        let domain = domain.to_owned();
        self.read(move |db| {
            let sql = "SELECT DISTINCT given.key FROM accounts JOIN domains ON domains.guid = accounts.domain,
                           json_each(accounts.body, '$.attributes') AS given
                       WHERE domains.name = ?1";
            Ok(collect(db, sql, [domain], |row| Ok(row.get(0)?))?.into_iter().collect())
        })
        .await
    }

    /// Of these DNs, those below which no account was ever read.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn without_accounts(&self, mut bases: Vec<Dn>) -> Result<Vec<Dn>, StoreError> {
        self.read(move |db| {
            let mut statement = db.prepare("SELECT body ->> '$.dn' FROM accounts")?;
            let mut rows = statement.query([])?;
            while let Some(row) = rows.next()?
                && !bases.is_empty()
            {
                let dn = Dn::parse(&row.get::<_, String>(0)?);
                bases.retain(|base| !dn.as_ref().is_some_and(|dn| dn.is_within(base)));
            }
            Ok(bases)
        })
        .await
    }
}
