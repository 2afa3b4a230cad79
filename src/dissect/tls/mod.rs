//! TLS over TCP (RFC 8446, RFC 5246 and their ancestors down to SSL 3.0): records are joined, the hellos and the leaf
//! certificate are read, then the flow is left alone.

pub mod cert;
pub mod hello;
pub mod ja4;
pub(super) mod pieces;
#[cfg(test)]
pub(super) mod sample;
pub(super) mod session;

use super::fact::{Fact, Facts, HelloTransport};
use super::{Dissector, Opening, Part, Probe, Protocol, Step};
use crate::wire::{Cursor, Fault, FaultKind, Layer, Pair, Side, Text, TransportKind};
use session::{DNS_PORT, Session, Turn, kind};

/// The registry entry.
pub const PROTOCOL: Protocol = Protocol {
    name: "tls",
    transport: TransportKind::Tcp,
    specification: "RFC 8446, RFC 5246, RFC 6066, RFC 9849",
    probe,
    make: |opening| Box::new(Tls::new(opening.has_port(DNS_PORT))),
};

/// Most bytes of one side's handshake that are held back. Post-quantum hellos take a few kilobytes; a leaf
/// certificate up to some ten.
pub const MAX_HANDSHAKE: usize = 64 * 1024;
/// Bytes that one side may send after its own handshake is read while the other side stays silent; then the capture
/// holds one direction only and waiting is over.
const PATIENCE: u32 = 64 * 1024;
/// Longest record that any version allows (RFC 5246 §6.2.3), in bytes.
const MAX_RECORD: u16 = (1 << 14) + 2048;
/// Two records of application data in a row leave no doubt that a session under way is TLS.
const PROOF: u8 = 2;
/// Longest hello in the format of SSL 2.0, in bytes; two hundred cipher suites fit.
const MAX_OLD_HELLO: u16 = 700;
/// Message type of an SSL 2.0 ServerHello.
const OLD_SERVER_HELLO: u8 = 4;
/// Ports where a stream that begins with application data is taken for TLS under way.
const USUAL_PORTS: [u16; 8] = [443, DNS_PORT, 993, 995, 5061, 5228, 5349, 8443];

mod record {
    /// Not a record type: a hello in the format of SSL 2.0 is being collected.
    pub(super) const OLD_HELLO: u8 = 1;
    pub(super) const CHANGE_CIPHER_SPEC: u8 = 20;
    pub(super) const ALERT: u8 = 21;
    pub(super) const HANDSHAKE: u8 = 22;
    pub(super) const APPLICATION_DATA: u8 = 23;
    pub(super) const HEARTBEAT: u8 = 24;
}

/// Length in bytes of a record header.
const HEADER: usize = 5;

/// Type and length of a record.
fn record_header([kind, major, minor, length @ ..]: [u8; HEADER]) -> Option<(u8, u16)> {
    let length = u16::from_be_bytes(length);
    let plausible = (record::CHANGE_CIPHER_SPEC..=record::HEARTBEAT).contains(&kind)
        && major == 3
        && minor <= 4
        && length <= MAX_RECORD
        && (length > 0 || kind == record::APPLICATION_DATA);
    plausible.then_some((kind, length))
}

/// Whether the bytes begin with a record that holds the beginning of a ClientHello or ServerHello. For protocols
/// that go over to TLS, and for streams on unusual ports. Needs six bytes to say yes.
#[must_use]
pub fn looks_like_tls(bytes: &[u8]) -> bool {
    let mut c = Cursor::new(bytes);
    let Some((record::HANDSHAKE, length)) = c.array().and_then(record_header) else { return false };
    let message = bytes.get(HEADER..).unwrap_or_default();
    let message = message.get(..usize::from(length)).unwrap_or(message);
    let mut c = Cursor::new(message);
    if !matches!(c.u8(), Some(kind::CLIENT_HELLO | kind::SERVER_HELLO)) {
        return false;
    }
    // As much of the next fields as is there: length, and a version that begins like the record's.
    let length = c.u24().is_none_or(|length| (38..=MAX_HANDSHAKE as u32).contains(&length));
    length && c.u8().is_none_or(|major| matches!(major, 3 | 0x7f))
}

