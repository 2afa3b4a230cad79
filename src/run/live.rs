//! The arrangement of a running capture: which thread does what, what lies between them, and how it ends.
//!
//! ```text
//! feed → zh-capture ─┬─ ring ─→ zh-analysis ─→ pictures, lines
//!                    │             │  ↑ whose flow it is: zh-host
//!                    └─ ring ─→ zh-evidence ─→ files
//! ```
//!
//! When it gets tight, pictures go first (the analysis spends a bounded part of its time on them), then analysis (it is
//! passed by and told so; the evidence has the frames), then evidence. Every frame that a stage did not get is counted by the
//! stage that could not give it, and told to all others; at the end the books must balance.

use super::batch::Pool;
use super::ring::{Into as In, OutOf, Ring};
#[cfg(feature = "live")]
use super::stage::Asked;
use super::stage::{
    Analysis, Analyzed, Ended, Intake, Keeping, Meters, Order, Parcel, PictureSlot, Pictures, Question, now, read, wall,
};
use super::tables::Tables;
use crate::capture::Feed;
#[cfg(feature = "live")]
use crate::engine::health::Kept;
use crate::engine::health::{
    Books, CaptureState, Choice, Client, Clock, Health, Notice, Outside, Saving, Scope, ScopeOf, SourceKind,
};
#[cfg(feature = "live")]
use crate::engine::view::Incident;
use crate::engine::view::Marker;
use crate::engine::{Config, Device, Engine, Input, Knowledge, Snapshot};
use crate::evidence::{EvidenceError, Header, Store, StoreOptions, Told};
use crate::wire::{Text, Timestamp};
use anyhow::{Context, Result};
use std::collections::VecDeque;
use std::fmt;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, Sender, SyncSender, channel, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

/// Bytes that may wait for a stage.
pub const RING: usize = 32 << 20;
/// Flows that may wait for an answer whose they are.
const MAX_ASKED: usize = 4_096;
/// Notices kept.
const MAX_NOTICES: usize = 256;
/// Nanoseconds without a frame after which a capture is told to be silent.
const SILENT: u64 = 10_000_000_000;
/// How long stages may take to end. Longer than a disk that is slow, shorter than nobody waits.
pub(super) const PATIENCE: Duration = Duration::from_secs(30);

/// Where and how evidence is kept.
#[derive(Debug, Clone)]
pub struct Save {
    pub folder: PathBuf,
    /// Bytes kept of each direction of a flow; `None` keeps everything.
    pub payload: Option<u32>,
    /// Bytes of one file, and of all; 0 is no bound.
    pub segment: u64,
    pub quota: u64,
}

/// Somebody who knows whose flows are whose, and what happens to the machine. Runs in a thread of its own until it is told to
/// stop.
pub type Machine = Box<dyn FnOnce(Desk) + Send>;

/// Where a [`Machine`] sits: questions come in, answers go out.
#[derive(Debug)]
#[cfg_attr(not(feature = "live"), expect(dead_code, reason = "only what knows this machine sits there"))]
pub struct Desk {
    pub(super) asked: Receiver<Question>,
    /// Flows of which it could not be told whose they are.
    pub(super) unknown: Arc<AtomicU64>,
    orders: Sender<Order>,
    notices: Notices,
    clock: Arc<Mutex<Clock>>,
    chosen: Arc<Mutex<Chosen>>,
}

/// What can change of the scope while the capture runs, and what there is to choose from.
#[derive(Debug, Default)]
struct Chosen {
    scope: Option<(ScopeOf, Timestamp)>,
    clients: Option<Arc<[Client]>>,
}

/// How often pictures are made.
#[derive(Debug, Clone, Copy)]
pub struct Rate {
    pub every: Duration,
    /// They take at most one part in so many of the analysis's time.
    pub share: u32,
    /// Rows of flows and hellos in each.
    pub rows: usize,
}

