//! How much went where, and when: bytes per recipient and window of time. Costs a look-up per flow and window; widths double
//! when there would be too many windows, so that a call of a minute and a capture of a week take the same room.

use super::ledger::bits;
use crate::attribution::NameId;
use crate::dissect::fact::MediaKind;
pub use crate::policy::course::Cell;
use crate::wire::Timestamp;
use hashbrown::HashMap;
use std::hash::{Hash, Hasher};
use std::net::IpAddr;

const SECOND: u64 = 1_000_000_000;

/// Which bytes of a flow are booked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Share {
    /// All of a flow that carries no media, and of one that does.
    Other,
    Media,
    /// Bytes behind the headers of RTP; they are among those of the flow, too.
    Kind(MediaKind),
}

/// Whose bytes: the remote address, the name its flow used, which of them, whether the flow is judged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct SeriesKey {
    pub(super) address: IpAddr,
    pub(super) name: Option<NameId>,
    pub(super) share: Share,
    pub(super) judged: bool,
}

/// Numbers are hashed faster than the fields one by one.
impl Hash for SeriesKey {
    fn hash<H: Hasher>(&self, state: &mut H) {
        let name = self.name.map_or(0, |name| name.index() as u64 + 1);
        state.write_u128(bits(self.address));
        state.write_u64(name << 1 | u64::from(self.judged));
        self.share.hash(state);
    }
}

/// The windows that have ended, and the one that runs.
#[derive(Debug, Clone)]
pub(super) struct Timeline {
    /// Seconds per window.
    width: u64,
    /// When the first frame came, so that a shift of all times shifts the windows with them.
    start: Timestamp,
    begun: bool,
    /// The window that runs.
    window: u32,
    keys: Vec<SeriesKey>,
    /// Number and latest cell of a series.
    series: HashMap<SeriesKey, (u32, u32)>,
    /// Of all series together, those of one in order of time.
    cells: Vec<(u32, Cell)>,
    limits: TimelineLimits,
}

/// What the timeline keeps at most.
#[derive(Debug, Clone, Copy)]
pub struct TimelineLimits {
    /// Windows from start to end.
    pub windows: u32,
    /// Cells of all series together.
    pub cells: usize,
    /// Series kept apart; bytes of further ones are not in the timeline, only in the totals.
    pub series: usize,
}

impl Default for TimelineLimits {
    fn default() -> Self {
        // An hour by the second; 16 MB of cells.
        Self { windows: 3_600, cells: 1 << 19, series: 1 << 15 }
    }
}

impl Timeline {
    pub(super) fn new(limits: TimelineLimits) -> Self {
        Self {
            width: 1,
            start: Timestamp::ZERO,
            begun: false,
            window: 0,
            keys: Vec::new(),
            series: HashMap::new(),
            cells: Vec::new(),
            limits,
        }
    }

    /// Whether the running window is over at `now`, so that everything has to be booked and [`Self::turn`] be called before
    /// the next bytes come.
    pub(super) fn is_over(&mut self, now: Timestamp) -> bool {
        if !self.begun {
            (self.begun, self.start) = (true, now);
        }
        // Asked with every frame: multiplied, not divided.
        let end = (u64::from(self.window) + 1).saturating_mul(self.width).saturating_mul(SECOND);
        now.since(self.start) >= end
    }

    fn window_of(&self, now: Timestamp) -> u32 {
        u32::try_from(now.since(self.start) / SECOND / self.width).unwrap_or(u32::MAX)
    }

    /// Begins the window of `now`.
    pub(super) fn turn(&mut self, now: Timestamp) {
        while self.window_of(now) >= self.limits.windows || self.cells.len() > self.limits.cells {
            if self.width > 1 << 40 {
                break;
            }
            self.widen();
        }
        self.window = self.window_of(now);
    }

