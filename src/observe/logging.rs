//! Where log lines go and how they look.

use std::fmt;
use std::io::IsTerminal as _;
use std::sync::OnceLock;

use tracing::field::Field;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::format::{Writer, debug_fn};

use crate::model::settings::{LogFormat, LogSettings};
use crate::model::text::one_line;

/// Puts another filter in place of the one that log lines go through.
type Refilter = Box<dyn Fn(EnvFilter) + Send + Sync>;

static REFILTER: OnceLock<Refilter> = OnceLock::new();

/// Sends log lines to standard error. A second call changes nothing.
///
/// # Errors
/// When the level is no filter; the text says why.
pub fn init(settings: &LogSettings) -> Result<(), String> {
    let builder = tracing_subscriber::fmt()
        .with_env_filter(filter(&settings.level)?)
        .with_writer(std::io::stderr)
        .with_target(false)
        // A reader of the log that went away must not end what is logged.
        .log_internal_errors(false);
    // Somebody else's subscriber, such as a test's, stays.
    match settings.format {
        LogFormat::Text => {
            let builder = builder.with_ansi(std::io::stderr().is_terminal()).fmt_fields(debug_fn(for_people));
            let builder = builder.with_filter_reloading();
            let handle = builder.reload_handle();
            if builder.try_init().is_ok() {
                keep(move |filter| drop(handle.reload(filter)));
            }
        }
        LogFormat::Json => {
            let builder = builder.json().flatten_event(true).with_filter_reloading();
            let handle = builder.reload_handle();
            if builder.try_init().is_ok() {
                keep(move |filter| drop(handle.reload(filter)));
            }
        }
    }
    Ok(())
}

/// Lets other lines through from now on, where [`init`] was called; a level that is no filter changes nothing.
pub fn set_level(level: &str) {
    if let (Ok(filter), Some(refilter)) = (filter(level), REFILTER.get()) {
        refilter(filter);
    }
}

fn filter(level: &str) -> Result<EnvFilter, String> {
    EnvFilter::builder().parse(level).map_err(|error| error.to_string())
}

fn keep(refilter: impl Fn(EnvFilter) + Send + Sync + 'static) {
    // Set once: a second subscriber is none.
    let _ = REFILTER.set(Box::new(refilter));
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
