//! The threads of a running capture: the same report as without them, and honest books when they cannot keep up.

#![allow(clippy::print_stderr, reason = "what is left out is said loudly")]
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test may stop where it stands")]

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;
use zollhund::capture::{CaptureError, CaptureFile, Captured, Digest, Feed, FeedInfo, Note, Pace, Pumped, Reel, Tape};
use zollhund::engine::Knowledge;
use zollhund::engine::health::{CaptureState, Health, ScopeOf, SourceKind};
use zollhund::engine::view::Summary;
use zollhund::evidence::{StoreOptions, Told, read_journal};
use zollhund::run::{Input, Job, Outcome, Plan, RING, Rate, Save, Session, Signals, Telling, Wanted, analyze, watch};
use zollhund::synth;
use zollhund::wire::{Direction, Frame, FrameNo, Timestamp};

fn knowledge() -> Arc<Knowledge> {
    Arc::new(zollhund::run::knowledge(&Wanted { service: Some("zoom"), ..Wanted::default() }).unwrap())
}

fn plan(feed: impl Feed + 'static, knowledge: Arc<Knowledge>) -> Plan {
    Plan {
        feed: Box::new(feed),
        kind: SourceKind::Replay { speed: f64::INFINITY },
        closer: None,
        knowledge,
        device: None,
        watched_only: false,
        scope: ScopeOf::Everything,
        save: None,
        tables: None,
        machine: None,
        pictures: None,
        lines: None,
        ring: RING,
        confine: None,
        prepare: None,
    }
}

fn save(folder: &Path, payload: Option<u32>) -> Save {
    Save { folder: folder.to_owned(), payload, segment: 1 << 30, quota: 0 }
}

fn offline(files: Vec<PathBuf>, knowledge: Arc<Knowledge>, output: Option<PathBuf>) -> Outcome {
    let job = Job { output, ..Job::new(Input::Files(files), knowledge) };
    analyze(&job).unwrap()
}

fn demo_file(folder: &Path) -> PathBuf {
    let call = synth::call(1);
    let path = folder.join("call.pcap");
    fs::write(&path, synth::pcap(call.link, call.frames())).unwrap();
    path
}

fn findings(summary: &Summary) -> Vec<String> {
    summary.findings.iter().map(|f| format!("{f:?}")).collect()
}

/// Every file of a folder and its bytes.
fn files(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    entries.map(|path| (path.file_name().unwrap().to_str().unwrap().to_owned(), fs::read(path).unwrap())).collect()
}

#[test]
fn through_the_threads_a_file_gives_the_same_tables_byte_for_byte() {
    let folder = tempfile::tempdir().unwrap();
    let (file, knowledge) = (demo_file(folder.path()), knowledge());
    let (one, two) = (folder.path().join("one"), folder.path().join("two"));
    let offline = offline(vec![file.clone()], Arc::clone(&knowledge), Some(one.clone()));
    let tape = Tape::play(&file, Pace::new(f64::INFINITY)).unwrap();
    // Pictures on the way must change nothing.
    let rate = Rate { every: Duration::ZERO, share: 1, rows: 50 };
    let plan = Plan { tables: Some((two.clone(), false)), pictures: Some(rate), ..plan(tape, knowledge) };
    let live = watch(plan, Telling::default(), &Signals::default()).unwrap();
    assert!(live.complaints.is_empty() && !live.incomplete, "{:?}", live.complaints);
    assert_eq!(findings(&offline.summary), findings(&live.summary));
    let (one, two) = (files(&one), files(&two));
    assert_eq!(one.keys().collect::<Vec<_>>(), two.keys().collect::<Vec<_>>());
    for (name, bytes) in &one {
        assert!(*bytes == two[name], "{name} differs");
    }
}