    /// Books bytes in the window that runs.
    pub(super) fn book(&mut self, key: SeriesKey, up: u64, down: u64) {
        let cell = Cell { window: self.window, up, down };
        let next = self.cells.len() as u32;
        let full = self.series.len() >= self.limits.series;
        let number = match self.series.get_mut(&key) {
            Some((number, latest)) => {
                if let Some((_, last)) = self.cells.get_mut(*latest as usize).filter(|(_, c)| c.window == cell.window) {
                    last.add(cell);
                    return;
                }
                *latest = next;
                *number
            }
            None if full => return,
            None => {
                let number = self.keys.len() as u32;
                self.keys.push(key);
                self.series.insert(key, (number, next));
                number
            }
        };
        self.cells.push((number, cell));
    }

    /// Twice the width, half the windows.
    fn widen(&mut self) {
        self.width *= 2;
        self.window /= 2;
        let mut latest: Vec<Option<u32>> = vec![None; self.keys.len()];
        let mut kept: Vec<(u32, Cell)> = Vec::new();
        for &(number, cell) in &self.cells {
            let Some(latest) = latest.get_mut(number as usize) else { continue };
            let cell = Cell { window: cell.window / 2, ..cell };
            let last = latest.and_then(|at| kept.get_mut(at as usize));
            if let Some((_, last)) = last.filter(|(_, last)| last.window == cell.window) {
                last.add(cell);
            } else {
                *latest = Some(kept.len() as u32);
                kept.push((number, cell));
            }
        }
        self.cells = kept;
        for (number, at) in self.series.values_mut() {
            *at = latest.get(*number as usize).copied().flatten().unwrap_or_default();
        }
    }

    pub(super) fn start(&self) -> Timestamp {
        self.start
    }

    pub(super) fn width(&self) -> u64 {
        self.width
    }

    pub(super) fn windows(&self) -> u32 {
        if self.begun { self.window + 1 } else { 0 }
    }

    /// The series by their numbers.
    pub(super) fn keys(&self) -> &[SeriesKey] {
        &self.keys
    }

    /// Cells with the number of their series; those of one series are in order of time.
    pub(super) fn cells(&self) -> &[(u32, Cell)] {
        &self.cells
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(last: u8) -> SeriesKey {
        SeriesKey { address: IpAddr::from([192, 0, 2, last]), name: None, share: Share::Other, judged: true }
    }

    fn at(second: u64) -> Timestamp {
        Timestamp((1_000 + second) * SECOND)
    }

    fn run(limits: TimelineLimits, seconds: u64) -> Timeline {
        let mut timeline = Timeline::new(limits);
        for second in 0..seconds {
            if timeline.is_over(at(second)) {
                timeline.turn(at(second));
            }
            timeline.book(key(1), 10, 0);
            timeline.book(key(1), 0, 1);
            timeline.book(key(2), 1, 1);
        }
        timeline.turn(at(seconds));
        timeline
    }

    fn sum(timeline: &Timeline) -> (u64, u64) {
        timeline.cells().iter().fold((0, 0), |(up, down), (_, c)| (up + c.up, down + c.down))
    }

    #[test]
    fn a_window_holds_a_second_until_there_are_too_many() {
        let short = run(TimelineLimits::default(), 5);
        assert_eq!((short.width(), short.start()), (1, at(0)));
        assert_eq!(short.keys(), [key(1), key(2)]);
        assert_eq!(short.cells().len(), 10);
        assert_eq!(short.cells().get(6), Some(&(0, Cell { window: 3, up: 10, down: 1 })));
        let long = run(TimelineLimits { windows: 16, ..TimelineLimits::default() }, 100);
        assert_eq!(long.width(), 8);
        assert!(long.windows() <= 16);
        assert_eq!(sum(&long), (1_100, 200));
        let windows = |of| long.cells().iter().filter(move |(n, _)| *n == of).map(|(_, c)| c.window);
        assert!((0..2).all(|n| windows(n).eq(0..13)));
        let narrow = run(TimelineLimits { cells: 10, ..TimelineLimits::default() }, 100);
        assert!(narrow.cells().len() <= 12);
        assert_eq!(sum(&narrow), (1_100, 200));
    }

    #[test]
    fn a_time_far_in_the_future_neither_loops_nor_grows() {
        let mut timeline = run(TimelineLimits::default(), 3);
        timeline.turn(Timestamp(u64::MAX));
        assert!(timeline.windows() <= 3_600);
        assert_eq!(sum(&timeline), (33, 6));
    }
}