fn probe(opening: &Opening<'_>) -> Probe {
    let bytes = opening.bytes;
    let Some(header) = bytes.first_chunk() else {
        let could_be = match bytes {
            [] => true,
            [kind] => (record::ALERT..=record::APPLICATION_DATA).contains(kind) || kind & 0x80 != 0,
            [kind, major, ..] => {
                ((record::ALERT..=record::APPLICATION_DATA).contains(kind) && *major == 3)
                    || kind & 0x80 != 0 && bytes.get(2).is_none_or(|kind| *kind == kind::CLIENT_HELLO)
            }
        };
        return if could_be { Probe::Maybe } else { Probe::No };
    };
    match record_header(*header) {
        Some((record::HANDSHAKE, _)) if bytes.len() == HEADER => Probe::Maybe,
        Some((record::HANDSHAKE, _)) if looks_like_tls(bytes) => Probe::Yes,
        Some((record::ALERT, 2)) => match bytes.get(HEADER) {
            None => Probe::Maybe,
            Some(1 | 2) => Probe::Yes,
            Some(_) => Probe::No,
        },
        Some((record::APPLICATION_DATA, length)) => {
            let next = bytes.get(HEADER + usize::from(length)..).and_then(|rest| rest.first_chunk());
            match next.map(|header| record_header(*header)) {
                Some(None) => Probe::No,
                Some(Some(_)) => Probe::Yes,
                None if USUAL_PORTS.iter().any(|port| opening.has_port(*port)) => Probe::Yes,
                None => Probe::Maybe,
            }
        }
        _ if old_hello(bytes).is_some() => Probe::Yes,
        _ => Probe::No,
    }
}

/// The version offered by a ClientHello in the format of SSL 2.0 (RFC 5246 §E.2). Told by its lengths, which must add
/// up.
fn old_hello(bytes: &[u8]) -> Option<u16> {
    let mut c = Cursor::new(bytes);
    let length = usize::from(c.u16().filter(|length| length & 0x8000 != 0)? & 0x7fff);
    c.u8().filter(|kind| *kind == kind::CLIENT_HELLO)?;
    let version = c.u16().filter(|version| matches!(version, 0x0002 | 0x0300..=0x0303))?;
    let (ciphers, session, challenge) = (c.u16()?, c.u16()?, c.u16()?);
    let sound = ciphers > 0
        && ciphers.is_multiple_of(3)
        && matches!(session, 0 | 16)
        && (16..=32).contains(&challenge)
        && length == 9 + usize::from(ciphers) + usize::from(session) + usize::from(challenge);
    sound.then_some(version)
}

/// The reading of one side.
#[derive(Debug, Default)]
struct Stream {
    /// A record header of which only the beginning has come.
    header: [u8; HEADER],
    header_len: u8,
    /// The record under way: its type, and how many of its bytes are still to come.
    kind: u8,
    left: u16,
    /// Bytes of a handshake message that is not complete.
    held: Vec<u8>,
    /// Bytes of the message under way that are of no interest.
    skip: u32,
    /// Nothing more will be read from this side.
    over: bool,
    /// Bytes that came after that.
    ignored: u32,
    /// Records of application data, while it is not yet sure that this is TLS.
    proof: u8,
    fault: Option<Fault>,
}

/// Reads one TLS connection.
#[derive(Debug)]
pub struct Tls {
    session: Session,
    sides: Pair<Stream>,
}

impl Tls {
    /// `dns_port`: one of the ports is 853, where TLS carries DNS.
    #[must_use]
    pub fn new(dns_port: bool) -> Self {
        Self { session: Session::new(HelloTransport::Tls, dns_port), sides: Pair::default() }
    }

