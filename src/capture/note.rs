//! What a capture file holds: frames, and what it says about how they were taken.

use crate::wire::{Direction, Frame, FrameNo, LinkType, Text, Timestamp};
use std::net::IpAddr;

/// One thing from a file or feed, in order.
#[derive(Debug)]
pub enum Captured<'a> {
    Frame {
        frame: Frame<'a>,
        /// The interface it came through by its number in [`Note::Interface`].
        interface: u32,
        direction: Direction,
    },
    /// Notes about a frame follow it.
    Note(Note),
}

/// Something the file says beside its frames. All of it is the word of whoever wrote the file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Note {
    /// A pcapng section starts: what made it.
    Section { hardware: Option<Text>, system: Option<Text>, application: Option<Text> },
    /// An interface of the current section (pcapng), or the only one (pcap). Its frames follow.
    Interface {
        /// 0-based within its section.
        id: u32,
        link: LinkType,
        name: Option<Text>,
        description: Option<Text>,
        /// Addresses of the capturing host on this interface.
        addresses: Vec<IpAddr>,
        mac: Option<[u8; 6]>,
        /// Most bytes kept per frame; `None` is no limit.
        snap_len: Option<u32>,
        /// Capture filter: what it excludes was never in the file.
        filter: Option<Text>,
    },
    /// A comment, for instance a marker set while recording.
    Comment { about: About, text: Text },
    /// So many frames were lost between the previous frame of the interface and this one.
    Dropped { before: FrameNo, time: Timestamp, frames: u64 },
    /// Counters of an interface since its capture began; a later note for the same interface replaces an earlier one.
    Statistics {
        interface: u32,
        received: Option<u64>,
        dropped_by_interface: Option<u64>,
        dropped_by_system: Option<u64>,
        delivered: Option<u64>,
    },
    /// Names that the capturing program looked up itself; they were not necessarily on the wire.
    Names(Vec<(IpAddr, Text)>),
    /// The capture on an interface ended before it was told to.
    Gone { interface: u32, why: Text },
    /// It goes on: the interface is there again.
    Back { interface: u32, how: Text },
    /// Traffic goes where this capture does not see it.
    Uncaptured { why: Text },
    /// A block that describes frames but breaks its format; the frames are not concerned.
    Unreadable { block: u32, offset: u64 },
}

/// What a comment is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum About {
    Section,
    Interface(u32),
    /// The frame just before this note.
    Frame(FrameNo, Timestamp),
    /// What happened then.
    Time(Timestamp),
    Other,
}

impl Note {
    /// An interface of which no more is known than what its frames are.
    #[must_use]
    pub const fn interface(id: u32, link: LinkType) -> Self {
        Self::Interface {
            id,
            link,
            name: None,
            description: None,
            addresses: Vec::new(),
            mac: None,
            snap_len: None,
            filter: None,
        }
    }
}
