//! `seatsync plan`

use std::path::PathBuf;

use serde_json::json;

use super::{Common, Failure, Unmet, key_table, output, progress};
use crate::agent::{Agent, Prospect};
use crate::clock::Clock;
use crate::model::fault::exit;
use crate::model::license::Catalog;
use crate::store::{self, Store};

/// What `plan` takes.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Print JSON.
    #[arg(long)]
    json: bool,
    /// Show every write, not only the first 50.
    #[arg(long)]
    all: bool,
}

/// Shows what would be written, worked out on a throw-away copy of the store.
pub(super) async fn run(common: &Common, args: &Args) -> Result<(), Failure> {
    let mut settings = common.settings()?;
    key_table::in_environment(&settings)?;
    let scratch = Scratch::make()?;
    let copy = scratch.0.join("plan.db");
    if settings.store.exists() {
        store::copy(&settings.store, &copy)?;
    }
    settings.store.clone_from(&copy);
    let store = Store::open(&copy)?;
    let stop = tokio::sync::watch::channel(false).1;
    let agent = Agent::new(settings, store.clone(), Clock::system(), stop).await?;
    let prospect = progress::with(agent.progress(), agent.prospect()).await?;
    let catalog = store.catalog().await?;
    if args.json { output::json(&as_json(&prospect, &catalog)) } else { print(&prospect, &catalog, args.all) }
}

fn as_json(prospect: &Prospect, catalog: &Catalog) -> serde_json::Value {
    let plan = &prospect.plan;
    let writes: Vec<_> = plan
        .writes
        .iter()
        .map(|write| {
            let licenses: Vec<_> = write
                .licenses
                .iter()
                .map(|license| {
                    json!({ "sku": license.sku, "product": catalog.name(license.sku), "rule": license.rule,
                            "disabledPlans": plans(catalog, license) })
                })
                .collect();
            json!({ "user": write.user, "name": write.name, "location": write.location, "licenses": licenses })
        })
        .collect();
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
        let mut table = output::table(["user", "location", "product", "plans off", "rule"]);
        for write in plan.writes.iter().take(shown) {
            for license in &write.licenses {
                let location = write
                    .location
                    .as_ref()
                    .map_or_else(|| "as it is".to_owned(), |to| format!("{} (from {})", to.to, to.source));
                let off = plans(catalog, license).join(", ");
                output::row(
                    &mut table,
                    [write.name.clone(), location, catalog.name(license.sku), off, license.rule.clone()],
                );
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
    output::line(&format!(
        "{} would be licensed, {} would wait for a seat",
        output::count(plan.writes.len() as u64, "person"),
        plan.waiting.len()
    ));
    Ok(())
}

fn plans(catalog: &Catalog, license: &crate::model::plan::LicenseWrite) -> Vec<String> {
    let sku = catalog.get(license.sku);
    let name = |id: &_| sku.and_then(|sku| sku.plans.iter().find(|plan| plan.id == *id)).map(|plan| plan.name.clone());
    license.disabled.iter().map(|id| name(id).unwrap_or_else(|| id.to_string())).collect()
}

/// A directory of our own that goes when the command ends.
struct Scratch(PathBuf);

impl Scratch {
    fn make() -> Result<Self, Failure> {
        let path = std::env::temp_dir().join(format!("seatsync-plan-{}", uuid::Uuid::new_v4()));
        let mut builder = std::fs::DirBuilder::new();
        #[cfg(unix)]
        std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
        builder.create(&path).map_err(|error| Unmet {
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
