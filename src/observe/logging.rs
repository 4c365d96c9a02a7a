//! Where log lines go and how they look.

use std::io::IsTerminal as _;

use tracing_subscriber::EnvFilter;

use crate::model::settings::{LogFormat, LogSettings};

/// Sends log lines to standard error. A second call changes nothing.
///
/// # Errors
/// When the level is no filter; the text says why.
pub fn init(settings: &LogSettings) -> Result<(), String> {
    let filter = EnvFilter::builder().parse(&settings.level).map_err(|error| error.to_string())?;
    let builder = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).with_target(false);
    // Somebody else's subscriber, such as a test's, stays.
    let _ = match settings.format {
        LogFormat::Text => builder.with_ansi(std::io::stderr().is_terminal()).try_init(),
        LogFormat::Json => builder.json().flatten_event(true).try_init(),
    };
    Ok(())
}
