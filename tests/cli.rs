//! The program as a user runs it: what it prints and writes, with which status it ends, and what it says of bad input.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    unreachable_pub,
    reason = "helpers of tests may fail as tests do"
)]

mod program;

use flate2::Compression;
use flate2::write::GzEncoder;
use program::{Folder, Ran, assert_valid, command, files, frames, pcap, run, zollhund};
use serde_json::{Value, json};
use std::io::Write;
use std::path::Path;
use zollhund::synth::frames::ETHERNET;
use zollhund::wire::LinkType;

/// Enough of the generated call for names, hellos and several recipients; none of its findings is high.
const SOME: usize = 400;

fn some() -> Vec<u8> {
    pcap(ETHERNET, &frames(SOME))
}

fn in_tree(path: &str) -> String {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path).to_str().unwrap().to_owned()
}

/// One line that holds every word, and is harmless on a terminal.
fn assert_one_line(ran: &Ran, words: &[&str]) {
    assert!(ran.err.starts_with("zollhund: ") && ran.err.ends_with('\n'), "{ran:?}");
    assert_eq!(ran.err.lines().count(), 1, "{}", ran.err);
    assert!(!ran.err.trim_end().contains(char::is_control), "{:?}", ran.err);
    for word in words {
        assert!(ran.err.contains(word), "`{word}` is missing: {}", ran.err);
    }
}

/// Fails with status 2, says why in one line, and prints nothing else.
fn assert_refused(args: &[&str], words: &[&str]) {
    let ran = zollhund(args);
    assert_eq!((ran.status, ran.out.as_str()), (2, ""), "{args:?}: {}", ran.err);
    assert_one_line(&ran, words);
}

/// The tables that an analysis writes, and its report without what it says of the files themselves.
fn tables(folder: &Folder, name: &str, args: &[&str], input: &[u8]) -> std::collections::BTreeMap<String, String> {
    let output = folder.path(name);
    let ran = run(&[&["analyze", "--service", "zoom", "--output", &output], args].concat(), input, &[]);
    assert_eq!((ran.status, ran.err.as_str()), (0, ""));
    let mut tables = files(&output);
    let mut report = assert_valid(&tables["report.json"]);
    report.as_object_mut().unwrap().remove("captures").unwrap();
    tables.insert("report.json".into(), report.to_string());
    // The page names the file too.
    tables.remove("report.html").unwrap();
    tables
}

#[test]
fn the_same_call_gives_the_same_bytes() {
    let [first, second] = [0, 1].map(|_| zollhund(&["demo", "--headless"]));
    assert_eq!((first.status, first.err.as_str()), (0, ""));
    assert!(first.out.contains("SUB-01") && first.out.contains("Zoom"));
    assert_eq!(first.out, second.out);
    assert_ne!(zollhund(&["demo", "--seed", "2"]).out, first.out);
}

#[test]
fn the_demo_writes_every_table_and_a_valid_report_and_overwrites_nothing_unasked() {
    let folder = Folder::new();
    let output = folder.path("out");
    let demo = ["demo", "--headless", "--output", &output];
    assert_eq!(zollhund(&demo).status, 0);
    let written = files(&output);
    let names = ["dns", "endpoints", "facts", "findings", "flows", "handshakes", "losses"];
    let mut expected: Vec<_> = names.iter().flat_map(|n| [format!("{n}.csv"), format!("{n}.jsonl")]).collect();
    expected.extend(["report.html".into(), "report.json".into()]);
    assert_eq!(written.keys().cloned().collect::<Vec<_>>(), expected);
    let report = assert_valid(&written["report.json"]);
    for name in names {
        let lines = written[&format!("{name}.jsonl")].lines().count();
        assert_eq!(written[&format!("{name}.csv")].lines().count(), lines + 1, "{name}: one line each, and the header");
        if let Some(rows) = report[name].as_array() {
            assert_eq!(rows.len(), lines, "{name}");
        }
    }
    assert!(written["flows.csv"].lines().count() > 20);

    assert_refused(&demo, &[&output, "exists already", "--overwrite"]);
    assert_eq!(files(&output), written);
    assert_eq!(zollhund(&[&demo[..], &["--overwrite", "--seed", "2"]].concat()).status, 0);
    assert_ne!(files(&output)["flows.csv"], written["flows.csv"]);
    assert_eq!(zollhund(&[&demo[..], &["--overwrite"]].concat()).status, 0);
    assert_eq!(files(&output), written, "nothing is left of the longer files");
}

#[cfg(unix)]
#[test]
fn tables_are_for_their_owner_only() {
    use std::os::unix::fs::PermissionsExt;
    let folder = Folder::new();
    let input = folder.file("call.pcap", some());
    tables(&folder, "out", &[&input], &[]);
    for name in files(&folder.path("out")).keys() {
        let mode = std::fs::metadata(folder.path(&format!("out/{name}"))).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{name}");
    }
}

