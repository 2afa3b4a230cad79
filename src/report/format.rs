//! Numbers, times and names as people read them, in the language of the report and in the room there is.

use crate::attribution::{Claim, Company, Confidence, NameBasis, Source};
use crate::policy::rules::RULES;
use crate::policy::{Lang, Severity, Subject};
use crate::wire::{Text, Timestamp};
use std::fmt::Write;
use std::sync::Arc;
use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

pub(crate) use crate::policy::{bytes, number};

/// A span of time given in nanoseconds, in its two largest units: `1 min 17 s`, `2 h 3 min`, `850 ms`.
#[must_use]
pub fn duration(nanos: u64, lang: Lang) -> String {
    let (millis, secs) = (nanos / 1_000_000, nanos / 1_000_000_000);
    let days = lang.pick("d", "T");
    let (large, small) = match secs {
        0 => return format!("{millis} ms"),
        1..=9 => return format!("{}{}{} s", secs, lang.pick(".", ","), millis % 1000 / 100),
        10..=59 => return format!("{secs} s"),
        60..=3_599 => ((secs / 60, "min"), (secs % 60, "s")),
        3_600..=86_399 => ((secs / 3_600, "h"), (secs / 60 % 60, "min")),
        _ => ((secs / 86_400, days), (secs / 3_600 % 24, "h")),
    };
    let ((a, unit_a), (b, unit_b)) = (large, small);
    if b == 0 { format!("{a} {unit_a}") } else { format!("{a} {unit_a} {b} {unit_b}") }
}

/// Bytes over a span of time as bits per second: `1.2 Mbit/s`; nothing where no time passed.
#[must_use]
pub fn rate(bytes: u64, nanos: u64, lang: Lang) -> Option<String> {
    let bits = u128::from(bytes) * 8 * 1_000_000_000;
    let per_second = bits.checked_div(u128::from(nanos))?;
    let (tenths, unit) = match per_second {
        0..1_000 => return Some(format!("{per_second} bit/s")),
        1_000..1_000_000 => (per_second / 100, "kbit/s"),
        1_000_000..1_000_000_000 => (per_second / 100_000, "Mbit/s"),
        _ => (per_second / 100_000_000, "Gbit/s"),
    };
    Some(format!("{}{}{} {unit}", tenths / 10, lang.pick(".", ","), tenths % 10))
}

/// When something lasted from and to, in UTC: one day is said once.
#[must_use]
pub fn period(first: Timestamp, last: Timestamp, lang: Lang) -> String {
    let to = lang.pick("to", "bis");
    let (a, b) = (clock(first), clock(last));
    if first.day() == last.day() {
        format!("{}, {a} {to} {b} UTC", first.day())
    } else {
        format!("{} {a} {to} {} {b} UTC", first.day(), last.day())
    }
}

/// `11:34:10`.
#[must_use]
pub fn clock(time: Timestamp) -> String {
    let secs = time.secs() % 86_400;
    format!("{:02}:{:02}:{:02}", secs / 3_600, secs / 60 % 60, secs % 60)
}

/// A name and how it is known: `teams.example [tls-sni]`.
#[must_use]
pub fn name(name: &Text, basis: NameBasis) -> String {
    format!("{name} [{}]", basis.token())
}

/// The columns of a terminal that the text takes.
#[must_use]
pub fn width(text: &str) -> usize {
    text.width()
}

/// The text if it fits, else its beginning with `…`. Never wider than `room`.
#[must_use]
pub fn fit(text: &str, room: usize) -> String {
    if width(text) <= room {
        return text.to_owned();
    }
    let mut out = String::new();
    let mut used = 0;
    for c in text.chars() {
        used += c.width().unwrap_or(0);
        if used + 1 > room {
            break;
        }
        out.push(c);
    }
    if room > 0 {
        out.push('…');
    }
    out
}

/// As [`fit`], but leaves out the middle: the ends of a host name tell most.
#[must_use]
pub fn fit_middle(text: &str, room: usize) -> String {
    if width(text) <= room {
        return text.to_owned();
    }
    if room < 8 {
        return fit(text, room);
    }
    let tail_room = room * 2 / 3;
    let mut used = 0;
    let from = text
        .char_indices()
        .rev()
        .take_while(|(_, c)| {
            used += c.width().unwrap_or(0);
            used <= tail_room
        })
        .last()
        .map_or(text.len(), |(at, _)| at);
    let tail = text.get(from..).unwrap_or_default();
    let mut out = fit(text, room - width(tail));
    out.push_str(tail);
    out
}

/// Spaces so that `text` ends at column `room`.
#[must_use]
pub fn right(text: &str, room: usize) -> String {
    format!("{}{text}", " ".repeat(room.saturating_sub(width(text))))
}

/// Spaces so that what follows `text` starts at column `room`.
#[must_use]
pub fn left(text: &str, room: usize) -> String {
    format!("{text}{}", " ".repeat(room.saturating_sub(width(text))))
}

/// Name and date of a source, without what stands in brackets in its name.
pub(crate) fn short_source(source: &Source) -> String {
    let name = source.name.split(" (").next().unwrap_or_default();
    if source.date.is_empty() { name.to_owned() } else { format!("{name} {}", source.date) }
}

/// Marks a severity without colour.
pub(crate) const fn symbol(severity: Severity) -> &'static str {
    match severity {
        Severity::High => "!!",
        Severity::Attention => "!",
        Severity::Notice => "•",
        Severity::Info => " ",
    }
}

