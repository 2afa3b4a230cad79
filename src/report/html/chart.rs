//! Drawings of the page as SVG: bytes by time and group, with the markers; sums by phase.

use crate::engine::view::Summary;
use crate::policy::{Lang, bytes, number};
use crate::report::format::{clock, duration};
use crate::report::phases::{self, Group, group, groups, label, markers};
use std::fmt::Write;

/// Columns of the drawing; windows are joined until they fit.
const BINS: u64 = 160;
const LEFT: u64 = 150;
const WIDTH: u64 = 960;
const TOP: u64 = 24;
const ROW: u64 = 66;
/// Height of the bytes sent, above the axis of a row, and of those received, below it.
const HALF: u64 = 26;

/// Bytes by time.
pub(super) struct Line {
    pub(super) width: u64,
    pub(super) height: u64,
    pub(super) left: u64,
    pub(super) top: u64,
    pub(super) bottom: u64,
    pub(super) label_y: u64,
    pub(super) ticks: Vec<Tick>,
    pub(super) rows: Vec<Row>,
    pub(super) marks: Vec<Mark>,
    pub(super) note: String,
    /// What blurs the sums by phase.
    pub(super) rough: String,
}

pub(super) struct Tick {
    pub(super) x: u64,
    pub(super) label: String,
    pub(super) anchor: &'static str,
}

pub(super) struct Row {
    pub(super) label: String,
    pub(super) most: String,
    pub(super) label_y: u64,
    pub(super) most_y: u64,
    pub(super) axis: u64,
    pub(super) up: String,
    pub(super) down: String,
}

pub(super) struct Mark {
    pub(super) x: u64,
    pub(super) number_x: u64,
    pub(super) y: u64,
    pub(super) number: usize,
}

/// What was sent and received between two markers, by the rows of the timeline.
pub(super) struct PhaseRow {
    pub(super) number: String,
    pub(super) name: String,
    pub(super) time: String,
    pub(super) volumes: Vec<String>,
}

/// Draws the timeline; nothing if it is empty.
pub(super) fn line(summary: &Summary, lang: Lang) -> Option<Line> {
    let time = &summary.timeline;
    let groups = groups(summary);
    if groups.is_empty() || time.windows == 0 || time.width == 0 {
        return None;
    }
    let windows = u64::from(time.windows);
    let joined = windows.div_ceil(BINS).max(1);
    let bins = windows.div_ceil(joined);
    let x = |bin: u64| LEFT + (WIDTH - LEFT) * bin / bins;
    let bottom = TOP + ROW * groups.len() as u64;
    let rows = (0..).zip(&groups).map(|(at, group)| row(summary, *group, joined, bins, at, lang)).collect();
    let seconds = windows * time.width;
    let ticks = (0..=4)
        .map(|quarter: u64| {
            let at = time.start.plus_nanos(seconds.saturating_mul(250_000_000).saturating_mul(quarter));
            let anchor = ["start", "middle", "middle", "middle", "end"];
            let anchor = anchor.get(quarter as usize).copied().unwrap_or("middle");
            Tick { x: LEFT + (WIDTH - LEFT) * quarter / 4, label: clock(at), anchor }
        })
        .collect();
    let marks = markers(summary).into_iter().enumerate().map(|(at, marker)| {
        let window = marker.time.since(time.start) / 1_000_000_000 / time.width;
        let line = x((window / joined).min(bins));
        // Numbers in two heights, so that close ones can be told apart; the last ones stay inside.
        Mark { x: line, number_x: line.min(WIDTH - 8), y: if at % 2 == 0 { 10 } else { 21 }, number: at + 1 }
    });
    let column = duration(joined.saturating_mul(time.width).saturating_mul(1_000_000_000), lang);
    let zone = lang.pick("times in UTC", "Zeiten in UTC");
    let note = match lang {
        Lang::En => format!("each row has its own scale, a column is {column}; {zone}; numbers are markers"),
        Lang::De => format!("jede Zeile hat ihren Maßstab, eine Spalte sind {column}; {zone}; Ziffern sind Marken"),
    };
    let rough = match time.width {
        1 => String::new(),
        width => {
            let width = duration(width.saturating_mul(1_000_000_000), lang);
            format!("{} {width}", lang.pick("borders to the window of", "Grenzen auf das Fenster von"))
        }
    };
    Some(Line {
        width: WIDTH,
        height: bottom + 20,
        left: LEFT,
        top: TOP,
        bottom,
        label_y: bottom + 15,
        ticks,
        rows,
        marks: marks.collect(),
        note,
        rough,
    })
}

fn row(summary: &Summary, whose: Group, joined: u64, bins: u64, at: u64, lang: Lang) -> Row {
    let time = &summary.timeline;
    let mut sums = vec![(0_u64, 0_u64); bins as usize];
    for series in time.series.iter().filter(|s| group(summary, s.recipient, s.media) == Some(whose)) {
        for cell in &series.cells {
            if let Some((up, down)) = sums.get_mut((u64::from(cell.window) / joined) as usize) {
                *up = up.saturating_add(cell.up);
                *down = down.saturating_add(cell.down);
            }
        }
    }
    let most = sums.iter().map(|(up, down)| (*up).max(*down)).max().unwrap_or(0);
    let axis = TOP + ROW * at + ROW / 2;
    // Square roots: a keep-alive stays visible beside video.
    let height = |bytes: u64| {
        let part = u128::from(bytes) * u128::from(HALF * HALF) / u128::from(most.max(1));
        if bytes > 0 { (part.isqrt() as u64).clamp(1, HALF) } else { 0 }
    };
    let (mut up, mut down) = (String::new(), String::new());
    for (bin, sent) in (0..).zip(&sums) {
        let (from, to) = (LEFT + (WIDTH - LEFT) * bin / bins, LEFT + (WIDTH - LEFT) * (bin + 1) / bins);
        let wide = (to - from).max(2) - 1;
        for (path, bytes, sign) in [(&mut up, sent.0, "-"), (&mut down, sent.1, "")] {
            if bytes > 0 {
                let _ = write!(path, "M{from} {axis}h{wide}v{sign}{}h-{wide}z", height(bytes));
            }
        }
    }
    let window = duration(joined.saturating_mul(time.width).saturating_mul(1_000_000_000), lang);
    Row {
        label: label(whose, lang),
        most: format!("≤ {} / {window}", bytes(most, lang)),
        label_y: axis.saturating_sub(3),
        most_y: axis + 12,
        axis,
        up,
        down,
    }
}

fn volume((up, down): (u64, u64), lang: Lang) -> String {
    let bytes = |n| if n == 0 { "–".to_owned() } else { bytes(n, lang).replace(' ', "\u{a0}") };
    if (up, down) == (0, 0) { "–".to_owned() } else { format!("{} / {}", bytes(up), bytes(down)) }
}

/// Bytes up and down per group between the markers; nothing without markers.
pub(super) fn phases(summary: &Summary, lang: Lang) -> Vec<PhaseRow> {
    let sums = phases::sums(summary);
    let rows = sums.into_iter().map(|phase| PhaseRow {
        number: if phase.number == 0 { String::new() } else { number(phase.number as u64, lang) },
        name: phase.name(lang),
        time: clock(phase.from),
        volumes: phase.volumes.iter().map(|(_, sums)| volume(*sums, lang)).collect(),
    });
    rows.collect()
}
