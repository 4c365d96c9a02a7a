//! `seatsync status`

mod check;
mod findings;
mod screen;

use std::io::IsTerminal as _;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use self::findings::Surroundings;
use super::{Common, Failure, Place, output};
use crate::clock::Clock;
use crate::model::settings::Settings;
use crate::model::text::one_line;
use crate::store::{Lease, Report, Store};

/// What `status` takes.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Print JSON.
    #[arg(long)]
    json: bool,
    /// Repaint the screen again and again, until Ctrl-C.
    #[arg(long, conflicts_with = "json")]
    watch: bool,
    /// One line for Nagios and its kin, with performance data; ends with 0 (ok), 1 (warning), 2 (critical) or 3 (unknown).
    #[arg(long, conflicts_with_all = ["json", "watch"])]
    check: bool,
    #[command(flatten)]
    place: Place,
}

/// The screen is painted so often.
const REPAINTED: Duration = Duration::from_secs(2);
/// What `alarm` says by default, for where only the store is known.
const UNREACHABLE: SignedDuration = SignedDuration::from_mins(30);
const AWAITED: SignedDuration = SignedDuration::from_hours(24);
/// Moves to the corner of a terminal, and wipes from there on (ECMA-48: CUP, ED).
const WIPE: &str = "\x1b[H\x1b[J";

/// Shows the state at a glance; returns the exit status.
pub(super) async fn run(common: &Common, args: &Args) -> Result<u8, Failure> {
    if args.check {
        return Ok(match look(common, args).await {
            Ok((report, at)) => {
                let (line, status) = check::verdict(&report, &findings::findings(&report, at), at);
                output::line(&line);
                status
            }
            Err(failure) => {
                output::line(&check::unknown(&failure));
                check::UNKNOWN
            }
        });
    }
    if args.watch {
        return watch(common, args).await.map(|()| 0);
    }
    let (report, at) = look(common, args).await?;
    if args.json {
        let mut value = serde_json::to_value(&report).unwrap_or_default();
        value["running"] = at.running.into();
        return output::json(&value).map(|()| 0);
    }
    output::block(&screen(&report, at));
    Ok(0)
}

/// The state, and what it is to be seen by.
async fn look(common: &Common, args: &Args) -> Result<(Report, Surroundings), Failure> {
    let path = common.store_path(&args.place)?;
    let settings = if args.place.store.is_none() { common.settings().ok() } else { None };
    let limits = settings.map_or((UNREACHABLE, AWAITED), |Settings { alarm, .. }| {
        let long = |limit, otherwise| SignedDuration::try_from(limit).unwrap_or(otherwise);
        (long(alarm.unreachable_after, UNREACHABLE), long(alarm.awaited_after, AWAITED))
    });
    let store = Store::join(&path)?;
    let report = store.report().await?;
    let running = Lease::is_held(&path);
    let (limit, awaited) = limits;
    Ok((report, Surroundings { running, limit, awaited, now: Clock::system().now() }))
}

/// The whole screen; what foreign text of it would begin another line is escaped.
fn screen(report: &Report, at: Surroundings) -> String {
    let lines = screen::lines(report, &findings::findings(report, at), at);
    lines.iter().map(|line| one_line(line)).collect::<Vec<_>>().join("\n")
}

/// Whether it is all right, and if not, what first; by the limits that hold by default.
pub(super) fn headline(report: &Report, running: bool, now: Timestamp) -> String {
    let at = Surroundings { running, limit: UNREACHABLE, awaited: AWAITED, now };
    findings::headline(report, &findings::findings(report, at), running)
}

/// Repaints until told to stop. What cannot be read at the moment is said in its place.
async fn watch(common: &Common, args: &Args) -> Result<(), Failure> {
    // The first look must work: a wrong path does not get better.
    let mut seen = look(common, args).await;
    if seen.is_err() {
        seen.map(drop)?;
        return Ok(());
    }
    let terminal = std::io::stdout().is_terminal() && std::env::var_os("TERM").is_none_or(|term| term != "dumb");
    // One for all rounds: pressed in between, it ends the next.
    let mut ended = std::pin::pin!(tokio::signal::ctrl_c());
    loop {
        let text = match &seen {
            Ok((report, at)) => {
                format!("{}\n\n{}, again in 2 s; Ctrl-C ends", screen(report, *at), output::time(at.now))
            }
            Err(failure) => format!("seatsync   {}\n           {}", failure.fault(), failure.fault().advice()),
        };
        output::block(&if terminal { format!("{WIPE}{text}") } else { format!("{text}\n") });
        tokio::select! {
            () = tokio::time::sleep(REPAINTED) => {}
            _ = &mut ended => return Ok(()),
        }
        seen = look(common, args).await;
    }
}
