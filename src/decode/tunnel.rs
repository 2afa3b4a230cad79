//! Packets in packets: GRE, and the tunnels that ride on UDP. A UDP tunnel is one only if its header says so in every
//! field that can, because anybody may use its port; otherwise the UDP conversation is the innermost one.

use super::link::{BRIDGED_ETHERNET, PPP};
use super::region::Region;
use super::walk::{Outcome, Walk};
use super::{HeaderKind, OtherKind};
use crate::wire::{FaultKind, Layer, Packet, Tunnel};
use etherparse::EtherType;

const VXLAN_PORT: u16 = 4789;
const GTP_PORT: u16 = 2152;
const TEREDO_PORT: u16 = 3544;
const GENEVE_PORT: u16 = 6081;
const L2TP_PORT: u16 = 1701;

const ERSPAN: EtherType = EtherType(0x88be);
const ERSPAN_HEADER: u32 = 8;

impl<'a> Walk<'a, '_> {
    /// Looks for a tunnel in a UDP payload.
    #[inline]
    pub(super) fn udp_tunnel(&mut self, outer: Packet<'a>, body: Region<'a>) -> Outcome<'a> {
        match (outer.source.port, outer.destination.port) {
            (_, VXLAN_PORT) => self.inside(outer, |walk| walk.vxlan(body)),
            (GTP_PORT, _) | (_, GTP_PORT) => self.inside(outer, |walk| walk.gtp(body)),
            (TEREDO_PORT, _) | (_, TEREDO_PORT) => self.inside(outer, |walk| walk.teredo(body)),
            (_, GENEVE_PORT) => self.inside(outer, |walk| walk.geneve(body)),
            (L2TP_PORT, _) | (_, L2TP_PORT) => self.inside(outer, |walk| walk.l2tp(body)),
            _ => Ok(outer),
        }
    }

    /// RFC 7348 §5: one flag, an identifier, and zeros.
    fn vxlan(&mut self, region: Region<'a>) -> Outcome<'a> {
        let Some(([0x08, 0, 0, 0, _, _, _, 0], _)) = region.bytes.split_first_chunk() else {
            return self.other(OtherKind::NotIp(0));
        };
        self.note(HeaderKind::Vxlan, region);
        self.unwrap_tunnel(Tunnel::VXLAN, region, "vxlan header")?;
        self.ethernet(region.after(8))
    }

    /// RFC 8926 §3.4: version 0, zeros where they are reserved, options, and the type of what follows them.
    fn geneve(&mut self, region: Region<'a>) -> Outcome<'a> {
        let Some(([version, flags, high, low, _, _, _, 0], _)) = region.bytes.split_first_chunk() else {
            return self.other(OtherKind::NotIp(0));
        };
        let rest = region.after(8 + 4 * u32::from(version & 0x3f));
        let kind = EtherType(u16::from_be_bytes([*high, *low]));
        if version >> 6 != 0 || flags & 0x3f != 0 || rest.wire == 0 {
            return self.other(OtherKind::NotIp(0));
        }
        self.note(HeaderKind::Geneve, region);
        self.unwrap_tunnel(Tunnel::GENEVE, region, "geneve header")?;
        if kind == BRIDGED_ETHERNET { self.ethernet(rest) } else { self.ether_type(kind, rest) }
    }

    /// RFC 2661 §3.1: a data message of version 2. What version 3 carries cannot be told without its control messages.
    fn l2tp(&mut self, region: Region<'a>) -> Outcome<'a> {
        const CONTROL: u8 = 0x80;
        const LENGTH: u8 = 0x40;
        const SEQUENCE: u8 = 0x08;
        const OFFSET: u8 = 0x02;
        const RESERVED: u8 = 0x34;

        let Some(([flags, 2], _)) = region.bytes.split_first_chunk() else {
            return self.other(OtherKind::NotIp(0));
        };
        if flags & (CONTROL | RESERVED) != 0 {
            return self.other(OtherKind::NotIp(0));
        }
        let mut len = 6;
        if flags & LENGTH != 0 {
            let Some(([_, _, high, low], _)) = region.bytes.split_first_chunk() else {
                return self.other(OtherKind::NotIp(0));
            };
            if u32::from(u16::from_be_bytes([*high, *low])) != region.wire && !self.partial {
                return self.other(OtherKind::NotIp(0));
            }
            len += 2;
        }
        len += if flags & SEQUENCE != 0 { 4 } else { 0 };
        if flags & OFFSET != 0 {
            let (&[high, low], _) = region.after(len).head::<2>(Layer::Tunnel, "l2tp header")?;
            len += 2 + u32::from(u16::from_be_bytes([high, low]));
        }
        let rest = region.after(len);
        if rest.wire == 0 {
            return self.other(OtherKind::NotIp(0));
        }
        self.note(HeaderKind::L2tp, region);
        self.unwrap_tunnel(Tunnel::L2TP, region, "l2tp header")?;
        self.ppp(rest)
    }

    /// 3GPP TS 29.281 §5: a user packet (message 255) of version 1, with a chain of extension headers.
    fn gtp(&mut self, region: Region<'a>) -> Outcome<'a> {
        let Some(([flags, 0xff, l0, l1, _, _, _, _], _)) = region.bytes.split_first_chunk() else {
            return self.other(OtherKind::NotIp(0));
        };
        let len = u32::from(u16::from_be_bytes([*l0, *l1]));
        if flags & 0xf0 != 0x30 || (len != region.wire.saturating_sub(8) && !self.partial) {
            return self.other(OtherKind::NotIp(0));
        }
        self.note(HeaderKind::Gtp, region);
        self.unwrap_tunnel(Tunnel::GTP_U, region, "gtp header")?;
        let mut rest = region.after(8);
        if flags & 7 != 0 {
            let ([_, _, _, next], after) = rest.head::<4>(Layer::Tunnel, "gtp header")?;
            rest = after;
            let mut next = if flags & 4 != 0 { *next } else { 0 };
            while next != 0 {
                self.enter(rest, Layer::Tunnel, "gtp extension header")?;
                let ([words, ..], _) = rest.head::<4>(Layer::Tunnel, "gtp extension header")?;
                let len = usize::from(*words) * 4;
                let Some(&last) = len.checked_sub(1).and_then(|at| rest.bytes.get(at)) else {
                    return Err(rest.lacks(len.max(4), Layer::Tunnel, "gtp extension header").into());
                };
                (next, rest) = (last, rest.after(len as u32));
            }
        }
        self.by_version(rest, 0)
    }

    /// RFC 4380 §5.1.1: an IPv6 packet of exactly this length, perhaps behind indications.
    fn teredo(&mut self, region: Region<'a>) -> Outcome<'a> {
        let mut rest = region;
        if let [0, 1, client_len, secret_len, ..] = rest.bytes {
            rest = rest.after(13 + u32::from(*client_len) + u32::from(*secret_len));
        }
        if let [0, 0, ..] = rest.bytes {
            rest = rest.after(8);
        }
        let Some(([0x60..=0x6f, _, _, _, l0, l1], _)) = rest.bytes.split_first_chunk() else {
            return self.other(OtherKind::NotIp(0));
        };
        let len = u32::from(u16::from_be_bytes([*l0, *l1])) + 40;
        // Trailers may follow (RFC 6081), missing bytes may not.
        if len > rest.wire && !self.partial {
            return self.other(OtherKind::NotIp(0));
        }
        self.note(HeaderKind::Teredo, region);
        self.unwrap_tunnel(Tunnel::TEREDO, region, "teredo packet")?;
        self.ipv6(rest)
    }

    /// RFC 2784 and RFC 2890; version 1 is PPTP's (RFC 2637).
    pub(super) fn gre(&mut self, region: Region<'a>) -> Outcome<'a> {
        const CHECKSUM: u8 = 0x80;
        const ROUTING: u8 = 0x40;
        const KEY: u8 = 0x20;
        const SEQUENCE: u8 = 0x10;
        const ACKNOWLEDGMENT: u8 = 0x80;

        self.note(HeaderKind::Gre, region);
        self.unwrap_tunnel(Tunnel::GRE, region, "gre header")?;
        let ([flags, version, high, low], _) = region.head::<4>(Layer::Tunnel, "gre header")?;
        if flags & ROUTING != 0 || version & 7 > 1 {
            return Err(region.fault(Layer::Tunnel, FaultKind::Unsupported, "gre header").into());
        }
        let enhanced = version & 7 == 1;
        let fields =
            [flags & CHECKSUM != 0, flags & KEY != 0, flags & SEQUENCE != 0, enhanced && version & ACKNOWLEDGMENT != 0];
        let len = 4 + 4 * fields.into_iter().map(u32::from).sum::<u32>();
        if (region.wire) < len {
            return Err(region.lacks(len as usize, Layer::Tunnel, "gre header").into());
        }
        let rest = region.after(len);
        match EtherType(u16::from_be_bytes([*high, *low])) {
            // An acknowledgment alone carries nothing.
            _ if rest.wire == 0 => self.other(OtherKind::NotIp(0)),
            PPP => self.ppp(rest),
            ERSPAN if flags & SEQUENCE != 0 => self.ethernet(rest.after(ERSPAN_HEADER)),
            BRIDGED_ETHERNET | ERSPAN => self.ethernet(rest),
            kind => self.ether_type(kind, rest),
        }
    }
}
