//! Access lists (MS-DTYP 2.4): who may use a file or directory, said in SDDL.

use std::fs::File;
use std::io;
use std::os::windows::io::AsRawHandle as _;
use std::path::Path;
use std::ptr::null_mut;

use windows_sys::Win32::Foundation::{CloseHandle, ERROR_SUCCESS, GENERIC_ALL, GENERIC_READ, HANDLE, LocalFree};
use windows_sys::Win32::Security::Authorization::{
    ConvertSidToStringSidW, ConvertStringSecurityDescriptorToSecurityDescriptorW, GetSecurityInfo, SDDL_REVISION_1,
    SE_FILE_OBJECT,
};
use windows_sys::Win32::Security::{
    ACCESS_ALLOWED_ACE, ACE_HEADER, ACL, DACL_SECURITY_INFORMATION, GetAce, GetTokenInformation, IsWellKnownSid,
    OWNER_SECURITY_INFORMATION, PROTECTED_DACL_SECURITY_INFORMATION, PSECURITY_DESCRIPTOR, PSID, SetFileSecurityW,
    TOKEN_QUERY, TOKEN_USER, TokenUser, WELL_KNOWN_SID_TYPE, WinAnonymousSid, WinAuthenticatedUserSid,
    WinBuiltinGuestsSid, WinBuiltinUsersSid, WinInteractiveSid, WinNetworkSid, WinWorldSid,
};
use windows_sys::Win32::Storage::FileSystem::FILE_READ_DATA;
use windows_sys::Win32::System::Threading::{GetCurrentProcess, OpenProcessToken};

use super::{succeeded, text_at, wide};

/// Whom an access list may name who is nobody in particular.
const CROWDS: [(WELL_KNOWN_SID_TYPE, &str); 7] = [
    (WinWorldSid, "Everyone"),
    (WinAuthenticatedUserSid, "Authenticated Users"),
    (WinBuiltinUsersSid, "Users"),
    (WinBuiltinGuestsSid, "Guests"),
    (WinInteractiveSid, "INTERACTIVE"),
    (WinNetworkSid, "NETWORK"),
    (WinAnonymousSid, "ANONYMOUS LOGON"),
];

/// `ACCESS_ALLOWED_ACE_TYPE`.
const ALLOWED: u8 = 0;

/// `INHERIT_ONLY_ACE`: for what is made below, not for the object itself.
const INHERIT_ONLY: u8 = 8;

/// What of an access list goes on to what is made below.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Inherit {
    Nothing,
    All,
}

/// Leaves a file or directory to whoever runs this, SYSTEM and administrators, whatever its directory grants.
pub(super) fn seal(path: &Path, inherit: Inherit) -> io::Result<()> {
    let flags = if inherit == Inherit::All { "OICI" } else { "" };
    let grants = ["SY", "BA", &our_sid()?].map(|who| format!("(A;{flags};FA;;;{who})")).concat();
    apply(path, &format!("D:P{grants}"))
}

/// Puts this list, in SDDL, in place of that of a file or directory; and this owner, if it names one.
pub(in crate::system) fn apply(path: &Path, sddl: &str) -> io::Result<()> {
    let (text, path) = (wide(sddl.as_ref()), wide(path.as_os_str()));
    let mut descriptor: PSECURITY_DESCRIPTOR = null_mut();
    // SAFETY: the text ends in zero; what is allocated is given back below.
    succeeded(unsafe {
        ConvertStringSecurityDescriptorToSecurityDescriptorW(
            text.as_ptr(),
            SDDL_REVISION_1,
            &raw mut descriptor,
            null_mut(),
        )
    })?;
    let owner = if sddl.starts_with("O:") { OWNER_SECURITY_INFORMATION } else { 0 };
    let what = DACL_SECURITY_INFORMATION | PROTECTED_DACL_SECURITY_INFORMATION | owner;
    // SAFETY: the path ends in zero, and the descriptor is the one that was just made.
    let done = succeeded(unsafe { SetFileSecurityW(path.as_ptr(), what, descriptor) });
    // SAFETY: made by the call above, used no more.
    unsafe { LocalFree(descriptor) };
    done
}