#[test]
fn every_capture_at_hand_gives_the_same_through_the_threads_and_from_its_evidence() {
    let shared = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/captures");
    let Ok(entries) = fs::read_dir(&shared) else {
        eprintln!("SKIPPED: {} is not there, so only generated traffic was compared", shared.display());
        return;
    };
    let mut captures: Vec<_> = entries.map(|entry| entry.unwrap().path()).collect();
    captures.retain(|p| p.extension().is_some_and(|e| e == "pcap" || e == "pcapng"));
    captures.retain(|p| fs::metadata(p).unwrap().len() < 100_000);
    captures.sort();
    let knowledge = knowledge();
    let folder = tempfile::tempdir().unwrap();
    // Every fourth: all kinds are among them.
    for (number, path) in captures.iter().enumerate().filter(|(number, _)| number % 4 == 0) {
        let Ok(tape) = Tape::play(path, Pace::new(f64::INFINITY)) else { continue };
        let direct = offline(vec![path.clone()], Arc::clone(&knowledge), None);
        let kept = folder.path().join(number.to_string());
        let saved = Plan { save: Some(save(&kept, None)), ..plan(tape, Arc::clone(&knowledge)) };
        let through = watch(saved, Telling::default(), &Signals::default()).unwrap();
        let name = path.display();
        let (one, two) = (&direct.summary, &through.summary);
        assert_eq!((one.up, one.down, one.flows), (two.up, two.down, two.flows), "{name}");
        assert_eq!(
            (one.circumstances.frames, one.circumstances.lost),
            (two.circumstances.frames, two.circumstances.lost),
            "{name}"
        );
        assert_eq!(findings(one), findings(two), "{name}");
        assert_eq!(one.markers, two.markers, "{name}");
    }
}

/// Frames of a call, all at once, and not before the other side of a gate has come.
#[derive(Debug)]
struct Flood {
    frames: Vec<(Timestamp, Vec<u8>)>,
    next: usize,
    /// What was sent when the gate is waited for.
    wait_at: usize,
    gate: Receiver<()>,
    done: Sender<()>,
}

