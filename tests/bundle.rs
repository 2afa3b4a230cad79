//! A bundle from its making to its check by others: every byte counts, and the findings come out again.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test may stop where it stands")]
#![allow(clippy::print_stderr, reason = "a skipped test says so")]

mod program;

use program::{CALL, Folder, frames, pcap, run, tree, zollhund};
use serde_json::Value;
use std::fs;
use std::path::Path;
use std::process::Command;
use zollhund::capture::{CaptureFile, Captured, Digest};
use zollhund::synth::frames::TcpTalk;
use zollhund::synth::{Random, dns};
use zollhund::wire::{LinkType, Side};

/// A sealed bundle of the first frames of the generated call, with an audit file and a profile.
fn sealed(folder: &Folder) -> String {
    sealed_with(folder, &[])
}

fn sealed_with(folder: &Folder, more: &[&str]) -> String {
    let capture = folder.file("call.pcap", pcap(CALL.link, &frames(400)));
    let audit = folder.file("audit.toml", AUDIT);
    let bundle = folder.path("case");
    let words = ["analyze", &capture, "--service", "zoom", "--audit", &audit, "--save", &bundle];
    let ran = zollhund(&[&words, more].concat());
    assert_eq!(ran.status, 0, "{}", ran.err);
    assert!(ran.err.contains("sealed in"), "{}", ran.err);
    bundle
}

const AUDIT: &str = "[case]\nreference = \"D-2026/7\"\ndate = 2026-11-22\n";

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
    let environment = fs::read_to_string(Path::new(&bundle).join("data/environment.json")).unwrap();
    let environment: Value = serde_json::from_str(&environment).unwrap();
    assert!(["program_sha256", "libraries_sha256"].iter().all(|key| environment[key].as_str().unwrap().len() == 64));
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
    for path in tree(root) {
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
    for (more, file, said) in [
        (&[][..], "capture-00001.pcapng", "call.pcap: it was not read to its end"),
        (&["--keep-raw"], "call.pcap", "bytes were copied"),
    ] {
        interrupted(more, file, said);
    }
}

fn interrupted(more: &[&str], file: &str, said: &str) {
    let folder = Folder::new();
    let bundle = sealed_with(&folder, more);
    let root = Path::new(&bundle);
    // As after a kill while capturing: no table, no manifest, a capture cut in the middle of a record.
    for path in tree(root) {
        let name = path.strip_prefix(root).unwrap().to_str().unwrap().to_owned();
        if !name.starts_with("data/capture/") && !name.starts_with("data/inputs/") && name != "data/custody.jsonl" {
            fs::remove_file(&path).unwrap();
        }
    }
    let capture = root.join("data/capture").join(file);
    let bytes = fs::read(&capture).unwrap();
    let end = blocks(&bytes).filter(|(kind, ..)| *kind == 6).last().map_or(bytes.len(), |(.., end)| end);
    fs::write(&capture, &bytes[..end - 30]).unwrap();
    let journal = root.join("data/capture/journal.jsonl");
    if journal.exists() {
        let first: String = fs::read_to_string(&journal).unwrap().split_inclusive('\n').take(1).collect();
        fs::write(&journal, first).unwrap();
    }
    let log = root.join("data/custody.jsonl");
    let first: String = fs::read_to_string(&log).unwrap().split_inclusive('\n').take(2).collect();
    fs::write(&log, first).unwrap();

    let ran = run(&["verify", &bundle], &[], &[]);
    assert_eq!(ran.status, 3, "{} {}", ran.out, ran.err);
    assert!(ran.out.contains("399 frames can be read") && ran.out.contains(said), "{}", ran.out);
    let ran = zollhund(&["seal", &bundle]);
    assert_eq!(ran.status, 3, "incomplete stays incomplete: {}", ran.err);
    let (status, said) = statements(&bundle, &["--reanalyze"]);
    assert_eq!(status, 0, "{said:#?}");
}

