//! The plain pcap format: one file header, then records.

use super::order::ByteOrder;
use crate::wire::capfile::{
    PCAP_MICROSECONDS, PCAP_MODIFIED, PCAP_MODIFIED_RECORD_LEN, PCAP_NANOSECONDS, PCAP_RECORD_LEN,
};
use crate::wire::{LinkType, Timestamp};

/// What the file header says. It is read by hand because `pcap-parser` knows the modified format in one byte order
/// only; the record headers, because it would slice each record twice.
#[derive(Debug, Clone, Copy)]
pub(super) struct Pcap {
    order: ByteOrder,
    /// Nanoseconds per unit of the fraction field.
    fraction: u64,
    /// Bytes of a record header.
    pub(super) record_len: usize,
    pub(super) version: (u16, u16),
    pub(super) snap_len: u32,
    pub(super) link: LinkType,
}

/// A record header.
#[derive(Debug, Clone, Copy)]
pub(super) struct PcapRecord {
    pub(super) time: Timestamp,
    pub(super) kept: u32,
    pub(super) original: u32,
}

impl Pcap {
    pub(super) fn is_magic(start: &[u8]) -> bool {
        magic(start).is_some()
    }

    /// `None` if these bytes start no pcap file, or fewer than a whole header are there.
    pub(super) fn parse(header: &[u8]) -> Option<Self> {
        let (order, magic) = magic(header)?;
        Some(Self {
            order,
            fraction: if magic == PCAP_NANOSECONDS { 1 } else { 1_000 },
            record_len: if magic == PCAP_MODIFIED { PCAP_MODIFIED_RECORD_LEN } else { PCAP_RECORD_LEN },
            version: (order.u16(header, 4)?, order.u16(header, 6)?),
            snap_len: order.u32(header, 16)?,
            // The upper half says how long the frame check sequence is, and is otherwise reserved.
            link: LinkType(order.u32(header, 20)? & 0xffff),
        })
    }

    #[inline]
    pub(super) fn record(&self, header: &[u8]) -> Option<PcapRecord> {
        let seconds = u64::from(self.order.u32(header, 0)?);
        let fraction = u64::from(self.order.u32(header, 4)?);
        Some(PcapRecord {
            time: Timestamp::from_secs(seconds).plus_nanos(fraction * self.fraction),
            kept: self.order.u32(header, 8)?,
            original: self.order.u32(header, 12)?,
        })
    }
}

fn magic(start: &[u8]) -> Option<(ByteOrder, u32)> {
    [ByteOrder::Little, ByteOrder::Big].into_iter().find_map(|order| {
        let magic = order.u32(start, 0)?;
        matches!(magic, PCAP_MICROSECONDS | PCAP_NANOSECONDS | PCAP_MODIFIED).then_some((order, magic))
    })
}
