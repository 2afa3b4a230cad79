//! The same traffic on different days is judged by the law of its day; what the auditor sets aside stays in the report.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    unreachable_pub,
    reason = "a test may stop where it stands"
)]

mod program;

use program::{Folder, files, run, zollhund};
use std::sync::LazyLock;
use zollhund::attribution::{Vote, VoteBasis};
use zollhund::engine::view::{EndpointView, FlowView, HandshakeView, Summary};
use zollhund::engine::{Config, Engine, Input, Knowledge, Rows};
use zollhund::run::{Wanted, knowledge};
use zollhund::synth::Random;
use zollhund::synth::frames::{RAW_IP, TcpTalk};
use zollhund::synth::hello::{ClientHello, ServerHello, handshake_records};
use zollhund::wire::{Day, End, Frame, FrameNo, Side, Timestamp};

static KNOWLEDGE: LazyLock<Knowledge> = LazyLock::new(|| knowledge(&Wanted::default()).unwrap());

/// Hosts in the United States, the United Kingdom and Brazil, by the provider's own list of regions.
const HOSTS: [(&str, &str); 3] = [("3.208.1.1", "us.example"), ("3.8.0.1", "gb.example"), ("54.94.1.1", "br.example")];

fn end(address: &str, port: u16) -> End {
    End { address: address.parse().unwrap(), port }
}

fn midnight(day: &str) -> Timestamp {
    Timestamp::from_secs(u64::from(Day::parse(day).unwrap().0) * 86_400)
}

/// A client speaks TLS with each host, `seconds` after the beginning of a day.
fn traffic(day: &str, seconds: u64) -> Vec<(Timestamp, Vec<u8>)> {
    talks(&HOSTS, day, seconds)
}

fn talks(hosts: &[(&str, &str)], day: &str, seconds: u64) -> Vec<(Timestamp, Vec<u8>)> {
    let mut random = Random::new(7);
    let mut frames = Vec::new();
    for (port, (address, name)) in (40_000..).zip(hosts) {
        let mut talk = TcpTalk::new(end("192.168.1.50", port), end(address, 443), &mut random);
        let mut packets = talk.open().to_vec();
        packets
            .extend(talk.say(Side::First, &handshake_records(&ClientHello::modern(name).message(&mut random), 16_000)));
        packets.extend(talk.say(Side::Second, &handshake_records(&ServerHello::TLS13.message(&mut random), 16_000)));
        packets.extend(talk.close(Side::First));
        frames.extend(packets.into_iter().map(|bytes| (midnight(day).plus_nanos(seconds * 1_000_000_000), bytes)));
    }
    frames
}

#[derive(Default)]
struct Regimes {
    /// Name and law.
    of: Vec<(String, String)>,
    /// Name, place and confidence, why it is doubtful, and who spoke of a code in the name.
    places: Vec<[String; 4]>,
}

