//! Frames by hand, for the tests of this room.

use crate::wire::{Frame, FrameNo, LinkType, Timestamp};
use std::net::{Ipv4Addr, Ipv6Addr};

pub(super) const A4: Ipv4Addr = Ipv4Addr::new(192, 0, 2, 1);
pub(super) const B4: Ipv4Addr = Ipv4Addr::new(198, 51, 100, 7);
pub(super) const A6: Ipv6Addr = Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 1);
pub(super) const B6: Ipv6Addr = Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 7);
/// Ends of tunnels: never the addresses that a test looks for.
pub(super) const OUT_A: Ipv4Addr = Ipv4Addr::new(203, 0, 113, 1);
pub(super) const OUT_B: Ipv4Addr = Ipv4Addr::new(203, 0, 113, 2);

pub(super) const SOURCE_PORT: u16 = 50_000;
pub(super) const DESTINATION_PORT: u16 = 443;

pub(super) const MACS: ([u8; 6], [u8; 6]) = ([2, 0, 0, 0, 0, 1], [2, 0, 0, 0, 0, 2]);

pub(super) fn cat(parts: &[&[u8]]) -> Vec<u8> {
    parts.concat()
}

pub(super) fn be(number: usize) -> [u8; 2] {
    u16::try_from(number).unwrap().to_be_bytes()
}

pub(super) fn udp_between(source: u16, destination: u16, payload: &[u8]) -> Vec<u8> {
    cat(&[&be(source.into()), &be(destination.into()), &be(8 + payload.len()), &[0, 0], payload])
}

pub(super) fn udp(payload: &[u8]) -> Vec<u8> {
    udp_between(SOURCE_PORT, DESTINATION_PORT, payload)
}

/// With twelve bytes of options, as most segments have.
pub(super) fn tcp(flags: u8, payload: &[u8]) -> Vec<u8> {
    let ports = cat(&[&be(SOURCE_PORT.into()), &be(DESTINATION_PORT.into())]);
    let rest = [0, 0, 0, 7, 0, 0, 0, 9, 8 << 4, flags, 1, 0, 0, 0, 0, 0, 1, 1, 8, 10, 0, 0, 0, 1, 0, 0, 0, 2];
    cat(&[&ports, &rest, payload])
}

pub(super) fn ipv4_with(
    source: Ipv4Addr,
    destination: Ipv4Addr,
    protocol: u8,
    id: u16,
    flags: u16,
    body: &[u8],
) -> Vec<u8> {
    let len = be(20 + body.len());
    let middle = cat(&[&be(id.into()), &be(flags.into()), &[64, protocol, 0, 0]]);
    cat(&[&[0x45, 0], &len, &middle, &source.octets(), &destination.octets(), body])
}

pub(super) fn ipv4(protocol: u8, body: &[u8]) -> Vec<u8> {
    ipv4_with(A4, B4, protocol, 1, 0x4000, body)
}

/// An IPv4 packet between two ends of a tunnel.
pub(super) fn outer(protocol: u8, body: &[u8]) -> Vec<u8> {
    ipv4_with(OUT_A, OUT_B, protocol, 1, 0x4000, body)
}

pub(super) fn ipv6_between(source: Ipv6Addr, destination: Ipv6Addr, next: u8, body: &[u8]) -> Vec<u8> {
    cat(&[&[0x60, 0, 0, 0], &be(body.len()), &[next, 64], &source.octets(), &destination.octets(), body])
}

pub(super) fn ipv6(next: u8, body: &[u8]) -> Vec<u8> {
    ipv6_between(A6, B6, next, body)
}

/// A fragment of an IPv4 datagram; `offset` in bytes.
pub(super) fn fragment4(id: u16, offset: usize, more: bool, body: &[u8]) -> Vec<u8> {
    let flags = u16::try_from(offset / 8).unwrap() | if more { 0x2000 } else { 0 };
    ipv4_with(A4, B4, 17, id, flags, body)
}

pub(super) fn fragment6(id: u32, offset: usize, more: bool, body: &[u8]) -> Vec<u8> {
    let place = be(offset | usize::from(more));
    ipv6(44, &cat(&[&[17, 0], &place, &id.to_be_bytes(), body]))
}

pub(super) fn ethernet(kind: u16, body: &[u8]) -> Vec<u8> {
    cat(&[&MACS.1, &MACS.0, &be(kind.into()), body])
}

pub(super) fn frame(link: LinkType, bytes: &[u8]) -> Frame<'_> {
    frame_at(link, bytes, 0)
}

pub(super) fn frame_at(link: LinkType, bytes: &[u8], seconds: u64) -> Frame<'_> {
    let original_len = u32::try_from(bytes.len()).unwrap();
    Frame { number: FrameNo(1), time: Timestamp::from_secs(seconds), link, original_len, bytes }
}
