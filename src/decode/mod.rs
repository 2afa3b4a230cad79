//! Floor 1: a [`Frame`] in, what its headers say out. The innermost TCP or UDP conversation is the [`Packet`]; tunnels
//! around it are taken off and named in [`Tunnel`]. Fragments of a datagram belong to the conversation of its first one.
//!
//! Nothing here fails: bytes that cannot be read are a [`Fault`], a frame without a conversation is [`Other`]. Memory is
//! bounded, and [`FragmentCounts`] says when a bound was reached; time is that of the frames. Headers quoted in ICMP
//! errors are not followed: they are no conversations.

mod fragments;
mod header;
mod ip;
mod link;
mod radio;
mod region;
mod transport;
mod tunnel;
mod walk;

pub use fragments::FragmentCounts;
pub use header::{Header, HeaderKind};

use crate::wire::{Fault, Frame, LinkType, Packet, Tunnel};
use fragments::Fragments;
use std::net::IpAddr;
use walk::{Stop, Walk};

/// Datagrams that one frame may complete: one in its own right, and one inside that.
const ASSEMBLIES: usize = 2;

/// Reads frames. One for a capture: it remembers fragments.
#[derive(Debug, Default)]
pub struct Decoder {
    fragments: Fragments,
    assembled: [Vec<u8>; ASSEMBLIES],
}

/// What a frame turned out to be.
#[derive(Debug, Clone, Copy)]
pub enum Decoded<'a> {
    Packet(Packet<'a>),
    Other(Other),
    Fault(Fault),
}

/// A frame that was read, but belongs to no TCP or UDP conversation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Other {
    pub kind: OtherKind,
    /// Innermost source and destination, canonical, where there are any.
    pub addresses: Option<(IpAddr, IpAddr)>,
    /// What these addresses were wrapped in.
    pub tunnel: Tunnel,
}

/// Why it belongs to none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum OtherKind {
    /// Not IP: an `EtherType`, or whatever number the link gives its payload; 0 where it gives none.
    NotIp(u16),
    /// ICMP or `ICMPv6`.
    Icmp,
    /// An IP protocol without ports that are read here, by its number.
    Protocol(u8),
    /// An IP protocol whose payload is encrypted (ESP), by its number. What it carries cannot be seen.
    Encrypted(u8),
    /// Encrypted on the link itself (Wi-Fi, `MACsec`).
    EncryptedLink,
    /// A later fragment whose first one has not come yet. If that comes, it brings this frame to the books
    /// ([`Fragment::First`](crate::wire::Fragment)); if not, nobody knows whose it was.
    OrphanFragment,
}

impl Decoder {
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Reads one frame. A packet borrows from the frame, or, if the frame completes a datagram, from the decoder.
    #[inline]
    pub fn decode<'a>(&'a mut self, frame: &Frame<'a>) -> Decoded<'a> {
        self.walk(frame, None)
    }

    /// The same, and where the headers stand in the frame that were read on the way, outermost first. What a fragment
    /// completes lies in no frame: its headers are not told.
    pub fn trace<'a>(&'a mut self, frame: &Frame<'a>, headers: &mut Vec<Header>) -> Decoded<'a> {
        headers.clear();
        self.walk(frame, Some(headers))
    }

    #[inline]
    fn walk<'a>(&'a mut self, frame: &Frame<'a>, headers: Option<&mut Vec<Header>>) -> Decoded<'a> {
        match Walk::new(frame, &mut self.fragments, &mut self.assembled, headers).frame(frame) {
            Ok(packet) => Decoded::Packet(packet),
            Err(Stop::Other(other)) => Decoded::Other(other),
            Err(Stop::Fault(fault)) => Decoded::Fault(fault),
        }
    }

    /// What became of fragments so far.
    pub fn fragments(&self) -> FragmentCounts {
        self.fragments.counts()
    }
}

/// Whether frames of this link type can be read. All others are faults, frame by frame.
#[must_use]
pub fn can_read(link: LinkType) -> bool {
    link::READABLE.contains(&link)
}

#[cfg(test)]
mod build;
#[cfg(test)]
mod tests;
