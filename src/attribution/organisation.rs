//! `organisations.toml`: which company stands behind a host name or an AS number, and who owns it.

use super::table::{Row, Standing, source_of};
use super::{AttributionError, Claim, Company, Confidence, CountryCode, Place, Source, SuffixMap};
use rustc_hash::{FxHashMap, FxHashSet};
use serde::Deserialize;
use std::sync::Arc;

/// The table that is compiled in.
const EMBEDDED: (&str, &str) = ("organisations.toml", include_str!("../../geoip/organisations.toml"));

/// What a company does for the hosts under one of its suffixes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Part {
    /// It runs the service that answers there.
    Operator,
    /// It lends the machines (`amazonaws.com`, `cloudfront.net`): whoever runs the service is somebody else, unknown.
    Host,
}

/// One organisation of the table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// `zoom`, `amazon-web-services`: kebab-case, unique, stable.
    pub id: Box<str>,
    pub company: Arc<Company>,
    /// `cloud`, `cdn`, `service`, `analytics` ...
    pub kind: Box<str>,
    pub note: Box<str>,
    /// Where seat and parent were read.
    pub read_in: Box<str>,
    /// The day they stand for, `YYYY-MM-DD`.
    pub as_of: Box<str>,
}

/// Companies by domain suffix and by AS number.
#[derive(Debug)]
pub struct Organisations {
    entries: Vec<Entry>,
    ids: FxHashMap<Box<str>, usize>,
    domains: SuffixMap<(usize, Part)>,
    asns: FxHashMap<u32, usize>,
    /// By the name cloud range files give the provider: `aws`.
    providers: FxHashMap<Box<str>, usize>,
    source: Arc<Source>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    as_of: Box<str>,
    organisation: Vec<Record>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Record {
    id: Box<str>,
    name: Box<str>,
    seat: Option<Box<str>>,
    parent: Option<Box<str>>,
    parent_seat: Option<Box<str>>,
    kind: Box<str>,
    #[serde(default)]
    asns: Vec<u32>,
    #[serde(default)]
    domains: Vec<Box<str>>,
    /// Suffixes under which the hosts of its customers live.
    #[serde(default)]
    hosting: Vec<Box<str>>,
    /// The provider's name in cloud range files.
    provider: Option<Box<str>>,
    #[serde(default)]
    note: Box<str>,
    source: Box<str>,
    as_of: Box<str>,
    confidence: Standing,
}

impl Organisations {
    /// The table that is compiled in.
    ///
    /// # Errors
    /// Only if the table is broken, which the tests exclude.
    pub fn embedded() -> Result<Self, AttributionError> {
        Self::parse(EMBEDDED.0, EMBEDDED.1)
    }

    /// Reads a table in place of the one that is compiled in; `file` is its name for messages.
    ///
    /// # Errors
    /// Names the file, the line or the organisation, the fault and the cure. Unknown keys are faults.
    pub fn parse(file: &str, text: &str) -> Result<Self, AttributionError> {
        let data: File = toml::from_str(text).map_err(|error| AttributionError::toml(file, text, &error))?;
        let mut table = Self {
            entries: Vec::with_capacity(data.organisation.len()),
            ids: FxHashMap::default(),
            domains: SuffixMap::default(),
            asns: FxHashMap::default(),
            providers: FxHashMap::default(),
            source: source_of("organisations.toml", &data.as_of, text),
        };
        for record in data.organisation {
            table.add(file, record)?;
        }
        Ok(table)
    }

