//! The stages of a running capture, each a thread with one job: take frames in, analyze them, keep them.

use super::batch::{Batch, Missed, Piece, Pool};
use super::live::Notices;
use super::ring::{Into, OutOf, Ring, Taken};
use super::tables::Tables;
use super::told::{Listener, Saying, keep_note, phone_trailer, recorded, tell};
use crate::attribution::Owner;
use crate::capture::{About, CaptureError, Captured, Ending, Feed, FeedInfo, Note, Pumped};
use crate::engine::view::{LossView, Marker, Recording};
use crate::engine::{Engine, Event, Input, Knowledge, Snapshot};
use crate::evidence::{EvidenceError, Pick, Store, Told};
use crate::flow::FlowId;
use crate::report::Annex;
use crate::report::tables::{Dns, Facts, json_line};
use crate::wire::{End, FrameNo, Text, Timestamp, TransportKind};
use std::collections::{BTreeSet, HashSet, VecDeque};
use std::mem;
use std::net::IpAddr;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, TryRecvError, TrySendError};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// A batch that is not full goes on after so long.
const BATCH_AGE: Duration = Duration::from_millis(20);
/// Longest wait of the capture for a frame: so soon it notices that it is to stop.
const IDLE: Duration = Duration::from_millis(250);
/// What is kept goes to the system so often.
const FLUSH_EVERY: Duration = Duration::from_secs(1);
/// Time goes on without frames in steps of this.
const TICK_EVERY: Duration = Duration::from_secs(1);
/// A picture that takes longer, of some ten thousand flows, is made more and more seldom.
const HOLD_UP: Duration = Duration::from_millis(50);
/// However long it takes: whoever looks on wants to see something at last.
const LONGEST_PAUSE: Duration = Duration::from_secs(10);
/// Names that were handed on for the files; then some may be handed on again.
const MAX_NAMED: usize = 1 << 14;
/// Nanoseconds since its last frame in which a flow is taken to be open: so soon no other program gets its port.
const OPEN: u64 = 10_000_000_000;
/// Bytes that a small item is counted as.
const SMALL: usize = 512;

/// Now, for waiting.
#[expect(clippy::disallowed_methods, reason = "a running capture lives now")]
pub(super) fn now() -> Instant {
    Instant::now()
}

/// The wall clock, by which frames are stamped.
#[expect(clippy::disallowed_methods, reason = "a running capture lives now")]
pub(super) fn wall() -> Timestamp {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Timestamp(u64::try_from(since.as_nanos()).unwrap_or(u64::MAX))
}

/// Numbers that the stages write and anybody may read; each is written by one stage.
#[derive(Debug, Default)]
pub(super) struct Meters {
    pub(super) delivered: AtomicU64,
    pub(super) delivered_bytes: AtomicU64,
    pub(super) interface_dropped: AtomicU64,
    pub(super) kernel_dropped: AtomicU64,
    /// Passed by because the ring to the analysis was full; to the evidence.
    pub(super) missed_by_analysis: AtomicU64,
    pub(super) missed_by_evidence: AtomicU64,
    pub(super) analyzed: AtomicU64,
    pub(super) saved: AtomicU64,
    /// Refused by the store: quota, disk.
    pub(super) refused: AtomicU64,
    pub(super) saved_bytes: AtomicU64,
    pub(super) files: AtomicU64,
    pub(super) durable_until: AtomicU64,
    /// Time of the last frame, as it says; and when it came, on the wall clock.
    pub(super) reached: AtomicU64,
    pub(super) last_came: AtomicU64,
    /// Since when, and why, no interface gives anything.
    pub(super) dead: Mutex<Option<(Timestamp, Box<str>)>>,
}

