//! What one packet, one new flow, one look-up and one row cost. Traffic is generated; nothing is asserted.

#![allow(clippy::unwrap_used, reason = "a bench may stop where it stands")]

use divan::counter::ItemsCount;
use divan::{Bencher, black_box};
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use zollhund::attribution::{Atlas, NameBasis};
use zollhund::dissect::fact::NameSource;
use zollhund::engine::view::{ClientBasis, FlowView, Tally};
use zollhund::engine::{Config, Engine, Input};
use zollhund::report::tables::{Flows, TableWriter};
use zollhund::synth::dns::{self, Data, Record};
use zollhund::synth::frames::{ETHERNET, TcpTalk, ethernet, udp};
use zollhund::synth::hello::{ClientHello, ServerHello, application_data, handshake_records};
use zollhund::synth::media::Rtp;
use zollhund::synth::quic::Quic;
use zollhund::synth::{Random, call};
use zollhund::wire::{End, Frame, FrameNo, Side, TextRef, Timestamp, TransportKind, Tunnel};

/// Things per sample: enough that setting up and reading the clock do not count.
const MANY: u16 = 1_000;
const START: Timestamp = Timestamp::from_secs(1_792_054_800);
const MICROSECOND: u64 = 1_000;

fn main() {
    divan::main();
}

fn client(port: u16) -> End {
    End { address: Ipv4Addr::new(192, 168, 178, 23).into(), port }
}

fn server(port: u16) -> End {
    End { address: Ipv4Addr::new(170, 114, 52, 2).into(), port }
}

fn framed(packet: &[u8]) -> Vec<u8> {
    ethernet([2, 0, 0, 0, 0, 1], [2, 0, 0, 0, 0, 2], packet)
}

/// An engine and what it is to read.
struct Run {
    engine: Engine,
    frames: Vec<Vec<u8>>,
    number: u64,
}

impl Run {
    fn new(frames: Vec<Vec<u8>>) -> Self {
        Self { engine: Engine::new(&Config::default()), frames, number: 0 }
    }

    fn read(&mut self) {
        for bytes in &self.frames {
            self.number += 1;
            let time = START.plus_nanos(self.number * MICROSECOND);
            let original_len = bytes.len() as u32;
            self.engine.ingest(Input::Frame(Frame {
                number: FrameNo(self.number),
                time,
                link: ETHERNET,
                original_len,
                bytes,
            }));
            while let Some(event) = self.engine.poll() {
                black_box(event);
            }
        }
    }
}

/// `count` things are read by a new engine, which is thrown away outside the measurement.
fn through_the_engine(bencher: Bencher<'_, '_>, count: u16, frames: &[Vec<u8>]) {
    bencher.counter(ItemsCount::new(count)).with_inputs(|| Run::new(frames.to_vec())).bench_local_refs(Run::read);
}

/// The packet of which a call has most: its flow is known and has nothing more to say.
#[divan::bench]
fn settled_media_packet(bencher: Bencher<'_, '_>) {
    let mut random = Random::new(1);
    let mut stream = Rtp::new(111, 960, &mut random);
    let packet = |_| framed(&udp(client(50_000), server(8_801), &stream.packet(1_000, &mut random)));
    let frames: Vec<_> = (0..MANY).map(packet).collect();
    bencher
        .counter(ItemsCount::new(MANY))
        .with_inputs(|| {
            let mut run = Run::new(frames.clone());
            run.read();
            run
        })
        .bench_local_refs(Run::read);
}

/// Open, ClientHello, ServerHello, some data each way, close.
#[divan::bench]
fn new_tls_flow(bencher: Bencher<'_, '_>) {
    let mut random = Random::new(2);
    let frames: Vec<_> = (0..MANY)
        .flat_map(|n| {
            let mut talk = TcpTalk::new(client(10_000 + n), server(443), &mut random);
            let mut packets = talk.open().to_vec();
            let hello = ClientHello::modern(&format!("host{n}.zoom.us")).message(&mut random);
            packets.extend(talk.say(Side::First, &handshake_records(&hello, 16_000)));
            let answer = ServerHello::TLS13.message(&mut random);
            packets.extend(talk.say(Side::Second, &handshake_records(&answer, 16_000)));
            packets.extend(talk.say(Side::First, &application_data(500, &mut random)));
            packets.extend(talk.say(Side::Second, &application_data(500, &mut random)));
            packets.extend(talk.close(Side::First));
            packets
        })
        .map(|packet| framed(&packet))
        .collect();
    through_the_engine(bencher, MANY, &frames);
}

