//! The DNS of the domain: how clients find domain controllers (MS-ADTS 6.3.2.3).

mod wire;

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use tokio::net::UdpSocket;

use super::log::{Kind as Logged, Operation, Sent};
use super::server::Shared;
use super::server::machine::Machine;
use wire::{Kind, Question, Record, Reply};

/// Rcodes.
const SERVER_FAILURE: u8 = 2;
const NO_SUCH_NAME: u8 = 3;

/// How a domain controller stands in the service records.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Srv {
    /// Lower ones are to be tried first.
    pub priority: u16,
    /// The share among those of one priority.
    pub weight: u16,
    /// The port; AD registers 389, whatever else is served.
    pub port: u16,
    /// Whether it is there at all.
    pub registered: bool,
}

impl Default for Srv {
    fn default() -> Srv {
        Srv { priority: 0, weight: 100, port: 389, registered: true }
    }
}

/// How DNS answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct DnsCondition {
    /// Seconds for which answers hold; AD registers 600.
    pub ttl: u32,
    /// Whether questions go unanswered.
    pub silent: bool,
    /// Whether every answer is SERVFAIL.
    pub failing: bool,
}

impl Default for DnsCondition {
    fn default() -> DnsCondition {
        DnsCondition { ttl: 600, silent: false, failing: false }
    }
}

/// Answers until dropped.
pub async fn serve(shared: Arc<Shared>, socket: UdpSocket) {
    let mut message = [0; 1500];
    loop {
        let Ok((length, from)) = socket.recv_from(&mut message).await else {
            continue;
        };
        let Some(question) = wire::question(&message[..length]) else {
            continue;
        };
        let operation = Operation {
            base: question.name.clone(),
            filter: question.kind.name(),
            ..Operation::arriving(Logged::Dns, 0, 0)
        };
        let logged = shared.log.begin(operation);
        let condition = *shared.dns();
        let reply = answer(&shared, &question, condition);
        let (entries, code) = (reply.answers.len(), i64::from(reply.code));
        let bytes = wire::reply(&question, &reply);
        if !condition.silent {
            // Whoever asked may be gone by now.
            let _lost = socket.send_to(&bytes, from).await;
        }
        shared.log.end(logged, Sent { entries, bytes: bytes.len() }, (!condition.silent).then_some(code), "");
    }
}

fn answer(shared: &Shared, question: &Question, condition: DnsCondition) -> Reply {
    if condition.failing {
        return Reply { code: SERVER_FAILURE, ..Reply::default() };
    }
    let machines = shared.machines();
    let named = machines.iter().find(|machine| machine.address.fqdn.eq_ignore_ascii_case(&question.name));
    if let Some(machine) = named {
        let record = wire::address(machine.address.ldaps);
        let fits = matches!(
            (question.kind, &record),
            (Kind::A, Record::Address(std::net::IpAddr::V4(_)))
                | (Kind::Aaaa, Record::Address(std::net::IpAddr::V6(_)))
        );
        return Reply {
            code: 0,
            ttl: condition.ttl,
            answers: fits.then_some(record).into_iter().collect(),
            additional: Vec::new(),
        };
    }
    let Some(registered) = registered(shared, &machines, &question.name) else {
        return Reply { code: NO_SUCH_NAME, ..Reply::default() };
    };
    let asked = registered.into_iter().filter(|_| question.kind == Kind::Srv);
    let (mut answers, mut additional) = (Vec::new(), Vec::new());
    for machine in asked {
        let (srv, target) = (*machine.srv(), machine.address.fqdn.clone());
        additional.push((target.clone(), wire::address(machine.address.ldaps)));
        answers.push(Record::Srv { priority: srv.priority, weight: srv.weight, port: srv.port, target });
    }
    Reply { code: 0, ttl: condition.ttl, answers, additional }
}

/// Who stands under a service name; none if nobody does. Read-only domain controllers stand under their site alone.
fn registered(shared: &Shared, machines: &[Arc<Machine>], name: &str) -> Option<Vec<Arc<Machine>>> {
    let world = shared.world();
    let (domain, forest) = (world.domain.dns.to_lowercase(), world.domain.forest.to_lowercase());
    let service = name.strip_prefix("_ldap._tcp.");
    let rest = |suffix: &str| service?.strip_suffix(&format!("{suffix}.{domain}")).map(str::to_owned);
    let site = rest("._sites.dc._msdcs").or_else(|| rest("._sites"));
    let everywhere = [format!("dc._msdcs.{domain}"), domain.clone()];
    let stands = |machine: &&Arc<Machine>| {
        let replica = world.dc(machine.address.dc);
        let writable = !replica.read_only;
        machine.srv().registered
            && match &site {
                Some(site) => replica.site.eq_ignore_ascii_case(site),
                None if service.is_some_and(|rest| everywhere.iter().any(|name| name == rest)) => writable,
                None if service == Some(&format!("pdc._msdcs.{domain}")) => machine.address.dc == 0,
                None => name == format!("_gc._tcp.{forest}") && writable,
            }
    };
    let found: Vec<_> = machines.iter().filter(stands).cloned().collect();
    (!found.is_empty()).then_some(found)
}
