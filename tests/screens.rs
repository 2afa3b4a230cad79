//! The dashboard as text: every page, empty and busy, small and large, with and without colours; what keys and the mouse do;
//! and that nothing from the wire gets on the screen as it came.
//!
//! `UPDATE_EXPECTED=1 cargo test --test screens` rewrites the expected screens.

#![cfg(feature = "tui")]
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    unreachable_pub,
    reason = "a test may stop where it stands"
)]

mod program;
mod screens {
    pub mod pictures;
    mod terminal;
}

use crossterm::event::{Event, KeyCode, KeyEvent, KeyModifiers, MouseButton, MouseEvent, MouseEventKind};
use proptest::prelude::*;
use ratatui::Terminal;
use ratatui::backend::TestBackend;
use ratatui::buffer::Buffer;
use ratatui::layout::Size;
use ratatui::style::Color;
use screens::pictures::{busy, choosing, empty, hostile, idle, large, owned, recording, replaced};
use std::fmt::Write;
use std::fs;
use std::path::Path;
use std::sync::Arc;
use zollhund::engine::Snapshot;
use zollhund::engine::health::{CaptureState, Choice, Client, Closing, Health, ScopeOf, Seal, SourceKind};
use zollhund::policy::Lang;
use zollhund::ui::{Command, Look, Page, Palette, View, draw};
use zollhund::wire::{Timestamp, is_treacherous};

const SMALL: (u16, u16) = (80, 24);
const LARGE: (u16, u16) = (200, 60);

fn screen(view: &View, health: &Health, (width, height): (u16, u16)) -> Buffer {
    let mut terminal = Terminal::new(TestBackend::new(width, height)).unwrap();
    terminal.draw(|frame| draw(frame, view, health)).unwrap();
    terminal.backend().buffer().clone()
}

