//! What an operator is asked about before an edited configuration takes over from the one that is worked by, and what cannot be
//! taken over at all while the agent runs.

use std::collections::BTreeSet;
use std::fmt;

use crate::model::effect::{Effect, Fate, Picture, RuleChange, RuleEffect};
use crate::model::settings::{Bind, Mode, Settings};
use crate::model::shrink::is_shrunk;
use crate::model::standing::Action;
use crate::model::text::count;

/// One thing that is not taken over unasked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Concern {
    /// A rule lets go of many of those it meant: it no longer means them, or leaves them alone from now on.
    LetsGo {
        /// Which rule.
        rule: String,
        /// What was done to it.
        change: RuleChange,
        /// How many.
        persons: u64,
        /// Of how many.
        meant: u64,
        /// The share that is not asked about, in percent.
        percent: u32,
    },
    /// More is to be written than the new guard lets in on a day.
    Exceeds {
        /// How many licenses.
        licenses: u64,
        /// What is to be done with them.
        what: &'static str,
        /// The key of the limit.
        key: &'static str,
        /// The limit.
        limit: u32,
    },
    /// A rule means no product of the tenant, which it did.
    Unusable(String),
    /// Locations that are set are replaced from now on.
    Overwrites,
    /// A domain is followed no longer.
    Forsaken(String),
    /// What it reads was not read yet, so that its effect is not known.
    Unread(String),
}

impl fmt::Display for Concern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::LetsGo { rule, change: RuleChange::Removed, meant, .. } => {
                write!(f, "rule {rule} is gone, which meant {}", count(*meant, "person"))
            }
            Self::LetsGo { rule, persons, meant, percent, .. } => write!(
                f,
                "rule {rule} no longer means, or leaves alone from now on, {persons} of the {} it meant \
                 (guard.shrink_percent is {percent})",
                count(*meant, "person")
            ),
            Self::Exceeds { licenses, what, key, limit } => {
                write!(f, "{} to be {what}, and guard.{key} is {limit}", count(*licenses, "license"))
            }
            Self::Unusable(problem) => f.write_str(problem),
            Self::Overwrites => f.write_str(
                "usage_location.overwrite is on: locations that are set and differ are replaced from now on",
            ),
            Self::Forsaken(domain) => {
                write!(f, "domain {domain} is followed no longer: its accounts stay as they were last read")
            }
            Self::Unread(what) => write!(f, "what it does cannot be told before it is read: {what}"),
        }
    }
}

/// An edit of the configuration, and what it does.
#[derive(Debug)]
pub struct Edit<'a> {
    /// What is worked by.
    pub before: &'a Settings,
    /// What is in the file.
    pub after: &'a Settings,
    /// What that does to those who are known; `None` before anybody was judged.
    pub effect: Option<&'a Effect>,
    /// Where everyone stands then.
    pub then: &'a Picture,
    /// Why rules that could be followed mean no product then.
    pub unusable: &'a [String],
}

/// What is asked about; nothing where it may be taken over.
#[must_use]
pub fn concerns(edit: &Edit<'_>) -> Vec<Concern> {
    let Edit { before, after, .. } = edit;
    let domains = |settings: &Settings| -> BTreeSet<String> {
        settings.directories.iter().map(|directory| directory.domain.clone()).collect()
    };
    let mut found: Vec<Concern> = domains(before).difference(&domains(after)).cloned().map(Concern::Forsaken).collect();
    if after.location.overwrite && !before.location.overwrite {
        found.push(Concern::Overwrites);
    }
    found.extend(edit.unusable.iter().cloned().map(Concern::Unusable));
    match edit.effect {
        None => {}
        Some(Effect::NeedsScan { missing }) => found.extend(missing.iter().cloned().map(Concern::Unread)),
        Some(Effect::Known { rules, .. }) => {
            found.extend(rules.iter().filter_map(|rule| lets_go(rule, after.guard.shrink_percent)));
            found.extend(exceeds(edit));
        }
    }
    found
}

fn lets_go(effect: &RuleEffect, percent: u32) -> Option<Concern> {
    let RuleEffect { meant, change, .. } = *effect;
    let persons = effect.dropped + effect.become_baseline;
    let many = percent < 100 && is_shrunk(meant.saturating_sub(persons), persons, percent);
    many.then(|| Concern::LetsGo { rule: effect.rule.clone(), change, persons, meant, percent })
}

