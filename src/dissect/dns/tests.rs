use super::*;
use crate::dissect::fact::{Answer, Hidden};
use crate::wire::Text;
use proptest::prelude::*;

const RESPONSE: u16 = 0x8180;
const QUERY: u16 = 0x0100;

/// A message with one question for `example.com` (at offset 12) and the given answers.
fn message(flags: u16, answers: &[&[u8]]) -> Vec<u8> {
    sections(flags, answers, &[])
}

fn sections(flags: u16, answers: &[&[u8]], additionals: &[&[u8]]) -> Vec<u8> {
    let mut bytes = vec![0x12, 0x34];
    for number in [flags, 1, answers.len() as u16, 0, additionals.len() as u16] {
        bytes.extend(number.to_be_bytes());
    }
    bytes.extend(b"\x07Example\x03com\x00\x00\x01\x00\x01");
    bytes.extend(answers.concat());
    bytes.extend(additionals.concat());
    bytes
}

/// A record of the question's name, by compression.
fn record(kind: u16, data: &[u8]) -> Vec<u8> {
    owned(b"\xc0\x0c", kind, data)
}

fn owned(owner: &[u8], kind: u16, data: &[u8]) -> Vec<u8> {
    let mut bytes = owner.to_vec();
    bytes.extend(kind.to_be_bytes());
    bytes.extend([0, 1, 0, 0, 0, 60]);
    bytes.extend((data.len() as u16).to_be_bytes());
    bytes.extend(data);
    bytes
}

fn datagram(bytes: &[u8]) -> Vec<(Side, Fact)> {
    let opening = Opening { bytes, side: Side::First, from_port: 50_000, to_port: 53 };
    let mut out = Facts::default();
    assert_eq!(make_udp(&opening).accept(Side::First, Part::Datagram(bytes), &mut out), Step::More);
    out.0
}

fn answers(bytes: &[u8]) -> Vec<Answer> {
    let told = |(_, fact)| if let Fact::Resolved(answer) = fact { Some(*answer) } else { None };
    datagram(bytes).into_iter().filter_map(told).collect()
}

fn data_of(kind: u16, data: &[u8]) -> Answer {
    answers(&message(RESPONSE, &[&record(kind, data)])).remove(0)
}

#[test]
fn a_query_tells_what_was_asked() {
    let asked = Fact::Asked { name: "example.com".into(), kind: "A".into() };
    assert_eq!(datagram(&message(QUERY, &[])), [(Side::First, Fact::Speaks("dns")), (Side::First, asked)]);
}

#[test]
fn record_data_reads_as_in_a_zone_file() {
    let https = b"\x00\x01\x00\x00\x01\x00\x06\x02h3\x02h2\x00\x03\x00\x02\x20\xfb\x00\x04\x00\x04\xc0\x00\x02\x01\
        \x00\x05\x00\x03abc";
    for (kind, data, name, text) in [
        (1, &b"\xc0\x00\x02\x07"[..], "A", "192.0.2.7"),
        (28, b"\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\x01", "AAAA", "2001:db8::1"),
        (5, b"\x03WWW\xc0\x0c", "CNAME", "www.example.com"),
        (12, b"\x00", "PTR", ""),
        (15, b"\x00\x0a\x02mx\xc0\x0c", "MX", "10 mx.example.com"),
        (33, b"\x00\x00\x00\x05\x13\xc4\xc0\x0c", "SRV", "0 5 5060 example.com"),
        (16, b"\x03a\"b\x01\x00", "TXT", "\"a\\\"b\" \"\\000\""),
        (257, b"\x00\x05issueexample.net", "CAA", "0 issue \"example.net\""),
        (65, https, "HTTPS", "1 . alpn=\"h3,h2\" port=8443 ipv4hint=192.0.2.1 ech=YWJj"),
        (64, b"\x00\x00\xc0\x0c", "SVCB", "0 example.com"),
        (4711, b"\x01\xff", "TYPE4711", "\\# 2 01ff"),
        // What does not read as its kind is kept in the generic form.
        (1, b"\x01\x02\x03", "A", "\\# 3 010203"),
        (1, b"", "A", "\\# 0"),
        (5, b"\xc0\x0c\x00", "CNAME", "\\# 3 c00c00"),
        (65, b"\x00\x01\x00\x00\x04\x00\x03\x01\x02\x03", "HTTPS", "\\# 10 00010000040003010203"),
    ] {
        let answer = data_of(kind, data);
        assert_eq!((&*answer.kind, answer.data.exact(), answer.ttl), (name, text, 60), "{name}");
    }
    assert_eq!(data_of(65, https).hints, [std::net::IpAddr::from([192, 0, 2, 1])]);
    assert_eq!(data_of(1, b"\x08\x08\x08\x08").address, Some([8, 8, 8, 8].into()));
    assert_eq!(data_of(28, b"\0\0\0\0\0\0\0\0\0\0\xff\xff\x08\x08\x08\x08").address, Some([8, 8, 8, 8].into()));
}

