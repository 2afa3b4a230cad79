//! The smallest round trips of every address, and whether TCP was answered by somebody on the way.

use super::ledger::{AddressIndex, Addressed};
use crate::policy::subject::EarlyAnswers;
use crate::wire::{AddressKind, FrameNo, RoundTrip};
use std::collections::BTreeSet;
use std::net::IpAddr;
use std::num::NonZeroU32;

/// Connections to so many networks must be answered alike before it is said that somebody on the way answers them.
const MIN_NETWORKS: usize = 3;
/// A box in the house, or a client's own proxy, answers within this time, in nanoseconds.
const NEAR: u64 = 10_000_000;
/// A server that is reached through such a box says its hello so much later than the box answered: factor, nanoseconds.
const LATER: (u64, u64) = (4, 10_000_000);

/// What was measured of one address.
#[derive(Debug, Clone, Copy)]
struct Measured {
    /// Who answered.
    address: IpAddr,
    /// SYN to SYN/ACK, data to its acknowledgment.
    tcp: Option<RoundTrip>,
    /// What only the host itself can answer.
    host: Option<RoundTrip>,
}

impl Addressed for Measured {
    fn address(&self) -> IpAddr {
        self.address
    }
}

/// Where the round trips of an address stand. Flows keep it: most are measured twice.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct TripId(NonZeroU32);

impl TripId {
    fn of(at: u32) -> Option<Self> {
        at.checked_add(1).and_then(NonZeroU32::new).map(Self)
    }

    const fn at(self) -> usize {
        self.0.get() as usize - 1
    }
}

/// By address of who answered.
#[derive(Debug, Default)]
pub(super) struct Trips {
    of: Vec<Measured>,
    index: AddressIndex,
}

impl Trips {
    /// Takes a round trip; beyond `bound` addresses, only of those that are known. `known` is where they may stand.
    pub(super) fn add(
        &mut self,
        address: IpAddr,
        trip: RoundTrip,
        bound: usize,
        known: Option<TripId>,
    ) -> Option<TripId> {
        let id = match self.find(address, known) {
            Some(id) => id,
            None if self.of.len() >= bound => return None,
            None => {
                let at = self.of.len() as u32;
                self.of.push(Measured { address, tcp: None, host: None });
                self.index.add(address, at);
                TripId::of(at)?
            }
        };
        let measured = self.of.get_mut(id.at())?;
        let kept = if trip.kind.is_tcp() { &mut measured.tcp } else { &mut measured.host };
        if kept.is_none_or(|kept| trip.at_most() < kept.at_most()) {
            *kept = Some(trip);
        }
        Some(id)
    }

    fn find(&self, address: IpAddr, known: Option<TripId>) -> Option<TripId> {
        let known = known.filter(|id| self.of.get(id.at()).is_some_and(|there| there.address == address));
        known.or_else(|| TripId::of(self.index.find(address, &self.of)?))
    }

    /// The smallest round trip of an address. With `early`, those of TCP are left out.
    pub(super) fn smallest(&self, address: IpAddr, early: bool, known: Option<TripId>) -> Option<RoundTrip> {
        let Measured { tcp, host, .. } = *self.of.get(self.find(address, known)?.at())?;
        [tcp.filter(|_| !early), host].into_iter().flatten().min_by_key(RoundTrip::at_most)
    }

    /// Whether TCP connections were answered on the way to the servers: near and alike for all networks, while each host
    /// itself took much longer. Then a handshake says nothing about where the server is.
    pub(super) fn early_answers(&self) -> Option<EarlyAnswers> {
        let (mut networks, mut largest, mut smallest_host) = (BTreeSet::new(), 0, u64::MAX);
        let (mut servers, mut frames) = (0, Vec::new());
        for Measured { address, tcp, host } in &self.of {
            let Some(tcp) = tcp.filter(|_| AddressKind::of(*address).is_public()) else { continue };
            if tcp.nanos > NEAR {
                return None;
            }
            let Some(host) = host else { continue };
            if host.nanos < tcp.nanos.saturating_mul(LATER.0) || host.nanos - tcp.nanos < LATER.1 {
                return None;
            }
            servers += 1;
            if networks.len() < MIN_NETWORKS {
                networks.insert(network(*address));
            }
            largest = largest.max(tcp.nanos);
            smallest_host = smallest_host.min(host.nanos);
            frames.push(tcp.answered);
        }
        frames.sort_unstable();
        frames.truncate(super::MAX_EVIDENCE);
        (networks.len() >= MIN_NETWORKS).then_some(EarlyAnswers {
            servers,
            tcp: largest,
            hello: smallest_host,
            frames: frames.into_iter().collect::<Vec<FrameNo>>(),
        })
    }
}

