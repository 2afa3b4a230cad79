//! QUIC (RFC 9000, RFC 9369, its drafts, and Google's own before them): Initial packets are opened with the keys that
//! anyone can derive, and the hellos in them read. Nothing is said before an authentication tag has verified.

pub mod crypto;
pub mod gquic;
pub mod header;
pub mod keys;

use super::fact::{Fact, Facts, HelloTransport, NameSource, Offer};
use super::tls::session::{DNS_PORT, Session, Turn};
use super::{Dissector, Opening, Part, Probe, Protocol, Step};
use crate::wire::{Fault, FaultKind, Layer, Pair, Side, Text, TransportKind};
use header::{Kind, Long, MAX_CID};
use keys::{Opener, Scheme};
use std::fmt::Write;

/// The registry entry.
pub const PROTOCOL: Protocol = Protocol {
    name: "quic",
    transport: TransportKind::Udp,
    specification: "RFC 9000, RFC 9001, RFC 9369, RFC 9287",
    probe,
    make: |opening| Box::new(Quic::new(opening.has_port(DNS_PORT))),
};

/// Datagrams without anything new after which the flow is left alone: all is read, or one direction is not captured.
const PATIENCE: u8 = 64;
/// Initial packets per flow that may fail to open with keys from their own connection id. More than one comes only of
/// damage or of a capture that starts late.
const MAX_FAILURES: u8 = 8;
/// Most versions of a negotiation that are told.
const MAX_VERSIONS: usize = 16;
/// Datagrams of a known version with right lengths that prove QUIC where none can be opened.
const PROOF: u8 = 2;

fn probe(opening: &Opening<'_>) -> Probe {
    let datagram = opening.bytes;
    if gquic::looks_like_gquic(datagram) || header::looks_like_quic(datagram) {
        return Probe::Yes;
    }
    // A reserved version number is weak evidence; the tag must verify.
    let forced = header::packets(datagram).next().filter(|packet| keys::is_reserved(packet.version));
    match forced {
        Some(packet) if open_first(&packet).is_some() => Probe::Yes,
        _ => Probe::No,
    }
}

/// Opens an Initial with keys from its own connection id: the first of a client.
fn open_first(packet: &Long<'_>) -> Option<(Scheme, Opener, Vec<u8>)> {
    let Kind::Initial { pn_at } = packet.kind else { return None };
    keys::schemes(packet.version).iter().find_map(|scheme| {
        let opener = Opener::new(&keys::derive(*scheme, packet.dcid, true)?)?;
        let plain = opener.open(packet.bytes, pn_at)?;
        Some((*scheme, opener, plain))
    })
}

/// A connection id that is kept.
#[derive(Debug, Clone, Copy, Default)]
struct Cid([u8; MAX_CID], u8);

impl Cid {
    fn of(bytes: &[u8]) -> Self {
        let mut cid = Self([0; MAX_CID], bytes.len().min(MAX_CID) as u8);
        cid.0.iter_mut().zip(bytes).for_each(|(to, from)| *to = *from);
        cid
    }

    fn bytes(&self) -> &[u8] {
        self.0.get(..usize::from(self.1)).unwrap_or_default()
    }
}

/// One connection, known since a client's Initial was opened.
#[derive(Debug)]
struct Connection {
    version: u32,
    scheme: Scheme,
    client: Side,
    /// The client's first destination: both sides' keys come from it (RFC 9001 §5.2).
    original: Cid,
    /// What the server calls itself, and the client it from then on.
    server: Option<Cid>,
    /// Keys of a side, while its hello is not complete; with the version they are for.
    openers: Pair<Option<(u32, Box<Opener>)>>,
    streams: Pair<crypto::Stream>,
    over: Pair<bool>,
}

/// Reads the QUIC connections of one UDP flow.
#[derive(Debug)]
pub struct Quic {
    session: Session,
    connection: Option<Box<Connection>>,
    failures: u8,
    idle: u8,
    shaped: u8,
    negotiated: bool,
    retried: bool,
    /// A `CHLO` was read.
    google: bool,
}

impl Quic {
    /// `dns_port`: one of the ports is 853, where QUIC carries DNS.
    #[must_use]
    pub const fn new(dns_port: bool) -> Self {
        Self {
            session: Session::new(HelloTransport::Quic, dns_port),
            connection: None,
            failures: 0,
            idle: 0,
            shaped: 0,
            negotiated: false,
            retried: false,
            google: false,
        }
    }