fn exceeds(edit: &Edit<'_>) -> Vec<Concern> {
    let guard = &edit.after.guard;
    // What was only recorded so far is all written then.
    let all = edit.before.mode == Mode::Observe && edit.after.mode == Mode::Apply;
    let of_fate = |fits: fn(&Fate) -> bool| match edit.effect {
        Some(Effect::Known { licenses, .. }) => {
            licenses.iter().filter(|license| fits(&license.fate)).map(|license| license.persons).sum()
        }
        _ => 0,
    };
    let open = |fits: fn(&Action) -> bool| {
        let claims = edit.then.claims.values().flat_map(std::collections::BTreeMap::values);
        claims.filter(|claim| claim.standing.is_open() && fits(&claim.action)).count() as u64
    };
    let counted = |fate: fn(&Fate) -> bool, action: fn(&Action) -> bool| if all { open(action) } else { of_fate(fate) };
    [
        (
            counted(|fate| *fate == Fate::Given, |action| *action == Action::Give),
            "given",
            "assignments_per_day",
            guard.assignments_per_day,
        ),
        (
            counted(|fate| *fate == Fate::Changed, |action| *action == Action::Change),
            "given other plans",
            "changes_per_day",
            guard.changes_per_day,
        ),
        (
            counted(|fate| *fate == Fate::TakenBack, |action| *action == Action::Take { with: None }),
            "taken back",
            "removals_per_day",
            guard.removals_per_day,
        ),
    ]
    .into_iter()
    .filter(|(licenses, _, _, limit)| *licenses > u64::from(*limit))
    .map(|(licenses, what, key, limit)| Concern::Exceeds { licenses, what, key, limit })
    .collect()
}

/// What only a restart changes, in sentences. `bound` names the domains that the store is bound to.
#[must_use]
pub fn needs_restart(before: &Settings, after: &Settings, bound: &BTreeSet<String>) -> Vec<String> {
    let mut found = Vec::new();
    if before.store != after.store {
        let (old, new) = (before.store.display(), after.store.display());
        found.push(format!("the store is {old} and becomes {new} only by a restart"));
    }
    if before.tenant.id != after.tenant.id {
        let (old, new) = (before.tenant.id, after.tenant.id);
        found.push(format!("the store is bound to tenant {old}; tenant {new} takes a restart with a store of its own"));
    }
    let follows = |domain: &str| after.directories.iter().any(|directory| directory.domain == domain);
    if let Some(left) = bound.iter().find(|domain| !follows(domain)) {
        let new = after.directories.iter().filter(|directory| !bound.contains(&directory.domain));
        found.extend(new.map(|directory| {
            let domain = &directory.domain;
            format!(
                "the store is bound to domain {left}, which is not followed any more: domain {domain} takes a restart with a \
                 store of its own"
            )
        }));
    }
    if key_table(after).is_some_and(|table| key_table(before) != Some(table)) {
        found.push("the path of bind.keytab is changed only by a restart".to_owned());
    }
    if before.log.format != after.log.format {
        found.push("log.format is changed only by a restart".to_owned());
    }
    if (&before.log.directory, before.log.keep) != (&after.log.directory, after.log.keep) {
        found.push("log.directory and log.keep are changed only by a restart".to_owned());
    }
    found
}

/// The key table, of which there is one for the whole process.
fn key_table(settings: &Settings) -> Option<&std::path::Path> {
    settings.directories.iter().find_map(|directory| match &directory.bind {
        Bind::Kerberos { keytab, .. } => Some(keytab.as_path()),
        Bind::Simple { .. } | Bind::Own => None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn effect(meant: u64, dropped: u64, become_baseline: u64) -> RuleEffect {
        RuleEffect {
            rule: "ems".into(),
            change: RuleChange::Edited,
            meant,
            dropped,
            added_as_baseline: 0,
            added_to_license: 0,
            added_otherwise: 0,
            become_baseline,
        }
    }

    #[test]
    fn a_rule_that_lets_go_of_many_is_asked_about() {
        for (meant, dropped, become_baseline, percent, asked) in [
            (100, 20, 0, 20, false),
            (100, 21, 0, 20, true),
            (100, 11, 10, 20, true),
            (40, 10, 0, 20, false),
            (3, 3, 0, 20, true),
            (3, 3, 0, 100, false),
            (0, 0, 0, 20, false),
        ] {
            let concern = lets_go(&effect(meant, dropped, become_baseline), percent);
            assert_eq!(concern.is_some(), asked, "{meant} {dropped} {become_baseline} {percent}");
        }
    }
}
