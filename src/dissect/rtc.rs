//! One UDP flow of a call carries STUN, DTLS, TURN channels, RTP and RTCP: told apart by the first byte (RFC 7983).

use super::dtls::{DtlsReader, looks_like_dtls};
use super::fact::{Fact, Facts};
use super::media::{Meter, Packet};
use super::{Dissector, Opening, Part, Probe, Protocol, Step, rtp, stun};
use crate::wire::{Cursor, End, Fault, FaultKind, Layer, Side, Timestamp, TransportKind, canonical};

/// Media packets looked at before only control packets are of interest: long enough for audio and video to begin.
const MEDIA_SAMPLE: u16 = 100;
/// Datagrams that are nothing known before only control packets are of interest in a flow of known kind; and datagrams
/// without certainty before a flow that only looked like media is given up.
const MAX_STRANGERS_KNOWN: u16 = 200;
const MAX_STRANGERS_BARE: u16 = 24;
/// Different things that STUN said of one flow, each told once. Keep-alives repeat them every few seconds.
const MAX_TOLD: usize = 64;
/// What each packet begins with on the multiplexed ports of Microsoft's relays (3479 to 3481), as seen with Teams: this,
/// a length, and eight bytes for the session.
const MULTIPLEXED: [u8; 2] = [0xff, 0x10];

/// Flows that begin with STUN.
pub(super) const STUN: Protocol = Protocol {
    name: "stun",
    transport: TransportKind::Udp,
    specification: "RFC 7983 (demultiplexing), RFC 8489 (STUN), RFC 8656 (TURN), RFC 3550 (RTP), RFC 5764 (DTLS-SRTP)",
    probe: probe_stun,
    make: |_| Box::<Datagrams>::default(),
};

/// Flows that begin with DTLS and may go on with media. Port 853 has no media: there DTLS carries DNS (RFC 8094).
pub(super) const DTLS: Protocol = Protocol {
    name: "dtls-srtp",
    transport: TransportKind::Udp,
    specification: "RFC 5764 (DTLS-SRTP), RFC 7983",
    probe: |opening| if looks_like_dtls(opening.bytes) && !opening.has_port(853) { Probe::Yes } else { Probe::No },
    make: |_| Box::<Datagrams>::default(),
};

/// Flows that begin with media, because the capture began later than the call. Asked after everything stricter.
pub(super) const RTP: Protocol = Protocol {
    name: "rtp",
    transport: TransportKind::Udp,
    specification: "RFC 3550 (RTP), RFC 3711 (SRTP), RFC 8656 §12.4 (TURN channels)",
    probe: probe_rtp,
    make: |_| Box::<Datagrams>::default(),
};

fn probe_stun(opening: &Opening<'_>) -> Probe {
    let message = stun::Message::read(opening.bytes);
    let whole = message.is_some_and(|(message, len)| len == opening.bytes.len() && message.is_certain());
    if whole || Discovery::read(opening.bytes).is_some() { Probe::Yes } else { Probe::No }
}

fn probe_rtp(opening: &Opening<'_>) -> Probe {
    let inner = match opening.bytes {
        [64..=79, ..] => {
            stun::channel(opening.bytes).filter(|(_, len)| *len == opening.bytes.len()).map(|(data, _)| data)
        }
        bytes if bytes.starts_with(&MULTIPLEXED) => multiplexed(bytes),
        bytes => Some(bytes),
    };
    if inner.is_some_and(rtp::is_possible) { Probe::Yes } else { Probe::No }
}

/// Packets in datagrams, each for itself.
#[derive(Debug, Default)]
struct Datagrams(Rtc);

impl Dissector for Datagrams {
    fn accept(&mut self, side: Side, part: Part<'_>, out: &mut Facts) -> Step {
        match part {
            Part::Datagram(packet) => self.0.packet(side, packet, out),
            _ => Step::More,
        }
    }

    fn held(&self) -> usize {
        self.0.held()
    }

    fn count(&mut self, side: Side, bytes: &[u8], len: u32, time: Timestamp) {
        self.0.count(side, bytes, len as usize, time);
    }

    fn meter(&self) -> Option<&Meter> {
        self.0.meter()
    }

    fn meter_mut(&mut self) -> Option<&mut Meter> {
        self.0.meter_mut()
    }

    fn into_meter(self: Box<Self>) -> Option<Box<Meter>> {
        self.0.into_meter()
    }
}

