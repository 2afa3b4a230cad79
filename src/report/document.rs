//! The members of `report.json` as they are written and read: one shape for both ways. `report.schema.json` beside this file
//! describes them; rows of the large tables have their shape from the tables.

use crate::attribution::{Claim, Company, Confidence, CountryCode, NameBasis, Source};
use crate::engine::view::{
    CaptureInfo, Interface, LawNote, LookUps, LossView, Marker, Recording, Series, Summary, Tally, Timeline, Words,
};
use crate::policy::recognise::{Reason, Sign};
use crate::policy::subject::{Agreement, Alias, Blind, Label, Validity};
use crate::policy::{Circumstances, Finding, Ground, Proposal, Severity, Subject, Twin};
use crate::wire::{FrameNo, Text, Timestamp};
use serde::{Deserialize, Serialize};
use std::borrow::Cow;
use std::net::IpAddr;
use std::sync::Arc;

/// Text of the document.
pub(super) type Said<'a> = Cow<'a, str>;

pub(super) fn frames(frames: &[FrameNo]) -> Vec<u64> {
    frames.iter().map(|frame| frame.0).collect()
}

fn some(text: &str) -> Option<Said<'_>> {
    (!text.is_empty()).then_some(Cow::Borrowed(text))
}

fn texts(texts: &[Text]) -> Vec<Said<'_>> {
    texts.iter().map(|text| text.exact().into()).collect()
}

fn tokens<'a>(tokens: &[&'a str]) -> Vec<Said<'a>> {
    tokens.iter().map(|token| (*token).into()).collect()
}

#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Service<'a> {
    pub(super) id: Said<'a>,
    pub(super) name: Said<'a>,
}

/// The service that the traffic looks like.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Proposed<'a> {
    pub(super) confidence: Confidence,
    pub(super) id: Said<'a>,
    pub(super) name: Said<'a>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) next: Option<(Said<'a>, u32)>,
    pub(super) profile: bool,
    pub(super) reasons: Vec<Because<'a>>,
    pub(super) score: u32,
    pub(super) template: bool,
}

#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Because<'a> {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) frame: Option<u64>,
    pub(super) sign: Sign,
    pub(super) what: Vec<Said<'a>>,
}

fn because(reason: &Reason) -> Because<'_> {
    let Reason { sign, what, frame } = reason;
    Because { sign: *sign, what: what.iter().map(|what| (&**what).into()).collect(), frame: frame.map(|f| f.0) }
}

pub(super) fn proposal(p: &Proposal) -> Proposed<'_> {
    Proposed {
        id: (&*p.id).into(),
        name: (&*p.name).into(),
        profile: p.profile,
        template: p.template,
        score: p.score,
        confidence: p.confidence,
        reasons: p.reasons.iter().map(because).collect(),
        next: p.next.as_ref().map(|(id, score)| ((&**id).into(), *score)),
    }
}

#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Law<'a> {
    pub(super) country: Said<'a>,
    pub(super) text: Said<'a>,
}

pub(super) fn law(note: &LawNote) -> Law<'_> {
    Law { country: (&*note.country).into(), text: (&*note.text).into() }
}

#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Mark<'a> {
    pub(super) text: Said<'a>,
    pub(super) time: Timestamp,
}

pub(super) fn mark(marker: &Marker) -> Mark<'_> {
    Mark { time: marker.time, text: marker.text.exact().into() }
}

/// A database or list with its hash.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Origin<'a> {
    pub(super) date: Said<'a>,
    pub(super) name: Said<'a>,
    pub(super) sha256: Said<'a>,
}

pub(super) fn origin(source: &Source) -> Origin<'_> {
    let Source { name, date, sha256 } = source;
    Origin { name: (&**name).into(), date: (&**date).into(), sha256: (&**sha256).into() }
}

