//! A conference call of about 90 seconds, written as a story and generated from a seed: the demo, and the traffic on
//! which the tests hold the whole program. Nobody recorded it and it was never on a network; see `cast` for who is in
//! it. It contains one of everything that matters to an audit, not what a certain client does on a certain day.

mod cast;
mod stage;

use self::stage::{MS, Opening, Stage, Stream, Track};
use super::hello::{self, ClientHello, ServerHello};
use super::media::{self, Rtp, Stun, StunMessage, ZoomKind};
use super::{Random, dns, frames};
use crate::wire::{End, LinkType, Timestamp};
use std::net::{IpAddr, Ipv4Addr};

/// 2026-10-15T09:00:00Z.
const START: Timestamp = Timestamp::from_secs(1_792_054_800);

/// The generated call: frames in order of time, and the markers an auditor would have set.
#[derive(Debug, Clone)]
pub struct Call {
    frames: Vec<(Timestamp, Vec<u8>)>,
    pub markers: Vec<(Timestamp, &'static str)>,
    pub link: LinkType,
}

impl Call {
    /// Ethernet frames in order of time, whole.
    pub fn frames(&self) -> impl ExactSizeIterator<Item = (Timestamp, &[u8])> {
        self.frames.iter().map(|(time, bytes)| (*time, bytes.as_slice()))
    }

