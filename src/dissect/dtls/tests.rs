use super::*;
use crate::dissect::fact::{Choice, Fact};
use crate::dissect::tls::sample::*;
use crate::wire::Text;
use proptest::prelude::*;

const CLIENT: Side = Side::First;
const SERVER: Side = Side::Second;

fn record(content: u8, epoch: u8, body: &[u8]) -> Vec<u8> {
    [&[content, 0xfe, 0xfd, 0, epoch, 0, 0, 0, 0, 0, 1][..], &vector(2, body)].concat()
}

/// A part of a message, from `from` to `to`.
fn part(kind: u8, sequence: u16, body: &[u8], from: usize, to: usize) -> Vec<u8> {
    let number = |n: usize| (n as u32).to_be_bytes()[1..].to_vec();
    let head = [vec![kind], number(body.len()), sequence.to_be_bytes().to_vec(), number(from), number(to - from)];
    [&head.concat()[..], &body[from..to]].concat()
}

fn whole(kind: u8, sequence: u16, body: &[u8]) -> Vec<u8> {
    part(kind, sequence, body, 0, body.len())
}

fn srtp(profiles: &[u16]) -> Vec<u8> {
    extension(14, &[vector(2, &numbers(profiles)), vec![0]].concat())
}

fn hello(cookie: &[u8], random: u8) -> Vec<u8> {
    client_hello(0xfefd, random, b"", Some(cookie), &[server_name(b"Turn.Example.ORG"), srtp(&[1, 7])])
}

fn flight() -> Vec<(u8, Vec<u8>)> {
    let exchange = [&[3, 0, 23, 65][..], &[4; 65], &[4, 3], &vector(2, &[6; 70])].concat();
    vec![
        (2, server_hello(0xfefd, [9; 32], b"", 0xc02b, &[srtp(&[7])])),
        (11, chain(&certificate(b"WebRTC", b"WebRTC", &[b"peer.example.org"]))),
        (12, exchange),
        (14, Vec::new()),
    ]
}

fn read(datagrams: &[(Side, Vec<u8>)]) -> (Vec<Fact>, bool) {
    let mut reader = DtlsReader::new(false);
    let mut out = Facts::default();
    let mut more = true;
    for (side, datagram) in datagrams {
        more = reader.datagram(*side, datagram, &mut out);
        assert!(reader.held() <= 4 * MAX_HANDSHAKE);
    }
    assert!(more || reader.held() == 0);
    (out.0.into_iter().map(|(_, fact)| fact).collect(), more)
}

fn count(facts: &[Fact], matches: fn(&Fact) -> bool) -> usize {
    facts.iter().filter(|fact| matches(fact)).count()
}

#[test]
fn a_handshake_of_webrtc_is_read() {
    let mut datagrams = vec![(CLIENT, record(22, 0, &whole(1, 0, &hello(b"", 1))))];
    datagrams.extend(flight().iter().zip(0..).map(|((kind, body), n)| (SERVER, record(22, 0, &whole(*kind, n, body)))));
    let (facts, more) = read(&datagrams);
    assert!(!more);
    assert_eq!(facts[0], Fact::Speaks("dtls"));
    let Fact::Offered(offer) = &facts[2] else { panic!("{facts:?}") };
    assert_eq!((offer.sni.clone(), offer.version), (Some(Text::from("turn.example.org")), 0xfefd));
    assert_eq!(offer.srtp, [1, 7]);
    assert!(offer.ja4.starts_with("dd2d020200_"), "{}", offer.ja4);
    let signature = Some(0x0403);
    let choice =
        Choice { version: 0xfefd, cipher: 0xc02b, group: Some(23), srtp: Some(7), signature, ..Choice::default() };
    assert!(facts.contains(&Fact::Chosen(choice)));
    assert_eq!(count(&facts, |fact| matches!(fact, Fact::Certified(c) if c.self_signed)), 1);
}

#[test]
fn a_cookie_makes_no_second_offer() {
    let verify = [&[0xfe, 0xff, 20][..], &[8; 20]].concat();
    let (facts, more) = read(&[
        (CLIENT, record(22, 0, &whole(1, 0, &hello(b"", 1)))),
        (SERVER, record(22, 0, &whole(3, 0, &verify))),
        (CLIENT, record(22, 0, &whole(1, 1, &hello(&[8; 20], 1)))),
        (
            SERVER,
            flight().iter().zip(1..).flat_map(|((kind, body), n)| record(22, 0, &whole(*kind, n, body))).collect(),
        ),
    ]);
    assert!(!more);
    assert_eq!(count(&facts, |fact| matches!(fact, Fact::Offered(_))), 1);
    assert_eq!(count(&facts, |fact| matches!(fact, Fact::Certified(_))), 1);
}

#[test]
fn a_new_association_is_read_too() {
    let (facts, more) = read(&[
        (CLIENT, record(22, 0, &whole(1, 0, &hello(b"", 1)))),
        (SERVER, record(22, 0, &whole(2, 0, &flight()[0].1))),
        (SERVER, record(22, 1, &[0; 40])),
        (SERVER, record(22, 0, &whole(1, 0, &hello(b"", 2)))),
        (CLIENT, record(22, 0, &whole(2, 0, &flight()[0].1))),
    ]);
    assert!(more);
    assert_eq!(count(&facts, |fact| matches!(fact, Fact::Offered(_))), 2);
    assert_eq!(count(&facts, |fact| matches!(fact, Fact::Chosen(choice) if !choice.resumed)), 2);
}

