//! Range lists that the user brought: the clouds' own files and geofeeds (RFC 8805). Read from what their publishers give,
//! kept in one plain form in the user's folder, read again from there.
//!
//! Both are hostile input: bounded in size, in rows and in every text; a row that cannot be read is counted, a file in
//! which no row can be read is an error.

use super::table::sha256;
use super::{AttributionError, CountryCode, Prefix, Source};
use crate::wire::Day;
use serde::Deserialize;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::net::IpAddr;
use std::sync::Arc;

/// The extension of the plain form.
pub const RANGES_EXTENSION: &str = "ranges";
/// A publisher's file may be so large. Azure's list, the largest, has 4 MB.
pub const MAX_RANGES_BYTES: usize = 64 << 20;
/// Prefixes kept of one file. All clouds together list 70,000.
const MAX_PREFIXES: usize = 1 << 20;
/// Letters kept of a region, a service or a file name.
const MAX_TOKEN: usize = 64;
const HEADER: &str = "# zollhund ranges 1";
/// In the plain form, for what is not known.
const NOTHING: &str = "-";

static REGIONS: &str = include_str!("../../geoip/cloud-region-country.json");

/// Whose list it is, and in which form.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum RangesKind {
    /// `ip-ranges.json`
    Aws,
    /// `ServiceTags_Public_YYYYMMDD.json`
    Azure,
    /// `cloud.json`
    Gcp,
    /// `public_ip_ranges.json`
    Oci,
    /// An operator's own statement of where prefixes are used, RFC 8805.
    Geofeed,
}

impl RangesKind {
    pub const ALL: [Self; 5] = [Self::Aws, Self::Azure, Self::Gcp, Self::Oci, Self::Geofeed];

    /// The word on the command line, in the plain form, and in `cloud-region-country.json`.
    #[must_use]
    pub const fn token(self) -> &'static str {
        match self {
            Self::Aws => "aws",
            Self::Azure => "azure",
            Self::Gcp => "gcp",
            Self::Oci => "oci",
            Self::Geofeed => "geofeed",
        }
    }

    const fn name(self) -> &'static str {
        match self {
            Self::Aws => "AWS IP ranges",
            Self::Azure => "Azure service tags",
            Self::Gcp => "Google Cloud ranges",
            Self::Oci => "Oracle Cloud ranges",
            Self::Geofeed => "geofeed",
        }
    }
}

/// What was read from a file, and what not.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct RangeCounts {
    pub v4: usize,
    pub v6: usize,
    /// Of these, prefixes whose region names no country that is known here.
    pub without_country: usize,
    /// Rows that could not be read, and rows beyond the bound.
    pub refused: usize,
}

/// A list in use.
#[derive(Debug)]
pub struct Ranges {
    pub kind: RangesKind,
    /// `AWS IP ranges (ip-ranges.json)`, the day the list bears, the hash of the publisher's file.
    pub source: Arc<Source>,
    /// The day it was imported, as told then.
    pub imported: Box<str>,
    pub counts: RangeCounts,
    /// Sorted by prefix.
    prefixes: Vec<(Prefix, u32)>,
    /// Lengths in use, longest first: IPv4, IPv6.
    lengths: [Vec<u8>; 2],
    said: Vec<Said>,
}

/// What is said of a prefix.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Said {
    /// Empty for geofeeds.
    pub(super) region: Box<str>,
    pub(super) country: Option<CountryCode>,
    /// Comma-separated.
    pub(super) services: Box<str>,
}

/// The name of a publisher's file and the days that go with it, as the caller knows them.
#[derive(Debug, Clone, Copy)]
pub struct RangesFile<'a> {
    /// Without its folder.
    pub name: &'a str,
    /// The day it was last changed: what the list bears itself counts before it.
    pub changed: Day,
    /// Today.
    pub imported: Day,
}

