//! The journal: every input of the analysis that is no frame, one JSON object per line, each with the number of the frame
//! that it followed. Frames and journal together repeat the analysis. The same statements stand as comments in the capture
//! files, as far as these have a place for them, for readers that know no journal.

use super::error::{EvidenceError, name};
use crate::attribution::{Owner, OwnerMatch};
use crate::engine::view::{CaptureInfo, Incident, Interface, LossView, Marker, Recording};
use crate::wire::{End, FrameNo, Text, Timestamp, TransportKind};
use serde::{Deserialize, Serialize};
use std::fs::File;
use std::io::{self, BufRead, BufReader, Write};
use std::net::IpAddr;
use std::path::Path;

/// The journal's file name.
pub const JOURNAL: &str = "journal.jsonl";
const VERSION: u32 = 1;
/// Longest line that is read.
const MAX_LINE: u64 = 1 << 20;
/// Bytes kept of a text that a file says of itself, so that all of them fit into a line.
const MAX_SAID: usize = 1_024;

/// What the whole capture was: the first line of the journal, and a comment of every file.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Header {
    /// Of this format.
    pub version: u32,
    /// Program and version that made it.
    pub application: String,
    /// Where the frames came from.
    pub source: String,
    /// Only headers are kept beyond the first so many bytes of each direction of a flow; `None`: everything is kept.
    pub payload_kept: Option<u32>,
    /// Before that every frame was whole: what is missing of frames was left out by this program.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub whole: bool,
    /// Only flows of watched programs are judged.
    pub watched_only: bool,
    /// The audited device.
    pub device: Option<String>,
    /// SHA-512 of the tag manifest of the bundle that this is a copy of, with pseudonyms for the audited side.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub copy_of: Option<String>,
}

impl Header {
    #[must_use]
    pub fn new() -> Self {
        Self {
            version: VERSION,
            application: concat!("zollhund ", env!("CARGO_PKG_VERSION")).into(),
            ..Self::default()
        }
    }

    const PREFIX: &str = "recording ";

    /// As a comment of a file's section.
    pub(super) fn comment(&self) -> Box<str> {
        format!("{}{}", Self::PREFIX, serde_json::to_string(self).unwrap_or_default()).into()
    }

    /// From the comment of a section that this program wrote.
    #[must_use]
    pub fn from_comment(text: &str) -> Option<Self> {
        serde_json::from_str(text.strip_prefix(Self::PREFIX)?).ok()
    }
}

/// Something that the analysis was told, or that whoever reads the evidence should know.
#[derive(Debug, Clone, PartialEq)]
pub enum Told {
    /// An address of the capturing host.
    Local(IpAddr),
    Loss {
        loss: LossView,
        /// The frames are in the evidence; only the running analysis did not get them.
        kept: bool,
    },
    /// Frames that are not in the evidence, because they are of nobody who is audited.
    OutsideScope(LossView),
    Truncated,
    /// A capture file that was given was read to its end; the frames before are what was kept of it.
    Given(Box<CaptureInfo>),
    Mark(Marker),
    Owner {
        /// The first frame of the flow, and its ends as that frame has them.
        frame: FrameNo,
        transport: TransportKind,
        from: End,
        to: End,
        owner: Owner,
        watched: bool,
    },
    /// Whose traffic is judged from now on was chosen: this client's alone, or everybody's if none is named.
    Scope {
        time: Timestamp,
        client: Text,
    },
    /// By that choice a program that was told before is the client's, or is not.
    Program {
        owner: Owner,
        watched: bool,
    },
    /// Time passed without frames, up to the end.
    Tick(Timestamp),
    /// What happened to the capturing machine.
    Incident(Timestamp, Incident),
    /// What happened to the run, for people. `grave`: something is missing because of it.
    Notice {
        time: Timestamp,
        grave: bool,
        text: Text,
    },
}

impl Told {
    /// So many frames of nobody who is audited, between two times.
    #[must_use]
    pub fn outside_scope(frames: u64, bytes: u64, from: Timestamp, until: Timestamp) -> Self {
        Self::OutsideScope(LossView {
            stage: "evidence".into(),
            kind: "left out, because it is out of scope".into(),
            frames,
            bytes,
            from,
            until,
        })
    }
}

/// A line of the journal.
#[derive(Debug, Clone, PartialEq)]
pub struct Entry {
    /// The frame before it; 0 is before all.
    pub after: FrameNo,
    pub told: Told,
}

#[derive(Serialize, Deserialize)]
struct Line {
    after: u64,
    #[serde(flatten)]
    told: Wording,
}

