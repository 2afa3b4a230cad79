//! Datagrams that came in fragments (RFC 791 §3.2, RFC 8200 §4.5): whose they are, and their bytes once all are there.
//!
//! Policy on overlaps: an exact duplicate is ignored. Any other overlap or contradiction closes the datagram: its frames
//! still belong to its conversation, its payload is not read, since receivers differ in what they make of it (IPv6
//! forbids it, RFC 5722). A first fragment that differs from the one before opens a new datagram: identifications are
//! reused.

use super::region::Region;
use super::walk::{Network, Outcome, Stop, Walk};
use super::{Other, OtherKind};
use crate::wire::{End, FaultKind, Fragment, Layer, Packet, Timestamp, Transport, TransportKind, Tunnel};
use etherparse::IpNumber;
use std::collections::{HashMap, VecDeque};
use std::net::IpAddr;

/// Nanoseconds of packet time that a datagram is remembered: the time that RFC 8200 gives a receiver.
const MAX_AGE: u64 = 60_000_000_000;
/// Datagrams remembered at once. Some 200 bytes each.
const MAX_DATAGRAMS: usize = 4_096;
/// Bytes of fragments held at once, overhead included: 64 datagrams of the largest kind.
const MAX_BYTES: usize = 4 * 1024 * 1024;
/// Bytes that a fragment costs beside its own.
const OVERHEAD: usize = 48;
/// Length of the longest datagram; a fragment that reaches beyond it is an attack (the "ping of death").
const MAX_DATAGRAM: u32 = 65_535;

/// What tells datagrams apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Key {
    pub(super) source: IpAddr,
    pub(super) destination: IpAddr,
    pub(super) id: u32,
    pub(super) protocol: u8,
}

/// One fragment.
#[derive(Debug, Clone, Copy)]
pub(super) struct Piece<'a> {
    /// Bytes of the datagram's payload before this one.
    pub(super) offset: u32,
    pub(super) more: bool,
    /// The protocol that the payload starts with.
    pub(super) next: u8,
    pub(super) body: Region<'a>,
}

/// What became of fragments. `datagrams = completed + contradictory + cut + expired + evicted + waiting`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct FragmentCounts {
    /// Frames that held a fragment.
    pub fragments: u64,
    pub duplicates: u64,
    pub datagrams: u64,
    pub completed: u64,
    /// Closed unread, because their fragments overlap or disagree.
    pub contradictory: u64,
    /// Closed unread, because the capture kept only part of a fragment.
    pub cut: u64,
    /// Given up, because fragments did not come in time, or a new datagram took the identification.
    pub expired: u64,
    /// Given up to stay within memory bounds: more was in flight than is held.
    pub evicted: u64,
    /// Still incomplete.
    pub waiting: u64,
}

#[derive(Debug, Default)]
pub(super) struct Fragments {
    datagrams: HashMap<Key, Datagram>,
    /// Datagrams by age. One that was opened anew is here twice; the older entry has another serial and says nothing.
    order: VecDeque<(Key, u64)>,
    serial: u64,
    held: usize,
    counts: FragmentCounts,
}

#[derive(Debug, Default)]
struct Datagram {
    serial: u64,
    since: Timestamp,
    owner: Option<Owner>,
    next: u8,
    /// Fragments that came before the first one.
    earlier: Earlier,
    /// Sorted, without overlaps.
    pieces: Vec<Stored>,
    held: usize,
    end: Option<u32>,
    /// Read or given up: nothing is stored any more.
    closed: bool,
}

#[derive(Debug)]
struct Stored {
    start: u32,
    bytes: Box<[u8]>,
}

#[derive(Debug, Clone, Copy, Default)]
struct Earlier {
    frames: u32,
    bytes: u64,
    payload: u64,
}

/// Whose a datagram is, as its first fragment told.
#[derive(Debug, Clone, Copy)]
enum Owner {
    Conversation { source: End, destination: End, transport: TransportKind, tunnel: Tunnel },
    Other(Other),
}

/// What a fragment brought.
struct Placed {
    owner: Option<Owner>,
    earlier: Earlier,
    /// The whole datagram and the protocol it starts with.
    whole: Option<(u8, Vec<u8>)>,
}

