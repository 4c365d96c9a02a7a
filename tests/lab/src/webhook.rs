//! Somebody who is told by webhook: takes whatever is posted, keeps it, and answers as told.

use std::{
    collections::VecDeque,
    io,
    net::{Ipv4Addr, SocketAddr},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use axum::{
    Router,
    body::{Body, to_bytes},
    extract::{Request, State},
    http::{StatusCode, header},
    response::Response,
};
use serde_json::Value;
use tokio::{net::TcpListener, task::JoinHandle};

/// One request that came.
#[derive(Debug, Clone)]
pub struct Post {
    /// Its method.
    pub method: String,
    /// Path and query.
    pub address: String,
    /// Its body, where it is JSON.
    pub json: Option<Value>,
    /// What it was answered with.
    pub status: u16,
}

/// How a request is answered.
#[derive(Debug, Clone)]
pub struct Answer {
    /// HTTP status.
    pub status: u16,
    /// `Retry-After`.
    pub retry_after: Option<String>,
    /// The body; `{address}` stands for what was asked.
    pub body: String,
}

impl Answer {
    /// A status alone.
    #[must_use]
    pub fn status(status: u16) -> Self {
        Self { status, retry_after: None, body: String::new() }
    }

    /// The same, which asks to be left alone for a while.
    #[must_use]
    pub fn after(self, seconds: u32) -> Self {
        Self { retry_after: Some(seconds.to_string()), ..self }
    }

    /// The same, with a body.
    #[must_use]
    pub fn saying(self, body: &str) -> Self {
        Self { body: body.to_owned(), ..self }
    }
}

#[derive(Debug)]
struct Inner {
    posts: Vec<Post>,
    next: VecDeque<Answer>,
    otherwise: Answer,
}

/// The receiver; it ends when it goes out of scope.
#[derive(Debug)]
pub struct Receiver {
    addr: SocketAddr,
    inner: Arc<Mutex<Inner>>,
    server: JoinHandle<()>,
}

impl Receiver {
    /// Listens on a free port and takes everything.
    ///
    /// # Errors
    /// When no port is to be had.
    pub async fn start() -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let addr = listener.local_addr()?;
        let otherwise = Answer::status(200).saying("ok");
        let inner = Arc::new(Mutex::new(Inner { posts: Vec::new(), next: VecDeque::new(), otherwise }));
        let router = Router::new().fallback(take).with_state(Arc::clone(&inner));
        let server = tokio::spawn(async move {
            // Never returns; its errors are those of single connections.
            let _ = axum::serve(listener, router).await;
        });
        Ok(Self { addr, inner, server })
    }

    /// An address of it.
    #[must_use]
    pub fn url(&self, path_and_query: &str) -> String {
        format!("http://{}{path_and_query}", self.addr)
    }

    /// All that came, the oldest first.
    #[must_use]
    pub fn posts(&self) -> Vec<Post> {
        lock(&self.inner).posts.clone()
    }

    /// Answers the next requests so.
    pub fn answer_next(&self, answers: impl IntoIterator<Item = Answer>) {
        lock(&self.inner).next.extend(answers);
    }

    /// Answers all others so.
    pub fn answer(&self, answer: Answer) {
        lock(&self.inner).otherwise = answer;
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        self.server.abort();
    }
}

fn lock(inner: &Mutex<Inner>) -> MutexGuard<'_, Inner> {
    inner.lock().unwrap_or_else(PoisonError::into_inner)
}

async fn take(State(inner): State<Arc<Mutex<Inner>>>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let address = parts.uri.path_and_query().map_or_else(String::new, ToString::to_string);
    let json = to_bytes(body, 1 << 20).await.ok().and_then(|body| serde_json::from_slice(&body).ok());
    let mut inner = lock(&inner);
    let answer = inner.next.pop_front().unwrap_or_else(|| inner.otherwise.clone());
    let said = answer.body.replace("{address}", &address);
    inner.posts.push(Post { method: parts.method.to_string(), address, json, status: answer.status });
    let mut response = Response::new(Body::from(said));
    *response.status_mut() = StatusCode::from_u16(answer.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    if let Some(after) = answer.retry_after.and_then(|after| after.parse().ok()) {
        response.headers_mut().insert(header::RETRY_AFTER, after);
    }
    response
}
