//! The terminal: taken over, given back whatever happens, and the loop between keys, pictures and screen.

use super::keys::Context;
use super::theme::Look;
use super::{Command, View, draw};
use crate::engine::Snapshot;
use crate::engine::health::Health;
use crossterm::event::{self, Event};
use crossterm::terminal::{
    EnterAlternateScreen, LeaveAlternateScreen, disable_raw_mode, enable_raw_mode, size as terminal_size,
};
use crossterm::{cursor, execute};
use ratatui::Terminal;
use ratatui::backend::CrosstermBackend;
use ratatui::layout::Size;
use std::io::{self, BufWriter, Stdout, Write};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, sync_channel};
use std::sync::{Arc, Mutex, Once, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

/// Pictures are drawn no faster than this; keys are answered at once.
const FRAME: Duration = Duration::from_millis(100);
/// How often the keyboard looks whether it is still wanted.
const KEYBOARD: Duration = Duration::from_millis(250);
/// Keys that may wait while a picture is drawn; more than anybody types.
const KEYS: usize = 256;
/// Buttons and wheel of the mouse (xterm's modes 1000 and 1006), without a report for every step it moves.
const MOUSE_ON: &[u8] = b"\x1b[?1000h\x1b[?1006h";
const MOUSE_OFF: &[u8] = b"\x1b[?1006l\x1b[?1000l";

/// What the dashboard looks at: the wiring puts pictures in, the loop takes the latest.
#[derive(Debug)]
pub struct Slot {
    shown: Mutex<(Arc<Snapshot>, Arc<Health>)>,
    leave: AtomicBool,
}

impl Slot {
    #[must_use]
    pub fn new(snapshot: Arc<Snapshot>, health: Arc<Health>) -> Self {
        Self { shown: Mutex::new((snapshot, health)), leave: AtomicBool::new(false) }
    }

    /// A new picture. Cheap; one that nobody has looked at is let go.
    pub fn put(&self, snapshot: Arc<Snapshot>) {
        self.shown.lock().unwrap_or_else(PoisonError::into_inner).0 = snapshot;
    }

    /// How the run is doing now.
    pub fn tell(&self, health: Arc<Health>) {
        self.shown.lock().unwrap_or_else(PoisonError::into_inner).1 = health;
    }

    /// The dashboard is to end at once: somebody sent a signal.
    pub fn leave(&self) {
        self.leave.store(true, Ordering::Release);
    }

    /// Whether it was told to.
    #[must_use]
    pub fn is_left(&self) -> bool {
        self.leave.load(Ordering::Acquire)
    }

    fn latest(&self) -> (Arc<Snapshot>, Arc<Health>) {
        let shown = self.shown.lock().unwrap_or_else(PoisonError::into_inner);
        (Arc::clone(&shown.0), Arc::clone(&shown.1))
    }
}

/// Whether the terminal is ours: what must be undone before anybody writes a line to it.
static TAKEN: AtomicBool = AtomicBool::new(false);

/// The terminal as long as it is ours.
struct Guard;

impl Guard {
    fn take() -> io::Result<Self> {
        static HOOK: Once = Once::new();
        HOOK.call_once(|| {
            let before = std::panic::take_hook();
            std::panic::set_hook(Box::new(move |panic| {
                give_back();
                before(panic);
            }));
        });
        enable_raw_mode()?;
        TAKEN.store(true, Ordering::Release);
        let guard = Self;
        let mut out = io::stdout();
        execute!(out, EnterAlternateScreen, cursor::Hide)?;
        out.write_all(MOUSE_ON)?;
        out.flush()?;
        Ok(guard)
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        give_back();
    }
}

/// Undoes everything, once. The terminal may be gone: then there is nothing to undo.
fn give_back() {
    if TAKEN.swap(false, Ordering::AcqRel) {
        let mut out = io::stdout();
        let _ = out.write_all(MOUSE_OFF);
        let _ = execute!(out, LeaveAlternateScreen, cursor::Show);
        let _ = disable_raw_mode();
    }
}

/// Reads keys and the mouse on a thread of its own: at the end of a terminal the reader never comes back, and must not take
/// the loop with it.
struct Keyboard {
    events: Receiver<Event>,
    wanted: Arc<AtomicBool>,
}

impl Keyboard {
    fn listen() -> io::Result<Self> {
        let (sender, events) = sync_channel(KEYS);
        let wanted = Arc::new(AtomicBool::new(true));
        let still_wanted = Arc::clone(&wanted);
        thread::Builder::new().name("zh-keys".into()).spawn(move || {
            while still_wanted.load(Ordering::Acquire) {
                match event::poll(KEYBOARD) {
                    Ok(false) => {}
                    Ok(true) => {
                        let Ok(event) = event::read() else { return };
                        if sender.send(event).is_err() {
                            return;
                        }
                    }
                    Err(_) => return,
                }
            }
        })?;
        Ok(Self { events, wanted })
    }
}

impl Drop for Keyboard {
    fn drop(&mut self) {
        self.wanted.store(false, Ordering::Release);
    }
}

/// When the screen was drawn; nothing that is shown depends on it.
#[expect(clippy::disallowed_methods, reason = "pictures are drawn at most so often")]
fn now() -> Instant {
    Instant::now()
}

/// Whether nobody is there any more: the window was closed, the connection broke.
#[cfg(target_os = "linux")]
fn hung_up() -> bool {
    use rustix::event::{PollFd, PollFlags, Timespec, poll};
    let out = io::stdout();
    let mut terminal = [PollFd::new(&out, PollFlags::empty())];
    let now = Timespec { tv_sec: 0, tv_nsec: 0 };
    let asked = poll(&mut terminal, Some(&now));
    asked.is_ok()
        && terminal.iter().any(|fd| fd.revents().intersects(PollFlags::HUP | PollFlags::ERR | PollFlags::NVAL))
}

/// Elsewhere it is seen by the first line that cannot be written.
#[cfg(not(target_os = "linux"))]
const fn hung_up() -> bool {
    false
}

/// Shows the dashboard until the user quits and everything is closed, until [`Slot::leave`], or until the terminal goes away;
/// then [`Command::Quit`] was sent. Takes the terminal over and gives it back, in a panic too.
///
/// # Errors
/// The terminal cannot be taken over.
pub fn run(slot: &Slot, look: Look, mut send: impl FnMut(Command)) -> io::Result<()> {
    let guard = Guard::take()?;
    let keyboard = Keyboard::listen()?;
    let out = BufWriter::with_capacity(1 << 16, io::stdout());
    let mut terminal = Terminal::new(CrosstermBackend::new(out))?;
    let (width, height) = terminal_size()?;
    let (mut snapshot, mut health) = slot.latest();
    let mut view = View::new(look, Size::new(width, height), Arc::clone(&snapshot));
    let mut asked_to_quit = false;
    let mut pass_on = |command: Command| {
        asked_to_quit |= command == Command::Quit;
        send(command);
    };
    let mut shown: Option<Instant> = None;
    // `touched`: the user did something and waits for it. `changed`: there is something new to see.
    let (mut touched, mut changed) = (true, true);
    loop {
        if touched || (changed && shown.is_none_or(|at| at.elapsed() >= FRAME)) {
            if view.takes_redraw() {
                terminal.clear()?;
            }
            if show(&mut terminal, &view, &health).is_err() {
                break;
            }
            shown = Some(now());
            (touched, changed) = (false, false);
        }
        match keyboard.events.recv_timeout(FRAME) {
            Ok(event) => {
                let more = std::iter::from_fn(|| keyboard.events.try_recv().ok());
                for event in std::iter::once(event).chain(more) {
                    if let Some(command) = view.update(&event, &health) {
                        pass_on(command);
                    }
                }
                touched = true;
            }
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => break,
        }
        if slot.is_left() || hung_up() {
            break;
        }
        let (new_snapshot, new_health) = slot.latest();
        if !Arc::ptr_eq(&snapshot, &new_snapshot) {
            snapshot = new_snapshot;
            view.take(Arc::clone(&snapshot));
            changed = true;
        }
        if !Arc::ptr_eq(&health, &new_health) {
            // What was asked for is answered at once: the last screen.
            let before = view.context(&health);
            changed |= *health != *new_health;
            health = new_health;
            touched |= before != view.context(&health) && view.context(&health) == Context::Farewell;
        }
        if view.is_over(&health) {
            break;
        }
        // A signal of a new size can be missed; asking costs nothing.
        if let Ok((width, height)) = terminal_size()
            && Size::new(width, height) != view.size
        {
            view.update(&Event::Resize(width, height), &health);
            touched = true;
        }
    }
    if !asked_to_quit {
        send(Command::Quit);
    }
    drop(keyboard);
    drop(guard);
    Ok(())
}

fn show(terminal: &mut Terminal<CrosstermBackend<BufWriter<Stdout>>>, view: &View, health: &Health) -> io::Result<()> {
    terminal.draw(|frame| draw(frame, view, health))?;
    terminal.backend_mut().flush()
}
