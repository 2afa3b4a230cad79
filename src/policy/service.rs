//! What is known about one conference service: who runs it, which hosts and networks are its own, and which recipients it
//! names. Read from one TOML file per service, `data/services/<id>.toml`.
//!
//! The file is written to be read by a lawyer. Its parts, all optional except the first five lines and `[provider]`:
//!
//! - `id`, `name`, `edition` (day on which the file was last gone through), `[sources.KEY]` (`title`, `url`, `dated` if the
//!   source bears a date, `read` for the day it was read).
//! - `[parameters]`: for self-hosted software, the names used in braces further down: `host = "the operator's hosts"`.
//! - `[provider]`: operator, contract partner and ultimate parent, each with its seat.
//! - `[[hosts]]`: host patterns with purpose. A pattern covers the name and all names below it; `=a.example` only the name;
//!   `log-*.example` names that start so. Without `recipient` the host is the service's own; with it, a third party that
//!   the client is known to contact, which still has to be named in the list to count as listed.
//! - `[[networks]]`: address ranges and AS numbers that the provider publishes as its own. They speak only for flows without
//!   a name: a host with a foreign name does not become part of the service by standing in one of them.
//! - `[[ports]]`, `[[processes]]`: hints for people.
//! - `[[disclosed]]`: recipients that the provider names in its public list; a contract's annex replaces them (`--list`).
//! - `[[defaults]]`: contacts that the software makes unless somebody turns them off, with the switch.
//! - `[[regions]]`, `[[record]]`: what the provider says about places, with how to pin them; what authorities and researchers
//!   found, with date.
//! - `[[host_codes]]`: what a label in the provider's host names says of the place of the machine.
//! - `[recognise]`: how the service's traffic is told from that of others ([`super::recognise`]).
//! - `inherits = "webex"`: the statements of another profile hold too, as far as this one says nothing else.
//! - `skeleton = true`: only the own host is known.
//!
//! Every statement names a key of `[sources]` and may add `confidence = "unverified"`; `source = "K"` (general knowledge)
//! demands it.

mod schema;

pub use schema::{
    Disclosed, HostCodes, Hosts, Networks, PhoneHome, Ports, Processes, ProfileFile, Provider, Purpose, Record,
    Reference, Region, Side,
};

use super::data_file::{self, Date, PolicyError, Standing};
use super::hosts::HostMap;
use super::list::List;
use super::recognise::{CodePattern, Recognise};
use crate::attribution::{Prefix, Source};
use crate::wire::Day;
use rustc_hash::{FxHashMap, FxHashSet};
use serde::Serialize;
use std::collections::BTreeMap;
use std::sync::Arc;

/// Values for the parameters of a self-hosted service: `host` → `meet.example.org`.
pub type Parameters = BTreeMap<String, Vec<String>>;

/// A checked profile, with its list.
#[derive(Debug, Clone)]
pub struct Profile {
    pub file: ProfileFile,
    pub source: Arc<Source>,
    /// The file of the profile that it builds on.
    pub base: Option<Arc<Source>>,
    pub list: List,
    pub(crate) hosts: HostMap<Host>,
    pub(crate) ranges: Vec<Range>,
    pub(crate) asns: FxHashMap<u32, usize>,
}

/// Where a host pattern comes from: an index into the file.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Host {
    Listed(usize),
    Default(usize),
}

#[derive(Debug, Clone, Copy)]
pub(crate) struct Range {
    pub(crate) prefix: Prefix,
    /// Index into `networks`; `None` for an address given as a parameter.
    pub(crate) row: Option<usize>,
}

/// How well a profile is founded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Facts {
    /// Statements: every host pattern, range, port, process name, recipient, default, region and record.
    pub statements: usize,
    /// Of these, found in the source they name.
    pub sourced: usize,
    /// Of these, general knowledge or a reading.
    pub unverified: usize,
    /// The oldest and newest source that a statement rests on.
    pub oldest: Option<Date>,
    pub newest: Option<Date>,
}

impl Profile {
    /// Reads and checks one profile. `name` is the file's name for errors and evidence; `base` finds the profile that it
    /// builds on, by its id.
    ///
    /// # Errors
    /// With file, place and cure.
    pub fn parse(
        name: &str,
        text: &str,
        parameters: &Parameters,
        base: impl Fn(&str) -> Option<Result<Self, PolicyError>>,
    ) -> Result<Self, PolicyError> {
        let mut file: ProfileFile = data_file::parse(name, text)?;
        let source = data_file::stamp(name, file.edition.0, text);
        let mut base_source = None;
        if let Some(id) = file.inherits.clone() {
            let wrong = |what: String| PolicyError::new(name, "inherits", what);
            let base =
                base(&id).ok_or_else(|| wrong(format!("there is no profile `{id}`; name one that is there")))??;
            if base.file.inherits.is_some() {
                return Err(wrong(format!("`{id}` builds on another profile itself; name that one")));
            }
            file.build_on(base.file);
            base_source = Some(base.source);
        }
        let mut profile = Self::build(name, file, source, parameters)?;
        profile.base = base_source;
        Ok(profile)
    }