/// Who, of those that are nobody in particular, can read a file.
pub(super) fn others(file: &File) -> io::Result<Option<&'static str>> {
    let (mut list, mut descriptor): (*mut ACL, PSECURITY_DESCRIPTOR) = (null_mut(), null_mut());
    // SAFETY: the handle is open as long as `file` lives; `list` points into the descriptor, which is given back below.
    let answer = unsafe {
        GetSecurityInfo(
            file.as_raw_handle(),
            SE_FILE_OBJECT,
            DACL_SECURITY_INFORMATION,
            null_mut(),
            null_mut(),
            &raw mut list,
            null_mut(),
            &raw mut descriptor,
        )
    };
    if answer != ERROR_SUCCESS {
        return Err(io::Error::from_raw_os_error(answer.cast_signed()));
    }
    // No list at all lets everybody in.
    let found = if list.is_null() { Some("everybody, for want of an access list,") } else { crowd(list) };
    // SAFETY: allocated by the call above, used no more.
    unsafe { LocalFree(descriptor) };
    Ok(found)
}

fn crowd(list: *const ACL) -> Option<&'static str> {
    // SAFETY: the system made the list, so its header is whole.
    let entries = unsafe { (*list).AceCount };
    (0..u32::from(entries)).find_map(|index| {
        let mut entry = null_mut();
        // SAFETY: the index is below the count of the list.
        if unsafe { GetAce(list, index, &raw mut entry) } == 0 {
            return None;
        }
        // SAFETY: each entry begins with this header.
        let header = unsafe { &*entry.cast::<ACE_HEADER>() };
        if header.AceType != ALLOWED || header.AceFlags & INHERIT_ONLY != 0 {
            return None;
        }
        let allowed = entry.cast::<ACCESS_ALLOWED_ACE>();
        // SAFETY: an entry of this type is laid out so, with the SID from `SidStart` on.
        let (mask, sid) = unsafe { ((*allowed).Mask, (&raw mut (*allowed).SidStart).cast::<core::ffi::c_void>()) };
        if mask & (FILE_READ_DATA | GENERIC_READ | GENERIC_ALL) == 0 {
            return None;
        }
        // SAFETY: the SID lies in the list, which outlives this.
        CROWDS.iter().find(|(kind, _)| unsafe { IsWellKnownSid(sid, *kind) } != 0).map(|(_, name)| *name)
    })
}

/// The SID of whoever runs this, such as `S-1-5-18`.
pub(super) fn our_sid() -> io::Result<String> {
    let token = Token::of_process()?;
    // A SID is at most 68 bytes long; u64 for its alignment.
    let (mut user, mut length) = ([0_u64; 16], 0);
    // SAFETY: the buffer is as long as is said.
    succeeded(unsafe {
        GetTokenInformation(token.0, TokenUser, user.as_mut_ptr().cast(), size_of_val(&user) as u32, &raw mut length)
    })?;
    // SAFETY: the call filled it with a TOKEN_USER, whose SID lies in the same buffer.
    text_of(unsafe { (*user.as_ptr().cast::<TOKEN_USER>()).User.Sid })
}

fn text_of(sid: PSID) -> io::Result<String> {
    let mut text = null_mut();
    // SAFETY: callers pass a valid SID; what is allocated is given back below.
    succeeded(unsafe { ConvertSidToStringSidW(sid, &raw mut text) })?;
    // SAFETY: a call that succeeded wrote a text that ends in zero.
    let found = unsafe { text_at(text) }.to_string_lossy().into_owned();
    // SAFETY: allocated by the call above, used no more.
    unsafe { LocalFree(text.cast()) };
    Ok(found)
}

struct Token(HANDLE);

impl Token {
    fn of_process() -> io::Result<Self> {
        let mut token = null_mut();
        // SAFETY: the pseudo handle of the process needs no closing; the token is closed on drop.
        succeeded(unsafe { OpenProcessToken(GetCurrentProcess(), TOKEN_QUERY, &raw mut token) })?;
        Ok(Self(token))
    }
}

impl Drop for Token {
    fn drop(&mut self) {
        // SAFETY: opened by `of_process`, closed once.
        unsafe { CloseHandle(self.0) };
    }
}
