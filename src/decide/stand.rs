//! Where one entitlement stands, given what the rules want and what the user has.

use std::collections::BTreeSet;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use super::bind::Product;
use crate::model::identity::{PlanId, SkuId};
use crate::model::judgement::LocationWish;
use crate::model::license::Catalog;
use crate::model::person::Entitlement;
use crate::model::rule::Adopt;
use crate::model::standing::{Action, Standing};
use crate::model::user::User;

/// Until when a license is read back before it is taken for what it then shows: Graph's replicas lag by minutes, and some
/// plans are enabled hours later.
const CONFIRMED_WITHIN: SignedDuration = SignedDuration::from_hours(24);

/// What a user has of a product that a rule wants.
enum Observed {
    /// Enough, from wherever.
    Enough { direct: bool, groups: Vec<String> },
    /// The product directly, and it is to have these plans off instead.
    Change(BTreeSet<PlanId>),
    /// The product directly, with other plans off than wanted.
    Otherwise,
    /// Not enough.
    Lacking,
}

/// Whether a license we wrote is seen to work: the product is assigned, directly according to its sources, and every wanted
/// plan is enabled. Of a license that was adopted, what others left off stays off.
fn is_confirmed(user: &User, product: &Product, left_off: Option<&BTreeSet<PlanId>>) -> bool {
    let direct = user.sources.iter().any(|source| source.sku == product.sku && source.group.is_none());
    let is_as_wanted = |plan| user.plans.contains(plan) || left_off.is_some_and(|off| off.contains(plan));
    direct && user.license(product.sku).is_some() && product.wanted.iter().all(is_as_wanted)
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
    matches!(sources(user, product, catalog), Observed::Enough { .. })
}

