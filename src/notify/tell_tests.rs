//! What is said, by tables: each row is a look, with what is so then and what is said of it.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::Timestamp;

use super::tell::{Facts, HoldFact, Persons, ProductFact, SideFact, Thresholds, Told, tell};
use crate::model::identity::HoldId;
use crate::model::notice::{Ending, Matter, Phase, Said};
use crate::model::sample::{at, ems};
use crate::model::seats::Outlook;
use crate::model::settings::{AlarmSettings, SeatSettings};
use crate::model::standing::Reason;

const DAY: i64 = 86_400;

const THRESHOLDS: Thresholds = Thresholds {
    seats: SeatSettings { warn_free: 5, warn_days: 7 },
    alarm: AlarmSettings { unreachable_after: Duration::from_mins(30), awaited_after: Duration::from_hours(24) },
};

/// Looks again and again, over restarts: what was said is all that is kept.
#[derive(Default)]
struct Looks(BTreeMap<String, Said>);

impl Looks {
    /// `code state` of each message.
    fn look(&mut self, facts: &Facts, now: Timestamp) -> Vec<String> {
        let Told { notices, said } = tell(&self.0, facts, THRESHOLDS, now);
        let again = tell(&said, facts, THRESHOLDS, now);
        assert_eq!((again.notices.len(), &again.said), (0, &said), "a second look at the same says nothing: {again:?}");
        let stored: BTreeMap<String, Said> = serde_json::from_str(&serde_json::to_string(&said).unwrap()).unwrap();
        assert_eq!(stored, said);
        self.0 = said;
        let state = |state| match state {
            Phase::Begins => "begins",
            Phase::Continues => "continues",
            Phase::Ends => "ends",
        };
        for notice in &notices {
            assert!(!notice.title.is_empty() && !notice.title.contains("  "), "{notice:?}");
            assert_eq!(notice.state == Phase::Ends, notice.todo.is_empty(), "with what to do: {notice:?}");
        }
        notices.iter().map(|notice| format!("{} {}", notice.matter.word(), state(notice.state))).collect()
    }
}

fn product(status: &str, free: i64, lasts: Option<u64>) -> Facts {
    let outlook = lasts.map(|days| Outlook { free, joiners: 28, days: 28, lasts: Some(days) });
    Facts {
        products: vec![ProductFact {
            id: ems(),
            name: "EMS".into(),
            status: status.into(),
            assignable: matches!(status, "Enabled" | "Warning"),
            in_grace: status == "Warning",
            free,
            waiting: 0,
            outlook,
        }],
        ..Facts::default()
    }
}

#[test]
fn seats_are_told_of_when_they_become_few_or_none_and_when_they_are_back() {
    let mut looks = Looks::default();
    for (status, free, lasts, told) in [
        ("Enabled", 50, None, vec![]),
        ("Enabled", 6, None, vec![]),
        ("Enabled", 5, None, vec!["seats-low begins"]),
        ("Enabled", 3, None, vec![]),
        // One seat that comes and goes is no news.
        ("Enabled", 6, None, vec![]),
        ("Enabled", 7, None, vec!["seats-low ends"]),
        ("Enabled", 40, Some(7), vec!["seats-low begins"]),
        ("Enabled", 40, Some(8), vec![]),
        ("Enabled", 40, Some(9), vec!["seats-low ends"]),
        ("Enabled", 0, Some(0), vec!["seats-gone begins"]),
        ("Enabled", 0, None, vec![]),
        ("Enabled", 2, None, vec!["seats-gone ends"]),
        ("Enabled", 0, None, vec!["seats-gone begins"]),
        ("Enabled", 100, None, vec!["seats-gone ends"]),
        // A subscription speaks for itself: that its seats are none is no further news.
        ("Suspended", 0, None, vec!["subscription-ending begins"]),
        ("LockedOut", 0, None, vec!["subscription-ending begins"]),
        ("Warning", 100, None, vec!["subscription-ending begins"]),
        ("Enabled", 100, None, vec!["subscription-ending ends"]),
    ] {
        assert_eq!(looks.look(&product(status, free, lasts), at(0)), told, "{status} {free} {lasts:?}");
    }
}

#[test]
fn a_cohort_is_told_of_with_its_commands_and_again_when_it_has_doubled() {
    let hold = |members: u64, digest: &str| Facts {
        holds: vec![HoldFact {
            id: HoldId(3),
            rule: "staff".into(),
            reason: "above 500 a day".into(),
            members,
            digest: digest.into(),
        }],
        ..Facts::default()
    };
    let decided = |outcome: &str| Facts { decided: [(HoldId(3), outcome.to_owned())].into(), ..Facts::default() };
    let mut looks = Looks::default();
    for (facts, told) in [
        (hold(100, "a1"), vec!["cohort-held begins"]),
        (hold(150, "b2"), vec![]),
        (hold(200, "c3"), vec!["cohort-held continues"]),
        (decided("approved"), vec!["cohort-held ends"]),
        (decided("approved"), vec![]),
    ] {
        assert_eq!(looks.look(&facts, at(0)), told, "{facts:?}");
    }
    let told = tell(&BTreeMap::new(), &hold(7, "c0ffee"), THRESHOLDS, at(0));
    let todo = &told.notices[0].todo;
    assert!(todo.contains("`seatsync approve 3 --digest c0ffee`"), "{todo}");
    assert!(todo.contains("`seatsync reject 3 --digest c0ffee`"), "{todo}");
}

