//! Every name once: strings in one arena, small numbers in the tables.

use hashbrown::{DefaultHashBuilder, HashTable};
use std::hash::BuildHasher;

/// The number of a name in its [`Interner`]. Numbers count up from 0 in order of arrival.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NameId(u32);

impl NameId {
    /// For dense tables beside the interner.
    #[must_use]
    pub const fn index(self) -> usize {
        self.0 as usize
    }
}

/// Numbers by the hash of what they stand for. Half of the hash is kept, so that a growing table moves its slots
/// without a look at what they stand for, which lies scattered in memory.
#[derive(Debug, Clone, Default)]
pub(crate) struct Index {
    slots: HashTable<(u32, u32)>,
    /// Seeded per table, because the keys come from the network and could be chosen to collide.
    hasher: DefaultHashBuilder,
}

impl Index {
    pub(crate) fn hash(&self, key: impl std::hash::Hash) -> u32 {
        (self.hasher.hash_one(key) >> 32) as u32
    }

    pub(crate) fn find(&self, hash: u32, is: impl Fn(u32) -> bool) -> Option<u32> {
        self.slots.find(spread(hash), |&(h, n)| h == hash && is(n)).map(|&(_, n)| n)
    }

    /// Puts `number` where `is` holds, and gives back what had stood there; adds it where it holds nowhere.
    pub(super) fn put(&mut self, hash: u32, number: u32, is: impl Fn(u32) -> bool) -> Option<u32> {
        if let Some((_, n)) = self.slots.find_mut(spread(hash), |&(h, n)| h == hash && is(n)) {
            return Some(std::mem::replace(n, number));
        }
        self.add(hash, number);
        None
    }

    /// Adds a number that is known to be missing.
    pub(crate) fn add(&mut self, hash: u32, number: u32) {
        self.slots.insert_unique(spread(hash), (hash, number), |&(h, _)| spread(h));
    }

    pub(super) fn remove(&mut self, hash: u32, number: u32) {
        if let Ok(slot) = self.slots.find_entry(spread(hash), |&slot| slot == (hash, number)) {
            slot.remove();
        }
    }

    pub(super) fn footprint(&self) -> usize {
        self.slots.allocation_size()
    }
}

/// The table takes its position from the low bits of a hash and its tag from the high ones; both need to vary.
fn spread(hash: u32) -> u64 {
    u64::from(hash).wrapping_mul(0x9e37_79b9_7f4a_7c15)
}

/// A set of strings that only grows. Strings are kept byte for byte. Bounded by its owner, see [`Interner::bytes`].
#[derive(Debug, Default)]
pub struct Interner {
    text: String,
    /// Where each string ends in `text`; it starts where the one before ends.
    ends: Vec<u32>,
    index: Index,
}

impl Interner {
    /// The number of this string, new or known; `None` if the arena cannot hold it (4 GiB of text).
    pub fn intern(&mut self, text: &str) -> Option<NameId> {
        let hash = self.index.hash(text);
        if let Some(id) = self.index.find(hash, |id| self.text_of(id) == text) {
            return Some(NameId(id));
        }
        let id = u32::try_from(self.ends.len()).ok()?;
        let end = u32::try_from(self.text.len().checked_add(text.len())?).ok()?;
        self.text.push_str(text);
        self.ends.push(end);
        self.index.add(hash, id);
        Some(NameId(id))
    }

    /// The number of a string that is known.
    #[must_use]
    pub fn find(&self, text: &str) -> Option<NameId> {
        self.index.find(self.index.hash(text), |id| self.text_of(id) == text).map(NameId)
    }

    /// The string of a number; empty for a number of another interner.
    #[must_use]
    pub fn resolve(&self, id: NameId) -> &str {
        self.text_of(id.0)
    }

    #[must_use]
    pub fn len(&self) -> usize {
        self.ends.len()
    }

    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    /// Bytes of text held.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.text.len()
    }

    /// Bytes reserved for text and tables.
    #[must_use]
    pub fn footprint(&self) -> usize {
        self.text.capacity() + self.ends.capacity() * size_of::<u32>() + self.index.footprint()
    }

    fn text_of(&self, id: u32) -> &str {
        let at = id as usize;
        let end = self.ends.get(at).map_or(0, |&e| e as usize);
        let start = at.checked_sub(1).and_then(|before| self.ends.get(before)).map_or(0, |&e| e as usize);
        self.text.get(start..end).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_string_has_one_number_and_comes_back_unchanged() {
        let mut names = Interner::default();
        let texts = ["zoom.us", "", "a\u{202e}b", "zoom.u", "s", "a\\xff.b"];
        let ids: Vec<_> = texts.iter().map(|t| names.intern(t).unwrap()).collect();
        for (text, id) in texts.iter().zip(&ids) {
            assert_eq!(names.intern(text), Some(*id));
            assert_eq!(names.find(text), Some(*id));
            assert_eq!(names.resolve(*id), *text);
        }
        assert_eq!(names.len(), texts.len());
        assert_eq!(names.find("unknown"), None);
        assert_eq!(names.resolve(NameId(99)), "");
    }

    #[test]
    fn growing_loses_nothing() {
        let mut names = Interner::default();
        let ids: Vec<_> = (0..50_000).map(|n| names.intern(&format!("host{n}.example")).unwrap()).collect();
        assert_eq!(names.len(), 50_000);
        for (n, id) in ids.iter().enumerate() {
            assert_eq!(names.find(&format!("host{n}.example")), Some(*id));
        }
    }
}
