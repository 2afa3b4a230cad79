//! Names that somebody chose in order to do harm, through every door by which a name comes in, to every place where one
//! comes out: nothing may act on a terminal, reorder a line, run in a spreadsheet or a browser, or break a table.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    unreachable_pub,
    dead_code,
    reason = "test code"
)]

#[path = "../fuzz/seeds.rs"]
mod seeds;

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use zollhund::policy::Lang;
use zollhund::report::{Style, summary_text};
use zollhund::run::{self, Input, Job, Outcome, Wanted};
use zollhund::synth::frames::{self, TcpTalk};
use zollhund::synth::hello::{self, ClientHello, ServerHello};
use zollhund::synth::media::{self, Stun, StunMessage};
use zollhund::synth::quic::Quic;
use zollhund::synth::{Random, dns};
use zollhund::wire::{End, Side, Text, is_treacherous};

fn names() -> Vec<Vec<u8>> {
    let mut names: Vec<Vec<u8>> = [
        "\u{1b}]52;c;cHduZWQ=\u{7}.clipboard.example",
        "\u{1b}[2J\u{1b}[31mscreen.example",
        "\u{9b}31m.c1.example",
        "\u{202e}elpmaxe.idib",
        "\u{2066}isolate\u{2069}.example",
        "zero\u{200b}width\u{feff}.example",
        "tag\u{e0041}\u{e007f}.example",
        "=cmd|' /C calc'!A0",
        "+1+cmd.example",
        "-1-cmd.example",
        "@sum.example",
        "\t=tab.example",
        "<script>alert(1)</script>.example",
        "\"onload=\"x','y.example",
        "line\r\nbreak,\"quote\n.example",
        "null\0.example",
        "../../etc/passwd",
        "$(reboot)`reboot`.example",
    ]
    .iter()
    .map(|name| name.as_bytes().to_vec())
    .collect();
    names.push(b"\xff\xfe\x9b31m.bytes.example".to_vec());
    names.push(vec![b'a'; 255]);
    names.push([vec![b'b'; 63], vec![b'c'; 63], vec![b'd'; 63], b"example".to_vec()].join(&b'.'));
    names
}

/// Every name through every door: SNI of TLS, QUIC and DTLS, ALPN, certificate, DNS question, alias and pointer, HTTP
/// Host, CONNECT and User-Agent, STUN software, realm.
fn frames_with(names: &[Vec<u8>]) -> Vec<Vec<u8>> {
    let random = &mut Random::new(0xbad);
    let mut packets: Vec<Vec<u8>> = Vec::new();
    let mut port = 40_000;
    let mut talk = |n: usize, server_port: u16| {
        port += 1;
        let client = End { address: IpAddr::from([192, 168, 178, 23]), port };
        // A network of its own for each name.
        let server = End { address: IpAddr::from([18, 136, n as u8, 7]), port: server_port };
        (client, server)
    };
    for (n, name) in names.iter().enumerate() {
        let hello =
            ClientHello { sni: Some(name.clone()), alpn: vec![b"\x1b]0;alpn\x07", b"h2"], ..ClientHello::modern("") };
        let records = |message: &[u8]| hello::handshake_records(message, usize::MAX);
        let certificate = hello::certificate(name, &[name], random);
        let conversations: [(u16, Vec<u8>, Vec<u8>); 5] = [
            (443, records(&hello.message(random)), records(&ServerHello::TLS13.message(random))),
            (
                443,
                records(&ClientHello::default().message(random)),
                records(&hello::tls12_flight(&[certificate], random)),
            ),
            (80, media::http_request("GET", name, "/"), media::http_answer("200 OK")),
            (
                3128,
                media::http_request("CONNECT", name, &Text::from_wire(name).to_string().replace(' ', "")),
                Vec::new(),
            ),
            (80, [b"GET / HTTP/1.1\r\nUser-Agent: ", &name[..], b"\r\n\r\n"].concat(), media::http_answer("200 OK")),
        ];
        for (server_port, up, down) in conversations {
            let (client, server) = talk(n, server_port);
            let mut tcp = TcpTalk::new(client, server, random);
            packets.extend(tcp.open());
            packets.extend(tcp.say(Side::First, &up));
            packets.extend(tcp.say(Side::Second, &down));
            packets.extend(tcp.close(Side::First));
        }

        let (client, server) = talk(n, 443);
        let mut quic = Quic::new(1, random).unwrap();
        let message = ClientHello { quic: true, ..hello.clone() }.message(random);
        packets.extend(quic.client_hello(&message, false).iter().map(|d| frames::udp(client, server, d)));

        let (client, server) = talk(n, 4_433);
        packets.extend(hello::dtls_client_hello(&hello, 1_200, random).iter().map(|d| frames::udp(client, server, d)));

        let (client, server) = talk(n, 53);
        let address = IpAddr::from([18, 136, n as u8, 8]);
        let record = |owner: &[u8], data| dns::Record { owner: owner.to_vec(), ttl: 60, data };
        let records = [
            record(name, dns::Data::Alias(name.clone())),
            record(name, dns::Data::Pointer(name.clone())),
            record(name, dns::Data::Address(address)),
        ];
        packets.push(frames::udp(client, server, &dns::query(n as u16, name, dns::A)));
        packets.push(frames::udp(server, client, &dns::answer(n as u16, name, dns::A, &records)));
        // Traffic to what was resolved: its flow carries the name from DNS.
        let (client, _) = talk(n, 9_999);
        packets.push(frames::udp(client, End { address, port: 9_999 }, b"hello"));

        let (client, server) = talk(n, 3_478);
        let transaction = random.array();
        let request = StunMessage::new(Stun::AllocateRequest, transaction).software(name);
        let answer = StunMessage::new(Stun::AllocateError, transaction).unauthorized(name).software(name);
        packets.push(frames::udp(client, server, &request.datagram()));
        packets.push(frames::udp(server, client, &answer.datagram()));
    }
    packets.iter().map(|packet| frames::ethernet([2; 6], [4; 6], packet)).collect()
}

