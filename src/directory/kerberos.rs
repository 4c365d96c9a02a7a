//! Signing in with Kerberos: SASL GSSAPI (RFC 4752) within TLS, bound to the TLS channel (RFC 5929, tls-server-end-point).
//!
//! The key table is told to the GSSAPI library by the process's environment (`KRB5_CLIENT_KTNAME`); the ticket cache is one of
//! this process's memory. Of a failure the library says no more than a text: MIT's are known here.

#![deny(clippy::disallowed_types, clippy::disallowed_methods)]

use std::fmt;

use crate::model::fault::{Class, exit};

/// Why Kerberos did not sign the account in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KerberosFault {
    /// The key table is not there, not readable, or holds no key of the principal.
    KeyTable,
    /// The key table's key is not the account's: KDC_ERR_PREAUTH_FAILED (RFC 4120, 7.5.9).
    WrongKey,
    /// KDC_ERR_C_PRINCIPAL_UNKNOWN.
    NoSuchPrincipal,
    /// KDC_ERR_CLIENT_REVOKED: AD says it of disabled, locked and expired accounts alike (MS-KILE 3.3.5.7.1).
    Revoked,
    /// KDC_ERR_NAME_EXP.
    AccountExpired,
    /// KDC_ERR_KEY_EXPIRED.
    PasswordExpired,
    /// KDC_ERR_POLICY: logon hours, workstation, or an authentication policy.
    Policy,
    /// KRB_AP_ERR_SKEW.
    ClockSkew,
    /// No KDC answers.
    Unreachable,
    /// Nothing says where the realm's KDCs are.
    NoKdc,
    /// KDC_ERR_S_PRINCIPAL_UNKNOWN: no account has the service's name.
    NoSuchService,
    /// KDC_ERR_ETYPE_NOSUPP.
    Encryption,
    /// `krb5.conf` is missing something or is malformed.
    Configuration,
    /// The controller signs nobody in by Kerberos within TLS (result 8).
    WithinTls,
    /// Anything else.
    Other,
}

/// Parts of what MIT Kerberos says (`krb5_err.et`, `k5e1_err.et`), the more specific first.
const TEXTS: [(&str, KerberosFault); 31] = [
    ("preauthentication failed", KerberosFault::WrongKey),
    ("password incorrect", KerberosFault::WrongKey),
    ("decrypt integrity check failed", KerberosFault::WrongKey),
    ("credentials have been revoked", KerberosFault::Revoked),
    ("entry in database has expired", KerberosFault::AccountExpired),
    ("password has expired", KerberosFault::PasswordExpired),
    ("kdc policy rejects request", KerberosFault::Policy),
    ("clock skew too great", KerberosFault::ClockSkew),
    ("not yet valid", KerberosFault::ClockSkew),
    ("cannot contact any kdc", KerberosFault::Unreachable),
    ("cannot find kdc", KerberosFault::NoKdc),
    ("cannot resolve network address for kdc", KerberosFault::NoKdc),
    ("cannot resolve servers for kdc", KerberosFault::NoKdc),
    ("no support for encryption type", KerberosFault::Encryption),
    ("encryption type not permitted", KerberosFault::Encryption),
    ("no supported encryption types", KerberosFault::Encryption),
    ("can't find client principal", KerberosFault::KeyTable),
    ("key table", KerberosFault::KeyTable),
    ("keytab", KerberosFault::KeyTable),
    ("no kerberos credentials available", KerberosFault::KeyTable),
    ("no suitable keys", KerberosFault::KeyTable),
    ("configuration file", KerberosFault::Configuration),
    ("default realm", KerberosFault::Configuration),
    ("profile", KerberosFault::Configuration),
    ("server krbtgt/", KerberosFault::NoKdc),
    ("server not found in kerberos database", KerberosFault::NoSuchService),
    ("server ldap/", KerberosFault::NoSuchService),
    ("client not found in kerberos database", KerberosFault::NoSuchPrincipal),
    ("client '", KerberosFault::NoSuchPrincipal),
    ("not found in kerberos database", KerberosFault::NoSuchPrincipal),
    ("matching credential not found", KerberosFault::KeyTable),
];

impl KerberosFault {
    /// Reads what the library said.
    #[must_use]
    pub fn read(text: &str) -> Self {
        let text = text.to_lowercase();
        TEXTS.iter().find(|(part, _)| text.contains(part)).map_or(Self::Other, |(_, fault)| *fault)
    }

