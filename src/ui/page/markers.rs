//! What was marked, when, and how long it lasted.

use super::super::lines::{Line, Lines};
use super::super::theme::Role;
use super::super::view::View;
use super::{elapsed, is_phase, marker_words};
use crate::report::format::{clock, duration, left};

pub(super) fn lines(view: &View, width: u16) -> Vec<Line> {
    let lang = view.look.lang;
    let summary = &view.picture.summary;
    let mut lines = Lines::new(view.look, width);
    let note = lang.pick("times are UTC", "Zeiten in UTC");
    lines.heading(lang.pick("Markers", "Marken"), note);
    if summary.markers.is_empty() {
        let text = lang.pick(
            "No marker so far. Press m when something happens in the client: it stands beside the traffic, on the timeline, in \
             the evidence and in the report.",
            "Noch keine Marke. m drücken, wenn im Client etwas geschieht: Sie steht dann beim Verkehr, in der Zeitleiste, in den \
             Beweismitteln und im Bericht.",
        );
        lines.text(Role::Plain, text);
        return lines.finish();
    }
    let start = summary.timeline.start;
    for (n, marker) in summary.markers.iter().enumerate() {
        let until = summary.markers.get(n + 1).map_or(view.picture.now, |next| next.time);
        let free = if is_phase(&marker.text) { "" } else { lang.pick("  own text", "  eigener Text") };
        lines.pieces(vec![
            (Role::Plain, format!("  {}  ", clock(marker.time))),
            (Role::Faint, left(&elapsed(marker.time.since(start)), 9)),
            (Role::Strong, left(&marker_words(&marker.text, lang), 28)),
            (Role::Faint, format!("{} {}", lang.pick("then", "dann"), duration(until.since(marker.time), lang))),
            (Role::Faint, free.into()),
        ]);
    }
    lines.finish()
}
