//! What an operator should know of, and what to do about it: pure. The worst stands first.

use jiff::{SignedDuration, Timestamp};

use crate::cli::output::{ago, count, time};
use crate::model::group::GroupFault;
use crate::store::{GroupLine, Report, SkuLine};

/// How bad it is, after the states of Nagios.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Severity {
    /// It works; somebody should look.
    Warning,
    /// It does not do its work.
    Critical,
}

/// One thing to know of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Finding {
    pub severity: Severity,
    /// Stands at the beginning of its line.
    pub topic: &'static str,
    /// What is so, and what to do about it.
    pub text: String,
}

/// What the report does not say.
#[derive(Clone, Copy, Debug)]
pub(super) struct Surroundings {
    /// Whether an agent has the store.
    pub running: bool,
    /// A side that was not read for so long is not followed any more.
    pub limit: SignedDuration,
    /// Who is awaited for longer is told of.
    pub awaited: SignedDuration,
    pub now: Timestamp,
}

/// Troubles of these parts keep it from its work.
const PARTS: [&str; 3] = ["work", "tenant", "groups"];

/// All there is to know of, the worst first.
pub(super) fn findings(report: &Report, at: Surroundings) -> Vec<Finding> {
    let mut found = Vec::new();
    if !at.running {
        let text = "no agent is running: `systemctl start seatsync`, then its log";
        found.push(critical("agent", text));
    }
    writing(report, at, &mut found);
    let domains: Vec<&str> = report.domain.iter().flat_map(|names| names.split(", ")).collect();
    for (part, complaint) in &report.troubles {
        let of_domain = part.strip_prefix("directory ").is_some_and(|domain| domains.contains(&domain));
        let keeps = PARTS.contains(&part.as_str()) || part == "directory" || of_domain;
        found.push(finding(keeps && at.running, "trouble", format!("{part}: {complaint}")));
    }
    reading(report, at, &mut found);
    found.extend(report.unusable.iter().map(|problem| warning("unusable", problem.as_str())));
    products(report, &mut found);
    people(report, at, &mut found);
    found.extend(
        report.groups.iter().filter(|group| group.fault.is_some()).map(|group| warning("group", self::group(group))),
    );
    found.sort_by_key(|finding| std::cmp::Reverse(finding.severity));
    found
}

/// What keeps licenses from being written.
fn writing(report: &Report, at: Surroundings, found: &mut Vec<Finding>) {
    if let Some(why) = &report.paused {
        found.push(warning("paused", format!("{why}; `seatsync resume` goes on")));
    }
    if let Some(halt) = report.halted.as_ref().filter(|halt| halt.until > at.now) {
        let what = if halt.is_throttling() { "throttled" } else { "nothing is written" };
        let text = format!("{what} until {}: {}", time(halt.until), halt.reason);
        found.push(finding(!halt.is_throttling(), "halted", text));
    }
}

/// Sides that are not read.
fn reading(report: &Report, at: Surroundings, found: &mut Vec<Finding>) {
    if !report.acquainted {
        let text = "first contact is under way: nothing is decided yet; the log says how far it is";
        found.push(warning("contact", text));
    }
    for (side, read) in [("directory", report.directory_read), ("tenant", report.tenant_read)] {
        let Some(read) = read.filter(|read| at.running && at.now.duration_since(*read) >= at.limit) else { continue };
        let ago = ago(read, at.now);
        found.push(critical(
            "stale",
            format!("the {side} was last read {ago}: `seatsync doctor --{side}` finds out why"),
        ));
    }
}

fn products(report: &Report, found: &mut Vec<Finding>) {
    for sku in &report.skus {
        if let Some(stop) = &sku.stop {
            let until = time(stop.until);
            let text = format!("{} for everybody, asked again by one at {until}: {}", sku.name, stop.reason);
            found.push(warning("refused", text));
        }
        if sku.waiting > 0 {
            let text = format!(
                "{} for a seat of {}: buy or free seats, and they go on by themselves",
                people_wait(sku.waiting),
                sku.name
            );
            found.push(warning("seats", text));
        }
        found.extend(status(sku).map(|text| warning("product", text)));
    }
}

fn people_wait(number: u64) -> String {
    format!("{} wait{}", count(number, "person"), if number == 1 { "s" } else { "" })
}

