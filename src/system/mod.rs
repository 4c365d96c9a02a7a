//! What differs between operating systems: where things lie, files that are nobody else's, sealed secrets, the machine's
//! certificates, who asks, how much room there is. All else is written once; hosts and logs, which differ in kind, are `service` and
//! `observe`.

#[cfg(unix)]
mod unix;
#[cfg(windows)]
mod windows;

use std::fs::{File, Metadata};
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use socket2::SockRef;

#[cfg(unix)]
use unix as here;
#[cfg(windows)]
use windows as here;

/// Where the store is unless the configuration says: TOML, in the words of the key `store`.
pub const STORE: &str = here::STORE;

/// Others can read the file of a secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shared {
    /// Who can use it, to be put after the file's name.
    pub what: String,
    /// How to mend that.
    pub hint: String,
}

/// The kernel that is run on. The host's name is no part of it.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Machine {
    /// Such as `Linux`.
    pub name: String,
    /// Its version, where it says one.
    pub release: String,
    /// The processor's architecture.
    pub machine: String,
}

/// Whether Kerberos takes its key from a key table. Elsewhere the system keeps the key of the account that a process runs as.
pub const KEY_TABLES: bool = here::KEY_TABLES;

/// Whether the system keeps certificates for the machine, with keys that programs may use and not see.
pub const CERTIFICATE_STORE: bool = here::CERTIFICATE_STORE;

/// A certificate of the machine's store and its private key, which signs where it is kept. Not `Debug`, as no key is.
pub struct StoredCertificate(here::StoredCertificate);

/// How an RSA signature over a SHA-256 digest is padded (RFC 8017, 8).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Padding {
    /// RSASSA-PSS with a salt of 32 bytes.
    Pss,
    /// RSASSA-PKCS1-v1.5.
    Pkcs1,
}

impl StoredCertificate {
    /// The certificate.
    #[must_use]
    pub fn der(&self) -> &[u8] {
        self.0.der()
    }

    /// Signs a SHA-256 digest. May take as long as the key's provider takes: a TPM some tenths of a second.
    ///
    /// # Errors
    /// When the key may not be used, or cannot sign so; the text says what to do.
    pub fn sign(&self, digest: &[u8; 32], padding: Padding) -> io::Result<Vec<u8>> {
        self.0.sign(digest, padding)
    }
}

/// Looks up a certificate of Windows' store `LocalMachine\My`, and opens its key.
///
/// # Errors
/// [`io::ErrorKind::Unsupported`] on other systems and for keys outside of CNG; when there is no such certificate, it has no key
/// or the key may not be used: the text says what to do.
pub fn stored_certificate(thumbprint: &[u8; 20]) -> io::Result<StoredCertificate> {
    here::stored_certificate(thumbprint).map(StoredCertificate)
}

/// Where the configuration is unless the command line says.
#[must_use]
pub fn config_file() -> PathBuf {
    here::config_file()
}

/// The directory of secrets with names: `$CREDENTIALS_DIRECTORY`, in which systemd puts what `LoadCredential=` names; on Windows
/// where `seatsync secret set` keeps them.
#[must_use]
pub fn credentials() -> Option<PathBuf> {
    here::credentials()
}

/// What to do where [`credentials`] says nothing, or a secret is not there.
pub const CREDENTIALS_HINT: &str = here::CREDENTIALS_HINT;

/// Makes the directories of a Windows service of this name, with access lists of their own: it may read its configuration and
/// secrets and write store and logs, administrators may do all, and nobody else anything. Returns where the configuration lies.
///
/// # Errors
/// [`io::ErrorKind::Unsupported`] where packages make the directories, or when one cannot be made.
pub fn prepare_home(service: &str) -> io::Result<PathBuf> {
    here::prepare_home(service)
}

/// Where log files go when a service manager that reads no standard error runs the program.
#[must_use]
pub fn log_directory() -> Option<PathBuf> {
    here::log_directory()
}

/// Where Azure Arc's agent puts its keys ("Authenticate against Azure resources with Azure Arc-enabled servers").
#[must_use]
pub fn arc_keys() -> PathBuf {
    here::arc_keys()
}

/// Seals a secret, so that it means nothing on another machine: by DPAPI with the machine's key.
///
/// # Errors
/// [`io::ErrorKind::Unsupported`] where systemd's credentials are the place for secrets.
pub fn seal(secret: &[u8]) -> io::Result<Vec<u8>> {
    here::seal(secret)
}

/// What was sealed; on systems that seal nothing, the same bytes.
///
/// # Errors
/// When it was sealed on another machine, or is damaged.
pub fn unseal(sealed: Vec<u8>) -> io::Result<Vec<u8>> {
    here::unseal(sealed)
}

/// Opens a file for reading, and does not wait for whoever may write to it if it is a pipe.
///
/// # Errors
/// As [`File::open`].
pub fn open(path: &Path) -> io::Result<File> {
    here::open(path)
}

/// Judges whether anybody but its owner and administrators can read a file that was opened.
///
/// # Errors
/// Who else can, or that it could not be told.
pub fn refuse_shared(path: &Path, file: &File, facts: &Metadata) -> Result<(), Shared> {
    here::refuse_shared(path, file, facts)
}

/// Makes a new file that only whoever runs this can use, and opens it for writing.
///
/// # Errors
/// When there is such a file, or it cannot be made.
pub fn create_private(path: &Path) -> io::Result<File> {
    here::create_private(path)
}

/// Opens the service's own file for writing, closed to others; makes it if need be, and keeps what is in it. On Windows the
/// access list is that of its directory: the service's account and an administrator take turns with it.
///
/// # Errors
/// When it is another user's, or cannot be made.
pub fn open_own(path: &Path) -> io::Result<File> {
    here::open_own(path)
}

/// Makes a directory that only whoever runs this can use.
///
/// # Errors
/// When it exists, or cannot be made.
pub fn create_private_directory(path: &Path) -> io::Result<()> {
    here::create_private_directory(path)
}

/// Has the names in a directory outlive a loss of power, where that must be asked for.
///
/// # Errors
/// When it cannot be opened, or the disk fails.
pub fn sync_directory(path: &Path) -> io::Result<()> {
    here::sync_directory(path)
}

/// Bytes that are free for us on the disk of this directory or file.
///
/// # Errors
/// When it is not there, or the system does not say.
pub fn room(path: &Path) -> io::Result<u64> {
    here::room(path)
}

/// The kind of filesystem, if this directory lies on another machine.
///
/// # Errors
/// When the system does not say.
pub fn network(directory: &Path) -> io::Result<Option<&'static str>> {
    here::network(directory)
}

/// Who runs this, for the audit: a name, and in brackets what the system knows it by.
#[must_use]
pub fn user() -> String {
    here::user()
}

/// What is run on.
#[must_use]
pub fn machine() -> Machine {
    here::machine()
}

/// Has a connection end when what was sent stays unacknowledged for so long, where that can be said; elsewhere keepalives find it.
///
/// # Errors
/// When the socket is none.
pub fn limit_unanswered(socket: &SockRef<'_>, time: Duration) -> io::Result<()> {
    here::limit_unanswered(socket, time)
}

/// Starts this program anew in the same process, with the same arguments and these environment variables too. Returns only if it
/// failed.
#[must_use]
pub fn start_anew(environment: &[(&str, std::ffi::OsString)]) -> io::Error {
    here::start_anew(environment)
}
