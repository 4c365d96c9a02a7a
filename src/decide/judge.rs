//! The decision about one person: presence, which rules want it, and where its entitlements stand.

use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, Timestamp};

use super::bind::{BoundRule, Product};
use super::expect::{self, Expecting};
use super::location;
use super::presence::{presence, speaker};
use super::stand::{self, Want};
use crate::model::identity::{PlanId, SkuId, UserId};
use crate::model::judgement::{Contact, EntitlementChange, Judgement, LocationWish};
use crate::model::license::Catalog;
use crate::model::person::{Entitlement, KnownUser, Person, RuleMatch};
use crate::model::rule::{Rule, Who};
use crate::model::settings::{Existing, LocationSettings};
use crate::model::standing::{Presence, Standing};
use crate::model::user::User;

/// What is the same for everyone in one pass of judging.
#[derive(Clone, Debug)]
pub struct Context<'a> {
    /// Rules, tied to the tenant's products.
    pub rules: &'a [BoundRule],
    /// What the tenant has bought.
    pub catalog: &'a Catalog,
    /// How a location is found.
    pub location: &'a LocationSettings,
    /// Digest of what is read of the directory.
    pub coverage: &'a str,
    /// When we first met this tenant.
    pub contact: Contact,
    /// What happens to those who were there before.
    pub existing: Existing,
    /// The licenses that groups are to give, where they are waited for.
    pub expecting: Option<Expecting<'a>>,
    /// Tolerated difference of clocks.
    pub clock_skew: SignedDuration,
    /// Now.
    pub now: Timestamp,
}

/// Decides about one person. Deciding twice on the same knowledge changes nothing the second time.
#[must_use]
pub fn judge(person: &Person, context: &Context<'_>) -> Judgement {
    let presence = presence(person, context.now);
    let account = speaker(person, context.now);
    let user = match person.users.as_slice() {
        [known] => Some(known),
        _ => None,
    };
    let matches = context
        .rules
        .iter()
        .map(|bound| {
            let means = |who: &Who| account.is_some_and(|known| who.includes(&known.account, &person.groups));
            (bound.rule.id.clone(), meet(person, bound, means, &presence, user, context))
        })
        .collect();
    let location = match (user, account) {
        (Some(known), Some(account)) => location::wish(&known.user, &account.account, context.location),
        _ => LocationWish::Keep,
    };
    let changes = changes(person, &matches, user, &location, context);
    let awaited = matches!(presence, Presence::Awaiting)
        && account.is_some_and(|known| {
            context.rules.iter().any(|bound| bound.rule.who.includes(&known.account, &person.groups))
        });
    Judgement {
        person: person.id,
        revision: person.revision,
        awaited,
        look_again: look_again(person, &changes, context.now),
        changes,
        presence,
        matches,
        location,
    }
}

/// How a rule meets a person.
fn meet(
    person: &Person,
    bound: &BoundRule,
    means: impl Fn(&Who) -> bool,
    presence: &Presence,
    user: Option<&KnownUser>,
    context: &Context<'_>,
) -> RuleMatch {
    let (digest, present) = (bound.rule.digest.clone(), *presence == Presence::Present);
    let baseline = || is_baseline(person, bound, presence, user, context);
    if bound.groups.is_err() {
        let before = person.matches.get(&bound.rule.id).filter(|stored| present && stored.eligible);
        let groups = before.map(|stored| stored.groups.clone()).unwrap_or_default();
        return RuleMatch { digest, eligible: before.is_some(), baseline: baseline(), unread: true, groups };
    }
    let eligible = present && means(&bound.rule.who);
    let baseline = eligible && (baseline() || asks_for_more(person, bound, user, context));
    let groups = match eligible {
        true => bound.rule.who.groups().intersection(&person.groups).cloned().collect(),
        false => BTreeSet::new(),
    };
    RuleMatch { digest, eligible, baseline, unread: false, groups }
}