#[test]
fn the_status_tells_whether_there_was_a_finding() {
    let folder = Folder::new();
    let input = folder.file("call.pcap", some());
    let status = |floor| zollhund(&["analyze", &input, "--service", "zoom", "--fail-on", floor]).status;
    assert_eq!(["info", "notice", "attention", "high"].map(status), [1, 1, 1, 0]);
    assert_eq!(zollhund(&["demo", "--fail-on", "high"]).status, 1);
    assert_eq!(zollhund(&["demo"]).status, 0);
}

#[test]
fn a_cut_file_is_analyzed_as_far_as_it_goes() {
    let folder = Folder::new();
    let whole = folder.path("whole.pcap");
    assert_eq!(zollhund(&["demo", "--write", &whole]).status, 0);
    assert_refused(&["demo", "--write", &whole], &[&whole, "exists already"]);
    let bytes = std::fs::read(&whole).unwrap();
    let cut = folder.file("cut.pcap", &bytes[..some().len() - 7]);
    let output = folder.path("out");
    let ran = zollhund(&["analyze", &cut, "--service", "zoom", "--output", &output]);
    assert_eq!(ran.status, 3);
    let last = format!("cut after frame {}", SOME - 1);
    assert_one_line(&ran, &["cut.pcap", &last, "7 bytes are missing"]);
    assert!(ran.out.contains("zoom.us") && ran.out.contains("the file is cut or damaged"), "{}", ran.out);
    let report = assert_valid(&files(&output)["report.json"]);
    assert_eq!(report["circumstances"]["truncated_file"], true);
    assert_eq!(report["circumstances"]["frames"], SOME - 1);
    let mut gzip = GzEncoder::new(Vec::new(), Compression::fast());
    gzip.write_all(&some()).unwrap();
    let packed = gzip.finish().unwrap();
    let ran = zollhund(&["analyze", &folder.file("cut.pcap.gz", &packed[..packed.len() / 2]), "--service", "zoom"]);
    assert_eq!(ran.status, 3);
    assert_one_line(&ran, &["cut.pcap.gz", "cut after frame"]);
    assert!(ran.out.contains("zoom.us"));
    // The whole file is not called incomplete.
    let ran = zollhund(&["analyze", &whole, "--service", "zoom"]);
    assert_eq!((ran.status, ran.err.as_str()), (0, ""));
}

#[test]
fn what_is_no_capture_is_refused_in_one_line() {
    let folder = Folder::new();
    let dir = folder.path("");
    for (name, bytes, words) in [
        ("empty.pcap", &b""[..], &["empty.pcap", "is empty", "record it again"][..]),
        ("text.txt", b"hello world\n", &["text.txt", "is text", "name a pcap or pcapng file"]),
        ("call.zip", b"PK\x03\x04\x14\0\0\0\0\0\0\0", &["call.zip", "a zip archive", "unpack it"]),
        ("stub.pcap", &some()[..20], &["stub.pcap", "ends inside its file header"]),
        ("odd.bin", b"\0\x01\x02\x03\x04\x05\x06\x07", &["odd.bin", "first bytes 00 01 02 03"]),
    ] {
        let path = folder.file(name, bytes);
        let output = folder.path("out");
        assert_refused(&["analyze", &path, "--output", &output], words);
        assert!(!Path::new(&output).exists(), "{name}: tables of nothing");
    }
    assert_refused(&["analyze", &folder.path("missing.pcap")], &["missing.pcap", "no such file", "check the path"]);
    assert_refused(&["analyze", &dir], &[dir.trim_end_matches('/'), "directory"]);
    let ran = run(&["analyze", "-"], b"", &[]);
    assert_eq!(ran.status, 2);
    assert_one_line(&ran, &["standard input", "empty"]);
    // A later file that is missing is told before the first is read.
    let good = folder.file("call.pcap", some());
    assert_refused(&["analyze", &good, &folder.path("missing.pcap")], &["missing.pcap"]);
}

#[test]
fn wrong_arguments_are_refused_in_one_line() {
    let folder = Folder::new();
    let input = folder.file("call.pcap", some());
    let analyze = |more: &[&str], words: &[&str]| assert_refused(&[&["analyze", &input], more].concat(), words);
    analyze(&["--outptu", "x"], &["--outptu", "--output", "--help"]);
    analyze(&["--format", "yaml"], &["yaml", "text", "json"]);
    analyze(&["--lang", "fr"], &["fr", "`en` or `de`"]);
    analyze(&["--fail-on", "dread"], &["dread", "attention"]);
    analyze(&["--subject", "laptop"], &["laptop", "IP address", "02:00:5e:10:00:00"]);
    analyze(&["--service", "nosuch"], &["nosuch", "there are", "teams", "webex", "zoom"]);
    analyze(&["--service", "zoom", "--list", &folder.path("none.toml")], &["none.toml"]);
    assert_refused(&["analyze"], &["<FILE>"]);
    assert_refused(&["anylyze"], &["anylyze", "analyze"]);
    assert_refused(&["geo", "lookup", "zoom.us"], &["zoom.us", "IP address"]);
    assert_refused(&["services", "show", "nosuch"], &["nosuch", "there are", "zoom"]);
    let ran = zollhund(&[]);
    assert_eq!(ran.status, 2);
    assert!(ran.err.contains("Usage:") && ran.err.contains("Exit status"));
}

