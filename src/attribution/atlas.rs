//! The databases, and the ladder from their votes to one answer: anycast, cloud region, country database. The country
//! of the AS holder is never a rung: it says who is registered where.

use super::caveats::{self, Caveats};
use super::ranges::{RANGES_EXTENSION, Ranges, RangesKind};
use super::schema::{self, Schema};
use super::table::sha256;
use super::{
    AttributionError, CaveatKind, Claim, Cloud, Confidence, CountryCode, Network, Place, Prefix, Source, Vote,
    VoteBasis, place::disagreement,
};
use crate::wire::{AddressKind, Timestamp, canonical};
use maxminddb::{LookupResult, Reader};
use rustc_hash::FxHashMap;
use serde::Deserialize;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;

/// A file that is compiled in. Its hash is a constant, because hashing 19 MB at every start would cost more than the
/// work of most runs; a test holds it against the bytes.
struct Embedded {
    name: &'static str,
    date: &'static str,
    sha256: &'static str,
    schema: Schema,
    bytes: &'static [u8],
}

static EMBEDDED: [Embedded; 3] = [
    Embedded {
        name: "Cloud region list",
        date: "2026-10-26",
        sha256: "f7ecff908f59437b27eeb6b041fe5304fe8bbbdbdda72d9a0e72874115f79244",
        schema: Schema::CLOUD,
        bytes: include_bytes!("../../geoip/cloud.mmdb"),
    },
    Embedded {
        name: "DB-IP Country Lite",
        date: "2026-06-01",
        sha256: "4e7f53dd9c6ebe0e7244d5dd4cc03639bc9dbe0a5a83eca90db50eeaeea72024",
        schema: Schema::FLAT_COUNTRY,
        bytes: include_bytes!("../../geoip/dbip-country.mmdb"),
    },
    Embedded {
        name: "AS table (RouteViews, NRO, DB-IP; ipverse)",
        date: "2026-06-17",
        sha256: "38e41bc8f4b34dc2bfba4ce2543def59f1ff70cabac1f5d3f9c8469a28bdf01a",
        schema: Schema::OWN_ASN,
        bytes: include_bytes!("../../geoip/asn.mmdb"),
    },
];

/// A line that the licences of the embedded data ask for wherever results are shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Credit {
    pub text: &'static str,
    /// Pages that show results must link there.
    pub link: Option<&'static str>,
}

/// What reports and the list of licences say about the embedded data.
pub static CREDITS: [Credit; 3] = [
    Credit { text: "IP Geolocation by DB-IP", link: Some("https://db-ip.com") },
    Credit {
        text: "Contains data from RouteViews (routeviews.org), NRO (nro.net) and DB-IP (db-ip.com), CC BY 4.0; modified: \
               converted to MMDB, country of the AS holder added from ipverse/as-metadata (CC0)",
        link: None,
    },
    Credit {
        text: "Ranges published by AWS, Microsoft Azure, Google Cloud and Oracle Cloud, collected by cloudip-db (MIT), \
               2026-10-26; local zones of AWS as of 2025-10-31",
        link: None,
    },
];

/// The bytes of a database.
enum Bytes {
    Embedded(&'static [u8]),
    Owned(Vec<u8>),
}

impl AsRef<[u8]> for Bytes {
    fn as_ref(&self) -> &[u8] {
        match self {
            Self::Embedded(bytes) => bytes,
            Self::Owned(bytes) => bytes,
        }
    }
}

#[derive(Debug)]
struct Database {
    reader: Reader<Bytes>,
    schema: Schema,
    source: Arc<Source>,
    embedded: bool,
}

/// What there is to say about a database that is in use.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DatabaseInfo {
    pub source: Arc<Source>,
    /// The type the file declares.
    pub database_type: Box<str>,
    /// Seconds since 1970.
    pub build_epoch: u64,
    pub nodes: u32,
    /// 4 or 6; a database of 4 knows no IPv6 address.
    pub ip_version: u16,
    /// The fields that are read, by role: `("country", "country.iso_code")`, `("asn", "asn")` ...
    pub fields: Vec<(&'static str, &'static str)>,
    pub embedded: bool,
}

/// Answers where an address stands and whose network it is in. Made once, read by everybody.
#[derive(Debug)]
pub struct Atlas {
    /// Asked in this order: what the user gave, by name, then what is compiled in.
    databases: Vec<Database>,
    /// Lists that the user imported, newest first.
    ranges: Vec<Ranges>,
    caveats: Caveats,
}

impl Atlas {
    /// The atlas that is compiled in. Nothing is copied, verified or hashed.
    ///
    /// # Errors
    /// Only if the files compiled in are broken, which the tests exclude.
    pub fn embedded() -> Result<Self, AttributionError> {
        Self::with_user_files(Vec::new())
    }

