//! MED and TRF-10: real-time media, to whom, how much, by which way, and when it should have rested.

use super::{Case, Draft, Judge, Out, Rule, View};
use crate::attribution::Confidence;
use crate::dissect::fact::MediaKind;
use crate::policy::country::{country_name, english};
use crate::policy::course::{Course, Flow};
use crate::policy::finding::{Ground, Severity};
use crate::policy::phase::{State, Stretch};
use crate::policy::subject::{Listing, Subject};
use crate::policy::words::{self, Lang};
use std::sync::Arc;

pub(super) const RULE: Rule = Rule {
    codes: &[
        ("MED-00", "real-time media with a recipient", "Echtzeitmedien mit einem Empfänger"),
        ("MED-01", "media sent before the call was joined", "Medien gesendet, bevor das Gespräch betreten war"),
        (
            "MED-02",
            "media sent while microphone or camera were marked off",
            "Medien gesendet, während Mikrofon oder Kamera als aus markiert waren",
        ),
        ("MED-03", "media sent after the call was left", "Medien gesendet, nachdem das Gespräch verlassen war"),
        (
            "TRF-10",
            "media exchanged directly with another participant",
            "Medien direkt mit anderen Teilnehmenden ausgetauscht",
        ),
    ],
    judge: Judge::Subjects(judge),
};

/// Protocols that carry media.
const MEDIA: [&str; 3] = ["zoom", "rtp", "rtcp"];
/// Bits per second from which something more than keep-alives, reports and comfort noise is sent.
const SOUND_FROM: u64 = 10_000;
/// Bits per second that sound alone, with its repair, does not reach.
const PICTURE_FROM: u64 = 160_000;
/// Bits per second of pictures, told as such, behind the headers: more than what keeps a stream alive.
const PICTURES_FROM: u64 = 30_000;
/// The kinds that are told apart.
const KINDS: [MediaKind; 3] = [MediaKind::Audio, MediaKind::Video, MediaKind::Screen];
/// Seconds that have to be seen for a rate to be told.
const SECONDS: u64 = 3;
/// Seconds in one window of time beyond which a rate says nothing: a file made of pieces of many days has such windows.
const WIDEST: u64 = 900;

pub(super) fn is_media(subject: &Subject) -> bool {
    subject.applications.iter().any(|a| MEDIA.contains(a))
}

/// How media reach their recipient, as far as the packets show.
fn way(subject: &Subject, lang: Lang) -> &'static str {
    if is_direct(subject) {
        lang.pick("directly with another participant", "direkt mit anderen Teilnehmenden")
    } else if subject.applications.contains(&"turn") {
        lang.pick("through a relay (TURN)", "über ein Relay (TURN)")
    } else if subject.listing == Listing::Service {
        lang.pick("with a server of the service", "mit einem Server des Dienstes")
    } else {
        lang.pick(
            "with a server or a participant, which cannot be told",
            "mit einem Server oder Teilnehmenden, was nicht zu unterscheiden ist",
        )
    }
}

/// The signalling or the format of the media says that the other end is a participant, or it stands in the own network.
fn is_direct(subject: &Subject) -> bool {
    subject.peer || (subject.listing == Listing::Local && !subject.applications.contains(&"turn"))
}

fn judge(subjects: &[Subject], case: &Case<'_>, out: &mut Out) {
    for (at, subject) in subjects.iter().enumerate().filter(|(_, s)| is_media(s)) {
        let view = View::of(subject, case);
        if is_direct(subject) {
            direct(&view, case, out);
        }
        let Some(course) = &case.course else { continue };
        told(at, &view, course, case, out);
        for (code, state) in
            [("MED-01", State::Lobby), ("MED-02", State::Muted), ("MED-02", State::CameraOff), ("MED-03", State::Left)]
        {
            for stretch in course.stretches(state) {
                sent(code, at, &view, &stretch, course, case, out);
            }
        }
    }
}

