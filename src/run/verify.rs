//! Whether a bundle is what was sealed, who vouches for it, and whether its analysis comes out the same again.

use super::bundle::{CAPTURE, PROGRAM, Recipe, captures, custody_beside, job, recipe};
use super::knowledge::file_name;
use super::offline::{compared, segments};
use crate::capture::{CaptureFile, Captured, Digest, Ending};
use crate::evidence::{
    CUSTODY, Chain, Checked, PAYLOAD, Verdict, Wrong, check, is_sealed, sha256, signature_path, stamp_path,
    verify_signature, verify_stamp,
};
use crate::policy::Lang;
use crate::wire::{Text, Timestamp};
use anyhow::Result;
use serde::Serialize;
use std::path::Path;

/// How a bundle is checked.
#[derive(Debug, Default)]
pub struct Verify<'a> {
    /// Who may have signed (ssh-keygen(1), ALLOWED SIGNERS).
    pub signers: Option<&'a Path>,
    /// Certificates of the time-stamp authority.
    pub authority: Option<&'a Path>,
    /// Analyze again and compare.
    pub reanalyze: bool,
    /// The databases of the user's own that were used.
    pub geoip: Option<&'a Path>,
    /// The language of the statements. What other programs and the log say stays as they say it.
    pub lang: Lang,
    pub progress: bool,
}

/// Whether a statement about a bundle holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Holds {
    Yes,
    /// Nothing speaks against it, but it was not or cannot be shown.
    Open,
    No,
}

/// What a statement is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum About {
    File,
    Payload,
    Custody,
    Signature,
    TimeStamp,
    Findings,
}

impl About {
    #[must_use]
    pub const fn words(self, lang: Lang) -> &'static str {
        match self {
            Self::File => lang.pick("file", "Datei"),
            Self::Payload => lang.pick("payload", "Inhalt"),
            Self::Custody => lang.pick("custody", "Protokoll"),
            Self::Signature => lang.pick("signature", "Signatur"),
            Self::TimeStamp => lang.pick("time-stamp", "Zeitstempel"),
            Self::Findings => lang.pick("findings", "Befunde"),
        }
    }
}

/// One statement.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Statement {
    pub holds: Holds,
    pub about: About,
    pub text: Text,
}

/// What came of checking a bundle.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Verified {
    /// SHA-512 of the tag manifest; empty if the bag was never sealed.
    pub digest: String,
    pub sealed: bool,
    pub statements: Vec<Statement>,
    #[serde(skip)]
    pub lang: Lang,
}

impl Verified {
    fn say(&mut self, holds: Holds, about: About, en: impl AsRef<str>, de: impl AsRef<str>) {
        let text = match self.lang {
            Lang::En => en.as_ref().into(),
            Lang::De => de.as_ref().into(),
        };
        self.statements.push(Statement { holds, about, text });
    }

    /// In the words of whoever was asked.
    fn quote(&mut self, holds: Holds, about: About, words: impl AsRef<str>) {
        self.say(holds, about, &words, &words);
    }

    #[must_use]
    pub fn holds(&self) -> bool {
        self.statements.iter().all(|s| s.holds != Holds::No)
    }
}

/// Checks a bundle: every file, the custody log, signature and time stamp, and if wanted the findings.
///
/// # Errors
/// It is no bundle, or cannot be read.
pub fn verify(root: &Path, how: &Verify<'_>) -> Result<Verified> {
    let sealed = is_sealed(root);
    let mut verified = Verified { digest: String::new(), sealed, statements: Vec::new(), lang: how.lang };
    if verified.sealed {
        let checked = check(root)?;
        verified.digest.clone_from(&checked.digest);
        payload(&mut verified, &checked);
    } else {
        interrupted(&mut verified, root, &recipe(root)?)?;
    }
    custody(&mut verified, root)?;
    if verified.sealed {
        vouched(&mut verified, root, how)?;
    }
    if how.reanalyze {
        reanalyze(&mut verified, root, how)?;
    }
    Ok(verified)
}

