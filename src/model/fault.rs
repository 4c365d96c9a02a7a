//! What every room's error can say about itself, so that exit codes, logs and documentation agree.

use std::fmt;

/// Who can make an error go away.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Class {
    /// It heals by itself: retry on a schedule.
    Heals,
    /// It stays until a person changes something: retry rarely, say what to do.
    Operator,
    /// It should not happen: a defect of seatsync, or an answer no documentation allows.
    Bug,
}

impl fmt::Display for Class {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Heals => "heals",
            Self::Operator => "operator",
            Self::Bug => "bug",
        })
    }
}

/// An error an operator can look up.
pub trait Fault: std::error::Error {
    /// Who can make it go away.
    fn class(&self) -> Class;
    /// A stable code in kebab case, the key of the documentation's error table, such as `directory-bind-refused`.
    fn code(&self) -> &'static str;
    /// One sentence: what to do next.
    fn advice(&self) -> String;
    /// The exit status of a command that ends with this error, after BSD's `sysexits.h`.
    fn exit_status(&self) -> u8;
}

/// `sysexits.h` values used by the commands.
pub mod exit {
    /// The command was used wrongly (`EX_USAGE`).
    pub const USAGE: u8 = 64;
    /// What a new configuration does exceeds the guard: it waits for an operator's word (`EX_DATAERR`).
    pub const EXCEEDS: u8 = 65;
    /// A user, hold or rule that was named does not exist (`EX_NOUSER`).
    pub const NOT_FOUND: u8 = 67;
    /// The directory or the tenant cannot be reached (`EX_UNAVAILABLE`).
    pub const UNAVAILABLE: u8 = 69;
    /// A defect of seatsync (`EX_SOFTWARE`).
    pub const SOFTWARE: u8 = 70;
    /// The store cannot be created (`EX_CANTCREAT`).
    pub const CANNOT_CREATE: u8 = 73;
    /// The store cannot be read or written (`EX_IOERR`).
    pub const STORE: u8 = 74;
    /// Another agent holds the store; try again (`EX_TEMPFAIL`).
    pub const BUSY: u8 = 75;
    /// Credentials or permissions were refused (`EX_NOPERM`).
    pub const REFUSED: u8 = 77;
    /// The configuration is wrong (`EX_CONFIG`).
    pub const CONFIG: u8 = 78;
}
