//! Weeks in some minutes: `cargo bench --bench soak [-- TICKS]`. The agent, with the clock moved ten seconds at each tick, follows
//! a company (`life`) that the lab plays in another process; 172,800 ticks are twenty days. Printed is what must not grow:
//! anonymous memory, descriptors, rows, the file, its -wal. At the end everybody there is licensed, once, and the second quarter
//! is compared with the last.

mod life;
#[path = "../stage/mod.rs"]
mod stage;

use std::cell::RefCell;
use std::time::{Duration, Instant};

use life::{Extent, Life, pass};
use seatsync::agent::Agent;
use seatsync::clock::Clock;
use seatsync::store::Store;
use seatsync_lab::directory::{Directory, DirectoryOptions};
use seatsync_lab::tenant::{Tenant, World};
use stage::{Lab, More, Outcome, memory};

const TICKS: u64 = 172_800;
const TICK: Duration = Duration::from_secs(10);

/// Ticks after the last event in which all comes right.
const CALM: u64 = 1_000;

/// As shipped, but that what is over is kept for three days: else twenty days could not show that it goes.
const SOAKED: More = More {
    mode: "apply",
    directory: "",
    tenant: "",
    tables: "[usage_location]\ndefault = \"SE\"\n[audit]\nkeep = \"3d\"",
};

#[tokio::main]
async fn main() -> Outcome {
    let words: Vec<String> = std::env::args().skip(1).filter(|word| word != "--bench").collect();
    match words.first().map(String::as_str) {
        Some("lab") => lab().await,
        Some(ticks) => soak(ticks.parse()?).await,
        None => soak(TICKS).await,
    }
}

/// Plays the company. Each word is answered with reads of the rootDSE so far, who was hired, who is there, and of them who has
/// the license and was given it by one write.
async fn lab() -> Outcome {
    let directory = Directory::start(DirectoryOptions::with_accounts(100)).await?;
    let tenant = Tenant::start(World::empty_contoso()).await?;
    tenant.set_seats("EMS", 10_000)?;
    stage::introduce(&directory, &tenant);
    let (mut life, mut heard) = (Life::new(7), stage::words());
    while let Some(word) = heard.recv().await {
        if let "tick" | "calm" = word.as_str() {
            life.tick(TICK, word == "calm", &directory, &tenant);
        }
        let (mut there, mut licensed) = (0, 0);
        if word == "count" {
            for upn in life.staff() {
                let user = tenant.view(|view| view.user(upn)).ok_or("nobody of that name")?;
                there += 1;
                licensed += u64::from(user.holds("EMS") && user.counters.assign_license.effective == 1);
            }
        }
        println!("{} {} {there} {licensed}", directory.counters().root_dse_reads, life.hired());
    }
    Ok(())
}

#[derive(Clone, Copy, Default)]
struct Sample {
    anonymous: u64,
    extent: Extent,
}

async fn soak(ticks: u64) -> Outcome {
    let mut lab = Lab::start(&["lab"])?;
    let (settings, _files) = lab.settings(&SOAKED)?;
    let (path, clock) = (settings.store.clone(), Clock::system());
    let (stop, stopped) = tokio::sync::watch::channel(false);
    let store = Store::open(&path)?;
    let agent = Agent::new(settings, store.clone(), clock.clone(), stopped).await?;
    let running = tokio::spawn(async move { agent.run().await });
    while !store.report().await?.acquainted {
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let lab = RefCell::new(lab);
    let say = |word: &str| lab.borrow_mut().counters(word).expect("the lab answers");
    let mut quarters = [Sample::default(); 4];
    let begun = Instant::now();
    println!(
        "{:>8} {:>7} {:>9} {:>7} {:>7} {:>9} {:>6}",
        "tick", "hired", "anonymous", "rows", "pages", "wal", "files"
    );
    for tick in 1..=ticks + CALM {
        if running.is_finished() {
            return running.await?.map_err(Into::into);
        }
        let hired = say(if tick > ticks { "calm" } else { "tick" })[1];
        pass(&clock, TICK, || say("")[0]).await;
        if tick % (ticks / 200).max(1) == 0 && tick <= ticks {
            let sample = Sample { anonymous: memory("self", "RssAnon")?, extent: Extent::of(&path) };
            let quarter = &mut quarters[usize::try_from((tick - 1) * 4 / ticks)?];
            quarter.anonymous = quarter.anonymous.max(sample.anonymous);
            quarter.extent = quarter.extent.most(sample.extent);
            if tick % (ticks / 20).max(1) == 0 {
                let (Extent { rows, pages, wal, descriptors }, mib) = (sample.extent, sample.anonymous as f64 / 1024.0);
                println!("{tick:>8} {hired:>7} {mib:>5.1} MiB {rows:>7} {pages:>7} {wal:>9} {descriptors:>6}");
            }
        }
    }
    let took = begun.elapsed().as_secs_f64();
    let told = say("count");
    println!("{} ticks in {took:.0} s, {} looks at the directory", ticks + CALM, told[0]);
    let report = store.report().await?;
    println!("{} hired, {} there, {} of them licensed by one write; {:?}", told[1], told[2], told[3], report.standing);
    stop.send_replace(true);
    running.await??;
    assert_eq!(told[2], told[3], "everybody there is licensed, once");
    assert_eq!(store.broken_audit_row().await?, None, "the audit fits");
    let ([_, second, _, last], size) = (quarters, |sample: Sample| sample.extent);
    println!("at most, second quarter: {} KiB, {:?}", second.anonymous, size(second));
    println!("at most, last quarter:   {} KiB, {:?}", last.anonymous, size(last));
    let flat = |second: u64, last: u64| last * 10 <= second * 11;
    assert!(flat(second.anonymous, last.anonymous), "memory grows");
    assert!(flat(size(second).rows, size(last).rows) && flat(size(second).pages, size(last).pages), "the store grows");
    assert!(flat(size(second).descriptors + 10, size(last).descriptors + 10), "descriptors are lost");
    Ok(())
}
