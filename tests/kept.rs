//! Kept reports: told again, compared, exported.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    unreachable_pub,
    reason = "helpers of tests may fail as tests do"
)]
#![allow(clippy::print_stderr, reason = "a skipped test says so")]

mod program;

use program::{Folder, assert_valid_as, files, frames, pcap, run, zollhund};
use serde_json::Value;
use zollhund::wire::LinkType;

/// The tables of the demo, in a folder of its own.
fn demo(folder: &Folder, name: &str, more: &[&str]) -> String {
    let output = folder.path(name);
    let ran = zollhund(&[&["demo", "--headless", "--output", &output], more].concat());
    assert_eq!((ran.status, ran.err.as_str()), (0, ""));
    output
}

#[test]
fn a_kept_report_is_told_again_in_every_form_and_language() {
    let folder = Folder::new();
    let output = demo(&folder, "out", &[]);
    let written = files(&output);
    let json = format!("{output}/report.json");
    for path in [&output, &json] {
        assert_eq!(zollhund(&["report", path, "--format", "html"]).out, written["report.html"]);
        assert_eq!(zollhund(&["report", path, "--format", "csv"]).out, written["findings.csv"]);
        for lang in ["en", "de"] {
            let again = zollhund(&["report", path, "--lang", lang, "--verbose"]);
            assert_eq!(again.out, zollhund(&["demo", "--headless", "--lang", lang, "--verbose"]).out);
        }
    }
    // In a language in which it was not written, the page is the one that the analysis itself would have made.
    let german = files(&demo(&folder, "german", &["--lang", "de"]));
    assert_eq!(zollhund(&["report", &output, "--lang", "de", "--format", "html"]).out, german["report.html"]);
    assert_eq!(zollhund(&["report", &output, "--fail-on", "high"]).status, 1);
}

#[test]
fn a_report_is_canonical_json() {
    let folder = Folder::new();
    let audit = folder.file("audit.toml", zollhund(&["services", "template"]).out);
    let output = demo(&folder, "out", &["--audit", &audit]);
    // With numbers that are not whole, in the document and in the rows of its tables.
    let text = std::fs::read_to_string(format!("{output}/report.json")).unwrap();
    assert!(text.contains("\"latitude\":52.52,") && text.contains("\"round_trip_ms\":"), "{text}");
    let check =
        "import json, rfc8785, sys\nraw = sys.stdin.buffer.read()\nsys.exit(rfc8785.dumps(json.loads(raw)) != raw)";
    for text in [text.as_str(), zollhund(&["diff", &output, &output, "--format", "json"]).out.trim_end()] {
        match stock(&["python3", "-c", check], text.as_bytes()) {
            Some(done) if done.contains("No module named") => {
                assert!(std::env::var("ZOLLHUND_LAB").is_err(), "the Python module rfc8785 is missing");
                eprintln!("SKIPPED: the Python module rfc8785 is missing");
            }
            Some(complaint) => {
                assert_eq!(complaint, "", "a stock implementation of RFC 8785 finds something to change");
            }
            None => eprintln!("SKIPPED: no python3"),
        }
    }
}

/// Runs another program with these bytes; what it complained, or that it was not content. `None` if it is not there.
fn stock(words: &[&str], input: &[u8]) -> Option<String> {
    use std::io::Write;
    let mut command = std::process::Command::new(words[0]);
    command.args(&words[1..]).stdin(std::process::Stdio::piped()).stderr(std::process::Stdio::piped());
    let mut child = command.spawn().ok()?;
    let _ = child.stdin.take()?.write_all(input);
    let done = child.wait_with_output().ok()?;
    let said = String::from_utf8_lossy(&done.stderr).into_owned();
    Some(if done.status.success() || !said.is_empty() { said } else { "not content".into() })
}

#[test]
fn large_tables_are_read_from_their_own_files() {
    let folder = Folder::new();
    let output = demo(&folder, "out", &[]);
    let path = format!("{output}/report.json");
    let mut report: Value = serde_json::from_str(&std::fs::read_to_string(&path).unwrap()).unwrap();
    for table in report["tables"].as_array_mut().unwrap() {
        table["here"] = false.into();
    }
    for table in ["flows", "handshakes", "endpoints", "dns", "facts"] {
        report.as_object_mut().unwrap().remove(table).unwrap();
    }
    let page = std::fs::read_to_string(format!("{output}/report.html")).unwrap();
    std::fs::write(&path, report.to_string()).unwrap();
    assert_eq!(zollhund(&["report", &output, "--format", "html"]).out, page);
    std::fs::remove_file(format!("{output}/handshakes.jsonl")).unwrap();
    let ran = zollhund(&["report", &output, "--format", "html"]);
    assert_eq!((ran.status, ran.out.as_str()), (2, ""));
    assert!(ran.err.contains("handshakes.jsonl") && ran.err.lines().count() == 1, "{}", ran.err);
}

