//! The commands, one file each.

mod assign;
mod audit;
mod backup;
mod config;
mod create_user;
mod doctor;
mod effect;
mod examples;
mod explain;
mod holders;
mod key_table;
mod notify;
mod once;
mod output;
mod pilot;
mod plan;
mod progress;
mod reasons;
mod reload;
mod request;
mod run;
mod secret;
mod service;
mod skus;
mod status;
mod users;

use std::ffi::OsString;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Parser, Subcommand};

pub use run::load_from;

use crate::config::{ConfigError, Environment};
use crate::model::fault::{Class, Fault, exit};
use crate::model::settings::Settings;
use crate::store::{Store, StoreError};
use crate::system;

/// Gives accounts synced from Active Directory to Entra their usage location and license.
#[derive(Debug, Parser)]
#[command(name = "seatsync", version, max_term_width = 100, infer_subcommands = false, after_help = examples::ALL)]
pub struct Cli {
    #[command(flatten)]
    common: Common,
    #[command(subcommand)]
    command: Command,
}

/// What every command takes.
#[derive(Clone, Debug, Args)]
struct Common {
    /// The configuration file.
    #[arg(
        long,
        short,
        global = true,
        value_name = "FILE",
        env = "SEATSYNC_CONFIG",
        default_value_os_t = system::config_file(),
        help_heading = "Where"
    )]
    config: PathBuf,
}

/// What commands take that only look or ask.
#[derive(Clone, Debug, Default, Args)]
struct Place {
    /// Read this store, and neither the configuration, which names one, nor its secrets.
    #[arg(long, value_name = "FILE", help_heading = "Where")]
    store: Option<PathBuf>,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run the agent in the foreground until SIGTERM or SIGINT (Ctrl-C).
    #[command(after_help = examples::RUN)]
    Run,
    /// Do one turn: read both sides, judge, write what is due; then end.
    #[command(after_help = examples::ONCE)]
    Once(once::Args),
    /// Read both sides and show what would be written, without writing anything anywhere.
    #[command(after_help = examples::PLAN)]
    Plan(plan::Args),
    /// Show the state at a glance, and what to do about it.
    #[command(after_help = examples::STATUS)]
    Status(status::Args),
    /// List persons and where they stand, holders of a product, or who has no device in Intune.
    #[command(after_help = examples::USERS)]
    Users(users::Args),
    /// List the tenant's products with seats, status and forecast, or one with its service plans.
    #[command(after_help = examples::SKUS)]
    Skus(skus::Args),
    /// Tell one person's whole story: seen, decided, tried, answered.
    #[command(after_help = examples::EXPLAIN)]
    Explain(explain::Args),
    /// List or export what was seen, decided, tried and answered, or verify that it is what was written.
    Audit(audit::Args),
    /// Copy the store into a file that can be put in its place, while the agent runs.
    Backup(backup::Args),
    /// License those who were in the tenant before seatsync or before a rule, under the guard.
    #[command(after_help = examples::INCLUDE)]
    Include(request::Include),
    /// Let a held cohort go ahead.
    #[command(after_help = examples::APPROVE)]
    Approve(request::Decide),
    /// Turn a held cohort down: nothing is written for its members.
    #[command(after_help = examples::REJECT)]
    Reject(request::Decide),
    /// Write nothing until resumed; reading goes on.
    #[command(after_help = examples::PAUSE)]
    Pause(request::Pause),
    /// Write again after a pause.
    Resume(Place),
    /// Give a product by hand to users, a list, a group or whoever matches a filter, whatever the rules say.
    #[command(after_help = examples::ASSIGN)]
    Assign(assign::Assign),
    /// Take a product away by hand, and withhold it whatever the rules say.
    #[command(after_help = examples::UNASSIGN)]
    Unassign(assign::Unassign),
    /// Forget what was assigned or withheld by hand: the rules decide again.
    #[command(after_help = examples::RELEASE)]
    Release(assign::Unassign),
    /// Create a user of the tenant who is in no directory, with usage location, initial password and license.
    #[command(after_help = examples::CREATE_USER)]
    CreateUser(create_user::Args),
    /// Try again now what waits for a retry, was refused by Graph, or was removed by others.
    #[command(after_help = examples::RETRY)]
    Retry(request::Retry),
    /// Have the running agent read its configuration, secrets and CA files anew, and wait for what becomes of it.
    #[command(after_help = examples::RELOAD)]
    Reload(reload::Args),
    /// Check everything the service relies on, and say how to mend what is missing; or license one user as a pilot.
    #[command(after_help = examples::DOCTOR)]
    Doctor(doctor::Args),
    /// Try out the targets of notices.
    #[command(subcommand)]
    Notify(notify::Command),
    /// Install, start or stop the service (Windows).
    #[command(subcommand)]
    Service(service::Command),
    /// Keep secrets sealed for this machine (Windows).
    #[command(subcommand)]
    Secret(secret::Command),
    /// Check the configuration, or show an example of it.
    #[command(subcommand)]
    Config(config::Command),
}

/// Parses the process's arguments, runs the command, and turns the outcome into an exit status.
#[must_use]
pub fn main() -> ExitCode {
    let runtime = match runtime() {
        Ok(runtime) => runtime,
        Err(error) => {
            eprintln!("seatsync: {error}");
            return ExitCode::from(exit::SOFTWARE);
        }
    };
    ExitCode::from(runtime.block_on(execute(std::env::args_os())))
}

