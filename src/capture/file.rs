//! A capture file from its first byte to its last.

use super::error::CaptureError;
use super::note::{Captured, Note};
use super::pcap::Pcap;
use super::pcapng::{FRAMING, Labels, Section};
use super::source::{Digest, Source};
use super::window::{Stop, Window};
use crate::wire::capfile::{PCAP_HEADER_LEN, block};
use crate::wire::{Direction, Frame, FrameNo, LinkType, Text, Timestamp};
use std::collections::VecDeque;
use std::fmt;
use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

/// Bytes of the longest record that is held in memory. libpcap keeps at most 256 KiB of a network frame; a longer claim
/// than this means that the file is damaged. Blocks that nobody reads are skipped whatever their length.
const MAX_RECORD: usize = 16 * 1024 * 1024;
/// Link types remembered for [`CaptureInfo::links`].
const MAX_LINKS: usize = 64;

/// An open capture file.
#[derive(Debug)]
pub struct CaptureFile {
    name: Text,
    window: Window,
    reader: Reader,
    notes: VecDeque<Note>,
    frames: u64,
    /// Number of the frame before.
    last: u64,
    /// A section says that it keeps the numbers under which its frames were captured.
    numbered: bool,
    untimed: u64,
    links: Vec<LinkType>,
    ending: Option<Ending>,
}

#[derive(Debug)]
enum Reader {
    Pcap(Pcap),
    Pcapng(Section),
}

/// The file format.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    Pcap { gzip: bool },
    Pcapng { gzip: bool },
}

impl Format {
    #[must_use]
    pub const fn token(self) -> &'static str {
        match self {
            Self::Pcap { gzip: false } => "pcap",
            Self::Pcap { gzip: true } => "pcap+gzip",
            Self::Pcapng { gzip: false } => "pcapng",
            Self::Pcapng { gzip: true } => "pcapng+gzip",
        }
    }
}

/// How a file ended. Offsets count bytes of the unpacked file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ending {
    Complete,
    /// The file ends inside a record that starts at `offset`; at least `missing` bytes of it are not there.
    Cut {
        /// The last whole frame.
        frame: FrameNo,
        offset: u64,
        missing: u64,
    },
    /// The record at `offset` breaks the format; it and what follows was not read.
    Damaged {
        /// The last whole frame.
        frame: FrameNo,
        offset: u64,
        what: &'static str,
    },
}

impl fmt::Display for Ending {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Complete => f.write_str("complete"),
            Self::Cut { frame, offset, missing } => {
                write!(f, "cut after frame {frame}, at byte {offset}: at least {missing} bytes are missing")
            }
            Self::Damaged { frame, offset, what } => {
                write!(f, "damaged after frame {frame}, at byte {offset}: {what}; nothing behind it was read")
            }
        }
    }
}

/// Facts about a file, as far as it has been read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CaptureInfo {
    pub format: Format,
    /// Link types of its interfaces, in order of appearance.
    pub links: Vec<LinkType>,
    /// Bytes of the file itself (packed, if it is packed).
    pub bytes: u64,
    pub frames: u64,
    /// Frames without a time of their own (simple packet blocks); they carry the time of the frame before them.
    pub untimed: u64,
    /// SHA-256 of the file itself. Only if asked for, and only once [`CaptureFile::ending`] is known: then it covers
    /// the whole file, also behind a damaged place.
    pub sha256: Option<[u8; 32]>,
}

impl CaptureFile {
    /// Opens a file by its path; a packed one (gzip) is unpacked while reading.
    pub fn open(path: &Path, digest: Digest) -> Result<Self, CaptureError> {
        let name = Text::from_wire(path.as_os_str().as_encoded_bytes());
        let file = File::open(path).map_err(|error| CaptureError::opening(name.clone(), error))?;
        if file.metadata().is_ok_and(|facts| facts.is_dir()) {
            return Err(CaptureError::Directory { name });
        }
        Self::from_reader(name, Box::new(file), digest)
    }

