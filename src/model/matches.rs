//! How the rules met a person at one decision.

use std::collections::BTreeSet;
use std::ops::Index;
use std::sync::Arc;

use super::group::ScopeGroup;

/// The rules of one pass of judging: their ids, in order, each with its [digest](super::rule::Rule::digest). Everyone who was judged in that pass shares
/// one: there are many persons and many rules.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RuleSet(Arc<[(Arc<str>, Arc<str>)]>);

impl RuleSet {
    /// The digest of a rule, if it is among them.
    #[must_use]
    pub fn digest(&self, rule: &str) -> Option<&str> {
        self.place(rule).map(|place| &*self.0[place].1)
    }

    /// Ids and digests, in the order of the ids.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(rule, digest)| (&**rule, &**digest))
    }

    fn place(&self, rule: &str) -> Option<usize> {
        self.0.binary_search_by(|(id, _)| (**id).cmp(rule)).ok()
    }
}

impl FromIterator<(Arc<str>, Arc<str>)> for RuleSet {
    fn from_iter<T: IntoIterator<Item = (Arc<str>, Arc<str>)>>(rules: T) -> Self {
        let mut rules: Vec<_> = rules.into_iter().collect();
        rules.sort();
        Self(rules.into())
    }
}

/// How a rule met a person.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RuleMatch {
    /// The rule wanted the person to have its product.
    pub eligible: bool,
    /// The person was there before the rule, or before us: wanted, not acted on.
    pub baseline: bool,
    /// A group that the rule names was not known then. `eligible` is what it was before, and `baseline` what the person is if
    /// the rule turns out to mean it.
    pub unread: bool,
    /// Of the groups that the rule names, those the person was in.
    pub groups: BTreeSet<ScopeGroup>,
}

/// The rule did not mean the person: so most rules meet most persons.
static NOT_MEANT: RuleMatch = RuleMatch { eligible: false, baseline: false, unread: false, groups: BTreeSet::new() };

/// How each rule met a person at one decision.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Matches {
    rules: RuleSet,
    /// By place among the rules, and in that order; a rule that did not mean the person is left out.
    found: Vec<(u32, RuleMatch)>,
}

impl Matches {
    /// What was found of these rules, by id. Those of which nothing is said did not mean the person; what is said of others is
    /// dropped.
    #[must_use]
    pub fn new<Id: AsRef<str>>(rules: RuleSet, found: impl IntoIterator<Item = (Id, RuleMatch)>) -> Self {
        let placed = found
            .into_iter()
            .filter_map(|(rule, found)| Some((u32::try_from(rules.place(rule.as_ref())?).ok()?, found)));
        let mut found: Vec<_> = placed.filter(|(_, found)| *found != NOT_MEANT).collect();
        found.sort_unstable_by_key(|(place, _)| *place);
        Self { rules, found }
    }

    /// The rules of that decision.
    #[must_use]
    pub fn rules(&self) -> &RuleSet {
        &self.rules
    }

    /// How this rule did; `None` when it was not among them.
    #[must_use]
    pub fn get(&self, rule: &str) -> Option<&RuleMatch> {
        self.rules.place(rule).map(|place| self.at(place))
    }

    /// How each of the rules did, in the order of the ids.
    pub fn all(&self) -> impl Iterator<Item = (&str, &RuleMatch)> {
        self.rules.iter().enumerate().map(|(place, (rule, _))| (rule, self.at(place)))
    }

    /// What was found of the rules that meant the person, or of which that was not known; in the order of the ids.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &RuleMatch)> {
        self.found.iter().map(|(place, found)| (&*self.rules.0[*place as usize].0, found))
    }

    /// Puts how a rule did in the place of what was there, if it is one of these rules.
    pub fn put(&mut self, rule: &str, found: RuleMatch) {
        let kept = self.iter().filter(|(id, _)| *id != rule).map(|(id, found)| (id, found.clone()));
        *self = Self::new(self.rules.clone(), kept.chain([(rule, found)]).collect::<Vec<_>>());
    }

    fn at(&self, place: usize) -> &RuleMatch {
        let found = self.found.iter().find(|(at, _)| *at as usize == place);
        found.map_or(&NOT_MEANT, |(_, found)| found)
    }
}

impl Index<&str> for Matches {
    type Output = RuleMatch;

    /// # Panics
    /// Where the person was not judged by that rule.
    fn index(&self, rule: &str) -> &RuleMatch {
        self.get(rule).expect("a rule that the person was judged by")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(eligible: bool) -> RuleMatch {
        RuleMatch { eligible, ..RuleMatch::default() }
    }

    #[test]
    fn a_rule_that_is_not_spoken_of_did_not_mean_the_person() {
        let rules: RuleSet =
            ["c", "a", "b"].map(|id| (Arc::from(id), Arc::from(format!("digest of {id}")))).into_iter().collect();
        assert_eq!(rules.iter().map(|(id, _)| id).collect::<Vec<_>>(), ["a", "b", "c"]);
        assert_eq!((rules.digest("b"), rules.digest("d")), (Some("digest of b"), None));
        let mut matches = Matches::new(rules.clone(), [("c", found(true)), ("a", found(false)), ("d", found(true))]);
        assert_eq!(matches.iter().collect::<Vec<_>>(), [("c", &found(true))]);
        assert_eq!((&matches["a"], &matches["c"], matches.get("d")), (&found(false), &found(true), None));
        matches.put("a", RuleMatch { baseline: true, ..found(true) });
        matches.put("c", found(false));
        assert_eq!(matches.iter().map(|(id, found)| (id, found.baseline)).collect::<Vec<_>>(), [("a", true)]);
        assert_eq!(matches, Matches::new(rules, [("a", RuleMatch { baseline: true, ..found(true) })]));
    }
}