    fn datagram(&mut self, side: Side, bytes: &[u8], out: &mut Facts) -> Step {
        let mut news = false;
        for packet in header::packets(bytes) {
            news |= match packet.kind {
                Kind::Initial { pn_at } => self.initial(side, &packet, pn_at, out),
                Kind::Negotiation => self.negotiation(side, &packet, out),
                Kind::Retry => self.retry(side, out),
                Kind::Sealed => self.sealed(side, &packet),
            };
        }
        if self.connection.is_none() {
            news |= self.google_hello(side, bytes, out);
            if !news && !self.session.spoke() && !self.google && header::looks_like_quic(bytes) {
                self.shaped += 1;
                if self.shaped == PROOF {
                    self.session.speak(side, out);
                    out.push(side, Fact::Detail { key: "handshake", value: Text::from("not captured") });
                }
            }
        }
        self.idle = if news { 0 } else { self.idle.saturating_add(1) };
        if self.idle < PATIENCE {
            Step::More
        } else if self.session.spoke() || self.google {
            Step::Done
        } else {
            Step::GiveUp(Fault::new(Layer::Application, FaultKind::Unsupported, 0, "quic packet"))
        }
    }

    /// An Initial packet; whether it brought anything new.
    fn initial(&mut self, side: Side, packet: &Long<'_>, pn_at: usize, out: &mut Facts) -> bool {
        if let Some(connection) = &mut self.connection {
            if connection.is_settled(side, packet) {
                return false;
            }
            if let Some(plain) = connection.open(side, packet, pn_at) {
                if connection.client != side {
                    connection.server = Some(Cid::of(packet.scid));
                }
                return connection.frames(side, &plain, &mut self.session, out);
            }
        }
        if self.failures >= MAX_FAILURES {
            return false;
        }
        let Some((scheme, opener, plain)) = open_first(packet) else {
            self.failures += 1;
            return false;
        };
        self.session.set_quic_version(packet.version);
        if packet.version == keys::Q050 {
            return self.google_crypto(side, &plain, out);
        }
        let mut connection = Box::new(Connection {
            version: packet.version,
            scheme,
            client: side,
            original: Cid::of(packet.dcid),
            server: None,
            openers: Pair::default(),
            streams: Pair::default(),
            over: Pair::default(),
        });
        connection.openers[side] = Some((packet.version, Box::new(opener)));
        connection.frames(side, &plain, &mut self.session, out);
        self.connection = Some(connection);
        true
    }

    /// 0-RTT and Handshake packets tell what the server calls itself.
    fn sealed(&mut self, side: Side, packet: &Long<'_>) -> bool {
        if let Some(connection) = self.connection.as_mut().filter(|c| c.client != side && c.server.is_none()) {
            connection.server = Some(Cid::of(packet.scid));
        }
        false
    }

    /// A server's list of versions; the client's next hello comes in one of them.
    fn negotiation(&mut self, side: Side, packet: &Long<'_>, out: &mut Facts) -> bool {
        let Some(versions) = header::versions(packet.bytes).filter(|_| !self.negotiated) else { return false };
        let versions: Vec<u32> = versions.take(MAX_VERSIONS).collect();
        if !versions.iter().any(|version| !keys::schemes(*version).is_empty()) {
            return false;
        }
        self.negotiated = true;
        self.session.speak(side, out);
        let mut text = String::new();
        for version in versions {
            let _ = write!(text, "{}0x{version:08x}", if text.is_empty() { "" } else { " " });
        }
        out.push(side, Fact::Answered);
        out.push(side, Fact::Detail { key: "quic-versions", value: Text::from(text.as_str()) });
        true
    }

    /// The client will come again with another destination, hence other keys (RFC 9001 §5.2).
    fn retry(&mut self, side: Side, out: &mut Facts) -> bool {
        if self.retried || self.connection.as_ref().is_none_or(|c| c.client == side) {
            return false;
        }
        self.retried = true;
        out.push(side, Fact::Answered);
        out.push(side, Fact::Detail { key: "quic-retry", value: Text::from("address validation") });
        true
    }

    /// The frames of a sealed packet with a `CHLO` in place of TLS.
    fn google_crypto(&mut self, side: Side, plain: &[u8], out: &mut Facts) -> bool {
        let hello = crypto::crypto_frames(plain, true).find_map(|(_, piece)| gquic::tags(keys::Q050, piece));
        let Some(hello) = hello.filter(|_| !self.google) else { return false };
        self.google = true;
        say_google_hello(side, &hello, out);
        true
    }

