//! What lies between a key and the screen, and between a picture and the screen: 5,000 recipients, 50,000 flows, 200×60.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, unreachable_pub, reason = "a bench may stop where it stands")]

#[path = "../tests/screens/pictures.rs"]
#[allow(dead_code, reason = "shared with the tests of the screens")]
mod pictures;

use crossterm::event::{Event, KeyCode, KeyEvent, KeyModifiers};
use divan::Bencher;
use ratatui::Terminal;
use ratatui::backend::TestBackend;
use ratatui::layout::Size;
use std::sync::Arc;
use zollhund::engine::health::Health;
use zollhund::policy::Lang;
use zollhund::ui::{Look, View, draw};

fn main() {
    divan::main();
}

struct Desk {
    view: View,
    health: Health,
    terminal: Terminal<TestBackend>,
}

impl Desk {
    /// A dashboard on which these keys were pressed.
    fn new(keys: &str) -> Self {
        let view = View::new(Look::default(), Size::new(200, 60), pictures::large(5_000, 50_000));
        let terminal = Terminal::new(TestBackend::new(200, 60)).unwrap();
        let mut desk = Self { view, health: pictures::recording(), terminal };
        keys.chars().for_each(|key| desk.press(key));
        desk
    }

    /// From a key to the screen.
    fn press(&mut self, key: char) {
        let code = if key == '\n' { KeyCode::Enter } else { KeyCode::Char(key) };
        self.view.update(&Event::Key(KeyEvent::new(code, KeyModifiers::NONE)), &self.health);
        self.terminal.draw(|frame| draw(frame, &self.view, &self.health)).unwrap();
    }
}

/// The page is opened, and what else is pressed before; then the key whose time is taken.
#[divan::bench(args = [("2", 'j'), ("2", 's'), ("2/zoo", 'm'), ("3", 'j'), ("3", 's'), ("3/zoo", 'm'), ("4", 'j'), ("2\n", 'j'), ("6", '1')])]
fn key(bencher: Bencher, (before, key): (&str, char)) {
    let desk = Desk::new(before);
    bencher.with_inputs(|| (desk.view.clone(), Terminal::new(TestBackend::new(200, 60)).unwrap())).bench_local_values(
        |(view, terminal)| {
            let mut desk = Desk { view, health: desk.health.clone(), terminal };
            desk.press(key);
            desk
        },
    );
}

/// A new picture comes in and is drawn.
#[divan::bench(args = ["1", "2", "2/zoom", "3", "3/zoom", "4"])]
fn picture(bencher: Bencher, page: &str) {
    let mut desk = Desk::new(page);
    let pictures = [pictures::large(5_000, 50_000), pictures::large(5_000, 50_000)];
    let mut turn = 0;
    bencher.bench_local(|| {
        turn += 1;
        desk.view.take(Arc::clone(&pictures[turn % 2]));
        desk.terminal.draw(|frame| draw(frame, &desk.view, &desk.health)).unwrap();
    });
}

/// The generated call on a small screen, as it is drawn again and again while it runs.
#[divan::bench]
fn usual(bencher: Bencher) {
    let (health, picture) = (pictures::recording(), pictures::busy(Lang::En));
    let mut view = View::new(Look::default(), Size::new(80, 24), Arc::clone(&picture));
    let mut terminal = Terminal::new(TestBackend::new(80, 24)).unwrap();
    bencher.bench_local(|| {
        view.take(Arc::clone(&picture));
        terminal.draw(|frame| draw(frame, &view, &health)).unwrap();
    });
}
