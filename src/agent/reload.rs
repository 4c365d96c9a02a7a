//! Whether a configuration takes over: it is loaded, compared with what is worked by, what it does is worked out on a copy of the
//! store, and held against the guard. Nothing of it touches what runs.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use tokio::sync::watch;

use super::contents::Contents;
use super::refusal::Refusal;
use super::supervisor::Load;
use super::{Agent, AgentError};
use crate::decide::{Edit, bind, concerns, needs_restart};
use crate::model::effect::{Effect, Picture};
use crate::model::license::Catalog;
use crate::model::settings::Settings;
use crate::observe::{Event, Reload};
use crate::store::{self, Store, StoreError};

/// A generation of the agent that is ready to begin.
pub(super) struct Next {
    pub agent: Agent,
    pub stop: watch::Sender<bool>,
    pub contents: Contents,
    /// What it does, in lines.
    pub effect: Vec<String>,
}

/// What an edited configuration does, and what an operator is asked about it.
#[derive(Default)]
struct Weighed {
    effect: Vec<String>,
    concerns: Vec<String>,
}

impl Agent {
    /// Decides whether the configuration as it is in the file takes over from this one. `accept` is the beginning of the
    /// digest that an operator has accepted.
    pub(super) async fn deliberate(
        &self,
        load: &Load,
        accept: Option<&str>,
    ) -> (Option<String>, Result<Next, Refusal>) {
        let settings = match apart({
            let load = load.clone();
            move || load()
        })
        .await
        {
            Ok(Ok(settings)) => settings,
            Ok(Err(unloadable)) => return (None, Err(Refusal::Unloadable(unloadable))),
            Err(error) => return (None, Err(error.into())),
        };
        (Some(settings.digest.clone()), self.consider(settings, accept).await)
    }

    async fn consider(&self, settings: Settings, accept: Option<&str>) -> Result<Next, Refusal> {
        let found = settings.digest.clone();
        if let Some(accepted) = accept.filter(|accepted| !found.starts_with(*accepted)) {
            return Err(Refusal::Another { accepted: accepted.to_owned(), found });
        }
        let bound = self.store.bound_domains().await.map_err(AgentError::from)?;
        let restart = needs_restart(&self.settings, &settings, &bound);
        if !restart.is_empty() {
            return Err(Refusal::NeedsRestart(restart));
        }
        let settings = Arc::new(settings);
        let Weighed { effect, concerns } = self.weigh(&settings).await?;
        for line in &effect {
            Event::Reload(Reload::Effect { line: line.clone() }).emit();
        }
        if !concerns.is_empty() && accept.is_none() {
            return Err(Refusal::Exceeds { digest: found, concerns });
        }
        let (stop, stopped) = watch::channel(false);
        let before = self.clone();
        let (agent, contents) = apart(move || {
            let contents = Contents::of(&settings);
            before.successor(Arc::unwrap_or_clone(settings), stopped).map(|agent| (agent, contents))
        })
        .await??;
        Ok(Next { agent, stop, contents, effect })
    }

    /// What other settings do to those who are known, and what of it is asked about.
    async fn weigh(&self, settings: &Arc<Settings>) -> Result<Weighed, AgentError> {
        if settings.digest == self.settings.digest {
            return Ok(Weighed::default());
        }
        let scratch = Scratch::of(self.store.path());
        let store = scratch.make(self.store.path()).await?;
        self.on_copy(self.settings.clone(), store.clone()).take_news_in().await?;
        let foreseen = self.on_copy(settings.clone(), store.clone()).foresee().await?;
        let catalog = store.catalog().await?;
        let (effect, then) = foreseen.map_or((None, Picture::default()), |(effect, then)| (Some(effect), then));
        let unusable = self.newly_unusable(settings, &catalog);
        let edit =
            Edit { before: &self.settings, after: settings, effect: effect.as_ref(), then: &then, unusable: &unusable };
        let concerns = concerns(&edit).iter().map(ToString::to_string).collect();
        Ok(Weighed { effect: lines(effect.as_ref(), &catalog), concerns })
    }

    /// Why rules mean no product of the tenant that other settings have, beyond those of now. Before anything is known of
    /// the tenant that is said of none.
    fn newly_unusable(&self, settings: &Settings, catalog: &Catalog) -> Vec<String> {
        let problems = |settings: &Settings| -> BTreeSet<String> {
            let bound = bind(&settings.rules, catalog, &std::collections::BTreeMap::new());
            bound.into_iter().filter_map(|rule| rule.product.err()).map(|problem| problem.to_string()).collect()
        };
        match catalog.is_empty() {
            true => Vec::new(),
            false => problems(settings).difference(&problems(&self.settings)).cloned().collect(),
        }
    }
}

/// An effect in lines, as `plan` has it.
fn lines(effect: Option<&Effect>, catalog: &Catalog) -> Vec<String> {
    match effect {
        None => Vec::new(),
        Some(Effect::NeedsScan { missing }) => missing.iter().map(|what| format!("needs a scan: {what}")).collect(),
        Some(Effect::Known { rules, licenses, unusable }) => {
            let rules = rules.iter().map(ToString::to_string);
            let licenses = licenses.iter().map(|license| license.told(catalog));
            let unusable = unusable.iter().map(|problem| format!("not in here: {problem}"));
            let lines: Vec<String> = rules.chain(licenses).chain(unusable).collect();
            if lines.is_empty() { vec!["nothing changes for anybody".to_owned()] } else { lines }
        }
    }
}

/// Reads files in a thread where that keeps nobody waiting.
async fn apart<T: Send + 'static>(act: impl FnOnce() -> T + Send + 'static) -> Result<T, AgentError> {
    tokio::task::spawn_blocking(act).await.map_err(|_| StoreError::Closed.into())
}

/// Removes what a process that was killed while it weighed a configuration left beside the store.
pub(super) fn clear_away(store: &Path) {
    drop(Scratch::of(store));
}

/// A copy of the store beside it, which is gone when this is. One at a time: whoever makes it holds the lease.
struct Scratch(PathBuf);

impl Scratch {
    fn of(store: &Path) -> Self {
        let mut name = store.as_os_str().to_owned();
        name.push(".reload");
        Self(PathBuf::from(name))
    }

    async fn make(&self, store: &Path) -> Result<Store, AgentError> {
        self.remove();
        let (from, to) = (store.to_owned(), self.0.clone());
        let made = move || {
            store::copy(&from, &to)?;
            Store::open(&to)
        };
        Ok(apart(made).await??)
    }

    fn remove(&self) {
        for suffix in ["", "-wal", "-shm"] {
            let mut name = self.0.as_os_str().to_owned();
            name.push(suffix);
            // What is left behind is removed before the next.
            let _ = std::fs::remove_file(PathBuf::from(name));
        }
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        self.remove();
    }
}
