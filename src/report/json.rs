//! `report.json`: everything in one JSON document, made in one pass and never whole in memory. The large tables are taken
//! over, row by row, from the finished JSON-lines files, so a row is the same bytes in both. `report.schema.json` beside
//! this file describes it.
//!
//! All text is escaped so that printing the document on a terminal is harmless; its values are exact.

use super::row::escape;
use super::tables::{Definition, Findings, Losses, Table, json_row};
use crate::attribution::{Claim, Company, CountryCode, NameBasis, Source};
use crate::engine::view::{CaptureInfo, LawNote, LookUps, Marker, Summary, Tally};
use crate::policy::subject::{Blind, Label};
use crate::policy::{Circumstances, Subject};
use crate::wire::{FrameNo, Text, Timestamp};
use serde::{Serialize, Serializer};
use std::fmt::Display;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::IpAddr;
use std::sync::Arc;

/// The version of the document's shape. A new key does not change it; a key that goes or changes its meaning does.
pub const SCHEMA_VERSION: u32 = 1;

/// The JSON Schema (2020-12) of the document.
pub const SCHEMA: &str = include_str!("report.schema.json");

const CHUNK: usize = 64 * 1024;

/// The document without the large tables, as for `--format json`.
///
/// # Errors
/// Whatever the writer returns.
pub fn summary_json(summary: &Summary, out: &mut impl Write) -> io::Result<()> {
    report_json(summary, Vec::<Rows<io::Empty>>::new(), out)
}

/// A finished table.
#[derive(Debug)]
pub struct Rows<R> {
    pub table: &'static Definition,
    pub count: u64,
    /// The JSON lines from their start.
    pub lines: R,
}

/// Rows of one table that the document holds. A long call has some thousand; a table beyond this stays in its own files,
/// and the document says how many rows are there.
pub const MAX_ROWS: u64 = 20_000;

/// The whole document. `tables` become arrays under the name of the table, in the order given, up to [`MAX_ROWS`] each.
///
/// # Errors
/// Whatever the readers and the writer return. The writer gets large pieces; it need not be buffered.
pub fn report_json<R: Read>(summary: &Summary, tables: Vec<Rows<R>>, out: &mut impl Write) -> io::Result<()> {
    let mut json = Document { out, buffer: Vec::with_capacity(2 * CHUNK), empty: true };
    json.member("schema", &SCHEMA_VERSION)?;
    json.member("zollhund", env!("CARGO_PKG_VERSION"))?;
    json.each("captures", summary.captures.iter().map(capture))?;
    json.member("totals", &totals(summary))?;
    json.member("circumstances", &circumstances(&summary.circumstances))?;
    if let Some((id, name)) = &summary.service {
        json.member("service", &Service { id, name })?;
    }
    if let Some(list) = &summary.list {
        json.member("list", &**list)?;
    }
    json.each("law", summary.law.iter().map(|LawNote { country, text }| Law { country, text }))?;
    json.rows::<Findings>(Findings::DEFINITION, (1..).zip(&summary.findings))?;
    json.each("recipients", summary.recipients.iter().map(recipient))?;
    json.each("markers", summary.markers.iter().map(|Marker { time, text }| Mark { time: Shown(*time), text }))?;
    json.rows::<Losses>(Losses::DEFINITION, &summary.losses)?;
    json.each("sources", summary.sources.iter().map(|source| &**source))?;
    if let Some(look_ups) = &summary.look_ups {
        json.member("look_ups", &self::look_ups(look_ups, summary))?;
    }
    json.each("tables", tables.iter().map(|t| Kept { name: t.table.name, rows: t.count, here: t.count <= MAX_ROWS }))?;
    for rows in tables.into_iter().filter(|t| t.count <= MAX_ROWS) {
        json.lines(rows.table.name, rows.lines)?;
    }
    json.end()
}

/// Where the rows of a table are.
#[derive(Serialize)]
struct Kept {
    name: &'static str,
    rows: u64,
    here: bool,
}

