//! What stays of a datagram: what names, addresses and handshakes are read from, with those of the audited side replaced;
//! nothing of content. What is not known to be needed does not stay.

use super::super::pseudonym::Pseudonyms;
use super::{dns, text};
use crate::dissect::quic::header::{Kind, packets};
use crate::wire::{Cursor, canonical};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// RFC 8489 §5.
const COOKIE: [u8; 4] = [0x21, 0x12, 0xa4, 0x42];
const STUN_HEADER: usize = 20;
/// MAGIC-COOKIE of [MS-TURN] §2.2.2.
const MICROSOFT: [u8; 8] = [0, 0x0f, 0, 4, 0x72, 0xc6, 0x4b, 0xc6];
/// What is XORed onto the checksum in FINGERPRINT (RFC 8489 §14.7).
const FINGERPRINT: u32 = 0x5354_554e;
/// Packets in packets.
const MAX_DEPTH: u8 = 3;
/// Of a QUIC packet that nobody can open, its header stays: five bytes, two connection ids, a length.
const QUIC_HEADER: usize = 64;

/// Who sent something, and between which ports.
#[derive(Debug, Clone, Copy)]
pub(super) struct Way {
    pub(super) from_own: bool,
    pub(super) ports: (u16, u16),
}

impl Way {
    pub(super) fn has(self, port: u16) -> bool {
        self.ports.0 == port || self.ports.1 == port
    }
}

/// What stays of the payload of a UDP datagram, from its first byte on.
pub(super) fn datagram(bytes: &[u8], way: Way, pseudonyms: &mut Pseudonyms) -> Vec<u8> {
    if way.has(53) {
        return dns::message(bytes, pseudonyms).unwrap_or_default();
    }
    if let Some(kept) = by_port(bytes, way) {
        return kept;
    }
    packet(bytes, way, pseudonyms, 0)
}

/// The first bytes, the rest as zeros: where the length of the whole matters.
fn first(bytes: &[u8], keep: usize) -> Vec<u8> {
    let mut out = bytes.get(..keep).unwrap_or(bytes).to_vec();
    out.resize(bytes.len(), 0);
    out
}

fn only(bytes: &[u8], keep: usize) -> Vec<u8> {
    bytes.get(..keep).unwrap_or(bytes).to_vec()
}

/// Protocols that are told by their port too.
fn by_port(bytes: &[u8], way: Way) -> Option<Vec<u8>> {
    let zoom = |port: u16| (8801..=8810).contains(&port);
    Some(match bytes {
        _ if zoom(way.ports.0) || zoom(way.ports.1) => zoom_server(bytes),
        // The first byte of NTP says what it is (RFC 5905 §7.3); the rest says which server and when.
        _ if way.has(123) && bytes.len() >= 48 => first(only(bytes, 48).as_slice(), 1),
        // A version in BER, behind a length (RFC 3417 §3); a priority (RFC 5424 §6).
        [0x30, 0..=0x7f, 2, 1, ..] if way.has(161) || way.has(162) => only(bytes, 5),
        [b'<', ..] if way.has(514) => only(bytes, 2),
        // ESP in UDP, RFC 3948: index and number.
        [a, b, c, d, ..] if way.has(4500) && [*a, *b, *c, *d] != [0; 4] => only(bytes, 8),
        [0xc8, 2, ..] if way.has(1701) => first(bytes, 4),
        _ => return None,
    })
}

/// Zoom to and from a server: connection, ping, binding of a channel, or media (see the dissector).
fn zoom_server(bytes: &[u8]) -> Vec<u8> {
    const BIND: &[u8] = b"data_bind_replace_flag";
    match bytes {
        [1 | 2, ..] => only(bytes, 39),
        [3 | 4, ..] if matches!(bytes.len(), 13 | 14 | 81) => first(bytes, 13),
        [5, ..] => {
            if let Some(at) = bytes.windows(BIND.len()).take(64).position(|w| w == BIND) {
                let mut out = vec![0; at];
                out.extend(BIND);
                if let Some(kind) = out.first_mut() {
                    *kind = 5;
                }
                return out;
            }
            let media = [8, 1].into_iter().find_map(|at| Some((at, zoom_media(bytes.get(at..)?)?)));
            let Some((at, inner)) = media else { return Vec::new() };
            [bytes.get(..at).unwrap_or_default(), &inner].concat()
        }
        _ => Vec::new(),
    }
}

/// Zoom's header of one medium and the RTP header behind it.
fn zoom_media(bytes: &[u8]) -> Option<Vec<u8>> {
    let at = match bytes {
        [13, 1, ..] => 27,
        [15, 1, ..] => 19,
        [16, 1, ..] => 24,
        [30, 1, ..] => 20,
        _ => return None,
    };
    let header = rtp(bytes.get(at..)?)?;
    let mut out = only(bytes, 2);
    out.resize(at, 0);
    out.extend(header);
    Some(out)
}

