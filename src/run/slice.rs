//! A slice: the frames that findings of a bundle rest on, cut from its capture into a file of their own.

use super::bundle;
use super::knowledge::file_name;
use super::offline::{recording, segments};
use super::tables::new_file;
use super::told::described;
use crate::capture::{Captured, Feed, Note, Pace, Pumped, Tape};
use crate::engine::view::Summary;
use crate::evidence::{Described, Kept, Section, TAG_MANIFEST, Writer, is_sealed, sha256, sha512};
use crate::wire::capfile::APPLICATION;
use crate::wire::{Direction, FrameNo, Timestamp};
use anyhow::{Context, Result, bail};
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fs;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Frames that one slice may hold: they are in memory until all are found.
const MOST_FRAMES: usize = 1 << 14;
/// Bytes of them.
const MOST_BYTES: usize = 1 << 30;
/// Missing frames that an error names.
const NAMED: usize = 5;

/// A file that was cut.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sliced {
    pub frames: usize,
    /// Codes of the findings, in the report's order.
    pub codes: Vec<&'static str>,
    /// SHA-256 of the file, in lower-case hexadecimal.
    pub sha256: String,
}

/// Cuts the frames of findings from the capture of a bundle into a new pcapng file, for its owner only. `ids` are numbers of
/// findings as the report's page and tables count them, or codes, which stand for all their findings. Frames keep the numbers
/// that the findings name as packet ids.
///
/// # Errors
/// There is no such finding, it rests on no frames, the bundle has no capture or not these frames, or `out` exists or cannot
/// be written.
pub fn slice(root: &Path, summary: &Summary, ids: &[String], out: &Path) -> Result<Sliced> {
    let (wanted, codes) = wanted(summary, ids)?;
    if out.exists() {
        bail!("{} exists already; name another file", out.display());
    }
    let Cut { wanted, interfaces, frames, .. } = cut(&captures(root)?, wanted, MOST_BYTES)?;
    if frames.len() < wanted.len() {
        let missing = wanted.keys().filter(|number| !frames.iter().any(|frame| frame.number == **number));
        let missing: Vec<_> = missing.map(ToString::to_string).collect();
        let (named, dots) = (missing.iter().take(NAMED), if missing.len() > NAMED { " …" } else { "" });
        let named: Vec<_> = named.map(String::as_str).collect();
        bail!(
            "frames {}{dots} are not in the capture of {}; see what has changed: zollhund verify {}",
            named.join(", "),
            root.display(),
            root.display()
        );
    }
    let origin = if is_sealed(root) {
        format!("SHA-512 of its tag manifest: {}", sha512(&root.join(TAG_MANIFEST))?)
    } else {
        "it was not sealed".into()
    };
    let section = Section {
        application: format!("{APPLICATION}{}", env!("CARGO_PKG_VERSION")).into(),
        comment: format!(
            "Frames that findings of a bundle rest on ({}); packet ids are their numbers there; the bundle: {}, {origin}",
            codes.join(", "),
            file_name(root),
        )
        .into(),
        ..Section::default()
    };
    let write = |file: fs::File| {
        let mut writer = Writer::new(BufWriter::new(file), &section)?;
        interfaces.iter().try_for_each(|described| writer.interface(described))?;
        for frame in &frames {
            writer.frame(&frame.kept(wanted.get(&frame.number).map_or(&[], Vec::as_slice)))?;
        }
        writer.get_mut().flush()?;
        writer.get_mut().get_ref().sync_all()
    };
    new_file(out, false)
        .and_then(write)
        .with_context(|| format!("cannot write {}; check the folder, its rights, and the disk", out.display()))?;
    Ok(Sliced { frames: frames.len(), codes, sha256: sha256(out)? })
}

/// What is said at each frame: which findings rest on it.
type Wanted = BTreeMap<FrameNo, Vec<Box<str>>>;

fn wanted(summary: &Summary, ids: &[String]) -> Result<(Wanted, Vec<&'static str>)> {
    let mut chosen = BTreeSet::new();
    for id in ids {
        let number = id.parse::<usize>().ok();
        let numbered = (1..).zip(&summary.findings);
        let named = numbered.filter(|(at, f)| number == Some(*at) || f.code.eq_ignore_ascii_case(id));
        let named: Vec<_> = named.map(|(at, _)| at).collect();
        if named.is_empty() {
            let count = summary.findings.len();
            bail!("there is no finding {id}; write a code as in TRF-02, or a number from 1 to {count}");
        }
        chosen.extend(named);
    }
    let mut frames = Wanted::new();
    let mut codes = Vec::new();
    for (at, finding) in (1..).zip(&summary.findings).filter(|(at, _)| chosen.contains(at)) {
        if !codes.contains(&finding.code) {
            codes.push(finding.code);
        }
        for number in &finding.frames {
            frames.entry(*number).or_default().push(format!("finding {at}, {}", finding.code).into());
        }
    }
    if frames.is_empty() {
        bail!("{} rests on no single frame: it is about the capture as a whole", codes.join(", "));
    }
    if frames.len() > MOST_FRAMES {
        bail!("these findings rest on {} frames, and a slice holds {MOST_FRAMES}; choose fewer", frames.len());
    }
    Ok((frames, codes))
}

