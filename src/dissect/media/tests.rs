use super::*;
use crate::dissect::fact::ClearMedia;
use MediaKind::{Audio, Unknown, Video};
use proptest::prelude::*;

/// One stream of made-up media: clock, time between packets in milliseconds, payload type.
#[derive(Clone, Copy)]
struct Made {
    clock: u32,
    millis: u32,
    payload_type: u8,
}

const SOUND: Made = Made { clock: 48_000, millis: 20, payload_type: 111 };
const PICTURES: Made = Made { clock: 90_000, millis: 33, payload_type: 96 };

fn rtp(header: (u8, u16, u32, u32), extension: Option<(u16, &[u8])>, payload: &[u8]) -> Vec<u8> {
    let (payload_type, sequence, timestamp, ssrc) = header;
    let mut bytes = vec![if extension.is_some() { 0x90 } else { 0x80 }, payload_type];
    bytes.extend(sequence.to_be_bytes());
    bytes.extend(timestamp.to_be_bytes());
    bytes.extend(ssrc.to_be_bytes());
    if let Some((profile, body)) = extension {
        bytes.extend(profile.to_be_bytes());
        bytes.extend((body.len() as u16 / 4).to_be_bytes());
        bytes.extend(body);
    }
    bytes.extend(payload);
    bytes
}

fn time(millis: u32) -> Timestamp {
    Timestamp(1_000_000_000_000 + u64::from(millis) * 1_000_000)
}

/// The meter after `count` packets of a stream; `body` makes what stands behind the fixed header of each.
fn metered(made: Made, count: u16, body: impl Fn(u16) -> (Option<(u16, Vec<u8>)>, Vec<u8>)) -> Meter {
    let mut meter = Meter::default();
    for n in 0..count {
        let millis = u32::from(n) * made.millis;
        let header = (made.payload_type, n.wrapping_sub(9), (millis * (made.clock / 1_000)).wrapping_sub(77), 7);
        let (extension, payload) = body(n);
        let extension = extension.as_ref().map(|(profile, body)| (*profile, body.as_slice()));
        let bytes = rtp(header, extension, &payload);
        meter.add(Side::First, &Packet::rtp(&bytes, bytes.len()).unwrap(), time(millis));
    }
    meter
}

/// Bytes without a pattern, the same every time.
fn noise(n: u16, len: usize) -> Vec<u8> {
    let mut state = u64::from(n).wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ 0x1234_5678;
    (0..len)
        .map(|_| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (state >> 33) as u8
        })
        .collect()
}

fn plain(n: u16) -> (Option<(u16, Vec<u8>)>, Vec<u8>) {
    (None, noise(n, 80))
}

#[test]
fn kinds_are_told_by_type_or_clock_or_not_at_all() {
    let kinds = |made, count| {
        let seen = metered(made, count, plain).seen(Side::First);
        MediaKind::ALL.into_iter().filter(|kind| seen.of(*kind) > 0).collect::<Vec<_>>()
    };
    assert_eq!(kinds(PICTURES, 300), [Video]);
    // Steps that packets of sound have need a dozen; others need two windows of a second, and a clock that media have.
    assert_eq!((kinds(SOUND, 13), kinds(SOUND, 12)), (vec![Audio], vec![Unknown]));
    let odd = Made { millis: 25, ..SOUND };
    assert_eq!((kinds(odd, 90), kinds(odd, 70)), (vec![Audio], vec![Unknown]));
    assert_eq!(kinds(Made { clock: 1_000, ..SOUND }, 300), [Unknown]);
    assert_eq!(kinds(Made { clock: 70_000, ..SOUND }, 300), [Unknown]);
    // A static type needs no clock.
    assert_eq!(kinds(Made { payload_type: 8, ..SOUND }, 1), [Audio]);
    assert_eq!(kinds(Made { payload_type: 34, ..PICTURES }, 1), [Video]);
    assert_eq!(metered(SOUND, 300, plain).seen(Side::Second), MediaSeen::default());
}

#[test]
fn pictures_are_told_by_packets_that_share_a_timestamp() {
    let kind = |parts: u32, len: usize| {
        let mut meter = Meter::default();
        for n in 0..24_u32 {
            let bytes = rtp((96, n as u16, n / parts * 3_000, 7), None, &noise(0, len));
            meter.add(Side::First, &Packet::rtp(&bytes, bytes.len()).unwrap(), time(n));
        }
        meter.seen(Side::First).of(Video) > 0
    };
    assert!(kind(4, 900));
    // Small ones are events and repetitions of sound; large ones that never move are padding.
    assert!(!kind(4, 60) && !kind(1, 900) && !kind(24, 900));
}

#[test]
fn what_is_counted_lies_behind_the_header_and_counts_what_was_cut() {
    let mut meter = Meter::default();
    let bytes = rtp((0, 1, 160, 7), Some((0xbede, &[0; 4])), &[0xd5; 160]);
    let header = bytes.len() - 160;
    meter.add(Side::Second, &Packet::rtp(&bytes[..header], bytes.len()).unwrap(), time(0));
    assert_eq!(meter.fresh(Side::Second), [160, 0, 0, 0]);
    meter.mark();
    assert_eq!((meter.fresh(Side::Second), meter.seen(Side::Second).of(Audio)), ([0; 4], 160));
}