impl Fragments {
    pub(super) fn counts(&self) -> FragmentCounts {
        let c = self.counts;
        let settled = c.completed + c.contradictory + c.cut + c.expired + c.evicted;
        FragmentCounts { waiting: c.datagrams - settled, ..c }
    }

    /// `owner` is given with a first fragment.
    fn place(&mut self, key: Key, now: Timestamp, frame_len: u32, piece: &Piece<'_>, owner: Option<Owner>) -> Placed {
        self.counts.fragments += 1;
        while let Some((oldest, serial)) = self.order.front().copied() {
            let expired = |d: &Datagram| d.serial != serial || now.since(d.since) > MAX_AGE;
            if !self.datagrams.get(&oldest).is_none_or(expired) {
                break;
            }
            self.counts.expired += self.drop_oldest();
        }
        if owner.is_some() && self.datagrams.get(&key).is_some_and(|d| d.is_over(piece)) {
            self.counts.expired += self.forget(key);
        }
        if !self.datagrams.contains_key(&key) {
            self.serial += 1;
            self.counts.datagrams += 1;
            self.order.push_back((key, self.serial));
            self.datagrams.insert(key, Datagram { serial: self.serial, since: now, ..Datagram::default() });
        }
        let Some(datagram) = self.datagrams.get_mut(&key) else {
            return Placed { owner, earlier: Earlier::default(), whole: None };
        };
        let mut earlier = Earlier::default();
        if owner.is_some() {
            datagram.owner = owner;
            datagram.next = piece.next;
            earlier = std::mem::take(&mut datagram.earlier);
        } else if datagram.owner.is_none() {
            datagram.earlier.frames = datagram.earlier.frames.saturating_add(1);
            datagram.earlier.bytes += u64::from(frame_len);
            datagram.earlier.payload += u64::from(piece.body.wire);
        }
        let before = datagram.held;
        let mut whole = None;
        if !datagram.closed {
            if piece.body.is_cut() {
                self.counts.cut += 1;
                datagram.close();
            } else {
                match datagram.store(piece) {
                    Store::Stored => whole = datagram.complete(),
                    Store::Duplicate => self.counts.duplicates += 1,
                    Store::Contradiction => {
                        self.counts.contradictory += 1;
                        datagram.close();
                    }
                }
                self.counts.completed += u64::from(whole.is_some());
            }
        }
        self.held = self.held + datagram.held - before;
        let (owner, next) = (datagram.owner, datagram.next);
        // The datagram at hand is the youngest, or there are others to give up before it.
        while self.datagrams.len() > MAX_DATAGRAMS || self.order.len() > 2 * MAX_DATAGRAMS || self.held > MAX_BYTES {
            self.counts.evicted += self.drop_oldest();
        }
        Placed { owner, earlier, whole: whole.map(|bytes| (next, bytes)) }
    }

    /// Drops the oldest entry and says how many incomplete datagrams that gave up.
    fn drop_oldest(&mut self) -> u64 {
        match self.order.pop_front() {
            Some((key, serial)) if self.datagrams.get(&key).is_some_and(|d| d.serial == serial) => self.forget(key),
            _ => 0,
        }
    }

    fn forget(&mut self, key: Key) -> u64 {
        let Some(datagram) = self.datagrams.remove(&key) else { return 0 };
        self.held -= datagram.held;
        u64::from(!datagram.closed)
    }
}

enum Store {
    Stored,
    Duplicate,
    Contradiction,
}

impl Datagram {
    /// Whether this first fragment is not of this datagram, but of the next one with its identification.
    fn is_over(&self, first: &Piece<'_>) -> bool {
        let other = |stored: &Stored| *stored.bytes != *first.body.bytes;
        self.owner.is_some() && (self.closed || self.pieces.first().is_none_or(other))
    }

    fn store(&mut self, piece: &Piece<'_>) -> Store {
        let (start, bytes) = (piece.offset, piece.body.bytes);
        let end = start.saturating_add(piece.body.wire);
        let last_end = self.pieces.last().map_or(0, Stored::end);
        let known_end = if piece.more { self.end } else { Some(end) };
        if known_end.is_some_and(|known| end > known || last_end > known)
            || self.end.is_some_and(|e| known_end != Some(e))
        {
            return Store::Contradiction;
        }
        let at = match self.pieces.binary_search_by_key(&start, |stored| stored.start) {
            Ok(at) if self.pieces.get(at).is_some_and(|stored| *stored.bytes == *bytes) => return Store::Duplicate,
            Ok(_) => return Store::Contradiction,
            Err(at) => at,
        };
        let after = at.checked_sub(1).and_then(|before| self.pieces.get(before)).map_or(0, Stored::end);
        let before = self.pieces.get(at).map_or(u32::MAX, |stored| stored.start);
        if start < after || end > before {
            return Store::Contradiction;
        }
        self.end = known_end;
        self.held += bytes.len() + OVERHEAD;
        self.pieces.insert(at, Stored { start, bytes: bytes.into() });
        Store::Stored
    }

