//! The store: what has been seen, decided, tried and answered, in SQLite. All SQL lives here and none leaks out.
//!
//! One writer thread owns the connection; each method is one transaction in the words of the domain, and no row or
//! transaction lives across an await. Rows that are dirty or due are the only queue there is.

mod accounts;
mod audit;
mod backup;
mod claims;
mod domains;
mod dossier;
mod error;
mod exchange;
mod expected;
mod figures;
mod file;
mod groups;
mod hints;
mod holders;
mod holds;
mod inspect;
mod intents;
mod judgements;
mod lease;
mod link;
mod manual;
mod membership;
mod migrate;
mod newcomers;
mod notices;
mod outcomes;
mod people;
mod picture;
mod plans;
mod pulse;
mod reloads;
mod report;
mod requests;
mod rows;
mod rule_sets;
mod seats;
mod strangers;
mod tally;
mod tenant_feed;
mod tidy;
mod trail;
mod untold;
mod users;
mod walks;
mod writer;

#[cfg(test)]
mod tests;

use std::path::Path;

pub use accounts::{Absorbed, ScanEnd};
pub use audit::{AuditKind, AuditRow};
pub use backup::{Backup, backup};
pub use domains::DomainFeed;
pub use dossier::{ByHand, Dossier, IntentView, RuleView};
pub use error::StoreError;
pub use exchange::Exchanged;
pub use figures::{Figures, HeldFigure};
pub use groups::{GroupEnd, GroupLine};
pub use holders::Holder;
pub use holds::HoldView;
pub use inspect::{Inspection, inspect, room, size};
pub use intents::{IntentOrder, OpenIntent, Step};
pub use judgements::Moved;
pub use lease::{Lease, LeaseHolder};
pub use membership::GroupNews;
pub use newcomers::Making;
pub use notices::{Group, Since, Situation, Waiting};
pub use outcomes::{Concluded, Outcome, Settled};
pub use plans::Recorded;
pub use pulse::{Confirmation, Halt};
pub use report::{EntitlementView, PersonLine, QuarantineLine, Report, SkuLine};
pub use requests::PendingRequest;
pub use tally::Tally;
pub use tenant_feed::{ListingEnd, TenantFeed};
pub use tidy::Shortened;
pub use trail::{AuditCheck, AuditCheckpoint, AuditFault, AuditFilter, AuditHead};
pub use untold::Missed;
pub use walks::Errand;
pub use writer::Store;

/// The schema this seatsync writes.
#[must_use]
pub fn schema() -> i64 {
    migrate::newest()
}

/// Copies the store at `from` into a new file, consistently, while an agent may be writing to it. In one step: one that is
/// interrupted by a write would start over.
///
/// # Errors
/// When either cannot be opened, or the disk is full.
pub fn copy(from: &Path, to: &Path) -> Result<(), StoreError> {
    let source = file::open_for_reading(from)?;
    let mut target = file::make(to)?;
    rusqlite::backup::Backup::new(&source, &mut target)
        .and_then(|backup| backup.run_to_completion(i32::MAX, std::time::Duration::ZERO, None))
        .map_err(|error| StoreError::from_sqlite(from, error))
}
