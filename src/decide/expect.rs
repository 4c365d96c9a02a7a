//! Whether a license is left to a group of the tenant for a while (group-based licensing), instead of being assigned at once.
//!
//! A group gives its licenses to its direct members alone, after minutes, for large groups after hours (Entra's "Group-based
//! licensing concepts"). What it gave is seen in the user; here is decided how long that is waited for.

use std::collections::BTreeSet;

use jiff::{SignedDuration, Timestamp};

use super::bind::{BoundRule, Product};
use super::context::{Context, Expecting};
use super::stand::is_enough;
use crate::model::group::LicensingGroup;
use crate::model::identity::{PlanId, SkuId};
use crate::model::license::Catalog;
use crate::model::person::{Entitlement, Person};
use crate::model::standing::{ExpectedGroup, Standing};
use crate::model::user::User;

/// The products whose licenses, given by a group, could make a rule's license needless: those that bring one of the plans
/// it wants or takes instead.
#[must_use]
pub fn products_of_interest(rules: &[BoundRule], catalog: &Catalog) -> BTreeSet<SkuId> {
    let products = rules.iter().filter_map(|bound| bound.product.as_ref().ok());
    let plans: BTreeSet<PlanId> =
        products.flat_map(|product| product.wanted.union(&product.unless).copied().collect::<Vec<_>>()).collect();
    let brings = |plan: PlanId| plans.contains(&plan);
    catalog.iter().filter(|sku| sku.user_plans().any(|plan| brings(plan.id))).map(|sku| sku.id).collect()
}

/// What stands instead of a license that was about to be given, and why it moved if the standing does not say.
pub(super) fn instead(
    stored: Option<&Entitlement>,
    next: Option<Standing>,
    product: &Product,
    (person, user): (&Person, &User),
    context: &Context<'_>,
) -> (Option<Standing>, Option<String>) {
    let Some(expecting) = &context.expecting else { return (next, None) };
    let before = match stored.map(|stored| &stored.standing) {
        Some(Standing::Expected { groups, until }) => Some((groups, *until)),
        None | Some(Standing::Baseline | Standing::Lapsed | Standing::Reclaimed) => None,
        Some(_) => return (next, None),
    };
    if !next.as_ref().is_some_and(is_about_to_be_given) {
        return (next, None);
    }
    let until = before.map_or_else(|| later(context.now, expecting.grace), |(_, until)| until);
    if until <= context.now {
        let why = before.map(|(groups, _)| given_up(groups));
        return (next, why);
    }
    let asked_since = stored.filter(|_| before.is_some()).map_or(context.now, |stored| stored.since);
    match sources(expecting, product, (person, user), asked_since, context.catalog) {
        Sources::Unknown => still(before, Vec::new(), until),
        Sources::Groups(groups) => still(before, groups, until),
        Sources::None => (next, before.map(|_| "in no group that is to give it".to_owned())),
    }
}

/// To be licensed, or what would be but for a usage location, which a group's license does not need.
fn is_about_to_be_given(next: &Standing) -> bool {
    match next {
        Standing::Due => true,
        Standing::Refused { reason, .. } => reason.code == "no-usage-location",
        _ => false,
    }
}

fn later(now: Timestamp, grace: SignedDuration) -> Timestamp {
    now.checked_add(grace).unwrap_or(Timestamp::MAX)
}

/// Expected, if that is news. What is being looked up again is known as it was.
fn still(
    before: Option<(&Vec<ExpectedGroup>, Timestamp)>,
    groups: Vec<ExpectedGroup>,
    until: Timestamp,
) -> (Option<Standing>, Option<String>) {
    let same = before.is_some_and(|(known, _)| groups.is_empty() || *known == groups);
    ((!same).then_some(Standing::Expected { groups, until }), None)
}

fn given_up(groups: &[ExpectedGroup]) -> String {
    if groups.is_empty() {
        return "the user's groups could not be looked up in tenant.group_licensing_grace".to_owned();
    }
    let names: Vec<String> = groups.iter().map(ToString::to_string).collect();
    format!("group {} did not give it in tenant.group_licensing_grace", names.join(", "))
}

/// Where the license may come from.
enum Sources {
    /// It was not asked since it is wanted which groups the user is in.
    Unknown,
    /// From these.
    Groups(Vec<ExpectedGroup>),
    /// From none.
    None,
}

fn sources(
    expecting: &Expecting<'_>,
    product: &Product,
    (person, user): (&Person, &User),
    asked_since: Timestamp,
    catalog: &Catalog,
) -> Sources {
    let Some(groups) = expecting.groups else { return Sources::Unknown };
    let suffices = |groups: &[&LicensingGroup]| is_enough(&with(user, groups), product, catalog);
    if !suffices(&groups.values().collect::<Vec<_>>()) {
        return Sources::None;
    }
    let known = person.memberships.as_ref().filter(|known| known.read >= asked_since);
    let Some(known) = known else { return Sources::Unknown };
    let of_user: Vec<_> = groups.values().filter(|group| known.groups.contains(&group.id)).collect();
    if !suffices(&of_user) {
        return Sources::None;
    }
    let helps = |group: &&&LicensingGroup| group.licenses.iter().any(|license| brings(license.sku, product, catalog));
    Sources::Groups(of_user.iter().filter(helps).map(|group| named(group, user)).collect())
}

fn brings(sku: SkuId, product: &Product, catalog: &Catalog) -> bool {
    let relevant = |plan: PlanId| product.wanted.contains(&plan) || product.unless.contains(&plan);
    catalog.get(sku).is_some_and(|sku| sku.user_plans().any(|plan| relevant(plan.id)))
}

/// The user as it will be once these groups' licenses have arrived.
fn with(user: &User, groups: &[&LicensingGroup]) -> User {
    let mut user = user.clone();
    user.licenses.extend(groups.iter().flat_map(|group| group.licenses.iter().cloned()));
    user
}

fn named(group: &LicensingGroup, user: &User) -> ExpectedGroup {
    let id = group.id.to_string();
    let from_it = |from: &Option<String>| from.as_deref().is_some_and(|from| from.eq_ignore_ascii_case(&id));
    let error = user.sources.iter().filter(|source| from_it(&source.group)).find_map(|source| source.error.clone());
    ExpectedGroup { name: group.name.clone(), error }
}