#[test]
fn bad_data_files_are_refused_with_file_place_and_cure() {
    let folder = Folder::new();
    folder.file("policy/jurisdictions.toml", "edition = 2026-01-01\n[[rows]]\n");
    folder.file("geoip/mine.mmdb", "no database");
    let list = folder.file("list.toml", "title = \"x\"\nas_of = 2026-03-01\n[[disclosed]]\nname = 3\n");
    let input = folder.file("call.pcap", some());
    for (option, path, words) in [
        ("--policy", folder.path("policy"), &["jurisdictions.toml", "line 2", "rows", "expected"][..]),
        ("--policy", folder.path("geoip"), &[".toml", "name the folder"]),
        ("--policy", folder.path("none"), &["none", "check the path"]),
        ("--geoip", folder.path("geoip"), &["mine.mmdb", "fetch the file again"]),
        ("--geoip", in_tree("geoip/testdata/bad-data/libmaxminddb"), &[".mmdb"]),
        ("--geoip", folder.path("policy"), &[".mmdb", "name the folder"]),
        ("--list", list.clone(), &["list.toml", "line 4", "expected a string"]),
    ] {
        assert_refused(&["analyze", &input, option, &path], words);
    }
    assert_refused(&["services", "check", &list], &["list.toml"]);
    assert_refused(&["geo", "info", "--geoip", &folder.path("geoip")], &["mine.mmdb"]);
}

#[test]
fn frames_that_nobody_can_read_are_told() {
    let folder = Folder::new();
    let frames = frames(SOME);
    let output = folder.path("out");
    let input = folder.file("user.pcap", pcap(LinkType(147), &frames));
    let ran = zollhund(&["analyze", &input, "--output", &output]);
    assert_eq!(ran.status, 3);
    assert_one_line(&ran, &["user.pcap", "400 frames of link type 147", "Ethernet"]);
    assert!(ran.out.contains("400 frames could not be read"), "{}", ran.out);
    let report = assert_valid(&files(&output)["report.json"]);
    assert_eq!(report["captures"][0]["link_types"][0], "link type 147");
    assert_eq!(report["circumstances"]["unreadable"], SOME);
    assert!(files(&output)["losses.csv"].contains("400"));

    // A link that is known, and IPv4 headers of two bytes.
    let noise: Vec<_> = frames.iter().map(|(time, _)| (*time, vec![0x45, 0])).collect();
    let input = folder.file("noise.pcap", pcap(LinkType::RAW, &noise));
    let ran = zollhund(&["analyze", &input]);
    assert_eq!(ran.status, 3);
    assert_one_line(&ran, &["none of the 400 frames could be read"]);

    let input = folder.file("nothing.pcap", pcap(ETHERNET, &[]));
    let ran = zollhund(&["analyze", &input]);
    assert_eq!(ran.status, 3);
    assert_one_line(&ran, &["there are no frames"]);
}

#[test]
fn a_stream_a_packed_copy_and_a_split_copy_give_the_same_tables() {
    let folder = Folder::new();
    let (all, plain) = (frames(SOME), some());
    let mut gzip = GzEncoder::new(Vec::new(), Compression::fast());
    gzip.write_all(&plain).unwrap();
    let packed = gzip.finish().unwrap();
    let input = folder.file("call.pcap", &plain);
    let expected = tables(&folder, "plain", &[&input], &[]);
    assert!(expected["flows.csv"].lines().count() > 5);
    assert_eq!(tables(&folder, "stream", &["-"], &plain), expected);
    assert_eq!(tables(&folder, "packed stream", &["-"], &packed), expected);
    let input = folder.file("call.pcap.gz", &packed);
    assert_eq!(tables(&folder, "packed", &[&input], &[]), expected);
    let (one, two) = all.split_at(SOME / 3);
    let parts = [folder.file("1.pcap", pcap(ETHERNET, one)), folder.file("2.pcap", pcap(ETHERNET, two))];
    assert_eq!(tables(&folder, "split", &[&parts[0], &parts[1]], &[]), expected);
}

#[test]
fn the_hash_is_that_of_the_file_and_only_there_when_asked_for() {
    let folder = Folder::new();
    let bytes = some();
    let input = folder.file("call.pcap", &bytes);
    let capture = |more: &[&str]| {
        let ran = zollhund(&[&["analyze", &input, "--format", "json"], more].concat());
        assert_valid(&ran.out)["captures"][0].clone()
    };
    let hash = ring::digest::digest(&ring::digest::SHA256, &bytes);
    assert_eq!(capture(&["--hash"])["sha256"], data_encoding::HEXLOWER.encode(hash.as_ref()));
    let plain = capture(&[]);
    assert_eq!(plain.get("sha256").and_then(Value::as_str), None);
    assert_eq!(plain["name"], "call.pcap");
    assert_eq!(plain["bytes"], bytes.len());
    assert_eq!(plain["link_types"][0], "Ethernet");
}

