//! Gates: requests wait at them until a test lets them go, so that a test can look, kill or change something in between.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use tokio::sync::oneshot;
use uuid::Uuid;

use super::{
    exchange::Call,
    matching::{Match, Matcher},
    shared::Shared,
    state::State,
};

/// Where a gate stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Hold {
    /// Before the request is carried out.
    Before,
    /// After it was carried out, before it is answered.
    After,
}

/// A request that waits at a gate.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Held {
    /// HTTP method.
    pub method: String,
    /// Path and query.
    pub target: String,
    /// Graph's id of the request.
    pub request_id: String,
    /// The user it addresses.
    pub user: Option<Uuid>,
}

/// A gate as the control API shows it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct GateReport {
    /// Its number.
    pub id: u64,
    /// Which requests it stops.
    #[serde(rename = "match")]
    pub when: Match,
    /// Where it stands.
    pub hold: Hold,
    /// How many requests have reached it so far.
    pub arrived: u64,
    /// Who waits now, first come first.
    pub waiting: Vec<Held>,
}

/// What becomes of a request that waited.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    Pass,
    /// Its connection is closed; held before the effect, it is never carried out.
    Discard,
}

/// A gate that stands.
pub(super) struct GateState {
    matcher: Matcher,
    hold: Hold,
    waiting: Vec<(Held, oneshot::Sender<Verdict>)>,
}

impl GateState {
    fn report(&self, id: u64) -> GateReport {
        GateReport {
            id,
            when: self.matcher.rule.clone(),
            hold: self.hold,
            arrived: self.matcher.taken,
            waiting: self.waiting.iter().map(|(held, _)| held.clone()).collect(),
        }
    }
}

impl State {
    pub(super) fn add_gate(&mut self, when: Match, hold: Hold) -> u64 {
        let id = self.next_id();
        self.gates.insert(id, GateState { matcher: Matcher::new(when), hold, waiting: Vec::new() });
        id
    }

    /// Puts the request in the queue of the first gate that stops it there.
    pub(super) fn stop_at_gate(&mut self, call: &Call, hold: Hold) -> Option<oneshot::Receiver<Verdict>> {
        let gate =
            self.gates.values_mut().find_map(|gate| (gate.hold == hold && gate.matcher.takes(call)).then_some(gate))?;
        let (sender, receiver) = oneshot::channel();
        let held = Held {
            method: call.method.to_string(),
            target: call.target(),
            request_id: call.correlation.request_id.clone(),
            user: call.user.as_ref().map(|user| user.id),
        };
        gate.waiting.push((held, sender));
        Some(receiver)
    }

    pub(super) fn gate_reports(&self) -> Vec<GateReport> {
        self.gates.iter().map(|(id, gate)| gate.report(*id)).collect()
    }

    /// Lets the first `count` of those waiting go; `None` if there is no such gate, else how many went.
    pub(super) fn open_gate(&mut self, id: u64, count: usize, verdict: Verdict) -> Option<usize> {
        let gate = self.gates.get_mut(&id)?;
        let count = count.min(gate.waiting.len());
        for (_, waiting) in gate.waiting.drain(..count) {
            // Nobody listens any more when the lab is stopping.
            let _ = waiting.send(verdict);
        }
        Some(count)
    }

    /// Takes the gate away; those waiting go on.
    pub(super) fn remove_gate(&mut self, id: u64) -> Option<usize> {
        let released = self.open_gate(id, usize::MAX, Verdict::Pass);
        self.gates.remove(&id);
        released
    }
}

/// The handle of a gate. Dropping it leaves the gate standing; [`Gate::remove`] takes it away.
#[derive(Clone)]
pub struct Gate {
    pub(super) id: u64,
    pub(super) shared: Arc<Shared>,
}

impl Gate {
    /// Its number, as the control API knows it.
    #[must_use]
    pub fn id(&self) -> u64 {
        self.id
    }

    /// Waits until `n` requests in all have reached the gate, those let go included.
    pub async fn arrived(&self, n: u64) {
        let arrived = |state: &State| state.gates.get(&self.id).is_none_or(|gate| gate.matcher.taken >= n);
        self.shared.wait(arrived).await;
    }

    /// Who waits now, first come first.
    #[must_use]
    pub fn waiting(&self) -> Vec<Held> {
        self.shared.read(|state| state.gates.get(&self.id).map(|gate| gate.report(self.id).waiting)).unwrap_or_default()
    }

    /// Lets all go that wait now; later ones are stopped again. Returns how many went.
    pub fn release(&self) -> usize {
        self.open(usize::MAX, Verdict::Pass)
    }

    /// Lets the first one go.
    pub fn release_one(&self) -> usize {
        self.open(1, Verdict::Pass)
    }

    /// Closes the connections of all that wait; held before the effect, they are never carried out.
    pub fn discard(&self) -> usize {
        self.open(usize::MAX, Verdict::Discard)
    }

    /// Takes the gate away; those waiting go on.
    pub fn remove(&self) -> usize {
        self.shared.write(|state| state.remove_gate(self.id)).unwrap_or_default()
    }

    fn open(&self, count: usize, verdict: Verdict) -> usize {
        self.shared.write(|state| state.open_gate(self.id, count, verdict)).unwrap_or_default()
    }
}
