//! Puts text on the screen. The only door to it: whatever comes is neutralised, in the characters that the terminal has, and
//! cut to its room. The cells of a screen filter nothing, so it must be done here.

use super::theme::{Look, Role};
use crate::report::format::{ascii, fit, fit_middle, width};
use crate::wire::neutralise;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;
use std::borrow::Cow;
use unicode_width::UnicodeWidthChar;

/// Marks that stand on or under one character; more would climb out of their line.
const MAX_MARKS: usize = 2;

#[derive(Debug)]
pub(super) struct Paint<'b> {
    buffer: &'b mut Buffer,
    pub(super) look: Look,
}

/// Text that can do no harm on a terminal, in the characters it has.
fn clean(text: &str, only_ascii: bool) -> Cow<'_, str> {
    if text.bytes().all(|b| matches!(b, b' '..=b'~')) {
        return text.into();
    }
    let mut clean = String::with_capacity(text.len());
    let _ = neutralise(text, &mut clean);
    if only_ascii {
        return ascii(&clean).into();
    }
    let mut marks = 0;
    clean.retain(|c| {
        marks = if c.width() == Some(0) { marks + 1 } else { 0 };
        marks <= MAX_MARKS
    });
    clean.into()
}

impl<'b> Paint<'b> {
    pub(super) fn new(buffer: &'b mut Buffer, look: Look) -> Self {
        Self { buffer, look }
    }

    fn style(&self, role: Role) -> Style {
        role.style(self.look.palette)
    }

    /// Writes what is cleaned and cut; outside of the screen nothing happens. Returns the columns used.
    fn write(&mut self, x: u16, y: u16, room: u16, style: Style, text: &str) -> u16 {
        let area = self.buffer.area;
        if y < area.top() || y >= area.bottom() || x < area.left() || x >= area.right() {
            return 0;
        }
        let text: Cow<'_, str> = if self.look.ascii { text.replace('…', "~").into() } else { text.into() };
        // Nothing shines through of what was there before.
        let (end, _) = self.buffer.set_stringn(x, y, text, room.into(), Style::reset().patch(style));
        end - x
    }

    /// Text from the left, its end cut off if it must be. Returns the columns used.
    pub(super) fn text(&mut self, x: u16, y: u16, room: u16, role: Role, text: &str) -> u16 {
        let text = clean(text, self.look.ascii);
        let style = self.style(role);
        if width(&text) <= room.into() {
            self.write(x, y, room, style, &text)
        } else {
            self.write(x, y, room, style, &fit(&text, room.into()))
        }
    }

    /// As [`Self::text`], but the middle is left out: the ends of a host name tell most.
    pub(super) fn name(&mut self, x: u16, y: u16, room: u16, role: Role, text: &str) -> u16 {
        let text = clean(text, self.look.ascii);
        let style = self.style(role);
        self.write(x, y, room, style, &fit_middle(&text, room.into()))
    }

    /// Text that ends at the right of its room.
    pub(super) fn right(&mut self, x: u16, y: u16, room: u16, role: Role, text: &str) -> u16 {
        let text = clean(text, self.look.ascii);
        let text = fit(&text, room.into());
        let gap = room.saturating_sub(width(&text) as u16);
        let style = self.style(role);
        self.write(x + gap, y, room - gap, style, &text)
    }

    /// Pieces one after the other, as far as there is room. Returns the columns used.
    pub(super) fn pieces(&mut self, x: u16, y: u16, room: u16, pieces: &[(Role, &str)]) -> u16 {
        let mut used = 0;
        for (role, text) in pieces {
            used += self.text(x + used, y, room.saturating_sub(used), *role, text);
        }
        used
    }

    /// `── Findings ───────────────── 3 attention`. Returns the column behind the title.
    pub(super) fn heading(&mut self, area: Rect, title: &str, note: &str) {
        let (y, room) = (area.y, area.width);
        let line = self.look.signs().line.repeat(room.into());
        self.text(area.x, y, room, Role::Line, &line);
        self.text(area.x + 2, y, 1, Role::Plain, " ");
        let used = self.text(area.x + 3, y, room.saturating_sub(4), Role::Strong, title);
        self.text(area.x + 3 + used, y, room.saturating_sub(used + 3), Role::Plain, " ");
        let left = room.saturating_sub(used + 6);
        let note = fit(&clean(note, self.look.ascii), left.saturating_sub(1).into());
        if !note.is_empty() {
            let wide = width(&note) as u16;
            let x = area.right().saturating_sub(wide);
            self.text(x - 1, y, 1, Role::Plain, " ");
            self.text(x, y, wide, Role::Faint, &note);
        }
    }

