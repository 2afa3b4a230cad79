//! How the run itself is doing: filled by the wiring, drawn by the dashboard, told by the line of a run without a picture.

use crate::wire::{Text, Timestamp};
use std::sync::Arc;

/// Everything about the run that is not in what was captured. Cheap to clone; made anew a few times per second.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Health {
    /// Where the frames come from: `eth0, wlan0`, a file's name, `generated call`.
    pub source: Text,
    pub kind: SourceKind,
    pub capture: CaptureState,
    /// The time of the picture: the clock of the machine for a live capture, else the time reached in the source.
    pub now: Timestamp,
    /// When the capture began, on the same clock.
    pub started: Timestamp,
    pub books: Books,
    pub scope: Scope,
    /// What can be chosen as the client while it runs.
    pub choice: Choice,
    pub clock: Clock,
    pub saving: Option<Saving>,
    /// What the program gave up after it had opened everything, in words: `capabilities`, `new sockets` ...
    pub dropped_rights: Vec<Box<str>>,
    /// What happened to the run, oldest first: interface down and up, clock steps, a stage that ended; bounded.
    pub notices: Vec<Notice>,
    /// Every stage has ended: nothing more is taken in, and no marker can be set.
    pub over: bool,
    /// Every file is closed too, and the bundle sealed where one is made: a picture that was asked to quit may go.
    pub closed: bool,
    /// What is being closed, once the run is to end.
    pub closing: Closing,
    /// What can be noted down to recognise the bundle; only once it is sealed.
    pub seal: Option<Seal>,
}

/// The steps in which a run that keeps evidence ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Closing {
    /// The stages work off what they have.
    #[default]
    Files,
    /// The report is made from what was saved.
    Report,
    /// Every file is hashed.
    Seal,
}

#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub enum SourceKind {
    #[default]
    Live,
    /// A file at its own pace times `speed`; infinite is as fast as it can be read.
    Replay { speed: f64 },
    /// Nobody recorded it: the generated call.
    Generated,
}

/// What the capture is doing. A dead capture must not look like a quiet network.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum CaptureState {
    #[default]
    Starting,
    /// Frames come.
    Running,
    /// It is up, but no frame came since then.
    Silent { since: Timestamp },
    /// It gives nothing, and nobody knows whether it will again: interface gone, read error. `why` is one line with the cure.
    Dead { since: Timestamp, why: Box<str> },
    /// Nothing more will come, as it should be: end of the file, time over, stopped by the user.
    Ended { at: Timestamp },
}

impl CaptureState {
    #[must_use]
    pub const fn token(&self) -> &'static str {
        match self {
            Self::Starting => "starting",
            Self::Running => "running",
            Self::Silent { .. } => "silent",
            Self::Dead { .. } => "dead",
            Self::Ended { .. } => "ended",
        }
    }
}

/// What became of the frames, each number written by the one stage that knows it. Whole run, in frames.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Books {
    /// Dropped before the kernel's filter saw them, and dropped because the kernel's ring was full.
    pub interface_dropped: u64,
    pub kernel_dropped: u64,
    /// Handed to this program, and their bytes on the wire.
    pub delivered: u64,
    pub delivered_bytes: u64,
    /// Of those: read by the engine; passed by, because analysis was behind. The rest waits.
    pub analyzed: u64,
    pub not_analyzed: u64,
    /// Of the delivered: written as evidence; lost to it, because writing was behind. Both 0 where nothing is saved.
    pub saved: u64,
    pub not_saved: u64,
}

impl Books {
    /// Frames that no stage has: gone before this program got them.
    #[must_use]
    pub const fn lost_before(&self) -> u64 {
        self.interface_dropped.saturating_add(self.kernel_dropped)
    }

    /// Every frame that some stage did not get.
    #[must_use]
    pub const fn lost(&self) -> u64 {
        self.lost_before().saturating_add(self.not_analyzed).saturating_add(self.not_saved)
    }

    /// Delivered frames that wait for analysis.
    #[must_use]
    pub const fn waiting(&self) -> u64 {
        self.delivered.saturating_sub(self.analyzed).saturating_sub(self.not_analyzed)
    }

    /// Whether every delivered frame is accounted for; only at the end must it be.
    #[must_use]
    pub const fn balanced(&self, saving: bool) -> bool {
        self.delivered == self.analyzed.saturating_add(self.not_analyzed)
            && (!saving || self.delivered == self.saved.saturating_add(self.not_saved))
    }
}

/// Whose traffic is told; all else is one line without names.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Scope {
    pub of: ScopeOf,
    /// Since when, if it was chosen while the capture ran. Flows from before are judged by it too, if their program is known.
    pub since: Option<Timestamp>,
    /// Flows, packets and bytes that were set aside because they are not the client's.
    pub outside: Outside,
    /// Flows of which it is not known whose they are: told, and marked.
    pub unknown_flows: u64,
}

#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum ScopeOf {
    /// Everything captured.
    #[default]
    Everything,
    /// One device: its address.
    Device(Text),
    /// The programs of this name, or with these process ids, with what they started.
    Client(Text),
    /// The client alone is in the network namespace that is captured.
    Namespace(Text),
}

/// Whether a client can be chosen while the capture runs.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Choice {
    /// Nobody tells here whose flows they are, or they are all the client's.
    #[default]
    No,
    Yes {
        /// Conference clients that run on this machine, oldest first; `None` until somebody has looked.
        clients: Option<Arc<[Client]>>,
    },
}

/// A conference client that runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Client {
    pub pid: u32,
    /// Its short name.
    pub name: Text,
    pub started: Option<Timestamp>,
    /// Services whose profile names this program.
    pub services: Vec<Box<str>>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Outside {
    pub flows: u64,
    pub packets: u64,
    pub bytes: u64,
}

/// The clock that stamps the frames.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Clock {
    pub kept: Kept,
    /// Jumps against the monotonic clock, and the largest one, nanoseconds.
    pub steps: u32,
    pub largest_step: u64,
}

/// Whether somebody keeps the clock right, as far as can be told without asking over a network.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Kept {
    #[default]
    NotKnown,
    /// This program runs; whether it has reached a server is not known.
    By(Text),
    /// This program says that it reached a time server, last then.
    Synchronised(Text, Option<Timestamp>),
}

/// The evidence that is being written.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Saving {
    pub folder: Text,
    pub bytes: u64,
    pub files: u32,
    /// Bytes that may be used; 0 is no bound.
    pub quota: u64,
    /// Only headers are kept beyond the first so many bytes of each direction of a flow; `None` keeps everything.
    pub payload_kept: Option<u32>,
    /// The last time that everything up to it was known to be on the disk.
    pub durable_until: Timestamp,
    /// Why writing stopped, in one line with the cure.
    pub failed: Option<Box<str>>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Notice {
    pub time: Timestamp,
    /// Something is missing because of it.
    pub grave: bool,
    pub text: Text,
}

/// The sealed bundle.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Seal {
    pub folder: Text,
    /// SHA-512 of its tag manifest, in lower-case hexadecimal: it stands for the whole bundle.
    pub digest: Box<str>,
    pub frames: u64,
    pub files: u64,
    pub bytes: u64,
}
