//! One step of a plan under way: answers are taken in and what is sent next is committed, in one transaction, so that what
//! the store costs is paid while other batches are on their way.

use std::collections::VecDeque;

use jiff::Timestamp;
use rusqlite::Connection;

use super::intents::commit;
use super::outcomes::conclude;
use super::rows::meta;
use super::seats::stop;
use super::{Concluded, IntentOrder, OpenIntent, Outcome, Store, StoreError};
use crate::model::identity::SkuId;
use crate::model::seats::Stop;

/// What a step brought.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Exchanged {
    /// Intents that are committed now: these may be sent, and no others.
    pub opened: Vec<OpenIntent>,
    /// Orders that were not needed yet.
    pub left: VecDeque<IntentOrder>,
    /// Products that are refused for everybody since now, or for another reason than before.
    pub stopped: Vec<(SkuId, Stop)>,
}

impl Store {
    /// Takes the answers to calls in, then commits up to `most` intents, the first orders first. An open intent of the same
    /// user and content is taken up again; any other of the person is abandoned. Persons about whom there is news are left
    /// out: they are judged first. Once paused, nothing is committed.
    ///
    /// # Errors
    /// When the store fails; then the outcomes of these calls are unknown and will be settled by reading, and nothing of the
    /// orders may be sent.
    pub async fn exchange(
        &self,
        answers: Vec<Concluded>,
        mut orders: VecDeque<IntentOrder>,
        most: usize,
        config: &str,
        now: Timestamp,
    ) -> Result<Exchanged, StoreError> {
        let config = config.to_owned();
        self.write(move |tx| {
            let mut stopped = Vec::new();
            for one in &answers {
                conclude(tx, one, &config, now)?;
                if let Outcome::Stopped { sku, until, reason } = &one.outcome
                    && let Some(news) = stop(tx, *sku, *until, reason)?
                {
                    stopped.push((*sku, news));
                }
            }
            let opened = commit_first(tx, &mut orders, most, &config, now)?;
            Ok(Exchanged { opened, left: orders, stopped })
        })
        .await
    }
}

fn commit_first(
    db: &Connection,
    orders: &mut VecDeque<IntentOrder>,
    most: usize,
    config: &str,
    now: Timestamp,
) -> Result<Vec<OpenIntent>, StoreError> {
    let mut opened = Vec::with_capacity(most);
    if meta(db, "paused")?.is_some() {
        return Ok(opened);
    }
    while opened.len() < most
        && let Some(order) = orders.pop_front()
    {
        let clean = "SELECT 1 FROM people WHERE id = ?1 AND dirty = 0";
        if db.prepare_cached(clean)?.exists([order.person.0])? {
            opened.push(commit(db, order, config, now)?);
        }
    }
    Ok(opened)
}
