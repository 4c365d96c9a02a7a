//! The handle of a running tenant.

use std::{
    io,
    net::{Ipv4Addr, SocketAddr},
    sync::Arc,
    time::Duration,
};

use jiff::{SignedDuration, Timestamp};
use serde_json::Value;
use tokio::net::TcpListener;
use tokio_util::sync::{CancellationToken, DropGuard};
use uuid::Uuid;

use super::{
    counters::Counters,
    fault::{ArmedFault, Fault},
    gate::{Gate, GateReport, Hold},
    knobs::Knobs,
    license::LicenseChange,
    matching::{Match, Matcher},
    new_user::NewUser,
    person::Existence,
    request_log::RequestRecord,
    server,
    shared::Shared,
    sku::PrepaidUnits,
    state::State,
    view::{StateView, View},
    world::World,
};

/// A running tenant. Clones speak of the same one; it stops with the last of them, or on [`Tenant::shutdown`].
#[derive(Clone)]
pub struct Tenant {
    pub(super) shared: Arc<Shared>,
    addr: SocketAddr,
    stopped: CancellationToken,
    _stop_with_the_last: Arc<DropGuard>,
}

impl Tenant {
    /// Starts a tenant on a free port of the loopback address.
    ///
    /// # Errors
    /// When the world contradicts itself or no socket can be had.
    pub async fn start(world: World) -> io::Result<Self> {
        Self::start_at(world, SocketAddr::from((Ipv4Addr::LOCALHOST, 0))).await
    }

    /// Starts a tenant on that address.
    ///
    /// # Errors
    /// When the world contradicts itself or the address cannot be bound.
    pub async fn start_at(world: World, addr: SocketAddr) -> io::Result<Self> {
        let state = State::new(world).map_err(io::Error::other)?;
        let listener = TcpListener::bind(addr).await?;
        let addr = listener.local_addr()?;
        let shared = Arc::new(Shared::new(state));
        let stopped = CancellationToken::new();
        tokio::spawn(server::serve(listener, Arc::clone(&shared), stopped.clone()));
        let guard = Arc::new(stopped.clone().drop_guard());
        Ok(Self { shared, addr, stopped, _stop_with_the_last: guard })
    }

