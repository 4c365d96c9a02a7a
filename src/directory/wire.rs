//! One LDAP connection: dialled, secured, and asked one question at a time.
//!
//! The library's driver runs in a task of its own: where it panics on malformed input, or the peer goes away, its end is
//! seen here as a lost connection. Silent peers are met by keepalive, TCP user timeout and a limit per answer.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use ldap3::asn1::StructureTag;
use ldap3::controls::RawControl;
use ldap3::result::Result as LdapOutcome;
use ldap3::{Ldap, LdapConnAsync, LdapConnSettings, LdapError, LdapResult, Scope, SearchOptions, StdStream};
use rustls::ClientConfig;
use socket2::{SockRef, TcpKeepalive};
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio::time::{Instant, timeout, timeout_at};

use super::discover::Names;
use super::entry::shown;
use super::error::{DirectoryError, Step};
use crate::model::settings::{Server, Transport};
use crate::system;
use crate::tls::{Handshake, handshake_fault};

/// Idle time before the first keepalive probe, and between probes.
const KEEPALIVE: (Duration, Duration) = (Duration::from_secs(30), Duration::from_secs(5));
/// Unacknowledged data ends the connection after this time.
const USER_TIMEOUT: Duration = Duration::from_secs(20);
/// For finding the address and opening the TCP connection, if not less: the next controller waits for it.
const DIAL: Duration = Duration::from_secs(5);
/// For the rootDSE, if not less: it needs no disk, and another controller may be waiting to stand in.
const TICK: Duration = Duration::from_secs(5);
/// A whole operation may take this many times as long as a single answer.
const OPERATION: u32 = 6;
/// For a farewell nobody waits for.
const FAREWELL: Duration = Duration::from_secs(1);

/// An open connection.
pub(super) struct Wire {
    pub(super) ldap: Ldap,
    /// Ends the driver, and with it the connection, when dropped.
    driver: JoinSet<LdapOutcome<()>>,
    /// Host and port, for messages.
    pub server: String,
    pub(super) timeout: Duration,
    /// An operation that was started and never finished, because its future was dropped.
    open: Option<i32>,
}

/// A search.
pub(super) struct Ask<'a> {
    pub base: &'a str,
    pub scope: Scope,
    pub filter: &'a str,
    pub attributes: Vec<String>,
    pub controls: Vec<RawControl>,
    pub step: Step,
}

/// A TCP connection on which nothing was said yet.
pub(super) struct Dialled {
    stream: std::net::TcpStream,
    name: String,
    transport: Transport,
    limit: Duration,
    deadline: Instant,
}

impl Dialled {
    /// Dials. All that follows up to the end of the handshake has what is left of `limit`.
    pub async fn to(server: &Server, names: &Names, limit: Duration) -> Result<Self, DirectoryError> {
        let deadline = Instant::now() + limit;
        let host = server.host.trim_end_matches('.');
        let name = format!("{host}:{}", server.port);
        let stream = dial(host, server.port, &name, names, limit.min(DIAL)).await?;
        Ok(Self { stream, name, transport: server.transport, limit, deadline })
    }
}

impl Wire {
    /// Agrees on TLS, within what the dialling left of the limit.
    pub async fn secure(dialled: Dialled, tls: Arc<ClientConfig>) -> Result<Self, DirectoryError> {
        let Dialled { stream, name, transport, limit, deadline } = dialled;
        let (scheme, starttls) = match transport {
            Transport::Ldaps => ("ldaps", false),
            Transport::StartTls => ("ldap", true),
        };
        let url = format!("{scheme}://{name}");
        let settings =
            LdapConnSettings::new().set_config(tls).set_starttls(starttls).set_std_stream(StdStream::Tcp(stream));
        let secured = apart(deadline, async move { LdapConnAsync::with_settings(settings, &url).await }).await;
        let (connection, ldap) = match secured {
            Apart::Done(Ok(pair)) => pair,
            Apart::Done(Err(error)) => return Err(handshake_error(name, error)),
            Apart::Late => return Err(DirectoryError::Timeout { server: name, step: Step::Handshake, after: limit }),
            Apart::Panicked => return Err(unreadable(name, Step::Handshake)),
        };
        let mut driver = JoinSet::new();
        driver.spawn(connection.drive());
        Ok(Self { ldap, driver, server: name, timeout: limit, open: None })
    }

