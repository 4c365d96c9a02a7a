//! Small reads that show whether the tenant can be worked with; for a diagnosis, and of no consequence.

use jiff::Timestamp;
use serde::Deserialize;

use super::error::TenantError;
use super::http::{Body, Request, fresh_id};
use super::reply::http_date;
use super::token::TokenClaims;
use super::wire::USER_SELECT;
use super::{Graph, http};

/// What the tenant says of itself ("organization resource type").
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Organization {
    /// The tenant's id.
    pub id: String,
    /// Its name.
    pub display_name: Option<String>,
    /// Whether a directory is synchronised into it; `None` when none ever was.
    pub on_premises_sync_enabled: Option<bool>,
    /// When it was last.
    pub on_premises_last_sync_date_time: Option<Timestamp>,
}

#[derive(Deserialize)]
struct Organizations {
    value: Vec<Organization>,
}

impl Graph {
    /// What time Graph has (`Date` of RFC 9110, in whole seconds), asked without a token: it can be told before any login.
    ///
    /// # Errors
    /// When Graph cannot be reached.
    pub async fn server_time(&self) -> Result<Option<Timestamp>, TenantError> {
        let url = self.url("/");
        let received = self.0.http.read(Request { url: &url, body: Body::Get, token: None, id: fresh_id() }).await?;
        Ok(received.headers.date.as_deref().and_then(http_date))
    }

    /// What the access token says of itself, where it can be understood.
    ///
    /// # Errors
    /// When no token is to be had.
    pub async fn token_claims(&self) -> Result<Option<TokenClaims>, TenantError> {
        Ok(self.0.tokens.get(&self.0.http).await?.claims())
    }

    /// Asks for one user with everything that is read of users.
    ///
    /// # Errors
    /// [`TenantError::Forbidden`] when the permission is missing, or as any read.
    pub async fn probe_users(&self) -> Result<(), TenantError> {
        let fetched = self.get(&self.url(&format!("/users?$top=1&$select={USER_SELECT}"))).await?;
        if fetched.ok() { Ok(()) } else { Err(fetched.failure()) }
    }

    /// What the tenant says of itself.
    ///
    /// # Errors
    /// As any read.
    pub async fn organization(&self) -> Result<Organization, TenantError> {
        let select = "id,displayName,onPremisesSyncEnabled,onPremisesLastSyncDateTime";
        let fetched = self.get(&self.url(&format!("/organization?$select={select}"))).await?;
        if !fetched.ok() {
            return Err(fetched.failure());
        }
        let read: Organizations =
            serde_json::from_slice(&fetched.body).map_err(|error| fetched.unreadable(error.to_string()))?;
        read.value.into_iter().next().ok_or_else(|| fetched.unreadable("it names no organization"))
    }

    /// The host of Graph, for messages.
    #[must_use]
    pub fn host(&self) -> String {
        http::host_of(&self.0.root)
    }
}
