//! What hellos and their answers settled. The same few combinations come again and again, so each is kept once and flows
//! refer to it by number.

use crate::dissect::fact::{Certificate, Choice, Offer};
use crate::policy::subject::{Agreement, Leaf, Validity};
use crate::wire::{FrameNo, Timestamp};
use rustc_hash::FxHashMap;
use std::num::NonZeroU16;
use std::sync::Arc;

/// Different combinations kept, and different certificates as far as they are graded. A client and its servers make some
/// dozen; beyond it the last one known of a flow counts.
const MAX_KEPT: usize = 1 << 14;

/// The number of a combination.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct AgreementId(NonZeroU16);

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct Key {
    /// Position in the engine's list of offers; `None` if the hello was not captured.
    offer: Option<u32>,
    choice: Option<Choice>,
    leaf: Option<u16>,
}

#[derive(Debug, Default)]
pub(super) struct Agreements {
    keys: Vec<Key>,
    index: FxHashMap<Key, AgreementId>,
    leaves: Vec<Leaf>,
    leaf_index: FxHashMap<Leaf, u16>,
    /// Statements that were not taken in because there were too many different ones.
    pub(super) not_kept: u64,
}

/// How often an address under a name agreed on something.
#[derive(Debug, Clone, Copy)]
pub(super) struct Agreed {
    pub(super) id: AgreementId,
    pub(super) flows: u32,
    pub(super) frame: FrameNo,
}

impl Agreements {
    /// A hello: whatever was agreed on before in that flow is over.
    pub(super) fn offered(&mut self, before: Option<AgreementId>, offer: u32) -> Option<AgreementId> {
        self.intern(Key { offer: Some(offer), choice: None, leaf: None }, before)
    }

    pub(super) fn chosen(&mut self, before: Option<AgreementId>, choice: Choice) -> Option<AgreementId> {
        let key = self.key(before);
        self.intern(Key { choice: Some(choice), ..key }, before)
    }

    pub(super) fn certified(&mut self, before: Option<AgreementId>, leaf: Leaf) -> Option<AgreementId> {
        let leaf = match self.leaf_index.get(&leaf) {
            Some(known) => *known,
            None if self.leaves.len() >= MAX_KEPT => {
                self.not_kept += 1;
                return before;
            }
            None => {
                let new = self.leaves.len() as u16;
                self.leaf_index.insert(leaf.clone(), new);
                self.leaves.push(leaf);
                new
            }
        };
        let key = self.key(before);
        self.intern(Key { leaf: Some(leaf), ..key }, before)
    }

    fn key(&self, id: Option<AgreementId>) -> Key {
        let none = Key { offer: None, choice: None, leaf: None };
        id.and_then(|id| self.keys.get(usize::from(id.0.get()) - 1)).copied().unwrap_or(none)
    }

    fn intern(&mut self, key: Key, before: Option<AgreementId>) -> Option<AgreementId> {
        if let Some(known) = self.index.get(&key) {
            return Some(*known);
        }
        let new = u16::try_from(self.keys.len() + 1).ok().and_then(NonZeroU16::new);
        let Some(new) = new.filter(|_| self.keys.len() < MAX_KEPT).map(AgreementId) else {
            self.not_kept += 1;
            return before;
        };
        self.keys.push(key);
        self.index.insert(key, new);
        Some(new)
    }

    /// The combination in full.
    pub(super) fn resolve(&self, agreed: &Agreed, offers: &[Arc<Offer>]) -> Agreement {
        let Key { offer, choice, leaf } = self.key(Some(agreed.id));
        Agreement {
            offer: offer.and_then(|at| offers.get(at as usize)).map(Arc::clone),
            choice,
            leaf: leaf.and_then(|at| self.leaves.get(usize::from(at))).cloned(),
            flows: agreed.flows,
            frame: agreed.frame,
        }
    }
}