#[test]
fn streams_are_bounded_and_nothing_is_lost() {
    let mut meter = Meter::default();
    for n in 0..20_000_u32 {
        let bytes = rtp((111, n as u16, n, n % 5_000), None, &[1; 10]);
        meter.add(Side::First, &Packet::rtp(&bytes, bytes.len()).unwrap(), time(n));
        assert!(
            meter.streams.len() <= MAX_STREAMS && meter.held() < MAX_STREAMS * (size_of::<Stream>() + Sample::MOST) * 2
        );
    }
    assert_eq!(meter.seen(Side::First).sum(), 200_000);
    assert_eq!(meter.samples, meter.streams.iter().filter(|s| s.sample.is_some()).count());
}

/// Elements of one byte length (id, value), padded.
#[allow(clippy::unnecessary_wraps, reason = "as the packets want it")]
fn elements(of: &[(u8, &[u8])]) -> Option<(u16, Vec<u8>)> {
    let mut body = Vec::new();
    for (id, value) in of {
        body.push(id << 4 | (value.len() as u8 - 1));
        body.extend_from_slice(value);
    }
    body.resize(body.len().next_multiple_of(4), 0);
    Some((0xbede, body))
}

#[test]
fn loudness_and_names_are_told_from_other_elements() {
    let loud = |n: u16| 0x80 | [40, 44, 52, 60, 55, 47, 41, 38][usize::from(n) % 8];
    let told = |made, body: &dyn Fn(u16) -> Option<(u16, Vec<u8>)>| {
        let seen = metered(made, 300, |n| (body(n), noise(n, 80))).seen(Side::First);
        (seen.elements, seen.level, seen.named, seen.cryptex)
    };
    assert_eq!(told(SOUND, &|n| elements(&[(1, &[loud(n)]), (4, b"0")])), (2, true, true, false));
    // Of pictures, a number is no loudness.
    assert_eq!(told(PICTURES, &|n| elements(&[(1, &[loud(n)])])), (1, false, false, false));
    // Encrypted elements jump; silence alone does not move.
    assert_eq!(told(SOUND, &|n| elements(&[(1, &noise(n, 1))])), (1, false, false, false));
    assert_eq!(told(SOUND, &|_| elements(&[(1, &[0x7f])])), (1, false, false, false));
    // Times and numbers of packets.
    assert_eq!(told(SOUND, &|n| elements(&[(2, &[n as u8 & 0x7f])])), (1, false, false, false));
    assert_eq!(told(SOUND, &|n| elements(&[(2, &[9, 9, n as u8]), (3, &n.to_be_bytes())])), (2, false, false, false));
    // The two-byte form, with padding and an empty element.
    let two = |n| Some((0x1000, vec![0, 1, 1, loud(n), 9, 0, 5, 3, b'a', b'b', b'c', 0]));
    assert_eq!(told(SOUND, &two), (3, true, true, false));
    assert_eq!(told(SOUND, &|n| Some((0xc0de, noise(n, 8)))), (0, false, false, true));
}

/// Encoded speech has many small values.
fn speech(n: u16) -> Vec<u8> {
    noise(n, 160).into_iter().map(|b| 0xd0 | b & 0x0f).collect()
}

fn clear(made: Made, count: u16, payload: impl Fn(u16) -> Vec<u8>) -> Option<ClearMedia> {
    metered(made, count, |n| (None, payload(n))).seen(Side::First).clear
}

#[test]
fn formats_in_the_clear_are_told_and_noise_is_not() {
    let g711 = Made { clock: 8_000, millis: 20, payload_type: 0 };
    let told = clear(g711, 60, speech).unwrap();
    assert_eq!((told.codec, told.packets, told.entropy), ("G.711", 26, Some(400)));
    assert_eq!(clear(g711, 200, |n| noise(n, 160)), None);
    // Of another type the same bytes say nothing.
    assert_eq!(clear(Made { payload_type: 9, ..g711 }, 60, speech), None);

    let opus = |n: u16| [&[0x78][..], &noise(n, 60)].concat();
    assert_eq!(clear(SOUND, 60, opus).map(|c| c.codec), Some("Opus"));
    assert_eq!(clear(Made { millis: 60, ..SOUND }, 60, opus), None);
    assert_eq!(clear(SOUND, 60, |n| noise(n, 61)), None);
    for made in [SOUND, PICTURES] {
        for seed in 0..200 {
            assert_eq!(clear(made, 64, |n| noise(n + seed * 64, 100)), None);
        }
    }
}

