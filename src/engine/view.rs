//! What can be seen of the engine: rows and a summary with typed values. Formatting is the reader's business.

use crate::attribution::{Claim, Company, NameBasis, Place, Source};
use crate::dissect::fact::{Answer, Choice, Offer};
use crate::policy::subject::Label;
use crate::policy::{Circumstances, Finding, Listing, Subject};
use crate::wire::{End, FrameNo, Text, Timestamp, TransportKind, Tunnel};
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
    pub name: Option<(&'a Text, NameBasis)>,
    /// Names that compete with `name`, with their basis.
    pub other_names: Vec<(&'a Text, NameBasis)>,
    /// Smallest round trip seen in the TCP handshake, nanoseconds.
    pub round_trip: Option<u64>,
    /// `in`, `out` or empty.
    pub scope: &'static str,
}

/// One ClientHello and what came of it.
#[derive(Debug, Clone)]
pub struct HandshakeView<'a> {
    pub frame: FrameNo,
    pub time: Timestamp,
    pub flow: u64,
    pub client: End,
    pub server: End,
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

/// One remote address.
#[derive(Debug, Clone)]
pub struct EndpointView<'a> {
    pub address: IpAddr,
    /// Names its flows used, then names DNS gave it; bounded.
    pub names: Vec<&'a Text>,
    pub operator: Option<Claim<Arc<Company>>>,
    pub holder: Option<Claim<Arc<Company>>>,
    pub place: Place,
    /// Smallest round trip, nanoseconds.
    pub round_trip: Option<u64>,
    /// Token of the legal regime of `place.located_in` on the day of the first flow; empty if there is no country.
    pub regime: Box<str>,
    pub label: Option<Label>,
    pub listing: Listing,
    pub up: Tally,
    pub down: Tally,
    pub first: Timestamp,
    pub last: Timestamp,
    pub flows: u64,
}

/// Frames or bytes that a stage did not get, keep or read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LossView {
    /// `interface`, `kernel`, `file`, `decode`, `fragments`, `flow-table` ...
    pub stage: Box<str>,
    pub kind: Box<str>,
    pub frames: u64,
    pub bytes: u64,
    pub from: Timestamp,
    pub until: Timestamp,
}

/// What was analyzed.
#[derive(Debug, Clone, Default)]
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
}

/// The law that stood on the days of the capture for a country in which something was placed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LawNote {
    /// `US`.
    pub country: Box<str>,
    /// One plain sentence with the instrument and its dates.
    pub text: Box<str>,
}

/// A marker that somebody set during the call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Marker {
    pub time: Timestamp,
    pub text: Text,
}

/// The whole picture, complete once the input has ended.
#[derive(Debug, Clone)]
pub struct Summary {
    pub captures: Vec<CaptureInfo>,
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
    /// The list of recipients it was held against.
    pub list: Option<Arc<Source>>,
    /// Recipients, largest upstream first within each listing.
    pub recipients: Vec<Subject>,
    /// Findings, gravest first.
    pub findings: Vec<Finding>,
    pub law: Vec<LawNote>,
    pub markers: Vec<Marker>,
    pub losses: Vec<LossView>,
    /// Every database and data file in use.
    pub sources: Vec<Arc<Source>>,
}
