//! A running directory in this process.

use std::io;
use std::net::SocketAddr;
use std::sync::atomic::Ordering;
use std::sync::{Arc, MutexGuard};

use tokio::net::TcpListener;
use tokio::task::JoinSet;

use super::control;
use super::fault::{Fault, Gate, Moment, Target};
use super::log::{Counters, Operation};
use super::options::DirectoryOptions;
use super::server::tls::Identity;
use super::server::{Credentials, Shared, Transport, listen};
use super::world::schema::Class;
use super::world::{Account, Backup, Change, Guid, NewAccount, Policy, Restoration, World, WorldError};

/// The only domain controller so far. The world could hold more.
const DC: usize = 0;

/// The service account's sAMAccountName.
const SERVICE_ACCOUNT: &str = "svc";

/// A directory that is served until it is shut down or dropped.
///
/// Methods that change the world panic when the scenario makes no sense, such as deleting what is not there.
pub struct Directory {
    shared: Arc<Shared>,
    ldaps: SocketAddr,
    starttls: Option<SocketAddr>,
    control: Option<SocketAddr>,
    ca_pem: String,
    tasks: JoinSet<()>,
}

impl Directory {
    /// Makes the world and serves it.
    pub async fn start(options: DirectoryOptions) -> io::Result<Directory> {
        let mut world = World::new(options.seed, options.policy());
        world.populate(options.accounts).map_err(io::Error::other)?;
        let identity = match &options.certificate {
            Some((certificate, key)) => Identity::read(certificate, key)?,
            None => Identity::generate(&options.certificate_names, options.certificate_until)?,
        };
        let ca_pem = identity.ca_pem.clone();
        let credentials =
            Credentials { sam: SERVICE_ACCOUNT.to_owned(), password: options.password.clone(), failure: None };
        let shared = Arc::new(Shared::new(world, credentials, identity.acceptor()?));
        let mut tasks = JoinSet::new();
        let ldaps = serve(&mut tasks, &shared, options.listen, Transport::Ldaps).await?;
        let starttls = match options.starttls_listen {
            Some(address) => Some(serve(&mut tasks, &shared, address, Transport::Plain).await?),
            None => None,
        };
        let control = match options.control_listen {
            Some(address) => Some(serve_control(&mut tasks, &shared, address).await?),
            None => None,
        };
        Ok(Directory { shared, ldaps, starttls, control, ca_pem, tasks })
    }

    /// Where LDAPS is served.
    pub fn ldaps_addr(&self) -> SocketAddr {
        self.ldaps
    }

    /// Where plain LDAP with StartTLS is served.
    pub fn starttls_addr(&self) -> Option<SocketAddr> {
        self.starttls
    }

    /// Where the control API is served.
    pub fn control_addr(&self) -> Option<SocketAddr> {
        self.control
    }

    /// The certificate authority to trust, PEM.
    pub fn ca_pem(&self) -> &str {
        &self.ca_pem
    }

    /// The service account's userPrincipalName.
    pub fn bind_user(&self) -> String {
        format!("{SERVICE_ACCOUNT}@{}", self.shared.world().domain.dns)
    }

    /// The service account's password.
    pub fn bind_password(&self) -> String {
        self.shared.credentials().password.clone()
    }

    /// The DN of the domain.
    pub fn base_dn(&self) -> String {
        self.shared.world().domain.base.clone()
    }

