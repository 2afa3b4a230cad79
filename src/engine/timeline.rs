//! How much went where, and when: bytes per recipient and window of time. Costs one small look-up per frame; widths double
//! when there would be too many windows, so that a call of a minute and a capture of a week take the same room.

use crate::attribution::NameId;
use crate::flow::FlowId;
pub use crate::policy::course::Cell;
use crate::wire::{Side, Timestamp};
use hashbrown::HashMap;
use rustc_hash::FxHashMap;
use std::net::IpAddr;

const SECOND: u64 = 1_000_000_000;

/// Whose bytes: the remote address, the name its flow used, whether the flow carries media, whether it is judged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct SeriesKey {
    pub(super) address: IpAddr,
    pub(super) name: Option<NameId>,
    pub(super) media: bool,
    pub(super) judged: bool,
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
    /// Bytes that each side of a flow sent in it. The keys are our own numbers, nobody outside chooses them.
    running: FxHashMap<u32, [u64; 2]>,
    series: HashMap<SeriesKey, Vec<Cell>>,
    cells: usize,
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
        // An hour by the second; 12 MB of cells.
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
            running: FxHashMap::default(),
            series: HashMap::new(),
            cells: 0,
            limits,
        }
    }

    /// Whether the running window is over at `now`, so that [`Self::close`] has to be called before the next bytes come.
    pub(super) fn is_over(&mut self, now: Timestamp) -> bool {
        if !self.begun {
            (self.begun, self.start) = (true, now);
        }
        self.window_of(now) > self.window
    }

    fn window_of(&self, now: Timestamp) -> u32 {
        u32::try_from(now.since(self.start) / SECOND / self.width).unwrap_or(u32::MAX)
    }

    pub(super) fn add(&mut self, flow: FlowId, side: Side, bytes: u64) {
        let [first, second] = self.running.entry(flow.0).or_default();
        *match side {
            Side::First => first,
            Side::Second => second,
        } += bytes;
    }

    /// Ends the running window. `whose` tells the series of a flow and the side of its client.
    pub(super) fn close(&mut self, now: Timestamp, mut whose: impl FnMut(FlowId) -> Option<(SeriesKey, Side)>) {
        let window = self.window;
        // Taken out for the time of booking, and put back for its room.
        let mut running = std::mem::take(&mut self.running);
        for (flow, sent) in running.drain() {
            if let Some((key, client)) = whose(FlowId(flow)) {
                self.book(key, window, sent, client);
            }
        }
        self.running = running;
        while self.window_of(now) >= self.limits.windows || self.cells > self.limits.cells {
            if self.width > 1 << 40 {
                break;
            }
            self.widen();
        }
        self.window = self.window_of(now);
    }

    /// The flow ends before its window does.
    pub(super) fn retire(&mut self, flow: FlowId, key: SeriesKey, client: Side) {
        if let Some(sent) = self.running.remove(&flow.0) {
            self.book(key, self.window, sent, client);
        }
    }

    fn book(&mut self, key: SeriesKey, window: u32, [first, second]: [u64; 2], client: Side) {
        let (up, down) = if client == Side::First { (first, second) } else { (second, first) };
        if self.series.len() >= self.limits.series && !self.series.contains_key(&key) {
            return;
        }
        let cells = self.series.entry(key).or_default();
        match cells.last_mut() {
            Some(last) if last.window == window => {
                last.up += up;
                last.down += down;
            }
            _ => {
                if cells.is_empty() {
                    // Most series of a network with many flows end where they begin.
                    cells.reserve_exact(1);
                }
                cells.push(Cell { window, up, down });
                self.cells += 1;
            }
        }
    }

    /// Twice the width, half the windows.
    fn widen(&mut self) {
        self.width *= 2;
        self.cells = 0;
        for cells in self.series.values_mut() {
            let mut kept: Vec<Cell> = Vec::with_capacity(cells.len() / 2 + 1);
            for cell in cells.iter() {
                let window = cell.window / 2;
                match kept.last_mut() {
                    Some(last) if last.window == window => {
                        last.up += cell.up;
                        last.down += cell.down;
                    }
                    _ => kept.push(Cell { window, ..*cell }),
                }
            }
            self.cells += kept.len();
            *cells = kept;
        }
        self.window /= 2;
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

    /// In no order.
    pub(super) fn series(&self) -> impl Iterator<Item = (SeriesKey, &[Cell])> {
        self.series.iter().map(|(key, cells)| (*key, cells.as_slice()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(last: u8) -> SeriesKey {
        SeriesKey { address: IpAddr::from([192, 0, 2, last]), name: None, media: false, judged: true }
    }

    fn at(second: u64) -> Timestamp {
        Timestamp((1_000 + second) * SECOND)
    }

    fn run(limits: TimelineLimits, seconds: u64) -> Timeline {
        let mut timeline = Timeline::new(limits);
        for second in 0..seconds {
            if timeline.is_over(at(second)) {
                timeline.close(at(second), |flow| Some((key(flow.0 as u8), Side::First)));
            }
            timeline.add(FlowId(1), Side::First, 10);
            timeline.add(FlowId(1), Side::Second, 1);
        }
        timeline.close(at(seconds), |flow| Some((key(flow.0 as u8), Side::First)));
        timeline
    }

    fn sum(timeline: &Timeline) -> (u64, u64) {
        timeline.series().flat_map(|(_, cells)| cells).fold((0, 0), |(up, down), c| (up + c.up, down + c.down))
    }

    #[test]
    fn a_window_holds_a_second_until_there_are_too_many() {
        let short = run(TimelineLimits::default(), 5);
        assert_eq!((short.width(), short.start()), (1, at(0)));
        let cells: Vec<_> = short.series().flat_map(|(_, cells)| cells.to_vec()).collect();
        assert_eq!(cells.len(), 5);
        assert_eq!(cells.get(3), Some(&Cell { window: 3, up: 10, down: 1 }));
        let long = run(TimelineLimits { windows: 16, ..TimelineLimits::default() }, 100);
        assert_eq!(long.width(), 8);
        assert!(long.windows() <= 16);
        assert_eq!(sum(&long), (1_000, 100));
        let narrow = run(TimelineLimits { cells: 10, ..TimelineLimits::default() }, 100);
        assert!(narrow.cells <= 11);
        assert_eq!(sum(&narrow), (1_000, 100));
    }

    #[test]
    fn a_time_far_in_the_future_neither_loops_nor_grows() {
        let mut timeline = run(TimelineLimits::default(), 3);
        timeline.close(Timestamp(u64::MAX), |_| None);
        assert!(timeline.windows() <= 3_600);
        assert_eq!(sum(&timeline), (30, 3));
    }
}
