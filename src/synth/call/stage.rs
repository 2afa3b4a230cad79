//! The mechanics under the story: frames with times, look-ups, connections, tracks of media.

use super::super::frames::{self, TcpTalk};
use super::super::hello::{self, ClientHello, ServerHello};
use super::super::quic::Quic;
use super::super::{Random, dns};
use super::cast::{self, Host};
use crate::wire::{End, Side, Timestamp};
use std::net::IpAddr;

/// Nanoseconds in a millisecond.
pub(super) const MS: u64 = 1_000_000;

/// Frames and markers of the call so far, not yet in order of time.
#[derive(Debug)]
pub(super) struct Stage {
    pub random: Random,
    pub frames: Vec<(Timestamp, Vec<u8>)>,
    next_port: u16,
}

/// A TCP connection that goes on. `at` is when its last packet was sent or seen.
#[derive(Debug)]
pub(super) struct Stream {
    talk: TcpTalk,
    host: &'static Host,
    pub at: Timestamp,
}

/// How a TLS connection begins.
#[derive(Debug, Clone, Default)]
pub(super) struct Opening {
    pub hello: ClientHello,
    /// Certificates of a server that speaks TLS 1.2.
    pub certificates: Vec<Vec<u8>>,
    /// The two segments of the client's hello change places on the way.
    pub swapped: bool,
}

impl Stage {
    pub(super) fn new(seed: u64) -> Self {
        Self { random: Random::new(seed), frames: Vec::new(), next_port: 49_400 }
    }

    pub(super) fn port(&mut self) -> u16 {
        self.next_port += 1 + self.random.below(7) as u16;
        self.next_port
    }

    /// The client's end towards `to`.
    pub(super) fn client(to: IpAddr, port: u16) -> End {
        let address = if to.is_ipv6() { cast::CLIENT_V6.into() } else { cast::CLIENT_V4.into() };
        End { address, port }
    }

    pub(super) fn up(&mut self, at: Timestamp, packet: &[u8]) {
        self.frames.push((at, frames::ethernet(cast::CLIENT_MAC, cast::ROUTER_MAC, packet)));
    }

    pub(super) fn down(&mut self, at: Timestamp, packet: &[u8]) {
        self.frames.push((at, frames::ethernet(cast::ROUTER_MAC, cast::CLIENT_MAC, packet)));
    }

    /// To a group: the lower bits of the IPv4 address make the Ethernet address (RFC 1112 §6.4).
    pub(super) fn multicast(&mut self, at: Timestamp, packet: &[u8]) {
        self.frames.push((at, frames::ethernet(cast::CLIENT_MAC, [0x01, 0, 0x5e, 0, 0, 0xfb], packet)));
    }

    /// A little time that is never twice the same.
    pub(super) fn soon(&mut self, at: Timestamp) -> Timestamp {
        at.plus_nanos(40_000 + self.random.below(160_000))
    }

    /// One round trip and the server's thinking.
    fn back(&mut self, at: Timestamp, host: &Host) -> Timestamp {
        at.plus_nanos(host.round_trip * MS + self.random.below(900_000))
    }

    pub(super) fn datagram(&mut self, at: Timestamp, from: End, to: End, payload: &[u8]) {
        let packet = frames::udp(from, to, payload);
        if from.address == IpAddr::V4(cast::CLIENT_V4) || from.address == IpAddr::V6(cast::CLIENT_V6) {
            self.up(at, &packet);
        } else {
            self.down(at, &packet);
        }
    }

    /// Asks the router for the addresses of a host; gives the time of the last answer.
    pub(super) fn resolve(&mut self, at: Timestamp, host: &Host) -> Timestamp {
        let resolver = End { address: cast::ROUTER.into(), port: 53 };
        let mut end = at;
        let mut kinds = vec![dns::A, dns::AAAA];
        if host.ech {
            kinds.push(dns::HTTPS);
        }
        for kind in kinds {
            let (name, id) = (host.name.as_bytes(), self.random.next() as u16);
            let client = Self::client(resolver.address, self.port());
            let asked = self.soon(at);
            self.datagram(asked, client, resolver, &dns::query(id, name, kind));
            let answered = asked.plus_nanos(6 * MS + self.random.below(9 * MS));
            let records = records(host, kind);
            self.datagram(answered, resolver, client, &dns::answer(id, name, kind, &records));
            end = end.max(answered);
        }
        end.plus_nanos(MS)
    }

