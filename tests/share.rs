//! The shareable copy of a bundle: nothing in it names the audited side, and it says what the first one says.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test may stop where it stands")]
#![allow(clippy::print_stderr, reason = "a skipped test says so")]

mod program;

use program::{CALL, Folder, command, tree, zollhund};
use serde_json::Value;
use std::collections::BTreeSet;
use std::fs;
use std::net::IpAddr;
use std::path::Path;
use std::process::Command;
use zollhund::attribution::{Owner, OwnerMatch};
use zollhund::engine::view::Marker;
use zollhund::evidence::{Described, Header, Pick, Store, StoreOptions, Told};
use zollhund::synth::hello::{self, ClientHello};
use zollhund::synth::media::{Stun, StunMessage, http_request};
use zollhund::synth::{Random, dns, frames};
use zollhund::wire::{Direction, End, Frame, FrameNo, Side, TcpFlags, Timestamp, TransportKind};

/// Those of the generated call.
const CLIENT: &str = "192.168.178.23";
const CLIENT_V6: &str = "2001:db8:178::23";
const ROUTER: &str = "192.168.178.1";
const OUTSIDE: &str = "203.0.113.77";
const CLIENT_MAC: [u8; 6] = [0x02, 0x5a, 0x48, 0, 0, 0x23];
const ROUTER_MAC: [u8; 6] = [0x02, 0x5a, 0x48, 0, 0, 0x01];
/// And of this test: hosts beside it, people, their machines.
const PRINTER: &str = "192.168.178.77";
const LINK_LOCAL: &str = "fe80::5a48:ff:fe00:23";
const UNIQUE: &str = "fd51:77aa:9e01::c0de";
const NEIGHBOUR: &str = "2001:db8:178::be:ef";
const NAMES: [&str; 8] =
    ["annabell", "zwiebel", "knoblauch", "kaschube", "sauerampfer", "pimpinelle", "estragon", "liebstoeckel"];

fn end(address: &str, port: u16) -> End {
    End { address: address.parse().unwrap(), port }
}

fn wired(packet: &[u8]) -> Vec<u8> {
    frames::ethernet(CLIENT_MAC, ROUTER_MAC, packet)
}

/// DHCP as a client asks: host name, domain, full name.
fn dhcp() -> Vec<u8> {
    let mut message = vec![1, 1, 6, 0, 1, 2, 3, 4];
    message.resize(28, 0);
    message.extend(CLIENT_MAC);
    message.resize(236, 0);
    message.extend([0x63, 0x82, 0x53, 0x63, 53, 1, 3]);
    for (option, text) in
        [(12, &b"zwiebel-laptop"[..]), (15, b"knoblauch.example"), (81, b"\0\0\0zwiebel-laptop.knoblauch.example")]
    {
        message.extend([option, text.len() as u8]);
        message.extend(text);
    }
    message.extend([50, 4, 192, 168, 178, 23, 255]);
    message
}

/// A TLS 1.2 session in which the client shows a certificate with a person's name.
fn client_certificate(random: &mut Random) -> Vec<Vec<u8>> {
    let mut talk = frames::TcpTalk::new(end(CLIENT, 51_000), end("134.224.111.21", 443), random);
    let hello = ClientHello { tls13: false, shuffled: false, ..ClientHello::modern("login.zoom.us") };
    let own = hello::certificate(b"annabell", &[b"annabell.knoblauch.example"], random);
    let server = hello::certificate(b"login.zoom.us", &[b"login.zoom.us"], random);
    let answer = hello::tls12_flight(&[server], random);
    // Certificate: the chain's length, and each one's.
    let mut shown = vec![11];
    for part in [own.len() + 6, own.len() + 3, own.len()] {
        shown.extend(&(part as u32).to_be_bytes()[1..]);
    }
    shown.extend(own);
    let mut packets = talk.open().to_vec();
    packets.extend(talk.say(Side::First, &hello::handshake_records(&hello.message(random), 16_384)));
    packets.extend(talk.say(Side::Second, &hello::handshake_records(&answer, 16_384)));
    packets.extend(talk.say(Side::First, &hello::handshake_records(&shown, 16_384)));
    packets.extend(talk.say(Side::First, b"\x17\x03\x03\x00\x10annabell says hi"));
    packets
}

