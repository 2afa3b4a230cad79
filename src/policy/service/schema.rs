//! The parts of a profile file, as [`super`] describes them.

use crate::policy::data_file::{Code, Date, Standing};
use crate::policy::recognise::Recognise;
use crate::policy::words::Twin;
use crate::wire::Day;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// A publication that statements rest on.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Reference {
    pub title: Box<str>,
    #[serde(default)]
    pub url: Box<str>,
    /// The date the source itself bears.
    pub dated: Option<Date>,
    /// The day it was read.
    pub read: Date,
}

impl Reference {
    /// The day for which its statements are known to hold.
    #[must_use]
    pub fn as_of(&self) -> Day {
        self.dated.unwrap_or(self.read).0
    }
}

/// What a host is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Purpose {
    Signalling,
    Media,
    Content,
    Auth,
    Update,
    Telemetry,
    Crash,
    Push,
    Ads,
    Payment,
    Pki,
    Help,
}

impl Purpose {
    /// The stable token of the tables' `category` column.
    #[must_use]
    pub const fn token(self) -> &'static str {
        match self {
            Self::Signalling => "signalling",
            Self::Media => "media",
            Self::Content => "content",
            Self::Auth => "auth",
            Self::Update => "update",
            Self::Telemetry => "telemetry",
            Self::Crash => "crash",
            Self::Push => "push",
            Self::Ads => "ads",
            Self::Payment => "payment",
            Self::Pki => "pki",
            Self::Help => "help",
        }
    }
}

#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Provider {
    pub operator: Box<str>,
    pub seat: Option<Code>,
    #[serde(default)]
    pub contract_partner: Box<str>,
    pub contract_seat: Option<Code>,
    #[serde(default)]
    pub parent: Box<str>,
    pub parent_seat: Option<Code>,
    /// What the provider itself names as the legal basis for recipients in third countries.
    #[serde(default)]
    pub basis_claimed: Box<str>,
    #[serde(default)]
    pub note: Box<str>,
    pub source: Box<str>,
    #[serde(default)]
    pub confidence: Standing,
}

#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Hosts {
    pub hosts: Vec<Box<str>>,
    pub purpose: Purpose,
    /// A third party; the provider itself if empty.
    #[serde(default)]
    pub recipient: Box<str>,
    #[serde(default)]
    pub note: Box<str>,
    pub source: Box<str>,
    #[serde(default)]
    pub confidence: Standing,
}

#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Networks {
    #[serde(default)]
    pub prefixes: Vec<Box<str>>,
    #[serde(default)]
    pub asns: Vec<u32>,
    pub purpose: Option<Purpose>,
    /// Country databases show the provider's seat for these ranges, not the place of the machines.
    #[serde(default)]
    pub place_uncertain: bool,
    /// First and last day (the latter exclusive) on which the range was published, where that is known.
    pub from: Option<Date>,
    pub until: Option<Date>,
    #[serde(default)]
    pub note: Box<str>,
    pub source: Box<str>,
    #[serde(default)]
    pub confidence: Standing,
}

#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Ports {
    pub protocol: Box<str>,
    pub ports: Vec<Box<str>>,
    pub purpose: Option<Purpose>,
    #[serde(default)]
    pub note: Box<str>,
    pub source: Box<str>,
    #[serde(default)]
    pub confidence: Standing,
}

#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Processes {
    pub system: Box<str>,
    pub names: Vec<Box<str>>,
    #[serde(default)]
    pub note: Box<str>,
    pub source: Box<str>,
    #[serde(default)]
    pub confidence: Standing,
}

/// A recipient that a list names.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Disclosed {
    pub name: Box<str>,
    #[serde(default)]
    pub aliases: Vec<Box<str>>,
    #[serde(default)]
    pub purpose: Box<str>,
    /// Where the list says that it processes; empty if the list does not say.
    #[serde(default)]
    pub countries: Vec<Code>,
    /// Host patterns that belong to it, as in `[[hosts]]`.
    #[serde(default)]
    pub domains: Vec<Box<str>>,
    /// Its AS numbers, for flows without a name.
    #[serde(default)]
    pub asns: Vec<u32>,
    #[serde(default)]
    pub note: Box<str>,
    /// A key of `[sources]`; in a list of one's own it may be left out: the list itself is the source.
    #[serde(default)]
    pub source: Box<str>,
    #[serde(default)]
    pub confidence: Standing,
}

/// A contact that the software makes by default.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct PhoneHome {
    pub hosts: Vec<Box<str>>,
    pub purpose: Purpose,
    pub recipient: Box<str>,
    /// `client` (visible in a participant's capture) or `server` (only in the operator's).
    pub side: Side,
    /// How to turn it off; empty if nobody says.
    #[serde(default)]
    pub switch: Box<str>,
    #[serde(default)]
    pub note: Box<str>,
    pub source: Box<str>,
    #[serde(default)]
    pub confidence: Standing,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Side {
    Client,
    Server,
    Both,
}

/// What a label in the provider's host names says of the place of the machine.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct HostCodes {
    /// `{code}` in one label, with fixed text and at most one `*` beside it: `{code}.zoom.us`, `zoom{code}*mmr.zoom.us`,
    /// `*-{code}.wbx2.com`. Names below it count as well.
    pub pattern: Box<str>,
    /// Code → country (empty if the code names none) and place.
    pub codes: BTreeMap<Box<str>, (Box<str>, Box<str>)>,
    #[serde(default)]
    pub note: Box<str>,
    pub source: Box<str>,
    #[serde(default)]
    pub confidence: Standing,
}

