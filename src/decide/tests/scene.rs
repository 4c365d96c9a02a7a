//! A person before a decision, and what the decision makes of it.

use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, Timestamp};

use crate::decide::{BoundRule, Context, Expecting, bind, judge, rule_set, shield};
use crate::model::account::Account;
use crate::model::group::{GroupState, LicensingGroup, ScopeGroup};
use crate::model::identity::{GroupId, PersonId, SkuId};
use crate::model::judgement::{Contact, Judgement};
use crate::model::license::Catalog;
use crate::model::matches::{Matches, RuleMatch};
use crate::model::person::{Entitlement, KnownAccount, KnownUser, Person};
use crate::model::rule::{Dn, Rule, Who};
use crate::model::sample::{self, account, at, ems, user};
use crate::model::settings::{Existing, LocationSettings};
use crate::model::standing::Standing;
use crate::model::user::User;

/// First contact went from 0 to 100.
pub(super) struct Scene {
    pub rules: Vec<Rule>,
    pub catalog: Catalog,
    pub location: LocationSettings,
    pub coverage: &'static str,
    pub bases: Vec<Dn>,
    pub protected: Vec<Who>,
    pub existing: Existing,
    /// What is known of groups that rules name.
    pub groups: BTreeMap<ScopeGroup, GroupState>,
    pub grace: Option<SignedDuration>,
    pub licensing: Option<BTreeMap<GroupId, LicensingGroup>>,
    pub person: Person,
}

impl Scene {
    /// Somebody on both sides, there before us, never judged; one rule gives everyone EMS.
    pub fn old() -> Self {
        Self {
            rules: vec![sample::rule("ems", "EMS")],
            catalog: sample::catalog(),
            location: sample::location(),
            coverage: "coverage 1",
            bases: vec![Dn::parse("DC=corp,DC=example,DC=test").unwrap()],
            protected: Vec::new(),
            existing: Existing::Leave,
            groups: BTreeMap::new(),
            grace: None,
            licensing: None,
            person: Person {
                id: PersonId(1),
                revision: 1,
                presence: None,
                coverage: None,
                accounts: vec![known_account(account(1), true)],
                users: vec![known_user(user(1), at(50))],
                groups: BTreeSet::new(),
                memberships: None,
                matches: Matches::default(),
                manual: BTreeMap::new(),
                entitlements: BTreeMap::new(),
            },
        }
    }

    /// Somebody who appeared on both sides after first contact.
    pub fn new() -> Self {
        let mut scene = Self::old();
        scene.person.accounts = vec![known_account(account(1), false)];
        scene.person.users = vec![known_user(User { created: Some(at(500)), ..user(1) }, at(510))];
        scene
    }

    /// Changes something before the next decision.
    pub fn when(mut self, change: impl FnOnce(&mut Self)) -> Self {
        change(&mut self);
        self
    }

    /// Decides, and keeps what was decided as the store does.
    pub fn judged(self, now: Timestamp) -> Self {
        let judgement = self.judge(now);
        self.take(judgement)
    }

    pub fn judge(&self, now: Timestamp) -> Judgement {
        let rules = shield(bind(&self.rules, &self.catalog, &self.groups), &self.protected, &self.groups);
        judge(&self.person, &self.context(&rules, now))
    }

    pub fn context<'a>(&'a self, rules: &'a [BoundRule], now: Timestamp) -> Context<'a> {
        Context {
            rules,
            rule_set: rule_set(rules),
            catalog: &self.catalog,
            location: &self.location,
            coverage: self.coverage,
            bases: &self.bases,
            contact: Contact { started: at(0), completed: at(100) },
            protected: &self.protected,
            existing: self.existing,
            expecting: self.grace.map(|grace| Expecting { grace, groups: self.licensing.as_ref() }),
            clock_skew: SignedDuration::from_secs(10),
            now,
        }
    }

    pub fn take(mut self, judgement: Judgement) -> Self {
        let person = &mut self.person;
        person.revision += 1;
        person.presence = Some(judgement.presence);
        person.coverage = Some(self.coverage.to_owned());
        person.matches = judgement.matches;
        for change in judgement.changes {
            person.entitlements.insert(change.sku, change.entitlement);
        }
        self
    }

    /// The standing of EMS as if a write, a plan or an operator had moved it.
    pub fn stands(self, standing: Standing) -> Self {
        self.when(|scene| {
            let entitlement = scene.person.entitlements.get_mut(&ems()).expect("judged before");
            entitlement.standing = standing;
        })
    }

    /// Whether the person was there before the rule, as an operator's word has it.
    pub fn baseline(self, baseline: bool) -> Self {
        self.when(|scene| {
            let met = RuleMatch { baseline, ..scene.person.matches["ems"].clone() };
            scene.person.matches.put("ems", met);
        })
    }

    pub fn account(&mut self) -> &mut Account {
        &mut self.person.accounts[0].account
    }

    pub fn user(&mut self) -> &mut User {
        &mut self.person.users[0].user
    }

    /// Gives the user a product, or lets it be given.
    pub fn licensed(self, id: SkuId, off: &[crate::model::identity::PlanId], group: Option<&str>) -> Self {
        self.when(|scene| *scene.user() = sample::licensed(scene.user().clone(), id, off, group))
    }

    /// Takes every license from the user.
    pub fn stripped(self) -> Self {
        self.when(|scene| {
            scene.user().licenses.clear();
            scene.user().sources.clear();
            scene.user().plans.clear();
        })
    }

    pub fn edited(self, edit: impl FnOnce(&mut Rule)) -> Self {
        self.when(|scene| edit(&mut scene.rules[0]))
    }

    pub fn ems(&self) -> &Entitlement {
        &self.person.entitlements[&ems()]
    }

    /// How EMS stands, in a word.
    pub fn word(&self) -> &'static str {
        self.person.entitlements.get(&ems()).map_or("none", |entitlement| entitlement.standing.word())
    }

    /// Where the person stands, in a word.
    pub fn presence(&self) -> &'static str {
        self.person.presence.as_ref().map_or("none", |presence| presence.word())
    }
}

pub(super) fn known_account(account: Account, at_first_contact: bool) -> KnownAccount {
    KnownAccount { account, first_seen: at(20), gone: false, at_first_contact }
}

pub(super) fn known_user(user: User, first_seen: Timestamp) -> KnownUser {
    KnownUser { user, first_seen }
}
