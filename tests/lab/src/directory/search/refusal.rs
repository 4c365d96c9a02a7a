//! Refusals in AD's own words: result code, matched DN, and a text that starts with a Win32 error.

use ldap3_proto::proto::{LdapResult, LdapResultCode};

/// SEC_E_INVALID_TOKEN, which every failed simple bind starts with.
const LOGON_DENIED: u32 = 0x8009_0308;

/// SEC_E_BAD_BINDINGS.
const BAD_BINDINGS: u32 = 0x8009_0346;

/// A result other than success. AD's texts end with a zero byte, and so do these.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// The LDAP result code.
    pub code: LdapResultCode,
    /// The nearest ancestor that exists, where that applies.
    pub matched: String,
    /// The diagnostic message.
    pub text: String,
    /// Where to look instead, as an LDAP URL.
    pub referral: Option<String>,
}

impl Refusal {
    fn new(code: LdapResultCode, text: &str) -> Refusal {
        Refusal { code, matched: String::new(), text: format!("{text}\0"), referral: None }
    }

    /// Any code with any text, for faults.
    pub fn of(code: LdapResultCode, text: &str) -> Refusal {
        Refusal { code, matched: String::new(), text: text.to_owned(), referral: None }
    }

    /// Nobody has signed in on this connection.
    pub fn not_bound() -> Refusal {
        Refusal::new(
            LdapResultCode::OperationsError,
            "000004DC: LdapErr: DSID-0C090A5C, comment: In order to perform this operation a successful bind must be \
             completed on the connection., data 0, v4563",
        )
    }

    /// The credentials are not accepted, for the reason the sub-code gives.
    ///
    /// A channel binding that is missing or wrong, `80090346`, is its own error and not a reason.
    pub fn bad_credentials(sub_code: u32) -> Refusal {
        let error = if sub_code == BAD_BINDINGS { BAD_BINDINGS } else { LOGON_DENIED };
        Refusal::new(
            LdapResultCode::InvalidCredentials,
            &format!(
                "{error:08X}: LdapErr: DSID-0C090439, comment: AcceptSecurityContext error, data {sub_code:x}, v4563"
            ),
        )
    }

    /// A password was sent where everybody can read it.
    pub fn needs_tls() -> Refusal {
        Refusal::new(
            LdapResultCode::StrongerAuthRequired,
            "00002028: LdapErr: DSID-0C090259, comment: The server requires binds to turn on integrity checking if \
             SSL\\TLS are not already active on the connection, data 0, v4563",
        )
    }

    /// A way of signing in that is not offered.
    pub fn unknown_method() -> Refusal {
        Refusal::new(
            LdapResultCode::AuthMethodNotSupported,
            "00002027: LdapErr: DSID-0C0905ED, comment: Invalid Authentication method, data 0, v4563",
        )
    }

    /// There is no such base.
    pub fn no_such_object(best_match: &str) -> Refusal {
        Refusal {
            matched: best_match.to_owned(),
            ..Refusal::new(
                LdapResultCode::NoSuchObject,
                &format!(
                    "0000208D: NameErr: DSID-0310028B, problem 2001 (NO_OBJECT), data 0, best match of:\n\t\
                     '{best_match}'\n"
                ),
            )
        }
    }

    /// The base is not a DN.
    pub fn bad_name(base: &str) -> Refusal {
        Refusal::new(
            LdapResultCode::InvalidDNSyntax,
            &format!(
                "0000208F: NameErr: DSID-03100233, problem 2006 (BAD_NAME), data 8350, best match of:\n\t'{base}'\n"
            ),
        )
    }

    /// The base is in no naming context held here.
    pub fn elsewhere(host: &str, base: &str) -> Refusal {
        Refusal {
            referral: Some(format!("ldap://{host}/{base}")),
            ..Refusal::new(
                LdapResultCode::Referral,
                &format!("0000202B: RefErr: DSID-0310082F, data 0, 1 access points\n\tref 1: '{host}'\n"),
            )
        }
    }

    /// More matched than one answer may hold.
    pub fn size_limit() -> Refusal {
        Refusal::new(
            LdapResultCode::SizeLimitExceeded,
            "00002023: LdapErr: DSID-0C0907F3, comment: Error processing search, data 0, v4563",
        )
    }

    /// A critical control is unknown.
    pub fn unknown_control() -> Refusal {
        Refusal::new(
            LdapResultCode::UnavailableCriticalExtension,
            "0000202C: LdapErr: DSID-0C0901FC, comment: Critical control not supported, data 0, v4563",
        )
    }

    /// The cookie of a paged search means nothing here (any more).
    pub fn bad_cookie() -> Refusal {
        Refusal::new(
            LdapResultCode::UnavailableCriticalExtension,
            "00000057: LdapErr: DSID-0C090A9A, comment: Error processing control, data 0, v4563",
        )
    }

    /// The filter uses what only exists while it is read.
    pub fn constructed_in_filter() -> Refusal {
        Refusal::new(
            LdapResultCode::InappropriateMatching,
            "00002120: AtrErr: DSID-03130A3C, problem 1003 (INAPPROPRIATE_MATCHING), data 0",
        )
    }

    /// A range of values starts behind the last one.
    pub fn past_the_end() -> Refusal {
        Refusal::new(
            LdapResultCode::OperationsError,
            "00002020: LdapErr: DSID-0C0907B0, comment: Error processing range, data 0, v4563",
        )
    }

    /// The service account may read, not write.
    pub fn no_rights() -> Refusal {
        Refusal::new(
            LdapResultCode::InsufficentAccessRights,
            "00002098: SecErr: DSID-031514A0, problem 4003 (INSUFF_ACCESS_RIGHTS), data 0\n",
        )
    }

    /// A request that is not understood.
    pub fn protocol(what: &str) -> Refusal {
        Refusal::new(
            LdapResultCode::ProtocolError,
            &format!("0000203D: LdapErr: DSID-0C0912FA, comment: {what}, data 0, v4563"),
        )
    }

    /// The result as it goes into a reply.
    pub fn result(&self) -> LdapResult {
        LdapResult {
            code: self.code.clone(),
            matcheddn: self.matched.clone(),
            message: self.text.clone(),
            referral: self.referral.iter().cloned().collect(),
        }
    }
}

/// The result of what went well.
pub fn success() -> LdapResult {
    LdapResult { code: LdapResultCode::Success, matcheddn: String::new(), message: String::new(), referral: Vec::new() }
}
