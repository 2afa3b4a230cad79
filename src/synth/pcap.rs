//! Generated frames as a classic pcap file, for other programs and for benches.

use crate::wire::capfile::{PCAP_HEADER_LEN, PCAP_NANOSECONDS, PCAP_RECORD_LEN};
use crate::wire::{LinkType, Timestamp};

/// The frames, whole, in one pcap file (little-endian, nanoseconds).
#[must_use]
pub fn pcap<'a>(link: LinkType, frames: impl IntoIterator<Item = (Timestamp, &'a [u8])>) -> Vec<u8> {
    let mut out = Vec::with_capacity(PCAP_HEADER_LEN);
    for word in [PCAP_NANOSECONDS, 4 << 16 | 2, 0, 0, 1 << 18, link.0] {
        out.extend_from_slice(&word.to_le_bytes());
    }
    for (time, bytes) in frames {
        out.reserve(PCAP_RECORD_LEN + bytes.len());
        let len = bytes.len() as u32;
        for word in [time.secs() as u32, (time.nanos() % 1_000_000_000) as u32, len, len] {
            out.extend_from_slice(&word.to_le_bytes());
        }
        out.extend_from_slice(bytes);
    }
    out
}
