//! What the page tells from rows of the tables: handshakes by kind, and the remote addresses that were sent most. Bounded,
//! whatever the capture holds; fed by the running analysis, or by the JSON lines of an earlier one.

use super::row;
use crate::attribution::Confidence;
use crate::dissect::fact::HelloTransport;
use crate::engine::view::{EndpointView, HandshakeView};
use crate::wire::FrameNo;
use serde::Deserialize;
use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::net::IpAddr;

/// Addresses that are told.
const ENDPOINTS: usize = 400;
/// Kinds of handshakes that are told; a real call has a dozen.
const KINDS: usize = 100;
/// Names of one address.
const NAMES: usize = 3;

/// Those that were sent most come first.
type Rank = (Reverse<u64>, IpAddr);

/// Rows for the page.
#[derive(Debug, Default)]
pub struct Annex {
    endpoints: Vec<EndpointRow>,
    /// Behind this one nothing is among those that were sent most.
    floor: Option<Rank>,
    pub(super) endpoint_count: u64,
    pub(super) hellos: BTreeMap<HelloKind, Hellos>,
    /// Handshakes of further kinds.
    pub(super) hellos_beyond: u64,
    /// Tables that lie beside the page, and their rows.
    pub tables: Vec<(String, u64)>,
}

/// Handshakes that ended alike.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct HelloKind {
    pub(super) transport: HelloTransport,
    /// `None`: no answer was seen.
    pub(super) chosen: Option<Chosen>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Chosen {
    pub(super) version: u16,
    pub(super) cipher: u16,
    pub(super) group: Option<u16>,
    pub(super) srtp: Option<u16>,
}

#[derive(Debug, Clone, Copy)]
pub(super) struct Hellos {
    pub(super) count: u64,
    pub(super) first: u64,
}

/// A row of the table `endpoints`.
#[derive(Debug, Clone, Deserialize)]
pub struct EndpointRow {
    pub(super) address: IpAddr,
    #[serde(default)]
    pub(super) names: Vec<String>,
    pub(super) asn: Option<u32>,
    pub(super) as_name: Option<String>,
    pub(super) located_in: Option<String>,
    pub(super) located_by: Option<String>,
    pub(super) located_confidence: Option<Confidence>,
    pub(super) bytes_up: u64,
    pub(super) bytes_down: u64,
}

/// A row of the table `handshakes`.
#[derive(Debug, Deserialize)]
pub struct HelloRow {
    frame: u64,
    transport: String,
    version: Option<String>,
    cipher: Option<String>,
    group: Option<String>,
    srtp: Option<String>,
}

impl Annex {
    /// A handshake that is final.
    pub fn handshake(&mut self, hello: &HandshakeView<'_>) {
        let chosen =
            hello.choice.map(|c| Chosen { version: c.version, cipher: c.cipher, group: c.group, srtp: c.srtp });
        self.hello(HelloKind { transport: hello.offer.transport, chosen }, hello.frame);
    }

    fn hello(&mut self, kind: HelloKind, frame: FrameNo) {
        if self.hellos.len() >= KINDS && !self.hellos.contains_key(&kind) {
            self.hellos_beyond += 1;
            return;
        }
        let hellos = self.hellos.entry(kind).or_insert(Hellos { count: 0, first: frame.0 });
        hellos.count += 1;
        hellos.first = hellos.first.min(frame.0);
    }

    /// A remote address.
    pub fn endpoint(&mut self, row: &EndpointView<'_>) {
        self.endpoint_count += 1;
        if self.has_room((Reverse(row.up.bytes), row.address)) {
            self.keep(EndpointRow::of(row));
        }
    }

    fn has_room(&self, rank: Rank) -> bool {
        self.floor.is_none_or(|floor| rank < floor)
    }

    fn keep(&mut self, mut row: EndpointRow) {
        row.names.truncate(NAMES);
        self.endpoints.push(row);
        if self.endpoints.len() >= 2 * ENDPOINTS {
            self.trim();
        }
    }

    fn trim(&mut self) {
        self.endpoints.sort_by_key(EndpointRow::rank);
        self.endpoints.truncate(ENDPOINTS);
        if self.endpoints.len() == ENDPOINTS {
            self.floor = self.endpoints.last().map(EndpointRow::rank);
        }
    }

    /// A row of the table `endpoints`, as it was kept.
    pub fn endpoint_row(&mut self, row: EndpointRow) {
        self.endpoint_count += 1;
        if self.has_room(row.rank()) {
            self.keep(row);
        }
    }

    /// A row of the table `handshakes`, as it was kept.
    pub fn handshake_row(&mut self, row: &HelloRow) {
        let code = |text: &Option<String>| u16::from_str_radix(text.as_deref()?.strip_prefix("0x")?, 16).ok();
        let version = row.version.as_deref().and_then(version_code);
        let chosen = version.zip(code(&row.cipher)).map(|(version, cipher)| Chosen {
            version,
            cipher,
            group: code(&row.group),
            srtp: code(&row.srtp),
        });
        match HelloTransport::ALL.into_iter().find(|transport| transport.token() == row.transport) {
            Some(transport) => self.hello(HelloKind { transport, chosen }, FrameNo(row.frame)),
            None => self.hellos_beyond += 1,
        }
    }

    /// Those that were sent most come first.
    pub(super) fn endpoints(&self) -> Vec<EndpointRow> {
        let mut rows = self.endpoints.clone();
        rows.sort_by_key(EndpointRow::rank);
        rows.truncate(ENDPOINTS);
        rows
    }
}

impl EndpointRow {
    /// As the table says it.
    fn of(row: &EndpointView<'_>) -> Self {
        let (network, place) = (row.place.network.as_ref(), row.place.located_in.as_ref());
        Self {
            address: row.address,
            names: row.names.iter().take(NAMES).map(|name| name.exact().to_owned()).collect(),
            asn: network.map(|n| n.asn),
            as_name: network.map(|n| n.name.to_string()).filter(|name| !name.is_empty()),
            located_in: place.map(|claim| claim.value.to_string()),
            located_by: place.map(|claim| claim.source.to_string()),
            located_confidence: place.map(|claim| claim.confidence),
            bytes_up: row.up.bytes,
            bytes_down: row.down.bytes,
        }
    }

    fn rank(&self) -> Rank {
        (Reverse(self.bytes_up), self.address)
    }
}

impl Chosen {
    pub(super) fn version(self) -> String {
        row::version(self.version).map_or_else(|| format!("{:#06x}", self.version), str::to_owned)
    }
}

/// The version that a cell names.
fn version_code(cell: &str) -> Option<u16> {
    let named = [0x0300, 0x0301, 0x0302, 0x0303, 0x0304, 0xfeff, 0xfefd, 0xfefc].into_iter();
    let mut named = named.filter(|code| row::version(*code) == Some(cell));
    named.next().or_else(|| u16::from_str_radix(cell.strip_prefix("0x")?, 16).ok())
}
