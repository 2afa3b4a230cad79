//! `report.html`: one file without script, as an authority writes a report: numbered sections, sources, limits, annex. The
//! template only places what this room says; everything from the wire is neutralised, escaped and isolated (bidi).

mod chart;
mod findings;
mod glossary;
mod map;
mod recipients;
mod sheets;
mod subject;
mod tables;

use super::annex::Annex;
use super::format::{bytes, duration, number, period};
use super::text::Told;
use crate::attribution::CountryCode;
use crate::engine::view::Summary;
use crate::policy::{self, Finding, Ground, Lang, Severity, Subject};
use crate::wire::neutralise;
use askama::Template;
use chart::{Line, PhaseRow};
use data_encoding::BASE64;
use findings::{Code, Short};
use map::Map;
use recipients::{Group, Placed};
use ring::digest::{SHA256, digest};
use sheets::Sheet;
use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use subject::{Matter, Tile};
use tables::{Endpoint, Hello, Input, Loss};

/// Bounds of the page. A call has tens of each; what lies beyond is counted and stays in the tables.
const FINDINGS_PER_CODE: usize = 25;
const ROWS_PER_GROUP: usize = 150;
const SHEETS: usize = 120;
const INDEX: usize = 1_000;
const NEVER: usize = 20;
const LOSSES: usize = 200;
/// Of one recipient or finding.
const FRAMES: usize = 16;
const NAMES: usize = 12;
const SHEET_FINDINGS: usize = 40;

pub(super) const CSS: &str = include_str!("../../templates/report.css");

/// A label and what is said under it.
type Fact = (&'static str, Vec<String>);

#[derive(Template)]
#[template(path = "report.html")]
struct Page {
    lang: Lang,
    css: &'static str,
    style_hash: String,
    program: &'static str,
    title: String,
    subject: String,
    when: String,
    incomplete: Option<String>,
    tiles: Vec<Tile>,
    sections: Vec<(&'static str, &'static str)>,
    first: Vec<Matter>,
    facts: Vec<Fact>,
    stated: Vec<(&'static str, String)>,
    unstated: String,
    law_of: String,
    law: Vec<(String, String)>,
    recorded: Vec<Fact>,
    counted: &'static str,
    legend: String,
    groups: Vec<Group>,
    map: Option<Map>,
    places: Vec<Placed>,
    timeline: Option<Line>,
    phases: Vec<PhaseRow>,
    findings: Vec<Code>,
    sheets: Vec<Sheet>,
    sheets_more: String,
    transport: Vec<Code>,
    hellos: Vec<Hello>,
    hellos_more: String,
    blind: Vec<Code>,
    never: Vec<String>,
    complete: String,
    losses: Vec<Loss>,
    inputs: Vec<Input>,
    glossary: Vec<(&'static str, &'static str)>,
    index: Vec<Short>,
    index_more: String,
    endpoints: Vec<Endpoint>,
    endpoints_more: String,
    tables: Vec<(String, String)>,
}

impl Page {
    fn t(&self, en: &'static str, de: &'static str) -> &'static str {
        self.lang.pick(en, de)
    }

    fn section(&self, at: usize) -> String {
        let title = self.sections.get(at).map_or("", |(_, title)| *title);
        format!("{}. {title}", at + 1)
    }
}

/// The page, in the language of the summary. The same summary and annex give the same bytes.
#[must_use]
pub fn summary_html(summary: &Summary, annex: &Annex) -> String {
    let made = Maker::new(summary, annex).page();
    // Nothing in the template can fail: it writes into a string.
    made.render().unwrap_or_default()
}

/// The style of the page as its policy names it: no other one is applied.
pub(super) fn style_hash() -> String {
    format!("sha256-{}", BASE64.encode(digest(&SHA256, CSS.as_bytes()).as_ref()))
}

/// Text that can do no harm, whoever wrote it.
fn clean(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let _ = neutralise(text, &mut out);
    out
}

const fn class(severity: Severity) -> &'static str {
    severity.token()
}

struct Maker<'s> {
    told: Told<'s>,
    summary: &'s Summary,
    annex: &'s Annex,
    lang: Lang,
    /// Recipients with a sheet, by position.
    sheets: BTreeSet<usize>,
    /// Whom each finding is about, if it is about one recipient.
    about: Vec<Option<usize>>,
    /// Findings that are written out, by position.
    written: BTreeSet<usize>,
}