#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Capture<'a> {
    pub(super) bytes: u64,
    pub(super) format: Said<'a>,
    pub(super) link_types: Vec<Said<'a>>,
    pub(super) name: Said<'a>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) recording: Option<Recorded<'a>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) sha256: Option<Said<'a>>,
}

/// How it was recorded, as the file says.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Recorded<'a> {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) application: Option<Said<'a>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) hardware: Option<Said<'a>>,
    pub(super) interfaces: Vec<On<'a>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) system: Option<Said<'a>>,
}

#[derive(Debug, Serialize, Deserialize)]
pub(super) struct On<'a> {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) description: Option<Said<'a>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) filter: Option<Said<'a>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) name: Option<Said<'a>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) snap_length: Option<u32>,
}

fn recorded_on(i: &Interface) -> On<'_> {
    let Interface { name, description, filter, snap_len } = i;
    On {
        name: some(name.exact()),
        description: some(description.exact()),
        filter: some(filter.exact()),
        snap_length: *snap_len,
    }
}

fn recorded(recording: &Recording) -> Option<Recorded<'_>> {
    let Recording { application, system, hardware, interfaces } = recording;
    (*recording != Recording::default()).then(|| Recorded {
        application: some(application.exact()),
        system: some(system.exact()),
        hardware: some(hardware.exact()),
        interfaces: interfaces.iter().map(recorded_on).collect(),
    })
}

pub(super) fn capture(info: &CaptureInfo) -> Capture<'_> {
    Capture {
        name: info.name.exact().into(),
        format: (&*info.format).into(),
        sha256: some(&info.sha256),
        bytes: info.bytes,
        link_types: info.link_types.iter().map(|link| (&**link).into()).collect(),
        recording: recorded(&info.recording),
    }
}

#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Looked<'a> {
    pub(super) asked: u64,
    pub(super) left_out: u64,
    pub(super) names: Vec<Called<'a>>,
    pub(super) unanswered: u64,
    pub(super) upstream: Said<'a>,
}

#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Called<'a> {
    pub(super) address: IpAddr,
    pub(super) reverse_name: Said<'a>,
}

pub(super) fn look_ups<'a>(look_ups: &'a LookUps, summary: &'a Summary) -> Looked<'a> {
    let LookUps { upstream, asked, unanswered, left_out } = look_ups;
    let called = |(&address, name): (_, &'a Text)| Called { address, reverse_name: name.exact().into() };
    let names = summary.reverse_names.iter().map(called).collect();
    let upstream = upstream.exact().into();
    Looked { upstream, asked: *asked, unanswered: *unanswered, left_out: *left_out, names }
}

#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Direction {
    pub(super) bytes: u64,
    pub(super) packets: u64,
    pub(super) payload: u64,
}

impl From<Tally> for Direction {
    fn from(tally: Tally) -> Self {
        Self { packets: tally.packets, bytes: tally.bytes, payload: tally.payload }
    }
}

impl From<Direction> for Tally {
    fn from(way: Direction) -> Self {
        Self { packets: way.packets, bytes: way.bytes, payload: way.payload }
    }
}

#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Totals {
    pub(super) dns_answers: u64,
    pub(super) down: Direction,
    pub(super) endpoints: u64,
    pub(super) flows: u64,
    pub(super) handshakes: u64,
    pub(super) up: Direction,
}

pub(super) fn totals(summary: &Summary) -> Totals {
    Totals {
        flows: summary.flows,
        endpoints: summary.endpoints,
        handshakes: summary.handshakes,
        dns_answers: summary.dns_answers,
        up: summary.up.into(),
        down: summary.down.into(),
    }
}

