//! Round trips of a TCP connection that is under way: new data of whoever opened it, and the acknowledgment that covers it.
//! Karn's rule: nothing is measured from data that was sent twice. A capture may have lost the first copy, so that a second
//! one looks new; its acknowledgment then echoes an older timestamp (RFC 7323 §4.3), and without the option nothing is said.

use crate::wire::{FrameNo, RoundTrip, Timestamp, TripKind};

/// Measured per connection: the smallest counts, and a long download brings thousands.
const ENOUGH: u8 = 32;

/// One measurement at a time.
#[derive(Debug, Default)]
pub(super) struct Timed {
    /// The sequence number behind the last byte sent.
    next: Option<u32>,
    waiting: Option<Waiting>,
    best: Option<u64>,
    taken: u8,
}

#[derive(Debug)]
struct Waiting {
    /// The sequence number behind the data.
    end: u32,
    stamp: u32,
    at: (FrameNo, Timestamp),
}

/// `a` is not behind `b`, in sequence space.
fn reaches(a: u32, b: u32) -> bool {
    a.wrapping_sub(b).cast_signed() >= 0
}

impl Timed {
    /// The opener sent data, perhaps stamped.
    pub(super) fn data(&mut self, sequence: u32, len: u32, stamps: Option<(u32, u32)>, at: (FrameNo, Timestamp)) {
        let end = sequence.wrapping_add(len);
        if self.next.is_some_and(|next| !reaches(sequence, next)) {
            self.waiting = None;
        } else if self.waiting.is_none() {
            self.waiting = stamps.map(|(stamp, _)| Waiting { end, stamp, at });
        }
        if self.next.is_none_or(|next| reaches(end, next)) {
            self.next = Some(end);
        }
    }

    /// The other side acknowledged: the round trip, if that is what it tells and it is the smallest so far.
    pub(super) fn acknowledged(
        &mut self,
        number: u32,
        stamps: Option<(u32, u32)>,
        at: (FrameNo, Timestamp),
    ) -> Option<RoundTrip> {
        let waiting = self.waiting.take_if(|waiting| reaches(number, waiting.end))?;
        let (_, echo) = stamps?;
        if echo != waiting.stamp {
            return None;
        }
        self.taken += 1;
        let trip = RoundTrip::between(TripKind::TcpData, waiting.at, at)?;
        let smallest = self.best.is_none_or(|best| trip.at_most() < best);
        self.best = self.best.into_iter().chain([trip.at_most()]).min();
        smallest.then_some(trip)
    }

    pub(super) fn is_enough(&self) -> bool {
        self.taken >= ENOUGH
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: u64 = 1_000_000;

    enum Seen {
        Data(u64, u32, u32, Option<u32>),
        Ack(u64, u32, Option<u32>),
    }
    use Seen::{Ack, Data};

    fn trips(all: &[Seen]) -> Vec<u64> {
        let mut timed = Timed::default();
        let mut out = Vec::new();
        for (n, seen) in (1..).zip(all) {
            let at = |ms: &u64| (FrameNo(n), Timestamp(1 + ms * MS));
            match seen {
                Data(ms, sequence, len, stamp) => timed.data(*sequence, *len, stamp.map(|s| (s, 0)), at(ms)),
                Ack(ms, number, echo) => {
                    out.extend(timed.acknowledged(*number, echo.map(|e| (0, e)), at(ms)).map(|t| t.nanos / MS));
                }
            }
        }
        out
    }

    #[test]
    fn new_data_is_measured_and_nothing_that_was_sent_twice() {
        let near_wrap = u32::MAX - 5;
        for (what, all, want) in [
            ("one", &[Data(0, 1, 10, Some(7)), Ack(20, 11, Some(7))][..], &[20][..]),
            (
                "the smallest",
                &[Data(0, 1, 9, Some(7)), Ack(20, 10, Some(7)), Data(30, 10, 9, Some(8)), Ack(45, 19, Some(8))],
                &[20, 15],
            ),
            (
                "not a larger one",
                &[Data(0, 1, 9, Some(7)), Ack(20, 10, Some(7)), Data(30, 10, 9, Some(8)), Ack(80, 19, Some(8))],
                &[20],
            ),
            ("an acknowledgment of less", &[Data(0, 1, 10, Some(7)), Ack(5, 5, Some(7)), Ack(20, 11, Some(7))], &[20]),
            ("sent twice", &[Data(0, 1, 10, Some(7)), Data(300, 1, 10, Some(9)), Ack(320, 11, Some(9))], &[]),
            ("the first copy was not captured", &[Data(300, 1, 10, Some(9)), Ack(301, 11, Some(7))], &[]),
            ("without the option", &[Data(0, 1, 10, None), Ack(20, 11, None)], &[]),
            ("wraps", &[Data(0, near_wrap, 10, Some(7)), Ack(20, 4, Some(7))], &[20]),
            ("a clock that stood still", &[Data(5, 1, 10, Some(7)), Ack(5, 11, Some(7))], &[]),
        ] {
            assert_eq!(trips(all), want, "{what}");
        }
    }

    #[test]
    fn a_connection_is_measured_so_often_and_no_more() {
        let mut timed = Timed::default();
        for n in 0..u32::from(ENOUGH) {
            assert!(!timed.is_enough());
            timed.data(n, 1, Some((n, 0)), (FrameNo(1), Timestamp(1)));
            timed.acknowledged(n + 1, Some((0, n)), (FrameNo(2), Timestamp(9)));
        }
        assert!(timed.is_enough());
    }
}