/// What stays of a packet that may be any of a call's: told by its first bytes (RFC 7983).
pub(super) fn packet(bytes: &[u8], way: Way, pseudonyms: &mut Pseudonyms, depth: u8) -> Vec<u8> {
    if depth > MAX_DEPTH {
        return Vec::new();
    }
    // Its letters are other protocols' numbers.
    if let Some(kept) = text::message(bytes, pseudonyms) {
        return kept;
    }
    let kept = match bytes {
        [0..=0x3f, ..] if is_stun(bytes) => Some(stun(bytes, way, pseudonyms, depth)),
        // Discord's question for the public address: the answer is text in 64 bytes.
        [0, 1 | 2, 0, 70, ..] if bytes.len() == 74 => Some(discovery(bytes, pseudonyms)),
        [0x13, 0x37, 0xca, 0xfe, _, _, _, _] => Some(bytes.to_vec()),
        // WireGuard's handshake is keys and secrets under keys; of its data the counter stays.
        [1, 0, 0, 0, ..] if bytes.len() == 148 => Some(bytes.to_vec()),
        [2, 0, 0, 0, ..] if bytes.len() == 92 => Some(bytes.to_vec()),
        [4, 0, 0, 0, ..] if bytes.len() >= 32 && bytes.len().is_multiple_of(16) => Some(first(&only(bytes, 32), 16)),
        [0x14..=0x1a, 0xfe, ..] => Some(dtls(bytes, way)),
        // The header that hides all else in DTLS 1.3 (RFC 9147 §4).
        [0x20..=0x3f, ..] => openvpn(bytes).or_else(|| Some(only(bytes, 1))),
        // ZRTP (RFC 6189 §5).
        [0x10..=0x13, _, _, _, b'Z', b'R', b'T', b'P', ..] => Some(only(bytes, 8)),
        [0x40, ..] if openvpn(bytes).is_some() => openvpn(bytes),
        // A channel of TURN (RFC 8656 §12.4).
        [0x40..=0x4f, _, high, low, ..] => {
            let len = usize::from(u16::from_be_bytes([*high, *low]));
            bytes.get(4..4 + len).map(|inner| {
                let mut out = only(bytes, 4);
                out.extend(packet(inner, way, pseudonyms, depth + 1));
                // Its length has to fit.
                out.resize(bytes.len(), 0);
                out
            })
        }
        [0xff, 0x10, high, low, ..] => {
            let len = usize::from(u16::from_be_bytes([*high, *low]));
            bytes.get(12..).filter(|_| bytes.len() == 4 + len).map(|inner| {
                let mut out = only(bytes, 12);
                out.extend(packet(inner, way, pseudonyms, depth + 1));
                out.resize(bytes.len(), 0);
                out
            })
        }
        [0x50, ..] => openvpn(bytes),
        [0x80..=0xff, ..] if packets(bytes).next().is_some() => Some(quic(bytes)),
        [0x80..=0xbf, ..] => rtcp(bytes).or_else(|| rtp(bytes)),
        [13 | 15 | 16 | 30, 1, ..] => zoom_media(bytes),
        _ if bytes.starts_with(b"r6fnvWj8") => Some(only(bytes, 8)),
        [0x54, 0x53, 0xf0, 0x9f, 0x92, 0xac, ..] => Some(only(bytes, 6)),
        _ => ike(bytes),
    };
    kept.unwrap_or_default()
}

/// Whether it is STUN to its last byte: with its cookie, Microsoft's, or as the first edition (RFC 3489) wrote it.
fn is_stun(bytes: &[u8]) -> bool {
    let mut cursor = Cursor::new(bytes);
    let (Some(kind), Some(len)) = (cursor.u16(), cursor.u16()) else { return false };
    let fits = usize::from(len) + STUN_HEADER == bytes.len();
    let classic = matches!(kind, 0x0001 | 0x0101 | 0x0111 | 0x0002 | 0x0102 | 0x0112);
    fits && (bytes.get(4..8) == Some(&COOKIE) || is_microsoft(bytes) || classic)
}

fn is_microsoft(bytes: &[u8]) -> bool {
    bytes.get(STUN_HEADER..).is_some_and(|attributes| attributes.starts_with(&MICROSOFT))
}

