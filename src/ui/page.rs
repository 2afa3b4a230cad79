//! The screen: a header that says at once whether the capture lives, tabs, a page, and the keys.
//!
//! ```text
//!  zollhund  ● running  generated call    00:42   ↑ 4.5 MB  ↓ 4.0 MB    nothing lost     Zoom
//!  1 Overview  2 Recipients 17  3 Flows 60  4 Findings 52  5 Markers 11  6 Health  ? Help
//!  ...                                      the page                                      ...
//!  / filter  s sort  Enter detail  m marker  p pause  w save  q quit  ? help
//! ```

pub(super) mod clients;
mod detail;
mod health;
mod help;
mod map;
mod markers;
mod overview;
mod timeline;

use super::keys::{self, Action, Context};
use super::lines::{self, Line};
use super::paint::Paint;
use super::table;
use super::theme::Role;
use super::view::{Mode, Page, View};
use crate::engine::health::{CaptureState, Choice, Closing, Health, Notice, ScopeOf, SourceKind};
use crate::policy::{Lang, Phase};
use crate::report::format::{bytes, clock, number, width};
use crate::wire::{Text, Timestamp};
use ratatui::Frame;
use ratatui::layout::{Rect, Size};

/// The least there must be to draw more than what matters most.
const LEAST: Size = Size::new(40, 10);
/// A moment that the picture may lag behind before it says so, nanoseconds.
const LAG: u64 = 3_000_000_000;

/// So long what happened stands in the last line, nanoseconds.
const FRESH: u64 = 5_000_000_000;

/// The part of the screen that the page has.
pub(super) const fn body(size: Size) -> Rect {
    Rect::new(0, 2, size.width, size.height.saturating_sub(3))
}

/// Draws everything. The same view and health give the same screen.
pub fn draw(frame: &mut Frame<'_>, view: &View, health: &Health) {
    let area = frame.area();
    let mut paint = Paint::new(frame.buffer_mut(), view.look);
    let size = Size::new(area.width, area.height);
    header(&mut paint, Rect { height: 1, ..area }, view, health);
    if size.width < LEAST.width || size.height < LEAST.height {
        let lang = view.look.lang;
        let text =
            format!("{} {}×{}", lang.pick("too small; at least", "zu klein; mindestens"), LEAST.width, LEAST.height);
        paint.text(0, 1, size.width, Role::Bad, &text);
        return;
    }
    tabs(&mut paint, 1, size.width, view);
    let body = body(size);
    match view.page {
        Page::Overview => overview::draw(&mut paint, body, view, health),
        Page::Recipients | Page::Flows | Page::Findings => table::draw(&mut paint, body, view),
        _ => {
            let lines = lines(view, health, body.width).unwrap_or_default();
            lines::draw(&mut paint, body, &lines, view.scroll);
        }
    }
    footer(&mut paint, Rect { y: size.height - 1, height: 1, ..area }, view, health);
    over(&mut paint, body, view, health);
}

/// The lines of a page that is text.
pub(super) fn lines(view: &View, health: &Health, width: u16) -> Option<Vec<Line>> {
    Some(match view.page {
        Page::Detail => detail::lines(view, width),
        Page::Markers => markers::lines(view, width),
        Page::Health => health::lines(view, health, width),
        Page::Help => help::lines(view.look, width),
        Page::Overview | Page::Recipients | Page::Flows | Page::Findings => return None,
    })
}

/// `0:42`, `1:02:03`.
pub(super) fn elapsed(nanos: u64) -> String {
    let secs = nanos / 1_000_000_000;
    if secs < 3_600 {
        format!("{}:{:02}", secs / 60, secs % 60)
    } else {
        format!("{}:{:02}:{:02}", secs / 3_600, secs / 60 % 60, secs % 60)
    }
}

