//! One generation of a conversation: its ends, its counts, and who still listens to it.

use super::reader::{Reader, Verdict};
use super::table::Limits;
use super::timed::Timed;
use crate::dissect::Facts;
use crate::dissect::fact::MediaSeen;
use crate::dissect::media::ByKind;
use crate::wire::{End, FlowKey, FrameNo, Pair, Side, Timestamp, TransportKind, Tunnel};
use std::num::NonZeroU64;

/// Flows are numbered from 0 in the order of their first frame; a number is never used twice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FlowId(pub u32);

/// Packets, wire bytes and payload bytes that one side sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Sent {
    pub packets: u64,
    pub bytes: u64,
    pub payload: u64,
}

/// What the TCP flags of one side said so far.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct TcpSeen {
    /// Sent a SYN without ACK: opened the connection.
    pub(super) syn: bool,
    /// The sequence number of that SYN.
    pub(super) isn: u32,
    pub(super) syn_ack: bool,
    pub(super) fin: bool,
    pub(super) reset: bool,
}

/// One conversation, from its first frame to its end or to the reuse of its 5-tuple.
#[derive(Debug)]
pub struct Flow {
    /// `First` and `Second` end.
    pub ends: Pair<End>,
    pub sent: Pair<Sent>,
    pub first: Timestamp,
    pub last: Timestamp,
    pub first_frame: FrameNo,
    /// Time from the SYN to its answer, in nanoseconds; not of repeated SYNs, whose answer could belong to either.
    pub round_trip: Option<NonZeroU64>,
    pub(super) reader: Reader,
    /// Bytes its reader holds, as last booked.
    pub(super) held: u32,
    /// Its place in the table's list of those that sent something lately, if it stands there.
    pub(super) active: u32,
    pub transport: TransportKind,
    pub tunnel: Tunnel,
    pub(super) tcp: Pair<TcpSeen>,
    /// Measures round trips of data, until there are enough.
    pub(super) timed: Option<Box<Timed>>,
    pub(super) timed_enough: bool,
    /// The audited device, if it was named by its hardware address and is one of the ends.
    pub subject: Option<Side>,
    /// Some frame of it held less than was sent.
    pub cut: bool,
}

impl Flow {
    #[must_use]
    pub fn key(&self) -> FlowKey {
        FlowKey::new(self.transport, self.ends.first, self.ends.second)
    }

    /// The side whose SYN opened the connection.
    #[must_use]
    pub fn opener(&self) -> Option<Side> {
        Side::BOTH.into_iter().find(|&side| self.tcp[side].syn || self.tcp[side.other()].syn_ack)
    }

    pub(super) fn is_closed(&self) -> bool {
        self.tcp.iter().any(|t| t.reset) || self.tcp.iter().all(|t| t.fin)
    }

    /// Whether nothing more will come of it, as far as anybody can tell after so long a silence.
    pub(super) fn is_over(&self, now: Timestamp, limits: &Limits) -> bool {
        let silence = match self.transport {
            TransportKind::Udp => limits.udp_idle,
            TransportKind::Tcp if self.is_closed() => limits.tcp_quiet.saturating_mul(2),
            TransportKind::Tcp => limits.tcp_idle,
        };
        now.since(self.last) > silence
    }

    /// A TCP flow whose opening was not captured.
    #[must_use]
    pub fn is_midstream(&self) -> bool {
        self.transport == TransportKind::Tcp && self.opener().is_none()
    }

    #[must_use]
    pub fn is_one_sided(&self) -> bool {
        self.sent.iter().any(|s| s.packets == 0)
    }

    /// Reached through another pair of IP addresses.
    #[must_use]
    pub fn is_tunnelled(&self) -> bool {
        self.tunnel.hides_addresses()
    }

    /// What a side sent of real-time media; `None` if the flow carries none.
    #[must_use]
    pub fn media(&self, side: Side) -> Option<MediaSeen> {
        self.reader.meter().map(|meter| meter.seen(side))
    }

    /// Bytes of media by kind that a side sent since [`super::FlowTable::clear_active`].
    #[must_use]
    pub fn fresh_media(&self, side: Side) -> Option<ByKind> {
        self.reader.meter().map(|meter| meter.fresh(side))
    }

    /// Nothing more will come: reads what lies behind the holes of a stream and settles. What was counted of media stays.
    pub(super) fn stop_reading(&mut self) -> Facts {
        let mut out = Facts::default();
        if let Reader::Stream(reader) = &mut self.reader {
            for side in Side::BOTH {
                if reader.end(side, &self.ends, &mut out) == Verdict::Settle {
                    break;
                }
            }
            self.reader.settle();
        }
        out
    }
}