    fn build(name: &str, file: ProfileFile, source: Arc<Source>, parameters: &Parameters) -> Result<Self, PolicyError> {
        let wrong = |place: String, what: String| PolicyError::new(name, place, what);
        if file.id.is_empty() || !file.id.bytes().all(|b| matches!(b, b'a'..=b'z' | b'0'..=b'9' | b'-')) {
            return Err(wrong("id".into(), format!("`{}`: use lower-case letters, digits and `-`", file.id)));
        }
        if let Some(unknown) = parameters.keys().find(|k| !file.parameters.contains_key(*k)) {
            let known: Vec<_> = file.parameters.keys().map(String::as_str).collect();
            let known = if known.is_empty() { "it has none".into() } else { format!("it has: {}", known.join(", ")) };
            return Err(wrong("parameters".into(), format!("`{unknown}` is no parameter of this profile; {known}")));
        }
        for (place, source, standing) in file.statements() {
            if !file.sources.contains_key(source) {
                return Err(wrong(place, format!("source `{source}` is not under [sources]; add it there")));
            }
            if source == "K" && !standing.is_unverified() {
                return Err(wrong(
                    place,
                    "general knowledge (source K) is unverified; add confidence = \"unverified\"".into(),
                ));
            }
        }
        for (at, row) in file.host_codes.iter().enumerate() {
            CodePattern::read(row, &source).map_err(|e| wrong(format!("host_codes {}", at + 1), e))?;
        }
        let mut profile = Self {
            list: List::empty(Arc::clone(&source)),
            hosts: HostMap::default(),
            ranges: Vec::new(),
            asns: FxHashMap::default(),
            file,
            source,
            base: None,
        };
        // What the user named as the operator's own stays that, whatever the file says of the same host.
        let mut named: FxHashSet<String> = FxHashSet::default();
        let hosts = profile.file.hosts.iter().enumerate().map(|(at, r)| ("hosts", at, &r.hosts, Host::Listed(at)));
        let defaults =
            profile.file.defaults.iter().enumerate().map(|(at, r)| ("defaults", at, &r.hosts, Host::Default(at)));
        for (table, at, patterns, host) in hosts.chain(defaults) {
            let place = || format!("{table} {} ({})", at + 1, patterns.first().map_or("none", |h| h));
            for pattern in patterns {
                let values = expand(pattern, &profile.file.parameters, parameters).map_err(|e| wrong(place(), e))?;
                for value in values.as_deref().unwrap_or(std::slice::from_ref(&pattern.to_string())) {
                    if named.contains(value) {
                        continue;
                    }
                    match Prefix::parse(value) {
                        Some(prefix) => profile.ranges.push(Range { prefix, row: None }),
                        None => profile.hosts.insert(value, host).map_err(|e| wrong(place(), e))?,
                    }
                    if values.is_some() {
                        named.insert(value.clone());
                    }
                }
            }
        }
        for (at, row) in profile.file.networks.iter().enumerate() {
            for text in &row.prefixes {
                let place = || format!("networks {} ({text})", at + 1);
                let prefix = Prefix::parse(text).ok_or_else(|| {
                    wrong(place(), "is no address range; write 192.0.2.0/24 with no bit set behind the length".into())
                })?;
                profile.ranges.push(Range { prefix, row: Some(at) });
            }
            for asn in &row.asns {
                profile.asns.insert(*asn, at);
            }
        }
        // The longest range first, so that the first that contains an address is the most specific.
        profile.ranges.sort_by_key(|r| std::cmp::Reverse(r.prefix.bits()));
        profile.list =
            List::build(name, profile.file.name.clone(), Arc::clone(&profile.source), profile.file.disclosed.clone())?;
        profile.list.public = true;
        Ok(profile)
    }

    /// The same profile held against another list: the annex of the contract instead of the public list. What the profile
    /// knows of a company's domains and AS numbers is kept for entries that give none.
    ///
    /// # Errors
    /// If domains of two entries collide.
    pub fn with_list(mut self, list: &List) -> Result<Self, PolicyError> {
        let mut entries = list.entries.clone();
        for entry in &mut entries {
            if let Some(known) = self.list.entry_of_company(&entry.name).and_then(|at| self.list.entries.get(at)) {
                if entry.domains.is_empty() {
                    entry.domains.clone_from(&known.domains);
                }
                if entry.asns.is_empty() {
                    entry.asns.clone_from(&known.asns);
                }
            }
        }
        self.list = List::build(&list.source.name, list.title.clone(), Arc::clone(&list.source), entries)?;
        self.list.via.clone_from(&list.via);
        Ok(self)
    }

