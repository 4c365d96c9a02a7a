//! What is known of each of the machine's two connections.

use std::collections::VecDeque;

use jiff::{SignedDuration, Timestamp};

use super::row::Row;
use super::step::{Role, Step, What};
use crate::directory::changes::Why;
use crate::model::settings::Server;
use crate::model::watermark::DcState;

/// A connection is replaced after this: names, certificates and the library's bookkeeping age.
const AGE: SignedDuration = SignedDuration::from_hours(4);

#[derive(Debug, Default)]
pub(super) struct Line {
    pub server: Option<Server>,
    pub open: Option<Open>,
    pub busy: bool,
    pub asked: Option<(Role, What)>,
    /// The controller whose word is being stored as content.
    pub taking: Option<String>,
    pub plan: VecDeque<Step>,
}

#[derive(Debug)]
pub(super) struct Open {
    pub state: DcState,
    /// Whether the state has not been acted upon yet.
    pub fresh: bool,
    pub row: Option<Row>,
    /// Why everything is being read, while it is.
    pub why: Option<Why>,
    pub hints: u64,
    pub since: Timestamp,
    pub look_at: Timestamp,
    pub refresh_at: Timestamp,
    pub restarts: u32,
}

impl Open {
    /// Whether it is in step with the others and has all attributes.
    pub fn is_first_choice(&self) -> bool {
        self.state.synchronized && self.state.writable
    }

    pub fn is_settled(&self) -> bool {
        self.row.is_some() && !self.fresh
    }

    /// Nothing to read: a look when it is time for one, a new connection when this one is old.
    pub fn rest(&self, now: Timestamp) -> Step {
        if now.duration_since(self.since) >= AGE {
            Step::Close
        } else if self.look_at <= now {
            Step::Look
        } else {
            Step::Wait(self.look_at)
        }
    }
}
