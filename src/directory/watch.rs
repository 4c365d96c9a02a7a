//! The machine that follows one domain: whom to connect to, what to read, when to move a watermark, what to say, how long to
//! wait. It does none of it: whoever drives it carries out [`Step`]s and tells what came of them.
//!
//! Two *lines*, each to one controller. The word of one is *content*; the other's, the *witness*, only says where to look again:
//! what it shows and the store has not is kept as a hint. So either can go on alone from its own watermark, and nothing that one
//! of them ever showed is lost with the other. The lines are driven independently: whatever one waits for, the other goes on.

#![deny(clippy::disallowed_types, clippy::disallowed_methods)]

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use super::changes::{self, Reading, Why};
use super::roster::{Failure, Roster};
use crate::model::settings::Server;
use crate::model::watermark::{Sighting, Watermark};
use line::{Line, Open};
use row::Row;
pub use step::{Answer, Notice, Role, Step, What};

mod line;
mod row;
mod state;
mod step;
#[cfg(test)]
mod tests;

/// Connections at most to one domain: content and witness.
pub const LINES: usize = 2;
/// A preferred controller is returned to, and a better witness looked for, after this.
const HEALTHY: SignedDuration = SignedDuration::from_mins(10);
/// Hints are looked after this often, content side.
const CONFIRM: SignedDuration = SignedDuration::from_secs(30);
/// Hints are refreshed this often on the controller that gave them.
const REFRESH: SignedDuration = SignedDuration::from_mins(10);
/// A scan whose cookie the server threw away is begun anew this many times before the controller counts as failed.
const RESTARTS: u32 = 3;
/// With more hints than this a takeover reads everything.
const MANY: u64 = 1000;

/// The machine.
#[derive(Debug)]
pub struct Watch {
    roster: Roster,
    poll: Duration,
    lines: [Line; LINES],
    content: Option<usize>,
    home: Option<String>,
    next_scan: Option<Timestamp>,
    hinted: bool,
    confirm_at: Timestamp,
    /// When there is something to read beside the accounts.
    errand_at: Option<Timestamp>,
    /// There may be more of that since the errand under way was begun.
    roused: bool,
}

impl Watch {
    /// Nothing is connected yet. `poll` is the time between two looks at a controller.
    #[must_use]
    pub fn new(roster: Roster, poll: Duration) -> Self {
        let lines = <[Line; LINES]>::default();
        let confirm_at = Timestamp::MIN;
        Self {
            roster,
            poll,
            lines,
            content: None,
            home: None,
            next_scan: None,
            hinted: false,
            confirm_at,
            errand_at: None,
            roused: false,
        }
    }

    /// Takes a new list of controllers.
    pub fn found(&mut self, servers: Vec<Server>) {
        self.roster.replace(servers);
    }

    /// What kept controllers from being tried is over: all of them may be at once.
    pub fn forgive(&mut self) {
        self.roster.forgive();
    }

    /// Another domain may have left something to read here beside the accounts.
    pub fn rouse(&mut self) {
        (self.errand_at, self.roused) = (Some(Timestamp::MIN), true);
    }

    /// What to do on a line now. Until [`Watch::told`] the line is not to be asked again, except after [`Step::Wait`].
    pub fn next(&mut self, line: usize, now: Timestamp) -> Step {
        let step = self.decide(line, now);
        self.roused &= !matches!(step, Step::Read(_, What::Errand));
        let line = &mut self.lines[line];
        line.busy = !matches!(step, Step::Wait(_));
        match &step {
            Step::Read(role, what) => line.asked = Some((*role, what.clone())),
            Step::TakeOver { ntds, .. } => line.taking = Some(ntds.clone()),
            Step::Close => line.open = None,
            _ => {}
        }
        step
    }

    fn decide(&mut self, i: usize, now: Timestamp) -> Step {
        if let Some(step) = self.planned(i) {
            return step;
        }
        if self.lines[i].open.is_none() {
            return self.connect(i, now);
        }
        if self.content.is_none() {
            self.appoint(i, now);
        } else if self.content == Some(i) && self.is_better(1 - i, i, now) {
            self.take_over(1 - i);
        }
        if let Some(step) = self.planned(i) {
            return step;
        }
        match self.content {
            Some(content) if content == i => self.as_content(i, now),
            Some(content) if self.settled(content) => self.as_witness(i, now),
            _ => Step::Wait(later(now, self.poll)),
        }
    }

