//! Floor 2: bytes of one side of a flow in, [`Fact`]s out. A dissector knows sides and bytes; it knows no packets, no
//! addresses and no other flows. It holds bounded memory and cannot fail: what it cannot read is a [`Step::GiveUp`].

mod dns;
pub mod dtls;
pub mod fact;
mod http1;
mod infrastructure;
pub mod media;
mod negotiated;
pub mod quic;
pub mod resolvers;
mod rtc;
mod rtp;
mod sdp;
mod sip;
mod socks;
mod starttls;
pub mod stun;
pub mod tls;
mod vpn;
mod xmpp;
mod zoom;

pub use fact::{Fact, Facts};

use crate::wire::{Fault, Side, Timestamp, TransportKind};
use media::Meter;

/// What a dissector is given.
#[derive(Debug, Clone, Copy)]
pub enum Part<'a> {
    /// The next bytes of a TCP stream, in order.
    Bytes(&'a [u8]),
    /// One UDP payload.
    Datagram(&'a [u8]),
    /// So many bytes of the stream are missing and will not come.
    Gap(u64),
    /// The side has closed.
    End,
}

/// What a dissector says after each part.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// Go on.
    More,
    /// UDP only: from now on, only datagrams whose first byte is below 64 are of interest (STUN and DTLS by the
    /// demultiplexing of RFC 7983; never media).
    Control,
    /// All has been read that this flow will tell.
    Done,
    /// Both sides now speak another protocol (STARTTLS, CONNECT). The last `rest` bytes of this part belong to it.
    Upgrade { rest: usize },
    /// These bytes are not the protocol they seemed to be, or cannot be read further.
    GiveUp(Fault),
}

/// Reads one flow. Made when its probe said yes.
pub trait Dissector: std::fmt::Debug + Send {
    fn accept(&mut self, side: Side, part: Part<'_>, out: &mut Facts) -> Step;

    /// Counts a datagram if it is media, also one that [`Step::Control`] keeps from [`Self::accept`]. Of its `len` bytes on
    /// the wire `bytes` were captured.
    fn count(&mut self, _side: Side, _bytes: &[u8], _len: u32, _time: Timestamp) {}

    /// The time of the bytes of a stream that come next, for whoever counts media in them.
    fn clock(&mut self, _time: Timestamp) {}

    /// What it counted, once that is certainly media.
    fn meter(&self) -> Option<&Meter> {
        None
    }

    fn meter_mut(&mut self) -> Option<&mut Meter> {
        None
    }

    /// The same for good, when nobody listens any more.
    fn into_meter(self: Box<Self>) -> Option<Box<Meter>> {
        None
    }

    /// Bytes held back at the moment, for the books of the flow table.
    fn held(&self) -> usize {
        0
    }
}

/// What a probe makes of the first bytes of a flow.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Probe {
    Yes,
    /// Could be, with more bytes (streams) or by its port alone (datagrams).
    Maybe,
    No,
}

/// What a probe may look at.
#[derive(Debug, Clone, Copy)]
pub struct Opening<'a> {
    /// The first bytes of `side`, at most a few hundred.
    pub bytes: &'a [u8],
    pub side: Side,
    /// Ports of the sender and of the receiver. They order the attempts and break ties; they never decide alone
    /// against the bytes.
    pub from_port: u16,
    pub to_port: u16,
}

impl Opening<'_> {
    #[must_use]
    pub const fn has_port(&self, port: u16) -> bool {
        self.from_port == port || self.to_port == port
    }
}

/// One entry of the [`REGISTRY`].
#[derive(Debug)]
pub struct Protocol {
    pub name: &'static str,
    pub transport: TransportKind,
    /// The specification, for people.
    pub specification: &'static str,
    pub probe: fn(&Opening<'_>) -> Probe,
    /// Made from the opening that the probe liked.
    pub make: fn(&Opening<'_>) -> Box<dyn Dissector>,
}

/// Every dissector, in the order in which they are asked. The first `Yes` gets the flow: what is frequent and cheap to
/// tell comes first, then strict before lax, and what only looks like media last.
pub static REGISTRY: &[Protocol] = &[
    // Datagrams.
    dns::UDP,
    zoom::UDP,
    quic::PROTOCOL,
    rtc::STUN,
    rtc::DTLS,
    sip::UDP,
    infrastructure::UDP,
    vpn::WIREGUARD,
    vpn::OPENVPN,
    vpn::IPSEC,
    rtc::RTP,
    // Streams.
    tls::PROTOCOL,
    dns::TCP,
    stun::TCP,
    http1::TCP,
    starttls::TCP,
    xmpp::TCP,
    negotiated::TCP,
    sip::TCP,
    socks::TCP,
    infrastructure::TCP,
];

#[cfg(test)]
mod tests;
