//! The course of a capture: how much each recipient got and sent by windows of time, and the markers between them.

use super::phase::{State, Stretch, stretches};
use crate::dissect::fact::MediaKind;
use crate::wire::{Text, Timestamp};

const SECOND: u64 = 1_000_000_000;

/// Bytes on the wire in one window.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Cell {
    /// Windows since the start of the timeline.
    pub window: u32,
    pub up: u64,
    pub down: u64,
}

impl Cell {
    pub(crate) fn add(&mut self, other: Self) {
        self.up += other.up;
        self.down += other.down;
    }
}

/// Bytes by time: one series per recipient, media apart from the rest.
#[derive(Debug, Clone, Default)]
pub struct Timeline {
    /// The first frame: window 0 begins here.
    pub start: Timestamp,
    /// Seconds per window.
    pub width: u64,
    /// Windows from the start to the end of the capture.
    pub windows: u32,
    /// Sorted by recipient and media.
    pub series: Vec<Series>,
    /// Bytes behind the headers of RTP, by what they carry, sorted by recipient and kind; they are in `series` too.
    pub kinds: Vec<KindSeries>,
}

/// Media of one kind with one recipient, by windows.
#[derive(Debug, Clone)]
pub struct KindSeries {
    pub recipient: usize,
    pub kind: MediaKind,
    pub cells: Vec<Cell>,
}

/// The windows in which a recipient was sent or sent something, in order.
#[derive(Debug, Clone)]
pub struct Series {
    /// Position among the recipients; `None`: traffic that is not judged.
    pub recipient: Option<usize>,
    /// Flows that carry media.
    pub media: bool,
    pub cells: Vec<Cell>,
}

/// A marker that somebody set during the call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Marker {
    pub time: Timestamp,
    pub text: Text,
}

/// A timeline with its markers, as rules see it.
#[derive(Debug, Clone, Copy)]
pub struct Course<'a> {
    pub timeline: &'a Timeline,
    pub markers: &'a [Marker],
    pub first: Timestamp,
    pub last: Timestamp,
}

/// What went over in a stretch of time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Flow {
    pub up: u64,
    pub down: u64,
    /// Seconds looked at.
    pub secs: u64,
}

/// Contacts that come back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rhythm {
    pub contacts: u32,
    pub up: u64,
    /// Seconds from one contact to the next (the median), and how far the others lie from it (the median of that). `None` if
    /// there is no period in them.
    pub period: Option<(u64, u64)>,
}

impl Flow {
    /// Bits per second, upwards.
    #[must_use]
    pub fn rate_up(&self) -> u64 {
        (self.up * 8).checked_div(self.secs).unwrap_or(0)
    }
}

impl<'a> Course<'a> {
    /// Seconds left out at either end of a stretch: people set markers a little early or late.
    const GRACE: u64 = 2;
    /// Contacts from which a period is told, and the share of it by which they may stray (one part in so many).
    const ENOUGH: usize = 5;
    const STRAY: u64 = 5;