impl Meters {
    pub(super) fn dead(&self) -> MutexGuard<'_, Option<(Timestamp, Box<str>)>> {
        self.dead.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

pub(super) fn add(meter: &AtomicU64, count: u64) {
    meter.fetch_add(count, Ordering::Relaxed);
}

pub(super) fn read(meter: &AtomicU64) -> u64 {
    meter.load(Ordering::Relaxed)
}

/// What goes from stage to stage.
#[derive(Debug)]
pub(super) enum Parcel {
    Batch(Arc<Batch>),
    /// The stage that gets this did not get that.
    Missed(Box<Missed>),
    /// The evidence did not get that; for the analysis to know.
    Unsaved(Box<Missed>),
    Told(FrameNo, Told),
    Name(IpAddr, Text),
    /// Put everything on the disk now.
    Sync,
}

/// How the capture ended.
#[derive(Debug)]
pub(super) struct Ended {
    pub(super) info: FeedInfo,
    pub(super) recording: Recording,
    /// One line: why it ended before it was told to, or that its file was not whole.
    pub(super) trouble: Option<String>,
}

/// The capture: numbers frames, packs them, and never waits for anybody unless its source can wait too.
pub(super) struct Intake {
    pub(super) feed: Box<dyn Feed>,
    pub(super) analysis: Into<Parcel>,
    pub(super) evidence: Option<Into<Parcel>>,
    pub(super) pool: Arc<Pool>,
    pub(super) meters: Arc<Meters>,
    pub(super) stop: Arc<AtomicBool>,
}

/// What the capture has in hand.
struct Packing<'a> {
    batch: Batch,
    begun: Option<Instant>,
    not_analyzed: Missed,
    not_saved: Missed,
    unsaved: Missed,
    /// Counters of each interface: dropped by the interface and by the system.
    dropped: Vec<[u64; 2]>,
    interfaces: u32,
    recording: Recording,
    gone: BTreeSet<u32>,
    patient: bool,
    intake: &'a Shared,
}

/// What [`Packing`] needs of the intake beside its feed.
struct Shared {
    analysis: Into<Parcel>,
    evidence: Option<Into<Parcel>>,
    pool: Arc<Pool>,
    meters: Arc<Meters>,
    stop: Arc<AtomicBool>,
}

impl Intake {
    pub(super) fn run(self) -> Ended {
        let Self { mut feed, analysis, evidence, pool, meters, stop } = self;
        let shared = Shared { analysis, evidence, pool, meters, stop };
        let mut packing = Packing {
            batch: shared.pool.get(),
            begun: None,
            not_analyzed: Missed::default(),
            not_saved: Missed::default(),
            unsaved: Missed::default(),
            dropped: Vec::new(),
            interfaces: 0,
            recording: Recording::default(),
            gone: BTreeSet::new(),
            patient: feed.is_patient(),
            intake: &shared,
        };
        let mut trouble = None;
        while !shared.stop.load(Ordering::Relaxed) {
            let wait = packing.begun.map_or(IDLE, |begun| BATCH_AGE.saturating_sub(begun.elapsed()));
            match feed.pump(wait, &mut |captured| packing.take(captured)) {
                Ok(Pumped::More) => {}
                Ok(Pumped::Ended) => break,
                Err(error) => {
                    trouble = Some(error);
                    break;
                }
            }
            packing.hand_on_if_old();
        }
        feed.finish(&mut |captured| packing.take(captured));
        let told_to = shared.stop.load(Ordering::Relaxed);
        let trouble = match (trouble, feed.ending()) {
            // Its interface has told so itself.
            (Some(error @ CaptureError::Gone { .. }), _) => Some(error.to_string()),
            (Some(error), _) => Some(packing.gone(error.to_string())),
            (None, Some(ending)) if !told_to && *ending != Ending::Complete => {
                let name = feed.info().name;
                Some(packing.gone(format!("{name}: {ending}")))
            }
            _ => None,
        };
        let recording = mem::take(&mut packing.recording);
        packing.finish();
        Ended { info: feed.info(), recording, trouble }
    }
}

