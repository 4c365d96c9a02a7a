//! `seatsync run`

use std::path::PathBuf;
use std::sync::Arc;

use tokio::sync::watch;

use super::{Common, Failure, Unmet, key_table, status};
use crate::agent::{self, Host, Load, Phase, Unloadable};
use crate::clock::Clock;
use crate::config::{self, Environment, Problem};
use crate::model::fault::exit;
use crate::model::settings::Settings;
use crate::store::{Lease, Store};
use crate::vitals::{self, Vitals};
use crate::watch::Board;
use crate::{observe, service};

/// Runs the agent until it is told to stop.
pub(super) async fn run(common: &Common) -> Result<(), Failure> {
    let settings = common.settings()?;
    key_table::in_environment(&settings)?;
    init_log(&settings.log)?;
    let signals = service::signals().map_err(|error| Unmet {
        what: format!("signals cannot be handled: {error}"),
        advice: "See the system's limits.",
        code: "signals-unusable",
        status: exit::SOFTWARE,
    })?;
    let _lease = Lease::take_to_stay(&settings.store).await?;
    let (store, clock) = (Store::open(&settings.store)?, Clock::system());
    let vitals = Vitals::new(clock.clone(), patience());
    let phase = watch::Sender::new(Phase::default());
    let board = Board::new(&clock);
    let told = told(&settings, &store, &clock, &vitals, phase.subscribe());
    let host = Host {
        load: load_from(common.config.clone(), Environment::from_process()),
        stop: signals.stop,
        reload: signals.reload,
        phase,
        vitals,
        begun: {
            let board = board.clone();
            Box::new(move |agent| board.follow(agent))
        },
    };
    let served = tokio::spawn(board.serve());
    let (ended, ()) = tokio::join!(agent::run(settings, store, clock, host), told);
    // Lets go of the store, so that it is closed in order.
    served.abort();
    let _ = served.await;
    Ok(ended?)
}

/// How long a step may take.
fn patience() -> std::time::Duration {
    service::watchdog().unwrap_or(vitals::PATIENCE)
}

/// Tells the service manager, where there is one that wants to hear.
fn told(
    settings: &Settings,
    store: &Store,
    clock: &Clock,
    vitals: &Vitals,
    phase: watch::Receiver<Phase>,
) -> impl Future<Output = ()> + use<> {
    // A write under way: its answer, and the answer's body.
    let last_step = settings.tenant.timeout * 2 + std::time::Duration::from_secs(10);
    let (store, clock, vitals) = (store.clone(), clock.clone(), vitals.clone());
    let headline = |report: &_, now| status::headline(report, true, now);
    service::Told { phase, vitals, store, clock, headline, last_step }.tell()
}

/// How the configuration in this file is read anew, and what is wrong with it told.
pub fn load_from(config: PathBuf, environment: Environment) -> Load {
    Arc::new(move || {
        config::load(&config, &environment).map_err(|error| {
            let problems = match error.problems() {
                [] => vec![error.to_string()],
                several => several.iter().map(Problem::sentence).collect(),
            };
            Unloadable { fault: Box::new(error), problems }
        })
    })
}

pub(super) fn init_log(settings: &crate::model::settings::LogSettings) -> Result<(), Failure> {
    observe::init(settings, service::log_directory()).map_err(|error| {
        let what = format!("the log cannot be written: {error}");
        Unmet {
            what,
            advice: "See `log.level` and `log.directory` in the configuration.",
            code: "log-unusable",
            status: exit::CONFIG,
        }
        .into()
    })
}
