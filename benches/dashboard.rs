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
use zollhund::engine::{Config, Engine, Input};
use zollhund::policy::Lang;
use zollhund::run::{Wanted, knowledge};
use zollhund::synth::Random;
use zollhund::synth::frames::TcpTalk;
use zollhund::synth::hello::{ClientHello, handshake_records};
use zollhund::ui::{Look, View, draw};
use zollhund::wire::{End, Frame, FrameNo, LinkType, Side, Timestamp};

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

/// A picture of 50,000 flows to 5,000 recipients, as the analysis makes it between two frames; and the same without its rows
/// of flows and hellos.
#[divan::bench(args = [50_000, 0], sample_count = 20)]
fn snapshot(bencher: Bencher, rows: usize) {
    let knowledge = knowledge(&Wanted { service: Some("zoom"), ..Wanted::default() }).unwrap();
    let mut engine = Engine::new(&Config::default());
    let mut random = Random::new(1);
    let mut number = 0;
    for flow in 0..50_000_u32 {
        let at = flow % 5_000;
        let client =
            End { address: [192, 168, 178, 23].into(), port: (10_000 + flow / 5_000 * 5_000 + at % 5_000) as u16 };
        let server = End { address: std::net::Ipv4Addr::from(0x0c00_0000 + at * 2_711).into(), port: 443 };
        let mut talk = TcpTalk::new(client, server, &mut random);
        let mut frames = talk.open().to_vec();
        let hello = ClientHello::modern(&format!("n{}.company-{at}.example", flow % 3)).message(&mut random);
        frames.extend(talk.say(Side::First, &handshake_records(&hello, 16_000)));
        for bytes in frames {
            number += 1;
            let time = Timestamp(1_792_054_800_000_000_000 + number * 1_000_000);
            let (link, original_len) = (LinkType::RAW, bytes.len() as u32);
            engine.ingest(Input::Frame(Frame { number: FrameNo(number), time, link, original_len, bytes: &bytes }));
            while engine.poll().is_some() {}
        }
    }
    bencher.bench_local(|| engine.snapshot(&knowledge, rows));
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
