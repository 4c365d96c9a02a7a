//! A running directory in this process.

use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::net::{TcpListener, UdpSocket};
use tokio::task::{AbortHandle, JoinSet};

use super::control;
use super::dc::Dc;
use super::dns::{self, DnsCondition};
use super::fault::{Fault, Gate, Moment, Target};
use super::log::{Counters, Operation};
use super::options::{DcOptions, DirectoryOptions};
use super::server::machine::{Address, Condition, Machine};
use super::server::tls::Certificates;
use super::server::{Credentials, Shared, Transport, listen};
use super::world::schema::Attribute;
use super::world::{Change, Guid, Policy, World};

/// The service account's sAMAccountName.
const SERVICE_ACCOUNT: &str = "svc";

/// How often noise by the second is made.
const BEAT: Duration = Duration::from_millis(100);

/// A directory that is served until it is shut down or dropped: one domain, on one domain controller or more.
///
/// Methods without a domain controller in their name mean the first one; `dc` gives any. Methods that change the
/// world panic when the scenario makes no sense, such as deleting what is not there.
pub struct Directory {
    shared: Arc<Shared>,
    control: Option<SocketAddr>,
    dns: Option<SocketAddr>,
    certificates: Certificates,
    tasks: Mutex<JoinSet<()>>,
    replicating: Mutex<Option<AbortHandle>>,
    noisy: Mutex<Option<AbortHandle>>,
}

impl Directory {
    /// Makes the world and serves it.
    pub async fn start(options: DirectoryOptions) -> io::Result<Directory> {
        let certificates = match &options.certificate {
            Some((certificate, key)) => Certificates::read(certificate, key)?,
            None => Certificates::generate(options.certificate_until)?,
        };
        let forest = options.domain.clone();
        Directory::start_in(options, &forest, certificates).await
    }

    /// Starts a domain of the same forest below this one: `sales` becomes `sales.corp.example.test`. Both have the
    /// same authority; each has its own objects, accounts, log and copy of the configuration.
    pub async fn start_child(&self, label: &str, options: DirectoryOptions) -> io::Result<Directory> {
        let (dns, forest) = {
            let domain = &mut self.shared.world().domain;
            let dns = format!("{label}.{}", domain.dns);
            domain.children.push(dns.clone());
            (dns, domain.forest.clone())
        };
        Directory::start_in(options.named(&dns), &forest, self.certificates.clone()).await
    }

    async fn start_in(options: DirectoryOptions, forest: &str, certificates: Certificates) -> io::Result<Directory> {
        let mut world = World::in_forest(options.seed, options.policy(), &options.domain, forest);
        world.populate(options.accounts).map_err(io::Error::other)?;
        let credentials =
            Credentials { sam: SERVICE_ACCOUNT.to_owned(), password: options.password.clone(), failure: None };
        let mut directory = Directory {
            shared: Arc::new(Shared::new(world, credentials)),
            control: None,
            dns: None,
            certificates,
            tasks: Mutex::default(),
            replicating: Mutex::default(),
            noisy: Mutex::default(),
        };
        directory.serve(0, options.listen, options.starttls_listen, |_, _| options.certificate_names.clone()).await?;
        for more in &options.more_dcs {
            directory.add_dc(more).await?;
        }
        directory.control = match options.control_listen {
            Some(address) => Some(directory.serve_control(address).await?),
            None => None,
        };
        directory.dns = match options.dns_listen {
            Some(address) => Some(directory.serve_dns(address).await?),
            None => None,
        };
        Ok(directory)
    }

    /// Promotes another domain controller and serves it: it starts with all that the first one has. Gives its number.
    pub async fn add_dc(&self, options: &DcOptions) -> io::Result<usize> {
        let dc = {
            let mut world = self.shared.world();
            let plan = options.plan(world.dcs().len());
            world.add_dc(&plan).map_err(io::Error::other)?
        };
        let first = &self.shared.machine(0).address;
        let address = options.listen.unwrap_or_else(|| beside(first.ldaps, dc));
        let starttls = options.starttls_listen.or_else(|| first.starttls.map(|address| beside(address, dc)));
        self.serve(dc, address, starttls, |fqdn, address| options.names(fqdn, address)).await?;
        Ok(dc)
    }

