//! `watch`: from what was typed to a running capture.

#[cfg(feature = "tui")]
use super::args::Picture;
use super::args::{Form, Judge, Keep, Tell, Watch};
use super::bundle::Keeping;
use super::{Exit, device, knowledge};
#[cfg(feature = "tui")]
use super::{complain, on_a_terminal, picture_look};
use crate::capture::{Feed, Pace, Tape};
use crate::engine::health::{ScopeOf, SourceKind};
use crate::engine::{Device, Knowledge};
use crate::evidence::StoreOptions;
use crate::policy::Book;
#[cfg(feature = "live")]
use crate::policy::Parameters;
use crate::run::{self, Confine, Machine, Plan, Rate, Save, Signals, Telling};
use anyhow::{Result, bail};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::sync::mpsc::sync_channel;
use std::time::Duration;

/// Lines of JSON that may wait for whoever reads them.
const LINES: usize = 1 << 14;
/// Without a dashboard pictures serve the progress and findings: they may take one part in fifty of the analysis's time.
const HEADLESS: Rate = Rate { every: Duration::from_secs(1), share: 50, rows: 0 };
/// Four a second, and one part in ten.
#[cfg(feature = "tui")]
const DASHBOARD: Rate = Rate { every: Duration::from_millis(250), share: 10, rows: 50_000 };

/// Where the frames come from.
pub(super) struct Origin {
    pub(super) feed: Box<dyn Feed>,
    pub(super) kind: SourceKind,
    pub(super) closer: Option<Arc<AtomicBool>>,
}

pub(super) fn run(mut typed: Watch) -> Result<Exit> {
    let named = typed.subject.as_deref().map(device).transpose()?;
    if let Some(client) = &typed.client
        && typed.judge.service.is_none()
        && Book::embedded()?.services().any(|id| id == client)
    {
        typed.judge.service = Some(client.clone());
    }
    let judged = Arc::new(knowledge(&typed.judge, typed.tell.look.lang)?);
    let origin = open(&typed)?;
    let machine = if origin.kind == SourceKind::Live { machine(&typed, &judged)? } else { None };
    let Watch { judge, keep, tell, .. } = &typed;
    let (mut plan, telling, keeping) = plan(origin, named, judge, keep, tell, Arc::clone(&judged))?;
    plan.watched_only = typed.client.is_some() || !typed.pids.is_empty();
    plan.scope = scope(&typed, named);
    plan.machine = machine;
    keeping.conclude(run::watch(plan, telling, &Signals::listen())?, &judged, judge, tell)
}

/// The generated call as if it happened now: one more source of the same wiring. When it is left, nothing is printed.
#[cfg(feature = "tui")]
pub(super) fn demo(seed: u64, pace: f64, picture: Picture, judge: &Judge, tell: &Tell) -> Result<Exit> {
    use crate::capture::Reel;
    let judged = Arc::new(knowledge(judge, tell.look.lang)?);
    let call = crate::synth::call(seed);
    let markers: Vec<_> = call.markers.iter().map(|(time, text)| (*time, (*text).into())).collect();
    let feed = Reel::new("generated call".into(), call.link, call.into_frames(), markers, Pace::new(pace));
    let origin = Origin { feed: Box::new(feed), kind: SourceKind::Generated, closer: None };
    let keep = Keep {
        headless: false,
        picture,
        duration: None,
        save: None,
        full_payload: false,
        raw: false,
        segment: 0,
        quota: 0,
    };
    let (plan, telling, _) = plan(origin, None, judge, &keep, tell, judged)?;
    let outcome = run::watch(plan, telling, &Signals::listen())?;
    outcome.complaints.iter().for_each(|complaint| complain(complaint));
    Ok(if outcome.complaints.is_empty() { Exit::Done } else { Exit::Incomplete })
}

/// What is the same for everything that is watched: everything is judged, and nobody asked whose it is.
pub(super) fn plan(
    origin: Origin,
    device: Option<Device>,
    judge: &Judge,
    keep: &Keep,
    tell: &Tell,
    judged: Arc<Knowledge>,
) -> Result<(Plan, Telling, Keeping)> {
    let Origin { feed, kind, closer } = origin;
    let (keeping, prepare, bundle) =
        Keeping::new(keep.save.as_deref(), keep.raw, &feed.info().name, device, judge, tell)?;
    #[cfg(feature = "resolve")]
    let talks = tell.resolve.is_some();
    #[cfg(not(feature = "resolve"))]
    let talks = false;
    let json = tell.look.format == Form::Json;
    #[cfg(feature = "tui")]
    let dashboard = shows(keep, tell).then(|| picture_look(&tell.look, &keep.picture));
    #[cfg(feature = "tui")]
    let pictures = if dashboard.is_some() { DASHBOARD } else { HEADLESS };
    #[cfg(not(feature = "tui"))]
    let pictures = HEADLESS;
    let (sender, lines) = json.then(|| sync_channel(LINES)).unzip();
    let plan = Plan {
        feed,
        kind,
        closer,
        knowledge: judged,
        device,
        watched_only: false,
        scope: ScopeOf::Everything,
        save: keeping.capture().map(|folder| Save {
            folder,
            payload: (!keep.full_payload).then_some(StoreOptions::PAYLOAD),
            segment: keep.segment << 20,
            quota: keep.quota << 20,
        }),
        tables: keeping.data().or_else(|| tell.output.clone()).map(|folder| (folder, tell.overwrite)),
        machine: None,
        pictures: Some(pictures),
        lines: sender,
        ring: run::RING,
        confine: Some(Confine { talks, folder: keep.save.clone() }),
        prepare,
    };
    let telling = Telling {
        progress: true,
        #[cfg(feature = "tui")]
        dashboard,
        duration: keep.duration,
        lines,
        translate: json,
        overwrite: tell.overwrite,
        hash: tell.hash || keep.save.is_some(),
        keep_raw: keep.raw,
        bundle: Some(bundle),
        #[cfg(feature = "resolve")]
        resolve: tell.resolve.clone(),
        ..Telling::default()
    };
    Ok((plan, telling, keeping))
}

