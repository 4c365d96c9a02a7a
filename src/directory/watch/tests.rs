use uuid::Uuid;

use super::*;
use crate::model::settings::Transport;
use crate::model::watermark::{Canary, DcState, WatermarkKey};

const POLL: Duration = Duration::from_secs(10);

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_second(1_000_000 + seconds).unwrap()
}

fn server(n: u8) -> Server {
    Server { host: format!("dc{n}"), port: 636, transport: Transport::Ldaps }
}

fn key(n: u8) -> WatermarkKey {
    WatermarkKey {
        domain: Uuid::from_u128(1),
        ntds: format!("CN=NTDS Settings,CN=DC{n}"),
        invocation: Uuid::from_u128(u128::from(n)),
        coverage: "abc".into(),
    }
}

fn state(n: u8, highest_usn: i64) -> DcState {
    DcState { key: key(n), highest_usn, synchronized: true, writable: true }
}

fn canary(usn: i64) -> Canary {
    Canary { guid: Uuid::from_u128(7).to_string().parse().unwrap(), usn }
}

/// The machine with what would be stored for it.
struct Scene {
    watch: Watch,
    now: Timestamp,
    content: Option<String>,
    rows: [Option<Watermark>; 4],
    usns: [i64; 4],
    hints: [u64; 4],
    synchronized: [bool; 4],
    down: [bool; 4],
    log: Vec<String>,
}

impl Scene {
    fn new(controllers: u8) -> Self {
        let servers = (1..=controllers).map(server).collect();
        Self {
            watch: Watch::new(Roster::new(servers, 1), POLL),
            now: at(0),
            content: None,
            rows: [const { None }; 4],
            usns: [100; 4],
            hints: [0; 4],
            synchronized: [true; 4],
            down: [false; 4],
            log: Vec::new(),
        }
    }

    /// Runs both lines until both wait, and returns what they did.
    fn settle(&mut self) -> Vec<String> {
        self.log.clear();
        let mut waiting = 0;
        let mut line = 0;
        for _ in 0..200 {
            waiting = if self.step(line) { 0 } else { waiting + 1 };
            if waiting == LINES {
                return self.log.clone();
            }
            line = 1 - line;
        }
        panic!("it goes in circles: {:?}", self.log);
    }

    fn later(&mut self, seconds: i64) -> Vec<String> {
        self.now += SignedDuration::from_secs(seconds);
        self.settle()
    }

    /// One step of a line; false when it waits.
    fn step(&mut self, line: usize) -> bool {
        let step = self.watch.next(line, self.now);
        let n =
            self.watch.lines[line].server.as_ref().map_or(0, |server| usize::from(server.host.as_bytes()[2] - b'0'));
        let mut told = |what: String| self.log.push(format!("dc{n} {what}"));
        let answer = match step {
            Step::Wait(_) => return false,
            Step::Connect(_) if self.down[n] => {
                told("connect failed".into());
                Answer::Failed(Failure::Passing)
            }
            Step::Connect(_) => {
                told("connect".into());
                let mut state = state(n as u8, self.usns[n]);
                state.synchronized = self.synchronized[n];
                let (row, content) = (self.rows[n].clone(), self.content.clone());
                Answer::Connected { state, row, hints: self.hints[n], content, next_scan: None }
            }
            _ if self.down[n] => {
                told("lost".into());
                Answer::Failed(Failure::Passing)
            }
            Step::Look => {
                let mut state = state(n as u8, self.usns[n]);
                state.synchronized = self.synchronized[n];
                Answer::State(state)
            }
            Step::Read(_, What::Errand) => Answer::Ran { again: None },
            Step::Read(role, what) => {
                let generation = matches!((role, &what), (Role::Content, What::Everything(_))).then_some(1);
                if matches!((role, &what), (Role::Content, What::Own)) {
                    self.hints[n] = 0;
                }
                told(match what {
                    What::Everything(why) => format!("{role:?} everything: {why:?}"),
                    What::Since { usn, .. } => format!("{role:?} since {usn}"),
                    other => format!("{role:?} {other:?}"),
                });
                let mut sighting = Sighting::of(None);
                sighting.newest = Some(canary(self.usns[n]));
                Answer::Read { sighting, news: true, beside: false, generation, hints: self.hints[n] }
            }
            Step::TakeOver { ntds, above } => {
                told(format!("content above {above:?}"));
                self.content = Some(ntds);
                Answer::Done
            }
            Step::Void(_) => {
                told("void".into());
                self.rows[n] = None;
                Answer::Done
            }
            Step::Keep(_, mark) => {
                self.rows[n] = Some(mark);
                Answer::Done
            }
            Step::Conclude { mark, .. } => {
                told("concluded".into());
                self.rows[n] = Some(mark);
                Answer::Concluded { next_scan: at(80_000) }
            }
            Step::Tell(notice) => {
                let text = format!("{notice:?}");
                told(text.split(&[' ', '('][..]).next().unwrap_or_default().to_lowercase());
                Answer::Done
            }
            Step::Close => {
                told("close".into());
                Answer::Done
            }
        };
        self.watch.told(line, answer, self.now);
        true
    }
}

