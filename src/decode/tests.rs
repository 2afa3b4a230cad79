//! Every link layer and tunnel, whole, cut at every byte, and with random bytes in their place.

use super::build::*;
use super::link::READABLE;
use super::*;
use crate::wire::{End, FaultKind, Fragment, Layer, TcpFlags, Transport, TransportKind};
use proptest::prelude::*;

/// A way to wrap an IP packet: name, link type, the frame, and what is taken off.
struct Way {
    name: &'static str,
    link: LinkType,
    bytes: Vec<u8>,
    tunnel: Tunnel,
    six: bool,
}

/// All carry the same UDP payload between the same two ends, over IPv4 or IPv6.
const PAYLOAD: &[u8] = b"the innermost payload";

fn ways() -> Vec<Way> {
    use LinkType as L;
    let none = Tunnel::default();
    let four = ipv4(17, &udp(PAYLOAD));
    let six = ipv6(17, &udp(PAYLOAD));
    let mut ways = Vec::new();
    let mut add = |name, link, bytes, tunnel, six| ways.push(Way { name, link, bytes, tunnel, six });

    // Links.
    add("ethernet", L::ETHERNET, ethernet(0x0800, &four), none, false);
    add("ethernet, padded", L::ETHERNET, cat(&[&ethernet(0x0800, &four), &[0; 9]]), none, false);
    add("ethernet, ipv6", L::ETHERNET, ethernet(0x86dd, &six), none, true);
    add("vlan", L::ETHERNET, ethernet(0x8100, &cat(&[&[0, 5, 0x08, 0], &four])), none, false);
    add("qinq", L::ETHERNET, ethernet(0x88a8, &cat(&[&[0, 5, 0x81, 0, 0, 6, 0x86, 0xdd], &six])), none, true);
    add("old qinq", L::ETHERNET, ethernet(0x9100, &cat(&[&[0, 5, 0x81, 0, 0, 6, 0x08, 0], &four])), none, false);
    let snap = cat(&[&[0xaa, 0xaa, 3, 0, 0, 0, 8, 0], &four]);
    add("802.3", L::ETHERNET, cat(&[&MACS.1, &MACS.0, &be(snap.len()), &snap, &[0; 4]]), none, false);
    add("fddi", L::FDDI, cat(&[&[0x50], &MACS.1, &MACS.0, &snap]), none, false);
    add("raw", L::RAW, four.clone(), none, false);
    add("raw dlt", L::RAW_DLT, six.clone(), none, true);
    add("openbsd loop under the same number", L::RAW_DLT, cat(&[&[0, 0, 0, 24], &six]), none, true);
    add("raw dlt of openbsd", L::RAW_DLT_OPENBSD, four.clone(), none, false);
    add("ipv4", L::IPV4, four.clone(), none, false);
    add("ipv6", L::IPV6, six.clone(), none, true);
    add("null, little-endian", L::NULL, cat(&[&[2, 0, 0, 0], &four]), none, false);
    add("null, big-endian", L::NULL, cat(&[&[0, 0, 0, 30], &six]), none, true);
    add("null, freebsd", L::NULL, cat(&[&[28, 0, 0, 0], &six]), none, true);
    add("loop", L::LOOP, cat(&[&[0, 0, 0, 2], &four]), none, false);
    for hardware in [1_u16, 772, 65_534, 512, 519, 778] {
        let cooked = |protocol: u16| cat(&[&[0, 0], &be(hardware.into()), &[0; 10], &be(protocol.into())]);
        add("cooked", L::LINUX_SLL, cat(&[&cooked(0x0800), &four]), none, false);
        add("cooked without protocol", L::LINUX_SLL, cat(&[&cooked(0), &six]), none, true);
        let cooked2 = cat(&[&be(0x86dd), &[0; 6], &be(hardware.into()), &[0; 10]]);
        add("cooked 2", L::LINUX_SLL2, cat(&[&cooked2, &six]), none, true);
    }
    add("cooked llc", L::LINUX_SLL, cat(&[&[0, 0, 0, 1], &[0; 10], &[0, 4], &snap]), none, false);
    add("ppp", L::PPP, cat(&[&[0, 0x21], &four]), none, false);
    add("ppp, hdlc-like", L::PPP, cat(&[&[0xff, 3, 0, 0x57], &six]), none, true);
    add("ppp, compressed protocol", L::PPP_HDLC, cat(&[&[0xff, 3, 0x21], &four]), none, false);
    add("cisco hdlc as ppp", L::PPP_HDLC, cat(&[&[0x0f, 0, 8, 0], &four]), none, false);
    add("cisco hdlc", L::C_HDLC, cat(&[&[0x8f, 0, 0x86, 0xdd], &six]), none, true);
    add("ppp with direction", L::PPP_WITH_DIRECTION, cat(&[&[1, 0xff, 3, 0, 0x21], &four]), none, false);
    let session = cat(&[&[0x11, 0, 0, 7], &be(2 + four.len()), &[0, 0x21], &four]);
    add("pppoe", L::ETHERNET, cat(&[&ethernet(0x8864, &session), &[0; 3]]), Tunnel::PPPOE, false);
    add("pppoe link", L::PPP_ETHER, session, Tunnel::PPPOE, false);
    let pktap = |dlt: u8| cat(&[&[108, 0, 0, 0, 1, 0, 0, 0, dlt, 0, 0, 0], &[0; 96]]);
    add("pktap, ethernet", L::PKTAP, cat(&[&pktap(1), &ethernet(0x0800, &four)]), none, false);
    add("pktap, raw", L::PKTAP_DLT, cat(&[&pktap(12), &six]), none, true);
    add("pktap, loopback", L::PKTAP, cat(&[&pktap(0), &[30, 0, 0, 0], &six]), none, true);
    let wifi = cat(&[&[0x88, 0x01], &[0; 22], &[0, 0], &snap]);
    add("802.11", L::IEEE802_11, wifi.clone(), none, false);
    add("radiotap", L::IEEE802_11_RADIOTAP, cat(&[&[0, 0, 8, 0, 0, 0, 0, 0], &wifi]), none, false);
    let padded = cat(&[&[0x88, 0x01], &[0; 24], &[0, 0], &snap]);
    add("radiotap, padded", L::IEEE802_11_RADIOTAP, cat(&[&[0, 0, 9, 0, 2, 0, 0, 0, 0x20], &padded]), none, false);
    let four_addresses = cat(&[&[0x08, 0x03], &[0; 28], &snap]);
    add("802.11 between access points", L::IEEE802_11, four_addresses, none, false);
    let log_from_pc =
        cat(&[&[2, 0, 0, 0, 8, 0, 1, 0, 8, 0, 3, 0], &u16::to_le_bytes(4 + four.len() as u16), &[9, 0], &four]);
    add("nflog, little-endian", L::NFLOG, log_from_pc, none, false);
    let log_from_router = cat(&[&[10, 0, 0, 0, 0, 7, 0, 10, b'e', b't', 0, 0], &be(4 + six.len()), &[0, 9], &six]);
    add("nflog, big-endian", L::NFLOG, log_from_router, none, true);

    // Tunnels.
    let eth = |protocol, body: &[u8]| ethernet(0x0800, &outer(protocol, body));
    add("mpls", L::ETHERNET, ethernet(0x8847, &cat(&[&[0, 1, 0, 9, 0, 1, 1, 9], &four])), Tunnel::MPLS, false);
    let wire = cat(&[&[0, 1, 1, 9, 0, 0, 0, 0], &ethernet(0x0800, &four)]);
    add("mpls pseudowire", L::ETHERNET, ethernet(0x8847, &wire), Tunnel::MPLS, false);
    add("ip in ip", L::ETHERNET, eth(4, &four), Tunnel::IP_IN_IP, false);
    add("6in4", L::ETHERNET, eth(41, &six), Tunnel::IP_IN_IP, true);
    let out6 = |next, body: &[u8]| ethernet(0x86dd, &ipv6_between(B6, A6, next, body));
    add("4in6", L::ETHERNET, out6(4, &four), Tunnel::IP_IN_IP, false);
    add("6in6", L::ETHERNET, out6(41, &six), Tunnel::IP_IN_IP, true);
    add("gre", L::ETHERNET, eth(47, &cat(&[&[0, 0, 8, 0], &four])), Tunnel::GRE, false);
    let all_fields = cat(&[&[0xb0, 0, 0x86, 0xdd], &[0; 12], &six]);
    add("gre with checksum, key and sequence", L::ETHERNET, eth(47, &all_fields), Tunnel::GRE, true);
    let pptp = cat(&[&[0x30, 0x81, 0x88, 0x0b], &[0; 12], &[0xff, 3, 0, 0x21], &four]);
    add("pptp", L::ETHERNET, eth(47, &pptp), Tunnel::GRE, false);
    let bridged = cat(&[&[0x20, 0, 0x65, 0x58, 0, 0, 1, 0], &ethernet(0x0800, &four)]);
    add("nvgre", L::ETHERNET, eth(47, &bridged), Tunnel::GRE, false);
    let mirrored = cat(&[&[0x10, 0, 0x88, 0xbe], &[0; 12], &ethernet(0x0800, &four)]);
    add("erspan", L::ETHERNET, eth(47, &mirrored), Tunnel::GRE, false);
    let vxlan = cat(&[&[8, 0, 0, 0, 0, 0, 7, 0], &ethernet(0x0800, &four)]);
    add("vxlan", L::ETHERNET, eth(17, &udp_between(40_000, 4789, &vxlan)), Tunnel::VXLAN, false);
    let geneve = cat(&[&[2, 0x40, 0x65, 0x58, 0, 0, 7, 0], &[0; 8], &ethernet(0x0800, &four)]);
    add("geneve", L::ETHERNET, eth(17, &udp_between(40_000, 6081, &geneve)), Tunnel::GENEVE, false);
    let geneve = cat(&[&[0, 0, 0x86, 0xdd, 0, 0, 7, 0], &six]);
    add("geneve without ethernet", L::ETHERNET, eth(17, &udp_between(40_000, 6081, &geneve)), Tunnel::GENEVE, true);
    let l2tp = cat(&[&[0, 2, 0, 7, 0, 9, 0xff, 3, 0, 0x21], &four]);
    add("l2tp", L::ETHERNET, eth(17, &udp_between(1701, 40_000, &l2tp)), Tunnel::L2TP, false);
    let l2tp = cat(&[&[0x4a, 2], &be(20 + six.len()), &[0, 7, 0, 9, 0, 1, 0, 0, 0, 4, 0, 0, 0, 0, 0, 0x57], &six]);
    add("l2tp with all fields", L::ETHERNET, eth(17, &udp_between(1701, 1701, &l2tp)), Tunnel::L2TP, true);
    let gtp = cat(&[&[0x30, 0xff], &be(four.len()), &[0, 0, 0, 1], &four]);
    add("gtp-u", L::ETHERNET, eth(17, &udp_between(2152, 2152, &gtp)), Tunnel::GTP_U, false);
    let extended = cat(&[&[0x34, 0xff], &be(8 + six.len()), &[0, 0, 0, 1, 0, 0, 0, 0x85, 1, 0x10, 9, 0], &six]);
    add("gtp-u with extension", L::ETHERNET, eth(17, &udp_between(2152, 2152, &extended)), Tunnel::GTP_U, true);
    add("teredo", L::ETHERNET, eth(17, &udp_between(3544, 40_000, &six)), Tunnel::TEREDO, true);
    let indicated = cat(&[&[0, 1, 0, 0], &[0; 9], &[0; 8], &six]);
    add("teredo with indications", L::ETHERNET, eth(17, &udp_between(40_000, 3544, &indicated)), Tunnel::TEREDO, true);
    let deep = outer(47, &cat(&[&[0, 0, 0x88, 0x47, 0, 0, 1, 9], &outer(17, &udp_between(1, 4789, &vxlan))]));
    let all = Tunnel::GRE.with(Tunnel::MPLS).with(Tunnel::VXLAN);
    add("vxlan in mpls in gre", L::RAW, deep, all, false);

    // Extension headers.
    let udp = udp(PAYLOAD);
    let chain = cat(&[&[43, 0, 5, 2, 0, 0, 0, 0], &[60, 0, 0, 0, 0, 0, 0, 0], &[51, 0, 1, 4, 0, 0, 0, 0]]);
    let chain = cat(&[&chain, &[17, 2, 0, 0], &[0; 12], &udp]);
    add("ipv6 extension headers", L::RAW, ipv6(0, &chain), none, true);
    add("ipv6 atomic fragment", L::RAW, ipv6(44, &cat(&[&[17, 0, 0, 0, 0, 0, 0, 9], &udp])), none, true);
    add("ipv4 authentication header", L::RAW, ipv4(51, &cat(&[&[17, 2, 0, 0], &[0; 12], &udp])), none, false);
    let mapped = ipv6_between(A4.to_ipv6_mapped(), B4.to_ipv6_mapped(), 17, &udp);
    add("ipv4-mapped addresses", L::RAW, mapped, none, false);
    ways
}

