//! One row in both of its forms, CSV and a JSON object, written cell by cell into reused buffers.
//!
//! A large capture has hundreds of thousands of rows, so nothing here allocates per row: numbers, times and addresses are
//! written digit by digit, and what the CSV form got is copied into the JSON form where both are alike.

use crate::attribution::{Source, Vote};
use crate::wire::{Day, End, TextRef, Timestamp, TransportKind, is_treacherous, neutralise};
use std::fmt::{self, Write};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// One value of a row. What is unknown is [`Cell::Empty`]: an empty cell in CSV, no key in JSON.
#[derive(Debug, Clone, Copy)]
pub(super) enum Cell<'a> {
    Empty,
    /// Text of people, tokens, or text that somebody on the network chose. Empty text is `Empty`.
    Text(&'a str),
    Number(u64),
    Flag(bool),
    Time(Timestamp),
    Address(IpAddr),
    /// Address and port.
    End(End),
    /// `2026-11-20`.
    Day(Day),
    /// Nanoseconds, shown as milliseconds with three decimals.
    Millis(u64),
    /// A 16-bit code of a registry, as `0x1301`.
    Code(u16),
    /// A 32-bit code, as `0x00000001`.
    Code32(u32),
    /// A TLS or DTLS version.
    Version(u16),
    /// The Community ID of a conversation.
    Community(TransportKind, End, End),
    Source(&'a Source),
    Vote(&'a Vote),
}

impl<'a> Cell<'a> {
    /// Text from the network.
    pub(super) fn name(text: impl Into<TextRef<'a>>) -> Self {
        Self::Text(text.into().exact())
    }

    /// The value, or empty.
    pub(super) fn maybe<T>(value: Option<T>, cell: impl FnOnce(T) -> Self) -> Self {
        value.map_or(Self::Empty, cell)
    }
}

/// Something that fills one column: a cell, or a list of cells with what joins them in CSV.
pub(super) trait Fill {
    fn fill(self, key: &'static str, row: &mut RowBuffer);
}

impl Fill for Cell<'_> {
    #[inline]
    fn fill(self, key: &'static str, row: &mut RowBuffer) {
        row.cell(key, self);
    }
}

/// A list: an array in JSON; in CSV one cell, joined by the separator.
pub(super) struct List<I>(pub(super) &'static str, pub(super) I);

impl<'a, I: Iterator<Item = Cell<'a>>> Fill for List<I> {
    #[inline]
    fn fill(self, key: &'static str, row: &mut RowBuffer) {
        row.list(key, self.0, self.1);
    }
}

/// The rows that wait to be written, in both forms.
#[derive(Debug, Default)]
pub(super) struct RowBuffer {
    pub(super) csv: Vec<u8>,
    pub(super) json: Vec<u8>,
    /// Where the JSON object of the current row starts.
    object: usize,
    clock: Clock,
    scratch: String,
}

impl RowBuffer {
    pub(super) fn begin(&mut self) {
        self.object = self.json.len();
    }

    /// Ends the row: the last comma of the CSV record becomes the end of the line (RFC 4180 §2), the first comma of the
    /// JSON members becomes the opening brace.
    pub(super) fn end(&mut self) {
        self.csv.pop();
        self.csv.extend_from_slice(b"\r\n");
        match self.json.get_mut(self.object) {
            Some(first) => *first = b'{',
            None => self.json.push(b'{'),
        }
        self.json.extend_from_slice(b"}\n");
    }

    #[inline]
    fn cell(&mut self, key: &'static str, cell: Cell<'_>) {
        if !matches!(cell, Cell::Empty | Cell::Text("")) {
            self.json.extend_from_slice(key.as_bytes());
            self.value(cell);
        }
        self.csv.push(b',');
    }

    fn list<'a>(&mut self, key: &'static str, separator: &str, cells: impl Iterator<Item = Cell<'a>>) {
        let start = self.csv.len();
        let mut first = true;
        for cell in cells {
            if first {
                self.json.extend_from_slice(key.as_bytes());
                self.json.push(b'[');
            } else {
                self.csv.extend_from_slice(separator.as_bytes());
                self.json.push(b',');
            }
            first = false;
            self.raw(cell);
        }
        if !first {
            self.json.push(b']');
            self.close_text(start);
        }
        self.csv.push(b',');
    }

    /// Writes the value to both forms.
    #[inline]
    fn value(&mut self, cell: Cell<'_>) {
        if let Cell::Text(text) = cell {
            self.text(text);
            return;
        }
        let start = self.csv.len();
        self.raw(cell);
        if matches!(cell, Cell::Source(_) | Cell::Vote(_)) {
            self.close_text(start);
        }
    }

    /// The value in JSON, and in CSV as yet unquoted.
    fn raw(&mut self, cell: Cell<'_>) {
        let start = self.csv.len();
        match cell {
            Cell::Empty => self.json.extend_from_slice(b"null"),
            Cell::Text(text) => self.raw_text(text),
            Cell::Number(n) => {
                let mut digits = itoa::Buffer::new();
                let digits = digits.format(n).as_bytes();
                self.csv.extend_from_slice(digits);
                self.json.extend_from_slice(digits);
            }
            Cell::Flag(yes) => {
                let word = if yes { "true" } else { "false" };
                self.csv.extend_from_slice(word.as_bytes());
                self.json.extend_from_slice(word.as_bytes());
            }
            Cell::Millis(nanos) => {
                millis(nanos, &mut self.csv);
                self.copy(start);
            }
            Cell::Time(time) => {
                self.clock.write(time, &mut self.csv);
                self.copy_quoted(start);
            }
            Cell::Day(day) => {
                let _ = write!(Utf8(&mut self.csv), "{day}");
                self.copy_quoted(start);
            }
            Cell::Address(a) => {
                address(a, &mut self.csv);
                self.copy_quoted(start);
            }
            Cell::End(end) => {
                write_end(end, &mut self.csv);
                self.copy_quoted(start);
            }
            Cell::Code(code) => {
                hex(u32::from(code), 4, &mut self.csv);
                self.copy_quoted(start);
            }
            Cell::Code32(code) => {
                hex(code, 8, &mut self.csv);
                self.copy_quoted(start);
            }
            Cell::Version(code) => {
                match version(code) {
                    Some(name) => self.csv.extend_from_slice(name.as_bytes()),
                    None => hex(u32::from(code), 4, &mut self.csv),
                }
                self.copy_quoted(start);
            }
            Cell::Community(transport, a, b) => {
                self.csv.extend_from_slice(b"1:");
                self.csv.extend_from_slice(&super::community::community_hash(transport, a, b));
                self.copy_quoted(start);
            }
            Cell::Source(source) => self.shown(|out| push_source(source, out)),
            Cell::Vote(vote) => self.shown(|out| {
                out.push_str(vote.country.as_str());
                out.push_str(" (");
                push_source(&vote.source, out);
                let _ = write!(out, ", {})", vote.prefix);
            }),
        }
    }

    fn shown(&mut self, show: impl FnOnce(&mut String)) {
        let mut text = std::mem::take(&mut self.scratch);
        text.clear();
        show(&mut text);
        self.raw_text(&text);
        self.scratch = text;
    }

    fn copy(&mut self, start: usize) {
        self.json.extend_from_slice(self.csv.get(start..).unwrap_or_default());
    }

    fn copy_quoted(&mut self, start: usize) {
        self.json.push(b'"');
        self.copy(start);
        self.json.push(b'"');
    }

    /// A text of its own cell. Almost all text is plain ASCII, which both forms take as it is.
    fn text(&mut self, text: &str) {
        let start = self.csv.len();
        self.raw_text(text);
        if !is_plain(text.as_bytes()) || text.as_bytes().contains(&b',') || is_formula(text.as_bytes()) {
            self.close_text(start);
        }
    }

    fn raw_text(&mut self, text: &str) {
        if is_plain(text.as_bytes()) {
            self.csv.extend_from_slice(text.as_bytes());
            self.json.push(b'"');
            self.json.extend_from_slice(text.as_bytes());
            self.json.push(b'"');
        } else {
            let _ = neutralise(text, &mut Utf8(&mut self.csv));
            self.json.push(b'"');
            escape(text, &mut self.json);
            self.json.push(b'"');
        }
    }

    /// Makes what was written since `start` one CSV field: a leading `'` before anything that a spreadsheet would run
    /// as a formula, quotes where RFC 4180 asks for them.
    fn close_text(&mut self, start: usize) {
        let field = self.csv.get(start..).unwrap_or_default();
        let formula = is_formula(field);
        let quote = field.iter().any(|b| matches!(b, b'"' | b',' | b'\r' | b'\n'));
        if !formula && !quote {
            return;
        }
        if quote {
            if field.contains(&b'"') {
                let doubled: Vec<u8> = field.iter().flat_map(|&b| [b].repeat(1 + usize::from(b == b'"'))).collect();
                self.csv.truncate(start);
                self.csv.extend_from_slice(&doubled);
            }
            self.csv.push(b'"');
        }
        let before: &[u8] = match (quote, formula) {
            (true, true) => b"\"'",
            (true, false) => b"\"",
            (false, _) => b"'",
        };
        self.csv.splice(start..start, before.iter().copied());
    }
}

/// As the source displays itself, without the detour through a formatter.
fn push_source(source: &Source, out: &mut String) {
    out.push_str(&source.name);
    if !source.date.is_empty() {
        out.push_str(" of ");
        out.push_str(&source.date);
    }
}

/// Printable ASCII that JSON need not escape. Written without a way out of the loop, so that it runs on many
/// bytes at once.
#[inline]
fn is_plain(text: &[u8]) -> bool {
    text.iter().fold(true, |plain, b| plain & (matches!(b, b' '..=b'~') & !matches!(b, b'"' | b'\\')))
}

/// Spreadsheets run a cell that starts so (OWASP, CSV injection).
fn is_formula(field: &[u8]) -> bool {
    matches!(field.first(), Some(b'=' | b'+' | b'-' | b'@' | b'\t' | b'\r'))
}

/// Text inside a JSON string: exact for machines, and harmless if somebody lets a terminal print the file, because every
/// treacherous character is escaped.
pub(super) fn escape(text: &str, out: &mut Vec<u8>) {
    let mut done = 0;
    for (at, c) in text.char_indices() {
        if c != '"' && c != '\\' && !is_treacherous(c) {
            continue;
        }
        out.extend_from_slice(text.as_bytes().get(done..at).unwrap_or_default());
        done = at + c.len_utf8();
        match c {
            '"' => out.extend_from_slice(b"\\\""),
            '\\' => out.extend_from_slice(b"\\\\"),
            _ => {
                for unit in c.encode_utf16(&mut [0; 2]) {
                    out.extend_from_slice(b"\\u");
                    hex_digits(u32::from(*unit), 4, out);
                }
            }
        }
    }
    out.extend_from_slice(text.as_bytes().get(done..).unwrap_or_default());
}

/// The name of a TLS or DTLS version; `None` for drafts, private codes and what is no version.
fn version(code: u16) -> Option<&'static str> {
    Some(match code {
        0x0300 => "SSL3",
        0x0301 => "TLS1.0",
        0x0302 => "TLS1.1",
        0x0303 => "TLS1.2",
        0x0304 => "TLS1.3",
        0xfeff => "DTLS1.0",
        0xfefd => "DTLS1.2",
        0xfefc => "DTLS1.3",
        _ => return None,
    })
}

/// Writes RFC 3339 times; keeps the text of the last day.
#[derive(Debug, Default)]
struct Clock {
    day: Day,
    text: [u8; 10],
}

impl Clock {
    fn write(&mut self, time: Timestamp, out: &mut Vec<u8>) {
        let day = time.day();
        if self.day != day || self.text == [0; 10] {
            let (year, month, day_of_month) = day.civil();
            let [y0, y1, y2, y3] = four(year);
            let ([m0, m1], [d0, d1]) = (two(month), two(day_of_month));
            (self.day, self.text) = (day, [y0, y1, y2, y3, b'-', m0, m1, b'-', d0, d1]);
        }
        let second = (time.secs() % 86_400) as u32;
        let ([h0, h1], [m0, m1], [s0, s1]) = (two(second / 3600), two(second / 60 % 60), two(second % 60));
        let nanos = (time.nanos() % 1_000_000_000) as u32;
        out.extend_from_slice(&self.text);
        out.extend_from_slice(&[b'T', h0, h1, b':', m0, m1, b':', s0, s1, b'.']);
        for thousandth in [nanos / 1_000_000, nanos / 1_000 % 1_000, nanos % 1_000] {
            let [_, digits @ ..] = four(thousandth);
            out.extend_from_slice(&digits);
        }
        out.push(b'Z');
    }
}

const fn digit(n: u32) -> u8 {
    b'0' + (n % 10) as u8
}

const fn two(n: u32) -> [u8; 2] {
    [digit(n / 10), digit(n)]
}

const fn four(n: u32) -> [u8; 4] {
    [digit(n / 1000), digit(n / 100), digit(n / 10), digit(n)]
}

fn millis(nanos: u64, out: &mut Vec<u8>) {
    // Rounded to microseconds: captures are no more exact.
    let micros = nanos.saturating_add(500) / 1_000;
    out.extend_from_slice(itoa::Buffer::new().format(micros / 1_000).as_bytes());
    let [_, a, b, c] = four((micros % 1_000) as u32);
    out.extend_from_slice(&[b'.', a, b, c]);
}

fn hex(value: u32, digits: u32, out: &mut Vec<u8>) {
    out.extend_from_slice(b"0x");
    hex_digits(value, digits, out);
}

fn hex_digits(value: u32, digits: u32, out: &mut Vec<u8>) {
    out.extend((0..digits).rev().map(|at| hex_digit(value >> (4 * at))));
}

const fn hex_digit(value: u32) -> u8 {
    let nibble = (value & 15) as u8;
    if nibble < 10 { b'0' + nibble } else { b'a' + nibble - 10 }
}

fn address(address: IpAddr, out: &mut Vec<u8>) {
    match address {
        IpAddr::V4(v4) => write_v4(v4, out),
        IpAddr::V6(v6) => write_v6(v6, out),
    }
}

fn write_end(end: End, out: &mut Vec<u8>) {
    let six = end.address.is_ipv6();
    if six {
        out.push(b'[');
    }
    address(end.address, out);
    if six {
        out.push(b']');
    }
    out.push(b':');
    out.extend_from_slice(itoa::Buffer::new().format(end.port).as_bytes());
}

fn write_v4(v4: Ipv4Addr, out: &mut Vec<u8>) {
    let [a, b, c, d] = v4.octets();
    for (octet, end) in [(a, b'.'), (b, b'.'), (c, b'.'), (d, 0)] {
        let octet = u32::from(octet);
        if octet >= 100 {
            out.push(digit(octet / 100));
        }
        if octet >= 10 {
            out.push(digit(octet / 10));
        }
        out.push(digit(octet));
        if end != 0 {
            out.push(end);
        }
    }
}

/// The canonical form of RFC 5952: the first longest run of two or more zero groups is left out.
fn write_v6(v6: Ipv6Addr, out: &mut Vec<u8>) {
    let groups = v6.segments();
    if v6.to_ipv4_mapped().is_some() {
        // Canonical addresses are never mapped ones; if one comes all the same, it keeps its usual face.
        let _ = write!(Utf8(out), "{v6}");
        return;
    }
    let (mut best_start, mut best_len, mut len) = (0, 0, 0);
    for (at, &group) in groups.iter().enumerate() {
        len = if group == 0 { len + 1 } else { 0 };
        if len > best_len {
            (best_start, best_len) = (at + 1 - len, len);
        }
    }
    if best_len < 2 {
        (best_start, best_len) = (groups.len(), 0);
    }
    for (at, &group) in groups.iter().enumerate() {
        if at == best_start {
            out.extend_from_slice(b"::");
        }
        if at >= best_start && at < best_start + best_len {
            continue;
        }
        if at > 0 && at != best_start + best_len {
            out.push(b':');
        }
        let group = u32::from(group);
        let digits = (32 - group.leading_zeros()).div_ceil(4).max(1);
        hex_digits(group, digits, out);
    }
}

/// Text into a byte buffer.
pub(super) struct Utf8<'a>(pub(super) &'a mut Vec<u8>);

impl Write for Utf8<'_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.0.extend_from_slice(text.as_bytes());
        Ok(())
    }
}

#[cfg(test)]
mod tests;
