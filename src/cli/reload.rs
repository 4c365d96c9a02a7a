//! `seatsync reload`: has the agent that runs read its configuration anew, and waits for what becomes of it.

use std::path::Path;
use std::time::Duration;

use super::request::silent;
use super::{Common, Failure, Place, Unmet, complain, output};
use crate::clock::{Clock, later};
use crate::config;
use crate::model::fault::exit;
use crate::model::request::{ReloadOutcome, Request};
use crate::store::{Lease, Store};
use crate::system;

/// What `reload` takes.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Take the configuration with this digest over whatever it does, as a refusal says it.
    #[arg(long, value_name = "DIGEST", value_parser = digest)]
    accept: Option<String>,
    /// Wait so many seconds for the agent: it works out what the configuration does, and brings writes under way to their end.
    #[arg(long, value_name = "SECONDS", default_value_t = 600)]
    wait: u32,
    #[command(flatten)]
    place: Place,
}

/// The beginning of a digest, as it is shown, or more of it.
fn digest(text: &str) -> Result<String, String> {
    let fits = (12..=64).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_hexdigit());
    if fits { Ok(text.to_ascii_lowercase()) } else { Err("not a digest such as 59bb1c4c87f0".to_owned()) }
}

/// Reloads; the exit status is 0 when the configuration was taken over.
pub(super) async fn run(common: &Common, args: Args) -> Result<u8, Failure> {
    // The agent says what is wrong with the file: here it only names the store.
    let place = args.place.store.or_else(|| config::store_in(&common.config));
    let Some(path) = place.filter(|path| Lease::is_held(path)) else {
        let store = common.settings()?.store;
        return Err(none_runs(&store).into());
    };
    let store = Store::join(&path)?;
    match answer(&store, args.accept, Duration::from_secs(args.wait.into())).await? {
        ReloadOutcome::TakenOver { text } => {
            output::block(&text);
            Ok(0)
        }
        ReloadOutcome::Refused { text, advice, code, status } => {
            complain(&text, &advice, &code);
            Ok(status)
        }
    }
}

/// Asks the agent, and waits for its answer.
async fn answer(store: &Store, accept: Option<String>, patience: Duration) -> Result<ReloadOutcome, Failure> {
    let clock = Clock::system();
    let id = store.ask(Request::Reload { accept }, &system::user(), clock.now()).await?;
    let deadline = later(clock.now(), patience);
    loop {
        // Before the outcome: an agent that answers and ends in between has answered.
        let runs = Lease::is_held(store.path());
        if let Some(outcome) = store.reload_outcome(id).await? {
            return Ok(outcome);
        }
        if !runs && store.withdraw_reload(id).await? {
            return Err(none_runs(store.path()).into());
        }
        if clock.now() > deadline {
            return Err(silent().into());
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

fn none_runs(store: &Path) -> Unmet {
    Unmet {
        what: format!("no agent runs on the store {}", store.display()),
        advice: "Start it: it begins with the configuration as it is. If the file names another store than before, restart it.",
        code: "no-agent",
        status: exit::UNAVAILABLE,
    }
}