    /// The next planned step, with what its controller says by now.
    fn planned(&mut self, i: usize) -> Option<Step> {
        let line = &mut self.lines[i];
        let mut step = line.plan.pop_front()?;
        if let (Step::TakeOver { above: Some(above), .. }, Some(open)) = (&mut step, &line.open) {
            *above = open.state.highest_usn;
        }
        Some(step)
    }

    fn settled(&self, i: usize) -> bool {
        self.lines[i].open.as_ref().is_some_and(|open| open.row.is_some() && open.hints == 0)
    }

    /// Whom a line without a connection calls. A witness only once there is content, and never two at once while there is
    /// none: a wrong password would count twice.
    fn connect(&mut self, i: usize, now: Timestamp) -> Step {
        let other = &self.lines[1 - i];
        let may = match self.content {
            Some(content) => content == i || self.settled(content),
            None => other.open.as_ref().map_or(!other.busy, |open| !open.is_first_choice()),
        };
        let taken = other.server.clone();
        let again = self.lines[i].server.clone().filter(|_| self.content == Some(i));
        let server = again.or_else(|| self.roster.candidate(taken.as_ref(), now).cloned()).filter(|_| may);
        match server {
            Some(server) => {
                self.lines[i].server = Some(server.clone());
                Step::Connect(server)
            }
            None => {
                self.lines[i].server = None;
                let trial = self.roster.next_trial(taken.as_ref()).filter(|trial| may && *trial > now);
                Step::Wait(trial.unwrap_or(Timestamp::MAX))
            }
        }
    }

    /// Makes a line content, unless there may be a better one.
    fn appoint(&mut self, i: usize, now: Timestamp) {
        let (line, other) = (&self.lines[i], &self.lines[1 - i]);
        let Some(open) = &line.open else { return };
        let better = match &other.open {
            Some(rival) => rival.is_first_choice(),
            None => other.busy || self.roster.candidate(line.server.as_ref(), now).is_some(),
        };
        if open.is_first_choice() || !better {
            self.take_over(i);
        }
    }

    /// Whether the content should go over to the witness: the one in step, else the preferred one after a healthy while.
    fn is_better(&self, witness: usize, content: usize, now: Timestamp) -> bool {
        let [new, old] = [witness, content].map(|i| (&self.lines[i].open, &self.lines[i].server));
        let ((Some(new), Some(preferred)), (Some(old), Some(server))) = (new, old) else { return false };
        let ready = new.is_settled() && new.is_first_choice();
        let returns =
            self.roster.rank(preferred) < self.roster.rank(server) && now.duration_since(new.since) >= HEALTHY;
        ready && (returns || !old.is_first_choice())
    }

    fn take_over(&mut self, i: usize) {
        let line = &mut self.lines[i];
        let (Some(open), Some(server)) = (&line.open, &line.server) else { return };
        self.content = Some(i);
        self.errand_at = Some(Timestamp::MIN);
        let ntds = open.state.key.ntds.clone();
        let is_home = self.home.as_ref().is_some_and(|home| home.eq_ignore_ascii_case(&ntds));
        if !open.is_first_choice() {
            line.plan.push_back(Step::Tell(Notice::SecondChoice(server.clone())));
        }
        if !is_home {
            let above = self.home.is_some().then_some(open.state.highest_usn);
            if above.is_some() {
                if !open.fresh {
                    line.plan.push_back(Step::Look);
                }
                line.plan.push_back(Step::Tell(Notice::TookOver(server.clone())));
            }
            line.plan.push_back(Step::TakeOver { ntds, above });
        }
    }

