//! How the capture does: every stage's losses apart, clock, scope, evidence, and the age of all data it rests on.

use super::super::lines::{Line, Lines};
use super::super::theme::Role;
use super::super::view::View;
use super::overview::{OLD_DAYS, age, clock, days_old, scope};
use super::{elapsed, state, time_of_day};
use crate::engine::health::{CaptureState, Health, Kept, SourceKind};
use crate::policy::subject::TripLayer;
use crate::policy::{Ground, Lang, Severity};
use crate::report::format::{bytes, left, number, right, title};
use crate::wire::Timestamp;

pub(super) fn lines(view: &View, health: &Health, width: u16) -> Vec<Line> {
    let lang = view.look.lang;
    let mut lines = Lines::new(view.look, width);
    let n = |count: u64| number(count, lang);
    let summary = &view.picture.summary;

    let (role, doing) = state(view, health);
    lines.heading(lang.pick("Capture", "Aufzeichnung"), "");
    lines.labelled(lang.pick("state", "Zustand"), role, &doing);
    if let CaptureState::Dead { why, .. } = &health.capture {
        lines.labelled("", Role::Bad, why);
    }
    let kind = match health.kind {
        SourceKind::Live => lang.pick("live", "live").to_owned(),
        SourceKind::Replay { speed } if speed.is_finite() => format!("{} ×{speed}", lang.pick("replay", "Wiedergabe")),
        SourceKind::Replay { .. } => {
            lang.pick("replay, as fast as possible", "Wiedergabe, so schnell es geht").to_owned()
        }
        SourceKind::Generated => {
            lang.pick("generated, nobody recorded it", "erzeugt, niemand hat es aufgezeichnet").to_owned()
        }
    };
    lines.labelled(lang.pick("source", "Quelle"), Role::Plain, &format!("{} ({kind})", health.source));
    let link_types: Vec<String> =
        summary.captures.iter().flat_map(|capture| &capture.link_types).map(ToString::to_string).collect();
    if !link_types.is_empty() {
        lines.labelled(lang.pick("link types", "Link-Typen"), Role::Plain, &link_types.join(", "));
    }
    let (role, words) = clock(view, health);
    lines.stated(lang.pick("clock", "Uhr"), role, &words, &keeper(&health.clock.kept, health.kind, lang));
    let since = health.scope.since.map_or_else(String::new, |since| {
        let text = lang.pick("chosen at", "gewählt um");
        format!("{text} {}", time_of_day(since))
    });
    lines.stated(lang.pick("scope", "Umfang"), Role::Plain, &scope(view, health), &since);
    if health.scope.unknown_flows > 0 {
        let text =
            lang.pick("flows of which nobody knows whose they are", "Verbindungen, deren Programm unbekannt ist");
        lines.labelled("", Role::Severity(Severity::Attention), &format!("{} {text}", n(health.scope.unknown_flows)));
    }
    if let Some(silence) = summary.circumstances.silence.filter(crate::policy::Silence::is_long) {
        let text = lang.pick("longest time without a frame", "längste Zeit ohne Frame");
        lines.labelled(lang.pick("silence", "Stille"), Role::Plain, &format!("{} ({text})", elapsed(silence.nanos)));
    }

    books(&mut lines, view, health);
    evidence(&mut lines, view, health);

    unseen(&mut lines, view);
    if !health.notices.is_empty() {
        lines.heading(lang.pick("What happened", "Was geschah"), "");
        for notice in health.notices.iter().rev() {
            let role = if notice.grave { Role::Bad } else { Role::Plain };
            lines.item((Role::Faint, &time_of_day(notice.time)), role, &notice.text.to_string());
        }
    }
    if !health.dropped_rights.is_empty() {
        lines.heading(lang.pick("Rights given up", "Abgegebene Rechte"), "");
        for step in &health.dropped_rights {
            lines.item((Role::Plain, ""), Role::Plain, step);
        }
    }
    lines.heading(lang.pick("Data it rests on", "Daten, auf denen es beruht"), "");
    let now = if health.now == Timestamp::ZERO { view.picture.now } else { health.now };
    for source in &summary.sources {
        let days = days_old(&source.date, now);
        let old = days.is_some_and(|days| days > OLD_DAYS);
        let role = if old { Role::Severity(Severity::Attention) } else { Role::Plain };
        let said = match days {
            Some(days) => age(days, lang),
            None if source.date.is_empty() => lang.pick("undated", "ohne Datum").to_owned(),
            None => lang.pick("younger than the capture", "jünger als die Aufzeichnung").to_owned(),
        };
        let hash = source.sha256.get(..12).unwrap_or_default();
        lines.item((Role::Plain, ""), role, &format!("{} {}   {said}   SHA-256 {hash}", source.name, source.date));
    }
    lines.finish()
}

