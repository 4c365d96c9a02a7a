//! Whether every long-lived task makes progress: each says when it begins a step, and until when it rests. From these notes
//! and the time follows who is overdue; nothing else feeds the watchdog of the system's service manager, and `/healthz`.
//!
//! A step is measured by the stopwatch, since a wall clock that is set must not look like a step that hangs; a rest by the wall
//! clock, since that is what ends it. Steps that legitimately take long (a first reading) note each page; waits that do (a
//! `Retry-After`, a controller that is away) are rests, with their end.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use tokio::sync::watch;

use crate::clock::{Clock, Moment};

/// One step may take this long where whoever watches allows no other time.
pub const PATIENCE: Duration = Duration::from_mins(10);

/// What one step asks of the other side may take this many times the limit of a single answer: an answer and its body, a new
/// token, and all of it again after a broken connection.
const ANSWERS: u32 = 12;

/// A long-lived task.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Task {
    /// Follows a domain. Each of its connections is a task of its own.
    Directory {
        /// The domain.
        domain: String,
        /// Which connection: 0 or 1.
        line: usize,
    },
    /// Follows the tenant.
    Tenant,
    /// Follows groups of the tenant.
    Groups,
    /// Judges and writes.
    Work,
    /// Finds what there is to tell.
    Notices,
}

/// What a task said last.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Note {
    /// It began a step.
    Works {
        /// When, by the stopwatch.
        since: Duration,
        /// How long the step may take.
        limit: Duration,
    },
    /// It has nothing to do until then, or, without a time, until it is woken.
    Rests {
        /// When the rest ends.
        until: Option<Timestamp>,
        /// How much later the next note may come.
        limit: Duration,
    },
}

/// A task without progress for longer than it may be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Overdue {
    /// Which.
    pub task: Task,
    /// By how much it is beyond its time.
    pub by: Duration,
}

/// The notes of all tasks. Clones share them, and whoever watches keeps one while agents come and go.
#[derive(Clone, Debug)]
pub struct Vitals(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    clock: Clock,
    patience: Duration,
    notes: Mutex<BTreeMap<Task, Note>>,
    noted: watch::Sender<()>,
}

/// One task's way to note what it does. What is noted by a task that is not alive counts for nothing.
#[derive(Clone, Debug)]
pub struct Pulse {
    vitals: Vitals,
    task: Task,
    limit: Duration,
}

/// As long as this is there, the task must make progress.
#[must_use]
#[derive(Debug)]
pub struct Life(Pulse);

impl Vitals {
    /// No task yet. One step may take `patience`, or longer where the other side is given more time to answer.
    #[must_use]
    pub fn new(clock: Clock, patience: Duration) -> Self {
        Self(Arc::new(Inner { clock, patience, notes: Mutex::default(), noted: watch::Sender::new(()) }))
    }

    /// A task's way to note what it does. `answer` is the limit of a single answer of whom it talks to.
    #[must_use]
    pub fn pulse(&self, task: Task, answer: Duration) -> Pulse {
        let limit = self.0.patience.max(answer.saturating_mul(ANSWERS));
        Pulse { vitals: self.clone(), task, limit }
    }

    /// Who is without progress for longer than due; nobody while no task is alive.
    #[must_use]
    pub fn overdue(&self) -> Vec<Overdue> {
        overdue(&self.notes(), self.0.clock.moment())
    }

    /// Wakes with each note.
    #[must_use]
    pub fn watch(&self) -> watch::Receiver<()> {
        self.0.noted.subscribe()
    }