#[test]
fn a_full_disk_leaves_what_was_saved_and_it_can_be_sealed() {
    // A disk of its own, in a namespace of its own; it is made larger before the bundle is sealed.
    const SCRIPT: &str = r#"mount -t tmpfs -o size="$1"k none "$2" || exit 77
shift; disk=$1; shift
"$@" --save "$disk/case" >/dev/null; echo "saved $?"
"$0" verify "$disk/case"; echo "verified $?"
mount -o remount,size=64m "$disk"
"$0" seal "$disk/case"; echo "sealed $?"
"$0" verify "$disk/case" --reanalyze; echo "again $?""#;
    let folder = Folder::new();
    let capture = folder.file("call.pcap", pcap(CALL.link, &frames(400)));
    let disk = folder.path("disk");
    fs::create_dir(&disk).unwrap();
    let program = env!("CARGO_BIN_EXE_zollhund");
    let whole = fs::metadata(&capture).unwrap().len() / 1024;
    let mut cut = Vec::new();
    for size in (200..=1_600).step_by(200) {
        let size = size.to_string();
        let words =
            ["-rm", "sh", "-c", SCRIPT, program, &size, &disk, program, "analyze", &capture, "--service", "zoom"];
        let done = match Command::new("unshare").args(words).output() {
            Ok(done) if matches!(done.status.code(), Some(0 | 2 | 3)) => done,
            refused => {
                assert!(std::env::var("ZOLLHUND_LAB").is_err(), "no namespace to be had: {refused:?}");
                return eprintln!("SKIPPED: no namespace with a disk of its own: {refused:?}");
            }
        };
        let (out, err) = (String::from_utf8(done.stdout).unwrap(), String::from_utf8(done.stderr).unwrap());
        let all = format!("{size} kB for {whole} kB of capture\n{out}{err}");
        if out.contains("saved 0\n") {
            break;
        }
        assert!(out.contains("saved 2\n") && err.contains("No space left"), "{all}");
        if err.contains("is no bundle of this program") {
            // Not even the inputs went in: there is nothing that could be sealed.
            continue;
        }
        assert!(out.contains("verified 3\n") && out.contains("frames can be read"), "{all}");
        assert!(!out.contains("FAILS"), "{all}");
        let short = out.contains("it was not read to its end");
        assert!(out.contains(if short { "sealed 3\n" } else { "sealed 0\n" }), "{all}");
        assert!(out.contains("again 0\n") && out.contains("byte for byte"), "{all}");
        cut.push(short);
    }
    assert!(cut.contains(&true) && cut.contains(&false), "cut in the capture and behind it: {cut:?}");
}

#[test]
fn what_only_people_know_is_asked_for_and_told() {
    let folder = Folder::new();
    let capture = folder.file("call.pcap", pcap(CALL.link, &frames(40)));
    let save = |name: &str, audit: Option<&str>| {
        let bundle = folder.path(name);
        let mut words = vec!["analyze", &capture, "--service", "zoom", "--save", &bundle];
        words.extend(audit.iter().flat_map(|audit| ["--audit", audit]));
        let ran = zollhund(&words);
        assert_eq!(ran.status, 0, "{}", ran.err);
        let report = fs::read_to_string(format!("{bundle}/data/report.json")).unwrap();
        (
            ran.err,
            serde_json::from_str::<Value>(&report).unwrap(),
            zollhund(&["report", &bundle, "--format", "html"]).out,
        )
    };
    let (said, report, page) = save("none", None);
    assert!(said.contains("no audit file") && said.contains("zollhund services template"), "{said}");
    assert!(
        report.get("stated").is_none() && page.contains("Not stated:</strong> Case, reference · Purpose · Legal basis")
    );
    let bare = folder.file("bare.toml", AUDIT);
    let (said, report, page) = save("bare", Some(&bare));
    assert!(said.contains("bare.toml: case.purpose, case.legal_basis, operator.name, "), "{said}");
    assert_eq!((&report["stated"]["reference"], &report["stated"]["witness"]), (&"D-2026/7".into(), &"".into()));
    assert!(page.contains("Not stated:</strong> Purpose · Legal basis"));
    assert!(zollhund(&["services", "check", &bare]).out.contains("not stated: case.purpose, "));
    // The template states all of it.
    let full = folder.file("full.toml", zollhund(&["services", "template"]).out);
    let (said, report, page) = save("full", Some(&full));
    assert!(!said.contains("not stated"), "{said}");
    assert!(!zollhund(&["services", "check", &full]).out.contains("not stated"));
    for (key, words) in [
        ("legal_basis", "Art. 58(1)(b) GDPR"),
        ("witness", "B. Beobachter"),
        ("consent", "all took part as testers and agreed in writing on 2026-11-18"),
        ("deletion", "2028-12-31"),
    ] {
        assert_eq!(report["stated"][key], words);
        assert!(page.contains(words), "{words}");
    }
}