fn direct(view: &View<'_>, case: &Case<'_>, out: &mut Out) {
    out.about(view, "TRF-10", Severity::Info, |severity| {
        let (line, lang) = (view.line(), case.lang);
        let text = match lang {
            Lang::En => format!(
                "Media was exchanged directly with {line}, another participant or a device in the own network: each learns the address of the other. {}",
                view.traffic()
            ),
            Lang::De => format!(
                "Mit {line} wurden Medien direkt ausgetauscht, mit anderen Teilnehmenden oder einem Gerät im eigenen Netz: Beide erfahren die Adresse des anderen. {}",
                view.traffic()
            ),
        };
        let (code, ground, confidence) = ("TRF-10", Ground::Transport, Confidence::Medium);
        Draft { code, severity, ground, confidence, text, doubts: Vec::new(), sources: Vec::new() }
    });
}

/// What the host name or the network says of the data centre: a sentence with its source.
fn data_centre(view: &View<'_>, case: &Case<'_>, draft: &mut Draft) {
    let lang = case.lang;
    let name = view.name().map(|(name, _)| name.exact());
    if let Some(code) = name.and_then(|n| case.book.catalogue().ok()?.host_code(n)) {
        let place = match code.country {
            Some(country) => {
                format!("{}, {}", words::shown(&code.place), lang.pick(&english(country), &country_name(country, lang)))
            }
            None => words::shown(&code.place),
        };
        let source = words::source(&code.source, lang);
        let sentence = match lang {
            Lang::En => {
                format!(" Its name carries the code {}, read by {source} as: {place}.", words::shown(&code.code))
            }
            Lang::De => {
                format!(" Der Name trägt das Kürzel {}, das {source} liest als: {place}.", words::shown(&code.code))
            }
        };
        draft.text.push_str(&sentence);
        if code.unverified {
            draft.doubts.push(
                lang.pick(
                    "the reading of the code is general knowledge, not checked against a source",
                    "die Lesart des Kürzels ist Allgemeinwissen, nicht an einer Quelle geprüft",
                )
                .to_owned(),
            );
        }
        draft.sources.push(Arc::clone(&code.source));
    } else if let Some((profile, note)) =
        case.profile.and_then(|p| Some((p, p.network_note(&view.subject.addresses, view.day())?)))
    {
        let source = words::source(&profile.source, lang);
        let sentence = match lang {
            Lang::En => format!(" {source} notes on its network: {}.", words::shown(note)),
            Lang::De => format!(" {source} vermerkt zum Netz (englisch): {}.", words::shown(note)),
        };
        draft.text.push_str(&sentence);
        draft.sources.push(Arc::clone(&profile.source));
    }
}

/// Thousands of bits per second.
fn rate(bits: u64, lang: Lang) -> String {
    format!("{} kbit/s", words::number(bits.div_ceil(1_000), lang))
}

fn told(at: usize, view: &View<'_>, course: &Course<'_>, case: &Case<'_>, out: &mut Out) {
    let cells = course.cells(at, true);
    let width = course.timeline.width;
    let secs = cells.len() as u64 * width;
    if secs < SECONDS || width > WIDEST {
        return;
    }
    out.about(view, "MED-00", Severity::Info, |severity| {
        let lang = case.lang;
        let (up, down) = cells.iter().fold((0, 0), |(up, down), c| (up + c.up, down + c.down));
        let most = cells.iter().map(|c| c.up).max().unwrap_or(0);
        let average = |bytes: u64| rate(bytes * 8 / secs, lang);
        let (up, down, most) = (average(up), average(down), rate(most * 8 / width.max(1), lang));
        let formats: Vec<String> =
            view.subject.applications.iter().filter(|a| MEDIA.contains(*a)).map(|a| (*a).to_owned()).collect();
        let (formats, way) = (words::enumerate(&formats, 3, ", ", lang), way(view.subject, lang));
        let (line, secs) = (view.line(), words::number(secs, lang));
        let text = match lang {
            Lang::En => format!(
                "Real-time media ({formats}) {way}: {line} was sent {up} on average and at most {most}, and sent {down}, over {secs} s in which it flowed."
            ),
            Lang::De => format!(
                "Echtzeitmedien ({formats}) {way}: An {line} gingen im Mittel {up} und höchstens {most}, zurück kamen {down}, in {secs} s, in denen sie flossen."
            ),
        };
        let (code, ground, confidence) = ("MED-00", Ground::Transport, Confidence::High);
        let mut draft = Draft { code, severity, ground, confidence, text, doubts: Vec::new(), sources: Vec::new() };
        if let Some(kinds) = kinds_told(at, course, cells.len() as u64 * width, lang) {
            draft.text.push_str(&kinds);
        }
        data_centre(view, case, &mut draft);
        draft
    });
}

