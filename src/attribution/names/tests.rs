//! Who asked for what, and when: one case per rule, and the bounds.

use super::*;
use crate::wire::Text;

const CLIENT: &str = "192.168.1.5";

fn ip(text: &str) -> IpAddr {
    text.parse().unwrap()
}

fn record(query: &str, owner: &str, kind: &str, data: &str) -> Answer {
    Answer {
        transport: "udp",
        query: Text::from(query),
        owner: Text::from(owner),
        kind: kind.to_owned().into(),
        data: Text::from(data),
        address: data.parse().ok().filter(|_| matches!(kind, "A" | "AAAA")),
        hints: Vec::new(),
        ttl: 60,
    }
}

fn address(query: &str, data: &str) -> Answer {
    record(query, query, "A", data)
}

#[derive(Default)]
struct Case(NameBook);

impl Case {
    fn at(&mut self, client: &str, second: u64, frame: u64, answer: &Answer) {
        self.0.learn(ip(client), answer, Timestamp::from_secs(second), FrameNo(frame));
    }

    /// Names for the test client as `name age frame`.
    fn names(&self, server: &str, second: u64) -> Vec<String> {
        self.names_of(CLIENT, server, second)
    }

    fn names_of(&self, client: &str, server: &str, second: u64) -> Vec<String> {
        let found = self.0.name_for(ip(client), ip(server), Timestamp::from_secs(second));
        found.iter().map(|n| format!("{} {} {}", n.name, n.age_secs, n.frame)).collect()
    }
}

#[test]
fn the_latest_answer_before_the_flow_counts_and_competitors_stay() {
    let mut case = Case::default();
    case.at(CLIENT, 10, 1, &address("a.example", "198.51.100.1"));
    case.at(CLIENT, 20, 2, &address("b.example", "198.51.100.1"));
    case.at(CLIENT, 30, 3, &address("a.example", "198.51.100.1"));
    case.at(CLIENT, 40, 4, &address("c.example", "198.51.100.1"));
    assert_eq!(case.names("198.51.100.1", 35), ["a.example 5 3", "b.example 15 2"]);
    assert_eq!(case.names("198.51.100.1", 25), ["b.example 5 2", "a.example 15 1"]);
    assert_eq!(case.names("198.51.100.1", 10), ["a.example 0 1"]);
    assert_eq!(case.names("198.51.100.1", 40).len(), 3);
    assert!(case.names("198.51.100.1", 9).is_empty(), "an answer after the start of the flow explains nothing");
    assert!(case.names("198.51.100.2", 99).is_empty());
}

#[test]
fn another_clients_answer_is_not_used() {
    let mut case = Case::default();
    case.at("192.168.1.9", 10, 1, &address("theirs.example", "198.51.100.1"));
    assert!(case.names("198.51.100.1", 20).is_empty());
    let anyone = case.0.name_from_anyone(ip("198.51.100.1"), Timestamp::from_secs(20));
    assert_eq!(anyone.iter().map(|n| n.name).collect::<Vec<_>>(), ["theirs.example"]);
    assert!(case.0.name_from_anyone(ip("198.51.100.1"), Timestamp::from_secs(5)).is_empty());
}

#[test]
fn many_clients_of_one_address_keep_their_own_names() {
    let mut case = Case::default();
    for round in 0..3 {
        for n in 0..200 {
            let name = format!("c{n}r{round}.example");
            case.at(&format!("10.0.0.{n}"), round * 1000 + n, n, &address(&name, "198.51.100.1"));
        }
    }
    for n in [0, 1, 99, 199] {
        let names = case.names_of(&format!("10.0.0.{n}"), "198.51.100.1", 2999);
        assert_eq!(
            names.iter().map(|t| t.split(' ').next().unwrap()).collect::<Vec<_>>(),
            [format!("c{n}r2.example"), format!("c{n}r1.example"), format!("c{n}r0.example")]
        );
    }
    let anyone = case.0.name_from_anyone(ip("198.51.100.1"), Timestamp::from_secs(1_100));
    assert_eq!(anyone.iter().map(|n| n.name).collect::<Vec<_>>(), ["c100r1.example", "c100r0.example"]);
}

#[test]
fn an_alias_chain_leads_back_to_the_question() {
    let mut case = Case::default();
    for answer in [
        record("www.example", "www.example", "CNAME", "cdn.example.net"),
        record("www.example", "cdn.example.net", "CNAME", "e1.edge.example.org"),
        record("www.example", "e1.edge.example.org", "A", "198.51.100.1"),
        record("www.example", "e1.edge.example.org", "A", "198.51.100.2"),
    ] {
        case.at(CLIENT, 10, 7, &answer);
    }
    for server in ["198.51.100.1", "198.51.100.2"] {
        let found = case.0.name_for(ip(CLIENT), ip(server), Timestamp::from_secs(11));
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].name, "www.example");
        assert_eq!(found[0].chain, ["www.example", "cdn.example.net", "e1.edge.example.org"]);
        assert_eq!((found[0].ttl, found[0].frame), (60, FrameNo(7)));
    }
}