fn clear_text(random: &mut Random, port: u16, said: &[u8]) -> Vec<Vec<u8>> {
    let mut talk = frames::TcpTalk::new(end(CLIENT, 52_000 + port), end("23.45.12.5", port), random);
    let mut packets = talk.open().to_vec();
    packets.extend(talk.say(Side::First, said));
    packets
}

/// What a network says about itself, and who is in it.
fn gossip() -> Vec<Vec<u8>> {
    let random = &mut Random::new(7);
    let udp = |from: End, to: End, payload: &[u8]| wired(&frames::udp(from, to, payload));
    let client = |port| end(CLIENT, port);
    let record = |owner: &[u8], data| dns::Record { owner: owner.to_vec(), ttl: 60, data };
    let address = |text: &str| dns::Data::Address(text.parse().unwrap());
    let mut arp = [&[0xff; 6][..], &CLIENT_MAC, &[8, 6, 0, 1, 8, 0, 6, 4, 0, 1], &CLIENT_MAC].concat();
    arp.extend([192, 168, 178, 23, 0, 0, 0, 0, 0, 0, 192, 168, 178, 77]);
    let mut solicitation = vec![135, 0, 0, 0, 0, 0, 0, 0];
    solicitation.extend(NEIGHBOUR.parse::<std::net::Ipv6Addr>().unwrap().octets());
    solicitation.extend([&[1, 1][..], &CLIENT_MAC].concat());
    let quoted = frames::udp(client(40_001), end("170.114.52.2", 443), b"annabell");
    let unreachable = [&[3, 3, 0, 0, 0, 0, 0, 0][..], &quoted].concat();
    let relay = end("134.224.111.20", 3478);
    let asked = StunMessage::new(Stun::BindingRequest, *b"abcdefghijkl").with(0x0006, b"annabell:estragon");
    let permission = StunMessage::new(Stun::CreatePermission, *b"bcdefghijklm").peer(end(UNIQUE, 5000));
    let answered = StunMessage::new(Stun::BindingAnswer, *b"abcdefghijkl")
        .mapped(end(OUTSIDE, 40_000))
        .with(0x802c, &[0, 1, 1, 2, 203, 0, 113, 77]);
    // RTCP: a receiver report and a source description.
    let rtcp =
        [&[0x80, 201, 0, 1, 1, 2, 3, 4, 0x81, 202, 0, 6, 1, 2, 3, 4, 1, 14][..], b"annabell@laptop", &[0]].concat();
    let cname = [&rtcp[..], &[0; 4]].concat();
    let sip = "INVITE sip:liebstoeckel@sip.zoom.us SIP/2.0\r\nVia: SIP/2.0/UDP 192.168.178.23:5060\r\n\
               From: Annabell <sip:annabell@knoblauch.example>\r\n\r\nc=IN IP4 192.168.178.23\r\nm=audio 4000 RTP/AVP 0\r\n";
    let tunnelled = frames::udp(client(40_003), end("170.114.52.3", 443), b"annabell");
    let mut packets = vec![
        arp,
        udp(end("0.0.0.0", 68), end("255.255.255.255", 67), &dhcp()),
        udp(
            client(5353),
            end("224.0.0.251", 5353),
            &dns::multicast_answer(&[record(b"zwiebel-laptop.local", address(CLIENT))]),
        ),
        udp(client(50_001), end("224.0.0.252", 5355), &dns::query(5, b"zwiebel-laptop", dns::A)),
        udp(client(50_002), end("239.255.255.250", 1900), b"M-SEARCH * HTTP/1.1\r\nUSER-AGENT: annabell's TV\r\n\r\n"),
        udp(client(50_003), end(ROUTER, 53), &dns::query(6, b"77.178.168.192.in-addr.arpa", dns::PTR)),
        udp(
            end(ROUTER, 53),
            client(50_003),
            &dns::answer(
                6,
                b"77.178.168.192.in-addr.arpa",
                dns::PTR,
                &[record(b"77.178.168.192.in-addr.arpa", dns::Data::Pointer(b"pimpinelle.printers.example".to_vec()))],
            ),
        ),
        udp(client(50_004), end(ROUTER, 53), &dns::query(7, b"sauerampfer.dyndns.example", dns::A)),
        udp(
            end(ROUTER, 53),
            client(50_004),
            &dns::answer(
                7,
                b"sauerampfer.dyndns.example",
                dns::A,
                &[record(b"sauerampfer.dyndns.example", address(OUTSIDE))],
            ),
        ),
        wired(&frames::ip(LINK_LOCAL.parse().unwrap(), "ff02::1:ffbe:ef".parse().unwrap(), 58, &solicitation)),
        wired(&frames::ip(ROUTER.parse().unwrap(), CLIENT.parse().unwrap(), 1, &unreachable)),
        wired(&frames::udp(end(UNIQUE, 6000), end(NEIGHBOUR, 6001), b"annabell to kaschube")),
        udp(client(40_000), relay, &asked.datagram()),
        udp(relay, client(40_000), &answered.datagram()),
        udp(client(40_000), relay, &permission.datagram()),
        udp(client(40_000), relay, &cname),
        udp(client(40_002), end("134.224.111.20", 5060), sip.as_bytes()),
        udp(client(40_004), end(PRINTER, 9100), b"annabell prints"),
        wired(&frames::gtp_u(CLIENT.parse().unwrap(), PRINTER.parse().unwrap(), 9, &tunnelled)),
        udp(client(40_005), end("134.224.111.20", 7777), b"something of annabell"),
    ];
    let big = frames::udp(client(40_006), end("134.224.111.20", 7778), &b"annabell ".repeat(400));
    packets.extend(frames::fragments(&big, 1400).iter().map(|piece| wired(piece)));
    packets.extend(client_certificate(random).iter().map(|packet| {
        let from_client = packet[12..16] == [192, 168, 178, 23];
        if from_client { wired(packet) } else { frames::ethernet(ROUTER_MAC, CLIENT_MAC, packet) }
    }));
    let mut request = http_request("POST", b"ocsp.digicert.com", "/annabell?u=estragon");
    request.truncate(request.len() - 2);
    request.extend(b"Authorization: Basic YW5uYWJlbGw6ZXN0cmFnb24=\r\nCookie: user=annabell\r\n\r\nannabell");
    packets.extend(clear_text(random, 80, &request).iter().map(|packet| wired(packet)));
    let mail = b"EHLO zwiebel-laptop.knoblauch.example\r\nMAIL FROM:<annabell@knoblauch.example>\r\n";
    packets.extend(clear_text(random, 25, mail).iter().map(|packet| wired(packet)));
    let reset = frames::Segment { flags: TcpFlags(TcpFlags::RST), ..frames::Segment::default() };
    packets.push(wired(&frames::tcp(end(NEIGHBOUR, 7), end("2a00:1450:4001:80b::200e", 443), reset, &[])));
    packets
}

