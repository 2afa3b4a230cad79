//! A bundle from its making to its check by others: every byte counts, and the findings come out again.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test may stop where it stands")]
#![allow(clippy::print_stderr, reason = "a skipped test says so")]

mod program;

use program::{CALL, Folder, frames, pcap, run, zollhund};
use serde_json::Value;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// A sealed bundle of the first frames of the generated call, with an audit file and a profile.
fn sealed(folder: &Folder) -> String {
    let capture = folder.file("call.pcap", pcap(CALL.link, &frames(400)));
    let audit = folder.file("audit.toml", AUDIT);
    let bundle = folder.path("case");
    let ran = zollhund(&["analyze", &capture, "--service", "zoom", "--audit", &audit, "--save", &bundle]);
    assert_eq!(ran.status, 0, "{}", ran.err);
    assert!(ran.err.contains("sealed in"), "{}", ran.err);
    bundle
}

const AUDIT: &str = "[case]\nreference = \"D-2026/7\"\ndate = 2026-11-22\n";

/// Every file of the bundle, as paths from its root.
fn files(root: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut open = vec![root.to_owned()];
    while let Some(folder) = open.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() { open.push(path) } else { found.push(path) }
        }
    }
    found.sort();
    found
}

fn statements(bundle: &str, more: &[&str]) -> (i32, Vec<(String, String, String)>) {
    let mut words = vec!["verify", bundle, "--format", "json"];
    words.extend(more);
    let ran = zollhund(&words);
    let value: Value = serde_json::from_str(&ran.out).unwrap_or_else(|_| panic!("{} {}", ran.out, ran.err));
    let text = |s: &Value, key: &str| s[key].as_str().unwrap().to_owned();
    let list = value["statements"].as_array().unwrap();
    (ran.status, list.iter().map(|s| (text(s, "about"), text(s, "holds"), text(s, "text"))).collect())
}

#[test]
fn a_bundle_holds_and_its_findings_come_out_again() {
    let folder = Folder::new();
    let bundle = sealed(&folder);
    let (status, said) = statements(&bundle, &["--reanalyze"]);
    assert_eq!(status, 0, "{said:#?}");
    for about in ["payload", "custody", "findings"] {
        let found = said.iter().find(|(a, ..)| a == about).unwrap_or_else(|| panic!("{about}: {said:#?}"));
        assert_eq!(found.1, "yes", "{found:?}");
    }
    for about in ["signature", "time-stamp"] {
        assert!(said.iter().any(|(a, holds, _)| a == about && holds == "open"), "{said:#?}");
    }
    let info = fs::read_to_string(Path::new(&bundle).join("bag-info.txt")).unwrap();
    assert!(info.contains("External-Identifier: D-2026/7\n"), "{info}");
    // Nothing is overwritten, and nothing is added to what is sealed.
    let capture = folder.path("call.pcap");
    assert_eq!(zollhund(&["analyze", &capture, "--save", &bundle]).status, 2);
    assert_eq!(statements(&bundle, &[]).0, 0);
}

#[test]
fn one_flipped_byte_anywhere_is_named() {
    let folder = Folder::new();
    let bundle = sealed(&folder);
    let root = Path::new(&bundle);
    for path in files(root) {
        let whole = fs::read(&path).unwrap();
        if whole.is_empty() {
            continue;
        }
        let mut changed = whole.clone();
        let at = changed.len() / 2;
        changed[at] ^= 1;
        fs::write(&path, &changed).unwrap();
        let (status, said) = statements(&bundle, &[]);
        let name = path.strip_prefix(root).unwrap().to_str().unwrap();
        assert_eq!(status, 2, "{name}: {said:#?}");
        if name == "tagmanifest-sha512.txt" {
            // Its own lines are wrong now: the file that the line is about is named.
            assert!(said.iter().any(|(about, holds, _)| about == "file" && holds == "no"), "{said:#?}");
        } else {
            let named = said.iter().any(|(about, holds, text)| about == "file" && holds == "no" && text.contains(name));
            assert!(named, "{name}: {said:#?}");
        }
        fs::write(&path, whole).unwrap();
    }
    assert_eq!(statements(&bundle, &[]).0, 0);
}

