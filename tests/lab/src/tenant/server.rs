//! The HTTP side: takes a request off the wire, has it carried out, puts the answer on the wire.

use std::{io, sync::Arc, time::Duration};

use axum::{
    Router,
    body::{Body, to_bytes},
    extract::{ConnectInfo, Request, State},
    http::header,
    response::Response,
};
use bytes::Bytes;
use futures_util::{StreamExt, stream};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use super::{
    connection::{Doorway, Switch},
    control,
    encoding::{accepts_gzip, gzip},
    exchange::{Incoming, Outcome, perform},
    reply::Reply,
    shared::Shared,
};

/// Request bodies above this are refused by closing the connection.
const MAX_BODY: usize = 4 << 20;

/// Serves until stopped; open connections end then.
pub(super) async fn serve(listener: TcpListener, shared: Arc<Shared>, stopped: CancellationToken) {
    let doorway = Doorway { listener, stopped: stopped.clone(), shared: Arc::clone(&shared) };
    let router = Router::new().nest("/lab", control::routes()).fallback(graph_or_login).with_state(shared);
    let service = router.into_make_service_with_connect_info::<Switch>();
    tokio::select! {
        // Never returns; its errors are those of single connections.
        _ = axum::serve(doorway, service) => {}
        () = stopped.cancelled() => {}
    }
}

async fn graph_or_login(
    State(shared): State<Arc<Shared>>,
    ConnectInfo(switch): ConnectInfo<Switch>,
    request: Request,
) -> Response {
    let packs = accepts_gzip(request.headers());
    let Some(incoming) = read(request).await else {
        switch.throw();
        return Response::new(Body::empty());
    };
    let packs = packs && shared.read(|state| state.knobs.gzip);
    let counting = Arc::clone(&shared);
    let packed = |reply: Reply| {
        let reply = if packs { gzip(reply) } else { reply };
        if reply.headers.contains_key(header::CONTENT_ENCODING) {
            counting.write(|state| state.counters.packed += 1);
        }
        reply
    };
    // As a task of its own: a client that goes away does not undo what it asked for.
    let carried_out = tokio::spawn(async move { perform(&shared, incoming).await });
    match carried_out.await {
        Ok(Outcome::Reply(reply)) => whole(packed(reply)),
        Ok(Outcome::Truncated(reply, bytes)) => broken(packed(reply), bytes),
        Ok(Outcome::Slow(reply, over)) => trickling(packed(reply), over),
        Ok(Outcome::Cut) | Err(_) => {
            switch.throw();
            Response::new(Body::empty())
        }
    }
}

async fn read(request: Request) -> Option<Incoming> {
    let (parts, body) = request.into_parts();
    let host = parts.headers.get(header::HOST).and_then(|host| host.to_str().ok()).unwrap_or("localhost");
    Some(Incoming {
        path: parts.uri.path().to_owned(),
        query: parts.uri.query().map(str::to_owned),
        host: host.to_owned(),
        method: parts.method,
        headers: parts.headers,
        body: to_bytes(body, MAX_BODY).await.ok()?,
        batch_item: None,
    })
}

fn response(reply: Reply, body: Body) -> Response {
    let mut response = Response::new(body);
    *response.status_mut() = reply.status;
    *response.headers_mut() = reply.headers;
    response
}

fn whole(reply: Reply) -> Response {
    let body = Body::from(reply.body.clone());
    response(reply, body)
}

/// Sends the headers at once and the body in pieces, the last after `over`.
fn trickling(reply: Reply, over: Duration) -> Response {
    const PIECES: usize = 8;
    let body = reply.body.clone();
    let size = body.len().div_ceil(PIECES).max(1);
    let count = body.len().div_ceil(size).max(1);
    let pause = over / u32::try_from(count).unwrap_or(1);
    let pieces = (0..count).map(move |n| body.slice(n * size..((n + 1) * size).min(body.len())));
    let sent = stream::iter(pieces).then(move |piece| async move {
        tokio::time::sleep(pause).await;
        Ok::<Bytes, io::Error>(piece)
    });
    response(reply, Body::from_stream(sent))
}

/// Announces the whole body, sends its beginning and closes.
fn broken(mut reply: Reply, bytes: usize) -> Response {
    let length = reply.body.len();
    reply.set("content-length", &length.to_string());
    let beginning = reply.body.slice(..bytes.min(length));
    let sent = stream::iter([Ok::<Bytes, io::Error>(beginning)]);
    let end = stream::once(async {
        // Idle once, so that what was written is flushed before the connection breaks.
        tokio::task::yield_now().await;
        Err(io::Error::from(io::ErrorKind::ConnectionAborted))
    });
    response(reply, Body::from_stream(sent.chain(end)))
}
