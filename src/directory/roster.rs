//! Which domain controllers there are, in which order they are preferred, and when each may be tried again.
//!
//! Who fails is tried again after one second, then two, up to a minute, with jitter; meanwhile the next in order is tried at
//! once. So a circle of failures is gone round without a pause, and only then is there a wait.

#![deny(clippy::disallowed_types, clippy::disallowed_methods)]

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::Timestamp;

use crate::model::settings::Server;

/// The first wait after a failure; it doubles with each further one.
const FIRST: Duration = Duration::from_secs(1);
/// Where that doubling ends.
const LONGEST: Duration = Duration::from_mins(1);
/// The wait when a person must act: long, so that a wrong password locks nobody out.
const RARELY: Duration = Duration::from_mins(5);

/// A controller as the DNS names it (RFC 2782).
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Record {
    /// Lower is tried first.
    pub priority: u16,
    /// Among equals in priority, this share of clients tries it first.
    pub weight: u16,
    /// The name, without a dot at the end.
    pub target: String,
    /// TCP port.
    pub port: u16,
}

/// Puts records in the order in which one client tries them (RFC 2782): by priority, and within it by chance according to
/// weight. The same seed and the same records, in whatever order they came, give the same order.
#[must_use]
pub fn order(mut records: Vec<Record>, seed: u64) -> Vec<Record> {
    // Those of weight 0 stand first, so that they have a very small chance.
    records.sort_by(|a, b| (a.priority, a.weight, &a.target, a.port).cmp(&(b.priority, b.weight, &b.target, b.port)));
    records.dedup_by(|a, b| (&a.target, a.port) == (&b.target, b.port));
    let mut chance = fastrand::Rng::with_seed(seed);
    let mut ordered = Vec::with_capacity(records.len());
    while let Some(priority) = records.first().map(|record| record.priority) {
        let equals = records.iter().take_while(|record| record.priority == priority);
        let sum: u64 = equals.clone().map(|record| u64::from(record.weight)).sum();
        let drawn = chance.u64(0..=sum);
        let mut running = 0;
        let reached = equals.take_while(|record| {
            running += u64::from(record.weight);
            running < drawn
        });
        let place = reached.count();
        ordered.push(records.remove(place));
    }
    ordered
}

/// What went wrong with a controller, as far as it decides whom to try next and when.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Failure {
    /// It may work the next time.
    Passing,
    /// It will not until somebody does something about this controller.
    Lasting,
    /// It will not, on no controller of the domain: to try the next would only count a wrong password again.
    Domain,
}

/// A controller's record with us.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Trial {
    failures: u32,
    again: Option<Timestamp>,
}

/// The controllers of one domain.
#[derive(Clone, Debug)]
pub struct Roster {
    servers: Vec<Server>,
    trials: BTreeMap<String, Trial>,
    chance: fastrand::Rng,
}

impl Roster {
    /// The controllers in the order of preference; `seed` is for jitter.
    #[must_use]
    pub fn new(servers: Vec<Server>, seed: u64) -> Self {
        Self { servers, trials: BTreeMap::new(), chance: fastrand::Rng::with_seed(seed) }
    }

    /// Takes a new list; what is known of those who stay is kept.
    pub fn replace(&mut self, servers: Vec<Server>) {
        self.servers = servers;
        let names: Vec<String> = self.servers.iter().map(name).collect();
        self.trials.retain(|known, _| names.contains(known));
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.servers.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.servers.is_empty()
    }

    /// A controller's place in the order; one that is no longer listed comes last.
    #[must_use]
    pub fn rank(&self, server: &Server) -> usize {
        self.servers.iter().position(|known| known == server).unwrap_or(self.servers.len())
    }

    /// The first that may be tried now, except `taken`.
    #[must_use]
    pub fn candidate(&self, taken: Option<&Server>, now: Timestamp) -> Option<&Server> {
        self.servers.iter().find(|server| Some(*server) != taken && self.again(server).is_none_or(|again| again <= now))
    }

    /// When the first of those that must wait may be tried, except `taken`.
    #[must_use]
    pub fn next_trial(&self, taken: Option<&Server>) -> Option<Timestamp> {
        self.servers.iter().filter(|server| Some(*server) != taken).filter_map(|server| self.again(server)).min()
    }

