//! The fuzz targets' bodies: an adversary's bytes in, nothing out; a broken promise is a panic. Shared by cargo-fuzz
//! (one binary each, guided by coverage) and by `tests/corpora.rs` (the stored seeds and mutations of them, on any
//! toolchain).

// Every binary that includes this file uses one of the bodies.
#![allow(dead_code)]

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::sync::LazyLock;
use zollhund::attribution::{Atlas, Organisations};
use zollhund::capture::{CaptureFile, Captured, Digest};
use zollhund::decode::{Decoded, Decoder};
use zollhund::dissect::{Dissector, Fact, Facts, Opening, Part, Probe, Protocol, REGISTRY, Step};
use zollhund::engine::{Config, Engine, Input, Knowledge, NoRows};
use zollhund::evidence::{HostNames, PseudonymKey, Pseudonyms, Redactor};
use zollhund::flow::{FlowTable, Limits};
use zollhund::policy::background::Background;
use zollhund::policy::tracker::Trackers;
use zollhund::policy::{Book, Lang, List, Parameters, Profile, Regimes};
use zollhund::report::{Style, summary_text};
use zollhund::wire::{
    Cursor, End, Fragment, Frame, FrameNo, LinkType, Packet, Side, TcpFlags, Timestamp, Transport, TransportKind,
    Tunnel, canonical, is_treacherous,
};

