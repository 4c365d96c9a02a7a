//! `seatsync secret`

use std::io::{IsTerminal as _, Read as _, Write as _};
use std::path::{Path, PathBuf};

use secrecy::zeroize::Zeroizing;

use super::{Failure, Unmet, output};
use crate::model::fault::exit;
use crate::service::{NAME, ServiceError};
use crate::system;

/// What `secret` does.
#[derive(Debug, clap::Subcommand)]
pub(super) enum Command {
    /// Keep a secret, sealed for this machine: { credential = "NAME" } in the configuration points to it.
    #[command(after_help = super::examples::SECRET_SET)]
    Set {
        /// Its name: letters, digits, "-", "_" and ".".
        name: String,
    },
    /// List the names of the secrets.
    List,
    /// Remove a secret.
    Remove {
        /// Its name.
        name: String,
    },
}

/// No secret is longer, in bytes: sealed it has to fit into what the configuration's reader takes.
const LIMIT: usize = 32 * 1024;

/// Keeps, lists or removes secrets.
pub(super) fn run(command: Command) -> Result<(), Failure> {
    let directory = system::prepare_home(NAME).map_err(unprepared)?.join("secrets");
    match command {
        Command::Set { name } => set(&named(&directory, &name)?, &name),
        Command::List => list(&directory),
        Command::Remove { name } => {
            let path = named(&directory, &name)?;
            match std::fs::remove_file(&path) {
                Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                    Err(Unmet::not_found(format!("there is no secret {name}"), "See `seatsync secret list`.").into())
                }
                removed => {
                    removed.map_err(|error| unusable(&path, &error))?;
                    output::line(&format!("{name}: removed"));
                    Ok(())
                }
            }
        }
    }
}

fn set(path: &Path, name: &str) -> Result<(), Failure> {
    let secret = ask(name)?;
    if secret.is_empty() {
        return Err(Unmet::usage("the secret is empty", "Type it, or give it on standard input.").into());
    }
    let sealed = system::seal(&secret).map_err(|error| unusable(path, &error))?;
    // A reader finds the old one or the new one, and never half of one.
    let partial = path.with_file_name(format!(".{name}.{}", std::process::id()));
    let written = std::fs::write(&partial, sealed).and_then(|()| std::fs::rename(&partial, path));
    written.map_err(|error| {
        let _ = std::fs::remove_file(&partial);
        unusable(path, &error)
    })?;
    output::line(&format!("{name}: kept in {}", path.display()));
    Ok(())
}

/// The secret, without the line break after it. What is typed is not shown.
fn ask(name: &str) -> Result<Zeroizing<Vec<u8>>, Failure> {
    let unread = |error: std::io::Error| {
        Failure::from(Unmet::usage(format!("the secret cannot be read: {error}"), "Give it on standard input."))
    };
    let input = std::io::stdin();
    if input.is_terminal() {
        let _ = write!(std::io::stderr(), "{name}: ");
        return Ok(Zeroizing::new(rpassword::read_password().map_err(unread)?.into_bytes()));
    }
    let mut secret = Zeroizing::new(Vec::with_capacity(LIMIT + 1));
    input.lock().take(LIMIT as u64 + 1).read_to_end(&mut secret).map_err(unread)?;
    if secret.len() > LIMIT {
        return Err(Unmet::usage(format!("the secret is longer than {LIMIT} bytes"), "Give the secret alone.").into());
    }
    let length = secret.strip_suffix(b"\r\n").or_else(|| secret.strip_suffix(b"\n")).unwrap_or(&secret).len();
    secret.truncate(length);
    Ok(secret)
}

fn list(directory: &Path) -> Result<(), Failure> {
    let entries = std::fs::read_dir(directory).map_err(|error| unusable(directory, &error))?;
    let mut names: Vec<String> = entries.flatten().filter_map(|entry| entry.file_name().into_string().ok()).collect();
    // What was not finished.
    names.retain(|name| !name.starts_with('.'));
    names.sort();
    names.iter().for_each(|name| output::line(name));
    Ok(())
}

/// The file of a secret; a name must not lead elsewhere.
fn named(directory: &Path, name: &str) -> Result<PathBuf, Failure> {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    if name.is_empty() || name.starts_with('.') || !name.chars().all(plain) {
        let what = format!("\"{name}\" is no name for a secret");
        return Err(Unmet::usage(what, "Use letters, digits, \"-\", \"_\" and \".\".").into());
    }
    Ok(directory.join(name))
}

fn unprepared(error: std::io::Error) -> ServiceError {
    match error.kind() {
        std::io::ErrorKind::Unsupported => ServiceError::Unsupported,
        std::io::ErrorKind::PermissionDenied => ServiceError::Denied { doing: "making the directory of secrets" },
        _ => ServiceError::Failed { doing: "making the directory of secrets", source: error },
    }
}

fn unusable(path: &Path, error: &std::io::Error) -> Failure {
    Unmet {
        what: format!("{}: {error}", path.display()),
        advice: "Run this from an elevated prompt (\"Run as administrator\").",
        code: "secret-unwritable",
        status: exit::CANNOT_CREATE,
    }
    .into()
}
