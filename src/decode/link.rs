//! Link layers. Numbers: <https://www.tcpdump.org/linktypes.html> and the IEEE and PPP registries of IANA.

use super::region::Region;
use super::walk::{Outcome, Walk};
use super::{HeaderKind, OtherKind};
use crate::wire::{FaultKind, Layer, LinkType, Tunnel};
use etherparse::{EtherType, Ethernet2HeaderSlice, SingleVlanHeaderSlice};

/// Every link type that [`Walk::link`] has an arm for.
pub(super) const READABLE: &[LinkType] = &[
    LinkType::NULL,
    LinkType::ETHERNET,
    LinkType::PPP,
    LinkType::FDDI,
    LinkType::RAW_DLT,
    LinkType::RAW_DLT_OPENBSD,
    LinkType::PPP_HDLC,
    LinkType::PPP_ETHER,
    LinkType::RAW,
    LinkType::C_HDLC,
    LinkType::IEEE802_11,
    LinkType::LOOP,
    LinkType::LINUX_SLL,
    LinkType::IEEE802_11_RADIOTAP,
    LinkType::PKTAP_DLT,
    LinkType::PPP_WITH_DIRECTION,
    LinkType::IPV4,
    LinkType::IPV6,
    LinkType::NFLOG,
    LinkType::PKTAP,
    LinkType::LINUX_SLL2,
];

/// EtherTypes that etherparse has no name for.
const MPLS: EtherType = EtherType(0x8847);
const MPLS_MULTICAST: EtherType = EtherType(0x8848);
const PPPOE_SESSION: EtherType = EtherType(0x8864);
pub(super) const BRIDGED_ETHERNET: EtherType = EtherType(0x6558);
pub(super) const PPP: EtherType = EtherType(0x880b);
/// Smaller numbers in the place of an EtherType are lengths (IEEE 802.3).
const FIRST_ETHER_TYPE: u16 = 0x0600;

/// PPP protocol numbers (RFC 1661 and IANA).
const PPP_IPV4: u16 = 0x0021;
const PPP_IPV6: u16 = 0x0057;
const PPP_MPLS: u16 = 0x0281;

/// Linux hardware types (`if_arp.h`) whose cooked protocol field means something else.
const ARPHRD_FRAME_RELAY: u16 = 770;
const ARPHRD_CAN: u16 = 280;
const ARPHRD_RADIOTAP: u16 = 803;
const ARPHRD_NETLINK: u16 = 824;
/// `ETH_P_802_2`: an LLC header follows.
const COOKED_LLC: u16 = 4;