impl Packing<'_> {
    fn take(&mut self, captured: Captured<'_>) {
        let meters = &self.intake.meters;
        if let Captured::Note(note) = &captured {
            recorded(note, &mut self.recording);
        }
        match &captured {
            Captured::Frame { frame, .. } => meters.reached.store(frame.time.0, Ordering::Relaxed),
            Captured::Note(Note::Statistics { interface, dropped_by_interface, dropped_by_system, .. }) => {
                let at = *interface as usize;
                if at < 4_096 {
                    self.dropped.resize(self.dropped.len().max(at + 1), [0; 2]);
                }
                if let Some(slot) = self.dropped.get_mut(at) {
                    *slot = [dropped_by_interface.unwrap_or(0), dropped_by_system.unwrap_or(0)];
                }
                let [by_interface, by_system] = self.dropped.iter().fold([0; 2], |[a, b], [c, d]| [a + c, b + d]);
                meters.interface_dropped.store(by_interface, Ordering::Relaxed);
                meters.kernel_dropped.store(by_system, Ordering::Relaxed);
            }
            Captured::Note(Note::Interface { id, .. }) => self.interfaces = self.interfaces.max(id.saturating_add(1)),
            Captured::Note(Note::Gone { interface, why }) => {
                self.gone.insert(*interface);
                if self.gone.len() >= self.interfaces as usize {
                    *meters.dead() = Some((wall(), why.to_string().into()));
                }
            }
            Captured::Note(Note::Back { interface, .. }) => {
                self.gone.remove(interface);
                *meters.dead() = None;
            }
            Captured::Note(_) => {}
        }
        if self.batch.is_empty() {
            self.begun = Some(now());
        }
        self.batch.add(captured);
        if self.batch.is_full() {
            self.hand_on();
        }
    }

    fn gone(&mut self, why: String) -> String {
        self.take(Captured::Note(Note::Gone { interface: 0, why: Text::from(why.as_str()) }));
        why
    }

    fn hand_on_if_old(&mut self) {
        if self.begun.is_some_and(|begun| begun.elapsed() >= BATCH_AGE) {
            self.hand_on();
        }
    }

    /// Evidence first. What a stage has no room for is told to it in order.
    fn hand_on(&mut self) {
        let Shared { analysis, evidence, pool, meters, stop } = self.intake;
        self.begun = None;
        if self.batch.is_empty() {
            return;
        }
        let batch = Arc::new(mem::replace(&mut self.batch, pool.get()));
        let size = batch.size();
        if self.patient {
            let rings = evidence.iter().map(|ring| &ring.0).chain([&analysis.0]);
            for ring in rings {
                while !ring.has_room(size, IDLE) && !stop.load(Ordering::Relaxed) {}
            }
        }
        if batch.frames > 0 {
            meters.last_came.store(wall().0, Ordering::Relaxed);
        }
        add(&meters.delivered, batch.frames);
        add(&meters.delivered_bytes, batch.wire_bytes);
        if let Some(evidence) = evidence
            && !give(&evidence.0, &mut self.not_saved, &batch)
        {
            add(&meters.missed_by_evidence, batch.frames);
            self.unsaved.add(&batch);
            self.unsaved.notes.clear();
        }
        if !self.unsaved.is_empty() {
            let unsaved = Box::new(mem::take(&mut self.unsaved));
            if let Err(Parcel::Unsaved(back)) = analysis.0.insist(unsaved.size(), Parcel::Unsaved(unsaved)) {
                self.unsaved = *back;
            }
        }
        if !give(&analysis.0, &mut self.not_analyzed, &batch) {
            add(&meters.missed_by_analysis, batch.frames);
        }
        pool.give(batch);
    }

    /// The last batch, and everything that is still to be told.
    fn finish(mut self) {
        self.hand_on();
        let Shared { analysis, evidence, .. } = self.intake;
        let last = |ring: &Ring<Parcel>, missed: Missed, parcel: fn(Box<Missed>) -> Parcel| {
            if !missed.is_empty() {
                let mut left = parcel(Box::new(missed));
                // The stage works off what it has: there will be room, or nobody left.
                while let Err(back) = ring.insist(SMALL, left) {
                    left = back;
                    if !ring.has_room(SMALL, IDLE) {
                        continue;
                    }
                    if ring.is_abandoned() {
                        break;
                    }
                }
            }
        };
        if let Some(evidence) = evidence {
            last(&evidence.0, mem::take(&mut self.not_saved), Parcel::Missed);
        }
        last(&analysis.0, mem::take(&mut self.unsaved), Parcel::Unsaved);
        last(&analysis.0, mem::take(&mut self.not_analyzed), Parcel::Missed);
    }
}

