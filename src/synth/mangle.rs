//! What a network and a capture do to frames: losing, doubling, swapping, cutting, flipping bits. Seeded, and it keeps
//! books, so that a test can hold the program's own books against them.

use super::Random;
use crate::wire::Timestamp;

/// One captured frame.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Caught {
    pub time: Timestamp,
    /// Length on the wire; more than `bytes` holds if the frame was cut.
    pub original_len: u32,
    pub bytes: Vec<u8>,
}

impl Caught {
    /// A frame that was captured whole.
    #[must_use]
    pub fn whole(time: Timestamp, bytes: Vec<u8>) -> Self {
        Self { time, original_len: bytes.len().min(u32::MAX as usize) as u32, bytes }
    }
}

/// How much of what happens. Shares are in 1/1000 of the frames; `Default` does nothing.
#[derive(Debug, Clone, Copy, Default)]
pub struct Mangle {
    pub loss: u16,
    pub duplication: u16,
    pub reorder: u16,
    /// A reordered frame changes places with one at most this far behind it. Times stay in order: a capture stamps
    /// frames as they come.
    pub window: usize,
    /// And only with one at most so many nanoseconds later, if given: queues of one capture are that far apart.
    pub within: Option<u64>,
    /// Frames are cut to this many bytes, as by a snap length.
    pub snap: Option<usize>,
    /// Frames in which one bit flips. Checksums stay as they were.
    pub flip: u16,
}

/// What was done, in frames.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Damage {
    pub lost: u64,
    pub duplicated: u64,
    pub moved: u64,
    pub cut: u64,
    pub flipped: u64,
}

impl Mangle {
    /// The same frames after a bad journey.
    #[must_use]
    pub fn apply(&self, frames: impl IntoIterator<Item = Caught>, seed: u64) -> (Vec<Caught>, Damage) {
        let (mut random, mut damage) = (Random::new(seed), Damage::default());
        let mut out: Vec<Caught> = Vec::new();
        for mut frame in frames {
            if random.chance(self.loss) {
                damage.lost += 1;
                continue;
            }
            if let Some(snap) = self.snap
                && frame.bytes.len() > snap
            {
                frame.bytes.truncate(snap);
                damage.cut += 1;
            }
            if random.chance(self.flip) {
                let at = random.index(frame.bytes.len());
                if let Some(byte) = frame.bytes.get_mut(at) {
                    *byte ^= 1 << random.below(8);
                    damage.flipped += 1;
                }
            }
            if random.chance(self.duplication) {
                damage.duplicated += 1;
                out.push(frame.clone());
            }
            out.push(frame);
        }
        for at in 0..out.len() {
            if random.chance(self.reorder) {
                let with = (at + 1 + random.index(self.window)).min(out.len() - 1);
                if self.within.is_some_and(|within| apart(&out, at, with) > within) {
                    continue;
                }
                damage.moved += u64::from(with != at);
                swap_contents(&mut out, at, with);
            }
        }
        (out, damage)
    }
}

fn apart(frames: &[Caught], a: usize, b: usize) -> u64 {
    let time = |at: usize| frames.get(at).map_or(Timestamp::ZERO, |frame| frame.time);
    time(b).since(time(a))
}

fn swap_contents(frames: &mut [Caught], a: usize, b: usize) {
    frames.swap(a, b);
    if let Ok([a, b]) = frames.get_disjoint_mut([a, b]) {
        std::mem::swap(&mut a.time, &mut b.time);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frames() -> Vec<Caught> {
        (0..1000).map(|n| Caught::whole(Timestamp::from_secs(n), vec![n as u8; 100])).collect()
    }

    #[test]
    fn nothing_asked_nothing_done() {
        assert_eq!(Mangle::default().apply(frames(), 1), (frames(), Damage::default()));
    }

    #[test]
    fn frames_that_are_far_apart_keep_their_places() {
        let rules = Mangle { reorder: 1_000, window: 4, within: Some(1_500_000_000), ..Mangle::default() };
        let (out, damage) = rules.apply(frames(), 3);
        assert!(damage.moved > 100);
        let moved_by = |(n, frame): (usize, &Caught)| (n as u8).abs_diff(frame.bytes[0]);
        // One place at a time, and a frame pushed on may be pushed on again, but none jumps.
        assert!(out.windows(2).all(|w| w[0].time < w[1].time));
        assert!(out.iter().enumerate().map(moved_by).any(|n| n == 1));
        let far = Mangle { within: None, ..rules };
        assert!(far.apply(frames(), 3).1.moved > damage.moved);
    }

    #[test]
    fn the_books_of_the_damage_balance() {
        let rules =
            Mangle { loss: 100, duplication: 100, reorder: 100, window: 4, within: None, snap: Some(60), flip: 100 };
        let (out, damage) = rules.apply(frames(), 42);
        assert_eq!(out.len() as u64, 1000 - damage.lost + damage.duplicated);
        assert_eq!(damage.cut, 1000 - damage.lost);
        assert!(damage.lost > 50 && damage.duplicated > 50 && damage.moved > 50 && damage.flipped > 50);
        assert!(out.is_sorted_by_key(|f| f.time));
        assert!(out.iter().all(|f| f.bytes.len() == 60 && f.original_len == 100));
        assert_eq!(rules.apply(frames(), 42), (out, damage));
    }
}
