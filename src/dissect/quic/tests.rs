use super::keys::{T051, V1, V2, initial_keys};
use super::*;
use crate::dissect::fact::{Choice, Hidden};
use crate::dissect::tls::sample::*;
use data_encoding::HEXLOWER;
use proptest::prelude::*;
use ring::aead;

const CLIENT: Side = Side::First;
const SERVER: Side = Side::Second;
const DRAFT_29: u32 = 0xff00_001d;

fn hex(text: &str) -> Vec<u8> {
    HEXLOWER.decode(text.replace(char::is_whitespace, "").as_bytes()).unwrap()
}

fn varint(value: usize) -> [u8; 2] {
    (0x4000 | value as u16).to_be_bytes()
}

/// A CRYPTO frame.
fn crypto(offset: usize, data: &[u8]) -> Vec<u8> {
    [&[6][..], &varint(offset), &varint(data.len()), data].concat()
}

/// The plain header of an Initial up to its packet number of four bytes. `length`: of the payload.
fn header(version: u32, dcid: &[u8], scid: &[u8], token: &[u8], length: usize, number: u32) -> Vec<u8> {
    let first = if version == V2 { 0xd3 } else { 0xc3 };
    let cids = [vector(1, dcid), vector(1, scid), varint(token.len()).to_vec(), token.to_vec()].concat();
    [&[first][..], &version.to_be_bytes(), &cids, &varint(length + 20), &number.to_be_bytes()].concat()
}

/// Protects a packet (RFC 9001 §5.3, §5.4); the packet number ends the header.
fn seal(keys: &keys::InitialKeys, header: &[u8], frames: &[u8]) -> Vec<u8> {
    let pn_len = usize::from(header[0] & 3) + 1;
    let pn_at = header.len() - pn_len;
    let mut nonce = keys.iv;
    nonce[12 - pn_len..].iter_mut().zip(&header[pn_at..]).for_each(|(n, p)| *n ^= p);
    let key = aead::LessSafeKey::new(aead::UnboundKey::new(&aead::AES_128_GCM, &keys.key).unwrap());
    let mut body = frames.to_vec();
    key.seal_in_place_append_tag(aead::Nonce::assume_unique_for_key(nonce), aead::Aad::from(header), &mut body)
        .unwrap();
    let mut packet = [header, &body].concat();
    let sample = packet[pn_at + 4..pn_at + 20].to_vec();
    let mask = aead::quic::HeaderProtectionKey::new(&aead::quic::AES_128, &keys.hp).unwrap().new_mask(&sample).unwrap();
    packet[0] ^= mask[0] & 0x0f;
    packet[pn_at..pn_at + pn_len].iter_mut().zip(&mask[1..]).for_each(|(b, m)| *b ^= m);
    packet
}

/// One side's Initial; `original` is what the keys come from.
struct Initial<'a> {
    version: u32,
    original: &'a [u8],
    dcid: &'a [u8],
    scid: &'a [u8],
    token: &'a [u8],
}

impl Initial<'_> {
    fn with(&self, side: Side, frames: &[u8]) -> Vec<u8> {
        let mut frames = frames.to_vec();
        frames.resize(frames.len().max(200), 0);
        let header = header(self.version, self.dcid, self.scid, self.token, frames.len(), 7);
        seal(&initial_keys(self.version, self.original, side == CLIENT).unwrap(), &header, &frames)
    }
}

fn first(version: u32) -> Initial<'static> {
    Initial { version, original: b"original", dcid: b"original", scid: b"client", token: b"" }
}

fn answer(version: u32) -> Initial<'static> {
    Initial { version, original: b"original", dcid: b"client", scid: b"server", token: b"" }
}

fn hello(name: &[u8]) -> Vec<u8> {
    message(1, &browser_hello(name, 1))
}

fn server_hello_13() -> Vec<u8> {
    let extensions = [extension(43, &[3, 4]), extension(51, &[&[0, 29][..], &vector(2, &[5; 32])].concat())];
    message(2, &server_hello(0x0303, [9; 32], b"", 0x1301, &extensions))
}

fn read(datagrams: &[(Side, Vec<u8>)]) -> Vec<Fact> {
    let mut quic = Quic::new(false);
    let mut out = Facts::default();
    for (side, datagram) in datagrams {
        assert_eq!(quic.accept(*side, Part::Datagram(datagram), &mut out), Step::More);
        assert!(quic.held() <= 3 * crypto::MAX_CRYPTO);
    }
    out.0.into_iter().map(|(_, fact)| fact).collect()
}