/// A recording as this program saves it, with all that it notes about machine and people.
fn recording(folder: &Folder) -> String {
    let path = folder.path("rec");
    let header = Header { source: "wlp3s0 of zwiebel".into(), ..Header::new() };
    let mut store = Store::create(Path::new(&path), StoreOptions::new(header)).unwrap();
    store.interface(
        0,
        Described {
            name: Some("zwiebel0".into()),
            description: Some("annabell's card".into()),
            addresses: vec![CLIENT.parse().unwrap(), CLIENT_V6.parse().unwrap(), LINK_LOCAL.parse().unwrap()],
            mac: Some(CLIENT_MAC),
            filter: Some("host 192.168.178.23".into()),
            ..Described::new(CALL.link)
        },
    );
    let mut gossip = gossip().into_iter();
    let mut number = 0;
    let mut put = |store: &mut Store, time: Timestamp, bytes: &[u8]| {
        number += 1;
        let original_len = bytes.len() as u32;
        let frame = Frame { number: FrameNo(number), time, link: CALL.link, original_len, bytes };
        assert!(store.frame(&Pick { frame, interface: 0, direction: Direction::Unknown }));
        FrameNo(number)
    };
    let mut last = Timestamp::ZERO;
    for (time, bytes) in CALL.frames().take(700) {
        let frame = put(&mut store, time, bytes);
        if let Some(more) = gossip.next() {
            put(&mut store, time, &more);
        }
        if frame.0 == 1 {
            let owner = Owner {
                pid: 77,
                name: "zoom".into(),
                path: "/home/annabell/zoom/zoom".into(),
                started: Some(time),
                container: "session of annabell".into(),
                parents: vec![(1, "kaschube-shell".into())],
                matched: OwnerMatch::Socket,
            };
            let (from, to) = (end(CLIENT, 50_003), end(ROUTER, 53));
            store.told(frame, &Told::Owner { frame, transport: TransportKind::Udp, from, to, owner, watched: true });
        }
        last = time;
    }
    assert!(gossip.next().is_none());
    store.told(FrameNo(number), &Told::Mark(Marker { time: last, text: "joined: annabell and kaschube".into() }));
    store.name(CLIENT.parse().unwrap(), "zwiebel-laptop".into());
    store.close(last).1.unwrap();
    format!("{path}/capture-00001.pcapng")
}

