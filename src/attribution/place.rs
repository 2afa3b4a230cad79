//! Where an address stands: every source's vote, and what can be said from them together.

use super::{Claim, Confidence, CountryCode, Horizon, Prefix, Source};
use compact_str::CompactString;
use std::fmt::{self, Write};
use std::sync::Arc;

/// What is known about the place of one address.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Place {
    /// The answer of the ladder: cloud region before country database; nothing for anycast.
    pub located_in: Option<Claim<CountryCode>>,
    /// Why it cannot be told: `anycast`, `one prefix, many sites`, `cloud region GLOBAL names no country`,
    /// `no source knows this address`, `no network is known to announce it`, `a round trip excludes US`. Beside a low-confidence `located_in` it says why that is weak:
    /// `sources disagree: US, NL`, `registered there, may stand elsewhere`, `spread over many countries, may stand elsewhere`,
    /// `too near for fibre: US`, `only a code in its host name says so`.
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
    pub basis: VoteBasis,
    /// What the place was measured to be excludes it: the host that answered does not stand there.
    pub excluded: bool,
}

/// What in the source matched, for the evidence.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum VoteBasis {
    /// `52.112.0.0/24`.
    Prefix(Prefix),
    /// A code in the host name that a client wrote. `unverified`: how the code is read is general knowledge.
    HostCode { code: Box<str>, unverified: bool },
}

impl fmt::Display for VoteBasis {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Prefix(prefix) => prefix.fmt(f),
            Self::HostCode { code, unverified } => {
                write!(f, "code {code} in its host name{}", if *unverified { ", unverified" } else { "" })
            }
        }
    }
}

impl Vote {
    const fn is_host_code(&self) -> bool {
        matches!(self.basis, VoteBasis::HostCode { .. })
    }

    pub(super) fn claim(&self, confidence: Confidence) -> Claim<CountryCode> {
        Claim { value: self.country, source: Arc::clone(&self.source), confidence }
    }
}

impl Place {
    /// Where a network is spread over many countries, no source is sure of an address, not even its operator's own list.
    pub(super) fn cap(&mut self) {
        let spread = self.caveat.as_ref().filter(|caveat| caveat.kind == CaveatKind::Spread);
        if let (Some(caveat), Some(claim)) = (spread, &mut self.located_in) {
            claim.confidence = Confidence::Low;
            self.indeterminate.get_or_insert_with(|| caveat.kind.words().into());
        }
    }

    /// Adds what a code in a host name of the address says, and weighs it: it never makes an answer surer, for names move
    /// slower than machines. One that says otherwise makes the answer doubtful; but an unverified one does not shake the
    /// word of a cloud or operator on its own network. Where no other source knows the address, it is a weak answer. Where
    /// nothing was asked or no country can hold (anycast, a region of none), it is kept and does not count.
    pub fn hear(&mut self, country: CountryCode, source: &Arc<Source>, code: &str, unverified: bool) {
        if self.located_in.is_none() && self.indeterminate.is_none() {
            return;
        }
        let basis = VoteBasis::HostCode { code: code.into(), unverified };
        let vote = Vote { country, source: Arc::clone(source), basis, excluded: false };
        if self.votes.contains(&vote) {
            return;
        }
        let placeless = self.cloud.is_some()
            || self.caveat.as_ref().is_some_and(|c| matches!(c.kind, CaveatKind::Anycast | CaveatKind::ManySites));
        let unknown = self.votes.is_empty();
        match &mut self.located_in {
            Some(claim) if claim.value != country && (!unverified || claim.confidence < Confidence::High) => {
                claim.confidence = Confidence::Low;
                self.votes.push(vote);
                self.indeterminate = Some(disagreement(&self.votes));
                return;
            }
            None if unknown && !placeless => {
                self.located_in = Some(vote.claim(Confidence::Low));
                self.indeterminate = Some(ONLY_A_CODE.into());
            }
            _ => {}
        }
        self.votes.push(vote);
    }

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
                    // A name alone is no place, whatever it survived.
                    let weak = first.is_host_code();
                    let confidence = if weak { Confidence::Low } else { confidence.max(Confidence::Medium) };
                    self.located_in = Some(first.claim(confidence));
                    self.indeterminate = weak.then(|| ONLY_A_CODE.into());
                    self.cap();
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

/// The words of [`Place::indeterminate`] where a host name is all there is.
const ONLY_A_CODE: &str = "only a code in its host name says so";

/// The words of [`Place::indeterminate`] where votes differ.
pub(super) fn disagreement(votes: &[Vote]) -> Box<str> {
    let mut words = String::from("sources disagree: ");
    for (n, vote) in votes.iter().enumerate() {
        if !votes.iter().take(n).any(|earlier| earlier.country == vote.country) {
            let _ = write!(words, "{}{}", if n == 0 { "" } else { ", " }, vote.country);
        }
    }
    words.into()
}

/// The autonomous system that announces the address. Its country is the holder's registration, never a location.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Network {
    pub asn: u32,
    pub name: CompactString,
    pub country: Option<CountryCode>,
    pub source: Arc<Source>,
}

