//! The smallest round trips of every address, and whether somebody near the client answered in the hosts' place.

use super::ledger::{AddressIndex, Addressed};
use crate::attribution::{Claim, CountryCode, Horizon};
use crate::policy::subject::{Near, TripLayer};
use crate::wire::{AddressKind, FrameNo, RoundTrip, TripKind};
use std::collections::BTreeSet;
use std::net::IpAddr;
use std::num::NonZeroU32;

/// So many networks must be answered alike before it is said that somebody on the way answers for them.
const MIN_NETWORKS: usize = 3;
/// Of so many countries, which light does not reach in time: one alone may be a mistake of the databases.
const MIN_COUNTRIES: usize = 2;
/// A box in the house, or a client's own proxy, answers within this time, in nanoseconds.
const NEAR: u64 = 10_000_000;
/// A server that is reached through such a box says its hello so much later than the box answered: factor, nanoseconds.
const LATER: (u64, u64) = (4, 10_000_000);
/// A handshake has no work of the server in it, so that less of a difference to the acknowledgment of data tells.
const TAKEN_IN: (u64, u64) = (4, 1_000_000);

/// What was measured of one address.
#[derive(Debug, Clone, Copy)]
struct Measured {
    /// Who answered.
    address: IpAddr,
    /// The smallest handshake of TCP, acknowledgment of data, hello of TLS, answer to a datagram.
    smallest: [Option<RoundTrip>; 4],
}

/// Where the smallest of a kind stands.
const fn slot(kind: TripKind) -> usize {
    match kind {
        TripKind::TcpHandshake => 0,
        TripKind::TcpData => 1,
        TripKind::TlsHello => 2,
        TripKind::QuicHello | TripKind::DtlsHello | TripKind::Stun => 3,
    }
}

impl Measured {
    fn get(&self, layer: TripLayer) -> Option<RoundTrip> {
        let [handshake, data, tls, datagrams] = self.smallest;
        match layer {
            TripLayer::Tls => tls,
            TripLayer::Datagrams => datagrams,
            // Who connects first and then takes the data in for the host (accelerators of satellite and mobile networks)
            // acknowledges them itself: only the handshake went all the way.
            TripLayer::Tcp => match (handshake, data) {
                (Some(handshake), Some(data)) if is_near(&data, &handshake, TAKEN_IN) => Some(handshake),
                _ => [handshake, data].into_iter().flatten().min_by_key(RoundTrip::at_most),
            },
        }
    }

    /// What only the host itself can answer.
    fn host(&self) -> Option<RoundTrip> {
        [self.get(TripLayer::Tls), self.get(TripLayer::Datagrams)].into_iter().flatten().min_by_key(RoundTrip::at_most)
    }
}

impl Addressed for Measured {
    fn address(&self) -> IpAddr {
        self.address
    }
}

