//! The work: requests, judging, settling, planning, writing.

use std::fmt::Write as _;
use std::sync::PoisonError;
use std::sync::atomic::Ordering;
use std::time::Duration;

use jiff::Timestamp;
use ring::digest::{SHA256, digest};
use serde::Serialize;

use super::health::Health;
use super::tell::{Known, tell};
use super::tenant_feed::asked_wait;
use super::{Agent, AgentError, is_fatal};
use crate::apply::Hand;
use crate::clock::later;
use crate::decide::{BoundRule, Limit, Limits, allot, bind, heed_stops, judge, unknown_protection};
use crate::directory::coverages;
use crate::model::fault::{Class, Fault as _};
use crate::model::identity::{PersonId, SkuId};
use crate::model::judgement::Contact;
use crate::model::plan::Plan;
use crate::model::rule::{BY_HAND, Rule};
use crate::model::settings::Mode;
use crate::model::standing::{Action, Reason};
use crate::observe::Event;
use crate::store::Halt;
use crate::vitals::{Pulse, Task};

/// Persons that are judged in one transaction.
const JUDGED_AT_ONCE: u32 = 500;

/// Persons that are written for between two looks at requests and news.
const WRITTEN_AT_ONCE: usize = 1_000;

/// Requests are looked for this often.
const REQUEST_POLL: Duration = Duration::from_secs(1);

/// An accepted license that is not seen to work for so long is said once. Graph's reads lag by minutes.
const UNCONFIRMED_MINUTES: u64 = 30;

/// What was due and could not be done is looked at again after this.
const KEPT_BACK: Duration = Duration::from_secs(1);

/// What a turn of work did.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Turn {
    /// Both first reads are complete, so that decisions were made.
    pub acquainted: bool,
    /// Persons judged.
    pub judged: u64,
    /// Writes sent.
    pub sent: u64,
    /// Of which accepted.
    pub accepted: u64,
    /// Calls settled and licenses read back.
    pub read: u64,
    /// The write budget is used up; more can be written then.
    pub again: Option<Timestamp>,
    /// Rules that mean nothing in this tenant, and why. All others were followed.
    pub unusable: Vec<String>,
    /// Told to stop before it was through.
    pub stopped: bool,
}

/// What would be written.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Prospect {
    /// The plan.
    pub plan: Plan,
    /// Rules that mean nothing in this tenant, and why.
    pub unusable: Vec<String>,
}

impl Agent {
    /// Works until told to stop, or until the store cannot go on.
    pub(super) async fn work(&self) -> Result<(), AgentError> {
        let mut health = Health::new("work", self.store.clone(), self.settings.work.retry_first);
        let mut known = Known::default();
        let pulse = self.pulse(Task::Work);
        let _life = pulse.clone().begin();
        while !self.is_stopping() {
            pulse.works();
            match self.work_turn().await {
                Ok(turn) => {
                    health.works().await;
                    known.complain(&turn.unusable);
                    if turn.again.is_some() || (turn.sent == 0 && turn.read == 0) {
                        self.wait_for_work(turn.again).await?;
                    }
                }
                Err(error) if is_fatal(&error) => return Err(error),
                Err(error) => {
                    let wait = health.failed(&error, asked_wait(&error), &self.clock).await;
                    self.pause_work(wait).await;
                }
            }
        }
        Ok(())
    }

    /// Works until nothing is due now.
    pub(super) async fn work_until_done(&self) -> Result<Turn, AgentError> {
        let mut sum = Turn::default();
        loop {
            let turn = self.work_turn().await?;
            sum.acquainted = turn.acquainted;
            sum.unusable = turn.unusable;
            sum.stopped = self.is_stopping();
            sum.judged += turn.judged;
            sum.sent += turn.sent;
            sum.accepted += turn.accepted;
            sum.read += turn.read;
            sum.again = turn.again;
            if sum.stopped || (turn.sent == 0 && turn.read == 0) {
                return Ok(sum);
            }
        }
    }

    /// Judges, and says what would be written.
    pub(super) async fn plan_only(&self) -> Result<Prospect, AgentError> {
        let mut turn = Turn::default();
        self.judge_all(&mut turn).await?;
        Ok(Prospect { plan: self.allotment(None).await?, unusable: turn.unusable })
    }