fn ends(six: bool) -> (End, End) {
    let (a, b): (IpAddr, IpAddr) = if six { (A6.into(), B6.into()) } else { (A4.into(), B4.into()) };
    (End { address: a, port: SOURCE_PORT }, End { address: b, port: DESTINATION_PORT })
}

fn packet<'a>(decoder: &'a mut Decoder, frame: &Frame<'a>) -> Packet<'a> {
    match decoder.decode(frame) {
        Decoded::Packet(packet) => packet,
        other => panic!("no packet: {other:?}"),
    }
}

#[test]
fn every_way_leads_to_the_innermost_conversation() {
    for way in ways() {
        let mut decoder = Decoder::new();
        let packet = packet(&mut decoder, &frame(way.link, &way.bytes));
        assert_eq!((packet.source, packet.destination), ends(way.six), "{}", way.name);
        assert_eq!((packet.transport, packet.tunnel), (Transport::Udp, way.tunnel), "{}", way.name);
        assert_eq!((packet.payload, packet.payload_len), (PAYLOAD, PAYLOAD.len() as u32), "{}", way.name);
        assert_eq!((packet.cut, packet.fault, packet.fragment), (false, None, Fragment::Whole), "{}", way.name);
    }
}

#[test]
fn every_readable_link_type_is_tried_and_no_other_is_read() {
    let tried: Vec<LinkType> = ways().iter().map(|way| way.link).collect();
    for &link in READABLE {
        assert!(tried.contains(&link), "{link:?} is not tried");
    }
    for number in 0..400 {
        let unsupported = matches!(
            Decoder::new().decode(&frame(LinkType(number), &[0; 64])),
            Decoded::Fault(Fault { layer: Layer::Link, kind: FaultKind::Unsupported, .. })
        );
        assert_eq!(unsupported, !can_read(LinkType(number)), "{number}");
    }
}

