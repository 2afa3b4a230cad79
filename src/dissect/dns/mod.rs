//! DNS (RFC 1035) over UDP and TCP, with multicast DNS (RFC 6762) and LLMNR (RFC 4795): what was asked and answered.
//!
//! The UDP readers hold no state at all: a busy capture has hundreds of thousands of DNS flows, and a reader without
//! size needs no memory of its own. They say [`Fact::Speaks`] once per message for that reason.

mod message;
mod rdata;
#[cfg(test)]
mod tests;

use super::{Dissector, Fact, Facts, Opening, Part, Probe, Protocol, Step};
use crate::wire::{Cursor, Pair, Side, TransportKind};
use message::{HEADER, Strictness};

const DNS: u16 = 53;
const MDNS: u16 = 5353;
const LLMNR: u16 = 5355;
/// NetBIOS names (RFC 1002 §4.2) travel in DNS's clothes and are no DNS.
const NETBIOS: u16 = 137;
/// Bytes of the longest first message by which DNS is recognised on a port that is not its own.
const MAX_STRANGER: usize = 512;

pub(super) const UDP: Protocol = Protocol {
    name: "dns",
    transport: TransportKind::Udp,
    specification: "RFC 1035, RFC 6762 (mDNS), RFC 4795 (LLMNR), RFC 9460 (SVCB, HTTPS)",
    probe: probe_udp,
    make: make_udp,
};

pub(super) const TCP: Protocol = Protocol {
    name: "dns",
    transport: TransportKind::Tcp,
    specification: "RFC 1035 §4.2.2, RFC 7766",
    probe: probe_tcp,
    make: |_| Box::<Stream>::default(),
};

/// The well-known port in use, if any; 53 wins, the others may be an ephemeral port.
fn known_port(opening: &Opening<'_>) -> Option<u16> {
    [DNS, MDNS, LLMNR].into_iter().find(|port| opening.has_port(*port))
}

fn probe_udp(opening: &Opening<'_>) -> Probe {
    let strictness = if known_port(opening).is_some() { Strictness::Port } else { Strictness::Bytes };
    if message::is_message(opening.bytes, opening.bytes.len(), strictness) && !opening.has_port(NETBIOS) {
        Probe::Yes
    } else if opening.has_port(DNS) {
        // A cut or broken first message does not make the flow something else, unless something else recognises it.
        Probe::Maybe
    } else {
        Probe::No
    }
}

fn make_udp(opening: &Opening<'_>) -> Box<dyn Dissector> {
    match known_port(opening) {
        Some(MDNS) => Box::new(Datagrams::<MDNS>),
        Some(LLMNR) => Box::new(Datagrams::<LLMNR>),
        _ => Box::new(Datagrams::<DNS>),
    }
}

/// Messages in datagrams; the port says which dialect. Without size: boxing it allocates nothing.
#[derive(Debug)]
struct Datagrams<const PORT: u16>;

impl<const PORT: u16> Dissector for Datagrams<PORT> {
    fn accept(&mut self, side: Side, part: Part<'_>, out: &mut Facts) -> Step {
        let Part::Datagram(message) = part else { return Step::More };
        let Some(header) = message::header(message) else { return Step::More };
        let (protocol, transport) = match PORT {
            // Some public resolvers listen on port 5353 too; a client of theirs asks for recursion, mDNS does not.
            MDNS if !header.wants_recursion() => ("mdns", "mdns"),
            LLMNR => ("llmnr", "llmnr"),
            _ => ("dns", "udp"),
        };
        out.push(side, Fact::Speaks(protocol));
        message::read(message, transport, side, out);
        Step::More
    }
}

fn probe_tcp(opening: &Opening<'_>) -> Probe {
    let mut cursor = Cursor::new(opening.bytes);
    let Some(len) = cursor.u16().map(usize::from) else { return Probe::Maybe };
    let start = cursor.rest();
    let on_port = opening.has_port(DNS);
    let strictness = if on_port { Strictness::Port } else { Strictness::Bytes };
    let longest = if on_port { usize::from(u16::MAX) } else { MAX_STRANGER };
    if len <= HEADER || len > longest {
        Probe::No
    } else if let Some(message) = start.get(..len) {
        if message::is_message(message, len, strictness) { Probe::Yes } else { Probe::No }
    } else if on_port && message::is_message(start, len, strictness) {
        Probe::Yes
    } else if start.len() < MAX_STRANGER {
        Probe::Maybe
    } else {
        Probe::No
    }
}

/// Messages in a stream, each with its length in two bytes in front.
#[derive(Debug, Default)]
struct Stream {
    sides: Pair<Half>,
    named: bool,
}

/// One direction of a stream.
#[derive(Debug, Default)]
struct Half {
    /// The beginning of a message that is not yet complete, at most 65,537 bytes.
    held: Vec<u8>,
    /// Bytes of the current message that are to be passed over, because bytes before them are missing.
    skip: u64,
    /// A gap hides where messages begin: look for one at the start of each part.
    lost: bool,
}

impl Dissector for Stream {
    fn accept(&mut self, side: Side, part: Part<'_>, out: &mut Facts) -> Step {
        match part {
            Part::Bytes(bytes) => self.bytes(side, bytes, out),
            Part::Gap(len) => self.sides[side].gap(len),
            Part::Datagram(_) | Part::End => {}
        }
        Step::More
    }

    fn held(&self) -> usize {
        self.sides.iter().map(|half| half.held.len()).sum()
    }
}

impl Stream {
    fn bytes(&mut self, side: Side, bytes: &[u8], out: &mut Facts) {
        let half = &mut self.sides[side];
        let skipped = usize::try_from(half.skip).unwrap_or(usize::MAX).min(bytes.len());
        half.skip -= skipped as u64;
        let mut bytes = bytes.get(skipped..).unwrap_or_default();
        if half.lost && !bytes.is_empty() {
            half.lost =
                !split(bytes).is_some_and(|(message, _)| message::is_message(message, message.len(), Strictness::Port));
            if half.lost {
                return;
            }
        }
        while !bytes.is_empty() {
            if half.held.is_empty()
                && let Some((message, rest)) = split(bytes)
            {
                bytes = rest;
                Self::message(&mut self.named, side, message, out);
                continue;
            }
            let (now, later) = bytes.split_at(half.wanted().min(bytes.len()));
            half.held.extend_from_slice(now);
            bytes = later;
            if let Some((message, _)) = split(&half.held) {
                Self::message(&mut self.named, side, message, out);
                half.held.clear();
            }
        }
    }

    fn message(named: &mut bool, side: Side, message: &[u8], out: &mut Facts) {
        if !std::mem::replace(named, true) {
            out.push(side, Fact::Speaks("dns"));
        }
        message::read(message, "tcp", side, out);
    }
}

impl Half {
    /// Bytes missing to the length, or with it known to the end of the message.
    fn wanted(&self) -> usize {
        match *self.held.as_slice() {
            [] => 2,
            [_] => 1,
            [high, low, ..] => 2 + usize::from(u16::from_be_bytes([high, low])) - self.held.len(),
        }
    }

    fn gap(&mut self, len: u64) {
        let in_message = if self.held.len() < 2 { self.skip } else { self.wanted() as u64 };
        self.held.clear();
        // Only if the gap ends within the message in which it began is the next boundary known.
        self.lost |= in_message < len;
        self.skip = in_message.saturating_sub(len);
    }
}

/// The first whole message of a stream and what follows it.
fn split(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let mut cursor = Cursor::new(bytes);
    let message = cursor.vec16()?;
    Some((message, cursor.rest()))
}