const AUDIT: &str = r#"# by Annabell
[case]
reference = "D-2026/7 Knoblauch"
date = 2026-11-22
controller = "Knoblauch GmbH, Frau Kaschube"
client = "Zoom of Annabell"
version = "6"
configuration = "as Annabell has it"
note = "laptop of Annabell, 192.168.178.23"
[vantage]
city = "Berlin"
[[markers]]
time = 2026-10-15T09:00:24Z
text = "microphone on, Annabell speaks to Kaschube"
"#;

/// The first bundle and its copy.
fn pair(folder: &Folder, more: &[&str]) -> (String, String) {
    let capture = recording(folder);
    let audit = folder.file("annabell.toml", AUDIT);
    let (first, copy) = (folder.path("case"), folder.path("copy"));
    let words = ["analyze", &capture, "--service", "zoom", "--audit", &audit, "--save", &first];
    let done = command(&words).env("USER", "annabell").env("HOME", "/home/annabell").output().unwrap();
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    let words = [&["report", &first, "--shareable", &copy], more].concat();
    let done = command(&words).env("USER", "annabell").env("HOME", "/home/annabell").output().unwrap();
    let said = String::from_utf8_lossy(&done.stderr).into_owned();
    assert!(done.status.success(), "{said}");
    // Of what a network says about itself only the headers stay, and so no finding that it was in the clear.
    let otherwise: Vec<_> = said.lines().filter(|line| line.contains("otherwise")).collect();
    assert!(otherwise.len() == 1 && otherwise[0].contains("ENC-09: 1 instead of 2"), "{said}");
    assert!(said.contains("sealed in"), "{said}");
    (first, copy)
}

fn hex(bytes: &[u8], between: &str) -> String {
    bytes.iter().map(|b| format!("{b:02x}")).collect::<Vec<_>>().join(between)
}

