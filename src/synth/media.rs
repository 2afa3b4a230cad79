//! What a call is made of beside handshakes: STUN and TURN, RTP and RTCP, Zoom's own framing, and a little clear text.

use super::{Bytes, Random};
use crate::wire::End;
use std::net::IpAddr;

/// The magic cookie of STUN (RFC 8489 §5).
const COOKIE: u32 = 0x2112_a442;
const SOFTWARE: u16 = 0x8022;
const FINGERPRINT: u16 = 0x8028;

/// A STUN message type of these calls.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stun {
    BindingRequest = 0x0001,
    BindingAnswer = 0x0101,
    AllocateRequest = 0x0003,
    AllocateError = 0x0113,
    AllocateAnswer = 0x0103,
    CreatePermission = 0x0008,
}

/// One STUN message under construction.
#[derive(Debug, Clone)]
pub struct StunMessage {
    kind: Stun,
    transaction: [u8; 12],
    attributes: Bytes,
}

impl StunMessage {
    #[must_use]
    pub const fn new(kind: Stun, transaction: [u8; 12]) -> Self {
        Self { kind, transaction, attributes: Bytes::new() }
    }

    /// Any attribute, padded to four bytes.
    #[must_use]
    pub fn with(mut self, kind: u16, value: &[u8]) -> Self {
        self.attributes.u16(kind).vec16(|v| {
            v.put(value);
        });
        self.attributes.0.resize(self.attributes.0.len().next_multiple_of(4), 0);
        self
    }

    #[must_use]
    pub fn software(self, text: &[u8]) -> Self {
        self.with(SOFTWARE, text)
    }

    /// UDP as the transport to relay (RFC 8656 §18.7).
    #[must_use]
    pub fn requested_transport(self) -> Self {
        self.with(0x0019, &[17, 0, 0, 0])
    }

    /// 401 with realm and nonce (RFC 8489 §14.8-14.10).
    #[must_use]
    pub fn unauthorized(self, realm: &[u8]) -> Self {
        self.with(0x0009, b"\0\0\x04\x01Unauthorized").with(0x0014, realm).with(0x0015, b"5f4c1b0a9e3d")
    }

    #[must_use]
    pub fn mapped(self, end: End) -> Self {
        self.address(0x0020, end)
    }

    #[must_use]
    pub fn relayed(self, end: End) -> Self {
        self.address(0x0016, end)
    }

    #[must_use]
    pub fn peer(self, end: End) -> Self {
        self.address(0x0012, end)
    }

    /// An address in its XOR form (RFC 8489 §14.2).
    fn address(self, kind: u16, end: End) -> Self {
        let mask = Bytes::of(|m| {
            m.u32(COOKIE).put(&self.transaction);
        });
        let (family, octets) = match end.address {
            IpAddr::V4(v4) => (1, v4.octets().to_vec()),
            IpAddr::V6(v6) => (2, v6.octets().to_vec()),
        };
        let masked: Vec<u8> = octets.iter().zip(&mask).map(|(a, m)| a ^ m).collect();
        let value = Bytes::of(|v| {
            v.u8(0).u8(family).u16(end.port ^ (COOKIE >> 16) as u16).put(&masked);
        });
        self.with(kind, &value)
    }

    /// The datagram, with the fingerprint that tells it from other protocols (RFC 8489 §14.7).
    #[must_use]
    pub fn datagram(&self) -> Vec<u8> {
        let mut out = Bytes::new();
        let length = self.attributes.0.len() + 8;
        out.u16(self.kind as u16).u16(length as u16).u32(COOKIE).put(&self.transaction).put(&self.attributes.0);
        let sum = crc32(&out.0) ^ 0x5354_554e;
        out.u16(FINGERPRINT).u16(4).u32(sum);
        out.0
    }
}

fn crc32(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(!0, |crc, byte| {
        (0..8).fold(crc ^ u32::from(*byte), |crc, _| (crc >> 1) ^ if crc & 1 == 1 { 0xedb8_8320 } else { 0 })
    })
}

/// A stream of RTP packets (RFC 3550 §5.1): one source, one payload type.
#[derive(Debug, Clone)]
pub struct Rtp {
    pub ssrc: u32,
    pub payload_type: u8,
    sequence: u16,
    timestamp: u32,
    /// Clock units from one packet to the next.
    pub step: u32,
}

