//! DNS messages (RFC 1035 §4.1), read record by record: whatever stands before a bad record counts.

use super::rdata;
use crate::dissect::fact::{Answer, Fact, Facts, Hidden};
use crate::wire::{Cursor, Side, Text};
use hickory_proto::rr::RecordType;
use std::borrow::Cow;
use std::cell::RefCell;
use std::fmt::Write;

/// Bytes of the header, RFC 1035 §4.1.1.
pub(super) const HEADER: usize = 12;
/// Least bytes of a question: the root's name, type, class.
const QUESTION: usize = 5;
/// Longest name in bytes on the wire, RFC 1035 §3.1.
const MAX_NAME: usize = 255;
/// Compression pointers followed within one name. A name of 255 bytes has at most 127 labels; more pointers than that
/// only go in circles.
const MAX_POINTERS: usize = 127;
/// Questions and records taken from one message: about four times what a 4096-byte answer can hold. Only zone
/// transfers have more, and they are no business of a call.
const MAX_RECORDS: usize = 1024;

/// Header of a message.
#[derive(Debug, Clone, Copy)]
pub(super) struct Header {
    flags: u16,
    /// Questions, answers, authorities, additionals.
    counts: [u16; 4],
}

impl Header {
    fn read(cursor: &mut Cursor<'_>) -> Option<Self> {
        cursor.skip(2)?;
        let flags = cursor.u16()?;
        Some(Self { flags, counts: [cursor.u16()?, cursor.u16()?, cursor.u16()?, cursor.u16()?] })
    }

    pub(super) const fn is_response(self) -> bool {
        self.flags & 0x8000 != 0
    }

    pub(super) const fn opcode(self) -> u8 {
        (self.flags >> 11) as u8 & 0x0f
    }

    /// Asks a resolver to find the answer. Multicast DNS never sets it (RFC 6762 §18.6).
    pub(super) const fn wants_recursion(self) -> bool {
        self.flags & 0x0100 != 0
    }

    fn rcode(self) -> u8 {
        (self.flags & 0x0f) as u8
    }

    /// The opcode exists, and there is room for as many questions as announced: 16 random bits seldom are that small.
    /// Records may be missing at the end of a cut capture.
    fn is_plausible(self, len: usize) -> bool {
        let [questions, records @ ..] = self.counts.map(usize::from);
        matches!(self.opcode(), 0..=2 | 4..=6)
            && questions + records.iter().sum::<usize>() > 0
            && HEADER + questions * QUESTION <= len
    }
}

/// How strictly bytes must look like DNS before they are taken for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Strictness {
    /// The port says DNS: header and first name must not contradict.
    Port,
    /// Only the bytes say so: one question of a known kind with a host-like name, nothing left over.
    Bytes,
}

/// Whether `message`, of which `len` bytes were sent, looks like DNS.
pub(super) fn is_message(message: &[u8], len: usize, strictness: Strictness) -> bool {
    looks_like(message, len, strictness).is_some()
}

fn looks_like(message: &[u8], len: usize, strictness: Strictness) -> Option<()> {
    let mut cursor = Cursor::new(message);
    let header = Header::read(&mut cursor).filter(|h| h.is_plausible(len))?;
    if strictness == Strictness::Port {
        return walk_name(message, &mut cursor, |_| {});
    }
    let mut name = Vec::new();
    let [questions, answers, authorities, additionals] = header.counts;
    let ordinary = header.opcode() == 0
        // Neither truncated nor with the reserved bit.
        && header.flags & 0x0240 == 0
        && header.rcode() <= 10
        && questions == 1
        && (header.is_response() || (answers == 0 && authorities == 0 && additionals <= 2));
    if !ordinary {
        return None;
    }
    read_name(message, &mut cursor, &mut name)?;
    let host_like = !name.is_empty() && name.iter().all(|b| b.is_ascii_alphanumeric() || b".-_".contains(b));
    let (kind, class) = (cursor.u16()?, cursor.u16()?);
    if !host_like || class != 1 || matches!(RecordType::from(kind), RecordType::Unknown(_) | RecordType::ZERO) {
        return None;
    }
    for _ in 0..usize::from(answers) + usize::from(authorities) + usize::from(additionals) {
        Record::read(message, &mut cursor, &mut name)?;
    }
    cursor.is_empty().then_some(())
}

/// A resource record, RFC 1035 §4.1.3; its owner name went to the reader's buffer.
struct Record<'a> {
    kind: u16,
    ttl: u32,
    /// Where the data starts in the message.
    at: usize,
    data: &'a [u8],
}

impl<'a> Record<'a> {
    fn read(message: &'a [u8], cursor: &mut Cursor<'a>, owner: &mut Vec<u8>) -> Option<Self> {
        read_name(message, cursor, owner)?;
        let kind = cursor.u16()?;
        cursor.skip(2)?;
        let ttl = cursor.u32()?;
        let len = usize::from(cursor.u16()?);
        let at = cursor.position();
        Some(Self { kind, ttl, at, data: cursor.take(len)? })
    }
}

/// Reads one message that `side` sent and puts what it says into `out`.
///
/// Questions of queries become [`Fact::Asked`]. Records of responses become [`Fact::Resolved`]: all of the answer
/// section, and of the other sections those that lead from a name to an address. Known answers in a multicast query and
/// the sections of a dynamic update are no answers.
pub(super) fn read(message: &[u8], transport: &'static str, side: Side, out: &mut Facts) {
    thread_local! {
        /// Room for the name that is being read; the longest has 255 bytes (RFC 1035 §3.1).
        static NAME: RefCell<Vec<u8>> = RefCell::new(Vec::with_capacity(256));
    }
    NAME.with_borrow_mut(|name| sections(message, transport, side, name, out));
}

