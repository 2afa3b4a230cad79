//! Files, standard input or the generated call through the engine, in one thread and without queues: nothing can be lost.

use super::bundle::unwrapped;
use super::given::Recorder;
use super::knowledge::file_name;
use super::tables::{Fingerprint, Tables, new_file};
use super::told::{Listener, Saying, phone_trailer, recorded, tell};
use crate::attribution::Owner;
use crate::capture::{CaptureError, CaptureFile, Captured, Digest, Ending, Note};
use crate::decode::can_read;
use crate::dissect::fact::Fact;
use crate::engine::view::{CaptureInfo, EndpointView, FlowView, HandshakeView, LookUps, Marker, Recording, Summary};
use crate::engine::{self, Config, Device, Engine, Event, Knowledge, Rows, is_judged};
use crate::evidence::{Entry, Header, JOURNAL, Sealed, Told, read_journal};
use crate::policy::Lang;
use crate::report::Annex;
use crate::synth;
use crate::wire::{End, Frame, FrameNo, LinkType, Text, Timestamp, TransportKind};
use anyhow::{Context, Result, bail};
use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};
use std::fs;
use std::io::{self, Write};
use std::mem;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Where the frames come from.
#[derive(Debug, Clone)]
pub enum Input {
    /// Capture files in the order given, as parts of one capture; `-` is standard input. Or one bundle.
    Files(Vec<PathBuf>),
    /// The generated call.
    Demo { seed: u64 },
}

/// One analysis.
#[derive(Debug, Clone)]
pub struct Job {
    pub input: Input,
    /// The input is known to end before its end.
    pub cut_short: bool,
    pub knowledge: Arc<Knowledge>,
    /// Folder for the tables; none are written without it.
    pub output: Option<PathBuf>,
    pub overwrite: bool,
    pub device: Option<Device>,
    /// Compute the SHA-256 of the files while reading them; it takes longer than the reading.
    pub hash: bool,
    /// Also write the generated call here, as pcap.
    pub write_demo: Option<PathBuf>,
    /// Say findings and law in every language, as is always done for tables.
    pub translate: bool,
    /// Show progress on standard error.
    pub progress: bool,
    /// Who is asked for the names of addresses that have none in the capture; nobody without it.
    #[cfg(feature = "resolve")]
    pub resolve: Option<crate::resolve::Upstream>,
}

impl Job {
    /// The analysis of this, and nothing beside it: no tables, no hashes, nobody asked.
    #[must_use]
    pub fn new(input: Input, knowledge: impl Into<Arc<Knowledge>>) -> Self {
        Self {
            input,
            cut_short: false,
            knowledge: knowledge.into(),
            output: None,
            overwrite: false,
            device: None,
            hash: false,
            write_demo: None,
            translate: false,
            progress: false,
            #[cfg(feature = "resolve")]
            resolve: None,
        }
    }
}

/// What came of it.
#[derive(Debug)]
pub struct Outcome {
    pub summary: Summary,
    /// Rows that the page tells beside it.
    pub annex: Annex,
    /// Lines for standard error: what was wrong with the input.
    pub complaints: Vec<String>,
    /// The capture was not whole.
    pub incomplete: bool,
    /// The bundle around it, where one was made and sealed.
    pub sealed: Option<Sealed>,
    /// Of the tables, if they were not written.
    pub(super) fingerprint: Fingerprint,
}

/// Reads everything, writes the tables if asked, and returns the summary.
pub fn analyze(job: &Job) -> Result<Outcome> {
    read(job, Aside::default())?.finish(&job.knowledge, job.translate)
}

/// Reads everything only to know what the tables would be.
pub(super) fn compared(job: &Job) -> Result<Outcome> {
    read(job, Aside { compared: true, ..Aside::default() })?.finish(&job.knowledge, false)
}

/// Reads everything, writes down what is to be kept, and gives that with what the tables would be. With a survey if `seen`.
pub(super) fn record(job: &Job, recorder: Recorder, seen: bool) -> Result<(Outcome, Recorder, Option<Survey>)> {
    let (survey, recorder) = (seen.then(Survey::default), Some(recorder));
    let mut run = read(job, Aside { survey, recorder, compared: true })?;
    let mut survey = run.aside.survey.take();
    if let Some(survey) = &mut survey {
        run.engine.summary(&job.knowledge, survey);
        survey.flows.sort_by_key(|flow| flow.number);
    }
    let recorder = run.aside.recorder.take().context("nothing was written down")?;
    Ok((run.finish(&job.knowledge, false)?, recorder, survey))
}

