//! The names flows go by, each kept once, bounded in bytes.

use crate::attribution::{Interner, NameId};

#[derive(Debug)]
pub(super) struct Names {
    all: Interner,
    limit: usize,
    /// Names that were not kept, because the bound was reached.
    pub(super) not_kept: u64,
}

impl Names {
    pub(super) fn new(limit: usize) -> Self {
        Self { all: Interner::default(), limit, not_kept: 0 }
    }

    pub(super) fn all(&self) -> &Interner {
        &self.all
    }

    pub(super) fn resolve(&self, name: NameId) -> &str {
        self.all.resolve(name)
    }

    /// The number of a name; `None` beyond the bound. A flow's name is mostly one that is `at_hand`: the one looked up for
    /// it, or that of its hello.
    pub(super) fn intern(&mut self, name: &str, at_hand: [Option<NameId>; 2]) -> Option<NameId> {
        let known = at_hand.into_iter().flatten().find(|id| self.all.resolve(*id) == name);
        if known.is_some() {
            return known;
        }
        if self.all.bytes() < self.limit {
            return self.all.intern(name);
        }
        let known = self.all.find(name);
        self.not_kept += u64::from(known.is_none());
        known
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn beyond_the_bound_known_names_are_found_and_new_ones_are_counted() {
        let mut names = Names::new(4);
        let zoom = names.intern("zoom", [None; 2]).unwrap();
        assert_eq!(names.intern("teams", [Some(zoom), None]), None);
        assert_eq!(names.intern("zoom", [None; 2]), Some(zoom));
        assert_eq!((names.not_kept, names.resolve(zoom)), (1, "zoom"));
    }
}
