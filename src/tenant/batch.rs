//! Several requests in one: "Combine multiple requests using JSON batching" of Microsoft Graph v1.0.
//!
//! Up to 20 items, all parallel (mixed dependencies are refused, and a chain would answer 424 after its first failure). The
//! outer answer is 200 whatever became of the items; each is judged by itself, and only the whole's failure concerns all. A
//! batch saves round trips, not quota: every item is charged.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::{Value, json};

use super::error::TenantError;
use super::http::{Body, Received, Trouble, fresh_id};
use super::reply::Headers;
use super::wire::USER_SELECT;
use super::writes::{answer, assignment};
use super::{Fetched, Graph};
use crate::model::identity::{ClientRequestId, SkuId, UserId};
use crate::model::location::UsageLocation;
use crate::model::plan::LicenseWrite;
use crate::model::user::UserNews;
use crate::model::verdict::{Answer, Verdict};

/// Items that one batch can hold.
pub const BATCH: usize = 20;

/// One write of a batch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BatchWrite {
    /// Its name on both sides.
    pub call: ClientRequestId,
    /// Whom it changes. No two writes of a batch may change one user: Graph answers that with a concurrency violation.
    pub user: UserId,
    /// How.
    pub change: Change,
}

/// A change of one user.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// PATCH of the usage location.
    Location(UsageLocation),
    /// assignLicense.
    Licenses {
        /// To assign.
        add: Vec<LicenseWrite>,
        /// To take away.
        remove: Vec<SkuId>,
    },
}

/// What became of a batch.
#[derive(Clone, Debug, PartialEq)]
pub struct BatchAnswer {
    /// What became of each write, in their order.
    pub answers: Vec<Answer>,
    /// How full Graph says our quota is (`x-ms-throttle-limit-percentage`; 1.0 is full), where it says so: above 0.8.
    pub pressure: Option<f64>,
    /// The batch was refused as a whole, which says something about the tenant, not about its items.
    pub whole: bool,
}

impl Graph {
    /// Sends up to [`BATCH`] writes in one request; those that are forbidden once more with a new token, since a token holds
    /// the permissions of its issue. An error means that no token was to be had and nothing was sent.
    pub async fn batch(&self, writes: &[BatchWrite]) -> Result<BatchAnswer, TenantError> {
        let mut answer = self.batch_once(writes).await?;
        let refused = |said: &Answer| matches!(said.verdict, Verdict::Forbidden | Verdict::Unauthorized);
        let again: Vec<usize> = (0..writes.len()).filter(|at| refused(&answer.answers[*at])).collect();
        if answer.whole || again.is_empty() {
            return Ok(answer);
        }
        let token = self.0.tokens.get(&self.0.http).await?;
        self.0.tokens.discard(&token).await;
        let repeated: Vec<BatchWrite> = again.iter().map(|at| writes[*at].clone()).collect();
        let second = self.batch_once(&repeated).await?;
        for (at, said) in again.into_iter().zip(second.answers) {
            answer.answers[at] = said;
        }
        Ok(answer)
    }

    async fn batch_once(&self, writes: &[BatchWrite]) -> Result<BatchAnswer, TenantError> {
        let items = writes.iter().enumerate().map(|(id, write)| item(id, write)).collect::<Vec<_>>();
        let body = json!({ "requests": items });
        let sent = self.write(&self.url("/$batch"), Body::Post(&body), fresh_id()).await?;
        Ok(understand(sent, writes))
    }

    /// Reads up to [`BATCH`] users in one request, each with everything that is read of users, in the order asked for.
    /// `Ok(None)` is a user Graph does not know, or not yet.
    pub async fn users(&self, ids: &[UserId]) -> Result<Vec<Result<Option<UserNews>, TenantError>>, TenantError> {
        let urls: Vec<_> =
            ids.iter().map(|user| format!("/users/{user}?$select={USER_SELECT},deletedDateTime")).collect();
        let read = self.read_batch(&urls, None).await?;
        Ok(ids.iter().zip(read).map(|(user, item)| item?.user(*user)).collect())
    }

    /// Reads up to [`BATCH`] addresses below the version in one request, each with this header, in the order asked for.
    pub(super) async fn read_batch(
        &self,
        urls: &[String],
        header: Option<(&str, &str)>,
    ) -> Result<Vec<Result<Fetched, TenantError>>, TenantError> {
        let item = |(id, url): (usize, &String)| {
            let mut item = json!({ "id": id.to_string(), "method": "GET", "url": url,
                                   "headers": { "client-request-id": fresh_id() } });
            if let Some((name, value)) = header {
                item["headers"][name] = value.into();
            }
            item
        };
        let body = json!({ "requests": urls.iter().enumerate().map(item).collect::<Vec<_>>() });
        let received =
            self.write(&self.url("/$batch"), Body::Post(&body), fresh_id()).await?.map_err(TenantError::from)?;
        let Received { host, status, headers, body } = received;
        let fetched = Fetched { host, status, headers, body: body.map_err(TenantError::from)? };
        if !fetched.ok() {
            return Err(fetched.failure());
        }
        let mut items = Items::read(&fetched.body).map_err(|reason| fetched.unreadable(reason))?;
        let one = |id| match items.take(id) {
            Some(item) => Ok(Fetched { host: fetched.host.clone(), ..item.into() }),
            None => Err(fetched.unreadable("an item has no answer")),
        };
        Ok((0..urls.len()).map(one).collect())
    }
}

