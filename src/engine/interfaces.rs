//! Through which interface frames came. A packet that several of them show (a bridge and its port, a VLAN and what carries it,
//! both sides of a router) was sent once: it is counted where it was seen first.

use crate::wire::{Fragment, Frame, LinkType, Packet, Timestamp, Transport};
use rustc_hash::FxHashMap;
use std::collections::{HashMap, VecDeque};
use std::hash::{BuildHasherDefault, DefaultHasher, Hash, Hasher};

/// What one machine sends on is on its other interface well within this; what is sent again comes later (the least
/// retransmission timeout of TCP, RFC 6298 as implemented, is 200 ms).
const WINDOW: u64 = 50_000_000;
/// Packets remembered; 50 ms of more than a million a second.
const MAX_RECENT: usize = 1 << 16;
/// Interfaces whose latest times are kept.
const MAX_INTERFACES: usize = 1 << 12;
/// Marks the kernel's own numbers, which the cooked header holds, off those of the capture.
const KERNEL: u32 = 1 << 31;

/// Interfaces that are told apart for one packet.
const MAX_SHOWING: usize = 8;

/// A packet that was seen just now.
#[derive(Debug, Default)]
struct Sighting {
    /// When it was last counted.
    time: Timestamp,
    sent: u32,
    /// How often each interface showed it.
    by: Vec<(u32, u32)>,
}

#[derive(Debug, Default)]
pub(super) struct Interfaces {
    /// As it was told, and as the frame itself says.
    told: Option<u32>,
    current: u32,
    /// Only then is there anything to compare.
    several: bool,
    latest: FxHashMap<u32, Timestamp>,
    /// Not by a hash that anybody could aim at easily: whoever collides is not counted.
    recent: HashMap<u64, Sighting, BuildHasherDefault<DefaultHasher>>,
    order: VecDeque<(Timestamp, u64)>,
}

impl Interfaces {
    /// What follows came through this one.
    #[inline]
    pub(super) fn through(&mut self, interface: u32) {
        self.several |= self.told.is_some_and(|before| before != interface);
        self.told = Some(interface);
    }

    /// Takes note of a frame's time, and says whether it lies before that of the frame before. Interfaces hand over their
    /// frames in bursts: only the order of each one's own means something.
    #[inline]
    pub(super) fn runs_back(&mut self, frame: &Frame<'_>, previous: Timestamp) -> bool {
        self.current = self.told.unwrap_or_default();
        if frame.link == LinkType::LINUX_SLL2 {
            // LINKTYPE_LINUX_SLL2: the interface index follows protocol type and reserved bytes.
            let index = frame.bytes.get(4..8).and_then(|index| index.first_chunk::<4>());
            self.current = KERNEL | index.copied().map(u32::from_be_bytes).unwrap_or_default();
            self.several = true;
        }
        if !self.several {
            return frame.time < previous;
        }
        if let Some(latest) = self.latest.get_mut(&self.current) {
            return frame.time < std::mem::replace(latest, frame.time);
        }
        if self.latest.len() < MAX_INTERFACES {
            self.latest.insert(self.current, frame.time);
        }
        false
    }

    /// Whether another interface has just shown this packet.
    #[inline]
    pub(super) fn is_echo(&mut self, packet: &Packet<'_>, frame: &Frame<'_>) -> bool {
        self.several && self.compare(packet, frame)
    }

    fn compare(&mut self, packet: &Packet<'_>, frame: &Frame<'_>) -> bool {
        while let Some((time, key)) = self.order.front().copied() {
            if frame.time.since(time) <= WINDOW && self.order.len() < MAX_RECENT {
                break;
            }
            self.order.pop_front();
            // Seen again since, it has a later place too.
            if self.recent.get(&key).is_some_and(|sighting| sighting.time == time) {
                self.recent.remove(&key);
            }
        }
        let key = key(packet, frame);
        let sighting = self.recent.entry(key).or_default();
        if frame.time.since(sighting.time).max(sighting.time.since(frame.time)) > WINDOW {
            *sighting = Sighting::default();
        }
        let echo = !sighting.is_new(self.current);
        if !echo {
            sighting.time = frame.time;
            self.order.push_back((frame.time, key));
        }
        echo
    }
}

impl Sighting {
    /// It was sent as often as the interface saw it that saw it most often.
    fn is_new(&mut self, interface: u32) -> bool {
        let Self { sent, by, .. } = self;
        let known = by.iter_mut().find(|(number, _)| *number == interface);
        let seen = if let Some((_, seen)) = known {
            *seen += 1;
            *seen
        } else {
            // Nothing is on so many; what is beyond them is an echo of those.
            if by.len() < MAX_SHOWING {
                by.push((interface, 1));
            }
            1
        };
        let new = seen > *sent;
        *sent = (*sent).max(seen);
        new
    }
}

/// What stays the same on the way through a machine: all but the link's header, the time to live and its checksum.
fn key(packet: &Packet<'_>, frame: &Frame<'_>) -> u64 {
    let mut hasher = DefaultHasher::new();
    (packet.source, packet.destination, packet.payload_len).hash(&mut hasher);
    if let Transport::Tcp { sequence, acknowledgment, flags } = packet.transport {
        (sequence, acknowledgment, flags.0).hash(&mut hasher);
    }
    if packet.fragment == Fragment::Whole {
        packet.payload.hash(&mut hasher);
    } else {
        // Its payload is another one for whoever completes the datagram.
        let from = frame.bytes.len().saturating_sub(packet.payload_len as usize);
        frame.bytes.get(from..).unwrap_or_default().hash(&mut hasher);
    }
    hasher.finish()
}
