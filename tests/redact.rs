//! Frames made over for a copy that may be passed on: nobody is named in them, and they say what they said.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test may stop where it stands")]

use proptest::prelude::*;
use std::collections::BTreeSet;
use std::net::IpAddr;
use zollhund::decode::{Decoded, Decoder};
use zollhund::evidence::{PseudonymKey, Pseudonyms, Redactor};
use zollhund::synth::{self, frames};
use zollhund::wire::{End, Frame, FrameNo, LinkType, Side, TcpFlags, Timestamp, Transport};

fn pseudonyms() -> Pseudonyms {
    let own = ["203.0.113.77", "2001:db8:178::23"].map(|address| address.parse().unwrap());
    Pseudonyms::new(PseudonymKey::from(&[3; 32]), &own.into(), BTreeSet::new())
}

fn frame(link: LinkType, bytes: &[u8]) -> Frame<'_> {
    Frame { number: FrameNo(1), time: Timestamp::ZERO, link, original_len: bytes.len() as u32, bytes }
}

/// One frame made over alone.
fn redacted(link: LinkType, bytes: &[u8]) -> Vec<u8> {
    let mut redactor = Redactor::new(pseudonyms());
    redactor.learn(&frame(link, bytes));
    redactor.redact(&frame(link, bytes)).to_vec()
}

fn end(address: &str, port: u16) -> End {
    End { address: address.parse().unwrap(), port }
}

#[test]
fn a_call_keeps_its_conversations_and_its_checksums() {
    let call = synth::call(1);
    let (mut redactor, mut of) = (Redactor::new(pseudonyms()), pseudonyms());
    for (_, bytes) in call.frames().take(1_500) {
        redactor.learn(&frame(call.link, bytes));
    }
    let (mut before, mut after) = (Decoder::new(), Decoder::new());
    let mut kept = 0;
    for (_, bytes) in call.frames().take(1_500) {
        let made = redactor.redact(&frame(call.link, bytes)).to_vec();
        kept += made.len();
        assert!(made.len() <= bytes.len());
        let other = Frame { original_len: bytes.len() as u32, ..frame(call.link, &made) };
        match (before.decode(&frame(call.link, bytes)), after.decode(&other)) {
            (Decoded::Packet(a), Decoded::Packet(b)) => {
                let map = |end: End, of: &mut Pseudonyms| End { address: of.address(end.address), ..end };
                assert_eq!((map(a.source, &mut of), map(a.destination, &mut of)), (b.source, b.destination));
                assert_eq!((a.transport, a.payload_len, a.tunnel), (b.transport, b.payload_len, b.tunnel));
                assert_eq!((a.fragment, b.fault), (b.fragment, None));
            }
            (Decoded::Other(a), Decoded::Other(b)) => assert_eq!(a.kind, b.kind),
            (Decoded::Fault(_), Decoded::Fault(_)) => {}
            (a, b) => panic!("{a:?} became {b:?}"),
        }
        if made.get(12..14) == Some(&[8, 0]) {
            let words = made[14..34].chunks(2).map(|w| u32::from(u16::from_be_bytes([w[0], w[1]])));
            assert_eq!(words.sum::<u32>() % 0xffff, 0, "the checksum of the header");
        }
    }
    assert!(kept > 100_000 && redactor.done().frames == 1_500, "{kept} {:?}", redactor.done());
}

#[test]
fn checksums_fit_where_the_whole_datagram_is_there_and_are_left_out_elsewhere() {
    let (from, to) = (end("192.168.178.23", 50_000), end("9.9.9.9", 53));
    let whole = redacted(frames::RAW_IP, &frames::udp(from, to, &synth::dns::query(1, b"zoom.us", 1)));
    let other = pseudonyms().address(from.address);
    let expected = frames::udp(End { address: other, ..from }, to, &synth::dns::query(1, b"zoom.us", 1));
    // The builder's identification comes from the payload; ours is that of the first.
    assert_eq!(whole[20..], expected[20..]);
    let cut = redacted(frames::RAW_IP, &frames::udp(from, end("9.9.9.9", 9_999), b"something"));
    assert_eq!((cut.len(), &cut[26..28]), (28, &[0, 0][..]));
}

