//! Twelve days in a company, in some seconds: nothing grows, and everybody who is there is licensed. `cargo bench --bench soak` is
//! the long one, which looks at memory, too.

#[path = "../../benches/soak/life.rs"]
mod life;

use std::time::Duration;

use life::{Extent, Life, pass};

use crate::bench::{Bench, until};

const TICKS: u64 = 1_500;
const TICK: Duration = Duration::from_secs(720);

#[tokio::test(flavor = "multi_thread")]
async fn twelve_days_of_joiners_leavers_and_outages_leave_nothing_behind() {
    let mut bench = Bench::start(20).await;
    bench.extra = "[audit]\nkeep = \"1d\"\n".into();
    for edit in [
        ("poll = \"100ms\"", "poll = \"10s\""),
        ("poll = \"200ms\"", "poll = \"60s\""),
        ("poll_awaiting = \"100ms\"", ""),
    ] {
        bench.edit(edit.0, edit.1);
    }
    bench.edit("level = \"debug\"", "level = \"warn\"");
    bench.tenant.set_seats("EMS", 10_000).expect("seats");
    let agent = bench.running().await;
    let (mut life, mut quarters) = (Life::new(7), [Extent::default(); 4]);
    for tick in 0..TICKS {
        life.tick(TICK, false, &bench.directory, &bench.tenant);
        pass(&agent.clock, TICK, || bench.directory.counters().root_dse_reads).await;
        if tick % 25 == 0 {
            let quarter = &mut quarters[(tick * 4 / TICKS) as usize];
            *quarter = quarter.most(Extent::of(&bench.path("seatsync.db")));
        }
    }
    assert!(life.hired() > 550, "{}", life.hired());
    let licensed = |bench: &Bench| {
        life.staff().all(|upn| bench.tenant.view(|view| view.user(upn).is_some_and(|user| user.holds("EMS"))))
    };
    let mut calm = Life::new(8);
    let right = async {
        while !licensed(&bench) {
            calm.tick(TICK, true, &bench.directory, &bench.tenant);
            pass(&agent.clock, Duration::from_secs(60), || bench.directory.counters().root_dse_reads).await;
        }
    };
    bench.directory.set_down(false);
    bench.tenant.clear_faults();
    tokio::time::timeout(crate::bench::PATIENCE, right).await.expect("all come right");
    for upn in life.staff() {
        let user = bench.tenant.view(|view| view.user(upn)).expect("somebody");
        assert_eq!(user.counters.assign_license.effective, 1, "{user:?}");
    }
    until(&agent.store, |report| report.standing.keys().all(|word| word != "due" && word != "in-flight")).await;
    assert_eq!(agent.store.broken_audit_row().await.expect("the audit"), None);
    agent.stop().await;

    let [_, second, _, last] = quarters;
    let flat = |second: u64, last: u64| last * 10 <= second * 12;
    assert!(flat(second.rows, last.rows), "rows: {quarters:#?}");
    assert!(flat(second.pages, last.pages), "pages: {quarters:#?}");
    assert!(flat(second.descriptors + 20, last.descriptors + 20), "descriptors: {quarters:#?}");
    assert!(last.wal <= 64 << 20, "the -wal file: {quarters:#?}");
}