    /// The user's own files before those that are compiled in. `files` are names without folder, and contents: every
    /// `*.mmdb` is opened as a database, `*.ranges` read as an imported list, `anycast.toml` replaces the table that is compiled in, anything else is left
    /// alone. Each database is hashed once, here.
    ///
    /// # Errors
    /// A file that is no database, has no known field, or a table with a fault.
    pub fn with_user_files(files: Vec<(String, Vec<u8>)>) -> Result<Self, AttributionError> {
        let mut files = files;
        files.sort_by(|(a, _), (b, _)| a.cmp(b));
        let (mut databases, mut ranges) = (Vec::new(), Vec::new());
        let mut caveats = None;
        for (name, bytes) in files {
            if name == caveats::EMBEDDED.0 {
                let text = std::str::from_utf8(&bytes)
                    .map_err(|_| AttributionError::table(&name, "text", "is not UTF-8", "save it as UTF-8"))?;
                caveats = Some(Caveats::parse(&name, text)?);
            } else if name.to_ascii_lowercase().ends_with(".mmdb") {
                databases.push(Database::user(&name, bytes)?);
            } else if name.ends_with(&format!(".{RANGES_EXTENSION}")) {
                ranges.push(Ranges::parse(&name, &bytes)?);
            }
        }
        for file in &EMBEDDED {
            databases.push(Database::compiled_in(file)?);
        }
        let caveats = match caveats {
            Some(caveats) => caveats,
            None => Caveats::parse(caveats::EMBEDDED.0, caveats::EMBEDDED.1)?,
        };
        ranges.sort_by(|a, b| (&b.source.date, a.kind).cmp(&(&a.source.date, b.kind)));
        Ok(Self { databases, ranges, caveats })
    }

    /// Every database and table in use, in the order in which they are asked.
    #[must_use]
    pub fn sources(&self) -> Vec<Arc<Source>> {
        let databases = self.databases.iter().map(|d| &d.source);
        databases.chain(self.ranges.iter().map(|r| &r.source)).chain([self.caveats.source()]).cloned().collect()
    }

    /// The databases in use, in the order in which they are asked.
    #[must_use]
    pub fn databases(&self) -> Vec<DatabaseInfo> {
        self.databases.iter().map(Database::info).collect()
    }

    /// The lists that the user imported, newest first.
    #[must_use]
    pub fn ranges(&self) -> &[Ranges] {
        &self.ranges
    }

    /// What is known about the place of an address. Addresses that are not public have none; a documentation address has
    /// the one that a database of the user's own gives it, as in a laboratory.
    #[must_use]
    pub fn place(&self, address: IpAddr) -> Place {
        self.place_among(address, &mut Records::default())
    }

    /// The same for one of many addresses. `read` is of this atlas alone.
    pub(crate) fn place_among(&self, address: IpAddr, read: &mut Records) -> Place {
        let address = inner(canonical(address));
        let kind = AddressKind::of(address);
        if !kind.is_outside() {
            return Place::default();
        }
        let asked = || (0..).zip(&self.databases).filter(|(_, d)| kind.is_public() || !d.embedded);
        let mut votes = Vec::with_capacity(2);
        let (cloud, known) = cloud(asked().map(|(_, database)| database), &self.ranges, address, &mut votes).unzip();
        let known = known.unwrap_or_default();
        let from_cloud = votes.len();
        let feeds = self.ranges.iter().filter(|r| r.kind == RangesKind::Geofeed);
        votes.extend(feeds.filter_map(|feed| vote(feed, address)));
        let from_operators = votes.len();
        for (number, database) in asked() {
            votes.extend(database.country(address, number, read));
        }
        let network = asked().find_map(|(number, database)| database.network(address, number, read));
        if !kind.is_public() && votes.is_empty() && network.is_none() {
            return Place::default();
        }
        let spoken_of = cloud.as_ref().map(|c| (&*c.provider, &*c.services));
        let caveat = self.caveats.of(address, network.as_ref().map(|n| n.asn), spoken_of).cloned();
        let kind = caveat.as_ref().map(|c| c.kind);
        let (located_in, indeterminate) = match (kind, &cloud) {
            (Some(kind @ (CaveatKind::Anycast | CaveatKind::ManySites)), _) => (None, Some(kind.words().into())),
            (_, Some(cloud)) => match votes.first().filter(|_| from_cloud > 0) {
                // A database that is younger than the list and says otherwise may know that the range has moved.
                Some(vote) if votes.iter().any(|v| v.country != vote.country && v.source.date > known) => {
                    (Some(vote.claim(Confidence::Low)), Some(disagreement(&votes)))
                }
                // The region is sure, whether the machine stands in a zone of it abroad is not.
                Some(vote) if known.is_empty() => (Some(vote.claim(Confidence::Medium)), None),
                Some(vote) => (Some(vote.claim(Confidence::High)), None),
                None => (None, Some(format!("cloud region {} names no country", cloud.region).into())),
            },
            // What an operator says of its own network is no default of a database.
            (kind, None) => weigh(&votes, kind.filter(|_| from_operators == 0), network.is_some()),
        };
        let mut place = Place { located_in, indeterminate, votes, network, cloud, caveat };
        place.cap();
        place
    }
}

