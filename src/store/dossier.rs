//! What operators read of one person: accounts, users, how the rules met it, its entitlements, writes and history.

use std::collections::BTreeMap;

use jiff::Timestamp;
use rusqlite::Connection;
use serde::Serialize;
use serde_json::Value;

use super::audit::{self, AuditRow};
use super::report::{PersonLine, line};
use super::rows::{collect, json_of, named, time_of};
use super::{Store, StoreError, groups, people};
use crate::model::account::Account;
use crate::model::identity::{IntentId, PersonId, SkuId, UserId};
use crate::model::matches::RuleMatch;
use crate::model::person::{KnownAccount, KnownUser, Manual, Person};
use crate::model::user::User;

/// Everything about one person.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Dossier {
    /// As in a list.
    pub person: PersonLine,
    /// Its accounts.
    pub accounts: Vec<AccountView>,
    /// Its users.
    pub users: Vec<UserView>,
    /// How each rule meets it.
    pub rules: BTreeMap<String, RuleView>,
    /// What operators asked for by hand, which goes before every rule.
    pub by_hand: Vec<ByHand>,
    /// Writes that were decided on.
    pub intents: Vec<IntentView>,
    /// What was seen, decided, tried and answered.
    pub timeline: Vec<AuditRow>,
}

/// How a rule meets a person, in a dossier.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct RuleView {
    /// The rule wants the person to have its product.
    pub eligible: bool,
    /// The person was there before the rule, or before us.
    pub baseline: bool,
    /// A group that the rule names is not known, so that the rule decides nothing now.
    pub unread: bool,
    /// The groups, of those it names, that the person is in.
    pub groups: Vec<String>,
}

/// What an operator asked for by hand.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ByHand {
    /// Of which product.
    pub sku: SkuId,
    /// To have it, with which plans off, or not to have it.
    #[serde(flatten)]
    pub word: Manual,
}

/// An account in a dossier.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct AccountView {
    /// As last read.
    #[serde(flatten)]
    pub account: Account,
    /// When it was first read.
    pub first_seen: Timestamp,
    /// Deleted or absent.
    pub gone: bool,
}

/// A user in a dossier.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct UserView {
    /// As last read.
    #[serde(flatten)]
    pub user: User,
    /// When it was first read.
    pub first_seen: Timestamp,
}

/// An intent in a dossier.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct IntentView {
    /// Its number.
    pub id: IntentId,
    /// For whom in the tenant.
    pub user: UserId,
    /// What is written.
    pub body: Value,
    /// `open`, `accepted`, `refused`, `no-seat` or `abandoned`.
    pub state: String,
    /// When it was committed.
    pub made: Timestamp,
    /// Calls made for it.
    pub calls: u64,
}

impl Store {
    /// One person's whole story.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn dossier(&self, id: PersonId) -> Result<Option<Dossier>, StoreError> {
        self.read(move |db| match people::load(db, id)? {
            Some(person) => dossier(db, person).map(Some),
            None => Ok(None),
        })
        .await
    }
}

fn dossier(db: &Connection, person: Person) -> Result<Dossier, StoreError> {
    let id = person.id;
    let intents = "SELECT i.*, (SELECT count(*) FROM calls WHERE intent = i.id) AS calls FROM intents i
                   WHERE i.person = ?1 ORDER BY i.id";
    Ok(Dossier {
        person: line(db, id)?,
        accounts: person.accounts.into_iter().map(account_view).collect(),
        users: person.users.into_iter().map(|KnownUser { user, first_seen }| UserView { user, first_seen }).collect(),
        rules: person
            .matches
            .all()
            .map(|(rule, found)| rule_view(db, rule.to_owned(), found))
            .collect::<Result<_, _>>()?,
        by_hand: person.manual.into_iter().map(|(sku, word)| ByHand { sku, word }).collect(),
        intents: collect(db, intents, [id.0], |row| {
            Ok(IntentView {
                id: IntentId(row.get("id")?),
                user: named(row, "user")?,
                body: json_of(row, "body")?,
                state: row.get("state")?,
                made: time_of(row, "made")?,
                calls: row.get::<_, i64>("calls")?.cast_unsigned(),
            })
        })?,
        timeline: collect(db, "SELECT * FROM audit WHERE person = ?1 ORDER BY id", [id.0], audit::row)?,
    })
}

fn rule_view(db: &Connection, rule: String, found: &RuleMatch) -> Result<(String, RuleView), StoreError> {
    let RuleMatch { eligible, baseline, unread, .. } = *found;
    Ok((rule, RuleView { eligible, baseline, unread, groups: groups::names(db, &found.groups)? }))
}

fn account_view(known: KnownAccount) -> AccountView {
    AccountView { account: known.account, first_seen: known.first_seen, gone: known.gone }
}