#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Seen<'a> {
    pub(super) blind: Vec<BlindSpot<'a>>,
    pub(super) cut: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) device: Option<Said<'a>>,
    pub(super) ech_frames: Vec<u64>,
    pub(super) ech_hellos: u32,
    pub(super) esni_hellos: u32,
    pub(super) first: Timestamp,
    pub(super) first_frame: u64,
    pub(super) flows: u64,
    pub(super) foreign_flows: u64,
    pub(super) frames: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) interfaces_gone: Option<u32>,
    pub(super) last: Timestamp,
    pub(super) limits: Cow<'a, [Twin]>,
    pub(super) lost: u64,
    pub(super) midstream_flows: u32,
    pub(super) one_sided_flows: u32,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) payload_kept: Option<u32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) silence: Option<Quiet>,
    pub(super) snap_length: u32,
    pub(super) time_reversals: u64,
    pub(super) truncated_file: bool,
    pub(super) tunnel_frames: Vec<u64>,
    pub(super) tunnelled_flows: u32,
    pub(super) tunnels: Vec<Said<'a>>,
    pub(super) unreadable: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) ways_not_captured: Option<u32>,
}

#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Quiet {
    pub(super) after: u64,
    pub(super) before: u64,
    pub(super) from: Timestamp,
    pub(super) until: Timestamp,
}

#[derive(Debug, Serialize, Deserialize)]
pub(super) struct BlindSpot<'a> {
    pub(super) flows: u32,
    pub(super) frames: Vec<u64>,
    pub(super) to: Vec<Said<'a>>,
    pub(super) what: Said<'a>,
}

fn blind(spot: &Blind) -> BlindSpot<'_> {
    let Blind { what, flows, frames: at, to } = spot;
    BlindSpot { what: what.token().into(), flows: *flows, frames: frames(at), to: texts(to) }
}

pub(super) fn circumstances(c: &Circumstances) -> Seen<'_> {
    Seen {
        first: c.first,
        last: c.last,
        first_frame: c.first_frame.0,
        frames: c.frames,
        flows: c.flows,
        lost: c.lost,
        cut: c.cut,
        snap_length: c.snap_length,
        payload_kept: c.payload_kept,
        unreadable: c.unreadable,
        truncated_file: c.truncated_file,
        interfaces_gone: Some(c.incidents.interfaces_gone).filter(|times| *times > 0),
        ways_not_captured: Some(c.incidents.ways_not_captured).filter(|ways| *ways > 0),
        time_reversals: c.time_reversals,
        one_sided_flows: c.one_sided_flows,
        midstream_flows: c.midstream_flows,
        tunnelled_flows: c.tunnelled_flows,
        tunnels: tokens(&c.tunnels),
        tunnel_frames: frames(&c.tunnel_frames),
        ech_hellos: c.ech_hellos,
        ech_frames: frames(&c.ech_frames),
        esni_hellos: c.esni_hellos,
        blind: c.blind.iter().map(blind).collect(),
        silence: c.silence.map(|s| Quiet { from: s.from, until: s.until, before: s.before.0, after: s.after.0 }),
        device: c.device.as_deref().map(Cow::Borrowed),
        foreign_flows: c.foreign_flows,
        limits: Cow::Borrowed(&c.limits),
    }
}

#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Recipient<'a> {
    pub(super) address_count: u32,
    pub(super) addresses: Cow<'a, [IpAddr]>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) agreements: Vec<Agreed<'a>>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) aliases: Vec<Aliased<'a>>,
    pub(super) applications: Vec<Said<'a>>,
    pub(super) bytes_down: u64,
    pub(super) bytes_up: u64,
    pub(super) clear: Vec<Said<'a>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) disclosed: Option<Said<'a>>,
    pub(super) first: Timestamp,
    pub(super) flows: u32,
    pub(super) frames: Vec<u64>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) hidden: Vec<Said<'a>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) holder: Option<Runner<'a>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) indeterminate: Option<Said<'a>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) label: Option<Labelled<'a>>,
    pub(super) last: Timestamp,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) located_in: Option<Located>,
    pub(super) names: Vec<Known<'a>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) operator: Option<Runner<'a>>,
    pub(super) outer_names: u32,
    pub(super) packets_down: u64,
    pub(super) packets_up: u64,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(super) peer: bool,
    pub(super) processes: Vec<Said<'a>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) registered_in: Option<Located>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) role: Option<Said<'a>>,
    pub(super) tunnels: Vec<Said<'a>>,
    #[serde(default, skip_serializing_if = "is_zero")]
    pub(super) ungraded: u32,
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde asks for it")]
const fn is_zero(n: &u32) -> bool {
    *n == 0
}

