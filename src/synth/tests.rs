//! What is generated is held against parsers that this project did not write.

use super::call::{Call, call};
use super::hello::{ClientHello, ServerHello};
use super::media::{Stun, StunMessage};
use super::quic::Quic;
use super::{Random, dns, frames, hello};
use crate::wire::{End, Side, Timestamp};
use etherparse::{NetSlice, SlicedPacket, TransportSlice, defrag::IpDefragPool};
use std::collections::{HashMap, HashSet};
use std::net::IpAddr;

fn end(address: &str, port: u16) -> End {
    End { address: address.parse().unwrap(), port }
}

/// Whether etherparse finds every checksum and length of this IP packet right; gives the transport payload.
fn checked(packet: &[u8]) -> Vec<u8> {
    let sliced = SlicedPacket::from_ip(packet).unwrap();
    checked_slices(&sliced)
}

fn checked_slices(sliced: &SlicedPacket<'_>) -> Vec<u8> {
    let transport = sliced.transport.as_ref().unwrap();
    match sliced.net.as_ref().unwrap() {
        NetSlice::Ipv4(ip) => {
            let header = ip.header().to_header();
            assert_eq!(header.header_checksum, header.calc_header_checksum());
            match transport {
                TransportSlice::Udp(udp) => {
                    let (header, payload) = (udp.to_header(), udp.payload());
                    let sum = header.calc_checksum_ipv4_raw(ip.header().source(), ip.header().destination(), payload);
                    assert_eq!(sum.unwrap(), header.checksum);
                    payload.to_vec()
                }
                TransportSlice::Tcp(tcp) => {
                    assert_eq!(
                        tcp.calc_checksum_ipv4(ip.header().source(), ip.header().destination()).unwrap(),
                        tcp.checksum()
                    );
                    tcp.payload().to_vec()
                }
                other => panic!("{other:?}"),
            }
        }
        NetSlice::Ipv6(ip) => match transport {
            TransportSlice::Udp(udp) => {
                let (header, payload) = (udp.to_header(), udp.payload());
                assert_eq!(header.calc_checksum_ipv6(&ip.header().to_header(), payload).unwrap(), header.checksum);
                payload.to_vec()
            }
            TransportSlice::Tcp(tcp) => {
                assert_eq!(
                    tcp.calc_checksum_ipv6(ip.header().source(), ip.header().destination()).unwrap(),
                    tcp.checksum()
                );
                tcp.payload().to_vec()
            }
            other => panic!("{other:?}"),
        },
        NetSlice::Arp(arp) => panic!("{arp:?}"),
    }
}

#[test]
fn checksums_are_right_for_both_families_and_any_length() {
    let mut random = Random::new(1);
    for (a, b) in [("192.0.2.1", "198.51.100.2"), ("2001:db8::1", "2001:db8::2")] {
        let (a, b) = (end(a, 40_000), end(b, 443));
        for len in [0, 1, 2, 3, 500, 1_459] {
            let payload = random.bytes(len);
            assert_eq!(checked(&frames::udp(a, b, &payload)), payload);
            assert_eq!(checked(&frames::tcp(a, b, frames::Segment::default(), &payload)), payload);
        }
    }
}

#[test]
fn fragments_join_to_the_datagram() {
    let mut random = Random::new(2);
    for (a, b, mtu) in [("192.0.2.1", "198.51.100.2", 576), ("2001:db8::1", "2001:db8::2", 1280)] {
        let payload = random.bytes(4_001);
        let packet = frames::udp(end(a, 5_004), end(b, 5_004), &payload);
        let pieces = frames::fragments(&packet, mtu);
        assert!(pieces.len() > 3 && pieces.iter().all(|p| p.len() <= mtu));
        let mut pool = IpDefragPool::<(), ()>::new();
        let joined = pieces.iter().rev().find_map(|piece| {
            let sliced = SlicedPacket::from_ip(piece).unwrap();
            pool.process_sliced_packet(&sliced, (), ()).unwrap()
        });
        assert_eq!(&joined.unwrap().payload[8..], payload);
        assert_eq!(frames::fragments(&packet, 5_000), [packet]);
    }
}

#[test]
fn tunnels_and_tags_wrap_the_packet() {
    let inner = frames::udp(end("192.0.2.1", 1), end("192.0.2.2", 2), b"inside");
    let outer = frames::gtp_u("10.0.0.1".parse().unwrap(), "10.0.0.2".parse().unwrap(), 7, &inner);
    let gtp = checked(&outer);
    assert_eq!(gtp[..8], [0x30, 0xff, 0, inner.len() as u8, 0, 0, 0, 7]);
    assert_eq!(checked(&gtp[8..]), b"inside");
    let frame = frames::vlan(42, [2; 6], [4; 6], &inner);
    let sliced = SlicedPacket::from_ethernet(&frame).unwrap();
    assert_eq!(sliced.vlan_ids().iter().map(|id| id.value()).collect::<Vec<_>>(), [42]);
    assert_eq!(checked_slices(&sliced), b"inside");
}

