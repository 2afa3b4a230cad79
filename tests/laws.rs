//! Laws that hold for any input, tried on the generated call and on what chance makes of it. Each is named as it reads.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "test code")]

use proptest::prelude::*;
use std::collections::BTreeSet;
use std::fmt::Write;
use std::net::IpAddr;
use std::sync::LazyLock;
use zollhund::attribution::{Atlas, Organisations};
use zollhund::decode::{Decoded, Decoder};
use zollhund::engine::view::{EndpointView, FlowView, HandshakeView, Summary};
use zollhund::engine::{Config, Engine, Event, Input, Knowledge, Limits, Rows};
use zollhund::policy::subject::Traffic;
use zollhund::policy::{Book, Lang, Parameters};
use zollhund::synth::mangle::{Caught, Mangle};
use zollhund::synth::{call, frames};
use zollhund::wire::{End, FlowKey, Frame, FrameNo, LinkType, TcpFlags, Timestamp, Transport, TransportKind};

const SECOND: u64 = 1_000_000_000;

/// The judgement of the demo: everything embedded, the profile of the audited service.
static KNOWLEDGE: LazyLock<Knowledge> = LazyLock::new(|| {
    let book = Book::embedded().unwrap();
    let profile = Some(book.profile("zoom", &Parameters::new()).unwrap());
    let (atlas, organisations) = (Atlas::embedded().unwrap(), Organisations::embedded().unwrap());
    Knowledge { atlas, organisations, book, profile, audit: None, horizon: None, lang: Lang::En }
});

/// The call with its media thinned out: every handshake and all of TCP, a tenth of the frames.
static CALL: LazyLock<Vec<Caught>> = LazyLock::new(|| {
    let mut media = 0;
    let mut keep = |bytes: &[u8]| {
        let port = |at: usize| u16::from_be_bytes([bytes[at], bytes[at + 1]]);
        // Ethernet, IPv4 without options, UDP.
        let udp = bytes[12..14] == [8, 0] && bytes[23] == 17;
        let is_media = udp && (port(34) == 8801 || port(36) == 8801);
        media += u32::from(is_media);
        // Above 64 it is media and no handshake (RFC 7983).
        !is_media || media < 40 || media % 40 == 0 || (6..64).contains(&bytes[42])
    };
    let frames = call(1).into_frames().filter(|(_, bytes)| keep(bytes));
    frames.map(|(time, bytes)| Caught::whole(time, bytes)).collect()
});

/// Everything the engine says, one line per row, with times counted from `start`.
#[derive(Debug, Default, PartialEq)]
struct Picture {
    start: Timestamp,
    flows: Vec<String>,
    handshakes: Vec<String>,
    endpoints: Vec<String>,
    facts: Vec<String>,
    findings: Vec<String>,
    /// Server, its name and how it was learnt: what segmentation and disorder must not change.
    names: BTreeSet<String>,
    /// Server address and name, for every name that a flow has in any way.
    known: BTreeSet<String>,
    packets: u64,
    bytes: u64,
}

impl Picture {
    fn since(&self, time: Timestamp) -> u64 {
        time.since(self.start)
    }

    fn event(&mut self, event: &Event<'_>) {
        let line = match event {
            Event::Answer(a) => {
                format!("{} {} {} {} {:?}", a.frame, self.since(a.time), a.client, a.resolver, a.answer)
            }
            Event::Fact(f) => format!("{} {} {} {} {} {:?}", f.frame, self.since(f.time), f.flow, f.from, f.to, f.fact),
            Event::FlowOpened { .. } => return,
            Event::FlowRetired(f) => return self.flow(f),
            Event::HandshakeRetired(h) => return self.handshake(h),
        };
        self.facts.push(line);
    }

    fn summary(&mut self, summary: &Summary) {
        for f in &summary.findings {
            let (first, last) = (self.since(f.first), self.since(f.last));
            let (code, subject, text) = (f.code, &f.subject, &f.text);
            self.findings.push(format!("{code} {subject} {text} {first} {last} {:?}", f.frames));
        }
    }
}

impl Rows for Picture {
    fn flow(&mut self, f: &FlowView<'_>) {
        self.packets += f.up.packets + f.down.packets;
        self.bytes += f.up.bytes + f.down.bytes;
        let all = f.name.iter().chain(&f.other_names);
        self.known.extend(all.map(|(name, _)| format!("{} {}", f.server.address, name.exact())));
        let name = f.name.map(|(name, basis)| format!("{} {}", name.exact(), basis.token())).unwrap_or_default();
        self.names.insert(format!("{} {:?} {name} {}", f.server, f.transport, f.application));
        let mut line = format!("{} {:?} {} {} {:?} ", f.flow, f.transport, f.client, f.server, f.client_basis);
        let _ = write!(line, "{} {} {} {name} ", self.since(f.first), self.since(f.last), f.first_frame);
        let _ = write!(line, "{:?} {:?} {} {:?}", f.up, f.down, f.application, f.round_trip);
        self.flows.push(line);
    }