/// What of a certificate is graded, on the day of its flow and for the name that the client asked for.
pub(super) fn leaf(certificate: &Certificate, time: Timestamp, asked: Option<&str>) -> Leaf {
    let now = time.secs();
    Leaf {
        key: certificate.key.clone(),
        signature: certificate.signature.clone(),
        self_signed: certificate.self_signed,
        validity: if now < certificate.not_before {
            Validity::NotYet
        } else if now > certificate.not_after {
            Validity::Over
        } else {
            Validity::InTime
        },
        // Of a certificate with very many names not all are kept: then a missing one says nothing.
        fits: asked.and_then(|host| {
            let found = certificate.names.iter().any(|name| covers(name.exact(), host));
            (found || certificate.names.len() < FEWER_NAMES).then_some(found)
        }),
    }
}

/// The dissector keeps at most so many names.
const FEWER_NAMES: usize = 128;

/// Whether a name in a certificate is for the host: the same, or with a star for its first label (RFC 9525 §6.3).
fn covers(pattern: &str, host: &str) -> bool {
    let below = || host.split_once('.').map(|(_, rest)| rest);
    pattern.eq_ignore_ascii_case(host)
        || pattern.strip_prefix("*.").is_some_and(|rest| below().is_some_and(|b| b.eq_ignore_ascii_case(rest)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dissect::fact::HelloTransport;

    fn choice(cipher: u16) -> Choice {
        Choice { version: 0x0303, cipher, ..Choice::default() }
    }

    #[test]
    fn the_last_word_of_a_flow_counts_and_equal_ones_share_a_number() {
        let mut all = Agreements::default();
        let offers = [Arc::new(Offer::unknown(HelloTransport::Tls))];
        let offered = all.offered(None, 0);
        let first = all.chosen(offered, choice(1));
        assert_eq!(all.chosen(offered, choice(1)), first);
        let second = all.chosen(first, Choice { group: Some(29), ..choice(1) });
        assert_ne!(first, second);
        let agreed = Agreed { id: second.unwrap(), flows: 2, frame: FrameNo(5) };
        let told = all.resolve(&agreed, &offers);
        assert_eq!((told.choice.unwrap().group, told.flows, told.frame), (Some(29), 2, FrameNo(5)));
        assert!(told.offer.is_some());
        // An answer without its hello is an agreement too.
        let alone = all.chosen(None, choice(1)).unwrap();
        assert!(all.resolve(&Agreed { id: alone, ..agreed }, &offers).offer.is_none());
    }

    #[test]
    fn the_bound_is_reached_and_counted() {
        let mut all = Agreements::default();
        let known = all.chosen(None, choice(0));
        for n in 1..=MAX_KEPT as u16 {
            all.chosen(None, choice(n));
        }
        assert_eq!(all.not_kept, 1);
        assert_eq!(all.chosen(known, choice(60_000)), known, "what was known before stays");
    }

    #[test]
    fn a_certificate_is_held_against_its_day_and_its_name() {
        let certificate = Certificate {
            names: vec!["a.example".into(), "*.b.example".into()],
            not_before: 1_000,
            not_after: 2_000,
            key: "rsa-2048".into(),
            ..Certificate::default()
        };
        let read = |secs, asked| leaf(&certificate, Timestamp::from_secs(secs), asked);
        assert_eq!(read(1_500, Some("A.example")).fits, Some(true));
        assert_eq!(read(1_500, Some("x.b.example")).fits, Some(true));
        assert_eq!(read(1_500, Some("y.x.b.example")).fits, Some(false));
        assert_eq!(read(1_500, Some("b.example")).fits, Some(false));
        assert_eq!(read(1_500, None).fits, None);
        let validity = [999, 1_000, 2_000, 2_001].map(|secs| read(secs, None).validity);
        assert_eq!(validity, [Validity::NotYet, Validity::InTime, Validity::InTime, Validity::Over]);
        let many = Certificate { names: vec!["a.example".into(); FEWER_NAMES], ..certificate };
        assert_eq!(leaf(&many, Timestamp::from_secs(1_500), Some("c.example")).fits, None);
    }
}