const fn kind_words(kind: MediaKind, lang: Lang) -> &'static str {
    match kind {
        MediaKind::Audio => lang.pick("sound", "Ton"),
        MediaKind::Video => lang.pick("pictures", "Bilder"),
        MediaKind::Screen => lang.pick("a shared screen", "geteilter Bildschirm"),
        MediaKind::Unknown => lang.pick("of unknown kind", "unbekannter Art"),
    }
}

/// How the kinds are known.
fn by(lang: Lang) -> &'static str {
    lang.pick("by the format or the timestamps of the packets", "nach Format oder Zeitstempeln der Pakete")
}

/// Whether the kinds of what is exchanged with a recipient are told apart.
fn is_sorted(at: usize, course: &Course<'_>) -> bool {
    KINDS.into_iter().any(|kind| !course.kind_cells(at, kind).is_empty())
}

/// One sentence on the kinds of media, with the rate of each behind the headers of its packets.
fn kinds_told(at: usize, course: &Course<'_>, secs: u64, lang: Lang) -> Option<String> {
    if !is_sorted(at, course) {
        return None;
    }
    let one = |kind: MediaKind| {
        let cells = course.kind_cells(at, kind);
        let (up, down) = cells.iter().fold((0, 0), |(up, down), c| (up + c.up, down + c.down));
        let (up, down) = (rate(up * 8 / secs, lang), rate(down * 8 / secs, lang));
        (!cells.is_empty()).then(|| match lang {
            Lang::En => format!("{} ({up} up, {down} down)", kind_words(kind, lang)),
            Lang::De => format!("{} (auf {up}, ab {down})", kind_words(kind, lang)),
        })
    };
    let items: Vec<String> = MediaKind::ALL.into_iter().filter_map(one).collect();
    let items = words::enumerate(&items, MediaKind::ALL.len(), ", ", lang);
    Some(match lang {
        Lang::En => format!(" Told apart {}, without their headers: {items}.", by(lang)),
        Lang::De => format!(" Unterschieden {}, ohne deren Köpfe: {items}.", by(lang)),
    })
}

/// What is left of a stretch without the times in which something else explains the media.
fn explained(
    course: &Course<'_>,
    stretch: &Stretch<'_>,
) -> (Vec<(crate::wire::Timestamp, crate::wire::Timestamp)>, bool) {
    let others: &[State] = match stretch.state {
        State::Muted => &[State::CameraOn, State::Sharing],
        State::CameraOff => &[State::Sharing],
        _ => &[],
    };
    let mut left = vec![(stretch.from, stretch.until)];
    for other in others.iter().flat_map(|state| course.stretches(*state)) {
        left = left
            .into_iter()
            .flat_map(|(from, until)| [(from, until.min(other.from)), (from.max(other.until), until)])
            .filter(|(from, until)| from < until)
            .collect();
    }
    // Whether the camera was on cannot be known where nobody marked it.
    let unmarked = stretch.state == State::Muted
        && course.stretches(State::CameraOn).is_empty()
        && course.stretches(State::CameraOff).is_empty();
    (left, unmarked)
}

/// The markers around a stretch, for a sentence.
fn between(stretch: &Stretch<'_>, lang: Lang) -> (String, String) {
    let marker = |text: Option<&crate::wire::Text>, none: &str| match (text, lang) {
        (Some(text), Lang::En) => format!("“{}”", words::shown_text(text)),
        (Some(text), Lang::De) => format!("„{}“", words::shown_text(text)),
        (None, _) => none.to_owned(),
    };
    (
        marker(stretch.opened, lang.pick("the beginning of the capture", "dem Beginn der Aufzeichnung")),
        marker(stretch.closed, lang.pick("the end of the capture", "dem Ende der Aufzeichnung")),
    )
}

