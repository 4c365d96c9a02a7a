//! The agent of a story: the product's machine, its reading of entries and its store, driven in virtual time on a world that
//! nobody serves. What stands between them in the product (`agent::directory_feed`, `directory::dc`, `directory::search`) is
//! played here; the stories over sockets run the real one.

use std::collections::VecDeque;

use jiff::{SignedDuration, Timestamp};
use seatsync::directory::changes::Why;
use seatsync::directory::entry::{Parsed, parse};
use seatsync::directory::question::{CONTAINERS, Question, accounts, changes, coverage};
use seatsync::directory::roster::{Failure, Roster};
use seatsync::directory::watch::{Answer, LINES, Role, Step, Watch, What};
use seatsync::model::account::{AccountPage, Container};
use seatsync::model::identity::ObjectGuid;
use seatsync::model::rule::Dn;
use seatsync::model::settings::{DirectorySettings, Server, Transport};
use seatsync::model::watermark::{DcState, Sighting, Watermark, WatermarkKey};
use seatsync::store::{Absorbed, Errand, Store};
use seatsync_lab::directory::search::Cursor;
use seatsync_lab::directory::search::bare::{self, Found};

use super::domain::{DOMAIN, Domain};
use super::terms::{Broken, NAME, entry, settings};

/// Small, so that much happens between two pages.
const PAGE: usize = 3;
/// A connection that a line has.
struct Open {
    dc: usize,
    boot: u32,
    key: WatermarkKey,
    highest: i64,
    bases: Vec<Dn>,
}

/// A reading under way.
struct Reading {
    role: Role,
    left: VecDeque<(String, Kind)>,
    cursor: Option<(Cursor, u32)>,
    checked: bool,
    sighting: Sighting,
    generation: Option<i64>,
    brought: Absorbed,
    whole: bool,
}

/// One search of a reading, as in the product.
#[derive(Clone, PartialEq)]
enum Kind {
    Accounts,
    Containers,
    Changes(String),
}

/// One line's hand.
#[derive(Default)]
struct Hand {
    open: Option<Open>,
    reading: Option<Reading>,
}

/// The agent.
pub struct Agent {
    pub watch: Watch,
    pub now: Timestamp,
    pub settings: DirectorySettings,
    pub store: Store,
    hands: [Hand; LINES],
    controllers: usize,
    seed: u64,
    starts: u64,
    runtime: tokio::runtime::Runtime,
    /// Whether it ever said that another controller took over or that one is doubted.
    pub changed_over: bool,
    /// Whether it wrote accounts since somebody looked.
    pub wrote: bool,
    /// What it did, where somebody wants to read it.
    pub log: Option<Vec<String>>,
}

impl Agent {
    pub fn new(store: Store, controllers: usize, seed: u64, log: bool) -> Self {
        let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
        let now = Timestamp::from_second(1_800_000_000).expect("a time");
        let settings = settings(0);
        let mut agent = Self {
            watch: Watch::new(Roster::new(Vec::new(), 0), settings.poll),
            now,
            settings,
            store,
            hands: Default::default(),
            controllers,
            seed,
            starts: 0,
            runtime,
            changed_over: false,
            wrote: false,
            log: log.then(Vec::new),
        };
        agent.restart();
        agent
    }

    /// Kills it and starts it, with the store that it left.
    pub fn restart(&mut self) {
        self.starts += 1;
        let server = |n: usize| Server { host: format!("dc{}.{NAME}", n + 1), port: 636, transport: Transport::Ldaps };
        let roster = Roster::new((0..self.controllers).map(server).collect(), self.seed ^ self.starts);
        self.watch = Watch::new(roster, self.settings.poll);
        self.hands = Default::default();
    }

    /// Starts it with another configuration.
    pub fn edit(&mut self, number: usize) {
        self.settings = settings(number);
        self.restart();
    }

    /// The controllers it is connected to: their NTDS Settings.
    pub fn connected(&self) -> Vec<String> {
        self.hands.iter().filter_map(|hand| Some(hand.open.as_ref()?.key.ntds.clone())).collect()
    }

    /// The bases it has now.
    pub fn bases(&self) -> Vec<Dn> {
        self.settings.bases.iter().filter_map(|base| Dn::parse(base)).collect()
    }