#[test]
fn chains_do_not_cross_messages_and_circles_end() {
    let mut case = Case::default();
    case.at(CLIENT, 10, 1, &record("a.example", "a.example", "CNAME", "b.example"));
    case.at(CLIENT, 10, 1, &record("a.example", "b.example", "CNAME", "a.example"));
    case.at(CLIENT, 10, 1, &record("a.example", "b.example", "CNAME", "b.example"));
    case.at(CLIENT, 10, 1, &record("a.example", "b.example", "A", "198.51.100.1"));
    // The alias stood in frame 1; in frame 2 nothing leads from the question to this owner.
    case.at(CLIENT, 10, 2, &record("a.example", "b.example", "A", "198.51.100.2"));
    let chain = |server| case.0.name_for(ip(CLIENT), ip(server), Timestamp::from_secs(10))[0].chain.clone();
    assert_eq!(chain("198.51.100.1"), ["a.example", "b.example"]);
    assert!(chain("198.51.100.2").is_empty());
    assert_eq!(case.names("198.51.100.2", 10), ["b.example 0 2"]);

    let mut long = Case::default();
    for n in 0..100 {
        long.at(CLIENT, 1, 1, &record("n0.example", &format!("n{n}.example"), "CNAME", &format!("n{}.example", n + 1)));
    }
    long.at(CLIENT, 1, 1, &record("n0.example", "n100.example", "A", "198.51.100.1"));
    assert!(long.0.name_for(ip(CLIENT), ip("198.51.100.1"), Timestamp::from_secs(1))[0].chain.len() <= MAX_CHAIN + 1);
}

#[test]
fn hints_of_https_records_count_as_addresses() {
    let mut case = Case::default();
    let mut answer = record("zoom.example", "zoom.example", "HTTPS", "1 . alpn=h3");
    answer.hints = vec![ip("198.51.100.1"), ip("2001:db8::1")];
    case.at(CLIENT, 10, 1, &answer);
    assert_eq!(case.names("198.51.100.1", 10), ["zoom.example 0 1"]);
    assert_eq!(case.names("2001:db8::1", 12), ["zoom.example 2 1"]);
}

#[test]
fn addresses_that_came_along_go_by_their_own_name() {
    let mut case = Case::default();
    for (query, owner) in [("_turn._udp.example", "turn1.example"), ("www.example", "ns1.example.net")] {
        case.at(CLIENT, 1, 1, &record(query, owner, "A", "198.51.100.1"));
        assert_eq!(case.names("198.51.100.1", 1).first(), Some(&format!("{owner} 0 1")));
    }
}

#[test]
fn neighbours_are_believed_about_the_own_network_only() {
    let mut case = Case::default();
    for (transport, data, known) in [
        ("mdns", "192.168.1.9", 1),
        ("mdns", "1.1.1.1", 0),
        ("llmnr", "8.8.8.8", 0),
        ("llmnr", "fe80::1", 1),
        ("tcp", "9.9.9.9", 1),
    ] {
        let answer =
            Answer { transport, address: data.parse().ok(), ..record("printer.local", "printer.local", "A", data) };
        case.at(CLIENT, 1, 1, &answer);
        assert_eq!(case.names(data, 1).len(), known, "{transport} {data}");
    }
}

#[test]
fn mapped_addresses_are_the_same_machine() {
    let mut case = Case::default();
    case.at("::ffff:192.168.1.5", 1, 1, &address("a.example", "198.51.100.1"));
    assert_eq!(case.names("::ffff:198.51.100.1", 1), ["a.example 0 1"]);
}

#[test]
fn the_oldest_answers_go_first_and_are_counted() {
    let bounds = NameBounds { answers: 2 * BLOCK, ..NameBounds::default() };
    let mut case = Case(NameBook::new(bounds));
    let server = |n: usize| format!("10.{}.{}.{}", n >> 16, (n >> 8) & 255, n & 255);
    for n in 0..5 * BLOCK {
        case.at(CLIENT, n as u64, n as u64, &address(&format!("n{n}.example"), &server(n)));
        if n % 7 == 0 {
            // Asked for again and again: its newest answer outlives the old ones.
            case.at(CLIENT, n as u64, n as u64, &address("busy.example", "198.51.100.1"));
        }
    }
    let books = case.0.books();
    assert!(books.answers <= 2 * BLOCK && books.answers > BLOCK, "{books:?}");
    assert_eq!(books.evicted + books.answers as u64, (5 * BLOCK + (5 * BLOCK).div_ceil(7)) as u64);
    assert!(case.names(&server(0), 9_999_999).is_empty());
    assert_eq!(case.names(&server(5 * BLOCK - 1), 9_999_999).len(), 1);
    assert_eq!(case.names("198.51.100.1", 9_999_999).len(), 1);
}