/// Reads everything only to know what it is.
pub(super) fn survey(job: &Job) -> Result<Survey> {
    let mut run = read(job, Aside { survey: Some(Survey::default()), ..Aside::default() })?;
    let mut survey = run.aside.survey.take().unwrap_or_default();
    run.engine.summary(&job.knowledge, &mut survey);
    survey.flows.sort_by_key(|flow| flow.number);
    Ok(survey)
}

/// What goes along with a reading.
#[derive(Default)]
struct Aside {
    survey: Option<Survey>,
    recorder: Option<Recorder>,
    /// Tables are made only to be compared.
    compared: bool,
}

fn read(job: &Job, aside: Aside) -> Result<Run> {
    let mut files = Vec::new();
    match &job.input {
        Input::Files(given) => {
            files = match given.as_slice() {
                [bundle] => unwrapped(bundle)?,
                given => given.to_vec(),
            };
            files.iter().try_for_each(|path| try_opening(path))?;
        }
        Input::Demo { seed } => {
            if let Some(path) = &job.write_demo {
                write_demo(*seed, path)?;
            }
        }
    }
    #[cfg(feature = "resolve")]
    let asker = {
        use crate::resolve::{Asker, Bounds};
        job.resolve.as_ref().map(|upstream| Asker::new(upstream, Bounds::default())).transpose()?
    };
    let mut run = Run {
        engine: Engine::new(&Config {
            device: job.device,
            ask_owners: true,
            turning_days: job.knowledge.book.turning_days(),
            ..Config::default()
        }),
        device: job.device,
        journal: None,
        tables: match job.output.as_deref() {
            _ if aside.compared => Some(Tables::compared().context("cannot compare the tables")?),
            Some(folder) if aside.survey.is_none() => Some(Tables::create(folder, job.overwrite)?),
            _ => None,
        },
        annex: Annex::default(),
        captures: Vec::new(),
        kept: Vec::new(),
        complaints: Vec::new(),
        incomplete: false,
        frames: 0,
        opened: None,
        look_ups: None,
        aside,
    };
    if let Some(header) = run.aside.recorder.as_ref().map(|recorder| recorder.header().clone()) {
        run.header(&header);
    }
    match &job.input {
        Input::Demo { seed } => run.demo(*seed),
        Input::Files(_) => match files.as_slice() {
            [folder] if let Some(recording) = recording(folder) => run.recording(&recording, job)?,
            files => files.iter().try_for_each(|path| run.file(path, job))?,
        },
    }
    for (time, text) in job.knowledge.audit.iter().flat_map(|a| &a.markers) {
        run.engine.ingest(engine::Input::Mark(Marker { time: *time, text: text.clone() }));
    }
    if job.cut_short {
        run.engine.ingest(engine::Input::Truncated);
        run.incomplete = true;
    }
    run.engine.end();
    run.drain();
    #[cfg(feature = "resolve")]
    {
        run.look_ups = asker.map(|asker| super::reverse::look_up(&mut run.engine, &asker));
    }
    Ok(run)
}

/// Addresses, reverse names and mapped addresses of a survey.
const MAX_KNOWN: usize = 1 << 16;
/// Names of one address.
const MAX_NAMES: usize = 64;

/// What a capture is about: its flows, and what was said about addresses.
#[derive(Debug, Default)]
pub(super) struct Survey {
    pub(super) flows: Vec<SeenFlow>,
    /// By address, the names for which DNS gave it: those asked for, and those they stand for.
    pub(super) names: BTreeMap<IpAddr, BTreeSet<Text>>,
    /// Reverse look-ups: the name asked for, and the answer.
    pub(super) reverse: BTreeSet<(Text, Text)>,
    /// The flow of each frame, in order; 0 where there is none. Four bytes a frame.
    pub(super) frames: Vec<u32>,
    /// Addresses that somebody was told to have outside, and who was told.
    pub(super) mapped: BTreeSet<(IpAddr, IpAddr)>,
}

/// A flow, as the analysis knows it at the end.
#[derive(Debug)]
pub(super) struct SeenFlow {
    /// From 1, in order of the first frame.
    pub(super) number: u64,
    pub(super) first_frame: FrameNo,
    pub(super) transport: TransportKind,
    pub(super) client: End,
    pub(super) server: End,
    pub(super) owner: Option<Owner>,
    /// `in`, `out`, `unknown` or empty (see [`FlowView`]).
    pub(super) scope: &'static str,
}