/// What was sent of the kinds that should have rested: sound while the microphone was off, pictures while the camera was.
fn sent_by_kind(
    code: &'static str,
    at: usize,
    view: &View<'_>,
    stretch: &Stretch<'_>,
    course: &Course<'_>,
    case: &Case<'_>,
    out: &mut Out,
) {
    let (kinds, parts) = match stretch.state {
        State::Muted => (&KINDS[..1], vec![(stretch.from, stretch.until)]),
        // Where the format does not tell a screen from a camera, sharing explains pictures.
        State::CameraOff => (&KINDS[1..2], explained(course, stretch).0),
        _ => (&KINDS[..], vec![(stretch.from, stretch.until)]),
    };
    let sum = |kind: MediaKind| {
        let cells = course.kind_cells(at, kind);
        let flows = parts.iter().map(|(from, until)| course.between(cells, *from, *until));
        flows.fold(Flow::default(), |sum, f| Flow {
            up: sum.up + f.up,
            down: sum.down + f.down,
            secs: sum.secs + f.secs,
        })
    };
    let loud = |(kind, flow): &(MediaKind, Flow)| {
        let from = if *kind == MediaKind::Audio { SOUND_FROM } else { PICTURES_FROM };
        flow.secs >= SECONDS && flow.rate_up() >= from
    };
    let flows: Vec<(MediaKind, Flow)> = kinds.iter().map(|kind| (*kind, sum(*kind))).filter(loud).collect();
    let Some(secs) = flows.first().map(|(_, flow)| flow.secs) else { return };
    out.about(view, code, Severity::Notice, |severity| {
        let lang = case.lang;
        let (from, until) = between(stretch, lang);
        let item = |(kind, flow): &(MediaKind, Flow)| format!("{} {}", kind_words(*kind, lang), rate(flow.rate_up(), lang));
        let items: Vec<String> = flows.iter().map(item).collect();
        let items = words::enumerate(&items, KINDS.len(), ", ", lang);
        let (line, secs) = (view.line(), words::number(secs, lang));
        let text = match lang {
            Lang::En => format!(
                "Media sent to {line} between the markers {from} and {until}, told apart {}: {items}, without the headers ({secs} s looked at, with two seconds left out at either end).",
                by(lang)
            ),
            Lang::De => format!(
                "An {line} gesendete Medien zwischen den Markern {from} und {until}, unterschieden {}: {items}, ohne die Köpfe ({secs} s betrachtet, je zwei Sekunden an den Enden ausgelassen).",
                by(lang)
            ),
        };
        let mut doubts = vec![
            lang.pick(
                "markers are set by hand; what the media hold cannot be read, and silence may be sent as sound",
                "Marker werden von Hand gesetzt; was die Medien enthalten, ist nicht lesbar, und auch Stille kann als Ton gesendet werden",
            )
            .to_owned(),
        ];
        let unknown = sum(MediaKind::Unknown).rate_up();
        if unknown >= SOUND_FROM {
            let unknown = rate(unknown, lang);
            doubts.push(match lang {
                Lang::En => format!("{unknown} more were of unknown kind"),
                Lang::De => format!("weitere {unknown} waren unbekannter Art"),
            });
        }
        let (ground, confidence) = (Ground::Transport, Confidence::Medium);
        Draft { code, severity, ground, confidence, text, doubts, sources: Vec::new() }
    });
}

