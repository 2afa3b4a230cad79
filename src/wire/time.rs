//! Points in time as the capture gives them. The core never reads a clock.

use super::short::pair;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::fmt;

/// Nanoseconds since 1970-01-01T00:00:00Z, as stamped on a frame. Arithmetic saturates.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Timestamp(pub u64);

impl Timestamp {
    pub const ZERO: Self = Self(0);

    #[must_use]
    pub const fn from_secs(seconds: u64) -> Self {
        Self(seconds.saturating_mul(1_000_000_000))
    }

    #[must_use]
    pub const fn from_micros(micros: u64) -> Self {
        Self(micros.saturating_mul(1_000))
    }

    #[must_use]
    pub const fn nanos(self) -> u64 {
        self.0
    }

    #[must_use]
    pub const fn secs(self) -> u64 {
        self.0 / 1_000_000_000
    }

    /// Nanoseconds from `earlier` to `self`; zero if `earlier` is later.
    #[must_use]
    pub const fn since(self, earlier: Self) -> u64 {
        self.0.saturating_sub(earlier.0)
    }

    #[must_use]
    pub const fn plus_nanos(self, nanos: u64) -> Self {
        Self(self.0.saturating_add(nanos))
    }

    /// Days since 1970-01-01 (UTC): the unit in which law is in force.
    #[must_use]
    pub const fn day(self) -> Day {
        Day((self.secs() / 86_400) as u32)
    }
}

impl Timestamp {
    /// Reads what `Display` writes, with any number of decimals up to nine; `None` for everything else.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let (day, rest) = text.strip_suffix('Z')?.split_once('T')?;
        let (clock, decimals) = rest.split_once('.').unwrap_or((rest, ""));
        let digits = |text: &str| text.bytes().all(|b| b.is_ascii_digit());
        let mut parts = clock.splitn(3, ':');
        let mut next =
            |below: u64| parts.next().filter(|p| p.len() == 2 && digits(p))?.parse::<u64>().ok().filter(|n| *n < below);
        let (h, m, s) = (next(24)?, next(60)?, next(60)?);
        if decimals.len() > 9 || !digits(decimals) {
            return None;
        }
        let nanos: u64 = format!("{decimals:0<9}").parse().ok()?;
        let secs = u64::from(Day::parse(day)?.0).checked_mul(86_400)? + h * 3600 + m * 60 + s;
        secs.checked_mul(1_000_000_000)?.checked_add(nanos).map(Self)
    }
}

impl Serialize for Timestamp {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(ascii(Clock::default().show(*self)))
    }
}

impl<'de> Deserialize<'de> for Timestamp {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::parse(&text).ok_or_else(|| serde::de::Error::custom("no time like 2026-10-15T09:00:00.000000000Z"))
    }
}

/// RFC 3339 in UTC with nanoseconds.
impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(ascii(Clock::default().show(*self)))
    }
}

fn ascii(text: &[u8]) -> &str {
    std::str::from_utf8(text).unwrap_or_default()
}

/// Length of a time in RFC 3339 with nanoseconds.
const TIME: usize = 30;

/// Writes times one after the other; keeps the text of the last second.
#[derive(Debug)]
pub struct Clock {
    second: u64,
    text: [u8; TIME],
}

impl Default for Clock {
    fn default() -> Self {
        Self { second: u64::MAX, text: *b"0000-00-00T00:00:00.000000000Z" }
    }
}

impl Clock {
    /// RFC 3339 in UTC with nanoseconds: ASCII, always as long.
    pub fn show(&mut self, time: Timestamp) -> &[u8; TIME] {
        let second = time.secs();
        if self.second != second {
            self.second = second;
            let (year, month, day) = time.day().civil();
            let second = (second % 86_400) as u32;
            let ([y0, y1], [y2, y3], [m0, m1], [d0, d1]) = (pair(year / 100), pair(year), pair(month), pair(day));
            let ([h0, h1], [n0, n1], [s0, s1]) = (pair(second / 3600), pair(second / 60 % 60), pair(second % 60));
            let fixed = [y0, y1, y2, y3, b'-', m0, m1, b'-', d0, d1, b'T', h0, h1, b':', n0, n1, b':', s0, s1];
            self.text.iter_mut().zip(fixed).for_each(|(to, from)| *to = from);
        }
        let nanos = (time.nanos() % 1_000_000_000) as u32;
        let ([a0, a1], [b0, b1], [c0, c1], [d0, d1]) =
            (pair(nanos / 10_000_000), pair(nanos / 100_000), pair(nanos / 1_000), pair(nanos / 10));
        let [.., f0, f1, f2, f3, f4, f5, f6, f7, f8, _] = &mut self.text;
        (*f0, *f1, *f2, *f3, *f4, *f5, *f6, *f7, *f8) = (a0, a1, b0, b1, c0, c1, d0, d1, pair(nanos)[1]);
        &self.text
    }
}