impl Rows for Survey {
    fn flow(&mut self, row: &FlowView<'_>) {
        self.flows.push(SeenFlow {
            number: row.flow,
            first_frame: row.first_frame,
            transport: row.transport,
            client: row.client,
            server: row.server,
            owner: row.owner.map(|owner| (**owner).clone()),
            scope: row.scope,
        });
    }

    fn handshake(&mut self, _: &HandshakeView<'_>) {}
    fn endpoint(&mut self, _: &EndpointView<'_>) {}
}

impl Survey {
    /// Whether there is something that is of nobody who is audited.
    pub(super) fn has_others(&self) -> bool {
        !self.flows.iter().all(|flow| is_judged(flow.scope)) || self.frames.contains(&0)
    }

    fn event(&mut self, event: &Event<'_>) {
        match event {
            Event::FlowRetired(row) => self.flow(row),
            Event::Answer(row) => {
                let answer = row.answer;
                match answer.address {
                    Some(address) if self.names.len() < MAX_KNOWN || self.names.contains_key(&address) => {
                        let names = self.names.entry(address).or_default();
                        for name in [&answer.query, &answer.owner] {
                            if names.len() < MAX_NAMES {
                                names.insert(name.clone());
                            }
                        }
                    }
                    None if answer.kind == "PTR" && self.reverse.len() < MAX_KNOWN => {
                        self.reverse.insert((answer.query.clone(), answer.data.clone()));
                    }
                    _ => {}
                }
            }
            Event::Fact(row) => {
                if let Fact::Mapped(end) = row.fact
                    && self.mapped.len() < MAX_KNOWN
                {
                    self.mapped.insert((end.address, row.to.address));
                }
            }
            _ => {}
        }
    }
}

/// A wrong name is told before anything is read or made. Streams are not tried: what is taken from them is gone.
fn try_opening(path: &Path) -> Result<()> {
    let stream = path.as_os_str() == "-" || fs::metadata(path).is_ok_and(|m| !m.is_file() && !m.is_dir());
    if !stream && recording(path).is_none() {
        CaptureFile::open(path, Digest::Skip)?;
    }
    Ok(())
}

/// The folder that this program saved a capture in: the one given, or that in a bundle.
pub(super) fn recording(path: &Path) -> Option<PathBuf> {
    [path.to_owned(), path.join(super::bundle::RECORDING)].into_iter().find(|folder| folder.join(JOURNAL).is_file())
}

/// The capture files of such a folder, in order.
pub(super) fn segments(folder: &Path) -> Result<Vec<PathBuf>> {
    let reading = || format!("cannot read {}; check the path and its rights", folder.display());
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).with_context(reading)? {
        files.push(entry.with_context(reading)?.path());
    }
    files.retain(|path| path.extension().is_some_and(|extension| extension == "pcapng"));
    files.sort();
    Ok(files)
}

/// What was told while a capture was recorded, waiting for the frames.
struct Journal {
    entries: VecDeque<Entry>,
    /// By the first frame of their flow.
    owners: HashMap<FrameNo, (Owner, bool)>,
}

fn write_demo(seed: u64, path: &Path) -> Result<()> {
    if path.exists() {
        bail!("{} exists already; name another file", path.display());
    }
    let call = synth::call(seed);
    new_file(path, false)
        .and_then(|mut file| file.write_all(&synth::pcap(call.link, call.frames())))
        .with_context(|| format!("cannot write {}; check the folder and its rights", path.display()))
}

struct Run {
    engine: Engine,
    /// The audited device, as the user named it now.
    device: Option<Device>,
    journal: Option<Journal>,
    tables: Option<Tables>,
    annex: Annex,
    captures: Vec<CaptureInfo>,
    /// What a bundle holds of them.
    kept: Vec<CaptureInfo>,
    complaints: Vec<String>,
    /// Something of the input was not read.
    incomplete: bool,
    frames: u64,
    /// The flow that began with the frame before.
    opened: Option<Opened>,
    look_ups: Option<LookUps>,
    aside: Aside,
}

/// A flow that began: its first frame, and its ends as that has them.
type Opened = (FrameNo, TransportKind, End, End);

impl Run {
    fn demo(&mut self, seed: u64) {
        let call = synth::call(seed);
        let mut bytes = 0;
        for (number, (time, frame)) in (1..).zip(call.frames()) {
            bytes += frame.len() as u64;
            let original_len = frame.len() as u32;
            self.ingest(Frame { number: FrameNo(number), time, link: call.link, original_len, bytes: frame });
        }
        for (time, text) in &call.markers {
            self.engine.ingest(engine::Input::Mark(Marker { time: *time, text: (*text).into() }));
        }
        self.captures.push(CaptureInfo {
            name: "generated call".into(),
            format: "generated".into(),
            bytes,
            link_types: vec![call.link.to_string().into()],
            ..CaptureInfo::default()
        });
    }

