//! How each rule met a person at one decision.

use std::ops::Index;
use std::sync::Arc;

use super::person::RuleMatch;

/// How each rule met a person, by rule id. One block of memory for each person: there are many persons and many rules.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Matches(Vec<(Arc<str>, RuleMatch)>);

impl Matches {
    /// How this rule did.
    #[must_use]
    pub fn get(&self, rule: &str) -> Option<&RuleMatch> {
        self.place(rule).ok().map(|place| &self.0[place].1)
    }

    /// The same of a rule that stands at this place among the ids if the rules are those of that decision, which saves searching.
    #[must_use]
    pub fn get_at(&self, place: usize, rule: &str) -> Option<&RuleMatch> {
        match self.0.get(place) {
            Some((id, found)) if **id == *rule => Some(found),
            _ => self.get(rule),
        }
    }

    /// The same, to change it.
    pub fn get_mut(&mut self, rule: &str) -> Option<&mut RuleMatch> {
        self.place(rule).ok().map(|place| &mut self.0[place].1)
    }

    /// Puts how a rule did in the place of what was there.
    pub fn insert(&mut self, rule: Arc<str>, found: RuleMatch) {
        match self.place(&rule) {
            Ok(place) => self.0[place].1 = found,
            Err(place) => self.0.insert(place, (rule, found)),
        }
    }

    /// All, in the order of the ids.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &RuleMatch)> {
        self.0.iter().map(|(rule, found)| (&**rule, found))
    }

    fn place(&self, rule: &str) -> Result<usize, usize> {
        self.0.binary_search_by(|(id, _)| (**id).cmp(rule))
    }
}

impl FromIterator<(Arc<str>, RuleMatch)> for Matches {
    /// Of several of one rule, one is found.
    fn from_iter<T: IntoIterator<Item = (Arc<str>, RuleMatch)>>(matches: T) -> Self {
        let mut matches: Vec<_> = matches.into_iter().collect();
        if !matches.is_sorted_by(|(one, _), (other, _)| one <= other) {
            matches.sort_by(|(one, _), (other, _)| one.cmp(other));
        }
        Self(matches)
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
    use std::collections::BTreeSet;

    use super::*;

    fn found(eligible: bool) -> RuleMatch {
        RuleMatch { digest: "d".into(), eligible, baseline: false, unread: false, groups: BTreeSet::new() }
    }

    #[test]
    fn a_rule_is_found_by_its_id_wherever_it_is_looked_for() {
        let ids: [Arc<str>; 3] = ["c", "a", "b"].map(Arc::from);
        let mut matches: Matches = ids.iter().map(|id| (id.clone(), found(**id == *"a"))).collect();
        assert_eq!(matches.iter().map(|(id, _)| id).collect::<Vec<_>>(), ["a", "b", "c"]);
        for place in 0..4 {
            assert_eq!(matches.get_at(place, "a"), Some(&found(true)));
            assert_eq!(matches.get_at(place, "d"), None);
        }
        matches.insert("b".into(), found(true));
        matches.insert("d".into(), found(false));
        assert_eq!((matches["b"].eligible, matches["d"].eligible, matches.iter().count()), (true, false, 4));
        matches.get_mut("d").expect("it is there").baseline = true;
        assert!(matches["d"].baseline);
    }
}
