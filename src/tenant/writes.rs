//! The two writes: a usage location and licenses.
//!
//! "Update user" and "user: assignLicense" of Microsoft Graph v1.0. Each is one HTTP attempt; what it came to is an
//! [`Answer`], however it ended. Both are idempotent in effect, so an unknown outcome is settled by reading, then repeating.

use serde_json::{Value, json};

use super::Graph;
use super::error::TenantError;
use super::http::{Body, Received, Trouble};
use super::reply::{Headers, Judgement, judge};
use crate::model::identity::{ClientRequestId, SkuId, UserId};
use crate::model::location::UsageLocation;
use crate::model::plan::LicenseWrite;
use crate::model::verdict::{Answer, Verdict};

impl Graph {
    /// Sets a user's usage location (204, without a body). An error means that no token was to be had and nothing was sent.
    pub async fn set_location(
        &self,
        user: UserId,
        location: UsageLocation,
        client_request_id: ClientRequestId,
    ) -> Result<Answer, TenantError> {
        let body = json!({"usageLocation": location.to_string()});
        let sent = self.write(&self.url(&format!("/users/{user}")), Body::Patch(&body), client_request_id).await?;
        Ok(answer(sent, client_request_id))
    }

    /// Assigns and removes licenses in one atomic change (200; the body does not show the result). A license that the user
    /// already holds directly is changed in place, its disabled plans *replaced*. An error means that no token was to be had and
    /// nothing was sent.
    pub async fn assign(
        &self,
        user: UserId,
        add: &[LicenseWrite],
        remove: &[SkuId],
        client_request_id: ClientRequestId,
    ) -> Result<Answer, TenantError> {
        let body = assignment(add, remove);
        let url = self.url(&format!("/users/{user}/assignLicense"));
        let sent = self.write(&url, Body::Post(&body), client_request_id).await?;
        Ok(answer(sent, client_request_id))
    }
}

/// The body of assignLicense: both collections are required, empty or not.
pub(super) fn assignment(add: &[LicenseWrite], remove: &[SkuId]) -> Value {
    let add: Vec<Value> =
        add.iter().map(|license| json!({"skuId": license.sku, "disabledPlans": license.disabled})).collect();
    json!({"addLicenses": add, "removeLicenses": remove})
}

pub(super) fn answer(sent: Result<Received, Trouble>, client_request_id: ClientRequestId) -> Answer {
    let received = match sent {
        Ok(received) => received,
        Err(trouble) => return unanswered(trouble, client_request_id),
    };
    let status = received.status;
    let whole = received.body.is_ok();
    let mut judgement = judge(status, &received.headers, received.body.as_deref().unwrap_or_default());
    if !whole && !speaks_for_itself(status) {
        // The words that tell a refusal from a momentary obstacle were lost on the way.
        judgement.verdict = Verdict::Unknown;
    }
    log(status, &received.headers, &judgement);
    let Judgement { verdict, code, message, request_id } = judgement;
    Answer { verdict, status: Some(status), code, message, request_id, client_request_id }
}

/// Whether a status is understood without its body.
fn speaks_for_itself(status: u16) -> bool {
    !matches!(status, 400..500) || matches!(status, 401 | 403 | 429)
}

fn unanswered(trouble: Trouble, client_request_id: ClientRequestId) -> Answer {
    let verdict = match &trouble {
        Trouble::NotSent(_) => Verdict::Unavailable { after: None },
        Trouble::Lost { .. } => Verdict::Unknown,
    };
    let message = Some(TenantError::from(trouble).to_string());
    Answer { verdict, status: None, code: None, message, request_id: None, client_request_id }
}

/// What support asks for, for who looks closely.
fn log(status: u16, headers: &Headers, judgement: &Judgement) {
    tracing::debug!(
        status,
        code = judgement.code,
        request_id = judgement.request_id,
        date = headers.date,
        diagnostic = headers.diagnostic,
        "Graph answered a write"
    );
}

#[cfg(test)]
mod tests {
    use super::*;

    const SKU: &str = "efccb6f7-5641-4e0e-bd10-b4976e1bf68e";
    const PLAN: &str = "8a256a2b-b617-496d-b51b-e76466e88db0";

    fn id() -> ClientRequestId {
        "3f2504e0-4f89-41d3-9a0c-0305e82c3301".parse().unwrap()
    }

    fn lost() -> TenantError {
        TenantError::Unreachable { host: "graph".into(), detail: "reset".into() }
    }

    fn received(status: u16, body: Result<&str, ()>) -> Result<Received, Trouble> {
        let body =
            body.map(|body| body.as_bytes().to_vec()).map_err(|()| Trouble::Lost { error: lost(), broken: true });
        Ok(Received { host: "graph".into(), status, headers: Headers::default(), body })
    }

    #[test]
    fn both_collections_are_always_there() {
        let write = LicenseWrite {
            sku: SKU.parse().unwrap(),
            disabled: [PLAN.parse().unwrap()].into(),
            rule: "everyone".into(),
            held: false,
        };
        assert_eq!(
            assignment(&[write], &[]),
            json!({"addLicenses": [{"skuId": SKU, "disabledPlans": [PLAN]}], "removeLicenses": []})
        );
        let removed = assignment(&[], &[SKU.parse().unwrap()]);
        assert_eq!(removed, json!({"addLicenses": [], "removeLicenses": [SKU]}));
    }

    #[test]
    fn what_never_left_is_told_from_what_may_have_arrived() {
        let verdict = |trouble| answer(Err(trouble), id()).verdict;
        assert_eq!(verdict(Trouble::NotSent(lost())), Verdict::Unavailable { after: None });
        assert_eq!(verdict(Trouble::Lost { error: lost(), broken: true }), Verdict::Unknown);
        assert_eq!(answer(Err(Trouble::NotSent(lost())), id()).status, None);
    }

    #[test]
    fn a_cut_body_leaves_open_only_what_it_would_have_told() {
        for (status, body, expected) in [
            (200, Err(()), Verdict::Accepted),
            (204, Ok(""), Verdict::Accepted),
            (200, Ok("<html>"), Verdict::Accepted),
            (400, Err(()), Verdict::Unknown),
            (409, Err(()), Verdict::Unknown),
            (404, Err(()), Verdict::Unknown),
            (429, Err(()), Verdict::Throttled { after: None }),
            (503, Err(()), Verdict::Unavailable { after: None }),
        ] {
            assert_eq!(answer(received(status, body), id()).verdict, expected, "{status} {body:?}");
        }
    }
}
