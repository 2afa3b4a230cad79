//! STUN (RFC 8489, classic RFC 3489) and TURN (RFC 8656): the addresses that two ends learn of each other.
//!
//! This is the dissector to copy for a new protocol. Its parts are always the same: constants with their source, a pure
//! reader of bytes ([`Message`]), what it says ([`Message::tell`]), a probe that is strict, a [`Dissector`] with bounded
//! memory, an entry for the registry, and tests with made-up bytes. Datagrams are read by [`super::rtc`], because STUN
//! shares its flows with media.

use super::media::Meter;
use super::rtc::Rtc;
use super::{Dissector, Fact, Facts, Opening, Part, Probe, Protocol, Step, rtp};

use crate::wire::{Cursor, End, Fault, FaultKind, Layer, Pair, Side, Text, Timestamp, TransportKind, canonical};
use std::net::IpAddr;

/// Bytes of the header, RFC 8489 §5.
const HEADER: usize = 20;
/// Magic cookie of the header, RFC 8489 §5.
const COOKIE: u32 = 0x2112_a442;
/// Value of the MAGIC-COOKIE attribute of Microsoft's TURN ([MS-TURN] §2.2.2), by which its messages are told.
const MS_COOKIE: u32 = 0x72c6_4bc6;
/// Text attributes are at most 763 bytes long (RFC 8489 §14.9 and others); what is longer is no name.
const MAX_TEXT: usize = 763;

pub(super) const TCP: Protocol = Protocol {
    name: "stun",
    transport: TransportKind::Tcp,
    specification: "RFC 8489 §6.2.2, RFC 8656 §12.4 (TURN channels), RFC 4571 and RFC 6544 (ICE over TCP)",
    probe: probe_tcp,
    make: |opening| Box::new(Stream::new(opening.bytes)),
};

/// One message. Numbers are those of the IANA STUN registry.
#[derive(Debug, Clone, Copy)]
pub(super) struct Message<'a> {
    kind: u16,
    /// Magic cookie and transaction id: what XOR addresses are masked with.
    mask: [u8; 16],
    attributes: &'a [u8],
    dialect: Dialect,
}

/// Three ways in which attributes are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Dialect {
    Standard,
    /// RFC 3489: no cookie in the header.
    Classic,
    /// [MS-TURN]: attributes are not padded, peers are not masked, NONCE and REALM changed places.
    Microsoft,
}

impl<'a> Message<'a> {
    /// Reads the message at the start of `bytes`; also says how many bytes it takes.
    pub(super) fn read(bytes: &'a [u8]) -> Option<(Self, usize)> {
        let mut cursor = Cursor::new(bytes);
        let kind = cursor.u16().filter(|kind| *kind < 0x4000)?;
        let len = usize::from(cursor.u16()?);
        let mask: [u8; 16] = cursor.array()?;
        let attributes = cursor.take(len)?;
        let mut message = Self { kind, mask, attributes, dialect: Dialect::Standard };
        if attributes.starts_with(&[0, 0x0f, 0, 4]) && attributes.get(4..8) == Some(&MS_COOKIE.to_be_bytes()) {
            message.dialect = Dialect::Microsoft;
        } else if !mask.starts_with(&COOKIE.to_be_bytes()) {
            message.dialect = Dialect::Classic;
        }
        Some((message, HEADER + len))
    }

    /// Whether the bytes cannot well be anything else. Without a cookie that takes a known type and nothing but known
    /// attributes, to the last byte. (0x0101 and 0x0103 are in no registry: Zoom's servers ask and answer with them.)
    pub(super) fn is_certain(&self) -> bool {
        match self.dialect {
            Dialect::Standard => self.attributes.len().is_multiple_of(4),
            Dialect::Microsoft => true,
            Dialect::Classic => {
                let known =
                    |(kind, _): &(u16, &[u8])| matches!(kind, 0x0001..=0x000b | 0x8020 | 0x8022 | 0x0101 | 0x0103);
                let kinds = matches!(self.kind, 0x0001 | 0x0101 | 0x0111 | 0x0002 | 0x0102 | 0x0112);
                kinds && self.attributes().all(|a| a.is_some_and(|a| known(&a))) && !self.attributes.is_empty()
            }
        }
    }

