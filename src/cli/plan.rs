//! `seatsync plan`

use std::collections::BTreeSet;
use std::path::PathBuf;

use serde_json::{Value, json};

use super::{Common, Failure, Unmet, effect, key_table, output, progress, reasons, request};
use crate::agent::{Agent, Prospect};
use crate::clock::Clock;
use crate::model::effect::Effect;
use crate::model::fault::exit;
use crate::model::identity::PersonId;
use crate::model::license::Catalog;
use crate::model::plan::{LicenseWrite, Plan, Removal, Write};
use crate::model::request::Request;
use crate::model::settings::Settings;
use crate::store::{self, PendingRequest, Store};
use crate::system;

/// What `plan` takes.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Print JSON.
    #[arg(long)]
    json: bool,
    /// Show every write, not only the first 50.
    #[arg(long)]
    all: bool,
    /// Only for this user, with what each rule comes to and why: a UPN, sAMAccountName, objectGUID or Entra id.
    #[arg(long)]
    user: Option<String>,
}

/// Shows what would be written, worked out on a throw-away copy of the store.
pub(super) async fn run(common: &Common, args: &Args) -> Result<(), Failure> {
    let mut outlook = look_ahead(common, None, !args.json).await?;
    let only = match &args.user {
        Some(name) => Some(request::find(&outlook.store, name).await?),
        None => None,
    };
    if only.is_none() && !args.json {
        return print(&outlook.prospect, &outlook.catalog, args.all);
    }
    let people = only.map_or_else(|| outlook.prospect.plan.people(), |person| BTreeSet::from([person]));
    let told = outlook.agent.reasons(&people, &outlook.prospect.plan).await?;
    let names = outlook.store.names(people.clone()).await?;
    let named = told.iter().filter_map(|(person, reasoning)| Some((names.get(person)?.as_str(), reasoning)));
    if !args.json {
        named.for_each(|(name, reasoning)| reasons::print(name, reasoning));
        return Ok(());
    }
    let persons: Vec<Value> = named.map(|(name, reasoning)| reasons::as_json(name, reasoning)).collect();
    if only.is_some() {
        outlook.prospect.plan.retain(&people);
    }
    let mut whole = as_json(&outlook.prospect, &outlook.catalog);
    whole["persons"] = persons.into();
    whole["effect"] = outlook.effect.map_or(Value::Null, |known| effect::as_json(&known, &outlook.catalog));
    output::json(&whole)
}

/// Shows what would be written if a command was carried out, of that which it is about.
pub(super) async fn after(common: &Common, request: Request) -> Result<(), Failure> {
    let people: BTreeSet<PersonId> = request.people().iter().copied().collect();
    let Outlook { mut prospect, catalog, .. } = look_ahead(common, Some(request), false).await?;
    prospect.plan.retain(&people);
    print(&prospect, &catalog, true)
}

/// What would be written, and what an edit of the configuration does.
struct Outlook {
    /// The throw-away copy, on which it was worked out, and its place.
    store: Store,
    agent: Agent,
    _scratch: Scratch,
    prospect: Prospect,
    catalog: Catalog,
    /// `None` when the configuration is the one that was judged with last.
    effect: Option<Effect>,
}

/// Looks ahead, as if a request had been carried out. The effect is printed as soon as it is known, if asked for: it needs
/// neither the directory nor the tenant.
async fn look_ahead(common: &Common, request: Option<Request>, tell: bool) -> Result<Outlook, Failure> {
    let mut settings = common.settings()?;
    key_table::in_environment(&settings)?;
    let scratch = Scratch::make()?;
    let copy = scratch.0.join("plan.db");
    if settings.store.exists() {
        store::copy(&settings.store, &copy)?;
    }
    settings.store.clone_from(&copy);
    let (store, clock) = (Store::open(&copy)?, Clock::system());
    let edited = store.judged_with().await?.is_some_and(|digest| digest != settings.digest);
    let effect = if edited && request.is_none() { effect_of(&settings, &scratch).await? } else { None };
    if let Some((effect, catalog)) = effect.as_ref().filter(|_| tell) {
        effect::print(effect, catalog);
    }
    if let Some(request) = request {
        let id = store.ask(request.clone(), &system::user(), clock.now()).await?;
        let pending = PendingRequest { id, request, os_user: system::user() };
        let outcome = store.carry_out(pending, &settings.digest, clock.now()).await?;
        outcome.map_err(|text| Unmet::not_found(text, "See `seatsync status`."))?;
    }
    let stop = tokio::sync::watch::channel(false).1;
    let agent = Agent::new(settings, store.clone(), clock, stop).await?;
    let prospect = progress::with(agent.progress(), agent.prospect()).await?;
    let catalog = store.catalog().await?;
    let effect = effect.map(|(effect, _)| effect);
    Ok(Outlook { store, agent, _scratch: scratch, prospect, catalog, effect })
}

/// What becomes of everyone who is known by a configuration that nobody was judged with yet, worked out on a further
/// copy: by what was read so far, and nothing of it reaches the plan.
async fn effect_of(settings: &Settings, scratch: &Scratch) -> Result<Option<(Effect, Catalog)>, Failure> {
    let copy = scratch.0.join("effect.db");
    store::copy(&settings.store, &copy)?;
    let store = Store::open(&copy)?;
    let stop = tokio::sync::watch::channel(false).1;
    let settings = Settings { store: copy, ..settings.clone() };
    let agent = Agent::new(settings, store.clone(), Clock::system(), stop).await?;
    let effect = progress::with(agent.progress(), agent.effect()).await?;
    Ok(effect.zip(Some(store.catalog().await?)))
}