/// Gives a batch to a stage, with what the stage missed before in front. If there is no room, it is missed too.
fn give(ring: &Ring<Parcel>, missed: &mut Missed, batch: &Arc<Batch>) -> bool {
    if !missed.is_empty() {
        // Both or none: a stage that takes one ticket for each frame it missed would fall further behind.
        if !ring.has_room(missed.size() + batch.size(), Duration::ZERO) {
            missed.add(batch);
            return false;
        }
        let ticket = Box::new(mem::take(missed));
        if let Err(Parcel::Missed(back)) = ring.offer(ticket.size(), Parcel::Missed(ticket)) {
            *missed = *back;
            missed.add(batch);
            return false;
        }
    }
    let given = ring.offer(batch.size(), Parcel::Batch(Arc::clone(batch))).is_ok();
    if !given {
        missed.add(batch);
    }
    given
}

/// What a machine is asked.
#[derive(Debug)]
#[cfg_attr(not(feature = "live"), expect(dead_code, reason = "only what knows this machine answers"))]
pub(super) enum Question {
    Flow(Asked),
    /// This process, by number and name, is the client from now on; `None`: everything is judged.
    #[cfg_attr(not(feature = "tui"), expect(dead_code, reason = "only the dashboard chooses"))]
    Choose(Option<(u32, Text)>),
    /// Whether somebody wants to know which clients run.
    #[cfg_attr(not(feature = "tui"), expect(dead_code, reason = "only the dashboard chooses"))]
    Clients(bool),
}

/// A flow whose program is asked for.
#[derive(Debug, Clone, Copy)]
pub(super) struct Asked {
    /// Once more, because it was not known before.
    #[cfg_attr(not(feature = "live"), expect(dead_code, reason = "only what knows this machine answers"))]
    pub(super) again: bool,
    pub(super) flow: FlowId,
    /// Its first frame.
    pub(super) frame: FrameNo,
    pub(super) transport: TransportKind,
    pub(super) from: End,
    pub(super) to: End,
}

/// What the analysis is told beside frames, while it runs.
#[derive(Debug)]
pub(super) enum Order {
    Mark(Text),
    /// Whose a flow is.
    #[cfg_attr(not(feature = "live"), expect(dead_code, reason = "only a machine tells"))]
    Owner(Asked, Owner, bool),
    Told(Told),
}

/// How the analysis runs.
pub(super) struct Analysis {
    pub(super) engine: Engine,
    pub(super) knowledge: Arc<Knowledge>,
    pub(super) frames: OutOf<Parcel>,
    pub(super) evidence: Option<Into<Parcel>>,
    pub(super) orders: Receiver<Order>,
    pub(super) asks: Option<SyncSender<Question>>,
    pub(super) pool: Arc<Pool>,
    pub(super) meters: Arc<Meters>,
    /// For what the capture itself tells.
    pub(super) notices: Notices,
    /// The capture runs by the wall clock; otherwise time is that of the frames.
    pub(super) live: bool,
    pub(super) device: Option<crate::engine::Device>,
    pub(super) pictures: Option<Pictures>,
    /// Lines of JSON for every answer and fact.
    pub(super) lines: Option<SyncSender<Vec<u8>>>,
    pub(super) lines_missed: Arc<AtomicU64>,
    pub(super) annex: Annex,
    pub(super) tables: Option<Tables>,
}

/// Pictures for whoever looks on.
pub(super) struct Pictures {
    pub(super) slot: Arc<PictureSlot>,
    pub(super) every: Duration,
    /// Pictures take at most one part in so many of the analysis's time.
    pub(super) share: u32,
    /// Rows of flows and hellos in a picture.
    pub(super) rows: usize,
}