/// What is known of a flow of real-time communication, whatever its packets came in.
#[derive(Debug, Default)]
pub(super) struct Rtc {
    media: rtp::Watch,
    /// Made with the first packet of media.
    meter: Option<Box<Meter>>,
    /// Made with the first packet that is its business: most flows have none.
    dtls: Option<Box<DtlsReader>>,
    /// Datagrams of media, and those that are nothing known.
    media_seen: u16,
    strangers: u16,
    said: Said,
    /// What STUN said.
    told: Vec<(Side, Fact)>,
}

/// Protocols that were named already.
#[derive(Debug, Default)]
struct Said {
    stun: bool,
    turn: bool,
    zrtp: bool,
    rtp: bool,
    discord: bool,
    dialect: bool,
}

impl Rtc {
    /// Reads one packet. Gives [`Step::Control`] once media is certain.
    pub(super) fn packet(&mut self, side: Side, packet: &[u8], out: &mut Facts) -> Step {
        let recognised = match packet {
            [0..=3, ..] => self.stun(side, packet, out) || self.discord(side, packet, out),
            [0x13, 0x37, 0xca, 0xfe, _, _, _, _] => self.discord(side, packet, out),
            [64..=79, ..] => stun::channel(packet).is_some_and(|(inner, _)| self.inner(side, inner, out)),
            [0xff, 0x10, ..] => multiplexed(packet).is_some_and(|inner| match inner {
                [0..=3, ..] => self.stun(side, inner, out),
                _ => self.inner(side, inner, out),
            }),
            _ => self.inner(side, packet, out),
        };
        if self.is_known() && recognised {
            let enough = self.media.is_certain() && self.media_seen >= MEDIA_SAMPLE;
            return if enough { Step::Control } else { Step::More };
        }
        self.strangers = self.strangers.saturating_add(1);
        if self.is_known() {
            match self.strangers {
                0..MAX_STRANGERS_KNOWN => Step::More,
                // DTLS alone, with data: a tunnel or an application's own use. Its handshake has been read.
                _ if !self.said.stun && !self.media.is_certain() => Step::Done,
                _ => Step::Control,
            }
        } else if self.strangers >= MAX_STRANGERS_BARE {
            Step::GiveUp(Fault::new(Layer::Application, FaultKind::Malformed, 0, "rtp"))
        } else {
            Step::More
        }
    }

    fn is_known(&self) -> bool {
        let encrypted = self.dtls.as_ref().is_some_and(|dtls| dtls.spoke());
        self.said.stun || self.said.zrtp || self.said.discord || encrypted || self.media.is_certain()
    }

    fn stun(&mut self, side: Side, packet: &[u8], out: &mut Facts) -> bool {
        let Some((message, len)) = stun::Message::read(packet) else { return false };
        // Once the flow is known to be STUN, unknown attributes of a dialect are no reason for doubt.
        if len != packet.len() || !(self.said.stun || message.is_certain()) {
            return false;
        }
        once(&mut self.said.stun, side, Fact::Speaks("stun"), out);
        if message.is_turn() {
            once(&mut self.said.turn, side, Fact::Speaks("turn"), out);
        }
        if let Some(dialect) = message.dialect().filter(|_| !self.said.dialect) {
            once(&mut self.said.dialect, side, Fact::Speaks(dialect), out);
        }
        let before = out.0.len();
        message.tell(side, out);
        for fact in out.0.split_off(before) {
            if !self.told.contains(&fact) {
                if self.told.len() < MAX_TOLD {
                    self.told.push(fact.clone());
                }
                out.0.push(fact);
            }
        }
        if let Some(inner) = message.data() {
            self.inner(side, inner, out);
        }
        true
    }

    /// A packet that is no STUN: what a relay passes on, or what comes directly. A STUN message passed on by a relay is a
    /// check between peers; the address it maps is the relay's, not the public one of either.
    fn inner(&mut self, side: Side, packet: &[u8], out: &mut Facts) -> bool {
        match packet {
            [0..=3, ..] => true,
            [16..=19, ..] if packet.get(4..8) == Some(b"ZRTP") => {
                once(&mut self.said.zrtp, side, Fact::Speaks("zrtp"), out);
                true
            }
            [20..=63, ..] => self.dtls(side, packet, out),
            [128..=191, ..] => {
                self.media_seen = self.media_seen.saturating_add(1);
                let recognised = self.media.packet(side, packet, self.is_known(), out);
                if self.media.is_certain() {
                    once(&mut self.said.rtp, side, Fact::Speaks("rtp"), out);
                }
                recognised
            }
            _ => false,
        }
    }