    async fn serve(
        &self,
        dc: usize,
        ldaps: SocketAddr,
        starttls: Option<SocketAddr>,
        names: impl FnOnce(&str, SocketAddr) -> Vec<String>,
    ) -> io::Result<()> {
        let fqdn = {
            let world = self.shared.world();
            format!("{}.{}", world.dc(dc).host, world.domain.dns)
        };
        let ldaps = TcpListener::bind(ldaps).await?;
        let plain = match starttls {
            Some(address) => Some(TcpListener::bind(address).await?),
            None => None,
        };
        let acceptor = self.certificates.acceptor(&names(&fqdn, ldaps.local_addr()?))?;
        let starttls = plain.as_ref().map(TcpListener::local_addr).transpose()?;
        let address = Address { dc, fqdn, ldaps: ldaps.local_addr()?, starttls };
        let machine = Arc::new(Machine::new(address, acceptor));
        self.shared.add_machine(Arc::clone(&machine));
        let mut tasks = self.tasks();
        tasks.spawn(listen(Arc::clone(&self.shared), Arc::clone(&machine), ldaps, Transport::Ldaps));
        if let Some(plain) = plain {
            tasks.spawn(listen(Arc::clone(&self.shared), machine, plain, Transport::Plain));
        }
        Ok(())
    }

    async fn serve_control(&self, address: SocketAddr) -> io::Result<SocketAddr> {
        let listener = TcpListener::bind(address).await?;
        let address = listener.local_addr()?;
        let router = control::router(Arc::clone(&self.shared));
        self.tasks().spawn(async move {
            // It only ends with the listener, and the listener with this task.
            let _ended = axum::serve(listener, router).await;
        });
        Ok(address)
    }

    async fn serve_dns(&self, address: SocketAddr) -> io::Result<SocketAddr> {
        let socket = UdpSocket::bind(address).await?;
        let address = socket.local_addr()?;
        self.tasks().spawn(dns::serve(Arc::clone(&self.shared), socket));
        Ok(address)
    }

