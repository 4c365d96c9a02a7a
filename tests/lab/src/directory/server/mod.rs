//! The directory on the network: listeners, and what all connections share.

mod bind;
mod connection;
mod cookies;
mod search;
pub mod tls;

use std::io;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;

use super::fault::{Effect, Faults, Gates};
use super::log::{Kind, Log, Operation};
use super::world::World;
use connection::{Connection, Ending};

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
    /// Raised to throw away all cookies given out so far.
    pub cookie_epoch: AtomicU64,
    /// Whether the machine is off: connections are dropped, old and new.
    pub down: watch::Sender<bool>,
    connections: AtomicU64,
    acceptor: TlsAcceptor,
}

impl Shared {
    /// Shares a world.
    pub fn new(world: World, credentials: Credentials, acceptor: TlsAcceptor) -> Shared {
        Shared {
            world: Mutex::new(world),
            credentials: Mutex::new(credentials),
            log: Log::new(),
            faults: Faults::default(),
            gates: Arc::default(),
            cookie_epoch: AtomicU64::new(0),
            down: watch::Sender::new(false),
            connections: AtomicU64::new(0),
            acceptor,
        }
    }

    /// The world, for as long as one transaction takes.
    pub fn world(&self) -> MutexGuard<'_, World> {
        self.world.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The credentials.
    pub fn credentials(&self) -> MutexGuard<'_, Credentials> {
        self.credentials.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Accepts connections for a domain controller until dropped, and then drops them with it.
pub async fn listen(shared: Arc<Shared>, dc: usize, listener: TcpListener, transport: Transport) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => {
                if let Ok((stream, _)) = accepted {
                    connections.spawn(accept(Arc::clone(&shared), dc, stream, transport));
                }
            }
            Some(_) = connections.join_next() => {}
        }
    }
}

/// Serves one connection, unless the machine is off or a fault strikes first.
async fn accept(shared: Arc<Shared>, dc: usize, stream: TcpStream, transport: Transport) {
    let mut down = shared.down.subscribe();
    tokio::select! {
        biased;
        _ = down.wait_for(|down| *down) => {}
        _ = converse(&shared, dc, stream, transport) => {}
    }
}

async fn converse(shared: &Arc<Shared>, dc: usize, stream: TcpStream, transport: Transport) -> io::Result<()> {
    let number = shared.connections.fetch_add(1, Ordering::Relaxed) + 1;
    stream.set_nodelay(true)?;
    if !admitted(shared, dc, number).await {
        return Ok(());
    }
    if transport == Transport::Ldaps {
        let stream = shared.acceptor.accept(stream).await?;
        Connection::new(shared, dc, number, true).serve(Box::new(stream)).await;
        return Ok(());
    }
    let plain = Connection::new(shared, dc, number, false).serve(Box::new(stream)).await;
    if let Ending::StartTls(stream) = plain {
        let stream = shared.acceptor.accept(stream).await?;
        Connection::new(shared, dc, number, true).serve(Box::new(stream)).await;
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
        Some(Effect::Cut | Effect::Disconnect | Effect::Result { .. }) => false,
    };
    shared.log.end(logged, 0, admitted.then_some(0), "");
    admitted
}