    fn handshake(&mut self, h: &HandshakeView<'_>) {
        let (time, sni) = (self.since(h.time), h.sni.map(|n| n.exact().to_owned()));
        let line =
            format!("{} {time} {} {} {} {sni:?} {:?} {:?}", h.frame, h.flow, h.client, h.server, h.offer, h.choice);
        self.handshakes.push(line);
    }

    fn endpoint(&mut self, e: &EndpointView<'_>) {
        let names: Vec<_> = e.names.iter().map(|n| n.exact().to_owned()).collect();
        let (first, last) = (self.since(e.first), self.since(e.last));
        let mut line = format!("{} {names:?} {:?} {:?} {:?} ", e.address, e.place.located_in, e.listing, e.round_trip);
        let _ = write!(line, "{} {:?} {:?} {first} {last} {}", e.regime, e.up, e.down, e.flows);
        self.endpoints.push(line);
    }
}

/// Sends frames through the engine and polls after every `batch` of them.
fn analyzed(frames: &[Caught], batch: usize, shift: u64) -> (Picture, Summary) {
    analyzed_within(Limits::default(), frames, batch, shift)
}

fn analyzed_within(limits: Limits, frames: &[Caught], batch: usize, shift: u64) -> (Picture, Summary) {
    let mut engine = Engine::new(&Config { limits, ..Config::default() });
    let mut picture = Picture { start: CALL[0].time.plus_nanos(shift), ..Picture::default() };
    for (number, caught) in (1..).zip(frames) {
        let frame = Frame {
            number: FrameNo(number),
            time: caught.time.plus_nanos(shift),
            link: frames::ETHERNET,
            original_len: caught.original_len,
            bytes: &caught.bytes,
        };
        engine.ingest(Input::Frame(frame));
        if number % batch as u64 == 0 {
            while let Some(event) = engine.poll() {
                picture.event(&event);
            }
        }
    }
    engine.end();
    while let Some(event) = engine.poll() {
        picture.event(&event);
    }
    let summary = engine.summary(&KNOWLEDGE, &mut picture);
    picture.summary(&summary);
    picture.start = Timestamp::ZERO;
    (picture, summary)
}

/// The same call every three hours, and a keep-alive on its first media flow that never falls silent for long.
fn day(calls: u64) -> Vec<Caught> {
    const APART: u64 = 3 * 3_600 * SECOND;
    let later = |caught: &Caught, nanos| Caught { time: caught.time.plus_nanos(nanos), ..caught.clone() };
    let media = CALL.iter().find(|c| c.bytes[23] == 17 && c.bytes[36..38] == 8801_u16.to_be_bytes()).unwrap();
    let mut frames: Vec<_> = (0..calls * APART).step_by(200 * SECOND as usize).map(|at| later(media, at)).collect();
    frames.extend((0..calls).flat_map(|n| CALL.iter().map(move |caught| later(caught, n * APART))));
    frames.sort_by_key(|caught| caught.time);
    frames
}

#[test]
fn flows_that_are_over_need_not_be_kept() {
    let frames = day(4);
    let all = analyzed(&frames, 1, 0);
    let mut limits = Limits::default();
    limits.flows.finished = 10;
    let few = analyzed_within(limits, &frames, 1, 0);
    assert_ne!(few.0.flows, all.0.flows, "the long one has its row when it ends");
    let sorted = |p: &Picture| {
        let mut all = [&p.flows, &p.handshakes, &p.endpoints, &p.facts, &p.findings].map(Clone::clone);
        for rows in &mut all {
            rows.sort_unstable();
        }
        all
    };
    assert!(sorted(&few.0) == sorted(&all.0), "more than the order differs");
    let counts = |summary: &Summary| {
        let seen = &summary.circumstances;
        (seen.one_sided_flows, seen.midstream_flows, summary.flows, format!("{:?}", seen.blind), summary.losses.clone())
    };
    assert_eq!(counts(&few.1), counts(&all.1));
}

fn picture(frames: &[Caught]) -> Picture {
    analyzed(frames, 1, 0).0
}

