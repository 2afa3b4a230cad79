//! Who is the client, what a flow is called, when a flow is a new one, and what happens at the bounds.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "a test may stop where it stands")]

use std::sync::LazyLock;
use zollhund::attribution::{Owner, OwnerMatch};
use zollhund::dissect::fact::{MediaKind, MediaSeen};
use zollhund::engine::view::{EndpointView, FlowView, HandshakeView, Summary};
use zollhund::engine::{Config, Device, Engine, Event, Input, Knowledge, NoRows, Rows};
use zollhund::run::{Wanted, knowledge};
use zollhund::synth::Random;
use zollhund::synth::dns::{self, Data, Record};
use zollhund::synth::frames::{self, RAW_IP, Segment, TcpTalk};
use zollhund::synth::hello::{ClientHello, certificate_by, handshake_records, tls12_flight};
use zollhund::wire::{End, Frame, FrameNo, LinkType, Side, TcpFlags, Timestamp};

static KNOWLEDGE: LazyLock<Knowledge> = LazyLock::new(|| knowledge(&Wanted::default()).unwrap());

fn end(address: &str, port: u16) -> End {
    End { address: address.parse().unwrap(), port }
}

/// What of a flow the tests look at.
#[derive(Debug, PartialEq, Eq)]
struct Row {
    client: String,
    basis: &'static str,
    name: String,
    name_basis: &'static str,
    others: Vec<String>,
    aliases: Vec<String>,
    packets: (u64, u64),
}

#[derive(Default)]
struct Flows(Vec<Row>);

impl Flows {
    fn add(&mut self, row: &FlowView<'_>) {
        self.0.push(Row {
            client: row.client.to_string(),
            basis: row.client_basis.token(),
            name: row.name.map(|(name, _)| name.exact().to_owned()).unwrap_or_default(),
            name_basis: row.name.map_or("", |(_, basis)| basis.token()),
            others: row.other_names.iter().map(|(name, _)| name.exact().to_owned()).collect(),
            aliases: row.aliases.iter().map(|name| name.exact().to_owned()).collect(),
            packets: (row.up.packets, row.down.packets),
        });
    }
}

