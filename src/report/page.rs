//! Lines for a terminal: everything that gets on the page is neutralised, fits its width, and is wrapped where it must be.

use super::format::{ascii, fit, fit_middle, left, right, width};
use crate::policy::{Lang, Severity};
use crate::wire::neutralise;
use std::fmt::Write;
use unicode_width::UnicodeWidthChar;

/// How the text is dressed.
#[derive(Debug, Clone)]
pub struct Style {
    /// Columns there are; used between 60 and 120.
    pub width: usize,
    /// ANSI colours. They never say anything that words do not say too.
    pub color: bool,
    /// ASCII characters only; other text is transcribed or escaped.
    pub ascii: bool,
    pub lang: Lang,
    /// Everything, instead of the first few of each kind.
    pub verbose: bool,
    /// Lines for the end: what to do next, where the tables are.
    pub next: Vec<String>,
}

impl Default for Style {
    fn default() -> Self {
        Self { width: 80, color: false, ascii: false, lang: Lang::default(), verbose: false, next: Vec::new() }
    }
}

/// What a piece of text is on the page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Role {
    Plain,
    Strong,
    Faint,
    High,
    Attention,
    Notice,
}

impl Role {
    pub(super) const fn of(severity: Severity) -> Self {
        match severity {
            Severity::High => Self::High,
            Severity::Attention => Self::Attention,
            Severity::Notice => Self::Notice,
            Severity::Info => Self::Plain,
        }
    }

    /// Parameters of the ANSI sequence "select graphic rendition".
    const fn rendition(self) -> &'static str {
        match self {
            Self::Plain => "",
            Self::Strong => "1",
            Self::Faint => "2",
            Self::High => "1;31",
            Self::Attention => "1;33",
            Self::Notice => "1;36",
        }
    }
}

/// The page as it grows.
#[derive(Debug)]
pub(super) struct Page<'s> {
    pub(super) style: &'s Style,
    width: usize,
    text: String,
}

impl<'s> Page<'s> {
    pub(super) fn new(style: &'s Style) -> Self {
        Self { style, width: style.width.clamp(60, 120), text: String::new() }
    }

    pub(super) fn finish(self) -> String {
        self.text
    }

    pub(super) fn blank(&mut self) {
        self.text.push('\n');
    }

    /// `── Findings ───────────────── 3 attention · 2 notice`
    pub(super) fn heading(&mut self, title: &str, note: &str) {
        let (title, note) = (self.clean(title), self.clean(note));
        let dash = if self.style.ascii { "-" } else { "─" };
        let note = self.cut(fit(&note, self.width.saturating_sub(width(&title) + 10)));
        let gap = if note.is_empty() { 0 } else { width(&note) + 1 };
        let rule = dash.repeat(self.width.saturating_sub(width(&title) + 4 + gap));
        self.put(Role::Faint, &dash.repeat(2));
        self.put(Role::Strong, &format!(" {title} "));
        self.put(Role::Faint, &rule);
        if !note.is_empty() {
            self.put(Role::Plain, &format!(" {note}"));
        }
        self.end();
    }

    /// One line: something that is shortened in its middle if it must be, what follows it as far as it fits whole, and
    /// what stands at the right.
    pub(super) fn row(&mut self, indent: usize, main: (Role, &str), after: (Role, &[&str]), at_right: (Role, &str)) {
        let end = self.cut(fit(&self.clean(at_right.1), self.width * 3 / 4));
        let room = self.width.saturating_sub(indent + width(&end) + usize::from(!end.is_empty()));
        let name = self.cut(fit_middle(&self.clean(main.1), room));
        let mut rest = String::new();
        for part in after.1.iter().map(|part| self.clean(part)) {
            if width(&name) + width(&rest) + width(&part) > room {
                break;
            }
            rest.push_str(&part);
        }
        self.text.push_str(&" ".repeat(indent));
        self.put(main.0, &name);
        self.put(after.0, &rest);
        if !end.is_empty() {
            let used = indent + width(&name) + width(&rest) + width(&end);
            self.text.push_str(&" ".repeat(self.width.saturating_sub(used)));
            self.put(at_right.0, &end);
        }
        self.end();
    }

    /// A line that starts with a few words in one role and goes on in another, shortened if it must be.
    pub(super) fn title(&mut self, label: (Role, &str), words: &str, at_right: &str) {
        let end = self.clean(at_right);
        let label = (label.0, self.cut(fit(&self.clean(label.1), self.width / 2)));
        let room = self.width.saturating_sub(width(&label.1) + width(&end) + usize::from(!end.is_empty()));
        let words = self.cut(fit(&self.clean(words), room));
        self.put(label.0, &label.1);
        self.put(Role::Strong, &words);
        if !end.is_empty() {
            let used = width(&label.1) + width(&words) + width(&end);
            self.text.push_str(&" ".repeat(self.width.saturating_sub(used)));
            self.put(Role::Plain, &end);
        }
        self.end();
    }