fn sections(message: &[u8], transport: &'static str, side: Side, name: &mut Vec<u8>, out: &mut Facts) {
    let mut cursor = Cursor::new(message);
    let Some(header) = Header::read(&mut cursor) else { return };
    // Opcode 1 is the inverse query (RFC 1035 §6.4), obsolete but answered with ordinary records.
    if header.opcode() > 1 {
        return;
    }
    let [questions, answers, authorities, additionals] = header.counts.map(usize::from);
    let mut query = None;
    for _ in 0..questions.min(MAX_RECORDS) {
        if read_name(message, &mut cursor, name).is_none() {
            return;
        }
        let (Some(kind), Some(_class)) = (cursor.u16(), cursor.u16()) else { return };
        let text = Text::from_wire(name);
        if !header.is_response() {
            if name.starts_with(b"2.dnscrypt-cert.") {
                out.push(side, Fact::Hidden(Hidden::Dnscrypt));
            }
            out.push(side, Fact::Asked { name: text, kind: mnemonic(kind) });
        } else if query.is_none() {
            query = Some(text);
        }
    }
    if !header.is_response() {
        return;
    }
    let query = query.unwrap_or_default();
    for number in 0..(answers + authorities + additionals).min(MAX_RECORDS) {
        let Some(record) = Record::read(message, &mut cursor, name) else { return };
        if !is_told(record.kind, number < answers) {
            continue;
        }
        let owner = if name == query.exact().as_bytes() { query.clone() } else { Text::from_wire(name) };
        let data = rdata::read(message, record.at, record.data, record.kind, name);
        let answer = Answer {
            transport,
            query: query.clone(),
            owner,
            kind: mnemonic(record.kind),
            data: data.text,
            address: data.address,
            hints: data.hints,
            ttl: record.ttl,
        };
        out.push(side, Fact::Resolved(Box::new(answer)));
    }
}

/// Header of a message, for those who only need its flags.
pub(super) fn header(message: &[u8]) -> Option<Header> {
    Header::read(&mut Cursor::new(message))
}

/// Records about the message itself are never told; outside the answer section only those that name or place a host.
fn is_told(kind: u16, is_answer: bool) -> bool {
    let about_the_message = matches!(kind, 24 | 41 | 249 | 250); // SIG(0), OPT, TKEY, TSIG
    let names_a_host = matches!(kind, 1 | 5 | 12 | 28 | 33 | 39 | 64 | 65); // A CNAME PTR AAAA SRV DNAME SVCB HTTPS
    !about_the_message && (is_answer || names_a_host)
}

/// The registered mnemonic, or `TYPE123` (RFC 3597 §5).
fn mnemonic(kind: u16) -> Cow<'static, str> {
    match RecordType::from(kind) {
        RecordType::Unknown(_) | RecordType::ZERO => format!("TYPE{kind}").into(),
        known => <&'static str>::from(known).into(),
    }
}

/// Reads a possibly compressed name (RFC 1035 §4.1.4) into `out`: UTF-8, lower-case, without the trailing dot, empty for
/// the root.
pub(super) fn read_name(message: &[u8], cursor: &mut Cursor<'_>, out: &mut Vec<u8>) -> Option<()> {
    out.clear();
    walk_name(message, cursor, |label| {
        if !out.is_empty() {
            out.push(b'.');
        }
        push_label(label, out);
    })?;
    out.make_ascii_lowercase();
    Some(())
}

/// Goes through the labels of a name. Pointers may lead anywhere in the message, also forward: some servers write them so.
fn walk_name<'a>(message: &'a [u8], cursor: &mut Cursor<'_>, mut each: impl FnMut(&'a [u8])) -> Option<()> {
    let mut at = cursor.position();
    let mut end = None;
    let (mut len, mut pointers) = (0, 0);
    loop {
        let first = *message.get(at)?;
        match first >> 6 {
            0b00 => {
                at += 1;
                if first == 0 {
                    break;
                }
                let label = message.get(at..at + usize::from(first))?;
                at += label.len();
                len += 1 + label.len();
                if len >= MAX_NAME {
                    return None;
                }
                each(label);
            }
            0b11 => {
                let low = *message.get(at + 1)?;
                end.get_or_insert(at + 2);
                at = usize::from(first & 0x3f) << 8 | usize::from(low);
                pointers += 1;
                if pointers > MAX_POINTERS {
                    return None;
                }
            }
            // 0b01 and 0b10 are reserved (RFC 6891 §5 withdrew the one use there was).
            _ => return None,
        }
    }
    cursor.skip(end.unwrap_or(at).checked_sub(cursor.position())?)
}

/// Writes a label as zone files do (RFC 1035 §5.1): `\.` for a dot within, `\DDD` for control characters and for bytes
/// that are no UTF-8. Without this a single label `example.com` would pass for the host of that name.
fn push_label(label: &[u8], out: &mut Vec<u8>) {
    if label.iter().all(|b| b.is_ascii_graphic() && *b != b'.' && *b != b'\\') {
        out.extend_from_slice(label);
        return;
    }
    let mut text = String::new();
    for chunk in label.utf8_chunks() {
        for c in chunk.valid().chars() {
            match c {
                '.' | '\\' => text.extend(['\\', c]),
                c if c.is_ascii_control() => escape(c as u8, &mut text),
                c => text.push(c),
            }
        }
        chunk.invalid().iter().for_each(|b| escape(*b, &mut text));
    }
    out.extend_from_slice(text.as_bytes());
}

/// `\DDD`, the decimal escape of RFC 1035 §5.1.
pub(super) fn escape(byte: u8, out: &mut String) {
    let _ = write!(out, "\\{byte:03}");
}
