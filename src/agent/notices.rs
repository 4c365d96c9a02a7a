//! Tells people: compares what is so with what was said, puts the messages out, and sends them until they are taken.

use std::collections::BTreeSet;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use tokio::task::JoinSet;

use super::health::Health;
use super::{Agent, AgentError, is_fatal};
use crate::clock::later;
use crate::model::notice::{Matter, Notice, Phase, Said};
use crate::model::settings::NotifySettings;
use crate::notify::{Facts, HoldFact, Persons, ProductFact, SideFact, Thresholds, Webhook, shaped, tell};
use crate::observe::Event;
use crate::store::{Group, Since, Situation, Waiting};
use crate::vitals::Task;

/// It is looked this often at most.
const LOOK: Duration = Duration::from_mins(1);

/// A message that nobody took for so long is given up: by then it is no news.
const GIVEN_UP: SignedDuration = SignedDuration::from_hours(24);

/// A message that is itself refused is given up after so many tries, so that it keeps no other one waiting.
const REFUSED_TRIES: u32 = 3;

/// The first wait after a failure; it doubles up to the longest.
const RETRY_FIRST: Duration = Duration::from_secs(10);
const RETRY_LONGEST: Duration = Duration::from_mins(30);

/// What ends and was not seen for so long is not used any more.
const UNSEEN: SignedDuration = SignedDuration::from_hours(72);

/// What came of a try.
enum Sent {
    /// Nothing waits.
    Nothing,
    /// One message went or was given up.
    One,
    /// The next try is then.
    Later(Timestamp),
}

impl Agent {
    /// Tells of what changes until the store cannot go on.
    pub(super) async fn watch_notices(&self) -> Result<(), AgentError> {
        let started = self.clock.now();
        self.store.forget_troubles("notify ").await?;
        let known: BTreeSet<String> = self.settings.notify.iter().map(|target| target.id.clone()).collect();
        self.store.forget_targets_but(known).await?;
        let mut lines = JoinSet::new();
        for (target, webhook) in self.settings.notify.clone().into_iter().zip(self.webhooks.clone()) {
            let agent = self.clone();
            lines.spawn(async move { agent.send_to(&target, &webhook).await });
        }
        let pulse = self.pulse(Task::Notices);
        let _life = pulse.clone().begin();
        loop {
            pulse.works();
            match self.notice(started).await {
                Err(error) if is_fatal(&error) => return Err(error),
                // A store that is busy is looked at again; the work says so if it lasts.
                Err(error) => tracing::debug!(%error, "what there is to tell could not be looked at"),
                Ok(()) => {}
            }
            let look = later(self.clock.now(), self.settings.tenant.poll.min(LOOK));
            pulse.rests(Some(look));
            tokio::select! {
                () = self.clock.wait_until(look) => {}
                Some(ended) = lines.join_next() => match ended {
                    Ok(ended) => ended?,
                    Err(error) => std::panic::resume_unwind(error.into_panic()),
                }
            }
        }
    }

    /// Tells of what changed, and tries once to send what waits.
    pub(super) async fn notices_once(&self) -> Result<(), AgentError> {
        // A turn that begins has tried for no time yet.
        self.notice(self.clock.now()).await?;
        for (target, webhook) in self.settings.notify.iter().zip(&self.webhooks) {
            let mut health = self.health_of(target);
            while let Sent::One = self.send_next(target, webhook, &mut health).await? {}
        }
        Ok(())
    }

    /// One look: says what is news, in one transaction with what then was said.
    async fn notice(&self, started: Timestamp) -> Result<(), AgentError> {
        let now = self.clock.now();
        let said = self.store.said().await?;
        let upto = |matter: Matter| match said.get(matter.word()) {
            Some(Said::Persons { upto, .. }) => *upto,
            _ => None,
        };
        let settings = &self.settings;
        let thresholds = Thresholds { seats: settings.seats, alarm: settings.alarm };
        let situation = self
            .store
            .situation(Since {
                awaited: upto(Matter::PersonsAwaited),
                refused: upto(Matter::PersonsRefused),
                awaited_before: now.checked_sub(settings.alarm.awaited_after).unwrap_or(Timestamp::MIN),
                refused_before: now.checked_sub(SignedDuration::from_secs(2)).unwrap_or(now),
                seen_after: now.checked_sub(UNSEEN).unwrap_or(Timestamp::MIN),
            })
            .await?;
        let told = tell(&said, &self.facts(situation, started), thresholds, now);
        if told.said == said && told.notices.is_empty() {
            return Ok(());
        }
        let messages = told.notices.iter().flat_map(|notice| {
            let wants =
                |target: &&NotifySettings| target.only.as_ref().is_none_or(|only| only.contains(&notice.matter));
            settings.notify.iter().filter(wants).map(|target| (target.id.clone(), notice.clone()))
        });
        let dropped = self.store.say(told.said, messages.collect(), now).await?;
        if dropped > 0 {
            let why = "too many wait".to_owned();
            Event::NoticesDropped { target: "a webhook".to_owned(), number: dropped, why }.emit();
        }
        for notice in told.notices.into_iter().filter(has_no_event) {
            Event::Noticed { notice }.emit();
        }
        self.post_bell.notify_waiters();
        Ok(())
    }