#[test]
fn what_holds_is_told_in_german_too() {
    let folder = Folder::new();
    let bundle = sealed(&folder);
    let ran = zollhund(&["verify", &bundle, "--reanalyze", "--lang", "de"]);
    assert_eq!((ran.status, ran.err.as_str()), (0, ""));
    for words in [
        "stimmt  Inhalt: ",
        "stimmt  Protokoll: ",
        "offen   Signatur: ",
        "offen   Zeitstempel: ",
        "gleich aus, Byte für Byte",
    ] {
        assert!(ran.out.contains(words), "{words}: {}", ran.out);
    }
    let page = Path::new(&bundle).join("data/report.html");
    fs::write(&page, fs::read_to_string(&page).unwrap() + " ").unwrap();
    let ran = zollhund(&["verify", &bundle, "--lang", "de"]);
    assert_eq!(ran.status, 2);
    assert!(ran.out.contains("FALSCH  Datei: data/report.html ist nicht mehr so, wie"), "{}", ran.out);
}

/// Frames of a file: number, time, bytes.
fn frames_of(path: &str) -> Vec<(u64, u64, Vec<u8>)> {
    let mut file = CaptureFile::open(Path::new(path), Digest::Skip).unwrap();
    let mut found = Vec::new();
    while let Some(record) = file.next().unwrap() {
        if let Captured::Frame { frame, .. } = record {
            found.push((frame.number.0, frame.time.0, frame.bytes.to_vec()));
        }
    }
    found
}

#[test]
fn the_frames_of_a_finding_are_cut_into_a_file_that_others_open() {
    let folder = Folder::new();
    // Two files: numbers of frames go on from one to the other, in the order given and not in that of their names.
    let all = frames(400);
    let first = folder.file("b.pcap", pcap(CALL.link, &all[..150]));
    let second = folder.file("a.pcap", pcap(CALL.link, &all[150..]));
    let bundle = folder.path("case");
    let ran = zollhund(&["analyze", &first, &second, "--service", "zoom", "--save", &bundle]);
    assert_eq!(ran.status, 0, "{}", ran.err);
    let report: Value =
        serde_json::from_str(&fs::read_to_string(format!("{bundle}/data/report.json")).unwrap()).unwrap();
    let findings = report["findings"].as_array().unwrap();
    let numbers =
        |f: &Value| -> Vec<u64> { f["frames"].as_array().unwrap().iter().map(|n| n.as_u64().unwrap()).collect() };
    let at = findings.iter().position(|f| numbers(f).iter().any(|n| *n > 150)).unwrap();
    let code = findings[at]["code"].as_str().unwrap();

    let out = folder.path("one.pcapng");
    let ran = zollhund(&["report", &bundle, "--finding", &(at + 1).to_string(), "--pcap", &out]);
    assert_eq!((ran.status, ran.out.as_str()), (0, ""), "{}", ran.err);
    assert!(ran.err.contains(code) && ran.err.contains("SHA-256"), "{}", ran.err);
    let mut expected = numbers(&findings[at]);
    expected.sort_unstable();
    let cut = frames_of(&out);
    assert_eq!(cut.iter().map(|(number, ..)| *number).collect::<Vec<_>>(), expected);
    for (number, time, bytes) in &cut {
        let (when, whole) = &all[*number as usize - 1];
        assert_eq!((time, bytes), (&when.0, whole), "frame {number}");
    }
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        assert_eq!(fs::metadata(&out).unwrap().permissions().mode() & 0o777, 0o600);
    }
    let raw = fs::read(&out).unwrap();
    let text = String::from_utf8_lossy(&raw);
    let digest = zollhund::evidence::check(Path::new(&bundle)).unwrap().digest;
    assert!(text.contains(&digest) && text.contains(&format!("finding {}, {code}", at + 1)), "{text}");

    // By its code: the frames of every finding of it.
    let by_code = folder.path("code.pcapng");
    assert_eq!(zollhund(&["report", &bundle, "--finding", code, "--pcap", &by_code]).status, 0);
    let mut every: Vec<u64> = findings.iter().filter(|f| f["code"] == code).flat_map(numbers).collect();
    every.sort_unstable();
    every.dedup();
    assert_eq!(frames_of(&by_code).iter().map(|(number, ..)| *number).collect::<Vec<_>>(), every);

    for (program, args) in
        [("capinfos", vec!["-c", "-k", &out]), ("tshark", vec!["-r", &out, "-T", "fields", "-e", "frame.comment"])]
    {
        match Command::new(program).args(&args).output() {
            Ok(done) => {
                let told = String::from_utf8_lossy(&done.stdout).into_owned();
                assert!(done.status.success(), "{program}: {}", String::from_utf8_lossy(&done.stderr));
                if program == "tshark" {
                    assert_eq!(told.lines().filter(|line| line.contains(code)).count(), expected.len(), "{told}");
                } else {
                    assert!(told.contains(&digest), "{told}");
                }
            }
            Err(_) => eprintln!("SKIPPED: {program} is not installed, so it did not read the slice"),
        }
    }
    // And the bundle was not touched.
    assert_eq!(statements(&bundle, &["--reanalyze"]).0, 0);
}

