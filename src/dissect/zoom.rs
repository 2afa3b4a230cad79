//! Zoom's own media encapsulation: to its servers on UDP 8801 to 8810, and between two participants.
//!
//! The format is not published. What is used here was described by Michel, Sengupta, Kim, Netravali and Rexford
//! ("Enabling passive measurement of Zoom performance in production networks", ACM IMC 2022) and holds on captures of
//! 2019, 2021 and 2022. Nothing is decrypted; a flow is called Zoom only once several fixed places agree.

use super::fact::{Fact, Facts, Media, MediaKind};
use super::media::{Meter, Packet};
use super::rtp::Header;
use super::{Dissector, Opening, Part, Probe, Protocol, Step};
use crate::wire::{Cursor, Fault, FaultKind, Layer, Side, Timestamp, TransportKind};

/// Ports of the media servers.
const SERVER_PORTS: std::ops::RangeInclusive<u16> = 8801..=8810;
/// First byte of what participants and server exchange.
const CONNECT: u8 = 1;
const ACCEPT: u8 = 2;
const PING: u8 = 3;
const PONG: u8 = 4;
const MEDIA: u8 = 5;
/// First byte of what opens the way between two participants.
const PUNCH: u8 = 0x1f;
/// Text in the message by which a client binds a media channel.
const BIND: &[u8] = b"data_bind_replace_flag";
/// Datagrams without certainty before the flow is given up.
const MAX_UNCERTAIN: u16 = 40;
/// Datagrams read for kinds of media that begin later in the call; about two minutes of one participant.
const MEDIA_SAMPLE: u16 = 10_000;
/// Streams followed at a time: audio, video and screen of both sides, twice.
const MAX_TRACKS: usize = 12;

pub(super) const UDP: Protocol = Protocol {
    name: "zoom",
    transport: TransportKind::Udp,
    specification: "unpublished; doi:10.1145/3517745.3561414",
    probe,
    make: |_| Box::<Zoom>::default(),
};

/// The kinds of media and where their RTP header stands behind the media type byte.
const fn rtp_offset(kind: u8) -> Option<usize> {
    match kind {
        13 => Some(27), // screen share through a server
        15 => Some(19), // audio
        16 => Some(24), // video
        30 => Some(20), // screen share between participants
        _ => None,
    }
}

const fn media_kind(kind: u8) -> MediaKind {
    match kind {
        13 | 30 => MediaKind::Screen,
        15 => MediaKind::Audio,
        16 => MediaKind::Video,
        _ => MediaKind::Unknown,
    }
}

fn probe(opening: &Opening<'_>) -> Probe {
    let bytes = opening.bytes;
    let to_server = SERVER_PORTS.contains(&opening.from_port) || SERVER_PORTS.contains(&opening.to_port);
    let looks_right = if to_server {
        is_connect(bytes) || ping(bytes).is_some() || is_bind(bytes) || Frame::from_server(bytes).is_some()
    } else {
        is_punch(bytes) || Frame::direct(bytes).is_some_and(|frame| frame.header.payload_type >= 96)
    };
    if looks_right { Probe::Yes } else { Probe::No }
}

/// A media packet: kind and RTP header.
#[derive(Debug, Clone, Copy)]
struct Frame {
    kind: u8,
    header: Header,
    /// Where the header of RTP stands in the datagram.
    at: usize,
}

impl Frame {
    /// Between participants: the media type byte comes first, a version byte follows.
    fn direct(bytes: &[u8]) -> Option<Self> {
        let &[kind, 1, ..] = bytes else { return None };
        let at = rtp_offset(kind)?;
        Some(Self { kind, header: Header::read(bytes.get(at..)?)?, at })
    }

    /// To and from a server: behind eight bytes (type, number, channel, direction), in 2019 behind one.
    fn from_server(bytes: &[u8]) -> Option<Self> {
        bytes.first().filter(|first| **first == MEDIA)?;
        [8, 1].into_iter().find_map(|before| {
            let frame = Self::direct(bytes.get(before..)?)?;
            Some(Self { at: frame.at + before, ..frame })
        })
    }
}

