//! How a rule meets a person: whether it means the person, and whether the person was there before it.

use std::collections::BTreeSet;

use jiff::Timestamp;

use super::bind::BoundRule;
use super::judge::Context;
use super::presence::is_present_but_disabled;
use super::stand;
use crate::model::location::UsageLocation;
use crate::model::person::{Entitlement, KnownUser, Person, RuleMatch};
use crate::model::rule::Subject;
use crate::model::settings::Existing;
use crate::model::standing::{Exclusion, Presence};

/// A rule, and how it meets a person.
pub(super) struct Met<'a> {
    pub bound: &'a BoundRule,
    /// How it met the person at the last decision.
    pub before: Option<&'a RuleMatch>,
    pub found: RuleMatch,
}

impl Met<'_> {
    /// The rule is another than at the last decision.
    pub(super) fn is_edited(&self) -> bool {
        is_edited(self.before, self.bound)
    }

    /// Whether this is the rule with that name.
    pub(super) fn is(&self, rule: &str) -> bool {
        *self.bound.rule.id == *rule
    }
}

/// How a rule meets a person.
pub(super) fn meet<'a>(
    person: &'a Person,
    bound: &'a BoundRule,
    subject: &Subject<'_>,
    presence: &Presence,
    user: Option<&KnownUser>,
    context: &Context<'_>,
) -> Met<'a> {
    let before = person.matches.get_at(bound.place, &bound.rule.id);
    let found = find(person, (bound, before), subject, presence, user, context);
    Met { bound, before, found }
}

fn find(
    person: &Person,
    (bound, before): (&BoundRule, Option<&RuleMatch>),
    subject: &Subject<'_>,
    presence: &Presence,
    user: Option<&KnownUser>,
    context: &Context<'_>,
) -> RuleMatch {
    let digest = bound.rule.digest.clone();
    let present = may_be_given(person, bound, presence, subject, context.now);
    let baseline = || is_baseline(person, (bound, before), presence, user, context);
    if bound.groups.is_err() {
        let before = before.filter(|stored| present && stored.eligible);
        let groups = before.map(|stored| stored.groups.clone()).unwrap_or_default();
        return RuleMatch { digest, eligible: before.is_some(), baseline: baseline(), unread: true, groups };
    }
    let eligible = present && bound.rule.means(subject);
    let baseline = eligible && (baseline() || asks_for_more(person, (bound, before), user, context));
    let groups = match eligible {
        true => person.groups.iter().filter(|group| bound.rule.who.names(group)).cloned().collect(),
        false => BTreeSet::new(),
    };
    RuleMatch { digest, eligible, baseline, unread: false, groups }
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
pub(super) fn location_of_rule<'a>(met: &'a [Met<'a>]) -> Option<(UsageLocation, &'a str)> {
    let located = met.iter().filter_map(|met| Some((met, met.bound.rule.usage_location?)));
    let eligible = located.filter(|(met, _)| met.found.eligible);
    let (met, location) = eligible.min_by_key(|(met, _)| (met.found.baseline, met.bound.rule.priority))?;
    Some((location, &met.bound.rule.id))
}

/// Whether someone a rule wants was there before the rule, or before us. Only an event in the directory or the tenant ends
/// that, never an edit of the configuration.
fn is_baseline(
    person: &Person,
    (bound, stored): (&BoundRule, Option<&RuleMatch>),
    presence: &Presence,
    user: Option<&KnownUser>,
    context: &Context<'_>,
) -> bool {
    let same_coverage = person.coverage.as_deref() == Some(context.coverage);
    match (stored, &person.presence) {
        // That the protection ends, by an edit or otherwise, makes nobody a newcomer.
        (_, Some(Presence::Excluded(Exclusion::Protected))) => true,
        (Some(stored), Some(before)) if stored.digest == bound.rule.digest && stored.unread => {
            stored.baseline && !came_by_event(before, presence, same_coverage)
        }
        (Some(stored), _) if stored.digest == bound.rule.digest => {
            stored.eligible && stored.baseline && !is_another(person, bound, user)
        }
        (_, None) => context.existing == Existing::Leave && user.is_some_and(|known| was_there(known, context)),
        (Some(stored), Some(_)) if stored.eligible && causes_product(person, bound) => stored.baseline,
        // The rule names another product now: who was given the former one is not new to it.
        (Some(stored), Some(_)) if stored.eligible && !stored.baseline && gave(person, bound, user) => false,
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
    (bound, before): (&BoundRule, Option<&RuleMatch>),
    user: Option<&KnownUser>,
    context: &Context<'_>,
) -> bool {
    let (Ok(product), Some(KnownUser { user, .. })) = (&bound.product, user) else { return false };
    let stored = person.entitlements.get(&product.sku).filter(|stored| stored.user == user.id);
    let decided = stored.filter(|stored| stored.rules.first().is_some_and(|first| **first == *bound.rule.id));
    decided.is_some_and(|stored| stand::asks_for_more(stored, product, is_edited(before, bound), user, context.catalog))
}

fn is_edited(before: Option<&RuleMatch>, bound: &BoundRule) -> bool {
    before.is_none_or(|stored| stored.digest != bound.rule.digest || stored.unread)
}