#[test]
fn the_audited_device_is_known_by_address_and_by_hardware_address() {
    let folder = Folder::new();
    let input = folder.file("call.pcap", some());
    let scopes = |name: &str, subject: &str| {
        let all = tables(&folder, name, &[&input, "--subject", subject], &[]);
        let mut scopes: Vec<_> = all["flows.jsonl"]
            .lines()
            .map(|line| serde_json::from_str::<Value>(line).unwrap()["scope"].as_str().unwrap().to_owned())
            .collect();
        scopes.sort();
        scopes
    };
    let mac = scopes("mac", "02:5a:48:00:00:23");
    assert!(mac.len() > 5 && mac.iter().all(|s| s == "in"), "{mac:?}");
    assert_eq!(scopes("dashes", "02-5A-48-00-00-23"), mac);
    // The device also has an IPv6 address: its flows are not those of the named one.
    let four = scopes("v4", "192.168.178.23");
    assert!(four.iter().filter(|s| *s == "in").count() > 5, "{four:?}");
    assert_eq!(scopes("mapped", "::ffff:192.168.178.23"), four);
    let ran = zollhund(&["analyze", &input, "--subject", "203.0.113.99"]);
    assert_one_line(&ran, &["--subject", "no flow of this device"]);
}

#[test]
fn colour_is_for_terminals_or_on_demand() {
    let folder = Folder::new();
    let input = folder.file("call.pcap", some());
    let coloured = |args: &[&str], env: &[(&str, &str)]| {
        run(&[&["analyze", &input], args].concat(), &[], env).out.contains('\x1b')
    };
    assert!(!coloured(&[], &[]), "this is no terminal");
    assert!(!coloured(&[], &[("NO_COLOR", "1")]));
    assert!(!coloured(&["--color", "never"], &[]));
    assert!(coloured(&["--color", "always"], &[]));
    assert!(coloured(&["--color", "always"], &[("NO_COLOR", "1")]), "what is typed counts more");
}

#[test]
fn the_summary_comes_in_two_languages_and_in_ascii() {
    let folder = Folder::new();
    let input = folder.file("call.pcap", some());
    let told = |args: &[&str]| zollhund(&[&["analyze", &input, "--service", "zoom"], args].concat()).out;
    let (english, german) = (told(&[]), told(&["--lang", "de"]));
    assert!(english.contains("captured") && english.contains("Recipients"));
    assert!(german.contains("erfasst") && german.contains("Empfänger") && !german.contains("captured"));
    assert!(!english.is_ascii());
    for args in [&["--ascii"][..], &["--ascii", "--lang", "de"], &["--ascii", "--verbose"]] {
        let text = told(args);
        assert!(text.is_ascii() && text.contains("SUB-01"), "{args:?}");
    }
    assert!(told(&["--verbose"]).len() > english.len());
}

#[test]
fn the_machine_readable_summary_is_valid() {
    let folder = Folder::new();
    let input = folder.file("call.pcap", some());
    let ran = zollhund(&["analyze", &input, "--service", "zoom", "--format", "json"]);
    assert_eq!((ran.status, ran.err.as_str()), (0, ""));
    let report = assert_valid(&ran.out);
    assert!(report["findings"].as_array().unwrap().iter().any(|f| f["code"] == "SUB-01"));
    assert_valid(&zollhund(&["demo", "--format", "json", "--lang", "de"]).out);
}

#[test]
fn a_list_of_ones_own_replaces_the_public_one() {
    let folder = Folder::new();
    let input = folder.file("call.pcap", some());
    let list = folder.file(
        "annex.toml",
        "title = \"Annex 2\"\nas_of = 2026-03-01\n[[disclosed]]\nname = \"Metrics\"\npurpose = \"statistics\"\n\
         countries = [\"SG\"]\ndomains = [\"metrics-partner.example\"]\n",
    );
    let unlisted = |args: &[&str]| {
        let ran = zollhund(&[&["analyze", &input, "--format", "json"], args].concat());
        assert_eq!((ran.status, ran.err.as_str()), (0, ""));
        let report = assert_valid(&ran.out);
        let findings = report["findings"].as_array().unwrap().clone();
        let found = |f: &&Value| f["code"] == "SUB-01" && f.to_string().contains("collector.metrics-partner.example");
        findings.iter().any(|f| found(&f))
    };
    assert!(unlisted(&["--service", "zoom"]));
    assert!(!unlisted(&["--service", "zoom", "--list", &list]));
    assert!(!unlisted(&["--list", &list]), "a list needs no profile");
}