fn sent(
    code: &'static str,
    at: usize,
    view: &View<'_>,
    stretch: &Stretch<'_>,
    course: &Course<'_>,
    case: &Case<'_>,
    out: &mut Out,
) {
    if is_sorted(at, course) {
        return sent_by_kind(code, at, view, stretch, course, case, out);
    }
    let (parts, unmarked) = explained(course, stretch);
    let cells = course.cells(at, true);
    let flow = parts
        .iter()
        .map(|(from, until)| course.between(cells, *from, *until))
        .fold(Flow::default(), |sum, f| Flow { up: sum.up + f.up, down: sum.down + f.down, secs: sum.secs + f.secs });
    let threshold = if stretch.state == State::CameraOff { PICTURE_FROM } else { SOUND_FROM };
    if flow.secs < SECONDS || flow.rate_up() < threshold {
        return;
    }
    out.about(view, code, Severity::Notice, |severity| {
        let lang = case.lang;
        let (from, until) = between(stretch, lang);
        let (line, up, secs) = (view.line(), rate(flow.rate_up(), lang), words::number(flow.secs, lang));
        let text = match lang {
            Lang::En => format!(
                "A flow with the pattern of real-time media to {line} carried {up} upwards between the markers {from} and {until} ({secs} s looked at, with two seconds left out at either end)."
            ),
            Lang::De => format!(
                "Eine Verbindung mit dem Muster von Echtzeitmedien zu {line} trug zwischen den Markern {from} und {until} aufwärts {up} ({secs} s betrachtet, je zwei Sekunden an den Enden ausgelassen)."
            ),
        };
        let mut doubts = vec![
            lang.pick(
                "markers are set by hand; what the media hold cannot be read",
                "Marker werden von Hand gesetzt; was die Medien enthalten, ist nicht lesbar",
            )
            .to_owned(),
        ];
        if unmarked {
            doubts.push(
                lang.pick(
                    "no marker says whether the camera was on: pictures would look the same",
                    "kein Marker sagt, ob die Kamera an war: Bilder sähen ebenso aus",
                )
                .to_owned(),
            );
        }
        let confidence = if unmarked { Confidence::Low } else { Confidence::Medium };
        Draft { code, severity, ground: Ground::Transport, confidence, text, doubts, sources: Vec::new() }
    });
}

#[cfg(test)]
mod tests {
    use super::super::Finding;
    use super::super::sample::{codes_in, found_in, sorted_talk, talk};
    use super::*;
    use crate::policy::course::{Marker, Timeline};

    fn found(subjects: &[Subject], timeline: &Timeline, markers: &[Marker], lang: Lang) -> Vec<Finding> {
        found_in(&RULE, subjects, timeline, markers, lang)
    }