    /// `http://127.0.0.1:PORT`, for login, Graph and control alike.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}", self.addr)
    }

    /// The address it listens on.
    #[must_use]
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// The tenant's GUID.
    #[must_use]
    pub fn tenant_id(&self) -> Uuid {
        self.shared.read(|state| state.organization.id)
    }

    /// Stops listening and closes every connection.
    pub fn shutdown(&self) {
        self.stopped.cancel();
    }

    /// A copy of the users, SKUs and counters.
    #[must_use]
    pub fn state(&self) -> StateView {
        self.view(|view| view.to_owned())
    }

    /// Looks without copying.
    pub fn view<R>(&self, look: impl FnOnce(&View<'_>) -> R) -> R {
        self.shared.read(|state| look(&View { state }))
    }

    /// A copy of the request log, oldest first.
    #[must_use]
    pub fn requests(&self) -> Vec<RequestRecord> {
        self.view(|view| view.requests().cloned().collect())
    }

    /// What was asked so far.
    #[must_use]
    pub fn counters(&self) -> Counters {
        self.view(|view| view.counters().clone())
    }

    /// Sets the counters, those of users too, to zero and empties the log.
    pub fn reset_counters(&self) {
        self.shared.write(State::reset_counters);
    }

    /// Waits until that holds, looking again at each change and each request. Bound it with a timeout of your own.
    pub async fn wait_until(&self, mut holds: impl FnMut(&View<'_>) -> bool) {
        self.shared.wait(|state| holds(&View { state })).await;
    }

    /// The same, for at most so long of real time; whether it came to hold.
    pub async fn wait_within(&self, limit: Duration, holds: impl FnMut(&View<'_>) -> bool) -> bool {
        tokio::time::timeout(limit, self.wait_until(holds)).await.is_ok()
    }

    /// The knobs as they stand.
    #[must_use]
    pub fn knobs(&self) -> Knobs {
        self.shared.read(|state| state.knobs.clone())
    }

    /// Turns knobs.
    pub fn set_knobs(&self, turn: impl FnOnce(&mut Knobs)) {
        self.shared.write(|state| turn(&mut state.knobs));
    }

    /// The lab's clock: the machine's, plus what [`Tenant::advance`] added. Answers carry it in `Date`.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        self.shared.read(State::now)
    }

    /// Sets the lab's clock forward, so that lags and lifetimes pass without waiting.
    pub fn advance(&self, by: Duration) {
        self.shift_clock(SignedDuration::try_from(by).unwrap_or(SignedDuration::MAX));
    }

    /// Sets the lab's clock forward or back.
    pub fn shift_clock(&self, by: SignedDuration) {
        self.shared.write(|state| state.advance(by));
    }

    /// Adds a fault; returns its number.
    pub fn fault(&self, fault: Fault) -> u64 {
        self.shared.write(|state| state.add_fault(fault))
    }

    /// Removes all faults.
    pub fn clear_faults(&self) {
        self.shared.write(|state| state.faults.clear());
    }

    /// How many requests that fault has taken.
    #[must_use]
    pub fn fault_hits(&self, id: u64) -> u64 {
        let fault = |state: &State| state.faults.iter().find(|fault| fault.id == id).map(|fault| fault.matcher.taken);
        self.shared.read(fault).unwrap_or_default()
    }

    /// Puts a gate up.
    #[must_use]
    pub fn gate(&self, when: Match, hold: Hold) -> Gate {
        Gate { id: self.shared.write(|state| state.add_gate(when, hold)), shared: Arc::clone(&self.shared) }
    }

    /// All gates and who waits at them.
    #[must_use]
    pub fn gates(&self) -> Vec<GateReport> {
        self.shared.read(State::gate_reports)
    }

    /// Takes all gates away; those waiting go on.
    pub fn remove_gates(&self) {
        self.shared.write(State::remove_gates);
    }

    /// Creates a user, as Entra Connect or an administrator would; returns its object id.
    ///
    /// # Errors
    /// When id or UPN is taken, or a property or license does not exist.
    pub fn add_user(&self, user: NewUser) -> Result<Uuid, String> {
        self.shared.write(|state| state.add_user(user))
    }

    /// Sets one property of a user (id or UPN) past all rules of Graph; whether that changed it.
    ///
    /// # Errors
    /// When there is no such user or property.
    pub fn patch_user(&self, user: &str, property: &str, value: impl Into<Value>) -> Result<bool, String> {
        let value = value.into();
        self.shared.write(|state| {
            let id = state.known(user)?;
            state.set_property(id, property, value)
        })
    }

    /// Soft-deletes a user: `@removed` with reason `changed`; its seats are free.
    ///
    /// # Errors
    /// When there is no such user.
    pub fn delete_user(&self, user: &str) -> Result<(), String> {
        self.exist(user, Existence::Recycled)
    }

    /// Deletes a user for good: `@removed` with reason `deleted`.
    ///
    /// # Errors
    /// When there is no such user.
    pub fn purge_user(&self, user: &str) -> Result<(), String> {
        self.exist(user, Existence::Purged)
    }

    /// Brings a soft-deleted user (by object id) back, with its licenses.
    ///
    /// # Errors
    /// When there is no such user, or its UPN is taken by now.
    pub fn restore_user(&self, user: &str) -> Result<(), String> {
        self.exist(user, Existence::Present)
    }

    fn exist(&self, user: &str, existence: Existence) -> Result<(), String> {
        self.shared.write(|state| {
            let id = state.known(user)?;
            state.set_existence(id, existence)
        })
    }

    /// Changes licenses as another administrator or a group would; nothing is checked, seats are counted.
    ///
    /// # Errors
    /// When user, SKU or plan does not exist.
    pub fn change_licenses(&self, user: &str, change: &LicenseChange) -> Result<(), String> {
        self.shared.write(|state| {
            let id = state.known(user)?;
            state.change_licenses(id, change)
        })
    }

    /// Sets the enabled units of a SKU.
    ///
    /// # Errors
    /// When there is no such SKU.
    pub fn set_seats(&self, sku: &str, enabled: u32) -> Result<(), String> {
        self.set_units(sku, |units| units.enabled = enabled)
    }

    /// Sets any units of a SKU.
    ///
    /// # Errors
    /// When there is no such SKU.
    pub fn set_units(&self, sku: &str, set: impl FnOnce(&mut PrepaidUnits)) -> Result<(), String> {
        self.shared.write(|state| state.sku_mut(sku).map(|sku| set(&mut sku.prepaid_units)))
    }

    /// Removes a SKU from the tenant's subscriptions; whoever holds it keeps it.
    ///
    /// # Errors
    /// When there is no such SKU.
    pub fn remove_sku(&self, sku: &str) -> Result<(), String> {
        self.shared.write(|state| {
            let id = state.sku_mut(sku)?.sku_id;
            state.skus.retain(|known| known.sku_id != id);
            Ok(())
        })
    }

    /// Grants exactly these application permissions to every app. Tokens issued before keep what they have.
    pub fn set_roles(&self, roles: &[&str]) {
        let roles = roles.iter().map(|role| (*role).to_owned()).collect::<std::collections::BTreeSet<_>>();
        self.shared.write(|state| state.apps.iter_mut().for_each(|app| app.roles = roles.clone()));
    }

    /// Sets the secret of every app and when it expires.
    pub fn set_secret(&self, secret: &str, expires: Option<Timestamp>) {
        self.shared.write(|state| {
            for app in &mut state.apps {
                (app.secret, app.secret_expires) = (secret.to_owned(), expires);
            }
        });
    }

    /// Every access token issued so far, to look for where none may be.
    #[must_use]
    pub fn issued_tokens(&self) -> Vec<String> {
        self.shared.read(|state| state.tokens.keys().cloned().collect())
    }

    /// Makes every access token expired from now on.
    pub fn expire_tokens(&self) {
        self.shared.write(State::expire_tokens);
    }

    /// Makes every delta token issued so far expired.
    pub fn expire_delta(&self) {
        self.shared.write(|state| state.delta_epoch += 1);
    }

    /// Sets `organization.onPremisesSyncEnabled`.
    pub fn set_sync_enabled(&self, enabled: Option<bool>) {
        self.shared.write(|state| state.organization.on_premises_sync_enabled = enabled);
    }

    /// Sets `organization.onPremisesLastSyncDateTime`; `None` follows the clock.
    pub fn set_last_sync(&self, at: Option<Timestamp>) {
        self.shared.write(|state| state.organization.on_premises_last_sync_date_time = at);
    }
}

impl State {
    pub(super) fn known(&self, user: &str) -> Result<Uuid, String> {
        self.find(user).ok_or_else(|| format!("no user {user}"))
    }

    pub(super) fn sku_mut(&mut self, name: &str) -> Result<&mut super::sku::Sku, String> {
        let id = super::world::find_sku(&self.skus, name).map(|sku| sku.sku_id);
        self.skus.iter_mut().find(|sku| Some(sku.sku_id) == id).ok_or_else(|| format!("no SKU {name}"))
    }

    pub(super) fn add_fault(&mut self, fault: Fault) -> u64 {
        let id = self.next_id();
        self.faults.push(ArmedFault { id, matcher: Matcher::new(fault.when), then: fault.then });
        id
    }

    pub(super) fn remove_gates(&mut self) {
        for id in self.gates.keys().copied().collect::<Vec<_>>() {
            self.remove_gate(id);
        }
    }

    pub(super) fn expire_tokens(&mut self) {
        let now = self.now();
        self.tokens.values_mut().for_each(|token| token.expires = token.expires.min(now));
    }

    pub(super) fn reset_counters(&mut self) {
        self.counters = Counters::default();
        self.people.values_mut().for_each(|person| person.counters = Default::default());
        self.log.clear();
    }
}
