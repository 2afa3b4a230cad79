//! Where an address stands: every source's vote, and what can be said from them together.

use super::{Claim, CountryCode, Prefix, Source};
use std::sync::Arc;

/// What is known about the place of one address.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Place {
    /// The answer of the ladder: cloud region before country database; nothing for anycast.
    pub located_in: Option<Claim<CountryCode>>,
    /// Why it cannot be told: `anycast`, `one prefix, many sites`, `cloud region GLOBAL names no country`,
    /// `no source knows this address`. Beside a low-confidence `located_in` it says why that is weak:
    /// `sources disagree: US, NL`, `registered there, may stand elsewhere`.
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
}

impl CaveatKind {
    /// The words of [`Place::indeterminate`].
    #[must_use]
    pub const fn words(self) -> &'static str {
        match self {
            Self::Anycast => "anycast",
            Self::ManySites => "one prefix, many sites",
            Self::Registered => "registered there, may stand elsewhere",
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
