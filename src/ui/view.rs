//! What the user looks at, and how keys and the mouse change it. No clock, no terminal: the same events give the same view.

use super::Command;
use super::keys::{self, Action, Context, Key};
use super::list::{self, FindingRow, FlowSort, List, RecipientSort};
use super::page::clients::{self, Client};
use super::theme::Look;
use super::{page, table};
use crate::engine::Snapshot;
use crate::engine::health::{CaptureState, Choice, Health, ScopeOf, SourceKind};
use crate::policy::{Finding, Lang, Phase, Subject};
use crate::wire::Text;
use crossterm::event::{Event, KeyEventKind, MouseButton, MouseEventKind};
use ratatui::layout::{Rect, Size};
use std::sync::Arc;

/// Lines that the wheel of the mouse moves.
const WHEEL: isize = 3;
/// Characters of a filter or of a marker's text.
const MAX_TYPED: usize = 120;

/// What fills the screen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Page {
    Overview,
    Recipients,
    Flows,
    Findings,
    Markers,
    Health,
    Help,
    /// Everything about one recipient.
    Detail,
}

impl Page {
    /// Those that have a tab, in their order.
    pub const TABS: [Self; 7] =
        [Self::Overview, Self::Recipients, Self::Flows, Self::Findings, Self::Markers, Self::Health, Self::Help];

    #[must_use]
    pub const fn title(self, lang: Lang) -> &'static str {
        match self {
            Self::Overview => lang.pick("Overview", "Übersicht"),
            Self::Recipients => lang.pick("Recipients", "Empfänger"),
            Self::Flows => lang.pick("Flows", "Verbindungen"),
            Self::Findings => lang.pick("Findings", "Befunde"),
            Self::Markers => lang.pick("Markers", "Marken"),
            Self::Health => lang.pick("Health", "Zustand"),
            Self::Help => lang.pick("Help", "Hilfe"),
            Self::Detail => lang.pick("Recipient", "Empfänger"),
        }
    }
}

/// What lies over the page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Mode {
    Pages,
    /// The filter is typed; this is what it was.
    Filter(String),
    /// The chosen line of the menu of markers.
    Markers(usize),
    /// The text of a marker is typed.
    FreeText(String),
    /// The chosen line of the list of clients.
    Clients(Client),
    /// Whether to quit.
    Question,
}

/// Everything that decides what is drawn, beside the health of the run.
#[derive(Debug, Clone)]
pub struct View {
    pub(super) look: Look,
    pub(super) size: Size,
    pub(super) page: Page,
    /// Where the detail of a recipient was opened.
    back: Page,
    pub(super) mode: Mode,
    /// What is drawn.
    pub(super) picture: Arc<Snapshot>,
    /// What came while the picture stood still.
    waiting: Option<Arc<Snapshot>>,
    pub(super) paused: bool,
    pub(super) filter: String,
    pub(super) recipients: List<RecipientSort>,
    pub(super) flows: List<FlowSort>,
    pub(super) findings: List<FindingRow>,
    /// The smallest round trip by recipient, nanoseconds.
    pub(super) round_trips: Vec<Option<u64>>,
    /// The recipient of the detail page, by its first frame.
    pub(super) detail: Option<u64>,
    /// Lines of text above the screen.
    pub(super) scroll: usize,
    /// What was done last.
    pub(super) notice: Option<String>,
    /// A marker was set that is in no file.
    marked: bool,
    pub(super) leaving: bool,
    gone: bool,
    redraw: bool,
}

impl View {
    #[must_use]
    pub fn new(look: Look, size: Size, picture: Arc<Snapshot>) -> Self {
        let mut view = Self {
            look,
            size,
            page: Page::Overview,
            back: Page::Recipients,
            mode: Mode::Pages,
            picture: Arc::clone(&picture),
            waiting: None,
            paused: false,
            filter: String::new(),
            recipients: List::default(),
            flows: List::default(),
            findings: List::default(),
            round_trips: Vec::new(),
            detail: None,
            scroll: 0,
            notice: None,
            marked: false,
            leaving: false,
            gone: false,
            redraw: false,
        };
        view.show(picture);
        view
    }

