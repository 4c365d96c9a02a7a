//! DNS messages, as much of RFC 1035 and RFC 2782 as a client needs that looks for domain controllers.

use std::net::{IpAddr, SocketAddr};

/// Type numbers.
const A: u16 = 1;
const AAAA: u16 = 28;
const SRV: u16 = 33;

/// Bytes of the head of a message.
const HEAD: usize = 12;

/// What an answer may be long without an extension (RFC 1035 4.2.1).
const CLASSIC: usize = 512;

/// The one question of a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Question {
    id: [u8; 2],
    section: Vec<u8>,
    /// The name in lower case, without the last dot.
    pub name: String,
    /// The type of record asked for.
    pub kind: Kind,
}

/// A type of record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// IPv4 addresses.
    A,
    /// IPv6 addresses.
    Aaaa,
    /// Services.
    Srv,
    /// Any other.
    Other(u16),
}

impl Kind {
    /// Its name, for the log.
    pub fn name(self) -> String {
        match self {
            Kind::A => "A".to_owned(),
            Kind::Aaaa => "AAAA".to_owned(),
            Kind::Srv => "SRV".to_owned(),
            Kind::Other(number) => format!("TYPE{number}"),
        }
    }
}

/// One record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Record {
    /// An address of either family.
    Address(IpAddr),
    /// A service.
    Srv {
        /// Lower ones first.
        priority: u16,
        /// Among equals, the share of clients.
        weight: u16,
        /// The port.
        port: u16,
        /// The host.
        target: String,
    },
}

/// What is said to a question.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Reply {
    /// 0 for success, 2 for SERVFAIL, 3 for NXDOMAIN.
    pub code: u8,
    /// Seconds for which it holds.
    pub ttl: u32,
    /// Records of the name asked for.
    pub answers: Vec<Record>,
    /// Addresses of the hosts named; left out when the answer would be too long.
    pub additional: Vec<(String, Record)>,
}

/// Reads a message that asks one question.
pub fn question(message: &[u8]) -> Option<Question> {
    let head = message.get(..HEAD)?;
    if head[2] & 0xf8 != 0 || head[4..6] != [0, 1] {
        return None;
    }
    let (mut labels, mut at) = (Vec::new(), HEAD);
    loop {
        let length = usize::from(*message.get(at)?);
        at += 1;
        if length == 0 {
            break;
        }
        let label = message.get(at..at + length).filter(|_| length < 64)?;
        labels.push(String::from_utf8_lossy(label).to_ascii_lowercase());
        at += length;
    }
    let kind = match u16::from_be_bytes([*message.get(at)?, *message.get(at + 1)?]) {
        A => Kind::A,
        AAAA => Kind::Aaaa,
        SRV => Kind::Srv,
        other => Kind::Other(other),
    };
    let section = message.get(HEAD..at + 4)?.to_vec();
    Some(Question { id: [head[0], head[1]], section, name: labels.join("."), kind })
}

/// Writes a reply, authoritative, with recursion offered.
pub fn reply(question: &Question, reply: &Reply) -> Vec<u8> {
    let short = written(question, reply, &[]);
    let full = written(question, reply, &reply.additional);
    if full.len() <= CLASSIC { full } else { short }
}

fn written(question: &Question, reply: &Reply, additional: &[(String, Record)]) -> Vec<u8> {
    let mut bytes = question.id.to_vec();
    bytes.extend([0x85, 0x80 | reply.code, 0, 1]);
    bytes.extend((reply.answers.len() as u16).to_be_bytes());
    bytes.extend([0, 0]);
    bytes.extend((additional.len() as u16).to_be_bytes());
    bytes.extend(&question.section);
    for record in &reply.answers {
        // The name is that of the question, right behind the head.
        bytes.extend([0xc0, HEAD as u8]);
        put(&mut bytes, record, reply.ttl);
    }
    for (name, record) in additional {
        bytes.extend(labels(name));
        put(&mut bytes, record, reply.ttl);
    }
    bytes
}

fn put(bytes: &mut Vec<u8>, record: &Record, ttl: u32) {
    let (kind, data) = match record {
        Record::Address(IpAddr::V4(address)) => (A, address.octets().to_vec()),
        Record::Address(IpAddr::V6(address)) => (AAAA, address.octets().to_vec()),
        Record::Srv { priority, weight, port, target } => {
            let numbers = [priority, weight, port].into_iter().flat_map(|number| number.to_be_bytes());
            (SRV, numbers.chain(labels(target)).collect())
        }
    };
    bytes.extend(kind.to_be_bytes());
    bytes.extend([0, 1]);
    bytes.extend(ttl.to_be_bytes());
    bytes.extend((data.len() as u16).to_be_bytes());
    bytes.extend(data);
}

fn labels(name: &str) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(name.len() + 2);
    for label in name.split('.').filter(|label| !label.is_empty()) {
        bytes.push(label.len() as u8);
        bytes.extend(label.as_bytes());
    }
    bytes.push(0);
    bytes
}

/// The record of an address.
pub fn address(of: SocketAddr) -> Record {
    Record::Address(of.ip())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(name: &str, kind: u16) -> Vec<u8> {
        let mut message = vec![7, 8, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0];
        message.extend(labels(name));
        message.extend(kind.to_be_bytes());
        message.extend([0, 1]);
        message
    }

    #[test]
    fn a_question_is_read_and_its_reply_points_back_at_it() {
        let message = asked("_ldap._TCP.dc._msdcs.Corp.Example.Test", SRV);
        let question = question(&message).expect("a question");
        assert_eq!((question.name.as_str(), question.kind), ("_ldap._tcp.dc._msdcs.corp.example.test", Kind::Srv));
        let srv = Record::Srv { priority: 0, weight: 100, port: 389, target: "dc1.test".to_owned() };
        let additional = vec![("dc1.test".to_owned(), Record::Address([127, 0, 0, 1].into()))];
        let bytes = reply(&question, &Reply { code: 0, ttl: 600, answers: vec![srv], additional });
        let data = [&[0, 0, 0, 100, 1, 133][..], b"\x03dc1\x04test\0"].concat();
        let record = [&[0xc0, 12, 0, 33, 0, 1, 0, 0, 2, 88, 0, data.len() as u8][..], &data].concat();
        assert!(bytes.windows(record.len()).any(|window| window == record), "{bytes:?}");
        assert_eq!(&bytes[..12], [7, 8, 0x85, 0x80, 0, 1, 0, 1, 0, 0, 0, 1]);
    }

    #[test]
    fn what_is_no_question_is_passed_by() {
        let whole = asked("corp.example.test", A);
        for length in 0..whole.len() {
            assert_eq!(question(&whole[..length]), None, "{length}");
        }
        let mut answer = whole.clone();
        answer[2] |= 0x80;
        assert_eq!(question(&answer), None);
    }
}