    /// The stretches of a state, by the markers, in order of time.
    #[must_use]
    pub fn stretches(&self, state: State) -> Vec<Stretch<'a>> {
        let mut markers: Vec<_> = self.markers.iter().map(|m| (m.time, &m.text)).collect();
        markers.sort_by_key(|(time, _)| *time);
        stretches(state, markers, self.first, self.last)
    }

    /// The series of a recipient.
    pub fn cells(&self, recipient: usize, media: bool) -> &'a [Cell] {
        let series = &self.timeline.series;
        let at = series.binary_search_by_key(&(Some(recipient), media), |s| (s.recipient, s.media)).ok();
        at.and_then(|at| series.get(at)).map_or(&[], |s| &s.cells)
    }

    /// Media of one kind of a recipient.
    pub fn kind_cells(&self, recipient: usize, kind: MediaKind) -> &'a [Cell] {
        let kinds = &self.timeline.kinds;
        let at = kinds.binary_search_by_key(&(recipient, kind), |s| (s.recipient, s.kind)).ok();
        at.and_then(|at| kinds.get(at)).map_or(&[], |s| &s.cells)
    }

    /// Windows that lie wholly within a stretch, without its first and last moments.
    fn windows(&self, from: Timestamp, until: Timestamp) -> std::ops::Range<u32> {
        let width = self.timeline.width.max(1) * SECOND;
        let begin = from.plus_nanos(Self::GRACE * SECOND).since(self.timeline.start).div_ceil(width);
        let end = until.since(self.timeline.start).saturating_sub(Self::GRACE * SECOND) / width;
        let narrow = |n: u64| u32::try_from(n).unwrap_or(u32::MAX);
        narrow(begin)..narrow(end.max(begin))
    }

    /// What a series had between two times.
    #[must_use]
    pub fn between(&self, cells: &[Cell], from: Timestamp, until: Timestamp) -> Flow {
        let windows = self.windows(from, until);
        let from = cells.partition_point(|c| c.window < windows.start);
        let inside = cells.get(from..).unwrap_or_default().iter().take_while(|c| c.window < windows.end);
        let (up, down) = inside.fold((0, 0), |(up, down), c| (up + c.up, down + c.down));
        Flow { up, down, secs: u64::from(windows.end - windows.start) * self.timeline.width }
    }

    /// Contacts of a series between two times: windows in which something was sent, those that touch counted as one.
    #[must_use]
    pub fn rhythm(&self, cells: &[Cell], from: Timestamp, until: Timestamp) -> Rhythm {
        let windows = self.windows(from, until);
        let mut starts: Vec<u64> = Vec::new();
        let (mut last, mut up) = (None, 0);
        for cell in cells.iter().filter(|c| windows.contains(&c.window) && c.up > 0) {
            up += cell.up;
            if last.is_none_or(|l| cell.window > l + 1) {
                starts.push(u64::from(cell.window) * self.timeline.width);
            }
            last = Some(cell.window);
        }
        let mut gaps: Vec<u64> = starts.iter().zip(starts.iter().skip(1)).map(|(a, b)| b - a).collect();
        let period = (starts.len() >= Self::ENOUGH).then(|| {
            let period = median(&mut gaps);
            let mut stray: Vec<u64> = gaps.iter().map(|g| g.abs_diff(period)).collect();
            (period, median(&mut stray))
        });
        // The windows themselves blur a time by one width.
        let regular = |&(period, stray): &(u64, u64)| {
            period >= 3 * self.timeline.width && stray * Self::STRAY <= period.max(Self::STRAY * self.timeline.width)
        };
        Rhythm { contacts: starts.len() as u32, up, period: period.filter(regular) }
    }
}

fn median(values: &mut [u64]) -> u64 {
    values.sort_unstable();
    values.get(values.len() / 2).copied().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cell(window: u32, up: u64) -> Cell {
        Cell { window, up, down: 1 }
    }

    fn course(timeline: &Timeline) -> Course<'_> {
        let (first, last) = (Timestamp::from_secs(100), Timestamp::from_secs(200));
        Course { timeline, markers: &[], first, last }
    }

    fn timeline(width: u64) -> Timeline {
        Timeline { start: Timestamp::from_secs(100), width, windows: 100, ..Timeline::default() }
    }

    #[test]
    fn only_windows_wholly_within_count() {
        let cells: Vec<Cell> = (0..100).map(|w| cell(w, 1_000)).collect();
        let at = Timestamp::from_secs;
        let line = timeline(1);
        // From 110 to 120, two seconds left out at either end.
        assert_eq!(course(&line).between(&cells, at(110), at(120)), Flow { up: 6_000, down: 6, secs: 6 });
        assert_eq!(course(&line).between(&cells, at(110), at(120)).rate_up(), 8_000);
        assert_eq!(course(&line).between(&cells, at(110), at(113)), Flow::default());
        assert_eq!(course(&line).between(&cells, at(50), at(60)), Flow::default());
        let half = at(110).plus_nanos(SECOND / 2);
        assert_eq!(course(&line).between(&cells, half, at(120)).secs, 5);
        let wide = timeline(4);
        assert_eq!(course(&wide).between(&cells, at(110), at(130)).secs, 16);
    }

    #[test]
    fn a_rhythm_is_told_from_chance() {
        let at = Timestamp::from_secs;
        let line = timeline(1);
        let told = |windows: &[u32]| {
            let cells: Vec<Cell> = windows.iter().map(|w| cell(*w, 10)).collect();
            course(&line).rhythm(&cells, at(98), at(202))
        };
        assert_eq!(told(&[0, 10, 20, 31, 40, 41, 50]), Rhythm { contacts: 6, up: 70, period: Some((10, 0)) });
        assert_eq!(told(&[0, 3, 40, 45, 90, 95]).period, None);
        assert_eq!(told(&[0, 10, 20]).period, None);
        // Without a pause there is one contact.
        assert_eq!(told(&[5, 6, 7, 8, 9]).contacts, 1);
        assert_eq!(told(&[]), Rhythm { contacts: 0, up: 0, period: None });
    }
}
