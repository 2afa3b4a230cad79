//! The comparison as a page like the report's: one file, no script, nothing asked for.

use super::{Change, Difference, State, sign, tally, word};
use crate::policy::{Lang, bytes, number};
use crate::report::format::{period, severity_word, title};
use crate::report::html::{CSS, style_hash};
use askama::Template;

/// Rows of each kind; what lies beyond is in the JSON.
const ROWS: usize = 1_000;

#[derive(Template)]
#[template(path = "diff.html")]
struct Page<'d> {
    lang: Lang,
    css: &'static str,
    style_hash: String,
    program: String,
    title: String,
    d: &'d Difference,
    sides: Vec<(&'static str, String, String)>,
    parts: Vec<Part>,
    findings: Vec<Row>,
    findings_tally: String,
    phases: Vec<[String; 4]>,
}

struct Part {
    id: &'static str,
    title: &'static str,
    tally: String,
    rows: Vec<Row>,
    more: String,
}

struct Row {
    sign: &'static str,
    state: &'static str,
    class: &'static str,
    /// Of a finding: severity and code.
    label: String,
    name: String,
    a: String,
    b: String,
    notes: String,
}

impl Page<'_> {
    fn t(&self, en: &'static str, de: &'static str) -> &'static str {
        self.lang.pick(en, de)
    }
}

/// The page, in the language of the comparison.
#[must_use]
pub fn diff_html(d: &Difference) -> String {
    let lang = d.lang;
    let side = |s: &super::Side| {
        format!(
            "{} · {} {} · {} / {}",
            period(s.first, s.last, lang),
            number(s.frames, lang),
            lang.pick("frames", "Frames"),
            bytes(s.bytes_up, lang),
            bytes(s.bytes_down, lang)
        )
    };
    let part = |id, en, de, changes: &[Change]| {
        let told = changes.iter().filter(|c| c.state != State::Same);
        let beyond = told.clone().count().saturating_sub(ROWS);
        Part {
            id,
            title: lang.pick(en, de),
            tally: tally(changes.iter().map(|c| c.state), lang),
            rows: told.take(ROWS).map(|c| row(c, lang)).collect(),
            more: if beyond == 0 { String::new() } else { format!("+{} (--format json)", number(beyond as u64, lang)) },
        }
    };
    let volumes = |sums: Option<(u64, u64)>| match sums {
        Some((up, down)) => format!("{} / {}", bytes(up, lang), bytes(down, lang)),
        None => "–".to_owned(),
    };
    let page = Page {
        lang,
        css: CSS,
        style_hash: style_hash(),
        program: format!("zollhund {}", d.zollhund),
        title: format!("zollhund: {} – {}", d.a.name, d.b.name),
        d,
        sides: vec![("A", d.a.name.clone(), side(&d.a)), ("B", d.b.name.clone(), side(&d.b))],
        parts: vec![
            part("recipients", "Recipients", "Empfänger", &d.recipients),
            part("organisations", "Organisations", "Unternehmen", &d.organisations),
            part("countries", "Countries, as sources place them", "Länder laut Quellen", &d.countries),
        ],
        findings: d.findings.iter().filter(|f| f.state != State::Same).take(ROWS).map(|f| finding(f, lang)).collect(),
        findings_tally: tally(d.findings.iter().map(|f| f.state), lang),
        phases: d
            .phases
            .iter()
            .take(ROWS)
            .map(|p| [p.phase.clone(), p.group.clone(), volumes(p.a), volumes(p.b)])
            .collect(),
    };
    page.render().unwrap_or_default()
}

fn row(c: &Change, lang: Lang) -> Row {
    let sums = |amount: &Option<super::Amount>| match amount {
        Some(a) => format!("{} / {}", bytes(a.bytes_up, lang), bytes(a.bytes_down, lang)),
        None => "–".to_owned(),
    };
    let mut notes = c.notes.clone();
    if let (State::New | State::Gone, Some(only)) = (c.state, c.b.as_ref().or(c.a.as_ref())) {
        notes.extend(only.hosts.iter().take(8).cloned());
        notes.extend(only.countries.iter().cloned());
    }
    Row {
        sign: sign(c.state),
        state: word(c.state, lang),
        class: if c.state == State::New { "attention" } else { "info" },
        label: String::new(),
        name: c.name.clone(),
        a: sums(&c.a),
        b: sums(&c.b),
        notes: notes.join(" · "),
    }
}

fn finding(f: &super::FindingChange, lang: Lang) -> Row {
    let was = f.was.map(|was| format!(" ({} {})", lang.pick("was", "war"), severity_word(was, lang)));
    Row {
        sign: sign(f.state),
        state: word(f.state, lang),
        class: f.severity.token(),
        label: format!(
            "{} · {} · {}{}",
            severity_word(f.severity, lang),
            f.code,
            title(f.code, lang),
            was.unwrap_or_default()
        ),
        name: f.subject.clone(),
        a: String::new(),
        b: String::new(),
        notes: f.text.clone(),
    }
}