impl Rows for Regimes {
    fn flow(&mut self, _: &FlowView<'_>) {}
    fn handshake(&mut self, _: &HandshakeView<'_>) {}
    fn endpoint(&mut self, row: &EndpointView<'_>) {
        let name = row.names[0].exact().to_owned();
        self.of.push((name.clone(), row.regime.to_string()));
        let place = row.place.located_in.as_ref().map(|c| format!("{} {}", c.value, c.confidence.token()));
        let coded = |v: &&Vote| matches!(v.basis, VoteBasis::HostCode { .. });
        let vote = row.place.votes.iter().find(coded).map(|v| format!("{} {}, {}", v.country, v.source.name, v.basis));
        let why = row.place.indeterminate.as_deref().unwrap_or_default().to_owned();
        self.places.push([name, place.unwrap_or_default(), why, vote.unwrap_or_default()]);
    }
}

fn judged(frames: &[(Timestamp, Vec<u8>)]) -> (Summary, Vec<(String, String)>) {
    let (summary, rows) = told(frames);
    (summary, rows.of)
}

fn told(frames: &[(Timestamp, Vec<u8>)]) -> (Summary, Regimes) {
    let turning_days = KNOWLEDGE.book.turning_days();
    let mut engine = Engine::new(&Config { turning_days, ..Config::default() });
    for (number, (time, bytes)) in (1..).zip(frames) {
        let original_len = bytes.len() as u32;
        engine.ingest(Input::Frame(Frame { number: FrameNo(number), time: *time, link: RAW_IP, original_len, bytes }));
        while engine.poll().is_some() {}
    }
    engine.end();
    let mut regimes = Regimes::default();
    let summary = engine.summary(&KNOWLEDGE, &mut regimes);
    (summary, regimes)
}

/// Code and text of what is said of the place of a host, in the order of time.
fn places<'s>(summary: &'s Summary, host: &str) -> Vec<(&'static str, &'s str)> {
    let of_host = summary.findings.iter().filter(|f| f.subject.starts_with(host) && f.code.starts_with("TRF-0"));
    let mut found: Vec<_> = of_host.filter(|f| f.code != "TRF-06").map(|f| (f.first, f.code, &*f.text)).collect();
    found.sort_by_key(|(first, ..)| *first);
    found.into_iter().map(|(_, code, text)| (code, text)).collect()
}

#[test]
fn the_same_flow_is_judged_by_the_law_of_its_day() {
    const NONE: &str = "no adequacy decision";
    const SHIELD: &str = "Privacy Shield, Decision (EU) 2016/1250, in force 2016-07-12 to 2020-07-15";
    const DPF: &str = "Data Privacy Framework, Decision (EU) 2023/1795, in force since 2023-07-10";
    for (day, us, gb, br) in [
        ("2018-06-01", ("TRF-02", SHIELD), None, ("TRF-01", NONE)),
        ("2020-03-02", ("TRF-02", SHIELD), Some("transition period"), ("TRF-01", NONE)),
        ("2020-08-03", ("TRF-02", NONE), Some("transition period"), ("TRF-01", NONE)),
        ("2021-02-18", ("TRF-02", NONE), Some("bridging clause"), ("TRF-01", NONE)),
        ("2023-06-30", ("TRF-02", NONE), Some("Decision (EU) 2021/1772"), ("TRF-01", NONE)),
        ("2023-08-01", ("TRF-02", DPF), Some("Decision (EU) 2021/1772"), ("TRF-01", NONE)),
        ("2026-02-02", ("TRF-02", DPF), Some("C(2025) 8771"), ("TRF-03", "Decision (EU) 2026/179")),
    ] {
        let (summary, _) = judged(&traffic(day, 36_000));
        for (host, expected) in
            [("us.example", Some(us)), ("gb.example", gb.map(|law| ("TRF-04", law))), ("br.example", Some(br))]
        {
            let found = places(&summary, host);
            let codes: Vec<_> = found.iter().map(|(code, _)| *code).collect();
            assert_eq!(codes, expected.iter().map(|e| e.0).collect::<Vec<_>>(), "{host} on {day}");
            for ((_, text), (_, law)) in found.iter().zip(expected) {
                assert!(
                    text.contains(&format!("For {day} jurisdictions.toml")) && text.contains(law),
                    "{host} on {day}: {text}"
                );
            }
        }
    }
}

#[test]
fn each_flow_counts_by_its_own_start_and_not_by_the_first_day_of_the_capture() {
    // Before and after midnight on the day of the judgment C-311/18, and on the day of the decision on Brazil.
    let night = [traffic("2020-07-15", 86_390), traffic("2020-07-16", 10)].concat();
    let (summary, regimes) = judged(&night);
    let us = places(&summary, "us.example");
    assert_eq!(us.len(), 2, "{us:?}");
    assert!(us[0].1.contains("For 2020-07-15") && us[0].1.contains("Privacy Shield, Decision"), "{}", us[0].1);
    assert!(us[1].1.contains("For 2020-07-16") && us[1].1.contains("no adequacy decision"), "{}", us[1].1);
    assert!(summary.findings.iter().all(|f| !f.uncertainty.contains("regime changed")));
    // All three stand in the network of a company from the United States: whose law changed, changed for them too.
    assert_eq!(places(&summary, "gb.example").len(), 2);
    let of = |host: &str| regimes.iter().find(|(name, _)| name == host).unwrap().1.clone();
    assert_eq!(of("us.example"), "adequate_partial:us_privacy_shield; third_country:us_no_decision");
    assert_eq!(of("gb.example"), "treated_as_eea");

    let (summary, _) = judged(&[traffic("2026-01-25", 86_390), traffic("2026-01-26", 10)].concat());
    let br: Vec<_> = places(&summary, "br.example").iter().map(|(code, _)| *code).collect();
    assert_eq!(br, ["TRF-01", "TRF-03"]);
    assert_eq!(places(&summary, "us.example").len(), 1, "whose law did not change is one recipient");

    // A flow that began before midnight belongs to the day on which it began.
    let mut long = traffic("2020-07-15", 86_390);
    long[10].0 = midnight("2020-07-16").plus_nanos(5_000_000_000);
    long.sort_by_key(|(time, _)| *time);
    let (summary, _) = judged(&long);
    assert_eq!(places(&summary, "us.example").len(), 1);
}

#[test]
fn what_is_set_aside_is_told_and_calls_nobody() {
    let folder = Folder::new();
    let decision = "[[suppress]]\ncode = \"ENC-01\"\nhost = \"desktop-widget.example\"\nreason = \"a gadget of the test device\"\n\
                    decided = 2026-11-20\nby = \"AB\"\n";
    let case = "[case]\nreference = \"A 1\"\ndate = 2026-11-20\ncontroller = \"Office\\u001b[31m\"\nclient = \"Zoom\"\nversion = \"6.2\"\n";
    let audit = folder.file("audit.toml", format!("{case}{decision}"));
    let output = folder.path("out");
    let arguments = ["demo", "--headless", "--audit", &audit, "--fail-on", "high", "--output", &output];
    let ran = zollhund(&arguments);
    assert_eq!((ran.status, ran.err.as_str()), (0, ""), "the one grave finding is set aside");
    let said = ran.out.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(said.contains("stated case A 1 · user Office") && said.contains("· client Zoom 6.2"), "{said}");
    assert!(!said.contains('\u{1b}'), "{said}");
    assert!(
        said.contains("set aside ENC-01 weather.desktop-widget.example: a gadget of the test device (2026-11-20, AB)"),
        "{}",
        ran.out
    );
    assert!(said.contains("0 high"), "{}", ran.out);
    let table = &files(&output)["findings.csv"];
    let row = table.lines().find(|row| row.contains("ENC-01,high")).unwrap();
    assert!(row.ends_with("a gadget of the test device,2026-11-20,AB"), "{row}");
    // Without the decision, and after it has ended, the finding calls again.
    let ended = folder.file("ended.toml", format!("{case}{}until = 2026-10-14\n", decision.replace("11-20", "10-01")));
    for arguments in [
        &["demo", "--headless", "--fail-on", "high"][..],
        &["demo", "--headless", "--fail-on", "high", "--audit", &ended],
    ] {
        assert_eq!(zollhund(arguments).status, 1, "{arguments:?}");
    }
}

#[test]
fn a_table_of_law_that_has_grown_old_is_told_at_the_desk_and_in_the_report() {
    let edition = KNOWLEDGE.book.regimes.edition();
    let on = |days: u32| {
        let now = (u64::from(edition.0 + days) * 86_400).to_string();
        run(&["demo", "--headless"], &[], &[("SOURCE_DATE_EPOCH", &now)])
    };
    let (fresh, old) = (on(180), on(181));
    assert_eq!((fresh.status, fresh.err.as_str()), (0, ""));
    assert!(old.err.contains(&format!("the table of law is of {edition}, 181 days old; use a newer")), "{}", old.err);
    assert_eq!(old.out, fresh.out, "a report does not depend on the day on which it is made");
    let said = fresh.out.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(said.contains(&format!("edition {edition}, 38 days after the capture")), "{}", fresh.out);

    let late = Day(edition.0 + 181).to_string();
    let (summary, _) = judged(&traffic(&late, 0));
    assert!(summary.findings.iter().any(|f| f.code == "CAP-16" && f.text.contains("181 days before")));
    let (summary, _) = judged(&traffic(&Day(edition.0 + 180).to_string(), 0));
    assert!(summary.findings.iter().all(|f| f.code != "CAP-16"));
}

#[test]
fn a_code_in_the_name_of_a_host_is_a_vote_on_its_place() {
    // The first is a network of which a database says US; the second is Amazon's own word on Frankfurt; the third has no code.
    let hosts = [
        ("206.247.64.10", "zoomfra1mmr.fra.zoom.us"),
        ("3.64.10.1", "us.telemetry.zoom.us"),
        ("206.247.64.11", "fra.zoom.us.example"),
    ];
    let (summary, mut rows) = told(&talks(&hosts, "2026-03-01", 60));
    rows.places.sort();
    let vote = |country: &str, code: &str| format!("{country} zoom.toml, code {code} in its host name");
    assert_eq!(
        rows.places[0],
        ["fra.zoom.us.example", "US low", "spread over many countries, may stand elsewhere", ""]
    );
    assert_eq!(rows.places[1], ["us.telemetry.zoom.us", "DE high", "", &format!("{}, unverified", vote("US", "us"))]);
    let [name, place, why, said] = &rows.places[2];
    assert_eq!([name, place, said], ["zoomfra1mmr.fra.zoom.us", "US low", &vote("DE", "fra")]);
    assert_eq!(why, "sources disagree: US, DE");
    let doubted: Vec<_> = summary
        .findings
        .iter()
        .filter(|f| f.text.contains("sources disagree: US, DE") || f.uncertainty.contains("sources disagree: US, DE"))
        .map(|f| f.code)
        .collect();
    assert!(!doubted.is_empty(), "the contradiction is told");
}
