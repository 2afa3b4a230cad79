//! What stays of a TCP stream: hellos, the certificates of others, the words of protocols in text, packets of a call. A first
//! look at all frames finds out where these stand, whatever order the segments came in; a second one keeps them.

use super::super::pseudonym::Pseudonyms;
use super::payload::{self, Way};
use super::{dns, text};
use crate::wire::{FlowKey, Packet, TcpFlags, Transport};
use rustc_hash::FxHashMap;
use std::collections::BTreeMap;

/// Bytes of each direction that are looked at: the hellos, and the longest chain of certificates in them.
const MAX_STREAM: usize = 32 * 1024;
/// Bytes of all streams that wait for others in front of them; then those that wait are left out.
const MAX_WAITING: usize = 64 << 20;
/// Bytes that stay in another form than they had; what would be more is left out.
const MAX_CHANGED: usize = 256 << 20;
/// Lines of text after which nothing more is agreed on.
const MAX_LINES: u32 = 200;

/// The streams of a capture.
#[derive(Debug, Default)]
pub(super) struct Streams {
    /// By direction; one for each connection on the same ports, in order.
    halves: FxHashMap<(FlowKey, bool), Vec<Half>>,
    /// Which connection a direction is in, while frames are looked at the second time.
    at: FxHashMap<(FlowKey, bool), usize>,
    waiting: usize,
    changed: usize,
}