impl Ranges {
    /// Reads a publisher's file.
    ///
    /// # Errors
    /// Too large, not of that kind, or without a single prefix that can be read.
    pub fn import(kind: RangesKind, file: RangesFile<'_>, bytes: &[u8]) -> Result<Self, AttributionError> {
        let wrong = |reason: &str| AttributionError::Ranges {
            file: shown(file.name),
            kind: kind.token(),
            reason: reason.into(),
        };
        if bytes.len() > MAX_RANGES_BYTES {
            return Err(wrong("is larger than 64 MB"));
        }
        let text = std::str::from_utf8(bytes).map_err(|_| wrong("is not UTF-8 text"))?;
        let mut rows = Rows::new(kind);
        let json = |error: serde_json::Error| {
            let (line, text) = (error.line(), error.to_string());
            let what = text.rsplit_once(" at line ").map_or(&*text, |(what, _)| what);
            wrong(&format!("line {line}, column {}: {}", error.column(), shown(what)))
        };
        let dated = match kind {
            RangesKind::Aws => aws(text, &mut rows).map_err(json)?,
            RangesKind::Azure => azure(text, file.name, &mut rows).map_err(json)?,
            RangesKind::Gcp => gcp(text, &mut rows).map_err(json)?,
            RangesKind::Oci => oci(text, &mut rows).map_err(json)?,
            RangesKind::Geofeed => {
                geofeed(text, &mut rows);
                None
            }
        };
        if rows.found.is_empty() {
            return Err(wrong("has no prefix that can be read"));
        }
        let source = Source {
            name: format!("{} ({})", kind.name(), shown(file.name)).into(),
            date: dated.unwrap_or(file.changed).to_string().into(),
            sha256: sha256(bytes),
        };
        Ok(rows.finish(Arc::new(source), file.imported.to_string().into()))
    }

    /// The plain form: a header with the provenance, then `prefix region country services` in lines.
    #[must_use]
    pub fn to_text(&self) -> String {
        let Source { name, date, sha256 } = &*self.source;
        let mut out = format!(
            "{HEADER}\n# kind: {}\n# name: {name}\n# date: {date}\n# sha256: {sha256}\n# imported: {}\n# refused: {}\n",
            self.kind.token(),
            self.imported,
            self.counts.refused
        );
        let or_nothing = |text: &str| if text.is_empty() { NOTHING.to_owned() } else { text.to_owned() };
        for (prefix, said) in &self.prefixes {
            let Some(said) = self.said.get(*said as usize) else { continue };
            let country = said.country.as_ref().map_or(NOTHING, |c| c.as_str());
            let _ = writeln!(out, "{prefix} {} {country} {}", or_nothing(&said.region), or_nothing(&said.services));
        }
        out
    }

    /// Reads the plain form.
    ///
    /// # Errors
    /// Another form, or a header that lacks something.
    pub fn parse(file: &str, bytes: &[u8]) -> Result<Self, AttributionError> {
        let wrong = |place: &str, reason: &str| {
            AttributionError::table(
                &shown(file),
                place,
                reason,
                "import the publisher's file again, or remove this one",
            )
        };
        if bytes.len() > MAX_RANGES_BYTES {
            return Err(wrong("file", "is larger than 64 MB"));
        }
        let text = std::str::from_utf8(bytes).map_err(|_| wrong("text", "is not UTF-8"))?;
        let mut lines = text.lines();
        if lines.next() != Some(HEADER) {
            return Err(wrong("line 1", "is not the header of a list of ranges"));
        }
        let header: BTreeMap<&str, &str> =
            lines.clone().map_while(|line| line.strip_prefix("# ")?.split_once(": ")).take(16).collect();
        let key = |key: &'static str| header.get(key).copied().ok_or_else(|| wrong(key, "is missing"));
        let kind = key("kind")?;
        let kind =
            RangesKind::ALL.into_iter().find(|k| k.token() == kind).ok_or_else(|| wrong("kind", "is unknown"))?;
        let day = |name: &'static str| {
            let text = key(name)?;
            Day::parse(text).map(|_| text).ok_or_else(|| wrong(name, "is no day"))
        };
        let (date, imported, sha256) = (day("date")?, day("imported")?, key("sha256")?);
        if sha256.len() != 64 || !sha256.bytes().all(|b| b.is_ascii_hexdigit()) {
            return Err(wrong("sha256", "is no hash"));
        }
        let source = Source { name: shown(key("name")?), date: date.into(), sha256: sha256.into() };
        let mut rows = Rows::new(kind);
        rows.refused = key("refused")?.parse().map_err(|_| wrong("refused", "is no number"))?;
        for line in lines.filter(|line| !line.starts_with('#')) {
            let mut words = line.split(' ').map(|word| if word == NOTHING { "" } else { word });
            let mut next = || words.next().unwrap_or_default();
            let (prefix, region, country, services) = (next(), next(), next(), next());
            rows.take(prefix, region, country_of(country), services.split(','));
        }
        Ok(rows.finish(Arc::new(source), imported.into()))
    }

    /// What the most specific prefix around a canonical address says.
    pub(super) fn get(&self, address: IpAddr) -> Option<(Prefix, &Said)> {
        let [v4, v6] = &self.lengths;
        let lengths = if address.is_ipv4() { v4 } else { v6 };
        lengths.iter().find_map(|&len| {
            let prefix = Prefix::around(address, len)?;
            let at = self.prefixes.binary_search_by(|(other, _)| other.cmp(&prefix)).ok()?;
            let (_, said) = self.prefixes.get(at)?;
            Some((prefix, self.said.get(*said as usize)?))
        })
    }
}