    fn as_content(&mut self, i: usize, now: Timestamp) -> Step {
        let scan_due = self.next_scan.is_some_and(|at| at <= now);
        let confirm = self.hinted && self.confirm_at <= now;
        let Some(open) = &mut self.lines[i].open else { return Step::Wait(now) };
        if open.hints > MANY {
            open.why.get_or_insert(Why::ManyHints);
            return Step::Read(Role::Content, What::Everything(Why::ManyHints));
        }
        if open.hints > 0 && open.row.is_some() {
            return Step::Read(Role::Content, What::Own);
        }
        let errand = self.errand_at.is_some_and(|at| at <= now);
        if open.fresh {
            return match self.read(i, Role::Content, scan_due, now) {
                Step::Wait(_) if errand => Step::Read(Role::Content, What::Errand),
                step => step,
            };
        }
        if errand && open.look_at > now {
            return Step::Read(Role::Content, What::Errand);
        }
        if confirm {
            self.confirm_at = now.checked_add(CONFIRM).unwrap_or(now);
            return Step::Read(Role::Content, What::Doubtful);
        }
        open.rest(now)
    }

    fn as_witness(&mut self, i: usize, now: Timestamp) -> Step {
        let content = self.content.and_then(|content| self.lines[content].server.as_ref());
        let better = self.roster.candidate(content, now).is_some_and(|candidate| {
            let rank = self.roster.rank(candidate);
            let above = |server: Option<&Server>| server.is_none_or(|server| rank < self.roster.rank(server));
            above(content) && above(self.lines[i].server.as_ref())
        });
        let Some(open) = &mut self.lines[i].open else { return Step::Wait(now) };
        if open.fresh {
            return self.read(i, Role::Witness, false, now);
        }
        if better && now.duration_since(open.since) >= HEALTHY {
            self.lines[i].server = None;
            return Step::Close;
        }
        if open.hints > 0 && open.refresh_at <= now {
            open.refresh_at = now.checked_add(REFRESH).unwrap_or(now);
            return Step::Read(Role::Witness, What::Own);
        }
        open.rest(now)
    }

    /// What the controller's state asks for.
    fn read(&mut self, i: usize, role: Role, scan_due: bool, now: Timestamp) -> Step {
        let Some(open) = &mut self.lines[i].open else { return Step::Wait(now) };
        let reading = changes::next(open.row.as_ref().map(Row::mark), &open.state);
        match (reading, open.why) {
            (Reading::Everything(why), None) if why.is_doubt() => {
                self.doubt(i, why);
                self.planned(i).unwrap_or(Step::Wait(now))
            }
            (Reading::Everything(why), before) => {
                let why = *open.why.insert(before.unwrap_or(why));
                Step::Read(role, What::Everything(why))
            }
            _ if scan_due => {
                open.why = Some(Why::Regular);
                Step::Read(role, What::Everything(Why::Regular))
            }
            (Reading::Nothing, _) => self.settle(i, role, false, now),
            (Reading::Since(_), _) => {
                let Some(row) = &mut open.row else { return Step::Wait(now) };
                Step::Read(role, What::Since { usn: row.start(now), canary: row.mark().canary })
            }
        }
    }

    /// A reading is complete: the line is at rest until the next look. The row is stored with news, else once a minute.
    fn settle(&mut self, i: usize, role: Role, news: bool, now: Timestamp) -> Step {
        let look_at = later(now, self.poll);
        let line = &mut self.lines[i];
        if let Some(server) = &line.server {
            self.roster.works(server);
        }
        let Some(open) = &mut line.open else { return Step::Wait(now) };
        (open.fresh, open.look_at, open.restarts) = (false, look_at, 0);
        match &mut open.row {
            Some(row) => match row.is_to_be_kept(news, now) {
                true => Step::Keep(role, row.mark().clone()),
                false => Step::Wait(look_at),
            },
            None => Step::Wait(look_at),
        }
    }

    /// What is known of a controller is void. If there is a witness in good standing its word is content from now on; if not,
    /// this controller's, but it must not lift what is known to exclude somebody.
    fn doubt(&mut self, i: usize, why: Why) {
        let is_content = self.content == Some(i);
        let line = &mut self.lines[i];
        let (Some(open), Some(server)) = (&mut line.open, &line.server) else { return };
        (open.why, open.hints, open.fresh) = (Some(why), 0, true);
        let guard = Step::TakeOver { ntds: open.state.key.ntds.clone(), above: Some(open.state.highest_usn) };
        let row = open.row.take().map(|row| row.mark().key.clone());
        line.plan.extend(row.map(Step::Void));
        line.plan.push_back(Step::Tell(Notice::Doubted(server.clone(), why)));
        let rival = &self.lines[1 - i].open;
        if is_content && rival.as_ref().is_some_and(|rival| rival.row.is_some() && rival.is_first_choice()) {
            self.take_over(1 - i);
        } else if is_content {
            self.lines[i].plan.push_back(guard);
        }
    }

