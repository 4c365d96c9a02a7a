//! The way of one request, whole or item of a `$batch`: log, gate, latency, fault, effect, gate, answer.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use axum::http::{HeaderMap, Method};
use bytes::Bytes;
use jiff::SignedDuration;
use uuid::Uuid;

use super::{
    counters::WriteKind,
    fault::Then,
    gate::{Hold, Verdict},
    graph::{self, Route, batch},
    knobs::Concurrency,
    login,
    reply::{Correlation, Reply},
    request_log::{HEADERS, RequestRecord},
    shared::Shared,
    state::State,
};

/// A request as it came in.
#[derive(Debug, Clone)]
pub(super) struct Incoming {
    pub(super) method: Method,
    /// Percent-encoded.
    pub(super) path: String,
    pub(super) query: Option<String>,
    pub(super) headers: HeaderMap,
    pub(super) body: Bytes,
    /// As the Host header has it; links are built from it.
    pub(super) host: String,
    pub(super) batch_item: Option<String>,
}

/// The user a request addresses.
#[derive(Debug, Clone)]
pub(super) struct Addressed {
    pub(super) id: Uuid,
    pub(super) upn: String,
}

/// A request with what the lab knows about it.
#[derive(Debug, Clone)]
pub(super) struct Call {
    pub(super) method: Method,
    pub(super) path: String,
    pub(super) query: Option<String>,
    pub(super) headers: HeaderMap,
    pub(super) body: Bytes,
    pub(super) host: String,
    pub(super) batch_item: Option<String>,
    pub(super) route: Route,
    pub(super) user: Option<Addressed>,
    pub(super) correlation: Correlation,
    /// Another license write for the same user, or too many in the tenant, were under way when this one came.
    pub(super) collides: bool,
    record: u64,
}

/// What goes back.
#[derive(Debug, Clone)]
pub(super) enum Outcome {
    Reply(Reply),
    /// The body breaks off after so many bytes.
    Truncated(Reply, usize),
    /// The body comes in pieces, over so long.
    Slow(Reply, Duration),
    /// The connection is closed unanswered.
    Cut,
}

impl Outcome {
    /// The answer, if any goes out.
    pub(super) fn reply(&self) -> Option<&Reply> {
        match self {
            Self::Reply(reply) | Self::Truncated(reply, _) | Self::Slow(reply, _) => Some(reply),
            Self::Cut => None,
        }
    }
}

impl Call {
    /// Path and query, as sent.
    pub(super) fn target(&self) -> String {
        match &self.query {
            Some(query) => format!("{}?{query}", self.path),
            None => self.path.clone(),
        }
    }

    pub(super) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }

    fn is_license_write(&self) -> bool {
        matches!(self.route, Route::AssignLicense(_)) && self.method == Method::POST
    }

    fn is_login(&self) -> bool {
        matches!(self.route, Route::Token(_))
    }
}

/// Carries a request out and answers it.
pub(super) async fn perform(shared: &Arc<Shared>, incoming: Incoming) -> Outcome {
    let (call, held) = shared.write(|state| {
        let call = state.begin(incoming);
        let held = state.stop_at_gate(&call, Hold::Before);
        (call, held)
    });
    // The other items of a parallel batch come in before this one is carried out.
    tokio::task::yield_now().await;
    let outcome = match passed(held).await {
        true => carry_out(shared, &call).await,
        false => Outcome::Cut,
    };
    shared.write(|state| state.end(&call, &outcome));
    outcome
}

async fn passed(held: Option<tokio::sync::oneshot::Receiver<Verdict>>) -> bool {
    match held {
        Some(held) => held.await != Ok(Verdict::Discard),
        None => true,
    }
}

async fn carry_out(shared: &Arc<Shared>, call: &Call) -> Outcome {
    let (latency, fault) = shared.write(|state| (state.knobs.latency, state.trouble(call)));
    // The items of a batch share its way.
    let latency = if call.batch_item.is_none() { latency } else { Duration::ZERO };
    let then = fault.unwrap_or_default();
    let delay = latency + then.delay;
    if !delay.is_zero() {
        tokio::time::sleep(delay).await;
    }
    let mut outcome = match then.carries_out() {
        true => effect(shared, call).await,
        false => Outcome::Cut,
    };
    let held = shared.write(|state| state.stop_at_gate(call, Hold::After));
    if !passed(held).await || then.cut {
        return Outcome::Cut;
    }
    if let Some(mut answer) = then.answer(call) {
        call.correlation.stamp(&mut answer, 1);
        outcome = Outcome::Reply(answer);
    }
    match (outcome, then.truncate) {
        (Outcome::Reply(reply), Some(bytes)) => Outcome::Truncated(reply, bytes),
        (Outcome::Reply(reply), None) if !then.slow_body.is_zero() => Outcome::Slow(reply, then.slow_body),
        (outcome, _) => outcome,
    }
}

async fn effect(shared: &Arc<Shared>, call: &Call) -> Outcome {
    match &call.route {
        Route::Token(tenant) => {
            let mut reply = shared.write(|state| login::answer(state, tenant, call));
            call.correlation.date(&mut reply);
            Outcome::Reply(reply)
        }
        Route::Batch if call.batch_item.is_none() => Box::pin(batch::answer(shared, call)).await,
        _ => Outcome::Reply(shared.write(|state| graph::answer(state, call))),
    }
}

