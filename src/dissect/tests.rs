use super::*;
use crate::wire::Side;
use proptest::prelude::*;

#[test]
fn every_entry_says_what_it_is() {
    for (at, entry) in REGISTRY.iter().enumerate() {
        assert!(!entry.name.is_empty() && !entry.specification.is_empty(), "{}", entry.name);
        let again = REGISTRY[..at].iter().any(|e| (e.name, e.transport) == (entry.name, entry.transport));
        assert!(!again, "{} is listed twice", entry.name);
    }
}

/// What a flow of this transport makes of the parts, whatever dissector takes it.
fn read(transport: TransportKind, ports: (u16, u16), packets: &[(Side, Vec<u8>)]) {
    for entry in REGISTRY.iter().filter(|entry| entry.transport == transport) {
        let mut reader: Option<Box<dyn Dissector>> = None;
        let mut out = Facts::default();
        for (side, bytes) in packets {
            let (from_port, to_port) = if *side == Side::First { ports } else { (ports.1, ports.0) };
            let opening = Opening { bytes, side: *side, from_port, to_port };
            if reader.is_none() && (entry.probe)(&opening) == Probe::Yes {
                reader = Some((entry.make)(&opening));
            }
            let Some(reader) = &mut reader else { continue };
            let part = match transport {
                TransportKind::Udp => Part::Datagram(bytes),
                TransportKind::Tcp => Part::Bytes(bytes),
            };
            match reader.accept(*side, part, &mut out) {
                Step::More | Step::Control => {}
                Step::Upgrade { rest } => {
                    assert!(rest <= bytes.len(), "{}", entry.name);
                    break;
                }
                Step::Done | Step::GiveUp(_) => break,
            }
            assert!(reader.held() <= 1 << 20, "{} holds {} bytes", entry.name, reader.held());
        }
    }
}

/// Bytes that begin like some protocol and go on anyhow.
fn opening() -> impl Strategy<Value = Vec<u8>> {
    let starts: Vec<&'static [u8]> = vec![
        b"",
        b"\x16\x03\x01\x00\x40\x01\x00\x00\x3c\x03\x03",
        b"\x16\xfe\xfd\x00\x00\x00\x00\x00\x00\x00\x00\x00\x40\x01",
        b"\xc0\x00\x00\x00\x01\x08",
        b"\x12\x34\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00\x03www\x07example\x00\x00\x01\x00\x01",
        b"\x00\x01\x00\x00\x21\x12\xa4\x42transaction!",
        b"\x80\x6f\x00\x01\x00\x00\x00\x01\x00\x00\x00\x07",
        b"\x05\x00\x01\x00\xfe\x51\x30\x04\x0f\x01",
        b"GET / HTTP/1.1\r\nHost: a\r\n",
        b"INVITE sip:a@b SIP/2.0\r\n",
        b"220 mx ESMTP\r\n",
        b"<?xml version='1.0'?><stream:stream to='a'>",
        b"\x05\x01\x00",
        b"\x30\x0c\x02\x01\x01\x60",
        b"SSH-2.0-x",
    ];
    let rest = prop::collection::vec(any::<u8>(), 0..120);
    (prop::sample::select(starts), rest).prop_map(|(start, rest)| [start, &rest].concat())
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_dissector_panics_or_hoards(
        parts in prop::collection::vec((prop_oneof![Just(Side::First), Just(Side::Second)], opening()), 1..8),
        port in prop::sample::select(vec![25u16, 53, 80, 123, 443, 853, 1080, 3478, 4500, 5060, 5222, 5353, 6667, 8801]),
    ) {
        for transport in [TransportKind::Udp, TransportKind::Tcp] {
            read(transport, (50_000, port), &parts);
        }
    }
}
