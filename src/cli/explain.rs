//! `seatsync explain`

use serde_json::Value;

use super::output::{self, line, time};
use super::{Common, Failure, Unmet, request};
use crate::model::standing::Presence;
use crate::store::{AuditRow, Dossier};

/// What `explain` takes.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// By UPN, sAMAccountName, objectGUID or Entra id.
    user: String,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

/// Tells one person's story.
pub(super) async fn run(common: &Common, args: &Args) -> Result<(), Failure> {
    let store = common.joined_store()?;
    let person = request::find(&store, &args.user).await?;
    let gone = || Unmet::not_found(format!("\"{}\" has just been joined with another", args.user), "ask again");
    let dossier = store.dossier(person).await?.ok_or_else(gone)?;
    if args.json {
        return output::json(&dossier);
    }
    facts(&dossier);
    standings(&dossier);
    timeline(&dossier);
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
        line(&format!("            usage location {location}, {} licenses", user.licenses.len()));
    }
    for (rule, (eligible, baseline)) in &dossier.rules {
        let meets = match (eligible, baseline) {
            (true, true) => "was there before the rule or before seatsync: baseline, left alone",
            (true, false) => "wants the license",
            (false, _) => "does not apply now",
        };
        line(&format!("  rule      {rule}: {meets}"));
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
            "  intent    {} {step}, made {}, {}, {} calls",
            intent.id,
            time(intent.made),
            intent.state,
            intent.calls
        ));
    }
}

fn timeline(dossier: &Dossier) {
    if dossier.timeline.is_empty() {
        line("  nothing has happened since first contact");
        return;
    }
    let mut table = output::table(["when", "what", "details", "request-id"]);
    for row in &dossier.timeline {
        table.add_row([time(row.at), row.kind.clone(), detail(row), row.request_id.clone().unwrap_or_default()]);
    }
    line("");
    output::show(&table);
}

/// What a row of the audit says, in words.
fn detail(row: &AuditRow) -> String {
    let text = |value: &Value| match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    let field = |name: &str| text(&row.detail[name]);
    match row.kind.as_str() {
        "seen" if row.detail["seen"].is_string() => format!("seen in the {}", field("seen")),
        "seen" => format!("left the {}", field("left")),
        "presence" | "standing" => {
            let from = if row.detail["from"].is_null() { String::new() } else { format!("{} → ", field("from")) };
            let why = if row.detail["why"].is_null() { String::new() } else { format!(": {}", field("why")) };
            format!("{from}{}{why}", field("to"))
        }
        "intent" => decided(&row.detail["step"]),
        "answer" if row.detail["settled"].is_string() => {
            let seen = row.detail["visible"].as_bool().unwrap_or_default();
            format!("outcome was unknown; reading showed that it was {}", if seen { "done" } else { "not done" })
        }
        "answer" => {
            let answer = &row.detail["answer"];
            let status = text(&answer["status"]);
            let message = text(&answer["message"]);
            format!("{} {status} {message}", field("outcome")).trim().to_owned()
        }
        "would-write" => format!("observe mode: would write {}", row.detail),
        _ => row.detail.to_string(),
    }
}

/// What an intent is for.
fn decided(step: &Value) -> String {
    let (location, licenses) = (&step["location"]["write"], step["license"]["add"].as_array());
    if let (Some(to), Some(source)) = (location["to"].as_str(), location["source"].as_str()) {
        return format!("decided to set the usage location to {to} (from {source})");
    }
    match licenses {
        Some(licenses) => {
            let rules: Vec<&str> = licenses.iter().filter_map(|license| license["rule"].as_str()).collect();
            format!("decided to assign what rule {} gives", rules.join(", "))
        }
        None => format!("decided to write {step}"),
    }
}
