//! What decisions about everyone are made with, gathered once for a pass.

use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, Timestamp};

use super::{Agent, AgentError};
use crate::decide::{BoundRule, Context, Expecting, bind, reasons, rule_set, shield};
use crate::directory::joint_coverage;
use crate::model::group::LicensingGroup;
use crate::model::identity::{GroupId, PersonId};
use crate::model::judgement::Contact;
use crate::model::license::Catalog;
use crate::model::matches::RuleSet;
use crate::model::plan::Plan;
use crate::model::reasoning::Reasoning;
use crate::model::rule::Dn;
use crate::model::settings::Settings;

/// What a [`Context`] borrows.
pub(super) struct Grounds {
    pub rules: Vec<BoundRule>,
    rule_set: RuleSet,
    pub catalog: Catalog,
    /// Names all that is read of the directory.
    pub coverage: String,
    bases: Vec<Dn>,
    contact: Contact,
    licensing: Option<BTreeMap<GroupId, LicensingGroup>>,
    grace: Option<SignedDuration>,
}

impl Grounds {
    pub(super) fn context<'a>(&'a self, settings: &'a Settings, now: Timestamp) -> Context<'a> {
        Context {
            rules: &self.rules,
            rule_set: self.rule_set.clone(),
            catalog: &self.catalog,
            location: &settings.location,
            coverage: &self.coverage,
            bases: &self.bases,
            contact: self.contact,
            protected: &settings.guard.protected,
            existing: settings.guard.existing,
            expecting: self.grace.map(|grace| Expecting { grace, groups: self.licensing.as_ref() }),
            clock_skew: SignedDuration::try_from(settings.work.clock_skew).unwrap_or(SignedDuration::ZERO),
            now,
        }
    }
}

impl Agent {
    pub(super) async fn grounds(&self, contact: Contact) -> Result<Grounds, AgentError> {
        let catalog = self.store.catalog().await?;
        let (settings, states) = (&self.settings, self.store.group_states().await?);
        let rules = shield(bind(&settings.rules, &catalog, &states), &settings.guard.protected, &states);
        Ok(Grounds {
            rule_set: rule_set(&rules),
            rules,
            catalog,
            coverage: joint_coverage(&settings.directories),
            bases: settings.bases(),
            contact,
            licensing: self.store.licensing_groups().await?,
            grace: self.grace(),
        })
    }

    /// Why what a plan says of these persons, and nothing else, would be written: what each rule comes to for them. Empty
    /// before both sides were read for the first time.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn reasons(
        &self,
        people: &BTreeSet<PersonId>,
        plan: &Plan,
    ) -> Result<BTreeMap<PersonId, Reasoning>, AgentError> {
        let Some(contact) = self.store.contact().await? else { return Ok(BTreeMap::new()) };
        let grounds = self.grounds(contact).await?;
        let context = grounds.context(&self.settings, self.clock.now());
        let mut told = BTreeMap::new();
        for id in people {
            if let Some(person) = self.store.person(*id).await? {
                told.insert(*id, reasons(&person, &context, plan));
            }
        }
        Ok(told)
    }
}
