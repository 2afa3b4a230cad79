//! What the media of one flow carries, stream by stream: sound, pictures or a shared screen, how much of it, and what stands
//! in the clear beside or within it. Counts every packet of a call, so it does little with each: it looks up the stream and
//! adds. Header extensions and payload are looked at in short samples; nothing of them is kept but counts.

mod extension;
mod payload;

use super::fact::{MediaKind, MediaSeen};
use super::rtp::Header;
use crate::wire::{Pair, Side, Timestamp};
pub(super) use extension::Block;
use extension::Elements;
use payload::Payload;

/// Streams told apart in one flow. A conference server forwards some dozens; what is beyond counts as of unknown kind.
const MAX_STREAMS: usize = 32;
/// Packets from which a stream is kept although there is no room for a new one.
const SETTLED: u32 = 16;
/// Packets of a stream that are looked into, and after how many it happens again.
const SAMPLE: u32 = 64;
const SAMPLE_EVERY: u32 = 4_096;
/// Packets of which each is as long a sound as the one before, and packets that are parts of a picture, until it is believed.
const ENOUGH_EVEN: u8 = 12;
const ENOUGH_PARTS: u8 = 8;
/// A packet of this many bytes is too large for the events and repetitions that share a timestamp with sound.
const LARGE: usize = 500;
/// Time and packets after which the pace of the timestamps is read off; twice the same is believed.
const WINDOW: u64 = 1_000_000_000;
const ENOUGH: u32 = 12;

/// Kinds in the order of [`MediaKind::ALL`].
pub type ByKind = [u64; MediaKind::ALL.len()];

/// Counts the media of one flow.
#[derive(Debug, Default)]
pub struct Meter {
    streams: Vec<Stream>,
    /// Position of the stream of the packet before.
    latest: usize,
    /// Bytes of streams that made room for others.
    rest: Pair<u64>,
    /// Streams that are being looked into.
    samples: usize,
    /// Bytes by kind since [`Self::mark`].
    fresh: Pair<ByKind>,
    cname: Pair<bool>,
}

/// One source of one side.
#[derive(Debug)]
struct Stream {
    side: Side,
    ssrc: u32,
    kind: MediaKind,
    /// The format says the kind: nothing else is asked.
    certain: bool,
    packets: u32,
    /// Bytes behind the headers of RTP.
    carried: u64,
    pace: Pace,
    sample: Option<Box<Sample>>,
    seen: MediaSeen,
}

/// How the timestamps go (RFC 3550 §5.1): how fast, which is the clock of the media, and how from packet to packet.
#[derive(Debug, Clone, Copy)]
struct Pace {
    since: Timestamp,
    timestamp: u32,
    packets: u32,
    before: MediaKind,
    last: Header,
    /// The latest step from a packet to the next, and how often it came in a row.
    step: u32,
    even: u8,
    /// Large packets with the timestamp of the one before, and packets with another.
    parts: u8,
    moves: u8,
}

#[derive(Debug, Default)]
struct Sample {
    elements: Elements,
    payload: Payload,
}

/// A packet of media, from the header of RTP on.
#[derive(Debug, Clone, Copy)]
pub(super) struct Packet<'a> {
    pub(super) header: Header,
    /// What was captured of it.
    pub(super) bytes: &'a [u8],
    /// What it had on the wire.
    pub(super) len: usize,
    /// What a format of its own says of the kind.
    pub(super) kind: Option<MediaKind>,
}

impl<'a> Packet<'a> {
    /// A packet of RTP. RTCP is none.
    pub(super) fn rtp(bytes: &'a [u8], len: usize) -> Option<Self> {
        let kind = None;
        Some(Self { header: Header::read(bytes)?, bytes: bytes.get(..len).unwrap_or(bytes), len, kind })
    }
}