/// A JSON object that is written as it comes: one member per line, arrays with one element per line.
struct Document<'w, W> {
    out: &'w mut W,
    buffer: Vec<u8>,
    empty: bool,
}

impl<W: Write> Document<'_, W> {
    fn key(&mut self, key: &str) {
        self.buffer.extend_from_slice(if self.empty { b"{\n\"" } else { b",\n\"" });
        self.empty = false;
        escape(key, &mut self.buffer);
        self.buffer.extend_from_slice(b"\":");
    }

    fn value(&mut self, value: &(impl Serialize + ?Sized)) -> io::Result<()> {
        value.serialize(&mut serde_json::Serializer::with_formatter(&mut self.buffer, Harmless))?;
        self.hand_on(CHUNK)
    }

    fn hand_on(&mut self, from: usize) -> io::Result<()> {
        if self.buffer.len() >= from {
            self.out.write_all(&self.buffer)?;
            self.buffer.clear();
        }
        Ok(())
    }

    fn member(&mut self, key: &str, value: &(impl Serialize + ?Sized)) -> io::Result<()> {
        self.key(key);
        self.value(value)
    }

    fn each<T: Serialize>(&mut self, key: &str, values: impl Iterator<Item = T>) -> io::Result<()> {
        self.key(key);
        self.buffer.push(b'[');
        for (at, value) in values.enumerate() {
            self.buffer.extend_from_slice(if at == 0 { b"\n" } else { b",\n" });
            self.value(&value)?;
        }
        self.buffer.push(b']');
        Ok(())
    }

    /// Rows of a table that is small enough to be kept in memory.
    fn rows<'r, T: Table>(&mut self, table: &Definition, rows: impl IntoIterator<Item = T::Row<'r>>) -> io::Result<()> {
        self.key(table.name);
        self.buffer.extend_from_slice(b"[\n");
        for (at, row) in rows.into_iter().enumerate() {
            if at > 0 {
                self.buffer.push(b',');
            }
            json_row::<T>(&row, &mut self.buffer);
            self.hand_on(CHUNK)?;
        }
        self.buffer.push(b']');
        Ok(())
    }

    /// Rows that are JSON lines already.
    fn lines(&mut self, key: &str, rows: impl Read) -> io::Result<()> {
        self.key(key);
        self.buffer.extend_from_slice(b"[\n");
        let mut rows = BufReader::with_capacity(CHUNK, rows);
        while !rows.fill_buf()?.is_empty() {
            rows.read_until(b'\n', &mut self.buffer)?;
            self.hand_on(CHUNK)?;
            if !rows.fill_buf()?.is_empty() {
                self.buffer.push(b',');
            }
        }
        self.buffer.push(b']');
        Ok(())
    }

    fn end(mut self) -> io::Result<()> {
        self.buffer.extend_from_slice(b"\n}\n");
        self.hand_on(0)?;
        self.out.flush()
    }
}

/// Writes strings like the tables do.
struct Harmless;

impl serde_json::ser::Formatter for Harmless {
    fn write_string_fragment<W: Write + ?Sized>(&mut self, writer: &mut W, fragment: &str) -> io::Result<()> {
        if fragment.bytes().all(|b| matches!(b, b' '..=b'~')) {
            return writer.write_all(fragment.as_bytes());
        }
        // Fragments hold no quote, backslash or control character: those were escaped before.
        let mut escaped = Vec::with_capacity(fragment.len() + 16);
        escape(fragment, &mut escaped);
        writer.write_all(&escaped)
    }
}

/// A value as its text.
struct Shown<T>(T);

impl<T: Display> Serialize for Shown<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&self.0)
    }
}

fn frames(frames: &[FrameNo]) -> Vec<u64> {
    frames.iter().map(|frame| frame.0).collect()
}

fn some(text: &str) -> Option<&str> {
    (!text.is_empty()).then_some(text)
}

#[derive(Serialize)]
struct Service<'a> {
    id: &'a str,
    name: &'a str,
}

#[derive(Serialize)]
struct Law<'a> {
    country: &'a str,
    text: &'a str,
}