/// What of media and round trips the tests look at: bits per second by kind, up and down; kind and milliseconds.
#[derive(Default)]
struct Measured {
    media: Vec<[MediaSeen; 2]>,
    trips: Vec<(String, &'static str, u64)>,
}

impl Rows for Measured {
    fn flow(&mut self, row: &FlowView<'_>) {
        self.media.extend(row.media.as_deref());
    }
    fn handshake(&mut self, _: &HandshakeView<'_>) {}
    fn endpoint(&mut self, row: &EndpointView<'_>) {
        if let Some(trip) = row.round_trip {
            self.trips.push((row.address.to_string(), trip.kind.token(), trip.nanos / 1_000_000));
        }
    }
}

/// Feeds frames with their milliseconds.
fn measured(frames: impl IntoIterator<Item = (u64, Vec<u8>)>) -> (Measured, Summary) {
    let (mut engine, mut rows) = (Engine::new(&Config::default()), Measured::default());
    for (number, (millis, bytes)) in (1..).zip(frames) {
        let time = Timestamp::from_secs(1_700_000_000).plus_nanos(millis * 1_000_000 + 1);
        let original_len = bytes.len() as u32;
        engine.ingest(Input::Frame(Frame { number: FrameNo(number), time, link: RAW_IP, original_len, bytes: &bytes }));
        while engine.poll().is_some() {}
    }
    engine.end();
    let summary = engine.summary(&KNOWLEDGE, &mut rows);
    (rows, summary)
}

impl Rows for Flows {
    fn flow(&mut self, row: &FlowView<'_>) {
        self.add(row);
    }
    fn handshake(&mut self, _: &HandshakeView<'_>) {}
    fn endpoint(&mut self, _: &EndpointView<'_>) {}
}

/// Feeds frames, one per second, and returns every flow, retired ones first, with the summary.
fn run(
    config: &Config,
    locals: &[&str],
    link: LinkType,
    frames: impl IntoIterator<Item = Vec<u8>>,
) -> (Vec<Row>, Summary) {
    let (mut engine, mut flows) = (Engine::new(config), Flows::default());
    for local in locals {
        engine.ingest(Input::Local(local.parse().unwrap()));
    }
    for (number, bytes) in (1..).zip(frames) {
        let (time, original_len) = (Timestamp::from_secs(1_700_000_000 + number), bytes.len() as u32);
        let frame = Frame { number: FrameNo(number), time, link, original_len, bytes: &bytes };
        engine.ingest(Input::Frame(frame));
        while let Some(event) = engine.poll() {
            if let Event::FlowRetired(row) = event {
                flows.add(&row);
            }
        }
    }
    engine.end();
    let summary = engine.summary(&KNOWLEDGE, &mut flows);
    (flows.0, summary)
}

fn hello(talk: &mut TcpTalk, sni: &str, random: &mut Random) -> Vec<Vec<u8>> {
    let mut frames = talk.open().to_vec();
    frames.extend(talk.say(Side::First, &handshake_records(&ClientHello::modern(sni).message(random), 16_000)));
    frames
}

fn lookup(client: &str, port: u16, name: &str, address: &str, alias: Option<&str>) -> Vec<Vec<u8>> {
    let (stub, resolver) = (end(client, port), end("192.168.1.1", 53));
    let record = |owner: &str, data| Record { owner: owner.into(), ttl: 60, data };
    let mut records: Vec<_> = alias.map(|alias| record(name, Data::Alias(alias.into()))).into_iter().collect();
    records.push(record(alias.unwrap_or(name), Data::Address(address.parse().unwrap())));
    vec![
        frames::udp(stub, resolver, &dns::query(7, name.as_bytes(), 1)),
        frames::udp(resolver, stub, &dns::answer(7, name.as_bytes(), 1, &records)),
    ]
}

fn flows(frames: impl IntoIterator<Item = Vec<u8>>) -> Vec<Row> {
    run(&Config::default(), &[], RAW_IP, frames).0
}

/// One datagram of nothing in particular.
fn datagram(from: End, to: End) -> Vec<u8> {
    frames::udp(from, to, &[0xf0; 40])
}

const HOME: &str = "192.168.1.50";

#[test]
fn the_client_is_decided_by_the_best_ground_there_is() {
    let syn = |from, to, flags| frames::tcp(from, to, Segment { flags: TcpFlags(flags), ..Segment::default() }, &[]);
    let (a, b) = (end("198.51.100.1", 40_000), end("203.0.113.2", 50_000));
    let (home, world) = (end(HOME, 40_000), end("3.64.10.1", 443));
    let device = Config { device: Some(Device::Address(b.address)), ..Config::default() };
    for (what, config, locals, frame, client, basis) in [
        ("named by address", &device, &[][..], datagram(a, b), b, "subject"),
        ("address of the capturing host", &Config::default(), &["203.0.113.2"], datagram(a, b), b, "local"),
        ("private against public", &Config::default(), &[], datagram(world, home), home, "local"),
        ("group", &Config::default(), &[], datagram(a, end("224.0.0.251", 5353)), a, "local"),
        ("SYN", &Config::default(), &[], syn(b, a, TcpFlags::SYN), b, "syn"),
        ("answer to a SYN", &Config::default(), &[], syn(b, a, TcpFlags::SYN | TcpFlags::ACK), a, "syn"),
        ("ports", &Config::default(), &[], datagram(end("198.51.100.1", 443), b), b, "ports"),
        ("nothing", &Config::default(), &[], datagram(a, b), a, "first-frame"),
    ] {
        let (rows, _) = run(config, locals, RAW_IP, [frame]);
        assert_eq!((rows[0].client.as_str(), rows[0].basis), (client.to_string().as_str(), basis), "{what}");
    }
}

#[test]
fn a_hello_tells_the_client_where_the_opening_is_missing() {
    let (mut random, a, b) = (Random::new(1), end("198.51.100.1", 40_000), end("203.0.113.2", 50_000));
    let mut talk = TcpTalk::new(a, b, &mut random);
    let mut frames = hello(&mut talk, "hello.example", &mut random);
    let answer = talk.acknowledge(Side::Second);
    let rows = flows([answer].into_iter().chain(frames.drain(3..)));
    assert_eq!((rows[0].client.as_str(), rows[0].basis), (a.to_string().as_str(), "hello"));
}

#[test]
fn the_device_can_be_named_by_its_hardware_address() {
    let (device, router) = ([2, 0, 0, 0, 0, 5], [2, 0, 0, 0, 0, 1]);
    let config = Config { device: Some(Device::Mac(device)), ..Config::default() };
    let (a, b) = (end("198.51.100.1", 443), end("203.0.113.2", 443));
    let frame = frames::ethernet(router, device, &datagram(a, b));
    let (rows, _) = run(&config, &[], LinkType::ETHERNET, [frame]);
    assert_eq!((rows[0].client.as_str(), rows[0].basis), (b.to_string().as_str(), "subject"));
}

#[test]
fn a_name_comes_from_the_hello_before_dns_and_dns_only_from_before() {
    let mut random = Random::new(2);
    let server = end("3.64.10.1", 443);
    let talk = |port| TcpTalk::new(end(HOME, port), server, &mut Random::new(3));
    let before = lookup(HOME, 5000, "asked.example", "3.64.10.1", Some("alias.cdn.example"));
    let second = lookup(HOME, 5001, "second.example", "3.64.10.1", None);
    let foreign = lookup("192.168.1.51", 5002, "foreign.example", "3.64.10.1", None);

    let named = |rows: Vec<Row>, port: u16| rows.into_iter().find(|r| r.client == end(HOME, port).to_string()).unwrap();
    let plain = talk(6000).open().to_vec();
    let row = named(flows([before.clone(), plain.clone()].concat()), 6000);
    assert_eq!((row.name.as_str(), row.name_basis), ("asked.example", "dns"));
    assert_eq!(row.aliases, ["alias.cdn.example"]);

    let row = named(flows([plain.clone(), before.clone()].concat()), 6000);
    assert_eq!(row.name, "", "an answer after the flow began does not name it");

    let row = named(flows([foreign, plain.clone()].concat()), 6000);
    assert_eq!(row.name, "", "what a neighbour looked up does not name it");

    let row = named(flows([before.clone(), second.clone(), plain].concat()), 6000);
    assert_eq!((row.name.as_str(), row.others.as_slice()), ("second.example", &["asked.example".to_owned()][..]));

    let said = hello(&mut talk(6001), "said.example", &mut random);
    let row = named(flows([before, said].concat()), 6001);
    assert_eq!((row.name.as_str(), row.name_basis), ("said.example", "tls-sni"));
    assert!(row.others.contains(&"asked.example".to_owned()), "{row:?}");
}

#[test]
fn a_tuple_that_is_used_again_is_another_flow() {
    let (client, server) = (end(HOME, 6000), end("3.64.10.1", 443));
    let once = |sni: &str, seed| {
        let mut random = Random::new(seed);
        let mut talk = TcpTalk::new(client, server, &mut random);
        let mut frames = hello(&mut talk, sni, &mut random);
        frames.extend(talk.close(Side::First));
        frames
    };
    let rows = flows([once("one.example", 1), once("two.example", 2)].concat());
    let names: Vec<_> = rows.iter().map(|r| r.name.as_str()).collect();
    assert_eq!(names, ["one.example", "two.example"]);
    // A SYN sent again while the connection is open is none.
    let mut random = Random::new(4);
    let mut talk = TcpTalk::new(client, server, &mut random);
    let mut frames = hello(&mut talk, "one.example", &mut random);
    frames.insert(1, frames[0].clone());
    assert_eq!(flows(frames).len(), 1);
}

#[test]
fn a_full_table_lets_the_oldest_go_and_loses_no_packet() {
    let mut config = Config::default();
    config.limits.flows.flows = 10;
    let frames = (0..100).map(|n| datagram(end(HOME, 10_000 + n), end("3.64.10.1", 443)));
    let (rows, summary) = run(&config, &[], RAW_IP, frames);
    assert_eq!(rows.iter().map(|r| r.packets.0 + r.packets.1).sum::<u64>(), 100);
    assert_eq!((rows.len(), summary.flows, summary.up.packets), (100, 100, 100));
    let lost = summary.losses.iter().find(|l| &*l.kind == "flows retired early").unwrap();
    assert!((90..=91).contains(&lost.frames), "{lost:?}");
    assert!(summary.circumstances.limits.iter().any(|l| l.en.contains("closed early")));
}

#[test]
fn beyond_the_bound_recipients_are_judged_together_and_that_is_said() {
    let mut config = Config::default();
    config.limits.ledger.recipients = 3;
    let frames = (0..20_u16).flat_map(|n| {
        let mut random = Random::new(n.into());
        let mut talk = TcpTalk::new(end(HOME, 10_000 + n), end(&format!("3.64.10.{n}"), 443), &mut random);
        hello(&mut talk, &format!("host.company-{n}.example"), &mut random)
    });
    let (_, summary) = run(&config, &[], RAW_IP, frames);
    assert_eq!(summary.recipients.len(), 4);
    assert_eq!(summary.recipients.iter().map(|r| r.traffic.packets_up).sum::<u64>(), summary.up.packets);
    assert!(summary.circumstances.limits.iter().any(|l| l.en.contains("judged together")));
}

#[test]
fn only_the_watched_program_is_judged_and_the_rest_is_counted() {
    let config = Config { ask_owners: true, watched_only: true, ..Config::default() };
    let mut engine = Engine::new(&config);
    let program = |pid, name: &str| Owner {
        pid,
        name: name.into(),
        path: "".into(),
        started: None,
        container: "".into(),
        parents: Vec::new(),
        matched: OwnerMatch::Socket,
    };
    let servers = ["203.0.113.1", "203.0.113.2", "203.0.113.3"];
    for (number, server) in (1..).zip(servers) {
        for (side, second) in [(Side::First, 0), (Side::Second, 3)] {
            let (a, b) = (end("192.0.2.7", 50_000), end(server, 40_000));
            let (from, to) = if side == Side::First { (a, b) } else { (b, a) };
            let bytes = frames::udp(from, to, &[0; 100]);
            let time = Timestamp::from_secs(1_700_000_000 + number + second);
            let original_len = bytes.len() as u32;
            engine.ingest(Input::Frame(Frame {
                number: FrameNo(number),
                time,
                link: RAW_IP,
                original_len,
                bytes: &bytes,
            }));
            let mut asked = None;
            while let Some(event) = engine.poll() {
                if let Event::FlowOpened { flow, .. } = event {
                    asked = Some(flow);
                }
            }
            assert_eq!(asked.is_some(), side == Side::First, "every flow is asked for once");
            match (asked, number) {
                (Some(flow), 1) => {
                    engine.ingest(Input::Owner { flow: Some(flow), owner: program(7, "client"), watched: true });
                }
                (Some(_), 2) => engine.ingest(Input::Owner { flow: None, owner: program(8, "other"), watched: false }),
                _ => {}
            }
        }
    }
    engine.end();
    let snapshot = engine.snapshot(&KNOWLEDGE, 10);
    let rows: Vec<_> = snapshot.flows.iter().map(|f| (f.scope, f.owner.as_ref().map(|o| o.pid), f.recipient)).collect();
    assert_eq!(rows, [("in", Some(7), Some(0)), ("out", Some(8), None), ("unknown", None, None)]);
    let summary = &snapshot.summary;
    assert_eq!(summary.recipients.len(), 1);
    assert_eq!(summary.recipients[0].processes, ["client".into()]);
    assert_eq!(summary.circumstances.foreign_flows, 2);
    let judged: Vec<_> = summary.timeline.series.iter().filter(|s| s.recipient == Some(0)).collect();
    let [series] = judged[..] else { panic!("one series for the recipient: {judged:?}") };
    let cells: Vec<_> = series.cells.iter().map(|c| (c.window, c.up, c.down)).collect();
    assert_eq!(cells, [(0, 128, 0), (3, 0, 128)]);

    // Another one is chosen, also for the flows that are there; what is not known stays so.
    for (owner, watched) in [(program(7, "client"), false), (program(8, "other"), true), (program(9, "third"), true)] {
        engine.ingest(Input::Program { owner, watched });
    }
    let scopes = |engine: &Engine| engine.snapshot(&KNOWLEDGE, 10).flows.iter().map(|f| f.scope).collect::<Vec<_>>();
    assert_eq!(scopes(&engine), ["out", "in", "unknown"]);
    let ownerless: Vec<_> = engine.ownerless(Timestamp::ZERO).map(|(_, frame, ..)| frame).collect();
    assert_eq!(ownerless, [FrameNo(3)]);
    assert_eq!(engine.ownerless(Timestamp(u64::MAX)).count(), 0, "none of them goes on");
    engine.ingest(Input::WatchedOnly(false));
    assert_eq!(scopes(&engine), ["", "", ""]);
    assert_eq!(engine.snapshot(&KNOWLEDGE, 10).summary.recipients.len(), 3);
}

#[test]
fn a_packet_seen_on_two_interfaces_is_counted_once_and_told() {
    let (a, b) = (end("192.0.2.7", 50_000), end("203.0.113.1", 443));
    let start = Timestamp::from_secs(1_700_000_000);
    let micros = |n: u64| start.plus_nanos(n * 1_000);
    let mut engine = Engine::new(&Config::default());
    (0..2).for_each(|interface| engine.ingest(Input::Through(interface)));
    let mut number = 0;
    let mut see = |interface: u32, time: Timestamp, link: LinkType, bytes: &[u8]| {
        number += 1;
        engine.ingest(Input::Through(interface));
        let original_len = bytes.len() as u32;
        engine.ingest(Input::Frame(Frame { number: FrameNo(number), time, link, original_len, bytes }));
    };
    let (one, two) = ([2, 0, 0, 0, 0, 1], [2, 0, 0, 0, 0, 2]);
    let segment = |sequence| Segment { sequence, acknowledgment: 1, flags: TcpFlags(0x18) };
    let packets: Vec<_> = (0..50_u32)
        .flat_map(|n| [frames::udp(a, b, &n.to_be_bytes()), frames::tcp(a, b, segment(n * 10), &[n as u8; 10])])
        .collect();
    let forwarded = |packet: &[u8]| {
        let mut packet = packet.to_vec();
        // One hop further: time to live and checksum (RFC 791 §3.1).
        packet[8] -= 1;
        packet[10..12].copy_from_slice(&[0xab, 0xcd]);
        packet
    };
    // Interfaces hand over in bursts: the second one's frames are older than the last of the first one's.
    for (interface, late) in [(0, 0), (1, 20)] {
        for (at, packet) in (0..).zip(&packets) {
            let bytes = match interface {
                0 => frames::ethernet(one, two, packet),
                _ => frames::vlan(7, one, two, &forwarded(packet)),
            };
            see(interface, micros(at * 100 + late), frames::ETHERNET, &bytes);
        }
    }
    // The same datagram again, a little later: once more on both.
    let again = frames::ethernet(one, two, &packets[0]);
    see(0, micros(20_000), frames::ETHERNET, &again);
    see(1, micros(20_030), frames::ETHERNET, &again);
    // Twice on one interface is sent twice; on the other one after a second it is no echo either.
    see(0, micros(21_000), frames::ETHERNET, &again);
    see(1, micros(1_030_000), frames::ETHERNET, &again);
    // `any`: the kernel's number of the interface is in the frame (LINKTYPE_LINUX_SLL2).
    for index in [2, 3, 3] {
        let mut bytes = vec![8, 0, 0, 0, 0, 0, 0, index, 0, 1, 0, 6, 2, 0, 0, 0, 0, 1, 0, 0];
        bytes.extend(frames::udp(a, b, b"any"));
        see(0, micros(2_000_000 + u64::from(index)), LinkType::LINUX_SLL2, &bytes);
    }
    // A clock that runs back is told, of one interface's own.
    see(1, micros(500), frames::ETHERNET, &frames::ethernet(one, two, &frames::udp(a, b, b"back")));
    engine.end();
    let summary = engine.summary(&KNOWLEDGE, &mut NoRows);
    let told: Vec<_> = summary.losses.iter().map(|l| (&*l.stage, &*l.kind, l.frames)).collect();
    assert_eq!(told, [("set aside", "seen on another interface too", 100 + 1 + 1)]);
    // Of those of `any`, the interface that saw it twice tells that it was sent twice.
    assert_eq!(summary.up.packets + summary.down.packets, 100 + 1 + 2 + 2 + 1);
    assert_eq!(summary.circumstances.time_reversals, 1);
    assert_eq!(summary.circumstances.lost, 0);
}

#[test]
fn an_answer_that_comes_a_little_late_names_the_flow_and_says_so() {
    let server = "203.0.113.9";
    let named = |frames: Vec<Vec<u8>>| {
        let rows = flows(frames);
        let row = rows.iter().find(|r| r.packets == (1, 0) || r.client.ends_with(":40000")).unwrap();
        (row.name.clone(), row.name_basis)
    };
    let flow = || datagram(end(HOME, 40_000), end(server, 443));
    let answer = |client| lookup(client, 5_353, "late.example", server, Some("alias.example"));
    let late = |client| [vec![flow()], answer(client)].concat();
    assert_eq!(named(late(HOME)), ("late.example".into(), "dns-after"));
    // An answer before it is the better one; a neighbour's is none, nor one that comes much later.
    assert_eq!(named([answer(HOME), vec![flow()]].concat()).1, "dns");
    assert_eq!(named(late("192.168.1.51")), (String::new(), ""));
    let other = |n| datagram(end("192.168.1.60", n), end("192.168.1.61", n));
    assert_eq!(named([vec![flow()], (1..4).map(other).collect(), answer(HOME)].concat()), (String::new(), ""));
}

#[test]
fn hosts_whose_tls_is_opened_on_the_way_have_no_round_trip() {
    // The issuer of all certificates; each host's own without one.
    for (gateway, opened, measured_hosts) in [(Some("Example Web Gateway"), 1, 0), (None, 0, 3)] {
        let (mut random, mut frames, mut now) = (Random::new(3), Vec::new(), 0);
        for (n, host) in (1..).zip(["us04web.zoom.us", "teams.microsoft.com", "www.example.net"]) {
            let mut talk = TcpTalk::new(end(HOME, 40_000 + n), end(&format!("203.0.112.{n}"), 443), &mut random);
            let leaf =
                certificate_by(gateway.unwrap_or(host).as_bytes(), host.as_bytes(), &[host.as_bytes()], &mut random);
            let said = handshake_records(&tls12_flight(&[leaf], &mut random), usize::MAX);
            let mut packets = hello(&mut talk, host, &mut random);
            packets.extend(talk.say(Side::Second, &said));
            for packet in packets {
                now += 5;
                frames.push((now, packet));
            }
        }
        let (rows, summary) = measured(frames);
        assert_eq!((summary.circumstances.near.len(), rows.trips.len()), (opened, measured_hosts));
        let told = summary.findings.iter().any(|f| f.code == "CAP-04" && f.text.contains("Example Web Gateway"));
        assert_eq!(told, opened == 1);
    }
}

/// The `n`th packet of a source.
fn rtp(payload_type: u8, n: u64, ticks: u64, ssrc: u8, len: usize) -> Vec<u8> {
    let mut bytes = vec![0x80, payload_type, (n >> 8) as u8, n as u8];
    bytes.extend((ticks as u32).to_be_bytes());
    bytes.extend([ssrc; 4]);
    bytes.resize(12 + len, 0x5a ^ n as u8);
    bytes
}

#[test]
fn media_over_tcp_is_counted_too_and_outlives_the_connection() {
    let allocate = b"\x00\x03\x00\x08\x21\x12\xa4\x42transaction!\x00\x19\x00\x04\x11\0\0\0";
    // A channel of a relay (RFC 8656 §12.5), and each packet with its length in front (RFC 4571).
    let channel = |packet: &[u8]| {
        let mut bytes = [&[0x40, 1], &(packet.len() as u16).to_be_bytes()[..], packet].concat();
        bytes.resize(bytes.len().next_multiple_of(4), 0);
        bytes
    };
    let prefixed = |packet: &[u8]| [&(packet.len() as u16).to_be_bytes()[..], packet].concat();
    for (what, opening, frame) in [
        ("channel", allocate.to_vec(), &channel as &dyn Fn(&[u8]) -> Vec<u8>),
        ("framed, with STUN", prefixed(allocate), &prefixed),
        ("framed, bare", Vec::new(), &prefixed),
    ] {
        for gone in [false, true] {
            let mut talk = TcpTalk::new(end(HOME, 40_000), end("203.0.113.9", 443), &mut Random::new(1));
            let mut frames: Vec<(u64, Vec<u8>)> = talk.open().into_iter().map(|f| (0, f)).collect();
            frames.extend(talk.say(Side::First, &opening).into_iter().map(|f| (1, f)));
            for n in 0..300_u64 {
                for (side, ssrc, len) in [(Side::First, 1, 81), (Side::Second, 2, 41)] {
                    let said = talk.say(side, &frame(&rtp(111, n, n * 960, ssrc, len)));
                    frames.extend(said.into_iter().map(|f| (2 + n * 20, f)));
                }
            }
            if gone {
                frames.push((6_100, talk.reset(Side::First)));
            }
            let (rows, _) = measured(frames);
            let [up, down] = rows.media[0];
            assert_eq!((up.of(MediaKind::Audio), up.sum()), (300 * 81, 300 * 81), "{what}, {gone}");
            assert_eq!((down.of(MediaKind::Audio), down.sum()), (300 * 41, 300 * 41), "{what}, {gone}");
        }
    }
}

#[test]
fn a_session_description_in_the_clear_says_the_kind() {
    let (phone, server) = (end(HOME, 4_000), end("203.0.113.9", 7_000));
    let invite = |media: &str| {
        let body = format!("v=0\r\nc=IN IP4 {HOME}\r\nm={media} 4000 RTP/AVP 97\r\n");
        let text = format!("INVITE sip:bob@example.net SIP/2.0\r\nContent-Length: {}\r\n\r\n{body}", body.len());
        (0, frames::udp(end(HOME, 5_060), end("203.0.113.9", 5_060), text.as_bytes()))
    };
    // A clock that no kind has.
    let media = || (0..200_u64).map(|n| (1 + n * 20, frames::udp(phone, server, &rtp(97, n, n * 1_111, 1, 80))));
    let kinds = |lines: &[&str]| {
        let (rows, summary) = measured(lines.iter().map(|line| invite(line)).chain(media()));
        let [up, _] = rows.media[0];
        let series: Vec<MediaKind> = summary.timeline.kinds.iter().map(|s| s.kind).collect();
        let kinds: Vec<MediaKind> = MediaKind::ALL.into_iter().filter(|kind| up.of(*kind) > 0).collect();
        assert_eq!(kinds, series, "the timeline says the same");
        kinds
    };
    assert_eq!(kinds(&["audio"]), [MediaKind::Audio]);
    assert_eq!(kinds(&["video"]), [MediaKind::Video]);
    for near_miss in [&[][..], &["application"], &["audio", "video"]] {
        assert_eq!(kinds(near_miss), [MediaKind::Unknown], "{near_miss:?}");
    }
}

#[test]
fn media_is_counted_by_kind_and_direction_to_the_end_of_the_flow() {
    let (client, server) = (end(HOME, 40_000), end("203.0.113.9", 3_478));
    let mut frames: Vec<(u64, Vec<u8>)> = Vec::new();
    for n in 0..500_u64 {
        frames.push((n * 20, frames::udp(client, server, &rtp(111, n, n * 960, 1, 80))));
        frames.push((n * 20 + 3, frames::udp(server, client, &rtp(111, n, n * 960, 2, 40))));
    }
    for n in 0..1_000_u64 {
        frames.push((n * 10 + 5, frames::udp(client, server, &rtp(96, n, n / 4 * 3_600, 3, 1_000))));
    }
    frames.sort_by_key(|(millis, _)| *millis);
    let (rows, summary) = measured(frames);
    let [up, down] = rows.media[0];
    assert_eq!((up.of(MediaKind::Audio), up.of(MediaKind::Video)), (500 * 80, 1_000 * 1_000));
    assert_eq!((down.of(MediaKind::Audio), down.sum()), (500 * 40, 500 * 40));
    // By time, too: what came before a stream was recognised stays of unknown kind, and nothing is counted twice.
    let sent = |kind| -> u64 {
        summary.timeline.kinds.iter().filter(|s| s.kind == kind).flat_map(|s| &s.cells).map(|c| c.up).sum()
    };
    let (sound, pictures) = (sent(MediaKind::Audio), sent(MediaKind::Video));
    assert!(sound >= 480 * 80 && pictures >= 980 * 1_000, "{sound} {pictures}");
    assert_eq!(sound + pictures + sent(MediaKind::Unknown), up.sum());
}

#[test]
fn tcp_data_is_timed_by_its_acknowledgment() {
    let (client, server) = (end(HOME, 40_000), end("203.0.113.9", 443));
    let segment = |from: End, to: End, numbers: [u32; 2], flags: u8, stamps: [u32; 2], payload: &[u8]| {
        let mut bytes = [from.port.to_be_bytes(), to.port.to_be_bytes()].concat();
        bytes.extend(numbers.map(u32::to_be_bytes).concat());
        bytes.extend([8 << 4, flags, 0xff, 0xff, 0, 0, 0, 0, 1, 1, 8, 10]);
        bytes.extend(stamps.map(u32::to_be_bytes).concat());
        bytes.extend(payload);
        frames::ip(from.address, to.address, 6, &bytes)
    };
    let up = |numbers, flags, stamps, payload: &[u8]| segment(client, server, numbers, flags, stamps, payload);
    let down = |numbers, flags, stamps| segment(server, client, numbers, flags, stamps, &[]);
    let (rows, _) = measured([
        (0, up([99, 0], TcpFlags::SYN, [1, 0], &[])),
        (30, down([499, 100], TcpFlags::SYN | TcpFlags::ACK, [9, 1])),
        (31, up([100, 500], TcpFlags::ACK, [2, 9], &[7; 10])),
        (51, down([500, 110], TcpFlags::ACK, [9, 2])),
        // Sent twice: nothing is told by what acknowledges it soon after.
        (60, up([110, 500], TcpFlags::ACK, [3, 9], &[7; 10])),
        (90, up([110, 500], TcpFlags::ACK, [4, 9], &[7; 10])),
        (91, down([500, 120], TcpFlags::ACK, [9, 4])),
    ]);
    assert_eq!(rows.trips, [("203.0.113.9".to_owned(), "tcp-data", 20)]);
}