/// Four packets to a picture, all with its timestamp.
fn frames(payload: impl Fn(u16, u16) -> Vec<u8>) -> Option<ClearMedia> {
    let mut meter = Meter::default();
    for n in 0..64 {
        let bytes = rtp((96, n, u32::from(n / 4) * 3_000, 7), None, &payload(n / 4, n % 4));
        meter.add(Side::First, &Packet::rtp(&bytes, bytes.len()).unwrap(), time(u32::from(n / 4) * 33));
    }
    meter.seen(Side::First).clear
}

#[test]
fn pictures_in_the_clear_are_told_by_how_their_packets_go_together() {
    let h264 = |begin: u16, end: u16| {
        move |frame: u16, part: u16| {
            let bits = u8::from(part == begin) << 7 | u8::from(part == end) << 6;
            [&[0x7c, bits | 5][..], &noise(frame * 4 + part, 200)].concat()
        }
    };
    assert_eq!(frames(h264(0, 3)).map(|c| (c.codec, c.packets, c.fits)), Some(("H.264", 12, 12)));
    assert_eq!(frames(h264(0, 9)), None);
    // Fragments that never begin or end are a fixed start of something else.
    assert_eq!(frames(h264(9, 9)), None);
    let vp8 = |key: bool| {
        move |frame: u16, part: u16| {
            let start = if part == 0 { 0x90 } else { 0x80 };
            let tag: &[u8] = if key && frame == 0 && part == 0 { &[0x50, 0, 0, 0x9d, 1, 0x2a] } else { &[0x51, 0, 0] };
            [&[start, 0x80, 0x81, frame as u8][..], tag, &noise(frame * 4 + part, 200)].concat()
        }
    };
    assert_eq!(frames(vp8(true)).map(|c| c.codec), Some("VP8"));
    assert_eq!(frames(vp8(false)), None);

    let h265 = |begin: u16, end: u16, layer: u8| {
        move |frame: u16, part: u16| {
            let bits = u8::from(part == begin) << 7 | u8::from(part == end) << 6;
            [&[0x62, layer, bits | 0x13][..], &noise(frame * 4 + part, 200)].concat()
        }
    };
    assert_eq!(frames(h265(0, 3, 1)).map(|c| (c.codec, c.packets, c.fits)), Some(("H.265", 12, 12)));
    assert_eq!(frames(h265(0, 9, 1)), None);
    assert_eq!(frames(h265(9, 9, 1)), None);
    // Temporal ids begin with one.
    assert_eq!(frames(h265(0, 3, 0)), None);

    // `step`: by how much the number of the picture goes on; `end`: the part that says it is the last.
    let vp9 = |step: u16, end: u16, wide: bool| {
        move |frame: u16, part: u16| {
            let bits = u8::from(part == 0) << 3 | u8::from(part == end) << 2;
            let number = 120 + frame * step;
            let number = if wide { vec![0x80 | (number >> 8) as u8, number as u8] } else { vec![number as u8 & 0x7f] };
            [&[0xa0 | bits][..], &number, &[0x20, 9], &noise(frame * 4 + part, 200)].concat()
        }
    };
    for wide in [true, false] {
        assert_eq!(frames(vp9(1, 3, wide)).map(|c| c.codec), Some("VP9"), "{wide}");
        assert_eq!(frames(vp9(0, 3, wide)), None, "a fixed number, {wide}");
        assert_eq!(frames(vp9(1, 9, wide)), None, "frames that never end, {wide}");
    }

    // Each picture is one unit in four fragments; `unit` is its header.
    let av1 = |unit: u8, last: u16, reserved: u8| {
        move |frame: u16, part: u16| {
            let head = u8::from(part != 0) << 7 | u8::from(part < last) << 6 | 0x10 | reserved;
            [&[head][..], &[unit][..usize::from(part == 0)], &noise(frame * 4 + part, 200)].concat()
        }
    };
    assert_eq!(frames(av1(0x30, 3, 0)).map(|c| c.codec), Some("AV1"));
    for (what, near_miss) in [
        ("a forbidden bit", av1(0xb0, 3, 0)),
        ("a kind of unit that does not exist", av1(0x48, 3, 0)),
        ("fragments that nobody announced", av1(0x30, 0, 0)),
        ("fragments that go on into the next picture", av1(0x30, 9, 0)),
        ("reserved bits", av1(0x30, 3, 1)),
    ] {
        assert_eq!(frames(near_miss), None, "{what}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn hostile_packets_never_panic(packets in prop::collection::vec((prop::collection::vec(any::<u8>(), 0..80), any::<bool>(), 0_usize..2_000, any::<u32>()), 0..80)) {
        let mut meter = Meter::default();
        for (mut bytes, fixed, len, at) in packets {
            if let [first, ..] = bytes.as_mut_slice() {
                *first = 0x80 | *first & 0x3f;
            }
            // Of one stream, so that samples fill.
            if fixed && bytes.len() >= 12 {
                bytes[1] = 96;
                bytes[8..12].fill(7);
            }
            if let Some(packet) = Packet::rtp(&bytes, len) {
                meter.add(Side::First, &packet, Timestamp(u64::from(at)));
            }
        }
        let _ = meter.seen(Side::First);
    }
}
