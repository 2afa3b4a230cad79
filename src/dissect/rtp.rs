//! RTP and RTCP (RFC 3550), encrypted or not: recognised by how the headers of several packets go together.

use super::fact::{Fact, Facts, Media};
use super::media::Block;
use crate::wire::{Cursor, Side};

/// Sources followed in one flow. A call bundles a handful of them; a conference server forwards some dozens.
const MAX_SOURCES: usize = 16;
/// Packets that must follow each other before media is believed: where STUN or DTLS came first, and where nothing did.
/// One random datagram in four has the version bits of RTP; that the 32-bit source stays and the number goes on several
/// times is no accident.
const ENOUGH_KNOWN: u8 = 3;
const ENOUGH_BARE: u8 = 5;
/// Largest step of the sequence number that still counts as following, for what the capture or the network lost.
const MAX_STEP: u16 = 16;
/// Largest step of the timestamp between two such packets: three minutes of the fastest usual clock, 90 kHz.
const MAX_TIME_STEP: u32 = 1 << 24;

/// The fixed header, RFC 3550 §5.1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Header {
    pub payload_type: u8,
    pub sequence: u16,
    pub timestamp: u32,
    pub ssrc: u32,
    /// Where the payload begins.
    pub payload_at: usize,
}

impl Header {
    /// Reads a header whose parts fit into the packet. Payload types that would be taken for RTCP (RFC 5761 §4) are none.
    pub(super) fn read(bytes: &[u8]) -> Option<Self> {
        let mut cursor = Cursor::new(bytes);
        let first = cursor.u8().filter(|b| b >> 6 == 2)?;
        let payload_type = cursor.u8()? & 0x7f;
        let (sequence, timestamp, ssrc) = (cursor.u16()?, cursor.u32()?, cursor.u32()?);
        cursor.skip(4 * usize::from(first & 0x0f))?;
        if first & 0x10 != 0 {
            cursor.skip(2)?;
            let words = usize::from(cursor.u16()?);
            cursor.skip(4 * words)?;
        }
        let payload_at = cursor.position();
        (!(64..=95).contains(&payload_type)).then_some(Self { payload_type, sequence, timestamp, ssrc, payload_at })
    }

    /// The header extension of the packet that this is the header of, RFC 3550 §5.3.1.
    pub(super) fn extension<'a>(&self, bytes: &'a [u8]) -> Option<Block<'a>> {
        let mut cursor = Cursor::new(bytes.get(..self.payload_at)?);
        let first = cursor.u8().filter(|first| first & 0x10 != 0)?;
        cursor.skip(11 + 4 * usize::from(first & 0x0f))?;
        let profile = cursor.u16()?;
        cursor.skip(2)?;
        Some(Block { profile, body: cursor.rest() })
    }

    /// Whether this packet may come after `earlier`.
    pub(super) fn follows(&self, earlier: &Self) -> bool {
        let step = self.sequence.wrapping_sub(earlier.sequence);
        self.ssrc == earlier.ssrc
            && (1..=MAX_STEP).contains(&step)
            && self.timestamp.wrapping_sub(earlier.timestamp) <= MAX_TIME_STEP
    }
}

/// What an RTCP packet looks like from outside, RFC 3550 §6.1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Control {
    ssrc: u32,
    /// Several reports in the clear that fill the datagram exactly.
    compound: bool,
}

impl Control {
    /// With SRTCP (RFC 3711 §3.4) all behind the first eight bytes is encrypted, and a tag follows.
    fn read(bytes: &[u8]) -> Option<Self> {
        let ssrc = u32::from_be_bytes(bytes.get(4..8)?.try_into().ok()?);
        let mut rest = bytes;
        let mut reports = 0;
        while let [0x80..0xc0, 200..=207, high, low, ..] = *rest {
            let len = 4 * (usize::from(u16::from_be_bytes([high, low])) + 1);
            let Some(after) = rest.get(len..) else { break };
            rest = after;
            reports += 1;
        }
        (reports > 0).then_some(Self { ssrc, compound: reports > 1 && rest.is_empty() })
    }
}