type Show = Box<dyn Fn(Arc<Snapshot>) + Send + Sync>;

/// The latest picture.
#[derive(Default)]
pub(super) struct PictureSlot {
    latest: Mutex<Option<Arc<Snapshot>>>,
    show: Mutex<Option<Show>>,
}

impl PictureSlot {
    pub(super) fn put(&self, picture: Snapshot) {
        let picture = Arc::new(picture);
        if let Some(show) = self.show.lock().unwrap_or_else(PoisonError::into_inner).as_ref() {
            show(Arc::clone(&picture));
        }
        *self.latest.lock().unwrap_or_else(PoisonError::into_inner) = Some(picture);
    }

    pub(super) fn latest(&self) -> Option<Arc<Snapshot>> {
        self.latest.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Every picture is also handed on, from now on.
    pub(super) fn show(&self, show: Show) {
        *self.show.lock().unwrap_or_else(PoisonError::into_inner) = Some(show);
    }
}

/// The engine at the end, for the last picture.
pub(super) struct Analyzed {
    pub(super) engine: Engine,
    pub(super) annex: Annex,
    pub(super) tables: Option<Tables>,
}

struct Analyst {
    stage: Analysis,
    listener: Listener,
    last: Timestamp,
    after: FrameNo,
    named: HashSet<(IpAddr, Text)>,
    opened: Vec<(FlowId, TransportKind, End, End)>,
    /// What the evidence could not take.
    waiting: VecDeque<Parcel>,
    dirty: bool,
    line: Vec<u8>,
}

impl Analysis {
    pub(super) fn run(self) -> Analyzed {
        let listener = if self.live { Listener::running() } else { Listener::default() };
        let mut analyst = Analyst {
            stage: self,
            listener,
            last: Timestamp::ZERO,
            after: FrameNo(0),
            named: HashSet::new(),
            opened: Vec::new(),
            waiting: VecDeque::new(),
            dirty: true,
            line: Vec::new(),
        };
        analyst.run();
        Analyzed { engine: analyst.stage.engine, annex: analyst.stage.annex, tables: analyst.stage.tables }
    }
}

/// How long it is to the next picture, if one took so long: they take one part in `share` of the time, and less the longer each
/// holds up the frames.
fn pause(cost: Duration, every: Duration, share: u32) -> Duration {
    let long = u32::try_from(cost.as_millis() / HOLD_UP.as_millis()).unwrap_or(u32::MAX).max(1);
    every.max(cost.saturating_mul(share).saturating_mul(long)).min(LONGEST_PAUSE)
}

impl Analyst {
    fn run(&mut self) {
        let mut next_picture = now();
        let mut next_tick = now() + TICK_EVERY;
        loop {
            let mut wait = next_tick.saturating_duration_since(now());
            if self.dirty && self.stage.pictures.is_some() {
                wait = wait.min(next_picture.saturating_duration_since(now()));
            }
            match self.stage.frames.0.take(wait.min(IDLE)) {
                Taken::Item(parcel) => self.parcel(parcel),
                Taken::Nothing => {}
                Taken::Closed => break,
            }
            self.orders();
            self.retry();
            let time = now();
            if time >= next_tick {
                next_tick = time + TICK_EVERY;
                if self.stage.live {
                    // Frames that are on their way must not lie before it.
                    let passed = Timestamp(wall().0.saturating_sub(1_000_000_000));
                    self.stage.engine.ingest(Input::Tick(passed));
                    self.drain(None);
                    self.dirty = true;
                }
            }
            if self.dirty && time >= next_picture {
                next_picture = self.picture(time);
            }
        }
        self.orders();
        let Self { listener, last, .. } = self;
        let mut sayings = Vec::new();
        listener.end(*last, &mut |saying| sayings.push(saying));
        self.say(sayings);
        if self.stage.live {
            self.tell(Told::Tick(wall()));
        }
        self.stage.engine.end();
        self.drain(None);
        self.picture(now());
        while !self.waiting.is_empty() {
            self.retry();
            if let Some(evidence) = &self.stage.evidence {
                evidence.0.has_room(SMALL, IDLE);
                if evidence.0.is_abandoned() {
                    break;
                }
            }
        }
    }