/// A 16-bit code of a registry, written as `0x1301`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Hex(pub(super) u16);

impl Serialize for Hex {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&format_args!("0x{:04x}", self.0))
    }
}

impl<'de> Deserialize<'de> for Hex {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let code = text.strip_prefix("0x").and_then(|digits| u16::from_str_radix(digits, 16).ok());
        code.map(Self).ok_or_else(|| serde::de::Error::custom("a code is written as 0x1301"))
    }
}

/// What a hello offered and its answer settled.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(super) struct Agreed<'a> {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) certificate: Option<Shown<'a>>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) ciphers_offered: Vec<Hex>,
    pub(super) flows: u32,
    pub(super) frame: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) offered_version: Option<Hex>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) oldest_version: Option<Hex>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) settled: Option<Settled>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) srtp_offered: Vec<Hex>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) transport: Option<Said<'a>>,
}

#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Settled {
    pub(super) cipher: Hex,
    pub(super) encrypt_then_mac: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) group: Option<Hex>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) prime_bits: Option<u16>,
    pub(super) resumed: bool,
    pub(super) retry: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) signature: Option<Hex>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) srtp: Option<Hex>,
    pub(super) version: Hex,
}

/// A certificate as far as it is graded.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Shown<'a> {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) fits: Option<bool>,
    pub(super) key: Said<'a>,
    pub(super) self_signed: bool,
    pub(super) signature: Said<'a>,
    pub(super) validity: Said<'a>,
}

pub(super) const VALIDITIES: [(Validity, &str); 3] =
    [(Validity::InTime, "in-time"), (Validity::NotYet, "not-yet"), (Validity::Over, "over")];

/// Where DNS led on to.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Aliased<'a> {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) company: Option<Runner<'a>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) label: Option<Labelled<'a>>,
    pub(super) name: Said<'a>,
    pub(super) target: Said<'a>,
}

fn agreed(a: &Agreement) -> Agreed<'_> {
    let codes = |codes: &[u16]| codes.iter().map(|c| Hex(*c)).collect();
    let version = |v: u16| (v != 0).then_some(Hex(v));
    let offer = a.offer.as_deref();
    Agreed {
        flows: a.flows,
        frame: a.frame.0,
        transport: offer.map(|o| o.transport.token().into()),
        offered_version: offer.and_then(|o| version(o.version)),
        oldest_version: offer.and_then(|o| version(o.oldest_version)),
        ciphers_offered: offer.map_or_else(Vec::new, |o| codes(&o.ciphers)),
        srtp_offered: offer.map_or_else(Vec::new, |o| codes(&o.srtp)),
        settled: a.choice.map(|c| Settled {
            version: Hex(c.version),
            cipher: Hex(c.cipher),
            group: c.group.map(Hex),
            prime_bits: c.prime_bits,
            signature: c.signature.map(Hex),
            srtp: c.srtp.map(Hex),
            encrypt_then_mac: c.encrypt_then_mac,
            resumed: c.resumed,
            retry: c.retry,
        }),
        certificate: a.leaf.as_ref().map(|leaf| Shown {
            key: (&*leaf.key).into(),
            signature: (&*leaf.signature).into(),
            self_signed: leaf.self_signed,
            validity: VALIDITIES.iter().find(|(v, _)| *v == leaf.validity).map_or("", |(_, token)| token).into(),
            fits: leaf.fits,
        }),
    }
}

fn aliased(alias: &Alias) -> Aliased<'_> {
    Aliased {
        name: alias.name.exact().into(),
        target: alias.target.exact().into(),
        company: alias.company.as_ref().map(runner),
        label: alias.label.as_ref().map(labelled),
    }
}