/// Whether reports in the clear hold a canonical name: an item of text in a description of sources, RFC 3550 §6.5.
pub(super) fn has_cname(bytes: &[u8]) -> bool {
    const DESCRIPTION: u8 = 202;
    if !Control::read(bytes).is_some_and(|control| control.compound) {
        return false;
    }
    let mut cursor = Cursor::new(bytes);
    while let (Some(_), Some(kind), Some(words)) = (cursor.u8(), cursor.u8(), cursor.u16()) {
        let Some(body) = cursor.take(4 * usize::from(words)) else { return false };
        if kind == DESCRIPTION
            && let [_, _, _, _, 1, len, text @ ..] = body
            && let Some(text) = text.get(..usize::from(*len))
        {
            return !text.is_empty() && text.iter().all(u8::is_ascii_graphic);
        }
    }
    false
}

/// Whether a datagram could be RTP or RTCP, judged alone.
pub(super) fn is_possible(bytes: &[u8]) -> bool {
    Control::read(bytes).is_some() || Header::read(bytes).is_some()
}

/// Follows the sources of one flow until they are believed.
#[derive(Debug, Default)]
pub(super) struct Watch {
    sources: Vec<Source>,
    /// The last sender of RTCP that was not yet believed.
    reporter: Option<(Side, u32)>,
    reports_told: bool,
}

#[derive(Debug)]
struct Source {
    side: Side,
    last: Header,
    first_timestamp: u32,
    run: u8,
    told: bool,
}

impl Watch {
    /// Whether media has been told of.
    pub(super) fn is_certain(&self) -> bool {
        self.reports_told || self.sources.iter().any(|s| s.told)
    }

    /// Looks at a packet; `known` says that the flow is one of real-time communication. Tells each source once, when it is
    /// believed. Returns whether the packet could be RTP or RTCP at all.
    pub(super) fn packet(&mut self, side: Side, bytes: &[u8], known: bool, out: &mut Facts) -> bool {
        if let Some(control) = Control::read(bytes) {
            self.control(side, control, known, out);
            true
        } else if let Some(header) = Header::read(bytes) {
            self.media(side, header, known, out);
            true
        } else {
            false
        }
    }

    fn control(&mut self, side: Side, control: Control, known: bool, out: &mut Facts) {
        if self.reports_told {
            return;
        }
        let again = self.reporter.replace((side, control.ssrc)) == Some((side, control.ssrc));
        if known || again || control.compound {
            self.reports_told = true;
            out.push(side, Fact::Media(Media::Rtcp));
        }
    }

    fn media(&mut self, side: Side, header: Header, known: bool, out: &mut Facts) {
        let Some(source) = self.sources.iter_mut().find(|s| s.side == side && s.last.ssrc == header.ssrc) else {
            // Sources that were never believed make room; those that were are kept, so that they are told once.
            if self.sources.len() >= MAX_SOURCES
                && let Some(at) = self.sources.iter().position(|s| !s.told)
            {
                self.sources.remove(at);
            }
            if self.sources.len() < MAX_SOURCES {
                let first_timestamp = header.timestamp;
                self.sources.push(Source { side, last: header, first_timestamp, run: 1, told: false });
            }
            return;
        };
        let follows = header.follows(&source.last) && header.payload_type == source.last.payload_type;
        source.run = if follows { source.run.saturating_add(1) } else { 1 };
        source.last = header;
        let moves = header.timestamp != source.first_timestamp;
        let enough = if known { source.run >= ENOUGH_KNOWN } else { source.run >= ENOUGH_BARE && moves };
        if enough && !source.told {
            source.told = true;
            let (ssrc, payload_type) = (header.ssrc, header.payload_type);
            out.push(side, Fact::Media(Media::Rtp { ssrc, payload_type }));
        }
    }
}