/// Records of databases that were read before, by the number of the database and where they stand in it: thousands of
/// addresses share one.
#[derive(Debug, Default)]
pub(crate) struct Records {
    countries: FxHashMap<(usize, usize), Option<CountryCode>>,
    networks: FxHashMap<(usize, usize), Option<Network>>,
}

/// The most specific cloud range around an address, its vote if its region has a country, and the day for which that is
/// known: empty if the list does not tell a region from its zones elsewhere.
fn cloud<'a>(
    databases: impl Iterator<Item = &'a Database>,
    ranges: &'a [Ranges],
    address: IpAddr,
    votes: &mut Vec<Vote>,
) -> Option<(Cloud, Box<str>)> {
    let mut best: Option<(Prefix, &Arc<Source>, CloudRecord<'_>)> = None;
    // A list that was imported counts before the same provider's older ones, even where it is silent.
    let imported = |provider: &str| ranges.iter().find(|r| r.kind.token() == provider);
    for list in ranges.iter().filter(|r| r.kind != RangesKind::Geofeed) {
        let provider = list.kind.token();
        if !imported(provider).is_some_and(|newest| std::ptr::eq(newest, list)) {
            continue;
        }
        let Some((prefix, said)) = list.get(address) else { continue };
        if best.as_ref().is_none_or(|(other, _, _)| prefix.bits() > other.bits()) {
            let record = CloudRecord {
                provider,
                region: &said.region,
                country_code: said.country.as_ref().map(CountryCode::as_str),
                services: Some(&said.services),
                zones: None,
            };
            best = Some((prefix, &list.source, record));
        }
    }
    for database in databases.filter(|d| d.schema.cloud) {
        let Some(found) = database.find(address) else { continue };
        let (Ok(Some(record)), Some(prefix)) = (found.decode::<CloudRecord<'_>>(), prefix_of(&found)) else {
            continue;
        };
        if imported(record.provider).is_some_and(|list| list.source.date >= database.source.date) {
            continue;
        }
        // Of two equally narrow ranges the user's own counts: it is asked first.
        if best.as_ref().is_none_or(|(other, _, _)| prefix.bits() > other.bits()) {
            best = Some((prefix, &database.source, record));
        }
    }
    let (prefix, source, record) = best?;
    if let Some(country) = record.country_code.and_then(CountryCode::parse).filter(CountryCode::is_a_place) {
        votes.push(Vote { country, source: Arc::clone(source), basis: VoteBasis::Prefix(prefix), excluded: false });
    }
    let known = record.zones.unwrap_or(&source.date).into();
    let cloud = Cloud {
        provider: record.provider.into(),
        region: record.region.into(),
        services: record.services.unwrap_or_default().into(),
        source: Arc::clone(source),
    };
    Some((cloud, known))
}

/// The answer of the country databases alone.
fn weigh(
    votes: &[Vote],
    caveat: Option<CaveatKind>,
    announced: bool,
) -> (Option<Claim<CountryCode>>, Option<Box<str>>) {
    let Some(first) = votes.first() else { return (None, Some("no source knows this address".into())) };
    if votes.iter().any(|vote| vote.country != first.country) {
        return (Some(first.claim(Confidence::Low)), Some(disagreement(votes)));
    }
    match caveat {
        Some(kind) => (Some(first.claim(Confidence::Low)), Some(kind.words().into())),
        None if !announced => (Some(first.claim(Confidence::Low)), Some("no network is known to announce it".into())),
        None => (Some(first.claim(Confidence::Medium)), None),
    }
}

/// What a geofeed says of an address.
fn vote(feed: &Ranges, address: IpAddr) -> Option<Vote> {
    let (prefix, said) = feed.get(address)?;
    Some(Vote {
        country: said.country?,
        source: Arc::clone(&feed.source),
        basis: VoteBasis::Prefix(prefix),
        excluded: false,
    })
}

/// The address that a NAT64 address of the well-known prefix leads to (RFC 6052 §2.1), else the address itself.
fn inner(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V6(v6) => match v6.segments() {
            [0x64, 0xff9b, 0, 0, 0, 0, high, low] => Ipv4Addr::from_bits(u32::from(high) << 16 | u32::from(low)).into(),
            _ => address,
        },
        IpAddr::V4(_) => address,
    }
}