#[derive(Serialize, Deserialize)]
#[serde(tag = "told", rename_all = "kebab-case")]
enum Wording {
    Local {
        address: IpAddr,
    },
    Loss {
        stage: Box<str>,
        kind: Box<str>,
        frames: u64,
        bytes: u64,
        from_ns: u64,
        until_ns: u64,
        kept: bool,
    },
    OutsideScope {
        frames: u64,
        bytes: u64,
        from_ns: u64,
        until_ns: u64,
    },
    Truncated,
    Given {
        name: String,
        format: Box<str>,
        bytes: u64,
        sha256: Box<str>,
        link_types: Vec<Box<str>>,
        application: String,
        system: String,
        hardware: String,
        interfaces: Vec<On>,
    },
    Mark {
        time: String,
        time_ns: u64,
        text: String,
    },
    Owner {
        frame: u64,
        transport: String,
        from: (IpAddr, u16),
        to: (IpAddr, u16),
        #[serde(flatten)]
        process: Process,
    },
    Scope {
        time: String,
        time_ns: u64,
        client: String,
    },
    Program {
        #[serde(flatten)]
        process: Process,
    },
    Tick {
        time_ns: u64,
    },
    ClockSet {
        time_ns: u64,
        by_ns: i64,
    },
    Slept {
        time_ns: u64,
        for_ns: u64,
    },
    InterfaceGone {
        time_ns: u64,
    },
    WayNotCaptured {
        time_ns: u64,
    },
    Notice {
        time: String,
        time_ns: u64,
        grave: bool,
        text: String,
    },
}

/// What a capture file says that it was recorded on.
#[derive(Serialize, Deserialize)]
struct On {
    name: String,
    description: String,
    filter: String,
    snap_length: Option<u32>,
}

/// The text, if it is not unreasonably long.
fn said(text: &Text) -> String {
    let text = text.exact();
    let end = (0..=text.len().min(MAX_SAID)).rev().find(|at| text.is_char_boundary(*at)).unwrap_or_default();
    text.get(..end).unwrap_or_default().into()
}

/// A process as it stands in journal and comments.
#[derive(Serialize, Deserialize)]
struct Process {
    name: String,
    pid: u32,
    path: String,
    #[serde(rename = "match")]
    matched: String,
    watched: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    started_ns: Option<u64>,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    container: String,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    parents: Vec<(u32, String)>,
}

impl Process {
    fn of(owner: &Owner, watched: bool) -> Self {
        Self {
            name: owner.name.exact().into(),
            pid: owner.pid,
            path: owner.path.exact().into(),
            matched: owner.matched.token().into(),
            watched,
            started_ns: owner.started.map(|t| t.0),
            container: owner.container.exact().into(),
            parents: owner.parents.iter().map(|(pid, name)| (*pid, name.exact().into())).collect(),
        }
    }

    fn owner(self) -> Owner {
        const ALL: [OwnerMatch; 4] =
            [OwnerMatch::Namespace, OwnerMatch::Socket, OwnerMatch::LocalPort, OwnerMatch::Told];
        let text = |text: String| Text::from(text.as_str());
        Owner {
            pid: self.pid,
            name: text(self.name),
            path: text(self.path),
            started: self.started_ns.map(Timestamp),
            container: text(self.container),
            parents: self.parents.into_iter().map(|(pid, name)| (pid, text(name))).collect(),
            matched: ALL.into_iter().find(|m| m.token() == self.matched).unwrap_or(OwnerMatch::Told),
        }
    }
}