#[test]
fn a_slice_that_cannot_be_cut_leaves_nothing_and_says_why() {
    let folder = Folder::new();
    let bundle = sealed(&folder);
    let out = folder.path("out.pcapng");
    let cut = |path: &str, id: &str| {
        let ran = zollhund(&["report", path, "--finding", id, "--pcap", &out]);
        assert_eq!((ran.status, ran.out.as_str(), ran.err.lines().count()), (2, "", 1), "{}", ran.err);
        assert!(!Path::new(&out).exists());
        ran.err
    };
    assert!(cut(&bundle, "XXX-99").contains("a code as in TRF-02"));
    assert!(cut(&bundle, "0").contains("a number from 1 to"));
    // A folder of tables has no capture.
    let tables = folder.path("tables");
    let capture = folder.path("call.pcap");
    assert_eq!(zollhund(&["analyze", &capture, "--service", "zoom", "--output", &tables]).status, 0);
    assert!(cut(&tables, "1").contains("analyze --save"));
    // A capture that was shortened no longer has them.
    let kept = format!("{bundle}/data/capture/capture-00001.pcapng");
    let whole = fs::read(&kept).unwrap();
    let (.., end) = blocks(&whole).find(|(kind, ..)| *kind == 6).unwrap();
    fs::write(&kept, &whole[..end]).unwrap();
    let code = first_code(&bundle);
    assert!(cut(&bundle, &code).contains("zollhund verify"));
    // What exists stays as it is.
    fs::write(&kept, whole).unwrap();
    fs::write(&out, b"mine").unwrap();
    let ran = zollhund(&["report", &bundle, "--finding", &code, "--pcap", &out]);
    assert!(ran.status == 2 && ran.err.contains("exists already"), "{}", ran.err);
    assert_eq!(fs::read(&out).unwrap(), b"mine");
    assert_eq!(zollhund(&["report", &bundle, "--finding", &code]).status, 2);
    assert_eq!(zollhund(&["report", &bundle, "--pcap", &out]).status, 2);
}