#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Region {
    pub text: Twin,
    /// The places meant: country codes, or `EEA`; empty if the text names none.
    #[serde(default)]
    pub places: Vec<Box<str>>,
    /// How a customer or an operator binds the service to them; empty if nobody says.
    #[serde(default)]
    pub pin: Box<str>,
    pub source: Box<str>,
    #[serde(default)]
    pub confidence: Standing,
}

#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Record {
    pub date: Date,
    pub body: Box<str>,
    pub text: Twin,
    pub source: Box<str>,
    #[serde(default)]
    pub confidence: Standing,
}

/// The file as it stands.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct ProfileFile {
    pub id: Box<str>,
    pub name: Box<str>,
    pub edition: Date,
    /// The profile whose statements hold here too, as far as this file says nothing else.
    pub inherits: Option<Box<str>>,
    #[serde(default)]
    pub parameters: BTreeMap<String, Box<str>>,
    pub provider: Provider,
    pub sources: BTreeMap<String, Reference>,
    #[serde(default)]
    pub hosts: Vec<Hosts>,
    #[serde(default)]
    pub networks: Vec<Networks>,
    #[serde(default)]
    pub ports: Vec<Ports>,
    #[serde(default)]
    pub processes: Vec<Processes>,
    #[serde(default)]
    pub disclosed: Vec<Disclosed>,
    #[serde(default)]
    pub defaults: Vec<PhoneHome>,
    #[serde(default)]
    pub regions: Vec<Region>,
    #[serde(default)]
    pub record: Vec<Record>,
    #[serde(default)]
    pub host_codes: Vec<HostCodes>,
    /// Only the service's own host is known: what else is met is not covered, rather than not listed.
    #[serde(default)]
    pub skeleton: bool,
    #[serde(default)]
    pub recognise: Recognise,
}

impl ProfileFile {
    /// Every statement: where it stands, which source it names, how sure it is.
    pub(super) fn statements(&self) -> impl Iterator<Item = (String, &str, Standing)> {
        fn rows<'a, T>(
            table: &'static str,
            rows: &'a [T],
            cite: impl Fn(&'a T) -> (&'a str, Standing) + 'a,
        ) -> impl Iterator<Item = (String, &'a str, Standing)> {
            rows.iter().enumerate().map(move |(at, row)| {
                let (source, standing) = cite(row);
                (format!("{table} {}", at + 1), source, standing)
            })
        }
        std::iter::once(("provider".to_owned(), &*self.provider.source, self.provider.confidence))
            .chain(rows("hosts", &self.hosts, |r| (&r.source, r.confidence)))
            .chain(rows("networks", &self.networks, |r| (&r.source, r.confidence)))
            .chain(rows("ports", &self.ports, |r| (&r.source, r.confidence)))
            .chain(rows("processes", &self.processes, |r| (&r.source, r.confidence)))
            .chain(rows("disclosed", &self.disclosed, |r| (&r.source, r.confidence)))
            .chain(rows("defaults", &self.defaults, |r| (&r.source, r.confidence)))
            .chain(rows("regions", &self.regions, |r| (&r.source, r.confidence)))
            .chain(rows("record", &self.record, |r| (&r.source, r.confidence)))
            .chain(rows("host_codes", &self.host_codes, |r| (&r.source, r.confidence)))
    }

    /// Takes over what `base` says, as far as this file says nothing else: its own host patterns, parameters and sources go
    /// before. The base's sources are kept apart by its id.
    pub(super) fn build_on(&mut self, mut base: Self) {
        let id = base.id.clone();
        let cite = |source: &mut Box<str>| *source = format!("{id}/{source}").into();
        let mine: BTreeSet<Box<str>> = self
            .hosts
            .iter()
            .flat_map(|r| &r.hosts)
            .chain(self.defaults.iter().flat_map(|r| &r.hosts))
            .cloned()
            .collect();
        let others = |hosts: &mut Vec<Box<str>>| hosts.retain(|host| !mine.contains(host));
        base.hosts.iter_mut().for_each(|r| (others(&mut r.hosts), cite(&mut r.source)).0);
        base.defaults.iter_mut().for_each(|r| (others(&mut r.hosts), cite(&mut r.source)).0);
        base.hosts.retain(|r| !r.hosts.is_empty());
        base.defaults.retain(|r| !r.hosts.is_empty());
        base.networks.iter_mut().for_each(|r| cite(&mut r.source));
        base.ports.iter_mut().for_each(|r| cite(&mut r.source));
        base.processes.iter_mut().for_each(|r| cite(&mut r.source));
        base.disclosed.iter_mut().for_each(|r| cite(&mut r.source));
        base.regions.iter_mut().for_each(|r| cite(&mut r.source));
        base.record.iter_mut().for_each(|r| cite(&mut r.source));
        base.host_codes.iter_mut().for_each(|r| cite(&mut r.source));
        self.hosts.append(&mut base.hosts);
        self.defaults.append(&mut base.defaults);
        self.networks.append(&mut base.networks);
        self.ports.append(&mut base.ports);
        self.processes.append(&mut base.processes);
        self.disclosed.append(&mut base.disclosed);
        self.regions.append(&mut base.regions);
        self.record.append(&mut base.record);
        self.host_codes.append(&mut base.host_codes);
        self.recognise.join(&base.recognise);
        for (key, meaning) in base.parameters {
            self.parameters.entry(key).or_insert(meaning);
        }
        self.sources.extend(base.sources.into_iter().map(|(key, source)| (format!("{id}/{key}"), source)));
    }
}
