use super::*;
use proptest::prelude::*;

fn recognised(signs: &'static [Sign], bytes: &[u8], from_port: u16, to_port: u16) -> Option<&'static str> {
    find(signs, &Opening { bytes, side: Side::First, from_port, to_port }).map(|sign| sign.token)
}

fn padded(start: &[u8], at: usize, magic: &[u8], len: usize) -> Vec<u8> {
    let mut bytes = start.to_vec();
    bytes.resize(at, 0);
    bytes.extend(magic);
    bytes.resize(len, 0);
    bytes
}

#[test]
fn datagrams_are_recognised() {
    let name = [&[32][..], &[b'A'; 32]].concat();
    for (token, bytes, port) in [
        ("ntp", padded(&[0x23], 1, &[], 48), 123),
        ("dhcp", padded(&[1, 1, 6], 236, &[0x63, 0x82, 0x53, 0x63], 300), 67),
        ("dhcpv6", vec![1, 2, 3, 4, 5], 547),
        ("ssdp", b"M-SEARCH * HTTP/1.1\r\nHOST: x\r\n".to_vec(), 1900),
        ("netbios", padded(&[9, 9, 1, 0x10], 12, &name, 50), 137),
        ("netbios", padded(&[0x11, 2], 8, &[0, 138], 200), 138),
        ("pcp", vec![0, 0], 5351),
        ("pcp", padded(&[2, 1], 24, &[], 60), 5351),
        ("ws-discovery", b"<?xml version".to_vec(), 3702),
        ("snmp", vec![0x30, 0x29, 2, 1, 1, 4, 6], 161),
        ("syslog", b"<34>1 2003".to_vec(), 514),
        ("dnscrypt", b"r6fnvWj8xxxxxxxxxxxx".to_vec(), 1),
        ("dnscrypt", padded(&[0xff; 8], 10, &[1; 18], 80), 1),
        ("tailscale", b"TS\xf0\x9f\x92\xacabc".to_vec(), 1),
        ("l2tp", vec![0xc8, 2, 0, 12, 0, 0, 0, 0, 0, 0, 0, 0], 1701),
        ("teredo", [&[0x60, 0, 0, 0, 0, 8, 58, 255][..], &[0xfe; 40]].concat(), 3544),
        (
            "teredo",
            [
                &[0, 1, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8, 0, 0, 0, 9, 9, 9, 9, 9, 9, 0x60, 0, 0, 0, 0, 0, 59, 21][..],
                &[0xfe; 32],
            ]
            .concat(),
            3544,
        ),
        ("teamspeak", b"TS3INIT1\x00\x65".to_vec(), 1),
        ("mumble", padded(&[], 4, &[1, 2, 3, 4, 5, 6, 7, 8], 12), 64738),
        ("telegram", padded(&[7; 16], 16, &[0xff; 12], 40), 529),
        ("bittorrent", b"d1:ad2:id20:aaaa".to_vec(), 1),
        ("dropbox-lan", b"{\"host_int\":1}".to_vec(), 17500),
        ("spotify-connect", b"SpotUdp0xyz".to_vec(), 57621),
    ] {
        let from_port = if token == "dhcpv6" { 546 } else { 50_000 };
        assert_eq!(recognised(&DATAGRAMS, &bytes, from_port, port), Some(token));
        for end in 0..bytes.len() {
            recognised(&DATAGRAMS, &bytes[..end], from_port, port);
        }
    }
}

#[test]
fn streams_are_recognised() {
    for (token, bytes, port) in [
        ("ssh", &b"SSH-2.0-OpenSSH_9.9\r\n"[..], 1),
        ("http2", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 80),
        ("rtsp", b"OPTIONS rtsp://a/b RTSP/1.0\r\n", 554),
        ("rtsp", b"RTSP/1.0 200 OK\r\n", 554),
        ("mqtt", b"\x10\x10\x00\x04MQTT\x04\x02", 1883),
        ("smb", b"\x00\x00\x00\x90\xfeSMB", 445),
        ("netbios", b"\x81\x00\x00\x44 CK", 139),
        ("vnc", b"RFB 003.008\n", 5900),
        ("citrix", b"\x7f\x7fICA\x00", 1494),
        ("pptp", b"\x00\x0c\x00\x01\x1a\x2b\x3c\x4d\x00\x01\x00\x00", 1723),
        ("dnscrypt", b"\x01\x00r6fnvWj8", 443),
        ("bittorrent", b"\x13BitTorrent protocol", 6881),
        ("rtmp", b"\x03\x00\x00\x00\x01\x00\x00\x00\x00\x07", 1935),
        ("whatsapp", b"WA\x06\x03\x00", 443),
    ] {
        assert_eq!(recognised(&STREAMS, bytes, 50_000, port), Some(token));
    }
    for (bytes, port) in [
        (&b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"[..], 443),
        (b"GET / HTTP/1.1\r\n", 80),
        (b"WANT", 443),
        (b"", 443),
    ] {
        assert_eq!(recognised(&STREAMS, bytes, 50_000, port), None);
    }
}

#[test]
fn each_tells_what_its_line_says() {
    let banner = [Fact::Speaks("ssh"), Fact::Software("SSH-2.0-x y".into())];
    for (bytes, expected) in [
        (&b"SSH-2.0-x y\r\nmore"[..], &banner[..]),
        (b"PRI * HTTP/2.0\r\n", &[Fact::Speaks("http2"), Fact::Clear("http2")]),
        (b"\x01\x00r6fnvWj8", &[Fact::Speaks("dnscrypt"), Fact::Hidden(Hidden::Dnscrypt)]),
        (b"RFB 003.008\n", &[Fact::Speaks("vnc")]),
    ] {
        let opening = Opening { bytes, side: Side::First, from_port: 1, to_port: 2 };
        assert_eq!((TCP.probe)(&opening), Probe::Yes);
        let (mut dissector, mut out) = ((TCP.make)(&opening), Facts::default());
        assert_eq!(dissector.accept(Side::First, Part::Bytes(bytes), &mut out), Step::Done);
        assert_eq!(out.0.into_iter().map(|(_, fact)| fact).collect::<Vec<_>>(), expected);
    }
    // A banner in pieces says the same.
    let opening = Opening { bytes: b"SSH-2.0-", side: Side::First, from_port: 1, to_port: 2 };
    let (mut dissector, mut out) = ((TCP.make)(&opening), Facts::default());
    for piece in [&b"SSH-2.0-"[..], b"x y\r", b"\n"] {
        dissector.accept(Side::First, Part::Bytes(piece), &mut out);
    }
    assert_eq!(out.0.into_iter().map(|(_, fact)| fact).collect::<Vec<_>>(), banner);
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn random_bytes_on_ordinary_ports_are_nothing(bytes in prop::collection::vec(any::<u8>(), 0..80)) {
        prop_assert_eq!(recognised(&DATAGRAMS, &bytes, 50_000, 443), None);
        prop_assert_eq!(recognised(&STREAMS, &bytes, 50_000, 8443), None);
    }
}
