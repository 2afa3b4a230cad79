//! The first page: who the client talks to, where, what deserves a look, when, and whether all of it was seen.

use super::super::list;
use super::super::paint::Paint;
use super::super::table;
use super::super::theme::Role;
use super::super::view::View;
use super::{map, timeline};
use crate::engine::health::{Health, Kept, ScopeOf};
use crate::engine::view::Summary;
use crate::policy::{Finding, Listing, Severity, Subject};
use crate::report::format::{bytes, duration, left, number, severity_word, short_source, title, width};
use crate::wire::{Day, Timestamp};
use ratatui::layout::Rect;

/// The groups in their order.
const GROUPS: [Listing; 6] = [
    Listing::Unjudged,
    Listing::Service,
    Listing::Subprocessor,
    Listing::NotListed,
    Listing::Background,
    Listing::Local,
];
/// Columns of what was sent and received.
const NUMBERS: [u16; 2] = [10, 10];
/// From this width on, map and findings stand beside the recipients.
const WIDE: u16 = 130;
/// Lines in which nothing else stands beside the recipients.
const LITTLE: u16 = 11;

struct Group<'s> {
    listing: Listing,
    recipients: Vec<&'s Subject>,
    sent: u64,
    received: u64,
}

fn groups(summary: &Summary) -> Vec<Group<'_>> {
    let group = |listing| {
        let recipients: Vec<&Subject> = summary.recipients.iter().filter(|r| r.listing == listing).collect();
        let sum = |of: fn(&Subject) -> u64| recipients.iter().map(|r| of(r)).fold(0, u64::saturating_add);
        Group { listing, sent: sum(|r| r.traffic.bytes_up), received: sum(|r| r.traffic.bytes_down), recipients }
    };
    let judged = summary.service.is_some() || summary.list.is_some();
    // Whether there is anybody who is not on the list is an answer too.
    let tells = |g: &Group<'_>| !g.recipients.is_empty() || (judged && g.listing == Listing::NotListed);
    GROUPS.into_iter().map(group).filter(tells).collect()
}

pub(super) fn draw(paint: &mut Paint<'_>, area: Rect, view: &View, health: &Health) {
    let summary = &view.picture.summary;
    let groups = groups(summary);
    let [above, health_line] = [area.height.saturating_sub(1), 1].map(|height| Rect { height, ..area });
    let health_line = Rect { y: above.bottom(), ..health_line };
    let high = match area.height {
        50.. => 3,
        36.. => 2,
        _ => 1,
    };
    let wanted = timeline::lines_wanted(summary, high);
    // Where there is little room, who the client talks to goes first.
    let wanted = if area.height < LITTLE { 0 } else { wanted };
    let time_height =
        wanted.min(if high > 1 { above.height * 2 / 5 } else { (above.height * 3 / 10).max(6) }).min(above.height);
    let time = Rect { y: above.bottom() - time_height, height: time_height, ..above };
    let upper = Rect { height: above.height - time_height, ..above };
    if area.width >= WIDE {
        let left_width = upper.width * 58 / 100;
        let left_side = Rect { width: left_width - 2, ..upper };
        let right_side = Rect { x: upper.x + left_width, width: upper.width - left_width, ..upper };
        recipients(paint, left_side, view, &groups);
        let map_height = (right_side.height * 11 / 20).max(8).min(right_side.height);
        map::draw(paint, Rect { height: map_height, ..right_side }, view);
        let below = Rect { y: right_side.y + map_height, height: right_side.height - map_height, ..right_side };
        findings(paint, below, view);
    } else if upper.height < LITTLE {
        recipients(paint, upper, view, &groups);
    } else {
        let middle_height = (upper.height / 2).clamp(6, 12).min(upper.height);
        let groups_height = upper.height - middle_height;
        recipients(paint, Rect { height: groups_height, ..upper }, view, &groups);
        let middle = Rect { y: upper.y + groups_height, height: middle_height, ..upper };
        let map_width = middle.width * 55 / 100;
        map::draw(paint, Rect { width: map_width - 1, ..middle }, view);
        findings(paint, Rect { x: middle.x + map_width, width: middle.width - map_width, ..middle }, view);
    }
    if time.height > 0 {
        timeline::draw(paint, time, view);
    }
    wellbeing(paint, health_line, view, health);
}