impl<'a> Walk<'a, '_> {
    #[inline]
    pub(super) fn link(&mut self, link: LinkType, region: Region<'a>) -> Outcome<'a> {
        if link == LinkType::ETHERNET { self.ethernet(region) } else { self.rarer_link(link, region) }
    }

    fn rarer_link(&mut self, link: LinkType, region: Region<'a>) -> Outcome<'a> {
        match link {
            LinkType::IPV4 => self.ipv4(region),
            LinkType::IPV6 => self.ipv6(region),
            LinkType::LINUX_SLL => self.cooked(region),
            LinkType::LINUX_SLL2 => self.cooked2(region),
            LinkType::NULL | LinkType::LOOP => self.loopback(region),
            // The first byte of an address family in network order is 0, that of an IP header never is.
            LinkType::RAW_DLT if region.bytes.first() == Some(&0) => self.loopback(region),
            LinkType::RAW | LinkType::RAW_DLT | LinkType::RAW_DLT_OPENBSD => self.by_version(region, 0),
            LinkType::PPP | LinkType::PPP_HDLC => self.ppp(region),
            LinkType::PPP_WITH_DIRECTION => {
                self.note(HeaderKind::Tag, region);
                self.ppp(region.after(1))
            }
            LinkType::PPP_ETHER => self.pppoe(region),
            LinkType::C_HDLC => self.cisco_hdlc(region),
            LinkType::PKTAP | LinkType::PKTAP_DLT => self.pktap(region),
            LinkType::FDDI => {
                // Frame control and two addresses, whose bits are in another order than Ethernet's.
                self.note(HeaderKind::Fddi, region);
                let (_, rest) = region.head::<13>(Layer::Link, "fddi header")?;
                self.llc(rest)
            }
            LinkType::IEEE802_11_RADIOTAP => self.radiotap(region),
            LinkType::IEEE802_11 => self.ieee802_11(region, false),
            LinkType::NFLOG => self.nflog(region),
            _ => Err(region.fault(Layer::Link, FaultKind::Unsupported, "link type").into()),
        }
    }

    #[inline]
    pub(super) fn ethernet(&mut self, region: Region<'a>) -> Outcome<'a> {
        let Ok(header) = Ethernet2HeaderSlice::from_slice(region.bytes) else {
            return Err(region.lacks(14, Layer::Link, "ethernet header").into());
        };
        self.note(HeaderKind::Ethernet, region);
        self.macs = Some((header.source(), header.destination()));
        self.ether_type(header.ether_type(), region.after(14))
    }

    #[inline]
    pub(super) fn ether_type(&mut self, kind: EtherType, region: Region<'a>) -> Outcome<'a> {
        match kind {
            EtherType::IPV4 => self.ipv4(region),
            EtherType::IPV6 => self.ipv6(region),
            _ => self.rarer_ether_type(kind, region),
        }
    }

    fn rarer_ether_type(&mut self, kind: EtherType, region: Region<'a>) -> Outcome<'a> {
        match kind {
            EtherType::VLAN_TAGGED_FRAME | EtherType::PROVIDER_BRIDGING | EtherType::VLAN_DOUBLE_TAGGED_FRAME => {
                self.enter(region, Layer::Link, "vlan tag")?;
                self.note(HeaderKind::Tag, region);
                let Ok(tag) = SingleVlanHeaderSlice::from_slice(region.bytes) else {
                    return Err(region.lacks(4, Layer::Link, "vlan tag").into());
                };
                self.ether_type(tag.ether_type(), region.after(4))
            }
            MPLS | MPLS_MULTICAST => self.mpls(region),
            PPPOE_SESSION => self.pppoe(region),
            BRIDGED_ETHERNET => {
                self.enter(region, Layer::Link, "bridged ethernet")?;
                self.ethernet(region)
            }
            PPP => self.ppp(region),
            EtherType::MACSEC => self.other(OtherKind::EncryptedLink),
            EtherType(len) if len < FIRST_ETHER_TYPE => self.llc(region.limit(len.into())),
            EtherType(number) => self.other(OtherKind::NotIp(number)),
        }
    }

    /// IEEE 802.2 with or without SNAP (RFC 1042).
    pub(super) fn llc(&mut self, region: Region<'a>) -> Outcome<'a> {
        self.note(HeaderKind::Tag, region);
        match region.bytes {
            // The organisation is zero, or bridged Ethernet's: an EtherType follows.
            [0xaa, 0xaa, 0x03, 0x00, 0x00, 0x00 | 0xf8, high, low, ..] => {
                self.enter(region, Layer::Link, "snap header")?;
                self.ether_type(EtherType(u16::from_be_bytes([*high, *low])), region.after(8))
            }
            [0x06, 0x06, 0x03, ..] => self.ipv4(region.after(3)),
            [_, _, _, ..] => self.other(OtherKind::NotIp(0)),
            _ => Err(region.lacks(3, Layer::Link, "llc header").into()),
        }
    }

    /// IP without anything that says which version. `kind` is what the layer above calls it if it is none.
    pub(super) fn by_version(&mut self, region: Region<'a>, kind: u16) -> Outcome<'a> {
        match region.bytes.first().map(|first| first >> 4) {
            Some(4) => self.ipv4(region),
            Some(6) => self.ipv6(region),
            Some(_) => self.other(OtherKind::NotIp(kind)),
            None => Err(region.lacks(1, Layer::Network, "ip version").into()),
        }
    }

    /// An address family of whichever system wrote the file, in its byte order or in network order.
    fn loopback(&mut self, region: Region<'a>) -> Outcome<'a> {
        self.note(HeaderKind::Tag, region);
        let (head, rest) = region.head::<4>(Layer::Link, "loopback header")?;
        let family = match u32::from_le_bytes(*head) {
            little @ 0..=0xffff => little,
            big => big.swap_bytes(),
        };
        match family {
            2 => self.ipv4(rest),
            // Linux; Windows; NetBSD and OpenBSD; FreeBSD; macOS.
            10 | 23 | 24 | 28 | 30 => self.ipv6(rest),
            // No system has as many families: some other four bytes stand before the packet.
            256.. => self.by_version(rest, 0),
            other => self.other(OtherKind::NotIp(other as u16)),
        }
    }

    fn cooked(&mut self, region: Region<'a>) -> Outcome<'a> {
        self.note(HeaderKind::Cooked, region);
        let ([_, _, h0, h1, .., p0, p1], rest) = region.head::<16>(Layer::Link, "cooked header")?;
        self.cooked_payload(u16::from_be_bytes([*h0, *h1]), u16::from_be_bytes([*p0, *p1]), rest)
    }

    fn cooked2(&mut self, region: Region<'a>) -> Outcome<'a> {
        self.note(HeaderKind::Cooked2, region);
        let ([p0, p1, _, _, _, _, _, _, h0, h1, ..], rest) = region.head::<20>(Layer::Link, "cooked header")?;
        self.cooked_payload(u16::from_be_bytes([*h0, *h1]), u16::from_be_bytes([*p0, *p1]), rest)
    }

    /// The protocol field holds an EtherType for every hardware that carries IP, tunnels and loopback included; drivers
    /// that leave it empty hand over bare IP.
    fn cooked_payload(&mut self, hardware: u16, protocol: u16, region: Region<'a>) -> Outcome<'a> {
        match (hardware, protocol) {
            (ARPHRD_NETLINK | ARPHRD_CAN | ARPHRD_FRAME_RELAY, _) => self.other(OtherKind::NotIp(protocol)),
            (ARPHRD_RADIOTAP, _) => self.radiotap(region),
            (_, FIRST_ETHER_TYPE..) => self.ether_type(EtherType(protocol), region),
            (_, COOKED_LLC) => self.llc(region),
            _ => self.by_version(region, protocol),
        }
    }

    /// PPP as RFC 1661 and RFC 1662 have it: address and control may be there, the protocol may have one byte.
    pub(super) fn ppp(&mut self, region: Region<'a>) -> Outcome<'a> {
        self.enter(region, Layer::Link, "ppp header")?;
        self.note(HeaderKind::Tag, region);
        let region = match region.bytes {
            [0xff, 0x03, ..] => region.after(2),
            [0x0f | 0x8f, 0x00, ..] => return self.cisco_hdlc(region),
            _ => region,
        };
        let (protocol, rest) = match region.bytes {
            [odd, ..] if odd & 1 == 1 => (u16::from(*odd), region.after(1)),
            [high, low, ..] => (u16::from_be_bytes([*high, *low]), region.after(2)),
            _ => return Err(region.lacks(2, Layer::Link, "ppp protocol").into()),
        };
        match protocol {
            PPP_IPV4 => self.ipv4(rest),
            PPP_IPV6 => self.ipv6(rest),
            PPP_MPLS => self.mpls(rest),
            other => self.other(OtherKind::NotIp(other)),
        }
    }

    fn cisco_hdlc(&mut self, region: Region<'a>) -> Outcome<'a> {
        self.note(HeaderKind::Tag, region);
        let ([_, _, high, low], rest) = region.head::<4>(Layer::Link, "hdlc header")?;
        self.ether_type(EtherType(u16::from_be_bytes([*high, *low])), rest)
    }

    /// A PPPoE session (RFC 2516).
    fn pppoe(&mut self, region: Region<'a>) -> Outcome<'a> {
        let ([version, code, _, _, high, low], rest) = region.head::<6>(Layer::Link, "pppoe header")?;
        if *version != 0x11 || *code != 0 {
            return self.other(OtherKind::NotIp(PPPOE_SESSION.0));
        }
        self.note(HeaderKind::Pppoe, region);
        self.tunnel = self.tunnel.with(Tunnel::PPPOE);
        self.ppp(rest.limit(u16::from_be_bytes([*high, *low]).into()))
    }

    /// Labels up to the bottom of the stack (RFC 3032); then IP, or Ethernet behind a control word (RFC 4385).
    fn mpls(&mut self, mut region: Region<'a>) -> Outcome<'a> {
        self.tunnel = self.tunnel.with(Tunnel::MPLS);
        loop {
            self.enter(region, Layer::Link, "mpls label")?;
            self.note(HeaderKind::Tag, region);
            let ([_, _, bottom, _], rest) = region.head::<4>(Layer::Link, "mpls label")?;
            region = rest;
            if bottom & 1 == 1 {
                break;
            }
        }
        match region.bytes {
            [0x00, 0x00, ..] => self.ethernet(region.after(4)),
            _ => self.by_version(region, MPLS.0),
        }
    }

    /// Apple's header in front of another link layer; all of it in the byte order of a Mac, which is little-endian.
    fn pktap(&mut self, region: Region<'a>) -> Outcome<'a> {
        let ([l0, l1, l2, l3, _, _, _, _, d0, d1, d2, d3], _) = region.head::<12>(Layer::Link, "pktap header")?;
        let len = u32::from_le_bytes([*l0, *l1, *l2, *l3]);
        let link = LinkType(u32::from_le_bytes([*d0, *d1, *d2, *d3]));
        if len < 12 || len > region.wire {
            return Err(region.malformed(Layer::Link, "pktap header").into());
        }
        self.enter(region, Layer::Link, "pktap header")?;
        self.note(HeaderKind::Pktap, region);
        self.link(link, region.after(len))
    }

    /// Netfilter's log: attributes, one of which is a bare IP packet.
    fn nflog(&mut self, region: Region<'a>) -> Outcome<'a> {
        const PAYLOAD: u16 = 9;
        self.note(HeaderKind::Nflog, region);
        let (_, mut rest) = region.head::<4>(Layer::Link, "nflog header")?;
        loop {
            self.enter(rest, Layer::Link, "nflog attribute")?;
            let ([l0, l1, t0, t1], value) = rest.head::<4>(Layer::Link, "nflog attribute")?;
            // Lengths are in the byte order of the capturing machine; the type of every attribute fits in one byte.
            let (len, kind) = if *t1 == 0 {
                (u16::from_le_bytes([*l0, *l1]), u16::from_le_bytes([*t0, *t1]))
            } else {
                (u16::from_be_bytes([*l0, *l1]), u16::from_be_bytes([*t0, *t1]))
            };
            let Some(value_len) = len.checked_sub(4) else {
                return Err(rest.malformed(Layer::Link, "nflog attribute").into());
            };
            if kind == PAYLOAD {
                return self.by_version(value.limit(value_len.into()), 0);
            }
            rest = rest.after(u32::from(len).next_multiple_of(4));
        }
    }
}