#[derive(Serialize)]
struct Mark<'a> {
    time: Shown<Timestamp>,
    text: &'a Text,
}

#[derive(Serialize)]
struct Capture<'a> {
    name: &'a Text,
    format: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    sha256: Option<&'a str>,
    bytes: u64,
    link_types: &'a [Box<str>],
}

fn capture(info: &CaptureInfo) -> Capture<'_> {
    let CaptureInfo { name, format, sha256, bytes, link_types } = info;
    Capture { name, format, sha256: some(sha256), bytes: *bytes, link_types }
}

#[derive(Serialize)]
struct Looked<'a> {
    upstream: &'a Text,
    asked: u64,
    unanswered: u64,
    left_out: u64,
    names: Vec<Called<'a>>,
}

#[derive(Serialize)]
struct Called<'a> {
    address: IpAddr,
    reverse_name: &'a Text,
}

fn look_ups<'a>(look_ups: &'a LookUps, summary: &'a Summary) -> Looked<'a> {
    let LookUps { upstream, asked, unanswered, left_out } = look_ups;
    let names = summary.reverse_names.iter();
    let names = names.map(|(&address, reverse_name)| Called { address, reverse_name }).collect();
    Looked { upstream, asked: *asked, unanswered: *unanswered, left_out: *left_out, names }
}

#[derive(Serialize)]
struct Direction {
    packets: u64,
    bytes: u64,
    payload: u64,
}

fn direction(tally: Tally) -> Direction {
    Direction { packets: tally.packets, bytes: tally.bytes, payload: tally.payload }
}

#[derive(Serialize)]
struct Totals {
    flows: u64,
    endpoints: u64,
    handshakes: u64,
    dns_answers: u64,
    up: Direction,
    down: Direction,
}

fn totals(summary: &Summary) -> Totals {
    Totals {
        flows: summary.flows,
        endpoints: summary.endpoints,
        handshakes: summary.handshakes,
        dns_answers: summary.dns_answers,
        up: direction(summary.up),
        down: direction(summary.down),
    }
}

#[derive(Serialize)]
struct Seen<'a> {
    first: Shown<Timestamp>,
    last: Shown<Timestamp>,
    first_frame: u64,
    frames: u64,
    flows: u64,
    lost: u64,
    cut: u64,
    snap_length: u32,
    unreadable: u64,
    truncated_file: bool,
    time_reversals: u64,
    one_sided_flows: u32,
    midstream_flows: u32,
    tunnelled_flows: u32,
    tunnels: &'a [&'static str],
    tunnel_frames: Vec<u64>,
    ech_hellos: u32,
    ech_frames: Vec<u64>,
    esni_hellos: u32,
    blind: Vec<BlindSpot<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    silence: Option<Quiet>,
    #[serde(skip_serializing_if = "Option::is_none")]
    device: Option<&'a str>,
    foreign_flows: u64,
    limits: &'a [Box<str>],
}

#[derive(Serialize)]
struct Quiet {
    from: Shown<Timestamp>,
    until: Shown<Timestamp>,
    before: u64,
    after: u64,
}

#[derive(Serialize)]
struct BlindSpot<'a> {
    what: &'static str,
    flows: u32,
    frames: Vec<u64>,
    to: &'a [Text],
}

fn circumstances(c: &Circumstances) -> Seen<'_> {
    Seen {
        first: Shown(c.first),
        last: Shown(c.last),
        first_frame: c.first_frame.0,
        frames: c.frames,
        flows: c.flows,
        lost: c.lost,
        cut: c.cut,
        snap_length: c.snap_length,
        unreadable: c.unreadable,
        truncated_file: c.truncated_file,
        time_reversals: c.time_reversals,
        one_sided_flows: c.one_sided_flows,
        midstream_flows: c.midstream_flows,
        tunnelled_flows: c.tunnelled_flows,
        tunnels: &c.tunnels,
        tunnel_frames: frames(&c.tunnel_frames),
        ech_hellos: c.ech_hellos,
        ech_frames: frames(&c.ech_frames),
        esni_hellos: c.esni_hellos,
        blind: c
            .blind
            .iter()
            .map(|Blind { what, flows, frames: at, to }| BlindSpot {
                what: what.token(),
                flows: *flows,
                frames: frames(at),
                to,
            })
            .collect(),
        silence: c.silence.map(|s| Quiet {
            from: Shown(s.from),
            until: Shown(s.until),
            before: s.before.0,
            after: s.after.0,
        }),
        device: c.device.as_deref(),
        foreign_flows: c.foreign_flows,
        limits: &c.limits,
    }
}