    /// Text behind a label, wrapped to at most `most` lines, which start at column `hang`.
    pub(super) fn paragraph(&mut self, label: (Role, &str), hang: usize, text: (Role, &str), most: usize) {
        let (role, text) = (text.0, self.clean(text.1));
        let label = (label.0, self.cut(fit(&self.clean(label.1), self.width)));
        let first_room = self.width.saturating_sub(width(&label.1).max(hang));
        let mut lines = wrap(&text, first_room, self.width.saturating_sub(hang));
        if lines.len() > most {
            lines.truncate(most);
            if let Some(last) = lines.last_mut() {
                let room = self.width.saturating_sub(hang + 4);
                *last = self.cut(format!("{} …", fit(last, room).trim_end_matches(['…', ' '])));
            }
        }
        self.put(label.0, &label.1);
        let mut column = width(&label.1);
        for line in lines {
            self.text.push_str(&" ".repeat(hang.saturating_sub(column)));
            self.put(role, &line);
            self.end();
            column = 0;
        }
        if column > 0 {
            self.end();
        }
    }

    /// Text in lines that start at column `indent`, at most `most` of them.
    pub(super) fn text(&mut self, indent: usize, role: Role, text: &str, most: usize) {
        self.paragraph((Role::Plain, ""), indent, (role, text), most);
    }

    /// A line of the head: a label, and text behind it.
    pub(super) fn labelled(&mut self, label: &str, role: Role, text: &str, most: usize) {
        self.paragraph((Role::Faint, &left(&self.clean(label), HANG)), HANG, (role, text), most);
    }

    /// How many lines a text takes that starts at column `indent`.
    pub(super) fn lines_of(&self, indent: usize, text: &str) -> usize {
        let room = self.width.saturating_sub(indent);
        wrap(&self.clean(text), room, room).len()
    }

    /// Cells that stand under each other at the right edge.
    pub(super) fn columns(cells: &[&str], widths: &[usize]) -> String {
        // A cell that fills its column still stands apart from the one before.
        let column = |(cell, room): (&&str, &usize)| {
            let text = right(cell, *room);
            if text.starts_with(' ') { text } else { format!(" {text}") }
        };
        cells.iter().zip(widths).map(column).collect()
    }

    fn put(&mut self, role: Role, text: &str) {
        let rendition = role.rendition();
        if !self.style.color || rendition.is_empty() || text.is_empty() {
            self.text.push_str(text);
        } else {
            let _ = write!(self.text, "\u{1b}[{rendition}m{text}\u{1b}[0m");
        }
    }

    fn end(&mut self) {
        if !self.style.color {
            self.text.truncate(self.text.trim_end_matches(' ').len());
        }
        self.text.push('\n');
    }

    /// Cleaned text that may have been shortened since: the sign for that must be in the character set too.
    fn cut(&self, text: String) -> String {
        if self.style.ascii { text.replace('…', "~") } else { text }
    }

    /// Text that can do no harm on a terminal, in the characters it has.
    pub(super) fn clean(&self, text: &str) -> String {
        let mut clean = String::with_capacity(text.len());
        let _ = neutralise(text, &mut clean);
        if self.style.ascii && !clean.is_ascii() { ascii(&clean) } else { clean }
    }
}

/// Where the text of the head starts.
const HANG: usize = 12;

/// Breaks at spaces; words that are wider than a line are broken anywhere.
fn wrap(text: &str, first_room: usize, room: usize) -> Vec<String> {
    let mut lines = Vec::new();
    let mut line = String::new();
    let mut used = 0;
    let mut room_here = first_room;
    let mut turn = |line: &mut String, used: &mut usize, room_here: &mut usize| {
        lines.push(std::mem::take(line));
        (*used, *room_here) = (0, room);
    };
    for word in text.split(' ').filter(|word| !word.is_empty()) {
        let wide = width(word);
        let gap = usize::from(used > 0);
        if used + gap + wide > room_here && (used > 0 || room_here < room) {
            turn(&mut line, &mut used, &mut room_here);
        } else if used > 0 {
            line.push(' ');
            used += 1;
        }
        if wide <= room_here {
            line.push_str(word);
            used += wide;
            continue;
        }
        for c in word.chars() {
            let wide = c.width().unwrap_or(0);
            if used > 0 && used + wide > room_here {
                turn(&mut line, &mut used, &mut room_here);
            }
            line.push(c);
            used += wide;
        }
    }
    if !line.is_empty() {
        lines.push(line);
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wrapping_loses_nothing_and_stays_inside() {
        let text = "a sentence with averyveryveryverylongword and 日本語 in it";
        for room in 4..60 {
            let lines = wrap(text, room / 2, room);
            assert!(lines.iter().all(|line| width(line) <= room), "{room}: {lines:?}");
            let joined: String = lines.concat().split(' ').collect();
            assert_eq!(joined, text.split(' ').collect::<String>());
        }
        assert!(wrap("", 10, 10).is_empty());
    }

    #[test]
    fn a_full_column_stands_apart_from_the_one_before() {
        assert_eq!(Page::columns(&["12", "3"], &[4, 4]), "  12   3");
        assert_eq!(Page::columns(&["0 bytes", "3,000,000"], &[8, 6]), " 0 bytes 3,000,000");
    }

    #[test]
    fn ascii_means_ascii() {
        assert_eq!(ascii("Übermittlung … „ja“ – 12 kB"), "Uebermittlung ... \"ja\" - 12 kB");
        assert_eq!(ascii("日"), "\\u{65e5}");
    }
}
