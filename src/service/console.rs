//! A foreground process: SIGTERM and SIGINT stop it in order, a second one at once; SIGHUP has the configuration read anew.

use std::sync::Arc;

use tokio::sync::{Notify, watch};

/// What signals ask for.
#[derive(Debug)]
pub struct Signals {
    /// Turns true when the process shall end.
    pub stop: watch::Receiver<bool>,
    /// Rung when the configuration shall be read anew.
    pub reload: Arc<Notify>,
}

/// Turns termination signals into a stop signal.
///
/// # Errors
/// When the handlers cannot be installed.
pub fn stop_signal() -> std::io::Result<watch::Receiver<bool>> {
    let (stop, stopped) = watch::channel(false);
    listen(stop, None)?;
    Ok(stopped)
}

/// The same, and turns SIGHUP into a request to reload, where there is such a signal.
///
/// # Errors
/// When the handlers cannot be installed.
pub fn signals() -> std::io::Result<Signals> {
    let (stop, stopped) = watch::channel(false);
    let reload = Arc::new(Notify::new());
    listen(stop, Some(Arc::clone(&reload)))?;
    Ok(Signals { stop: stopped, reload })
}

#[cfg(unix)]
fn listen(stop: watch::Sender<bool>, reload: Option<Arc<Notify>>) -> std::io::Result<()> {
    use futures_util::StreamExt as _;
    use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};

    let mut signals = signal_hook_tokio::Signals::new([SIGTERM, SIGINT])?;
    if reload.is_some() {
        signals.handle().add_signal(SIGHUP)?;
    }
    tokio::spawn(async move {
        while let Some(signal) = signals.next().await {
            match &reload {
                Some(reload) if signal == SIGHUP => reload.notify_one(),
                _ if stop.send_replace(true) => {
                    // Asked twice: what is unfinished is settled at the next start.
                    std::process::exit(128 + signal);
                }
                _ => {}
            }
        }
    });
    Ok(())
}

#[cfg(not(unix))]
fn listen(stop: watch::Sender<bool>, _reload: Option<Arc<Notify>>) -> std::io::Result<()> {
    tokio::spawn(async move {
        if tokio::signal::ctrl_c().await.is_ok() {
            stop.send_replace(true);
        }
    });
    Ok(())
}
