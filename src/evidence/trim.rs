//! How much of a frame is kept: all headers, the first bytes of each direction of a flow (there the handshakes and names
//! are), and behind that headers only. What is content stays out of the evidence; volumes stay exact.

use crate::decode::{Decoded, Decoder};
use crate::wire::{End, FlowKey, Fragment, Frame, Packet, TcpFlags, Transport, TransportKind};
use rustc_hash::FxHashMap;
use std::mem;

/// Directions remembered. When they are so many, those that were silent since the last time are forgotten and may keep their
/// first bytes anew: memory is bounded, and nothing is lost.
const MAX_FLOWS: usize = 1 << 17;
/// Kept of a frame that cannot be told apart any further: enough for the headers of a fragment in a VLAN over IPv6.
const HEADERS: usize = 96;

/// Which flow a frame is of, as far as it could be told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Trimmed {
    /// Bytes to keep.
    pub keep: usize,
    pub flow: Option<FlowKey>,
}

/// Decides frame by frame.
#[derive(Debug)]
pub struct Trim {
    decoder: Decoder,
    /// Bytes of transport payload kept of each direction; `None` keeps everything.
    payload: Option<u32>,
    young: FxHashMap<(FlowKey, bool), u32>,
    old: FxHashMap<(FlowKey, bool), u32>,
}

impl Trim {
    /// `payload`: bytes kept of each direction of a flow; `None` keeps everything.
    #[must_use]
    pub fn new(payload: Option<u32>) -> Self {
        Self { decoder: Decoder::new(), payload, young: FxHashMap::default(), old: FxHashMap::default() }
    }

    /// How much of the frame to keep.
    pub fn trim(&mut self, frame: &Frame<'_>) -> Trimmed {
        let whole = frame.bytes.len();
        let Self { decoder, payload, young, old } = self;
        let mut books = Books { young, old };
        let (flow, keep) = match decoder.decode(frame) {
            Decoded::Packet(packet) => {
                let key = FlowKey::new(packet.transport.kind(), packet.source, packet.destination);
                let up = packet.source <= packet.destination;
                let Some(bound) = *payload else { return Trimmed { keep: whole, flow: Some(key) } };
                let sent = books.sent((key, up));
                if let Transport::Tcp { flags, .. } = packet.transport
                    && flags.has(TcpFlags::SYN)
                {
                    // A new connection on the same ports.
                    *sent = 0;
                }
                let before = *sent;
                *sent = before.saturating_add(packet.payload_len).min(bound);
                (Some(key), kept(frame, &packet, bound - before))
            }
            Decoded::Other(other) => match (other.addresses, *payload) {
                (Some((source, destination)), Some(bound)) => {
                    let end = |address| End { address, port: 0 };
                    let key = FlowKey::new(TransportKind::Udp, end(source), end(destination));
                    let sent = books.sent((key, source <= destination));
                    let left = bound - *sent;
                    *sent = sent.saturating_add(frame.original_len).min(bound);
                    (None, if left > 0 { whole } else { HEADERS })
                }
                _ => (None, whole),
            },
            // What cannot be read is evidence of just that.
            Decoded::Fault(_) => (None, whole),
        };
        Trimmed { keep: keep.min(whole), flow }
    }
}

/// Payload that went by, for the flows that were met lately and before.
struct Books<'a> {
    young: &'a mut FxHashMap<(FlowKey, bool), u32>,
    old: &'a mut FxHashMap<(FlowKey, bool), u32>,
}

impl Books<'_> {
    fn sent(&mut self, direction: (FlowKey, bool)) -> &mut u32 {
        if self.young.len() >= MAX_FLOWS / 2 && !self.young.contains_key(&direction) {
            *self.old = mem::take(self.young);
        }
        let Self { young, old } = self;
        young.entry(direction).or_insert_with(|| old.remove(&direction).unwrap_or(0))
    }
}

/// Bytes to keep of a frame of whose direction `left` more bytes of payload may be kept.
fn kept(frame: &Frame<'_>, packet: &Packet<'_>, left: u32) -> usize {
    let whole = frame.bytes.len();
    if packet.fragment != Fragment::Whole {
        return if left > 0 { whole } else { HEADERS };
    }
    // The payload lies in the frame; what is in front of it are headers, what is behind it padding.
    let offset = packet.payload.as_ptr().addr().wrapping_sub(frame.bytes.as_ptr().addr());
    if packet.payload.is_empty() || offset > whole {
        return whole.min(if packet.payload.is_empty() { whole } else { HEADERS.max(left as usize) });
    }
    let more = match packet.transport {
        _ if resolves(packet) => packet.payload.len(),
        Transport::Tcp { .. } => 0,
        _ => signalling(packet.payload),
    };
    offset + packet.payload.len().min(more.max(left as usize))
}

/// Whether names are asked for, over UDP or TCP: that is kept however late it comes.
fn resolves(packet: &Packet<'_>) -> bool {
    [packet.source.port, packet.destination.port].iter().any(|port| matches!(port, 53 | 5353 | 5355))
}

/// How much of a datagram tells who talks and how, and is kept however late it comes: addresses, handshakes, the header of
/// media.
fn signalling(payload: &[u8]) -> usize {
    let all = payload.len();
    match payload {
        // STUN: RFC 8489 §5, the magic cookie. DTLS but application data: RFC 9147 §4.
        [0..=0x3f, _, _, _, 0x21, 0x12, 0xa4, 0x42, ..] | [20..=22, 0xfe, ..] => all,
        // A long header of QUIC: RFC 9000 §17.2.
        [0xc0..=0xff, v @ .., _, _]
            if v.first_chunk::<4>().is_some_and(|v| v[0] == 0 || *v == [0x6b, 0x33, 0x43, 0xcf]) =>
        {
            all
        }
        _ => media_header(payload).unwrap_or(0),
    }
}

/// The header of media, with what it comes in: a channel of a relay (RFC 8656 §12.4), the multiplexed ports of Microsoft's
/// relays, or what Zoom puts in front of it, to its servers and between participants.
fn media_header(payload: &[u8]) -> Option<usize> {
    let (at, rest) = match payload {
        [0x80..=0xbf, ..] => (0, payload),
        [0x40..=0x4f, _, _, _, rest @ ..] => (4, rest),
        [0xff, 0x10, ..] => (12, payload.get(12..)?),
        [5, ..] => {
            let at = if payload.get(9) == Some(&1) { 8 } else { 1 };
            let behind = at + zoom_header(*payload.get(at)?)?;
            (behind, payload.get(behind..)?)
        }
        [kind, 1, ..] => (zoom_header(*kind)?, payload.get(zoom_header(*kind)?..)?),
        _ => return None,
    };
    // RTP and RTCP: RFC 3550 §5.1, with the sources and the extension that it announces.
    let first = rest.first().filter(|first| matches!(first, 0x80..=0xbf))?;
    let fixed = 12 + usize::from(first & 0x0f) * 4;
    let words = rest.get(fixed + 2..fixed + 4).and_then(|b| b.first_chunk::<2>());
    Some(match words.filter(|_| first & 0x10 != 0) {
        Some(words) => at + fixed + 4 + usize::from(u16::from_be_bytes(*words)) * 4,
        None => at + fixed,
    })
}

/// Bytes of Zoom's own in front of the header of RTP, by its media type byte.
const fn zoom_header(kind: u8) -> Option<usize> {
    match kind {
        13 => Some(27),
        15 => Some(19),
        16 => Some(24),
        30 => Some(20),
        _ => None,
    }
}
