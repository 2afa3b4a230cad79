//! The program's answers to stored captures: the generated call to the letter, hostile files by what must be said.
//!
//! `UPDATE_EXPECTED=1 cargo test --test golden` rewrites the captures and the expected files; what a hostile case must
//! say (`fixtures/hostile/*.toml`) is written by hand.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    unreachable_pub,
    reason = "helpers of tests may fail as tests do"
)]

#[path = "golden/hostile.rs"]
mod hostile;
mod program;

use program::{CALL, Folder, assert_valid, files, zollhund};
use serde::Deserialize;
use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use zollhund::synth::mangle::{Caught, Mangle};
use zollhund::wire::is_treacherous;

fn fixtures(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures").join(path)
}

fn expect(path: &str, actual: &[u8]) {
    let file = fixtures(path);
    if std::env::var_os("UPDATE_EXPECTED").is_some() {
        fs::write(&file, actual).unwrap();
    }
    let expected = fs::read(&file).unwrap_or_default();
    assert!(actual == expected, "fixtures/{path} differs; UPDATE_EXPECTED=1 and look at the difference");
}

#[test]
fn the_generated_call_is_told_to_the_letter() {
    let folder = Folder::new();
    for lang in ["en", "de"] {
        let output = folder.path(lang);
        let ran = zollhund(&["demo", "--headless", "--lang", lang, "--output", &output]);
        assert_eq!((ran.status, ran.err.as_str()), (0, ""));
        // A new version is no new answer, and where the tables lie is not what this is about.
        let version = concat!("zollhund ", env!("CARGO_PKG_VERSION"));
        let text = ran.out.replacen(version, "zollhund VERSION", 1).replace(&output, "OUTPUT");
        expect(&format!("calls/demo/summary.{lang}.txt"), text.as_bytes());
    }
    let tables = files(&folder.path("en"));
    for name in ["findings.csv", "endpoints.csv", "handshakes.csv"] {
        expect(&format!("calls/demo/{name}"), tables[name].as_bytes());
    }
}

/// What must come of a hostile capture.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Expectation {
    /// For people.
    #[allow(dead_code, reason = "for people")]
    what: String,
    status: i32,
    /// Words on standard error; none means that it is silent.
    #[serde(default)]
    complaint: Vec<String>,
    /// Words of the summary.
    #[serde(default)]
    told: Vec<String>,
    /// What must not stand in it.
    #[serde(default)]
    untold: Vec<String>,
    /// Names that the table of endpoints holds.
    #[serde(default)]
    names: Vec<String>,
}

#[test]
fn hostile_captures_are_answered_as_expected() {
    let folder = Folder::new();
    let cases = hostile::cases();
    for (name, bytes) in &cases {
        expect(&format!("hostile/{name}.pcap"), bytes);
    }
    for (name, _) in &cases {
        let expected = fs::read_to_string(fixtures(&format!("hostile/{name}.toml"))).unwrap();
        let expected: Expectation = toml::from_str(&expected).unwrap_or_else(|e| panic!("{name}.toml: {e}"));
        let input = fixtures(&format!("hostile/{name}.pcap"));
        let output = folder.path(name);
        let ran = zollhund(&["analyze", input.to_str().unwrap(), "--service", "zoom", "-v", "--output", &output]);
        assert_eq!(ran.status, expected.status, "{name}: {}{}", ran.err, ran.out);
        assert_eq!(ran.err.lines().count(), usize::from(!expected.complaint.is_empty()), "{name}: {}", ran.err);
        assert!(expected.complaint.iter().all(|word| ran.err.contains(word)), "{name}: {}", ran.err);
        for word in &expected.told {
            assert!(ran.out.contains(word), "{name}: `{word}` is not told:\n{}", ran.out);
        }
        for word in &expected.untold {
            assert!(!ran.out.contains(word), "{name}: `{word}` is told:\n{}", ran.out);
        }
        assert!(!ran.out.contains(|c| c != '\n' && is_treacherous(c)), "{name}: harmless on a terminal");
        let tables = files(&output);
        assert_valid(&tables["report.json"]);
        for word in &expected.names {
            assert!(tables["endpoints.csv"].contains(word), "{name}: no `{word}` in\n{}", tables["endpoints.csv"]);
        }
        for (table, text) in tables.iter().filter(|(table, _)| table.contains(".csv")) {
            let mut reader = csv::ReaderBuilder::new().has_headers(true).from_reader(text.as_bytes());
            for row in reader.records() {
                let row = row.unwrap();
                let formula = row.iter().find(|cell| cell.starts_with(['=', '+', '-', '@', '\t', '\r']));
                assert_eq!(formula, None, "{name}: {table}: a spreadsheet would run this");
            }
        }
    }
    let stored = fs::read_dir(fixtures("hostile")).unwrap().count();
    assert_eq!(stored, 2 * cases.len(), "each case is a capture and what must come of it");
}

/// Too large to be stored: the whole call after a bad journey on which nothing was lost.
#[test]
fn doubled_and_swapped_frames_hide_no_recipient() {
    let folder = Folder::new();
    let recipients = |name: &str, frames: &[Caught]| {
        let (input, output) = (folder.file(&format!("{name}.pcap"), hostile::file(frames)), folder.path(name));
        let ran = zollhund(&["analyze", &input, "--service", "zoom", "--output", &output]);
        assert_eq!((ran.status, ran.err.as_str()), (0, ""));
        let mut reader = csv::Reader::from_path(format!("{output}/endpoints.csv")).unwrap();
        reader
            .records()
            .map(|row| row.unwrap())
            .map(|row| (row[0].to_owned(), row[1].to_owned()))
            .collect::<BTreeSet<_>>()
    };
    let whole: Vec<_> = CALL.frames().map(|(time, bytes)| Caught::whole(time, bytes.to_vec())).collect();
    let rules = Mangle { duplication: 50, reorder: 50, window: 3, within: Some(2_000_000), ..Mangle::default() };
    let (rough, damage) = rules.apply(whole.clone(), 3);
    assert!(damage.duplicated > 500 && damage.moved > 100, "{damage:?}");
    let expected = recipients("whole", &whole);
    assert!(expected.len() > 15);
    assert_eq!(recipients("rough", &rough), expected);
}