    /// Looks the host up and opens a TCP connection to it.
    pub(super) fn connect(&mut self, at: Timestamp, host: &'static Host, port: u16) -> Stream {
        let at = self.resolve(at, host);
        self.connect_unasked(at, host, port)
    }

    /// As `connect`, with an address that the client knew before.
    pub(super) fn connect_unasked(&mut self, at: Timestamp, host: &'static Host, port: u16) -> Stream {
        let server = End { address: host.address(), port };
        let client = Self::client(server.address, self.port());
        let mut talk = TcpTalk::new(client, server, &mut self.random);
        let [syn, syn_ack, ack] = talk.open();
        self.up(at, &syn);
        let answered = self.back(at, host);
        self.down(answered, &syn_ack);
        let at = self.soon(answered);
        self.up(at, &ack);
        Stream { talk, host, at }
    }

    pub(super) fn client_says(&mut self, stream: &mut Stream, bytes: &[u8]) {
        for packet in stream.talk.say(Side::First, bytes) {
            stream.at = self.soon(stream.at);
            self.up(stream.at, &packet);
        }
    }

    /// The server's answer arrives a round trip later and is acknowledged.
    pub(super) fn server_says(&mut self, stream: &mut Stream, bytes: &[u8]) {
        stream.at = self.back(stream.at, stream.host);
        for packet in stream.talk.say(Side::Second, bytes) {
            stream.at = self.soon(stream.at);
            self.down(stream.at, &packet);
        }
        stream.at = self.soon(stream.at);
        let packet = stream.talk.acknowledge(Side::First);
        self.up(stream.at, &packet);
    }

    /// Encrypted bytes up, and the answer.
    pub(super) fn exchange(&mut self, stream: &mut Stream, up: usize, down: usize) {
        let request = hello::application_data(up, &mut self.random);
        self.client_says(stream, &request);
        let answer = hello::application_data(down, &mut self.random);
        self.server_says(stream, &answer);
    }

    pub(super) fn close(&mut self, mut stream: Stream) {
        let [fin, other_fin, ack] = stream.talk.close(Side::First);
        self.up(stream.at, &fin);
        stream.at = self.back(stream.at, stream.host);
        self.down(stream.at, &other_fin);
        stream.at = self.soon(stream.at);
        self.up(stream.at, &ack);
    }

    /// A TLS connection to port 443 up to the end of its handshake.
    pub(super) fn tls(&mut self, at: Timestamp, host: &'static Host, opening: &Opening) -> Stream {
        let stream = self.connect(at, host, 443);
        self.handshake(stream, opening)
    }

    /// The TLS handshake on an open connection.
    pub(super) fn handshake(&mut self, mut stream: Stream, opening: &Opening) -> Stream {
        let message = opening.hello.message(&mut self.random);
        let mut segments = stream.talk.say(Side::First, &hello::handshake_records(&message, usize::MAX));
        if opening.swapped {
            segments.reverse();
        }
        for packet in segments {
            stream.at = self.soon(stream.at);
            self.up(stream.at, &packet);
        }
        let random = &mut self.random;
        let flight = if opening.certificates.is_empty() {
            let choice = if opening.hello.post_quantum { ServerHello::TLS13_POST_QUANTUM } else { ServerHello::TLS13 };
            let mut flight = hello::handshake_records(&choice.message(random), usize::MAX);
            flight.extend(hello::CHANGE_CIPHER_SPEC);
            flight.extend(hello::application_data(2600 + random.index(900), random));
            flight
        } else {
            hello::handshake_records(&hello::tls12_flight(&opening.certificates, random), usize::MAX)
        };
        self.server_says(&mut stream, &flight);
        let finish = [&hello::CHANGE_CIPHER_SPEC[..], &hello::application_data(53, &mut self.random)].concat();
        self.client_says(&mut stream, &finish);
        stream
    }