/// Whether someone a rule wants was there before the rule, or before us. Only an event in the directory or the tenant ends
/// that, never an edit of the configuration.
fn is_baseline(
    person: &Person,
    bound: &BoundRule,
    presence: &Presence,
    user: Option<&KnownUser>,
    context: &Context<'_>,
) -> bool {
    let stored = person.matches.get(&bound.rule.id);
    let same_coverage = person.coverage.as_deref() == Some(context.coverage);
    match (stored, &person.presence) {
        (Some(stored), Some(before)) if stored.digest == bound.rule.digest && stored.unread => {
            stored.baseline && !came_by_event(before, presence, same_coverage)
        }
        (Some(stored), _) if stored.digest == bound.rule.digest => {
            stored.eligible && stored.baseline && !is_another(person, bound, user)
        }
        (_, None) => context.existing == Existing::Leave && user.is_some_and(|known| was_there(known, context)),
        (Some(stored), Some(_)) if stored.eligible && causes_product(person, bound) => stored.baseline,
        (_, Some(before)) => !came_by_event(before, presence, same_coverage),
    }
}

/// The user stood in the tenant before first contact began. An unknown age counts as old, but only for someone the first
/// listing brought.
fn was_there(known: &KnownUser, context: &Context<'_>) -> bool {
    let contact = context.contact;
    known.first_seen <= contact.completed
        && known.user.created.is_none_or(|created| created.duration_since(contact.started) < -context.clock_skew)
}

/// The rule's product was judged for a user who was there before this one: a re-created user starts anew.
fn is_another(person: &Person, bound: &BoundRule, user: Option<&KnownUser>) -> bool {
    let stored = bound.product.as_ref().ok().and_then(|product| person.entitlements.get(&product.sku));
    stored.zip(user).is_some_and(|(stored, known)| stored.user != known.user.id)
}

/// The rule, before it was edited, wanted the same product for this person.
fn causes_product(person: &Person, bound: &BoundRule) -> bool {
    bound.product.as_ref().is_ok_and(|product| {
        person.entitlements.get(&product.sku).is_some_and(|entitlement| entitlement.rules.contains(&bound.rule.id))
    })
}

fn came_by_event(before: &Presence, now: &Presence, same_coverage: bool) -> bool {
    if before == now {
        return false;
    }
    match before {
        // What is read of the directory was narrowed or widened: the person has not moved.
        Presence::UnknownInDirectory | Presence::Departed => same_coverage,
        _ => true,
    }
}

/// The deciding rule was edited since the last decision, and wants more of its product now than the person was found to
/// have.
fn asks_for_more(person: &Person, bound: &BoundRule, user: Option<&KnownUser>, context: &Context<'_>) -> bool {
    let (Ok(product), Some(KnownUser { user, .. })) = (&bound.product, user) else { return false };
    let stored = person.entitlements.get(&product.sku).filter(|stored| stored.user == user.id);
    let decided = stored.filter(|stored| stored.rules.first() == Some(&bound.rule.id));
    decided.is_some_and(|stored| stand::asks_for_more(stored, product, is_edited(person, bound), user, context.catalog))
}

fn is_edited(person: &Person, bound: &BoundRule) -> bool {
    person.matches.get(&bound.rule.id).is_none_or(|stored| stored.digest != bound.rule.digest || stored.unread)
}

/// A rule that wants a product for a person.
struct Cause<'a> {
    baseline: bool,
    edited: bool,
    rule: &'a Rule,
    product: &'a Product,
}

