//! `seatsync explain`

use std::collections::BTreeSet;

use serde_json::Value;

use super::output::{self, line, time};
use super::{Common, Failure, Place, Unmet, request};
use crate::model::identity::PlanId;
use crate::model::license::Catalog;
use crate::model::person::Manual;
use crate::model::plan::{LicenseWrite, LocationWrite};
use crate::model::standing::Presence;
use crate::store::{AuditRow, Dossier};

/// What `explain` takes.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Whom: a UPN, sAMAccountName, objectGUID or Entra id.
    user: String,
    /// Print JSON.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    place: Place,
}

/// Tells one person's story.
pub(super) async fn run(common: &Common, args: &Args) -> Result<(), Failure> {
    let store = common.joined_store(&args.place)?;
    let person = request::find(&store, &args.user).await?;
    let gone = || Unmet::not_found(format!("\"{}\" has just been joined with another", args.user), "Ask again.");
    let dossier = store.dossier(person).await?.ok_or_else(gone)?;
    if args.json {
        return output::json(&dossier);
    }
    let catalog = store.catalog().await?;
    facts(&dossier);
    by_hand(&dossier, &catalog);
    standings(&dossier);
    timeline(&dossier, &catalog);
    Ok(())
}

fn facts(dossier: &Dossier) {
    let person = &dossier.person;
    line(&person.name);
    let presence = match &person.presence {
        None => "not judged yet".to_owned(),
        Some(Presence::Excluded(exclusion)) => format!("excluded: {exclusion}"),
        Some(presence) => presence.word().to_owned(),
    };
    let since = person.presence_since.map(|at| format!(", since {}", time(at))).unwrap_or_default();
    line(&format!("  presence  {presence}{since}"));
    for known in &dossier.accounts {
        let (account, gone) = (&known.account, if known.gone { ", gone" } else { "" });
        let state = if account.enabled { "enabled" } else { "disabled" };
        line(&format!("  account   {} ({state}{gone}), first seen {}", account.dn, time(known.first_seen)));
        line(&format!("            objectGUID {}, anchor {}", account.guid, account.anchor));
    }
    for known in &dossier.users {
        let user = &known.user;
        let name = user.upn.as_deref().unwrap_or("without UPN");
        line(&format!("  user      {name} ({}), first seen {}", user.id, time(known.first_seen)));
        let location = user.usage_location.map_or_else(|| "none".to_owned(), |place| place.to_string());
        let licenses = output::count(user.licenses.len() as u64, "license");
        line(&format!("            usage location {location}, {licenses}"));
    }
    for (rule, found) in &dossier.rules {
        let meets = match (found.eligible, found.baseline) {
            _ if found.unread => "waits for a group that it names: decides nothing until that group was read",
            (true, true) => "was there before the rule or before seatsync: baseline, left alone",
            (true, false) => "wants the license",
            (false, _) => "does not apply now",
        };
        let by =
            if found.groups.is_empty() { String::new() } else { format!(", in group {}", found.groups.join(", ")) };
        line(&format!("  rule      {rule}: {meets}{by}"));
    }
}

fn by_hand(dossier: &Dossier, catalog: &Catalog) {
    for asked in &dossier.by_hand {
        let product = catalog.get(asked.sku).map_or_else(|| asked.sku.to_string(), |sku| sku.part_number.clone());
        let plans = |off: &BTreeSet<PlanId>| {
            let named = off.iter().map(|plan| catalog.get(asked.sku).and_then(|sku| sku.plan(&plan.to_string())));
            let names: Vec<_> = named.flatten().map(|plan| plan.name.as_str()).collect();
            if off.is_empty() { String::new() } else { format!(", without {}", names.join(", ")) }
        };
        let word = match &asked.word {
            Manual::Assigned { disabled } => format!("assigned{}", plans(disabled)),
            Manual::Withheld => "withheld".to_owned(),
        };
        line(&format!("  by hand   {product} {word}, whatever the rules say, until it is released"));
    }
}