    fn google_hello(&mut self, side: Side, datagram: &[u8], out: &mut Facts) -> bool {
        let Some(hello) = gquic::client_hello(datagram).filter(|_| !self.google) else { return false };
        self.google = true;
        say_google_hello(side, &hello, out);
        true
    }
}

fn say_google_hello(side: Side, hello: &gquic::GoogleHello<'_>, out: &mut Facts) {
    out.push(side, Fact::Speaks("gquic"));
    out.push(side, Fact::Detail { key: "quic-version", value: Text::from_wire(&hello.version.to_be_bytes()) });
    if let Some(agent) = hello.user_agent {
        out.push(side, Fact::Software(Text::from_wire(agent)));
    }
    // Without a name it offers nothing that means anything in terms of TLS.
    let Some(name) = hello.server_name.map(Text::host) else { return };
    out.push(side, Fact::Named { name: name.clone(), how: NameSource::GquicSni });
    let quic_version = Some(hello.version);
    let offer = Offer { sni: Some(name), quic_version, ..Offer::unknown(HelloTransport::Quic) };
    out.push(side, Fact::Offered(Box::new(offer)));
}

impl Connection {
    /// The packet belongs to this connection, and its sender has nothing more to tell.
    fn is_settled(&self, side: Side, packet: &Long<'_>) -> bool {
        let ours = if side == self.client {
            packet.version == self.version && packet.dcid == self.original.bytes()
                || self.server.is_some_and(|cid| packet.dcid == cid.bytes())
        } else {
            self.server.is_some_and(|cid| packet.scid == cid.bytes())
        };
        ours && self.over[side]
    }

    /// Opens a packet with the keys from the client's first destination. A server may answer in another version
    /// (RFC 9368 §2.3), whose keys come from the same.
    fn open(&mut self, side: Side, packet: &Long<'_>, pn_at: usize) -> Option<Vec<u8>> {
        if self.over[side] {
            return None;
        }
        let opener = &mut self.openers[side];
        if opener.as_ref().is_none_or(|(version, _)| *version != packet.version) {
            let same = packet.version == self.version;
            let scheme = if same { self.scheme } else { *keys::schemes(packet.version).first()? };
            let keys = keys::derive(scheme, self.original.bytes(), side == self.client)?;
            *opener = Some((packet.version, Box::new(Opener::new(&keys)?)));
        }
        opener.as_ref()?.1.open(packet.bytes, pn_at)
    }

    /// Reads the frames of an opened packet; whether they brought anything new.
    fn frames(&mut self, side: Side, plain: &[u8], session: &mut Session, out: &mut Facts) -> bool {
        session.speak(side, out);
        let mut news = false;
        for (offset, piece) in crypto::crypto_frames(plain, keys::has_google_frames(self.version)) {
            let stream = &mut self.streams[side];
            let whole = crypto::whole_message(piece).filter(|_| offset == 0 && stream.is_fresh());
            let turn = if let Some((kind, body)) = whole {
                news = true;
                let turn = session.message(side, kind, body, out);
                if turn == Some(Turn::More) { stream.step_over(piece).ok().and(turn) } else { turn }
            } else if let Ok(new) = stream.put(offset, piece) {
                news |= new;
                let mut turn = Some(Turn::More);
                while let (Some(Turn::More), Some((kind, body))) = (turn, stream.message()) {
                    turn = session.message(side, kind, body, out);
                }
                turn
            } else {
                None
            };
            if turn != Some(Turn::More) {
                return self.finish(side);
            }
        }
        news
    }

    fn finish(&mut self, side: Side) -> bool {
        self.over[side] = true;
        self.streams[side] = crypto::Stream::default();
        self.openers[side] = None;
        true
    }
}

impl Dissector for Quic {
    fn accept(&mut self, side: Side, part: Part<'_>, out: &mut Facts) -> Step {
        match part {
            Part::Datagram(bytes) => self.datagram(side, bytes, out),
            _ => Step::More,
        }
    }

    fn held(&self) -> usize {
        self.connection.as_ref().map_or(0, |c| c.streams.iter().map(crypto::Stream::held).sum())
    }
}

#[cfg(test)]
mod tests;
