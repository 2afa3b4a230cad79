//! What the auditor declares, in one file (`audit.toml`): the case, the place of the capture, the contract's own list of
//! recipients, what was promised and switched off, and what was done when. `data/audit.toml` is the commented template.
//!
//! Nothing here is observed. A finding that rests on a declaration names this file and its hash.

use super::data_file::{self, Code, Date, PolicyError};
use super::list::{self, List};
use super::phase::Phase;
use super::service::{Disclosed, Parameters};
use super::suppression::{Suppression, Suppressions};
use super::words::Lang;
use crate::attribution::{CountryCode, Source, Vantage};
use crate::wire::{Day, Text, Timestamp};
use serde::Deserialize;
use std::collections::BTreeMap;
use std::sync::Arc;

/// The file to fill in, with every key explained.
pub const TEMPLATE: &str = include_str!("data/audit.toml");

/// Half the circumference of the Earth: a larger radius says nothing.
const MAX_RADIUS_KM: f64 = 20_000.0;
/// Markers and entries of the other lists that are read.
const MAX_ROWS: usize = 10_000;

/// A checked audit file.
#[derive(Debug, Clone)]
pub struct Audit {
    pub source: Arc<Source>,
    pub case: AuditedCase,
    pub operator: Operator,
    pub consent: Consent,
    pub network: Network,
    pub retention: Retention,
    pub vantage: Option<Vantage>,
    /// The member state whose authority audits.
    pub jurisdiction: Option<CountryCode>,
    /// Profile of the audited service, and values for its parameters.
    pub service: Option<Box<str>>,
    pub parameters: Parameters,
    /// The contract's own list of recipients; it replaces the provider's public one.
    pub list: Option<List>,
    /// Countries in which the contract allows processing; empty if nothing was declared.
    pub approved: Vec<Area>,
    /// Regions that the provider or the configuration promises; empty if nothing was declared.
    pub regions: Vec<Area>,
    /// Whether telemetry was declared to be on; `None` if nothing was declared.
    pub telemetry: Option<bool>,
    pub dpf: Vec<DpfEntry>,
    pub markers: Vec<(Timestamp, Text)>,
    /// Findings that were set aside.
    pub suppressions: Suppressions,
}

/// Who audits what, as the report shows it.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AuditedCase {
    pub reference: Box<str>,
    pub date: Date,
    #[serde(default)]
    pub purpose: Box<str>,
    #[serde(default)]
    pub legal_basis: Box<str>,
    #[serde(default)]
    pub controller: Box<str>,
    #[serde(default)]
    pub client: Box<str>,
    #[serde(default)]
    pub version: Box<str>,
    #[serde(default)]
    pub platform: Box<str>,
    #[serde(default)]
    pub account: Box<str>,
    #[serde(default)]
    pub configuration: Box<str>,
    #[serde(default)]
    pub note: Box<str>,
}

/// Who makes the capture.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Operator {
    pub name: Box<str>,
    pub organisation: Box<str>,
    pub contact: Box<str>,
    pub witness: Box<str>,
}

/// Whose communication it is, and what they agreed to.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Consent {
    pub participants: Box<str>,
    /// Test accounts, by pseudonym.
    pub accounts: Box<str>,
}

/// How the audited device reaches the internet, as far as no capture shows it.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Network {
    pub access: Box<str>,
}

/// How long the evidence is kept.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Retention {
    pub until: Option<Date>,
    pub rule: Box<str>,
}

/// A country, or all of the European Economic Area as of the day asked about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Area {
    Country(CountryCode),
    Eea,
}

