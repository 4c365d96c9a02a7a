//! Simple binds as a domain controller judges them (MS-ADTS 5.1.1.1.1).

use ldap3_proto::proto::{LdapBindCred, LdapBindRequest};

use crate::directory::search::refusal::Refusal;
use crate::directory::world::schema::Attribute;
use crate::directory::world::{View, dn, filetime, now};

use super::Shared;

/// Win32 error codes behind result 49.
const LOGON_FAILURE: u32 = 0x52e;
const ACCOUNT_DISABLED: u32 = 0x533;
const ACCOUNT_EXPIRED: u32 = 0x701;
const PASSWORD_MUST_CHANGE: u32 = 0x773;
const ACCOUNT_LOCKED_OUT: u32 = 0x775;

/// Who a connection speaks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Caller {
    /// Nobody: only the rootDSE is open.
    Anonymous,
    /// The service account.
    ServiceAccount,
}

/// Judges a bind. An empty password means anonymous, and succeeds, whatever the name.
pub fn judge(shared: &Shared, dc: usize, secure: bool, request: &LdapBindRequest) -> Result<Caller, Refusal> {
    let LdapBindCred::Simple(password) = &request.cred else {
        return Err(Refusal::unknown_method());
    };
    if password.is_empty() {
        return Ok(Caller::Anonymous);
    }
    if !secure {
        return Err(Refusal::needs_tls());
    }
    let credentials = shared.credentials().clone();
    if let Some(sub_code) = credentials.failure {
        return Err(Refusal::bad_credentials(sub_code));
    }
    let world = shared.world();
    let account = world.id_of_sam(dc, &credentials.sam).and_then(|id| world.view(dc, id));
    let account = account.ok_or_else(|| Refusal::bad_credentials(LOGON_FAILURE))?;
    let domain = &world.domain;
    let names = [format!("{}@{}", credentials.sam, domain.dns), format!("{}\\{}", domain.netbios, credentials.sam)];
    let known = names.iter().any(|name| name.eq_ignore_ascii_case(&request.dn)) || dn::same(&account.dn(), &request.dn);
    if !known || *password != credentials.password {
        return Err(Refusal::bad_credentials(LOGON_FAILURE));
    }
    match obstacle(&account) {
        Some(sub_code) => Err(Refusal::bad_credentials(sub_code)),
        None => Ok(Caller::ServiceAccount),
    }
}

/// Why an account may not sign in although its password is right.
fn obstacle(account: &View<'_>) -> Option<u32> {
    let time = |attribute| account.text(attribute).and_then(|text| text.parse::<i64>().ok());
    let expired = |at: i64| at != 0 && at <= filetime(now());
    if time(Attribute::LockoutTime).is_some_and(|at| at > 0) {
        Some(ACCOUNT_LOCKED_OUT)
    } else if !account.enabled() {
        Some(ACCOUNT_DISABLED)
    } else if time(Attribute::AccountExpires).is_some_and(expired) {
        Some(ACCOUNT_EXPIRED)
    } else if time(Attribute::PwdLastSet) == Some(0) {
        Some(PASSWORD_MUST_CHANGE)
    } else {
        None
    }
}
