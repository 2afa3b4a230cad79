//! IPv4 (RFC 791) and IPv6 (RFC 8200): addresses, true length, extension headers, fragments.

use super::fragments::{Key, Piece};
use super::region::Region;
use super::walk::{Network, Outcome, Walk};
use super::{HeaderKind, OtherKind};
use crate::wire::{Fault, FaultKind, Layer, Tunnel, canonical};
use etherparse::{
    IpAuthHeaderSlice, IpNumber, Ipv4HeaderSlice, Ipv6FragmentHeaderSlice, Ipv6HeaderSlice, Ipv6RawExtHeaderSlice,
};
use std::net::IpAddr;

impl<'a> Walk<'a, '_> {
    #[inline]
    pub(super) fn ipv4(&mut self, region: Region<'a>) -> Outcome<'a> {
        let Ok(header) = Ipv4HeaderSlice::from_slice(region.bytes) else {
            return Err(no_ipv4(region).into());
        };
        self.note(HeaderKind::Ipv4, region);
        let header_len = u32::from(header.ihl()) * 4;
        let claimed = match header.total_len() {
            // Segmentation offload leaves the length empty: the packet is the rest of the frame.
            0 => region.wire,
            len => len.into(),
        };
        if claimed < header_len {
            return Err(region.malformed(Layer::Network, "ipv4 total length").into());
        }
        let network = Network {
            source: IpAddr::V4(header.source_addr()),
            destination: IpAddr::V4(header.destination_addr()),
            six: false,
            fault: self.beyond(region, claimed, "ipv4 total length"),
        };
        self.addresses = Some((network.source, network.destination));
        let body = region.limit(claimed).after(header_len);
        let protocol = header.protocol();
        if header.is_fragmenting_payload() {
            let key = Key {
                source: network.source,
                destination: network.destination,
                id: header.identification().into(),
                protocol: protocol.0,
            };
            let offset = u32::from(header.fragments_offset().value()) * 8;
            return self.fragment(
                network,
                key,
                Piece { offset, more: header.more_fragments(), next: protocol.0, body },
            );
        }
        self.protocol(network, protocol, body)
    }

    #[inline]
    pub(super) fn ipv6(&mut self, region: Region<'a>) -> Outcome<'a> {
        let Ok(header) = Ipv6HeaderSlice::from_slice(region.bytes) else {
            return Err(no_ipv6(region).into());
        };
        self.note(HeaderKind::Ipv6, region);
        let claimed = match header.payload_length() {
            // A jumbogram (RFC 2675) or segmentation offload: the packet is the rest of the frame.
            0 => region.wire,
            len => u32::from(len) + 40,
        };
        let network = Network {
            source: canonical(IpAddr::V6(header.source_addr())),
            destination: canonical(IpAddr::V6(header.destination_addr())),
            six: true,
            fault: self.beyond(region, claimed, "ipv6 payload length"),
        };
        self.addresses = Some((network.source, network.destination));
        self.protocol(network, header.next_header(), region.limit(claimed).after(40))
    }

    /// What an IP header calls its payload.
    #[inline]
    pub(super) fn protocol(&mut self, network: Network, next: IpNumber, body: Region<'a>) -> Outcome<'a> {
        match next {
            IpNumber::UDP => self.udp(network, body),
            IpNumber::TCP => self.tcp(network, body),
            _ => self.rarer_protocol(network, next, body),
        }
    }

    fn rarer_protocol(&mut self, network: Network, next: IpNumber, body: Region<'a>) -> Outcome<'a> {
        match next {
            IpNumber::ICMP | IpNumber::IPV6_ICMP => self.other(OtherKind::Icmp),
            IpNumber::IPV4 | IpNumber::IPV6 => {
                self.unwrap_tunnel(Tunnel::IP_IN_IP, body, "ip in ip")?;
                if next == IpNumber::IPV4 { self.ipv4(body) } else { self.ipv6(body) }
            }
            IpNumber::GRE => self.gre(body),
            IpNumber::ENCAPSULATING_SECURITY_PAYLOAD => self.other(OtherKind::Encrypted(next.0)),
            IpNumber::AUTHENTICATION_HEADER => {
                self.enter(body, Layer::Network, "authentication header")?;
                let Ok(header) = IpAuthHeaderSlice::from_slice(body.bytes) else {
                    return Err(body.lacks(12, Layer::Network, "authentication header").into());
                };
                self.note(HeaderKind::Authentication, body);
                self.protocol(network, header.next_header(), body.after(header.slice().len() as u32))
            }
            IpNumber::IPV6_FRAGMENTATION_HEADER if network.six => self.ipv6_fragment(network, body),
            IpNumber::IPV6_HEADER_HOP_BY_HOP
            | IpNumber::IPV6_ROUTE_HEADER
            | IpNumber::IPV6_DESTINATION_OPTIONS
            | IpNumber::MOBILITY_HEADER
            | IpNumber::HIP
            | IpNumber::SHIM6
                if network.six =>
            {
                self.enter(body, Layer::Network, "ipv6 extension header")?;
                let Ok(header) = Ipv6RawExtHeaderSlice::from_slice(body.bytes) else {
                    return Err(body.lacks(8, Layer::Network, "ipv6 extension header").into());
                };
                self.note(HeaderKind::Extension, body);
                self.protocol(network, header.next_header(), body.after(header.slice().len() as u32))
            }
            _ => self.other(OtherKind::Protocol(next.0)),
        }
    }

    fn ipv6_fragment(&mut self, network: Network, body: Region<'a>) -> Outcome<'a> {
        self.enter(body, Layer::Network, "ipv6 fragment header")?;
        let Ok(header) = Ipv6FragmentHeaderSlice::from_slice(body.bytes) else {
            return Err(body.lacks(8, Layer::Network, "ipv6 fragment header").into());
        };
        self.note(HeaderKind::FragmentHeader, body);
        let (next, rest) = (header.next_header(), body.after(8));
        // An atomic fragment (RFC 6946) is a whole datagram.
        if !header.is_fragmenting_payload() {
            return self.protocol(network, next, rest);
        }
        let key = Key {
            source: network.source,
            destination: network.destination,
            id: header.identification(),
            // Not part of what tells datagrams apart (RFC 8200 §4.5), and no IPv4 fragment carries it.
            protocol: IpNumber::IPV6_FRAGMENTATION_HEADER.0,
        };
        let offset = u32::from(header.fragment_offset().value()) * 8;
        self.fragment(network, key, Piece { offset, more: header.more_fragments(), next: next.0, body: rest })
    }

    /// The fault of a header that claims more bytes than its frame had.
    #[inline]
    fn beyond(&self, region: Region<'a>, claimed: u32, what: &'static str) -> Option<Fault> {
        if claimed > region.wire && !self.partial {
            return Some(region.fault(Layer::Network, FaultKind::Short, what));
        }
        None
    }
}

#[cold]
fn no_ipv4(region: Region<'_>) -> Fault {
    let what = "ipv4 header";
    match region.bytes.first().map(|first| (first >> 4, first & 15)) {
        Some((4, words @ 5..)) => region.lacks(usize::from(words) * 4, Layer::Network, what),
        None => region.lacks(20, Layer::Network, what),
        Some(_) => region.malformed(Layer::Network, what),
    }
}

#[cold]
fn no_ipv6(region: Region<'_>) -> Fault {
    let what = "ipv6 header";
    match region.bytes.first().map(|first| first >> 4) {
        Some(6) | None => region.lacks(40, Layer::Network, what),
        Some(_) => region.malformed(Layer::Network, what),
    }
}
