//! Header extensions of RTP (RFC 8285). What an element means is agreed on in signalling that is mostly encrypted; some tell
//! by how they go: loudness moves in small steps (RFC 6464), names are the same text in every packet (RFC 8843, RFC 8852).
//! Encrypted elements (RFC 6904) do neither, and where the whole block is encrypted (RFC 9335) its mark says so.

use crate::dissect::fact::MediaSeen;
use crate::wire::Cursor;

/// Elements followed: the one-byte form has fourteen.
const MAX_ELEMENTS: usize = 14;
/// Bytes of a value that are compared.
const COMPARED: usize = 16;
/// Packets before a number is taken for loudness, and a text for a name.
const ENOUGH_LEVELS: u16 = 48;
const ENOUGH_NAMES: u16 = 8;
/// Loudness mostly changes by no more than this many decibels from one packet to the next. A number drawn by lot would do so
/// in 35 of 100 steps.
const NEAR: u8 = 24;

/// The elements of one stream.
#[derive(Debug, Default)]
pub(super) struct Elements(Vec<Element>);

#[derive(Debug)]
struct Element {
    id: u8,
    seen: u16,
    /// Always one byte long.
    short: bool,
    last: u8,
    least: u8,
    most: u8,
    near: u16,
    /// A number that only counts rises and never falls.
    rises: u16,
    falls: u16,
    /// Always this text.
    text: Option<Box<[u8]>>,
}

/// What stands behind the profile of the extension: the profile, and its words.
#[derive(Debug, Clone, Copy)]
pub(in crate::dissect) struct Block<'a> {
    pub(in crate::dissect) profile: u16,
    pub(in crate::dissect) body: &'a [u8],
}

impl Elements {
    /// Bytes on the heap at most; the list grows to a power of two.
    pub(super) const MOST: usize = MAX_ELEMENTS.next_power_of_two() * (size_of::<Element>() + COMPARED);

    /// Takes the extension of a packet; says what is known by now.
    pub(super) fn add(&mut self, block: Block<'_>) -> MediaSeen {
        let mut seen = MediaSeen::default();
        match block.profile {
            0xbede => self.walk(block.body, one_byte),
            // The low four bits are the application's.
            0x1000..=0x100f => self.walk(block.body, two_bytes),
            0xc0de | 0xc2de => seen.cryptex = true,
            _ => {}
        }
        seen.elements = self.0.len() as u8;
        seen.level = self.0.iter().any(Element::is_level);
        seen.named = self.0.iter().any(Element::is_name);
        seen
    }

    fn walk(&mut self, body: &[u8], next: fn(&mut Cursor<'_>) -> Option<(u8, usize)>) {
        let mut cursor = Cursor::new(body);
        while let Some((id, len)) = next(&mut cursor) {
            // Padding, in either form.
            if id == 0 {
                continue;
            }
            let Some(value) = cursor.take(len) else { return };
            if let Some(known) = self.0.iter_mut().find(|e| e.id == id) {
                known.add(value);
            } else if self.0.len() < MAX_ELEMENTS {
                self.0.push(Element::new(id, value));
            }
        }
    }
}

/// RFC 8285 §4.2; 15 ends the block.
fn one_byte(cursor: &mut Cursor<'_>) -> Option<(u8, usize)> {
    let head = cursor.u8()?;
    match head >> 4 {
        0 => Some((0, 0)),
        15 => None,
        id => Some((id, usize::from(head & 0x0f) + 1)),
    }
}

/// RFC 8285 §4.3.
fn two_bytes(cursor: &mut Cursor<'_>) -> Option<(u8, usize)> {
    match cursor.u8()? {
        0 => Some((0, 0)),
        id => Some((id, cursor.u8()?.into())),
    }
}

impl Element {
    fn new(id: u8, value: &[u8]) -> Self {
        let level = value.first().map_or(0, |b| b & 0x7f);
        let printable = !value.is_empty() && value.len() <= COMPARED && value.iter().all(u8::is_ascii_alphanumeric);
        let text = printable.then(|| value.into());
        Self {
            id,
            seen: 1,
            short: value.len() == 1,
            last: level,
            least: level,
            most: level,
            near: 0,
            rises: 0,
            falls: 0,
            text,
        }
    }

    fn add(&mut self, value: &[u8]) {
        self.seen = self.seen.saturating_add(1);
        self.short &= value.len() == 1;
        // The top bit says whether it is speech.
        let level = value.first().map_or(0, |b| b & 0x7f);
        self.near += u16::from(level.abs_diff(self.last) <= NEAR);
        self.rises += u16::from(level > self.last);
        self.falls += u16::from(level < self.last);
        (self.last, self.least, self.most) = (level, self.least.min(level), self.most.max(level));
        if self.text.as_ref().is_some_and(|text| **text != *value) {
            self.text = None;
        }
    }

    fn is_level(&self) -> bool {
        let (steps, both_ways) = (self.seen - 1, self.rises.min(self.falls));
        self.short
            && self.seen >= ENOUGH_LEVELS
            && self.most - self.least >= 3
            && self.near >= steps - steps / 5
            && both_ways >= steps / 8
    }

    fn is_name(&self) -> bool {
        self.seen >= ENOUGH_NAMES && self.text.is_some()
    }
}