/// One answer came from so near, and the other so much later, that somebody nearer may have given the first.
fn is_near(answer: &RoundTrip, other: &RoundTrip, (factor, nanos): (u64, u64)) -> bool {
    answer.nanos <= NEAR
        && other.nanos >= answer.nanos.saturating_mul(factor)
        && other.nanos.saturating_sub(answer.nanos) >= nanos
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
                self.of.push(Measured { address, smallest: [None; 4] });
                self.index.add(address, at);
                TripId::of(at)?
            }
        };
        let measured = self.of.get_mut(id.at())?;
        let kept = measured.smallest.get_mut(slot(trip.kind))?;
        if kept.is_none_or(|kept| trip.at_most() < kept.at_most()) {
            *kept = Some(trip);
        }
        Some(id)
    }

    fn find(&self, address: IpAddr, known: Option<TripId>) -> Option<TripId> {
        let known = known.filter(|id| self.of.get(id.at()).is_some_and(|there| there.address == address));
        known.or_else(|| TripId::of(self.index.find(address, &self.of)?))
    }

    /// The smallest round trip of an address of the layers that count. Where its host took much longer over TLS than its TCP,
    /// the latter is not used: who answered it is not sure, and longer is the safe side.
    pub(super) fn smallest(&self, address: IpAddr, unused: &[TripLayer], known: Option<TripId>) -> Option<RoundTrip> {
        let measured = self.of.get(self.find(address, known)?.at())?;
        let split = measured
            .get(TripLayer::Tcp)
            .zip(measured.get(TripLayer::Tls))
            .is_some_and(|(tcp, tls)| is_near(&tcp, &tls, LATER));
        let counts = |layer: &TripLayer| !(unused.contains(layer) || split && *layer == TripLayer::Tcp);
        TripLayer::ALL.into_iter().filter(counts).filter_map(|l| measured.get(l)).min_by_key(RoundTrip::at_most)
    }

    /// Where somebody near the client may have answered for everybody: TCP long before the hosts, or any layer sooner than
    /// light comes from where the hosts are said to be. `place` is what sources say with some confidence.
    pub(super) fn near(
        &self,
        horizon: Option<&Horizon>,
        place: impl Fn(IpAddr) -> Option<Claim<CountryCode>>,
    ) -> Vec<Near> {
        let split = self.split();
        let layers = TripLayer::ALL.into_iter().filter(|layer| split.is_none() || *layer != TripLayer::Tcp);
        let alike: Vec<Near> = layers.filter_map(|layer| self.alike(layer, horizon?, &place)).collect();
        split.into_iter().chain(alike).collect()
    }

    /// Whether TCP connections were answered on the way to the servers: near and alike for all networks, while each host
    /// itself took much longer. Then a handshake says nothing about where the server is.
    fn split(&self) -> Option<Near> {
        let (mut networks, mut largest, mut smallest_host) = (BTreeSet::new(), 0, u64::MAX);
        let (mut servers, mut frames) = (0, Vec::new());
        for (measured, tcp) in self.public(TripLayer::Tcp) {
            if tcp.nanos > NEAR {
                return None;
            }
            let Some(host) = measured.host() else { continue };
            if !is_near(&tcp, &host, LATER) {
                return None;
            }
            servers += 1;
            if networks.len() < MIN_NETWORKS {
                networks.insert(network(measured.address));
            }
            largest = largest.max(tcp.nanos);
            smallest_host = smallest_host.min(host.nanos);
            frames.push(tcp.answered);
        }
        (networks.len() >= MIN_NETWORKS).then(|| Near::Split {
            servers,
            tcp: largest,
            hello: smallest_host,
            frames: first(frames),
        })
    }

    /// Whether everybody answered near, also hosts in several networks that sources place in several countries too far away.
    /// One host alone is a mistake of the databases, which is what the round trip is for.
    fn alike(
        &self,
        layer: TripLayer,
        horizon: &Horizon,
        place: impl Fn(IpAddr) -> Option<Claim<CountryCode>>,
    ) -> Option<Near> {
        if self.public(layer).any(|(_, trip)| trip.nanos > NEAR) {
            return None;
        }
        let (mut servers, mut within, mut networks, mut frames) = (0, 0, BTreeSet::new(), Vec::new());
        let mut claims: Vec<Claim<CountryCode>> = Vec::new();
        for (measured, trip) in self.public(layer) {
            servers += 1;
            within = within.max(trip.at_most());
            let Some(claim) = place(measured.address) else { continue };
            if !horizon.excluded(trip.at_most()).contains(&claim.value) {
                continue;
            }
            networks.insert(network(measured.address));
            frames.push(trip.answered);
            if claims.iter().all(|known| known.value != claim.value) {
                claims.push(claim);
            }
        }
        let many = networks.len() >= MIN_NETWORKS && claims.len() >= MIN_COUNTRIES;
        many.then(|| Near::Alike { layer, servers, within, claims, frames: first(frames) })
    }

    /// Public addresses that answered on a layer.
    fn public(&self, layer: TripLayer) -> impl Iterator<Item = (&Measured, RoundTrip)> {
        let measured = self.of.iter().filter(|measured| AddressKind::of(measured.address).is_public());
        measured.filter_map(move |measured| Some((measured, measured.get(layer)?)))
    }
}

