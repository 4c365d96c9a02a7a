//! Follows the domains: carries out what the machine of each asks for, over at most two connections.

mod errand;
mod line;

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use tokio::sync::Notify;
use tokio::task::JoinSet;

use super::health::Health;
use super::scope::Comparison;
use super::{Agent, AgentError, is_fatal};
use crate::clock::later;
use crate::directory::roster::Roster;
use crate::directory::watch::{LINES, Watch};
use crate::directory::{DirectoryError, Login, Names};
use crate::model::settings::DirectorySettings;

/// Under which name the directory stands among the troubles; a controller's own, while another stands in, begin with it.
const PART: &str = "directory";

/// Under which name DNS stands among the failures.
const DNS: &str = "DNS";
/// Controllers are looked up in DNS again after this.
const FIND_AGAIN: Duration = Duration::from_mins(5);
/// And after this when that failed and there is none; it doubles up to a minute.
const FIND_FIRST: Duration = Duration::from_millis(500);
const FIND_FAILED: Duration = Duration::from_mins(1);

/// One domain being followed.
struct Domain {
    agent: Agent,
    settings: DirectorySettings,
    names: Names,
    tls: Arc<rustls::ClientConfig>,
    login: Arc<Login>,
    seed: u64,
    part: String,
    watch: Mutex<Watch>,
    /// Rung when something was told to the machine: the other line may have something to do.
    bell: Notify,
    /// Rung when something was read of one domain for which more may be to be read, or to be settled, in another.
    neighbours: Arc<Notify>,
    /// What each controller failed with last.
    failures: Mutex<BTreeMap<String, AgentError>>,
    /// What was said of the domain, and of single controllers while another stands in.
    troubles: tokio::sync::Mutex<BTreeMap<String, Health>>,
    /// Whether filters of rules are to be compared.
    comparison: Mutex<Comparison>,
    /// Nobody is told while somebody waits for the result.
    silent: bool,
}

impl Agent {
    /// Follows all domains until the store cannot go on.
    pub(super) async fn watch_directories(&self) -> Result<(), AgentError> {
        self.store.forget_troubles(PART).await?;
        self.each_domain(false).await
    }

    /// Reads each domain once, up to what its controller says; and again while the groups of one domain lead into another.
    pub(super) async fn directories_once(&self) -> Result<(), AgentError> {
        let domains = self.domains();
        loop {
            self.each_domain(true).await?;
            if domains.len() == 1 || !self.store.has_errands(&domains, self.clock.now()).await? {
                return Ok(());
            }
        }
    }

    /// All domains at once. The first error is returned after all have ended, a fatal one at once.
    async fn each_domain(&self, once: bool) -> Result<(), AgentError> {
        let groups = self
            .settings
            .directories
            .iter()
            .flat_map(|directory| directory.groups.iter().map(|group| (group.clone(), directory.domain.clone())));
        self.store.follow_directory_groups(groups.collect()).await?;
        let (mut domains, neighbours) = (JoinSet::new(), Arc::<Notify>::default());
        for ((settings, tls), login) in self.settings.directories.iter().zip(&self.ldap_tls).zip(&self.logins) {
            let domain = Domain {
                neighbours: neighbours.clone(),
                ..Domain::new(self.clone(), settings.clone(), tls.clone(), login.clone(), once)
            };
            domains.spawn(async move { if once { domain.once().await } else { domain.follow().await } });
        }
        let mut outcome = Ok(());
        while let Some(ended) = domains.join_next().await {
            match ended {
                Ok(Err(error)) if is_fatal(&error) => return Err(error),
                Ok(ended) => outcome = outcome.and(ended),
                Err(error) => std::panic::resume_unwind(error.into_panic()),
            }
        }
        outcome
    }

    /// Names of all domains that are followed.
    pub(super) fn domains(&self) -> Vec<String> {
        self.settings.directories.iter().map(|directory| directory.domain.clone()).collect()
    }
}

impl Domain {
    fn new(
        agent: Agent,
        settings: DirectorySettings,
        tls: Arc<rustls::ClientConfig>,
        login: Arc<Login>,
        silent: bool,
    ) -> Self {
        let alone = agent.settings.directories.len() == 1;
        let part = if alone { PART.to_owned() } else { format!("{PART} {}", settings.domain) };
        let roster = Roster::new(settings.servers.clone(), fastrand::u64(..));
        let watch = Mutex::new(Watch::new(roster, settings.poll));
        let (names, seed) = (Names::new(&settings), agent.seed);
        Self {
            agent,
            settings,
            names,
            tls,
            login,
            seed,
            part,
            watch,
            bell: Notify::new(),
            neighbours: Arc::default(),
            failures: Mutex::default(),
            troubles: tokio::sync::Mutex::default(),
            comparison: Mutex::new(Comparison::due()),
            silent,
        }
    }