/// What is to be watched, and how.
pub struct Plan {
    pub feed: Box<dyn Feed>,
    pub kind: SourceKind,
    /// What ends a stream from elsewhere.
    pub closer: Option<Arc<AtomicBool>>,
    pub knowledge: Arc<Knowledge>,
    pub device: Option<Device>,
    pub watched_only: bool,
    pub scope: ScopeOf,
    pub save: Option<Save>,
    /// Folder for the tables, and whether to overwrite some: only where nothing is saved, from which they could be made.
    pub tables: Option<(PathBuf, bool)>,
    pub machine: Option<Machine>,
    pub pictures: Option<Rate>,
    /// Takes a line of JSON for every answer and fact.
    pub lines: Option<SyncSender<Vec<u8>>>,
    /// Bytes that may wait for each stage.
    pub ring: usize,
    /// Gives up, once everything is open, what is no longer needed. For the whole process and for good.
    pub confine: Option<Confine>,
    pub prepare: Option<Prepare>,
}

/// Makes files of its own once rights are given up and before the program bars itself.
pub type Prepare = Box<dyn FnOnce() -> Result<()> + Send>;

/// What stays allowed.
#[derive(Debug, Clone)]
pub struct Confine {
    /// Look-ups were asked for: sockets stay allowed.
    pub talks: bool,
    /// A folder that stays writable beside those of the plan.
    pub folder: Option<PathBuf>,
}

impl fmt::Debug for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Plan").field("feed", &self.feed).field("save", &self.save).finish_non_exhaustive()
    }
}

/// What happened, for whoever looks on; the oldest is forgotten first.
#[derive(Debug, Clone, Default)]
pub(super) struct Notices(Arc<Mutex<VecDeque<Notice>>>);

impl Notices {
    pub(super) fn add(&self, time: Timestamp, grave: bool, text: &str) {
        let mut notices = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if notices.len() >= MAX_NOTICES {
            notices.pop_front();
        }
        notices.push_back(Notice { time, grave, text: Text::from(text) });
    }

    fn all(&self) -> Vec<Notice> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).iter().cloned().collect()
    }
}

/// A running capture.
pub struct Session {
    capture: Running<Ended>,
    analysis: Running<Analyzed>,
    evidence: Option<Running<Result<(), EvidenceError>>>,
    machine: Option<JoinHandle<()>>,
    stop: Arc<AtomicBool>,
    closer: Option<Arc<AtomicBool>>,
    orders: Sender<Order>,
    keeping: Option<Arc<Ring<Parcel>>>,
    meters: Arc<Meters>,
    slot: Arc<PictureSlot>,
    notices: Notices,
    failed: Arc<Mutex<Option<Box<str>>>>,
    lines_missed: Arc<AtomicU64>,
    unknown: Arc<AtomicU64>,
    clock: Arc<Mutex<Clock>>,
    chosen: Arc<Mutex<Chosen>>,
    /// To the machine; it ends when nobody asks any more.
    questions: Option<SyncSender<Question>>,
    facts: Facts,
}

/// What does not change while it runs.
struct Facts {
    source: Text,
    kind: SourceKind,
    live: bool,
    started: Timestamp,
    scope: ScopeOf,
    save: Option<Save>,
    dropped_rights: Vec<Box<str>>,
}

impl fmt::Debug for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Session").field("source", &self.facts.source).finish_non_exhaustive()
    }
}

/// A stage, and what it left.
pub(super) struct Running<T> {
    name: &'static str,
    thread: Option<JoinHandle<T>>,
    pub(super) left: Option<T>,
    /// It broke down.
    pub(super) broken: bool,
}

impl<T: Send + 'static> Running<T> {
    pub(super) fn start(name: &'static str, run: impl FnOnce() -> T + Send + 'static) -> Result<Self> {
        let thread = thread::Builder::new().name(name.into()).spawn(run);
        let thread = Some(thread.with_context(|| format!("cannot start the thread {name}; too many run already"))?);
        Ok(Self { name, thread, left: None, broken: false })
    }

    /// Whether it has ended.
    pub(super) fn is_over(&mut self) -> bool {
        if self.thread.as_ref().is_some_and(JoinHandle::is_finished) {
            match self.thread.take().map(JoinHandle::join) {
                Some(Ok(left)) => self.left = Some(left),
                _ => self.broken = true,
            }
        }
        self.thread.is_none()
    }
}