    /// One TLS connection from the look-up to the end, with one exchange.
    pub(super) fn visit(&mut self, at: Timestamp, host: &'static Host, hello: ClientHello, up: usize, down: usize) {
        let mut stream = self.tls(at, host, &Opening { hello, ..Opening::default() });
        self.exchange(&mut stream, up, down);
        self.close(stream);
    }

    /// A QUIC connection on port 443 with one exchange of packets.
    pub(super) fn quic(&mut self, at: Timestamp, host: &'static Host, hello: &ClientHello, up: usize, down: usize) {
        let mut at = self.resolve(at, host);
        let server = End { address: host.address(), port: 443 };
        let client = Self::client(server.address, self.port());
        let Some(mut connection) = Quic::new(crate::dissect::quic::keys::V1, &mut self.random) else { return };
        let message = hello.message(&mut self.random);
        for datagram in connection.client_hello(&message, true) {
            at = self.soon(at);
            self.datagram(at, client, server, &datagram);
        }
        at = self.back(at, host);
        let choice = if hello.post_quantum { ServerHello::TLS13_POST_QUANTUM } else { ServerHello::TLS13 };
        let answer = choice.message(&mut self.random);
        let datagram = connection.server_hello(&answer, &mut self.random);
        self.datagram(at, server, client, &datagram);
        for (from, bytes) in [(Side::First, up), (Side::Second, down)] {
            if from == Side::Second {
                at = self.back(at, host);
            }
            for _ in 0..bytes.div_ceil(1200) {
                at = self.soon(at);
                let packet = connection.packet(from, 1200, &mut self.random);
                let (a, b) = if from == Side::First { (client, server) } else { (server, client) };
                self.datagram(at, a, b, &packet);
            }
        }
    }

    /// A steady flow of datagrams in one direction: `make` builds the payload of each.
    pub(super) fn track(&mut self, track: &Track, mut make: impl FnMut(&mut Random, usize) -> Vec<u8>) {
        let gap = 1_000_000_000 / track.per_second.max(1);
        let mut at = track.from;
        while at < track.until {
            let len = track.size.0 + self.random.index(track.size.1.saturating_sub(track.size.0));
            let payload = make(&mut self.random, len);
            // A tenth of the gap as jitter keeps the order within the track.
            let stamped = at.plus_nanos(self.random.below(gap / 10));
            self.datagram(stamped, track.source, track.destination, &payload);
            at = at.plus_nanos(gap);
        }
    }
}

/// When, how fast and between whom media runs.
#[derive(Debug, Clone, Copy)]
pub(super) struct Track {
    pub from: Timestamp,
    pub until: Timestamp,
    pub per_second: u64,
    /// Smallest and greatest payload in bytes.
    pub size: (usize, usize),
    pub source: End,
    pub destination: End,
}

fn records(host: &Host, kind: u16) -> Vec<dns::Record> {
    let owner = host.alias.unwrap_or(host.name).as_bytes().to_vec();
    let ttl = 60;
    let mut list = Vec::new();
    if let Some(alias) = host.alias {
        let data = dns::Data::Alias(alias.as_bytes().to_vec());
        list.push(dns::Record { owner: host.name.as_bytes().to_vec(), ttl: 300, data });
    }
    let data = match kind {
        dns::A => Some(dns::Data::Address(host.v4.into())),
        dns::AAAA => host.v6.map(|v6| dns::Data::Address(v6.into())),
        _ => Some(dns::Data::Https { hints: vec![host.v4.into()], ech: host.ech }),
    };
    list.extend(data.map(|data| dns::Record { owner, ttl, data }));
    list
}
