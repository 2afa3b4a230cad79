//! Keeps the doors of the house: who may import whom, what the core may not call, and that the lists are complete.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test may stop where it stands")]

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

/// Room → rooms it may use. The order of the rows is the order of the floors: a room uses only rooms above its row.
const DOORS: &[(&str, &[&str])] = &[
    ("wire", &[]),
    ("decode", &["wire"]),
    ("dissect", &["wire"]),
    ("synth", &["wire", "dissect::quic"]),
    ("flow", &["wire", "dissect"]),
    ("attribution", &["wire", "dissect::fact"]),
    ("policy", &["wire", "attribution", "dissect::fact"]),
    ("engine", &["wire", "decode", "dissect", "flow", "attribution", "policy"]),
    ("capture", &["wire"]),
    ("evidence", &["wire", "decode", "dissect::quic", "attribution", "engine::view"]),
    ("report", &["wire", "attribution", "policy", "engine::view", "dissect::fact"]),
    ("resolve", &["wire"]),
    ("host", &["wire", "attribution::Owner", "attribution::OwnerMatch"]),
    ("ui", &["wire", "attribution", "policy", "engine", "dissect::fact", "report::format"]),
    (
        "run",
        &[
            "wire",
            "decode",
            "dissect::fact",
            "synth",
            "flow::FlowId",
            "attribution",
            "policy",
            "engine",
            "capture",
            "evidence",
            "report",
            "resolve",
            "host",
            "ui",
        ],
    ),
    (
        "cli",
        &[
            "wire",
            "attribution",
            "policy",
            "engine",
            "capture",
            "evidence",
            "report",
            "resolve",
            "host",
            "ui",
            "run",
            "synth",
        ],
    ),
];

/// The pure core: bytes and a time in, events out.
const CORE: &[&str] = &["wire", "decode", "dissect", "synth", "flow", "attribution", "policy", "engine"];

/// What the core must not touch.
const WORLD: &[&str] =
    &["Instant::now", "SystemTime", "std::fs", "std::thread", "std::net::Tcp", "std::net::Udp", "std::env", "println!"];

fn sources(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|e| e == "rs") {
            found.push(path);
        }
    }
}

/// Every source file below `src` with its room and its text; `main.rs` and `lib.rs` have no room.
fn rooms() -> Vec<(String, PathBuf, String)> {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut files = Vec::new();
    sources(&src, &mut files);
    files.sort();
    files
        .into_iter()
        .map(|path| {
            let inside = path.strip_prefix(&src).unwrap();
            let mut parts = inside.iter();
            let room = parts.next().unwrap().to_str().unwrap().to_owned();
            let text = fs::read_to_string(&path).unwrap();
            (if inside.components().count() == 1 { String::new() } else { room }, path, text)
        })
        .collect()
}

/// The paths behind `crate::` in a source text: `a::b` of `crate::a::b::C`, and of each branch of `crate::{…}`.
fn imports(text: &str) -> Vec<String> {
    let mut found = Vec::new();
    for (at, _) in text.match_indices("crate::") {
        let before = text[..at].chars().next_back();
        if before.is_some_and(|c| c.is_alphanumeric() || c == '_' || c == '$') {
            continue;
        }
        let rest = &text[at + "crate::".len()..];
        let branches: Vec<&str> = match rest.strip_prefix('{') {
            Some(group) => group.split('}').next().unwrap().split(',').map(str::trim).collect(),
            None => vec![rest],
        };
        for branch in branches {
            let path: String = branch.chars().take_while(|c| c.is_alphanumeric() || *c == '_' || *c == ':').collect();
            if !path.is_empty() {
                found.push(path);
            }
        }
    }
    found
}

#[test]
fn every_import_goes_through_a_door() {
    let doors: BTreeMap<_, _> = DOORS.iter().copied().collect();
    for (room, path, text) in rooms().iter().filter(|(room, ..)| !room.is_empty()) {
        let allowed = doors.get(room.as_str()).unwrap_or_else(|| panic!("room {room} is not in the table of doors"));
        for import in imports(text) {
            let own = import == *room || import.starts_with(&format!("{room}::"));
            let open = allowed.iter().any(|d| import == *d || import.starts_with(&format!("{d}::")));
            assert!(own || open, "{}: `crate::{import}`: the table has no door from {room}", path.display());
        }
    }
}

#[test]
fn the_table_of_doors_has_no_circle() {
    for (n, (room, uses)) in DOORS.iter().enumerate() {
        for used in *uses {
            let used = used.split("::").next().unwrap();
            let at = DOORS.iter().position(|(r, _)| *r == used).unwrap_or_else(|| panic!("no room {used}"));
            assert!(at < n, "{room} uses {used}, which stands later");
        }
    }
}

#[test]
fn the_core_touches_no_clock_file_thread_or_terminal() {
    for (room, path, text) in rooms() {
        if CORE.contains(&room.as_str()) && !path.ends_with("tests.rs") {
            let code = text.split("#[cfg(test)]\nmod tests {").next().unwrap();
            for word in WORLD {
                assert!(!code.contains(word), "{}: `{word}` has no place in the core", path.display());
            }
        }
    }
}

#[test]
fn every_file_says_what_it_is_for() {
    for (_, path, text) in rooms().into_iter().filter(|(_, path, _)| !path.ends_with("tests.rs")) {
        assert!(text.starts_with("//! "), "{}: the first line is a `//!` purpose", path.display());
    }
}

#[test]
fn every_dissector_is_in_the_handbook() {
    let handbook = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/handbook.md")).unwrap();
    let mut names: Vec<_> = zollhund::dissect::REGISTRY.iter().map(|p| (p.transport, p.name)).collect();
    for (_, name) in &names {
        assert!(handbook.contains(&format!("`{name}`")), "docs/handbook.md does not list the dissector `{name}`");
    }
    let all = names.len();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), all, "two dissectors of one transport have the same name");
}
