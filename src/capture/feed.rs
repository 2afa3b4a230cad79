//! What a running capture is read from: an interface, a stream from elsewhere, a file at its own pace, frames made by this
//! program. Whoever drives it calls [`Feed::pump`] again and again and never waits longer than it said.

use super::error::CaptureError;
use super::file::{CaptureFile, Ending, Place, Step};
use super::note::{Captured, Note};
use crate::wire::{Direction, Frame, FrameNo, LinkType, Text, Timestamp};
use std::collections::VecDeque;
use std::fmt;
use std::fs::File;
use std::io::{self, Read};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

/// Records handed over in one go, so that whoever drives is asked often enough whether to go on.
const PER_PUMP: usize = 256;

/// Now, for what waits for a device or for its own pace; frames bring their own time.
#[expect(clippy::disallowed_methods, reason = "capturing is what happens now")]
pub(super) fn now() -> Instant {
    Instant::now()
}

/// Whether there will be more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pumped {
    More,
    Ended,
}

/// What a feed is, for reports.
#[derive(Debug, Clone, Default)]
pub struct FeedInfo {
    /// `eth0, wlan0`; a file's name; `standard input`.
    pub name: Text,
    /// `pcap`, `pcapng`, `live`, `generated`.
    pub format: &'static str,
    /// Link types met.
    pub links: Vec<LinkType>,
    /// Bytes read from a file.
    pub bytes: u64,
}

