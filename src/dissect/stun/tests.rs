use super::*;
use crate::dissect::rtc;
use proptest::prelude::*;

const ID: [u8; 12] = *b"transaction!";

fn message(kind: u16, attributes: &[(u16, &[u8])]) -> Vec<u8> {
    let mut body = Vec::new();
    for (kind, value) in attributes {
        body.extend(kind.to_be_bytes());
        body.extend((value.len() as u16).to_be_bytes());
        body.extend(*value);
        body.resize(body.len().next_multiple_of(4), 0);
    }
    let header = [&kind.to_be_bytes()[..], &(body.len() as u16).to_be_bytes(), &COOKIE.to_be_bytes(), &ID].concat();
    [header, body].concat()
}

fn end(text: &str) -> End {
    let socket: std::net::SocketAddr = text.parse().unwrap();
    End { address: socket.ip(), port: socket.port() }
}

fn told(bytes: &[u8]) -> Vec<Fact> {
    let mut out = Facts::default();
    let (message, len) = Message::read(bytes).unwrap();
    assert_eq!(len, bytes.len());
    message.tell(Side::Second, &mut out);
    out.0.into_iter().map(|(side, fact)| (side == Side::Second).then_some(fact).unwrap()).collect()
}

/// Sample responses of RFC 5769 §2.2 and §2.3.
#[test]
fn published_samples_read_as_published() {
    let v4 = b"\x01\x01\x00\x3c\x21\x12\xa4\x42\xb7\xe7\xa7\x01\xbc\x34\xd6\x86\xfa\x87\xdf\xae\x80\x22\x00\x0b\
        test vector \x00\x20\x00\x08\x00\x01\xa1\x47\xe1\x12\xa6\x43\x00\x08\x00\x14\x2b\x91\xf5\x99\xfd\x9e\x90\xc3\
        \x8c\x74\x89\xf9\x2a\xf9\xba\x53\xf0\x6b\xe7\xd7\x80\x28\x00\x04\xc0\x7d\x4c\x96";
    let v6 = b"\x01\x01\x00\x48\x21\x12\xa4\x42\xb7\xe7\xa7\x01\xbc\x34\xd6\x86\xfa\x87\xdf\xae\x80\x22\x00\x0b\
        test vector \x00\x20\x00\x14\x00\x02\xa1\x47\x01\x13\xa9\xfa\xa5\xd3\xf1\x79\xbc\x25\xf4\xb5\xbe\xd2\xb9\xd9\
        \x00\x08\x00\x14\xa3\x82\x95\x4e\x4b\xe6\x7b\xf1\x17\x84\xc9\x7c\x82\x92\xc2\x75\xbf\xe3\xed\x41\
        \x80\x28\x00\x04\xc8\xfb\x0b\x4c";
    let software = Fact::Software("test vector".into());
    assert_eq!(told(v4), [software.clone(), Fact::Mapped(end("192.0.2.1:32853"))]);
    assert_eq!(told(v6), [software, Fact::Mapped(end("[2001:db8:1234:5678:11:2233:4455:6677]:32853"))]);
}

#[test]
fn attributes_become_facts() {
    let masked = b"\x00\x01\x21\x12\xe1\x12\xa6\x43"; // 192.0.2.1:0, masked
    let plain = b"\x00\x01\x0d\x98\xc0\x00\x02\x07";
    let relay = end("192.0.2.7:3480");
    for (kind, value, fact) in [
        (0x0001, &plain[..], Fact::Mapped(relay)),
        (0x0020, masked, Fact::Mapped(end("192.0.2.1:0"))),
        (0x0016, masked, Fact::Relayed(end("192.0.2.1:0"))),
        (0x0012, masked, Fact::Peer(end("192.0.2.1:0"))),
        (0x0014, b"example.org", Fact::Realm("example.org".into())),
        (0x8022, b"relay 1.0\0", Fact::Software("relay 1.0".into())),
        (0x8023, plain, detail("stun-alternate-server", relay)),
    ] {
        assert_eq!(told(&message(0x0103, &[(kind, value)])), [fact], "{kind:04x}");
    }
    let long = [b'a'; MAX_TEXT + 1];
    for (kind, value) in
        [(0x0020, &b"\x00\x03\x00\x00\0\0\0\0"[..]), (0x0020, b"\x00\x01"), (0x8022, &long), (0x0014, b"")]
    {
        assert_eq!(told(&message(0x0103, &[(kind, value)])), []);
    }
}

#[test]
fn microsoft_relays_speak_a_dialect() {
    // Attributes are not padded; 0x0001 is the relay, 0x0011 and 0x0012 are peers in the clear, 0x0014 is the nonce.
    let mut bytes = b"\x01\x03\x00\x2d\x21\x12\xa4\x42transaction!\x00\x0f\x00\x04\x72\xc6\x4b\xc6".to_vec();
    bytes.extend(b"\x00\x14\x00\x01\xff\x00\x15\x00\x04test\x00\x01\x00\x08\x00\x01\x0d\x98\xc0\x00\x02\x07");
    bytes.extend(b"\x00\x12\x00\x08\x00\x01\x10\x00\xc6\x33\x64\x01");
    let peer = Fact::Peer(end("198.51.100.1:4096"));
    assert_eq!(told(&bytes), [Fact::Realm("test".into()), Fact::Relayed(end("192.0.2.7:3480")), peer]);
    assert!(Message::read(&bytes).unwrap().0.is_turn());
}

