//! One row in both of its forms, CSV and a JSON object, written cell by cell into reused buffers.
//!
//! A large capture has hundreds of thousands of rows, so nothing here allocates per row: what is short is made once on the
//! stack ([`Short`]) and goes to both forms from there.

use crate::attribution::{Source, Vote, VoteBasis};
use crate::wire::{
    Clock, Day, End, Short, TextRef, Timestamp, TransportKind, decimal, dotted, is_treacherous, neutralise, pair,
};
use std::fmt::{self, Write};
use std::net::{IpAddr, Ipv6Addr};

/// One value of a row. What is unknown is [`Cell::Empty`]: an empty cell in CSV, no key in JSON.
#[derive(Debug, Clone, Copy)]
pub(super) enum Cell<'a> {
    Empty,
    /// A word of this program or a code of its data, which no form needs to escape. An empty one is `Empty`.
    Token(&'a str),
    /// Text of people, or text that somebody on the network chose. Empty text is `Empty`.
    Text(&'a str),
    Number(u64),
    Flag(bool),
    Time(Timestamp),
    Address(IpAddr),
    /// Address and port.
    End(End),
    /// `2026-11-20`.
    Day(Day),
    /// A word of this program and a number: `audio 31000`.
    Rate(&'static str, u64),
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
    // What a column holds is known where its row is written: inlined, the matches on it are none.
    #[expect(clippy::inline_always, reason = "a third of the time of writing rows")]
    #[inline(always)]
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

    #[expect(clippy::inline_always, reason = "as `fill`")]
    #[inline(always)]
    fn cell(&mut self, key: &'static str, cell: Cell<'_>) {
        if !matches!(cell, Cell::Empty | Cell::Token("") | Cell::Text("")) {
            self.json.extend_from_slice(key.as_bytes());
            match cell {
                Cell::Text(text) => self.text(text),
                Cell::Source(_) | Cell::Vote(_) => {
                    let start = self.csv.len();
                    self.raw(cell);
                    self.close_text(start);
                }
                _ => self.raw(cell),
            }
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

    /// The value in JSON, and in CSV as yet unquoted.
    #[expect(clippy::inline_always, reason = "as `fill`")]
    #[inline(always)]
    fn raw(&mut self, cell: Cell<'_>) {
        match cell {
            Cell::Empty => self.json.extend_from_slice(b"null"),
            Cell::Token(word) => self.plain(word),
            Cell::Text(text) => self.raw_text(text),
            Cell::Number(n) => self.bare(&decimal(n)),
            Cell::Flag(yes) => {
                let word: &[u8] = if yes { b"true" } else { b"false" };
                self.csv.extend_from_slice(word);
                self.json.extend_from_slice(word);
            }
            Cell::Millis(nanos) => self.bare(&millis(nanos)),
            Cell::Time(time) => {
                let text = self.clock.show(time);
                self.json.push(b'"');
                self.json.extend_from_slice(text);
                self.json.push(b'"');
                self.csv.extend_from_slice(text);
            }
            Cell::Rate(word, n) => {
                let start = self.csv.len();
                let _ = write!(Utf8(&mut self.csv), "{word} {n}");
                self.copy_quoted(start);
            }
            Cell::Day(day) => {
                let start = self.csv.len();
                let _ = write!(Utf8(&mut self.csv), "{day}");
                self.copy_quoted(start);
            }
            Cell::Address(IpAddr::V4(v4)) => self.quoted(&dotted(v4)),
            Cell::Address(IpAddr::V6(v6)) => {
                let start = self.csv.len();
                write_v6(v6, &mut self.csv);
                self.copy_quoted(start);
            }
            Cell::End(end) => {
                let start = self.csv.len();
                write_end(end, &mut self.csv);
                self.copy_quoted(start);
            }
            Cell::Code(code) => self.quoted(&hex(code.into(), 4)),
            Cell::Code32(code) => self.quoted(&hex(code, 8)),
            Cell::Version(code) => match version(code) {
                Some(name) => self.plain(name),
                None => self.quoted(&hex(code.into(), 4)),
            },
            Cell::Community(transport, a, b) => {
                let hash = super::community::community_hash(transport, a, b);
                self.csv.extend_from_slice(b"1:");
                self.csv.extend_from_slice(&hash);
                self.json.extend_from_slice(b"\"1:");
                self.json.extend_from_slice(&hash);
                self.json.push(b'"');
            }
            Cell::Source(source) => self.shown(|out| push_source(source, out)),
            Cell::Vote(vote) => self.shown(|out| {
                out.push_str(vote.country.as_str());
                out.push_str(" (");
                push_source(&vote.source, out);
                out.push_str(", ");
                match &vote.basis {
                    VoteBasis::Prefix(prefix) => {
                        match prefix.address() {
                            IpAddr::V4(v4) => out.push_str(dotted(v4).as_str()),
                            IpAddr::V6(v6) => _ = write!(out, "{v6}"),
                        }
                        out.push('/');
                        out.push_str(decimal(prefix.bits().into()).as_str());
                    }
                    VoteBasis::HostCode { .. } => _ = write!(out, "{}", vote.basis),
                }
                out.push_str(if vote.excluded { "; excluded by the round trip)" } else { ")" });
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

    /// A number in both forms.
    #[inline]
    fn bare<const N: usize>(&mut self, text: &Short<N>) {
        text.add_to(&mut self.csv);
        text.add_to(&mut self.json);
    }

    /// A short text that needs no escape in either form.
    #[inline]
    fn quoted<const N: usize>(&mut self, text: &Short<N>) {
        text.add_to(&mut self.csv);
        self.json.push(b'"');
        text.add_to(&mut self.json);
        self.json.push(b'"');
    }

    /// The same for a longer one.
    #[inline]
    fn plain(&mut self, text: &str) {
        self.csv.extend_from_slice(text.as_bytes());
        self.json.push(b'"');
        self.json.extend_from_slice(text.as_bytes());
        self.json.push(b'"');
    }

    fn copy_quoted(&mut self, start: usize) {
        self.json.push(b'"');
        self.json.extend_from_slice(self.csv.get(start..).unwrap_or_default());
        self.json.push(b'"');
    }

    /// A text of its own cell. Almost all text is plain ASCII, which both forms take as it is.
    fn text(&mut self, text: &str) {
        if all(text.as_bytes(), |b| is_plain(b) & !matches!(b, b',')) && !is_formula(text.as_bytes()) {
            self.plain(text);
            return;
        }
        let start = self.csv.len();
        self.raw_text(text);
        self.close_text(start);
    }

    fn raw_text(&mut self, text: &str) {
        if all(text.as_bytes(), is_plain) {
            self.plain(text);
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
        let quote = !all(field, |b| !matches!(b, b'"' | b',' | b'\r' | b'\n'));
        if formula {
            self.csv.insert(start, b'\'');
        }
        if !quote {
            return;
        }
        if self.csv.get(start..).unwrap_or_default().contains(&b'"') {
            let field = self.csv.split_off(start);
            self.csv.extend(field.iter().flat_map(|&b| std::iter::repeat_n(b, 1 + usize::from(b == b'"'))));
        }
        self.csv.insert(start, b'"');
        self.csv.push(b'"');
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

/// Whether all bytes are so. Without a way out of the loop it runs on many bytes at once.
#[inline]
pub(super) fn all(bytes: &[u8], so: impl Fn(u8) -> bool) -> bool {
    bytes.iter().fold(true, |all, b| all & so(*b))
}

/// Printable ASCII that JSON need not escape.
#[inline]
const fn is_plain(b: u8) -> bool {
    matches!(b, b' '..=b'~') & !matches!(b, b'"' | b'\\')
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
            '\u{8}' => out.extend_from_slice(b"\\b"),
            '\t' => out.extend_from_slice(b"\\t"),
            '\n' => out.extend_from_slice(b"\\n"),
            '\u{c}' => out.extend_from_slice(b"\\f"),
            '\r' => out.extend_from_slice(b"\\r"),
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
pub(super) fn version(code: u16) -> Option<&'static str> {
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

/// Nanoseconds as milliseconds with three decimals: captures are no more exact than microseconds.
fn millis(nanos: u64) -> Short<24> {
    let micros = nanos.saturating_add(500) / 1_000;
    let whole = decimal(micros / 1_000);
    let thousandths = (micros % 1_000) as u32;
    let ([_, a], [b, c]) = (pair(thousandths / 100), pair(thousandths));
    let mut text = [0; 24];
    let shown = whole.bytes().iter().copied().chain([b'.', a, b, c]);
    text.iter_mut().zip(shown).for_each(|(to, from)| *to = from);
    Short::new(text, whole.bytes().len() + 4)
}

/// `0x` and as many digits, at most eight.
fn hex(value: u32, digits: usize) -> Short<10> {
    let mut text = *b"0x00000000";
    let mut rest = value;
    for place in text.iter_mut().skip(2).take(digits).rev() {
        *place = hex_digit(rest);
        rest >>= 4;
    }
    Short::new(text, 2 + digits)
}

fn hex_digits(value: u32, digits: u32, out: &mut Vec<u8>) {
    out.extend((0..digits).rev().map(|at| hex_digit(value >> (4 * at))));
}

const fn hex_digit(value: u32) -> u8 {
    let nibble = (value & 15) as u8;
    if nibble < 10 { b'0' + nibble } else { b'a' + nibble - 10 }
}

fn write_end(end: End, out: &mut Vec<u8>) {
    match end.address {
        IpAddr::V4(v4) => dotted(v4).add_to(out),
        IpAddr::V6(v6) => {
            out.push(b'[');
            write_v6(v6, out);
            out.push(b']');
        }
    }
    out.push(b':');
    decimal(end.port.into()).add_to(out);
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
