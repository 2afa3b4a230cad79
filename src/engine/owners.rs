//! The programs behind the flows, each kept once, and whether they belong to the audited client.

use crate::attribution::Owner;
use std::collections::HashMap;
use std::num::NonZeroU16;
use std::sync::Arc;

/// Position in the list of owners.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct OwnerId(NonZeroU16);

/// Bounded by the identifier: of more programs than that, no machine that makes a call has heard.
#[derive(Debug, Default)]
pub(super) struct Owners {
    list: Vec<(Arc<Owner>, bool)>,
    index: HashMap<Owner, OwnerId>,
    /// Answers that found no more room.
    pub(super) not_kept: u64,
}

impl Owners {
    pub(super) fn intern(&mut self, owner: Owner, watched: bool) -> Option<OwnerId> {
        if let Some(&known) = self.index.get(&owner) {
            if let Some(entry) = self.list.get_mut(known.at()) {
                entry.1 |= watched;
            }
            return Some(known);
        }
        let next = u16::try_from(self.list.len() + 1).ok().and_then(NonZeroU16::new);
        let Some(id) = next.map(OwnerId) else {
            self.not_kept += 1;
            return None;
        };
        self.list.push((Arc::new(owner.clone()), watched));
        self.index.insert(owner, id);
        Some(id)
    }

    /// Whether a program is the client's from now on; one that is not known stays so.
    pub(super) fn judge(&mut self, owner: &Owner, watched: bool) {
        if let Some(entry) = self.index.get(owner).and_then(|id| self.list.get_mut(id.at())) {
            entry.1 = watched;
        }
    }

    pub(super) fn get(&self, id: OwnerId) -> Option<&Arc<Owner>> {
        self.list.get(id.at()).map(|(owner, _)| owner)
    }

    pub(super) fn watched(&self, id: OwnerId) -> bool {
        self.list.get(id.at()).is_some_and(|(_, watched)| *watched)
    }
}

impl OwnerId {
    fn at(self) -> usize {
        usize::from(self.0.get()) - 1
    }
}

/// A set of the first 64 owners; those met later count as programs that are not told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct OwnerSet(u64);

impl OwnerSet {
    pub(super) fn of(owner: Option<OwnerId>) -> Self {
        Self(owner.and_then(|id| 1_u64.checked_shl(id.at() as u32)).unwrap_or_default())
    }

    pub(super) fn join(&mut self, other: Self) {
        self.0 |= other.0;
    }

    pub(super) fn iter(self) -> impl Iterator<Item = usize> {
        (0..64).filter(move |at| self.0 >> at & 1 == 1)
    }
}

impl Owners {
    /// The names of the programs of a set.
    pub(super) fn names(&self, set: OwnerSet) -> impl Iterator<Item = &crate::wire::Text> {
        set.iter().filter_map(|at| self.list.get(at)).map(|(owner, _)| &owner.name)
    }
}