/// Where the wanted plans are from, whatever else a direct license has.
fn sources(user: &User, product: &Product, catalog: &Catalog) -> Observed {
    let mut enabled = BTreeSet::new();
    let mut from = BTreeSet::new();
    for (sku, plans) in enabled_plans(user, catalog) {
        if plans.iter().any(|plan| product.wanted.contains(plan) || product.unless.contains(plan)) {
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

fn observe(stored: Option<&Entitlement>, want: &Want<'_>, user: &User, catalog: &Catalog) -> Observed {
    let product = want.product;
    let Some(current) = user.direct_license(product.sku) else {
        return match sources(user, product, catalog) {
            Observed::Enough { .. } if want.by_hand => Observed::Lacking,
            observed => observed,
        };
    };
    let Some(target) = target(stored, want, current, catalog) else { return sources(user, product, catalog) };
    match alike(product.sku, current, &target, catalog) {
        true => Observed::Enough { direct: true, groups: Vec::new() },
        false => Observed::Change(target),
    }
}

/// The plans to be off in a direct license, where that is ours to say: what we gave follows its rule as long as nobody else
/// has changed it since; what others gave, where the rule adopts it.
fn target(
    stored: Option<&Entitlement>,
    want: &Want<'_>,
    current: &BTreeSet<PlanId>,
    catalog: &Catalog,
) -> Option<BTreeSet<PlanId>> {
    let product = want.product;
    let follows = stored.is_some_and(|stored| {
        let changing = stored.action == Action::Change && stored.standing.is_unfinished();
        let as_given = alike(product.sku, current, &stored.disabled, catalog);
        stored.ours && (changing || (as_given && !alike(product.sku, current, &product.disabled, catalog)))
    });
    match want.adopt {
        _ if follows => Some(product.disabled.clone()),
        Adopt::Leave => None,
        adopt => Some(product.adopted(current, adopt)),
    }
}

/// Whether two sets of plans mean the same for a user: company-level plans, and such as the product has no more, do not count.
fn alike(sku: SkuId, one: &BTreeSet<PlanId>, other: &BTreeSet<PlanId>, catalog: &Catalog) -> bool {
    let Some(sku) = catalog.get(sku) else { return one == other };
    sku.user_plans().all(|plan| one.contains(&plan.id) == other.contains(&plan.id))
}

/// What the rules want of one product.
pub(super) struct Want<'a> {
    pub product: &'a Product,
    pub baseline: bool,
    /// The deciding rule is another than at the last decision.
    pub edited: bool,
    /// What is done about a direct license with other plans.
    pub adopt: Adopt,
    /// How long the license is put off.
    pub delay: SignedDuration,
    /// An operator asks for the product itself: what other products bring does not count.
    pub by_hand: bool,
}

/// What becomes of an entitlement that is wanted.
pub(super) struct Next {
    /// Where it moves to; `None`: nowhere.
    pub standing: Option<Standing>,
    /// What is written for it, if it is open.
    pub action: Action,
    /// The plans to be off, where they are not the rule's.
    pub disabled: Option<BTreeSet<PlanId>>,
}

impl Next {
    fn to(standing: Standing) -> Self {
        Self { standing: Some(standing), action: Action::Give, disabled: None }
    }

    /// All stays as it is.
    fn nothing(stored: &Entitlement) -> Self {
        Self { standing: None, action: stored.action, disabled: Some(stored.disabled.clone()) }
    }
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
        && matches!(sources(user, product, catalog), Observed::Lacking)
}

/// The next standing of what is wanted.
pub(super) fn next(
    stored: Option<&Entitlement>,
    want: &Want<'_>,
    user: &User,
    wish: &LocationWish,
    catalog: &Catalog,
    now: Timestamp,
) -> Next {
    let standing = stored.map(|entitlement| &entitlement.standing);
    let ours = stored.is_some_and(|entitlement| entitlement.ours);
    let observed = observe(stored, want, user, catalog);
    // What Graph shows of a fresh license may be of different ages: it is believed once all of it agrees.
    let left_off = stored.map(|stored| &stored.disabled);
    let confirmed = matches!(observed, Observed::Enough { .. }) && is_confirmed(user, want.product, left_off);
    let next = match (stored, observed) {
        (Some(stored), _) if matches!(stored.standing, Standing::InFlight { .. }) => return Next::nothing(stored),
        (Some(stored), _) if !confirmed && is_confirming(stored, now) => return Next::nothing(stored),
        // What is ours is a direct assignment: once it is a group's, or another product's, it no longer is.
        (_, Observed::Enough { .. }) if ours && user.direct_license(want.product.sku).is_some() => {
            Next::to(Standing::Licensed)
        }
        (_, Observed::Enough { direct, groups }) => Next::to(Standing::Satisfied { direct, groups }),
        (_, Observed::Otherwise) => Next::to(Standing::Differs),
        (stored, Observed::Change(target)) => {
            let same = stored.filter(|stored| stored.action == Action::Change && stored.disabled == target);
            let standing = changing(same.map(|stored| &stored.standing), want, user, wish);
            Next { standing: Some(standing), action: Action::Change, disabled: Some(target) }
        }
        (stored, Observed::Lacking) => {
            let more = stored.is_some_and(|stored| asks_for_more(stored, want.product, want.edited, user, catalog));
            let before = stored.filter(|_| !more).and_then(before_giving);
            Next::to(put_off(standing, lacking(before, want, user, wish), want.delay, now))
        }
    };
    Next { standing: next.standing.filter(|next| standing != Some(next)), ..next }
}

fn is_confirming(stored: &Entitlement, now: Timestamp) -> bool {
    matches!(stored.standing, Standing::Confirming { accepted } if now < confirmed_by(accepted))
}

/// Where an entitlement stood, for someone who lacks the license: what was to be changed was there and was taken away, what
/// was to be taken away is gone, and is given anew.
fn before_giving(stored: &Entitlement) -> Option<&Standing> {
    match stored.action {
        Action::Give => Some(&stored.standing),
        Action::Change if stored.standing.is_open() => Some(&Standing::Differs),
        Action::Take { .. } if stored.standing.is_open() => None,
        Action::Change | Action::Take { .. } => Some(&stored.standing),
    }
}

/// A license that is there is to get other plans: what that means depends on where the same change stood.
fn changing(standing: Option<&Standing>, want: &Want<'_>, user: &User, wish: &LocationWish) -> Standing {
    let open = match standing {
        Some(Standing::Baseline) if want.baseline => return Standing::Baseline,
        Some(standing @ (Standing::Due | Standing::Held { .. } | Standing::Retrying { .. })) => standing.clone(),
        Some(standing @ Standing::Refused { basis, reason })
            if reason.code != "no-usage-location" && *basis == user.basis() =>
        {
            return standing.clone();
        }
        _ => Standing::Due,
    };
    unless_nowhere(open, user, wish)
}

/// Who is to be given something for the first time waits for the rule's delay.
fn put_off(before: Option<&Standing>, next: Standing, delay: SignedDuration, now: Timestamp) -> Standing {
    match (before, &next) {
        (Some(Standing::Delayed { until }), Standing::Due) if now < *until => Standing::Delayed { until: *until },
        (None | Some(Standing::Lapsed | Standing::Reclaimed), Standing::Due) if delay > SignedDuration::ZERO => {
            Standing::Delayed { until: now.checked_add(delay).unwrap_or(Timestamp::MAX) }
        }
        _ => next,
    }
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
    unless_nowhere(open, user, wish)
}

/// Nothing can be written for a user without location who cannot be given one.
fn unless_nowhere(open: Standing, user: &User, wish: &LocationWish) -> Standing {
    match wish {
        LocationWish::Missing(reason) => Standing::Refused { reason: reason.clone(), basis: user.basis() },
        _ => open,
    }
}