/// Where frames come from while the program watches.
pub trait Feed: Send + fmt::Debug {
    /// Hands over what is there, a bounded number of records, and waits at most about `wait` for the first.
    ///
    /// # Errors
    /// It gives nothing more. What was handed over before counts.
    fn pump(&mut self, wait: Duration, sink: &mut dyn FnMut(Captured<'_>)) -> Result<Pumped, CaptureError>;

    /// Whether it waits for its reader without losing anything. What comes from a network does not.
    fn is_patient(&self) -> bool;

    /// How a file ended.
    fn ending(&self) -> Option<&Ending> {
        None
    }

    /// Whether its frames keep the numbers under which they were captured.
    fn is_numbered(&self) -> bool {
        false
    }

    fn info(&self) -> FeedInfo;

    /// Nothing more is wanted: hands over its last counters.
    fn finish(&mut self, _: &mut dyn FnMut(Captured<'_>)) {}
}

/// How fast recorded frames come: as they were recorded times a factor, or as fast as they can be read.
#[derive(Debug, Clone, Copy)]
pub struct Pace {
    speed: f64,
    /// When the first frame came, here and there.
    origin: Option<(Instant, Timestamp)>,
}

impl Pace {
    /// `speed` 1 is real time; infinite is as fast as possible.
    #[must_use]
    pub const fn new(speed: f64) -> Self {
        Self { speed, origin: None }
    }

    /// How long it is until a frame of that time is due; nothing if it is.
    fn until(&mut self, time: Timestamp) -> Option<Duration> {
        if !self.speed.is_finite() {
            return None;
        }
        let (here, there) = *self.origin.get_or_insert_with(|| (now(), time));
        let after = Duration::try_from_secs_f64(time.since(there) as f64 / 1e9 / self.speed).unwrap_or(Duration::MAX);
        after.checked_sub(here.elapsed()).filter(|left| !left.is_zero())
    }
}

/// A capture file or a stream of one.
#[derive(Debug)]
pub struct Tape {
    name: Text,
    file: CaptureFile,
    pace: Pace,
    /// A frame that is not yet due.
    held: Option<Place>,
    /// For a stream: what says whether something is there to be read.
    gate: Option<Gate>,
}

impl Tape {
    /// A file, played at a pace.
    pub fn play(path: &Path, pace: Pace) -> Result<Self, CaptureError> {
        let file = CaptureFile::open(path, super::Digest::Skip)?;
        let name = path.file_name().unwrap_or(path.as_os_str()).as_encoded_bytes();
        Ok(Self { name: Text::from_wire(name), file, pace, held: None, gate: None })
    }

    /// A capture that is being written elsewhere: standard input (`-`) or a FIFO. Waits for its first bytes.
    pub fn follow(path: &Path) -> Result<Self, CaptureError> {
        let cannot = |error| CaptureError::opening(Text::from_wire(path.as_os_str().as_encoded_bytes()), error);
        let (name, stream) = if path.as_os_str() == "-" {
            (Text::from("standard input"), standard_input().map_err(cannot)?)
        } else {
            let name = path.file_name().unwrap_or(path.as_os_str()).as_encoded_bytes();
            (Text::from_wire(name), File::open(path).map_err(cannot)?)
        };
        let gate = Gate { stream: stream.try_clone().map_err(cannot)?, closed: Arc::new(AtomicBool::new(false)) };
        let reader = Gated { gate: Gate { stream, closed: Arc::clone(&gate.closed) } };
        let file = CaptureFile::from_reader(name.clone(), Box::new(reader), super::Digest::Skip)?;
        Ok(Self { name, file, pace: Pace::new(f64::INFINITY), held: None, gate: Some(gate) })
    }

    /// What makes the stream end; nothing for a file, which ends when it is no longer pumped.
    #[must_use]
    pub fn closer(&self) -> Option<Arc<AtomicBool>> {
        self.gate.as_ref().map(|gate| Arc::clone(&gate.closed))
    }
}

impl Feed for Tape {
    fn pump(&mut self, wait: Duration, sink: &mut dyn FnMut(Captured<'_>)) -> Result<Pumped, CaptureError> {
        for count in 0..PER_PUMP {
            let place = if let Some(place) = self.held.take() {
                place
            } else {
                if let Some(gate) = &self.gate
                    && !self.file.holds_bytes()
                    && !gate.is_open(if count == 0 { wait } else { Duration::ZERO })
                {
                    return Ok(Pumped::More);
                }
                match self.file.step()? {
                    None => return Ok(Pumped::Ended),
                    Some(Step::Note(note)) => {
                        sink(Captured::Note(note));
                        continue;
                    }
                    Some(Step::Frame(place)) => place,
                }
            };
            if let Some(left) = self.pace.until(place.time) {
                self.held = Some(place);
                if count == 0 {
                    thread::sleep(left.min(wait));
                }
                return Ok(Pumped::More);
            }
            let frame = self.file.frame(&place);
            sink(Captured::Frame { frame, interface: place.interface, direction: place.direction });
        }
        Ok(Pumped::More)
    }

    fn is_patient(&self) -> bool {
        self.gate.is_none()
    }

    fn ending(&self) -> Option<&Ending> {
        self.file.ending()
    }

    fn is_numbered(&self) -> bool {
        self.file.is_numbered()
    }

    fn info(&self) -> FeedInfo {
        let info = self.file.info();
        FeedInfo { name: self.name.clone(), format: info.format.token(), links: info.links, bytes: info.bytes }
    }
}

/// The descriptor itself: what the standard library has buffered of it nobody could wait for.
#[cfg(unix)]
fn standard_input() -> io::Result<File> {
    use std::os::fd::AsFd;
    Ok(File::from(io::stdin().as_fd().try_clone_to_owned()?))
}

#[cfg(not(unix))]
fn standard_input() -> io::Result<File> {
    Err(io::Error::new(io::ErrorKind::Unsupported, "a live stream cannot be read on this system"))
}

/// A stream, and whether to go on reading it.
#[derive(Debug)]
struct Gate {
    stream: File,
    closed: Arc<AtomicBool>,
}

impl Gate {
    /// Whether something can be read, or the end has come.
    fn is_open(&self, wait: Duration) -> bool {
        self.closed.load(Ordering::Relaxed) || readable(&self.stream, wait)
    }
}

/// Ends when it is told to, also while nothing comes.
#[derive(Debug)]
struct Gated {
    gate: Gate,
}

impl Read for Gated {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while !self.gate.is_open(Duration::from_millis(100)) {}
        if self.gate.closed.load(Ordering::Relaxed) { Ok(0) } else { self.gate.stream.read(buffer) }
    }
}

#[cfg(all(feature = "live", target_os = "linux"))]
fn readable(stream: &File, wait: Duration) -> bool {
    use rustix::event::{PollFd, PollFlags, poll};
    let mut wanted = [PollFd::new(stream, PollFlags::IN)];
    let wait = rustix::time::Timespec::try_from(wait).ok();
    // What cannot be waited for is read, and says there what is wrong with it.
    !matches!(poll(&mut wanted, wait.as_ref()), Ok(0) | Err(rustix::io::Errno::INTR))
}

/// Nobody can be asked: reading waits.
#[cfg(not(all(feature = "live", target_os = "linux")))]
fn readable(_: &File, _: Duration) -> bool {
    true
}

/// Frames in memory, with what is to be noted at certain times.
#[derive(Debug)]
pub struct Reel {
    name: Text,
    link: LinkType,
    frames: VecDeque<(Timestamp, Vec<u8>)>,
    remarks: VecDeque<(Timestamp, Text)>,
    pace: Pace,
    number: u64,
    bytes: u64,
}

impl Reel {
    /// Both lists in order of time.
    pub fn new(
        name: Text,
        link: LinkType,
        frames: impl IntoIterator<Item = (Timestamp, Vec<u8>)>,
        remarks: impl IntoIterator<Item = (Timestamp, Text)>,
        pace: Pace,
    ) -> Self {
        let (frames, remarks) = (frames.into_iter().collect(), remarks.into_iter().collect());
        Self { name, link, frames, remarks, pace, number: 0, bytes: 0 }
    }
}

impl Feed for Reel {
    fn pump(&mut self, wait: Duration, sink: &mut dyn FnMut(Captured<'_>)) -> Result<Pumped, CaptureError> {
        if self.number == 0 {
            sink(Captured::Note(Note::interface(0, self.link)));
        }
        for count in 0..PER_PUMP {
            let frame = self.frames.front().map(|(time, _)| *time);
            let remark = self.remarks.front().map(|(time, _)| *time);
            let Some(time) = frame.into_iter().chain(remark).min() else { return Ok(Pumped::Ended) };
            if let Some(left) = self.pace.until(time) {
                if count == 0 {
                    thread::sleep(left.min(wait));
                }
                return Ok(Pumped::More);
            }
            if remark == Some(time) {
                if let Some((time, text)) = self.remarks.pop_front() {
                    sink(Captured::Note(Note::Comment { about: super::About::Time(time), text }));
                }
            } else if let Some((time, bytes)) = self.frames.pop_front() {
                self.number += 1;
                self.bytes += bytes.len() as u64;
                let original_len = bytes.len() as u32;
                let frame = Frame { number: FrameNo(self.number), time, link: self.link, original_len, bytes: &bytes };
                sink(Captured::Frame { frame, interface: 0, direction: Direction::Unknown });
            }
        }
        Ok(Pumped::More)
    }

    fn is_patient(&self) -> bool {
        true
    }

    fn info(&self) -> FeedInfo {
        FeedInfo { name: self.name.clone(), format: "generated", links: vec![self.link], bytes: self.bytes }
    }
}
