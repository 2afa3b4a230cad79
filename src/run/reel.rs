//! A saved capture played for whoever makes another of it: the frames in order, with their numbers, and between them what the
//! analysis is told.

use super::offline::{recording, segments};
use super::told::{Listener, Saying, described};
use crate::capture::{CaptureError, Captured, Ending, Feed, Note, Pace, Pumped, Tape};
use crate::evidence::{Described, Header, Statistics, Told, read_journal};
use crate::wire::{Direction, Frame, FrameNo, Timestamp};
use anyhow::Result;
use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// One thing on a reel. Interfaces are numbered from 0 over all files.
#[derive(Debug)]
pub(super) enum Scene<'a> {
    /// What whoever recorded it had in mind.
    Header(Header),
    Interface(u32, Described),
    Frame {
        frame: Frame<'a>,
        interface: u32,
        direction: Direction,
    },
    /// Counters of an interface.
    Counted(u32, Statistics),
    /// It came after that frame. Whose flows are whose is not told: the analysis knows that in the end.
    Told(FrameNo, Told),
}

/// Plays captures, or a folder with a recording, to the end.
///
/// # Errors
/// One cannot be read, or `take` fails. A file that breaks off is told as [`Told::Truncated`].
pub(super) fn play(files: &[PathBuf], take: &mut dyn FnMut(Scene<'_>) -> Result<()>) -> Result<()> {
    let mut reel = Reel { last: FrameNo(0), time: Timestamp::ZERO, interfaces: 0, told: Vec::new().into_iter(), take };
    if let [folder] = files
        && let Some(folder) = recording(folder)
    {
        let (header, entries) = read_journal(&folder)?;
        (reel.take)(Scene::Header(header))?;
        // These frames are here, and owners come from the analysis.
        let told = entries.into_iter().filter(|entry| {
            !matches!(entry.told, Told::Loss { kept: true, .. } | Told::Owner { .. } | Told::Notice { .. })
        });
        reel.told = told.map(|entry| (entry.after, entry.told)).collect::<Vec<_>>().into_iter();
        segments(&folder)?.iter().try_for_each(|path| reel.file(path, Some(Listener::beside_journal())))?;
        return reel.catch_up(FrameNo(u64::MAX));
    }
    files.iter().try_for_each(|path| reel.file(path, None))
}

struct Reel<'t> {
    last: FrameNo,
    time: Timestamp,
    interfaces: u32,
    /// What the journal tells and has not yet been told.
    told: std::vec::IntoIter<(FrameNo, Told)>,
    take: &'t mut dyn FnMut(Scene<'_>) -> Result<()>,
}

impl Reel<'_> {
    /// Tells what was told before that frame.
    fn catch_up(&mut self, number: FrameNo) -> Result<()> {
        while self.told.as_slice().first().is_some_and(|(after, _)| *after < number) {
            if let Some((after, told)) = self.told.next() {
                (self.take)(Scene::Told(after, told))?;
            }
        }
        Ok(())
    }

    fn file(&mut self, path: &Path, journal: Option<Listener>) -> Result<()> {
        let mut tape = Tape::play(path, Pace::new(f64::INFINITY))?;
        let beside_journal = journal.is_some();
        let mut listener = journal.unwrap_or_default();
        let before = self.last;
        let mut here = HashMap::new();
        let ended = loop {
            let numbered = tape.is_numbered();
            let mut failed = Ok(());
            let pumped = tape.pump(Duration::ZERO, &mut |captured| {
                if failed.is_ok() {
                    failed = match captured {
                        Captured::Note(note) => self.note(&note, &mut listener, &mut here, beside_journal),
                        Captured::Frame { frame, interface, direction } => {
                            let number = if numbered { frame.number } else { FrameNo(before.0 + frame.number.0) };
                            self.frame(Frame { number, ..frame }, here.get(&interface).copied(), direction)
                        }
                    };
                }
            });
            failed?;
            match pumped {
                Ok(Pumped::More) => {}
                Ok(Pumped::Ended) => break true,
                Err(CaptureError::Read { .. }) if self.last > before => break false,
                Err(error) => return Err(error.into()),
            }
        };
        let mut sayings = Vec::new();
        listener.end(self.time, &mut |saying| sayings.push(saying));
        self.say(sayings)?;
        let whole = tape.ending().is_none_or(|ending| *ending == Ending::Complete);
        if ended && whole { Ok(()) } else { (self.take)(Scene::Told(self.last, Told::Truncated)) }
    }

    fn frame(&mut self, frame: Frame<'_>, interface: Option<u32>, direction: Direction) -> Result<()> {
        self.catch_up(frame.number)?;
        (self.last, self.time) = (frame.number, frame.time);
        let interface = match interface {
            Some(interface) => interface,
            // A file that says nothing of it.
            None => self.interface(Described::new(frame.link))?,
        };
        (self.take)(Scene::Frame { frame, interface, direction })
    }

    fn interface(&mut self, described: Described) -> Result<u32> {
        let id = self.interfaces;
        self.interfaces += 1;
        (self.take)(Scene::Interface(id, described))?;
        Ok(id)
    }

    fn note(
        &mut self,
        note: &Note,
        listener: &mut Listener,
        here: &mut HashMap<u32, u32>,
        beside_journal: bool,
    ) -> Result<()> {
        let mut sayings = Vec::new();
        listener.note(note, self.time, &mut |saying| sayings.push(saying));
        if let Some(header) = listener.take_header()
            && !beside_journal
        {
            (self.take)(Scene::Header(header))?;
        }
        self.say(sayings)?;
        match note {
            Note::Section { .. } => here.clear(),
            Note::Interface { .. } => {
                if let Some((id, described)) = described(note) {
                    let global = self.interface(described)?;
                    here.insert(id, global);
                }
            }
            Note::Statistics { interface, received, dropped_by_interface, dropped_by_system, delivered } => {
                if let Some(global) = here.get(interface) {
                    let counted = Statistics {
                        started: Timestamp::ZERO,
                        received: *received,
                        dropped_by_interface: *dropped_by_interface,
                        dropped_by_system: *dropped_by_system,
                        delivered: *delivered,
                    };
                    (self.take)(Scene::Counted(*global, counted))?;
                }
            }
            _ => {}
        }
        Ok(())
    }

    fn say(&mut self, sayings: Vec<Saying>) -> Result<()> {
        for saying in sayings {
            if let Saying::Told(told) = saying
                && !matches!(told, Told::Notice { .. })
            {
                (self.take)(Scene::Told(self.last, told))?;
            }
        }
        Ok(())
    }
}
