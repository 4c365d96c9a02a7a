//! `POST /$batch`: up to twenty requests in one, each with a verdict of its own. The texts of refusals are assumed.

use std::{
    collections::{BTreeMap, BTreeSet},
    future::Future,
    pin::Pin,
    sync::Arc,
};

use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use base64::{Engine, engine::general_purpose::STANDARD};
use bytes::Bytes;
use futures_util::future::join_all;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::{access::authenticate, body, refused};
use crate::tenant::{
    exchange::{Call, Incoming, Outcome, perform},
    reply::{GraphError, Reply},
    shared::Shared,
};

/// Requests one batch may hold.
const MAX_ITEMS: usize = 20;

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Item {
    id: String,
    method: String,
    url: String,
    #[serde(default)]
    headers: BTreeMap<String, String>,
    #[serde(default)]
    body: Option<Value>,
    #[serde(default)]
    depends_on: Vec<String>,
}

/// How the items depend on each other.
enum Order {
    Parallel,
    /// Each names the one before.
    Serial,
    /// All name the first.
    AfterFirst,
}

/// Answers a whole batch.
pub(in crate::tenant) fn answer<'a>(
    shared: &'a Arc<Shared>,
    call: &'a Call,
) -> Pin<Box<dyn Future<Output = Outcome> + Send + 'a>> {
    Box::pin(async move {
        let checked = shared.read(|state| authenticate(state, call)).and_then(|_| items(call));
        let answers = match checked {
            Ok((items, order)) => run(shared, call, items, order).await,
            Err(error) => Some(Err(error)),
        };
        let mut reply = match answers {
            None => return Outcome::Cut,
            Some(Ok(answers)) => {
                let throttled = answers.iter().any(|answer| answer["status"] == 429);
                let status = shared.read(|state| state.knobs.throttling.batch_status).filter(|_| throttled);
                let status = status.and_then(|status| StatusCode::from_u16(status).ok()).unwrap_or(StatusCode::OK);
                Reply::json(status, "application/json", &json!({ "responses": answers }))
            }
            Some(Err(error)) => shared.read(|state| refused(state, call, error)),
        };
        call.correlation.stamp(&mut reply, 1);
        Outcome::Reply(reply)
    })
}

fn items(call: &Call) -> Result<(Vec<Item>, Order), GraphError> {
    if call.method != Method::POST {
        let text = "Specified HTTP method is not allowed for the request target.";
        return Err(GraphError::new(StatusCode::METHOD_NOT_ALLOWED, "BadRequest", text));
    }
    let body = body(call)?;
    let items: Vec<Item> = serde_json::from_value(body["requests"].clone())
        .map_err(|error| GraphError::gateway(format!("Invalid batch payload format: {error}.")))?;
    if items.len() > MAX_ITEMS {
        return Err(GraphError::gateway(format!(
            "Number of batch request steps exceeds the maximum value of {MAX_ITEMS}."
        )));
    }
    let ids: BTreeSet<String> = items.iter().map(|item| item.id.to_lowercase()).collect();
    if ids.len() < items.len() || items.is_empty() {
        return Err(GraphError::gateway("Batch request ids must be present and unique."));
    }
    let order = order(&items)?;
    Ok((items, order))
}

fn order(items: &[Item]) -> Result<Order, GraphError> {
    if items.iter().all(|item| item.depends_on.is_empty()) {
        return Ok(Order::Parallel);
    }
    let names = |item: &Item, other: &Item| matches!(item.depends_on.as_slice(), [one] if *one == other.id);
    let free = items.first().is_some_and(|first| first.depends_on.is_empty());
    if free && items.windows(2).all(|pair| names(&pair[1], &pair[0])) {
        return Ok(Order::Serial);
    }
    if free && items.iter().skip(1).all(|item| names(item, &items[0])) {
        return Ok(Order::AfterFirst);
    }
    Err(GraphError::gateway("The dependsOn properties of the batch form no supported pattern."))
}

