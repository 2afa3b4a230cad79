//! Fragments in every order, twice, overlapping, cut, too many, too old.

use super::super::build::*;
use super::super::{Decoded, Decoder, FragmentCounts, Other, OtherKind};
use super::{MAX_AGE, MAX_BYTES, MAX_DATAGRAMS};
use crate::wire::{FaultKind, Fragment, Frame, LinkType, Packet, Transport, TransportKind, Tunnel};
use proptest::prelude::*;

const RAW: LinkType = LinkType::RAW;

/// A UDP datagram of 48 bytes with its header, in three fragments of 16.
fn datagram() -> (Vec<u8>, [Vec<u8>; 3]) {
    let payload: Vec<u8> = (0..40).collect();
    let whole = udp(&payload);
    let parts = [0, 16, 32].map(|at| fragment4(77, at, at < 32, &whole[at..at + 16]));
    (payload, parts)
}

/// What a decoder said, without borrowing from it.
#[derive(Debug, Clone, PartialEq)]
enum Said {
    Packet { fragment: Fragment, transport: Transport, payload: Vec<u8>, payload_len: u32, ports: (u16, u16) },
    Orphan,
    Else(OtherKind),
    Fault(FaultKind),
}

fn said(decoder: &mut Decoder, frame: &Frame<'_>) -> Said {
    match decoder.decode(frame) {
        Decoded::Packet(Packet { fragment, transport, payload, payload_len, source, destination, .. }) => {
            let ports = (source.port, destination.port);
            Said::Packet { fragment, transport, payload: payload.to_vec(), payload_len, ports }
        }
        Decoded::Other(Other { kind: OtherKind::OrphanFragment, .. }) => Said::Orphan,
        Decoded::Other(other) => Said::Else(other.kind),
        Decoded::Fault(fault) => Said::Fault(fault.kind),
    }
}

fn first(earlier: u32, payload: &[u8]) -> Said {
    let fragment = Fragment::First {
        earlier_frames: earlier,
        earlier_bytes: u64::from(earlier) * 36,
        earlier_payload: u64::from(earlier) * 16,
    };
    let ports = (SOURCE_PORT, DESTINATION_PORT);
    Said::Packet { fragment, transport: Transport::Udp, payload: payload.to_vec(), payload_len: 8, ports }
}

/// A later fragment; the one that completes the datagram has its transport and payload.
fn later(payload: &[u8]) -> Said {
    let transport = if payload.is_empty() { Transport::Continued(TransportKind::Udp) } else { Transport::Udp };
    let ports = (SOURCE_PORT, DESTINATION_PORT);
    Said::Packet { fragment: Fragment::Later, transport, payload: payload.to_vec(), payload_len: 16, ports }
}

#[test]
fn any_order_gives_the_payload_once_and_counts_every_frame() {
    let (payload, parts) = datagram();
    let orders: &[([usize; 3], [Said; 3])] = &[
        ([0, 1, 2], [first(0, b""), later(b""), later(&payload)]),
        ([0, 2, 1], [first(0, b""), later(b""), later(&payload)]),
        ([1, 0, 2], [Said::Orphan, first(1, b""), later(&payload)]),
        ([2, 0, 1], [Said::Orphan, first(1, b""), later(&payload)]),
        ([1, 2, 0], [Said::Orphan, Said::Orphan, first(2, &payload)]),
        ([2, 1, 0], [Said::Orphan, Said::Orphan, first(2, &payload)]),
    ];
    for (order, expected) in orders {
        let mut decoder = Decoder::new();
        let got = order.map(|at| said(&mut decoder, &frame(RAW, &parts[at])));
        assert_eq!(&got, expected, "{order:?}");
        let counts = FragmentCounts { fragments: 3, datagrams: 1, completed: 1, ..FragmentCounts::default() };
        assert_eq!(decoder.fragments(), counts);
    }
}