/// Who says so of the clock.
fn keeper(kept: &Kept, kind: SourceKind, lang: Lang) -> String {
    match kept {
        _ if kind != SourceKind::Live => String::new(),
        Kept::Synchronised(by, Some(last)) => {
            format!("{} {by}, {} {}", lang.pick("says", "sagt"), lang.pick("last at", "zuletzt um"), time_of_day(*last))
        }
        Kept::Synchronised(by, None) => format!("{} {by}", lang.pick("says", "sagt")),
        Kept::By(_) => lang
            .pick(
                "it runs; whether it reached a time server is not known",
                "läuft; ob ein Zeitserver erreicht ist, ist nicht bekannt",
            )
            .into(),
        Kept::NotKnown => {
            lang.pick("no program that keeps it was found", "kein Programm gefunden, das sie stellt").into()
        }
    }
}

/// What this capture cannot show, in a line each; the findings say why.
fn unseen(lines: &mut Lines, view: &View) {
    let lang = view.look.lang;
    let findings = &view.picture.summary.findings;
    let of_capture: Vec<_> = findings.iter().filter(|finding| finding.ground == Ground::Capture).collect();
    if of_capture.is_empty() {
        return;
    }
    let note = lang.pick("key 4 tells why", "Taste 4 sagt, warum");
    lines.heading(lang.pick("What is not seen", "Was nicht zu sehen ist"), note);
    for finding in of_capture {
        let sign = left(view.look.severity_sign(finding.severity), 2);
        let text = format!("{} {}", finding.code, title(finding.code, lang));
        lines.item((Role::Severity(finding.severity), &sign), Role::Plain, &text);
    }
}