    /// The certificate the controller showed, DER.
    pub async fn peer_certificate(&mut self) -> Option<Vec<u8>> {
        self.ldap.get_peer_certificate().await.ok().flatten()
    }

    /// Searches and hands each entry to `take` as it comes. Continuation references are dropped unread: referrals are never
    /// chased. Success is result 0 only.
    pub async fn ask(
        &mut self,
        ask: Ask<'_>,
        take: impl FnMut(StructureTag) -> Result<(), String>,
    ) -> Result<LdapResult, DirectoryError> {
        self.settle().await;
        if self.ldap.is_closed() {
            return Err(self.lost(ask.step));
        }
        let patience = if ask.step == Step::RootDse { self.timeout.min(TICK) } else { self.timeout };
        let whole = patience * OPERATION;
        let step = ask.step.clone();
        let outcome = timeout(whole, self.run(ask, patience, take)).await;
        let outcome = outcome.unwrap_or_else(|_| Err(self.late(step, whole)));
        self.settle().await;
        outcome
    }

    async fn run(
        &mut self,
        ask: Ask<'_>,
        patience: Duration,
        mut take: impl FnMut(StructureTag) -> Result<(), String>,
    ) -> Result<LdapResult, DirectoryError> {
        let limit = (patience * OPERATION).as_secs();
        let options = SearchOptions::new().timelimit(i32::try_from(limit).unwrap_or(i32::MAX));
        let mut ldap = self.ldap.clone();
        ldap.with_timeout(patience).with_controls(ask.controls).with_search_options(options);
        let started = ldap.streaming_search(ask.base, ask.scope, ask.filter, ask.attributes).await;
        let mut stream = started.map_err(|error| self.failure(&error, ask.step.clone()))?;
        self.open = Some(stream.ldap_handle().last_id());
        // After its end, or an error, the stream must not be asked again: it would panic.
        loop {
            match stream.next().await {
                Ok(Some(item)) if item.is_ref() || item.is_intermediate() => {}
                Ok(Some(item)) => take(item.0).map_err(|what| self.odd(ask.step.clone(), what))?,
                Ok(None) => break,
                Err(LdapError::Timeout { .. }) => return Err(self.late(ask.step, patience)),
                Err(error) => return Err(self.failure(&error, ask.step)),
            }
        }
        let result = stream.finish().await;
        self.open = None;
        match result.rc {
            0 => Ok(result),
            code => Err(self.answer(ask.step, code, plain(&result.text))),
        }
    }

    /// Tells the server to abandon what nobody waits for any more (RFC 4511, 4.11).
    async fn settle(&mut self) {
        if let Some(id) = self.open.take() {
            let mut ldap = self.ldap.clone();
            let _ = ldap.with_timeout(FAREWELL).abandon(id).await;
        }
    }

    /// Says goodbye and closes.
    pub async fn close(mut self) {
        let _ = timeout(FAREWELL, self.ldap.unbind()).await;
        self.driver.shutdown().await;
    }

    pub fn odd(&self, step: Step, what: impl Into<String>) -> DirectoryError {
        DirectoryError::Odd { server: self.server.clone(), step, what: what.into() }
    }

    pub(super) fn answer(&self, step: Step, code: u32, text: String) -> DirectoryError {
        DirectoryError::Answer { server: self.server.clone(), step, code, text }
    }

    fn lost(&self, step: Step) -> DirectoryError {
        DirectoryError::Lost { server: self.server.clone(), step }
    }

    pub(super) fn late(&self, step: Step, after: Duration) -> DirectoryError {
        DirectoryError::Timeout { server: self.server.clone(), step, after }
    }

