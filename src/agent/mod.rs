//! The shell around the rooms: two feeds, the groups, the work, and what is told to people, each a task of its own. They share the store and none calls another;
//! a bell after a commit is a hint, the rows are the record.

mod contents;
mod creation_error;
mod directory_feed;
mod effect;
mod error;
mod expiry;
mod generation;
mod grounds;
mod group_feed;
mod health;
mod heartbeat;
mod members;
mod newcomer;
mod notices;
mod password;
mod pilot;
mod refusal;
mod reload;
mod scope;
mod supervisor;
mod tell;
mod tenant_feed;
mod tidy;
mod untold;
mod watched;
mod work;

use std::collections::BTreeSet;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex};

use jiff::Timestamp;
use tokio::sync::{Notify, watch};

pub use creation_error::CreationError;
pub use error::AgentError;
pub use members::{directory_group_members, group_members};
pub use newcomer::{Created, Creation};
pub use password::{InitialPassword, NoRandomness};
pub use refusal::{Refusal, Unloadable};
pub use supervisor::{Host, Load, Phase, run};
pub use watched::WriteBudget;
pub use work::{Prospect, Turn};

use crate::apply::Quota;
use crate::clock::Clock;
use crate::directory::Login;
use crate::model::fault::{Class, Fault as _};
use crate::model::settings::{DirectorySettings, Settings, WebhookSettings};
use crate::notify::Webhook;
use crate::store::Store;
use crate::tenant::{Budget, Graph, Pace};
use crate::tls::{self, Roots};
use crate::vitals::{self, Pulse, Task, Vitals};

/// What a reading that takes long has reached, for whoever watches.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Progress {
    /// What is being done.
    pub stage: &'static str,
    /// How many it has got through.
    pub done: u64,
}

/// Everything the tasks share, for as long as one configuration is worked by.
#[derive(Clone, Debug)]
pub struct Agent {
    settings: Arc<Settings>,
    store: Store,
    clock: Clock,
    graph: Graph,
    /// Which ends of credentials and certificates were spoken of.
    endings: expiry::ExpiryWatch,
    /// What is known of whom rules mean.
    scope: scope::ScopeWatch,
    /// For each domain, in the order of the settings.
    ldap_tls: Vec<Arc<rustls::ClientConfig>>,
    /// How each is signed in to, and what came of it, in the same order.
    logins: Vec<Arc<Login>>,
    /// Whom notices are sent to, in the order of the settings.
    webhooks: Vec<Webhook>,
    /// Where signs of life go.
    pulse: Option<Webhook>,
    /// Rung when there may be something to judge or to write.
    bell: Arc<Notify>,
    /// Rung when the tenant should be looked at sooner.
    tenant_bell: Arc<Notify>,
    /// Rung when a license may be expected from a group.
    group_bell: Arc<Notify>,
    /// The groups that rules name were looked at since the start, with whatever outcome.
    groups_tried: Arc<AtomicBool>,
    /// The domains of which the groups that rules name were not looked at since the start.
    groups_awaited: Arc<Mutex<BTreeSet<String>>>,
    /// The tenant was read since the start: before that, what the store knows of licenses may be long past.
    tenant_read: Arc<AtomicBool>,
    /// Rung when there is something to be sent.
    post_bell: Arc<Notify>,
    progress: Arc<watch::Sender<Progress>>,
    /// Where each task notes what it does.
    vitals: Vitals,
    /// Orders controllers of equal rank: the same for as long as this process lives, another in the next.
    seed: u64,
    /// What Graph lets us send, shared by all work.
    quota: Arc<Mutex<Quota>>,
    /// Judges on a copy of the store: nothing of it has happened, and nothing of it is told.
    is_rehearsal: bool,
    stop: watch::Receiver<bool>,
}

