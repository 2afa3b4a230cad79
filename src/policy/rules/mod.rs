//! The rules: what is said of a recipient and of a capture. One file per kind of statement, one row per rule in [`RULES`].
//!
//! A rule gets a [`View`] of one subject (or the circumstances, or all subjects) and pushes findings; it never decides law.
//! Texts stand beside their rule in both languages and keep to four manners: observed things only; a sentence with a country
//! names source and date; "not listed" names the list and its hash; counts are "at least" if anything was lost.

mod behind;
mod blind_spot;
mod clear_text;
mod control;
mod declared;
mod geo_conflict;
mod handshake;
mod media;
mod offered;
mod protection;
mod service;
mod telemetry;
mod third_country;
mod timing;
mod unlisted;
mod unnamed;
mod view;

pub use view::far_from;
pub(crate) use view::{Draft, View, without_traffic};

use super::audit::Audit;
use super::course::Course;
use super::finding::{Finding, Severity};
use super::load::Book;
use super::service::Profile;
use super::subject::{Circumstances, Listing, Subject};
use super::suppression::{Applied, Suppressions};
use super::words::Lang;
use crate::attribution::Horizon;
use rustc_hash::FxHashMap;
use std::cmp::Reverse;

/// Findings kept per code. A capture of a real call has tens; a hostile one could have hundreds of thousands, and nobody
/// reads them one by one. What lies beyond is summed up in one finding of the same code and severity.
const FINDINGS_PER_CODE: usize = 5_000;

/// What judgement happens against.
#[derive(Debug, Clone, Copy)]
pub struct Case<'a> {
    pub book: &'a Book,
    /// The service audited; without it nothing is said of lists.
    pub profile: Option<&'a Profile>,
    /// What the auditor declared.
    pub audit: Option<&'a Audit>,
    /// The place of capture, if it is known.
    pub horizon: Option<&'a Horizon>,
    /// What went over when; without it nothing is said of rates and phases.
    pub course: Option<Course<'a>>,
    pub lang: Lang,
    /// Something was lost or not read: counts are lower bounds.
    pub at_least: bool,
}

impl<'a> Case<'a> {
    #[must_use]
    pub fn new(book: &'a Book, profile: Option<&'a Profile>, lang: Lang, circumstances: &Circumstances) -> Self {
        let c = circumstances;
        let at_least = c.lost > 0 || c.unreadable > 0 || c.has_gaps() || c.left_out;
        Self { book, profile, audit: None, horizon: None, course: None, lang, at_least }
    }

    /// The same with what round trips say from the place of capture.
    #[must_use]
    pub const fn with_horizon(mut self, horizon: Option<&'a Horizon>) -> Self {
        self.horizon = horizon;
        self
    }

    /// The same with what the auditor declared.
    #[must_use]
    pub const fn with_audit(mut self, audit: Option<&'a Audit>) -> Self {
        self.audit = audit;
        self
    }

    /// The same with what went over when.
    #[must_use]
    pub const fn with_course(mut self, course: Course<'a>) -> Self {
        self.course = Some(course);
        self
    }
}

/// What a rule looks at.
pub enum Judge {
    Subject(fn(&View<'_>, &Case<'_>, &mut Out)),
    Subjects(fn(&[Subject], &Case<'_>, &mut Out)),
    Capture(fn(&Circumstances, &Case<'_>, &mut Out)),
}

/// One rule: the codes it may raise, what they mean in English and German, and how it judges.
#[derive(Debug)]
pub struct Rule {
    pub codes: &'static [(&'static str, &'static str, &'static str)],
    pub judge: Judge,
}

impl std::fmt::Debug for Judge {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Subject(_) => "Subject",
            Self::Subjects(_) => "Subjects",
            Self::Capture(_) => "Capture",
        })
    }
}

/// Every rule. The order does not matter: findings are sorted.
pub static RULES: &[Rule] = &[
    third_country::RULE,
    control::RULE,
    unlisted::RULE,
    unlisted::NOT_SEEN,
    unnamed::RULE,
    telemetry::RULE,
    clear_text::RULE,
    handshake::RULE,
    offered::RULE,
    protection::RULE,
    behind::RULE,
    blind_spot::RULE,
    service::RULE,
    geo_conflict::RULE,
    geo_conflict::NEAR,
    media::RULE,
    timing::RULE,
    declared::RULE,
];