fn text(buffer: &Buffer) -> String {
    let mut text = String::new();
    for y in 0..buffer.area.height {
        let mut line = String::new();
        let mut x = 0;
        while x < buffer.area.width {
            let symbol = buffer[(x, y)].symbol();
            line.push_str(symbol);
            // What is two columns wide covers the next cell.
            x += unicode_width::UnicodeWidthStr::width(symbol).max(1) as u16;
        }
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text
}

fn view(look: Look, (width, height): (u16, u16), picture: &Arc<Snapshot>) -> View {
    View::new(look, Size::new(width, height), Arc::clone(picture))
}

fn press(view: &mut View, health: &Health, code: KeyCode) -> Option<Command> {
    view.update(&Event::Key(KeyEvent::new(code, KeyModifiers::NONE)), health)
}

/// Types letters, one key each.
fn keys(view: &mut View, health: &Health, letters: &str) -> Vec<Command> {
    letters.chars().filter_map(|c| press(view, health, KeyCode::Char(c))).collect()
}

fn expect(name: &str, actual: &str) {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/expected/screens").join(name);
    // A new edition of a data file is no new picture.
    let mut parts = actual.split("SHA-256 ");
    let first = parts.next().unwrap_or_default().to_owned();
    let hash = |c: char| c.is_ascii_hexdigit();
    let actual = parts.fold(first, |text, part| {
        let rest = part.trim_start_matches(hash);
        if part.len() - rest.len() == 12 {
            format!("{text}SHA-256 HASH{rest}")
        } else {
            format!("{text}SHA-256 {part}")
        }
    });
    if std::env::var_os("UPDATE_EXPECTED").is_some() {
        fs::write(&file, &actual).unwrap();
    }
    let expected = fs::read_to_string(&file).unwrap_or_default();
    if actual != expected {
        let differs = actual.lines().zip(expected.lines()).find(|(a, b)| a != b);
        panic!("tests/expected/screens/{name} differs; UPDATE_EXPECTED=1 and look at the difference: {differs:#?}");
    }
}

/// Every page with what is typed to get there.
const PAGES: [(&str, &str); 8] = [
    ("overview", "1"),
    ("recipients", "2"),
    ("flows", "3"),
    ("findings", "4"),
    ("detail", "2\n"),
    ("markers", "5"),
    ("health", "6"),
    ("help", "?"),
];

fn go(view: &mut View, health: &Health, path: &str) {
    for c in path.chars() {
        press(view, health, if c == '\n' { KeyCode::Enter } else { KeyCode::Char(c) });
    }
}

/// All pages one under the other; in colours they say the same.
fn album(look: Look, size: (u16, u16), picture: &Arc<Snapshot>, health: &Health) -> String {
    let mut album = String::new();
    for (name, path) in PAGES {
        let mut view = view(look, size, picture);
        go(&mut view, health, path);
        let shown = screen(&view, health, size);
        let _ = writeln!(album, "{name} ({path:?})\n{}\n{}", "=".repeat(size.0.into()), text(&shown));
        for palette in [Palette::Dark, Palette::Light] {
            let mut colored = View::new(Look { palette, ..look }, Size::new(size.0, size.1), Arc::clone(picture));
            go(&mut colored, health, path);
            let colored = screen(&colored, health, size);
            assert_eq!(text(&colored), text(&shown), "{name}: colours say nothing of their own");
            assert!(colored.content().iter().any(|cell| matches!(cell.fg, Color::Indexed(_))), "{name}");
        }
        let colorless = shown.content().iter().all(|cell| (cell.fg, cell.bg) == (Color::Reset, Color::Reset));
        assert!(colorless, "{name}");
    }
    album
}

const PLAIN: Look = Look { palette: Palette::Mono, ascii: false, lang: Lang::En };

#[test]
fn every_page_empty_and_busy_small_and_large() {
    for (name, picture, health) in [("empty", empty(Lang::En), idle()), ("busy", busy(Lang::En), recording())] {
        for size in [SMALL, LARGE] {
            expect(&format!("{name}.{}x{}.txt", size.0, size.1), &album(PLAIN, size, &picture, &health));
        }
    }
}

#[test]
fn every_page_in_german_and_in_ascii() {
    expect("busy.80x24.de.txt", &album(Look { lang: Lang::De, ..PLAIN }, SMALL, &busy(Lang::De), &recording()));
    let ascii = album(Look { ascii: true, ..PLAIN }, SMALL, &busy(Lang::En), &recording());
    assert!(ascii.is_ascii());
    expect("busy.80x24.ascii.txt", &ascii);
}

/// The first picture of the README is the one that the program shows.
#[test]
fn the_picture_in_the_readme_is_true() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("README.md");
    let readme = fs::read_to_string(&file).unwrap();
    let size = (100, 32);
    let health = Health { kind: SourceKind::Generated, source: "generated call".into(), saving: None, ..recording() };
    let shown = text(&screen(&view(PLAIN, size, &busy(Lang::En)), &health, size));
    let from = readme.find("```text\n zollhund").unwrap() + "```text\n".len();
    let until = from + readme[from..].find("```").unwrap();
    if std::env::var_os("UPDATE_EXPECTED").is_some() {
        fs::write(&file, format!("{}{shown}{}", &readme[..from], &readme[until..])).unwrap();
    } else {
        assert_eq!(&readme[from..until], shown, "UPDATE_EXPECTED=1 and look at the difference");
    }
}