impl Agent {
    /// Prepares an agent on a store: nothing is contacted yet.
    ///
    /// # Errors
    /// When the store belongs to another tenant, or a CA file cannot be used.
    pub async fn new(
        settings: Settings,
        store: Store,
        clock: Clock,
        stop: watch::Receiver<bool>,
    ) -> Result<Self, AgentError> {
        store.bind_tenant(settings.tenant.id).await?;
        store.note_mode(settings.mode.word()).await?;
        let quota = remembered_quota(&settings, &store, clock.now()).await?;
        let kept = Kept {
            logins: settings.directories.iter().map(Login::new).collect(),
            groups_tried: settings.entra_groups().is_empty(),
            tenant_read: false,
            groups_awaited: with_groups(&settings).map(|directory| directory.domain.clone()).collect(),
            seed: fastrand::u64(..),
            quota: Arc::new(Mutex::new(quota)),
            vitals: Vitals::new(clock.clone(), vitals::PATIENCE),
        };
        Self::assemble(settings, store, clock, stop, kept)
    }

    fn assemble(
        settings: Settings,
        store: Store,
        clock: Clock,
        stop: watch::Receiver<bool>,
        kept: Kept,
    ) -> Result<Self, AgentError> {
        let mut ldap_tls = Vec::new();
        for directory in &settings.directories {
            let roots = directory.ca_file.clone().map_or(Roots::SystemAnd(None), Roots::Only);
            ldap_tls.push(tls::client_config(&roots)?);
        }
        let graph_tls = tls::client_config(&Roots::SystemAnd(settings.tenant.ca_file.clone()))?;
        let graph = Graph::new(&settings.tenant, graph_tls, clock.clone())?;
        let webhooks = settings.notify.iter().map(|target| webhook(&target.webhook)).collect::<Result<_, _>>()?;
        let pulse = settings.heartbeat.as_ref().map(|heartbeat| webhook(&heartbeat.webhook)).transpose()?;
        Ok(Self {
            quota: kept.quota,
            seed: kept.seed,
            logins: kept.logins.into_iter().map(Arc::new).collect(),
            endings: expiry::ExpiryWatch::default(),
            scope: scope::ScopeWatch::default(),
            groups_tried: Arc::new(AtomicBool::new(kept.groups_tried)),
            groups_awaited: Arc::new(Mutex::new(kept.groups_awaited)),
            group_bell: Arc::default(),
            tenant_read: Arc::new(AtomicBool::new(kept.tenant_read)),
            post_bell: Arc::default(),
            webhooks,
            pulse,
            settings: Arc::new(settings),
            vitals: kept.vitals,
            store,
            clock,
            graph,
            ldap_tls,
            bell: Arc::default(),
            tenant_bell: Arc::default(),
            progress: Arc::new(watch::Sender::new(Progress::default())),
            is_rehearsal: false,
            stop,
        })
    }

    /// Has the tasks note what they do there, where somebody watches who outlives this agent.
    #[must_use]
    pub fn watched_by(self, vitals: Vitals) -> Self {
        Self { vitals, ..self }
    }

    /// Whether each task makes progress.
    #[must_use]
    pub fn vitals(&self) -> Vitals {
        self.vitals.clone()
    }

    /// Follows what is being done.
    #[must_use]
    pub fn progress(&self) -> watch::Receiver<Progress> {
        self.progress.subscribe()
    }

    /// Runs until told to stop. Writes under way are brought to their end; a reading under way is dropped, which loses
    /// nothing.
    ///
    /// # Errors
    /// When the store cannot go on: it is damaged, or belongs to another domain. All else heals or is retried.
    pub async fn run(&self) -> Result<(), AgentError> {
        self.notice_restoring().await?;
        let stopped = async {
            let mut stop = self.stop.clone();
            // A sender that is gone asks for nothing more.
            let _ = stop.wait_for(|stop| *stop).await;
        };
        let feeds = async {
            tokio::select! {
                ended = self.watch_directories() => ended,
                ended = self.watch_tenant() => ended,
                ended = self.watch_groups() => ended,
                ended = self.watch_notices() => ended,
                ended = self.beat() => ended,
                ended = self.watch_store() => ended,
                () = stopped => Ok(()),
            }
        };
        let (feeds, work) = {
            let work = self.work();
            tokio::pin!(feeds, work);
            tokio::select! {
                ended = &mut feeds => (ended, if *self.stop.borrow() { work.await } else { Ok(()) }),
                ended = &mut work => (Ok(()), ended),
            }
        };
        feeds.and(work)
    }

