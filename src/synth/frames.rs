//! Packets with right lengths and checksums, from the payload outwards: UDP and TCP in IP, IP in a tunnel or a frame.

use super::{Bytes, Random};
use crate::wire::{End, LinkType, Pair, Side, TcpFlags};
use std::net::IpAddr;

/// LINKTYPE_ETHERNET: what [`ethernet`] builds.
pub const ETHERNET: LinkType = LinkType(1);
/// LINKTYPE_RAW: a bare IP packet, as the other builders give it.
pub const RAW_IP: LinkType = LinkType(101);

const TTL: u8 = 64;
const TCP: u8 = 6;
const UDP: u8 = 17;
/// The port of GTP-U (3GPP TS 29.281 §4.4.2.3).
const GTP_U_PORT: u16 = 2152;
const PSH: u8 = 0x08;

/// One UDP datagram as an IP packet.
#[must_use]
pub fn udp(source: End, destination: End, payload: &[u8]) -> Vec<u8> {
    let length = (payload.len() + 8).min(0xffff) as u16;
    let mut header = Bytes::new();
    header.u16(source.port).u16(destination.port).u16(length).u16(0).put(payload);
    // A checksum of zero means "none" in UDP; the sum zero is sent as all ones (RFC 768).
    let sum = match transport_checksum(source.address, destination.address, UDP, &header.0) {
        0 => 0xffff,
        sum => sum,
    };
    patch(&mut header.0, 6, sum);
    ip(source.address, destination.address, UDP, &header.0)
}

/// The fields of a TCP header that a conversation changes.
#[derive(Debug, Clone, Copy, Default)]
pub struct Segment {
    pub sequence: u32,
    pub acknowledgment: u32,
    pub flags: TcpFlags,
}

/// One TCP segment as an IP packet. A SYN carries the options that systems send (MSS, SACK, window scale).
#[must_use]
pub fn tcp(source: End, destination: End, segment: Segment, payload: &[u8]) -> Vec<u8> {
    let options: &[u8] =
        if segment.flags.has(TcpFlags::SYN) { &[2, 4, 0x05, 0xb4, 1, 1, 4, 2, 1, 3, 3, 7] } else { &[] };
    let data_offset = (20 + options.len() as u8) << 2;
    let mut bytes = Bytes::new();
    bytes.u16(source.port).u16(destination.port).u32(segment.sequence).u32(segment.acknowledgment);
    bytes.u8(data_offset).u8(segment.flags.0).u16(64_240).u16(0).u16(0).put(options).put(payload);
    let sum = transport_checksum(source.address, destination.address, TCP, &bytes.0);
    patch(&mut bytes.0, 16, sum);
    ip(source.address, destination.address, TCP, &bytes.0)
}

/// An IPv4 or IPv6 packet; both addresses must be of the same family, else the result is an IPv6 packet with mapped ones.
#[must_use]
pub fn ip(source: IpAddr, destination: IpAddr, protocol: u8, payload: &[u8]) -> Vec<u8> {
    let mut packet = Bytes::new();
    if let (IpAddr::V4(from), IpAddr::V4(to)) = (source, destination) {
        let length = (payload.len() + 20).min(0xffff) as u16;
        packet.u8(0x45).u8(0).u16(length).u16(identification(payload)).u16(0x4000).u8(TTL).u8(protocol).u16(0);
        packet.put(&from.octets()).put(&to.octets());
        let sum = checksum(0, &packet.0);
        patch(&mut packet.0, 10, sum);
    } else {
        let length = payload.len().min(0xffff) as u16;
        packet.u32(0x6000_0000).u16(length).u8(protocol).u8(TTL);
        packet.put(&wide(source)).put(&wide(destination));
    }
    packet.put(payload);
    packet.0
}