    /// Follows the domain until the store cannot go on.
    async fn follow(&self) -> Result<(), AgentError> {
        const { assert!(LINES == 2) };
        tokio::select! {
            ended = async { tokio::try_join!(self.line(0), self.line(1), self.find()) } => ended.map(|_: ((), (), ())| ()),
            never = self.forgive() => match never {},
            never = self.heed() => match never {},
        }
    }

    /// Looks for what other domains have left to read here.
    async fn heed(&self) -> Infallible {
        loop {
            let rung = self.neighbours.notified();
            tokio::pin!(rung);
            rung.as_mut().enable();
            self.watch().rouse();
            self.bell.notify_waiters();
            rung.await;
        }
    }

    /// Lets controllers be tried at once when a password or key that was refused is another now.
    async fn forgive(&self) -> Infallible {
        loop {
            self.login.renewed().await;
            self.watch().forgive();
            self.bell.notify_waiters();
        }
    }

    /// Looks controllers up in DNS again and again, unless they are listed. Those known stay while DNS does not answer.
    async fn find(&self) -> Result<(), AgentError> {
        if !self.settings.servers.is_empty() {
            return std::future::pending().await;
        }
        let part = format!("{}: {DNS}", self.part);
        let mut wait = FIND_FIRST;
        loop {
            let found = self.names.controllers(&self.settings, self.seed).await;
            let is_lost = found.is_err() && self.watch().is_without();
            match found {
                Ok(servers) => {
                    self.watch().found(servers);
                    self.failures().remove(DNS);
                    self.praise(&part).await;
                    wait = FIND_AGAIN;
                }
                Err(error) => {
                    wait = (wait * 2).min(if is_lost { FIND_FAILED } else { FIND_AGAIN });
                    let error = AgentError::Directory(error);
                    self.complain(part.clone(), &error, later(self.now(), wait)).await;
                    self.failures().insert(DNS.to_owned(), error);
                }
            }
            self.bell.notify_waiters();
            self.agent.clock.wait(wait).await;
        }
    }

    /// Follows it until it was read once.
    async fn once(&self) -> Result<(), AgentError> {
        tokio::select! {
            ended = self.follow() => ended,
            ended = self.settled() => ended,
        }
    }

    /// Waits until the domain was read up to what its controller says, or no controller is left to try.
    async fn settled(&self) -> Result<(), AgentError> {
        loop {
            let rung = self.bell.notified();
            tokio::pin!(rung);
            rung.as_mut().enable();
            {
                let watch = self.watch();
                if watch.is_settled(self.now()) {
                    return Ok(());
                }
                if watch.is_blind(self.now()) && (watch.knows_any() || self.failures().contains_key(DNS)) {
                    return Err(self.verdict());
                }
            }
            rung.await;
        }
    }

    fn watch(&self) -> MutexGuard<'_, Watch> {
        self.watch.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn comparison(&self) -> MutexGuard<'_, Comparison> {
        self.comparison.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn failures(&self) -> MutexGuard<'_, BTreeMap<String, AgentError>> {
        self.failures.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn now(&self) -> Timestamp {
        self.agent.clock.now()
    }

    /// From now on is decided with what is known of this domain's groups: reading them was tried.
    fn tried_groups(&self) {
        let mut awaited = self.agent.groups_awaited.lock().unwrap_or_else(PoisonError::into_inner);
        if awaited.remove(&self.settings.domain) {
            self.agent.bell.notify_one();
        }
    }

    /// Says what is wrong with a part, unless that was said.
    async fn complain(&self, part: String, error: &AgentError, again: Timestamp) {
        if !self.silent {
            let mut troubles = self.troubles.lock().await;
            let health = troubles.entry(part.clone()).or_insert_with(|| self.health(part));
            health.say(error, again).await;
        }
    }

    /// Takes it back.
    async fn praise(&self, part: &str) {
        let said = self.troubles.lock().await.remove(part);
        if let Some(mut health) = said {
            health.works().await;
        }
    }

    fn health(&self, part: String) -> Health {
        Health::new(part, self.agent.store.clone(), self.agent.settings.work.retry_first)
    }

    /// What all controllers failed with; what is not theirs says it all, as does what holds for the domain.
    fn verdict(&self) -> AgentError {
        let mut errors = Vec::new();
        for error in std::mem::take(&mut *self.failures()).into_values() {
            match error {
                AgentError::Directory(error) if error.holds_for_the_domain() => return error.into(),
                AgentError::Directory(error) => errors.push(error),
                other => return other,
            }
        }
        match errors.len() {
            0 => DirectoryError::NoServer.into(),
            1 => errors.remove(0).into(),
            _ => DirectoryError::NoneWorked(errors).into(),
        }
    }
}
