//! Unix: modes, `statfs(2)`, systemd's credentials.

use std::ffi::OsString;
use std::fs::{DirBuilder, File, Metadata, OpenOptions, Permissions};
use std::io;
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use socket2::SockRef;

use super::{Machine, Padding, Shared};

pub(super) const STORE: &str = "\"/var/lib/seatsync/seatsync.db\"";

pub(super) const KEY_TABLES: bool = true;

pub(super) const CERTIFICATE_STORE: bool = false;

pub(super) const CREDENTIALS_HINT: &str =
    "systemd sets it for a unit with LoadCredential=; to check by hand: CREDENTIALS_DIRECTORY=… seatsync config check";

/// For a file that is its owner's alone.
const PRIVATE: u32 = 0o600;

pub(super) fn config_file() -> PathBuf {
    "/etc/seatsync/seatsync.toml".into()
}

pub(super) fn credentials() -> Option<PathBuf> {
    std::env::var_os("CREDENTIALS_DIRECTORY").filter(|path| !path.is_empty()).map(PathBuf::from)
}

pub(super) fn prepare_home(_service: &str) -> io::Result<PathBuf> {
    Err(io::ErrorKind::Unsupported.into())
}

/// Standard error is read by whoever runs the program.
pub(super) fn log_directory() -> Option<PathBuf> {
    None
}

pub(super) fn arc_keys() -> PathBuf {
    "/var/opt/azcmagent/tokens".into()
}

pub(super) fn seal(_secret: &[u8]) -> io::Result<Vec<u8>> {
    Err(io::ErrorKind::Unsupported.into())
}

#[expect(clippy::unnecessary_wraps, reason = "other systems seal")]
pub(super) fn unseal(sealed: Vec<u8>) -> io::Result<Vec<u8>> {
    Ok(sealed)
}

/// There is none.
pub(super) enum StoredCertificate {}

impl StoredCertificate {
    pub fn der(&self) -> &[u8] {
        match *self {}
    }

    pub fn sign(&self, _digest: &[u8; 32], _padding: Padding) -> io::Result<Vec<u8>> {
        match *self {}
    }
}

pub(super) fn stored_certificate(_thumbprint: &[u8; 20]) -> io::Result<StoredCertificate> {
    Err(io::ErrorKind::Unsupported.into())
}

pub(super) fn open(path: &Path) -> io::Result<File> {
    // A named pipe would otherwise block here for good.
    let flags = rustix::fs::OFlags::NONBLOCK.bits();
    OpenOptions::new().read(true).custom_flags(flags.cast_signed()).open(path)
}

/// Judges the file that was opened, not what may stand at its path by now.
pub(super) fn refuse_shared(path: &Path, _file: &File, facts: &Metadata) -> Result<(), Shared> {
    let (shown, us) = (path.display(), rustix::process::geteuid());
    if facts.mode() & 0o077 != 0 {
        return Err(Shared {
            what: format!("which others than its owner can use (mode {:03o})", facts.mode() & 0o777),
            hint: format!("chmod 600 {shown}, and change the secret if others may have read it"),
        });
    }
    if facts.uid() != us.as_raw() && facts.uid() != 0 && !us.is_root() {
        return Err(Shared {
            what: format!("which belongs to another user (uid {})", facts.uid()),
            hint: format!("chown {} {shown}", us.as_raw()),
        });
    }
    Ok(())
}

pub(super) fn create_private(path: &Path) -> io::Result<File> {
    OpenOptions::new().write(true).create_new(true).mode(PRIVATE).open(path)
}

pub(super) fn open_own(path: &Path) -> io::Result<File> {
    let file = OpenOptions::new().write(true).create(true).truncate(false).mode(PRIVATE).open(path)?;
    file.set_permissions(Permissions::from_mode(PRIVATE))?;
    Ok(file)
}

pub(super) fn create_private_directory(path: &Path) -> io::Result<()> {
    DirBuilder::new().mode(0o700).create(path)
}

pub(super) fn sync_directory(path: &Path) -> io::Result<()> {
    File::open(path)?.sync_all()
}

pub(super) fn room(path: &Path) -> io::Result<u64> {
    let found = rustix::fs::statvfs(path)?;
    Ok(found.f_bavail.saturating_mul(found.f_frsize))
}

/// `f_type` of statfs(2) for filesystems that live on another machine.
#[cfg(target_os = "linux")]
const NETWORK: [(i64, &str); 9] = [
    (0x6969, "NFS"),
    (0x517B, "SMB"),
    (0xFF53_4D42, "CIFS"),
    (0xFE53_4D42, "SMB2"),
    (0x0102_1997, "9P"),
    (0x00C3_6400, "Ceph"),
    (0x5346_414F, "AFS"),
    (0x0BD0_0BD0, "Lustre"),
    (0x0161_1970, "GFS2"),
];

#[cfg(target_os = "linux")]
pub(super) fn network(directory: &Path) -> io::Result<Option<&'static str>> {
    let stat = rustix::fs::statfs(directory)?;
    #[allow(clippy::useless_conversion, reason = "the type of f_type differs between architectures")]
    let found = i64::from(stat.f_type) & 0xFFFF_FFFF;
    Ok(NETWORK.iter().find(|(kind, _)| *kind == found).map(|(_, kind)| *kind))
}

#[cfg(not(target_os = "linux"))]
pub(super) fn network(_directory: &Path) -> io::Result<Option<&'static str>> {
    Ok(None)
}

pub(super) fn user() -> String {
    let uid = rustix::process::getuid().as_raw();
    match std::env::var("SUDO_USER").or_else(|_| std::env::var("USER")) {
        Ok(name) if !name.is_empty() => format!("{name} (uid {uid})"),
        _ => format!("uid {uid}"),
    }
}

pub(super) fn machine() -> Machine {
    let found = rustix::system::uname();
    let text = |text: &std::ffi::CStr| text.to_string_lossy().into_owned();
    Machine { name: text(found.sysname()), release: text(found.release()), machine: text(found.machine()) }
}

#[cfg(target_os = "linux")]
pub(super) fn limit_unanswered(socket: &SockRef<'_>, time: Duration) -> io::Result<()> {
    socket.set_tcp_user_timeout(Some(time))
}

#[cfg(not(target_os = "linux"))]
pub(super) fn limit_unanswered(_socket: &SockRef<'_>, _time: Duration) -> io::Result<()> {
    Ok(())
}

pub(super) fn start_anew(environment: &[(&str, OsString)]) -> io::Error {
    let mut arguments = std::env::args_os();
    let name = arguments.next().unwrap_or_else(|| "seatsync".into());
    let environment = environment.iter().map(|(name, value)| (name, value));
    match std::env::current_exe() {
        // It returns only when it failed.
        Ok(program) => std::process::Command::new(program).arg0(name).args(arguments).envs(environment).exec(),
        Err(error) => error,
    }
}
