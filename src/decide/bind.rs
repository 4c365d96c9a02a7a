//! Ties a rule, which names products and plans in the operator's words, to what the tenant has bought.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::model::group::{GroupState, ScopeGroup};
use crate::model::identity::{PlanId, SkuId};
use crate::model::license::{Catalog, INTUNE_PLANS, Sku};
use crate::model::matches::RuleSet;
use crate::model::rule::{Adopt, Plans, Rule, Who};

/// A rule and the product it means in this tenant.
#[derive(Clone, Debug, PartialEq)]
pub struct BoundRule {
    /// The rule as written.
    pub rule: Rule,
    /// What it means here; `Err` when the tenant has no such product or plan. Whom the rule meets is still followed, so
    /// that nobody is lost once it can be bound.
    pub product: Result<Product, BindProblem>,
    /// `Err` while a group that the rule names is not known: it decides nothing then, and what it caused stays.
    pub groups: Result<(), BindProblem>,
}

impl BoundRule {
    /// Why the rule cannot be followed now, if it cannot.
    pub fn problems(&self) -> impl Iterator<Item = &BindProblem> {
        self.product.as_ref().err().into_iter().chain(self.groups.as_ref().err())
    }

    /// Whether what it wants can be decided and written.
    #[must_use]
    pub fn is_usable(&self) -> bool {
        self.product.is_ok() && self.groups.is_ok()
    }
}

/// A product with the plans a rule wants.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Product {
    /// Which.
    pub sku: SkuId,
    /// User-level plans to be on.
    pub wanted: BTreeSet<PlanId>,
    /// Plans to be off.
    pub disabled: BTreeSet<PlanId>,
    /// The plans that the rule names: to be off, or to be on. All others are as they come.
    pub named: Named,
    /// Whoever has one of these needs nothing.
    pub unless: BTreeSet<PlanId>,
}

/// The plans that a rule names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Named {
    /// To be off.
    Off(BTreeSet<PlanId>),
    /// To be on.
    On(BTreeSet<PlanId>),
}

impl Product {
    /// What an operator assigns by hand; `None` when the tenant does not have it any more.
    #[must_use]
    pub fn by_hand(sku: SkuId, disabled: &BTreeSet<PlanId>, catalog: &Catalog) -> Option<Self> {
        let wanted = catalog.get(sku)?.user_plans().map(|plan| plan.id).filter(|id| !disabled.contains(id)).collect();
        let (disabled, named) = (disabled.clone(), Named::Off(disabled.clone()));
        Some(Self { sku, wanted, disabled, named, unless: BTreeSet::new() })
    }

    /// The plans to be off in a direct license that has these off.
    #[must_use]
    pub fn adopted(&self, current: &BTreeSet<PlanId>, adopt: Adopt) -> BTreeSet<PlanId> {
        match (adopt, &self.named) {
            (Adopt::Leave, _) => current.clone(),
            (Adopt::Enforce, _) => self.disabled.clone(),
            (Adopt::Merge, Named::Off(off)) => current.union(off).copied().collect(),
            (Adopt::Merge, Named::On(on)) => current.difference(on).copied().collect(),
        }
    }
}