#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Known<'a> {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) age_s: Option<u32>,
    pub(super) basis: Said<'a>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) frame: Option<u64>,
    pub(super) name: Said<'a>,
}

#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Runner<'a> {
    pub(super) confidence: Confidence,
    pub(super) name: Said<'a>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) parent: Option<Said<'a>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) parent_seat: Option<CountryCode>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) seat: Option<CountryCode>,
    pub(super) source: String,
    pub(super) unverified: bool,
}

#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Located {
    pub(super) confidence: Confidence,
    pub(super) country: CountryCode,
    pub(super) source: String,
}

#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Labelled<'a> {
    pub(super) category: Said<'a>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) operator: Option<Said<'a>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) operator_country: Option<CountryCode>,
    pub(super) suffix: Said<'a>,
    pub(super) unverified: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) via: Option<Said<'a>>,
}

fn runner(claim: &Claim<Arc<Company>>) -> Runner<'_> {
    let Company { name, seat, parent, parent_seat, unverified } = &*claim.value;
    Runner {
        name: (&**name).into(),
        seat: *seat,
        parent: parent.as_deref().map(Cow::Borrowed),
        parent_seat: *parent_seat,
        unverified: *unverified,
        source: claim.source.to_string(),
        confidence: claim.confidence,
    }
}

fn known(name: &Text, basis: NameBasis) -> Known<'_> {
    let (age_s, frame) = match basis {
        NameBasis::DnsAnswer { age_secs, frame } => (Some(age_secs), Some(frame.0)),
        NameBasis::DnsAfter { frame } => (None, Some(frame.0)),
        _ => (None, None),
    };
    Known { name: name.exact().into(), basis: basis.token().into(), age_s, frame }
}

fn labelled(label: &Label) -> Labelled<'_> {
    let Label { category, suffix, via, operator, operator_country, unverified } = label;
    Labelled {
        category: (&**category).into(),
        suffix: (&**suffix).into(),
        via: via.as_ref().map(|alias| alias.exact().into()),
        operator: some(operator),
        operator_country: *operator_country,
        unverified: *unverified,
    }
}

fn located(claim: &Claim<CountryCode>) -> Located {
    Located { country: claim.value, source: claim.source.to_string(), confidence: claim.confidence }
}

pub(super) fn recipient(s: &Subject) -> Recipient<'_> {
    Recipient {
        names: s.names.iter().map(|(name, basis)| known(name, *basis)).collect(),
        addresses: Cow::Borrowed(&s.addresses),
        address_count: s.address_count,
        operator: s.operator.as_ref().map(runner),
        holder: s.holder.as_ref().map(runner),
        registered_in: s.registered_in.as_ref().map(located),
        located_in: s.located_in.as_ref().map(located),
        indeterminate: s.indeterminate.as_deref().map(Cow::Borrowed),
        disclosed: some(s.listing.token()),
        role: s.role.as_deref().map(Cow::Borrowed),
        label: s.label.as_ref().map(labelled),
        packets_up: s.traffic.packets_up,
        bytes_up: s.traffic.bytes_up,
        packets_down: s.traffic.packets_down,
        bytes_down: s.traffic.bytes_down,
        first: s.first,
        last: s.last,
        flows: s.flow_count,
        frames: frames(&s.frames),
        applications: tokens(&s.applications),
        clear: tokens(&s.clear),
        outer_names: s.outer_names,
        tunnels: tokens(&s.tunnels),
        peer: s.peer,
        processes: texts(&s.processes),
        hidden: s.hidden.iter().map(|h| h.token().into()).collect(),
        agreements: s.agreements.iter().map(agreed).collect(),
        ungraded: s.ungraded,
        aliases: s.aliases.iter().map(aliased).collect(),
    }
}

#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Line {
    pub(super) series: Vec<Bytes>,
    pub(super) start: Timestamp,
    pub(super) width: u64,
    pub(super) windows: u32,
}

