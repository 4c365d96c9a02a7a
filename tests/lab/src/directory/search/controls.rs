//! The controls of a request, read into what they mean.

use ldap3_proto::control::LdapControl;

use super::refusal::Refusal;
use super::sight::Sight;

const PAGED: &str = "1.2.840.113556.1.4.319";
const SHOW_DELETED: &str = "1.2.840.113556.1.4.417";
const SHOW_RECYCLED: &str = "1.2.840.113556.1.4.2064";
const DOMAIN_SCOPE: &str = "1.2.840.113556.1.4.1339";
const SD_FLAGS: &str = "1.2.840.113556.1.4.801";
const RANGE_NO_ERROR: &str = "1.2.840.113556.1.4.1948";
const EXTENDED_DN: &str = "1.2.840.113556.1.4.529";

/// What this directory answers to, as rootDSE lists it.
pub const SUPPORTED: [&str; 7] =
    [PAGED, SHOW_DELETED, SHOW_RECYCLED, DOMAIN_SCOPE, SD_FLAGS, RANGE_NO_ERROR, EXTENDED_DN];

/// What a request's controls ask for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Controls {
    /// Page size and cookie.
    pub page: Option<(usize, Vec<u8>)>,
    /// Deleted objects to show.
    pub sight: Sight,
    /// No references to other naming contexts.
    pub domain_scope: bool,
    /// A range past the last value is no error.
    pub lenient_ranges: bool,
    /// DNs with GUID and SID before them.
    pub extended_dn: Option<ExtendedDn>,
}

/// How GUID and SID stand before a DN (MS-ADTS 3.1.1.3.4.1.5).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ExtendedDn {
    /// In hexadecimal digits of their bytes.
    Hex,
    /// As they are usually written.
    Text,
}

/// Reads the controls; a critical one that is not known is refused.
pub fn read(controls: &[LdapControl]) -> Result<Controls, Refusal> {
    let mut read = Controls::default();
    for control in controls {
        match control {
            LdapControl::SimplePagedResults { size, cookie } => {
                read.page = Some((usize::try_from(*size).unwrap_or(0), cookie.clone()));
            }
            LdapControl::ShowDeleted { .. } => read.sight.deleted = true,
            LdapControl::SdFlags { .. } => {}
            LdapControl::ExtendedDn { format, .. } => {
                read.extended_dn = Some(if *format == 1 { ExtendedDn::Text } else { ExtendedDn::Hex });
            }
            LdapControl::Unknown { oid, .. } if oid == SHOW_RECYCLED => read.sight.recycled = true,
            LdapControl::Unknown { oid, .. } if oid == DOMAIN_SCOPE => read.domain_scope = true,
            LdapControl::Unknown { oid, .. } if oid == RANGE_NO_ERROR => read.lenient_ranges = true,
            other if is_critical(other) => return Err(Refusal::unknown_control()),
            _ => {}
        }
    }
    Ok(read)
}

/// The OID of a control, for the log.
pub fn oid(control: &LdapControl) -> &str {
    match control {
        LdapControl::SyncRequest { .. } => "1.3.6.1.4.1.4203.1.9.1.1",
        LdapControl::AdDirsync { .. } => "1.2.840.113556.1.4.841",
        LdapControl::SimplePagedResults { .. } => PAGED,
        LdapControl::ManageDsaIT { .. } => "2.16.840.1.113730.3.4.2",
        LdapControl::ServerSort { .. } => "1.2.840.113556.1.4.473",
        LdapControl::ShowDeleted { .. } => SHOW_DELETED,
        LdapControl::SdFlags { .. } => SD_FLAGS,
        LdapControl::ExtendedDn { .. } => EXTENDED_DN,
        LdapControl::Unknown { oid, .. } => oid,
        _ => "",
    }
}

/// The codec drops the criticality of some controls; those count as critical, as clients send them so.
fn is_critical(control: &LdapControl) -> bool {
    match control {
        LdapControl::SyncRequest { criticality, .. }
        | LdapControl::ManageDsaIT { criticality }
        | LdapControl::SearchOptions { criticality, .. }
        | LdapControl::PasswordPolicyRequest { criticality }
        | LdapControl::Unknown { criticality, .. } => *criticality,
        _ => true,
    }
}