    fn picture(&mut self, begun: Instant) -> Instant {
        self.dirty = false;
        let Some(pictures) = &self.stage.pictures else { return begun + IDLE };
        let picture = self.stage.engine.snapshot(&self.stage.knowledge, pictures.rows);
        pictures.slot.put(picture);
        now() + pause(begun.elapsed(), pictures.every, pictures.share)
    }

    fn parcel(&mut self, parcel: Parcel) {
        match parcel {
            Parcel::Batch(batch) => {
                for piece in batch.pieces() {
                    match piece {
                        Piece::Frame { frame, interface, .. } => {
                            (self.last, self.after) = (frame.time, frame.number);
                            self.stage.engine.ingest(Input::Through(interface));
                            self.stage.engine.ingest(Input::Frame(frame));
                            self.drain(Some(&frame));
                        }
                        Piece::Note(note) => self.note(note),
                    }
                }
                self.dirty |= batch.frames > 0;
                add(&self.stage.meters.analyzed, batch.frames);
                self.stage.pool.give(batch);
            }
            Parcel::Missed(missed) => {
                if missed.frames > 0 {
                    (self.last, self.after) = (missed.until, missed.last);
                    let kept = self.stage.evidence.is_some();
                    self.tell(Told::Loss {
                        loss: loss("analysis", "passed by, because analysis was behind", &missed),
                        kept,
                    });
                }
                for note in &missed.notes {
                    self.note(note);
                }
            }
            Parcel::Unsaved(missed) => {
                self.tell(Told::Loss {
                    loss: loss("evidence", "not saved, because writing was behind", &missed),
                    kept: false,
                });
            }
            Parcel::Told(..) | Parcel::Name(..) | Parcel::Sync => {}
        }
    }

    fn note(&mut self, note: &Note) {
        if let Note::Comment { about: About::Time(time), .. } = note {
            self.last = self.last.max(*time);
        }
        let mut sayings = Vec::new();
        let happened =
            matches!(note, Note::Gone { .. } | Note::Back { .. } | Note::Uncaptured { .. }) && self.stage.live;
        let time = if happened { wall() } else { self.last };
        self.listener.note(note, time, &mut |saying| sayings.push(saying));
        if let Some(header) = self.listener.take_header() {
            if let Some(kept) = header.payload_kept {
                self.stage.engine.ingest(Input::Minimised { kept, whole: header.whole });
            }
            if let Some(first) = &header.copy_of {
                self.stage.engine.ingest(Input::CopyOf(first.as_str().into()));
            }
            let device = self.stage.device.or_else(|| header.device.as_deref().and_then(|text| text.parse().ok()));
            self.stage.engine.ingest(Input::Scope { device, watched_only: header.watched_only });
        }
        self.say(sayings);
    }

    fn say(&mut self, sayings: Vec<Saying>) {
        for saying in sayings {
            match saying {
                Saying::Told(told) => {
                    if let Told::Notice { time, grave, text } = &told {
                        self.stage.notices.add(*time, *grave, text.exact());
                    }
                    self.tell(told);
                }
                saying @ (Saying::Owner { .. } | Saying::Through(_)) => saying.tell(&mut self.stage.engine),
            }
        }
    }

    /// Tells the engine and the journal.
    fn tell(&mut self, told: Told) {
        tell(&told, &mut self.stage.engine);
        self.dirty = true;
        self.keep(Parcel::Told(self.after, told));
    }

    fn keep(&mut self, parcel: Parcel) {
        if self.stage.evidence.is_some() {
            self.waiting.push_back(parcel);
            self.retry();
        }
    }

    fn retry(&mut self) {
        let Some(evidence) = &self.stage.evidence else { return };
        while let Some(parcel) = self.waiting.pop_front() {
            if let Err(back) = evidence.0.insist(SMALL, parcel) {
                self.waiting.push_front(back);
                // Bounded by the flows and answers that a stretch of traffic can have while the disk hangs.
                self.waiting.truncate(MAX_NAMED);
                return;
            }
        }
    }

