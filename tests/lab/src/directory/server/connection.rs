//! One connection: requests come in, each is answered by a task of its own, so that one can wait while others go on.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use base64::Engine;
use bytes::BytesMut;
use futures_util::StreamExt;
use ldap3_proto::LdapCodec;
use ldap3_proto::control::LdapControl;
use ldap3_proto::proto::{
    LdapBindResponse, LdapExtendedRequest, LdapExtendedResponse, LdapMsg, LdapOp, LdapResult, LdapResultCode,
};
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt, ReadHalf, WriteHalf};
use tokio::sync::{Mutex as AsyncMutex, Notify};
use tokio::task::{AbortHandle, JoinSet};
use tokio_util::codec::{Encoder, FramedRead};

use crate::directory::fault::{Effect, Moment};
use crate::directory::log::{Kind, Operation, Sent};
use crate::directory::search::refusal::{Refusal, success};

use super::Shared;
use super::bind::{self, Caller};
use super::cookies::Cookies;
use super::machine::{Eye, Machine};

/// MaxReceiveBuffer.
const LARGEST_REQUEST: usize = 10 * 1024 * 1024;

const START_TLS: &str = "1.3.6.1.4.1.1466.20037";
const WHO_AM_I: &str = "1.3.6.1.4.1.4203.1.11.3";

/// Any byte stream, plain or not.
pub trait ByteStream: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> ByteStream for T {}

type Stream = Box<dyn ByteStream>;

/// How a conversation ended.
pub enum Ending {
    /// For good.
    Closed,
    /// In a request to go on under TLS on this stream.
    StartTls(Stream),
}

/// The connection is gone: nothing more can be said on it.
#[derive(Debug)]
pub struct Gone;

/// One connection and what the server remembers for it.
pub struct Connection {
    pub(super) shared: Arc<Shared>,
    pub(super) machine: Arc<Machine>,
    pub(super) dc: usize,
    pub(super) number: u64,
    secure: bool,
    eye: AsyncMutex<Eye>,
    caller: Mutex<Caller>,
    cookies: Mutex<Cookies>,
    out: AsyncMutex<Option<WriteHalf<Stream>>>,
    cut: Notify,
}

/// The tasks answering the requests of a connection. They end with it.
#[derive(Default)]
struct Answers {
    tasks: JoinSet<()>,
    by_message: BTreeMap<i32, AbortHandle>,
}

impl Connection {
    /// A connection to a domain controller.
    pub fn new(shared: &Arc<Shared>, machine: &Arc<Machine>, number: u64, secure: bool) -> Arc<Connection> {
        Arc::new(Connection {
            shared: Arc::clone(shared),
            machine: Arc::clone(machine),
            dc: machine.address.dc,
            number,
            secure,
            eye: AsyncMutex::new(machine.eye()),
            caller: Mutex::new(Caller::Anonymous),
            cookies: Mutex::default(),
            out: AsyncMutex::new(None),
            cut: Notify::new(),
        })
    }

    /// Answers until the client leaves, a fault cuts the connection, or TLS is to begin.
    pub async fn serve(self: Arc<Self>, stream: Stream) -> Ending {
        let (read, write) = tokio::io::split(stream);
        *self.out.lock().await = Some(write);
        let mut requests = FramedRead::new(read, LdapCodec::new(Some(LARGEST_REQUEST), None));
        let mut answers = Answers::default();
        loop {
            let message = tokio::select! {
                message = requests.next() => message,
                () = self.cut.notified() => return Ending::Closed,
                Some(_) = answers.tasks.join_next() => continue,
            };
            let Some(Ok(message)) = message else {
                return Ending::Closed;
            };
            match message.op {
                LdapOp::UnbindRequest => {
                    self.note(Kind::Unbind, "");
                    return Ending::Closed;
                }
                LdapOp::AbandonRequest(id) => {
                    self.note(Kind::Abandon, &id.to_string());
                    answers.abandon(id);
                }
                LdapOp::ExtendedRequest(ref request) if request.name == START_TLS && !self.secure => {
                    return self.start_tls(message.msgid, requests.into_inner()).await;
                }
                _ => answers.begin(&self, message),
            }
        }
    }

    async fn start_tls(&self, id: i32, read: ReadHalf<Stream>) -> Ending {
        self.note(Kind::Extended, START_TLS);
        let reply = extended(success(), Some(START_TLS), None);
        if self.send(id, reply, Vec::new()).await.is_err() {
            return Ending::Closed;
        }
        match self.out.lock().await.take() {
            Some(write) => Ending::StartTls(read.unsplit(write)),
            None => Ending::Closed,
        }
    }

