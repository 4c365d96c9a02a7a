//! What lives as long as the process: the store, its lease, and one generation of the agent after the other. A generation works by
//! one configuration; a reload that is let through ends it between two steps of work and begins the next.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{Notify, watch};
use tokio::task::JoinSet;

use super::contents::Contents;
use super::refusal::{Refusal, Unloadable};
use super::reload::Next;
use super::{Agent, AgentError, is_fatal, reload};
use crate::clock::Clock;
use crate::model::fault::Fault as _;
use crate::model::identity::RequestId;
use crate::model::request::{ReloadOutcome, Request};
use crate::model::settings::Settings;
use crate::observe::{self, Event, Reload, short};
use crate::store::Store;
use crate::vitals::Vitals;

/// Reloads that were asked for by command are looked for this often.
const POLL: Duration = Duration::from_secs(1);

/// A store that could not keep what became of a reload is tried again after this.
const AGAIN: Duration = Duration::from_secs(10);

/// Who asks by a signal.
const SIGNAL: &str = "SIGHUP";

/// Loads the settings as they are now, with the secrets they point to.
pub type Load = Arc<dyn Fn() -> Result<Settings, Unloadable> + Send + Sync>;

/// What the process tells the agent, and hears of it.
pub struct Host {
    /// How settings are loaded at a reload.
    pub load: Load,
    /// Turns true when the agent shall end; a sender that is gone says the same.
    pub stop: watch::Receiver<bool>,
    /// Rung to have the configuration read anew.
    pub reload: Arc<Notify>,
    /// Follows what the agent is at.
    pub phase: watch::Sender<Phase>,
    /// Where the tasks note what they do, whichever configuration they work by.
    pub vitals: Vitals,
    /// Is shown each agent that begins, for whoever looks on.
    pub begun: Box<dyn Fn(&Agent) + Send + Sync>,
}

impl std::fmt::Debug for Host {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Host").field("phase", &self.phase).finish_non_exhaustive()
    }
}

/// What the agent is at, for whoever hosts it. This is the one place where that is said.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Phase {
    /// Nothing runs yet.
    #[default]
    Starting,
    /// The tasks run.
    Ready {
        /// Digest of the configuration that is worked by.
        config: String,
        /// How many configurations were worked by before this one in this process.
        reloads: u64,
        /// Why the last reload was refused, if it was, on one line.
        refused: Option<String>,
    },
    /// A configuration is read and weighed; the tasks go on meanwhile, until it takes over.
    Reloading,
    /// The tasks end.
    Stopping,
}

/// Runs an agent on a store, whose lease the caller holds, until told to stop. Its configuration is read anew on demand.
///
/// # Errors
/// When the store is another's, or as [`Agent::run`]. No reload is among them.
pub async fn run(settings: Settings, store: Store, clock: Clock, host: Host) -> Result<(), AgentError> {
    reload::clear_away(&settings.store);
    let (mode, config) = (settings.mode.word(), settings.digest.clone());
    let (stop, stopped) = watch::channel(false);
    let contents = Contents::of(&settings);
    complain(&store, None).await;
    let agent = Agent::new(settings, store, clock, stopped).await?.watched_by(host.vitals.clone());
    Event::Started { version: env!("CARGO_PKG_VERSION"), mode, config }.emit();
    let generation = Generation::begin(agent, stop, contents);
    host.supervise(generation).await
}

/// An agent that runs by one configuration.
struct Generation {
    agent: Agent,
    stop: watch::Sender<bool>,
    contents: Contents,
    tasks: JoinSet<Result<(), AgentError>>,
}

impl Generation {
    fn begin(agent: Agent, stop: watch::Sender<bool>, contents: Contents) -> Self {
        let mut tasks = JoinSet::new();
        let running = agent.clone();
        tasks.spawn(async move { running.run().await });
        Self { agent, stop, contents, tasks }
    }

    /// Ends it between two steps of work, and waits until nothing of it is left.
    async fn end(mut self) -> Result<(), AgentError> {
        self.stop.send_replace(true);
        let outcome = ended(&mut self.tasks).await;
        drop(self.agent);
        // Each task holds a receiver.
        self.stop.closed().await;
        outcome
    }
}

/// Waits for the end of a generation.
async fn ended(tasks: &mut JoinSet<Result<(), AgentError>>) -> Result<(), AgentError> {
    match tasks.join_next().await {
        Some(Ok(outcome)) => outcome,
        Some(Err(error)) => std::panic::resume_unwind(error.into_panic()),
        None => Ok(()),
    }
}

/// A reload that was asked for.
struct Asked {
    by: String,
    accept: Option<String>,
    /// Where the answer goes, if it was asked for by command.
    request: Option<RequestId>,
}

/// What was decided about it, with the digest of what is in the file.
struct Decided {
    asked: Asked,
    found: Option<String>,
    verdict: Result<Next, Refusal>,
}

