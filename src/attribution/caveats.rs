//! `anycast.toml`: networks of which no database can tell the place.

use super::table::{Row, Standing, source_of};
use super::{AttributionError, Caveat, CaveatKind, Prefix, PrefixMap, Source};
use rustc_hash::FxHashMap;
use serde::Deserialize;
use std::net::IpAddr;
use std::sync::Arc;

/// The table that is compiled in.
pub(super) const EMBEDDED: (&str, &str) = ("anycast.toml", include_str!("../../geoip/anycast.toml"));

/// Caveats by prefix, by cloud service and by AS number, asked in this order.
#[derive(Debug)]
pub(super) struct Caveats {
    prefixes: PrefixMap<Arc<Caveat>>,
    /// `aws:GLOBALACCELERATOR`.
    services: Vec<(Box<str>, Box<str>, Arc<Caveat>)>,
    asns: FxHashMap<u32, Arc<Caveat>>,
    source: Arc<Source>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    as_of: Box<str>,
    network: Vec<Record>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Record {
    holder: Box<str>,
    kind: CaveatKind,
    why: Box<str>,
    #[serde(default)]
    asns: Vec<u32>,
    #[serde(default)]
    prefixes: Vec<Prefix>,
    /// `provider:SERVICE` as in the provider's own range file.
    #[serde(default)]
    services: Vec<Box<str>>,
    source: Box<str>,
    as_of: Box<str>,
    confidence: Standing,
}

impl Caveats {
    /// Reads a table; `file` is its name for messages.
    pub(super) fn parse(file: &str, text: &str) -> Result<Self, AttributionError> {
        let data: File = toml::from_str(text).map_err(|error| AttributionError::toml(file, text, &error))?;
        let source = source_of("Networks without a place (anycast.toml)", &data.as_of, text);
        let mut table = Self {
            prefixes: PrefixMap::default(),
            services: Vec::new(),
            asns: FxHashMap::default(),
            source: Arc::clone(&source),
        };
        for record in data.network {
            let row = Row { file, place: "network", id: &record.holder };
            row.needs_day(&record.as_of)?;
            row.needs_text("why", &record.why)?;
            row.needs_text("source", &record.source)?;
            let caveat = Arc::new(Caveat {
                kind: record.kind,
                holder: record.holder.clone(),
                why: record.why,
                read_in: record.source,
                as_of: record.as_of,
                unverified: record.confidence.is_unverified(),
                source: Arc::clone(&source),
            });
            for prefix in record.prefixes {
                if table.prefixes.insert(prefix, Arc::clone(&caveat)).is_some() {
                    return Err(row.twice(&prefix.to_string()));
                }
            }
            for asn in record.asns {
                if table.asns.insert(asn, Arc::clone(&caveat)).is_some() {
                    return Err(row.twice(&format!("AS{asn}")));
                }
            }
            for service in record.services {
                let Some((provider, name)) = service.split_once(':') else {
                    return Err(row.wrong(&format!("service `{service}`"), "write it as provider:SERVICE"));
                };
                table.services.push((provider.into(), name.into(), Arc::clone(&caveat)));
            }
        }
        Ok(table)
    }

    /// The caveat on an address, if there is one. `cloud` is the provider and its comma-separated services.
    pub(super) fn of(&self, address: IpAddr, asn: Option<u32>, cloud: Option<(&str, &str)>) -> Option<&Arc<Caveat>> {
        let by_service = || {
            let (provider, services) = cloud?;
            self.services
                .iter()
                .find(|(p, name, _)| **p == *provider && services.split(',').any(|s| *s == **name))
                .map(|(_, _, caveat)| caveat)
        };
        let by_prefix = self.prefixes.get(address).map(|(_, caveat)| caveat);
        by_prefix.or_else(by_service).or_else(|| self.asns.get(&asn?))
    }

    pub(super) const fn source(&self) -> &Arc<Source> {
        &self.source
    }
}
