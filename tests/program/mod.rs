//! The program as a user runs it: its arguments, its status, its two streams, and a folder to work in.

#![allow(dead_code, unreachable_pub, reason = "each test program uses a part")]

use serde_json::Value;
use std::collections::BTreeMap;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::LazyLock;
use tempfile::TempDir;
use zollhund::synth;
use zollhund::wire::{LinkType, Timestamp};

/// How a run ended, and what was said.
#[derive(Debug)]
pub struct Ran {
    pub status: i32,
    pub out: String,
    pub err: String,
}

pub fn zollhund(args: &[&str]) -> Ran {
    run(args, &[], &[])
}

/// With bytes on standard input, and variables in the environment.
pub fn run(args: &[&str], input: &[u8], env: &[(&str, &str)]) -> Ran {
    let mut child = command(args).envs(env.iter().copied()).spawn().unwrap();
    let mut pipe = child.stdin.take().unwrap();
    let input = input.to_vec();
    // Whoever does not read its input closes the pipe: no error here.
    let writer = std::thread::spawn(move || pipe.write_all(&input));
    let done = child.wait_with_output().unwrap();
    let _ = writer.join().unwrap();
    Ran {
        status: done.status.code().unwrap(),
        out: String::from_utf8(done.stdout).unwrap(),
        err: String::from_utf8(done.stderr).unwrap(),
    }
}

pub fn command(args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_zollhund"));
    // 2026-11-27: what the program says of the age of its data must not depend on when the tests run.
    command.args(args).env_remove("NO_COLOR").env("SOURCE_DATE_EPOCH", "1795737600");
    // No list that somebody has imported on this machine takes part.
    command.env("XDG_DATA_HOME", "/nonexistent");
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

/// A folder of its own, gone with the test.
pub struct Folder(TempDir);

impl Folder {
    pub fn new() -> Self {
        Self(TempDir::new().unwrap())
    }

    pub fn path(&self, name: &str) -> String {
        self.0.path().join(name).to_str().unwrap().to_owned()
    }

    pub fn file(&self, name: &str, bytes: impl AsRef<[u8]>) -> String {
        let path = self.path(name);
        fs::create_dir_all(Path::new(&path).parent().unwrap()).unwrap();
        fs::write(&path, bytes).unwrap();
        path
    }
}

/// Every file below a folder, in order.
pub fn tree(root: &Path) -> Vec<PathBuf> {
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

/// The files of a folder with their contents; nothing if there is no such folder.
pub fn files(folder: &str) -> BTreeMap<String, String> {
    let Ok(entries) = fs::read_dir(folder) else { return BTreeMap::new() };
    entries
        .map(|entry| {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_str().unwrap().to_owned();
            (name, fs::read_to_string(&path).unwrap())
        })
        .collect()
}

/// The call that `demo` generates. Making it takes longer than most tests here.
pub static CALL: LazyLock<synth::Call> = LazyLock::new(|| synth::call(1));

/// Its first frames.
pub fn frames(count: usize) -> Vec<(Timestamp, Vec<u8>)> {
    CALL.frames().take(count).map(|(time, bytes)| (time, bytes.to_vec())).collect()
}

/// Frames as a pcap file.
pub fn pcap(link: LinkType, frames: &[(Timestamp, Vec<u8>)]) -> Vec<u8> {
    synth::pcap(link, frames.iter().map(|(time, bytes)| (*time, bytes.as_slice())))
}

/// A report, held against the schema that the program itself prints.
pub fn assert_valid(report: &str) -> Value {
    assert_valid_as("report", report)
}

/// The same for another document of which `zollhund schema` knows the shape.
pub fn assert_valid_as(document: &str, text: &str) -> Value {
    let mut schemas = boon::Schemas::new();
    let mut compiler = boon::Compiler::new();
    compiler.enable_format_assertions();
    let schema = serde_json::from_str(&zollhund(&["schema", document]).out).unwrap();
    compiler.add_resource("schema.json", schema).unwrap();
    let schema = compiler.compile("schema.json", &mut schemas).unwrap();
    let value: Value = serde_json::from_str(text).unwrap();
    if let Err(error) = schemas.validate(&value, schema) {
        panic!("{error:#}");
    }
    value
}