impl<'s> Maker<'s> {
    fn new(summary: &'s Summary, annex: &'s Annex) -> Self {
        let lang = summary.lang;
        // Every flow belongs to one recipient, and its first frame names it.
        let mut by_frame = HashMap::new();
        for (at, recipient) in summary.recipients.iter().enumerate() {
            by_frame.extend(recipient.frames.iter().map(|frame| (*frame, at)));
        }
        let about = |finding: &Finding| {
            let mut found = finding.frames.iter().filter_map(|frame| by_frame.get(frame).copied());
            let first = found.next().filter(|_| finding.ground != Ground::Capture)?;
            found.all(|other| other == first).then_some(first)
        };
        let mut made = Self {
            told: Told::new(summary, lang),
            summary,
            annex,
            lang,
            sheets: BTreeSet::new(),
            about: summary.findings.iter().map(about).collect(),
            written: BTreeSet::new(),
        };
        made.written = made.choose_findings();
        made.sheets = made.choose_sheets();
        made
    }

    /// The first of each code and severity.
    fn choose_findings(&self) -> BTreeSet<usize> {
        let mut seen: BTreeMap<(Severity, &str), usize> = BTreeMap::new();
        let findings = self.summary.findings.iter().enumerate();
        let first = |(_, finding): &(usize, &Finding)| {
            let count = seen.entry((finding.severity, finding.code)).or_default();
            *count += 1;
            *count <= FINDINGS_PER_CODE
        };
        findings.filter(first).map(|(at, _)| at).collect()
    }

    /// Those with the gravest findings, then those that were sent most.
    fn choose_sheets(&self) -> BTreeSet<usize> {
        let mut gravest = vec![None; self.summary.recipients.len()];
        for (finding, about) in self.summary.findings.iter().zip(&self.about) {
            if let Some(slot) = about.and_then(|at| gravest.get_mut(at)) {
                *slot = (*slot).max(finding.aside.is_none().then_some(finding.severity));
            }
        }
        let mut order: Vec<usize> = (0..gravest.len()).collect();
        order.sort_by_key(|at| {
            let sent = self.summary.recipients.get(*at).map_or(0, |r| r.traffic.bytes_up);
            (Reverse(gravest.get(*at).copied().flatten()), Reverse(sent))
        });
        order.into_iter().take(SHEETS).collect()
    }

    fn n(&self, count: u64) -> String {
        number(count, self.lang)
    }

    fn bytes(&self, count: u64) -> String {
        bytes(count, self.lang)
    }

    /// `… and 12 more, in findings.csv`; empty if there are none.
    fn more(&self, count: usize, what: [&str; 2], table: &str) -> String {
        let [en, de] = what;
        if count == 0 {
            return String::new();
        }
        let n = self.n(count as u64);
        match self.lang {
            Lang::En => format!(
                "{n} more {en} are not written out here, so that this report stays readable; they are in {table}."
            ),
            Lang::De => format!(
                "{n} weitere {de} sind hier nicht ausgeführt, damit der Bericht lesbar bleibt; sie stehen in {table}."
            ),
        }
    }

