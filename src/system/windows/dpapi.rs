//! DPAPI with the machine's key: an administrator seals what the service's account opens. That every account of the machine could
//! is why the file's access list matters as well ("CryptProtectData", `CRYPTPROTECT_LOCAL_MACHINE`).

use std::io;
use std::ptr::{null, null_mut};

use windows_sys::Win32::Foundation::LocalFree;
use windows_sys::Win32::Security::Cryptography::{
    CRYPT_INTEGER_BLOB, CRYPTPROTECT_LOCAL_MACHINE, CRYPTPROTECT_UI_FORBIDDEN, CryptProtectData, CryptUnprotectData,
};

use super::succeeded;

pub(in crate::system) fn seal(secret: &[u8]) -> io::Result<Vec<u8>> {
    let (given, mut sealed) = (blob(secret)?, CRYPT_INTEGER_BLOB::default());
    let flags = CRYPTPROTECT_LOCAL_MACHINE | CRYPTPROTECT_UI_FORBIDDEN;
    // SAFETY: both blobs outlive the call, and the given one is not written to.
    succeeded(unsafe { CryptProtectData(&raw const given, null(), null(), null(), null(), flags, &raw mut sealed) })?;
    Ok(take(sealed))
}

pub(in crate::system) fn unseal(sealed: Vec<u8>) -> io::Result<Vec<u8>> {
    let (given, mut secret) = (blob(&sealed)?, CRYPT_INTEGER_BLOB::default());
    let flags = CRYPTPROTECT_UI_FORBIDDEN;
    // SAFETY: both blobs outlive the call, and the given one is not written to.
    succeeded(unsafe {
        CryptUnprotectData(&raw const given, null_mut(), null(), null(), null(), flags, &raw mut secret)
    })?;
    Ok(take(secret))
}

fn blob(bytes: &[u8]) -> io::Result<CRYPT_INTEGER_BLOB> {
    let length = u32::try_from(bytes.len()).map_err(io::Error::other)?;
    Ok(CRYPT_INTEGER_BLOB { cbData: length, pbData: bytes.as_ptr().cast_mut() })
}

/// Copies what the system allocated, wipes it and gives it back.
fn take(found: CRYPT_INTEGER_BLOB) -> Vec<u8> {
    if found.pbData.is_null() {
        return Vec::new();
    }
    // SAFETY: a call that succeeded allocated this many bytes, which nobody else knows of.
    let bytes = unsafe { std::slice::from_raw_parts_mut(found.pbData, found.cbData as usize) };
    let copy = bytes.to_vec();
    bytes.fill(0);
    // SAFETY: it was allocated with LocalAlloc, as the API's page says, and is not used after this.
    unsafe { LocalFree(found.pbData.cast()) };
    copy
}
