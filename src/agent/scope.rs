//! Whom rules mean: said once after the start, and compared with what a domain controller makes of the same filters.
//!
//! Filters are answered here, from stored attributes. A controller may see it otherwise: its schema does not know an attribute,
//! the account may not read it, a matching rule differs. So it is asked to count, after a complete reading.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use jiff::Timestamp;

use super::{Agent, AgentError};
use crate::directory::{Dc, DirectoryError, Instead, Place};
use crate::model::filter::Filter;
use crate::model::rule::{Clause, Dn, Who};
use crate::model::settings::DirectorySettings;
use crate::observe::Event;
use crate::store::Tally;

/// A difference is believed when this many looks running have shown it: between two counts somebody may have changed.
pub(super) const LOOKS: u32 = 3;

/// What is known of the rules' scope since the start.
#[derive(Clone, Debug, Default)]
pub(super) struct ScopeWatch(Arc<Mutex<Known>>);

#[derive(Debug, Default)]
struct Known {
    /// Domains that were read.
    domains: BTreeSet<String>,
    /// Units that do not exist, and what does.
    missing: BTreeMap<String, Instead>,
}

/// Which filters of a domain are still to be compared, and how often they were.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Comparison {
    /// Once the content is read.
    Due {
        /// Looks that showed a difference.
        differed: u32,
        /// Not before.
        from: Timestamp,
    },
    /// Not before the next complete reading.
    Done,
}

impl Comparison {
    pub fn due() -> Self {
        Self::Due { differed: 0, from: Timestamp::MIN }
    }
}

impl ScopeWatch {
    fn known(&self) -> MutexGuard<'_, Known> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Agent {
    /// Asks the controller, up to whose word a domain was read, about the conditions of the rules. With the last of all domains
    /// it is said whom the rules mean. Returns whether the controller counts as we do; if not, it is said where `tell` is.
    pub(super) async fn examine_scope(
        &self,
        dc: &mut Dc,
        settings: &DirectorySettings,
        tell: bool,
    ) -> Result<bool, AgentError> {
        if !self.scope.known().domains.contains(&settings.domain) {
            self.find_units(dc).await?;
            self.tell_scope(&settings.domain).await?;
        }
        self.compare_filters(dc, settings, tell).await
    }

    /// Notes which units that rules name are not in the domain.
    async fn find_units(&self, dc: &mut Dc) -> Result<(), AgentError> {
        let Some(domain) = Dn::parse(dc.domain()) else { return Ok(()) };
        for clause in self.settings.rules.iter().flat_map(|rule| rule.who.clauses()) {
            if let Clause::Ou(dn) = clause
                && dn.is_within(&domain)
                && let Place::Missing(instead) = dc.place(dn).await?
            {
                self.scope.known().missing.insert(clause.to_string(), instead);
            }
        }
        Ok(())
    }

    /// Says whom each rule means, once all domains are read.
    async fn tell_scope(&self, domain: &str) -> Result<(), AgentError> {
        let missing = {
            let mut known = self.scope.known();
            known.domains.insert(domain.to_owned());
            if known.domains.len() < self.settings.directories.len() {
                return Ok(());
            }
            known.missing.clone()
        };
        let rules = &self.settings.rules;
        let parts = rules.iter().flat_map(|rule| std::iter::once(rule.who.clone()).chain(clauses(&rule.who)));
        let Tally { accounts, meant, .. } = self.store.tally(None, parts.collect()).await?;
        let mut meant = meant.into_iter();
        for rule in rules {
            let whole = meant.next().unwrap_or_default();
            if !rule.who.asks_beyond_accounts() {
                Event::RuleScope { rule: rule.id.to_string(), meant: whole, accounts }.emit();
            }
            for (clause, meant) in rule.who.clauses().into_iter().zip(&mut meant) {
                let (rule, clause) = (rule.id.to_string(), clause.to_string());
                if meant == 0 {
                    let missing = missing.get(&clause).map(|instead| format!("{instead}. {}", instead.guess()));
                    Event::RuleMeansNobody { rule, clause, missing }.emit();
                }
            }
        }
        Ok(())
    }

    /// As far as it counts the same accounts at all.
    async fn compare_filters(&self, dc: &mut Dc, settings: &DirectorySettings, tell: bool) -> Result<bool, AgentError> {
        let filters: Vec<(&str, &Filter)> = self.settings.rules.iter().flat_map(filters).collect();
        if filters.is_empty() {
            return Ok(true);
        }
        let server = dc.server().to_owned();
        let ours = filters.iter().map(|(_, filter)| Who::Filter((*filter).clone())).collect();
        let Some(all) = count(dc, settings, "(objectClass=*)").await? else { return Ok(false) };
        let mut theirs = Vec::new();
        for (_, filter) in &filters {
            theirs.push(count(dc, settings, &filter.to_string()).await?);
        }
        let tally = self.store.tally(Some(dc.known_state().key.domain), ours).await?;
        // Who was deleted unseen, came meanwhile or could not be understood is counted by one side alone.
        let unlike = tally.accounts.abs_diff(all) + tally.unread;
        let mut agrees = true;
        for (((rule, filter), theirs), ours) in filters.into_iter().zip(theirs).zip(tally.meant) {
            if theirs.is_some_and(|theirs| theirs.abs_diff(ours) <= unlike) {
                continue;
            }
            agrees = false;
            if tell {
                let (rule, filter, server) = (rule.to_owned(), filter.to_string(), server.clone());
                Event::FilterDiffers { rule, filter, ours, theirs, server }.emit();
            }
        }
        Ok(agrees)
    }
}

fn filters(rule: &crate::model::rule::Rule) -> Vec<(&str, &Filter)> {
    let filter = |clause| match clause {
        Clause::Filter(filter) => Some((&*rule.id, filter)),
        Clause::Ou(_) => None,
    };
    rule.who.clauses().into_iter().filter_map(filter).collect()
}

fn clauses(who: &Who) -> impl Iterator<Item = Who> {
    who.clauses().into_iter().map(|clause| match clause {
        Clause::Ou(dn) => Who::Ou(dn.clone()),
        Clause::Filter(filter) => Who::Filter(filter.clone()),
    })
}

/// The accounts of a domain that its controller takes a filter to mean; `None` where it cannot answer.
async fn count(dc: &mut Dc, settings: &DirectorySettings, filter: &str) -> Result<Option<u64>, DirectoryError> {
    let mut sum = 0;
    for base in &settings.bases {
        match dc.count(base, filter).await {
            Ok(accounts) => sum += accounts,
            Err(DirectoryError::Answer { .. } | DirectoryError::CookieGone { .. } | DirectoryError::Odd { .. }) => {
                return Ok(None);
            }
            Err(error) => return Err(error),
        }
    }
    Ok(Some(sum))
}
