//! Look-ups, against a name server of the test's own on the loopback interface: what is asked, what is believed, and that
//! nothing is judged by it.

#![cfg(feature = "resolve")]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test may stop where it stands"
)]

use std::net::{IpAddr, Ipv4Addr, SocketAddr, UdpSocket};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use zollhund::engine::{self, Config, Engine, NoRows};
use zollhund::report::{Style, summary_json, summary_text};
use zollhund::resolve::{Answers, Asker, Bounds, Upstream};
use zollhund::run::{Input, Job, Outcome, Wanted, analyze, knowledge};
use zollhund::synth::dns::{Data, PTR, Record, answer};
use zollhund::synth::frames::{ethernet, udp};
use zollhund::synth::{call, pcap};
use zollhund::wire::{AddressKind, End, Timestamp, is_treacherous};

/// Longer than any test takes: a wait that must not be waited out.
const FOR_EVER: Duration = Duration::from_secs(600);
/// Long enough for an answer over loopback on a busy machine.
const SOON: Duration = Duration::from_secs(5);

/// What the name server does with a question.
enum Reply {
    Records(Vec<Record>),
    NoSuchName,
    Refused,
    Silence,
}

fn pointer(owner: &[u8], name: &[u8]) -> Record {
    Record { owner: owner.to_vec(), ttl: 60, data: Data::Pointer(name.to_vec()) }
}

/// A name server; it ends with the test's process.
struct Server {
    at: SocketAddr,
    /// Names asked for, each once.
    asked: Arc<Mutex<Vec<String>>>,
}

impl Server {
    fn new(reply: impl Fn(&[u8]) -> Reply + Send + 'static) -> Self {
        let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let (at, asked) = (socket.local_addr().unwrap(), Arc::new(Mutex::new(Vec::new())));
        let log = Arc::clone(&asked);
        std::thread::spawn(move || {
            let mut buffer = [0; 4096];
            while let Ok((len, from)) = socket.recv_from(&mut buffer) {
                let (id, name) = question(&buffer[..len]);
                let mut log = log.lock().unwrap();
                let text = String::from_utf8(name.clone()).unwrap();
                if !log.contains(&text) {
                    log.push(text);
                }
                let with_code = |code| {
                    let mut message = answer(id, &name, PTR, &[]);
                    message[3] |= code;
                    message
                };
                let message = match reply(&name) {
                    Reply::Records(records) => answer(id, &name, PTR, &records),
                    Reply::NoSuchName => with_code(3),
                    Reply::Refused => with_code(5),
                    Reply::Silence => continue,
                };
                let _ = socket.send_to(&message, from);
            }
        });
        Self { at, asked }
    }

    fn ask(&self, addresses: &[IpAddr], bounds: Bounds) -> Answers {
        Asker::new(&Upstream::Plain(self.at), bounds).unwrap().ask(addresses)
    }
}

/// Identifier and name of a query.
fn question(message: &[u8]) -> (u16, Vec<u8>) {
    let (mut at, mut name) = (12, Vec::new());
    while message[at] != 0 {
        let end = at + 1 + usize::from(message[at]);
        if !name.is_empty() {
            name.push(b'.');
        }
        name.extend_from_slice(&message[at + 1..end]);
        at = end;
    }
    (u16::from_be_bytes([message[0], message[1]]), name)
}

/// `7.113.0.203.in-addr.arpa` of 203.0.113.7.
fn reverse(address: IpAddr) -> String {
    match address {
        IpAddr::V4(v4) => {
            let [a, b, c, d] = v4.octets();
            format!("{d}.{c}.{b}.{a}.in-addr.arpa")
        }
        IpAddr::V6(v6) => {
            let nibbles = v6.octets().into_iter().rev().flat_map(|o| [o & 15, o >> 4]);
            let mut labels: Vec<String> = nibbles.map(|n| format!("{n:x}")).collect();
            labels.push("ip6.arpa".into());
            labels.join(".")
        }
    }
}

fn addresses(count: u8) -> Vec<IpAddr> {
    (0..count).map(|n| IpAddr::from([203, 0, 113, n])).collect()
}

