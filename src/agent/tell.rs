//! What the work tells the log.

use std::collections::BTreeSet;

use crate::model::license::Catalog;
use crate::observe::Event;
use crate::store::Moved;

/// What has been said already.
#[derive(Default)]
pub(super) struct Known {
    unusable: BTreeSet<String>,
}

impl Known {
    /// Says once of each rule that it means nothing here.
    pub(super) fn complain(&mut self, unusable: &[String]) {
        let problems: BTreeSet<String> = unusable.iter().cloned().collect();
        for problem in problems.difference(&self.unusable) {
            Event::RuleUnusable { problem: problem.clone() }.emit();
        }
        self.unusable = problems;
    }
}

/// Tells the log what moved.
pub(super) fn tell(moved: Vec<Moved>, catalog: &Catalog) {
    for Moved { name, sku, from, to, why, journey, .. } in moved {
        match sku {
            Some(sku) => {
                Event::StandingMoved { name, product: catalog.name(sku), from, to, why, journey }.emit();
            }
            None => Event::PersonMoved { name, from, to, why }.emit(),
        }
    }
}