/// A GTP-U tunnel (3GPP TS 29.281) around an IP packet, as it runs between a mobile network's nodes.
#[must_use]
pub fn gtp_u(outer_source: IpAddr, outer_destination: IpAddr, tunnel_id: u32, inner: &[u8]) -> Vec<u8> {
    let mut payload = Bytes::new();
    payload.u8(0x30).u8(0xff).u16(inner.len().min(0xffff) as u16).u32(tunnel_id).put(inner);
    let end = |address| End { address, port: GTP_U_PORT };
    udp(end(outer_source), end(outer_destination), &payload.0)
}

/// An Ethernet frame around an IP packet, padded to the 60 bytes that a network card sends at least.
#[must_use]
pub fn ethernet(source: [u8; 6], destination: [u8; 6], packet: &[u8]) -> Vec<u8> {
    let mut frame = Bytes::new();
    frame.put(&destination).put(&source).u16(ether_type(packet)).put(packet);
    frame.0.resize(frame.0.len().max(60), 0);
    frame.0
}

/// The same with an 802.1Q tag.
#[must_use]
pub fn vlan(id: u16, source: [u8; 6], destination: [u8; 6], packet: &[u8]) -> Vec<u8> {
    let mut frame = Bytes::new();
    frame.put(&destination).put(&source).u16(0x8100).u16(id & 0x0fff).u16(ether_type(packet)).put(packet);
    frame.0.resize(frame.0.len().max(60), 0);
    frame.0
}

/// The same IP packet in fragments whose packets are at most `mtu` bytes long (RFC 791 §3.2, RFC 8200 §4.5).
/// What is no IP packet, or fits, comes back as it is.
#[must_use]
pub fn fragments(packet: &[u8], mtu: usize) -> Vec<Vec<u8>> {
    let v6 = packet.first().is_some_and(|b| b >> 4 == 6);
    let header_len = if v6 { 40 } else { 20 };
    let Some((header, payload)) = packet.split_at_checked(header_len).filter(|_| packet.len() > mtu) else {
        return vec![packet.to_vec()];
    };
    let extra = if v6 { 8 } else { 0 };
    let room = (mtu.saturating_sub(header_len + extra) / 8 * 8).max(8);
    let last = payload.len().div_ceil(room).saturating_sub(1);
    let pieces = payload.chunks(room).enumerate();
    pieces
        .map(|(n, piece)| {
            let (offset, more) = ((n * room) as u16, n < last);
            let mut out = Bytes(header.to_vec());
            if v6 {
                let next = header.get(6).copied().unwrap_or(59);
                out.u8(next).u8(0).u16(offset | u16::from(more)).u32(identification(payload).into());
                if let Some(field) = out.0.get_mut(6) {
                    *field = 44;
                }
                patch(&mut out.0, 4, (piece.len() + 8) as u16);
            } else {
                patch(&mut out.0, 2, (piece.len() + 20) as u16);
                patch(&mut out.0, 6, (offset / 8) | if more { 0x2000 } else { 0 });
                patch(&mut out.0, 10, 0);
                let sum = checksum(0, &out.0);
                patch(&mut out.0, 10, sum);
            }
            out.put(piece);
            out.0
        })
        .collect()
}

/// A TCP conversation that keeps its sequence numbers. Gives IP packets in the order in which they are sent.
#[derive(Debug, Clone)]
pub struct TcpTalk {
    ends: Pair<End>,
    next: Pair<u32>,
    mss: usize,
}

impl TcpTalk {
    /// `client` is [`Side::First`]. Initial sequence numbers come from `random`.
    #[must_use]
    pub fn new(client: End, server: End, random: &mut Random) -> Self {
        // 40 or 60 bytes of headers in an Ethernet MTU of 1500.
        let mss = if client.address.is_ipv6() { 1440 } else { 1460 };
        Self { ends: Pair::new(client, server), next: Pair::new(random.next() as u32, random.next() as u32), mss }
    }

    /// As if the path allowed no larger segments.
    #[must_use]
    pub const fn with_mss(mut self, mss: usize) -> Self {
        self.mss = mss;
        self
    }