impl State {
    /// Takes a request in: identifiers, counters, log.
    fn begin(&mut self, incoming: Incoming) -> Call {
        let route = Route::of(&incoming.method, &incoming.path);
        let request_id = self.draw_id().to_string();
        let sent = incoming.headers.get("client-request-id").and_then(|value| value.to_str().ok()).map(str::to_owned);
        let user = route.user().and_then(|key| self.find(key)).and_then(|id| self.people.get(&id));
        let user = user.map(|person| Addressed { id: person.id, upn: person.upn().to_owned() });
        let at = self.now();
        let mut call = Call {
            method: incoming.method,
            path: incoming.path,
            query: incoming.query,
            headers: incoming.headers,
            body: incoming.body,
            host: incoming.host,
            batch_item: incoming.batch_item,
            route,
            user,
            correlation: Correlation {
                client_request_id: sent.clone().unwrap_or_else(|| request_id.clone()),
                request_id,
                at,
                date: at.saturating_add(SignedDuration::from_secs(self.knobs.date_skew)).unwrap_or(at),
            },
            collides: false,
            record: 0,
        };
        self.count(&call);
        if let Some(user) = call.user.as_ref().filter(|_| call.is_license_write()) {
            let under_way = self.license_writes.entry(user.id).or_default();
            call.collides = *under_way > 0 && self.knobs.concurrency != Concurrency::Allowed;
            *under_way += 1;
            let all: u32 = self.license_writes.values().sum();
            call.collides |= self.knobs.parallel_writes.is_some_and(|borne| all > borne);
        }
        call.record = self.log.open(record(&call, sent, self.knobs.record_bodies));
        call
    }

    fn count(&mut self, call: &Call) {
        match call.batch_item {
            Some(_) => self.counters.batch_items += 1,
            None => {
                self.counters.requests += 1;
                *self.counters.requests_by_route.entry(call.route.name(&call.method)).or_default() += 1;
            }
        }
        self.counters.token_requests += u64::from(call.is_login());
        let Some(kind) = graph::write_kind(call) else {
            return;
        };
        self.counters.write(kind).calls += 1;
        let person = call.user.as_ref().and_then(|user| self.people.get_mut(&user.id));
        if let Some(count) = person.and_then(|person| person.counters.write(kind)) {
            count.calls += 1;
        }
    }

    /// Counts a write that changed something.
    pub(super) fn count_effect(&mut self, user: Uuid, kind: WriteKind, parts: &[String]) {
        self.counters.write(kind).effective += 1;
        let Some(person) = self.people.get_mut(&user) else {
            return;
        };
        if let Some(count) = person.counters.write(kind) {
            count.effective += 1;
        }
        for part in parts {
            *person.counters.effective_by_sku.entry(part.clone()).or_default() += 1;
        }
    }

    /// The fault that takes the request, else what the storm does to it.
    fn trouble(&mut self, call: &Call) -> Option<Then> {
        if let Some(then) = self.take_fault(call) {
            return Some(then);
        }
        let (word, then) = self.storm(call)?;
        if let Some(record) = self.log.record_mut(call.record) {
            record.storm = Some(word.to_owned());
        }
        Some(then)
    }

    fn take_fault(&mut self, call: &Call) -> Option<Then> {
        let fault = self.faults.iter_mut().find_map(|fault| fault.matcher.takes(call).then_some(fault))?;
        let (id, then) = (fault.id, fault.then.clone());
        if let Some(record) = self.log.record_mut(call.record) {
            record.fault = Some(id);
        }
        Some(then)
    }

    /// Closes the record.
    fn end(&mut self, call: &Call, outcome: &Outcome) {
        if let Some(user) = call.user.as_ref().filter(|_| call.is_license_write())
            && let Some(under_way) = self.license_writes.get_mut(&user.id)
        {
            *under_way = under_way.saturating_sub(1);
            self.license_writes.retain(|_, under_way| *under_way > 0);
        }
        let now = self.now();
        let bodies = self.knobs.record_bodies && !call.is_login();
        let reply = outcome.reply();
        let throttled = reply.filter(|reply| reply.status.as_u16() == 429);
        self.counters.throttled += u64::from(throttled.is_some());
        let Some(record) = self.log.record_mut(call.record) else {
            return;
        };
        if let Some(reply) = throttled {
            let limit = reply.headers.get("x-ms-throttle-information").and_then(|value| value.to_str().ok());
            let cause = match (record.fault, &record.storm) {
                (Some(_), _) => "fault",
                (None, Some(_)) => "storm",
                (None, None) => limit.unwrap_or("unknown"),
            };
            *self.counters.throttled_by_cause.entry(cause.to_owned()).or_default() += 1;
        }
        record.ended = Some(now);
        record.status = reply.map(|reply| reply.status.as_u16());
        record.cut = matches!(outcome, Outcome::Cut | Outcome::Truncated(..));
        record.response_body = reply.filter(|_| bodies).map(|reply| String::from_utf8_lossy(&reply.body).into_owned());
    }
}

fn record(call: &Call, client_request_id: Option<String>, bodies: bool) -> RequestRecord {
    let kept = HEADERS.iter().filter_map(|name| Some(((*name).to_owned(), call.header(name)?.to_owned())));
    RequestRecord {
        seq: 0,
        method: call.method.to_string(),
        path: call.path.clone(),
        query: call.query.clone(),
        status: None,
        client_request_id,
        request_id: call.correlation.request_id.clone(),
        user: call.user.as_ref().map(|user| user.id),
        batch_item: call.batch_item.clone(),
        headers: kept.collect::<BTreeMap<_, _>>(),
        started: call.correlation.at,
        ended: None,
        fault: None,
        storm: None,
        cut: false,
        request_body: (bodies && !call.is_login()).then(|| String::from_utf8_lossy(&call.body).into_owned()),
        response_body: None,
    }
}