    /// Takes a new picture, or lays it aside while the one on the screen is to stand still.
    pub fn take(&mut self, picture: Arc<Snapshot>) {
        if self.paused && !self.leaving {
            self.waiting = Some(picture);
        } else {
            self.show(picture);
        }
    }

    fn show(&mut self, picture: Arc<Snapshot>) {
        self.picture = picture;
        self.round_trips = list::round_trips(&self.picture);
        self.sort();
    }

    /// Puts the rows of the page in order. Only that page's: the others are sorted when they are opened.
    fn sort(&mut self) {
        let rows = self.rows();
        let picture = &self.picture;
        match self.page {
            Page::Recipients => self.recipients.sort(picture, &self.round_trips, &self.filter, self.look.lang, rows),
            Page::Flows => self.flows.sort(picture, &self.filter, rows),
            Page::Findings => self.findings.sort(picture, &self.filter, rows),
            _ => {}
        }
    }

    /// Rows of the table on this page that fit on the screen.
    fn rows(&self) -> usize {
        table::rows_area(self.page, page::body(self.size)).map_or(1, |area| area.height.into())
    }

    /// Whether the loop may end: it was asked to, and everything is closed and read.
    #[must_use]
    pub fn is_over(&self, health: &Health) -> bool {
        self.gone || (self.leaving && health.closed && health.seal.is_none())
    }

    /// Whether the screen is to be drawn from nothing; asked once.
    pub(super) fn takes_redraw(&mut self) -> bool {
        std::mem::take(&mut self.redraw)
    }

    pub(super) fn context(&self, health: &Health) -> Context {
        match &self.mode {
            _ if self.leaving && health.closed => Context::Farewell,
            Mode::Pages => Context::Pages,
            Mode::Filter(_) | Mode::FreeText(_) => Context::Typing,
            Mode::Markers(_) => Context::Markers,
            Mode::Clients(_) => Context::Clients,
            Mode::Question => Context::Question,
        }
    }

    /// The recipient of the detail page, if it is still there.
    pub(super) fn detailed(&self) -> Option<(usize, &Subject)> {
        let wanted = self.detail?;
        self.picture.summary.recipients.iter().enumerate().find(|(_, r)| list::recipient_id(r) == wanted)
    }

    /// The finding on which the list of findings stands.
    pub(super) fn chosen_finding(&self) -> Option<&Finding> {
        self.picture.summary.findings.get(self.findings.chosen()?)
    }

    /// What an event does. Whoever calls gets what the wiring is to do.
    pub fn update(&mut self, event: &Event, health: &Health) -> Option<Command> {
        match event {
            Event::Key(key) if key.kind != KeyEventKind::Release => {
                self.notice = None;
                self.key(Key::of(*key), health)
            }
            Event::Mouse(mouse) => {
                match mouse.kind {
                    MouseEventKind::ScrollDown => self.step(WHEEL, health),
                    MouseEventKind::ScrollUp => self.step(-WHEEL, health),
                    MouseEventKind::Down(MouseButton::Left) => return self.click(mouse.column, mouse.row, health),
                    _ => {}
                }
                None
            }
            Event::Resize(width, height) => {
                self.size = Size::new(*width, *height);
                self.sort();
                self.keep_scroll(health);
                None
            }
            _ => None,
        }
    }

    fn key(&mut self, key: Key, health: &Health) -> Option<Command> {
        let context = self.context(health);
        if let Some(binding) = keys::binding(context, key) {
            return self.act(binding.action, health);
        }
        if context == Context::Farewell {
            return self.accept(health);
        }
        let typed = key.typed().filter(|_| context == Context::Typing)?;
        let text = self.typed()?;
        if text.chars().count() < MAX_TYPED {
            text.push(typed);
        }
        self.refilter();
        None
    }