    pub(super) fn failure(&self, error: &LdapError, step: Step) -> DirectoryError {
        match error {
            LdapError::Timeout { .. } => self.late(step, self.timeout),
            LdapError::Io { .. }
            | LdapError::OpSend { .. }
            | LdapError::ResultRecv { .. }
            | LdapError::IdScrubSend { .. }
            | LdapError::EndOfStream => self.lost(step),
            other => self.odd(step, other.to_string()),
        }
    }
}

/// Opens the TCP connection to the first address that answers. Each gets an equal share of the time.
async fn dial(
    host: &str,
    port: u16,
    server: &str,
    names: &Names,
    limit: Duration,
) -> Result<std::net::TcpStream, DirectoryError> {
    let late = || DirectoryError::Timeout { server: server.to_owned(), step: Step::Dial, after: limit };
    let unresolved = |source| DirectoryError::Unresolved { server: server.to_owned(), source };
    let found = timeout(limit, names.addresses(host, port)).await.map_err(|_| late())?;
    let addresses: Vec<SocketAddr> = found.map_err(unresolved)?;
    let share = limit / u32::try_from(addresses.len().max(1)).unwrap_or(u32::MAX);
    let mut last = DirectoryError::Unresolved { server: server.to_owned(), source: io::ErrorKind::NotFound.into() };
    for address in addresses {
        last = match timeout(share, TcpStream::connect(address)).await {
            Ok(Ok(stream)) => match prepare(stream) {
                Ok(stream) => return Ok(stream),
                Err(source) => DirectoryError::Unreachable { server: server.to_owned(), source },
            },
            Ok(Err(source)) => DirectoryError::Unreachable { server: server.to_owned(), source },
            Err(_) => DirectoryError::Timeout { server: server.to_owned(), step: Step::Dial, after: share },
        };
    }
    Err(last)
}

fn prepare(stream: TcpStream) -> io::Result<std::net::TcpStream> {
    let socket = SockRef::from(&stream);
    socket.set_tcp_nodelay(true)?;
    socket.set_tcp_keepalive(&TcpKeepalive::new().with_time(KEEPALIVE.0).with_interval(KEEPALIVE.1))?;
    system::limit_unanswered(&socket, USER_TIMEOUT)?;
    stream.into_std()
}

/// How work in a task of its own ended.
pub(super) enum Apart<T> {
    Done(T),
    Late,
    Panicked,
}

/// Runs library code that may panic on malformed answers in a task of its own; dropped, it is aborted.
pub(super) async fn apart<T: Send + 'static>(
    deadline: Instant,
    work: impl Future<Output = T> + Send + 'static,
) -> Apart<T> {
    let mut task = JoinSet::new();
    task.spawn(work);
    match timeout_at(deadline, task.join_next()).await {
        Ok(Some(Ok(value))) => Apart::Done(value),
        Ok(_) => Apart::Panicked,
        Err(_) => Apart::Late,
    }
}

fn handshake_error(server: String, error: LdapError) -> DirectoryError {
    if let Some(fault) = handshake_fault(&error) {
        return DirectoryError::Tls { server, fault };
    }
    match error {
        LdapError::DNSName { .. } | LdapError::UrlParsing { .. } => {
            DirectoryError::Tls { server, fault: Handshake::Unnameable }
        }
        LdapError::LdapResult { result } => {
            DirectoryError::StartTlsRefused { server, code: result.rc, text: plain(&result.text) }
        }
        _ => DirectoryError::Lost { server, step: Step::Handshake },
    }
}

pub(super) fn unreadable(server: String, step: Step) -> DirectoryError {
    DirectoryError::Odd { server, step, what: "the answer cannot be read as LDAP".into() }
}

/// A server's text on one line; AD ends its own with a NUL.
pub(super) fn plain(text: &str) -> String {
    shown(text.trim_matches(|c: char| c.is_control() || c.is_whitespace()).as_bytes())
}
