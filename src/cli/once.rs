//! `seatsync once`

use super::{Common, Failure, Unmet, key_table, output, progress, run};
use crate::agent::{Agent, Turn};
use crate::clock::Clock;
use crate::model::fault::exit;
use crate::service;
use crate::store::{Lease, Store};

/// What `once` takes.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Print the outcome as JSON.
    #[arg(long)]
    json: bool,
}

/// Does one turn of everything.
pub(super) async fn run(common: &Common, args: &Args) -> Result<(), Failure> {
    let settings = common.settings()?;
    key_table::in_environment(&settings)?;
    run::init_log(&settings.log)?;
    let stop = service::console::stop_signal().unwrap_or_else(|_| tokio::sync::watch::channel(false).1);
    let _lease = Lease::take_to_stay(&settings.store).await?;
    let store = Store::open(&settings.store)?;
    let agent = Agent::new(settings, store.clone(), Clock::system(), stop).await?;
    let turn = progress::with(agent.progress(), agent.once()).await?;
    if args.json {
        output::json(&turn)?;
    } else if !turn.stopped {
        output::line(&in_words(&turn));
    }
    verdict(turn)
}

fn in_words(turn: &Turn) -> String {
    if !turn.acquainted {
        return "a first read is not complete yet: nothing was decided; run it again".to_owned();
    }
    let (judged, sent) = (output::count(turn.judged, "person"), output::count(turn.sent, "write"));
    format!("{judged} judged, {sent} sent, {} accepted, {} read back", turn.accepted, turn.read)
}

/// What the turn could not do though nothing failed.
fn verdict(turn: Turn) -> Result<(), Failure> {
    if turn.stopped {
        return Err(Unmet {
            what: "told to stop before the turn was complete; nothing is left half-done".to_owned(),
            advice: "Run it again.",
            code: "stopped",
            status: exit::BUSY,
        }
        .into());
    }
    if !turn.unusable.is_empty() {
        return Err(Unmet {
            what: turn.unusable.join("\n  "),
            advice: "Correct `sku`, `disable_plans` or `who`, or buy the product; all other rules were followed.",
            code: "rule-unusable",
            status: exit::CONFIG,
        }
        .into());
    }
    Ok(())
}