#[test]
fn what_lies_over_the_pages() {
    let (picture, mut health) = (busy(Lang::En), recording());
    let mut album = String::new();
    let mut add = |name: &str, view: &View, health: &Health| {
        let _ = writeln!(album, "{name}\n{}\n{}", "=".repeat(80), text(&screen(view, health, SMALL)));
    };
    for (name, path) in [
        ("menu of markers", "m"),
        ("text of a marker", "mtcoffee is served"),
        ("filter", "2/zoom us"),
        ("filter without a hit", "3/zoom nobody"),
        ("picture paused", "p"),
        ("sorted by what was sent", "2s"),
        ("really", "q"),
    ] {
        let mut view = view(PLAIN, SMALL, &picture);
        go(&mut view, &health, path);
        add(name, &view, &health);
    }
    let mut dead = health.clone();
    let since = Timestamp(health.now.0 - 75_000_000_000);
    dead.capture = CaptureState::Dead { since, why: "eth0 is gone; plug it in again and start anew".into() };
    dead.books.kernel_dropped = 12_345;
    dead.scope.of = ScopeOf::Client("zoom".into());
    add("a dead capture", &view(PLAIN, SMALL, &picture), &dead);
    let mut on_health = view(PLAIN, SMALL, &picture);
    go(&mut on_health, &dead, "6");
    add("a dead capture: health", &on_health, &dead);
    let narrow = (60, 16);
    let shown = text(&screen(&view(PLAIN, narrow, &picture), &health, narrow));
    assert!(shown.contains("Who the client talks to"), "first of all:\n{shown}");
    let mut leaving = view(PLAIN, SMALL, &picture);
    assert_eq!(keys(&mut leaving, &health, "qy"), [Command::Quit]);
    add("closing", &leaving, &health);
    for closing in [Closing::Report, Closing::Seal] {
        health.closing = closing;
        add("closing", &leaving, &health);
    }
    health.closed = true;
    health.seal = Some(Seal {
        folder: "evidence/2026-10-15".into(),
        digest: "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08".repeat(2).into(),
        frames: 15_095,
        files: 31,
        bytes: 1_234_567,
    });
    add("farewell", &leaving, &health);
    let mut german = View::new(Look { lang: Lang::De, ..PLAIN }, Size::new(80, 24), busy(Lang::De));
    keys(&mut german, &recording(), "qy");
    add("farewell in German", &german, &health);
    for code in [KeyCode::Enter, KeyCode::Char('x'), KeyCode::F(5)] {
        let mut read = leaving.clone();
        assert!(!read.is_over(&health), "the digest is to be read first");
        press(&mut read, &health, code);
        assert!(read.is_over(&health), "any key leads on");
    }
    expect("over.80x24.txt", &album);
}

#[test]
fn the_choice_of_a_client() {
    let (picture, health) = (owned(Lang::En), choosing());
    let mut album = String::new();
    let mut add = |name: &str, view: &View, health: &Health, size: (u16, u16)| {
        let shown = text(&screen(view, health, size));
        let _ = writeln!(album, "{name}\n{}\n{shown}", "=".repeat(size.0.into()));
    };
    let mut view = View::new(PLAIN, Size::new(80, 24), Arc::clone(&picture));
    let looking = Health { choice: Choice::Yes { clients: None }, ..health.clone() };
    assert_eq!(keys(&mut view, &looking, "c"), [Command::Clients(true)]);
    add("looking", &view, &looking, SMALL);
    let none = Health { choice: Choice::Yes { clients: Some([].into()) }, ..health.clone() };
    add("no client runs", &view, &none, SMALL);
    keys(&mut view, &health, "j");
    add("clients", &view, &health, SMALL);
    for palette in [Palette::Dark, Palette::Light] {
        let mut colored = View::new(Look { palette, ..PLAIN }, Size::new(80, 24), Arc::clone(&picture));
        keys(&mut colored, &health, "cj");
        assert_eq!(text(&screen(&colored, &health, SMALL)), text(&screen(&view, &health, SMALL)));
    }
    // What is chosen stays chosen when others come before it.
    let mut more = health.clone();
    let first = Client { pid: 1_200, name: "webex".into(), started: None, services: vec!["webex".into()] };
    let Choice::Yes { clients: Some(clients) } = &health.choice else { panic!() };
    more.choice = Choice::Yes { clients: Some(std::iter::once(first).chain(clients.iter().cloned()).collect()) };
    add("another was started", &view, &more, SMALL);
    assert_eq!(press(&mut view, &more, KeyCode::Enter), Some(Command::Choose(Some((4_711, "zoom".into())))));
    let mut scoped = more.clone();
    scoped.scope.of = ScopeOf::Client("zoom [4711]".into());
    scoped.scope.since = Some(health.now);
    add("chosen", &view, &scoped, SMALL);
    keys(&mut view, &scoped, "c");
    add("chosen, and looked at again", &view, &scoped, SMALL);
    assert_eq!(press(&mut view, &scoped, KeyCode::Esc), Some(Command::Clients(false)));
    keys(&mut view, &scoped, "6");
    add("chosen: health", &view, &scoped, SMALL);
    let mut wide = View::new(Look { lang: Lang::De, ..PLAIN }, Size::new(200, 60), owned(Lang::De));
    keys(&mut wide, &scoped, "cjj");
    add("in German", &wide, &scoped, LARGE);
    // The program without a profile: the browser itself, not the child that holds its sockets.
    keys(&mut wide, &scoped, "jj");
    assert_eq!(press(&mut wide, &scoped, KeyCode::Enter), Some(Command::Choose(Some((5_100, "firefox".into())))));
    // Everything again.
    keys(&mut wide, &scoped, "c");
    assert_eq!(press(&mut wide, &scoped, KeyCode::Enter), Some(Command::Choose(None)));
    expect("clients.txt", &album);

    // Where nobody tells whose flows they are, nothing can be chosen, and it is said why.
    for (of, why) in [
        (ScopeOf::Everything, "nobody tells here"),
        (ScopeOf::Namespace("zoom".into()), "everything here is the client's"),
    ] {
        let mut no = recording();
        no.scope.of = of;
        let mut view = View::new(PLAIN, Size::new(80, 24), Arc::clone(&picture));
        assert_eq!(keys(&mut view, &no, "c"), []);
        assert!(text(&screen(&view, &no, SMALL)).contains(why));
    }
}