#[test]
fn changed_findings_are_told_although_the_manifests_fit() {
    let folder = Folder::new();
    let bundle = sealed(&folder);
    let root = Path::new(&bundle);
    // Somebody who takes out a finding and seals anew.
    for name in ["bagit.txt", "bag-info.txt", "manifest-sha256.txt", "manifest-sha512.txt", "tagmanifest-sha512.txt"] {
        fs::remove_file(root.join(name)).unwrap();
    }
    let findings = root.join("data/findings.jsonl");
    let text = fs::read_to_string(&findings).unwrap();
    let fewer: String = text.split_inclusive('\n').skip(1).collect();
    fs::write(&findings, fewer).unwrap();
    zollhund::evidence::seal(root, &[]).unwrap();
    assert_eq!(statements(&bundle, &[]).0, 0);
    let (status, said) = statements(&bundle, &["--reanalyze"]);
    assert_eq!(status, 2);
    assert!(
        said.iter().any(|(about, holds, text)| about == "findings" && holds == "no" && text.contains("findings.jsonl"))
    );
}

#[test]
fn a_stock_validator_accepts_it() {
    let folder = Folder::new();
    let bundle = sealed(&folder);
    match Command::new("python3").args(["-m", "bagit", "--validate", &bundle]).output() {
        Ok(done) if String::from_utf8_lossy(&done.stderr).contains("No module named") => {
            assert!(std::env::var("ZOLLHUND_LAB").is_err(), "the Python module bagit is missing");
            eprintln!("SKIPPED: the Python module bagit is missing");
        }
        Ok(done) => assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr)),
        Err(error) => eprintln!("SKIPPED: no python3: {error}"),
    }
}

#[test]
fn signature_and_time_stamp_come_from_outside_and_are_noted() {
    let folder = Folder::new();
    let bundle = sealed(&folder);
    let key = folder.path("key");
    let made = Command::new("ssh-keygen").args(["-q", "-t", "ed25519", "-N", "", "-C", "", "-f", &key]).status();
    if !made.is_ok_and(|status| status.success()) {
        eprintln!("SKIPPED: ssh-keygen is missing");
        return;
    }
    let ran = zollhund(&["seal", &bundle, "--key", &key, "--request"]);
    assert_eq!(ran.status, 0, "{}", ran.err);
    let public = fs::read_to_string(format!("{key}.pub")).unwrap();
    let signers = folder.file("signers", format!("auditor@authority.example {public}"));
    let (status, said) = statements(&bundle, &["--signers", &signers]);
    assert_eq!(status, 0, "{said:#?}");
    let of = |about: &str| said.iter().find(|(a, ..)| a == about).unwrap();
    assert_eq!(of("signature").1, "yes", "{said:#?}");
    assert!(of("signature").2.contains("auditor@authority.example"), "{said:#?}");
    assert!(of("custody").2.contains("time stamp requested"), "{said:#?}");
    assert!(fs::metadata(format!("{bundle}.tsq")).unwrap().len() > 64);
    // A line taken out of the log beside the bundle.
    let log = format!("{bundle}.custody.jsonl");
    let text = fs::read_to_string(&log).unwrap();
    fs::write(&log, text.split_inclusive('\n').skip(1).collect::<String>()).unwrap();
    assert_eq!(statements(&bundle, &[]).0, 2);
}

#[test]
fn what_an_interrupted_run_left_is_told_and_can_be_sealed() {
    let folder = Folder::new();
    let bundle = sealed(&folder);
    let root = Path::new(&bundle);
    // As after a kill while capturing: no table, no manifest, a capture cut in the middle of a record.
    for path in files(root) {
        let name = path.strip_prefix(root).unwrap().to_str().unwrap().to_owned();
        if !name.starts_with("data/capture/") && !name.starts_with("data/inputs/") && name != "data/custody.jsonl" {
            fs::remove_file(&path).unwrap();
        }
    }
    let capture = root.join("data/capture/call.pcap");
    let bytes = fs::read(&capture).unwrap();
    fs::write(&capture, &bytes[..bytes.len() - 30]).unwrap();
    let log = root.join("data/custody.jsonl");
    let first: String = fs::read_to_string(&log).unwrap().split_inclusive('\n').take(2).collect();
    fs::write(&log, first).unwrap();

    let ran = run(&["verify", &bundle], &[], &[]);
    assert_eq!(ran.status, 3, "{} {}", ran.out, ran.err);
    assert!(ran.out.contains("399 frames can be read"), "{}", ran.out);
    let ran = zollhund(&["seal", &bundle]);
    assert_eq!(ran.status, 3, "incomplete stays incomplete: {}", ran.err);
    let (status, said) = statements(&bundle, &["--reanalyze"]);
    assert_eq!(status, 0, "{said:#?}");
}
