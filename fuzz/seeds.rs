//! The first seeds of every fuzz target, made by the project's own generator: small, one per protocol and trick, so that
//! a fuzzer starts behind the probes instead of guessing magic numbers. `tests/corpora.rs` keeps the stored files equal
//! to these.

#[path = "talks.rs"]
mod talks;

pub use talks::{Talk, talks};

use std::io::Write;
use std::net::{IpAddr, Ipv4Addr};
use zollhund::synth::frames::{self, TcpTalk};
use zollhund::synth::{Bytes, Random};
use zollhund::wire::{End, Side, TransportKind};

const ANY: IpAddr = IpAddr::V4(Ipv4Addr::UNSPECIFIED);

/// Target, name of the file, contents.
pub type Seed = (&'static str, String, Vec<u8>);

/// All seeds of all targets.
pub fn seeds() -> Vec<Seed> {
    let talks = talks();
    let mut seeds: Vec<Seed> = Vec::new();
    for talk in &talks {
        let name = format!("{}-{}", talk.protocol.replace(' ', "-"), talk.trick);
        seeds.push(("dissect", name.clone(), dissect(talk)));
        seeds.push(("flow", name, flow(talk)));
    }
    seeds.extend(decode(&talks));
    let frames = ethernet_frames(&talks);
    seeds.extend(captures(&frames[..12.min(frames.len())]));
    // The first words of many conversations: what is learned of one decides what stays of it.
    for (number, part) in frames.chunks(48).take(8).enumerate() {
        seeds.push(("redact", format!("part-{number}"), pcap(part)));
    }
    seeds.push(("engine", "all".to_owned(), pcap(&frames)));
    seeds.push(("mmdb", "country".to_owned(), mmdb()));
    seeds.extend(tables());
    seeds
}

/// Frames of several link types, tunnels, and a datagram in fragments.
fn decode(talks: &[Talk]) -> Vec<Seed> {
    // Indexes into the list of link types of the `decode` target.
    const ETHERNET: u8 = 0;
    const RAW: u8 = 1;
    const NULL: u8 = 2;
    const COOKED: u8 = 12;
    const COOKED2: u8 = 20;
    let macs = ([2; 6], [4; 6]);
    let [a, b] =
        ["192.0.2.1", "198.51.100.2"].map(|address| End { address: address.parse().unwrap_or(ANY), port: 5_004 });
    let [a6, b6] =
        ["2001:db8::1", "2001:db8::2"].map(|address| End { address: address.parse().unwrap_or(ANY), port: 53 });
    let small = frames::udp(a, b, b"payload");
    let small6 = frames::udp(a6, b6, b"payload");
    let large = frames::fragments(&frames::udp(a, b, &[7; 900]), 400);
    let large6 = frames::fragments(&frames::udp(a6, b6, &[7; 900]), 400);
    let gtp = frames::gtp_u(a.address, b.address, 7, &small6);
    let nested = frames::ip(a.address, b.address, 4, &small);
    let cooked = [&[0, 0, 0, 1, 0, 6, 2, 2, 2, 2, 2, 2, 0, 0, 8, 0][..], &small].concat();
    let cooked2 = [&[8, 0, 0, 0, 0, 0, 0, 1, 0, 1, 0, 6, 2, 2, 2, 2, 2, 2, 0, 0][..], &small].concat();
    let ethernet = |packet: &[u8]| frames::ethernet(macs.0, macs.1, packet);
    let first = talks.first().map(|talk| talk.parts.iter().map(|(_, p)| frames::udp(a, b, p)).collect());
    let first: Vec<Vec<u8>> = first.unwrap_or_default();
    let cases: [(&str, u8, Vec<Vec<u8>>); 10] = [
        ("ethernet", ETHERNET, first.iter().map(|p| ethernet(p)).collect()),
        ("vlan", ETHERNET, vec![frames::vlan(42, macs.0, macs.1, &small)]),
        ("fragments", ETHERNET, large.iter().rev().map(|p| ethernet(p)).collect()),
        ("fragments-v6", RAW, large6),
        ("gtp-u", RAW, vec![gtp]),
        ("ip-in-ip", RAW, vec![nested]),
        ("null", NULL, vec![[&[2, 0, 0, 0][..], &small].concat()]),
        ("cooked", COOKED, vec![cooked]),
        ("cooked2", COOKED2, vec![cooked2]),
        ("raw-v6", RAW, vec![small6]),
    ];
    let input = |link: u8, packets: &[Vec<u8>]| {
        Bytes::of(|out| {
            for packet in packets {
                out.u8(link).u8(0).u8(1).vec16(|v| {
                    v.put(packet);
                });
            }
        })
    };
    cases.into_iter().map(|(name, link, packets)| ("decode", name.to_owned(), input(link, &packets))).collect()
}

/// All conversations as Ethernet frames, each from its own port.
fn ethernet_frames(talks: &[Talk]) -> Vec<Vec<u8>> {
    let mut packets: Vec<Vec<u8>> = Vec::new();
    for (n, talk) in talks.iter().enumerate() {
        let client = End { address: IpAddr::from([192, 0, 2, 1]), port: 50_000 + n as u16 };
        let server = End { address: IpAddr::from([198, 51, 100, 1 + n as u8]), port: talk.port };
        let mut tcp = TcpTalk::new(client, server, &mut Random::new(n as u64));
        if talk.transport == TransportKind::Tcp {
            packets.extend(tcp.open());
        }
        for (side, bytes) in &talk.parts {
            match (talk.transport, side) {
                (TransportKind::Tcp, _) => packets.extend(tcp.say(*side, bytes)),
                (TransportKind::Udp, Side::First) => packets.push(frames::udp(client, server, bytes)),
                (TransportKind::Udp, Side::Second) => packets.push(frames::udp(server, client, bytes)),
            }
        }
        if talk.transport == TransportKind::Tcp {
            packets.extend(tcp.close(Side::First));
        }
    }
    packets.iter().map(|packet| frames::ethernet([2; 6], [4; 6], packet)).collect()
}

/// The same frames as pcap in both byte orders, as pcapng with blocks of every kind, and packed.
fn captures(frames: &[Vec<u8>]) -> Vec<Seed> {
    let plain = pcap(frames);
    let mut packer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    let gzip = packer.write_all(&plain).and_then(|()| packer.finish()).unwrap_or_default();
    [("pcap", plain), ("pcap-gzip", gzip), ("pcapng", pcapng(frames, b"joined"))]
        .into_iter()
        .map(|(name, bytes)| ("capture", name.to_owned(), bytes))
        .collect()
}

/// Classic pcap, big-endian, microseconds.
pub fn pcap(frames: &[Vec<u8>]) -> Vec<u8> {
    Bytes::of(|out| {
        out.u32(0xa1b2_c3d4).u32(0x0002_0004).u64(0).u32(65_535).u32(1);
        for (n, frame) in frames.iter().enumerate() {
            out.u32(1_792_054_800).u32(n as u32 * 1_000).u32(frame.len() as u32).u32(frame.len() as u32).put(frame);
        }
    })
}

/// Section, interface with name and address, frames with a comment, names, statistics (draft-ietf-opsawg-pcapng).
pub fn pcapng(frames: &[Vec<u8>], comment: &[u8]) -> Vec<u8> {
    fn block(out: &mut Bytes, kind: u32, write: impl FnOnce(&mut Bytes)) {
        let mut body = Bytes::of(write);
        body.resize(body.len().next_multiple_of(4), 0);
        let length = body.len() as u32 + 12;
        out.u32(kind).u32(length).put(&body).u32(length);
    }
    fn option(out: &mut Bytes, code: u16, value: &[u8]) {
        out.u16(code).vec16(|v| {
            v.put(value);
        });
        out.0.resize(out.0.len().next_multiple_of(4), 0);
    }
    Bytes::of(|out| {
        block(out, 0x0a0d_0d0a, |b| {
            b.u32(0x1a2b_3c4d).u32(0x0001_0000).u64(u64::MAX);
            option(b, 4, b"synth");
            b.u32(0);
        });
        block(out, 1, |b| {
            b.u16(1).u16(0).u32(0);
            option(b, 2, b"eth0");
            option(b, 4, &[192, 0, 2, 1, 255, 255, 255, 0]);
            option(b, 9, &[9]);
            b.u32(0);
        });
        for (n, frame) in frames.iter().enumerate() {
            block(out, 6, |b| {
                let nanos = 1_792_054_800_000_000_000 + n as u64 * 1_000_000;
                b.u32(0).u64(nanos).u32(frame.len() as u32).u32(frame.len() as u32).put(frame);
                b.0.resize(b.0.len().next_multiple_of(4), 0);
                if n == 0 {
                    option(b, 1, comment);
                    option(b, 4, &3_u64.to_be_bytes());
                    b.u32(0);
                }
            });
        }
        block(out, 4, |b| {
            option(b, 1, b"\xc0\0\x02\x01www.example.org\0");
            b.u32(0);
        });
        block(out, 5, |b| {
            b.u32(0).u64(0);
            option(b, 4, &100_u64.to_be_bytes());
            option(b, 5, &1_u64.to_be_bytes());
            b.u32(0);
        });
    })
}

/// A country database of one node (MaxMind DB format 2.0): the lower half of IPv4 is in Germany, the upper unknown.
fn mmdb() -> Vec<u8> {
    fn text(out: &mut Bytes, value: &str) {
        out.u8(0x40 | value.len() as u8).put(value.as_bytes());
    }
    Bytes::of(|out| {
        // Left: the record at offset 0 of the data section (number of nodes + 16); right: nothing (number of nodes).
        out.u24(1 + 16).u24(1).put(&[0; 16]);
        out.u8(0xe1);
        text(out, "country_code");
        text(out, "DE");
        out.put(b"\xab\xcd\xefMaxMind.com").u8(0xe9);
        text(out, "database_type");
        text(out, "Country");
        for (key, value) in [
            ("binary_format_major_version", 2),
            ("binary_format_minor_version", 0),
            ("ip_version", 4),
            ("record_size", 24),
        ] {
            text(out, key);
            out.u8(0xa2).u16(value);
        }
        text(out, "description");
        out.u8(0xe0);
        text(out, "languages");
        out.put(&[0, 4]);
        text(out, "node_count");
        out.u8(0xc4).u32(1);
        text(out, "build_epoch");
        out.put(&[0x08, 0x02]).u64(1_792_054_800);
    })
}

/// One small data file of each kind.
fn tables() -> Vec<Seed> {
    const ORGANISATIONS: &str = r#"oas_of = "2026-10-15"

[[organisation]]
id = "example"
name = "Example Inc."
seat = "US"
parent = "Example Holding AG"
parent_seat = "DE"
kind = "cloud"
asns = [64496]
domains = ["example.org"]
hosting = ["cdn.example.net"]
source = "invented"
as_of = "2026-10-15"
confidence = "unverified"
"#;
    const ANYCAST: &str = r#"aas_of = "2026-10-15"

[[network]]
holder = "Example"
kind = "anycast"
why = "invented"
asns = [64496]
prefixes = ["192.0.2.0/24", "2001:db8::/32"]
source = "invented"
as_of = "2026-10-15"
confidence = "unverified"
"#;
    const SOURCES: &str = r#"
[sources]
K = { title = "general knowledge", read = 2026-10-15 }
S = { title = "invented", url = "https://example.org/", dated = 2026-10-01, read = 2026-10-15 }
"#;
    const LIST: &str = r#"ltitle = "Annex 2"
as_of = 2026-03-01

[[disclosed]]
name = "Example Inc."
purpose = "hosting"
countries = ["DE", "IE"]
domains = ["example.net"]
"#;
    const SERVICE: &str = r#"sid = "example"
name = "Example"
edition = 2026-10-15

[provider]
operator = "Example Inc."
seat = "US"
source = "S"

[[hosts]]
hosts = ["example.org", "=a.example.net", "log-*.example.org"]
purpose = "telemetry"
source = "K"
confidence = "unverified"

[[disclosed]]
name = "Example Inc."
purpose = "hosting"
countries = ["DE"]
source = "S"
"#;
    const JURISDICTIONS: &str = r#"jedition = 2026-10-15
begins = 1998-10-24

[[row]]
codes = ["DE"]
status = "eea"
from = 1998-10-24
until = 2018-05-25
instrument = { en = "invented", de = "erfunden" }
source = "S"

[[row]]
codes = ["DE"]
status = "eea"
from = 2018-05-25
instrument = { en = "invented", de = "erfunden" }
source = "K"
confidence = "unverified"
"#;
    const TRACKERS: &str = r#"tedition = 2026-10-15
trackers = [
    { host = "o*.ingest.example.org", company = "Example", country = ["US", "DE"], category = "crash", source = "S:1" },
]
"#;
    const BACKGROUND: &str = r#"bedition = 2026-10-15

[[hosts]]
hosts = ["check.example.org"]
system = "linux"
role = "connectivity"
source = "S"

[[applications]]
tokens = ["ntp"]
role = "time"
"#;
    let policy = [
        ("list", LIST),
        ("service", SERVICE),
        ("jurisdictions", JURISDICTIONS),
        ("trackers", TRACKERS),
        ("background", BACKGROUND),
    ];
    let policy = policy.map(|(name, text)| (name, format!("{text}{SOURCES}")));
    [("organisations", ORGANISATIONS.to_owned()), ("anycast", ANYCAST.to_owned())]
        .into_iter()
        .chain(policy)
        .map(|(name, text)| ("tables", name.to_owned(), text.into_bytes()))
        .collect()
}

/// The input of the `dissect` target for this conversation.
fn dissect(talk: &Talk) -> Vec<u8> {
    let mut out = Bytes::new();
    out.u8(u8::from(talk.transport == TransportKind::Udp)).vec8(|name| {
        name.put(talk.protocol.as_bytes());
    });
    out.u16(50_000).u16(talk.port);
    for (side, bytes) in &talk.parts {
        out.u8(u8::from(*side == Side::Second)).vec16(|v| {
            v.put(bytes);
        });
    }
    out.0
}

/// The input of the `flow` target: the same as segments or datagrams.
fn flow(talk: &Talk) -> Vec<u8> {
    const PSH_ACK: u8 = 0x18;
    let which = match talk.port {
        443 => 0,
        53 => 1,
        80 => 3,
        _ => 2,
    };
    let mut sequence = [1_u16; 2];
    let mut out = Bytes::new();
    for (side, bytes) in &talk.parts {
        let second = *side == Side::Second;
        let udp = talk.transport == TransportKind::Udp;
        for part in bytes.chunks(if udp { usize::MAX } else { 1_400 }) {
            let next = &mut sequence[usize::from(second)];
            out.u8(which | u8::from(second) << 2 | u8::from(udp) << 3).u8(PSH_ACK).u16(*next).u8(1).vec16(|v| {
                v.put(part);
            });
            *next = next.wrapping_add(part.len() as u16);
        }
    }
    out.0
}
