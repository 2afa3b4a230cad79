//! A watched capture from its start to its report: with the dashboard or without.

use super::bundle::Bundle;
#[cfg(feature = "tui")]
use super::dashboard::Shown;
use super::live::{Finished, Plan, Save, Session};
use super::offline::{Input, Job, Outcome, analyze, conclude};
use super::stage::now;
use crate::attribution::{Claim, Company, Confidence, CountryCode, NameBasis};
use crate::engine::Knowledge;
#[cfg(feature = "tui")]
use crate::engine::health::Closing;
use crate::engine::health::{CaptureState, Health, Notice};
use crate::engine::view::{CaptureInfo, Summary};
#[cfg(feature = "tui")]
use crate::engine::{Config, Engine};
use crate::policy::{Listing, Severity, Subject};
use crate::report::recipient_line;
use crate::report::tables::{Findings, json_line};
use crate::wire::{FrameNo, Text};
use anyhow::Result;
use std::collections::HashMap;
use std::io::{self, IsTerminal, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::{Duration, Instant};

/// How soon a signal is noticed.
const BEAT: Duration = Duration::from_millis(100);
/// Without a terminal the progress is told so often.
const SELDOM: Duration = Duration::from_secs(60);

/// How a watched capture is told.
#[derive(Debug, Default)]
pub struct Telling {
    /// A line of progress on standard error, where there is no dashboard.
    pub progress: bool,
    /// The dashboard, and how it looks.
    #[cfg(feature = "tui")]
    pub dashboard: Option<crate::ui::Look>,
    /// Ends by itself after so long.
    pub duration: Option<Duration>,
    /// Lines of JSON on standard output, from this receiver and of pictures.
    pub lines: Option<Receiver<Vec<u8>>>,
    pub translate: bool,
    /// For tables made from what was saved.
    pub overwrite: bool,
    pub hash: bool,
    /// Frames out of scope stay in what is saved.
    pub keep_raw: bool,
    /// Gives the bundle that is to be sealed, once it was begun.
    pub bundle: Option<Receiver<Bundle>>,
    /// Tells whoever listens that nothing is captured any more.
    pub stopped: Signals,
    /// The last screen is left at once when this comes, or what ends the capture.
    pub leave: Signals,
    #[cfg(feature = "resolve")]
    pub resolve: Option<crate::resolve::Upstream>,
}

/// What ends a run from outside: signals.
#[derive(Debug, Clone, Default)]
pub struct Signals {
    ended: Arc<AtomicBool>,
}

impl Signals {
    /// From now on the signals that ask a program to end are asked for here; a second one ends it at once. Not so when the
    /// terminal goes: the kernel, the shell and whoever draws the window may each say so.
    #[must_use]
    pub fn listen() -> Self {
        let signals = Self::default();
        #[cfg(feature = "live")]
        {
            use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
            for signal in [SIGINT, SIGTERM, SIGHUP] {
                let ended = || Arc::clone(&signals.ended);
                // In this order: the first only sets the flag.
                if signal != SIGHUP {
                    let _ = signal_hook::flag::register_conditional_shutdown(signal, 128 + signal, ended());
                }
                let _ = signal_hook::flag::register(signal, ended());
            }
        }
        signals
    }

    /// Asks to end, as a signal does.
    pub fn end(&self) {
        self.ended.store(true, Ordering::Relaxed);
    }

    #[must_use]
    pub fn came(&self) -> bool {
        self.ended.load(Ordering::Relaxed)
    }
}

/// Watches: in the dashboard, or with a line of progress on standard error and lines of JSON on standard output if wanted.
///
/// # Errors
/// The files cannot be made, or the report cannot be written.
pub fn watch(plan: Plan, mut telling: Telling, signals: &Signals) -> Result<Outcome> {
    let after = After::of(&plan);
    let (bundle, stopped) = (telling.bundle.take(), telling.stopped.clone());
    let seal = |outcome: &mut Outcome| -> Result<()> {
        let begun = bundle.and_then(|bundle| bundle.try_recv().ok());
        outcome.sealed = begun.map(|bundle| bundle.seal(outcome)).transpose()?;
        Ok(())
    };
    #[cfg(feature = "tui")]
    if let Some(look) = telling.dashboard {
        let blank = Engine::new(&Config::default()).snapshot(&plan.knowledge, 0);
        let leave = [signals.clone(), telling.leave.clone()];
        let mut session = Session::start(plan)?;
        let mut shown = Shown::start(&mut session, blank, look)?;
        shown.watch(&mut session, telling.duration, signals);
        let mut finished = session.finish();
        stopped.end();
        finished.complaints.extend(shown.complaint());
        shown.closes(Closing::Report);
        let mut outcome = after.conclude(finished, telling)?;
        shown.closes(Closing::Seal);
        seal(&mut outcome)?;
        shown.farewell(&outcome, &leave);
        return Ok(outcome);
    }
    let mut session = Session::start(plan)?;
    let begun = now();
    let mut progress = telling.progress.then(Progress::new);
    let mut teller = telling.lines.as_ref().map(Teller::new);
    loop {
        let heard = teller.as_mut().is_none_or(Teller::pass_on);
        if let Some(teller) = &mut teller {
            teller.tell(&session);
        } else {
            std::thread::sleep(BEAT);
        }
        let seen = progress.as_mut().is_none_or(|progress| progress.show(&session));
        let time_over = telling.duration.is_some_and(|duration| begun.elapsed() >= duration);
        // Whoever listened or looked on has gone.
        if session.is_over() || signals.came() || time_over || !heard || !seen {
            break;
        }
    }
    session.stop();
    let health = session.health();
    let finished = session.finish();
    stopped.end();
    if let Some(teller) = &mut teller {
        teller.pass_on();
        teller.tell(&session);
    }
    if let Some(progress) = progress {
        progress.end(&health);
    }
    let mut outcome = after.conclude(finished, telling)?;
    seal(&mut outcome)?;
    Ok(outcome)
}

/// What is needed when it is over.
pub(super) struct After {
    knowledge: Arc<Knowledge>,
    save: Option<Save>,
    tables: Option<std::path::PathBuf>,
    device: Option<crate::engine::Device>,
}

impl After {
    pub(super) fn of(plan: &Plan) -> Self {
        Self {
            knowledge: Arc::clone(&plan.knowledge),
            save: plan.save.clone(),
            tables: plan.tables.as_ref().map(|(folder, _)| folder.clone()),
            device: plan.device,
        }
    }

    /// The report: from what was saved, so that anybody can make it again, or from what was seen.
    pub(super) fn conclude(self, finished: Finished, telling: Telling) -> Result<Outcome> {
        let Finished { ended, analyzed, kept, mut complaints, .. } = finished;
        let recording = self.save.as_ref().map(|save| save.folder.clone());
        let mut outcome = match (self.save.filter(|_| kept.is_some()), analyzed) {
            (Some(save), analyzed) => {
                // The analysis may still hold it, if it did not end.
                drop(analyzed);
                let job = Job {
                    output: self.tables,
                    overwrite: telling.overwrite,
                    device: self.device,
                    hash: telling.hash,
                    translate: telling.translate,
                    #[cfg(feature = "resolve")]
                    resolve: telling.resolve,
                    ..Job::new(Input::Files(vec![save.folder]), self.knowledge)
                };
                // Before anything is told of others. If it fails, no evidence is lost: all of it stays, and that is told.
                if !telling.keep_raw
                    && let Some(folder) = recording
                    && let Err(error) = super::narrow::narrow(&folder, &job)
                {
                    complaints.push(super::narrow::kept_all(&error));
                }
                analyze(&job)?
            }
            (None, Some(mut analyzed)) => {
                #[cfg(feature = "resolve")]
                let look_ups = {
                    use crate::resolve::{Asker, Bounds};
                    let asker = telling.resolve.as_ref().map(|to| Asker::new(to, Bounds::default())).transpose()?;
                    asker.map(|asker| super::reverse::look_up(&mut analyzed.engine, &asker))
                };
                #[cfg(not(feature = "resolve"))]
                let look_ups = None;
                let captures = ended.iter().map(|ended| CaptureInfo {
                    name: ended.info.name.clone(),
                    format: ended.info.format.into(),
                    bytes: ended.info.bytes,
                    link_types: ended.info.links.iter().map(|link| link.to_string().into()).collect(),
                    recording: ended.recording.clone(),
                    ..CaptureInfo::default()
                });
                let captures = [captures.collect(), Vec::new()];
                let (engine, annex, tables) =
                    (&analyzed.engine, std::mem::take(&mut analyzed.annex), analyzed.tables.take());
                let translate = telling.translate;
                let (summary, annex, _) =
                    conclude(engine, annex, tables, captures, look_ups, &self.knowledge, translate)?;
                Outcome::of(summary, annex, Vec::new(), false)
            }
            (None, None) => anyhow::bail!("{}", complaints.join("; ")),
        };
        outcome.incomplete |= !complaints.is_empty();
        for complaint in complaints {
            if !outcome.complaints.contains(&complaint) {
                outcome.complaints.push(complaint);
            }
        }
        Ok(outcome)
    }
}

/// The line that says how it goes.
struct Progress {
    terminal: bool,
    next: Instant,
}

impl Progress {
    fn new() -> Self {
        Self { terminal: io::stderr().is_terminal(), next: now() }
    }

    /// `false` if the terminal is gone.
    fn show(&mut self, session: &Session) -> bool {
        if now() < self.next {
            return true;
        }
        self.next = now() + if self.terminal { Duration::from_secs(1) } else { SELDOM };
        let line = line(&session.health(), session.picture().as_ref().map(|picture| &picture.summary));
        let written =
            if self.terminal { write!(io::stderr(), "\r{line}\x1b[K") } else { writeln!(io::stderr(), "{line}") };
        written.is_ok() || !self.terminal
    }

    fn end(&self, health: &Health) {
        let _ = if self.terminal {
            write!(io::stderr(), "\r\x1b[K")
        } else {
            writeln!(io::stderr(), "{}", line(health, None))
        };
    }
}

fn line(health: &Health, summary: Option<&Summary>) -> String {
    let books = &health.books;
    let state = match &health.capture {
        CaptureState::Starting => "waiting for frames",
        CaptureState::Running => "running",
        CaptureState::Silent { .. } => "no frames",
        CaptureState::Dead { .. } => "DEAD",
        CaptureState::Ended { .. } => "ended",
    };
    let (frames, bytes) = (books.delivered, books.delivered_bytes as f64 / 1e6);
    let found = summary.map_or(String::new(), |summary| {
        let grave = summary.findings.iter().filter(|f| f.severity >= Severity::Attention).count();
        format!(" · {} recipients · {grave} findings of weight", summary.recipients.len())
    });
    let saved = health.saving.as_ref().map_or(String::new(), |saving| {
        let failed = if saving.failed.is_some() { " · SAVING FAILED" } else { "" };
        format!(" · {:.1} MB saved{failed}", saving.bytes as f64 / 1e6)
    });
    let (source, lost) = (&health.source, books.lost());
    format!("zollhund: {source}: {state} · {frames} frames, {bytes:.1} MB{found} · {lost} lost{saved}")
}

/// Who a recipient is and how it stands, as far as it is told again when it is known better: names, company behind the name,
/// holder of the network, place and how sure it is, group.
type Said = (Vec<(Text, NameBasis)>, [Option<Box<str>>; 2], Option<(CountryCode, Confidence)>, Listing);

fn said(recipient: &Subject) -> Said {
    let company = |claim: &Option<Claim<Arc<Company>>>| claim.as_ref().map(|claim| claim.value.name.clone());
    let place = recipient.located_in.as_ref().map(|claim| (claim.value, claim.confidence));
    (recipient.names.clone(), [company(&recipient.operator), company(&recipient.holder)], place, recipient.listing)
}

/// Writes what happens as lines of JSON.
struct Teller<'a> {
    lines: &'a Receiver<Vec<u8>>,
    findings: HashMap<(&'static str, Box<str>), Box<str>>,
    recipients: HashMap<FrameNo, Said>,
    told: Option<*const ()>,
    notice: Option<Notice>,
    /// Recipients in the latest picture.
    known: usize,
    next: Instant,
}

impl<'a> Teller<'a> {
    fn new(lines: &'a Receiver<Vec<u8>>) -> Self {
        Self {
            lines,
            findings: HashMap::new(),
            recipients: HashMap::new(),
            told: None,
            notice: None,
            known: 0,
            next: now(),
        }
    }

    /// Hands on what the analysis said, for a beat; `false` if nobody reads it.
    fn pass_on(&mut self) -> bool {
        let mut out = io::stdout().lock();
        let until = now() + BEAT;
        loop {
            match self.lines.recv_timeout(until.saturating_duration_since(now())) {
                Ok(line) => {
                    if out.write_all(&line).is_err() {
                        return false;
                    }
                }
                Err(RecvTimeoutError::Disconnected) => {
                    std::thread::sleep(until.saturating_duration_since(now()));
                    break;
                }
                Err(RecvTimeoutError::Timeout) => break,
            }
            if now() >= until {
                break;
            }
        }
        out.flush().is_ok()
    }
}

impl Teller<'_> {
    /// Tells what is new in the latest picture, and how the run is doing.
    fn tell(&mut self, session: &Session) {
        let mut out = Vec::new();
        let health = session.health();
        // The oldest are forgotten: what was told last says where to go on.
        let told = self.notice.as_ref().and_then(|last| health.notices.iter().rposition(|notice| notice == last));
        for notice in health.notices.iter().skip(told.map_or(0, |at| at + 1)) {
            let line = serde_json::json!({
                "event": "notice", "time": notice.time.to_string(), "grave": notice.grave, "text": notice.text.to_string(),
            });
            let _ = writeln!(out, "{line}");
        }
        self.notice = health.notices.last().cloned().or(self.notice.take());
        if let Some(picture) = session.picture()
            && self.told != Some(Arc::as_ptr(&picture).cast())
        {
            self.told = Some(Arc::as_ptr(&picture).cast());
            for row in (1..).zip(&picture.summary.findings) {
                let finding = row.1;
                let before = self.findings.insert((finding.code, finding.subject.clone()), finding.text.clone());
                if before.as_ref() != Some(&finding.text) {
                    json_line::<Findings>("finding", &row, &mut out);
                }
            }
            for recipient in &picture.summary.recipients {
                let Some(first) = recipient.frames.first() else { continue };
                let said = said(recipient);
                if self.recipients.get(first) != Some(&said) {
                    self.recipients.insert(*first, said);
                    recipient_line(recipient, &mut out);
                }
            }
            self.known = picture.summary.recipients.len();
        }
        if now() >= self.next {
            self.next = now() + Duration::from_secs(1);
            let books = &health.books;
            let line = serde_json::json!({
                "event": "progress",
                "time": health.now.to_string(),
                "capture": health.capture.token(),
                "recipients": self.known,
                "delivered": books.delivered,
                "bytes": books.delivered_bytes,
                "analyzed": books.analyzed,
                "not_analyzed": books.not_analyzed,
                "saved": books.saved,
                "not_saved": books.not_saved,
                "kernel_dropped": books.kernel_dropped,
                "interface_dropped": books.interface_dropped,
                "lines_missed": session.lines_missed(),
            });
            let _ = writeln!(out, "{line}");
        }
        let _ = io::stdout().lock().write_all(&out);
    }
}
