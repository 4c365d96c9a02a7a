//! Making a user: "Create user" of Microsoft Graph v1.0, and what is read before and after.
//!
//! Unlike the other writes it is not idempotent: done twice, the second is refused for the name. So an unknown outcome is
//! settled by reading the name, never by sending it again.

use secrecy::{ExposeSecret as _, SecretString};
use serde::Deserialize;
use serde_json::json;

use super::Graph;
use super::error::TenantError;
use super::http::Body;
use super::lookup::percent_encoded;
use super::wire::{self, USER_SELECT};
use super::writes::answer;
use crate::model::identity::ClientRequestId;
use crate::model::newcomer::{NewUpn, Newcomer};
use crate::model::user::UserNews;
use crate::model::verdict::Answer;

/// A domain that names of the tenant's users may end in ("verifiedDomain resource type").
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct VerifiedDomain {
    /// Its name.
    pub name: String,
    /// `Managed`, or `Federated`: then another service signs its users in.
    #[serde(rename = "type", default)]
    pub kind: Option<String>,
}

impl VerifiedDomain {
    /// Whether its users sign in elsewhere, so that none is made here with a password.
    #[must_use]
    pub fn is_federated(&self) -> bool {
        self.kind.as_deref().is_some_and(|kind| kind.eq_ignore_ascii_case("federated"))
    }
}

#[derive(Deserialize)]
struct Organizations {
    value: Vec<Domains>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Domains {
    #[serde(default)]
    verified_domains: Vec<VerifiedDomain>,
}

impl Graph {
    /// Makes a user who can sign in with that password once, and must then choose another (201). An error means that no token
    /// was to be had and nothing was sent.
    ///
    /// # Errors
    /// When no token is to be had.
    pub async fn create_user(
        &self,
        newcomer: &Newcomer,
        password: &SecretString,
        client_request_id: ClientRequestId,
    ) -> Result<Answer, TenantError> {
        let body = json!({
            "accountEnabled": true,
            "displayName": newcomer.display_name,
            "mailNickname": newcomer.upn.local(),
            "userPrincipalName": newcomer.upn.as_str(),
            "usageLocation": newcomer.location.to_string(),
            "passwordProfile": { "forceChangePasswordNextSignIn": true, "password": password.expose_secret() },
        });
        let sent = self.write(&self.url("/users"), Body::Post(&body), client_request_id).await?;
        Ok(answer(sent, client_request_id))
    }

    /// The user of that name; `None` when Graph says that there is none, which lags behind a user just made.
    ///
    /// # Errors
    /// As any read.
    pub async fn user_named(&self, upn: &NewUpn) -> Result<Option<UserNews>, TenantError> {
        let name = percent_encoded(upn.as_str());
        let fetched = self.get(&self.url(&format!("/users/{name}?$select={USER_SELECT}"))).await?;
        if fetched.ok() {
            return wire::user(&fetched.body).map(Some).map_err(|reason| fetched.unreadable(reason));
        }
        if fetched.is_absent() { Ok(None) } else { Err(fetched.failure()) }
    }

    /// The domains that names may end in.
    ///
    /// # Errors
    /// [`TenantError::Forbidden`] when the permission is missing, or as any read.
    pub async fn verified_domains(&self) -> Result<Vec<VerifiedDomain>, TenantError> {
        let fetched = self.get(&self.url("/organization?$select=id,verifiedDomains")).await?;
        if !fetched.ok() {
            return Err(fetched.failure());
        }
        let read: Organizations =
            serde_json::from_slice(&fetched.body).map_err(|error| fetched.unreadable(error.to_string()))?;
        Ok(read.value.into_iter().flat_map(|organization| organization.verified_domains).collect())
    }
}