    /// The line that is being typed.
    fn typed(&mut self) -> Option<&mut String> {
        match &mut self.mode {
            Mode::Filter(_) => Some(&mut self.filter),
            Mode::FreeText(text) => Some(text),
            _ => None,
        }
    }

    fn refilter(&mut self) {
        if matches!(self.mode, Mode::Filter(_)) {
            self.sort();
        }
    }

    fn act(&mut self, action: Action, health: &Health) -> Option<Command> {
        match action {
            Action::Show(page) => self.open_page(page),
            Action::NextPage => self.turn(1),
            Action::PreviousPage => self.turn(Page::TABS.len() - 1),
            Action::Down => self.step(1, health),
            Action::Up => self.step(-1, health),
            Action::ScreenDown => self.step(self.screen(), health),
            Action::ScreenUp => self.step(-self.screen(), health),
            Action::Top => self.step(isize::MIN / 2, health),
            Action::Bottom => self.step(isize::MAX / 2, health),
            Action::Open => self.open(),
            Action::Back => return self.back(),
            Action::Filter => {
                if !matches!(self.page, Page::Recipients | Page::Flows | Page::Findings) {
                    self.open_page(Page::Recipients);
                }
                self.mode = Mode::Filter(self.filter.clone());
            }
            Action::Sort | Action::Reverse => self.resort(action == Action::Reverse),
            Action::Mark => self.mode = Mode::Markers(0),
            Action::Clients => return self.clients(health),
            Action::Pause => self.pause(),
            Action::Save => return self.save(health),
            Action::Quit => return self.quit(health),
            Action::Accept => return self.accept(health),
            Action::Erase => {
                self.typed()?.pop();
                self.refilter();
            }
            Action::EraseAll => {
                self.typed()?.clear();
                self.refilter();
            }
            Action::Phase(phase) => return self.mark(phase.token().into(), health),
            Action::FreeText => self.mode = Mode::FreeText(String::new()),
            Action::Redraw => self.redraw = true,
            Action::Interrupt => {
                self.gone = true;
                self.leaving = true;
                return Some(Command::Quit);
            }
        }
        None
    }

    fn open_page(&mut self, page: Page) {
        if page == Page::Help && self.page == Page::Help {
            self.page = Page::Overview;
        } else {
            self.page = page;
        }
        self.scroll = 0;
        self.sort();
    }

    fn turn(&mut self, by: usize) {
        let shown = if self.page == Page::Detail { self.back } else { self.page };
        let at = Page::TABS.iter().position(|page| *page == shown).unwrap_or(0);
        if let Some(page) = Page::TABS.get((at + by) % Page::TABS.len()) {
            self.page = *page;
            self.scroll = 0;
            self.sort();
        }
    }

    fn screen(&self) -> isize {
        let rows = match self.page {
            Page::Recipients | Page::Flows | Page::Findings => self.rows(),
            _ => page::body(self.size).height.into(),
        };
        rows.saturating_sub(1).max(1).try_into().unwrap_or(isize::MAX)
    }

    /// Moves the choice, or the text where there is nothing to choose.
    fn step(&mut self, by: isize, health: &Health) {
        let rows = self.rows();
        match &mut self.mode {
            Mode::Markers(at) => *at = moved(*at, by, Phase::ALL.len() + 1),
            Mode::Clients(chosen) => {
                let rows = clients::rows(&self.picture, health);
                let at = moved(clients::place(&rows, chosen), by, rows.len());
                *chosen = rows.into_iter().nth(at).and_then(|row| row.client);
            }
            Mode::Pages | Mode::Filter(_) => match self.page {
                Page::Recipients => self.recipients.step(by, rows, |at| list::recipient_id_at(&self.picture, at)),
                Page::Flows => self.flows.step(by, rows, |at| list::flow_id_at(&self.picture, at)),
                Page::Findings => self.findings.step(by, rows, |at| list::finding_id_at(&self.picture, at)),
                _ => {
                    self.scroll = self.scroll.saturating_add_signed(by);
                    self.keep_scroll(health);
                }
            },
            Mode::FreeText(_) | Mode::Question => {}
        }
    }