    /// Notes a failure, and says when the controller may be tried again.
    pub fn failed(&mut self, server: &Server, failure: Failure, now: Timestamp) -> Timestamp {
        let trial = self.trials.entry(name(server)).or_default();
        trial.failures = trial.failures.saturating_add(1);
        let wait = match failure {
            Failure::Passing => FIRST.saturating_mul(1 << (trial.failures - 1).min(10)).min(LONGEST),
            Failure::Lasting | Failure::Domain => RARELY,
        };
        // Between half and all of it, so that agents that lost one controller together do not return together.
        let wait = wait.mul_f64(0.5 + self.chance.f64() / 2.0);
        let again = now.checked_add(wait).unwrap_or(Timestamp::MAX);
        trial.again = Some(again);
        if failure == Failure::Domain {
            for server in &self.servers {
                self.trials.entry(name(server)).or_default().again = Some(again);
            }
        }
        again
    }

    /// Notes that a controller did all that was asked of it.
    pub fn works(&mut self, server: &Server) {
        self.trials.remove(&name(server));
    }

    fn again(&self, server: &Server) -> Option<Timestamp> {
        self.trials.get(&name(server)).and_then(|trial| trial.again)
    }
}

/// How a controller is called in messages.
#[must_use]
pub fn name(server: &Server) -> String {
    format!("{}:{}", server.host.trim_end_matches('.'), server.port)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::settings::Transport;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_second(seconds).unwrap()
    }

    fn server(host: &str) -> Server {
        Server { host: host.into(), port: 636, transport: Transport::Ldaps }
    }

    fn record(priority: u16, weight: u16, target: &str) -> Record {
        Record { priority, weight, target: target.into(), port: 389 }
    }

    #[test]
    fn priorities_come_in_order_and_weights_share_the_first_place() {
        let records = vec![record(10, 0, "late"), record(0, 300, "big"), record(0, 100, "small"), record(0, 0, "rare")];
        let mut first = BTreeMap::<String, u32>::new();
        for seed in 0..4_000 {
            let ordered = order(records.clone(), seed);
            assert_eq!(ordered.len(), 4);
            assert_eq!(ordered[3].target, "late");
            *first.entry(ordered[0].target.clone()).or_default() += 1;
        }
        let count = |target: &str| first.get(target).copied().unwrap_or(0);
        assert!((2_700..3_300).contains(&count("big")), "{first:?}");
        assert!((700..1_300).contains(&count("small")), "{first:?}");
        assert!(count("rare") < 60, "{first:?}");
        let mut shuffled = records.clone();
        shuffled.reverse();
        shuffled.push(record(0, 100, "small"));
        assert_eq!(order(shuffled, 7), order(records, 7));
    }

    #[test]
    fn the_next_is_tried_at_once_and_a_full_circle_waits_ever_longer() {
        let (a, b) = (server("a"), server("b"));
        let mut roster = Roster::new(vec![a.clone(), b.clone()], 1);
        assert_eq!(roster.candidate(None, at(0)), Some(&a));
        roster.failed(&a, Failure::Passing, at(0));
        assert_eq!(roster.candidate(None, at(0)), Some(&b));
        roster.failed(&b, Failure::Passing, at(0));
        assert_eq!(roster.candidate(None, at(0)), None);
        assert!(roster.next_trial(None).is_some_and(|again| again > at(0) && again <= at(1)));
        let mut now = at(0);
        let mut waits = Vec::new();
        for _ in 0..12 {
            let again = roster.failed(&a, Failure::Passing, now);
            waits.push(again.duration_since(now).as_secs_f64());
            now = again;
        }
        assert!(waits.iter().all(|wait| (0.5..=60.0).contains(wait)), "{waits:?}");
        assert!(waits.last().is_some_and(|wait| *wait >= 30.0), "{waits:?}");
        roster.works(&a);
        assert_eq!(roster.candidate(None, now), Some(&a));
    }

    #[test]
    fn a_refused_password_is_tried_nowhere_for_minutes() {
        let mut roster = Roster::new(vec![server("a"), server("b")], 1);
        let again = roster.failed(&server("a"), Failure::Domain, at(0));
        assert!(again >= at(150), "{again}");
        assert_eq!(roster.candidate(None, at(149)), None);
        assert_eq!(roster.next_trial(None), Some(again));
    }

    #[test]
    fn a_new_list_keeps_what_is_known() {
        let mut roster = Roster::new(vec![server("a"), server("b")], 1);
        roster.failed(&server("a"), Failure::Lasting, at(0));
        roster.replace(vec![server("a"), server("c")]);
        assert_eq!(roster.candidate(None, at(1)), Some(&server("c")));
        assert_eq!((roster.rank(&server("c")), roster.rank(&server("b"))), (1, 2));
        assert_eq!(roster.candidate(Some(&server("c")), at(1)), None);
    }
}