#[test]
fn dtls_13_ends_with_the_server_hello() {
    let extensions = [supported_versions(&[0xfefc, 0xfefd])];
    let offer = client_hello(0xfefd, 1, b"", Some(b""), &extensions);
    let answer = server_hello(0xfefd, [9; 32], b"", 0x1301, &[extension(43, &[0xfe, 0xfc])]);
    let (facts, more) =
        read(&[(CLIENT, record(22, 0, &whole(1, 0, &offer))), (SERVER, record(22, 0, &whole(2, 0, &answer)))]);
    assert!(!more);
    assert!(facts.contains(&Fact::Chosen(Choice { version: 0xfefc, cipher: 0x1301, ..Choice::default() })));
    assert_eq!(count(&facts, |fact| matches!(fact, Fact::Offered(offer) if offer.version == 0xfefc)), 1);
}

#[test]
fn the_probe_leaves_to_others_what_is_theirs() {
    let hello = record(22, 0, &whole(1, 0, &hello(b"", 1)));
    for (bytes, expected) in [
        (&hello[..], true),
        (&record(23, 1, &[0; 20]), true),
        (&record(22, 0, &[99; 30]), false),
        (&hello[..20], false),
        (b"\x00\x01\x00\x00\x21\x12\xa4\x42", false),
        (b"\x80\x60\x00\x01\x00\x00\x00\x00\x00\x00\x00\x00", false),
        (b"\x2c\x00\x01\x00\x10aaaaaaaaaaaaaaaa", false),
        (b"", false),
    ] {
        assert_eq!(looks_like_dtls(bytes), expected, "{bytes:02x?}");
    }
}

#[test]
fn waiting_has_an_end() {
    let hello = (CLIENT, record(22, 0, &whole(1, 0, &hello(b"", 1))));
    let media = vec![(CLIENT, vec![0x80; 100]); usize::from(PATIENCE)];
    assert!(read(&[std::slice::from_ref(&hello), &media[1..]].concat()).1);
    assert!(!read(&[std::slice::from_ref(&hello), &media[..]].concat()).1);
}

proptest! {
    /// Fragments in any order, with overlaps and repetitions, in any number of records and datagrams.
    #[test]
    fn fragments_in_any_order_give_the_messages(cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..12), order in any::<u64>(), together in 1usize..4) {
        let client = hello(b"", 1);
        let fragments = |kind: u8, n: u16, body: &[u8]| {
            let mut places: Vec<usize> = cuts.iter().map(|cut| cut.index(body.len().max(1))).collect();
            places.extend([0, body.len()]);
            places.sort_unstable();
            places.windows(2).map(|w| {
                let overlap = (w[1] + order as usize % 5).min(body.len());
                record(22, 0, &part(kind, n, body, w[0], overlap))
            }).collect::<Vec<_>>()
        };
        let mut shuffle = order;
        let mut mix = |mut records: Vec<Vec<u8>>| {
            for i in (1..records.len()).rev() {
                shuffle = shuffle.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                records.swap(i, (shuffle >> 33) as usize % (i + 1));
            }
            records
        };
        let first = mix(fragments(1, 0, &client));
        let mut datagrams: Vec<_> = first.chunks(together).map(|r| (CLIENT, r.concat())).collect();
        // The server's hello comes before its other messages; they may overtake each other.
        let flight = flight();
        let hello = mix(fragments(2, 0, &flight[0].1));
        let others = mix(flight[1..].iter().zip(1..).flat_map(|((kind, body), n)| fragments(*kind, n, body)).collect());
        datagrams.extend([hello, others].iter().flat_map(|r| r.chunks(together)).map(|r| (SERVER, r.concat())));
        let (facts, more) = read(&datagrams);
        prop_assert!(!more);
        prop_assert_eq!(count(&facts, |fact| matches!(fact, Fact::Named { name, .. } if name.exact() == "turn.example.org")), 1);
        prop_assert_eq!(count(&facts, |fact| matches!(fact, Fact::Chosen(choice) if choice.group == Some(23))), 1);
        prop_assert_eq!(count(&facts, |fact| matches!(fact, Fact::Certified(_))), 1);
    }

    #[test]
    fn damage_does_no_harm(flip in any::<prop::sample::Index>(), bit in 0u8..8, cut in any::<prop::sample::Index>(), noise in prop::collection::vec(any::<u8>(), 0..200)) {
        let mut hello = record(22, 0, &whole(1, 0, &hello(b"", 1)));
        let server: Vec<u8> = flight().iter().zip(0..).flat_map(|((kind, body), n)| record(22, 0, &whole(*kind, n, body))).collect();
        read(&[(CLIENT, hello[..cut.index(hello.len())].to_vec()), (SERVER, server[..cut.index(server.len())].to_vec())]);
        let at = flip.index(hello.len());
        hello[at] ^= 1 << bit;
        read(&[(CLIENT, hello.clone()), (SERVER, server), (CLIENT, noise.clone()), (SERVER, record(22, 0, &noise))]);
        let _ = (looks_like_dtls(&hello), looks_like_dtls(&noise));
    }
}
