//! The pages that are tables: recipients, flows, findings. Only rows on the screen are put into words.

use super::list::{self, FindingRow, FlowSort, RecipientSort};
use super::paint::Paint;
use super::theme::Role;
use super::view::{Page, View};
use crate::engine::{FlowRow, Snapshot};
use crate::policy::{Finding, Lang, Subject};
use crate::report::format::{self, bytes, company, confidence_word, number, severity_word, title};
use ratatui::layout::Rect;

/// One column of a table.
#[derive(Debug)]
pub(super) struct Column<S: 'static> {
    title: [&'static str; 2],
    /// Columns of the terminal that it needs, and that it can use.
    least: u16,
    most: u16,
    /// Columns with a higher rank go first where there is no room.
    rank: u8,
    right: bool,
    pub(super) sort: Option<S>,
}

impl<S> Column<S> {
    const fn new(title: [&'static str; 2], least: u16, most: u16, rank: u8) -> Self {
        Self { title, least, most, rank, right: false, sort: None }
    }

    const fn right(mut self) -> Self {
        self.right = true;
        self
    }
}

macro_rules! columns {
    ($sort:ty: $($title:expr, $least:expr, $most:expr, rank $rank:expr $(, $by:expr)? $(=> $right:ident)?;)+) => {
        &[$({
            #[allow(unused_mut, reason = "not every column is sorted by")]
            let mut column: Column<$sort> = Column::new($title, $least, $most, $rank);
            $(column.sort = Some($by);)?
            $(column = column.$right();)?
            column
        },)+]
    };
}

#[rustfmt::skip]
pub(super) static RECIPIENT_COLUMNS: &[Column<RecipientSort>] = columns! { RecipientSort:
    ["name", "Name"], 20, 50, rank 0, RecipientSort::Name;
    ["known by", "bekannt durch"], 9, 13, rank 7;
    ["place", "Ort"], 9, 14, rank 2, RecipientSort::Place;
    ["listed", "gelistet"], 12, 12, rank 1, RecipientSort::Group;
    ["sent", "gesendet"], 9, 9, rank 3, RecipientSort::Sent => right;
    ["received", "empfangen"], 9, 9, rank 4, RecipientSort::Received => right;
    ["run by / network of", "betrieben von / Netz von"], 14, 40, rank 5, RecipientSort::Company;
    ["parent", "Mutter"], 12, 24, rank 9;
    ["category", "Kategorie"], 10, 20, rank 6;
    ["RTT", "RTT"], 8, 8, rank 8, RecipientSort::RoundTrip => right;
    ["program", "Programm"], 9, 18, rank 10;
    ["flows", "Verb."], 6, 7, rank 11 => right;
    ["first address", "erste Adresse"], 15, 24, rank 12;
};

#[rustfmt::skip]
pub(super) static FLOW_COLUMNS: &[Column<FlowSort>] = columns! { FlowSort:
    ["flow", "Nr."], 6, 9, rank 0, FlowSort::Latest => right;
    ["first", "Beginn"], 8, 8, rank 5;
    ["name", "Name"], 18, 44, rank 0, FlowSort::Name;
    ["known by", "bekannt durch"], 9, 13, rank 7;
    ["server", "Server"], 16, 44, rank 4;
    ["protocol", "Protokoll"], 9, 14, rank 1;
    ["sent", "gesendet"], 9, 9, rank 2, FlowSort::Sent => right;
    ["received", "empfangen"], 9, 9, rank 3, FlowSort::Received => right;
    ["RTT", "RTT"], 8, 8, rank 8, FlowSort::RoundTrip => right;
    ["lasted", "Dauer"], 9, 10, rank 6 => right;
    ["program", "Programm"], 9, 20, rank 9;
    ["scope", "Umfang"], 7, 9, rank 11;
    ["client", "Client"], 18, 44, rank 10;
};

#[rustfmt::skip]
static FINDING_COLUMNS: &[Column<FindingRow>] = columns! { FindingRow:
    ["severity", "Gewicht"], 12, 12, rank 0, FindingRow::Gravity;
    ["code", "Code"], 6, 6, rank 0;
    ["about", "zu"], 18, 70, rank 0, FindingRow::Subject;
    ["what", "was"], 20, 90, rank 1;
    ["confidence", "Verlässlichkeit"], 11, 15, rank 2;
    ["frames", "Frames"], 8, 12, rank 3 => right;
};

/// Lines below the list of findings that say why.
fn why_lines(area: Rect) -> u16 {
    (area.height / 2).min(16)
}

/// Where the rows of a page's table are.
pub(super) fn rows_area(page: Page, area: Rect) -> Option<Rect> {
    let below = match page {
        Page::Recipients | Page::Flows => 0,
        Page::Findings => why_lines(area),
        _ => return None,
    };
    let height = area.height.saturating_sub(1 + below);
    Some(Rect { y: area.y + 1, height, ..area })
}

/// Which columns there is room for: position in the table, first column of the terminal, width.
fn places<S>(columns: &[Column<S>], width: u16) -> Vec<(usize, u16, u16)> {
    // One column at the left for the sign of the chosen row, one between columns.
    let room = width.saturating_sub(2);
    let mut ranked: Vec<usize> = (0..columns.len()).collect();
    ranked.sort_by_key(|n| columns.get(*n).map(|c| c.rank));
    let mut wide = vec![0_u16; columns.len()];
    let mut used = 0;
    for n in &ranked {
        let Some((column, wide)) = columns.get(*n).zip(wide.get_mut(*n)) else { continue };
        let needs = column.least + 1;
        if used + needs <= room + 1 || used == 0 {
            *wide = column.least;
            used += needs;
        }
    }
    // What is left is given out one by one, so that all grow together.
    let mut grown = true;
    while grown {
        grown = false;
        for n in &ranked {
            let Some((column, wide)) = columns.get(*n).zip(wide.get_mut(*n)) else { continue };
            if (1..column.most).contains(wide) && used < room + 1 {
                *wide += 1;
                used += 1;
                grown = true;
            }
        }
    }
    let mut x = 2;
    let mut places = Vec::new();
    for (n, wide) in wide.into_iter().enumerate().filter(|(_, wide)| *wide > 0) {
        places.push((n, x, wide));
        x += wide + 1;
    }
    places
}

/// The column of a page's table at a column of the terminal.
pub(super) fn column_at(page: Page, area: Rect, x: u16) -> Option<usize> {
    let places = match page {
        Page::Recipients => places(RECIPIENT_COLUMNS, area.width),
        Page::Flows => places(FLOW_COLUMNS, area.width),
        _ => return None,
    };
    let x = x.checked_sub(area.x)?;
    places.into_iter().find(|(_, from, wide)| (*from..from + wide).contains(&x)).map(|(n, ..)| n)
}

/// A cell: what it is, what it says, and whether its middle may be left out.
struct Cell(Role, String, bool);

impl Cell {
    fn plain(text: impl Into<String>) -> Self {
        Self(Role::Plain, text.into(), false)
    }