/// Analyzes the capture into a folder of tables, in a language.
fn analyzed(file: &Path, output: &Path, lang: Lang) -> Outcome {
    let knowledge = run::knowledge(&Wanted { service: Some("zoom"), lang, ..Wanted::default() }).unwrap();
    let input = Input::Files(vec![file.to_owned()]);
    let job = Job { output: Some(output.to_owned()), hash: true, ..Job::new(input, knowledge) };
    run::analyze(&job).unwrap()
}

/// A file name that no file should have, as far as the system allows it.
fn hostile_file_name() -> PathBuf {
    #[cfg(unix)]
    {
        use std::os::unix::ffi::OsStrExt;
        std::ffi::OsStr::from_bytes(b"=a\x1b]0;x\x07\xe2\x80\xae<b>\xff\n.pcapng").into()
    }
    #[cfg(not(unix))]
    "=a\u{202e}.pcapng".into()
}

/// Fails on a character that acts, other than the ends of lines.
fn assert_harmless(what: &str, text: &str) {
    for (number, line) in text.split('\n').enumerate() {
        let line = line.strip_suffix('\r').unwrap_or(line);
        let bad: Vec<char> = line.chars().filter(|c| is_treacherous(*c)).collect();
        assert!(bad.is_empty(), "{what}, line {}: {bad:?} in {line:?}", number + 1);
    }
}

#[test]
fn no_name_does_harm_in_any_output() {
    let names = names();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join(hostile_file_name());
    let mut capture = seeds::pcapng(&frames_with(&names), &names[0]);
    // Cut in the last block, so that there is a complaint about the file, with its name.
    capture.truncate(capture.len() - 6);
    std::fs::write(&file, capture).unwrap();

    for (lang, output) in [(Lang::En, "en"), (Lang::De, "de")] {
        let output = folder.path().join(output);
        let outcome = analyzed(&file, &output, lang);
        assert!(!outcome.complaints.is_empty());
        for complaint in &outcome.complaints {
            assert_harmless("complaint", complaint);
            assert!(!complaint.contains('\n'), "{complaint:?}");
        }
        let mut text = Vec::new();
        summary_text(&outcome.summary, &Style { lang, ..Style::default() }, &mut text).unwrap();
        assert_harmless("summary", std::str::from_utf8(&text).unwrap());

        let mut files = 0;
        for entry in std::fs::read_dir(&output).unwrap() {
            let path = entry.unwrap().path();
            let text = std::fs::read_to_string(&path).unwrap();
            let what = path.file_name().unwrap().to_str().unwrap().to_owned();
            assert_harmless(&what, &text);
            match path.extension().unwrap().to_str().unwrap() {
                "csv" => assert_table(&what, &text),
                "jsonl" => {
                    assert!(text.lines().all(|l| serde_json::from_str::<serde_json::Value>(l).is_ok()), "{what}");
                }
                "html" => assert!(!text.to_lowercase().contains("<script"), "{what}"),
                _ => assert!(serde_json::from_str::<serde_json::Value>(&text).is_ok(), "{what}"),
            }
            files += 1;
        }
        assert!(files >= 13, "{files} files");
    }
    exact(&names, &folder.path().join("en"));
}

/// Every record has as many cells as the header, and no cell starts as a formula does.
fn assert_table(what: &str, text: &str) {
    let mut reader = csv::Reader::from_reader(text.as_bytes());
    for record in reader.records() {
        let record = record.unwrap();
        for cell in &record {
            assert!(!cell.starts_with(['=', '+', '-', '@', '\t', '\r']), "{what}: {cell:?}");
        }
    }
}

/// The machine-readable twin says exactly what was on the wire.
fn exact(names: &[Vec<u8>], output: &Path) {
    let column = |file: &str, column: &str| -> BTreeSet<String> {
        let text = std::fs::read_to_string(output.join(file)).unwrap();
        let rows = text.lines().map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap());
        rows.filter_map(|row| row[column].as_str().map(str::to_owned)).collect()
    };
    // Every door was passed, so the silence above means something.
    let bases = column("flows.jsonl", "name_basis");
    for basis in ["tls-sni", "quic-sni", "dtls-sni", "http-host", "http-connect", "certificate", "dns"] {
        assert!(bases.contains(basis), "no flow was named by {basis}");
    }
    let facts = column("facts.jsonl", "fact");
    assert!(facts.contains("software") && facts.contains("realm"), "{facts:?}");
    let found = column("handshakes.jsonl", "sni");
    for name in names {
        let name = Text::host(name).exact().to_owned();
        assert!(found.contains(&name), "{name:?} is not among {found:#?}");
    }
}