fn payload(verified: &mut Verified, checked: &Checked) {
    for (file, wrong) in &checked.wrong {
        let (en, de) = match wrong {
            Wrong::Missing => ("is listed and not there", "ist verzeichnet und fehlt"),
            Wrong::Changed => ("is not as it was sealed", "ist nicht mehr so, wie sie versiegelt wurde"),
            Wrong::Unlisted => ("was not there when it was sealed", "war bei der Versiegelung nicht da"),
            Wrong::Listing => ("is not listed as it has to be", "ist nicht so verzeichnet, wie es sein muss"),
        };
        verified.say(Holds::No, About::File, format!("{file} {en}"), format!("{file} {de}"));
    }
    if checked.holds() {
        let (files, bytes) = (checked.files, checked.bytes);
        verified.say(
            Holds::Yes,
            About::Payload,
            format!("{files} files with {bytes} bytes are as they were sealed (SHA-256, SHA-512)"),
            format!("{files} Dateien mit {bytes} Bytes sind so, wie sie versiegelt wurden (SHA-256, SHA-512)"),
        );
    }
}

/// A run that was killed, or whose disk was full: how far does it go?
fn interrupted(verified: &mut Verified, root: &Path, recipe: &Recipe) -> Result<()> {
    let mut frames = 0_u64;
    let mut last = Timestamp::ZERO;
    let (mut en, mut de) = (String::new(), String::new());
    for short in recipe.cut_short(root) {
        en = format!("{en}; {}", short.words(Lang::En));
        de = format!("{de}; {}", short.words(Lang::De));
    }
    let folder = root.join(PAYLOAD).join(CAPTURE);
    let files: Vec<_> = match captures(root, recipe).unwrap_or_default().as_slice() {
        [one] if *one == folder => segments(&folder)?,
        files => files.to_vec(),
    };
    for path in &files {
        // One of which not even the head was written holds no frame.
        let Ok(mut file) = CaptureFile::open(path, Digest::Skip) else { continue };
        while let Ok(Some(record)) = file.next() {
            if let Captured::Frame { frame, .. } = record {
                frames += 1;
                last = last.max(frame.time);
            }
        }
        if let Some(end) = file.ending().filter(|end| **end != Ending::Complete) {
            en = format!("{en}; {}: {end}", file_name(path));
            de = format!("{de}; {}: {end}", file_name(path));
        }
    }
    let (until_en, until_de) = match frames {
        0 => (String::new(), String::new()),
        _ => (format!(", the last of {last}"), format!(", der letzte von {last}")),
    };
    verified.say(
        Holds::Open,
        About::Payload,
        format!("the run was interrupted and nothing is sealed; {frames} frames can be read{until_en}{en}"),
        format!("der Lauf wurde unterbrochen, nichts ist versiegelt; {frames} Frames sind lesbar{until_de}{de}"),
    );
    Ok(())
}

fn custody(verified: &mut Verified, root: &Path) -> Result<()> {
    let inside = Chain::read(&root.join(PAYLOAD).join(CUSTODY), None)?;
    let beside = custody_beside(root);
    let after = if beside.exists() { Some(Chain::read(&beside, Some(&inside))?) } else { None };
    let mut steps = Vec::new();
    let mut holds = true;
    for (chain, name) in [(Some(&inside), CUSTODY.to_owned()), (after.as_ref(), beside.display().to_string())] {
        let Some(chain) = chain else { continue };
        steps.extend(&chain.steps);
        if chain.broken_at > 0 {
            holds = false;
            let line = chain.broken_at;
            verified.say(
                Holds::No,
                About::Custody,
                format!("{name}: line {line} does not follow from the line before"),
                format!("{name}: Zeile {line} folgt nicht aus der Zeile davor"),
            );
        } else if chain.torn {
            verified.say(
                Holds::Open,
                About::Custody,
                format!("{name}: the last line broke off while it was written"),
                format!("{name}: Die letzte Zeile brach beim Schreiben ab"),
            );
        }
    }
    if holds {
        let count = steps.len();
        let latest = steps.last().map(|s| format!("{} {}, {}", s.time, s.action, s.actor)).unwrap_or_default();
        verified.say(
            Holds::Yes,
            About::Custody,
            format!("{count} steps, each follows from the one before; the last: {latest}"),
            format!("{count} Schritte, jeder folgt aus dem davor; der letzte: {latest}"),
        );
    }
    Ok(())
}

