//! A running capture in the dashboard: pictures and health go in, what the user wants comes out.

use super::live::{PATIENCE, Running, Session};
use super::stage::now;
use super::watch::Signals;
use crate::engine::Snapshot;
use crate::ui::{self, Command, Look, Slot};
use std::sync::Arc;
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::thread;
use std::time::Duration;

/// How often the health of the run is told, and a signal noticed at the latest.
const BEAT: Duration = Duration::from_millis(250);
/// How soon it is noticed that everything is closed.
const CLOSING: Duration = Duration::from_millis(20);
/// How long a terminal may take to let go. One that takes nothing any more must not keep the evidence open.
const LETTING_GO: Duration = Duration::from_secs(2);

/// Shows the capture until the user quits, a signal comes, the time is over or the terminal goes away; then the capture is
/// stopped and the terminal given back. A source that ended by itself stays on the screen. `blank` is seen before the first
/// picture. Gives a complaint if the dashboard failed: the capture then ends too, for nobody looks on.
///
/// The dashboard is a thread of its own: one that breaks down or hangs takes nothing else with it.
pub(super) fn show(
    session: &mut Session,
    blank: Snapshot,
    look: Look,
    duration: Option<Duration>,
    signals: &Signals,
) -> Option<String> {
    let slot = Arc::new(Slot::new(Arc::new(blank), Arc::new(session.health())));
    session.show({
        let slot = Arc::clone(&slot);
        move |picture| slot.put(picture)
    });
    let (send, commands) = channel();
    let dashboard = Running::start("zh-dashboard", {
        let slot = Arc::clone(&slot);
        move || ui::run(&slot, look, |command| drop(send.send(command)))
    });
    let mut dashboard = match dashboard {
        Ok(dashboard) => dashboard,
        Err(error) => return Some(format!("{error:#}")),
    };
    let begun = now();
    let asked_to_quit = loop {
        match commands.recv_timeout(BEAT) {
            Ok(Command::Mark(text)) => session.mark(text),
            Ok(Command::Save) => session.sync(),
            Ok(Command::Quit) | Err(RecvTimeoutError::Disconnected) => break true,
            Err(RecvTimeoutError::Timeout) => {}
        }
        if signals.came() || duration.is_some_and(|duration| begun.elapsed() >= duration) {
            break false;
        }
        session.is_over();
        slot.tell(Arc::new(session.health()));
    };
    session.stop();
    // Whoever quits sees the capture close.
    let begun = now();
    while asked_to_quit && !dashboard.is_over() && !signals.came() && begun.elapsed() < PATIENCE {
        session.is_over();
        slot.tell(Arc::new(session.health()));
        thread::sleep(CLOSING);
    }
    slot.leave();
    let begun = now();
    while !dashboard.is_over() && begun.elapsed() < LETTING_GO {
        thread::sleep(CLOSING);
    }
    match dashboard.left {
        Some(Ok(())) => None,
        Some(Err(error)) => {
            Some(format!("cannot draw on this terminal, so nothing was watched: {error}; use --headless"))
        }
        None if dashboard.broken => {
            Some("the dashboard broke down, and the capture was ended; use --headless".to_owned())
        }
        None => Some("the terminal took nothing any more, and the dashboard was left alone".to_owned()),
    }
}
