//! The directory on the network: listeners, and what all connections share.

mod bind;
mod connection;
mod cookies;
pub mod machine;
mod search;
pub mod tls;

use std::io;
use std::pin::pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

use super::dns::DnsCondition;
use super::fault::{Effect, Faults, Gates};
use super::log::{Kind, Log, Operation, Sent};
use super::world::World;
use connection::{Connection, Ending};
use machine::{Course, Machine};

/// How a listener speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Transport {
    /// TLS from the first byte.
    Ldaps,
    /// Plain, until StartTLS.
    Plain,
}

/// Who may sign in, and what happens to who tries.
#[derive(Debug, Clone)]
pub struct Credentials {
    /// The account's sAMAccountName.
    pub sam: String,
    /// Its password.
    pub password: String,
    /// The sub-code every bind fails with, such as 0x775; none to judge binds by the password.
    pub failure: Option<u32>,
}

/// What all connections share.
pub struct Shared {
    /// The world served.
    world: Mutex<World>,
    /// Who may sign in.
    credentials: Mutex<Credentials>,
    /// The record.
    pub log: Log,
    /// Faults in force.
    pub faults: Faults,
    /// Gates in force.
    pub gates: Arc<Gates>,
    dns: Mutex<DnsCondition>,
    machines: Mutex<Vec<Arc<Machine>>>,
    connections: AtomicU64,
}

impl Shared {
    /// Shares a world.
    pub fn new(world: World, credentials: Credentials) -> Shared {
        Shared {
            world: Mutex::new(world),
            credentials: Mutex::new(credentials),
            log: Log::new(),
            faults: Faults::default(),
            gates: Arc::default(),
            dns: Mutex::default(),
            machines: Mutex::default(),
            connections: AtomicU64::new(0),
        }
    }

    /// The world, for as long as one transaction takes.
    pub fn world(&self) -> MutexGuard<'_, World> {
        self.world.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// All domain controllers that are served.
    pub fn machines(&self) -> Vec<Arc<Machine>> {
        self.machines.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// A domain controller.
    ///
    /// # Panics
    /// When there are not that many.
    pub fn machine(&self, dc: usize) -> Arc<Machine> {
        Arc::clone(&self.machines()[dc])
    }

    /// Adds a domain controller.
    pub fn add_machine(&self, machine: Arc<Machine>) {
        self.machines.lock().unwrap_or_else(PoisonError::into_inner).push(machine);
    }

    /// How DNS answers.
    pub fn dns(&self) -> MutexGuard<'_, DnsCondition> {
        self.dns.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Lets one domain controller pull from another, if both machines work.
    pub fn replicate(&self, from: usize, to: usize) -> usize {
        let works = |dc| self.machine(dc).condition().replicates();
        if works(from) && works(to) { self.world().replicate(from, to) } else { 0 }
    }

    /// Lets everyone who works pull from everyone who works, once. Gives the number of objects written.
    pub fn replicate_all(&self) -> usize {
        let all = 0..self.machines().len();
        let pairs = all.clone().flat_map(|from| all.clone().map(move |to| (from, to)));
        pairs.map(|(from, to)| self.replicate(from, to)).sum()
    }

    /// The credentials.
    pub fn credentials(&self) -> MutexGuard<'_, Credentials> {
        self.credentials.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Accepts connections for a domain controller until dropped, and then drops them with it. The port closes and opens
/// with the state of the machine.
pub async fn listen(shared: Arc<Shared>, machine: Arc<Machine>, listener: TcpListener, transport: Transport) {
    let mut connections = JoinSet::new();
    let address = listener.local_addr();
    let mut open = Some(listener);
    machine.port(true);
    loop {
        let Some(listener) = &open else {
            machine.until_listens(true).await;
            open = reopened(&address).await;
            machine.port(true);
            continue;
        };
        tokio::select! {
            biased;
            () = machine.until_listens(false) => {
                open = None;
                machine.port(false);
            }
            Some(_) = connections.join_next() => {}
            accepted = listener.accept() => {
                if let Ok((stream, _)) = accepted {
                    connections.spawn(accept(Arc::clone(&shared), Arc::clone(&machine), stream, transport));
                }
            }
        }
    }
}

/// Opens the port again. Somebody else may hold it for a moment.
async fn reopened(address: &io::Result<std::net::SocketAddr>) -> Option<TcpListener> {
    let address = address.as_ref().ok()?;
    loop {
        match TcpListener::bind(address).await {
            Ok(listener) => return Some(listener),
            Err(_) => tokio::time::sleep(Duration::from_millis(10)).await,
        }
    }
}

/// Serves one connection for as long as the state of the machine allows.
async fn accept(shared: Arc<Shared>, machine: Arc<Machine>, stream: TcpStream, transport: Transport) {
    let mut eye = machine.eye();
    let mut conversation = pin!(converse(&shared, &machine, stream, transport));
    loop {
        match eye.course() {
            Course::Talk => tokio::select! {
                biased;
                () = eye.changed() => {}
                _ = &mut conversation => return,
            },
            Course::Wait => eye.changed().await,
            Course::Close => return,
            Course::Freeze => std::future::pending().await,
        }
    }
}

async fn converse(
    shared: &Arc<Shared>,
    machine: &Arc<Machine>,
    stream: TcpStream,
    transport: Transport,
) -> io::Result<()> {
    let number = shared.connections.fetch_add(1, Ordering::Relaxed) + 1;
    stream.set_nodelay(true)?;
    if !admitted(shared, machine.address.dc, number).await {
        return Ok(());
    }
    if transport == Transport::Ldaps {
        let stream = machine.acceptor.accept(stream).await?;
        Connection::new(shared, machine, number, true).serve(Box::new(stream)).await;
        return Ok(());
    }
    let plain = Connection::new(shared, machine, number, false).serve(Box::new(stream)).await;
    if let Ending::StartTls(stream) = plain {
        let stream = machine.acceptor.accept(stream).await?;
        Connection::new(shared, machine, number, true).serve(Box::new(stream)).await;
    }
    Ok(())
}

/// Records the connection, and lets faults strike it before a byte is read.
async fn admitted(shared: &Shared, dc: usize, number: u64) -> bool {
    let operation = Operation::arriving(Kind::Connect, dc, number);
    let logged = shared.log.begin(operation.clone());
    let fault = shared.faults.strike(&operation).map(|fault| fault.then);
    let admitted = match fault {
        None | Some(Effect::Raw { .. }) => true,
        Some(Effect::Delay { milliseconds }) => {
            tokio::time::sleep(std::time::Duration::from_millis(milliseconds)).await;
            true
        }
        Some(Effect::Hang) => std::future::pending().await,
        Some(Effect::Cut | Effect::Disconnect | Effect::Truncate | Effect::Result { .. }) => false,
    };
    shared.log.end(logged, Sent::default(), admitted.then_some(0), "");
    admitted
}