#[test]
fn nothing_from_the_wire_reaches_the_screen_as_it_came() {
    let (picture, health) = hostile();
    for size in [SMALL, LARGE, (132, 40)] {
        for ascii in [false, true] {
            for (name, path) in PAGES.into_iter().chain([("clients", "c")]) {
                let mut view = view(Look { ascii, ..PLAIN }, size, &picture);
                go(&mut view, &health, path);
                // Cell by cell: a cell is printed as it is.
                let shown = screen(&view, &health, size);
                let bad = shown.content().iter().find(|cell| cell.symbol().chars().any(is_treacherous));
                assert_eq!(bad, None, "{name}");
                let marks =
                    |s: &str| s.chars().filter(|c| unicode_width::UnicodeWidthChar::width(*c) == Some(0)).count();
                assert!(shown.content().iter().all(|cell| marks(cell.symbol()) <= 2), "{name}: marks climb");
                assert!(!ascii || text(&shown).is_ascii(), "{name}");
            }
        }
    }
    expect("hostile.80x24.txt", &album(PLAIN, SMALL, &picture, &health));
}

#[test]
fn any_size_can_be_drawn() {
    let (picture, health) = (owned(Lang::De), choosing());
    for width in (0..=130).step_by(13).chain([1, 2, 39, 40, 41, 79, 300]) {
        for height in [0, 1, 2, 3, 5, 9, 10, 11, 15, 23, 40, 100] {
            for (_, path) in PAGES.into_iter().chain([("", "m"), ("", "q"), ("", "/x"), ("", "cj")]) {
                let mut view = view(Look { lang: Lang::De, ..PLAIN }, (width, height), &picture);
                go(&mut view, &health, path);
                screen(&view, &health, (width, height));
            }
        }
    }
}

/// The line on which the sign of the chosen row stands.
fn chosen(view: &View, health: &Health) -> (usize, String) {
    let shown = text(&screen(view, health, SMALL));
    let found = shown.lines().enumerate().find(|(_, line)| line.starts_with('▶'));
    found.map_or_else(|| panic!("no row is chosen:\n{shown}"), |(n, line)| (n, line.to_owned()))
}

