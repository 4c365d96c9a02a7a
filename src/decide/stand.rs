//! Where one entitlement stands, given what the rules want and what the user has.

use std::collections::BTreeSet;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use super::bind::Product;
use crate::model::identity::{PlanId, SkuId};
use crate::model::judgement::LocationWish;
use crate::model::license::Catalog;
use crate::model::person::Entitlement;
use crate::model::standing::Standing;
use crate::model::user::User;

/// Until when a license is read back before it is taken for what it then shows: Graph's replicas lag by minutes, and some
/// plans are enabled hours later.
const CONFIRMED_WITHIN: SignedDuration = SignedDuration::from_hours(24);

/// What a user has of a product that a rule wants.
enum Observed {
    /// Enough, from wherever.
    Enough { direct: bool, groups: Vec<String> },
    /// The product directly, with other plans off than wanted.
    Otherwise,
    /// Not enough.
    Lacking,
}

/// Whether a license we wrote is seen to work: the product is assigned, directly according to its sources, and every wanted
/// plan is enabled.
#[must_use]
pub fn is_confirmed(user: &User, sku: SkuId, wanted: &BTreeSet<PlanId>) -> bool {
    let direct = user.sources.iter().any(|source| source.sku == sku && source.group.is_none());
    direct && user.license(sku).is_some() && wanted.is_subset(&user.plans)
}

/// When to read an accepted license back by itself: `first` after it was accepted, since a feed mostly shows it sooner, then
/// ever more rarely.
#[must_use]
pub fn next_confirmation(accepted: Timestamp, first: Duration, now: Timestamp) -> Timestamp {
    let elapsed = Duration::try_from(now.duration_since(accepted)).unwrap_or_default();
    now.checked_add(elapsed.clamp(first, first.max(Duration::from_mins(10)))).unwrap_or(Timestamp::MAX)
}

/// When a license that was accepted then must have been seen to work.
pub(super) fn confirmed_by(accepted: Timestamp) -> Timestamp {
    accepted.checked_add(CONFIRMED_WITHIN).unwrap_or(Timestamp::MAX)
}

/// The plans that each license of a user turns on.
fn enabled_plans<'a>(user: &'a User, catalog: &'a Catalog) -> impl Iterator<Item = (SkuId, BTreeSet<PlanId>)> + 'a {
    user.licenses.iter().map(|license| match catalog.get(license.sku) {
        Some(_) => (license.sku, catalog.enabled_plans(license.sku, &license.disabled)),
        None => (license.sku, user.plans.clone()),
    })
}

/// Whether the licenses suffice, wherever they are from.
pub(super) fn is_enough(user: &User, product: &Product, catalog: &Catalog) -> bool {
    matches!(observe(user, product, catalog), Observed::Enough { .. })
}

fn observe(user: &User, product: &Product, catalog: &Catalog) -> Observed {
    let mut enabled = BTreeSet::new();
    let mut from = BTreeSet::new();
    let relevant: BTreeSet<PlanId> = product.wanted.union(&product.unless).copied().collect();
    for (sku, plans) in enabled_plans(user, catalog) {
        if !plans.is_disjoint(&relevant) {
            from.insert(sku);
        }
        enabled.extend(plans);
    }
    let enough = !enabled.is_disjoint(&product.unless) || product.wanted.is_subset(&enabled);
    if enough {
        let groups: BTreeSet<String> = user
            .sources
            .iter()
            .filter(|source| from.contains(&source.sku) && source.gives())
            .filter_map(|source| source.group.clone())
            .collect();
        let direct = from.iter().any(|sku| user.direct_license(*sku).is_some());
        return Observed::Enough { direct, groups: groups.into_iter().collect() };
    }
    if user.direct_license(product.sku).is_some() { Observed::Otherwise } else { Observed::Lacking }
}

/// What the rules want of one product.
pub(super) struct Want<'a> {
    pub product: &'a Product,
    pub baseline: bool,
    /// The deciding rule is another than at the last decision.
    pub edited: bool,
}

/// Whoever had enough lacks something now, though nothing was taken: the rule is another, or another set of plans is
/// wanted than the one that the user still has.
pub(super) fn asks_for_more(
    stored: &Entitlement,
    product: &Product,
    edited: bool,
    user: &User,
    catalog: &Catalog,
) -> bool {
    let still = || {
        let enabled: BTreeSet<PlanId> = enabled_plans(user, catalog).flat_map(|(_, plans)| plans).collect();
        stored.wanted != product.wanted && stored.wanted.is_subset(&enabled)
    };
    matches!(stored.standing, Standing::Licensed | Standing::Satisfied { .. } | Standing::Differs)
        && (edited || still())
        && matches!(observe(user, product, catalog), Observed::Lacking)
}

/// The next standing; `None` leaves the entitlement as it is.
pub(super) fn next(
    stored: Option<&Entitlement>,
    want: Option<&Want<'_>>,
    user: &User,
    wish: &LocationWish,
    catalog: &Catalog,
    now: Timestamp,
) -> Option<Standing> {
    let standing = stored.map(|entitlement| &entitlement.standing);
    let ours = stored.is_some_and(|entitlement| entitlement.ours);
    let Some(want) = want else {
        return match standing {
            None | Some(Standing::InFlight { .. } | Standing::Lapsed | Standing::Reclaimed) => None,
            Some(_) => Some(Standing::Lapsed),
        };
    };
    let observed = observe(user, want.product, catalog);
    // What Graph shows of a fresh license may be of different ages: it is believed once all of it agrees.
    let confirmed =
        matches!(observed, Observed::Enough { .. }) && is_confirmed(user, want.product.sku, &want.product.wanted);
    let next = match (standing, observed) {
        (Some(Standing::InFlight { .. }), _) => return None,
        (Some(Standing::Confirming { accepted }), _) if !confirmed && now < confirmed_by(*accepted) => return None,
        // What is ours is a direct assignment: once it is a group's, or another product's, it no longer is.
        (_, Observed::Enough { .. }) if ours && user.direct_license(want.product.sku).is_some() => Standing::Licensed,
        (_, Observed::Enough { direct, groups }) => Standing::Satisfied { direct, groups },
        (_, Observed::Otherwise) => Standing::Differs,
        (standing, Observed::Lacking) => {
            let more = stored.is_some_and(|stored| asks_for_more(stored, want.product, want.edited, user, catalog));
            lacking(standing.filter(|_| !more), want, user, wish)
        }
    };
    (standing != Some(&next)).then_some(next)
}

/// The user lacks what is wanted: what that means depends on where the entitlement stood.
fn lacking(standing: Option<&Standing>, want: &Want<'_>, user: &User, wish: &LocationWish) -> Standing {
    let open = match standing {
        Some(
            Standing::Licensed
            | Standing::Confirming { .. }
            | Standing::Satisfied { .. }
            | Standing::Differs
            | Standing::RemovedByOther,
        ) => return Standing::RemovedByOther,
        _ if want.baseline => return Standing::Baseline,
        Some(
            standing @ (Standing::Due | Standing::AwaitingSeat | Standing::Held { .. } | Standing::Retrying { .. }),
        ) => standing.clone(),
        Some(standing @ Standing::Refused { reason, basis: known }) => {
            if reason.code != "no-usage-location" && *known == user.basis() {
                return standing.clone();
            }
            Standing::Due
        }
        _ => Standing::Due,
    };
    match wish {
        LocationWish::Missing(reason) => Standing::Refused { reason: reason.clone(), basis: user.basis() },
        _ => open,
    }
}
