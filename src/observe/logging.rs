//! Where log lines go and how they look.

use std::fmt;
use std::io::IsTerminal as _;
use std::sync::OnceLock;

use tracing::field::Field;
use tracing_subscriber::fmt::format::{Writer, debug_fn};
use tracing_subscriber::layer::{Layer, SubscriberExt as _};
use tracing_subscriber::util::SubscriberInitExt as _;
use tracing_subscriber::{EnvFilter, Registry, reload};

use crate::model::settings::{LogFormat, LogSettings};
use crate::model::text::one_line;

/// Puts another filter in place of the one that log lines go through.
static FILTER: OnceLock<reload::Handle<EnvFilter, Registry>> = OnceLock::new();

/// Sends log lines to standard error, or to systemd's journal. A second call changes nothing.
///
/// # Errors
/// When the level is no filter; the text says why.
pub fn init(settings: &LogSettings) -> Result<(), String> {
    let (filter, handle) = reload::Layer::new(filter(&settings.level)?);
    let journal = match settings.format {
        LogFormat::Journald => journal(),
        LogFormat::Auto if is_read_by_journal() => journal(),
        _ => None,
    };
    let lost = settings.format == LogFormat::Journald && journal.is_none();
    let lines = tracing_subscriber::fmt::layer()
        .with_writer(std::io::stderr)
        .with_target(false)
        // A reader of the log that went away must not end what is logged.
        .log_internal_errors(false);
    let layer = match (journal, settings.format) {
        (Some(journal), _) => journal,
        (None, LogFormat::Json) => lines.json().flatten_event(true).boxed(),
        (None, _) => lines.with_ansi(std::io::stderr().is_terminal()).fmt_fields(debug_fn(for_people)).boxed(),
    };
    // Somebody else's subscriber, such as a test's, stays.
    if tracing_subscriber::registry().with(filter).with(layer).try_init().is_ok() {
        let _ = FILTER.set(handle);
    }
    if lost {
        tracing::warn!("log.format is \"journald\", and no journal takes anything here: lines go to standard error");
    }
    Ok(())
}

/// Lets other lines through from now on, where [`init`] was called; a level that is no filter changes nothing.
pub fn set_level(level: &str) {
    if let (Ok(filter), Some(handle)) = (filter(level), FILTER.get()) {
        let _ = handle.reload(filter);
    }
}

fn filter(level: &str) -> Result<EnvFilter, String> {
    EnvFilter::builder().parse(level).map_err(|error| error.to_string())
}

/// Lines for people leave out what their sentence says already.
fn for_people(writer: &mut Writer<'_>, field: &Field, value: &dyn fmt::Debug) -> fmt::Result {
    match field.name() {
        // A name must not forge a line; JSON and the journal delimit by themselves.
        "message" => writer.write_str(&one_line(&format!("{value:?}"))),
        "event" | "user" | "sku" => Ok(()),
        name => write!(writer, " {name}={value:?}"),
    }
}

type Filtered = tracing_subscriber::layer::Layered<reload::Layer<EnvFilter, Registry>, Registry>;
type Lines = Box<dyn Layer<Filtered> + Send + Sync>;

/// The journal (`systemd.journal-fields(7)`): the sentence is `MESSAGE`, each field `SEATSYNC_` and its name.
#[cfg(target_os = "linux")]
fn journal() -> Option<Lines> {
    let layer = tracing_journald::layer().ok()?;
    Some(layer.with_field_prefix(Some("SEATSYNC".to_owned())).boxed())
}

#[cfg(not(target_os = "linux"))]
fn journal() -> Option<Lines> {
    None
}

/// Whether the journal reads standard error (`JOURNAL_STREAM` in `systemd.exec(5)`): it names the very stream, since a child may
/// have inherited the variable and write elsewhere.
#[cfg(target_os = "linux")]
fn is_read_by_journal() -> bool {
    use std::os::unix::fs::MetadataExt as _;

    let stream = std::fs::metadata("/proc/self/fd/2").map(|facts| format!("{}:{}", facts.dev(), facts.ino()));
    matches!((std::env::var("JOURNAL_STREAM"), stream), (Ok(named), Ok(stream)) if named == stream)
}

#[cfg(not(target_os = "linux"))]
fn is_read_by_journal() -> bool {
    false
}
