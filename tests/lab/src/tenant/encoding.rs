//! gzip, for clients that ask for it.

use std::io::Write;

use axum::http::{HeaderMap, header};
use bytes::Bytes;
use flate2::{Compression, write::GzEncoder};

use super::reply::Reply;

/// Answers below this go out as they are.
const WORTH_IT: usize = 512;

/// Whether the request takes gzip.
pub(super) fn accepts_gzip(headers: &HeaderMap) -> bool {
    let accepted = headers.get(header::ACCEPT_ENCODING).and_then(|value| value.to_str().ok()).unwrap_or_default();
    accepted.split(',').any(|one| {
        let (name, weight) = one.split_once(';').unwrap_or((one, ""));
        matches!(name.trim(), "gzip" | "*") && !matches!(weight.trim(), "q=0" | "q=0.0")
    })
}

/// Packs the body, unless it is hardly worth it.
pub(super) fn gzip(mut reply: Reply) -> Reply {
    if reply.body.len() < WORTH_IT {
        return reply;
    }
    let mut packer = GzEncoder::new(Vec::new(), Compression::fast());
    if let Ok(packed) = packer.write_all(&reply.body).and_then(|()| packer.finish()) {
        reply.body = Bytes::from(packed);
        reply.set("content-encoding", "gzip");
    }
    reply
}
