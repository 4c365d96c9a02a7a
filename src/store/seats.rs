//! What the tenant has bought, and how many seats can be planned with.

use std::collections::BTreeMap;

use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension as _, params};

use super::rows::{collect, json, json_of, meta, millis, named, set_meta, unjson};
use super::{Store, StoreError};
use crate::model::identity::SkuId;
use crate::model::license::{Catalog, Sku};
use crate::model::seats::{SeatLedger, Stop};
use crate::model::standing::Reason;

impl Store {
    /// Takes a fresh reading in. A product that is no longer sold to the tenant is dropped.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn put_catalog(&self, catalog: Catalog, now: Timestamp) -> Result<(), StoreError> {
        self.write(move |tx| {
            for sku in catalog.iter() {
                let ledger =
                    ledger(tx, sku.id)?.unwrap_or(SeatLedger { consumed: sku.consumed, ..SeatLedger::default() });
                let (body, ledger) = (json(sku)?, json(&ledger.read(sku, now))?);
                tx.prepare_cached(
                    "INSERT INTO skus (id, body, ledger, read) VALUES (?1, ?2, ?3, ?4)
                     ON CONFLICT (id) DO UPDATE SET body = ?2, ledger = ?3, read = ?4",
                )?
                .execute(params![sku.id.to_string(), body, ledger, millis(now)])?;
            }
            tx.execute("DELETE FROM skus WHERE read < ?1", [millis(now)])?;
            if meta(tx, "catalog_read")?.is_none() {
                set_meta(tx, "catalog_read", Some("yes"))?;
            }
            Ok(())
        })
        .await
    }

    /// The tenant's products as last read.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn catalog(&self) -> Result<Catalog, StoreError> {
        self.read(catalog).await
    }

    /// Seats that can be planned with, by product.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn free_seats(&self) -> Result<BTreeMap<SkuId, i64>, StoreError> {
        self.read(|db| {
            let free = collect(db, "SELECT body, ledger FROM skus", [], |row| {
                let sku: Sku = json_of(row, "body")?;
                let ledger: SeatLedger = json_of(row, "ledger")?;
                Ok((sku.id, ledger.free(&sku)))
            })?;
            Ok(free.into_iter().collect())
        })
        .await
    }

    /// Products that Graph refuses for whoever asks.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn stops(&self) -> Result<BTreeMap<SkuId, Stop>, StoreError> {
        self.read(stops).await
    }
}

pub(super) fn stops(db: &Connection) -> Result<BTreeMap<SkuId, Stop>, StoreError> {
    let sql = "SELECT id, ledger FROM skus WHERE ledger ->> '$.stop' IS NOT NULL";
    let found = collect(db, sql, [], |row| Ok((named(row, "id")?, json_of::<SeatLedger>(row, "ledger")?.stop)))?;
    Ok(found.into_iter().filter_map(|(sku, stop)| Some((sku, stop?))).collect())
}

pub(super) fn catalog(db: &Connection) -> Result<Catalog, StoreError> {
    let skus = collect(db, "SELECT body FROM skus", [], |row| json_of::<Sku>(row, "body"))?;
    Ok(Catalog::new(skus))
}

fn ledger(db: &Connection, sku: SkuId) -> Result<Option<SeatLedger>, StoreError> {
    let text: Option<String> = db
        .prepare_cached("SELECT ledger FROM skus WHERE id = ?1")?
        .query_row([sku.to_string()], |row| row.get(0))
        .optional()?;
    text.as_deref().map(unjson).transpose()
}

/// Counts one write that is about to be sent, which the tenant's number does not show yet.
pub(super) fn committed(db: &Connection, sku: SkuId, now: Timestamp) -> Result<(), StoreError> {
    change(db, sku, |_, ledger| ledger.committed(now))
}

/// Takes one write off again that came to nothing.
pub(super) fn failed(db: &Connection, sku: SkuId) -> Result<(), StoreError> {
    change(db, sku, |_, ledger| ledger.failed())
}

/// Notes that one of those writes was accepted.
pub(super) fn accepted(db: &Connection, sku: SkuId, now: Timestamp) -> Result<(), StoreError> {
    change(db, sku, |_, ledger| ledger.accepted(now))
}

/// Notes that Graph found no seat.
pub(super) fn refused(db: &Connection, sku: SkuId, now: Timestamp) -> Result<(), StoreError> {
    change(db, sku, |sku, ledger| ledger.refused(sku, now))
}

/// Notes that Graph refuses a product for whoever asks; returns the stop when it is news.
pub(super) fn stop(db: &Connection, sku: SkuId, until: Timestamp, reason: &Reason) -> Result<Option<Stop>, StoreError> {
    let known = ledger(db, sku)?.and_then(|ledger| ledger.stop);
    change(db, sku, |sku, ledger| ledger.stopped(sku, reason.clone(), until))?;
    let stop = ledger(db, sku)?.and_then(|ledger| ledger.stop);
    Ok(stop.filter(|stop| known.is_none_or(|known| known.reason.code != stop.reason.code)))
}

/// Lets one user ask for each refused product now.
pub(super) fn ask_again(db: &Connection, now: Timestamp) -> Result<(), StoreError> {
    for sku in stops(db)?.into_keys() {
        change(db, sku, |_, ledger| ledger.ask_again(now))?;
    }
    Ok(())
}

fn change(db: &Connection, sku: SkuId, act: impl Fn(&Sku, SeatLedger) -> SeatLedger) -> Result<(), StoreError> {
    let found: Option<(String, String)> = db
        .prepare_cached("SELECT body, ledger FROM skus WHERE id = ?1")?
        .query_row([sku.to_string()], |row| Ok((row.get(0)?, row.get(1)?)))
        .optional()?;
    let Some((body, ledger)) = found else { return Ok(()) };
    let ledger = act(&unjson(&body)?, unjson(&ledger)?);
    db.prepare_cached("UPDATE skus SET ledger = ?2 WHERE id = ?1")?.execute([sku.to_string(), json(&ledger)?])?;
    Ok(())
}