impl Wording {
    fn of(told: &Told) -> Self {
        let end = |end: &End| (end.address, end.port);
        match told {
            Told::Local(address) => Self::Local { address: *address },
            Told::Loss { loss, kept } => Self::Loss {
                stage: loss.stage.clone(),
                kind: loss.kind.clone(),
                frames: loss.frames,
                bytes: loss.bytes,
                from_ns: loss.from.0,
                until_ns: loss.until.0,
                kept: *kept,
            },
            Told::OutsideScope(left) => Self::OutsideScope {
                frames: left.frames,
                bytes: left.bytes,
                from_ns: left.from.0,
                until_ns: left.until.0,
            },
            Told::Truncated => Self::Truncated,
            Told::Given(info) => {
                let CaptureInfo { name, format, sha256, bytes, link_types, recording } = &**info;
                let Recording { application, system, hardware, interfaces } = recording;
                let on = |on: &Interface| On {
                    name: said(&on.name),
                    description: said(&on.description),
                    filter: said(&on.filter),
                    snap_length: on.snap_len,
                };
                Self::Given {
                    name: said(name),
                    format: format.clone(),
                    bytes: *bytes,
                    sha256: sha256.clone(),
                    link_types: link_types.clone(),
                    application: said(application),
                    system: said(system),
                    hardware: said(hardware),
                    interfaces: interfaces.iter().map(on).collect(),
                }
            }
            Told::Mark(mark) => {
                Self::Mark { time: mark.time.to_string(), time_ns: mark.time.0, text: mark.text.exact().into() }
            }
            Told::Owner { frame, transport, from, to, owner, watched } => Self::Owner {
                frame: frame.0,
                transport: transport.token().into(),
                from: end(from),
                to: end(to),
                process: Process::of(owner, *watched),
            },
            Told::Scope { time, client } => {
                Self::Scope { time: time.to_string(), time_ns: time.0, client: client.exact().into() }
            }
            Told::Program { owner, watched } => Self::Program { process: Process::of(owner, *watched) },
            Told::Tick(time) => Self::Tick { time_ns: time.0 },
            Told::Incident(Timestamp(time_ns), incident) => match *incident {
                Incident::ClockSet { nanos } => Self::ClockSet { time_ns: *time_ns, by_ns: nanos },
                Incident::Slept { nanos } => Self::Slept { time_ns: *time_ns, for_ns: nanos },
                Incident::InterfaceGone => Self::InterfaceGone { time_ns: *time_ns },
                Incident::WayNotCaptured => Self::WayNotCaptured { time_ns: *time_ns },
            },
            Told::Notice { time, grave, text } => {
                Self::Notice { time: time.to_string(), time_ns: time.0, grave: *grave, text: text.exact().into() }
            }
        }
    }

    fn told(self) -> Told {
        let end = |(address, port)| End { address, port };
        match self {
            Self::Local { address } => Told::Local(address),
            Self::Loss { stage, kind, frames, bytes, from_ns, until_ns, kept } => Told::Loss {
                loss: LossView { stage, kind, frames, bytes, from: Timestamp(from_ns), until: Timestamp(until_ns) },
                kept,
            },
            Self::OutsideScope { frames, bytes, from_ns, until_ns } => {
                Told::outside_scope(frames, bytes, Timestamp(from_ns), Timestamp(until_ns))
            }
            Self::Truncated => Told::Truncated,
            Self::Given { name, format, bytes, sha256, link_types, application, system, hardware, interfaces } => {
                let text = |text: String| Text::from(text.as_str());
                let on = |on: On| Interface {
                    name: text(on.name),
                    description: text(on.description),
                    filter: text(on.filter),
                    snap_len: on.snap_length,
                };
                let interfaces = interfaces.into_iter().map(on).collect();
                let (application, system, hardware) = (text(application), text(system), text(hardware));
                let recording = Recording { application, system, hardware, interfaces };
                Told::Given(Box::new(CaptureInfo { name: text(name), format, sha256, bytes, link_types, recording }))
            }
            Self::Mark { time_ns, text, .. } => {
                Told::Mark(Marker { time: Timestamp(time_ns), text: Text::from(text.as_str()) })
            }
            Self::Owner { frame, transport, from, to, process } => Told::Owner {
                frame: FrameNo(frame),
                transport: if transport == TransportKind::Tcp.token() {
                    TransportKind::Tcp
                } else {
                    TransportKind::Udp
                },
                from: end(from),
                to: end(to),
                watched: process.watched,
                owner: process.owner(),
            },
            Self::Scope { time_ns, client, .. } => {
                Told::Scope { time: Timestamp(time_ns), client: Text::from(client.as_str()) }
            }
            Self::Program { process } => Told::Program { watched: process.watched, owner: process.owner() },
            Self::Tick { time_ns } => Told::Tick(Timestamp(time_ns)),
            Self::ClockSet { time_ns, by_ns } => {
                Told::Incident(Timestamp(time_ns), Incident::ClockSet { nanos: by_ns })
            }
            Self::Slept { time_ns, for_ns } => Told::Incident(Timestamp(time_ns), Incident::Slept { nanos: for_ns }),
            Self::InterfaceGone { time_ns } => Told::Incident(Timestamp(time_ns), Incident::InterfaceGone),
            Self::WayNotCaptured { time_ns } => Told::Incident(Timestamp(time_ns), Incident::WayNotCaptured),
            Self::Notice { time_ns, grave, text, .. } => {
                Told::Notice { time: Timestamp(time_ns), grave, text: Text::from(text.as_str()) }
            }
        }
    }
}