/// Why a rule means nothing in this tenant.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BindProblem {
    /// The tenant has not bought it.
    #[error("rule \"{rule}\": the tenant has no product \"{sku}\"{}", near_text(near))]
    UnknownSku {
        /// Which rule.
        rule: Arc<str>,
        /// What it names.
        sku: String,
        /// What it may have meant.
        near: Vec<String>,
    },
    /// A product for devices or the whole company.
    #[error("rule \"{rule}\": product \"{sku}\" cannot be assigned to users; its appliesTo is not User")]
    NotForUsers {
        /// Which rule.
        rule: Arc<str>,
        /// What it names.
        sku: String,
    },
    /// The product has no such plan.
    #[error("rule \"{rule}\": product \"{sku}\" has no service plan \"{plan}\"{}", near_text(near))]
    UnknownPlan {
        /// Which rule.
        rule: Arc<str>,
        /// Of which product.
        sku: String,
        /// What it names.
        plan: String,
        /// What it may have meant.
        near: Vec<String>,
    },
    /// A company-level plan is not part of a user's license.
    #[error(
        "rule \"{rule}\": service plan \"{plan}\" of \"{sku}\" is set for the whole company and cannot be turned on or off for a user"
    )]
    CompanyPlan {
        /// Which rule.
        rule: Arc<str>,
        /// Of which product.
        sku: String,
        /// What it names.
        plan: String,
    },
    /// Nothing would be assigned.
    #[error("rule \"{rule}\" leaves no service plan of \"{sku}\" on")]
    NothingLeft {
        /// Which rule.
        rule: Arc<str>,
        /// Of which product.
        sku: String,
    },
    /// There is no such group.
    #[error(
        "rule \"{rule}\": the {} has no group {group}; what the rule gave stays, and nobody is licensed by it meanwhile",
        group.side()
    )]
    UnknownGroup {
        /// Which rule.
        rule: Arc<str>,
        /// What it names.
        group: ScopeGroup,
    },
    /// The app may not see who is in it.
    #[error(
        "rule \"{rule}\": the members of group {group} are hidden; grant the app the permission Member.Read.Hidden too"
    )]
    HiddenGroup {
        /// Which rule.
        rule: Arc<str>,
        /// What it names.
        group: ScopeGroup,
    },
    /// Who is protected is not known.
    #[error(
        "rule \"{rule}\": it is not known who is in group {group}, which guard.protected names; until it is, no rule gives, \
         changes or takes anything"
    )]
    UnknownProtection {
        /// Which rule.
        rule: Arc<str>,
        /// What `guard.protected` names.
        group: ScopeGroup,
    },
    /// Its members could not be read to their end yet.
    #[error("rule \"{rule}\": group {group} was never read to its end yet; until then nobody is licensed by the rule")]
    UnreadGroup {
        /// Which rule.
        rule: Arc<str>,
        /// What it names.
        group: ScopeGroup,
    },
}

fn near_text(near: &[String]) -> String {
    if near.is_empty() { String::new() } else { format!("; it has {}", near.join(", ")) }
}

/// Ties every rule, in the order of the file. A group without a state was never read.
#[must_use]
pub fn bind(rules: &[Rule], catalog: &Catalog, groups: &BTreeMap<ScopeGroup, GroupState>) -> Vec<BoundRule> {
    let one = |rule: &Rule| BoundRule {
        rule: rule.clone(),
        product: bind_one(rule, catalog),
        groups: bind_groups(rule, groups),
    };
    rules.iter().map(one).collect()
}

/// The ids and digests of the rules.
#[must_use]
pub fn rule_set(rules: &[BoundRule]) -> RuleSet {
    rules.iter().map(|bound| (bound.rule.id.clone(), bound.rule.digest.clone())).collect()
}

/// The first group of those that are protected whose members are not known.
#[must_use]
pub fn unknown_protection(protected: &[Who], groups: &BTreeMap<ScopeGroup, GroupState>) -> Option<ScopeGroup> {
    protected.iter().flat_map(Who::groups).find(|group| groups.get(group) != Some(&GroupState::Known))
}

/// While it is not known who is protected, no rule decides anything.
#[must_use]
pub fn shield(
    mut rules: Vec<BoundRule>,
    protected: &[Who],
    groups: &BTreeMap<ScopeGroup, GroupState>,
) -> Vec<BoundRule> {
    if let Some(group) = unknown_protection(protected, groups) {
        for bound in &mut rules {
            let (rule, group) = (bound.rule.id.clone(), group.clone());
            bound.groups = Err(BindProblem::UnknownProtection { rule, group });
        }
    }
    rules
}