#[test]
fn whoever_stops_reading_is_no_error() {
    for (args, status) in [(&["demo"][..], 0), (&["demo", "--fail-on", "high"], 1), (&["services"], 0), (&["man"], 0)] {
        let mut child = command(args).spawn().unwrap();
        drop(child.stdout.take());
        let done = child.wait_with_output().unwrap();
        assert_eq!((done.status.code(), done.stderr.as_slice()), (Some(status), &b""[..]), "{args:?}");
    }
}

#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_is_told() {
    let full = std::fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
    let done = command(&["services"]).stdout(full).output().unwrap();
    let ran =
        Ran { status: done.status.code().unwrap(), out: String::new(), err: String::from_utf8(done.stderr).unwrap() };
    assert_eq!(ran.status, 2);
    assert_one_line(&ran, &["standard output", "No space left"]);
}

#[test]
fn the_profiles_can_be_looked_at() {
    let list = zollhund(&["services"]);
    assert_eq!((list.status, list.err.as_str()), (0, ""));
    assert_eq!(zollhund(&["services", "list"]).out, list.out);
    let starts: Vec<_> = list.out.lines().map_while(|l| l.get(..19)).collect();
    assert!(starts.len() > 10 && starts.iter().all(|s| s.ends_with(' ')), "ids fit their column: {starts:#?}");
    let json: Value = serde_json::from_str(&zollhund(&["services", "--format", "json"]).out).unwrap();
    assert!(json.as_array().unwrap().iter().any(|p| p["id"] == "teams"));
    let show = zollhund(&["services", "show", "zoom"]);
    assert_eq!(show.status, 0);
    for word in ["Zoom", "Hosts", "Subprocessors disclosed", "Sources", "unverified"] {
        assert!(show.out.contains(word), "{word}");
    }
    let json: Value = serde_json::from_str(&zollhund(&["services", "show", "zoom", "--format", "json"]).out).unwrap();
    assert_eq!(json["profile"]["id"], "zoom");
    let check = zollhund(&["services", "check", &in_tree("src/policy/data/services/zoom.toml")]);
    assert_eq!(check.status, 0);
    assert!(check.out.contains("profile `zoom` is well formed") && check.out.lines().count() == 1);
}

#[test]
fn the_databases_can_be_asked() {
    let info = zollhund(&["geo", "info"]);
    assert_eq!((info.status, info.err.as_str()), (0, ""));
    for word in ["DB-IP", "sha256", "Credits", "embedded"] {
        assert!(info.out.contains(word), "{word}");
    }
    assert_eq!(zollhund(&["geo"]).out, info.out);
    let more = zollhund(&["geo", "info", "--geoip", &in_tree("geoip/testdata/made")]);
    assert_eq!(more.status, 0, "{}", more.err);
    assert!(more.out.contains("yours") && !info.out.contains("yours"));
    let lookup = |address: &str| zollhund(&["geo", "lookup", address]).out;
    let teams = lookup("52.112.0.10");
    assert!(teams.contains("Microsoft") && teams.contains("AS8075") && teams.contains("DB-IP"), "{teams}");
    assert!(lookup("::ffff:52.112.0.10").starts_with("52.112.0.10  (public)"), "the same address in other clothes");
    assert!(lookup("192.168.1.1").contains("not public"));
    let json = zollhund(&["geo", "lookup", "52.112.0.10", "--format", "json"]).out;
    assert!(serde_json::from_str::<Value>(&json).unwrap().to_string().contains("Microsoft"));
}

#[test]
fn the_program_describes_itself() {
    for (args, words) in [
        (&["--version"][..], &["zollhund", env!("CARGO_PKG_VERSION")][..]),
        (&["--help"], &["analyze", "demo", "Exit status"]),
        (&["analyze", "--help"], &["--service", "--fail-on", "standard input"]),
        (&["schema"], &["json-schema.org", "findings"]),
        (&["schema", "diff"], &["urn:zollhund:diff:1", "cautions"]),
        (&["completions", "bash"], &["complete", "--fail-on"]),
        (&["completions", "fish"], &["zollhund"]),
        (&["man"], &[".TH zollhund", "analyze"]),
    ] {
        let ran = zollhund(args);
        assert_eq!((ran.status, ran.err.as_str()), (0, ""), "{args:?}");
        for word in words {
            assert!(ran.out.contains(word), "{args:?}: {word}");
        }
    }
}

#[cfg(unix)]
#[test]
fn hostile_file_names_are_neutralised() {
    let folder = Folder::new();
    let hostile = "evil\x1b[31m\nzollhund: all is well\u{202e}.pcap";
    let missing = folder.path(hostile);
    assert_refused(&["analyze", &missing], &["evil\\u{1b}[31m\\u{a}zollhund: all is well"]);
    // A shell's `*` makes options of file names that begin like one.
    assert_refused(&["analyze", &format!("--{hostile}")], &["unexpected argument"]);
    assert_refused(&["analyze", "x", "--output", &folder.path("a\x1b]0;b"), "--list", &missing], &["evil"]);
    let bytes = some();
    let cut = folder.file(hostile, &bytes[..bytes.len() - 1]);
    let ran = zollhund(&["analyze", &cut]);
    assert_eq!(ran.status, 3);
    assert_one_line(&ran, &["evil\\u{1b}[31m\\u{a}zollhund"]);
    assert!(!ran.out.contains(|c: char| c.is_control() && c != '\n') && !ran.out.contains('\u{202e}'));
    assert!(!ran.out.contains("\nzollhund: all"), "no line of its own");
}

