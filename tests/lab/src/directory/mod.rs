//! An Active Directory domain, as a domain controller shows it over LDAP.
//!
//! Behind the sockets is a [`world`]: objects, the domain controllers that hold them, uSNs. [`search`] reads it as
//! LDAP does, the server puts that on the network, [`fault`] breaks it on demand, and [`log`] keeps the record that
//! tests take as witness. [`Directory`] is all of it running in this process; the control API is the same for hands.

pub mod cli;
pub mod contract;
mod control;
mod dc;
pub mod dns;
pub mod fault;
mod first;
mod handle;
pub mod log;
mod options;
pub mod search;
mod server;
#[cfg(test)]
mod tests;
pub mod world;

pub use dc::Dc;
pub use dns::{DnsCondition, Srv};
pub use fault::{Effect, Fault, Gate, Moment, Target};
pub use handle::Directory;
pub use log::{Counters, Kind, Operation};
pub use options::{DcOptions, DirectoryOptions};
pub use server::machine::Condition;
pub use world::{Account, Backup, Change, Guid, NewAccount, Restoration};
