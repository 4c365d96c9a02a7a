//! Being watched over HTTP: `/metrics`, `/healthz` and `/readyz`, for as long as the process lives.
//!
//! A [`Board`] is the one handle: whoever runs agents hands each that begins to it ([`Board::follow`]), and the listener serves
//! what that one knows, at the address its configuration names. Counts of persons come from the store, at most once in a few
//! seconds however often is asked; what happened since the start is counted where it is logged (`observe`).

mod catalog;
mod page;
mod readiness;
mod scrape;
mod server;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use tokio::sync::{Mutex, watch};
use tokio::time::Instant;

pub use catalog::{CATALOG, Kind, Metric};

use crate::agent::Agent;
use crate::clock::Clock;
use crate::store::{Figures, StoreError};

/// Figures from the store are served again for so long, so that asking often cannot hurt the work.
const CACHED: Duration = Duration::from_secs(3);

/// The store's figures, and when they were read.
type Cached = Arc<Mutex<Option<(Instant, Arc<Figures>)>>>;

/// What is shown of the agent that works now. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Board {
    agent: watch::Sender<Option<Agent>>,
    served: watch::Sender<Option<SocketAddr>>,
    cached: Cached,
    started: Timestamp,
}

impl Board {
    /// An empty board, of a process that starts now.
    #[must_use]
    pub fn new(clock: &Clock) -> Self {
        Self {
            agent: watch::Sender::new(None),
            served: watch::Sender::new(None),
            cached: Cached::default(),
            started: clock.now(),
        }
    }

    /// From now on this agent is shown, in place of the one before.
    pub fn follow(&self, agent: &Agent) {
        self.agent.send_replace(Some(agent.onlooker()));
    }

    /// Where it is served at the moment; `None` while nowhere.
    #[must_use]
    pub fn served(&self) -> watch::Receiver<Option<SocketAddr>> {
        self.served.subscribe()
    }

    /// Serves what is asked for, until dropped. What cannot be had is said and tried again; nothing of it ends the service.
    pub async fn serve(self) {
        server::serve(self).await;
    }

    fn agent(&self) -> Option<Agent> {
        self.agent.borrow().clone()
    }

    /// The store's figures, at most [`CACHED`] old. Who asks meanwhile waits for the same reading.
    async fn figures(&self, agent: &Agent) -> Result<Arc<Figures>, StoreError> {
        let mut cached = self.cached.lock().await;
        if let Some((read, figures)) = &*cached
            && read.elapsed() < CACHED
        {
            return Ok(figures.clone());
        }
        let figures = Arc::new(agent.store().figures(agent.now()).await?);
        *cached = Some((Instant::now(), figures.clone()));
        Ok(figures)
    }
}
