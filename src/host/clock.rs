//! The clocks of this machine: the only reader of them. Frames are stamped by the wall clock, which can be set; the others
//! tell when it was, and when the machine slept.

use super::values::{Jump, Sync};
use crate::wire::Timestamp;
use rustix::time::{ClockId, clock_gettime};
use std::fs;
use std::time::Duration;

/// Differences below this are the time between reading one clock and the next.
const TOLERANCE: i128 = 100_000_000;
/// Where systemd-timesyncd says that it reached its server (systemd-timesyncd.service(8)).
const TIMESYNC: &str = "/run/systemd/timesync/synchronized";
/// Programs that keep the clock and cannot be asked without talking to them.
const KEEPERS: [&str; 7] = ["chronyd", "ntpd", "ntpsec", "openntpd", "ntp-daemon", "ptp4l", "phc2sys"];

/// The three clocks, read together. Nanoseconds.
#[derive(Debug, Clone, Copy)]
pub struct Clock {
    wall: i128,
    /// Goes on during sleep.
    boot: i128,
    /// Stands still during sleep.
    awake: i128,
}

fn read(id: ClockId) -> i128 {
    let time = clock_gettime(id);
    i128::from(time.tv_sec) * 1_000_000_000 + i128::from(time.tv_nsec)
}

/// Time that only goes forward, for waiting.
pub(super) fn steady() -> Duration {
    Duration::from_nanos(u64::try_from(read(ClockId::Monotonic)).unwrap_or_default())
}

impl Clock {
    #[must_use]
    pub fn read() -> Self {
        Self { wall: read(ClockId::Realtime), boot: read(ClockId::Boottime), awake: read(ClockId::Monotonic) }
    }

    /// The wall clock of now.
    #[must_use]
    pub fn now() -> Timestamp {
        Self::read().wall()
    }

    #[must_use]
    pub fn wall(&self) -> Timestamp {
        Timestamp(u64::try_from(self.wall).unwrap_or_default())
    }

    /// Reads again, and tells what the clocks did since that was more than passing time.
    pub fn jumps(&mut self) -> Vec<Jump> {
        let before = std::mem::replace(self, Self::read());
        self.since(&before)
    }

    fn since(&self, before: &Self) -> Vec<Jump> {
        let passed = self.boot - before.boot;
        let slept = passed - (self.awake - before.awake);
        let stepped = self.wall - before.wall - passed;
        let mut jumps = Vec::new();
        if slept > TOLERANCE {
            jumps.push(Jump::Suspended(Duration::from_nanos(u64::try_from(slept).unwrap_or(u64::MAX))));
        }
        if stepped.abs() > TOLERANCE {
            let nanos = i64::try_from(stepped).unwrap_or(if stepped < 0 { i64::MIN } else { i64::MAX });
            jumps.push(Jump::Stepped { nanos });
        }
        jumps
    }
}

/// Whether somebody keeps the wall clock right, as far as can be told without asking over a network.
#[must_use]
pub fn sync() -> Sync {
    if let Ok(file) = fs::metadata(TIMESYNC) {
        let since = file.modified().ok().and_then(|at| at.duration_since(std::time::UNIX_EPOCH).ok());
        let since = since.map(|d| Timestamp::from_secs(d.as_secs()));
        return Sync::Synchronised { by: "systemd-timesyncd".into(), since };
    }
    match super::process::all().find(|p| KEEPERS.contains(&p.name.exact())) {
        Some(keeper) => Sync::Kept { by: keeper.name },
        None => Sync::NotKnown,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn passing_time_is_no_jump_but_a_step_and_a_sleep_are() {
        let mut clock = Clock::read();
        assert_eq!(clock.jumps(), []);
        let hour = 3_600_000_000_000;
        let later =
            |wall, boot, awake| Clock { wall: clock.wall + wall, boot: clock.boot + boot, awake: clock.awake + awake };
        assert_eq!(later(hour, hour, hour).since(&clock), []);
        assert_eq!(later(hour + 1, hour, hour - 1).since(&clock), []);
        assert_eq!(later(-hour, 0, 0).since(&clock), [Jump::Stepped { nanos: -3_600_000_000_000 }]);
        assert_eq!(later(hour, hour, 0).since(&clock), [Jump::Suspended(Duration::from_secs(3_600))]);
        let both = [Jump::Suspended(Duration::from_secs(3_600)), Jump::Stepped { nanos: 3_600_000_000_000 }];
        assert_eq!(later(2 * hour, hour, 0).since(&clock), both);
    }
}
