//! `seatsync status --check`: one line and an exit status for Nagios and its kin (Nagios Plugins, "Development Guidelines").

use super::findings::{Finding, Severity, Surroundings};
use crate::cli::Failure;
use crate::cli::output::count;
use crate::model::text::one_line;
use crate::store::Report;

/// Exit statuses of a plugin.
pub(super) const UNKNOWN: u8 = 3;
const CRITICAL: u8 = 2;
const WARNING: u8 = 1;

/// The line, and the status to end with.
pub(super) fn verdict(report: &Report, found: &[Finding], at: Surroundings) -> (String, u8) {
    let (word, status) = match found.iter().map(|finding| finding.severity).max() {
        None => ("OK", 0),
        Some(Severity::Warning) => ("WARNING", WARNING),
        Some(Severity::Critical) => ("CRITICAL", CRITICAL),
    };
    let number = |standing: &str| report.standing.get(standing).copied().unwrap_or(0);
    let text = match found {
        [] => format!("all is well, {} given", count(number("licensed"), "license")),
        [only] => sentence(only),
        [first, others @ ..] => format!("{} (and {} more: seatsync status)", sentence(first), others.len()),
    };
    (format!("SEATSYNC {word} - {} | {}", plain(&text), figures(report, at)), status)
}

/// The line when nothing can be told.
pub(super) fn unknown(failure: &Failure) -> String {
    let fault = failure.fault();
    format!("SEATSYNC UNKNOWN - {} [{}]", plain(&fault.to_string()), fault.code())
}

fn sentence(finding: &Finding) -> String {
    match finding.topic {
        "agent" => finding.text.clone(),
        topic => format!("{topic}: {}", finding.text),
    }
}

/// The bar begins the figures, and a line ends it all.
fn plain(text: &str) -> String {
    one_line(text).replace('|', "/")
}

/// `label=value;warn;crit;min;max`, lags in seconds.
fn figures(report: &Report, at: Surroundings) -> String {
    let lag = |read: Option<jiff::Timestamp>| {
        read.map_or_else(|| "U".to_owned(), |read| format!("{}s", at.now.duration_since(read).as_secs().max(0)))
    };
    let limit = at.limit.as_secs();
    let mut parts = vec![
        format!("directory_lag={};;{limit};0", lag(report.directory_read)),
        format!("tenant_lag={};;{limit};0", lag(report.tenant_read)),
        format!("persons={};;;0", report.presence.values().sum::<u64>()),
        format!("awaiting={};;;0", report.presence.get("awaiting").copied().unwrap_or(0)),
    ];
    for (label, standing) in
        [("licensed", "licensed"), ("waiting_for_seat", "awaiting-seat"), ("held", "held"), ("retrying", "retrying")]
    {
        parts.push(format!("{label}={};;;0", report.standing.get(standing).copied().unwrap_or(0)));
    }
    parts.push(format!("refused={};1;;0", report.standing.get("refused").copied().unwrap_or(0)));
    parts.push(format!("troubles={};1;;0", report.troubles.len()));
    parts.join(" ")
}