#[test]
fn first_contact_reads_the_preferred_whole_and_then_compares_the_other() {
    let mut scene = Scene::new(2);
    assert_eq!(
        scene.settle(),
        [
            "dc1 connect",
            "dc1 content above None",
            "dc1 Content everything: FirstContact",
            "dc2 connect",
            "dc1 concluded",
            "dc2 Witness everything: FirstContact",
        ]
    );
    assert!(scene.watch.is_settled(scene.now));
    assert_eq!(scene.later(10), [""; 0], "nothing moved, nothing is read");
    scene.usns[1] = 105;
    scene.usns[2] = 107;
    assert_eq!(scene.later(10), ["dc1 Content since 100", "dc2 Witness since 100"]);
}

#[test]
fn when_the_preferred_dies_the_other_goes_on_from_its_own_row() {
    let mut scene = Scene::new(2);
    scene.settle();
    // It has something that the preferred one has not confirmed.
    (scene.usns[2], scene.hints[2]) = (110, 3);
    assert_eq!(scene.later(10), ["dc2 Witness since 100", "dc1 Content Doubtful"]);
    scene.down[1] = true;
    scene.usns[2] = 120;
    let done = scene.later(5);
    assert!(done.is_empty(), "nobody looked yet: {done:?}");
    assert_eq!(
        scene.later(5),
        ["dc1 lost", "dc2 tookover", "dc2 content above Some(120)", "dc2 Content Own", "dc2 Content since 110"]
    );
    scene.usns[2] = 130;
    let done = scene.later(60);
    assert!(done.contains(&"dc2 Content since 100".to_owned()) && !done.concat().contains("everything"), "{done:?}");
    // It returns, is compared from its own row, and is preferred again after ten healthy minutes.
    scene.down[1] = false;
    scene.usns[1] = 140;
    let done = scene.later(60);
    assert!(done.contains(&"dc1 Witness since 100".to_owned()), "{done:?}");
    assert!(scene.later(300).is_empty());
    assert_eq!(scene.later(320), ["dc1 tookover", "dc1 content above Some(140)"]);
    assert_eq!(scene.content.as_deref(), Some("CN=NTDS Settings,CN=DC1"));
}

#[test]
fn a_takeover_that_failed_before_it_was_stored_is_made_up_for() {
    let mut scene = Scene::new(2);
    scene.settle();
    scene.down = [false, true, true, false];
    let done = scene.later(10);
    assert!(done.contains(&"dc2 lost".to_owned()) && !done.concat().contains("content above"), "{done:?}");
    scene.down[2] = false;
    let done = scene.later(60);
    assert!(done.contains(&"dc2 content above Some(100)".to_owned()), "{done:?}");
    assert_eq!(scene.content.as_deref(), Some("CN=NTDS Settings,CN=DC2"));
}