    /// Whose private way of speaking it is: Microsoft's ICE and TURN ([MS-ICE2] §2.2.3, [MS-TURN] §2.2.2), or the relays of
    /// WhatsApp, whose attributes 0x4000 to 0x4007 are in no registry.
    pub(super) fn dialect(&self) -> Option<&'static str> {
        if self.dialect == Dialect::Microsoft {
            return Some("stun-microsoft");
        }
        self.attributes().flatten().find_map(|(kind, _)| match kind {
            0x8008 | 0x8037 | 0x8054 | 0x8070 | 0x8095 => Some("stun-microsoft"),
            0x4000..=0x4007 => Some("stun-whatsapp"),
            _ => None,
        })
    }

    /// The method, without the class bits (RFC 8489 §5).
    const fn method(&self) -> u16 {
        self.kind & 0x000f | (self.kind & 0x00e0) >> 1 | (self.kind & 0x3e00) >> 2
    }

    /// Whether a relay is spoken to: any method of RFC 8656 §17, or Microsoft's dialect of it.
    pub(super) fn is_turn(&self) -> bool {
        matches!(self.method(), 3..=4 | 6..=9) || self.dialect == Dialect::Microsoft
    }

    /// Attributes one after the other; `None` once, in place of one that does not end.
    fn attributes(&self) -> impl Iterator<Item = Option<(u16, &'a [u8])>> + use<'a> {
        let mut cursor = Cursor::new(self.attributes);
        let padded = self.dialect != Dialect::Microsoft;
        std::iter::from_fn(move || {
            if cursor.is_empty() {
                return None;
            }
            let kind = cursor.u16();
            let value = cursor.vec16();
            let (Some(kind), Some(value)) = (kind, value) else {
                cursor = Cursor::new(&[]);
                return Some(None);
            };
            if padded {
                let _ = cursor.skip(value.len().wrapping_neg() % 4);
            }
            Some(Some((kind, value)))
        })
    }

    /// The packet that a relay passes on: DATA of RFC 8656 §18.4.
    pub(super) fn data(&self) -> Option<&'a [u8]> {
        self.attributes().flatten().find(|(kind, _)| *kind == 0x0013).map(|(_, value)| value)
    }

    /// Says what the attributes tell about addresses and names.
    pub(super) fn tell(&self, side: Side, out: &mut Facts) {
        let microsoft = self.dialect == Dialect::Microsoft;
        let plain = |value| address(value, [0; 16]);
        let masked = |value| address(value, self.mask);
        for (kind, value) in self.attributes().flatten() {
            let fact = match kind {
                // In an Allocate response of Microsoft's TURN this is the address on the relay ([MS-TURN] §2.2.2.1);
                // 0x8090 is its second one, for IPv6 (§2.2.2.23).
                0x0001 | 0x8090 if microsoft => plain(value).map(Fact::Relayed),
                0x0001 => plain(value).map(Fact::Mapped),
                0x0103 if self.dialect == Dialect::Classic => plain(value).map(Fact::Mapped),
                // 0x8020 is the number that the same attribute had in the drafts.
                0x0020 | 0x8020 => masked(value).map(Fact::Mapped),
                0x0016 => masked(value).map(Fact::Relayed),
                0x0011 | 0x0012 if microsoft => plain(value).map(Fact::Peer),
                0x0012 => masked(value).map(Fact::Peer),
                0x0014 if !microsoft => text(value).map(Fact::Realm),
                0x0015 if microsoft => text(value).map(Fact::Realm),
                0x8022 => text(value).map(Fact::Software),
                // PRIORITY, RFC 8445 §16.1.
                0x0024 => Some(Fact::Detail { key: "ice", value: Text::from("connectivity check between peers") }),
                0x802f => text(value).map(|value| Fact::Detail { key: "stun-origin", value }),
                0x8023 => plain(value).map(|end| detail("stun-alternate-server", end)),
                0x802b => plain(value).map(|end| detail("stun-response-origin", end)),
                0x802c => plain(value).map(|end| detail("stun-other-address", end)),
                _ => None,
            };
            if let Some(fact) = fact {
                out.push(side, fact);
            }
        }
    }
}

