//! The folder of a running capture: segments of pcapng and the journal. Made new and for their owner only, bounded by a
//! quota, handed to the system every second, on the disk when closed.

use super::error::EvidenceError;
use super::journal::{Header, JOURNAL, Journal, Told, marker_comment, process_comment, told_comment};
use super::pcapng::{Described, Kept, Section, Statistics, Writer};
use super::trim::Trim;
use crate::wire::{Direction, FlowKey, Frame, FrameNo, Text, Timestamp};
use rustc_hash::FxHashMap;
use std::collections::BTreeSet;
use std::fs::{self, File, OpenOptions};
use std::io::{self, BufWriter, Write};
use std::mem;
use std::net::IpAddr;
use std::path::{Path, PathBuf};

/// Bytes collected before the system gets them; after a second it gets what there is.
const BUFFER: usize = 256 * 1024;
/// Flows whose process is remembered; all are forgotten when there are more.
const MAX_PROCESSES: usize = 1 << 16;
/// Names that wait for the next minute.
const MAX_NAMES: usize = 1 << 16;
/// Statistics and names go into the file so often.
const STATISTICS_EVERY: u64 = 60_000_000_000;

/// How evidence is kept.
#[derive(Debug, Clone)]
pub struct StoreOptions {
    pub header: Header,
    /// Operating system and hardware, for the files' own description.
    pub system: Box<str>,
    pub hardware: Box<str>,
    /// A new segment begins when one has so many bytes.
    pub segment: u64,
    /// Bytes of all files together; 0 is no bound.
    pub quota: u64,
}

impl StoreOptions {
    /// Bytes kept of each direction of a flow, by default.
    pub const PAYLOAD: u32 = 16 * 1024;

    #[must_use]
    pub fn new(header: Header) -> Self {
        Self { header, system: Box::default(), hardware: Box::default(), segment: 1 << 30, quota: 0 }
    }
}

/// A frame, and what belongs to it in the files.
#[derive(Debug, Clone, Copy)]
pub struct Pick<'a> {
    pub frame: Frame<'a>,
    pub interface: u32,
    pub direction: Direction,
}

/// What was written, once it is closed.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Closed {
    /// The segments in order, then the journal.
    pub files: Vec<PathBuf>,
    pub frames: u64,
    pub bytes: u64,
}

#[derive(Debug, Default)]
struct Tapped {
    described: Option<Described>,
    counted: Statistics,
    /// What the segments before have told of `counted` and `lost`.
    base: (Statistics, u64),
    /// Lost since the frame before.
    pending: u64,
    /// Lost by this program.
    lost: u64,
    kept: u64,
}

#[derive(Debug)]
struct Process {
    pid: Option<u32>,
    comment: Box<str>,
    /// The segment that has the comment.
    said_in: usize,
}

/// Writes evidence. When writing fails, the first error is kept and everything after it is refused; what was written before
/// stays whole.
#[derive(Debug)]
pub struct Store {
    folder: PathBuf,
    options: StoreOptions,
    writer: Writer<BufWriter<File>>,
    journal: Journal<BufWriter<File>>,
    trim: Trim,
    segments: Vec<PathBuf>,
    interfaces: Vec<Tapped>,
    processes: FxHashMap<FlowKey, Process>,
    names: BTreeSet<(IpAddr, Text)>,
    /// Comments for the next block.
    comments: Vec<Box<str>>,
    /// Bytes of the segments that are closed.
    before: u64,
    frames: u64,
    last: FrameNo,
    next_statistics: Timestamp,
    failure: Option<EvidenceError>,
}