    fn notes(&self) -> MutexGuard<'_, BTreeMap<Task, Note>> {
        self.0.notes.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Pulse {
    /// The task begins, with a step.
    pub fn begin(self) -> Life {
        self.vitals.notes().insert(self.task.clone(), self.work_note());
        self.vitals.0.noted.send_replace(());
        Life(self)
    }

    /// A step was done, and another begins.
    pub fn works(&self) {
        self.note(self.work_note());
    }

    /// There is nothing to do until then, or, without a time, until something wakes it.
    pub fn rests(&self, until: Option<Timestamp>) {
        self.note(Note::Rests { until, limit: self.limit });
    }

    fn work_note(&self) -> Note {
        Note::Works { since: self.vitals.0.clock.moment().uptime, limit: self.limit }
    }

    fn note(&self, note: Note) {
        let mut notes = self.vitals.notes();
        if let Some(last) = notes.get_mut(&self.task) {
            *last = note;
            drop(notes);
            self.vitals.0.noted.send_replace(());
        }
    }
}

impl Drop for Life {
    fn drop(&mut self) {
        self.0.vitals.notes().remove(&self.0.task);
    }
}

/// Who is without progress for longer than due.
#[must_use]
pub fn overdue(notes: &BTreeMap<Task, Note>, now: Moment) -> Vec<Overdue> {
    let late = notes.iter().filter_map(|(task, note)| {
        let beyond = match *note {
            Note::Works { since, limit } => now.uptime.checked_sub(since)?.checked_sub(limit)?,
            Note::Rests { until, limit } => {
                let over: SignedDuration = now.at.duration_since(until?);
                Duration::try_from(over).ok()?.checked_sub(limit)?
            }
        };
        Some(Overdue { task: task.clone(), by: beyond })
    });
    late.collect()
}

impl fmt::Display for Task {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Directory { domain, line: 0 } => write!(f, "directory {domain}"),
            Self::Directory { domain, .. } => write!(f, "directory {domain}, second controller"),
            Self::Tenant => f.write_str("tenant"),
            Self::Groups => f.write_str("groups"),
            Self::Work => f.write_str("work"),
            Self::Notices => f.write_str("notices"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMIT: Duration = Duration::from_mins(10);

    fn at(minutes: i64) -> Timestamp {
        Timestamp::from_second(1_800_000_000 + minutes * 60).unwrap()
    }

    fn late(note: Note, now: Moment) -> Option<u64> {
        let found = overdue(&BTreeMap::from([(Task::Tenant, note)]), now);
        found.first().map(|overdue| overdue.by.as_secs() / 60)
    }

    #[test]
    fn a_step_hangs_after_its_limit_by_the_stopwatch_whatever_the_wall_clock_says() {
        let step = Note::Works { since: Duration::from_mins(5), limit: LIMIT };
        let now = |minutes, uptime| Moment { at: at(minutes), uptime: Duration::from_mins(uptime) };
        assert_eq!(late(step, now(5, 14)), None);
        assert_eq!(late(step, now(5, 15)), Some(0));
        assert_eq!(late(step, now(5, 20)), Some(5));
        assert_eq!(late(step, now(100_000, 6)), None);
        assert_eq!(late(step, now(-100_000, 6)), None);
    }

    #[test]
    fn a_rest_may_last_until_its_end_however_far_and_not_much_longer() {
        let now = |minutes, uptime| Moment { at: at(minutes), uptime: Duration::from_mins(uptime) };
        let rest = Note::Rests { until: Some(at(60)), limit: LIMIT };
        assert_eq!(late(rest, now(59, 1_000)), None);
        assert_eq!(late(rest, now(69, 1_000)), None);
        assert_eq!(late(rest, now(71, 1_000)), Some(1));
        assert_eq!(late(Note::Rests { until: None, limit: LIMIT }, now(100_000, 100_000)), None);
        assert_eq!(late(Note::Rests { until: Some(Timestamp::MAX), limit: LIMIT }, now(100_000, 100_000)), None);
    }

    #[test]
    fn only_who_is_alive_is_counted_and_notes_wake_who_watches() {
        let vitals = Vitals::new(Clock::system(), Duration::ZERO);
        let pulse = vitals.pulse(Task::Work, Duration::ZERO);
        let watch = vitals.watch();
        pulse.works();
        assert!(vitals.overdue().is_empty() && !watch.has_changed().unwrap());
        let life = pulse.clone().begin();
        assert!(watch.has_changed().unwrap());
        assert_eq!(vitals.overdue().len(), 1);
        pulse.rests(None);
        assert!(vitals.overdue().is_empty());
        pulse.works();
        drop(life);
        assert!(vitals.overdue().is_empty());
    }

    #[test]
    fn who_may_answer_late_has_longer_steps() {
        let vitals = Vitals::new(Clock::system(), Duration::from_mins(10));
        assert_eq!(vitals.pulse(Task::Tenant, Duration::from_secs(1)).limit, Duration::from_mins(10));
        assert_eq!(vitals.pulse(Task::Tenant, Duration::from_mins(10)).limit, Duration::from_hours(2));
    }
}