    fn orders(&mut self) {
        loop {
            match self.stage.orders.try_recv() {
                Ok(Order::Mark(text)) => {
                    let time = if self.stage.live { wall() } else { self.last };
                    self.tell(Told::Mark(Marker { time, text }));
                }
                Ok(Order::Owner(asked, owner, watched)) => self.owner(asked, owner, watched),
                Ok(Order::Told(told)) => {
                    let chosen = matches!(told, Told::Scope { .. });
                    self.tell(told);
                    if chosen {
                        self.ask_again();
                    }
                }
                Err(TryRecvError::Empty | TryRecvError::Disconnected) => return,
            }
        }
    }

    /// Asks once more for flows that go on and whose program nobody knew.
    fn ask_again(&mut self) {
        let Some(asks) = &self.stage.asks else { return };
        let since = Timestamp(wall().0.saturating_sub(OPEN));
        for (flow, frame, transport, from, to) in self.stage.engine.ownerless(since) {
            if asks.try_send(Question::Flow(Asked { again: true, flow, frame, transport, from, to })).is_err() {
                return;
            }
        }
    }

    fn owner(&mut self, asked: Asked, owner: Owner, watched: bool) {
        let Asked { flow, frame, transport, from, to, .. } = asked;
        self.stage.engine.ingest(Input::Owner { flow: Some(flow), owner: owner.clone(), watched });
        self.dirty = true;
        self.keep(Parcel::Told(self.after, Told::Owner { frame, transport, from, to, owner, watched }));
    }

