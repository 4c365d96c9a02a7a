//! What is being done with a controller, in words that follow its name.

use std::fmt;

use crate::model::identity::ObjectGuid;

/// What was being done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// Opening the TCP connection.
    Dial,
    /// Agreeing on TLS, after asking for it on a plain connection (RFC 4511, 4.14) or at once.
    Handshake,
    /// Signing in.
    Bind,
    /// Reading the rootDSE (RFC 4512, 5.1; MS-ADTS 3.1.1.3.2).
    RootDse,
    /// Reading who the controller is: its epoch and its domain.
    Identity,
    /// Reading a base of the configuration.
    Base(String),
    /// Searching accounts below this DN.
    Search(String),
    /// Reading one account by its GUID.
    Account(ObjectGuid),
    /// Reading a group.
    Group(String),
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Dial => f.write_str("connecting"),
            Self::Handshake => f.write_str("the TLS handshake"),
            Self::Bind => f.write_str("signing in"),
            Self::RootDse => f.write_str("reading the rootDSE"),
            Self::Identity => f.write_str("reading the controller's identity"),
            Self::Base(dn) => write!(f, "reading the base {dn}"),
            Self::Search(dn) => write!(f, "searching accounts below {dn}"),
            Self::Account(guid) => write!(f, "reading the account {guid}"),
            Self::Group(dn) => write!(f, "reading the group {dn}"),
        }
    }
}