    async fn answer(self: Arc<Self>, message: LdapMsg) {
        let LdapMsg { msgid, op, ctrl } = message;
        let answered = match op {
            LdapOp::SearchRequest(request) => self.search(msgid, request, ctrl).await,
            LdapOp::BindRequest(request) => {
                let operation = Operation { base: request.dn.clone(), ..self.arriving(Kind::Bind, &ctrl) };
                self.simply(msgid, operation, |connection| connection.bind(&request), bind_response).await
            }
            LdapOp::ExtendedRequest(request) => {
                let operation = Operation { base: request.name.clone(), ..self.arriving(Kind::Extended, &ctrl) };
                let known = self.extended(&request);
                let value = known.clone().ok();
                self.simply(msgid, operation, |_| known.map(drop), |result| extended(result, None, value)).await
            }
            op => match refusing(&op) {
                Some(reply) => {
                    let operation = self.arriving(Kind::Write, &ctrl);
                    self.simply(msgid, operation, |connection| Err(connection.refuse_write()), reply).await
                }
                None => Err(Gone),
            },
        };
        if answered.is_err() {
            self.cut.notify_one();
        }
    }

    /// Answers an operation whose whole answer is one result.
    async fn simply(
        &self,
        id: i32,
        operation: Operation,
        judge: impl FnOnce(&Connection) -> Result<(), Refusal>,
        reply: impl FnOnce(LdapResult) -> LdapOp,
    ) -> Result<(), Gone> {
        let logged = self.shared.log.begin(operation.clone());
        let fault = self.shared.faults.strike(&operation);
        self.shared.gates.pass(&operation, Moment::Request).await;
        let forced = match fault {
            Some(fault) => self.suffer(&fault.then).await?,
            None => None,
        };
        let judged = match forced {
            Some(refusal) => Err(refusal),
            None => judge(self),
        };
        self.shared.gates.pass(&operation, Moment::Reply).await;
        let result = judged.map_or_else(|refusal| refusal.result(), |()| success());
        let (code, text) = (result.code.clone() as i64, result.message.clone());
        let bytes = self.send(id, reply(result), Vec::new()).await?;
        self.shared.log.end(logged, Sent { entries: 0, bytes }, Some(code), &text);
        Ok(())
    }

    fn bind(&self, request: &ldap3_proto::proto::LdapBindRequest) -> Result<(), Refusal> {
        let judged = bind::judge(&self.shared, self.dc, self.secure, request);
        let caller = judged.as_ref().copied().unwrap_or(Caller::Anonymous);
        *self.caller.lock().unwrap_or_else(PoisonError::into_inner) = caller;
        judged.map(drop)
    }

    fn extended(&self, request: &LdapExtendedRequest) -> Result<Vec<u8>, Refusal> {
        match request.name.as_str() {
            WHO_AM_I if self.caller() == Caller::Anonymous => Ok(Vec::new()),
            WHO_AM_I => {
                let netbios = self.shared.world().domain.netbios.clone();
                Ok(format!("u:{netbios}\\{}", self.shared.credentials().sam).into_bytes())
            }
            _ => Err(Refusal::protocol("Unknown extended request OID")),
        }
    }

    /// A read-only domain controller sends whoever writes to a writable one.
    fn refuse_write(&self) -> Refusal {
        let world = self.shared.world();
        match world.dcs().iter().find(|replica| !replica.read_only) {
            Some(writable) if world.dc(self.dc).read_only => {
                Refusal::elsewhere(&format!("{}.{}", writable.host, world.domain.dns), "")
            }
            _ => Refusal::no_rights(),
        }
    }

