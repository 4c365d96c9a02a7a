//! `cargo demo`: the real agent at work, in about a minute, on a directory and a tenant of its own.
//!
//! Both sides are the lab's, in this process, over real sockets; the agent is the one that ships, with a configuration file
//! and a store like anybody's. It needs no root, no server and no configuration, and leaves nothing behind. It ends well
//! only if everybody who should be licensed is.

#[path = "demo/cast.rs"]
mod cast;
#[path = "demo/screen.rs"]
mod screen;
#[path = "demo/stage.rs"]
mod stage;
#[path = "demo/summary.rs"]
mod summary;

use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use clap::Parser;
use seatsync::agent::Host;
use seatsync::clock::Clock;
use seatsync::config::Environment;
use seatsync::store::{Lease, Store};
use seatsync::vitals::{self, Vitals};
use seatsync::{agent, cli};
use tokio::sync::watch;

use screen::Screen;
use stage::Stage;

type Failure = Box<dyn std::error::Error>;

/// Nothing here takes longer, unless something is wrong.
const PATIENCE: Duration = Duration::from_secs(60);

/// The agent at work, on a directory and a tenant of its own.
#[derive(Clone, Copy, Debug, Parser)]
#[command(name = "cargo demo --", max_term_width = 100)]
struct Options {
    /// Stay up until Ctrl-C, and say how to try the commands on it.
    #[arg(long)]
    keep: bool,
    /// The same five times as fast, for those in a hurry.
    #[arg(long)]
    fast: bool,
}

impl Options {
    /// A time of the script.
    fn pace(self, seconds: f64) -> Duration {
        Duration::from_secs_f64(if self.fast { seconds / 5.0 } else { seconds })
    }
}

#[tokio::main]
async fn main() -> ExitCode {
    match play(Options::parse()).await {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("demo: {error}");
            ExitCode::FAILURE
        }
    }
}

/// The whole play; whether it ended well.
async fn play(options: Options) -> Result<bool, Failure> {
    let screen = Screen::new();
    screen.title();
    let stage = Stage::set(options).await?;
    screen.stage(&stage);

    let load = cli::load_from(stage.config.clone(), Environment::default());
    let settings = load().map_err(|unloadable| unloadable.to_string())?;
    let _lease = Lease::take(&stage.store)?;
    let (store, clock) = (Store::open(&stage.store)?, Clock::system());
    let (stop, stopped) = watch::channel(false);
    let host = Host {
        load,
        stop: stopped,
        reload: Arc::default(),
        phase: watch::Sender::default(),
        vitals: Vitals::new(clock.clone(), vitals::PATIENCE),
        begun: Box::new(|_| ()),
    };
    let mut running = tokio::spawn(agent::run(settings, store.clone(), clock, host));

    let scenes = async {
        screen.first_contact(&store).await?;
        let follower = stage.follow(options.pace(4.0), options.pace(1.0))?;
        let story = cast::perform(&stage, &store, &screen, options).await?;
        Ok::<_, Failure>((story, follower))
    };
    let (story, _follower) = tokio::select! {
        played = scenes => played?,
        ended = &mut running => return Err(format!("the agent ended: {ended:?}").into()),
        _ = tokio::signal::ctrl_c() => return Err("interrupted".into()),
    };

    let config = stage.config.display().to_string();
    for command in [&["status"][..], &["explain", cast::TOLD_OF]] {
        screen.command(command);
        cli::execute([&["seatsync"], command, &["--config", &config]].concat()).await;
    }
    let well = summary::show(&stage, &store, &screen, &story).await?;
    if options.keep {
        screen.keep(&stage);
        tokio::signal::ctrl_c().await?;
    }
    stop.send_replace(true);
    running.await??;
    Ok(well)
}