/// What the rules want of each product, the deciding rule first: whoever is to be acted on before baseline, then by
/// priority, then in the order of the file.
fn wants<'a>(
    person: &Person,
    matches: &BTreeMap<String, RuleMatch>,
    context: &Context<'a>,
) -> BTreeMap<SkuId, Vec<Cause<'a>>> {
    let mut wants: BTreeMap<SkuId, Vec<_>> = BTreeMap::new();
    for bound in context.rules.iter().filter(|bound| bound.groups.is_ok()) {
        let Some(found) = matches.get(&bound.rule.id).filter(|found| found.eligible) else { continue };
        if let Ok(product) = &bound.product {
            let (baseline, edited) = (found.baseline, is_edited(person, bound));
            wants.entry(product.sku).or_default().push(Cause { baseline, edited, rule: &bound.rule, product });
        }
    }
    for causes in wants.values_mut() {
        causes.sort_by_key(|cause| (cause.baseline, cause.rule.priority));
    }
    wants
}

/// A rule that cannot be followed now, and still means this person, keeps what it caused as it is.
fn is_unbound(entitlement: &Entitlement, matches: &BTreeMap<String, RuleMatch>, context: &Context<'_>) -> bool {
    let means = |rule: &Rule| matches.get(&rule.id).is_some_and(|found| found.eligible);
    let mut unbound = context.rules.iter().filter(|bound| !bound.is_usable() && means(&bound.rule));
    unbound.any(|bound| entitlement.rules.contains(&bound.rule.id))
}

fn changes(
    person: &Person,
    matches: &BTreeMap<String, RuleMatch>,
    user: Option<&KnownUser>,
    location: &LocationWish,
    context: &Context<'_>,
) -> Vec<EntitlementChange> {
    let wants = wants(person, matches, context);
    let skus: BTreeSet<SkuId> = wants.keys().chain(person.entitlements.keys()).copied().collect();
    let decide = |sku: SkuId| {
        let stored = person.entitlements.get(&sku);
        let Some(KnownUser { user, .. }) = user else { return without_user(person, sku, stored?, context) };
        let (same, other) = match stored {
            Some(stored) if stored.user != user.id => (None, Some(stored)),
            same => (same, None),
        };
        let causes = wants.get(&sku).map_or(&[][..], Vec::as_slice);
        if causes.is_empty() && same.is_some_and(|entitlement| is_unbound(entitlement, matches, context)) {
            return None;
        }
        change(sku, same, causes, (person, user), location, context)
            .or_else(|| without_user(person, sku, other?, context))
    };
    skus.into_iter().filter_map(decide).collect()
}

/// The user is gone: nothing is wanted of what was.
fn without_user(person: &Person, sku: SkuId, stored: &Entitlement, context: &Context<'_>) -> Option<EntitlementChange> {
    change(sku, Some(stored), &[], (person, &User::unread(stored.user)), &LocationWish::Keep, context)
}

fn change(
    sku: SkuId,
    stored: Option<&Entitlement>,
    causes: &[Cause<'_>],
    (person, user): (&Person, &User),
    location: &LocationWish,
    context: &Context<'_>,
) -> Option<EntitlementChange> {
    let deciding = causes.first();
    let want = deciding.map(|cause| Want { product: cause.product, baseline: cause.baseline, edited: cause.edited });
    let standing = stand::next(stored, want.as_ref(), user, location, context.catalog, context.now);
    let (standing, why) = match deciding {
        Some(cause) => expect::instead(stored, standing, cause.product, (person, user), context),
        None => (standing, None),
    };
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
    if let Some(Cause { rule, product, .. }) =
        deciding.filter(|_| !matches!(entitlement.standing, Standing::InFlight { .. }))
    {
        entitlement.rules = causes.iter().map(|cause| cause.rule.id.clone()).collect();
        entitlement.disabled.clone_from(&product.disabled);
        entitlement.wanted.clone_from(&product.wanted);
        entitlement.priority = rule.priority;
    }
    entitlement.ours &= !given_up;
    if entitlement.standing.is_open() {
        entitlement.due_since = entitlement.due_since.or(Some(context.now));
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
        Standing::Expected { until, .. } => Some(*until),
        _ => None,
    });
    expiries.chain(confirmations).filter(|at| *at > now).min()
}