#[test]
fn the_choice_stays_on_its_recipient_when_data_change() {
    let health = recording();
    let picture = large(40, 400);
    let mut view = view(PLAIN, SMALL, &picture);
    keys(&mut view, &health, "2jjjjjjjjjjjjjjjjjjjjjjjj");
    let (line, before) = chosen(&view, &health);
    let name = before.split_whitespace().nth(1).unwrap().to_owned();
    // Others come before it, and all get new numbers.
    view.take(replaced(&picture, 7));
    let (same_line, after) = chosen(&view, &health);
    assert_eq!((same_line, after.split_whitespace().nth(1)), (line, Some(name.as_str())), "{after}");
    // The order is turned round: the row moves, the choice with it.
    keys(&mut view, &health, "S");
    assert_eq!(chosen(&view, &health).1.split_whitespace().nth(1), Some(name.as_str()));
    // It is filtered out, and chosen again when it is back.
    go(&mut view, &health, "/nothing at all\n");
    assert!(!text(&screen(&view, &health, SMALL)).contains('▶'));
    press(&mut view, &health, KeyCode::Esc);
    assert_eq!(chosen(&view, &health).1.split_whitespace().nth(1), Some(name.as_str()));
}

#[test]
fn a_paused_picture_stands_still_and_catches_up() {
    let health = recording();
    let mut view = view(PLAIN, SMALL, &empty(Lang::En));
    keys(&mut view, &health, "2p");
    view.take(busy(Lang::En));
    assert!(text(&screen(&view, &health, SMALL)).contains("no recipient so far"));
    keys(&mut view, &health, "p");
    assert!(text(&screen(&view, &health, SMALL)).contains("rwcfra.fra.zoom.us"));
}

#[test]
fn keys_become_commands() {
    let (picture, health) = (busy(Lang::En), recording());
    let mut view = view(PLAIN, SMALL, &picture);
    assert_eq!(keys(&mut view, &health, "mn"), [Command::Mark("joined".into())]);
    assert_eq!(keys(&mut view, &health, "mjj"), []);
    assert_eq!(press(&mut view, &health, KeyCode::Enter), Some(Command::Mark("consent given".into())));
    assert_eq!(keys(&mut view, &health, "mt  own words "), []);
    assert_eq!(press(&mut view, &health, KeyCode::Enter), Some(Command::Mark("own words".into())));
    assert_eq!(keys(&mut view, &health, "w"), [Command::Save]);
    assert_eq!(keys(&mut view, &health, "qn"), [], "asked, and denied");
    assert_eq!(keys(&mut view, &health, "qy"), [Command::Quit]);

    // Where nothing is saved there is nothing to put on the disk; and a marker would be lost.
    let mut unsaved = idle();
    unsaved.saving = None;
    let mut view = View::new(PLAIN, Size::new(80, 24), Arc::clone(&picture));
    assert_eq!(keys(&mut view, &unsaved, "w"), []);
    assert_eq!(keys(&mut view, &unsaved, "mmq"), [Command::Mark("microphone off".into())]);
    assert_eq!(keys(&mut view, &unsaved, "y"), [Command::Quit]);

    // A capture that is over takes no marker.
    let over = Health { over: true, ..health };
    assert_eq!(keys(&mut View::new(PLAIN, Size::new(80, 24), picture), &over, "mm"), []);
}

#[test]
fn an_interrupt_ends_at_once_in_every_mode() {
    let health = choosing();
    for path in ["", "m", "mt", "q", "2/", "2\n", "c"] {
        let mut view = view(PLAIN, SMALL, &busy(Lang::En));
        go(&mut view, &health, path);
        let interrupt = Event::Key(KeyEvent::new(KeyCode::Char('c'), KeyModifiers::CONTROL));
        assert_eq!(view.update(&interrupt, &health), Some(Command::Quit), "{path:?}");
        assert!(view.is_over(&health), "{path:?}");
    }
}

