//! Contacts of the operating system and of browsers that say nothing about the conference.

use super::data_file::{self, Date, PolicyError, Standing};
use super::hosts::{HostMap, Rank};
use super::service::Reference;
use crate::attribution::Source;
use serde::Deserialize;
use std::collections::BTreeMap;
use std::sync::Arc;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    edition: Date,
    sources: BTreeMap<String, Reference>,
    hosts: Vec<Row>,
    applications: Vec<Applications>,
}

/// Hosts of one purpose on one kind of system.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Row {
    hosts: Vec<Box<str>>,
    /// `windows`, `apple`, `android`, `linux`, `chrome`, `firefox`, `edge`, `any`.
    system: Box<str>,
    role: Role,
    #[serde(default)]
    #[expect(dead_code, reason = "for the reader of the file")]
    note: Box<str>,
    source: Box<str>,
    #[serde(default)]
    confidence: Standing,
}

/// Protocols of the infrastructure, by the dissectors' tokens.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Applications {
    tokens: Vec<Box<str>>,
    role: Role,
}

/// What a background contact is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    Connectivity,
    Pki,
    Push,
    Update,
    Time,
    Browser,
    Telemetry,
    Dns,
    Discovery,
}

impl Role {
    #[must_use]
    pub const fn token(self) -> &'static str {
        match self {
            Self::Connectivity => "connectivity",
            Self::Pki => "pki",
            Self::Push => "push",
            Self::Update => "update",
            Self::Time => "time",
            Self::Browser => "browser",
            Self::Telemetry => "telemetry",
            Self::Dns => "dns",
            Self::Discovery => "discovery",
        }
    }
}

/// All of them.
#[derive(Debug)]
pub struct Background {
    rows: Vec<Row>,
    hosts: HostMap<usize>,
    applications: Vec<Applications>,
    source: Arc<Source>,
}

impl Background {
    /// # Errors
    /// With file, place and cure.
    pub fn parse(name: &str, text: &str) -> Result<Self, PolicyError> {
        let file: File = data_file::parse(name, text)?;
        let mut hosts = HostMap::default();
        for (at, row) in file.hosts.iter().enumerate() {
            let wrong = |what| PolicyError::new(name, format!("hosts {}", at + 1), what);
            if !file.sources.contains_key(&*row.source) {
                return Err(wrong(format!("source `{}` is not under [sources]; add it there", row.source)));
            }
            for host in &row.hosts {
                hosts.insert(host, at).map_err(wrong)?;
            }
        }
        let source = data_file::stamp(name, file.edition.0, text);
        Ok(Self { rows: file.hosts, hosts, applications: file.applications, source })
    }

    pub(crate) fn host(&self, name: &str) -> Option<(Role, &str, Rank)> {
        let hit = self.hosts.find(name)?;
        self.rows.get(*hit.value).map(|row| (row.role, &*row.system, hit.rank))
    }

    /// The role, if all that was spoken is infrastructure.
    pub(crate) fn applications(&self, tokens: &[&str]) -> Option<Role> {
        let role =
            |token: &&str| self.applications.iter().find(|a| a.tokens.iter().any(|t| **t == **token)).map(|a| a.role);
        let first = tokens.first().and_then(role)?;
        tokens.iter().all(|t| role(t).is_some()).then_some(first)
    }

    #[must_use]
    pub const fn source(&self) -> &Arc<Source> {
        &self.source
    }

    /// Host patterns, and how many of them are marked as unverified.
    #[must_use]
    pub fn facts(&self) -> (usize, usize) {
        let unverified = self.rows.iter().filter(|r| r.confidence.is_unverified()).map(|r| r.hosts.len()).sum();
        (self.hosts.len(), unverified)
    }
}