/// A frame cut by the capture says so; one that was short on the wire does not blame the capture.
#[test]
fn every_prefix_is_read_as_far_as_it_goes() {
    for way in ways() {
        let whole = way.bytes.len();
        for kept in 0..whole {
            let prefix = &way.bytes[..kept];
            let mut decoder = Decoder::new();
            let cut = Frame { original_len: whole as u32, ..frame(way.link, prefix) };
            match decoder.decode(&cut) {
                Decoded::Packet(p) if p.tunnel == way.tunnel && (p.source, p.destination) == ends(way.six) => {
                    assert!(p.payload.len() <= PAYLOAD.len() && PAYLOAD.starts_with(p.payload), "{}", way.name);
                    assert_eq!(p.payload_len as usize, PAYLOAD.len(), "{} cut at {kept}", way.name);
                    assert_eq!(p.cut, p.payload.len() < PAYLOAD.len(), "{} cut at {kept}", way.name);
                }
                // The outer conversation of a UDP tunnel whose inside is cut.
                Decoded::Packet(p) => assert!(p.source.address == IpAddr::from(OUT_A), "{} cut at {kept}", way.name),
                Decoded::Fault(fault) => {
                    assert_eq!(fault.kind, FaultKind::Cut, "{} cut at {kept}: {fault:?}", way.name);
                }
                // Too little is left to know what it is.
                Decoded::Other(other) => {
                    assert!(matches!(other.kind, OtherKind::NotIp(_)), "{} cut at {kept}", way.name);
                }
            }
            match Decoder::new().decode(&frame(way.link, prefix)) {
                Decoded::Packet(p) => {
                    assert!(!p.cut && p.payload_len as usize == p.payload.len(), "{} short at {kept}", way.name);
                    assert!(p.payload.len() == PAYLOAD.len() || p.fault.is_some() || p.tunnel != way.tunnel);
                }
                Decoded::Fault(fault) => assert_ne!(fault.kind, FaultKind::Cut, "{} short at {kept}", way.name),
                Decoded::Other(_) => {}
            }
        }
    }
}

