//! Feed 1: accounts from Active Directory over LDAP.
//!
//! ```text
//! Dc::connect ─► dc.state() ─► changes::next(stored, state) ─► dc.scan(since) ─► pages of accounts
//!  dial, TLS,     the tick       FullScan · Delta · Nothing      search ─► entry
//!  bind, identity
//! ```
//!
//! `changes`, `question`, `entry`, `raw` and `exclusion` are pure; `dc`, `login`, `search` and `wire` do the talking, and nothing outside
//! of this room names the LDAP library. Whoever keeps the watermark reads [`Dc::state`] *before* the scan and stores its USN
//! only after [`Scan::next_page`] said `None`.

pub mod changes;
pub mod entry;
pub mod question;
pub mod raw;
pub mod roster;
#[doc(hidden)]
pub mod untrusted;
pub mod watch;

mod dc;
mod discover;
mod error;
mod exclusion;
mod groups;
mod kerberos;
mod login;
mod look;
mod refusal;
mod search;
mod whoami;
mod wire;

pub use dc::{Dc, Endings, Stage};
pub use discover::Names;
pub use error::{DirectoryError, Step};
pub use groups::{Walk, Walked};
pub use kerberos::KerberosFault;
pub use login::{Login, LoginError};
pub use look::{Deletions, Instead, Place};
pub use question::{coverages, joint_coverage};
pub use refusal::Refusal;
pub use search::{Extent, Scan};
pub use whoami::Own;