/// What a capture left behind.
pub(super) struct Finished {
    pub(super) ended: Option<Ended>,
    pub(super) analyzed: Option<Analyzed>,
    pub(super) kept: Option<Result<(), EvidenceError>>,
    /// What went wrong, a line each.
    pub(super) complaints: Vec<String>,
}

impl Session {
    /// Gives up the rights that opening took, makes the files, bars itself from everything else, and starts the threads.
    ///
    /// # Errors
    /// The folder for the evidence or the tables cannot be made.
    pub fn start(plan: Plan) -> Result<Self> {
        let live = plan.kind == SourceKind::Live;
        let info = plan.feed.info();
        let (unknown, clock) = (Arc::<AtomicU64>::default(), Arc::<Mutex<Clock>>::default());
        let chosen = Arc::<Mutex<Chosen>>::default();
        let (orders, to_analysis) = channel();
        let (asks, asked) = sync_channel(MAX_ASKED);
        let notices = Notices::default();
        let has_machine = plan.machine.is_some();
        let start_machine = |machine: Machine| {
            let (orders, notices) = (orders.clone(), notices.clone());
            let (unknown, clock, chosen) = (Arc::clone(&unknown), Arc::clone(&clock), Arc::clone(&chosen));
            let desk = Desk { asked, unknown, orders, notices, clock, chosen };
            let started = thread::Builder::new().name("zh-host".into()).spawn(move || machine(desk));
            started.context("cannot start the thread zh-host; too many run already")
        };
        let mut dropped_rights = Vec::new();
        let machine = if plan.confine.is_some() && is_nobody_but_the_superuser() {
            // Without the superuser's rights nobody may look into the superuser's own processes, and there is no other user
            // to become: this one thread keeps them, behind bars of its own.
            let machine = plan.machine.map(start_machine).transpose()?;
            if machine.is_some() {
                dropped_rights.push("the thread that asks whose flows they are keeps its rights".into());
            }
            give_up(Step::Leave, &mut dropped_rights);
            machine
        } else {
            if plan.confine.is_some() {
                give_up(Step::Leave, &mut dropped_rights);
            }
            plan.machine.map(start_machine).transpose()?
        };
        if let Some(prepare) = plan.prepare {
            prepare()?;
        }
        let header = Header {
            source: info.name.exact().into(),
            payload_kept: plan.save.as_ref().and_then(|save| save.payload),
            watched_only: plan.watched_only,
            device: plan.device.map(|device| device.to_string()),
            ..Header::new()
        };
        let store = plan.save.as_ref().map(|save| {
            let options = StoreOptions {
                system: std::env::consts::OS.into(),
                hardware: std::env::consts::ARCH.into(),
                segment: save.segment,
                quota: save.quota,
                ..StoreOptions::new(header.clone())
            };
            Store::create(&save.folder, options)
        });
        let store = store.transpose()?;
        let tables = plan.tables.as_ref().filter(|_| store.is_none());
        let tables = tables.map(|(folder, overwrite)| Tables::create(folder, *overwrite)).transpose()?;

        let mut engine = Engine::new(&Config {
            device: plan.device,
            ask_owners: true,
            watched_only: plan.watched_only,
            turning_days: plan.knowledge.book.turning_days(),
            ..Config::default()
        });
        if let Some(kept) = header.payload_kept {
            engine.ingest(Input::Minimised { kept, whole: header.whole });
        }
        if store.is_none() {
            for (time, text) in plan.knowledge.audit.iter().flat_map(|audit| &audit.markers) {
                engine.ingest(Input::Mark(Marker { time: *time, text: text.clone() }));
            }
        }
        let (meters, pool, slot) = (Arc::<Meters>::default(), Arc::<Pool>::default(), Arc::<PictureSlot>::default());
        let stop = Arc::new(AtomicBool::new(false));
        let failed = Arc::<Mutex<Option<Box<str>>>>::default();
        let lines_missed = Arc::<AtomicU64>::default();
        let frames = Arc::new(Ring::new(plan.ring, 1));
        // The capture puts frames in, the analysis what it was told.
        let keeping = store.as_ref().map(|_| Arc::new(Ring::new(plan.ring, 2)));

        // The machine's thread has bars of its own; from here on, these hold for all others.
        if let Some(Confine { talks, folder, .. }) = plan.confine {
            let folders: Vec<_> = plan
                .save
                .iter()
                .map(|save| &save.folder)
                .chain(plan.tables.iter().map(|(folder, _)| folder))
                .chain(&folder)
                .collect();
            for folder in &folders {
                std::fs::create_dir_all(folder)
                    .with_context(|| format!("cannot create the folder {}", folder.display()))?;
            }
            give_up(Step::Confine { folders: &folders, talks }, &mut dropped_rights);
        }
        let evidence = match (store, &keeping) {
            (Some(store), Some(ring)) => {
                let keeping = Keeping {
                    store,
                    parcels: OutOf(Arc::clone(ring)),
                    pool: Arc::clone(&pool),
                    meters: Arc::clone(&meters),
                    live,
                    failed: Arc::clone(&failed),
                    notices: notices.clone(),
                };
                Some(Running::start("zh-evidence", move || keeping.run())?)
            }
            _ => None,
        };
        let analysis = Analysis {
            engine,
            knowledge: plan.knowledge,
            frames: OutOf(Arc::clone(&frames)),
            evidence: keeping.clone().map(In),
            orders: to_analysis,
            asks: has_machine.then(|| asks.clone()),
            pool: Arc::clone(&pool),
            meters: Arc::clone(&meters),
            notices: notices.clone(),
            live,
            device: plan.device,
            pictures: plan.pictures.map(|rate| Pictures {
                slot: Arc::clone(&slot),
                every: rate.every,
                share: rate.share,
                rows: rate.rows,
            }),
            lines: plan.lines,
            lines_missed: Arc::clone(&lines_missed),
            annex: crate::report::Annex::default(),
            tables,
        };
        let analysis = Running::start("zh-analysis", move || analysis.run())?;
        let intake = Intake {
            feed: plan.feed,
            analysis: In(frames),
            evidence: keeping.clone().map(In),
            pool,
            meters: Arc::clone(&meters),
            stop: Arc::clone(&stop),
        };
        let capture = Running::start("zh-capture", move || intake.run())?;
        if live && !dropped_rights.is_empty() {
            let text = Text::from(format!("rights given up: {}", dropped_rights.join("; ")).as_str());
            let _ = orders.send(Order::Told(Told::Notice { time: wall(), grave: false, text }));
        }
        Ok(Self {
            capture,
            analysis,
            evidence,
            machine,
            stop,
            closer: plan.closer,
            orders,
            keeping,
            meters,
            slot,
            notices,
            failed,
            lines_missed,
            unknown,
            clock,
            chosen,
            questions: has_machine.then_some(asks),
            facts: Facts {
                source: info.name,
                kind: plan.kind,
                live,
                started: if live { wall() } else { Timestamp::ZERO },
                scope: plan.scope,
                save: plan.save,
                dropped_rights,
            },
        })
    }