/// Every form in which the audited side could be named.
fn secrets() -> Vec<(String, Vec<u8>)> {
    let mut found = Vec::new();
    let mut add = |what: &str, bytes: Vec<u8>| found.push((what.to_owned(), bytes));
    for text in [CLIENT, CLIENT_V6, ROUTER, OUTSIDE, PRINTER, LINK_LOCAL, UNIQUE, NEIGHBOUR] {
        let address: IpAddr = text.parse().unwrap();
        let octets = match address {
            IpAddr::V4(v4) => v4.octets().to_vec(),
            IpAddr::V6(v6) => v6.octets().to_vec(),
        };
        add(text, text.as_bytes().to_vec());
        add(&format!("{text} in hex"), hex(&octets, "").into_bytes());
        add(&format!("{text} in bytes"), octets.clone());
        if let IpAddr::V4(v4) = address {
            let mut back = v4.octets();
            back.reverse();
            add(&format!("{text} backwards"), std::net::Ipv4Addr::from(back).to_string().into_bytes());
            let cookie = [0x21, 0x12, 0xa4, 0x42];
            add(&format!("{text} as STUN has it"), octets.iter().zip(cookie).map(|(a, b)| a ^ b).collect());
        } else {
            if text != LINK_LOCAL {
                add(&format!("the network of {text}"), octets[..8].to_vec());
            }
            add(&format!("the host of {text}"), octets[8..].to_vec());
        }
    }
    for mac in [CLIENT_MAC, ROUTER_MAC] {
        add("a MAC", mac.to_vec());
        for between in ["", ":", "-"] {
            add("a MAC as text", hex(&mac, between).into_bytes());
        }
    }
    for name in NAMES {
        add(name, name.as_bytes().to_vec());
        add(name, hex(name.as_bytes(), "").into_bytes());
    }
    add("a path", b"/home/".to_vec());
    add("an account in base 64", b"YW5uYWJlbG".to_vec());
    add("the case", b"D-2026/7".to_vec());
    found
}

fn holds(whole: &[u8], part: &[u8]) -> bool {
    whole.windows(part.len()).any(|w| w == part)
}

fn report(bundle: &str) -> Value {
    serde_json::from_str(&fs::read_to_string(format!("{bundle}/data/report.json")).unwrap()).unwrap()
}

fn values(report: &Value, table: &str, key: &str) -> BTreeSet<String> {
    let rows = report[table].as_array().unwrap();
    rows.iter().filter_map(|row| row[key].as_str()).filter(|v| !v.is_empty()).map(str::to_owned).collect()
}

#[test]
fn nothing_in_a_copy_names_the_audited_side_and_it_says_the_same() {
    let folder = Folder::new();
    let (first, copy) = pair(&folder, &[]);
    let mut in_first = BTreeSet::new();
    for path in tree(Path::new(&first)) {
        let whole = fs::read(&path).unwrap().to_ascii_lowercase();
        in_first.extend(
            secrets().into_iter().filter(|(_, s)| holds(&whole, &s.to_ascii_lowercase())).map(|(what, _)| what),
        );
    }
    for expected in [CLIENT, "a MAC", "annabell", "kaschube", "a path", "203.0.113.77 as STUN has it", "the case"] {
        assert!(in_first.contains(expected), "{expected} is not in the first bundle: the test is blind for it");
    }
    let mut leaks = Vec::new();
    for path in tree(Path::new(&copy)) {
        let name = path.strip_prefix(&copy).unwrap().display().to_string();
        let whole = fs::read(&path).unwrap().to_ascii_lowercase();
        for (what, secret) in secrets() {
            // Four or six bytes of tables of hashes are no address: these are looked for where frames are.
            let raw = what.ends_with("bytes") || what == "a MAC" || what.contains("STUN") || what.starts_with("the ");
            if raw && what != "the case" && !name.ends_with(".pcapng") {
                continue;
            }
            // The policy files are the same for everybody.
            if !name.starts_with("data/inputs/policy") && holds(&whole, &secret.to_ascii_lowercase()) {
                leaks.push(format!("{what} in {name}"));
            }
        }
    }
    assert!(leaks.is_empty(), "{leaks:#?}");

    let (one, other) = (report(&first), report(&copy));
    let codes = |report: &Value| {
        let mut codes = values(report, "findings", "code");
        codes.retain(|code| !["CAP-02", "CAP-20"].contains(&code.as_str()));
        codes
    };
    assert_eq!(codes(&one), codes(&other));
    assert!(values(&other, "findings", "code").contains("CAP-20"));
    for (table, key) in [("endpoints", "organisation"), ("endpoints", "located_in"), ("endpoints", "regime")] {
        assert!(!values(&one, table, key).is_empty());
        assert_eq!(values(&one, table, key), values(&other, table, key), "{table} {key}");
    }
    let digest = zollhund::evidence::check(Path::new(&first)).unwrap().digest;
    for file in ["bag-info.txt", "data/custody.jsonl", "data/report.html"] {
        assert!(
            fs::read_to_string(format!("{copy}/{file}")).unwrap().contains(&digest),
            "{file} names the first bundle"
        );
    }
    let beside = fs::read_to_string(format!("{first}.custody.jsonl")).unwrap();
    let copied = zollhund::evidence::check(Path::new(&copy)).unwrap();
    assert!(copied.holds() && beside.contains(&copied.digest), "{beside}");

    let ran = zollhund(&["verify", &copy, "--reanalyze", "--format", "json"]);
    let verified: Value = serde_json::from_str(&ran.out).unwrap();
    assert_eq!(ran.status, 0, "{verified:#}");
    let said = verified["statements"].as_array().unwrap();
    assert!(said.iter().any(|s| s["about"] == "findings" && s["holds"] == "yes"), "{verified:#}");
    // A copy of a copy names the copy.
    let again = folder.path("again");
    assert_eq!(zollhund(&["report", &copy, "--shareable", &again]).status, 0);
}

