//! Where an address stands: every source's vote, and what can be said from them together.

use super::{Claim, Confidence, CountryCode, Horizon, Prefix, Source};
use std::sync::Arc;

/// What is known about the place of one address.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Place {
    /// The answer of the ladder: cloud region before country database; nothing for anycast.
    pub located_in: Option<Claim<CountryCode>>,
    /// Why it cannot be told: `anycast`, `one prefix, many sites`, `cloud region GLOBAL names no country`,
    /// `no source knows this address`, `no network is known to announce it`, `a round trip excludes US`. Beside a low-confidence `located_in` it says why that is weak:
    /// `sources disagree: US, NL`, `registered there, may stand elsewhere`, `too near for fibre: US`.
    pub indeterminate: Option<Box<str>>,
    /// Every source that said something, best first.
    pub votes: Vec<Vote>,
    pub network: Option<Network>,
    pub cloud: Option<Cloud>,
    /// The row of the anycast table that applies.
    pub caveat: Option<Arc<Caveat>>,
}

/// One source's word on the country of an address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Vote {
    pub country: CountryCode,
    pub source: Arc<Source>,
    /// The prefix that matched, for the evidence: `52.112.0.0/24`.
    pub prefix: Prefix,
    /// What the place was measured to be excludes it: the host that answered does not stand there.
    pub excluded: bool,
}

impl Vote {
    pub(super) fn claim(&self, confidence: Confidence) -> Claim<CountryCode> {
        Claim { value: self.country, source: Arc::clone(&self.source), confidence }
    }
}

impl Place {
    /// Holds the votes against a round trip of at most so many nanoseconds, as seen from the place of capture. What light
    /// speed excludes is marked and is no answer any more. Where sources had differed and one country is left, it is the
    /// answer; where they had agreed there is none, and nothing is put in its place: that the host is not where it was
    /// said to be does not say where it is.
    pub fn test(&mut self, horizon: &Horizon, round_trip: u64) {
        let excluded = horizon.excluded(round_trip);
        for vote in &mut self.votes {
            vote.excluded = excluded.contains(&vote.country);
        }
        let Some(claim) = &mut self.located_in else { return };
        let differ = self.votes.iter().any(|vote| vote.country != claim.value);
        let mut left = self.votes.iter().filter(|vote| !vote.excluded);
        let (first, others) = (left.next(), left);
        if self.votes.iter().any(|vote| vote.excluded) {
            match first {
                Some(first) if differ && others.clone().all(|vote| vote.country == first.country) => {
                    let confidence = if first.country == claim.value { claim.confidence } else { Confidence::Low };
                    self.located_in = Some(first.claim(confidence.max(Confidence::Medium)));
                    self.indeterminate = None;
                    return;
                }
                Some(_) if !excluded.contains(&claim.value) => {}
                _ => {
                    self.indeterminate = Some(format!("a round trip excludes {}", claim.value).into());
                    self.located_in = None;
                    return;
                }
            }
        }
        if horizon.implausible(round_trip).contains(&claim.value) {
            claim.confidence = Confidence::Low;
            self.indeterminate = Some(format!("too near for fibre: {}", claim.value).into());
        }
    }
}

/// The autonomous system that announces the address. Its country is the holder's registration, never a location.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Network {
    pub asn: u32,
    pub name: Box<str>,
    pub country: Option<CountryCode>,
    pub source: Arc<Source>,
}

/// The cloud provider's own word on the address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cloud {
    pub provider: Box<str>,
    pub region: Box<str>,
    pub services: Box<str>,
    pub source: Arc<Source>,
}

/// What a [`Caveat`] takes away from the databases' word.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum CaveatKind {
    /// The same address stands at many sites at once: there is no country.
    Anycast,
    /// Addresses of one prefix stand at sites all over the world, and the databases know only the holder: no country.
    ManySites,
    /// The databases fall back to where the block is registered: their word counts little.
    Registered,
    /// A cloud with regions all over the world: databases mistake them often, its own list says them. Counts where no such
    /// list knows the address.
    Cloud,
}

impl CaveatKind {
    /// The words of [`Place::indeterminate`].
    #[must_use]
    pub const fn words(self) -> &'static str {
        match self {
            Self::Anycast => "anycast",
            Self::ManySites => "one prefix, many sites",
            Self::Registered => "registered there, may stand elsewhere",
            Self::Cloud => "a cloud whose list of regions does not name it",
        }
    }
}

/// Why the place of a network cannot be told from databases, with source.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Caveat {
    pub kind: CaveatKind,
    /// Whose network it is, in short.
    pub holder: Box<str>,
    pub why: Box<str>,
    /// Where that was read.
    pub read_in: Box<str>,
    /// The day the statement stands for, `YYYY-MM-DD`.
    pub as_of: Box<str>,
    /// General knowledge, not read in a source.
    pub unverified: bool,
    /// The table the row stands in.
    pub source: Arc<Source>,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::attribution::Vantage;

    fn place(votes: &[&str]) -> Place {
        let code = |text: &&str| CountryCode::parse(text).unwrap();
        let source = Arc::new(Source { name: "s".into(), date: "2026-01-01".into(), sha256: "".into() });
        let prefix = Prefix::parse("203.0.112.0/24").unwrap();
        let votes: Vec<_> = votes
            .iter()
            .map(|c| Vote { country: code(c), source: Arc::clone(&source), prefix, excluded: false })
            .collect();
        let differ = votes.iter().any(|v| v.country != votes[0].country);
        Place {
            located_in: votes.first().map(|v| v.claim(if differ { Confidence::Low } else { Confidence::Medium })),
            indeterminate: differ.then(|| "sources disagree".into()),
            votes,
            ..Place::default()
        }
    }

    #[test]
    fn a_round_trip_contradicts_and_never_confirms() {
        let horizon = Horizon::new(Vantage::new("Frankfurt", [50.111, 8.682], 0.0).unwrap()).unwrap();
        for (what, votes, ms, want, why) in [
            ("no exclusion", &["US"][..], 95, "US medium", ""),
            ("implausible", &["US"], 45, "US low", "too near for fibre: US"),
            ("all the same, excluded", &["US", "US"], 30, "-", "a round trip excludes US"),
            ("one of two left", &["US", "DE"], 30, "DE medium", ""),
            ("the answer stands, the other goes", &["DE", "US"], 30, "DE medium", ""),
            ("two of three left, the answer gone", &["US", "DE", "NL"], 30, "-", "a round trip excludes US"),
            ("two of three left, the answer among them", &["NL", "DE", "US"], 30, "NL low", "sources disagree"),
            ("all differ, all gone", &["US", "JP"], 30, "-", "a round trip excludes US"),
            ("differ, no help", &["US", "DE"], 95, "US low", "sources disagree"),
            ("near and agreed", &["DE"], 1, "DE medium", ""),
            ("nothing known", &[], 1, "-", ""),
        ] {
            let mut place = place(votes);
            place.test(&horizon, ms * 1_000_000);
            let answer =
                place.located_in.as_ref().map_or("-".to_owned(), |c| format!("{} {}", c.value, c.confidence.token()));
            assert_eq!((answer.as_str(), place.indeterminate.as_deref().unwrap_or_default()), (want, why), "{what}");
        }
    }
}