fn names(facts: &[Fact]) -> Vec<&str> {
    facts
        .iter()
        .filter_map(|fact| if let Fact::Named { name, .. } = fact { Some(name.exact()) } else { None })
        .collect()
}

fn offers(facts: &[Fact]) -> Vec<&Offer> {
    facts.iter().filter_map(|fact| if let Fact::Offered(offer) = fact { Some(&**offer) } else { None }).collect()
}

fn choices(facts: &[Fact]) -> Vec<Choice> {
    facts.iter().filter_map(|fact| if let Fact::Chosen(choice) = fact { Some(*choice) } else { None }).collect()
}

/// RFC 9001 Appendix A.2 and A.3, RFC 9369 Appendix A.2 and A.3. Of the long client packets the beginning and the tag,
/// which depends on all that lies between.
#[test]
fn packets_are_those_of_the_specifications() {
    let crypto_frame = hex("060040f1010000ed0303ebf8fa56f12939b9584a3896472ec40bb863cfd3e868
        04fe3a47f06a2b69484c00000413011302010000c000000010000e00000b6578
        616d706c652e636f6dff01000100000a00080006001d00170018001000070005
        04616c706e000500050100000000003300260024001d00209370b2c9caa47fba
        baf4559fedba753de171fa71f50f1ce15d43e994ec74d748002b000302030400
        0d0010000e0403050306030203080408050806002d00020101001c0002400100
        3900320408ffffffffffffffff05048000ffff07048000ffff08011001048000
        75300901100f088394c8f03e51570806048000ffff");
    let mut frames = crypto_frame;
    frames.resize(1162, 0);
    for (version, plain, begin, tag, server) in [
        (
            V1,
            "c300000001088394c8f03e5157080000449e00000002",
            "c000000001088394c8f03e5157080000449e7b9aec34d1b1c98dd7689fb8ec11",
            "e221af44860018ab0856972e194cd934",
            "cf000000010008f067a5502a4262b5004075c0d95a482cd0991cd25b0aac406a
             5816b6394100f37a1c69797554780bb38cc5a99f5ede4cf73c3ec2493a1839b3
             dbcba3f6ea46c5b7684df3548e7ddeb9c3bf9c73cc3f3bded74b562bfb19fb84
             022f8ef4cdd93795d77d06edbb7aaf2f58891850abbdca3d20398c276456cbc4
             2158407dd074ee",
        ),
        (
            V2,
            "d36b3343cf088394c8f03e5157080000449e00000002",
            "d76b3343cf088394c8f03e5157080000449ea0c95e82ffe67b6abcdb4298b485",
            "a18b2faa745b6fe189cf772a9f84cbfc",
            "dc6b3343cf0008f067a5502a4262b5004075d92faaf16f05d8a4398c47089698
             baeea26b91eb761d9b89237bbf87263017915358230035f7fd3945d88965cf17
             f9af6e16886c61bfc703106fbaf3cb4cfa52382dd16a393e42757507698075b2
             c984c707f0a0812d8cd5a6881eaf21ceda98f4bd23f6fe1a3e2c43edd9ce7ca8
             4bed8521e2e140",
        ),
    ] {
        let keys = initial_keys(version, &hex("8394c8f03e515708"), true).unwrap();
        let client = seal(&keys, &hex(plain), &frames);
        assert!(client.starts_with(&hex(begin)) && client.ends_with(&hex(tag)) && client.len() == 1200);
        let facts = read(&[(CLIENT, client), (SERVER, hex(server))]);
        assert_eq!(names(&facts), ["example.com"]);
        assert_eq!(offers(&facts)[0].quic_version, Some(version));
        assert_eq!(offers(&facts)[0].alpn, [Text::from("alpn")]);
        let choice = Choice { version: 0x0304, cipher: 0x1301, group: Some(29), ..Choice::default() };
        assert_eq!(choices(&facts), [choice]);
    }
}

/// Another implementation seals, this one opens.
#[test]
fn packets_of_another_make_are_opened() {
    use rustls::quic::{Keys, Version};
    let suite = rustls::crypto::ring::cipher_suite::TLS13_AES_128_GCM_SHA256.tls13().unwrap();
    let quic_suite = suite.quic_suite().unwrap();
    for (number, version) in [(V1, Version::V1), (V2, Version::V2), (DRAFT_29, Version::V1Draft)] {
        for (side, rustls_side) in [(CLIENT, rustls::Side::Client), (SERVER, rustls::Side::Server)] {
            for length in [1, 8, 20] {
                let dcid = &[length as u8; 20][..length];
                let keys = Keys::initial(version, quic_suite.suite, quic_suite.quic, dcid, rustls_side);
                let frames = [crypto(0, &hello(b"meet.example.org")), vec![0; 100]].concat();
                let mut head = header(number, dcid, b"", b"token", frames.len(), 3);
                let pn_at = head.len() - 4;
                let mut body = frames.clone();
                let tag = keys.local.packet.encrypt_in_place(3, &head, &mut body).unwrap();
                body.extend_from_slice(tag.as_ref());
                let (begin, pn) = head.split_at_mut(pn_at);
                keys.local.header.encrypt_in_place(&body[..16], &mut begin[0], pn).unwrap();
                let packet = [head, body].concat();
                let opener = Opener::new(&initial_keys(number, dcid, side == CLIENT).unwrap()).unwrap();
                assert_eq!(opener.open(&packet, pn_at), Some(frames));
            }
        }
    }
}

#[test]
fn every_version_gives_a_name() {
    for version in
        [V1, V2, DRAFT_29, 0xff00_0016, 0xff00_0017, 0xff00_001c, 0xff00_0022, 0xface_b001, 0xface_b002, 0xface_b00e]
    {
        let facts = read(&[
            (CLIENT, first(version).with(CLIENT, &crypto(0, &hello(b"meet.example.org")))),
            (SERVER, answer(version).with(SERVER, &crypto(0, &server_hello_13()))),
        ]);
        assert_eq!((names(&facts), choices(&facts).len()), (vec!["meet.example.org"], 1), "{version:x}");
        assert!(offers(&facts)[0].ja4.starts_with("q13d0205h2_"));
        assert_eq!(facts[0], Fact::Speaks("quic"));
    }
}

#[test]
fn a_forced_negotiation_is_read_before_and_after() {
    let forced = 0x1a2a_3a4a;
    for scheme in [DRAFT_29, V1] {
        let frames = [crypto(0, &hello(b"meet.example.org")), vec![0; 50]].concat();
        let head = header(forced, b"original", b"client", b"", frames.len(), 0);
        let hello_1 = seal(&initial_keys(scheme, b"original", true).unwrap(), &head, &frames);
        assert_eq!(probe(&Opening { bytes: &hello_1, side: CLIENT, from_port: 1, to_port: 2 }), Probe::Yes);
        let negotiation =
            [&[0xc0, 0, 0, 0, 0, 6][..], b"client", &[8], b"original", &[0, 0, 0, 1, 0xfa, 0xca, 0x0a, 0x1a]];
        let facts = read(&[
            (CLIENT, hello_1),
            (SERVER, negotiation.concat()),
            (CLIENT, first(V1).with(CLIENT, &crypto(0, &hello(b"meet.example.org")))),
            (SERVER, answer(V1).with(SERVER, &crypto(0, &server_hello_13()))),
        ]);
        let versions: Vec<_> = offers(&facts).iter().filter_map(|offer| offer.quic_version).collect();
        assert_eq!((versions, choices(&facts).len()), (vec![forced, V1], 1));
        assert!(facts.contains(&Fact::Detail { key: "quic-versions", value: Text::from("0x00000001") }));
    }
    let noise = [&[0xc0][..], &forced.to_be_bytes(), &[8], b"original", &[0, 0, 0x40, 100], &[7; 100]].concat();
    assert_eq!(probe(&Opening { bytes: &noise, side: CLIENT, from_port: 1, to_port: 443 }), Probe::No);
}

#[test]
fn after_a_retry_new_keys_come_from_the_new_destination() {
    let retry = [&[0xf0, 0, 0, 0, 1, 6][..], b"client", &[5], b"retry", &[1; 40]].concat();
    let again = Initial { version: V1, original: b"retry", dcid: b"retry", scid: b"client", token: &[1; 24] };
    let server = Initial { version: V1, original: b"retry", dcid: b"client", scid: b"server", token: b"" };
    let facts = read(&[
        (CLIENT, first(V1).with(CLIENT, &crypto(0, &hello(b"meet.example.org")))),
        (SERVER, retry),
        (CLIENT, again.with(CLIENT, &crypto(0, &hello(b"meet.example.org")))),
        (SERVER, server.with(SERVER, &crypto(0, &server_hello_13()))),
    ]);
    assert_eq!((names(&facts).len(), offers(&facts).len(), choices(&facts).len()), (1, 1, 1));
}

#[test]
fn later_packets_keep_the_first_keys() {
    // The client goes over to the server's connection id in the middle of its hello.
    let hello = hello(b"meet.example.org");
    let (a, b) = hello.split_at(60);
    let moved = Initial { dcid: b"server", ..first(V1) };
    let datagrams = [
        (CLIENT, first(V1).with(CLIENT, &crypto(0, a))),
        (SERVER, answer(V1).with(SERVER, &[2, 0, 0, 0, 0])),
        (CLIENT, moved.with(CLIENT, &crypto(60, b))),
        (SERVER, answer(V1).with(SERVER, &crypto(0, &server_hello_13()))),
        (CLIENT, moved.with(CLIENT, &[2, 0, 0, 0, 0])),
    ];
    let facts = read(&datagrams);
    assert_eq!((names(&facts).len(), choices(&facts).len()), (1, 1));
    // The same without anything from the server.
    let one_sided: Vec<_> = datagrams.into_iter().filter(|(side, _)| *side == CLIENT).collect();
    assert_eq!(names(&read(&one_sided)), ["meet.example.org"]);
}

#[test]
fn a_server_may_answer_in_another_version() {
    let facts = read(&[
        (CLIENT, first(V1).with(CLIENT, &crypto(0, &hello(b"meet.example.org")))),
        (SERVER, answer(V2).with(SERVER, &crypto(0, &server_hello_13()))),
    ]);
    assert_eq!(choices(&facts).len(), 1);
}

#[test]
fn another_connection_on_the_same_ports_is_read_too() {
    let other = Initial { version: V1, original: b"another!", dcid: b"another!", scid: b"c2", token: b"" };
    let other_answer = Initial { version: V1, original: b"another!", dcid: b"c2", scid: b"s2", token: b"" };
    let facts = read(&[
        (CLIENT, first(V1).with(CLIENT, &crypto(0, &hello(b"one.example")))),
        (SERVER, answer(V1).with(SERVER, &crypto(0, &server_hello_13()))),
        (CLIENT, other.with(CLIENT, &crypto(0, &message(1, &browser_hello(b"two.example", 2))))),
        (SERVER, other_answer.with(SERVER, &crypto(0, &server_hello_13()))),
    ]);
    assert_eq!((names(&facts), choices(&facts).len()), (vec!["one.example", "two.example"], 2));
}

#[test]
fn coalesced_packets_are_all_read() {
    let sealed = |kind: u8, dcid: &[u8]| {
        [&[0xc0 | kind << 4, 0, 0, 0, 1][..], &vector(1, dcid), &vector(1, b"x"), &varint(50), &[5; 50]].concat()
    };
    let client = [
        sealed(1, b"original"),
        first(V1).with(CLIENT, &crypto(0, &hello(b"meet.example.org"))),
        sealed(1, b"original"),
        vec![0; 30],
    ];
    let server = [answer(V1).with(SERVER, &crypto(0, &server_hello_13())), sealed(2, b"client"), vec![0x41; 30]];
    let facts = read(&[(CLIENT, client.concat()), (SERVER, server.concat())]);
    assert_eq!((names(&facts).len(), choices(&facts).len()), (1, 1));
}

#[test]
fn a_greased_fixed_bit_does_no_harm() {
    let hello = crypto(0, &hello(b"meet.example.org"));
    let frames = [hello, vec![0; 50]].concat();
    let mut head = header(V1, b"original", b"", b"", frames.len(), 0);
    head[0] &= !0x40;
    let packet = seal(&initial_keys(V1, b"original", true).unwrap(), &head, &frames);
    assert_eq!(names(&read(&[(CLIENT, packet)])), ["meet.example.org"]);
}

#[test]
fn a_retry_of_tls_leads_to_the_final_choice() {
    let retry_random = hex("cf21ad74e59a6111be1d8c021e65b891c2a211167abb8c5e079e09e2c8a8339c");
    let extensions = [extension(43, &[3, 4]), extension(51, &[0, 24])];
    let retry = message(2, &server_hello(0x0303, retry_random.try_into().unwrap(), b"", 0x1302, &extensions));
    let facts = read(&[
        (CLIENT, first(V1).with(CLIENT, &crypto(0, &hello(b"meet.example.org")))),
        (SERVER, answer(V1).with(SERVER, &crypto(0, &retry))),
        (CLIENT, first(V1).with(CLIENT, &crypto(400, &hello(b"meet.example.org")))),
        (SERVER, answer(V1).with(SERVER, &crypto(retry.len(), &server_hello_13()))),
    ]);
    assert_eq!(choices(&facts).iter().map(|choice| choice.retry).collect::<Vec<_>>(), [true, false]);
}

#[test]
fn dns_over_quic_is_told() {
    for (port, name, expected) in [(true, &b"h3"[..], true), (false, b"doq-i02", true), (false, b"h3", false)] {
        let body = client_hello(0x0303, 1, b"", None, &[alpn(&[name])]);
        let mut out = Facts::default();
        let datagram = first(V1).with(CLIENT, &crypto(0, &message(1, &body)));
        Quic::new(port).accept(CLIENT, Part::Datagram(&datagram), &mut out);
        assert_eq!(out.0.contains(&(CLIENT, Fact::Hidden(Hidden::Doq))), expected);
    }
}

#[test]
fn google_versions_with_tls_have_frames_of_their_own() {
    let hello = hello(b"meet.example.org");
    let frame = |data: &[u8]| [&[8][..], &varint(0), &varint(data.len()), data].concat();
    // 01n-llmm: two-byte numbers, one further block, one timestamp.
    let ack = [0x65, 0, 9, 0, 0, 1, 0, 2, 1, 0, 3, 1, 0, 0, 0, 0, 0];
    let facts = read(&[
        (CLIENT, first(T051).with(CLIENT, &frame(&hello))),
        (SERVER, answer(T051).with(SERVER, &[&ack[..], &[0, 7], &frame(&server_hello_13())].concat())),
    ]);
    assert_eq!((names(&facts).len(), choices(&facts).len()), (1, 1));
}

/// A `CHLO` with a name and a user agent.
fn chlo() -> Vec<u8> {
    let table =
        [&b"CHLO"[..], &[3, 0, 0, 0], b"PAD\0", &[4, 0, 0, 0], b"SNI\0", &[20, 0, 0, 0], b"UAID", &[25, 0, 0, 0]];
    [&table.concat()[..], b"----", b"Meet.Example.ORG", b"Agent"].concat()
}

#[test]
fn a_google_hello_is_read_if_its_hash_is_right() {
    // The published value for "a" is d228cb696f1a8caf78912b704e4a8964.
    assert_eq!(gquic::fnv(b"", b"a", 1)[..], hex("64894a4e702b9178af8c1a6f"));
    let classic = |version: &[u8]| [&[0x09][..], b"connect!", version, &[1]].concat();
    let q046 = [&[0xc3][..], b"Q046", &[0x50], b"connect!", &[0, 0, 0, 1]].concat();
    for (version, head, flags) in
        [(25, classic(b"Q025"), &[0][..]), (39, classic(b"Q039"), b""), (43, classic(b"Q043"), b""), (46, q046, b"")]
    {
        let plain = [flags, &[0xa0, 1, 0, 0], &chlo()].concat();
        let datagram = [&head[..], &gquic::fnv(&head, &plain, version), &plain].concat();
        let opening = Opening { bytes: &datagram, side: CLIENT, from_port: 1, to_port: 2 };
        assert_eq!(probe(&opening), Probe::Yes);
        let facts = read(&[(CLIENT, datagram.clone())]);
        assert_eq!((&facts[0], names(&facts)), (&Fact::Speaks("gquic"), vec!["meet.example.org"]));
        assert!(facts.contains(&Fact::Software(Text::from("Agent"))));
        let mut damaged = datagram;
        *damaged.last_mut().unwrap() ^= 1;
        assert_eq!(names(&read(&[(CLIENT, damaged)])), [""; 0]);
    }
    let frame = [&[8][..], &varint(0), &varint(chlo().len()), &chlo()].concat();
    let facts = read(&[(CLIENT, first(keys::Q050).with(CLIENT, &frame))]);
    assert_eq!((&facts[0], names(&facts)), (&Fact::Speaks("gquic"), vec!["meet.example.org"]));
}

#[test]
fn waiting_has_an_end() {
    let hello = first(V1).with(CLIENT, &crypto(0, &hello(b"meet.example.org")));
    for (begin, done) in [(hello, true), (vec![0xc0, 0, 0, 0, 1, 8], false)] {
        let mut quic = Quic::new(false);
        let mut out = Facts::default();
        quic.accept(CLIENT, Part::Datagram(&begin), &mut out);
        let steps: Vec<_> = (0..PATIENCE).map(|_| quic.accept(CLIENT, Part::Datagram(&[0x41; 50]), &mut out)).collect();
        assert_eq!(steps[usize::from(PATIENCE) - 3], Step::More);
        assert_eq!(matches!(steps[usize::from(PATIENCE) - 1], Step::Done), done);
    }
}

#[test]
fn without_the_client_it_is_quic_and_no_more() {
    let server = answer(V1).with(SERVER, &crypto(0, &server_hello_13()));
    let facts = read(&[(CLIENT, server.clone()), (CLIENT, server)]);
    assert_eq!(facts[0], Fact::Speaks("quic"));
    assert_eq!((facts.len(), choices(&facts).len()), (2, 0));
}

proptest! {
    /// However the hello is cut into frames and packets, in any order and with repetitions.
    #[test]
    fn pieces_in_any_order_give_the_hello(cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..30), order in any::<u64>(), per_packet in 1usize..6) {
        let hello = hello(b"meet.example.org");
        let mut places: Vec<usize> = cuts.iter().map(|cut| cut.index(hello.len())).collect();
        places.extend([0, hello.len()]);
        places.sort_unstable();
        let mut frames: Vec<Vec<u8>> = places.windows(2).map(|w| {
            let overlap = w[1].saturating_add(order as usize % 7).min(hello.len());
            crypto(w[0], &hello[w[0]..overlap])
        }).collect();
        let mut state = order;
        for i in (1..frames.len()).rev() {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            frames.swap(i, (state >> 33) as usize % (i + 1));
        }
        let datagrams: Vec<_> = frames.chunks(per_packet).map(|f| (CLIENT, first(V1).with(CLIENT, &[&[1][..], &f.concat()].concat()))).collect();
        let facts = read(&datagrams);
        prop_assert_eq!(names(&facts), ["meet.example.org"]);
        let whole = read(&[(CLIENT, first(V1).with(CLIENT, &crypto(0, &hello)))]);
        prop_assert_eq!(offers(&facts), offers(&whole));
    }

    #[test]
    fn damage_never_gives_another_name(cut in any::<prop::sample::Index>(), flip in any::<prop::sample::Index>(), bit in 0u8..8) {
        let mut packet = first(V1).with(CLIENT, &crypto(0, &hello(b"meet.example.org")));
        prop_assert_eq!(read(&[(CLIENT, packet[..cut.index(packet.len())].to_vec())]), []);
        let at = flip.index(packet.len());
        packet[at] ^= 1 << bit;
        prop_assert_eq!(names(&read(&[(CLIENT, packet)])).len(), 0);
    }

    #[test]
    fn random_bytes_give_nothing(version in prop::sample::select(vec![V1, V2, DRAFT_29, T051, keys::Q050, 0, 0x1a2a_3a4a, 0x5130_3433]), first in any::<u8>(), bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        let long = [&[first | 0x80][..], &version.to_be_bytes(), &bytes].concat();
        let public = [&[first], &bytes[..bytes.len().min(8)], &version.to_be_bytes(), &bytes].concat();
        for datagram in [bytes, long, public] {
            let _ = probe(&Opening { bytes: &datagram, side: CLIENT, from_port: 1, to_port: 443 });
            let facts = read(&[(CLIENT, datagram.clone()), (SERVER, datagram.clone()), (CLIENT, datagram)]);
            prop_assert!(names(&facts).is_empty() && offers(&facts).is_empty());
        }
    }

    #[test]
    fn random_frames_do_no_harm(frames in prop::collection::vec(any::<u8>(), 0..300), version in prop::sample::select(vec![V1, T051, keys::Q050])) {
        read(&[(CLIENT, first(version).with(CLIENT, &frames))]);
        let _ = gquic::tags(0, &[b"CHLO", &frames[..]].concat());
    }
}
