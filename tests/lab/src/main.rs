//! The lab for hands: each command serves one of its worlds until interrupted.

use clap::{Parser, Subcommand};
use seatsync_lab::directory;

/// A directory and a tenant that behave like Microsoft's.
#[derive(Parser)]
#[command(version, about)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Serves an Active Directory domain over LDAPS
    Directory(directory::cli::Args),
}

#[tokio::main]
async fn main() -> std::io::Result<()> {
    match Cli::parse().command {
        Command::Directory(args) => directory::cli::run(args).await,
    }
}
