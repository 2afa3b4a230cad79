//! The way through one frame's headers, from the link inwards. Each layer is a method that calls the next.

use super::fragments::Fragments;
use super::region::Region;
use super::{Header, Other, OtherKind};
use crate::wire::{Fault, FaultKind, Frame, Layer, Packet, Timestamp, Tunnel};
use std::net::IpAddr;

/// Headers of one frame that may follow each other: tags, labels, extensions, tunnels. Real traffic has fewer than ten;
/// each costs the analysis time and stack, so a frame cannot buy more with nesting.
const MAX_HEADERS: u8 = 32;

/// Why a way ended without a packet.
#[derive(Debug, Clone, Copy)]
pub(super) enum Stop {
    Other(Other),
    Fault(Fault),
}

impl From<Fault> for Stop {
    fn from(fault: Fault) -> Self {
        Self::Fault(fault)
    }
}

pub(super) type Outcome<'a> = Result<Packet<'a>, Stop>;

/// What the IP header says about what it carries.
#[derive(Debug, Clone, Copy)]
pub(super) struct Network {
    /// Canonical.
    pub(super) source: IpAddr,
    pub(super) destination: IpAddr,
    /// An IPv6 header: extension headers may follow. Mapped addresses do not show it.
    pub(super) six: bool,
    pub(super) fault: Option<Fault>,
}

pub(super) struct Walk<'a, 't> {
    pub(super) time: Timestamp,
    /// Length of the frame on the wire.
    pub(super) frame_len: u32,
    pub(super) fragments: &'a mut Fragments,
    /// Room for datagrams that this frame completes.
    pub(super) assembled: &'a mut [Vec<u8>],
    pub(super) tunnel: Tunnel,
    pub(super) macs: Option<([u8; 6], [u8; 6])>,
    pub(super) addresses: Option<(IpAddr, IpAddr)>,
    /// The bytes at hand are the first fragment of a datagram: what they lack comes in other frames.
    pub(super) partial: bool,
    headers: u8,
    /// Where the headers stood, if somebody asks.
    pub(super) trace: Option<&'t mut Vec<Header>>,
}

impl<'a, 't> Walk<'a, 't> {
    #[inline]
    pub(super) fn new(
        frame: &Frame<'a>,
        fragments: &'a mut Fragments,
        assembled: &'a mut [Vec<u8>],
        trace: Option<&'t mut Vec<Header>>,
    ) -> Self {
        Self {
            time: frame.time,
            frame_len: frame.original_len,
            fragments,
            assembled,
            tunnel: Tunnel::default(),
            macs: None,
            addresses: None,
            partial: false,
            headers: 0,
            trace,
        }
    }

    #[inline]
    pub(super) fn frame(&mut self, frame: &Frame<'a>) -> Outcome<'a> {
        self.link(frame.link, Region::of_frame(frame))
    }

    /// Counts one more header against the bound.
    pub(super) fn enter(&mut self, region: Region<'_>, layer: Layer, what: &'static str) -> Result<(), Fault> {
        self.headers += 1;
        if self.headers > MAX_HEADERS {
            return Err(region.fault(layer, FaultKind::TooDeep, what));
        }
        Ok(())
    }

    /// Takes off a tunnel.
    pub(super) fn unwrap_tunnel(
        &mut self,
        tunnel: Tunnel,
        region: Region<'_>,
        what: &'static str,
    ) -> Result<(), Fault> {
        self.tunnel = self.tunnel.with(tunnel);
        self.enter(region, Layer::Tunnel, what)
    }

    /// Ends the way without a conversation.
    pub(super) fn other(&self, kind: OtherKind) -> Outcome<'a> {
        Err(Stop::Other(Other { kind, addresses: self.addresses, tunnel: self.tunnel }))
    }

    /// Reads what may be a tunnel inside `outer`. If no conversation comes out of it, `outer` is the innermost one.
    pub(super) fn inside(&mut self, outer: Packet<'a>, read: impl FnOnce(&mut Self) -> Outcome<'a>) -> Outcome<'a> {
        let known = self.trace.as_ref().map_or(0, |headers| headers.len());
        let outcome = read(self);
        if !matches!(outcome, Ok(_) | Err(Stop::Other(Other { kind: OtherKind::OrphanFragment, .. })))
            && let Some(headers) = &mut self.trace
        {
            headers.truncate(known);
        }
        match outcome {
            Ok(packet) => Ok(packet),
            // Its first fragment will bring it to the books of the inner conversation: it may not be counted twice.
            Err(Stop::Other(other)) if other.kind == OtherKind::OrphanFragment => Err(Stop::Other(other)),
            Err(Stop::Other(_)) => Ok(outer),
            Err(Stop::Fault(fault)) => Ok(Packet { fault: Some(outer.fault.unwrap_or(fault)), ..outer }),
        }
    }
}