    /// Reads from a stream, for instance standard input. `name` is for messages.
    pub fn from_reader(name: Text, reader: Box<dyn Read + Send>, digest: Digest) -> Result<Self, CaptureError> {
        let source = Source::new(reader, digest).map_err(|error| CaptureError::reading(name.clone(), 0, error))?;
        let mut window = Window::new(source);
        let whole = window.fill(PCAP_HEADER_LEN).map_err(|error| CaptureError::reading(name.clone(), 0, error))?;
        if window.data().is_empty() && window.stop() == Some(Stop::End) {
            return Err(CaptureError::Empty { name });
        }
        let start = window.data();
        let reader = if start.starts_with(&block::SECTION_HEADER.to_be_bytes()) {
            Section::order_of(start).map(|order| Reader::Pcapng(Section::new(order)))
        } else {
            Pcap::parse(start).map(Reader::Pcap)
        };
        let Some(reader) = reader else {
            let known = Pcap::is_magic(start) || start.starts_with(&block::SECTION_HEADER.to_be_bytes());
            if known && !whole {
                return Err(CaptureError::Stub { name, have: start.len() as u64 });
            }
            if !whole && matches!(window.stop(), Some(Stop::GzipCut | Stop::GzipDamaged)) {
                let found = "gzip data that breaks off at its start".to_owned();
                return Err(CaptureError::NotACapture { name, found, cure: "copy or record it again" });
            }
            // Enough to know a tar archive by. If there is less, that will do.
            let _ = window.fill(512);
            return Err(CaptureError::not_a_capture(name, window.data()));
        };
        let mut file = Self {
            name,
            window,
            reader,
            notes: VecDeque::new(),
            frames: 0,
            last: 0,
            numbered: false,
            untimed: 0,
            links: Vec::new(),
            ending: None,
        };
        file.begin()?;
        Ok(file)
    }