/// Few threads: each has its own reserve of memory, and no more than a few read the store at once.
fn runtime() -> std::io::Result<tokio::runtime::Runtime> {
    tokio::runtime::Builder::new_multi_thread().worker_threads(2).max_blocking_threads(4).enable_all().build()
}

/// Runs one command, given as on a command line with the program's name first; returns the exit status.
pub async fn execute<T: Into<OsString> + Clone>(arguments: impl IntoIterator<Item = T>) -> u8 {
    let cli = match Cli::try_parse_from(arguments) {
        Ok(cli) => cli,
        Err(error) => {
            let _ = error.print();
            return if error.use_stderr() { exit::USAGE } else { 0 };
        }
    };
    match dispatch(cli).await {
        Ok(status) => status,
        Err(failure) => {
            failure.print();
            failure.fault().exit_status()
        }
    }
}

async fn dispatch(cli: Cli) -> Result<u8, Failure> {
    let common = cli.common;
    match cli.command {
        Command::Doctor(args) => return doctor::run(&common, args).await,
        Command::Notify(command) => return notify::run(&common, command).await,
        Command::Reload(args) => return reload::run(&common, args).await,
        Command::Status(args) => return status::run(&common, &args).await,
        Command::Service(command) => return service::run(&common, command).await,
        Command::Run => run::run(&common).await,
        Command::Once(args) => once::run(&common, &args).await,
        Command::Plan(args) => plan::run(&common, &args).await,
        Command::Users(args) => users::run(&common, &args).await,
        Command::Skus(args) => skus::run(&common, &args).await,
        Command::Explain(args) => explain::run(&common, &args).await,
        Command::Audit(args) => audit::run(&common, args).await,
        Command::Backup(args) => backup::run(&common, args).await,
        Command::Include(args) => request::include(&common, args).await,
        Command::Approve(args) => request::approve(&common, &args).await,
        Command::Reject(args) => request::reject(&common, &args).await,
        Command::Pause(args) => request::pause(&common, args).await,
        Command::Resume(place) => request::resume(&common, &place).await,
        Command::Assign(args) => assign::assign(&common, args).await,
        Command::Unassign(args) => assign::unassign(&common, args).await,
        Command::Release(args) => assign::release(&common, args).await,
        Command::CreateUser(args) => create_user::run(&common, args).await,
        Command::Retry(args) => request::retry(&common, &args).await,
        Command::Secret(command) => secret::run(command),
        Command::Config(command) => config::run(&common, command),
    }?;
    Ok(0)
}

/// Why a command failed.
struct Failure(Box<dyn Fault + Send + Sync>);

impl<E: Fault + Send + Sync + 'static> From<E> for Failure {
    fn from(error: E) -> Self {
        Self(Box::new(error))
    }
}

impl Failure {
    fn fault(&self) -> &dyn Fault {
        &*self.0
    }

    fn print(&self) {
        complain(&self.0.to_string(), &self.0.advice(), self.0.code());
    }
}

/// Says on standard error what is wrong, and what to do.
fn complain(what: &str, advice: &str, code: &str) {
    use std::io::Write as _;
    let advice = if advice.is_empty() { String::new() } else { format!("  {advice} [{code}]\n") };
    // Nobody reads it: the exit status still says it.
    let _ = std::io::stderr().lock().write_all(format!("seatsync: {what}\n{advice}").as_bytes());
}

/// What a command was asked for does not exist, or cannot be done.
#[derive(Debug, thiserror::Error)]
#[error("{what}")]
struct Unmet {
    what: String,
    advice: &'static str,
    code: &'static str,
    status: u8,
}

impl Unmet {
    fn usage(what: impl Into<String>, advice: &'static str) -> Self {
        Self { what: what.into(), advice, code: "usage", status: exit::USAGE }
    }

    fn not_found(what: impl Into<String>, advice: &'static str) -> Self {
        Self { what: what.into(), advice, code: "not-found", status: exit::NOT_FOUND }
    }
}

impl Fault for Unmet {
    fn class(&self) -> Class {
        Class::Operator
    }

    fn code(&self) -> &'static str {
        self.code
    }

    fn advice(&self) -> String {
        self.advice.to_owned()
    }

    fn exit_status(&self) -> u8 {
        self.status
    }
}

impl Common {
    fn settings(&self) -> Result<Settings, ConfigError> {
        crate::config::load(&self.config, &Environment::from_process())
    }

    /// The store as it is, beside an agent that may be running.
    fn joined_store(&self, place: &Place) -> Result<Store, Failure> {
        Store::join(&self.store_path(place)?).map_err(|error: StoreError| error.into())
    }

    /// Where the store is. Whoever only looks at it needs no secret, which may be for the service alone to read, nor a file without
    /// mistakes.
    fn store_path(&self, place: &Place) -> Result<PathBuf, Failure> {
        if let Some(path) = &place.store {
            return Ok(path.clone());
        }
        self.settings().map(|settings| settings.store).or_else(|error| {
            let there = |path: &PathBuf| path.exists();
            crate::config::store_in(&self.config).filter(there).ok_or_else(|| error.into())
        })
    }
}
