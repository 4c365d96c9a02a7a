//! What becomes of a license that no rule wants any more: it stays, is taken back after a grace, or goes in exchange for
//! another product.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use jiff::Timestamp;

use super::bind::{BindProblem, BoundRule};
use super::context::Context;
use super::meet::is_edited;
use crate::model::identity::SkuId;
use crate::model::person::{Entitlement, Manual, Person};
use crate::model::rule::{Dn, OnLeave};
use crate::model::standing::{Action, Exclusion, Presence, Standing};
use crate::model::user::User;

/// What is to become of a license that is not wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Leaving {
    /// It stays.
    Keep,
    /// It is taken back.
    Reclaim {
        /// When.
        at: Timestamp,
        /// Although we did not give it.
        any_direct: bool,
        /// An operator asks for it now: although it was decided otherwise before.
        asked: bool,
    },
    /// It goes in the write that gives this product.
    Exchange(SkuId),
}

/// What the rules that gave it say, and the operator. Only who left by an event in the directory or the tenant is meant: a
/// rule that is gone, that was edited since, or whose groups are not known, says nothing, nor does one of those that gave it
/// alone. Nothing is said of a user for whom nothing was ever wanted, such as one that was created anew.
pub(super) fn policy(
    person: &Person,
    (sku, stored): (SkuId, Option<&Entitlement>),
    presence: &Presence,
    context: &Context<'_>,
) -> Leaving {
    let is_shielded = *presence == Presence::Excluded(Exclusion::Protected)
        || context.rules.iter().any(|bound| matches!(bound.groups, Err(BindProblem::UnknownProtection { .. })));
    if is_shielded {
        return Leaving::Keep;
    }
    if person.manual.get(&sku) == Some(&Manual::Withheld) {
        return Leaving::Reclaim { at: context.now, any_direct: true, asked: true };
    }
    let Some(stored) = stored else { return Leaving::Keep };
    let same_coverage = person.coverage.as_deref() == Some(context.coverage);
    if stored.rules.is_empty() || !same_coverage || !has_left(person, presence, context) {
        return Leaving::Keep;
    }
    let said = stored.rules.iter().map(|id| {
        let bound = context.rules.iter().find(|bound| *bound.rule.id == **id)?;
        reclaims(bound).filter(|_| bound.groups.is_ok() && !is_edited(person, bound))
    });
    let Some(said) = said.collect::<Option<Vec<_>>>() else { return Leaving::Keep };
    let grace = said.iter().map(|(grace, _)| *grace).max().unwrap_or_default();
    let at = context.now.checked_add(grace).unwrap_or(Timestamp::MAX);
    Leaving::Reclaim { at, any_direct: said.iter().all(|(_, any_direct)| *any_direct), asked: false }
}

fn reclaims(bound: &BoundRule) -> Option<(Duration, bool)> {
    match bound.rule.on_leave {
        OnLeave::Keep => None,
        OnLeave::Reclaim { grace, any_direct } => Some((grace, any_direct)),
    }
}

/// The person left, or a rule's scope: nothing that only looks like it. An account that was last seen where nothing is read
/// any more was dropped by an edit of the bases.
fn has_left(person: &Person, presence: &Presence, context: &Context<'_>) -> bool {
    match presence {
        Presence::Present => true,
        Presence::Departed => person.accounts.iter().any(|known| {
            let dn = Dn::parse(&known.account.dn);
            dn.is_some_and(|dn| context.bases.iter().any(|base| dn.is_within(base)))
        }),
        Presence::Excluded(exclusion) => exclusion.is_disabled(),
        Presence::CloudOnly => person.accounts.is_empty(),
        Presence::NotSynced | Presence::Awaiting | Presence::UnknownInDirectory => false,
    }
}

/// The next standing of what is not wanted, and what is written for it; `None` leaves it as it is.
pub(super) fn next(
    stored: Option<&Entitlement>,
    sku: SkuId,
    user: &User,
    leaving: Leaving,
    now: Timestamp,
) -> Option<(Standing, Action)> {
    let has = user.direct_license(sku).is_some();
    let ours = stored.is_some_and(|stored| stored.ours);
    let begun = match leaving {
        Leaving::Keep => None,
        Leaving::Reclaim { at, any_direct, .. } => {
            (has && (ours || any_direct)).then_some((Standing::Reclaiming { at }, Action::Take { with: None }))
        }
        Leaving::Exchange(with) => {
            (has && ours).then_some((Standing::Reclaiming { at: now }, Action::Take { with: Some(with) }))
        }
    };
    let Some(stored) = stored else { return begun };
    match (&stored.standing, begun) {
        (Standing::InFlight { .. }, _) => None,
        // Who was dropped once stays as it is, unless an operator asks for it now.
        (Standing::Lapsed, begun) => begun.filter(|_| matches!(leaving, Leaving::Reclaim { asked: true, .. })),
        (Standing::Reclaimed, _) => None,
        (standing, Some((begun, action))) if is_under_way(stored) => {
            let renewed = matches!(standing, Standing::Refused { basis, .. } if *basis != user.basis());
            match (renewed, stored.action == action) {
                (true, _) => Some((Standing::Due, action)),
                (false, true) => None,
                (false, false) => Some((begun, action)),
            }
        }
        (_, Some(begun)) => Some(begun),
        (_, None) => Some((Standing::Lapsed, Action::Give)),
    }
}

/// Taking it away was decided before.
pub(super) fn is_under_way(stored: &Entitlement) -> bool {
    matches!(stored.action, Action::Take { .. })
        && (stored.standing.is_open()
            || matches!(stored.standing, Standing::Reclaiming { .. } | Standing::Refused { .. }))
}

/// Products that we gave, that the user still holds directly, and that nothing wants any more.
pub(super) fn leavers<'a>(
    person: &'a Person,
    user: &User,
    is_wanted: impl Fn(SkuId, &Entitlement) -> bool,
) -> BTreeMap<SkuId, &'a Entitlement> {
    let held = person.entitlements.iter().filter(|(sku, stored)| {
        stored.ours && stored.user == user.id && user.direct_license(**sku).is_some() && !is_wanted(**sku, stored)
    });
    held.filter(|(_, stored)| matches!(stored.standing, Standing::Licensed) || is_under_way(stored))
        .map(|(sku, stored)| (*sku, stored))
        .collect()
}

/// The user without these products.
pub(super) fn without(user: &User, skus: &BTreeSet<SkuId>) -> User {
    let mut user = user.clone();
    user.licenses.retain(|license| !skus.contains(&license.sku));
    user.sources.retain(|source| !skus.contains(&source.sku));
    user
}