/// A product whose subscription is not in order.
fn status(sku: &SkuLine) -> Option<String> {
    let what = match sku.status.as_str() {
        "Enabled" => return None,
        "Warning" => "its subscription has expired and is in its grace period: renew it, or assigning ends with it",
        "Suspended" | "LockedOut" | "Deleted" => "nothing can be assigned until its subscription is renewed",
        _ => "a status that seatsync does not know",
    };
    Some(format!("{} is {}: {what}", sku.name, sku.status))
}

fn people(report: &Report, at: Surroundings, found: &mut Vec<Finding>) {
    for hold in &report.holds {
        let text = format!(
            "cohort {}: {} of rule {}, since {}: {}; `seatsync approve {} --digest {}` or `reject`",
            hold.id,
            hold.members,
            hold.rule,
            time(hold.opened),
            hold.reason,
            hold.id,
            hold.digest
        );
        found.push(warning("held", text));
    }
    if let Some(refused) = report.standing.get("refused").filter(|refused| **refused > 0) {
        let text = format!("{}, each with its reason: `seatsync users --standing refused`", count(*refused, "license"));
        found.push(warning("refused", text));
    }
    if report.unconfirmed > 0 {
        let late = report.unconfirmed;
        let text = format!("{late} accepted and not yet seen to work: `seatsync users --standing confirming`");
        found.push(warning("late", text));
    }
    if let Some((name, since)) =
        report.awaited_longest.as_ref().filter(|(_, since)| at.now.duration_since(*since) >= at.awaited)
    {
        let text = format!(
            "{name} longest, since {}: is the account in the scope of Entra Connect? `seatsync users --presence awaiting`",
            time(*since)
        );
        found.push(warning("awaited", text));
    }
    if report.quarantined > 0 {
        let text = format!("{} entries not understood: `seatsync users --quarantined`", report.quarantined);
        found.push(warning("quarantine", text));
    }
}

/// A group that rules name, and what is wrong with it.
pub(super) fn group(group: &GroupLine) -> String {
    let id = group.id.to_string();
    let name = group.name.as_ref().map_or_else(|| id.clone(), |name| format!("{name} ({id})"));
    let members = count(group.members, "user");
    let state = match (&group.fault, group.read) {
        (Some(GroupFault::Missing), _) => format!("not in the {}; its rules decide nothing", group.id.side()),
        (Some(GroupFault::Hidden), _) => "its members are hidden: grant Member.Read.Hidden".to_owned(),
        (Some(GroupFault::Shrunk { met, missing }), _) => {
            format!(
                "{members}, of whom the last reading missed {missing} and met {met}: kept; see guard.shrink_percent"
            )
        }
        (Some(fault), None) => fault.to_string(),
        (Some(fault), Some(_)) => format!("{members}; {fault}"),
        (None, None) => "not read yet; its rules decide nothing".to_owned(),
        (None, Some(_)) => members,
    };
    format!("{name}: {state}")
}

fn critical(topic: &'static str, text: impl Into<String>) -> Finding {
    finding(true, topic, text)
}

fn warning(topic: &'static str, text: impl Into<String>) -> Finding {
    finding(false, topic, text)
}

fn finding(critical: bool, topic: &'static str, text: impl Into<String>) -> Finding {
    let severity = if critical { Severity::Critical } else { Severity::Warning };
    Finding { severity, topic, text: text.into() }
}

/// The state in a few words, for the first line.
pub(super) fn headline(report: &Report, found: &[Finding], running: bool) -> String {
    let alone = if running { "" } else { "no agent is running; " };
    let topic = |topic: &str| found.iter().find(|finding| finding.topic == topic).map(|finding| &finding.text);
    if let Some(text) = topic("paused") {
        return format!("{alone}paused: {text}");
    }
    if let Some(text) = topic("halted") {
        return format!("{alone}{text}");
    }
    if !running {
        return "no agent is running".to_owned();
    }
    let words = [
        ("stale", "running, and a side is not read"),
        ("trouble", "running, with trouble"),
        ("unusable", "running; a rule cannot be used"),
        ("contact", "running, first contact under way: nothing is decided yet"),
    ];
    if let Some((_, words)) = words.into_iter().find(|(word, _)| topic(word).is_some()) {
        return words.to_owned();
    }
    if report.skus.iter().any(|sku| sku.stop.is_some()) {
        return "running; a product is refused for everybody".to_owned();
    }
    match (topic("held"), found.len()) {
        (Some(_), _) => "running; somebody must approve or reject".to_owned(),
        (None, 0) => "running, all is well".to_owned(),
        (None, 1) => "running; one thing to look at".to_owned(),
        (None, number) => format!("running; {number} things to look at"),
    }
}
