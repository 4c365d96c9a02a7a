//! One connection to one domain: carries out the machine's steps on it.

use super::Domain;
use crate::agent::scope::{Comparison, LOOKS};
use crate::agent::{AgentError, is_fatal};
use crate::clock::later;
use crate::directory::changes::Why;
use crate::directory::roster::{Failure, name};
use crate::directory::watch::{Answer, Notice, Role, Step, What};
use crate::directory::{Dc, DirectoryError, Extent};
use crate::model::account::AccountPage;
use crate::model::settings::Server;
use crate::model::watermark::{DcState, Sighting, Watermark};
use crate::observe::Event;
use crate::store::{Absorbed, DomainFeed, ScanEnd};
use crate::vitals::{Pulse, Task};

/// Objects read by GUID in one step.
const AT_ONCE: u32 = 50;

/// A line's connection, and what is said of it.
pub(super) struct Hand<'a> {
    pub(super) domain: &'a Domain,
    /// Where it notes what it does.
    pub(super) pulse: Pulse,
    server: Option<Server>,
    dc: Option<Dc>,
    /// What the scan under way has brought.
    brought: Absorbed,
    /// Whether the search under way met groups that changed, or containers.
    beside: bool,
}

impl Domain {
    /// Drives one line.
    pub(super) async fn line(&self, line: usize) -> Result<(), AgentError> {
        let pulse = self.agent.pulse(Task::Directory { domain: self.settings.domain.clone(), line });
        let _life = pulse.clone().begin();
        let mut hand =
            Hand { domain: self, pulse, server: None, dc: None, brought: Absorbed::default(), beside: false };
        loop {
            hand.pulse.works();
            let rung = self.bell.notified();
            tokio::pin!(rung);
            rung.as_mut().enable();
            let step = self.watch().next(line, self.now());
            if let Step::Wait(until) = step {
                match hand.examine_scope(line).await {
                    Err(error) if is_fatal(&error) => return Err(error),
                    Err(error) => {
                        hand.complain(line, error).await;
                        continue;
                    }
                    Ok(()) => {}
                }
                hand.pulse.rests(Some(until));
                tokio::select! {
                    () = self.agent.clock.wait_until(until) => {}
                    () = rung => {}
                }
                continue;
            }
            match hand.carry_out(step).await {
                Ok(answer) => {
                    self.watch().told(line, answer, self.now());
                    hand.praise(line).await;
                }
                Err(error) if is_fatal(&error) => return Err(error),
                Err(error) => hand.complain(line, error).await,
            }
            self.bell.notify_waiters();
        }
    }
}

