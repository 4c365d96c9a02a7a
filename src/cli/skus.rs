//! `seatsync skus`

use serde::Serialize;

use super::output::{self, time};
use super::{Common, Failure, Place, Unmet};
use crate::model::license::{Catalog, Sku};
use crate::model::spelling::nearest;
use crate::model::trap;
use crate::store::SkuLine;

/// What `skus` takes.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Show this product with its service plans: part number or GUID.
    #[arg(value_name = "SKU")]
    name: Option<String>,
    /// Print JSON.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    place: Place,
}

/// A product with what to know of it.
#[derive(Serialize)]
struct Product<'a> {
    #[serde(flatten)]
    seats: &'a SkuLine,
    /// Whether users can be given it.
    for_users: bool,
    /// What is easily mistaken.
    notes: Vec<String>,
    /// Its service plans.
    plans: Vec<Plan<'a>>,
}

/// A service plan of it.
#[derive(Serialize)]
struct Plan<'a> {
    id: String,
    name: &'a str,
    /// `provisioningStatus` of the tenant: says nothing of a single user.
    status: &'a str,
    for_users: bool,
    note: Option<&'static str>,
}

/// Lists the tenant's products, or one with its plans, as last read.
pub(super) async fn run(common: &Common, args: &Args) -> Result<(), Failure> {
    let store = common.joined_store(&args.place)?;
    let (mut lines, catalog) = (store.report().await?.skus, store.catalog().await?);
    lines.sort_by_key(|line| line.name.to_lowercase());
    let products: Vec<Product<'_>> = match &args.name {
        None => lines.iter().filter_map(|line| Some(product(line, catalog.get(line.id)?))).collect(),
        Some(name) => {
            let sku = named(&catalog, name)?;
            lines.iter().filter(|line| line.id == sku.id).map(|line| product(line, sku)).collect()
        }
    };
    if args.json {
        return output::json(&products);
    }
    match (&args.name, products.as_slice()) {
        (None, []) => output::line("no product was read yet: see `seatsync status`"),
        (None, products) => list(products),
        (Some(_), products) => products.iter().for_each(one),
    }
    Ok(())
}

/// The product that is meant.
pub(super) fn named<'a>(catalog: &'a Catalog, name: &str) -> Result<&'a Sku, Failure> {
    catalog.find(name).ok_or_else(|| {
        let near = nearest(name, catalog.iter().map(|sku| sku.part_number.as_str()));
        let near = near.map(|near| format!("; did you mean \"{near}\"?")).unwrap_or_default();
        let what = format!("the tenant has no product \"{name}\"{near}");
        Unmet::not_found(what, "`seatsync skus` lists those it has.").into()
    })
}

fn product<'a>(seats: &'a SkuLine, sku: &'a Sku) -> Product<'a> {
    let plan = |plan: &'a crate::model::license::ServicePlan| Plan {
        id: plan.id.to_string(),
        name: &plan.name,
        status: &plan.status,
        for_users: plan.for_users,
        note: trap::of_plan(plan),
    };
    Product {
        seats,
        for_users: sku.for_users,
        notes: trap::of_product(sku),
        plans: sku.plans.iter().map(plan).collect(),
    }
}

fn forecast(line: &SkuLine) -> String {
    line.outlook.map_or_else(|| "-".to_owned(), |outlook| outlook.to_string())
}

fn list(products: &[Product<'_>]) {
    let mut table = output::table(["product", "bought", "in use", "free", "waiting", "status", "forecast", "note"]);
    for Product { seats, notes, .. } in products {
        output::row(
            &mut table,
            [
                seats.name.clone(),
                seats.bought.to_string(),
                seats.consumed.to_string(),
                seats.free.to_string(),
                seats.waiting.to_string(),
                seats.status.clone(),
                forecast(seats),
                notes.first().cloned().unwrap_or_default(),
            ],
        );
    }
    output::show(&table);
}

fn one(product: &Product<'_>) {
    let seats = product.seats;
    output::line(&format!("product    {} ({}), read {}", seats.name, seats.id, time(seats.read)));
    output::line(&format!(
        "seats      {} bought, {} in use, {} free, {} waiting; status {}",
        seats.bought, seats.consumed, seats.free, seats.waiting, seats.status
    ));
    if let Some(outlook) = seats.outlook {
        output::line(&format!("forecast   {outlook}"));
    }
    for note in &product.notes {
        output::line(&format!("note       {} {note}", seats.name));
    }
    output::line("");
    let mut table = output::table(["plan", "id", "status", "for", "note"]);
    for plan in &product.plans {
        output::row(
            &mut table,
            [
                plan.name.to_owned(),
                plan.id.clone(),
                plan.status.to_owned(),
                if plan.for_users { "users" } else { "company" }.to_owned(),
                plan.note.unwrap_or_default().to_owned(),
            ],
        );
    }
    output::show(&table);
}