/// A client's first words: a token of 16 bytes at 3, seven zeros and a two at 19, the length of what follows at 35.
fn is_connect(bytes: &[u8]) -> bool {
    bytes.starts_with(&[CONNECT, 0])
        && bytes.get(19..27) == Some(&[0, 0, 0, 0, 0, 0, 0, 2])
        && bytes.get(35..39) == Some(&[0, 0, 0, 64])
}

/// The token by which the answer to a client's first words repeats them.
fn token(bytes: &[u8]) -> Option<[u8; 16]> {
    bytes.get(3..19)?.try_into().ok()
}

/// Counter, time and channel of a ping or pong; the pong repeats them.
fn ping(bytes: &[u8]) -> Option<[u8; 12]> {
    let long_enough = matches!(bytes.len(), 13 | 14 | 81);
    let &[PING | PONG, ref rest @ ..] = bytes else { return None };
    if long_enough { rest.first_chunk().copied() } else { None }
}

fn is_bind(bytes: &[u8]) -> bool {
    bytes.first() == Some(&MEDIA) && bytes.windows(BIND.len()).take(64).any(|w| w == BIND)
}

/// What opens the way between participants: an address as text, then an identifier of 36 characters, each with its length
/// in front.
fn is_punch(bytes: &[u8]) -> bool {
    let read = || {
        let mut cursor = Cursor::new(bytes);
        cursor.array::<4>().filter(|start| *start == [PUNCH, 2, 1, 0])?;
        cursor.skip(20)?;
        let len = usize::try_from(cursor.u32()?).ok()?;
        let address = std::str::from_utf8(cursor.take(len)?).ok()?;
        address.parse::<std::net::IpAddr>().ok()?;
        cursor.u32().filter(|len| *len == 36)?;
        cursor.take(36).filter(|id| id.iter().all(|b| b.is_ascii_hexdigit() || *b == b'-'))
    };
    read().is_some()
}

/// Reads a flow of Zoom until it is certain, and for what kinds of media it carries.
#[derive(Debug, Default)]
struct Zoom {
    certain: bool,
    seen: u16,
    /// What the other side would repeat.
    token: Option<(Side, [u8; 16])>,
    ping: Option<(Side, [u8; 12])>,
    tracks: Vec<(Side, Frame)>,
    /// Kinds told; there are four.
    told: Vec<u8>,
    /// Nothing more is read, but counted.
    read: bool,
    meter: Meter,
}

impl Dissector for Zoom {
    fn accept(&mut self, side: Side, part: Part<'_>, out: &mut Facts) -> Step {
        let Part::Datagram(bytes) = part else { return Step::More };
        if self.read {
            return Step::More;
        }
        self.seen = self.seen.saturating_add(1);
        let frame = Frame::from_server(bytes).or_else(|| Frame::direct(bytes));
        let streams = frame.is_some_and(|frame| self.goes_on(side, frame));
        let certain = streams || self.is_answer(side, bytes) || is_connect(bytes) || is_bind(bytes) || is_punch(bytes);
        if certain && !std::mem::replace(&mut self.certain, true) {
            out.push(side, Fact::Speaks("zoom"));
        }
        if let Some(Frame { kind, .. }) = frame
            && streams
            && !self.told.contains(&kind)
        {
            self.told.push(kind);
            out.push(side, Fact::Media(Media::Zoom { kind }));
        }
        if self.certain {
            self.read = self.told.len() >= 3 || self.seen >= MEDIA_SAMPLE;
            return Step::More;
        }
        if self.seen >= MAX_UNCERTAIN {
            return Step::GiveUp(Fault::new(Layer::Application, FaultKind::Malformed, 0, "zoom"));
        }
        Step::More
    }