/// What the capture is doing, in a sign and a word.
pub(super) fn state(view: &View, health: &Health) -> (Role, String) {
    let (lang, signs) = (view.look.lang, view.look.signs());
    let since = |time: Timestamp| elapsed(health.now.since(time));
    let (role, sign, text) = match &health.capture {
        CaptureState::Starting => (Role::Faint, signs.silent, lang.pick("no frame yet", "noch kein Frame").to_owned()),
        CaptureState::Running => (Role::Good, signs.running, lang.pick("running", "läuft").to_owned()),
        CaptureState::Silent { since: from } => {
            (Role::Plain, signs.silent, format!("{} {}", lang.pick("silent for", "still seit"), since(*from)))
        }
        CaptureState::Dead { since: from, .. } => {
            (Role::Bad, signs.dead, format!("{} {}", lang.pick("DEAD for", "TOT seit"), since(*from)))
        }
        CaptureState::Ended { .. } => (Role::Strong, signs.ended, lang.pick("ended", "beendet").to_owned()),
    };
    (role, format!("{sign} {text}"))
}

/// What was lost, in one word or a loud one.
fn losses(view: &View, health: &Health) -> (Role, String) {
    let lang = view.look.lang;
    let seen = &view.picture.summary.circumstances;
    let lost = health.books.lost().max(seen.lost);
    let failed = health.saving.as_ref().is_some_and(|saving| saving.failed.is_some());
    if failed {
        return (Role::Bad, lang.pick("NOT SAVING", "SICHERT NICHT").into());
    }
    if lost > 0 {
        return (Role::Bad, format!("{} {}", number(lost, lang), lang.pick("LOST", "VERLOREN")));
    }
    if seen.has_gaps() || !seen.limits.is_empty() {
        return (Role::Bad, lang.pick("INCOMPLETE", "UNVOLLSTÄNDIG").into());
    }
    (Role::Faint, lang.pick("nothing lost", "nichts verloren").into())
}

fn header(paint: &mut Paint<'_>, area: Rect, view: &View, health: &Health) {
    let (lang, signs) = (view.look.lang, view.look.signs());
    let summary = &view.picture.summary;
    let speed = match health.kind {
        SourceKind::Replay { speed } if speed.is_finite() && (speed - 1.0).abs() > f64::EPSILON => format!(" ×{speed}"),
        _ => String::new(),
    };
    let started = if health.started == Timestamp::ZERO { summary.circumstances.first } else { health.started };
    let running = elapsed(health.now.since(started));
    let behind = health.now.since(view.picture.now);
    let (state_role, state) = state(view, health);
    let (loss_role, loss) = losses(view, health);
    let wide = area.width >= 110;
    let gap = if wide { "   " } else { "  " };
    // From the right: what is audited, what was lost. From the left: what it is, and how it does.
    let service = summary.service.as_ref().map_or("", |(_, name)| name);
    let service = if service.is_empty() { lang.pick("no service given", "kein Dienst genannt") } else { service };
    let mut end = area.right().saturating_sub(1);
    let mut at_right = |paint: &mut Paint<'_>, role, text: &str, most: u16| {
        let room = (width(text) as u16).min(most);
        if room > 0 && end > room + 34 {
            paint.right(end - room, area.y, room, role, text);
            end -= room + gap.len() as u16;
        }
    };
    at_right(paint, loss_role, &loss, 20);
    at_right(paint, Role::Strong, service, 26);
    if wide && let ScopeOf::Client(name) = &health.scope.of {
        at_right(paint, Role::Plain, &name.to_string(), 30);
    }
    let mut pieces: Vec<(Role, String)> = vec![
        (Role::Strong, " zollhund".into()),
        (Role::Plain, gap.into()),
        (state_role, state),
        (Role::Plain, gap.into()),
    ];
    if view.paused {
        pieces.push((Role::Chosen, format!(" {} ", lang.pick("PICTURE PAUSED", "BILD STEHT"))));
        pieces.push((Role::Plain, gap.into()));
    }
    pieces.push((Role::Plain, format!("{running}{speed}{gap}")));
    pieces.push((
        Role::Plain,
        format!(
            "{} {}{gap}{} {}{gap}",
            signs.up,
            bytes(summary.up.bytes, lang),
            signs.down,
            bytes(summary.down.bytes, lang)
        ),
    ));
    if behind > LAG
        && !view.paused
        && matches!(health.capture, CaptureState::Running)
        && health.kind == SourceKind::Live
    {
        pieces.push((
            Role::Bad,
            format!("{} {}{gap}", lang.pick("picture behind by", "Bild zurück um"), elapsed(behind)),
        ));
    }
    pieces.push((Role::Faint, health.source.to_string()));
    let mut x = area.x;
    for (role, text) in &pieces {
        // Half a number would be a wrong one.
        let room = end.saturating_sub(x);
        if width(text.trim_end()) > room.into() && *role != Role::Faint {
            break;
        }
        x += paint.text(x, area.y, room, *role, text);
    }
}

