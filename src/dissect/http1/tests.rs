use super::*;
use Side::{First, Second};
use proptest::prelude::*;

fn read(parts: &[(Side, &[u8])]) -> (Vec<Fact>, Step) {
    let (mut http, mut out, mut step) = (Http::default(), Facts::default(), Step::More);
    for (side, bytes) in parts {
        step = http.accept(*side, Part::Bytes(bytes), &mut out);
        assert!(http.held() <= 2 * MAX_HEAD + bytes.len());
        if step != Step::More {
            break;
        }
    }
    (out.0.into_iter().map(|(_, fact)| fact).collect(), step)
}

fn host(name: &str) -> Fact {
    Fact::Named { name: name.into(), how: NameSource::HttpHost }
}

const REQUEST: &[u8] = b"GET /a HTTP/1.1\r\nHOST: WWW.Example.com:8080\r\nUser-Agent: test/1\r\n\r\n";
const RESPONSE: &[u8] = b"HTTP/1.1 200 OK\r\nServer: made up\r\nContent-Length: 5\r\n\r\nhello";

#[test]
fn a_request_and_its_answer_are_all_there_is() {
    let expected = [
        Fact::Speaks("http"),
        Fact::Clear("http"),
        host("www.example.com"),
        Fact::Software("test/1".into()),
        Fact::Software("made up".into()),
    ];
    assert_eq!(read(&[(First, REQUEST), (Second, RESPONSE)]), (expected.to_vec(), Step::Done));
}

#[test]
fn an_answer_before_its_request_hides_no_host() {
    let [speaks, clear] = [Fact::Speaks("http"), Fact::Clear("http")];
    let [server, client] = ["made up", "test/1"].map(|name| Fact::Software(name.into()));
    let both = vec![speaks.clone(), clear.clone(), server.clone(), host("www.example.com"), client];
    assert_eq!(read(&[(First, RESPONSE), (Second, REQUEST)]), (both, Step::Done));
    // One direction was not captured: nothing is waited for without end.
    assert_eq!(read(&[(First, RESPONSE)]), (vec![speaks.clone(), clear.clone(), server], Step::More));
    let long = vec![b'a'; PATIENCE + 1];
    let endless = [(First, &b"HTTP/1.1 200 OK\r\n\r\n"[..]), (First, &long)];
    assert_eq!(read(&endless), (vec![speaks, clear], Step::Done));
}

#[test]
fn a_tunnel_changes_the_protocol() {
    let connect = b"CONNECT call.example:443 HTTP/1.1\r\nHost: proxy.example\r\n\r\n";
    let name = Fact::Named { name: "call.example".into(), how: NameSource::HttpConnect };
    let expected = vec![Fact::Speaks("http"), Fact::Hidden(Hidden::Proxy), name];
    let hello = &[0x16, 3, 1, 0, 5][..];
    let agreed = [&b"HTTP/1.0 200 Connection established\r\n\r\n"[..], hello].concat();
    let refused = b"HTTP/1.1 407 Authenticate\r\nContent-Length: 3\r\n\r\nno!";
    assert_eq!(read(&[(First, connect), (Second, &agreed)]), (expected.clone(), Step::Upgrade { rest: 5 }));
    assert_eq!(read(&[(First, connect), (First, hello)]), (expected.clone(), Step::Upgrade { rest: 5 }));
    let again = [(First, &connect[..]), (Second, refused), (First, connect), (Second, &agreed)];
    assert_eq!(read(&again), (expected, Step::Upgrade { rest: 5 }));
}

#[test]
fn a_proxy_is_asked_for_many_hosts() {
    let requests = b"GET http://a.example/x HTTP/1.1\r\n\r\nPOST http://user@b.example:81 HTTP/1.1\r\n\
        content-length: 4\r\n\r\nGET GET http://[2001:db8::1]:80/ HTTP/1.1\nHost: ignored\n\n";
    let facts = read(&[(First, requests)]).0;
    let expected = [
        Fact::Speaks("http"),
        Fact::Clear("http"),
        Fact::Hidden(Hidden::Proxy),
        host("a.example"),
        host("b.example"),
        host("2001:db8::1"),
    ];
    assert_eq!(facts, expected);
}

#[test]
fn heads_are_bounded_and_must_be_heads() {
    let endless = [&b"GET / HTTP/1.1\r\n"[..], &vec![b'a'; MAX_HEAD]].concat();
    assert!(matches!(read(&[(First, &endless)]).1, Step::GiveUp(Fault { kind: FaultKind::Limit, .. })));
    assert!(matches!(read(&[(First, b"hello\r\n\r\n")]).1, Step::GiveUp(_)));
}

#[test]
fn gaps_in_content_cost_nothing() {
    let (mut http, mut out) = (Http::default(), Facts::default());
    http.accept(First, Part::Bytes(b"POST http://a/ HTTP/1.1\r\nContent-Length: 100\r\n\r\n"), &mut out);
    assert_eq!(http.accept(First, Part::Gap(100), &mut out), Step::More);
    http.accept(First, Part::Bytes(b"GET http://b/ HTTP/1.1\r\n\r\n"), &mut out);
    assert!(out.0.contains(&(First, host("b"))));
    assert_eq!(http.accept(First, Part::Gap(1), &mut out), Step::More);
    assert_eq!(http.accept(Second, Part::Gap(1), &mut out), Step::Done);
}

#[test]
fn probes_leave_the_relatives_alone() {
    let long = [&b"GET /"[..], &[b'a'; 500]].concat();
    for (bytes, expected) in [
        (REQUEST, Probe::Yes),
        (RESPONSE, Probe::Yes),
        (&long[..], Probe::Yes),
        (b"GE", Probe::Maybe),
        (b"GET /index", Probe::Maybe),
        (b"OPTIONS sip:a@b SIP/2.0\r\n", Probe::No),
        (b"OPTIONS rtsp://a RTSP/1.0\r\n", Probe::No),
        (b"PRI * HTTP/2.0\r\n", Probe::No),
        (b"\x16\x03\x01", Probe::No),
    ] {
        assert_eq!(probe(&Opening { bytes, side: First, from_port: 1, to_port: 80 }), expected);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn same_facts_for_any_segmentation(cuts in prop::collection::vec(1usize..30, 1..30)) {
        let bytes = [REQUEST, b"\r\n", b"GET http://a.example/x HTTP/1.1\r\nContent-length: 3\r\n\r\nabc", REQUEST].concat();
        let (mut parts, mut rest) = (Vec::new(), &bytes[..]);
        for cut in cuts.iter().cycle() {
            let (now, later) = rest.split_at((*cut).min(rest.len()));
            parts.push((First, now));
            rest = later;
            if rest.is_empty() {
                break;
            }
        }
        prop_assert_eq!(read(&parts), read(&[(First, &bytes)]));
    }

    #[test]
    fn hostile_bytes_never_panic(at: u16, byte: u8, end: u16, response: bool) {
        let mut bytes = if response { [RESPONSE, RESPONSE].concat() } else { [REQUEST, REQUEST].concat() };
        let index = usize::from(at) % bytes.len();
        bytes[index] = byte;
        bytes.truncate(usize::from(end) % (bytes.len() + 1));
        probe(&Opening { bytes: &bytes, side: First, from_port: 1, to_port: 80 });
        read(&[(First, &bytes), (Second, &bytes), (First, &bytes)]);
    }
}