    fn bytes(&mut self, side: Side, mut bytes: &[u8], out: &mut Facts) -> Result<(), Fault> {
        while !bytes.is_empty() && !self.sides[side].over {
            let stream = &mut self.sides[side];
            if stream.left == 0 {
                let whole = bytes.first_chunk().filter(|_| stream.header_len == 0).copied();
                let header = if let Some(header) = whole {
                    bytes = bytes.get(HEADER..).unwrap_or_default();
                    header
                } else {
                    let have = usize::from(stream.header_len);
                    let n = bytes.len().min(HEADER - have);
                    let (now, later) = bytes.split_at(n);
                    stream.header.iter_mut().skip(have).zip(now).for_each(|(to, from)| *to = *from);
                    stream.header_len += n as u8;
                    bytes = later;
                    if usize::from(stream.header_len) < HEADER {
                        break;
                    }
                    stream.header_len = 0;
                    stream.header
                };
                match record_header(header) {
                    Some((kind, length)) => (stream.kind, stream.left) = (kind, length),
                    None => self.not_a_record(side, header, out)?,
                }
                self.record_begins(side, out);
                continue;
            }
            let (now, later) = bytes.split_at(bytes.len().min(stream.left.into()));
            stream.left -= now.len() as u16;
            bytes = later;
            match stream.kind {
                record::HANDSHAKE => self.handshake(side, now, out)?,
                record::ALERT => self.alert(side, now, out),
                record::OLD_HELLO => self.old_hello(side, now, out)?,
                _ => {}
            }
        }
        Ok(())
    }

    /// What the type of a record says by itself.
    fn record_begins(&mut self, side: Side, out: &mut Facts) {
        let stream = &mut self.sides[side];
        match stream.kind {
            record::CHANGE_CIPHER_SPEC => stream.over = self.session.encrypted(side, out) == Turn::Over,
            // Longer than type and level: encrypted.
            record::ALERT if stream.left != 2 => stream.over = true,
            record::APPLICATION_DATA | record::HEARTBEAT if self.session.spoke() => {
                self.session.encrypted(side, out);
                stream.over = true;
            }
            record::APPLICATION_DATA => {
                stream.proof += 1;
                if stream.proof == PROOF {
                    self.session.speak(side, out);
                    out.push(side, Fact::Detail { key: "handshake", value: Text::from("not captured") });
                    stream.over = true;
                }
            }
            _ => {}
        }
        if stream.over {
            stream.held = Vec::new();
        }
    }

    /// Level and description, in the clear only before encryption. Both sides end here if it is fatal.
    fn alert(&mut self, side: Side, bytes: &[u8], out: &mut Facts) {
        let stream = &mut self.sides[side];
        let (level, description) = match *bytes {
            [level, description] => (level, description),
            [byte] if stream.left == 1 => {
                // The header's room is free while its record lasts.
                [stream.header[0], ..] = [byte; HEADER];
                return;
            }
            [byte] => (stream.header[0], byte),
            _ => return,
        };
        if !matches!(level, 1 | 2) {
            stream.over = true;
            return;
        }
        if self.session.spoke() {
            let value =
                Text::from(alert_name(description).map_or_else(|| description.to_string(), Into::into).as_str());
            out.push(side, Fact::Detail { key: "alert", value });
        }
        if level == 2 {
            self.sides.iter_mut().for_each(Stream::finish);
        }
    }

    /// Handshake bytes of a record. Whole messages are read where they stand; only the rest is held back.
    fn handshake(&mut self, side: Side, bytes: &[u8], out: &mut Facts) -> Result<(), Fault> {
        let stream = &mut self.sides[side];
        let skipped = bytes.len().min(stream.skip as usize);
        stream.skip -= skipped as u32;
        let bytes = bytes.get(skipped..).unwrap_or_default();
        if stream.held.is_empty() {
            let used = self.messages(side, bytes, out)?;
            let stream = &mut self.sides[side];
            if !stream.over {
                stream.held.extend_from_slice(bytes.get(used..).unwrap_or_default());
            }
            return Ok(());
        }
        stream.held.extend_from_slice(bytes);
        let held = std::mem::take(&mut stream.held);
        let used = self.messages(side, &held, out)?;
        let stream = &mut self.sides[side];
        if !stream.over && used < held.len() {
            stream.held = held;
            stream.held.drain(..used);
        }
        Ok(())
    }