    fn packet(&mut self, from: Side, flags: u8, payload: &[u8]) -> Vec<u8> {
        let acknowledgment = if flags & TcpFlags::ACK == 0 { 0 } else { self.next[from.other()] };
        let segment = Segment { sequence: self.next[from], acknowledgment, flags: TcpFlags(flags) };
        let takes_a_number = u32::from(flags & (TcpFlags::SYN | TcpFlags::FIN) != 0);
        self.next[from] = self.next[from].wrapping_add(payload.len() as u32).wrapping_add(takes_a_number);
        tcp(self.ends[from], self.ends[from.other()], segment, payload)
    }

    /// SYN, SYN+ACK, ACK.
    pub fn open(&mut self) -> [Vec<u8>; 3] {
        [
            self.packet(Side::First, TcpFlags::SYN, &[]),
            self.packet(Side::Second, TcpFlags::SYN | TcpFlags::ACK, &[]),
            self.packet(Side::First, TcpFlags::ACK, &[]),
        ]
    }

    /// `bytes` in segments of the MSS.
    pub fn say(&mut self, from: Side, bytes: &[u8]) -> Vec<Vec<u8>> {
        let last = bytes.len().div_ceil(self.mss.max(1)).saturating_sub(1);
        let parts = bytes.chunks(self.mss.max(1)).enumerate();
        parts.map(|(n, part)| self.packet(from, TcpFlags::ACK | if n == last { PSH } else { 0 }, part)).collect()
    }

    /// A bare acknowledgment of everything the other side said.
    pub fn acknowledge(&mut self, from: Side) -> Vec<u8> {
        self.packet(from, TcpFlags::ACK, &[])
    }

    /// FIN from `from`, FIN from the other, the last ACK.
    pub fn close(&mut self, from: Side) -> [Vec<u8>; 3] {
        [
            self.packet(from, TcpFlags::FIN | TcpFlags::ACK, &[]),
            self.packet(from.other(), TcpFlags::FIN | TcpFlags::ACK, &[]),
            self.packet(from, TcpFlags::ACK, &[]),
        ]
    }

    pub fn reset(&mut self, from: Side) -> Vec<u8> {
        self.packet(from, TcpFlags::RST, &[])
    }
}

/// The Internet checksum (RFC 1071) of `bytes`, starting from the folded sum `start`.
fn checksum(start: u32, bytes: &[u8]) -> u16 {
    let words = bytes.chunks(2).map(|w| {
        let high = w.first().copied().unwrap_or(0);
        u32::from(u16::from_be_bytes([high, w.get(1).copied().unwrap_or(0)]))
    });
    // A packet has at most 32 768 words of 16 bits: 31 bits, no overflow.
    let mut sum = words.fold(start, u32::wrapping_add);
    while sum > 0xffff {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    !(sum as u16)
}

fn transport_checksum(source: IpAddr, destination: IpAddr, protocol: u8, bytes: &[u8]) -> u16 {
    let mut pseudo = Bytes::new();
    if let (IpAddr::V4(from), IpAddr::V4(to)) = (source, destination) {
        pseudo.put(&from.octets()).put(&to.octets());
    } else {
        pseudo.put(&wide(source)).put(&wide(destination));
    }
    pseudo.u32(u32::from(protocol)).u32(bytes.len() as u32);
    checksum(u32::from(!checksum(0, &pseudo.0)), bytes)
}

/// An identification for fragments that differs between packets without a counter: the transport checksum, which
/// covers every byte, is among the first bytes.
fn identification(payload: &[u8]) -> u16 {
    checksum(0, payload.get(..20).unwrap_or(payload))
}

fn wide(address: IpAddr) -> [u8; 16] {
    match address {
        IpAddr::V4(v4) => v4.to_ipv6_mapped().octets(),
        IpAddr::V6(v6) => v6.octets(),
    }
}

fn ether_type(packet: &[u8]) -> u16 {
    if packet.first().is_some_and(|b| b >> 4 == 6) { 0x86dd } else { 0x0800 }
}

fn patch(bytes: &mut [u8], at: usize, value: u16) {
    if let Some(field) = bytes.get_mut(at..at + 2) {
        field.copy_from_slice(&value.to_be_bytes());
    }
}
