//! Why a person is given something or not: the decision once more, told instead of taken.

use std::collections::BTreeMap;

use super::bind::{BoundRule, Product};
use super::context::Context;
use super::judge::judge;
use super::meet::may_be_given;
use super::presence::speaker;
use crate::model::identity::{PersonId, SkuId};
use crate::model::judgement::Judgement;
use crate::model::person::{Entitlement, Manual, Person};
use crate::model::plan::Plan;
use crate::model::reasoning::{Outcome, ProductReason, Reasoning, RuleReason, Verdict};
use crate::model::rule::{BY_HAND, Dn, Subject, Who};
use crate::model::standing::{Presence, Standing};
use crate::model::user::User;

/// Tells of one person what each rule and each product comes to. Whom the plan writes for, holds or keeps waiting is told so.
#[must_use]
pub fn reasons(person: &Person, context: &Context<'_>, plan: &Plan) -> Reasoning {
    let judgement = judge(person, context);
    let mut entitlements = person.entitlements.clone();
    entitlements.extend(judgement.changes.iter().map(|change| (change.sku, change.entitlement.clone())));
    let user = match person.users.as_slice() {
        [known] => Some(&known.user),
        _ => None,
    };
    let account = speaker(person, context.now).map(|known| &known.account);
    let place = account.and_then(|account| Dn::parse(&account.dn));
    let subject = Subject {
        place: place.as_ref(),
        account: account.filter(|_| judgement.presence != Presence::CloudOnly),
        user,
        groups: (&person.groups).into(),
    };
    let case = Case { person, context, subject, judgement: &judgement, entitlements: &entitlements };
    Reasoning {
        presence: judgement.presence.word().to_owned(),
        products: entitlements.iter().map(|(sku, entitlement)| case.product(*sku, entitlement, plan)).collect(),
        rules: context.rules.iter().map(|bound| case.rule(bound)).collect(),
    }
}

/// One person, with what was decided.
struct Case<'a> {
    person: &'a Person,
    context: &'a Context<'a>,
    subject: Subject<'a>,
    judgement: &'a Judgement,
    entitlements: &'a BTreeMap<SkuId, Entitlement>,
}

impl Case<'_> {
    fn rule(&self, bound: &BoundRule) -> RuleReason {
        let (verdict, why) = self.verdict(bound);
        let catalog = self.context.catalog;
        let product = bound.product.as_ref().map_or_else(|_| bound.rule.sku.clone(), |found| catalog.name(found.sku));
        RuleReason { rule: bound.rule.id.to_string(), product, verdict, why }
    }

    fn verdict(&self, bound: &BoundRule) -> (Verdict, String) {
        let (rule, presence) = (&bound.rule, &self.judgement.presence);
        if let Some(problem) = bound.problems().next() {
            return (Verdict::Unusable, problem.to_string());
        }
        if !may_be_given(self.person, bound, presence, &self.subject, self.context.now) {
            return (Verdict::NotPresent, not_given(presence));
        }
        if !rule.who.includes(&self.subject) {
            return (Verdict::NotMeant, unmet(&rule.who, &self.subject));
        }
        if !rule.is_ready(&self.subject) {
            let ready = rule.ready.as_ref().map(ToString::to_string).unwrap_or_default();
            return (Verdict::NotReady, format!("`ready` {ready} does not match yet"));
        }
        match &bound.product {
            Ok(product) => self.wanted(bound, product),
            Err(problem) => (Verdict::Unusable, problem.to_string()),
        }
    }

    /// The rule means the person: who decides about its product, and what was decided.
    fn wanted(&self, bound: &BoundRule, product: &Product) -> (Verdict, String) {
        if self.person.manual.get(&product.sku) == Some(&Manual::Withheld) {
            return (Verdict::Withheld, "withheld by hand, until `seatsync release`".to_owned());
        }
        let baseline = self.judgement.matches.get(&bound.rule.id).is_some_and(|found| found.baseline);
        let entitlement = self.entitlements.get(&product.sku);
        let first = entitlement.and_then(|entitlement| entitlement.rules.first());
        match (entitlement, first) {
            (Some(_), Some(first)) if **first != *bound.rule.id => {
                (Verdict::Outranked, self.outranked(bound, first, baseline))
            }
            (Some(Entitlement { standing: Standing::Satisfied { .. }, .. }), _) => {
                (Verdict::Satisfied, self.enough(product))
            }
            (Some(Entitlement { standing: Standing::Licensed, .. }), _) => {
                (Verdict::Satisfied, "seatsync gave it".to_owned())
            }
            _ if baseline => (
                Verdict::Baseline,
                "was there before the rule, or before seatsync: `seatsync include` ends that".to_owned(),
            ),
            (Some(entitlement), _) => (Verdict::Decides, told(&entitlement.standing)),
            (None, _) => (Verdict::Decides, "nothing is to be written".to_owned()),
        }
    }

    fn outranked(&self, bound: &BoundRule, first: &str, baseline: bool) -> String {
        if first == BY_HAND {
            return "the product was assigned by hand, which goes before every rule".to_owned();
        }
        let other = self.context.rules.iter().find(|other| *other.rule.id == *first).map(|other| &other.rule);
        let by = match other {
            _ if baseline && !self.judgement.matches.get(first).is_some_and(|found| found.baseline) => {
                "for which the person is not baseline".to_owned()
            }
            Some(other) if other.priority != bound.rule.priority => {
                format!("with priority {} before {}", other.priority, bound.rule.priority)
            }
            _ => "with the same priority, and stands before it in the file".to_owned(),
        };
        format!("rule {first} wants the same product, {by}")
    }

    /// What brings what is wanted.
    fn enough(&self, product: &Product) -> String {
        let catalog = self.context.catalog;
        let named = |sku: SkuId| {
            let brought = catalog.enabled_plans(sku, self.disabled(sku)?);
            let plans = catalog.get(sku)?.plans.iter().filter(|plan| product.unless.contains(&plan.id));
            let names: Vec<&str> =
                plans.filter(|plan| brought.contains(&plan.id)).map(|plan| plan.name.as_str()).collect();
            (!names.is_empty()).then(|| format!("{} brings {} (unless_has_plan)", catalog.name(sku), names.join(", ")))
        };
        let licenses = self.subject.user.map(|user| user.licenses.as_slice()).unwrap_or_default();
        let others: Vec<String> = licenses
            .iter()
            .filter(|license| license.sku != product.sku)
            .filter_map(|license| named(license.sku))
            .collect();
        let standing = self.entitlements.get(&product.sku).and_then(|entitlement| entitlement.standing.why());
        match others.as_slice() {
            [] => standing.unwrap_or_else(|| "has what is wanted".to_owned()),
            others => others.join("; "),
        }
    }

    fn disabled(&self, sku: SkuId) -> Option<&std::collections::BTreeSet<crate::model::identity::PlanId>> {
        self.subject.user.and_then(|user: &User| user.license(sku)).map(|license| &license.disabled)
    }

    fn product(&self, sku: SkuId, entitlement: &Entitlement, plan: &Plan) -> ProductReason {
        let (outcome, said) = outcome(self.person.id, sku, plan);
        ProductReason {
            sku,
            product: self.context.catalog.name(sku),
            outcome,
            standing: entitlement.standing.word().to_owned(),
            rule: entitlement.rules.first().cloned(),
            why: said.unwrap_or_else(|| told(&entitlement.standing)),
        }
    }
}

