//! The core from frames to judged recipients, on conversations made for one question each.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "test code")]

use std::sync::OnceLock;
use zollhund::attribution::{Atlas, Organisations};
use zollhund::dissect::fact::Hidden;
use zollhund::engine::view::Summary;
use zollhund::engine::{Config, Device, Engine, Input, Knowledge, NoRows};
use zollhund::policy::{Book, Lang};
use zollhund::synth::Random;
use zollhund::synth::frames::{ETHERNET, TcpTalk, ethernet};
use zollhund::synth::hello::{ClientHello, handshake_records};
use zollhund::wire::{End, Frame, FrameNo, Side, Timestamp};

const OURS: [u8; 6] = [2, 0, 0, 0, 0, 1];
const ROUTER: [u8; 6] = [2, 0, 0, 0, 0, 0xfe];

fn knowledge() -> &'static Knowledge {
    static KNOWLEDGE: OnceLock<Knowledge> = OnceLock::new();
    KNOWLEDGE.get_or_init(|| Knowledge {
        atlas: Atlas::embedded().unwrap(),
        organisations: Organisations::embedded().unwrap(),
        book: Book::embedded().unwrap(),
        profile: None,
        audit: None,
        horizon: None,
        lang: Lang::En,
    })
}

fn end(address: &str, port: u16) -> End {
    End { address: address.parse().unwrap(), port }
}

/// A connection that is opened, says its hello and is not closed.
fn connection(client: End, server: End, name: &str, random: &mut Random) -> Vec<Vec<u8>> {
    let mut talk = TcpTalk::new(client, server, random);
    let mut packets: Vec<_> = talk.open().into();
    let hello = handshake_records(&ClientHello::modern(name).message(random), 1 << 14);
    packets.extend(talk.say(Side::First, &hello));
    packets
}

/// What the engine makes of packets, the n-th of them at the n-th time.
fn analyzed(device: Option<Device>, packets: &[Vec<u8>], times: impl Iterator<Item = u64>) -> Summary {
    let mut engine = Engine::new(&Config { device, ..Config::default() });
    for ((number, packet), secs) in (1..).zip(packets).zip(times) {
        let bytes = &ethernet(OURS, ROUTER, packet);
        engine.ingest(Input::Frame(Frame {
            number: FrameNo(number),
            time: Timestamp::from_secs(1_700_000_000 + secs),
            link: ETHERNET,
            original_len: bytes.len() as u32,
            bytes,
        }));
        while engine.poll().is_some() {}
    }
    engine.end();
    engine.summary(knowledge(), &mut NoRows)
}

fn codes(summary: &Summary) -> Vec<&str> {
    summary.findings.iter().map(|f| f.code).collect()
}

#[test]
fn a_port_used_anew_is_a_new_flow_and_a_repeated_syn_is_none() {
    let mut random = Random::new(1);
    let (client, server) = (end("192.168.1.2", 40_000), end("203.0.112.1", 443));
    let mut packets = connection(client, server, "first.example", &mut random);
    packets.insert(1, packets[0].clone());
    packets.push(packets[0].clone());
    let one = analyzed(None, &packets, 0..);
    assert_eq!((one.flows, one.handshakes), (1, 1));
    packets.extend(connection(client, server, "second.example", &mut random));
    let two = analyzed(None, &packets, 0..);
    assert_eq!((two.flows, two.handshakes), (2, 2));
    let names: Vec<_> = two.recipients.iter().flat_map(|r| &r.names).map(|(name, _)| name.exact()).collect();
    assert!(names.contains(&"first.example") && names.contains(&"second.example"), "{names:?}");
}

#[test]
fn what_other_devices_do_is_counted_and_not_judged() {
    let mut random = Random::new(2);
    let (ours, theirs) = (end("192.168.1.2", 40_000), end("192.168.1.3", 40_000));
    let mut packets = connection(ours, end("203.0.112.1", 443), "ours.example", &mut random);
    packets.extend(connection(theirs, end("203.0.112.1", 443), "theirs.example", &mut random));
    packets.extend(connection(theirs, end("203.0.112.2", 80), "theirs.example", &mut random));
    let names = |s: &Summary| -> Vec<String> {
        s.recipients.iter().flat_map(|r| &r.names).map(|(name, _)| name.to_string()).collect()
    };
    let all = analyzed(None, &packets, 0..);
    assert_eq!(names(&all).len(), 2);
    let one = analyzed(Some(Device::Address(ours.address)), &packets, 0..);
    assert_eq!(names(&one), ["ours.example"]);
    // The books stay whole.
    assert_eq!((one.flows, one.endpoints, one.up), (all.flows, all.endpoints, all.up));
    assert_eq!(one.circumstances.foreign_flows, 2);
    assert!(codes(&one).contains(&"CAP-05"));
    let nobody = analyzed(Some(Device::Mac([9; 6])), &packets, 0..);
    assert_eq!(nobody.recipients.len(), 0);
    let told = nobody.findings.iter().find(|f| f.code == "CAP-05").unwrap();
    assert!(told.text.contains("09:09:09:09:09:09 takes part in none"), "{}", told.text);
}

#[test]
fn silences_and_clocks_are_told_as_they_were() {
    let mut random = Random::new(3);
    let packets = connection(end("192.168.1.2", 40_000), end("203.0.112.1", 443), "a.example", &mut random);
    let year = 31_536_000;
    let pieces = analyzed(None, &packets, [0, 1, year, year + 1].into_iter());
    let silence = pieces.circumstances.silence.unwrap();
    assert_eq!((silence.before, silence.after), (FrameNo(2), FrameNo(3)));
    assert!(codes(&pieces).contains(&"CAP-15"));
    // One frame stamped in the future is one jump back, however many follow it.
    let future = analyzed(None, &packets, [0, year, 1, 2].into_iter());
    assert_eq!(future.circumstances.time_reversals, 1);
    let steady = analyzed(None, &packets, 0..);
    assert_eq!(steady.circumstances.time_reversals, 0);
    assert!(!codes(&steady).contains(&"CAP-15"));
}

#[test]
fn a_resolver_is_told_by_the_port_too() {
    let mut random = Random::new(4);
    for (port, hidden) in [(443, Hidden::Doh), (853, Hidden::Dot)] {
        let packets = connection(end("192.168.1.2", 40_000), end("1.1.1.1", port), "one.one.one.one", &mut random);
        let seen = analyzed(None, &packets, 0..).circumstances;
        assert_eq!(seen.blind.iter().map(|b| b.what).collect::<Vec<_>>(), [hidden], "{port}");
    }
}
