//! `report.json`: everything in one JSON document, made in one pass and never whole in memory. The large tables are taken
//! over, row by row, from the finished JSON-lines files, so a row is the same bytes in both. The document is canonical: keys
//! in one order, numbers in one form, so that the same picture is the same bytes, also after it was read back.
//!
//! All text is escaped so that printing the document on a terminal is harmless; its values are exact.

use super::document::{self, Kept, Service};
use super::row::escape;
use super::tables::{Definition, Findings, Losses, Table, json_row};
use crate::engine::view::Summary;
use serde::Serialize;
use std::io::{self, BufRead, BufReader, Read, Write};

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
    json.member("lang", summary.lang.token())?;
    json.each("captures", summary.captures.iter().map(document::capture))?;
    json.member("totals", &document::totals(summary))?;
    json.member("circumstances", &document::circumstances(&summary.circumstances))?;
    if let Some((id, name)) = &summary.service {
        json.member("service", &Service { id: (&**id).into(), name: (&**name).into() })?;
    }
    if let Some(proposal) = &summary.circumstances.proposal {
        json.member("proposal", &document::proposal(proposal))?;
    }
    if let Some(stated) = &summary.stated {
        json.member("stated", stated)?;
    }
    if let Some(list) = &summary.list {
        json.member("list", &document::origin(list))?;
    }
    json.each("law", summary.law.iter().map(document::law))?;
    json.rows::<Findings>(Findings::DEFINITION, (1..).zip(&summary.findings))?;
    json.each("recipients", summary.recipients.iter().map(document::recipient))?;
    json.each("markers", summary.markers.iter().map(document::mark))?;
    json.member("timeline", &document::timeline(&summary.timeline))?;
    json.rows::<Losses>(Losses::DEFINITION, &summary.losses)?;
    json.each("sources", summary.sources.iter().map(|source| document::origin(source)))?;
    if let Some(look_ups) = &summary.look_ups {
        json.member("look_ups", &document::look_ups(look_ups, summary))?;
    }
    json.each("translations", summary.other.iter().map(document::translation))?;
    let kept = |t: &Rows<R>| Kept { name: t.table.name.into(), rows: t.count, here: t.count <= MAX_ROWS };
    json.each("tables", tables.iter().map(kept))?;
    for rows in tables.into_iter().filter(|t| t.count <= MAX_ROWS) {
        json.lines(rows.table.name, rows.lines)?;
    }
    json.end()
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

/// A value in which nothing acts on a terminal.
pub(super) fn harmless(value: &impl Serialize) -> io::Result<Vec<u8>> {
    let mut json = Vec::new();
    value.serialize(&mut serde_json::Serializer::with_formatter(&mut json, Harmless))?;
    Ok(json)
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