#[test]
fn the_mouse_finds_tabs_rows_and_columns() {
    let (picture, health) = (busy(Lang::En), recording());
    let mut view = view(PLAIN, SMALL, &picture);
    let mouse = |view: &mut View, kind, column, row| {
        view.update(&Event::Mouse(MouseEvent { kind, column, row, modifiers: KeyModifiers::NONE }), &health);
    };
    let left = MouseEventKind::Down(MouseButton::Left);
    let tabs = text(&screen(&view, &health, SMALL)).lines().nth(1).unwrap().to_owned();
    let at = |word: &str| tabs.find(word).unwrap() as u16;
    mouse(&mut view, left, at("Recipients"), 1);
    assert!(text(&screen(&view, &health, SMALL)).contains("listed"));
    mouse(&mut view, left, 5, 3 + 4);
    assert_eq!(chosen(&view, &health).0, 3 + 4);
    mouse(&mut view, MouseEventKind::ScrollDown, 5, 5);
    assert_eq!(chosen(&view, &health).0, 3 + 7);
    // A click on the chosen row opens it.
    mouse(&mut view, left, 5, 3 + 7);
    assert!(text(&screen(&view, &health, SMALL)).contains("run by"));
    mouse(&mut view, left, at("Recipients"), 1);
    let head = text(&screen(&view, &health, SMALL)).lines().nth(2).unwrap().to_owned();
    let sent = head.chars().take_while(|c| *c != '▼').count() as u16;
    assert!(head.contains("listed▼"), "{head} {sent}");
    mouse(&mut view, left, head[..head.find("sent").unwrap()].chars().count() as u16, 2);
    assert!(text(&screen(&view, &health, SMALL)).contains("sent▼"));
    mouse(&mut view, left, head[..head.find("sent").unwrap()].chars().count() as u16, 2);
    assert!(text(&screen(&view, &health, SMALL)).contains("sent▲"));
}

#[test]
fn every_tab_can_be_reached_and_left() {
    let health = recording();
    let mut view = view(PLAIN, SMALL, &busy(Lang::En));
    for page in Page::TABS.iter().skip(1).chain([&Page::Overview]) {
        press(&mut view, &health, KeyCode::Tab);
        let title = page.title(Lang::En);
        assert!(text(&screen(&view, &health, SMALL)).lines().nth(1).unwrap().contains(title), "{title}");
    }
}

fn events() -> impl Strategy<Value = Event> {
    let codes = prop_oneof![
        prop::sample::select("123456?hjklgGsSmpwcoqyntMCHx/ a".chars().collect::<Vec<_>>()).prop_map(KeyCode::Char),
        prop::sample::select(vec![
            KeyCode::Enter,
            KeyCode::Esc,
            KeyCode::Backspace,
            KeyCode::Tab,
            KeyCode::PageDown,
            KeyCode::PageUp,
            KeyCode::Home,
            KeyCode::End,
        ]),
    ];
    let key = codes.prop_map(|code| Event::Key(KeyEvent::new(code, KeyModifiers::NONE)));
    let click = (0..90_u16, 0..30_u16).prop_map(|(column, row)| {
        let kind = MouseEventKind::Down(MouseButton::Left);
        Event::Mouse(MouseEvent { kind, column, row, modifiers: KeyModifiers::NONE })
    });
    prop_oneof![6 => key, 2 => click, 1 => (0..120_u16, 0..40_u16).prop_map(|(w, h)| Event::Resize(w, h))]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    /// Whatever is pressed and clicked while pictures come and go: no panic, and the same events give the same screen.
    #[test]
    fn the_same_events_give_the_same_screen(
        script in prop::collection::vec((events(), any::<bool>()), 0..60),
    ) {
        let (few, many, health) = (owned(Lang::En), large(30, 60), choosing());
        let play = || {
            let mut view = view(PLAIN, SMALL, &few);
            let mut size = SMALL;
            for (event, swap) in &script {
                if let Event::Resize(width, height) = event {
                    size = (*width, *height);
                }
                view.update(event, &health);
                if *swap {
                    view.take(Arc::clone(&many));
                }
                screen(&view, &health, size);
            }
            text(&screen(&view, &health, size))
        };
        prop_assert_eq!(play(), play());
    }
}