    /// A folder with a saved capture: its files in order, and what its journal tells between the frames.
    fn recording(&mut self, folder: &Path, job: &Job) -> Result<()> {
        let (header, entries) = read_journal(folder)?;
        self.header(&header);
        let (mut rest, mut owners, mut given) = (VecDeque::new(), HashMap::new(), Vec::new());
        for entry in entries {
            match entry.told {
                Told::Owner { frame, owner, watched, .. } => drop(owners.insert(frame, (owner, watched))),
                // These frames are here.
                Told::Loss { kept: true, .. } => {}
                Told::Given(info) => given.push(*info),
                told => rest.push_back(Entry { after: entry.after, told }),
            }
        }
        self.journal = Some(Journal { entries: rest, owners });
        segments(folder)?.iter().try_for_each(|path| self.file(path, job))?;
        self.catch_up(FrameNo(u64::MAX));
        if !given.is_empty() {
            self.kept = mem::replace(&mut self.captures, given);
        }
        Ok(())
    }

    /// Tells what was told before that frame.
    fn catch_up(&mut self, number: FrameNo) {
        let Some(journal) = &mut self.journal else { return };
        while journal.entries.front().is_some_and(|entry| entry.after < number) {
            if let Some(entry) = journal.entries.pop_front() {
                tell(&entry.told, &mut self.engine);
            }
        }
    }

    fn file(&mut self, path: &Path, job: &Job) -> Result<()> {
        let digest = if job.hash { Digest::Sha256 } else { Digest::Skip };
        let (mut capture, size, name) = if path.as_os_str() == "-" {
            let name = Text::from("standard input");
            (CaptureFile::from_reader(name.clone(), Box::new(io::stdin()), digest)?, 0, name)
        } else {
            let size = fs::metadata(path).map_or(0, |m| m.len());
            (CaptureFile::open(path, digest)?, size, Text::from(file_name(path).as_str()))
        };
        let before = self.frames;
        let mut meter = job.progress.then(|| Meter::new(&name, size));
        let mut last = Timestamp::ZERO;
        let mut listener = if self.journal.is_some() { Listener::beside_journal() } else { Listener::default() };
        let mut foreign = BTreeMap::new();
        let mut recording = Recording::default();
        loop {
            let numbered = capture.is_numbered();
            match capture.next() {
                Ok(Some(Captured::Frame { mut frame, interface, direction })) => {
                    last = frame.time;
                    if !numbered {
                        frame.number = FrameNo(before + frame.number.0);
                    }
                    self.frames = frame.number.0;
                    let number = frame.number.0;
                    if !foreign.is_empty()
                        && let Some(frames) = foreign.get_mut(&frame.link)
                    {
                        *frames += 1;
                    }
                    self.engine.ingest(engine::Input::Through(interface));
                    if let Some(recorder) = &mut self.aside.recorder {
                        recorder.frame(frame, interface, direction)?;
                    }
                    self.ingest(frame);
                    if let Some(meter) = meter.as_mut().filter(|_| number % (1 << 16) == 0) {
                        meter.show(capture.info().bytes);
                    }
                }
                Ok(Some(Captured::Note(note))) => {
                    if let Some(recorder) = &mut self.aside.recorder {
                        recorder.note(&note);
                    }
                    recorded(&note, &mut recording);
                    if let Note::Interface { link, .. } = note
                        && !can_read(link)
                    {
                        foreign.entry(link).or_insert(0);
                    }
                    self.note(&note, last, &mut listener);
                }
                Ok(None) => break,
                Err(error @ CaptureError::Read { .. }) if self.frames > before => {
                    self.cut_short(error.to_string());
                    break;
                }
                Err(error) => return Err(error.into()),
            }
        }
        drop(meter);
        listener.end(last, &mut |saying| self.say(saying));
        if let Some(ending) = capture.ending().filter(|ending| **ending != Ending::Complete) {
            self.cut_short(format!("{name}: {ending}"));
        }
        self.unread_links(&name, &foreign);
        let info = capture.info();
        let info = CaptureInfo {
            name,
            format: info.format.token().into(),
            sha256: info.sha256.map(|h| data_encoding::HEXLOWER.encode(&h).into()).unwrap_or_default(),
            bytes: info.bytes,
            link_types: info.links.iter().map(|link| link.to_string().into()).collect(),
            recording,
        };
        if let Some(recorder) = &mut self.aside.recorder {
            recorder.given(info.clone());
        }
        self.captures.push(info);
        Ok(())
    }

