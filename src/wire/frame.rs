//! A frame: the bytes that one capture record holds, and what the capture says about them.

use super::Timestamp;

/// The 1-based number of a frame in its capture; stamped once, where the frame is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct FrameNo(pub u64);

impl std::fmt::Display for FrameNo {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(f)
    }
}

/// What the first bytes of a frame are: a LINKTYPE_ value of <https://www.tcpdump.org/linktypes.html>.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LinkType(pub u32);

/// One captured frame, borrowed from whoever read it.
#[derive(Debug, Clone, Copy)]
pub struct Frame<'a> {
    pub number: FrameNo,
    pub time: Timestamp,
    pub link: LinkType,
    /// Length on the wire, link header included; `bytes` may hold less.
    pub original_len: u32,
    pub bytes: &'a [u8],
}

/// Which way a frame went, seen from the capturing interface.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Direction {
    #[default]
    Unknown,
    Inbound,
    Outbound,
}

impl Frame<'_> {
    /// Whether the capture kept less than was on the wire.
    #[must_use]
    pub fn is_cut(&self) -> bool {
        (self.bytes.len() as u64) < u64::from(self.original_len)
    }
}
