//! The listener and its three pages.

use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use hyper::header::{ALLOW, CACHE_CONTROL, CONTENT_TYPE, HeaderValue};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

use super::{Board, page, scrape};
use crate::observe::Event;

/// An address that could not be listened on is tried again after this.
const AGAIN: Duration = Duration::from_mins(1);
/// One connection lasts no longer.
const LONGEST: Duration = Duration::from_secs(20);
/// So many connections are served at once; further ones wait.
const AT_ONCE: usize = 16;

/// Serves at whatever address the agent on the board names.
pub(super) async fn serve(board: Board) {
    let mut changes = board.agent.subscribe();
    loop {
        board.served.send_replace(None);
        let listen = board.agent().and_then(|agent| agent.settings().watch.listen);
        let elsewhere =
            changes.wait_for(|agent| agent.as_ref().and_then(|agent| agent.settings().watch.listen) != listen);
        tokio::select! {
            ended = elsewhere => if ended.is_err() { return },
            never = listen_on(&board, listen) => match never {},
        }
    }
}

async fn listen_on(board: &Board, listen: Option<SocketAddr>) -> Infallible {
    let Some(address) = listen else { return std::future::pending().await };
    let mut said = None;
    loop {
        match TcpListener::bind(address).await.and_then(|listener| Ok((listener.local_addr()?, listener))) {
            Ok((at, listener)) => {
                board.served.send_replace(Some(at));
                Event::WatchListening { at: at.to_string() }.emit();
                if !at.ip().is_loopback() {
                    Event::WatchExposed { at: at.to_string() }.emit();
                }
                accept(board, &listener).await;
            }
            Err(error) => {
                let why = why(&error);
                if said.replace(why.clone()).as_ref() != Some(&why) {
                    Event::WatchUnavailable { at: address.to_string(), why }.emit();
                }
                tokio::time::sleep(AGAIN).await;
            }
        }
    }
}

fn why(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::AddrInUse => "another program listens there".to_owned(),
        io::ErrorKind::PermissionDenied => {
            "the system does not allow it (ports below 1024 need a privilege)".to_owned()
        }
        io::ErrorKind::AddrNotAvailable => "this machine has no such address".to_owned(),
        _ => error.to_string(),
    }
}

async fn accept(board: &Board, listener: &TcpListener) -> Infallible {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept(), if connections.len() < AT_ONCE => match accepted {
                Ok((stream, _)) => {
                    connections.spawn(connection(board.clone(), stream));
                }
                // No descriptors left, or a peer that went away: others may still be served.
                Err(_) => tokio::time::sleep(Duration::from_millis(100)).await,
            },
            Some(_) = connections.join_next() => {}
        }
    }
}

async fn connection(board: Board, stream: TcpStream) {
    let service = service_fn(|request| {
        let board = board.clone();
        async move { Ok::<_, Infallible>(answer(&board, &request).await) }
    });
    let served = http1::Builder::new().keep_alive(false).serve_connection(TokioIo::new(stream), service);
    // What a client did wrong is its own affair.
    let _ = tokio::time::timeout(LONGEST, served).await;
}

async fn answer(board: &Board, request: &Request<Incoming>) -> Response<Full<Bytes>> {
    if !matches!(*request.method(), Method::GET | Method::HEAD) {
        let mut refused = said(StatusCode::METHOD_NOT_ALLOWED, "only GET\n".to_owned());
        refused.headers_mut().insert(ALLOW, HeaderValue::from_static("GET, HEAD"));
        return refused;
    }
    match request.uri().path() {
        "/metrics" => match scrape::text(board).await {
            Ok(text) => {
                let mut page = said(StatusCode::OK, text);
                page.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(page::CONTENT_TYPE));
                page
            }
            Err(error) => said(StatusCode::INTERNAL_SERVER_ERROR, format!("{error}\n")),
        },
        "/healthz" => verdict(scrape::alive(board), "alive"),
        "/readyz" => verdict(scrape::hindrances(board).await, "ready"),
        _ => said(StatusCode::NOT_FOUND, "there are /metrics, /healthz and /readyz\n".to_owned()),
    }
}

/// All is well, or what speaks against it, a line each.
fn verdict(against: Vec<String>, well: &str) -> Response<Full<Bytes>> {
    match against.is_empty() {
        true => said(StatusCode::OK, format!("{well}\n")),
        false => said(StatusCode::SERVICE_UNAVAILABLE, against.join("\n") + "\n"),
    }
}

fn said(status: StatusCode, text: String) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(Bytes::from(text)));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}