/// Name of a target and its body.
pub type Target = (&'static str, fn(&[u8]));

/// All targets; each has a folder in `fuzz/corpus` and a binary in `fuzz/fuzz_targets`.
pub const TARGETS: &[Target] = &[
    ("decode", decode),
    ("dissect", dissect),
    ("flow", flow),
    ("capture", capture),
    ("redact", redact),
    ("mmdb", mmdb),
    ("tables", tables),
];

/// Bytes that one dissector may hold back: both sides' hellos at their greatest, with room to spare.
const MAX_HELD: usize = 512 * 1024;
/// The opening that a probe is shown, as the flow reader shows it.
const OPENING: usize = 512;

/// One dissector of the registry: `[0 TCP, 1 UDP][length: 1][name][from port: 2][to port: 2]`, then parts
/// `[bit 0: side, bits 1-2: 0 or 1 bytes, 2 gap, 3 end][length: 2][bytes]`.
///
/// Promises: no panic; bounded memory; `Upgrade` gives back no more than it got; streams without gaps say the
/// same however their bytes are cut.
pub fn dissect(data: &[u8]) {
    let mut input = Cursor::new(data);
    let (Some(udp), Some(name), Some(from_port), Some(to_port)) = (input.u8(), input.vec8(), input.u16(), input.u16())
    else {
        return;
    };
    let transport = if udp & 1 == 0 { TransportKind::Tcp } else { TransportKind::Udp };
    let wanted = |p: &&Protocol| p.transport == transport && p.name.as_bytes() == name;
    let Some(protocol) = REGISTRY.iter().find(wanted) else { return };
    let mut parts: Vec<(Side, Piece)> = Vec::new();
    while let Some(part) = piece(&mut input) {
        parts.push(part);
    }
    let joined = join(&parts);
    let Some((side, Piece::Bytes(first))) = joined.first().filter(|_| protocol.transport == TransportKind::Tcp) else {
        // Datagrams have their borders: what was cut is what is read.
        if let Some((side, Piece::Bytes(first))) = parts.first() {
            let opening = Opening { bytes: first, side: *side, from_port, to_port };
            run(protocol, &opening, &parts);
        }
        return;
    };
    let opening_len = first.len().min(OPENING);
    let opening = Opening { bytes: &first[..opening_len], side: *side, from_port, to_port };
    let whole = run(protocol, &opening, &joined);
    let cut = run(protocol, &opening, &with_opening(&parts, opening_len));
    // Behind a gap a reader may look for a new beginning where a segment begins: there the cuts do matter.
    let gap = parts.iter().any(|(_, piece)| matches!(piece, Piece::Gap(_)));
    if let (Some(whole), Some(cut), false) = (whole, cut, gap) {
        assert_eq!(whole, cut, "{}: facts depend on where the stream was cut", protocol.name);
    }
}

/// A part with its bytes owned.
#[derive(Debug, Clone, PartialEq)]
enum Piece {
    Bytes(Vec<u8>),
    Gap(u64),
    End,
}

fn piece(input: &mut Cursor<'_>) -> Option<(Side, Piece)> {
    let control = input.u8()?;
    let length = input.u16()?;
    let side = if control & 1 == 0 { Side::First } else { Side::Second };
    let piece = match control >> 1 & 3 {
        0 | 1 => {
            let length = usize::from(length).min(input.rest().len());
            Piece::Bytes(input.take(length)?.to_vec())
        }
        2 => Piece::Gap(u64::from(length) + 1),
        _ => Piece::End,
    };
    Some((side, piece))
}

/// The same stream with bytes that follow each other on one side in one part.
fn join(parts: &[(Side, Piece)]) -> Vec<(Side, Piece)> {
    let mut joined: Vec<(Side, Piece)> = Vec::new();
    for (side, piece) in parts {
        match (joined.last_mut(), piece) {
            (Some((last_side, Piece::Bytes(last))), Piece::Bytes(bytes)) if last_side == side => last.extend(bytes),
            _ => joined.push((*side, piece.clone())),
        }
    }
    joined
}

/// The parts as cut, except that the first one holds the whole opening: so the flow reader hands it over.
fn with_opening(parts: &[(Side, Piece)], opening_len: usize) -> Vec<(Side, Piece)> {
    let mut out: Vec<(Side, Piece)> = Vec::new();
    for (side, piece) in parts {
        match (out.as_mut_slice(), piece) {
            ([(_, Piece::Bytes(first))], Piece::Bytes(bytes)) if first.len() < opening_len => {
                let (missing, rest) = bytes.split_at((opening_len - first.len()).min(bytes.len()));
                first.extend(missing);
                if !rest.is_empty() {
                    out.push((*side, Piece::Bytes(rest.to_vec())));
                }
            }
            _ => out.push((*side, piece.clone())),
        }
    }
    out
}

/// What the dissector said; `None` if its probe did not want the opening.
fn run(protocol: &Protocol, opening: &Opening<'_>, parts: &[(Side, Piece)]) -> Option<Vec<(Side, Fact)>> {
    if (protocol.probe)(opening) != Probe::Yes {
        return None;
    }
    let mut dissector: Box<dyn Dissector> = (protocol.make)(opening);
    let mut out = Facts::default();
    let mut control = false;
    for (side, piece) in parts {
        let part = match piece {
            Piece::Bytes(bytes) if protocol.transport == TransportKind::Udp => {
                if control && bytes.first().is_none_or(|b| *b >= 64) {
                    continue;
                }
                Part::Datagram(bytes)
            }
            _ if protocol.transport == TransportKind::Udp => continue,
            Piece::Bytes(bytes) => Part::Bytes(bytes),
            Piece::Gap(len) => Part::Gap(*len),
            Piece::End => Part::End,
        };
        let step = dissector.accept(*side, part, &mut out);
        let held = dissector.held();
        assert!(held <= MAX_HELD, "{}: {held} bytes held", protocol.name);
        match step {
            Step::More => {}
            Step::Control => {
                assert_eq!(protocol.transport, TransportKind::Udp, "{}: control is for datagrams", protocol.name);
                control = true;
            }
            Step::Upgrade { rest } => {
                let given = if let Piece::Bytes(bytes) = piece { bytes.len() } else { 0 };
                assert!(rest <= given, "{}: {rest} of {given} bytes given back", protocol.name);
                break;
            }
            Step::Done | Step::GiveUp(_) => break,
        }
    }
    Some(out.0)
}

/// The flow table with its reassembly and all dissectors: segments and datagrams
/// `[bits 0-1: conversation, 2: direction, 3: UDP, 4: a cut payload][TCP flags][sequence: 2][time in s][length: 2][bytes]`.
///
/// Promises: no panic; every packet is counted once; the bytes held stay under their bound; ports are spread over those
/// that dissectors look at.
pub fn flow(data: &[u8]) {
    const SERVER_PORTS: [u16; 4] = [443, 53, 3478, 80];
    let limits = Limits { flows: 6, held_bytes: 64 * 1024, ..Limits::default() };
    let mut table = FlowTable::new(limits);
    let mut input = Cursor::new(data);
    let (mut accepted, mut counted, mut now) = (0u64, 0u64, Timestamp::from_secs(1_000));
    while let (Some(control), Some(flags), Some(sequence), Some(wait), Some(length)) =
        (input.u8(), input.u8(), input.u16(), input.u8(), input.u16())
    {
        let length = usize::from(length).min(input.rest().len());
        let Some(payload) = input.take(length) else { break };
        // One second in 16 passes often enough for idle timers to run.
        now = now.plus_nanos(u64::from(wait) * 62_500_000);
        let which = control & 3;
        let client = End { address: IpAddr::from([192, 0, 2, which]), port: 50_000 };
        let server = End { address: IpAddr::from([198, 51, 100, 1]), port: SERVER_PORTS[usize::from(which)] };
        let (source, destination) = if control & 4 == 0 { (client, server) } else { (server, client) };
        let transport = if control & 8 == 0 {
            // Close to the wrap of the sequence space.
            let sequence = u32::from(sequence).wrapping_sub(1_000);
            Transport::Tcp { sequence, acknowledgment: u32::from(wait), flags: TcpFlags(flags) }
        } else {
            Transport::Udp
        };
        let packet = Packet {
            source,
            destination,
            transport,
            payload,
            payload_len: payload.len() as u32,
            cut: control & 16 != 0,
            fragment: Fragment::Whole,
            tunnel: Tunnel::default(),
            macs: None,
            tcp_options: &[],
            fault: None,
        };
        accepted += 1;
        let number = FrameNo(accepted);
        let original_len = payload.len() as u32 + 54;
        let frame = Frame { number, time: now, link: LinkType(1), original_len, bytes: payload };
        if let Some((_, flow, _)) = table.retire(now) {
            counted += flow.sent.iter().map(|s| s.packets).sum::<u64>();
        }
        let mut facts = Facts::default();
        table.accept(&packet, &frame, &mut facts);
        if wait > 200 {
            table.sweep(now, |_, _| ());
        }
    }
    table.end(|_, _| ());
    counted += table.iter().flat_map(|(_, flow)| flow.sent.iter()).map(|s| s.packets).sum::<u64>();
    assert_eq!(counted, accepted, "every packet is in one flow's count");
}

/// Frames of any link type: `[index into LINKS][bit 0: cut][time in s][length: 2][bytes]`.
///
/// Promises: no panic; addresses are canonical; a packet never claims to hold more than was sent, and holds less only if
/// it says that it is cut.
pub fn decode(data: &[u8]) {
    const LINKS: [u32; 22] =
        [1, 101, 0, 9, 10, 12, 14, 50, 51, 104, 105, 108, 113, 127, 149, 204, 228, 229, 239, 258, 276, 9_999];
    let mut decoder = Decoder::new();
    let mut input = Cursor::new(data);
    let (mut number, mut now) = (0, Timestamp::from_secs(1_000));
    while let (Some(link), Some(flags), Some(wait), Some(length)) = (input.u8(), input.u8(), input.u8(), input.u16()) {
        let length = usize::from(length).min(input.rest().len());
        let Some(bytes) = input.take(length) else { break };
        number += 1;
        now = now.plus_nanos(u64::from(wait) * 1_000_000_000);
        let link = LinkType(LINKS[usize::from(link) % LINKS.len()]);
        let missing = if flags & 1 == 0 { 0 } else { u32::from(wait) };
        let original_len = bytes.len() as u32 + missing;
        let frame = Frame { number: FrameNo(number), time: now, link, original_len, bytes };
        if let Decoded::Packet(packet) = decoder.decode(&frame) {
            for address in [packet.source.address, packet.destination.address] {
                assert_eq!(address, canonical(address));
            }
            if packet.fragment == Fragment::Whole {
                let held = packet.payload.len() as u32;
                assert!(held <= packet.payload_len, "{held} bytes of {} sent", packet.payload_len);
                assert!(held == packet.payload_len || packet.cut || packet.fault.is_some(), "{packet:?}");
            }
        }
    }
}

/// A capture file.
///
/// Promises: no panic; it ends; frames are numbered without gaps; no frame holds more than was sent.
pub fn capture(data: &[u8]) {
    let reader = Box::new(std::io::Cursor::new(data.to_vec()));
    let Ok(mut file) = CaptureFile::from_reader("fuzz".into(), reader, Digest::Sha256) else { return };
    let mut frames = 0;
    // Gzip makes at most 1032 bytes of one; the smallest thing told is a comment option of four bytes.
    for _ in 0..data.len() * 300 + 100 {
        match file.next() {
            Ok(Some(Captured::Frame { frame, .. })) => {
                frames += 1;
                assert_eq!(frame.number, FrameNo(frames));
                assert!(frame.bytes.len() <= frame.original_len as usize);
            }
            Ok(Some(Captured::Note(_))) => {}
            Ok(None) => {
                assert!(file.ending().is_some());
                assert_eq!(file.info().frames, frames);
                return;
            }
            Err(_) => return,
        }
    }
    panic!("the file does not end");
}

/// A database file of the user.
///
/// Promises: no panic and no endless search, whatever the file holds.
pub fn mmdb(data: &[u8]) {
    let Ok(atlas) = Atlas::with_user_files(vec![("user.mmdb".to_owned(), data.to_vec())]) else { return };
    for address in ["1.2.3.4", "2.16.0.1", "134.224.111.20", "255.255.255.254", "2a00:1450:4001::1", "2600::1"] {
        if let Ok(address) = address.parse() {
            let _ = atlas.place(address);
        }
    }
    let _ = (atlas.sources(), atlas.databases());
}

/// A data file in TOML: the first byte says which.
///
/// Promises: no panic; an error for people is one line without control characters.
pub fn tables(data: &[u8]) {
    let Some((kind, text)) = data.split_first() else { return };
    let Ok(text) = std::str::from_utf8(text) else { return };
    let error = match kind {
        b'o' => Organisations::parse("organisations.toml", text).err().map(|e| e.to_string()),
        b'a' => {
            let files = vec![("anycast.toml".to_owned(), text.as_bytes().to_vec())];
            Atlas::with_user_files(files).err().map(|e| e.to_string())
        }
        b'l' => List::parse("list.toml", text).err().map(|e| e.to_string()),
        b's' => Profile::parse("service.toml", text, &Parameters::new(), |_| None).err().map(|e| e.to_string()),
        b'j' => Regimes::parse("jurisdictions.toml", text).err().map(|e| e.to_string()),
        b't' => Trackers::parse("trackers.toml", text).err().map(|e| e.to_string()),
        b'b' => Background::parse("background.toml", text).err().map(|e| e.to_string()),
        _ => None,
    };
    if let Some(error) = error {
        assert!(!error.chars().any(is_treacherous), "{error:?}");
    }
}

/// A capture file, made over for a copy that may be passed on.
///
/// Promises: no panic; no frame grows; the same again comes out; no address of the audited side is an address in it.
pub fn redact(data: &[u8]) {
    let own: IpAddr = IpAddr::from([192, 0, 2, 1]);
    let make = || {
        let pseudonyms = Pseudonyms::new(PseudonymKey::from(&[7; 32]), &[own].into(), BTreeSet::new());
        let mut redactor = Redactor::new(pseudonyms);
        let mut names = HostNames::default();
        each_frame(data, |frame| {
            names.look(frame);
            redactor.learn(frame);
        });
        let (mut made, mut decoder) = (Vec::new(), Decoder::new());
        each_frame(data, |frame| {
            let bytes = redactor.redact(frame).to_vec();
            assert!(bytes.len() <= frame.bytes.len());
            if let Decoded::Packet(packet) = decoder.decode(&Frame { bytes: &bytes, ..*frame }) {
                assert!(packet.source.address != own && packet.destination.address != own);
            }
            made.push(bytes);
        });
        (made, redactor.done(), names.into_names())
    };
    assert!(make() == make(), "not the same again");
}

/// The frames of a capture file, as far as it can be read.
fn each_frame(data: &[u8], mut take: impl FnMut(&Frame<'_>)) {
    let reader = Box::new(std::io::Cursor::new(data.to_vec()));
    let Ok(mut file) = CaptureFile::from_reader("fuzz".into(), reader, Digest::Skip) else { return };
    while let Ok(Some(record)) = file.next() {
        if let Captured::Frame { frame, .. } = record {
            take(&frame);
        }
    }
}

/// A capture file through the whole core, down to the findings and their text.
///
/// Promises: no panic; every frame is in one book; nothing that is told acts on a terminal.
pub fn engine(data: &[u8]) {
    static KNOWLEDGE: LazyLock<Option<Knowledge>> = LazyLock::new(|| {
        let book = Book::embedded().ok()?;
        let profile = Some(book.profile("zoom", &Parameters::new()).ok()?);
        let (atlas, organisations) = (Atlas::embedded().ok()?, Organisations::embedded().ok()?);
        Some(Knowledge { atlas, organisations, book, profile, audit: None, horizon: None, lang: Lang::En })
    });
    let Some(knowledge) = &*KNOWLEDGE else { panic!("the embedded knowledge is broken") };
    let reader = Box::new(std::io::Cursor::new(data.to_vec()));
    let Ok(mut file) = CaptureFile::from_reader("fuzz".into(), reader, Digest::Skip) else { return };
    let mut engine = Engine::new(&Config::default());
    while let Ok(Some(record)) = file.next() {
        if let Captured::Frame { frame, .. } = record {
            engine.ingest(Input::Frame(frame));
        }
        while engine.poll().is_some() {}
    }
    engine.end();
    while engine.poll().is_some() {}
    let summary = engine.summary(knowledge, &mut NoRows);
    let seen = &summary.circumstances;
    let aside: u64 = summary.losses.iter().filter(|l| &*l.stage == "set aside").map(|l| l.frames).sum();
    let booked = summary.up.packets + summary.down.packets + aside + seen.unreadable;
    // Fragments that came before their first are set aside, and counted again when it comes.
    let orphans = summary.losses.iter().any(|l| l.kind.contains("fragment"));
    assert!(booked == seen.frames || orphans && booked > seen.frames, "{booked} of {} frames booked", seen.frames);
    let mut text = Vec::new();
    assert!(summary_text(&summary, &Style::default(), &mut text).is_ok());
    let text = String::from_utf8(text);
    assert!(text.is_ok_and(|text| !text.replace('\n', "").chars().any(is_treacherous)));
}
