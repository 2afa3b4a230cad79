//! What a rule sees: one recipient in one place, and the circumstances of the capture.

use super::words::{Lang, Twin};
use crate::attribution::{Claim, Company, Confidence, CountryCode, NameBasis};
use crate::dissect::fact::{Choice, Hidden, MediaSeen, Offer};
use crate::policy::recognise::Proposal;
use crate::wire::{FrameNo, RoundTrip, Text, Timestamp};
use std::net::IpAddr;
use std::sync::Arc;

/// How a recipient stands to the audited service.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub enum Listing {
    /// A host or network of the service itself.
    Service,
    /// A subprocessor that the list in use names.
    Subprocessor,
    /// Neither, and no background traffic either.
    NotListed,
    /// The operating system and other programs: connectivity checks, certificate status, time, updates.
    Background,
    /// Private, link-local, multicast: the own network.
    Local,
    /// No profile was given, so nothing is said.
    #[default]
    Unjudged,
}

impl Listing {
    /// The stable token of the tables' `disclosed` column.
    #[must_use]
    pub const fn token(self) -> &'static str {
        match self {
            Self::Service => "service",
            Self::Subprocessor => "listed",
            Self::NotListed => "not-listed",
            Self::Background => "background",
            Self::Local => "local",
            Self::Unjudged => "",
        }
    }
}

/// Packets and bytes from the client to the recipient (`up`) and back (`down`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Traffic {
    pub packets_up: u64,
    pub bytes_up: u64,
    pub packets_down: u64,
    pub bytes_down: u64,
}

/// A label from the telemetry and tracker lists.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Label {
    /// `telemetry`, `analytics`, `crash`, `ads`, `push` ...
    pub category: Box<str>,
    /// The suffix that matched.
    pub suffix: Box<str>,
    /// The alias (CNAME) that it matched, where the name itself is on no list.
    pub via: Option<Text>,
    /// Whom the list names as the operator.
    pub operator: Box<str>,
    pub operator_country: Option<CountryCode>,
    pub unverified: bool,
}

/// A certificate as far as it is graded.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Leaf {
    /// `rsa-2048`, `ec-p256` ...
    pub key: Box<str>,
    /// `rsa-sha256` ...
    pub signature: Box<str>,
    pub self_signed: bool,
    pub validity: Validity,
    /// Whether it is for the name that the client had asked for, if that is known.
    pub fits: Option<bool>,
}

/// How a flow lay to the time for which a certificate is valid.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Validity {
    InTime,
    NotYet,
    Over,
}

/// What a hello offered and its answer settled, and in how many flows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Agreement {
    /// `None` if the hello was not captured.
    pub offer: Option<Arc<Offer>>,
    /// `None` if no answer was captured.
    pub choice: Option<Choice>,
    pub leaf: Option<Leaf>,
    pub flows: u32,
    /// The first frame of the first of them.
    pub frame: FrameNo,
}

/// Where DNS led from a name of the recipient (CNAME).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Alias {
    pub name: Text,
    /// The last name of the chain that belongs to somebody else.
    pub target: Text,
    /// Who stands behind it: runs it, or lends the machines.
    pub company: Option<Claim<Arc<Company>>>,
    /// The label of the lists for it, where the name itself has none.
    pub label: Option<Label>,
}

/// What the smallest round trip of an address says of its place, as seen from the place of capture.
#[derive(Debug, Clone, PartialEq)]
pub struct Measured {
    pub address: IpAddr,
    pub trip: RoundTrip,
    /// What sources say and the round trip excludes; each country once.
    pub excluded: Vec<Claim<CountryCode>>,
    /// The host that answered stands so near that there is no land but that of the EEA.
    pub within_eea: bool,
}

/// What answered, as far as somebody on the way could have done it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum TripLayer {
    /// SYN/ACK and acknowledgments.
    Tcp,
    /// TLS over TCP.
    Tls,
    /// QUIC, DTLS and STUN.
    Datagrams,
}

impl TripLayer {
    pub const ALL: [Self; 3] = [Self::Tcp, Self::Tls, Self::Datagrams];

    #[must_use]
    pub const fn words(self, lang: Lang) -> &'static str {
        match self {
            Self::Tcp => "TCP",
            Self::Tls => "TLS",
            Self::Datagrams => lang.pick("QUIC, DTLS and STUN", "QUIC, DTLS und STUN"),
        }
    }
}

