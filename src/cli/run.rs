//! `seatsync run`

use std::path::PathBuf;
use std::sync::Arc;

use tokio::sync::watch;

use super::{Common, Failure, Unmet, key_table};
use crate::agent::{self, Host, Load, Phase, Unloadable};
use crate::clock::Clock;
use crate::config::{self, Environment, Problem};
use crate::model::fault::exit;
use crate::{observe, service};

/// Runs the agent until it is told to stop.
pub(super) async fn run(common: &Common) -> Result<(), Failure> {
    let settings = common.settings()?;
    key_table::in_environment(&settings)?;
    init_log(&settings.log)?;
    let signals = service::console::signals().map_err(|error| Unmet {
        what: format!("signals cannot be handled: {error}"),
        advice: "See the system's limits.",
        code: "signals-unusable",
        status: exit::SOFTWARE,
    })?;
    let host = Host {
        load: load_from(common.config.clone(), Environment::from_process()),
        stop: signals.stop,
        reload: signals.reload,
        phase: watch::Sender::new(Phase::default()),
    };
    Ok(agent::run(settings, Clock::system(), host).await?)
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
    observe::init(settings).map_err(|error| {
        let what = format!("log.level cannot be used: {error}");
        Unmet { what, advice: "Write a level such as \"info\".", code: "log-level-unusable", status: exit::CONFIG }
            .into()
    })
}
