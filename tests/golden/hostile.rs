//! Small captures with something wrong in each: a visit to two hosts, and what may happen to its recording.

use std::net::{IpAddr, Ipv4Addr};
use zollhund::synth::dns::{A, Data, Record, answer, query};
use zollhund::synth::frames::{ETHERNET, TcpTalk, ethernet, udp};
use zollhund::synth::hello::{CHANGE_CIPHER_SPEC, ClientHello, ServerHello, application_data, handshake_records};
use zollhund::synth::mangle::{Caught, Mangle};
use zollhund::synth::{Random, pcap};
use zollhund::wire::{End, Side, Timestamp};

/// 2026-10-15T09:00:00Z.
const START: Timestamp = Timestamp::from_secs(1_792_054_800);
const MS: u64 = 1_000_000;
const DAY: u64 = 86_400 * 1_000 * MS;
const CLIENT: IpAddr = IpAddr::V4(Ipv4Addr::new(192, 168, 178, 23));
const ROUTER: IpAddr = IpAddr::V4(Ipv4Addr::new(192, 168, 178, 1));
const MACS: [[u8; 6]; 2] = [[2, 0x5a, 0x48, 0, 0, 0x23], [2, 0x5a, 0x48, 0, 0, 1]];
/// An address of Zoom, and one of Amazon in Singapore.
const SERVICE: IpAddr = IpAddr::V4(Ipv4Addr::new(170, 114, 52, 2));
const OTHER: IpAddr = IpAddr::V4(Ipv4Addr::new(18, 136, 20, 30));
/// Bytes of the pcap file header and of a record header.
const FILE_HEADER: usize = 24;
const RECORD_HEADER: usize = 16;

/// One look-up and one TLS connection, 10 ms between frames.
fn visit(name: &[u8], server: IpAddr, at: Timestamp, random: &mut Random) -> Vec<Caught> {
    let (port, id) = (49_152 + random.below(16_000) as u16, random.next() as u16);
    let (asker, resolver) = (End { address: CLIENT, port: port ^ 1 }, End { address: ROUTER, port: 53 });
    let record = Record { owner: name.to_vec(), ttl: 300, data: Data::Address(server) };
    let mut up = vec![(true, udp(asker, resolver, &query(id, name, A)))];
    up.push((false, udp(resolver, asker, &answer(id, name, A, &[record]))));
    let mut talk = TcpTalk::new(End { address: CLIENT, port }, End { address: server, port: 443 }, random);
    let [syn, syn_ack, ack] = talk.open();
    up.extend([(true, syn), (false, syn_ack), (true, ack)]);
    let hello = ClientHello { sni: Some(name.to_vec()), ..ClientHello::modern("") }.message(random);
    let mut said = |side: Side, bytes: &[u8]| {
        up.extend(talk.say(side, bytes).into_iter().map(|packet| (side == Side::First, packet)));
    };
    said(Side::First, &handshake_records(&hello, 16_000));
    let mut flight = handshake_records(&ServerHello::TLS13.message(random), 16_000);
    flight.extend(CHANGE_CIPHER_SPEC);
    flight.extend(application_data(600, random));
    said(Side::Second, &flight);
    said(Side::First, &application_data(400, random));
    said(Side::Second, &application_data(900, random));
    up.extend(talk.close(Side::First).into_iter().zip([true, false, true]).map(|(packet, out)| (out, packet)));
    (0..)
        .zip(up)
        .map(|(n, (out, packet))| {
            let [from, to] = if out { MACS } else { [MACS[1], MACS[0]] };
            Caught::whole(at.plus_nanos(n * 10 * MS), ethernet(from, to, &packet))
        })
        .collect()
}

/// A visit to the service and, some time later or earlier, one to somebody else.
fn two_visits(names: [&[u8]; 2], second_at: Timestamp) -> Vec<Caught> {
    let mut random = Random::new(7);
    let mut frames = visit(names[0], SERVICE, START, &mut random);
    frames.extend(visit(names[1], OTHER, second_at, &mut random));
    frames
}

fn ordinary() -> Vec<Caught> {
    two_visits([b"zoom.us", b"collector.metrics-partner.example"], START.plus_nanos(1_000 * MS))
}

pub fn file(frames: &[Caught]) -> Vec<u8> {
    let mut out = pcap(ETHERNET, frames.iter().map(|frame| (frame.time, frame.bytes.as_slice())));
    let mut at = FILE_HEADER;
    for frame in frames {
        // The fourth word of a record header is the length on the wire.
        out[at + 12..at + 16].copy_from_slice(&frame.original_len.to_le_bytes());
        at += RECORD_HEADER + frame.bytes.len();
    }
    out
}

/// Where the record of the frame with this index starts.
fn record(frames: &[Caught], index: usize) -> usize {
    FILE_HEADER + frames[..index].iter().map(|frame| RECORD_HEADER + frame.bytes.len()).sum::<usize>()
}

/// Every case: the name of its files, and its bytes.
pub fn cases() -> Vec<(&'static str, Vec<u8>)> {
    let plain = ordinary();
    let mangled = |rules: Mangle| file(&rules.apply(ordinary(), 11).0);

    let mut cut = file(&plain);
    cut.truncate(record(&plain, 20) + 30);

    let mut damaged = file(&plain);
    let at = record(&plain, 20) + 8;
    damaged[at..at + 4].fill(0xff);

    let names: [&[u8]; 2] = [
        b"=cmd|'/c calc'!A1\x1b[2J\x1b]0;owned\x07.example",
        b"zoom.us\r\n\xe2\x80\xaeelpmaxe\xff\xfe<script>.example",
    ];
    vec![
        ("ordinary", file(&plain)),
        ("cut-in-a-record", cut),
        ("damaged-record", damaged),
        ("snaplen-64", mangled(Mangle { snap: Some(64), ..Mangle::default() })),
        ("bit-flips", mangled(Mangle { flip: 600, ..Mangle::default() })),
        (
            "lost-doubled-swapped",
            mangled(Mangle { loss: 60, duplication: 200, reorder: 300, window: 2, ..Mangle::default() }),
        ),
        ("gap-of-30-days", file(&two_visits([b"zoom.us", b"late.example"], START.plus_nanos(30 * DAY)))),
        (
            "time-running-backwards",
            file(&two_visits([b"zoom.us", b"early.example"], Timestamp::from_secs(1_792_051_200))),
        ),
        ("hostile-names", file(&two_visits(names, START.plus_nanos(1_000 * MS)))),
    ]
}
