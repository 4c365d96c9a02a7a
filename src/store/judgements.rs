//! Takes decisions in, and passes of judging.

use std::collections::BTreeSet;

use jiff::Timestamp;
use rusqlite::{Connection, params};
use serde::Serialize;
use serde_json::json;

use super::audit::{AuditKind, Entry, append};
use super::rows::{json, meta, millis, set_meta};
use super::rule_sets::RuleSets;
use super::{Store, StoreError};
use super::{claims, figures, holds, people, rule_sets};
use crate::model::identity::{PersonId, SkuId};
use crate::model::journey::Journey;
use crate::model::judgement::{EntitlementChange, Judgement};
use crate::model::person::{Entitlement, Person};
use crate::model::standing::Standing;

/// One standing or presence that moved, for the log.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Moved {
    /// Whose.
    pub person: PersonId,
    /// The person's name.
    pub name: String,
    /// Of which product; `None` when the presence moved.
    pub sku: Option<SkuId>,
    /// From which word; `None` when it is new.
    pub from: Option<String>,
    /// To which word.
    pub to: String,
    /// Why, where the word alone does not say.
    pub why: Option<String>,
    /// How long it took, where a license of ours came to work.
    pub journey: Journey,
}

impl Store {
    /// Starts a pass over everyone when what decisions are made with (rules, products) is not what the last complete pass
    /// was made with. Until it is complete nothing is planned. Returns whether one was started or is under way.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn begin_pass(&self, basis: &str, config: &str, now: Timestamp) -> Result<bool, StoreError> {
        let (basis, config) = (basis.to_owned(), config.to_owned());
        self.write(move |tx| {
            if meta(tx, "config")?.as_deref() != Some(&config) {
                set_meta(tx, "config", Some(&config))?;
                append(tx, now, &Entry { config: Some(&config), ..Entry::new(AuditKind::Config, json!({})) })?;
            }
            if meta(tx, "pass")?.as_deref() == Some(&basis) {
                return Ok(meta(tx, "pass_complete")?.is_none());
            }
            set_meta(tx, "pass", Some(&basis))?;
            set_meta(tx, "pass_complete", None)?;
            tx.execute("UPDATE people SET dirty = 1, revision = revision + 1", [])?;
            Ok(true)
        })
        .await
    }

    /// Ends a pass once nobody is left to judge; whether it is complete.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn end_pass(&self) -> Result<bool, StoreError> {
        self.write(|tx| {
            if meta(tx, "pass_complete")?.is_some() {
                return Ok(true);
            }
            let done: bool =
                tx.query_row("SELECT NOT EXISTS (SELECT 1 FROM people WHERE dirty = 1)", [], |row| row.get(0))?;
            if done {
                set_meta(tx, "pass_complete", Some("yes"))?;
                // The first pass may have had nobody to judge.
                set_meta(tx, "first_pass_complete", Some("yes"))?;
                rule_sets::tidy(tx)?;
            }
            Ok(done)
        })
        .await
    }

    /// Takes decisions in. One that was made on older knowledge than there is now is dropped: its person is still dirty.
    ///
    /// # Errors
    /// When the store fails; then none is kept.
    pub async fn record(
        &self,
        judgements: Vec<Judgement>,
        coverage: &str,
        config: &str,
        now: Timestamp,
    ) -> Result<Vec<Moved>, StoreError> {
        let (coverage, config) = (coverage.to_owned(), config.to_owned());
        self.write(move |tx| {
            let silent = meta(tx, "first_pass_complete")?.is_none();
            let mut moved = Vec::new();
            let mut rule_sets = RuleSets::default();
            for judgement in &judgements {
                let Some(person) = people::load_with(tx, judgement.person, &mut rule_sets)? else { continue };
                if person.revision != judgement.revision {
                    continue;
                }
                let rule_set = rule_sets.number(tx, judgement.matches.rules())?;
                let recording = Recording { db: tx, config: &config, coverage: &coverage, rule_set, silent, now };
                moved.extend(recording.one(&person, judgement)?);
            }
            holds::dissolve(tx, &config, now)?;
            if silent && !tx.prepare("SELECT 1 FROM people WHERE dirty = 1")?.exists([])? {
                set_meta(tx, "first_pass_complete", Some("yes"))?;
            }
            Ok(moved)
        })
        .await
    }
}

