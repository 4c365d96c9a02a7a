//! A foreground process: SIGTERM and SIGINT stop it in order, a second one at once.

use tokio::sync::watch;

/// Turns termination signals into a stop signal.
///
/// # Errors
/// When the handlers cannot be installed.
pub fn stop_signal() -> std::io::Result<watch::Receiver<bool>> {
    let (stop, stopped) = watch::channel(false);
    listen(stop)?;
    Ok(stopped)
}

#[cfg(unix)]
fn listen(stop: watch::Sender<bool>) -> std::io::Result<()> {
    use futures_util::StreamExt as _;
    use signal_hook::consts::{SIGINT, SIGTERM};

    let mut signals = signal_hook_tokio::Signals::new([SIGTERM, SIGINT])?;
    tokio::spawn(async move {
        while let Some(signal) = signals.next().await {
            if stop.send_replace(true) {
                // Asked twice: what is unfinished is settled at the next start.
                std::process::exit(128 + signal);
            }
        }
    });
    Ok(())
}

#[cfg(not(unix))]
fn listen(stop: watch::Sender<bool>) -> std::io::Result<()> {
    tokio::spawn(async move {
        if tokio::signal::ctrl_c().await.is_ok() {
            stop.send_replace(true);
        }
    });
    Ok(())
}
