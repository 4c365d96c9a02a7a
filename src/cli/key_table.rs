//! The Kerberos library takes its key table and its ticket cache from the environment, which cannot be changed safely while
//! threads run. So the program starts itself anew in the same process, with the environment that the configuration asks for.

use super::{Failure, Unmet};
use crate::model::fault::exit;
use crate::model::settings::{Bind, Settings};
use crate::system;

/// Tickets are kept in memory, apart from those of whoever started the program.
const CACHE: &str = "MEMORY:seatsync";

/// Returns when the environment is that of the configuration; until then it starts the program anew.
pub(super) fn in_environment(settings: &Settings) -> Result<(), Failure> {
    // Where several domains have one, it is the same.
    let keytab = settings.directories.iter().find_map(|directory| match &directory.bind {
        Bind::Kerberos { keytab, .. } => Some(keytab),
        Bind::Simple { .. } | Bind::Own => None,
    });
    let Some(keytab) = keytab else { return Ok(()) };
    let mut table = std::ffi::OsString::from("FILE:");
    table.push(keytab);
    let wanted = [("KRB5_CLIENT_KTNAME", table), ("KRB5CCNAME", CACHE.into())];
    if wanted.iter().all(|(name, value)| std::env::var_os(name).as_ref() == Some(value)) {
        return Ok(());
    }
    let error = system::start_anew(&wanted);
    Err(Unmet {
        what: format!("the program cannot start itself anew for Kerberos: {error}"),
        advice: "See that its file is still where it was started from.",
        code: "kerberos-environment",
        status: exit::SOFTWARE,
    }
    .into())
}
