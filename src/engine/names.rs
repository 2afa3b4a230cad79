//! The names flows go by, each kept once, bounded in bytes.

use crate::attribution::{DnsName, Interner, NameId};

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

/// Name → the aliases through which DNS led from it to an address, latest answer.
#[derive(Debug, Default)]
pub(super) struct Chains {
    /// By the number of the name: 1 + position in the list, 0 for none.
    at: Vec<u32>,
    all: Vec<Box<[NameId]>>,
}

impl Chains {
    fn insert(&mut self, name: NameId, chain: Box<[NameId]>) {
        if self.at.len() <= name.index() {
            self.at.resize(name.index() + 1, 0);
        }
        let Some(at) = self.at.get_mut(name.index()) else { return };
        if let Some(known) = at.checked_sub(1).and_then(|at| self.all.get_mut(at as usize)) {
            *known = chain;
        } else {
            self.all.push(chain);
            *at = self.all.len() as u32;
        }
    }

    /// Takes in a name that was looked up, with its aliases; nothing where there is no more room for names.
    pub(super) fn looked_up(&mut self, found: &DnsName<'_>, names: &mut Names) -> Option<NameId> {
        let name = names.intern(found.name, [None; 2])?;
        if !found.chain.is_empty() {
            let aliases = found.chain.iter().skip(1);
            self.insert(name, aliases.filter_map(|alias| names.intern(alias, [None; 2])).collect());
        }
        Some(name)
    }

    pub(super) fn get(&self, name: NameId) -> Option<&[NameId]> {
        let at = self.at.get(name.index())?.checked_sub(1)?;
        self.all.get(at as usize).map(|chain| &**chain)
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

    #[test]
    fn the_latest_chain_of_a_name_counts() {
        let (mut names, mut chains) = (Names::new(100), Chains::default());
        let [a, b, c] = ["a", "b", "c"].map(|name| names.intern(name, [None; 2]).unwrap());
        chains.insert(b, [a].into());
        chains.insert(c, [b].into());
        chains.insert(b, [c, a].into());
        assert_eq!([a, b, c].map(|name| chains.get(name)), [None, Some(&[c, a][..]), Some(&[b][..])]);
    }
}
