//! Every fuzz target without a fuzzer: its stored inputs, and mutations of them with a fixed seed. A crash that fuzzing
//! found is stored as `found-…` beside the seeds and so stays fixed.

#![allow(
    clippy::items_after_statements,
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stderr,
    unreachable_pub,
    reason = "test code, and files shared with another crate"
)]

#[path = "../fuzz/bodies.rs"]
mod bodies;
#[path = "../fuzz/seeds.rs"]
mod seeds;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use zollhund::dissect::{Opening, Probe, REGISTRY};
use zollhund::synth::Random;
use zollhund::wire::Side;

/// Mutations of each stored input: what keeps the whole test under two seconds in a debug build.
const MUTATIONS: u64 = 400;
/// Set to write the seeds instead of comparing them.
const WRITE: &str = "ZOLLHUND_WRITE_SEEDS";

fn folder(target: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus").join(target)
}

/// The files that belong to the project: a fuzzer's own finds lie in the same folder under other names.
fn stored(target: &str) -> BTreeMap<String, Vec<u8>> {
    let Ok(entries) = std::fs::read_dir(folder(target)) else { return BTreeMap::new() };
    entries
        .filter_map(|entry| {
            let path = entry.unwrap().path();
            let name = path.file_name()?.to_str()?.to_owned();
            let ours = name.starts_with("seed-") || name.starts_with("found-");
            ours.then(|| (name, std::fs::read(path).unwrap()))
        })
        .collect()
}

#[test]
fn stored_seeds_are_those_of_the_generator() {
    for (target, name, bytes) in seeds::seeds() {
        let path = folder(target).join(format!("seed-{name}"));
        if std::env::var_os(WRITE).is_some() {
            std::fs::create_dir_all(folder(target)).unwrap();
            std::fs::write(&path, &bytes).unwrap();
        }
        let kept = std::fs::read(&path).unwrap_or_default();
        assert!(kept == bytes, "{} is not what the generator makes: run this test with {WRITE}=1", path.display());
    }
}

#[test]
fn every_target_has_seeds_and_a_binary() {
    let manifest = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/Cargo.toml")).unwrap();
    for (target, _) in bodies::TARGETS {
        assert!(stored(target).keys().any(|name| name.starts_with("seed-")), "{target} has no seed");
        assert!(manifest.contains(&format!("name = \"{target}\"")), "{target} has no binary");
    }
}

#[test]
fn every_dissector_has_a_seed_that_its_probe_likes() {
    let talks = seeds::talks();
    for protocol in REGISTRY {
        let mut own = talks.iter().filter(|t| t.protocol == protocol.name && t.transport == protocol.transport);
        let liked = own.any(|talk| {
            let (side, bytes) = &talk.parts[0];
            let (from_port, to_port) = if *side == Side::First { (50_000, talk.port) } else { (talk.port, 50_000) };
            (protocol.probe)(&Opening { bytes, side: *side, from_port, to_port }) == Probe::Yes
        });
        assert!(liked, "no seed for {} over {:?}", protocol.name, protocol.transport);
    }
}

