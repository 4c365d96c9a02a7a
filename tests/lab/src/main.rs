//! `seatsync-lab`: the lab for hands.

use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// A directory and a tenant that behave like Microsoft's.
#[derive(Parser)]
#[command(name = "seatsync-lab", version)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Login, Graph v1.0 and a control API on one address.
    Tenant(seatsync_lab::tenant::cli::Args),
}

#[tokio::main]
async fn main() -> ExitCode {
    let outcome = match Cli::parse().command {
        Command::Tenant(args) => seatsync_lab::tenant::cli::run(args).await,
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("seatsync-lab: {error}");
            ExitCode::FAILURE
        }
    }
}
