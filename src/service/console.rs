//! A foreground process: SIGTERM and SIGINT, or Windows' console events, stop it in order, a second one at once; SIGHUP has the
//! configuration read anew.

use std::sync::Arc;

use tokio::sync::{Notify, watch};

use super::Signals;

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

/// Windows' console events ("SetConsoleCtrlHandler"): the first stops in order, a second one at once. Closing the window, logging
/// off and shutting down leave some seconds, after which the system ends the process; what is unfinished is settled at the next start.
#[cfg(windows)]
fn listen(stop: watch::Sender<bool>, _reload: Option<Arc<Notify>>) -> std::io::Result<()> {
    use tokio::signal::windows;

    let (mut c, mut r#break) = (windows::ctrl_c()?, windows::ctrl_break()?);
    let (mut close, mut logoff, mut shutdown) =
        (windows::ctrl_close()?, windows::ctrl_logoff()?, windows::ctrl_shutdown()?);
    tokio::spawn(async move {
        loop {
            tokio::select! {
                _ = c.recv() => {}
                _ = r#break.recv() => {}
                _ = close.recv() => {}
                _ = logoff.recv() => {}
                _ = shutdown.recv() => {}
            }
            if stop.send_replace(true) {
                std::process::exit(i32::from(crate::model::fault::exit::BUSY));
            }
        }
    });
    Ok(())
}