/// A seed that is refused at the door teaches a fuzzer nothing.
#[test]
fn seeds_get_past_the_door() {
    use zollhund::attribution::{Atlas, Organisations};
    use zollhund::capture::{CaptureFile, Captured, Digest, Ending};
    use zollhund::policy::background::Background;
    use zollhund::policy::tracker::Trackers;
    use zollhund::policy::{List, Parameters, Profile, Regimes};
    for (target, name, bytes) in seeds::seeds() {
        match target {
            "capture" => {
                let reader = Box::new(std::io::Cursor::new(bytes));
                let mut file = CaptureFile::from_reader(name.as_str().into(), reader, Digest::Skip).unwrap();
                let mut frames = 0;
                while let Some(record) = file.next().unwrap() {
                    frames += u32::from(matches!(record, Captured::Frame { .. }));
                }
                assert!(frames > 3, "{name}");
                assert!(matches!(file.ending(), Some(Ending::Complete)), "{name}: {:?}", file.ending());
            }
            "mmdb" => {
                let atlas = Atlas::with_user_files(vec![("user.mmdb".to_owned(), bytes)]).unwrap();
                let place = atlas.place("1.2.3.4".parse().unwrap());
                assert_eq!(place.votes[0].country.as_str(), "DE");
                assert!(!place.votes[0].source.name.contains("DB-IP"), "{:?}", place.votes);
            }
            "tables" => {
                let text = std::str::from_utf8(&bytes[1..]).unwrap();
                let error = match name.as_str() {
                    "organisations" => Organisations::parse("seed", text).err().map(|e| e.to_string()),
                    "anycast" => {
                        let files = vec![("anycast.toml".to_owned(), bytes[1..].to_vec())];
                        Atlas::with_user_files(files).err().map(|e| e.to_string())
                    }
                    "list" => List::parse("seed", text).err().map(|e| e.to_string()),
                    "service" => {
                        Profile::parse("seed", text, &Parameters::new(), |_| None).err().map(|e| e.to_string())
                    }
                    "jurisdictions" => Regimes::parse("seed", text).err().map(|e| e.to_string()),
                    "trackers" => Trackers::parse("seed", text).err().map(|e| e.to_string()),
                    "background" => Background::parse("seed", text).err().map(|e| e.to_string()),
                    _ => panic!("{name}: say here how it is read"),
                };
                assert_eq!(error, None, "{name}");
            }
            _ => {}
        }
    }
}

#[test]
fn no_target_breaks_its_promises_on_stored_inputs_and_mutations() {
    let mut random = Random::new(0x5eed);
    for (target, body) in bodies::TARGETS {
        let inputs = stored(target);
        let all: Vec<&Vec<u8>> = inputs.values().collect();
        for (name, bytes) in &inputs {
            run(target, name, *body, bytes);
            for _ in 0..MUTATIONS {
                let mutant = mutate(bytes, &all, &mut random);
                run(target, name, *body, &mutant);
            }
        }
    }
}

/// Runs the body; on a panic the input is kept where a fuzzer would keep it.
fn run(target: &str, name: &str, body: fn(&[u8]), bytes: &[u8]) {
    if let Err(panic) = std::panic::catch_unwind(|| body(bytes)) {
        let path = folder(target).with_file_name(format!("../artifacts/{target}-of-{name}"));
        let _ = std::fs::create_dir_all(path.parent().unwrap());
        let _ = std::fs::write(&path, bytes);
        eprintln!("target {target}, mutation of {name}, kept as {}", path.display());
        std::panic::resume_unwind(panic);
    }
}

/// One to four small changes, of the kinds that a fuzzer makes.
fn mutate(bytes: &[u8], others: &[&Vec<u8>], random: &mut Random) -> Vec<u8> {
    const TELLING: [u8; 6] = [0, 1, 0x40, 0x7f, 0x80, 0xff];
    let mut out = bytes.to_vec();
    for _ in 0..=random.below(4) {
        let at = random.index(out.len());
        let len = 1 + random.index(24);
        let end = (at + len).min(out.len());
        match random.below(7) {
            0 if !out.is_empty() => out[at] ^= 1 << random.below(8),
            1 if !out.is_empty() => out[at] = TELLING[random.index(TELLING.len())],
            2 => out.truncate(at),
            3 => drop(out.drain(at..end)),
            4 => {
                let copy = out[at..end].to_vec();
                out.splice(at..at, copy);
            }
            5 => {
                let noise = random.bytes(len);
                out.splice(at..at, noise);
            }
            _ => {
                let other = others[random.index(others.len())];
                let from = random.index(other.len());
                let until = (from + len * 8).min(other.len());
                out.splice(at..end, other[from..until].iter().copied());
            }
        }
    }
    out
}
