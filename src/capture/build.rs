//! Capture files by hand, for the tests of this room.

use crate::wire::capfile::block;

/// Numbers as one byte order writes them.
#[derive(Debug, Clone, Copy)]
pub(super) struct Order {
    big: bool,
}

pub(super) const LITTLE: Order = Order { big: false };
pub(super) const BIG: Order = Order { big: true };

impl Order {
    pub(super) fn u16(self, n: u16) -> [u8; 2] {
        if self.big { n.to_be_bytes() } else { n.to_le_bytes() }
    }

    pub(super) fn u32(self, n: u32) -> [u8; 4] {
        if self.big { n.to_be_bytes() } else { n.to_le_bytes() }
    }

    pub(super) fn u64(self, n: u64) -> [u8; 8] {
        if self.big { n.to_be_bytes() } else { n.to_le_bytes() }
    }

    pub(super) fn pcap(self, magic: u32, link: u32, records: &[(u32, u32, u32, &[u8])]) -> Vec<u8> {
        let words = [0, 0, 65_535, link].map(|n| self.u32(n)).concat();
        let mut file = [&self.u32(magic)[..], &self.u16(2), &self.u16(4), &words].concat();
        for (seconds, fraction, original, bytes) in records {
            file.extend([*seconds, *fraction, bytes.len() as u32, *original].map(|n| self.u32(n)).concat());
            if magic == 0xa1b2_cd34 {
                file.extend([0; 8]);
            }
            file.extend(*bytes);
        }
        file
    }

    pub(super) fn block(self, kind: u32, body: &[u8]) -> Vec<u8> {
        let padding = vec![0; body.len().next_multiple_of(4) - body.len()];
        let len = self.u32((12 + body.len() + padding.len()) as u32);
        [&self.u32(kind)[..], &len, body, &padding, &len].concat()
    }

    pub(super) fn option(self, code: u16, value: &[u8]) -> Vec<u8> {
        let padding = vec![0; value.len().next_multiple_of(4) - value.len()];
        [&self.u16(code)[..], &self.u16(value.len() as u16), value, &padding].concat()
    }

    pub(super) fn section(self, options: &[u8]) -> Vec<u8> {
        let head = [&self.u32(0x1a2b_3c4d)[..], &self.u16(1), &self.u16(0), &[0xff; 8]].concat();
        self.block(block::SECTION_HEADER, &[&head, options].concat())
    }

    pub(super) fn interface(self, link: u16, snap_len: u32, options: &[u8]) -> Vec<u8> {
        self.block(1, &[&self.u16(link)[..], &[0, 0], &self.u32(snap_len), options].concat())
    }

    pub(super) fn enhanced(self, interface: u32, ticks: u64, original: u32, bytes: &[u8], options: &[u8]) -> Vec<u8> {
        let words = [interface, (ticks >> 32) as u32, ticks as u32, bytes.len() as u32, original];
        let padding = vec![0; bytes.len().next_multiple_of(4) - bytes.len()];
        self.block(6, &[&words.map(|n| self.u32(n)).concat(), bytes, &padding, options].concat())
    }
}