    fn faint(text: impl Into<String>) -> Self {
        Self(Role::Faint, text.into(), false)
    }

    fn name(role: Role, text: impl Into<String>) -> Self {
        Self(role, text.into(), true)
    }
}

struct Table<'c, S: 'static> {
    columns: &'c [Column<S>],
    sort: S,
    reversed: bool,
}

impl<S: PartialEq + Copy> Table<'_, S> {
    fn draw(
        &self,
        paint: &mut Paint<'_>,
        area: Rect,
        rows: impl Iterator<Item = (usize, bool)>,
        cell: impl Fn(usize, usize) -> Cell,
    ) {
        let places = places(self.columns, area.width);
        let signs = paint.look.signs();
        for (n, x, wide) in &places {
            let Some(column) = self.columns.get(*n) else { continue };
            let [en, de] = column.title;
            let mut title = paint.look.lang.pick(en, de).to_owned();
            let sorted = column.sort == Some(self.sort);
            if sorted {
                title = format!("{title}{}", if self.reversed { signs.rising } else { signs.falling });
            }
            let role = if sorted { Role::Strong } else { Role::Faint };
            if column.right {
                paint.right(area.x + x, area.y, *wide, role, &title);
            } else {
                paint.text(area.x + x, area.y, *wide, role, &title);
            }
        }
        for (y, (at, chosen)) in (area.y + 1..area.bottom()).zip(rows) {
            if chosen {
                paint.text(area.x, y, 1, Role::Strong, signs.chosen);
            }
            for (n, x, wide) in &places {
                let Some(column) = self.columns.get(*n) else { continue };
                let Cell(role, text, middle) = cell(at, *n);
                match (column.right, middle) {
                    (true, _) => paint.right(area.x + x, y, *wide, role, &text),
                    (false, true) => paint.name(area.x + x, y, *wide, role, &text),
                    (false, false) => paint.text(area.x + x, y, *wide, role, &text),
                };
            }
            if chosen {
                paint.choose(Rect::new(area.x, y, area.width, 1));
            }
        }
    }
}