pub(crate) fn severity_word(severity: Severity, lang: Lang) -> &'static str {
    match severity {
        Severity::High => lang.pick("high", "hoch"),
        Severity::Attention => lang.pick("attention", "Achtung"),
        Severity::Notice => lang.pick("notice", "beachten"),
        Severity::Info => lang.pick("info", "Hinweis"),
    }
}

pub(crate) fn confidence_word(confidence: Confidence, lang: Lang) -> &'static str {
    match confidence {
        Confidence::High => lang.pick("high", "hoch"),
        Confidence::Medium => lang.pick("medium", "mittel"),
        Confidence::Low => lang.pick("low", "gering"),
    }
}

/// The purpose of a host for people; the tables keep the token.
pub(crate) fn role_word(role: &str, lang: Lang) -> &str {
    if lang == Lang::En {
        return role;
    }
    match role {
        "signalling" => "Signalisierung",
        "media" => "Medien",
        "content" => "Inhalte",
        "auth" => "Anmeldung",
        "update" => "Aktualisierung",
        "telemetry" => "Telemetrie",
        "push" => "Push-Nachrichten",
        "crash" => "Absturzberichte",
        "ads" => "Werbung",
        "payment" => "Zahlung",
        "pki" => "Zertifikate",
        "help" => "Hilfe",
        other => other,
    }
}

/// Who runs it, and whether its name says so.
pub(crate) fn company(r: &Subject) -> Option<(bool, &Claim<Arc<Company>>)> {
    r.operator.as_ref().map(|c| (true, c)).or_else(|| r.holder.as_ref().map(|c| (false, c)))
}

/// What a code means, in a few words.
pub(crate) fn title(code: &str, lang: Lang) -> &'static str {
    let mut codes = RULES.iter().flat_map(|rule| rule.codes);
    codes.find(|(known, ..)| *known == code).map_or("", |(_, en, de)| lang.pick(en, de))
}

/// In ASCII: German letters and the signs of these pages as one is used to write them, everything else by its number.
pub(crate) fn ascii(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            'ä' => out.push_str("ae"),
            'ö' => out.push_str("oe"),
            'ü' => out.push_str("ue"),
            'ß' => out.push_str("ss"),
            'Ä' => out.push_str("Ae"),
            'Ö' => out.push_str("Oe"),
            'Ü' => out.push_str("Ue"),
            '…' => out.push_str("..."),
            '·' | '–' | '—' | '─' => out.push('-'),
            '•' => out.push('*'),
            '×' => out.push('x'),
            '±' => out.push_str("+/-"),
            '→' => out.push_str("->"),
            '’' | '‘' => out.push('\''),
            '„' | '“' | '”' => out.push('"'),
            '\u{a0}' | '\u{202f}' => out.push(' '),
            c if c.is_ascii() => out.push(c),
            c => {
                let _ = write!(out, "\\u{{{:x}}}", c as u32);
            }
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn purposes_are_in_the_language_of_the_report() {
        for (role, de) in
            [("signalling", "Signalisierung"), ("media", "Medien"), ("push", "Push-Nachrichten"), ("dns", "dns")]
        {
            assert_eq!((role_word(role, Lang::En), role_word(role, Lang::De)), (role, de));
        }
    }

    #[test]
    fn durations_and_rates() {
        for (nanos, en, de) in [
            (0, "0 ms", "0 ms"),
            (850_000_000, "850 ms", "850 ms"),
            (1_540_000_000, "1.5 s", "1,5 s"),
            (77_000_000_000, "1 min 17 s", "1 min 17 s"),
            (7_380_000_000_000, "2 h 3 min", "2 h 3 min"),
            (176_400_000_000_000, "2 d 1 h", "2 T 1 h"),
            (3_600_000_000_000, "1 h", "1 h"),
        ] {
            assert_eq!((duration(nanos, Lang::En).as_str(), duration(nanos, Lang::De).as_str()), (en, de));
        }
        assert_eq!(rate(150_000, 1_000_000_000, Lang::En).as_deref(), Some("1.2 Mbit/s"));
        assert_eq!(rate(1, 1_000_000_000, Lang::De).as_deref(), Some("8 bit/s"));
        assert_eq!(rate(u64::MAX, 1, Lang::En).map(|r| r.ends_with(" Gbit/s")), Some(true));
        assert_eq!(rate(1, 0, Lang::En), None);
    }

    #[test]
    fn a_period_says_one_day_once() {
        let t = Timestamp::from_secs(1_587_036_850);
        assert_eq!(period(t, t.plus_nanos(77_000_000_000), Lang::En), "2020-04-16, 11:34:10 to 11:35:27 UTC");
        let next = t.plus_nanos(86_400_000_000_000);
        assert_eq!(period(t, next, Lang::De), "2020-04-16 11:34:10 bis 2020-04-17 11:34:10 UTC");
    }

    #[test]
    fn nothing_gets_wider_than_its_room() {
        for text in
            ["", "a", "teams.microsoft.example", "日本語のとても長い名前", "ä\u{308}öü", "e\u{301}\u{301}\u{301}x"]
        {
            for room in 0..40 {
                assert!(width(&fit(text, room)) <= room, "{text} in {room}");
                assert!(width(&fit_middle(text, room)) <= room, "{text} in {room}");
            }
        }
        assert_eq!(fit("teams.example", 6), "teams…");
        assert_eq!(fit_middle("a-very-long-label.teams.microsoft.example", 20), "a-very…osoft.example");
    }
}