#[test]
fn others_read_a_copy() {
    let folder = Folder::new();
    let (first, copy) = pair(&folder, &[]);
    match Command::new("python3").args(["-m", "bagit", "--validate", &copy]).output() {
        Ok(done) if String::from_utf8_lossy(&done.stderr).contains("No module named") => {
            assert!(std::env::var("ZOLLHUND_LAB").is_err(), "the Python module bagit is missing");
            eprintln!("SKIPPED: the Python module bagit is missing");
        }
        Ok(done) => assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr)),
        Err(error) => eprintln!("SKIPPED: no python3: {error}"),
    }
    let malformed = |capture: &str| {
        let words = ["-r", capture, "-Y", "_ws.malformed", "-T", "fields", "-e", "frame.packet_id"];
        let done = Command::new("tshark").args(words).output().ok()?;
        assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
        let out = String::from_utf8(done.stdout).unwrap();
        Some(out.lines().map(str::to_owned).collect::<BTreeSet<_>>())
    };
    let one = malformed(&format!("{first}/data/capture/capture-00001.pcapng"));
    let other = malformed(&format!("{copy}/data/capture/capture-00001.pcapng"));
    let (Some(one), Some(other)) = (one, other) else {
        assert!(std::env::var("ZOLLHUND_LAB").is_err(), "tshark is missing");
        eprintln!("SKIPPED: tshark is not installed, so it did not read the copy");
        return;
    };
    assert_eq!(other.difference(&one).collect::<Vec<_>>(), Vec::<&String>::new(), "malformed in the copy only");
}

#[test]
fn a_kept_key_gives_the_same_pseudonyms_and_none_gives_others() {
    let folder = Folder::new();
    let key = folder.path("key");
    let (first, copy) = pair(&folder, &["--key-file", &key]);
    let clients = |bundle: &str| {
        let text = fs::read_to_string(format!("{bundle}/data/flows.jsonl")).unwrap();
        let rows = text.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
        rows.map(|row| row["client"].as_str().unwrap().to_owned()).collect::<BTreeSet<_>>()
    };
    let [again, fresh] = ["again", "fresh"].map(|name| folder.path(name));
    assert_eq!(zollhund(&["report", &first, "--shareable", &again, "--key-file", &key]).status, 0);
    assert_eq!(zollhund(&["report", &first, "--shareable", &fresh]).status, 0);
    assert_eq!(clients(&copy), clients(&again));
    assert_ne!(clients(&copy), clients(&fresh));
    assert!(clients(&copy).iter().any(|client| client.starts_with("192.168.")), "{:?}", clients(&copy));
    // Nothing is made of what was changed, or over what is there.
    assert_eq!(zollhund(&["report", &first, "--shareable", &copy]).status, 2);
    fs::write(format!("{first}/data/report.html"), "changed").unwrap();
    let ran = zollhund(&["report", &first, "--shareable", &folder.path("no")]);
    assert!(ran.status == 2 && ran.err.contains("not as it was sealed"), "{}", ran.err);
    assert!(!Path::new(&folder.path("no")).exists());
}