    /// The next frame or note; `None` at the end, and then [`CaptureFile::ending`] tells which end. Notes about a frame
    /// follow it.
    ///
    /// # Errors
    /// The disk or stream failed. What came before counts.
    #[expect(clippy::should_implement_trait, reason = "what it hands out borrows from it, which Iterator cannot say")]
    #[inline]
    pub fn next(&mut self) -> Result<Option<Captured<'_>>, CaptureError> {
        Ok(match self.step()? {
            Some(Step::Frame(place)) => {
                let (interface, direction) = (place.interface, place.direction);
                Some(Captured::Frame { frame: self.frame(&place), interface, direction })
            }
            Some(Step::Note(note)) => Some(Captured::Note(note)),
            None => None,
        })
    }

    /// The next step; a frame lies where its place says until the next call.
    #[inline]
    pub(super) fn step(&mut self) -> Result<Option<Step>, CaptureError> {
        loop {
            if !self.notes.is_empty()
                && let Some(note) = self.notes.pop_front()
            {
                return Ok(Some(Step::Note(note)));
            }
            if self.ending.is_some() {
                return Ok(None);
            }
            let offset = self.window.offset();
            let step = match self.reader {
                Reader::Pcap(pcap) => self.record(pcap).map(Some),
                Reader::Pcapng(_) => self.block(),
            };
            match step {
                Ok(None) => {}
                Ok(Some(place)) => return Ok(Some(Step::Frame(place))),
                Err(trouble) => self.end(offset, trouble)?,
            }
        }
    }

    #[inline]
    pub(super) fn frame(&self, place: &Place) -> Frame<'_> {
        Frame {
            number: place.number,
            time: place.time,
            link: place.link,
            original_len: place.original_len,
            bytes: self.window.slice(place.start, place.len),
        }
    }

    /// Whether something that was read already waits to be told.
    pub(super) fn holds_bytes(&self) -> bool {
        !self.notes.is_empty() || !self.window.data().is_empty()
    }

    /// Whether frames keep the numbers under which they were captured (a file that this program saved): then numbers may
    /// have gaps, and go on from one file of a capture to the next.
    pub const fn is_numbered(&self) -> bool {
        self.numbered
    }

    /// How the file ended; `None` until it has been read to its end.
    pub const fn ending(&self) -> Option<&Ending> {
        self.ending.as_ref()
    }

    /// Facts about the file as far as it has been read.
    pub fn info(&self) -> CaptureInfo {
        let gzip = self.window.source().is_gzip();
        CaptureInfo {
            format: match self.reader {
                Reader::Pcap(_) => Format::Pcap { gzip },
                Reader::Pcapng(_) => Format::Pcapng { gzip },
            },
            links: self.links.clone(),
            bytes: self.window.source().raw_bytes(),
            frames: self.frames,
            untimed: self.untimed,
            sha256: self.ending.as_ref().and_then(|_| self.window.source().sha256()),
        }
    }

    /// What was said about the whole file before its first record.
    fn begin(&mut self) -> Result<(), CaptureError> {
        let Reader::Pcap(pcap) = &self.reader else { return Ok(()) };
        let (major, minor) = pcap.version;
        if major != 2 {
            return Err(CaptureError::Version { name: self.name.clone(), format: "a pcap file", major, minor });
        }
        let mut described = Note::interface(0, pcap.link);
        if let Note::Interface { snap_len, .. } = &mut described {
            *snap_len = (pcap.snap_len != 0).then_some(pcap.snap_len);
        }
        self.notes.push_back(described);
        self.links.push(pcap.link);
        self.window.advance(PCAP_HEADER_LEN);
        Ok(())
    }

    #[inline]
    fn record(&mut self, pcap: Pcap) -> Result<Place, Trouble> {
        self.need(pcap.record_len)?;
        let header = pcap.record(self.window.data()).ok_or(Trouble::Damaged("a record header that cannot be read"))?;
        let kept = header.kept as usize;
        if kept > MAX_RECORD {
            return Err(Trouble::Damaged("a record that claims more bytes than a frame can have"));
        }
        self.need(pcap.record_len + kept)?;
        self.frames += 1;
        self.last = self.frames;
        Ok(Place {
            number: FrameNo(self.frames),
            interface: 0,
            direction: Direction::Unknown,
            time: header.time,
            link: pcap.link,
            original_len: header.original.max(header.kept),
            start: self.window.advance(pcap.record_len + kept) + pcap.record_len,
            len: kept,
        })
    }

    /// Reads one block. What it describes is queued as notes; `None` if it holds no frame.
    #[inline]
    fn block(&mut self) -> Result<Option<Place>, Trouble> {
        let Reader::Pcapng(section) = &self.reader else { return Ok(None) };
        let mut order = section.order;
        self.need(FRAMING)?;
        let starts_section = self.window.data().starts_with(&block::SECTION_HEADER.to_be_bytes());
        if starts_section {
            order =
                Section::order_of(self.window.data()).ok_or(Trouble::Damaged("a section of no known byte order"))?;
        }
        let header =
            |at| order.u32(self.window.data(), at).ok_or(Trouble::Damaged("a block header that cannot be read"));
        let (kind, claimed) = (header(0)?, header(4)?);
        let len = claimed as usize;
        if len < FRAMING || !len.is_multiple_of(4) {
            return Err(Trouble::Damaged("a block of an impossible length"));
        }
        let packet = matches!(kind, block::ENHANCED_PACKET | block::SIMPLE_PACKET | block::PACKET);
        let describes =
            matches!(kind, block::INTERFACE_DESCRIPTION | block::INTERFACE_STATISTICS | block::NAME_RESOLUTION);
        if !packet && !describes && !starts_section {
            let missing = self.window.skip(u64::from(claimed) - 4)?;
            if missing > 0 {
                return Err(self.gone(missing + 4));
            }
            self.need(4)?;
            let at = self.window.advance(4);
            return match order.u32(self.window.slice(at, 4), 0) {
                Some(again) if again == claimed => Ok(None),
                _ => Err(Trouble::Damaged(TWO_LENGTHS)),
            };
        }
        if len > MAX_RECORD {
            return Err(Trouble::Damaged("a block that claims more bytes than a frame or a description can have"));
        }
        self.need(len)?;
        if order.u32(self.window.data(), len - 4) != Some(claimed) {
            return Err(Trouble::Damaged(TWO_LENGTHS));
        }
        let offset = self.window.offset();
        let at = self.window.advance(len);
        let bytes = self.window.slice(at, len);
        let Reader::Pcapng(section) = &mut self.reader else { return Ok(None) };
        if packet {
            let packet = section.packet(kind, bytes).ok_or(Trouble::Damaged("a frame longer than its block"))?;
            self.frames += 1;
            self.untimed += u64::from(packet.time.is_none());
            let time = packet.time.unwrap_or_else(|| section.last());
            let options = bytes.get(packet.options..len - 4).filter(|options| !options.is_empty());
            let Labels { id, direction } = options.map(|options| section.labels(options)).unwrap_or_default();
            // Numbers only go up, whatever a file claims.
            self.last = id.filter(|id| section.own && *id > self.last).unwrap_or(self.last.saturating_add(1));
            let number = FrameNo(self.last);
            if packet.drops > 0 {
                self.notes.push_back(Note::Dropped { before: number, time, frames: packet.drops });
            }
            if let Some(options) = options {
                section.remarks(options, number, time, &mut self.notes);
            }
            return Ok(Some(Place {
                number,
                interface: packet.interface,
                direction,
                time,
                link: packet.link,
                original_len: packet.original.max(packet.len as u32),
                start: at + packet.start,
                len: packet.len,
            }));
        }
        if starts_section {
            if order.u16(bytes, 12) != Some(1) {
                return Err(Trouble::Damaged("a section of an unknown pcapng version"));
            }
            section.begin(order, bytes, offset, &mut self.notes);
            self.numbered |= section.own;
        } else if let Some(link) =
            section.describe(bytes, offset, &mut self.notes).map_err(|()| Trouble::Damaged(TOO_MANY))?
            && self.links.len() < MAX_LINKS
            && !self.links.contains(&link)
        {
            self.links.push(link);
        }
        Ok(None)
    }

    /// Makes `len` bytes available.
    #[inline]
    fn need(&mut self, len: usize) -> Result<(), Trouble> {
        if self.window.fill(len)? {
            return Ok(());
        }
        let there = self.window.data().len();
        Err(self.gone((len - there) as u64))
    }

    /// Why so many bytes are not there.
    #[cold]
    fn gone(&self, missing: u64) -> Trouble {
        match self.window.stop() {
            Some(Stop::GzipDamaged) => Trouble::Damaged("gzip data that does not unpack"),
            _ => Trouble::Gone(missing),
        }
    }

    /// Settles how the file ended, with the record at `offset`.
    #[cold]
    fn end(&mut self, offset: u64, trouble: Trouble) -> Result<(), CaptureError> {
        let frame = FrameNo(self.last);
        let nothing_behind = self.window.offset() == offset && self.window.data().is_empty();
        self.ending = Some(match trouble {
            Trouble::Io(source) => return Err(CaptureError::reading(self.name.clone(), offset, source)),
            Trouble::Damaged(what) => Ending::Damaged { frame, offset, what },
            Trouble::Gone(_) if nothing_behind && self.window.stop() == Some(Stop::End) => Ending::Complete,
            Trouble::Gone(_) if nothing_behind => Ending::Cut { frame, offset, missing: 1 },
            Trouble::Gone(missing) => Ending::Cut { frame, offset, missing },
        });
        self.window.drain().map_err(|source| CaptureError::reading(self.name.clone(), offset, source))
    }
}

const TWO_LENGTHS: &str = "a block whose two lengths differ";
const TOO_MANY: &str = "more interfaces than a capture can have";

/// One step through a file.
#[derive(Debug)]
pub(super) enum Step {
    Frame(Place),
    Note(Note),
}

/// Where a frame lies in the window, and what its record says about it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Place {
    number: FrameNo,
    /// Position of its interface within its section.
    pub(super) interface: u32,
    pub(super) direction: Direction,
    pub(super) time: Timestamp,
    link: LinkType,
    /// Never less than `len`: no frame was shorter on the wire than what was kept of it.
    original_len: u32,
    start: usize,
    len: usize,
}

/// Why a record could not be read.
enum Trouble {
    /// So many bytes are not there.
    Gone(u64),
    Damaged(&'static str),
    Io(io::Error),
}

impl From<io::Error> for Trouble {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}
