//! DTLS (RFC 9147, RFC 6347, RFC 4347): hellos and the leaf certificate from handshake fragments in any order. Media
//! keys of WebRTC are agreed this way, beside STUN and RTP on the same ports (RFC 5764, RFC 7983).

use super::fact::{Facts, HelloTransport};
use super::tls::pieces::Pieces;
use super::tls::session::{DNS_PORT, Session, Turn, kind};
use super::{Dissector, Opening, Part, Probe, Protocol, Step};
use crate::wire::{Cursor, Fault, FaultKind, Layer, Pair, Side, TransportKind};

/// The registry entry, for flows that begin with DTLS.
pub const PROTOCOL: Protocol = Protocol {
    name: "dtls",
    transport: TransportKind::Udp,
    specification: "RFC 9147, RFC 6347, RFC 5764",
    probe: |opening: &Opening<'_>| if looks_like_dtls(opening.bytes) { Probe::Yes } else { Probe::No },
    make: |opening| Box::new(Dtls(DtlsReader::new(opening.has_port(DNS_PORT)))),
};

/// Most bytes of one side's fragments that are kept. A certificate chain of WebRTC is one kilobyte, of a VPN some ten.
pub const MAX_HANDSHAKE: usize = 64 * 1024;
/// Most messages of one side that may be incomplete at a time; a flight has five.
const MAX_OPEN: usize = 8;
/// Datagrams without anything new after which the association is left alone.
const PATIENCE: u8 = 64;
/// Length in bytes of a record header.
const HEADER: usize = 13;

const CHANGE_CIPHER_SPEC: u8 = 20;
const HANDSHAKE: u8 = 22;

/// One record in the clear, or the word that it is encrypted.
enum Record<'a> {
    Plain { content: u8, body: &'a [u8] },
    Sealed,
}

/// The record at the front, and what follows it.
fn record(bytes: &[u8]) -> Option<(Record<'_>, &[u8])> {
    let mut c = Cursor::new(bytes);
    let content = c.u8()?;
    // The unified header of DTLS 1.3 only stands before encrypted records (RFC 9147 §4).
    if content & 0xe0 == 0x20 {
        return Some((Record::Sealed, &[]));
    }
    let version = c.u16()?;
    if !(CHANGE_CIPHER_SPEC..=26).contains(&content) || !matches!(version, 0xfeff | 0xfefd | 0xfefc) {
        return None;
    }
    let epoch = c.u16()?;
    c.skip(6)?;
    let body = c.vec16()?;
    let record = if epoch == 0 { Record::Plain { content, body } } else { Record::Sealed };
    Some((record, c.rest()))
}

/// Whether a datagram begins with a DTLS record of a handshake in the clear: type, version, length and, for a message,
/// its type must fit. Says no to anything that RFC 7983 leaves to others.
#[must_use]
pub fn looks_like_dtls(datagram: &[u8]) -> bool {
    let sealed_classic = datagram.len() > HEADER && datagram.first().is_some_and(|b| (20..=26).contains(b));
    match record(datagram) {
        Some((Record::Plain { content: HANDSHAKE, body }, _)) => {
            fragment(&mut Cursor::new(body)).is_some_and(|f| matches!(f.kind, 0..=4 | 8 | 11..=16 | 20..=25))
        }
        Some((Record::Plain { .. }, _)) => true,
        Some((Record::Sealed, _)) => sealed_classic,
        None => false,
    }
}

/// A part of a handshake message (RFC 6347 §4.2.2).
struct Fragment<'a> {
    kind: u8,
    sequence: u16,
    length: usize,
    offset: usize,
    bytes: &'a [u8],
}

fn fragment<'a>(c: &mut Cursor<'a>) -> Option<Fragment<'a>> {
    let kind = c.u8()?;
    let length = c.u24()? as usize;
    let sequence = c.u16()?;
    let offset = c.u24()? as usize;
    let bytes = c.u24()? as usize;
    let bytes = c.take(bytes)?;
    (offset + bytes.len() <= length).then_some(Fragment { kind, sequence, length, offset, bytes })
}

/// A message of which parts are missing.
#[derive(Debug)]
struct Open {
    sequence: u16,
    kind: u8,
    length: usize,
    pieces: Pieces,
}

#[derive(Debug, Default)]
struct Half {
    open: Vec<Open>,
    /// The first 32 messages that have been read, one bit each.
    read: u32,
    /// The message that ends this side's clear part has come, under this number.
    last: Option<u16>,
    over: bool,
}

/// Reads DTLS associations on one flow. Other readers may feed it the datagrams that are theirs to give.
#[derive(Debug)]
pub struct DtlsReader {
    session: Session,
    sides: Pair<Half>,
    idle: u8,
}

impl DtlsReader {
    /// `dns_port`: one of the ports is 853.
    #[must_use]
    pub fn new(dns_port: bool) -> Self {
        Self { session: Session::new(HelloTransport::Dtls, dns_port), sides: Pair::default(), idle: 0 }
    }

