//! Whether the payload of a stream is a known format without encryption. RTP and SRTP have the same header; but what SRTP
//! encrypts is as good as drawn by lot, so a format that keeps to its rules through a dozen packets stands in the clear. The
//! other way round nothing is said: payload that fits no format may be encrypted or a format that is not known here.

use crate::dissect::fact::ClearMedia;
use crate::dissect::rtp::Header;
use crate::wire::Cursor;

/// Packets that must be looked at, and the share of them that must fit: nine in ten.
const ENOUGH_VIDEO: u16 = 12;
const ENOUGH_OPUS: u16 = 40;
/// Begins and ends of fragmented units: without them, fixed bytes of something else would do.
const EDGES: u16 = 4;
/// Bytes over which the entropy is taken, and the bound below which they are not encrypted, in hundredths of a bit per byte:
/// of so many bytes drawn by lot it is 7.95, give or take 0.01.
const ENOUGH_BYTES: u32 = 4_096;
const MAX_ENTROPY: u16 = 750;

/// What the packets of one sample had in common with each format.
#[derive(Debug, Default)]
pub(super) struct Payload {
    last: Option<Header>,
    /// Packets that came next to the one before.
    looked: u16,
    h264: Units,
    h265: Units,
    vp8: Vp8,
    vp9: Vp9,
    av1: Av1,
    opus: u16,
    /// How often each byte came, for the formats without structure.
    bytes: Option<Box<[u16; 256]>>,
    counted: u32,
}

/// H.264 and H.265, whose units are fragmented alike.
#[derive(Debug, Default)]
struct Units {
    fits: u16,
    /// Fragments that begin or end a unit where one may.
    edges: u16,
    /// A fragmented unit has begun and not ended.
    open: bool,
}

#[derive(Debug, Default)]
struct Vp8 {
    fits: u16,
    key_frames: u16,
}

#[derive(Debug, Default)]
struct Vp9 {
    fits: u16,
    /// Frames that began where the one before had ended.
    edges: u16,
    ended: bool,
    picture: Option<u16>,
}

#[derive(Debug, Default)]
struct Av1 {
    fits: u16,
    /// Units that go on in the next packet as the one before said.
    edges: u16,
    continues: bool,
}

impl Payload {
    /// Bytes on the heap at most.
    pub(super) const MOST: usize = size_of::<[u16; 256]>();

    /// Takes a packet; says so if the stream is in the clear.
    pub(super) fn add(&mut self, header: &Header, bytes: &[u8]) -> Option<ClearMedia> {
        let payload = bytes.get(header.payload_at..).filter(|p| p.len() >= 4)?;
        if matches!(header.payload_type, 0 | 8) {
            return self.g711(payload);
        }
        let last = self.last.replace(*header);
        let next = last.is_none_or(|last| header.sequence.wrapping_sub(last.sequence) == 1);
        // Static types have fixed formats, none of those below (RFC 3551 §6).
        if header.payload_type < 96 || !next {
            (self.h264.open, self.h265.open) = (false, false);
            self.vp9.picture = None;
            self.av1.continues = false;
            return None;
        }
        let first = self.looked == 0;
        self.looked += 1;
        let step = last.map_or(0, |last| header.timestamp.wrapping_sub(last.timestamp));
        self.h264.add(h264(payload));
        self.h265.add(h265(payload));
        self.vp8.add(payload, step != 0 || last.is_none());
        self.vp9.add(payload, step != 0);
        self.av1.add(payload, step != 0, first);
        self.opus += u16::from(step != 0 && opus_ticks(payload) == Some(step));
        let most = |fits: u16| fits >= self.looked - self.looked / 10;
        let (codec, fits) = if self.looked >= ENOUGH_VIDEO && most(self.h264.fits) && self.h264.edges >= EDGES {
            ("H.264", self.h264.fits)
        } else if self.looked >= ENOUGH_VIDEO && most(self.vp8.fits) && self.vp8.key_frames > 0 {
            ("VP8", self.vp8.fits)
        } else if self.looked >= ENOUGH_VIDEO && most(self.h265.fits) && self.h265.edges >= EDGES {
            ("H.265", self.h265.fits)
        } else if self.looked >= ENOUGH_VIDEO && most(self.vp9.fits) && self.vp9.edges >= EDGES {
            ("VP9", self.vp9.fits)
        } else if self.looked >= ENOUGH_VIDEO && most(self.av1.fits) && self.av1.edges >= EDGES {
            ("AV1", self.av1.fits)
        } else if self.looked >= ENOUGH_OPUS && most(self.opus) {
            ("Opus", self.opus)
        } else {
            return None;
        };
        Some(ClearMedia { codec, packets: self.looked.into(), fits: fits.into(), entropy: None })
    }