impl Meter {
    /// Counts a packet.
    pub(super) fn add(&mut self, side: Side, packet: &Packet<'_>, time: Timestamp) {
        let ssrc = packet.header.ssrc;
        let same = |s: &Stream| s.side == side && s.ssrc == ssrc;
        if self.streams.get(self.latest).is_none_or(|s| !same(s)) {
            self.latest = self.streams.iter().position(same).unwrap_or_else(|| self.open(side, packet, time));
        }
        let carried = packet.len.saturating_sub(packet.header.payload_at) as u64;
        let Some(stream) = self.streams.get_mut(self.latest) else {
            self.rest[side] += carried;
            count(&mut self.fresh[side], MediaKind::Unknown, carried);
            return;
        };
        self.samples -= usize::from(stream.sample.is_some());
        stream.add(packet, carried, time);
        self.samples += usize::from(stream.sample.is_some());
        count(&mut self.fresh[side], stream.kind, carried);
    }

    /// The side's reports in the clear name it (RFC 3550 §6.5.1).
    pub(super) fn cname(&mut self, side: Side) {
        self.cname[side] = true;
    }

    /// Room for a new stream: its position, or one that does not exist.
    fn open(&mut self, side: Side, packet: &Packet<'_>, time: Timestamp) -> usize {
        let stream = Stream::new(side, packet, time);
        if self.streams.len() < MAX_STREAMS {
            self.streams.push(stream);
            return self.streams.len() - 1;
        }
        // What only looked like a stream makes room.
        let Some(at) = self.streams.iter().position(|s| s.packets < SETTLED) else { return usize::MAX };
        if let Some(old) = self.streams.get_mut(at) {
            self.rest[old.side] += old.carried;
            self.samples -= usize::from(old.sample.is_some());
            *old = stream;
        }
        at
    }

    /// What one side sent, so far.
    #[must_use]
    pub fn seen(&self, side: Side) -> MediaSeen {
        let mut seen = MediaSeen { cname: self.cname[side], ..MediaSeen::default() };
        count(&mut seen.carried, MediaKind::Unknown, self.rest[side]);
        for stream in self.streams.iter().filter(|s| s.side == side) {
            let mut one = stream.seen;
            // Whether a number moves as loudness does is of use only where there is sound.
            one.level &= stream.kind == MediaKind::Audio;
            count(&mut one.carried, stream.kind, stream.carried);
            seen.join(&one);
        }
        seen
    }

    /// Bytes by kind that a side sent since [`Self::mark`].
    #[must_use]
    pub fn fresh(&self, side: Side) -> ByKind {
        self.fresh[side]
    }

    pub fn mark(&mut self) {
        self.fresh = Pair::default();
    }

    /// Bytes held, for the books of the flow table.
    pub(crate) fn held(&self) -> usize {
        self.streams.capacity() * size_of::<Stream>() + self.samples * Sample::MOST
    }
}

fn count(sums: &mut ByKind, kind: MediaKind, bytes: u64) {
    if let Some(sum) = sums.get_mut(kind as usize) {
        *sum += bytes;
    }
}

impl Stream {
    fn new(side: Side, packet: &Packet<'_>, time: Timestamp) -> Self {
        let said = packet.kind.or_else(|| static_kind(packet.header.payload_type));
        Self {
            side,
            ssrc: packet.header.ssrc,
            kind: said.unwrap_or(MediaKind::Unknown),
            certain: said.is_some(),
            packets: 0,
            carried: 0,
            pace: Pace::from(&packet.header, time),
            sample: None,
            seen: MediaSeen::default(),
        }
    }

    fn add(&mut self, packet: &Packet<'_>, carried: u64, time: Timestamp) {
        self.carried += carried;
        if !self.certain
            && let Some(kind) = self.pace.step(packet, time)
        {
            (self.kind, self.certain) = (kind, true);
        }
        let within = self.packets % SAMPLE_EVERY;
        self.packets = self.packets.wrapping_add(1);
        if within < SAMPLE {
            self.look(packet, within);
        }
    }