    /// A profile that knows nothing but a list: every host is judged by it alone.
    #[must_use]
    pub fn of_list(list: List) -> Self {
        let provider = Provider {
            operator: Box::default(),
            seat: None,
            contract_partner: Box::default(),
            contract_seat: None,
            parent: Box::default(),
            parent_seat: None,
            basis_claimed: Box::default(),
            note: Box::default(),
            source: Box::default(),
            confidence: Standing::Unverified,
        };
        let file = ProfileFile {
            id: "list".into(),
            name: list.title.clone(),
            edition: Date(Day::parse(&list.source.date).unwrap_or_default()),
            inherits: None,
            parameters: BTreeMap::new(),
            provider,
            sources: BTreeMap::new(),
            hosts: Vec::new(),
            networks: Vec::new(),
            ports: Vec::new(),
            processes: Vec::new(),
            disclosed: Vec::new(),
            defaults: Vec::new(),
            regions: Vec::new(),
            record: Vec::new(),
            host_codes: Vec::new(),
            skeleton: false,
            recognise: Recognise::default(),
        };
        let source = Arc::clone(&list.source);
        Self {
            file,
            source,
            base: None,
            list,
            hosts: HostMap::default(),
            ranges: Vec::new(),
            asns: FxHashMap::default(),
        }
    }

    /// Whether it is the profile of that service, or builds on it.
    #[must_use]
    pub fn is_or_inherits(&self, id: &str) -> bool {
        &*self.file.id == id || self.file.inherits.as_deref() == Some(id)
    }

    /// Parameters of the profile that `given` has no value for, each with what it means. Without its hosts a self-hosted
    /// service is unknown, so a caller should ask for them.
    pub fn missing(&self, given: &Parameters) -> impl Iterator<Item = (&str, &str)> {
        let without = |key: &String| given.get(key).is_none_or(Vec::is_empty);
        self.file.parameters.iter().filter(move |(k, _)| without(k)).map(|(k, meaning)| (k.as_str(), &**meaning))
    }

    /// How many statements there are, and how well they are founded.
    #[must_use]
    pub fn facts(&self) -> Facts {
        let mut facts = Facts { statements: 0, sourced: 0, unverified: 0, oldest: None, newest: None };
        let mut count = |n: usize, source: &str, standing: Standing| {
            facts.statements += n;
            if standing.is_unverified() {
                facts.unverified += n;
                return;
            }
            facts.sourced += n;
            if let Some(day) = self.file.sources.get(source).map(|r| Date(r.as_of())) {
                facts.oldest = Some(facts.oldest.map_or(day, |o| o.min(day)));
                facts.newest = Some(facts.newest.map_or(day, |o| o.max(day)));
            }
        };
        let f = &self.file;
        count(1, &f.provider.source, f.provider.confidence);
        f.hosts.iter().for_each(|r| count(r.hosts.len(), &r.source, r.confidence));
        f.networks.iter().for_each(|r| count(r.prefixes.len() + r.asns.len(), &r.source, r.confidence));
        f.ports.iter().for_each(|r| count(r.ports.len(), &r.source, r.confidence));
        f.processes.iter().for_each(|r| count(r.names.len(), &r.source, r.confidence));
        f.disclosed.iter().for_each(|r| count(1, &r.source, r.confidence));
        f.defaults.iter().for_each(|r| count(r.hosts.len(), &r.source, r.confidence));
        f.regions.iter().for_each(|r| count(1, &r.source, r.confidence));
        f.record.iter().for_each(|r| count(1, &r.source, r.confidence));
        f.host_codes.iter().for_each(|r| count(r.codes.len(), &r.source, r.confidence));
        facts
    }
}

/// Puts the values of a parameter into a pattern: one pattern per value. `None` if the pattern has no parameter.
fn expand(
    pattern: &str,
    known: &BTreeMap<String, Box<str>>,
    values: &Parameters,
) -> Result<Option<Vec<String>>, String> {
    let Some((before, rest)) = pattern.split_once('{') else { return Ok(None) };
    let (key, after) = rest.split_once('}').ok_or_else(|| format!("`{pattern}`: a brace is not closed"))?;
    if !known.contains_key(key) {
        return Err(format!("`{pattern}`: `{key}` is not under [parameters]; add it there"));
    }
    let values = values.get(key).into_iter().flatten();
    Ok(Some(values.map(|v| format!("{before}{}{after}", v.trim_end_matches('.').to_ascii_lowercase())).collect()))
}

#[cfg(test)]
mod tests;