/// The cloud provider's own word on the address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cloud {
    pub provider: CompactString,
    pub region: CompactString,
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
    /// Addresses of one block stand in many countries and move between them within months: whoever places one may be
    /// right for another day.
    Spread,
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
            Self::Spread => "spread over many countries, may stand elsewhere",
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
            .map(|c| Vote {
                country: code(c),
                source: Arc::clone(&source),
                basis: VoteBasis::Prefix(prefix),
                excluded: false,
            })
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

    /// A place with a row of the anycast table.
    fn with(kind: CaveatKind, mut place: Place) -> Place {
        let source = Arc::new(Source { name: "t".into(), date: "2026-01-01".into(), sha256: "".into() });
        let [holder, why, read_in, as_of]: [Box<str>; 4] = Default::default();
        place.caveat = Some(Arc::new(Caveat { kind, holder, why, read_in, as_of, unverified: false, source }));
        place
    }

    #[test]
    fn a_network_spread_over_many_countries_is_never_sure() {
        let horizon = Horizon::new(Vantage::new("Frankfurt", [50.111, 8.682], 0.0).unwrap()).unwrap();
        for (kind, want, why) in [
            (CaveatKind::Spread, Confidence::Low, Some("spread over many countries, may stand elsewhere")),
            (CaveatKind::Registered, Confidence::Medium, None),
        ] {
            let mut left = with(kind, place(&["US", "DE"]));
            left.test(&horizon, 30_000_000);
            let claim = left.located_in.as_ref().unwrap();
            assert_eq!((claim.value.as_str(), claim.confidence, left.indeterminate.as_deref()), ("DE", want, why));
            assert_eq!(left.votes.len(), 2, "the votes are kept");
        }
    }

    #[test]
    fn a_code_in_a_host_name_makes_doubtful_and_never_sure() {
        let code = |text: &str| CountryCode::parse(text).unwrap();
        let profile = Arc::new(Source { name: "profile".into(), date: "2026-02-01".into(), sha256: "".into() });
        let high = |mut place: Place| {
            place.located_in.as_mut().unwrap().confidence = Confidence::High;
            place
        };
        let bare = |why: &str| Place { indeterminate: Some(why.into()), ..Place::default() };
        let anycast = with(CaveatKind::Anycast, bare("anycast"));
        let only = "only a code in its host name says so";
        for (what, place, says, unverified, want, why) in [
            ("agrees", place(&["US"]), "US", true, "US medium", ""),
            ("agrees and is sourced", place(&["US"]), "US", false, "US medium", ""),
            ("a database is contradicted", place(&["US"]), "DE", true, "US low", "sources disagree: US, DE"),
            ("a cloud is not shaken by general knowledge", high(place(&["DE"])), "US", true, "DE high", ""),
            ("a cloud, a sourced code", high(place(&["DE"])), "US", false, "DE low", "sources disagree: DE, US"),
            ("nobody else knows", bare("no source knows this address"), "DE", false, "DE low", only),
            ("anycast stays", anycast, "DE", false, "-", "anycast"),
            ("nothing was asked", Place::default(), "DE", false, "-", ""),
        ] {
            let (mut place, asked) = (place.clone(), place != Place::default());
            place.hear(code(says), &profile, "fra", unverified);
            place.hear(code(says), &profile, "fra", unverified);
            let answer =
                place.located_in.as_ref().map_or("-".to_owned(), |c| format!("{} {}", c.value, c.confidence.token()));
            assert_eq!((answer.as_str(), place.indeterminate.as_deref().unwrap_or_default()), (want, why), "{what}");
            assert_eq!(place.votes.iter().filter(|v| v.source == profile).count(), usize::from(asked), "{what}");
        }
        // A round trip may leave only the name: that is still a name.
        let horizon = Horizon::new(Vantage::new("Frankfurt", [50.111, 8.682], 0.0).unwrap()).unwrap();
        let mut left = place(&["US"]);
        left.hear(code("DE"), &profile, "fra", false);
        left.test(&horizon, 30_000_000);
        let claim = left.located_in.unwrap();
        assert_eq!((claim.value, claim.confidence), (code("DE"), Confidence::Low));
        assert_eq!(left.indeterminate.as_deref(), Some(only));
        assert_eq!(left.votes[1].basis.to_string(), "code fra in its host name");
    }
}
