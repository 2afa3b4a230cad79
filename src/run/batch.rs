//! Frames cross threads in batches: packed in one piece of memory, shared without copying, used again afterwards.

use crate::capture::{Captured, Note};
use crate::wire::{Direction, Frame, FrameNo, LinkType, Timestamp};
use std::collections::BTreeMap;
use std::mem;
use std::sync::{Arc, Mutex, PoisonError};

/// A batch is closed when it has so many frames or bytes.
pub(super) const MAX_FRAMES: usize = 256;
pub(super) const MAX_BYTES: usize = 256 * 1024;
/// Batches kept for use again.
const MAX_SPARE: usize = 256;

/// Frames and notes in order.
#[derive(Debug, Default)]
pub(super) struct Batch {
    slab: Vec<u8>,
    pieces: Vec<Packed>,
    pub(super) frames: u64,
    /// Bytes on the wire.
    pub(super) wire_bytes: u64,
}

#[derive(Debug)]
enum Packed {
    Frame {
        number: FrameNo,
        time: Timestamp,
        link: LinkType,
        original_len: u32,
        end: usize,
        interface: u32,
        direction: Direction,
    },
    Note(Note),
}

/// One piece of a batch.
#[derive(Debug, Clone, Copy)]
pub(super) enum Piece<'a> {
    Frame { frame: Frame<'a>, interface: u32, direction: Direction },
    Note(&'a Note),
}

impl Batch {
    pub(super) fn add(&mut self, captured: Captured<'_>) {
        match captured {
            Captured::Frame { frame, interface, direction } => {
                self.slab.extend_from_slice(frame.bytes);
                self.frames += 1;
                self.wire_bytes += u64::from(frame.original_len);
                let Frame { number, time, link, original_len, .. } = frame;
                let end = self.slab.len();
                self.pieces.push(Packed::Frame { number, time, link, original_len, end, interface, direction });
            }
            Captured::Note(note) => self.pieces.push(Packed::Note(note)),
        }
    }

    pub(super) const fn is_empty(&self) -> bool {
        self.pieces.is_empty()
    }

    pub(super) const fn is_full(&self) -> bool {
        self.pieces.len() >= MAX_FRAMES || self.slab.len() >= MAX_BYTES
    }

    /// Bytes of memory.
    pub(super) const fn size(&self) -> usize {
        self.slab.len() + self.pieces.len() * size_of::<Packed>()
    }

    pub(super) fn pieces(&self) -> impl Iterator<Item = Piece<'_>> {
        let mut start = 0;
        self.pieces.iter().map(move |piece| match piece {
            Packed::Note(note) => Piece::Note(note),
            &Packed::Frame { number, time, link, original_len, end, interface, direction } => {
                let bytes = self.slab.get(mem::replace(&mut start, end)..end).unwrap_or_default();
                Piece::Frame { frame: Frame { number, time, link, original_len, bytes }, interface, direction }
            }
        })
    }
}

/// What a stage did not get, told in its place; the notes among it are not lost.
#[derive(Debug, Default)]
pub(super) struct Missed {
    pub(super) frames: u64,
    pub(super) bytes: u64,
    pub(super) from: Timestamp,
    pub(super) until: Timestamp,
    /// The last of the frames.
    pub(super) last: FrameNo,
    pub(super) by_interface: BTreeMap<u32, u64>,
    pub(super) notes: Vec<Note>,
}

impl Missed {
    pub(super) const fn is_empty(&self) -> bool {
        self.frames == 0 && self.notes.is_empty()
    }

    pub(super) fn add(&mut self, batch: &Batch) {
        for piece in batch.pieces() {
            match piece {
                Piece::Frame { frame, interface, .. } => {
                    if self.frames == 0 {
                        (self.from, self.until) = (frame.time, frame.time);
                    }
                    self.frames += 1;
                    self.bytes += u64::from(frame.original_len);
                    (self.from, self.until) = (self.from.min(frame.time), self.until.max(frame.time));
                    self.last = frame.number;
                    *self.by_interface.entry(interface).or_default() += 1;
                }
                Piece::Note(note) => self.notes.push(note.clone()),
            }
        }
    }

    pub(super) const fn size(&self) -> usize {
        64 + self.notes.len() * size_of::<Note>()
    }
}

/// Batches that were used.
#[derive(Debug, Default)]
pub(super) struct Pool(Mutex<Vec<Batch>>);

impl Pool {
    pub(super) fn get(&self) -> Batch {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).pop().unwrap_or_default()
    }

    /// Gives a batch back; the last of those who share it does.
    pub(super) fn give(&self, batch: Arc<Batch>) {
        let Some(mut batch) = Arc::into_inner(batch) else { return };
        batch.slab.clear();
        batch.pieces.clear();
        (batch.frames, batch.wire_bytes) = (0, 0);
        let mut spare = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        // One frame of a giant length must not stay in memory.
        if spare.len() < MAX_SPARE && batch.slab.capacity() <= 4 * MAX_BYTES {
            spare.push(batch);
        }
    }
}