#[test]
fn tcp_gives_its_numbers_and_flags() {
    let bytes = ethernet(0x0800, &ipv4(6, &tcp(TcpFlags::SYN | TcpFlags::ACK, b"hello")));
    let mut decoder = Decoder::new();
    let packet = packet(&mut decoder, &frame(LinkType::ETHERNET, &bytes));
    let flags = TcpFlags(TcpFlags::SYN | TcpFlags::ACK);
    assert_eq!(packet.transport, Transport::Tcp { sequence: 7, acknowledgment: 9, flags });
    assert_eq!((packet.payload, packet.macs), (b"hello".as_slice(), Some(MACS)));
}

/// Captures with a short snap length keep the fixed part of a SYN's header and lose its options.
#[test]
fn a_tcp_header_cut_in_its_options_keeps_its_flags() {
    let bytes = ipv4(6, &tcp(TcpFlags::SYN, b""));
    let frame = Frame { original_len: bytes.len() as u32, ..frame(LinkType::RAW, &bytes[..44]) };
    let mut decoder = Decoder::new();
    let cut = packet(&mut decoder, &frame);
    assert!(matches!(cut.transport, Transport::Tcp { sequence: 7, flags: TcpFlags(TcpFlags::SYN), .. }));
    assert_eq!(cut.fault.map(|f| (f.layer, f.kind)), Some((Layer::Transport, FaultKind::Cut)));
    assert_eq!((cut.payload, cut.payload_len), (b"".as_slice(), 0));

    let mut decoder = Decoder::new();
    let ports = packet(&mut decoder, &Frame { bytes: &bytes[..26], ..frame });
    assert_eq!((ports.source, ports.destination), ends(false));
    assert_eq!((ports.transport, ports.cut), (Transport::Continued(TransportKind::Tcp), true));
}

