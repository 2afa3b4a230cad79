//! A window that slides over a stream: records are borrowed from it where they lie.

use super::source::Source;
use std::io::{self, Read};

/// Bytes read at once. Small enough to stay in a second-level cache, so that a frame is still warm when it is decoded.
const WINDOW: usize = 256 * 1024;

/// Why no more bytes come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stop {
    End,
    /// The compressed stream ends before its own end mark.
    GzipCut,
    /// The compressed stream does not unpack.
    GzipDamaged,
}

#[derive(Debug)]
pub(super) struct Window {
    source: Source,
    buffer: Vec<u8>,
    start: usize,
    end: usize,
    /// Offset of the buffer's first byte in the (unpacked) stream.
    base: u64,
    stop: Option<Stop>,
}

impl Window {
    pub(super) fn new(source: Source) -> Self {
        Self { source, buffer: vec![0; WINDOW], start: 0, end: 0, base: 0, stop: None }
    }

    pub(super) const fn source(&self) -> &Source {
        &self.source
    }

    pub(super) const fn stop(&self) -> Option<Stop> {
        self.stop
    }

    /// Offset in the (unpacked) stream of the next byte.
    pub(super) const fn offset(&self) -> u64 {
        self.base + self.start as u64
    }

    #[inline]
    pub(super) fn data(&self) -> &[u8] {
        self.buffer.get(self.start..self.end).unwrap_or_default()
    }

    /// Makes `need` bytes available; `false` if the stream ends before. `need` must be bounded by the caller.
    #[inline]
    pub(super) fn fill(&mut self, need: usize) -> io::Result<bool> {
        if self.end - self.start >= need { Ok(true) } else { self.refill(need) }
    }

    /// Moves past the next `len` bytes, which must be available, and says where they lie.
    #[inline]
    pub(super) fn advance(&mut self, len: usize) -> usize {
        let from = self.start;
        self.start = self.end.min(from.saturating_add(len));
        from
    }

    /// Bytes that were moved past; they lie there until more are read.
    #[inline]
    pub(super) fn slice(&self, from: usize, len: usize) -> &[u8] {
        self.buffer.get(from..from.saturating_add(len)).unwrap_or_default()
    }

    /// Moves past `len` bytes that nobody needs, and says how many of them are missing.
    pub(super) fn skip(&mut self, mut len: u64) -> io::Result<u64> {
        while len > 0 {
            let step = usize::try_from(len).unwrap_or(usize::MAX).min(WINDOW);
            self.fill(step)?;
            let there = step.min(self.end - self.start);
            self.start += there;
            len -= there as u64;
            if there < step {
                break;
            }
        }
        Ok(len)
    }

    /// Reads what is left of the file, so that its hash covers all of it.
    pub(super) fn drain(&mut self) -> io::Result<()> {
        self.base = self.offset();
        (self.start, self.end) = (0, 0);
        self.source.drain(&mut self.buffer)
    }

    #[inline(never)]
    fn refill(&mut self, need: usize) -> io::Result<bool> {
        self.buffer.copy_within(self.start..self.end, 0);
        self.base += self.start as u64;
        self.end -= self.start;
        self.start = 0;
        if need > self.buffer.len() {
            self.buffer.resize(need, 0);
        }
        while self.end < need && self.stop.is_none() {
            let space = self.buffer.get_mut(self.end..).unwrap_or_default();
            match self.source.read(space) {
                Ok(0) => self.stop = Some(Stop::End),
                Ok(count) => self.end += count.min(space.len()),
                Err(error) => match error.kind() {
                    io::ErrorKind::Interrupted => {}
                    io::ErrorKind::UnexpectedEof if self.source.is_gzip() => self.stop = Some(Stop::GzipCut),
                    io::ErrorKind::InvalidInput | io::ErrorKind::InvalidData if self.source.is_gzip() => {
                        self.stop = Some(Stop::GzipDamaged);
                    }
                    _ => return Err(error),
                },
            }
        }
        Ok(self.end >= need)
    }
}