#[test]
fn an_audit_file_is_made_checked_and_used() {
    let folder = Folder::new();
    let template = zollhund(&["services", "template"]);
    assert_eq!(template.status, 0);
    let file = folder.file("audit.toml", &template.out);
    let check = zollhund(&["services", "check", &file]);
    assert_eq!(check.status, 0, "{}", check.err);
    for word in ["case 2026-0815", "1 recipients in audit.toml", "2 markers", "a vantage", "SHA-256"] {
        assert!(check.out.contains(word), "`{word}`: {}", check.out);
    }
    let hash = check.out.trim_end().rsplit(' ').next().unwrap().to_owned();

    // The contract's list of the audit file replaces the public one; the finding names the file and its hash.
    let output = folder.path("out");
    let input = folder.file("call.pcap", some());
    let ran = zollhund(&["analyze", &input, "--audit", &file, "--output", &output]);
    assert_eq!(ran.status, 0, "{}", ran.err);
    let report: Value = serde_json::from_str(&files(&output)["report.json"]).unwrap();
    let findings = report["findings"].as_array().unwrap();
    let listed = findings.iter().filter(|f| f["code"] == "SUB-01").collect::<Vec<_>>();
    assert!(!listed.is_empty());
    for finding in listed {
        assert!(finding["text"].as_str().unwrap().contains("Annex 2 to the processing contract, version 3"));
        assert!(finding["text"].as_str().unwrap().contains(&hash[..12]), "{finding}");
        assert!(finding["sources"].to_string().contains("audit.toml of 2026-11-20"), "{finding}");
    }
    assert!(report["sources"].to_string().contains(&hash), "{}", report["sources"]);

    let csv = template
        .out
        .replace("# list =", "list =")
        .replace("[[contract.disclosed]]\n", "")
        .replace("name = \"Amazon Web Services EMEA SARL\"\npurpose = \"hosting\"\n", "");
    let csv: String = csv
        .lines()
        .filter(|l| !l.starts_with("countries") && !l.starts_with("domains"))
        .fold(String::new(), |all, line| all + line + "\n");
    let file = folder.file("csv/audit.toml", &csv);
    assert_refused(&["services", "check", &file], &["annex2.csv", "check the path"]);
    folder.file("csv/annex2.csv", "name,country\nA,DE\n");
    assert_refused(&["services", "check", &file], &["annex2.csv: line 1", "no column `country`", "countries"]);
    folder.file("csv/annex2.csv", "name,countries\n\"Functional Software, Inc.\",US\n");
    let check = zollhund(&["services", "check", &file]);
    assert!(check.out.contains("1 recipients in annex2.csv"), "{}{}", check.out, check.err);
    let twice = folder.file("list.toml", "title = \"Annex\"\nas_of = 2026-01-01\n");
    assert_refused(
        &["analyze", &input, "--audit", &file, "--list", &twice],
        &["list.toml", "audit.toml has a list", "use one"],
    );
    let broken =
        folder.file("broken.toml", "[case]\nreference = \"A\"\ndate = 2026-01-01\n[vantage]\ncity = \"Nowhere\"\n");
    assert_refused(&["analyze", &input, "--audit", &broken], &["broken.toml: vantage.city", "give latitude"]);
    let check = zollhund(&["services", "check", &twice]);
    assert!(check.out.contains("list `Annex` is well formed: 0 recipients"), "{}", check.out);
}

#[test]
fn a_template_wants_the_operators_hosts() {
    let folder = Folder::new();
    let input = folder.file("call.pcap", some());
    let analyze = ["analyze", &input, "--service", "jitsi-self-hosted"];
    assert_refused(&analyze, &["jitsi-self-hosted is a template", "--host NAME"]);
    assert_refused(&[&analyze[..], &["--host", "tor=a.example"]].concat(), &["`tor` is no parameter", "host, turn"]);
    assert_refused(&[&analyze[..], &["--host", "=a.example"]].concat(), &["--host =a.example", "meet.example.org"]);
    assert_refused(&["analyze", &input, "--host", "a.example"], &["--host", "add --service"]);
    let own = ["--host", "zoom.us", "--host", "turn=turn.example.org", "--format", "json"];
    let ran = zollhund(&[&analyze[..], &own].concat());
    assert_eq!(ran.status, 0, "{}", ran.err);
    let report: Value = serde_json::from_str(&ran.out).unwrap();
    let own = |r: &&Value| r["names"].to_string().contains("zoom.us");
    let recipients = report["recipients"].as_array().unwrap();
    assert!(recipients.iter().filter(own).count() > 0);
    assert!(
        recipients.iter().filter(own).all(|r| r["disclosed"] == "service" || r["listing"] == "service"),
        "{recipients:?}"
    );
}

