use super::*;
use Side::{First, Second};
use proptest::prelude::*;

/// Client's and server's words, alternating: `c` and `s` in front.
fn read(server_port: u16, script: &[&str], cut: usize) -> (Vec<Fact>, Step) {
    let mut out = Facts::default();
    let mut reader: Option<Conversation> = None;
    for words in script {
        let (speaker, bytes) = words.split_at(1);
        let side = if speaker == "c" { First } else { Second };
        let (from_port, to_port) = if side == First { (50_000, server_port) } else { (server_port, 50_000) };
        let opening = Opening { bytes: bytes.as_bytes(), side, from_port, to_port };
        let reader = reader.get_or_insert_with(|| {
            assert_eq!(probe(&opening), Probe::Yes, "{words}");
            Conversation::new(&opening)
        });
        let mut later = bytes.len();
        for piece in bytes.as_bytes().chunks(cut) {
            later -= piece.len();
            let step = reader.accept(side, Part::Bytes(piece), &mut out);
            assert!(reader.held() <= 2 * MAX_LINE);
            match step {
                Step::More => {}
                Step::Upgrade { rest } => return (told(out), Step::Upgrade { rest: rest + later }),
                step => return (told(out), step),
            }
        }
    }
    (told(out), Step::More)
}

fn told(out: Facts) -> Vec<Fact> {
    out.0.into_iter().map(|(_, fact)| fact).filter(|fact| !matches!(fact, Fact::Detail { .. })).collect()
}

const UPGRADE: Step = Step::Upgrade { rest: 2 };

#[test]
fn each_language_goes_over_to_tls() {
    type Case<'a> = (u16, &'a [&'a str], &'static str);
    let table: [Case<'_>; 9] = [
        (
            587,
            &[
                "s220 mx.example ESMTP\r\n",
                "cEHLO me\r\n",
                "s250-STARTTLS\r\n250 OK\r\n",
                "cstarttls\r\n",
                "s220 go\r\n\x16\x03",
            ],
            "smtp",
        ),
        (
            9999,
            &["s220 hello\r\n", "cEHLO me\r\n", "s250 STARTTLS\r\n", "cSTARTTLS\r\n", "s220 go\r\n\x16\x03"],
            "smtp",
        ),
        (21, &["s220-Welcome\r\n220 here\r\n", "cAUTH TLS\r\n", "s234 go\r\n\x16\x03"], "ftp"),
        (2121, &["s220 there\r\n", "cAUTH SSL\r\n", "s234 go\r\n\x16\x03"], "ftp"),
        (110, &["s+OK ready\r\n", "cSTLS\r\n", "s+OK begin\r\n\x16\x03"], "pop3"),
        (143, &["s* OK ready\r\n", "ca1 STARTTLS\r\n", "s* CAPABILITY x\r\na1 OK go\r\n\x16\x03"], "imap"),
        (119, &["s201 news\r\n", "cSTARTTLS\r\n", "s382 go\r\n\x16\x03"], "nntp"),
        (6667, &["cSTARTTLS\r\n", "s:irc.example 670 me :go\r\n\x16\x03"], "irc"),
        // Only the client was captured: its hello shows what was agreed.
        (25, &["cEHLO me\r\n", "cSTARTTLS\r\n", "c\x16\x03"], "smtp"),
    ];
    for (port, script, token) in table {
        for cut in 1..60 {
            assert_eq!(read(port, script, cut), (vec![Fact::Speaks(token)], UPGRADE), "{script:?}");
        }
    }
}

#[test]
fn what_goes_in_the_clear_is_noticed() {
    type Case<'a> = (u16, &'a [&'a str], &'static str);
    let table: [Case<'_>; 6] = [
        (25, &["s220 mx\r\n", "cEHLO me\r\n", "s250 OK\r\n", "cMAIL FROM:<a@b>\r\n"], "smtp"),
        (25, &["s220 mx\r\n", "cEHLO me\r\n", "cSTARTTLS\r\n", "s454 no\r\n", "cAUTH PLAIN x\r\n"], "smtp"),
        (21, &["s220 ftp\r\n", "cUSER me\r\n"], "ftp"),
        (110, &["s+OK\r\n", "cUSER me\r\n"], "pop3"),
        (143, &["s* OK\r\n", "c1 login me secret\r\n"], "imap"),
        (6667, &["cNICK me\r\n"], "irc"),
    ];
    for (port, script, token) in table {
        assert_eq!(read(port, script, 7), (vec![Fact::Speaks(token), Fact::Clear(token)], Step::Done), "{script:?}");
    }
}

#[test]
fn gaps_and_long_lines_are_passed_over() {
    let opening = Opening { bytes: b"220 mx\r\n", side: Second, from_port: 25, to_port: 50_000 };
    let (mut reader, mut out) = (Conversation::new(&opening), Facts::default());
    for (side, part) in [
        (Second, Part::Bytes(b"220 mx\r\n")),
        (First, Part::Bytes(&[b'x'; 5000])),
        (First, Part::Gap(9)),
        (First, Part::Bytes(b"\x16 is no hello here\r\nSTARTTLS\r\n")),
    ] {
        assert_eq!(reader.accept(side, part, &mut out), Step::More);
    }
    assert_eq!(reader.accept(Second, Part::Bytes(b"220 go\r\n"), &mut out), Step::Upgrade { rest: 0 });
}

#[test]
fn probes_want_the_port_where_words_are_common() {
    for (bytes, from_port, to_port, expected) in [
        (&b"220 x"[..], 4444, 5, Probe::Yes),
        (b"22", 4444, 5, Probe::Maybe),
        (b"220 \x00\x01", 4444, 5, Probe::No),
        (b"200 x", 119, 5, Probe::Yes),
        (b"200 x", 4444, 5, Probe::No),
        (b"NICK me", 5, 6667, Probe::Yes),
        (b"NICK me", 5, 80, Probe::No),
        (b"GET / HTTP/1.1", 5, 80, Probe::No),
    ] {
        assert_eq!(probe(&Opening { bytes, side: First, from_port, to_port }), expected, "{bytes:?}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn hostile_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..400), port in prop_oneof![Just(25u16), Just(143), Just(6667)]) {
        let opening = Opening { bytes: &bytes, side: First, from_port: port, to_port: 50_000 };
        probe(&opening);
        let (mut reader, mut out) = (Conversation::new(&opening), Facts::default());
        for side in [First, Second] {
            reader.accept(side, Part::Bytes(&bytes), &mut out);
        }
    }
}