#[test]
fn what_is_no_report_is_refused_in_one_line_with_the_cure() {
    let folder = Folder::new();
    let empty = folder.path("empty");
    std::fs::create_dir(&empty).unwrap();
    let text = folder.file("text.json", "{\"schema\":1,\"hello\":\"\u{1b}[2J\"}");
    let newer = folder.file("newer.json", "{\"schema\":99}");
    let binary = folder.file("binary", [0_u8, 159, 146, 150]);
    for (path, cure) in [
        (folder.path("missing"), "check the path"),
        (empty, "analyze --output"),
        (text, "analyze --output"),
        (newer, "newer zollhund"),
        (binary, "analyze --output"),
    ] {
        let ran = zollhund(&["report", &path]);
        assert_eq!((ran.status, ran.out.as_str()), (2, ""), "{path}");
        assert!(ran.err.contains(cure) && ran.err.lines().count() == 1 && !ran.err.contains('\u{1b}'), "{}", ran.err);
    }
}

#[test]
fn events_carry_the_fields_of_a_siem_and_every_flow_and_finding() {
    let folder = Folder::new();
    let output = demo(&folder, "out", &[]);
    let written = files(&output);
    let lines = |format| -> Vec<Value> {
        let ran = zollhund(&["report", &output, "--format", format]);
        assert_eq!((ran.status, ran.err.as_str()), (0, ""));
        ran.out.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    };
    let count = |table: &str| written[table].lines().count();
    let (flows, findings) = (count("flows.jsonl"), count("findings.jsonl"));
    let ecs = lines("ecs");
    assert_eq!(ecs.len(), flows + findings);
    assert!(ecs.iter().all(|e| e["@timestamp"].is_string() && e["ecs"]["version"].is_string()));
    let of = |kind: &str| ecs.iter().filter(|e| e["event"]["kind"] == kind).count();
    assert_eq!((of("event"), of("alert")), (flows, findings));
    assert!(ecs.iter().any(|e| e["destination"]["domain"] == "us.telemetry.zoom.us" && e["rule"]["id"] == "TRF-02"));
    let eve = lines("eve");
    assert_eq!(eve.len(), flows + findings);
    assert!(eve.iter().any(|e| e["event_type"] == "flow" && e["tls"]["sni"] == "us.telemetry.zoom.us"));
    assert!(eve.iter().any(|e| e["event_type"] == "alert" && e["alert"]["severity"] == 1 && e["dest_ip"].is_string()));
    let hosts = zollhund(&["report", &output, "--format", "hosts"]).out;
    assert!(hosts.lines().count() > 5);
    for line in hosts.lines() {
        let (address, name) = line.split_once('\t').unwrap();
        assert!(address.parse::<std::net::IpAddr>().is_ok() && !name.is_empty(), "{line}");
    }
    let ran = zollhund(&["demo", "--headless", "--format", "eve"]);
    assert_eq!(ran.status, 2);
    assert!(ran.err.contains("zollhund report DIR --format eve"), "{}", ran.err);
}