fn item(id: usize, write: &BatchWrite) -> Value {
    let user = write.user;
    let (method, url, body) = match &write.change {
        Change::Location(location) => {
            ("PATCH", format!("/users/{user}"), json!({ "usageLocation": location.to_string() }))
        }
        Change::Licenses { add, remove } => ("POST", format!("/users/{user}/assignLicense"), assignment(add, remove)),
    };
    let headers = json!({ "Content-Type": "application/json", "client-request-id": write.call });
    json!({ "id": id.to_string(), "method": method, "url": url, "headers": headers, "body": body })
}

/// What a batch's answer says of each of its writes.
fn understand(sent: Result<Received, Trouble>, writes: &[BatchWrite]) -> BatchAnswer {
    let items = match &sent {
        Ok(Received { body: Ok(body), status, .. }) if *status == 200 || *status == 424 => Items::read(body).ok(),
        _ => None,
    };
    let Some(mut items) = items else { return refused_as_a_whole(sent, writes) };
    let mut pressure = sent.as_ref().ok().and_then(|received| received.headers.pressure);
    let answers = writes
        .iter()
        .enumerate()
        .map(|(id, write)| match items.take(id) {
            Some(item) => {
                let (headers, body) = (item.headers(), item.bytes());
                pressure = [pressure, headers.pressure].into_iter().flatten().reduce(f64::max);
                let received = Received { host: String::new(), status: item.status, headers, body: Ok(body) };
                answer(Ok(received), write.call)
            }
            None => unanswered(write.call, None, "the batch's answer leaves this item out"),
        })
        .collect();
    BatchAnswer { answers, pressure, whole: false }
}

/// The outer call failed: its verdict is that of every item. An answer that cannot be read leaves all open.
fn refused_as_a_whole(sent: Result<Received, Trouble>, writes: &[BatchWrite]) -> BatchAnswer {
    let pressure = sent.as_ref().ok().and_then(|received| received.headers.pressure);
    let one = match sent {
        Ok(received) if (200..300).contains(&received.status) => {
            unanswered(fresh_id(), Some(received.status), "the batch's answer cannot be read")
        }
        sent => answer(sent, fresh_id()),
    };
    let answers = writes.iter().map(|write| Answer { client_request_id: write.call, ..one.clone() }).collect();
    BatchAnswer { answers, pressure, whole: true }
}

fn unanswered(call: ClientRequestId, status: Option<u16>, message: &str) -> Answer {
    Answer {
        verdict: Verdict::Unknown,
        status,
        code: None,
        message: Some(message.to_owned()),
        request_id: None,
        client_request_id: call,
    }
}

/// The answers of a batch, by the id of their items: they come in any order.
struct Items(BTreeMap<String, Item>);

#[derive(Deserialize)]
struct Item {
    id: String,
    status: u16,
    #[serde(default)]
    headers: BTreeMap<String, Value>,
    #[serde(default)]
    body: Value,
}

impl Items {
    fn read(body: &[u8]) -> Result<Self, String> {
        #[derive(Deserialize)]
        struct Responses {
            responses: Vec<Value>,
        }
        let responses: Responses = serde_json::from_slice(body).map_err(|error| error.to_string())?;
        // One answer that cannot be understood leaves its own item open, not the others.
        let items = responses.responses.into_iter().filter_map(|item| serde_json::from_value::<Item>(item).ok());
        Ok(Self(items.map(|item| (item.id.clone(), item)).collect()))
    }

    fn take(&mut self, id: usize) -> Option<Item> {
        self.0.remove(&id.to_string())
    }
}

impl Item {
    fn headers(&self) -> Headers {
        let text = |name: &str| {
            let found = self.headers.iter().find(|(known, _)| known.eq_ignore_ascii_case(name))?;
            Some(found.1.as_str().map_or_else(|| found.1.to_string(), ToOwned::to_owned))
        };
        Headers::from_names(text)
    }

    fn bytes(&self) -> Vec<u8> {
        match &self.body {
            Value::Null => Vec::new(),
            Value::String(text) => text.clone().into_bytes(),
            body => body.to_string().into_bytes(),
        }
    }
}

impl From<Item> for Fetched {
    fn from(item: Item) -> Self {
        Self { host: String::new(), status: item.status, headers: item.headers(), body: item.bytes() }
    }
}