    /// Takes the engine's events. `frame` is the one that caused them.
    fn drain(&mut self, frame: Option<&crate::wire::Frame<'_>>) {
        let mut names = Vec::new();
        while let Some(event) = self.stage.engine.poll() {
            if let Event::HandshakeRetired(row) = &event {
                self.stage.annex.handshake(row);
            }
            if let Some(tables) = &mut self.stage.tables {
                tables.event(&event);
            }
            if let Some(lines) = &self.stage.lines {
                self.line.clear();
                match &event {
                    Event::Answer(row) => json_line::<Dns>("dns", row, &mut self.line),
                    Event::Fact(row) => json_line::<Facts>("fact", row, &mut self.line),
                    _ => {}
                }
                if !self.line.is_empty()
                    && let Err(TrySendError::Full(_)) = lines.try_send(self.line.clone())
                {
                    add(&self.stage.lines_missed, 1);
                }
            }
            match event {
                Event::FlowOpened { flow, transport, from, to } => self.opened.push((flow, transport, from, to)),
                Event::Answer(row) if self.stage.evidence.is_some() => {
                    if let Some(address) = row.answer.address {
                        names.push((address, row.answer.query.clone()));
                    }
                }
                _ => {}
            }
        }
        for name in names {
            if self.named.len() >= MAX_NAMED {
                self.named.clear();
            }
            if self.named.insert(name.clone()) {
                self.keep(Parcel::Name(name.0, name.1));
            }
        }
        for (flow, transport, from, to) in mem::take(&mut self.opened) {
            let Some(frame) = frame else { continue };
            let asked = Asked { again: false, flow, frame: frame.number, transport, from, to };
            if let Some(owner) = phone_trailer(frame) {
                self.owner(asked, owner, false);
            } else if let Some(asks) = &self.stage.asks {
                // More than can be asked for at once stay unknown.
                let _ = asks.try_send(Question::Flow(asked));
            }
        }
    }
}

fn loss(stage: &str, kind: &str, missed: &Missed) -> LossView {
    LossView {
        stage: stage.into(),
        kind: kind.into(),
        frames: missed.frames,
        bytes: missed.bytes,
        from: missed.from,
        until: missed.until,
    }
}

/// Writes what is kept.
pub(super) struct Keeping {
    pub(super) store: Store,
    pub(super) parcels: OutOf<Parcel>,
    pub(super) pool: Arc<Pool>,
    pub(super) meters: Arc<Meters>,
    pub(super) live: bool,
    /// Why writing stopped, for whoever looks on.
    pub(super) failed: Arc<Mutex<Option<Box<str>>>>,
    pub(super) notices: Notices,
}

impl Keeping {
    /// Ends when nothing more will come; gives why not everything is in the files.
    pub(super) fn run(mut self) -> Result<(), EvidenceError> {
        let mut next_flush = now() + FLUSH_EVERY;
        let mut after = FrameNo(0);
        let mut reached = Timestamp::ZERO;
        let started = if self.live { wall() } else { Timestamp::ZERO };
        let mut refused = Missed::default();
        loop {
            match self.parcels.0.take(next_flush.saturating_duration_since(now())) {
                Taken::Item(Parcel::Batch(batch)) => {
                    let mut saved = 0;
                    for piece in batch.pieces() {
                        match piece {
                            Piece::Frame { frame, interface, direction } => {
                                if self.store.frame(&Pick { frame, interface, direction }) {
                                    saved += 1;
                                } else {
                                    if refused.frames == 0 {
                                        refused.from = frame.time;
                                    }
                                    refused.frames += 1;
                                    refused.bytes += u64::from(frame.original_len);
                                    refused.until = frame.time;
                                }
                                (after, reached) = (frame.number, frame.time);
                            }
                            Piece::Note(note) => keep_note(&mut self.store, note, started),
                        }
                    }
                    add(&self.meters.saved, saved);
                    add(&self.meters.refused, batch.frames - saved);
                    self.pool.give(batch);
                }
                Taken::Item(Parcel::Missed(missed)) => {
                    for (interface, frames) in &missed.by_interface {
                        self.store.lost(*interface, *frames);
                    }
                    for note in &missed.notes {
                        keep_note(&mut self.store, note, started);
                    }
                }
                Taken::Item(Parcel::Told(after, told)) => self.store.told(after, &told),
                Taken::Item(Parcel::Name(address, name)) => self.store.name(address, name),
                Taken::Item(Parcel::Sync) => {
                    let time = self.time(reached);
                    self.store.sync(time);
                    self.meters.durable_until.store(time.0, Ordering::Relaxed);
                }
                Taken::Item(Parcel::Unsaved(_)) | Taken::Nothing => {}
                Taken::Closed => break,
            }
            if now() >= next_flush {
                next_flush = now() + FLUSH_EVERY;
                self.store.flush(self.time(reached));
                self.report();
            }
        }
        if refused.frames > 0 {
            let loss = loss("evidence", "not saved, because there was no more room", &refused);
            self.store.told(after, &Told::Loss { loss, kept: false });
        }
        self.report();
        let time = self.time(reached);
        let (closed, result) = self.store.close(time);
        self.meters.saved_bytes.store(closed.bytes, Ordering::Relaxed);
        self.meters.durable_until.store(time.0, Ordering::Relaxed);
        result
    }

    fn time(&self, reached: Timestamp) -> Timestamp {
        if self.live { wall() } else { reached }
    }

    fn report(&self) {
        self.meters.saved_bytes.store(self.store.bytes(), Ordering::Relaxed);
        self.meters.files.store(self.store.files() as u64, Ordering::Relaxed);
        if let Some(failure) = self.store.failure() {
            let mut failed = self.failed.lock().unwrap_or_else(PoisonError::into_inner);
            if failed.is_none() {
                self.notices.add(wall(), true, &failure.to_string());
                *failed = Some(failure.to_string().into());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pictures_that_take_long_are_made_seldom() {
        let every = Duration::from_millis(250);
        let after = |millis| pause(Duration::from_millis(millis), every, 10).as_millis();
        assert_eq!([1, 25, 30, 60].map(after), [250, 250, 300, 600], "one part in ten");
        assert_eq!([100, 200].map(after), [2_000, 8_000], "one part in twenty, in forty");
        assert_eq!(after(100_000), 10_000);
        assert_eq!(pause(Duration::MAX, every, 50), LONGEST_PAUSE);
    }
}