impl Rtp {
    #[must_use]
    pub fn new(payload_type: u8, step: u32, random: &mut Random) -> Self {
        let (ssrc, timestamp) = (random.next() as u32, random.next() as u32);
        Self { ssrc, payload_type, sequence: random.next() as u16, timestamp, step }
    }

    /// The next packet with `len` bytes of sealed payload.
    pub fn packet(&mut self, len: usize, random: &mut Random) -> Vec<u8> {
        self.sequence = self.sequence.wrapping_add(1);
        self.timestamp = self.timestamp.wrapping_add(self.step);
        Bytes::of(|b| {
            b.u8(0x80).u8(self.payload_type & 0x7f).u16(self.sequence).u32(self.timestamp).u32(self.ssrc);
            b.put(&random.bytes(len));
        })
    }

    /// A sender report of this source (RFC 3550 §6.4.1), numbers invented.
    pub fn report(&self, random: &mut Random) -> Vec<u8> {
        Bytes::of(|b| {
            b.u8(0x80).u8(200).u16(6).u32(self.ssrc).u64(random.next()).u32(self.timestamp).u32(1000).u32(90_000);
        })
    }
}

/// The kinds of Zoom media that carry RTP, with the length of the header in front of it (measured by Michel et al.,
/// "Enabling passive measurement of Zoom performance in production networks", IMC 2022).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ZoomKind {
    Share = 13,
    Audio = 15,
    Video = 16,
}

/// Zoom's framing around an RTP packet on the way to (`up`) or from a relay.
#[must_use]
pub fn zoom(kind: ZoomKind, up: bool, sequence: u16, rtp: &[u8]) -> Vec<u8> {
    let header = match kind {
        ZoomKind::Share => 27,
        ZoomKind::Audio => 19,
        ZoomKind::Video => 24,
    };
    Bytes::of(|b| {
        b.u8(5).u16(sequence).u8(0).u24(0x00fe_5132).u8(if up { 0 } else { 4 });
        let start = b.0.len();
        b.u8(kind as u8).u8(1).u8(0).put(&[0xfb, 0x90, 0x16, 0x18, 0x0c, 0x03]).u16(sequence).u32(sequence.into());
        b.0.resize(start + header, 0);
        b.put(rtp);
    })
}

/// The greeting of a client to a relay of Zoom, and the relay's answer: a token that the answer repeats, twice the same
/// number, and the length of what follows.
#[must_use]
pub fn zoom_greeting(random: &mut Random) -> [Vec<u8>; 2] {
    let (token, number) = (random.array::<16>(), random.array::<4>());
    let greeting = Bytes::of(|b| {
        b.put(&[1, 0, 3]).put(&token).u64(2).put(&number).put(&number).u32(64).put(&random.bytes(84));
    });
    let answer = Bytes::of(|b| {
        b.put(&[2, 0, 3])
            .put(&token)
            .u8(0)
            .u24(0x00fe_5130)
            .put(&number)
            .u64(0)
            .put(&[0, 0x40, 0, 0x40, 0, 3, 0xe0, 1, 0]);
    });
    [greeting, answer]
}

/// A plain HTTP request; the host may be any bytes.
#[must_use]
pub fn http_request(method: &str, host: &[u8], path: &str) -> Vec<u8> {
    let lines = [format!("{method} {path} HTTP/1.1\r\nHost: ").as_bytes(), host].concat();
    [&lines[..], b"\r\nUser-Agent: example/1.0\r\nAccept: */*\r\n\r\n"].concat()
}

/// A plain answer without a body.
#[must_use]
pub fn http_answer(status: &str) -> Vec<u8> {
    format!("HTTP/1.1 {status}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n").into_bytes()
}

/// An NTP client packet (mode 3, version 4) or the server's answer (mode 4), RFC 5905 §7.3.
#[must_use]
pub fn ntp(mode: u8, random: &mut Random) -> Vec<u8> {
    let mut packet = vec![0; 48];
    if let [first, stratum, ..] = packet.as_mut_slice() {
        *first = 0x20 | (mode & 7);
        *stratum = u8::from(mode == 4);
    }
    if let Some(transmit) = packet.get_mut(40..) {
        random.fill(transmit);
    }
    packet
}