/// A record of a cloud range file, ours or one in the same form.
#[derive(Deserialize)]
struct CloudRecord<'a> {
    provider: &'a str,
    region: &'a str,
    #[serde(default)]
    country_code: Option<&'a str>,
    #[serde(default)]
    services: Option<&'a str>,
    /// The day as of which it is known in which zone of its region the range is: zones may lie in another country. Empty:
    /// not known. Missing: as of the date of the list.
    #[serde(default)]
    zones: Option<&'a str>,
}

impl Database {
    fn compiled_in(file: &Embedded) -> Result<Self, AttributionError> {
        let source = Source { name: file.name.into(), date: file.date.into(), sha256: file.sha256.into() };
        let reader = open(file.name, Bytes::Embedded(file.bytes))?;
        Ok(Self { reader, schema: file.schema, source: Arc::new(source), embedded: true })
    }

    fn user(name: &str, bytes: Vec<u8>) -> Result<Self, AttributionError> {
        let sha256 = sha256(&bytes);
        let reader = open(name, Bytes::Owned(bytes))?;
        let metadata = reader.metadata();
        let schema = Schema::probe(&reader).ok_or_else(|| AttributionError::Schema {
            file: name.into(),
            database_type: printable(&metadata.database_type),
        })?;
        let date = Timestamp::from_secs(metadata.build_epoch).day().to_string();
        let source = Source { name: printable(name), date: date.into(), sha256 };
        Ok(Self { reader, schema, source: Arc::new(source), embedded: false })
    }

    /// The record of an address. A database for IPv4 alone knows no IPv6 address, and a broken one may fail anywhere:
    /// both know nothing.
    fn find(&self, address: IpAddr) -> Option<LookupResult<'_, Bytes>> {
        self.reader.lookup(address).ok().filter(LookupResult::has_data)
    }

    fn country(&self, address: IpAddr, number: usize, read: &mut Records) -> Option<Vote> {
        let field = self.schema.country?;
        let found = self.find(address)?;
        let country = *read.countries.entry((number, found.offset()?)).or_insert_with(|| {
            schema::text(&found, field).and_then(CountryCode::parse).filter(CountryCode::is_a_place)
        });
        let (country, basis) = (country?, VoteBasis::Prefix(prefix_of(&found)?));
        Some(Vote { country, source: Arc::clone(&self.source), basis, excluded: false })
    }

    fn network(&self, address: IpAddr, number: usize, read: &mut Records) -> Option<Network> {
        let field = self.schema.asn?;
        let found = self.find(address)?;
        let network = || {
            let asn = schema::number(&found, field).filter(|&asn| asn != 0)?;
            let text = |field: Option<schema::Field>| schema::text(&found, field?);
            Some(Network {
                asn,
                name: text(self.schema.as_name).unwrap_or_default().into(),
                country: text(self.schema.as_country).and_then(CountryCode::parse).filter(CountryCode::is_a_place),
                source: Arc::clone(&self.source),
            })
        };
        read.networks.entry((number, found.offset()?)).or_insert_with(network).clone()
    }

    fn info(&self) -> DatabaseInfo {
        let metadata = self.reader.metadata();
        let Schema { country, asn, as_name, as_country, cloud } = self.schema;
        let roles = [("country", country), ("asn", asn), ("as_name", as_name), ("as_country", as_country)];
        let mut fields: Vec<_> = roles.into_iter().filter_map(|(role, field)| Some((role, field?.name))).collect();
        if cloud {
            fields.push(("cloud", "provider, region"));
        }
        DatabaseInfo {
            source: Arc::clone(&self.source),
            database_type: printable(&metadata.database_type),
            build_epoch: metadata.build_epoch,
            nodes: metadata.node_count,
            ip_version: metadata.ip_version,
            fields,
            embedded: self.embedded,
        }
    }
}

fn open(name: &str, bytes: Bytes) -> Result<Reader<Bytes>, AttributionError> {
    Reader::from_source(bytes)
        .map_err(|error| AttributionError::Database { file: printable(name), reason: printable(&error.to_string()) })
}

fn prefix_of(found: &LookupResult<'_, Bytes>) -> Option<Prefix> {
    let network = found.network().ok()?;
    Prefix::around(network.ip(), network.prefix())
}

/// Text out of a file that somebody gave us, safe to print.
fn printable(text: &str) -> Box<str> {
    crate::wire::Text::from(text).to_string().into()
}

#[cfg(test)]
mod tests;
