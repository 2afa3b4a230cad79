//! The custody log: who did what with the evidence, and when. Each line names the digest of the line before, so that none can
//! be changed, taken out or put in without every later one telling (one JSON object per line).

use super::error::{EvidenceError, name};
use crate::wire::Timestamp;
use data_encoding::HEXLOWER;
use ring::digest::{SHA256, digest};
use serde::{Deserialize, Serialize};
use std::fs::{File, OpenOptions};
use std::io::{BufRead, BufReader, Read, Write};
use std::path::{Path, PathBuf};

/// The log's name inside a bag. What is done after sealing stands in a log beside the bag, which goes on from it.
pub const CUSTODY: &str = "custody.jsonl";
/// Before the first line there is nothing.
const NOTHING: &str = "0000000000000000000000000000000000000000000000000000000000000000";
const MAX_LINE: u64 = 1 << 20;
const MAX_LINES: u64 = 1 << 20;

/// One thing that was done.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Step {
    /// From 1.
    pub number: u64,
    /// RFC 3339, UTC.
    pub time: String,
    /// `created`, `captured`, `analyzed`, `sealed`, `signed`, `time-stamped`, `redacted` ...
    pub action: String,
    /// The operator as stated, or the name of the account.
    pub actor: String,
    /// What it was about, in words.
    pub detail: String,
    /// Program and version.
    pub program: String,
    /// SHA-256 of the line before, without its line end.
    pub previous: String,
}

/// Writes a log, line by line, each on the disk before the call returns.
#[derive(Debug)]
pub struct Custody {
    path: PathBuf,
    file: File,
    previous: String,
    number: u64,
    actor: String,
}

impl Custody {
    /// Begins a log.
    ///
    /// # Errors
    /// The file exists or cannot be made.
    pub fn create(path: &Path, actor: &str) -> Result<Self, EvidenceError> {
        let file = super::store::new_file(path)?;
        Ok(Self { path: path.to_owned(), file, previous: NOTHING.into(), number: 0, actor: actor.into() })
    }

    /// Goes on with a log; one that is not there yet is begun. `before` is the log that it goes on from, if it is not the first.
    ///
    /// # Errors
    /// A log cannot be read, does not hold, or cannot be written.
    pub fn go_on(path: &Path, before: Option<&Path>, actor: &str) -> Result<Self, EvidenceError> {
        let mut chain = Chain::empty();
        if let Some(before) = before {
            chain = Chain::read(before, None)?;
            chain.broken_at = if chain.torn { chain.number + 1 } else { chain.broken_at };
            chain.unbroken(before)?;
        }
        let file = if path.exists() {
            chain = Chain::read(path, Some(&chain))?;
            chain.unbroken(path)?;
            let writing = |source| EvidenceError::writing(path, source);
            let file = OpenOptions::new().append(true).open(path).map_err(writing)?;
            if chain.torn {
                // It says nothing that could be relied on, and nothing could follow from it.
                file.set_len(chain.bytes).map_err(writing)?;
            }
            file
        } else {
            super::store::new_file(path)?
        };
        Ok(Self { path: path.to_owned(), file, previous: chain.last, number: chain.number, actor: actor.into() })
    }

    /// Notes one step.
    ///
    /// # Errors
    /// It cannot be written.
    pub fn note(&mut self, time: Timestamp, action: &str, detail: &str) -> Result<(), EvidenceError> {
        let step = Step {
            number: self.number + 1,
            time: time.to_string(),
            action: action.into(),
            actor: self.actor.clone(),
            detail: detail.into(),
            program: concat!("zollhund ", env!("CARGO_PKG_VERSION")).into(),
            previous: self.previous.clone(),
        };
        let mut line = serde_json::to_string(&step).unwrap_or_default();
        self.previous = sha256(line.as_bytes());
        self.number = step.number;
        line.push('\n');
        self.file
            .write_all(line.as_bytes())
            .and_then(|()| self.file.sync_data())
            .map_err(|error| EvidenceError::writing(&self.path, error))
    }
}

/// A log that was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Chain {
    pub steps: Vec<Step>,
    /// The first line that does not follow from the one before; 0 if all do.
    pub broken_at: u64,
    /// The last line has no end: writing it was interrupted.
    pub torn: bool,
    /// Length of the lines before that.
    bytes: u64,
    last: String,
    number: u64,
}

impl Chain {
    fn empty() -> Self {
        Self { steps: Vec::new(), broken_at: 0, torn: false, bytes: 0, last: NOTHING.into(), number: 0 }
    }

