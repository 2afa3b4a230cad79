//! Long headers of QUIC (RFC 8999, RFC 9000 §17.2) and the packets of one datagram.

use super::keys::{self, V1};
use crate::wire::Cursor;

/// Longest connection id of any version read here (RFC 9000 §17.2), in bytes.
pub const MAX_CID: usize = 20;
/// Most packets looked at in one datagram; Initial, 0-RTT, Handshake and 1-RTT fit twice.
const MAX_PACKETS: usize = 8;

/// What a long packet is, by the numbering of its version.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// `pn_at`: offset of the packet number from the start of the packet.
    Initial {
        pn_at: usize,
    },
    /// 0-RTT or Handshake: encrypted with keys that an observer cannot have.
    Sealed,
    Retry,
    /// A server's list of the versions it speaks (RFC 9000 §17.2.1).
    Negotiation,
}

/// One long packet of a datagram.
#[derive(Debug, Clone, Copy)]
pub struct Long<'a> {
    pub kind: Kind,
    pub version: u32,
    pub dcid: &'a [u8],
    pub scid: &'a [u8],
    /// The whole packet, as far as its Length field reaches. For a negotiation, the versions.
    pub bytes: &'a [u8],
}

/// A variable-length integer (RFC 9000 §16).
pub(super) fn varint(c: &mut Cursor<'_>) -> Option<u64> {
    let first = c.u8()?;
    let mut value = u64::from(first & 0x3f);
    for _ in 1..1u8 << (first >> 6) {
        value = value << 8 | u64::from(c.u8()?);
    }
    Some(value)
}

/// The long packets at the front of a datagram, up to the first thing that is none: a short packet, padding, or
/// something whose lengths do not fit.
pub fn packets(datagram: &[u8]) -> impl Iterator<Item = Long<'_>> {
    let mut rest = datagram;
    std::iter::from_fn(move || {
        let (packet, after) = long(rest)?;
        rest = after;
        Some(packet)
    })
    .take(MAX_PACKETS)
}

/// Reads one long packet; what follows it. The fixed bit is not asked for, clients may grease it (RFC 9287).
fn long(bytes: &[u8]) -> Option<(Long<'_>, &[u8])> {
    let mut c = Cursor::new(bytes);
    let first = c.u8().filter(|first| first & 0x80 != 0)?;
    let version = c.u32()?;
    let dcid = c.vec8()?;
    let scid = c.vec8()?;
    if version == 0 {
        let packet = Long { kind: Kind::Negotiation, version, dcid, scid, bytes: c.rest() };
        return Some((packet, &[]));
    }
    if dcid.len() > MAX_CID || scid.len() > MAX_CID {
        return None;
    }
    let scheme = keys::schemes(version).first()?;
    // RFC 9369 §3.2 turns the numbers by one.
    let number = (first >> 4 & 3).wrapping_sub(scheme.initial_type()) & 3;
    if number == 3 {
        return Some((Long { kind: Kind::Retry, version, dcid, scid, bytes }, &[]));
    }
    if number == 0 {
        let token = varint(&mut c)?;
        c.skip(usize::try_from(token).ok()?)?;
    }
    let length = usize::try_from(varint(&mut c)?).ok()?;
    let pn_at = c.position();
    c.skip(length)?;
    let kind = if number == 0 { Kind::Initial { pn_at } } else { Kind::Sealed };
    Some((Long { kind, version, dcid, scid, bytes: bytes.get(..c.position())? }, c.rest()))
}

/// Whether a datagram is made like QUIC of a version that this program knows: packets whose lengths fit, and a fixed
/// bit where the version number alone proves little.
#[must_use]
pub fn looks_like_quic(datagram: &[u8]) -> bool {
    let Some(&first) = datagram.first() else { return false };
    packets(datagram).next().is_some_and(|packet| match packet.kind {
        Kind::Negotiation => versions(packet.bytes).is_some_and(|mut list| list.any(|v| !keys::schemes(v).is_empty())),
        Kind::Retry => first & 0x40 != 0 && packet.bytes.len() > keys::TAG + 7 && !keys::is_reserved(packet.version),
        Kind::Initial { .. } | Kind::Sealed => {
            !keys::is_reserved(packet.version) && (first & 0x40 != 0 || packet.version != V1)
        }
    })
}

/// The versions in a negotiation, reserved ones left out.
pub(super) fn versions(list: &[u8]) -> Option<impl Iterator<Item = u32>> {
    let whole = !list.is_empty() && list.len().is_multiple_of(4);
    whole.then(|| {
        list.chunks_exact(4)
            .filter_map(|v| v.try_into().ok().map(u32::from_be_bytes))
            .filter(|v| !keys::is_reserved(*v))
    })
}
