//! Conversations of every protocol in the registry, as bytes of two sides.

use std::net::IpAddr;
use zollhund::synth::hello::{self, ClientHello, ServerHello};
use zollhund::synth::media::{self, Rtp, Stun, StunMessage, ZoomKind};
use zollhund::synth::quic::Quic;
use zollhund::synth::{Bytes, Random, dns};
use zollhund::wire::{End, Side, TransportKind};

const INVITE: &str = "INVITE sip:bob@example.org SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.1\r\nUser-Agent: example 1.0\r\n\
        Content-Type: application/sdp\r\nContent-Length: 62\r\n\r\nv=0\r\nc=IN IP4 192.0.2.7\r\nm=audio 4000 RTP/SAVP 0\r\na=rtcp:4001\r\n";
const RINGING: &str = "SIP/2.0 180 Ringing\r\nServer: example 2.0\r\nContent-Length: 0\r\n\r\n";

/// One conversation: who speaks, in which order.
pub struct Talk {
    /// The protocol's name in the registry.
    pub protocol: &'static str,
    /// What is special about it.
    pub trick: &'static str,
    pub transport: TransportKind,
    pub port: u16,
    pub parts: Vec<(Side, Vec<u8>)>,
}

/// Conversations of every protocol in the registry.
pub fn talks() -> Vec<Talk> {
    use Side::{First, Second};
    let random = &mut Random::new(0x2011);
    let mut list = Vec::new();
    let mut tcp = |protocol, trick, port, parts| {
        list.push(Talk { protocol, trick, transport: TransportKind::Tcp, port, parts });
    };
    let records = |message: Vec<u8>| hello::handshake_records(&message, usize::MAX);
    let modern = ClientHello::modern("www.example.org");

    let tls13 = [
        records(ServerHello::TLS13.message(random)),
        hello::CHANGE_CIPHER_SPEC.to_vec(),
        hello::application_data(60, random),
    ];
    tcp("tls", "1.3", 443, vec![(First, records(modern.message(random))), (Second, tls13.concat())]);
    let certificate = hello::certificate(b"example.org", &[b"example.org", b"*.example.org"], random);
    let flight = hello::handshake_records(&hello::tls12_flight(&[certificate], random), 200);
    let old = ClientHello { tls13: false, shuffled: false, ..modern.clone() };
    tcp("tls", "1.2-certificate", 443, vec![(First, records(old.message(random))), (Second, flight)]);
    let large = ClientHello { post_quantum: true, ech: true, ..modern.clone() };
    tcp("tls", "post-quantum-ech", 443, vec![(First, hello::handshake_records(&large.message(random), 500))]);
    let hostile = ClientHello { sni: Some(b"a\x1b]52;c;\x07\xff\xe2\x80\xae.example".to_vec()), ..modern.clone() };
    tcp("tls", "hostile-name", 443, vec![(First, records(hostile.message(random)))]);

    let name = b"www.example.org".to_vec();
    let record = |owner: &[u8], data| dns::Record { owner: owner.to_vec(), ttl: 60, data };
    let answers = [
        record(&name, dns::Data::Alias(b"cdn.example.org".to_vec())),
        record(b"cdn.example.org", dns::Data::Address(IpAddr::from([192, 0, 2, 1]))),
        record(b"cdn.example.org", dns::Data::Https { hints: vec![IpAddr::from([192, 0, 2, 1])], ech: true }),
    ];
    let query = dns::query(7, &name, dns::A);
    let answer = dns::answer(7, &name, dns::A, &answers);
    let framed = |message: &[u8]| {
        Bytes::of(|b| {
            b.vec16(|v| {
                v.put(message);
            });
        })
    };
    tcp("dns", "tcp", 53, vec![(First, framed(&query)), (Second, [framed(&answer), framed(&answer)].concat())]);
    tcp(
        "http",
        "get",
        80,
        vec![(First, media::http_request("GET", b"www.example.org", "/")), (Second, media::http_answer("200 OK"))],
    );
    tcp(
        "http",
        "connect",
        80,
        vec![
            (First, media::http_request("CONNECT", b"www.example.org:443", "www.example.org:443")),
            (Second, b"HTTP/1.1 200 Connection established\r\n\r\n".to_vec()),
            (First, records(modern.message(random))),
        ],
    );

    let tls = records(modern.message(random));
    let plain = |lines: &[(Side, &str)]| lines.iter().map(|(side, l)| (*side, l.as_bytes().to_vec())).collect();
    let upgraded = |lines: &[(Side, &str)]| -> Vec<(Side, Vec<u8>)> {
        let mut parts: Vec<_> = plain(lines);
        parts.push((First, tls.clone()));
        parts
    };
    tcp(
        "starttls",
        "smtp",
        587,
        upgraded(&[
            (Second, "220 mail.example.org ESMTP\r\n"),
            (First, "EHLO client.example\r\n"),
            (Second, "250-mail.example.org\r\n250-SIZE 1000\r\n250 STARTTLS\r\n"),
            (First, "STARTTLS\r\n"),
            (Second, "220 go ahead\r\n"),
        ]),
    );
    let imap = [
        (Second, "* OK [CAPABILITY IMAP4rev1] example.org\r\n"),
        (First, "a1 LOGIN \"a\" {3}\r\n"),
        (Second, "+ go\r\n"),
        (First, "abc\r\n"),
    ];
    tcp("starttls", "imap-login", 143, plain(&imap));
    tcp(
        "xmpp",
        "starttls",
        5222,
        upgraded(&[
            (First, "<?xml version='1.0'?><stream:stream xmlns='jabber:client' to='example.org' version='1.0'>"),
            (
                Second,
                "<stream:stream id='1' from='example.org'><stream:features><starttls xmlns='x'/></stream:features>",
            ),
            (First, "<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>"),
            (Second, "<proceed xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>"),
        ]),
    );
    tcp("sip", "invite", 5060, plain(&[(First, INVITE), (Second, RINGING)]));
    let socks5 = [&[5, 1, 0, 3, 15][..], b"www.example.org", &[1, 187]].concat();
    let granted = vec![5, 0, 0, 1, 192, 0, 2, 1, 1, 187];
    let start = vec![(First, vec![5, 1, 0]), (Second, vec![5, 0]), (First, socks5), (Second, granted)];
    tcp("socks", "5", 1080, [start, vec![(First, tls.clone())]].concat());
    let socks4 = [&[4, 1, 1, 187, 0, 0, 0, 1][..], b"me\0www.example.org\0"].concat();
    tcp("socks", "4a", 1080, vec![(First, socks4), (Second, vec![0, 90, 0, 0, 0, 0, 0, 0]), (First, tls.clone())]);
    let postgresql = vec![(First, vec![0, 0, 0, 8, 4, 210, 22, 47]), (Second, b"S".to_vec()), (First, tls.clone())];
    tcp("negotiated TLS", "postgresql", 5432, postgresql);
    tcp("infrastructure over TCP", "ssh", 22, plain(&[(First, "SSH-2.0-example_1.0\r\n"), (Second, "SSH-2.0-x\r\n")]));
    let request = StunMessage::new(Stun::BindingRequest, random.array()).software(b"example 1.0").datagram();
    tcp("stun", "tcp", 3478, vec![(First, request.clone()), (First, request)]);

    let mut udp = |protocol, trick, port, parts| {
        list.push(Talk { protocol, trick, transport: TransportKind::Udp, port, parts });
    };
    udp("sip", "udp", 5060, vec![(First, INVITE.as_bytes().to_vec()), (Second, RINGING.as_bytes().to_vec())]);
    let clock = vec![(First, media::ntp(3, random)), (Second, media::ntp(4, random))];
    udp("infrastructure over UDP", "ntp", 123, clock);
    let initiation = [&[1, 0, 0, 0, 7, 7, 7, 7][..], &random.array::<124>(), &[0; 16]].concat();
    udp("wireguard", "initiation", 51_820, vec![(First, initiation)]);
    let session = random.array::<8>();
    let reset = [&[0x38][..], &session, &[0; 5]].concat();
    let repeated = [&[0x40][..], &random.array::<8>(), &[1, 0, 0, 0, 0], &session, &[0; 4]].concat();
    udp("openvpn", "reset", 1_194, vec![(First, reset), (Second, repeated)]);
    let ike = [&random.array::<8>()[..], &[0; 8], &[33, 0x20, 34, 8, 0, 0, 0, 0, 0, 0, 0, 48], &random.array::<20>()]
        .concat();
    udp("ipsec", "ike", 500, vec![(First, ike)]);
    udp("dns", "udp", 53, vec![(First, query), (Second, answer)]);
    let multicast =
        dns::multicast_answer(&[record(b"_ipp._tcp.local", dns::Data::Pointer(b"printer._ipp._tcp.local".to_vec()))]);
    udp("dns", "multicast", 5353, vec![(First, multicast)]);

    for (trick, version) in [("v1", 1), ("v2", 0x6b33_43cf)] {
        let hello = ClientHello { quic: true, post_quantum: true, alpn: vec![b"h3"], ..modern.clone() };
        let message = hello.message(random);
        if let Some(mut quic) = Quic::new(version, random) {
            let mut parts: Vec<_> = quic.client_hello(&message, true).into_iter().map(|d| (First, d)).collect();
            let choice = ServerHello::TLS13.message(random);
            parts.push((Second, quic.server_hello(&choice, random)));
            parts.push((First, quic.packet(First, 60, random)));
            udp("quic", trick, 443, parts);
        }
    }

    let offer = ClientHello { srtp: vec![1, 7], ..ClientHello::default() };
    let mut parts: Vec<_> = hello::dtls_client_hello(&offer, 60, random).into_iter().map(|d| (First, d)).collect();
    let choice = ServerHello { version: 0xfefd, cipher: 0xc02b, srtp: Some(1), ..ServerHello::TLS12 };
    parts.extend(hello::dtls_server_hello(&choice, random).into_iter().map(|d| (Second, d)));
    udp("dtls-srtp", "fragments", 3478, parts.clone());

    let end = End { address: IpAddr::from([203, 0, 113, 7]), port: 50_000 };
    let transaction = random.array();
    let request = StunMessage::new(Stun::BindingRequest, transaction).software(b"example 1.0").datagram();
    let reply = StunMessage::new(Stun::BindingAnswer, transaction).mapped(end).datagram();
    udp("stun", "binding-then-dtls", 3478, [vec![(First, request), (Second, reply)], parts].concat());
    let allocate = StunMessage::new(Stun::AllocateRequest, transaction).requested_transport().datagram();
    let refused = StunMessage::new(Stun::AllocateError, transaction).unauthorized(b"example.org").datagram();
    let v6 = End { address: "2001:db8::7".parse().unwrap_or(end.address), port: 51_820 };
    let granted = StunMessage::new(Stun::AllocateAnswer, transaction).relayed(v6).mapped(end).datagram();
    let permission = StunMessage::new(Stun::CreatePermission, transaction).peer(end).datagram();
    udp(
        "stun",
        "turn",
        3478,
        vec![(First, allocate.clone()), (Second, refused), (First, allocate), (Second, granted), (First, permission)],
    );

    let mut rtp = Rtp::new(96, 3_000, random);
    let mut parts: Vec<_> = (0..6).map(|_| (First, rtp.packet(40, random))).collect();
    parts.push((First, rtp.report(random)));
    udp("rtp", "video", 5_004, parts);
    let [greeting, welcome] = media::zoom_greeting(random);
    let mut parts = vec![(First, greeting), (Second, welcome)];
    for (n, kind) in [(1, ZoomKind::Audio), (2, ZoomKind::Video), (3, ZoomKind::Share)] {
        parts.push((First, media::zoom(kind, true, n, &rtp.packet(40, random))));
        parts.push((Second, media::zoom(kind, false, n, &rtp.packet(40, random))));
    }
    udp("zoom", "call", 8_801, parts);
    list
}