    /// Sets a marker now.
    pub fn mark(&self, text: Text) {
        let _ = self.orders.send(Order::Mark(text));
    }

    /// From now on this process, by number and name, is the client, with what it starts; without one everything is judged.
    /// The machine answers in its own time.
    #[cfg(feature = "tui")]
    pub(super) fn choose(&self, client: Option<(u32, Text)>) {
        self.ask(Question::Choose(client));
    }

    /// Whether somebody wants to know which clients run.
    #[cfg(feature = "tui")]
    pub(super) fn list_clients(&self, wanted: bool) {
        self.ask(Question::Clients(wanted));
    }

    #[cfg(feature = "tui")]
    fn ask(&self, question: Question) {
        let asked = self.questions.as_ref().map(|machine| machine.try_send(question));
        if let Some(Err(_)) = asked {
            self.notices.add(wall(), false, "too many flows are being looked up: nothing was chosen; choose again");
        }
    }

    /// Puts everything on the disk now.
    pub fn sync(&self) {
        if let Some(ring) = &self.keeping {
            let _ = ring.insist(64, Parcel::Sync);
        }
    }

    /// No more frames are taken in. The stages work off what they have.
    pub fn stop(&self) {
        self.stop.store(true, Ordering::Relaxed);
        if let Some(closer) = &self.closer {
            closer.store(true, Ordering::Relaxed);
        }
    }