/// Writes the journal.
#[derive(Debug)]
pub(super) struct Journal<W> {
    out: W,
    line: Vec<u8>,
    pub(super) written: u64,
}

impl<W: Write> Journal<W> {
    pub(super) fn new(out: W, header: &Header) -> io::Result<Self> {
        let mut journal = Self { out, line: Vec::new(), written: 0 };
        journal.line(header)?;
        Ok(journal)
    }

    pub(super) fn add(&mut self, after: FrameNo, told: &Told) -> io::Result<()> {
        self.line(&Line { after: after.0, told: Wording::of(told) })
    }

    fn line(&mut self, value: &impl Serialize) -> io::Result<()> {
        self.line.clear();
        serde_json::to_writer(&mut self.line, value)?;
        self.line.push(b'\n');
        self.written += self.line.len() as u64;
        self.out.write_all(&self.line)
    }

    pub(super) const fn get_mut(&mut self) -> &mut W {
        &mut self.out
    }
}

/// Reads a journal, from the folder that it is in. A last line that is not whole, as after a loss of power, is left out.
///
/// # Errors
/// There is none, or a line of it cannot be read.
pub fn read_journal(folder: &Path) -> Result<(Header, Vec<Entry>), EvidenceError> {
    let path = folder.join(JOURNAL);
    let reading = |source| EvidenceError::Read { name: name(&path), source };
    let mut lines = BufReader::new(File::open(&path).map_err(reading)?);
    let (mut number, mut header, mut entries) = (0, None, Vec::new());
    loop {
        let mut line = Vec::new();
        let count = io::Read::take(&mut lines, MAX_LINE).read_until(b'\n', &mut line).map_err(reading)?;
        if count == 0 || line.last() != Some(&b'\n') && (count as u64) < MAX_LINE {
            break;
        }
        number += 1;
        let wrong = |error: serde_json::Error| EvidenceError::Journal {
            name: name(&path),
            line: number,
            reason: Text::from(error.to_string().as_str()),
        };
        if header.is_none() {
            let read: Header = serde_json::from_slice(&line).map_err(wrong)?;
            if read.version != VERSION {
                let reason = Text::from(format!("version {}", read.version).as_str());
                return Err(EvidenceError::Journal { name: name(&path), line: number, reason });
            }
            header = Some(read);
        } else {
            let Line { after, told } = serde_json::from_slice(&line).map_err(wrong)?;
            entries.push(Entry { after: FrameNo(after), told: told.told() });
        }
    }
    let empty = || EvidenceError::Journal { name: name(&path), line: 1, reason: Text::from("it is empty") };
    Ok((header.ok_or_else(empty)?, entries))
}

const PROCESS: &str = "process ";
const TOLD: &str = "told ";
const MARKER: &str = "marker ";

/// The comment of a frame that says whose its flow is.
#[must_use]
pub fn process_comment(owner: &Owner, watched: bool) -> Box<str> {
    format!("{PROCESS}{}", serde_json::to_string(&Process::of(owner, watched)).unwrap_or_default()).into()
}

/// The comment that is a marker.
pub(super) fn marker_comment(marker: &Marker) -> Box<str> {
    format!("{MARKER}{}: {}", marker.time, marker.text.exact()).into()
}

/// A statement of the journal as a comment.
pub(super) fn told_comment(told: &Told) -> Box<str> {
    format!("{TOLD}{}", serde_json::to_string(&Wording::of(told)).unwrap_or_default()).into()
}

/// What a comment in a file that this program wrote says.
#[derive(Debug, Clone, PartialEq)]
pub enum Comment {
    Mark(Marker),
    /// What the journal says too.
    Told(Told),
    /// Of the flow whose frame bears it.
    Process {
        owner: Owner,
        watched: bool,
    },
}

/// Reads a comment that this program wrote.
#[must_use]
pub fn read_comment(text: &str) -> Option<Comment> {
    if let Some(json) = text.strip_prefix(PROCESS) {
        let process: Process = serde_json::from_str(json).ok()?;
        let watched = process.watched;
        return Some(Comment::Process { owner: process.owner(), watched });
    }
    if let Some(json) = text.strip_prefix(TOLD) {
        return serde_json::from_str::<Wording>(json).ok().map(|wording| Comment::Told(wording.told()));
    }
    let (time, text) = text.strip_prefix(MARKER)?.split_once(": ")?;
    let nanos = time.parse::<jiff::Timestamp>().ok()?.as_nanosecond();
    Some(Comment::Mark(Marker { time: Timestamp(u64::try_from(nanos).ok()?), text: Text::from(text) }))
}