#[test]
fn without_a_profile_the_service_is_proposed_and_no_list_is_held_against() {
    let folder = Folder::new();
    let (input, output) = (folder.file("call.pcap", pcap(ETHERNET, &frames(usize::MAX))), folder.path("out"));
    let ran = zollhund(&["analyze", &input, "--output", &output]);
    assert_eq!(ran.status, 0, "{}", ran.err);
    let report = assert_valid(&files(&output)["report.json"]);
    let proposal = &report["proposal"];
    assert_eq!(
        (&proposal["id"], &proposal["profile"], &proposal["confidence"]),
        (&"zoom".into(), &true.into(), &"high".into())
    );
    let codes: Vec<_> = report["findings"].as_array().unwrap().iter().map(|f| f["code"].as_str().unwrap()).collect();
    assert!(codes.contains(&"SVC-01") && !codes.contains(&"SUB-01"), "{codes:?}");
    assert!(ran.out.contains("Zoom (high)"), "{}", ran.out);
    let other = zollhund(&["analyze", &input, "--service", "wire", "--format", "json"]);
    assert!(other.out.contains("SVC-02") && other.out.contains("SUB-01"), "{}", other.out);
}

#[test]
fn a_list_is_imported_once_and_asked_on_every_later_run() {
    let folder = Folder::new();
    let file = folder.file(
        "ServiceTags_Public_20261123.json",
        r#"{"changeNumber": 1, "values": [{"name": "AzureCloud.centralfrance", "properties": {"region": "centralfrance",
            "addressPrefixes": ["20.52.64.0/18", "bad"]}}]}"#,
    );
    let data = folder.path("data");
    let zollhund = |args: &[&str]| run(args, &[], &[("XDG_DATA_HOME", data.as_str())]);
    let located = || {
        let told: Value =
            serde_json::from_str(&zollhund(&["geo", "lookup", "20.52.64.1", "--format", "json"]).out).unwrap();
        let located = &told["located_in"];
        format!("{} {}", located["country"].as_str().unwrap(), located["confidence"].as_str().unwrap())
    };
    assert_eq!(located(), "DE high", "by the list that is built in");
    let imported = zollhund(&["geo", "import", "azure", &file]);
    assert_eq!((imported.status, imported.err.as_str()), (0, ""));
    assert!(
        imported.out.starts_with("Azure service tags (ServiceTags_Public_20261123.json) of 2026-11-23\n"),
        "{}",
        imported.out
    );
    assert!(
        imported.out.contains("1 IPv4 and 0 IPv6 prefixes") && imported.out.contains("1 row that could not be read")
    );
    assert_eq!(located(), "FR high");
    let info = zollhund(&["geo", "info"]);
    assert!(
        info.out.contains("Azure service tags (ServiceTags_Public_20261123.json) of 2026-11-23\n    imported on 20")
    );
    let info: Value = serde_json::from_str(&zollhund(&["geo", "info", "--format", "json"]).out).unwrap();
    assert_eq!((&info["ranges"][0]["kind"], &info["ranges"][0]["ipv4"]), (&json!("azure"), &json!(1)));
    // The same file under another name of a publisher, a file that is not there, and one that has been spoilt.
    for (args, says) in [
        (
            &["geo", "import", "gcp", file.as_str()][..],
            "cannot read ServiceTags_Public_20261123.json as a list of gcp: line 2, column 59: missing field `prefixes`; give",
        ),
        (&["geo", "import", "aws", "no-such-file.json"], "cannot read no-such-file.json; check the path"),
        (&["geo", "import", "ibm", file.as_str()], "write `aws`, `azure`, `gcp`, `oci` or `geofeed`"),
    ] {
        let refused = zollhund(args);
        assert_eq!(refused.status, 2);
        assert!(refused.err.contains(says) && refused.err.trim_end().lines().count() == 1, "{}", refused.err);
    }
    folder.file("data/zollhund/geo/azure.ranges", "nonsense");
    let spoilt = zollhund(&["geo", "info"]);
    assert!(spoilt.status == 2 && spoilt.err.contains("table azure.ranges, line 1"), "{}", spoilt.err);
    assert_eq!(zollhund(&["geo", "import", "azure", &file]).status, 0, "importing again cures it");
    assert_eq!(located(), "FR high");
}