    /// Samples of G.711 (payload types 0 and 8) lie around silence.
    fn g711(&mut self, payload: &[u8]) -> Option<ClearMedia> {
        let histogram = self.bytes.get_or_insert_with(|| Box::new([0; 256]));
        for byte in payload {
            if let Some(n) = histogram.get_mut(usize::from(*byte)) {
                *n = n.saturating_add(1);
            }
        }
        self.looked += 1;
        self.counted += payload.len() as u32;
        if self.counted < ENOUGH_BYTES {
            return None;
        }
        let entropy = entropy(&histogram[..], self.counted);
        (self.counted, self.bytes) = (0, None);
        let packets = u32::from(std::mem::take(&mut self.looked));
        let clear = ClearMedia { codec: "G.711", packets, fits: packets, entropy: Some(entropy) };
        (entropy <= MAX_ENTROPY).then_some(clear)
    }
}

/// Shannon's entropy in hundredths of a bit per byte.
#[expect(clippy::cast_sign_loss, reason = "between 0 and 800")]
fn entropy(histogram: &[u16], all: u32) -> u16 {
    let all = f64::from(all);
    let part = |n: &u16| f64::from(*n) / all;
    let bits: f64 = histogram.iter().filter(|n| **n > 0).map(part).map(|p| -p * p.log2()).sum();
    // At most 8 bits.
    (bits * 100.0).round().clamp(0.0, 800.0) as u16
}

/// What a packet is to the units of H.264 or H.265.
#[derive(Debug, Clone, Copy)]
enum Unit {
    /// One or several that are whole.
    Whole,
    Fragment {
        begins: bool,
        ends: bool,
    },
    Neither,
}

/// RFC 6184 §5.3 to §5.8: units, aggregates, and fragments that begin, go on and end.
fn h264(payload: &[u8]) -> Unit {
    match *payload {
        [head, fragment, ..] if head & 0x9f == 28 && fragment & 0x20 == 0 && matches!(fragment & 0x1f, 1..=8) => {
            Unit::Fragment { begins: fragment & 0x80 != 0, ends: fragment & 0x40 != 0 }
        }
        [head, ..] if matches!(head & 0x9f, 1 | 5..=9 | 24) => Unit::Whole,
        _ => Unit::Neither,
    }
}

/// RFC 7798 §4.4: as [`h264`], with a header of two bytes, here of the base layer.
fn h265(payload: &[u8]) -> Unit {
    let [head, layer, fragment, ..] = *payload else { return Unit::Neither };
    // The forbidden bit and the layer are zero, the temporal id is not.
    if head & 0x81 != 0 || !matches!(layer, 1..=7) {
        return Unit::Neither;
    }
    let known = |kind: u8| matches!(kind, 0..=9 | 16..=21 | 32..=40);
    match head >> 1 {
        49 if known(fragment & 0x3f) => Unit::Fragment { begins: fragment & 0x80 != 0, ends: fragment & 0x40 != 0 },
        kind if known(kind) || kind == 48 => Unit::Whole,
        _ => Unit::Neither,
    }
}

impl Units {
    fn add(&mut self, unit: Unit) {
        let fits = match unit {
            Unit::Fragment { begins, ends } => {
                let fits = begins != self.open && !(begins && ends);
                self.edges += u16::from(fits && (begins || ends));
                self.open = !ends;
                fits
            }
            Unit::Whole => !std::mem::take(&mut self.open),
            Unit::Neither => false,
        };
        self.fits += u16::from(fits);
    }
}