impl Store {
    /// Makes the folder and the first files in it.
    ///
    /// # Errors
    /// The files exist already or cannot be made.
    pub fn create(folder: &Path, options: StoreOptions) -> Result<Self, EvidenceError> {
        make_folder(folder).map_err(|error| EvidenceError::creating(folder, error))?;
        let path = folder.join(JOURNAL);
        let file = new_file(&path)?;
        // Without its first line nothing that follows can be read again: it does not wait for others.
        let begun = Journal::new(BufWriter::with_capacity(BUFFER, file), &options.header)
            .and_then(|mut journal| journal.get_mut().flush().map(|()| journal));
        let journal = begun.map_err(|error| EvidenceError::writing(&path, error))?;
        let (path, writer) = segment(folder, 1, &options)?;
        Ok(Self {
            folder: folder.to_owned(),
            trim: Trim::new(options.header.payload_kept),
            options,
            writer,
            journal,
            segments: vec![path],
            interfaces: Vec::new(),
            processes: FxHashMap::default(),
            names: BTreeSet::new(),
            comments: Vec::new(),
            before: 0,
            frames: 0,
            last: FrameNo(0),
            next_statistics: Timestamp::ZERO,
            failure: None,
        })
    }

    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Bytes in all files, written or about to be.
    pub const fn bytes(&self) -> u64 {
        self.before + self.writer.written() + self.journal.written
    }

    /// Frames written.
    pub const fn frames(&self) -> u64 {
        self.frames
    }

    pub fn files(&self) -> usize {
        self.segments.len() + 1
    }

    /// Why nothing more is written.
    pub const fn failure(&self) -> Option<&EvidenceError> {
        self.failure.as_ref()
    }

    /// An interface; its frames follow.
    pub fn interface(&mut self, id: u32, described: Described) {
        let at = id as usize;
        // Numbers in a capture file go up by one; whoever skips some is not followed.
        if at > self.interfaces.len() {
            return;
        }
        if at == self.interfaces.len() {
            self.interfaces.push(Tapped::default());
        } else if self.interfaces.get(at).is_some_and(|t| t.described.is_some()) {
            return;
        }
        self.attempt(|this| this.writer.interface(&described));
        if let Some(tapped) = self.interfaces.get_mut(at) {
            tapped.described = Some(described);
        }
    }

    /// Writes a frame, as much of it as is to be kept; `false` if it is not in the files.
    pub fn frame(&mut self, pick: &Pick<'_>) -> bool {
        let Pick { frame, interface, direction } = pick;
        if self.failure.is_some() {
            self.lost(*interface, 1);
            return false;
        }
        let mut id = *interface;
        if self.interfaces.get(id as usize).is_none_or(|t| t.described.as_ref().is_none_or(|d| d.link != frame.link)) {
            id = self.stand_in(frame);
        }
        let trimmed = self.trim.trim(frame);
        let segment = self.segments.len();
        let mut process = None;
        if let Some(known) = trimmed.flow.and_then(|flow| self.processes.get_mut(&flow)) {
            process = known.pid;
            if known.said_in != segment {
                known.said_in = segment;
                self.comments.push(known.comment.clone());
            }
        }
        let Some(tapped) = self.interfaces.get_mut(id as usize) else { return false };
        let kept = Kept {
            interface: id,
            time: frame.time,
            original_len: frame.original_len,
            bytes: frame.bytes.get(..trimmed.keep).unwrap_or(frame.bytes),
            id: frame.number.0,
            direction: *direction,
            dropped: mem::take(&mut tapped.pending),
            process,
            comments: &mem::take(&mut self.comments),
        };
        let done = self.attempt(|this| this.writer.frame(&kept));
        if !done {
            self.lost(id, 1);
            return false;
        }
        if let Some(tapped) = self.interfaces.get_mut(id as usize) {
            tapped.kept += 1;
        }
        self.frames += 1;
        self.last = frame.number;
        if self.writer.written() >= self.options.segment {
            self.rotate(frame.time);
        }
        self.check_quota();
        true
    }

    /// Frames of an interface that did not get here.
    pub fn lost(&mut self, interface: u32, frames: u64) {
        if let Some(tapped) = self.interfaces.get_mut(interface as usize) {
            tapped.pending += frames;
            tapped.lost += frames;
        }
    }

    /// Counters of an interface, as its capture tells them. What they say was dropped is noted with the next frame.
    pub fn counted(&mut self, interface: u32, counted: Statistics) {
        if let Some(tapped) = self.interfaces.get_mut(interface as usize) {
            let started = tapped.counted.started.max(counted.started);
            let dropped = |s: &Statistics| s.dropped_by_interface.unwrap_or(0) + s.dropped_by_system.unwrap_or(0);
            tapped.pending += dropped(&counted).saturating_sub(dropped(&tapped.counted));
            tapped.counted = Statistics { started, ..counted };
        }
    }

