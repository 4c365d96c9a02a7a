//! `seatsync service`

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
    let common = common.clone();
    match command {
        Command::Install(args) => tell(move || install(&common, args)).await,
        Command::Uninstall => tell(|| Ok(service::uninstall()?)).await,
        Command::Start => tell(|| Ok(vec![service::start()?.to_string()])).await,
        Command::Stop => tell(|| Ok(vec![service::stop()?.to_string()])).await,
        Command::Status => {
            let state = service::state()?;
            output::line(&state.to_string());
            Ok(if matches!(state, State::Running(_)) { 0 } else { exit::UNAVAILABLE })
        }
        Command::Host => host(common).await,
    }
}

/// Has the service manager do something, which may take a while, and tells what was done.
async fn tell(ask: impl FnOnce() -> Result<Vec<String>, Failure> + Send + 'static) -> Result<u8, Failure> {
    let done = tokio::task::spawn_blocking(ask).await;
    let done = done.unwrap_or_else(|error| Err(interrupted("asking the service control manager", error).into()))?;
    done.iter().for_each(|line| output::line(line));
    Ok(0)
}

fn install(common: &Common, args: Install) -> Result<Vec<String>, Failure> {
    // The service begins in a directory of the system's, so both are named by their whole path.
    let program = std::env::current_exe().map_err(|error| unknown(&error))?;
    let config = std::path::absolute(&common.config).map_err(|error| unknown(&error))?;
    let asked = Installation { program, config, example: config::example(), account: args.account };
    let mut done = service::install(&asked)?;
    done.push("next: edit the configuration, `seatsync config check`, `seatsync service start`".to_owned());
    Ok(done)
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
    hosted.unwrap_or_else(|error| Err(interrupted("running as a service", error)))?;
    Ok(0)
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

fn interrupted(doing: &'static str, error: tokio::task::JoinError) -> ServiceError {
    ServiceError::Failed { doing, source: error.into() }
}