    /// All of it, if all is there.
    fn complete(&mut self) -> Option<Vec<u8>> {
        let end = self.end? as usize;
        if self.held - self.pieces.len() * OVERHEAD != end {
            return None;
        }
        let mut whole = Vec::with_capacity(end);
        self.pieces.iter().for_each(|piece| whole.extend_from_slice(&piece.bytes));
        self.close();
        Some(whole)
    }

    fn close(&mut self) {
        self.closed = true;
        self.pieces = Vec::new();
        self.held = 0;
    }
}

impl Stored {
    fn end(&self) -> u32 {
        self.start + self.bytes.len() as u32
    }
}

impl<'a> Walk<'a, '_> {
    /// Reads a fragment: whose it is, and the whole datagram if this completes it.
    pub(super) fn fragment(&mut self, network: Network, key: Key, piece: Piece<'a>) -> Outcome<'a> {
        let Piece { offset, next, body, .. } = piece;
        if self.partial {
            return Err(body.fault(Layer::Network, FaultKind::TooDeep, "fragment in a fragment").into());
        }
        if offset.saturating_add(body.wire) > MAX_DATAGRAM {
            return Err(body.malformed(Layer::Network, "fragment beyond the longest datagram").into());
        }
        let tunnel = self.tunnel;
        let first = (offset == 0).then(|| {
            self.partial = true;
            let read = self.protocol(network, IpNumber(next), body);
            self.partial = false;
            self.tunnel = tunnel;
            self.addresses = Some((network.source, network.destination));
            read
        });
        let owner = first.as_ref().map(|read| match read {
            Ok(p) => Owner::Conversation {
                source: p.source,
                destination: p.destination,
                transport: p.transport.kind(),
                tunnel: p.tunnel,
            },
            Err(Stop::Other(other)) => Owner::Other(*other),
            // The first fragment was too damaged to tell more.
            Err(Stop::Fault(_)) => {
                Owner::Other(Other { kind: OtherKind::Protocol(next), addresses: self.addresses, tunnel })
            }
        });
        let placed = self.fragments.place(key, self.time, self.frame_len, &piece, owner);
        let Earlier { frames, bytes, payload } = placed.earlier;
        let first_fragment = Fragment::First { earlier_frames: frames, earlier_bytes: bytes, earlier_payload: payload };
        let part = match (first, placed.owner) {
            (Some(read), _) => read.map(|packet| Packet { payload: &[], fragment: first_fragment, ..packet }),
            (None, Some(Owner::Conversation { source, destination, transport, tunnel })) => Ok(Packet {
                source,
                destination,
                transport: Transport::Continued(transport),
                payload: &[],
                payload_len: body.wire,
                cut: body.is_cut(),
                fragment: Fragment::Later,
                tunnel,
                macs: self.macs,
                tcp_options: &[],
                fault: network.fault,
            }),
            (None, Some(Owner::Other(other))) => Err(Stop::Other(other)),
            (None, None) => self.other(OtherKind::OrphanFragment),
        };
        let Some((next, bytes)) = placed.whole else { return part };
        let Some((slot, rest)) = std::mem::take(&mut self.assembled).split_first_mut() else { return part };
        self.assembled = rest;
        *slot = bytes;
        self.trace = None;
        match (self.protocol(network, IpNumber(next), Region::of_bytes(slot)), part) {
            (Ok(whole), Ok(part)) => Ok(Packet { payload_len: part.payload_len, fragment: part.fragment, ..whole }),
            // No conversation could be told from the first fragment alone (a tunnel, mostly).
            (Ok(whole), Err(_)) => Ok(whole),
            (Err(_), part) => part,
        }
    }
}

#[cfg(test)]
mod tests;