/// Where rules put what they find.
#[derive(Debug, Default)]
pub struct Out {
    findings: Vec<Finding>,
    kept: FxHashMap<(&'static str, Severity), Beyond>,
}

#[derive(Debug, Default)]
struct Beyond {
    kept: usize,
    /// The first that was not kept, and how many there were.
    first: Option<Finding>,
    more: u64,
}

impl Out {
    /// Takes a finding, unless there are too many of its kind; then `make` is called once for all of them.
    pub(crate) fn push(&mut self, code: &'static str, severity: Severity, make: impl FnOnce() -> Finding) {
        let beyond = self.kept.entry((code, severity)).or_default();
        if beyond.kept < FINDINGS_PER_CODE {
            beyond.kept += 1;
            self.findings.push(make());
        } else {
            beyond.more += 1;
            beyond.first.get_or_insert_with(make);
        }
    }

    /// Sets aside what is to be set aside, of what was kept.
    fn suppress(&mut self, all: &Suppressions, lang: Lang) -> Applied {
        all.apply(&mut self.findings, lang)
    }

    fn finish(self, lang: Lang) -> Vec<Finding> {
        let mut findings = self.findings;
        for beyond in self.kept.into_values() {
            let Some(mut finding) = beyond.first else { continue };
            let more = super::words::number(beyond.more, lang);
            finding.subject = match lang {
                Lang::En => format!("{more} further recipients"),
                Lang::De => format!("{more} weitere Empfänger"),
            }
            .into();
            finding.text = match lang {
                Lang::En => format!(
                    "{more} further findings of this code are not written out one by one; the first reads: {}",
                    finding.text
                ),
                Lang::De => format!(
                    "{more} weitere Befunde dieses Codes sind nicht einzeln ausgeführt; der erste lautet: {}",
                    finding.text
                ),
            }
            .into();
            findings.push(finding);
        }
        findings.sort_by(|a, b| (Reverse(a.severity), a.code).cmp(&(Reverse(b.severity), b.code)));
        findings
    }
}

/// Judges everything. Findings come gravest first, then by code, then in the order of the subjects.
#[must_use]
pub fn judge_all(subjects: &[Subject], circumstances: &Circumstances, case: &Case<'_>) -> Vec<Finding> {
    let mut out = Out::default();
    for subject in subjects {
        let view = View::of(subject, case);
        for rule in RULES {
            if let Judge::Subject(judge) = rule.judge {
                judge(&view, case, &mut out);
            }
        }
    }
    for rule in RULES {
        match rule.judge {
            Judge::Subject(_) => {}
            Judge::Subjects(judge) => judge(subjects, case, &mut out),
            Judge::Capture(judge) => judge(circumstances, case, &mut out),
        }
    }
    if let Some(suppressions) = case.audit.map(|a| &a.suppressions).filter(|s| s.rows().len() > 0) {
        blind_spot::set_aside(suppressions, circumstances, case, &mut out);
    }
    out.finish(case.lang)
}

/// Background traffic is shown, but it does not call for attention.
pub(crate) fn capped(severity: Severity, listing: Listing) -> Severity {
    if listing == Listing::Background { Severity::Info } else { severity }
}

/// The first word of a text that would be a verdict. "Transfer" is allowed as "possible transfer", twin "mögliche
/// Übermittlung". Words with a dot inside are hosts and files, not language.
#[cfg(test)]
pub(crate) fn forbidden(text: &str, lang: Lang) -> Option<String> {
    const EN: &[&str] = &[
        "illegal",
        "illegally",
        "unlawful",
        "unlawfully",
        "violate",
        "violates",
        "violated",
        "violation",
        "violations",
        "breach",
        "breaches",
        "prove",
        "proves",
        "proved",
        "proven",
        "compliant",
        "compliance",
        "secure",
        "insecure",
        "transfer",
        "transfers",
        "transferred",
        "infringes",
        "infringing",
        "undisclosed",
        "guilty",
    ];
    const DE: &[&str] = &[
        "rechtswidrig",
        "rechtswidrige",
        "illegal",
        "illegale",
        "verstößt",
        "verstoß",
        "verstöße",
        "verletzt",
        "verletzung",
        "beweist",
        "beweis",
        "konform",
        "dsgvo-konform",
        "unzulässig",
        "zulässig",
        "sicher",
        "sichere",
        "unsicher",
        "übermittlung",
        "übermittlungen",
        "übermittelt",
        "heimlich",
    ];
    let words: Vec<String> = text
        .split_whitespace()
        .map(|w| w.trim_matches(|c: char| !c.is_alphanumeric()).to_lowercase())
        .filter(|w| !w.contains('.') && !w.contains('/'))
        .collect();
    let list = if lang == Lang::En { EN } else { DE };
    words.iter().enumerate().find_map(|(at, word)| {
        let before = at.checked_sub(1).and_then(|b| words.get(b)).map_or("", String::as_str);
        let allowed = matches!((before, word.as_str()), ("possible", "transfer") | ("mögliche", "übermittlung"));
        (list.contains(&word.as_str()) && !allowed).then(|| word.clone())
    })
}

#[cfg(test)]
pub(super) mod sample;
#[cfg(test)]
mod tests;
