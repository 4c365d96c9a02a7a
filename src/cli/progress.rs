//! A sign of life on a terminal for what takes longer than two seconds.

use std::io::IsTerminal as _;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};
use tokio::sync::watch;

use crate::agent::Progress;

/// Before this nothing is shown.
const PATIENCE: Duration = Duration::from_secs(2);

/// Awaits something while showing how far it has got.
pub(super) async fn with<T>(mut progress: watch::Receiver<Progress>, act: impl Future<Output = T>) -> T {
    if !std::io::stderr().is_terminal() {
        return act.await;
    }
    let show = async {
        tokio::time::sleep(PATIENCE).await;
        let bar = ProgressBar::new_spinner();
        if let Ok(style) = ProgressStyle::with_template("{spinner} {msg}: {pos} ({elapsed})") {
            bar.set_style(style);
        }
        bar.enable_steady_tick(Duration::from_millis(120));
        let _clear = Clear(bar.clone());
        loop {
            let Progress { stage, done } = progress.borrow_and_update().clone();
            bar.set_message(stage);
            bar.set_position(done);
            if progress.changed().await.is_err() {
                std::future::pending::<()>().await;
            }
        }
    };
    tokio::select! {
        value = act => value,
        () = show => unreachable!("it only ends by being dropped"),
    }
}

struct Clear(ProgressBar);

impl Drop for Clear {
    fn drop(&mut self) {
        self.0.finish_and_clear();
    }
}