impl Host {
    /// Runs one generation after the other until told to stop, or until the store cannot go on.
    async fn supervise(&self, mut generation: Generation) -> Result<(), AgentError> {
        let (mut stop, mut reloads, mut refused) = (self.stop.clone(), 0, None);
        loop {
            (self.begun)(&generation.agent);
            let config = generation.agent.settings.digest.clone();
            self.phase.send_replace(Phase::Ready { config, reloads, refused: refused.take() });
            let decided = tokio::select! {
                ended = ended(&mut generation.tasks) => return ended,
                _ = stop.wait_for(|stop| *stop) => break,
                decided = self.decide(&generation.agent) => decided,
            };
            let Decided { asked, found, verdict } = decided;
            let before = generation.agent.settings.digest.clone();
            let outcome = match verdict {
                Ok(next) => {
                    let (taken_over, outcome) = take_over(generation, next, &asked.by).await?;
                    generation = taken_over;
                    reloads += 1;
                    outcome
                }
                Err(refusal) => {
                    refused = Some(format!("{} [{}]", refusal.lines().join("; "), refusal.code()));
                    tell_refusal(&refusal, &before, &asked.by)
                }
            };
            let Agent { store, clock, .. } = &generation.agent;
            complain(store, refused.as_deref()).await;
            let digests = (before.as_str(), found.as_deref());
            let kept = store.conclude_reload(asked.request, &asked.by, digests, &outcome, clock.now()).await;
            match kept.map_err(AgentError::from) {
                Err(error) if is_fatal(&error) => return Err(error),
                Err(error) => {
                    tracing::debug!(%error, "the outcome of a reload could not be kept");
                    // The request stays, and is carried out once more.
                    tokio::select! {
                        () = tokio::time::sleep(AGAIN) => {}
                        _ = stop.wait_for(|stop| *stop) => break,
                    }
                }
                Ok(()) => {}
            }
        }
        self.phase.send_replace(Phase::Stopping);
        Event::Stopping.emit();
        generation.end().await?;
        Event::Stopped.emit();
        Ok(())
    }

    /// Waits until a reload is asked for, and decides about it. What runs goes on meanwhile.
    async fn decide(&self, running: &Agent) -> Decided {
        let asked = self.asked(&running.store).await;
        self.phase.send_replace(Phase::Reloading);
        Event::Reload(Reload::Begun { by: asked.by.clone() }).emit();
        let (found, verdict) = running.deliberate(&self.load, asked.accept.as_deref()).await;
        Decided { asked, found, verdict }
    }

    async fn asked(&self, store: &Store) -> Asked {
        loop {
            // A store that fails is noticed by the work.
            if let Ok(Some(pending)) = store.pending_reload().await {
                let accept = if let Request::Reload { accept } = pending.request { accept } else { None };
                return Asked { by: pending.os_user, accept, request: Some(pending.id) };
            }
            tokio::select! {
                () = self.reload.notified() => return Asked { by: SIGNAL.to_owned(), accept: None, request: None },
                () = tokio::time::sleep(POLL) => {}
            }
        }
    }
}

/// Ends a generation and begins the next in its place.
async fn take_over(before: Generation, next: Next, by: &str) -> Result<(Generation, ReloadOutcome), AgentError> {
    let Next { agent, stop, contents, effect } = next;
    let renewed = match contents.other_than(&before.contents).as_slice() {
        [] => "credentials and CA files were read anew, and hold what they held".to_owned(),
        other => format!("read anew, and other than before: {}", other.join(", ")),
    };
    let (from, to) = (before.agent.settings.digest.clone(), agent.settings.digest.clone());
    before.end().await?;
    agent.take_over().await;
    observe::set_level(&agent.settings.log.level);
    let mode = agent.settings.mode.word();
    let generation = Generation::begin(agent, stop, contents);
    let mut text = match from == to {
        true => format!("configuration {} in mode {mode} is as it was; {renewed}", short(&to)),
        false => format!("configuration {} in mode {mode} took over from {}; {renewed}", short(&to), short(&from)),
    };
    for line in effect {
        text.push_str("\n  ");
        text.push_str(&line);
    }
    Event::Reload(Reload::TakenOver { by: by.to_owned(), mode, from, to, renewed }).emit();
    Ok((generation, ReloadOutcome::TakenOver { text }))
}

/// Keeps for `status` why the last reload was refused: what is worked by is not what a restart would begin with.
async fn complain(store: &Store, refused: Option<&str>) {
    let complaint = refused.map(|why| format!("the last reload was refused, the configuration before goes on: {why}"));
    // For `status` alone: a store that cannot keep it is in trouble that the work says.
    let _ = store.trouble("configuration", complaint.as_deref()).await;
}

/// Says why a configuration was not taken over.
fn tell_refusal(refusal: &Refusal, running: &str, by: &str) -> ReloadOutcome {
    for why in refusal.lines() {
        let (by, running, code) = (by.to_owned(), running.to_owned(), refusal.code());
        Event::Reload(Reload::Refused { by, running, why, code }).emit();
    }
    ReloadOutcome::Refused {
        text: refusal.to_string(),
        advice: refusal.advice(),
        code: refusal.code().to_owned(),
        status: refusal.exit_status(),
    }
}