    fn note(&mut self, what: impl FnOnce() -> String) {
        if let Some(log) = &mut self.log {
            let line = what();
            log.push(format!("         {:.0} {line}", self.now));
        }
    }

    /// Does one thing on a line, with one request at most. Says until when it waits if there is nothing to do.
    pub fn step(&mut self, line: usize, domain: &mut Domain) -> Option<Timestamp> {
        if self.hands[line].reading.is_some() {
            let done = self.page(line, domain);
            self.tell(line, done.transpose());
            return None;
        }
        let step = self.watch.next(line, self.now);
        if let Step::Wait(until) = step {
            return Some(until);
        }
        if !matches!(step, Step::Look | Step::Keep(..)) {
            self.note(|| format!("line {line}: {step:?}"));
        }
        let answer = self.carry_out(line, step, domain).transpose();
        self.tell(line, answer);
        None
    }

    /// Does all there is to do until a time.
    pub fn pass(&mut self, seconds: i64, domain: &mut Domain, mut look: impl FnMut()) {
        let end = self.now + SignedDuration::from_secs(seconds);
        loop {
            let mut waits = [None; LINES];
            let mut line = 0;
            for _ in 0..5_000 {
                waits[line] = self.step(line, domain);
                if waits[line].is_none() {
                    waits = [None; LINES];
                }
                if std::mem::take(&mut self.wrote) {
                    look();
                }
                if waits.iter().all(Option::is_some) {
                    break;
                }
                line = 1 - line;
            }
            let next = waits.into_iter().flatten().min().expect("it goes in circles");
            assert!(waits.iter().all(Option::is_some), "it goes in circles");
            if next > end {
                self.now = end;
                return;
            }
            // A wait for no time at all would never end.
            self.now = next.max(self.now + SignedDuration::from_millis(10));
        }
    }

    /// Tells the machine. `None`: a reading goes on.
    fn tell(&mut self, line: usize, answer: Option<Result<Answer, Broken>>) {
        let Some(answer) = answer else { return };
        let failed = answer.is_err();
        let answer = answer.unwrap_or_else(Answer::from);
        if failed {
            self.note(|| format!("line {line}: {answer:?}"));
            self.hands[line].reading = None;
        }
        if self.watch.told(line, answer, self.now).is_some() {
            self.hands[line].open = None;
        }
    }

    fn carry_out(&mut self, line: usize, step: Step, domain: &mut Domain) -> Result<Option<Answer>, Broken> {
        let (store, now) = (self.store.clone(), self.now);
        match step {
            Step::Connect(server) => return self.connect(line, &server, domain).map(Some),
            Step::Look => return self.state(line, domain).map(Answer::State).map(Some),
            Step::Read(role, What::Everything(why)) => {
                let key = self.open(line, domain)?.key.clone();
                let settles = why == Why::Regular;
                let begin = || self.runtime.block_on(store.begin_scan(&key, settles)).expect("a scan begins");
                let generation = (role == Role::Content).then(begin);
                if role == Role::Witness {
                    self.runtime.block_on(store.begin_witness(key.domain)).expect("nobody was met yet");
                }
                self.begin(line, role, None, Sighting::of(None), generation);
                return Ok(None);
            }
            Step::Read(role, What::Since { usn, canary }) => {
                self.open(line, domain)?;
                let filter = changes(usn, canary.map(|canary| canary.usn), false);
                self.begin(line, role, Some(filter), Sighting::of(canary), None);
                return Ok(None);
            }
            Step::Read(_, What::Errand) => return self.run_errand(line, domain).map(Some),
            Step::Read(role, what) => return self.read_hinted(line, role, &what, domain).map(Some),
            Step::TakeOver { ntds, above } => {
                let domain = self.open(line, domain)?.key.domain;
                self.runtime.block_on(store.take_over(domain, &ntds, above)).expect("taken over");
            }
            Step::Void(key) => self.runtime.block_on(store.void_watermark(&key)).expect("voided"),
            Step::Keep(_, mark) => self.keep(mark),
            Step::Conclude { mark, generation } => {
                self.wrote = true;
                let end = self.runtime.block_on(store.finish_scan(mark, generation, 100, now));
                let (end, next_scan) = end.expect("a scan ends");
                self.note(|| format!("line {line}: {end:?}"));
                return Ok(Some(Answer::Concluded { next_scan }));
            }
            Step::Close => self.hands[line].open = None,
            Step::Tell(_) => self.changed_over = true,
            Step::Wait(_) => {}
        }
        Ok(Some(Answer::Done))
    }