/// The tabs with what they count: title, first column, width.
fn tab_places(view: &View) -> Vec<(Page, String, u16, u16)> {
    let lang = view.look.lang;
    let summary = &view.picture.summary;
    let count = |page| match page {
        Page::Recipients => Some(summary.recipients.len() as u64),
        Page::Flows => Some(summary.flows),
        Page::Findings => Some(summary.findings.len() as u64),
        Page::Markers => Some(summary.markers.len() as u64),
        _ => None,
    };
    let build = |with_counts: bool, short: bool, gap: &str| {
        let mut x = 0;
        let mut tabs = Vec::new();
        for page in Page::TABS {
            let key = keys::of_action(Context::Pages, Action::Show(page)).and_then(|b| b.keys.first());
            let key = key.map_or_else(String::new, |key| key.name(lang));
            let mut title = page.title(lang).to_owned();
            if short {
                title = title.chars().take(4).collect();
            }
            if let Some(count) = count(page).filter(|_| with_counts) {
                title = format!("{title} {}", number(count, lang));
            }
            let text = format!(" {key} {title}{gap}");
            let wide = width(&text) as u16;
            tabs.push((page, text, x, wide));
            x += wide;
        }
        (x, tabs)
    };
    for (with_counts, gap) in [(true, " "), (false, " "), (false, "")] {
        let (needs, tabs) = build(with_counts, false, gap);
        if needs <= view.size.width {
            return tabs;
        }
    }
    build(false, true, "").1
}

fn tabs(paint: &mut Paint<'_>, y: u16, room: u16, view: &View) {
    for (page, text, x, wide) in tab_places(view) {
        let open = page == view.page || (page == Page::Recipients && view.page == Page::Detail);
        let role = if open { Role::Chosen } else { Role::Plain };
        paint.text(x, y, wide.min(room.saturating_sub(x)), role, &text);
    }
}

/// The tab under the mouse.
pub(super) fn tab_at(view: &View, x: u16, y: u16) -> Option<Page> {
    let tabs = if y == 1 { tab_places(view) } else { Vec::new() };
    tabs.into_iter().find(|(_, _, from, wide)| (*from..from + wide).contains(&x)).map(|(page, ..)| page)
}

fn footer(paint: &mut Paint<'_>, area: Rect, view: &View, health: &Health) {
    let lang = view.look.lang;
    let context = view.context(health);
    if let Mode::Filter(_) = view.mode {
        let label = lang.pick("filter: ", "Filter: ");
        let hint = format!("  {}", hints(context, lang, &[]));
        paint.pieces(
            area.x,
            area.y,
            area.width,
            &[
                (Role::Strong, " /"),
                (Role::Faint, label),
                (Role::Strong, &view.filter),
                (Role::Chosen, " "),
                (Role::Faint, &hint),
            ],
        );
        return;
    }
    if let Some(notice) = &view.notice {
        paint.text(area.x + 1, area.y, area.width.saturating_sub(1), Role::Strong, notice);
        return;
    }
    let fresh = |notice: &&Notice| health.kind == SourceKind::Live && health.now.since(notice.time) < FRESH;
    if let Some(notice) = health.notices.last().filter(fresh) {
        let role = if notice.grave { Role::Bad } else { Role::Strong };
        paint.text(area.x + 1, area.y, area.width.saturating_sub(1), role, &notice.text.to_string());
        return;
    }
    let mut end = area.right();
    let (mut counted, mut counted_width) = (String::new(), 0);
    let place = match view.page {
        Page::Recipients => Some((view.recipients.place(), view.recipients.len())),
        Page::Flows => Some((view.flows.place(), view.flows.len())),
        Page::Findings => Some((view.findings.place(), view.findings.len())),
        _ => None,
    };
    if let Some((place, count)) = place {
        let filter = if view.filter.is_empty() { String::new() } else { format!("/{}  ", view.filter) };
        counted = format!("{filter}{}/{} ", number(place as u64, lang), number(count as u64, lang));
        counted_width = (width(&counted) as u16).min(area.width / 2);
        end -= counted_width + 1;
    }
    let left_out: &[Action] = match view.page {
        Page::Recipients | Page::Flows | Page::Findings => &[],
        _ => &[Action::Sort, Action::Open],
    };
    let no_choice: &[Action] = if health.choice == Choice::No { &[Action::Clients] } else { &[] };
    let left_out = [left_out, no_choice].concat();
    let mut x = area.x + 1;
    for (key, hint) in hint_pairs(context, lang, &left_out) {
        let wide = (width(&key) + width(hint) + 3) as u16;
        if x + wide - 2 > end {
            break;
        }
        x += paint.pieces(
            x,
            area.y,
            wide,
            &[(Role::Key, &key), (Role::Faint, " "), (Role::Faint, hint), (Role::Plain, "  ")],
        );
    }
    paint.right(area.right() - counted_width, area.y, counted_width, Role::Strong, &counted);
}