#[derive(Serialize)]
struct Recipient<'a> {
    names: Vec<Known<'a>>,
    addresses: &'a [IpAddr],
    address_count: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    operator: Option<Runner<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    holder: Option<Runner<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    located_in: Option<Located<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    indeterminate: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    disclosed: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    role: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    label: Option<Labelled<'a>>,
    packets_up: u64,
    bytes_up: u64,
    packets_down: u64,
    bytes_down: u64,
    first: Shown<Timestamp>,
    last: Shown<Timestamp>,
    flows: u32,
    frames: Vec<u64>,
    applications: &'a [&'static str],
    clear: &'a [&'static str],
    outer_names: u32,
    tunnels: &'a [&'static str],
}

#[derive(Serialize)]
struct Known<'a> {
    name: &'a Text,
    basis: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    age_s: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    frame: Option<u64>,
}

#[derive(Serialize)]
struct Runner<'a> {
    name: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    seat: Option<CountryCode>,
    #[serde(skip_serializing_if = "Option::is_none")]
    parent: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    parent_seat: Option<CountryCode>,
    unverified: bool,
    source: Shown<&'a Source>,
    confidence: &'static str,
}

#[derive(Serialize)]
struct Located<'a> {
    country: CountryCode,
    source: Shown<&'a Source>,
    confidence: &'static str,
}

#[derive(Serialize)]
struct Labelled<'a> {
    category: &'a str,
    suffix: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    operator: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    operator_country: Option<CountryCode>,
    unverified: bool,
}

fn runner(claim: &Claim<Arc<Company>>) -> Runner<'_> {
    let Company { name, seat, parent, parent_seat, unverified } = &*claim.value;
    Runner {
        name,
        seat: *seat,
        parent: parent.as_deref(),
        parent_seat: *parent_seat,
        unverified: *unverified,
        source: Shown(&claim.source),
        confidence: claim.confidence.token(),
    }
}

fn recipient(s: &Subject) -> Recipient<'_> {
    Recipient {
        names: s
            .names
            .iter()
            .map(|(name, basis)| {
                let (age_s, frame) = match *basis {
                    NameBasis::DnsAnswer { age_secs, frame } => (Some(age_secs), Some(frame.0)),
                    _ => (None, None),
                };
                Known { name, basis: basis.token(), age_s, frame }
            })
            .collect(),
        addresses: &s.addresses,
        address_count: s.address_count,
        operator: s.operator.as_ref().map(runner),
        holder: s.holder.as_ref().map(runner),
        located_in: s.located_in.as_ref().map(|claim| Located {
            country: claim.value,
            source: Shown(&claim.source),
            confidence: claim.confidence.token(),
        }),
        indeterminate: s.indeterminate.as_deref(),
        disclosed: some(s.listing.token()),
        role: s.role.as_deref(),
        label: s.label.as_ref().map(|Label { category, suffix, operator, operator_country, unverified }| Labelled {
            category,
            suffix,
            operator: some(operator),
            operator_country: *operator_country,
            unverified: *unverified,
        }),
        packets_up: s.traffic.packets_up,
        bytes_up: s.traffic.bytes_up,
        packets_down: s.traffic.packets_down,
        bytes_down: s.traffic.bytes_down,
        first: Shown(s.first),
        last: Shown(s.last),
        flows: s.flow_count,
        frames: frames(&s.frames),
        applications: &s.applications,
        clear: &s.clear,
        outer_names: s.outer_names,
        tunnels: &s.tunnels,
    }
}
