use super::*;
use crate::dissect::fact::Media;
use proptest::prelude::*;

fn rtp(payload_type: u8, sequence: u16, timestamp: u32, ssrc: u32) -> Vec<u8> {
    let mut bytes = vec![0x80, payload_type];
    bytes.extend(sequence.to_be_bytes());
    bytes.extend(timestamp.to_be_bytes());
    bytes.extend(ssrc.to_be_bytes());
    bytes.extend([0x55; 20]);
    bytes
}

const BINDING: &[u8] = b"\x00\x01\x00\x00\x21\x12\xa4\x42transaction!";

fn read<'a>(packets: impl IntoIterator<Item = &'a [u8]>) -> (Vec<Fact>, Step) {
    let (mut rtc, mut out, mut step) = (Datagrams::default(), Facts::default(), Step::More);
    for packet in packets {
        step = rtc.accept(Side::First, Part::Datagram(packet), &mut out);
        if step != Step::More {
            break;
        }
    }
    (out.0.into_iter().map(|(_, fact)| fact).collect(), step)
}

fn media(ssrc: u32, payload_type: u8) -> Fact {
    Fact::Media(Media::Rtp { ssrc, payload_type })
}

#[test]
fn media_is_believed_after_some_packets_and_then_left_alone() {
    let packets: Vec<_> = (0..200).map(|n: u16| rtp(111, n.wrapping_sub(3), u32::from(n) * 960, 7)).collect();
    let (facts, step) = read(packets.iter().map(Vec::as_slice));
    assert_eq!((facts, step), (vec![media(7, 111), Fact::Speaks("rtp")], Step::Control));
    assert_eq!(read(packets[..4].iter().map(Vec::as_slice)), (vec![], Step::More));
    let known: Vec<&[u8]> = [BINDING].into_iter().chain(packets[..3].iter().map(Vec::as_slice)).collect();
    assert_eq!(read(known).0, [Fact::Speaks("stun"), media(7, 111), Fact::Speaks("rtp")]);
}

#[test]
fn each_source_is_told_once() {
    let mut packets = vec![BINDING.to_vec()];
    for n in 0..30 {
        packets.push(rtp(111, n, u32::from(n) * 960, 1));
        packets.push(rtp(96, 5 * n + 9, u32::from(n) * 3000, 2));
    }
    let (facts, step) = read(packets.iter().map(Vec::as_slice));
    assert_eq!(facts, [Fact::Speaks("stun"), media(1, 111), Fact::Speaks("rtp"), media(2, 96)]);
    assert_eq!(step, Step::More);
}

#[test]
fn what_only_looks_like_media_is_given_up() {
    type Make = fn(u16) -> Vec<u8>;
    let table: [(&str, Make); 4] = [
        ("a new source each time", |n| rtp(96, n, 0, u32::from(n))),
        ("numbers that jump", |n| rtp(96, n.wrapping_mul(977), 5 * u32::from(n), 7)),
        ("time that never moves", |n| rtp(96, n, 4, 7)),
        ("time that leaps", |n| rtp(96, n, u32::from(n) << 25, 7)),
    ];
    for (name, make) in table {
        let packets: Vec<_> = (1..100).map(make).collect();
        let (facts, step) = read(packets.iter().map(Vec::as_slice));
        assert_eq!(facts, [], "{name}");
        assert!(matches!(step, Step::GiveUp(_)), "{name}");
    }
}

#[test]
fn rtcp_needs_company_or_repetition() {
    let report = b"\x81\xc9\x00\x01\x00\x00\x00\x07";
    let encrypted = [&report[..], b"\xaa\xbb\xcc\xdd\x80\x00\x00\x01"].concat();
    let compound = report.repeat(2);
    let told = [Fact::Media(Media::Rtcp), Fact::Speaks("rtp")];
    assert_eq!(read([&report[..]]).0, []);
    assert_eq!(read([&encrypted[..], &encrypted]).0, told);
    assert_eq!(read([&compound[..]]).0, told);
    assert_eq!(read([BINDING, &encrypted]).0[1..], told);
}

