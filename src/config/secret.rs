//! Secrets: from a file only its owner can read, an environment variable, or systemd's credentials directory.

use std::ffi::OsStr;
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use secrecy::SecretString;

use super::context::Context;
use super::table::Table;
use super::values::Wrong;
use crate::model::secret::SecretSource;
use crate::system;

/// No password or client secret is longer, in bytes.
const LIMIT: u64 = 64 * 1024;

/// Reads the secret a key points to. What is wrong goes to the report, without the secret.
pub(super) fn read(parent: &Table<'_>, name: &str) -> Option<SecretString> {
    if !parent.has(name) {
        parent.table(name)?;
        return None;
    }
    let table = parent.table(name)?;
    let given: Vec<&str> = ["file", "env", "credential"].into_iter().filter(|source| table.has(source)).collect();
    let [source] = given[..] else {
        let what = format!("\"{name}\" must have exactly one of \"file\", \"env\" and \"credential\"");
        parent.wrong(name, what, "for example: { file = \"bind-password\" }");
        return None;
    };
    let context = table.context;
    let secret = match source {
        "file" => table.parse(source, |path| from_file(context, path)),
        "env" => {
            // A name that is none may be the secret itself.
            let name = table.text(source)?;
            if !is_variable(name.get_ref()) {
                context.report.mask(name.span());
            }
            table.parse(source, |name| from_variable(context, name))
        }
        _ => table.parse(source, |name| from_credential(context, name)),
    };
    secret.map(toml::Spanned::into_inner)
}

/// The same, to be read again whenever it is needed. It is read once here, so that what is wrong is said at once.
pub(super) fn source(parent: &Table<'_>, name: &str) -> Option<SecretSource> {
    let value = read(parent, name)?;
    let table = parent.table(name)?;
    let context = table.context;
    let place = |source| table.has(source).then(|| table.text(source)).flatten().map(toml::Spanned::into_inner);
    Some(match (place("file"), place("credential"), &context.env.credentials) {
        (Some(path), ..) => {
            let path = context.directory.join(path);
            let private = !is_guarded(context, &path);
            SecretSource::new(move || read_file(&path, private).map_err(|wrong| wrong.what))
        }
        (None, Some(name), Some(directory)) => {
            let path = directory.join(name);
            SecretSource::new(move || read_credential(&path).map_err(|wrong| wrong.what))
        }
        _ => SecretSource::new(move || Ok(value.clone())),
    })
}

fn is_variable(name: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
}

fn from_variable(context: Context<'_>, name: &str) -> Result<SecretString, Wrong> {
    if !is_variable(name) {
        return Err(Wrong::new("is not the name of an environment variable").hint("such as BIND_PASSWORD"));
    }
    match context.env.variables.get(name) {
        Some(value) => checked(value.clone(), &format!("the environment variable {name}")),
        None => Err(Wrong::new(format!("names the environment variable {name}, which is not set"))
            .hint("set it for the service, or use { credential = \"…\" }")),
    }
}

fn from_credential(context: Context<'_>, name: &str) -> Result<SecretString, Wrong> {
    let Some(directory) = &context.env.credentials else {
        return Err(Wrong::new("needs $CREDENTIALS_DIRECTORY, which is not set").hint(system::CREDENTIALS_HINT));
    };
    if Path::new(name).file_name() != Some(OsStr::new(name)) {
        return Err(Wrong::new("is not the name of a credential").hint("a name without slashes, as in LoadCredential="));
    }
    read_credential(&directory.join(name))
}

/// The path of a file with a private key, which is read when it is needed and judged as a secret's file is.
pub(super) fn path(table: &Table<'_>, name: &str) -> Option<PathBuf> {
    let context = table.context;
    let path = table.parse(name, |path| {
        let path = context.directory.join(path);
        open_file(&path, !is_guarded(context, &path))?;
        Ok(path)
    });
    path.map(toml::Spanned::into_inner)
}

fn from_file(context: Context<'_>, path: &str) -> Result<SecretString, Wrong> {
    let path = context.directory.join(path);
    read_file(&path, !is_guarded(context, &path))
}

/// Whether systemd guards the file's directory itself: modes in there depend on how.
fn is_guarded(context: Context<'_>, path: &Path) -> bool {
    let inside = |directory: &PathBuf| {
        let (path, directory) = (path.canonicalize().ok(), directory.canonicalize().ok());
        path.zip(directory).is_some_and(|(path, directory)| path.starts_with(directory))
    };
    context.env.credentials.as_ref().is_some_and(inside)
}

fn unreadable(path: &Path, error: &std::io::Error) -> Wrong {
    Wrong::new(format!("cannot be read: {}: {error}", path.display()))
        .hint("relative paths start at the configuration's directory")
}

/// Opens a regular file of a secret's size; a private one is nobody else's.
fn open_file(path: &Path, private: bool) -> Result<(File, std::fs::Metadata), Wrong> {
    let shown = path.display();
    let failed = |error: std::io::Error| unreadable(path, &error);
    let file = system::open(path).map_err(failed)?;
    let facts = file.metadata().map_err(failed)?;
    if !facts.is_file() {
        return Err(Wrong::new(format!("names {shown}, which is not a regular file")));
    }
    if private {
        system::refuse_shared(path, &file, &facts)
            .map_err(|shared| Wrong::new(format!("names {shown}, {}", shared.what)).hint(shared.hint))?;
    }
    if facts.len() > LIMIT {
        return Err(Wrong::new(format!("names {shown}, which is longer than {LIMIT} bytes")));
    }
    Ok((file, facts))
}

fn read_file(path: &Path, private: bool) -> Result<SecretString, Wrong> {
    text_of(path, read_bytes(path, private)?)
}

/// One with a name may be sealed; who can read it is the business of whoever put it there.
fn read_credential(path: &Path) -> Result<SecretString, Wrong> {
    let bytes = system::unseal(read_bytes(path, false)?).map_err(|error| {
        Wrong::new(format!("cannot be opened: {}: {error}", path.display())).hint(system::CREDENTIALS_HINT)
    })?;
    text_of(path, bytes)
}

fn read_bytes(path: &Path, private: bool) -> Result<Vec<u8>, Wrong> {
    let (file, facts) = open_file(path, private)?;
    let mut bytes = Vec::with_capacity(usize::try_from(facts.len()).unwrap_or_default() + 1);
    file.take(LIMIT + 1).read_to_end(&mut bytes).map_err(|error| unreadable(path, &error))?;
    if bytes.len() as u64 > LIMIT {
        return Err(Wrong::new(format!("names {}, which is longer than {LIMIT} bytes", path.display())));
    }
    Ok(bytes)
}

fn text_of(path: &Path, bytes: Vec<u8>) -> Result<SecretString, Wrong> {
    let shown = path.display();
    let text = String::from_utf8(bytes).map_err(|_| {
        Wrong::new(format!("names {shown}, which is not UTF-8 text")).hint("write the secret as plain text")
    })?;
    checked(text, &shown.to_string())
}

/// Without the line break an editor leaves; empty is refused: a bind with an empty password is an anonymous one.
fn checked(mut text: String, place: &str) -> Result<SecretString, Wrong> {
    let length = text.strip_suffix("\r\n").or_else(|| text.strip_suffix('\n')).unwrap_or(&text).len();
    text.truncate(length);
    match text.as_str() {
        "" => Err(Wrong::new(format!("points to an empty secret: {place}")).hint("put the secret there")),
        _ if text.contains('\0') => Err(Wrong::new(format!("points to a secret with a zero byte: {place}"))),
        _ => Ok(SecretString::from(text)),
    }
}
