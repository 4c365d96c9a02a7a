//! `seatsync config`

use clap::Subcommand;

use super::{Common, Failure, output};
use crate::config::{self, ConfigError};

/// What `config` does.
#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Say everything that is wrong with the configuration, or that nothing is.
    #[command(after_help = super::examples::CONFIG_CHECK)]
    Check {
        /// Print the problems as JSON.
        #[arg(long)]
        json: bool,
    },
    /// Print an example: every key with its default and meaning.
    #[command(after_help = super::examples::CONFIG_EXAMPLE)]
    Example,
}

/// Checks the configuration or shows an example.
pub(super) fn run(common: &Common, command: Command) -> Result<(), Failure> {
    match command {
        Command::Example => {
            output::block(config::example().trim_end());
            Ok(())
        }
        Command::Check { json: false } => {
            common.settings()?;
            output::line(&format!("{}: configuration OK", common.config.display()));
            Ok(())
        }
        Command::Check { json: true } => {
            let checked = common.settings();
            output::json(&checked.as_ref().err().map(ConfigError::problems).unwrap_or_default())?;
            checked.map(drop).map_err(Failure::from)
        }
    }
}