#[test]
fn a_comparison_says_what_is_new_gone_and_changed() {
    let folder = Folder::new();
    let whole = demo(&folder, "whole", &[]);
    let same = zollhund(&["diff", &whole, &whole, "--fail-on", "info", "--format", "json"]);
    assert_eq!((same.status, same.err.as_str()), (0, ""));
    let same = assert_valid_as("diff", &same.out);
    for kind in ["recipients", "organisations", "countries", "findings"] {
        let rows = same[kind].as_array().unwrap();
        assert!(!rows.is_empty() && rows.iter().all(|row| row["state"] == "same"), "{kind}");
    }
    assert_eq!(same["cautions"], serde_json::json!([]));
    assert!(same["phases"].as_array().unwrap().iter().all(|phase| phase["a"] == phase["b"]));

    // The beginning of the call as a capture, against the whole call as it was kept.
    let begin = folder.file("begin.pcap", pcap(LinkType::ETHERNET, &frames(190)));
    let diff = |more: &[&str]| zollhund(&[&["diff", &begin, &whole, "--service", "zoom"], more].concat());
    let ran = diff(&["--format", "json", "--fail-on", "attention"]);
    assert_eq!((ran.status, ran.err.as_str()), (1, ""));
    let json = assert_valid_as("diff", &ran.out);
    let state = |kind: &str, key: &str, name: &str| {
        let row = json[kind].as_array().unwrap().iter().find(|row| row[key].as_str().unwrap().contains(name));
        row.unwrap_or_else(|| panic!("{name} is not among {kind}"))["state"].as_str().unwrap().to_owned()
    };
    assert_eq!(state("recipients", "name", "metrics-partner"), "new");
    assert_eq!(state("countries", "name", "Singap"), "new");
    assert_eq!(state("countries", "name", "(DE)"), "changed");
    assert_eq!(state("findings", "code", "TRF-01"), "new");
    assert!(json["cautions"][0].as_str().unwrap().contains("not equally long"), "{}", json["cautions"]);
    let back = zollhund(&["diff", &whole, &begin, "--service", "zoom", "--format", "json", "--fail-on", "high"]);
    assert_eq!(back.status, 0, "nothing grave is new the other way round");
    assert!(back.out.contains("\"name\":\"metrics-partner.example\",\"notes\":[],\"state\":\"gone\""), "{}", back.out);
    for (lang, words) in
        [("en", ["Recipients", "new", "Volumes by phase"]), ("de", ["Empfänger", "neu", "Mengen nach Phasen"])]
    {
        let text = diff(&["--lang", lang]).out;
        let page = diff(&["--lang", lang, "--format", "html"]).out;
        for word in words {
            assert!(text.contains(word) && page.contains(word), "{word}");
        }
        assert!(text.lines().all(|line| line.chars().count() <= 80), "{text}");
    }
    let ran = diff(&["--format", "csv"]);
    assert_eq!(ran.status, 2);
    assert!(ran.err.contains("text, json, html or pdf"), "{}", ran.err);
}

#[test]
fn without_a_converter_a_pdf_is_refused_with_the_cure() {
    let folder = Folder::new();
    let nothing = folder.path("nothing");
    std::fs::create_dir(&nothing).unwrap();
    let ran = run(&["demo", "--headless", "--format", "pdf"], &[], &[("PATH", &nothing)]);
    assert_eq!((ran.status, ran.out.as_str()), (2, ""));
    assert!(ran.err.contains("install chromium or weasyprint") && ran.err.lines().count() == 1, "{}", ran.err);
}

#[test]
fn the_report_of_any_capture_can_be_told_again() {
    let shared = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/captures");
    let Ok(entries) = std::fs::read_dir(&shared) else {
        eprintln!("SKIPPED: {} is not there, so only the generated call was told again", shared.display());
        return;
    };
    let mut captures: Vec<_> = entries.map(|entry| entry.unwrap().path()).collect();
    captures.retain(|p| p.extension().is_some_and(|e| e == "pcap" || e == "pcapng"));
    captures.retain(|p| std::fs::metadata(p).unwrap().len() < 100_000);
    captures.sort();
    let folder = Folder::new();
    for (number, path) in captures.iter().enumerate() {
        let output = folder.path(&number.to_string());
        let told = zollhund(&["analyze", path.to_str().unwrap(), "--service", "zoom", "--output", &output]);
        if told.status == 2 {
            continue;
        }
        let again = zollhund(&["report", &output]);
        assert_eq!((again.status, again.err.as_str()), (told.status, ""), "{}", path.display());
        assert_eq!(again.out, told.out, "{}", path.display());
        if number % 4 > 0 {
            continue;
        }
        // What a bundle keeps of it says the same.
        let bundle = folder.path(&format!("bundle{number}"));
        let saved = zollhund(&["analyze", path.to_str().unwrap(), "--service", "zoom", "--save", &bundle]);
        assert_eq!(saved.status, told.status, "{}: {}", path.display(), saved.err);
        for table in ["flows", "endpoints", "handshakes", "dns", "facts", "losses"] {
            let of = |folder: &str| std::fs::read(format!("{folder}/{table}.jsonl")).unwrap();
            assert!(of(&output) == of(&format!("{bundle}/data")), "{}: {table}", path.display());
        }
        let verified = zollhund(&["verify", &bundle, "--reanalyze"]);
        assert_eq!(verified.status, 0, "{}: {}", path.display(), verified.out);
    }
}
