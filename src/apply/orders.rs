//! What a plan still wants written. Pure.
//!
//! A location goes first and its license follows once it was accepted, since Graph refuses a license to a user without
//! location. All locations stand before all licenses: the longer a location has been there, the likelier every replica of
//! Graph knows it.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use uuid::Uuid;

use crate::model::identity::{SkuId, UserId};
use crate::model::plan::{Plan, Write};
use crate::store::{IntentOrder, Step};

/// The orders of a plan.
#[derive(Debug, Default)]
pub(super) struct Orders {
    ready: VecDeque<IntentOrder>,
    /// Licenses that wait for the location of their user.
    following: BTreeMap<UserId, IntentOrder>,
    stopped: BTreeSet<SkuId>,
    closed: bool,
}

impl Orders {
    pub(super) fn of(plan: &Plan) -> Self {
        let mut orders = Self::default();
        orders.ready.extend(plan.writes.iter().filter_map(location));
        for write in &plan.writes {
            match write.location {
                Some(_) => drop(orders.following.insert(write.user, license(write))),
                None => orders.ready.push_back(license(write)),
            }
        }
        orders
    }

    /// The location of this user was accepted.
    pub(super) fn located(&mut self, user: UserId) {
        self.ready.extend(self.following.remove(&user).filter(|_| !self.closed));
    }

    /// Nobody asks for this product any more: who wanted it, and be it among others, is planned for anew.
    pub(super) fn stop(&mut self, sku: SkuId) {
        self.stopped.insert(sku);
        let Self { ready, following, stopped, .. } = self;
        ready.retain(|order| !asks_for(&order.step, stopped));
        following.retain(|_, order| !asks_for(&order.step, stopped));
    }

    /// Whether a step has become pointless.
    pub(super) fn is_stopped(&self, step: &Step) -> bool {
        asks_for(step, &self.stopped)
    }

    /// Nothing more is to be written, whatever comes back.
    pub(super) fn close(&mut self) {
        *self = Self { closed: true, ..Self::default() };
    }

    /// Hands out all that can be committed now.
    pub(super) fn take(&mut self) -> VecDeque<IntentOrder> {
        std::mem::take(&mut self.ready)
    }

    /// Puts back what was not committed, before all that has come since.
    pub(super) fn put_back(&mut self, mut left: VecDeque<IntentOrder>) {
        left.retain(|order| !self.closed && !asks_for(&order.step, &self.stopped));
        left.append(&mut self.ready);
        self.ready = left;
    }

    pub(super) fn is_empty(&self) -> bool {
        self.ready.is_empty()
    }
}

/// A license asks for a stopped product if one of its products is, a location if all it is for are.
fn asks_for(step: &Step, stopped: &BTreeSet<SkuId>) -> bool {
    let skus = step.skus();
    match step {
        Step::License { .. } => skus.iter().any(|sku| stopped.contains(sku)),
        Step::Location { .. } => !skus.is_empty() && skus.iter().all(|sku| stopped.contains(sku)),
    }
}

fn location(write: &Write) -> Option<IntentOrder> {
    let skus = write.licenses.iter().map(|license| license.sku).collect();
    Some(order(write, Step::Location { write: write.location.clone()?, skus }))
}

fn license(write: &Write) -> IntentOrder {
    order(write, Step::License { add: write.licenses.clone(), remove: write.removals.clone() })
}

fn order(write: &Write, step: Step) -> IntentOrder {
    let call = Uuid::new_v4().into();
    IntentOrder { person: write.person, user: write.user, name: write.name.clone(), step, call }
}