    fn keep(&self, mark: Watermark) {
        self.runtime.block_on(self.store.keep_watermark(mark, self.now)).expect("a row is kept");
    }

    /// The connection, unless its controller's machine broke it off.
    fn open(&mut self, line: usize, domain: &Domain) -> Result<&mut Open, Broken> {
        let alive = |open: &&mut Open| {
            let machine = &domain.machines[open.dc];
            !machine.down && machine.boot == open.boot
        };
        self.hands[line].open.as_mut().filter(alive).ok_or(Broken::Failed(Failure::Passing))
    }

    fn connect(&mut self, line: usize, server: &Server, domain: &Domain) -> Result<Answer, Broken> {
        let dc = usize::from(server.host.as_bytes()[2] - b'1');
        if domain.machines[dc].down {
            return Err(Broken::Failed(Failure::Passing));
        }
        let (world, replica) = (&domain.world, domain.world.dc(dc));
        let key = WatermarkKey {
            domain: world.view(dc, world.landmarks.domain).expect("a domain").guid(),
            ntds: replica.dn(replica.ntds),
            invocation: replica.invocation_id,
            coverage: coverage(&self.settings),
        };
        let (boot, highest) = (domain.machines[dc].boot, replica.usn.cast_signed());
        self.hands[line].open = Some(Open { dc, boot, key: key.clone(), highest, bases: Vec::new() });
        self.check_bases(line, domain)?;
        let (store, names, now) = (&self.store, [NAME.to_owned()], self.now);
        let (row, hints, feed) = self.runtime.block_on(async {
            let feed = store.bind_domain(key.domain, NAME, &names, now).await.expect("bound");
            let row = store.watermark(&key).await.expect("a row");
            (row, store.open_hints(key.domain, Some(&key.ntds)).await.expect("hints"), feed)
        });
        let state = self.known(line, domain)?;
        Ok(Answer::Connected { state, row, hints, content: feed.content, next_scan: feed.next_scan })
    }

    fn known(&mut self, line: usize, domain: &Domain) -> Result<DcState, Broken> {
        let open = self.open(line, domain)?;
        let synchronized = domain.world.dc(open.dc).synchronized;
        Ok(DcState { key: open.key.clone(), highest_usn: open.highest, synchronized, writable: true })
    }

    /// A look at the rootDSE. Who a controller is, is asked again only when it contradicts itself.
    fn state(&mut self, line: usize, domain: &Domain) -> Result<DcState, Broken> {
        let open = self.open(line, domain)?;
        let replica = domain.world.dc(open.dc);
        let highest = replica.usn.cast_signed();
        if highest < open.highest {
            open.key.invocation = replica.invocation_id;
        }
        open.highest = highest;
        self.known(line, domain)
    }

    fn check_bases(&mut self, line: usize, domain: &Domain) -> Result<(), Broken> {
        let settings = self.settings.clone();
        let open = self.open(line, domain)?;
        open.bases.clear();
        for base in &settings.bases {
            let question =
                bare::Question { base, alone: true, filter: "(objectClass=*)", attributes: &[], deleted: false };
            let found = bare::ask(&domain.world, open.dc, &question, None, 1);
            let found = found.ok().and_then(|(found, _)| Dn::parse(&found.first()?.dn));
            open.bases.push(found.ok_or(Broken::Failed(Failure::Lasting))?);
        }
        Ok(())
    }

    fn begin(&mut self, line: usize, role: Role, since: Option<String>, sighting: Sighting, generation: Option<i64>) {
        let whole = since.is_none();
        let left = match since {
            Some(filter) => VecDeque::from([(DOMAIN.to_owned(), Kind::Changes(filter))]),
            None => self.settings.bases.iter().flat_map(|base| both(base)).collect(),
        };
        let brought = Absorbed::default();
        let (cursor, checked) = (None, false);
        let reading = Reading { role, left, cursor, checked, sighting, generation, brought, whole };
        self.hands[line].reading = Some(reading);
    }