    /// Reads handshakes. Whether the packet belongs to one; application data is nothing to look at.
    fn dtls(&mut self, side: Side, packet: &[u8], out: &mut Facts) -> bool {
        let handshake = looks_like_dtls(packet) && packet.first() != Some(&23);
        if handshake || self.dtls.is_some() {
            self.dtls.get_or_insert_with(|| Box::new(DtlsReader::new(false))).datagram(side, packet, out);
        }
        handshake
    }

    fn discord(&mut self, side: Side, packet: &[u8], out: &mut Facts) -> bool {
        let Some(discovery) = Discovery::read(packet) else { return false };
        once(&mut self.said.discord, side, Fact::Speaks("discord"), out);
        if let Some(end) = discovery.answer {
            out.push(side, Fact::Mapped(end));
        }
        true
    }

    /// Counts what a datagram carries of media: bare, in a channel of a relay, or multiplexed.
    pub(super) fn count(&mut self, side: Side, datagram: &[u8], len: usize, time: Timestamp) {
        let said = |high: u8, low: u8| usize::from(u16::from_be_bytes([high, low]));
        let (bytes, len) = match *datagram {
            [128..=191, ..] => (datagram, len),
            [64..=79, _, high, low, ref inner @ ..] => (inner, said(high, low)),
            [0xff, 0x10, high, low, ref inner @ ..] => {
                (inner.get(8..).unwrap_or_default(), said(high, low).saturating_sub(8))
            }
            _ => return,
        };
        // What a check between peers or a handshake says is no media.
        if !matches!(bytes.first(), Some(128..=191)) {
            return;
        }
        if let Some(packet) = Packet::rtp(bytes, len) {
            self.meter.get_or_insert_default().add(side, &packet, time);
        } else if rtp::has_cname(bytes) {
            self.meter.get_or_insert_default().cname(side);
        }
    }

    pub(super) fn meter(&self) -> Option<&Meter> {
        self.meter.as_deref().filter(|_| self.media.is_certain())
    }

    pub(super) fn meter_mut(&mut self) -> Option<&mut Meter> {
        self.meter.as_deref_mut()
    }

    pub(super) fn into_meter(self) -> Option<Box<Meter>> {
        self.meter.filter(|_| self.media.is_certain())
    }

    pub(super) fn held(&self) -> usize {
        self.dtls.as_ref().map_or(0, |dtls| dtls.held()) + self.meter.as_ref().map_or(0, |meter| meter.held())
    }
}

fn once(said: &mut bool, side: Side, fact: Fact, out: &mut Facts) {
    if !std::mem::replace(said, true) {
        out.push(side, fact);
    }
}

/// The packet within Microsoft's multiplexed TURN.
pub(super) fn multiplexed(bytes: &[u8]) -> Option<&[u8]> {
    let mut cursor = Cursor::new(bytes);
    cursor.skip(MULTIPLEXED.len())?;
    let body = cursor.vec16()?;
    if cursor.is_empty() { body.get(8..) } else { None }
}

/// Discord's own question for the public address, as its developer documentation describes it ("IP discovery"): type,
/// length 70, source, address as text, port. Its servers are pinged first, with four fixed bytes and a number.
struct Discovery {
    answer: Option<End>,
}

impl Discovery {
    fn read(bytes: &[u8]) -> Option<Self> {
        if let [0x13, 0x37, 0xca, 0xfe, _, _, _, _] = bytes {
            return Some(Self { answer: None });
        }
        let mut cursor = Cursor::new(bytes);
        let kind = cursor.u16()?;
        let body = cursor.vec16().filter(|body| body.len() == 70 && bytes.len() == 74)?;
        let mut cursor = Cursor::new(body);
        cursor.skip(4)?;
        let address = cursor.take(64)?;
        let port = cursor.u16()?;
        match kind {
            1 if address.iter().all(|b| *b == 0) => Some(Self { answer: None }),
            2 => {
                let text = std::str::from_utf8(address.split(|b| *b == 0).next()?).ok()?;
                Some(Self { answer: Some(End { address: canonical(text.parse().ok()?), port }) })
            }
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests;
