//! The rules that people were judged with: many people, and few sets of rules.

use std::collections::BTreeMap;

use rusqlite::{Connection, OptionalExtension as _};

use super::StoreError;
use super::rows::{collect, json, json_of, unjson};
use crate::model::matches::RuleSet;

/// Those that were read, so that people share them.
#[derive(Default)]
pub(super) struct RuleSets(BTreeMap<i64, RuleSet>);

impl RuleSets {
    /// The one of that number; of no number, none at all.
    pub(super) fn get(&mut self, db: &Connection, id: Option<i64>) -> Result<RuleSet, StoreError> {
        let Some(id) = id else { return Ok(RuleSet::default()) };
        if let Some(known) = self.0.get(&id) {
            return Ok(known.clone());
        }
        let sql = "SELECT digests FROM rule_sets WHERE id = ?1";
        let text: String = db.prepare_cached(sql)?.query_row([id], |row| row.get(0))?;
        let digests: BTreeMap<String, String> = unjson(&text)?;
        let found: RuleSet = digests.into_iter().map(|(rule, digest)| (rule.into(), digest.into())).collect();
        self.0.insert(id, found.clone());
        Ok(found)
    }

    /// The number of a set, which is stored if it is new.
    pub(super) fn number(&mut self, db: &Connection, rules: &RuleSet) -> Result<i64, StoreError> {
        if let Some((id, _)) = self.0.iter().find(|(_, known)| *known == rules) {
            return Ok(*id);
        }
        let digests = json(&rules.iter().collect::<BTreeMap<_, _>>())?;
        let known = "SELECT id FROM rule_sets WHERE digests = ?1";
        let known = db.prepare_cached(known)?.query_row([&digests], |row| row.get(0)).optional()?;
        let id = match known {
            Some(id) => id,
            None => {
                db.prepare_cached("INSERT INTO rule_sets (digests) VALUES (?1)")?.execute([&digests])?;
                db.last_insert_rowid()
            }
        };
        self.0.insert(id, rules.clone());
        Ok(id)
    }
}

/// Removes those that nobody was judged with last.
pub(super) fn tidy(db: &Connection) -> Result<(), StoreError> {
    let sql = "DELETE FROM rule_sets WHERE id NOT IN (SELECT rule_set FROM people WHERE rule_set IS NOT NULL)";
    db.execute(sql, [])?;
    Ok(())
}

/// The digest of each rule that somebody was judged by, the newest where there are several, as in the middle of a pass.
pub(super) fn digests(db: &Connection) -> Result<BTreeMap<String, String>, StoreError> {
    let sets: Vec<BTreeMap<String, String>> =
        collect(db, "SELECT digests FROM rule_sets ORDER BY id", [], |row| json_of(row, "digests"))?;
    Ok(sets.into_iter().flatten().collect())
}
