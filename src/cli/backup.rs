//! `seatsync backup`

use std::path::PathBuf;

use super::output::{self, line};
use super::{Common, Failure, Place};
use crate::clock::Clock;
use crate::store::backup;

/// What `backup` takes.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The file to write. It can be put in the place of the store as it is.
    #[arg(value_name = "FILE")]
    to: PathBuf,
    /// Replace the file if it exists.
    #[arg(long)]
    force: bool,
    /// Print JSON.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    place: Place,
}

/// Copies the store, whether or not an agent works on it.
pub(super) async fn run(common: &Common, args: Args) -> Result<(), Failure> {
    let from = common.store_path(&args.place)?;
    let written = tokio::task::block_in_place(|| backup(&from, &args.to, args.force, Clock::system().now()))?;
    if args.json {
        return output::json(&written);
    }
    let (persons, schema) = (output::count(written.persons, "person"), written.schema);
    line(&format!("{}: {} bytes, {persons}, schema {schema}, checked", written.file.display(), written.bytes));
    if let Some(head) = written.audit_head {
        line(&format!("audit head {head}"));
    }
    Ok(())
}