/// A scattered ClientHello in sealed Initials, the answer, one packet each way.
#[divan::bench]
fn new_quic_flow(bencher: Bencher<'_, '_>) {
    const VERSION_1: u32 = 1;
    let mut random = Random::new(3);
    let frames: Vec<_> = (0..MANY)
        .flat_map(|n| {
            let mut quic = Quic::new(VERSION_1, &mut random).unwrap();
            let hello = ClientHello { quic: true, ..ClientHello::modern(&format!("host{n}.zoom.us")) };
            let (up, down) = ((client(10_000 + n), server(443)), (server(443), client(10_000 + n)));
            let mut packets = Vec::new();
            packets.extend(quic.client_hello(&hello.message(&mut random), true).into_iter().map(|d| (up, d)));
            packets.push((down, quic.server_hello(&ServerHello::TLS13.message(&mut random), &mut random)));
            packets.push((up, quic.packet(Side::First, 400, &mut random)));
            packets.push((down, quic.packet(Side::Second, 400, &mut random)));
            packets
        })
        .map(|((from, to), datagram)| framed(&udp(from, to, &datagram)))
        .collect();
    through_the_engine(bencher, MANY, &frames);
}

/// A query and its answer, each from a new port, as resolvers ask.
#[divan::bench]
fn dns_look_up(bencher: Bencher<'_, '_>) {
    let frames: Vec<_> = (0..MANY)
        .flat_map(|n| {
            let name = format!("host{n}.zoom.us").into_bytes();
            let address = Data::Address(Ipv4Addr::from(0xaa72_0000 + u32::from(n)).into());
            let answer = dns::answer(n, &name, dns::A, &[Record { owner: name.clone(), ttl: 60, data: address }]);
            let (asker, resolver) = (client(10_000 + n), server(53));
            [udp(asker, resolver, &dns::query(n, &name, dns::A)), udp(resolver, asker, &answer)]
        })
        .map(|packet| framed(&packet))
        .collect();
    through_the_engine(bencher, MANY, &frames);
}

/// All of a call, in the mixture of a call.
#[divan::bench(sample_count = 20)]
fn whole_call_per_frame(bencher: Bencher<'_, '_>) {
    let frames: Vec<_> = call(1).into_frames().map(|(_, bytes)| bytes).collect();
    bencher.counter(ItemsCount::new(frames.len())).with_inputs(|| Run::new(frames.clone())).bench_local_refs(Run::read);
}

/// Every database for one address: four in five IPv4.
#[divan::bench]
fn place_look_up(bencher: Bencher<'_, '_>) {
    let atlas = Atlas::embedded().unwrap();
    let mut random = Random::new(4);
    let addresses: Vec<IpAddr> = (0..MANY)
        .map(|n| match n % 5 {
            0 => Ipv6Addr::from(0x2a00_0000_u128 << 96 | u128::from(random.next()) << 64).into(),
            _ => Ipv4Addr::from(0x0800_0000 + random.below(0xc000_0000) as u32).into(),
        })
        .collect();
    bencher.counter(ItemsCount::new(MANY)).bench_local(|| {
        for address in &addresses {
            black_box(atlas.place(*address));
        }
    });
}

/// One row of `flows.csv` and `flows.jsonl`.
#[divan::bench]
fn flow_row_written(bencher: Bencher<'_, '_>) {
    let row = FlowView {
        flow: 1,
        transport: TransportKind::Tcp,
        client: client(50_000),
        server: server(443),
        client_basis: ClientBasis::Local,
        first: START,
        last: START.plus_nanos(88_123_456_789),
        first_frame: FrameNo(17),
        up: Tally { packets: 1_234, bytes: 1_234_567, payload: 1_200_000 },
        down: Tally { packets: 4_321, bytes: 7_654_321, payload: 7_600_000 },
        tunnel: Tunnel::default(),
        application: "tls",
        name: Some((TextRef::new("rwcfra.fra.zoom.us"), NameBasis::Hello(NameSource::TlsSni))),
        other_names: Vec::new(),
        aliases: vec![TextRef::new("edge.example.net")],
        round_trip: Some(12_345_678),
        media: None,
        cut: false,
        owner: None,
        scope: "in",
    };
    bencher
        .counter(ItemsCount::new(MANY))
        .with_inputs(|| TableWriter::<Flows, _>::new(io::sink(), io::sink()))
        .bench_local_refs(|table| (0..MANY).for_each(|_| table.row(black_box(&row)).unwrap()));
}
