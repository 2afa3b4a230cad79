//! What each group was sent over time, each in its own scale, with the markers below: so a trickle to somebody unlisted is
//! seen beside the stream of the call.

use super::super::paint::Paint;
use super::super::theme::Role;
use super::super::view::View;
use super::{elapsed, marker_words};
use crate::engine::view::{Summary, Timeline};
use crate::policy::Listing;
use crate::report::format::{rate, width};
use ratatui::layout::Rect;

const SECOND: u64 = 1_000_000_000;
/// Columns for the names at the left and the peaks at the right.
const NAMES: u16 = 20;
const PEAKS: u16 = 13;

/// The rows, gravest first where there is little room.
const ROWS: [(Listing, bool); 7] = [
    (Listing::Service, true),
    (Listing::NotListed, false),
    (Listing::Service, false),
    (Listing::Subprocessor, false),
    (Listing::Unjudged, false),
    (Listing::Background, false),
    (Listing::Local, false),
];

/// Windows that are shown at least: a call of seconds does not fill the screen.
const MIN_WINDOWS: u32 = 60;

/// How windows of time and columns of the screen belong together.
#[derive(Debug, Clone, Copy)]
struct Scale {
    windows: u32,
    columns: u32,
}

impl Scale {
    fn new(timeline: &Timeline, columns: u16) -> Self {
        Self { windows: timeline.windows.max(MIN_WINDOWS), columns: u32::from(columns).max(1) }
    }

    /// The first column of a window.
    fn column(self, window: u32) -> u32 {
        (u64::from(window) * u64::from(self.columns) / u64::from(self.windows)) as u32
    }

    /// The windows of a column: at least one, which it may share with its neighbours.
    fn windows(self, column: u32) -> (u32, u32) {
        let at = |column: u32| (u64::from(column) * u64::from(self.windows) / u64::from(self.columns)) as u32;
        (at(column), at(column + 1).max(at(column) + 1))
    }
}

/// Bytes sent per window, as the average of the windows of each column.
fn sent(summary: &Summary, listing: Listing, media: bool, scale: Scale) -> Vec<u64> {
    let mut by_window = vec![0_u64; summary.timeline.windows as usize];
    // Media stand apart for the service, where they are the call itself.
    let media_matters = listing == Listing::Service;
    for series in &summary.timeline.series {
        let whose = series.recipient.and_then(|at| summary.recipients.get(at)).map(|r| r.listing);
        if whose != Some(listing) || (media_matters && series.media != media) {
            continue;
        }
        for cell in &series.cells {
            if let Some(sum) = by_window.get_mut(cell.window as usize) {
                *sum = sum.saturating_add(cell.up);
            }
        }
    }
    let column = |column: u32| {
        let (from, until) = scale.windows(column);
        let until = until.min(summary.timeline.windows);
        let sum = by_window
            .get(from as usize..until as usize)
            .unwrap_or_default()
            .iter()
            .fold(0_u64, |a, b| a.saturating_add(*b));
        sum.div_ceil(u64::from(until.saturating_sub(from)).max(1))
    };
    (0..scale.columns).map(column).collect()
}