#[test]
fn hellos_are_what_tls_parser_reads() {
    use tls_parser::{
        TlsExtension, TlsMessage, TlsMessageHandshake, parse_tls_client_hello_extensions, parse_tls_message_handshake,
    };
    let mut random = Random::new(3);
    for (hello, at_least) in [
        (ClientHello::default(), 90),
        (ClientHello::modern("a.example"), 200),
        (ClientHello { post_quantum: true, ..ClientHello::modern("a.example") }, 1_700),
        (ClientHello { ech: true, post_quantum: true, ..ClientHello::modern("a.example") }, 1_700),
        (ClientHello { quic: true, alpn: vec![b"h3"], ..ClientHello::modern("a.example") }, 200),
    ] {
        let message = hello.message(&mut random);
        assert!(message.len() > at_least, "{}", message.len());
        let (rest, parsed) = parse_tls_message_handshake(&message).unwrap();
        let TlsMessage::Handshake(TlsMessageHandshake::ClientHello(parsed)) = parsed else { panic!("{parsed:?}") };
        assert!(rest.is_empty());
        let (rest, extensions) = parse_tls_client_hello_extensions(parsed.ext.unwrap()).unwrap();
        assert!(rest.is_empty());
        let names: Vec<_> = extensions
            .iter()
            .filter_map(|e| if let TlsExtension::SNI(names) = e { Some(names[0].1.to_vec()) } else { None })
            .collect();
        assert_eq!(names.first(), hello.sni.as_ref());
        let ech = extensions.iter().any(|e| matches!(e, TlsExtension::Unknown(kind, _) if kind.0 == 0xfe0d));
        assert_eq!(ech, hello.ech);
    }
    for choice in [ServerHello::TLS13, ServerHello::TLS13_POST_QUANTUM, ServerHello::TLS12] {
        let message = choice.message(&mut random);
        let (rest, parsed) = parse_tls_message_handshake(&message).unwrap();
        let TlsMessage::Handshake(TlsMessageHandshake::ServerHello(parsed)) = parsed else { panic!("{parsed:?}") };
        assert!(rest.is_empty());
        assert_eq!(parsed.cipher.0, choice.cipher);
    }
}

#[test]
fn extensions_are_shuffled_and_records_split() {
    let mut random = Random::new(4);
    let order = |random: &mut Random| {
        let hello = ClientHello::modern("a.example").message(random);
        let at = hello.windows(9).position(|w| w == b"a.example").unwrap();
        (hello.len(), at)
    };
    let places: HashSet<_> = (0..20).map(|_| order(&mut random)).collect();
    assert!(places.len() > 5, "{places:?}");
    let records = hello::handshake_records(&[7; 1000], 300);
    assert_eq!(records.len(), 1000 + 4 * 5);
}

#[test]
fn dtls_hellos_are_what_tls_parser_reads() {
    let mut random = Random::new(5);
    let hello = ClientHello { srtp: vec![1, 7], ..ClientHello::default() };
    for (limit, count) in [(1_200, 1), (50, 3)] {
        let datagrams = hello::dtls_client_hello(&hello, limit, &mut random);
        assert_eq!(datagrams.len(), count);
        for datagram in &datagrams {
            let (rest, record) = tls_parser::parse_dtls_plaintext_record(datagram).unwrap();
            assert!(rest.is_empty());
            assert!(matches!(record.messages[..], [tls_parser::DTLSMessage::Handshake(_)]));
        }
    }
    let datagrams = hello::dtls_server_hello(&ServerHello { version: 0xfefd, ..ServerHello::TLS12 }, &mut random);
    assert!(tls_parser::parse_dtls_plaintext_record(&datagrams[0]).is_ok());
}

#[test]
fn certificates_are_what_x509_parser_reads() {
    use x509_parser::extensions::GeneralName;
    use x509_parser::prelude::{FromDer, X509Certificate};
    let der = hello::certificate(b"a.example", &[b"a.example", b"*.b.example"], &mut Random::new(6));
    let (rest, certificate) = X509Certificate::from_der(&der).unwrap();
    assert!(rest.is_empty());
    assert_eq!(certificate.subject().to_string(), "CN=a.example");
    assert_eq!(certificate.issuer(), certificate.subject());
    let names = certificate.subject_alternative_name().unwrap().unwrap();
    assert_eq!(names.value.general_names, [GeneralName::DNSName("a.example"), GeneralName::DNSName("*.b.example")]);
    let long = vec![b'a'; 255];
    let der = hello::certificate(&long, &[&long], &mut Random::new(7));
    assert!(X509Certificate::from_der(&der).is_ok_and(|(rest, _)| rest.is_empty()));
}