/// Nanoseconds as milliseconds: `12.3 ms`.
pub(super) fn millis(nanos: u64, lang: Lang) -> String {
    let tenths = nanos.saturating_add(50_000) / 100_000;
    format!("{}{}{} ms", tenths / 10, lang.pick(".", ","), tenths % 10)
}

/// `US high`, `anycast`, `unknown`: never a bare country.
pub(super) fn place(recipient: &Subject, lang: Lang) -> String {
    match (&recipient.located_in, recipient.indeterminate.as_deref()) {
        _ if recipient.listing == crate::policy::Listing::Local => lang.pick("local", "lokal").into(),
        (Some(claim), _) => format!("{} {}", claim.value, confidence_word(claim.confidence, lang)),
        (None, Some("anycast")) => "anycast".into(),
        (None, _) => lang.pick("unknown", "unbekannt").into(),
    }
}

/// Who runs it, or whose network it stands in, which is said.
pub(super) fn company_words(recipient: &Subject, lang: Lang) -> String {
    company(recipient).map_or_else(String::new, |(by_name, claim)| {
        let seat = claim.value.seat.map_or_else(String::new, |seat| format!(" ({seat})"));
        let network = if by_name { "" } else { lang.pick("net: ", "Netz: ") };
        format!("{network}{}{seat}", claim.value.name)
    })
}

