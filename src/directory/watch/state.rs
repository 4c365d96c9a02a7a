//! What the machine knows of where it stands.

use jiff::Timestamp;

use super::Watch;
use super::line::{Line, Open};

impl Watch {
    /// Whether any controller is known.
    #[must_use]
    pub fn knows_any(&self) -> bool {
        !self.roster.is_empty()
    }

    /// Whether the content was read up to what its controller said last, and all that follows from it.
    #[must_use]
    pub fn is_settled(&self, now: Timestamp) -> bool {
        let idle = self.errand_at.is_none_or(|at| at > now);
        idle && self.content.is_some_and(|line| {
            let line = &self.lines[line];
            !line.busy
                && line.plan.is_empty()
                && line.open.as_ref().is_some_and(|open| open.is_settled() && open.hints == 0)
        })
    }

    /// Whether there is no controller to read and none to try now.
    #[must_use]
    pub fn is_blind(&self, now: Timestamp) -> bool {
        let idle = |line: &Line| line.open.is_none() && !line.busy;
        self.content.is_none() && self.lines.iter().all(idle) && self.roster.candidate(None, now).is_none()
    }

    /// Whether a line did all there was to do for now.
    #[must_use]
    pub fn is_at_rest(&self, line: usize) -> bool {
        let line = &self.lines[line];
        line.plan.is_empty() && line.open.as_ref().is_some_and(Open::is_settled)
    }

    /// Whether a line is that of the content, and did all there was to do for now.
    #[must_use]
    pub fn is_content_at_rest(&self, line: usize, now: Timestamp) -> bool {
        self.content == Some(line) && self.is_settled(now)
    }

    /// Whether no controller is content, nor one there that can go on from where it was read.
    #[must_use]
    pub fn is_without(&self) -> bool {
        let ready = |line: &Line| line.open.as_ref().is_some_and(|open| open.row.is_some());
        self.content.is_none() && !self.lines.iter().any(ready)
    }
}