    fn facts(&self, situation: Situation, started: Timestamp) -> Facts {
        let rules = &self.settings.rules;
        let is_used = |name: &str, id: &str| {
            rules.iter().any(|rule| {
                let sku = rule.sku.trim();
                sku.eq_ignore_ascii_case(name.trim()) || sku.eq_ignore_ascii_case(id)
            })
        };
        let products = situation.skus.into_iter().filter(|sku| is_used(&sku.name, &sku.id.to_string()));
        let products = products.map(|sku| ProductFact {
            assignable: sku.assignable,
            in_grace: sku.in_grace,
            id: sku.id,
            name: sku.name,
            status: sku.status,
            free: sku.free,
            waiting: sku.waiting,
            outlook: sku.outlook,
        });
        let holds = situation.holds.into_iter().map(|hold| HoldFact {
            id: hold.id,
            rule: hold.rule,
            reason: hold.reason,
            members: hold.members,
            digest: hold.digest,
        });
        let troubles = &situation.troubles;
        let alone = self.settings.directories.len() == 1;
        let mut sides: Vec<SideFact> = self
            .domains()
            .into_iter()
            .map(|domain| SideFact {
                matter: Matter::DirectoryUnreachable,
                read: situation.domains.get(&domain).copied().flatten(),
                started,
                complaint: troubles
                    .get(&if alone { "directory".to_owned() } else { format!("directory {domain}") })
                    .cloned(),
                name: domain,
            })
            .collect();
        sides.push(SideFact {
            matter: Matter::TenantUnreachable,
            name: "The tenant".to_owned(),
            read: situation.tenant_read,
            started,
            complaint: troubles.get("tenant").cloned(),
        });
        Facts {
            products: products.collect(),
            holds: holds.collect(),
            decided: situation.decided,
            endings: situation.endings,
            sides,
            stalled: troubles.get("synchronization").cloned(),
            halt: situation.halt.filter(|halt| !halt.is_throttling()).map(|halt| (halt.until, halt.reason)),
            awaited: persons(situation.awaited),
            refused: persons(situation.refused),
        }
    }

    /// Sends to one target until the store cannot go on. A target that is down keeps nobody else waiting.
    async fn send_to(&self, target: &NotifySettings, webhook: &Webhook) -> Result<(), AgentError> {
        let mut health = self.health_of(target);
        loop {
            let rung = self.post_bell.notified();
            tokio::pin!(rung);
            // From here on, before the store is looked at.
            rung.as_mut().enable();
            match self.send_next(target, webhook, &mut health).await {
                Ok(Sent::One) => {}
                Ok(Sent::Nothing) => rung.await,
                Ok(Sent::Later(at)) => self.clock.wait_until(at).await,
                Err(error) if is_fatal(&error) => return Err(error),
                Err(error) => {
                    tracing::debug!(%error, "what waits to be sent could not be looked at");
                    self.clock.wait(RETRY_FIRST).await;
                }
            }
        }
    }

    fn health_of(&self, target: &NotifySettings) -> Health {
        Health::new(format!("notify {}", target.id), self.store.clone(), RETRY_FIRST)
    }

    /// Sends the message that is next for a target, if its time has come.
    async fn send_next(
        &self,
        target: &NotifySettings,
        webhook: &Webhook,
        health: &mut Health,
    ) -> Result<Sent, AgentError> {
        let Some(Waiting { id, notice, made, tries, check_at }) = self.store.next_message(&target.id).await? else {
            return Ok(Sent::Nothing);
        };
        let now = self.clock.now();
        if check_at > now {
            return Ok(Sent::Later(check_at));
        }
        let from = self.settings.tenant.id.to_string();
        let error = match webhook.post(&shaped(target.shape, &notice, &from)).await {
            Ok(answer) => {
                tracing::debug!(target = target.id, status = answer.status, code = notice.matter.word(), "told");
                self.store.message_done(id).await?;
                health.works().await;
                return Ok(Sent::One);
            }
            Err(error) => error,
        };
        let now = self.clock.now();
        let refused = error.is_about_the_message() && tries + 1 >= REFUSED_TRIES;
        let wait = wait(tries).max(error.retry_after().unwrap_or_default());
        let again = later(now, wait);
        let error = AgentError::from(error);
        health.say(&error, again).await;
        if refused || now.duration_since(made) >= GIVEN_UP {
            self.store.message_done(id).await?;
            let why = format!("\"{}\", after {} tries, the last of which: {error}", notice.title, tries + 1);
            Event::NoticesDropped { target: target.id.clone(), number: 1, why }.emit();
            return Ok(Sent::One);
        }
        self.store.message_later(id, again).await?;
        Ok(Sent::Later(again))
    }
}

/// Doubles, with jitter.
fn wait(tries: u32) -> Duration {
    let longest = RETRY_FIRST.saturating_mul(2_u32.saturating_pow(tries.min(16))).min(RETRY_LONGEST);
    longest / 2 + longest.mul_f64(fastrand::f64() / 2.0)
}

/// What the log does not tell already.
fn has_no_event(notice: &Notice) -> bool {
    match notice.matter {
        Matter::SeatsLow
        | Matter::SubscriptionEnding
        | Matter::DirectoryUnreachable
        | Matter::TenantUnreachable
        | Matter::PersonsAwaited => true,
        Matter::SyncStalled | Matter::Test => false,
        _ => notice.state == Phase::Ends,
    }
}

fn persons(group: Group) -> Persons {
    let Group { all, new, named, last } = group;
    Persons { all, new, named, last }
}
