//! `seatsync once`

use super::{Common, Failure, output, progress, run};
use crate::agent::Agent;
use crate::clock::Clock;
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
    run::init_log(&settings.log)?;
    let stop = service::console::stop_signal().unwrap_or_else(|_| tokio::sync::watch::channel(false).1);
    let store = Store::open(&settings.store)?;
    let _lease = Lease::take(&settings.store)?;
    let agent = Agent::new(settings, store.clone(), Clock::system(), stop).await?;
    let turn = progress::with(agent.progress(), agent.once()).await?;
    if args.json {
        return output::json(&turn);
    }
    if !turn.acquainted {
        output::line("a first read is not complete yet: nothing was decided; run it again");
        return Ok(());
    }
    let (judged, sent, accepted) = (turn.judged, turn.sent, turn.accepted);
    output::line(&format!("{judged} persons judged, {sent} writes sent, {accepted} accepted"));
    Ok(())
}