fn as_json(prospect: &Prospect, catalog: &Catalog) -> serde_json::Value {
    let plan = &prospect.plan;
    let write = |write: &Write| {
        let license = |license: &LicenseWrite| {
            json!({ "sku": license.sku, "product": catalog.name(license.sku), "rule": license.rule,
                    "disabledPlans": plans(catalog, license), "changed": license.held })
        };
        let removal = |removal: &Removal| {
            json!({ "sku": removal.sku, "product": catalog.name(removal.sku), "rule": removal.rule,
                    "inExchangeFor": removal.with })
        };
        let licenses: Vec<_> = write.licenses.iter().map(license).collect();
        let removals: Vec<_> = write.removals.iter().map(removal).collect();
        json!({ "user": write.user, "name": write.name, "location": write.location, "licenses": licenses,
                "removals": removals })
    };
    let writes: Vec<_> = plan.writes.iter().map(write).collect();
    let held: Vec<_> = plan
        .held
        .iter()
        .map(|cohort| json!({ "rule": cohort.rule, "reason": cohort.reason, "members": cohort.members.len() }))
        .collect();
    json!({ "writes": writes, "waitingForSeat": plan.waiting.len(), "held": held, "unusableRules": prospect.unusable })
}

fn print(prospect: &Prospect, catalog: &Catalog, all: bool) -> Result<(), Failure> {
    const SHOWN: usize = 50;
    let plan = &prospect.plan;
    for problem in &prospect.unusable {
        output::line(&format!("unusable: {problem}"));
    }
    let shown = if all { plan.writes.len() } else { SHOWN };
    if !plan.writes.is_empty() {
        let mut table = output::table(["user", "location", "what", "product", "plans off", "rule"]);
        for write in plan.writes.iter().take(shown) {
            for row in rows(write, catalog) {
                output::row(&mut table, row);
            }
        }
        output::show(&table);
    }
    if plan.writes.len() > shown {
        output::line(&format!("… and {} more: --all shows them", plan.writes.len() - shown));
    }
    for cohort in &plan.held {
        let (rule, reason, count) = (&cohort.rule, &cohort.reason.text, cohort.members.len());
        output::line(&format!("{count} of rule {rule} would be held: {reason}"));
    }
    output::line(&sum(plan));
    Ok(())
}

/// What the plan comes to, in one sentence.
fn sum(plan: &Plan) -> String {
    let count = |is: &dyn Fn(&Write) -> bool| plan.writes.iter().filter(|write| is(write)).count();
    let given = count(&|write| write.licenses.iter().any(|license| !license.held));
    let changed = count(&|write| write.licenses.iter().any(|license| license.held));
    let taken = count(&|write| write.removals.iter().any(|removal| removal.with.is_none()));
    let mut text = format!("{} would be licensed", output::count(given as u64, "person"));
    for (number, what) in [(changed, "would get other plans"), (taken, "would lose a license")] {
        if number > 0 {
            text.push_str(&format!(", {number} {what}"));
        }
    }
    format!("{text}, {} would wait for a seat", plan.waiting.len())
}

/// One row for each product.
fn rows(write: &Write, catalog: &Catalog) -> Vec<[String; 6]> {
    let to = write.location.as_ref();
    let location = to.map_or_else(|| "as it is".to_owned(), |to| format!("{} (from {})", to.to, to.source));
    let given = write.licenses.iter().map(|license| {
        let what = if license.held { "change" } else { "give" }.to_owned();
        let off = plans(catalog, license).join(", ");
        [write.name.clone(), location.clone(), what, catalog.name(license.sku), off, license.rule.clone()]
    });
    let taken = write.removals.iter().map(|removal| {
        let what = removal.with.map_or("take".to_owned(), |with| format!("take for {}", catalog.name(with)));
        let stays = "as it is".to_owned();
        [write.name.clone(), stays, what, catalog.name(removal.sku), String::new(), removal.rule.clone()]
    });
    given.chain(taken).collect()
}

fn plans(catalog: &Catalog, license: &LicenseWrite) -> Vec<String> {
    let sku = catalog.get(license.sku);
    let name = |id: &_| sku.and_then(|sku| sku.plans.iter().find(|plan| plan.id == *id)).map(|plan| plan.name.clone());
    license.disabled.iter().map(|id| name(id).unwrap_or_else(|| id.to_string())).collect()
}

/// A directory of our own that goes when the command ends.
struct Scratch(PathBuf);

impl Scratch {
    fn make() -> Result<Self, Failure> {
        let path = std::env::temp_dir().join(format!("seatsync-plan-{}", uuid::Uuid::new_v4()));
        system::create_private_directory(&path).map_err(|error| Unmet {
            what: format!("{} cannot be made: {error}", path.display()),
            advice: "Set TMPDIR to a directory that can be written to.",
            code: "scratch-unusable",
            status: exit::CANNOT_CREATE,
        })?;
        Ok(Self(path))
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        // What is left behind is one directory in the system's place for such.
        let _ = std::fs::remove_dir_all(&self.0);
    }
}
