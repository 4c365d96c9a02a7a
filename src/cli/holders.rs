//! `seatsync users --sku` and `seatsync users --not-enrolled`: who holds what, with what only Graph can tell.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use super::{Common, Failure, Unmet, output, skus};
use crate::clock::Clock;
use crate::model::identity::{PlanId, SkuId};
use crate::model::license::{Catalog, INTUNE_PLANS, ServicePlan, Sku};
use crate::model::spelling::nearest;
use crate::model::user::PlanStates;
use crate::store::{Holder, Store};
use crate::tenant::{BATCH, Graph};
use crate::tls::{self, Roots};

/// A user with the states of the plans that were asked for.
#[derive(Serialize)]
struct Line<'a> {
    #[serde(flatten)]
    user: &'a Holder,
    /// The product.
    product: &'a str,
    /// Its plans; empty when the user no longer holds it.
    plans: Vec<State<'a>>,
    /// Why they could not be read.
    error: Option<String>,
}

/// How a plan of a user stands.
#[derive(Serialize)]
struct State<'a> {
    plan: &'a str,
    id: PlanId,
    /// `Disabled`: off in the license; `Pending`: on, and not there yet; else Graph's `capabilityStatus`.
    status: String,
}

/// Users who hold a product.
pub(super) async fn of_product(store: &Store, name: &str, limit: u32, json: bool) -> Result<(), Failure> {
    let catalog = store.catalog().await?;
    let users = store.holders(skus::named(&catalog, name)?.id, limit).await?;
    if json {
        return output::json(&users);
    }
    list(&users, &catalog);
    Ok(())
}

/// Those, with the states of the product's plans, or of one of them, read now.
pub(super) async fn plan_states(
    common: &Common,
    store: &Store,
    (name, plan): (&str, Option<&str>),
    limit: u32,
    json: bool,
) -> Result<(), Failure> {
    let catalog = store.catalog().await?;
    let sku = skus::named(&catalog, name)?;
    let plans = match plan {
        None => sku.user_plans().collect(),
        Some(plan) => vec![named_plan(sku, plan)?],
    };
    let users = store.holders(sku.id, limit).await?;
    let graph = graph(common)?;
    let mut lines = Vec::new();
    for users in users.chunks(BATCH) {
        let ids: Vec<_> = users.iter().map(|user| user.id).collect();
        for (user, read) in users.iter().zip(graph.plan_states(&ids).await?) {
            let (plans, error) = match read {
                Ok(Some(read)) => (states(&read, sku.id, &plans), None),
                Ok(None) => (Vec::new(), Some("no longer in the tenant".to_owned())),
                Err(error) => (Vec::new(), Some(error.to_string())),
            };
            let error = error.or_else(|| plans.is_empty().then(|| "no longer holds it".to_owned()));
            lines.push(Line { user, product: &sku.part_number, plans, error });
        }
    }
    if json {
        return output::json(&lines);
    }
    let mut table = output::table(["user", "product", "plan", "status"]);
    for line in &lines {
        let mut row = |plan: &str, status: &str| {
            output::row(
                &mut table,
                [line.user.name.clone(), line.product.to_owned(), plan.to_owned(), status.to_owned()],
            );
        };
        match &line.error {
            Some(error) => row("-", error),
            None => line.plans.iter().for_each(|state| row(state.plan, &state.status)),
        }
    }
    output::show(&table);
    Ok(())
}

fn named_plan<'a>(sku: &'a Sku, name: &str) -> Result<&'a ServicePlan, Failure> {
    sku.plan(name).ok_or_else(|| {
        let near = nearest(name, sku.plans.iter().map(|plan| plan.name.as_str()));
        let near = near.map(|near| format!("; did you mean \"{near}\"?")).unwrap_or_default();
        let what = format!("{} has no service plan \"{name}\"{near}", sku.part_number);
        Unmet::not_found(what, "`seatsync skus NAME` lists those it has.").into()
    })
}

fn states<'a>(read: &PlanStates, sku: SkuId, plans: &[&'a ServicePlan]) -> Vec<State<'a>> {
    let Some(license) = read.licenses.iter().find(|license| license.sku == sku) else { return Vec::new() };
    let state = |plan: &&'a ServicePlan| {
        let status = match read.plans.get(&plan.id) {
            _ if license.disabled.contains(&plan.id) => "Disabled".to_owned(),
            Some(status) => status.clone(),
            None => "Pending".to_owned(),
        };
        State { plan: &plan.name, id: plan.id, status }
    };
    plans.iter().map(state).collect()
}

/// Users with an Intune plan and no device in Intune.
pub(super) async fn not_enrolled(common: &Common, store: &Store, limit: u32, json: bool) -> Result<(), Failure> {
    let catalog = store.catalog().await?;
    let is_intune = |plan: &&ServicePlan| INTUNE_PLANS.iter().any(|name| plan.name.trim().eq_ignore_ascii_case(name));
    let plans: BTreeSet<PlanId> =
        catalog.iter().flat_map(|sku| &sku.plans).filter(is_intune).map(|plan| plan.id).collect();
    let enrolled = graph(common)?.enrolled_users(|_| ()).await?;
    let mut users = store.users_with_plans(plans).await?;
    let licensed = users.len();
    users.retain(|user| !enrolled.contains(&user.id));
    let missing = users.len();
    users.truncate(limit as usize);
    if json {
        return output::json(&users);
    }
    list(&users, &catalog);
    output::line("");
    output::line(&format!("{missing} of {licensed} users with Intune have no device in it"));
    Ok(())
}

fn list(users: &[Holder], catalog: &Catalog) {
    let names: BTreeMap<SkuId, String> = catalog.iter().map(|sku| (sku.id, sku.part_number.clone())).collect();
    let mut table = output::table(["user", "name", "account", "products"]);
    for user in users {
        let products = user.licenses.iter().map(|id| names.get(id).cloned().unwrap_or_else(|| id.to_string()));
        output::row(
            &mut table,
            [
                user.name.clone(),
                user.display_name.clone().unwrap_or_else(|| "-".to_owned()),
                if user.enabled { "enabled" } else { "disabled" }.to_owned(),
                products.collect::<Vec<_>>().join(", "),
            ],
        );
    }
    output::show(&table);
}

/// The tenant, as the configuration has it.
fn graph(common: &Common) -> Result<Graph, Failure> {
    let settings = common.settings()?;
    let tls = tls::client_config(&Roots::SystemAnd(settings.tenant.ca_file.clone()))?;
    Ok(Graph::new(&settings.tenant, tls, Clock::system())?)
}
