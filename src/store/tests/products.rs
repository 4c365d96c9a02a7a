//! Products while they are written: seats, a refusal for everybody, and licenses that do not show.

use std::time::Duration;

use super::desk::Desk;
use super::intents::{both, in_flight, reason, retry};
use crate::model::license::{Catalog, Sku};
use crate::model::sample::{at, ems, spe_e3, user_id};
use crate::model::standing::Standing;
use crate::store::{Outcome, Step};

#[tokio::test]
async fn without_a_seat_of_one_product_only_that_one_waits() {
    let desk = both().await;
    let together = desk.license(at(21)).await;
    desk.conclude(together, Outcome::NoSeat { sku: Some(spe_e3()) }, at(22)).await;
    assert_eq!(desk.word(1).await, "due");
    assert_eq!(desk.entitlement(1, spe_e3()).await.unwrap().standing, Standing::AwaitingSeat);
    let free = desk.store.free_seats().await.unwrap();
    assert_eq!((free[&spe_e3()], free[&ems()]), (0, 10), "nothing is free until the numbers change");
    assert_eq!(desk.license(at(23)).await.step.skus(), [ems()]);
}

#[tokio::test]
async fn a_product_refused_for_all_waits_for_one_to_ask_again() {
    let desk = Desk::acquainted(Vec::new(), &[]).await;
    desk.joins(1, at(20)).await;
    let first = desk.license(at(21)).await;
    let stopped = |until| Outcome::Stopped { sku: ems(), until, reason: reason() };
    desk.conclude(first.clone(), stopped(at(500)), at(22)).await;
    desk.joins(2, at(23)).await;
    desk.judge(at(23)).await;
    assert_eq!(desk.plan(at(24)).await.writes, [], "nobody asks");
    assert_eq!(desk.store.next_due(true, Duration::ZERO).await.unwrap(), Some(at(500)));
    let [asking] = &desk.plan(at(500)).await.writes[..] else { panic!("one asks") };
    assert_eq!(asking.user, user_id(1));
    // A count that falls says nothing, other numbers do.
    let read = |enabled: i64, consumed: i64| {
        let with = |sku: &Sku| Sku { enabled, consumed, ..sku.clone() };
        Catalog::new(desk.catalog.iter().map(with))
    };
    let known = desk.catalog.get(ems()).unwrap().clone();
    desk.store.put_catalog(read(known.enabled, known.consumed - 1), at(30)).await.unwrap();
    assert_eq!(desk.plan(at(31)).await.writes, []);
    desk.store.put_catalog(read(known.enabled + 1, known.consumed - 1), at(32)).await.unwrap();
    let plan = desk.plan(at(33)).await;
    assert_eq!(plan.writes.len(), 1);
    let step = Step::License { add: plan.writes[0].licenses.clone(), remove: Vec::new() };
    let again = desk.commit(&plan.writes[0], step, at(33)).await.unwrap();
    desk.conclude(again, Outcome::Accepted, at(34)).await;
    assert!(desk.store.stops().await.unwrap().is_empty());
    desk.judge(at(35)).await;
    assert_eq!(desk.plan(at(35)).await.writes.len(), 1, "the other follows");
}

/// The count may rise before the answer that says why.
#[tokio::test]
async fn a_seat_is_counted_once_whichever_is_known_first() {
    let free = async |desk: &Desk| desk.store.free_seats().await.unwrap()[&ems()];
    for counted_first in [true, false] {
        let (desk, intent) = in_flight().await;
        assert_eq!(free(&desk).await, 9, "it is under way");
        let counted = desk.catalog.iter().cloned().map(|sku| Sku { consumed: sku.consumed + 1, ..sku });
        let counted = Catalog::new(counted);
        if counted_first {
            desk.store.put_catalog(counted, at(22)).await.unwrap();
            desk.conclude(intent, Outcome::Accepted, at(23)).await;
        } else {
            desk.conclude(intent, Outcome::Accepted, at(22)).await;
            desk.store.put_catalog(counted, at(23)).await.unwrap();
        }
        assert_eq!(free(&desk).await, 9);
    }
    for outcome in [retry(at(60)), Outcome::TakenBack, Outcome::Refused { reason: reason() }] {
        let (desk, intent) = in_flight().await;
        desk.conclude(intent, outcome, at(22)).await;
        assert_eq!(free(&desk).await, 10, "it came to nothing");
    }
}

#[tokio::test]
async fn who_is_not_seen_to_be_licensed_for_long_is_told_of_once() {
    let (desk, intent) = in_flight().await;
    desk.conclude(intent, Outcome::Accepted, at(22)).await;
    assert!(desk.store.tell_unconfirmed(at(21)).await.unwrap().is_empty());
    assert_eq!(desk.store.tell_unconfirmed(at(22)).await.unwrap(), ["u1@example.test"]);
    assert!(desk.store.tell_unconfirmed(at(30)).await.unwrap().is_empty());
    let story = desk.store.dossier(desk.id(1).await).await.unwrap().unwrap();
    assert!(story.person.entitlements[0].why.as_ref().unwrap().contains("unusually long"), "{story:?}");
    assert_eq!(desk.store.report().await.unwrap().unconfirmed, 1);
}