/// Region, country and services of a prefix, while a file is read.
type Found = (Box<str>, Option<CountryCode>, BTreeSet<Box<str>>);

/// Prefixes while a file is read.
struct Rows {
    kind: RangesKind,
    countries: BTreeMap<Box<str>, CountryCode>,
    found: BTreeMap<Prefix, Found>,
    refused: usize,
}

impl Rows {
    fn new(kind: RangesKind) -> Self {
        type Regions = BTreeMap<Box<str>, BTreeMap<Box<str>, Option<CountryCode>>>;
        let mut regions: Regions = serde_json::from_str(REGIONS).unwrap_or_default();
        let of = regions.remove(kind.token()).unwrap_or_default();
        let countries = of.into_iter().filter_map(|(region, country)| Some((region, country?))).collect();
        Self { kind, countries, found: BTreeMap::new(), refused: 0 }
    }

    /// The country of a region: unknown regions have none.
    fn country(&self, region: &str) -> Option<CountryCode> {
        self.countries.get(region).copied()
    }

    /// Files a prefix. Said twice, the services are joined; the later region counts.
    fn take<'a>(
        &mut self,
        prefix: &str,
        region: &str,
        country: Option<CountryCode>,
        services: impl IntoIterator<Item = &'a str>,
    ) {
        let read = Prefix::parse(prefix).filter(|_| region.is_empty() || is_token(region));
        let Some(prefix) = read.filter(|p| self.found.len() < MAX_PREFIXES || self.found.contains_key(p)) else {
            self.refused += 1;
            return;
        };
        let entry = self.found.entry(prefix).or_default();
        (entry.0, entry.1) = (region.into(), country);
        // A prefix has a handful; the longest list of services a cloud has is some dozen.
        entry.2.extend(services.into_iter().filter(|s| is_token(s)).take(32).map(Into::into));
    }

    fn finish(self, source: Arc<Source>, imported: Box<str>) -> Ranges {
        let mut counts = RangeCounts { refused: self.refused, ..RangeCounts::default() };
        let mut lengths = [BTreeSet::new(), BTreeSet::new()];
        let (mut number, mut said, mut prefixes) = (BTreeMap::new(), Vec::new(), Vec::new());
        for (prefix, (region, country, mut services)) in self.found {
            // AWS lists everything as AMAZON too.
            if services.len() > 1 {
                services.remove("AMAZON");
            }
            let services = services.into_iter().map(String::from).collect::<Vec<_>>().join(",").into();
            let [v4, v6] = &mut lengths;
            if prefix.address().is_ipv4() {
                counts.v4 += 1;
                v4.insert(prefix.bits());
            } else {
                counts.v6 += 1;
                v6.insert(prefix.bits());
            }
            counts.without_country += usize::from(country.is_none());
            let words = Said { region, country, services };
            let at = *number.entry(words).or_insert_with_key(|words| {
                said.push(words.clone());
                said.len() as u32 - 1
            });
            prefixes.push((prefix, at));
        }
        let lengths = lengths.map(|set| set.into_iter().rev().collect());
        Ranges { kind: self.kind, source, imported, counts, prefixes, lengths, said }
    }
}

fn is_token(text: &str) -> bool {
    (1..=MAX_TOKEN).contains(&text.len())
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.'))
}

fn country_of(text: &str) -> Option<CountryCode> {
    CountryCode::parse(text).filter(CountryCode::is_a_place)
}

/// Text of a file or its name: neutral, and no longer than a line.
fn shown(text: &str) -> Box<str> {
    let short: String = text.chars().take(2 * MAX_TOKEN).collect();
    crate::wire::Text::from(short.as_str()).to_string().into()
}

/// The day at the beginning of `2025-10-31-07-08-41` and of RFC 3339 times.
fn day_of(text: &str) -> Option<Day> {
    Day::parse(text.get(..10)?)
}