#[test]
fn ipv6_fragments_and_those_of_tcp_come_together() {
    let whole = tcp(0x18, &[7; 60]);
    let body = |at: usize, end: usize| {
        ipv4_with(A4, B4, 6, 9, if end < 92 { 0x2000 } else { 0 } | (at / 8) as u16, &whole[at..end])
    };
    let mut decoder = Decoder::new();
    // The first fragment ends inside the TCP header: its ports are there, its flags are not.
    let parts = [body(0, 8), body(8, 40), body(40, 92)];
    let got = parts.clone().map(|part| said(&mut decoder, &frame(RAW, &part)));
    assert!(matches!(got[0], Said::Packet { transport: Transport::Continued(TransportKind::Tcp), .. }));
    assert!(
        matches!(&got[2], Said::Packet { transport: Transport::Tcp { sequence: 7, .. }, payload, payload_len: 52, .. }
        if payload == &[7; 60])
    );

    let (payload, whole) = ((0..100).collect::<Vec<u8>>(), udp(&(0..100).collect::<Vec<u8>>()));
    let parts = [fragment6(5, 64, false, &whole[64..]), fragment6(5, 0, true, &whole[..64])];
    let mut decoder = Decoder::new();
    assert_eq!(said(&mut decoder, &frame(RAW, &parts[0])), Said::Orphan);
    assert!(matches!(said(&mut decoder, &frame(RAW, &parts[1])),
        Said::Packet { fragment: Fragment::First { earlier_frames: 1, .. }, payload: got, payload_len: 56, .. }
        if got == payload));
}

#[test]
fn duplicates_change_nothing_and_identifications_are_reused() {
    let (payload, parts) = datagram();
    let mut decoder = Decoder::new();
    let mut next = |at: usize| said(&mut decoder, &frame(RAW, &parts[at]));
    assert_eq!([next(0), next(0), next(1), next(1)], [first(0, b""), first(0, b""), later(b""), later(b"")]);
    assert_eq!(next(2), later(&payload));
    // A late copy still belongs to the conversation.
    assert_eq!(next(1), later(b""));
    // The same again is a datagram of its own.
    assert_eq!([next(0), next(1), next(2)], [first(0, b""), later(b""), later(&payload)]);
    let counts = decoder.fragments();
    assert_eq!((counts.duplicates, counts.datagrams, counts.completed, counts.waiting), (2, 2, 2, 0));

    // Another first fragment before the datagram is whole: the old one will not come any more.
    let other = fragment4(77, 0, true, &udp_between(1, 2, &[9; 8]));
    let mut decoder = Decoder::new();
    said(&mut decoder, &frame(RAW, &parts[0]));
    assert!(matches!(said(&mut decoder, &frame(RAW, &other)), Said::Packet { ports: (1, 2), .. }));
    assert!(matches!(said(&mut decoder, &frame(RAW, &parts[1])), Said::Packet { ports: (1, 2), .. }));
    assert_eq!((decoder.fragments().expired, decoder.fragments().waiting), (1, 1));
}

/// Receivers differ in what they make of overlaps; so the payload is not read, but the frames are counted.
#[test]
fn contradictions_close_the_datagram_unread() {
    let (_, parts) = datagram();
    let wrong: &[(&str, Vec<u8>)] = &[
        ("overlaps the one before", fragment4(77, 8, true, &[1; 16])),
        ("overlaps the one behind", fragment4(77, 16, true, &[1; 24])),
        ("same place, other bytes", fragment4(77, 32, false, &[1; 16])),
        ("ends before the last one", fragment4(77, 16, false, &[1; 8])),
        ("lies behind the end", fragment4(77, 48, true, &[1; 8])),
    ];
    for (name, wrong) in wrong {
        let mut decoder = Decoder::new();
        let got = [&parts[0], &parts[2], wrong, &parts[1]].map(|part| said(&mut decoder, &frame(RAW, part)));
        let silent = |s: &Said| matches!(s, Said::Packet { payload, .. } if payload.is_empty());
        assert!(got.iter().all(silent), "{name}: {got:?}");
        let counts = decoder.fragments();
        assert_eq!((counts.contradictory, counts.completed, counts.waiting), (1, 0, 0), "{name}");
    }
    let beyond = fragment4(77, 65_528, false, &[1; 16]);
    assert_eq!(said(&mut Decoder::new(), &frame(RAW, &beyond)), Said::Fault(FaultKind::Malformed));
}