#[test]
fn names_cannot_pass_for_others() {
    for (owner, name) in [
        (&b"\x0bexample.com\x00"[..], "example\\.com"),
        (b"\x04a\\\x00\xff\x00", "a\\\\\\000\\255"),
        (b"\x06B\xc3\xbccher\x00", "b\u{fc}cher"),
        (b"\x05a b\xe2\x80\x00", "a b\\226\\128"),
        (b"\x00", ""),
    ] {
        let owner = owner.to_vec();
        let bytes = message(RESPONSE, &[&owned(&fix(owner), 1, &[1, 2, 3, 4])]);
        assert_eq!(answers(&bytes)[0].owner.exact(), name);
    }
}

/// Sets the first length byte to what follows, up to the closing zero.
fn fix(mut owner: Vec<u8>) -> Vec<u8> {
    if owner.len() > 1 {
        owner[0] = owner.len() as u8 - 2;
    }
    owner
}

#[test]
fn compression_may_lead_forward_but_not_in_circles() {
    // The owner points to the name inside the data that follows.
    let forward = owned(b"\xc0\x29", 5, b"\x02ns\xc0\x0c");
    let bytes = message(RESPONSE, &[&forward]);
    assert_eq!(answers(&bytes)[0].owner.exact(), "ns.example.com");
    for circle in [&b"\xc0\x1d"[..], b"\x01a\xc0\x1d", b"\xff\xff", b"\x80", b"\x40"] {
        assert_eq!(answers(&message(RESPONSE, &[&owned(circle, 1, &[1, 2, 3, 4])])), []);
    }
}

#[test]
fn what_stands_before_a_bad_record_counts() {
    let good = record(1, &[192, 0, 2, 1]);
    let bytes = message(RESPONSE, &[&good, &good, &good]);
    for (end, count) in [(bytes.len(), 3), (bytes.len() - 1, 2), (bytes.len() - 17, 1), (40, 0), (11, 0), (0, 0)] {
        assert_eq!(answers(&bytes[..end]).len(), count);
    }
}

#[test]
fn other_sections_tell_only_what_names_a_host() {
    let additionals =
        [owned(b"\0", 41, b""), record(1, &[1, 2, 3, 4]), record(16, b"\x01x"), record(250, b""), record(5, b"\0")];
    let additionals: Vec<&[u8]> = additionals.iter().map(Vec::as_slice).collect();
    let told = answers(&sections(RESPONSE, &[&record(16, b"\x01x")], &additionals));
    assert_eq!(told.iter().map(|a| &*a.kind).collect::<Vec<_>>(), ["TXT", "A", "CNAME"]);
}

