//! What is told, held against files of expected text, against the published schema, and against terminals.
//!
//! `UPDATE_EXPECTED=1 cargo test --test report` rewrites the expected files and the row definitions of the schema.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "helpers of tests may fail as tests do"
)]

#[path = "report/sample.rs"]
mod sample;

use sample::{after, call, company, hostile, placed, places};
use serde_json::{Value, json};
use std::fmt::Write;
use std::path::{Path, PathBuf};
use unicode_width::UnicodeWidthStr;
use zollhund::attribution::{Cloud, Confidence, CountryCode, NameBasis, Network, Place, Prefix, Vote, VoteBasis};
use zollhund::dissect::fact::{
    Answer, Certificate, Choice, Ech, Fact, HelloTransport, Hidden, MediaSeen, NameSource, Offer,
};
use zollhund::engine::view::{
    AnswerView, ClientBasis, EndpointView, FactView, FlowView, HandshakeView, Summary, Tally, Words,
};
use zollhund::policy::{Lang, Listing};
use zollhund::report::tables::{
    Definition, Dns, Endpoints, Facts, Findings, Flows, Handshakes, Kind, Losses, TABLES, Table, TableWriter,
};
use zollhund::report::{ReadError, Rows, SCHEMA, Style, read_report, report_json, summary_json, summary_text};
use zollhund::wire::{End, FrameNo, RoundTrip, Text, TextRef, TransportKind, TripKind, Tunnel, is_treacherous};

fn update() -> bool {
    std::env::var_os("UPDATE_EXPECTED").is_some()
}

