//! Connections that a fault or a shutdown can close from inside.

use std::{
    future::Future,
    io,
    net::SocketAddr,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use axum::{extract::connect_info::Connected, serve::IncomingStream, serve::Listener};
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::{TcpListener, TcpStream},
};
use tokio_util::sync::{CancellationToken, WaitForCancellationFutureOwned};

use super::shared::Shared;

/// Accepts connections until the tenant stops.
pub(super) struct Doorway {
    pub(super) listener: TcpListener,
    pub(super) stopped: CancellationToken,
    pub(super) shared: Arc<Shared>,
}

/// One connection; it ends when its switch is thrown.
pub(super) struct Connection {
    stream: TcpStream,
    switch: CancellationToken,
    thrown: Pin<Box<WaitForCancellationFutureOwned>>,
}

/// Closes the connection a request came on.
#[derive(Debug, Clone)]
pub(super) struct Switch(CancellationToken);

impl Switch {
    pub(super) fn throw(&self) {
        self.0.cancel();
    }
}

impl Connected<IncomingStream<'_, Doorway>> for Switch {
    fn connect_info(stream: IncomingStream<'_, Doorway>) -> Self {
        Self(stream.io().switch.clone())
    }
}

impl Listener for Doorway {
    type Io = Connection;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Connection, SocketAddr) {
        let (stream, addr) = Listener::accept(&mut self.listener).await;
        // Without it small answers wait for the client's acknowledgement.
        let _ = stream.set_nodelay(true);
        self.shared.write(|state| state.counters.connections += 1);
        let switch = self.stopped.child_token();
        let thrown = Box::pin(switch.clone().cancelled_owned());
        (Connection { stream, switch, thrown }, addr)
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }
}

impl Connection {
    fn closed(&mut self, cx: &mut Context<'_>) -> bool {
        self.thrown.as_mut().poll(cx).is_ready()
    }
}

fn aborted() -> io::Error {
    io::Error::from(io::ErrorKind::ConnectionAborted)
}

impl AsyncRead for Connection {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        if self.closed(cx) {
            return Poll::Ready(Err(aborted()));
        }
        Pin::new(&mut self.stream).poll_read(cx, buf)
    }
}

impl AsyncWrite for Connection {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        if self.closed(cx) {
            return Poll::Ready(Err(aborted()));
        }
        Pin::new(&mut self.stream).poll_write(cx, buf)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