    /// Text ends at its last line.
    fn keep_scroll(&mut self, health: &Health) {
        let body = page::body(self.size);
        let lines = page::lines(self, health, body.width).map_or(0, |lines| lines.len());
        self.scroll = self.scroll.min(lines.saturating_sub(body.height.into()));
    }

    fn open(&mut self) {
        let summary = &self.picture.summary;
        let wanted = match self.page {
            Page::Overview => return self.open_page(Page::Recipients),
            Page::Recipients => self.recipients.chosen(),
            Page::Flows => {
                self.flows.chosen().and_then(|at| self.picture.flows.get(at)).and_then(|flow| flow.recipient)
            }
            Page::Findings => self.chosen_finding().and_then(|finding| list::recipient_of(summary, finding)),
            _ => None,
        };
        if let Some(recipient) = wanted.and_then(|at| summary.recipients.get(at)) {
            self.detail = Some(list::recipient_id(recipient));
            self.back = self.page;
            self.page = Page::Detail;
            self.scroll = 0;
        } else if matches!(self.page, Page::Recipients | Page::Flows | Page::Findings) {
            let text = self.look.lang.pick("no recipient belongs to this row", "zu dieser Zeile gehört kein Empfänger");
            self.notice = Some(text.into());
        }
    }

    fn back(&mut self) -> Option<Command> {
        match std::mem::replace(&mut self.mode, Mode::Pages) {
            Mode::Filter(before) => {
                self.filter = before;
                self.sort();
            }
            Mode::Pages => match self.page {
                Page::Detail => {
                    self.page = self.back;
                    self.scroll = 0;
                    self.sort();
                }
                Page::Recipients | Page::Flows | Page::Findings if !self.filter.is_empty() => {
                    self.filter.clear();
                    self.sort();
                }
                _ => self.open_page(Page::Overview),
            },
            Mode::Clients(_) => return Some(Command::Clients(false)),
            _ => {}
        }
        None
    }

    /// Opens the list of clients, at the one that is judged.
    fn clients(&mut self, health: &Health) -> Option<Command> {
        let lang = self.look.lang;
        let why_not = match (&health.choice, &health.scope.of) {
            _ if health.over => lang.pick("the capture is over", "die Aufzeichnung ist zu Ende"),
            (Choice::Yes { .. }, _) => {
                self.mode = Mode::Clients(None);
                return Some(Command::Clients(true));
            }
            (Choice::No, ScopeOf::Namespace(_)) => {
                lang.pick("everything here is the client's", "hier gehört alles dem Client")
            }
            (Choice::No, _) => lang.pick(
                "nobody tells here whose flows they are; watch this machine's interfaces",
                "hier ist nicht bekannt, wessen Verbindungen es sind; Schnittstellen dieses Rechners betrachten",
            ),
        };
        self.notice = Some(why_not.into());
        None
    }

    fn resort(&mut self, reverse: bool) {
        match self.page {
            Page::Recipients => self.recipients.next_order(reverse),
            Page::Flows => self.flows.next_order(reverse),
            Page::Findings => self.findings.next_order(reverse),
            _ => {}
        }
        self.sort();
    }

    fn pause(&mut self) {
        self.paused = !self.paused;
        if let Some(picture) = self.waiting.take().filter(|_| !self.paused) {
            self.show(picture);
        }
    }

    fn save(&mut self, health: &Health) -> Option<Command> {
        let lang = self.look.lang;
        if health.saving.is_none() {
            let text = lang.pick(
                "nothing is being saved; start with --save DIR",
                "es wird nichts gesichert; mit --save ORDNER starten",
            );
            self.notice = Some(text.into());
            return None;
        }
        self.notice = Some(lang.pick("putting everything on the disk", "alles wird auf die Platte geschrieben").into());
        Some(Command::Save)
    }

