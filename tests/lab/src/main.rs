//! `seatsync-lab`: the lab for hands. Each command serves one of its worlds until interrupted.

use std::error::Error;
use std::process::ExitCode;

use clap::{Parser, Subcommand};
use seatsync_lab::{directory, tenant};

/// A directory and a tenant that behave like Microsoft's.
#[derive(Parser)]
#[command(name = "seatsync-lab", version)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Serves an Active Directory domain over LDAPS.
    Directory(directory::cli::Args),
    /// Login, Graph v1.0 and a control API on one address.
    Tenant(tenant::cli::Args),
}

#[tokio::main]
async fn main() -> ExitCode {
    let outcome = match Cli::parse().command {
        Command::Directory(args) => directory::cli::run(args).await.map_err(Box::<dyn Error>::from),
        Command::Tenant(args) => tenant::cli::run(args).await,
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("seatsync-lab: {error}");
            ExitCode::FAILURE
        }
    }
}