fn standings(dossier: &Dossier) {
    for entitlement in &dossier.person.entitlements {
        let why = entitlement.why.as_ref().map(|why| format!(": {why}")).unwrap_or_default();
        let ours = if entitlement.ours { ", given by seatsync" } else { "" };
        line(&format!(
            "  license   {} {} since {}{ours}{why}",
            entitlement.product,
            entitlement.standing.word(),
            time(entitlement.since)
        ));
    }
    for intent in &dossier.intents {
        let step = intent.body.as_object().and_then(|body| body.keys().next().cloned()).unwrap_or_default();
        line(&format!(
            "  write     {step}, decided on {}: {} after {}",
            time(intent.made),
            intent.state,
            output::count(intent.calls, "call")
        ));
    }
}

fn timeline(dossier: &Dossier, catalog: &Catalog) {
    if dossier.timeline.is_empty() {
        line("  nothing has happened since first contact");
        return;
    }
    let mut table = output::table(["when", "what", "details", "request-id"]);
    for row in &dossier.timeline {
        output::row(
            &mut table,
            [time(row.at), row.kind.clone(), detail(row, catalog), row.request_id.clone().unwrap_or_default()],
        );
    }
    line("");
    output::show(&table);
}

/// What a row of the audit says, in words.
pub(super) fn detail(row: &AuditRow, catalog: &Catalog) -> String {
    let text = |value: &Value| match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    let field = |name: &str| text(&row.detail[name]);
    match row.kind.as_str() {
        "seen" if row.detail["seen"].is_string() => format!("seen in the {}", field("seen")),
        "seen" => format!("left the {}", field("left")),
        "group" if row.detail["joined"].is_string() => format!("joined group {}", field("joined")),
        "group" => format!("left group {}", field("left")),
        "presence" | "standing" => {
            let from = if row.detail["from"].is_null() { String::new() } else { format!("{} → ", field("from")) };
            let why = if row.detail["why"].is_null() { String::new() } else { format!(": {}", field("why")) };
            format!("{from}{}{why}", field("to"))
        }
        "intent" => format!("decided to {}", step(&row.detail["step"], catalog)),
        "answer" if row.detail["settled"].is_string() => {
            let seen = row.detail["visible"].as_bool().unwrap_or_default();
            format!(
                "the outcome was unknown; reading {}",
                if seen { "shows that it was done" } else { "does not show it" }
            )
        }
        "answer" => {
            let answer = &row.detail["answer"];
            let status = text(&answer["status"]);
            let message = text(&answer["message"]);
            format!("{} {status} {message}", field("outcome")).trim().to_owned()
        }
        "would-write" => {
            let parts = [location(&row.detail["location"]), licenses(&row.detail["licenses"], catalog)];
            format!("observe mode: would {}", parts.into_iter().flatten().collect::<Vec<_>>().join(" and "))
        }
        "hold" => {
            format!("cohort {} of {}: {}", field("hold"), output::count(members(row), "member"), field("outcome"))
        }
        _ => row.detail.to_string(),
    }
}

fn members(row: &AuditRow) -> u64 {
    row.detail["members"].as_u64().unwrap_or_default()
}

/// What a write does, in words.
fn step(step: &Value, catalog: &Catalog) -> String {
    let place = location(&step["location"]["write"]);
    place.or_else(|| licenses(&step["license"]["add"], catalog)).unwrap_or_else(|| step.to_string())
}

fn location(write: &Value) -> Option<String> {
    let write: LocationWrite = serde_json::from_value(write.clone()).ok()?;
    Some(format!("set the usage location to {} (from {})", write.to, write.source))
}

fn licenses(add: &Value, catalog: &Catalog) -> Option<String> {
    let add: Vec<LicenseWrite> = serde_json::from_value(add.clone()).ok().filter(|add: &Vec<_>| !add.is_empty())?;
    let one = |write: &LicenseWrite| {
        let off = match write.disabled.len() {
            0 => String::new(),
            off => format!(", {} off", output::count(off as u64, "plan")),
        };
        format!("{} (rule {}{off})", catalog.name(write.sku), write.rule)
    };
    Some(format!("assign {}", add.iter().map(one).collect::<Vec<_>>().join(", ")))
}