    /// A lying bar: `part` of `whole`, in so many columns. What is not nothing is seen.
    pub(super) fn bar(&mut self, x: u16, y: u16, room: u16, role: Role, part: u64, whole: u64) {
        let steps = self.look.signs().bar;
        let fine = (steps.len() - 1) as u64;
        let total = u128::from(room) * u128::from(fine);
        let filled = (u128::from(part) * total).div_ceil(u128::from(whole.max(1))).min(total) as u64;
        let (full, rest) = ((filled / fine) as usize, (filled % fine) as usize);
        let mut text = steps.last().unwrap_or(&"").repeat(full);
        text.push_str(steps.get(rest).unwrap_or(&""));
        self.text(x, y, room, role, &text);
    }

    /// Values as standing bars, one column each, over the whole height of the area.
    pub(super) fn columns(&mut self, area: Rect, role: Role, values: &[u64], most: u64) {
        let steps = self.look.signs().column;
        let fine = (steps.len() - 1) as u64;
        let total = u128::from(area.height) * u128::from(fine);
        for (x, value) in (area.left()..area.right()).zip(values) {
            let filled = (u128::from(*value) * total).div_ceil(u128::from(most.max(1))).min(total) as u64;
            for (row, y) in (0..).zip((area.top()..area.bottom()).rev()) {
                let here = filled.saturating_sub(row * fine).min(fine);
                if here > 0 {
                    self.text(x, y, 1, role, steps.get(here as usize).unwrap_or(&" "));
                }
            }
        }
    }

    /// Turns what is there into the chosen row.
    pub(super) fn choose(&mut self, area: Rect) {
        let style = self.style(Role::Chosen);
        let area = area.intersection(self.buffer.area);
        self.buffer.set_style(area, style);
    }

    /// An empty box with a title in the middle of `area`; returns its inside.
    pub(super) fn window(&mut self, area: Rect, wide: u16, high: u16, title: &str) -> Rect {
        let (wide, high) = (wide.min(area.width), high.min(area.height));
        let outer = Rect::new(area.x + (area.width - wide) / 2, area.y + (area.height - high) / 2, wide, high);
        let signs = self.look.signs();
        let [nw, ne, sw, se] = signs.corners;
        let line = signs.line.repeat(wide.saturating_sub(2).into());
        let blank = " ".repeat(wide.saturating_sub(2).into());
        for y in outer.top()..outer.bottom() {
            let (left, middle, right) = match y {
                y if y == outer.top() => (nw, &line, ne),
                y if y + 1 == outer.bottom() => (sw, &line, se),
                _ => (signs.wall, &blank, signs.wall),
            };
            // What was there may have been chosen or coloured.
            let row = Rect::new(outer.x, y, outer.width, 1).intersection(self.buffer.area);
            for x in row.left()..row.right() {
                if let Some(cell) = self.buffer.cell_mut((x, y)) {
                    cell.reset();
                }
            }
            self.text(outer.x, y, wide, Role::Line, &format!("{left}{middle}{right}"));
        }
        self.text(outer.x + 2, outer.y, wide.saturating_sub(4), Role::Strong, &format!(" {title} "));
        Rect::new(outer.x + 2, outer.y + 1, wide.saturating_sub(4), high.saturating_sub(2))
    }

    /// Text broken at spaces, in the lines that there are; `hang` columns are left free from the second line on.
    /// Returns the lines used.
    pub(super) fn paragraph(&mut self, area: Rect, hang: u16, role: Role, text: &str) -> u16 {
        // What is not to be broken stays whole in ASCII too.
        let text = text.split('\u{a0}').map(|part| clean(part, self.look.ascii)).collect::<Vec<_>>().join("\u{a0}");
        let lines = wrap(&text, area.width.into(), area.width.saturating_sub(hang).into());
        let mut used = 0;
        let most = usize::from(area.height);
        for (n, line) in lines.iter().take(most).enumerate() {
            let (x, room) =
                if n == 0 { (area.x, area.width) } else { (area.x + hang, area.width.saturating_sub(hang)) };
            if n + 1 == most && lines.len() > most {
                self.text(
                    x,
                    area.y + used,
                    room,
                    role,
                    &format!("{} …", fit(line, usize::from(room).saturating_sub(2))),
                );
            } else {
                self.text(x, area.y + used, room, role, line);
            }
            used += 1;
        }
        used
    }