    fn page(&self) -> Page {
        let (s, c, lang) = (self.summary, &self.summary.circumstances, self.lang);
        let names: Vec<String> = s.captures.iter().take(3).map(|capture| capture.name.to_string()).collect();
        let more = s.captures.len().saturating_sub(names.len());
        let more = if more > 0 { format!(", +{more}") } else { String::new() };
        let subject = format!("{}{more}", names.join(", "));
        let (incomplete, complete) = self.told.completeness_words();
        let (never, about_capture): (Vec<usize>, Vec<usize>) = self
            .positions(|f| f.ground == Ground::Capture)
            .into_iter()
            .partition(|at| s.findings.get(*at).is_some_and(|f| f.code.starts_with("NEG-")));
        let never = never.into_iter().take(NEVER).filter_map(|at| s.findings.get(at)).map(|f| clean(&f.text));
        let index = s.findings.iter().enumerate().take(INDEX).map(|(at, f)| self.short(at, f));
        let told = self.annex.endpoints();
        let (stated, unstated) = self.stated();
        let (law_of, laws) = self.told.laws();
        Page {
            lang,
            css: CSS,
            style_hash: style_hash(),
            program: concat!("zollhund ", env!("CARGO_PKG_VERSION")),
            title: format!("zollhund: {subject}"),
            subject,
            when: if c.frames == 0 {
                lang.pick("no frames", "keine Frames").to_owned()
            } else {
                format!("{} ({})", period(c.first, c.last, lang), duration(c.last.since(c.first), lang))
            },
            incomplete: incomplete.then(|| clean(&complete)),
            tiles: self.tiles(),
            sections: SECTIONS.iter().map(|(id, en, de)| (*id, lang.pick(en, de))).collect(),
            first: self.first(),
            facts: self.facts(),
            stated,
            unstated,
            law_of: clean(&law_of),
            law: laws.into_iter().map(|(country, text)| (clean(&country), clean(text))).collect(),
            recorded: self.recorded(),
            counted: self.counted(),
            legend: clean(&self.told.legend(self.told.usual())),
            groups: self.groups(),
            map: map::draw(s, lang),
            places: self.places(),
            timeline: chart::line(s, lang),
            phases: chart::phases(s, lang),
            findings: self.codes(&self.positions(|f| !matches!(f.ground, Ground::Capture | Ground::Transport))),
            sheets: self.sheets.iter().filter_map(|at| Some(self.sheet(*at, s.recipients.get(*at)?))).collect(),
            sheets_more: self.more(
                s.recipients.len().saturating_sub(self.sheets.len()),
                ["recipients", "Empfänger"],
                "report.json, endpoints.csv",
            ),
            transport: self.codes(&self.positions(|f| f.ground == Ground::Transport)),
            hellos: self
                .annex
                .hellos
                .iter()
                .map(|(kind, hellos)| self.hello(kind, hellos.count, hellos.first))
                .collect(),
            hellos_more: self.more(
                self.annex.hellos_beyond as usize,
                ["handshakes of further kinds", "Handshakes weiterer Arten"],
                "handshakes.csv",
            ),
            blind: self.codes(&about_capture),
            never: never.collect(),
            complete: clean(&complete),
            losses: self.losses(),
            inputs: self.inputs(),
            glossary: glossary::ENTRIES.iter().map(|(en, de)| if lang == Lang::En { *en } else { *de }).collect(),
            index: index.collect(),
            index_more: self.more(s.findings.len().saturating_sub(INDEX), ["findings", "Befunde"], "findings.csv"),
            endpoints_more: self.more(
                (self.annex.endpoint_count as usize).saturating_sub(told.len()),
                ["addresses", "Adressen"],
                "endpoints.csv",
            ),
            endpoints: told.into_iter().map(|row| self.endpoint(row)).collect(),
            tables: self.annex.tables.iter().map(|(name, rows)| (clean(name), self.rows(*rows))).collect(),
        }
    }

    fn rows(&self, rows: u64) -> String {
        let word = if rows == 1 { self.lang.pick("row", "Zeile") } else { self.lang.pick("rows", "Zeilen") };
        format!("{} {word}", self.n(rows))
    }

    fn positions(&self, wanted: impl Fn(&Finding) -> bool) -> Vec<usize> {
        self.summary.findings.iter().enumerate().filter(|(_, f)| wanted(f)).map(|(at, _)| at).collect()
    }

    fn country(&self, code: &str) -> String {
        match CountryCode::parse(code) {
            Some(code) => policy::country_name(code, self.lang),
            None => clean(code),
        }
    }

    fn name(&self, r: &Subject) -> String {
        match (r.names.first(), r.addresses.first()) {
            (Some((name, _)), _) => name.to_string(),
            (None, Some(address)) => address.to_string(),
            (None, None) => self.lang.pick("unknown address", "unbekannte Adresse").to_owned(),
        }
    }
}

/// Anchors and titles.
const SECTIONS: [(&str, &str, &str); 12] = [
    ("subject", "Subject and circumstances", "Gegenstand und Umstände"),
    ("method", "Method", "Vorgehen"),
    ("recipients", "Recipients by group", "Empfänger nach Gruppen"),
    ("chart", "Map and timeline", "Karte und Zeitverlauf"),
    ("findings", "Findings", "Befunde"),
    ("sheets", "Recipients one by one", "Empfänger im Einzelnen"),
    ("transport", "Transport security", "Absicherung des Transports"),
    ("unseen", "What cannot be shown", "Was sich nicht zeigen lässt"),
    ("losses", "Losses", "Verluste"),
    ("inputs", "Inputs", "Eingaben"),
    ("glossary", "Glossary", "Glossar"),
    ("annex", "Annex", "Anhang"),
];
