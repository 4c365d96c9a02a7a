//! What is served: gathered from the agent, its store, and what was counted.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::page::Page;
use super::{Board, catalog, readiness};
use crate::agent::Agent;
use crate::model::fault::Fault as _;
use crate::observe;
use crate::store::Figures;
use crate::vitals::Overdue;

/// What is said while there is no agent.
const NONE: &str = "the agent has not started yet";

/// What speaks against the agent being alive.
pub(super) fn alive(board: &Board) -> Vec<String> {
    match board.agent() {
        None => vec![NONE.to_owned()],
        Some(agent) => {
            let late = agent.vitals().overdue();
            let said = |late: &Overdue| {
                format!(
                    "{} stands still, {} s beyond its time: the log says what it did last",
                    late.task,
                    late.by.as_secs()
                )
            };
            late.iter().map(said).collect()
        }
    }
}

/// What keeps it from its work.
pub(super) async fn hindrances(board: &Board) -> Vec<String> {
    let Some(agent) = board.agent() else { return vec![NONE.to_owned()] };
    match board.figures(&agent).await {
        Ok(figures) => of(&agent, &figures),
        Err(error) => vec![format!("the store cannot be read [{}]: the log says why", error.code())],
    }
}

fn of(agent: &Agent, figures: &Figures) -> Vec<String> {
    let settings = agent.settings();
    let domains = settings.directories.iter().map(|directory| directory.domain.clone()).collect();
    readiness::hindrances(figures, &domains, settings.alarm.unreachable_after, agent.now())
}

/// The text of `/metrics`.
///
/// # Errors
/// As [`Page::text`].
pub(super) async fn text(board: &Board) -> prometheus::Result<String> {
    let mut page = Page::default();
    let kerberos = if cfg!(feature = "gssapi") { "yes" } else { "no" };
    page.set(&catalog::BUILD, &[env!("CARGO_PKG_VERSION"), kerberos], 1.0);
    page.set(&catalog::STARTED, &[], seconds(board.started));
    counted(&mut page);
    let Some(agent) = board.agent() else {
        page.count(&catalog::READY, &[], 0);
        return page.text();
    };
    page.set(&catalog::MODE, &[agent.settings().mode.word()], 1.0);
    budget(&mut page, &agent);
    let read = board.figures(&agent).await;
    page.count(&catalog::STORE, &[], u64::from(read.is_ok()));
    page.count(&catalog::READY, &[], u64::from(read.as_ref().is_ok_and(|figures| of(&agent, figures).is_empty())));
    if let Ok(figures) = read {
        feeds(&mut page, &agent, &figures);
        people(&mut page, &figures);
        guard(&mut page, &agent, &figures);
        state(&mut page, &figures, agent.now());
    }
    page.text()
}

/// What was counted since the start.
fn counted(page: &mut Page) {
    let counts = observe::counts();
    for ((event, level), number) in counts.events {
        page.count(&catalog::EVENTS, &[event, level], number);
    }
    for (code, number) in counts.errors {
        page.count(&catalog::ERRORS, &[&code], number);
    }
    for write in ["usage-location", "license"] {
        // A rate wants a beginning: what never happened is there, as 0.
        page.count(
            &catalog::WRITES,
            &[write, "accepted"],
            counts.writes.get(&(write, "accepted")).copied().unwrap_or(0),
        );
    }
    for ((write, outcome), number) in counts.writes.iter().filter(|((_, outcome), _)| *outcome != "accepted") {
        page.count(&catalog::WRITES, &[write, outcome], *number);
    }
    for request in ["read", "write"] {
        page.count(&catalog::THROTTLED, &[request], counts.throttled.get(request).copied().unwrap_or(0));
    }
    page.spread(&catalog::SINCE_SEEN, &counts.since_seen);
    page.spread(&catalog::SINCE_APPEARED, &counts.since_appeared);
}

fn budget(page: &mut Page, agent: &Agent) {
    let budget = agent.write_budget();
    page.count(&catalog::BUDGET, &[], budget.remaining.into());
    page.count(&catalog::BUDGET_LIMIT, &[], budget.limit.into());
    page.count(&catalog::BATCHES, &[], budget.batches as u64);
}