#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Bytes {
    /// Window, bytes up, bytes down.
    pub(super) cells: Vec<(u32, u64, u64)>,
    pub(super) media: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) recipient: Option<usize>,
}

pub(super) fn timeline(line: &Timeline) -> Line {
    let cells = |series: &Series| series.cells.iter().map(|c| (c.window, c.up, c.down)).collect();
    let bytes = |s: &Series| Bytes { recipient: s.recipient, media: s.media, cells: cells(s) };
    let series = line.series.iter().map(bytes).collect();
    Line { start: line.start, width: line.width, windows: line.windows, series }
}

/// What is said in another language; findings in the same order.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Translation<'a> {
    pub(super) findings: Vec<Retold<'a>>,
    pub(super) lang: Said<'a>,
    pub(super) law: Vec<Law<'a>>,
}

#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Retold<'a> {
    #[serde(default, skip_serializing_if = "str::is_empty")]
    pub(super) subject: Said<'a>,
    pub(super) text: Said<'a>,
    #[serde(default, skip_serializing_if = "str::is_empty")]
    pub(super) uncertainty: Said<'a>,
}

pub(super) fn translation(words: &Words) -> Translation<'_> {
    let findings = words.findings.iter();
    Translation {
        lang: words.lang.token().into(),
        findings: findings
            .map(|f| Retold {
                subject: (&*f.subject).into(),
                text: (&*f.text).into(),
                uncertainty: (&*f.uncertainty).into(),
            })
            .collect(),
        law: words.law.iter().map(law).collect(),
    }
}

/// A row of the table `findings`.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct FindingRow<'a> {
    pub(super) code: Said<'a>,
    pub(super) confidence: Confidence,
    pub(super) first: Timestamp,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) frames: Vec<u64>,
    pub(super) ground: Ground,
    pub(super) id: u64,
    pub(super) last: Timestamp,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) set_aside: Option<Said<'a>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) set_aside_by: Option<Said<'a>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) set_aside_on: Option<String>,
    pub(super) severity: Severity,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) sources: Vec<String>,
    #[serde(default, skip_serializing_if = "str::is_empty")]
    pub(super) subject: Said<'a>,
    pub(super) text: Said<'a>,
    #[serde(default, skip_serializing_if = "str::is_empty")]
    pub(super) uncertainty: Said<'a>,
}

pub(super) fn finding((id, f): (u64, &Finding)) -> FindingRow<'_> {
    let aside = f.aside.as_deref();
    FindingRow {
        code: f.code.into(),
        confidence: f.confidence,
        first: f.first,
        frames: frames(&f.frames),
        ground: f.ground,
        id,
        last: f.last,
        set_aside: aside.and_then(|aside| some(&aside.reason)),
        set_aside_by: aside.and_then(|aside| some(&aside.by)),
        set_aside_on: aside.map(|aside| aside.decided.to_string()),
        severity: f.severity,
        sources: f.sources.iter().map(ToString::to_string).collect(),
        subject: (&*f.subject).into(),
        text: (&*f.text).into(),
        uncertainty: (&*f.uncertainty).into(),
    }
}

/// A row of the table `losses`.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct LossRow<'a> {
    pub(super) bytes: u64,
    pub(super) frames: u64,
    pub(super) from: Timestamp,
    pub(super) kind: Said<'a>,
    pub(super) stage: Said<'a>,
    pub(super) until: Timestamp,
}

pub(super) fn loss(loss: &LossView) -> LossRow<'_> {
    let LossView { stage, kind, frames, bytes, from, until } = loss;
    let (stage, kind) = ((&**stage).into(), (&**kind).into());
    LossRow { bytes: *bytes, frames: *frames, from: *from, kind, stage, until: *until }
}

/// Where the rows of a table are.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Kept<'a> {
    pub(super) here: bool,
    pub(super) name: Said<'a>,
    pub(super) rows: u64,
}