    fn add(&mut self, file: &str, record: Record) -> Result<(), AttributionError> {
        let id = record.id;
        let row = Row { file, place: "organisation", id: &id };
        row.needs_day(&record.as_of)?;
        row.needs_text("name", &record.name)?;
        row.needs_text("kind", &record.kind)?;
        row.needs_text("source", &record.source)?;
        if record.parent.is_none() && record.parent_seat.is_some() {
            return Err(row.wrong("`parent_seat` without `parent`", "name the parent or remove its seat"));
        }
        let country = |key: &str, text: Option<Box<str>>| match text {
            None => Ok(None),
            Some(text) => match CountryCode::parse(&text).filter(|c| c.is_a_place() && c.as_str() == &*text) {
                Some(code) => Ok(Some(code)),
                None => Err(row.wrong(&format!("`{key}` is `{text}`"), "write an ISO 3166-1 code such as DE")),
            },
        };
        let company = Company {
            name: record.name,
            seat: country("seat", record.seat)?,
            parent: record.parent,
            parent_seat: country("parent_seat", record.parent_seat)?,
            unverified: record.confidence.is_unverified(),
        };
        let at = self.entries.len();
        for asn in record.asns {
            if self.asns.insert(asn, at).is_some() {
                return Err(row.twice(&format!("AS{asn}")));
            }
        }
        let operator = record.domains.into_iter().map(|suffix| (suffix, Part::Operator));
        let host = record.hosting.into_iter().map(|suffix| (suffix, Part::Host));
        let mut own = FxHashSet::default();
        for (suffix, part) in operator.chain(host) {
            let valid = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || matches!(b, b'.' | b'-' | b'_');
            if !suffix.contains('.') || suffix.split('.').any(str::is_empty) || !suffix.bytes().all(valid) {
                let cure = "write lower-case labels with dots between them, as in zoom.us";
                return Err(row.wrong(&format!("`{suffix}` is no domain suffix"), cure));
            }
            if !own.insert(suffix.clone()) || self.domains.insert(&suffix, (at, part)).is_some() {
                return Err(row.twice(&suffix));
            }
        }
        if let Some(provider) = record.provider
            && self.providers.insert(provider.clone(), at).is_some()
        {
            return Err(row.twice(&format!("provider `{provider}`")));
        }
        if self.ids.insert(id.clone(), at).is_some() {
            return Err(row.wrong("this id stands twice", "give each organisation an id of its own"));
        }
        self.entries.push(Entry {
            id,
            company: Arc::new(company),
            kind: record.kind,
            note: record.note,
            read_in: record.source,
            as_of: record.as_of,
        });
        Ok(())
    }

    /// The organisations in the order of the table.
    #[must_use]
    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// The table, with its date and hash.
    #[must_use]
    pub const fn source(&self) -> &Arc<Source> {
        &self.source
    }

    #[must_use]
    pub fn by_id(&self, id: &str) -> Option<&Entry> {
        self.entries.get(*self.ids.get(id)?)
    }

    /// The organisation behind a lower-case host name, by the longest suffix, and the part it plays there.
    #[must_use]
    pub fn by_domain(&self, host: &str) -> Option<(&Entry, Part)> {
        let (_, &(at, part)) = self.domains.get(host)?;
        Some((self.entries.get(at)?, part))
    }

    #[must_use]
    pub fn by_asn(&self, asn: u32) -> Option<&Entry> {
        self.entries.get(*self.asns.get(&asn)?)
    }

    /// Who runs the host of this name. Unknown for names the table does not have, and for names under which a company
    /// lends machines to others.
    #[must_use]
    pub fn operator_of(&self, host: &str) -> Option<Claim<Arc<Company>>> {
        match self.by_domain(host)? {
            (entry, Part::Operator) => Some(self.claim(entry)),
            (_, Part::Host) => None,
        }
    }

    /// In whose network the address stands: by AS number, else by the cloud range. A network that the table does not
    /// know goes by the holder's name in the AS table, without seat: where a number is registered is no seat.
    #[must_use]
    pub fn holder_of(&self, place: &Place) -> Option<Claim<Arc<Company>>> {
        let by_asn = place.network.as_ref().and_then(|network| self.by_asn(network.asn));
        let by_cloud = || self.entries.get(*self.providers.get(&*place.cloud.as_ref()?.provider)?);
        if let Some(entry) = by_asn.or_else(by_cloud) {
            return Some(self.claim(entry));
        }
        let network = place.network.as_ref().filter(|network| !network.name.is_empty())?;
        let company = Company {
            name: crate::wire::Text::from(&*network.name).to_string().into(),
            seat: None,
            parent: None,
            parent_seat: None,
            unverified: true,
        };
        Some(Claim { value: Arc::new(company), source: Arc::clone(&network.source), confidence: Confidence::Low })
    }

    /// A claim on an entry of this table: high if its facts were read in the source it names, else medium.
    #[must_use]
    pub fn claim(&self, entry: &Entry) -> Claim<Arc<Company>> {
        let confidence = if entry.company.unverified { Confidence::Medium } else { Confidence::High };
        Claim { value: Arc::clone(&entry.company), source: Arc::clone(&self.source), confidence }
    }
}

#[cfg(test)]
mod tests;