/// Lengths in headers that are empty, too small or too large.
#[test]
fn lengths_that_contradict_the_frame_are_told() {
    let patched = |at: usize, value: [u8; 2]| {
        let mut bytes = ipv4(17, &udp(PAYLOAD));
        bytes[at..at + 2].copy_from_slice(&value);
        bytes
    };
    let cases: &[(&str, Vec<u8>, usize, Option<FaultKind>)] = &[
        ("no ip length: segmentation offload", patched(2, [0, 0]), PAYLOAD.len(), None),
        ("no udp length: segmentation offload", patched(24, [0, 0]), PAYLOAD.len(), None),
        ("ip length beyond the frame", patched(2, [9, 9]), PAYLOAD.len(), Some(FaultKind::Short)),
        ("udp length beyond the packet", patched(24, [9, 9]), PAYLOAD.len(), Some(FaultKind::Short)),
        ("udp length below its header", patched(24, [0, 7]), 0, Some(FaultKind::Malformed)),
        ("udp length shorter than the packet", patched(24, [0, 12]), 4, None),
    ];
    for (name, bytes, payload_len, fault) in cases {
        let mut decoder = Decoder::new();
        let packet = packet(&mut decoder, &frame(LinkType::RAW, bytes));
        assert_eq!((packet.payload.len(), packet.payload_len as usize), (*payload_len, *payload_len), "{name}");
        assert_eq!(packet.fault.map(|f| f.kind), *fault, "{name}");
    }
    let tiny = patched(2, [0, 19]);
    let kind = match Decoder::new().decode(&frame(LinkType::RAW, &tiny)) {
        Decoded::Fault(fault) => fault.kind,
        other => panic!("{other:?}"),
    };
    assert_eq!(kind, FaultKind::Malformed);
}

