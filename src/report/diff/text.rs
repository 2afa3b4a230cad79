//! The comparison on a terminal.

use super::{Amount, Change, Difference, PhaseChange, Side, State, sign, tally, word};
use crate::policy::{Lang, bytes, number};
use crate::report::format::{period, severity_word, title};
use crate::report::page::{Page, Role, Style};
use std::io::{self, Write};

/// Rows of each kind, unless all are asked for.
const ROWS: usize = 20;

/// Writes the comparison. No line is wider than the style says.
///
/// # Errors
/// Whatever the writer returns.
pub fn diff_text(difference: &Difference, style: &Style, out: &mut impl Write) -> io::Result<()> {
    let mut page = Page::new(style);
    let (d, lang) = (difference, difference.lang);
    let most = if style.verbose { usize::MAX } else { ROWS };
    head(&mut page, "A", &d.a, lang);
    head(&mut page, "B", &d.b, lang);
    for caution in &d.cautions {
        page.labelled(lang.pick("caution", "Vorbehalt"), Role::Attention, caution, 3);
    }
    for (en, de, changes) in [
        ("Recipients", "Empfänger", &d.recipients),
        ("Organisations", "Unternehmen", &d.organisations),
        ("Countries (as sources place them)", "Länder (laut Quellen)", &d.countries),
    ] {
        page.blank();
        page.heading(lang.pick(en, de), &tally(changes.iter().map(|c| c.state), lang));
        let told: Vec<&Change> = changes.iter().filter(|c| style.verbose || c.state != State::Same).collect();
        for change in told.iter().take(most) {
            row(&mut page, change, lang);
        }
        more(&mut page, told.len().saturating_sub(most), lang);
    }
    page.blank();
    page.heading(lang.pick("Findings", "Befunde"), &tally(d.findings.iter().map(|f| f.state), lang));
    let told: Vec<_> = d.findings.iter().filter(|f| style.verbose || f.state != State::Same).collect();
    for f in told.iter().take(most) {
        let severity = severity_word(f.severity, lang);
        let was = f.was.map(|was| format!(" ({} {})", lang.pick("was", "war"), severity_word(was, lang)));
        let label = format!("{} {severity} {}  ", sign(f.state), f.code);
        let after = format!("  {}{}", title(f.code, lang), was.unwrap_or_default());
        page.row(
            0,
            (Role::of(f.severity), &format!("{label}{}", f.subject)),
            (Role::Faint, &[&after]),
            (Role::Plain, ""),
        );
    }
    more(&mut page, told.len().saturating_sub(most), lang);
    if !d.phases.is_empty() {
        page.blank();
        page.heading(
            lang.pick("Volumes by phase", "Mengen nach Phasen"),
            lang.pick("sent / received", "gesendet / empfangen"),
        );
        page.row(0, (Role::Plain, ""), (Role::Plain, &[]), (Role::Faint, &Page::columns(&["A", "B"], &[24, 24])));
        let mut last = None;
        for change in d.phases.iter().take(if style.verbose { usize::MAX } else { 2 * ROWS }) {
            let PhaseChange { phase, group, a, b } = change;
            if last != Some(phase) {
                page.row(2, (Role::Strong, phase), (Role::Plain, &[]), (Role::Plain, ""));
                last = Some(phase);
            }
            let cells = [volumes(*a, lang), volumes(*b, lang)];
            let cells: Vec<&str> = cells.iter().map(String::as_str).collect();
            page.row(4, (Role::Plain, group), (Role::Plain, &[]), (Role::Plain, &Page::columns(&cells, &[24, 24])));
        }
    }
    out.write_all(page.finish().as_bytes())
}

fn head(page: &mut Page<'_>, label: &str, side: &Side, lang: Lang) {
    let frames = if side.frames == 1 { "Frame" } else { lang.pick("frames", "Frames") };
    let text = format!(
        "{} · {} · {} {frames} · {} / {}",
        side.name,
        period(side.first, side.last, lang),
        number(side.frames, lang),
        bytes(side.bytes_up, lang),
        bytes(side.bytes_down, lang),
    );
    page.labelled(label, Role::Strong, &text, 3);
}

fn row(page: &mut Page<'_>, change: &Change, lang: Lang) {
    let role = match change.state {
        State::New => Role::Attention,
        State::Gone | State::Changed => Role::Plain,
        State::Same => Role::Faint,
    };
    let amount = |amount: &Option<Amount>| match amount {
        Some(a) => bytes(a.bytes_up, lang),
        None => "–".to_owned(),
    };
    let sent = format!("{} → {}", amount(&change.a), amount(&change.b));
    let name = format!("{} {}", sign(change.state), change.name);
    page.row(0, (role, &name), (Role::Faint, &[&format!("  {}", word(change.state, lang))]), (Role::Plain, &sent));
    let mut notes = change.notes.clone();
    if let (State::New, Some(new)) = (change.state, &change.b) {
        let joined = |set: &mut dyn Iterator<Item = &str>| set.collect::<Vec<_>>().join(", ");
        notes.extend([
            joined(&mut new.hosts.iter().take(4).map(String::as_str)),
            joined(&mut new.countries.iter().map(String::as_str)),
            joined(&mut new.standing.iter().copied()),
        ]);
        notes.retain(|note| !note.is_empty());
    }
    if !notes.is_empty() {
        page.text(4, Role::Faint, &notes.join(" · "), 3);
    }
}

fn more(page: &mut Page<'_>, more: usize, lang: Lang) {
    if more > 0 {
        let text = format!("… {} {} (--verbose)", number(more as u64, lang), lang.pick("more", "weitere"));
        page.text(2, Role::Faint, &text, 1);
    }
}

fn volumes(sums: Option<(u64, u64)>, lang: Lang) -> String {
    match sums {
        None => "–".to_owned(),
        Some((up, down)) => format!("{} / {}", bytes(up, lang), bytes(down, lang)),
    }
}