#[test]
fn names_are_bounded_too_and_what_is_left_still_answers() {
    let bounds = NameBounds { names: 3000, ..NameBounds::default() };
    let mut case = Case(NameBook::new(bounds));
    // Aliases without addresses: nothing uses their names, so nothing is lost with them.
    case.at(CLIENT, 1, 1, &record("www.example", "www.example", "CNAME", "cdn.example"));
    case.at(CLIENT, 1, 1, &record("www.example", "cdn.example", "A", "198.51.100.1"));
    for n in 0..10_000 {
        case.at(CLIENT, 2, n + 2, &record(&format!("q{n}.example"), &format!("q{n}.example"), "CNAME", "x.example"));
    }
    assert_eq!(case.0.books().evicted, 0);
    assert!(case.0.books().names <= 3002);
    let chain = case.0.name_for(ip(CLIENT), ip("198.51.100.1"), Timestamp::from_secs(5))[0].chain.join(" ");
    assert_eq!(chain, "www.example cdn.example");
    // Names that are in use: the older half goes, the newest stay.
    for n in 0..10_000u32 {
        let server = std::net::Ipv4Addr::from_bits(0x0a00_0000 + n).to_string();
        case.at(CLIENT, 3, u64::from(n), &address(&format!("host{n}.example"), &server));
    }
    let books = case.0.books();
    assert!(books.names <= 3002 && books.evicted > 5_000, "{books:?}");
    assert_eq!(case.names("10.0.39.15", 4), ["host9999.example 1 9999"]);
}

#[test]
fn a_name_that_is_no_name_is_refused_and_counted() {
    let mut case = Case::default();
    case.at(CLIENT, 1, 1, &address(&"a".repeat(MAX_NAME_BYTES + 1), "198.51.100.1"));
    case.at(CLIENT, 1, 2, &address("", "198.51.100.1"));
    case.at(CLIENT, 1, 3, &record("a.example", "a.example", "TXT", "text"));
    assert_eq!((case.0.books().refused, case.0.books().answers), (2, 0));
}

#[test]
fn one_question_asked_for_ever_costs_bounded_work() {
    let mut case = Case::default();
    case.at(CLIENT, 0, 0, &address("first.example", "198.51.100.1"));
    for n in 0..200 {
        case.at(CLIENT, 1 + n, n, &address("again.example", "198.51.100.1"));
    }
    assert_eq!(case.names("198.51.100.1", 200), ["again.example 0 199"]);
    for n in 0..20 {
        case.at(CLIENT, 300, n, &address(&format!("many{n}.example"), "198.51.100.1"));
    }
    assert_eq!(case.names("198.51.100.1", 300).len(), NAMES_PER_ADDRESS);
}

/// What the book says must be what a plain walk over all answers says.
#[test]
fn the_book_agrees_with_a_plain_list() {
    let mut seed = 0x2545_f491_4f6c_dd1du64;
    let mut below = |n: u64| {
        seed ^= seed << 13;
        seed ^= seed >> 7;
        seed ^= seed << 17;
        seed % n
    };
    for _ in 0..50 {
        let (mut case, mut list, mut now) = (Case::default(), Vec::new(), 0);
        for frame in 0..300 {
            now += below(3);
            let (client, server) = (format!("10.0.0.{}", below(6)), format!("198.51.100.{}", below(9)));
            let name = format!("n{}.example", below(7));
            case.at(&client, now, frame, &address(&name, &server));
            list.push((client, server, name, now, frame));
        }
        for _ in 0..100 {
            let (client, server) = (format!("10.0.0.{}", below(6)), format!("198.51.100.{}", below(9)));
            let at = below(now + 2);
            let mut expected: Vec<String> = Vec::new();
            for (c, s, name, time, frame) in list.iter().rev() {
                let new = !expected.iter().any(|line| line.split(' ').next() == Some(name));
                if (c, s) == (&client, &server) && *time <= at && new {
                    expected.push(format!("{name} {} {frame}", at - time));
                }
            }
            assert_eq!(case.names_of(&client, &server, at), expected);
        }
    }
}
