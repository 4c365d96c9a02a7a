//! `[seats]`, `[alarm]`, `[[notify]]` and `[heartbeat]`: what is told, and to whom.

use std::collections::BTreeSet;

use secrecy::ExposeSecret as _;
use toml::Spanned;

use super::problem::suggestion;
use super::table::Table;
use super::values::{self, Wrong};
use super::{secret, tenant};
use crate::model::notice::Matter;
use crate::model::settings::{AlarmSettings, HeartbeatSettings, NotifySettings, SeatSettings, Shape, WebhookSettings};

/// `[seats]`.
pub(super) fn seats(table: &Table<'_>) -> Option<SeatSettings> {
    let (warn_free, warn_days) = (table.number("warn_free"), table.number("warn_days"));
    Some(SeatSettings { warn_free: warn_free?, warn_days: warn_days? })
}

/// `[alarm]`.
pub(super) fn alarm(table: &Table<'_>) -> Option<AlarmSettings> {
    let (unreachable_after, awaited_after) = (table.duration("unreachable_after"), table.duration("awaited_after"));
    Some(AlarmSettings { unreachable_after: unreachable_after?, awaited_after: awaited_after? })
}

/// All `[[notify]]`; `None` when something about them is wrong.
pub(super) fn targets(root: &Table<'_>) -> Option<Vec<NotifySettings>> {
    if !root.has("notify") {
        return Some(Vec::new());
    }
    let tables = root.tables("notify")?;
    let mut seen: Vec<String> = Vec::new();
    for table in &tables {
        let Some(id) = table.parse("id", values::identifier).map(Spanned::into_inner) else { continue };
        if seen.iter().any(|before| before.eq_ignore_ascii_case(&id)) {
            table.wrong("id", "\"id\" is another table's too", "each [[notify]] needs a name of its own");
        }
        seen.push(id);
    }
    let targets: Vec<_> = tables.iter().map(target).collect();
    targets.into_iter().collect()
}

fn target(table: &Table<'_>) -> Option<NotifySettings> {
    let id = table.parse("id", values::identifier).map(Spanned::into_inner);
    let webhook = webhook(table);
    let shape = table.choice("shape").map(|shape| match shape {
        "teams" => Shape::Teams,
        "slack" => Shape::Slack,
        _ => Shape::Json,
    });
    let only = match table.has("only") {
        true => Some(table.parse_each("only", matter)?.into_iter().map(Spanned::into_inner).collect::<BTreeSet<_>>()),
        false => None,
    };
    Some(NotifySettings { id: id?, webhook: webhook?, shape: shape?, only })
}

fn matter(text: &str) -> Result<Matter, Wrong> {
    Matter::of_word(text)
        .ok_or_else(|| Wrong::new("has no such code").hint(suggestion("known codes", text, Matter::WORDS)))
}

/// `[heartbeat]`; the outer `None` when something about it is wrong.
pub(super) fn heartbeat(root: &Table<'_>) -> Option<Option<HeartbeatSettings>> {
    if !root.has("heartbeat") {
        return Some(None);
    }
    let table = root.table("heartbeat")?;
    let (webhook, every) = (webhook(&table), table.duration("every"));
    let post = table.choice("method").map(|method| method == "POST");
    Some(Some(HeartbeatSettings { webhook: webhook?, every: every?, post: post? }))
}

fn webhook(table: &Table<'_>) -> Option<WebhookSettings> {
    let url = table.needs("url").then(|| secret::source(table, "url")).flatten();
    // What is wrong with it is said without it.
    if let Some(Err(wrong)) =
        url.as_ref().and_then(|url| url.read().ok()).map(|url| values::webhook(url.expose_secret()))
    {
        let hint = wrong.hint.unwrap_or_default();
        table.wrong("url", format!("what \"url\" points to {}", wrong.what), &hint);
        return None;
    }
    let (ca_file, proxy) = (table.file("ca_file"), tenant::proxy(table));
    Some(WebhookSettings { url: url?, ca_file, proxy: proxy? })
}