    /// Whether the account's own credentials are refused, so that more tries only bring a lockout nearer.
    pub(super) fn weighs_on_the_account(self) -> bool {
        use KerberosFault::{AccountExpired, NoSuchPrincipal, PasswordExpired, Policy, Revoked, WrongKey};
        matches!(self, WrongKey | NoSuchPrincipal | Revoked | AccountExpired | PasswordExpired | Policy)
    }

    pub(super) fn class(self) -> Class {
        match self {
            Self::Unreachable => Class::Heals,
            _ => Class::Operator,
        }
    }

    pub(super) fn code(self) -> &'static str {
        match self {
            Self::KeyTable => "kerberos-key-table",
            Self::WrongKey => "kerberos-key-refused",
            Self::NoSuchPrincipal => "kerberos-principal-unknown",
            Self::Revoked | Self::AccountExpired | Self::PasswordExpired | Self::Policy => "kerberos-account-refused",
            Self::ClockSkew => "kerberos-clock-skew",
            Self::Unreachable => "kerberos-kdc-unreachable",
            Self::NoKdc => "kerberos-kdc-unknown",
            Self::NoSuchService => "kerberos-service-unknown",
            Self::Encryption => "kerberos-encryption",
            Self::Configuration => "kerberos-configuration",
            Self::WithinTls => "kerberos-within-tls-refused",
            Self::Other => "kerberos-refused",
        }
    }

    pub(super) fn exit_status(self) -> u8 {
        match self {
            Self::Unreachable => exit::UNAVAILABLE,
            Self::KeyTable | Self::NoKdc | Self::NoSuchService | Self::Configuration => exit::CONFIG,
            _ => exit::REFUSED,
        }
    }

    pub(super) fn advice(self) -> &'static str {
        match self {
            Self::KeyTable => {
                "Check bind.keytab: `klist -k` must list bind.principal as it is written, and seatsync's user must be able to \
                 read the file."
            }
            Self::WrongKey => {
                "Export the key table anew: a new password of the account makes its old keys worthless (ktpass by default sets \
                 one)."
            }
            Self::NoSuchPrincipal => {
                "Check bind.principal: the account's name and the domain's in capitals, such as svc-seatsync@CORP.EXAMPLE.COM."
            }
            Self::Revoked => {
                "See whether the account is disabled, expired or locked out; if locked, find out by what (event 4740 on the \
                 PDC emulator) before you unlock it."
            }
            Self::AccountExpired => "Clear or extend the expiry date of the account.",
            Self::PasswordExpired => "Set a new password for the account and export the key table anew.",
            Self::Policy => {
                "See the account's logon hours, \"Log On To\" and authentication policies: the agent needs to sign in at any \
                 time, from this machine."
            }
            Self::ClockSkew => {
                "Set this machine's clock by the domain's: Kerberos tolerates a difference of five minutes."
            }
            Self::Unreachable => {
                "Check that this machine reaches port 88 of the domain controllers (TCP and UDP), and the KDCs in krb5.conf."
            }
            Self::NoKdc => {
                "Let this machine ask the domain's DNS servers (_kerberos._tcp SRV records), or name the realm's KDCs in \
                 krb5.conf."
            }
            Self::NoSuchService => {
                "Write the server by the controller's own full name: its account must have the service principal ldap/<that \
                 name> (`setspn -L`)."
            }
            Self::Encryption => {
                "Let the account use AES (msDS-SupportedEncryptionTypes), and export the key table with AES keys."
            }
            Self::Configuration => "Correct krb5.conf, or the file that KRB5_CONFIG names.",
            Self::WithinTls => {
                "On Samba set \"ldap server require strong auth = allow_sasl_over_tls\"; or use method \"simple\"."
            }
            Self::Other => {
                "Try it by hand: `kinit -k -t KEYTAB PRINCIPAL`, then `kvno ldap/SERVER`; see the KDC's log."
            }
        }
    }
}

impl fmt::Display for KerberosFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::KeyTable => "the key table cannot be used",
            Self::WrongKey => "the key in the key table is not the account's",
            Self::NoSuchPrincipal => "there is no such principal",
            Self::Revoked => "the account is disabled, expired or locked out",
            Self::AccountExpired => "the account has expired",
            Self::PasswordExpired => "the password has expired",
            Self::Policy => "a policy forbids it",
            Self::ClockSkew => "this machine's clock and the controller's differ too much",
            Self::Unreachable => "no Kerberos server answers",
            Self::NoKdc => "the realm's Kerberos servers are not known",
            Self::NoSuchService => "the server has no such service principal",
            Self::Encryption => "no common encryption type",
            Self::Configuration => "the Kerberos configuration cannot be used",
            Self::WithinTls => "the server refuses Kerberos within TLS",
            Self::Other => "Kerberos failed",
        })
    }
}