#[test]
fn without_a_row_for_the_survivor_it_is_read_whole_and_what_excludes_is_kept() {
    let mut scene = Scene::new(2);
    scene.down[2] = true;
    scene.settle();
    scene.down = [false, true, false, false];
    let done = scene.later(120);
    let told = done.iter().map(String::as_str).filter(|told| !told.contains("connect")).collect::<Vec<_>>();
    assert_eq!(
        told,
        [
            "dc1 lost",
            "dc2 tookover",
            "dc2 content above Some(100)",
            "dc2 Content everything: FirstContact",
            "dc2 concluded"
        ]
    );
}

#[test]
fn a_doubtful_controller_is_void_and_the_witness_takes_its_place() {
    type Spoil = fn(&mut Scene);
    let cases: [(&str, Spoil); 2] = [
        ("RolledBack { stored: 100, now: 50 }", |scene| scene.usns[1] = 50),
        ("CanaryGone", |scene| scene.usns[1] = 150),
    ];
    for (why, spoil) in cases {
        let mut scene = Scene::new(2);
        scene.settle();
        spoil(&mut scene);
        let mut done = if why == "CanaryGone" {
            scene.now += SignedDuration::from_secs(10);
            assert_eq!(scene.watch.next(0, scene.now), Step::Look);
            scene.watch.told(0, Answer::State(state(1, 150)), scene.now);
            let since = scene.watch.next(0, scene.now);
            assert_eq!(since, Step::Read(Role::Content, What::Since { usn: 100, canary: Some(canary(100)) }));
            let lost = Sighting::of(Some(canary(100)));
            let answer = Answer::Read { sighting: lost, news: false, beside: false, generation: None, hints: 0 };
            scene.watch.told(0, answer, scene.now);
            scene.settle()
        } else {
            scene.later(10)
        };
        // The lines go on side by side; each has its order.
        done.sort_by_key(|told| told[..3].to_owned());
        assert_eq!(
            done,
            [
                "dc1 void",
                "dc1 doubted",
                &format!("dc1 Witness everything: {why}"),
                "dc2 tookover",
                "dc2 content above Some(100)",
            ]
        );
    }
}

#[test]
fn a_doubtful_controller_that_is_alone_is_read_whole_and_lifts_no_exclusion() {
    let mut scene = Scene::new(1);
    scene.settle();
    scene.usns[1] = 50;
    assert_eq!(
        scene.later(10),
        [
            "dc1 void",
            "dc1 doubted",
            "dc1 content above Some(50)",
            "dc1 Content everything: RolledBack { stored: 100, now: 50 }",
            "dc1 concluded"
        ]
    );
}

#[test]
fn a_controller_out_of_step_is_used_only_if_there_is_no_other() {
    let mut scene = Scene::new(2);
    scene.synchronized[1] = false;
    let done = scene.settle();
    assert!(done.contains(&"dc2 Content everything: FirstContact".to_owned()), "{done:?}");
    assert!(done.contains(&"dc1 Witness everything: FirstContact".to_owned()), "{done:?}");
    let mut alone = Scene::new(2);
    (alone.synchronized[1], alone.down[2]) = (false, true);
    let done = alone.settle();
    assert!(done.contains(&"dc1 secondchoice".to_owned()), "{done:?}");
    assert!(done.contains(&"dc1 Content everything: FirstContact".to_owned()), "{done:?}");
}

#[test]
fn a_scan_begins_anew_a_few_times_when_its_cookie_is_thrown_away() {
    let mut scene = Scene::new(1);
    while !matches!(scene.watch.next(0, scene.now), Step::Read(..)) {
        // Connected and made content by now.
        let answer = match scene.content {
            None => Answer::Connected { state: state(1, 100), row: None, hints: 0, content: None, next_scan: None },
            Some(_) => Answer::Done,
        };
        scene.content = Some(String::new());
        scene.watch.told(0, answer, scene.now);
    }
    for _ in 0..RESTARTS {
        assert_eq!(scene.watch.told(0, Answer::CookieGone, scene.now), None);
        let again = Step::Read(Role::Content, What::Everything(Why::FirstContact));
        assert_eq!(scene.watch.next(0, scene.now), again);
    }
    assert!(scene.watch.told(0, Answer::CookieGone, scene.now).is_some(), "then it counts as failed");
}