/// A line of the official list of the Data Privacy Framework, as somebody read it on a day.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DpfEntry {
    pub name: Box<str>,
    pub status: DpfStatus,
    pub checked: Date,
    /// What the certification covers, as the list says it: `HR`, `non-HR`.
    #[serde(default)]
    pub covers: Box<str>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum DpfStatus {
    Active,
    Inactive,
    NotFound,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    case: AuditedCase,
    #[serde(default)]
    operator: Operator,
    #[serde(default)]
    consent: Consent,
    #[serde(default)]
    network: Network,
    #[serde(default)]
    retention: Retention,
    #[serde(default)]
    vantage: Option<VantageRow>,
    #[serde(default)]
    jurisdiction: Option<Code>,
    #[serde(default)]
    service: Option<ServiceRow>,
    #[serde(default)]
    contract: Option<ContractRow>,
    #[serde(default)]
    declared: DeclaredRow,
    #[serde(default)]
    dpf: Vec<DpfEntry>,
    #[serde(default)]
    markers: Vec<MarkerRow>,
    #[serde(default)]
    suppress: Vec<Suppression>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct VantageRow {
    city: Option<Box<str>>,
    latitude: Option<f64>,
    longitude: Option<f64>,
    radius_km: Option<f64>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct ServiceRow {
    profile: Option<Box<str>>,
    #[serde(default)]
    parameters: BTreeMap<String, Vec<String>>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct ContractRow {
    title: Box<str>,
    as_of: Date,
    list: Option<Box<str>>,
    #[serde(default)]
    disclosed: Vec<Disclosed>,
    #[serde(default)]
    approved_countries: Vec<Box<str>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct DeclaredRow {
    #[serde(default)]
    regions: Vec<Box<str>>,
    telemetry: Option<Box<str>>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct MarkerRow {
    time: toml::value::Datetime,
    act: Option<Phase>,
    #[serde(default)]
    text: Box<str>,
}

impl Audit {
    /// The file of recipients (CSV) that an audit file names, if it names one: to be read by the caller, relative to the
    /// audit file.
    ///
    /// # Errors
    /// With file, place and cure.
    pub fn names_list(name: &str, text: &str) -> Result<Option<Box<str>>, PolicyError> {
        Ok(data_file::parse::<File>(name, text)?.contract.and_then(|c| c.list))
    }

    /// Reads and checks an audit file. `attached` is the text of the CSV file that it names.
    ///
    /// # Errors
    /// With file, key and cure.
    pub fn parse(name: &str, text: &str, attached: Option<&str>) -> Result<Self, PolicyError> {
        let file: File = data_file::parse(name, text)?;
        let wrong = |place: &str, what: &str| PolicyError::new(name, place, what);
        if file.case.reference.trim().is_empty() {
            return Err(wrong("case.reference", "is empty; write the case's reference as your records have it"));
        }
        if let Some(until) = file.retention.until.filter(|until| until.0 < file.case.date.0) {
            let what =
                format!("{} lies before the day of the case, {}; write when it is deleted", until.0, file.case.date.0);
            return Err(wrong("retention.until", &what));
        }
        for (key, rows) in [("dpf", file.dpf.len()), ("markers", file.markers.len())] {
            if rows > MAX_ROWS {
                return Err(wrong(key, &format!("has {rows} entries; keep to {MAX_ROWS}")));
            }
        }
        let source = data_file::stamp(name, file.case.date.0, text);
        let (mut list, mut approved) = (None, Vec::new());
        if let Some(contract) = file.contract {
            approved = areas(name, "contract.approved_countries", &contract.approved_countries)?;
            list = contract_list(
                name,
                &source,
                contract.title,
                contract.as_of,
                contract.list,
                contract.disclosed,
                attached,
            )?;
        }
        let telemetry = match file.declared.telemetry.as_deref() {
            None => None,
            Some("on") => Some(true),
            Some("off") => Some(false),
            Some(other) => {
                return Err(wrong("declared.telemetry", &format!("`{other}` is neither; write \"on\" or \"off\"")));
            }
        };
        for (at, entry) in file.dpf.iter().enumerate() {
            if list::company_key(&entry.name).is_empty() {
                let place = format!("dpf {}", at + 1);
                return Err(wrong(&place, &format!("`{}` is no company name; write it as the list does", entry.name)));
            }
        }
        let mut markers = Vec::with_capacity(file.markers.len());
        for (at, row) in file.markers.into_iter().enumerate() {
            let place = format!("markers {}", at + 1);
            let time = instant(&row.time).ok_or_else(|| {
                wrong(
                    &place,
                    "the time needs day, time and zone; write 2026-10-15T09:00:12Z or 2026-10-15T11:00:12+02:00",
                )
            })?;
            let text = match (row.act, row.text.trim()) {
                (None, "") => {
                    return Err(wrong(
                        &place,
                        &format!("says nothing; give `act` (one of {}) or `text`", Phase::TOKENS),
                    ));
                }
                (Some(act), "") => act.words(Lang::En).to_owned(),
                (Some(act), text) if Phase::all_in(text).contains(&act) => text.to_owned(),
                (Some(act), text) => format!("{}: {text}", act.words(Lang::En)),
                (None, text) => text.to_owned(),
            };
            markers.push((time, text.as_str().into()));
        }
        markers.sort_by_key(|(time, _)| *time);
        let (service, parameters) = file.service.map_or_else(Default::default, |s| (s.profile, s.parameters));
        Ok(Self {
            case: file.case,
            operator: file.operator,
            consent: file.consent,
            network: file.network,
            retention: file.retention,
            vantage: file.vantage.map(|v| vantage(name, &v)).transpose()?,
            jurisdiction: file.jurisdiction.map(|c| c.0),
            service,
            parameters,
            list,
            approved,
            regions: areas(name, "declared.regions", &file.declared.regions)?,
            telemetry,
            dpf: file.dpf,
            markers,
            suppressions: Suppressions::new(name, file.suppress, &source)?,
            source,
        })
    }

    /// What the extract of the official list says of a company: the latest reading of it.
    #[must_use]
    pub fn dpf_of(&self, company: &str) -> Option<&DpfEntry> {
        let key = list::company_key(company);
        self.dpf.iter().filter(|e| list::company_key(&e.name) == key).max_by_key(|e| e.checked)
    }
}

fn contract_list(
    name: &str,
    source: &Arc<Source>,
    title: Box<str>,
    as_of: Date,
    file: Option<Box<str>>,
    inline: Vec<Disclosed>,
    attached: Option<&str>,
) -> Result<Option<List>, PolicyError> {
    let wrong = |place: &str, what: &str| PolicyError::new(name, place, what);
    if let Some(at) = inline.iter().position(|d| !d.source.is_empty()) {
        let place = format!("contract.disclosed {}", at + 1);
        return Err(wrong(&place, "names a source; leave it out, the contract is the source"));
    }
    match (file, inline.is_empty()) {
        (None, true) => Ok(None),
        (None, false) => List::build(name, title, Arc::clone(source), inline).map(Some),
        (Some(_), false) => Err(wrong("contract.list", "there is a file and a list in place; keep one of them")),
        (Some(file), true) => {
            let text =
                attached.ok_or_else(|| wrong("contract.list", "the file it names was not read; check the path"))?;
            let entries = list::from_csv(&file, text)?;
            let stamp = data_file::stamp(&file, as_of.0, text);
            let mut list = List::build(&file, title, stamp, entries)?;
            list.via = Some(Arc::clone(source));
            Ok(Some(list))
        }
    }
}

fn areas(name: &str, key: &str, codes: &[Box<str>]) -> Result<Vec<Area>, PolicyError> {
    let area = |text: &str| match text {
        "EEA" => Some(Area::Eea),
        _ => CountryCode::parse(text).filter(|c| c.as_str() == text).map(Area::Country),
    };
    codes
        .iter()
        .map(|code| {
            area(code).ok_or_else(|| {
                PolicyError::new(
                    name,
                    key,
                    format!("`{code}` is no country code; write \"DE\", or \"EEA\" for all of it"),
                )
            })
        })
        .collect()
}

fn vantage(name: &str, row: &VantageRow) -> Result<Vantage, PolicyError> {
    let wrong = |place: &str, what: String| PolicyError::new(name, place, what);
    let (label, at, radius) = match (&row.city, row.latitude, row.longitude) {
        (Some(city), None, None) => {
            let known = Vantage::city(city).ok_or_else(|| {
                wrong(
                    "vantage.city",
                    format!("`{city}` is not in the list of cities; give latitude, longitude and radius_km"),
                )
            })?;
            (known.name, [known.point.latitude, known.point.longitude], Some(known.radius))
        }
        (None, Some(latitude), Some(longitude)) => {
            (format!("{latitude}, {longitude}").into(), [latitude, longitude], None)
        }
        _ => {
            return Err(wrong(
                "vantage",
                "give either city, or latitude and longitude (degrees north and east)".into(),
            ));
        }
    };
    let radius = match row.radius_km.or(radius) {
        Some(radius) if radius > 0.0 && radius <= MAX_RADIUS_KM => radius,
        Some(radius) => {
            return Err(wrong("vantage.radius_km", format!("{radius} is no radius; write kilometres, as in 5")));
        }
        None => {
            return Err(wrong("vantage.radius_km", "is missing; say how exact the coordinates are, as in 5".into()));
        }
    };
    Vantage::new(&label, at, radius)
        .ok_or_else(|| wrong("vantage", format!("{label} is no place; write 52.52 and 13.41 for Berlin")))
}

/// An instant with its zone; `None` for less, and before 1970.
fn instant(value: &toml::value::Datetime) -> Option<Timestamp> {
    let (date, time, offset) = (value.date?, value.time?, value.offset?);
    let day = Day::parse(&date.to_string())?;
    let minutes = match offset {
        toml::value::Offset::Z => 0,
        toml::value::Offset::Custom { minutes } => i64::from(minutes),
    };
    let of_day = i64::from(time.hour) * 3600 + i64::from(time.minute) * 60 + i64::from(time.second.unwrap_or(0));
    let secs = i64::from(day.0) * 86_400 + of_day - minutes * 60;
    Some(Timestamp::from_secs(u64::try_from(secs).ok()?).plus_nanos(time.nanosecond.unwrap_or(0).into()))
}

#[cfg(test)]
mod tests;