fn bind_groups(rule: &Rule, groups: &BTreeMap<ScopeGroup, GroupState>) -> Result<(), BindProblem> {
    let check = |group: ScopeGroup| {
        let rule = rule.id.clone();
        match groups.get(&group) {
            Some(GroupState::Known) => Ok(()),
            Some(GroupState::Missing) => Err(BindProblem::UnknownGroup { rule, group }),
            Some(GroupState::Hidden) => Err(BindProblem::HiddenGroup { rule, group }),
            Some(GroupState::Unread) | None => Err(BindProblem::UnreadGroup { rule, group }),
        }
    };
    rule.who.groups().into_iter().try_for_each(check)
}

fn bind_one(rule: &Rule, catalog: &Catalog) -> Result<Product, BindProblem> {
    let sku = catalog.find(&rule.sku).ok_or_else(|| BindProblem::UnknownSku {
        rule: rule.id.clone(),
        sku: rule.sku.clone(),
        near: catalog.iter().filter(|sku| sku.for_users).map(|sku| sku.part_number.clone()).collect(),
    })?;
    if !sku.for_users {
        return Err(BindProblem::NotForUsers { rule: rule.id.clone(), sku: sku.part_number.clone() });
    }
    let ids =
        |names: &[String]| names.iter().map(|name| user_plan(rule, sku, name)).collect::<Result<BTreeSet<_>, _>>();
    let all = || sku.user_plans().map(|plan| plan.id);
    let (disabled, named): (BTreeSet<PlanId>, _) = match &rule.plans {
        Plans::AllBut(names) => (ids(names)?, Named::Off(ids(names)?)),
        Plans::Only(names) => {
            let on = ids(names)?;
            (all().filter(|id| !on.contains(id)).collect(), Named::On(on))
        }
    };
    let wanted: BTreeSet<PlanId> = all().filter(|id| !disabled.contains(id)).collect();
    if wanted.is_empty() {
        return Err(BindProblem::NothingLeft { rule: rule.id.clone(), sku: sku.part_number.clone() });
    }
    let unless = unless_plans(rule, sku, catalog, &disabled)?;
    Ok(Product { sku: sku.id, wanted, disabled, named, unless })
}

fn user_plan(rule: &Rule, sku: &Sku, name: &str) -> Result<PlanId, BindProblem> {
    match sku.plan(name) {
        Some(plan) if plan.for_users => Ok(plan.id),
        Some(plan) => Err(BindProblem::CompanyPlan {
            rule: rule.id.clone(),
            sku: sku.part_number.clone(),
            plan: plan.name.clone(),
        }),
        None => Err(BindProblem::UnknownPlan {
            rule: rule.id.clone(),
            sku: sku.part_number.clone(),
            plan: name.to_owned(),
            near: sku.user_plans().map(|plan| plan.name.clone()).collect(),
        }),
    }
}

/// Named plans may come with any product; without names it is this product's Intune plan, unless the rule turns it off.
fn unless_plans(
    rule: &Rule,
    sku: &Sku,
    catalog: &Catalog,
    disabled: &BTreeSet<PlanId>,
) -> Result<BTreeSet<PlanId>, BindProblem> {
    let Some(names) = &rule.unless_has_plan else {
        let intune = INTUNE_PLANS.iter().filter_map(|name| sku.plan(name)).map(|plan| plan.id);
        return Ok(intune.filter(|id| !disabled.contains(id)).collect());
    };
    names
        .iter()
        .map(|name| {
            catalog.iter().find_map(|sku| sku.plan(name)).map(|plan| plan.id).ok_or_else(|| BindProblem::UnknownPlan {
                rule: rule.id.clone(),
                sku: "any product of the tenant".to_owned(),
                plan: name.clone(),
                near: sku.user_plans().map(|plan| plan.name.clone()).collect(),
            })
        })
        .collect()
}