#[test]
fn headers_of_every_kind_lose_what_names_somebody() {
    let inner = frames::udp(end("192.168.178.23", 50_000), end("9.9.9.9", 53), &synth::dns::query(1, b"zoom.us", 1));
    let mac = [0x00, 0x1b, 0x21, 0xaa, 0xbb, 0xcc];
    let ethernet = frames::ethernet(mac, mac, &inner);
    let mut cooked = [&[0, 4, 0, 1, 0, 6][..], &mac, &[0, 0, 8, 0]].concat();
    cooked.extend(&inner);
    let mut cooked2 = [&[8, 0, 0, 0, 0, 0, 0, 3, 0, 1, 4, 6][..], &mac, &[0, 0]].concat();
    cooked2.extend(&inner);
    let mut wifi = [&[8, 1, 0, 0][..], &mac, &mac, &mac, &[0, 0, 0xaa, 0xaa, 3, 0, 0, 0, 8, 0]].concat();
    wifi.extend(&inner);
    let mut radiotap = vec![0, 0, 12, 0, 0, 0, 0, 0, 0xcc, 0xcc, 0xcc, 0xcc];
    radiotap.extend(&wifi);
    // The name of a process stands in Apple's header.
    let mut pktap = [&108_u32.to_le_bytes()[..], &1_u32.to_le_bytes(), &1_u32.to_le_bytes()].concat();
    pktap.resize(50, 0);
    pktap.extend(b"annabell");
    pktap.resize(108, 0);
    pktap.extend(&ethernet);
    // A prefix and a hardware address in Netfilter's log, then the packet.
    let mut nflog = vec![2, 0, 0, 0];
    for (kind, value) in [(10_u16, &b"annabell"[..]), (8, &mac), (9, &inner)] {
        nflog.extend((value.len() as u16 + 4).to_le_bytes());
        nflog.extend(kind.to_le_bytes());
        nflog.extend(value);
        nflog.resize(nflog.len().next_multiple_of(4), 0);
    }
    // Recorded route in an option; MPTCP's address in an option.
    let mut routed = inner.clone();
    routed.splice(20..20, [7, 7, 4, 192, 168, 178, 23, 0]);
    routed[0] = 0x47;
    let total = routed.len() as u16;
    routed[2..4].copy_from_slice(&total.to_be_bytes());
    let segment = frames::Segment { flags: TcpFlags(2), ..frames::Segment::default() };
    let mut multipath = frames::tcp(end("192.168.178.23", 1), end("9.9.9.9", 443), segment, &[]);
    multipath[20 + 20..20 + 32].copy_from_slice(&[30, 8, 0x30, 9, 192, 168, 178, 23, 1, 1, 1, 1]);
    let vlan = frames::vlan(7, mac, mac, &inner);
    let tunnel =
        frames::gtp_u("192.168.178.23".parse().unwrap(), "192.168.178.24".parse().unwrap(), 0xaabb_ccdd, &inner);
    for (link, bytes) in [
        (LinkType::ETHERNET, ethernet),
        (LinkType::ETHERNET, vlan),
        (LinkType::LINUX_SLL, cooked),
        (LinkType::LINUX_SLL2, cooked2),
        (LinkType::IEEE802_11, wifi),
        (LinkType::IEEE802_11_RADIOTAP, radiotap),
        (LinkType::PKTAP, pktap),
        (LinkType::NFLOG, nflog),
        (LinkType::RAW, routed),
        (LinkType::RAW, multipath),
        (LinkType::RAW, tunnel),
    ] {
        let made = redacted(link, &bytes);
        for part in [&mac[..], &mac[3..], &[192, 168, 178, 23], b"annabell", &[0xaa, 0xbb, 0xcc, 0xdd]] {
            assert!(!made.windows(part.len()).any(|w| w == part), "{link}: {part:?} in {made:?}");
        }
        let mut decoder = Decoder::new();
        let Decoded::Packet(packet) = decoder.decode(&Frame { original_len: bytes.len() as u32, ..frame(link, &made) })
        else {
            panic!("{link}: {made:?}");
        };
        assert_eq!(packet.source.address, pseudonyms().address("192.168.178.23".parse::<IpAddr>().unwrap()), "{link}");
        let whole = packet.transport != Transport::Udp || packet.payload == synth::dns::query(1, b"zoom.us", 1);
        assert!(whole, "{link}");
    }
}