#[test]
fn a_refused_password_is_tried_on_one_controller_only() {
    let mut scene = Scene::new(3);
    assert_eq!(scene.watch.next(0, scene.now), Step::Connect(server(1)));
    assert!(matches!(scene.watch.next(1, scene.now), Step::Wait(_)), "never two at once before one worked");
    scene.watch.told(0, Answer::Failed(Failure::Domain), scene.now);
    for line in 0..LINES {
        assert!(matches!(scene.watch.next(line, scene.now), Step::Wait(_)));
    }
    assert!(scene.watch.is_blind(scene.now));
}

#[test]
fn an_old_connection_is_replaced_without_changing_sides() {
    let mut scene = Scene::new(2);
    scene.settle();
    let done = scene.later(4 * 3600 + 1);
    assert_eq!(done, ["dc1 close", "dc1 connect", "dc2 close", "dc2 connect"]);
    assert_eq!(scene.content.as_deref(), Some("CN=NTDS Settings,CN=DC1"));
}

#[test]
fn what_is_read_beside_the_accounts_waits_for_the_content_and_keeps_no_look_waiting() {
    let mut scene = Scene::new(1);
    scene.settle();
    let read = |beside| Answer::Read { sighting: Sighting::of(None), news: false, beside, generation: None, hints: 0 };
    let errand = Step::Read(Role::Content, What::Errand);
    let since = |scene: &mut Scene, usn: i64, beside: bool| {
        assert_eq!(scene.watch.next(0, scene.now), Step::Look);
        scene.watch.told(0, Answer::State(state(1, usn)), scene.now);
        assert!(matches!(scene.watch.next(0, scene.now), Step::Read(_, What::Since { .. })));
        scene.watch.told(0, read(beside), scene.now);
    };
    scene.now += SignedDuration::from_secs(10);
    since(&mut scene, 110, false);
    assert!(matches!(scene.watch.next(0, scene.now), Step::Wait(_)), "an account's news is all");
    assert!(scene.watch.is_settled(scene.now));

    scene.now += SignedDuration::from_secs(10);
    since(&mut scene, 120, true);
    assert!(!scene.watch.is_settled(scene.now));
    assert_eq!(scene.watch.next(0, scene.now), errand);
    // There is more, and a look is due meanwhile.
    scene.watch.told(0, Answer::Ran { again: Some(scene.now) }, scene.now);
    scene.now += SignedDuration::from_secs(10);
    since(&mut scene, 130, false);
    assert_eq!(scene.watch.next(0, scene.now), errand);
    // Nor does a look that found nothing keep it waiting.
    scene.watch.told(0, Answer::Ran { again: Some(scene.now) }, scene.now);
    scene.now += SignedDuration::from_secs(10);
    assert_eq!(scene.watch.next(0, scene.now), Step::Look);
    scene.watch.told(0, Answer::State(state(1, 130)), scene.now);
    assert_eq!(scene.watch.next(0, scene.now), errand);
    let later = scene.now + SignedDuration::from_mins(5);
    scene.watch.told(0, Answer::Ran { again: Some(later) }, scene.now);
    assert!(matches!(scene.watch.next(0, scene.now), Step::Wait(_)));
    assert!(scene.watch.is_settled(scene.now) && !scene.watch.is_settled(later));
}

#[test]
fn what_another_domain_left_to_read_is_not_forgotten_over_an_errand_under_way() {
    let mut scene = Scene::new(1);
    scene.settle();
    let errand = Step::Read(Role::Content, What::Errand);
    assert!(scene.watch.is_settled(scene.now));
    scene.watch.rouse();
    assert!(!scene.watch.is_settled(scene.now));
    assert_eq!(scene.watch.next(0, scene.now), errand);
    scene.watch.rouse();
    scene.watch.told(0, Answer::Ran { again: None }, scene.now);
    assert_eq!(scene.watch.next(0, scene.now), errand, "it may have come too late for the one before");
    scene.watch.told(0, Answer::Ran { again: None }, scene.now);
    assert!(matches!(scene.watch.next(0, scene.now), Step::Wait(_)));
}