fn aws(text: &str, rows: &mut Rows) -> serde_json::Result<Option<Day>> {
    #[derive(Deserialize)]
    struct File {
        #[serde(rename = "createDate", default)]
        date: Box<str>,
        #[serde(default)]
        prefixes: Vec<Row>,
        #[serde(default)]
        ipv6_prefixes: Vec<Row>,
    }
    #[derive(Deserialize)]
    struct Row {
        #[serde(alias = "ipv6_prefix")]
        ip_prefix: Box<str>,
        region: Box<str>,
        /// Local zones have their own, and may lie in another country than their region.
        network_border_group: Option<Box<str>>,
        #[serde(default)]
        service: Box<str>,
    }
    let file: File = serde_json::from_str(text)?;
    for row in file.prefixes.iter().chain(&file.ipv6_prefixes) {
        let group = row.network_border_group.as_deref().unwrap_or(&row.region);
        // A zone that is not known says nothing: its region may be abroad.
        rows.take(&row.ip_prefix, group, rows.country(group), [&*row.service]);
    }
    Ok(day_of(&file.date))
}

fn azure(text: &str, name: &str, rows: &mut Rows) -> serde_json::Result<Option<Day>> {
    #[derive(Deserialize)]
    struct File {
        values: Vec<Tag>,
    }
    #[derive(Deserialize)]
    struct Tag {
        name: Box<str>,
        properties: Properties,
    }
    #[derive(Deserialize)]
    struct Properties {
        #[serde(default)]
        region: Box<str>,
        #[serde(rename = "addressPrefixes", default)]
        prefixes: Vec<Box<str>>,
    }
    let mut file: File = serde_json::from_str(text)?;
    // The tag of the whole cloud says nothing of a place, those of services repeat what the regions say.
    file.values.retain(|tag| tag.name.starts_with("AzureCloud.") && !tag.properties.region.is_empty());
    for Tag { properties: Properties { region, prefixes }, .. } in &file.values {
        for prefix in prefixes {
            rows.take(prefix, region, rows.country(region), []);
        }
    }
    // The list itself has a number only; its name has the day.
    let digits = name.split(|c: char| !c.is_ascii_digit()).find(|digits| digits.len() == 8);
    let day = digits.and_then(|d| Some(format!("{}-{}-{}", d.get(..4)?, d.get(4..6)?, d.get(6..)?)));
    Ok(day.and_then(|day| Day::parse(&day)))
}

fn gcp(text: &str, rows: &mut Rows) -> serde_json::Result<Option<Day>> {
    #[derive(Deserialize)]
    struct File {
        #[serde(rename = "creationTime", default)]
        date: Box<str>,
        prefixes: Vec<Row>,
    }
    #[derive(Deserialize)]
    struct Row {
        #[serde(rename = "ipv4Prefix", alias = "ipv6Prefix")]
        prefix: Box<str>,
        scope: Box<str>,
    }
    let file: File = serde_json::from_str(text)?;
    for row in &file.prefixes {
        rows.take(&row.prefix, &row.scope, rows.country(&row.scope), []);
    }
    Ok(day_of(&file.date))
}

fn oci(text: &str, rows: &mut Rows) -> serde_json::Result<Option<Day>> {
    #[derive(Deserialize)]
    struct File {
        #[serde(rename = "last_updated_timestamp", default)]
        date: Box<str>,
        regions: Vec<Region>,
    }
    #[derive(Deserialize)]
    struct Region {
        region: Box<str>,
        cidrs: Vec<Row>,
    }
    #[derive(Deserialize)]
    struct Row {
        cidr: Box<str>,
        #[serde(default)]
        tags: Vec<Box<str>>,
    }
    let file: File = serde_json::from_str(text)?;
    for Region { region, cidrs } in &file.regions {
        for row in cidrs {
            rows.take(&row.cidr, region, rows.country(region), row.tags.iter().map(|tag| &**tag));
        }
    }
    Ok(day_of(&file.date))
}

/// `prefix,country,region,city,postal code`; RFC 8805 §2.1. A prefix without a country says that it is not to be placed.
fn geofeed(text: &str, rows: &mut Rows) {
    for line in text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#')) {
        let mut cells = line.split(',').map(|cell| cell.trim().trim_matches('"'));
        let (prefix, country) = (cells.next().unwrap_or_default(), cells.next());
        // One cell is no row of a geofeed: some other list.
        let Some(country) = country else {
            rows.refused += 1;
            continue;
        };
        rows.take(prefix, "", country_of(country), []);
    }
}

#[cfg(test)]
mod tests;
