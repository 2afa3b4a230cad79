//! Lists of recipients: the provider's public one, or the annex of a contract; and how companies are compared.
//!
//! A list of one's own (`--list FILE`) reads:
//!
//! ```toml
//! title = "Annex 2 to the processing contract, version 3"
//! as_of = 2026-03-01
//!
//! [[disclosed]]
//! name = "Amazon Web Services EMEA SARL"
//! purpose = "hosting"
//! countries = ["DE", "IE"]          # where the list says that it processes; left out if it does not say
//! domains = ["cloudfront.net"]      # left out: what the service profile knows of that company
//! ```

use super::data_file::{self, Code, Date, PolicyError, Standing};
use super::hosts::{Hit, HostMap};
use super::service::{Disclosed, Reference};
use super::words::{self, Lang};
use crate::attribution::{CountryCode, Source};
use rustc_hash::FxHashMap;
use serde::Deserialize;
use std::collections::BTreeMap;
use std::sync::Arc;

/// A list of recipients of the user's own: the annex of a contract.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct ListFile {
    title: Box<str>,
    as_of: Date,
    #[serde(default)]
    sources: BTreeMap<String, Reference>,
    #[serde(default)]
    disclosed: Vec<Disclosed>,
}

/// The recipients that a service was allowed to have, and where that is written.
#[derive(Debug, Clone)]
pub struct List {
    /// The title of a list of one's own; the service's name for a public list.
    pub(super) title: Box<str>,
    /// The provider's public list as the profile knows it, not a contract.
    pub public: bool,
    pub source: Arc<Source>,
    /// The audit file that named the list, where it stands in a file of its own.
    pub via: Option<Arc<Source>>,
    pub entries: Vec<Disclosed>,
    hosts: HostMap<usize>,
    by_asn: FxHashMap<u32, usize>,
    by_company: FxHashMap<Box<str>, usize>,
}

impl List {
    /// Reads a list of one's own: `title`, `as_of` and `[[disclosed]]` entries.
    ///
    /// # Errors
    /// With file, place and cure.
    pub fn parse(name: &str, text: &str) -> Result<Self, PolicyError> {
        let file: ListFile = data_file::parse(name, text)?;
        for (at, entry) in file.disclosed.iter().enumerate() {
            if !entry.source.is_empty() && !file.sources.contains_key(&*entry.source) {
                let what = format!("source `{}` is not under [sources]; add it there or leave it out", entry.source);
                return Err(PolicyError::new(name, format!("disclosed {}", at + 1), what));
            }
        }
        Self::build(name, file.title, data_file::stamp(name, file.as_of.0, text), file.disclosed)
    }

    pub(super) fn empty(source: Arc<Source>) -> Self {
        Self {
            title: Box::default(),
            public: false,
            source,
            via: None,
            entries: Vec::new(),
            hosts: HostMap::default(),
            by_asn: FxHashMap::default(),
            by_company: FxHashMap::default(),
        }
    }

    pub(super) fn build(
        name: &str,
        title: Box<str>,
        source: Arc<Source>,
        entries: Vec<Disclosed>,
    ) -> Result<Self, PolicyError> {
        let mut list = Self { title, entries, ..Self::empty(source) };
        for (at, entry) in list.entries.iter().enumerate() {
            let wrong = |what: String| PolicyError::new(name, format!("disclosed {} ({})", at + 1, entry.name), what);
            for company in std::iter::once(&entry.name).chain(&entry.aliases) {
                let key = company_key(company);
                if key.is_empty() {
                    return Err(wrong(format!("`{company}` is no company name; write it as the contract does")));
                }
                list.by_company.entry(key.into()).or_insert(at);
            }
            for domain in &entry.domains {
                list.hosts.insert(domain, at).map_err(wrong)?;
            }
            for asn in &entry.asns {
                list.by_asn.entry(*asn).or_insert(at);
            }
        }
        Ok(list)
    }

    /// The files that a statement about this list rests on.
    pub(super) fn sources(&self) -> impl Iterator<Item = Arc<Source>> {
        std::iter::once(&self.source).chain(&self.via).map(Arc::clone)
    }

    /// What the list is called.
    #[must_use]
    pub fn title(&self, lang: Lang) -> String {
        let title = words::shown(&self.title);
        match (self.public, lang) {
            (false, _) => title,
            (true, Lang::En) => format!("{title}, recipients named by the provider"),
            (true, Lang::De) => format!("{title}, vom Anbieter genannte Empfänger"),
        }
    }

    /// Entry that names this company, by the core of its name.
    #[must_use]
    pub fn entry_of_company(&self, company: &str) -> Option<usize> {
        self.by_company.get(company_key(company).as_str()).copied()
    }

    pub(crate) fn entry_of_host(&self, name: &str) -> Option<Hit<'_, usize>> {
        self.hosts.find(name)
    }

    pub(crate) fn entry_of_asn(&self, asn: u32) -> Option<usize> {
        self.by_asn.get(&asn).copied()
    }
}

/// Columns of a list as a spreadsheet keeps it.
const COLUMNS: [&str; 7] = ["name", "aliases", "purpose", "countries", "domains", "asns", "note"];
/// A contract names tens of recipients.
const MAX_ENTRIES: usize = 10_000;

