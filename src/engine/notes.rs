//! What the facts of one flow add up to: compact, because there may be a million flows.

use super::agreements::AgreementId;
use super::owners::OwnerId;
use super::trips::TripId;
use crate::attribution::{NameBasis, NameId};
use crate::dissect::fact::{Hidden, NameSource};
use crate::wire::{FrameNo, Side};

/// A set of up to 64 protocol tokens.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub(super) struct TokenSet(u64);

impl TokenSet {
    pub(super) const fn is_empty(self) -> bool {
        self.0 == 0
    }

    pub(super) fn join(&mut self, other: Self) {
        self.0 |= other.0;
    }
}

/// Tokens in the order in which they were first met; a set refers to them by position.
#[derive(Debug, Default)]
pub(super) struct Tokens(Vec<&'static str>);

impl Tokens {
    /// Media tells most about a flow; what carried its keys or opened its path tells less.
    const MOST_TELLING: [&'static str; 3] = ["zoom", "rtp", "rtcp"];

    pub(super) fn set(&mut self, token: &'static str) -> TokenSet {
        let at = self.0.iter().position(|t| *t == token).unwrap_or_else(|| {
            self.0.push(token);
            self.0.len() - 1
        });
        TokenSet(u32::try_from(at).ok().and_then(|at| 1_u64.checked_shl(at)).unwrap_or_default())
    }

    pub(super) fn is_media(&self, set: TokenSet) -> bool {
        !set.is_empty() && self.iter(set).any(|token| Self::MOST_TELLING.contains(&token))
    }

    /// The tokens of a set, sorted.
    pub(super) fn list(&self, set: TokenSet) -> Vec<&'static str> {
        let mut list: Vec<_> = self.iter(set).collect();
        list.sort_unstable();
        list
    }

    pub(super) fn iter(&self, set: TokenSet) -> impl Iterator<Item = &'static str> {
        self.0.iter().enumerate().filter(move |(at, _)| set.0 >> at & 1 == 1).map(|(_, t)| *t)
    }

    /// The one token to show for a flow: media before everything, else `last`.
    pub(super) fn application(&self, set: TokenSet, last: TokenSet) -> &'static str {
        let media = Self::MOST_TELLING.into_iter().find(|t| self.iter(set).any(|s| s == *t));
        media.or_else(|| self.iter(last).next()).unwrap_or_default()
    }
}

/// A set of hidden things.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct HiddenSet(u8);

impl HiddenSet {
    pub(super) const fn add(&mut self, hidden: Hidden) {
        self.0 |= 1 << hidden as u8;
    }

    pub(super) const fn join(&mut self, other: Self) {
        self.0 |= other.0;
    }

    pub(super) const fn has(self, hidden: Hidden) -> bool {
        self.0 & 1 << hidden as u8 != 0
    }
}

/// A name that the client got from DNS for the address of the flow.
#[derive(Debug, Clone, Copy)]
pub(super) struct Looked {
    pub(super) name: NameId,
    pub(super) age_secs: u32,
    pub(super) frame: FrameNo,
    /// The side that had asked.
    pub(super) asker: Side,
    /// The answer came after the flow had begun.
    pub(super) after: bool,
}

/// What is known of a flow beside its counts.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Notes {
    pub(super) said: Option<(NameId, NameSource)>,
    pub(super) looked: Option<Looked>,
    pub(super) certificate: Option<NameId>,
    /// Position of its last hello among all hellos ever seen.
    pub(super) handshake: Option<u32>,
    pub(super) spoken: TokenSet,
    /// What it spoke last: one token or none.
    pub(super) last_spoken: TokenSet,
    pub(super) clear: TokenSet,
    pub(super) hidden: HiddenSet,
    /// What its last hello and the answer settled.
    pub(super) agreement: Option<AgreementId>,
    /// Hellos beside which an ECH extension stood.
    pub(super) outer: bool,
    /// There are more names in the list of competing ones.
    pub(super) contested: bool,
    /// The side that spoke as a client (hello, question, request).
    pub(super) client: Option<Side>,
    pub(super) owner: Option<OwnerId>,
    /// Where the round trips of the side that was measured last stand.
    pub(super) trip: Option<TripId>,
}

impl Notes {
    /// The names with their basis, best first: what the flow itself said, what `client` had looked up, the certificate.
    pub(super) fn names(&self, client: Side) -> impl Iterator<Item = (NameId, NameBasis)> {
        let said = self
            .said
            .map(|(name, how)| (name, if self.outer { NameBasis::OuterHello(how) } else { NameBasis::Hello(how) }));
        let looked = self.looked.filter(|l| l.asker == client);
        let before = looked
            .filter(|l| !l.after)
            .map(|l| (l.name, NameBasis::DnsAnswer { age_secs: l.age_secs, frame: l.frame }));
        let certificate = self.certificate.map(|name| (name, NameBasis::Certificate));
        let after = looked.filter(|l| l.after).map(|l| (l.name, NameBasis::DnsAfter { frame: l.frame }));
        [said, before, certificate, after].into_iter().flatten()
    }

    pub(super) fn names_at_hand(&self) -> [Option<NameId>; 2] {
        [self.looked.map(|l| l.name), self.said.map(|(name, _)| name)]
    }

    pub(super) fn name(&self, client: Side) -> Option<(NameId, NameBasis)> {
        self.names(client).next()
    }
}