#[test]
fn a_stream_keeps_its_hello_whatever_order_it_comes_in_and_nothing_behind_it() {
    let random = &mut synth::Random::new(1);
    let hello = synth::hello::ClientHello { post_quantum: true, ..synth::hello::ClientHello::modern("zoom.us") };
    let said = synth::hello::handshake_records(&hello.message(random), 16_384);
    let mut talk = frames::TcpTalk::new(end("192.168.178.23", 50_000), end("9.9.9.9", 443), random).with_mss(500);
    let opening = talk.open();
    let mut segments = talk.say(Side::First, &said);
    segments.extend(talk.say(Side::First, b"\x17\x03\x03\x00\x08annabell"));
    segments.reverse();
    let mut redactor = Redactor::new(pseudonyms());
    let all: Vec<_> = opening.iter().chain(&segments).collect();
    for bytes in &all {
        redactor.learn(&frame(LinkType::RAW, bytes));
    }
    let mut kept: Vec<_> = all.iter().map(|bytes| redactor.redact(&frame(LinkType::RAW, bytes)).to_vec()).collect();
    let mut hello: Vec<_> = kept.split_off(opening.len());
    hello.reverse();
    assert_eq!(hello.pop().unwrap().len(), 40, "of application data the headers");
    assert_eq!(hello.iter().flat_map(|packet| packet[40..].to_vec()).collect::<Vec<_>>(), said);
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, cases: 512, ..ProptestConfig::default() })]

    #[test]
    fn damaged_frames_end_and_grow_no_longer(
        at in 0..600_usize,
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..12),
        cut in any::<prop::sample::Index>(),
    ) {
        static CALL: std::sync::LazyLock<Vec<Vec<u8>>> =
            std::sync::LazyLock::new(|| synth::call(1).frames().take(600).map(|(_, bytes)| bytes.to_vec()).collect());
        let mut bytes = CALL[at].clone();
        for (place, value) in changes {
            let place = place.index(bytes.len());
            bytes[place] = value;
        }
        let whole = bytes.len() as u32;
        bytes.truncate(cut.index(bytes.len()) + 1);
        for link in [LinkType::ETHERNET, LinkType::RAW, LinkType::LINUX_SLL, LinkType::IEEE802_11, LinkType::NFLOG, LinkType::PKTAP] {
            let mut redactor = Redactor::new(pseudonyms());
            let frame = Frame { original_len: whole, ..frame(link, &bytes) };
            redactor.learn(&frame);
            prop_assert!(redactor.redact(&frame).len() <= bytes.len());
        }
    }

    #[test]
    fn any_datagram_ends(bytes in prop::collection::vec(any::<u8>(), 0..120), port in prop::sample::select(vec![53_u16, 123, 161, 500, 4500, 8801, 3478])) {
        let packet = frames::udp(end("192.168.178.23", 50_000), end("9.9.9.9", port), &bytes);
        prop_assert!(redacted(LinkType::RAW, &packet).len() <= packet.len());
    }

    #[test]
    fn any_stream_ends(parts in prop::collection::vec(prop::collection::vec(any::<u8>(), 1..60), 1..6), tls in any::<bool>()) {
        let mut talk = frames::TcpTalk::new(end("192.168.178.23", 50_000), end("9.9.9.9", 443), &mut synth::Random::new(1));
        let mut redactor = Redactor::new(pseudonyms());
        let mut packets = talk.open().to_vec();
        for (at, mut part) in parts.into_iter().enumerate() {
            if tls && at == 0 {
                part.splice(0..0, [22, 3, 1, 0, 90, 1, 0, 0, 86]);
            }
            packets.extend(talk.say(Side::First, &part));
        }
        for bytes in &packets {
            redactor.learn(&frame(LinkType::RAW, bytes));
        }
        for bytes in &packets {
            prop_assert!(redactor.redact(&frame(LinkType::RAW, bytes)).len() <= bytes.len());
        }
    }
}