fn feeds(page: &mut Page, agent: &Agent, figures: &Figures) {
    let now = agent.now();
    let mut feed = |feed: &str, domain: &str, read: Option<Timestamp>| {
        let Some(read) = read else { return };
        page.set(&catalog::FEED_SUCCESS, &[feed, domain], seconds(read));
        page.set(&catalog::FEED_LAG, &[feed, domain], now.duration_since(read).as_secs_f64().max(0.0));
    };
    for directory in &agent.settings().directories {
        feed("directory", &directory.domain, figures.domains.get(&directory.domain).copied().flatten());
    }
    feed("tenant", "", figures.tenant_read);
    if let Some(last) = figures.synchronization.and_then(|synchronization| synchronization.last) {
        page.set(&catalog::SYNC_SUCCESS, &[], seconds(last));
    }
}

fn people(page: &mut Page, figures: &Figures) {
    for (presence, number) in &figures.presence {
        page.count(&catalog::PERSONS, &[presence], *number);
    }
    let names: BTreeMap<String, &str> =
        figures.skus.iter().map(|sku| (sku.id.to_string(), sku.name.as_str())).collect();
    for ((standing, sku), number) in &figures.entitlements {
        page.count(&catalog::ENTITLEMENTS, &[standing, names.get(sku).copied().unwrap_or(sku)], *number);
    }
    for sku in &figures.skus {
        #[expect(clippy::cast_precision_loss, reason = "numbers of seats")]
        for (metric, number) in [
            (&catalog::SEATS_ENABLED, sku.bought as f64),
            (&catalog::SEATS_CONSUMED, sku.consumed as f64),
            (&catalog::SEATS_FREE, sku.free as f64),
            (&catalog::SEATS_WAITING, sku.waiting as f64),
        ] {
            page.set(metric, &[&sku.name], number);
        }
    }
}

fn guard(page: &mut Page, agent: &Agent, figures: &Figures) {
    let (guard, used) = (&agent.settings().guard, figures.admitted);
    for (action, limit, used) in [
        ("give", guard.assignments_per_day, used.given),
        ("change", guard.changes_per_day, used.changed),
        ("take", guard.removals_per_day, used.taken),
    ] {
        page.count(&catalog::GUARD_LIMIT, &[action], limit.into());
        page.count(&catalog::GUARD, &[action], limit.saturating_sub(used).into());
    }
    for rule in &agent.settings().rules {
        let held = figures.held.get(&*rule.id).copied().unwrap_or_default();
        page.count(&catalog::HELD_COHORTS, &[&rule.id], held.cohorts);
        page.count(&catalog::HELD_PERSONS, &[&rule.id], held.persons);
    }
    // Of rules that are gone, and of what was asked for by hand.
    for (rule, held) in &figures.held {
        if !agent.settings().rules.iter().any(|known| *known.id == **rule) {
            page.count(&catalog::HELD_COHORTS, &[rule], held.cohorts);
            page.count(&catalog::HELD_PERSONS, &[rule], held.persons);
        }
    }
}

/// What stands in the way, and what somebody should look at.
fn state(page: &mut Page, figures: &Figures, now: Timestamp) {
    page.count(&catalog::PAUSED, &[], u64::from(figures.paused.is_some()));
    if let Some(halt) = figures.halted.as_ref().filter(|halt| halt.until > now) {
        page.count(&catalog::HALTED, &[&halt.reason.code], 1);
    }
    let mut troubles: BTreeMap<&str, u64> = BTreeMap::new();
    for part in figures.troubles.keys() {
        *troubles.entry(readiness::kind(part)).or_default() += 1;
    }
    for (part, number) in troubles {
        page.count(&catalog::TROUBLE, &[part], number);
    }
    for feed in ["directory", "tenant"] {
        page.count(&catalog::QUARANTINED, &[feed], figures.quarantined.get(feed).copied().unwrap_or(0));
    }
    page.count(&catalog::UNCONFIRMED, &[], figures.unconfirmed);
    page.count(&catalog::UNUSABLE, &[], figures.unusable);
    if let Some(since) = figures.awaited_since {
        page.set(&catalog::AWAITED, &[], seconds(since));
    }
    let mut first: BTreeMap<&str, Timestamp> = BTreeMap::new();
    for ending in &figures.endings {
        let at = first.entry(ending.matter.word()).or_insert(ending.at);
        *at = ending.at.min(*at);
    }
    for (matter, at) in first {
        page.set(&catalog::EXPIRY, &[matter.trim_end_matches("-expiring")], seconds(at));
    }
}

fn seconds(at: Timestamp) -> f64 {
    at.as_duration().as_secs_f64()
}