    fn codes(subjects: &[Subject], timeline: &Timeline, markers: &[Marker]) -> Vec<&'static str> {
        codes_in(&RULE, subjects, timeline, markers)
    }

    #[test]
    fn kinds_that_are_told_apart_are_held_against_their_own_markers() {
        let (subjects, timeline, markers) = sorted_talk();
        let told = |texts: &[(u64, &str)]| -> Vec<String> {
            let start = subjects[0].first;
            let marker = |(secs, text): &(u64, &str)| Marker {
                time: start.plus_nanos(secs * 1_000_000_000),
                text: (*text).into(),
            };
            let markers: Vec<_> = texts.iter().map(marker).collect();
            let all = found(&subjects, &timeline, &markers, Lang::En);
            all.iter().filter(|f| f.code == "MED-02").map(|f| f.text.to_string()).collect()
        };
        let all = found(&subjects, &timeline, &markers, Lang::En);
        let text = |code: &str| &*all.iter().find(|f| f.code == code).unwrap().text;
        assert!(
            text("MED-00").contains("sound (32 kbit/s up, 40 kbit/s down), pictures (320 kbit/s up, 0 kbit/s down)"),
            "{}",
            text("MED-00")
        );
        assert!(text("MED-01").contains(": sound 32 kbit/s, without"), "{}", text("MED-01"));
        // Sound goes all along, pictures for a hundred seconds in the middle.
        let muted = told(&[(5, "camera on"), (60, "muted"), (90, "unmuted")]);
        assert_eq!(muted.len(), 1);
        assert!(muted[0].contains(": sound 32 kbit/s, without") && !muted[0].contains("pictures"), "{}", muted[0]);
        let dark = told(&[(60, "camera off"), (90, "camera on")]);
        assert!(dark.len() == 1 && dark[0].contains(": pictures 640 kbit/s"), "{dark:?}");
        // Where no pictures were, sound alone raises nothing under a camera that is off; a shared screen explains pictures.
        assert_eq!(told(&[(165, "camera off"), (195, "camera on")]), [""; 0]);
        assert_eq!(told(&[(55, "share on"), (60, "camera off"), (90, "camera on")]), [""; 0]);
    }

    #[test]
    fn comfort_noise_is_no_sound() {
        let (subjects, mut timeline, markers) = sorted_talk();
        for cell in timeline.kinds.iter_mut().filter(|s| s.kind == MediaKind::Audio).flat_map(|s| &mut s.cells) {
            cell.up = 500;
        }
        let all = found(&subjects, &timeline, &markers, Lang::En);
        assert!(all.iter().all(|f| !f.text.contains("sound 4 kbit/s, without")), "{all:?}");
        assert!(!all.iter().any(|f| f.code == "MED-01"), "{all:?}");
    }

    #[test]
    fn media_is_told_with_rate_way_and_data_centre() {
        let (subjects, timeline, markers) = talk();
        assert_eq!(codes(&subjects, &timeline, &markers), ["MED-00", "MED-01", "MED-02", "MED-02", "MED-03", "TRF-10"]);
        let all = found(&subjects, &timeline, &markers, Lang::En);
        let text = |code: &str| &*all.iter().find(|f| f.code == code).unwrap().text;
        assert_eq!(
            text("MED-00"),
            "Real-time media (zoom) through a relay (TURN): rwcfra.fra.zoom.us was sent 800 kbit/s on average and at most 800 kbit/s, \
             and sent 400 kbit/s, over 200 s in which it flowed. Its name carries the code fra, read by zoom.toml of 2026-11-27 as: \
             Frankfurt, Germany (DE)."
        );
        assert!(
            text("MED-01")
                .contains("carried 800 kbit/s upwards between the markers “lobby” and “joined, microphone off” (26 s")
        );
        assert!(text("MED-03").contains("“left” and the end of the capture"), "{}", text("MED-03"));
        assert!(text("TRF-10").contains("directly with 203.0.112.7"), "{}", text("TRF-10"));
        // Without markers, media is still told; without a timeline, who exchanged it is.
        assert_eq!(codes(&subjects, &timeline, &[]), ["MED-00", "TRF-10"]);
        assert_eq!(codes(&subjects, &Timeline::default(), &markers), ["TRF-10"]);
    }

    #[test]
    fn keep_alives_and_what_a_camera_explains_raise_nothing() {
        let (subjects, mut timeline, markers) = talk();
        let with = |timeline: &Timeline, texts: &[(u64, &str)]| {
            let start = subjects[0].first;
            let marker = |(secs, text): &(u64, &str)| Marker {
                time: start.plus_nanos(secs * 1_000_000_000),
                text: (*text).into(),
            };
            let markers: Vec<_> = texts.iter().map(marker).collect();
            codes(&subjects, timeline, &markers).into_iter().filter(|c| *c == "MED-02").count()
        };
        // Muted, but the camera was on all the time: the pictures explain it.
        assert_eq!(with(&timeline, &[(5, "camera on"), (60, "muted"), (90, "unmuted")]), 0);
        assert_eq!(with(&timeline, &[(5, "camera off"), (60, "muted"), (90, "unmuted")]), 2);
        assert_eq!(with(&timeline, &[(5, "share on"), (60, "camera off"), (90, "camera on")]), 0);
        // Too short to say anything.
        assert_eq!(with(&timeline, &[(60, "muted"), (65, "unmuted")]), 0);
        let unmarked = found(&subjects, &timeline, &markers, Lang::De);
        assert!(unmarked.iter().any(|f| f.code == "MED-02" && f.confidence == Confidence::Medium));
        for cell in &mut timeline.series[0].cells {
            cell.up = 1_000;
        }
        assert_eq!(codes(&subjects, &timeline, &markers), ["MED-00", "TRF-10"]);
        // Sound is no picture.
        for cell in &mut timeline.series[0].cells {
            cell.up = 10_000;
        }
        assert_eq!(with(&timeline, &[(60, "camera off")]), 0);
    }
}