/// A STUN message with its addresses replaced; credentials and what is not known become zeros.
pub(super) fn stun(bytes: &[u8], way: Way, pseudonyms: &mut Pseudonyms, depth: u8) -> Vec<u8> {
    let microsoft = is_microsoft(bytes);
    let mut mask = [0; 16];
    if let Some(in_front) = bytes.get(4..STUN_HEADER) {
        mask.copy_from_slice(in_front);
    }
    let mut out = first(bytes, STUN_HEADER);
    let mut at = STUN_HEADER;
    while let Some(header) = bytes.get(at..at + 4) {
        let mut cursor = Cursor::new(header);
        let (Some(kind), Some(len)) = (cursor.u16(), cursor.u16().map(usize::from)) else { break };
        let Some(value) = bytes.get(at + 4..at + 4 + len) else { break };
        let value = match kind {
            0x0001 | 0x0002 | 0x0004 | 0x0005 | 0x000b | 0x0103 | 0x8023 | 0x802b | 0x802c | 0x8090 => {
                address(value, [0; 16], pseudonyms)
            }
            0x0011 | 0x0012 if microsoft => address(value, [0; 16], pseudonyms),
            0x0012 | 0x0016 | 0x0020 | 0x8020 => address(value, mask, pseudonyms),
            // LIFETIME, CHANNEL-NUMBER, cookie, REQUESTED-TRANSPORT, PRIORITY, USE-CANDIDATE, the roles of ICE.
            0x000c | 0x000d | 0x000f | 0x0019 | 0x0024 | 0x0025 | 0x8029 | 0x802a => value.to_vec(),
            // ERROR-CODE without its text.
            0x0009 => only(value, 4),
            // REALM, SOFTWARE, the page that asked.
            0x0014 | 0x0015 if (kind == 0x0015) == microsoft => named(value, pseudonyms),
            0x8022 | 0x802f => named(value, pseudonyms),
            0x0013 => packet(value, way, pseudonyms, depth + 1),
            _ => Vec::new(),
        };
        for (to, from) in out.iter_mut().skip(at).zip(header.iter().chain(&value)) {
            *to = *from;
        }
        if kind == 0x8028 && len == 4 {
            let mut crc = flate2::Crc::new();
            crc.update(out.get(..at).unwrap_or_default());
            for (to, from) in out.iter_mut().skip(at + 4).zip((crc.sum() ^ FINGERPRINT).to_be_bytes()) {
                *to = from;
            }
        }
        at += 4 + if microsoft { len } else { len.next_multiple_of(4) };
    }
    out
}

/// A text that names somebody's service, unless it names the audited side or a person.
fn named(value: &[u8], pseudonyms: &Pseudonyms) -> Vec<u8> {
    let text = String::from_utf8_lossy(value);
    let words = || text.split(|c: char| !(c.is_alphanumeric() || matches!(c, '.' | '-' | ':')));
    let own = |word: &str| word.contains(['.', ':']) && pseudonyms.is_own_name(word);
    if text.contains('@') || words().any(own) { Vec::new() } else { value.to_vec() }
}

/// MAPPED-ADDRESS and its like (RFC 8489 §14.1, §14.2).
fn address(value: &[u8], mask: [u8; 16], pseudonyms: &mut Pseudonyms) -> Vec<u8> {
    let read = |at: usize, len: usize| -> Option<Vec<u8>> {
        let masked = value.get(at..at + len)?.iter().zip(mask);
        Some(masked.map(|(byte, mask)| byte ^ mask).collect())
    };
    let other = match value.get(1) {
        Some(1) => read(4, 4)
            .and_then(|b| <[u8; 4]>::try_from(b).ok())
            .map(|b| pseudonyms.v4(Ipv4Addr::from(b)).octets().to_vec()),
        Some(2) => read(4, 16)
            .and_then(|b| <[u8; 16]>::try_from(b).ok())
            .map(|b| pseudonyms.v6(Ipv6Addr::from(b)).octets().to_vec()),
        _ => None,
    };
    let Some(other) = other else { return Vec::new() };
    let masked = other.iter().zip(mask).map(|(byte, mask)| byte ^ mask);
    value.iter().take(4).copied().chain(masked).collect()
}

fn discovery(bytes: &[u8], pseudonyms: &mut Pseudonyms) -> Vec<u8> {
    let mut out = first(bytes, 8);
    let text =
        bytes.get(8..72).and_then(|text| text.split(|b| *b == 0).next()).and_then(|t| std::str::from_utf8(t).ok());
    if let Some(address) = text.and_then(|text| text.parse::<IpAddr>().ok()) {
        let other = canonical(pseudonyms.address(address)).to_string();
        for (to, from) in out.iter_mut().take(71).skip(8).zip(other.bytes()) {
            *to = from;
        }
    }
    for (to, from) in out.iter_mut().skip(72).zip(bytes.iter().skip(72)) {
        *to = *from;
    }
    out
}

