//! `seatsync doctor --pilot`: one real license for one user, on the service's own way: as a request to the agent that runs, or
//! by this command under the lease when none does.

use std::io::IsTerminal as _;
use std::time::Duration;

use jiff::Timestamp;
use serde_json::json;
use tokio::sync::watch;

use super::{Common, Failure, Unmet, explain, key_table, output, progress, request};
use crate::agent::Agent;
use crate::clock::{Clock, later};
use crate::doctor::{self, Course, PilotPlan, Unfit};
use crate::model::fault::{Class, Fault as _, exit};
use crate::model::license::Catalog;
use crate::model::request::Request;
use crate::model::settings::{Mode, Settings};
use crate::model::standing::Standing;
use crate::service;
use crate::store::{AuditRow, Dossier, Lease, PendingRequest, Store, StoreError};
use crate::system;

/// What was asked for.
pub(super) struct Order {
    /// For whom.
    pub user: String,
    /// By which rule.
    pub rule: Option<String>,
    /// Write in mode "observe".
    pub write: bool,
    /// For how long to wait.
    pub wait: Duration,
    /// Print JSON.
    pub json: bool,
}

/// Looked at so often.
const POLL: Duration = Duration::from_millis(250);

/// A license we wrote ourselves is first read back after this, since somebody sits and waits.
const READ_BACK: Duration = Duration::from_secs(2);

/// Who writes.
enum Hands {
    /// The agent that runs; we wait for it.
    Theirs,
    /// We, while we hold the lease.
    Ours { agent: Box<Agent>, stop: watch::Receiver<bool>, _lease: Lease },
}

/// Flies the pilot.
pub(super) async fn run(common: &Common, order: &Order) -> Result<(), Failure> {
    let settings = common.settings()?;
    key_table::in_environment(&settings)?;
    let store = Store::join(&settings.store)?;
    let clock = Clock::system();
    let hands = hands(&settings, &store, &clock).await?;
    let person = request::find(&store, &order.user).await?;
    let planned = doctor::plan_pilot(&settings, &store, person, order.rule.as_deref(), clock.now()).await?;
    let plan = planned.map_err(unfit)?;
    if let Some(why) = store.paused().await? {
        return Err(
            unfit(Unfit { why: format!("writing is paused: {why}"), advice: "`seatsync resume` goes on." }).into()
        );
    }
    let catalog = store.catalog().await?;
    let story = Story { plan, name: order.user.clone(), json: order.json, catalog, begun: clock.now() };
    if settings.mode == Mode::Observe {
        if !order.write {
            return story.only_shown();
        }
        if matches!(hands, Hands::Theirs) {
            return Err(Unmet {
                what: "an agent runs, and the mode is \"observe\": it writes nothing".to_owned(),
                advice: "Stop the agent, then ask again; it can go on observing afterwards.",
                code: "pilot-unfinished",
                status: exit::BUSY,
            }
            .into());
        }
    }
    story.fly(common, &settings, &store, &hands, order.wait).await
}

/// Takes the lease and reads both sides, or leaves the work to the agent that has it.
async fn hands(settings: &Settings, store: &Store, clock: &Clock) -> Result<Hands, Failure> {
    let lease = match Lease::take(&settings.store) {
        Ok(lease) => lease,
        Err(StoreError::Busy { .. }) => return Ok(Hands::Theirs),
        Err(error) => return Err(error.into()),
    };
    let stop = service::console::stop_signal().unwrap_or_else(|_| watch::channel(false).1);
    let mut settings = settings.clone();
    settings.work.confirm_after = settings.work.confirm_after.min(READ_BACK);
    let agent = Agent::new(settings, store.clone(), clock.clone(), stop.clone()).await?;
    // First contact decides who is baseline: that is not for a pilot to begin.
    if store.is_first_pass_complete().await? {
        progress::with(agent.progress(), agent.catch_up()).await?;
    }
    Ok(Hands::Ours { agent: Box::new(agent), stop, _lease: lease })
}

impl Hands {
    /// One turn, where it is ours to take. Trouble that heals is returned, to be waited out.
    async fn turn(&self, plan: &PilotPlan) -> Result<Option<String>, Failure> {
        let Self::Ours { agent, stop, .. } = self else { return Ok(None) };
        if *stop.borrow() {
            return Err(unfinished("told to stop"));
        }
        match agent.turn_for(plan.person, plan.sku).await {
            Ok(_) => Ok(None),
            Err(error) if error.class() == Class::Heals => Ok(Some(error.to_string())),
            Err(error) => Err(error.into()),
        }
    }
}

fn unfit(unfit: Unfit) -> Unmet {
    Unmet { what: unfit.why, advice: unfit.advice, code: "pilot-unfit", status: exit::NOT_FOUND }
}

/// One pilot, and how it is told.
struct Story {
    plan: PilotPlan,
    name: String,
    json: bool,
    catalog: Catalog,
    begun: Timestamp,
}

impl Story {
    fn say(&self, text: &str) {
        if !self.json {
            output::line(text);
        }
    }

    /// What is to be written, in words.
    fn intention(&self) -> String {
        let plan = &self.plan;
        let location = plan.location.as_ref();
        let location = location.map(|to| format!("set the usage location to {} (from {}) and ", to.to, to.source));
        let off =
            if plan.plans_off.is_empty() { String::new() } else { format!(", off: {}", plan.plans_off.join(", ")) };
        format!("{}assign {} (rule {}{off})", location.unwrap_or_default(), plan.product, plan.rule)
    }

    fn only_shown(&self) -> Result<(), Failure> {
        self.say(&format!("{}: would {}", self.name, self.intention()));
        self.say("nothing was written: the mode is \"observe\"; --write does it for this one user");
        if self.json { output::json(&json!({ "plan": self.plan, "written": false })) } else { Ok(()) }
    }

