//! `seatsync service`

use std::path::{Path, PathBuf};

use super::{Common, Failure, Unmet, output, run};
use crate::model::fault::exit;
use crate::service::{self, Installation, ServiceError, State};
use crate::{config, observe};

/// What `service` does.
#[derive(Debug, clap::Subcommand)]
pub(super) enum Command {
    /// Install the service, or bring an installed one up to date. It is not started.
    #[command(after_help = super::examples::SERVICE_INSTALL)]
    Install(Install),
    /// Stop and remove the service; configuration, secrets, store and logs stay.
    Uninstall,
    /// Start it, and wait until it runs.
    Start,
    /// Stop it, and wait until writes under way are at their end.
    Stop,
    /// Say whether it runs; exit status 69 if not.
    Status,
    /// What the service control manager starts.
    #[command(hide = true)]
    Host,
}

/// What `service install` takes.
#[derive(Debug, clap::Args)]
pub(super) struct Install {
    /// Run as this account, such as 'CORP\svc-seatsync$' (a group managed one). Default: NT SERVICE\seatsync.
    #[arg(long, value_name = "NAME")]
    account: Option<String>,
}

/// Runs it; returns the exit status.
pub(super) async fn run(common: &Common, command: Command) -> Result<u8, Failure> {
    if let Command::Host = command {
        return host(common.clone()).await;
    }
    let common = common.clone();
    let done = tokio::task::spawn_blocking(move || ask(&common, command)).await;
    done.unwrap_or_else(|error| Err(interrupted(&error)))
}

fn ask(common: &Common, command: Command) -> Result<u8, Failure> {
    let told = match command {
        Command::Install(Install { account }) => {
            let (program, config) =
                (std::env::current_exe().map_err(|error| unknown(&error))?, absolute(&common.config)?);
            let asked = Installation { program, config, example: config::example(), account };
            let mut done = service::install(&asked)?;
            done.push("next: edit the configuration, `seatsync config check`, `seatsync service start`".to_owned());
            done
        }
        Command::Uninstall => service::uninstall()?,
        Command::Start => vec![service::start()?.to_string()],
        Command::Stop => vec![service::stop()?.to_string()],
        Command::Status | Command::Host => {
            let state = service::state()?;
            output::line(&state.to_string());
            return Ok(if matches!(state, State::Running(_)) { 0 } else { exit::UNAVAILABLE });
        }
    };
    told.iter().for_each(|line| output::line(line));
    Ok(0)
}

/// Runs the agent for the service control manager.
async fn host(common: Common) -> Result<u8, Failure> {
    let runtime = tokio::runtime::Handle::current();
    let body = move || match runtime.block_on(run::run(&common)) {
        Ok(()) => 0,
        Err(failure) => {
            let fault = failure.fault();
            observe::complain(fault.code(), &format!("{fault}\r\n{}", fault.advice()));
            failure.print();
            fault.exit_status()
        }
    };
    let hosted = tokio::task::spawn_blocking(move || service::host(body)).await;
    hosted.unwrap_or_else(|error| Err(ServiceError::Failed { doing: "running as a service", source: error.into() }))?;
    Ok(0)
}

/// The service begins in a directory of the system's.
fn absolute(path: &Path) -> Result<PathBuf, Failure> {
    std::path::absolute(path).map_err(|error| unknown(&error))
}

fn unknown(error: &std::io::Error) -> Failure {
    Unmet {
        what: format!("where the program and its configuration are cannot be told: {error}"),
        advice: "Run it by its whole path, and name the configuration by its own.",
        code: "service-unplaced",
        status: exit::SOFTWARE,
    }
    .into()
}

fn interrupted(error: &tokio::task::JoinError) -> Failure {
    ServiceError::Failed {
        doing: "asking the service control manager",
        source: std::io::Error::other(error.to_string()),
    }
    .into()
}