/// Opens with rustls what was sealed with ring; gives CRYPTO bytes in order of their offsets.
fn opened(version: rustls::quic::Version, datagrams: &[Vec<u8>], from: Side, dcid: &[u8]) -> Vec<u8> {
    use rustls::crypto::ring::cipher_suite::TLS13_AES_128_GCM_SHA256;
    let suite = TLS13_AES_128_GCM_SHA256.tls13().unwrap();
    let reader = if from == Side::First { rustls::Side::Server } else { rustls::Side::Client };
    let keys = rustls::quic::Keys::initial(version, suite, suite.quic.unwrap(), dcid, reader);
    let mut crypto: Vec<(usize, Vec<u8>)> = Vec::new();
    for datagram in datagrams {
        let mut packet = datagram.clone();
        let dcid_len = usize::from(packet[5]);
        let scid_len = usize::from(packet[6 + dcid_len]);
        let length_at = 6 + dcid_len + 1 + scid_len + 1;
        let length = usize::from(u16::from_be_bytes([packet[length_at] & 0x3f, packet[length_at + 1]]));
        let number_at = length_at + 2;
        packet.truncate(number_at + length);
        let sample = packet[number_at + 4..number_at + 20].to_vec();
        let mut first = packet[0];
        let mut number = packet[number_at..number_at + 4].to_vec();
        keys.remote.header.decrypt_in_place(&sample, &mut first, &mut number).unwrap();
        let number_len = usize::from(first & 3) + 1;
        let number = u64::from(number[..number_len].iter().fold(0u32, |n, b| n << 8 | u32::from(*b)));
        packet[0] = first;
        packet[number_at..number_at + number_len].copy_from_slice(&number.to_be_bytes()[8 - number_len..]);
        let (header, body) = packet.split_at_mut(number_at + number_len);
        let mut frames = keys.remote.packet.decrypt_in_place(number, header, body).unwrap();
        loop {
            match frames {
                [] => break,
                [0 | 1, rest @ ..] | [2, _, _, _, _, rest @ ..] => frames = rest,
                [6, a, b, c, d, rest @ ..] => {
                    let number = |high: u8, low: u8| usize::from(u16::from_be_bytes([high & 0x3f, low]));
                    let (bytes, rest) = rest.split_at(number(*c, *d));
                    crypto.push((number(*a, *b), bytes.to_vec()));
                    frames = rest;
                }
                other => panic!("{other:?}"),
            }
        }
    }
    crypto.sort();
    crypto.into_iter().flat_map(|(_, bytes)| bytes).collect()
}

#[test]
fn rustls_opens_what_quic_seals() {
    use rustls::quic::Version::{V1, V2};
    for (number, version, scattered) in [(1, V1, false), (1, V1, true), (0x6b33_43cf, V2, true)] {
        let mut random = Random::new(8);
        let hello = ClientHello { quic: true, post_quantum: true, ..ClientHello::modern("a.example") };
        let message = hello.message(&mut random);
        let mut quic = Quic::new(number, &mut random).unwrap();
        let datagrams = quic.client_hello(&message, scattered);
        assert_eq!(datagrams.len(), 2);
        assert!(datagrams.iter().all(|d| d.len() == 1200));
        let dcid = datagrams[0][6..14].to_vec();
        assert_eq!(opened(version, &datagrams, Side::First, &dcid), message);
        let answer = ServerHello::TLS13.message(&mut random);
        let datagram = quic.server_hello(&answer, &mut random);
        assert_eq!(opened(version, &[datagram], Side::Second, &dcid), answer);
    }
    assert!(Quic::new(0x1234_5678, &mut Random::new(9)).is_none());
}