    /// Something that is no frame, and the frame that it followed.
    pub fn told(&mut self, after: FrameNo, told: &Told) {
        match told {
            Told::Mark(mark) => self.comments.push(marker_comment(mark)),
            Told::Scope { client, .. } => {
                self.options.header.watched_only = !client.is_empty();
                self.comments.push(told_comment(told));
            }
            Told::Program { owner, watched } => {
                let (before, now) = (process_comment(owner, !watched), process_comment(owner, *watched));
                for process in self.processes.values_mut().filter(|process| process.comment == before) {
                    process.comment.clone_from(&now);
                }
                self.comments.push(told_comment(told));
            }
            Told::Owner { transport, from, to, owner, watched, .. } => {
                if self.processes.len() >= MAX_PROCESSES {
                    self.processes.clear();
                }
                let comment = process_comment(owner, *watched);
                let pid = Some(owner.pid).filter(|pid| *pid != 0);
                self.processes.insert(FlowKey::new(*transport, *from, *to), Process { pid, comment, said_in: 0 });
            }
            _ => {}
        }
        self.attempt(|this| this.journal.add(after, told));
    }

    /// A name that was read for an address.
    pub fn name(&mut self, address: IpAddr, name: Text) {
        if self.names.len() < MAX_NAMES {
            self.names.insert((address, name));
        }
    }

    /// Hands everything to the system: from now on it outlives the program. Call it every second.
    pub fn flush(&mut self, now: Timestamp) {
        if !self.comments.is_empty() {
            // No frame came that could bear them.
            let comments = mem::take(&mut self.comments);
            self.statistics(now, &comments);
        } else if now >= self.next_statistics {
            self.statistics(now, &[]);
        }
        self.attempt(|this| {
            this.writer.get_mut().flush()?;
            this.journal.get_mut().flush()
        });
        self.check_quota();
    }

    /// Waits until everything is on the disk.
    pub fn sync(&mut self, now: Timestamp) {
        self.flush(now);
        self.attempt(|this| {
            this.writer.get_mut().get_ref().sync_data()?;
            this.journal.get_mut().get_ref().sync_data()
        });
    }

    /// Writes the last statistics and waits until everything is on the disk. Also after a failure what is there is whole.
    ///
    /// # Errors
    /// Not everything that was handed over is on the disk.
    pub fn close(mut self, now: Timestamp) -> (Closed, Result<(), EvidenceError>) {
        self.finish_segment(now);
        self.attempt(|this| {
            this.journal.get_mut().flush()?;
            this.journal.get_mut().get_ref().sync_all()
        });
        let folder = self.folder.clone();
        self.attempt(|_| sync_folder(&folder));
        let closed = Closed {
            bytes: self.bytes(),
            frames: self.frames,
            files: self.segments.into_iter().chain([self.folder.join(JOURNAL)]).collect(),
        };
        (closed, self.failure.map_or(Ok(()), Err))
    }

    /// An interface for frames of a link type that its own does not have.
    fn stand_in(&mut self, frame: &Frame<'_>) -> u32 {
        let known = self.interfaces.iter().position(|t| t.described.as_ref().is_some_and(|d| d.link == frame.link));
        let at = known.unwrap_or(self.interfaces.len());
        let described = Described::new(frame.link);
        self.interface(at as u32, described);
        at as u32
    }