    /// The latest picture.
    #[must_use]
    pub fn picture(&self) -> Option<Arc<Snapshot>> {
        self.slot.latest()
    }

    /// Every picture is handed on from now on.
    pub fn show(&self, show: impl Fn(Arc<Snapshot>) + Send + Sync + 'static) {
        self.slot.show(Box::new(show));
    }

    /// Lines of JSON that nobody took in time.
    #[must_use]
    pub fn lines_missed(&self) -> u64 {
        read(&self.lines_missed)
    }

    /// Whether all stages have ended. Looks after them: one that ended before its time is told at once.
    pub fn is_over(&mut self) -> bool {
        let capture = self.capture.is_over();
        let told = [self.analysis.broken, self.evidence.as_ref().is_some_and(|e| e.broken), self.capture.broken];
        let analysis = self.analysis.is_over();
        let evidence = self.evidence.as_mut().is_none_or(Running::is_over);
        let broken = [
            (self.analysis.broken && !told[0], self.analysis.name),
            (self.evidence.as_ref().is_some_and(|e| e.broken) && !told[1], "zh-evidence"),
            (self.capture.broken && !told[2], self.capture.name),
        ];
        for (_, name) in broken.into_iter().filter(|(broken, _)| *broken) {
            self.notices.add(wall(), true, &format!("the stage {name} broke down: what comes after it is missing"));
        }
        capture && analysis && evidence
    }

    /// Whether the capture itself has ended.
    pub fn has_ended(&mut self) -> bool {
        self.capture.is_over()
    }

    /// How the run is doing.
    #[must_use]
    pub fn health(&self) -> Health {
        let meters = &self.meters;
        let facts = &self.facts;
        let (came, reached) = (Timestamp(read(&meters.last_came)), Timestamp(read(&meters.reached)));
        let time = if facts.live { wall() } else { reached };
        let dead = meters.dead().clone().filter(|_| self.capture.thread.is_some());
        let dead = dead.map(|(since, why)| CaptureState::Dead { since, why });
        let capture = match (&self.capture.left, self.capture.thread.is_some()) {
            _ if self.capture.broken => {
                CaptureState::Dead { since: time, why: "the capture broke down; start again".into() }
            }
            (Some(Ended { trouble: Some(why), .. }), _) => CaptureState::Dead { since: came, why: why.as_str().into() },
            (Some(_), _) | (None, false) => CaptureState::Ended { at: time },
            (None, true) if read(&meters.delivered) == 0 => CaptureState::Starting,
            (None, true) if facts.live && time.since(came) > SILENT => CaptureState::Silent { since: came },
            (None, true) => CaptureState::Running,
        };
        let failed = self.failed.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let saving = facts.save.as_ref().map(|save| Saving {
            folder: Text::from_wire(save.folder.as_os_str().as_encoded_bytes()),
            bytes: read(&meters.saved_bytes),
            files: u32::try_from(read(&meters.files)).unwrap_or(u32::MAX),
            quota: save.quota,
            payload_kept: save.payload,
            durable_until: Timestamp(read(&meters.durable_until)),
            failed: failed.or_else(|| {
                self.evidence.as_ref().is_some_and(|e| e.broken).then(|| "writing broke down; start again".into())
            }),
        });
        let chosen = self.chosen.lock().unwrap_or_else(PoisonError::into_inner);
        let choice = match (&facts.scope, &self.questions) {
            (ScopeOf::Namespace(_), _) | (_, None) => Choice::No,
            (_, Some(_)) => Choice::Yes { clients: chosen.clients.clone() },
        };
        let picture = self.slot.latest();
        let circumstances = picture.as_ref().map(|picture| &picture.summary.circumstances);
        let over = self.capture.thread.is_none()
            && self.analysis.thread.is_none()
            && self.evidence.as_ref().is_none_or(|e| e.thread.is_none());
        Health {
            source: facts.source.clone(),
            kind: facts.kind,
            capture: dead.unwrap_or(capture),
            now: time,
            started: facts.started,
            books: self.books(),
            scope: Scope {
                of: chosen.scope.as_ref().map_or_else(|| facts.scope.clone(), |(of, _)| of.clone()),
                since: chosen.scope.as_ref().map(|(_, since)| *since),
                outside: Outside { flows: circumstances.map_or(0, |c| c.foreign_flows), ..Outside::default() },
                unknown_flows: read(&self.unknown),
            },
            choice,
            clock: self.clock.lock().unwrap_or_else(PoisonError::into_inner).clone(),
            saving,
            dropped_rights: facts.dropped_rights.clone(),
            notices: self.notices.all(),
            over,
            closed: over,
            ..Health::default()
        }
    }

