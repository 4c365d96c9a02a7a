//! `seatsync run`

use super::{Common, Failure, Unmet, key_table};
use crate::clock::Clock;
use crate::model::fault::exit;
use crate::watch::Board;
use crate::{agent, observe, service};

/// Runs the agent until it is told to stop.
pub(super) async fn run(common: &Common) -> Result<(), Failure> {
    let settings = common.settings()?;
    key_table::in_environment(&settings)?;
    init_log(&settings.log)?;
    let stop = service::console::stop_signal().map_err(|error| Unmet {
        what: format!("signals cannot be handled: {error}"),
        advice: "See the system's limits.",
        code: "signals-unusable",
        status: exit::SOFTWARE,
    })?;
    let clock = Clock::system();
    let board = Board::new(&clock);
    let served = tokio::spawn(board.clone().serve());
    let ended = agent::run(settings, clock, stop, |agent| board.follow(agent)).await;
    // Lets go of the store, so that it is closed in order.
    served.abort();
    let _ = served.await;
    Ok(ended?)
}

pub(super) fn init_log(settings: &crate::model::settings::LogSettings) -> Result<(), Failure> {
    observe::init(settings).map_err(|error| {
        let what = format!("log.level cannot be used: {error}");
        Unmet { what, advice: "Write a level such as \"info\".", code: "log-level-unusable", status: exit::CONFIG }
            .into()
    })
}