    /// Takes one datagram; whether more are wanted. What is no DTLS is passed over. Nothing is held after a no; a new
    /// association would be read all the same.
    pub fn datagram(&mut self, side: Side, mut bytes: &[u8], out: &mut Facts) -> bool {
        let mut news = false;
        while let Some((record, rest)) = record(bytes).filter(|_| !bytes.is_empty()) {
            bytes = rest;
            match record {
                Record::Plain { content: HANDSHAKE, body } => news |= self.handshake(side, body, out),
                Record::Plain { content: CHANGE_CIPHER_SPEC, .. } | Record::Sealed => {
                    news |= self.encrypted(side, out);
                }
                Record::Plain { .. } => {}
            }
        }
        self.idle = if news { 0 } else { self.idle.saturating_add(1) };
        let more = !(self.sides.first.over && self.sides.second.over) && self.idle < PATIENCE;
        if !more {
            self.sides.iter_mut().for_each(Half::finish);
        }
        more
    }

    /// Something certain has been read.
    #[must_use]
    pub const fn spoke(&self) -> bool {
        self.session.spoke()
    }

    /// Bytes held back at the moment.
    #[must_use]
    pub fn held(&self) -> usize {
        self.sides.iter().flat_map(|half| &half.open).map(|open| open.pieces.held()).sum()
    }

    fn encrypted(&mut self, side: Side, out: &mut Facts) -> bool {
        let clear = self.session.spoke() && !self.sides[side].over;
        let over = clear && self.session.encrypted(side, out) == Turn::Over;
        if over {
            self.sides[side].finish();
        }
        over
    }

    /// The fragments of one record; whether they brought anything new.
    fn handshake(&mut self, side: Side, body: &[u8], out: &mut Facts) -> bool {
        let mut news = false;
        let mut c = Cursor::new(body);
        while let Some(fragment) = fragment(&mut c) {
            let half = &mut self.sides[side];
            // A client may start anew at any time, in the same roles or in others.
            if half.over && fragment.kind != kind::CLIENT_HELLO || half.has_read(fragment.sequence) {
                continue;
            }
            news = true;
            let before = out.0.len();
            let turn = if fragment.bytes.len() == fragment.length {
                half.note(fragment.sequence);
                self.session.message(side, fragment.kind, fragment.bytes, out)
            } else {
                match half.put(&fragment) {
                    Ok(Some(open)) => {
                        half.note(open.sequence);
                        self.session.message(side, open.kind, open.pieces.front(), out)
                    }
                    Ok(None) => Some(Turn::More),
                    Err(()) => None,
                }
            };
            if fragment.kind == kind::CLIENT_HELLO && out.0.len() > before {
                // A new association: its server starts from the beginning.
                self.sides[side.other()] = Half::default();
            }
            let half = &mut self.sides[side];
            match turn {
                Some(Turn::More) => {}
                // Messages that came before it on the wire may still be on their way.
                Some(Turn::Over) if fragment.kind == kind::SERVER_HELLO_DONE => half.last = Some(fragment.sequence),
                Some(Turn::Over) | None => half.finish(),
            }
            if half.is_complete() {
                half.finish();
            }
        }
        news
    }
}

impl Half {
    fn has_read(&self, sequence: u16) -> bool {
        1u32.checked_shl(sequence.into()).is_some_and(|bit| self.read & bit != 0)
    }

    fn note(&mut self, sequence: u16) {
        self.read |= 1u32.checked_shl(sequence.into()).unwrap_or(0);
    }

    /// All messages up to the last have been read.
    fn is_complete(&self) -> bool {
        self.last.is_some_and(|last| self.read.trailing_ones() > last.into())
    }

    /// Keeps a fragment; the message if that completes it.
    fn put(&mut self, fragment: &Fragment<'_>) -> Result<Option<Open>, ()> {
        let at = match self.open.iter().position(|open| open.sequence == fragment.sequence) {
            Some(at) => at,
            None if self.open.len() >= MAX_OPEN => return Err(()),
            None => {
                let Fragment { sequence, kind, length, .. } = *fragment;
                self.open.push(Open { sequence, kind, length, pieces: Pieces::default() });
                self.open.len() - 1
            }
        };
        let others: usize = self.open.iter().map(|open| open.pieces.held()).sum();
        let Some(open) = self.open.get_mut(at) else { return Err(()) };
        if open.kind != fragment.kind || open.length != fragment.length {
            return Ok(None);
        }
        let limit = (MAX_HANDSHAKE + open.pieces.held()).saturating_sub(others);
        open.pieces.put(fragment.offset, fragment.bytes, limit).map_err(|_| ())?;
        let complete = open.pieces.front().len() == open.length;
        Ok(complete.then(|| self.open.swap_remove(at)))
    }

    fn finish(&mut self) {
        *self = Self { over: true, ..Self::default() };
    }
}

/// A flow of DTLS alone.
#[derive(Debug)]
struct Dtls(DtlsReader);

impl Dissector for Dtls {
    fn accept(&mut self, side: Side, part: Part<'_>, out: &mut Facts) -> Step {
        let Part::Datagram(bytes) = part else { return Step::More };
        if self.0.datagram(side, bytes, out) {
            Step::More
        } else if self.0.spoke() {
            Step::Done
        } else {
            Step::GiveUp(Fault::new(Layer::Application, FaultKind::Malformed, 0, "dtls handshake"))
        }
    }

    fn held(&self) -> usize {
        self.0.held()
    }
}

#[cfg(test)]
mod tests;
