//! Bundles: `analyze --save`, `verify`, `seal`.

use super::args::{Format, Judge, Tell};
use super::{Exit, complain, conclude, job, print, wanted};
use crate::engine::view::Stated;
use crate::engine::{Device, Knowledge};
use crate::evidence::{Sealed, is_sealed};
use crate::report::missing;
use crate::run::{self, Bundle, Draft, Holds, Outcome, Prepare, Statement, Verified, Verify, Witness};
use crate::wire::Text;
use anyhow::{Context, Result};
use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, sync_channel};

/// Keeps captures in a new bundle, analyzes what it keeps, and seals it.
pub(super) fn save(
    folder: &Path,
    files: &[PathBuf],
    keep: run::Keep,
    device: Option<Device>,
    judge: &Judge,
    tell: &Tell,
) -> Result<Exit> {
    let ranges = run::geo_folder();
    let raw = keep == run::Keep::AsGiven;
    let draft = Draft::new(folder, &wanted(judge, ranges.as_deref(), tell.look.lang), device, files, raw)?;
    remind(judge)?;
    let mut bundle = draft.begin("capture files that were given")?;
    let mut job = job(judge, tell, run::Input::Files(files.to_vec()))?;
    job.device = device;
    let outcome = run::keep(&mut bundle, files, &job, keep)?;
    let sealed = bundle.seal(&outcome)?;
    let exit = conclude(outcome, &job.knowledge, judge, tell)?;
    told(folder, &sealed);
    Ok(exit)
}

/// The bundle of a capture that runs, if one is wanted: made once rights are given up, sealed when the capture is over.
pub(super) struct Keeping {
    folder: Option<PathBuf>,
    paths: Option<(PathBuf, PathBuf)>,
}

impl Keeping {
    /// What it rests on is read now; `raw`: frames out of scope are kept. The second part makes the folder, and the third one gets the bundle then.
    pub(super) fn new(
        folder: Option<&Path>,
        raw: bool,
        source: &Text,
        device: Option<Device>,
        judge: &Judge,
        tell: &Tell,
    ) -> Result<(Self, Option<Prepare>, Receiver<Bundle>)> {
        let ranges = run::geo_folder();
        let wanted = wanted(judge, ranges.as_deref(), tell.look.lang);
        let draft = folder.map(|folder| Draft::new(folder, &wanted, device, &[], raw)).transpose()?;
        if draft.is_some() {
            remind(judge)?;
        }
        let paths = draft.as_ref().map(|draft| (draft.capture(), draft.data()));
        let (send, begun) = sync_channel(1);
        let source = source.to_string();
        let prepare = draft.map(|draft| {
            Box::new(move || {
                let _ = send.send(draft.begin(&source)?);
                Ok(())
            }) as Prepare
        });
        Ok((Self { folder: folder.map(Path::to_owned), paths }, prepare, begun))
    }

    pub(super) fn capture(&self) -> Option<PathBuf> {
        self.paths.as_ref().map(|(capture, _)| capture.clone())
    }

    pub(super) fn data(&self) -> Option<PathBuf> {
        self.paths.as_ref().map(|(_, data)| data.clone())
    }

    /// Tells what was found, and how the bundle is known.
    pub(super) fn conclude(
        self,
        mut outcome: Outcome,
        knowledge: &Knowledge,
        judge: &Judge,
        tell: &Tell,
    ) -> Result<Exit> {
        let sealed = outcome.sealed.take();
        let exit = conclude(outcome, knowledge, judge, tell)?;
        if let (Some(folder), Some(sealed)) = (&self.folder, sealed) {
            told(folder, &sealed);
        }
        Ok(exit)
    }
}

/// Says what only people can know and the report will miss, while it can still be written down.
fn remind(judge: &Judge) -> Result<()> {
    let Some(path) = &judge.audit else {
        complain(
            "no audit file: the report will not say who audits, why and by what right; `zollhund services template` writes one \
             to fill in, --audit FILE reads it",
        );
        return Ok(());
    };
    let missing = missing(&Stated::from(&run::audit(path)?));
    if !missing.is_empty() {
        complain(&format!("not stated in {}: {}", path.display(), missing.join(", ")));
    }
    Ok(())
}

/// Makes the copy of a bundle that may be passed on, and says what it is.
pub(super) fn share(bundle: &Path, out: &Path, how: &run::Share<'_>) -> Result<Exit> {
    let run::Shared { sealed, redacted, differences } = run::share(bundle, out, how)?;
    let run::Redacted { frames, cut, local, unreadable } = redacted;
    complain(&format!(
        "{frames} frames with pseudonyms for the audited side, {cut} bytes of payload cut; headers only of {local} frames \
         that are of its own networks or of no conversation, nothing of {unreadable} that cannot be read"
    ));
    for difference in differences {
        complain(&format!("otherwise than in the first bundle: {difference}"));
    }
    told(out, &sealed);
    Ok(Exit::Done)
}

/// The digest stands on the screen, where it can be photographed or written down.
fn told(folder: &Path, sealed: &Sealed) {
    let Sealed { digest, files, bytes } = sealed;
    complain(&format!("sealed in {}: {files} files, {bytes} bytes; SHA-512 of its tag manifest:", folder.display()));
    complain(digest);
}

/// One line per statement. Status 2 if one does not hold, 3 if the bundle was never sealed.
pub(super) fn verify(bundle: &Path, how: &Verify<'_>, format: Format) -> Result<Exit> {
    let verified = run::verify(bundle, how)?;
    print(&match format {
        Format::Json => serde_json::to_string_pretty(&verified).context("cannot write JSON")? + "\n",
        Format::Text => text(&verified),
    })?;
    Ok(if !verified.holds() {
        Exit::Failure
    } else if verified.sealed {
        Exit::Done
    } else {
        Exit::Incomplete
    })
}

fn text(verified: &Verified) -> String {
    let (mut out, lang) = (String::new(), verified.lang);
    for Statement { holds, about, text } in &verified.statements {
        let word = match holds {
            Holds::Yes => lang.pick("holds", "stimmt"),
            Holds::Open => lang.pick("open ", "offen "),
            Holds::No => lang.pick("FAILS", "FALSCH"),
        };
        let _ = writeln!(out, "{word}  {}: {text}", about.words(lang));
    }
    if verified.sealed {
        let what = lang.pick("SHA-512 of the tag manifest", "SHA-512 des Tag-Manifests");
        let _ = writeln!(out, "{what}: {}", verified.digest);
    }
    out
}

pub(super) fn seal(bundle: &Path, wanted: &Witness<'_>) -> Result<Exit> {
    let mut exit = Exit::Done;
    if !is_sealed(bundle) {
        let (outcome, sealed) = run::finish(bundle, true)?;
        outcome.complaints.iter().for_each(|complaint| complain(complaint));
        if outcome.incomplete {
            exit = Exit::Incomplete;
        }
        told(bundle, &sealed);
    }
    for line in run::witness(bundle, wanted)? {
        complain(&line);
    }
    Ok(exit)
}