/// The call as it is: what the other cases are held against.
static WHOLE: LazyLock<Picture> = LazyLock::new(|| picture(&CALL));

/// The same TCP streams in segments of at most `mss` bytes; everything else as it was.
fn resegmented(frames: &[Caught], mss: usize) -> Vec<Caught> {
    let mut decoder = Decoder::new();
    let mut out = Vec::new();
    for caught in frames {
        let frame = Frame {
            number: FrameNo(0),
            time: caught.time,
            link: frames::ETHERNET,
            original_len: caught.original_len,
            bytes: &caught.bytes,
        };
        let Decoded::Packet(packet) = decoder.decode(&frame) else { panic!("the call is TCP and UDP") };
        match (packet.transport, packet.macs) {
            (Transport::Tcp { sequence, acknowledgment, flags }, Some((from, to))) if !packet.payload.is_empty() => {
                for (n, part) in packet.payload.chunks(mss).enumerate() {
                    let sequence = sequence.wrapping_add((n * mss) as u32);
                    let segment = frames::Segment { sequence, acknowledgment, flags: TcpFlags(flags.0) };
                    let bytes = frames::tcp(packet.source, packet.destination, segment, part);
                    out.push(Caught::whole(caught.time, frames::ethernet(from, to, &bytes)));
                }
            }
            _ => out.push(caught.clone()),
        }
    }
    out
}

/// The IP packet in an Ethernet frame, without padding.
fn packet(frame: &[u8]) -> &[u8] {
    let packet = &frame[14..];
    let field = |at: usize| usize::from(u16::from_be_bytes([packet[at], packet[at + 1]]));
    let length = if packet[0] >> 4 == 6 { field(4) + 40 } else { field(2) };
    &packet[..length]
}

/// The call with every packet in another wrapping; the frames of one packet stay together.
fn rewrapped(wrap: impl Fn(&[u8]) -> Vec<Vec<u8>>) -> Vec<Caught> {
    let wrapped = |c: &Caught| wrap(packet(&c.bytes)).into_iter().map(|b| Caught::whole(c.time, b)).collect::<Vec<_>>();
    CALL.iter().flat_map(wrapped).collect()
}

#[test]
fn the_same_names_through_tunnels_tags_and_fragments() {
    const MACS: ([u8; 6], [u8; 6]) = ([2; 6], [4; 6]);
    let (a, b) = (IpAddr::from([10, 0, 0, 1]), IpAddr::from([10, 0, 0, 2]));
    let ethernet = |packet: &[u8]| frames::ethernet(MACS.0, MACS.1, packet);
    let in_fragments = |backwards: bool| {
        rewrapped(move |packet| {
            let mut pieces = frames::fragments(packet, 600);
            // TCP is segmented, never fragmented: systems set the bit that forbids it.
            if packet[0] >> 4 == 4 && packet[9] == 6 {
                pieces = vec![packet.to_vec()];
            }
            if backwards {
                pieces.reverse();
            }
            pieces.iter().map(|piece| ethernet(piece)).collect()
        })
    };
    for (wrapping, frames) in [
        ("vlan", rewrapped(|packet| vec![frames::vlan(42, MACS.0, MACS.1, packet)])),
        ("gtp-u", rewrapped(|packet| vec![ethernet(&frames::gtp_u(a, b, 7, packet))])),
        (
            "ip-in-ip",
            rewrapped(|packet| vec![ethernet(&frames::ip(a, b, if packet[0] >> 4 == 6 { 41 } else { 4 }, packet))]),
        ),
        ("fragments", in_fragments(false)),
        ("fragments backwards", in_fragments(true)),
    ] {
        let wrapped = picture(&frames);
        assert_eq!(wrapped.names, WHOLE.names, "{wrapping}");
        assert_eq!(wrapped.handshakes.len(), WHOLE.handshakes.len(), "{wrapping}");
        assert_eq!(wrapped.packets, frames.len() as u64, "{wrapping}");
    }
}

/// Every name in the picture is one that its server has in the whole call.
fn assert_nothing_invented(part: &Picture) {
    let known = &WHOLE.known;
    for row in &part.names {
        let mut words = row.split(' ');
        let (server, name) = (words.next().unwrap(), words.nth(1).unwrap());
        let address = server.parse::<std::net::SocketAddr>().unwrap().ip();
        assert!(name.is_empty() || known.contains(&format!("{address} {name}")), "{row} is not in {known:#?}");
    }
}

