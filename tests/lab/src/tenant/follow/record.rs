//! An account as the directory has it, and whether Entra Connect would take it.

use uuid::Uuid;

/// The parts of an Active Directory user that a sync engine looks at. Attribute names are in the doc comments.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct DirectoryRecord {
    /// `objectGUID`.
    pub object_guid: Uuid,
    /// `mS-DS-ConsistencyGuid`, as it is: it may hold anything.
    pub consistency_guid: Option<Vec<u8>>,
    /// `objectSid`, as text.
    pub object_sid: Option<String>,
    /// The entry's DN.
    pub distinguished_name: String,
    /// `sAMAccountName`.
    pub sam_account_name: Option<String>,
    /// `userPrincipalName`.
    pub user_principal_name: Option<String>,
    /// `displayName`.
    pub display_name: Option<String>,
    /// `givenName`.
    pub given_name: Option<String>,
    /// `sn`.
    pub surname: Option<String>,
    /// `mail`.
    pub mail: Option<String>,
    /// `mailNickname`.
    pub mail_nickname: Option<String>,
    /// `department`.
    pub department: Option<String>,
    /// `userAccountControl`; bit 0x2 is a disabled account.
    pub user_account_control: u32,
    /// `msExchUsageLocation`.
    pub usage_location: Option<String>,
    /// `isCriticalSystemObject`.
    pub critical_system_object: bool,
    /// `adminDescription`.
    pub admin_description: Option<String>,
    /// `msExchRecipientTypeDetails`.
    pub recipient_type_details: u64,
}

/// Recipient types Entra Connect does not sync.
const SYSTEM_RECIPIENTS: u64 = 0x21C0_7000;

impl DirectoryRecord {
    /// Whether the account is enabled.
    #[must_use]
    pub fn enabled(&self) -> bool {
        self.user_account_control & 0x2 == 0
    }

    /// The source anchor's bytes: the consistency GUID if there is one, else the object GUID as stored.
    #[must_use]
    pub fn anchor(&self) -> Vec<u8> {
        match &self.consistency_guid {
            Some(bytes) if !bytes.is_empty() => bytes.clone(),
            _ => self.object_guid.to_bytes_le().to_vec(),
        }
    }

    /// Why Entra Connect's default rules leave the account out, if they do.
    #[must_use]
    pub fn excluded(&self) -> Option<&'static str> {
        let lower = |text: &Option<String>| text.as_deref().unwrap_or_default().to_lowercase();
        let (sam, nickname) = (lower(&self.sam_account_name), lower(&self.mail_nickname));
        let cas = |name: &str| name.starts_with("cas_") && name.contains('}');
        let dn = self.distinguished_name.to_uppercase();
        let first_rdn = dn.split(",").next().unwrap_or_default();
        let rules = [
            (self.critical_system_object, "isCriticalSystemObject"),
            (sam.is_empty(), "no sAMAccountName"),
            (sam.starts_with("aad_") || sam.starts_with("msol_"), "a sync service account"),
            (sam == "support_388945a0", "the support account"),
            (nickname.starts_with("systemmailbox{"), "a system mailbox"),
            (cas(&sam) || cas(&nickname), "a client access server's account"),
            (self.recipient_type_details & SYSTEM_RECIPIENTS != 0, "a system recipient"),
            (first_rdn.contains("\\0ACNF:"), "the loser of a replication conflict"),
            (lower(&self.admin_description).starts_with("user_"), "opted out by adminDescription"),
        ];
        rules.into_iter().find(|(applies, _)| *applies).map(|(_, reason)| reason)
    }

    /// The DNS name of the domain its DN lies in.
    #[must_use]
    pub fn domain(&self) -> String {
        let parts = self.distinguished_name.split(',').map(str::trim);
        let dcs = parts.filter(|part| part.get(..3).is_some_and(|kind| kind.eq_ignore_ascii_case("dc=")));
        dcs.map(|part| part[3..].to_lowercase()).collect::<Vec<_>>().join(".")
    }
}

/// A SID as text (`S-1-5-21-…`), from its bytes.
pub(super) fn sid_text(bytes: &[u8]) -> Option<String> {
    let (revision, rest) = bytes.split_first()?;
    let (count, rest) = rest.split_first()?;
    let (authority, subs) = rest.split_at_checked(6)?;
    if subs.len() != usize::from(*count) * 4 {
        return None;
    }
    let authority = authority.iter().fold(0_u64, |all, byte| (all << 8) | u64::from(*byte));
    let subs = subs.chunks_exact(4).map(|sub| u32::from_le_bytes([sub[0], sub[1], sub[2], sub[3]]).to_string());
    Some(format!("S-{revision}-{authority}-{}", subs.collect::<Vec<_>>().join("-")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sid_reads_as_windows_writes_it() {
        let bytes = [1, 2, 0, 0, 0, 0, 0, 5, 32, 0, 0, 0, 0x20, 2, 0, 0];
        assert_eq!(sid_text(&bytes).as_deref(), Some("S-1-5-32-544"));
        assert_eq!(sid_text(&bytes[..15]), None);
    }

    #[test]
    fn the_default_rules_leave_out_what_is_no_person() {
        let account = DirectoryRecord { sam_account_name: Some("ada".into()), ..DirectoryRecord::default() };
        assert_eq!(account.excluded(), None);
        let named = |sam: &str| DirectoryRecord { sam_account_name: Some(sam.into()), ..account.clone() };
        assert!(named("MSOL_1a2b").excluded().is_some() && named("").excluded().is_some());
        let lost = DirectoryRecord { distinguished_name: "CN=ada\\0ACNF:1-2,DC=x".into(), ..account.clone() };
        assert!(lost.excluded().is_some());
        assert!(DirectoryRecord { critical_system_object: true, ..account }.excluded().is_some());
    }
}
