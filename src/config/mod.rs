//! The file as written, and the settings it resolves to.
//!
//! [`load`] reads one TOML file and reports everything that is wrong with it at once. The text is cleaned of statements
//! that do not parse (`syntax`), the rest is walked table by table (`table`) by the one declaration of all keys (`keys`,
//! from which [`example()`] is written too), single values are taken apart (`values`, `secret`), and what belongs together is
//! checked together (`resolve`, `directory`, `bind`, `tenant`, `rules`). A secret is never shown, not even one that stands in the
//! file by mistake.

use std::collections::BTreeMap;
use std::fmt;
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use toml::de::DeTable;

use crate::model::settings::Settings;
use crate::system;
use context::Context;
use problem::Report;
use table::Table;

mod bind;
mod context;
mod directory;
mod example;
mod keys;
#[cfg(test)]
#[cfg(unix)]
mod manual;
mod notify;
mod outline;
mod problem;
mod resolve;
mod rules;
mod secret;
mod syntax;
mod table;
mod tenant;
#[cfg(test)]
#[cfg(unix)]
mod tests;
mod values;
mod watch;

pub use example::example;
pub use outline::outline;
pub use problem::{ConfigError, Problem};

/// No configuration is longer, in bytes.
const LIMIT: u64 = 1024 * 1024;

/// What a configuration may refer to outside of its file. A value, so that nothing but [`Environment::from_process`] looks
/// at the process.
#[derive(Clone, Default)]
pub struct Environment {
    /// Environment variables; any may be a secret.
    pub variables: BTreeMap<String, String>,
    /// Where secrets with names are: `$CREDENTIALS_DIRECTORY`, in which systemd puts what `LoadCredential=` names; on Windows where
    /// `seatsync secret set` keeps them, sealed.
    pub credentials: Option<PathBuf>,
}

impl Environment {
    /// That of this process; variables that are not UTF-8 are left out.
    #[must_use]
    pub fn from_process() -> Self {
        let text = |(name, value): (std::ffi::OsString, std::ffi::OsString)| {
            Some((name.into_string().ok()?, value.into_string().ok()?))
        };
        Self { variables: std::env::vars_os().filter_map(text).collect(), credentials: system::credentials() }
    }
}

impl fmt::Debug for Environment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { variables, credentials } = self;
        f.debug_struct("Environment")
            .field("variables", &format_args!("{} of them", variables.len()))
            .field("credentials", credentials)
            .finish()
    }
}

/// Reads and checks a configuration file, with the secrets it points to.
///
/// # Errors
/// [`ConfigError::Unreadable`] when there is no such file or it may not be read; [`ConfigError::Invalid`] with every
/// problem otherwise.
pub fn load(path: &Path, env: &Environment) -> Result<Settings, ConfigError> {
    let bytes = read(path).map_err(|source| ConfigError::Unreadable { path: path.to_owned(), source })?;
    parse(&bytes, path, env)
}

/// Where the store is, whatever else is wrong with the file; `None` when that cannot be told.
#[must_use]
pub fn store_in(path: &Path) -> Option<PathBuf> {
    let bytes = read(path).ok()?;
    let (report, env, text) = (Report::default(), Environment::default(), String::from_utf8_lossy(&bytes));
    let clean = syntax::clean(&text, &report)?;
    let (entries, _) = DeTable::parse_recoverable(&clean);
    let context = Context { env: &env, directory: directory_of(path), report: &report };
    Table::root(context, &keys::ROOT, entries.get_ref()).path("store")
}

/// Where relative paths start.
fn directory_of(path: &Path) -> &Path {
    path.parent().filter(|path| !path.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

fn read(path: &Path) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    File::open(path)?.take(LIMIT + 1).read_to_end(&mut bytes)?;
    match bytes.len() as u64 > LIMIT {
        true => Err(io::Error::other(format!("it is longer than {LIMIT} bytes"))),
        false => Ok(bytes),
    }
}

/// Checks the bytes of a file that stands at `path`.
fn parse(bytes: &[u8], path: &Path, env: &Environment) -> Result<Settings, ConfigError> {
    let report = Report::default();
    let text = String::from_utf8_lossy(bytes);
    if let Err(error) = std::str::from_utf8(bytes) {
        let at = error.valid_up_to();
        report.add_syntax(at..at + 1, "this is not UTF-8 text", Some("save the file as UTF-8".into()));
    }
    let directory = directory_of(path);
    let settings = syntax::clean(&text, &report).and_then(|clean| {
        let (entries, _) = DeTable::parse_recoverable(&clean);
        resolve::settings(&Table::root(Context { env, directory, report: &report }, &keys::ROOT, entries.get_ref()))
    });
    match settings {
        Some(settings) if report.is_empty() => Ok(settings),
        _ => Err(ConfigError::Invalid { path: path.to_owned(), problems: report.finish(path, &text) }),
    }
}

/// SHA-256 in lower-case hex.
fn sha256_hex(text: &str) -> String {
    let digest = ring::digest::digest(&ring::digest::SHA256, text.as_bytes());
    digest.as_ref().iter().map(|byte| format!("{byte:02x}")).collect()
}
