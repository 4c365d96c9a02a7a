//! A domain controller as a machine on the network: where it listens, and what state it is in.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use serde::{Deserialize, Serialize};
use tokio::sync::watch;
use tokio_rustls::TlsAcceptor;

use crate::directory::dns::Srv;

/// What a client meets.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Condition {
    /// It works.
    #[default]
    Up,
    /// Connections, old and new, are accepted and closed at once.
    Dropping,
    /// The service is not there: old connections are closed, new ones refused.
    Killed,
    /// New connections are refused, old ones go on.
    Refusing,
    /// Connections are accepted and nothing is ever answered, until it is in another state: then they go on.
    Hung,
    /// The machine is gone without a word: nothing is answered, and the connections it had are never closed, not even
    /// when it is back.
    Vanished,
}

impl Condition {
    /// Whether the port is open.
    fn listens(self) -> bool {
        !matches!(self, Condition::Killed | Condition::Refusing)
    }

    /// Whether it takes part in replication.
    pub fn replicates(self) -> bool {
        matches!(self, Condition::Up | Condition::Refusing)
    }
}

/// The state, and how often it has lost its connections without a word.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct State {
    condition: Condition,
    lost: u64,
}

/// Where and as whom a machine listens.
#[derive(Clone)]
pub struct Address {
    /// Its number in the world.
    pub dc: usize,
    /// Its full DNS name.
    pub fqdn: String,
    /// Where it serves LDAPS.
    pub ldaps: SocketAddr,
    /// Where it serves plain LDAP with StartTLS.
    pub starttls: Option<SocketAddr>,
}

/// A domain controller on the network.
pub struct Machine {
    /// Where and as whom.
    pub address: Address,
    /// Its certificate.
    pub acceptor: TlsAcceptor,
    cookie_epoch: AtomicU64,
    state: watch::Sender<State>,
    listening: watch::Sender<usize>,
    srv: Mutex<Srv>,
}

/// What a connection does about the state of its machine.
pub enum Course {
    /// It goes on until something changes.
    Talk,
    /// It waits for a change.
    Wait,
    /// It is closed.
    Close,
    /// It stays as it is, for good.
    Freeze,
}

/// A connection's eye on its machine.
pub struct Eye {
    state: watch::Receiver<State>,
    born: u64,
}

impl Machine {
    /// A machine that works.
    pub fn new(address: Address, acceptor: TlsAcceptor) -> Machine {
        Machine {
            address,
            acceptor,
            cookie_epoch: AtomicU64::new(0),
            state: watch::Sender::default(),
            listening: watch::Sender::new(0),
            srv: Mutex::default(),
        }
    }

    /// Its state.
    pub fn condition(&self) -> Condition {
        self.state.borrow().condition
    }

    /// Puts it into a state. `settled` tells when its ports have followed.
    pub fn set_condition(&self, condition: Condition) {
        self.state.send_modify(|state| {
            state.lost += u64::from(condition == Condition::Vanished && state.condition != Condition::Vanished);
            state.condition = condition;
        });
    }

    /// Waits until its ports are open, or closed, as its state has it.
    pub async fn settled(&self) {
        let ports = if self.condition().listens() { 1 + usize::from(self.address.starttls.is_some()) } else { 0 };
        let mut listening = self.listening.subscribe();
        listening.wait_for(|open| *open == ports).await.expect("the sender lives as long as self");
    }

    /// Waits for the moment at which ports are to be open, or closed.
    pub(super) async fn until_listens(&self, listens: bool) {
        let mut state = self.state.subscribe();
        state.wait_for(|state| state.condition.listens() == listens).await.expect("the sender lives as long as self");
    }

    /// Counts ports as they open and close.
    pub(super) fn port(&self, open: bool) {
        self.listening.send_modify(|ports| if open { *ports += 1 } else { *ports -= 1 });
    }

    /// An eye for a connection made now.
    pub(super) fn eye(&self) -> Eye {
        let state = self.state.subscribe();
        let born = state.borrow().lost;
        Eye { state, born }
    }

    /// Which cookies of paged searches count.
    pub fn cookie_epoch(&self) -> u64 {
        self.cookie_epoch.load(Ordering::SeqCst)
    }

    /// Throws away all cookies given out so far.
    pub fn evict_cookies(&self) {
        self.cookie_epoch.fetch_add(1, Ordering::SeqCst);
    }

    /// How it stands in DNS.
    pub fn srv(&self) -> MutexGuard<'_, Srv> {
        self.srv.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Eye {
    /// What to do now.
    pub fn course(&mut self) -> Course {
        let state = *self.state.borrow_and_update();
        match state.condition {
            _ if state.lost != self.born => Course::Freeze,
            Condition::Vanished => Course::Freeze,
            Condition::Up | Condition::Refusing => Course::Talk,
            Condition::Hung => Course::Wait,
            Condition::Dropping | Condition::Killed => Course::Close,
        }
    }

    /// Waits for another state.
    pub async fn changed(&mut self) {
        self.state.changed().await.expect("a machine outlives its connections");
    }

    /// Waits until something may be said; for good, if nothing ever may.
    pub async fn may_speak(&mut self) {
        loop {
            match self.course() {
                Course::Talk | Course::Close => return,
                Course::Wait => self.changed().await,
                Course::Freeze => std::future::pending().await,
            }
        }
    }
}