    fn ingest(&mut self, frame: Frame<'_>) {
        self.catch_up(frame.number);
        self.engine.ingest(engine::Input::Frame(frame));
        if let Some(survey) = &mut self.aside.survey {
            let flow = self.engine.flow_of_frame().and_then(|flow| u32::try_from(flow).ok());
            survey.frames.push(flow.unwrap_or(0));
        }
        self.opened = self.drain().map(|(transport, from, to)| (frame.number, transport, from, to));
        if self.opened.is_some() {
            let known = self.journal.as_mut().and_then(|journal| journal.owners.remove(&frame.number));
            if let Some((owner, watched)) = known.or_else(|| phone_trailer(&frame).map(|owner| (owner, false))) {
                self.say(Saying::Owner { owner, watched });
            }
        }
    }

    /// Tells the engine, and whoever writes down what is told.
    fn say(&mut self, saying: Saying) {
        if let Some(recorder) = &mut self.aside.recorder {
            match (&saying, self.opened) {
                (Saying::Told(told), _) => recorder.told(told),
                (Saying::Owner { owner, watched }, Some((frame, transport, from, to))) => {
                    let (owner, watched) = (owner.clone(), *watched);
                    recorder.told(&Told::Owner { frame, transport, from, to, owner, watched });
                }
                _ => {}
            }
        }
        saying.tell(&mut self.engine);
    }

    /// Takes the events; gives the ends of a flow that began.
    fn drain(&mut self) -> Option<(TransportKind, End, End)> {
        let mut opened = None;
        while let Some(event) = self.engine.poll() {
            match &event {
                Event::FlowOpened { transport, from, to, .. } => opened = Some((*transport, *from, *to)),
                Event::Answer(row) => {
                    if let (Some(recorder), Some(address)) = (&mut self.aside.recorder, row.answer.address) {
                        recorder.name(address, &row.answer.query);
                    }
                }
                _ => {}
            }
            if let Event::HandshakeRetired(row) = &event {
                self.annex.handshake(row);
            }
            if let Some(tables) = &mut self.tables {
                tables.event(&event);
            }
            if let Some(survey) = &mut self.aside.survey {
                survey.event(&event);
            }
        }
        opened
    }

    /// What the file says beside its frames.
    fn note(&mut self, note: &Note, last: Timestamp, listener: &mut Listener) {
        listener.note(note, last, &mut |saying| self.say(saying));
        // The journal has said it, and what was chosen since.
        if let Some(header) = listener.take_header().filter(|_| self.journal.is_none()) {
            if let Some(recorder) = &mut self.aside.recorder {
                recorder.refuse("this program saved it, with what was to be kept");
            }
            self.header(&header);
        }
    }

    /// What whoever recorded it had in mind.
    fn header(&mut self, header: &Header) {
        if let Some(kept) = header.payload_kept {
            self.engine.ingest(engine::Input::Minimised { kept, whole: header.whole });
        }
        if let Some(first) = &header.copy_of {
            self.engine.ingest(engine::Input::CopyOf(first.as_str().into()));
        }
        let device = self.device.or_else(|| header.device.as_deref().and_then(|text| text.parse().ok()));
        self.engine.ingest(engine::Input::Scope { device, watched_only: header.watched_only });
    }

    /// The input broke off; what came before counts.
    fn cut_short(&mut self, complaint: String) {
        self.incomplete = true;
        self.say(Saying::Told(Told::Truncated));
        self.complaints.push(complaint);
    }

    /// Frames of link layers that nobody here can read. One line for all: a damaged file may claim thousands of them.
    fn unread_links(&mut self, name: &Text, foreign: &BTreeMap<LinkType, u64>) {
        let met = || foreign.iter().filter(|(_, frames)| **frames > 0);
        let Some((first, _)) = met().next() else { return };
        let more = match met().count() - 1 {
            0 => String::new(),
            more => format!(" and {more} others"),
        };
        let frames: u64 = met().map(|(_, frames)| frames).sum();
        self.incomplete = true;
        self.complaints.push(format!(
            "{name}: {frames} frames of {first}{more} cannot be read; record on an Ethernet or Wi-Fi interface, or on `any`"
        ));
    }

