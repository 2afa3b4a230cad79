//! Pages that are text: lines that were broken for the width of the screen, of which some are shown.

use super::paint::{Paint, wrap};
use super::theme::{Look, Role};
use crate::report::format::{ascii, left, width};
use crate::wire::neutralise;
use ratatui::layout::Rect;

/// Where the text behind a label starts.
const HANG: usize = 17;

/// One line of the screen.
#[derive(Debug, Clone)]
pub(super) enum Line {
    Blank,
    Heading(String, String),
    Pieces(Vec<(Role, String)>),
}

/// A page as it is put together.
#[derive(Debug)]
pub(super) struct Lines {
    look: Look,
    width: usize,
    done: Vec<Line>,
}

impl Lines {
    pub(super) fn new(look: Look, width: u16) -> Self {
        Self { look, width: usize::from(width).saturating_sub(1).max(10), done: Vec::new() }
    }

    pub(super) fn finish(self) -> Vec<Line> {
        self.done
    }

    /// A heading with an empty line before it.
    pub(super) fn heading(&mut self, title: &str, note: &str) {
        if !self.done.is_empty() {
            self.done.push(Line::Blank);
        }
        self.done.push(Line::Heading(title.to_owned(), note.to_owned()));
    }

    pub(super) fn pieces(&mut self, pieces: Vec<(Role, String)>) {
        self.done.push(Line::Pieces(pieces));
    }

    /// What is broken must be measured as it will be shown.
    fn shown(&self, text: &str) -> String {
        let mut clean = String::with_capacity(text.len());
        let _ = neutralise(text, &mut clean);
        if self.look.ascii { ascii(&clean) } else { clean }
    }

    /// A label, and text behind it in as many lines as it takes.
    pub(super) fn labelled(&mut self, label: &str, role: Role, text: &str) {
        let hang = HANG.min(self.width / 2);
        let room = self.width.saturating_sub(hang + 2);
        for (n, line) in wrap(&self.shown(text), room, room).into_iter().enumerate() {
            let label = left(&format!("  {}", if n == 0 { label } else { "" }), hang + 2);
            self.done.push(Line::Pieces(vec![(Role::Faint, label), (role, line)]));
        }
    }

    /// As [`Self::labelled`], with what is to be said of it: on the same line if both fit, else below.
    pub(super) fn stated(&mut self, label: &str, role: Role, text: &str, note: &str) {
        let hang = HANG.min(self.width / 2);
        let room = self.width.saturating_sub(hang + 2);
        let (shown, beside) = (self.shown(text), self.shown(note));
        if width(&shown) + 3 + width(&beside) <= room {
            let label = left(&format!("  {label}"), hang + 2);
            let pieces = vec![(Role::Faint, label), (role, shown), (Role::Faint, format!("   {beside}"))];
            self.done.push(Line::Pieces(pieces));
        } else {
            self.labelled(label, role, text);
            self.labelled("", Role::Faint, note);
        }
    }

    /// A text with a sign before it, both indented.
    pub(super) fn item(&mut self, sign: (Role, &str), role: Role, text: &str) {
        let indent = width(sign.1) + 1;
        let room = self.width.saturating_sub(indent + 2);
        for (n, line) in wrap(&self.shown(text), room, room).into_iter().enumerate() {
            let before = left(&format!("  {}", if n == 0 { sign.1 } else { "" }), indent + 2);
            self.done.push(Line::Pieces(vec![(sign.0, before), (role, line)]));
        }
    }

    pub(super) fn text(&mut self, role: Role, text: &str) {
        let room = self.width.saturating_sub(2);
        for line in wrap(&self.shown(text), room, room) {
            self.done.push(Line::Pieces(vec![(Role::Plain, "  ".into()), (role, line)]));
        }
    }
}

/// Draws the lines from `scroll` on, and how much there is beyond.
pub(super) fn draw(paint: &mut Paint<'_>, area: Rect, lines: &[Line], scroll: usize) {
    let last = lines.len().saturating_sub(area.height.into());
    let scroll = scroll.min(last);
    for (y, line) in (area.top()..area.bottom()).zip(lines.iter().skip(scroll)) {
        match line {
            Line::Blank => {}
            Line::Heading(title, note) => paint.heading(Rect { y, height: 1, ..area }, title, note),
            Line::Pieces(pieces) => {
                let pieces: Vec<(Role, &str)> = pieces.iter().map(|(role, text)| (*role, text.as_str())).collect();
                paint.pieces(area.x, y, area.width, &pieces);
            }
        }
    }
    let signs = paint.look.signs();
    let x = area.right().saturating_sub(1);
    if scroll > 0 {
        paint.glyph(x, area.y, Role::Key, signs.rising);
    }
    if scroll < last {
        paint.glyph(x, area.bottom().saturating_sub(1), Role::Key, signs.falling);
    }
}