/// The capture files in the order in which they were analyzed: numbers of frames go on from one to the next.
fn captures(root: &Path) -> Result<Vec<PathBuf>> {
    match bundle::unwrapped(root)?.as_slice() {
        [folder] if let Some(recording) = recording(folder) => segments(&recording),
        [same] if same == root => {
            bail!("{} holds no capture; name a bundle (analyze --save, watch --save)", root.display())
        }
        files => Ok(files.to_vec()),
    }
}

/// Finds the frames in these files, of at most so many bytes together.
fn cut(files: &[PathBuf], wanted: Wanted, most: usize) -> Result<Cut> {
    let mut cut = Cut { wanted, most, ..Cut::default() };
    for path in files {
        cut.file(path)?;
        if cut.bytes > most {
            bail!("these findings rest on frames of more than {most} bytes; choose fewer");
        }
    }
    Ok(cut)
}

/// A frame, until all are found.
#[derive(Debug)]
struct Found {
    number: FrameNo,
    time: Timestamp,
    interface: u32,
    original_len: u32,
    direction: Direction,
    bytes: Vec<u8>,
}

impl Found {
    fn kept<'a>(&'a self, comments: &'a [Box<str>]) -> Kept<'a> {
        Kept {
            interface: self.interface,
            time: self.time,
            original_len: self.original_len,
            bytes: &self.bytes,
            id: self.number.0,
            direction: self.direction,
            // What lies between two frames here was left out, not lost.
            dropped: 0,
            process: None,
            comments,
        }
    }
}

#[derive(Debug, Default)]
struct Cut {
    wanted: Wanted,
    interfaces: Vec<Described>,
    frames: Vec<Found>,
    bytes: usize,
    /// When there are more, no further ones are taken.
    most: usize,
    /// The last frame's number.
    last: u64,
}

impl Cut {
    fn file(&mut self, path: &Path) -> Result<()> {
        let mut tape = Tape::play(path, Pace::new(f64::INFINITY))?;
        let before = self.last;
        let mut here = Here::default();
        loop {
            let numbered = tape.is_numbered();
            let pumped = tape.pump(Duration::ZERO, &mut |captured| match captured {
                Captured::Note(Note::Section { .. }) => here = Here::default(),
                Captured::Note(note) => {
                    if let Some((id, described)) = described(&note) {
                        here.described.insert(id, described);
                    }
                }
                Captured::Frame { frame, interface, direction } => {
                    self.last = if numbered { frame.number.0 } else { before + frame.number.0 };
                    let number = FrameNo(self.last);
                    if self.wanted.contains_key(&number) && self.bytes <= self.most {
                        self.bytes += frame.bytes.len();
                        let described = || here.described.get(&interface).cloned();
                        let interfaces = &mut self.interfaces;
                        let interface = *here.written.entry(interface).or_insert_with(|| {
                            interfaces.push(described().unwrap_or(Described::new(frame.link)));
                            interfaces.len() as u32 - 1
                        });
                        self.frames.push(Found {
                            number,
                            time: frame.time,
                            interface,
                            original_len: frame.original_len,
                            direction,
                            bytes: frame.bytes.to_vec(),
                        });
                    }
                }
            })?;
            if pumped == Pumped::Ended || self.frames.len() == self.wanted.len() {
                return Ok(());
            }
        }
    }
}

/// Interfaces of the section that is read: what is known of each, and its number in the slice.
#[derive(Debug, Default)]
struct Here {
    described: HashMap<u32, Described>,
    written: HashMap<u32, u32>,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::LinkType;

    #[test]
    fn frames_of_more_bytes_than_fit_in_memory_are_refused() {
        let folder = tempfile::tempdir().unwrap();
        let files: Vec<_> = ["a.pcap", "b.pcap"].iter().map(|name| folder.path().join(name)).collect();
        let frame = (Timestamp::from_secs(1), [0; 1_000]);
        let frames = || (0..50).map(|_| (frame.0, &frame.1[..]));
        for path in &files {
            fs::write(path, crate::synth::pcap(LinkType::ETHERNET, frames())).unwrap();
        }
        let wanted = |last| -> Wanted { (1..=last).map(|number| (FrameNo(number), Vec::new())).collect() };
        assert_eq!(cut(&files, wanted(60), 60_000).unwrap().frames.len(), 60, "over both files");
        let error = cut(&files, wanted(61), 60_000).unwrap_err().to_string();
        assert!(error.contains("more than 60000 bytes; choose fewer"), "{error}");
        // What is too much is not held either.
        let mut most = Cut { wanted: wanted(100), most: 10_000, ..Cut::default() };
        for path in &files {
            most.file(path).unwrap();
        }
        assert_eq!(most.frames.len(), 11);
    }
}