#[test]
fn frames_without_a_conversation_say_what_they_are() {
    let addresses = Some((IpAddr::from(A4), IpAddr::from(B4)));
    let quoted = cat(&[&[3, 1, 0, 0, 0, 0, 0, 0], &ipv4(17, &udp(b"quoted"))]);
    let cases = [
        ("arp", ethernet(0x0806, &[0; 28]), OtherKind::NotIp(0x0806), None),
        ("spanning tree", ethernet(38, &[0x42, 0x42, 3, 0, 0]), OtherKind::NotIp(0), None),
        ("macsec", ethernet(0x88e5, &[0; 20]), OtherKind::EncryptedLink, None),
        ("pppoe discovery", ethernet(0x8863, &[0x11, 9, 0, 0, 0, 0]), OtherKind::NotIp(0x8863), None),
        ("lcp", ethernet(0x8864, &[0x11, 0, 0, 1, 0, 2, 0xc0, 0x21]), OtherKind::NotIp(0xc021), None),
        ("icmp error", ethernet(0x0800, &ipv4(1, &quoted)), OtherKind::Icmp, addresses),
        ("icmpv6", ethernet(0x86dd, &ipv6(58, &[128, 0])), OtherKind::Icmp, Some((A6.into(), B6.into()))),
        ("esp", ethernet(0x0800, &ipv4(50, &[1; 20])), OtherKind::Encrypted(50), addresses),
        ("sctp", ethernet(0x0800, &ipv4(132, &[1; 20])), OtherKind::Protocol(132), addresses),
        ("gre keep-alive", ethernet(0x0800, &ipv4(47, &[0, 0, 0, 0])), OtherKind::NotIp(0), addresses),
    ];
    for (name, bytes, kind, addresses) in cases {
        match Decoder::new().decode(&frame(LinkType::ETHERNET, &bytes)) {
            Decoded::Other(other) => assert_eq!((other.kind, other.addresses), (kind, addresses), "{name}"),
            other => panic!("{name}: {other:?}"),
        }
    }
    let protected = cat(&[&[0x88, 0x41], &[0; 40]]);
    let mut decoder = Decoder::new();
    let other = decoder.decode(&frame(LinkType::IEEE802_11, &protected));
    assert!(matches!(other, Decoded::Other(Other { kind: OtherKind::EncryptedLink, .. })));
}