fn hint_pairs(context: Context, lang: Lang, left_out: &[Action]) -> impl Iterator<Item = (String, &'static str)> {
    let of_context = keys::BINDINGS.iter().filter(move |b| b.context == context && !b.hint(lang).is_empty());
    let shown = of_context.filter(|b| !left_out.contains(&b.action));
    shown.filter_map(move |b| Some((b.keys.first()?.name(lang), b.hint(lang))))
}

fn hints(context: Context, lang: Lang, left_out: &[Action]) -> String {
    hint_pairs(context, lang, left_out).map(|(key, hint)| format!("{key} {hint}")).collect::<Vec<_>>().join("  ")
}

/// What lies over the page.
fn over(paint: &mut Paint<'_>, area: Rect, view: &View, health: &Health) {
    let lang = view.look.lang;
    if view.leaving {
        return farewell(paint, area, view, health);
    }
    match &view.mode {
        Mode::Pages | Mode::Filter(_) => {}
        Mode::Markers(chosen) => {
            let title = lang.pick("Set a marker now", "Jetzt eine Marke setzen");
            let inside = paint.window(area, 40, Phase::ALL.len() as u16 + 4, title);
            let free = lang.pick("text of your own", "eigener Text");
            let rows = Phase::ALL.into_iter().map(|phase| (Action::Phase(phase), phase.words(lang)));
            for (n, (action, words)) in rows.chain([(Action::FreeText, free)]).enumerate() {
                let y = inside.y + n as u16;
                if y >= inside.bottom() {
                    break;
                }
                let key = keys::of_action(Context::Markers, action).and_then(|b| b.keys.first());
                let key = key.map_or_else(String::new, |key| key.name(lang));
                let sign = if n == *chosen { view.look.signs().chosen } else { " " };
                paint.pieces(
                    inside.x,
                    y,
                    inside.width,
                    &[
                        (Role::Strong, sign),
                        (Role::Plain, " "),
                        (Role::Key, &key),
                        (Role::Plain, "  "),
                        (Role::Plain, words),
                    ],
                );
                if n == *chosen {
                    paint.choose(Rect { y, height: 1, ..inside });
                }
            }
            paint.text(inside.x, inside.bottom() - 1, inside.width, Role::Faint, &hints(Context::Markers, lang, &[]));
        }
        Mode::Clients(chosen) => clients::draw(paint, area, view, health, chosen),
        Mode::FreeText(text) => {
            let inside = paint.window(area, 60, 4, lang.pick("Text of the marker", "Text der Marke"));
            let room = inside.width.saturating_sub(1);
            // The end of what is typed must be seen.
            let skip = text.chars().count().saturating_sub(room.into());
            let shown: String = text.chars().skip(skip).collect();
            let used = paint.text(inside.x, inside.y, room, Role::Strong, &shown);
            paint.text(inside.x + used, inside.y, 1, Role::Chosen, " ");
            paint.text(inside.x, inside.y + 1, inside.width, Role::Faint, &hints(Context::Typing, lang, &[]));
        }
        Mode::Question => {
            let inside = paint.window(area, 66, 5, lang.pick("Quit?", "Beenden?"));
            let text = if health.saving.is_some() {
                lang.pick(
                    "The capture stops and the evidence is closed.",
                    "Die Aufzeichnung endet, die Beweismittel werden geschlossen.",
                )
            } else {
                lang.pick(
                    "Nothing is being saved: what was captured and marked is gone then.",
                    "Es wird nichts gesichert: Aufzeichnung und Marken sind dann weg.",
                )
            };
            let text_area = Rect { height: 2, ..inside };
            paint.paragraph(text_area, 0, Role::Plain, text);
            paint.text(inside.x, inside.bottom() - 1, inside.width, Role::Key, &hints(Context::Question, lang, &[]));
        }
    }
}