#[test]
fn names_no_names_and_no_answers_are_told_apart() {
    let mut wanted = addresses(7);
    wanted.push("2001:db8::7".parse().unwrap());
    let names: Vec<String> = wanted.iter().map(|a| reverse(*a)).collect();
    let server = Server::new(move |name| match names.iter().position(|n| n.as_bytes() == name) {
        Some(0) => Reply::Records(vec![pointer(name, b"Edge-7.Example.NET")]),
        Some(1) => Reply::Records(vec![pointer(name, b"\x1b]0;owned\x07.a \xe2\x80\xae\xc2\xb7 b.example")]),
        Some(2) => Reply::NoSuchName,
        Some(3) => Reply::Silence,
        // Two names, in an order that changes with every answer elsewhere.
        Some(4) => Reply::Records(vec![pointer(name, b"b.example"), pointer(name, b"a.example")]),
        // A delegation of part of a network goes by way of an alias (RFC 2317).
        Some(5) => {
            let there = b"5.0-25.113.0.203.in-addr.arpa";
            let alias = Record { owner: name.to_vec(), ttl: 60, data: Data::Alias(there.to_vec()) };
            Reply::Records(vec![alias, pointer(there, b"delegated.example")])
        }
        Some(6) => Reply::Refused,
        _ => Reply::Records(vec![pointer(name, b"six.example")]),
    });
    let bounds = Bounds { per_address: Duration::from_secs(2), in_all: FOR_EVER, ..Bounds::default() };
    let answers = server.ask(&wanted, bounds);
    let told: Vec<(String, &str)> = answers.names.iter().map(|(a, name)| (a.to_string(), name.exact())).collect();
    assert_eq!(
        told,
        [
            ("203.0.113.0".to_owned(), "edge-7.example.net"),
            ("203.0.113.1".to_owned(), "\\027\\0930\\059owned\\007.a\\032\\226\\128\\174\\194\\183\\032b.example"),
            ("203.0.113.4".to_owned(), "a.example"),
            ("203.0.113.5".to_owned(), "delegated.example"),
            ("2001:db8::7".to_owned(), "six.example"),
        ]
    );
    assert_eq!((answers.asked, answers.unanswered, answers.left_out), (8, 2, 0), "silence and refusal");
}

#[test]
fn no_more_is_asked_and_no_longer_waited_than_the_bounds_say() {
    let silent = || Server::new(|_| Reply::Silence);
    let server = silent();
    let bounds = Bounds { addresses: 9, per_address: FOR_EVER, in_all: Duration::from_millis(300), at_once: 4 };
    let answers = server.ask(&addresses(20), bounds);
    assert_eq!((answers.asked, answers.unanswered, answers.left_out), (4, 4, 16), "the time was over");
    assert_eq!(server.asked.lock().unwrap().len(), 4);

    let bounds = Bounds { addresses: 9, per_address: Duration::from_millis(50), in_all: FOR_EVER, at_once: 4 };
    let answers = silent().ask(&addresses(20), bounds);
    assert_eq!((answers.asked, answers.unanswered, answers.left_out), (9, 9, 11), "each address was given up");

    let server = Server::new(|name| Reply::Records(vec![pointer(name, b"a.example")]));
    let answers = server.ask(&addresses(20), Bounds { addresses: 9, per_address: SOON, ..Bounds::default() });
    assert_eq!((answers.names.len(), answers.unanswered, answers.left_out), (9, 0, 11));
    let first: Vec<String> = addresses(9).into_iter().map(reverse).collect();
    let mut asked = server.asked.lock().unwrap().clone();
    asked.sort();
    assert_eq!(asked, first, "the first ones");
}

#[test]
fn upstreams_are_written_like_this() {
    for (text, shown) in [
        ("system", "system"),
        ("192.0.2.53", "192.0.2.53"),
        ("192.0.2.53:53", "192.0.2.53"),
        ("192.0.2.53:5353", "192.0.2.53:5353"),
        ("2001:db8::53", "2001:db8::53"),
        ("[2001:db8::53]:5353", "[2001:db8::53]:5353"),
        ("tls://192.0.2.53#dns.example", "tls://192.0.2.53#dns.example"),
        ("tls://[2001:db8::53]:8853#dns.example", "tls://[2001:db8::53]:8853#dns.example"),
    ] {
        let upstream: Upstream = text.parse().unwrap();
        assert_eq!(upstream.to_string(), shown);
        assert_eq!(shown.parse::<Upstream>().unwrap(), upstream);
    }
    for text in [
        "",
        "dns.example",
        "192.0.2.53:",
        "192.0.2.53:70000",
        "tls://192.0.2.53",
        "tls://192.0.2.53#",
        "tls://#a",
        "tls://192.0.2.53#a b",
        "https://192.0.2.53/dns-query",
        "\u{1b}[2J",
    ] {
        let error = text.parse::<Upstream>().unwrap_err().to_string();
        assert!(error.contains("IP:PORT") && !error.contains('\u{1b}'), "{text}: {error}");
    }
}