#[test]
fn an_end_is_told_of_at_each_threshold_once_and_when_it_was_put_off() {
    let ends = |at| Facts {
        endings: [(
            "credential".to_owned(),
            Some(Ending { matter: Matter::CredentialExpiring, what: "the client secret".into(), at }),
        )]
        .into(),
        ..Facts::default()
    };
    let renewed = || Facts { endings: [("credential".to_owned(), None)].into(), ..Facts::default() };
    let end = at(40 * DAY);
    let mut looks = Looks::default();
    for (facts, day, told) in [
        (ends(end), 5, vec![]),
        (ends(end), 10, vec!["credential-expiring begins"]),
        (ends(end), 20, vec![]),
        (ends(end), 26, vec!["credential-expiring continues"]),
        (ends(end), 33, vec!["credential-expiring continues"]),
        (ends(end), 39, vec![]),
        (ends(end), 40, vec!["credential-expiring continues"]),
        (ends(end), 50, vec![]),
        (ends(at(60 * DAY)), 51, vec!["credential-expiring begins"]),
        (renewed(), 52, vec!["credential-expiring ends"]),
        (renewed(), 53, vec![]),
        // What is not used any more is not told of.
        (ends(at(60 * DAY)), 54, vec!["credential-expiring begins"]),
        (Facts::default(), 55, vec![]),
    ] {
        assert_eq!(looks.look(&facts, at(day * DAY)), told, "day {day}");
    }
}

#[test]
fn a_side_that_cannot_be_read_is_told_of_after_a_while_and_when_it_is_read_again() {
    const MINUTE: i64 = 60;
    let side = |read: Option<i64>, started: i64, complaint: bool| Facts {
        sides: vec![SideFact {
            matter: Matter::TenantUnreachable,
            name: "The tenant".into(),
            read: read.map(|minute| at(minute * MINUTE)),
            started: at(started * MINUTE),
            complaint: complaint.then(|| "no route".to_owned()),
        }],
        ..Facts::default()
    };
    let mut looks = Looks::default();
    for (read, started, complaint, minute, told) in [
        (None, 0, true, 29, vec![]),
        (Some(29), 0, false, 30, vec![]),
        (Some(29), 0, true, 58, vec![]),
        // Long ago by the clock, and nothing is wrong: a long reading.
        (Some(29), 0, false, 80, vec![]),
        (Some(29), 0, true, 59, vec!["tenant-unreachable begins"]),
        // A restart: complaints begin anew, and nothing was read since.
        (Some(29), 70, false, 70, vec![]),
        (Some(29), 70, true, 72, vec![]),
        (Some(90), 70, false, 90, vec!["tenant-unreachable ends"]),
        // A start after a long standstill is no outage yet.
        (Some(90), 5_000, true, 5_001, vec![]),
        (Some(90), 5_000, true, 5_030, vec!["tenant-unreachable begins"]),
    ] {
        assert_eq!(looks.look(&side(read, started, complaint), at(minute * MINUTE)), told, "minute {minute}");
    }
}

#[test]
fn persons_are_told_of_together_and_once() {
    let who = |all: u64, new: u64, last: i64| Persons {
        all,
        new,
        named: (0..new.min(10)).map(|n| format!("u{n}")).collect(),
        last: (new > 0).then(|| at(last)),
    };
    for matter in [Matter::PersonsAwaited, Matter::PersonsRefused] {
        let mut said = BTreeMap::new();
        let mut upto = None;
        for (persons, minute, told) in [
            (who(0, 0, 0), 0, None),
            (who(30, 30, 5), 1, Some((Phase::Begins, "and 20 more"))),
            (who(30, 0, 0), 2, None),
            // Who comes soon after is collected.
            (who(31, 1, 9), 3, None),
            (who(33, 3, 11), 16, Some((Phase::Continues, "u2"))),
            (who(33, 0, 0), 40, None),
            (who(0, 0, 0), 41, Some((Phase::Ends, ""))),
            (who(0, 0, 0), 42, None),
            (who(1, 1, 99), 60, Some((Phase::Begins, "u0"))),
        ] {
            let mut facts = Facts::default();
            match matter {
                Matter::PersonsAwaited => facts.awaited = persons.clone(),
                _ => facts.refused = persons.clone(),
            }
            let now = at(minute * 60);
            let found = tell(&said, &facts, THRESHOLDS, now);
            let heard = found.notices.first().map(|notice| (notice.state, notice.text.as_str()));
            match (heard, told) {
                (None, None) => {}
                (Some((state, text)), Some((expected, part))) => {
                    assert_eq!(state, expected, "minute {minute}");
                    assert!(text.contains(part) && found.notices.len() == 1, "{text}");
                    upto = persons.last.or(upto);
                }
                other => panic!("minute {minute}: {other:?}"),
            }
            said = found.said;
            if let Some(Said::Persons { upto: kept, .. }) = said.get(matter.word()) {
                assert_eq!(*kept, upto, "minute {minute}: nobody is told of twice");
            }
        }
    }
}

#[test]
fn a_halt_that_is_renewed_is_one_and_a_stalled_synchronization_is_told_once() {
    let halt = |until: i64| Facts {
        halt: Some((at(until), Reason::new("graph-forbidden", "403".to_owned()))),
        ..Facts::default()
    };
    let mut looks = Looks::default();
    for (until, second, told) in [
        (300, 300, vec![]),
        (300, 10, vec!["writing-halted begins"]),
        (300, 301, vec![]),
        (602, 310, vec![]),
        (602, 721, vec![]),
        (602, 723, vec!["writing-halted ends"]),
    ] {
        assert_eq!(looks.look(&halt(until), at(second)), told, "{until} {second}");
    }
    for (stalled, told) in
        [(true, vec!["sync-stalled begins"]), (true, vec![]), (false, vec!["sync-stalled ends"]), (false, vec![])]
    {
        let facts = Facts { stalled: stalled.then(|| "since yesterday".to_owned()), ..Facts::default() };
        assert_eq!(looks.look(&facts, at(0)), told, "{stalled}");
    }
}
