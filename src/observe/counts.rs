//! How often it happened since the process started: counted from each [`Event`] at the moment it is emitted, so that the log
//! and the numbers tell the same.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use jiff::SignedDuration;

use super::Event;

/// The upper bounds of a [`Spread`], in seconds: from a replication to a day, closest where Entra's own sync decides.
pub const BOUNDS: [f64; 16] = [
    1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0, 600.0, 1_200.0, 1_800.0, 2_700.0, 3_600.0, 7_200.0, 14_400.0,
    86_400.0,
];

/// How long something took, each time.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Spread {
    /// How many took no longer than the bound of the same place, nor less than the one before.
    pub within: [u64; BOUNDS.len()],
    /// How many in all.
    pub count: u64,
    /// All together, in seconds.
    pub sum: f64,
}

impl Spread {
    const NONE: Self = Self { within: [0; BOUNDS.len()], count: 0, sum: 0.0 };

    fn add(&mut self, took: SignedDuration) {
        let took = took.as_secs_f64();
        if let Some(place) = BOUNDS.iter().position(|bound| took <= *bound) {
            self.within[place] += 1;
        }
        self.count += 1;
        self.sum += took;
    }
}

/// Everything that is counted.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Counts {
    /// Events by code and level, in lower case; a trouble that goes on is counted once.
    pub events: BTreeMap<(&'static str, &'static str), u64>,
    /// Failures by their code, each try.
    pub errors: BTreeMap<String, u64>,
    /// Answered writes by what was written and what came of it.
    pub writes: BTreeMap<(&'static str, &'static str), u64>,
    /// How often Graph asked to be left alone, by what it was asked for: `read` or `write`.
    pub throttled: BTreeMap<&'static str, u64>,
    /// From first seen in the directory to licensed.
    pub since_seen: Spread,
    /// From appearing in the tenant to licensed.
    pub since_appeared: Spread,
}

static COUNTS: Mutex<Counts> = Mutex::new(Counts {
    events: BTreeMap::new(),
    errors: BTreeMap::new(),
    writes: BTreeMap::new(),
    throttled: BTreeMap::new(),
    since_seen: Spread::NONE,
    since_appeared: Spread::NONE,
});

/// What was counted so far.
#[must_use]
pub fn counts() -> Counts {
    COUNTS.lock().unwrap_or_else(PoisonError::into_inner).clone()
}

/// Under which code Graph's wish to be left alone is known.
const THROTTLED: &str = "graph-throttled";

/// Counts an event; one that goes on is no news.
pub(super) fn count(event: &Event, news: bool) {
    COUNTS.lock().unwrap_or_else(PoisonError::into_inner).count(event, news);
}

impl Counts {
    fn count(&mut self, event: &Event, news: bool) {
        if news {
            *self.events.entry((event.code(), level(event))).or_default() += 1;
        }
        match event {
            Event::Trouble { code, .. } => self.failed(code, "read"),
            Event::LocationSet { .. } => self.written("usage-location", "accepted"),
            Event::LicenseAccepted { .. } => self.written("license", "accepted"),
            Event::WriteFailed { what, code, outcome, .. } => {
                self.written(what, outcome);
                self.failed(code, "write");
            }
            Event::StandingMoved { journey, .. } => {
                journey.since_seen.into_iter().for_each(|took| self.since_seen.add(took));
                journey.since_appeared.into_iter().for_each(|took| self.since_appeared.add(took));
            }
            _ => {}
        }
    }

    fn failed(&mut self, code: &str, what: &'static str) {
        *self.errors.entry(code.to_owned()).or_default() += 1;
        if code == THROTTLED {
            *self.throttled.entry(what).or_default() += 1;
        }
    }

    fn written(&mut self, what: &'static str, outcome: &'static str) {
        *self.writes.entry((what, outcome)).or_default() += 1;
    }
}

fn level(event: &Event) -> &'static str {
    match event.level() {
        tracing::Level::ERROR => "error",
        tracing::Level::WARN => "warn",
        tracing::Level::INFO => "info",
        _ => "debug",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::fault::Class;
    use crate::model::journey::Journey;
    use jiff::Timestamp;

    fn failed(code: &str, outcome: &'static str) -> Event {
        let (code, why) = (code.to_owned(), "no".to_owned());
        Event::WriteFailed {
            name: "ada".into(),
            sku: "EMS".into(),
            what: "license",
            code,
            outcome,
            why,
            request_id: None,
        }
    }

    #[test]
    fn each_try_is_an_error_and_only_news_an_event() {
        let trouble = Event::Trouble {
            part: "tenant".into(),
            code: "graph-throttled",
            class: Class::Heals,
            what: "x".into(),
            advice: "y".into(),
            retry: Timestamp::UNIX_EPOCH,
        };
        let mut counts = Counts::default();
        counts.count(&trouble, true);
        counts.count(&trouble, false);
        counts.count(&failed("graph-throttled", "retrying"), true);
        counts.count(&failed("no-seat", "no-seat"), true);
        assert_eq!(counts.events[&("graph-throttled", "warn")], 1);
        assert_eq!(counts.errors["graph-throttled"], 3);
        assert_eq!((counts.throttled["read"], counts.throttled["write"]), (2, 1));
        assert_eq!(counts.writes[&("license", "no-seat")], 1);
    }

    #[test]
    fn how_long_it_took_falls_into_one_bound() {
        let moved = |seconds| Event::StandingMoved {
            name: "ada".into(),
            product: "EMS".into(),
            from: None,
            to: "licensed".into(),
            why: None,
            journey: Journey { since_seen: Some(SignedDuration::from_secs(seconds)), since_appeared: None },
        };
        let mut counts = Counts::default();
        for seconds in [0, 1, 2, 90_000] {
            counts.count(&moved(seconds), true);
        }
        assert_eq!((counts.since_seen.within[0], counts.since_seen.within[1]), (2, 1));
        assert_eq!((counts.since_seen.count, counts.since_seen.sum), (4, 90_003.0));
        assert_eq!(counts.since_appeared, Spread::NONE);
    }
}
