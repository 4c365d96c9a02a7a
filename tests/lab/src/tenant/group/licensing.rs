//! Group-based licensing: what a group gives reaches its direct members later, one by one, and what cannot be given is an
//! error in that member's `licenseAssignmentStates`.

use std::collections::BTreeSet;

use uuid::Uuid;

use super::super::{
    clock::after,
    countries::is_country,
    licensing::{Licensing, Source},
    person::Existence,
    reply::GraphError,
    state::State,
};

impl State {
    /// Puts a group in the queue; without a delay its members have it at once.
    pub(super) fn queue_group(&mut self, id: Uuid) {
        let now = self.now();
        let due = after(now, self.knobs.group_licensing_delay);
        let matters = self.groups.get(&id).is_some_and(|group| !group.licenses.is_empty()) || self.gave_before(id);
        if let Some(group) = self.groups.get_mut(&id).filter(|_| matters) {
            group.queued = Some((now, due));
            self.settle_groups();
        }
    }

    fn gave_before(&self, id: Uuid) -> bool {
        self.people.values().any(|person| person.licensing.sources.iter().any(|source| source.group == Some(id)))
    }

    /// Carries out what is due.
    pub(in crate::tenant) fn settle_groups(&mut self) {
        let now = self.now();
        let due = |group: &&mut super::Group| group.queued.is_some_and(|(_, due)| due <= now);
        let due: Vec<Uuid> = self
            .groups
            .values_mut()
            .filter(due)
            .map(|group| {
                group.queued = None;
                group.id
            })
            .collect();
        for id in due {
            self.process_group(id);
        }
    }

    fn process_group(&mut self, id: Uuid) {
        let Some(group) = self.groups.get(&id) else {
            return;
        };
        let concerned = |person: &&crate::tenant::person::Person| {
            group.users.contains(&person.id)
                || person.licensing.sources.iter().any(|source| source.group == Some(group.id))
        };
        let people: Vec<Uuid> = self.people.values().filter(concerned).map(|person| person.id).collect();
        for person in people {
            // Its errors are in the person's states.
            let _ = self.bring_in_line(person, id);
        }
    }

    /// Works out everything that groups give one user, now; the first error, if any.
    pub(in crate::tenant) fn reprocess_licenses(&mut self, user: Uuid) -> Result<(), GraphError> {
        let groups: BTreeSet<Uuid> = self
            .groups
            .values()
            .filter(|group| group.users.contains(&user) && !group.licenses.is_empty())
            .map(|group| group.id)
            .collect();
        let outcomes: Vec<_> = groups.into_iter().map(|group| self.bring_in_line(user, group)).collect();
        outcomes.into_iter().collect()
    }

    /// Gives a user what a group gives, and takes what it gives no longer.
    fn bring_in_line(&mut self, user: Uuid, id: Uuid) -> Result<(), GraphError> {
        let now = self.now();
        let (Some(person), Some(group)) = (self.people.get(&user), self.groups.get(&id)) else {
            return Ok(());
        };
        let mut wanted = group.licenses.clone();
        if !group.users.contains(&user) || person.existence != Existence::Present {
            wanted.clear();
        }
        let mut next = person.licensing.clone();
        next.sources.retain(|source| source.group != Some(id) || wanted.contains_key(&source.sku));
        let mut first = Ok(());
        for (sku, disabled_plans) in wanted {
            let source = Source { sku, group: Some(id), disabled_plans, error: None, since: now };
            let mut trial = next.clone();
            trial.put(source.clone());
            match self.check_group_license(user, sku, &next, &trial) {
                Ok(()) => next = trial,
                Err((word, error)) => {
                    next.put(Source { error: Some(word.to_owned()), ..source });
                    first = first.and(Err(error));
                }
            }
        }
        if next.sources != self.people[&user].licensing.sources {
            self.relicense(user, next, true);
        }
        first
    }

    fn check_group_license(
        &self,
        user: Uuid,
        sku: Uuid,
        before: &Licensing,
        after: &Licensing,
    ) -> Result<(), (&'static str, GraphError)> {
        // Who has no location is given the tenant's for this check.
        let location = self.people.get(&user).and_then(|person| person.text("usageLocation"));
        if location.is_some_and(|location| !is_country(location)) {
            let text = "License assignment cannot be done for user with invalid usage location.";
            return Err(("ProhibitedInUsageLocationViolation", GraphError::bad_request(text)));
        }
        if !before.held_skus().contains(&sku) {
            self.check_seat(sku).map_err(|error| ("CountViolation", error))?;
        }
        self.check_exclusions(after).map_err(|error| ("MutuallyExclusiveViolation", error))?;
        self.check_dependencies(after).map_err(|error| ("DependencyViolation", error))
    }
}