    fn count(&mut self, side: Side, bytes: &[u8], len: u32, time: Timestamp) {
        if let Some(Frame { kind, header, at }) = Frame::from_server(bytes).or_else(|| Frame::direct(bytes))
            && let Some(inner) = bytes.get(at..)
        {
            let packet =
                Packet { header, bytes: inner, len: (len as usize).saturating_sub(at), kind: Some(media_kind(kind)) };
            self.meter.add(side, &packet, time);
        }
    }

    fn meter(&self) -> Option<&Meter> {
        Some(&self.meter).filter(|_| self.certain)
    }

    fn meter_mut(&mut self) -> Option<&mut Meter> {
        Some(&mut self.meter)
    }

    fn into_meter(self: Box<Self>) -> Option<Box<Meter>> {
        let Self { meter, certain, .. } = *self;
        certain.then(|| Box::new(meter))
    }

    fn held(&self) -> usize {
        self.meter.held()
    }
}

impl Zoom {
    /// Whether the packet continues a stream; each track remembers its last packet.
    fn goes_on(&mut self, side: Side, frame: Frame) -> bool {
        let same =
            |(s, f): &&mut (Side, Frame)| *s == side && f.kind == frame.kind && f.header.ssrc == frame.header.ssrc;
        if let Some((_, last)) = self.tracks.iter_mut().find(same) {
            let follows = frame.header.follows(&last.header);
            last.header = frame.header;
            return follows;
        }
        if self.tracks.len() >= MAX_TRACKS {
            self.tracks.remove(0);
        }
        self.tracks.push((side, frame));
        false
    }

    /// Whether this repeats what the other side said, as servers and clients do.
    fn is_answer(&mut self, side: Side, bytes: &[u8]) -> bool {
        match bytes.first() {
            Some(&CONNECT) => self.token = token(bytes).map(|token| (side, token)),
            Some(&ACCEPT) => return self.token.is_some_and(|(s, t)| s != side && token(bytes) == Some(t)),
            Some(&PING) => self.ping = ping(bytes).map(|ping| (side, ping)),
            Some(&PONG) => return self.ping.is_some_and(|(s, p)| s != side && ping(bytes) == Some(p)),
            _ => {}
        }
        false
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn media(kind: u8, sequence: u16, timestamp: u32) -> Vec<u8> {
        let mut bytes = vec![kind, 1];
        bytes.resize(rtp_offset(kind).unwrap(), 0);
        bytes.extend([0x90, 98]);
        bytes.extend(sequence.to_be_bytes());
        bytes.extend(timestamp.to_be_bytes());
        bytes.extend([0, 0, 4, 1, 0xbe, 0xde, 0, 0, 7, 7, 7, 7]);
        bytes
    }

    fn by_server(kind: u8, sequence: u16) -> Vec<u8> {
        [&[MEDIA, 0, 9, 0, 0xfe, 0x51, 0x30, 4], &media(kind, sequence, 5)[..]].concat()
    }

    fn connect(kind: u8) -> Vec<u8> {
        let mut bytes = vec![kind, 0, 2];
        bytes.extend(*b"0123456789abcdef");
        bytes.extend([0, 0, 0, 0, 0, 0, 0, 2, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 64]);
        bytes.extend([0x5a; 64]);
        bytes
    }

    fn punch() -> Vec<u8> {
        let mut bytes = vec![PUNCH, 2, 1, 0];
        bytes.extend([0; 20]);
        bytes.extend([0, 0, 0, 9]);
        bytes.extend(b"192.0.2.1");
        bytes.extend([0, 0, 0, 36]);
        bytes.extend(b"01234567-89AB-CDEF-0123-456789ABCDEF");
        bytes
    }

    fn read(packets: &[(Side, Vec<u8>)]) -> (Vec<Fact>, Step) {
        let (mut zoom, mut out, mut step) = (Zoom::default(), Facts::default(), Step::More);
        for (side, packet) in packets {
            step = zoom.accept(*side, Part::Datagram(packet), &mut out);
            if step != Step::More {
                break;
            }
        }
        (out.0.into_iter().map(|(_, fact)| fact).collect(), step)
    }

    fn opening(bytes: &[u8], to_port: u16) -> Opening<'_> {
        Opening { bytes, side: Side::First, from_port: 50_000, to_port }
    }