    /// The same, given away.
    pub fn into_frames(self) -> impl ExactSizeIterator<Item = (Timestamp, Vec<u8>)> {
        self.frames.into_iter()
    }
}

/// The call. The seed changes random bytes, port numbers and jitter, never the story.
#[must_use]
pub fn call(seed: u64) -> Call {
    let mut stage = Stage::new(seed);
    let background = stage.random.next();
    start(&mut stage);
    let mut log = sign_in(&mut stage);
    join(&mut stage);
    talk(&mut stage);
    share(&mut stage);
    leave(&mut stage, &mut log);
    stage.close(log);
    surroundings(&mut stage, &mut Random::new(background));

    let mut frames = stage.frames;
    // Stable: frames of one instant stay as they were sent.
    frames.sort_by_key(|(time, _)| *time);
    let markers = [
        (0, "client started"),
        (5_000, "signed in"),
        (12_000, "joined"),
        (12_000, "microphone off"),
        (24_000, "microphone on"),
        (28_000, "camera on"),
        (48_000, "camera off"),
        (52_000, "screen share on"),
        (66_000, "screen share off"),
        (80_000, "left the call"),
        (89_000, "client closed"),
    ];
    let markers = markers.into_iter().map(|(ms, text)| (at(ms), text)).collect();
    Call { frames, markers, link: frames::ETHERNET }
}

/// So many milliseconds into the story.
fn at(ms: u64) -> Timestamp {
    START.plus_nanos(ms * MS)
}

fn modern(host: &cast::Host) -> ClientHello {
    ClientHello::modern(host.name)
}

/// 0 s: the client starts, asks for its start page and content, and reports for the first time.
fn start(stage: &mut Stage) {
    // Post-quantum, so the hello needs two segments; they arrive in the wrong order.
    let hello = ClientHello { post_quantum: true, ..modern(&cast::START) };
    let mut page = stage.tls(at(450), &cast::START, &Opening { hello, swapped: true, ..Opening::default() });
    stage.exchange(&mut page, 620, 9_000);
    stage.close(page);
    stage.visit(at(900), &cast::CONTENT, modern(&cast::CONTENT), 480, 60_000);

    let mut status = stage.connect(at(1_100), &cast::CERTIFICATE_STATUS, 80);
    stage.client_says(&mut status, &media::http_request("POST", cast::CERTIFICATE_STATUS.name.as_bytes(), "/"));
    stage.server_says(&mut status, &media::http_answer("200 OK"));
    stage.close(status);
    stage.visit(at(2_200), &cast::CRASH, modern(&cast::CRASH), 2_400, 300);
}

/// 3 s: sign-in at the tenant's page; the log connection opens and stays.
fn sign_in(stage: &mut Stage) -> Stream {
    stage.visit(at(3_000), &cast::TENANT, modern(&cast::TENANT), 3_300, 14_000);
    let hello = ClientHello { quic: true, alpn: vec![b"h3"], ..modern(&cast::ANALYTICS) };
    stage.quic(at(3_700), &cast::ANALYTICS, &hello, 2_000, 1_200);

    let certificates = vec![hello::certificate(
        cast::PARTNER.name.as_bytes(),
        &[cast::PARTNER.name.as_bytes(), b"*.metrics-partner.example"],
        &mut stage.random,
    )];
    let hello = ClientHello { tls13: false, shuffled: false, ..modern(&cast::PARTNER) };
    let mut partner = stage.tls(at(6_000), &cast::PARTNER, &Opening { hello, certificates, swapped: false });
    stage.exchange(&mut partner, 5_200, 200);
    stage.close(partner);

    let hello = modern(&cast::LOG);
    let mut log = stage.tls(at(1_800), &cast::LOG, &Opening { hello, ..Opening::default() });
    for ms in [3_000, 9_000, 15_000, 25_000, 35_000, 45_000, 55_000, 65_000, 75_000] {
        log.at = log.at.max(at(ms));
        stage.exchange(&mut log, 4_800, 180);
    }
    log
}

/// 9 s: signalling over QUIC with a hello of two packets, the own address from STUN, a relay from TURN, a look at a
/// relay across the Atlantic.
fn join(stage: &mut Stage) {
    let hello = ClientHello { quic: true, post_quantum: true, alpn: vec![b"h3"], ..modern(&cast::GATEWAY) };
    stage.quic(at(9_000), &cast::GATEWAY, &hello, 6_000, 30_000);

    let relay_at = stage.resolve(at(9_600), &cast::RELAY);
    let server = End { address: cast::RELAY.address(), port: 3478 };
    let client = Stage::client(server.address, stage.port());
    let mapped = End { address: cast::CLIENT_OUTSIDE.into(), port: client.port };
    let relayed = End { address: server.address, port: 51_820 };
    let server_software: &[u8] = b"relay-example 1.0";
    let mut time = relay_at;
    for (request, answer) in [
        (Stun::BindingRequest, Stun::BindingAnswer),
        (Stun::AllocateRequest, Stun::AllocateError),
        (Stun::AllocateRequest, Stun::AllocateAnswer),
    ] {
        let transaction = stage.random.array();
        let mut question = StunMessage::new(request, transaction).software(b"call-client-example 6.2");
        if request == Stun::AllocateRequest {
            question = question.requested_transport();
        }
        stage.datagram(time, client, server, &question.datagram());
        time = time.plus_nanos(cast::RELAY.round_trip * MS + 70_000);
        let reply = StunMessage::new(answer, transaction).software(server_software);
        let reply = match answer {
            Stun::AllocateError => reply.unauthorized(b"zoom.us"),
            Stun::AllocateAnswer => reply.relayed(relayed).mapped(mapped),
            _ => reply.mapped(mapped),
        };
        stage.datagram(time, server, client, &reply.datagram());
        time = stage.soon(time);
    }
    let far = stage.resolve(at(9_700), &cast::FAR_RELAY);
    greet(stage, far, &cast::FAR_RELAY);
}

/// The greeting on a relay's media port; gives the client's end.
fn greet(stage: &mut Stage, time: Timestamp, relay: &cast::Host) -> (End, End) {
    let server = End { address: relay.address(), port: 8801 };
    let client = Stage::client(server.address, stage.port());
    let [greeting, answer] = media::zoom_greeting(&mut stage.random);
    stage.datagram(time, client, server, &greeting);
    stage.datagram(time.plus_nanos(relay.round_trip * MS + 90_000), server, client, &answer);
    (client, server)
}

/// 12 s to 80 s: sound and pictures over the relay in Frankfurt, one flow for each.
fn talk(stage: &mut Stage) {
    let (mouth, ear) = greet(stage, at(11_200), &cast::RELAY);
    let silence =
        Track { from: at(12_000), until: at(24_000), per_second: 1, size: (40, 44), source: mouth, destination: ear };
    let voice = Track { from: at(24_000), until: at(80_000), per_second: 50, size: (70, 150), ..silence };
    let voices = Track { from: at(12_000), until: at(80_000), source: ear, destination: mouth, ..voice };
    for (track, up) in [(silence, true), (voice, true), (voices, false)] {
        zoom_track(stage, &track, ZoomKind::Audio, up, 960);
    }
    let (camera, screen) = greet(stage, at(13_400), &cast::RELAY);
    let faces = Track {
        from: at(14_000),
        until: at(51_000),
        per_second: 100,
        size: (500, 1_100),
        source: screen,
        destination: camera,
    };
    let face =
        Track { from: at(28_000), until: at(48_000), per_second: 150, source: camera, destination: screen, ..faces };
    for (track, up) in [(faces, false), (face, true)] {
        zoom_track(stage, &track, ZoomKind::Video, up, 3_000);
    }
}

fn zoom_track(stage: &mut Stage, track: &Track, kind: ZoomKind, up: bool, step: u32) {
    let mut stream = Rtp::new(if kind == ZoomKind::Audio { 99 } else { 98 }, step, &mut stage.random);
    let mut sequence = 0u16;
    stage.track(track, |random, len| {
        sequence = sequence.wrapping_add(1);
        media::zoom(kind, up, sequence, &stream.packet(len, random))
    });
}

/// 52 s to 66 s: the screen goes through a gateway as a browser would send it: STUN, DTLS, SRTP on one flow.
fn share(stage: &mut Stage) {
    const AES_128_CM_SHA1_80: u16 = 1;
    let server = End { address: cast::GATEWAY.address(), port: 8801 };
    let client = Stage::client(server.address, stage.port());
    let trip = cast::GATEWAY.round_trip * MS;
    let transaction = stage.random.array();
    let mut time = at(51_700);
    stage.datagram(time, client, server, &StunMessage::new(Stun::BindingRequest, transaction).datagram());
    time = time.plus_nanos(trip);
    let mapped = End { address: cast::CLIENT_OUTSIDE.into(), port: client.port };
    stage.datagram(time, server, client, &StunMessage::new(Stun::BindingAnswer, transaction).mapped(mapped).datagram());

    let hello = ClientHello { srtp: vec![AES_128_CM_SHA1_80, 7], ..ClientHello::default() };
    for datagram in hello::dtls_client_hello(&hello, 1_200, &mut stage.random) {
        time = stage.soon(time);
        stage.datagram(time, client, server, &datagram);
    }
    time = time.plus_nanos(trip);
    let choice = ServerHello { version: 0xfefd, cipher: 0xc02b, srtp: Some(AES_128_CM_SHA1_80), ..ServerHello::TLS12 };
    for datagram in hello::dtls_server_hello(&choice, &mut stage.random) {
        stage.datagram(time, server, client, &datagram);
    }
    let screen = Track {
        from: at(52_000),
        until: at(66_000),
        per_second: 120,
        size: (300, 1_150),
        source: client,
        destination: server,
    };
    let mut stream = Rtp::new(96, 750, &mut stage.random);
    let report = stream.report(&mut stage.random);
    stage.track(&screen, |random, len| stream.packet(len, random));
    let reports = Track { per_second: 1, source: server, destination: client, ..screen };
    stage.track(&reports, |_, _| report.clone());
}

/// 80 s: the call is left, and reports go out after that.
fn leave(stage: &mut Stage, log: &mut Stream) {
    log.at = log.at.max(at(81_000));
    stage.exchange(log, 22_000, 180);
    stage.visit(at(82_500), &cast::TELEMETRY, modern(&cast::TELEMETRY), 38_000, 220);
    stage.visit(at(84_000), &cast::CRASH, modern(&cast::CRASH), 6_400, 300);
    log.at = log.at.max(at(88_500));
}

/// What the device does besides, and what an observer cannot see into.
fn surroundings(stage: &mut Stage, random: &mut Random) {
    let mut check = stage.connect(at(100), &cast::CHECK, 80);
    stage.client_says(&mut check, &media::http_request("GET", cast::CHECK.name.as_bytes(), "/"));
    stage.server_says(&mut check, &media::http_answer("204 No Content"));
    stage.close(check);

    let asked = stage.resolve(at(200), &cast::TIME);
    let clock = End { address: cast::TIME.address(), port: 123 };
    let client = Stage::client(clock.address, stage.port());
    stage.datagram(asked, client, clock, &media::ntp(3, random));
    stage.datagram(asked.plus_nanos(cast::TIME.round_trip * MS), clock, client, &media::ntp(4, random));

    let group = End { address: IpAddr::V4(Ipv4Addr::new(224, 0, 0, 251)), port: 5353 };
    for ms in [300, 30_300, 60_300] {
        let question = dns::query(0, b"_ipp._tcp.local", dns::PTR);
        let packet = frames::udp(Stage::client(group.address, 5353), group, &question);
        stage.multicast(at(ms), &packet);
    }

    let mut weather = stage.connect(at(40_000), &cast::WEATHER, 80);
    let path = "/v1/forecast?city=Musterstadt";
    stage.client_says(&mut weather, &media::http_request("GET", cast::WEATHER.name.as_bytes(), path));
    stage.server_says(&mut weather, &media::http_answer("200 OK"));
    stage.close(weather);

    stage.visit(at(44_000), &cast::DOH, modern(&cast::DOH), 700, 1_900);

    let hello = ClientHello { ech: true, ..ClientHello::modern(cast::COVER_NAME) };
    stage.visit(at(46_000), &cast::COVERED, hello, 1_500, 7_000);

    // No name in the hello and none asked for: only the certificate tells.
    let certificates =
        vec![hello::certificate(cast::UPDATES.name.as_bytes(), &[cast::UPDATES.name.as_bytes()], random)];
    let stream = stage.connect_unasked(at(70_000), &cast::UPDATES, 443);
    let mut stream = stage.handshake(stream, &Opening { certificates, ..Opening::default() });
    stage.exchange(&mut stream, 300, 4_000);
    stage.close(stream);
}
