//! Pieces of a byte string that come in any order, twice or overlapping: QUIC CRYPTO frames and DTLS fragments.

/// Most separate pieces kept of one string. Browsers scatter a hello over some twenty frames on purpose.
const MAX_PIECES: usize = 64;

/// A bound was reached: too long, or in too many pieces.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::dissect) struct Full;

/// The string so far. What came first stays: a sender has no honest reason to send other bytes for the same place.
#[derive(Debug, Default)]
pub(in crate::dissect) struct Pieces {
    bytes: Vec<u8>,
    /// Ranges of `bytes` that are filled: sorted, apart from each other, never empty.
    filled: Vec<(usize, usize)>,
}

impl Pieces {
    /// Puts `piece` at `offset`. True if it brought anything new. `limit` bounds the string, in bytes.
    pub(in crate::dissect) fn put(&mut self, offset: usize, piece: &[u8], limit: usize) -> Result<bool, Full> {
        let end = offset.checked_add(piece.len()).filter(|end| *end <= limit).ok_or(Full)?;
        if piece.is_empty() || self.filled.iter().any(|(from, to)| *from <= offset && end <= *to) {
            return Ok(false);
        }
        let touched = self.filled.iter().filter(|(from, to)| *from <= end && offset <= *to).count();
        if self.filled.len() - touched >= MAX_PIECES {
            return Err(Full);
        }
        if self.bytes.len() < end {
            self.bytes.resize(end, 0);
        }
        let mut at = offset;
        let (mut from, mut to) = (offset, end);
        let mut apart = Vec::with_capacity(self.filled.len() + 1);
        for range in &self.filled {
            if range.1 < offset || end < range.0 {
                apart.push(*range);
                continue;
            }
            self.bytes.get_mut(at..range.0.max(at)).into_iter().flatten().zip(part(piece, offset, at)).for_each(set);
            at = at.max(range.1);
            (from, to) = (from.min(range.0), to.max(range.1));
        }
        self.bytes.get_mut(at..end).into_iter().flatten().zip(part(piece, offset, at)).for_each(set);
        let place = apart.partition_point(|range| range.0 < from);
        apart.insert(place, (from, to));
        self.filled = apart;
        Ok(true)
    }

    /// The bytes from the beginning up to the first that is missing.
    pub(in crate::dissect) fn front(&self) -> &[u8] {
        match self.filled.first() {
            Some((0, to)) => self.bytes.get(..*to).unwrap_or_default(),
            _ => &[],
        }
    }

    /// Bytes of memory held.
    pub(in crate::dissect) fn held(&self) -> usize {
        self.bytes.capacity() + self.filled.capacity() * size_of::<(usize, usize)>()
    }
}

/// The part of a piece at `offset` that belongs at `at` and behind.
fn part(piece: &[u8], offset: usize, at: usize) -> &[u8] {
    piece.get(at.saturating_sub(offset)..).unwrap_or_default()
}

fn set((to, from): (&mut u8, &u8)) {
    *to = *from;
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn bounds_hold() {
        let mut pieces = Pieces::default();
        assert_eq!(pieces.put(9, b"ab", 10), Err(Full));
        assert_eq!(pieces.put(usize::MAX, b"ab", 10), Err(Full));
        for i in 0..MAX_PIECES {
            assert_eq!(pieces.put(i * 2, b"x", 1000), Ok(true));
        }
        assert_eq!(pieces.put(900, b"x", 1000), Err(Full));
        assert_eq!(pieces.put(1, b"y", 1000), Ok(true));
        assert_eq!(pieces.front(), b"xyx");
    }

    proptest! {
        /// Any cover of a string by pieces, in any order, gives the string; until then, a prefix of it.
        #[test]
        fn pieces_make_the_whole(
            whole in prop::collection::vec(any::<u8>(), 1..80),
            cuts in prop::collection::vec((0usize..80, 0usize..80), 0..40),
        ) {
            let mut pieces = Pieces::default();
            for (from, to) in cuts.into_iter().chain([(0, 79)]) {
                let (from, to) = (from.min(whole.len()), to.saturating_add(1).min(whole.len()));
                if from < to {
                    pieces.put(from, &whole[from..to], 80).unwrap();
                }
                prop_assert!(whole.starts_with(pieces.front()));
                prop_assert!(pieces.filled.windows(2).all(|w| w[0].1 < w[1].0));
            }
            prop_assert_eq!(pieces.front(), &whole[..]);
        }

        #[test]
        fn the_first_copy_stays(a in 0usize..20, b in 0usize..20, n in 1usize..20, m in 1usize..20) {
            let mut pieces = Pieces::default();
            pieces.put(a, &vec![1; n], 99).unwrap();
            pieces.put(b, &vec![2; m], 99).unwrap();
            prop_assert!(pieces.bytes[a..a + n].iter().all(|x| *x == 1));
            let old = a..a + n;
            prop_assert!((b..b + m).all(|i| old.contains(&i) || pieces.bytes[i] == 2));
        }
    }
}
