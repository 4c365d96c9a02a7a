//! `seatsync status`

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::output::{self, ago, time};
use super::{Common, Failure, Place};
use crate::clock::Clock;
use crate::model::group::GroupFault;
use crate::model::synchronization::Synchronization;
use crate::store::{GroupLine, Lease, Report, SkuLine};

/// What `status` takes.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Print JSON.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    place: Place,
}

/// Shows the state at a glance.
pub(super) async fn run(common: &Common, args: &Args) -> Result<(), Failure> {
    let store = common.joined_store(&args.place)?;
    let report = store.report().await?;
    let running = Lease::is_held(store.path());
    if args.json {
        let mut value = serde_json::to_value(&report).unwrap_or_default();
        value["running"] = running.into();
        return output::json(&value);
    }
    let now = Clock::system().now();
    for text in screen(&report, running, now) {
        output::line(&text);
    }
    seats(&report);
    Ok(())
}

fn screen(report: &Report, running: bool, now: Timestamp) -> Vec<String> {
    let mut lines = vec![format!("seatsync   {}", headline(report, running, now))];
    match report.mode.as_deref() {
        Some("observe") => lines.push("mode       observe: what would be written is only recorded".to_owned()),
        mode => lines.extend(mode.map(|mode| format!("mode       {mode}"))),
    }
    let read = |at: Option<Timestamp>| at.map_or_else(|| "never".to_owned(), |at| ago(at, now));
    lines.push(format!(
        "directory  {}, read {}",
        report.domain.as_deref().unwrap_or("not met yet"),
        read(report.directory_read)
    ));
    lines.push(format!(
        "tenant     {}, read {}",
        report.tenant.as_deref().unwrap_or("not met yet"),
        read(report.tenant_read)
    ));
    if let Some(synchronization) = &report.synchronization {
        let state = match synchronization {
            Synchronization { on: false, .. } => "switched off in the tenant".to_owned(),
            Synchronization { last, .. } => format!("directory to tenant, last {}", read(*last)),
        };
        lines.push(format!("sync       {state}"));
    }
    lines.push(format!("persons    {}", counts(&report.presence)));
    if !report.excluded.is_empty() {
        lines.push(format!("excluded   {}", counts(&report.excluded)));
    }
    lines.push(format!("licenses   {}", counts(&report.standing)));
    if let Some((name, since)) = &report.awaited_longest {
        lines.push(format!("awaited    {name} longest, since {}", time(*since)));
    }
    for (rule, lacking) in &report.baseline_without_license {
        lines.push(format!(
            "baseline   {lacking} lack the license of rule {rule}: `seatsync include {rule} --unlicensed`"
        ));
    }
    if report.quarantined > 0 {
        lines.push(format!("quarantine {} entries not understood: `seatsync users --quarantined`", report.quarantined));
    }
    for hold in &report.holds {
        lines.push(format!(
            "held       cohort {}: {} of rule {}, since {}: {}; `seatsync approve {} --digest {}` or `reject`",
            hold.id,
            hold.members,
            hold.rule,
            time(hold.opened),
            hold.reason,
            hold.id,
            hold.digest
        ));
    }
    for sku in &report.skus {
        if let Some(stop) = &sku.stop {
            let until = time(stop.until);
            lines
                .push(format!("refused    {} for everybody, asked again by one at {until}: {}", sku.name, stop.reason));
        }
    }
    lines.extend(report.skus.iter().filter_map(status));
    if report.unconfirmed > 0 {
        let late = report.unconfirmed;
        lines.push(format!(
            "late       {late} accepted and not yet seen to work: `seatsync users --standing confirming`"
        ));
    }
    lines.extend(report.unusable.iter().map(|problem| format!("unusable   {problem}")));
    lines.extend(report.groups.iter().map(group));
    for (part, complaint) in &report.troubles {
        lines.push(format!("trouble    {part}: {complaint}"));
    }
    lines
}

/// A product whose subscription is not in order.
fn status(sku: &SkuLine) -> Option<String> {
    let what = match sku.status.as_str() {
        "Enabled" => return None,
        "Warning" => "its subscription has expired and is in its grace period: renew it, or assigning ends with it",
        "Suspended" | "LockedOut" | "Deleted" => "nothing can be assigned until its subscription is renewed",
        _ => "a status that seatsync does not know",
    };
    Some(format!("product    {} is {}: {what}", sku.name, sku.status))
}

/// A group that rules name, and what is wrong with it.
fn group(group: &GroupLine) -> String {
    let id = group.id.to_string();
    let name = group.name.as_ref().map_or_else(|| id.clone(), |name| format!("{name} ({id})"));
    let members = output::count(group.members, "user");
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
    format!("group      {name}: {state}")
}

/// Whether it is all right, and if not, what first.
pub(super) fn headline(report: &Report, running: bool, now: Timestamp) -> String {
    let halted = report.halted.as_ref().filter(|halt| halt.until > now);
    let alone = if running { "" } else { "no agent is running; " };
    if let Some(why) = &report.paused {
        format!("{alone}paused: {why}; `seatsync resume` goes on")
    } else if let Some(halt) = halted {
        let halted = if halt.is_throttling() { "throttled" } else { "nothing is written" };
        format!("{alone}{halted} until {}: {}", time(halt.until), halt.reason)
    } else if !running {
        "no agent is running".to_owned()
    } else if !report.troubles.is_empty() {
        "running, with trouble".to_owned()
    } else if !report.unusable.is_empty() {
        "running; a rule cannot be used".to_owned()
    } else if !report.acquainted {
        "running, first contact under way: nothing is decided yet".to_owned()
    } else if report.skus.iter().any(|sku| sku.stop.is_some()) {
        "running; a product is refused for everybody".to_owned()
    } else if !report.holds.is_empty() {
        "running; somebody must approve or reject".to_owned()
    } else {
        "running, all is well".to_owned()
    }
}

fn counts(counts: &BTreeMap<String, u64>) -> String {
    if counts.is_empty() {
        return "none".to_owned();
    }
    counts.iter().map(|(word, count)| format!("{count} {word}")).collect::<Vec<_>>().join(", ")
}

fn seats(report: &Report) {
    if report.skus.is_empty() {
        return;
    }
    let mut table = output::table(["product", "bought", "in use", "free", "waiting", "forecast"]);
    for sku in &report.skus {
        output::row(
            &mut table,
            [
                sku.name.clone(),
                sku.bought.to_string(),
                sku.consumed.to_string(),
                sku.free.to_string(),
                sku.waiting.to_string(),
                sku.outlook.map_or_else(|| "-".to_owned(), |outlook| outlook.to_string()),
            ],
        );
    }
    output::line("");
    output::show(&table);
}