    fn finish(self, knowledge: &Knowledge, translate: bool) -> Result<Outcome> {
        let Self { engine, annex, tables, captures, kept, look_ups, complaints, incomplete, aside, .. } = self;
        let read = [captures, kept];
        let (summary, annex, fingerprint) = conclude(&engine, annex, tables, read, look_ups, knowledge, translate)?;
        if !aside.compared {
            // The program ends soon: the operating system takes a million flows back faster, all at once.
            mem::forget(engine);
        }
        Ok(Outcome { fingerprint, ..Outcome::of(summary, annex, complaints, incomplete) })
    }
}

/// The summary of what the engine knows, and the tables' end. `captures`: what was read, and what a bundle keeps of it.
pub(super) fn conclude(
    engine: &Engine,
    mut annex: Annex,
    mut tables: Option<Tables>,
    captures: [Vec<CaptureInfo>; 2],
    look_ups: Option<LookUps>,
    knowledge: &Knowledge,
    translate: bool,
) -> Result<(Summary, Annex, Fingerprint)> {
    let mut rows = Both { tables: tables.as_mut(), annex: &mut annex };
    let mut summary = engine.summary(knowledge, &mut rows);
    [summary.captures, summary.kept] = captures;
    summary.look_ups = look_ups;
    if tables.as_ref().is_some_and(Tables::are_told) || translate {
        let others = Lang::ALL.into_iter().filter(|lang| *lang != summary.lang);
        let judge = |lang| {
            engine::judge(
                &summary.recipients,
                &summary.circumstances,
                (&summary.timeline, &summary.markers),
                knowledge,
                lang,
            )
        };
        summary.other = others.map(judge).collect();
    }
    let fingerprint = tables.map(|tables| tables.finish(&summary, &mut annex)).transpose()?.unwrap_or_default();
    Ok((summary, annex, fingerprint))
}

impl Outcome {
    /// What is to be said of the input itself.
    pub(super) fn of(summary: Summary, annex: Annex, mut complaints: Vec<String>, incomplete: bool) -> Self {
        let seen = &summary.circumstances;
        let nothing_read = seen.frames == seen.unreadable;
        if seen.frames == 0 {
            complaints.push("there are no frames; record again, and look at the interface and the filter".into());
        } else if nothing_read && complaints.is_empty() {
            complaints.push(format!(
                "none of the {} frames could be read; the losses say why, record them again",
                seen.frames
            ));
        } else if seen.device.is_some() && seen.foreign_flows == seen.flows {
            complaints.push("--subject: no flow of this device is in the capture; check the address".into());
        }
        let incomplete = incomplete || seen.lost > 0 || seen.has_gaps() || nothing_read;
        Self { summary, annex, complaints, incomplete, sealed: None, fingerprint: Fingerprint::default() }
    }
}

/// Rows go to the tables, if there are any, and to the page's annex.
struct Both<'r> {
    tables: Option<&'r mut Tables>,
    annex: &'r mut Annex,
}

impl Rows for Both<'_> {
    fn flow(&mut self, row: &FlowView<'_>) {
        if let Some(tables) = &mut self.tables {
            tables.flow(row);
        }
    }

    fn handshake(&mut self, row: &HandshakeView<'_>) {
        self.annex.handshake(row);
        if let Some(tables) = &mut self.tables {
            tables.handshake(row);
        }
    }

    fn endpoint(&mut self, row: &EndpointView<'_>) {
        self.annex.endpoint(row);
        if let Some(tables) = &mut self.tables {
            tables.endpoint(row);
        }
    }
}

/// A line on standard error that says how far the reading is.
struct Meter {
    name: String,
    size: u64,
}

impl Meter {
    fn new(name: &Text, size: u64) -> Self {
        Self { name: name.to_string(), size }
    }

    fn show(&self, bytes: u64) {
        let (mib, name) = (bytes >> 20, &self.name);
        let _ = match (bytes * 100).checked_div(self.size) {
            Some(percent) => write!(io::stderr(), "\r{name}: {mib} MiB, {percent} %\x1b[K"),
            None => write!(io::stderr(), "\r{name}: {mib} MiB\x1b[K"),
        };
    }
}

impl Drop for Meter {
    fn drop(&mut self) {
        let _ = write!(io::stderr(), "\r\x1b[K");
    }
}