#[test]
fn half_of_the_call_tells_nothing_new() {
    for from_client in [true, false] {
        let client = if from_client { [2, 0x5a, 0x48, 0, 0, 0x23] } else { [2, 0x5a, 0x48, 0, 0, 1] };
        let half: Vec<_> = CALL.iter().filter(|frame| frame.bytes[6..12] == client).cloned().collect();
        let picture = picture(&half);
        assert_nothing_invented(&picture);
        let told = |basis: &str| picture.names.iter().any(|row| row.contains(basis));
        assert_eq!(told("tls-sni"), from_client);
        assert_eq!(told("certificate"), !from_client);
    }
}

#[test]
fn the_same_input_gives_the_same_output_twice() {
    assert_eq!(picture(&CALL), *WHOLE);
    assert!(WHOLE.names.len() > 20 && WHOLE.findings.len() > 5, "{:#?}", WHOLE.findings);
}

#[test]
fn the_story_of_the_call_is_told() {
    for told in [
        "170.114.52.2:443 Tcp zoom.us tls-sni tls",
        "170.114.10.73:443 Tcp musteramt.zoom.us tls-sni tls",
        "[2a00:1450:4001:80b::200e]:443 Udp www.google-analytics.com quic-sni quic",
        "134.224.111.21:443 Udp rwcfra.fra.zoom.us quic-sni quic",
        "134.224.111.20:8801 Udp zoomfra20mmr.fra.zoom.us dns zoom",
        "18.136.20.30:443 Tcp collector.metrics-partner.example tls-sni tls",
        "104.16.132.229:443 Tcp cloudflare-ech.com outer-sni tls",
        "46.4.55.2:443 Tcp updates.desktop-widget.example certificate tls",
        "88.198.55.1:80 Tcp weather.desktop-widget.example http-host http",
    ] {
        assert!(WHOLE.names.contains(told), "{told} is not among {:#?}", WHOLE.names);
    }
    for kind in ["transport: Tls", "transport: Quic", "transport: Dtls", "Relayed", "Realm", "Certified"] {
        let mut rows = WHOLE.handshakes.iter().chain(&WHOLE.facts);
        assert!(rows.any(|row| row.contains(kind)), "no {kind} among the handshakes and facts");
    }
}

