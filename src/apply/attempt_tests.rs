//! The table: each verdict on each step, and what comes of it.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use proptest::prelude::*;
use uuid::Uuid;

use super::{Circumstances, REFUSED_PAUSE, decide};
use crate::model::plan::{LicenseWrite, LocationWrite};
use crate::model::sample::{at, ems, spe_e3, work};
use crate::model::verdict::{Answer, Refusal, Scope, Verdict};
use crate::store::{Outcome, Step};

fn license() -> Step {
    let write = |sku| LicenseWrite { sku, disabled: [].into(), rule: "r".into(), held: false };
    Step::License { add: vec![write(ems()), write(spe_e3())], remove: Vec::new() }
}

fn location() -> Step {
    let write = LocationWrite { to: "SE".parse().unwrap(), from: None, source: "c".into() };
    Step::Location { write, skus: vec![ems()] }
}

fn answer(verdict: Verdict, message: &str) -> Answer {
    Answer {
        verdict,
        status: Some(400),
        code: None,
        message: Some(message.into()),
        request_id: None,
        client_request_id: Uuid::from_u128(7).into(),
    }
}

fn circumstances(step: &Step) -> Circumstances<'_> {
    Circumstances { step, attempts: 1, known_since: Some(at(0)), whole: true, now: at(60), seed: 1.0 }
}

/// What comes of it in a few words: of the write, and for everyone.
fn said(verdict: Verdict, message: &str, at: &Circumstances<'_>) -> (String, Option<i64>, bool) {
    let decision = decide(&answer(verdict, message), at, &work());
    let seconds = |until: Timestamp| until.duration_since(at.now).as_secs();
    let outcome = match decision.outcome {
        Outcome::Accepted => "accepted".to_owned(),
        Outcome::Retry { at, reason } => format!("retry in {} {}", seconds(at), reason.code),
        Outcome::NoSeat { sku: None } => "no seat of any".to_owned(),
        Outcome::NoSeat { sku: Some(sku) } => format!("no seat of {}", if sku == ems() { "EMS" } else { "SPE_E3" }),
        Outcome::Refused { reason } => format!("refused {}", reason.code),
        Outcome::Stopped { sku, until, reason } => {
            let product = if sku == ems() { "EMS" } else { "SPE_E3" };
            format!("{product} stopped for {} {}", seconds(until), reason.code)
        }
        Outcome::TakenBack => "taken back".to_owned(),
        Outcome::Unknown { settle, reason } => format!("settle in {} {}", seconds(settle), reason.code),
    };
    (outcome, decision.halt.map(|(until, _)| seconds(until)), decision.forbidden)
}

#[test]
fn every_verdict_has_its_outcome() {
    let refused = |code: &str, scope| Verdict::Refused(Refusal { code: code.into(), scope });
    let some = |seconds| Some(Duration::from_secs(seconds));
    let pause = Some(i64::try_from(REFUSED_PAUSE.as_secs()).unwrap());
    let table = [
        (Verdict::Accepted, "", "accepted", "accepted", None, false),
        (Verdict::AlreadySo, "", "accepted", "accepted", None, false),
        (Verdict::NotFound, "", "retry in 10 user-not-found-yet", "retry in 10 user-not-found-yet", None, false),
        (
            Verdict::LocationNotReady,
            "",
            "retry in 10 usage-location-not-replicated",
            "refused usage-location-unacceptable",
            None,
            false,
        ),
        (Verdict::NoSeat, "", "no seat of any", "no seat of any", None, false),
        (
            Verdict::Throttled { after: some(7) },
            "",
            "retry in 7 graph-throttled",
            "retry in 7 graph-throttled",
            Some(7),
            false,
        ),
        (
            Verdict::Throttled { after: None },
            "",
            "retry in 10 graph-throttled",
            "retry in 10 graph-throttled",
            Some(10),
            false,
        ),
        (
            Verdict::Throttled { after: some(0) },
            "",
            "retry in 1 graph-throttled",
            "retry in 1 graph-throttled",
            Some(1),
            false,
        ),
        (Verdict::Concurrency, "", "retry in 10 concurrent-writes", "retry in 10 concurrent-writes", None, false),
        (
            Verdict::Unavailable { after: None },
            "",
            "retry in 10 graph-unavailable",
            "retry in 10 graph-unavailable",
            None,
            false,
        ),
        (
            Verdict::Unavailable { after: some(99) },
            "",
            "retry in 99 graph-unavailable",
            "retry in 99 graph-unavailable",
            None,
            false,
        ),
        (
            Verdict::Unavailable { after: some(1) },
            "",
            "retry in 10 graph-unavailable",
            "retry in 10 graph-unavailable",
            None,
            false,
        ),
        (Verdict::Unknown, "", "settle in 10 outcome-unknown", "settle in 10 outcome-unknown", None, false),
        (
            Verdict::Unauthorized,
            "",
            "retry in 300 graph-token-refused",
            "retry in 300 graph-token-refused",
            pause,
            false,
        ),
        (Verdict::Forbidden, "", "retry in 300 graph-forbidden", "retry in 300 graph-forbidden", None, true),
        (
            refused("plan-dependency", Scope::User),
            "",
            "refused plan-dependency",
            "refused plan-dependency",
            None,
            false,
        ),
        (refused("sku-not-owned", Scope::Sku), "", "refused sku-not-owned", "retry in 900 sku-not-owned", None, false),
        (
            refused("tenant-locked", Scope::Tenant),
            "",
            "retry in 300 tenant-locked",
            "retry in 300 tenant-locked",
            pause,
            false,
        ),
    ];
    for (verdict, message, of_license, of_location, halt, forbidden) in table {
        let (license, location) = (license(), location());
        for (step, outcome) in [(&license, of_license), (&location, of_location)] {
            let found = said(verdict.clone(), message, &circumstances(step));
            assert_eq!(found, (outcome.to_owned(), halt, forbidden), "{verdict:?} on {step:?}");
        }
    }
}