/// What a plan does about one person's product, with why where the standing does not say it.
fn outcome(person: PersonId, sku: SkuId, plan: &Plan) -> (Outcome, Option<String>) {
    let mut writes = plan.writes.iter().filter(|write| write.person == person);
    if let Some(write) = writes.find(|write| write.skus().any(|written| written == sku)) {
        return match write.licenses.iter().find(|license| license.sku == sku) {
            Some(license) if license.held => (Outcome::Change, Some("the license gets other plans".to_owned())),
            Some(license) => (Outcome::Give, Some(format!("rule {} wants it", license.rule))),
            None => (Outcome::Take, None),
        };
    }
    if plan.waiting.contains(&(person, sku)) {
        return (Outcome::WaitForSeat, Standing::AwaitingSeat.why());
    }
    let held = plan.held.iter().find(|cohort| cohort.members.contains(&(person, sku)));
    held.map_or((Outcome::Nothing, None), |cohort| (Outcome::Hold, Some(cohort.reason.to_string())))
}

/// Why an entitlement stands where it does.
fn told(standing: &Standing) -> String {
    standing.why().unwrap_or_else(|| {
        let text = match standing {
            Standing::Due => "to be written; not now if the product is stopped",
            Standing::InFlight { .. } => "a write is under way, its outcome is not known yet",
            Standing::Licensed => "given by seatsync and seen to work",
            Standing::Differs => "holds the product with other plans: left alone, unless the rule has `adopt`",
            Standing::Lapsed => "no rule wants it any more: what is there stays",
            Standing::Reclaimed => "taken back by seatsync",
            other => other.word(),
        };
        text.to_owned()
    })
}

/// Why nothing is given to somebody who stands so.
fn not_given(presence: &Presence) -> String {
    match presence {
        Presence::Excluded(exclusion) => format!("excluded: {exclusion}"),
        Presence::NotSynced | Presence::Awaiting => "there is no user of the tenant yet".to_owned(),
        Presence::UnknownInDirectory => "the account lies outside of what is read of the directory".to_owned(),
        Presence::CloudOnly => "a user who was never synced: only a rule with `cloud_domain` means such".to_owned(),
        Presence::Departed => "the account is no longer in the directory".to_owned(),
        Presence::Present => "nothing speaks against it".to_owned(),
    }
}

/// The conditions of a rule that the subject does not meet.
fn unmet(who: &Who, subject: &Subject<'_>) -> String {
    let each = |parts: Vec<&Who>| parts.into_iter().map(|part| unmet(part, subject)).collect::<Vec<_>>().join(", ");
    match who {
        Who::Everyone => "has no account".to_owned(),
        Who::Ou(dn) => format!("not below {dn}"),
        Who::Filter(filter) => format!("does not match {filter}"),
        Who::Group(dn) => format!("not in group {dn}"),
        Who::EntraGroup(id) => format!("not in group {id} of the tenant"),
        Who::CloudDomain(domain) => format!("not a never synced user of {domain}"),
        Who::Any(parts) => each(parts.iter().collect()),
        Who::All(parts) => each(parts.iter().filter(|part| !part.includes(subject)).collect()),
        Who::Not(_) => "left out by `not`".to_owned(),
    }
}