/// The last screen: that everything is closed, and what to note down.
fn farewell(paint: &mut Paint<'_>, area: Rect, view: &View, health: &Health) {
    let lang = view.look.lang;
    if !health.closed {
        let inside = paint.window(area, 64, 3, lang.pick("One moment", "Einen Moment"));
        let text = match health.closing {
            Closing::Files => lang.pick("closing everything …", "alles wird geschlossen …"),
            Closing::Report => {
                lang.pick("making the report from what was saved …", "aus dem Gesicherten entsteht der Bericht …")
            }
            Closing::Seal => lang.pick("hashing every file …", "jede Datei bekommt ihre Prüfsumme …"),
        };
        paint.text(inside.x, inside.y, inside.width, Role::Plain, text);
        return;
    }
    let Some(seal) = &health.seal else { return };
    let inside = paint.window(area, 76, 13, lang.pick("The bundle is sealed", "Das Beweispaket ist versiegelt"));
    let (role, lost) = losses(view, health);
    let contents = format!(
        "{} {} · {} {}, {} · {}",
        number(seal.frames, lang),
        lang.pick("frames", "Frames"),
        number(seal.files, lang),
        lang.pick("files", "Dateien"),
        bytes(seal.bytes, lang),
        lost
    );
    paint.name(inside.x, inside.y + 1, inside.width, Role::Strong, &seal.folder.to_string());
    paint.text(inside.x, inside.y + 2, inside.width, if role == Role::Bad { role } else { Role::Plain }, &contents);
    let what = lang.pick(
        "SHA-512 of its tag manifest, as `zollhund verify` prints it:",
        "SHA-512 seines Tag-Manifests, wie `zollhund verify` sie nennt:",
    );
    paint.text(inside.x, inside.y + 4, inside.width, Role::Faint, what);
    // In two halves, so that it is whole on the smallest screen too.
    let (first, second) = seal.digest.split_at_checked(seal.digest.len() / 2).unwrap_or_default();
    for (y, half) in (inside.y + 5..).zip([first, second]) {
        paint.text(inside.x, y, inside.width, Role::Strong, half);
    }
    let advice = lang.pick(
        "Note it down or photograph it: it shows later that nothing was changed.",
        "Notieren oder fotografieren: Damit zeigt sich später, dass nichts verändert wurde.",
    );
    paint.paragraph(Rect { y: inside.y + 8, height: 2, ..inside }, 0, Role::Faint, advice);
    paint.text(inside.x, inside.bottom() - 1, inside.width, Role::Key, &hints(Context::Farewell, lang, &[]));
}

/// The phase whose token the marker is: it is told in the language of the picture. Everything else stays as it was typed.
fn phase(text: &Text) -> Option<Phase> {
    Phase::ALL.into_iter().find(|phase| phase.token() == text.exact())
}

pub(super) fn is_phase(text: &Text) -> bool {
    phase(text).is_some()
}

/// What a marker says.
pub(super) fn marker_words(text: &Text, lang: Lang) -> String {
    phase(text).map_or_else(|| text.to_string(), |phase| phase.words(lang).to_owned())
}

/// `11:34:10`, or nothing for a time that is not known.
pub(super) fn time_of_day(time: Timestamp) -> String {
    if time == Timestamp::ZERO { String::new() } else { clock(time) }
}