#[test]
fn places_are_held_against_the_speed_of_light() {
    let folder = Folder::new();
    let rows = |out: &str, more: &[&str]| {
        let out = folder.path(out);
        let done = zollhund(&[&["demo", "--headless", "--output", out.as_str(), "--format", "json"], more].concat());
        assert_eq!(done.status, 0, "{}", done.err);
        let summary: Value = serde_json::from_str(&done.out).unwrap();
        let codes: Vec<_> =
            summary["findings"].as_array().unwrap().iter().map(|f| f["code"].as_str().unwrap().to_owned()).collect();
        let rows = std::fs::read_to_string(Path::new(&out).join("endpoints.jsonl")).unwrap();
        let rows: Vec<Value> = rows.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        (codes, rows)
    };
    let row = |rows: &[Value], address: &str| rows.iter().find(|r| r["address"] == address).unwrap().clone();
    let (codes, without) = rows("without", &[]);
    assert!(!codes.iter().any(|c| c == "TRF-07") && without.iter().all(|r| r.get("excluded_countries").is_none()));
    // What was asked and answered in the generated call, and how long it took.
    let measured = row(&without, "134.224.111.20");
    assert_eq!(measured["round_trip_by"], "stun");
    assert!((12.0..13.0).contains(&measured["round_trip_ms"].as_f64().unwrap()), "{measured}");
    let (codes, with) = rows("with", &["--vantage", "Frankfurt"]);
    assert!(codes.iter().any(|c| c == "TRF-07"));
    let zoom = row(&with, "170.114.52.2");
    let excluded = zoom["excluded_countries"].as_array().unwrap();
    assert!(excluded.contains(&json!("US")) && !excluded.contains(&json!("DE")), "{zoom}");
    assert_eq!((zoom.get("located_in"), &zoom["indeterminate"]), (None, &json!("a round trip excludes US")));
    assert!(zoom["votes"][0].as_str().unwrap().ends_with("; excluded by the round trip)"));
    let far = row(&with, "52.202.62.196");
    assert_eq!(far["located_in"], "US", "98 ms are enough for the way there and back");

    let told = zollhund(&["geo", "lookup", "170.114.52.2", "--vantage", "50.11,8.68,5", "--rtt", "12"]);
    assert!(told.out.contains("cannot be told") && told.out.contains(": excluded\n"), "{}", told.out);
    assert!(told.out.contains("at most 1799 km away at light speed"), "{}", told.out);
    let near = zollhund(&["geo", "lookup", "170.114.52.2", "--vantage", "New York", "--rtt", "12"]);
    assert!(near.out.contains("US (low confidence"), "{}", near.out);
    for args in [
        &["demo", "--headless", "--vantage", "Atlantis"][..],
        &["geo", "lookup", "8.8.8.8", "--vantage", "Rome", "--rtt", "x"],
    ] {
        let refused = zollhund(args);
        assert!(refused.status == 2 && refused.err.trim_end().lines().count() == 1, "{}", refused.err);
    }
}

#[cfg(feature = "live")]
#[test]
fn the_doctor_says_what_is_missing_and_the_cure() {
    let told = zollhund(&["doctor", "--format", "json"]);
    assert_eq!((told.status, told.err.as_str()), (0, ""));
    let told: Value = serde_json::from_str(&told.out).unwrap();
    let checks = told["checks"].as_array().unwrap();
    let of = |id: &str| checks.iter().find(|c| c["id"] == id).unwrap_or_else(|| panic!("{id} in {told}"));
    for id in ["capture", "libpcap", "owners", "isolation", "confinement", "clock", "database", "clients"] {
        assert!(["ok", "limited", "missing"].contains(&of(id)["state"].as_str().unwrap()), "{id}");
        assert_ne!(of(id)["found"], "", "{id}");
    }
    // What is missing has a price; who may not capture is told the line for this very program.
    for check in checks.iter().filter(|c| c["state"] == "missing") {
        assert_ne!(check["costs"], "", "{check}");
    }
    let capture = of("capture");
    let line = format!("sudo setcap cap_net_raw+ep {}", env!("CARGO_BIN_EXE_zollhund"));
    assert!(capture["state"] == "ok" || capture["cure"] == line.as_str(), "{capture}");
    let german = zollhund(&["doctor", "--lang", "de"]);
    assert_eq!(german.status, 0);
    assert!(german.out.contains("Aufzeichnung") && german.out.contains("Tage alt"), "{}", german.out);
}

#[cfg(all(feature = "live", target_os = "linux"))]
#[test]
fn interfaces_are_listed() {
    let listed = zollhund(&["interfaces", "--format", "json"]);
    // Whoever may not capture is told none by some versions of libpcap, but this is no error.
    assert_eq!((listed.status, listed.err.as_str()), (0, ""));
    let listed: Value = serde_json::from_str(&listed.out).unwrap();
    let loopback = listed["interfaces"].as_array().unwrap().iter().find(|i| i["name"] == "lo");
    assert!(loopback.is_none_or(|lo| lo["loopback"] == true && lo["default"] == false), "{listed}");
    let text = zollhund(&["interfaces", "--lang", "de"]);
    assert!(text.status == 0 && (loopback.is_none() || text.out.contains("nur dieser Rechner")), "{}", text.out);
}