    fn mark(&mut self, text: Text, health: &Health) -> Option<Command> {
        self.mode = Mode::Pages;
        let lang = self.look.lang;
        if health.over {
            let text = lang
                .pick("the capture is over: no marker was set", "die Aufzeichnung ist zu Ende: keine Marke gesetzt");
            self.notice = Some(text.into());
            return None;
        }
        let words = page::marker_words(&text, lang);
        self.notice = Some(format!("{}: {words}", lang.pick("marker set", "Marke gesetzt")));
        self.marked |= health.saving.is_none();
        Some(Command::Mark(text))
    }

    fn quit(&mut self, health: &Health) -> Option<Command> {
        if self.asks_before_quitting(health) {
            self.mode = Mode::Question;
            return None;
        }
        Some(self.leave())
    }

    /// Whether something would be lost or interrupted.
    pub(super) fn asks_before_quitting(&self, health: &Health) -> bool {
        let live = health.kind == SourceKind::Live
            && !matches!(health.capture, CaptureState::Ended { .. })
            && self.picture.summary.circumstances.frames > 0;
        live || self.marked
    }

    fn leave(&mut self) -> Command {
        self.mode = Mode::Pages;
        self.leaving = true;
        if let Some(picture) = self.waiting.take() {
            self.show(picture);
        }
        Command::Quit
    }

    fn accept(&mut self, health: &Health) -> Option<Command> {
        if self.leaving && health.closed {
            self.gone = true;
            return None;
        }
        let lang = self.look.lang;
        match std::mem::replace(&mut self.mode, Mode::Pages) {
            Mode::Markers(at) => match Phase::ALL.get(at) {
                Some(phase) => return self.mark(phase.token().into(), health),
                None => self.mode = Mode::FreeText(String::new()),
            },
            Mode::FreeText(text) if !text.trim().is_empty() => return self.mark(text.trim().into(), health),
            Mode::Clients(client) => {
                let text = lang.pick("chosen; the scope follows at once", "gewählt; der Umfang folgt sofort");
                self.notice = Some(text.into());
                return Some(Command::Choose(client));
            }
            Mode::Question => return Some(self.leave()),
            _ => {}
        }
        None
    }

    fn click(&mut self, x: u16, y: u16, health: &Health) -> Option<Command> {
        if self.mode != Mode::Pages || self.leaving {
            return None;
        }
        if let Some(page) = page::tab_at(self, x, y) {
            if page != self.page {
                self.open_page(page);
            }
            return None;
        }
        let area = page::body(self.size);
        if let Some(rows) = table::rows_area(self.page, area)
            && inside(rows, x, y)
        {
            let by = isize::try_from(y - rows.y).unwrap_or(0);
            let before = self.choice();
            let offset = match self.page {
                Page::Recipients => self.recipients.offset(),
                Page::Flows => self.flows.offset(),
                _ => self.findings.offset(),
            };
            self.step(by - offset, health);
            // A second click on the same row opens it.
            if before.is_some() && before == self.choice() {
                self.open();
            }
        } else if y == area.y
            && let Some(column) = table::column_at(self.page, area, x)
        {
            let sorted = match self.page {
                Page::Recipients => self.recipients.order_by(column),
                Page::Flows => self.flows.order_by(column),
                _ => false,
            };
            if sorted {
                self.sort();
            }
        } else if self.page == Page::Overview && y > area.y {
            self.open_page(Page::Recipients);
        }
        None
    }

    fn choice(&self) -> Option<usize> {
        match self.page {
            Page::Recipients => self.recipients.chosen(),
            Page::Flows => self.flows.chosen(),
            Page::Findings => self.findings.chosen(),
            _ => None,
        }
    }
}

fn inside(area: Rect, x: u16, y: u16) -> bool {
    (area.left()..area.right()).contains(&x) && (area.top()..area.bottom()).contains(&y)
}

fn moved(at: usize, by: isize, count: usize) -> usize {
    at.saturating_add_signed(by).min(count.saturating_sub(1))
}
