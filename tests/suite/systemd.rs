//! What systemd is told, with a socket of the test in the place of its own. The life of the service on a real one is
//! `tests/run systemd`.

use rustix::process::Signal;
use tokio::net::UnixDatagram;

use crate::bench::{Bench, PATIENCE};
use crate::daemon::Daemon;

/// What came through the socket so far, a message a line.
struct Manager {
    socket: UnixDatagram,
    heard: Vec<String>,
}

impl Manager {
    /// Has the program tell this, as systemd would.
    fn of(bench: &mut Bench) -> Self {
        let path = bench.path("notify");
        let socket = UnixDatagram::bind(&path).expect("a socket");
        bench.variables.insert("NOTIFY_SOCKET".into(), path.to_string_lossy().into_owned());
        bench.variables.insert("WATCHDOG_USEC".into(), "4000000".into());
        Self { socket, heard: Vec::new() }
    }

    async fn hears(&mut self, beginning: &str) {
        let hearing = async {
            while !self.heard.iter().any(|line| line.starts_with(beginning)) {
                let mut message = vec![0; 4096];
                let length = self.socket.recv(&mut message).await.expect("a message");
                self.heard.extend(String::from_utf8_lossy(&message[..length]).lines().map(str::to_owned));
            }
        };
        if tokio::time::timeout(PATIENCE, hearing).await.is_err() {
            panic!("{beginning} was never heard: {:#?}", self.heard);
        }
    }

    fn heard(&self, line: &str) -> bool {
        self.heard.iter().any(|heard| heard == line)
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn it_says_when_it_is_ready_how_it_is_that_it_progresses_and_that_it_stops() {
    let mut bench = Bench::start(5).await;
    let mut manager = Manager::of(&mut bench);
    let daemon = Daemon::run(&bench);
    manager.hears("READY=1").await;
    manager.hears("WATCHDOG=1").await;
    manager.hears("STATUS=running").await;
    assert!(!manager.heard("STOPPING=1"), "{:?}", manager.heard);
    manager.heard.clear();
    // Again and again, as long as the tasks make progress.
    manager.hears("WATCHDOG=1").await;
    daemon.signal(Signal::TERM);
    manager.hears("STOPPING=1").await;
    let (status, said) = daemon.ended().await;
    assert_eq!(status.code(), Some(0), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_controller_that_is_away_from_the_start_keeps_nobody_from_being_ready() {
    let mut bench = Bench::start(5).await;
    bench.directory.set_down(true);
    let mut manager = Manager::of(&mut bench);
    let daemon = Daemon::run(&bench);
    manager.hears("READY=1").await;
    daemon.until_said("directory").await;
    for _ in 0..2 {
        manager.heard.clear();
        manager.hears("WATCHDOG=1").await;
    }
}