#[test]
fn a_fragment_that_the_capture_cut_is_never_put_together() {
    let (_, parts) = datagram();
    let mut decoder = Decoder::new();
    let cut = Frame { bytes: &parts[1][..30], ..frame(RAW, &parts[1]) };
    said(&mut decoder, &frame(RAW, &parts[0]));
    assert!(matches!(decoder.decode(&cut), Decoded::Packet(Packet { cut: true, payload: [], payload_len: 16, .. })));
    assert_eq!(said(&mut decoder, &frame(RAW, &parts[2])), later(b""));
    assert_eq!((decoder.fragments().cut, decoder.fragments().completed), (1, 0));
}

#[test]
fn datagrams_are_forgotten_by_age() {
    let (_, parts) = datagram();
    let limit = MAX_AGE / 1_000_000_000;
    for (seconds, expected) in [(limit, later(b"")), (limit + 1, Said::Orphan)] {
        let mut decoder = Decoder::new();
        said(&mut decoder, &frame(RAW, &parts[0]));
        assert_eq!(said(&mut decoder, &frame_at(RAW, &parts[1], seconds)), expected);
        assert_eq!(decoder.fragments().expired, u64::from(seconds > limit));
    }
}

#[test]
fn memory_is_bounded_in_datagrams_and_in_bytes() {
    let more = 10;
    let mut decoder = Decoder::new();
    for id in 0..(MAX_DATAGRAMS + more) as u16 {
        said(&mut decoder, &frame(RAW, &fragment4(id, 0, true, &udp(&[0; 8]))));
    }
    let counts = decoder.fragments();
    assert_eq!((counts.evicted, counts.waiting), (more as u64, MAX_DATAGRAMS as u64));
    // The oldest went first.
    assert_eq!(said(&mut decoder, &frame(RAW, &fragment4(0, 16, true, &[0; 8]))), Said::Orphan);

    let mut decoder = Decoder::new();
    let big = vec![0; 60_000];
    for id in 0..200 {
        said(&mut decoder, &frame(RAW, &fragment4(id, 8, true, &big)));
        assert!(decoder.fragments.held <= MAX_BYTES);
    }
    assert!(decoder.fragments().evicted >= 130);
}

/// The same identification over and over, each time anew, must not fill the queue of ages.
#[test]
fn reuse_does_not_grow_the_queue() {
    let mut decoder = Decoder::new();
    for round in 0..3 * MAX_DATAGRAMS {
        said(&mut decoder, &frame(RAW, &fragment4(1, 0, true, &udp(&round.to_be_bytes()))));
    }
    assert!(decoder.fragments.order.len() <= 2 * MAX_DATAGRAMS + 1);
    let counts = decoder.fragments();
    assert_eq!(counts.datagrams, counts.expired + counts.evicted + counts.waiting);
}

#[test]
fn fragments_of_tunnels_and_of_things_without_ports_find_their_owner() {
    let inner = ipv4(17, &udp(&[5; 100]));
    let gre = cat(&[&[0, 0, 8, 0], &inner]);
    let part = |at: usize, end: usize| {
        let flags = (at / 8) as u16 | if end < gre.len() { 0x2000 } else { 0 };
        ipv4_with(OUT_A, OUT_B, 47, 3, flags, &gre[at..end])
    };
    let (one, two) = (part(0, 64), part(64, gre.len()));
    let mut decoder = Decoder::new();
    match decoder.decode(&frame(RAW, &one)) {
        Decoded::Packet(p) => {
            assert_eq!((p.source.port, p.tunnel, p.payload), (SOURCE_PORT, Tunnel::GRE, [].as_slice()));
            assert_eq!((p.payload_len, p.fault, p.cut), (64 - 4 - 28, None, false));
        }
        other => panic!("{other:?}"),
    }
    match decoder.decode(&frame(RAW, &two)) {
        Decoded::Packet(p) => {
            assert_eq!((p.source.port, p.tunnel, p.payload), (SOURCE_PORT, Tunnel::GRE, [5; 100].as_slice()));
            assert_eq!((p.payload_len as usize, p.fragment), (gre.len() - 64, Fragment::Later));
        }
        other => panic!("{other:?}"),
    }

    let mut decoder = Decoder::new();
    let ping = |at: u16, more: u16| ipv4_with(A4, B4, 1, 4, more | (at / 8), &[8; 16]);
    let got = [ping(16, 0), ping(0, 0x2000), ping(16, 0)].map(|part| said(&mut decoder, &frame(RAW, &part)));
    assert_eq!(got, [Said::Orphan, Said::Else(OtherKind::Icmp), Said::Else(OtherKind::Icmp)]);
}

