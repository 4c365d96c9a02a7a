//! The screen: the state in a line, what to do, then the facts.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::findings::{Finding, Severity, Surroundings, group, headline};
use crate::cli::output::{self, ago, time};
use crate::model::synchronization::Synchronization;
use crate::store::Report;

/// All its lines.
pub(super) fn lines(report: &Report, found: &[Finding], at: Surroundings) -> Vec<String> {
    let mut lines = vec![line("seatsync", &headline(report, found, at.running))];
    // What the first line has said already is not said twice.
    let said = |finding: &&Finding| !matches!(finding.topic, "paused" | "halted");
    lines.extend(found.iter().filter(said).map(|finding| {
        let mark = if finding.severity == Severity::Critical { "!" } else { ">" };
        format!("{mark} {}", line(finding.topic, &finding.text))
    }));
    if found.iter().any(|finding| said(&finding)) {
        lines.push(String::new());
    }
    facts(report, at.now, &mut lines);
    seats(report, &mut lines);
    lines
}

fn line(topic: &str, text: &str) -> String {
    format!("{topic:<10} {text}")
}

fn facts(report: &Report, now: Timestamp, lines: &mut Vec<String>) {
    match report.mode.as_deref() {
        Some("observe") => lines.push(line("mode", "observe: what would be written is only recorded")),
        mode => lines.extend(mode.map(|mode| line("mode", mode))),
    }
    let read = |at: Option<Timestamp>| at.map_or_else(|| "never".to_owned(), |at| ago(at, now));
    let side = |name: &Option<String>, at| format!("{}, read {}", name.as_deref().unwrap_or("not met yet"), read(at));
    lines.push(line("directory", &side(&report.domain, report.directory_read)));
    lines.push(line("tenant", &side(&report.tenant, report.tenant_read)));
    if let Some(synchronization) = &report.synchronization {
        let state = match synchronization {
            Synchronization { on: false, .. } => "switched off in the tenant".to_owned(),
            Synchronization { last, .. } => format!("directory to tenant, last {}", read(*last)),
        };
        lines.push(line("sync", &state));
    }
    lines.push(line("persons", &counts(&report.presence)));
    if !report.excluded.is_empty() {
        lines.push(line("excluded", &counts(&report.excluded)));
    }
    lines.push(line("licenses", &counts(&report.standing)));
    if let Some((name, since)) = &report.awaited_longest {
        lines.push(line("awaited", &format!("{name} longest, since {}", time(*since))));
    }
    for (rule, lacking) in &report.baseline_without_license {
        let text = format!("{lacking} lack the license of rule {rule}: `seatsync include {rule} --unlicensed`");
        lines.push(line("baseline", &text));
    }
    let well = report.groups.iter().filter(|group| group.fault.is_none());
    lines.extend(well.map(|known| line("group", &group(known))));
}

fn counts(counts: &BTreeMap<String, u64>) -> String {
    if counts.is_empty() {
        return "none".to_owned();
    }
    counts.iter().map(|(word, count)| format!("{count} {word}")).collect::<Vec<_>>().join(", ")
}

fn seats(report: &Report, lines: &mut Vec<String>) {
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
    lines.push(String::new());
    lines.extend(table.lines().map(|line| line.trim_end().to_owned()));
}