    /// The world itself, for what has no method of its own. Searches wait meanwhile.
    pub fn world(&self) -> MutexGuard<'_, World> {
        self.shared.world()
    }

    /// Changes the settings of forest and LDAP policy: recycle bin, Deleted Objects, page size.
    pub fn set_policy(&self, change: impl FnOnce(&mut Policy)) {
        change(&mut self.shared.world().policy);
    }

    /// Creates an account.
    pub fn create_account(&self, new: NewAccount) -> Guid {
        sensible(self.shared.world().create_account(DC, &new))
    }

    /// Changes an object in one write.
    pub fn modify(&self, guid: Guid, changes: &[Change]) {
        sensible(self.shared.world().modify(DC, guid, changes));
    }

    /// Deletes an object.
    pub fn delete(&self, guid: Guid) {
        sensible(self.shared.world().delete(DC, guid));
    }

    /// Brings a deleted object back.
    pub fn undelete(&self, guid: Guid) {
        sensible(self.shared.world().undelete(DC, guid));
    }

    /// Moves an object to another organizational unit, by name or DN.
    pub fn move_to(&self, guid: Guid, ou: &str) {
        sensible(self.shared.world().move_to(DC, guid, ou));
    }

    /// Creates an organizational unit below the domain's head.
    pub fn create_ou(&self, name: &str) -> Guid {
        sensible(self.shared.world().create_ou(DC, name, None))
    }

    /// Renames an organizational unit, given by name or DN.
    pub fn rename_ou(&self, ou: &str, name: &str) {
        sensible(self.shared.world().rename_ou(DC, ou, name));
    }

    /// Creates a group.
    pub fn create_group(&self, name: &str) -> Guid {
        sensible(self.shared.world().create_group(DC, name))
    }

    /// Puts somebody into a group, or takes them out.
    pub fn set_membership(&self, group: Guid, member: Guid, is_member: bool) {
        sensible(self.shared.world().set_membership(DC, group, member, is_member));
    }

    /// Noise: a computer, which is nobody's account, is written.
    pub fn touch_computer(&self) {
        sensible(self.shared.world().touch_computer(DC));
    }

    /// Noise: an account's lastLogonTimestamp is written.
    pub fn touch_logon(&self, guid: Guid) {
        sensible(self.shared.world().touch_logon(DC, guid));
    }

    /// highestCommittedUSN.
    pub fn highest_usn(&self) -> u64 {
        self.shared.world().dc(DC).usn
    }

    /// The invocationId.
    pub fn invocation_id(&self) -> Guid {
        self.shared.world().dc(DC).invocation_id
    }

    /// Gives the domain controller another invocationId.
    pub fn set_invocation_id(&self, invocation_id: Guid) {
        self.shared.world().set_invocation_id(DC, invocation_id);
    }

    /// Says whether replication has finished a cycle since the start (rootDSE isSynchronized).
    pub fn set_synchronized(&self, synchronized: bool) {
        self.shared.world().set_synchronized(DC, synchronized);
    }

    /// The domain controller as it is now.
    pub fn backup(&self) -> Backup {
        self.shared.world().backup(DC)
    }

    /// Puts the domain controller back to a backup.
    pub fn restore(&self, backup: &Backup, how: Restoration) {
        self.shared.world().restore(DC, backup, how);
    }

    /// All user accounts, the built-in ones and the service account included, deleted ones not.
    pub fn accounts(&self) -> Vec<Account> {
        accounts(&self.shared.world())
    }

    /// One object, deleted or not.
    pub fn account(&self, guid: Guid) -> Option<Account> {
        let world = self.shared.world();
        let view = world.id_of(guid).and_then(|id| world.view(DC, id));
        view.map(|view| view.account())
    }

    /// Makes every bind fail with a sub-code of result 49, such as 0x775 for a locked account.
    pub fn set_bind_failure(&self, sub_code: Option<u32>) {
        self.shared.credentials().failure = sub_code;
    }

    /// Changes the service account's password.
    pub fn set_password(&self, password: &str) {
        self.shared.credentials().password = password.to_owned();
    }

    /// Lets the service account's password end at a time, or never.
    pub fn set_password_expiry(&self, at: Option<jiff::Timestamp>) {
        let mut world = self.shared.world();
        let account = world.id_of_sam(SERVICE_ACCOUNT).and_then(|id| world.view(DC, id)).map(|view| view.guid());
        let filetime = at.map_or(i64::MAX, |at| (at.as_second() + 11_644_473_600) * 10_000_000);
        let change = Change::set("msDS-UserPasswordExpiryTimeComputed", filetime.to_string());
        sensible(world.modify(DC, account.expect("there is a service account"), &[change]));
    }

    /// Throws away all cookies of paged searches, as a busy domain controller does.
    pub fn evict_cookies(&self) {
        self.shared.cookie_epoch.fetch_add(1, Ordering::SeqCst);
    }

    /// Switches the machine off, which drops all connections, or on again.
    pub fn set_down(&self, down: bool) {
        self.shared.down.send_replace(down);
    }

    /// Puts a fault in force.
    pub fn add_fault(&self, fault: Fault) {
        self.shared.faults.add(fault);
    }

    /// Lifts all faults.
    pub fn clear_faults(&self) {
        self.shared.faults.clear();
    }

    /// Holds operations, at that moment, until the gate is released.
    pub fn gate(&self, target: Target, moment: Moment) -> Gate {
        self.shared.gates.handle(target, moment)
    }

    /// Every operation recorded.
    pub fn operations(&self) -> Vec<Operation> {
        self.shared.log.operations()
    }

    /// Totals of the operations recorded.
    pub fn counters(&self) -> Counters {
        self.shared.log.counters()
    }

    /// Forgets what is recorded; the numbers of operations go on.
    pub fn clear_log(&self) {
        self.shared.log.clear();
    }

    /// The number of the latest operation, to wait for those after it.
    pub fn last_operation(&self) -> u64 {
        self.shared.log.last()
    }

    /// Waits for an operation that fits, with a number above `after`. It may still be under way.
    pub async fn wait_for(&self, after: u64, fits: impl Fn(&Operation) -> bool) -> Operation {
        self.shared.log.wait_for(after, fits).await
    }

    /// Waits until the totals fit, such as "three more rootDSE reads".
    pub async fn wait_until(&self, fits: impl Fn(&Counters) -> bool) {
        self.shared.log.wait_until(fits).await;
    }

    /// Stops serving. Connections are dropped.
    pub async fn shutdown(mut self) {
        self.tasks.shutdown().await;
    }
}

/// All live user accounts as the domain controller has them.
pub(super) fn accounts(world: &World) -> Vec<Account> {
    let users = world.dc(DC).by_class(Class::User);
    users.into_iter().filter_map(|id| Some(world.view(DC, id)?.account())).collect()
}

fn sensible<T>(done: Result<T, WorldError>) -> T {
    done.unwrap_or_else(|error| panic!("the scenario does not fit the directory: {error}"))
}

async fn serve(
    tasks: &mut JoinSet<()>,
    shared: &Arc<Shared>,
    address: SocketAddr,
    transport: Transport,
) -> io::Result<SocketAddr> {
    let listener = TcpListener::bind(address).await?;
    let address = listener.local_addr()?;
    tasks.spawn(listen(Arc::clone(shared), DC, listener, transport));
    Ok(address)
}

async fn serve_control(tasks: &mut JoinSet<()>, shared: &Arc<Shared>, address: SocketAddr) -> io::Result<SocketAddr> {
    let listener = TcpListener::bind(address).await?;
    let address = listener.local_addr()?;
    let router = control::router(Arc::clone(shared));
    tasks.spawn(async move {
        // It only ends with the listener, and the listener with this task.
        let _ended = axum::serve(listener, router).await;
    });
    Ok(address)
}
