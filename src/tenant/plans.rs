//! How each service plan of a user stands, read on demand.
//!
//! `assignedPlans` and `assignedLicenses` of "Get a user", Microsoft Graph v1.0. What is stored of a user has only the plans that
//! work; here each has its `capabilityStatus`.

use super::error::TenantError;
use super::{Graph, wire};
use crate::model::identity::UserId;
use crate::model::user::PlanStates;

impl Graph {
    /// The plans of up to [`super::BATCH`] users, in the order asked for. `Ok(None)` is a user Graph does not know.
    ///
    /// # Errors
    /// When nothing could be asked; what is wrong with one user stands in its place.
    pub async fn plan_states(
        &self,
        ids: &[UserId],
    ) -> Result<Vec<Result<Option<PlanStates>, TenantError>>, TenantError> {
        let url = |user: &UserId| format!("/users/{user}?$select=id,assignedLicenses,assignedPlans");
        let answers = self.read_batch(&ids.iter().map(url).collect::<Vec<_>>(), None).await?;
        let read = |answer: Result<super::Fetched, TenantError>| {
            let fetched = answer?;
            if fetched.is_absent() {
                return Ok(None);
            }
            if !fetched.ok() {
                return Err(fetched.failure());
            }
            wire::plan_states(&fetched.body).map(Some).map_err(|reason| fetched.unreadable(reason))
        };
        Ok(answers.into_iter().map(read).collect())
    }
}