impl Hand<'_> {
    async fn carry_out(&mut self, step: Step) -> Result<Answer, AgentError> {
        let store = &self.domain.agent.store;
        match step {
            Step::Connect(server) => return self.connect(server).await,
            Step::Look => {
                let state = self.dc()?.state().await?;
                // A store that became another's while it was in use is not gone on with.
                self.bind(&state).await?;
                return Ok(Answer::State(state));
            }
            Step::Read(role, What::Everything(why)) => return self.read_everything(role, why).await,
            Step::Read(role, What::Since { usn, canary }) => {
                let extent = Extent::Since { usn, canary: canary.map(|canary| canary.usn) };
                let (sighting, brought) = self.read(role, extent, Sighting::of(canary), None).await?;
                self.tell_changes(brought);
                return self.answer(role, sighting, brought, None).await;
            }
            Step::Read(_, What::Errand) => return self.run_errand().await,
            Step::Read(role, what) => return self.read_hinted(role, &what).await,
            Step::TakeOver { ntds, above } => {
                let domain = self.dc()?.known_state().key.domain;
                store.take_over(domain, &ntds, above).await?;
            }
            Step::Void(key) => store.void_watermark(&key).await?,
            Step::Keep(_, mark) => store.keep_watermark(mark, self.domain.now()).await?,
            Step::Conclude { mark, generation } => return self.conclude(mark, generation).await,
            Step::Close => {
                if let Some(dc) = self.dc.take() {
                    dc.close().await;
                }
            }
            Step::Tell(notice) => self.tell(notice),
            Step::Wait(_) => {}
        }
        Ok(Answer::Done)
    }

    async fn connect(&mut self, server: Server) -> Result<Answer, AgentError> {
        let Domain { agent, settings, names, tls, login, .. } = self.domain;
        self.server = Some(server.clone());
        let mut dc = Dc::connect(settings, &server, names, tls.clone(), login, self.domain.now()).await?;
        agent.watch_endings(&mut dc, settings.bind.who()).await?;
        let state = dc.known_state();
        let (domain, ntds) = (state.key.domain, state.key.ntds.clone());
        let feed = self.bind(&state).await?;
        let row = agent.store.watermark(&state.key).await?;
        let hints = agent.store.open_hints(domain, Some(&ntds)).await?;
        if !self.domain.silent {
            Event::DirectoryConnected { server: dc.server().to_owned() }.emit();
        }
        self.dc = Some(dc);
        Ok(Answer::Connected { state, row, hints, content: feed.content, next_scan: feed.next_scan })
    }

    async fn bind(&self, state: &DcState) -> Result<DomainFeed, AgentError> {
        let Domain { agent, settings, .. } = self.domain;
        let now = self.domain.now();
        Ok(agent.store.bind_domain(state.key.domain, &settings.domain, &agent.domains(), now).await?)
    }

    async fn read_everything(&mut self, role: Role, why: Why) -> Result<Answer, AgentError> {
        let key = self.dc()?.known_state().key;
        let (server, witness) = (self.dc()?.server().to_owned(), role == Role::Witness);
        Event::ScanStarted { server, why: why.to_string(), witness }.emit();
        let generation = match role {
            Role::Content => Some(self.domain.agent.store.begin_scan(&key, why == Why::Regular).await?),
            Role::Witness => {
                self.domain.agent.store.begin_witness(key.domain).await?;
                None
            }
        };
        let (sighting, brought) = self.read(role, Extent::Everything, Sighting::of(None), generation).await?;
        self.brought = brought;
        if witness {
            let agent = &self.domain.agent;
            let percent = agent.settings.guard.shrink_percent;
            agent.store.finish_witness(key.domain, &key.ntds, percent, agent.clock.now()).await?;
        }
        self.answer(role, sighting, brought, generation).await
    }

    /// Takes a whole search in, page by page: while one is stored, the controller makes the next. An error leaves the watermark
    /// where it was.
    pub(super) async fn read(
        &mut self,
        role: Role,
        extent: Extent,
        mut sighting: Sighting,
        generation: Option<i64>,
    ) -> Result<(Sighting, Absorbed), AgentError> {
        let agent = &self.domain.agent;
        let dc = self.dc.as_mut().ok_or(DirectoryError::ScanBroken)?;
        let key = dc.known_state().key;
        let (mut brought, mut read) = (Absorbed::default(), 0);
        let whole = extent == Extent::Everything;
        let mut scan = dc.scan(extent);
        self.beside = false;
        let mut next = scan.next_page().await?;
        while let Some(mut page) = next {
            self.pulse.works();
            read += page.accounts.len() as u64;
            if role == Role::Content && generation.is_some() {
                agent.show("reading the directory", read);
            }
            sighting.page(&mut page);
            self.beside |= !(page.groups.is_empty() && page.moved.is_empty() && page.deleted.is_empty());
            let now = agent.clock.now();
            let store = async {
                match role {
                    _ if page.is_empty() => {}
                    Role::Content => return agent.store.absorb_accounts(key.domain, page, generation, now).await,
                    Role::Witness => agent.store.note_witness(key.domain, &key.ntds, page, whole, now).await?,
                }
                Ok(Absorbed::default())
            };
            let (taken, following) = tokio::join!(store, scan.next_page());
            brought += taken?;
            next = following?;
        }
        Ok((sighting, brought))
    }

    /// Reads again, by GUID, what a controller hinted at.
    async fn read_hinted(&mut self, role: Role, what: &What) -> Result<Answer, AgentError> {
        let (store, now) = (&self.domain.agent.store, self.domain.now());
        let dc = self.dc.as_mut().ok_or(DirectoryError::ScanBroken)?;
        let key = dc.known_state().key;
        let guids = match what {
            What::Own => store.hints_of(key.domain, &key.ntds, AT_ONCE).await?,
            _ => store.hints_to_confirm(key.domain, AT_ONCE, now).await?,
        };
        let page: AccountPage = dc.reread(&guids).await?;
        let mut brought = Absorbed::default();
        match role {
            _ if page.is_empty() => {}
            Role::Content => brought = store.absorb_accounts(key.domain, page, None, now).await?,
            Role::Witness => store.note_witness(key.domain, &key.ntds, page, false, now).await?,
        }
        self.tell_changes(brought);
        let of = (*what == What::Own).then_some(key.ntds.as_str());
        let hints = store.open_hints(key.domain, of).await?;
        Ok(Answer::Read {
            sighting: Sighting::of(None),
            news: false,
            beside: brought != Absorbed::default(),
            generation: None,
            hints,
        })
    }

    async fn answer(
        &mut self,
        role: Role,
        sighting: Sighting,
        brought: Absorbed,
        generation: Option<i64>,
    ) -> Result<Answer, AgentError> {
        let key = self.dc()?.known_state().key;
        let hints = match role {
            Role::Content => 0,
            Role::Witness => self.domain.agent.store.open_hints(key.domain, Some(&key.ntds)).await?,
        };
        let news = brought != Absorbed::default();
        let beside = news || self.beside;
        if beside && role == Role::Content {
            // A group of another domain may hold, or have held, what changed here.
            self.domain.neighbours.notify_waiters();
        }
        Ok(Answer::Read { sighting, news, beside, generation, hints })
    }

    async fn conclude(&mut self, mark: Watermark, generation: i64) -> Result<Answer, AgentError> {
        let agent = &self.domain.agent;
        let percent = agent.settings.guard.shrink_percent;
        let now = agent.clock.now();
        let (end, next_scan) = agent.store.finish_scan(mark, generation, percent, now).await?;
        match end {
            ScanEnd::Complete { met, gone } => {
                let Absorbed { new, quarantined, .. } = std::mem::take(&mut self.brought);
                Event::ScanComplete { met, new, gone, quarantined }.emit();
            }
            ScanEnd::Shrunk { met, missing } => Event::ScanShrunk { source: "directory", met, missing }.emit(),
        }
        *self.domain.comparison() = Comparison::due();
        agent.bell.notify_one();
        Ok(Answer::Concluded { next_scan })
    }

    pub(super) fn tell_changes(&self, brought: Absorbed) {
        if brought != Absorbed::default() {
            let Absorbed { new, changed, gone, quarantined } = brought;
            Event::DirectoryChanged { new, changed, gone, quarantined }.emit();
            self.domain.agent.bell.notify_one();
            self.domain.agent.tenant_bell.notify_one();
        }
    }

    fn tell(&self, notice: Notice) {
        match notice {
            Notice::TookOver(server) => Event::DirectorySwitched { server: name(&server) }.emit(),
            Notice::SecondChoice(server) => Event::DirectorySecondChoice { server: name(&server) }.emit(),
            Notice::Doubted(server, why) => {
                let (why, certain) = (why.to_string(), why != Why::CanaryGone);
                Event::DirectoryDoubted { server: name(&server), why, certain }.emit();
            }
        }
    }

    /// Tells the machine of a failure, and the operator.
    async fn complain(&mut self, line: usize, error: AgentError) {
        let domain = self.domain;
        let answer = match &error {
            AgentError::Directory(DirectoryError::CookieGone { .. }) => Answer::CookieGone,
            AgentError::Directory(error) => Answer::Failed(error.failure()),
            _ => Answer::Failed(Failure::Passing),
        };
        let (again, blind) = {
            let mut watch = domain.watch();
            (watch.told(line, answer, domain.now()), watch.is_without())
        };
        let Some(again) = again else {
            tracing::debug!(%error, "the scan is begun anew");
            return;
        };
        self.dc = None;
        domain.tried_groups();
        let part = if blind { domain.part.clone() } else { self.part() };
        domain.complain(part, &error, again).await;
        domain.failures().insert(self.part(), error);
    }

    /// Takes complaints back once all that is asked is done.
    async fn praise(&mut self, line: usize) {
        let (rests, settled) = {
            let watch = self.domain.watch();
            (watch.is_at_rest(line), watch.is_settled(self.domain.now()))
        };
        if rests {
            self.domain.praise(&self.part()).await;
        }
        if settled {
            self.domain.praise(&self.domain.part).await;
        }
    }

    /// Once the content is read up to what its controller says, has the rules' conditions looked at.
    async fn examine_scope(&mut self, line: usize) -> Result<(), AgentError> {
        let Comparison::Due { differed, from } = *self.domain.comparison() else { return Ok(()) };
        let now = self.domain.now();
        if self.domain.silent || now < from || !self.domain.watch().is_content_at_rest(line, now) {
            return Ok(());
        }
        let Domain { agent, settings, .. } = self.domain;
        let agrees = agent.examine_scope(self.dc()?, settings, differed + 1 == LOOKS).await?;
        *self.domain.comparison() = match agrees || differed + 1 == LOOKS {
            true => Comparison::Done,
            // Not before the controller was looked at once more.
            false => Comparison::Due { differed: differed + 1, from: later(now, settings.poll) },
        };
        Ok(())
    }

    /// Under which name this controller stands among the troubles.
    fn part(&self) -> String {
        format!("{}: {}", self.domain.part, self.server.as_ref().map(name).unwrap_or_default())
    }

    pub(super) fn dc(&mut self) -> Result<&mut Dc, DirectoryError> {
        self.dc.as_mut().ok_or(DirectoryError::ScanBroken)
    }
}
