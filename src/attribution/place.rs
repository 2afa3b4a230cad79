//! Where an address stands: every source's vote, and what can be said from them together.

use super::{Claim, CountryCode, Source};
use std::sync::Arc;

/// What is known about the place of one address.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Place {
    /// The answer of the ladder: cloud region before country database; nothing for anycast.
    pub located_in: Option<Claim<CountryCode>>,
    /// Why it cannot be told: `anycast`, `sources disagree: US, NL`, `no source knows this address`. May stand beside a
    /// low-confidence `located_in`.
    pub indeterminate: Option<Box<str>>,
    /// Every source that said something, best first.
    pub votes: Vec<Vote>,
    pub network: Option<Network>,
    pub cloud: Option<Cloud>,
}

/// One source's word on the country of an address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Vote {
    pub country: CountryCode,
    pub source: Arc<Source>,
    /// The prefix that matched, for the evidence: `52.112.0.0/24`.
    pub prefix: Box<str>,
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