/// A sign that something near the client may have answered in the hosts' place: then round trips say nothing of them.
#[derive(Debug, Clone, PartialEq)]
pub enum Near {
    /// TCP connections were answered alike and near for all networks, long before the servers themselves.
    Split {
        /// Servers with both measurements.
        servers: u32,
        /// The longest time to a SYN/ACK and the shortest to what only the host can say, in nanoseconds.
        tcp: u64,
        hello: u64,
        frames: Vec<FrameNo>,
    },
    /// All public hosts answered near, also those of which sources say that they stand too far away for that.
    Alike {
        layer: TripLayer,
        /// All that answered, and the longest that one took, in nanoseconds.
        servers: u32,
        within: u64,
        /// The countries that light does not reach in time, each with one of the sources that name it.
        claims: Vec<Claim<CountryCode>>,
        frames: Vec<FrameNo>,
    },
    /// Certificates for hosts of unrelated companies come from one issuer that is no public one, or from the issuer of a
    /// product that opens TLS on the way.
    Opened {
        /// Its distinguished name, from the wire.
        issuer: Text,
        /// What it is known as.
        product: Option<Box<str>>,
        /// Some of the names that clients asked for.
        hosts: Vec<Text>,
        frames: Vec<FrameNo>,
    },
}

impl Near {
    /// The layers whose times are not used.
    #[must_use]
    pub const fn unused(&self) -> &'static [TripLayer] {
        match self {
            Self::Split { .. } | Self::Alike { layer: TripLayer::Tcp, .. } => &[TripLayer::Tcp],
            Self::Alike { layer: TripLayer::Tls, .. } => &[TripLayer::Tls],
            Self::Alike { layer: TripLayer::Datagrams, .. } => &[TripLayer::Datagrams],
            Self::Opened { .. } => &[TripLayer::Tcp, TripLayer::Tls],
        }
    }
}

/// One recipient in one place: the unit of judgement.
#[derive(Debug, Clone, Default)]
pub struct Subject {
    /// Names its flows used, best basis first; may be empty.
    pub names: Vec<(Text, NameBasis)>,
    /// A few of its addresses; `address_count` is all of them.
    pub addresses: Vec<IpAddr>,
    pub address_count: u32,
    /// Who runs the host by that name (from the name), and whose network it stands in (from the address).
    pub operator: Option<Claim<Arc<Company>>>,
    pub holder: Option<Claim<Arc<Company>>>,
    /// In which country the holder of the address is registered; never a location.
    pub registered_in: Option<Claim<CountryCode>>,
    /// Where it stands. `None` is unknown; `indeterminate` says why it cannot be told.
    pub located_in: Option<Claim<CountryCode>>,
    /// `anycast`, `sources disagree: US, NL` ...
    pub indeterminate: Option<Box<str>>,
    pub listing: Listing,
    /// Purpose the service profile gives the host: `media`, `telemetry`, `auth` ...
    pub role: Option<Box<str>>,
    pub label: Option<Label>,
    pub traffic: Traffic,
    pub first: Timestamp,
    pub last: Timestamp,
    /// The first frame of each flow, bounded; `flow_count` is all of them.
    pub frames: Vec<FrameNo>,
    pub flow_count: u32,
    /// Protocol tokens, sorted.
    pub applications: Vec<&'static str>,
    /// Protocols in which application data was readable.
    pub clear: Vec<&'static str>,
    /// What ran inside and could not be read: name resolution, a tunnel.
    pub hidden: Vec<Hidden>,
    /// What hellos and answers settled; bounded. `ungraded` flows are beyond the bound.
    pub agreements: Vec<Agreement>,
    pub ungraded: u32,
    /// Names that are aliases of others; bounded.
    pub aliases: Vec<Alias>,
    /// Hellos beside which an ECH extension stood.
    pub outer_names: u32,
    /// Innermost flows reached through these wrappings (`gtp-u` ...).
    pub tunnels: Vec<&'static str>,
    /// Real-time media that it was sent, and that it sent.
    pub media_up: MediaSeen,
    pub media_down: MediaSeen,
    /// What round trips say of some of its addresses.
    pub measured: Vec<Measured>,
    /// Signalling or media say that it is another participant.
    pub peer: bool,
    /// The programs behind its flows, sorted; empty where no machine told.
    pub processes: Vec<Text>,
}