/// A request or its response: which of them, and the transaction id that both have (RFC 8489 §5), with the cookie.
/// Datagrams of Microsoft's multiplexed ports are looked into. Cheap for anything else.
#[must_use]
pub fn transaction(datagram: &[u8]) -> Option<(bool, [u8; 16])> {
    let bytes = match datagram {
        [0..=3, ..] => datagram,
        [0xff, 0x10, ..] => super::rtc::multiplexed(datagram)?,
        _ => return None,
    };
    let (message, _) = Message::read(bytes).filter(|(m, len)| *len == bytes.len() && m.is_certain())?;
    // The class bits: request, indication, success, error.
    match message.kind & 0x0110 {
        0x0000 => Some((true, message.mask)),
        0x0100 | 0x0110 => Some((false, message.mask)),
        _ => None,
    }
}

/// The messages at the start of a segment of TCP, as they are or each with its length in front (RFC 4571).
pub fn messages(segment: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut rest = segment;
    std::iter::from_fn(move || {
        let (len, start) = Framing::of(rest)?.measure(rest).ok()??;
        let message = rest.get(start..len)?;
        rest = rest.get(len..)?;
        Some(message)
    })
}

/// MAPPED-ADDRESS (RFC 8489 §14.1), or XOR-MAPPED-ADDRESS (§14.2) with its mask.
fn address(value: &[u8], mask: [u8; 16]) -> Option<End> {
    let mut cursor = Cursor::new(value);
    cursor.skip(1)?;
    let family = cursor.u8()?;
    let port = cursor.u16()? ^ u16::from_be_bytes([mask[0], mask[1]]);
    let address = match family {
        1 => {
            let [a, b, c, d, ..] = mask;
            IpAddr::from((cursor.u32()? ^ u32::from_be_bytes([a, b, c, d])).to_be_bytes())
        }
        2 => IpAddr::from((u128::from_be_bytes(cursor.array()?) ^ u128::from_be_bytes(mask)).to_be_bytes()),
        _ => return None,
    };
    Some(End { address: canonical(address), port })
}

fn text(value: &[u8]) -> Option<Text> {
    let value = value.strip_suffix(&[0]).unwrap_or(value);
    (!value.is_empty() && value.len() <= MAX_TEXT).then(|| Text::from_wire(value))
}

fn detail(key: &'static str, end: End) -> Fact {
    Fact::Detail { key, value: Text::from(end.to_string().as_str()) }
}

/// The packet in a TURN channel (RFC 8656 §12.4) and the bytes it takes, without padding.
pub(super) fn channel(bytes: &[u8]) -> Option<(&[u8], usize)> {
    let mut cursor = Cursor::new(bytes);
    cursor.u16().filter(|number| (0x4000..0x8000).contains(number))?;
    let data = cursor.vec16()?;
    Some((data, cursor.position()))
}

fn probe_tcp(opening: &Opening<'_>) -> Probe {
    match opening.bytes {
        bytes if Framing::of(bytes).is_some() || is_framed_media(bytes) => Probe::Yes,
        [] | [0..0x40, ..] if opening.bytes.len() < 2 + HEADER => Probe::Maybe,
        _ => Probe::No,
    }
}

/// Whether a segment is one packet of RTP in the framing of RFC 4571, without STUN before it.
fn is_framed_media(segment: &[u8]) -> bool {
    let mut cursor = Cursor::new(segment);
    cursor.vec16().is_some_and(|packet| cursor.is_empty() && rtp::is_possible(packet))
}

/// How packets follow each other in a stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Framing {
    /// STUN messages and TURN channels say their own length.
    Bare,
    /// Each packet has its length in two bytes in front: RFC 4571, as ICE over TCP uses it.
    Prefixed,
}

