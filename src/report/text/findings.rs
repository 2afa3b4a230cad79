//! The findings of the summary: gravest first, those of one code told together.

use super::{FRAMES, Told};
use crate::policy::rules::without_traffic;
use crate::policy::{Finding, Ground, Lang, Severity};
use crate::report::format::{confidence_word, severity_word, short_source, symbol, title};
use crate::report::page::{Page, Role};

/// Subjects with a line of their own in a group that calls for attention.
const SUBJECTS: usize = 4;
/// Lines for the words of a finding that stands alone, and for the names of a group.
const ATTENTION_LINES: usize = 4;
const NAMES_LINES: usize = 2;

impl Told<'_> {
    pub(super) fn findings(&self, page: &mut Page<'_>) {
        let (s, lang) = (self.summary, self.lang);
        page.blank();
        let counts: Vec<String> = Severity::ALL
            .iter()
            .rev()
            .map(|severity| {
                let count = s.findings.iter().filter(|f| f.severity == *severity && f.aside.is_none()).count();
                format!("{} {}", self.n(count as u64), severity_word(*severity, lang))
            })
            .collect();
        page.heading(lang.pick("Findings", "Befunde"), &counts.join(" · "));
        // What is about the capture as a whole stands under what could not be seen.
        let told = s.findings.iter().filter(|f| f.ground != Ground::Capture && f.aside.is_none());
        let (told, info): (Vec<&Finding>, Vec<&Finding>) =
            told.partition(|f| self.verbose || f.severity > Severity::Info);
        for group in groups(&told) {
            self.group(page, &group);
        }
        if told.is_empty() {
            let text = lang.pick("no notice or above about a recipient", "keine ab „beachten“ zu einem Empfänger");
            page.text(2, Role::Plain, text, 2);
        }
        if !info.is_empty() {
            let codes: Vec<String> = groups(&info)
                .iter()
                .filter_map(|group| group.first().map(|f| (f.code, group.len())))
                .map(|(code, count)| format!("{code} {} ({count})", title(code, lang)))
                .collect();
            let label = format!("  {}  ", severity_word(Severity::Info, lang));
            page.paragraph((Role::Faint, &label), 4, (Role::Faint, &codes.join(" · ")), 2);
        }
        self.set_aside_by_auditor(page);
        if !self.verbose && !s.findings.is_empty() {
            let all = lang.pick(
                "all in full, with what they rest on: --verbose, --format html, --output DIR",
                "alle im Wortlaut, mit ihren Grundlagen: --verbose, --format html, --output ORDNER",
            );
            page.text(2, Role::Faint, all, 2);
        }
    }

    /// What the auditor has set aside is told, with reason and date.
    fn set_aside_by_auditor(&self, page: &mut Page<'_>) {
        let lang = self.lang;
        let aside: Vec<_> = self.summary.findings.iter().filter_map(|f| f.aside.as_ref().map(|a| (f, a))).collect();
        if aside.is_empty() {
            return;
        }
        let label = format!("  {} {}  ", self.n(aside.len() as u64), lang.pick("set aside", "zurückgestellt"));
        let items: Vec<String> = aside
            .iter()
            .map(|(f, why)| {
                let by = if why.by.is_empty() { String::new() } else { format!(", {}", why.by) };
                format!("{} {}: {} ({}{by})", f.code, host(f), why.reason, why.decided)
            })
            .collect();
        page.paragraph((Role::Faint, &label), 4, (Role::Faint, &items.join(" · ")), self.most(4));
    }

    /// Findings of one severity and code.
    fn group(&self, page: &mut Page<'_>, group: &[&Finding]) {
        let Some(first) = group.first() else { return };
        let lang = self.lang;
        let label = format!("{} {} {}", symbol(first.severity), severity_word(first.severity, lang), first.code);
        let count = if group.len() == 1 { String::new() } else { format!("{}×", self.n(group.len() as u64)) };
        let words = format!("  {}", title(first.code, lang));
        page.title((Role::of(first.severity), &label), &words, &count);
        if first.severity < Severity::Attention && !self.verbose {
            self.packed(page, group, false, 1);
            return;
        }
        if group.len() == 1 || self.verbose {
            for finding in group {
                self.one(page, finding);
            }
            return;
        }
        for finding in group.iter().take(SUBJECTS) {
            let frames = self.frames(&finding.frames, FRAMES);
            page.row(4, (Role::Plain, &finding.subject), (Role::Plain, &[]), (Role::Faint, &frames));
        }
        let rest = group.get(SUBJECTS..).unwrap_or_default();
        if !rest.is_empty() {
            self.packed(page, rest, true, NAMES_LINES);
        }
        self.basis(page, "", group, 1);
    }

    /// A finding in its own words. The traffic is left out unless all is asked for: it stands with the recipients.
    fn one(&self, page: &mut Page<'_>, finding: &Finding) {
        let frames = self.frames(&finding.frames, FRAMES);
        if self.verbose {
            page.row(4, (Role::Plain, &finding.subject), (Role::Plain, &[]), (Role::Faint, &frames));
            page.text(4, Role::Plain, &finding.text, usize::MAX);
            self.basis(page, "", &[finding], usize::MAX);
            return;
        }
        let short = without_traffic(&finding.text, self.lang);
        let text = if short.contains(host(finding)) {
            short
        } else {
            // The sentence left out was the one that said whom it is about.
            format!("{}: {short}", host(finding))
        };
        page.text(4, Role::Plain, &text, ATTENTION_LINES);
        self.basis(page, &frames, &[finding], 1);
    }

    /// Subjects in a row with their first frames, as many as there is room for, and how many more there are.
    fn packed(&self, page: &mut Page<'_>, findings: &[&Finding], also: bool, lines: usize) {
        let lang = self.lang;
        let more = |count: usize| {
            format!(
                "{} {} {} (findings.csv)",
                lang.pick("and", "und"),
                self.n(count as u64),
                lang.pick("more", "weitere")
            )
        };
        let mut text = if also { lang.pick("also ", "auch ").to_owned() } else { String::new() };
        for (at, finding) in findings.iter().enumerate() {
            let frames = self.frames(&finding.frames, 1);
            let frames = if frames.is_empty() { frames } else { format!(" ({frames})") };
            let next = format!("{}{frames}", host(finding));
            let end =
                if at + 1 < findings.len() { format!(", {}", more(findings.len() - at - 1)) } else { String::new() };
            if at > 0 && page.lines_of(4, &format!("{text}, {next}{end}")) > lines {
                text = format!("{text} {}", more(findings.len() - at));
                break;
            }
            if at > 0 {
                text.push_str(", ");
            }
            text.push_str(&next);
        }
        page.text(4, Role::Plain, &text, lines);
    }

    /// Frames, confidence, what the findings rest on and what weakens them.
    fn basis(&self, page: &mut Page<'_>, frames: &str, group: &[&Finding], lines: usize) {
        let lang = self.lang;
        let mut parts: Vec<String> = Vec::new();
        if !frames.is_empty() {
            parts.push(frames.to_owned());
        }
        if let Some(confidence) = group.iter().map(|f| f.confidence).min() {
            let word = confidence_word(confidence, lang);
            let all = group.iter().all(|f| f.confidence == confidence);
            parts.push(match (lang, all) {
                (Lang::En, true) => format!("confidence {word}"),
                (Lang::En, false) => format!("confidence {word} or better"),
                (Lang::De, true) => format!("Verlässlichkeit {word}"),
                (Lang::De, false) => format!("Verlässlichkeit ab {word}"),
            });
        }
        // A sentence of one finding names its sources itself.
        if group.len() > 1 {
            let mut sources: Vec<String> = Vec::new();
            for source in group.iter().flat_map(|f| &f.sources) {
                let source = short_source(source);
                if !sources.contains(&source) {
                    sources.push(source);
                }
            }
            if !sources.is_empty() {
                parts.push(format!("{} {}", lang.pick("by", "laut"), sources.join(", ")));
            }
        }
        let mut doubts: Vec<(&str, usize)> = Vec::new();
        for doubt in group.iter().flat_map(|f| f.uncertainty.split("; ")).filter(|doubt| !doubt.is_empty()) {
            match doubts.iter_mut().find(|(known, _)| *known == doubt) {
                Some((_, count)) => *count += 1,
                None => doubts.push((doubt, 1)),
            }
        }
        doubts.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
        for (doubt, count) in doubts {
            let of = if count == group.len() { String::new() } else { format!(" ({count}×)") };
            parts.push(format!("{doubt}{of}"));
        }
        page.text(4, Role::Faint, &parts.join(" · "), lines);
    }
}

/// The subject without the company behind it, which is told with the recipients.
fn host(finding: &Finding) -> &str {
    finding.subject.split(" (").next().unwrap_or_default()
}

/// Neighbours of the same severity and code.
fn groups<'f>(findings: &[&'f Finding]) -> Vec<Vec<&'f Finding>> {
    findings.chunk_by(|a, b| (a.severity, a.code) == (b.severity, b.code)).map(<[_]>::to_vec).collect()
}