    /// Who this connection speaks for.
    pub(super) fn caller(&self) -> Caller {
        *self.caller.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The paged searches open here.
    pub(super) fn cookies(&self) -> MutexGuard<'_, Cookies> {
        self.cookies.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// An operation for the record.
    pub(super) fn arriving(&self, kind: Kind, controls: &[LdapControl]) -> Operation {
        let oids = controls.iter().map(|control| crate::directory::search::controls::oid(control).to_owned());
        Operation { controls: oids.collect(), ..Operation::arriving(kind, self.dc, self.number) }
    }

    /// Records what gets no answer, or always the same.
    fn note(&self, kind: Kind, base: &str) {
        let operation = Operation { base: base.to_owned(), ..Operation::arriving(kind, self.dc, self.number) };
        let number = self.shared.log.begin(operation);
        self.shared.log.end(number, Sent::default(), Some(0), "");
    }

    /// Carries out a fault: gives a result to end with, or goes on, or never returns, or the connection is gone.
    pub(super) async fn suffer(&self, effect: &Effect) -> Result<Option<Refusal>, Gone> {
        match effect {
            Effect::Result { code, text } => {
                let code = LdapResultCode::try_from(*code).unwrap_or(LdapResultCode::Other);
                Ok(Some(Refusal::of(code, text)))
            }
            Effect::Cut => Err(Gone),
            Effect::Disconnect => {
                self.write(&notice_of_disconnection()).await?;
                Err(Gone)
            }
            // What is left out is left out by whoever sends the answer.
            Effect::Truncate => Ok(None),
            Effect::Hang => std::future::pending().await,
            Effect::Delay { milliseconds } => {
                tokio::time::sleep(Duration::from_millis(*milliseconds)).await;
                Ok(None)
            }
            Effect::Raw { base64 } => {
                let bytes = base64::engine::general_purpose::STANDARD.decode(base64).unwrap_or_default();
                self.write(&bytes).await.map(|()| None)
            }
        }
    }

    /// Sends one message. Gives its length.
    pub(super) async fn send(&self, id: i32, op: LdapOp, controls: Vec<LdapControl>) -> Result<usize, Gone> {
        let mut bytes = BytesMut::new();
        encode(&mut bytes, id, op, controls)?;
        self.write(&bytes).await.map(|()| bytes.len())
    }

    /// Sends bytes as they are.
    pub(super) async fn write(&self, bytes: &[u8]) -> Result<(), Gone> {
        self.eye.lock().await.may_speak().await;
        let mut out = self.out.lock().await;
        let out = out.as_mut().ok_or(Gone)?;
        out.write_all(bytes).await.map_err(|_| Gone)?;
        out.flush().await.map_err(|_| Gone)
    }
}

/// Puts a message behind others.
pub(super) fn encode(bytes: &mut BytesMut, id: i32, op: LdapOp, controls: Vec<LdapControl>) -> Result<(), Gone> {
    let message = LdapMsg::new_with_ctrls(id, op, controls);
    LdapCodec::default().encode(message, bytes).map_err(|_| Gone)
}

impl Answers {
    fn begin(&mut self, connection: &Arc<Connection>, message: LdapMsg) {
        self.by_message.retain(|_, task| !task.is_finished());
        let id = message.msgid;
        let task = self.tasks.spawn(Arc::clone(connection).answer(message));
        self.by_message.insert(id, task);
    }

    fn abandon(&mut self, id: i32) {
        if let Some(task) = self.by_message.remove(&id) {
            task.abort();
        }
    }
}

fn bind_response(res: LdapResult) -> LdapOp {
    LdapOp::BindResponse(LdapBindResponse { res, saslcreds: None })
}

fn extended(res: LdapResult, name: Option<&str>, value: Option<Vec<u8>>) -> LdapOp {
    LdapOp::ExtendedResponse(LdapExtendedResponse { res, name: name.map(str::to_owned), value })
}

/// The reply a write gets; none for what no client should send.
fn refusing(op: &LdapOp) -> Option<fn(LdapResult) -> LdapOp> {
    match op {
        LdapOp::ModifyRequest(_) => Some(LdapOp::ModifyResponse),
        LdapOp::AddRequest(_) => Some(LdapOp::AddResponse),
        LdapOp::DelRequest(_) => Some(LdapOp::DelResponse),
        LdapOp::ModifyDNRequest(_) => Some(LdapOp::ModifyDNResponse),
        LdapOp::CompareRequest(_) => Some(LdapOp::CompareResult),
        _ => None,
    }
}

/// The unsolicited goodbye. AD puts the OID behind the response instead of into it.
fn notice_of_disconnection() -> Vec<u8> {
    const OID: &[u8] = b"1.3.6.1.4.1.1466.20036";
    const TEXT: &[u8] = b"00002027: server is shutting down\0";
    let tlv = |tag: u8, content: &[u8]| [&[tag, content.len() as u8], content].concat();
    let result = [tlv(0x0a, &[52]), tlv(0x04, b""), tlv(0x04, TEXT)].concat();
    let message = [tlv(0x02, &[0]), tlv(0x78, &result), tlv(0x8a, OID)].concat();
    tlv(0x30, &message)
}