/// Something hidden, and where.
#[derive(Debug, Clone)]
pub struct Blind {
    pub what: Hidden,
    pub flows: u32,
    pub frames: Vec<FrameNo>,
    /// The resolver or proxy, if it has a name or address.
    pub to: Vec<Text>,
}

/// A time without frames.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Silence {
    /// Its length; first, so that the longest is the greatest.
    pub nanos: u64,
    pub from: Timestamp,
    pub until: Timestamp,
    /// The frames before and after it.
    pub before: FrameNo,
    pub after: FrameNo,
}

impl Silence {
    /// Nanoseconds from which a silence is told: clients of a running call send keep-alives many times a minute.
    const TOLD_FROM: u64 = 600_000_000_000;

    #[must_use]
    pub const fn is_long(&self) -> bool {
        self.nanos >= Self::TOLD_FROM
    }
}

/// What the capturing machine told of itself while it captured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Incidents {
    /// Its clock was set so often, and by at most so many nanoseconds.
    pub clock_set: u32,
    pub largest_step: u64,
    /// Nanoseconds for which it slept.
    pub slept: u64,
    /// An interface that was captured on went away so often.
    pub interfaces_gone: u32,
    /// So many other interfaces began to lead to the internet and were not captured on.
    pub ways_not_captured: u32,
}

/// The capture as a whole, for the findings about what it cannot show.
#[derive(Debug, Clone, Default)]
pub struct Circumstances {
    pub first: Timestamp,
    pub last: Timestamp,
    pub first_frame: FrameNo,
    pub frames: u64,
    /// Frames lost by kernel, interface or a stage of this program, as far as the capture says.
    pub lost: u64,
    /// Frames of which the capture kept less than was sent, and the longest length kept.
    pub cut: u64,
    pub snap_length: u32,
    /// Bytes of each direction of a flow beyond which only headers are kept, by decision of whoever captured.
    pub payload_kept: Option<u32>,
    /// Frames that were left out of the evidence, because they are of no flow of the audited program or device.
    pub outside_scope: u64,
    /// The evidence is a copy in which the audited side has pseudonyms: SHA-512 of the first bundle's tag manifest.
    pub copy_of: Option<Box<str>>,
    /// Frames that could not be read.
    pub unreadable: u64,
    /// The file is cut or damaged: it was not read to its end.
    pub truncated_file: bool,
    pub blind: Vec<Blind>,
    /// Signs that somebody near the client answers in the hosts' place.
    pub near: Vec<Near>,
    /// Hellos with the ECH extension: count and first frames.
    pub ech_hellos: u32,
    pub ech_frames: Vec<FrameNo>,
    pub esni_hellos: u32,
    /// Flows in which only one direction was captured.
    pub one_sided_flows: u32,
    /// Flows whose start was not captured.
    pub midstream_flows: u32,
    /// Flows reached through a tunnel: count, kinds, first frames.
    pub tunnelled_flows: u32,
    pub tunnels: Vec<&'static str>,
    pub tunnel_frames: Vec<FrameNo>,
    pub flows: u64,
    /// The clock of the capture ran backwards so often.
    pub time_reversals: u64,
    pub incidents: Incidents,
    /// The longest time between two frames that follow each other.
    pub silence: Option<Silence>,
    /// The audited device as the user named it, and the flows in which it takes no part: they are not judged.
    pub device: Option<Box<str>>,
    pub foreign_flows: u64,
    /// The service that the traffic looks like, told without asking for the profile in use.
    pub proposal: Option<Proposal>,
    /// Something of the service whose profile is in use was seen.
    pub profile_shows: bool,
    /// Bounds of this program that were reached, in plain words.
    pub limits: Vec<Twin>,
    /// One of them left something out of the counts, so that these are lower bounds.
    pub left_out: bool,
}

/// How sure a place claim is, `None` where there is none.
impl Subject {
    #[must_use]
    pub fn place_confidence(&self) -> Option<Confidence> {
        self.located_in.as_ref().map(|c| c.confidence)
    }
}

impl Circumstances {
    /// Frames are known to be missing, how many is not: the file breaks off, an interface was gone or another one not
    /// captured on.
    #[must_use]
    pub const fn has_gaps(&self) -> bool {
        self.truncated_file || self.incidents.interfaces_gone > 0 || self.incidents.ways_not_captured > 0
    }
}