fn recipient_cell(view: &View, at: usize, column: usize) -> Cell {
    let look = view.look;
    let lang = look.lang;
    let Some(r) = view.picture.summary.recipients.get(at) else { return Cell::plain("") };
    let group = Role::Group(r.listing);
    match column {
        0 => Cell::name(Role::Plain, list::called(r)),
        1 => match r.names.first() {
            Some((_, basis)) => Cell::faint(basis.token()),
            None => Cell::faint(lang.pick("address", "Adresse")),
        },
        2 => Cell::plain(place(r, lang)),
        3 => Cell(group, format!("{} {}", look.listing_sign(r.listing), look.listing_word(r.listing)), false),
        4 => Cell::plain(bytes(r.traffic.bytes_up, lang)),
        5 => Cell::plain(bytes(r.traffic.bytes_down, lang)),
        6 => Cell::plain(company_words(r, lang)),
        7 => Cell::plain(
            company(r)
                .and_then(|(_, claim)| {
                    let seat = claim.value.parent_seat.map_or_else(String::new, |seat| format!(" ({seat})"));
                    claim.value.parent.as_ref().map(|parent| format!("{parent}{seat}"))
                })
                .unwrap_or_default(),
        ),
        8 => Cell::plain(list::category(r, lang)),
        9 => Cell::plain(view.round_trips.get(at).copied().flatten().map_or_else(String::new, |t| millis(t, lang))),
        10 => Cell::plain(r.processes.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")),
        11 => Cell::plain(number(r.flow_count.into(), lang)),
        _ => {
            let more = r.address_count.saturating_sub(1);
            let more = if more > 0 { format!(" +{more}") } else { String::new() };
            Cell::faint(r.addresses.first().map_or_else(String::new, |address| format!("{address}{more}")))
        }
    }
}

fn flow_cell(flow: &FlowRow, column: usize, lang: Lang) -> Cell {
    match column {
        0 => Cell::faint(number(flow.flow, lang)),
        1 => Cell::plain(format::clock(flow.first)),
        2 => match &flow.name {
            Some((name, _)) => Cell::name(Role::Plain, name.to_string()),
            None => Cell::faint(lang.pick("no name", "ohne Namen")),
        },
        3 => Cell::faint(flow.name.as_ref().map_or("", |(_, basis)| basis.token())),
        4 => Cell::plain(list::socket(flow.server).to_string()),
        5 => {
            let transport = flow.transport.token();
            let both = if flow.application.is_empty() {
                transport.to_owned()
            } else {
                format!("{transport}/{}", flow.application)
            };
            Cell::plain(both)
        }
        6 => Cell::plain(bytes(flow.up.bytes, lang)),
        7 => Cell::plain(bytes(flow.down.bytes, lang)),
        8 => Cell::plain(flow.round_trip.map_or_else(String::new, |t| millis(t, lang))),
        9 => Cell::plain(format::duration(flow.last.since(flow.first), lang)),
        10 => Cell::plain(flow.owner.as_ref().map_or_else(String::new, |owner| owner.name.to_string())),
        11 => Cell::plain(match flow.scope {
            "in" => lang.pick("in", "innen"),
            "out" => lang.pick("out", "außen"),
            "unknown" => lang.pick("unknown", "unklar"),
            other => other,
        }),
        _ => Cell::faint(list::socket(flow.client).to_string()),
    }
}

fn finding_cell(view: &View, finding: &Finding, column: usize) -> Cell {
    let lang = view.look.lang;
    let role = Role::Severity(finding.severity);
    match column {
        0 => {
            let sign = format::left(view.look.severity_sign(finding.severity), 2);
            Cell(role, format!("{sign} {}", severity_word(finding.severity, lang)), false)
        }
        1 => Cell::plain(finding.code),
        2 => Cell::name(Role::Plain, &*finding.subject),
        3 => Cell::plain(title(finding.code, lang)),
        4 => Cell::faint(confidence_word(finding.confidence, lang)),
        _ => {
            let more = if finding.frames.len() > 1 { " …" } else { "" };
            Cell::faint(finding.frames.first().map_or_else(String::new, |frame| format!("{}{more}", frame.0)))
        }
    }
}

/// What stands where a table has no rows.
fn nothing(paint: &mut Paint<'_>, area: Rect, filter: &str, why: &str) {
    let lang = paint.look.lang;
    let text = if filter.is_empty() {
        why.to_owned()
    } else {
        format!("{} {filter}", lang.pick("nothing here has all of:", "nichts enthält alles von:"))
    };
    paint.text(area.x + 2, area.y + 2, area.width.saturating_sub(2), Role::Faint, &text);
}

pub(super) fn draw(paint: &mut Paint<'_>, area: Rect, view: &View) {
    let Some(rows) = rows_area(view.page, area) else { return };
    let with_head = Rect { y: area.y, height: rows.height + 1, ..area };
    let visible = usize::from(rows.height);
    let picture: &Snapshot = &view.picture;
    let lang = view.look.lang;
    match view.page {
        Page::Recipients => {
            let list = &view.recipients;
            let table = Table { columns: RECIPIENT_COLUMNS, sort: list.sort, reversed: list.reversed };
            table.draw(paint, with_head, list.visible(visible), |at, column| recipient_cell(view, at, column));
            if list.len() == 0 {
                let why = lang.pick("no recipient so far", "noch kein Empfänger");
                nothing(paint, with_head, &view.filter, why);
            }
        }
        Page::Flows => {
            let list = &view.flows;
            let table = Table { columns: FLOW_COLUMNS, sort: list.sort, reversed: list.reversed };
            table.draw(paint, with_head, list.visible(visible), |at, column| {
                picture.flows.get(at).map_or_else(|| Cell::plain(""), |flow| flow_cell(flow, column, lang))
            });
            if list.len() == 0 {
                nothing(paint, with_head, &view.filter, lang.pick("no flow so far", "noch keine Verbindung"));
            }
        }
        _ => {
            let list = &view.findings;
            let table = Table { columns: FINDING_COLUMNS, sort: list.sort, reversed: list.reversed };
            table.draw(paint, with_head, list.visible(visible), |at, column| {
                let finding = picture.summary.findings.get(at);
                finding.map_or_else(|| Cell::plain(""), |finding| finding_cell(view, finding, column))
            });
            if list.len() == 0 {
                nothing(paint, with_head, &view.filter, lang.pick("no finding so far", "noch kein Befund"));
            }
            let below = Rect { y: rows.bottom(), height: area.bottom().saturating_sub(rows.bottom()), ..area };
            why(paint, below, view);
        }
    }
}

/// Why a finding is one: its rule, its words, frames and sources.
fn why(paint: &mut Paint<'_>, area: Rect, view: &View) {
    let Some(finding) = view.chosen_finding().filter(|_| area.height > 1) else { return };
    let lang = view.look.lang;
    let head = format!("{} {}", finding.code, title(finding.code, lang));
    paint.heading(Rect { height: 1, ..area }, &head, severity_word(finding.severity, lang));
    let mut y = area.y + 1;
    let inner = |y: u16, most: u16| Rect {
        x: area.x + 2,
        y,
        width: area.width.saturating_sub(3),
        height: area.bottom().saturating_sub(y).min(most),
    };
    // What it rests on must be seen, however long the words are.
    let mut below: Vec<(Role, String)> = Vec::new();
    if !finding.uncertainty.is_empty() {
        let weak = lang.pick("weakened by", "geschwächt durch");
        below.push((Role::Plain, format!("{weak}: {}", finding.uncertainty)));
    }
    let frames: Vec<String> = finding.frames.iter().map(|frame| frame.0.to_string()).collect();
    if !frames.is_empty() {
        below.push((Role::Faint, format!("{} {}", lang.pick("frames", "Frames"), frames.join(", "))));
    }
    let sources: Vec<String> = finding.sources.iter().map(|s| crate::policy::source(s, lang)).collect();
    if !sources.is_empty() {
        below.push((Role::Faint, format!("{} {}", lang.pick("rests on", "stützt sich auf"), sources.join("; "))));
    }
    let kept = below.len() as u16;
    y += paint.paragraph(inner(y, area.height.saturating_sub(1 + kept).max(1)), 0, Role::Plain, &finding.text);
    for (n, (role, text)) in (1..).zip(&below) {
        let most = area.bottom().saturating_sub(y).saturating_sub(kept - n).max(1);
        y += paint.paragraph(inner(y, most), 2, *role, text);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_fit_whatever_the_width() {
        for width in 0..240 {
            let places = places(RECIPIENT_COLUMNS, width);
            let end = places.last().map_or(0, |(_, x, wide)| x + wide);
            assert!(end <= width.max(22), "{width}: {places:?}");
            assert!(places.windows(2).all(|pair| pair[0].1 + pair[0].2 < pair[1].1), "{width}: {places:?}");
        }
        assert_eq!(places(RECIPIENT_COLUMNS, 80).len(), 6, "name, place, listed, sent, received and company");
        assert_eq!(places(RECIPIENT_COLUMNS, 240).len(), RECIPIENT_COLUMNS.len());
    }

    #[test]
    fn every_order_is_shown_by_a_column() {
        use super::super::list::Order;
        for sort in RecipientSort::ALL {
            assert!(RECIPIENT_COLUMNS.iter().any(|column| column.sort == Some(*sort)), "{sort:?}");
        }
        for sort in FlowSort::ALL {
            assert!(FLOW_COLUMNS.iter().any(|column| column.sort == Some(*sort)), "{sort:?}");
        }
        for sort in FindingRow::ALL {
            assert!(FINDING_COLUMNS.iter().any(|column| column.sort == Some(*sort)), "{sort:?}");
        }
    }

    #[test]
    fn round_trips_are_told_in_milliseconds() {
        assert_eq!(millis(12_345_678, Lang::En), "12.3 ms");
        assert_eq!(millis(49_999, Lang::De), "0,0 ms");
    }
}
