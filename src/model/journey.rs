//! How long a newcomer took to the license.

use jiff::SignedDuration;
use serde::Serialize;

/// What is known of the way to a license that was just seen to work; nothing of who is no newcomer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Journey {
    /// Since the account was first seen in the directory.
    pub since_seen: Option<SignedDuration>,
    /// Since the user appeared in the tenant: its `createdDateTime`, or when it was first read where there is none.
    pub since_appeared: Option<SignedDuration>,
}