    /// One turn of each: reads both sides, then judges and writes until nothing is due. A side that cannot be read does not
    /// keep the rest from being done.
    ///
    /// # Errors
    /// The first thing that went wrong, after all else was done.
    pub async fn once(&self) -> Result<Turn, AgentError> {
        self.notice_restoring().await?;
        let mut stop = self.stop.clone();
        let stopped = async {
            if stop.wait_for(|stop| *stop).await.is_err() {
                std::future::pending().await
            }
        };
        let read = async {
            let (directory, tenant) = tokio::join!(self.directories_once(), self.tenant_once());
            (directory, tenant, self.groups_once().await)
        };
        let (directory, tenant, groups) = tokio::select! {
            read = read => read,
            () = stopped => return Ok(Turn { stopped: true, ..Turn::default() }),
        };
        self.watch_expiry().await;
        let untold = match &tenant {
            Ok(()) => self.untold_once(&mut untold::Untold::new(self)).await,
            Err(_) => Ok(()),
        };
        let mut ahead = Turn::default();
        let expected = self.look_ahead(&mut ahead).await;
        let turn = self.work_until_done().await.map(|turn| Turn { judged: turn.judged + ahead.judged, ..turn });
        self.notices_once().await?;
        self.tidy_once().await?;
        directory?;
        tenant?;
        untold?;
        groups.and(expected)?;
        turn
    }

    /// Reads both sides and says what would be written, without writing it: for a throw-away copy of the store.
    ///
    /// # Errors
    /// When either side cannot be read, or the store fails.
    pub async fn prospect(&self) -> Result<Prospect, AgentError> {
        let (directory, tenant) = tokio::join!(self.directories_once(), self.tenant_once());
        directory?;
        tenant?;
        let groups = self.groups_once().await.and(self.look_ahead(&mut Turn::default()).await);
        let mut prospect = self.plan_only().await?;
        prospect.unusable.extend(groups.err().map(|error| format!("{error}. {}", error.advice())));
        Ok(prospect)
    }

    fn show(&self, stage: &'static str, done: u64) {
        self.progress.send_replace(Progress { stage, done });
    }

    fn is_stopping(&self) -> bool {
        *self.stop.borrow()
    }

    /// Where a task notes what it does.
    fn pulse(&self, task: Task) -> Pulse {
        let directories = &self.settings.directories;
        let answer = match &task {
            Task::Directory { domain, .. } => {
                directories.iter().find(|directory| directory.domain == *domain).map(|directory| directory.timeout)
            }
            _ => None,
        };
        self.vitals.pulse(task, answer.unwrap_or(self.settings.tenant.timeout))
    }
}

/// What an agent begins with, beside its configuration.
struct Kept {
    /// For each domain, in the order of the settings.
    logins: Vec<Login>,
    groups_tried: bool,
    tenant_read: bool,
    groups_awaited: BTreeSet<String>,
    seed: u64,
    quota: Arc<Mutex<Quota>>,
    vitals: Vitals,
}

/// The domains with groups that rules name.
fn with_groups(settings: &Settings) -> impl Iterator<Item = &DirectorySettings> {
    settings.directories.iter().filter(|directory| !directory.groups.is_empty())
}

/// What is left of the budget after what was sent before a restart.
async fn remembered_quota(settings: &Settings, store: &Store, now: Timestamp) -> Result<Quota, AgentError> {
    let work = &settings.work;
    let mut budget = Budget::new(work.quota, work.quota_window);
    let since = now.checked_sub(work.quota_window).unwrap_or(Timestamp::MIN);
    for (at, writes) in store.sent_since(since).await? {
        budget.spend(writes, at);
    }
    Ok(Quota { budget, pace: Pace::new(work.concurrency) })
}

/// A way to a webhook.
fn webhook(settings: &WebhookSettings) -> Result<Webhook, AgentError> {
    let tls = tls::client_config(&Roots::SystemAnd(settings.ca_file.clone()))?;
    Ok(Webhook::new(settings, &tls)?)
}

/// Whether an error ends the agent instead of being retried: the store cannot be worked on until a person did something.
fn is_fatal(error: &AgentError) -> bool {
    matches!(error, AgentError::Store(error) if error.class() != Class::Heals)
}