    fn tasks(&self) -> MutexGuard<'_, JoinSet<()>> {
        self.tasks.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A domain controller, from 0.
    pub fn dc(&self, dc: usize) -> Dc<'_> {
        Dc::new(&self.shared, dc)
    }

    /// All domain controllers.
    pub fn dcs(&self) -> impl Iterator<Item = Dc<'_>> {
        (0..self.shared.machines().len()).map(|dc| self.dc(dc))
    }

    /// Lets one domain controller pull from another. Gives the number of objects that it wrote. Machines that do not
    /// work neither give nor take.
    pub fn replicate(&self, from: usize, to: usize) -> usize {
        self.shared.replicate(from, to)
    }

    /// Lets the domain controllers that work pull from each other until they agree.
    pub fn converge(&self) {
        while self.shared.replicate_all() > 0 {}
    }

    /// Lets the domain controllers pull from each other that often, or never.
    pub fn replicate_every(&self, interval: Option<Duration>) {
        let shared = Arc::clone(&self.shared);
        let pulling = interval.map(|interval| async move {
            loop {
                tokio::time::sleep(interval).await;
                shared.replicate_all();
            }
        });
        self.in_background(&self.replicating, pulling);
    }

    /// So many foreign changes on the first domain controller.
    pub fn noise(&self, count: usize) {
        self.dc(0).noise(count);
    }

    /// Makes so many foreign changes a second on the first domain controller; 0 for quiet.
    pub fn noise_per_second(&self, rate: u32) {
        let shared = Arc::clone(&self.shared);
        let noise = (rate > 0).then_some(async move {
            let beats = 1000 / BEAT.as_millis() as usize;
            let mut owed = 0;
            loop {
                tokio::time::sleep(BEAT).await;
                owed += rate as usize;
                Dc::new(&shared, 0).noise(owed / beats);
                owed %= beats;
            }
        });
        self.in_background(&self.noisy, noise);
    }

    fn in_background(
        &self,
        place: &Mutex<Option<AbortHandle>>,
        task: Option<impl Future<Output = ()> + Send + 'static>,
    ) {
        let started = task.map(|task| self.tasks().spawn(task));
        let before = std::mem::replace(&mut *place.lock().unwrap_or_else(PoisonError::into_inner), started);
        if let Some(before) = before {
            before.abort();
        }
    }

    /// Where DNS is served.
    pub fn dns_addr(&self) -> Option<SocketAddr> {
        self.dns
    }

    /// Changes how DNS answers: how long it holds, whether it fails or says nothing.
    pub fn set_dns(&self, change: impl FnOnce(&mut DnsCondition)) {
        change(&mut self.shared.dns());
    }

    /// Makes an account of another domain a member of a group here. This domain knows its names alone.
    pub fn add_foreign_member(&self, group: Guid, other: &Directory, member: Guid) {
        let (dn, sid) = {
            let world = other.shared.world();
            let view = world.id_of(member).and_then(|id| world.view(0, id)).expect("it is in the other domain");
            let sid = view.values(Attribute::ObjectSid).first().map(|sid| sid.to_vec());
            (view.dn(), sid.unwrap_or_default())
        };
        self.shared.world().add_phantom(0, &dn, member, &sid);
        self.dc(0).set_membership(group, member, true);
    }

    /// Makes an account of another forest a member of a group here: by the object that stands in for it, whose name and SID
    /// are its SID. The stand-in is a name only here, and cannot be searched for.
    pub fn add_foreign_principal(&self, group: Guid, sid: &[u8]) {
        let name = super::world::sid::text(sid);
        let stand_in = {
            let mut world = self.shared.world();
            let dn = format!("CN={name},CN=ForeignSecurityPrincipals,{}", world.domain.base);
            let guid = world.new_guid();
            world.add_phantom(0, &dn, guid, sid);
            guid
        };
        self.dc(0).set_membership(group, stand_in, true);
    }

    /// Where LDAPS is served.
    pub fn ldaps_addr(&self) -> SocketAddr {
        self.dc(0).ldaps_addr()
    }

    /// Where plain LDAP with StartTLS is served.
    pub fn starttls_addr(&self) -> Option<SocketAddr> {
        self.dc(0).starttls_addr()
    }

    /// Where the control API is served.
    pub fn control_addr(&self) -> Option<SocketAddr> {
        self.control
    }

    /// The certificate authority to trust, PEM.
    pub fn ca_pem(&self) -> &str {
        &self.certificates.ca_pem
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
        let account = {
            let world = self.shared.world();
            world.id_of_sam(0, SERVICE_ACCOUNT).and_then(|id| world.view(0, id)).map(|view| view.guid())
        };
        let filetime = at.map_or(i64::MAX, |at| (at.as_second() + 11_644_473_600) * 10_000_000);
        let change = Change::set("msDS-UserPasswordExpiryTimeComputed", filetime.to_string());
        self.modify(account.expect("there is a service account"), &[change]);
    }

    /// Throws away all cookies of paged searches, as a busy domain controller does.
    pub fn evict_cookies(&self) {
        self.shared.machines().iter().for_each(|machine| machine.evict_cookies());
    }

    /// Switches the first machine off, which drops all connections, or on again.
    pub fn set_down(&self, down: bool) {
        self.shared.machine(0).set_condition(if down { Condition::Dropping } else { Condition::Up });
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

    /// Does something with the world that no client could do, while nobody is answered.
    pub fn with_world<T>(&self, act: impl FnOnce(&mut World) -> T) -> T {
        act(&mut self.shared.world())
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
    pub async fn shutdown(self) {
        let mut tasks = std::mem::take(&mut *self.tasks());
        tasks.shutdown().await;
    }
}

/// The address of a domain controller that has none of its own.
fn beside(first: SocketAddr, dc: usize) -> SocketAddr {
    match (first.ip(), u8::try_from(dc)) {
        (IpAddr::V4(Ipv4Addr::LOCALHOST), Ok(dc @ 0..254)) => {
            SocketAddr::from((Ipv4Addr::new(127, 0, 0, 1 + dc), first.port()))
        }
        (address, _) => SocketAddr::new(address, 0),
    }
}
