//! Where log lines go and how they look.

use std::fmt;
use std::io::IsTerminal as _;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::time::Duration;

use tracing::field::Field;
use tracing_appender::rolling::{RollingFileAppender, Rotation};
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::fmt::format::{Writer, debug_fn};
use tracing_subscriber::layer::{Layer, SubscriberExt as _};
use tracing_subscriber::util::SubscriberInitExt as _;
use tracing_subscriber::{EnvFilter, Registry, reload};

use crate::model::settings::{LogFormat, LogSettings};
use crate::model::text::one_line;

/// Puts another filter in place of the one that log lines go through.
static FILTER: OnceLock<reload::Handle<EnvFilter, Registry>> = OnceLock::new();

/// Sends log lines to standard error, to files, or to systemd's journal. Where a `host` reads no standard error, it says where
/// files go, and events go to the system's own log as well. A second call changes nothing.
///
/// # Errors
/// When the level is no filter, or no file can be written; the text says why.
pub fn init(settings: &LogSettings, host: Option<PathBuf>) -> Result<(), String> {
    let (filter, handle) = reload::Layer::new(filter(&settings.level)?);
    let hosted = host.is_some();
    let files = settings.directory.clone().or(host).map(|directory| files(&directory, settings.keep)).transpose()?;
    let journal = match settings.format {
        LogFormat::Journald => journal(),
        LogFormat::Auto if files.is_none() && is_read_by_journal() => journal(),
        _ => None,
    };
    let lost = settings.format == LogFormat::Journald && journal.is_none();
    let layer = match (journal, files) {
        (Some(journal), _) => journal,
        (None, Some(files)) => lines(files, settings.format, false),
        (None, None) => lines(std::io::stderr, settings.format, std::io::stderr().is_terminal()),
    };
    let subscriber = tracing_subscriber::registry().with(filter).with(layer).with(event_log(hosted));
    // Somebody else's subscriber, such as a test's, stays.
    if subscriber.try_init().is_ok() {
        let _ = FILTER.set(handle);
    }
    if lost {
        tracing::warn!("log.format is \"journald\", and no journal takes anything here: lines go to standard error");
    }
    Ok(())
}

/// Lines for people or machines, to be written here.
fn lines<W>(to: W, format: LogFormat, colours: bool) -> Lines
where
    W: for<'a> MakeWriter<'a> + Send + Sync + 'static,
{
    // A reader of the log that went away must not end what is logged.
    let lines = tracing_subscriber::fmt::layer().with_writer(to).with_target(false).log_internal_errors(false);
    match format {
        LogFormat::Json => lines.json().flatten_event(true).boxed(),
        _ => lines.with_ansi(colours).fmt_fields(debug_fn(for_people)).boxed(),
    }
}

/// One file for each day (UTC). A day's file is begun by its first line, which also removes the oldest.
fn files(directory: &Path, keep: Duration) -> Result<RollingFileAppender, String> {
    let days = usize::try_from(keep.as_secs() / 86_400).unwrap_or(usize::MAX).max(1);
    let files = RollingFileAppender::builder()
        .rotation(Rotation::DAILY)
        .filename_prefix("seatsync")
        .filename_suffix("log")
        .max_log_files(days)
        .build(directory);
    files.map_err(|error| format!("{}: {error}", directory.display()))
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

/// The Event Log, where a service manager runs the program on Windows.
#[cfg(windows)]
fn event_log(hosted: bool) -> Option<super::event_log::EventLog> {
    hosted.then(|| super::event_log::EventLog::open(SOURCE)).flatten()
}

#[cfg(not(windows))]
fn event_log(_hosted: bool) -> Option<tracing_subscriber::layer::Identity> {
    None
}

/// Says what ends a program whose standard error nobody reads, before or after its log was there.
#[cfg(windows)]
pub fn complain(code: &str, what: &str) {
    if let Some(log) = super::event_log::EventLog::open(SOURCE) {
        log.report(tracing::Level::ERROR, code, what);
    }
}

/// Elsewhere standard error is read by whoever runs the program.
#[cfg(not(windows))]
pub fn complain(_code: &str, _what: &str) {}

/// The source that the installer registers.
#[cfg(windows)]
const SOURCE: &str = "seatsync";