    /// Reads a log; `before` is the log that it goes on from.
    ///
    /// # Errors
    /// It cannot be read. A line that does not hold is no error: it is told in `broken_at`.
    pub fn read(path: &Path, before: Option<&Self>) -> Result<Self, EvidenceError> {
        let reading = |source| EvidenceError::Read { name: name(path), source };
        let mut reader = BufReader::new(File::open(path).map_err(reading)?);
        let mut chain = Self::empty();
        if let Some(before) = before {
            (chain.last, chain.number) = (before.last.clone(), before.number);
        }
        let mut line = Vec::new();
        for at in 1..=MAX_LINES {
            line.clear();
            if reader.by_ref().take(MAX_LINE).read_until(b'\n', &mut line).map_err(reading)? == 0 {
                break;
            }
            let Some(whole) = line.strip_suffix(b"\n") else {
                chain.torn = true;
                break;
            };
            let follows = |s: &Step| s.previous == chain.last && s.number == chain.number + 1;
            let Some(step) = serde_json::from_slice::<Step>(whole).ok().filter(follows) else {
                chain.broken_at = at;
                break;
            };
            chain.bytes += line.len() as u64;
            chain.last = sha256(whole);
            chain.number = step.number;
            chain.steps.push(step);
        }
        Ok(chain)
    }

    fn unbroken(&self, path: &Path) -> Result<(), EvidenceError> {
        match self.broken_at {
            0 => Ok(()),
            line => Err(EvidenceError::Custody { name: name(path), line }),
        }
    }
}

fn sha256(bytes: &[u8]) -> String {
    HEXLOWER.encode(digest(&SHA256, bytes).as_ref())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;
    use tempfile::TempDir;

    fn log(folder: &TempDir) -> PathBuf {
        let path = folder.path().join(CUSTODY);
        let mut custody = Custody::create(&path, "an auditor").unwrap();
        for (at, action) in (1..).zip(["created", "captured", "sealed"]) {
            custody.note(Timestamp::from_secs(1_700_000_000 + at), action, "a call").unwrap();
        }
        path
    }

    #[test]
    fn a_chain_goes_on_beside_the_bag() {
        let folder = TempDir::new().unwrap();
        let (inside, beside) = (log(&folder), folder.path().join("bag.custody.jsonl"));
        for action in ["signed", "time-stamped"] {
            let mut custody = Custody::go_on(&beside, Some(&inside), "another").unwrap();
            custody.note(Timestamp::from_secs(1_700_000_100), action, "").unwrap();
        }
        let first = Chain::read(&inside, None).unwrap();
        let second = Chain::read(&beside, Some(&first)).unwrap();
        assert_eq!((first.steps.len(), first.broken_at, second.broken_at), (3, 0, 0));
        let numbers: Vec<_> = second.steps.iter().map(|s| (s.number, &*s.action)).collect();
        assert_eq!(numbers, [(4, "signed"), (5, "time-stamped")]);
        assert_eq!(Chain::read(&beside, None).unwrap().broken_at, 1, "it follows from nothing else");
    }

    #[test]
    fn no_line_can_be_changed_taken_out_or_cut() {
        let folder = TempDir::new().unwrap();
        let path = log(&folder);
        let whole = fs::read_to_string(&path).unwrap();
        let lines: Vec<_> = whole.lines().collect();
        let changed = whole.replacen("a call", "no call", 1);
        for (text, broken_at) in [
            (changed, 2),
            (format!("{}\n{}\n", lines[0], lines[2]), 2),
            (format!("{}\n{}\n{}\n", lines[1], lines[0], lines[2]), 1),
            ("\u{1b}[2J\n".to_owned(), 1),
        ] {
            fs::write(&path, &text).unwrap();
            assert_eq!(Chain::read(&path, None).unwrap().broken_at, broken_at, "{text}");
            assert!(Custody::go_on(&folder.path().join("x"), Some(&path), "").is_err());
        }
        // A line that was being written when the disk was full, or the power gone.
        fs::write(&path, &whole[..whole.len() - 9]).unwrap();
        let chain = Chain::read(&path, None).unwrap();
        assert_eq!((chain.steps.len(), chain.broken_at, chain.torn), (2, 0, true));
        assert!(Custody::go_on(&folder.path().join("x"), Some(&path), "").is_err(), "nothing follows from it");
        Custody::go_on(&path, None, "an auditor").unwrap().note(Timestamp::ZERO, "resumed", "").unwrap();
        let chain = Chain::read(&path, None).unwrap();
        assert_eq!((chain.steps.len(), chain.broken_at, chain.torn), (3, 0, false));
    }
}
