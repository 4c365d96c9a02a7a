//! `seatsync users`

use super::output::{self, time};
use super::{Common, Failure, Place};
use crate::model::standing::{Presence, Standing};
use crate::store::PersonLine;

/// What `users` takes.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Only those with this presence.
    #[arg(long, value_name = "WORD", value_parser = Presence::WORDS)]
    presence: Option<String>,
    /// Only those with a license that stands so.
    #[arg(long, value_name = "WORD", value_parser = Standing::WORDS)]
    standing: Option<String>,
    /// At most so many.
    #[arg(long, value_name = "NUMBER", default_value_t = 1_000)]
    limit: u32,
    /// List entries that could not be understood instead.
    #[arg(long, conflicts_with_all = ["presence", "standing"])]
    quarantined: bool,
    /// Print JSON.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    place: Place,
}

/// Lists persons.
pub(super) async fn run(common: &Common, args: &Args) -> Result<(), Failure> {
    let store = common.joined_store(&args.place)?;
    if args.quarantined {
        let lines = store.quarantined().await?;
        if args.json {
            return output::json(&lines);
        }
        let mut table = output::table(["source", "entry", "since", "reason"]);
        for line in lines {
            output::row(&mut table, [line.source, line.key, time(line.since), line.reason]);
        }
        output::show(&table);
        return Ok(());
    }
    let people = store.people(args.presence.clone(), args.standing.clone(), args.limit).await?;
    if args.json {
        return output::json(&people);
    }
    let mut table = output::table(["user", "presence", "location", "product", "standing", "since", "why"]);
    for person in &people {
        rows(&mut table, person);
    }
    output::show(&table);
    Ok(())
}

/// One row per entitlement, or one for whoever has none.
fn rows(table: &mut comfy_table::Table, person: &PersonLine) {
    let presence = person.presence.as_ref().map_or("not judged yet", |presence| presence.word());
    let location = person.usage_location.clone().unwrap_or_else(|| "-".to_owned());
    let excluded = match &person.presence {
        Some(Presence::Excluded(exclusion)) => exclusion.to_string(),
        _ => String::new(),
    };
    if person.entitlements.is_empty() {
        let since = person.presence_since.map(time).unwrap_or_default();
        output::row(table, [person.name.clone(), presence.into(), location, "-".into(), "-".into(), since, excluded]);
        return;
    }
    for entitlement in &person.entitlements {
        output::row(
            table,
            [
                person.name.clone(),
                presence.into(),
                location.clone(),
                entitlement.product.clone(),
                entitlement.standing.word().into(),
                time(entitlement.since),
                entitlement.why.clone().unwrap_or_else(|| excluded.clone()),
            ],
        );
    }
}