    /// One page; `None` while more follow.
    fn page(&mut self, line: usize, domain: &mut Domain) -> Result<Option<Answer>, Broken> {
        let dc = self.open(line, domain)?.dc;
        if std::mem::take(&mut domain.machines[dc].cuts) {
            domain.machines[dc].boot += 1;
            return Err(Broken::Failed(Failure::Passing));
        }
        let Some(mut reading) = self.hands[line].reading.take() else { return Ok(None) };
        let Some((base, kind)) = reading.left.front().cloned() else {
            return Ok(Some(self.read(line, reading, domain)?));
        };
        let cookies = domain.machines[dc].cookies;
        if reading.cursor.is_some_and(|(_, epoch)| epoch != cookies) {
            return Err(Broken::CookieGone);
        }
        let from = reading.cursor.map(|(cursor, _)| cursor);
        let elsewhere = matches!(kind, Kind::Changes(_));
        let (mut page, next) = self.search(line, &base, &kind, elsewhere, from, domain)?;
        if !page.outside.is_empty() && !reading.checked {
            self.check_bases(line, domain)?;
            reading.checked = true;
        }
        reading.cursor = next.map(|cursor| (cursor, cookies));
        if next.is_none() {
            reading.left.pop_front();
        }
        reading.sighting.page(&mut page);
        reading.brought += self.take_in(line, (reading.role, reading.whole), page, reading.generation, domain)?;
        self.hands[line].reading = Some(reading);
        Ok(None)
    }

    /// One page of one search.
    fn search(
        &mut self,
        line: usize,
        base: &str,
        kind: &Kind,
        elsewhere: bool,
        from: Option<Cursor>,
        domain: &Domain,
    ) -> Result<(AccountPage, Option<Cursor>), Broken> {
        let dc = self.open(line, domain)?.dc;
        let filter = match kind {
            Kind::Accounts => accounts(),
            Kind::Containers => CONTAINERS.to_owned(),
            Kind::Changes(filter) => filter.clone(),
        };
        let mut attributes = Question::new(&self.settings).attributes();
        attributes.push("objectClass".to_owned());
        let deleted = matches!(kind, Kind::Changes(_));
        let question = bare::Question { base, alone: false, filter: &filter, attributes: &attributes, deleted };
        let answer = bare::ask(&domain.world, dc, &question, from, PAGE);
        let (found, next) = answer.map_err(|_| Broken::Failed(Failure::Lasting))?;
        let mut page = self.sort(line, found, elsewhere, domain)?;
        if !deleted {
            page.containers = std::mem::take(&mut page.moved);
        }
        Ok((page, next))
    }

    /// What is below containers that moved, one at a time.
    fn run_errand(&mut self, line: usize, domain: &Domain) -> Result<Answer, Broken> {
        let (store, now) = (self.store.clone(), self.now);
        let key = self.open(line, domain)?.key.clone();
        let errand = self.runtime.block_on(store.errand(key.domain, &key.ntds, now)).expect("an errand");
        if let Some(Errand::Below(container)) = errand {
            let base = format!("<GUID={container}>");
            for (base, kind) in both(&base) {
                let mut from = None;
                // A container that is not there any more has nothing below it.
                while let Ok((page, next)) = self.search(line, &base, &kind, true, from, domain) {
                    if !page.outside.is_empty() {
                        self.check_bases(line, domain)?;
                    }
                    self.take_in(line, (Role::Content, false), page, None, domain)?;
                    from = next;
                    if from.is_none() {
                        break;
                    }
                }
            }
            self.runtime.block_on(store.finish_below(key.domain, container)).expect("finished");
            self.wrote = true;
        }
        let again = self.runtime.block_on(store.next_errand(key.domain, &key.ntds)).expect("an errand");
        Ok(Answer::Ran { again })
    }

    fn read(&mut self, line: usize, reading: Reading, domain: &Domain) -> Result<Answer, Broken> {
        let key = self.open(line, domain)?.key.clone();
        let Reading { role, sighting, generation, brought, whole, .. } = reading;
        if role == Role::Witness && whole {
            let ended = self.store.finish_witness(key.domain, &key.ntds, 100, self.now);
            self.runtime.block_on(ended).expect("whom it has not is noted");
            self.wrote = true;
        }
        let hints = match role {
            Role::Content => 0,
            Role::Witness => self.hints(&key, true),
        };
        self.note(|| format!("line {line}: read, {sighting:?}, {brought:?}, {hints} hints"));
        let news = brought != Absorbed::default();
        Ok(Answer::Read { sighting, news, beside: true, generation, hints })
    }

