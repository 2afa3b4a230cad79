//! Captures that were given, kept in a bundle. What is content is left out: while they are read, the first bytes of each flow
//! and all headers are written down. What was written is analyzed again, and only if that comes out the same does it take the
//! place of the files; else they are copied as they are.

use super::bundle::{Bundle, PROGRAM_SHA256, RECORDING, new_folder};
use super::knowledge::file_name;
use super::narrow::narrow_to;
use super::offline::{Input, Job, Outcome, Survey, analyze, compared, record, segments};
use super::tables::Fingerprint;
use super::told::keep_note;
use crate::capture::Note;
use crate::engine::view::CaptureInfo;
use crate::evidence::{
    Digests, EvidenceError, Header, JOURNAL, PAYLOAD, Pick, Store, StoreOptions, Told, digests, sha512,
};
use crate::report::tables::TABLES;
use crate::wire::{Direction, Frame, FrameNo, Text, Timestamp};
use anyhow::{Context, Result, anyhow, bail};
use std::collections::{BTreeMap, HashSet};
use std::fs;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::sync::{Arc, LazyLock};
use std::thread;

/// Names that are told apart in the files.
const MAX_NAMES: usize = 1 << 16;

/// What a bundle keeps of captures that are given.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Keep {
    /// The files as they are.
    AsGiven,
    /// Frames of flows in scope; of each direction of a flow at most so many bytes of payload, or all.
    InScope { payload: Option<u32> },
}

/// Writes down what is read of captures that were given.
pub(super) struct Recorder {
    store: Store,
    header: Header,
    refused: Option<&'static str>,
    names: HashSet<(IpAddr, Text)>,
    given: Vec<(FrameNo, CaptureInfo)>,
    /// The frame before.
    after: FrameNo,
    time: Timestamp,
}

impl Recorder {
    fn create(folder: &Path, header: Header) -> Result<Self, EvidenceError> {
        let store = Store::create(folder, StoreOptions::new(header.clone()))?;
        let (refused, names, given) = (None, HashSet::new(), Vec::new());
        Ok(Self { store, header, refused, names, given, after: FrameNo(0), time: Timestamp::ZERO })
    }

    pub(super) const fn header(&self) -> &Header {
        &self.header
    }

    /// From here on nothing is written: the files themselves have to be kept.
    pub(super) fn refuse(&mut self, why: &'static str) {
        self.refused.get_or_insert(why);
    }

    /// Writes down a frame that has its number.
    pub(super) fn frame(&mut self, frame: Frame<'_>, interface: u32, direction: Direction) -> Result<()> {
        if self.header.whole && frame.is_cut() {
            // In what is written nobody could tell who had cut it.
            self.refuse("frames of it were captured only in part");
        }
        if self.refused.is_some() {
            return Ok(());
        }
        (self.after, self.time) = (frame.number, frame.time);
        if !self.store.frame(&Pick { frame, interface, direction })
            && let Some(failure) = self.store.failure()
        {
            bail!("{failure}");
        }
        Ok(())
    }

    pub(super) fn note(&mut self, note: &Note) {
        keep_note(&mut self.store, note, Timestamp::ZERO);
    }

    pub(super) fn told(&mut self, told: &Told) {
        self.store.told(self.after, told);
    }

    /// A file was read to its end. That is not written before its frames are.
    pub(super) fn given(&mut self, info: CaptureInfo) {
        self.given.push((self.after, info));
    }

    /// A name that was read for an address.
    pub(super) fn name(&mut self, address: IpAddr, name: &Text) {
        if self.names.len() < MAX_NAMES && self.names.insert((address, name.clone())) {
            self.store.name(address, name.clone());
        }
    }

    /// Ends the files; gives why they do not do.
    fn close(mut self) -> Result<Option<&'static str>, EvidenceError> {
        self.store.flush(self.time);
        if self.store.failure().is_none() {
            for (after, info) in self.given {
                self.store.told(after, &Told::Given(Box::new(info)));
            }
        }
        self.store.close(self.time).1?;
        Ok(self.refused)
    }
}

/// Keeps captures in a bundle, and analyzes what it keeps with the tables in it. What was done stands in its custody log.
///
/// # Errors
/// A capture cannot be read or has no name of its own, or something cannot be written.
pub fn keep(bundle: &mut Bundle, files: &[PathBuf], job: &Job, how: Keep) -> Result<Outcome> {
    if let Some(folder) = files.iter().find(|path| path.is_dir()) {
        bail!("{}: --save takes capture files; name the files in that folder", folder.display());
    }
    let mut why = None;
    if let Keep::InScope { payload } = how {
        match in_scope(bundle, files, job, payload)? {
            Ok(outcome) => return Ok(outcome),
            Err(reason) => why = Some(reason),
        }
    }
    let input = Input::Files(bundle.take(files)?);
    let mut outcome = analyze(&in_bundle(bundle, input, job))?;
    if let Some(reason) = why {
        bundle.note("kept as given", &reason)?;
        outcome.complaints.push(format!("the bundle keeps the captures as they were given: {reason}"));
    }
    Ok(outcome)
}

/// What came of the files that were given.
struct Before {
    tables: Fingerprint,
    complaints: Vec<String>,
    incomplete: bool,
}

/// The analysis whose tables the bundle holds.
fn in_bundle(bundle: &Bundle, input: Input, job: &Job) -> Job {
    Job { input, output: Some(bundle.data()), hash: true, overwrite: true, ..job.clone() }
}

