//! Windows: `%ProgramData%`, access lists, DPAPI, the machine's certificates.
#![expect(unsafe_code, reason = "the Win32 API is C; each block says why it is sound")]

pub(super) mod access;
mod certificate;
mod dpapi;
mod home;

use std::ffi::OsString;
use std::fs::{DirBuilder, File, Metadata, OpenOptions};
use std::io;
use std::os::windows::ffi::{OsStrExt as _, OsStringExt as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

use socket2::SockRef;
use windows_sys::Win32::Storage::FileSystem::{GetDiskFreeSpaceExW, GetDriveTypeW, GetVolumePathNameW};
use windows_sys::Win32::System::Com::CoTaskMemFree;
use windows_sys::Win32::UI::Shell::{FOLDERID_ProgramData, SHGetKnownFolderPath};

use super::{Machine, Shared};

pub(super) use certificate::{StoredCertificate, stored_certificate};
pub(super) use dpapi::{seal, unseal};
pub(super) use home::{home, prepare_home};

/// Beside the configuration, which `service install` puts into a directory of the service's own.
pub(super) const STORE: &str = "\"state/seatsync.db\"";

pub(super) const KEY_TABLES: bool = false;

pub(super) const CERTIFICATE_STORE: bool = true;

pub(super) const CREDENTIALS_HINT: &str = "keep it with: seatsync secret set NAME";

/// `DRIVE_REMOTE` of `GetDriveTypeW`.
const REMOTE: u32 = 4;

/// A path is at most this many units long, with the prefix for long ones.
const LONGEST: usize = 32_768;

/// `%ProgramData%`, as the system has it and not as the environment says: a service may have another one than whoever installed it.
fn program_data() -> PathBuf {
    let mut found = std::ptr::null_mut();
    // SAFETY: the folder's id is a constant, no token means whoever runs this, and what is allocated is given back below.
    let done = unsafe { SHGetKnownFolderPath(&FOLDERID_ProgramData, 0, std::ptr::null_mut(), &raw mut found) };
    let path = (done == 0 && !found.is_null()).then(|| {
        // SAFETY: a call that succeeded wrote a text that ends in zero.
        unsafe { text_at(found) }
    });
    // SAFETY: allocated by the call above, whether or not it succeeded, and used no more.
    unsafe { CoTaskMemFree(found.cast()) };
    path.unwrap_or_else(|| "C:\\ProgramData".into()).into()
}

pub(super) fn config_file() -> PathBuf {
    home().join("seatsync.toml")
}

#[expect(clippy::unnecessary_wraps, reason = "other systems have none")]
pub(super) fn credentials() -> Option<PathBuf> {
    Some(home().join("secrets"))
}

#[expect(clippy::unnecessary_wraps, reason = "other systems have none")]
pub(super) fn log_directory() -> Option<PathBuf> {
    Some(home().join("log"))
}

pub(super) fn arc_keys() -> PathBuf {
    program_data().join("AzureConnectedMachineAgent").join("Tokens")
}

pub(super) fn open(path: &Path) -> io::Result<File> {
    File::open(path)
}

pub(super) fn refuse_shared(path: &Path, file: &File, _facts: &Metadata) -> Result<(), Shared> {
    let hint = format!(
        "icacls \"{}\" /inheritance:r /grant:r SYSTEM:F Administrators:F \"NT SERVICE\\seatsync:R\"",
        path.display()
    );
    match access::others(file) {
        Ok(None) => Ok(()),
        Ok(Some(who)) => Err(Shared { what: format!("which {who} can read"), hint }),
        Err(error) => Err(Shared { what: format!("whose access list cannot be read: {error}"), hint }),
    }
}

pub(super) fn create_private(path: &Path) -> io::Result<File> {
    // Sealed before anything is in it.
    let file = OpenOptions::new().write(true).create_new(true).open(path)?;
    access::seal(path, access::Inherit::Nothing)?;
    Ok(file)
}

pub(super) fn open_own(path: &Path) -> io::Result<File> {
    OpenOptions::new().write(true).create(true).truncate(false).open(path)
}

pub(super) fn create_private_directory(path: &Path) -> io::Result<()> {
    DirBuilder::new().create(path)?;
    access::seal(path, access::Inherit::All)
}

/// NTFS keeps its own journal of names.
#[expect(clippy::unnecessary_wraps, reason = "other systems must be asked")]
pub(super) fn sync_directory(_path: &Path) -> io::Result<()> {
    Ok(())
}

pub(super) fn room(path: &Path) -> io::Result<u64> {
    let (path, mut free) = (wide(path.as_os_str()), 0_u64);
    // SAFETY: the path ends in zero, and `free` outlives the call.
    let done = unsafe { GetDiskFreeSpaceExW(path.as_ptr(), &raw mut free, std::ptr::null_mut(), std::ptr::null_mut()) };
    succeeded(done)?;
    Ok(free)
}

pub(super) fn network(directory: &Path) -> io::Result<Option<&'static str>> {
    let path = wide(std::path::absolute(directory)?.as_os_str());
    let mut root = vec![0_u16; LONGEST];
    // SAFETY: the path ends in zero, and the buffer is as long as is said.
    succeeded(unsafe { GetVolumePathNameW(path.as_ptr(), root.as_mut_ptr(), LONGEST as u32) })?;
    // SAFETY: what the call before wrote ends in zero.
    let kind = unsafe { GetDriveTypeW(root.as_ptr()) };
    Ok((kind == REMOTE).then_some("a network share"))
}

pub(super) fn user() -> String {
    let name = std::env::var("USERNAME").unwrap_or_default();
    match access::our_sid() {
        Ok(sid) => format!("{name} ({sid})"),
        Err(_) => name,
    }
}

pub(super) fn machine() -> Machine {
    let version = windows_registry::LOCAL_MACHINE.open("SOFTWARE\\Microsoft\\Windows NT\\CurrentVersion");
    let text = |name| version.as_ref().ok()?.get_string(name).ok();
    let release = ["ProductName", "CurrentBuildNumber"].into_iter().filter_map(text).collect::<Vec<_>>().join(" ");
    Machine { name: std::env::consts::OS.to_owned(), release, machine: std::env::consts::ARCH.to_owned() }
}

/// Windows gives up by itself after some retransmissions (`TCPMaxDataRetransmissions`, about twenty seconds).
#[expect(clippy::unnecessary_wraps, reason = "other systems must be told")]
pub(super) fn limit_unanswered(_socket: &SockRef<'_>, _time: Duration) -> io::Result<()> {
    Ok(())
}

/// The service signs in as itself: no environment is needed.
pub(super) fn start_anew(_environment: &[(&str, OsString)]) -> io::Error {
    io::ErrorKind::Unsupported.into()
}

/// As the Win32 API takes text: UTF-16 with a zero at the end.
pub(super) fn wide(text: &std::ffi::OsStr) -> Vec<u16> {
    text.encode_wide().chain([0]).collect()
}

/// Text of the Win32 API.
///
/// # Safety
/// The text must be there, and end in zero.
unsafe fn text_at(text: *const u16) -> OsString {
    // SAFETY: it is read up to the zero at its end.
    unsafe {
        let length = (0..).take_while(|at| *text.add(*at) != 0).count();
        OsString::from_wide(std::slice::from_raw_parts(text, length))
    }
}

/// Calls answer zero when they fail, and say why on the side.
fn succeeded(answer: i32) -> io::Result<()> {
    if answer == 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
}
