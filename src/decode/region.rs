//! A stretch of a frame: the bytes that were kept of it, and how many there were on the wire.

use crate::wire::{Fault, FaultKind, Frame, Layer};

#[derive(Debug, Clone, Copy)]
pub(super) struct Region<'a> {
    pub(super) bytes: &'a [u8],
    /// Bytes on the wire; never fewer than `bytes` has.
    pub(super) wire: u32,
    /// Offset of the first byte, for faults.
    at: u32,
}

impl<'a> Region<'a> {
    #[inline]
    pub(super) fn of_frame(frame: &Frame<'a>) -> Self {
        let kept = u32::try_from(frame.bytes.len()).unwrap_or(u32::MAX);
        Self { bytes: frame.bytes, wire: frame.original_len.max(kept), at: 0 }
    }

    pub(super) fn of_bytes(bytes: &'a [u8]) -> Self {
        Self { bytes, wire: u32::try_from(bytes.len()).unwrap_or(u32::MAX), at: 0 }
    }

    /// Offset of the first byte.
    pub(super) const fn offset(&self) -> usize {
        self.at as usize
    }

    /// Whether the capture kept less than there was.
    #[inline]
    pub(super) const fn is_cut(&self) -> bool {
        (self.bytes.len() as u64) < self.wire as u64
    }

    /// What is behind the first `len` bytes, which may themselves be cut.
    #[inline]
    pub(super) fn after(self, len: u32) -> Self {
        Self {
            bytes: self.bytes.get(len as usize..).unwrap_or_default(),
            wire: self.wire.saturating_sub(len),
            at: self.at.saturating_add(len),
        }
    }

    /// No more than the first `len` bytes: what follows is padding or a trailer.
    #[inline]
    pub(super) fn limit(self, len: u32) -> Self {
        match self.bytes.get(..len as usize) {
            Some(bytes) => Self { bytes, wire: len, ..self },
            None => Self { wire: self.wire.min(len), ..self },
        }
    }

    /// The first `N` bytes and what is behind them.
    #[inline]
    pub(super) fn head<const N: usize>(self, layer: Layer, what: &'static str) -> Result<(&'a [u8; N], Self), Fault> {
        match self.bytes.first_chunk() {
            Some(head) => Ok((head, self.after(N as u32))),
            None => Err(self.lacks(N, layer, what)),
        }
    }

    /// The fault of something that needs at least `len` bytes and could not be read.
    #[cold]
    pub(super) fn lacks(&self, len: usize, layer: Layer, what: &'static str) -> Fault {
        let kind = match () {
            () if self.is_cut() => FaultKind::Cut,
            () if self.bytes.len() < len => FaultKind::Short,
            () => FaultKind::Malformed,
        };
        self.fault(layer, kind, what)
    }

    #[cold]
    pub(super) fn malformed(&self, layer: Layer, what: &'static str) -> Fault {
        self.fault(layer, FaultKind::Malformed, what)
    }

    #[cold]
    pub(super) fn fault(&self, layer: Layer, kind: FaultKind, what: &'static str) -> Fault {
        Fault::new(layer, kind, self.at as usize, what)
    }
}