    /// Reads messages off the front; how many bytes are done with.
    fn messages(&mut self, side: Side, bytes: &[u8], out: &mut Facts) -> Result<usize, Fault> {
        let mut used: usize = 0;
        while let Some(rest) = bytes.get(used..) {
            let mut c = Cursor::new(rest);
            let (Some(kind), Some(length)) = (c.u8(), c.u24()) else { break };
            // Encrypted handshake records look like messages of an unknown type.
            if !is_handshake_type(kind) {
                self.sides[side].over = true;
                break;
            }
            let length = length as usize;
            let Some(needed) = needed(kind, length, c.rest()) else { break };
            if needed > MAX_HANDSHAKE {
                return Err(fault(FaultKind::Limit, "tls handshake message"));
            }
            let Some(body) = c.take(needed) else { break };
            let Some(turn) = self.session.message(side, kind, body, out) else {
                return Err(fault(FaultKind::Malformed, "tls handshake message"));
            };
            if turn == Turn::Over {
                self.sides[side].over = true;
                break;
            }
            used += 4 + length;
            if let Some(skip) = used.checked_sub(bytes.len()) {
                self.sides[side].skip = skip as u32;
                return Ok(bytes.len());
            }
        }
        Ok(used)
    }

    /// Not a record: perhaps a hello in the format of SSL 2.0, which is then collected like one.
    fn not_a_record(&mut self, side: Side, header: [u8; HEADER], out: &mut Facts) -> Result<(), Fault> {
        let [high, low, message, ..] = header;
        let stream = &mut self.sides[side];
        let length = u16::from_be_bytes([high & 0x7f, low]);
        let first = high & 0x80 != 0 && stream.kind == 0 && stream.held.is_empty();
        if first && message == kind::CLIENT_HELLO && (12..MAX_OLD_HELLO).contains(&length) {
            // Type and version are in the header already.
            (stream.kind, stream.left) = (record::OLD_HELLO, length - 3);
            stream.held.extend_from_slice(&header);
            return Ok(());
        }
        if first && message == OLD_SERVER_HELLO && self.session.spoke() {
            out.push(side, Fact::Detail { key: "server-hello", value: Text::from("ssl 2.0") });
            self.sides[side].finish();
            return Ok(());
        }
        Err(fault(FaultKind::Malformed, "tls record"))
    }

    fn old_hello(&mut self, side: Side, bytes: &[u8], out: &mut Facts) -> Result<(), Fault> {
        let stream = &mut self.sides[side];
        stream.held.extend_from_slice(bytes);
        if stream.left > 0 {
            return Ok(());
        }
        let version = old_hello(&stream.held).ok_or(fault(FaultKind::Malformed, "ssl 2.0 hello"))?;
        self.session.old_client_hello(side, version, out);
        self.sides[side].finish();
        Ok(())
    }

    /// Bytes are missing. Inside what is skipped anyway that does no harm.
    fn gap(&mut self, side: Side, missing: u64, out: &mut Facts) {
        let stream = &mut self.sides[side];
        let in_record = u16::try_from(missing).ok().filter(|n| stream.header_len == 0 && *n <= stream.left);
        let harmless = match (in_record, stream.kind) {
            (Some(n), record::HANDSHAKE) => stream.held.is_empty() && u32::from(n) <= stream.skip,
            (Some(_), kind) => kind != record::ALERT,
            (None, _) => false,
        };
        if let Some(n) = in_record.filter(|_| harmless) {
            stream.left -= n;
            if stream.kind == record::HANDSHAKE {
                stream.skip -= u32::from(n);
            }
            return;
        }
        self.lost(side, out);
    }

    /// The rest of this side will not come, or not in order.
    fn lost(&mut self, side: Side, out: &mut Facts) {
        let stream = &mut self.sides[side];
        if let [kind::CLIENT_HELLO, _, _, _, body @ ..] = stream.held.as_slice() {
            self.session.cut_client_hello(side, body, out);
        }
        stream.fault.get_or_insert(fault(FaultKind::Cut, "tls handshake"));
        stream.finish();
    }