    /// Takes in what came of a line's step. After a failure: when the controller is tried again.
    pub fn told(&mut self, i: usize, answer: Answer, now: Timestamp) -> Option<Timestamp> {
        self.lines[i].busy = false;
        match answer {
            // Whose word the stored content is, changes with the store and not before: the line may fail until then.
            Answer::Done => self.home = self.lines[i].taking.take().or(self.home.take()),
            Answer::Connected { state, row, hints, content, next_scan } => {
                self.home = self.home.take().or(content);
                self.next_scan = next_scan;
                self.hinted |= hints > 0;
                let row = row.map(|mark| Row::stored(mark, now));
                let (since, look_at) = (now, now);
                let refresh_at = now.checked_add(REFRESH).unwrap_or(now);
                let open = Open { state, fresh: true, row, why: None, hints, since, look_at, refresh_at, restarts: 0 };
                self.lines[i].open = Some(open);
            }
            Answer::State(state) => {
                if let Some(open) = &mut self.lines[i].open {
                    (open.state, open.fresh) = (state, true);
                }
            }
            Answer::Read { sighting, news, beside, generation, hints } => {
                if beside && self.content == Some(i) {
                    self.errand_at = Some(Timestamp::MIN);
                }
                self.was_read(i, sighting, news, generation, hints, now)
            }
            Answer::Ran { again } => self.errand_at = if self.roused { Some(Timestamp::MIN) } else { again },
            Answer::Concluded { next_scan } => {
                (self.next_scan, self.errand_at) = (Some(next_scan), Some(Timestamp::MIN));
            }
            Answer::CookieGone => {
                let open = self.lines[i].open.as_mut();
                let again = open.filter(|open| open.restarts < RESTARTS).map(|open| open.restarts += 1);
                return if again.is_some() { None } else { self.failed(i, Failure::Passing, now) };
            }
            Answer::Failed(failure) => return self.failed(i, failure, now),
        }
        None
    }

    fn was_read(
        &mut self,
        i: usize,
        sighting: Sighting,
        news: bool,
        generation: Option<i64>,
        hints: u64,
        now: Timestamp,
    ) {
        let line = &mut self.lines[i];
        let (Some((role, what)), Some(open)) = (line.asked.take(), &mut line.open) else { return };
        self.hinted |= hints > 0;
        match what {
            What::Doubtful => self.hinted = hints > 0,
            What::Own => open.hints = hints,
            What::Errand => {}
            What::Everything(_) => {
                let (key, usn) = (open.state.key.clone(), open.state.highest_usn);
                let mark = Watermark { key, usn, behind: usn, canary: sighting.newest };
                open.row = Some(Row::stored(mark.clone(), now));
                (open.why, open.hints) = (None, hints);
                line.plan.push_back(match (role, generation) {
                    (Role::Content, Some(generation)) => Step::Conclude { mark, generation },
                    _ => Step::Keep(role, mark),
                });
                self.settle(i, role, false, now);
            }
            What::Since { .. } if !sighting.canary_met => self.doubt(i, Why::CanaryGone),
            What::Since { .. } => {
                if role == Role::Witness {
                    open.hints = hints;
                }
                if let Some(row) = &mut open.row {
                    row.advance(open.state.highest_usn, sighting.newest, now);
                }
                if let keep @ Step::Keep(..) = self.settle(i, role, news, now) {
                    self.lines[i].plan.push_back(keep);
                }
            }
        }
    }

    fn failed(&mut self, i: usize, failure: Failure, now: Timestamp) -> Option<Timestamp> {
        let line = std::mem::take(&mut self.lines[i]);
        if self.content == Some(i) {
            self.content = None;
        }
        Some(self.roster.failed(&line.server?, failure, now))
    }
}

fn later(at: Timestamp, by: Duration) -> Timestamp {
    at.checked_add(by).unwrap_or(Timestamp::MAX)
}
