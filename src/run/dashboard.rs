//! A running capture in the dashboard: pictures and health go in, what the user wants comes out.

use super::live::{PATIENCE, Running, Session};
use super::offline::Outcome;
use super::stage::now;
use super::watch::Signals;
use crate::engine::Snapshot;
use crate::engine::health::{Closing, Health, Seal};
use crate::ui::{self, Command, Look, Slot};
use anyhow::Result;
use std::io;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::thread;
use std::time::Duration;

/// How often the health of the run is told, and a signal noticed at the latest.
const BEAT: Duration = Duration::from_millis(250);
/// How soon it is noticed that everything is closed, or that the last screen is left.
const CLOSING: Duration = Duration::from_millis(20);
/// How long a terminal may take to let go. One that takes nothing any more must not keep the evidence open.
const LETTING_GO: Duration = Duration::from_secs(2);

/// The dashboard of a run. It is a thread of its own: one that breaks down or hangs takes nothing else with it. Letting go of
/// it gives the terminal back.
pub(super) struct Shown {
    slot: Arc<Slot>,
    commands: Receiver<Command>,
    dashboard: Running<io::Result<()>>,
    /// The user quit and waits for what comes of it.
    attended: bool,
    health: Health,
}

impl Shown {
    /// Shows the run. `blank` is seen before its first picture.
    pub(super) fn start(session: &mut Session, blank: Snapshot, look: Look) -> Result<Self> {
        let health = session.health();
        let slot = Arc::new(Slot::new(Arc::new(blank), Arc::new(health.clone())));
        session.show({
            let slot = Arc::clone(&slot);
            move |picture| slot.put(picture)
        });
        let (send, commands) = channel();
        let dashboard = Running::start("zh-dashboard", {
            let slot = Arc::clone(&slot);
            move || ui::run(&slot, look, |command| drop(send.send(command)))
        })?;
        Ok(Self { slot, commands, dashboard, attended: false, health })
    }

    /// Follows the user until one quits, a signal comes, the time is over or the terminal goes away; then the capture is
    /// stopped. A source that ended by itself stays on the screen. Whoever quits sees the capture close, and where a bundle is
    /// made, what comes after it; nobody else waits for the dashboard.
    pub(super) fn watch(&mut self, session: &mut Session, duration: Option<Duration>, signals: &Signals) {
        let begun = now();
        self.attended = loop {
            match self.commands.recv_timeout(BEAT) {
                Ok(Command::Mark(text)) => session.mark(text),
                Ok(Command::Save) => session.sync(),
                Ok(Command::Clients(wanted)) => session.list_clients(wanted),
                Ok(Command::Choose(client)) => session.choose(client),
                Ok(Command::Quit) | Err(RecvTimeoutError::Disconnected) => break true,
                Err(RecvTimeoutError::Timeout) => {}
            }
            if signals.came() || duration.is_some_and(|duration| begun.elapsed() >= duration) {
                break false;
            }
            session.is_over();
            self.tell(session.health());
        };
        session.stop();
        let begun = now();
        while self.attended && !self.dashboard.is_over() && !signals.came() && begun.elapsed() < PATIENCE {
            let over = session.is_over();
            self.tell(session.health());
            if over && self.health.saving.is_some() {
                return;
            }
            thread::sleep(CLOSING);
        }
        self.leave();
    }

    fn tell(&mut self, health: Health) {
        self.health = health;
        // Where a bundle is made, more is to be closed than the files of the capture.
        self.health.closed &= self.health.saving.is_none();
        self.slot.tell(Arc::new(self.health.clone()));
    }

    /// What is being closed now.
    pub(super) fn closes(&mut self, what: Closing) {
        self.health.closing = what;
        self.slot.tell(Arc::new(self.health.clone()));
    }

    /// The last screen: how the bundle is known. Stays until a key is pressed or one of the signals comes.
    pub(super) fn farewell(mut self, outcome: &Outcome, leave: &[Signals]) {
        let Some(sealed) = &outcome.sealed else { return };
        let folder = self.health.saving.as_ref().map(|saving| saving.folder.clone()).unwrap_or_default();
        let folder = folder.exact();
        self.health.seal = Some(Seal {
            folder: folder.strip_suffix(super::bundle::RECORDING).map_or(folder, |f| f.trim_end_matches('/')).into(),
            digest: sealed.digest.as_str().into(),
            frames: outcome.summary.circumstances.frames,
            files: sealed.files as u64,
            bytes: sealed.bytes,
        });
        self.health.closed = true;
        self.slot.tell(Arc::new(self.health.clone()));
        while self.attended && !self.dashboard.is_over() && !leave.iter().any(Signals::came) {
            thread::sleep(CLOSING);
        }
    }

    /// Why nobody could look on; the capture ended then.
    pub(super) fn complaint(&mut self) -> Option<String> {
        // One that still waits for its last screen is well.
        self.dashboard.is_over();
        match &self.dashboard.left {
            Some(Err(error)) => {
                Some(format!("cannot draw on this terminal, so nothing was watched: {error}; use --headless"))
            }
            _ if self.dashboard.broken => {
                Some("the dashboard broke down, and the capture was ended; use --headless".to_owned())
            }
            None if self.slot.is_left() => {
                Some("the terminal took nothing any more, and the dashboard was left alone".to_owned())
            }
            _ => None,
        }
    }

    fn leave(&mut self) {
        if self.slot.is_left() {
            return;
        }
        self.slot.leave();
        let begun = now();
        while !self.dashboard.is_over() && begun.elapsed() < LETTING_GO {
            thread::sleep(CLOSING);
        }
    }
}

impl Drop for Shown {
    fn drop(&mut self) {
        self.leave();
    }
}