fn root(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

fn expect(name: &str, actual: &str) {
    let path = root("tests/expected").join(name);
    if update() {
        std::fs::write(&path, actual).unwrap();
    }
    let expected = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(actual == expected, "{name} differs; UPDATE_EXPECTED=1 and look at the difference");
}

fn told(summary: &Summary, style: &Style) -> String {
    let mut out = Vec::new();
    summary_text(summary, style, &mut out).unwrap();
    String::from_utf8(out).unwrap()
}

#[test]
fn the_summary_reads_as_expected() {
    for lang in Lang::ALL {
        let next = vec![lang.pick("Tables are in out/.", "Die Tabellen liegen in out/.").to_owned()];
        let style = Style { lang, next, ..Style::default() };
        expect(&format!("summary.{}.txt", lang.token()), &told(&call(lang), &style));
        let ascii = Style { ascii: true, ..style };
        expect(&format!("summary.{}.ascii.txt", lang.token()), &told(&call(lang), &ascii));
    }
    let verbose = Style { verbose: true, ..Style::default() };
    expect("summary.verbose.txt", &told(&call(Lang::En), &verbose));
    expect("summary.hostile.txt", &told(&hostile(), &Style::default()));
}

#[test]
fn colours_add_nothing_that_words_do_not_say() {
    let style = Style { color: true, ..Style::default() };
    let coloured = told(&call(Lang::En), &style);
    assert!(coloured.contains("\u{1b}[1;33m") && coloured.contains("\u{1b}[0m"));
    let mut plain = String::new();
    for part in coloured.split('\u{1b}') {
        let text = part.strip_prefix('[').and_then(|p| p.split_once('m')).map_or(part, |(_, text)| text);
        plain.push_str(text);
    }
    let lines: Vec<&str> = plain.lines().map(str::trim_end).collect();
    let expected = told(&call(Lang::En), &Style::default());
    assert_eq!(lines, expected.lines().collect::<Vec<_>>());
}

#[test]
fn no_line_is_too_wide_and_no_character_acts_on_the_terminal() {
    let summaries = [call(Lang::En), call(Lang::De), hostile(), empty()];
    for summary in &summaries {
        for (width, room) in [(20, 60), (60, 60), (80, 80), (100, 100), (1000, 120)] {
            for (ascii, verbose) in [(false, false), (false, true), (true, false), (true, true)] {
                for lang in Lang::ALL {
                    let style = Style { width, ascii, verbose, lang, ..Style::default() };
                    let text = told(summary, &style);
                    for line in text.lines() {
                        assert!(line.width() <= room, "{} > {room}: {line}", line.width());
                        assert!(!line.chars().any(is_treacherous), "{line:?}");
                        assert!(!line.ends_with(' '), "{line:?}");
                        assert!(!ascii || line.is_ascii(), "{line}");
                    }
                    assert_eq!(text, told(summary, &style), "the same twice");
                }
            }
        }
    }
}

#[test]
fn a_call_fits_two_screens() {
    for lang in Lang::ALL {
        let lines = told(&call(lang), &Style { lang, ..Style::default() }).lines().count();
        assert!(lines <= 90, "{lines} lines");
    }
}

/// What an auditor who reads nothing but the terminal must learn.
#[test]
fn the_essentials_are_told_in_both_languages() {
    for (lang, essentials) in [
        (
            Lang::En,
            [
                "2020-04-16",
                "Privacy Shield",
                "TELEMETRY: crash reporting",
                "Not on the list",
                "IN A TUNNEL: gtp-u",
                "What could not be seen",
                "servers pass on",
            ],
        ),
        (
            Lang::De,
            [
                "2020-04-16",
                "Privacy Shield",
                "TELEMETRIE: Absturz",
                "Nicht auf der Liste",
                "IM TUNNEL: gtp-u",
                "Was nicht zu sehen war",
                "Server untereinander",
            ],
        ),
    ] {
        let text = words(&told(&call(lang), &Style { lang, ..Style::default() }));
        for essential in essentials {
            assert!(text.contains(essential), "{essential} is missing in\n{text}");
        }
    }
    let text = words(&told(&hostile(), &Style::default()));
    for loud in ["NO: at least 312 frames lost", "cut or damaged", "could not be read", "lower bounds", "cut to 96"] {
        assert!(text.contains(loud), "{loud} is missing in\n{text}");
    }
}

/// Without the ends of lines.
fn words(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn empty() -> Summary {
    let mut summary = call(Lang::En);
    summary.circumstances = zollhund::policy::Circumstances::default();
    summary.captures.clear();
    summary.recipients.clear();
    summary.findings.clear();
    summary.law.clear();
    summary.sources.clear();
    summary.service = None;
    summary.list = None;
    summary.look_ups = None;
    summary.reverse_names.clear();
    summary
}

/// Every table with a full row, a bare row and a hostile row: name, CSV, JSON lines.
fn tables() -> Vec<(&'static Definition, String, String)> {
    fn both<T: Table>(rows: &[T::Row<'_>]) -> (&'static Definition, String, String) {
        let mut table = TableWriter::<T, Vec<u8>>::new(Vec::new(), Vec::new());
        for row in rows {
            table.row(row).unwrap();
        }
        let (csv, jsonl) = table.finish().unwrap();
        (T::DEFINITION, String::from_utf8(csv).unwrap(), String::from_utf8(jsonl).unwrap())
    }
    let end = |address: &str, port| End { address: address.parse().unwrap(), port };
    let name = Text::from("teams.call.example");
    let evil = Text::from("=cmd(\"x\",\u{1b}[2J)\u{202e}");
    let flow = FlowView {
        flow: 1,
        transport: TransportKind::Tcp,
        client: end("128.232.110.120", 34_855),
        server: end("66.35.250.204", 80),
        client_basis: ClientBasis::Syn,
        first: after(1),
        last: after(86_400_000),
        first_frame: FrameNo(3),
        up: Tally { packets: 10, bytes: 1_234, payload: 600 },
        down: Tally { packets: 11, bytes: 12_345, payload: 11_000 },
        tunnel: Tunnel::GTP_U.with(Tunnel::VXLAN),
        application: "tls",
        name: Some((TextRef::from(&name), NameBasis::DnsAnswer { age_secs: 3, frame: FrameNo(2) })),
        other_names: vec![
            (TextRef::from(&evil), NameBasis::Certificate),
            (TextRef::from(&name), NameBasis::ReverseLookup),
        ],
        aliases: vec![TextRef::from(&name)],
        round_trip: Some(12_345_678),
        media: Some(Box::new([
            MediaSeen { carried: [86_400_000, 0, 0, 777_600_000], ..MediaSeen::default() },
            MediaSeen { carried: [0, 864_000_000, 0, 0], ..MediaSeen::default() },
        ])),
        cut: true,
        owner: None,
        scope: "in",
    };
    let bare_flow = FlowView {
        flow: 2,
        transport: TransportKind::Udp,
        client: end("2001:db8::1", 5_353),
        server: end("ff02::fb", 5_353),
        tunnel: Tunnel::default(),
        application: "",
        name: None,
        other_names: Vec::new(),
        aliases: Vec::new(),
        round_trip: None,
        media: None,
        cut: false,
        owner: None,
        scope: "",
        ..flow.clone()
    };
    let hostile_flow = FlowView {
        flow: 3,
        name: Some((TextRef::from(&evil), NameBasis::OuterHello(NameSource::TlsSni))),
        ..flow.clone()
    };
    let offer = Offer {
        transport: HelloTransport::Quic,
        sni: None,
        alpn: vec!["h3".into(), "=1+1".into(), "a,b".into()],
        ech: Ech::Offered,
        version: 0x0304,
        oldest_version: 0x0304,
        ciphers: vec![0x1301],
        ja4: "q13d0310h3_55b375c5d22e_cd85d2d88918".into(),
        srtp: vec![1, 7],
        quic_version: Some(1),
    };
    let hello = HandshakeView {
        frame: FrameNo(7),
        time: after(7),
        flow: 1,
        client: flow.client,
        server: flow.server,
        sni: Some(TextRef::from(&name)),
        offer: &offer,
        choice: Some(Choice {
            version: 0x7f1c,
            cipher: 0x1301,
            group: Some(0x11ec),
            retry: false,
            resumed: true,
            srtp: Some(7),
            ..Choice::default()
        }),
    };
    let bare_offer = Offer {
        transport: HelloTransport::Dtls,
        alpn: Vec::new(),
        ech: Ech::Absent,
        version: 0,
        ja4: "".into(),
        srtp: Vec::new(),
        quic_version: None,
        ..offer.clone()
    };
    let bare_hello = HandshakeView { sni: None, offer: &bare_offer, choice: None, ..hello.clone() };
    let answer = Answer {
        transport: "udp",
        query: "call.example".into(),
        owner: evil.clone(),
        kind: "HTTPS".into(),
        data: "1 . alpn=h2,h3".into(),
        address: None,
        hints: vec!["192.0.2.1".parse().unwrap(), "2001:db8::2".parse().unwrap()],
        ttl: 300,
    };
    let (client, resolver) = (flow.client.address, flow.server.address);
    let dns = AnswerView { frame: FrameNo(4), time: after(4), client, resolver, answer: &answer };
    let certificate = Fact::Certified(Box::new(Certificate {
        names: vec![name.clone(), evil.clone()],
        issuer: "Example CA".into(),
        ..Certificate::default()
    }));
    let (mapped, detail) = (Fact::Mapped(bare_flow.client), Fact::Detail { key: "user-agent", value: evil.clone() });
    let hidden = Fact::Hidden(Hidden::Doh);
    let fact = |fact| FactView { frame: FrameNo(5), time: after(5), flow: 1, from: flow.client, to: flow.server, fact };
    let us = CountryCode::parse("US").unwrap();
    let excluded = [us, CountryCode::parse("CA").unwrap()];
    let endpoint = EndpointView {
        address: flow.server.address,
        names: [TextRef::from(&name), TextRef::from(&evil)].into_iter().collect(),
        operator: Some(company("Call Company, \"Ireland\"", "IE", Some(("Call Company, Inc.", "US")))),
        holder: Some(company("Network Inc.", "US", None)),
        place: Place {
            located_in: Some(placed("US", Confidence::Medium)),
            indeterminate: Some("sources disagree: US, NL".into()),
            votes: vec![Vote {
                country: us,
                source: places(),
                basis: VoteBasis::Prefix(Prefix::parse("66.35.0.0/16").unwrap()),
                excluded: true,
            }],
            network: Some(Network { asn: 64_500, name: "NETWORK-1".into(), country: Some(us), source: places() }),
            cloud: Some(Cloud {
                provider: "Cloud".into(),
                region: "us-east".into(),
                services: "".into(),
                source: places(),
            }),
            caveat: None,
        },
        round_trip: Some(RoundTrip {
            nanos: 1_000_000,
            unit: 1,
            kind: TripKind::Stun,
            asked: FrameNo(4),
            answered: FrameNo(5),
        }),
        excluded: &excluded,
        regime: "third_country".into(),
        label: call(Lang::En).recipients.into_iter().find_map(|r| r.label),
        listing: Listing::NotListed,
        up: flow.up,
        down: flow.down,
        first: after(1),
        last: after(2),
        flows: 3,
        reverse_name: Some(TextRef::from(&evil)),
    };
    let bare_endpoint = EndpointView {
        names: [].into_iter().collect(),
        operator: None,
        holder: None,
        place: Place::default(),
        round_trip: None,
        excluded: &[],
        regime: "".into(),
        label: None,
        listing: Listing::Unjudged,
        reverse_name: None,
        ..endpoint.clone()
    };
    let summary = hostile();
    let findings: Vec<_> = (1..).zip(&summary.findings).collect();
    let losses: Vec<_> = summary.losses.iter().collect();
    vec![
        both::<Flows>(&[flow.clone(), bare_flow, hostile_flow]),
        both::<Handshakes>(&[hello, bare_hello]),
        both::<Dns>(&[dns]),
        both::<Facts>(&[fact(&certificate), fact(&mapped), fact(&detail), fact(&hidden)]),
        both::<Endpoints>(&[endpoint, bare_endpoint]),
        both::<Findings>(&findings),
        both::<Losses>(&losses),
    ]
}

#[test]
fn the_tables_read_as_expected() {
    let mut text = String::new();
    for (table, csv, jsonl) in tables() {
        if table.name != "findings" {
            let _ =
                writeln!(text, "== {}.csv\n{}== {}.jsonl\n{jsonl}", table.name, csv.replace("\r\n", "\n"), table.name);
        }
    }
    assert!(!text.chars().any(|c| c != '\n' && is_treacherous(c)), "harmless on a terminal");
    expect("tables.txt", &text);
}

/// Both forms say the same, and CSV is what RFC 4180 says it is.
#[test]
fn csv_and_json_agree() {
    for (table, csv, jsonl) in tables() {
        let mut reader = csv::ReaderBuilder::new().terminator(csv::Terminator::CRLF).from_reader(csv.as_bytes());
        let headers: Vec<String> = reader.headers().unwrap().iter().map(str::to_owned).collect();
        let names: Vec<_> = table.columns.iter().map(|c| c.name).collect();
        assert_eq!(headers, names);
        let records: Vec<_> = reader.records().map(Result::unwrap).collect();
        let objects: Vec<Value> = jsonl.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        assert_eq!(records.len(), objects.len());
        for (record, object) in records.iter().zip(&objects) {
            for (column, cell) in table.columns.iter().zip(record) {
                let value = &object[column.name];
                assert_eq!(value.is_null(), cell.is_empty(), "{}.{}: {cell}", table.name, column.name);
                assert!(!column.always || !value.is_null(), "{}.{} is always there", table.name, column.name);
                let start = cell.chars().next().unwrap_or(' ');
                assert!(!['=', '+', '-', '@', '\t', '\r'].contains(&start), "{cell} is a formula");
                match value {
                    Value::Number(_) => assert_eq!(serde_json::from_str::<Value>(cell).unwrap(), *value),
                    Value::Bool(yes) => assert_eq!(yes.to_string(), cell),
                    Value::String(text) if text.bytes().all(|b| b.is_ascii_alphanumeric()) => assert_eq!(text, cell),
                    _ => {}
                }
            }
        }
    }
}

/// The columns that scripts and the score lean on, in their order.
#[test]
fn the_promised_columns_are_there() {
    for (table, promised) in [
        (
            "flows",
            "flow community_id protocol client client_port server server_port first last first_frame packets_up bytes_up \
             packets_down bytes_down payload_up payload_down tunnel application name name_basis process scope",
        ),
        (
            "handshakes",
            "frame time flow transport client client_port server server_port sni alpn ech version cipher group ja4",
        ),
        ("dns", "frame time transport client resolver query owner type data ttl"),
        (
            "endpoints",
            "address names organisation parent parent_country asn as_name as_country located_in located_by \
             located_confidence round_trip_ms excluded_countries regime category disclosed packets_up bytes_up \
             packets_down bytes_down first last flows",
        ),
        ("findings", "id code severity ground subject text confidence uncertainty first last frames sources"),
        ("losses", "stage kind frames bytes from until"),
    ] {
        let definition = TABLES.iter().find(|t| t.name == table).unwrap();
        let promised: Vec<_> = promised.split_whitespace().collect();
        let columns: Vec<_> = definition.columns.iter().map(|c| c.name).take(promised.len()).collect();
        assert_eq!(columns, promised, "{table}");
    }
}

fn report(summary: &Summary) -> String {
    let tables = tables();
    let files = tables.iter().filter(|(table, ..)| !["findings", "losses"].contains(&table.name));
    let mut out = Vec::new();
    let rows =
        files.map(|(table, _, jsonl)| Rows { table, count: jsonl.lines().count() as u64, lines: jsonl.as_bytes() });
    report_json(summary, rows.collect(), &mut out).unwrap();
    String::from_utf8(out).unwrap()
}

#[test]
fn reports_keep_to_the_published_schema() {
    let mut schemas = boon::Schemas::new();
    let mut compiler = boon::Compiler::new();
    compiler.enable_format_assertions();
    compiler.add_resource("report.schema.json", serde_json::from_str(SCHEMA).unwrap()).unwrap();
    let schema = compiler.compile("report.schema.json", &mut schemas).unwrap();
    let bare = |summary: &Summary| {
        let mut out = Vec::new();
        summary_json(summary, &mut out).unwrap();
        String::from_utf8(out).unwrap()
    };
    let reports =
        [report(&call(Lang::En)), report(&call(Lang::De)), report(&hostile()), bare(&call(Lang::En)), bare(&empty())];
    for text in &reports {
        assert!(!text.chars().any(|c| c != '\n' && is_treacherous(c)), "harmless on a terminal");
        let value: Value = serde_json::from_str(text).unwrap();
        if let Err(error) = schemas.validate(&value, schema) {
            panic!("{error:#}");
        }
    }
    // The schema says something: it refuses what is not so.
    for (pointer, wrong) in [
        ("/flows/0/bytes_up", json!("many")),
        ("/flows/0/surprise", json!(1)),
        ("/circumstances/first", json!("yesterday")),
        ("/schema", json!(0)),
    ] {
        let mut value: Value = serde_json::from_str(&reports[0]).unwrap();
        let (parent, key) = pointer.rsplit_once('/').unwrap();
        value.pointer_mut(parent).unwrap()[key] = wrong;
        assert!(schemas.validate(&value, schema).is_err(), "{pointer}");
    }
}

#[test]
fn a_report_holds_the_rows_of_the_tables() {
    let text = report(&hostile());
    let value: Value = serde_json::from_str(&text).unwrap();
    for (table, _, jsonl) in tables() {
        // Numbers are the same numbers in another form.
        let row = |line: &str| serde_json::from_str(&line.replace("_ms\":1.000,", "_ms\":1,")).unwrap();
        let rows: Vec<Value> = jsonl.lines().map(row).collect();
        assert_eq!(value[table.name].as_array(), Some(&rows), "{}", table.name);
    }
    assert_eq!(text, report(&hostile()), "the same twice");
}

#[test]
fn text_from_the_network_is_exact_in_json() {
    let value: Value = serde_json::from_str(&report(&hostile())).unwrap();
    assert_eq!(value["markers"][0]["text"], "\u{1b}]0;owned\u{7}\u{202e}evil\u{200b}.example");
    assert_eq!(value["flows"][2]["name"], "=cmd(\"x\",\u{1b}[2J)\u{202e}");
}

/// The row definitions of the schema, made from the tables.
#[test]
fn the_schema_describes_every_column() {
    let mut schema = SCHEMA.to_owned();
    for table in TABLES {
        let head = format!("    \"{}_row\": {{\n", table.name);
        let start = schema.find(&head).expect("a definition for every table");
        let end = start + schema[start..].find("\n    }").expect("its end") + "\n    }".len();
        schema.replace_range(start..end, &row_schema(table));
    }
    if update() {
        std::fs::write(root("src/report/report.schema.json"), &schema).unwrap();
    }
    assert!(schema == SCHEMA, "the schema lags behind the tables; UPDATE_EXPECTED=1 and build again");
}

fn row_schema(table: &Definition) -> String {
    let mut out = format!("    \"{}_row\": {{\n", table.name);
    let _ = writeln!(out, "      \"description\": {},", json!(table.meaning));
    out.push_str("      \"type\": \"object\",\n      \"properties\": {\n");
    let columns: Vec<String> = table
        .columns
        .iter()
        .map(|column| {
            let kind = match column.kind {
                Kind::Text => r#""type": "string""#,
                Kind::Address => r##""$ref": "#/$defs/address""##,
                Kind::Time => r##""$ref": "#/$defs/time""##,
                Kind::Code => r#""type": "string", "pattern": "^0x[0-9a-f]{4}$""#,
                Kind::Number => r#""type": "integer", "minimum": 0"#,
                Kind::Millis => r#""type": "number", "minimum": 0"#,
                Kind::Flag => r#""type": "boolean""#,
                Kind::Texts => r#""type": "array", "items": {"type": "string"}"#,
                Kind::Numbers => r#""type": "array", "items": {"type": "integer", "minimum": 0}"#,
            };
            format!("        {}: {{\"description\": {}, {kind}}}", json!(column.name), json!(column.meaning))
        })
        .collect();
    out.push_str(&columns.join(",\n"));
    let always: Vec<_> = table.columns.iter().filter(|c| c.always).map(|c| format!("\"{}\"", c.name)).collect();
    let _ = write!(out, "\n      }},\n      \"required\": [{}],\n", always.join(", "));
    out.push_str("      \"additionalProperties\": false\n    }");
    out
}

fn saved(summary: &Summary) -> Vec<u8> {
    let mut json = Vec::new();
    summary_json(summary, &mut json).unwrap();
    json
}

/// In both languages, as the program writes it.
fn bilingual(lang: Lang) -> Summary {
    let mut summary = call(lang);
    for other in Lang::ALL.into_iter().filter(|other| *other != lang) {
        let Summary { findings, law, .. } = call(other);
        summary.other.push(Words { lang: other, findings, law });
    }
    summary
}

/// Years later the same report can be made from the document alone: what is read back is written as the same bytes, and
/// reads the same on the terminal, also in the language in which it was not written.
#[test]
fn a_report_reads_back_as_it_was_written() {
    for lang in Lang::ALL {
        let summary = bilingual(lang);
        let json = saved(&summary);
        let again = read_report(&json).unwrap().in_language(lang).unwrap();
        assert_eq!(String::from_utf8(saved(&again)).unwrap(), String::from_utf8(json.clone()).unwrap());
        for other in Lang::ALL {
            let style = Style { lang: other, verbose: true, ..Style::default() };
            let again = read_report(&json).unwrap().in_language(other).unwrap();
            assert_eq!(told(&again, &style), told(&bilingual(other), &style));
        }
    }
}

/// Somebody else's document does no harm and is not half believed.
#[test]
fn a_report_of_somebody_else_is_refused_or_harmless() {
    let json = String::from_utf8(saved(&hostile())).unwrap();
    // The sentences of this sample are raw; once read they are neutralised, and stay as they are. Names stay exact.
    let read = read_report(json.as_bytes()).unwrap().in_language(Lang::En).unwrap();
    let names = |s: &Summary| s.recipients.iter().map(|r| r.names.clone()).collect::<Vec<_>>();
    assert_eq!(format!("{:?}", names(&read)), format!("{:?}", names(&hostile())).replace("QuicSni", "TlsSni"));
    assert_eq!(saved(&read_report(&saved(&read)).unwrap().summary), saved(&read));
    let one_language = read_report(json.as_bytes()).unwrap().in_language(Lang::De);
    assert!(matches!(one_language, Err(ReadError::Language("en"))), "{one_language:?}");
    let refused = |from: &str, to: &str| {
        let changed = json.replacen(from, to, 1);
        assert_ne!(changed, json, "{from}");
        read_report(changed.as_bytes()).unwrap_err().to_string()
    };
    assert!(refused("\"schema\":1", "\"schema\":2").contains("version 2"));
    assert!(refused("\"lang\":\"en\"", "\"lang\":\"xx\"").contains("xx"));
    assert!(refused("\"basis\":\"outer-sni\"", "\"basis\":\"hearsay\"").contains("hearsay"));
    assert!(refused("\"applications\":[\"tls\"]", "\"applications\":[\"\\u001b[2J\"]").contains("\\u{1b}"));
    assert!(refused("\"country\":\"NL\"", "\"country\":\"Netherlands\"").contains("country code"));
    for cut in (0..json.len()).step_by(997) {
        let _ = read_report(&json.as_bytes()[..cut]);
    }
    let swapped = json.replace("owned", "\\u202e<script>");
    let summary = read_report(swapped.as_bytes()).unwrap().summary;
    for lang in Lang::ALL {
        let text = told(&summary, &Style { lang, verbose: true, ..Style::default() });
        assert!(!text.chars().any(|c| c != '\n' && is_treacherous(c)));
    }
}
