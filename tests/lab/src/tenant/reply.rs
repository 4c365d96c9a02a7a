//! Answers: what goes on the wire, and Graph's error envelope.

use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use bytes::Bytes;
use jiff::Timestamp;
use serde_json::{Value, json};

/// Graph's usual content type; clients compare the media type only.
pub(super) const ODATA: &str =
    "application/json;odata.metadata=minimal;odata.streaming=true;IEEE754Compatible=false;charset=utf-8";

/// One answer.
#[derive(Debug, Clone)]
pub(super) struct Reply {
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    pub(super) body: Bytes,
}

impl Reply {
    /// A status without a body.
    pub(super) fn empty(status: StatusCode) -> Self {
        Self { status, headers: HeaderMap::new(), body: Bytes::new() }
    }

    /// A JSON body under that content type.
    pub(super) fn json(status: StatusCode, content_type: &'static str, body: &Value) -> Self {
        let mut headers = HeaderMap::new();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
        Self { status, headers, body: Bytes::from(body.to_string()) }
    }

    /// A successful Graph answer.
    pub(super) fn odata(body: &Value) -> Self {
        Self::json(StatusCode::OK, ODATA, body)
    }

    /// A successful answer in plain text.
    pub(super) fn text(text: &str) -> Self {
        let mut reply = Self::empty(StatusCode::OK).with("content-type", "text/plain");
        reply.body = Bytes::from(text.to_owned());
        reply
    }

    /// Sets a header; a name or value HTTP does not allow is left out.
    pub(super) fn set(&mut self, name: &str, value: &str) {
        if let (Ok(name), Ok(value)) = (HeaderName::try_from(name), HeaderValue::try_from(value)) {
            self.headers.insert(name, value);
        }
    }

    /// The same with a header more.
    pub(super) fn with(mut self, name: &str, value: &str) -> Self {
        self.set(name, value);
        self
    }

    /// The body as JSON, if it is.
    pub(super) fn value(&self) -> Option<Value> {
        serde_json::from_slice(&self.body).ok()
    }
}

/// An error as Graph words it.
#[derive(Debug, Clone)]
pub(super) struct GraphError {
    pub(super) status: StatusCode,
    pub(super) code: String,
    pub(super) message: String,
    pub(super) headers: Vec<(String, String)>,
}

/// The identifiers every Graph answer carries.
#[derive(Debug, Clone)]
pub(super) struct Correlation {
    pub(super) request_id: String,
    /// What the client sent, else the request id again.
    pub(super) client_request_id: String,
    pub(super) at: Timestamp,
    /// What `Date` says.
    pub(super) date: Timestamp,
}

impl GraphError {
    pub(super) fn new(status: StatusCode, code: &str, message: impl Into<String>) -> Self {
        Self { status, code: code.to_owned(), message: message.into(), headers: Vec::new() }
    }

    /// 400 `Request_BadRequest`, Graph's answer to nearly everything wrong with a directory request.
    pub(super) fn bad_request(message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "Request_BadRequest", message)
    }

    /// 400 `BadRequest`: the gateway's own, before the directory sees the request.
    pub(super) fn gateway(message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "BadRequest", message)
    }

    /// 404 for an object that is not there, or not yet on this replica.
    pub(super) fn not_found(key: &str) -> Self {
        let message = format!(
            "Resource '{key}' does not exist or one of its queried reference-property objects are not present."
        );
        Self::new(StatusCode::NOT_FOUND, "Request_ResourceNotFound", message)
    }

    /// 401 with one of the texts of a refused token.
    pub(super) fn unauthenticated(message: &str) -> Self {
        Self::new(StatusCode::UNAUTHORIZED, "InvalidAuthenticationToken", message)
    }

    /// 403 for a missing application permission.
    pub(super) fn denied() -> Self {
        Self::new(
            StatusCode::FORBIDDEN,
            "Authorization_RequestDenied",
            "Insufficient privileges to complete the operation.",
        )
    }

    pub(super) fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    /// The envelope that all of Graph uses.
    pub(super) fn reply(&self, correlation: &Correlation) -> Reply {
        let mut inner = json!({
            "date": correlation.at.strftime("%Y-%m-%dT%H:%M:%S").to_string(),
            "request-id": correlation.request_id,
            "client-request-id": correlation.client_request_id,
        });
        if self.status == StatusCode::TOO_MANY_REQUESTS {
            inner["code"] = json!("429");
            inner["message"] = json!(self.message);
            inner["status"] = json!("429");
        }
        let body = json!({ "error": { "code": self.code, "message": self.message, "innerError": inner } });
        let mut reply = Reply::json(self.status, "application/json", &body);
        for (name, value) in &self.headers {
            reply.set(name, value);
        }
        reply
    }
}

impl Correlation {
    /// Sets `Date`.
    pub(super) fn date(&self, reply: &mut Reply) {
        reply.set("date", &self.date.strftime("%a, %d %b %Y %H:%M:%S GMT").to_string());
    }

    /// Adds what every Graph answer carries. An answer without a body has no OData headers, as recorded on the wire.
    pub(super) fn stamp(&self, reply: &mut Reply, resource_units: u32) {
        reply.set("request-id", &self.request_id);
        reply.set("client-request-id", &self.client_request_id);
        self.date(reply);
        reply.set("cache-control", "no-cache");
        reply.set("strict-transport-security", "max-age=31536000");
        reply.set(
            "x-ms-ags-diagnostic",
            r#"{"ServerInfo":{"DataCenter":"Lab","Slice":"E","Ring":"1","ScaleUnit":"000","RoleInstance":"LAB00000001"}}"#,
        );
        reply.set("x-ms-resource-unit", &resource_units.to_string());
        if !reply.body.is_empty() {
            reply.set("vary", "Accept-Encoding");
            reply.set("odata-version", "4.0");
        }
    }
}