    fn step(&self) -> Step {
        let Pair { first: a, second: b } = &self.sides;
        let patient = a.ignored < PATIENCE && b.ignored < PATIENCE;
        if patient && !(a.over && b.over) {
            return Step::More;
        }
        match a.fault.or(b.fault) {
            Some(fault) if !self.session.spoke() => Step::GiveUp(fault),
            _ => Step::Done,
        }
    }
}

impl Stream {
    fn finish(&mut self) {
        self.over = true;
        self.held = Vec::new();
    }
}

impl Dissector for Tls {
    fn accept(&mut self, side: Side, part: Part<'_>, out: &mut Facts) -> Step {
        if self.sides[side].over {
            if let Part::Bytes(bytes) = part {
                let ignored = &mut self.sides[side].ignored;
                *ignored = ignored.saturating_add(u32::try_from(bytes.len()).unwrap_or(u32::MAX));
            }
            return self.step();
        }
        match part {
            Part::Bytes(bytes) => {
                if let Err(fault) = self.bytes(side, bytes, out) {
                    self.sides[side].fault = Some(fault);
                    self.sides[side].finish();
                    if !self.session.spoke() {
                        return Step::GiveUp(fault);
                    }
                }
            }
            Part::Gap(missing) => self.gap(side, missing, out),
            Part::End => self.lost(side, out),
            Part::Datagram(_) => {}
        }
        self.step()
    }

    fn held(&self) -> usize {
        self.sides.iter().map(|stream| stream.held.capacity()).sum()
    }
}

fn fault(kind: FaultKind, what: &'static str) -> Fault {
    Fault::new(Layer::Application, kind, 0, what)
}

/// How many bytes of a message's body are of use; `None` if more must come to know. `body` is what is there of it.
fn needed(kind: u8, length: usize, body: &[u8]) -> Option<usize> {
    match kind {
        kind::CLIENT_HELLO | kind::SERVER_HELLO => Some(length),
        // Only the leaf: it comes first, with its length after that of the list (RFC 5246 §7.4.2).
        kind::CERTIFICATE if length < 6 => Some(0),
        kind::CERTIFICATE => {
            let mut c = Cursor::new(body);
            c.u24()?;
            Some(c.u24()? as usize + 6).map(|leaf| leaf.min(length))
        }
        kind::SERVER_KEY_EXCHANGE => Some(length.min(hello::KEY_EXCHANGE_BYTES)),
        _ => Some(0),
    }
}

/// Every handshake type that has been assigned (IANA "TLS HandshakeType"), Next Protocol Negotiation included.
const fn is_handshake_type(kind: u8) -> bool {
    matches!(kind, 0..=6 | 8 | 11..=16 | 20..=26 | 67 | 254)
}

/// RFC 8446 §6, RFC 5246 §7.2.
const fn alert_name(description: u8) -> Option<&'static str> {
    Some(match description {
        0 => "close_notify",
        10 => "unexpected_message",
        20 => "bad_record_mac",
        22 => "record_overflow",
        40 => "handshake_failure",
        42 => "bad_certificate",
        43 => "unsupported_certificate",
        44 => "certificate_revoked",
        45 => "certificate_expired",
        46 => "certificate_unknown",
        47 => "illegal_parameter",
        48 => "unknown_ca",
        49 => "access_denied",
        50 => "decode_error",
        51 => "decrypt_error",
        70 => "protocol_version",
        71 => "insufficient_security",
        80 => "internal_error",
        86 => "inappropriate_fallback",
        90 => "user_canceled",
        100 => "no_renegotiation",
        109 => "missing_extension",
        110 => "unsupported_extension",
        112 => "unrecognized_name",
        113 => "bad_certificate_status_response",
        115 => "unknown_psk_identity",
        116 => "certificate_required",
        120 => "no_application_protocol",
        121 => "ech_required",
        _ => return None,
    })
}

#[cfg(test)]
mod tests;