    fn books(&self) -> Books {
        let meters = &self.meters;
        Books {
            interface_dropped: read(&meters.interface_dropped),
            kernel_dropped: read(&meters.kernel_dropped),
            delivered: read(&meters.delivered),
            delivered_bytes: read(&meters.delivered_bytes),
            analyzed: read(&meters.analyzed),
            not_analyzed: read(&meters.missed_by_analysis),
            saved: read(&meters.saved),
            not_saved: read(&meters.missed_by_evidence) + read(&meters.refused),
        }
    }

    /// Waits until all stages have ended, and checks their books.
    pub(super) fn finish(&mut self) -> Finished {
        self.stop();
        let begun = now();
        while !self.is_over() && begun.elapsed() < PATIENCE {
            thread::sleep(Duration::from_millis(5));
        }
        let mut complaints = Vec::new();
        // It ends when nobody has questions any more.
        self.questions = None;
        if let Some(machine) = self.machine.take().filter(|_| self.analysis.thread.is_none())
            && machine.join().is_err()
        {
            complaints.push("asking the machine whose traffic it is broke down; owners are missing".to_owned());
        }
        let mut check = |name: &str, running: bool, broken: bool| {
            if broken {
                complaints.push(format!("{name} broke down; what it should have done is missing"));
            } else if running {
                complaints.push(format!("{name} did not end within {} seconds and was left alone", PATIENCE.as_secs()));
            }
        };
        check("the capture", self.capture.thread.is_some(), self.capture.broken);
        check("the analysis", self.analysis.thread.is_some(), self.analysis.broken);
        if let Some(evidence) = &self.evidence {
            check("the evidence", evidence.thread.is_some(), evidence.broken);
        }
        let books = self.books();
        if let Some(trouble) = self.capture.left.as_ref().and_then(|ended| ended.trouble.clone()) {
            complaints.push(trouble);
        }
        if complaints.is_empty() && !books.balanced(self.evidence.is_some()) {
            complaints.push(format!("the books do not balance, which is a fault of this program: {books:?}"));
        }
        if let Some(Err(error)) = self.evidence.as_ref().and_then(|e| e.left.as_ref()) {
            complaints.push(format!("{error}; {} frames are not in the evidence", books.not_saved));
        }
        for notice in self.notices.all().into_iter().filter(|notice| notice.grave) {
            let text = notice.text.to_string();
            if !complaints.iter().any(|complaint| complaint.contains(&text)) {
                complaints.push(text);
            }
        }
        Finished {
            ended: self.capture.left.take(),
            analyzed: self.analysis.left.take(),
            kept: self.evidence.as_mut().and_then(|e| e.left.take()),
            complaints,
        }
    }
}

/// A step of giving up rights.
#[derive(Clone, Copy)]
enum Step<'a> {
    Leave,
    #[cfg_attr(not(feature = "live"), expect(dead_code, reason = "only what knows this machine gives something up"))]
    Confine {
        folders: &'a [&'a PathBuf],
        talks: bool,
    },
}

/// Whether this is the superuser, called by no other user.
#[cfg(all(feature = "live", target_os = "linux"))]
fn is_nobody_but_the_superuser() -> bool {
    let rights = crate::host::Rights::read();
    rights.uid == 0 && rights.invoker.is_none()
}

#[cfg(not(all(feature = "live", target_os = "linux")))]
fn is_nobody_but_the_superuser() -> bool {
    false
}