/// The first few frames.
fn first(mut frames: Vec<FrameNo>) -> Vec<FrameNo> {
    frames.sort_unstable();
    frames.truncate(super::MAX_EVIDENCE);
    frames
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
    use crate::attribution::{Confidence, Source, Vantage};
    use crate::wire::Timestamp;
    use std::sync::Arc;

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
        let found = trips(&split).split().unwrap();
        assert!(matches!(found, Near::Split { servers: 3, tcp, hello, .. } if (tcp, hello) == (900 * US, 25_000 * US)));
        let with = |more| trips(&[split[0], split[1], split[2], more]);
        assert!(with(("4.4.4.4", 700, None)).split().is_some());
        for (what, near_miss) in [
            ("one handshake took long", ("4.4.4.4", 30_000, Some(60_000))),
            ("one host is near itself", ("4.4.4.4", 800, Some(3_000))),
            ("one long handshake without a hello", ("4.4.4.4", 30_000, None)),
        ] {
            assert!(with(near_miss).split().is_none(), "{what}");
        }
        assert!(trips(&split[..2]).split().is_none(), "too few");
        let same = [("1.2.3.4", 800, Some(25_000)), ("1.2.3.5", 900, Some(110_000)), ("1.2.3.6", 700, Some(60_000))];
        assert!(trips(&same).split().is_none(), "one network");
        let local = [("10.0.0.1", 800, Some(25_000)), ("10.1.0.1", 900, Some(25_000)), ("10.2.0.1", 700, Some(25_000))];
        assert!(trips(&local).split().is_none(), "not public");
    }

    #[test]
    fn near_answers_from_everywhere_are_nobodys_place() {
        let horizon = Horizon::new(Vantage::parse("Frankfurt").unwrap()).unwrap();
        let source = Arc::new(Source { name: "list".into(), date: "2026-01-01".into(), sha256: "".into() });
        let places = [("1.", "US"), ("2.", "US"), ("3.", "JP"), ("4.", "DE"), ("5.", "US")];
        let place = |address: IpAddr| {
            let text = address.to_string();
            let (_, country) = places.iter().find(|(prefix, _)| text.starts_with(prefix))?;
            let (value, source) = (CountryCode::parse(country)?, Arc::clone(&source));
            Some(Claim { value, source, confidence: Confidence::High })
        };
        // Every host answers TCP and its hello within 3 ms, in Frankfurt, from two continents.
        let near = |server| (server, 900, Some(3_000));
        let all = [near("1.2.3.4"), near("2.2.3.4"), near("3.2.3.4"), near("4.2.3.4"), near("9.9.9.9")];
        let told = |servers: &[(&str, u64, Option<u64>)]| trips(servers).near(Some(&horizon), place);
        let layers: Vec<_> = told(&all).iter().flat_map(|near| near.unused().to_vec()).collect();
        assert_eq!(layers, [TripLayer::Tcp, TripLayer::Tls]);
        let Near::Alike { servers: 5, within, claims, frames, .. } = &told(&all)[1] else { panic!("{:?}", told(&all)) };
        assert_eq!((*within, claims.len(), frames.len()), (3_000 * US + 1, 2, 3));
        for (what, near_miss) in [
            ("one country may be a mistake of the databases", vec![near("1.2.3.4"), near("2.2.3.4"), near("5.2.3.4")]),
            ("two networks are few", vec![near("1.2.3.4"), near("1.2.9.4"), near("3.2.3.4")]),
            ("somebody is far", [&all[..], &[("4.4.4.4", 30_000, Some(40_000))]].concat()),
            ("nobody says where they are", vec![near("9.2.3.4"), near("8.2.3.4"), near("7.2.3.4")]),
        ] {
            assert!(told(&near_miss).is_empty(), "{what}");
        }
        assert!(trips(&all).near(None, place).is_empty(), "the place of capture is not known");
        // TLS went through to the hosts, TCP did not.
        let through = [("1.2.3.4", 900, Some(95_000)), ("2.2.3.4", 900, Some(99_000)), ("3.2.3.4", 900, Some(240_000))];
        assert!(matches!(told(&through)[..], [Near::Split { .. }]));
    }

    #[test]
    fn the_smallest_round_trip_counts_and_none_that_others_may_have_answered() {
        let trips = trips(&[
            ("1.2.3.4", 7_000, Some(25_000)),
            ("1.2.3.4", 7_500, Some(20_000)),
            ("5.6.7.8", 900, None),
            ("6.6.7.8", 900, Some(25_000)),
            ("7.6.7.8", 12_000, Some(90_000)),
        ]);
        let smallest = |address: &str, unused: &[TripLayer]| {
            trips.smallest(address.parse().unwrap(), unused, None).map(|t| t.nanos / US)
        };
        assert_eq!(smallest("1.2.3.4", &[]), Some(7_000));
        assert_eq!(smallest("1.2.3.4", &[TripLayer::Tcp]), Some(20_000));
        assert_eq!(smallest("5.6.7.8", &[TripLayer::Tcp]), None);
        assert_eq!(smallest("5.6.7.9", &[]), None);
        // TCP was answered near, the hello came much later; where TCP was far already, nobody near answered it.
        assert_eq!(smallest("6.6.7.8", &[]), Some(25_000));
        assert_eq!(smallest("7.6.7.8", &[]), Some(12_000));
    }

    #[test]
    fn data_that_is_acknowledged_on_the_way_is_no_round_trip() {
        let address: IpAddr = "1.2.3.4".parse().unwrap();
        for (handshake, data, smallest) in [
            // An accelerator on the way to a host in the next country.
            (Some(9_000), Some(60), Some(9_000)),
            (Some(9_000), Some(7_000), Some(7_000)),
            // Both are far: the first answer was slow, as on a radio link that had to wake up.
            (Some(90_000), Some(15_000), Some(15_000)),
            // A host in the house.
            (Some(900), Some(100), Some(100)),
            (None, Some(60), Some(60)),
            (Some(9_000), None, Some(9_000)),
        ] {
            let mut trips = Trips::default();
            for (kind, micros) in [(TripKind::TcpHandshake, handshake), (TripKind::TcpData, data)] {
                let answered = |micros: u64| (FrameNo(2), Timestamp(1 + micros * US));
                let trip = micros.and_then(|m| RoundTrip::between(kind, (FrameNo(1), Timestamp(1)), answered(m)));
                trip.and_then(|trip| trips.add(address, trip, 10, None));
            }
            assert_eq!(trips.smallest(address, &[], None).map(|t| t.nanos / US), smallest);
        }
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
        assert_eq!(trips.smallest(IpAddr::from([9; 4]), &[], known), None, "of another address");
        assert_eq!(trips.of.len(), 4);
        assert_eq!(trips.smallest(IpAddr::from([0; 4]), &[], known).map(|t| t.nanos), Some(3));
    }
}