/// Over TLS nothing is asked of a server that cannot show who it is, and nothing falls back to plain text.
#[test]
fn over_tls_nothing_goes_out_in_the_clear() {
    let server = Server::new(|name| Reply::Records(vec![pointer(name, b"a.example")]));
    let upstream = Upstream::Tls(server.at, "dns.example".into());
    let bounds = Bounds { per_address: Duration::from_millis(500), ..Bounds::default() };
    let answers = Asker::new(&upstream, bounds).unwrap().ask(&addresses(1));
    assert_eq!((answers.names.len(), answers.unanswered), (0, 1));
    assert!(server.asked.lock().unwrap().is_empty());
}

/// Addresses of several networks with which datagrams are exchanged that carry no name; the last two are nobody's to ask
/// for.
const NAMELESS: [&str; 7] =
    ["52.112.0.10", "134.224.111.99", "3.5.140.2", "18.136.20.31", "2606:4700::1111", "203.0.113.9", "192.168.178.99"];
const NOT_PUBLIC: usize = 2;

/// The generated call, and datagrams without a name beside it, as a capture file in `folder`.
fn capture(folder: &Path) -> PathBuf {
    let call = call(1);
    let mut frames: Vec<(Timestamp, Vec<u8>)> = call.frames().map(|(time, bytes)| (time, bytes.to_vec())).collect();
    let start = frames[0].0;
    for (n, address) in (1_u8..).zip(NAMELESS) {
        let server = End { address: address.parse().unwrap(), port: 4_500 };
        let client = if server.address.is_ipv4() { "192.168.178.20" } else { "fd00::20" };
        let client = End { address: client.parse().unwrap(), port: 50_000 };
        let packet = udp(client, server, &vec![0x17; 100 * usize::from(n)]);
        frames.push((start.plus_nanos(u64::from(n)), ethernet([2; 6], [4; 6], &packet)));
    }
    let path = folder.join("call.pcap");
    let bytes = pcap(call.link, frames.iter().map(|(time, bytes)| (*time, &bytes[..])));
    std::fs::write(&path, bytes).unwrap();
    path
}

fn run(capture: &Path, resolve: Option<Upstream>, output: Option<PathBuf>) -> Outcome {
    let knowledge = knowledge(&Wanted { service: Some("zoom"), ..Wanted::default() }).unwrap();
    let job = Job { output, resolve, ..Job::new(Input::Files(vec![capture.to_owned()]), knowledge) };
    analyze(&job).unwrap()
}

/// Names that would change everything if they were believed: of the service itself, of a tracker, of nobody.
const TEMPTING: [&[u8]; 3] = [b"media.zoom.us", b"www.google-analytics.com", b"\x1b[2J=cmd|.example"];

fn tempting() -> Server {
    Server::new(|name| {
        let at = name.iter().map(|b| usize::from(*b)).sum::<usize>() % TEMPTING.len();
        Reply::Records(vec![pointer(name, TEMPTING[at])])
    })
}

#[test]
fn nothing_is_judged_by_an_answer() {
    let folder = tempfile::tempdir().unwrap();
    let (without, with) = (folder.path().join("without"), folder.path().join("with"));
    let capture = capture(folder.path());
    let before = run(&capture, None, Some(without.clone())).summary;
    let server = tempting();
    let after = run(&capture, Some(Upstream::Plain(server.at)), Some(with.clone())).summary;

    assert_eq!(before.look_ups, None);
    let look_ups = after.look_ups.clone().unwrap();
    assert_eq!(look_ups.upstream.exact(), server.at.to_string());
    let public = (NAMELESS.len() - NOT_PUBLIC) as u64;
    assert_eq!((look_ups.asked, look_ups.unanswered, look_ups.left_out), (public, 0, 0));
    assert_eq!(after.reverse_names.len() as u64, look_ups.asked);
    assert!(after.reverse_names.keys().all(|a| AddressKind::of(*a).is_public()));

    assert_eq!(format!("{:?}", before.recipients), format!("{:?}", after.recipients));
    assert_eq!(format!("{:?}", before.findings), format!("{:?}", after.findings));
    for table in ["flows", "handshakes", "dns", "facts", "findings", "losses"] {
        let read = |folder: &PathBuf| std::fs::read(folder.join(format!("{table}.csv"))).unwrap();
        assert_eq!(read(&without), read(&with), "{table}");
    }

    // Every address without a name was asked for, and no other; its row has the answer, and no other row differs.
    let rows = |folder: &PathBuf| -> Vec<serde_json::Value> {
        let text = std::fs::read_to_string(folder.join("endpoints.jsonl")).unwrap();
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    };
    let mut expected = Vec::new();
    for (mut before, mut after) in rows(&without).into_iter().zip(rows(&with)) {
        let address: IpAddr = before["address"].as_str().unwrap().parse().unwrap();
        assert!(before.as_object_mut().unwrap().remove("reverse_name").is_none());
        let called = after.as_object_mut().unwrap().remove("reverse_name");
        assert_eq!(before, after);
        let nameless = before["names"].is_null() && AddressKind::of(address).is_public();
        assert_eq!(called.is_some(), nameless, "{address}");
        expected.extend(nameless.then(|| reverse(address)));
    }
    let mut asked = server.asked.lock().unwrap().clone();
    asked.sort();
    expected.sort();
    assert_eq!(asked, expected);
    assert_eq!(asked.len() as u64, public);
}

