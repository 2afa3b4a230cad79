//! TEL-02, -04, -06: when telemetry went out: before the person had signed in, after the call was left, or at a steady beat.

use super::telemetry::is_telemetry;
use super::{Case, Draft, Judge, Out, Rule, View};
use crate::attribution::Confidence;
use crate::policy::course::{Course, Rhythm};
use crate::policy::finding::{Ground, Severity};
use crate::policy::phase::State;
use crate::policy::subject::{Listing, Subject};
use crate::policy::words::{self, Lang};
use crate::wire::{Text, Timestamp};
use std::sync::Arc;

pub(super) const RULE: Rule = Rule {
    codes: &[
        (
            "TEL-02",
            "telemetry before sign-in or consent was marked",
            "Telemetrie, bevor Anmeldung oder Einwilligung markiert war",
        ),
        ("TEL-04", "telemetry after the call was left", "Telemetrie, nachdem das Gespräch verlassen war"),
        ("TEL-06", "telemetry at a steady beat", "Telemetrie in gleichmäßigem Takt"),
    ],
    judge: Judge::Subjects(judge),
};

fn judge(subjects: &[Subject], case: &Case<'_>, out: &mut Out) {
    let Some(course) = &case.course else { return };
    let told = |s: &&Subject| !matches!(s.listing, Listing::Local | Listing::Background) && is_telemetry(s, case);
    for (at, subject) in subjects.iter().enumerate().filter(|(_, s)| told(s)) {
        let view = View::of(subject, case);
        for stretch in course.stretches(State::BeforeSignIn) {
            if let Some(marker) = stretch.closed.filter(|_| subject.first < stretch.until) {
                before(&view, marker, stretch.until, case, out);
            }
        }
        let cells = course.cells(at, false);
        for stretch in course.stretches(State::Left) {
            let rhythm = course.rhythm(cells, stretch.from, stretch.until);
            if let Some(marker) = stretch.opened.filter(|_| rhythm.contacts > 0) {
                after(&view, marker, rhythm, course, case, out);
            }
        }
        let rhythm = course.rhythm(cells, course.first, course.last);
        if let Some(period) = rhythm.period {
            steady(&view, rhythm.contacts, period, course, case, out);
        }
    }
}

fn quoted(marker: &Text, lang: Lang) -> String {
    let marker = words::shown_text(marker);
    match lang {
        Lang::En => format!("“{marker}”"),
        Lang::De => format!("„{marker}“"),
    }
}

fn draft(code: &'static str, severity: Severity, view: &View<'_>, case: &Case<'_>, text: String, doubt: &str) -> Draft {
    let mut doubts: Vec<_> = view.name_doubt().into_iter().collect();
    doubts.push(doubt.to_owned());
    let sources = match (&view.subject.label, case.profile) {
        (Some(_), _) | (None, None) => vec![Arc::clone(case.book.trackers.source())],
        (None, Some(profile)) => vec![Arc::clone(&profile.source)],
    };
    let confidence = view.name_confidence().min(Confidence::Medium);
    Draft { code, severity, ground: Ground::Category, confidence, text, doubts, sources }
}

fn by_hand(lang: Lang) -> &'static str {
    lang.pick("markers are set by hand", "Marker werden von Hand gesetzt")
}

fn before(view: &View<'_>, marker: &Text, until: Timestamp, case: &Case<'_>, out: &mut Out) {
    out.about(view, "TEL-02", Severity::Attention, |severity| {
        let (lang, line) = (case.lang, view.line());
        let marker = quoted(marker, lang);
        let tenths = until.since(view.subject.first) / 100_000_000;
        let ahead = format!("{}{}{}", words::number(tenths / 10, lang), lang.pick(".", ","), tenths % 10);
        let text = match lang {
            Lang::En => format!(
                "{line}, known for telemetry, was contacted {ahead} s before the marker {marker}. {}",
                view.traffic()
            ),
            Lang::De => format!(
                "{line}, für Telemetrie bekannt, wurde {ahead} s vor dem Marker {marker} kontaktiert. {}",
                view.traffic()
            ),
        };
        draft("TEL-02", severity, view, case, text, by_hand(lang))
    });
}

/// `every 30 s, give or take 1 s`.
fn beat((period, stray): (u64, u64), width: u64, lang: Lang) -> String {
    let n = |n| words::number(n, lang);
    let (period, stray) = (n(period), n(stray.max(width)));
    match lang {
        Lang::En => format!("every {period} s (median), give or take {stray} s"),
        Lang::De => format!("alle {period} s (Median), auf {stray} s genau"),
    }
}

