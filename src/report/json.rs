//! `report.json`: everything in one JSON document, made in one pass and never whole in memory. The large tables are taken
//! over, row by row, from the finished JSON-lines files. The document is canonical (RFC 8785), so that the same picture is
//! the same bytes, also after it was read back.
//!
//! All text is escaped so that printing the document on a terminal is harmless; its values are exact.

use super::canonical::{canonical, canonicalise, serialise};
use super::document::{self, Kept, Service};
use super::tables::Definition;
use crate::engine::view::Summary;
use crate::policy::Subject;
use serde::Serialize;
use std::io::{self, BufRead, BufReader, Read, Write};

/// The version of the document's shape. A new key does not change it; a key that goes or changes its meaning does.
pub const SCHEMA_VERSION: u32 = 1;

/// The JSON Schema (2020-12) of the document.
pub const SCHEMA: &str = include_str!("report.schema.json");

const CHUNK: usize = 64 * 1024;
/// The first of all keys.
const FIRST: &str = "captures";

/// The document without the large tables, as for `--format json`.
///
/// # Errors
/// Whatever the writer returns.
pub fn summary_json(summary: &Summary, out: &mut impl Write) -> io::Result<()> {
    report_json(summary, Vec::<Rows<io::Empty>>::new(), out)
}

/// A recipient as an event: one line of JSON with what the document says of it among its `recipients`, added to `out`. It
/// was met at `time`.
pub fn recipient_line(recipient: &Subject, out: &mut Vec<u8>) {
    // A vector takes everything.
    if let Ok(json) = canonical(&document::recipient(recipient)) {
        let _ = write!(out, "{{\"event\":\"recipient\",\"time\":\"{}\",", recipient.first);
        out.extend_from_slice(json.get(1..).unwrap_or_default());
        out.push(b'\n');
    }
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

/// The whole document. `tables` become arrays under the name of the table, up to [`MAX_ROWS`] each.
///
/// # Errors
/// Whatever the readers and the writer return. The writer gets large pieces; it need not be buffered.
pub fn report_json<R: Read>(summary: &Summary, mut tables: Vec<Rows<R>>, out: &mut impl Write) -> io::Result<()> {
    let kept = |t: &Rows<R>| Kept { name: t.table.name.into(), rows: t.count, here: t.count <= MAX_ROWS };
    let kept: Vec<Kept<'_>> = tables.iter().map(kept).collect();
    tables.retain(|t| t.count <= MAX_ROWS);
    let json = &mut Document { out, buffer: Vec::with_capacity(2 * CHUNK), line: Vec::new() };
    // In the order of the keys.
    json.each("captures", summary.captures.iter().map(document::capture))?;
    json.member("circumstances", &document::circumstances(&summary.circumstances))?;
    for table in ["dns", "endpoints", "facts"] {
        json.table(table, &mut tables)?;
    }
    json.each("findings", (1..).zip(&summary.findings).map(document::finding))?;
    for table in ["flows", "handshakes"] {
        json.table(table, &mut tables)?;
    }
    if !summary.kept.is_empty() {
        json.each("kept", summary.kept.iter().map(document::capture))?;
    }
    json.member("lang", summary.lang.token())?;
    json.each("law", summary.law.iter().map(document::law))?;
    if let Some(list) = &summary.list {
        json.member("list", &document::origin(list))?;
    }
    if let Some(look_ups) = &summary.look_ups {
        json.member("look_ups", &document::look_ups(look_ups, summary))?;
    }
    json.each("losses", summary.losses.iter().map(document::loss))?;
    json.each("markers", summary.markers.iter().map(document::mark))?;
    if let Some(proposal) = &summary.circumstances.proposal {
        json.member("proposal", &document::proposal(proposal))?;
    }
    json.each("recipients", summary.recipients.iter().map(document::recipient))?;
    json.member("schema", &SCHEMA_VERSION)?;
    if let Some((id, name)) = &summary.service {
        json.member("service", &Service { id: (&**id).into(), name: (&**name).into() })?;
    }
    json.each("sources", summary.sources.iter().map(|source| document::origin(source)))?;
    if let Some(stated) = &summary.stated {
        json.member("stated", stated)?;
    }
    json.each("tables", kept.iter())?;
    json.member("timeline", &document::timeline(&summary.timeline))?;
    json.member("totals", &document::totals(summary))?;
    json.each("translations", summary.other.iter().map(document::translation))?;
    json.member("zollhund", env!("CARGO_PKG_VERSION"))?;
    json.end()
}

/// A JSON object that is written as it comes, piece by piece.
struct Document<'w, W> {
    out: &'w mut W,
    buffer: Vec<u8>,
    /// A value before it is in its form.
    line: Vec<u8>,
}

impl<W: Write> Document<'_, W> {
    fn key(&mut self, key: &str) {
        // The first member follows the brace; `captures` is always there.
        self.buffer.extend_from_slice(if key == FIRST { b"{\"" } else { b",\"" });
        self.buffer.extend_from_slice(key.as_bytes());
        self.buffer.extend_from_slice(b"\":");
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
        serialise(value, &mut self.line)?;
        canonicalise(&self.line, &mut self.buffer);
        self.line.clear();
        self.hand_on(CHUNK)
    }

    fn each<T: Serialize>(&mut self, key: &str, values: impl Iterator<Item = T>) -> io::Result<()> {
        self.key(key);
        self.buffer.push(b'[');
        for (at, value) in values.enumerate() {
            self.comma(at);
            // They have their members in order, and no fractions.
            serialise(&value, &mut self.buffer)?;
            self.hand_on(CHUNK)?;
        }
        self.buffer.push(b']');
        Ok(())
    }

    fn comma(&mut self, at: usize) {
        if at > 0 {
            self.buffer.push(b',');
        }
    }

    /// Rows that are JSON lines already, if there are any of this table.
    fn table<R: Read>(&mut self, key: &str, tables: &mut Vec<Rows<R>>) -> io::Result<()> {
        let Some(at) = tables.iter().position(|t| t.table.name == key) else { return Ok(()) };
        let mut lines = BufReader::with_capacity(CHUNK, tables.swap_remove(at).lines);
        self.key(key);
        self.buffer.push(b'[');
        let mut at = 0;
        while lines.read_until(b'\n', &mut self.line)? > 0 {
            self.comma(at);
            canonicalise(&self.line, &mut self.buffer);
            self.line.clear();
            self.hand_on(CHUNK)?;
            at += 1;
        }
        self.buffer.push(b']');
        Ok(())
    }

    fn end(&mut self) -> io::Result<()> {
        self.buffer.push(b'}');
        self.hand_on(0)?;
        self.out.flush()
    }
}
