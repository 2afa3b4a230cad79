//! The generated call in the dashboard, in real time: what it would have been to watch it.

use crate::engine::health::{Books, CaptureState, Health, SourceKind};
use crate::engine::view::{CaptureInfo, Marker};
use crate::engine::{Config, Engine, Input, Knowledge, Snapshot};
use crate::synth::{self, Call};
use crate::ui::{self, Command, Look, Slot};
use crate::wire::{Frame, FrameNo, Timestamp};
use anyhow::{Context, Result};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, sync_channel};
use std::thread;
use std::time::{Duration, Instant};

/// Rows of flows and hellos in a picture; the call has some dozens.
const ROWS: usize = 10_000;
const PICTURE_EVERY: Duration = Duration::from_millis(250);
/// As fast as possible: the call is over in a moment.
const MAX_PACE: f64 = 10_000.0;

/// The clock that paces the show; what happens in it has the times of the call.
#[expect(clippy::disallowed_methods, reason = "the call is played in real time")]
fn clock() -> Instant {
    Instant::now()
}

/// Shows the call until the user quits. `pace` is how much faster than real time it goes.
pub fn demo(seed: u64, pace: f64, knowledge: &Knowledge, look: Look) -> Result<()> {
    let call = synth::call(seed);
    let mut stage = Stage::new(&call, pace.min(MAX_PACE), knowledge);
    let slot = Slot::new(Arc::new(stage.picture()), Arc::new(stage.health(false)));
    let (sender, commands) = sync_channel(16);
    thread::scope(|scope| {
        let engine = thread::Builder::new().name("zh-analysis".into());
        let pictures = &slot;
        engine.spawn_scoped(scope, move || stage.play(pictures, &commands)).context("cannot start the analysis")?;
        // The analysis goes on until it is told to quit, and it is told so however the dashboard ends.
        let ended = ui::run(&slot, look, |command| drop(sender.send(command)));
        let _ = sender.send(Command::Quit);
        ended.context("cannot draw on this terminal; `--headless` prints the summary instead")
    })
}

struct Stage<'c> {
    call: &'c Call,
    speed: f64,
    knowledge: &'c Knowledge,
    engine: Engine,
    started: Instant,
    /// The time of the call's first frame, and of the last thing that happened.
    from: Timestamp,
    now: Timestamp,
    books: Books,
    ended: bool,
}

impl<'c> Stage<'c> {
    fn new(call: &'c Call, speed: f64, knowledge: &'c Knowledge) -> Self {
        let from = call.frames().next().map_or(Timestamp::ZERO, |(time, _)| time);
        Self {
            call,
            speed,
            knowledge,
            engine: Engine::new(&Config::default()),
            started: clock(),
            from,
            now: from,
            books: Books::default(),
            ended: false,
        }
    }

    fn picture(&self) -> Snapshot {
        let mut picture = self.engine.snapshot(self.knowledge, ROWS);
        picture.summary.captures.push(CaptureInfo {
            name: "generated call".into(),
            format: "generated".into(),
            bytes: self.books.delivered_bytes,
            link_types: vec![self.call.link.to_string().into()],
            ..CaptureInfo::default()
        });
        picture
    }

    fn health(&self, closed: bool) -> Health {
        Health {
            source: "generated call".into(),
            kind: SourceKind::Generated,
            capture: if self.ended { CaptureState::Ended { at: self.now } } else { CaptureState::Running },
            now: self.now,
            started: self.from,
            books: self.books,
            closed,
            ..Health::default()
        }
    }

    /// How long it is until something of the call happens.
    fn until(&self, time: Timestamp) -> Duration {
        let after = Duration::from_nanos(time.since(self.from)).div_f64(self.speed);
        after.saturating_sub(self.started.elapsed())
    }

    /// The time that the call has reached.
    fn reached(&self) -> Timestamp {
        let played = self.started.elapsed().mul_f64(self.speed);
        self.from.plus_nanos(u64::try_from(played.as_nanos()).unwrap_or(u64::MAX))
    }

    fn play(&mut self, slot: &Slot, commands: &Receiver<Command>) {
        self.started = clock();
        let call = self.call;
        let mut markers = call.markers.iter().peekable();
        let mut shown = clock();
        for (number, (time, bytes)) in (1..).zip(call.frames()) {
            while let Some((at, text)) = markers.next_if(|(at, _)| *at <= time) {
                self.engine.ingest(Input::Mark(Marker { time: *at, text: (*text).into() }));
            }
            loop {
                let wait = self.until(time);
                if shown.elapsed() >= PICTURE_EVERY {
                    shown = clock();
                    self.now = self.reached().max(self.now);
                    slot.put(Arc::new(self.picture()));
                    slot.tell(Arc::new(self.health(false)));
                }
                if wait.is_zero() {
                    break;
                }
                if self.obey(commands, wait.min(PICTURE_EVERY)) {
                    return slot.tell(Arc::new(self.health(true)));
                }
            }
            let original_len = bytes.len() as u32;
            self.engine.ingest(Input::Frame(Frame {
                number: FrameNo(number),
                time,
                link: call.link,
                original_len,
                bytes,
            }));
            while self.engine.poll().is_some() {}
            self.now = self.now.max(time);
            self.books.delivered += 1;
            self.books.analyzed += 1;
            self.books.delivered_bytes += u64::from(original_len);
        }
        for (at, text) in markers {
            self.engine.ingest(Input::Mark(Marker { time: *at, text: (*text).into() }));
        }
        self.engine.end();
        while self.engine.poll().is_some() {}
        self.ended = true;
        loop {
            slot.put(Arc::new(self.picture()));
            slot.tell(Arc::new(self.health(false)));
            if self.obey(commands, Duration::MAX) {
                return slot.tell(Arc::new(self.health(true)));
            }
        }
    }

    /// Waits for a command, at most so long, and follows it. Whether the show is over.
    fn obey(&mut self, commands: &Receiver<Command>, wait: Duration) -> bool {
        match commands.recv_timeout(wait) {
            Ok(Command::Mark(text)) => {
                let time = if self.ended { self.now } else { self.reached().max(self.now) };
                self.engine.ingest(Input::Mark(Marker { time, text }));
                false
            }
            // Nothing is saved.
            Ok(Command::Save) | Err(RecvTimeoutError::Timeout) => false,
            Ok(Command::Quit) | Err(RecvTimeoutError::Disconnected) => true,
        }
    }
}
