//! The service's own directories, and who may use them.

use std::io;
use std::path::PathBuf;

use ring::digest::{SHA1_FOR_LEGACY_USE_ONLY, digest};

use super::{access, program_data};

/// Rights in SDDL: to read and run; to read, write, make and delete.
const READ: &str = "0x1200a9";
const MODIFY: &str = "0x1301bf";

/// `%ProgramData%\seatsync`.
pub(in crate::system) fn home() -> PathBuf {
    program_data().join("seatsync")
}

pub(in crate::system) fn prepare_home(service: &str) -> io::Result<PathBuf> {
    let (home, sid) = (home(), service_sid(service));
    for (below, rights) in [("", READ), ("secrets", READ), ("state", MODIFY), ("log", MODIFY)] {
        let directory = home.join(below);
        std::fs::create_dir_all(&directory)?;
        // Anybody may make directories in %ProgramData%, and the owner of one may change its list.
        access::apply(&directory, &format!("O:BAD:P(A;OICI;FA;;;SY)(A;OICI;FA;;;BA)(A;OICI;{rights};;;{sid})"))?;
    }
    Ok(home)
}

/// The SID of a service, which its process has whatever account it runs as: SHA-1 over its name in upper case and UTF-16, as five
/// numbers (MS-DTYP 2.4.2.4, `NT SERVICE`).
fn service_sid(service: &str) -> String {
    let name: Vec<u8> = service.to_uppercase().encode_utf16().flat_map(u16::to_le_bytes).collect();
    let digest = digest(&SHA1_FOR_LEGACY_USE_ONLY, &name);
    let mut sid = String::from("S-1-5-80");
    for part in digest.as_ref().chunks_exact(4) {
        let number = part.iter().rev().fold(0_u32, |number, byte| number << 8 | u32::from(*byte));
        sid.push_str(&format!("-{number}"));
    }
    sid
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_sid_of_a_service_is_that_of_windows() {
        // As `sc showsid TrustedInstaller` prints it on every Windows.
        let known = "S-1-5-80-956008885-3418522649-1831038044-1853292631-2271478464";
        assert_eq!(super::service_sid("TrustedInstaller"), known);
    }
}