/// Addresses of one network stand near each other more often than not.
fn network(address: IpAddr) -> u32 {
    match address {
        IpAddr::V4(v4) => v4.to_bits() >> 16,
        IpAddr::V6(v6) => (v6.to_bits() >> 96) as u32,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::{Timestamp, TripKind};

    const US: u64 = 1_000;

    /// Servers `(address, TCP in µs, hello in µs)`.
    fn trips(servers: &[(&str, u64, Option<u64>)]) -> Trips {
        let mut trips = Trips::default();
        for (n, (address, tcp, hello)) in (1..).zip(servers) {
            let mut add = |kind, micros: u64| {
                let answered = (FrameNo(n + 1), Timestamp(1 + micros * US));
                let trip = RoundTrip::between(kind, (FrameNo(n), Timestamp(1)), answered).unwrap();
                trips.add(address.parse().unwrap(), trip, 100, None);
            };
            add(TripKind::TcpHandshake, *tcp);
            if let Some(hello) = hello {
                add(TripKind::TlsHello, *hello);
            }
        }
        trips
    }

    #[test]
    fn a_proxy_in_the_house_is_told_from_near_servers() {
        let split = [("1.2.3.4", 800, Some(25_000)), ("5.6.7.8", 900, Some(110_000)), ("9.8.7.6", 700, Some(60_000))];
        let found = trips(&split).early_answers().unwrap();
        assert_eq!((found.servers, found.tcp, found.hello), (3, 900 * US, 25_000 * US));
        let with = |more| trips(&[split[0], split[1], split[2], more]);
        assert!(with(("4.4.4.4", 700, None)).early_answers().is_some());
        for (what, near_miss) in [
            ("one handshake took long", ("4.4.4.4", 30_000, Some(60_000))),
            ("one host is near itself", ("4.4.4.4", 800, Some(3_000))),
            ("one long handshake without a hello", ("4.4.4.4", 30_000, None)),
        ] {
            assert!(with(near_miss).early_answers().is_none(), "{what}");
        }
        assert!(trips(&split[..2]).early_answers().is_none(), "too few");
        let same = [("1.2.3.4", 800, Some(25_000)), ("1.2.3.5", 900, Some(110_000)), ("1.2.3.6", 700, Some(60_000))];
        assert!(trips(&same).early_answers().is_none(), "one network");
        let local = [("10.0.0.1", 800, Some(25_000)), ("10.1.0.1", 900, Some(25_000)), ("10.2.0.1", 700, Some(25_000))];
        assert!(trips(&local).early_answers().is_none(), "not public");
    }

    #[test]
    fn the_smallest_round_trip_counts_and_no_handshake_where_others_answer_them() {
        let trips = trips(&[("1.2.3.4", 800, Some(25_000)), ("1.2.3.4", 700, Some(30_000)), ("5.6.7.8", 900, None)]);
        let smallest =
            |address: &str, early| trips.smallest(address.parse().unwrap(), early, None).map(|t| t.nanos / US);
        assert_eq!(smallest("1.2.3.4", false), Some(700));
        assert_eq!(smallest("1.2.3.4", true), Some(25_000));
        assert_eq!(smallest("5.6.7.8", true), None);
        assert_eq!(smallest("5.6.7.9", false), None);
    }

    #[test]
    fn addresses_are_bounded() {
        let mut trips = Trips::default();
        let trip = |nanos: u64| {
            RoundTrip::between(TripKind::Stun, (FrameNo(1), Timestamp(1)), (FrameNo(2), Timestamp(1 + nanos)))
        };
        for n in 0..10_u32 {
            trips.add(IpAddr::from(n.to_be_bytes()), trip(7).unwrap(), 4, None);
        }
        let known = trips.add(IpAddr::from(0_u32.to_be_bytes()), trip(3).unwrap(), 4, None);
        assert_eq!(trips.smallest(IpAddr::from([9; 4]), false, known), None, "of another address");
        assert_eq!(trips.of.len(), 4);
        assert_eq!(trips.smallest(IpAddr::from([0; 4]), false, known).map(|t| t.nanos), Some(3));
    }
}
