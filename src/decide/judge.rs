//! The decision about one person: presence, which rules want it, and where its entitlements stand.

use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, Timestamp};

use super::bind::{BoundRule, Product};
use super::context::Context;
use super::expect;
use super::leave::{self, Leaving};
use super::location;
use super::meet::{Met, location_of_rule, meet};
use super::presence::{presence, speaker};
use super::stand::{self, Next, Want};
use crate::model::identity::{PlanId, SkuId, UserId};
use crate::model::judgement::{EntitlementChange, Judgement, LocationWish};
use crate::model::license::Catalog;
use crate::model::matches::Matches;
use crate::model::person::{Entitlement, KnownUser, Manual, Person};
use crate::model::rule::{Adopt, BY_HAND, Dn, Subject};
use crate::model::standing::{Action, Exclusion, Presence, Standing};
use crate::model::user::User;

/// Decides about one person. Deciding twice on the same knowledge changes nothing the second time.
#[must_use]
pub fn judge(person: &Person, context: &Context<'_>) -> Judgement {
    let presence = presence(person, context.now);
    let account = speaker(person, context.now);
    let user = match person.users.as_slice() {
        [known] => Some(known),
        _ => None,
    };
    let place = account.and_then(|known| Dn::parse(&known.account.dn));
    let subject = Subject {
        place: place.as_ref(),
        account: account.map(|known| &known.account).filter(|_| presence != Presence::CloudOnly),
        user: user.map(|known| &known.user),
        groups: (&person.groups).into(),
    };
    let presence = match context.protected.iter().any(|who| who.covers(&subject)) {
        true => shielded(presence),
        false => presence,
    };
    let rules = context.rules.iter();
    let met: Vec<Met<'_>> = rules.filter_map(|bound| meet(person, bound, &subject, &presence, user, context)).collect();
    let location = match user {
        Some(known) if subject.account.is_some() || presence == Presence::CloudOnly => {
            location::wish(&known.user, subject.account, location_of_rule(&met), context.location)
        }
        _ => LocationWish::Keep,
    };
    let changes = changes(person, &met, &presence, user, &location, context);
    let awaited =
        matches!(presence, Presence::Awaiting) && context.rules.iter().any(|bound| bound.rule.who.includes(&subject));
    Judgement {
        person: person.id,
        revision: person.revision,
        awaited,
        look_again: look_again(person, &changes, context.now),
        changes,
        presence,
        matches: Matches::new(context.rule_set.clone(), met.into_iter().map(|met| (&*met.bound.rule.id, met.found))),
        location,
    }
}

/// Whoever could be given something, or lose it, and is protected.
fn shielded(presence: Presence) -> Presence {
    let may_be_acted_on = match &presence {
        Presence::Present | Presence::CloudOnly => true,
        Presence::Excluded(exclusion) => exclusion.is_disabled(),
        _ => false,
    };
    if may_be_acted_on { Presence::Excluded(Exclusion::Protected) } else { presence }
}

/// What wants a product for a person: a rule, or an operator.
struct Cause<'a> {
    rule: &'a str,
    priority: i32,
    want: Want<'a>,
}

/// What is wanted of each product, the deciding cause first: an operator, then whoever is to be acted on before baseline,
/// then by priority, then in the order of the file. What an operator withholds is not wanted.
fn wants<'a>(person: &Person, met: &'a [Met<'a>], by_hand: &'a [Product]) -> BTreeMap<SkuId, Vec<Cause<'a>>> {
    let mut wants: BTreeMap<SkuId, Vec<Cause<'a>>> = BTreeMap::new();
    for met in met.iter().filter(|met| met.bound.groups.is_ok() && met.found.eligible) {
        let (Ok(product), rule) = (&met.bound.product, &met.bound.rule) else { continue };
        let want = Want {
            product,
            baseline: met.found.baseline,
            edited: met.edited,
            adopt: rule.adopt,
            delay: SignedDuration::try_from(rule.delay).unwrap_or(SignedDuration::MAX),
            by_hand: false,
        };
        wants.entry(product.sku).or_default().push(Cause { rule: &rule.id, priority: rule.priority, want });
    }
    for product in by_hand {
        let (adopt, delay) = (Adopt::Enforce, SignedDuration::ZERO);
        let want = Want { product, baseline: false, edited: false, adopt, delay, by_hand: true };
        wants.entry(product.sku).or_default().push(Cause { rule: BY_HAND, priority: i32::MIN, want });
    }
    wants.retain(|sku, _| person.manual.get(sku) != Some(&Manual::Withheld));
    for causes in wants.values_mut() {
        causes.sort_by_key(|cause| (!cause.want.by_hand, cause.want.baseline, cause.priority));
    }
    wants
}