impl Feed for Flood {
    fn pump(&mut self, _: Duration, sink: &mut dyn FnMut(Captured<'_>)) -> Result<Pumped, CaptureError> {
        if self.next == 0 {
            sink(Captured::Note(Note::interface(0, synth::frames::ETHERNET)));
        }
        if self.next == self.wait_at {
            self.gate.recv().unwrap();
        }
        let until = if self.next < self.wait_at { self.wait_at } else { self.frames.len() };
        while self.next < until {
            let (time, bytes) = &self.frames[self.next];
            self.next += 1;
            let (number, original_len) = (FrameNo(self.next as u64), bytes.len() as u32);
            let frame = Frame { number, time: *time, link: synth::frames::ETHERNET, original_len, bytes };
            sink(Captured::Frame { frame, interface: 0, direction: Direction::Unknown });
        }
        if self.next < self.frames.len() {
            return Ok(Pumped::More);
        }
        self.done.send(()).unwrap();
        Ok(Pumped::Ended)
    }

    fn is_patient(&self) -> bool {
        false
    }

    fn info(&self) -> FeedInfo {
        FeedInfo { name: "flood".into(), format: "generated", links: Vec::new(), bytes: 0 }
    }
}

fn over(session: &mut Session) -> Health {
    while !session.is_over() {
        thread::yield_now();
    }
    session.health()
}

#[test]
fn a_blocked_analysis_is_passed_by_and_every_frame_is_accounted_for() {
    let folder = tempfile::tempdir().unwrap();
    let kept = folder.path().join("kept");
    let frames: Vec<_> = synth::call(1).into_frames().collect();
    let all = frames.len() as u64;
    let knowledge = knowledge();
    let ((blocked, gate), (done, release)) = (channel(), channel());
    // One full batch makes a picture due; whoever takes pictures holds the analysis up until the flood is over.
    let feed = Flood { frames, next: 0, wait_at: 256, gate, done };
    let rate = Rate { every: Duration::ZERO, share: 0, rows: 0 };
    let plan = Plan {
        save: Some(save(&kept, Some(StoreOptions::PAYLOAD))),
        pictures: Some(rate),
        ring: 300_000,
        ..plan(feed, Arc::clone(&knowledge))
    };
    let release = Mutex::new(Some((blocked, release)));
    let mut session = Session::start(plan).unwrap();
    session.show(move |_| {
        if let Some((blocked, release)) = release.lock().unwrap().take() {
            blocked.send(()).unwrap();
            release.recv().unwrap();
        }
    });
    let health = over(&mut session);
    let books = health.books;
    assert!(health.closed && matches!(health.capture, CaptureState::Ended { .. }), "{health:?}");
    assert_eq!(books.delivered, all);
    assert!(books.balanced(true), "{books:?}");
    // The ring has room for some batches of 256 frames and no more.
    assert!(books.not_analyzed > all / 2, "{books:?}");
    let picture = session.picture().unwrap();
    assert!(
        picture.summary.circumstances.lost >= books.not_analyzed,
        "the dashboard says so: {:?}",
        picture.summary.losses
    );
    assert!(picture.summary.losses.iter().any(|l| &*l.stage == "analysis" && l.frames == books.not_analyzed));
    assert_eq!(picture.summary.circumstances.frames, books.analyzed);

    // What the evidence could not take either is missing there, with its numbers, and counted.
    let (_, entries) = read_journal(&kept).unwrap();
    let told: u64 = entries
        .iter()
        .filter_map(|e| if let Told::Loss { loss, kept: true } = &e.told { Some(loss.frames) } else { None })
        .sum();
    assert_eq!(told, books.not_analyzed);
    let mut file = CaptureFile::open(&kept.join("capture-00001.pcapng"), Digest::Skip).unwrap();
    let (mut numbers, mut dropped, mut counted) = (Vec::new(), 0, 0);
    while let Some(record) = file.next().unwrap() {
        match record {
            Captured::Frame { frame, .. } => numbers.push(frame.number.0),
            Captured::Note(Note::Dropped { frames, .. }) => dropped += frames,
            Captured::Note(Note::Statistics { dropped_by_system, .. }) => counted = dropped_by_system.unwrap_or(0),
            Captured::Note(_) => {}
        }
    }
    assert_eq!(numbers.len() as u64, books.saved);
    assert!(dropped <= books.not_saved);
    assert_eq!(counted, books.not_saved);
    // The report is made from the evidence: there the frames are that the running analysis passed by.
    let report = offline(vec![kept.clone()], Arc::clone(&knowledge), None);
    assert_eq!(report.summary.circumstances.frames, books.saved);
    assert_eq!(report.summary.circumstances.lost, books.not_saved);
    let of_file = offline(vec![kept.join("capture-00001.pcapng")], knowledge, None);
    assert_eq!(of_file.summary.circumstances.lost, books.not_saved);
}

#[test]
fn a_stage_that_breaks_down_is_told_and_costs_no_evidence() {
    let folder = tempfile::tempdir().unwrap();
    let call = synth::call(2);
    let (link, all) = (call.link, call.frames().len() as u64);
    let markers: Vec<_> = call.markers.iter().map(|(time, text)| (*time, (*text).into())).collect();
    let reel = Reel::new("generated call".into(), link, call.into_frames(), markers, Pace::new(f64::INFINITY));
    let rate = Rate { every: Duration::ZERO, share: 0, rows: 0 };
    let kept = folder.path().join("kept");
    let plan = Plan { save: Some(save(&kept, None)), pictures: Some(rate), ..plan(reel, knowledge()) };
    let mut session = Session::start(plan).unwrap();
    session.show(|_| panic!("as if the analysis broke down"));
    let health = over(&mut session);
    assert!(
        health.notices.iter().any(|n| n.grave && n.text.exact().contains("zh-analysis broke down")),
        "{:?}",
        health.notices
    );
    assert_eq!((health.books.delivered, health.books.saved), (all, all));
    assert_eq!(CaptureFile::open(&kept.join("capture-00001.pcapng"), Digest::Skip).map(count).unwrap(), all);
}

fn count(mut file: CaptureFile) -> u64 {
    while file.next().unwrap().is_some() {}
    file.info().frames
}

/// A source that gives out.
#[derive(Debug)]
struct Dying(Reel, u32);

impl Feed for Dying {
    fn pump(&mut self, wait: Duration, sink: &mut dyn FnMut(Captured<'_>)) -> Result<Pumped, CaptureError> {
        self.1 += 1;
        if self.1 > 3 {
            let (name, reason) = ("eth0".into(), "the interface disappeared".into());
            return Err(CaptureError::Gone { name, reason, cure: "start again" });
        }
        self.0.pump(wait, sink)
    }

    fn is_patient(&self) -> bool {
        false
    }

    fn info(&self) -> FeedInfo {
        self.0.info()
    }
}

#[test]
fn a_capture_that_dies_does_not_look_like_a_quiet_network() {
    let call = synth::call(1);
    let link = call.link;
    let reel = || Reel::new("eth0".into(), link, synth::call(1).into_frames(), [], Pace::new(f64::INFINITY));
    let mut session = Session::start(plan(Dying(reel(), 0), knowledge())).unwrap();
    let health = over(&mut session);
    let CaptureState::Dead { why, .. } = &health.capture else { panic!("{:?}", health.capture) };
    assert!(why.contains("eth0") && why.contains("disappeared"), "{why}");
    let outcome = watch(plan(Dying(reel(), 0), knowledge()), Telling::default(), &Signals::default()).unwrap();
    assert!(outcome.incomplete);
    assert!(outcome.complaints.iter().any(|c| c.contains("disappeared")), "{:?}", outcome.complaints);
    assert_eq!(outcome.summary.circumstances.frames, 3 * 256);
}

#[test]
fn markers_of_the_source_and_of_the_user_are_kept() {
    let folder = tempfile::tempdir().unwrap();
    let kept = folder.path().join("kept");
    let call = synth::call(1);
    let markers: Vec<_> = call.markers.iter().map(|(time, text)| (*time, (*text).into())).collect();
    let reel =
        Reel::new("generated call".into(), call.link, call.into_frames(), markers.clone(), Pace::new(f64::INFINITY));
    let plan = Plan { save: Some(save(&kept, Some(StoreOptions::PAYLOAD))), ..plan(reel, knowledge()) };
    let session = Session::start(plan).unwrap();
    session.mark("camera on".into());
    let mut session = session;
    over(&mut session);
    let report = offline(vec![kept], knowledge(), None);
    let texts: Vec<_> = report.summary.markers.iter().map(|m| m.text.clone()).collect();
    assert_eq!(texts.len(), markers.len() + 1);
    assert!(texts.contains(&"camera on".into()));
}

/// An interface that goes and comes.
#[derive(Debug)]
struct Leaving(Reel, u32);

impl Feed for Leaving {
    fn pump(&mut self, wait: Duration, sink: &mut dyn FnMut(Captured<'_>)) -> Result<Pumped, CaptureError> {
        self.1 += 1;
        match self.1 {
            3 => sink(Captured::Note(Note::Gone { interface: 0, why: "nothing is captured on eth0".into() })),
            5 => sink(Captured::Note(Note::Back { interface: 0, how: "the capture on eth0 goes on".into() })),
            _ => {}
        }
        self.0.pump(wait, sink)
    }

    fn is_patient(&self) -> bool {
        true
    }

    fn info(&self) -> FeedInfo {
        self.0.info()
    }
}

#[test]
#[cfg(feature = "live")]
fn what_happens_to_the_machine_is_told_by_journal_health_and_report_now_and_later() {
    use zollhund::host::Jump;
    let folder = tempfile::tempdir().unwrap();
    let (kept, knowledge) = (folder.path().join("kept"), knowledge());
    let reel =
        Reel::new("eth0".into(), synth::call(1).link, synth::call(1).into_frames(), [], Pace::new(f64::INFINITY));
    let plan = Plan {
        kind: SourceKind::Live,
        save: Some(save(&kept, None)),
        pictures: Some(Rate { every: Duration::ZERO, share: 0, rows: 0 }),
        machine: Some(Box::new(|desk| {
            desk.jumped(&Jump::Stepped { nanos: -3_600_000_000_000 });
            desk.jumped(&Jump::Stepped { nanos: 1_500_000_000 });
            desk.jumped(&Jump::Suspended(Duration::from_secs(90)));
        })),
        ..plan(Leaving(reel, 0), Arc::clone(&knowledge))
    };
    let mut session = Session::start(plan).unwrap();
    let health = over(&mut session);
    assert_eq!((health.clock.steps, health.clock.largest_step), (2, 3_600_000_000_000));
    let notices: Vec<_> = health.notices.iter().map(|n| (n.grave, n.text.exact())).collect();
    for (grave, wanted) in [
        (false, "the clock was set by -3600.000 s"),
        (false, "this machine slept for 90 s"),
        (true, "nothing is captured on eth0"),
        (false, "the capture on eth0 goes on"),
    ] {
        assert!(notices.iter().any(|(g, text)| *g == grave && text.starts_with(wanted)), "{wanted}: {notices:?}");
    }
    assert!(!matches!(health.capture, CaptureState::Dead { .. }), "it came back: {:?}", health.capture);
    let live = session.picture().unwrap();
    let later = offline(vec![kept.clone()], knowledge, None);
    assert!(later.incomplete);
    for summary in [&live.summary, &later.summary] {
        let told = summary.findings.iter().find(|f| f.code == "CAP-18").unwrap();
        for wanted in ["set (times: 2, by at most 3,600 s)", "slept for 90 s", "was gone (times: 1)"] {
            assert!(told.text.contains(wanted), "{wanted}: {}", told.text);
        }
    }
}
