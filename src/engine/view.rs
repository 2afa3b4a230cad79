//! What can be seen of the engine: rows and a summary with typed values. Formatting is the reader's business.

use crate::attribution::{Claim, Company, CountryCode, NameBasis, Owner, Place, Source};
use crate::dissect::fact::{Answer, Choice, Fact, MediaSeen, Offer};
pub use crate::policy::course::{Cell, KindSeries, Marker, Series, Timeline};
use crate::policy::subject::Label;
use crate::policy::{Circumstances, Finding, Lang, Listing, Subject};
use crate::wire::{End, FrameNo, RoundTrip, Text, TextRef, Timestamp, TransportKind, Tunnel};
use serde::{Deserialize, Serialize};
use smallvec::SmallVec;
use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::Arc;

/// Packets, wire bytes and transport payload bytes of one direction.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Tally {
    pub packets: u64,
    pub bytes: u64,
    pub payload: u64,
}

/// How it was decided which end is the client, best first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ClientBasis {
    /// The user named the audited device.
    Subject,
    /// One end is an address of the capturing host, or is local while the other is public.
    Local,
    Syn,
    Hello,
    Ports,
    FirstFrame,
}

impl ClientBasis {
    #[must_use]
    pub const fn token(self) -> &'static str {
        match self {
            Self::Subject => "subject",
            Self::Local => "local",
            Self::Syn => "syn",
            Self::Hello => "hello",
            Self::Ports => "ports",
            Self::FirstFrame => "first-frame",
        }
    }
}

/// One generation of a conversation.
#[derive(Debug, Clone)]
pub struct FlowView<'a> {
    /// 1-based, in order of the first frame.
    pub flow: u64,
    pub transport: TransportKind,
    pub client: End,
    pub server: End,
    pub client_basis: ClientBasis,
    pub first: Timestamp,
    pub last: Timestamp,
    pub first_frame: FrameNo,
    pub up: Tally,
    pub down: Tally,
    pub tunnel: Tunnel,
    /// Protocol token, empty if unknown.
    pub application: &'static str,
    pub name: Option<(TextRef<'a>, NameBasis)>,
    /// Names that compete with `name`, with their basis.
    pub other_names: Vec<(TextRef<'a>, NameBasis)>,
    /// The aliases (CNAME) through which DNS led from the name to the address.
    pub aliases: Vec<TextRef<'a>>,
    /// Smallest round trip seen in the TCP handshake, nanoseconds.
    pub round_trip: Option<u64>,
    /// Real-time media sent and received; `None` if the flow carries none.
    pub media: Option<Box<[MediaSeen; 2]>>,
    /// The capture kept less of some frame than was sent.
    pub cut: bool,
    /// The program behind it, where the capturing machine told.
    pub owner: Option<&'a Arc<Owner>>,
    /// `in`, `out`, `unknown` (no program could be told) or empty (nothing was named).
    pub scope: &'static str,
}

/// Something that happened to the capturing machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Incident {
    /// Its clock was set: forward if positive.
    ClockSet {
        nanos: i64,
    },
    Slept {
        nanos: u64,
    },
    /// An interface that was captured on went away.
    InterfaceGone,
    /// Another interface, which is not captured on, has begun to lead to the internet.
    WayNotCaptured,
}

/// One ClientHello and what came of it.
#[derive(Debug, Clone)]
pub struct HandshakeView<'a> {
    pub frame: FrameNo,
    pub time: Timestamp,
    pub flow: u64,
    pub client: End,
    pub server: End,
    /// The server name; the one in `offer` is left out.
    pub sni: Option<TextRef<'a>>,
    pub offer: &'a Offer,
    pub choice: Option<Choice>,
}

/// One DNS answer record.
#[derive(Debug, Clone)]
pub struct AnswerView<'a> {
    pub frame: FrameNo,
    pub time: Timestamp,
    pub client: IpAddr,
    pub resolver: IpAddr,
    pub answer: &'a Answer,
}

/// Something else that was read on the wire: relays, software, certificates, media, what is hidden.
#[derive(Debug, Clone)]
pub struct FactView<'a> {
    pub frame: FrameNo,
    pub time: Timestamp,
    pub flow: u64,
    /// Who said it.
    pub from: End,
    pub to: End,
    pub fact: &'a Fact,
}

/// One remote address.
#[derive(Debug, Clone)]
pub struct EndpointView<'a> {
    pub address: IpAddr,
    /// Names its flows used; bounded.
    pub names: SmallVec<[TextRef<'a>; 1]>,
    pub operator: Option<Claim<Arc<Company>>>,
    pub holder: Option<Claim<Arc<Company>>>,
    pub place: Place,
    /// The smallest that was measured; TCP handshakes only where nobody on the way answers them.
    pub round_trip: Option<RoundTrip>,
    /// Countries that it rules out as seen from the place of capture, nearest first; empty if that place is not known.
    pub excluded: &'a [CountryCode],
    /// Token of the legal regime of `place.located_in` on the day of the first flow; empty if there is no country.
    pub regime: Arc<str>,
    pub label: Option<Label>,
    pub listing: Listing,
    pub up: Tally,
    pub down: Tally,
    pub first: Timestamp,
    pub last: Timestamp,
    pub flows: u64,
    /// What the address is called by whom the user had asked (PTR). Nothing is judged by it.
    pub reverse_name: Option<TextRef<'a>>,
}