struct Recording<'a> {
    db: &'a Connection,
    config: &'a str,
    coverage: &'a str,
    /// The number of the rules that were judged with.
    rule_set: i64,
    /// During the first pass only what is to be done is written down: everyone's baseline is a count, not a story.
    silent: bool,
    now: Timestamp,
}

impl Recording<'_> {
    fn one(&self, person: &Person, judgement: &Judgement) -> Result<Vec<Moved>, StoreError> {
        let name: String =
            self.db.query_row("SELECT name FROM people WHERE id = ?1", [person.id.0], |row| row.get(0))?;
        let mut moved = Vec::new();
        let changed = person.presence.as_ref() != Some(&judgement.presence);
        if changed && !(self.silent && person.presence.is_none()) {
            let why = match &judgement.presence {
                crate::model::standing::Presence::Excluded(exclusion) => Some(exclusion.to_string()),
                _ => None,
            };
            let from = person.presence.as_ref().map(|presence| presence.word().to_owned());
            let to = judgement.presence.word().to_owned();
            let detail = json!({ "from": from, "to": to, "why": why });
            self.audit(AuditKind::Presence, person.id, &name, detail)?;
            moved.push(Moved {
                person: person.id,
                name: name.clone(),
                sku: None,
                from,
                to,
                why,
                journey: Journey::default(),
            });
        }
        self.db
            .prepare_cached(
                "UPDATE people SET dirty = 0, look_again = ?2, presence = ?3, presence_detail = ?4,
                 presence_since = CASE WHEN ?5 THEN ?6 ELSE presence_since END, awaited = ?7, coverage = ?8, location = ?9,
                 look_up = CASE WHEN ?5 THEN NULL ELSE look_up END, rule_set = ?10
                 WHERE id = ?1",
            )?
            .execute(params![
                person.id.0,
                judgement.look_again.map(millis),
                judgement.presence.word(),
                json(&judgement.presence)?,
                changed,
                millis(self.now),
                judgement.awaited,
                self.coverage,
                json(&judgement.location)?,
                self.rule_set,
            ])?;
        self.matches(person, judgement)?;
        let ours = claims::shown(self.db, person, self.now)?;
        for change in &judgement.changes {
            let before = person.entitlements.get(&change.sku);
            let change = claimed(change, &ours);
            put(self.db, person.id, &change)?;
            if change.moved && !(self.silent && is_quiet(&change.entitlement.standing)) {
                moved.push(self.standing(person.id, &name, before, &change)?);
            }
        }
        Ok(moved)
    }

    fn matches(&self, person: &Person, judgement: &Judgement) -> Result<(), StoreError> {
        for (rule, found) in judgement.matches.iter().filter(|(rule, found)| person.matches.get(rule) != Some(found)) {
            self.db
                .prepare_cached(
                    "INSERT INTO matches (person, rule, eligible, baseline, unread, group_ids)
                     VALUES (?1, ?2, ?3, ?4, ?5, ?6)
                     ON CONFLICT (person, rule) DO UPDATE SET eligible = ?3, baseline = ?4, unread = ?5, group_ids = ?6",
                )?
                .execute(params![
                    person.id.0,
                    rule,
                    found.eligible,
                    found.baseline,
                    found.unread,
                    json(&found.groups)?,
                ])?;
        }
        let kept = |rule: &str| judgement.matches.iter().any(|(kept, _)| kept == rule);
        for (rule, _) in person.matches.iter().filter(|(rule, _)| !kept(rule)) {
            self.db
                .prepare_cached("DELETE FROM matches WHERE person = ?1 AND rule = ?2")?
                .execute(params![person.id.0, rule])?;
        }
        Ok(())
    }

    fn standing(
        &self,
        person: PersonId,
        name: &str,
        before: Option<&Entitlement>,
        change: &EntitlementChange,
    ) -> Result<Moved, StoreError> {
        let now = &change.entitlement;
        let from = before.map(|before| before.standing.word().to_owned());
        let (to, why) = (now.standing.word().to_owned(), change.why.clone().or_else(|| now.standing.why()));
        let detail = json!({ "sku": change.sku, "from": from, "to": to, "why": why, "rules": now.rules });
        self.audit(AuditKind::Standing, person, name, detail)?;
        let journey = match before.map(|before| &before.standing) {
            Some(Standing::InFlight { .. } | Standing::Confirming { .. } | Standing::Retrying { .. })
                if now.standing == Standing::Licensed =>
            {
                figures::journey(self.db, person, self.now)?
            }
            _ => Journey::default(),
        };
        Ok(Moved { person, name: name.to_owned(), sku: Some(change.sku), from, to, why, journey })
    }

    fn audit(
        &self,
        kind: AuditKind,
        person: PersonId,
        name: &str,
        detail: serde_json::Value,
    ) -> Result<(), StoreError> {
        let entry = Entry { subject: Some(name), config: Some(self.config), ..Entry::new(kind, detail).about(person) };
        append(self.db, self.now, &entry)
    }
}

