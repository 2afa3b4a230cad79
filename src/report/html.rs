//! `report.html`: one file without script, as an authority writes a report: numbered sections, sources, limits, annex. The
//! template only places what this room says; everything from the wire is neutralised, escaped and isolated (bidi).

mod chart;
mod glossary;
mod map;

use super::annex::{Annex, Chosen, HelloKind};
use super::format::{bytes, clock, confidence_word, duration, number, period, role_word, severity_word, title};
use super::text::Told;
use super::text::recipients::companies;
use crate::attribution::{Claim, Company, Confidence, CountryCode, NameBasis, Source};
use crate::engine::view::{Stated, Summary};
use crate::policy::subject::Alias;
use crate::policy::suppression::SetAside;
use crate::policy::{self, Finding, Ground, Lang, Listing, Severity, Subject};
use crate::wire::{FrameNo, neutralise};
use askama::Template;
use chart::{Line, PhaseRow};
use data_encoding::BASE64;
use map::Map;
use ring::digest::{SHA256, digest};
use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fmt::Write;
use std::sync::Arc;

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
    facts: Vec<Fact>,
    stated: Vec<(&'static str, String)>,
    law: Vec<(String, String)>,
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

struct Tile {
    number: String,
    label: String,
    class: &'static str,
}

struct Group {
    title: String,
    count: String,
    note: String,
    caption: &'static str,
    rows: Vec<Row>,
    more: String,
}

struct Row {
    number: usize,
    sheet: bool,
    name: String,
    after: String,
    marks: String,
    place: String,
    place_note: String,
    companies: Vec<String>,
    sent: String,
    received: String,
    flows: String,
}

struct Placed {
    country: String,
    recipients: String,
    sent: String,
    received: String,
    confidence: &'static str,
}

/// Findings of one code and severity.
struct Code {
    token: &'static str,
    title: &'static str,
    severity: &'static str,
    class: &'static str,
    count: usize,
    findings: Vec<Observed>,
    more: String,
}

struct Observed {
    id: usize,
    /// Number of the recipient's sheet; 0: none.
    sheet: usize,
    subject: String,
    text: String,
    basis: String,
    doubts: String,
    sources: String,
    /// Why and when the auditor has set it aside.
    aside: String,
}

/// A finding in a list.
struct Short {
    id: usize,
    linked: bool,
    code: &'static str,
    severity: &'static str,
    class: &'static str,
    subject: String,
    frames: String,
}

struct Sheet {
    number: usize,
    name: String,
    facts: Vec<Fact>,
    findings: Vec<Short>,
}

struct Hello {
    transport: String,
    version: String,
    cipher: String,
    group: String,
    srtp: String,
    count: String,
    first: String,
}

struct Loss {
    stage: String,
    kind: String,
    frames: String,
    bytes: String,
    from: String,
    until: String,
}

struct Input {
    name: String,
    note: String,
    date: String,
    sha256: String,
}

struct Endpoint {
    address: String,
    names: String,
    network: String,
    place: String,
    sent: String,
    received: String,
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
            facts: self.facts(),
            stated: self.stated(),
            law: s.law.iter().map(|law| (self.country(&law.country), clean(&law.text))).collect(),
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

    fn tiles(&self) -> Vec<Tile> {
        let (s, lang) = (self.summary, self.lang);
        let mut tiles = Vec::new();
        for severity in Severity::ALL.into_iter().rev().take(3) {
            let count = s.findings.iter().filter(|f| f.severity == severity && f.aside.is_none()).count();
            let word = severity_word(severity, lang);
            let label = match lang {
                Lang::En if count == 1 => format!("finding: {word}"),
                Lang::En => format!("findings: {word}"),
                Lang::De if count == 1 => format!("Befund: {word}"),
                Lang::De => format!("Befunde: {word}"),
            };
            tiles.push(Tile { number: self.n(count as u64), label, class: class(severity) });
        }
        let aside = s.findings.iter().filter(|f| f.aside.is_some()).count() as u64;
        if aside > 0 {
            let label = lang.pick("set aside by the auditor", "von der prüfenden Stelle zurückgestellt");
            tiles.push(Tile { number: self.n(aside), label: label.to_owned(), class: "" });
        }
        let outside = |r: &&Subject| !matches!(r.listing, Listing::Local);
        let recipients = s.recipients.iter().filter(outside).count() as u64;
        let label = lang.pick("recipients outside the own network", "Empfänger außerhalb des eigenen Netzes");
        tiles.push(Tile { number: self.n(recipients), label: label.to_owned(), class: "" });
        if s.list.is_some() {
            let count = s.recipients.iter().filter(|r| r.listing == Listing::NotListed).count() as u64;
            let label = lang.pick("of them not in the list in use", "davon nicht in der verwendeten Liste");
            tiles.push(Tile { number: self.n(count), label: label.to_owned(), class: "" });
        }
        let countries: BTreeSet<CountryCode> =
            s.recipients.iter().filter_map(|r| r.located_in.as_ref()).map(|claim| claim.value).collect();
        let label = lang.pick("countries named by sources", "Länder, die Quellen nennen");
        tiles.push(Tile { number: self.n(countries.len() as u64), label: label.to_owned(), class: "" });
        tiles
    }

    fn facts(&self) -> Vec<Fact> {
        let (s, c, lang) = (self.summary, &self.summary.circumstances, self.lang);
        let mut facts: Vec<Fact> = Vec::new();
        let mut say = |en, de, lines: Vec<String>| {
            if !lines.is_empty() {
                facts.push((lang.pick(en, de), lines.iter().map(|line| clean(line)).collect()));
            }
        };
        say("Service", "Dienst", vec![self.told.service()]);
        say("Device", "Gerät", c.device.iter().map(ToString::to_string).collect());
        let when = format!("{} ({})", period(c.first, c.last, lang), duration(c.last.since(c.first), lang));
        say("Captured", "Erfasst", if c.frames == 0 { Vec::new() } else { vec![when] });
        say("Contents", "Inhalt", vec![self.told.contents()]);
        say("Complete", "Lückenlos", vec![self.told.completeness_words().1]);
        let links: BTreeSet<&str> = s.captures.iter().flat_map(|c| &c.link_types).map(|link| &**link).collect();
        say("Link types", "Sicherungsschicht", vec![links.into_iter().collect::<Vec<_>>().join(", ")]);
        let markers = s.markers.iter().take(40).map(|marker| {
            let text = marker.text.to_string();
            let phase = policy::phase::Phase::of(&text).map_or(text, |phase| phase.words(lang).to_owned());
            format!("{} {phase}", clock(marker.time))
        });
        say("Table of law", "Tabelle der Rechtslage", self.told.law_age().into_iter().collect());
        say("Markers (UTC)", "Marken (UTC)", markers.collect());
        say("Look-ups", "Abfragen", s.look_ups.iter().map(|look_ups| self.told.look_ups(look_ups)).collect());
        facts
    }

    /// What a machine cannot know: from the audit file, as far as it says it.
    fn stated(&self) -> Vec<(&'static str, String)> {
        let nothing = Stated::default();
        let said = self.summary.stated.as_ref().unwrap_or(&nothing);
        let place = said.place.as_ref().map(|p| {
            let at = format!("{:.2}° N, {:.2}° E, ± {} km", p.latitude, p.longitude, p.radius_km);
            if p.city.is_empty() { at } else { format!("{} ({at})", p.city) }
        });
        let with_date = |text: &str| match (text.is_empty(), said.date.is_empty()) {
            (false, false) => format!("{text} ({} {})", self.lang.pick("stated on", "Angaben vom"), said.date),
            _ => text.to_owned(),
        };
        let jurisdiction = if said.jurisdiction.is_empty() { String::new() } else { self.country(&said.jurisdiction) };
        let fields = [
            ("Case, reference", "Vorgang, Aktenzeichen", with_date(&said.reference)),
            ("Purpose and legal basis", "Zweck und Rechtsgrundlage", String::new()),
            ("Operator, organisation", "Durchführende Person, Stelle", String::new()),
            ("Witness", "Zeuge", String::new()),
            ("State of the authority", "Staat der Aufsichtsbehörde", jurisdiction),
            ("User of the audited service", "Nutzer des geprüften Dienstes", said.controller.to_string()),
            ("Consent of the participants", "Einwilligung der Beteiligten", String::new()),
            ("Client", "Client", format!("{} {}", said.client, said.version).trim().to_owned()),
            ("Configuration", "Konfiguration", said.configuration.to_string()),
            ("Place of the capture", "Ort der Aufzeichnung", place.unwrap_or_default()),
            ("Retention, deletion date", "Aufbewahrung, Löschdatum", String::new()),
            ("Note", "Vermerk", said.note.to_string()),
        ];
        fields.into_iter().map(|(en, de, said)| (self.lang.pick(en, de), clean(&said))).collect()
    }

    fn groups(&self) -> Vec<Group> {
        use Listing::{Background, Local, NotListed, Service, Subprocessor, Unjudged};
        let (s, lang) = (self.summary, self.lang);
        let mut groups = Vec::new();
        for listing in [Unjudged, Service, Subprocessor, NotListed, Background, Local] {
            let members: Vec<(usize, &Subject)> =
                s.recipients.iter().enumerate().filter(|(_, r)| r.listing == listing).collect();
            if members.is_empty() {
                continue;
            }
            let note = match (listing, &s.list) {
                (Unjudged, _) => lang
                    .pick(
                        "No service and no list was named, so nothing is said of how they stand to one.",
                        "Es wurde weder ein Dienst noch eine Liste genannt; über das Verhältnis dazu ist nichts gesagt.",
                    )
                    .to_owned(),
                (NotListed | Subprocessor, Some(list)) => {
                    let hash = policy::short_hash(list);
                    let source = policy::source(list, lang);
                    match lang {
                        Lang::En => format!("Held against {source}, SHA-256 {hash}…"),
                        Lang::De => format!("Gemessen an {source}, SHA-256 {hash}…"),
                    }
                }
                _ => String::new(),
            };
            let title = match listing {
                Unjudged => lang.pick("All recipients", "Alle Empfänger").to_owned(),
                _ => self.told.group_title(listing),
            };
            groups.push(Group {
                title: clean(&title),
                count: self.n(members.len() as u64),
                note,
                caption: lang.pick(
                    "Largest upstream first. Low confidence: the range is registered there, the address may stand elsewhere.",
                    "Die größten Sendemengen zuerst. Geringe Verlässlichkeit: Der Bereich ist dort registriert, der Standort kann ein anderer sein.",
                ),
                rows: members.iter().take(ROWS_PER_GROUP).map(|(at, r)| self.row(*at, r)).collect(),
                more: self.more(members.len().saturating_sub(ROWS_PER_GROUP), ["recipients", "Empfänger"], "endpoints.csv"),
            });
        }
        groups
    }

    fn name(&self, r: &Subject) -> String {
        match (r.names.first(), r.addresses.first()) {
            (Some((name, _)), _) => name.to_string(),
            (None, Some(address)) => address.to_string(),
            (None, None) => self.lang.pick("unknown address", "unbekannte Adresse").to_owned(),
        }
    }

    fn row(&self, at: usize, r: &Subject) -> Row {
        let (place, note) = self.told.place(r, None);
        let after = r.names.first().map(|(_, basis)| self.told.after_name(r, *basis).concat()).unwrap_or_default();
        Row {
            number: at + 1,
            sheet: self.sheets.contains(&at),
            name: self.name(r),
            after: clean(after.trim()),
            marks: clean(&self.told.marks(r).join(" · ")),
            place: clean(&place),
            place_note: clean(&note.unwrap_or_default()),
            companies: companies(r)
                .map(|(by_name, claim)| clean(&self.told.company(by_name, claim, Some(&claim.source))))
                .collect(),
            sent: self.bytes(r.traffic.bytes_up),
            received: self.bytes(r.traffic.bytes_down),
            flows: self.n(r.flow_count.into()),
        }
    }

    fn places(&self) -> Vec<Placed> {
        let lang = self.lang;
        let mut sums: BTreeMap<Option<CountryCode>, (u64, u64, u64, Option<Confidence>)> = BTreeMap::new();
        for r in self.summary.recipients.iter().filter(|r| r.listing != Listing::Local) {
            let claim = r.located_in.as_ref();
            let sum = sums.entry(claim.map(|c| c.value)).or_default();
            sum.0 += 1;
            sum.1 = sum.1.saturating_add(r.traffic.bytes_up);
            sum.2 = sum.2.saturating_add(r.traffic.bytes_down);
            sum.3 = match (sum.3, claim.map(|c| c.confidence)) {
                (Some(a), Some(b)) => Some(a.min(b)),
                (a, b) => a.or(b),
            };
        }
        let mut sums: Vec<_> = sums.into_iter().collect();
        sums.sort_by_key(|(country, sum)| (country.is_none(), Reverse(sum.1), *country));
        let place = |(country, (recipients, up, down, confidence)): (
            Option<CountryCode>,
            (u64, u64, u64, Option<Confidence>),
        )| Placed {
            country: match country {
                Some(code) => policy::country_name(code, lang),
                None => lang.pick("unknown, or at many places", "unbekannt, oder an vielen Orten").to_owned(),
            },
            recipients: self.n(recipients),
            sent: self.bytes(up),
            received: self.bytes(down),
            confidence: confidence.map_or("", |c| confidence_word(c, lang)),
        };
        sums.into_iter().map(place).collect()
    }

    /// Findings at these positions, those of one code and severity together.
    fn codes(&self, positions: &[usize]) -> Vec<Code> {
        let findings = &self.summary.findings;
        let of = |at: &usize| findings.get(*at).map(|f| (f.severity, f.code));
        let mut codes = Vec::new();
        for group in positions.chunk_by(|a, b| of(a) == of(b)) {
            let Some(first) = group.first().and_then(|at| findings.get(*at)) else { continue };
            let written: Vec<usize> = group.iter().copied().filter(|at| self.written.contains(at)).collect();
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
                findings: written.into_iter().filter_map(|at| Some(self.finding(at, findings.get(at)?))).collect(),
            });
        }
        codes
    }

    fn finding(&self, at: usize, f: &Finding) -> Observed {
        let lang = self.lang;
        let mut basis = vec![ground(f.ground, lang).to_owned()];
        basis.push(format!("{} {}", lang.pick("confidence", "Verlässlichkeit"), confidence_word(f.confidence, lang)));
        if !f.frames.is_empty() {
            basis.push(self.told.frames(&f.frames, FRAMES));
        }
        if f.ground != Ground::Capture {
            basis.push(format!("{}–{} UTC", clock(f.first), clock(f.last)));
        }
        let sources: Vec<String> = f.sources.iter().map(|source| self.source(source)).collect();
        let about = self.about.get(at).copied().flatten();
        let sheet = about.filter(|at| self.sheets.contains(at)).map_or(0, |at| at + 1);
        Observed {
            id: at + 1,
            sheet,
            subject: clean(&f.subject),
            text: clean(&f.text),
            basis: basis.join(" · "),
            doubts: clean(&f.uncertainty),
            sources: clean(&sources.join("; ")),
            aside: f.aside.as_ref().map(|aside| set_aside(aside)).unwrap_or_default(),
        }
    }

    /// Name, date, and enough of the hash to find it among the inputs.
    fn source(&self, source: &Source) -> String {
        let hash = policy::short_hash(source);
        let hash = if hash.is_empty() { String::new() } else { format!(" (SHA-256 {hash}…)") };
        format!("{}{hash}", policy::source(source, self.lang))
    }

    fn short(&self, at: usize, f: &Finding) -> Short {
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

    fn sheet(&self, at: usize, r: &Subject) -> Sheet {
        let lang = self.lang;
        let mut facts: Vec<Fact> = Vec::new();
        let mut say = |en, de, lines: Vec<String>| {
            let lines: Vec<String> = lines.iter().filter(|l| !l.is_empty()).map(|line| clean(line)).collect();
            if !lines.is_empty() {
                facts.push((lang.pick(en, de), lines));
            }
        };
        say("Names and how they are known", "Namen und woher bekannt", self.names(r));
        let alias = |alias: &Alias| {
            let company = alias.company.as_ref().map(|claim| format!(" ({})", claim.value.name));
            format!("{} → {}{}", alias.name, alias.target, company.unwrap_or_default())
        };
        say("Aliases (CNAME)", "Alias (CNAME)", r.aliases.iter().take(NAMES).map(alias).collect());
        say("Addresses", "Adressen", vec![self.addresses(r)]);
        say("Called (looked up)", "Bezeichnung (erfragt)", self.told.reverse(r));
        say("Run by", "Betrieben von", r.operator.iter().map(|claim| self.runner(claim)).collect());
        say("Network of", "Netz von", r.holder.iter().map(|claim| self.runner(claim)).collect());
        say("Place", "Ort", vec![self.place(r)]);
        say("Standing", "Verhältnis zum Dienst", vec![standing(r.listing, lang).to_owned()]);
        say(
            "Purpose by the profile",
            "Zweck laut Profil",
            r.role.iter().map(|role| role_word(role, lang).to_owned()).collect(),
        );
        say(
            "Listed as",
            "Geführt als",
            r.label.iter().map(|_| self.told.marks(r).first().cloned().unwrap_or_default()).collect(),
        );
        let t = &r.traffic;
        let way = |packets: u64, count: u64| match (lang, packets) {
            (Lang::En, 1) => format!("{} in 1 packet", self.bytes(count)),
            (Lang::En, _) => format!("{} in {} packets", self.bytes(count), self.n(packets)),
            (Lang::De, 1) => format!("{} in 1 Paket", self.bytes(count)),
            (Lang::De, _) => format!("{} in {} Paketen", self.bytes(count), self.n(packets)),
        };
        say("Sent", "Gesendet", vec![way(t.packets_up, t.bytes_up)]);
        say("Received", "Empfangen", vec![way(t.packets_down, t.bytes_down)]);
        let flows = format!("{} · {}", self.n(r.flow_count.into()), period(r.first, r.last, lang));
        say("Flows", "Verbindungen", vec![flows]);
        say("First frames", "Erste Frames", vec![frame_list(&r.frames, FRAMES)]);
        say("Protocols", "Protokolle", vec![r.applications.join(", ")]);
        say("Negotiated", "Ausgehandelt", self.negotiated(r));
        say("Readable in clear text", "Im Klartext lesbar", vec![r.clear.join(", ")]);
        say("In a tunnel", "Im Tunnel", vec![r.tunnels.join(", ")]);
        let processes: Vec<String> = r.processes.iter().map(ToString::to_string).collect();
        say("Programs", "Programme", vec![processes.join(", ")]);
        let of = self.about.iter().enumerate().filter(|(_, about)| **about == Some(at)).take(SHEET_FINDINGS);
        let own = of.filter_map(|(at, _)| Some((at, self.summary.findings.get(at)?)));
        Sheet { number: at + 1, name: self.name(r), facts, findings: own.map(|(at, f)| self.short(at, f)).collect() }
    }

    fn names(&self, r: &Subject) -> Vec<String> {
        let lang = self.lang;
        let known = |(name, basis): &(crate::wire::Text, NameBasis)| match *basis {
            NameBasis::DnsAnswer { age_secs, frame } => {
                let age = duration(u64::from(age_secs) * 1_000_000_000, lang);
                match lang {
                    Lang::En => format!("{name} (DNS answer in frame {frame}, {age} before)"),
                    Lang::De => format!("{name} (DNS-Antwort in Frame {frame}, {age} vorher)"),
                }
            }
            NameBasis::OuterHello(_) => {
                format!(
                    "{name} ({})",
                    lang.pick("beside ECH, perhaps a cover name", "neben ECH, vielleicht ein Deckname")
                )
            }
            NameBasis::Certificate => format!("{name} ({})", lang.pick("certificate", "Zertifikat")),
            NameBasis::DnsAfter { frame } => match lang {
                Lang::En => format!("{name} (DNS answer in frame {frame}, after the flow had begun)"),
                Lang::De => format!("{name} (DNS-Antwort in Frame {frame}, nach Beginn der Verbindung)"),
            },
            basis => format!("{name} ({})", basis.token()),
        };
        let mut names: Vec<String> = r.names.iter().take(NAMES).map(known).collect();
        let more = r.names.len().saturating_sub(NAMES);
        if more > 0 {
            names.push(format!("+{}", self.n(more as u64)));
        }
        names
    }

    /// What hellos and answers settled, alike ones together.
    fn negotiated(&self, r: &Subject) -> Vec<String> {
        let mut kinds: BTreeMap<String, (u64, FrameNo)> = BTreeMap::new();
        for agreed in &r.agreements {
            let Some(c) = agreed.choice else { continue };
            let chosen = Chosen { version: c.version, cipher: c.cipher, group: c.group, srtp: c.srtp };
            let part = |label: &str, code: Option<u16>| code.map(|c| format!(", {label} {c:#06x}")).unwrap_or_default();
            let key = agreed.leaf.as_ref().filter(|leaf| !leaf.key.is_empty());
            let key = key.map(|leaf| format!(", {} {}", self.lang.pick("certificate", "Zertifikat"), leaf.key));
            let kind = format!(
                "{}, {} {:#06x}{}{}{}",
                chosen.version(),
                self.lang.pick("suite", "Suite"),
                c.cipher,
                part(self.lang.pick("group", "Gruppe"), c.group),
                part("SRTP", c.srtp),
                key.unwrap_or_default(),
            );
            let sum = kinds.entry(kind).or_insert((0, agreed.frame));
            sum.0 += u64::from(agreed.flows);
        }
        let told = |(kind, (flows, frame)): (String, (u64, FrameNo))| {
            let flow =
                if flows == 1 { self.lang.pick("flow", "Verbindung") } else { self.lang.pick("flows", "Verbindungen") };
            format!("{kind} ({} {flow}, {})", self.n(flows), self.told.frames(&[frame], 1))
        };
        kinds.into_iter().take(NAMES).map(told).collect()
    }

    fn addresses(&self, r: &Subject) -> String {
        let shown: Vec<String> = r.addresses.iter().take(NAMES).map(ToString::to_string).collect();
        let more = u64::from(r.address_count).saturating_sub(shown.len() as u64);
        let more = if more > 0 { format!(" +{}", self.n(more)) } else { String::new() };
        format!("{}{more}", shown.join(", "))
    }

    fn runner(&self, claim: &Claim<Arc<Company>>) -> String {
        let (company, lang) = (&*claim.value, self.lang);
        let seat = |seat: Option<CountryCode>| match seat {
            Some(code) => format!(", {} {}", lang.pick("seat:", "Sitz:"), policy::country_name(code, lang)),
            None => String::new(),
        };
        let mut text = format!("{}{}", company.name, seat(company.seat));
        if let Some(parent) = &company.parent {
            let _ = write!(text, "; {} {parent}{}", lang.pick("parent:", "Mutter:"), seat(company.parent_seat));
        }
        if company.unverified {
            text.push_str(lang.pick("; general knowledge, unverified", "; Allgemeinwissen, ungeprüft"));
        }
        let by = lang.pick("by", "laut");
        format!("{text} ({by} {}, {})", policy::source(&claim.source, lang), self.sure(claim.confidence))
    }

    fn sure(&self, confidence: Confidence) -> String {
        format!("{} {}", self.lang.pick("confidence", "Verlässlichkeit"), confidence_word(confidence, self.lang))
    }

    fn place(&self, r: &Subject) -> String {
        let lang = self.lang;
        if r.listing == Listing::Local {
            return lang.pick("own network", "eigenes Netz").to_owned();
        }
        let doubt = r.indeterminate.as_deref().map(|why| policy::place_doubt(why, lang));
        match (&r.located_in, doubt) {
            (Some(claim), doubt) => {
                let country = policy::country_name(claim.value, lang);
                let by = lang.pick("by", "laut");
                let doubt = doubt.map(|doubt| format!("; {doubt}")).unwrap_or_default();
                format!(
                    "{country} ({by} {}, {}{doubt})",
                    policy::source(&claim.source, lang),
                    self.sure(claim.confidence)
                )
            }
            (None, Some(doubt)) => format!("{}: {doubt}", lang.pick("cannot be told", "nicht bestimmbar")),
            (None, None) => lang.pick("unknown", "unbekannt").to_owned(),
        }
    }

    fn hello(&self, kind: &HelloKind, count: u64, first: u64) -> Hello {
        let code = |code: Option<u16>| code.map(|code| format!("{code:#06x}")).unwrap_or_default();
        let none = || self.lang.pick("no answer seen", "keine Antwort gesehen").to_owned();
        Hello {
            transport: clean(&kind.transport.token().to_uppercase()),
            version: kind.chosen.map_or_else(none, Chosen::version),
            cipher: code(kind.chosen.map(|c| c.cipher)),
            group: code(kind.chosen.and_then(|c| c.group)),
            srtp: code(kind.chosen.and_then(|c| c.srtp)),
            count: self.n(count),
            first: first.to_string(),
        }
    }

    fn losses(&self) -> Vec<Loss> {
        let losses = self.summary.losses.iter().take(LOSSES);
        losses
            .map(|l| Loss {
                stage: clean(&l.stage),
                kind: clean(&self.told.kind(&l.kind)),
                frames: self.n(l.frames),
                bytes: self.n(l.bytes),
                from: clock(l.from),
                until: clock(l.until),
            })
            .collect()
    }

    fn inputs(&self) -> Vec<Input> {
        let (s, lang) = (self.summary, self.lang);
        let unhashed = lang.pick("not computed", "nicht berechnet");
        let capture = |capture: &crate::engine::view::CaptureInfo| Input {
            name: capture.name.to_string(),
            note: clean(&format!(
                "{} · {} · {}",
                lang.pick("capture", "Aufzeichnung"),
                capture.format,
                self.bytes(capture.bytes)
            )),
            date: String::new(),
            sha256: if capture.sha256.is_empty() { unhashed.to_owned() } else { clean(&capture.sha256) },
        };
        let mut inputs: Vec<Input> = s.captures.iter().map(capture).collect();
        let mut sources: Vec<&Source> = s.sources.iter().map(|source| &**source).collect();
        sources.dedup();
        inputs.extend(sources.into_iter().map(|source| Input {
            name: clean(&source.name),
            note: String::new(),
            date: if source.date.is_empty() {
                lang.pick("undated", "ohne Datum").to_owned()
            } else {
                clean(&source.date)
            },
            sha256: clean(&source.sha256),
        }));
        inputs
    }

    fn endpoint(&self, row: super::annex::EndpointRow) -> Endpoint {
        let as_name = row.as_name.unwrap_or_default();
        let place = row.located_in.map(|code| {
            let confidence = row.located_confidence.map_or("", |c| confidence_word(c, self.lang));
            format!("{} ({}, {confidence})", self.country(&code), row.located_by.unwrap_or_default())
        });
        Endpoint {
            address: row.address.to_string(),
            names: clean(&row.names.join(", ")),
            network: clean(&row.asn.map(|asn| format!("AS{asn} {as_name}")).unwrap_or_default()),
            place: clean(&place.unwrap_or_default()),
            sent: self.bytes(row.bytes_up),
            received: self.bytes(row.bytes_down),
        }
    }
}

/// Why, when and by whom.
fn set_aside(aside: &SetAside) -> String {
    let by = if aside.by.is_empty() { String::new() } else { format!(", {}", aside.by) };
    clean(&format!("{} ({}{by})", aside.reason, aside.decided))
}

fn frame_list(frames: &[FrameNo], most: usize) -> String {
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

const fn standing(listing: Listing, lang: Lang) -> &'static str {
    match listing {
        Listing::Service => lang.pick("the service itself", "der Dienst selbst"),
        Listing::Subprocessor => lang.pick("in the list in use", "in der verwendeten Liste"),
        Listing::NotListed => lang.pick("not in the list in use", "nicht in der verwendeten Liste"),
        Listing::Background => lang.pick("operating system and background", "Betriebssystem und Hintergrund"),
        Listing::Local => lang.pick("own network", "eigenes Netz"),
        Listing::Unjudged => lang.pick("held against no list", "an keiner Liste gemessen"),
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
