use super::hello::ClientHello;
use super::sample::*;
use super::*;
use crate::dissect::fact::{Certificate, Choice, Ech, Hidden, NameSource};
use proptest::prelude::*;

const CLIENT: Side = Side::First;
const SERVER: Side = Side::Second;
/// RFC 8446 §4.1.3.
const RETRY: [u8; 32] = [
    0xcf, 0x21, 0xad, 0x74, 0xe5, 0x9a, 0x61, 0x11, 0xbe, 0x1d, 0x8c, 0x02, 0x1e, 0x65, 0xb8, 0x91, 0xc2, 0xa2, 0x11,
    0x16, 0x7a, 0xbb, 0x8c, 0x5e, 0x07, 0x9e, 0x09, 0xe2, 0xc8, 0xa8, 0x33, 0x9c,
];

/// What is said and the last step, after all parts.
fn read(parts: &[(Side, Part<'_>)]) -> (Vec<(Side, Fact)>, Step) {
    let mut tls = Tls::new(false);
    let mut out = Facts::default();
    let mut step = Step::More;
    for (side, part) in parts {
        step = tls.accept(*side, *part, &mut out);
        if step != Step::More {
            assert!(step != Step::Done || tls.held() == 0, "memory is given back");
            break;
        }
    }
    (out.0, step)
}

fn bytes(parts: &[(Side, Vec<u8>)]) -> Vec<(Side, Part<'_>)> {
    parts.iter().map(|(side, bytes)| (*side, Part::Bytes(bytes))).collect()
}

fn choices(facts: &[(Side, Fact)]) -> Vec<Choice> {
    facts.iter().filter_map(|(_, fact)| if let Fact::Chosen(choice) = fact { Some(*choice) } else { None }).collect()
}

fn names(facts: &[(Side, Fact)]) -> Vec<&str> {
    let name = |(_, fact): &'_ (Side, Fact)| matches!(fact, Fact::Named { .. });
    facts
        .iter()
        .filter(|fact| name(fact))
        .map(|(_, fact)| if let Fact::Named { name, .. } = fact { name.exact() } else { "" })
        .collect()
}

fn offer(facts: &[(Side, Fact)]) -> &crate::dissect::fact::Offer {
    facts.iter().find_map(|(_, fact)| if let Fact::Offered(offer) = fact { Some(&**offer) } else { None }).unwrap()
}

fn hello_record() -> Vec<u8> {
    record(22, 1, &message(1, &browser_hello(b"Meet.Example.ORG", 1)))
}

fn key_share() -> Vec<u8> {
    extension(51, &[&[0x11, 0xec][..], &vector(2, &[5; 32])].concat())
}

fn server_hello_13() -> Vec<u8> {
    let extensions = [extension(43, &[3, 4]), key_share()];
    record(22, 3, &message(2, &server_hello(0x0303, [9; 32], &[7; 32], 0x1301, &extensions)))
}

/// The server's clear flight of TLS 1.2, every message in its own record or all in one.
fn flight_12(one_record: bool) -> Vec<u8> {
    let certificate = certificate(b"meet.example.org", b"Example CA", &[b"meet.example.org", b"*.example.net"]);
    let exchange = [&[3, 0, 29, 32][..], &[5; 32], &[4, 3], &vector(2, &[6; 70])].concat();
    let messages = [
        message(2, &server_hello(0x0303, [9; 32], &[1; 32], 0xc02f, &[alpn(&[b"h2"])])),
        message(11, &chain(&certificate)),
        message(12, &exchange),
        message(14, b""),
    ];
    if one_record {
        record(22, 3, &messages.concat())
    } else {
        messages.iter().flat_map(|m| record(22, 3, m)).collect()
    }
}

#[test]
fn a_tls_13_handshake_is_read_and_left() {
    let (facts, step) = read(&bytes(&[(CLIENT, hello_record()), (SERVER, server_hello_13())]));
    assert_eq!(step, Step::Done);
    assert_eq!(facts[0], (CLIENT, Fact::Speaks("tls")));
    let name = Text::from("meet.example.org");
    assert_eq!(facts[1], (CLIENT, Fact::Named { name: name.clone(), how: NameSource::TlsSni }));
    let offer = offer(&facts);
    assert_eq!(offer.sni, Some(name));
    assert_eq!(offer.alpn, [Text::from("h2"), Text::from("http/1.1")]);
    assert_eq!((offer.version, offer.ech, offer.transport), (0x0304, Ech::Offered, HelloTransport::Tls));
    assert!(offer.ja4.starts_with("t13d0205h2_"), "{}", offer.ja4);
    let expected = Choice { version: 0x0304, cipher: 0x1301, group: Some(0x11ec), ..Choice::default() };
    assert_eq!(choices(&facts), [expected]);
}

#[test]
fn a_tls_12_handshake_gives_the_leaf_and_the_group() {
    for one_record in [true, false] {
        let (facts, step) = read(&bytes(&[(CLIENT, hello_record()), (SERVER, flight_12(one_record))]));
        assert_eq!(step, Step::Done);
        let first = Choice { version: 0x0303, cipher: 0xc02f, ..Choice::default() };
        assert_eq!(choices(&facts), [first, Choice { group: Some(29), signature: Some(0x0403), ..first }]);
        let certificate = Certificate {
            names: vec![Text::from("meet.example.org"), Text::from("*.example.net")],
            issuer: Text::from("CN=Example CA"),
            not_before: 1_577_836_800,
            not_after: 1_893_456_000,
            key: "ec-p256".into(),
            signature: "ecdsa-sha256".into(),
            self_signed: false,
        };
        assert!(facts.contains(&(SERVER, Fact::Certified(Box::new(certificate)))));
        assert!(facts.contains(&(SERVER, Fact::Detail { key: "alpn", value: Text::from("h2") })));
    }
}

#[test]
fn certificates_name_hosts_and_addresses() {
    let read = |subject: &[u8], names: &[&[u8]]| {
        let certificate = cert::read(&certificate(subject, subject, names)).unwrap();
        assert!(certificate.self_signed);
        certificate.names.iter().map(|name| name.exact().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(read(b"WebRTC", &[b"\xc0\x00\x02\x01"]), ["192.0.2.1"]);
    assert_eq!(read(b"a.example", &[b"A.example", b"b.example"]), ["a.example", "b.example"]);
    let many: Vec<Vec<u8>> = (0..500).map(|i| format!("h{i}.example").into_bytes()).collect();
    assert_eq!(read(b"x", &many.iter().map(|n| &n[..]).collect::<Vec<_>>()).len(), 128);
}

#[test]
fn resumption_is_told_by_session_id_by_ticket_and_by_key() {
    let change = record(20, 3, &[1]);
    let plain = |id: &[u8]| record(22, 3, &message(2, &server_hello(0x0303, [9; 32], id, 0xc02f, &[])));
    let psk = record(
        22,
        3,
        &message(
            2,
            &server_hello(0x0303, [9; 32], &[7; 32], 0x1301, &[extension(43, &[3, 4]), extension(41, &[0, 0])]),
        ),
    );
    for (server, expected) in [
        ([plain(&[7; 32]), change.clone()].concat(), vec![true]),
        ([plain(&[]), change.clone()].concat(), vec![false, true]),
        ([plain(&[1; 32]), record(22, 3, &message(14, b""))].concat(), vec![false]),
        (psk, vec![true]),
    ] {
        let (facts, step) = read(&bytes(&[(CLIENT, hello_record()), (SERVER, server)]));
        assert_eq!(step, Step::Done);
        assert_eq!(choices(&facts).iter().map(|choice| choice.resumed).collect::<Vec<_>>(), expected);
    }
}

#[test]
fn a_retry_is_no_choice_yet() {
    let retry =
        message(2, &server_hello(0x0303, RETRY, &[7; 32], 0x1302, &[extension(43, &[3, 4]), extension(51, &[0, 24])]));
    let parts = [
        (CLIENT, hello_record()),
        (SERVER, [record(22, 3, &retry), record(20, 3, &[1])].concat()),
        (CLIENT, [record(20, 3, &[1]), hello_record()].concat()),
        (SERVER, server_hello_13()),
    ];
    let (facts, step) = read(&bytes(&parts));
    assert_eq!(step, Step::Done);
    let told: Vec<_> = choices(&facts).iter().map(|c| (c.retry, c.group)).collect();
    assert_eq!(told, [(true, Some(24)), (false, Some(0x11ec))]);
    assert_eq!(names(&facts).len(), 1);
}

#[test]
fn drafts_and_private_versions_stay_as_they_are() {
    let early = [&[0x7f, 0x13][..], &[9; 32], &[0x13, 2], &vector(2, &extension(40, &[0, 29]))].concat();
    for (body, version, cipher) in [
        (server_hello(0x0303, [9; 32], b"", 0x1301, &[extension(43, &[0x7f, 0x1c])]), 0x7f1c, 0x1301),
        (server_hello(0x0303, [9; 32], b"", 0x1303, &[extension(43, &[0xfb, 0x1a])]), 0xfb1a, 0x1303),
        (early, 0x7f13, 0x1302),
    ] {
        let (facts, step) = read(&bytes(&[(CLIENT, hello_record()), (SERVER, record(22, 3, &message(2, &body)))]));
        assert_eq!((step, choices(&facts)[0].version, choices(&facts)[0].cipher), (Step::Done, version, cipher));
    }
    for (offered, best) in [(&[0x7f1c, 0x0304, 0xfb1a][..], 0x0304), (&[0x0303, 0x7f1c], 0x7f1c), (&[], 0x0303)] {
        let body = client_hello(0x0303, 1, b"", None, &[supported_versions(offered)]);
        assert_eq!(ClientHello::parse(&body, false).unwrap().best_version(), best);
    }
}

#[test]
fn odd_hellos() {
    let hello = |extensions: &[Vec<u8>]| record(22, 1, &message(1, &client_hello(0x0301, 1, b"", None, extensions)));
    for (extensions, sni, ech) in [
        (vec![server_name(b"52.114.75.70")], Some("52.114.75.70"), Ech::Absent),
        (vec![server_name(b"a\xffb.Example.")], Some("a\\xffb.example"), Ech::Absent),
        (vec![server_name(b""), extension(0xffce, &[1])], None, Ech::Esni),
        (vec![extension(0xfe0d, &[1]), extension(0, b"")], None, Ech::Absent),
        (vec![server_name(b"first.example"), server_name(b"second.example")], Some("first.example"), Ech::Absent),
        (vec![server_name(&[b'a'; 2000])], None, Ech::Absent),
        (vec![], None, Ech::Absent),
    ] {
        let (facts, _) = read(&bytes(&[(CLIENT, hello(&extensions))]));
        let offer = offer(&facts);
        assert_eq!((offer.sni.as_ref().map(Text::exact), offer.ech, offer.version), (sni, ech, 0x0301));
        assert_eq!(names(&facts).is_empty(), sni.is_none());
    }
    // The list of cipher suites claims to be longer than the message.
    let mut lying = client_hello(0x0303, 1, b"", None, &[server_name(b"a.example")]);
    lying[36] = 0x40;
    let (facts, _) = read(&bytes(&[(CLIENT, record(22, 1, &message(1, &lying)))]));
    assert_eq!((&offer(&facts).sni, &*offer(&facts).ja4), (&None, ""));
    assert!(facts.contains(&(CLIENT, Fact::Detail { key: "client-hello", value: Text::from("malformed") })));
}

#[test]
fn the_published_fingerprint_comes_out() {
    let kinds = [0x1b, 0x33, 0x4469, 0x17, 0x2d, 5, 0x23, 0x12, 0xff01, 11, 10, 21];
    let mut extensions = vec![
        extension(0x3a3a, b""),
        server_name(b"example.org"),
        alpn(&[b"h2"]),
        extension(13, &vector(2, &numbers(&[0x0403, 0x0804, 0x0401, 0x1a1a, 0x0503, 0x0805, 0x0501, 0x0806, 0x0601]))),
        supported_versions(&[0x2a2a, 0x0304, 0x0303]),
    ];
    extensions.extend(kinds.map(|kind| extension(kind, b"")));
    let ciphers = [
        0x5a5a, 0x1301, 0x1302, 0x1303, 0xc02b, 0xc02f, 0xc02c, 0xc030, 0xcca9, 0xcca8, 0xc013, 0xc014, 0x9c, 0x9d,
        0x2f, 0x35,
    ];
    let body = [&[3, 3][..], &[1; 32], &[0], &vector(2, &numbers(&ciphers)), &[1, 0], &vector(2, &extensions.concat())]
        .concat();
    let hello = ClientHello::parse(&body, false).unwrap();
    assert_eq!(&*ja4::fingerprint(&hello, HelloTransport::Tls), "t13d1516h2_8daaf6152771_e5627efa2ab1");
    let bare = [&[3, 0][..], &[1; 32], &[0, 0, 0, 1, 0]].concat();
    let hello = ClientHello::parse(&bare, false).unwrap();
    assert_eq!(&*ja4::fingerprint(&hello, HelloTransport::Tls), "ts3i000000_000000000000_000000000000");
}

/// A hello of another make, read by us, by an independent parser, and as its maker meant it.
#[test]
fn others_agree_on_a_real_hello() {
    let config = rustls::ClientConfig::builder_with_provider(rustls::crypto::ring::default_provider().into())
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(rustls::RootCertStore::empty())
        .with_no_client_auth();
    let mut config = config;
    config.alpn_protocols = vec![b"h2".to_vec()];
    let name = rustls::pki_types::ServerName::try_from("call.example.eu").unwrap();
    let mut client = rustls::ClientConnection::new(std::sync::Arc::new(config), name).unwrap();
    let mut wire = Vec::new();
    client.write_tls(&mut wire).unwrap();

    let (facts, step) = read(&bytes(&[(CLIENT, wire.clone())]));
    assert_eq!((step, names(&facts)), (Step::More, vec!["call.example.eu"]));
    assert_eq!(offer(&facts).alpn, [Text::from("h2")]);

    let body = &wire[9..];
    let ours = ClientHello::parse(body, false).unwrap();
    let (_, theirs) = tls_parser::parse_tls_handshake_client_hello(body).unwrap();
    assert_eq!((ours.random, ours.session_id), (theirs.random.try_into().unwrap(), theirs.session_id.unwrap()));
    let ciphers: Vec<u16> = theirs.ciphers.iter().map(|cipher| cipher.0).collect();
    assert_eq!(hello::values(ours.ciphers).collect::<Vec<_>>(), ciphers);
    assert_eq!(Some(ours.extensions), theirs.ext);
}

#[test]
fn hellos_in_the_format_of_ssl_2() {
    let hello = |version: [u8; 2]| {
        let body = [&[1][..], &version, &[0, 6, 0, 0, 0, 16], &[0, 0, 5, 0, 0, 10], &[3; 16]].concat();
        [&[0x80, body.len() as u8][..], &body].concat()
    };
    for version in [[3, 1], [3, 0], [0, 2]] {
        let wire = hello(version);
        assert_eq!(probe(&opening(&wire)), Probe::Yes);
        let parts: Vec<_> = wire.chunks(4).map(|chunk| (CLIENT, chunk.to_vec())).collect();
        let (facts, step) = read(&bytes(&parts));
        assert_eq!((step, offer(&facts).version), (Step::More, u16::from_be_bytes(version)));
    }
    let answer = [0x80, 0x30, 4, 0, 1, 0, 2];
    let (facts, step) = read(&bytes(&[(CLIENT, hello([0, 2])), (SERVER, answer.to_vec())]));
    assert_eq!(step, Step::Done);
    assert!(facts.contains(&(SERVER, Fact::Detail { key: "server-hello", value: Text::from("ssl 2.0") })));
}

fn opening(bytes: &[u8]) -> Opening<'_> {
    Opening { bytes, side: CLIENT, from_port: 40_000, to_port: 4_000 }
}

#[test]
fn the_probe_goes_by_bytes() {
    let hello = hello_record();
    for (bytes, expected) in [
        (&hello[..], Probe::Yes),
        (&hello[..6], Probe::Yes),
        (&hello[..5], Probe::Maybe),
        (&hello[..1], Probe::Maybe),
        (b"", Probe::Maybe),
        (&server_hello_13(), Probe::Yes),
        (&record(21, 3, &[2, 40]), Probe::Yes),
        (b"GET / HTTP/1.1\r\n", Probe::No),
        (b"\x16\x04\x00\x00\x10\x01", Probe::No),
        (b"\x16\x03\x01\x00\x10\x05", Probe::No),
        (b"\x16\x03\x01\x48\x01\x01", Probe::No),
        (b"\x17\x03\x03\x00\x20", Probe::Maybe),
        (&[record(23, 3, &[1; 30]), record(23, 3, &[2; 30])].concat(), Probe::Yes),
        (&[record(23, 3, &[1; 30]), b"abcdef".to_vec()].concat(), Probe::No),
    ] {
        assert_eq!(probe(&opening(bytes)), expected, "{bytes:02x?}");
        assert_eq!(looks_like_tls(bytes), expected == Probe::Yes && bytes[0] == 22);
    }
    let secure = Opening { bytes: b"\x17\x03\x03\x00\x20", side: SERVER, from_port: 443, to_port: 50_000 };
    assert_eq!(probe(&secure), Probe::Yes);
}

#[test]
fn a_session_under_way_is_tls_without_a_name() {
    let data = record(23, 3, &[1; 30]);
    let (facts, _) = read(&bytes(&[(CLIENT, data.clone())]));
    assert_eq!(facts, []);
    let (facts, step) = read(&bytes(&[(CLIENT, [data.clone(), data.clone()].concat()), (SERVER, data.clone())]));
    assert_eq!((&facts[0], step), (&(CLIENT, Fact::Speaks("tls")), Step::Done));
    assert_eq!(facts.len(), 2);
    let mut out = Facts::default();
    Tls::new(true).accept(CLIENT, Part::Bytes(&[data.clone(), data].concat()), &mut out);
    assert!(out.0.contains(&(CLIENT, Fact::Hidden(Hidden::Dot))));
}

#[test]
fn dns_over_tls_is_told_by_port_and_by_protocol_name() {
    for (port, names, expected) in
        [(true, vec![], true), (false, vec![alpn(&[b"dot"])], true), (false, vec![alpn(&[b"h2"])], false)]
    {
        let mut out = Facts::default();
        let wire = record(22, 1, &message(1, &client_hello(0x0303, 1, b"", None, &names)));
        Tls::new(port).accept(CLIENT, Part::Bytes(&wire), &mut out);
        assert_eq!(out.0.contains(&(CLIENT, Fact::Hidden(Hidden::Dot))), expected);
    }
}

#[test]
fn an_alert_ends_it() {
    let (facts, step) = read(&bytes(&[(CLIENT, hello_record()), (SERVER, record(21, 3, &[2, 40]))]));
    assert_eq!(step, Step::Done);
    assert!(facts.contains(&(SERVER, Fact::Detail { key: "alert", value: Text::from("handshake_failure") })));
}

#[test]
fn an_answer_that_is_no_tls_ends_it() {
    let (facts, step) = read(&bytes(&[(CLIENT, hello_record()), (SERVER, b"HTTP/1.1 400 Bad Request\r\n".to_vec())]));
    assert_eq!((step, names(&facts).len()), (Step::Done, 1));
    let (facts, step) = read(&bytes(&[(CLIENT, b"\x16\x03\x01\x00\x05\x01no, not".to_vec())]));
    assert!(facts.is_empty() && matches!(step, Step::GiveUp(_)));
}

#[test]
fn nothing_is_made_up_for_lost_bytes() {
    let hello = hello_record();
    let name_ends = hello.windows(3).position(|w| w == b"ORG").unwrap() + 3;
    for (cut, named) in [(name_ends, 1), (name_ends - 1, 0), (20, 0)] {
        for lost in [Part::Gap(50), Part::End] {
            let (facts, _) = read(&[(CLIENT, Part::Bytes(&hello[..cut])), (CLIENT, lost)]);
            assert_eq!(names(&facts).len(), named);
            assert!(!facts.iter().any(|(_, fact)| matches!(fact, Fact::Offered(_))));
        }
    }
    // In what is skipped anyway, bytes may be missing: the chain behind the leaf.
    let flight = flight_12(false);
    let chain = flight.windows(20).position(|w| w == [0x30; 20]).unwrap();
    let hello = hello_record();
    let parts = [
        (CLIENT, Part::Bytes(&hello)),
        (SERVER, Part::Bytes(&flight[..chain])),
        (SERVER, Part::Gap(700)),
        (SERVER, Part::Bytes(&flight[chain + 700..])),
    ];
    assert_eq!(read(&parts), read(&bytes(&[(CLIENT, hello.clone()), (SERVER, flight.clone())])));
}

#[test]
fn one_direction_is_enough_and_waiting_has_an_end() {
    let (facts, step) = read(&bytes(&[(SERVER, flight_12(true))]));
    assert_eq!((step, choices(&facts).len()), (Step::More, 2));
    let data = record(23, 3, &[1; 16_000]);
    let mut parts = vec![(SERVER, flight_12(true))];
    parts.extend((0..5).map(|_| (SERVER, data.clone())));
    assert_eq!(read(&bytes(&parts)).1, Step::Done);
}

#[test]
fn memory_is_bounded() {
    let mut tls = Tls::new(false);
    let mut out = Facts::default();
    let begin = [&[1, 0, 0xff, 0xff][..], &[3, 3]].concat();
    tls.accept(CLIENT, Part::Bytes(&record(22, 1, &begin)), &mut out);
    for _ in 0..100 {
        tls.accept(CLIENT, Part::Bytes(&record(22, 1, &[7; 1000])), &mut out);
        assert!(tls.held() <= 2 * MAX_HANDSHAKE);
    }
    assert_eq!(tls.held(), 0);
    let huge = record(22, 1, &[&[1, 2, 0, 0][..], &[3; 60]].concat());
    assert!(matches!(read(&bytes(&[(CLIENT, huge)])).1, Step::GiveUp(Fault { kind: FaultKind::Limit, .. })));
}

/// Whole handshakes, one entry per side.
fn handshakes() -> Vec<(Vec<u8>, Vec<u8>)> {
    let body = message(1, &browser_hello(b"meet.example.org", 1));
    let split = body.chunks(37).flat_map(|chunk| record(22, 1, chunk)).collect();
    vec![(hello_record(), server_hello_13()), (split, flight_12(true)), (hello_record(), flight_12(false))]
}

proptest! {
    /// TCP and the record layer may cut anywhere.
    #[test]
    fn segmentation_changes_nothing(n in 0usize..3, cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..20)) {
        let (client, server) = handshakes().swap_remove(n);
        let whole = read(&bytes(&[(CLIENT, client.clone()), (SERVER, server.clone())]));
        let mut parts = Vec::new();
        for (side, wire) in [(CLIENT, &client), (SERVER, &server)] {
            let mut places: Vec<usize> = cuts.iter().map(|cut| cut.index(wire.len())).collect();
            places.extend([0, wire.len()]);
            places.sort_unstable();
            parts.extend(places.windows(2).map(|w| (side, wire[w[0]..w[1]].to_vec())));
        }
        prop_assert_eq!(read(&bytes(&parts)), whole);
    }

    #[test]
    fn no_prefix_and_no_flipped_bit_does_harm(n in 0usize..3, cut in any::<prop::sample::Index>(), flip in any::<prop::sample::Index>(), bit in 0u8..8) {
        let (mut client, mut server) = handshakes().swap_remove(n);
        let wire = if cut.index(2) == 0 { &mut client } else { &mut server };
        let at = flip.index(wire.len());
        wire[at] ^= 1 << bit;
        read(&bytes(&[(CLIENT, client.clone()), (SERVER, server.clone())]));
        let (c, s) = (cut.index(client.len()), cut.index(server.len()));
        read(&[(CLIENT, Part::Bytes(&client[..c])), (SERVER, Part::Bytes(&server[..s])), (CLIENT, Part::Gap(3)), (SERVER, Part::End), (CLIENT, Part::End)]);
        let _ = probe(&opening(&client[..c]));
    }

    #[test]
    fn random_bytes_do_no_harm(parts in prop::collection::vec((any::<bool>(), prop::collection::vec(any::<u8>(), 0..300)), 0..6), kind in 20u8..24) {
        let parts: Vec<_> = parts.into_iter().map(|(side, bytes)| (if side { CLIENT } else { SERVER }, record(kind, 3, &bytes))).collect();
        read(&bytes(&parts));
        for (_, bytes) in &parts {
            let _ = (probe(&opening(&bytes[5..])), cert::read(&bytes[5..]), ClientHello::parse(&bytes[5..], true));
        }
    }
}

/// A server's ServerHello and ServerKeyExchange, for a finite-field suite and for a block cipher with encrypt-then-MAC.
#[test]
fn the_length_of_a_prime_is_read_and_encrypt_then_mac_is_seen() {
    let answer = |cipher, extensions: &[Vec<u8>], exchange: &[u8]| {
        let messages = [
            message(2, &server_hello(0x0303, [9; 32], &[1; 32], cipher, extensions)),
            message(12, exchange),
            message(14, b""),
        ];
        let (facts, _) = read(&bytes(&[(CLIENT, hello_record()), (SERVER, record(22, 3, &messages.concat()))]));
        *choices(&facts).last().unwrap()
    };
    let prime = |bytes: usize, first: u8| {
        let mut prime = vec![0x5a; bytes];
        prime[0] = first;
        [vector(2, &prime), vector(2, &[2]), vector(2, &prime)].concat()
    };
    for (bytes, first, bits) in [(128, 0x80, 1024), (256, 0xff, 2048), (257, 0, 2048 - 1), (384, 0x01, 3065)] {
        assert_eq!(answer(0x009f, &[], &prime(bytes, first)).prime_bits, Some(bits), "{bytes} {first}");
    }
    // A prime whose length looks like a named curve is one all the same, and the other way round.
    let long = answer(0x009f, &[], &prime(0x0300, 0x80));
    assert_eq!((long.prime_bits, long.group), (Some(0x0300 * 8), None));
    let curve = [&[3, 0, 29, 32][..], &[5; 32], &[2, 1], &vector(2, &[6; 70])].concat();
    let block = answer(0xc027, &[extension(22, b"")], &curve);
    assert_eq!((block.group, block.signature, block.prime_bits), (Some(29), Some(0x0201), None));
    assert!(block.encrypt_then_mac);
    assert!(!answer(0xc027, &[], &curve).encrypt_then_mac);
}