#[test]
fn updates_and_known_answers_resolve_nothing() {
    let record = record(1, &[1, 2, 3, 4]);
    for (flags, facts) in [(0x0000, 2), (0x2800, 1), (0xa800, 1)] {
        assert_eq!(datagram(&message(flags, &[&record])).len(), facts, "{flags:04x}");
    }
}

#[test]
fn the_dnscrypt_certificate_is_noticed() {
    let mut bytes = message(QUERY, &[]);
    bytes.splice(12..25, *b"\x012\x0ddnscrypt-cert\x03abc\x00");
    assert!(datagram(&bytes).contains(&(Side::First, Fact::Hidden(Hidden::Dnscrypt))));
}

#[test]
fn ports_name_the_dialect() {
    let answer = record(1, &[1, 2, 3, 4]);
    for (port, flags, speaks, transport) in [
        (53, 0x8180, "dns", "udp"),
        (5353, 0x8400, "mdns", "mdns"),
        (5353, 0x8180, "dns", "udp"),
        (5355, 0x8000, "llmnr", "llmnr"),
    ] {
        let bytes = message(flags, &[&answer]);
        let opening = Opening { bytes: &bytes, side: Side::First, from_port: port, to_port: 50_000 };
        assert_eq!(probe_udp(&opening), Probe::Yes);
        let mut dissector = make_udp(&opening);
        assert_eq!(size_of_val(&*dissector), 0, "no memory per flow");
        let mut out = Facts::default();
        dissector.accept(Side::First, Part::Datagram(&bytes), &mut out);
        assert_eq!(out.0[0].1, Fact::Speaks(speaks));
        assert!(matches!(&out.0[1].1, Fact::Resolved(a) if a.transport == transport));
    }
}

#[test]
fn probes_are_strict_off_their_ports() {
    let good = message(RESPONSE, &[&record(1, &[1, 2, 3, 4])]);
    let mut trailing = good.clone();
    trailing.push(0);
    let wireguard = [1, 0, 0, 0, 7, 7, 7, 7, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9];
    let cut = &good[..good.len() - 1];
    for (port, bytes, expected) in [
        (53, &good[..], Probe::Yes),
        (53, cut, Probe::Yes),
        (53, &wireguard, Probe::Maybe),
        (9999, &good, Probe::Yes),
        (9999, &trailing, Probe::No),
        (9999, cut, Probe::No),
        (9999, &wireguard, Probe::No),
        (137, &good, Probe::No),
    ] {
        let opening = Opening { bytes, side: Side::First, from_port: 50_000, to_port: port };
        assert_eq!(probe_udp(&opening), expected, "{port}");
    }
    let framed = [&(good.len() as u16).to_be_bytes()[..], &good].concat();
    for (port, len, expected) in [
        (53, framed.len(), Probe::Yes),
        (53, 30, Probe::Yes),
        (53, 9, Probe::Maybe),
        (99, 30, Probe::Maybe),
        (99, 1, Probe::Maybe),
    ] {
        let opening = Opening { bytes: &framed[..len], side: Side::First, from_port: 50_000, to_port: port };
        assert_eq!(probe_tcp(&opening), expected, "{port} {len}");
    }
    let tls = Opening {
        bytes: b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        side: Side::First,
        from_port: 5,
        to_port: 443,
    };
    assert_eq!(probe_tcp(&tls), Probe::No);
}

fn framed(messages: &[Vec<u8>]) -> Vec<u8> {
    messages.iter().flat_map(|m| [&(m.len() as u16).to_be_bytes()[..], m].concat()).collect()
}