#[test]
fn packets_are_found_inside_relays() {
    let inner: Vec<_> = (0..5).map(|n| rtp(111, n, u32::from(n) * 960, 7)).collect();
    let in_channel = |p: &Vec<u8>| [&[0x40, 1, 0, p.len() as u8], &p[..]].concat();
    let in_session = |p: &Vec<u8>| [&[0xff, 0x10, 0, p.len() as u8 + 8][..], &[9; 8], &p[..]].concat();
    for packets in [inner.iter().map(in_channel).collect::<Vec<_>>(), inner.iter().map(in_session).collect()] {
        let opening = Opening { bytes: &packets[0], side: Side::First, from_port: 1, to_port: 2 };
        assert_eq!(probe_rtp(&opening), Probe::Yes);
        assert_eq!(read(packets.iter().map(Vec::as_slice)).0, [media(7, 111), Fact::Speaks("rtp")]);
    }
}

#[test]
fn discord_asks_for_its_address() {
    let mut question = vec![0; 74];
    question[..8].copy_from_slice(&[0, 1, 0, 70, 0, 0, 0, 9]);
    let mut answer = question.clone();
    answer[1] = 2;
    answer[8..17].copy_from_slice(b"192.0.2.1");
    answer[72..].copy_from_slice(&5000u16.to_be_bytes());
    let mapped = Fact::Mapped(End { address: [192, 0, 2, 1].into(), port: 5000 });
    assert_eq!(probe_stun(&Opening { bytes: &question, side: Side::First, from_port: 1, to_port: 2 }), Probe::Yes);
    assert_eq!(read([&question[..], &answer]).0, [Fact::Speaks("discord"), mapped]);
    assert_eq!(read([&[0x13, 0x37, 0xca, 0xfe, 9, 0, 0, 0][..]]).0, [Fact::Speaks("discord")]);
}

#[test]
fn what_stun_repeats_is_told_once() {
    let answer = b"\x01\x01\x00\x0c\x21\x12\xa4\x42transaction!\x00\x20\x00\x08\x00\x01\x21\x12\xe1\x12\xa6\x43";
    let mapped = Fact::Mapped(End { address: [192, 0, 2, 1].into(), port: 0 });
    assert_eq!(read(std::iter::repeat_n(&answer[..], 50)), (vec![Fact::Speaks("stun"), mapped], Step::More));
}

#[test]
fn media_may_follow_a_handshake() {
    // A ClientHello of DTLS 1.2 with one cipher suite and no extensions.
    let hello = b"\x16\xfe\xfd\0\0\0\0\0\0\0\0\0\x36\x01\0\0\x2a\0\0\0\0\0\0\0\x2a\xfe\xfd\
        01234567890123456789012345678901\0\0\0\x02\xc0\x2b\x01\0";
    let data = b"\x17\xfe\xfd\0\x01\0\0\0\0\0\x09\0\x04abcd";
    assert_eq!((DTLS.probe)(&Opening { bytes: hello, side: Side::First, from_port: 1, to_port: 2 }), Probe::Yes);
    assert_eq!((DTLS.probe)(&Opening { bytes: hello, side: Side::First, from_port: 1, to_port: 853 }), Probe::No);
    let media_packets: Vec<_> = (0..4).map(|n| rtp(111, n, u32::from(n) * 960, 7)).collect();
    let packets = [&hello[..]].into_iter().chain(media_packets.iter().map(Vec::as_slice));
    let (facts, step) = read(packets);
    assert!(facts.iter().any(|fact| matches!(fact, Fact::Offered(_))), "{facts:?}");
    assert_eq!((facts[facts.len() - 2..].to_vec(), step), (vec![media(7, 111), Fact::Speaks("rtp")], Step::More));
    // Data behind a handshake, without media: nothing more to learn.
    let packets = std::iter::once(&hello[..]).chain(std::iter::repeat_n(&data[..], 500));
    assert_eq!(read(packets).1, Step::Done);
}

#[test]
fn a_flow_of_known_kind_thins_out_when_nothing_else_is_understood() {
    let stranger = [0xf0; 40];
    let packets = std::iter::once(BINDING).chain(std::iter::repeat_n(&stranger[..], 500));
    assert_eq!(read(packets), (vec![Fact::Speaks("stun")], Step::Control));
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn random_datagrams_are_never_media(packets in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..60), 0..60)) {
        prop_assert_eq!(read(packets.iter().map(Vec::as_slice)).0, vec![]);
    }
}
