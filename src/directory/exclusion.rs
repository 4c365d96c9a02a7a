//! Whom Entra Connect's default rules leave out ("Default configuration", user objects), so that nobody waits for them.

#![deny(clippy::disallowed_types, clippy::disallowed_methods)]

/// `msExchRecipientTypeDetails` of mailboxes that serve the system: arbitration, discovery, federation, monitoring and so on.
const SYSTEM_MAILBOXES: i64 = 0x21C0_7000;

/// What the default rules look at.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Traits<'a> {
    pub dn: &'a str,
    pub sam: Option<&'a str>,
    pub mail_nickname: Option<&'a str>,
    pub recipient_type: Option<i64>,
    pub admin_description: Option<&'a str>,
    /// Whether `isCriticalSystemObject` is there; its value is not asked.
    pub critical: bool,
}

/// The rule that leaves the account out, in words; `None` when none does. Comparisons are without case.
pub(super) fn exclusion(of: &Traits<'_>) -> Option<&'static str> {
    let Some(sam) = of.sam else {
        return Some("it has no sAMAccountName");
    };
    let nickname = of.mail_nickname.unwrap_or_default();
    let cas = |name: &str| starts(name, "CAS_") && name.contains('}');
    if of.critical {
        Some("isCriticalSystemObject is set")
    } else if starts(sam, "AAD_") || starts(sam, "MSOL_") {
        Some("sAMAccountName starts with AAD_ or MSOL_: an account of the sync engine")
    } else if sam.eq_ignore_ascii_case("SUPPORT_388945a0") {
        Some("sAMAccountName is SUPPORT_388945a0")
    } else if starts(nickname, "SystemMailbox{") {
        Some("mailNickname starts with SystemMailbox{")
    } else if cas(nickname) || cas(sam) {
        Some("mailNickname or sAMAccountName is of the form CAS_…}")
    } else if of.recipient_type.is_some_and(|kind| kind & SYSTEM_MAILBOXES != 0) {
        Some("msExchRecipientTypeDetails says it is a mailbox of the system")
    } else if conflict(of.dn) {
        Some("its name carries CNF: it lost a replication conflict")
    } else if of.admin_description.is_some_and(|text| starts(text, "User_")) {
        Some("adminDescription starts with User_: opted out of synchronisation")
    } else {
        None
    }
}

fn starts(text: &str, prefix: &str) -> bool {
    text.as_bytes().get(..prefix.len()).is_some_and(|start| start.eq_ignore_ascii_case(prefix.as_bytes()))
}

/// A newline and `CNF:` within the first RDN, the newline escaped as `\0A` or not.
fn conflict(dn: &str) -> bool {
    let mut escaped = false;
    let rdn = dn
        .split(|c: char| {
            let separator = c == ',' && !escaped;
            escaped = c == '\\' && !escaped;
            separator
        })
        .next()
        .unwrap_or_default()
        .to_ascii_uppercase();
    rdn.contains("\\0ACNF:") || rdn.contains("\nCNF:")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plain() -> Traits<'static> {
        Traits { dn: "CN=Ada,OU=Staff,DC=corp,DC=example,DC=test", sam: Some("ada"), ..Traits::default() }
    }

    #[test]
    fn the_default_rules_leave_out_what_entra_connect_leaves_out() {
        let sam = |sam| Traits { sam: Some(sam), ..plain() };
        let nick = |nick| Traits { mail_nickname: Some(nick), ..plain() };
        let kind = |kind| Traits { recipient_type: Some(kind), ..plain() };
        let dn = |dn| Traits { dn, ..plain() };
        let admin = |text| Traits { admin_description: Some(text), ..plain() };
        for out in [
            Traits { sam: None, ..plain() },
            Traits { critical: true, ..plain() },
            sam("MSOL_0123456789ab"),
            sam("aad_0123456789ab"),
            sam("support_388945A0"),
            nick("SystemMailbox{1f05a927}"),
            nick("cas_{12}"),
            sam("CAS_{12}"),
            kind(0x1000),
            kind(0x2000_0000),
            kind(0x0080_0000 | 1),
            dn("CN=Ada\\0ACNF:3f2504e0-4f89-41d3-9a0c-0305e82c3301,OU=Staff,DC=x"),
            dn("CN=Ada\\0acnf:3f2504e0,DC=x"),
            dn("CN=Ada\nCNF:3f2504e0,DC=x"),
            dn("CN=A\\, B\\0ACNF:3f2504e0,DC=x"),
            admin("User_nosync"),
        ] {
            assert!(exclusion(&out).is_some(), "{out:?}");
        }
        for stays in [
            plain(),
            sam("msol"),
            sam("CAS_12"),
            sam("MÖ"),
            nick("systemmailbox"),
            kind(1),
            kind(2),
            kind(0x8000_0000),
            dn("CN=Ada,OU=x\\0ACNF:1,DC=x"),
            admin("Group_x"),
            admin("the User_"),
        ] {
            assert_eq!(exclusion(&stays), None, "{stays:?}");
        }
    }
}