/// Binds as the principal, or as whoever the process runs as, to the service `host@REALM`. It blocks on files and on the
/// network: not for a worker of the runtime.
#[cfg(feature = "gssapi")]
pub(super) async fn bind(
    ldap: &mut ldap3::Ldap,
    principal: Option<&str>,
    service: &str,
) -> Result<ldap3::LdapResult, String> {
    use cross_krb5::{Cred, InitiateFlags, K5Cred as _};
    let credential = Cred::client_acquire(InitiateFlags::empty(), principal);
    let credential = credential.map_err(|error| format!("{error:#}"))?;
    ldap.sasl_gssapi_cred_bind(credential, service).await.map_err(|error| error.to_string())
}

#[cfg(not(feature = "gssapi"))]
#[expect(clippy::unused_async, reason = "the one that has the feature waits")]
pub(super) async fn bind(
    _ldap: &mut ldap3::Ldap,
    _principal: Option<&str>,
    _service: &str,
) -> Result<ldap3::LdapResult, String> {
    Err("this build has no Kerberos".into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_text_of_mit_kerberos_has_its_code_and_advice() {
        for (text, code, status) in [
            (
                "Unspecified GSS failure.  Minor code may provide more information (Key table file '/x' not found)",
                "kerberos-key-table",
                exit::CONFIG,
            ),
            (
                "No credentials were supplied (No Kerberos credentials available: No key table entry found)",
                "kerberos-key-table",
                exit::CONFIG,
            ),
            (
                "Can't find client principal svc@CORP.EXAMPLE.TEST in cache collection",
                "kerberos-key-table",
                exit::CONFIG,
            ),
            ("Keytab contains no keys for svc@CORP.EXAMPLE.TEST", "kerberos-key-table", exit::CONFIG),
            ("Preauthentication failed", "kerberos-key-refused", exit::REFUSED),
            (
                "Client 'svc@CORP.EXAMPLE.TEST' not found in Kerberos database",
                "kerberos-principal-unknown",
                exit::REFUSED,
            ),
            ("Client's credentials have been revoked", "kerberos-account-refused", exit::REFUSED),
            ("Client's entry in database has expired", "kerberos-account-refused", exit::REFUSED),
            ("Password has expired", "kerberos-account-refused", exit::REFUSED),
            ("KDC policy rejects request", "kerberos-account-refused", exit::REFUSED),
            ("Clock skew too great", "kerberos-clock-skew", exit::REFUSED),
            ("Cannot contact any KDC for realm 'CORP.EXAMPLE.TEST'", "kerberos-kdc-unreachable", exit::UNAVAILABLE),
            ("Cannot find KDC for realm \"CORP.EXAMPLE.TEST\"", "kerberos-kdc-unknown", exit::CONFIG),
            (
                "Server ldap/dc1@CORP.EXAMPLE.TEST not found in Kerberos database",
                "kerberos-service-unknown",
                exit::CONFIG,
            ),
            (
                "Server krbtgt/EXAMPLE.TEST@CORP.EXAMPLE.TEST not found in Kerberos database",
                "kerberos-kdc-unknown",
                exit::CONFIG,
            ),
            ("KDC has no support for encryption type", "kerberos-encryption", exit::REFUSED),
            ("Improper format of Kerberos configuration file", "kerberos-configuration", exit::CONFIG),
            ("Message stream modified", "kerberos-refused", exit::REFUSED),
        ] {
            let fault = KerberosFault::read(text);
            assert_eq!((fault.code(), fault.exit_status()), (code, status), "{text}");
            assert!(fault.advice().ends_with('.') && !fault.to_string().is_empty(), "{text}");
            assert_eq!(fault.class() == Class::Heals, status == exit::UNAVAILABLE, "{text}");
        }
    }

    #[test]
    fn only_what_counts_against_the_account_is_a_refusal() {
        assert!(KerberosFault::WrongKey.weighs_on_the_account() && KerberosFault::Revoked.weighs_on_the_account());
        assert!(
            !KerberosFault::Unreachable.weighs_on_the_account()
                && !KerberosFault::NoSuchService.weighs_on_the_account()
        );
    }
}