/// Takes a step and notes down, in words, what was given up and what could not be.
#[cfg(feature = "live")]
fn give_up(step: Step<'_>, noted: &mut Vec<Box<str>>) {
    use crate::host::{Role, Taken, confine, leave};
    let steps = match step {
        Step::Leave => leave(),
        Step::Confine { folders, talks } => {
            let folders: Vec<_> = folders.iter().map(|folder| folder.as_path()).collect();
            confine(Role::Rest, &folders, talks)
        }
    };
    noted.extend(steps.into_iter().map(|step| {
        let (word, detail) = match step.taken {
            Taken::Done(detail) => ("", detail),
            Taken::NotNeeded(detail) => ("not needed, ", detail),
            Taken::Partly(detail) => ("in part, ", detail),
            Taken::Not(detail) => ("NOT, ", detail),
        };
        format!("{}: {word}{detail}", step.measure.token()).into()
    }));
}

/// Built without what knows this machine.
#[cfg(not(feature = "live"))]
fn give_up(_: Step<'_>, _: &mut Vec<Box<str>>) {}

#[cfg(feature = "live")]
impl Desk {
    /// Tells whose a flow is.
    pub(super) fn answer(&self, asked: Asked, owner: crate::attribution::Owner, watched: bool) {
        let _ = self.orders.send(Order::Owner(asked, owner, watched));
    }

    /// Tells what happened to the machine.
    pub fn notice(&self, grave: bool, text: &str) {
        let time = wall();
        self.notices.add(time, grave, text);
        let _ = self.orders.send(Order::Told(Told::Notice { time, grave, text: Text::from(text) }));
    }

    /// Tells whose traffic is judged from now on: that of this client, or everybody's. `programs`: those told so far to which
    /// something else applies now.
    pub(super) fn scope(&self, client: Option<Text>, programs: Vec<(crate::attribution::Owner, bool)>) {
        let time = wall();
        for (owner, watched) in programs {
            let _ = self.orders.send(Order::Told(Told::Program { owner, watched }));
        }
        let of = client.clone().map_or(ScopeOf::Everything, ScopeOf::Client);
        let mut chosen = self.chosen.lock().unwrap_or_else(PoisonError::into_inner);
        chosen.scope = Some((of, time));
        drop(chosen);
        let _ = self.orders.send(Order::Told(Told::Scope { time, client: client.unwrap_or_default() }));
    }

    /// Tells which clients run.
    pub(super) fn clients(&self, clients: Vec<Client>) {
        self.chosen.lock().unwrap_or_else(PoisonError::into_inner).clients = Some(clients.into());
    }

    /// Tells that this machine has an address.
    pub(super) fn address(&self, address: std::net::IpAddr) {
        let _ = self.orders.send(Order::Told(Told::Local(address)));
    }

    /// Tells who keeps the clock.
    pub(super) fn clock_kept(&self, kept: Kept) {
        self.clock.lock().unwrap_or_else(PoisonError::into_inner).kept = kept;
    }

    /// Tells what the clocks did.
    pub fn jumped(&self, jump: &crate::host::Jump) {
        use crate::host::Jump;
        let (incident, text) = match *jump {
            Jump::Stepped { nanos } => {
                let mut clock = self.clock.lock().unwrap_or_else(PoisonError::into_inner);
                clock.steps = clock.steps.saturating_add(1);
                clock.largest_step = clock.largest_step.max(nanos.unsigned_abs());
                let seconds = nanos as f64 / 1e9;
                let text = format!("the clock was set by {seconds:+.3} s: times before and after it differ");
                (Incident::ClockSet { nanos }, text)
            }
            Jump::Suspended(slept) => {
                let nanos = u64::try_from(slept.as_nanos()).unwrap_or(u64::MAX);
                let seconds = slept.as_secs_f64();
                let text = format!("this machine slept for {seconds:.0} s: nothing was captured meanwhile");
                (Incident::Slept { nanos }, text)
            }
        };
        let _ = self.orders.send(Order::Told(Told::Incident(wall(), incident)));
        self.notice(false, &text);
    }
}