/// A fragment inside a tunnel that is itself in a frame of its own, or in a fragment.
#[test]
fn fragments_inside_tunnels_come_together_once() {
    let (payload, parts) = datagram();
    let wrapped = parts.map(|part| {
        outer(17, &udp_between(40_000, 2152, &cat(&[&[0x30, 0xff], &be(part.len()), &[0, 0, 0, 1], &part])))
    });
    let mut decoder = Decoder::new();
    let got = [1, 0, 2].map(|at: usize| said(&mut decoder, &frame(RAW, &wrapped[at])));
    // The later one is an orphan, not a frame of the outer conversation: its first fragment counts it.
    assert_eq!(got[0], Said::Orphan);
    assert!(matches!(got[1], Said::Packet { fragment: Fragment::First { earlier_frames: 1, .. }, .. }));
    assert_eq!(got[2], later(&payload));
}

#[derive(Debug, Clone)]
struct AnyFragment {
    id: u16,
    offset: u16,
    more: bool,
    len: usize,
    fill: u8,
    seconds: u64,
}

fn any_fragment() -> impl Strategy<Value = AnyFragment> {
    (0_u16..3, 0_u16..6, any::<bool>(), 0_usize..40, 0_u8..2, 0_u64..100)
        .prop_map(|(id, offset, more, len, fill, seconds)| AnyFragment { id, offset, more, len, fill, seconds })
}

proptest! {
    /// Whatever comes: the books balance, and no more is held than was given.
    #[test]
    fn the_books_balance(fragments in proptest::collection::vec(any_fragment(), 1..60)) {
        let mut decoder = Decoder::new();
        let mut given = 0;
        for f in &fragments {
            let bytes = fragment4(f.id, usize::from(f.offset) * 8, f.more, &vec![f.fill; f.len]);
            given += f.len + super::OVERHEAD;
            said(&mut decoder, &frame_at(RAW, &bytes, f.seconds));
            prop_assert!(decoder.fragments.held <= given);
            let held: usize = decoder.fragments.datagrams.values().map(|d| d.held).sum();
            prop_assert_eq!(held, decoder.fragments.held);
        }
        let open = decoder.fragments.datagrams.values().filter(|d| !d.closed).count();
        prop_assert_eq!(decoder.fragments().waiting, open as u64);
    }

    /// Any cut of a datagram into fragments, in any order, gives its payload exactly once.
    #[test]
    fn any_cut_in_any_order_comes_together(
        payload in proptest::collection::vec(any::<u8>(), 30..400),
        cuts in proptest::collection::btree_set(1_usize..48, 1..6),
        seed in any::<u64>(),
    ) {
        let whole = udp(&payload);
        let mut edges: Vec<usize> = cuts.into_iter().map(|cut| cut * 8).filter(|&cut| cut < whole.len()).collect();
        edges.insert(0, 0);
        prop_assume!(edges.len() > 1);
        edges.push(whole.len());
        let mut parts: Vec<Vec<u8>> =
            edges.windows(2).map(|e| fragment4(6, e[0], e[1] < whole.len(), &whole[e[0]..e[1]])).collect();
        let len = parts.len();
        for i in 0..len {
            parts.swap(i, (seed as usize >> i) % len);
        }
        let mut decoder = Decoder::new();
        let mut found = Vec::new();
        let mut counted = 0;
        for part in &parts {
            if let Said::Packet { payload, payload_len, fragment, .. } = said(&mut decoder, &frame(RAW, part)) {
                counted += u64::from(payload_len);
                if let Fragment::First { earlier_payload, .. } = fragment {
                    counted += earlier_payload;
                }
                if !payload.is_empty() {
                    found.push(payload);
                }
            }
        }
        prop_assert_eq!(&found, std::slice::from_ref(&payload));
        prop_assert_eq!(counted, payload.len() as u64);
    }
}