impl Vp8 {
    /// RFC 7741 §4.2 and §4.3: the first packet of a frame says so, and a key frame begins with three fixed bytes.
    fn add(&mut self, payload: &[u8], new_frame: bool) {
        let mut cursor = Cursor::new(payload);
        let Some(descriptor) = cursor.u8() else { return };
        let begins = descriptor & 0x17 == 0x10;
        self.fits += u16::from(descriptor & 0x48 == 0 && begins == new_frame);
        let key_frame = || {
            if descriptor & 0x80 != 0 {
                let more = cursor.u8()?;
                if more & 0x80 != 0 && cursor.u8()? & 0x80 != 0 {
                    cursor.skip(1)?;
                }
                cursor.skip(usize::from(more & 0x40 != 0) + usize::from(more & 0x30 != 0))?;
            }
            let tag = cursor.array::<3>()?;
            (tag[0] & 1 == 0 && cursor.array()? == [0x9d, 0x01, 0x2a]).then_some(())
        };
        self.key_frames += u16::from(begins && { key_frame }().is_some());
    }
}

impl Vp9 {
    /// RFC 9628 §4.2: each frame begins where the one before ended, and the number of the picture goes on by one with the
    /// timestamp. Streams without these numbers are not recognised.
    fn add(&mut self, payload: &[u8], new_picture: bool) {
        let mut cursor = Cursor::new(payload);
        let mut read = || {
            let descriptor = cursor.u8().filter(|d| d & 0x80 != 0)?;
            let high = cursor.u8()?;
            // Of seven bits, or of fifteen.
            let (number, mask) = match high {
                0x80.. => (u16::from(high & 0x7f) << 8 | u16::from(cursor.u8()?), 0x7fff),
                _ => (u16::from(high), 0x7f),
            };
            Some((descriptor, number, mask))
        };
        let Some((descriptor, number, mask)) = read() else {
            self.picture = None;
            return;
        };
        let (begins, ends) = (descriptor & 0x08 != 0, descriptor & 0x04 != 0);
        let fits = self.picture.is_some_and(|last| {
            let goes_on = number == last.wrapping_add(u16::from(new_picture)) & mask;
            goes_on && begins == self.ended && (begins || !new_picture)
        });
        self.fits += u16::from(fits || self.picture.is_none() && begins);
        self.edges += u16::from(fits && begins && new_picture);
        (self.picture, self.ended) = (Some(number), ends);
    }
}

impl Av1 {
    /// RTP Payload Format For AV1 1.0 §4.4: the aggregation header says whether the first unit goes on from the packet before
    /// and the last into the next one, and how many there are; a unit begins with a header that has two zero bits.
    fn add(&mut self, payload: &[u8], new_picture: bool, first: bool) {
        let Some((head, rest)) = payload.split_first() else { return };
        let (goes_on, continues, count) = (head & 0x80 != 0, head & 0x40 != 0, head >> 4 & 3);
        let header = || {
            let mut cursor = Cursor::new(rest);
            // With a count the last unit has no length; without one, all have.
            if count != 1 {
                let len = leb128(&mut cursor)?;
                if len == 0 || len > cursor.rest().len() {
                    return None;
                }
            }
            cursor.u8()
        };
        let unit = header();
        let whole = unit.is_some_and(|unit| unit & 0x81 == 0 && matches!(unit >> 3, 1 | 3..=8 | 15));
        let chained = first || goes_on == self.continues;
        let reserved = head & 0x07;
        let fits = reserved == 0 && chained && unit.is_some() && if goes_on { !new_picture } else { whole };
        self.fits += u16::from(fits);
        self.edges += u16::from(fits && goes_on != continues);
        self.continues = continues;
    }
}

/// A length of at most two bytes: packets are no longer.
fn leb128(cursor: &mut Cursor<'_>) -> Option<usize> {
    let low = cursor.u8()?;
    if low < 0x80 {
        return Some(low.into());
    }
    let high = cursor.u8().filter(|high| *high < 0x80)?;
    Some(usize::from(low & 0x7f) | usize::from(high) << 7)
}

/// How long the sound in a packet of Opus lasts by its own words (RFC 6716 §3.1), in the ticks of RTP (RFC 7587 §4.1).
fn opus_ticks(payload: &[u8]) -> Option<u32> {
    let [toc, count, ..] = *payload else { return None };
    let frame = match toc >> 3 {
        config @ 0..=11 => [480, 960, 1_920, 2_880].get(usize::from(config & 3)).copied()?,
        config @ 12..=15 => 480 << (config & 1),
        config => 120_u32 << (config & 3),
    };
    let frames = match toc & 3 {
        0 => 1,
        1 | 2 => 2,
        _ => u32::from(count & 0x3f),
    };
    Some(frame * frames)
}