/// Groups with what they were sent; below each, as far as there is room, its recipients.
fn recipients(paint: &mut Paint<'_>, area: Rect, view: &View, groups: &[Group<'_>]) {
    let lang = view.look.lang;
    let columns = [lang.pick("sent", "gesendet"), lang.pick("received", "empfangen")];
    let numbers: u16 = NUMBERS.iter().sum();
    let [sent, received] = columns;
    let note = format!("{sent:>9}{received:>10}");
    paint.heading(
        Rect { height: 1, ..area },
        lang.pick("Who the client talks to", "Mit wem der Client spricht"),
        &note,
    );
    let lines = usize::from(area.height.saturating_sub(1));
    if groups.is_empty() {
        let text = lang.pick("nobody so far", "bislang niemand");
        paint.text(area.x + 2, area.y + 1, area.width, Role::Faint, text);
        return;
    }
    // What is left after one line for each group is given out one by one, to those that deserve most attention first.
    let mut spare = lines.saturating_sub(groups.len());
    let in_lines = spare >= 2 * groups.len();
    let names_room = usize::from(area.width.saturating_sub(GROUP_COLUMNS + numbers + 2));
    let wanted = |group: &Group<'_>| {
        if in_lines { group.recipients.len() } else { names(group, names_room, usize::MAX).len().saturating_sub(1) }
    };
    let wanted: Vec<usize> = groups.iter().map(wanted).collect();
    let mut rows = vec![0_usize; groups.len()];
    let mut given = true;
    while given && spare > 0 {
        given = false;
        for listing in ATTENTION {
            let Some(n) = groups.iter().position(|g| g.listing == listing) else { continue };
            let Some((wanted, row)) = wanted.get(n).zip(rows.get_mut(n)) else { continue };
            if spare > 0 && *row < *wanted {
                *row += 1;
                spare -= 1;
                given = true;
            }
        }
    }
    let most = groups.iter().map(|g| g.sent).max().unwrap_or(0);
    let mut y = area.y + 1;
    for (group, rows) in groups.iter().zip(rows) {
        if y >= area.bottom() {
            return;
        }
        let x = group_line(paint, Rect { y, height: 1, ..area }, view, group);
        let room = area.right().saturating_sub(numbers + 2).saturating_sub(x);
        if group.recipients.is_empty() {
            paint.text(x, y, room, Role::Good, lang.pick("none seen", "keine gesehen"));
        } else if in_lines {
            paint.bar(x, y, room, Role::Group(group.listing), group.sent, most);
            let hidden = group.recipients.len() - rows.min(group.recipients.len());
            for (n, recipient) in group.recipients.iter().take(rows).enumerate() {
                let more = if n + 1 == rows && hidden > 0 { hidden } else { 0 };
                recipient_line(paint, Rect { y: y + 1 + n as u16, height: 1, ..area }, view, recipient, more, numbers);
            }
        } else {
            for (n, text) in names(group, room.into(), rows + 1).iter().enumerate() {
                paint.name(x, y + n as u16, room, Role::Plain, text);
            }
        }
        y += 1 + rows as u16;
    }
}

/// Groups in the order of attention.
const ATTENTION: [Listing; 6] = [
    Listing::NotListed,
    Listing::Unjudged,
    Listing::Subprocessor,
    Listing::Service,
    Listing::Background,
    Listing::Local,
];

/// Columns for the name of a group and the count of its recipients.
const GROUP_COLUMNS: u16 = 24;

/// The names of a group in lines; the last one says how many there was no room for.
fn names(group: &Group<'_>, room: usize, most: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    let mut line = String::new();
    let count = group.recipients.len();
    for (n, recipient) in group.recipients.iter().enumerate() {
        let mut name = list::called(recipient);
        if let Some(claim) = &recipient.located_in {
            name = format!("{name} {}", claim.value);
        }
        let last = n + 1 == count;
        let tail = |left: usize| if left == 0 { String::new() } else { format!(" +{left}") };
        let comma = if last { "" } else { "," };
        let joined = if line.is_empty() { format!("{name}{comma}") } else { format!("{line} {name}{comma}") };
        // On the last line there must be room for saying how many are left out.
        let at_end = lines.len() + 1 >= most;
        let needs = width(&joined) + if at_end && !last { width(&tail(count - n - 1)) } else { 0 };
        if needs <= room || line.is_empty() {
            line = joined;
        } else if at_end {
            line = format!("{line}{}", tail(count - n));
            break;
        } else {
            lines.push(std::mem::replace(&mut line, format!("{name}{comma}")));
        }
    }
    lines.push(line);
    lines
}

/// Sign, name and count of a group, and what it was sent. Returns the column behind them.
fn group_line(paint: &mut Paint<'_>, area: Rect, view: &View, group: &Group<'_>) -> u16 {
    let (look, lang) = (view.look, view.look.lang);
    let role = Role::Group(group.listing);
    let name = match (group.listing, &view.picture.summary.service) {
        (Listing::Service, Some((_, service))) => format!("{service}"),
        _ => look.group(group.listing).to_owned(),
    };
    let strong = if group.listing == Listing::NotListed && !group.recipients.is_empty() { role } else { Role::Strong };
    paint.text(area.x + 1, area.y, 1, role, look.listing_sign(group.listing));
    paint.text(area.x + 3, area.y, 16, strong, &name);
    paint.right(area.x + 18, area.y, 5, Role::Strong, &number(group.recipients.len() as u64, lang));
    amounts(paint, area, Role::Strong, group.sent, group.received, lang);
    area.x + GROUP_COLUMNS + 1
}