#[test]
fn a_slice_of_a_capture_that_was_watched_goes_by_packet_ids() {
    let folder = Folder::new();
    let capture = folder.file("call.pcap", pcap(CALL.link, &frames(400)));
    let bundle = folder.path("case");
    let ran = zollhund(&[
        "watch",
        "--headless",
        "--replay",
        &capture,
        "--speed",
        "max",
        "--service",
        "zoom",
        "--save",
        &bundle,
    ]);
    assert_eq!(ran.status, 0, "{}", ran.err);
    // Frames that are no longer there must not move the numbers of the others.
    let recording = format!("{bundle}/data/capture/capture-00001.pcapng");
    let whole = fs::read(&recording).unwrap();
    let (mut enhanced, mut shorter) = (0, Vec::new());
    for (kind, at, end) in blocks(&whole) {
        enhanced += usize::from(kind == 6);
        if kind != 6 || enhanced != 2 {
            shorter.extend(&whole[at..end]);
        }
    }
    fs::write(&recording, shorter).unwrap();
    let report: Value =
        serde_json::from_str(&fs::read_to_string(format!("{bundle}/data/report.json")).unwrap()).unwrap();
    let recording = &report["captures"][0]["recording"];
    assert!(recording["application"].as_str().unwrap().starts_with("zollhund "), "{recording}");
    assert!(!recording["interfaces"].as_array().unwrap().is_empty(), "{recording}");
    let findings = report["findings"].as_array().unwrap();
    let far = |f: &Value| f["frames"].as_array().unwrap().iter().all(|n| n.as_u64().unwrap() > 2);
    let at = findings.iter().position(|f| !f["frames"].as_array().unwrap().is_empty() && far(f)).unwrap();
    let out = folder.path("out.pcapng");
    let ran = zollhund(&["report", &bundle, "--finding", &(at + 1).to_string(), "--pcap", &out]);
    assert_eq!(ran.status, 0, "{}", ran.err);
    let original = frames(400);
    for (number, time, _) in frames_of(&out) {
        assert_eq!(time, original[number as usize - 1].0.0, "frame {number}");
        assert!(findings[at]["frames"].as_array().unwrap().contains(&number.into()), "{number}");
    }
}

/// Blocks of a pcapng file: kind, start and end. None of another file.
fn blocks(bytes: &[u8]) -> impl Iterator<Item = (u32, usize, usize)> + '_ {
    let word = |at: usize| u32::from_le_bytes(bytes[at..at + 4].try_into().unwrap());
    let mut at = if bytes.starts_with(&[0x0a, 0x0d, 0x0d, 0x0a]) { 0 } else { bytes.len() };
    std::iter::from_fn(move || {
        let from = at;
        at += (from < bytes.len()).then(|| word(from + 4) as usize)?;
        Some((word(from), from, at))
    })
}

/// The code of a finding that rests on frames.
fn first_code(bundle: &str) -> String {
    let text = fs::read_to_string(format!("{bundle}/data/report.json")).unwrap();
    let report: Value = serde_json::from_str(&text).unwrap();
    let findings = report["findings"].as_array().unwrap();
    let with = findings.iter().find(|f| f["frames"].as_array().is_some_and(|frames| frames.len() > 1)).unwrap();
    with["code"].as_str().unwrap().to_owned()
}

#[test]
fn a_bundle_is_told_compared_and_analyzed_like_what_it_was_made_of() {
    let folder = Folder::new();
    let bundle = sealed(&folder);
    let root = Path::new(&bundle);
    for (form, file) in [("html", "report.html"), ("csv", "findings.csv")] {
        let ran = zollhund(&["report", &bundle, "--format", form]);
        assert_eq!((ran.status, ran.err.as_str()), (0, ""));
        assert_eq!(ran.out, fs::read_to_string(root.join("data").join(file)).unwrap(), "{form}");
    }
    for form in ["ecs", "eve", "hosts"] {
        let ran = zollhund(&["report", &bundle, "--format", form]);
        assert!(ran.status == 0 && ran.out.lines().count() > 3, "{form}: {}", ran.err);
    }
    // The capture that it was made of, analyzed anew, is no different, but for what the bundle says of itself.
    let (capture, audit) = (folder.path("call.pcap"), folder.path("audit.toml"));
    let judged = ["--service", "zoom", "--audit", &audit];
    let ran = zollhund(&[&["diff", &bundle, &capture, "--format", "json", "--fail-on", "info"], &judged[..]].concat());
    assert_eq!(ran.status, 0, "{}", ran.err);
    let is_its_own = |row: &&Value| row["code"] == "CAP-02" && row["state"] == "gone";
    let difference: Value = serde_json::from_str(&ran.out).unwrap();
    for kind in ["recipients", "organisations", "countries", "findings"] {
        let rows = difference[kind].as_array().unwrap();
        let rows: Vec<_> = rows.iter().filter(|row| !is_its_own(row)).collect();
        assert!(!rows.is_empty() && rows.iter().all(|row| row["state"] == "same"), "{kind}: {rows:#?}");
    }
    // A bundle is also a place where a capture is.
    let of = |path: &str| {
        let ran = zollhund(&[&["analyze", path, "--verbose"], &judged[..]].concat());
        assert_eq!(ran.status, 0, "{}", ran.err);
        ran.out
    };
    let (kept, given) = (of(&bundle), of(&capture));
    let lines = |text: &str| text.lines().map(|line| line.trim().to_owned()).collect::<std::collections::BTreeSet<_>>();
    let gone: Vec<_> = lines(&given).difference(&lines(&kept)).cloned().collect();
    assert!(gone.len() == 1 && gone[0].starts_with("── Findings"), "{gone:?}");
}