#[test]
fn dns_messages_are_what_hickory_reads() {
    use hickory_proto::op::Message;
    let owner = b"a.example".to_vec();
    let records = [
        dns::Record { owner: owner.clone(), ttl: 60, data: dns::Data::Alias(b"b.example".to_vec()) },
        dns::Record { owner: b"b.example".to_vec(), ttl: 60, data: dns::Data::Address("192.0.2.1".parse().unwrap()) },
        dns::Record { owner: b"b.example".to_vec(), ttl: 60, data: dns::Data::Address("2001:db8::1".parse().unwrap()) },
        dns::Record {
            owner: b"b.example".to_vec(),
            ttl: 60,
            data: dns::Data::Https {
                hints: vec!["192.0.2.1".parse().unwrap(), "2001:db8::1".parse().unwrap()],
                ech: true,
            },
        },
        dns::Record { owner: owner.clone(), ttl: 60, data: dns::Data::Pointer(b"c.example".to_vec()) },
    ];
    let message = Message::from_vec(&dns::answer(7, &owner, dns::A, &records)).unwrap();
    assert_eq!(message.answers.len(), 5);
    assert_eq!(message.queries[0].name().to_string(), "a.example.");
    assert!(message.answers[3].to_string().contains("ech="), "{}", message.answers[3]);
    let multicast = Message::from_vec(&dns::multicast_answer(&records)).unwrap();
    assert_eq!(multicast.answers.len(), 5);
    let query = Message::from_vec(&dns::query(7, &owner, dns::HTTPS)).unwrap();
    assert_eq!(query.queries.len(), 1);
}

#[test]
fn stun_is_the_test_vector_of_the_specification() {
    // RFC 5769 §2.2: address 192.0.2.1:32853 under the XOR with cookie and transaction id.
    let transaction = *b"\xb7\xe7\xa7\x01\xbc\x34\xd6\x86\xfa\x87\xdf\xae";
    let datagram = StunMessage::new(Stun::BindingAnswer, transaction).mapped(end("192.0.2.1", 32_853)).datagram();
    let attribute = b"\x00\x20\x00\x08\x00\x01\xa1\x47\xe1\x12\xa6\x43";
    assert_eq!(datagram[20..32], *attribute);
    assert_eq!(usize::from(datagram[3]), datagram.len() - 20);
    // The same CRC-32 as zlib's.
    let crc = {
        let mut crc = flate2::Crc::new();
        crc.update(&datagram[..datagram.len() - 8]);
        crc.sum() ^ 0x5354_554e
    };
    assert_eq!(datagram[datagram.len() - 4..], crc.to_be_bytes());
}

fn digest(call: &Call) -> String {
    let mut context = ring::digest::Context::new(&ring::digest::SHA256);
    for (time, bytes) in call.frames() {
        context.update(&time.nanos().to_be_bytes());
        context.update(bytes);
    }
    data_encoding::HEXLOWER.encode(context.finish().as_ref())
}

#[test]
fn the_same_seed_gives_the_same_call_and_another_seed_another() {
    assert_eq!(digest(&call(1)), digest(&call(1)));
    assert_ne!(digest(&call(1)), digest(&call(2)));
}

#[test]
fn every_frame_of_the_call_is_sound() {
    let call = call(1);
    assert_eq!(call.frames().next().unwrap().0.day().to_string(), "2026-10-15");
    assert!(call.frames().len() < 25_000, "{}", call.frames().len());
    let mut last = Timestamp::ZERO;
    let mut segments: HashMap<_, Vec<(u32, u32)>> = HashMap::new();
    for (time, bytes) in call.frames() {
        assert!(time >= last && bytes.len() <= 1514);
        last = time;
        let sliced = SlicedPacket::from_ethernet(bytes).unwrap();
        let payload = checked_slices(&sliced);
        if let (Some(TransportSlice::Tcp(tcp)), Some(net)) = (&sliced.transport, &sliced.net) {
            let addresses: (IpAddr, IpAddr) = match net {
                NetSlice::Ipv4(ip) => (ip.header().source_addr().into(), ip.header().destination_addr().into()),
                NetSlice::Ipv6(ip) => (ip.header().source_addr().into(), ip.header().destination_addr().into()),
                NetSlice::Arp(arp) => panic!("{arp:?}"),
            };
            let numbers = payload.len() as u32 + u32::from(tcp.syn() || tcp.fin());
            let direction = (addresses, tcp.source_port(), tcp.destination_port());
            segments.entry(direction).or_default().push((tcp.sequence_number(), numbers));
        }
    }
    // Without the swapped pair, every segment starts where the one before ended.
    let holes = |list: &Vec<(u32, u32)>| list.windows(2).filter(|w| w[0].0.wrapping_add(w[0].1) != w[1].0).count();
    assert!(segments.len() > 20);
    assert_eq!(segments.values().map(holes).filter(|n| *n > 0).collect::<Vec<_>>(), [3]);
    assert!(last.since(call.frames().next().unwrap().0) < 95_000_000_000);
    assert!(call.markers.is_sorted_by_key(|(time, _)| *time));
    assert!(call.markers.iter().all(|(time, _)| *time <= last.plus_nanos(2_000_000_000)));
}