fn amounts(paint: &mut Paint<'_>, area: Rect, role: Role, sent: u64, received: u64, lang: crate::policy::Lang) {
    let [sent_room, received_room] = NUMBERS;
    let x = area.right().saturating_sub(sent_room + received_room);
    paint.right(x, area.y, sent_room, role, &bytes(sent, lang));
    paint.right(x + sent_room, area.y, received_room, role, &bytes(received, lang));
}

fn recipient_line(paint: &mut Paint<'_>, area: Rect, view: &View, recipient: &Subject, more: usize, numbers: u16) {
    let lang = view.look.lang;
    if more > 0 {
        let text = format!("… {} {}", number(more as u64 + 1, lang), lang.pick("more: key 2", "weitere: Taste 2"));
        paint.text(area.x + 5, area.y, area.width, Role::Faint, &text);
        return;
    }
    let room = area.width.saturating_sub(5 + numbers + 1);
    let place_room = 11;
    let name_room = (room.saturating_sub(place_room + 1)).min(if room > 70 { room / 2 } else { room });
    let x = area.x + 5;
    paint.name(x, area.y, name_room, Role::Plain, &list::called(recipient));
    paint.text(x + name_room + 1, area.y, place_room, Role::Plain, &table::place(recipient, lang));
    let rest = room.saturating_sub(name_room + place_room + 2);
    if rest > 8 {
        let category = list::category(recipient, lang);
        let company = table::company_words(recipient, lang);
        let text = if category.is_empty() { company } else { format!("{category}; {company}") };
        paint.text(x + name_room + place_room + 2, area.y, rest, Role::Faint, text.trim_end_matches("; "));
    }
    amounts(paint, area, Role::Plain, recipient.traffic.bytes_up, recipient.traffic.bytes_down, lang);
}

/// How many of each severity, and what the gravest are.
fn findings(paint: &mut Paint<'_>, area: Rect, view: &View) {
    let (look, lang) = (view.look, view.look.lang);
    let findings = &view.picture.summary.findings;
    let count = |severity| findings.iter().filter(|f: &&Finding| f.severity == severity).count();
    paint.heading(Rect { height: 1, ..area }, lang.pick("Findings", "Befunde"), "");
    let mut y = area.y + 1;
    let mut line = |paint: &mut Paint<'_>, pieces: &[(Role, &str)]| {
        if y < area.bottom() {
            paint.pieces(area.x + 1, y, area.width.saturating_sub(1), pieces);
        }
        y += 1;
    };
    // The counts of all severities in one line, if that leaves more room for what they are.
    let counts: Vec<(Role, String)> = Severity::ALL
        .into_iter()
        .rev()
        .map(|severity| {
            let (count, sign) = (count(severity), look.severity_sign(severity));
            let sign = if sign.is_empty() { String::new() } else { format!("{sign} ") };
            let role = if count > 0 { Role::Severity(severity) } else { Role::Faint };
            (role, format!("{sign}{} {}  ", number(count as u64, lang), severity_word(severity, lang)))
        })
        .collect();
    let pieces: Vec<(Role, &str)> = counts.iter().map(|(role, text)| (*role, text.as_str())).collect();
    let wide: usize = pieces.iter().map(|(_, text)| width(text)).sum();
    if wide <= usize::from(area.width) {
        line(paint, &pieces);
    } else {
        for pair in pieces.chunks(2) {
            line(paint, pair);
        }
    }
    let told = findings.iter().filter(|f| f.severity > Severity::Info).collect::<Vec<_>>();
    for group in told.chunk_by(|a, b| (a.severity, a.code) == (b.severity, b.code)) {
        let Some(first) = group.first() else { continue };
        let sign = left(look.severity_sign(first.severity), 2);
        let count = format!("{:>3}× ", number(group.len() as u64, lang));
        line(
            paint,
            &[
                (Role::Severity(first.severity), &sign),
                (Role::Plain, &count),
                (Role::Faint, first.code),
                (Role::Plain, " "),
                (Role::Plain, title(first.code, lang)),
            ],
        );
    }
    if findings.is_empty() {
        line(paint, &[(Role::Faint, lang.pick("none so far", "bislang keine"))]);
    }
}