/// Reads a list from CSV (commas, or semicolons as spreadsheets of some languages write): a header, then one recipient per
/// row. Several values in a cell are parted by a semicolon or, where they have no blanks themselves, by blanks.
pub(super) fn from_csv(name: &str, text: &str) -> Result<Vec<Disclosed>, PolicyError> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let header = text.lines().next().unwrap_or_default();
    let delimiter = if header.contains(';') && !header.contains(',') { b';' } else { b',' };
    let mut reader = csv::ReaderBuilder::new().delimiter(delimiter).trim(csv::Trim::All).from_reader(text.as_bytes());
    let broken = |error: csv::Error| {
        let line = error.position().map_or(1, csv::Position::line);
        let what =
            format!("{}; write every row with as many cells as the header", error.to_string().replace('\n', " "));
        PolicyError::new(name, format!("line {line}"), what)
    };
    let columns: Vec<String> = reader.headers().map_err(broken)?.iter().map(str::to_lowercase).collect();
    if let Some(other) = columns.iter().find(|c| !COLUMNS.contains(&c.as_str())) {
        let what = format!("there is no column `{}`; the columns are: {}", words::shown(other), COLUMNS.join(", "));
        return Err(PolicyError::new(name, "line 1", what));
    }
    if !columns.iter().any(|c| c == "name") {
        return Err(PolicyError::new(name, "line 1", "the column `name` is missing; add it, it holds the recipient"));
    }
    let mut entries = Vec::new();
    for row in reader.records() {
        let row = row.map_err(broken)?;
        let line = row.position().map_or(0, csv::Position::line);
        let wrong = |column: &str, what: String| PolicyError::new(name, format!("line {line}, {column}"), what);
        let cell =
            |column: &str| columns.iter().position(|c| c == column).and_then(|at| row.get(at)).unwrap_or_default();
        let parts = |column: &str| -> Vec<Box<str>> {
            let blank = |c: char| c == ';' || c == ',' || c.is_whitespace();
            cell(column).split(blank).filter(|p| !p.is_empty()).map(Into::into).collect()
        };
        if row.iter().all(str::is_empty) {
            continue;
        }
        if entries.len() == MAX_ENTRIES {
            return Err(wrong("name", format!("there are more than {MAX_ENTRIES} recipients; shorten the list")));
        }
        let country = |code: Box<str>| {
            let known = CountryCode::parse(&code).filter(|c| c.as_str() == &*code).map(Code);
            known
                .ok_or_else(|| wrong("countries", format!("`{code}` is no country code; write two capitals, as in US")))
        };
        let asn = |text: Box<str>| {
            let digits = text.strip_prefix("AS").or_else(|| text.strip_prefix("as")).unwrap_or(&text);
            digits.parse().map_err(|_| wrong("asns", format!("`{text}` is no AS number; write AS16509 or 16509")))
        };
        entries.push(Disclosed {
            name: cell("name").into(),
            aliases: cell("aliases").split(';').map(str::trim).filter(|a| !a.is_empty()).map(Into::into).collect(),
            purpose: cell("purpose").into(),
            countries: parts("countries").into_iter().map(country).collect::<Result<_, _>>()?,
            domains: parts("domains"),
            asns: parts("asns").into_iter().map(asn).collect::<Result<_, _>>()?,
            note: cell("note").into(),
            source: Box::default(),
            confidence: Standing::default(),
        });
    }
    if entries.is_empty() {
        return Err(PolicyError::new(name, "line 2", "there is no recipient; write one per row"));
    }
    Ok(entries)
}

/// Words that tell companies of one group apart but not groups: legal forms and regional branches. What is compared is the
/// group's name; whether the very legal person is meant is for people to check.
const FORMS: &[&str] = &[
    "ab",
    "ag",
    "america",
    "as",
    "asa",
    "bv",
    "co",
    "communications",
    "company",
    "corp",
    "corporation",
    "deutschland",
    "emea",
    "eu",
    "europe",
    "france",
    "germany",
    "gmbh",
    "holding",
    "holdings",
    "inc",
    "incorporated",
    "international",
    "ireland",
    "kg",
    "kgaa",
    "limited",
    "llc",
    "ltd",
    "nv",
    "oy",
    "plc",
    "pty",
    "sa",
    "sarl",
    "sas",
    "se",
    "spa",
    "srl",
    "technologies",
    "uk",
    "ulc",
    "unlimited",
    "us",
    "usa",
];

/// `Amazon Web Services EMEA SARL` and `Amazon Web Services, Inc.` → `amazon web services`.
pub(crate) fn company_key(name: &str) -> String {
    let mut key = String::with_capacity(name.len());
    for c in name.chars() {
        match c {
            'a'..='z' | '0'..='9' => key.push(c),
            'A'..='Z' => key.push(c.to_ascii_lowercase()),
            // "S.A." is one word.
            '.' => {}
            _ if c.is_alphanumeric() => key.extend(c.to_lowercase()),
            _ if key.ends_with(' ') || key.is_empty() => {}
            _ => key.push(' '),
        }
    }
    key.truncate(key.trim_end().len());
    while let Some((rest, _)) = key.rsplit_once(' ').filter(|(_, last)| FORMS.contains(last)) {
        key.truncate(rest.len());
    }
    key
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn companies_match_by_the_core_of_their_name() {
        for (a, b, same) in [
            ("Amazon Web Services, Inc.", "Amazon Web Services EMEA SARL", true),
            ("Microsoft Corporation", "Microsoft Ireland", true),
            ("Zoom Communications, Inc.", "ZOOM", true),
            ("8x8, Inc.", "8x8 International", true),
            ("TeamViewer SE", "TeamViewer Germany GmbH", true),
            ("Google LLC", "Google Cloud", false),
            ("Zoom", "ZoomInfo", false),
            ("Inc.", "LLC", false),
            ("S.A.", "SA", true),
        ] {
            assert_eq!(company_key(a) == company_key(b), same, "{a} / {b}: {} {}", company_key(a), company_key(b));
        }
        assert_eq!(company_key(" (a) "), "a");
        assert_eq!(company_key(""), "");
    }
}
