//! STUN requests and the time to their response: the host that carries a call's media is asked every few seconds.

use super::entry::FlowId;
use crate::dissect::{Fact, Facts, stun};
use crate::wire::{FrameNo, RoundTrip, Side, Timestamp, TripKind};
use std::collections::HashMap;

/// Requests that may wait at a time. A call has some hundred: most are checks of paths that do not exist.
const MAX_WAITING: usize = 1 << 14;
/// A request is repeated for 39.5 s at most (RFC 8489 §6.2.1); later nothing answers it, in nanoseconds.
const MAX_WAIT: u64 = 40_000_000_000;

/// The first transmission of each request by flow, side and transaction id. Repetitions have the same id, so what is
/// measured is never less than the round trip.
#[derive(Debug, Default)]
pub(super) struct Asked {
    waiting: HashMap<(FlowId, Side, [u8; 16]), (FrameNo, Timestamp)>,
    /// More waited than fit. A repetition could now be taken for a first transmission: nothing is measured any more.
    overrun: bool,
}

impl Asked {
    /// Takes a datagram; tells the round trip if it is the response to a request.
    pub(super) fn datagram(
        &mut self,
        (flow, side): (FlowId, Side),
        bytes: &[u8],
        at: (FrameNo, Timestamp),
        out: &mut Facts,
    ) {
        // Most datagrams are media.
        if self.overrun || !matches!(bytes, [0..=3, ..] | [0xff, 0x10, ..]) {
            return;
        }
        match stun::transaction(bytes) {
            Some((true, id)) => {
                if self.waiting.len() >= MAX_WAITING {
                    self.waiting.retain(|_, (_, asked)| at.1.since(*asked) <= MAX_WAIT);
                    self.overrun = self.waiting.len() >= MAX_WAITING;
                }
                self.waiting.entry((flow, side, id)).or_insert(at);
            }
            Some((false, id)) => {
                let asked = self.waiting.remove(&(flow, side.other(), id));
                let trip = asked.and_then(|asked| RoundTrip::between(TripKind::Stun, asked, at));
                if let Some(trip) = trip {
                    out.push(side, Fact::RoundTrip(trip));
                }
            }
            None => {}
        }
    }
}

impl Asked {
    /// The same of a segment of TCP: messages that lie wholly within it.
    pub(super) fn segment(&mut self, flow: (FlowId, Side), bytes: &[u8], at: (FrameNo, Timestamp), out: &mut Facts) {
        if !self.overrun {
            stun::messages(bytes).for_each(|message| self.datagram(flow, message, at, out));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: u64 = 1_000_000;

    fn message(kind: u16, id: u8) -> Vec<u8> {
        let mut bytes = kind.to_be_bytes().to_vec();
        bytes.extend([0, 0, 0x21, 0x12, 0xa4, 0x42]);
        bytes.extend([id; 12]);
        bytes
    }

    /// Datagrams `(ms, side, kind, id)` of one flow; the round trips in ms.
    fn trips(datagrams: &[(u64, Side, u16, u8)]) -> Vec<u64> {
        let (mut asked, mut out) = (Asked::default(), Facts::default());
        for (number, (ms, side, kind, id)) in (1..).zip(datagrams) {
            let at = (FrameNo(number), Timestamp(1 + ms * MS));
            asked.datagram((FlowId(0), *side), &message(*kind, *id), at, &mut out);
        }
        out.0
            .iter()
            .map(|(side, fact)| match fact {
                Fact::RoundTrip(trip) if *side == Side::Second => trip.nanos / MS,
                other => panic!("{other:?}"),
            })
            .collect()
    }

    #[test]
    fn a_response_is_measured_from_the_first_transmission_of_its_request() {
        use Side::{First, Second};
        for (what, datagrams, want) in [
            ("one", &[(0, First, 0x0001, 1), (20, Second, 0x0101, 1)][..], &[20][..]),
            ("error", &[(0, First, 0x0001, 1), (20, Second, 0x0111, 1)], &[20]),
            ("repeated", &[(0, First, 1, 1), (500, First, 1, 1), (510, Second, 0x0101, 1)], &[510]),
            ("answered twice", &[(0, First, 1, 1), (20, Second, 0x0101, 1), (90, Second, 0x0101, 1)], &[20]),
            (
                "crossed",
                &[(0, First, 1, 1), (5, First, 1, 2), (20, Second, 0x0101, 2), (30, Second, 0x0101, 1)],
                &[15, 30],
            ),
            ("another id", &[(0, First, 1, 1), (20, Second, 0x0101, 2)], &[]),
            ("indication", &[(0, First, 0x0011, 1), (20, Second, 0x0101, 1)], &[]),
            ("own word", &[(0, Second, 1, 1), (20, Second, 0x0101, 1)], &[]),
            ("clock back", &[(20, First, 1, 1), (0, Second, 0x0101, 1)], &[]),
        ] {
            assert_eq!(trips(datagrams), want, "{what}");
        }
    }

    #[test]
    fn over_tcp_messages_are_measured_in_either_framing() {
        let framed = |kind, id| [&[0, 20][..], &message(kind, id)].concat();
        let makes: [&dyn Fn(u16, u8) -> Vec<u8>; 2] = [&message, &framed];
        for make in makes {
            let (mut asked, mut out) = (Asked::default(), Facts::default());
            let mut take = |ms: u64, side, bytes: &[u8]| {
                asked.segment((FlowId(0), side), bytes, (FrameNo(1), Timestamp(1 + ms * MS)), &mut out);
            };
            // Two requests in one segment, answered apart; channel data and half a message are none.
            take(0, Side::First, &[make(1, 1), make(1, 2)].concat());
            take(9, Side::Second, &[0x40, 0, 0, 4, 1, 2, 3, 4]);
            take(9, Side::Second, &make(0x0101, 1)[..15]);
            take(20, Side::Second, &make(0x0101, 2));
            take(30, Side::Second, &make(0x0101, 1));
            let nanos = |fact: &Fact| if let Fact::RoundTrip(trip) = fact { trip.nanos / MS } else { 0 };
            assert_eq!(out.0.iter().map(|(_, fact)| nanos(fact)).collect::<Vec<_>>(), [20, 30]);
        }
    }

    #[test]
    fn what_waits_is_bounded_and_nothing_is_measured_once_it_was_too_much() {
        let (mut asked, mut out) = (Asked::default(), Facts::default());
        let mut send = |flow: u32, side, kind, ms: u64, out: &mut Facts| {
            asked.datagram((FlowId(flow), side), &message(kind, 7), (FrameNo(1), Timestamp(1 + ms * MS)), out);
            asked.waiting.len()
        };
        for flow in 0..2 * MAX_WAITING as u32 {
            assert!(send(flow, Side::First, 1, 0, &mut out) <= MAX_WAITING + 1);
        }
        send(0, Side::Second, 0x0101, 20, &mut out);
        assert!(out.0.is_empty());
        // Old requests make room.
        let (mut asked, mut out) = (Asked::default(), Facts::default());
        for flow in 0..3 * MAX_WAITING as u32 {
            let at = (FrameNo(1), Timestamp(1 + u64::from(flow) * 5 * MS));
            asked.datagram((FlowId(flow), Side::First), &message(1, 7), at, &mut out);
        }
        assert!(!asked.overrun && asked.waiting.len() <= MAX_WAITING);
    }
}