/// The report in a bundle or a folder of tables.
fn report(path: &str) -> Value {
    let places = [format!("{path}/data/report.json"), format!("{path}/report.json")];
    let place = places.iter().find(|place| Path::new(place).exists()).unwrap();
    serde_json::from_str(&fs::read_to_string(place).unwrap()).unwrap()
}

fn sha256(path: impl AsRef<Path>) -> String {
    zollhund::evidence::digests(path.as_ref()).unwrap().sha256
}

#[test]
fn what_is_kept_of_a_capture_tells_the_same_and_holds_little_content() {
    let folder = Folder::new();
    let all = frames(usize::MAX);
    let capture = folder.file("call.pcap", pcap(CALL.link, &all));
    let (bundle, tables) = (folder.path("case"), folder.path("tables"));
    for place in [["--save", &bundle], ["--output", &tables]] {
        let ran = zollhund(&[&["analyze", &capture, "--service", "zoom"], &place[..]].concat());
        assert_eq!(ran.status, 0, "{}", ran.err);
    }
    for table in ["flows", "endpoints", "handshakes", "dns", "facts", "losses"] {
        for ending in ["csv", "jsonl"] {
            let [kept, given] = [format!("{bundle}/data"), tables.clone()];
            let [kept, given] = [kept, given].map(|at| fs::read(format!("{at}/{table}.{ending}")).unwrap());
            assert!(kept == given, "{table}.{ending}");
        }
    }
    let (kept, given) = (report(&bundle), report(&tables));
    let findings = |report: &Value| -> Vec<Value> {
        let mut rows = report["findings"].as_array().unwrap().clone();
        rows.retain(|row| row["code"] != "CAP-02");
        for row in &mut rows {
            row.as_object_mut().unwrap().remove("id");
        }
        rows
    };
    assert_eq!(findings(&kept), findings(&given), "but for what is said of the evidence itself");
    assert_eq!(kept["findings"].as_array().unwrap().len(), findings(&kept).len() + 1);
    // It says what was given, and what it holds of that.
    let (was, is) = (&kept["captures"][0], &kept["kept"][0]);
    assert_eq!((&was["name"], &was["bytes"]), (&"call.pcap".into(), &fs::metadata(&capture).unwrap().len().into()));
    assert_eq!(was["sha256"], sha256(&capture));
    let recording = format!("{bundle}/data/capture/capture-00001.pcapng");
    assert_eq!(is["sha256"], sha256(&recording));
    assert!(given.get("kept").is_none());
    let log = fs::read_to_string(format!("{bundle}/data/custody.jsonl")).unwrap();
    assert!(log.contains(&sha256(&capture)) && log.contains("with the same tables to the byte"), "{log}");
    let page = fs::read_to_string(format!("{bundle}/data/report.html")).unwrap();
    for words in ["what the bundle keeps of it", "capture as it was given", "Kept as evidence", "frame.packet_id"] {
        assert!(page.contains(words), "{words}: {page}");
    }
    // All frames with all their lengths, and not what they carried.
    let frames = frames_of(&recording);
    assert_eq!(frames.len(), all.len());
    assert!(frames.iter().zip(&all).all(|((.., kept), (_, given))| given.starts_with(kept)));
    let bytes = fs::metadata(&recording).unwrap().len();
    assert!(bytes * 2 < fs::metadata(&capture).unwrap().len(), "{bytes}");
    assert_eq!(statements(&bundle, &["--reanalyze"]).0, 0);
}

