//! Puts the bytes of one side of a TCP connection in order (RFC 9293 §3.4), with bounds.
//!
//! Policy for bytes sent twice: as long as no dissector has confirmed what the stream is, the copy from the longer segment
//! is believed and the stream is read again from its start; afterwards the first copy stands. Stray padding counted as
//! payload and keep-alive probes are short, the data they collide with is long.

/// Bytes kept for one side, in order and early ones together. A ClientHello with certificates and several post-quantum
/// key shares stays below 64 KiB.
pub(super) const MAX_HELD: usize = 64 * 1024;
/// Early segments kept for one side; those that touch are joined before it counts as reached.
const MAX_EARLY: usize = 64;
/// Once the receiver has acknowledged bytes that were never captured, so many later segments may still come before the
/// bytes count as lost: captures of several queues reorder a little.
const PATIENCE: usize = 3;

/// What a segment did to the stream.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Outcome<'a> {
    /// Nothing new, or too early: kept.
    Nothing,
    /// These bytes are next in order. [`Stream::next_early`] may have more.
    Next(&'a [u8]),
    /// Bytes already handed out were wrong: read [`Stream::kept`] from its start.
    Rewritten,
}

/// One side of a connection while somebody listens.
#[derive(Debug, Default)]
pub(super) struct Stream {
    /// Sequence number of the next byte in order; `None` before the first segment.
    next: Option<u32>,
    /// Early segments, sorted by distance from `next`.
    early: Vec<(u32, Box<[u8]>)>,
    early_bytes: usize,
    /// Bytes handed out and not yet confirmed, and the sequence number of the first.
    kept: Vec<u8>,
    kept_from: u32,
    /// Start and length of the last segment handed out.
    last: (u32, u32),
    /// Bytes were handed out.
    started: bool,
    /// Highest acknowledgment of the other side.
    acknowledged: Option<u32>,
}

/// `a - b` in sequence space.
fn distance(a: u32, b: u32) -> i32 {
    a.wrapping_sub(b).cast_signed()
}

impl Stream {
    pub(super) fn held(&self) -> usize {
        self.early_bytes + self.kept.len()
    }

    pub(super) fn kept(&self) -> &[u8] {
        &self.kept
    }

