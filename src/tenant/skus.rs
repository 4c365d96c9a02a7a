//! Reading products: "List subscribedSkus" of Microsoft Graph v1.0.

use super::error::TenantError;
use super::{Graph, http, wire};
use crate::model::license::Catalog;

/// In practice there is one page.
const MAX_PAGES: usize = 100;

impl Graph {
    /// Everything the tenant has bought, read to its end. Seats are late by minutes and shared with other administrators: a
    /// hint for planning, while the assignment itself is the truth.
    pub async fn skus(&self) -> Result<Catalog, TenantError> {
        let mut at = self.url("/subscribedSkus");
        let mut skus = Vec::new();
        for _ in 0..MAX_PAGES {
            let fetched = self.get(&at).await?;
            if !fetched.ok() {
                return Err(fetched.failure());
            }
            let page = wire::skus(&fetched.body).map_err(|reason| fetched.unreadable(reason))?;
            for (name, reason) in page.quarantined {
                tracing::warn!(sku = name, reason, "a product could not be understood and is left out");
            }
            skus.extend(page.skus);
            match page.next {
                None => return Ok(Catalog::new(skus)),
                Some(next) if !self.owns(&next) => return Err(TenantError::ForeignPage(http::host_of(&next))),
                Some(next) => at = next,
            }
        }
        let detail = format!("subscribedSkus has more than {MAX_PAGES} pages");
        Err(TenantError::Unreadable { host: http::host_of(&at), detail })
    }
}