/// The names of a client's programs on this system: those of the service of that name, or just that name.
#[cfg(feature = "live")]
fn programs(client: &str, knowledge: &Knowledge) -> Vec<Box<str>> {
    let profile = knowledge.book.profile(client, &Parameters::new()).ok();
    let of_service = profile.iter().flat_map(|profile| &profile.file.processes);
    let here = of_service.filter(|processes| &*processes.system == std::env::consts::OS);
    let names: Vec<_> = here.flat_map(|processes| processes.names.iter().cloned()).collect();
    if names.is_empty() { vec![client.into()] } else { names }
}

#[cfg(feature = "live")]
fn machine(typed: &Watch, knowledge: &Knowledge) -> Result<Option<Machine>> {
    let names = typed.client.as_deref().map(|client| programs(client, knowledge)).unwrap_or_default();
    let watch = crate::host::Watch { pids: typed.pids.clone(), names, only: None };
    run::machine(watch, run::programs(&knowledge.book), true).map(Some)
}

#[cfg(not(feature = "live"))]
fn machine(_: &Watch, _: &Knowledge) -> Result<Option<Machine>> {
    Ok(None)
}

fn scope(typed: &Watch, device: Option<Device>) -> ScopeOf {
    let client = typed.client.iter().cloned();
    let clients: Vec<_> = client.chain(typed.pids.iter().map(|pid| format!("process {pid}"))).collect();
    match device {
        _ if !clients.is_empty() => ScopeOf::Client(clients.join(", ").as_str().into()),
        Some(device) => ScopeOf::Device(device.to_string().as_str().into()),
        None => ScopeOf::Everything,
    }
}

/// Whether the dashboard is shown: somebody sees it, and nothing else was asked for.
#[cfg(any(feature = "tui", all(feature = "live", target_os = "linux")))]
pub(super) fn shows(keep: &Keep, tell: &Tell) -> bool {
    #[cfg(feature = "tui")]
    let somebody = on_a_terminal();
    #[cfg(not(feature = "tui"))]
    let somebody = false;
    somebody && !keep.headless && tell.look.format == Form::Text
}

/// A stream of a capture, not an interface: standard input or the path of a FIFO.
fn is_stream(name: &str) -> bool {
    name == "-" || name.contains('/') && Path::new(name).exists()
}

fn open(typed: &Watch) -> Result<Origin> {
    if let Some(path) = &typed.replay {
        let kind = SourceKind::Replay { speed: typed.speed };
        return Ok(Origin { feed: Box::new(Tape::play(path, Pace::new(typed.speed))?), kind, closer: None });
    }
    match typed.interfaces.as_slice() {
        [stream] if is_stream(stream) => {
            if typed.filter.is_some() {
                bail!("--filter: a stream is not filtered here; give the filter to the program that captures it");
            }
            let tape = Tape::follow(&PathBuf::from(stream))?;
            let kind = SourceKind::Replay { speed: f64::INFINITY };
            Ok(Origin { closer: tape.closer(), feed: Box::new(tape), kind })
        }
        names if names.iter().any(|name| is_stream(name)) => {
            bail!("-i: a stream is watched alone; merge captures of several places with mergecap first")
        }
        names => live(typed, names),
    }
}

#[cfg(feature = "live")]
fn live(typed: &Watch, names: &[String]) -> Result<Origin> {
    use crate::capture::{Live, LiveOptions};
    let feed = Live::open(LiveOptions {
        interfaces: names.to_vec(),
        filter: typed.filter.clone(),
        snap_len: typed.snap_length,
        promiscuous: typed.promiscuous,
        ring: (typed.ring as usize) << 20,
    })?;
    Ok(Origin { feed: Box::new(feed), kind: SourceKind::Live, closer: None })
}

#[cfg(not(feature = "live"))]
fn live(_: &Watch, _: &[String]) -> Result<Origin> {
    bail!(
        "this program was built without live capture (feature `live`); watch a stream: `tcpdump -U -w - | zollhund watch -i -`"
    )
}
