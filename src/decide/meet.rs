//! How a rule meets a person: whether it means the person, and whether the person was there before it.

use jiff::Timestamp;

use super::bind::BoundRule;
use super::context::Context;
use super::presence::is_present_but_disabled;
use super::stand;
use crate::model::location::UsageLocation;
use crate::model::matches::RuleMatch;
use crate::model::person::{Entitlement, KnownUser, Person};
use crate::model::rule::Subject;
use crate::model::settings::Existing;
use crate::model::standing::{Exclusion, Presence};

/// A rule that means a person, or of which that is not known.
pub(super) struct Met<'a> {
    pub bound: &'a BoundRule,
    pub found: RuleMatch,
    /// The rule is another than at the last decision.
    pub edited: bool,
}

/// How a rule meets a person; `None` when it does not mean the person.
pub(super) fn meet<'a>(
    person: &Person,
    bound: &'a BoundRule,
    subject: &Subject<'_>,
    presence: &Presence,
    user: Option<&KnownUser>,
    context: &Context<'_>,
) -> Option<Met<'a>> {
    let present = may_be_given(person, bound, presence, subject, context.now);
    let unread = bound.groups.is_err();
    let is_met = unread || (present && bound.rule.means(subject));
    if !is_met {
        return None;
    }
    let before = before(person, bound);
    let edited = is_another_rule(before);
    let baseline = is_baseline(person, (bound, before), presence, user, context)
        || asks_for_more(person, (bound, edited), user, context);
    let found = if unread {
        let before = before.map(|before| before.found).filter(|found| present && found.eligible);
        let groups = before.map(|found| found.groups.clone()).unwrap_or_default();
        RuleMatch { eligible: before.is_some(), baseline, unread, groups }
    } else {
        let groups = person.groups.iter().filter(|group| bound.rule.who.names(group)).cloned().collect();
        RuleMatch { eligible: true, baseline, unread, groups }
    };
    Some(Met { bound, found, edited })
}

/// How a rule of that name met a person at the last decision.
#[derive(Clone, Copy)]
struct Before<'a> {
    /// The rule was the same then.
    same: bool,
    found: &'a RuleMatch,
}

fn before<'a>(person: &'a Person, bound: &BoundRule) -> Option<Before<'a>> {
    let (rule, matches) = (&bound.rule, &person.matches);
    let same = matches.rules().digest(&rule.id) == Some(&*rule.digest);
    Some(Before { same, found: matches.get(&rule.id)? })
}

fn is_another_rule(before: Option<Before<'_>>) -> bool {
    before.is_none_or(|before| !before.same || before.found.unread)
}

/// Whether the rule is another than at the last decision about the person.
pub(super) fn is_edited(person: &Person, bound: &BoundRule) -> bool {
    is_another_rule(before(person, bound))
}

/// Whether a rule may give this person anything at all.
pub(super) fn may_be_given(
    person: &Person,
    bound: &BoundRule,
    presence: &Presence,
    subject: &Subject<'_>,
    now: Timestamp,
) -> bool {
    let rule = &bound.rule;
    match presence {
        Presence::Present => true,
        Presence::CloudOnly => {
            rule.who.is_about(subject) && subject.user.is_some_and(|user| user.enabled || rule.include_disabled)
        }
        Presence::Excluded(exclusion) => {
            rule.include_disabled && exclusion.is_disabled() && is_present_but_disabled(person, now)
        }
        _ => false,
    }
}

/// The location that stands in the first rule which means the person and has one.
pub(super) fn location_of_rule<'a>(met: &[Met<'a>]) -> Option<(UsageLocation, &'a str)> {
    let located = met.iter().filter_map(|met| Some((met, met.bound.rule.usage_location?)));
    let eligible = located.filter(|(met, _)| met.found.eligible);
    let (met, location) = eligible.min_by_key(|(met, _)| (met.found.baseline, met.bound.rule.priority))?;
    Some((location, &met.bound.rule.id))
}

/// Whether someone a rule wants was there before the rule, or before us. Only an event in the directory or the tenant ends
/// that, never an edit of the configuration.
fn is_baseline(
    person: &Person,
    (bound, before): (&BoundRule, Option<Before<'_>>),
    presence: &Presence,
    user: Option<&KnownUser>,
    context: &Context<'_>,
) -> bool {
    let same_coverage = person.coverage.as_deref() == Some(context.coverage);
    match (before, &person.presence) {
        // That the protection ends, by an edit or otherwise, makes nobody a newcomer.
        (_, Some(Presence::Excluded(Exclusion::Protected))) => true,
        (Some(Before { same: true, found }), Some(then)) if found.unread => {
            found.baseline && !came_by_event(then, presence, same_coverage)
        }
        (Some(Before { same: true, found }), _) => found.eligible && found.baseline && !is_another(person, bound, user),
        (_, None) => context.existing == Existing::Leave && user.is_some_and(|known| was_there(known, context)),
        (Some(Before { found, .. }), Some(_)) if found.eligible && causes_product(person, bound) => found.baseline,
        // The rule names another product now: who was given the former one is not new to it.
        (Some(Before { found, .. }), Some(_)) if found.eligible && !found.baseline && gave(person, bound, user) => {
            false
        }
        (_, Some(then)) => !came_by_event(then, presence, same_coverage),
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
        person.entitlements.get(&product.sku).is_some_and(|entitlement| entitlement.is_for(&bound.rule.id))
    })
}

/// What the rule wanted before, this person was given.
fn gave(person: &Person, bound: &BoundRule, user: Option<&KnownUser>) -> bool {
    let of_user = |stored: &&Entitlement| user.is_some_and(|known| known.user.id == stored.user);
    person.entitlements.values().filter(of_user).any(|stored| stored.ours && stored.is_for(&bound.rule.id))
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
fn asks_for_more(
    person: &Person,
    (bound, edited): (&BoundRule, bool),
    user: Option<&KnownUser>,
    context: &Context<'_>,
) -> bool {
    let (Ok(product), Some(KnownUser { user, .. })) = (&bound.product, user) else { return false };
    let stored = person.entitlements.get(&product.sku).filter(|stored| stored.user == user.id);
    let decided = stored.filter(|stored| stored.rules.first().is_some_and(|first| **first == *bound.rule.id));
    decided.is_some_and(|stored| stand::asks_for_more(stored, product, edited, user, context.catalog))
}
