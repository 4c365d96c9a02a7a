//! Who in the tenant holds a product or has a plan, whether or not a rule means them.

use std::collections::BTreeSet;

use rusqlite::params;
use serde::Serialize;

use super::rows::{collect, json, json_of};
use super::{Store, StoreError};
use crate::model::identity::{PlanId, SkuId, UserId};
use crate::model::user::User;

/// A user of the tenant, as last read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Holder {
    /// The id.
    pub id: UserId,
    /// `userPrincipalName`, or the id.
    pub name: String,
    /// `displayName`.
    pub display_name: Option<String>,
    /// `accountEnabled`.
    pub enabled: bool,
    /// The products held.
    pub licenses: Vec<SkuId>,
}

impl Store {
    /// Users who hold this product, by name; at most `limit`.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn holders(&self, sku: SkuId, limit: u32) -> Result<Vec<Holder>, StoreError> {
        self.read(move |db| {
            let sql = "SELECT body FROM users WHERE removed IS NULL AND EXISTS
                       (SELECT 1 FROM json_each(body, '$.licenses') WHERE value ->> '$.sku' = ?1)
                       ORDER BY upn, id LIMIT ?2";
            collect(db, sql, params![sku.to_string(), limit], |row| Ok(Holder::of(json_of(row, "body")?)))
        })
        .await
    }

    /// Users with one of these plans enabled, by name.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn users_with_plans(&self, plans: BTreeSet<PlanId>) -> Result<Vec<Holder>, StoreError> {
        self.read(move |db| {
            let sql = "SELECT body FROM users WHERE removed IS NULL AND EXISTS
                       (SELECT 1 FROM json_each(body, '$.plans') WHERE value IN (SELECT value FROM json_each(?1)))
                       ORDER BY upn, id";
            collect(db, sql, [json(&plans)?], |row| Ok(Holder::of(json_of(row, "body")?)))
        })
        .await
    }
}

impl Holder {
    fn of(user: User) -> Self {
        Self {
            id: user.id,
            name: user.upn.unwrap_or_else(|| user.id.to_string()),
            display_name: user.display_name,
            enabled: user.enabled,
            licenses: user.licenses.into_iter().map(|license| license.sku).collect(),
        }
    }
}
