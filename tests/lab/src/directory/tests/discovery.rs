//! Finding domain controllers by DNS.

use std::net::UdpSocket;

use super::*;
use crate::directory::Kind;

/// Asks, and gives the rcode and the number of answers, with the whole message to look into.
async fn ask(directory: &Directory, name: &str, kind: u16) -> Option<(u8, u16, Vec<u8>)> {
    let server = directory.dns_addr().expect("served");
    let mut message = vec![0, 9, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0];
    for label in name.split('.') {
        message.push(label.len() as u8);
        message.extend(label.as_bytes());
    }
    message.extend([0, 0, kind as u8, 0, 1]);
    let asked = tokio::task::spawn_blocking(move || {
        let socket = UdpSocket::bind("127.0.0.1:0").expect("a socket");
        socket.set_read_timeout(Some(std::time::Duration::from_millis(200))).expect("set");
        socket.send_to(&message, server).expect("sent");
        let mut answer = [0; 1500];
        let length = socket.recv(&mut answer).ok()?;
        Some(answer[..length].to_vec())
    });
    let answer = asked.await.expect("no panic")?;
    assert_eq!(answer[..2], [0, 9]);
    Some((answer[3] & 15, u16::from_be_bytes([answer[6], answer[7]]), answer))
}

fn holds(answer: &[u8], part: &[u8]) -> bool {
    answer.windows(part.len()).any(|window| window == part)
}

const SRV: u16 = 33;

#[tokio::test]
async fn domain_controllers_stand_under_their_services() {
    let options = DirectoryOptions {
        more_dcs: vec![DcOptions::default(), DcOptions::read_only("Branch")],
        ..DirectoryOptions::default().dns()
    };
    let directory = Directory::start(options).await.expect("it starts");
    directory.dc(1).set_srv(|srv| (srv.priority, srv.weight, srv.port) = (7, 9, 636));
    let cases = [
        ("_ldap._tcp.dc._msdcs.corp.example.test", Some(2)),
        ("_LDAP._tcp.dc._msdcs.CORP.example.test", Some(2)),
        ("_ldap._tcp.Default-First-Site-Name._sites.dc._msdcs.corp.example.test", Some(2)),
        ("_ldap._tcp.branch._sites.dc._msdcs.corp.example.test", Some(1)),
        ("_ldap._tcp.branch._sites.corp.example.test", Some(1)),
        ("_ldap._tcp.pdc._msdcs.corp.example.test", Some(1)),
        ("_gc._tcp.corp.example.test", Some(2)),
        ("_ldap._tcp.nowhere._sites.dc._msdcs.corp.example.test", None),
        ("_ldap._tcp.dc._msdcs.other.test", None),
    ];
    for (name, expected) in cases {
        let (code, count, _) = ask(&directory, name, SRV).await.expect("an answer");
        assert_eq!((code, count), expected.map_or((3, 0), |count| (0, count)), "{name}");
    }
    let (.., answer) = ask(&directory, cases[0].0, SRV).await.expect("an answer");
    assert!(holds(&answer, b"\0\x07\0\x09\x02\x7c\x03dc2\x04corp\x07example\x04test\0"), "{answer:?}");
    assert!(holds(&answer, b"\0\0\0\x64\x01\x85\x03dc1"), "{answer:?}");

    let (code, count, answer) = ask(&directory, "dc2.corp.example.test", 1).await.expect("an answer");
    assert_eq!((code, count), (0, 1));
    assert!(answer.ends_with(&[127, 0, 0, 2]));
    assert_eq!(ask(&directory, "dc2.corp.example.test", 28).await.map(|(code, count, _)| (code, count)), Some((0, 0)));
    assert_eq!(directory.counters().dns, 12);
    assert!(directory.operations().iter().any(|op| op.kind == Kind::Dns && op.filter == "SRV" && op.entries == 2));
}

#[tokio::test]
async fn dns_fails_and_falls_silent_when_told() {
    let directory = Directory::start(DirectoryOptions::default().dns()).await.expect("it starts");
    let name = "_ldap._tcp.dc._msdcs.corp.example.test";
    directory.set_dns(|dns| dns.failing = true);
    assert_eq!(ask(&directory, name, SRV).await.map(|(code, count, _)| (code, count)), Some((2, 0)));
    directory.set_dns(|dns| dns.silent = true);
    assert_eq!(ask(&directory, name, SRV).await, None);
    directory.set_dns(|dns| (dns.failing, dns.silent) = (false, false));
    directory.dc(0).set_srv(|srv| srv.registered = false);
    assert_eq!(ask(&directory, name, SRV).await.map(|(code, count, _)| (code, count)), Some((3, 0)));
}