    #[test]
    fn media_is_told_by_kind_once_it_goes_on() {
        use Side::First;
        let kinds = |kinds: &[u8]| {
            kinds.iter().flat_map(|k| [(First, by_server(*k, 1)), (First, by_server(*k, 2))]).collect::<Vec<_>>()
        };
        let zoom = |kind| Fact::Media(Media::Zoom { kind });
        assert_eq!(read(&kinds(&[15, 15, 16])).0, [Fact::Speaks("zoom"), zoom(15), zoom(16)]);
        // Read to the end, and counted from then on.
        assert_eq!(read(&kinds(&[15, 16, 13, 30])).0.len(), 4);
        assert_eq!(read(&[(First, by_server(16, 1)), (First, by_server(16, 900))]).0, []);
        let direct = [(First, media(30, 1, 0)), (First, media(30, 2, 0))];
        assert_eq!(read(&direct).0, [Fact::Speaks("zoom"), zoom(30)]);
    }

    #[test]
    fn answers_that_repeat_the_question_are_certain() {
        use Side::{First, Second};
        let ping = |kind: u8, n: u8| [&[kind, 0, 0, 0, n], &[7; 8][..]].concat();
        for (packets, expected) in [
            (vec![(First, connect(CONNECT))], true),
            (vec![(First, ping(PING, 1)), (Second, ping(PONG, 1))], true),
            (vec![(First, ping(PING, 1)), (Second, ping(PONG, 2))], false),
            (vec![(First, ping(PING, 1)), (First, ping(PONG, 1))], false),
            (vec![(Second, punch())], true),
        ] {
            assert_eq!(!read(&packets).0.is_empty(), expected);
        }
        let mut cut = connect(CONNECT);
        cut.truncate(30);
        assert_eq!(read(&[(First, cut.clone()), (Second, connect(ACCEPT))]).0, [Fact::Speaks("zoom")]);
        assert_eq!(read(&vec![(First, cut); 100]).0, []);
    }

    #[test]
    fn probes_need_the_port_or_a_pattern() {
        let ping = [PING, 0, 0, 0, 1, 7, 7, 7, 7, 7, 7, 7, 7];
        for (bytes, port, expected) in [
            (&connect(CONNECT)[..], 8801, Probe::Yes),
            (&connect(CONNECT), 9000, Probe::No),
            (&ping, 8810, Probe::Yes),
            (&ping, 8811, Probe::No),
            (&by_server(15, 1), 8802, Probe::Yes),
            (&by_server(15, 1), 443, Probe::No),
            (&media(16, 1, 1), 40_000, Probe::Yes),
            (&punch(), 40_000, Probe::Yes),
            (&punch()[..40], 40_000, Probe::No),
            (b"", 8801, Probe::No),
        ] {
            assert_eq!(probe(&opening(bytes, port)), expected);
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn damaged_packets_never_panic(which in 0usize..4, at: u16, bit in 0u32..8, end: u16) {
            let mut bytes = vec![connect(CONNECT), punch(), by_server(13, 3), media(16, 1, 1)].swap_remove(which);
            let index = usize::from(at) % bytes.len();
            bytes[index] ^= 1 << bit;
            bytes.truncate(usize::from(end) % (bytes.len() + 1));
            probe(&opening(&bytes, 8801));
            probe(&opening(&bytes, 1));
            read(&[(Side::First, bytes.clone()), (Side::Second, bytes)]);
        }

        #[test]
        fn random_datagrams_are_never_zoom(packets in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..90), 0..60)) {
            let packets: Vec<_> = packets.into_iter().map(|p| (Side::First, p)).collect();
            prop_assert_eq!(read(&packets).0, vec![]);
        }
    }
}
