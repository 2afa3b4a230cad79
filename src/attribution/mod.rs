//! Floor 4: who is behind an address and a name, where, and how that is known. Everything here is a [`Claim`].

pub mod claim;
pub mod company;
pub mod place;

pub use claim::{Claim, Confidence, CountryCode, NameBasis, Source};
pub use company::Company;
pub use place::{Cloud, Network, Place, Vote};