    /// Takes the kept bytes out, for reading them again.
    pub(super) fn take_kept(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.kept)
    }

    /// A SYN was seen: the stream starts behind it. Of several that differ, the last before any data counts.
    pub(super) fn start(&mut self, syn_sequence: u32) {
        if !self.started {
            self.next = Some(syn_sequence.wrapping_add(1));
        }
    }

    pub(super) fn acknowledge(&mut self, number: u32) {
        if self.acknowledged.is_none_or(|old| distance(number, old) > 0) {
            self.acknowledged = Some(number);
        }
    }

    /// The dissector has confirmed what it reads: rewriting ends.
    pub(super) fn confirm(&mut self) {
        self.kept = Vec::new();
    }

    /// Takes a segment. With `confirmed`, bytes handed out before are final.
    pub(super) fn accept<'a>(&mut self, sequence: u32, payload: &'a [u8], confirmed: bool) -> Outcome<'a> {
        if payload.is_empty() {
            return Outcome::Nothing;
        }
        let next = *self.next.get_or_insert(sequence);
        let ahead = distance(sequence, next);
        if ahead > 0 {
            self.keep_early(sequence, payload);
            return Outcome::Nothing;
        }
        let known = ahead.unsigned_abs() as usize;
        if known > 0 && !confirmed && self.rewrite(sequence, payload) {
            return Outcome::Rewritten;
        }
        match payload.get(known..) {
            Some(fresh) if !fresh.is_empty() => {
                self.advance(sequence, payload.len(), fresh.len());
                Outcome::Next(fresh)
            }
            _ => Outcome::Nothing,
        }
    }

    /// Keeps bytes that were handed out, in case a better copy comes. The caller does this when they settled nothing.
    pub(super) fn keep(&mut self, bytes: &[u8]) {
        if self.kept.len() + bytes.len() > MAX_HELD {
            self.kept = Vec::new();
            return;
        }
        if self.kept.is_empty() {
            self.kept_from = self.next.unwrap_or_default().wrapping_sub(bytes.len() as u32);
        }
        self.kept.extend_from_slice(bytes);
    }

    fn advance(&mut self, sequence: u32, segment: usize, fresh: usize) {
        self.started = true;
        self.last = (sequence, segment as u32);
        self.next = self.next.map(|n| n.wrapping_add(fresh as u32));
    }

    /// Whether a segment that reaches back changes what was handed out; if so it is written over it.
    fn rewrite(&mut self, sequence: u32, payload: &[u8]) -> bool {
        if self.kept.is_empty() || payload.len() + self.kept.len() > MAX_HELD {
            return false;
        }
        let at = distance(sequence, self.kept_from);
        if at < 0 {
            // Started in the middle, and what came before turns up: put it in front if it joins.
            let before = at.unsigned_abs() as usize;
            let Some(front) = payload.get(..before) else { return false };
            self.kept.splice(0..0, front.iter().copied());
            self.kept_from = sequence;
            return true;
        }
        let (last_start, last_len) = self.last;
        if distance(sequence, last_start) > 0 || payload.len() <= last_len as usize {
            return false;
        }
        let at = at.unsigned_abs() as usize;
        let Some(old) = self.kept.get_mut(at..) else { return false };
        let (over, beyond) = payload.split_at(old.len().min(payload.len()));
        let Some(old) = old.get_mut(..over.len()).filter(|old| *old != over) else { return false };
        old.copy_from_slice(over);
        self.kept.extend_from_slice(beyond);
        self.last = (sequence, payload.len() as u32);
        let end = sequence.wrapping_add(payload.len() as u32);
        if self.next.is_none_or(|n| distance(end, n) > 0) {
            self.next = Some(end);
        }
        true
    }

    fn keep_early(&mut self, sequence: u32, payload: &[u8]) {
        if self.early.len() >= MAX_EARLY || self.early_bytes + payload.len() > MAX_HELD {
            return;
        }
        let next = self.next.unwrap_or(sequence);
        let at = self.early.partition_point(|(s, _)| distance(*s, next) < distance(sequence, next));
        // The same segment again: the longer copy stays.
        if let Some((s, old)) = self.early.get_mut(at)
            && *s == sequence
        {
            if payload.len() > old.len() {
                self.early_bytes += payload.len() - old.len();
                *old = payload.into();
            }
            return;
        }
        self.early_bytes += payload.len();
        self.early.insert(at, (sequence, payload.into()));
        if self.early.len() >= MAX_EARLY {
            self.join_early();
        }
    }

    /// Makes one of the early segments that touch: holes are bounded, not how finely the sender cuts.
    fn join_early(&mut self) {
        let mut joined: Vec<(u32, Vec<u8>)> = Vec::new();
        for (sequence, segment) in self.early.drain(..) {
            match joined.last_mut() {
                Some((first, before)) if first.wrapping_add(before.len() as u32) == sequence => {
                    before.extend_from_slice(&segment);
                }
                _ => joined.push((sequence, segment.into_vec())),
            }
        }
        self.early = joined.into_iter().map(|(sequence, segment)| (sequence, segment.into())).collect();
    }

    /// The next early segment that is now in order.
    pub(super) fn next_early(&mut self) -> Option<Box<[u8]>> {
        loop {
            let next = self.next?;
            let (sequence, _) = self.early.first()?;
            let behind = distance(next, *sequence);
            if behind < 0 {
                return None;
            }
            let (sequence, segment) = self.early.remove(0);
            self.early_bytes -= segment.len();
            let fresh = segment.get(behind.unsigned_abs() as usize..).unwrap_or_default();
            if !fresh.is_empty() {
                self.advance(sequence, segment.len(), fresh.len());
                return Some(if behind == 0 { segment } else { fresh.into() });
            }
        }
    }

    /// The length of the hole in front of the early segments, once it is certain that nothing will fill it: the receiver
    /// has acknowledged beyond it, or no more can be kept, or (`ended`) nothing more will come. Skips the hole.
    pub(super) fn give_up_hole(&mut self, ended: bool) -> Option<u64> {
        let next = self.next?;
        let (sequence, _) = self.early.first()?;
        let hole = u64::try_from(distance(*sequence, next)).ok().filter(|&h| h > 0)?;
        let lost = self.early.len() > PATIENCE && self.acknowledged.is_some_and(|a| distance(a, *sequence) >= 0);
        let full = self.early.len() >= MAX_EARLY || self.early_bytes > MAX_HELD / 2;
        if !(ended || lost || full) {
            return None;
        }
        self.next = Some(*sequence);
        self.kept = Vec::new();
        Some(hole)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Feeds segments and returns what came out in order, gaps as `[n]`.
    fn read(segments: &[(u32, &str)], syn: Option<u32>) -> String {
        let (mut stream, mut out) = (Stream::default(), String::new());
        if let Some(syn) = syn {
            stream.start(syn);
        }
        let text = |b: &[u8]| String::from_utf8(b.to_vec()).unwrap();
        for (sequence, payload) in segments {
            match stream.accept(*sequence, payload.as_bytes(), false) {
                Outcome::Nothing => {}
                Outcome::Next(bytes) => {
                    stream.keep(bytes);
                    out.push_str(&text(bytes));
                }
                Outcome::Rewritten => out = text(stream.kept()),
            }
            while let Some(bytes) = stream.next_early() {
                stream.keep(&bytes);
                out.push_str(&text(&bytes));
            }
        }
        while let Some(hole) = stream.give_up_hole(true) {
            out.extend(["[", &hole.to_string(), "]"]);
            while let Some(bytes) = stream.next_early() {
                out.push_str(&text(&bytes));
            }
        }
        assert_eq!(stream.early_bytes, 0);
        out
    }

    #[test]
    fn early_bytes_one_by_one_wait_for_what_comes_before() {
        let text: Vec<String> = (0..200_u8).map(|n| char::from(b'a' + n % 26).to_string()).collect();
        let mut segments: Vec<(u32, &str)> = (100..).zip(text.iter().map(String::as_str)).collect();
        segments.rotate_left(1);
        assert_eq!(read(&segments, Some(99)), text.concat());
    }

    #[test]
    fn segments_come_out_in_order_however_they_arrive() {
        for (what, syn, segments, want) in [
            ("in order", Some(99), &[(100, "ab"), (102, "cd")][..], "abcd"),
            ("swapped", Some(99), &[(102, "cd"), (100, "ab")], "abcd"),
            ("three reversed", Some(99), &[(104, "ef"), (102, "cd"), (100, "ab")], "abcdef"),
            ("sent again", Some(99), &[(100, "ab"), (100, "ab"), (102, "cd")], "abcd"),
            ("overlapping tail", Some(99), &[(100, "abc"), (101, "bcde")], "abcde"),
            ("early overlap", Some(99), &[(102, "cde"), (103, "def"), (100, "ab")], "abcdef"),
            ("hole", Some(99), &[(100, "ab"), (105, "fg")], "ab[3]fg"),
            ("wraps", Some(u32::MAX - 2), &[(u32::MAX - 1, "ab"), (0, "cd")], "abcd"),
            ("middle, then what was before", None, &[(102, "cd"), (100, "ab")], "abcd"),
            ("keep-alive byte", Some(99), &[(100, "abcd"), (103, "\0"), (104, "e")], "abcde"),
            ("padding taken for payload", Some(99), &[(100, "\0\0"), (100, "abcd"), (104, "ef")], "abcdef"),
            ("padding between", Some(99), &[(100, "ab"), (102, "\0\0"), (102, "cdef")], "abcdef"),
            ("padding afterwards", Some(99), &[(100, "abcd"), (100, "\0\0"), (104, "ef")], "abcdef"),
        ] {
            assert_eq!(read(segments, syn), want, "{what}");
        }
    }

    #[test]
    fn a_hole_is_given_up_when_the_receiver_has_acknowledged_it() {
        let mut s = Stream::default();
        s.start(0);
        for k in 0..=PATIENCE as u32 {
            assert_eq!(s.give_up_hole(false), None);
            s.accept(11 + k, b"x", false);
        }
        assert_eq!(s.give_up_hole(false), None, "nobody acknowledged");
        s.acknowledge(20);
        assert_eq!(s.give_up_hole(false), Some(10));
    }

    #[test]
    fn what_is_held_is_bounded() {
        let mut s = Stream::default();
        s.start(0);
        let part = vec![0; 1400];
        for k in 0..1_000 {
            s.accept(10_000 + k * 1400, &part, false);
            assert!(s.held() <= MAX_HELD);
        }
        assert!(s.give_up_hole(false).is_some(), "full");
        let mut s = Stream::default();
        for k in 0..1_000_u32 {
            if let Outcome::Next(b) = s.accept(k * 1400, &part, false) {
                s.keep(b);
            }
            assert!(s.held() <= MAX_HELD);
        }
    }
}
