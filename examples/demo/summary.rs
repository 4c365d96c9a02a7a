//! What came of it, what it cost, and where to look next.

use std::collections::BTreeSet;
use std::time::Duration;

use seatsync::store::Store;
use seatsync_lab::directory::{Kind, Operation};

use super::Failure;
use super::cast::{Joiner, Story, seconds};
use super::screen::{Screen, lacking};
use super::stage::{PRODUCT, Stage};

/// Shows it; whether everybody who should be licensed is, nobody else, and nothing was written twice.
pub async fn show(stage: &Stage, store: &Store, screen: &Screen, story: &Story) -> Result<bool, Failure> {
    let people = || story.joiners.iter().filter(|joiner| joiner.person);
    let (joined, licensed) = (people().count(), people().filter(|joiner| joiner.licensed.is_some()).count());
    let strangers = story.joiners.iter().filter(|joiner| !joiner.person && joiner.licensed.is_some()).count();

    screen.scene("What came of it");
    screen.fact("licensed", &format!("{licensed} of {joined} people who joined, {} others", plural(strangers)));
    let mut took: Vec<Duration> = people().filter(|joiner| !joiner.waited).filter_map(delay).collect();
    took.sort();
    if let (Some(median), Some(slowest)) = (took.get(took.len() / 2), took.last()) {
        let (median, slowest) = (seconds(*median), seconds(*slowest));
        screen.fact("how fast", &format!("median {median}, slowest {slowest}, from appearing in the tenant"));
    }
    let after = people().filter(|joiner| joiner.waited).filter_map(|joiner| Some(joiner.licensed? - story.bought?));
    if let Some(slowest) = after.max() {
        let waited = people().filter(|joiner| joiner.waited).count();
        screen.fact(
            "seats",
            &format!("{waited} had to wait, the last until {} after seats were bought", seconds(slowest)),
        );
    }
    let report = store.report().await?;
    screen.fact("baseline", &format!("{} were there before and lack the license: left alone", lacking(&report)));

    let well = costs(stage, screen, joined) && licensed == joined && strangers == 0;
    screen.scene("Where to look next");
    screen.fact("README.md", "what it is, and a configuration for a real domain and tenant");
    screen.fact("example", "cargo run -- config example     every key, its default and meaning");
    screen.fact("design", "docs/architecture.md            the flow, the rooms, the invariants");
    screen.fact("play on", "cargo demo --keep               leaves all this running for you");
    screen.scene(if well { "All is well." } else { "This is not how it should end: see above." });
    Ok(well)
}

/// What the two sides were asked; whether nothing was written twice.
fn costs(stage: &Stage, screen: &Screen, joined: usize) -> bool {
    screen.scene("What it cost");
    let counters = stage.tenant.counters();
    let asked = |route: &str| counters.requests_by_route.get(route).copied().unwrap_or(0);
    let (licenses, locations) = (counters.assign_license, counters.patch_usage_location);
    let (looks, seats) = (asked("GET /users/delta"), asked("GET /subscribedSkus"));
    let writes = licenses.calls + locations.calls;
    let rest = counters.requests.saturating_sub(looks + seats + writes);
    screen.fact(
        "Graph",
        &format!("{looks} looks for changes, {seats} for seats, {writes} writes, {rest} to list and to read back"),
    );
    let (reads, searches) = agent_operations(&stage.directory.operations());
    let written = stage.directory.counters().writes;
    screen.fact("directory", &format!("{reads} looks at a counter, {searches} searches, {written} writes"));
    let once = licenses.calls == licenses.effective && locations.calls == locations.effective;
    let all = licenses.effective == joined as u64;
    let twice = if once && all { "nothing twice" } else { "NOT each exactly once" };
    let calls = format!("{} licenses of {PRODUCT}, {} usage locations", licenses.calls, locations.calls);
    screen.fact("writes", &format!("{calls}; {twice}"));
    once && all && written == 0
}

/// Reads of the rootDSE and searches, leaving out the connections of whoever plays Entra Connect.
fn agent_operations(operations: &[Operation]) -> (usize, usize) {
    let is_search = |operation: &&Operation| operation.kind == Kind::Search;
    let follower = |operation: &&Operation| operation.filter.to_lowercase().contains("objectcategory");
    let others: BTreeSet<u64> = operations.iter().filter(follower).map(|operation| operation.connection).collect();
    let ours = || operations.iter().filter(|operation| !others.contains(&operation.connection));
    (ours().filter(|operation| operation.kind == Kind::RootDse).count(), ours().filter(is_search).count())
}

fn delay(joiner: &Joiner) -> Option<Duration> {
    Some(joiner.licensed? - joiner.appeared?)
}

fn plural(count: usize) -> String {
    if count == 0 { "no".to_owned() } else { count.to_string() }
}