/// What was taken for somebody else's is ours where an intent proves it.
fn claimed(change: &EntitlementChange, ours: &BTreeSet<SkuId>) -> EntitlementChange {
    let mut change = change.clone();
    if ours.contains(&change.sku) && matches!(change.entitlement.standing, Standing::Satisfied { .. }) {
        change.entitlement.standing = Standing::Licensed;
        change.entitlement.ours = true;
    }
    change
}

/// Standings that everyone who was there before us has.
fn is_quiet(standing: &Standing) -> bool {
    matches!(standing, Standing::Baseline | Standing::Satisfied { .. } | Standing::Differs)
}

fn put(db: &Connection, person: PersonId, change: &EntitlementChange) -> Result<(), StoreError> {
    let entitlement = &change.entitlement;
    if matches!(entitlement.standing, Standing::Lapsed) {
        // Nothing will be written under it any more. One with an unanswered call is settled first: another product of the
        // person may be in flight with it.
        db.prepare_cached(
            "UPDATE intents SET state = 'abandoned', closed = ?2 WHERE person = ?1 AND state = 'open'
             AND NOT EXISTS (SELECT 1 FROM calls WHERE intent = intents.id AND answered IS NULL)",
        )?
        .execute(params![person.0, millis(entitlement.since)])?;
    }
    save(db, person, change.sku, entitlement)
}

/// Writes an entitlement with the columns that derive from its standing.
pub(super) fn save(db: &Connection, person: PersonId, sku: SkuId, entitlement: &Entitlement) -> Result<(), StoreError> {
    let (check_at, hold, intent) = match &entitlement.standing {
        Standing::Retrying { at, .. } | Standing::Reclaiming { at } => (Some(*at), None, None),
        Standing::Confirming { accepted } => (Some(*accepted), None, None),
        Standing::Held { hold } => (None, Some(hold.0), None),
        Standing::InFlight { intent } => (None, None, Some(intent.0)),
        _ => (None, None, None),
    };
    db.prepare_cached(
        "INSERT INTO entitlements (person, sku, user, rules, disabled, wanted, priority, standing, detail, since, due_since,
                                   admitted, check_at, hold, intent, ours, action)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17)
         ON CONFLICT (person, sku) DO UPDATE SET user = ?3, rules = ?4, disabled = ?5, wanted = ?6, priority = ?7,
             standing = ?8, detail = ?9, since = ?10, due_since = ?11, admitted = ?12,
             check_at = CASE WHEN detail = excluded.detail THEN check_at ELSE ?13 END, hold = ?14, intent = ?15, ours = ?16,
             action = ?17",
    )?
    .execute(params![
        person.0,
        sku.to_string(),
        entitlement.user.to_string(),
        json(&entitlement.rules)?,
        json(&entitlement.disabled)?,
        json(&entitlement.wanted)?,
        entitlement.priority,
        entitlement.standing.word(),
        json(&entitlement.standing)?,
        millis(entitlement.since),
        entitlement.due_since.map(millis),
        entitlement.admitted.map(millis),
        check_at.map(millis),
        hold,
        intent,
        entitlement.ours,
        json(&entitlement.action)?,
    ])?;
    Ok(())
}
