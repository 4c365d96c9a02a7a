//! The examination: does everything hold that the service will rely on, and if not, what mends it? Reads only, beside a
//! running agent or without one, and takes no lease.
//!
//! One file for each side: `ground` is what both sides stand on, `tenant` asks the tenant, `directory` the domains. What is found
//! is judged by pure functions: `permissions`, `products`, `surroundings` and `domain`. `pilot` is the one part that writes, for one user, on request only.

mod bundle;
mod directory;
mod domain;
mod ground;
mod permissions;
#[cfg(test)]
mod permissions_page;
mod pilot;
mod products;
mod redact;
mod surroundings;
mod tenant;

use serde::Serialize;

pub use bundle::bundle;
pub use directory::directory;
pub use ground::{agent, configuration, disk, listen, notify, store};
pub use permissions::Grant;
pub use pilot::{Course, PilotPlan, Unfit, course, plan_pilot};
pub use tenant::tenant;

use crate::model::fault::Fault;

/// What a check is about; the words are stable.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Topic {
    /// The configuration loads.
    Configuration,
    /// The store can be read, and is of this schema and tenant.
    Store,
    /// There is room for the store to grow.
    Disk,
    /// Whether an agent has the store now.
    Agent,
    /// Metrics can be served where they are to be.
    Listen,
    /// The addresses of webhooks can be read.
    Notify,
    /// Which domain controllers there are.
    Controllers,
    /// One of them takes connections.
    Reach,
    /// Its certificate carries its name, and for how long.
    Tls,
    /// It lets the service account in.
    Bind,
    /// It is a controller of the domain, in step with the others and writable.
    Controller,
    /// It knows the controls that are made use of.
    Controls,
    /// A search by pages comes to its end.
    Paging,
    /// This machine's clock agrees with the controller's.
    DcClock,
    /// The account that signs in, and how long its password lasts.
    Account,
    /// Whether deleted accounts show.
    Deletions,
    /// One base exists, and holds accounts.
    Base,
    /// Of all accounts can be read what is needed.
    Rights,
    /// What joins accounts to users is there.
    Anchor,
    /// What usage locations are made of is there.
    Location,
    /// One condition of a rule means somebody.
    Scope,
    /// Cloud and hosts belong together.
    Cloud,
    /// What stands between this machine and the cloud.
    Proxy,
    /// Graph answers.
    Graph,
    /// This machine's clock agrees with Graph's.
    Clock,
    /// The credential lets us in.
    Login,
    /// How long the credential lasts.
    Credential,
    /// The tenant is the one that is meant, and a directory is synchronised into it.
    Organization,
    /// One application permission.
    Permission,
    /// One rule means something in this tenant.
    Rule,
    /// One product that rules name has seats.
    Product,
}

impl Topic {
    /// The stable word.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Configuration => "configuration",
            Self::Store => "store",
            Self::Disk => "disk",
            Self::Agent => "agent",
            Self::Listen => "listen",
            Self::Notify => "notify",
            Self::Controllers => "controllers",
            Self::Reach => "reach",
            Self::Tls => "tls",
            Self::Bind => "bind",
            Self::Controller => "controller",
            Self::Controls => "controls",
            Self::Paging => "paging",
            Self::DcClock => "dc-clock",
            Self::Account => "account",
            Self::Deletions => "deletions",
            Self::Base => "base",
            Self::Rights => "rights",
            Self::Anchor => "anchor",
            Self::Location => "location",
            Self::Scope => "scope",
            Self::Cloud => "cloud",
            Self::Proxy => "proxy",
            Self::Graph => "graph",
            Self::Clock => "clock",
            Self::Login => "login",
            Self::Credential => "credential",
            Self::Organization => "organization",
            Self::Permission => "permission",
            Self::Rule => "rule",
            Self::Product => "product",
        }
    }
}

/// How a check came out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum State {
    /// As it should be.
    Ok,
    /// It works; somebody should look at it.
    Warn,
    /// It does not work.
    Fail,
    /// It could not be told, or does not matter here.
    Skipped,
}

impl State {
    /// The stable word.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Warn => "warn",
            Self::Fail => "fail",
            Self::Skipped => "skipped",
        }
    }
}

/// One check and what came of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Check {
    /// What it is about.
    #[serde(rename = "check")]
    pub topic: Topic,
    /// Which of several, such as a permission's name.
    pub about: Option<String>,
    /// How it came out.
    pub state: State,
    /// What was found.
    pub found: String,
    /// What to do about it.
    pub remedy: Option<String>,
    /// The error's code in the documentation, where an error was met.
    pub code: Option<&'static str>,
    /// The exit status this check asks for when it failed.
    #[serde(skip)]
    exit: u8,
}

impl Check {
    fn new(topic: Topic, state: State, found: impl Into<String>) -> Self {
        Self { topic, about: None, state, found: found.into(), remedy: None, code: None, exit: 0 }
    }

    fn ok(topic: Topic, found: impl Into<String>) -> Self {
        Self::new(topic, State::Ok, found)
    }

    fn skipped(topic: Topic, found: impl Into<String>) -> Self {
        Self::new(topic, State::Skipped, found)
    }

    fn warn(topic: Topic, found: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self { remedy: Some(remedy.into()), ..Self::new(topic, State::Warn, found) }
    }

    fn fail(topic: Topic, found: impl Into<String>, remedy: impl Into<String>, exit: u8) -> Self {
        Self { remedy: Some(remedy.into()), exit, ..Self::new(topic, State::Fail, found) }
    }

    /// An error that was met, with its own advice.
    fn failed(topic: Topic, error: &dyn Fault) -> Self {
        let check = Self::fail(topic, error.to_string(), error.advice(), error.exit_status());
        Self { code: Some(error.code()), ..check }
    }

    fn about(self, what: impl Into<String>) -> Self {
        Self { about: Some(what.into()), ..self }
    }

    /// What could be done, though nothing has to be.
    fn hint(self, remedy: impl Into<String>) -> Self {
        Self { remedy: Some(remedy.into()), ..self }
    }

    /// The same where something else stands in for what failed.
    fn milder(self) -> Self {
        if self.state == State::Fail { Self { state: State::Warn, exit: 0, ..self } } else { self }
    }
}

/// All that was examined.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Examination {
    /// In the order in which one rests on another.
    pub checks: Vec<Check>,
    /// How to grant the permissions that are missing.
    pub grant: Option<Grant>,
}

impl Examination {
    /// The status to end with: that of the first check that failed, on which the later ones rest; 0 when none did.
    #[must_use]
    pub fn exit_status(&self) -> u8 {
        self.checks.iter().find(|check| check.state == State::Fail).map_or(0, |check| check.exit)
    }

    /// How many came out so.
    #[must_use]
    pub fn count(&self, state: State) -> usize {
        self.checks.iter().filter(|check| check.state == state).count()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_failure_gives_the_status() {
        let check = |state, exit| Check { exit, ..Check::new(Topic::Login, state, "") };
        let status = |checks: Vec<Check>| Examination { checks, grant: None }.exit_status();
        assert_eq!(status(vec![]), 0);
        assert_eq!(status(vec![check(State::Warn, 0), check(State::Ok, 0), check(State::Skipped, 0)]), 0);
        assert_eq!(status(vec![check(State::Warn, 0), check(State::Fail, 69), check(State::Fail, 77)]), 69);
    }
}