impl Framing {
    fn of(bytes: &[u8]) -> Option<Self> {
        let has_cookie = |at: usize| bytes.get(at..at + 4) == Some(&COOKIE.to_be_bytes());
        match *bytes {
            [0..0x40, _, ..] if has_cookie(4) => Some(Self::Bare),
            [high, low, 0..0x40, _, more, less, ..]
                if has_cookie(6)
                    && usize::from(u16::from_be_bytes([high, low]))
                        == HEADER + usize::from(u16::from_be_bytes([more, less])) =>
            {
                Some(Self::Prefixed)
            }
            _ => None,
        }
    }

    /// Bytes of the first frame of `bytes`, once its length has come, and where its packet begins.
    fn measure(self, bytes: &[u8]) -> Result<Option<(usize, usize)>, Fault> {
        let number = |at: usize| Some(usize::from(u16::from_be_bytes([*bytes.get(at)?, *bytes.get(at + 1)?])));
        match (self, bytes.first()) {
            (Self::Prefixed, _) => Ok(number(0).map(|len| (2 + len, 2))),
            (Self::Bare, None | Some(0..0x40)) => Ok(number(2).map(|len| (HEADER + len, 0))),
            // Padded to four bytes over TCP, RFC 8656 §12.5.
            (Self::Bare, Some(0x40..0x80)) => Ok(number(2).map(|len| ((4 + len).next_multiple_of(4), 0))),
            _ => Err(Fault::new(Layer::Application, FaultKind::Malformed, 0, "stun message over tcp")),
        }
    }
}

/// STUN, TURN and what they carry over TCP.
#[derive(Debug)]
struct Stream {
    framing: Framing,
    rtc: Rtc,
    /// Media is certain: of what begins as media does, no more is read than what is counted.
    control: bool,
    now: Timestamp,
    /// The beginning of a frame that is not yet complete, at most 65,555 bytes.
    held: Pair<Vec<u8>>,
}

impl Stream {
    fn new(opening: &[u8]) -> Self {
        let framing = Framing::of(opening).unwrap_or(Framing::Prefixed);
        Self { framing, rtc: Rtc::default(), control: false, now: Timestamp::default(), held: Pair::default() }
    }

    fn bytes(&mut self, side: Side, bytes: &[u8], out: &mut Facts) -> Step {
        let mut held = std::mem::take(&mut self.held[side]);
        if !held.is_empty() {
            held.extend_from_slice(bytes);
        }
        let whole = if held.is_empty() { bytes } else { &held };
        let mut at = 0;
        loop {
            let rest = whole.get(at..).unwrap_or_default();
            let (len, start) = match self.framing.measure(rest) {
                Err(fault) => return Step::GiveUp(fault),
                Ok(None) => break,
                Ok(Some(measured)) => measured,
            };
            let Some(packet) = rest.get(start..len) else { break };
            at += len;
            self.rtc.count(side, packet, packet.len(), self.now);
            if self.control && packet.first().is_none_or(|&b| b >= 64) {
                continue;
            }
            match self.rtc.packet(side, packet, out) {
                Step::More => {}
                Step::Control => self.control = true,
                other => return other,
            }
        }
        if held.is_empty() {
            held.extend_from_slice(bytes.get(at..).unwrap_or_default());
        } else {
            held.drain(..at);
        }
        self.held[side] = held;
        Step::More
    }
}

impl Dissector for Stream {
    fn accept(&mut self, side: Side, part: Part<'_>, out: &mut Facts) -> Step {
        match part {
            Part::Bytes(bytes) => self.bytes(side, bytes, out),
            // Where the next frame begins can no longer be known.
            Part::Gap(_) => Step::Done,
            Part::Datagram(_) | Part::End => Step::More,
        }
    }

    fn clock(&mut self, time: Timestamp) {
        self.now = time;
    }

    fn meter(&self) -> Option<&Meter> {
        self.rtc.meter()
    }

    fn meter_mut(&mut self) -> Option<&mut Meter> {
        self.rtc.meter_mut()
    }

    fn into_meter(self: Box<Self>) -> Option<Box<Meter>> {
        self.rtc.into_meter()
    }

    fn held(&self) -> usize {
        self.held.iter().map(Vec::len).sum::<usize>() + self.rtc.held()
    }
}

#[cfg(test)]
mod tests;
