//! What is kept of every flow, by number: the latest side by side, older ones that still matter apart.

use super::entry::FlowId;
use std::collections::{BTreeMap, VecDeque};

/// Things numbered as flows are, in order.
#[derive(Debug)]
pub struct Kept<T> {
    /// Number `n` stands at `n - first`.
    latest: VecDeque<T>,
    first: u32,
    /// Those from before `first` that were not taken out.
    older: BTreeMap<u32, T>,
}

impl<T> Default for Kept<T> {
    fn default() -> Self {
        Self { latest: VecDeque::new(), first: 0, older: BTreeMap::new() }
    }
}

impl<T> Kept<T> {
    #[must_use]
    #[inline]
    pub fn get(&self, FlowId(n): FlowId) -> Option<&T> {
        let latest = self.latest.get(n.wrapping_sub(self.first) as usize);
        if latest.is_some() { latest } else { self.get_older(n) }
    }

    #[inline]
    pub fn get_mut(&mut self, FlowId(n): FlowId) -> Option<&mut T> {
        let at = n.wrapping_sub(self.first) as usize;
        if at < self.latest.len() { self.latest.get_mut(at) } else { self.get_older_mut(n) }
    }

    // Asked for every packet, and hardly ever for these.
    #[cold]
    fn get_older(&self, n: u32) -> Option<&T> {
        self.older.get(&n)
    }

    #[cold]
    fn get_older_mut(&mut self, n: u32) -> Option<&mut T> {
        self.older.get_mut(&n)
    }

    /// The number that the next one gets: so many there ever were.
    #[must_use]
    pub fn next(&self) -> FlowId {
        FlowId(self.first + self.latest.len() as u32)
    }

    pub fn push(&mut self, item: T) {
        self.latest.push_back(item);
    }

    /// Takes one out; those that stood before it are set apart.
    pub fn take(&mut self, FlowId(n): FlowId) -> Option<T> {
        if n < self.first {
            return self.older.remove(&n);
        }
        while self.first < n {
            self.set_apart()?;
        }
        self.first += u32::from(!self.latest.is_empty());
        self.latest.pop_front()
    }

    /// Puts the first of the latest with the older ones.
    pub(super) fn set_apart(&mut self) -> Option<()> {
        self.older.insert(self.first, self.latest.pop_front()?);
        self.first += 1;
        Some(())
    }

    /// The first of the latest.
    pub(super) fn front(&self) -> Option<(FlowId, &T)> {
        Some((FlowId(self.first), self.latest.front()?))
    }

    pub(super) fn count_latest(&self) -> usize {
        self.latest.len()
    }

    #[must_use]
    pub fn len(&self) -> usize {
        self.latest.len() + self.older.len()
    }

    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    pub(super) fn older(&self) -> impl Iterator<Item = (FlowId, &T)> {
        self.older.iter().map(|(n, item)| (FlowId(*n), item))
    }

    /// All of them, in order.
    pub fn iter(&self) -> impl Iterator<Item = (FlowId, &T)> {
        self.older().chain((self.first..).map(FlowId).zip(&self.latest))
    }

    pub(super) fn iter_mut(&mut self) -> impl Iterator<Item = (FlowId, &mut T)> {
        let older = self.older.iter_mut().map(|(n, item)| (FlowId(*n), item));
        older.chain((self.first..).map(FlowId).zip(&mut self.latest))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_stay_and_the_order_too_whoever_is_taken_out() {
        let mut kept = Kept::default();
        (0..6_u32).for_each(|n| kept.push(n * 10));
        assert_eq!((kept.take(FlowId(2)), kept.take(FlowId(0)), kept.take(FlowId(0))), (Some(20), Some(0), None));
        assert_eq!((kept.len(), kept.count_latest(), kept.next()), (4, 3, FlowId(6)));
        *kept.get_mut(FlowId(1)).unwrap() += 1;
        let all: Vec<_> = kept.iter().map(|(FlowId(n), item)| (n, *item)).collect();
        assert_eq!(all, [(1, 11), (3, 30), (4, 40), (5, 50)]);
        assert!(all.iter().all(|(n, item)| kept.get(FlowId(*n)) == Some(item)));
        assert!([0, 2, 6, u32::MAX].into_iter().all(|n| kept.get(FlowId(n)).is_none()));
        assert_eq!((kept.take(FlowId(9)), kept.next(), kept.len()), (None, FlowId(6), 4), "nobody has that number");
        kept.push(60);
        assert_eq!(kept.take(FlowId(6)), Some(60));
        assert_eq!((kept.count_latest(), kept.len(), kept.next()), (0, 4, FlowId(7)));
    }
}