fn after(view: &View<'_>, marker: &Text, rhythm: Rhythm, course: &Course<'_>, case: &Case<'_>, out: &mut Out) {
    out.about(view, "TEL-04", Severity::Info, |severity| {
        let (lang, line) = (case.lang, view.line());
        let (marker, count) = (quoted(marker, lang), words::number(rhythm.contacts.into(), lang));
        let bytes = words::bytes(rhythm.up, lang);
        let beat = rhythm.period.map(|p| beat(p, course.timeline.width, lang));
        let beat = beat.map_or_else(String::new, |beat| format!(", {beat}"));
        let least = if case.at_least { lang.pick("at least ", "mindestens ") } else { "" };
        let text = match lang {
            Lang::En => format!(
                "{line}, known for telemetry, was sent {least}{bytes} in {least}{count} contacts after the marker {marker}{beat}."
            ),
            Lang::De => format!(
                "{line}, für Telemetrie bekannt, erhielt nach dem Marker {marker} {least}{bytes} in {least}{count} Kontakten{beat}."
            ),
        };
        draft("TEL-04", severity, view, case, text, by_hand(lang))
    });
}

fn steady(view: &View<'_>, contacts: u32, period: (u64, u64), course: &Course<'_>, case: &Case<'_>, out: &mut Out) {
    out.about(view, "TEL-06", Severity::Info, |severity| {
        let (lang, line) = (case.lang, view.line());
        let (count, beat) = (words::number(contacts.into(), lang), beat(period, course.timeline.width, lang));
        let text = match lang {
            Lang::En => format!("{line}, known for telemetry, was contacted {beat}, {count} times in all."),
            Lang::De => format!("{line}, für Telemetrie bekannt, wurde {beat} kontaktiert, insgesamt {count}-mal."),
        };
        let doubt = lang.pick(
            "a beat may be that of a keep-alive",
            "ein Takt kann auch der eines Lebenszeichens (Keep-alive) sein",
        );
        draft("TEL-06", severity, view, case, text, doubt)
    });
}

#[cfg(test)]
mod tests {
    use super::super::Finding;
    use super::super::sample::{codes_in, found_in, talk};
    use super::*;
    use crate::policy::course::{Marker, Timeline};

    fn found(subjects: &[Subject], timeline: &Timeline, markers: &[Marker], lang: Lang) -> Vec<Finding> {
        found_in(&RULE, subjects, timeline, markers, lang)
    }

    fn codes(subjects: &[Subject], timeline: &Timeline, markers: &[Marker]) -> Vec<&'static str> {
        codes_in(&RULE, subjects, timeline, markers)
    }

    #[test]
    fn telemetry_is_told_by_its_time() {
        let (subjects, timeline, markers) = talk();
        assert_eq!(codes(&subjects, &timeline, &markers), ["TEL-02", "TEL-04", "TEL-06"]);
        let all = found(&subjects, &timeline, &markers, Lang::En);
        let text = |code: &str| &*all.iter().find(|f| f.code == code).unwrap().text;
        assert!(text("TEL-02").contains("was contacted 20.0 s before the marker “signed in”"), "{}", text("TEL-02"));
        assert_eq!(
            text("TEL-04"),
            "log-gateway.zoom.us, known for telemetry, was sent 3.6 kB in 4 contacts after the marker “left”."
        );
        assert_eq!(
            text("TEL-06"),
            "log-gateway.zoom.us, known for telemetry, was contacted every 10 s (median), give or take 1 s, 19 times in all."
        );
    }

    #[test]
    fn what_comes_later_ends_earlier_or_is_no_telemetry_raises_nothing() {
        let (subjects, timeline, markers) = talk();
        assert_eq!(codes(&subjects, &timeline, &[]), ["TEL-06"]);
        let late = Subject { first: markers[0].time, ..subjects[2].clone() };
        let list = [subjects[0].clone(), subjects[1].clone(), late];
        assert_eq!(codes(&list, &timeline, &markers), ["TEL-04", "TEL-06"]);
        let mut short = timeline.clone();
        short.series[1].cells.truncate(4);
        assert_eq!(codes(&subjects, &short, &markers), ["TEL-02"]);
        for listing in [Listing::Background, Listing::Local] {
            let list = [subjects[0].clone(), subjects[1].clone(), Subject { listing, ..subjects[2].clone() }];
            assert_eq!(codes(&list, &timeline, &markers), Vec::<&str>::new());
        }
        let other = Subject { label: None, role: Some("auth".into()), ..subjects[2].clone() };
        let list = [subjects[0].clone(), subjects[1].clone(), other];
        assert_eq!(codes(&list, &timeline, &markers), Vec::<&str>::new());
    }
}