/// DTLS: record headers, hellos; of a server that is not of the audited side also its certificate.
fn dtls(bytes: &[u8], way: Way) -> Vec<u8> {
    let mut out = vec![0; bytes.len()];
    let mut keep = |at: usize, len: usize| {
        for (to, from) in out.iter_mut().zip(bytes).skip(at).take(len) {
            *to = *from;
        }
    };
    let mut at = 0;
    while let Some(header) = bytes.get(at..at + 13) {
        let [kind, _, _, epoch, poch, .., high, low] = *header else { break };
        let len = usize::from(u16::from_be_bytes([high, low]));
        keep(at, 13);
        let (body, end) = (at + 13, at + 13 + len);
        match kind {
            _ if [epoch, poch] != [0, 0] => {}
            20 | 21 if len <= 2 => keep(body, len),
            22 => {
                let mut part = body;
                while let Some([message, .., a, b, c]) = bytes.get(part..part + 12).filter(|_| part + 12 <= end) {
                    let len = u32::from_be_bytes([0, *a, *b, *c]) as usize;
                    keep(part, 12);
                    part += 12;
                    // ClientHello, ServerHello, HelloVerifyRequest; Certificate, ServerKeyExchange, ServerHelloDone.
                    if matches!(message, 1..=3) || !way.from_own && matches!(message, 11 | 12 | 14) {
                        keep(part, len.min(end.saturating_sub(part)));
                    }
                    part = part.saturating_add(len);
                }
            }
            _ => {}
        }
        at = end;
    }
    out
}

/// QUIC: what anyone on the way can open; of the rest the headers.
fn quic(bytes: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(bytes.len());
    for packet in packets(bytes) {
        match packet.kind {
            Kind::Initial { .. } => out.extend(packet.bytes),
            Kind::Sealed => out.extend(first(packet.bytes, QUIC_HEADER)),
            // Both take the whole datagram.
            Kind::Retry | Kind::Negotiation => return bytes.to_vec(),
        }
    }
    out
}

/// The fixed header, its sources, and an extension as zeros (RFC 3550 §5.1, §5.3.1).
fn rtp(bytes: &[u8]) -> Option<Vec<u8>> {
    let head = *bytes.first().filter(|b| **b >> 6 == 2)?;
    let fixed = 12 + usize::from(head & 0x0f) * 4;
    let mut out = bytes.get(..fixed)?.to_vec();
    if head & 0x10 != 0 {
        let extension = bytes.get(fixed..fixed + 4)?;
        out.extend(extension);
        let words = usize::from(u16::from_be_bytes(*extension.last_chunk()?));
        bytes.get(fixed + 4..fixed + 4 + 4 * words)?;
        out.resize(fixed + 4 + 4 * words, 0);
    }
    Some(out)
}

/// Headers and first sources of RTCP reports (RFC 3550 §6.1); what they say, names of participants among it, as zeros.
fn rtcp(bytes: &[u8]) -> Option<Vec<u8>> {
    let mut out = Vec::new();
    while let Some([0x80..0xc0, 200..=207, high, low, ..]) = bytes.get(out.len()..) {
        let (at, len) = (out.len(), 4 * (usize::from(u16::from_be_bytes([*high, *low])) + 1));
        let Some(report) = bytes.get(at..at + len) else { break };
        out.extend(first(report, 8));
    }
    (!out.is_empty()).then_some(out)
}

/// The opening of OpenVPN: session numbers and what authenticates them.
fn openvpn(bytes: &[u8]) -> Option<Vec<u8>> {
    let hello = matches!(bytes.first(), Some(0x38 | 0x50)) && matches!(bytes.len(), 14 | 42 | 54 | 86);
    let answer = bytes.first() == Some(&0x40) && (26..=128).contains(&bytes.len()) && bytes.get(1..3) != Some(&[0, 0]);
    let channel = || {
        let len = bytes.get(2..4).and_then(|b| b.first_chunk()).map(|b| usize::from(u16::from_be_bytes(*b)));
        len.is_some_and(|len| (len + 4..len + 8).contains(&bytes.len()))
    };
    (hello || answer && !channel()).then(|| bytes.to_vec())
}

/// The header of IKE (RFC 7296 §3.1), perhaps behind the marker of RFC 3948; who is who stands behind it.
fn ike(bytes: &[u8]) -> Option<Vec<u8>> {
    let marker = if bytes.starts_with(&[0; 4]) { 4 } else { 0 };
    let header = bytes.get(marker..marker + 28)?;
    let [.., version, exchange, _, _, _, _, _, a, b, c, d] = *header else { return None };
    let known = matches!((version, exchange), (0x20, 34..=38 | 43) | (0x10, 2..=6 | 32..=33));
    let len = u32::from_be_bytes([a, b, c, d]) as usize;
    (known && marker + len == bytes.len()).then(|| first(bytes, marker + 28))
}