    /// Where licenses of groups are waited for: judges, and asks which groups those are in whose license is expected from one.
    pub(super) async fn look_ahead(&self, turn: &mut Turn) -> Result<(), AgentError> {
        if self.grace().is_some() && self.judge_all(turn).await? {
            while self.look_up_expected().await? {}
        }
        Ok(())
    }

    /// Waits for the bell, for what is scheduled, for a request, or for the end.
    async fn wait_for_work(&self, again: Option<Timestamp>) -> Result<(), AgentError> {
        let work = &self.settings.work;
        let due = self.store.next_due(self.settings.mode == Mode::Apply, work.confirm_after).await?;
        let due = due.into_iter().chain(again).min();
        let mut stop = self.stop.clone();
        let scheduled = async {
            match due {
                // What was due and yet not done is kept back by a halt, a pause or the mode: no reason to turn in circles.
                Some(at) if at <= self.clock.now() => self.clock.wait(KEPT_BACK).await,
                Some(at) => self.clock.wait_until(at).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            () = scheduled => {}
            () = self.bell.notified() => {}
            _ = stop.wait_for(|stop| *stop) => {}
            asked = self.wait_for_request(Some(self.pulse(Task::Work))) => asked?,
        }
        Ok(())
    }

    /// Waits for a request. Each look is a sign of life of whoever does nothing else meanwhile.
    async fn wait_for_request(&self, idle: Option<Pulse>) -> Result<(), AgentError> {
        loop {
            if let Some(pulse) = &idle {
                pulse.rests(Some(later(self.clock.now(), REQUEST_POLL)));
            }
            tokio::time::sleep(REQUEST_POLL).await;
            if !self.store.pending_requests().await?.is_empty() {
                return Ok(());
            }
        }
    }

    /// Waits after a failure. What an operator asks for is not kept waiting, and may be what mends it.
    async fn pause_work(&self, wait: Duration) {
        let mut stop = self.stop.clone();
        let asked = async {
            if self.wait_for_request(Some(self.pulse(Task::Work))).await.is_err() {
                std::future::pending().await
            }
        };
        tokio::select! {
            () = self.clock.wait(wait) => {}
            _ = stop.wait_for(|stop| *stop) => {}
            () = asked => {}
        }
    }

    async fn work_turn(&self) -> Result<Turn, AgentError> {
        let mut turn = Turn::default();
        self.serve_requests().await?;
        if !self.judge_all(&mut turn).await? {
            return Ok(turn);
        }
        turn.acquainted = true;
        let halted = self.store.halted(self.clock.now()).await?.is_some();
        if halted || self.settings.mode == Mode::Observe {
            if self.settings.mode == Mode::Observe {
                self.observe().await?;
            }
            return Ok(turn);
        }
        self.act(&mut turn, None).await?;
        Ok(turn)
    }

    /// Reads what became of writes, and writes what is due: for everyone, or for one entitlement only.
    pub(super) async fn act(&self, turn: &mut Turn, only: Option<(PersonId, SkuId)>) -> Result<(), AgentError> {
        let hand = self.hand().await?;
        turn.read += hand.settle().await? as u64;
        turn.read += hand.confirm().await? as u64;
        self.tell_unconfirmed().await?;
        if turn.read > 0 {
            self.judge_all(turn).await?;
        }
        let read = self.tenant_read.load(Ordering::Relaxed);
        if read && self.store.paused().await?.is_none() && !self.is_stopping() {
            self.write(&hand, turn, only).await?;
        }
        Ok(())
    }

    async fn tell_unconfirmed(&self) -> Result<(), AgentError> {
        let limit = self.clock.now() - Duration::from_mins(UNCONFIRMED_MINUTES);
        let names = self.store.tell_unconfirmed(limit).await?;
        if !names.is_empty() {
            Event::Unconfirmed { names, minutes: UNCONFIRMED_MINUTES }.emit();
        }
        Ok(())
    }

    async fn hand(&self) -> Result<Hand, AgentError> {
        Ok(Hand {
            catalog: self.store.catalog().await?,
            store: self.store.clone(),
            graph: self.graph.clone(),
            clock: self.clock.clone(),
            work: self.settings.work.clone(),
            quota: self.quota.clone(),
            config: self.settings.digest.clone(),
            stop: self.stop.clone(),
            pulse: self.pulse(Task::Work),
        })
    }

    async fn serve_requests(&self) -> Result<(), AgentError> {
        for pending in self.store.pending_requests().await? {
            let by = pending.os_user.clone();
            match self.store.carry_out(pending, &self.settings.digest, self.clock.now()).await? {
                Ok(outcome) => Event::RequestDone { by, outcome }.emit(),
                Err(outcome) => Event::RequestRefused { by, outcome }.emit(),
            }
            self.tenant_bell.notify_one();
        }
        Ok(())
    }

    /// Serves requests while a round of writes is under way. A store that fails is noticed by the round itself, which must
    /// not be broken off for it.
    async fn serve_meanwhile(&self) -> std::convert::Infallible {
        loop {
            if self.wait_for_request(None).await.is_err() || self.serve_requests().await.is_err() {
                std::future::pending::<()>().await;
            }
        }
    }

    /// Judges everyone about whom there is news. False while a first read, or the first with other bases or attributes, is
    /// incomplete, or when told to stop on the way: nothing is planned then.
    pub(super) async fn judge_all(&self, turn: &mut Turn) -> Result<bool, AgentError> {
        let (Some(contact), true) = (self.store.contact().await?, self.store.is_acquainted(&self.domains()).await?)
        else {
            return Ok(false);
        };
        let awaited = !self.groups_awaited.lock().unwrap_or_else(PoisonError::into_inner).is_empty();
        if awaited || !self.groups_tried.load(Ordering::Relaxed) {
            return Ok(false);
        }
        let (wanted, read) = (coverages(&self.settings.directories), self.store.coverage().await?);
        if wanted.iter().any(|(domain, coverage)| read.get(domain) != Some(coverage)) {
            // Other bases or attributes are configured than were read: whom that shows must not look like an event.
            return Ok(false);
        }
        self.judge_known(contact, turn).await
    }

    /// Judges everyone about whom there is news by what is known, as [`Self::judge_all`], whether or not that is all there is.
    pub(super) async fn judge_known(&self, contact: Contact, turn: &mut Turn) -> Result<bool, AgentError> {
        let settings = &self.settings;
        let grounds = self.grounds(contact).await?;
        turn.unusable = grounds.rules.iter().flat_map(BoundRule::problems).map(ToString::to_string).collect();
        self.store.note_unusable(&turn.unusable).await?;
        let first = !self.store.is_first_pass_complete().await?;
        self.store.begin_pass(&self.basis(&grounds.rules), &settings.digest, self.clock.now()).await?;
        loop {
            let now = self.clock.now();
            let people = self.store.to_judge(JUDGED_AT_ONCE, now).await?;
            if people.is_empty() {
                break;
            }
            if self.is_stopping() {
                return Ok(false);
            }
            self.pulse(Task::Work).works();
            let context = grounds.context(settings, now);
            let judgements: Vec<_> = people.iter().map(|person| judge(person, &context)).collect();
            turn.judged += judgements.len() as u64;
            self.show("judging", turn.judged);
            let moved = self.store.record(judgements, &grounds.coverage, &settings.digest, now).await?;
            if !self.is_rehearsal {
                tell(moved, &grounds.catalog);
            }
            // Somebody may be awaited from now on: the tenant is looked at more often then.
            self.tenant_bell.notify_one();
            self.group_bell.notify_one();
        }
        self.store.end_pass().await?;
        if first && !self.is_rehearsal {
            let report = self.store.report().await?;
            let baseline_without_license = report.baseline_without_license.values().sum();
            Event::Acquainted { baseline_without_license }.emit();
            self.tenant_bell.notify_one();
        }
        Ok(true)
    }

    /// Digest of everything that decisions are made with: when it changes, everyone is judged again.
    fn basis(&self, rules: &[BoundRule]) -> String {
        let products: Vec<_> =
            rules.iter().map(|bound| (&bound.rule.digest, policy(&bound.rule), bound.product.as_ref().ok())).collect();
        let mut text = format!("{products:?} {:?} {:?}", self.settings.location, self.settings.guard.existing);
        if self.settings.groups().next().is_some() {
            let followed: Vec<_> = rules.iter().map(|bound| bound.groups.is_ok()).collect();
            let _ = write!(text, " {followed:?}");
        }
        if let Some(grace) = self.grace() {
            let _ = write!(text, " {grace:?}");
        }
        let protected = &self.settings.guard.protected;
        if !protected.is_empty() {
            let _ = write!(text, " protected {protected:?}");
        }
        digest(&SHA256, text.as_bytes()).as_ref().iter().fold(String::new(), |mut hex, byte| {
            let _ = write!(hex, "{byte:02x}");
            hex
        })
    }

    async fn allotment(&self, only: Option<(PersonId, SkuId)>) -> Result<Plan, AgentError> {
        let now = self.clock.now();
        let catalog = self.store.catalog().await?;
        let states = self.store.group_states().await?;
        let rules = bind(&self.settings.rules, &catalog, &states);
        let usable =
            |rule: &str| rule == BY_HAND || rules.iter().any(|bound| *bound.rule.id == *rule && bound.is_usable());
        // What a rule wanted before it was made unusable is kept, and not written.
        let mut candidates = self.store.candidates(now).await?;
        if unknown_protection(&self.settings.guard.protected, &states).is_some() {
            candidates.clear();
        }
        candidates.retain(|candidate| {
            let goes = usable(&candidate.rule) || matches!(candidate.action, Action::Take { .. });
            goes && only.is_none_or(|only| (candidate.person, candidate.sku) == only)
        });
        for candidate in &mut candidates {
            let rule = self.settings.rules.iter().find(|rule| *rule.id == *candidate.rule);
            candidate.keep_free = rule.map_or(0, |rule| rule.keep_free);
        }
        heed_stops(&mut candidates, &self.store.stops().await?, now);
        let seats = self.store.free_seats().await?;
        let used = self.store.admitted_in_a_day(now).await?;
        let guard = &self.settings.guard;
        let limits = Limits {
            given: Limit { per_day: guard.assignments_per_day, used: used.given },
            changed: Limit { per_day: guard.changes_per_day, used: used.changed },
            taken: Limit { per_day: guard.removals_per_day, used: used.taken },
        };
        Ok(allot(candidates, &seats, limits))
    }

    async fn observe(&self) -> Result<(), AgentError> {
        let plan = self.allotment(None).await?;
        let names = self.store.record_observed(&plan, &self.settings.digest, self.clock.now()).await?;
        if !names.is_empty() {
            Event::WouldWrite { names }.emit();
        }
        Ok(())
    }

    /// Plans on fresh seats and carries the plan out.
    async fn write(&self, hand: &Hand, turn: &mut Turn, only: Option<(PersonId, SkuId)>) -> Result<(), AgentError> {
        let mut candidates = self.store.candidates(self.clock.now()).await?;
        heed_stops(&mut candidates, &self.store.stops().await?, self.clock.now());
        if candidates.is_empty() {
            return Ok(());
        }
        let Some(catalog) = hand.read(self.graph.skus()).await else { return Ok(()) };
        let catalog = catalog?;
        self.store.put_catalog(catalog.clone(), self.clock.now()).await?;
        let mut plan = self.allotment(only).await?;
        let recorded = self.store.record_plan(&plan, &self.settings.digest, self.clock.now()).await?;
        for (hold, cohort) in recorded.held {
            let (persons, reason) = (cohort.members.len() as u64, cohort.reason.text);
            Event::Held { hold, rule: cohort.rule, persons, reason }.emit();
        }
        for (sku, persons) in recorded.waiting {
            Event::Waiting { product: catalog.name(sku), persons }.emit();
        }
        plan.writes.truncate(WRITTEN_AT_ONCE);
        self.show("writing", turn.sent);
        let tally = tokio::select! {
            tally = hand.carry_out(&plan) => tally?,
            never = self.serve_meanwhile() => match never {},
        };
        turn.sent += tally.sent as u64;
        turn.accepted += tally.accepted as u64;
        turn.again = tally.again;
        if let Some((until, reason)) = tally.halt {
            Event::Halted { until, why: reason.to_string() }.emit();
            self.store.halt(&Halt { until, reason }).await?;
        }
        match tally.login {
            Some(error) => {
                let pause = if error.class() == Class::Heals { self.settings.work.retry_first } else { Duration::ZERO };
                let reason = Reason::new(error.code(), error.to_string());
                self.store.halt(&Halt { until: later(self.clock.now(), pause), reason }).await?;
                Err(error.into())
            }
            None => Ok(()),
        }
    }
}

/// What of a rule decides beside whom it means.
fn policy(rule: &Rule) -> impl std::fmt::Debug {
    (rule.priority, rule.delay, rule.adopt, rule.on_leave, rule.usage_location)
}
