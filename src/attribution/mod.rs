//! Floor 4: who is behind an address and a name, where, and how that is known. Everything here is a [`Claim`].
//!
//! In come addresses, host names and DNS answers; out come [`Place`], [`Company`] claims and [`DnsName`]s. Nothing is
//! looked up in the network. Data files that are broken are an [`AttributionError`] at loading; after that nothing can
//! fail, an unknown is `None`.

pub mod claim;
pub mod company;
pub mod owner;
pub mod place;

mod atlas;
mod caveats;
mod domain;
mod error;
mod intern;
mod names;
mod organisation;
mod prefix;
mod ranges;
mod schema;
mod table;
mod vantage;
mod world;

pub(crate) use atlas::Records;
pub use atlas::{Atlas, CREDITS, Credit, DatabaseInfo};
pub use claim::{Claim, Confidence, CountryCode, NameBasis, Source};
pub use company::Company;
pub use domain::{MAX_NAME_BYTES, SuffixMap, is_address, registrable};
pub use error::AttributionError;
pub(crate) use intern::Index;
pub use intern::{Interner, NameId};
pub use names::{DnsName, DnsNames, NameBook, NameBooks, NameBounds};
pub use organisation::{Entry, Organisations, Part};
pub use owner::{Owner, OwnerMatch};
pub use place::{Caveat, CaveatKind, Cloud, Network, Place, Vote, VoteBasis};
pub use prefix::{Prefix, PrefixMap};
pub use ranges::{MAX_RANGES_BYTES, RANGES_EXTENSION, RangeCounts, Ranges, RangesFile, RangesKind};
pub use vantage::{Circle, Horizon, Vantage, light_km};
pub use world::{Outline, Point, WORLD_EDITION, World};