/// Losses, whose traffic it is, the clock, and how old the databases are: what the rest of the page is worth.
fn wellbeing(paint: &mut Paint<'_>, area: Rect, view: &View, health: &Health) {
    let lang = view.look.lang;
    let mut pieces: Vec<(Role, String)> = vec![(Role::Plain, " ".into())];
    let mut add = |role: Role, label: &str, text: &str| {
        pieces.push((Role::Faint, format!("{label} ")));
        pieces.push((role, format!("{text}   ")));
    };
    let lost = health.books.lost().max(view.picture.summary.circumstances.lost);
    let role = if lost > 0 { Role::Bad } else { Role::Plain };
    add(role, lang.pick("lost", "verloren"), &number(lost, lang));
    add(Role::Plain, lang.pick("scope", "Umfang"), &scope(view, health));
    let (role, clock) = clock(view, health);
    add(role, lang.pick("clock", "Uhr"), &clock);
    if let Some((source, days)) = oldest_database(view, health.now) {
        add(
            if days > OLD_DAYS { Role::Severity(Severity::Attention) } else { Role::Plain },
            lang.pick("places", "Orte"),
            &format!("{source}, {}", age(days, lang)),
        );
    }
    let pieces: Vec<(Role, &str)> = pieces.iter().map(|(role, text)| (*role, text.as_str())).collect();
    paint.pieces(area.x, area.y, area.width, &pieces);
}

/// Days after which a database of places is told as old: addresses change hands.
pub(super) const OLD_DAYS: u32 = 365;

/// `136 days old`.
pub(super) fn age(days: u32, lang: crate::policy::Lang) -> String {
    let word = match (days, lang) {
        (1, crate::policy::Lang::En) => "day old",
        (_, crate::policy::Lang::En) => "days old",
        (1, crate::policy::Lang::De) => "Tag alt",
        (_, crate::policy::Lang::De) => "Tage alt",
    };
    format!("{} {word}", number(days.into(), lang))
}

/// Days between the date of a source and the picture; `None` without a date, and for a source that is younger.
pub(super) fn days_old(date: &str, now: Timestamp) -> Option<u32> {
    let day = Day::parse(date)?;
    now.day().0.checked_sub(day.0)
}

/// The oldest source that places somebody in this picture.
fn oldest_database(view: &View, now: Timestamp) -> Option<(String, u32)> {
    let placed = view.picture.summary.recipients.iter().filter_map(|r| r.located_in.as_ref());
    let dated = placed.filter_map(|claim| Some((&claim.source, days_old(&claim.source.date, now)?)));
    dated.max_by_key(|(_, days)| *days).map(|(source, days)| (short_source(source), days))
}

/// Whose traffic is told.
pub(super) fn scope(view: &View, health: &Health) -> String {
    let lang = view.look.lang;
    let mut text = match &health.scope.of {
        ScopeOf::Everything => lang.pick("everything captured", "alles Erfasste").to_owned(),
        ScopeOf::Device(address) => format!("{} {address}", lang.pick("device", "Gerät")),
        ScopeOf::Client(name) => format!("{} {name}", lang.pick("only", "nur")),
        ScopeOf::Namespace(name) => format!("{} {name}", lang.pick("namespace of", "Namensraum von")),
    };
    let outside = health.scope.outside;
    if outside.flows > 0 {
        let what = lang.pick("outside", "außerhalb");
        text = format!("{text} ({what}: {}, {})", number(outside.flows, lang), bytes(outside.bytes, lang));
    }
    text
}

/// What is known of the clock.
pub(super) fn clock(view: &View, health: &Health) -> (Role, String) {
    use crate::engine::health::SourceKind;
    let lang = view.look.lang;
    let reversals = view.picture.summary.circumstances.time_reversals;
    if health.kind != SourceKind::Live {
        return if reversals > 0 {
            let text = lang.pick("as recorded, ran backwards", "wie aufgezeichnet, lief rückwärts");
            (Role::Bad, format!("{text} {}×", number(reversals, lang)))
        } else {
            (Role::Plain, lang.pick("as recorded", "wie aufgezeichnet").into())
        };
    }
    let steps = health.clock.steps;
    if steps > 0 {
        let (word, by) = (lang.pick("stepped", "gesprungen"), lang.pick("by up to", "um bis zu"));
        return (Role::Bad, format!("{word} {steps}×, {by} {}", duration(health.clock.largest_step, lang)));
    }
    match &health.clock.kept {
        Kept::Synchronised(..) => (Role::Plain, lang.pick("synchronised", "synchronisiert").into()),
        Kept::By(keeper) => (Role::Plain, format!("{} {keeper}", lang.pick("kept by", "gestellt von"))),
        Kept::NotKnown => (Role::Faint, lang.pick("not known", "nicht bekannt").into()),
    }
}
