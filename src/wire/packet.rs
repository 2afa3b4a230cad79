//! What a frame says once its headers are read: who sent what kind of thing to whom.

use super::{End, Fault, TransportKind};
use std::net::IpAddr;

/// A decoded frame that belongs to a TCP or UDP conversation. Borrowed; nothing of it outlives the call.
#[derive(Debug, Clone, Copy)]
pub struct Packet<'a> {
    pub source: End,
    pub destination: End,
    pub transport: Transport,
    /// Options of the TCP header, as they stand there (RFC 9293 §3.2); empty for everything else.
    pub tcp_options: &'a [u8],
    /// Transport payload as captured. Of a fragmented datagram: the whole of it on the frame that completes it,
    /// nothing on the others.
    pub payload: &'a [u8],
    /// Transport payload bytes that this frame carried on the wire, captured or not.
    pub payload_len: u32,
    /// `payload` holds less than was sent, because the capture kept less.
    pub cut: bool,
    pub fragment: Fragment,
    /// What the innermost addresses were wrapped in.
    pub tunnel: Tunnel,
    /// Source and destination of the innermost Ethernet header, where there is one.
    pub macs: Option<([u8; 6], [u8; 6])>,
    /// Something behind the headers could not be read; what is here was.
    pub fault: Option<Fault>,
}

/// The transport header.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Transport {
    Tcp {
        sequence: u32,
        acknowledgment: u32,
        flags: TcpFlags,
    },
    Udp,
    /// A later fragment, whose header was in another frame of this conversation; or a header of which only the ports
    /// are there (then with a fault).
    Continued(TransportKind),
}

impl Transport {
    #[must_use]
    pub const fn kind(&self) -> TransportKind {
        match self {
            Self::Tcp { .. } => TransportKind::Tcp,
            Self::Udp => TransportKind::Udp,
            Self::Continued(kind) => *kind,
        }
    }
}

/// Flag bits of a TCP header (RFC 9293 §3.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct TcpFlags(pub u8);

impl TcpFlags {
    pub const FIN: u8 = 0x01;
    pub const SYN: u8 = 0x02;
    pub const RST: u8 = 0x04;
    pub const ACK: u8 = 0x10;

    #[must_use]
    pub const fn has(self, bit: u8) -> bool {
        self.0 & bit != 0
    }
}

/// Whether the frame was a fragment of a datagram, and what it brings to the books.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Fragment {
    #[default]
    Whole,
    First {
        /// Fragments of the same datagram that came earlier, when its conversation was not yet known.
        earlier_frames: u32,
        earlier_bytes: u64,
        earlier_payload: u64,
    },
    Later,
}

/// Wrappings that were taken off to reach the innermost addresses.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Tunnel(u16);

impl Tunnel {
    const KINDS: [(u16, &'static str); 9] = [
        (1, "gre"),
        (2, "ip-in-ip"),
        (4, "vxlan"),
        (8, "gtp-u"),
        (16, "pppoe"),
        (32, "mpls"),
        (64, "teredo"),
        (128, "geneve"),
        (256, "l2tp"),
    ];
    pub const GRE: Self = Self(1);
    pub const IP_IN_IP: Self = Self(2);
    pub const VXLAN: Self = Self(4);
    pub const GTP_U: Self = Self(8);
    pub const PPPOE: Self = Self(16);
    pub const MPLS: Self = Self(32);
    pub const TEREDO: Self = Self(64);
    pub const GENEVE: Self = Self(128);
    pub const L2TP: Self = Self(256);

    #[must_use]
    pub const fn with(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Whether there is another pair of IP addresses around this one.
    #[must_use]
    pub const fn hides_addresses(self) -> bool {
        self.0 & (1 | 2 | 4 | 8 | 64 | 128 | 256) != 0
    }

    /// The kinds in a fixed order, for instance `gtp-u`.
    pub fn kinds(self) -> impl Iterator<Item = &'static str> {
        Self::KINDS.into_iter().filter(move |(bit, _)| self.0 & bit != 0).map(|(_, name)| name)
    }
}

impl Packet<'_> {
    /// The value and the echo of the timestamps option (RFC 7323 §3.2).
    #[must_use]
    pub fn tcp_timestamps(&self) -> Option<(u32, u32)> {
        timestamps(self.tcp_options)
    }

    #[must_use]
    pub const fn addresses(&self) -> (IpAddr, IpAddr) {
        (self.source.address, self.destination.address)
    }
}

/// The value and the echo of the timestamps option (RFC 7323 §3.2), among the options of a TCP header.
fn timestamps(mut options: &[u8]) -> Option<(u32, u32)> {
    loop {
        options = match options {
            [8, 10, v0, v1, v2, v3, e0, e1, e2, e3, ..] => {
                return Some((u32::from_be_bytes([*v0, *v1, *v2, *v3]), u32::from_be_bytes([*e0, *e1, *e2, *e3])));
            }
            [1, rest @ ..] => rest,
            [2..=255, len @ 2..=255, ..] => options.get(usize::from(*len)..)?,
            _ => return None,
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn timestamps_are_found_among_other_options() {
        for (options, expected) in [
            (&[1, 1, 8, 10, 0, 0, 0, 7, 0, 0, 0, 9][..], Some((7, 9))),
            (&[2, 4, 5, 0xb4, 4, 2, 8, 10, 0, 0, 1, 0, 0, 0, 0, 0], Some((256, 0))),
            (&[2, 4, 5, 0xb4, 1, 3, 3, 7], None),
            // Cut, without a length that leads on, beyond the end, after the end of the list.
            (&[8, 10, 0, 0, 0, 7], None),
            (&[5, 0, 8, 10, 0, 0, 0, 7, 0, 0, 0, 9], None),
            (&[5, 40, 1], None),
            (&[0, 8, 10, 0, 0, 0, 7, 0, 0, 0, 9], None),
            (&[], None),
        ] {
            assert_eq!(timestamps(options), expected, "{options:?}");
        }
    }
}