/// Draws as many rows as there is room for, below a heading and above the markers.
pub(super) fn draw(paint: &mut Paint<'_>, area: Rect, view: &View) {
    let lang = view.look.lang;
    let summary = &view.picture.summary;
    let timeline = &summary.timeline;
    let plot_width = area.width.saturating_sub(NAMES + PEAKS + 1);
    let scale = Scale::new(timeline, plot_width);
    let note = lang.pick("each row in its own scale", "jede Zeile in eigenem Maßstab");
    paint.heading(Rect { height: 1, ..area }, lang.pick("Sent, by time", "Gesendet, im Zeitverlauf"), note);
    let plots = Rect { y: area.y + 1, height: area.height.saturating_sub(3), ..area };
    let rows: Vec<(Listing, bool, Vec<u64>)> = ROWS
        .into_iter()
        .map(|(listing, media)| (listing, media, sent(summary, listing, media, scale)))
        .filter(|(_, _, sums)| sums.iter().any(|sum| *sum > 0))
        .collect();
    if rows.is_empty() {
        paint.text(area.x + 2, plots.y, area.width, Role::Faint, lang.pick("nothing so far", "noch nichts"));
        return;
    }
    let mut shown: Vec<_> = rows.into_iter().take(plots.height.into()).collect();
    shown.sort_by_key(|(listing, media, _)| (*listing, !*media));
    let high = (plots.height / shown.len().max(1) as u16).clamp(1, 3);
    let mut y = plots.y;
    for (listing, media, sums) in &shown {
        let role = Role::Group(*listing);
        let of_service = *listing == Listing::Service;
        let what = match (of_service, media) {
            (true, true) => lang.pick("Service: media", "Dienst: Medien"),
            (true, false) => lang.pick("Service: other", "Dienst: anderes"),
            _ => view.look.group(*listing),
        };
        let line = y + high - 1;
        paint.pieces(
            area.x + 1,
            line,
            NAMES - 2,
            &[(role, view.look.listing_sign(*listing)), (Role::Plain, " "), (Role::Plain, what)],
        );
        let most = sums.iter().copied().max().unwrap_or(0);
        paint.columns(Rect { x: area.x + NAMES, y, width: plot_width, height: high }, role, sums, most);
        if let Some(peak) = rate(most, timeline.width.max(1) * SECOND, lang) {
            paint.right(area.right().saturating_sub(PEAKS), line, PEAKS, Role::Faint, &peak);
        }
        y += high;
    }
    paint.right(
        area.right().saturating_sub(PEAKS),
        area.y + 1 + plots.height,
        PEAKS,
        Role::Faint,
        lang.pick("at most", "höchstens"),
    );
    axis(paint, Rect { x: area.x + NAMES, y, width: plot_width, height: 2 }, view, scale);
}

/// The markers where they were set, with as many of their names as there is room for, and the time from the start.
fn axis(paint: &mut Paint<'_>, area: Rect, view: &View, scale: Scale) {
    let (lang, signs) = (view.look.lang, view.look.signs());
    let timeline = &view.picture.summary.timeline;
    let column = |time: crate::wire::Timestamp| {
        let window = time.since(timeline.start) / (timeline.width.max(1) * SECOND);
        let column = scale.column(u32::try_from(window).ok()?);
        u16::try_from(column).ok().filter(|column| *column < area.width)
    };
    paint.text(area.x.saturating_sub(NAMES - 1), area.y, NAMES - 2, Role::Faint, lang.pick("markers", "Marken"));
    let placed: Vec<(u16, String)> = view
        .picture
        .summary
        .markers
        .iter()
        .filter_map(|marker| Some((column(marker.time)?, marker_words(&marker.text, lang))))
        .collect();
    for (n, (at, words)) in placed.iter().enumerate() {
        let next = placed.iter().skip(n + 1).map(|(next, _)| *next).find(|next| next > at).unwrap_or(area.width);
        let last_here = placed.get(n + 1).is_none_or(|(next, _)| next != at);
        paint.glyph(area.x + at, area.y, Role::Strong, signs.marker);
        let room = next - at - 1;
        // Of two at one place the later one is named.
        if last_here && room >= 4 && (width(words) as u16) <= room.saturating_sub(1).max(4) || last_here && room >= 12 {
            paint.text(area.x + at + 1, area.y, room.saturating_sub(1), Role::Plain, words);
        }
    }
    let total = u64::from(timeline.windows) * timeline.width;
    let columns = scale.column(timeline.windows) as u16;
    if total == 0 || area.y + 1 >= area.y + area.height {
        return;
    }
    paint.text(area.x, area.y + 1, 6, Role::Faint, "0:00");
    let mut last = 5;
    for part in 1..=4_u64 {
        let text = elapsed(total * part / 4 * SECOND);
        let wide = width(&text) as u16;
        let Some(at) = (u64::from(columns) * part / 4).checked_sub(u64::from(wide)).map(|at| at as u16) else {
            continue;
        };
        if at > last && at + wide <= area.width {
            paint.text(area.x + at, area.y + 1, wide, Role::Faint, &text);
            last = at + wide;
        }
    }
}

/// Lines that a timeline with all its rows takes at most, each row so high.
pub(super) fn lines_wanted(summary: &Summary, high: u16) -> u16 {
    let rows = ROWS.into_iter().filter(|(listing, media)| {
        summary.timeline.series.iter().any(|series| {
            let whose = series.recipient.and_then(|at| summary.recipients.get(at)).map(|r| r.listing);
            whose == Some(*listing) && (*listing != Listing::Service || series.media == *media)
        })
    });
    (rows.count() as u16).max(1) * high + 3
}