/// Keeps what is in scope; or nothing, and says why it would not tell the same.
fn in_scope(
    bundle: &mut Bundle,
    files: &[PathBuf],
    job: &Job,
    payload: Option<u32>,
) -> Result<Result<Outcome, String>> {
    let folder = bundle.capture();
    // What is taken from a stream cannot be taken again, whatever comes to light at its end: all of it is kept.
    let streamed = files.iter().any(|path| path.as_os_str() == "-");
    let payload = payload.filter(|_| !streamed);
    let names: Vec<_> = files.iter().map(|path| file_name(path)).collect();
    let header = Header {
        source: names.join(", "),
        payload_kept: payload,
        whole: payload.is_some(),
        device: job.device.map(|device| device.to_string()),
        ..Header::new()
    };
    let given = Job {
        device: job.device,
        hash: true,
        progress: job.progress,
        ..Job::new(Input::Files(files.to_vec()), Arc::clone(&job.knowledge))
    };
    let (before, recorder, seen) = {
        let (first, recorder, seen) = record(&given, Recorder::create(&folder, header)?, job.device.is_some())?;
        // All else that it tells is told again.
        (
            Before { tables: first.fingerprint, complaints: first.complaints, incomplete: first.incomplete },
            recorder,
            seen,
        )
    };
    if let Some(why) = recorder.close()? {
        if streamed {
            bail!("standard input: {why}; save it as a file and name that");
        }
        return set_aside(&folder, why.to_owned());
    }
    let others = seen.filter(Survey::has_others);
    // Answers to look-ups stand in the tables, and in no capture.
    #[cfg(feature = "resolve")]
    let apart = others.is_some() || job.resolve.is_some();
    #[cfg(not(feature = "resolve"))]
    let apart = others.is_some();
    let mut different = Vec::new();
    if apart {
        let kept = Job { input: Input::Files(vec![folder.clone()]), ..given };
        different = differences(&before.tables, &compared(&kept)?.fingerprint);
        if !different.is_empty() && !streamed {
            return set_aside(&folder, otherwise(&different));
        }
        if let Some(seen) = &others {
            narrow_to(&folder, seen)?;
        }
    }
    // Beside the analysis what will be sealed is hashed.
    let job = in_bundle(bundle, Input::Files(vec![folder.clone()]), job);
    let (outcome, hashed) = thread::scope(|scope| {
        let hashed = scope.spawn(|| {
            let hashed = hashed(&folder);
            // While the tables are written.
            LazyLock::force(&PROGRAM_SHA256);
            hashed
        });
        (analyze(&job), hashed.join())
    });
    let mut outcome = outcome?;
    let mut hashed = hashed.map_err(|_| anyhow!("hashing the capture broke down; start again"))??;
    let mut files = vec![(JOURNAL.to_owned(), digests(&folder.join(JOURNAL))?)];
    for CaptureInfo { name, sha256, bytes, .. } in &outcome.summary.kept {
        if let Some((name, sha512)) = hashed.remove_entry(name.exact()) {
            files.push((name, Digests { sha256: sha256.to_string(), sha512, bytes: *bytes }));
        }
    }
    let tables = tables(&bundle.data())?;
    if !apart {
        let now: Fingerprint = tables.iter().map(|(name, digests)| (name.clone(), digests.sha256.clone())).collect();
        different = differences(&before.tables, &now);
        if !different.is_empty() && !streamed {
            return set_aside(&folder, otherwise(&different));
        }
    }
    for CaptureInfo { name, bytes, sha256, .. } in &outcome.summary.captures {
        bundle.note("given", &format!("{name}, {bytes} bytes, SHA-256 {sha256}"))?;
    }
    let bytes: u64 = files.iter().map(|(_, digests)| digests.bytes).sum();
    let what = match payload {
        Some(payload) => format!("headers and the first {payload} bytes of payload of each direction of a flow"),
        None => "every frame in full".to_owned(),
    };
    let same = match different.as_slice() {
        [] => "analyzed before and after, with the same tables to the byte".to_owned(),
        _ => otherwise(&different),
    };
    bundle.note("kept", &format!("{what}, {bytes} bytes; {same}"))?;
    bundle.know(files.into_iter().map(|(name, digests)| (format!("{RECORDING}/{name}"), digests)));
    bundle.know(tables.into_iter().map(|(name, digests)| (format!("{PAYLOAD}/{name}"), digests)));
    // What was wrong with the files that were given, by their names.
    outcome.incomplete |= before.incomplete;
    outcome.complaints.splice(.., before.complaints);
    if !different.is_empty() {
        outcome.complaints.push(otherwise(&different));
    }
    Ok(Ok(outcome))
}

/// The files themselves have to be kept.
fn set_aside(folder: &Path, why: String) -> Result<Result<Outcome, String>> {
    fs::remove_dir_all(folder).with_context(|| format!("cannot remove {}, half made", folder.display()))?;
    new_folder(folder)?;
    Ok(Err(why))
}

/// Tables of which one analysis says something else than the other.
fn differences(before: &Fingerprint, after: &Fingerprint) -> Vec<String> {
    before.iter().filter(|row| !after.contains(row)).map(|(name, _)| name.clone()).collect()
}

fn otherwise(tables: &[String]) -> String {
    format!("what would be kept of them tells otherwise in {}", tables.join(", "))
}

/// SHA-512 of a recording's frames: their SHA-256 comes from whoever reads them.
fn hashed(folder: &Path) -> Result<BTreeMap<String, String>> {
    segments(folder)?.iter().map(|path| Ok((file_name(path), sha512(path)?))).collect()
}

/// Digests of the tables' JSON lines.
fn tables(folder: &Path) -> Result<Vec<(String, Digests)>> {
    let names = TABLES.iter().map(|table| format!("{}.jsonl", table.name));
    names.map(|name| Ok((name.clone(), digests(&folder.join(&name))?))).collect()
}
