//! The tenant's feed: first contact, the delta link, complete listings.

use jiff::Timestamp;
use rusqlite::{OptionalExtension as _, params};
use serde_json::json;

use super::audit::{AuditKind, Entry, append};
use super::rows::{json, maybe_time, meta, millis, set_meta};
use super::{Store, StoreError};
use crate::model::identity::TenantId;
use crate::model::shrink::is_shrunk;

/// How far the tenant has been read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TenantFeed {
    /// When first contact began.
    pub contact_started: Option<Timestamp>,
    /// When the first listing was complete.
    pub contact_completed: Option<Timestamp>,
    /// Where the next delta starts; `None` while a listing is needed.
    pub link: Option<String>,
}

/// What a complete listing came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ListingEnd {
    /// Who is missing will be read by itself ([`Store::unlisted`]).
    Complete {
        /// Users met.
        met: u64,
        /// Users known and not met.
        missing: u64,
    },
    /// So many are missing that nothing is concluded.
    Shrunk {
        /// Users met.
        met: u64,
        /// Users known and not met.
        missing: u64,
    },
}

impl Store {
    /// Binds the store to a tenant, or checks that it is bound to this one.
    ///
    /// # Errors
    /// [`StoreError::OtherTenant`] when it belongs to another.
    pub async fn bind_tenant(&self, tenant: TenantId) -> Result<(), StoreError> {
        self.write(move |tx| match meta(tx, "tenant")? {
            Some(bound) if bound == tenant.to_string() => Ok(()),
            Some(bound) => Err(StoreError::OtherTenant { bound, configured: tenant.to_string() }),
            None => set_meta(tx, "tenant", Some(&tenant.to_string())),
        })
        .await
    }

    /// How far the tenant has been read.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn tenant_feed(&self) -> Result<TenantFeed, StoreError> {
        self.read(|db| {
            let sql = "SELECT contact_started, contact_completed, link FROM tenant_feed";
            db.query_row(sql, [], |row| {
                Ok((maybe_time(row, "contact_started"), maybe_time(row, "contact_completed"), row.get("link")?))
            })
            .map(|(started, completed, link)| {
                Ok(TenantFeed { contact_started: started?, contact_completed: completed?, link })
            })?
        })
        .await
    }

    /// Notes that first contact begins: before anything is read, so that whoever appears from now on is not baseline.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn begin_contact(&self, now: Timestamp) -> Result<(), StoreError> {
        self.write(move |tx| {
            tx.execute("UPDATE tenant_feed SET contact_started = coalesce(contact_started, ?1)", [millis(now)])?;
            Ok(())
        })
        .await
    }

    /// Starts a listing, whose changes meanwhile the link will bring, and returns its generation.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn begin_listing(&self, link: &str) -> Result<i64, StoreError> {
        let link = link.to_owned();
        self.write(move |tx| {
            let sql = "UPDATE tenant_feed SET generation = generation + 1, listing_link = ?1, link = NULL RETURNING generation";
            Ok(tx.query_row(sql, [link], |row| row.get(0))?)
        })
        .await
    }

    /// Ends a complete listing. Whom it did not meet is to be read by itself, unless that would be suspiciously many.
    ///
    /// # Errors
    /// When the store fails; then the listing counts as never ended.
    pub async fn finish_listing(&self, shrink_percent: u32, now: Timestamp) -> Result<ListingEnd, StoreError> {
        self.write(move |tx| {
            let generation: i64 = tx.query_row("SELECT generation FROM tenant_feed", [], |row| row.get(0))?;
            let count = |comparison: &str| -> Result<u64, StoreError> {
                let sql = format!("SELECT count(*) FROM users WHERE removed IS NULL AND generation {comparison} ?1");
                Ok(tx.query_row(&sql, [generation], |row| row.get::<_, i64>(0))?.cast_unsigned())
            };
            let (met, missing) = (count("=")?, count("<")?);
            let end = if is_shrunk(met, missing, shrink_percent) {
                ListingEnd::Shrunk { met, missing }
            } else {
                tx.execute("UPDATE tenant_feed SET doubted = generation", [])?;
                ListingEnd::Complete { met, missing }
            };
            let first: bool =
                tx.query_row("SELECT contact_completed IS NULL FROM tenant_feed", [], |row| row.get(0))?;
            tx.execute(
                "UPDATE tenant_feed SET link = listing_link, listing_link = NULL, last_read = ?1,
                 contact_completed = coalesce(contact_completed, ?1)",
                [millis(now)],
            )?;
            if first {
                append(
                    tx,
                    now,
                    &Entry::new(AuditKind::Feed, json!({ "tenant": "first read complete", "users": met })),
                )?;
            }
            Ok(end)
        })
        .await
    }

    /// Stores where the next delta starts, after all that this one brought is in.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn finish_delta(&self, link: &str, now: Timestamp) -> Result<(), StoreError> {
        let link = link.to_owned();
        self.write(move |tx| {
            tx.execute("UPDATE tenant_feed SET link = ?1, last_read = ?2", params![link, millis(now)])?;
            Ok(())
        })
        .await
    }

    /// Forgets the delta link: the tenant will be listed again.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn forget_link(&self) -> Result<(), StoreError> {
        self.write(|tx| {
            tx.execute("UPDATE tenant_feed SET link = NULL", [])?;
            Ok(())
        })
        .await
    }

    /// Whether both first reads are complete, that of the directory for each of these domains, and the products are known;
    /// before that nothing is decided.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn is_acquainted(&self, domains: &[String]) -> Result<bool, StoreError> {
        let names = json(&domains)?;
        self.read(move |db| {
            if meta(db, "catalog_read")?.is_none() {
                return Ok(false);
            }
            let sql = "SELECT contact_completed IS NOT NULL
                       AND NOT EXISTS (SELECT 1 FROM json_each(?1) WHERE NOT EXISTS
                           (SELECT 1 FROM domains WHERE name = value AND first_scan IS NOT NULL)) FROM tenant_feed";
            Ok(db.query_row(sql, [names], |row| row.get::<_, Option<bool>>(0)).optional()?.flatten().unwrap_or(false))
        })
        .await
    }
}