/// What operators assigned by hand, as far as the person may be given anything.
fn by_hand(person: &Person, presence: &Presence, user: Option<&KnownUser>, catalog: &Catalog) -> Vec<Product> {
    let enabled = user.is_some_and(|known| known.user.enabled);
    if !matches!(presence, Presence::Present | Presence::CloudOnly) || !enabled {
        return Vec::new();
    }
    let assigned = person.manual.iter().filter_map(|(sku, manual)| match manual {
        Manual::Assigned { disabled } => Product::by_hand(*sku, disabled, catalog),
        Manual::Withheld => None,
    });
    assigned.collect()
}

/// The rules that mean this person, cannot be followed now, and caused this or may want it: while there is one, it cannot be told
/// what is wanted of the product.
fn unbound<'a>(sku: SkuId, entitlement: &Entitlement, met: &'a [Met<'_>], catalog: &Catalog) -> Vec<&'a str> {
    let unbound = met.iter().filter(|met| !met.bound.is_usable() && met.found.eligible).map(|met| met.bound);
    let concerned = |bound: &&BoundRule| entitlement.is_for(&bound.rule.id) || may_want(bound, sku, catalog);
    unbound.filter(concerned).map(|bound| &*bound.rule.id).collect()
}

/// A product that the tenant has no more is known by its id alone, whatever a rule calls it.
fn may_want(bound: &BoundRule, sku: SkuId, catalog: &Catalog) -> bool {
    match (&bound.product, catalog.find(&bound.rule.sku)) {
        (Ok(product), _) => product.sku == sku,
        (Err(_), Some(known)) => known.id == sku,
        (Err(_), None) => catalog.get(sku).is_none(),
    }
}

fn changes(
    person: &Person,
    met: &[Met<'_>],
    presence: &Presence,
    user: Option<&KnownUser>,
    location: &LocationWish,
    context: &Context<'_>,
) -> Vec<EntitlementChange> {
    let by_hand = by_hand(person, presence, user, context.catalog);
    let wants = wants(person, met, &by_hand);
    let exchange = user.and_then(|known| exchange(person, &known.user, &wants, met, context));
    let asked = person.manual.keys();
    let skus: BTreeSet<SkuId> = wants.keys().chain(person.entitlements.keys()).chain(asked).copied().collect();
    let decide = |sku: SkuId| {
        let stored = person.entitlements.get(&sku);
        let Some(KnownUser { user, .. }) = user else { return without_user(sku, stored?, context) };
        let (same, other) = match stored {
            Some(stored) if stored.user != user.id => (None, Some(stored)),
            same => (same, None),
        };
        let causes = wants.get(&sku).map_or(&[][..], Vec::as_slice);
        let unbound = same.map(|stored| unbound(sku, stored, met, context.catalog)).unwrap_or_default();
        let change = match causes {
            [] if !unbound.is_empty() => kept(sku, same?, &unbound, user, context),
            [] => {
                let leaving = match &exchange {
                    Some(exchange) if exchange.leaving.contains(&sku) => Leaving::Exchange(exchange.arriving),
                    _ => leave::policy(person, (sku, same), presence, context),
                };
                unwanted(sku, same, user, leaving, context)
            }
            causes => {
                let remaining = exchange.as_ref().map_or(user, |exchange| &exchange.remaining);
                wanted(sku, same, causes, (person, remaining), location, context)
            }
        };
        change.or_else(|| without_user(sku, other?, context))
    };
    skus.into_iter().filter_map(decide).collect()
}

/// One product that comes in the place of others, which we gave for the sake of the same plans and nothing wants any more.
struct Exchange {
    arriving: SkuId,
    leaving: BTreeSet<SkuId>,
    /// The user without what leaves.
    remaining: User,
}

fn exchange(
    person: &Person,
    user: &User,
    wants: &BTreeMap<SkuId, Vec<Cause<'_>>>,
    met: &[Met<'_>],
    context: &Context<'_>,
) -> Option<Exchange> {
    let is_wanted = |sku: SkuId, stored: &Entitlement| {
        wants.contains_key(&sku)
            || !unbound(sku, stored, met, context.catalog).is_empty()
            || person.manual.contains_key(&sku)
    };
    let leavers = leave::leavers(person, user, is_wanted);
    if leavers.is_empty() {
        return None;
    }
    let remaining = leave::without(user, &leavers.keys().copied().collect());
    let mut arriving = wants.values().filter_map(|causes| causes.first()).filter(|cause| {
        let Want { product, baseline, .. } = &cause.want;
        !baseline && user.license(product.sku).is_none() && !stand::is_enough(&remaining, product, context.catalog)
    });
    arriving.find_map(|cause| {
        let product = cause.want.product;
        let related = leavers.iter().filter(|(_, stored)| !stored.wanted.is_disjoint(&product.wanted));
        let leaving: BTreeSet<SkuId> = related.map(|(sku, _)| *sku).collect();
        let remaining = leave::without(user, &leaving);
        (!leaving.is_empty()).then_some(Exchange { arriving: product.sku, leaving, remaining })
    })
}

/// Rules that cannot be followed now keep what there is as it is: what is to be taken away stays, for their sake from now on where
/// those that caused it mean the person no more.
fn kept(
    sku: SkuId,
    stored: &Entitlement,
    unbound: &[&str],
    user: &User,
    context: &Context<'_>,
) -> Option<EntitlementChange> {
    if matches!(stored.standing, Standing::InFlight { .. }) {
        return None;
    }
    let mut entitlement = stored.clone();
    if !unbound.iter().any(|rule| stored.is_for(rule)) {
        entitlement.rules = unbound.iter().map(|rule| (*rule).to_owned()).collect();
    }
    let moved = matches!(stored.action, Action::Take { .. }) && leave::is_under_way(stored);
    if moved {
        let is_there = stored.ours && user.direct_license(sku).is_some();
        entitlement.standing = if is_there { Standing::Licensed } else { Standing::Lapsed };
        entitlement.since = context.now;
        entitlement.action = Action::Give;
    }
    conclude(sku, Some(stored), entitlement, moved, None, context.now)
}

/// The user is gone: nothing is wanted of what was.
fn without_user(sku: SkuId, stored: &Entitlement, context: &Context<'_>) -> Option<EntitlementChange> {
    unwanted(sku, Some(stored), &User::unread(stored.user), Leaving::Keep, context)
}

/// What becomes of a product that nothing wants.
fn unwanted(
    sku: SkuId,
    stored: Option<&Entitlement>,
    user: &User,
    leaving: Leaving,
    context: &Context<'_>,
) -> Option<EntitlementChange> {
    let Some((standing, action)) = leave::next(stored, sku, user, leaving, context.now) else {
        return forgotten(sku, stored?, leaving, context);
    };
    let mut entitlement = match stored {
        Some(stored) => Entitlement { standing, since: context.now, ..stored.clone() },
        None => fresh(user.id, standing, context.now),
    };
    entitlement.action = action;
    conclude(sku, stored, entitlement, true, None, context.now)
}

/// A write is on its way to somebody whom no event made leave, an edit for instance. What it gives is for the sake of no rule any
/// more: else it would look as if its rule's people had left, once it has arrived.
fn forgotten(sku: SkuId, stored: &Entitlement, leaving: Leaving, context: &Context<'_>) -> Option<EntitlementChange> {
    let on_its_way = matches!(stored.standing, Standing::InFlight { .. }) && leaving == Leaving::Keep;
    let entitlement = Entitlement { rules: Vec::new(), ..stored.clone() };
    on_its_way.then(|| conclude(sku, Some(stored), entitlement, false, None, context.now))?
}

fn wanted(
    sku: SkuId,
    stored: Option<&Entitlement>,
    causes: &[Cause<'_>],
    (person, user): (&Person, &User),
    location: &LocationWish,
    context: &Context<'_>,
) -> Option<EntitlementChange> {
    let Cause { want, priority, .. } = causes.first()?;
    let Next { standing, action, disabled } = stand::next(stored, want, user, location, context.catalog, context.now);
    let (standing, why) = match action {
        Action::Give => expect::instead(stored, standing, want.product, (person, user), context),
        _ => (standing, None),
    };
    let disabled = disabled.as_ref().unwrap_or(&want.product.disabled);
    if standing.is_none() && stored.is_some_and(|stored| is_as_before(stored, causes, disabled, action)) {
        return None;
    }
    let moved = standing.is_some();
    let given_up = matches!(standing, Some(Standing::Satisfied { .. }));
    let mut entitlement = match (stored, standing) {
        (Some(stored), None) => stored.clone(),
        // It is still expected since then; what is known of the groups changed.
        (Some(stored), Some(standing)) if stored.standing.word() == "expected" && standing.word() == "expected" => {
            Entitlement { standing, ..stored.clone() }
        }
        (Some(stored), Some(standing)) => Entitlement { standing, since: context.now, ..stored.clone() },
        (None, Some(standing)) => fresh(user.id, standing, context.now),
        (None, None) => return None,
    };
    if !matches!(entitlement.standing, Standing::InFlight { .. }) {
        entitlement.rules = causes.iter().map(|cause| cause.rule.to_owned()).collect();
        entitlement.disabled.clone_from(disabled);
        entitlement.wanted.clone_from(&want.product.wanted);
        entitlement.priority = *priority;
        entitlement.action = action;
    }
    entitlement.ours &= !given_up;
    conclude(sku, stored, entitlement, moved, why, context.now)
}

/// Nothing but the standing could differ: so with most who are judged again, and nothing need be built to be compared.
fn is_as_before(stored: &Entitlement, causes: &[Cause<'_>], disabled: &BTreeSet<PlanId>, action: Action) -> bool {
    let Some(Cause { want, priority, .. }) = causes.first() else { return false };
    stored.rules.iter().map(String::as_str).eq(causes.iter().map(|cause| cause.rule))
        && (&stored.wanted, &stored.disabled) == (&want.product.wanted, disabled)
        && (stored.priority, stored.action) == (*priority, action)
        && (stored.due_since.is_some() || !stored.standing.is_open())
}

/// Keeps the times of an entitlement in step with its standing; `None` when nothing is different.
fn conclude(
    sku: SkuId,
    stored: Option<&Entitlement>,
    mut entitlement: Entitlement,
    moved: bool,
    why: Option<String>,
    now: Timestamp,
) -> Option<EntitlementChange> {
    // Whom the guard let in for one thing, it did not let in for another.
    if stored.is_some_and(|stored| stored.action != entitlement.action) {
        entitlement.due_since = None;
        entitlement.admitted = None;
    }
    if entitlement.standing.is_open() {
        entitlement.due_since = entitlement.due_since.or(Some(now));
    } else if moved && !matches!(entitlement.standing, Standing::Confirming { .. } | Standing::Refused { .. }) {
        entitlement.due_since = None;
        entitlement.admitted = None;
    }
    (stored != Some(&entitlement)).then_some(EntitlementChange { sku, entitlement, moved, why })
}

fn fresh(user: UserId, standing: Standing, now: Timestamp) -> Entitlement {
    Entitlement {
        user,
        rules: Vec::new(),
        disabled: BTreeSet::<PlanId>::new(),
        wanted: BTreeSet::<PlanId>::new(),
        standing,
        action: Action::Give,
        since: now,
        due_since: None,
        admitted: None,
        priority: 0,
        ours: false,
    }
}

/// An account that is to expire is judged again when it does, and a license that was not seen to work when it should have
/// been, or that no group gave in time, though nothing will be heard.
fn look_again(person: &Person, changes: &[EntitlementChange], now: Timestamp) -> Option<Timestamp> {
    let expiries = person.accounts.iter().filter(|known| !known.gone).filter_map(|known| known.account.expires);
    let kept = person.entitlements.iter().filter(|(sku, _)| changes.iter().all(|change| change.sku != **sku));
    let standings =
        kept.map(|(_, kept)| &kept.standing).chain(changes.iter().map(|change| &change.entitlement.standing));
    let confirmations = standings.filter_map(|standing| match standing {
        Standing::Confirming { accepted } => Some(stand::confirmed_by(*accepted)),
        Standing::Expected { until, .. } | Standing::Delayed { until } => Some(*until),
        _ => None,
    });
    expiries.chain(confirmations).filter(|at| *at > now).min()
}
