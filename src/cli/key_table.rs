//! The Kerberos library takes its key table and its ticket cache from the environment, which cannot be changed safely while
//! threads run. So the program starts itself anew in the same process, with the environment that the configuration asks for.

use super::Failure;
use crate::model::settings::{Bind, Settings};

/// Tickets are kept in memory, apart from those of whoever started the program.
const CACHE: &str = "MEMORY:seatsync";

/// Returns when the environment is that of the configuration; until then it starts the program anew.
pub(super) fn in_environment(settings: &Settings) -> Result<(), Failure> {
    // Where several domains have one, it is the same.
    let keytab = settings.directories.iter().find_map(|directory| match &directory.bind {
        Bind::Kerberos { keytab, .. } => Some(keytab),
        Bind::Simple { .. } => None,
    });
    let Some(keytab) = keytab else { return Ok(()) };
    let mut table = std::ffi::OsString::from("FILE:");
    table.push(keytab);
    let wanted = [("KRB5_CLIENT_KTNAME", table), ("KRB5CCNAME", CACHE.into())];
    if wanted.iter().all(|(name, value)| std::env::var_os(name).as_ref() == Some(value)) {
        return Ok(());
    }
    start_anew(wanted)
}

#[cfg(unix)]
fn start_anew(environment: [(&str, std::ffi::OsString); 2]) -> Result<(), Failure> {
    use std::os::unix::process::CommandExt as _;

    use super::Unmet;
    use crate::model::fault::exit;

    let mut arguments = std::env::args_os();
    let name = arguments.next().unwrap_or_else(|| "seatsync".into());
    let error = match std::env::current_exe() {
        // It returns only when it failed.
        Ok(program) => std::process::Command::new(program).arg0(name).args(arguments).envs(environment).exec(),
        Err(error) => error,
    };
    Err(Unmet {
        what: format!("the program cannot start itself anew for Kerberos: {error}"),
        advice: "See that its file is still where it was started from.",
        code: "kerberos-environment",
        status: exit::SOFTWARE,
    }
    .into())
}

/// Elsewhere the configuration refuses Kerberos.
#[cfg(not(unix))]
fn start_anew(_environment: [(&str, std::ffi::OsString); 2]) -> Result<(), Failure> {
    Ok(())
}