#[test]
fn the_engine_keeps_so_many_names_and_the_latest_of_each_address() {
    let mut config = Config::default();
    config.limits.ledger.reverse_names = 2;
    let mut engine = Engine::new(&config);
    for (address, name) in
        [("192.0.2.1", "a"), ("192.0.2.2", "b"), ("192.0.2.3", "c"), ("192.0.2.2", "d"), ("::ffff:192.0.2.1", "e")]
    {
        engine.ingest(engine::Input::Reverse { address: address.parse().unwrap(), name: name.into() });
    }
    let names = engine.summary(&knowledge(&Wanted::default()).unwrap(), &mut NoRows).reverse_names;
    let names: Vec<_> = names.iter().map(|(address, name)| (address.to_string(), name.exact())).collect();
    assert_eq!(names, [("192.0.2.1".to_owned(), "e"), ("192.0.2.2".to_owned(), "d")]);
}

#[test]
fn the_report_says_that_somebody_was_asked() {
    let server = tempting();
    let folder = tempfile::tempdir().unwrap();
    let summary = run(&capture(folder.path()), Some(Upstream::Plain(server.at)), None).summary;
    let count = summary.look_ups.as_ref().unwrap().asked;
    let mut out = Vec::new();
    summary_text(&summary, &Style { verbose: true, width: 120, ..Style::default() }, &mut out).unwrap();
    let text = String::from_utf8(out).unwrap();
    assert!(!text.chars().any(|c| c != '\n' && is_treacherous(c)));
    let words = text.split_whitespace().collect::<Vec<_>>().join(" ");
    let said = format!("{} on behalf of the user; its answers are marked ptr and no finding rests on them", server.at);
    assert!(words.contains(&said) && words.contains(&count.to_string()), "{words}");
    assert_eq!(words.matches(" [ptr]").count() as u64, count, "beside each address");
    let mut out = Vec::new();
    summary_json(&summary, &mut out).unwrap();
    let json: serde_json::Value = serde_json::from_slice(&out).unwrap();
    assert_eq!(json["look_ups"]["names"].as_array().unwrap().len() as u64, count);
}

#[test]
fn the_program_announces_what_it_asks() {
    let server = tempting();
    let folder = tempfile::tempdir().unwrap();
    let capture = capture(folder.path());
    let capture = capture.to_str().unwrap();
    let run = |arguments: &[&str]| {
        let output = Command::new(env!("CARGO_BIN_EXE_zollhund")).args(arguments).output().unwrap();
        (output.status.code(), String::from_utf8(output.stdout).unwrap(), String::from_utf8(output.stderr).unwrap())
    };
    let (status, out, err) = run(&["analyze", capture, &format!("--resolve={}", server.at)]);
    assert_eq!(status, Some(0), "{err}");
    assert!(err.contains(&format!("asking {} for the names of 5 addresses", server.at)), "{err}");
    assert!(out.contains("marked ptr"), "{out}");

    let questions = server.asked.lock().unwrap().len();
    let (_, out, err) = run(&["analyze", capture]);
    assert!(!out.contains("ptr") && !err.contains("asking"), "nobody is asked without the option");
    assert_eq!(server.asked.lock().unwrap().len(), questions);

    let (status, _, err) = run(&["analyze", capture, "--resolve=dns.example"]);
    assert_eq!(status, Some(2));
    assert!(err.contains("write an IP address"), "{err}");
}