    /// Looks into a packet, the `within`th of a sample.
    fn look(&mut self, packet: &Packet<'_>, within: u32) {
        let sample = self.sample.get_or_insert_default();
        if within == 0 {
            **sample = Sample::default();
        }
        if let Some(block) = packet.header.extension(packet.bytes) {
            self.seen.join(&sample.elements.add(block));
        }
        if self.seen.clear.is_none() {
            self.seen.clear = sample.payload.add(&packet.header, packet.bytes);
        }
        if within + 1 == SAMPLE {
            self.sample = None;
        }
    }
}

impl Sample {
    /// Bytes that it holds at most.
    const MOST: usize = size_of::<Self>() + Elements::MOST + Payload::MOST;
}

impl Pace {
    const fn from(header: &Header, time: Timestamp) -> Self {
        let (timestamp, before) = (header.timestamp, MediaKind::Unknown);
        Self { since: time, timestamp, packets: 0, before, last: *header, step: 0, even: 0, parts: 0, moves: 0 }
    }

    /// The kind, once it is believed.
    fn step(&mut self, packet: &Packet<'_>, time: Timestamp) -> Option<MediaKind> {
        let header = &packet.header;
        let last = std::mem::replace(&mut self.last, *header);
        if header.sequence.wrapping_sub(last.sequence) == 1 {
            let step = header.timestamp.wrapping_sub(last.timestamp);
            if step == 0 {
                self.parts = self.parts.saturating_add(u8::from(packet.len >= LARGE));
            } else {
                self.moves = self.moves.saturating_add(1);
            }
            self.even = if step == self.step { self.even.saturating_add(1) } else { 1 };
            self.step = step;
        }
        if self.even >= ENOUGH_EVEN && is_sound(self.step) {
            return Some(MediaKind::Audio);
        }
        if self.parts >= ENOUGH_PARTS && self.moves >= 2 {
            return Some(MediaKind::Video);
        }
        self.clock(header, time)
    }

    /// The kind that the clock tells, once two windows agree.
    fn clock(&mut self, header: &Header, time: Timestamp) -> Option<MediaKind> {
        self.packets += 1;
        let nanos = time.since(self.since);
        if time >= self.since && (nanos < WINDOW || self.packets < ENOUGH) {
            return None;
        }
        let ticks = u64::from(header.timestamp.wrapping_sub(self.timestamp));
        let kind = kind_of_clock((ticks * 1_000_000_000).checked_div(nanos).unwrap_or(0));
        let agreed = kind != MediaKind::Unknown && kind == self.before;
        (self.since, self.timestamp, self.packets, self.before) = (time, header.timestamp, 0, kind);
        agreed.then_some(kind)
    }
}

/// Pictures have a clock of 90 kHz in every payload format (RFC 3551 §5 and those after it), sound has the rate at which
/// it was sampled. What comes over a network keeps the pace within a few per cent.
fn kind_of_clock(hertz: u64) -> MediaKind {
    const SOUND: [u64; 7] = [8_000, 12_000, 16_000, 24_000, 32_000, 44_100, 48_000];
    let near = |rate: u64| hertz.abs_diff(rate) * 25 <= rate;
    if near(90_000) {
        MediaKind::Video
    } else if SOUND.into_iter().any(near) {
        MediaKind::Audio
    } else {
        MediaKind::Unknown
    }
}

/// Whether so many ticks are a length that packets of sound have, 10 to 60 ms at the usual clocks. No rate of pictures at
/// 90 kHz has such steps.
const fn is_sound(ticks: u32) -> bool {
    matches!(ticks, 80 | 160 | 240 | 320 | 480 | 640 | 960 | 1_440 | 1_920 | 2_880)
}

/// Payload types that say the kind by themselves (RFC 3551 §6).
const fn static_kind(payload_type: u8) -> Option<MediaKind> {
    match payload_type {
        0 | 3..=18 => Some(MediaKind::Audio),
        25 | 26 | 28 | 31 | 32 | 34 => Some(MediaKind::Video),
        _ => None,
    }
}

#[cfg(test)]
mod tests;