    fn hints(&self, key: &WatermarkKey, own: bool) -> u64 {
        self.runtime.block_on(self.store.open_hints(key.domain, own.then_some(key.ntds.as_str()))).expect("hints")
    }

    fn read_hinted(&mut self, line: usize, role: Role, what: &What, domain: &Domain) -> Result<Answer, Broken> {
        let (store, now) = (self.store.clone(), self.now);
        let open = self.open(line, domain)?;
        let (dc, key) = (open.dc, open.key.clone());
        let guids = self.runtime.block_on(async {
            match what {
                What::Own => store.hints_of(key.domain, &key.ntds, 50).await,
                _ => store.hints_to_confirm(key.domain, 50, now).await,
            }
        });
        let attributes = Question::new(&self.settings).attributes();
        let (mut met, mut absent): (Vec<Found>, Vec<ObjectGuid>) = (Vec::new(), Vec::new());
        for guid in guids.expect("hints") {
            let (base, filter) = (format!("<GUID={guid}>"), accounts());
            let question =
                bare::Question { base: &base, alone: true, filter: &filter, attributes: &attributes, deleted: true };
            match bare::ask(&domain.world, dc, &question, None, 1) {
                Ok((found, _)) if !found.is_empty() => met.extend(found),
                _ => absent.push(guid),
            }
        }
        let mut page = self.sort(line, met, true, domain)?;
        if !page.outside.is_empty() {
            self.check_bases(line, domain)?;
        }
        page.absent = absent;
        self.take_in(line, (role, false), page, None, domain)?;
        let hints = self.hints(&key, *what == What::Own);
        Ok(Answer::Read { sighting: Sighting::of(None), news: false, beside: true, generation: None, hints })
    }

    fn take_in(
        &mut self,
        line: usize,
        (role, whole): (Role, bool),
        page: AccountPage,
        generation: Option<i64>,
        domain: &Domain,
    ) -> Result<Absorbed, Broken> {
        if page.is_empty() {
            return Ok(Absorbed::default());
        }
        let key = self.open(line, domain)?.key.clone();
        self.wrote = true;
        let (store, now) = (&self.store, self.now);
        Ok(self.runtime.block_on(async {
            match role {
                Role::Content => store.absorb_accounts(key.domain, page, generation, now).await.expect("taken in"),
                Role::Witness => {
                    store.note_witness(key.domain, &key.ntds, page, whole, now).await.expect("noted");
                    Absorbed::default()
                }
            }
        }))
    }

    /// As `directory::search` sorts entries into a page.
    fn sort(&mut self, line: usize, found: Vec<Found>, anywhere: bool, domain: &Domain) -> Result<AccountPage, Broken> {
        let question = Question::new(&self.settings);
        let bases = &self.open(line, domain)?.bases;
        let foreign =
            |dn: &str| anywhere && Dn::parse(dn).is_some_and(|dn| !bases.iter().any(|base| dn.is_within(base)));
        let mut page = AccountPage::default();
        for found in found {
            match parse(entry(found), &question) {
                Parsed::Account(account) if foreign(&account.dn) => page.outside.push(account.guid),
                Parsed::Account(account) => page.accounts.push(*account),
                Parsed::Deleted(tombstone) => page.deleted.push(tombstone),
                Parsed::Group(guid, usn) => page.groups.push((guid, usn)),
                Parsed::Container(guid, dn) => {
                    let inside = Dn::parse(&dn).is_some_and(|dn| bases.iter().any(|base| dn.is_within(base)));
                    page.moved.push(Container { guid, dn, inside });
                }
                Parsed::Quarantined(entry) if foreign(&entry.dn) => page.outside.extend(entry.guid),
                Parsed::Quarantined(entry) => page.quarantined.push(entry),
            }
        }
        Ok(page)
    }
}

/// What holds accounts below a base, and they.
fn both(base: &str) -> [(String, Kind); 2] {
    [(base.to_owned(), Kind::Containers), (base.to_owned(), Kind::Accounts)]
}