fn stream(parts: &[Part<'_>]) -> Vec<Fact> {
    let (mut reader, mut out) = (Stream::default(), Facts::default());
    for part in parts {
        assert_eq!(reader.accept(Side::Second, *part, &mut out), Step::More);
        assert!(reader.held() <= usize::from(u16::MAX) + 2);
    }
    out.0.into_iter().map(|(_, fact)| fact).collect()
}

fn numbered(n: u8) -> Vec<u8> {
    message(RESPONSE, &[&record(1, &[192, 0, 2, n])])
}

fn addresses(facts: &[Fact]) -> Vec<u8> {
    let last = |f: &Fact| match f {
        Fact::Resolved(a) => a.data.exact().rsplit('.').next()?.parse().ok(),
        _ => None,
    };
    facts.iter().filter_map(last).collect()
}

#[test]
fn gaps_cost_only_the_messages_they_touch() {
    let bytes = framed(&[numbered(1), numbered(2), numbered(3), numbered(4)]);
    let one = bytes.len() / 4;
    for (from, to, expected) in [
        (10, 20, vec![2, 3, 4]),
        (10, one, vec![2, 3, 4]),
        (one + 2, 2 * one, vec![1, 3, 4]),
        // It ends inside a later message: found again where a message begins with a segment.
        (10, one + 10, vec![3, 4]),
        (one, 2 * one, vec![1, 3, 4]),
    ] {
        let mut parts = vec![Part::Bytes(&bytes[..from]), Part::Gap((to - from) as u64)];
        let boundary = (to / one + 1) * one;
        if !to.is_multiple_of(one) {
            parts.push(Part::Bytes(&bytes[to..boundary]));
        }
        let next = if to.is_multiple_of(one) { to } else { boundary };
        parts.push(Part::Bytes(&bytes[next..]));
        assert_eq!(addresses(&stream(&parts)), expected, "{from}..{to}");
    }
}

fn any_message() -> impl Strategy<Value = Vec<u8>> {
    let kinds =
        prop_oneof![Just(1u16), Just(5), Just(6), Just(16), Just(28), Just(33), Just(64), Just(65), any::<u16>()];
    let records = prop::collection::vec((kinds, prop::collection::vec(any::<u8>(), 0..40)), 0..6);
    (any::<u16>(), records).prop_map(|(flags, records)| {
        let records: Vec<_> = records.iter().map(|(kind, data)| record(*kind, data)).collect();
        message(flags & 0x8fff, &records.iter().map(Vec::as_slice).collect::<Vec<_>>())
    })
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn hostile_bytes_never_panic(mut bytes in any_message(), flips in prop::collection::vec(any::<(u16, u8)>(), 0..4), end in any::<u16>()) {
        for (at, bit) in flips {
            let at = usize::from(at) % bytes.len();
            bytes[at] ^= 1 << (bit % 8);
        }
        bytes.truncate(usize::from(end) % (bytes.len() + 1));
        for port in [53, 5353, 99] {
            let opening = Opening { bytes: &bytes, side: Side::First, from_port: port, to_port: port };
            let _ = (probe_udp(&opening), probe_tcp(&opening));
        }
        datagram(&bytes);
        stream(&[Part::Bytes(&bytes), Part::Gap(3), Part::Bytes(&bytes), Part::End]);
    }

    #[test]
    fn random_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        datagram(&bytes);
        stream(&[Part::Bytes(&bytes)]);
    }

    #[test]
    fn same_facts_for_any_segmentation(messages in prop::collection::vec(any_message(), 1..4), cuts in prop::collection::vec(1usize..40, 1..50)) {
        let bytes = framed(&messages);
        let whole = stream(&[Part::Bytes(&bytes)]);
        let (mut parts, mut rest) = (Vec::new(), &bytes[..]);
        for cut in cuts.iter().cycle() {
            let (now, later) = rest.split_at((*cut).min(rest.len()));
            parts.push(Part::Bytes(now));
            rest = later;
            if rest.is_empty() {
                break;
            }
        }
        prop_assert_eq!(stream(&parts), whole);
    }
}

#[test]
fn text_of_hostile_names_is_neutral() {
    let bytes = message(RESPONSE, &[&owned(b"\x05\x1b[31m\x00", 1, &[1, 2, 3, 4])]);
    assert_eq!(answers(&bytes)[0].owner, Text::from("\\027[31m"));
}