/// One direction of one connection.
#[derive(Debug, Default)]
struct Half {
    /// The sequence number of its SYN, if that was captured.
    syn: Option<u32>,
    /// The sequence number of the first byte.
    base: Option<u32>,
    reader: Reader,
    kept: Vec<Piece>,
    /// Bytes from `read` on, all of which are there.
    buffer: Vec<u8>,
    read: usize,
    /// Segments behind a hole, by their offset.
    waiting: BTreeMap<usize, Vec<u8>>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum Reader {
    #[default]
    New,
    Tls(Tls),
    Text {
        lines: u32,
        http: bool,
    },
    /// Behind the head of an HTTP message.
    Body,
    /// STUN and what it carries; with lengths in front, or without.
    Packets {
        prefixed: bool,
    },
    Dns,
    Over,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
struct Tls {
    /// Whether this side said the server's hello; told by its first message.
    server: Option<bool>,
    /// Bytes left of a message that goes on in the next record, and whether they stay.
    left: usize,
    keep: bool,
    /// It has changed over to encryption.
    sealed: bool,
}

/// A part that stays.
#[derive(Debug)]
struct Piece {
    at: usize,
    len: usize,
    /// What stands for it, if not itself.
    other: Option<Box<[u8]>>,
}

fn direction(packet: &Packet<'_>) -> (FlowKey, bool) {
    (FlowKey::new(packet.transport.kind(), packet.source, packet.destination), packet.source <= packet.destination)
}

impl Streams {
    /// Looks at a segment the first time.
    pub(super) fn learn(&mut self, packet: &Packet<'_>, way: Way, pseudonyms: &mut Pseudonyms) {
        let Transport::Tcp { sequence, flags, .. } = packet.transport else { return };
        let halves = self.halves.entry(direction(packet)).or_default();
        if flags.has(TcpFlags::SYN) {
            if halves.last().is_none_or(|half| half.syn != Some(sequence)) {
                halves.push(Half { syn: Some(sequence), base: Some(sequence.wrapping_add(1)), ..Half::default() });
            }
            return;
        }
        if packet.payload.is_empty() {
            return;
        }
        if halves.is_empty() {
            halves.push(Half::default());
        }
        let Some(half) = halves.last_mut().filter(|half| half.reader != Reader::Over) else { return };
        let (waiting, changed) = (half.waiting_bytes(), half.changed());
        half.segment(sequence, packet.payload, self.waiting < MAX_WAITING);
        half.advance(way, pseudonyms, self.changed < MAX_CHANGED);
        self.waiting = self.waiting + half.waiting_bytes() - waiting;
        self.changed = self.changed + half.changed() - changed;
    }

    /// What stays of a segment, from its first byte on.
    pub(super) fn keep(&mut self, packet: &Packet<'_>) -> Vec<u8> {
        let Transport::Tcp { sequence, flags, .. } = packet.transport else { return Vec::new() };
        let direction = direction(packet);
        let Some(halves) = self.halves.get(&direction) else { return Vec::new() };
        let at = self.at.entry(direction).or_insert(0);
        if flags.has(TcpFlags::SYN) {
            if let Some(next) = halves.iter().position(|half| half.syn == Some(sequence)).filter(|next| next > at) {
                *at = next;
            }
            return Vec::new();
        }
        halves.get(*at).map(|half| half.keep(sequence, packet.payload)).unwrap_or_default()
    }
}

impl Half {
    fn waiting_bytes(&self) -> usize {
        self.waiting.values().map(Vec::len).sum()
    }

    fn changed(&self) -> usize {
        self.kept.iter().filter_map(|piece| piece.other.as_ref()).map(|bytes| bytes.len()).sum()
    }

    fn segment(&mut self, sequence: u32, bytes: &[u8], may_wait: bool) {
        let base = *self.base.get_or_insert(sequence);
        let offset = sequence.wrapping_sub(base) as usize;
        // What seems to lie far ahead lies before the beginning.
        if offset >= MAX_STREAM {
            return;
        }
        if may_wait || offset <= self.read + self.buffer.len() {
            let longest = self.waiting.get(&offset).is_none_or(|known| known.len() < bytes.len());
            if longest {
                self.waiting.insert(offset, bytes.to_vec());
            }
        }
        while let Some(first) = self.waiting.first_entry() {
            let end = self.read + self.buffer.len();
            let at = *first.key();
            if at > end {
                break;
            }
            let bytes = first.remove();
            self.buffer.extend(bytes.get(end - at..).unwrap_or_default());
        }
    }

    fn keep(&self, sequence: u32, bytes: &[u8]) -> Vec<u8> {
        let start = sequence.wrapping_sub(self.base.unwrap_or(sequence)) as usize;
        let mut out = Vec::new();
        for piece in &self.kept {
            let (from, to) = (piece.at.max(start), (piece.at + piece.len).min(start.saturating_add(bytes.len())));
            if from >= to {
                continue;
            }
            let part = match &piece.other {
                Some(other) => other.get(from - piece.at..to - piece.at),
                None => bytes.get(from - start..to - start),
            };
            out.resize(out.len().max(to - start), 0);
            if let (Some(part), Some(place)) = (part, out.get_mut(from - start..to - start)) {
                place.copy_from_slice(part);
            }
        }
        out
    }

    /// Takes `len` bytes off the front of the buffer.
    fn pass(&mut self, len: usize) {
        self.buffer.drain(..len.min(self.buffer.len()));
        self.read += len;
    }

    /// The part at `at` of the buffer, `len` bytes long, stays as it is.
    fn stay(&mut self, at: usize, len: usize) {
        let at = self.read + at;
        match self.kept.last_mut() {
            Some(last) if last.other.is_none() && last.at + last.len == at => last.len += len,
            _ => self.kept.push(Piece { at, len, other: None }),
        }
    }

    /// Something else stands for the first bytes of the buffer.
    fn become_other(&mut self, other: Vec<u8>, may_change: bool) {
        if may_change && !other.is_empty() {
            self.kept.push(Piece { at: self.read, len: other.len(), other: Some(other.into()) });
        }
    }

    /// Reads on as far as bytes are there.
    fn advance(&mut self, way: Way, pseudonyms: &mut Pseudonyms, may_change: bool) {
        while self.step(way, pseudonyms, may_change).is_some() {
            if self.read >= MAX_STREAM {
                self.reader = Reader::Over;
            }
        }
        if self.reader == Reader::Over {
            self.buffer = Vec::new();
            self.waiting = BTreeMap::new();
        }
    }

    /// One step; `None` if there is not enough for it.
    fn step(&mut self, way: Way, pseudonyms: &mut Pseudonyms, may_change: bool) -> Option<()> {
        match self.reader {
            Reader::Over => None,
            Reader::New => {
                self.reader = opening(&self.buffer, way)?;
                Some(())
            }
            Reader::Tls(tls) => {
                self.reader = self.record(tls, way)?;
                Some(())
            }
            Reader::Body => {
                let next = self.buffer.get(..7)?;
                self.reader = match next {
                    [0x16, 3, ..] => Reader::Tls(Tls::default()),
                    _ if next.eq_ignore_ascii_case(b"HTTP/1.") => Reader::Text { lines: 0, http: true },
                    _ => Reader::Over,
                };
                Some(())
            }
            Reader::Text { lines, http } => {
                if let [0x16, 3, ..] = *self.buffer {
                    self.reader = Reader::Tls(Tls::default());
                    return Some(());
                }
                let tag = self.buffer.first() == Some(&b'<');
                let end = self.buffer.iter().take(text::MAX_LINE).position(|b| *b == b'\n' || tag && *b == b'>');
                let Some(end) = end else {
                    if self.buffer.len() >= text::MAX_LINE {
                        self.reader = Reader::Over;
                        return Some(());
                    }
                    return None;
                };
                let line: Vec<u8> = self.buffer.iter().take(end + 1).copied().collect();
                let http = http || line.windows(7).any(|w| w.eq_ignore_ascii_case(b"HTTP/1."));
                self.become_other(text::line(&line, pseudonyms), may_change);
                self.pass(line.len());
                self.reader = match lines {
                    MAX_LINES.. => Reader::Over,
                    _ if http && lines > 0 && line.trim_ascii().is_empty() => Reader::Body,
                    _ => Reader::Text { lines: lines + 1, http },
                };
                Some(())
            }
            Reader::Packets { prefixed } => {
                let number = |at: usize| {
                    let field = self.buffer.get(at..at + 2)?.first_chunk::<2>()?;
                    Some(usize::from(u16::from_be_bytes(*field)))
                };
                let (start, len) = match self.buffer.first()? {
                    _ if prefixed => (2, 2 + number(0)?),
                    0..0x40 => (0, 20 + number(2)?),
                    // Padded to four bytes over TCP, RFC 8656 §12.5.
                    0x40..0x80 => (0, (4 + number(2)?).next_multiple_of(4)),
                    _ => {
                        self.reader = Reader::Over;
                        return Some(());
                    }
                };
                let mut other = self.buffer.get(..start)?.to_vec();
                other.extend(payload::packet(self.buffer.get(start..len)?, way, pseudonyms, 0));
                other.resize(len, 0);
                self.become_other(other, may_change);
                self.pass(len);
                Some(())
            }
            Reader::Dns => {
                let front = *self.buffer.first_chunk::<2>()?;
                let len = 2 + usize::from(u16::from_be_bytes(front));
                let whole = self.buffer.get(2..len)?;
                match dns::message(whole, pseudonyms).filter(|other| other.len() == whole.len()) {
                    Some(other) => self.become_other([&front[..], &other].concat(), may_change),
                    None => self.reader = Reader::Over,
                }
                self.pass(len);
                Some(())
            }
        }
    }

    /// One TLS record (RFC 8446 §5.1): of a client its hellos, of a server that is not of the audited side all that it says
    /// in the clear, of one that is its hellos.
    fn record(&mut self, mut tls: Tls, way: Way) -> Option<Reader> {
        let [kind, major, _, high, low] = *self.buffer.first_chunk::<5>()?;
        let len = usize::from(u16::from_be_bytes([high, low]));
        if major != 3 {
            return Some(Reader::Over);
        }
        match kind {
            20 if len == 1 => {
                self.buffer.get(..6)?;
                self.stay(0, 6);
                tls.sealed = true;
            }
            21 if len == 2 && !tls.sealed => {
                self.buffer.get(..7)?;
                self.stay(0, 7);
            }
            22 if len <= 0x4800 => {
                let body = self.buffer.get(5..5 + len)?.to_vec();
                let hello = matches!(body.first(), Some(1 | 2));
                if tls.left == 0 && (tls.server.is_none() || tls.sealed) && !hello {
                    return Some(Reader::Over);
                }
                tls.sealed &= tls.left > 0;
                let server = *tls.server.get_or_insert(body.first() == Some(&2));
                self.stay(0, 5);
                let mut at = 0;
                while at < body.len() {
                    if tls.left == 0 {
                        let Some([message, a, b, c]) = body.get(at..at + 4) else { return Some(Reader::Over) };
                        tls.keep = match message {
                            1 => !server,
                            2 => server,
                            // Certificate, ServerKeyExchange, ServerHelloDone.
                            11 | 12 | 14 => server && !way.from_own,
                            _ => false,
                        };
                        if !server && !tls.keep {
                            return Some(Reader::Over);
                        }
                        tls.left = u32::from_be_bytes([0, *a, *b, *c]) as usize;
                        self.stay(5 + at, 4);
                        at += 4;
                    }
                    let part = tls.left.min(body.len() - at);
                    if tls.keep && part > 0 {
                        self.stay(5 + at, part);
                    }
                    (tls.left, at) = (tls.left - part, at + part);
                }
            }
            _ => return Some(Reader::Over),
        }
        self.pass(5 + len);
        Some(Reader::Tls(tls))
    }
}

/// What a stream is, by its first bytes; `None` until there are enough.
fn opening(bytes: &[u8], way: Way) -> Option<Reader> {
    if way.has(53) {
        return Some(Reader::Dns);
    }
    let cookie = |at: usize| bytes.get(at..at + 4) == Some(&[0x21, 0x12, 0xa4, 0x42]);
    Some(match bytes {
        [] | [0x16] => return None,
        [0x16, 3, ..] => Reader::Tls(Tls::default()),
        [0..0x40, ..] if cookie(4) => Reader::Packets { prefixed: false },
        [_, _, 0..0x40, ..] if cookie(6) => Reader::Packets { prefixed: true },
        [0..0x40, ..] if bytes.len() < 10 && !text::begins(bytes) => return None,
        _ if text::begins(bytes) => Reader::Text { lines: 0, http: false },
        _ => Reader::Over,
    })
}
