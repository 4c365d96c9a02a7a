//! Where log lines go and how they look.

use std::fmt;
use std::io::IsTerminal as _;

use tracing::field::Field;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::format::{Writer, debug_fn};

use crate::model::settings::{LogFormat, LogSettings};
use crate::model::text::one_line;

/// Sends log lines to standard error. A second call changes nothing.
///
/// # Errors
/// When the level is no filter; the text says why.
pub fn init(settings: &LogSettings) -> Result<(), String> {
    let filter = EnvFilter::builder().parse(&settings.level).map_err(|error| error.to_string())?;
    let builder = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_target(false)
        // A reader of the log that went away must not end what is logged.
        .log_internal_errors(false);
    // Somebody else's subscriber, such as a test's, stays.
    let _ = match settings.format {
        LogFormat::Text => {
            builder.with_ansi(std::io::stderr().is_terminal()).fmt_fields(debug_fn(for_people)).try_init()
        }
        LogFormat::Json => builder.json().flatten_event(true).try_init(),
    };
    Ok(())
}

/// Lines for people leave out what their sentence says already.
fn for_people(writer: &mut Writer<'_>, field: &Field, value: &dyn fmt::Debug) -> fmt::Result {
    match field.name() {
        // A name must not forge a line; JSON escapes by itself.
        "message" => writer.write_str(&one_line(&format!("{value:?}"))),
        "event" | "user" => Ok(()),
        name => write!(writer, " {name}={value:?}"),
    }
}