/// A capture of one connection to a resolver, with many questions.
fn resolved(port: u16) -> Vec<u8> {
    let end = |address: &str, port| zollhund::wire::End { address: address.parse().unwrap(), port };
    let mut talk = TcpTalk::new(end("192.168.178.23", 40_000), end("192.0.2.53", port), &mut Random::new(1));
    let mut packets = talk.open().to_vec();
    for number in 0..400_u16 {
        let name = format!("host-{number}.example.org");
        let data = dns::Data::Address(std::net::Ipv4Addr::from(0xc633_6400 + u32::from(number % 250)).into());
        let record = dns::Record { owner: name.as_bytes().into(), ttl: 60, data };
        let query = dns::query(number, name.as_bytes(), dns::A);
        let answer = dns::answer(number, name.as_bytes(), dns::A, &[record]);
        for (side, message) in [(Side::First, query), (Side::Second, answer)] {
            let len = u16::try_from(message.len()).unwrap().to_be_bytes();
            packets.extend(talk.say(side, &[&len[..], &message].concat()));
        }
    }
    let parts: Vec<_> = packets.into_iter().map(|packet| (frames(1)[0].0, packet)).collect();
    pcap(LinkType::RAW, &parts)
}

#[test]
fn what_would_not_tell_the_same_is_kept_as_given() {
    let folder = Folder::new();
    let whole = folder.file("call.pcap", pcap(CALL.link, &frames(400)));
    // Cut when it was captured: every record says so.
    let mut cut = fs::read(&whole).unwrap();
    let (mut at, mut shorter) = (24, cut[..24].to_vec());
    while at < cut.len() {
        let len = u32::from_le_bytes(cut[at + 8..at + 12].try_into().unwrap()) as usize;
        let kept = len.min(90);
        cut[at + 8..at + 12].copy_from_slice(&u32::try_from(kept).unwrap().to_le_bytes());
        shorter.extend(&cut[at..at + 16 + kept]);
        at += 16 + len;
    }
    let short = folder.file("short.pcap", shorter);
    let first = sealed(&folder);
    let recording = format!("{first}/data/capture/capture-00001.pcapng");
    // Names are resolved in one connection for hours, further back than what is kept of others; on a port where nobody would
    // look for that.
    let [usual, strange] = [53, 8053].map(|port| folder.file(&format!("{port}.pcap"), resolved(port)));
    let cases = [
        (&short, "captured only in part"),
        (&recording, "this program saved it"),
        (&strange, "what would be kept of them tells otherwise in "),
    ];
    for (number, (given, why)) in cases.into_iter().enumerate() {
        let bundle = folder.path(&format!("bundle{number}"));
        let ran = zollhund(&["analyze", given, "--service", "zoom", "--save", &bundle]);
        assert_eq!(ran.status, 0, "{}", ran.err);
        assert!(ran.err.contains("as they were given") && ran.err.contains(why), "{}", ran.err);
        let copy = Path::new(&bundle).join("data/capture").join(Path::new(given).file_name().unwrap());
        assert_eq!(fs::read(copy).unwrap(), fs::read(given).unwrap());
        assert!(!Path::new(&bundle).join("data/capture/journal.jsonl").exists());
        let log = fs::read_to_string(format!("{bundle}/data/custody.jsonl")).unwrap();
        assert!(log.contains("kept as given") && log.contains(why), "{log}");
        assert_eq!(statements(&bundle, &["--reanalyze"]).0, 0);
    }
    let bundle = folder.path("usual");
    let ran = zollhund(&["analyze", &usual, "--service", "zoom", "--save", &bundle]);
    assert!(ran.status == 0 && !ran.err.contains("as they were given"), "{}", ran.err);
    // Or if that is wanted.
    let bundle = folder.path("raw");
    assert_eq!(zollhund(&["analyze", &whole, "--save", &bundle, "--keep-raw"]).status, 0);
    assert_eq!(sha256(format!("{bundle}/data/capture/call.pcap")), sha256(&whole));
}