    fn statistics(&mut self, now: Timestamp, comments: &[Box<str>]) {
        self.next_statistics = now.plus_nanos(STATISTICS_EVERY);
        let names: Vec<_> = mem::take(&mut self.names).into_iter().collect();
        let blocks: Vec<_> = (0..)
            .zip(&self.interfaces)
            .filter(|(_, tapped)| tapped.described.is_some())
            .map(|(id, tapped)| {
                let (counted, (base, lost)) = (&tapped.counted, &tapped.base);
                let here = |of: fn(&Statistics) -> Option<u64>| {
                    of(counted).map(|count| count.saturating_sub(of(base).unwrap_or(0)))
                };
                let (by_system, lost) = (here(|s| s.dropped_by_system), tapped.lost - lost);
                let counted = Statistics {
                    started: counted.started,
                    received: here(|s| s.received),
                    dropped_by_interface: here(|s| s.dropped_by_interface),
                    dropped_by_system: by_system.map_or(Some(lost).filter(|l| *l > 0), |s| Some(s + lost)),
                    delivered: Some(tapped.kept),
                };
                (id, counted)
            })
            .collect();
        self.attempt(|this| {
            this.writer.names(&names)?;
            for (id, counted) in &blocks {
                this.writer.statistics(*id, now, counted, if *id == 0 { comments } else { &[] })?;
            }
            Ok(())
        });
    }

    fn finish_segment(&mut self, now: Timestamp) {
        let comments = mem::take(&mut self.comments);
        self.statistics(now, &comments);
        self.attempt(|this| {
            this.writer.get_mut().flush()?;
            this.writer.get_mut().get_ref().sync_all()
        });
    }

    fn rotate(&mut self, now: Timestamp) {
        self.finish_segment(now);
        match segment(&self.folder, self.segments.len() + 1, &self.options) {
            Ok((path, writer)) => {
                self.before += mem::replace(&mut self.writer, writer).written();
                self.segments.push(path);
                let described: Vec<_> = self.interfaces.iter().filter_map(|t| t.described.clone()).collect();
                self.attempt(|this| described.iter().try_for_each(|d| this.writer.interface(d)));
                // The new file's counters begin with it, and its own losses: what was before is told by the one before.
                for tapped in &mut self.interfaces {
                    tapped.counted.started = now;
                    tapped.base = (tapped.counted, tapped.lost);
                    (tapped.kept, tapped.pending) = (0, 0);
                }
            }
            Err(error) => self.failure = Some(error),
        }
    }

    fn check_quota(&mut self) {
        let quota = self.options.quota;
        if quota > 0 && self.failure.is_none() && self.bytes() >= quota {
            // What fits is written whole first.
            self.attempt(|this| {
                this.writer.get_mut().flush()?;
                this.journal.get_mut().flush()
            });
            self.failure.get_or_insert(EvidenceError::Quota { quota });
        }
    }

    /// Does something with the files, unless they failed before.
    fn attempt(&mut self, act: impl FnOnce(&mut Self) -> io::Result<()>) -> bool {
        let quota = matches!(self.failure, Some(EvidenceError::Quota { .. }));
        // The last words fit beyond a quota: counters and the journal's end.
        if self.failure.is_some() && !quota {
            return false;
        }
        match act(self) {
            Ok(()) => true,
            Err(error) => {
                let at = self.segments.last().map_or(self.folder.as_path(), PathBuf::as_path);
                self.failure.get_or_insert(EvidenceError::writing(at, error));
                false
            }
        }
    }
}

fn segment(
    folder: &Path,
    number: usize,
    options: &StoreOptions,
) -> Result<(PathBuf, Writer<BufWriter<File>>), EvidenceError> {
    let path = folder.join(format!("capture-{number:05}.pcapng"));
    let section = Section {
        application: options.header.application.as_str().into(),
        system: options.system.clone(),
        hardware: options.hardware.clone(),
        comment: options.header.comment(),
    };
    let file = BufWriter::with_capacity(BUFFER, new_file(&path)?);
    let writer = Writer::new(file, &section).map_err(|error| EvidenceError::writing(&path, error))?;
    Ok((path, writer))
}

/// A file that did not exist, also not as a link; readable by its owner only: captures are personal data.
pub(super) fn new_file(path: &Path) -> Result<File, EvidenceError> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path).map_err(|error| EvidenceError::creating(path, error))
}

/// A folder for its owner only, and those above it that are missing.
///
/// # Errors
/// It cannot be made; one that is there already is no error.
pub fn make_folder(folder: &Path) -> io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(folder)
}

/// The files' names are on the disk too.
fn sync_folder(folder: &Path) -> io::Result<()> {
    if cfg!(unix) { File::open(folder)?.sync_all() } else { Ok(()) }
}