#[test]
fn same_names_byte_by_byte() {
    let frames = &CALL[..300];
    let (cut, whole) = (picture(&resegmented(frames, 1)), picture(frames));
    assert_eq!((cut.names, cut.handshakes.len()), (whole.names, whole.handshakes.len()));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 8, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn same_events_for_any_batching(batch in 1..5_000_usize) {
        prop_assert_eq!(&analyzed(&CALL, batch, 0).0, &*WHOLE);
    }

    #[test]
    fn same_names_for_any_segmentation(mss in 1..1_460_usize) {
        // Bytes one by one only of the beginning: the rest of the call is only longer.
        let frames = if mss < 40 { &CALL[..300] } else { &CALL };
        let (cut, whole) = (picture(&resegmented(frames, mss)), picture(frames));
        prop_assert_eq!(cut.names, whole.names);
        prop_assert_eq!(cut.handshakes.len(), whole.handshakes.len());
    }

    #[test]
    fn same_names_for_duplicated_and_reordered_segments(seed: u64, mss in 200..1_460_usize) {
        let rules = Mangle { duplication: 100, reorder: 100, window: 3, within: Some(SECOND / 1_000), ..Mangle::default() };
        // Only TCP: a datagram before its DNS answer is another story, not the same one in disorder.
        let is_tcp = |frame: &Caught| frame.bytes[12..14] == [8, 0] && frame.bytes[23] == 6;
        let (tcp, mut frames): (Vec<_>, Vec<_>) = resegmented(&CALL, mss).into_iter().partition(is_tcp);
        frames.extend(rules.apply(tcp, seed).0);
        frames.sort_by_key(|frame| frame.time);
        prop_assert_eq!(&picture(&frames).names, &WHOLE.names);
    }

    #[test]
    fn nothing_is_invented_when_frames_are_missing(seed: u64, loss in 0..900_u16, snap in 60..400_usize) {
        let rules = Mangle { loss, snap: Some(snap), ..Mangle::default() };
        assert_nothing_invented(&picture(&rules.apply(CALL.iter().cloned(), seed).0));
    }

    #[test]
    fn shifting_all_times_shifts_only_times(hours in 0..14_u64, nanos in 0..SECOND) {
        // Within the day of the call: another day has other law.
        prop_assert_eq!(&analyzed(&CALL, 1, hours * 3_600 * SECOND + nanos).0, &*WHOLE);
    }

    #[test]
    fn totals_do_not_depend_on_the_bounds(flows in 1..40_usize, few in 1..6_usize, held in 0..20_000_usize) {
        let mut limits = Limits::default();
        (limits.flows.flows, limits.flows.finished, limits.flows.held_bytes) = (flows, flows / 2, held);
        let ledger = &mut limits.ledger;
        (ledger.handshakes, ledger.endpoints, ledger.names_per_endpoint) = (few, few * 3, few);
        (ledger.recipients, ledger.frames_per_recipient) = (few, few);
        (ledger.addresses_per_recipient, ledger.names_per_recipient) = (few, few);
        let (picture, summary) = analyzed_within(limits, &CALL, 7, 0);
        prop_assert_eq!((picture.packets, picture.bytes), (WHOLE.packets, WHOLE.bytes));
        prop_assert_eq!(picture.handshakes.len() as u64, summary.handshakes);
        let total = |of: fn(&Traffic) -> u64| summary.recipients.iter().map(|r| of(&r.traffic)).sum::<u64>();
        let beyond = summary.losses.iter().find(|line| line.kind.contains("further addresses"));
        prop_assert_eq!(
            total(|t| t.bytes_up + t.bytes_down) + beyond.map_or(0, |line| line.bytes),
            summary.up.bytes + summary.down.bytes
        );
        prop_assert!(summary.recipients.iter().all(|r| r.frames.len() <= few && r.addresses.len() <= few));
    }

    #[test]
    fn the_books_balance_whatever_is_lost(seed: u64, loss in 0..500_u16, snap in 0..300_usize, flip in 0..100_u16) {
        let rules = Mangle { loss, duplication: 50, reorder: 50, window: 5, within: None, snap: Some(snap), flip };
        let (frames, damage) = rules.apply(CALL.iter().cloned(), seed);
        let (picture, summary) = analyzed(&frames, 1, 0);
        let seen = &summary.circumstances;
        let sum = |stage: &str| summary.losses.iter().filter(|l| &*l.stage == stage).map(|l| l.frames).sum::<u64>();
        let analyzed = picture.packets + sum("set aside") + seen.unreadable;
        prop_assert_eq!(seen.frames, frames.len() as u64);
        prop_assert_eq!(seen.frames, analyzed, "{:#?}", summary.losses);
        prop_assert_eq!(seen.unreadable, sum("decode"));
        prop_assert_eq!(seen.cut, frames.iter().filter(|f| f.bytes.len() < f.original_len as usize).count() as u64);
        prop_assert!(damage.lost == 0 || frames.len() < CALL.len() + damage.duplicated as usize);
        prop_assert_eq!(summary.up.packets + summary.down.packets, picture.packets);
        prop_assert_eq!(summary.up.bytes + summary.down.bytes, picture.bytes);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_prefix_of_any_frame_yields_packet_or_fault(n: prop::sample::Index, len: prop::sample::Index, cut: bool) {
        let frame = &CALL[n.index(CALL.len())];
        let bytes = &frame.bytes[..len.index(frame.bytes.len() + 1)];
        // Cut by the capture, or short on the wire.
        let original_len = if cut { frame.original_len } else { bytes.len() as u32 };
        let frame = Frame { number: FrameNo(1), time: frame.time, link: frames::ETHERNET, original_len, bytes };
        match Decoder::new().decode(&frame) {
            Decoded::Packet(packet) => prop_assert!(packet.payload.len() <= bytes.len()),
            Decoded::Fault(fault) => prop_assert!(fault.offset as usize <= bytes.len(), "{:?}", fault),
            Decoded::Other(other) => prop_assert!(false, "{:?}", other),
        }
    }

    #[test]
    fn any_bytes_of_any_link_type_are_read_or_faulted(link in 0..300_u32, bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let link = LinkType(link);
        let original_len = bytes.len() as u32;
        let frame = Frame { number: FrameNo(1), time: Timestamp::ZERO, link, original_len, bytes: &bytes };
        if let Decoded::Packet(packet) = Decoder::new().decode(&frame) {
            prop_assert!(packet.payload.len() <= bytes.len());
        }
    }

    #[test]
    fn a_flow_key_has_no_direction(a: (IpAddr, u16), b: (IpAddr, u16), tcp: bool) {
        let kind = if tcp { TransportKind::Tcp } else { TransportKind::Udp };
        let [a, b] = [a, b].map(|(address, port)| End { address, port });
        prop_assert_eq!(FlowKey::new(kind, a, b), FlowKey::new(kind, b, a));
        prop_assert_eq!(FlowKey::new(kind, a, b) == FlowKey::new(kind, a, a), a == b);
    }
}
