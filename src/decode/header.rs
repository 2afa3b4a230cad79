//! Where the headers of a frame stand, for whoever changes or hides something in it.

use super::region::Region;
use super::walk::Walk;

/// A header that was read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Header {
    pub kind: HeaderKind,
    /// Offset of its first byte in the frame.
    pub at: usize,
}

/// What kind of header it is. Its length is where the next one begins, or what the header itself says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HeaderKind {
    Ethernet,
    /// A VLAN tag, an MPLS label, LLC with or without SNAP, PPP, HDLC, a loopback family: numbers that name no station.
    Tag,
    Pppoe,
    /// Linux's cooked captures.
    Cooked,
    Cooked2,
    Fddi,
    Radiotap,
    Wifi,
    Pktap,
    Nflog,
    Ipv4,
    Ipv6,
    /// An extension header of IPv6 whose second byte is its length in words of eight bytes, without the first.
    Extension,
    FragmentHeader,
    /// An authentication header of IPsec.
    Authentication,
    Udp,
    Tcp,
    Gre,
    Vxlan,
    Geneve,
    Gtp,
    L2tp,
    Teredo,
}

impl Walk<'_, '_> {
    /// Notes a header that stands at the front of `region`.
    #[inline]
    pub(super) fn note(&mut self, kind: HeaderKind, region: Region<'_>) {
        if let Some(headers) = &mut self.trace {
            headers.push(Header { kind, at: region.offset() });
        }
    }
}
