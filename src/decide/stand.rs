//! Where one entitlement stands, given what the rules want and what the user has.

use std::collections::BTreeSet;
use std::time::Duration;

use jiff::Timestamp;

use super::bind::Product;
use crate::model::identity::{PlanId, SkuId};
use crate::model::judgement::LocationWish;
use crate::model::license::Catalog;
use crate::model::person::Entitlement;
use crate::model::standing::Standing;
use crate::model::user::User;

/// What a user has of a product that a rule wants.
enum Observed {
    /// Enough, from wherever.
    Enough { direct: bool, groups: Vec<String> },
    /// The product directly, with other plans off than wanted.
    Otherwise,
    /// Not enough.
    Lacking,
}

/// Whether a license we wrote is seen to work: the product is assigned and every wanted plan is enabled.
#[must_use]
pub fn is_confirmed(user: &User, sku: SkuId, wanted: &BTreeSet<PlanId>) -> bool {
    user.license(sku).is_some() && wanted.is_subset(&user.plans)
}

/// When to read an accepted license back by itself: `first` after it was accepted, since a feed mostly shows it sooner, then
/// ever more rarely.
#[must_use]
pub fn next_confirmation(accepted: Timestamp, first: Duration, now: Timestamp) -> Timestamp {
    let elapsed = Duration::try_from(now.duration_since(accepted)).unwrap_or_default();
    now.checked_add(elapsed.clamp(first, first.max(Duration::from_mins(10)))).unwrap_or(Timestamp::MAX)
}

fn observe(user: &User, product: &Product, catalog: &Catalog) -> Observed {
    let mut enabled = BTreeSet::new();
    let mut from = BTreeSet::new();
    let relevant: BTreeSet<PlanId> = product.wanted.union(&product.unless).copied().collect();
    for license in &user.licenses {
        let plans = match catalog.get(license.sku) {
            Some(_) => catalog.enabled_plans(license.sku, &license.disabled),
            None => user.plans.clone(),
        };
        if !plans.is_disjoint(&relevant) {
            from.insert(license.sku);
        }
        enabled.extend(plans);
    }
    let enough = !enabled.is_disjoint(&product.unless) || product.wanted.is_subset(&enabled);
    if enough {
        let groups: BTreeSet<String> = user
            .sources
            .iter()
            .filter(|source| from.contains(&source.sku))
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
}

/// The next standing; `None` leaves the entitlement as it is.
pub(super) fn next(
    stored: Option<&Entitlement>,
    want: Option<&Want<'_>>,
    user: &User,
    wish: &LocationWish,
    catalog: &Catalog,
) -> Option<Standing> {
    let standing = stored.map(|entitlement| &entitlement.standing);
    let ours = stored.is_some_and(|entitlement| entitlement.ours);
    let Some(want) = want else {
        return match standing {
            None | Some(Standing::InFlight { .. } | Standing::Lapsed | Standing::Reclaimed) => None,
            Some(_) => Some(Standing::Lapsed),
        };
    };
    let next = match (standing, observe(user, want.product, catalog)) {
        (Some(Standing::InFlight { .. }), _) => return None,
        (Some(Standing::Confirming { .. }), _) => {
            return is_confirmed(user, want.product.sku, &want.product.wanted).then_some(Standing::Licensed);
        }
        (_, Observed::Enough { .. }) if ours => Standing::Licensed,
        (_, Observed::Enough { direct, groups }) => Standing::Satisfied { direct, groups },
        (_, Observed::Otherwise) => Standing::Differs,
        (standing, Observed::Lacking) => lacking(standing, want, user, wish),
    };
    (standing != Some(&next)).then_some(next)
}

/// The user lacks what is wanted: what that means depends on where the entitlement stood.
fn lacking(standing: Option<&Standing>, want: &Want<'_>, user: &User, wish: &LocationWish) -> Standing {
    let open = match standing {
        Some(Standing::Licensed | Standing::Satisfied { .. } | Standing::Differs | Standing::RemovedByOther) => {
            return Standing::RemovedByOther;
        }
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