/// Frames or bytes that a stage did not get, keep or read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LossView {
    /// `interface`, `kernel`, `file`, `decode`, `set aside`, `read in part`, `flow table` ...
    pub stage: Box<str>,
    pub kind: Box<str>,
    pub frames: u64,
    pub bytes: u64,
    pub from: Timestamp,
    pub until: Timestamp,
}

/// What was analyzed.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct CaptureInfo {
    /// File name without its folder; `standard input`; `generated call`.
    pub name: Text,
    /// `pcap`, `pcapng`, with `+gzip`.
    pub format: Box<str>,
    /// SHA-256 of the file as read, lower-case hexadecimal; empty where there is no file.
    pub sha256: Box<str>,
    pub bytes: u64,
    /// Link types met, in words.
    pub link_types: Vec<Box<str>>,
    /// How it was recorded, as the file says.
    pub recording: Recording,
}

/// How a capture was recorded, in the words of whoever wrote the file; empty where it does not say.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Recording {
    pub application: Text,
    pub system: Text,
    pub hardware: Text,
    /// The first few.
    pub interfaces: Vec<Interface>,
}

/// What was recorded on.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Interface {
    pub name: Text,
    pub description: Text,
    /// What it excludes was never in the file.
    pub filter: Text,
    /// Most bytes kept of a frame; `None` is no limit.
    pub snap_len: Option<u32>,
}

/// The law that stood on the days of the capture for a country in which something was placed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LawNote {
    /// `US`.
    pub country: Box<str>,
    /// One plain sentence with the instrument and its dates.
    pub text: Box<str>,
}

/// Look-ups that this program made because the user told it to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LookUps {
    /// Who was asked.
    pub upstream: Text,
    /// Addresses asked for.
    pub asked: u64,
    /// Of those: no answer came, or none that says yes or no.
    pub unanswered: u64,
    /// Addresses without a name that were left out, because there were too many or the time was over.
    pub left_out: u64,
}

/// What the auditor states of the case in the audit file. Nothing of it was observed; what is empty was not stated.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Stated {
    pub reference: Box<str>,
    /// The day of the statements.
    pub date: Box<str>,
    pub purpose: Box<str>,
    pub legal_basis: Box<str>,
    pub controller: Box<str>,
    /// Who made the capture, for whom, and who watched.
    pub operator: Box<str>,
    pub organisation: Box<str>,
    pub contact: Box<str>,
    pub witness: Box<str>,
    /// Of those whose communication it is, and their test accounts.
    pub consent: Box<str>,
    pub accounts: Box<str>,
    pub client: Box<str>,
    pub version: Box<str>,
    pub platform: Box<str>,
    pub account: Box<str>,
    pub configuration: Box<str>,
    /// How the device reaches the internet.
    pub network: Box<str>,
    /// Day on which the evidence is deleted, and the rule for it.
    pub deletion: Box<str>,
    pub retention: Box<str>,
    pub note: Box<str>,
    /// The member state whose authority audits.
    pub jurisdiction: Box<str>,
    /// The place of the capture.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub place: Option<StatedPlace>,
}

/// Where the capture was made: somewhere within a radius around a point.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct StatedPlace {
    /// Empty if only coordinates were given.
    pub city: Box<str>,
    /// Degrees north and east.
    pub latitude: f64,
    pub longitude: f64,
    pub radius_km: f64,
}

/// What is said in one language.
#[derive(Debug, Clone)]
pub struct Words {
    pub lang: Lang,
    pub findings: Vec<Finding>,
    pub law: Vec<LawNote>,
}

/// The whole picture, complete once the input has ended.
#[derive(Debug, Clone)]
pub struct Summary {
    pub captures: Vec<CaptureInfo>,
    /// Where a bundle does not hold them as they were given: the files that hold what was kept of them.
    pub kept: Vec<CaptureInfo>,
    pub circumstances: Circumstances,
    /// Sums over all flows.
    pub up: Tally,
    pub down: Tally,
    pub flows: u64,
    pub endpoints: u64,
    pub dns_answers: u64,
    pub handshakes: u64,
    /// Profile in use: id and display name.
    pub service: Option<(Box<str>, Box<str>)>,
    /// What the auditor states of the case.
    pub stated: Option<Stated>,
    /// The list of recipients it was held against.
    pub list: Option<Arc<Source>>,
    /// Recipients, largest upstream first within each listing.
    pub recipients: Vec<Subject>,
    /// The language of findings and law.
    pub lang: Lang,
    /// Findings, gravest first.
    pub findings: Vec<Finding>,
    pub law: Vec<LawNote>,
    /// The same in other languages, if asked for: a document that is kept can be read in any of them.
    pub other: Vec<Words>,
    pub markers: Vec<Marker>,
    pub timeline: Timeline,
    pub losses: Vec<LossView>,
    /// Every database and data file in use.
    pub sources: Vec<Arc<Source>>,
    /// What this program asked others; `None` if it asked nobody.
    pub look_ups: Option<LookUps>,
    /// What they say that addresses are called. Beside the recipients, not in them, so that no rule sees it.
    pub reverse_names: BTreeMap<IpAddr, Text>,
}