#[test]
fn methods_are_told_apart() {
    for (kind, method, turn) in
        [(0x0001, 1, false), (0x0101, 1, false), (0x0113, 3, true), (0x0016, 6, true), (0x0800, 0x200, false)]
    {
        let bytes = message(kind, &[]);
        let (message, _) = Message::read(&bytes).unwrap();
        assert_eq!((message.method(), message.is_turn()), (method, turn), "{kind:04x}");
    }
}

fn probe_udp(bytes: &[u8]) -> Probe {
    (rtc::STUN.probe)(&Opening { bytes, side: Side::First, from_port: 1, to_port: 2 })
}

#[test]
fn probes_take_nothing_else() {
    let binding = message(0x0001, &[]);
    let mut trailing = binding.clone();
    trailing.push(0);
    let classic = b"\x00\x01\x00\x08\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x0b\x87\xdf\xce\x00\x03\x00\x04\x00\x00\x00\x00";
    let mut unknown = classic.to_vec();
    unknown[20] = 0x77;
    let mut zeros = classic[..20].to_vec();
    zeros[3] = 0;
    for (bytes, expected) in [
        (&binding[..], Probe::Yes),
        (classic, Probe::Yes),
        (&trailing, Probe::No),
        (&unknown, Probe::No),
        (&zeros, Probe::No),
        (&binding[..19], Probe::No),
        (&[], Probe::No),
    ] {
        assert_eq!(probe_udp(bytes), expected);
    }
    let prefixed = [&(binding.len() as u16).to_be_bytes()[..], &binding].concat();
    for (bytes, expected) in [
        (&binding[..], Probe::Yes),
        (&prefixed, Probe::Yes),
        (&binding[..7], Probe::Maybe),
        (b"\x16\x03\x01", Probe::Maybe),
        (b"GET / HTTP/1.1\r\nHost: a\r\n\r\n", Probe::No),
    ] {
        let opening = Opening { bytes, side: Side::First, from_port: 1, to_port: 2 };
        assert_eq!(probe_tcp(&opening), expected);
    }
}

/// A stream of what TURN sends over TCP: messages, and a channel with padding.
fn conversation() -> Vec<u8> {
    let software = message(0x0103, &[(0x8022, b"relay"), (0x0016, b"\x00\x01\x21\x12\xe1\x12\xa6\x43")]);
    let rtcp = b"\x81\xc9\x00\x01\x00\x00\x00\x07";
    let data = message(0x0017, &[(0x0012, b"\x00\x01\x21\x12\xe1\x12\xa6\x43"), (0x0013, rtcp)]);
    let channel = b"\x40\x01\x00\x05\x80abcd\0\0\0";
    [message(0x0003, &[]), channel.to_vec(), software, channel.to_vec(), data].concat()
}

fn stream(parts: &[&[u8]]) -> Vec<(Side, Fact)> {
    let mut out = Facts::default();
    let whole = parts.concat();
    let mut reader = Stream::new(&whole);
    for part in parts {
        assert_eq!(reader.accept(Side::First, Part::Bytes(part), &mut out), Step::More);
    }
    assert_eq!(reader.held(), 0);
    out.0
}

#[test]
fn a_relayed_conversation_over_tcp_is_read() {
    let facts: Vec<Fact> = stream(&[&conversation()]).into_iter().map(|(_, fact)| fact).collect();
    let peer = end("192.0.2.1:0");
    let rtcp = Fact::Media(crate::dissect::fact::Media::Rtcp);
    let expected = [
        Fact::Speaks("stun"),
        Fact::Speaks("turn"),
        Fact::Software("relay".into()),
        Fact::Relayed(peer),
        Fact::Peer(peer),
        rtcp,
        Fact::Speaks("rtp"),
    ];
    assert_eq!(facts, expected);
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn same_facts_for_any_segmentation(cuts in prop::collection::vec(1usize..60, 1..40), prefixed: bool) {
        let bare = conversation();
        let bytes = if prefixed {
            let message = message(0x0101, &[(0x0020, b"\x00\x01\x21\x12\xe1\x12\xa6\x43")]);
            [&(message.len() as u16).to_be_bytes()[..], &message].concat().repeat(3)
        } else {
            bare
        };
        let (mut parts, mut rest) = (Vec::new(), &bytes[..]);
        for cut in cuts.iter().cycle() {
            let (now, later) = rest.split_at((*cut).min(rest.len()));
            parts.push(now);
            rest = later;
            if rest.is_empty() {
                break;
            }
        }
        prop_assert_eq!(stream(&parts), stream(&[&bytes]));
    }

    #[test]
    fn hostile_bytes_never_panic(flips in prop::collection::vec(any::<(u16, u8)>(), 0..6), end in any::<u16>()) {
        let mut bytes = conversation();
        for (at, bit) in flips {
            let at = usize::from(at) % bytes.len();
            bytes[at] ^= 1 << (bit % 8);
        }
        bytes.truncate(usize::from(end) % (bytes.len() + 1));
        let mut out = Facts::default();
        let mut reader = Stream::new(&bytes);
        reader.accept(Side::First, Part::Bytes(&bytes), &mut out);
        reader.accept(Side::First, Part::Gap(1), &mut out);
        probe_udp(&bytes);
        let opening = Opening { bytes: &bytes, side: Side::First, from_port: 1, to_port: 2 };
        (rtc::STUN.make)(&opening).accept(Side::First, Part::Datagram(&bytes), &mut out);
    }

    #[test]
    fn random_datagrams_are_no_stun(bytes in prop::collection::vec(any::<u8>(), 0..80)) {
        prop_assert_eq!(probe_udp(&bytes), Probe::No);
    }
}
