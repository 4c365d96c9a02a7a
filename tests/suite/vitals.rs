//! Whether the tasks make progress: what `/healthz` and the service manager's watchdog are told.

use std::time::Duration;

use seatsync::vitals::Vitals;
use seatsync_lab::tenant::{Fault, Match};

use crate::bench::{Bench, PATIENCE, until};

#[tokio::test(flavor = "multi_thread")]
async fn who_waits_for_a_side_that_is_away_is_not_overdue_however_long() {
    let bench = Bench::start(5).await;
    let handle = bench.agent().await;
    let vitals = handle.agent.vitals();
    let running = handle.run();
    running.until(|report| report.acquainted).await;
    bench.directory.set_down(true);
    bench.tenant.fault(Fault::throttled(Match::path("/v1.0/"), Some("86400")));
    running.until(|report| report.troubles.len() >= 2).await;
    running.clock.advance(Duration::from_hours(48));
    // The waits of before are over, which each task notices, and others begin.
    settled(&vitals).await;
    running.stop().await;
    assert!(vitals.overdue().is_empty(), "who has ended owes nothing");
}

#[tokio::test(flavor = "multi_thread")]
async fn tasks_that_hang_are_overdue_each_by_name() {
    let mut bench = Bench::start(5).await;
    bench.edit("timeout = \"20s\"", "timeout = \"200ms\"");
    let handle = bench.agent().await;
    let vitals = Vitals::new(handle.clock.clone(), Duration::ZERO);
    let agent = handle.agent.clone().watched_by(vitals.clone());
    let mut tasks = Box::pin(agent.run());
    let acquainted = until(&handle.store, |report| report.acquainted);
    tokio::select! {
        _ = acquainted => {}
        ended = &mut tasks => panic!("it ended: {ended:?}"),
    }
    // From here on nobody drives them; only the directory's are driven by themselves.
    let hanging = async {
        loop {
            let names: Vec<String> = vitals.overdue().iter().map(|overdue| overdue.task.to_string()).collect();
            // Whether the groups' was at a step by then is chance.
            if ["tenant", "work", "notices"].into_iter().all(|task| names.iter().any(|name| name == task)) {
                return names;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    let named = tokio::time::timeout(PATIENCE, hanging).await;
    let named = named.unwrap_or_else(|_| panic!("{:?}", vitals.overdue()));
    assert!(!named.iter().any(|name| name.starts_with("directory")), "{named:?}");
    drop(tasks);
    assert!(!vitals.overdue().iter().any(|overdue| overdue.task.to_string() == "work"), "it is not alive any more");
}

/// Waits until nobody is overdue.
async fn settled(vitals: &Vitals) {
    let well = async {
        while !vitals.overdue().is_empty() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    assert!(tokio::time::timeout(PATIENCE, well).await.is_ok(), "{:?}", vitals.overdue());
}