    async fn fly(
        &self,
        common: &Common,
        settings: &Settings,
        store: &Store,
        hands: &Hands,
        wait: Duration,
    ) -> Result<(), Failure> {
        let clock = Clock::system();
        let until = later(self.begun, wait);
        let mut told = self.dossier(store).await?.timeline.last().map_or(0, |row| row.id);
        self.say(&format!("{}: will {}", self.name, self.intention()));
        self.ask(common, settings, store, hands).await?;
        let sign = Sign::of_life(self.json);
        loop {
            let trouble = hands.turn(&self.plan).await?;
            let dossier = self.dossier(store).await?;
            for row in dossier.timeline.iter().filter(|row| row.id > told) {
                sign.aside(|| self.say(&self.line(row)));
            }
            told = dossier.timeline.last().map_or(told, |row| row.id);
            let standing = self.standing(&dossier);
            let course = standing.map_or(Course::Flying, doctor::course);
            if let Course::Flying = course {
                let why = trouble.or_else(|| standing.and_then(Standing::why));
                let why = why.unwrap_or_else(|| "waiting for the agent to look".to_owned());
                if clock.now() >= until {
                    drop(sign);
                    self.json(&dossier, "flying")?;
                    return Err(unfinished(&why));
                }
                sign.say(&why);
                tokio::time::sleep(POLL).await;
                continue;
            }
            drop(sign);
            return self.end(course, &dossier, clock.now());
        }
    }

    /// Ends the person's baseline, if need be.
    async fn ask(&self, common: &Common, settings: &Settings, store: &Store, hands: &Hands) -> Result<(), Failure> {
        if !self.plan.baseline {
            return Ok(());
        }
        let request = Request::Include {
            rule: self.plan.rule.clone(),
            unlicensed: false,
            since: None,
            limit: None,
            person: Some(self.plan.person),
        };
        match hands {
            Hands::Theirs => request::answer(common, store, request).await.map(drop),
            Hands::Ours { .. } => {
                let (now, os_user) = (Clock::system().now(), system::user());
                let id = store.ask(request.clone(), &os_user, now).await?;
                let pending = PendingRequest { id, request, os_user };
                let done = store.carry_out(pending, &settings.digest, now).await?;
                done.map(drop).map_err(|why| Unmet::not_found(why, "See `seatsync status`.").into())
            }
        }
    }

    fn end(&self, course: Course, dossier: &Dossier, now: Timestamp) -> Result<(), Failure> {
        match course {
            Course::Stuck(why) => {
                self.json(dossier, "stuck")?;
                let advice = "See `seatsync explain USER` and `seatsync doctor --tenant`.";
                Err(Unmet { what: why, advice, code: "pilot-stuck", status: exit::REFUSED }.into())
            }
            Course::Landed | Course::Flying => {
                self.json(dossier, "landed")?;
                let seconds = now.duration_since(self.begun).as_secs();
                self.say(&format!(
                    "{}: {} is assigned and seen to work, after {seconds} s",
                    self.name, self.plan.product
                ));
                Ok(())
            }
        }
    }

    fn json(&self, dossier: &Dossier, course: &str) -> Result<(), Failure> {
        if !self.json {
            return Ok(());
        }
        let rows: Vec<&AuditRow> = dossier.timeline.iter().filter(|row| row.at >= self.begun).collect();
        let standing = self.standing(dossier).map(Standing::word);
        output::json(&json!({ "plan": self.plan, "written": true, "course": course, "standing": standing,
                              "timeline": rows }))
    }

    async fn dossier(&self, store: &Store) -> Result<Dossier, Failure> {
        let gone = || Unmet::not_found(format!("\"{}\" has just been joined with another", self.name), "Ask again.");
        Ok(store.dossier(self.plan.person).await?.ok_or_else(gone)?)
    }

    fn standing<'a>(&self, dossier: &'a Dossier) -> Option<&'a Standing> {
        let mut found = dossier.person.entitlements.iter().filter(|found| found.sku == self.plan.sku);
        found.next().map(|found| &found.standing)
    }

    fn line(&self, row: &AuditRow) -> String {
        let id = row.request_id.as_ref().map(|id| format!(" (request-id {id})")).unwrap_or_default();
        format!("  {}  {:<8} {}{id}", output::time(row.at), row.kind, explain::detail(row, &self.catalog))
    }
}

fn unfinished(why: &str) -> Failure {
    Unmet {
        what: format!("not seen to work in time: {why}"),
        advice: "Nothing is lost: what is stored goes on with the agent; see `seatsync explain USER`.",
        code: "pilot-unfinished",
        status: exit::BUSY,
    }
    .into()
}

/// A line on a terminal that says what is waited for.
struct Sign(Option<indicatif::ProgressBar>);

impl Sign {
    fn of_life(json: bool) -> Self {
        let shown = !json && std::io::stderr().is_terminal();
        Self(shown.then(|| {
            let bar = indicatif::ProgressBar::new_spinner();
            bar.enable_steady_tick(Duration::from_millis(120));
            bar
        }))
    }

    fn say(&self, text: &str) {
        if let Some(bar) = &self.0 {
            bar.set_message(text.to_owned());
        }
    }

    /// Something is printed while the line is away.
    fn aside(&self, print: impl FnOnce()) {
        match &self.0 {
            Some(bar) => bar.suspend(print),
            None => print(),
        }
    }
}

impl Drop for Sign {
    fn drop(&mut self) {
        if let Some(bar) = &self.0 {
            bar.finish_and_clear();
        }
    }
}