#[test]
fn a_stream_is_kept_in_full() {
    let folder = Folder::new();
    let bundle = folder.path("case");
    let all = frames(400);
    let words = ["analyze", "-", "--service", "zoom", "--save", &bundle];
    let ran = run(&words, &pcap(CALL.link, &all), &[]);
    assert_eq!(ran.status, 0, "{}", ran.err);
    let kept = frames_of(&format!("{bundle}/data/capture/capture-00001.pcapng"));
    assert!(kept.iter().zip(&all).all(|((.., kept), (_, given))| kept == given) && kept.len() == all.len());
    assert_eq!(report(&bundle)["captures"][0]["name"], "standard input");
    assert_eq!(statements(&bundle, &["--reanalyze"]).0, 0);
    let raw = folder.path("raw");
    let ran = run(&["analyze", "-", "--save", &raw, "--keep-raw"], &pcap(CALL.link, &all), &[]);
    assert!(ran.status == 2 && ran.err.contains("save the stream as a file"), "{}", ran.err);
}

#[test]
fn a_device_s_bundle_holds_nothing_of_others() {
    use zollhund::synth::frames::{ethernet, udp};
    use zollhund::wire::End;
    let folder = Folder::new();
    let end = |address: &str, port| End { address: address.parse().unwrap(), port };
    let query = dns::query(7, b"geheim.example", 1);
    let other = ethernet(
        [2, 0, 0, 0, 0, 9],
        [2, 0, 0, 0, 0, 1],
        &udp(end("192.168.178.99", 40_000), end("9.9.9.9", 53), &query),
    );
    let mut all = Vec::new();
    for (at, (time, bytes)) in (0..).zip(frames(400)) {
        all.push((time, bytes));
        if at % 40 == 0 {
            all.push((time, other.clone()));
        }
    }
    let capture = folder.file("call.pcap", pcap(CALL.link, &all));
    for how in [&["watch", "--headless", "--speed", "max", "--replay"][..], &["analyze"]] {
        one_device(&folder, &[how, &[&capture]].concat());
    }
}

fn one_device(folder: &Folder, how: &[&str]) {
    let watched = |name: &str, more: &[&str]| {
        let bundle = folder.path(&format!("{}-{name}", how[0]));
        let words = [how, &["--service", "zoom"]].concat();
        let rest = ["--subject", "192.168.178.23", "--save", &bundle];
        let ran = zollhund(&[&words[..], &rest, more].concat());
        assert_eq!(ran.status, 0, "{}", ran.err);
        bundle
    };
    let (narrowed, raw) = (watched("narrowed", &[]), watched("raw", &["--keep-raw"]));
    let holds = |bundle: &str| {
        let contents = tree(Path::new(bundle)).into_iter().map(|path| fs::read(path).unwrap());
        contents.filter(|bytes| bytes.windows(6).any(|w| w == b"geheim")).count()
    };
    assert!(holds(&raw) > 0);
    assert_eq!(holds(&narrowed), 0);
    let codes = |bundle: &str| -> Vec<(String, Value)> {
        let report = report(bundle);
        let rows = report["findings"].as_array().unwrap();
        let of = |f: &Value| (f["code"].as_str().unwrap().to_owned(), f["frames"].clone());
        // What is said of the capture itself differs, and that there are others.
        rows.iter().map(of).filter(|(code, _)| !code.starts_with("CAP")).collect()
    };
    assert_eq!(codes(&narrowed), codes(&raw), "the findings, and the numbers of their frames");
    let left = report(&narrowed)["losses"].as_array().unwrap().iter().find(|l| l["stage"] == "evidence").cloned();
    assert!(left.as_ref().is_some_and(|left| left["frames"].as_u64().unwrap() >= 10), "{left:?}");
    let log = fs::read_to_string(format!("{narrowed}/data/custody.jsonl")).unwrap();
    assert!(log.contains("\"narrowed\"") && log.contains("out of scope"), "{log}");
    let (status, said) = statements(&narrowed, &["--reanalyze"]);
    assert_eq!(status, 0, "{said:#?}");
}
