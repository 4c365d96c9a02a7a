//! Why a controller refused a bind: the sub-code within the text of result 49.
//!
//! `80090308: LdapErr: DSID-…, comment: AcceptSecurityContext error, data 52e, v4563`: the number after `data` is a Win32 error
//! in hex (MS-ERREF 2.2).

#![deny(clippy::disallowed_types, clippy::disallowed_methods)]

use std::fmt;

/// What a bind was refused for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// 525, ERROR_NO_SUCH_USER.
    NoSuchUser,
    /// 52e, ERROR_LOGON_FAILURE: the name or the password is wrong, and the controller does not say which.
    WrongPassword,
    /// 530, ERROR_INVALID_LOGON_HOURS.
    LogonHours,
    /// 531, ERROR_INVALID_WORKSTATION.
    Workstation,
    /// 532, ERROR_PASSWORD_EXPIRED.
    PasswordExpired,
    /// 533, ERROR_ACCOUNT_DISABLED.
    Disabled,
    /// 701, ERROR_ACCOUNT_EXPIRED.
    AccountExpired,
    /// 773, ERROR_PASSWORD_MUST_CHANGE.
    MustChange,
    /// 775, ERROR_ACCOUNT_LOCKED_OUT.
    LockedOut,
    /// 80090346, SEC_E_BAD_BINDINGS: the controller insists on channel binding.
    ChannelBinding,
    /// No sub-code, or one without a meaning known here.
    Other,
}

impl Refusal {
    /// Reads the diagnostic text of a refused bind. Texts differ between versions: only `data` and a hexadecimal number are
    /// relied on.
    #[must_use]
    pub fn read(text: &str) -> Self {
        let text = text.to_ascii_lowercase();
        if text.contains("80090346") {
            return Self::ChannelBinding;
        }
        text.match_indices("data")
            .map(|(at, word)| hex(&text[at + word.len()..]))
            .find_map(Self::known)
            .unwrap_or(Self::Other)
    }

    fn known(code: &str) -> Option<Self> {
        Some(match code.trim_start_matches('0') {
            "525" => Self::NoSuchUser,
            "52e" => Self::WrongPassword,
            "530" => Self::LogonHours,
            "531" => Self::Workstation,
            "532" => Self::PasswordExpired,
            "533" => Self::Disabled,
            "701" => Self::AccountExpired,
            "773" => Self::MustChange,
            "775" => Self::LockedOut,
            _ => return None,
        })
    }

    /// One sentence: what to do next.
    #[must_use]
    pub fn advice(self) -> &'static str {
        match self {
            Self::NoSuchUser => "Check bind.user: write it as user@domain, as a full DN or as DOMAIN\\name.",
            Self::WrongPassword | Self::Other => {
                "Check bind.user and the stored password; change nothing else until the account is seen not to be locked out."
            }
            Self::LogonHours => "Widen the logon hours of the bind account: the agent needs to sign in at any time.",
            Self::Workstation => {
                "Allow the bind account to log on from this machine (\"Log On To\" on its Account page)."
            }
            Self::PasswordExpired | Self::MustChange => {
                "Set a new password for the bind account, without \"must change at next logon\", and store it for seatsync."
            }
            Self::Disabled => "Enable the bind account.",
            Self::AccountExpired => "Clear or extend the expiry date of the bind account.",
            Self::LockedOut => {
                "Find out what locked the bind account (event 4740 on the PDC emulator), then unlock it."
            }
            Self::ChannelBinding => {
                "Set LdapEnforceChannelBinding on the domain controller to \"when supported\" (1): a simple bind carries no \
                 channel binding token."
            }
        }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NoSuchUser => "there is no such user",
            Self::WrongPassword => "wrong user name or password",
            Self::LogonHours => "outside of the account's logon hours",
            Self::Workstation => "the account may not log on from this machine",
            Self::PasswordExpired => "the password has expired",
            Self::Disabled => "the account is disabled",
            Self::AccountExpired => "the account has expired",
            Self::MustChange => "the password must be changed first",
            Self::LockedOut => "the account is locked out",
            Self::ChannelBinding => "the server requires channel binding",
            Self::Other => "invalid credentials",
        })
    }
}

/// The hexadecimal digits after blanks and the like.
fn hex(text: &str) -> &str {
    let text = text.trim_start_matches([' ', ':', '=']);
    let text = text.strip_prefix("0x").unwrap_or(text);
    let end = text.find(|c: char| !c.is_ascii_hexdigit()).unwrap_or(text.len());
    &text[..end]
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_sub_code_is_found_in_texts_of_several_versions() {
        let ad = |code: &str| {
            format!("80090308: LdapErr: DSID-0C09044E, comment: AcceptSecurityContext error, data {code}, v4563\0")
        };
        for (text, refusal) in [
            (ad("525"), Refusal::NoSuchUser),
            (ad("52e"), Refusal::WrongPassword),
            (ad("52E"), Refusal::WrongPassword),
            (ad("530"), Refusal::LogonHours),
            (ad("531"), Refusal::Workstation),
            (ad("532"), Refusal::PasswordExpired),
            (ad("533"), Refusal::Disabled),
            (ad("701"), Refusal::AccountExpired),
            (ad("773"), Refusal::MustChange),
            (ad("775"), Refusal::LockedOut),
            (ad("80090346"), Refusal::ChannelBinding),
            (
                "80090346: LdapErr: DSID-0C090597, comment: AcceptSecurityContext error, data 80090346".into(),
                Refusal::ChannelBinding,
            ),
            (ad("0x533"), Refusal::Disabled),
            (ad("00000533"), Refusal::Disabled),
            ("database error, data 775".into(), Refusal::LockedOut),
            (ad("5255"), Refusal::Other),
            (ad("57"), Refusal::Other),
            ("data".into(), Refusal::Other),
            ("DATA 52e".into(), Refusal::WrongPassword),
            (String::new(), Refusal::Other),
        ] {
            assert_eq!(Refusal::read(&text), refusal, "{text}");
        }
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic(text in "(data|[ :=0x]|\\PC)*") {
            let _ = Refusal::read(&text);
        }
    }
}