    /// One dot of a character that is drawn from dots.
    pub(super) fn glyph(&mut self, x: u16, y: u16, role: Role, sign: &str) {
        let style = self.style(role);
        self.write(x, y, 1, style, sign);
    }
}

/// Lines broken at spaces, the first `first` columns wide, the others `room`; what is wider than a line is broken anywhere.
pub(super) fn wrap(text: &str, first: usize, room: usize) -> Vec<String> {
    let mut lines = vec![String::new()];
    let mut used = 0;
    let room_in = |lines: &Vec<String>| if lines.len() == 1 { first } else { room }.max(1);
    for word in text.split(' ').filter(|word| !word.is_empty()) {
        let wide = width(word);
        if used > 0 && used + 1 + wide > room_in(&lines) {
            lines.push(String::new());
            used = 0;
        }
        if let Some(line) = lines.last_mut().filter(|_| used > 0) {
            line.push(' ');
            used += 1;
        }
        for c in word.chars() {
            let columns = c.width().unwrap_or(0);
            if used > 0 && used + columns > room_in(&lines) {
                lines.push(String::new());
                used = 0;
            }
            if let Some(line) = lines.last_mut() {
                line.push(c);
            }
            used += columns;
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::is_treacherous;

    fn on_screen(look: Look, put: impl FnOnce(&mut Paint<'_>)) -> String {
        let mut buffer = Buffer::empty(Rect::new(0, 0, 30, 2));
        put(&mut Paint::new(&mut buffer, look));
        buffer.content().iter().map(ratatui::buffer::Cell::symbol).collect()
    }

    #[test]
    fn hostile_text_reaches_the_screen_as_plain_characters() {
        let hostile = "a\u{1b}[2Jb\u{202e}c\u{200b}d\u{9b}e";
        for how in 0..3 {
            let shown = on_screen(Look::default(), |paint| {
                match how {
                    0 => paint.text(0, 0, 30, Role::Plain, hostile),
                    1 => paint.name(0, 0, 30, Role::Plain, hostile),
                    _ => paint.right(0, 0, 30, Role::Plain, hostile),
                };
            });
            assert!(!shown.chars().any(is_treacherous) && shown.contains("\\u{1b}"), "{shown:?}");
        }
        let ascii = Look { ascii: true, ..Look::default() };
        let shown = on_screen(ascii, |paint| {
            paint.text(0, 0, 12, Role::Plain, "Übergrößenträger …");
            paint.heading(Rect::new(0, 1, 30, 1), "Ö", "ä");
        });
        assert!(shown.is_ascii(), "{shown:?}");
    }

    #[test]
    fn marks_do_not_climb() {
        let shown = clean("a\u{301}\u{301}\u{301}\u{301}b", false).into_owned();
        assert_eq!(shown, "a\u{301}\u{301}b");
    }

    #[test]
    fn nothing_is_drawn_outside_the_screen() {
        let shown = on_screen(Look::default(), |paint| {
            paint.text(40, 0, 5, Role::Plain, "outside");
            paint.text(0, 9, 5, Role::Plain, "outside");
            paint.text(28, 0, 9, Role::Plain, "cut off");
            paint.window(Rect::new(0, 0, 30, 2), 99, 99, "a title that is far too long for its box");
        });
        assert!(!shown.contains("outside"));
    }

    #[test]
    fn a_bar_shows_what_is_not_nothing_and_no_more_than_all() {
        for (part, whole, expected) in [(0, 100, ""), (1, 1_000_000, "▏"), (100, 100, "████"), (500, 100, "████")]
        {
            let shown = on_screen(Look::default(), |paint| paint.bar(0, 0, 4, Role::Plain, part, whole));
            assert_eq!(shown.trim_end(), expected);
        }
    }

    #[test]
    fn wrapping_loses_nothing_and_stays_inside() {
        let text = "a sentence with averyveryveryverylongword and 日本語 in it";
        for room in 2..60 {
            let lines = wrap(text, room, room);
            assert!(lines.iter().all(|line| width(line) <= room), "{room}: {lines:?}");
            assert_eq!(lines.concat().replace(' ', ""), text.replace(' ', ""));
        }
    }
}
