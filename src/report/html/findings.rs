//! Findings as the page tells them: in full, those of a code together, or as a line of a list.

use super::{FRAMES, Maker, class, clean};
use crate::attribution::Source;
use crate::policy::rules::without_traffic;
use crate::policy::suppression::SetAside;
use crate::policy::{self, Finding, Ground, Lang};
use crate::report::format::{clock, confidence_word, severity_word, title};
use crate::wire::FrameNo;

/// Findings of one code and severity.
pub(super) struct Code {
    pub(super) token: &'static str,
    pub(super) title: &'static str,
    pub(super) severity: &'static str,
    pub(super) class: &'static str,
    pub(super) count: usize,
    /// What all of them have in common.
    pub(super) basis: String,
    pub(super) doubts: String,
    pub(super) sources: String,
    pub(super) findings: Vec<Observed>,
    pub(super) more: String,
}

pub(super) struct Observed {
    pub(super) id: usize,
    /// Number of the recipient's sheet; 0: none.
    pub(super) sheet: usize,
    pub(super) subject: String,
    pub(super) text: String,
    pub(super) basis: String,
    pub(super) doubts: String,
    pub(super) sources: String,
    /// Why and when the auditor has set it aside.
    pub(super) aside: String,
}

/// A finding in a list.
pub(super) struct Short {
    pub(super) id: usize,
    pub(super) linked: bool,
    pub(super) code: &'static str,
    pub(super) severity: &'static str,
    pub(super) class: &'static str,
    pub(super) subject: String,
    pub(super) frames: String,
}

impl Maker<'_> {
    /// Findings at these positions, those of one code and severity together: what they have in common is said once.
    pub(super) fn codes(&self, positions: &[usize]) -> Vec<Code> {
        let findings = &self.summary.findings;
        let of = |at: &usize| findings.get(*at).map(|f| (f.severity, f.code));
        let mut codes = Vec::new();
        for group in positions.chunk_by(|a, b| of(a) == of(b)) {
            let Some(first) = group.first().and_then(|at| findings.get(*at)) else { continue };
            let written = group.iter().filter(|at| self.written.contains(at));
            let written: Vec<(usize, &Finding)> =
                written.filter_map(|at| findings.get(*at).map(|finding| (*at, finding))).collect();
            let alone = written.len() < 2;
            let common = |parts: fn(&Self, &Finding) -> Vec<String>| match written.split_first() {
                Some(((_, first), others)) if !alone => {
                    let mut common = parts(self, first);
                    common.retain(|part| others.iter().all(|(_, other)| parts(self, other).contains(part)));
                    common
                }
                _ => Vec::new(),
            };
            let (basis, weak, sources) = (common(Self::basis), common(|_, f| doubts(f)), common(Self::sources));
            let rest = |parts: Vec<String>, common: &[String]| -> Vec<String> {
                parts.into_iter().filter(|part| !common.contains(part)).collect()
            };
            let told = |(at, f): &(usize, &Finding)| Observed {
                basis: [rest(self.basis(f), &basis), self.evidence(f)].concat().join(" · "),
                doubts: rest(doubts(f), &weak).join("; "),
                sources: rest(self.sources(f), &sources).join("; "),
                ..self.finding(*at, f, alone)
            };
            codes.push(Code {
                token: first.code,
                title: title(first.code, self.lang),
                severity: severity_word(first.severity, self.lang),
                class: class(first.severity),
                count: group.len(),
                more: self.more(
                    group.len() - written.len(),
                    ["findings of this code", "Befunde dieses Codes"],
                    "findings.csv",
                ),
                findings: written.iter().map(told).collect(),
                basis: basis.join(" · "),
                doubts: weak.join("; "),
                sources: sources.join("; "),
            });
        }
        codes
    }

    /// A finding but for what it rests on. The traffic stands on the recipient's sheet; a finding that is alone tells it too.
    fn finding(&self, at: usize, f: &Finding, alone: bool) -> Observed {
        let about = self.about.get(at).copied().flatten();
        let sheet = about.filter(|at| self.sheets.contains(at)).map_or(0, |at| at + 1);
        let text = if alone || sheet == 0 { f.text.to_string() } else { without_traffic(&f.text, self.lang) };
        Observed {
            id: at + 1,
            sheet,
            subject: clean(&f.subject),
            text: clean(&text),
            basis: String::new(),
            doubts: String::new(),
            sources: String::new(),
            aside: f.aside.as_ref().map(|aside| set_aside(aside)).unwrap_or_default(),
        }
    }

    fn basis(&self, f: &Finding) -> Vec<String> {
        let sure = self.lang.pick("confidence", "Verlässlichkeit");
        vec![ground(f.ground, self.lang).to_owned(), format!("{sure} {}", confidence_word(f.confidence, self.lang))]
    }

    /// Where it is to be found in the capture.
    fn evidence(&self, f: &Finding) -> Vec<String> {
        let mut evidence = Vec::new();
        if !f.frames.is_empty() {
            evidence.push(self.told.frames(&f.frames, FRAMES));
        }
        if f.ground != Ground::Capture {
            evidence.push(format!("{}–{} UTC", clock(f.first), clock(f.last)));
        }
        evidence
    }

    fn sources(&self, f: &Finding) -> Vec<String> {
        f.sources.iter().map(|source| clean(&self.source(source))).collect()
    }

    /// Name, date, and enough of the hash to find it among the inputs.
    fn source(&self, source: &Source) -> String {
        let hash = policy::short_hash(source);
        let hash = if hash.is_empty() { String::new() } else { format!(" (SHA-256 {hash}…)") };
        format!("{}{hash}", policy::source(source, self.lang))
    }

    pub(super) fn short(&self, at: usize, f: &Finding) -> Short {
        Short {
            id: at + 1,
            linked: self.written.contains(&at) && !f.code.starts_with("NEG-"),
            code: f.code,
            severity: severity_word(f.severity, self.lang),
            class: class(f.severity),
            subject: clean(&f.subject),
            frames: frame_list(&f.frames, 3),
        }
    }
}

fn doubts(f: &Finding) -> Vec<String> {
    clean(&f.uncertainty).split("; ").filter(|doubt| !doubt.is_empty()).map(ToOwned::to_owned).collect()
}

/// Why, when and by whom.
fn set_aside(aside: &SetAside) -> String {
    let by = if aside.by.is_empty() { String::new() } else { format!(", {}", aside.by) };
    clean(&format!("{} ({}{by})", aside.reason, aside.decided))
}

pub(super) fn frame_list(frames: &[FrameNo], most: usize) -> String {
    let shown: Vec<String> = frames.iter().take(most).map(|frame| frame.0.to_string()).collect();
    let more = if frames.len() > most { " …" } else { "" };
    format!("{}{more}", shown.join(", "))
}

const fn ground(ground: Ground, lang: Lang) -> &'static str {
    match ground {
        Ground::LocatedIn => lang.pick("about the place", "zum Ort"),
        Ground::RunBy => lang.pick("about the company's seat", "zum Sitz des Unternehmens"),
        Ground::ParentSeatedIn => lang.pick("about a parent's seat", "zum Sitz einer Mutter"),
        Ground::List => lang.pick("against the list", "gegen die Liste"),
        Ground::Category => lang.pick("against lists of telemetry hosts", "gegen Listen von Telemetrie"),
        Ground::Transport => lang.pick("about the transport", "zum Transport"),
        Ground::Capture => lang.pick("about the capture", "zur Aufzeichnung"),
    }
}