#[test]
fn the_product_without_a_seat_is_the_one_graph_names() {
    let step = license();
    for (named, outcome) in [
        (spe_e3().to_string(), "no seat of SPE_E3"),
        (ems().to_string().to_uppercase(), "no seat of EMS"),
        ("another".to_owned(), "no seat of any"),
    ] {
        let message = format!("Subscription with SKU {named} does not have any available licenses.");
        assert_eq!(said(Verdict::NoSeat, &message, &circumstances(&step)).0, outcome);
    }
}

#[test]
fn a_product_that_is_refused_for_all_is_the_one_graph_names_or_the_only_one() {
    let refused = Verdict::Refused(Refusal { code: "sku-not-for-users".into(), scope: Scope::Sku });
    let (both, message) = (license(), format!("License {} cannot be assigned to a user.", spe_e3()));
    let found = said(refused.clone(), &message, &circumstances(&both));
    assert_eq!(found.0, "SPE_E3 stopped for 900 sku-not-for-users");
    let Step::License { add, .. } = both else { panic!() };
    let one = Step::License { add: add[..1].to_vec(), remove: Vec::new() };
    assert_eq!(said(refused, "", &circumstances(&one)).0, "EMS stopped for 900 sku-not-for-users");
}

#[test]
fn patience_with_a_location_has_an_end() {
    let step = license();
    let patience = SignedDuration::try_from(work().patience).unwrap();
    let since = at(0);
    for (now, outcome) in [
        (since + patience - SignedDuration::from_secs(1), "retry in 10 usage-location-not-replicated"),
        (since + patience, "refused usage-location-unacceptable"),
    ] {
        let at = Circumstances { now, ..circumstances(&step) };
        assert_eq!(said(Verdict::LocationNotReady, "", &at).0, outcome);
    }
    let unknown = Circumstances { known_since: None, ..circumstances(&step) };
    assert_eq!(said(Verdict::LocationNotReady, "", &unknown).0, "refused usage-location-unacceptable");
}

#[test]
fn a_refusal_says_what_to_do() {
    let step = license();
    let refusal = Refusal { code: "plans-mutually-exclusive".into(), scope: Scope::User };
    let decision =
        decide(&answer(Verdict::Refused(refusal), "Plans a, b are exclusive."), &circumstances(&step), &work());
    let Outcome::Refused { reason } = decision.outcome else { panic!("{decision:?}") };
    assert!(reason.text.starts_with("Plans a, b are exclusive; ") && reason.text.ends_with("then `seatsync retry`"));
    let decision = decide(&answer(Verdict::Forbidden, "Insufficient privileges."), &circumstances(&step), &work());
    let Outcome::Retry { reason, .. } = decision.outcome else { panic!("{decision:?}") };
    assert!(reason.text.contains("LicenseAssignment.ReadWrite.All"), "{}", reason.text);
}

proptest! {
    #[test]
    fn a_retry_is_neither_a_hammer_nor_for_ever(attempts in 0..u32::MAX, seed in -1.0..2.0_f64) {
        let step = license();
        let at = Circumstances { attempts, seed, ..circumstances(&step) };
        let decision = decide(&answer(Verdict::Concurrency, ""), &at, &work());
        let Outcome::Retry { at: until, .. } = decision.outcome else { panic!("{decision:?}") };
        prop_assert_eq!(until.as_millisecond() % 1_000, 0, "all of one second are tried together");
        let wait = Duration::try_from(until.duration_since(at.now)).unwrap();
        prop_assert!(wait >= work().retry_first / 10 && wait <= work().retry_max + Duration::from_secs(1));
        let most = work().retry_first.saturating_mul(2_u32.saturating_pow(attempts.saturating_sub(1)));
        prop_assert!(wait <= most.min(work().retry_max) + Duration::from_secs(1));
    }
}