/// What became of the frames, stage by stage.
fn books(lines: &mut Lines, view: &View, health: &Health) {
    let lang = view.look.lang;
    let books = &health.books;
    let summary = &view.picture.summary;
    let seen = &summary.circumstances;
    let balanced = if books.delivered == 0 {
        String::new()
    } else if books.balanced(health.saving.is_some()) {
        lang.pick("balanced", "ausgeglichen").to_owned()
    } else if health.over {
        lang.pick("NOT BALANCED", "NICHT AUSGEGLICHEN").to_owned()
    } else {
        format!("{} {}", number(books.waiting(), lang), lang.pick("waiting", "warten"))
    };
    lines.heading(lang.pick("Where the frames are", "Wo die Frames sind"), &balanced);
    let mut row = |label: &str, count: u64, lost: bool, note: &str| {
        let role = if lost && count > 0 { Role::Bad } else { Role::Plain };
        lines.pieces(vec![
            (Role::Faint, left(&format!("  {label}"), 34)),
            (role, right(&number(count, lang), 14)),
            (Role::Faint, format!("  {note}")),
        ]);
    };
    row(lang.pick("lost by the interface", "von der Schnittstelle verloren"), books.interface_dropped, true, "");
    row(lang.pick("lost by the kernel", "vom Kernel verloren"), books.kernel_dropped, true, "");
    row(
        lang.pick("handed to the program", "ans Programm übergeben"),
        books.delivered,
        false,
        &bytes(books.delivered_bytes, lang),
    );
    row(lang.pick("  analyzed", "  ausgewertet"), books.analyzed, false, "");
    let note =
        if books.not_analyzed > 0 { lang.pick("still in the evidence", "in den Beweismitteln enthalten") } else { "" };
    row(
        lang.pick("  passed by the analysis", "  an der Auswertung vorbei"),
        books.not_analyzed,
        true,
        if health.saving.is_some() { note } else { "" },
    );
    if health.saving.is_some() {
        row(lang.pick("  saved", "  gesichert"), books.saved, false, "");
        row(lang.pick("  lost to the evidence", "  für die Beweismittel verloren"), books.not_saved, true, "");
    }
    row(lang.pick("in the picture", "im Bild"), seen.frames, false, "");
    row(lang.pick("  could not be read", "  nicht lesbar"), seen.unreadable, true, "");
    row(lang.pick("  cut by the capture", "  von der Aufzeichnung gekürzt"), seen.cut, false, "");
    for loss in &summary.losses {
        let text = format!("{}: {}", loss.stage, loss.kind);
        let aside = &*loss.stage == "set aside";
        lines.pieces(vec![
            (Role::Faint, left(&format!("  {text}"), 34)),
            (if aside { Role::Plain } else { Role::Bad }, right(&number(loss.frames, lang), 14)),
            (Role::Faint, format!("  {}", if loss.bytes > 0 { bytes(loss.bytes, lang) } else { String::new() })),
        ]);
    }
    for limit in &seen.limits {
        lines.text(Role::Bad, limit.get(lang));
    }
    for layer in TripLayer::ALL.into_iter().filter(|layer| seen.near.iter().any(|near| near.unused().contains(layer))) {
        let unused = lang.pick(
            "answers may come from near the client: its times are not used",
            "Antworten können aus der Nähe des Clients kommen: ihre Zeiten zählen nicht",
        );
        lines.text(Role::Bad, &format!("{}: {unused}", layer.words(lang)));
    }
}

fn evidence(lines: &mut Lines, view: &View, health: &Health) {
    let lang = view.look.lang;
    lines.heading(lang.pick("Evidence", "Beweismittel"), "");
    let Some(saving) = &health.saving else {
        let text = lang.pick(
            "nothing is being saved; start with --save DIR to keep it",
            "es wird nichts gesichert; zum Behalten mit --save ORDNER starten",
        );
        lines.text(Role::Severity(Severity::Attention), text);
        return;
    };
    lines.labelled(lang.pick("folder", "Ordner"), Role::Strong, &saving.folder.to_string());
    let quota = if saving.quota > 0 {
        format!(" {} {}", lang.pick("of", "von"), bytes(saving.quota, lang))
    } else {
        String::new()
    };
    let files = match (saving.files, lang) {
        (1, Lang::En) => "file".to_owned(),
        (_, Lang::En) => "files".to_owned(),
        (1, Lang::De) => "Datei".to_owned(),
        (_, Lang::De) => "Dateien".to_owned(),
    };
    let size = format!("{}{quota} {} {} {files}", bytes(saving.bytes, lang), lang.pick("in", "in"), saving.files);
    lines.labelled(lang.pick("size", "Größe"), Role::Plain, &size);
    let kept = match saving.payload_kept {
        None => lang.pick("everything", "alles").to_owned(),
        Some(kept) => format!(
            "{} {} {}",
            lang.pick("headers, and the first", "Header, dazu die ersten"),
            bytes(kept.into(), lang),
            lang.pick("of each direction of a flow", "jeder Richtung einer Verbindung")
        ),
    };
    lines.labelled(lang.pick("what is kept", "was bleibt"), Role::Plain, &kept);
    if saving.durable_until != Timestamp::ZERO {
        lines.labelled(lang.pick("on disk until", "auf Platte bis"), Role::Plain, &time_of_day(saving.durable_until));
    }
    if let Some(why) = &saving.failed {
        lines.labelled(lang.pick("STOPPED", "ABGEBROCHEN"), Role::Bad, why);
    }
    if let Some(seal) = &health.seal {
        lines.labelled("SHA-512", Role::Strong, &seal.digest);
    }
}