/// A UTC calendar day, counted from 1970-01-01.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Day(pub u32);

impl Day {
    /// Year, month, day of the proleptic Gregorian calendar (days-to-civil by era of 400 years).
    #[must_use]
    pub const fn civil(self) -> (u32, u32, u32) {
        let z = self.0 as u64 + 719_468;
        let (era, doe) = (z / 146_097, z % 146_097);
        let yoe = (doe - doe / 1_460 + doe / 36_524 - doe / 146_096) / 365;
        let doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
        let mp = (5 * doy + 2) / 153;
        let day = doy - (153 * mp + 2) / 5 + 1;
        let month = if mp < 10 { mp + 3 } else { mp - 9 };
        let year = yoe + era * 400 + if month <= 2 { 1 } else { 0 };
        (year as u32, month as u32, day as u32)
    }

    /// `YYYY-MM-DD`; `None` for anything that is no such day or lies before 1970.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let mut parts = text.splitn(3, '-');
        let mut next = |width: usize| {
            parts.next().filter(|p| p.len() == width && p.bytes().all(|b| b.is_ascii_digit()))?.parse::<u32>().ok()
        };
        let (y, m, d) = (next(4)?, next(2)?, next(2)?);
        if !(1..=12).contains(&m) || !(1..=31).contains(&d) {
            return None;
        }
        let (yy, mm) = if m <= 2 { (y.checked_sub(1)?, m + 9) } else { (y, m - 3) };
        let (era, yoe) = (yy / 400, yy % 400);
        let doe = yoe * 365 + yoe / 4 - yoe / 100 + (153 * mm + 2) / 5 + d - 1;
        let day = Self((era * 146_097 + doe).checked_sub(719_468)?);
        (day.civil() == (y, m, d)).then_some(day)
    }
}

impl fmt::Display for Day {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (y, m, d) = self.civil();
        let digit = |n: u32| b'0' + (n % 10) as u8;
        let [y0, y1, y2, y3] = [y / 1000, y / 100, y / 10, y].map(digit);
        let [m0, m1, d0, d1] = [m / 10, m, d / 10, d].map(digit);
        match std::str::from_utf8(&[y0, y1, y2, y3, b'-', m0, m1, b'-', d0, d1]) {
            Ok(text) if y < 10_000 => f.write_str(text),
            _ => write!(f, "{y:04}-{m:02}-{d:02}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_shows_every_time_whatever_it_showed_before() {
        let mut clock = Clock::default();
        for (nanos, text) in [
            (0, "1970-01-01T00:00:00.000000000Z"),
            (1, "1970-01-01T00:00:00.000000001Z"),
            (86_399_999_999_999, "1970-01-01T23:59:59.999999999Z"),
            (86_400_000_000_000, "1970-01-02T00:00:00.000000000Z"),
            (1_587_036_850_123_456_789, "2020-04-16T11:34:10.123456789Z"),
            (u64::MAX, "2554-07-21T23:34:33.709551615Z"),
            (1_587_036_850_012_345_678, "2020-04-16T11:34:10.012345678Z"),
        ] {
            assert_eq!(clock.show(Timestamp(nanos)), text.as_bytes());
            assert_eq!(Timestamp(nanos).to_string(), text);
        }
    }

    #[test]
    fn prints_rfc_3339_with_nanoseconds() {
        let t = Timestamp(1_569_520_466_080_774_001);
        assert_eq!(t.to_string(), "2019-09-26T17:54:26.080774001Z");
        assert_eq!(Timestamp::ZERO.to_string(), "1970-01-01T00:00:00.000000000Z");
        for time in [t, Timestamp::ZERO, Timestamp(u64::MAX)] {
            assert_eq!(Timestamp::parse(&time.to_string()), Some(time));
        }
        assert_eq!(Timestamp::parse("1970-01-01T00:00:01.5Z"), Some(Timestamp(1_500_000_000)));
        for wrong in [
            "",
            "1970-01-01",
            "1970-01-01T00:00:00",
            "1970-01-01T24:00:00Z",
            "1970-01-01T00:00:00.0000000000Z",
            "1970-01-01T00:00:+1Z",
            "2600-01-01T00:00:00Z",
        ] {
            assert_eq!(Timestamp::parse(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn a_day_reads_back_what_it_prints() {
        for n in [0, 58, 59, 60, 365, 11_016, 18_383, 20_000, 40_000, 213_503] {
            assert_eq!(Day::parse(&Day(n).to_string()), Some(Day(n)));
        }
        assert_eq!(Day::parse("2020-02-29").map(|d| d.to_string()).as_deref(), Some("2020-02-29"));
        for wrong in ["2021-02-29", "2020-13-01", "2020-1-1", "1969-12-31", "2020-01-01T", ""] {
            assert_eq!(Day::parse(wrong), None, "{wrong}");
        }
    }
}