fn vouched(verified: &mut Verified, root: &Path, how: &Verify<'_>) -> Result<()> {
    const NONE: [&str; 2] = ["there is none beside the bundle", "liegt nicht neben dem Bündel"];
    let [en, de] = NONE;
    if signature_path(root).exists() {
        match verify_signature(root, how.signers)? {
            Verdict::Holds(who) => verified.quote(Holds::Yes, About::Signature, who.exact()),
            Verdict::Unvouched(who) => {
                let who = who.exact();
                verified.say(
                    Holds::Open,
                    About::Signature,
                    format!("{who}; who holds that key is not known: name the signers (--signers FILE)"),
                    format!("{who}; wem dieser Schlüssel gehört, ist nicht bekannt: Unterzeichner mit --signers DATEI nennen"),
                );
            }
            Verdict::Fails(why) => verified.quote(Holds::No, About::Signature, why.exact()),
        }
    } else {
        verified.say(Holds::Open, About::Signature, en, de);
    }
    let reply = stamp_path(root, "tsr");
    if !reply.exists() {
        verified.say(Holds::Open, About::TimeStamp, en, de);
        return Ok(());
    }
    match verify_stamp(root, &reply, how.authority) {
        Err(error) => verified.quote(Holds::No, About::TimeStamp, error.to_string()),
        Ok(stamp) => {
            let time = stamp.time;
            match stamp.verdict {
                Verdict::Holds(by) => verified.say(
                    Holds::Yes,
                    About::TimeStamp,
                    format!("existed at {time}, by {}", by.exact()),
                    format!("bestand am {time}, laut {}", by.exact()),
                ),
                Verdict::Unvouched(_) => verified.say(
                    Holds::Open,
                    About::TimeStamp,
                    format!("says {time}; its signature was not checked: name the authority's certificates (--authority FILE)"),
                    format!("nennt {time}; seine Signatur wurde nicht geprüft: Zertifikate der Stelle mit --authority DATEI nennen"),
                ),
                Verdict::Fails(why) => verified.quote(Holds::No, About::TimeStamp, why.exact()),
            }
        }
    }
    Ok(())
}

/// Analyzes the capture again with the inputs of the bundle and compares what comes out.
fn reanalyze(verified: &mut Verified, root: &Path, how: &Verify<'_>) -> Result<()> {
    let recipe = recipe(root)?;
    if let Some((name, sha256)) = recipe.missing(how.geoip) {
        verified.say(
            Holds::Open,
            About::Findings,
            format!("not analyzed again: {name} with SHA-256 {sha256} was used; name its folder (--geoip DIR)"),
            format!(
                "nicht erneut ausgewertet: Verwendet wurde {name} mit SHA-256 {sha256}; Ordner mit --geoip ORDNER nennen"
            ),
        );
        return Ok(());
    }
    let outcome = compared(&job(root, &recipe, None, how.geoip, how.progress)?)?;
    let mut same = true;
    for (table, now) in &outcome.fingerprint {
        if sha256(&root.join(PAYLOAD).join(table))? != *now {
            same = false;
            verified.say(
                Holds::No,
                About::Findings,
                format!("{table} comes out differently with {PROGRAM}"),
                format!("{table} fällt mit {PROGRAM} anders aus"),
            );
        }
    }
    let count = outcome.summary.findings.len();
    if same {
        verified.say(
            Holds::Yes,
            About::Findings,
            format!("{count} findings come out the same, byte for byte, with {PROGRAM} and the inputs of the bundle"),
            format!("{count} Befunde fallen mit {PROGRAM} und den Eingaben des Bündels gleich aus, Byte für Byte"),
        );
    }
    if recipe.program != PROGRAM {
        let other = &recipe.program;
        verified.say(
            Holds::Open,
            About::Findings,
            format!("the bundle was made by {other}, this is {PROGRAM}"),
            format!("das Bündel wurde von {other} erstellt, dies ist {PROGRAM}"),
        );
    }
    Ok(())
}
