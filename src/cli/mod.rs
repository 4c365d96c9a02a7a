//! The commands, one file each.

mod assign;
mod config;
mod create_user;
mod doctor;
mod effect;
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
mod request;
mod run;
mod skus;
mod status;
mod users;

use std::ffi::OsString;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Parser, Subcommand};

use crate::config::{ConfigError, Environment};
use crate::model::fault::{Class, Fault, exit};
use crate::model::settings::Settings;
use crate::store::{Store, StoreError};

/// Gives accounts synced from Active Directory to Entra their usage location and license.
#[derive(Debug, Parser)]
#[command(name = "seatsync", version, max_term_width = 100, infer_subcommands = false, after_help = EXIT_STATUS)]
pub struct Cli {
    #[command(flatten)]
    common: Common,
    #[command(subcommand)]
    command: Command,
}

/// What every command can end with.
const EXIT_STATUS: &str = "\
Exit status:
   0  done
  64  used wrongly
  67  whom or what was named is not there
  69  the directory or the tenant cannot be reached: try again
  70  a defect of seatsync
  73  the store cannot be created or opened
  74  the store is damaged, full, or of another version
  75  another agent has the store, or it was stopped before the end: try again
  77  credentials or permissions were refused
  78  the configuration or the clock is wrong, or does not fit the tenant, the domain or the store";

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
        default_value = "/etc/seatsync/seatsync.toml",
        help_heading = "Where"
    )]
    config: PathBuf,
}

/// What commands take that only look or ask.
#[derive(Clone, Debug, Args)]
struct Place {
    /// The store. Spares reading the configuration, which names it, and its secrets.
    #[arg(long, value_name = "FILE", help_heading = "Where")]
    store: Option<PathBuf>,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run the agent in the foreground until SIGTERM or SIGINT (Ctrl-C).
    Run,
    /// Do one turn: read both sides, judge, write what is due; then end.
    Once(once::Args),
    /// Read both sides and show what would be written, without writing anything anywhere.
    Plan(plan::Args),
    /// Show the state at a glance, and what to do about it.
    Status(status::Args),
    /// List persons and where they stand.
    Users(users::Args),
    /// List the tenant's products with seats, status and forecast, or one with its service plans.
    Skus(skus::Args),
    /// Tell one person's whole story: seen, decided, tried, answered.
    Explain(explain::Args),
    /// License those who were in the tenant before seatsync or before a rule, under the guard.
    Include(request::Include),
    /// Let a held cohort be licensed.
    Approve(request::Decide),
    /// Leave a held cohort unlicensed: its members become baseline.
    Reject(request::Decide),
    /// Write nothing until resumed; reading goes on.
    Pause(request::Pause),
    /// Write again.
    Resume(Place),
    /// Give a product by hand to one user, a group, a list or whoever matches a filter, whatever the rules say.
    Assign(assign::Assign),
    /// Take a product away by hand, and withhold it whatever the rules say.
    Unassign(assign::Unassign),
    /// Forget what was assigned or withheld by hand: the rules decide again.
    Release(assign::Unassign),
    /// Create a user of the tenant who is in no directory, with usage location, initial password and license.
    CreateUser(create_user::Args),
    /// Try again now what waits for a retry, was refused by Graph, or was removed by others.
    Retry(request::Retry),
    /// Examine whether all that the service relies on is there, and say what mends what is not.
    Doctor(doctor::Args),
    /// Try out whom notices are sent to.
    #[command(subcommand)]
    Notify(notify::Command),
    /// Check the configuration, or show an example of it.
    #[command(subcommand)]
    Config(config::Command),
}

/// Parses the process's arguments, runs the command, and turns the outcome into an exit status.
#[must_use]
pub fn main() -> ExitCode {
    let runtime = match tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            eprintln!("seatsync: {error}");
            return ExitCode::from(exit::SOFTWARE);
        }
    };
    ExitCode::from(runtime.block_on(execute(std::env::args_os())))
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
        Command::Status(args) => return status::run(&common, &args).await,
        Command::Run => run::run(&common).await,
        Command::Once(args) => once::run(&common, &args).await,
        Command::Plan(args) => plan::run(&common, &args).await,
        Command::Users(args) => users::run(&common, &args).await,
        Command::Skus(args) => skus::run(&common, &args).await,
        Command::Explain(args) => explain::run(&common, &args).await,
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
        use std::io::Write as _;
        let mut text = format!("seatsync: {}\n", self.0);
        let advice = self.0.advice();
        if !advice.is_empty() {
            let _ = std::fmt::Write::write_fmt(&mut text, format_args!("  {advice} [{}]\n", self.0.code()));
        }
        // Nobody reads it: the exit status still says it.
        let _ = std::io::stderr().lock().write_all(text.as_bytes());
    }
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
        let path = match &place.store {
            Some(path) => path.clone(),
            None => self.settings()?.store,
        };
        Store::join(&path).map_err(|error: StoreError| error.into())
    }
}
