//! `seatsync users`

use super::output::{self, time};
use super::{Common, Failure, Place, holders};
use crate::model::standing::{Presence, Standing};
use crate::store::PersonLine;

/// What `users` takes.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Only those with this presence.
    #[arg(long, value_name = "PRESENCE", value_parser = Presence::WORDS)]
    presence: Option<String>,
    /// Only those with a license that stands so.
    #[arg(long, value_name = "STANDING", value_parser = Standing::WORDS)]
    standing: Option<String>,
    /// List who holds this product, by part number or GUID, whether or not a rule means them.
    #[arg(long, value_name = "SKU", conflicts_with_all = ["presence", "standing", "quarantined"])]
    sku: Option<String>,
    /// With --sku: the state of each of its service plans, read from Graph now.
    #[arg(long, requires = "sku")]
    status: bool,
    /// With --status: only of this service plan.
    #[arg(long, value_name = "PLAN", requires = "status")]
    plan: Option<String>,
    /// List who has an Intune plan and no device in Intune, read from Graph now.
    #[arg(long, conflicts_with_all = ["presence", "standing", "quarantined", "sku"])]
    not_enrolled: bool,
    /// List at most so many.
    #[arg(long, value_name = "NUMBER", default_value_t = 1_000)]
    limit: u32,
    /// List entries of either side that could not be understood.
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
    if args.not_enrolled {
        return holders::not_enrolled(common, &store, args.limit, args.json).await;
    }
    if let Some(sku) = &args.sku {
        return match args.status {
            true => holders::plan_states(common, &store, (sku, args.plan.as_deref()), args.limit, args.json).await,
            false => holders::of_product(&store, sku, args.limit, args.json).await,
        };
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