/// The items' answers; `None` when the connection is to be closed.
async fn run(
    shared: &Arc<Shared>,
    call: &Call,
    items: Vec<Item>,
    order: Order,
) -> Option<Result<Vec<Value>, GraphError>> {
    let mut answers = Vec::with_capacity(items.len());
    match order {
        Order::Parallel => {
            for answer in join_all(items.iter().map(|item| one(shared, call, item))).await {
                answers.push(answer?);
            }
        }
        Order::Serial => {
            let mut failed = false;
            for item in &items {
                let answer = if failed { dependency_failed(item) } else { one(shared, call, item).await? };
                failed |= answer["status"].as_u64().is_some_and(|status| status >= 400);
                answers.push(answer);
            }
        }
        Order::AfterFirst => {
            let first = one(shared, call, &items[0]).await?;
            let failed = first["status"].as_u64().is_some_and(|status| status >= 400);
            answers.push(first);
            let rest = items.iter().skip(1);
            if failed {
                answers.extend(rest.map(dependency_failed));
            } else {
                for answer in join_all(rest.map(|item| one(shared, call, item))).await {
                    answers.push(answer?);
                }
            }
        }
    }
    // Answers come in any order: here, the last first.
    answers.reverse();
    Some(Ok(answers))
}

fn dependency_failed(item: &Item) -> Value {
    let message = "The request was not executed because the request it depends on failed.";
    json!({ "id": item.id, "status": 424, "body": { "error": { "code": "FailedDependency", "message": message } } })
}

async fn one(shared: &Arc<Shared>, call: &Call, item: &Item) -> Option<Value> {
    match incoming(call, item) {
        Ok(incoming) => perform(shared, incoming).await.reply().map(|reply| wrapped(&item.id, reply)),
        Err(error) => Some(wrapped(&item.id, &error.reply(&call.correlation))),
    }
}

fn incoming(call: &Call, item: &Item) -> Result<Incoming, GraphError> {
    let mut headers = HeaderMap::new();
    for (name, value) in &item.headers {
        if let (Ok(name), Ok(value)) = (HeaderName::try_from(name), HeaderValue::try_from(value)) {
            headers.insert(name, value);
        }
    }
    let body = match &item.body {
        None => Bytes::new(),
        Some(_) if !headers.contains_key(header::CONTENT_TYPE) => {
            return Err(GraphError::gateway("A batch request with a body must have a Content-Type header."));
        }
        Some(Value::String(text)) => Bytes::from(STANDARD.decode(text).unwrap_or_default()),
        Some(body) => Bytes::from(body.to_string()),
    };
    headers.remove(header::AUTHORIZATION);
    if let Some(token) = call.headers.get(header::AUTHORIZATION) {
        headers.insert(header::AUTHORIZATION, token.clone());
    }
    let (path, query) = match item.url.split_once('?') {
        Some((path, query)) => (path, Some(query.to_owned())),
        None => (item.url.as_str(), None),
    };
    Ok(Incoming {
        method: Method::from_bytes(item.method.to_uppercase().as_bytes())
            .map_err(|_| GraphError::gateway("A batch request has no valid method."))?,
        path: format!("/v1.0/{}", path.trim_start_matches('/')),
        query,
        headers,
        body,
        host: call.host.clone(),
        batch_item: Some(item.id.clone()),
    })
}

fn wrapped(id: &str, reply: &Reply) -> Value {
    let headers: Map<String, Value> = reply
        .headers
        .iter()
        .filter(|(name, _)| *name != header::DATE)
        .filter_map(|(name, value)| Some((item_header(name), json!(value.to_str().ok()?))))
        .collect();
    let mut answer = json!({ "id": id, "status": reply.status.as_u16(), "headers": headers });
    if let Some(body) = reply.value() {
        answer["body"] = body;
    } else if !reply.body.is_empty() {
        answer["body"] = json!(STANDARD.encode(&reply.body));
    }
    answer
}

/// Header names inside a batch are JSON members, as Graph capitalises them.
fn item_header(name: &HeaderName) -> String {
    match name.as_str() {
        "content-type" => "Content-Type".to_owned(),
        "retry-after" => "Retry-After".to_owned(),
        "cache-control" => "Cache-Control".to_owned(),
        "odata-version" => "OData-Version".to_owned(),
        "location" => "Location".to_owned(),
        other => other.to_owned(),
    }
}