/// What uses a tunnel's port without being one, or carries nothing with ports, is a conversation of its own.
#[test]
fn a_port_alone_makes_no_tunnel() {
    let icmp = ipv4(1, &[8, 0, 0, 0]);
    let in_gtp = |body: &[u8]| cat(&[&[0x30, 0xff], &be(body.len()), &[0, 0, 0, 1], body]);
    let cases: &[(&str, u16, Vec<u8>)] = &[
        ("media on the gtp port", 2152, cat(&[&[0x80, 0x60], &[7; 60]])),
        ("gtp of the wrong length", 2152, cat(&[&[0x30, 0xff, 0, 99, 0, 0, 0, 1], &ipv4(17, &udp(b""))])),
        ("gtp echo request", 2152, vec![0x32, 1, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0]),
        ("ping in gtp", 2152, in_gtp(&icmp)),
        ("damaged packet in gtp", 2152, in_gtp(&[0x45, 0, 0])),
        ("media on the vxlan port", 4789, vec![0x90; 60]),
        ("arp in vxlan", 4789, cat(&[&[8, 0, 0, 0, 0, 0, 7, 0], &ethernet(0x0806, &[0; 28])])),
        ("stun on the teredo port", 3544, vec![0, 1, 0, 0, 0x21, 0x12, 0xa4, 0x42, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]),
        ("ipv6 too long for teredo", 3544, cat(&[&[0x60, 0, 0, 0, 9, 9, 17, 1], &[0; 60]])),
        ("nothing", 3544, vec![]),
        ("media on the geneve port", 6081, vec![0x80; 60]),
        ("arp in geneve", 6081, cat(&[&[0, 0, 0x08, 0x06, 0, 0, 0, 0], &[0; 28]])),
        ("l2tp control message", 1701, cat(&[&[0xc8, 2], &be(20), &[0; 16]])),
        ("l2tp of another length", 1701, cat(&[&[0x40, 2, 0, 9, 0, 7, 0, 9, 0, 0x21], &ipv4(17, &udp(PAYLOAD))])),
        ("link control in l2tp", 1701, vec![0, 2, 0, 7, 0, 9, 0xc0, 0x21, 1, 1, 0, 4]),
    ];
    for (name, port, payload) in cases {
        let bytes = outer(17, &udp_between(40_000, *port, payload));
        let mut decoder = Decoder::new();
        let packet = packet(&mut decoder, &frame(LinkType::RAW, &bytes));
        assert_eq!((packet.destination.port, packet.payload), (*port, payload.as_slice()), "{name}");
        assert_eq!(packet.tunnel, Tunnel::default(), "{name}");
        assert_eq!(packet.fault.is_some(), name.starts_with("damaged"), "{name}");
    }
}

#[test]
fn nesting_is_bounded() {
    let mut bytes = ipv4(17, &udp(PAYLOAD));
    for _ in 0..40 {
        bytes = outer(4, &bytes);
    }
    let labels = ethernet(0x8847, &[0; 400]);
    let tags = ethernet(0x8100, &[0x81, 0x00].repeat(200));
    for (link, bytes) in [(LinkType::RAW, bytes), (LinkType::ETHERNET, labels), (LinkType::ETHERNET, tags)] {
        let mut decoder = Decoder::new();
        let result = decoder.decode(&frame(link, &bytes));
        assert!(matches!(result, Decoded::Fault(Fault { kind: FaultKind::TooDeep, .. })), "{result:?}");
    }
}

fn any_link() -> impl Strategy<Value = LinkType> {
    proptest::sample::select(READABLE.to_vec())
}

/// What must hold for any frame: nothing is invented, and lengths agree.
fn sound(frame: &Frame<'_>, decoded: Decoded<'_>) {
    if let Decoded::Packet(p) = decoded {
        assert!(p.payload_len <= frame.original_len);
        if p.fragment == Fragment::Whole {
            assert!(p.payload.len() <= p.payload_len as usize);
            assert!(p.cut || p.payload.len() == p.payload_len as usize);
        }
        assert_eq!(p.source.address, crate::wire::canonical(p.source.address));
    }
}

proptest! {
    #[test]
    fn random_bytes_are_read_without_harm(
        link in any_link(),
        bytes in proptest::collection::vec(any::<u8>(), 0..200),
        more in 0_u32..200,
    ) {
        let frame = Frame { original_len: bytes.len() as u32 + more, ..frame(link, &bytes) };
        sound(&frame, Decoder::new().decode(&frame));
    }

    #[test]
    fn damaged_frames_are_read_without_harm(
        which in any::<prop::sample::Index>(),
        changes in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6),
    ) {
        let ways = ways();
        let way = which.get(&ways);
        let mut bytes = way.bytes.clone();
        for (at, value) in changes {
            let at = at.index(bytes.len());
            bytes[at] = value;
        }
        let frame = frame(way.link, &bytes);
        sound(&frame, Decoder::new().decode(&frame));
    }
}
